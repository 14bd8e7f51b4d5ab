"""Why a decision turned: what the weights of which training rows moved the score of one person.

At both optima the weighted gradients vanish. Their difference is a Hessian H with the slopes of the chords between the
two models, times the move of the parameters, so that the logit of a person with gradient J moves by the sum over
training rows of -(w_i - s_i) (p_i - y_i) J H^-1 J_i'. For a logistic model this sum is exact. For other models H is
that of the ordinary model, and the sum is of first order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.linalg import cho_factor, cho_solve

from iffair_core.causes.cohorts import Described, find_cohorts
from iffair_core.data.design import extent, in_blocks
from iffair_core.data.splitting import SPLITS
from iffair_core.errors import ConfigError, FitError, StopCheck, TaskError, never_stop
from iffair_core.influence import residuals
from iffair_core.models.blocks import sigmoid, sum_blocks
from iffair_core.models.logistic import LogisticModel
from iffair_core.study.results import StudyResult

TRIES = 6
GROWTH = 1.3
"""Where the fewest rows do not turn the decision back by a refit, this many times as many are tried next."""


@dataclass(frozen=True, eq=False)
class Cause:
    """What turned one decision. Scores are P(favorable), before and after the repair.

    `contributions` (n_train,): what each training row's new weight adds to the logit; `exact`: they add up to all of
    the move. `cohorts`: conjunctions of rows that pushed the way the decision went, with the part of the move that each
    makes. `back`: positions of the fewest rows, by their contributions, without whose new weights a refitted model
    decides as before, with `back_score`, that model's; none where even those that were tried do not turn it back.
    """

    row_id: int
    before: float
    after: float
    contributions: np.ndarray
    exact: bool
    cohorts: tuple[tuple[Described, float], ...]
    back: np.ndarray
    back_score: float | None

    @property
    def move(self) -> float:
        """What all contributions add to the logit."""
        return float(self.contributions.sum())


def turned_rows(result: StudyResult, split: str = "test") -> np.ndarray:
    """Positions among the used rows of the people of a part whose decision the chosen weights turn.

    Raises ConfigError in cohort-only mode.
    """
    if result.smallest_group is not None:
        raise ConfigError("Single decisions are not shown in cohort-only mode.")
    rows = result.dataset.part(SPLITS.index(split))
    before, after = (scores[rows] >= result.threshold for scores in (result.scores_before, result.scores_after))
    return rows[before != after]


def contributions(result: StudyResult, row: int) -> np.ndarray:
    """What each training row's weight at the chosen strength adds to the logit of a used row (position), (n_train,)."""
    model, (ours, theta) = result.model, result.chosen.solution
    X = result.dataset.X[row : row + 1]
    own = model.pull_back(X, np.ones((1, 1)))
    weights = ours if result.base_train is None else ours * result.base_train
    if isinstance(model, LogisticModel):
        direction = _chord_solve(model, theta, weights, own[:, 0])[:, None]
    else:
        direction = model.solve(own)
    pulled = model.push_forward(model.X_, direction)[:, 0]
    return np.asarray(-(weights - model.sample_weight_) * residuals(model) * pulled)


def _chord_solve(model: LogisticModel, theta: np.ndarray, weights: np.ndarray, b: np.ndarray) -> np.ndarray:
    """H^-1 b for the Hessian of chords from the model's parameters to `theta`, under `weights` (n,)."""
    size = theta.size
    part, crossed = in_blocks(model.X_)

    def work(rows: slice) -> np.ndarray:
        X = model.X_[rows]
        here, there = (X @ at[:-1] + at[-1] for at in (model.theta_, theta))
        p, apart = sigmoid(here), there - here
        near = np.abs(apart) < 1e-6
        middle = sigmoid((here + there) / 2)
        slope = np.divide(sigmoid(there) - p, apart, out=middle * (1.0 - middle), where=~near)
        return part(X, weights[rows] * slope)

    hessian = crossed(sum_blocks(work, *extent(model.X_)))
    hessian[np.arange(size - 1), np.arange(size - 1)] += 1.0 / model.C
    return np.asarray(cho_solve(cho_factor(hessian, lower=True), b))


def why_turned(result: StudyResult, table: pd.DataFrame, row_id: int, *, stop_check: StopCheck = never_stop) -> Cause:
    """What turned the decision of a row of the file, with the fewest rows behind it checked by refits.

    table: all rows of the file, as typed by the task. Raises TaskError where the row's decision is not turned or where
    it is no row of the study, ConfigError in cohort-only mode.
    """
    found = np.flatnonzero(result.dataset.row_id == row_id)
    before, after = (scores[found] for scores in (result.scores_before, result.scores_after))
    if not found.size or (before >= result.threshold) == (after >= result.threshold):
        raise TaskError(f"The decision of row {row_id} is not turned. Choose one of the table's.")
    row = int(found[0])
    each = contributions(result, row)
    pushed = np.sign(after[0] - before[0]) * each
    cohorts = tuple(
        (one, float(each[one.rows].sum() / each.sum()))
        for one in find_cohorts(result, table, pushed, pushed - pushed.mean(), 5, stop_check)
    )
    back, score = _fewest(result, row, pushed, stop_check)
    return Cause(
        int(row_id),
        float(before[0]),
        float(after[0]),
        each,
        isinstance(result.model, LogisticModel),
        cohorts,
        back,
        score,
    )


def _fewest(
    result: StudyResult, row: int, pushed: np.ndarray, stop_check: StopCheck
) -> tuple[np.ndarray, float | None]:
    """(the fewest rows whose ordinary weights turn the decision back by a refit, that model's score)."""
    cut = np.log(result.threshold / (1.0 - result.threshold))
    ours, theta = result.chosen.solution
    X = result.dataset.X[row : row + 1]
    margin = abs(float(result.model.logits(X, theta)[0]) - cut)
    favorable = bool(result.scores_before[row] >= result.threshold)
    order = np.argsort(-pushed, kind="stable")
    size = int(np.searchsorted(np.cumsum(pushed[order]), margin)) + 1
    base = np.ones(ours.size) if result.base_train is None else result.base_train
    for _ in range(TRIES):
        rows = order[: min(size, order.size)]
        weights = ours * base
        weights[rows] = base[rows]
        try:
            model = result.model.refitted(weights, stop_check=stop_check)
        except FitError:
            break
        score = float(sigmoid(model.logits(X))[0])
        if (score >= result.threshold) == favorable:
            return rows, score
        size = int(np.ceil(GROWTH * size))
    return np.empty(0, dtype=int), None
