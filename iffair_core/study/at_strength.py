"""Measure a finished curve at its chosen strength, or at another one, without refitting our own model."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from iffair_core.data.encoding import SPLITS
from iffair_core.errors import Cancelled, StopCheck, never_stop
from iffair_core.fidelity import Fidelity, judge_fidelity
from iffair_core.metrics import GOAL_METRIC, Evaluation, evaluate, paired_difference
from iffair_core.models.blocks import sigmoid, single_threaded_blas
from iffair_core.study.results import MEASURED, TRANSFER, Progress, Repaired, StudyResult
from iffair_core.study.transfer import transfer_by_name
from iffair_core.tradeoff import Curve, choose


def evaluations(
    result: StudyResult, scores: np.ndarray, stop_check: StopCheck, threshold: float
) -> dict[str, Evaluation]:
    """Evaluation of P(favorable) `scores` (n,) on validation and on test rows."""
    data, found = result.dataset, {}
    for name in MEASURED:
        rows, options = _judged_on(result, name)
        y, codes = data.y[rows], data.group_codes[rows]
        found[name] = evaluate(y, scores[rows], codes, data.groups, data.reference, threshold=threshold, **options)
        stop_check()
    return found


def _judged_on(result: StudyResult, split: str) -> tuple[np.ndarray, dict[str, Any]]:
    """(rows of a split, seed and row weights that a measurement on them takes)."""
    rows, base = result.dataset.part(SPLITS.index(split)), result.base
    return rows, {"seed": result.config.seed, "sample_weight": None if base is None else base[rows]}


def repaired_at(result: StudyResult, curve: Curve, stop_check: StopCheck, unjudged: tuple[str, ...]) -> Repaired:
    """The curve with its chosen point measured beside the result's untouched model."""
    data, before = result.dataset, result.scores_before
    _, theta = curve.points[curve.chosen].solution
    scores = sigmoid(result.model.logits(data.X, theta))
    difference = {}
    for name in MEASURED:
        rows, options = _judged_on(result, name)
        judged_rows = (data.y[rows], before[rows], scores[rows], data.group_codes[rows], len(data.groups))
        difference[name] = paired_difference(*judged_rows, threshold=result.threshold, **options)
        stop_check()
    after = evaluations(result, scores, stop_check, result.threshold)
    return Repaired(curve, scores, after, difference, unjudged)


def judged(result: StudyResult, refits: pd.DataFrame, asked: int) -> Fidelity:
    """Fidelity by these refits without rows, and by the prediction of the chosen strength."""
    error, leverage = prediction_error(result), float(result.leverage.mean())
    return judge_fidelity(refits, asked, error, leverage, untouched=result.strength == 0)


def prediction_error(result: StudyResult) -> float | None:
    """|predicted - refitted| / |baseline| of the soft goal on validation rows at the chosen strength.

    None at strength 0, which predicts nothing, where the baseline's disparity lies inside the chance band and no two
    groups differ for sure by themselves, or where there is nothing to compare.
    """
    point, metric = result.chosen, GOAL_METRIC[result.config.goal]
    baseline = result.baseline["validation"]
    disparity, band = baseline.values[metric], baseline.chance_band[metric]
    if point.strength == 0 or disparity is None or band is None or (disparity <= band and result.curve.clear is None):
        return None
    start = result.curve.points[0].soft["validation"]
    predicted, refitted = point.predicted_soft.get("validation"), point.soft.get("validation")
    if not start or predicted is None or refitted is None:
        return None
    return abs(predicted - refitted) / abs(start)


def with_choice(result: StudyResult, *, strength: float | None, utility_budget: float | None = None) -> StudyResult:
    """The result that a study with this strength and utility budget would give, without refitting anything.

    `strength`: a point that the curve has (always the grid of 21), or None for the recommended one. An infeasible
    strength falls back, with the same warning as the study's. Costs one evaluation of the chosen point, or none where
    it stays the same. Raises ConfigError for a strength that the curve does not have.
    """
    new = replace(result, config=replace(result.config, strength=strength, utility_budget=utility_budget))
    if not result.has("curve"):
        return new
    held, curve = result.record(Repaired), choose(result.curve, strength, utility_budget)
    if curve.points[curve.chosen].strength == result.strength:
        new = new.having(replace(held, curve=curve))
    else:
        with single_threaded_blas():
            new = new.having(repaired_at(new, curve, never_stop, held.unjudged))
        if result.transfers:  # they belong to weights that are no longer the chosen ones
            timing = {stage: seconds for stage, seconds in result.timing.items() if stage != TRANSFER}
            new = replace(new, transfers=(), timing=timing, stale_transfers=True)
    return new.having(judged(new, new.fidelity.refits, new.fidelity.asked)) if new.has("fidelity") else new


def with_transfers(
    result: StudyResult,
    names: Sequence[str],
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
) -> StudyResult:
    """The result with other models, by their names, refitted with the weights of its chosen strength.

    Models that the result already holds are kept. `progress("transfer", share of these models, partial)`; a cancel is
    heard between two fits, and `Cancelled.partial` is the result with the models that were done.
    Raises ConfigError for an unknown name or a study that has not come to its curve.
    """
    config = replace(result.config, transfer=tuple(dict.fromkeys(names)))
    result.record(Repaired)
    started, held = time.perf_counter(), {one.name: one for one in result.transfers}
    kept = tuple(held[name] for name in config.transfer if name in held)
    current = replace(result, config=config, transfers=kept, stale_transfers=False)

    def report(share: float) -> None:
        if cancel is not None and cancel.is_set():
            raise Cancelled(partial=current)
        if progress is not None:
            progress(TRANSFER, share, current)

    missing = [name for name in config.transfer if name not in held]
    for place, name in enumerate(missing):
        report(place / len(missing))
        held[name] = transfer_by_name(current, name, stop_check=partial(report, (place + 0.5) / len(missing)))
        kept = tuple(held[done] for done in config.transfer if done in held)
        seconds = time.perf_counter() - started
        current = replace(current, transfers=kept, timing={**current.timing, TRANSFER: seconds})
    report(1.0)
    return current
