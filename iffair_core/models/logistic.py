"""Logistic regression by Newton's method on row blocks, solved far enough for influence to mean something.

The objective is scikit-learn's: sum_i s_i log-loss_i + |coef|^2 / (2 C), intercept free of penalty. Default solvers
stop where the residual is worth several whole rows; here |gradient|_inf / n <= 1e-9, and then one more step.
"""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple, Self

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve, solve_triangular

from iffair_core.errors import ConfigError, FitError
from iffair_core.models.blocks import map_blocks, sigmoid

TOLERANCE = 1e-9
DECREMENT = 1e-16  # of the Newton decrement squared, per row
ROUNDING = 1e-12  # relative; two losses that differ by less are the same
MAX_STEPS = 100
SHORTEST_STEP = 1e-4
SUBSAMPLE_FROM = 20_000
SUBSAMPLE_ROWS_PER_PARAMETER = 40
GOOD_CONTRACTION = 0.05

Factor = tuple[np.ndarray, np.ndarray]
"""Lower Cholesky factor of the Hessian scaled to unit diagonal, and that scale (`_factorise`)."""


class _Point(NamedTuple):
    """The objective at `theta`. `size` is |gradient|_inf / n with each entry per unit of its column, so that a column
    in millions hides no other; `hessian` is empty unless it was asked for.
    """

    theta: np.ndarray
    loss: float
    gradient: np.ndarray
    size: float
    hessian: np.ndarray


class LogisticModel:
    """Ridge logistic regression with Hessian solves and leverage.

    Parameters: `C`, inverse penalty on the sum of losses, > 0, as in scikit-learn.
    Learned: `coef_` (p,), `intercept_` float, `theta_` = [coef_, intercept_] (p + 1,), `n_iter_` Newton steps,
    `gradient_norm_` = |gradient|_inf / n at the returned parameters; and the training rows it was fitted to
    (`X_`, `y_`, `sample_weight_`, not copied).
    """

    theta_: np.ndarray

    def __init__(self, C: float = 1.0) -> None:
        self.C = C

    def fit(
        self,
        X: np.ndarray,
        y: np.ndarray,
        sample_weight: np.ndarray | None = None,
        *,
        warm_start: LogisticModel | None = None,
    ) -> Self:
        """Minimise the weighted objective.

        X (n, p) finite float64; y (n,) of 0 and 1, both present; sample_weight (n,) finite and >= 0, ones if None.
        `warm_start`: a model fitted to the same rows with nearby weights; its parameters start the search and its
        factorised Hessian is used for as long as it contracts. Raises ConfigError for unusable arguments, FitError
        if the optimum cannot be reached.
        """
        if not self.C > 0:
            raise ConfigError(f"C is {self.C}; it is the inverse penalty. Give a number above 0.")
        self.X_, self.y_, self.sample_weight_ = _checked(X, y, sample_weight)
        self._units = column_units(self.X_)
        self._factor: Factor | None = None
        if warm_start is not None and warm_start.theta_.size == self.X_.shape[1] + 1:
            theta, factor = warm_start.theta_.copy(), warm_start._factor
        else:
            theta, factor = self._cold_start(), None
        self.theta_ = self._newton(theta, factor)
        self.coef_, self.intercept_ = self.theta_[:-1], float(self.theta_[-1])
        return self

    def refitted(self, sample_weight: np.ndarray) -> LogisticModel:
        """The model of the same rows with these weights (n,), started from this one."""
        return LogisticModel(self.C).fit(self.X_, self.y_, sample_weight, warm_start=self)

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        """P(y = 0) and P(y = 1) of each row, (m, 2)."""
        p = sigmoid(self.logits(X))
        return np.column_stack([1.0 - p, p])

    def logits(self, X: np.ndarray, theta: np.ndarray | None = None) -> np.ndarray:
        """x~ theta of each row, (m,)."""
        theta = self.theta_ if theta is None else theta
        return np.concatenate(map_blocks(lambda rows: X[rows] @ theta[:-1] + theta[-1], *X.shape))

    def pull_back(self, X: np.ndarray, cotangents: np.ndarray) -> np.ndarray:
        """X~' C, (p + 1, k), for C (m, k); callers with many rows pass one block at a time."""
        return np.vstack([X.T @ cotangents, cotangents.sum(axis=0)])

    def push_forward(self, X: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """X~ V, (m, k), for V (p + 1, k)."""
        out = np.empty((X.shape[0], directions.shape[1]))

        def work(rows: slice) -> None:
            np.matmul(X[rows], directions[:-1], out=out[rows])
            out[rows] += directions[-1]

        map_blocks(work, *X.shape)
        return out

    def solve(self, right_hand_sides: np.ndarray) -> np.ndarray:
        """H^-1 B at the fitted parameters, same shape as B (p + 1, ...)."""
        return _solve(self._hessian_factor(), right_hand_sides)

    def hessian(self) -> np.ndarray:
        """Hessian of the training objective at the fitted parameters, (p + 1, p + 1)."""
        return self._pass(self.theta_, with_hessian=True)[2]

    def leverage(self) -> np.ndarray:
        """h_i = d_i x~_i' H^-1 x~_i of each training row, (n,)."""
        lower, scale = self._hessian_factor()
        whitening = solve_triangular(lower, np.diag(1.0 / scale), lower=True)
        linear, constant = np.ascontiguousarray(whitening[:, :-1].T), whitening[:, -1]
        out = np.empty(self.X_.shape[0])

        def work(rows: slice) -> None:
            X = self.X_[rows]
            p = sigmoid(X @ self.coef_ + self.intercept_)
            whitened = X @ linear
            whitened += constant
            out[rows] = self.sample_weight_[rows] * p * (1 - p) * np.einsum("ij,ij->i", whitened, whitened)

        map_blocks(work, *self.X_.shape)
        return out

    def _hessian_factor(self) -> Factor:
        if self._factor is None:
            self._factor = _factorise(self.hessian())
        return self._factor

    def _cold_start(self) -> np.ndarray:
        """Zero with the base rate as intercept, or for many rows the fit to an evenly spaced subsample of them."""
        n, p = self.X_.shape
        stride = n // max(SUBSAMPLE_FROM // 4, SUBSAMPLE_ROWS_PER_PARAMETER * (p + 1))
        if n >= SUBSAMPLE_FROM and stride >= 4:
            rows = slice(None, None, stride)
            y, weight = self.y_[rows], self.sample_weight_[rows]
            if 0 < (weight * y).sum() < weight.sum():
                # A sample that has no optimum within reach is no verdict on the rows it was drawn from.
                with suppress(FitError):
                    part = LogisticModel(self.C / stride)
                    return part.fit(np.ascontiguousarray(self.X_[rows]), y, weight).theta_.copy()
        rate = np.average(self.y_, weights=self.sample_weight_)
        return np.append(np.zeros(p), np.log(rate / (1 - rate)))

    def _newton(self, theta: np.ndarray, factor: Factor | None) -> np.ndarray:
        """The optimum, from `theta`, and if given with a factorised Hessian of somewhere near.

        A factorisation is kept for as long as one step with it cuts the gradient twentyfold; it is `fresh` if it was
        taken at the point where it is used. An old one that leads nowhere is replaced, a fresh one is searched along.
        """
        attainable = self._attainable()
        here, fresh = self._at(theta), False
        for self.n_iter_ in range(1, MAX_STEPS + 1):
            if factor is None:
                here = self._at(here.theta, with_hessian=True)
                try:
                    factor, fresh = _factorise(here.hessian), True
                except FitError:
                    if here.size > attainable:
                        raise
                    break  # as close as a curvature of next to nothing can tell
            there = self._step(here, _solve(factor, here.gradient), halve=fresh)
            stalled = there.size >= here.size
            if stalled and not fresh:
                factor = None
                continue
            if stalled and here.size <= attainable and there.loss >= here.loss * (1 - ROUNDING):
                break  # rounding is all that is left
            contraction = there.size / here.size if here.size > 0 else 0.0
            here, fresh = there, False
            if self._converged(here, factor):
                break
            if contraction > GOOD_CONTRACTION:
                factor = None
        if here.size > attainable:
            raise FitError(
                f"The model did not reach its optimum (gradient {here.size:.1e} after {MAX_STEPS} steps). "
                "Lower C, or drop columns that separate the outcome exactly."
            )
        if factor is not None:
            polished = self._at(here.theta - _solve(factor, here.gradient))
            here = polished if polished.size <= here.size else here
        self.gradient_norm_ = float(np.abs(here.gradient).max() / self.X_.shape[0])
        return here.theta

    def _step(self, here: _Point, step: np.ndarray, *, halve: bool) -> _Point:
        """The point one step away; with `halve`, half of it and half again until loss or gradient falls."""
        share = 1.0
        while True:
            there = self._at(here.theta - share * step)
            falls = there.loss <= here.loss + ROUNDING * abs(here.loss) or there.size < here.size
            if falls or not halve or share < SHORTEST_STEP:
                return there
            share /= 2

    def _converged(self, here: _Point, factor: Factor) -> bool:
        """Outcomes that are all but separated have next to no gradient far from the optimum, hence the decrement."""
        if here.size > TOLERANCE:
            return False
        decrement_squared = here.gradient @ _solve(factor, here.gradient)
        return bool(decrement_squared <= DECREMENT * self.X_.shape[0])

    def _attainable(self) -> float:
        """The gradient size that rounding allows: above the tolerance where a few values dwarf the rest of a column."""
        X = self.X_
        peaks = np.abs(X[:: max(1, X.shape[0] // 1000)]).max(axis=0, initial=0.0) / self._units[:-1]
        return TOLERANCE * max(1.0, float(peaks.max(initial=0.0)))

    def _at(self, theta: np.ndarray, *, with_hessian: bool = False) -> _Point:
        loss, gradient, hessian = self._pass(theta, with_hessian=with_hessian)
        size = float(np.abs(gradient / (self._units * self.X_.shape[0])).max())
        return _Point(theta, loss, gradient, size, hessian)

    def _pass(self, theta: np.ndarray, *, with_hessian: bool) -> tuple[float, np.ndarray, np.ndarray]:
        """Objective, gradient and, if asked, Hessian (else empty) at `theta`, in one fused pass over the rows."""
        X, y, s = self.X_, self.y_, self.sample_weight_
        n, p = X.shape

        def work(rows: slice) -> tuple[float, np.ndarray, np.ndarray]:
            block, weight = X[rows], s[rows]
            z = block @ theta[:-1]
            z += theta[-1]
            e = np.exp(-np.abs(z))
            probability = np.where(z >= 0, 1.0, e) / (1.0 + e)
            loss = float(weight @ (np.log1p(e) + np.maximum(z, 0.0) - y[rows] * z))
            residual = weight * (probability - y[rows])
            if not with_hessian:
                return loss, np.append(block.T @ residual, residual.sum()), np.empty((0, 0))
            d = weight * probability * (1.0 - probability)
            sides = block.T @ np.column_stack([residual, d])
            root = np.sqrt(d)[:, None] * block
            hessian = np.empty((p + 1, p + 1))
            hessian[:p, :p] = root.T @ root
            hessian[p, :p] = hessian[:p, p] = sides[:, 1]
            hessian[p, p] = d.sum()
            return loss, np.append(sides[:, 0], residual.sum()), hessian

        parts = map_blocks(work, n, p)
        penalty = theta[:-1] / self.C
        loss = sum(part[0] for part in parts) + float(theta[:-1] @ penalty) / 2
        gradient = _ordered_sum([part[1] for part in parts])
        gradient[:-1] += penalty
        hessian = _ordered_sum([part[2] for part in parts])
        if with_hessian:
            hessian[np.arange(p), np.arange(p)] += 1.0 / self.C
        return loss, gradient, hessian


def column_units(X: np.ndarray) -> np.ndarray:
    """What a gradient is judged in, (p + 1,): the root mean square of each column where above 1, and 1 elsewhere."""
    sample = X[:: max(1, X.shape[0] // 1000)]
    return np.append(np.maximum(1.0, np.sqrt(np.mean(sample**2, axis=0))), 1.0)


def _ordered_sum(parts: list[np.ndarray]) -> np.ndarray:
    total = parts[0].copy()
    for part in parts[1:]:
        total += part
    return total


def _factorise(hessian: np.ndarray) -> Factor:
    """Cholesky factor of the Hessian scaled to unit diagonal, and the scale: columns of any unit solve equally well."""
    scale = np.sqrt(np.maximum(np.diag(hessian), np.finfo(float).tiny))
    try:
        lower = cho_factor(hessian / np.outer(scale, scale), lower=True, check_finite=True)[0]
    except (LinAlgError, ValueError) as error:
        raise FitError(
            "The model's Hessian is singular: some columns repeat others, or separate the outcome exactly. "
            "Drop the repeated columns, or lower C."
        ) from error
    return np.tril(lower), scale


def _solve(factor: Factor, b: np.ndarray) -> np.ndarray:
    lower, scale = factor
    column_scale = scale if b.ndim == 1 else scale[:, None]
    return cho_solve((lower, True), b / column_scale, check_finite=False) / column_scale


def _checked(
    X: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    X = np.ascontiguousarray(X, dtype=np.float64)
    y = np.asarray(y, dtype=np.float64)
    if X.ndim != 2 or y.shape != X.shape[:1]:
        raise ConfigError(f"X has shape {X.shape} and y has shape {y.shape}; give X as (n, p) and y as (n,).")
    weight = np.ones(X.shape[0]) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    if weight.shape != y.shape:
        raise ConfigError(f"sample_weight has shape {weight.shape}; give one weight for each of the {y.size} rows.")
    if not (np.isfinite(weight).all() and (weight >= 0).all() and weight.any()):
        raise ConfigError("sample_weight must be finite and at least 0, with some above 0.")
    if not np.isin(y, (0.0, 1.0)).all():
        raise ConfigError("y holds values other than 0 and 1; encode the outcome, 1 for the favorable value.")
    if not 0 < (weight * y).sum() < weight.sum():
        raise FitError("Only one outcome has rows with weight above 0; a model needs both.")
    with np.errstate(invalid="ignore", over="ignore"):
        total = X.sum()
    if not np.isfinite(total) and not np.isfinite(X).all():
        raise ConfigError("X holds missing or infinite values; encode them first.")
    return X, y, weight
