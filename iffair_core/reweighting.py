"""Weights of training rows from their influences, a target for the gaps, and guard rails.

All three variants answer the same question, "which weights bring these gaps to these values, to first order?", and
differ in what they keep small: `diverse` the squared change of weights, `uniform` the number of rows moved,
`efficient` the utility lost. Weights stay in [0, max_weight] with mean exactly 1. Pinned rows keep weight 1.

The file may have brought base weights b. The model then sees b w, and a row of weight b is treated as b rows of weight
1 would be: the mean that stays 1 is that of w weighted by b, so that the total weight, and with it the effect of the
penalty, stays the same; changes of weights are measured by sums over b; rows of base weight 0 stay at 1.

The formulation is ours; the paper names the first two variants but its formulas were not available to us.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.optimize import linprog

from iffair_core.data.design import Design, in_blocks, squared
from iffair_core.errors import ConfigError, Infeasible, StopCheck, never_stop
from iffair_core.models.blocks import sigmoid, sum_over, weighted_columns
from iffair_core.models.logistic import LogisticModel

VARIANTS = ("diverse", "uniform", "efficient")
UNTOUCHED = 1e-9
MAX_STEPS = 200
RESIDUAL = 1e-10
CLOSE_ENOUGH = 1e-7
THRIFT = 10.0  # measured: from 1 on curves hardly differ, at 100 the box is met sooner
REACH = 1e-4
MAX_COLUMNS = 200


@dataclass(frozen=True)
class Rails:
    """Limits on the weights: none above `max_weight` (> 1), and the rows of `pinned` (n,) bool, if given, stay at 1.

    `base` (n,) >= 0: weights of the file, None for 1 everywhere. Solvers work on sqrt(base) delta, whose squared length
    is that of repeated rows.
    """

    max_weight: float = 5.0
    pinned: np.ndarray | None = None
    base: np.ndarray | None = None

    def low(self, n: int) -> np.ndarray:
        """Lower bounds of sqrt(base) delta for delta = w - 1, (n,)."""
        return self.stretched(np.where(self._held(n), 0.0, -1.0))

    def high(self, n: int) -> np.ndarray:
        """Upper bounds of sqrt(base) delta for delta = w - 1, (n,)."""
        return self.stretched(np.where(self._held(n), 0.0, self.max_weight - 1.0))

    def stretched(self, delta: np.ndarray) -> np.ndarray:
        """sqrt(base) delta."""
        return delta if self.base is None else delta * np.sqrt(self.base)

    def per_root(self, values: np.ndarray) -> np.ndarray:
        """values / sqrt(base) along the first axis, 0 for rows of base weight 0."""
        if self.base is None:
            return values
        root = np.sqrt(self.base).reshape(-1, *[1] * (values.ndim - 1))
        return np.divide(values, root, out=np.zeros(values.shape), where=root > 0)

    def total(self, n: int) -> float:
        """Sum of the base weights of n rows."""
        return n if self.base is None else float(self.base.sum())

    def evenness(self, n: int) -> np.ndarray:
        """The unit vector (n,) whose product with sqrt(base) delta is proportional to the change of the mean weight."""
        return np.full(n, 1 / np.sqrt(n)) if self.base is None else np.sqrt(self.base / self.base.sum())

    def free(self, n: int) -> np.ndarray:
        """Positions of the rows that may move."""
        return np.flatnonzero(~self._held(n))

    def weights(self, delta: np.ndarray) -> np.ndarray:
        """1 + delta, with rounding above the largest weight cut off."""
        return np.minimum(1.0 + delta, self.max_weight)

    def spread(self, value: float, n: int) -> np.ndarray | float:
        """value times `evenness`."""
        return value / np.sqrt(n) if self.base is None else value * self.evenness(n)

    def gathered(self, delta: np.ndarray) -> float:
        """Product of sqrt(base) delta with `evenness`."""
        return float(delta.sum() / np.sqrt(delta.size) if self.base is None else self.evenness(delta.size) @ delta)

    def _held(self, n: int) -> np.ndarray:
        held = np.zeros(n, dtype=bool) if self.pinned is None else self.pinned
        return held if self.base is None else held | (self.base == 0)


@dataclass(frozen=True)
class Ask:
    """Gaps as linear functions of the weights, and the values they are asked to reach.

    For delta = w - 1: gaps(delta) = at_one + influence' delta, for directed gaps j: gaps_j <= target_j, or = target_j
    where `equal`. `influence` (n, m) per unit of w, that is times the base weight; `at_one` and `target` (m,), in units
    of the gap.
    """

    influence: np.ndarray
    at_one: np.ndarray
    target: np.ndarray
    equal: bool

    @property
    def change(self) -> np.ndarray:
        return self.target - self.at_one


def effective_sample_size(weights: np.ndarray, base: np.ndarray | None = None) -> float:
    """Kish's (sum w)^2 / sum w^2 as a share of the rows, in (0, 1].

    With base weights, that of `base * weights` as a share of that of `base` alone: untouched weights have 1, and
    weights that even out the base exceed it.
    """
    if base is not None:
        return effective_sample_size(base * weights) / effective_sample_size(base)
    return float(weights.sum() ** 2 / (weights @ weights) / weights.size)


def mean_weight(weights: np.ndarray, base: np.ndarray | None = None) -> float:
    """Mean of weights (n,), each counted as often as its base weight says."""
    return float(weights.mean() if base is None else base @ weights / base.sum())


def changed(weights: np.ndarray) -> np.ndarray:
    """(n,) bool: rows whose weight is not 1."""
    return np.abs(weights - 1.0) > UNTOUCHED


def reachable_strength(
    influence: np.ndarray, at_one: np.ndarray, slack: np.ndarray, rails: Rails, *, equal: bool = False
) -> float:
    """Largest s for which some weights meet at_one + influence' delta + s slack <= 0 (or = 0) in all gaps at once.

    influence (n, m); at_one (m,): by how much the gaps exceed their targets at delta = 0 and s = 0; slack (m,): by how
    much more at s = 1. The bound is of first order and necessary only: a model rarely survives weights that extreme.

    This linear program over all rows is solved by column generation. A column holds the gaps that weights at a vertex
    of the rails reach. The small program over the columns so far gives multipliers, these give the next column, and so
    on until the value is within 1e-4 of the bound that the multipliers prove. Where `equal`, at_one is 0, so that
    untouched weights are an answer at s = 0.
    """
    m = at_one.size
    columns = [np.zeros(m)]
    bounded = slack > 0
    least = float(np.min(-at_one[bounded] / slack[bounded], initial=0.0)) - 1.0  # untouched weights reach that far
    for _ in range(MAX_COLUMNS):
        reached = np.column_stack(columns)
        k = reached.shape[1]
        rows = np.column_stack([reached, slack])
        mixed, one = np.append(np.ones(k), 0.0)[None, :], np.ones(1)
        found = linprog(
            np.append(np.zeros(k), -1.0),
            A_ub=None if equal else rows,
            b_ub=None if equal else -at_one,
            A_eq=np.vstack([mixed, rows]) if equal else mixed,
            b_eq=np.append(one, -at_one) if equal else one,
            bounds=[(0, None)] * k + [(least, None)],
            method="highs",
        )
        if found.status != 0:
            raise Infeasible(f"The linear programme of the largest strength has no answer: {found.message}")
        multipliers = -(found.eqlin.marginals[1:] if equal else found.ineqlin.marginals)
        columns.append(_furthest(influence, multipliers, rails))
        # Weak duality: with multipliers' slack = 1, no weights reach further than this.
        scale = float(multipliers @ slack)
        bound = -float(multipliers @ (at_one + columns[-1])) / scale if scale > 0 else np.inf
        if bound - found.x[-1] <= REACH:
            break
    return float(found.x[-1])


def _furthest(influence: np.ndarray, multipliers: np.ndarray, rails: Rails) -> np.ndarray:
    """influence' delta, (m,), for the delta within the rails, of sum 0, that makes multipliers' influence' delta least.

    Of the rows that may move, the share 1 / max_weight with the least combined influence gets the largest weight, the
    others get 0, and one row between the two gets the rest.
    """
    free = rails.free(influence.shape[0])
    if rails.base is not None:
        return _furthest_weighted(influence, multipliers, rails, free, rails.base[free])
    order = free[np.argsort(influence[free] @ multipliers, kind="stable")]
    lifted = int(free.size / rails.max_weight)
    delta = np.zeros(influence.shape[0])
    delta[order] = -1.0
    delta[order[:lifted]] = rails.max_weight - 1.0
    if lifted < free.size:
        delta[order[lifted]] += free.size - lifted * rails.max_weight
    return np.asarray(influence.T @ delta)


def _furthest_weighted(
    influence: np.ndarray, multipliers: np.ndarray, rails: Rails, free: np.ndarray, base: np.ndarray
) -> np.ndarray:
    """`_furthest` with the base weights of the rows `free`: rows go by influence per base weight."""
    order = np.argsort((influence[free] @ multipliers) / base, kind="stable")
    room = base[order] * rails.max_weight
    given = np.diff(np.minimum(np.cumsum(room), base.sum()), prepend=0.0)  # to the first rows as much as they hold
    delta = np.zeros(influence.shape[0])
    delta[free[order]] = given / base[order] - 1.0
    return np.asarray(influence.T @ delta)


def diverse_weights(ask: Ask, rails: Rails, *, stop_check: StopCheck = never_stop) -> np.ndarray:
    """Every row moves a little in proportion to its influence: the smallest |delta|^2 that meets the ask.

    Returns weights (n,). Raises Infeasible where no weights within the rails with mean 1 meet it.
    """
    return rails.weights(_smallest_change(ask, rails, stop_check)[0])


def uniform_weights(ask: Ask, rails: Rails, amount: float = 1.0, *, stop_check: StopCheck = never_stop) -> np.ndarray:
    """The fewest rows move, all by exactly +-amount: the largest influences up and as many of the smallest down.

    Several gaps are combined with the multipliers of the diverse solution, which are the price of each. Returns weights
    (n,) that meet the ask to within half the effect of one pair of rows. Raises Infeasible as `diverse_weights` does.
    With base weights, rows go by influence per base weight, and both sides move the same base weight; for that, one row
    may move by less than the amount.
    """
    amount = min(amount, 1.0, rails.max_weight - 1.0)
    multipliers = _smallest_change(ask, rails, stop_check)[1]
    combined, wanted = ask.influence @ multipliers, float(multipliers @ ask.change)
    weights = np.ones(combined.size)
    if wanted == 0:
        return weights
    free = rails.free(combined.size)
    if rails.base is not None:
        return _uniform_weighted(np.sign(wanted) * combined[free], abs(wanted), amount, free, rails.base)
    order = free[np.argsort(np.sign(wanted) * combined[free], kind="stable")]
    half = free.size // 2
    gain = np.abs(combined[order[::-1][:half]] - combined[order[:half]]) * amount
    reached = np.concatenate([[0.0], np.cumsum(gain)])
    pairs = int(np.argmin(np.abs(reached - abs(wanted))))
    if reached[-1] < abs(wanted):
        raise Infeasible(_too_short(amount))
    weights[order[:pairs]] -= amount
    weights[order[free.size - pairs :]] += amount
    return weights


def _too_short(amount: float) -> str:
    return (
        f"Moving rows by {amount:g} at most does not close the gap that far. Choose a lower strength, or the "
        "variant diverse."
    )


def _uniform_weighted(
    combined: np.ndarray, wanted: float, amount: float, free: np.ndarray, base: np.ndarray
) -> np.ndarray:
    """`uniform_weights` with base weights: combined influences (f,) of the rows `free`, `wanted` > 0 the ask."""
    own = base[free]
    order = np.argsort(combined / own, kind="stable")
    down = np.append(0.0, np.cumsum(own[order]))
    up = np.append(0.0, np.cumsum(own[order[::-1]]))
    lost = np.append(0.0, np.cumsum(combined[order]))
    won = np.append(0.0, np.cumsum(combined[order[::-1]]))
    # Candidates for the base weight that each side moves: the cumulated base weights of both sides, so that on at least
    # one side whole rows move. On the other side the last row may move in part.
    moved = np.union1d(down, up)
    moved = moved[moved <= down[-1] / 2]
    reached = amount * (np.interp(moved, up, won) - np.interp(moved, down, lost))
    if reached[-1] < wanted:
        raise Infeasible(_too_short(amount))
    weight = moved[int(np.argmin(np.abs(reached - wanted)))]
    weights = np.ones(base.size)
    for side, ends, sign in ((order, down, -amount), (order[::-1], up, amount)):
        weights[free[side]] += sign * np.clip((weight - ends[:-1]) / own[side], 0.0, 1.0)
    return weights


@dataclass(frozen=True)
class Thrift:
    """The untouched model's parameters (P,) and the Hessian (P, P) of its objective, which price a repair.

    Half the squared distance from `theta` in the metric `hessian` is the training loss that a repair costs, to second
    order.
    """

    theta: np.ndarray
    hessian: np.ndarray


def efficient_weights(
    model: LogisticModel,
    gradients: np.ndarray,
    ask: Ask,
    weights: np.ndarray,
    rails: Rails,
    start: Thrift,
    *,
    thrift: float = THRIFT,
    stop_check: StopCheck = never_stop,
) -> np.ndarray:
    """The weights whose model loses the least utility: least |delta|^2 + thrift * (training loss in nats) * 2.

    The model with `weights` (n,) is linearized: delta moves its parameters by -H^-1 sum_i (delta_i - weights_i + 1)
    grad_i, and the parameters move the gaps of `ask` by `gradients` (P, m). With `thrift` 0 this is `diverse`. A large
    `thrift` asks for the cheapest parameters that meet the ask, which weights within the rails may not reach; so the
    loss is a price and not a demand.
    Returns weights (n,). Raises Infeasible where no weights within the rails meet the ask.
    """
    X = model.X_
    n, P = X.shape[0], model.theta_.size
    residual = rails.stretched(sigmoid(model.logits(X)) - model.y_)
    unit = np.sqrt(np.maximum(_squares(X, residual), np.finfo(float).tiny))
    # First-order change of the parameters when the weights return to 1.
    back = model.solve(weighted_columns(X, residual * rails.stretched(weights - 1.0)))
    origin = model.theta_ + back - start.theta
    length = np.sqrt(np.maximum(np.einsum("ij,ij->j", gradients, model.solve(gradients)), np.finfo(float).tiny))
    metric, hessian = cho_factor(start.hessian, lower=True), model.hessian() / unit[:, None]
    some = rails.stretched(_smallest_change(ask, rails, stop_check)[0])
    moved = origin - model.solve(weighted_columns(X, some * residual))
    ceiling = float(some @ some + thrift * moved @ start.hessian @ moved) / 2 * (1 + 1e-6)

    even = rails.evenness(n)
    whole = _gram(X, residual, even, unit)

    def of_inside(inside: np.ndarray) -> np.ndarray:
        """Gram matrix over the rows inside the box: that of all rows less the few outside, or computed directly."""
        outside = np.flatnonzero(~inside)
        if 2 * outside.size > n:
            return _gram(X, np.where(inside, residual, 0.0), np.where(inside, even, 0.0), unit)
        return whole - _gram(X[outside], residual[outside], even[outside], unit)

    def solve(active: list[int]) -> tuple[np.ndarray, np.ndarray]:
        # The parameters are origin - step. The step costs utility, and H step = sum_i delta_i grad_i ties it to delta.
        m, change = len(active), ask.change[active] / length[active]
        rows = np.vstack([hessian, (gradients[:, active] / length[active]).T])
        cheapest = cho_solve(metric, rows.T) / thrift
        coupling = rows @ cheapest

        def multiply(x: np.ndarray) -> np.ndarray:
            return residual * model.logits(X, x[:P] / unit) + rails.spread(x[-1], n)

        def missed(delta: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, float]:
            saved = cheapest @ x[:-1]
            reached = np.append(weighted_columns(X, delta * residual) / unit, -change)
            off = reached - rows @ (origin + saved)
            return np.append(off, rails.gathered(delta)), float(thrift / 2 * saved @ start.hessian @ saved)

        def gram(inside: np.ndarray, moving: np.ndarray) -> np.ndarray:
            full = np.zeros((P + m + 1, P + m + 1))
            full[: P + m, : P + m] = coupling
            of_rows = np.append(np.arange(P), P + m)
            full[np.ix_(of_rows, of_rows)] += of_inside(inside)
            return full[np.ix_(moving, moving)]

        floor = np.concatenate([np.full(P, -np.inf), np.full(m, -np.inf if ask.equal else 0.0), [-np.inf]])
        x, delta = _climb(
            rails, n, multiply=multiply, missed=missed, gram=gram, floor=floor, ceiling=ceiling, stop_check=stop_check
        )
        return rails.per_root(delta), x[P:-1] / length[active]

    return rails.weights(_with_binding_gaps(ask, solve)[0])


def _beyond_reach(rails: Rails) -> str:
    return (
        f"No weights between 0 and {rails.max_weight:g} with mean 1 close the gap that far. "
        f"Choose a lower strength{', pin fewer rows' if rails.pinned is not None else ''} or a larger max_weight."
    )


def _smallest_change(ask: Ask, rails: Rails, stop_check: StopCheck = never_stop) -> tuple[np.ndarray, np.ndarray]:
    """delta (n,) of least |delta|^2 that meets `ask`, with the multipliers (m,) of the directed gaps."""
    n, influence = ask.influence.shape[0], rails.per_root(ask.influence)
    scale = np.linalg.norm(influence, axis=0)
    needed = np.abs(ask.change) if ask.equal else -ask.change
    if (needed > scale * np.sqrt(2 * _largest_change(n, rails))).any():
        raise Infeasible(_beyond_reach(rails))
    scale[scale == 0] = 1.0

    def solve(active: list[int]) -> tuple[np.ndarray, np.ndarray]:
        columns, change = influence[:, active] / scale[active], ask.change[active] / scale[active]
        delta, multipliers = _dual_newton(columns, change, rails, equal=ask.equal, stop_check=stop_check)
        return rails.per_root(delta), multipliers / scale[active]

    return _with_binding_gaps(ask, solve)


def _with_binding_gaps(
    ask: Ask, solve: Callable[[list[int]], tuple[np.ndarray, np.ndarray]]
) -> tuple[np.ndarray, np.ndarray]:
    """delta (n,) and multipliers (m,) of `solve(active)` with as many gaps active as it takes to meet the ask.

    Gaps become active one at a time, the most violated first, so that of many pairs of groups only the binding ones
    cost time.
    """
    m = ask.target.size
    multipliers, delta = np.zeros(m), np.zeros(ask.influence.shape[0])
    if ask.equal:
        return solve(list(range(m)))
    active: list[int] = []
    tolerance = 1e-9 * max(float(np.abs(ask.change).max()), 1e-12)
    for _ in range(2 * m + 2):
        violation = ask.influence.T @ delta - ask.change
        violation[active] = -np.inf
        worst = int(np.argmax(violation))
        if violation[worst] <= tolerance:
            break
        active.append(worst)
        delta, found = solve(active)
        multipliers[:] = 0.0
        multipliers[active] = found
    return delta, multipliers


def _dual_newton(
    columns: np.ndarray, change: np.ndarray, rails: Rails, *, equal: bool, stop_check: StopCheck = never_stop
) -> tuple[np.ndarray, np.ndarray]:
    """min |delta|^2 / 2 with columns' delta <= change (or =), mean weight 1 and delta within the rails.

    delta and `columns` (n, m) of norm 1 or less are those of sqrt(base) (w - 1). Returns delta (n,) and mu (m,) >= 0
    (any sign where `equal`). Raises Infeasible where no delta meets the ask.
    """
    n, m = columns.shape
    sides = np.column_stack([columns, rails.evenness(n)])
    wanted = np.append(change, 0.0)

    whole = sides.T @ sides

    def gram(inside: np.ndarray, moving: np.ndarray) -> np.ndarray:
        """That of the rows inside, or of all less that of the rows outside, whichever are fewer."""
        outside = np.flatnonzero(~inside)
        few = 2 * outside.size < n
        part = sides[outside] if few else sides[inside]
        curved = whole - part.T @ part if few else part.T @ part
        return curved[np.ix_(moving, moving)]

    x, delta = _climb(
        rails,
        n,
        multiply=lambda x: sides @ x,
        missed=lambda delta, _: (sides.T @ delta - wanted, 0.0),
        gram=gram,
        floor=np.append(np.full(m, -np.inf if equal else 0.0), -np.inf),
        ceiling=_largest_change(n, rails),
        stop_check=stop_check,
    )
    return delta, x[:-1]


def _climb(
    rails: Rails,
    n: int,
    *,
    multiply: Callable[[np.ndarray], np.ndarray],
    missed: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, float]],
    gram: Callable[[np.ndarray, np.ndarray], np.ndarray],
    floor: np.ndarray,
    ceiling: float,
    stop_check: StopCheck,
) -> tuple[np.ndarray, np.ndarray]:
    """Multipliers x (m,) >= floor that maximize a concave dual, and the change delta = clip(-multiply(x), low, high).

    delta stands for sqrt(base) (w - 1) throughout.
    `missed(delta, x)` is what is reached less what is wanted, the gradient of the dual, and what is paid besides
    |delta|^2 / 2; `gram` the dual's curvature over the rows inside the box and the multipliers that move. Projected
    semi-smooth Newton steps, and steps along the gradient where those fail. The m sides behind `multiply` have norm 1
    or less and include a constant one. Raises Infeasible where the dual has no maximum: it then passes `ceiling`, the
    objective of any answer within the rails.
    """
    low, high = rails.low(n), rails.high(n)
    m = floor.size

    def at(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
        raw = -multiply(x)
        delta = np.clip(raw, low, high)
        residual, paid = missed(delta, x)
        return raw, residual, float(delta @ delta / 2 + paid + x @ residual)

    def off(x: np.ndarray, residual: np.ndarray) -> float:
        return float(np.abs(residual[(x > floor) | (residual > 0)]).max(initial=0.0))

    x, stretch, newton = np.zeros(m), 1.0, True
    raw, residual, dual = at(x)
    size_of_ask = max(float(np.abs(residual).max()), 1e-12)
    for _ in range(MAX_STEPS):
        if off(x, residual) <= RESIDUAL * size_of_ask:
            break
        stop_check()
        moving = (x > floor) | (residual > 0)
        inside = (raw > low) & (raw < high)
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
            risen = at_candidate[2] >= dual + 1e-4 * float(residual @ (candidate - x)) - 1e-14 * abs(dual)
            # Near the end, sums over many rows round off what the dual rises by; what is missed still tells.
            enough = risen or off(candidate, at_candidate[1]) <= off(x, residual) / 2
            size /= 2
        if enough:
            x, (raw, residual, dual) = candidate, at_candidate
        elif not newton:
            break  # rounding is all that is left
        newton = enough
        if dual > ceiling:
            raise Infeasible(_beyond_reach(rails))
    if off(x, residual) > CLOSE_ENOUGH * size_of_ask:
        raise Infeasible(_beyond_reach(rails))
    delta = np.clip(raw, low, high)
    inside = (delta > low) & (delta < high)
    if inside.any():  # the last rounding error of the sum is spread over the rows inside the box
        if rails.base is None:
            delta[inside] -= delta.sum() / inside.sum()
        else:
            root = np.sqrt(rails.base)
            delta[inside] -= root[inside] * (root @ delta / rails.base[inside].sum())
    return x, np.clip(delta, low, high)


def _largest_change(n: int, rails: Rails) -> float:
    """Largest |delta|^2 / 2 within the rails at mean weight 1. The dual of a feasible ask never exceeds it."""
    return 0.5 * rails.total(n) * (rails.max_weight - 1.0) * (1 + 1e-9)


def _squares(X: Design, residual: np.ndarray) -> np.ndarray:
    """Column sums of (residual x~)^2, (p + 1,)."""
    weight = residual**2
    return np.append(sum_over(X, lambda block, own: squared(block).T @ own, weight), weight.sum())


def _gram(X: Design, residual: np.ndarray, even: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Gram matrix of the columns [residual x~ / scale, even], (p + 2, p + 2)."""
    n, p = X.shape
    if n == 0:
        return np.zeros((p + 2, p + 2))

    part, crossed = in_blocks(X)

    def work(block: Design, own: np.ndarray, beside: np.ndarray) -> np.ndarray:
        both = own * beside
        return np.concatenate([block.T @ both, [both.sum(), beside @ beside], part(block, own**2).ravel()])

    sums = sum_over(X, work, residual, even)
    out, units = np.empty((p + 2, p + 2)), np.append(scale, 1.0)
    out[:-1, :-1] = crossed(sums[p + 2 :])
    out[-1] = out[:, -1] = sums[: p + 2]
    return out / np.outer(units, units)


def require_rails(max_weight: float, min_effective_sample_size: float) -> None:
    """Raise ConfigError unless max_weight > 1 and 0 <= min_effective_sample_size <= 1."""
    if not (np.isfinite(max_weight) and max_weight > 1):
        raise ConfigError(f"max_weight is {max_weight}; it must be a number above 1, the weight of an untouched row.")
    if not 0 <= min_effective_sample_size <= 1:
        raise ConfigError(
            f"min_effective_sample_size is {min_effective_sample_size}; it is a share of training rows between 0 and 1."
        )
