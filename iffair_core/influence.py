"""How much each training row moves each quantity of a fitted model: one score per row and quantity.

The effect of weight is df/ds_i = -(p_i - y_i) x~_i H^-1 grad f (Koh and Liang 2017). Leaving a row out moves the
parameters by s_i (p_i - y_i) H^-1 x~_i / (1 - h_i), where h_i is its leverage (Cook and Weisberg 1982; Rad and Maleki
2020). Flipping its outcome moves them by -s_i (2 y_i - 1) H^-1 x~_i. For all rows together this takes one Cholesky
factorization, k right-hand sides and one product.
"""

from __future__ import annotations

import numpy as np

from iffair_core.data.design import Design, RemoteDesign, cross_product, row_forms
from iffair_core.errors import ConfigError, FitError, StopCheck, never_stop
from iffair_core.models.base import InfluenceModel
from iffair_core.models.blocks import map_over, row_blocks, sigmoid, sum_over
from iffair_core.models.logistic import LogisticModel
from iffair_core.quantities import FairnessQuantities, decisions

PAIRS_AT_ONCE = 2_000_000
ROWS_AT_ONCE = 512
ROUNDING = 1e-12
CURVED = 1e-3
"""Second order is computed from this mean leverage on; below it, first order is within about 0.1 % for gaps."""
MULTIPLICATIONS = 1e10
"""Largest rows x parameters^2 x quantities for which a study computes second order; this takes a few seconds."""


def influence_scores(model: InfluenceModel, quantities: FairnessQuantities) -> np.ndarray:
    """d quantity / d weight of each training row, (n, k), in units of the quantity per unit of weight.

    Positive: more weight on the row raises the quantity. Only the effect through the model counts: evaluation rows keep
    their weights.
    """
    return influence_of(model, quantities.gradients(model))


def influence_of(model: InfluenceModel, gradients: np.ndarray) -> np.ndarray:
    """`influence_scores` for gradients (P, k) that are already known."""
    directions = model.solve(gradients)
    if isinstance(model, LogisticModel):
        return _linear_influence(model, directions)
    scores = model.push_forward(model.X_, directions)
    scores *= -residuals(model)[:, None]
    return scores


def _linear_influence(model: LogisticModel, directions: np.ndarray) -> np.ndarray:
    """`influence_of` for a linear logit, in one pass over the rows: directions (P, k) -> (n, k)."""
    both = np.ascontiguousarray(np.column_stack([directions, model.theta_]))

    def work(block: Design, y: np.ndarray) -> np.ndarray:
        moved = block @ both[:-1]
        residual = _residual(moved[:, -1] + both[-1, -1], y)
        np.negative(residual, out=residual)
        found = np.empty((y.size, both.shape[1] - 1))
        for j in range(found.shape[1]):
            np.multiply(moved[:, j] + both[-1, j], residual, out=found[:, j])
        return found

    return map_over(model.X_, work, model.y_, columns=directions.shape[1])


def one_step_parameters(
    model: InfluenceModel, weights: np.ndarray, relabeled: InfluenceModel | None = None
) -> np.ndarray:
    """Parameters predicted for training weights (n,) without a refit, (P,).

    The first-order answer theta - H^-1 (gradient with the new weights), and for a logistic model one Newton step from
    there on the objective with the new weights, where its Hessian can be factorized. `relabeled`: the same model beside
    other outcomes, where those change too.
    """
    moved = model if relabeled is None else relabeled
    change = weights * residuals(moved) - model.sample_weight_ * residuals(model)
    pull_back = model.pull_back
    pulled = sum_over(model.X_, lambda block, own: pull_back(block, own[:, None]), change)
    theta = model.theta_ - model.solve(pulled)[:, 0]
    if not isinstance(moved, LogisticModel):
        return theta
    try:
        return moved.newton_step(theta, weights)
    except FitError:
        return theta


def removal_effects(model: InfluenceModel, quantities: FairnessQuantities, order: int = 1) -> np.ndarray:
    """Predicted change of each quantity when a training row is left out, (n, k), in units of the quantity.

    order 0: minus weight times influence. order 1: divided by 1 - leverage, which is exact for the parameters of a
    least-squares model and close for a logistic one. order 2: with `removal_curvature` on top, for a logistic model
    (NotSupported for others), at about k times the cost.
    """
    if order not in (0, 1, 2):
        raise ConfigError(f"order is {order}; choose 0 (plain), 1 (leverage-corrected) or 2 (with curvature).")
    curvature = removal_curvature(model, quantities) if order == 2 else None
    leverage = model.leverage() if order else None
    effects = influence_scores(model, quantities)
    effects *= _removal_factor(model, leverage)[:, None]
    if curvature is not None:
        effects += curvature
    return effects


def removal_from_influence(model: InfluenceModel, influence: np.ndarray, leverage: np.ndarray | None) -> np.ndarray:
    """Removal effects (n, k) from influence scores (n, k) and, for order 1, leverages (n,)."""
    return influence * _removal_factor(model, leverage)[:, None]


def _removal_factor(model: InfluenceModel, leverage: np.ndarray | None) -> np.ndarray:
    """Removal effect per influence, (n,)."""
    if leverage is None:
        return -model.sample_weight_
    factor = leverage - 1.0
    return np.divide(model.sample_weight_, factor, out=factor)


def affordable_order(model: InfluenceModel, quantities: FairnessQuantities, leverage: np.ndarray) -> int:
    """Order of a study's removal effects: 2 where the model has one, it tells more than order 1, and takes seconds."""
    cost = leverage.size * model.theta_.size**2 * len(quantities.names)
    curved = leverage.mean() >= CURVED and cost <= MULTIPLICATIONS
    return 2 if isinstance(model, LogisticModel) and curved else 1


def removal_curvature(
    model: InfluenceModel, quantities: FairnessQuantities, stop_check: StopCheck = never_stop
) -> np.ndarray:
    """What order 2 adds to the leverage-corrected removal effects, (n, k).

    delta_i' Q_f delta_i / 2 + t_i u_i (x~_i delta_i)^2 / 2 with the leverage-corrected step delta_i,
    u = X~ H^-1 grad f, t = s p (1 - p)(1 - 2 p) and Q_f = hess f - X~' diag(t u) X~: the gap's own curvature, and the
    objective's third derivative less the row's own part of it. What remains is of third order in the step.
    `stop_check` may raise to cancel. Raises NotSupported unless logits are linear in the parameters.
    """
    hessians = quantities.hessians(model)
    stop_check()
    # A check of this process says nothing where the rows lie elsewhere.
    check = never_stop if isinstance(model.X_, RemoteDesign) else stop_check
    X, y, s, theta = model.X_, model.y_, model.sample_weight_, model.theta_
    size, k = theta.size, hessians.shape[0]
    inverse, directions = model.solve(np.eye(size)), model.solve(quantities.gradients(model))

    def third(block: Design, s: np.ndarray) -> np.ndarray:
        check()
        p = sigmoid(block @ theta[:-1] + theta[-1])
        bend = (s * p * (1.0 - p) * (1.0 - 2.0 * p))[:, None] * (block @ directions[:-1] + directions[-1])
        return np.stack([cross_product(block, bend[:, j]) for j in range(k)])

    curved = inverse @ (hessians - sum_over(X, third, s)) @ inverse
    reach_of, curved_of = row_forms(X, inverse), [row_forms(X, one) for one in curved]

    def work(block: Design, y: np.ndarray, s: np.ndarray) -> np.ndarray:
        check()
        z = block @ theta[:-1] + theta[-1]
        p = sigmoid(z)
        d = s * p * (1.0 - p)
        reach = reach_of(block)
        factor = s * _residual(z, y) / (1.0 - d * reach)
        found = np.empty((y.size, k))
        for j in range(k):
            found[:, j] = curved_of[j](block)
        found += (d * (1.0 - 2.0 * p) * reach**2)[:, None] * (block @ directions[:-1] + directions[-1])
        found *= (factor**2 / 2.0)[:, None]
        return found

    return map_over(X, work, y, s, columns=k)


def removal_steps(model: InfluenceModel, rows: np.ndarray, leverage: np.ndarray) -> np.ndarray:
    """Predicted move of the parameters when each of `rows` (r,) is left out, (P, r); `leverage` (n,) of all rows.

    s_i (p_i - y_i) H^-1 J_i' / (1 - h_i): for a logistic model, a Newton step on the objective without the row.
    """
    return model.solve(model.pull_back(model.X_[rows], np.eye(rows.size))) * _step_sizes(model, rows, leverage)


def _step_sizes(model: InfluenceModel, rows: np.ndarray, leverage: np.ndarray) -> np.ndarray:
    residual = _residual(model.logits(model.X_[rows]), model.y_[rows])
    return np.asarray(model.sample_weight_[rows] * residual / (1.0 - leverage[rows]))


def hard_removal_effects(
    model: InfluenceModel,
    quantities: FairnessQuantities,
    rows: np.ndarray | None = None,
    leverage: np.ndarray | None = None,
) -> np.ndarray:
    """Predicted change of each hard gap, in the order of `quantities.gaps`, when a training row is left out, (r, gaps).

    Decisions at the parameters moved by `removal_steps`, logits to first order, beside those of the model. `rows`:
    positions of r training rows, all if None; `leverage` (n,) of all training rows, if known.
    Only evaluation rows near the threshold can flip, because |J_v delta_i| is at most the product of the two lengths
    in H^-1 and H: the cost is r P^2 + m P^2 and P for each pair that passes that bound, r m P at worst. A few ten MB
    are held at a time.
    """
    rows = np.arange(model.y_.size) if rows is None else rows
    leverage = model.leverage() if leverage is None else leverage
    z = model.logits(quantities.X) - quantities.shift
    near, far = _flip_bounds(model, quantities.X, z, rows, leverage)
    by_margin, by_length = np.argsort(near, kind="stable"), np.argsort(-far, kind="stable")
    margins = near[by_margin]
    out = np.zeros((rows.size, len(quantities.gaps)))
    start = 0
    while start < rows.size:
        within = by_margin[: np.searchsorted(margins, far[by_length[start]], side="right")]
        if within.size == 0:
            break
        batch = by_length[start : start + min(ROWS_AT_ONCE, max(1, PAIRS_AT_ONCE // within.size))]
        moved = model.push_forward(quantities.X[within], removal_steps(model, rows[batch], leverage))
        moved += z[within, None]
        flips = decisions(moved).astype(np.int8) - decisions(z[within]).astype(np.int8)[:, None]
        at, which = np.nonzero(flips)
        changes = quantities.effect_of_decisions(within[at]) * flips[at, which][:, None]
        np.add.at(out, batch[which], changes)
        start += batch.size
    return out


def flipped_decisions(
    model: InfluenceModel, quantities: FairnessQuantities, row: int, leverage: np.ndarray
) -> np.ndarray:
    """Evaluation rows (f,) whose decision is predicted to flip when training row `row` is left out."""
    z = model.logits(quantities.X) - quantities.shift
    moved = z + model.push_forward(quantities.X, removal_steps(model, np.array([row]), leverage))[:, 0]
    return np.flatnonzero(decisions(moved) != decisions(z))


def _flip_bounds(
    model: InfluenceModel, X: Design, z: np.ndarray, rows: np.ndarray, leverage: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(m,) and (r,) numbers such that leaving row i out can flip the decision of v only where the first <= the second.

    Margin of v over the length of its gradient in H^-1, and length of the parameters' step in H. For few rows, where
    the lengths would cost more than they save, all pairs pass.
    """
    if rows.size <= model.theta_.size:
        return np.zeros(z.size), np.ones(rows.size)
    identity = np.eye(model.theta_.size)
    inverse = model.solve(identity)

    def squared_lengths(X: Design) -> np.ndarray:
        if isinstance(model, LogisticModel):
            return np.maximum(map_over(X, row_forms(X, inverse)), 0.0)
        parts = [
            np.einsum("ij,ij->i", model.push_forward(X[rows], identity), model.push_forward(X[rows], inverse))
            for rows in row_blocks(X.shape[0], identity.shape[0])
        ]
        return np.maximum(np.concatenate(parts), 0.0)

    step = np.abs(_step_sizes(model, rows, leverage)) * np.sqrt(squared_lengths(model.X_[rows]))
    margin = np.maximum(np.abs(z) - ROUNDING, 0.0)
    length = np.sqrt(squared_lengths(X))
    return margin / np.maximum(length, np.finfo(float).tiny), (1.0 + 1e-9) * step


def relabel_effects(model: InfluenceModel, quantities: FairnessQuantities) -> np.ndarray:
    """Predicted change of each quantity when a training row's outcome is flipped, (n, k), first order."""
    return relabel_from_influence(model, influence_scores(model, quantities))


def relabel_from_influence(model: InfluenceModel, influence: np.ndarray) -> np.ndarray:
    """Relabel effects (n, k) from influence scores (n, k): both are the same direction times a factor of the row."""
    return influence * (model.sample_weight_ * (2.0 * model.y_ - 1.0) / residuals(model))[:, None]


def residuals(model: InfluenceModel) -> np.ndarray:
    """p - y of each training row; never 0 in exact arithmetic, and kept so where the probability saturates."""
    return _residual(model.logits(model.X_), model.y_)


def _residual(z: np.ndarray, y: np.ndarray) -> np.ndarray:
    side = np.where(y > 0.5, -1.0, 1.0)
    return np.asarray(side * np.maximum(sigmoid(side * z), 1e-300))
