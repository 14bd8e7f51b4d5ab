"""Cohort-only mode on the pages: what stands where single rows would be, and what may be counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import streamlit as st

from iffair_core.errors import IFFairError
from iffair_core.wording import WITHHELD
from pages.kit import columns, widgets
from pages.kit.text import count
from pages.session import state

if TYPE_CHECKING:
    from iffair_core.study.results import StudyResult

SUGGESTED = 10


def smallest() -> int | None:
    """The smallest group that the current choices allow to be shown; None where cohort-only mode is off."""
    return state.choices().smallest_group


def told_counts(counts: Mapping[str, int]) -> dict[str, int | None]:
    """Numbers of rows that have each value of a column, None where they may not be told."""
    from iffair_core.study.disclosure import suppressed

    hidden = suppressed(list(counts.values()), smallest())
    return {name: None if few else rows for (name, rows), few in zip(counts.items(), hidden, strict=True)}


def is_told(rows: int) -> bool:
    """Whether a number of rows may be told by itself."""
    return rows == 0 or rows >= (smallest() or 0)


def rows_text() -> str:
    """How many rows the table has; how many are used where the number left out may not be told."""
    current = state.open_table()
    try:
        found = state.resolved() if smallest() is not None else None
    except IFFairError:
        found = None
    if found is not None and not is_told(current.rows - len(found.y)):
        return f"{count(len(found.y))} rows used"
    return f"{count(current.rows)} rows"


def placeholder(result: StudyResult) -> str:
    """What stands in tables for a rate or number that is not there."""
    return "not estimable" if result.smallest_group is None else WITHHELD


def no_rows(result: StudyResult, instead: str) -> None:
    """Why no single row is shown, and what is."""
    st.info(
        f"Cohort-only mode, k = {result.smallest_group}: no single row is shown, and nothing about fewer rows than "
        f"that. {instead}",
        icon=":material/shield_person:",
    )


def effects(result: StudyResult) -> None:
    """What the rows of each group and outcome do to the gap together."""
    from iffair_core.telling.tables import effects_by_cohort

    frame = effects_by_cohort(result)
    widgets.table(
        frame,
        "influence_cohorts",
        alt="Predicted effect of the training rows of each group and outcome on the gap, together and on average",
        columns={
            "group": columns.text("Group", pinned=True),
            "outcome": columns.text("Recorded as"),
            "rows": columns.number("Training rows", format=columns.COUNT),
            "together": columns.number(
                "Gap if removed, sum (points)",
                format="%+.2f",
                help="Removal effects of its rows, each left out alone, added up. Predicted. Negative: they widen it.",
            ),
            "mean": columns.number("Mean of a row (points)", format="%+.4f"),
            "widening": columns.number("Rows that widen the gap", format=columns.PERCENT),
        },
        file_name="effects_by_group.csv",
        percent=["together", "mean", "widening"],
        placeholder=WITHHELD,
    )
