"""How far scores can be trusted: predicted removal effects beside exact refits without the row.

A study verifies random rows and the most influential ones, and compares the predicted with the refitted gap at the
chosen strength; the worse of the two errors is its badge.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from iffair_core.influence import residuals
from iffair_core.models.blocks import map_blocks, sigmoid
from iffair_core.models.logistic import TOLERANCE, LogisticModel, column_units

GREEN, AMBER = 0.05, 0.25
REFIT_SECONDS = 30.0
REFIT_BATCH = 64
REFIT_STEPS = 20


def leave_one_out_parameters(
    model: LogisticModel,
    rows: np.ndarray,
    *,
    seconds: float = REFIT_SECONDS,
    check: Callable[[], None] | None = None,
    report: Callable[[float], None] | None = None,
) -> np.ndarray:
    """Parameters of exact refits without each of `rows`, (r, P) with r <= len(rows): as many as fit in `seconds`.

    Many refits at a time: their parameters are the columns of one matrix, so that every step of all of them is two
    matrix products. Steps reuse the full model's factorisation until the gradient vanishes; a refit that this does not
    bring there, as of a row that a small model hangs on, is done on its own. `check` is called between batches and may
    raise to cancel; `report` gets the share that is done. Raises FitError where the other rows have one outcome only.
    """
    started, done = time.perf_counter(), [np.empty((0, model.theta_.size))]
    base_influence = model.solve(np.column_stack([model.X_[rows], np.ones(rows.size)]).T)
    residual = residuals(model)[rows] * model.sample_weight_[rows]
    leverage = model.leverage()[rows]
    for start in range(0, rows.size, REFIT_BATCH):
        if start and time.perf_counter() - started > seconds:
            break
        if check is not None:
            check()
        batch = slice(start, start + REFIT_BATCH)
        first_guess = model.theta_[:, None] + base_influence[:, batch] * (residual[batch] / (1 - leverage[batch]))
        done.append(_refit_batch(model, rows[batch], first_guess).T)
        if report is not None:
            report(min(1.0, (start + REFIT_BATCH) / rows.size))
    return np.vstack(done)


def _refit_batch(model: LogisticModel, rows: np.ndarray, theta: np.ndarray) -> np.ndarray:
    X, y, s = model.X_, model.y_, model.sample_weight_
    n, p = X.shape
    left_out = np.column_stack([X[rows], np.ones(rows.size)])
    unit = column_units(X)[:, None] * n
    off = np.full(rows.size, np.inf)
    for _ in range(REFIT_STEPS):

        def work(block: slice, theta: np.ndarray = theta) -> np.ndarray:
            r = sigmoid(X[block] @ theta[:-1] + theta[-1])
            r -= y[block, None]
            r *= s[block, None]
            return np.vstack([X[block].T @ r, r.sum(axis=0)])

        gradient = np.sum(map_blocks(work, n, p + rows.size), axis=0)
        own = sigmoid(np.einsum("ij,ji->i", left_out, theta)) - y[rows]
        gradient -= (left_out * (s[rows] * own)[:, None]).T
        gradient[:-1] += theta[:-1] / model.C
        off = np.abs(gradient / unit).max(axis=0)
        theta = theta - model.solve(gradient)
        if off.max() <= TOLERANCE / 10:
            break
    for i in np.flatnonzero(~(off <= TOLERANCE)):
        weight = s.copy()
        weight[rows[i]] = 0.0
        theta[:, i] = model.refitted(weight).theta_
    return theta


@dataclass(frozen=True)
class Fidelity:
    """How far the scores of a study can be trusted: predictions beside exact refits.

    `removal_error`: relative L2 error of leverage-corrected removal effects on the soft goal over the refitted rows.
    `prediction_error`: |predicted - refitted| / |baseline gap| of the soft goal on validation rows at the chosen
    strength; None where the baseline gap lies inside the chance band. `refits`: row (position among training rows),
    random (drawn at random, else among the most influential), predicted, refitted (change of the goal, as a share).
    `spearman` is NaN where either does not vary.
    """

    level: str
    removal_error: float
    prediction_error: float | None
    spearman: float
    slope: float
    mean_leverage: float
    checked: int
    asked: int
    refits: pd.DataFrame
    sentence: str


def rows_to_verify(removal: np.ndarray, seed: int, count: int = 100) -> tuple[np.ndarray, np.ndarray]:
    """Positions of `count` random rows and of the `count` largest |removal|, interleaved; and which are random.

    Interleaved, so that a check cut short by its time limit has seen both kinds.
    """
    n = removal.size
    count = min(count, n)
    largest = np.argsort(-np.abs(removal), kind="stable")[:count]
    drawn = np.random.default_rng(seed).permutation(n)[:count]
    rows = np.column_stack([drawn, largest]).ravel()
    random = np.tile([True, False], count)
    _, first = np.unique(rows, return_index=True)
    keep = np.sort(first)
    return rows[keep], random[keep]


def judge_fidelity(
    refits: pd.DataFrame,
    asked: int,
    prediction_error: float | None,
    mean_leverage: float,
) -> Fidelity:
    """The badge from verified rows (columns row, random, predicted, refitted) and the error at the chosen strength."""
    predicted, refitted = refits["predicted"].to_numpy(), refits["refitted"].to_numpy()
    scale = float(np.linalg.norm(refitted))
    removal_error = float(np.linalg.norm(predicted - refitted)) / scale if scale > 0 else 0.0
    varies = min(np.ptp(predicted), np.ptp(refitted)) > 0
    spearman = float(refits["predicted"].corr(refits["refitted"], method="spearman")) if varies else np.nan
    slope = float(predicted @ refitted / (predicted @ predicted)) if predicted.any() else 1.0
    worst = max(removal_error, prediction_error or 0.0)
    level = "green" if worst <= GREEN else "amber" if worst <= AMBER else "red"
    if prediction_error is None:
        level = "not judged" if level == "green" else level
    return Fidelity(
        level,
        removal_error,
        prediction_error,
        spearman,
        slope,
        mean_leverage,
        len(refits),
        asked,
        refits,
        _fidelity_sentence(level, removal_error, prediction_error, len(refits), asked),
    )


def _fidelity_sentence(level: str, removal: float, prediction: float | None, checked: int, asked: int) -> str:
    rows = f"Removal effects of {checked} rows were {100 * removal:.2g} % off exact refits"
    rows += f" (time allowed {checked} of {asked})" if checked < asked else ""
    if prediction is None:
        curve = "the predicted curve was not judged, because the baseline gap lies inside the chance band"
    else:
        share = f"{100 * prediction:.2g} % of the baseline gap"
        curve = f"the predicted gap at the chosen strength was {share} off the refitted one"
    advice = {
        "green": "Scores and predictions can be relied on.",
        "amber": "Rely on the order of rows and on refitted points, not on predicted sizes.",
        "red": "Do not rely on predicted numbers; use refitted points only.",
        "not judged": "Row scores hold, but there may be no gap to explain.",
    }[level]
    return f"{rows}; {curve}. {advice}"
