"""Who is in the table: the Data page's numbers and table columns, from the group table."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from iffair_core.data.resolving import ResolvedTask
from iffair_core.study.disclosure import disclosed, told_columns
from iffair_core.wording import WITHHELD
from pages.kit import cohort_mode, columns
from pages.kit.columns import COUNT, PERCENT
from pages.kit.text import count, percent, value
from pages.kit.widgets import Number
from pages.session import state, study_runs

GROUP_COLUMNS = {
    "rows": columns.number("Rows", format=COUNT),
    "share": columns.number("Share of rows", format=PERCENT),
    "favorable": columns.number("Favorable", format=COUNT),
    **columns.with_ends("favorable_share", "Favorable share", PERCENT, ends=("low", "high")),
}
SUMMARY_COLUMNS = {
    "name": columns.text("Column", pinned=True),
    "type": columns.text("Type"),
    "missing": columns.number("Missing", format=COUNT),
    "distinct": columns.number("Distinct", format=COUNT),
    "values": st.column_config.BarChartColumn(
        "Values",
        width="small",
        y_min=0,
        color="gray",
        help="Numbers: rows in steps from the smallest to the largest value. Others: rows of the commonest values. "
        "In cohort-only mode bars that may not be told are left out.",
    ),
    "example": columns.text("Example"),
    "role": columns.text("Used as"),
    "flags": columns.text(
        "Checks", width=130, help="What the checks below say about the column, most important first."
    ),
}


def group_columns(groups: pd.DataFrame) -> dict[str, object]:
    """How the columns of the group table are drawn: the names of groups in full, if they are not very long."""
    longest = max(map(len, groups["group"].astype(str)), default=0)
    return {"group": columns.text("Group", width=min(max(8 * longest + 24, 80), 240)), **GROUP_COLUMNS}


def warnings(found: ResolvedTask) -> list[str]:
    """What the choices and, once it has run for them, their study say about the table, one sentence each."""
    result, stale = study_runs.current_result()
    seen = () if result is None or stale else disclosed(result).warnings
    return [*found.warnings, *(text for text in seen if text not in found.warnings)]


def table_numbers(summary: pd.DataFrame, rows: int) -> list[Number]:
    """Rows, columns and missing cells of a table whose outcome is not chosen yet."""
    summary = told_columns(summary, state.frame(), cohort_mode.smallest())
    holes = summary["missing"].fillna(0)
    missing, cells = int(holes.sum()), len(state.frame()) * len(summary)
    holed = int((holes > 0).sum())
    where = f"in {count(holed)} column{'' if holed == 1 else 's'}" if holed else "none"
    if len(state.frame()) < rows:
        where += f" of the first {count(len(state.frame()))} rows"
    return [
        Number("Rows", count(rows), _whole(), "row"),
        Number("Columns", count(len(summary)), f"{count(int((summary['type'] == 'number').sum()))} of numbers"),
        Number("Missing cells", percent(missing / cells), where),
    ]


def group_numbers(found: ResolvedTask, groups: pd.DataFrame, rows_in_file: int) -> list[Number]:
    """Rows, groups, smallest group x outcome cell."""
    cells = pd.concat(
        [
            groups.assign(cell=groups["favorable"], outcome=found.favorable_label),
            groups.assign(cell=groups["rows"] - groups["favorable"], outcome="other outcome"),
        ]
    )
    smallest = cells.sort_values("cell", kind="stable").iloc[0]
    few = bool(cells["cell"].isna().any())
    left_out = rows_in_file - len(found.y)
    told = (
        f"{count(left_out)} left out"
        if cohort_mode.is_told(left_out)
        else f"fewer than {cohort_mode.smallest()} left out"
    )
    return [
        Number("Rows", count(len(found.y)), told if left_out else _whole(), "row"),
        Number("Groups", count(len(groups)), f"against {value(found.reference, 20)}", "reference group"),
        Number(
            "Smallest cell",
            WITHHELD if few else count(int(smallest["cell"])),
            f"below {cohort_mode.smallest()}, or near it"
            if few
            else f"{value(smallest['group'], 20)}, {value(smallest['outcome'], 16)}",
            help="The group and outcome with the fewest rows. Rates of small cells are uncertain.",
        ),
    ]


def _whole() -> str:
    """What is said where every row of the table is used: whether that is all of the file."""
    current = state.table()
    told = None if current is None else current.frame.attrs.get("left_out")
    if current is not None and current.folder is not None:
        return "all of the folder"
    return "all of the file" if told is None else f"{count(told.count)} lines are no rows"
