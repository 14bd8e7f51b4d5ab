"""A guided tour of a study: one sentence for each page, with the study's own numbers and no more than it has shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from iffair_core.metrics import FEW_ROWS, GOAL_METRIC, alike_warnings
from iffair_core.study.comparison import comparisons
from iffair_core.study.disclosure import disclosed
from iffair_core.study.results import StudyResult
from iffair_core.telling import sentences
from iffair_core.telling.rows import widening_rows
from iffair_core.telling.tables import outcome_labels, widest_gap
from iffair_core.wording import (
    RATE_TITLES,
    WITHHELD,
    figure,
    group_name,
    metric_title,
    percent,
    points,
    span,
)

SPLIT = "test"


@dataclass(frozen=True)
class Step:
    """One step: the page it is told on, the stage of a study that it needs, and what it says."""

    page: str
    needs: str
    tell: Callable[[StudyResult], str]


def tour_sentence(step: Step, result: StudyResult) -> str | None:
    """What a step says of a study; None before the study has reached what it needs."""
    return step.tell(disclosed(result)) if result.has(step.needs) else None


def beyond_chance(result: StudyResult, split: str = SPLIT) -> bool | None:
    """Whether the ordinary model's disparity exceeds what chance alone would show; None where nobody can say."""
    found, metric = result.baseline[split], GOAL_METRIC[result.config.goal]
    value, band = found.values[metric], found.chance_band.get(metric)
    return None if value is None or band is None or alike_warnings(found.counts) else value > band


def _data(result: StudyResult) -> str:
    resolved, found = result.dataset.task, sentences.least_favored(result.dataset.task)
    if found is None:
        return sentences.data_sentence(resolved)
    name, lowest, base = found
    columns, share, other = resolved.task.sensitive_columns, lowest["favorable_share"], base["favorable_share"]
    recorded = sentences.favorable_words(resolved)
    overlap = lowest["low"] <= base["high"] and base["low"] <= lowest["high"]
    apart = (
        "with intervals that overlap"
        if overlap
        else f"{points(share - other, 0, signed=False).lstrip('−')} {'less' if share < other else 'more'} often"
    )
    return (
        f"Before any model, {recorded} was recorded for {percent(share)} of {group_name(name, columns)} rows and for "
        f"{percent(other)} of {group_name(resolved.reference, columns)} rows, {apart}; {len(resolved.y):,} rows in all."
    )


def _baseline(result: StudyResult) -> str:
    """The widest gap in plain words, and whether chance alone would show as much."""
    found, widest = result.baseline[SPLIT], widest_gap(result)
    if widest is None or alike_warnings(found.counts):
        return sentences.baseline_sentence(result)
    rate, group, gap = widest
    columns, target = result.dataset.task.task.sensitive_columns, result.dataset.task.task.target
    others, favorable = (group_name(label, [target]) for label in outcome_labels(result))
    among = {"true_positive_rate": favorable, "false_positive_rate": others}.get(rate)
    does = "err on" if rate == "error_rate" else f"predict {favorable} for"
    assert gap.value is not None
    said = (
        f"{'The' if among is None else f'Among {SPLIT} rows recorded as {among}, the'} model is "
        f"{points(abs(gap.value), signed=False)} {'less' if gap.value < 0 else 'more'} likely to {does} "
        f"{group_name(group, columns)} than {group_name(found.reference, columns)} rows "
        f"{span((gap.low, gap.high), as_points=True)}"
    ).rstrip()
    metric = GOAL_METRIC[result.config.goal]
    band, disparity = found.chance_band.get(metric), f"the {metric_title(metric)} is {figure(found.values[metric])}"
    chance = beyond_chance(result)
    if chance is None:
        return f"{said}."
    than = "more than" if chance else "no more than"
    return f"{said}; {disparity}, {than} chance alone would show (up to {figure(band)})."


def _influence(result: StudyResult) -> str:
    top, closed = widening_rows(result, 0.01)
    rate = RATE_TITLES[result.goal.rate]
    said = (
        f"The {top.size:,} training rows that widen the {rate} gap most account for "
        f"{percent(closed) if closed <= 1 else 'more than all'} of it, as predicted without a refit; "
        f"{result.fidelity.checked:,} exact refits rate the fidelity of such predictions {result.fidelity.level}"
    )
    doubt = ". The gap is no more than chance would show, so these rows explain as little as it does"
    return f"{said}{doubt if beyond_chance(result) is False else ''}."


def _reweight(result: StudyResult) -> str:
    after, metric = result.after[SPLIT], result.curve.metric
    if result.strength == 0 or alike_warnings(after.counts):
        return sentences.repair_sentence(result)
    before, change = result.baseline[SPLIT].values[metric], result.difference[SPLIT]
    of, up, down = sentences.turned(result, SPLIT)
    doubt = ", no change that can be told from 0," if sentences.holds_zero(change[metric]) else ""
    return (
        f"Only the weights of training rows change, at strength {result.strength:g}: on {SPLIT} rows the "
        f"{metric_title(metric)} goes from {figure(before)} to {figure(after.values[metric])} "
        f"({sentences.change_text(change[metric])}){doubt} and accuracy by "
        f"{sentences.change_text(change['accuracy'], as_points=True, bracketed=True)}; of {of:,} decisions {up} turn "
        f"favorable and {down} unfavorable."
    )


def _compare(result: StudyResult) -> str:
    found, curve = comparisons(result, SPLIT), result.curve
    if not found or not any(point.tells_apart.get("validation") for point in curve.points):
        return sentences.compare_sentence(result)
    ran = sum(rival.reason is None for rival in result.rivals)
    recommended = curve.points[curve.recommended].strength
    return (
        f"{ran} other {'method' if ran == 1 else 'methods'} ran on the same rows. {sentences.all_together(found)} "
        f"Recommended, by validation rows alone and for at most {points(curve.budget, signed=False)} of accuracy: "
        f"strength {recommended:g}{', no repair' if recommended == 0 else ''}."
    )


def _report(result: StudyResult) -> str:
    return (
        "Take it along: the report for those who decide, and reproduce.py for those who check: it runs the study "
        f"again on the table with fingerprint {result.fingerprint[:12]}, with seed {result.config.seed}."
    )


def _learn(result: StudyResult) -> str:
    """What the study cannot tell: on how few rows its smallest group is judged, and what widens instead."""
    found, columns = result.after[SPLIT], result.dataset.task.task.sensitive_columns
    counts = {group: found.rates[group]["selection_rate"].count for group in found.groups}
    told = {group: count for group, count in counts.items() if count is not None}
    few = min(told, key=lambda group: told[group], default=None)
    rests = (
        f"how many rows its smallest group rests on is {WITHHELD}"
        if len(told) < len(counts) or few is None
        else f"its smallest group, {group_name(few, columns)}, rests on {told[few]:,} of them"
        + (", too few for a number" if told[few] < FEW_ROWS else "")
    )
    worse = sentences.worse_sentence(result)
    return (
        f"Last, what this study cannot tell: it judges one model on {found.n:,} {SPLIT} rows, {rests}; whether a gap "
        f"is acceptable is for people to say.{f' {worse}' if worse else ''}"
    )


STEPS = (
    Step("data", "encode", _data),
    Step("baseline", "baseline", _baseline),
    Step("influence", "fidelity", _influence),
    Step("reweight", "curve", _reweight),
    Step("compare", "rivals", _compare),
    Step("report", "rivals", _report),
    Step("learn", "curve", _learn),
)
"""The tour, in the order of the pages."""
