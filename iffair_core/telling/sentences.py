"""Results in sentences: what a page, a report or a command line says about a study.

Every sentence is computed from the result, states its uncertainty, and holds no verdict. Screens only show these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from iffair_core.data.encoding import SPLITS
from iffair_core.data.groups import SMALL_GROUP
from iffair_core.data.resolving import ResolvedTask, group_table
from iffair_core.errors import shorten
from iffair_core.metrics import GOAL_METRIC, GOAL_RATES, METRICS, Estimate, alike_warnings
from iffair_core.quantities import LEAST_ROWS
from iffair_core.study.comparison import VERDICTS, Comparison, comparisons
from iffair_core.study.disclosure import suppressed, tellable, told_groups
from iffair_core.study.results import StudyResult
from iffair_core.study.smallest_fix import SmallestFix
from iffair_core.telling.rows import widening_rows
from iffair_core.telling.tables import outcome_labels, who_pays, widest_gap
from iffair_core.tradeoff import CHOOSING, Curve
from iffair_core.wording import (
    GOAL_TITLES,
    NOT_ESTIMABLE,
    RATE_TITLES,
    WITHHELD,
    figure,
    group_name,
    heading,
    holds,
    listed,
    metric_title,
    missing,
    percent,
    points,
    span,
    with_article,
)

NAMED_GROUPS, NAMED_METHODS = 4, 3
NOTHING_TURNS = "At strength 0 every weight is 1, so that no decision turns and nobody pays."
KEPT_CAPITALS = ("Gaussian",)


def data_sentence(resolved: ResolvedTask) -> str:
    """Rows, the group that receives the favorable value least often, and the reference group beside it.

    Groups of fewer than 30 rows are passed over where there are larger ones: their shares are mostly chance.
    """
    columns, found, favorable = resolved.task.sensitive_columns, least_favored(resolved), favorable_words(resolved)
    if found is None:
        return (
            f"{len(resolved.y):,} rows in {len(resolved.groups):,} groups; how many have {favorable} is "
            f"{WITHHELD}, as it would tell of fewer than {resolved.task.smallest_group} rows."
        )
    name, lowest, base = found
    return (
        f"{len(resolved.y):,} rows; {percent(lowest['share'])} are {group_name(name, columns)}; "
        f"{percent(lowest['favorable_share'])} {span((lowest['low'], lowest['high']), as_points=True)} of them have "
        f"{favorable} against {percent(base['favorable_share'])} of "
        f"{group_name(resolved.reference, columns)}."
    )


def favorable_words(resolved: ResolvedTask, limit: int = 30) -> str:
    """The outcome and its favorable value, as "income = >50K"."""
    return holds(shorten(resolved.task.target, limit), shorten(resolved.favorable_label, limit))


def least_favored(resolved: ResolvedTask) -> tuple[str, dict[Any, Any], dict[Any, Any]] | None:
    """The group of `data_sentence`, its line of the table of groups, and the reference's; None where withheld."""
    groups = told_groups(group_table(resolved), resolved.task.smallest_group).set_index("group").to_dict("index")
    base = groups.pop(resolved.reference)
    groups = {group: line for group, line in groups.items() if not missing(line["favorable_share"])}
    if missing(base["favorable_share"]) or not groups:
        return None
    large = {group: line for group, line in groups.items() if line["rows"] >= SMALL_GROUP}
    name, lowest = min((large or groups).items(), key=lambda item: item[1]["favorable_share"])
    return str(name), lowest, base


def baseline_sentence(result: StudyResult, split: str = "test") -> str:
    """The widest gap of the goal under the ordinary model, with its interval and the chance band."""
    evaluation, goal = result.baseline[split], result.config.goal
    alike = alike_warnings(evaluation.counts)
    if alike:
        kind = "nobody, or hardly anybody" if "selects nobody" in alike[0] else "everybody, or nearly"
        return (
            f"The model selects {kind} of the {split} rows, so that a gap of its decisions says nothing. What was "
            f"recorded: {data_sentence(result.dataset.task)}"
        )
    widest = widest_gap(result, split)
    if widest is None:
        told = "cannot be estimated on these rows"
        if result.smallest_group is not None:
            told = f"is {WITHHELD}: with its rates it would tell of fewer than {result.smallest_group} rows"
        return f"The gap for {GOAL_TITLES[goal]} {told}."
    rate, group, gap = widest
    ours, theirs = evaluation.rates[group][rate].value, evaluation.rates[evaluation.reference][rate].value
    metric = GOAL_METRIC[goal]
    band, disparity = evaluation.chance_band[metric], with_article(metric_title(metric))
    chance = "" if band is None else f"; chance alone would show {disparity} of up to {points(band, signed=False)}"
    return (
        f"{_held_against(result, rate, (group, ours), (evaluation.reference, theirs))}: "
        f"{with_article(RATE_TITLES[rate])} gap of {points(gap.value)} "
        f"{span((gap.low, gap.high), as_points=True)}{chance}.".replace("  ", " ")
    )


def _held_against(
    result: StudyResult, rate: str, here: tuple[str, float | None], there: tuple[str, float | None]
) -> str:
    """A rate of two groups in words; whose rate it is comes first, so that no rate is taken for another."""
    columns, target = result.dataset.task.task.sensitive_columns, result.dataset.task.task.target
    who, other = (f"{group_name(group, columns)} rows" for group, _ in (here, there))
    share, against = (percent(value) for _, value in (here, there))
    if rate == "error_rate":
        return f"The model errs on {share} of {who} and on {against} of {other}"
    # A value that says nothing by itself, as 1 or yes, is told with its column, like a group's.
    others, favorable = (group_name(label, [target]) for label in outcome_labels(result))
    if rate == "selection_rate":
        return f"The model predicts {favorable} for {share} of {who} and for {against} of {other}"
    recorded = favorable if rate == "true_positive_rate" else others
    return f"Of {who} recorded as {recorded} the model predicts {favorable} for {share}, of {other} for {against}"


def influence_sentence(result: StudyResult, share: float = 0.01) -> str:
    """What the rows that widen the goal's gap most are predicted to account for, and who most of them are."""
    goal, data, columns = result.goal, result.dataset, result.dataset.task.task.sensitive_columns
    top, closed = widening_rows(result, share)
    count = top.size
    rows = result.train_rows[top]
    cells = data.cells(rows)
    commonest = int(np.bincount(cells).argmax())
    who = np.mean(cells == commonest)
    label = outcome_labels(result)[commonest % 2]
    told = tellable([np.sum(cells == commonest), np.sum(cells != commonest)], result.smallest_group).all()
    most = f"{percent(who, 0)} of them" if told else "most of them" if who > 0.5 else "the largest part of them"
    return (
        f"The {percent(count / goal.removal.size, 0)} of training rows ({count:,}) that most widen the gap in "
        f"{RATE_TITLES[goal.rate]} ({group_name(goal.over, columns)} − {group_name(goal.under, columns)}) account for "
        f"{percent(closed) if closed <= 1 else 'more than all'} of it, predicted from leaving each out; {most} are "
        f"{group_name(data.groups[commonest // 2], columns)} rows recorded as {shorten(label, 30)}."
    )


def repair_sentence(result: StudyResult, split: str = "test") -> str:
    """What the chosen weights do to the goal's disparity and to accuracy, refitted, and what is left of the sample."""
    point = result.chosen
    metric = result.curve.metric
    before, after = result.baseline[split], result.after[split]
    if point.strength == 0:
        stays = f"At strength 0 every weight is 1 and the {metric_title(metric)} stays {figure(before.values[metric])}."
        return f"{stays} {untouched_sentence(result)}".rstrip() if result.config.strength is None else stays
    alike = alike_warnings(after.counts)
    if alike:
        return f"At strength {point.strength:g}, refitted, on {split} rows: {alike[0]} Choose a smaller strength."
    change = result.difference[split]
    accuracy = (
        f"from {percent(before.values['accuracy'])} to {percent(after.values['accuracy'])} "
        f"({change_text(change['accuracy'], as_points=True)})"
    )
    left = f"{percent(point.effective_sample_size, 0)} effective sample size"
    numbers = f"{figure(before.values[metric])} to {figure(after.values[metric])} ({change_text(change[metric])})"
    if holds_zero(change[metric]):
        cost = change["accuracy"].value
        price = f", at {points(-cost, signed=False)} of accuracy" if cost is not None and cost < 0 else ""
        return (
            f"At strength {point.strength:g} no detectable change of the {metric_title(metric)} on {split} rows"
            f"{price}: it goes from {numbers} and accuracy {accuracy}, refitted; {left}."
        )
    return (
        f"At strength {point.strength:g} the {metric_title(metric)} goes from {numbers} and accuracy {accuracy}, "
        f"refitted, on {split} rows; {left}."
    )


def holds_zero(change: Estimate) -> bool:
    """Whether the interval of a change holds 0, so that nothing can be told from no change."""
    return change.low is not None and change.high is not None and change.low <= 0 <= change.high


def beside_repair(result: StudyResult) -> list[str]:
    """What belongs beside `repair_sentence`: other disparities that widen, goals closed as well, pinned rows."""
    return [text for text in (worse_sentence(result), also_sentence(result), pinned_sentence(result)) if text]


def worse_sentence(result: StudyResult, split: str = "test") -> str:
    """The other disparities that the chosen weights clearly widen, by their paired intervals; "" where none is."""
    if result.strength == 0 or alike_warnings(result.after[split].counts):
        return ""
    told = []
    for name, metric in METRICS.items():
        change = result.difference[split][name]
        if metric.between is None or name == result.curve.metric or change.low is None or change.high is None:
            continue
        if change.high < 0 if metric.higher_is_better else change.low > 0:
            told.append(f"the {metric.title} clearly {'falls' if metric.higher_is_better else 'widens'}: ")
            told[-1] += change_text(change, bracketed=True)
    return f"On {split} rows {'; '.join(told)}." if told else ""


def untouched_sentence(result: StudyResult) -> str:
    """Why strength 0 is recommended, by validation rows; "" where another strength is."""
    curve, small = result.curve, _few_behind(result)
    if not curve.untouched:
        return ""
    title, lowest = metric_title(curve.metric), curve.points[curve.lowest]
    before, after = (figure(curve.points[i].refitted[CHOOSING][curve.metric]) for i in (0, curve.lowest))
    gain = lowest.gain
    change = span((gain.low, gain.high)) if gain is not None else ""
    said = {
        "not estimable": f"On validation rows the {title} is not estimable.",
        "all alike": "On validation rows the untouched model decides alike for everybody, or nearly, so that no repair "
        "can be judged.",
        "none feasible": f"No repair keeps within the limits; on validation rows it is {before}. {_limit(curve)}",
        "none lower": f"No repair within the accuracy budget lowers it on validation rows, where it is {before}.",
        "within chance": f"On validation rows it is {before}, no more than chance alone would show (up to "
        f"{figure(curve.chance)}).",
        "no clear gain": f"No repair within the accuracy budget lowers it on validation rows by more than chance: at "
        f"strength {lowest.strength:g} it would go from {before} to {after}, a change {change}.",
    }[curve.untouched]
    if curve.untouched in ("none lower", "no clear gain"):
        said += _beyond_budget(result)
    if small:
        said += (
            f" That disparity rests on {'a group' if len(small) == 1 else 'groups'} with fewer than {LEAST_ROWS} such "
            f"rows ({listed(small)})"
        )
        said += "; small groups that are taken together would not rule it." if len(result.dataset.groups) > 2 else "."
    return said


def _limit(curve: Curve) -> str:
    """Why the weakest repair is infeasible."""
    return next((point.reason for point in curve.points if point.reason), "")


def recommendation_sentence(result: StudyResult) -> str:
    """Which strength validation rows recommend and why, or why none; and that another was chosen, where it was."""
    curve = result.curve
    best, start = curve.points[curve.recommended], curve.points[0]
    if curve.untouched:
        said = f"No repair is recommended for the {metric_title(curve.metric)}. {untouched_sentence(result)}"
    else:
        before, after = (figure(point.refitted[CHOOSING][curve.metric]) for point in (start, best))
        said = (
            f"Strength {best.strength:g} is recommended: on validation rows it brings the {metric_title(curve.metric)} "
            f"from {before} to {after}, the smallest there that costs at most {points(curve.budget, signed=False)} of "
            "accuracy. Test rows took no part in this choice."
        )
    if result.strength == best.strength:
        return said
    return f"{said} What is shown is strength {result.strength:g}, which was chosen."


def _beyond_budget(result: StudyResult) -> str:
    """The repair that lowers it by more than chance and costs least accuracy, where the budget forbids it."""
    curve = result.curve
    start, floor = (curve.points[0].refitted[CHOOSING][name] for name in (curve.metric, "accuracy"))
    if start is None or floor is None or (curve.chance is not None and start <= curve.chance and curve.clear is None):
        return ""
    clear = [
        (accuracy, -point.strength, point)
        for point in curve.points
        if point.feasible and point.tells_apart[CHOOSING] and point.gain is not None and (point.gain.high or 0.0) < 0
        if (accuracy := point.refitted[CHOOSING]["accuracy"]) is not None
    ]
    if not clear:
        return ""
    accuracy, _, point = max(clear, key=lambda one: one[:2])
    return (
        f" The least costly repair that does, strength {point.strength:g}, lowers it to "
        f"{figure(point.refitted[CHOOSING][curve.metric])} for {points(floor - accuracy, signed=False)} of accuracy "
        f"there; the budget is {points(curve.budget, signed=False)}."
    )


def _few_behind(result: StudyResult) -> list[str]:
    """Groups with fewer than 10 validation rows that alone hold an end of the goal's disparity, see `_ends`.

    None in cohort-only mode.
    """
    if result.smallest_group is not None:
        return []
    rates, columns = result.baseline[CHOOSING].rates, result.dataset.task.task.sensitive_columns
    rate, ends = _ends(rates, GOAL_RATES[result.config.goal])
    few = [group for end in ends if all((rates[one][rate].count or 0) < LEAST_ROWS for one in end) for group in end]
    return [group_name(group, columns) for group in rates if group in few]


def _ends(rates: Mapping[str, Mapping[str, Estimate]], names: Sequence[str]) -> tuple[str, list[list[str]]]:
    """(the rate that differs most between groups, the groups where it is lowest and those where it is highest)."""
    found = []
    for name in names:
        values = {group: row[name].value for group, row in rates.items()}
        known = [value for value in values.values() if value is not None]
        if known:
            ends = [[group for group, value in values.items() if value == end] for end in (min(known), max(known))]
            found.append((max(known) - min(known), name, ends))
    _, rate, ends = max(found, key=lambda one: one[0], default=(0.0, names[0], []))
    return rate, ends


def change_text(estimate: Estimate, *, as_points: bool = False, bracketed: bool = False) -> str:
    """A change with its interval after a comma, or in brackets."""
    if estimate.value is None:
        return "change not estimable"
    amount = points(estimate.value) if as_points else ("+" if estimate.value > 0 else "") + figure(estimate.value)
    interval = span((estimate.low, estimate.high), as_points=as_points)
    if bracketed:
        return f"{amount} {interval}".rstrip()
    return f"{amount}, {interval.strip('()')}" if interval else amount


def compare_sentence(result: StudyResult, split: str = "test") -> str:
    """What a test says of all other methods together, then our curve beside the one that it has least over.

    Rivals that lower the disparity come before those that do not; a disparity that no point reaches is said, not
    counted as a loss or a win. Claims are those of `comparisons`.
    """
    if not result.rivals:
        return "The rivals have not been computed yet."
    metric, found = result.curve.metric, comparisons(result, split)
    if not any(point.tells_apart.get(CHOOSING) for point in result.curve.points):
        return "Nothing is compared: all models of the curve decide alike for everybody on validation rows, or nearly."
    if not found:
        return f"The {metric_title(metric)} of other methods is not estimable on {split} rows."
    before = result.baseline[split].values[metric]
    repairs = [one for one in found if _below(one.rival.metrics[split][metric], before)] or found
    # The smallest lead is the hardest comparison; where no rival's disparity is reached, the most accurate rival.
    hardest = min(repairs, key=lambda one: _lead(one, split))
    rival = hardest.rival
    said = (
        f"Against {rival.title} (accuracy {percent(rival.metrics[split]['accuracy'])}, {metric_title(metric)} "
        f"{figure(rival.metrics[split][metric])}, on {split} rows) "
    )
    if hardest.point is None or hardest.accuracy is None:
        said += "no point of the curve has a disparity as small on validation rows."
    else:
        verdict = hardest.verdict
        by = f"{points(hardest.accuracy.value)} {_together(hardest)}"
        said += f"the curve's point of no larger a disparity on validation rows, strength {hardest.point.strength:g}, "
        said += f"cannot be told apart in accuracy: {by}" if verdict == VERDICTS[2] else f"is {verdict}: {by}"
        said += f", {metric_title(metric)} {figure(hardest.disparity)}."
    if len(found) == 1:
        return said
    beyond = [one.rival.title for one in found if one.point is None and one is not hardest]
    unreached = f" On validation rows no point of the curve has a disparity as small as {listed(beyond)}."
    return f"{all_together(found)} {said}{unreached if beyond else ''}"


def all_together(found: Sequence[Comparison]) -> str:
    """Of how many methods the curve can be told apart in accuracy, at their disparity."""
    better, worse, alike = ([one.rival.title for one in found if one.verdict == verdict] for verdict in VERDICTS)
    compared = len(better) + len(worse) + len(alike)
    if not compared:
        return "No method here can be compared with the curve, which has no disparity as small as theirs."
    if not better and not worse:
        which = "No method here" if compared == len(found) else f"None of the {compared} methods that can be compared"
        which = "The one method that can be compared is not" if compared == 1 else f"{which} is"
        return f"{which} clearly more or less accurate than the curve."
    told = [
        f"clearly {verdict} than {_methods(titles)}"
        for verdict, titles in zip(VERDICTS, (better, worse), strict=False)
        if titles
    ]
    apart = f"; {len(alike)} more cannot be told apart from it" if alike else ""
    return f"At no larger a disparity the curve is {' and '.join(told)}{apart}."


def _methods(titles: Sequence[str]) -> str:
    """A few methods by name, more by number."""
    return listed(titles) if len(titles) <= NAMED_METHODS else f"{len(titles)} methods"


def _below(value: float | None, other: float | None) -> bool:
    return value is not None and other is not None and value < other


def _lead(one: Comparison, split: str) -> tuple[bool, float]:
    if one.accuracy is None or one.accuracy.value is None:
        return True, -(one.rival.metrics[split]["accuracy"] or 0.0)
    return False, one.accuracy.value


def _together(one: Comparison) -> str:
    """The interval of a difference of accuracies; over how many comparisons it holds, where there are several."""
    assert one.accuracy is not None
    interval = span((one.accuracy.low, one.accuracy.high), as_points=True)
    return interval if one.compared == 1 else interval.replace("(95 %", f"(95 % over {one.compared} methods")


def transfer_sentence(result: StudyResult, split: str = "test") -> str:
    """What the weights do in the first of the other models, and the share of the reduction that survives in each."""
    if not result.transfers:
        return "No other model has been fitted with these weights yet."
    metric, (first, *others) = result.curve.metric, result.transfers
    if result.strength == 0:
        return "At strength 0 every weight is 1, so that no other model changes."
    before, after = first.before[split].values, first.after[split].values
    change = first.difference[split]
    if before[metric] is None or after[metric] is None or change["accuracy"].value is None:
        return f"The {metric_title(metric)} of {_in_sentence(first.title)} is not estimable on {split} rows."
    cost = change["accuracy"].value
    bounds = span((change["accuracy"].low, change["accuracy"].high), as_points=True).strip("()")
    said = (
        f"With these weights, the {metric_title(metric)} of {_in_sentence(first.title)} goes from "
        f"{figure(before[metric])} to {figure(after[metric])} ({change_text(change[metric])}) and its accuracy changes "
        f"by {points(cost)}{f' ({bounds})' if bounds else ''}, refitted, on {split} rows"
    )
    own = result.difference[split][metric]
    if own.value is None or own.value >= 0:
        return f"{said}. In the study's own model these weights do not lower it there, so no share can be given."
    doubt = "" if own.high is not None and own.high < 0 else ", though that one's own interval holds 0"
    shares = [_survives(first.kept[split]) + f" of the reduction in the study's own model survives{doubt}"]
    shares += [f"in {_in_sentence(one.title)} {_survives(one.kept[split])}" for one in others]
    return f"{said}; {'; '.join(shares)}."


def _in_sentence(title: str) -> str:
    words = shorten(title, 60).split(" ")
    return " ".join([words[0] if words[0] in KEPT_CAPITALS else words[0].lower(), *words[1:]])


def _survives(share: float | None) -> str:
    if share is None:
        return "a share that is not estimable"
    return "none" if share <= 0 else percent(share, 0)


def pinned_sentence(result: StudyResult) -> str:
    """How many training rows are pinned; empty where nothing was asked to be."""
    if result.pinned is None:
        return ""
    held = int(result.pinned.sum())
    if not held:
        return "None of the rows that you pinned is a training row, so that pinning changes nothing."
    if not tellable(held, result.smallest_group):
        return f"Fewer than {result.smallest_group} pinned rows keep weight 1."
    verb = "row keeps" if held == 1 else "rows keep"
    return f"{held:,} pinned {verb} weight 1, {percent(held / result.pinned.size)} of the training rows."


def also_sentence(result: StudyResult, split: str = "test") -> str:
    """What the same weights do to the goals that are closed as well; "" if there are none."""
    if not result.config.also:
        return ""
    changes = []
    for goal in result.config.also:
        metric = GOAL_METRIC[goal]
        before, after = (found[split].values[metric] for found in (result.baseline, result.after))
        changes.append(f"{metric_title(metric)} from {figure(before)} to {figure(after)}")
    return f"Closed as well, refitted, on {split} rows: {'; '.join(changes)}."


def fix_sentence(result: StudyResult, fix: SmallestFix) -> str:
    """What the smallest fix moves, and what that does to the goal's disparity and to accuracy, refitted."""
    title, of, before = metric_title(GOAL_METRIC[fix.goal]), fix.weights.size, result.baseline[fix.split]
    if fix.reached and not fix.rows:
        already = f"The {title} is {figure(fix.before)} on {fix.split} rows already, so that nothing has to move."
        return f"{already} {heading(_fix_on_test(fix))}." if _beyond_target(fix) else already
    lead = f"No repair within the guard rails brings the {title} to {figure(fix.target)} on {fix.split} rows. "
    lead = "" if fix.reached else f"{lead}{fix.reason} The lowest found: "
    if not fix.rows:
        return f"{lead}{figure(fix.before)}, of the untouched model."
    share = percent((fix.rows if fix.by == "rows" else fix.weight) / of)
    k = result.smallest_group
    by = f"by a weight of {np.abs(fix.weights - 1.0).max():g}"
    if fix.by != "rows":
        moving = f"moving {share} of the weight of {of:,} training rows"
    elif tellable([fix.rows, of - fix.rows], k).all():
        moving = f"moving {fix.rows:,} of {of:,} training rows ({share}) {by}"
    else:
        few = f"fewer than {k}" if fix.rows < (k or 0) else f"all but fewer than {k}"
        moving = f"moving {few} of {of:,} training rows {by}"
    cost = _cost(fix.accuracy, before.values["accuracy"])
    told = (
        f"{lead}{moving if lead else heading(moving)} brings the {title} from {figure(fix.before)} to "
        f"{figure(fix.disparity)} on {fix.split} rows, {cost}"
    )
    if fix.split != "test":
        told += f"; {_fix_on_test(fix)}, {_cost(fix.test['accuracy'], result.baseline['test'].values['accuracy'])}"
    return f"{told}; refitted."


def _beyond_target(fix: SmallestFix) -> bool:
    """Whether a target that is reached where it is judged is missed on test rows."""
    after = fix.test["disparity"]
    return fix.reached and fix.split != "test" and after is not None and after > fix.target


def _fix_on_test(fix: SmallestFix) -> str:
    beyond = f", above the target of {figure(fix.target)}" if _beyond_target(fix) else ""
    return f"on test rows it is {figure(fix.test['disparity'])}{beyond}"


def _cost(after: float | None, before: float | None) -> str:
    """What a change of accuracy comes to."""
    if after is None or before is None:
        return "with an accuracy that is not estimable"
    change = after - before
    return f"for {points(-change, signed=False)} of accuracy" if change < 0 else f"with accuracy {points(change)}"


def pays_sentence(result: StudyResult, split: str = "test") -> str:
    """How many decisions turn each way, and how each group's selection rate moves."""
    if result.strength == 0:
        return NOTHING_TURNS
    rates = who_pays(result, split)
    moves = rates[rates["rate"] == RATE_TITLES["selection_rate"]].dropna(subset="change").sort_values("change")
    if len(moves) > NAMED_GROUPS:
        moves = moves.iloc[[0, -1]]
    columns = result.dataset.task.task.sensitive_columns
    said = [
        f"{group_name(line['group'], columns)} {points(float(line['change']))}" for line in moves.to_dict("records")
    ]
    of, up, down = turned(result, split)
    nowhere = NOT_ESTIMABLE if result.smallest_group is None else WITHHELD
    return (
        f"Of {of:,} decisions on {split} rows {up} turn favorable and {down} unfavorable. "
        f"Selection rates move by: {', '.join(said) or nowhere}."
    )


def turned(result: StudyResult, split: str) -> tuple[int, str, str]:
    """(decisions, how many turn favorable, how many unfavorable), as they may be told."""
    rows = result.dataset.part(SPLITS.index(split))
    before, after = (scores[rows] >= result.threshold for scores in (result.scores_before, result.scores_after))
    up, down = int(np.sum(after & ~before)), int(np.sum(before & ~after))
    hidden = suppressed([up, down, rows.size - up - down], result.smallest_group)
    few = f"a number that is {WITHHELD}"
    return rows.size, few if hidden[0] else f"{up:,}", few if hidden[1] else f"{down:,}"
