"""Training rows one by one: finding them in the ledger, counting them by what they do, and all that is known of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from iffair_core.errors import TaskError
from iffair_core.influence import flipped_decisions, hard_removal_effects
from iffair_core.quantities import goal_pairs
from iffair_core.reading.values import as_numbers, is_number, label_codes, value_label
from iffair_core.study.disclosure import require_rows
from iffair_core.study.results import StudyResult
from iffair_core.telling.tables import outcome_labels
from iffair_core.wording import RATE_TITLES

QUADRANTS = ("helps both", "narrows gap, costs utility", "widens gap, helps utility", "harms both")
Area = Mapping[str, Sequence[float]]


def quadrant_codes(result: StudyResult) -> np.ndarray:
    """Position in `QUADRANTS` of each training row (n_train,), by what its presence does to the gap and the log loss.

    A row whose removal would widen the gap keeps it narrow, and one whose removal would raise the loss helps accuracy.
    """
    return quadrants_of(result.goal.removal, result.removal[:, -1])


def quadrants_of(gap: np.ndarray, loss: np.ndarray) -> np.ndarray:
    """Position in `QUADRANTS` of rows (n,) without which the gap and the log loss change by so much."""
    narrows, helps = gap >= 0, loss >= 0
    return np.select([narrows & helps, narrows & ~helps, ~narrows & helps], [0, 1, 2], default=3)


def ledger(result: StudyResult) -> pd.DataFrame:
    """One line per training row, the rows that widen the goal's gap most first.

    Columns: row_id, group, outcome (as in the file), gap_if_removed and gap_if_relabeled (change of the goal's gap, a
    share), log_loss_if_removed (nats), role (quadrant), leverage, score (P(favorable) before), weight (where known).
    Where the file brought row weights, base_weight stands last: the model saw weight times it. Raises ConfigError in
    cohort-only mode.
    """
    require_rows(result, "The ledger of rows")
    goal = result.goal
    data, rows = result.dataset, result.train_rows
    frame = pd.DataFrame(
        data.named(rows)
        | {
            "gap_if_removed": goal.removal,
            "gap_if_relabeled": goal.relabel,
            "log_loss_if_removed": result.removal[:, -1],
            "role": np.asarray(QUADRANTS, dtype=object)[quadrant_codes(result)],
            "leverage": result.leverage,
            "score": result.scores_before[rows],
        }
    )
    if result.has("curve"):
        frame["weight"] = result.weights
    if result.base_train is not None:
        frame["base_weight"] = result.base_train
    return frame.sort_values("gap_if_removed", kind="stable", ignore_index=True)


def widening_rows(result: StudyResult, share: float = 0.01) -> tuple[np.ndarray, float]:
    """(positions of the `share` of training rows that widens the goal's gap most, the part of the gap they make).

    The part is the sum of their removal effects over the soft gap, each row left out alone: predicted, not refitted.
    In cohort-only mode there are at least as many as the smallest group.
    """
    goal = result.goal
    count = max(result.smallest_group or 1, round(share * goal.removal.size))
    top = np.argsort(goal.removal, kind="stable")[:count]
    return top, -float(goal.removal[top].sum()) / goal.value if goal.value else 0.0


def found_rows(result: StudyResult, altered: np.ndarray) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
    """How well |removal effect| on the goal finds rows known to be wrong: ROC AUC, and the curve's FPR and TPR.

    altered: (n_rows_in_file,) bool ground truth. Also returns the training rows' scores, largest = most suspicious.
    """
    truth = altered[result.dataset.row_id[result.train_rows]]
    score = np.abs(result.goal.removal)
    order = np.argsort(-score, kind="stable")
    hits, misses = np.cumsum(truth[order]), np.cumsum(~truth[order])
    tpr = np.append(0.0, hits / max(1, hits[-1]))
    fpr = np.append(0.0, misses / max(1, misses[-1]))
    return float(np.trapezoid(tpr, fpr)), fpr, tpr, score


@dataclass(frozen=True)
class Range:
    """What the training rows hold of a column of numbers: from low to high, whole numbers only or not."""

    low: float
    high: float
    whole: bool


def trained_range(result: StudyResult, column: pd.Series) -> Range | None:
    """The range of a column's numbers in training rows, None where they have none. column: of all rows of the file."""
    values = as_numbers(column)[result.dataset.row_id[result.train_rows]]
    values = values[np.isfinite(values)]
    if not values.size:
        return None
    return Range(float(values.min()), float(values.max()), not bool((values % 1 != 0).any()))


@dataclass(frozen=True)
class RowFacts:
    """One training row. `rank` counts from 1, the row that widens the goal's gap most; the later fields may be unknown.

    values: column, value (of the file). effects: quantity (in words, the goal's gap first, log loss last), if removed,
    if doubled, if relabeled: predicted changes, gaps in percentage points, log loss in nats. flips: validation rows
    whose decision would change if it were removed; hard_gap_if_removed: the goal's hard gap (a share), both predicted.
    score_*: P(favorable). weight: ours; base_weight: the file's, which ours multiplies, if it brought any.
    """

    row_id: int
    group: str
    outcome: str
    role: str
    rank: int
    of: int
    leverage: float
    flips: int
    hard_gap_if_removed: float
    score_before: float
    score_after: float | None
    weight: float | None
    values: pd.DataFrame
    effects: pd.DataFrame
    base_weight: float | None = None


def row_facts(result: StudyResult, table: pd.DataFrame, row_id: int) -> RowFacts:
    """All that is known of one training row. Raises TaskError if it is none, ConfigError in cohort-only mode."""
    require_rows(result, "The card of a row")
    goal, data, rows = result.goal, result.dataset, result.train_rows
    position = np.flatnonzero(data.row_id[rows] == row_id)
    if position.size == 0:
        raise TaskError(f"Row {row_id} is not a training row. Choose a row of the ledger.")
    i = int(position[0])
    at = int(rows[i])
    own = 1.0 if result.base_train is None else float(result.base_train[i])
    gaps = [f"{RATE_TITLES[gap.rate]}, {gap.group} − {gap.reference}" for gap in result.quantities.gaps]
    scale = np.append(np.full(len(gaps) + 1, 100.0), 1.0)
    effects = pd.DataFrame(
        {
            "quantity": [f"the goal's gap: {goal.label}", *gaps, "log loss (nats)"],
            "if removed": scale * np.append(goal.removal[i], result.removal[i]),
            "if doubled": scale * (np.append(goal.influence[i], result.influence[i]) * own),
            "if relabeled": scale * np.append(goal.relabel[i], result.relabel[i]),
        }
    )
    cells = [value_label(value) for value in table.iloc[int(row_id)]]
    model, quantities, leverage = result.model, result.quantities, result.leverage
    pairs = goal_pairs(quantities, result.config.goal)
    directed = pairs.matrix[pairs.labels.index((goal.rate, goal.over, goal.under)), :-1]
    return RowFacts(
        row_id=int(row_id),
        group=data.groups[int(data.group_codes[at])],
        outcome=outcome_labels(result)[int(data.y[at] > 0.5)],
        role=QUADRANTS[int(quadrant_codes(result)[i])],
        rank=1 + int(np.sum(goal.removal < goal.removal[i])),
        of=rows.size,
        leverage=float(leverage[i]),
        flips=flipped_decisions(model, quantities, i, leverage).size,
        hard_gap_if_removed=float(hard_removal_effects(model, quantities, np.array([i]), leverage)[0] @ directed),
        score_before=float(result.scores_before[at]),
        score_after=float(result.scores_after[at]) if result.has("curve") else None,
        weight=float(result.weights[i]) if result.has("curve") else None,
        values=pd.DataFrame({"column": table.columns.astype(str), "value": cells}),
        effects=effects,
        base_weight=None if result.base_train is None else own,
    )


def find_rows(
    ledger: pd.DataFrame,
    table: pd.DataFrame,
    *,
    words: str = "",
    only: np.ndarray | None = None,
    groups: Sequence[str] = (),
    roles: Sequence[str] = (),
    sort: str = "gap_if_removed",
    descending: bool = False,
) -> pd.DataFrame:
    """The lines of `ledger(...)` that fit every condition, sorted by one of its columns.

    words: each has to occur in a text of the row in the file, or be the row_id or a number of it. only: row_ids.
    Empty `groups` or `roles` allow all.
    """
    fits = _mentions(table, ledger["row_id"].to_numpy(), words)
    if only is not None:
        fits &= np.isin(ledger["row_id"].to_numpy(), only)
    if groups:
        fits &= ledger["group"].isin(list(groups)).to_numpy()
    if roles:
        fits &= ledger["role"].isin(list(roles)).to_numpy()
    return ledger[fits].sort_values(sort, ascending=not descending, kind="stable", ignore_index=True)


def _mentions(table: pd.DataFrame, row_ids: np.ndarray, words: str) -> np.ndarray:
    wanted = words.casefold().split()
    found = np.zeros((len(wanted), row_ids.size), dtype=bool)
    numbers = [_number(word) for word in wanted]
    for k, number in enumerate(numbers):
        found[k] = row_ids == number
    for place in range(table.shape[1] if wanted else 0):
        column = table.iloc[row_ids, place]
        if is_number(column):
            values = as_numbers(column)
            for k, number in enumerate(numbers):
                found[k] |= values == number
        else:
            codes, labels = label_codes(column)
            folded = [label.casefold() for label in labels]
            for k, word in enumerate(wanted):
                found[k] |= np.fromiter((word in label for label in folded), dtype=bool, count=len(folded))[codes]
    return np.asarray(found.all(axis=0))


def _number(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        return float("nan")


def inside(x: np.ndarray, y: np.ndarray, boxes: Sequence[Area], lassos: Sequence[Area]) -> np.ndarray:
    """Which points (n,) lie in any of the areas, in the units of `x` and `y`.

    boxes: {"x": two ends, "y": two ends}, in any order. lassos: {"x": corners, "y": corners}, closed by themselves.
    """
    found = np.zeros(x.size, dtype=bool)
    for box in boxes:
        (left, right), (low, high) = sorted(box["x"]), sorted(box["y"])
        found |= (x >= left) & (x <= right) & (y >= low) & (y <= high)
    for lasso in lassos:
        corners = np.column_stack([lasso["x"], lasso["y"]]).astype(float)
        within = np.zeros(x.size, dtype=bool)
        for (ax, ay), (bx, by) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
            if ay != by:
                within ^= ((ay > y) != (by > y)) & (x < ax + (y - ay) * (bx - ax) / (by - ay))
        found |= within
    return found
