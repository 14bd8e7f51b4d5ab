"""What a column of the table decides about its groups, without any model: shares, impact ratios, gaps, errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from iffair_core.audit import Audit, GroupAudit, audit
from iffair_core.data.resolving import ResolvedTask
from iffair_core.data.task import Task
from iffair_core.errors import TaskError, quoted
from iffair_core.metrics import RATES
from iffair_core.reading.values import as_numbers, is_number, value_label
from iffair_core.telling import audits
from iffair_core.telling.figures import group_bars
from iffair_core.wording import WITHHELD, heading
from pages.kit import columns, errors, widgets
from pages.kit.text import count, plain, short, value
from pages.parts.data.pickers import resolve_for_screen
from pages.session import state
from pages.session.memory import remembered

MOST_VALUES = 30
BARS = {"selected": "favorable", "rate": "favorable_share", "rate low": "low", "rate high": "high"}
"""Columns of an audit's frame, and what the picture of groups calls them."""
EXPLAINED = (
    "No model is needed for this. Impact ratio: a group's rate divided by the highest rate among groups that are known "
    "and have at least 2 % of the rows, as New York City's Local Law 144 and the four-fifths rule have it."
)


def panel() -> None:
    """The recorded outcomes, or another column of the table, compared between the groups."""
    found = None if state.table() is None else resolve_for_screen()[0]
    if found is None:
        return  # what does not fit is told already
    st.subheader("What the table itself decides", anchor=False)
    st.caption(EXPLAINED)
    task, above, truth = _pick(found)
    if task is None:
        return
    try:
        told = _audited((*state.frame_key(), repr(task), above, truth), state.frame(), task, above, truth)
    except TaskError as error:
        errors.show(error, "This column cannot be compared")
        return
    left_out = f", {count(told.left_out)} left out" if told.left_out and task.smallest_group is None else ""
    st.markdown(f"{plain(told.selected)}: {100 * told.share:.1f} % of {count(told.rows)} rows{left_out}.")
    names = [plain(heading(" / ".join(short(name) for name in one.columns))) for one in told.tables]
    for place, (tab, one) in enumerate(zip(st.tabs(names, key="audit_tabs"), told.tables, strict=True)):
        with tab:
            _show(told, one, place)


@remembered(keep=6)
def _audited(
    key: tuple[object, ...], _frame: pd.DataFrame, _task: Task, above: float | None, truth: tuple[str, Any] | None
) -> Audit:
    return audit(_frame, _task, above=above, truth=truth)


def _show(told: Audit, one: GroupAudit, place: int) -> None:
    st.markdown(f"**{plain(audits.audit_sentence(told, one))}**")
    if said := audits.judged_sentence(told, one):
        st.markdown(f"**{plain(said)}**")
    frame = one.frame()
    bars = frame[["group", "rows", *BARS]].rename(columns=BARS)
    bars = bars.astype({name: "Int64" if name == "favorable" else float for name in BARS.values()})
    widgets.chart(
        group_bars(bars, widgets.theme(), reference=one.reference, favorable=told.selected), f"audit_bars_{place}"
    )
    widgets.table(
        frame,
        f"audit_{place}",
        alt="Rate, impact ratio and gap of each group",
        file_name=f"audit_{place + 1}.csv",
        shown=_in_percent(one, frame),
        columns=_columns(one),
        placeholder=WITHHELD if state.choices().smallest_group else "–",
    )


def _in_percent(one: GroupAudit, frame: pd.DataFrame) -> pd.DataFrame:
    """The table as the screen shows it: shares in percent, one column of marks."""
    rates = [name for name in frame.columns if name.startswith(("rate", "gap", *(_judged_names(one))))]
    shown = frame.drop(columns=["attribute", "reference", "highest", "unknown", "under 2 %"])
    shown["share of rows"] *= 100
    shown[rates] = shown[rates].astype(float) * 100
    shown["note"] = [", ".join(audits.group_marks(line, one)) for line in one.groups]
    return shown


def _judged_names(one: GroupAudit) -> tuple[str, ...]:
    return () if one.judged is None else tuple(RATES[name].title for name in audits.JUDGED_RATES)


def _columns(one: GroupAudit) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "group": columns.text("Group"),
        "rows": columns.number("Rows", format=columns.COUNT),
        "share of rows": columns.number("Share of rows, %", format="%.1f"),
        "selected": columns.number("Selected", format=columns.COUNT),
        "note": columns.text("Note"),
    }
    for name, title, unit in (
        ("rate", "Rate, %", "%.1f"),
        ("impact ratio", "Impact ratio", "%.3f"),
        ("gap", "Gap, points", "%+.1f"),
    ):
        shown |= columns.with_ends(name, title, unit)
    for name in _judged_names(one):
        shown |= columns.with_ends(name, f"{heading(name)}, %", "%.1f")
    return shown


# ------------------------------------------------------------------------------------------------------------- choosing


def _pick(found: ResolvedTask) -> tuple[Task | None, float | None, tuple[str, Any] | None]:
    """(task of the audit, the cut of a score, what came true); no task while a choice is missing."""
    task, current, chosen = found.task, state.open_table(), state.choices()
    options = [name for name in current.columns if name not in task.sensitive_columns and _decides(name, task.target)]
    column = chosen.audit if chosen.audit in options else task.target
    if chosen.audit not in (None, column):
        st.caption(f"{value(chosen.audit)} cannot be compared between the groups; the outcome is.")
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        st.selectbox(
            "Compare",
            options,
            format_func=lambda name: f"{short(name)} (the outcome)" if name == task.target else short(name),
            **state.bound("audit_column", column, lambda name: _compare(name, task.target)),
            width=260,
            help="The recorded outcome; or a column with somebody's decisions, predictions or scores.",
        )
        if column == task.target:
            return task, None, None
        above, favorable = _pick_selected(column)
        st.checkbox(
            f"Hold them against {value(task.target)}",
            **state.control("audit_truth"),
            help="Rates of true and false positives and of errors, with the outcome as what came true.",
        )
    if above is None and not favorable:
        return None, None, None
    bins = {name: cuts for name, cuts in (task.bins or {}).items() if name != column}
    truth = (task.target, task.favorable_labels) if chosen.audit_truth else None
    if truth is None:
        bins.pop(task.target, None)
    other = Task.from_dict(task.to_dict() | {"target": column, "favorable": list(favorable) or "", "bins": bins})
    return other, above, truth


def _compare(column: str, target: str) -> None:
    state.update(audit=None if column == target else column, audit_favorable=(), audit_above=None)


def _decides(name: str, target: str) -> bool:
    """Whether a column may hold decisions or scores."""
    return name == target or is_number(state.column(name)) or len(state.labels(name)) <= MOST_VALUES


def _pick_selected(column: str) -> tuple[float | None, Sequence[str]]:
    """(cut above which a row is selected, values that are); one of them."""
    labels, chosen = state.labels(column), state.choices()
    if is_number(state.column(column)) and len(labels) > 2:
        middle = float(np.nanmedian(as_numbers(state.column(column))))
        above = middle if chosen.audit_above is None else chosen.audit_above
        st.number_input(
            f"Selected: {value(column)} above",
            **state.control("audit_above", shown=lambda _: above),
            width=220,
            help=f"The median is {value_label(middle)}. Strictly above: who has exactly this much is not selected.",
        )
        return above, ()
    favorable = tuple(label for label in chosen.audit_favorable if label in labels)
    if absent := [label for label in chosen.audit_favorable if label not in labels]:
        st.caption(f"{value(column)} has no value {plain(quoted(absent))}.")
    st.multiselect(
        f"Selected: {value(column)} is",
        labels,
        format_func=short,
        **state.control("audit_favorable", shown=lambda _: list(favorable), taken=tuple),
        width=260,
        placeholder="Which values are good for the person?",
    )
    return None, favorable
