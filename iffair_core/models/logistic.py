"""Logistic regression by Newton's method on row blocks, solved far enough for influence to mean something.

The objective is scikit-learn's: sum_i s_i log-loss_i + |coef|^2 / (2 C), intercept free of penalty. Default solvers
stop where the residual is worth several whole rows; here |gradient|_inf / n <= 1e-9, and then one more step.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import NamedTuple, Self

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve, solve_triangular

from iffair_core.data.design import (
    CodedDesign,
    Design,
    RemoteDesign,
    dense,
    in_blocks,
    level_columns,
    level_sums,
    squared_lengths,
)
from iffair_core.errors import ConfigError, FitError, StopCheck, never_stop
from iffair_core.models.blocks import map_over, sigmoid, sum_over

TOLERANCE = 1e-9
DECREMENT = 1e-20  # of the Newton decrement squared, per row
ROUNDING = 1e-12  # relative; two losses that differ by less are the same
MAX_STEPS = 100
QUICK_STEPS = 40  # from a start that is near by; steps with old factorizations are not sure to lower the loss
QUICK_FACTORS = 12  # and this many new factorizations mean that it was not near
SHORTEST_STEP = 1e-4
SUBSAMPLE_FROM = 20_000
SUBSAMPLE_ROWS = 5_000
SUBSAMPLE_ROWS_PER_PARAMETER = 40
SUBSAMPLE_STRIDES = (4, 6)
ROUGH = 1e-5  # tolerance for a subsample, whose own error is a hundred times that and more
GOOD_CONTRACTION = 0.2  # of a step with an old factorization: a new one costs as much as five such steps
RENEWED_CONTRACTION = 0.5  # of one whose diagonal is renewed (`level_columns`)
GOOD_GAIN = 0.3  # of the loss by such a step, over what its quadratic model promises
FAR = 1e-6  # gradient size from which a step's gain in loss is seen; nearer, rounding hides it
MEMORY = 10
CURVED = 1e-10  # least share of a move's product with the gradient's that is left when its terms are added

Factor = tuple[np.ndarray, np.ndarray]
"""Lower Cholesky factor of the Hessian scaled to unit diagonal, and that scale (`_factorize`)."""


class _Point(NamedTuple):
    """The objective at `theta`.

    `size` is |gradient|_inf / n with each entry divided by the unit of its column, so that a column in millions does
    not hide the others. `diagonal` is that of the Hessian at `level_columns`. `loss` is NaN and `hessian` is empty
    unless they were asked for.
    """

    theta: np.ndarray
    loss: float
    gradient: np.ndarray
    diagonal: np.ndarray
    size: float
    hessian: np.ndarray


class Memory:
    """The last moves of the parameters and of the gradient, which correct an old Hessian factor (L-BFGS)."""

    def __init__(self, length: int = MEMORY) -> None:
        self.moves: deque[tuple[np.ndarray, np.ndarray]] = deque(maxlen=length)

    def add(self, move: np.ndarray, change: np.ndarray) -> None:
        """Remember that `move` (P,) of the parameters changed the gradient by `change` (P,), if that tells anything."""
        if move @ change > CURVED * (np.abs(move) @ np.abs(change)):
            self.moves.append((move, change))

    def step(self, gradient: np.ndarray, solve: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
        """Inverse Hessian times gradient (P,), by the two-loop recursion (Nocedal 1980) around a factor's `solve`."""
        out, shares = gradient.copy(), []
        for move, change in reversed(self.moves):
            shares.append((move @ out) / (move @ change))
            out -= shares[-1] * change
        out = solve(out)
        for (move, change), share in zip(self.moves, reversed(shares), strict=True):
            out += (share - (change @ out) / (move @ change)) * move
        return out


class LogisticModel:
    """Ridge logistic regression with Hessian solves and leverage.

    Parameters: `C`, inverse penalty on the sum of losses, > 0, as in scikit-learn.
    Learned: `coef_` (p,), `intercept_` float, `theta_` = [coef_, intercept_] (p + 1,), `n_iter_` Newton steps,
    `gradient_norm_` = |gradient|_inf / n at the returned parameters; and the training rows it was fitted to
    (`X_`, `y_`, `sample_weight_`, not copied).
    """

    theta_: np.ndarray
    X_: Design
    y_: np.ndarray
    sample_weight_: np.ndarray

    def __init__(self, C: float = 1.0) -> None:
        self.C = C

    def fit(
        self,
        X: Design,
        y: np.ndarray,
        sample_weight: np.ndarray | None = None,
        *,
        warm_start: LogisticModel | None = None,
        stop_check: StopCheck = never_stop,
    ) -> Self:
        """Minimize the weighted objective.

        X (n, p) finite float64; y (n,) of 0 and 1, both present; sample_weight (n,) finite and >= 0, ones if None.
        `warm_start`: a model fitted to the same rows with nearby weights; its parameters start the search and its
        factorized Hessian is used for as long as it contracts. `stop_check` is called first and may raise to cancel.
        Raises ConfigError for unusable arguments, FitError if the optimum cannot be reached.
        """
        stop_check()
        if not self.C > 0:
            raise ConfigError(f"C is {self.C}; it is the inverse penalty. Give a number above 0.")
        same = warm_start is not None and X is warm_start.X_ and y is warm_start.y_
        self.X_, self.y_, self.sample_weight_ = checked(X, y, sample_weight, same_rows=same)
        self._units = column_units(self.X_)
        self._factor: Factor | None = None
        if warm_start is not None and warm_start.theta_.size == self.X_.shape[1] + 1:
            theta, factor = warm_start.theta_.copy(), warm_start._factor
        else:
            theta, factor = self._cold_start()
        try:
            self.theta_ = self._newton(theta, factor)
        except FitError:  # a start that was near under other weights may be far under these
            self.theta_ = self._newton(self._base_rate(), None, careful=True)
        self.coef_, self.intercept_ = self.theta_[:-1], float(self.theta_[-1])
        return self

    def refitted(self, sample_weight: np.ndarray, *, stop_check: StopCheck = never_stop) -> LogisticModel:
        """The model of the same rows with these weights (n,), started from this one's parameters and Hessian."""
        with suppress(FitError):  # where it has none, the search takes one of its own
            self._hessian_factor()
        return LogisticModel(self.C).fit(self.X_, self.y_, sample_weight, warm_start=self, stop_check=stop_check)

    def predict_proba(self, X: Design) -> np.ndarray:
        """P(y = 0) and P(y = 1) of each row, (m, 2)."""
        p = sigmoid(self.logits(X))
        return np.column_stack([1.0 - p, p])

    def logits(self, X: Design, theta: np.ndarray | None = None) -> np.ndarray:
        """x~ theta of each row, (m,)."""
        theta = self.theta_ if theta is None else theta
        return self.push_forward(X, theta[:, None])[:, 0]

    @staticmethod
    def pull_back(X: Design, cotangents: np.ndarray) -> np.ndarray:
        """X~' C, (p + 1, k), for C (m, k); callers with many rows pass one block at a time."""
        return np.vstack([X.T @ cotangents, cotangents.sum(axis=0)])

    def push_forward(self, X: Design, directions: np.ndarray) -> np.ndarray:
        """X~ V, (m, k), for V (p + 1, k)."""
        directions = np.ascontiguousarray(directions)

        def work(block: Design) -> np.ndarray:
            moved = block @ directions[:-1]
            moved += directions[-1]
            return moved

        return map_over(X, work, columns=directions.shape[1])

    def solve(self, right_hand_sides: np.ndarray) -> np.ndarray:
        """H^-1 B at the fitted parameters, same shape as B (p + 1, ...)."""
        return _solve(self._hessian_factor(), right_hand_sides)

    def hessian(self) -> np.ndarray:
        """Hessian of the training objective at the fitted parameters, (p + 1, p + 1)."""
        if self._factor is not None:
            lower, scale = self._factor
            return np.asarray((lower @ lower.T) * np.outer(scale, scale))
        coef, intercept = self.coef_, self.intercept_
        part, crossed = in_blocks(self.X_)

        def work(block: Design, s: np.ndarray) -> np.ndarray:
            p = sigmoid(block @ coef + intercept)
            return part(block, s * p * (1.0 - p))

        return self._penalized(crossed(sum_over(self.X_, work, self.sample_weight_)))

    def gradient(self, theta: np.ndarray, sample_weight: np.ndarray) -> np.ndarray:
        """Gradient (p + 1,) of the objective at `theta`, on the same rows with these weights (n,)."""
        return self._pass(theta, with_loss=False, with_hessian=False, sample_weight=sample_weight)[1]

    def newton_step(self, theta: np.ndarray, sample_weight: np.ndarray) -> np.ndarray:
        """The parameters (p + 1,) one Newton step from `theta`, on the objective of the same rows with these weights
        (n,).

        It takes one pass with Hessian and does not search along the step. Raises FitError where the Hessian there is
        singular.
        """
        _, gradient, _, hessian = self._pass(theta, with_loss=False, with_hessian=True, sample_weight=sample_weight)
        return theta - _solve(_factorize(hessian), gradient)

    def stepped(self, sample_weight: np.ndarray) -> LogisticModel:
        """The model one Newton step from this one towards the optimum with these weights (n,). It is near a fit, not
        one.

        Raises FitError where the Hessian is singular.
        """
        moved = LogisticModel(self.C)
        moved.X_, moved.y_, moved.sample_weight_, moved._units = self.X_, self.y_, sample_weight, self._units
        moved.theta_, moved._factor = self.newton_step(self.theta_, sample_weight), None
        moved.coef_, moved.intercept_ = moved.theta_[:-1], float(moved.theta_[-1])
        return moved

    def leverage(self) -> np.ndarray:
        """h_i = d_i x~_i' H^-1 x~_i of each training row, (n,)."""
        lower, scale = self._hessian_factor()
        lengths = squared_lengths(self.X_, solve_triangular(lower, np.diag(1.0 / scale), lower=True))
        coef, intercept = self.coef_, self.intercept_

        def work(block: Design, s: np.ndarray) -> np.ndarray:
            p = sigmoid(block @ coef + intercept)
            return np.asarray(s * p * (1.0 - p) * lengths(block))

        return map_over(self.X_, work, self.sample_weight_)

    def _hessian_factor(self) -> Factor:
        if self._factor is None:
            self._factor = _factorize(self.hessian())
        return self._factor

    def _cold_start(self) -> tuple[np.ndarray, Factor | None]:
        """Where a fit without a warm start begins: (parameters, factor of a Hessian near by, or None).

        For few rows: zero, with the base rate as intercept. For many: the rough optimum of an evenly spaced subsample,
        found in the same way, and its factorized Hessian scaled to the number of rows.
        """
        n, p = self.X_.shape
        least, most = SUBSAMPLE_STRIDES
        stride = min(most, n // max(SUBSAMPLE_ROWS, SUBSAMPLE_ROWS_PER_PARAMETER * (p + 1)))
        if n >= SUBSAMPLE_FROM and stride >= least:
            rows = slice(None, None, stride)
            y, weight = self.y_[rows], self.sample_weight_[rows]
            if 0 < (weight * y).sum() < weight.sum():
                # Where the subsample has no optimum within reach, the whole may still have one.
                with suppress(FitError):
                    part = LogisticModel(self.C * stride)
                    part.X_, part.y_, part.sample_weight_ = self.X_[rows], y, weight
                    part._units = self._units
                    theta = part._newton(*part._cold_start(), tolerance=ROUGH)
                    lower, scale = _factorize(part._at(theta, with_hessian=True).hessian)
                    return theta, (lower, scale * np.sqrt(stride))
        return self._base_rate(), None

    def _base_rate(self) -> np.ndarray:
        """Parameters that give every row the weighted share of favorable outcomes."""
        rate = np.average(self.y_, weights=self.sample_weight_)
        return np.append(np.zeros(self.X_.shape[1]), np.log(rate / (1 - rate)))

    def _newton(
        self, theta: np.ndarray, factor: Factor | None, tolerance: float = TOLERANCE, *, careful: bool = False
    ) -> np.ndarray:
        """The optimum, searched from `theta`. `factor`: a factorized Hessian of some point near by.

        A factorization is corrected by the gradients seen since (`Memory`) and by the diagonal of the Hessian here
        (`_renewed`). It is kept as long as a step with it cuts the gradient fivefold; with a renewed diagonal, as long
        as one halves the gradient or lowers the loss nearly as promised. It is `fresh` if it was taken at the point
        where it is used. A step with an old factorization that makes no progress leads to a new one; a step with a
        fresh one is halved until it makes progress. `careful`: every step has a fresh factorization and lowers the
        loss, which reaches the optimum of a convex objective from anywhere.
        """
        attainable = max(tolerance, self._attainable())
        renewed = level_columns(self.X_).size > 0
        good = RENEWED_CONTRACTION if renewed else GOOD_CONTRACTION
        here, fresh, memory = self._at(theta, with_loss=renewed, with_hessian=factor is None), False, Memory()
        most = MAX_STEPS if careful else QUICK_STEPS
        factors = MAX_STEPS if factor is None else QUICK_FACTORS
        for self.n_iter_ in range(1, most + 1):
            if factor is None:
                if factors == 0:
                    break
                factors -= 1
                here = here if here.hessian.size else self._at(here.theta, with_hessian=True)
                try:
                    factor, fresh, memory = _factorize(here.hessian), True, Memory()
                except FitError:
                    if here.size > attainable:
                        raise
                    break  # as close as a curvature of next to nothing can tell
            step = memory.step(here.gradient, partial(_solve, self._renewed(factor, here)))
            there = self._step(here, step, halve=fresh, with_loss=renewed and here.size > FAR)
            fell = there.loss < here.loss * (1 - ROUNDING)
            stalled = there.size >= here.size and not fell
            if stalled and not fresh:
                factor = None
                continue
            if stalled and here.size <= attainable:
                break  # rounding is all that is left
            contraction = there.size / here.size if here.size > 0 else 0.0
            promised = here.gradient @ (here.theta - there.theta) / 2
            gained = fell and here.loss - there.loss >= GOOD_GAIN * promised
            memory.add(there.theta - here.theta, there.gradient - here.gradient)
            here, fresh = there, False
            if self._converged(here, factor, tolerance):
                break
            if careful or (contraction > good and not gained):
                factor = None
        if not here.size <= attainable:
            raise FitError(
                f"The model did not reach its optimum (gradient {here.size:.1e} after {most} steps). "
                "Lower C, or drop columns that separate the outcome exactly."
            )
        if factor is not None and tolerance <= TOLERANCE:
            polished = self._at(here.theta - memory.step(here.gradient, partial(_solve, self._renewed(factor, here))))
            here = polished if polished.size <= here.size else here
        self.gradient_norm_ = float(np.abs(here.gradient).max() / self.X_.shape[0])
        return here.theta

    def _renewed(self, factor: Factor, here: _Point) -> Factor:
        """A factor with the Hessian's diagonal of this point: weights that leave a rare level change little else."""
        lower, scale = factor[0], factor[1].copy()
        scale[level_columns(self.X_)] = np.sqrt(here.diagonal)
        return lower, scale

    def _step(self, here: _Point, step: np.ndarray, *, halve: bool, with_loss: bool) -> _Point:
        """The point one step away. With `halve`, the step is halved until the loss falls."""
        share = 1.0
        while True:
            there = self._at(here.theta - share * step, with_loss=with_loss or halve)
            if not halve or there.loss <= here.loss + ROUNDING * abs(here.loss) or share < SHORTEST_STEP:
                return there
            share /= 2

    def _converged(self, here: _Point, factor: Factor, tolerance: float) -> bool:
        """Whether gradient and decrement are small: nearly separated outcomes have a tiny gradient anywhere."""
        if here.size > tolerance:
            return False
        if tolerance > TOLERANCE:
            return True
        decrement_squared = here.gradient @ _solve(factor, here.gradient)
        return bool(decrement_squared <= DECREMENT * self.X_.shape[0])

    def _attainable(self) -> float:
        """Smallest gradient size that rounding allows; more than the tolerance where a few values dwarf a column."""
        X = self.X_
        peaks = np.abs(dense(X[:: max(1, X.shape[0] // 1000)])).max(axis=0, initial=0.0) / self._units[:-1]
        return TOLERANCE * max(1.0, float(peaks.max(initial=0.0)))

    def _at(self, theta: np.ndarray, *, with_loss: bool = False, with_hessian: bool = False) -> _Point:
        loss, gradient, diagonal, hessian = self._pass(
            theta, with_loss=with_loss or with_hessian, with_hessian=with_hessian
        )
        size = float(np.abs(gradient / (self._units * self.X_.shape[0])).max())
        return _Point(theta, loss, gradient, diagonal, size, hessian)

    def _pass(
        self, theta: np.ndarray, *, with_loss: bool, with_hessian: bool, sample_weight: np.ndarray | None = None
    ) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
        """Objective (else NaN), gradient, the Hessian's diagonal at `level_columns` and the Hessian (else empty), at
        `theta`, in one fused pass over the rows.
        """
        X, y, s = self.X_, self.y_, self.sample_weight_ if sample_weight is None else sample_weight
        P, levels = X.shape[1] + 1, level_columns(X)
        end, curving = 1 + P + levels.size, with_hessian or levels.size > 0
        part, crossed = in_blocks(X)

        def work(block: Design, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
            side = 1.0 - 2.0 * y
            against = block @ theta[:-1]
            against += theta[-1]
            against *= side
            missed = sigmoid(against)
            residual = weight * missed
            curved = residual * (1.0 - missed) if curving else None
            residual *= side
            out = np.empty(end)
            out[0], out[P] = weight @ _softplus(against) if with_loss else np.nan, residual.sum()
            out[1:P] = block.T @ residual
            if curved is not None:
                out[1 + P : end] = level_sums(block, curved)
            return np.concatenate([out, part(block, curved).ravel()]) if with_hessian else out

        sums = sum_over(X, work, y, s)
        penalty = theta[:-1] / self.C
        gradient = sums[1 : 1 + P].copy()
        gradient[:-1] += penalty
        diagonal = sums[1 + P : end] + 1.0 / self.C
        hessian = self._penalized(crossed(sums[end:])) if with_hessian else np.empty((0, 0))
        return float(sums[0] + theta[:-1] @ penalty / 2), gradient, diagonal, hessian

    def _penalized(self, curvature: np.ndarray) -> np.ndarray:
        """Add the penalty to the Hessian of the loss, in place."""
        slopes = np.arange(curvature.shape[0] - 1)
        curvature[slopes, slopes] += 1.0 / self.C
        return curvature


def _softplus(z: np.ndarray) -> np.ndarray:
    """log(1 + exp(z)) without overflow."""
    return np.asarray(np.log1p(np.exp(-np.abs(z))) + np.maximum(z, 0.0))


def with_intercept(X: np.ndarray) -> np.ndarray:
    """x~ = [x, 1] of each row, (m, p + 1), a copy: for one block at a time."""
    out = np.empty((X.shape[0], X.shape[1] + 1))
    out[:, :-1], out[:, -1] = X, 1.0
    return out


def column_units(X: Design) -> np.ndarray:
    """Units of the gradient's entries, (p + 1,): the root mean square of each column, at least 1."""
    sample = dense(X[:: max(1, X.shape[0] // 1000)])
    return np.append(np.maximum(1.0, np.sqrt(np.mean(sample**2, axis=0))), 1.0)


def _factorize(hessian: np.ndarray) -> Factor:
    """Cholesky factor of the Hessian scaled to unit diagonal, which frees it of the columns' units; and the scale."""
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


def checked(
    X: Design, y: np.ndarray, sample_weight: np.ndarray | None, *, same_rows: bool = False
) -> tuple[Design, np.ndarray, np.ndarray]:
    """The rows of a fit as float64, weights of None as ones; ConfigError or FitError where no model can be fitted.

    `same_rows`: X and y were checked before, and only the weights are new.
    """
    X = X if isinstance(X, CodedDesign | RemoteDesign) else np.ascontiguousarray(X, dtype=np.float64)
    y = np.asarray(y, dtype=np.float64)
    if len(X.shape) != 2 or y.shape != X.shape[:1]:
        raise ConfigError(f"X has shape {X.shape} and y has shape {y.shape}; give X as (n, p) and y as (n,).")
    weight = np.ones(X.shape[0]) if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    if weight.shape != y.shape:
        raise ConfigError(f"sample_weight has shape {weight.shape}; give one weight for each of the {y.size} rows.")
    if not (np.isfinite(weight).all() and (weight >= 0).all() and weight.any()):
        raise ConfigError("sample_weight must be finite and at least 0, with some above 0.")
    if not same_rows and not ((y == 0.0) | (y == 1.0)).all():
        raise ConfigError("y holds values other than 0 and 1; encode the outcome, 1 for the favorable value.")
    if not 0 < (weight * y).sum() < weight.sum():
        raise FitError("Only one outcome has rows with weight above 0; a model needs both.")
    with np.errstate(invalid="ignore", over="ignore"):
        # Where the rows lie elsewhere they were encoded, which leaves nothing missing.
        values = X.numbers if isinstance(X, CodedDesign) else np.empty(0) if isinstance(X, RemoteDesign) else X
        total = 0.0 if same_rows else values.sum()
    if not np.isfinite(total) and not np.isfinite(values).all():
        raise ConfigError("X holds missing or infinite values; encode them first.")
    return X, y, weight
