"""Results in words and small tables: what a page, a report or a command line says about a study.

Every sentence is computed from the result, states its uncertainty, and holds no verdict. Screens only show these.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from iffair_core.data.encoding import SPLITS
from iffair_core.data.task import ResolvedTask, group_table
from iffair_core.data.values import as_numbers, bin_codes, is_number, label_codes, suggest_bins, value_label
from iffair_core.errors import TaskError, shorten
from iffair_core.metrics import GOAL_METRIC, GOAL_RATES, RATES, Estimate
from iffair_core.results import StudyResult
from iffair_core.uncertainty import wilson_interval

QUADRANTS = ("helps both", "fair but costly", "accurate but unfair", "harms both")
SMALL_CELL = 10
UNCHANGED = 1e-9
NAMED_GROUPS = 4
RATE_TITLES = {
    "selection_rate": "selection rate",
    "true_positive_rate": "true positive rate",
    "false_positive_rate": "false positive rate",
    "error_rate": "error rate",
    "precision": "precision",
}
GOAL_TITLES = {
    "demographic_parity": "demographic parity",
    "equal_opportunity": "equal opportunity",
    "equalized_odds": "equalized odds",
    "error_rate_parity": "error rate parity",
}
AIF360_NAMES = {
    "demographic_parity_difference": "statistical_parity_difference",
    "demographic_parity_ratio": "disparate_impact",
    "equal_opportunity_difference": "equal_opportunity_difference",
    "equalized_odds_difference": "average_abs_odds_difference (that one is the mean, this one the worse)",
    "average_absolute_odds_difference": "average_abs_odds_difference",
    "error_rate_difference": "error_rate_difference",
    "predictive_parity_difference": "-",
    "theil_index": "theil_index",
}


def percent(share: float | None, digits: int = 1) -> str:
    """A share as "12.3 %", or "not estimable"."""
    return "not estimable" if share is None else f"{100 * share:.{digits}f} %"


def points(difference: float | None, digits: int = 1, *, signed: bool = True) -> str:
    """A difference of shares as "-12.3 points", or "not estimable"."""
    if difference is None:
        return "not estimable"
    text = f"{100 * difference:{'+' if signed else ''}.{digits}f} points"
    return text.replace("-", "−")


def figure(value: float | None) -> str:
    """A number with three decimals, or "not estimable"."""
    return "not estimable" if value is None else f"{value:.3f}".replace("-", "−")


def span(bounds: tuple[float | None, float | None] | None, *, as_points: bool = False) -> str:
    """A 95 % interval as "(95 % 0.091 to 0.142)", empty where there is none."""
    if bounds is None or bounds[0] is None or bounds[1] is None:
        return ""
    low, high = (f"{100 * end:.1f}" if as_points else f"{end:.3f}" for end in bounds)
    return f"(95 % {low} to {high})".replace("-", "−")


def metric_title(name: str) -> str:
    """A metric's name in words: "equalized odds difference"."""
    return {"roc_auc": "ROC AUC", "f1": "F1"}.get(name, name.replace("_", " "))


def data_sentence(resolved: ResolvedTask) -> str:
    """Rows, the group that receives the favorable value least often, and the reference group beside it."""
    groups = group_table(resolved)
    favorable, target = shorten(resolved.favorable_label, 30), shorten(resolved.task.target, 30)
    base = groups[groups["group"] == resolved.reference].iloc[0]
    others = groups[groups["group"] != resolved.reference]
    lowest = others.loc[others["favorable_share"].idxmin()]
    return (
        f"{len(resolved.y):,} rows; {percent(lowest['share'])} are {shorten(lowest['group'], 30)}; "
        f"{percent(lowest['favorable_share'])} of them have {target} = {favorable} against "
        f"{percent(base['favorable_share'])} of {shorten(resolved.reference, 30)}."
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
    assert result.difference is not None
    change = result.difference[split]
    return (
        f"At strength {point.strength:.4g} the {metric_title(metric)} goes from {figure(before.values[metric])} to "
        f"{figure(after.values[metric])} ({_change(change[metric])}) and accuracy from "
        f"{percent(before.values['accuracy'])} to {percent(after.values['accuracy'])} "
        f"({_change(change['accuracy'], as_points=True)}), refitted, on {split} rows; "
        f"{percent(point.effective_sample_size, 0)} effective sample size."
    )


def _change(estimate: Estimate, *, as_points: bool = False) -> str:
    if estimate.value is None:
        return "change not estimable"
    amount = points(estimate.value) if as_points else figure(estimate.value)
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


def outcome_labels(result: StudyResult) -> tuple[str, str]:
    """What the file calls the outcomes 0 and 1."""
    task = result.dataset.task
    others = task.other_labels
    return (others[0] if len(others) == 1 else f"not {task.favorable_label}", task.favorable_label)


def quadrant_codes(result: StudyResult) -> np.ndarray:
    """Position in `QUADRANTS` of each training row (n_train,), by what its presence does to the gap and the log loss.

    A row whose removal would widen the gap keeps it narrow, and one whose removal would raise the loss helps accuracy.
    """
    assert result.goal is not None and result.removal is not None
    narrows = result.goal.removal >= 0
    helps = result.removal[:, -1] >= 0
    return np.select([narrows & helps, narrows & ~helps, ~narrows & helps], [0, 1, 2], default=3)


def ledger(result: StudyResult) -> pd.DataFrame:
    """One line per training row, the rows that widen the goal's gap most first.

    Columns: row_id, group, outcome (as in the file), gap_if_removed and gap_if_relabeled (change of the goal's gap, a
    share), log_loss_if_removed (nats), role (quadrant), leverage, score (P(favorable) before), weight (where known).
    """
    assert result.goal is not None and result.removal is not None and result.leverage is not None
    assert result.scores_before is not None
    data, rows = result.dataset, result.train_rows
    names = np.asarray(outcome_labels(result), dtype=object)
    frame = pd.DataFrame(
        {
            "row_id": data.row_id[rows],
            "group": np.asarray(data.groups, dtype=object)[data.group_codes[rows]],
            "outcome": names[(data.y[rows] > 0.5).astype(int)],
            "gap_if_removed": result.goal.removal,
            "gap_if_relabeled": result.goal.relabel,
            "log_loss_if_removed": result.removal[:, -1],
            "role": np.asarray(QUADRANTS, dtype=object)[quadrant_codes(result)],
            "leverage": result.leverage,
            "score": result.scores_before[rows],
        }
    )
    if result.weights is not None:
        frame["weight"] = result.weights
    return frame.sort_values("gap_if_removed", kind="stable", ignore_index=True)


def row_card(result: StudyResult, table: pd.DataFrame, row_id: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """One training row: (its values in the file; what would happen to each quantity if removed, doubled, relabeled).

    Raises TaskError if the row is not a training row.
    """
    assert result.quantities is not None and result.influence is not None
    assert result.removal is not None and result.relabel is not None and result.goal is not None
    position = np.flatnonzero(result.dataset.row_id[result.train_rows] == row_id)
    if position.size == 0:
        raise TaskError(f"Row {row_id} is not a training row. Choose a row of the ledger.")
    i = int(position[0])
    values = pd.DataFrame(
        {"column": table.columns.astype(str), "value": [value_label(value) for value in table.iloc[int(row_id)]]}
    )
    names = (f"goal: {result.goal.label}", *result.quantities.names)
    effects = pd.DataFrame(
        {
            "quantity": names,
            "if removed": np.append(result.goal.removal[i], result.removal[i]),
            "if doubled": np.append(result.goal.influence[i], result.influence[i]),
            "if relabeled": np.append(result.goal.relabel[i], result.relabel[i]),
        }
    )
    return values, effects


def metric_table(result: StudyResult, split: str = "test") -> pd.DataFrame:
    """Every metric before and after with intervals, chance band and the AIF360 name; after is empty until known."""
    assert result.baseline is not None
    before = result.baseline[split]
    after = None if result.after is None else result.after[split]
    lines = []
    for name, value in before.values.items():
        low, high = before.intervals[name] or (None, None)
        line = {
            "metric": name,
            "before": value,
            "low": low,
            "high": high,
            "chance band": before.chance_band.get(name),
            "AIF360 name": AIF360_NAMES.get(name, ""),
        }
        if after is not None:
            line["after"] = after.values[name]
            line["after low"], line["after high"] = after.intervals[name] or (None, None)
        lines.append(line)
    return pd.DataFrame(lines)


def rates_table(result: StudyResult, split: str = "test") -> pd.DataFrame:
    """Rates and signed gaps per group: group, rate, value, low, high, rows, gap, gap low, gap high, gap reversed."""
    assert result.baseline is not None
    evaluation = result.baseline[split]
    lines = []
    for group, rates in evaluation.rates.items():
        for rate in RATES:
            estimate = rates[rate]
            gap = evaluation.gaps[group][rate] if group in evaluation.gaps else None
            signed = None if gap is None else gap.value
            lines.append(
                {
                    "group": group,
                    "rate": RATE_TITLES[rate],
                    "value": estimate.value,
                    "low": estimate.low,
                    "high": estimate.high,
                    "rows": estimate.count,
                    f"gap to {evaluation.reference}": signed,
                    "gap low": None if gap is None else gap.low,
                    "gap high": None if gap is None else gap.high,
                    "with the other sign": None if signed is None else -signed,
                }
            )
    return pd.DataFrame(lines)


def who_pays(result: StudyResult, split: str = "test") -> pd.DataFrame:
    """Rates per group before and after: group, rate, before, after, change, rows."""
    assert result.baseline is not None and result.after is not None
    lines = []
    for group, rates in result.baseline[split].rates.items():
        for rate, estimate in rates.items():
            after = result.after[split].rates[group][rate].value
            known = estimate.value is not None and after is not None
            lines.append(
                {
                    "group": group,
                    "rate": RATE_TITLES[rate],
                    "before": estimate.value,
                    "after": after,
                    "change": after - estimate.value if known else None,
                    "rows": estimate.count,
                }
            )
    return pd.DataFrame(lines)


def intersections(
    result: StudyResult, table: pd.DataFrame, column: str, rate: str = "selection_rate", split: str = "test"
) -> pd.DataFrame:
    """A rate for every crossing of the groups with another column: group, level, value, low, high, count.

    Numbers with many values are cut at round quantiles. Cells of fewer than 10 rows are not estimable (value missing).
    """
    assert result.scores_before is not None
    data = result.dataset
    rows = data.part(SPLITS.index(split))
    series = table[column].iloc[data.row_id[rows]]
    if is_number(table[column]) and series.nunique() > 8:
        codes, names = bin_codes(as_numbers(series), suggest_bins(table[column]))
    else:
        codes, names = label_codes(series)
    selected = result.scores_before[rows] >= 0.5
    favorable = data.y[rows] > 0.5
    counted, hit = {
        "selection_rate": (np.ones(rows.size, bool), selected),
        "true_positive_rate": (favorable, selected),
        "false_positive_rate": (~favorable, selected),
        "error_rate": (np.ones(rows.size, bool), selected != favorable),
    }[rate]
    cells = data.group_codes[rows] * len(names) + codes
    size = len(data.groups) * len(names)
    count = np.bincount(cells[counted], minlength=size)
    hits = np.bincount(cells[counted & hit], minlength=size)
    low, high = wilson_interval(hits, count)
    enough = count >= SMALL_CELL
    frame = pd.DataFrame(
        {
            "group": np.repeat(np.asarray(data.groups, dtype=object), len(names)),
            "level": np.tile(np.asarray(names, dtype=object), len(data.groups)),
            "value": np.where(enough, hits / np.maximum(count, 1), np.nan),
            "low": np.where(enough, low, np.nan),
            "high": np.where(enough, high, np.nan),
            "count": count,
        }
    )
    return frame[frame.groupby("level")["count"].transform("sum") > 0].reset_index(drop=True)


def point_table(result: StudyResult, split: str = "test", metrics: Sequence[str] = ()) -> pd.DataFrame:
    """Every point of the curve: strength, feasible, the chosen metrics with intervals, predicted beside them, size."""
    assert result.curve is not None
    names = tuple(metrics) or ("accuracy", result.curve.metric)
    lines = []
    for i, point in enumerate(result.curve.points):
        line: dict[str, object] = {"strength": point.strength}
        for name in names:
            low, high = point.refitted_intervals.get(split, {}).get(name) or (None, None)
            line |= {name: point.refitted.get(split, {}).get(name), f"{name} low": low, f"{name} high": high}
            line[f"predicted {name}"] = point.predicted.get(split, {}).get(name)
        line |= {
            "effective sample size": point.effective_sample_size,
            "largest weight": point.largest_weight,
            "mark": ", ".join(
                mark
                for mark, here in (
                    ("chosen", i == result.curve.chosen),
                    ("recommended", i == result.curve.recommended),
                    ("frontier", i in result.curve.frontier),
                    ("infeasible", not point.feasible),
                )
                if here
            ),
            "why infeasible": point.reason or "",
        }
        lines.append(line)
    return pd.DataFrame(lines)


def found_rows(result: StudyResult, known: np.ndarray) -> tuple[float, np.ndarray, np.ndarray, np.ndarray]:
    """How well |removal effect| on the goal finds rows known to be wrong: ROC AUC, and the curve's FPR and TPR.

    known: (n_rows_in_file,) bool ground truth. Also returns the scores of the training rows, largest = most suspicious.
    """
    assert result.goal is not None
    truth = known[result.dataset.row_id[result.train_rows]]
    score = np.abs(result.goal.removal)
    order = np.argsort(-score, kind="stable")
    hits, misses = np.cumsum(truth[order]), np.cumsum(~truth[order])
    tpr = np.append(0.0, hits / max(1, hits[-1]))
    fpr = np.append(0.0, misses / max(1, misses[-1]))
    return float(np.trapezoid(tpr, fpr)), fpr, tpr, score


def widest_gap(result: StudyResult, split: str = "test") -> tuple[str, str, Estimate] | None:
    """The goal's widest signed gap under the ordinary model: (rate, group, group minus reference); None if unknown."""
    assert result.baseline is not None
    evaluation = result.baseline[split]
    known = [
        (rate, group, gaps[rate])
        for rate in GOAL_RATES[result.config.metric]
        for group, gaps in evaluation.gaps.items()
        if gaps[rate].value is not None
    ]
    return max(known, key=lambda item: abs(item[2].value or 0.0), default=None)


def widening_rows(result: StudyResult, share: float = 0.01) -> tuple[np.ndarray, float]:
    """(positions of the `share` of training rows that widens the goal's gap most, the part of the gap they make).

    The part is the sum of their removal effects over the soft gap, each row left out alone: predicted, not refitted.
    """
    assert result.goal is not None
    count = max(1, round(share * result.goal.removal.size))
    top = np.argsort(result.goal.removal, kind="stable")[:count]
    return top, -float(result.goal.removal[top].sum()) / result.goal.value if result.goal.value else 0.0


def flips(result: StudyResult, split: str = "test") -> pd.DataFrame:
    """Decisions that the chosen weights turn: group, rows, to_favorable, to_other, net, and these as shares of rows."""
    assert result.scores_before is not None and result.scores_after is not None
    data = result.dataset
    rows = data.part(SPLITS.index(split))
    before, after = result.scores_before[rows] >= 0.5, result.scores_after[rows] >= 0.5
    codes, size = data.group_codes[rows], len(data.groups)
    count = np.bincount(codes, minlength=size)
    gained = np.bincount(codes[after & ~before], minlength=size)
    lost = np.bincount(codes[before & ~after], minlength=size)
    known = np.where(count > 0, count, np.nan)
    return pd.DataFrame(
        {
            "group": np.asarray(data.groups, dtype=object),
            "rows": count,
            "to_favorable": gained,
            "to_other": lost,
            "net": gained - lost,
            "to_favorable_share": gained / known,
            "to_other_share": lost / known,
        }
    )


def weight_table(result: StudyResult) -> pd.DataFrame:
    """The chosen weights per group and outcome of the training rows.

    Columns: group, outcome (as in the file), rows, mean, smallest, median, largest, changed (share of the rows whose
    weight is not 1), weight_share (of the sum of all weights), row_share (what that is without weights).
    """
    assert result.weights is not None
    data, rows, weights = result.dataset, result.train_rows, result.weights
    frame = pd.DataFrame({"cell": 2 * data.group_codes[rows] + (data.y[rows] > 0.5), "weight": weights})
    frame["changed"] = (frame["weight"] - 1.0).abs() > UNCHANGED
    cells = frame.groupby("cell")
    table = cells["weight"].agg(["size", "mean", "min", "median", "max", "sum"])
    names = outcome_labels(result)
    return pd.DataFrame(
        {
            "group": [data.groups[cell // 2] for cell in table.index],
            "outcome": [names[cell % 2] for cell in table.index],
            "rows": table["size"].to_numpy(),
            "mean": table["mean"].to_numpy(),
            "smallest": table["min"].to_numpy(),
            "median": table["median"].to_numpy(),
            "largest": table["max"].to_numpy(),
            "changed": cells["changed"].mean().to_numpy(),
            "weight_share": table["sum"].to_numpy() / weights.sum(),
            "row_share": table["size"].to_numpy() / weights.size,
        }
    )


def weights_frame(result: StudyResult) -> pd.DataFrame:
    """row_id and weight of every training row, in the order of the file."""
    assert result.weights is not None
    return pd.DataFrame({"row_id": result.dataset.row_id[result.train_rows], "weight": result.weights})


def rival_table(result: StudyResult, split: str = "test", metrics: Sequence[str] = ()) -> pd.DataFrame:
    """Every rival, and the curve beside it: method, each metric with its interval, the curve's best at its disparity.

    `best accuracy of the curve`: among refitted points whose disparity is no larger; missing where there is none.
    """
    assert result.curve is not None
    names = tuple(metrics) or ("accuracy", result.curve.metric)
    lines = []
    for rival in result.rivals:
        line: dict[str, object] = {"method": rival.title}
        for name in names:
            low, high = rival.intervals[split].get(name) or (None, None)
            line |= {name: rival.metrics[split][name], f"{name} low": low, f"{name} high": high}
        line["best accuracy of the curve"] = best_accuracy(result, rival.metrics[split][result.curve.metric], split)
        lines.append(line)
    return pd.DataFrame(lines)


def best_accuracy(result: StudyResult, disparity: float | None, split: str = "test") -> float | None:
    """Best accuracy among the curve's refitted points whose disparity is at most `disparity`; None if there is none."""
    assert result.curve is not None
    if disparity is None:
        return None
    known = []
    for point in result.curve.points:
        ours, accuracy = (point.refitted.get(split, {}).get(name) for name in (result.curve.metric, "accuracy"))
        if ours is not None and accuracy is not None and ours <= disparity:
            known.append(accuracy)
    return max(known, default=None)


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
