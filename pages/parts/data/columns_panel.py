"""The columns: what each holds and is used for, with its type and its use open to change, and what means missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
import streamlit as st

from iffair_core.reading.types import TYPES, suggested_missing
from iffair_core.study.disclosure import told_columns
from pages.kit import cohort_mode, widgets
from pages.kit.text import short
from pages.parts.data import pickers, whois
from pages.session import state
from pages.session.memory import remembered

MOST_COLUMNS = 18
_PICKED = "columns_picked"
_TABLE = "columns"
_SEEN = "as seen"
_USES = ("feature", "left out")


def columns_panel(flags: Mapping[str, str]) -> None:
    """The table of columns, and the controls that change those picked in it or above it."""
    st.subheader("Columns", anchor=False)
    columns = _told(state.frame_key(), cohort_mode.smallest())
    roles = [pickers.role_of(name, kind) for name, kind in zip(columns["name"], columns["type"], strict=True)]
    columns = columns.assign(role=roles, flags=[flags.get(name, "") for name in columns["name"]])
    _pick_missing()
    _change(columns)
    order = ["name", "role", "type", "flags", "values", "missing", "distinct", "example"]
    if not any(columns["flags"]):
        order.remove("flags")
    st.dataframe(
        columns[order],
        hide_index=True,
        column_config=whois.SUMMARY_COLUMNS,
        height="content" if len(columns) <= MOST_COLUMNS else 600,
        alt="Each column with its use, type, values, missing and distinct values; rows can be picked to change them",
        key=_TABLE,
        placeholder="",
        on_select=state.here(lambda: _take_rows(list(columns["name"]))),
        selection_mode="multi-row",
    )
    widgets.csv_download(columns.drop(columns="values"), "columns.csv", key="columns_csv")


@remembered(keep=2)
def _told(key: tuple[object, ...], smallest: int | None) -> pd.DataFrame:
    return told_columns(state.columns_frame(), state.frame(), smallest)


def _take_rows(names: Sequence[str]) -> None:
    rows = st.session_state[_TABLE].selection.rows
    st.session_state[_PICKED] = [names[row] for row in rows if row < len(names)]


# -------------------------------------------------------------------------------------------------------------- change


def _change(columns: pd.DataFrame) -> None:
    names = list(columns["name"])
    st.session_state[_PICKED] = [name for name in st.session_state.get(_PICKED, ()) if name in names]
    with st.grid(4, min_column_width=150, gap="small") as grid:
        with grid.cell(column_span=2):
            st.multiselect(
                "Columns to change",
                names,
                key=_PICKED,
                format_func=short,
                placeholder="Pick columns here or in the table",
            )
        picked = st.session_state[_PICKED]
        chosen = state.choices()
        kinds = {chosen.types.get(name, _SEEN) for name in picked}
        st.selectbox(
            "Type",
            (_SEEN, *TYPES),
            index=None,
            **state.bound(
                "columns_type", kinds.pop() if len(kinds) == 1 else None, lambda kind: _set_type(picked, kind)
            ),
            disabled=not picked,
            placeholder="",
            help="As seen: what the values look like. Date, identifier and text are no features; year and month makes "
            "two numbers of a date; number reads what it can and takes the rest as missing.",
        )
        free = [name for name in picked if name not in (chosen.target, *chosen.sensitive, *chosen.helpers)]
        uses = {_USES[name in chosen.drop] for name in free}
        st.selectbox(
            "Used as",
            _USES,
            index=None,
            **state.bound("columns_use", uses.pop() if len(uses) == 1 else None, lambda use: _set_use(free, use)),
            disabled=not free,
            placeholder="",
            help="Whether the model may use the column. Outcome and sensitive attribute are chosen on the left.",
        )


def _set_type(names: Sequence[str], kind: str | None) -> None:
    if kind is not None:
        types = {name: one for name, one in state.choices().types.items() if name not in names}
        state.update(types=types if kind == _SEEN else {**types, **dict.fromkeys(names, kind)})


def _set_use(names: Sequence[str], use: str | None) -> None:
    if use is not None:
        kept = tuple(name for name in state.choices().drop if name not in names)
        state.update(drop=kept if use == _USES[0] else (*kept, *names))


# ------------------------------------------------------------------------------------------------------------- missing


def _pick_missing() -> None:
    current, chosen = state.open_table(), state.choices().missing
    counts = _marker_counts(current.fingerprint, current.frame)
    options = [*counts, *(marker for marker in chosen if marker not in counts)]
    if options:
        st.pills(
            "Cells that mean missing",
            options,
            selection_mode="multi",
            format_func=lambda marker: _said(marker, counts),
            help="Empty cells are missing anyway. Choose what else stands for no value; it is then missing in every "
            "column.",
            **state.control(
                "missing", shown=list, taken=lambda markers: tuple(one for one in markers if one in options)
            ),
        )


@remembered(keep=4)
def _marker_counts(fingerprint: str, _frame: pd.DataFrame) -> dict[str, tuple[int, int]]:
    """{marker: (cells, columns) that hold it}."""
    kinds = enumerate(_frame.dtypes)
    texts = [_frame.iloc[:, place] for place, kind in kinds if isinstance(kind, pd.StringDtype)]
    found = {}
    for marker in suggested_missing(_frame):
        cells = [int((column == marker).sum()) for column in texts]
        found[marker] = (sum(cells), sum(size > 0 for size in cells))
    return found


def _said(marker: str, counts: Mapping[str, tuple[int, int]]) -> str:
    if marker not in counts:
        return short(marker)
    cells, columns = counts[marker]
    if not cohort_mode.is_told(cells):
        return f"{short(marker)}  in fewer than {cohort_mode.smallest()} cells"
    return f"{short(marker)}  in {columns} column{'' if columns == 1 else 's'}, {cells:,} cells"
