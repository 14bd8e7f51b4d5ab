"""The Influence page's cohorts: which conjunctions of values carry the gap, searched and refitted in the background."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from iffair_core.causes.cohorts import CohortLedger, proven_ledger
from iffair_core.study.results import StudyResult
from iffair_core.telling import causes
from iffair_core.telling.figures import cohort_bars
from pages.kit import errors, widgets
from pages.kit.poll import bar, poll
from pages.kit.text import count, plain
from pages.session import state
from pages.session.work import Work

_WORK = "cohorts_work"
_OPENED = "cohort_opened"
_PICKED = "cohort_table"
Asked = tuple[StudyResult, Work[CohortLedger]]


def ledger(result: StudyResult) -> None:
    """The cohorts that carry the gap, with their proofs, as far as they are there."""
    asked = _asked(result)
    ended = asked[1].ended()
    if ended is None:
        poll(lambda: asked[1].ended() is not None, lambda: _under_way(result, asked[1]))
        return
    if ended.error is not None:
        errors.show(errors.noted(ended.error), "The cohorts could not be found")
    if ended.stopped or ended.error is not None:
        st.button("Search again", key="cohorts_again", icon=":material/search:", on_click=stop)
    if ended.value is not None:
        _show(result, ended.value)


def _asked(result: StudyResult) -> Asked:
    """The search for this result; another result's is stopped."""
    asked: Asked | None = st.session_state.get(_WORK)
    if asked is not None and asked[0] is result:
        return asked
    if asked is not None:
        asked[1].stop()
    frame = state.frame()

    def task(work: Work[CohortLedger]) -> CohortLedger:
        return proven_ledger(
            result,
            frame,
            stop_check=work.stop_check,
            report=lambda share, found: work.report(share, "Refitting without each cohort", found),
        )

    st.session_state[_WORK] = (result, Work(task, "cohorts", "Searching cohorts"))
    return st.session_state[_WORK]


def stop() -> None:
    """Stop the search, which holds the table until it has, and drop what was found. Use it in a callback."""
    asked: Asked | None = st.session_state.pop(_WORK, None)
    if asked is not None:
        asked[1].stop()


def _under_way(result: StudyResult, work: Work[CohortLedger]) -> None:
    bar(work, "Searching cohorts", "cohorts_cancel", work.stop)


def _show(result: StudyResult, found: CohortLedger) -> None:
    st.markdown(f"**{plain(causes.cohorts_sentence(result, found))}**")
    if not found.cohorts:
        return
    widgets.chart(cohort_bars(result, found, widgets.theme()), "cohort_bars")
    table = causes.cohort_table(result, found)
    st.caption(
        "Training rows that meet up to three conditions together and widen the gap by more than others of the same "
        "group and outcome. Their scores add up to “by scores”; without all of them at once the model may change by "
        "more or less than that. Select one to see its rows."
    )
    event = st.dataframe(
        _in_percent(table),
        hide_index=True,
        key=_PICKED,
        on_select="rerun",
        selection_mode="single-row",
        column_config=_columns(),
        placeholder="not refitted",
        alt="Cohorts: rows, part of the gap by scores, predicted and refitted without them",
    )
    picked = event["selection"]["rows"]
    with st.container(horizontal=True, gap="small"):
        widgets.csv_download(table, "cohorts.csv", key="cohorts_csv")
        if picked:
            cohort = found.cohorts[picked[0]]
            rows = result.dataset.row_id[result.train_rows[cohort.rows]]
            st.button(
                f"Show these {count(rows.size)} rows in the ledger",
                key="cohort_open",
                icon=":material/table_rows:",
                on_click=_open,
                args=(result, rows),
            )
            widgets.csv_download(
                pd.DataFrame({"row_id": rows}), "cohort_rows.csv", label="Download their row ids", key="cohort_rows_csv"
            )


def _open(result: StudyResult, rows: np.ndarray) -> None:
    st.session_state[_OPENED] = (result, rows)
    st.session_state["influence_tab"] = "Ledger of rows"


def opened(result: StudyResult) -> np.ndarray | None:
    """row_ids of the cohort that the ledger is narrowed to, with the button that ends it; None for all rows."""
    kept: tuple[StudyResult, np.ndarray] | None = st.session_state.get(_OPENED)
    if kept is None or kept[0] is not result:
        return None
    st.button(
        f"Only {count(kept[1].size)} rows of a cohort; show all again",
        key="cohort_close",
        icon=":material/close:",
        on_click=lambda: st.session_state.pop(_OPENED, None),
    )
    return kept[1]


def _in_percent(table: pd.DataFrame) -> pd.DataFrame:
    shown = table.copy()
    for name in ("share", "low", "high", "overlap", "predicted", "refitted", "hard", "accuracy"):
        shown[name] = 100 * shown[name].astype(float)
    shown["per_row"] = 100 * shown["per_row"]
    return shown


def _columns() -> dict[str, Any]:
    number = st.column_config.NumberColumn
    return {
        "cohort": st.column_config.TextColumn("Cohort", width="large"),
        "rows": number("Rows", format="localized"),
        "share": number("By scores, %", format="%.1f", help="Sum of the rows' removal effects, as a part of the gap."),
        "low": number("95 % from", format="%.1f", help="Over samples of training rows."),
        "high": number("to", format="%.1f"),
        "per_row": number("Per row, points", format="%.4f", help="What one of its rows adds to the gap on average."),
        "overlap": number("Shared, %", format="%.0f", help="Part of its rows that cohorts above have too."),
        "predicted": number("Predicted without, %", format="%.1f", help="Part of the gap gone, by one Newton step."),
        "refitted": number("Refitted without, %", format="%.1f", help="Part of the gap gone, after a real refit."),
        "hard": number("Decisions' gap, points", format="%+.2f", help="Change of the gap counted in decisions."),
        "accuracy": number("Accuracy, points", format="%+.2f", help="Change on validation rows."),
    }
