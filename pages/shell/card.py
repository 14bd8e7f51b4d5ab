"""The study card in the sidebar, the same on every page: what is studied, how far it is, and the one button."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from iffair_core.data.option import options_of
from iffair_core.errors import IFFairError, shorten
from iffair_core.study.config import StudyOptions
from iffair_core.wording import heading, holds
from pages.kit import cohort_mode, widgets
from pages.kit.poll import poll, waiting
from pages.kit.text import listed, percent, plain, value
from pages.kit.words import GOAL_TITLES, MODEL_TITLES, STAGE_TITLES, VARIANT_TITLES, word
from pages.parts.reweight import repair
from pages.session import state, study_runs
from pages.session.settings import UPLOAD
from pages.shell import boot, tour

_FIDELITY_COLORS: dict[str, Literal["green", "orange", "red"]] = {"green": "green", "amber": "orange", "red": "red"}


def study_card() -> None:
    """Draw the card into the sidebar."""
    with st.sidebar, st.container(key="study_card", gap="xsmall"):
        _table()
        _choices()
        now = study_runs.status()
        if now.job is not None:
            seen = now.job.version
            poll(lambda: _is_news(seen), _progress)
        else:
            _badges(now)
            _button(now)


def first_line(page: str) -> None:
    """The line at the top of a page: that it shows the synthetic example, the way to one's own table, the tour."""
    current = state.table()
    example = current is not None and current.synthetic and page not in ("data", "learn")
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if example:
            st.markdown(":gray[You are looking at the synthetic example.]", width="content")
            boot.link("data", "Open your own table", icon=False)
        if current is not None and page in ("data", boot.LANDING) and state.choices().complete:
            tour.offer()


def _table() -> None:
    current = state.table()
    if current is None:
        st.markdown("**No table yet**")
        return
    own = "your file" if current.source == UPLOAD else "public data set" if current.folder is None else "folder"
    kind = "synthetic" if current.synthetic else own
    st.markdown(f"**{value(current.name, 28)}** :gray-badge[{kind}]  \n:small[{cohort_mode.rows_text()}]")


def _line(label: str, text: str, term: str) -> None:
    st.markdown(f":small[:gray[{label}] {text}]", help=word(term))


def _choices() -> None:
    chosen = state.choices()
    outcome = _outcome() if chosen.favorable else "not chosen"
    _line("Outcome", outcome, "favorable value")
    _line("Groups", _groups(), "reference group")
    if chosen.smallest_group is not None:
        _line("Shown", f"cohort-only, k = {chosen.smallest_group}", "cohort-only")
    pins = [shorten(pin, 30) for pin in repair.pin_texts(chosen.pinned)]
    own = {
        "also": ("Closed as well", listed([GOAL_TITLES[goal] for goal in chosen.also])),
        "variant": ("Variant", VARIANT_TITLES[chosen.variant]),
        "model": ("Model", MODEL_TITLES[chosen.model]),
        "strength": ("Strength", _strength()),
        "min_accuracy": ("Accuracy", f"at least {percent(chosen.min_accuracy)}"),
        "pinned": ("Pinned", plain(listed(pins))),
    }
    for name, declared in options_of(StudyOptions).items():
        made, always = getattr(chosen, name), name in ("goal", "variant", "strength")
        if always or made != declared.default:
            label, text = own.get(name) or (heading(declared.title), plain(declared.said(made)))
            st.markdown(f":small[:gray[{label}] {text}]", help=declared.help or None)


def _outcome() -> str:
    """The outcome with its favorable value, or the side of its threshold that is favorable."""
    chosen = state.choices()
    return plain(holds(shorten(chosen.target, 40), shorten(" or ".join(chosen.favorable_values), 60)))


def _groups() -> str:
    chosen = state.choices()
    if not chosen.sensitive:
        return "not chosen"
    names = " × ".join(value(name) for name in chosen.sensitive)
    try:
        found = state.resolved()
    except IFFairError:
        return names
    return names if found is None else f"{names}, {len(found.groups)} groups against {value(found.reference)}"


def _strength() -> str:
    chosen = state.choices().strength
    result, stale = study_runs.current_result()
    used = result.strength if result is not None and result.has("curve") and not stale else None
    if chosen is None:
        # Broken by hand where it nearly fills the line: the help icon would stand alone on the next.
        comma = ", " if used is None or len(f"{used:g}") < 5 else ",  \n"
        return "recommended" if used is None else f"{used:g}{comma}recommended"
    return f"{chosen:g}" if used is None or used == chosen else f"{used:g} in place of {chosen:g}"


def _badges(now: study_runs.Status) -> None:
    result, stale = study_runs.current_result()
    with st.container(horizontal=True, gap="xsmall"):
        if result is not None and result.has("fidelity") and not stale:
            level = result.fidelity.level
            st.badge(
                f"Fidelity {level}",
                color=_FIDELITY_COLORS.get(level, "gray"),
                help=plain(result.fidelity.sentence),
            )
        if now.situation == "stale":
            st.badge("changed since last run", color="gray", icon=":material/history:", help=plain(listed(now.changed)))
        if now.situation == "cancelled":
            st.badge("cancelled", color="gray", icon=":material/stop_circle:")
        if now.situation == "failed":
            st.badge("not finished", color="gray", icon=":material/error:")


def _button(now: study_runs.Status) -> None:
    if now.situation == "fresh":
        st.caption("Results are up to date.")
    elif now.situation in ("no table", "incomplete", "unfit"):
        wanted = {"no table": "Give a table on Data.", "incomplete": "Choose outcome and groups on Data."}
        st.caption(wanted.get(now.situation, "The choices do not fit the table; Data says why."))
    else:
        labels = {"failed": "Run again", "cancelled": "Run the study"}
        widgets.run_button("card_run", labels.get(now.situation, "Run"), width="stretch")


def _is_news(seen: int) -> bool:
    """Whether the job has ended, or a stage of it since the page was drawn with `seen` partial results."""
    job = study_runs.status().job
    return job is None or job.version != seen


def _progress() -> None:
    now = study_runs.status()
    if (job := now.job) is None:
        return
    st.progress(job.fraction, text=waiting(job) or STAGE_TITLES[job.doing])
    if now.changed:
        st.caption(f"For the choices before: {plain(listed(now.changed))}.")
    if job.shared:
        st.caption("The example's study, once for all visitors.")
    else:
        st.button(
            "Cancelling …" if job.stopping else "Cancel",
            key="card_cancel",
            icon=":material/stop:",
            on_click=study_runs.cancel,
            disabled=job.stopping,
            width="stretch",
        )
