"""Whether repairing one goal repairs or spoils another: angles between the influence vectors of the goals.

A training row's influence on a gap is a coordinate; with the mean weight held at 1 the vectors are centered. Weights
that narrow gap a at the least |w - 1| move along -a, so that gap b changes by -|b| cos(a, b) per unit of length: a
cosine of 1 means that both close together, 0 that b does not move, -1 that b widens. The same is measured on models
that are really refitted with such weights. The price in log loss is of second order (`FairnessQuantities.price`): its
gradient nearly vanishes at the optimum.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from iffair_core.causes.change import Agreement, agreement
from iffair_core.data.design import extent
from iffair_core.errors import FitError, StopCheck, TaskError, never_stop
from iffair_core.influence import one_step_parameters, residuals
from iffair_core.metrics import GOAL_METRIC, GOAL_RATES
from iffair_core.models.blocks import sigmoid, sum_blocks
from iffair_core.path import NO_GAP
from iffair_core.quantities import goal_pairs, judged_groups
from iffair_core.study.results import StudyResult

NARROWED = 0.25
"""Part of a gap that the weights of a check are asked to close."""
DRAWS = 200
BLOCK = 4_096


@dataclass(frozen=True)
class GoalGap:
    """A goal's widest gap on validation rows, rate(over) - rate(under), soft `value`.

    `by_chance`: the goal's disparity in decisions is no more than permuted group labels would show.
    """

    goal: str
    rate: str
    over: str
    under: str
    value: float
    by_chance: bool


@dataclass(frozen=True)
class Price:
    """Change of the mean log loss on validation rows, in nats, where a quarter of a gap is closed; `accuracy` too.

    `predicted` by second order without a refit; the others refitted, None where no model exists.
    """

    predicted: float
    refitted: float | None
    accuracy: float | None


@dataclass(frozen=True, eq=False)
class Conflicts:
    """The angles between the k goals whose gaps can be estimated.

    `cosines` (k, k) with 95 % intervals `low`, `high` over samples of validation rows. `refitted` (k, k): row a is what
    weights against goal a did to the gap of every goal b, in the cosines' unit; NaN where no model was refitted.
    `prices`: of closing a quarter of each goal's gap.
    """

    goals: tuple[GoalGap, ...]
    cosines: np.ndarray
    low: np.ndarray
    high: np.ndarray
    refitted: np.ndarray
    prices: tuple[Price, ...]

    @property
    def agreement(self) -> Agreement:
        """The cosines held against the refits, but for each goal beside itself."""
        seen = np.isfinite(self.refitted) & ~np.eye(len(self.goals), dtype=bool)
        return agreement(self.cosines[seen].tolist(), self.refitted[seen].tolist())

    def place(self, goal: str) -> int | None:
        """Position of a goal; None where its gaps cannot be estimated."""
        return next((place for place, one in enumerate(self.goals) if one.goal == goal), None)


def conflicts(
    result: StudyResult,
    *,
    stop_check: StopCheck = never_stop,
    report: Callable[[float], None] | None = None,
) -> Conflicts:
    """The angles between the goals' gaps on the study's training rows, with a refit for each goal.

    `stop_check` may raise to cancel; `report` gets the share done.
    """
    goals, rows = _goals(result)
    vectors = result.influence @ rows.T
    if result.base_train is not None:
        vectors *= result.base_train[:, None]
    vectors -= vectors.mean(axis=0)
    lengths = np.linalg.norm(vectors, axis=0)
    low, high = _intervals(result, rows, stop_check)
    refitted, prices = np.full((len(goals), len(goals)), np.nan), []
    for place, goal in enumerate(goals):
        stop_check()
        if report is not None:
            report(place / len(goals))
        step = NARROWED * goal.value / lengths[place] ** 2 if goal.value > NO_GAP else 0.0
        moved = np.clip(1.0 - step * vectors[:, place], 0.0, result.config.max_weight)
        change, price = _tried(result, moved, stop_check)
        prices.append(price)
        if step and change is not None:
            length = float(np.linalg.norm(moved - 1.0))
            refitted[place] = -(rows @ change) / (length * np.where(lengths > 0, lengths, np.nan))
    return Conflicts(goals, _cosines(vectors.T @ vectors), low, high, refitted, tuple(prices))


def _goals(result: StudyResult) -> tuple[tuple[GoalGap, ...], np.ndarray]:
    """The goals, and the rows (k, quantities) that make their widest gaps of the quantities."""
    quantities, values = result.quantities, result.quantities.values(result.model)
    evaluation = result.baseline["validation"]
    found, rows = [], []
    for goal in GOAL_RATES:
        try:
            pairs = goal_pairs(quantities, goal, judged_groups(quantities, goal))
        except TaskError:  # too few groups have the rate
            continue
        worst = pairs.worst(values)
        seen, band = (source[GOAL_METRIC[goal]] for source in (evaluation.values, evaluation.chance_band))
        by_chance = seen is not None and band is not None and seen <= band
        found.append(GoalGap(goal, *pairs.labels[worst], float(pairs.matrix[worst] @ values), by_chance))
        rows.append(pairs.matrix[worst])
    return tuple(found), np.array(rows)


def _cosines(gram: np.ndarray) -> np.ndarray:
    """Cosines from inner products (..., k, k); 0 for a vector of length 0."""
    length = np.sqrt(np.maximum(np.diagonal(gram, axis1=-2, axis2=-1), 0.0))
    both = length[..., :, None] * length[..., None, :]
    return np.clip(np.divide(gram, both, out=np.zeros_like(gram), where=both > 0), -1.0, 1.0)


def _tried(result: StudyResult, ours: np.ndarray, stop_check: StopCheck) -> tuple[np.ndarray | None, Price]:
    """(change of every quantity by a refit with our weights, the price); None and nothing refitted without a fit."""
    model, quantities = result.model, result.quantities
    weights = ours if result.base_train is None else ours * result.base_train
    predicted = quantities.price(model, one_step_parameters(model, weights))
    try:
        theta = model.refitted(weights, stop_check=stop_check).theta_
    except FitError:
        return None, Price(predicted, None, None)
    change = quantities.values_at(model, theta) - quantities.values(model)
    accuracy = quantities.accuracy(model, theta) - quantities.accuracy(model)
    return change, Price(predicted, float(change[-1]), accuracy)


def _intervals(result: StudyResult, rows: np.ndarray, stop_check: StopCheck) -> tuple[np.ndarray, np.ndarray]:
    """95 % intervals of the cosines, (k, k) each, by Poisson bootstrap of the validation rows.

    Influence vectors are -R J H^-1 g for the gradient g of a gap, so that their centered inner products are g' M g
    with one matrix M (P, P). Only the gradients are drawn anew, with rates over the rows drawn. Sampling lengthens the
    gradients by its noise, which draws them apart, and resampling does so once more: both are taken off.
    """
    model, quantities = result.model, result.quantities
    basis = _basis(result)
    rng = np.random.default_rng(np.random.SeedSequence([result.config.seed, 12]))
    cells, n_cells, slope = quantities.cells(), 2 * len(quantities.groups), quantities.slope
    sums, counts = np.zeros((n_cells, DRAWS, model.theta_.size)), np.zeros((n_cells, DRAWS))
    for start in range(0, cells.size, BLOCK):
        stop_check()
        these = slice(start, start + BLOCK)
        drawn = rng.poisson(1.0, (DRAWS, cells[these].size)).astype(float)
        if quantities.weights is not None:
            drawn *= quantities.weights[these]
        soft = sigmoid(slope * (model.logits(quantities.X[these]) - quantities.shift))
        for cell in np.unique(cells[these]):
            inside = np.flatnonzero(cells[these] == cell)
            steep = slope * soft[inside] * (1.0 - soft[inside])
            sums[cell] += model.pull_back(quantities.X[these][inside], (drawn[:, inside] * steep).T).T
            counts[cell] += drawn[:, inside].sum(axis=1)
    whole = np.bincount(cells, quantities.weights, minlength=n_cells).astype(float)
    share = np.divide(whole[:, None], counts, out=np.zeros_like(counts), where=counts > 0)
    gradients = np.einsum("kc,cbp->bkp", quantities.over_cells(rows[:, :-1]), sums * share[..., None])
    drawn_products = np.einsum("bkp,pq,blq->bkl", gradients, basis, gradients, optimize=True)
    here = quantities.gradients(model) @ rows.T
    products = here.T @ basis @ here
    added = drawn_products.mean(axis=0) - products
    low, high = np.quantile(_cosines(drawn_products - 2.0 * added), [0.025, 0.975], axis=0)
    cosines = _cosines(products)
    return np.minimum(low, cosines), np.maximum(high, cosines)


def _basis(result: StudyResult) -> np.ndarray:
    """M (P, P) with <a, b> = g_a' M g_b for centered influence vectors of gaps with gradients g."""
    model, own = result.model, result.base_train
    inverse, residual = model.solve(np.eye(model.theta_.size)), residuals(model)
    if own is not None:
        residual = residual * own

    def work(rows: slice) -> np.ndarray:
        unit = model.push_forward(model.X_[rows], inverse) * residual[rows, None]
        return np.vstack([unit.T @ unit, unit.sum(axis=0)])

    sums = sum_blocks(work, *extent(model.X_, model.theta_.size))
    return np.asarray(sums[:-1] - np.outer(sums[-1], sums[-1]) / residual.size)
