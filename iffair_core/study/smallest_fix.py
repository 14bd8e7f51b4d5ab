"""The smallest fix: the fewest rows, or the least change of weights, that bring a disparity down to a target.

Everything is confirmed by refits: the target is met by decisions of a refitted model, not by a prediction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from iffair_core.errors import ConfigError, StopCheck, never_stop
from iffair_core.metrics import GOAL_METRIC
from iffair_core.models.blocks import sigmoid, single_threaded_blas
from iffair_core.path import RepairPath, Step
from iffair_core.reweighting import changed, mean_weight
from iffair_core.study.results import StudyResult
from iffair_core.study.split_views import measured_rows, repair_path
from iffair_core.tradeoff import STRENGTHS, Numbers, Part

BY = {"rows": "uniform", "weight": "diverse"}
HALVINGS = 6


@dataclass(frozen=True)
class SmallestFix:
    """Weights that bring a goal's disparity to `target` or below on the `split` it is judged on, if `reached`.

    `by`: "rows", the fewest rows move, each by the same amount, or "weight", the smallest squared change. `disparity`
    and `accuracy`: of the refitted model on that split, `test` the same on test rows; `before`: of the untouched one.
    `weights` (n_train,): those of the best strength found where the target is out of reach, and `reason` says why.
    `rows`: how many move; `weight`: half the sum of |w - 1|, the rows' worth of weight that changes hands; where the
    file brought row weights, half the mean of |w - 1| over these, times the number of rows.
    """

    goal: str
    by: str
    split: str
    target: float
    reached: bool
    strength: float
    before: float
    disparity: float
    accuracy: float
    test: Numbers
    rows: int
    weight: float
    weights: np.ndarray
    reason: str | None


def require_fix(target: float, by: str) -> None:
    """Raise ConfigError unless `target` is a disparity, 0 to 1, and `by` is "rows" or "weight"."""
    if not (np.isfinite(target) and 0 <= target <= 1):
        raise ConfigError(f"The target is {target}; a disparity lies between 0 and 1.")
    if by not in BY:
        raise ConfigError(f"There is no smallest fix by {by!r}. Choose one of {', '.join(BY)}.")


def smallest_fix(
    result: StudyResult,
    target: float,
    by: str = "rows",
    *,
    split: str = "validation",
    stop_check: StopCheck = never_stop,
    report: Callable[[float], None] | None = None,
) -> SmallestFix:
    """The smallest change of weights that brings the study's goal to a disparity of at most `target` on `split`.

    The path is walked until a refit meets the target, then the last step is halved six times. `stop_check` may raise to
    cancel; `report` gets the share that is done. Raises ConfigError for a target outside 0..1 or a `by` or split that
    is not there, and where the disparity cannot be estimated on that split.
    """
    require_fix(target, by)
    metric, parts = GOAL_METRIC[result.config.goal], measured_rows(result)
    if split not in parts:
        raise ConfigError(f"There is no split {split!r} to judge on. Choose one of {', '.join(parts)}.")
    n_groups = len(result.dataset.groups)

    def measured(step: Step, part: Part) -> Numbers:
        score = sigmoid(step.solution[0].logits(part.X))
        values = part.metrics(score, n_groups)
        return {"disparity": values[metric], "accuracy": values["accuracy"]}

    def reached(step: Step, what: str = "disparity") -> float:
        value = measured(step, parts[split])[what]
        if value is None:
            raise ConfigError(f"The {what} cannot be estimated on {split} rows. Choose another goal or split.")
        return value

    with single_threaded_blas():
        path = repair_path(result, replace(result.config.repair, variant=BY[by]), stop_check)
        steps = _walk(path, reached, target, report)
        good = [step for step in steps if reached(step) <= target]
        found = good[-1] if good else min(steps, key=reached)
        _, weights = found.solution
    return SmallestFix(
        goal=result.config.goal,
        by=by,
        split=split,
        target=target,
        reached=bool(good),
        strength=found.strength,
        before=reached(path.origin),
        disparity=reached(found),
        accuracy=reached(found, "accuracy"),
        test=measured(found, parts["test"]),
        rows=int(changed(weights).sum()),
        weight=float(weights.size * mean_weight(np.abs(weights - 1.0), path.base) / 2)
        if path.base is not None
        else float(np.abs(weights - 1.0).sum() / 2),
        weights=weights,
        reason=None if good else _out_of_reach(path, steps[-1]),
    )


def _walk(
    path: RepairPath,
    disparity: Callable[[Step], float],
    target: float,
    report: Callable[[float], None] | None,
) -> list[Step]:
    """Feasible steps, the last of them that meet the target being the weakest found."""
    steps = [path.origin]
    for i, strength in enumerate(STRENGTHS[1:]):
        if disparity(steps[-1]) <= target:
            break
        step = path.step_from(steps[-1], float(strength))
        if step.model is None:
            break
        steps.append(step)
        if report is not None:
            report((i + 1) / STRENGTHS.size)
    if len(steps) == 1 or disparity(steps[-1]) > target:
        return steps
    below, met = steps[-2], steps[-1]
    for _ in range(HALVINGS):
        middle = path.step_from(below, (below.strength + met.strength) / 2)
        if middle.model is None:
            break
        if disparity(middle) <= target:
            met = middle
            steps.append(middle)
        else:
            below = middle
    return steps


def _out_of_reach(path: RepairPath, last: Step) -> str:
    beyond = next((float(s) for s in STRENGTHS if s > last.strength), None)
    if beyond is None:
        return "The strongest repair does not bring the disparity there on these rows. Choose a larger target."
    return path.step_from(last, beyond).reason or "No stronger repair is feasible."
