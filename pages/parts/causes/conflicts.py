"""Between goals: whether repairing one narrows or widens the gaps of the others, and what it costs."""

from __future__ import annotations

from functools import partial

import streamlit as st

from iffair_core.causes.conflicts import AlongCurve, Conflicts, along_curve, conflicts
from iffair_core.study.results import StudyResult
from iffair_core.telling import causes
from iffair_core.telling.figures import conflict_map, gaps_along_curve
from pages.kit import widgets
from pages.kit.text import plain
from pages.parts.causes import asked

DOING = "Refitting for each goal"


def between_goals(result: StudyResult) -> None:
    """The matrix of cosines with its check by refits."""
    found = asked.answer(
        "conflicts", result, partial(_found, result), DOING, "The goals could not be held against each other"
    )
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
    task = partial(_followed, result)
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


def _followed(result: StudyResult, work: asked.Work[AlongCurve]) -> AlongCurve:
    return along_curve(result, stop_check=work.stop_check)


def _found(result: StudyResult, work: asked.Work[Conflicts]) -> Conflicts:
    return conflicts(result, stop_check=work.stop_check, report=lambda share: work.report(share, DOING))
