"""Rival weights of the training rows, from counts alone or from a fitted model."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.optimize import OptimizeResult, linprog

from iffair_core.errors import RivalFailed, StopCheck, never_stop
from iffair_core.influence import influence_of
from iffair_core.metrics import GOAL_METRIC, point_metrics
from iffair_core.models.base import InfluenceModel
from iffair_core.models.blocks import sigmoid
from iffair_core.models.logistic import LogisticModel, column_units
from iffair_core.quantities import FairnessQuantities, goal_pairs
from iffair_core.rivals.base import RivalProblem, Solution, with_weights

LABEL_BIAS_RATE = 1.0
LABEL_BIAS_ROUNDS = 100
LABEL_BIAS_TOLERANCE = 1e-4
INFLUENCE_SHARES = (0.25, 0.5, 1.0)
INFLUENCE_REMOVED = 0.1
PROGRAMME_ROWS = 10_000  # of so many rows a linear programme is solved in a twentieth of a second


def reweighing_weights(y: np.ndarray, codes: np.ndarray, base: np.ndarray | None = None) -> np.ndarray:
    """Reweighing: P(group) P(outcome) / P(group, outcome), which makes group and outcome independent.

    Parameters
    ----------
    y : (n,) of 0 and 1. codes : (n,) integers >= 0, the group of each row. base : (n,) weights that the rows have
    already; probabilities are then weighted.

    Returns
    -------
    (n,) float64, positive, mean 1 (over `base`, if given); equal within a group and outcome.

    Raises
    ------
    ValueError if there is no row, lengths differ, an outcome is neither 0 nor 1 or a code is negative.

    Source: Kamiran and Calders (2012), Knowl. Inf. Syst. 33, 1-33. Where a group lacks one outcome, that formula has a
    mean below 1; the weights are then scaled up to mean 1, which leaves their ratios as they are.
    """
    return _by_cell(
        y, codes, lambda counts: counts.sum(axis=1, keepdims=True) * counts.sum(axis=0) / counts.sum(), base
    )


def fairbalance_weights(y: np.ndarray, codes: np.ndarray, base: np.ndarray | None = None) -> np.ndarray:
    """FairBalance: P(group) / P(group, outcome), which gives both outcomes of a group the same total weight.

    Arguments, result and errors as `reweighing_weights`; each group keeps its share of the total.
    Source: Yu, Chakraborty and Menzies (2024), IEEE Trans. Software Eng., "FairBalance: How to Achieve Equalized Odds
    With Data Pre-processing".
    """
    return _by_cell(y, codes, lambda counts: counts.sum(axis=1, keepdims=True) * np.ones(2), base)


def fairbalance_variant_weights(y: np.ndarray, codes: np.ndarray, base: np.ndarray | None = None) -> np.ndarray:
    """FairBalanceVariant: 1 / P(group, outcome), which gives every group and outcome the same total weight.

    Arguments, result, errors and source as `fairbalance_weights`.
    """
    return _by_cell(y, codes, np.ones_like, base)


def _by_cell(
    y: np.ndarray, codes: np.ndarray, totals: Callable[[np.ndarray], np.ndarray], base: np.ndarray | None
) -> np.ndarray:
    """Weights of mean 1 that are equal within a cell, whose sums over cells are proportional to `totals(counts)`.

    counts (G, 2) -> totals (G, 2). Empty cells get nothing. With `base` (n,), counts and sums are of base weights.
    """
    y, codes = np.asarray(y), np.asarray(codes)
    if y.ndim != 1 or y.size == 0 or y.shape != codes.shape:
        raise ValueError(f"Outcome and group need one value per row, got shapes {y.shape} and {codes.shape}.")
    favorable = y == 1
    if not np.all(favorable | (y == 0)):
        raise ValueError("Every outcome must be 0 or 1.")
    if codes.min() < 0:
        raise ValueError(f"Group codes must not be negative, seen {codes.min()}.")
    cell = codes.astype(np.int64) * 2 + favorable
    counts = np.bincount(cell, base, minlength=2 * (int(codes.max()) + 1)).reshape(-1, 2).astype(np.float64)
    wanted = totals(counts)
    weights = np.divide(wanted, counts, out=np.zeros_like(counts), where=counts > 0)
    reached = wanted[counts > 0].sum() / (y.size if base is None else counts.sum())
    # Where no cell is empty the published formulas of the first two have mean 1 already, to the last bit.
    if abs(reached - 1.0) > 1e-12:
        weights /= reached
    return np.asarray(weights.ravel()[cell])


def reweighing(problem: RivalProblem) -> Solution:
    """The ordinary model refitted with `reweighing_weights`."""
    return with_weights(problem, reweighing_weights(problem.y, problem.group_codes, problem.base))


def fairbalance(problem: RivalProblem) -> Solution:
    """The ordinary model refitted with `fairbalance_weights`."""
    return with_weights(problem, fairbalance_weights(problem.y, problem.group_codes, problem.base))


def fairbalance_variant(problem: RivalProblem) -> Solution:
    """The ordinary model refitted with `fairbalance_variant_weights`."""
    return with_weights(problem, fairbalance_variant_weights(problem.y, problem.group_codes, problem.base))


# ---------------------------------------------------------------------------------------------------------- label bias


def label_bias(problem: RivalProblem) -> Solution:
    """The model that `label_bias_weights` ends with.

    A model that is not a logistic one is only refitted at the end: the 100 fits on the way are logistic regressions.
    """
    start = problem.model
    notes: tuple[str, ...] = ()
    if not isinstance(start, LogisticModel):
        start = LogisticModel(problem.C).fit(problem.X, problem.y, problem.base)
        notes = ("Its weights were found with logistic regression, then given to the model of this study.",)
    weights = label_bias_weights(
        start,
        problem.group_codes,
        problem.n_groups,
        problem.goal,
        problem.stop_check,
        base=problem.base,
        shift=problem.validation.shift,
    )
    return with_weights(problem, weights, notes)


def label_bias_weights(
    start: LogisticModel,
    codes: np.ndarray,
    n_groups: int,
    goal: str,
    stop_check: StopCheck = never_stop,
    *,
    base: np.ndarray | None = None,
    shift: float = 0.0,
) -> np.ndarray:
    """Weights of the last of 100 rounds of fitting, measuring each group's violation and moving its multiplier by it.

    Parameters
    ----------
    start : the model fitted to the rows with unit weights, or with `base` (n,), over which rates and means then are,
    and which multiplies the weights in every fit. codes : (n,) integers in [0, n_groups), the group of each
    row. goal : demographic_parity, equal_opportunity or equalized_odds. shift : logit from which a row is selected.

    Returns
    -------
    (n,) float64, positive, mean 1. A favorable row of group g weighs sigma(2 m_g), another one sigma(-2 m_g), before
    scaling; m_g is the sum of the violations so far, rate of all minus rate of g, of decisions on the training rows.
    For equalized odds favorable rows have a multiplier of their own, from true positive rates, and the others one from
    false positive rates. A rate without rows moves nothing.

    The rate of learning 1 and the 100 rounds are the published ones, and so is taking the last round, whatever it
    reached. Fits stop at |gradient|_inf / n <= 1e-4, as scikit-learn does; weights are scaled to mean 1,
    so that the penalty means the same as elsewhere.
    Source: Jiang and Nachum (2020), AISTATS, "Identifying and Correcting Label Bias in Machine Learning". The paper
    states no objective for error rates.
    """
    cells = 2 * codes + (start.y_ > 0.5)
    counts = np.bincount(cells, base, minlength=2 * n_groups).reshape(-1, 2)
    multipliers = np.zeros((n_groups, 2))
    fits = _NearbyFits(start)
    weights = np.ones(codes.size)
    for round_number in range(LABEL_BIAS_ROUNDS):
        stop_check()
        if round_number:
            of_cell = sigmoid(multipliers * (-2.0, 2.0))
            weights = (of_cell / np.average(of_cell, weights=counts)).ravel()[cells]
        selected = fits.logits(weights if base is None else weights * base) >= shift
        chosen = None if base is None else base[selected]
        taken = np.bincount(cells[selected], chosen, minlength=2 * n_groups).reshape(-1, 2)
        multipliers += LABEL_BIAS_RATE * _violations(taken, counts, goal)
    return weights


def _violations(taken: np.ndarray, counts: np.ndarray, goal: str) -> np.ndarray:
    """Rate of all minus rate of each group, (G, 2), by outcome; both outcomes alike unless the goal is odds."""
    if goal == "demographic_parity":
        taken, counts = (np.repeat(table.sum(axis=1, keepdims=True), 2, axis=1) for table in (taken, counts))
    elif goal == "equal_opportunity":
        taken, counts = (np.repeat(table[:, 1:], 2, axis=1) for table in (taken, counts))
    overall, rates = _rates(taken.sum(axis=0), counts.sum(axis=0)), _rates(taken, counts)
    return np.where(counts > 0, overall - rates, 0.0)


def _rates(taken: np.ndarray, counts: np.ndarray) -> np.ndarray:
    return np.divide(taken, counts, out=np.zeros(counts.shape), where=counts > 0)


class _NearbyFits:
    """Fits of one logistic model to weights that change little from one to the next.

    A step uses the Hessian of an earlier exact fit; where three of them do not arrive, there is a new exact fit.
    """

    def __init__(self, start: LogisticModel) -> None:
        self.model, self.theta = start, start.theta_
        self.units = column_units(start.X_)

    def logits(self, weights: np.ndarray) -> np.ndarray:
        """Logits of the rows under the fit with these weights (n,), (n,)."""
        for _ in range(4):
            gradient = self.model.gradient(self.theta, weights)
            if np.abs(gradient / self.units).max() <= LABEL_BIAS_TOLERANCE * weights.size:
                break
            self.theta = self.theta - self.model.solve(gradient)
        else:
            self.model = self.model.refitted(weights)
            self.theta = self.model.theta_
        return self.model.logits(self.model.X_, self.theta)


# ----------------------------------------------------------------------------------------------- influence, Li and Liu


def influence_programme(problem: RivalProblem) -> Solution:
    """Li and Liu's weights, the share of the gap to close chosen on validation rows.

    Of the shares 1/4, 1/2 and 1 the one whose refit has the smallest disparity on validation rows at a cost in accuracy
    there within the budget; the most accurate one where none is within it. The paper tunes its shares per data set.
    """
    fair, utility, gap = _fairness_and_utility(problem)
    base = problem.base
    if _out_of_reach(fair, gap):
        note = "No removal of rows closes the gap; the tenth of the rows that lowers it most is left out."
        return with_weights(problem, removal_programme(fair, utility, gap, base=base), (note,))
    measured = problem.validation
    tried = []
    for share in INFLUENCE_SHARES:
        problem.stop_check()
        solution = with_weights(problem, removal_programme(fair, utility, gap, share=share, base=base))
        scores = solution.decide(measured.X, measured.group_codes).scores
        assert scores is not None
        values = point_metrics(
            measured.y, scores, measured.group_codes, len(measured.groups), measured.weights, problem.threshold
        )
        tried.append((values["accuracy"] or 0.0, values[GOAL_METRIC[problem.goal]], share, solution))
    before = measured.accuracy(problem.model)
    within = [item for item in tried if item[0] >= before - problem.budget and item[1] is not None]
    _, _, share, solution = (
        min(within, key=lambda item: (item[1], item[2])) if within else max(tried, key=lambda item: item[0])
    )
    note = f"Asked to close {100 * share:g} % of the gap, the best of three shares on validation rows."
    return Solution(solution.decide, solution.weights, solution.theta, (note,))


def removal_programme(
    fair: np.ndarray, utility: np.ndarray, gap: float, *, share: float = 1.0, base: np.ndarray | None = None
) -> np.ndarray:
    """Weights in [0, 1] before scaling that close `share` of `gap` by the least removal, at no cost in utility.

    Parameters
    ----------
    fair, utility : (n,) first-order change of the gap and of the loss when a row is left out. gap : > 0, before.
    base : (n,) weights that the rows have already; x counts that often in every sum, and so does the mean.

    Returns
    -------
    (n,) float64, >= 0, mean 1: 1 minus the removed parts x of the linear programme min sum x subject to
    fair . x <= -share gap, utility . x <= 0, 0 <= x <= 1. Where all rows together cannot close the gap: min fair . x
    subject to utility . x <= 0 and sum x <= n / 10.

    Raises RivalFailed where the programme has no solution.
    Source: Li and Liu (2022), ICML, "Achieving Fairness at No Utility Cost via Data Reweighing with Influence", with
    beta = share, gamma = 0 and alpha = 0.1; what they leave unscaled has mean 1 here.
    """
    every, tiny = np.ones(fair.size) if base is None else base, np.finfo(float).tiny
    # The largest entry of every row is 1: on effects as small as they come the solver takes forty times as long.
    unit = max(np.abs(fair).max(), tiny)
    of_gap, of_loss = fair / unit, utility / max(np.abs(utility).max(), tiny)
    if _out_of_reach(fair, gap):
        cost, limits, bounds = of_gap, np.vstack([of_loss, every]), [0.0, INFLUENCE_REMOVED * every.sum()]
    else:
        cost, limits, bounds = every, np.vstack([of_gap, of_loss]), [-share * gap / unit, 0.0]
    removed = least_removal(cost, limits, np.array(bounds))
    if removed is None:
        raise RivalFailed("No removal of rows closes the gap at no cost in loss, to first order.")
    kept = 1.0 - removed
    if not (kept * every).any():
        raise RivalFailed("It removes every row.")
    return np.asarray(kept / (kept.mean() if base is None else base @ kept / base.sum()))


def least_removal(
    cost: np.ndarray, limits: np.ndarray, bounds: np.ndarray, few: int = PROGRAMME_ROWS
) -> np.ndarray | None:
    """x (n,) from 0 to 1 of least cost . x subject to limits x <= bounds; None where no x meets them.

    cost (n,), limits (m, n), bounds (m,); `few`: rows of a programme that is solved at once. The limits have prices at
    which each row either costs more than it brings, and stays at 0, or less, and goes to 1; only a few are between. Of
    many rows a sample tells the prices roughly. The programme is then solved for the rows that these prices leave in
    doubt, the others fixed, and its own prices have to confirm the others. Where they do not, nor those after them,
    it is solved for all rows.
    """

    def solved(rows: np.ndarray | slice, room: np.ndarray, method: str = "highs-ipm") -> OptimizeResult:
        return linprog(cost[rows], A_ub=limits[:, rows], b_ub=room, bounds=(0, 1), method=method)

    n = cost.size
    if n < 2 * few:
        found = solved(slice(None), bounds, "highs")
        return None if found.x is None else np.clip(found.x, 0.0, 1.0)
    stride = n // few
    found = solved(slice(None, None, stride), bounds / stride)
    for _ in range(2):
        if found.x is None:
            break
        beyond = cost - found.ineqlin.marginals @ limits
        near = np.argpartition(np.abs(beyond), few)[:few]
        x = np.where(beyond < 0, 1.0, 0.0)
        x[near] = 0.0
        found = solved(near, bounds - limits @ x)
        if found.x is not None:
            confirmed = (cost - found.ineqlin.marginals @ limits) * (1.0 - 2.0 * x)
            confirmed[near] = 0.0
            if (confirmed >= 0).all():
                x[near] = np.clip(found.x, 0.0, 1.0)
                return x
    found = solved(slice(None), bounds)
    return None if found.x is None else np.clip(found.x, 0.0, 1.0)


def _out_of_reach(fair: np.ndarray, gap: float) -> bool:
    """Whether the gap stays open, to first order, even when every row that widens it is left out."""
    return bool(gap >= -fair[fair < 0].sum())


def _fairness_and_utility(problem: RivalProblem) -> tuple[np.ndarray, np.ndarray, float]:
    """First-order removal effects of every training row on the paper's gap and on log loss, and that gap.

    Equal opportunity: difference of two groups' mean log loss on favorable rows, as in the paper; demographic parity:
    difference of mean probabilities, as in the paper; the other goals, for which it defines nothing: our soft gap. Of
    several groups the two that are furthest apart.
    """
    model, measured = problem.model, problem.validation
    gradients = measured.gradients(model)
    if problem.goal == "equal_opportunity":
        gap, direction = _loss_gap(model, measured)
    else:
        pairs, values = goal_pairs(measured, problem.goal), measured.values(model)
        row = pairs.matrix[pairs.worst(values)]
        gap, direction = float(row @ values), gradients @ row
    if not gap > 0:
        raise RivalFailed("There is no gap to close on validation rows.")
    removal = -influence_of(model, np.column_stack([direction, gradients[:, -1]]))
    if problem.base is not None:
        removal *= problem.base[:, None]
    return removal[:, 0], removal[:, 1], gap


def _loss_gap(model: InfluenceModel, measured: FairnessQuantities) -> tuple[float, np.ndarray]:
    """Largest difference between two groups' mean log loss on favorable rows, and its gradient (P,)."""
    rows = np.flatnonzero(measured.y > 0.5)
    codes = measured.group_codes[rows]
    weights = None if measured.weights is None else measured.weights[rows]
    counts = np.bincount(codes, weights, minlength=len(measured.groups))
    known = np.flatnonzero(counts)
    if known.size < 2:
        raise RivalFailed("Fewer than two groups have favorable validation rows.")
    z = model.logits(measured.X[rows])
    loss = np.logaddexp(0.0, -z) if weights is None else weights * np.logaddexp(0.0, -z)
    means = np.bincount(codes, weights=loss, minlength=counts.size)[known] / counts[known]
    over, under = known[means.argmax()], known[means.argmin()]
    sign = (codes == over) / counts[over] - (codes == under) / counts[under]
    sign = sign if weights is None else sign * weights
    gradient = model.pull_back(measured.X[rows], (sign * (sigmoid(z) - 1.0))[:, None])[:, 0]
    return float(means.max() - means.min()), gradient
