"""More about the rows: weights the file brings, the parts it fixes, what belongs together, and rows to leave out."""

from __future__ import annotations

import streamlit as st

from iffair_core.data.row_selectors import DUPLICATES
from iffair_core.errors import shorten
from iffair_core.reading.types import infer_types
from iffair_core.reading.values import is_number
from pages.kit import cohort_mode
from pages.kit.text import plain, short, value
from pages.kit.words import word
from pages.session import state
from pages.session.memory import remembered
from pages.session.settings import limits

MOST_PARTS = 12
_SIGNS = {"=": "is", "<": "is below", ">=": "is at least"}
_COLUMN, _SIGN, _VALUE, _NUMBER = ("exclude_column", "exclude_sign", "exclude_value", "exclude_number")


def pick_about_rows() -> None:
    """The controls of rows, folded away until they are wanted."""
    current, chosen = state.open_table(), state.choices()
    used = sum(one is not None for one in (chosen.weights, chosen.split_column, chosen.unit)) + len(chosen.exclude)
    used += chosen.smallest_group is not None
    title = f"More about the rows ({used} set)" if used else "More about the rows"
    with st.expander(title, key="more_rows", icon=":material/table_rows:", type="compact"):
        taken = {chosen.target, *chosen.sensitive}
        free = [name for name in current.columns if name not in taken]
        numbers = [name for name in free if is_number(state.column(name))]
        few = [name for name in free if 2 <= len(state.labels(name)) <= MOST_PARTS]
        _pick_column(
            "weights",
            "Row weights",
            numbers,
            "A column that says how much each row counts, as survey weights do. Scaled to mean 1; it enters the model "
            "and every rate.",
        )
        _pick_column(
            "split_column",
            "Parts fixed by a column",
            few,
            "A column with training and test, and perhaps validation, written in one of the usual ways. "
            "Otherwise rows are drawn 60/20/20 by the seed.",
        )
        _pick_column(
            "unit",
            "One person's rows stay on one side",
            free,
            "The column that tells people (or households, schools) apart: rows that share its value are all for "
            "training, all for validation or all for test.",
        )
        _pick_excluded(current.columns)
        _pick_cohort_only()


def _pick_column(name: str, label: str, options: list[str], help: str) -> None:
    chosen = getattr(state.choices(), name)
    free = [one for one in options if one == chosen or one not in state.choices().helpers]
    shown = free if chosen in (None, *free) else [*free, chosen]
    st.selectbox(label, shown, index=None, placeholder="None", format_func=short, help=help, **state.control(name))


def _pick_cohort_only() -> None:
    st.markdown("**Cohort-only mode**", help=word("cohort-only"))
    st.number_input(
        "Hide single rows and groups under",
        step=1,
        placeholder=f"off; {cohort_mode.SUGGESTED} is usual",
        help="Empty: off. Groups of fewer rows are taken together, or left out where they are fewer even so. No row, "
        "and no number of rows below this, is then shown on any page or written to any file.",
        **limits("smallest_group"),
        **state.control("smallest_group"),
    )


# ------------------------------------------------------------------------------------------------------ rows left out


def _pick_excluded(columns: list[str]) -> None:
    chosen = state.choices().exclude
    st.toggle(
        "Leave out later copies of a row",
        help="Rows whose cells are the same in every column. The first of them stays.",
        **state.bound("exclude_duplicates", DUPLICATES in chosen, lambda on: _set(DUPLICATES, on)),
    )
    st.markdown("**Rows left out**")
    for condition in chosen:
        if condition != DUPLICATES:
            st.button(
                plain(shorten(condition, 60)),
                key=f"exclude_off_{condition}",
                icon=":material/close:",
                help="Keep these rows again.",
                on_click=_set,
                args=(condition, False),
            )
    st.selectbox("Column", columns, index=None, format_func=short, placeholder="Rows where …", key=_COLUMN)
    column = st.session_state[_COLUMN]
    if column is None or column not in columns:
        return
    types = _types(state.frame_key())
    number = is_number(state.column(column))
    ordered = number or types.get(column) in ("date", "year and month")
    signs = list(_SIGNS) if ordered else ["="]
    if st.session_state.get(_SIGN) not in signs:
        st.session_state[_SIGN] = signs[0]
    st.segmented_control("Relation", signs, format_func=_SIGNS.__getitem__, key=_SIGN, required=True)
    if st.session_state[_SIGN] == "=":
        labels = list(state.label_counts(column))
        if st.session_state.get(_VALUE) not in labels:
            st.session_state[_VALUE] = None
        example = f"as {shorten(labels[0], 30)}" if labels else ""
        title = f"Value of {value(column)}"
        st.selectbox(title, labels, index=None, format_func=short, key=_VALUE, placeholder=example)
    else:
        st.text_input(f"Bound of {value(column)}", key=_NUMBER, placeholder="18" if number else "2020-12-31")
    st.button("Leave these rows out", key="exclude_on", icon=":material/playlist_remove:", on_click=_take)


@remembered(keep=4)
def _types(key: tuple[object, ...]) -> dict[str, str]:
    return infer_types(state.frame())


def _take() -> None:
    column, sign = st.session_state[_COLUMN], st.session_state[_SIGN]
    bound = st.session_state.get(_VALUE if sign == "=" else _NUMBER)
    if bound:
        _set(f"{column}{sign}{bound.strip() if sign != '=' else bound}", True)
        st.session_state[_COLUMN] = None


def _set(condition: str, on: bool) -> None:
    others = tuple(one for one in state.choices().exclude if one != condition)
    state.update(exclude=(*others, condition) if on else others)
