"""Scores, a target and guard rails -> weights of training rows.

All three variants answer the same question, "which weights bring these gaps to these values, to first order?", and
differ in what they call small: `diverse` the squared change of weights, `uniform` the number of rows moved, `efficient`
the utility lost. Weights stay in [0, max_weight] with mean exactly 1, so untouched rows stay exactly 1.
The formulation is ours; the paper names the first two variants but its formulas were not available to us.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import nnls

from iffair_core.errors import ConfigError, Infeasible
from iffair_core.models.blocks import map_blocks, sigmoid
from iffair_core.models.logistic import LogisticModel

VARIANTS = ("diverse", "uniform", "efficient")
UNTOUCHED = 1e-9
MAX_STEPS = 200
RESIDUAL = 1e-10
CLOSE_ENOUGH = 1e-7


@dataclass(frozen=True)
class Ask:
    """A linear model of the gaps in the weights, and what they are asked to become.

    For delta = w - 1: gaps(delta) = at_one + influence' delta, for directed gaps j: gaps_j <= target_j, or = target_j
    where `equal`. `influence` (n, m), `at_one` and `target` (m,), in units of the gap.
    """

    influence: np.ndarray
    at_one: np.ndarray
    target: np.ndarray
    equal: bool

    @property
    def change(self) -> np.ndarray:
        return self.target - self.at_one


def effective_sample_size(weights: np.ndarray) -> float:
    """Kish's (sum w)^2 / sum w^2 as a share of the rows, in (0, 1]."""
    return float(weights.sum() ** 2 / (weights @ weights) / weights.size)


def changed(weights: np.ndarray) -> np.ndarray:
    """Which rows are moved, (n,) bool: their weight is not 1."""
    return np.abs(weights - 1.0) > UNTOUCHED


def reachable_share(influence: np.ndarray, gap: float, max_weight: float) -> float:
    """Largest share of a signed `gap` that weights in [0, max_weight] with mean 1 can close, to first order.

    influence (n,): d gap / d weight. The minimum over nu of sum_i max(a_i - nu, -(M - 1)(a_i - nu)) / |gap|, where the
    minimiser is a quantile of a: the box's upper side is given to a share 1 / M of the rows, the lower to the rest.
    A necessary condition only: a model rarely survives weights that extreme.
    """
    if gap == 0:
        return np.inf
    a = np.sort(-np.sign(gap) * influence)
    n = a.size
    lifted = int(n / max_weight)
    remainder = n - lifted * max_weight  # weight left for the one row between the two sides
    reached = max_weight * a[n - lifted :].sum() - a.sum()
    if lifted < n:
        reached += remainder * a[n - lifted - 1]
    return float(reached / abs(gap))


def diverse_weights(ask: Ask, max_weight: float, *, check: Callable[[], None] | None = None) -> np.ndarray:
    """Every row moves a little in proportion to its influence: the smallest |delta|^2 that meets the ask.

    Returns weights (n,). Raises Infeasible where no weights in [0, max_weight] with mean 1 meet it.
    """
    return np.minimum(1.0 + _smallest_change(ask, max_weight, check)[0], max_weight)


def uniform_weights(
    ask: Ask, max_weight: float, amount: float = 1.0, *, check: Callable[[], None] | None = None
) -> np.ndarray:
    """The fewest rows move, all by exactly +-amount: the largest influences up and as many of the smallest down.

    Several gaps are combined with the multipliers of the diverse solution, which say how dear each of them is. Returns
    weights (n,); the ask is met to within half the effect of one pair of rows. Raises Infeasible as above.
    """
    amount = min(amount, 1.0, max_weight - 1.0)
    multipliers = _smallest_change(ask, max_weight, check)[1]
    combined, wanted = ask.influence @ multipliers, float(multipliers @ ask.change)
    weights = np.ones(combined.size)
    if wanted == 0:
        return weights
    order = np.argsort(np.sign(wanted) * combined, kind="stable")
    half = combined.size // 2
    gain = np.abs(combined[order[::-1][:half]] - combined[order[:half]]) * amount
    reached = np.concatenate([[0.0], np.cumsum(gain)])
    pairs = int(np.argmin(np.abs(reached - abs(wanted))))
    if reached[-1] < abs(wanted):
        raise Infeasible(_beyond_reach(max_weight))
    weights[order[:pairs]] -= amount
    weights[order[combined.size - pairs :]] += amount
    return weights


def efficient_weights(
    model: LogisticModel,
    gradients: np.ndarray,
    gaps: np.ndarray,
    target: np.ndarray,
    *,
    equal: bool,
    anchor: np.ndarray,
    price: np.ndarray,
    max_weight: float,
    check: Callable[[], None] | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """The weights whose model loses the least utility, and the parameters they aim at.

    First the parameters theta nearest to `anchor` in the metric `price` (P, P), that meet the linearised ask: gradients
    (P, m) and gaps (m,) at the model, target (m,). A path gives the Hessian of the untouched model's training objective
    as price, so that distance is training loss to second order. Then the smallest |delta|^2 for which
    theta is the weighted optimum: sum_i w_i grad_i(theta) + penalty gradient = 0, which is linear in w.
    Returns weights (n,) and theta (P,). Raises Infeasible where no weights in [0, max_weight] do that.
    """
    at_anchor = gaps + gradients.T @ (anchor - model.theta_)
    theta = anchor + _cheapest_step(gradients, target - at_anchor, equal=equal, price=price)
    return np.minimum(1.0 + _stationary_change(model, theta, max_weight, check), max_weight), theta


def _beyond_reach(max_weight: float) -> str:
    return (
        f"No weights between 0 and {max_weight:g} with mean 1 close the gap that far. "
        "Choose a lower strength or a larger max_weight."
    )


def _smallest_change(
    ask: Ask, max_weight: float, check: Callable[[], None] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """delta (n,) of least |delta|^2 that meets `ask`, with the multipliers (m,) of the directed gaps.

    Gaps enter one at a time, the most violated first, so that many pairs of groups cost only those that bind.
    """
    n, m = ask.influence.shape
    scale = np.linalg.norm(ask.influence, axis=0)
    needed = np.abs(ask.change) if ask.equal else -ask.change
    if (needed > scale * np.sqrt(2 * _largest_change(n, max_weight - 1.0))).any():
        raise Infeasible(_beyond_reach(max_weight))
    scale[scale == 0] = 1.0
    multipliers, delta = np.zeros(m), np.zeros(n)
    active = list(range(m)) if ask.equal else []
    tolerance = 1e-9 * max(float(np.abs(ask.change).max()), 1e-12)
    for _ in range(2 * m + 2):
        if not ask.equal:
            violation = ask.influence.T @ delta - ask.change
            violation[active] = -np.inf
            worst = int(np.argmax(violation))
            if violation[worst] <= tolerance:
                break
            active.append(worst)
        columns = ask.influence[:, active] / scale[active]
        delta, found = _dual_newton(
            columns, ask.change[active] / scale[active], equal=ask.equal, high=max_weight - 1.0, check=check
        )
        multipliers[:] = 0.0
        multipliers[active] = found / scale[active]
        if ask.equal:
            break
    return delta, multipliers


def _dual_newton(
    columns: np.ndarray, change: np.ndarray, *, equal: bool, high: float, check: Callable[[], None] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """min |delta|^2 / 2 with columns' delta <= change (or =), sum(delta) = 0 and -1 <= delta <= high.

    `columns` (n, m) of norm 1 or less. Returns delta (n,) and mu (m,) >= 0 (any sign where `equal`). Raises Infeasible
    where no delta meets the ask.
    """
    n, m = columns.shape
    sides = np.column_stack([columns, np.full(n, 1 / np.sqrt(n))])
    wanted = np.append(change, 0.0)

    def gram(inside: np.ndarray, moving: np.ndarray) -> np.ndarray:
        curved = sides[inside][:, moving]
        return curved.T @ curved

    x, delta = _climb(
        n,
        high,
        multiply=lambda x: sides @ x,
        pull_back=lambda delta: sides.T @ delta - wanted,
        gram=gram,
        floor=np.append(np.full(m, -np.inf if equal else 0.0), -np.inf),
        check=check,
    )
    return delta, x[:-1]


def _climb(
    n: int,
    high: float,
    *,
    multiply: Callable[[np.ndarray], np.ndarray],
    pull_back: Callable[[np.ndarray], np.ndarray],
    gram: Callable[[np.ndarray, np.ndarray], np.ndarray],
    floor: np.ndarray,
    check: Callable[[], None] | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Multipliers x (m,) >= floor that maximise a concave dual, and the change delta = clip(-multiply(x), -1, high).

    `pull_back(delta)` is what the rows reach less what is wanted, the gradient of the dual; `gram` its curvature over
    the rows inside the box and the multipliers that move. Projected semi-smooth Newton steps, and steps along the
    gradient where those fail. The m sides behind `multiply` have norm 1 or less and include a constant one.
    Raises Infeasible where the dual has no maximum.
    """
    m = floor.size

    def at(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        raw = -multiply(x)
        delta = np.clip(raw, -1.0, high)
        residual = pull_back(delta)
        return raw, residual, float(delta @ delta / 2 + x @ residual)

    def off(x: np.ndarray, residual: np.ndarray) -> float:
        return float(np.abs(residual[(x > floor) | (residual > 0)]).max(initial=0.0))

    x, stretch, newton = np.zeros(m), 1.0, True
    raw, residual, dual = at(x)
    size_of_ask = max(float(np.abs(residual).max()), 1e-12)
    for _ in range(MAX_STEPS):
        if off(x, residual) <= RESIDUAL * size_of_ask:
            break
        if check is not None:
            check()
        moving = (x > floor) | (residual > 0)
        inside = (raw > -1.0) & (raw < high)
        newton = newton and bool(inside.any())
        step = np.zeros(m)
        if newton:
            curvature = gram(inside, moving)
            curvature[np.diag_indices_from(curvature)] += 1e-13 * max(float(np.trace(curvature)), 1e-300)
            step[moving] = np.linalg.solve(curvature, residual[moving])
        else:
            step[moving] = residual[moving] / m  # no curvature is above m
        size = stretch = 1.0 if newton else 4 * stretch
        enough = False
        while not enough and size > 1e-8:
            candidate = np.maximum(x + size * step, floor)
            at_candidate = at(candidate)
            enough = at_candidate[2] >= dual + 1e-4 * float(residual @ (candidate - x)) - 1e-14 * abs(dual)
            size /= 2
        if enough:
            x, (raw, residual, dual) = candidate, at_candidate
        elif not newton:
            break  # rounding is all that is left
        newton = enough
        if dual > _largest_change(n, high):
            raise Infeasible(_beyond_reach(high + 1.0))
    if off(x, residual) > CLOSE_ENOUGH * size_of_ask:
        raise Infeasible(_beyond_reach(high + 1.0))
    return x, _centered(np.clip(raw, -1.0, high), high)


def _largest_change(n: int, high: float) -> float:
    """Bound of |delta|^2 / 2 for -1 <= delta <= high with sum(delta) = 0, which no dual of a feasible ask exceeds."""
    return 0.5 * n * high * (1 + 1e-9)


def _centered(delta: np.ndarray, high: float) -> np.ndarray:
    """delta with the last rounding error of its sum spread over the rows inside the box."""
    inside = (delta > -1.0) & (delta < high)
    if inside.any():
        delta = delta.copy()
        delta[inside] -= delta.sum() / inside.sum()
    return np.clip(delta, -1.0, high)


def _cheapest_step(gradients: np.ndarray, change: np.ndarray, *, equal: bool, price: np.ndarray) -> np.ndarray:
    """argmin step' price step / 2 with gradients' step <= change (or =), (P,).

    Whitened, it is the shortest vector: least squares for equalities, and for inequalities Lawson and Hanson's
    reduction to non-negative least squares, which any number of dependent gaps cannot confuse.
    """
    scale = np.sqrt(np.diag(price))
    lower = cholesky(price / np.outer(scale, scale), lower=True)
    whitened = solve_triangular(lower, gradients / scale[:, None], lower=True)
    length = np.maximum(np.linalg.norm(whitened, axis=0), np.finfo(float).tiny)
    sides, wanted = whitened / length, change / length
    unit = float(np.abs(wanted).max())
    if unit == 0 or (not equal and wanted.min() >= 0):
        return np.zeros(price.shape[0])
    wanted = wanted / unit
    if equal:
        step = np.linalg.lstsq(sides.T, wanted, rcond=None)[0]
        missed = np.abs(sides.T @ step - wanted).max()
    else:
        goal = np.append(np.zeros(price.shape[0]), 1.0)
        system = -np.vstack([sides, wanted])
        remainder = system @ nnls(system, goal, maxiter=30 * change.size)[0] - goal
        step = -remainder[:-1] / min(remainder[-1], -np.finfo(float).tiny)
        missed = (sides.T @ step - wanted).max()
    if missed > CLOSE_ENOUGH:
        raise Infeasible("No small change of the model brings the gaps there together. Choose a lower strength.")
    return solve_triangular(lower, step * unit, lower=True, trans="T") / scale


def _stationary_change(
    model: LogisticModel, theta: np.ndarray, max_weight: float, check: Callable[[], None] | None
) -> np.ndarray:
    """The smallest delta (n,) for which `theta` is the optimum of the weighted objective of the model's rows.

    Same dual as `_dual_newton` with the row gradients as columns, formed block by block and never held.
    """
    X = model.X_
    n, p = X.shape
    residual_of_row = sigmoid(model.logits(X, theta)) - model.y_
    scale = np.sqrt(np.maximum(_squares(X, residual_of_row), np.finfo(float).tiny))
    wanted = -_weighted_columns(X, residual_of_row)
    wanted[:-1] -= theta[:-1] / model.C

    def multiply(x: np.ndarray) -> np.ndarray:
        return residual_of_row * model.logits(X, x[:-1] / scale) + x[-1] / np.sqrt(n)

    def pull_back(delta: np.ndarray) -> np.ndarray:
        reached = (_weighted_columns(X, delta * residual_of_row) - wanted) / scale
        return np.append(reached, delta.sum() / np.sqrt(n))

    def gram(inside: np.ndarray, moving: np.ndarray) -> np.ndarray:
        return _gram(X, np.where(inside, residual_of_row, 0.0), inside, scale)  # every multiplier moves: no floor

    floor = np.full(p + 2, -np.inf)
    return _climb(n, max_weight - 1.0, multiply=multiply, pull_back=pull_back, gram=gram, floor=floor, check=check)[1]


def _weighted_columns(X: np.ndarray, values: np.ndarray) -> np.ndarray:
    """X~' values, (p + 1,)."""
    parts = map_blocks(lambda rows: X[rows].T @ values[rows], *X.shape)
    return np.append(np.sum(parts, axis=0), values.sum())


def _squares(X: np.ndarray, residual: np.ndarray) -> np.ndarray:
    """Column sums of (residual x~)^2, (p + 1,)."""
    squared = residual**2
    parts = map_blocks(lambda rows: squared[rows] @ X[rows] ** 2, *X.shape)
    return np.append(np.sum(parts, axis=0), squared.sum())


def _gram(X: np.ndarray, residual: np.ndarray, inside: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Gram matrix of the columns [residual x~ / scale, 1 / sqrt(n)] over the rows inside the box, (p + 2, p + 2)."""
    n, p = X.shape

    def work(rows: slice) -> np.ndarray:
        sides = np.empty((X[rows].shape[0], p + 2))
        np.multiply(X[rows], residual[rows, None], out=sides[:, :p])
        sides[:, p] = residual[rows]
        sides[:, p + 1] = inside[rows] / np.sqrt(n)
        return sides.T @ sides

    units = np.append(scale, 1.0)
    return np.sum(map_blocks(work, n, p + 2), axis=0) / np.outer(units, units)


def require_rails(max_weight: float, min_effective_sample_size: float) -> None:
    """Raise ConfigError unless max_weight > 1 and 0 <= min_effective_sample_size <= 1."""
    if not (np.isfinite(max_weight) and max_weight > 1):
        raise ConfigError(f"max_weight is {max_weight}; it must be a number above 1, the weight of an untouched row.")
    if not 0 <= min_effective_sample_size <= 1:
        raise ConfigError(
            f"min_effective_sample_size is {min_effective_sample_size}; it is a share of training rows between 0 and 1."
        )
