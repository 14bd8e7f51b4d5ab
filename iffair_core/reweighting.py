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
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from iffair_core.errors import ConfigError, Infeasible
from iffair_core.models.blocks import map_blocks, sigmoid
from iffair_core.models.logistic import LogisticModel

VARIANTS = ("diverse", "uniform", "efficient")
MAX_STEPS = 200
RESIDUAL = 1e-10


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


def diverse_weights(ask: Ask, max_weight: float) -> np.ndarray:
    """Every row moves a little in proportion to its influence: the smallest |delta|^2 that meets the ask.

    Returns weights (n,). Raises Infeasible where no weights in [0, max_weight] with mean 1 meet it.
    """
    return 1.0 + _smallest_change(ask, max_weight)[0]


def uniform_weights(ask: Ask, max_weight: float, amount: float = 1.0) -> np.ndarray:
    """The fewest rows move, all by exactly +-amount: the largest influences up and as many of the smallest down.

    Several gaps are combined with the multipliers of the diverse solution, which say how dear each of them is. Returns
    weights (n,); the ask is met to within half the effect of one pair of rows. Raises Infeasible as above.
    """
    amount = min(amount, 1.0, max_weight - 1.0)
    multipliers = _smallest_change(ask, max_weight)[1]
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
    weights[order[: pairs]] -= amount
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

    First the parameters theta nearest to `anchor` in the metric `price` (P, P), the Hessian of the utility, that meet
    the linearised ask: gradients (P, m) and gaps (m,) at the model, target (m,). Then the smallest |delta|^2 for which
    theta is the weighted optimum: sum_i w_i grad_i(theta) + penalty gradient = 0, which is linear in w.
    Returns weights (n,) and theta (P,). Raises Infeasible where no weights in [0, max_weight] do that.
    """
    at_anchor = gaps + gradients.T @ (anchor - model.theta_)
    theta = anchor + _cheapest_step(gradients, target - at_anchor, equal=equal, price=price)
    return 1.0 + _stationary_change(model, theta, max_weight, check), theta


def _beyond_reach(max_weight: float) -> str:
    return (
        f"No weights between 0 and {max_weight:g} with mean 1 close the gap that far. "
        "Choose a lower strength or a larger max_weight."
    )


def _smallest_change(ask: Ask, max_weight: float) -> tuple[np.ndarray, np.ndarray]:
    """delta (n,) of least |delta|^2 that meets `ask`, with the multipliers (m,) of the directed gaps.

    Gaps enter one at a time, the most violated first, so that many pairs of groups cost only those that bind.
    """
    n, m = ask.influence.shape
    scale = np.maximum(np.linalg.norm(ask.influence, axis=0), np.finfo(float).tiny)
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
            columns, ask.change[active] / scale[active], equal=ask.equal, low=-1.0, high=max_weight - 1.0
        )
        multipliers[:] = 0.0
        multipliers[active] = found / scale[active]
        if ask.equal:
            break
    return delta, multipliers


def _dual_newton(
    columns: np.ndarray, change: np.ndarray, *, equal: bool, low: float, high: float
) -> tuple[np.ndarray, np.ndarray]:
    """min |delta|^2 / 2 with columns' delta <= change (or =), sum(delta) = 0 and low <= delta <= high.

    delta = clip(-columns mu - nu); the concave dual in (mu, nu) is climbed by projected semi-smooth Newton steps.
    Returns delta (n,) and mu (m,) >= 0 (any sign where `equal`). Raises Infeasible where the dual has no maximum.
    """
    n, m = columns.shape
    mu, nu = np.zeros(m), 0.0
    free_sign = np.full(m + 1, equal)
    free_sign[-1] = True

    def at(mu: np.ndarray, nu: float) -> tuple[np.ndarray, np.ndarray, float]:
        raw = -(columns @ mu) - nu
        delta = np.clip(raw, low, high)
        residual = np.append(columns.T @ delta - change, delta.sum() / np.sqrt(n))
        dual = float(delta @ delta / 2 + mu @ residual[:-1] + nu * delta.sum())
        return raw, residual, dual

    raw, residual, dual = at(mu, nu)
    tolerance = RESIDUAL * max(float(np.abs(change).max()), 1e-12)
    for _ in range(MAX_STEPS):
        moving = free_sign | (np.append(mu, 1.0) > 0) | (residual > 0)
        if np.abs(residual[moving]).max() <= tolerance:
            break
        inside = (raw > low) & (raw < high)
        if not inside.any():
            raise Infeasible(_beyond_reach(high + 1.0))
        sides = np.column_stack([columns[inside], np.full(int(inside.sum()), 1 / np.sqrt(n))])[:, moving]
        gram = sides.T @ sides
        gram[np.diag_indices_from(gram)] += 1e-13 * max(float(np.trace(gram)), 1e-300)
        step = np.zeros(m + 1)
        step[moving] = np.linalg.solve(gram, residual[moving])
        size = 1.0
        while True:
            new_mu = mu + size * step[:-1]
            if not equal:
                new_mu = np.maximum(new_mu, 0.0)
            new_nu = nu + size * step[-1] / np.sqrt(n)
            new_raw, new_residual, new_dual = at(new_mu, new_nu)
            rise = residual[:-1] @ (new_mu - mu) + residual[-1] * np.sqrt(n) * (new_nu - nu)
            if new_dual >= dual + 1e-4 * rise - 1e-14 * abs(dual) or size < 1e-8:
                break
            size /= 2
        mu, nu, raw, residual, dual = new_mu, new_nu, new_raw, new_residual, new_dual
        if dual > n * max(high, 1.0) ** 2:
            raise Infeasible(_beyond_reach(high + 1.0))
    else:
        raise Infeasible(_beyond_reach(high + 1.0))
    return _centered(np.clip(raw, low, high), low, high), mu


def _centered(delta: np.ndarray, low: float, high: float) -> np.ndarray:
    """delta with the last rounding error of its sum spread over the rows inside the box."""
    inside = (delta > low) & (delta < high)
    if inside.any():
        delta = delta.copy()
        delta[inside] -= delta.sum() / inside.sum()
    return np.clip(delta, low, high)


def _cheapest_step(gradients: np.ndarray, change: np.ndarray, *, equal: bool, price: np.ndarray) -> np.ndarray:
    """argmin step' price step / 2 with gradients' step <= change (or =), (P,)."""
    factor = cho_factor(price, lower=True)
    solved = cho_solve(factor, gradients)
    gram = gradients.T @ solved
    scale = np.sqrt(np.maximum(np.diag(gram), np.finfo(float).tiny))
    active = list(range(change.size)) if equal else []
    multipliers = np.zeros(change.size)
    for _ in range(4 * change.size + 4):
        violation = -(gram @ multipliers) - change
        if not equal:
            outside = violation / scale
            outside[active] = -np.inf
            worst = int(np.argmax(outside))
            if outside[worst] <= 1e-12:
                break
            active.append(worst)
        while active:
            block = gram[np.ix_(active, active)]
            block = block + 1e-12 * np.trace(block) * np.eye(len(active))
            multipliers[:] = 0.0
            multipliers[active] = -np.linalg.solve(block, change[active])
            if equal or multipliers[active].min() >= 0:
                break
            active.remove(active[int(np.argmin(multipliers[active]))])
        if equal:
            break
    return -solved @ np.where(equal, multipliers, np.maximum(multipliers, 0.0))


def _stationary_change(
    model: LogisticModel, theta: np.ndarray, max_weight: float, check: Callable[[], None] | None
) -> np.ndarray:
    """The smallest delta (n,) for which `theta` is the optimum of the weighted objective of the model's rows.

    Same dual as `_dual_newton` with the row gradients as columns, formed block by block and never held.
    """
    X, y = model.X_, model.y_
    n, p = X.shape
    base = model.sample_weight_ * 0.0 + 1.0
    residual_of_row = sigmoid(model.logits(X, theta)) - y
    wanted = -_unit_gradient(model, theta, residual_of_row, base)
    scale = np.sqrt(np.maximum(_squares(X, residual_of_row), np.finfo(float).tiny))
    low, high = -1.0, max_weight - 1.0
    multipliers, root = np.zeros(p + 2), np.sqrt(n)

    def raw_at(multipliers: np.ndarray) -> np.ndarray:
        direction = multipliers[:-1] / scale
        return -residual_of_row * (model.logits(X, direction)) - multipliers[-1] / root

    def at(multipliers: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        raw = raw_at(multipliers)
        delta = np.clip(raw, low, high)
        reached = np.append(_weighted_columns(X, delta * residual_of_row) - wanted, 0.0)
        reached[:-1] /= scale
        reached[-1] = delta.sum() / root
        return raw, reached, float(delta @ delta / 2 + multipliers @ reached)

    raw, residual, dual = at(multipliers)
    tolerance = 1e-9 * max(float(np.abs(residual).max()), 1e-12)
    for _ in range(MAX_STEPS):
        if np.abs(residual).max() <= tolerance:
            break
        if check is not None:
            check()
        inside = (raw > low) & (raw < high)
        gram = _gram(X, np.where(inside, residual_of_row, 0.0), inside, scale)
        gram[np.diag_indices_from(gram)] += 1e-12 * max(float(np.trace(gram)), 1e-300)
        try:
            step = cho_solve(cho_factor(gram, lower=True), residual)
        except LinAlgError as error:
            raise Infeasible(_beyond_reach(max_weight)) from error
        size = 1.0
        while True:
            candidate = multipliers + size * step
            new_raw, new_residual, new_dual = at(candidate)
            if new_dual >= dual + 1e-4 * size * float(residual @ step) - 1e-14 * abs(dual) or size < 1e-6:
                break
            size /= 2
        multipliers, raw, residual, dual = candidate, new_raw, new_residual, new_dual
        if dual > n * max(high, 1.0) ** 2:
            raise Infeasible(_beyond_reach(max_weight))
    else:
        raise Infeasible(_beyond_reach(max_weight))
    return _centered(np.clip(raw, low, high), low, high)


def _unit_gradient(model: LogisticModel, theta: np.ndarray, residual: np.ndarray, weight: np.ndarray) -> np.ndarray:
    gradient = _weighted_columns(model.X_, weight * residual)
    gradient[:-1] += theta[:-1] / model.C
    return gradient


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
        sides[:, :-1] /= scale
        return sides.T @ sides

    return np.sum(map_blocks(work, n, p + 2), axis=0)


def require_rails(max_weight: float, min_effective_sample_size: float) -> None:
    """Raise ConfigError unless max_weight > 1 and 0 <= min_effective_sample_size <= 1."""
    if not (np.isfinite(max_weight) and max_weight > 1):
        raise ConfigError(f"max_weight is {max_weight}; it must be a number above 1, the weight of an untouched row.")
    if not 0 <= min_effective_sample_size <= 1:
        raise ConfigError(
            f"min_effective_sample_size is {min_effective_sample_size}; it is a share of training rows between 0 and 1."
        )
