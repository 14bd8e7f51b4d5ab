"""What a choice makes of a traced curve: the chosen point measured, its prediction judged, other models refitted."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from iffair_core.data.encoding import SPLITS
from iffair_core.errors import Cancelled, StopCheck
from iffair_core.fidelity import judge_fidelity
from iffair_core.metrics import GOAL_METRIC, Evaluation, evaluate, paired_difference
from iffair_core.models.blocks import sigmoid, single_threaded_blas
from iffair_core.study.results import MEASURED, TRANSFER, Progress, StudyResult, known
from iffair_core.study.transfer import transfer_by_name
from iffair_core.tradeoff import choose


def scores_at(result: StudyResult, theta: np.ndarray) -> np.ndarray:
    """P(favorable) of every used row under parameters `theta`, in the order of the file."""
    return sigmoid(known(result.model).logits(result.dataset.X, theta))


def evaluations(result: StudyResult, scores: np.ndarray, stop_check: StopCheck) -> dict[str, Evaluation]:
    """Evaluation of P(favorable) `scores` (n,) on validation and on test rows."""
    data, base = result.dataset, result.base
    found = {}
    for name in MEASURED:
        rows = data.part(SPLITS.index(name))
        found[name] = evaluate(
            data.y[rows],
            scores[rows],
            data.group_codes[rows],
            data.groups,
            data.reference,
            seed=result.config.seed,
            sample_weight=None if base is None else base[rows],
        )
        stop_check()
    return found


def measured_at_choice(result: StudyResult, stop_check: StopCheck) -> StudyResult:
    """The result with scores, evaluations and paired differences of its curve's chosen point."""
    data, base, before = result.dataset, result.base, known(result.scores_before)
    scores = scores_at(result, known(known(result.chosen).theta))
    difference = {}
    for name in MEASURED:
        rows = data.part(SPLITS.index(name))
        difference[name] = paired_difference(
            data.y[rows],
            before[rows],
            scores[rows],
            data.group_codes[rows],
            len(data.groups),
            seed=result.config.seed,
            sample_weight=None if base is None else base[rows],
        )
        stop_check()
    return replace(result, scores_after=scores, after=evaluations(result, scores, stop_check), difference=difference)


def prediction_error(result: StudyResult) -> float | None:
    """|predicted - refitted| / |baseline| of the soft goal on validation rows at the chosen strength.

    None where the baseline's disparity lies inside the chance band, or there is nothing to compare.
    """
    point, metric = known(result.chosen), GOAL_METRIC[result.config.metric]
    baseline = known(result.baseline)["validation"]
    disparity, band = baseline.values[metric], baseline.chance_band[metric]
    if disparity is None or band is None or disparity <= band:
        return None
    start = known(result.curve).points[0].soft["validation"]
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
    config = replace(result.config, strength=strength, utility_budget=utility_budget)
    if result.curve is None:
        return replace(result, config=config)
    curve = choose(result.curve, strength, utility_budget)
    kept = tuple(text for text in result.warnings if text not in result.curve.warnings)
    new = replace(result, config=config, curve=curve, warnings=kept + curve.warnings)
    if new.strength != result.strength:
        with single_threaded_blas():
            new = measured_at_choice(new, lambda: None)
        new = _without_transfers(new)
    if new.fidelity is None:
        return new
    refits, asked = new.fidelity.refits, new.fidelity.asked
    judged = judge_fidelity(refits, asked, prediction_error(new), float(known(new.leverage).mean()))
    return replace(new, fidelity=judged)


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
    known(result.weights)
    started, held = time.perf_counter(), {one.name: one for one in result.transfers}
    kept = tuple(held[name] for name in config.transfer if name in held)
    current = _without_note(replace(result, config=config, transfers=kept))

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


_DROPPED = "Other models were refitted with the weights of another strength; they are left out until they are again."


def _without_transfers(result: StudyResult) -> StudyResult:
    """Without the other models, which belong to weights that are no longer the chosen ones, and with a note of it."""
    if not result.transfers:
        return result
    timing = {stage: seconds for stage, seconds in result.timing.items() if stage != TRANSFER}
    return replace(result, transfers=(), timing=timing, warnings=(*result.warnings, _DROPPED))


def _without_note(result: StudyResult) -> StudyResult:
    return replace(result, warnings=tuple(text for text in result.warnings if text != _DROPPED))
