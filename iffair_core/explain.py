"""Results in sentences: what a page, a report or a command line says about a study.

Every sentence is computed from the result, states its uncertainty, and holds no verdict. Screens only show these.
"""

from __future__ import annotations

import numpy as np

from iffair_core.data.task import ResolvedTask, group_table
from iffair_core.errors import shorten
from iffair_core.metrics import GOAL_METRIC, Estimate
from iffair_core.results import StudyResult, known
from iffair_core.rows import widening_rows
from iffair_core.tables import best_accuracy, flips, outcome_labels, who_pays, widest_gap
from iffair_core.wording import GOAL_TITLES, RATE_TITLES, figure, metric_title, percent, points, span

NAMED_GROUPS = 4


def data_sentence(resolved: ResolvedTask) -> str:
    """Rows, the group that receives the favorable value least often, and the reference group beside it."""
    groups = group_table(resolved).set_index("group").to_dict("index")
    favorable, target = shorten(resolved.favorable_label, 30), shorten(resolved.task.target, 30)
    base = groups.pop(resolved.reference)
    name, lowest = min(groups.items(), key=lambda item: item[1]["favorable_share"])
    return (
        f"{len(resolved.y):,} rows; {percent(lowest['share'])} are {shorten(name, 30)}; "
        f"{percent(lowest['favorable_share'])} {span((lowest['low'], lowest['high']), as_points=True)} of them have "
        f"{target} = {favorable} against {percent(base['favorable_share'])} of {shorten(resolved.reference, 30)}."
    )


def baseline_sentence(result: StudyResult, split: str = "test") -> str:
    """The widest gap of the goal under the ordinary model, with its interval and the chance band."""
    if result.baseline is None:
        return "The ordinary model has not been fitted yet."
    evaluation, goal = result.baseline[split], result.config.metric
    widest = widest_gap(result, split)
    if widest is None:
        return f"The gap for {GOAL_TITLES[goal]} cannot be estimated on these rows."
    rate, group, gap = widest
    ours, theirs = evaluation.rates[group][rate].value, evaluation.rates[evaluation.reference][rate].value
    verb, of_whom = {
        "selection_rate": ("selects", ""),
        "true_positive_rate": ("selects", " with the favorable outcome"),
        "false_positive_rate": ("selects", " without the favorable outcome"),
        "error_rate": ("errs on", ""),
    }[rate]
    band = evaluation.chance_band[GOAL_METRIC[goal]]
    chance = "" if band is None else f"; chance alone would show a disparity of up to {points(band, signed=False)}"
    return (
        f"The model {verb} {percent(ours)} of {shorten(group, 30)}{of_whom} against {percent(theirs)} of "
        f"{shorten(evaluation.reference, 30)}: a {RATE_TITLES[rate]} gap of {points(gap.value)} "
        f"{span((gap.low, gap.high), as_points=True)}{chance}.".replace("  ", " ")
    )


def influence_sentence(result: StudyResult, share: float = 0.01) -> str:
    """What the rows that widen the goal's gap most are predicted to account for, and who most of them are."""
    if result.goal is None:
        return "Influence has not been computed yet."
    goal, data = result.goal, result.dataset
    top, closed = widening_rows(result, share)
    count = top.size
    rows = result.train_rows[top]
    cells = 2 * data.group_codes[rows] + (data.y[rows] > 0.5)
    commonest = int(np.bincount(cells).argmax())
    who = np.mean(cells == commonest)
    label = outcome_labels(result)[commonest % 2]
    return (
        f"The {percent(count / goal.removal.size, 0)} of training rows ({count:,}) that most widen the gap in "
        f"{RATE_TITLES[goal.rate]} ({shorten(goal.over, 30)} − {shorten(goal.under, 30)}) account for "
        f"{percent(closed)} of it, predicted from leaving each out; {percent(who, 0)} of them are "
        f"{shorten(data.groups[commonest // 2], 30)} rows recorded as {shorten(label, 30)}."
    )


def repair_sentence(result: StudyResult, split: str = "test") -> str:
    """What the chosen weights do to the goal's disparity and to accuracy, refitted, and what is left of the sample."""
    point = result.chosen
    if point is None or result.curve is None or result.baseline is None or result.after is None:
        return "No weights have been computed yet."
    metric = result.curve.metric
    before, after = result.baseline[split], result.after[split]
    if point.strength == 0:
        reason = " No stronger repair lowers it within the accuracy budget." if result.config.strength is None else ""
        return (
            f"At strength 0 every weight is 1 and the {metric_title(metric)} stays {figure(before.values[metric])}."
            + reason
        )
    change = known(result.difference)[split]
    return (
        f"At strength {point.strength:g} the {metric_title(metric)} goes from {figure(before.values[metric])} to "
        f"{figure(after.values[metric])} ({_change(change[metric])}) and accuracy from "
        f"{percent(before.values['accuracy'])} to {percent(after.values['accuracy'])} "
        f"({_change(change['accuracy'], as_points=True)}), refitted, on {split} rows; "
        f"{percent(point.effective_sample_size, 0)} effective sample size."
    )


def _change(estimate: Estimate, *, as_points: bool = False) -> str:
    if estimate.value is None:
        return "change not estimable"
    amount = points(estimate.value) if as_points else ("+" if estimate.value > 0 else "") + figure(estimate.value)
    interval = span((estimate.low, estimate.high), as_points=as_points).strip("()")
    return f"{amount}, {interval}" if interval else amount


def compare_sentence(result: StudyResult, split: str = "test") -> str:
    """Our curve at each rival's disparity: the best accuracy among refitted points that are no more disparate."""
    if result.curve is None or not result.rivals:
        return "The rivals have not been computed yet."
    metric = result.curve.metric
    said = []
    for rival in result.rivals:
        disparity, accuracy = rival.metrics[split][metric], rival.metrics[split]["accuracy"]
        if disparity is None or accuracy is None:
            continue
        best = best_accuracy(result, disparity, split)
        interval = span(rival.intervals[split].get("accuracy"), as_points=True).strip("()")
        theirs = (
            f"Against {rival.title} (accuracy {percent(accuracy)}{f', {interval}' if interval else ''}; "
            f"{metric_title(metric)} {figure(disparity)})"
        )
        if best is not None:
            said.append(f"{theirs} the curve is at accuracy {percent(best)} with a disparity no larger.")
        else:
            said.append(f"{theirs} no point of the curve has a disparity as small.")
    return " ".join(said) or f"The {metric_title(metric)} is not estimable on {split} rows."


def pays_sentence(result: StudyResult, split: str = "test") -> str:
    """How many decisions turn each way, and how each group's selection rate moves."""
    turned, rates = flips(result, split), who_pays(result, split)
    moves = rates[rates["rate"] == RATE_TITLES["selection_rate"]].dropna(subset="change").sort_values("change")
    if len(moves) > NAMED_GROUPS:
        moves = moves.iloc[[0, -1]]
    said = [f"{shorten(line['group'], 30)} {points(float(line['change']))}" for line in moves.to_dict("records")]
    return (
        f"Of {turned['rows'].sum():,} decisions on {split} rows {turned['to_favorable'].sum():,} turn favorable and "
        f"{turned['to_other'].sum():,} unfavorable. Selection rates move by: {', '.join(said) or 'not estimable'}."
    )
