"""What to know before a model is fitted: checks by severity, each with its remedies as buttons that can be undone.

Checks are worked out in the background and kept in this session, one set per table and task.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import pandas as pd
import streamlit as st

from iffair_core.checks.run import Check, Remedy, proxy_table, run_checks
from iffair_core.data.resolving import ResolvedTask
from pages.kit import columns, errors, widgets
from pages.kit.poll import poll
from pages.kit.text import count, plain
from pages.kit.widgets import Number
from pages.session import state
from pages.session.settings import Choices, changed_choices
from pages.session.work import UnderWay, Work

MOMENT = 0.05
PATIENCE = 3.0
_DONE = "checks_done"
_APPLIED = "remedies_applied"
SEVERITIES = {
    "high": (":material/priority_high:", "Important"),
    "medium": (":material/warning:", "Worth a look"),
    "low": (":material/info:", "Good to know"),
}
PROXY_COLUMNS = {
    "column": columns.text("Column"),
    "group": columns.text("Group told best"),
    **columns.with_ends(
        "auc",
        "ROC AUC",
        columns.VALUE,
        "From this column alone: 0.5 is chance, 1 gives the group away.",
        ends=("low", "high"),
    ),
}
Key = tuple[object, ...]
CHECKS = UnderWay["Done"]("checks_work")


@dataclass(frozen=True, eq=False)
class Done:
    """Checks that have ended: what they say, or why they could not end; `left_out` where the rows are on a cluster."""

    checks: tuple[Check, ...] = ()
    proxies: pd.DataFrame | None = None
    error: Exception | None = None
    left_out: bool = False


@dataclass(frozen=True, eq=False)
class Applied:
    """A remedy that was applied, with the choices before and after it."""

    label: str
    before: Choices
    after: Choices


def current_checks(found: ResolvedTask | None, wait: float = 0.0) -> tuple[Done | None, bool]:
    """(checks to show, whether they belong to the current choices). Starts them where they are not known.

    Waits for them up to `wait` seconds, less where the user does something meanwhile.
    """
    task = None if found is None else found.task
    if state.open_table().folder is not None:
        return Done(left_out=True), True
    key: Key = (*state.frame_key(), repr(task), state.choices().seed)
    known: dict[Key, Done] = st.session_state.setdefault(_DONE, {})
    if key not in known:
        _work_on(key, found)
        end = time.monotonic() + wait
        while not _collect(min(wait, MOMENT)) and time.monotonic() < end:
            # Looking into the session lets Streamlit stop this run for a newer one.
            CHECKS.now()
    if key in known:
        return known[key], True
    same_table = [done for asked, done in known.items() if asked[0] == key[0]]
    return (same_table[-1] if same_table else None), False


def _work_on(key: Key, found: ResolvedTask | None) -> None:
    running = CHECKS.now()
    if running is not None and running[0] == key:
        return
    frame, seed = state.frame(), state.choices().seed

    def task(work: Work[Done]) -> Done:
        told = run_checks(frame, None if found is None else found.task, seed=seed, stop_check=work.stop_check)
        proxies = None if found is None else proxy_table(frame, found, seed=seed, stop_check=work.stop_check)
        return Done(told, proxies)

    CHECKS.begin(key, Work(task, "checks"))


def _collect(wait: float = 0.0) -> bool:
    """Keep checks that have ended; whether none is under way any more."""
    done = CHECKS.taken(wait)
    if done is None:
        return CHECKS.now() is None
    key, ended = done
    known: dict[Key, Done] = st.session_state[_DONE]
    if ended.error is not None:
        known[key] = Done(error=errors.noted(ended.error))
    elif ended.value is not None:
        known[key] = ended.value
    while len(known) > 4:
        known.pop(next(iter(known)))
    return True


def number_card(done: Done | None, fresh: bool) -> Number:
    """How much there is to know about the table, in the row of numbers."""
    if done is None or not fresh:
        return Number("Checks", "…", "under way")
    if done.left_out:
        return Number("Checks", "none", "they need all rows in one place")
    severities: list[str] = [check.severity for check in done.checks]
    told = [f"{size} {title.lower()}" for name, (_, title) in SEVERITIES.items() if (size := severities.count(name))]
    return Number(
        "Checks",
        count(len(done.checks)),
        ", ".join(told[:2]) or "nothing found",
        help="What to know before a model is fitted: leakage, stand-ins for the sensitive attribute, small groups, "
        "copies, missing values. Listed below with what can be done.",
    )


def flags(done: Done | None) -> dict[str, str]:
    """{column: what the checks that name it are about, most important first}."""
    found: dict[str, list[str]] = {}
    for check in done.checks if done is not None else ():
        for name in check.columns:
            found.setdefault(name, []).append(check.kind.replace("_", " "))
    return {name: ", ".join(dict.fromkeys(kinds)) for name, kinds in found.items()}


def important_checks(done: Done | None, fresh: bool) -> None:
    """The checks that make results meaningless if they are what they look like, and the last remedy to undo."""
    found = _important(done)
    if found:
        st.subheader("Important checks", anchor=False)
    _undo_line()
    for place, check in found:
        _card(check, place, fresh)


def beside_run(done: Done | None, fresh: bool) -> None:
    """A line that says that there are important checks, for the place where the study is started."""
    found = len(_important(done))
    if found and fresh:
        these = "an important check" if found == 1 else f"{count(found)} important checks"
        st.markdown(f":material/priority_high: Before you run: {these}, under the groups.")


def _important(done: Done | None) -> list[tuple[int, Check]]:
    checks = () if done is None else done.checks
    return [(place, check) for place, check in enumerate(checks) if check.severity == "high"]


def checks_panel(done: Done | None, fresh: bool) -> None:
    """The other checks, most important first."""
    important = _important(done)
    st.subheader("More checks" if important else "Checks", anchor=False)
    if not fresh:
        poll(_collect, lambda: st.caption(":material/hourglass: Looking at the table with these choices …"))
    if done is None:
        return
    if done.error is not None:
        errors.show(done.error, "The checks could not be finished")
        return
    if done.left_out:
        from iffair_core.cluster.study import LEFT_OUT

        st.caption(LEFT_OUT)
        return
    others = [(place, check) for place, check in enumerate(done.checks) if check.severity != "high"]
    if not others:
        more = "more " if important else ""
        st.caption(f"Nothing {more}was found that you should know before a model is fitted.")
    for place, check in others:
        _card(check, place, fresh)
    if done.proxies is not None and len(done.proxies):
        _proxies(done.proxies)


def _proxies(proxies: pd.DataFrame) -> None:
    widgets.folded(
        "How well single columns tell the groups apart",
        "proxies",
        lambda: widgets.table(
            proxies,
            "proxy_table",
            alt="Each feature, the group it tells best from all others, and its ROC AUC with 95 % interval",
            columns=PROXY_COLUMNS,
            file_name="proxies.csv",
        ),
    )


def _card(check: Check, place: int, fresh: bool) -> None:
    icon, word = SEVERITIES[check.severity]
    with st.container(border=True, gap="xsmall"):
        st.markdown(f"{icon} **{plain(check.title)}** :gray-badge[{word}]")
        st.markdown(plain(check.text))
        if check.remedies:
            with st.container(horizontal=True, gap="small"):
                for i, remedy in enumerate(check.remedies):
                    st.button(
                        plain(remedy.label),
                        key=f"remedy_{check.kind}_{place}_{i}",
                        icon=":material/build:",
                        on_click=_apply,
                        args=(remedy,),
                        disabled=not fresh,
                    )


# ----------------------------------------------------------------------------------------------------------- remedies


def _apply(remedy: Remedy) -> None:
    before = state.choices()
    after = before.with_change(remedy.change)
    done: list[Applied] = st.session_state.setdefault(_APPLIED, [])
    done.append(Applied(remedy.label, before, after))
    state.set_choices(after)


def _undo_line() -> None:
    """The last remedy, with the way back; it goes where its part of the choices was changed since."""
    done: list[Applied] = st.session_state.get(_APPLIED, [])
    while done and not _still_there(done[-1]):
        done.pop()
    if done:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f":material/check: Applied: {plain(done[-1].label)}", width="content")
            st.button("Undo", key="remedy_undo", icon=":material/undo:", on_click=_undo, type="tertiary")


def _still_there(applied: Applied) -> bool:
    now = state.choices()
    same_table = (now.source, now.file) == (applied.after.source, applied.after.file)
    changed = changed_choices(applied.before, applied.after)
    return same_table and all(getattr(now, name) == getattr(applied.after, name) for name in changed)


def _undo() -> None:
    done: list[Applied] = st.session_state[_APPLIED]
    last = done.pop()
    back = {name: getattr(last.before, name) for name in changed_choices(last.before, last.after)}
    state.set_choices(replace(state.choices(), **back))
