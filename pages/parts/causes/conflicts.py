"""Between goals: whether repairing one narrows or widens the gaps of the others, and what it costs."""

from __future__ import annotations

import streamlit as st

from iffair_core.causes.conflicts import along_curve, conflicts
from iffair_core.study.results import StudyResult
from iffair_core.telling import causes
from iffair_core.telling.figures import conflict_map, gaps_along_curve
from pages.kit import widgets
from pages.kit.text import plain
from pages.parts.causes import asked

DOING = "Refitting for each goal"


def between_goals(result: StudyResult) -> None:
    """The matrix of cosines with its check by refits."""
    task = asked.task(conflicts, result, doing=DOING)
    found = asked.answer("conflicts", result, task, DOING, "The goals could not be held against each other")
    if found is None:
        return
    st.markdown(f"**{plain(causes.conflicts_sentence(result, found))}** {plain(causes.price_sentence(result, found))}")
    asked.proof("how one goal moves another", found.agreement)
    if len(found.goals) < 2:
        return
    widgets.chart(conflict_map(found, widgets.theme()), "conflict_map")
    st.caption(plain(causes.without_conflict(result, found)))
    table = causes.conflict_table(found)
    widgets.csv_download(table, "conflicts.csv", key="conflicts_csv")
    if result.has("curve"):
        _along(result)


def _along(result: StudyResult) -> None:
    """The goals' gaps along the curve, foretold and refitted."""
    task = asked.task(along_curve, result)
    key = asked.curve_key(result, "along")
    found = asked.answer("along", result, task, "Following the curve", "The curve could not be followed", key)
    if found is None:
        return
    st.markdown(f"**{plain(causes.along_sentence(result, found))}**")
    if not found.strengths.size:
        return
    asked.proof("the gaps along the whole curve", found.agreement)
    widgets.chart(gaps_along_curve(result, found, widgets.theme()), "gaps_along_curve")
    widgets.csv_download(causes.along_table(found), "along.csv", key="along_csv")
