"""The path of a repair: from the untouched model to stronger and stronger weights.

At every strength the gaps are linearised at the model of the strength before, the whole change of weights is solved
again from 1, and the model is refitted; where the refit misses what was asked, it is linearised again there. Beside the
refit stands the prediction: one solve and no refit, from the untouched model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np

from iffair_core.errors import ConfigError, FitError, Infeasible
from iffair_core.influence import influence_of
from iffair_core.metrics import GOAL_METRIC
from iffair_core.models.blocks import sigmoid
from iffair_core.models.logistic import LogisticModel
from iffair_core.quantities import FairnessQuantities, GoalPairs, goal_pairs
from iffair_core.reweighting import (
    VARIANTS,
    Ask,
    diverse_weights,
    effective_sample_size,
    efficient_weights,
    reachable_share,
    require_rails,
    uniform_weights,
)

MAX_STRENGTH = 1.25
ON_TARGET = 0.005
OFF_TARGET = 0.25
CORRECTIONS = 4


@dataclass(frozen=True)
class Repair:
    """What is repaired and within which guard rails.

    `max_weight` > 1: no weight above it. `min_effective_sample_size`: Kish's size as a share of training rows.
    """

    goal: str = "equalized_odds"
    variant: str = "diverse"
    max_weight: float = 5.0
    min_effective_sample_size: float = 0.5

    def __post_init__(self) -> None:
        if self.variant not in VARIANTS:
            raise ConfigError(f"There is no variant {self.variant!r}. Choose one of {', '.join(VARIANTS)}.")
        if self.goal not in GOAL_METRIC:
            raise ConfigError(f"There is no metric {self.goal!r} to repair. Choose one of {', '.join(GOAL_METRIC)}.")
        require_rails(self.max_weight, self.min_effective_sample_size)


def require_strength(strength: float) -> float:
    """The strength as a float; ConfigError outside 0..1.25."""
    if not (np.isfinite(strength) and 0.0 <= strength <= MAX_STRENGTH):
        raise ConfigError(f"The strength is {strength}; choose a number from 0 (untouched) to {MAX_STRENGTH:g}.")
    return float(strength)


@dataclass(frozen=True)
class Step:
    """One strength of the path. `model` and `weights` (n,) are None where it is infeasible, and `reason` says why.

    `predicted_theta` (P,): parameters predicted without a refit; None where even the first-order ask has no answer.
    """

    strength: float
    weights: np.ndarray | None
    model: LogisticModel | None
    predicted_theta: np.ndarray | None
    reason: str | None = None


class RepairPath:
    """The way from the untouched model to stronger and stronger repairs.

    `start`: the model fitted with unit weights. `guide`: quantities whose goal the weights close, measured on rows with
    fixed unit weights. `step_from` advances from any earlier step, so that a strength off the grid branches from it.
    """

    def __init__(
        self,
        start: LogisticModel,
        guide: FairnessQuantities,
        repair: Repair,
        check: Callable[[], None] | None = None,
    ) -> None:
        self.start, self.repair, self.guide, self.check = start, repair, guide, check
        self.pairs: GoalPairs = goal_pairs(guide, repair.goal)
        self.before = guide.values(start)
        self.disparity = self.pairs.disparity(self.before)
        self.origin = Step(0.0, np.ones(start.X_.shape[0]), start, start.theta_)
        self._price: np.ndarray | None = None
        self._first = _Linearised(start, guide)
        self._columns = _goal_columns(guide, self.pairs)
        self.limit = self._reachable()

    def step_from(self, earlier: Step, strength: float) -> Step:
        """The weights and the refitted model at `strength`, starting from a feasible step at a smaller strength."""
        if strength == 0 or self.disparity == 0:
            return Step(strength, self.origin.weights, self.origin.model, self.origin.predicted_theta)
        predicted = self._predict(strength)
        if earlier.model is None or earlier.weights is None:
            return Step(strength, None, None, predicted, earlier.reason)
        if strength > self.limit:
            return Step(
                strength,
                None,
                None,
                predicted,
                f"Beyond {self.limit:.2f}, the largest strength that weights up to {self.repair.max_weight:g} "
                "can reach.",
            )
        model, weights, best = earlier.model, earlier.weights, np.inf
        found: tuple[LogisticModel, np.ndarray] | None = None
        for _ in range(CORRECTIONS):
            if self.check is not None:
                self.check()
            try:
                here = self._first if model is self.start else _Linearised(model, self.guide)
                candidate = self._solve(here, weights, strength)
                refitted = model.refitted(candidate)
            except (Infeasible, FitError) as error:
                if found is None:
                    return Step(strength, None, None, predicted, str(error))
                break
            miss = self._miss(refitted, strength)
            if miss < best:
                found, best = (refitted, candidate), miss
            if miss <= ON_TARGET or miss > 2 * best:
                break
            model, weights = refitted, candidate
        assert found is not None
        model, weights = found
        reason = None
        if best > OFF_TARGET:
            reason = (
                f"The refit missed what was asked by {100 * best:.3g} % of the baseline gap; the last good strength "
                "stands."
            )
        size = effective_sample_size(weights)
        if size < self.repair.min_effective_sample_size:
            reason = (
                f"The effective sample size would fall to {100 * size:.1f} % of the training rows, below the limit of "
                f"{100 * self.repair.min_effective_sample_size:.4g} %."
            )
        if reason is not None:
            return Step(strength, None, None, predicted, reason)
        return Step(strength, weights, model, predicted)

    def walk(
        self, grid: Iterable[float], also: Iterable[float] = (), report: Callable[[float], None] | None = None
    ) -> list[Step]:
        """Steps at every strength of the ascending `grid`, and `also` at strengths between them, in ascending order.

        Those between branch from the grid's step below, so that the grid's steps do not depend on them.
        """
        steps: list[Step] = []
        for strength in grid:
            steps.append(self.step_from(steps[-1] if steps else self.origin, float(strength)))
            if report is not None:
                report(float(strength) / MAX_STRENGTH)
        extra = []
        for strength in sorted(set(also) - {step.strength for step in steps}):
            below = [step for step in steps if step.strength < strength]
            extra.append(self.step_from(below[-1] if below else self.origin, strength))
        return sorted(steps + extra, key=lambda step: step.strength)

    def _targets(self, strength: float) -> tuple[np.ndarray, np.ndarray, bool]:
        """Matrix (j, k) of directed gaps, their targets (j,), and whether they are met with equality.

        One signed gap, or any gaps at strength 1 and beyond, follow (1 - strength) times their start. Otherwise every
        directed gap has to stay at or below (1 - strength) times the disparity, and only those that bind cost anything.
        """
        if strength >= 1 or self._columns.shape[0] == 1:
            return self._columns, (1 - strength) * (self._columns @ self.before), True
        return self.pairs.matrix, np.full(len(self.pairs.labels), (1 - strength) * self.disparity), False

    def _miss(self, model: LogisticModel, strength: float) -> float:
        """Distance of the refit from what was asked, as a share of the baseline disparity."""
        matrix, target, equal = self._targets(strength)
        off = matrix @ self.guide.values(model) - target
        return float((np.abs(off) if equal else off).max() / self.disparity)

    def _solve(self, at: _Linearised, weights: np.ndarray, strength: float) -> np.ndarray:
        matrix, target, equal = self._targets(strength)
        if self.repair.variant == "efficient":
            if self._price is None:
                self._price = self.start.hessian()
            return efficient_weights(
                at.model,
                at.gradients @ matrix.T,
                matrix @ at.values,
                target,
                equal=equal,
                anchor=self.start.theta_,
                price=self._price,
                max_weight=self.repair.max_weight,
                check=self.check,
            )[0]
        influence = at.influence @ matrix.T
        ask = Ask(influence, matrix @ at.values - influence.T @ (weights - 1.0), target, equal)
        solve = diverse_weights if self.repair.variant == "diverse" else uniform_weights
        return solve(ask, self.repair.max_weight, check=self.check)

    def _predict(self, strength: float) -> np.ndarray | None:
        """Parameters after the one-shot weights, theta_0 - H_0^-1 sum_i (w_i - 1) grad_i, without a refit."""
        start = self.start
        try:
            weights = self._solve(self._first, np.ones(start.X_.shape[0]), strength)
        except Infeasible:
            return None
        residual = (weights - 1.0) * (sigmoid(start.logits(start.X_)) - start.y_)
        return start.theta_ - start.solve(start.pull_back(start.X_, residual[:, None]))[:, 0]

    def _reachable(self) -> float:
        """Largest strength that any single gap of the goal allows, to first order: necessary, not sufficient."""
        if self.disparity == 0:
            return np.inf
        worst = self.pairs.matrix[self.pairs.worst(self.before)]
        return reachable_share(self._first.influence @ worst, self.disparity, self.repair.max_weight)


class _Linearised:
    """Quantities, their gradients and influences at one model."""

    def __init__(self, model: LogisticModel, guide: FairnessQuantities) -> None:
        self.model = model
        self.values = guide.values(model)
        self.gradients = guide.gradients(model)
        self._influence: np.ndarray | None = None

    @property
    def influence(self) -> np.ndarray:
        if self._influence is None:
            self._influence = influence_of(self.model, self.gradients)
        return self._influence


def _goal_columns(guide: FairnessQuantities, pairs: GoalPairs) -> np.ndarray:
    """Rows that pick the goal's gaps against the reference out of the quantities, (gaps, k)."""
    rates = {rate for rate, _, _ in pairs.labels}
    return np.eye(len(guide.names))[[i for i, gap in enumerate(guide.gaps) if gap.rate in rates]]
