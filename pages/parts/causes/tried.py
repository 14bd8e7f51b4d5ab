"""What a visitor tried with a result by hand, for its report: what ifs, and decisions that were traced.

It is kept while the row scores stay; a traced decision is told with the strength that it was traced at.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from iffair_core.causes.found import Tried, TriedChange
from iffair_core.study.results import GoalScores, StudyResult

MOST = 50
"""Entries of each kind that are kept, the latest ones."""
_TRIED = "tried"


@dataclass(eq=False)
class _Held:
    about: GoalScores
    changes: dict[tuple[str, int], TriedChange] = field(default_factory=dict)
    decisions: dict[tuple[int, float], str] = field(default_factory=dict)


def _held(result: StudyResult) -> _Held:
    found: _Held | None = st.session_state.get(_TRIED)
    if found is None or found.about is not result.goal:
        found = st.session_state[_TRIED] = _Held(result.goal)
    return found


def change(result: StudyResult, question: tuple[str, int]) -> TriedChange | None:
    """A what if that was tried: an action and what tells its rows from others; None where it was not."""
    return _held(result).changes.get(question)


def note_change(result: StudyResult, question: tuple[str, int], tried: TriedChange) -> None:
    """Keep a what if, in place of an earlier look at it."""
    _keep(_held(result).changes, question, tried)


def note_decision(result: StudyResult, row_id: int, said: str) -> None:
    """Keep what turned the decision about a row."""
    _keep(_held(result).decisions, (row_id, result.strength), said)


def _keep(held: dict[Any, Any], question: Any, tried: Any) -> None:
    held[question] = tried
    if len(held) > MOST:
        del held[next(iter(held))]


def with_tried(result: StudyResult) -> StudyResult:
    """The result with what was tried among its records, where anything was."""
    held = _held(result)
    if not held.changes and not held.decisions:
        return result
    return result.having(Tried(tuple(held.changes.values()), tuple(held.decisions.values())))
