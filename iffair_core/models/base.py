"""What influence needs from a model, and nothing more.

Every quantity this package repairs depends on the parameters theta only through the logits z of some evaluation rows,
and every training row acts on theta only through the logit of that row. So a model has to answer four questions: the
logits, J'C (pull back), JV (push forward), and a solve with the Hessian of its own training objective.
"""

from __future__ import annotations

from typing import Protocol, Self

import numpy as np

from iffair_core.data.design import Design
from iffair_core.errors import StopCheck, never_stop


class InfluenceModel(Protocol):
    """A classifier fitted to a stationary point of sum_i s_i l_i(theta) + penalty.

    Shapes: n training rows, m any rows, P parameters, k quantities.
    """

    theta_: np.ndarray  # (P,)
    X_: Design  # (n, p), as given to `fit`
    y_: np.ndarray  # (n,), 0 or 1
    sample_weight_: np.ndarray  # (n,)

    def fit(
        self,
        X: Design,
        y: np.ndarray,
        sample_weight: np.ndarray | None = None,
        *,
        stop_check: StopCheck = never_stop,
    ) -> Self:
        """Fit to a stationary point of the weighted objective; `stop_check` is called on the way, and may raise."""
        ...

    def refitted(self, sample_weight: np.ndarray, *, stop_check: StopCheck = never_stop) -> Self:
        """A model of the same kind on the same rows with these weights, started from this one."""
        ...

    def predict_proba(self, X: Design) -> np.ndarray:
        """P(y = 0), P(y = 1) of each row, (m, 2)."""
        ...

    def logits(self, X: Design, theta: np.ndarray | None = None) -> np.ndarray:
        """z of each row, (m,), at the fitted or at the given parameters."""
        ...

    def pull_back(self, X: Design, cotangents: np.ndarray) -> np.ndarray:
        """J(X)' C for cotangents C (m, k): gradients of k sums over one block of rows, (P, k)."""
        ...

    def push_forward(self, X: Design, directions: np.ndarray) -> np.ndarray:
        """J(X) V for parameter directions V (P, k): change of each logit, (m, k)."""
        ...

    def solve(self, right_hand_sides: np.ndarray) -> np.ndarray:
        """H^-1 B with the Hessian H of the training objective at the fitted parameters, (P, k)."""
        ...

    def hessian(self) -> np.ndarray:
        """Hessian of the training objective at the fitted parameters, (P, P)."""
        ...

    def leverage(self) -> np.ndarray:
        """h_i = d_i J_i H^-1 J_i' of each training row, (n,), in [0, 1)."""
        ...
