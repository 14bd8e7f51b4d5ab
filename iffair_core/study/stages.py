"""The stages of a study: each a function of the result so far that returns one record.

The views of the rows hold nothing that the result's dataset does not; a run makes them once for all stages.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np
import pandas as pd

from iffair_core.data.encoding import Dataset
from iffair_core.data.task import Task
from iffair_core.errors import RivalFailed, StopCheck
from iffair_core.fidelity import Fidelity, leave_one_out_parameters, rows_to_verify
from iffair_core.influence import (
    affordable_order,
    hard_removal_effects,
    influence_of,
    relabel_from_influence,
    removal_curvature,
    removal_from_influence,
)
from iffair_core.metrics import (
    METRICS,
    ROW_METRICS,
    THRESHOLD,
    confusion_table,
    intervals_from_counts,
    point_metrics,
)
from iffair_core.models import make_model
from iffair_core.models.blocks import sigmoid
from iffair_core.quantities import goal_pairs
from iffair_core.rivals.base import Prediction, RivalProblem
from iffair_core.rivals.registry import RIVALS, answer
from iffair_core.study.at_strength import evaluations, repaired_at
from iffair_core.study.config import LEAST_THRESHOLD, StudyConfig
from iffair_core.study.results import Baseline, GoalScores, Influence, Repaired, Rival, StudyResult
from iffair_core.study.split_views import SplitViews, repair_path, unjudged
from iffair_core.tradeoff import Intervals, Numbers, trace

_BESIDE = {"rivals", "transfer"}
_GOAL = ("seed", "model", "C", "threshold", "goal")
READS: dict[type, tuple[str, ...]] = {
    Dataset: ("seed",),
    Baseline: ("seed", "model", "C", "threshold"),
    Influence: ("seed", "model", "C", "threshold"),
    GoalScores: _GOAL,
    Repaired: tuple(one.name for one in fields(StudyConfig) if one.name not in _BESIDE),
    Fidelity: _GOAL,
    Rival: _GOAL,
}
"""Fields of the configuration that each record depends on, beside the table and the task; of Fidelity, its refits."""


def stage_key(stage: type, fingerprint: str, task: Task, config: StudyConfig) -> tuple[object, ...]:
    """All that a stage's record depends on: equal keys, equal records."""
    # By representation: 1 == True in Python, yet they are different values of a column.
    return (fingerprint, repr(task.to_dict()), *(getattr(config, name) for name in READS[stage]))


def fit_baseline(result: StudyResult, views: SplitViews, stop_check: StopCheck) -> Baseline:
    """The ordinary model fitted on training rows, and measured on the others."""
    train, config = views.rows["train"], result.config
    model = make_model(config.model, config.C, config.seed)
    model.fit(views.X[train], views.y[train], views.base_of(train), stop_check=stop_check)
    scores = sigmoid(model.logits(result.dataset.X, model.theta_))
    threshold = config.threshold
    if isinstance(threshold, str):
        held = views.rows["validation"]
        threshold = balanced_threshold(sigmoid(model.logits(views.X[held])), views.y[held], views.base_of(held))
    return Baseline(model, scores, evaluations(result, scores, stop_check, threshold), threshold)


def balanced_threshold(score: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None) -> float:
    """The threshold with the largest balanced accuracy of scores (m,) on outcomes (m,), in as few digits as can be.

    It lies between two scores; ties go to the one nearest to 0.5. 0.5 where one outcome does not occur.

    >>> balanced_threshold(np.array([0.01, 0.02, 0.03, 0.07]), np.array([0, 0, 1, 1]))
    0.025
    """
    own = np.ones(score.size) if weight is None else weight
    good, bad = own * (y > 0.5), own * (y <= 0.5)
    if not good.any() or not bad.any():
        return THRESHOLD
    values, place = np.unique(score, return_inverse=True)
    if values.size < 2:
        return THRESHOLD
    hits, alarms = (np.bincount(place, one)[::-1].cumsum()[::-1][1:] / one.sum() for one in (good, bad))
    between = (values[1:] + values[:-1]) / 2
    gain = hits - alarms
    best = np.flatnonzero(gain >= gain.max() - 1e-12)
    place = best[np.argmin(np.abs(between[best] - THRESHOLD))]
    rounded = (float(f"{between[place]:.{digits}g}") for digits in range(2, 17))
    cut = next((one for one in rounded if values[place] < one <= values[place + 1]), values[place + 1])
    return min(max(float(cut), LEAST_THRESHOLD), 1.0 - LEAST_THRESHOLD)


def score_influence(result: StudyResult, views: SplitViews, stop_check: StopCheck) -> Influence:
    """The effects of every training row on the quantities of validation rows."""
    model, quantities = result.model, views.quantities["validation"]
    scores = influence_of(model, quantities.gradients(model))
    leverage = model.leverage()
    removal = removal_from_influence(model, scores, leverage)
    if affordable_order(model, quantities, leverage) == 2:
        removal += removal_curvature(model, quantities, stop_check)
    return Influence(quantities, scores, removal, relabel_from_influence(model, scores), leverage)


def score_goal(result: StudyResult, views: SplitViews) -> GoalScores:
    """The effects of every training row on the goal's widest gap."""
    goal = result.config.goal
    pairs = goal_pairs(result.quantities, goal, views.groups(goal))
    values = result.quantities.values(result.model)
    worst = pairs.worst(values)
    row = pairs.matrix[worst]
    return GoalScores(
        *pairs.labels[worst],
        value=float(row @ values),
        influence=result.influence @ row,
        removal=result.removal @ row,
        relabel=result.relabel @ row,
    )


def trace_repairs(
    result: StudyResult, views: SplitViews, stop_check: StopCheck, report: Callable[[float], None]
) -> Repaired:
    """The curve of repairs, and its chosen point measured."""
    config = result.config
    curve = trace(
        repair_path(result, None, stop_check, views),
        views.parts,
        views.quantities,
        strength=config.strength,
        budget=config.utility_budget,
        seed=config.seed,
        report=report,
    )
    return repaired_at(result, curve, stop_check, unjudged(views, views.groups(config.goal, *config.also)))


def refit_without_rows(
    result: StudyResult, views: SplitViews, stop_check: StopCheck, report: Callable[[float], None]
) -> tuple[pd.DataFrame, int]:
    """(removal effects on the goal's gap beside exact refits: the columns of `Fidelity.refits`, rows asked for)."""
    model, goal, quantities = result.model, result.goal, result.quantities
    base = views.base_of(views.rows["train"])
    counting = None if base is None else np.flatnonzero(base)
    rows, random = rows_to_verify(goal.removal, result.config.seed, among=counting)
    thetas = leave_one_out_parameters(model, rows, stop_check=stop_check, report=report)
    pairs = goal_pairs(quantities, result.config.goal)
    directed = pairs.matrix[pairs.labels.index((goal.rate, goal.over, goal.under))]
    done = len(thetas)
    hard = directed @ quantities.hard_values(model)
    logits = (model.logits(quantities.X, theta) for theta in thetas)
    refitted = np.array([(directed @ quantities.values_of(z), directed @ quantities.hard_values_of(z)) for z in logits])
    frame = pd.DataFrame(
        {
            "row_id": result.dataset.row_id[result.train_rows[rows[:done]]],
            "random": random[:done],
            "predicted": goal.removal[rows[:done]],
            "refitted": refitted[:, 0] - goal.value,
            "hard_predicted": hard_removal_effects(model, quantities, rows[:done], result.leverage) @ directed[:-1],
            "hard_refitted": refitted[:, 1] - hard,
        }
    )
    return frame, rows.size


def rival_problem(result: StudyResult, views: SplitViews, stop_check: StopCheck) -> RivalProblem:
    """What every other method is given: the same training rows, model and quantities."""
    train, config = views.rows["train"], result.config
    return RivalProblem(
        views.X[train],
        views.y[train],
        views.codes[train],
        len(result.dataset.groups),
        result.model,
        views.quantities["validation"],
        config.goal,
        C=config.C,
        seed=config.seed,
        stop_check=stop_check,
        base=views.base_of(train),
        threshold=result.threshold,
    )


def run_rival(name: str, problem: RivalProblem, views: SplitViews) -> Rival:
    """Another method measured on the same split; one that fails says why."""
    method, started = RIVALS[name], time.perf_counter()
    nothing: Rival = Rival(
        name,
        method.title,
        None,
        None,
        {split: dict.fromkeys(METRICS) for split in views.parts},
        {split: {} for split in views.parts},
        method.kind,
        method.reads_model,
        method.needs_group,
        method.randomised,
        method.source,
    )
    try:
        parts = {split: (part.X, part.group_codes) for split, part in views.parts.items()}
        solution, predictions = answer(name, problem, parts)
    except RivalFailed as failure:
        return replace(nothing, reason=str(failure), seconds=time.perf_counter() - started)
    measured = {split: _measured(views, split, one, problem.seed) for split, one in predictions.items()}
    return replace(
        nothing,
        weights=solution.weights,
        theta=solution.theta,
        metrics={split: numbers for split, (numbers, _) in measured.items()},
        intervals={split: intervals for split, (_, intervals) in measured.items()},
        notes=solution.notes,
        decisions={split: one.decisions for split, one in predictions.items()},
        seconds=time.perf_counter() - started,
    )


def _measured(views: SplitViews, split: str, prediction: Prediction, seed: int) -> tuple[Numbers, Intervals]:
    part, n_groups = views.parts[split], len(views.dataset.groups)
    scores = prediction.decisions.astype(float) if prediction.scores is None else prediction.scores
    threshold = THRESHOLD if prediction.scores is None else part.threshold
    numbers: Numbers = point_metrics(part.y, scores, part.group_codes, n_groups, part.weights, threshold)
    if prediction.scores is None:
        numbers = {**numbers, **dict.fromkeys(ROW_METRICS)}
    counts = confusion_table(part.y, prediction.decisions, part.group_codes, n_groups, part.weights)
    return numbers, intervals_from_counts(counts, seed=seed)
