"""One row beside others: what is typical of its group and outcome, the rows most like it, and what an edit changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from iffair_core.data.design import dense
from iffair_core.data.encoding import Value, encoded_row, row_values
from iffair_core.errors import ConfigError, TaskError
from iffair_core.models.blocks import map_blocks, sigmoid
from iffair_core.reading.values import MISSING, as_numbers, is_number, label_codes, value_label
from iffair_core.study.results import StudyResult

NEAREST = 5
FEW_LIKE = 10
"""Of fewer rows nothing is called typical."""


@dataclass(frozen=True)
class Decision:
    """P(favorable) by the ordinary and by the repaired model, and whether each is from the threshold on."""

    before: float
    after: float | None
    favorable_before: bool
    favorable_after: bool | None


def position(result: StudyResult, row_id: int) -> int:
    """Position of a row of the file among the used rows.

    TaskError where it is none of them, ConfigError in cohort-only mode.
    """
    if result.smallest_group is not None:
        raise ConfigError("Single rows are not shown in cohort-only mode.")
    found = np.flatnonzero(result.dataset.row_id == row_id)
    if not found.size:
        raise TaskError(f"Row {row_id} is no row of the study. Choose a row with an outcome.")
    return int(found[0])


def typical(result: StudyResult, table: pd.DataFrame, row_id: int) -> list[str]:
    """For each column of the table, how usual the row's value is among training rows of its group and outcome.

    table: all rows of the file, as typed by the task. Empty text where nothing can be said: names, text, dates, or
    fewer than 10 such rows.
    """
    at = position(result, row_id)
    data, rows = result.dataset, result.train_rows
    alike = rows[(data.group_codes[rows] == data.group_codes[at]) & (data.y[rows] == data.y[at])]
    alike = data.row_id[alike[alike != at]]
    if alike.size < FEW_LIKE:
        return [""] * table.shape[1]
    told = set(data.task.feature_columns) - {
        name for name, learned in data.encoding.items() if learned["kind"] == "dropped"
    }
    return [
        _typical(table.iloc[:, place].iloc[alike], table.iloc[row_id, place]) if name in told else ""
        for place, name in enumerate(table.columns.astype(str))
    ]


def _typical(series: pd.Series, own: object) -> str:
    if is_number(series):
        values = as_numbers(series)
        values = values[np.isfinite(values)]
        mine = float(as_numbers(pd.Series([own]))[0]) if is_number(pd.Series([own])) else np.nan
        if not values.size:
            return ""
        median = f"median {value_label(float(np.median(values)))}"
        if not np.isfinite(mine):
            return median
        below, above = float(np.mean(values < mine)), float(np.mean(values > mine))
        if max(below, above) < 0.75:
            return f"{median}, among the middle"
        return f"{median}; {'above' if below > above else 'below'} {100 * max(below, above):.0f} % of them"
    if pd.api.types.is_datetime64_any_dtype(series):
        return ""
    codes, labels = label_codes(series)
    shares = np.bincount(codes, minlength=len(labels)) / codes.size
    mine_label, most = value_label(own), int(np.argmax(shares))
    share = shares[labels.index(mine_label)] if mine_label in labels else 0.0
    if labels[most] == mine_label:
        return f"as {100 * share:.0f} % of them"
    return f"as {100 * share:.0f} % of them; {100 * shares[most]:.0f} % have {labels[most]}"


def nearest_rows(result: StudyResult, row_id: int, count: int = NEAREST) -> tuple[np.ndarray, np.ndarray]:
    """(positions among training rows, distances) of the training rows most like a row of the file, nearest first.

    Distance over the features as the model sees them: numbers in standard deviations, another level sqrt(2).
    """
    at = position(result, row_id)
    X, rows = result.dataset.X, result.train_rows
    own, out = dense(X[at : at + 1]), np.empty(rows.size)

    def work(block: slice) -> None:
        apart = dense(X[rows[block]]) - own
        out[block] = np.einsum("ij,ij->i", apart, apart)

    map_blocks(work, rows.size, X.shape[1])
    out[rows == at] = np.inf
    order = np.argsort(out, kind="stable")[:count]
    order = order[np.isfinite(out[order])]
    return order, np.sqrt(out[order])


def edited(
    result: StudyResult, table: pd.DataFrame, row_id: int, changes: Mapping[str, Value]
) -> tuple[Decision, Decision]:
    """(the decision about a row as it is, and with some values changed), by models that stay as they are.

    `changes` by the names of `dataset.encoding`. Raises TaskError for one that no feature comes from.
    """
    at = position(result, row_id)
    unchanged = decided(result, dense(result.dataset.X[at : at + 1])[0])
    if not changes:
        return unchanged, unchanged
    return unchanged, decided(
        result, encoded_row(result.dataset, {**row_values(result.dataset, table, row_id), **changes})
    )


def decided(result: StudyResult, x: np.ndarray) -> Decision:
    """Scores and decisions of a row with features x (p,)."""
    model = result.model
    before = float(sigmoid(model.logits(x[None]))[0])
    cut = result.threshold
    if not result.has("curve"):
        return Decision(before, None, before >= cut, None)
    after = float(sigmoid(model.logits(x[None], result.chosen.solution[1]))[0])
    return Decision(before, after, before >= cut, after >= cut)


def levels_of(result: StudyResult, name: str) -> tuple[str, ...] | None:
    """The levels that a column's features know, as the model was taught; None for a number."""
    learned = result.dataset.encoding[name]
    if learned["kind"] == "number":
        return None
    return tuple(sorted({learned["dropped_level"], *learned["levels"]}, key=lambda level: (level == MISSING, level)))
