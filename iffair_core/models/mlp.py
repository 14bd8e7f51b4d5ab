"""A small tanh network, fitted far enough for influence to mean something.

The objective is the logistic model's with a network for the logit: sum_i s_i log-loss_i + |weights|^2 / (2 C), biases
free of penalty; with no hidden layer it is the logistic model. The logit of a row is one number, so its gradient is, in
every layer, the outer product of two short vectors: what reaches the layer (`inputs`) and how the logit answers to the
layer's sums (`slopes`). Nothing of size n x P is ever held.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple, Self

import numpy as np
from scipy.linalg import LinAlgError, cho_solve, cholesky, solve_triangular
from scipy.optimize import minimize

from iffair_core.data.design import Design, dense
from iffair_core.errors import ConfigError, FitError, StopCheck, never_stop
from iffair_core.models.blocks import map_blocks, row_blocks, sigmoid, sum_blocks
from iffair_core.models.logistic import Memory, checked, column_units, with_intercept

DIRECT = 2_000  # parameters up to which the Hessian is factorized
HIDDEN = (4,)
TOLERANCE = 1e-9
ROUNDING = 1e-12  # relative; two losses that differ by less are the same
SEARCH_STEPS = 1_000
MAX_STEPS = 200
SHORTEST_STEP = 1e-6
PATIENCE = 12  # steps in which a factor has to cut the gradient a hundredfold
MEMORY = 30
SMALLEST_PIVOT = 1e-12  # relative to the largest curvature; below it a direction counts as flat
LARGEST_LEVERAGE = 0.99
HESSIAN_ROWS = 512
SEARCHED = 1e-6
DAMPINGS = 40
FIRST_DAMPING = 1e-10  # relative to the largest curvature


class _Point(NamedTuple):
    """The objective at `theta`; `size` is |gradient|_inf / n with each entry per unit of its column."""

    theta: np.ndarray
    loss: float
    gradient: np.ndarray
    size: float


class _Factor(NamedTuple):
    """Lower Cholesky factor of the Hessian plus `damping` on its diagonal."""

    lower: np.ndarray
    damping: float

    def solve(self, b: np.ndarray) -> np.ndarray:
        return np.asarray(cho_solve((self.lower, True), b, check_finite=False))


class MLPModel:
    """Ridge-penalized tanh network with one output, with Hessian solves and leverage.

    Parameters: `hidden`, units of each hidden layer, first to last (none: logistic regression); `C`, inverse penalty on
    the sum of losses, > 0; `seed` of the random start; `damping` >= 0, added to the Hessian's diagonal in `solve` and
    `leverage` in any case.
    Learned: `theta_` (P,), for each layer the weights and bias of each unit in turn; `n_iter_` Newton steps,
    `gradient_norm_` = |gradient|_inf / n at the returned parameters, `damping_`; and the training rows it was fitted to
    (`X_`, `y_`, `sample_weight_`, not copied).
    Weights are penalized alike, so columns should be of like scale.
    """

    theta_: np.ndarray
    _unit: np.ndarray

    def __init__(self, hidden: Sequence[int] = HIDDEN, C: float = 1.0, seed: int = 0, damping: float = 0.0) -> None:
        self.hidden, self.C, self.seed, self.damping = tuple(hidden), C, seed, damping

    def fit(
        self,
        X: Design,
        y: np.ndarray,
        sample_weight: np.ndarray | None = None,
        *,
        warm_start: MLPModel | None = None,
        stop_check: StopCheck = never_stop,
    ) -> Self:
        """Bring the weighted objective to a stationary point: from a seeded start by L-BFGS, then by Newton's method.

        X (n, p) finite float64; y (n,) of 0 and 1, both present; sample_weight (n,) finite and >= 0, ones if None.
        `warm_start`: a model of the same shape fitted to the same rows with nearby weights; its parameters replace the
        seeded start, so that the fit finds the optimum near by. `stop_check` is called between passes
        and may raise to cancel. Raises ConfigError for unusable arguments, FitError if no stationary point is reached.
        """
        self._require_parameters()
        self.X_, self.y_, self.sample_weight_ = checked(dense(X), y, sample_weight)
        widths = (self.X_.shape[1], *self.hidden, 1)
        self._shapes = [(outputs, inputs + 1) for inputs, outputs in pairwise(widths)]
        self._ends = np.cumsum([0, *(rows * columns for rows, columns in self._shapes)])
        self._factor: _Factor | None = None  # of the Hessian at the fitted parameters
        self._near: _Factor | None = None  # of one somewhere near
        self._stop_check, self._damped = stop_check, self.damping
        if warm_start is not None and warm_start.theta_.size == self._ends[-1]:
            self._unit = warm_start._unit if warm_start.X_ is self.X_ else self._units_of_gradient()
            theta, factor = warm_start.theta_.copy(), warm_start._factor or warm_start._near
        else:
            self._unit = self._units_of_gradient()
            theta, factor = self._searched(self._drawn()), None
        self.theta_ = self._stationary(theta, factor)
        self._stop_check = never_stop
        return self

    def refitted(self, sample_weight: np.ndarray, *, stop_check: StopCheck = never_stop) -> MLPModel:
        """The model of the same rows with these weights (n,), at the stationary point nearest to this model's."""
        model = MLPModel(self.hidden, self.C, self.seed, self.damping)
        return model.fit(self.X_, self.y_, sample_weight, warm_start=self, stop_check=stop_check)

    def predict_proba(self, X: Design) -> np.ndarray:
        """P(y = 0) and P(y = 1) of each row, (m, 2)."""
        p = sigmoid(self.logits(X))
        return np.column_stack([1.0 - p, p])

    def logits(self, X: Design, theta: np.ndarray | None = None) -> np.ndarray:
        """z of each row, (m,)."""
        layers = self.layers(self.theta_ if theta is None else theta)
        return np.concatenate(map_blocks(lambda rows: _forward(layers, X[rows])[-1][:, 0], *self._held(X)))

    def pull_back(self, X: Design, cotangents: np.ndarray) -> np.ndarray:
        """J(X)' C, (P, k), for C (m, k)."""
        layers, out = self.layers(self.theta_), np.zeros((self.theta_.size, cotangents.shape[1]))
        for rows in row_blocks(*self._held(X, cotangents.shape[1])):
            inputs, slopes = _sensitivities(layers, X[rows])
            out += self._pulled(inputs, slopes, cotangents[rows])
        return out

    def push_forward(self, X: Design, directions: np.ndarray) -> np.ndarray:
        """J(X) V, (m, k), for V (P, k)."""
        layers, k = self.layers(self.theta_), directions.shape[1]
        sides = [
            np.ascontiguousarray(np.moveaxis(part.reshape(*shape, k), 1, 0)).reshape(shape[1], -1)
            for part, shape in zip(self._split(directions), self._shapes, strict=True)
        ]
        out = np.zeros((X.shape[0], k))

        def work(rows: slice) -> None:
            for a, slope, side in zip(*_sensitivities(layers, X[rows]), sides, strict=True):
                moved = a @ side[:-1]
                moved += side[-1]
                out[rows] += np.einsum("io,iok->ik", slope, moved.reshape(*slope.shape, k))

        map_blocks(work, *self._held(X, k))
        return out

    def solve(self, right_hand_sides: np.ndarray) -> np.ndarray:
        """H^-1 B at the fitted parameters, same shape as B (P, ...).

        By the Cholesky factor, or beyond `DIRECT` parameters by conjugate gradients on Hessian-vector products, to a
        relative residual of 1e-10; raises FitError where those do not get there.
        """
        if self.theta_.size <= DIRECT or self._factor is not None:
            return self._own_factor().solve(right_hand_sides)
        columns = right_hand_sides.reshape(self.theta_.size, -1)
        found = [self._conjugate(columns[:, i]) for i in range(columns.shape[1])]
        return np.column_stack(found).reshape(right_hand_sides.shape)

    @property
    def damping_(self) -> float:
        """What was added to the Hessian's diagonal so that it is positive definite: 0 at a proper minimum.

        Beyond `DIRECT` parameters, what the last `solve` added.
        """
        if self.theta_.size <= DIRECT or self._factor is not None:
            return self._own_factor().damping
        return self._damped

    def hessian(self) -> np.ndarray:
        """Hessian of the training objective at the fitted parameters, without damping, (P, P)."""
        return self._hessian(self.theta_)

    def hessian_times(self, direction: np.ndarray) -> np.ndarray:
        """Hessian of the training objective at the fitted parameters times `direction` (P,), without damping."""
        return self._times(self.theta_, direction)

    def leverage(self) -> np.ndarray:
        """h_i = d_i J_i H^-1 J_i' of each training row, (n,).

        H is exact, so that where a net overfits, its negative curvature can drive h_i to 1 and beyond, and a row's
        removal has no linear answer: h_i is cut off at 0.99. Factorizes the Hessian, whatever the number of parameters.
        """
        lower, layers = self._own_factor().lower, self.layers(self.theta_)
        out = np.empty(self.X_.shape[0])

        def work(rows: slice) -> None:
            inputs, slopes = _sensitivities(layers, self.X_[rows])
            p = sigmoid(_forward(layers, self.X_[rows])[-1][:, 0])
            jacobian = np.hstack([
                (slope[:, :, None] * with_intercept(a)[:, None, :]).reshape(a.shape[0], -1)
                for a, slope in zip(inputs, slopes, strict=True)
            ])  # fmt: skip
            whitened = solve_triangular(lower, jacobian.T, lower=True, check_finite=False)
            out[rows] = self.sample_weight_[rows] * p * (1 - p) * np.einsum("ji,ji->i", whitened, whitened)

        map_blocks(work, self.X_.shape[0], 2 * self.theta_.size)
        return np.minimum(out, LARGEST_LEVERAGE)

    # -------------------------------------------------------------------------------------------------- parameters

    def _require_parameters(self) -> None:
        if not self.C > 0:
            raise ConfigError(f"C is {self.C}; it is the inverse penalty. Give a number above 0.")
        if not (np.isfinite(self.damping) and self.damping >= 0):
            raise ConfigError(f"damping is {self.damping}; give a number of at least 0.")
        if any(
            isinstance(units, bool) or not isinstance(units, int | np.integer) or units < 1 for units in self.hidden
        ):
            raise ConfigError(f"hidden is {self.hidden}; give the number of units of each layer, each at least 1.")

    def _split(self, theta: np.ndarray) -> list[np.ndarray]:
        return [theta[start:end] for start, end in pairwise(self._ends)]

    def layers(self, theta: np.ndarray) -> list[np.ndarray]:
        """Views of `theta`, one (units, inputs + 1) for each layer, biases last."""
        return [part.reshape(shape) for part, shape in zip(self._split(theta), self._shapes, strict=True)]

    def _penalty(self) -> np.ndarray:
        """1 / C for weights and 0 for biases, (P,)."""
        out = np.full(self._ends[-1], 1.0 / self.C)
        for layer in self.layers(out):
            layer[:, -1] = 0.0
        return out

    def _held(self, X: Design, k: int = 0) -> tuple[int, int]:
        """Rows of X, and the numbers that a pass holds for each: its inputs or k directions, and their copy."""
        return X.shape[0], 2 * max(X.shape[1], k * max(units for units, _ in self._shapes))

    def _drawn(self) -> np.ndarray:
        """The seeded start: sums have variance one where inputs do; biases are 0 but the last, the base rate's."""
        rng, theta = np.random.default_rng(self.seed), np.zeros(self._ends[-1])
        units = column_units(self.X_)[:-1]
        for i, layer in enumerate(self.layers(theta)):
            layer[:, :-1] = rng.normal(size=(layer.shape[0], layer.shape[1] - 1)) / np.sqrt(max(1, layer.shape[1] - 1))
            if i == 0:
                layer[:, :-1] /= units
        rate = np.average(self.y_, weights=self.sample_weight_)
        theta[-1] = np.log(rate / (1 - rate))
        return theta

    # -------------------------------------------------------------------------------------------------- objective

    def _at(self, theta: np.ndarray) -> _Point:
        """Objective and gradient in one fused pass over the rows."""
        self._stop_check()
        X, y, s = self.X_, self.y_, self.sample_weight_
        layers = self.layers(theta)

        def work(rows: slice) -> tuple[float, np.ndarray]:
            outputs = _forward(layers, X[rows])
            z = outputs[-1][:, 0]
            loss = float(s[rows] @ (np.logaddexp(0.0, z) - y[rows] * z))
            residual = s[rows] * (sigmoid(z) - y[rows])
            inputs = [dense(X[rows]), *outputs[:-1]]
            return loss, self._pulled(inputs, _slopes(layers, outputs), residual[:, None])[:, 0]

        parts = map_blocks(work, *self._held(X))
        penalty = self._penalty() * theta
        gradient = penalty + np.sum([part[1] for part in parts], axis=0)
        loss = sum(part[0] for part in parts) + float(theta @ penalty) / 2
        return _Point(theta, loss, gradient, float(np.abs(gradient / self._unit).max()))

    def _units_of_gradient(self) -> np.ndarray:
        """Units of the gradient's entries, (P,): the number of rows times the unit of the column."""
        out = np.full(self._ends[-1], float(self.X_.shape[0]))
        self.layers(out)[0][:] *= column_units(self.X_)
        return out

    def _pulled(self, inputs: list[np.ndarray], slopes: list[np.ndarray], cotangents: np.ndarray) -> np.ndarray:
        """J' C of one block, (P, k)."""
        m, k = cotangents.shape
        parts = []
        for a, slope in zip(inputs, slopes, strict=True):
            side = (slope[:, :, None] * cotangents[:, None, :]).reshape(m, -1)
            pulled = np.empty((side.shape[1], a.shape[1] + 1))
            np.matmul(side.T, a, out=pulled[:, :-1])
            pulled[:, -1] = side.sum(axis=0)
            parts.append(np.moveaxis(pulled.reshape(slope.shape[1], k, -1), 1, 2).reshape(-1, k))
        return np.vstack(parts)

    def _times(self, theta: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """Hessian times `direction` (P,), by differentiating the gradient along it (Pearlmutter 1994)."""
        self._stop_check()
        X, y, s = self.X_, self.y_, self.sample_weight_
        layers, moves = self.layers(theta), self.layers(direction)

        def work(rows: slice) -> np.ndarray:
            outputs = _forward(layers, X[rows])
            slopes = _slopes(layers, outputs)
            inputs = [dense(X[rows]), *outputs[:-1]]
            p = sigmoid(outputs[-1][:, 0])
            residual = (s[rows] * (p - y[rows]))[:, None]
            sums, moved = [], [np.empty((0, 0))]
            for i, (layer, move) in enumerate(zip(layers, moves, strict=True)):
                sums.append(_affine(inputs[i], move))
                if i:
                    sums[i] += moved[i] @ layer[:, :-1].T
                if i + 1 < len(layers):
                    moved.append((1 - outputs[i] ** 2) * sums[i])
            back = (s[rows] * p * (1 - p))[:, None] * sums[-1]
            parts: list[np.ndarray] = []
            for i in reversed(range(len(layers))):
                gained = np.hstack([back.T @ inputs[i], back.sum(axis=0)[:, None]])
                if i:
                    gained[:, :-1] += (residual * slopes[i]).T @ moved[i]
                    a = outputs[i - 1]
                    upward = back @ layers[i][:, :-1] + (residual * slopes[i]) @ moves[i][:, :-1]
                    back = (1 - a**2) * upward - 2 * a * residual * slopes[i - 1] * sums[i - 1]
                parts.insert(0, gained.ravel())
            return np.concatenate(parts)

        return self._penalty() * direction + np.sum(map_blocks(work, *self._held(X)), axis=0)

    def _hessian(self, theta: np.ndarray) -> np.ndarray:
        """The exact Hessian, (P, P), tile by tile. The tile of units k and l of any two layers is inputs' diag(.)
        inputs.

        With U_lm = d sums of layer l / d sums of layer m, that diagonal is d g_m g_m' plus the curvature of every tanh
        above both layers, sum_l U_lm' diag(c_l) U_lm'. A layer's weights and its own inputs add one more product.
        """
        X, y, s = self.X_, self.y_, self.sample_weight_
        layers, size = self.layers(theta), self._ends[-1]

        def work(rows: slice) -> Iterator[tuple[slice, slice, np.ndarray]]:
            self._stop_check()
            outputs = _forward(layers, X[rows])
            slopes = _slopes(layers, outputs)
            inputs = [with_intercept(a) for a in (dense(X[rows]), *outputs[:-1])]
            p = sigmoid(outputs[-1][:, 0])
            residual = s[rows] * (p - y[rows])
            d = s[rows] * p * (1 - p)
            answers = _answers(layers, outputs)
            bend = [-2 * a * (residual[:, None] * slope) for a, slope in zip(outputs[:-1], slopes[:-1], strict=True)]
            for low, a in enumerate(inputs):
                for high in range(low, len(layers)):
                    middle = (d[:, None] * slopes[low])[:, :, None] * slopes[high][:, None, :]
                    for top in range(high, len(layers) - 1):
                        ours, theirs = answers[top, low], answers[top, high]
                        middle += np.matmul(np.swapaxes(ours, 1, 2), bend[top][:, :, None] * theirs)
                    for unit in range(slopes[low].shape[1]):
                        first = unit if low == high else 0
                        side = middle[:, unit, first:, None] * inputs[high][:, None, :]
                        tile = a.T @ side.reshape(a.shape[0], -1)
                        yield self._units(low, unit), self._units(high, first, None), tile
                    if high > low:
                        passed = (1 - outputs[high - 1] ** 2)[:, :, None] * answers[high - 1, low]
                        for unit in range(slopes[high].shape[1]):
                            own = self._units(high, unit)
                            side = (residual * slopes[high][:, unit])[:, None, None] * passed
                            tile = side.reshape(a.shape[0], -1).T @ a  # (inputs of high x units of low, inputs of low)
                            shape = (passed.shape[1], -1)
                            yield self._units(low, 0, None), slice(own.start, own.stop - 1), tile.reshape(shape).T

        def gathered(rows: slice) -> np.ndarray:
            total = np.zeros((size, size))
            for start in range(rows.start, rows.stop, HESSIAN_ROWS):
                for down, across, tile in work(slice(start, min(start + HESSIAN_ROWS, rows.stop))):
                    total[down, across] += tile
            return total

        upper = sum_blocks(gathered, *self._held(X))
        return np.triu(upper) + np.triu(upper, 1).T + np.diag(self._penalty())

    def _units(self, layer: int, first: int, last: int | None = -1) -> slice:
        """Positions of the parameters of a layer's unit; with `last` None, of it and of all units after it."""
        start, width = self._ends[layer], self._shapes[layer][1]
        end = self._ends[layer + 1] if last is None else start + (first + 1) * width
        return slice(start + first * width, end)

    # -------------------------------------------------------------------------------------------------- optimum

    def _searched(self, theta: np.ndarray) -> np.ndarray:
        """The point near a minimum that L-BFGS reaches from `theta`."""
        n = self.X_.shape[0]

        def objective(theta: np.ndarray) -> tuple[float, np.ndarray]:
            here = self._at(theta)
            return here.loss / n, here.gradient / n

        options = {"maxiter": SEARCH_STEPS, "maxfun": 2 * SEARCH_STEPS, "maxcor": 20, "gtol": SEARCHED, "ftol": 0.0}
        return np.asarray(minimize(objective, theta, jac=True, method="L-BFGS-B", options=options).x)

    def _stationary(self, theta: np.ndarray, factor: _Factor | None) -> np.ndarray:
        """The stationary point near `theta`. `factor`: a factorized Hessian of some point near by.

        The factor is corrected by the gradients seen since (L-BFGS that starts from it). After a small change of the
        weights, a few cheap passes are enough; near the end, these are Newton steps. A factor that makes slow progress
        is replaced. Beyond `DIRECT` parameters, Newton steps use conjugate gradients.
        """
        attainable, direct = self._attainable(), theta.size <= DIRECT or factor is not None
        here, fresh, memory = self._at(theta), False, Memory(MEMORY)
        marks: list[float] = []  # sizes since the factor was taken
        for self.n_iter_ in range(1, MAX_STEPS + 1):
            if direct and factor is None:
                factor, fresh = _factorize(self._hessian(here.theta), self.damping), True
                memory, marks = Memory(MEMORY), []
            if factor is not None:
                step = memory.step(here.gradient, factor.solve)
            else:
                step = self._conjugate_gradients(here.theta, here.gradient, min(0.1, here.size**0.5))[0]
            there = self._step(here, step)
            stalled = there.size >= here.size and there.loss >= here.loss * (1 - ROUNDING)
            if stalled and (fresh or not direct):
                break  # rounding is all that is left, or there is no way on
            if stalled:
                factor = None
                continue
            memory.add(there.theta - here.theta, there.gradient - here.gradient)
            here, fresh = there, False
            marks.append(here.size)
            if here.size <= TOLERANCE:
                break
            if direct and len(marks) > PATIENCE and marks[-1] > marks[-1 - PATIENCE] / 100:
                factor = None
        if not here.size <= attainable:
            raise FitError(
                f"The network did not reach a stationary point (gradient {here.size:.1e} after {self.n_iter_} steps). "
                "Lower C, take fewer hidden units, or bring the columns to one scale."
            )
        if factor is not None:
            polished = self._at(here.theta - memory.step(here.gradient, factor.solve))
            here = polished if polished.size <= here.size else here
        self._near = factor
        self.gradient_norm_ = float(np.abs(here.gradient).max() / self.X_.shape[0])
        return here.theta

    def _step(self, here: _Point, step: np.ndarray) -> _Point:
        """The point one step away. The step is halved until the loss falls, or within rounding the gradient."""
        share, rounding = 1.0, ROUNDING * abs(here.loss)
        while True:
            there = self._at(here.theta - share * step)
            level = there.loss <= here.loss + rounding and there.size < here.size
            if level or there.loss < here.loss - rounding or share < SHORTEST_STEP:
                return there
            share /= 2

    def _attainable(self) -> float:
        """Smallest gradient size that rounding allows; more than the tolerance where a few values dwarf a column."""
        X = self.X_
        peaks = np.abs(dense(X[:: max(1, X.shape[0] // 1000)])).max(axis=0, initial=0.0) / column_units(X)[:-1]
        return TOLERANCE * max(1.0, float(peaks.max(initial=0.0)))

    def _conjugate_gradients(
        self, theta: np.ndarray, b: np.ndarray, accuracy: float, damping: float = 0.0
    ) -> tuple[np.ndarray, bool]:
        """(H + damping)^-1 b for b (P,), and whether the residual fell to `accuracy` of it.

        Stops at negative curvature with what it has, and with b if that is nothing.
        """
        x, residual, direction = np.zeros_like(b), b.copy(), b.copy()
        square, enough = float(b @ b), accuracy**2 * float(b @ b)
        for _ in range(max(200, 5 * b.size)):
            if square <= enough:
                return x, True
            curved = self._times(theta, direction) + damping * direction
            curvature = float(direction @ curved)
            if curvature <= 0:
                return (x if x.any() else b), False
            length = square / curvature
            x += length * direction
            residual -= length * curved
            square, before = float(residual @ residual), square
            direction = residual + (square / before) * direction
        return x, square <= enough

    def _conjugate(self, b: np.ndarray) -> np.ndarray:
        """H^-1 b (P,) at the fitted parameters without a factorization, damped where the curvature is not positive."""
        damping = self.damping
        for _ in range(DAMPINGS):
            x, good = self._conjugate_gradients(self.theta_, b, 1e-10, damping)
            if good:
                self._damped = damping
                return x
            damping = max(10 * damping, 1e-4 / self.C)
        raise FitError("The network's Hessian cannot be solved with. Lower C, or take fewer hidden units.")

    def _own_factor(self) -> _Factor:
        if self._factor is None:
            self._factor = _factorize(self._hessian(self.theta_), self.damping)
        return self._factor


def _forward(layers: list[np.ndarray], X: Design) -> list[np.ndarray]:
    """What comes out of each layer, (m, units): tanh of its sums, and of the last the logit itself, (m, 1)."""
    outputs: list[np.ndarray] = []
    for i, layer in enumerate(layers):
        a = _affine(outputs[-1] if outputs else X, layer)
        if i + 1 < len(layers):
            np.tanh(a, out=a)
        outputs.append(a)
    return outputs


def _affine(a: Design, layer: np.ndarray) -> np.ndarray:
    """Sums of a layer, (m, units)."""
    sums: np.ndarray = a @ layer[:, :-1].T
    sums += layer[:, -1]
    return sums


def _slopes(layers: list[np.ndarray], outputs: list[np.ndarray]) -> list[np.ndarray]:
    """d logit / d sums of each layer, (m, units)."""
    slopes = [np.ones_like(outputs[-1])]
    for layer, a in zip(layers[:0:-1], outputs[-2::-1], strict=True):
        slopes.insert(0, (slopes[0] @ layer[:, :-1]) * (1 - a**2))
    return slopes


def _sensitivities(layers: list[np.ndarray], X: Design) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """What reaches each layer, (m, inputs), and d logit / d its sums, (m, units)."""
    outputs = _forward(layers, X)
    return [dense(X), *outputs[:-1]], _slopes(layers, outputs)


def _answers(layers: list[np.ndarray], outputs: list[np.ndarray]) -> dict[tuple[int, int], np.ndarray]:
    """d sums of hidden layer l / d sums of hidden layer m <= l, (rows, units of l, units of m), by (l, m)."""
    rows, out = outputs[0].shape[0], {}
    for low in range(len(layers) - 1):
        units = layers[low].shape[0]
        out[low, low] = np.broadcast_to(np.eye(units), (rows, units, units))
        for high in range(low + 1, len(layers) - 1):
            passed = (1 - outputs[high - 1] ** 2)[:, :, None] * out[high - 1, low]
            out[high, low] = np.matmul(layers[high][:, :-1], passed)
    return out


def _factorize(hessian: np.ndarray, damping: float) -> _Factor:
    """Cholesky factor of the Hessian with at least `damping` on its diagonal, and only as much more as it takes."""
    largest = float(np.abs(np.diag(hessian)).max())
    for _ in range(DAMPINGS):
        shifted = hessian + damping * np.eye(hessian.shape[0])
        try:
            lower = cholesky(shifted, lower=True)
        except (LinAlgError, ValueError):
            lower = None
        if lower is not None and np.diag(lower).min() ** 2 > SMALLEST_PIVOT * largest:
            return _Factor(lower, damping)
        damping = max(4 * damping, FIRST_DAMPING * largest)
    raise FitError("The network's Hessian is not finite. Lower C, or bring the columns to one scale.")
