"""The fairness-utility curve: measured steps of the path, their frontier, and the recommended one.

Every refitted point is a full refit with the path's weights; the prediction stands beside it. Validation rows choose.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from iffair_core.data.design import Design
from iffair_core.errors import ConfigError, TaskError
from iffair_core.metrics import (
    GOAL_METRIC,
    GOAL_RATES,
    METRICS,
    THRESHOLD,
    ClearPair,
    Estimate,
    chance_band,
    clear_pair,
    confusion_table,
    intervals_from_counts,
    paired_change,
    point_metrics,
    tells_apart,
)
from iffair_core.models.base import InfluenceModel
from iffair_core.models.blocks import sigmoid
from iffair_core.path import MAX_STRENGTH, RepairPath, Step, require_strength
from iffair_core.quantities import FairnessQuantities, goal_pairs
from iffair_core.reweighting import changed, effective_sample_size
from iffair_core.uncertainty import Table

STRENGTHS = np.linspace(0.0, MAX_STRENGTH, 21)
CHOOSING = "validation"
DEFAULT_BUDGET = 0.01

Numbers = Mapping[str, float | None]
Intervals = Mapping[str, tuple[float, float] | None]


def on_grid(strength: float) -> bool:
    """Whether every curve has a point at this strength."""
    return bool(np.any(np.abs(STRENGTHS - strength) <= 1e-12))


@dataclass(frozen=True)
class Part:
    """The rows on which points of a curve are measured: X (m, p), y (m,), group codes (m,), and how much each counts.

    `weights` (m,): None for all alike. `threshold`: P(favorable) from which a decision is favorable.
    """

    X: Design
    y: np.ndarray
    group_codes: np.ndarray
    weights: np.ndarray | None = None
    threshold: float = THRESHOLD

    def metrics(self, score: np.ndarray, n_groups: int) -> Numbers:
        """Every metric of these scores (m,)."""
        return point_metrics(self.y, score, self.group_codes, n_groups, self.weights, self.threshold)

    def cells(self, score: np.ndarray, n_groups: int) -> Table:
        """The decisions of these scores (m,) counted by group and outcome."""
        return confusion_table(self.y, score >= self.threshold, self.group_codes, n_groups, self.weights)


@dataclass(frozen=True)
class CurvePoint:
    """One strength: metrics per split as refitted and as predicted, and what the weights look like.

    Refitted fields are empty and `weights`, `theta` None where the strength is infeasible; `reason` says why.
    `gain`: change of the goal's disparity on validation rows against strength 0, paired on the same rows; negative is a
    smaller disparity. `tells_apart`: per split, whether decisions of both kinds are more than a few (`metrics`).
    `soft`: the goal's soft disparity (signed along the start's direction for a single gap). `price`: second-order
    change of the mean log loss at the predicted parameters, in nats, before any refit. `weights` are ours, without the
    weights that the file may have brought; `effective_sample_size` is a share of that of those.
    """

    strength: float
    feasible: bool
    reason: str | None
    weights: np.ndarray | None
    theta: np.ndarray | None
    refitted: Mapping[str, Numbers]
    refitted_intervals: Mapping[str, Intervals]
    predicted: Mapping[str, Numbers]
    gain: Estimate | None
    tells_apart: Mapping[str, bool]
    soft: Mapping[str, float | None]
    predicted_soft: Mapping[str, float | None]
    price: Mapping[str, float]
    effective_sample_size: float | None
    changed_share: float | None
    largest_weight: float | None

    @property
    def solution(self) -> tuple[np.ndarray, np.ndarray]:
        """(weights, theta). Raises ConfigError, with the reason, where the strength is infeasible."""
        if self.weights is None or self.theta is None:
            raise ConfigError(f"Strength {self.strength:g} is infeasible. {self.reason}")
        return self.weights, self.theta


@dataclass(frozen=True)
class Curve:
    """Points in ascending strength; `recommended` and `chosen` are positions in `points`.

    `limit`: the largest strength that the first-order feasibility bound allows, stated before any refit.
    `chance`: the goal's disparity that permuted group labels would show on validation rows at strength 0, its 95th
    percentile; `clear`: the two groups that differ most surely there, None where none do. `untouched`: why strength 0
    is the recommended one (REASONS), "" where it is not; `lowest`: position of the smallest disparity within the budget
    then. `frontier`: positions of refitted points that no other point beats on validation in both accuracy and
    disparity.
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
    chance: float | None = None
    clear: ClearPair | None = None
    lowest: int = 0
    untouched: str = ""
    _splits: tuple[str, ...] = field(default=("validation", "test"), repr=False)

    @property
    def metric(self) -> str:
        return GOAL_METRIC[self.goal]

    def frame(self) -> pd.DataFrame:
        """curve.csv: strength, split, metrics refitted, predicted_<metric>, soft_<goal> as both, price_log_loss."""
        lines = []
        for point in self.points:
            for split in self._splits:
                line: dict[str, Any] = {"strength": point.strength, "split": split}
                line |= {name: point.refitted.get(split, {}).get(name) for name in METRICS}
                line |= {f"predicted_{name}": point.predicted.get(split, {}).get(name) for name in METRICS}
                line[f"soft_{self.goal}"] = point.soft.get(split)
                line[f"predicted_soft_{self.goal}"] = point.predicted_soft.get(split)
                line["price_log_loss"] = point.price.get(split)
                lines.append(line)
        return pd.DataFrame(lines).astype({c: float for c in lines[0] if c != "split"})


def measure_point(
    step: Step,
    start: InfluenceModel,
    parts: Mapping[str, Part],
    goal: str,
    quantities: Mapping[str, FairnessQuantities],
    groups: Mapping[str, tuple[str, ...]],
    *,
    seed: int,
    intervals: bool = True,
    base: np.ndarray | None = None,
    before: Mapping[str, np.ndarray] | None = None,
) -> CurvePoint:
    """Every metric of a path's step on every split, refitted and predicted; soft gaps over `groups` of each rate.

    `base` (n,): the file's weights of the training rows, None for 1 everywhere. `before`: the start's logits on the
    rows of each split, if known.
    """
    refitted: dict[str, Numbers] = {}
    bounds: dict[str, Intervals] = {}
    predicted: dict[str, Numbers] = {}
    soft: dict[str, float | None] = {}
    predicted_soft: dict[str, float | None] = {}
    price: dict[str, float] = {}
    apart: dict[str, bool] = {}
    gain: Estimate | None = None
    for split, part in parts.items():
        n_groups = len(quantities[split].groups)
        untouched = start.logits(part.X) if before is None else before[split]
        if step.model is not None:
            z = step.model.logits(part.X)
            score = sigmoid(z)
            refitted[split], counts = part.metrics(score, n_groups), part.cells(score, n_groups)
            apart[split] = tells_apart(counts)
            if intervals:
                bounds[split] = intervals_from_counts(counts, seed=seed)
            soft[split] = signed_disparity(quantities[split], goal, groups, untouched, z)
            if split == CHOOSING:
                pair = sigmoid(untouched) >= part.threshold, score >= part.threshold
                gain = paired_change(
                    GOAL_METRIC[goal],
                    part.y,
                    *pair,
                    part.group_codes,
                    n_groups,
                    seed=seed,
                    sample_weight=part.weights,
                )
        if step.predicted_theta is not None:
            z = start.logits(part.X, step.predicted_theta)
            score = sigmoid(z)
            predicted[split] = part.metrics(score, n_groups)
            predicted_soft[split] = signed_disparity(quantities[split], goal, groups, untouched, z)
            price[split] = quantities[split].price_of(untouched, z)
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
        gain,
        apart,
        soft,
        predicted_soft,
        price,
        None if weights is None else effective_sample_size(weights, base),
        None if weights is None else float(np.mean(changed(weights))),
        None if weights is None else float(weights.max()),
    )


def signed_disparity(
    quantities: FairnessQuantities,
    goal: str,
    groups: Mapping[str, tuple[str, ...]],
    untouched: np.ndarray,
    logits: np.ndarray,
) -> float | None:
    """The goal's soft disparity at these logits (m,); for a single gap signed, positive in the direction of its start.

    `untouched` (m,): the logits at the start.
    None where fewer than two of the groups have an estimable rate on these rows.
    """
    try:
        pairs = goal_pairs(quantities, goal, groups)
    except TaskError:
        return None
    values = quantities.values_of(logits)
    if len(pairs.labels) == 2:
        return float(pairs.matrix[pairs.worst(quantities.values_of(untouched))] @ values)
    return pairs.disparity(values)


@dataclass(frozen=True)
class Recommendation:
    """`place`: position of the recommended point; 0 is strength 0. `lowest`: position of the smallest disparity.

    `reason`: why `place` is 0 although it was looked for, one of REASONS; "" where it is not 0.
    """

    place: int
    lowest: int
    reason: str = ""


REASONS = ("not estimable", "all alike", "none feasible", "none lower", "within chance", "no clear gain")


def recommend(
    points: Sequence[CurvePoint], goal: str, budget: float, chance: float | None, *, clear: bool = False
) -> Recommendation:
    """The strength to begin with, by validation rows alone.

    The candidate has the smallest disparity of the goal within `budget` of the accuracy of strength 0, among points
    whose model tells rows apart; ties go to the smaller strength. It is recommended only if it beats strength 0 by
    more than chance: the model of strength 0 tells rows apart, its disparity exceeds `chance`, what permuted group
    labels would show (95th percentile), or two groups by themselves differ for sure (`clear`), and the paired 95 %
    interval of the change lies below 0. Otherwise strength 0 is.
    """
    metric, start = GOAL_METRIC[goal], points[0].refitted[CHOOSING]
    before, floor = start[metric], start["accuracy"]
    if before is None or floor is None:
        return Recommendation(0, 0, "not estimable")
    if not points[0].tells_apart[CHOOSING]:
        return Recommendation(0, 0, "all alike")
    best, smallest = 0, before
    for i, point in enumerate(points):
        if not (point.feasible and point.tells_apart[CHOOSING]):
            continue
        value, accuracy = point.refitted[CHOOSING][metric], point.refitted[CHOOSING]["accuracy"]
        if value is None or accuracy is None or accuracy < floor - budget - 1e-12:
            continue
        if value < smallest - 1e-12:
            best, smallest = i, value
    if chance is not None and before <= chance and not clear:
        return Recommendation(0, best, "within chance")
    if best == 0:
        return Recommendation(0, 0, "none lower" if any(point.feasible for point in points[1:]) else "none feasible")
    gain = points[best].gain
    if gain is None or gain.high is None or gain.high >= 0:
        return Recommendation(0, best, "no clear gain")
    return Recommendation(best, best)


def frontier(points: Sequence[CurvePoint], goal: str, split: str = "validation") -> tuple[int, ...]:
    """Positions of feasible points that no other point beats in both accuracy and disparity of `goal`."""
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
    grid: Sequence[float] | np.ndarray = STRENGTHS,
    intervals: bool = True,
) -> Curve:
    """The whole curve on the grid of 21 strengths, and the chosen strength where it lies between them.

    `strength` None: the recommended point. A given strength that is infeasible falls back to the last good one, with a
    warning; with a `budget` it is capped to the largest strength within it. `parts` and `quantities`: per split.
    """
    steps = path.walk(grid, () if strength is None else (strength,), report)
    before = {split: path.start.logits(part.X) for split, part in parts.items()}
    points = tuple(
        measure_point(
            step,
            path.start,
            parts,
            path.repair.goal,
            quantities,
            path.pairs.groups,
            seed=seed,
            intervals=intervals,
            base=path.base,
            before=before,
        )
        for step in steps
    )
    part = parts[CHOOSING]
    counts = part.cells(sigmoid(before[CHOOSING]), len(quantities[CHOOSING].groups))
    chance = chance_band(counts, seed=seed)[GOAL_METRIC[path.repair.goal]]
    found = chance, clear_pair(counts, GOAL_RATES[path.repair.goal])
    return _arranged(points, path.repair.goal, path.repair.variant, path.limit, *found, asked=(strength, budget))


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
    found = curve.chance, curve.clear
    return _arranged(points, curve.goal, curve.variant, curve.limit, *found, asked=(strength, budget))


def _arranged(
    points: tuple[CurvePoint, ...],
    goal: str,
    variant: str,
    limit: float,
    chance: float | None,
    clear: ClearPair | None,
    *,
    asked: tuple[float | None, float | None],
) -> Curve:
    """The curve with its recommended and chosen points set; `asked`: strength and budget as the user gave them."""
    strength, budget = asked
    allowed = DEFAULT_BUDGET if budget is None else budget
    grid = [i for i, point in enumerate(points) if on_grid(point.strength)]
    advice = recommend([points[i] for i in grid], goal, allowed, chance, clear=clear is not None)
    recommended = grid[advice.place]
    chosen, warnings = _choose(points, strength, budget, recommended)
    return Curve(
        goal,
        variant,
        points,
        recommended,
        chosen,
        limit,
        allowed,
        frontier(points, goal),
        warnings,
        chance,
        clear,
        grid[advice.lowest],
        advice.reason,
    )


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
