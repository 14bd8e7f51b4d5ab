"""What if training rows were left out, doubled or relabeled: predicted at once, refitted on a click."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
import pandas as pd
import streamlit as st

from iffair_core.causes.change import ACTIONS, Action, agreement, predict, refit, refit_each
from iffair_core.causes.found import TriedChange
from iffair_core.study.results import StudyResult
from iffair_core.telling import causes
from iffair_core.wording import minus
from pages.kit import columns, widgets
from pages.kit.text import count, plain
from pages.parts.causes import asked, tried

CHECKED = 10


def positions(result: StudyResult, row_ids: np.ndarray) -> np.ndarray:
    """Positions among the training rows of rows of the file, all of which are training rows."""
    return np.searchsorted(result.dataset.row_id[result.train_rows], np.sort(row_ids))


def what_if(result: StudyResult, rows: np.ndarray, key: str, what: str) -> None:
    """What changing these training rows (positions) does; `key` tells one place on the page from another.

    `what` names the rows in the list of what was tried.
    """
    action: Action = st.segmented_control(
        "What if they were" if rows.size > 1 else "What if it were",
        list(ACTIONS),
        format_func=lambda one: ACTIONS[one],
        default="remove",
        required=True,
        key=f"{key}_action",
        help="Training rows only; validation rows, on which the effect is measured, stay as they are.",
    )
    kind, question = f"{key}_refit", (action, _name(rows))
    earlier = tried.change(result, question)
    predicted = predict(result, action, rows) if earlier is None else earlier.predicted
    refitted = asked.known(kind, result, question) or (None if earlier is None else earlier.refitted)
    tried.note_change(result, question, TriedChange(what, action, rows.size, predicted, refitted))
    st.markdown(f"**{plain(causes.what_if_sentence(result, action, rows.size, predicted, refitted))}**")
    st.dataframe(
        _on_screen(causes.what_if_table(predicted, refitted)),
        hide_index=True,
        height="content",
        key=f"{key}_effects",
        alt="Changes on validation rows, predicted and refitted",
        column_config={
            "quantity": columns.text("Change on validation rows", width="medium"),
            "predicted": columns.text("○ Predicted", width="small", alignment="right"),
            "refitted": columns.text("● Refitted", width="small", alignment="right"),
            "difference": columns.text("Difference", width="small", alignment="right"),
        },
    )
    task = asked.task(refit, result, action, rows)
    if asked.is_asked(kind, result, question):
        found = asked.answer(kind, result, task, "Refitting", "The model could not be refitted", question)
        if found is not None and refitted is None:
            st.rerun()  # it ended while this was drawn
    elif refitted is None:
        st.button(
            "Refit to check",
            key=f"{key}_check",
            icon=":material/fact_check:",
            on_click=asked.ask,
            args=(kind, result, question, task, "Refitting"),
        )


def _name(rows: np.ndarray) -> int:
    return zlib.crc32(np.ascontiguousarray(rows).tobytes())


def _on_screen(table: pd.DataFrame) -> pd.DataFrame:
    columns = {name: [_figure(value) for value in table[name]] for name in ("predicted", "refitted", "difference")}
    return table.assign(**columns)


def _figure(value: float | None) -> str:
    if value is None or np.isnan(value):
        return ""
    return minus(f"{value:+,.0f}" if float(value).is_integer() else f"{value:+.3g}") if value else "0"


# -------------------------------------------------------------------------------------------------------------- check


def check_rows(result: StudyResult, row_ids: Sequence[int]) -> None:
    """A button that refits without each of the first rows of a list, and how their scores fared."""
    rows = np.searchsorted(result.dataset.row_id[result.train_rows], np.asarray(row_ids[:CHECKED]))
    question = _name(rows)
    task = asked.task(refit_each, result, rows)
    if not asked.is_asked("check_rows", result, question):
        st.button(
            f"Refit without each of the first {count(rows.size)}" if rows.size > 1 else "Refit without it",
            key="check_rows",
            icon=":material/fact_check:",
            on_click=asked.ask,
            args=("check_rows", result, question, task, "Refitting"),
        )
        return
    effects = asked.answer("check_rows", result, task, "Refitting", "The rows could not be checked", question)
    if effects is None:
        return
    done = rows[: len(effects)]
    predicted, seen = result.goal.removal[done], np.array([one.soft for one in effects])
    found = agreement(predicted.tolist(), seen.tolist())
    asked.proof(f"these {count(done.size)} rows", found)
    table = pd.DataFrame(
        {"row_id": result.dataset.row_id[result.train_rows[done]], "predicted": predicted, "refitted": seen}
    )
    widgets.table(
        table,
        "check_rows_table",
        alt="Change of the gap without each row, predicted and refitted",
        shown=widgets.in_percent(table, ("predicted", "refitted")),
        columns={
            "row_id": columns.number("Row", format="%d"),
            "predicted": columns.number("○ Gap if removed, predicted (points)", format="%+.4f"),
            "refitted": columns.number("● refitted (points)", format="%+.4f"),
        },
        file_name="checked_rows.csv",
    )
