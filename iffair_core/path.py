"""The path of a repair: from the untouched model to stronger and stronger weights.

At every strength the gaps are linearized at the model of the strength before, the whole change of weights from 1 is
solved again, and the model is refitted. Where the refit misses its target, the gaps are linearized there once more. The
prediction beside it uses no refit, only Newton steps from the untouched model.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from iffair_core.errors import ConfigError, FitError, Infeasible, StopCheck, never_stop
from iffair_core.influence import influence_of, one_step_parameters
from iffair_core.metrics import GOAL_METRIC, GOAL_RATES
from iffair_core.models.base import InfluenceModel
from iffair_core.models.logistic import LogisticModel
from iffair_core.quantities import FairnessQuantities, GoalPairs, goal_pairs
from iffair_core.reweighting import (
    REACH,
    VARIANTS,
    Ask,
    Rails,
    Thrift,
    diverse_weights,
    effective_sample_size,
    efficient_weights,
    reachable_strength,
    require_rails,
    uniform_weights,
)

MAX_STRENGTH = 1.25
ON_TARGET = 0.005
OFF_TARGET = 0.25
CORRECTIONS = 4
STRIDE = 1 / 16
NO_GAP = 1e-8
"""A soft disparity up to which nothing is left to close: a fit is no more exact than that."""


@dataclass(frozen=True)
class Repair:
    """What is repaired and within which guard rails.

    `max_weight` > 1: no weight above it. `min_effective_sample_size`: Kish's size as a share of training rows, or of
    that of the file's own row weights.
    `min_accuracy`: on the rows that guide the repair; None for no floor. `also`: other goals whose disparities the same
    weights have to close by the same share.
    """

    goal: str = "equalized_odds"
    variant: str = "diverse"
    max_weight: float = 5.0
    min_effective_sample_size: float = 0.5
    min_accuracy: float | None = None
    also: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.min_accuracy is not None and not 0 <= self.min_accuracy <= 1:
            raise ConfigError(f"min_accuracy is {self.min_accuracy}; it is a share of correct decisions from 0 to 1.")
        if self.variant not in VARIANTS:
            raise ConfigError(f"There is no variant {self.variant!r}. Choose one of {', '.join(VARIANTS)}.")
        for goal in (self.goal, *self.also):
            if goal not in GOAL_METRIC:
                raise ConfigError(f"There is no metric {goal!r} to repair. Choose one of {', '.join(GOAL_METRIC)}.")
        object.__setattr__(self, "also", tuple(goal for goal in GOAL_METRIC if goal in self.also and goal != self.goal))
        require_rails(self.max_weight, self.min_effective_sample_size)


def require_strength(strength: float) -> float:
    """The strength as a float; ConfigError outside 0..1.25."""
    if not (np.isfinite(strength) and 0.0 <= strength <= MAX_STRENGTH):
        raise ConfigError(f"The strength is {strength}; choose a number from 0 (untouched) to {MAX_STRENGTH:g}.")
    return float(strength)


@dataclass(frozen=True)
class Step:
    """One strength of the path. `model` and `weights` (n,) are None where it is infeasible, and `reason` says why.

    `weights` are ours; the model saw them times the base weights.
    `predicted_theta` (P,): parameters predicted without a refit; None where even the first-order ask has no answer.
    """

    strength: float
    weights: np.ndarray | None
    model: InfluenceModel | None
    predicted_theta: np.ndarray | None
    reason: str | None = None

    @property
    def solution(self) -> tuple[InfluenceModel, np.ndarray]:
        """(model, weights). Raises ConfigError, with the reason, where the strength is infeasible."""
        if self.model is None or self.weights is None:
            raise ConfigError(f"Strength {self.strength:g} is infeasible. {self.reason}")
        return self.model, self.weights


class RepairPath:
    """The way from the untouched model to stronger and stronger repairs.

    `start`: the model fitted with unit weights, or with `base`. `guide`: quantities whose goal the weights close,
    measured on rows with fixed weights. `pinned` (n,) bool: rows whose weight stays 1. `groups`: those of each
    rate that the gaps are taken over, all if None. `base` (n,): weights of the file, which ours multiply; None for 1
    everywhere. `predict` False leaves predictions out. `limit`:
    the largest strength that any weights within the rails reach to first order, all gaps at once. `step_from` advances
    from any earlier step, so that a strength off the grid branches from it.
    """

    def __init__(
        self,
        start: InfluenceModel,
        guide: FairnessQuantities,
        repair: Repair,
        stop_check: StopCheck = never_stop,
        pinned: np.ndarray | None = None,
        groups: Mapping[str, tuple[str, ...]] | None = None,
        *,
        base: np.ndarray | None = None,
        predict: bool = True,
    ) -> None:
        self.predicts, self.base = predict, base
        self.rails = Rails(repair.max_weight, pinned, base)
        self.start, self.repair, self.guide, self.stop_check = start, repair, guide, stop_check
        self.pairs: GoalPairs = goal_pairs(guide, repair.goal, groups)
        # Other gaps are not followed: their gradients and influences would cost as much as those of the goals.
        rates = {rate for goal in (repair.goal, *repair.also) for rate in GOAL_RATES[goal]}
        self._followed = guide.without([gap.name for gap in guide.gaps if gap.rate not in rates])
        self._first = self._latest = _Linearized(start, self._followed, base)
        self.before = self._first.values
        asked = [goal_pairs(self._followed, goal, groups) for goal in (repair.goal, *repair.also)]
        self.disparity = asked[0].disparity(self.before)
        self._directed = np.vstack([pairs.matrix for pairs in asked])
        self._signed = np.unique(np.vstack([pairs.signed for pairs in asked]), axis=0)  # goals may share a rate
        self._disparities = np.repeat([pairs.disparity(self.before) for pairs in asked], [len(p.labels) for p in asked])
        self.origin = Step(0.0, np.ones(start.X_.shape[0]), start, start.theta_)
        self._known_thrift: Thrift | None = None
        self._forecasts: dict[float, _Forecast | None] = {}
        self._ahead = 0.0, self._first
        if isinstance(start, LogisticModel):
            self._forecasts[0.0] = _Forecast(start, np.ones(start.X_.shape[0]))
        self.limit = self._reachable()

    def step_from(self, earlier: Step, strength: float) -> Step:
        """The weights and the refitted model at `strength`, starting from a feasible step at a smaller strength."""
        if strength == 0 or self.disparity <= NO_GAP:
            return Step(strength, self.origin.weights, self.origin.model, self.origin.predicted_theta)
        predicted, near = self._predict(strength)
        if earlier.model is None or earlier.weights is None:
            return Step(strength, None, None, predicted, earlier.reason)
        if strength > self.limit:
            return Step(
                strength,
                None,
                None,
                predicted,
                f"Beyond {max(0.0, self.limit):.2f}, the largest strength that weights up to "
                f"{self.repair.max_weight:g} "
                f"{'of the rows that are not pinned ' if self.rails.pinned is not None else ''}can reach.",
            )
        model, weights, best = earlier.model, earlier.weights, np.inf
        found: tuple[InfluenceModel, np.ndarray] | None = None
        for _ in range(CORRECTIONS):
            self.stop_check()
            try:
                candidate = self._solve(self._linearized(model), weights, strength)
                refitted = (near or model).refitted(self._seen(candidate), stop_check=self.stop_check)
                self._latest = _Linearized(refitted, self._followed, self.base)
            except (Infeasible, FitError) as error:
                if found is None:
                    return Step(strength, None, None, predicted, str(error))
                break
            miss, near = self._miss(self._latest.values, strength), None
            if miss < best:
                found, best = (refitted, candidate), miss
            if miss <= ON_TARGET or miss > 2 * best:
                break
            model, weights = refitted, candidate
        assert found is not None
        model, weights = found
        reason = self._refused(model, weights, best)
        if reason is not None:
            return Step(strength, None, None, predicted, reason)
        return Step(strength, weights, model, predicted)

    def _refused(self, model: InfluenceModel, weights: np.ndarray, miss: float) -> str | None:
        """Why a refit that misses its target by `miss` of the baseline gap is refused; None where it is accepted."""
        if miss > OFF_TARGET:
            return (
                f"The refit missed what was asked by {100 * miss:.3g} % of the baseline gap, more than "
                f"{100 * OFF_TARGET:.3g} %."
            )
        size, smallest = effective_sample_size(weights, self.base), self.repair.min_effective_sample_size
        if size < smallest:
            return (
                f"The effective sample size would fall to {100 * size:.1f} % of the training rows"
                f"{'' if self.base is None else ', as the row weights of the file count them'}, below the limit of "
                f"{100 * smallest:.4g} %."
            )
        if self.repair.min_accuracy is not None:
            accuracy = self.guide.accuracy(model)
            if accuracy < self.repair.min_accuracy:
                return (
                    f"The accuracy would be {100 * accuracy:.2f} % on the rows that guide the repair, below the "
                    f"floor of {100 * self.repair.min_accuracy:.4g} %."
                )
        return None

    def walk(
        self, grid: Iterable[float], also: Iterable[float] = (), report: Callable[[float], None] | None = None
    ) -> list[Step]:
        """Steps at every strength of the ascending `grid`, and `also` at strengths between them, in ascending order.

        A strength between two of the grid branches from the lower one, so that the grid's steps do not depend on it.
        """
        on_grid, below = {float(strength) for strength in grid}, self.origin
        steps: list[Step] = []
        for strength in sorted(on_grid | set(also)):
            steps.append(self.step_from(below, strength))
            if strength in on_grid:
                below = steps[-1]
                if report is not None:
                    report(strength / MAX_STRENGTH)
        return steps

    def _seen(self, weights: np.ndarray) -> np.ndarray:
        """Our weights times the base weights, which the model is fitted with."""
        return weights if self.base is None else weights * self.base

    def _targets(self, strength: float) -> tuple[np.ndarray, np.ndarray, bool]:
        """Matrix (j, k) of directed gaps, their targets (j,), and whether they are met with equality.

        One signed gap, or any gaps at strength 1 and beyond, follow (1 - strength) times their start. Otherwise every
        directed gap has to stay at or below (1 - strength) times its goal's disparity, and only those that bind cost
        anything.
        """
        if strength >= 1 or self._signed.shape[0] == 1:
            return self._signed, (1 - strength) * (self._signed @ self.before), True
        return self._directed, (1 - strength) * self._disparities, False

    def _linearized(self, model: InfluenceModel) -> _Linearized:
        """The quantities at a model; those of the start and of the latest refit are there already."""
        known = next((one for one in (self._first, self._latest) if one.model is model), None)
        return known or _Linearized(model, self._followed, self.base)

    def _miss(self, values: np.ndarray, strength: float) -> float:
        """Distance of a refit with these quantities (k,) from its target, as a share of the baseline disparity."""
        matrix, target, equal = self._targets(strength)
        off = matrix @ values - target
        return float((np.abs(off) if equal else off).max() / self.disparity)

    def _solve(self, at: _Linearized, weights: np.ndarray, strength: float) -> np.ndarray:
        matrix, target, equal = self._targets(strength)
        influence = at.influence @ matrix.T
        ask = Ask(influence, matrix @ at.values - influence.T @ (weights - 1.0), target, equal)
        if self.repair.variant == "efficient":
            if not isinstance(at.model, LogisticModel):
                raise ConfigError("The variant efficient needs a logistic model. Use diverse or uniform.")
            gradients = at.gradients @ matrix.T
            return efficient_weights(
                at.model, gradients, ask, weights, self.rails, self._thrift(), stop_check=self.stop_check
            )
        solve = diverse_weights if self.repair.variant == "diverse" else uniform_weights
        return solve(ask, self.rails, stop_check=self.stop_check)

    def _thrift(self) -> Thrift:
        if self._known_thrift is None:
            assert isinstance(self.start, LogisticModel)
            self._known_thrift = Thrift(self.start.theta_, self.start.hessian())
        return self._known_thrift

    def _predict(self, strength: float) -> tuple[np.ndarray | None, LogisticModel | None]:
        """Parameters at a strength without a refit, (P,), None where the ask has no answer; the model they are of."""
        if not self.predicts:
            return None, None
        if not isinstance(self.start, LogisticModel):
            try:
                candidate = self._solve(self._first, np.ones(self.start.X_.shape[0]), strength)
                return one_step_parameters(self.start, self._seen(candidate)), None
            except Infeasible:
                return None, None
        forecast = self._forecasts[strength] if strength in self._forecasts else self._forecast(strength)
        if strength % STRIDE == 0:
            self._keep(strength, forecast)
        return (None, None) if forecast is None else (forecast.model.theta_, forecast.model)

    def _forecast(self, strength: float) -> _Forecast | None:
        """The model expected at a strength: one Newton step from the one expected a sixteenth of strength before.

        Its weights are solved at that earlier forecast, so no refit enters.
        """
        earlier = (np.ceil(strength / STRIDE - 1e-9) - 1) * STRIDE
        if earlier not in self._forecasts:
            self._keep(earlier, self._forecast(earlier))
        before = self._forecasts[earlier]
        if before is None:
            return None
        if earlier != self._ahead[0]:  # only one is held: each has an influence for every row
            self._ahead = earlier, _Linearized(before.model, self._followed, self.base)
        try:
            weights = self._solve(self._ahead[1], before.weights, strength)
            return _Forecast(before.model.stepped(self._seen(weights)), weights)
        except (Infeasible, FitError):
            return None

    def _keep(self, strength: float, forecast: _Forecast | None) -> None:
        """Remember the forecast at a multiple of 1/16 in place of an earlier one: each has a weight for every row."""
        self._forecasts = {0.0: self._forecasts[0.0], strength: forecast}

    def _reachable(self) -> float:
        """Largest strength that all gaps of the goal allow at once, to first order. Refits may fail below it."""
        if self.disparity <= NO_GAP:
            return np.inf
        first = self._first
        over = self._directed @ self.before - self._disparities
        limit = reachable_strength(first.influence @ self._directed.T, over, self._disparities, self.rails)
        if limit < 1 - REACH:
            return limit
        signed, start = first.influence @ self._signed.T, self._signed @ self.before
        beyond = reachable_strength(signed, np.zeros(start.size), start, self.rails, equal=True)
        return max(1.0, beyond)


@dataclass(frozen=True, eq=False)
class _Forecast:
    """A model expected without a refit, and the weights (n,) of ours that it is expected for."""

    model: LogisticModel
    weights: np.ndarray


class _Linearized:
    """Quantities, their gradients and influences, per unit of our weights, at one model."""

    def __init__(self, model: InfluenceModel, guide: FairnessQuantities, base: np.ndarray | None) -> None:
        self.model, self._guide, self._base = model, guide, base
        self._logits = model.logits(guide.X)
        self.values = guide.values_of(self._logits)

    @cached_property
    def gradients(self) -> np.ndarray:
        return self._guide.gradients(self.model, self._logits)

    @cached_property
    def influence(self) -> np.ndarray:
        found = influence_of(self.model, self.gradients)
        if self._base is not None:
            found *= self._base[:, None]
        return found
