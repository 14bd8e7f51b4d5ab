"""Strengths -> a path of weights and refitted models -> the fairness-utility curve, its frontier and a recommendation.

At every strength the gaps are linearised at the model of the strength before, the whole change of weights is solved
again from 1, and the model is refitted; where the refit misses what was asked, it is linearised again there. Every
refitted point is a full refit. Beside it stands the prediction: one solve and no refit, from the untouched model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from iffair_core.errors import ConfigError, FitError, Infeasible
from iffair_core.influence import influence_of
from iffair_core.metrics import (
    GOAL_METRIC,
    GOAL_RATES,
    METRICS,
    confusion_counts,
    intervals_from_counts,
    point_metrics,
)
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

STRENGTHS = np.linspace(0.0, 1.25, 21)
MAX_STRENGTH = 1.25
DEFAULT_BUDGET = 0.01
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


def on_grid(strength: float) -> bool:
    """Whether every curve has a point at this strength."""
    return bool(np.any(np.abs(STRENGTHS - strength) <= 1e-12))


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
        self.repair, self.guide, self.check = repair, guide, check
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
                here = self._first if model is self.origin.model else _Linearised(model, self.guide)
                candidate = self._solve(here, weights, strength)
                refitted = LogisticModel(model.C).fit(model.X_, model.y_, candidate, warm_start=model)
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
                f"The refit missed what was asked by {best:.0%} of the baseline gap; the last good strength stands."
            )
        size = effective_sample_size(weights)
        if size < self.repair.min_effective_sample_size:
            reason = (
                f"The effective sample size would fall to {size:.0%} of the training rows, below the limit of "
                f"{self.repair.min_effective_sample_size:.0%}."
            )
        if reason is not None:
            return Step(strength, None, None, predicted, reason)
        return Step(strength, weights, model, predicted)

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
            start = self.origin.model
            assert start is not None
            if self._price is None:
                self._price = start.hessian()
            return efficient_weights(
                at.model,
                at.gradients @ matrix.T,
                matrix @ at.values,
                target,
                equal=equal,
                anchor=start.theta_,
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
        start = self._first.model
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
        self._guide = guide
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


@dataclass(frozen=True)
class Part:
    """The rows on which points of a curve are measured: X (m, p), y (m,), group codes (m,)."""

    X: np.ndarray
    y: np.ndarray
    group_codes: np.ndarray


Numbers = Mapping[str, float | None]
Intervals = Mapping[str, tuple[float, float] | None]


@dataclass(frozen=True)
class CurvePoint:
    """One strength: metrics per split as refitted and as predicted, and what the weights look like.

    Refitted fields are empty and `weights`, `theta` None where the strength is infeasible; `reason` says why.
    `soft`: the goal's soft disparity (signed along the start's direction for a single gap).
    """

    strength: float
    feasible: bool
    reason: str | None
    weights: np.ndarray | None
    theta: np.ndarray | None
    refitted: Mapping[str, Numbers]
    refitted_intervals: Mapping[str, Intervals]
    predicted: Mapping[str, Numbers]
    soft: Mapping[str, float | None]
    predicted_soft: Mapping[str, float | None]
    effective_sample_size: float | None
    changed_share: float | None
    largest_weight: float | None


@dataclass(frozen=True)
class Curve:
    """Points in ascending strength; `recommended` and `chosen` are positions in `points`.

    `limit`: the largest strength that the first-order feasibility bound allows, stated before any refit.
    `frontier`: positions of refitted points that no other point beats on validation in both accuracy and disparity.
    """

    goal: str
    variant: str
    points: tuple[CurvePoint, ...]
    recommended: int
    chosen: int
    limit: float
    budget: float
    frontier: tuple[int, ...]
    warnings: tuple[str, ...] = ()
    _splits: tuple[str, ...] = field(default=("validation", "test"), repr=False)

    @property
    def metric(self) -> str:
        return GOAL_METRIC[self.goal]

    def frame(self) -> pd.DataFrame:
        """curve.csv: strength, split, every metric refitted, predicted_<metric>, soft_<goal>, predicted_soft_<goal>."""
        lines = []
        for point in self.points:
            for split in self._splits:
                line: dict[str, Any] = {"strength": point.strength, "split": split}
                line |= {name: point.refitted.get(split, {}).get(name) for name in METRICS}
                line |= {f"predicted_{name}": point.predicted.get(split, {}).get(name) for name in METRICS}
                line[f"soft_{self.goal}"] = point.soft.get(split)
                line[f"predicted_soft_{self.goal}"] = point.predicted_soft.get(split)
                lines.append(line)
        return pd.DataFrame(lines).astype({c: float for c in lines[0] if c != "split"})


def measure_point(
    step: Step,
    start: LogisticModel,
    parts: Mapping[str, Part],
    goal: str,
    quantities: Mapping[str, FairnessQuantities],
    *,
    seed: int,
    intervals: bool = True,
) -> CurvePoint:
    """Every metric of a path's step on every split, refitted and predicted."""
    refitted: dict[str, Numbers] = {}
    bounds: dict[str, Intervals] = {}
    predicted: dict[str, Numbers] = {}
    soft: dict[str, float | None] = {}
    predicted_soft: dict[str, float | None] = {}
    for split, part in parts.items():
        n_groups = len(quantities[split].groups)
        if step.model is not None:
            score = sigmoid(step.model.logits(part.X))
            refitted[split] = point_metrics(part.y, score, part.group_codes, n_groups)
            if intervals:
                counts = confusion_counts(part.y, score >= 0.5, part.group_codes, n_groups)
                bounds[split] = intervals_from_counts(counts, seed=seed)
            soft[split] = signed_disparity(quantities[split], goal, start, step.model.theta_)
        if step.predicted_theta is not None:
            score = sigmoid(start.logits(part.X, step.predicted_theta))
            predicted[split] = point_metrics(part.y, score, part.group_codes, n_groups)
            predicted_soft[split] = signed_disparity(quantities[split], goal, start, step.predicted_theta)
    weights = step.weights if step.model is not None else None
    return CurvePoint(
        step.strength,
        step.model is not None,
        step.reason,
        weights,
        step.model.theta_ if step.model is not None else None,
        refitted,
        bounds,
        predicted,
        soft,
        predicted_soft,
        None if weights is None else effective_sample_size(weights),
        None if weights is None else float(np.mean(np.abs(weights - 1.0) > 1e-9)),
        None if weights is None else float(weights.max()),
    )


def signed_disparity(
    quantities: FairnessQuantities, goal: str, start: LogisticModel, theta: np.ndarray
) -> float | None:
    """The goal's soft disparity at `theta`; for a single gap signed, positive in the direction of the start's gap.

    None where fewer than two groups have an estimable rate on these rows.
    """
    if not _estimable(quantities, goal):
        return None
    pairs = goal_pairs(quantities, goal)
    values = quantities.values_at(start, theta)
    if len(pairs.labels) == 2:
        return float(pairs.matrix[pairs.worst(quantities.values(start))] @ values)
    return pairs.disparity(values)


def _estimable(quantities: FairnessQuantities, goal: str) -> bool:
    return all(any(gap.rate == rate for gap in quantities.gaps) for rate in GOAL_RATES[goal])


def recommend(points: Sequence[CurvePoint], goal: str, budget: float) -> int:
    """Position of the smallest validation disparity of `goal` within `budget` of accuracy of strength 0.

    Ties go to the smaller strength. Falls back to strength 0 where no disparity is estimable.
    """
    metric = GOAL_METRIC[goal]
    start = points[0].refitted["validation"]["accuracy"]
    assert start is not None
    best, best_value = 0, np.inf
    for i, point in enumerate(points):
        if not point.feasible:
            continue
        value, accuracy = point.refitted["validation"][metric], point.refitted["validation"]["accuracy"]
        if value is None or accuracy is None or accuracy < start - budget - 1e-12:
            continue
        if value < best_value - 1e-12:
            best, best_value = i, value
    return best


def frontier(points: Sequence[CurvePoint], goal: str, split: str = "validation") -> tuple[int, ...]:
    """Positions of feasible points that no other is better than in both accuracy and disparity of `goal`."""
    metric = GOAL_METRIC[goal]
    candidates = []
    for i, point in enumerate(points):
        if point.feasible:
            accuracy, disparity = point.refitted[split]["accuracy"], point.refitted[split][metric]
            if accuracy is not None and disparity is not None:
                candidates.append((i, accuracy, disparity))
    return tuple(
        i
        for i, accuracy, disparity in candidates
        if not any(a >= accuracy and d <= disparity and (a, d) != (accuracy, disparity) for _, a, d in candidates)
    )


def trace(
    path: RepairPath,
    parts: Mapping[str, Part],
    quantities: Mapping[str, FairnessQuantities],
    *,
    strength: float | None,
    budget: float | None,
    seed: int,
    report: Callable[[float], None] | None = None,
) -> Curve:
    """The whole curve on the grid of 21 strengths, and the chosen strength where it lies between them.

    `strength` None: the recommended point. A given strength that is infeasible falls back to the last good one, with a
    warning; with a `budget` it is capped to the largest strength within it. `parts` and `quantities`: per split.
    """
    start = path.origin.model
    assert start is not None
    steps: list[Step] = []
    for i, value in enumerate(STRENGTHS):
        steps.append(path.step_from(steps[-1] if steps else path.origin, float(value)))
        if report is not None:
            report((i + 1) / (len(STRENGTHS) + 2))
    if strength is not None and not on_grid(strength):
        before = [step for step in steps if step.strength < strength][-1]
        steps.append(path.step_from(before, strength))
        steps.sort(key=lambda step: step.strength)
    goal = path.repair.goal
    points = tuple(measure_point(step, start, parts, goal, quantities, seed=seed) for step in steps)
    return _arranged(points, path.repair.goal, path.repair.variant, path.limit, asked=(strength, budget))


def choose(curve: Curve, strength: float | None, budget: float | None) -> Curve:
    """The curve that `trace` would give for this strength and budget, from the points that `curve` has.

    Raises ConfigError for a strength outside 0..1.25, or one off the grid for which the curve has no point.
    """
    held = strength is None or any(point.strength == strength for point in curve.points)
    if strength is not None and not held and not on_grid(require_strength(strength)):
        raise ConfigError(f"The curve has no point at strength {strength:g}. Run the study with it.")
    points = tuple(
        point
        for point in curve.points
        if on_grid(point.strength) or (strength is not None and point.strength == strength)
    )
    return _arranged(points, curve.goal, curve.variant, curve.limit, asked=(strength, budget))


def _arranged(
    points: tuple[CurvePoint, ...],
    goal: str,
    variant: str,
    limit: float,
    *,
    asked: tuple[float | None, float | None],
) -> Curve:
    """The curve with its recommended and its chosen point; `asked`: strength and budget as the user gave them."""
    strength, budget = asked
    allowed = DEFAULT_BUDGET if budget is None else budget
    grid = [i for i, point in enumerate(points) if on_grid(point.strength)]
    recommended = grid[recommend([points[i] for i in grid], goal, allowed)]
    chosen, warnings = _choose(points, strength, budget, recommended)
    return Curve(goal, variant, points, recommended, chosen, limit, allowed, frontier(points, goal), warnings)


def _choose(
    points: Sequence[CurvePoint], strength: float | None, budget: float | None, recommended: int
) -> tuple[int, tuple[str, ...]]:
    if strength is None:
        return recommended, ()
    asked = min(range(len(points)), key=lambda i: abs(points[i].strength - strength))
    chosen, warnings = asked, []
    if not points[asked].feasible:
        chosen = max(i for i in range(asked) if points[i].feasible)
        warnings.append(
            f"Strength {strength:g} is infeasible, {points[chosen].strength:g} was used instead. {points[asked].reason}"
        )
    if budget is not None:
        start = points[0].refitted["validation"]["accuracy"]

        def within(i: int) -> bool:
            accuracy = points[i].refitted["validation"]["accuracy"]
            return accuracy is not None and start is not None and accuracy >= start - budget - 1e-12

        capped = max(i for i in range(chosen + 1) if points[i].feasible and (i == 0 or within(i)))
        if capped != chosen:
            warnings.append(
                f"Strength {points[chosen].strength:g} costs more than the utility budget of {budget:g} on validation "
                f"rows, {points[capped].strength:g} was used instead."
            )
            chosen = capped
    return chosen, tuple(warnings)
