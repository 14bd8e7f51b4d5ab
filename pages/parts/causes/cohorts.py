"""The Influence page's cohorts: which conjunctions of values carry the gap, searched and refitted in the background."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from iffair_core.causes.cohorts import Cohort, CohortLedger, proven_ledger
from iffair_core.data.row_selectors import rows_meeting, selector
from iffair_core.errors import TaskError
from iffair_core.study.results import GoalScores, StudyResult
from iffair_core.telling import causes
from iffair_core.telling.figures import cohort_bars
from pages.kit import columns, widgets
from pages.kit.text import count, plain
from pages.parts.causes import asked, what_if
from pages.parts.reweight import repair
from pages.session import state

KIND = "cohorts"
SHARES = ("share", "low", "high", "per_row", "overlap", "predicted", "refitted", "gap", "accuracy")
_OPENED = "cohort_opened"
_PICKED = "cohort_table"


def ledger(result: StudyResult) -> None:
    """The cohorts that carry the gap, with their proofs, as far as they are there."""
    task = partial(_found, result, state.frame())
    found = asked.answer(KIND, result, task, "Searching cohorts", "The cohorts could not be found")
    if found is not None:
        _show(result, found)


def _found(result: StudyResult, frame: pd.DataFrame, work: asked.Work[CohortLedger]) -> CohortLedger:
    return proven_ledger(
        result,
        frame,
        stop_check=work.stop_check,
        report=lambda share, found: work.report(share, "Refitting without each cohort", found),
    )


def _show(result: StudyResult, found: CohortLedger) -> None:
    st.markdown(f"**{plain(causes.cohorts_sentence(result, found))}**")
    if not found.cohorts:
        return
    proven = causes.cohorts_agreement(found)
    asked.proof(f"the first {count(proven.checked)} cohorts", proven)
    widgets.chart(cohort_bars(result, found, widgets.theme()), "cohort_bars")
    table = causes.cohort_table(result, found)
    st.caption(
        "Training rows that meet up to three conditions together and widen the gap by more than others of the same "
        "group and outcome. Those whose rows stand out most come first; larger cohorts below may move more. Scores add "
        "up to “by scores”; without all rows at once the model may change by more or less than that. Cohorts overlap, "
        "so that their shares do not add up. Select one to see its rows, try changes, pin it or leave it out."
    )
    event = st.dataframe(
        widgets.in_percent(table, SHARES),
        hide_index=True,
        key=_PICKED,
        on_select="rerun",
        selection_mode="single-row",
        column_config=_columns(),
        placeholder="not refitted",
        alt="Cohorts: rows, part of the gap by scores, predicted and refitted without them",
    )
    picked = picked_cohort(event, found)
    with st.container(horizontal=True, gap="small"):
        widgets.csv_download(table, "cohorts.csv", key="cohorts_csv")
    if picked is not None:
        _picked(result, picked)


def picked_cohort(event: Any, found: CohortLedger) -> Cohort | None:
    """The cohort that is selected in the table."""
    rows = event["selection"]["rows"]
    return found.cohorts[rows[0]] if rows and rows[0] < len(found.cohorts) else None


def _picked(result: StudyResult, cohort: Cohort) -> None:
    """What can be done with a cohort: see its rows, take them along, pin or leave them out, try what if."""
    rows = result.dataset.row_id[result.train_rows[cohort.rows]]
    with st.container(border=True, key="cohort_picked", gap="small"):
        st.markdown(f"**{plain(cohort.name)}** · {count(rows.size)} training rows")
        what_if.what_if(result, cohort.rows, "cohort", cohort.name)
        with st.container(horizontal=True, gap="small"):
            st.button(
                f"Show these {count(rows.size)} rows in the ledger",
                key="cohort_open",
                icon=":material/table_rows:",
                on_click=_open,
                args=(result, rows),
            )
            named = _selector(result, cohort)
            if named is not None:
                _pin_and_exclude(named)
            widgets.csv_download(
                pd.DataFrame({"row_id": rows}), "cohort_rows.csv", label="Download their row ids", key="cohort_rows_csv"
            )


def _pin_and_exclude(named: str) -> None:
    repair.pin_button(named, "cohort", "cohort_pin")
    matching = int(rows_meeting(state.frame(), named).sum())
    with st.popover("Leave it out of the study …", icon=":material/playlist_remove:", key="cohort_exclude_ask"):
        st.markdown(
            f"{count(matching)} rows of the table meet these conditions, validation and test rows among them. All are "
            "left out: the new study is judged on other people than this one, so that a smaller gap there is no proof "
            "of a repair. What if, above, leaves out training rows only. Data, “More about the rows”, takes it back."
        )
        if st.button(f"Leave out {count(matching)} rows", key="cohort_exclude", on_click=_exclude, args=(named,)):
            state.rerun()


def _exclude(named: str) -> None:
    state.update(exclude=(*state.choices().exclude, named))
    repair.study_if_quick()


def _selector(result: StudyResult, cohort: Cohort) -> str | None:
    """The text that names the cohort's rows; None where none does, as where groups were pooled."""
    named = selector(cohort.conditions)
    try:
        meeting = rows_meeting(state.frame(), named)
    except TaskError:
        return None
    here = meeting[result.dataset.row_id[result.train_rows]]
    return named if np.array_equal(np.flatnonzero(here), cohort.rows) else None


def _open(result: StudyResult, rows: np.ndarray) -> None:
    st.session_state[_OPENED] = (result.goal, rows)
    st.session_state["influence_tab"] = "Ledger of rows"


def opened(result: StudyResult) -> np.ndarray | None:
    """row_ids of the cohort that the ledger is narrowed to, with the button that ends it; None for all rows."""
    kept: tuple[GoalScores, np.ndarray] | None = st.session_state.get(_OPENED)
    if kept is None or kept[0] is not result.goal:
        return None
    st.button(
        f"Only {count(kept[1].size)} rows of a cohort; show all again",
        key="cohort_close",
        icon=":material/close:",
        on_click=lambda: st.session_state.pop(_OPENED, None),
    )
    return kept[1]


def _columns() -> dict[str, Any]:
    return {
        "cohort": columns.text("Cohort", width="large"),
        "rows": columns.number("Rows", format="localized"),
        "share": columns.number("By scores, %", format="%.1f", help="Sum of the rows' removal effects, of the gap."),
        "low": columns.number("95 % from", format="%.1f", help="Over samples of training rows."),
        "high": columns.number("to", format="%.1f"),
        "per_row": columns.number("Per row, points", format="%.4f", help="What a row adds to the gap on average."),
        "overlap": columns.number("Shared, %", format="%.0f", help="Part of its rows that cohorts above have too."),
        "predicted": columns.number("Predicted without, %", format="%.1f", help="Gap gone, by one Newton step."),
        "refitted": columns.number("Refitted without, %", format="%.1f", help="Gap gone, after a real refit."),
        "gap": columns.number("Decisions' gap, points", format="%+.2f", help="Change of the gap counted in decisions."),
        "accuracy": columns.number("Accuracy, points", format="%+.2f", help="Change on validation rows."),
    }
