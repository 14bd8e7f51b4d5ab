"""How far the scores can be trusted: predicted removal effects compared with exact refits without the row.

A study verifies random rows and the most influential ones, and compares the predicted with the refitted gap at the
chosen strength; the worse of the two errors is its badge.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from iffair_core.data.design import Design, dense
from iffair_core.errors import StopCheck, never_stop
from iffair_core.influence import removal_steps
from iffair_core.models.base import InfluenceModel
from iffair_core.models.blocks import sigmoid, sum_over
from iffair_core.models.logistic import TOLERANCE, LogisticModel, column_units, with_intercept

GREEN, AMBER = 0.05, 0.25
HIGH_LEVERAGE = 0.15
REFIT_SECONDS = 30.0
REFIT_BATCH = 64
REFIT_STEPS = 20


def leave_one_out_parameters(
    model: InfluenceModel,
    rows: np.ndarray,
    *,
    seconds: float = REFIT_SECONDS,
    stop_check: StopCheck = never_stop,
    report: Callable[[float], None] | None = None,
) -> np.ndarray:
    """Parameters of exact refits without each of `rows`, (r, P) with r <= len(rows): as many as fit in `seconds`.

    For a logistic model, many refits run together: their parameters are the columns of one matrix, so that one step of
    all of them takes two matrix products. Steps reuse the full model's factorization until the gradient vanishes. A
    refit that does not get there in this way, such as without a row that a small model depends on, is done on its own.
    So is every refit of another model. `stop_check` is called between steps and may raise to cancel; `report` gets the
    share done. Raises FitError where the other rows have one outcome only.
    """
    started, done = time.perf_counter(), [np.empty((0, model.theta_.size))]
    size = REFIT_BATCH if isinstance(model, LogisticModel) else 1
    leverage = model.leverage() if isinstance(model, LogisticModel) else np.empty(0)
    for start in range(0, rows.size, size):
        if start and time.perf_counter() - started > seconds:
            break
        batch = rows[start : start + size]
        if isinstance(model, LogisticModel):
            first_guess = model.theta_[:, None] + removal_steps(model, batch, leverage)
            done.append(_refit_batch(model, batch, first_guess, stop_check).T)
        else:
            done.append(_refit_without(model, batch[0], stop_check)[None])
        if report is not None:
            report(min(1.0, (start + size) / rows.size))
    return np.vstack(done)


def _refit_without(model: InfluenceModel, row: int, stop_check: StopCheck) -> np.ndarray:
    weight = model.sample_weight_.copy()
    weight[row] = 0.0
    return model.refitted(weight, stop_check=stop_check).theta_


def _refit_batch(model: LogisticModel, rows: np.ndarray, theta: np.ndarray, stop_check: StopCheck) -> np.ndarray:
    X, y, s = model.X_, model.y_, model.sample_weight_
    n = y.size
    left_out = with_intercept(dense(X[rows]))
    unit = column_units(X)[:, None] * n
    off = np.full(rows.size, np.inf)
    for _ in range(REFIT_STEPS):
        stop_check()

        def work(block: Design, y: np.ndarray, s: np.ndarray, theta: np.ndarray = theta) -> np.ndarray:
            r = sigmoid(block @ theta[:-1] + theta[-1])
            r -= y[:, None]
            r *= s[:, None]
            return np.vstack([block.T @ r, r.sum(axis=0)])

        gradient = sum_over(X, work, y, s, least=rows.size)
        own = sigmoid(np.einsum("ij,ji->i", left_out, theta)) - y[rows]
        gradient -= (left_out * (s[rows] * own)[:, None]).T
        gradient[:-1] += theta[:-1] / model.C
        off = np.abs(gradient / unit).max(axis=0)
        theta = theta - model.solve(gradient)
        if off.max() <= TOLERANCE / 10:
            break
    for i in np.flatnonzero(~(off <= TOLERANCE)):
        theta[:, i] = _refit_without(model, rows[i], stop_check)
    return theta


@dataclass(frozen=True)
class Fidelity:
    """How far the scores of a study can be trusted: predictions compared with exact refits.

    `removal_error`: relative L2 error of the study's removal effects on the soft goal over the refitted rows.
    `prediction_error`: |predicted - refitted| / |baseline gap| of the soft goal on validation rows at the chosen
    strength; None at strength 0 and where the baseline gap lies inside the chance band. `refits`: row_id, random
    (drawn at random, else among the most influential), predicted, refitted (change of the soft goal, as a share),
    hard_predicted, hard_refitted (the same of the hard goal). `hard_exact`: share of rows whose change of the hard goal
    was predicted to the last decision. `spearman` is NaN where either does not vary.
    """

    level: str
    removal_error: float
    prediction_error: float | None
    spearman: float
    slope: float
    hard_exact: float
    mean_leverage: float
    checked: int
    asked: int
    refits: pd.DataFrame
    sentence: str


def rows_to_verify(
    removal: np.ndarray, seed: int, count: int = 100, among: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Positions of `count` random rows and of the `count` largest |removal|, interleaved; and which are random.

    Interleaved, so that a check cut short by its time limit has seen both kinds. `among`: positions to choose from.
    """
    if among is not None:
        chosen, kinds = rows_to_verify(removal[among], seed, count)
        return among[chosen], kinds
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
    *,
    untouched: bool = False,
) -> Fidelity:
    """The badge from verified rows (the columns of `Fidelity.refits`) and the error at the chosen strength.

    untouched: the chosen strength is 0, so that no prediction could be held against a refit.
    """
    predicted, refitted = refits["predicted"].to_numpy(), refits["refitted"].to_numpy()
    scale = float(np.linalg.norm(refitted))
    removal_error = float(np.linalg.norm(predicted - refitted)) / scale if scale > 0 else 0.0
    varies = min(np.ptp(predicted), np.ptp(refitted)) > 0
    spearman = float(refits["predicted"].corr(refits["refitted"], method="spearman")) if varies else np.nan
    slope = float(predicted @ refitted / (predicted @ predicted)) if predicted.any() else 1.0
    level = _level(max(removal_error, prediction_error or 0.0))
    if prediction_error is None:
        level = "not judged" if level == "green" else level
    return Fidelity(
        level,
        removal_error,
        prediction_error,
        spearman,
        slope,
        float(np.isclose(refits["hard_predicted"], refits["hard_refitted"], rtol=0.0, atol=1e-9).mean()),
        mean_leverage,
        len(refits),
        asked,
        refits,
        _fidelity_sentence(removal_error, prediction_error, mean_leverage, len(refits), asked, untouched),
    )


def _level(error: float) -> str:
    return "green" if error <= GREEN else "amber" if error <= AMBER else "red"


_ROWS_ADVICE = {
    "green": "Row scores can be relied on.",
    "amber": "Rely on the order of row scores, not on their sizes.",
    "red": "Do not rely on row scores.",
}
_CURVE_ADVICE = {
    "green": "The predicted curve can be relied on.",
    "amber": "Take the direction from the predicted curve, and sizes from refitted points.",
    "red": "Do not rely on the predicted curve; use refitted points only.",
    "not judged": "Over all groups the gap may be chance.",
}


def _fidelity_sentence(
    removal: float, prediction: float | None, mean_leverage: float, checked: int, asked: int, untouched: bool
) -> str:
    rows = f"Removal effects of {checked} rows were {100 * removal:.2g} % off exact refits"
    rows += f" (time allowed {checked} of {asked})" if checked < asked else ""
    if untouched:
        curve = "the predicted curve was not judged, because at strength 0 every weight is 1"
    elif prediction is None:
        curve = "the predicted curve was not judged, because the baseline gap lies inside the chance band"
    else:
        share = f"{100 * prediction:.2g} % of the baseline gap"
        curve = f"the predicted gap at the chosen strength was {share} off the refitted one"
    levels = (_level(removal), "not judged" if prediction is None else _level(prediction))
    if levels == ("green", "green"):
        advice = "Scores of single rows and the predicted repair can be relied on."
    elif levels == ("red", "red"):
        advice = "Do not rely on predicted numbers; use refitted points only."
    else:
        advice = _ROWS_ADVICE[levels[0]] + ("" if untouched else f" {_CURVE_ADVICE[levels[1]]}")
    if mean_leverage > HIGH_LEVERAGE:
        advice += (
            f" The mean leverage of {mean_leverage:.2g} is high: the model nearly repeats its training rows, and "
            "a smaller C makes scores steadier."
        )
    return f"{rows}; {curve}. {advice}"
