"""Quantities and a fitted model -> one score for each training row and quantity.

The effect of weight is df/ds_i = -(p_i - y_i) x~_i H^-1 grad f (Koh and Liang 2017). Leaving a row out moves the
parameters by s_i (p_i - y_i) H^-1 x~_i / (1 - h_i), h_i its leverage (Cook and Weisberg 1982; Rad and Maleki 2020).
Relabelling moves them by -s_i (2 y_i - 1) H^-1 x~_i. All rows at once: one Cholesky, k right-hand sides, one product.
"""

from __future__ import annotations

import numpy as np

from iffair_core.errors import ConfigError, NotSupported
from iffair_core.models.base import InfluenceModel
from iffair_core.models.blocks import sigmoid
from iffair_core.quantities import FairnessQuantities


def influence_scores(model: InfluenceModel, quantities: FairnessQuantities) -> np.ndarray:
    """d quantity / d weight of each training row, (n, k), in units of the quantity per unit of weight.

    Positive: more weight on the row raises the quantity. Through the model only: evaluation rows keep unit weights.
    """
    return influence_of(model, quantities.gradients(model))


def influence_of(model: InfluenceModel, gradients: np.ndarray) -> np.ndarray:
    """`influence_scores` for gradients (P, k) that are already known."""
    scores = model.push_forward(model.X_, model.solve(gradients))
    scores *= residuals(model)[:, None]
    np.negative(scores, out=scores)
    return scores


def removal_effects(model: InfluenceModel, quantities: FairnessQuantities, order: int = 1) -> np.ndarray:
    """Predicted change of each quantity when a training row is left out, (n, k), in units of the quantity.

    order 0: minus weight times influence. order 1: divided by 1 - leverage, which is exact for the parameters of a
    least-squares model and close for a logistic one. Order 2 is not in this version (NotSupported).
    """
    if order == 2:
        raise NotSupported("order=2 is not in this version. Use order=1, the leverage-corrected effect.")
    if order not in (0, 1):
        raise ConfigError(f"order is {order}; choose 0 (plain) or 1 (leverage-corrected).")
    leverage = model.leverage() if order == 1 else None
    return removal_from_influence(model, influence_scores(model, quantities), leverage)


def removal_from_influence(model: InfluenceModel, influence: np.ndarray, leverage: np.ndarray | None) -> np.ndarray:
    """Removal effects (n, k) from influence scores (n, k) and, for order 1, leverages (n,)."""
    factor = -model.sample_weight_ if leverage is None else -model.sample_weight_ / (1.0 - leverage)
    return influence * factor[:, None]


def relabel_effects(model: InfluenceModel, quantities: FairnessQuantities) -> np.ndarray:
    """Predicted change of each quantity when a training row's outcome is flipped, (n, k), first order."""
    return relabel_from_influence(model, influence_scores(model, quantities))


def relabel_from_influence(model: InfluenceModel, influence: np.ndarray) -> np.ndarray:
    """Relabel effects (n, k) from influence scores (n, k): both are the same direction times a factor of the row."""
    return influence * (model.sample_weight_ * (2.0 * model.y_ - 1.0) / residuals(model))[:, None]


def residuals(model: InfluenceModel) -> np.ndarray:
    """p - y of each training row; never 0 in exact arithmetic, and kept so where the probability saturates."""
    z = model.logits(model.X_)
    return np.where(model.y_ > 0.5, -np.maximum(sigmoid(-z), 1e-300), np.maximum(sigmoid(z), 1e-300))
