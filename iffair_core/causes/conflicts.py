"""Whether repairing one goal repairs or spoils another, or the utility: angles between their influence vectors.

A training row's influence on a gap is a coordinate; with the mean weight held at 1 the vectors are centered. Weights
that narrow gap a at the least |w - 1| move along -a, so that gap b changes by -|b| cos(a, b) per unit of length: a
cosine of 1 means that both close together, 0 that b does not move, -1 that b widens. The same is measured on models
that are really refitted with such weights, and along the study's own curve. Utility is the mean log loss on validation
rows. Its gradient nearly vanishes at the optimum, so that its angle holds for the first steps only; what a longer step
costs is of second order (`FairnessQuantities.price`).
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
MOVED = 0.1
"""How far the weights of utility's check move, as the root of their mean squared distance from 1."""
REACH = 0.1
"""Relative error up to which influence vectors are said to foretell the curve."""
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
class AlongCurve:
    """Each goal's widest gap along the study's curve less that at strength 0, in soft rates.

    `strengths` (s,): those above 0 that have a model. `predicted`, `refitted` (s, k): to first order from the influence
    vectors and the curve's weights, and on the curve's own models. `widest` (s, k): the soft disparities of these, over
    all pairs of groups.
    """

    goals: tuple[GoalGap, ...]
    strengths: np.ndarray
    predicted: np.ndarray
    refitted: np.ndarray
    widest: np.ndarray

    @property
    def agreement(self) -> Agreement:
        """All changes predicted held against those of the curve's models."""
        return agreement(self.predicted.ravel().tolist(), self.refitted.ravel().tolist())

    @property
    def reach(self) -> tuple[float, ...]:
        """For each goal the largest strength up to which every prediction is within 10 % of its refit; 0 if none."""
        good = np.abs(self.predicted - self.refitted) <= REACH * np.abs(self.refitted)
        within = np.logical_and.accumulate(good, axis=0).sum(axis=0)
        return tuple(float(self.strengths[count - 1]) if count else 0.0 for count in within)


@dataclass(frozen=True, eq=False)
class Conflicts:
    """The angles between the k goals whose gaps can be estimated, and utility.

    `cosines` (k + 1, k + 1), utility last, with 95 % intervals `low`, `high` over samples of validation rows.
    `refitted`, of the same shape: row a is what weights against goal a (or for utility) did to the gap of every goal b,
    in the cosines' unit; NaN where no model was refitted, and for utility, whose price is in nats. `prices`: of closing
    a quarter of each goal's gap.
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
        seen = np.isfinite(self.refitted) & ~np.eye(len(self.cosines), dtype=bool)
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
    vectors = _vectors(result, rows)
    lengths = np.linalg.norm(vectors, axis=0)
    low, high = _intervals(result, rows, stop_check)
    refitted, prices = np.full((len(rows), len(rows)), np.nan), []
    for place, length in enumerate(lengths):
        stop_check()
        if report is not None:
            report(place / len(rows))
        if place < len(goals):
            value = goals[place].value
            far = NARROWED * value / length if value > NO_GAP else 0.0
        else:
            far = MOVED * np.sqrt(len(vectors)) if length else 0.0
        moved = np.clip(1.0 - far * vectors[:, place] / (length or 1.0), 0.0, result.config.max_weight)
        change, price = _tried(result, moved, stop_check)
        if place < len(goals):
            prices.append(price)
        if far and change is not None:
            unit = float(np.linalg.norm(moved - 1.0)) * np.where(lengths > 0, lengths, np.nan)
            refitted[place, :-1] = -(rows @ change / unit)[:-1]
    return Conflicts(goals, _cosines(vectors.T @ vectors), low, high, refitted, tuple(prices))


def along_curve(result: StudyResult, *, stop_check: StopCheck = never_stop) -> AlongCurve:
    """What the influence vectors foretell of the goals' gaps along the study's curve, beside its own models.

    Raises ConfigError where the study has not come to its curve.
    """
    points = [one for one in result.curve.points if one.strength > 0 and one.weights is not None]
    goals, rows = _goals(result)
    gaps, model, quantities = rows[:-1], result.model, result.quantities
    vectors, before = _vectors(result, gaps), quantities.values(model)
    pairs = [goal_pairs(quantities, one.goal, judged_groups(quantities, one.goal)) for one in goals]
    predicted, refitted, widest = np.zeros((3, len(points), len(goals)))
    for place, point in enumerate(points):
        stop_check()
        weights, theta = point.solution
        predicted[place] = (weights - 1.0) @ vectors
        values = quantities.values_at(model, theta)
        refitted[place] = gaps @ (values - before)
        widest[place] = [one.disparity(values) for one in pairs]
    return AlongCurve(goals, np.array([one.strength for one in points]), predicted, refitted, widest)


def _vectors(result: StudyResult, rows: np.ndarray) -> np.ndarray:
    """Centered influence of every training row's weight on mixtures of the quantities (k, quantities), (n, k)."""
    vectors = result.influence @ rows.T
    if result.base_train is not None:
        vectors *= result.base_train[:, None]
    return np.asarray(vectors - vectors.mean(axis=0))


def _goals(result: StudyResult) -> tuple[tuple[GoalGap, ...], np.ndarray]:
    """The goals, and the rows (k + 1, quantities) that make their widest gaps and the log loss of the quantities."""
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
    loss = np.eye(len(values))[-1]
    return tuple(found), np.array([*rows, loss])


def _cosines(gram: np.ndarray, of_nothing: float = 0.0) -> np.ndarray:
    """Cosines from inner products (..., k, k); `of_nothing` for a vector of length 0, which has no direction."""
    length = np.sqrt(np.maximum(np.diagonal(gram, axis1=-2, axis2=-1), 0.0))
    both = length[..., :, None] * length[..., None, :]
    return np.clip(np.divide(gram, both, out=np.full_like(gram, of_nothing), where=both > 0), -1.0, 1.0)


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
    """95 % intervals of the cosines, (k + 1, k + 1) each, by Poisson bootstrap of the validation rows.

    Influence vectors are -R J H^-1 g for the gradient g of a quantity, so that their centered inner products are g' M g
    with one matrix M (P, P). Only the gradients are drawn anew, with rates over the rows drawn. Sampling lengthens the
    gradients by its noise, which draws them apart, and resampling does so once more: both are taken off. Where nothing
    is left of a draw's vector it may point anywhere, and counts on both sides.
    """
    model, quantities = result.model, result.quantities
    basis = _basis(result)
    rng = np.random.default_rng(np.random.SeedSequence([result.config.seed, 12]))
    cells, n_cells, slope = quantities.cells(), 2 * len(quantities.groups), quantities.slope
    sums, counts = np.zeros((n_cells, DRAWS, model.theta_.size)), np.zeros((n_cells, DRAWS))
    losses = np.zeros((DRAWS, model.theta_.size))
    for start in range(0, cells.size, BLOCK):
        stop_check()
        these = slice(start, start + BLOCK)
        drawn = rng.poisson(1.0, (DRAWS, cells[these].size)).astype(float)
        if quantities.weights is not None:
            drawn *= quantities.weights[these]
        z = model.logits(quantities.X[these])
        soft = sigmoid(slope * (z - quantities.shift))
        losses += model.pull_back(quantities.X[these], (drawn * (sigmoid(z) - quantities.y[these])).T).T
        for cell in np.unique(cells[these]):
            inside = np.flatnonzero(cells[these] == cell)
            steep = slope * soft[inside] * (1.0 - soft[inside])
            sums[cell] += model.pull_back(quantities.X[these][inside], (drawn[:, inside] * steep).T).T
            counts[cell] += drawn[:, inside].sum(axis=1)
    whole = np.bincount(cells, quantities.weights, minlength=n_cells).astype(float)
    share = np.divide(whole[:, None], counts, out=np.zeros_like(counts), where=counts > 0)
    gaps = np.einsum("kc,cbp->bkp", quantities.over_cells(rows[:-1, :-1]), sums * share[..., None])
    gradients = np.concatenate([gaps, (losses / counts.sum(axis=0)[:, None])[:, None]], axis=1)
    drawn_products = np.einsum("bkp,pq,blq->bkl", gradients, basis, gradients, optimize=True)
    here = quantities.gradients(model) @ rows.T
    products = here.T @ basis @ here
    added = drawn_products.mean(axis=0) - products
    left = drawn_products - 2.0 * added
    low = np.quantile(_cosines(left, -1.0), 0.025, axis=0)
    high = np.quantile(_cosines(left, 1.0), 0.975, axis=0)
    cosines = _cosines(products)
    return np.minimum(low, cosines), np.maximum(high, cosines)


def _basis(result: StudyResult) -> np.ndarray:
    """M (P, P) with <a, b> = g_a' M g_b for centered influence vectors of quantities with gradients g."""
    model, own = result.model, result.base_train
    inverse, residual = model.solve(np.eye(model.theta_.size)), residuals(model)
    if own is not None:
        residual = residual * own

    def work(rows: slice) -> np.ndarray:
        unit = model.push_forward(model.X_[rows], inverse) * residual[rows, None]
        return np.vstack([unit.T @ unit, unit.sum(axis=0)])

    sums = sum_blocks(work, *extent(model.X_, model.theta_.size))
    return np.asarray(sums[:-1] - np.outer(sums[-1], sums[-1]) / residual.size)
