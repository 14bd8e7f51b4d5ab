"""The button that saves the study on the screen, and the line that says how it stands to the scenario it came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import streamlit as st

from iffair_core.errors import StoreError, shorten
from pages.kit import errors
from pages.kit.text import listed, plain, value
from pages.kit.words import GOAL_TITLES
from pages.parts.causes import asked
from pages.session import scenarios, state
from pages.session.scenarios import Wanted
from pages.session.settings import UPLOAD, differences

if TYPE_CHECKING:
    from iffair_core.scenarios.store import Entry
    from iffair_core.study.results import StudyResult

_NAME, _NOTE, _ROWS = "scenario_name", "scenario_note", "scenario_rows"
LONGEST_NAME, LONGEST_NOTE = 120, 5_000
NAMELESS = "a colleague"


def control(result: StudyResult, *, stale: bool) -> None:
    """Save the study on the screen; how it stands to the scenario that was opened; what the last action came to."""
    try:
        entry = scenarios.opened()
    except StoreError as error:
        errors.show(error, "Scenarios are not available")
        return
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="scenario_line"):
        panel = st.popover(
            "Save as scenario",
            icon=":material/bookmark_add:",
            key="scenario_save",
            on_change="rerun",
            disabled=stale or not result.finished,
        )
        if entry is not None:
            with errors.contained("The scenario cannot be compared with this study"):
                st.markdown(_standing(entry, result, stale=stale), width="stretch")
        elif state.choices().scenario is not None:
            from iffair_core.scenarios.store import GONE

            st.markdown(f":gray[{plain(GONE)}]", width="stretch")
    if panel.open:
        with panel:
            _form(result, entry)
    tell(result)


def _form(result: StudyResult, entry: Entry | None) -> None:
    goal = GOAL_TITLES[result.curve.goal].lower()
    usual = entry.name if entry is not None else f"{shorten(result.name, 60)}, {goal}, strength {result.strength:g}"
    st.text_input("Name", placeholder=usual, max_chars=LONGEST_NAME, key=_NAME)
    st.text_area("Note", placeholder="What it is for.", max_chars=LONGEST_NOTE, height=80, key=_NOTE)
    if state.choices().source == UPLOAD:
        if result.smallest_group is None:
            st.checkbox(
                "Keep the rows of my file too",
                value=entry is not None and bool(entry.head["table"]["kept"]),
                key=_ROWS,
                help="Without them the scenario shows its results, and runs again once the same file is given. With "
                "them, whoever may open the scenario can open your table.",
            )
        else:
            st.caption("In cohort-only mode neither the file nor any single row is kept.")
    with st.container(horizontal=True, gap="small"):
        over = entry if entry is not None and entry.mine else None
        new: Literal["primary", "secondary"] = "primary" if over is None else "secondary"
        st.button("Save as new", key="scenario_add", type=new, on_click=_save, args=(result, usual, None))
        if over is not None:
            label = f"Save over '{plain(shorten(over.name, 30))}'"
            st.button(label, key="scenario_over", type="primary", on_click=_save, args=(result, usual, over))


def _save(result: StudyResult, usual: str, over: Entry | None) -> None:
    typed = st.session_state
    note = typed.get(_NOTE) or (over.note if over is not None else "")
    wanted = Wanted(typed.get(_NAME) or usual, note, bool(typed.get(_ROWS)))
    scenarios.save(asked.with_causes(result), wanted, over)
    typed["scenario_save"] = False
    for key in (_NAME, _NOTE):
        typed[key] = ""


def tell(result: StudyResult | None = None) -> None:
    """What the last action on a scenario came to; where somebody else was first, the way to keep one's own."""
    news = scenarios.news()
    if news is None:
        return
    if news.said:
        st.toast(plain(news.said), icon=":material/bookmark_added:")
        scenarios.dismiss()
    if news.error is not None:
        errors.show(news.error, "Not saved")
        with st.container(horizontal=True):
            if news.unsaved is not None and result is not None:
                copy = Wanted(f"{news.unsaved.name[: LONGEST_NAME - 7]} (copy)", news.unsaved.note, news.unsaved.rows)
                st.button(
                    "Save mine as a copy",
                    key="scenario_copy",
                    type="primary",
                    on_click=scenarios.save,
                    args=(asked.with_causes(result), copy),
                )
                if (theirs := news.theirs) is not None:
                    st.button("Open theirs", key="scenario_theirs", on_click=scenarios.open_scenario, args=(theirs,))
            st.button("Close", key="scenario_news_close", on_click=scenarios.dismiss)


def _standing(entry: Entry, result: StudyResult, *, stale: bool) -> str:
    """Whether the study on the screen is the one that was saved, and has its numbers."""
    name = f"**{plain(shorten(entry.name, 60))}**, saved {saved_by(entry)}"
    if scenarios.is_changed(entry):
        return f"{name} :gray[· somebody changed it since you opened it.]"
    if entry.head["table"]["fingerprint"] != result.fingerprint:
        return f"{name} :gray[· with another table than this one.]"
    changed = differences(scenarios.choices_of(entry), state.choices())
    if changed:
        return f"{name} :gray[· changed since: {plain(listed(changed))}]"
    if stale or not result.finished:
        return name
    return f"{name} :gray[· {plain(_numbers(entry, result))}]"


def _numbers(entry: Entry, result: StudyResult) -> str:
    from iffair_core.scenarios.keeping import SAME, largest_difference

    was, now = scenarios.kept(entry), scenarios.on_screen(result)
    apart, where = largest_difference(was, now)
    if apart <= SAME:
        return "the numbers are those that were saved."
    versions = {
        name: made for name, made in was.summary["software"].items() if now.summary["software"].get(name) != made
    }
    with_what = (
        f" It was made with {listed([f'{name} {made}' for name, made in versions.items()])}." if versions else ""
    )
    far = "one has numbers that the other has not" if apart == float("inf") else f"by up to {apart:.2g}"
    return f"the numbers differ from those that were saved, {far} ({where}).{with_what}"


def saved_by(entry: Entry) -> str:
    """When a scenario was saved last, and by whom where that was a colleague; in Markdown."""
    return entry.when if entry.mine else f"{entry.when} by {value(entry.by or NAMELESS)}"
