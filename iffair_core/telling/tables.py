"""Results as small tables: what stands behind a page's pictures and in its downloads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from iffair_core.data.encoding import SPLITS
from iffair_core.metrics import FEW_ROWS, GOAL_METRIC, GOAL_RATES, METRICS, RATES, Estimate
from iffair_core.models import MODELS
from iffair_core.reading.values import as_numbers, bin_codes, is_number, label_codes, suggest_bins
from iffair_core.reweighting import changed
from iffair_core.rivals.base import KIND_TITLES
from iffair_core.study.disclosure import OTHER_VALUES, require_rows, suppressed, told_share, withheld
from iffair_core.study.results import StudyResult
from iffair_core.study.smallest_fix import SmallestFix
from iffair_core.uncertainty import Evaluation, effective_counts, wilson_interval
from iffair_core.wording import RATE_TITLES, heading

NOTHING = Estimate(None, None, None, None)


def outcome_labels(result: StudyResult) -> tuple[str, str]:
    """What the file calls the outcomes 0 and 1."""
    return result.dataset.task.outcome_labels


def metric_table(result: StudyResult, split: str = "test") -> pd.DataFrame:
    """Every metric before and after with intervals, chance band and the AIF360 name; after is empty until known."""
    before = result.baseline[split]
    after = result.after[split] if result.has("curve") else None
    lines = []
    for name, value in before.values.items():
        low, high = before.intervals[name] or (None, None)
        line = {
            "metric": name,
            "before": value,
            "low": low,
            "high": high,
            "chance band": before.chance_band.get(name),
            "AIF360 name": aif360_name(before, name),
        }
        if after is not None:
            line["after"] = after.values[name]
            line["after low"], line["after high"] = after.intervals[name] or (None, None)
        lines.append(line)
    return pd.DataFrame(lines)


def aif360_name(evaluation: Evaluation, name: str) -> str:
    """What AIF360 calls a metric, where its number is the same up to the sign; "" where it is another number.

    AIF360 compares two groups, and divides the rate of one by that of the reference. So of more groups only metrics
    that know none are the same, and a ratio of two only where the reference group has the larger rate.
    """
    metric = METRICS[name]
    if metric.between is None:
        return metric.aif360
    if len(evaluation.groups) != 2:
        return ""
    gap = next(iter(evaluation.gaps.values()))["selection_rate"].value
    if name.endswith("_ratio") and (gap is None or gap > 0):
        return ""
    return metric.aif360


def rates_table(result: StudyResult, split: str = "test") -> pd.DataFrame:
    """Rates and signed gaps per group: group, rate, value, low, high, rows, gap, gap low, gap high, gap reversed."""
    evaluation = result.baseline[split]
    lines = []
    for group, rates in evaluation.rates.items():
        for rate in RATES:
            estimate, gap = rates[rate], evaluation.gaps.get(group, {}).get(rate, NOTHING)
            lines.append(
                {
                    "group": group,
                    "rate": RATE_TITLES[rate],
                    "value": estimate.value,
                    "low": estimate.low,
                    "high": estimate.high,
                    "rows": estimate.count,
                    f"gap to {evaluation.reference}": gap.value,
                    "gap low": gap.low,
                    "gap high": gap.high,
                    "with the other sign": None if gap.value is None else -gap.value,
                }
            )
    return _with_counts(pd.DataFrame(lines), result)


def who_pays(result: StudyResult, split: str = "test") -> pd.DataFrame:
    """Rates per group before and after: group, rate, before, after, change, rows."""
    lines, evaluated = [], result.after[split]
    for group, rates in result.baseline[split].rates.items():
        for rate, estimate in rates.items():
            before, after = estimate.value, evaluated.rates[group][rate].value
            lines.append(
                {
                    "group": group,
                    "rate": RATE_TITLES[rate],
                    "before": before,
                    "after": after,
                    "change": None if before is None or after is None else after - before,
                    "rows": estimate.count,
                }
            )
    return _with_counts(pd.DataFrame(lines), result)


def _with_counts(frame: pd.DataFrame, result: StudyResult) -> pd.DataFrame:
    """The frame with rows as whole numbers, although some are withheld."""
    return frame if result.smallest_group is None else frame.astype({"rows": "Int64"})


def intersections(
    result: StudyResult, table: pd.DataFrame, column: str, rate: str = "selection_rate", split: str = "test"
) -> pd.DataFrame:
    """A rate for every crossing of the groups with another column: group, level, value, low, high, count (of rows).

    Numbers with many values are cut at round quantiles. Cells of fewer than 10 rows are not estimable (value missing).
    In cohort-only mode neither are those whose rows, or rows with and without the decision, may not be told (count
    missing too), and values that too few rows have are one level, "(other values)".
    """
    data, smallest = result.dataset, result.smallest_group
    rows = data.part(SPLITS.index(split))
    series = table[column].iloc[data.row_id[rows]]
    if is_number(table[column]) and series.nunique() > 8:
        codes, names = bin_codes(as_numbers(series), suggest_bins(table[column]))
    else:
        codes, names = label_codes(series)
    if smallest is not None:
        codes, names = _rare_together(codes, names, smallest)
    selected = result.scores_before[rows] >= result.threshold
    favorable = data.y[rows] > 0.5
    counted, hit = {
        "selection_rate": (np.ones(rows.size, bool), selected),
        "true_positive_rate": (favorable, selected),
        "false_positive_rate": (~favorable, selected),
        "error_rate": (np.ones(rows.size, bool), selected != favorable),
    }[rate]
    cells = data.group_codes[rows] * len(names) + codes
    size = len(data.groups) * len(names)
    if result.base is not None:
        counted = counted & (result.base[rows] > 0)
    count = np.bincount(cells[counted], minlength=size)
    hits = np.bincount(cells[counted & hit], minlength=size)
    share = hits / np.maximum(count, 1)
    low, high = wilson_interval(hits, count)
    if result.base is not None:
        weight = result.base[rows]
        total, square = (np.bincount(cells[counted], of[counted], minlength=size) for of in (weight, weight**2))
        won = np.bincount(cells[counted & hit], weight[counted & hit], minlength=size)
        share = np.divide(won, total, out=np.zeros(size), where=total > 0)
        low, high = wilson_interval(share * effective_counts(total, square), effective_counts(total, square))
    hidden = withheld(data)
    of_group = hidden.groups if rate in ("selection_rate", "error_rate") else hidden.outcomes
    enough, told = count >= FEW_ROWS, np.repeat(~of_group, len(names))
    for lines in np.arange(size).reshape(len(data.groups), -1):
        for of in (count, hits, count - hits):
            told[lines] &= ~suppressed(of[lines], smallest)
    frame = pd.DataFrame(
        {
            "group": np.repeat(np.asarray(data.groups, dtype=object), len(names)),
            "level": np.tile(np.asarray(names, dtype=object), len(data.groups)),
            "value": np.where(enough & told, share, np.nan),
            "low": np.where(enough & told, low, np.nan),
            "high": np.where(enough & told, high, np.nan),
            "count": count,
        }
    )
    there = frame.groupby("level")["count"].transform("sum") > 0
    if smallest is not None:
        frame["count"] = frame["count"].astype("Int64").mask(~told)
    return frame[there].reset_index(drop=True)


def _rare_together(codes: np.ndarray, names: Sequence[str], smallest: int) -> tuple[np.ndarray, tuple[str, ...]]:
    """Codes and names with those that fewer rows have as one, the last."""
    rare = np.bincount(codes, minlength=len(names)) < smallest
    place = np.where(rare, np.count_nonzero(~rare), np.cumsum(~rare) - 1)
    return place[codes], (*(name for name, few in zip(names, rare, strict=True) if not few), OTHER_VALUES)


def point_table(result: StudyResult, split: str = "test", metrics: Sequence[str] = ()) -> pd.DataFrame:
    """Every point of the curve: strength, feasible, the chosen metrics with intervals, predicted beside them, size."""
    curve = result.curve
    names = tuple(metrics) or ("accuracy", curve.metric)
    lines = []
    for i, point in enumerate(curve.points):
        line: dict[str, object] = {"strength": point.strength}
        for name in names:
            low, high = point.refitted_intervals.get(split, {}).get(name) or (None, None)
            line |= {name: point.refitted.get(split, {}).get(name), f"{name} low": low, f"{name} high": high}
            line[f"predicted {name}"] = point.predicted.get(split, {}).get(name)
        marks = {"chosen": i == curve.chosen, "recommended": i == curve.recommended, "frontier": i in curve.frontier}
        marks["infeasible"] = not point.feasible
        line["predicted price (log loss)"] = point.price.get(split)
        line["effective sample size"] = point.effective_sample_size
        line["largest weight"] = point.largest_weight
        line["mark"] = ", ".join(mark for mark, here in marks.items() if here)
        lines.append(line | {"why infeasible": point.reason or ""})
    return pd.DataFrame(lines)


def flips(result: StudyResult, split: str = "test") -> pd.DataFrame:
    """Decisions that the chosen weights turn: group, rows, to_favorable, to_other, net, and the first two as shares.

    Shares are of rows, or where the file brought row weights, of their weight. In cohort-only mode what may not be told
    is missing.
    """
    data = result.dataset
    rows = data.part(SPLITS.index(split))
    before, after = (scores[rows] >= result.threshold for scores in (result.scores_before, result.scores_after))
    codes, size = data.group_codes[rows], len(data.groups)
    moves = (np.ones(rows.size, dtype=bool), after & ~before, before & ~after)
    count, gained, lost = (np.bincount(codes[one], minlength=size) for one in moves)
    weight = np.ones(rows.size) if result.base is None else result.base[rows]
    total, up, down = (np.bincount(codes, weight * one, minlength=size) for one in moves)
    members = np.where(total > 0, total, np.nan)
    frame = pd.DataFrame(
        {
            "group": np.asarray(data.groups, dtype=object),
            "rows": count,
            "to_favorable": gained,
            "to_other": lost,
            "net": gained - lost,
            "to_favorable_share": up / members,
            "to_other_share": down / members,
        }
    )
    if result.smallest_group is None:
        return frame
    of_groups = withheld(data).groups
    few = suppressed(np.column_stack([gained, lost, count - gained - lost]), result.smallest_group)[:, 0] | of_groups
    counted = ["to_favorable", "to_other", "net"]
    frame = frame.astype(dict.fromkeys(["rows", *counted], "Int64"))
    frame.loc[few, counted] = pd.NA
    frame.loc[few, ["to_favorable_share", "to_other_share"]] = np.nan
    frame.loc[of_groups, "rows"] = pd.NA
    return frame


def weight_table(result: StudyResult) -> pd.DataFrame:
    """The chosen weights per group and outcome of the training rows.

    Columns: group, outcome (as in the file), rows, mean, smallest, median, largest, changed (share of the rows whose
    weight is not 1), weight_share (of the sum of all weights), row_share (what that is without weights). Where the file
    brought row weights, weights are ours alone, and mean and shares are over the file's. In cohort-only mode smallest
    and largest, which are one row's, are left out, and what may not be told is missing.
    """
    data, rows, weights = result.dataset, result.train_rows, result.weights
    frame = pd.DataFrame({"cell": data.cells(rows), "weight": weights})
    frame["changed"] = changed(weights)
    frame["base"], frame["total"] = (result.total_weights(one) for one in (np.ones(weights.size), weights))
    cells = frame.groupby("cell")
    table = cells["weight"].agg(["size", "mean", "min", "median", "max", "sum"])
    names, weighted = outcome_labels(result), result.base is not None
    base, total = (cells[one].sum().to_numpy() for one in ("base", "total"))
    means = np.divide(total, base, out=np.ones(base.size), where=base > 0)
    found = pd.DataFrame(
        {
            "group": [data.groups[cell // 2] for cell in table.index],
            "outcome": [names[cell % 2] for cell in table.index],
            "rows": table["size"].to_numpy(),
            "mean": means if weighted else table["mean"].to_numpy(),
            "smallest": table["min"].to_numpy(),
            "median": table["median"].to_numpy(),
            "largest": table["max"].to_numpy(),
            "changed": cells["changed"].mean().to_numpy(),
            "weight_share": total / total.sum() if weighted else table["sum"].to_numpy() / weights.sum(),
            "row_share": base / base.sum() if weighted else table["size"].to_numpy() / weights.size,
        }
    )
    if result.smallest_group is None:
        return found
    hidden = withheld(data).outcomes[table.index.to_numpy() // 2]
    shares = [told_share(moved.to_numpy(), result.smallest_group) for _, moved in cells["changed"]]
    found = found.drop(columns=["smallest", "largest"]).assign(changed=np.array(shares, dtype=float))
    found["median"] = found["median"].round(2)
    found = found.astype({"rows": "Int64"})
    found.loc[hidden, "rows"] = pd.NA
    found.loc[hidden, ["mean", "median", "changed", "weight_share", "row_share"]] = np.nan
    return found


def effects_by_cohort(result: StudyResult) -> pd.DataFrame:
    """What the training rows of each group and outcome do to the goal's gap together, predicted, as it may be told.

    Columns: group, outcome (as in the file), rows, together and mean (changes of the gap if each of them is left out,
    shares), widening (share of the rows that widen the gap).
    """
    data, rows, removal = result.dataset, result.train_rows, result.goal.removal
    k, names = result.smallest_group, outcome_labels(result)
    cell = data.cells(rows)
    hidden = withheld(data).outcomes
    lines = []
    for code in np.unique(cell):
        mine = removal[cell == code]
        line: dict[str, object] = {"group": data.groups[code // 2], "outcome": names[code % 2]}
        if not hidden[code // 2]:
            line |= {"rows": mine.size, "together": float(mine.sum()), "mean": float(mine.mean())}
            line["widening"] = told_share(mine < 0, k)
        lines.append(line)
    frame = pd.DataFrame(lines, columns=["group", "outcome", "rows", "together", "mean", "widening"])
    return frame.astype({"rows": "Int64", "together": float, "mean": float, "widening": float})


def weights_frame(result: StudyResult, fix: SmallestFix | None = None) -> pd.DataFrame:
    """row_id and weight of every training row, in the order of the file; the file's own weights are multiplied in.

    The weights are those of `fix` where one is given, otherwise the chosen ones.
    """
    require_rows(result, "The file of weights")
    weights = result.total_weights(result.weights if fix is None else fix.weights)
    return pd.DataFrame({"row_id": result.dataset.row_id[result.train_rows], "weight": weights})


def fix_table(result: StudyResult, fix: SmallestFix) -> pd.DataFrame:
    """The goal's disparity and the accuracy on validation and test rows, untouched and with the smallest fix."""
    metric, baseline = GOAL_METRIC[fix.goal], result.baseline
    after = {"test": (fix.test["disparity"], fix.test["accuracy"]), fix.split: (fix.disparity, fix.accuracy)}
    lines = []
    for split in sorted(after, key=SPLITS.index):
        line: dict[str, object] = {"rows": split}
        for name, value in zip((metric, "accuracy"), after[split], strict=True):
            line |= {f"{name} before": baseline[split].values[name], f"{name} after": value}
        lines.append(line)
    return pd.DataFrame(lines)


def fix_rows(result: StudyResult, fix: SmallestFix) -> pd.DataFrame:
    """Training rows that the smallest fix moves: row_id, group, outcome, direction (up or down), weight.

    Those that move most come first, ties in the order of the file.
    """
    require_rows(result, "The list of rows that the smallest fix moves")
    data, moved = result.dataset, np.flatnonzero(changed(fix.weights))
    moved = moved[np.argsort(-np.abs(fix.weights[moved] - 1.0), kind="stable")]
    direction = np.where(fix.weights[moved] > 1.0, "up", "down")
    return pd.DataFrame(data.named(result.train_rows[moved]) | {"direction": direction, "weight": fix.weights[moved]})


def rival_table(result: StudyResult, split: str = "test", metrics: Sequence[str] = ()) -> pd.DataFrame:
    """Every rival, and the curve beside it: what it changes, each metric, the curve's best, then the intervals.

    `needs group`: yes where it asks for a person's group when it decides. `best accuracy of the curve`: among refitted
    points whose disparity is no larger; missing where there is none. `note`: why a rival has no numbers, or what to
    know of its run.
    """
    metric = result.curve.metric
    names = tuple(metrics) or ("accuracy", metric)
    lines = []
    for rival in result.rivals:
        line: dict[str, object] = {
            "method": rival.title,
            "changes": KIND_TITLES[rival.kind],
            "needs group": "yes" if rival.needs_group else "no",
        }
        for name in names:
            line[name] = rival.metrics[split][name]
        line["best accuracy of the curve"] = best_accuracy(result, rival.metrics[split][metric], split)
        for name in names:
            line[f"{name} low"], line[f"{name} high"] = rival.intervals[split].get(name) or (None, None)
        line["note"] = " ".join(rival.notes) if rival.reason is None else f"No answer: {rival.reason}"
        line["source"] = rival.source
        lines.append(line)
    frame = pd.DataFrame(lines)
    return frame.astype({str(name): float for name in frame if str(name).startswith((*names, "best accuracy"))})


def transfer_table(result: StudyResult, split: str = "test", metrics: Sequence[str] = ()) -> pd.DataFrame:
    """The study's own model and every other one: per metric before, after, change, each with its interval.

    `kept`: the goal's disparity reduction as a share of that in the study's own model (1 there), missing where there is
    nothing to compare with. `seconds`: of both fits, missing for the study's own. `notes`: sentences.
    """
    names = tuple(metrics) or (result.curve.metric, "accuracy")
    before, after, change = result.baseline[split], result.after[split], result.difference[split]
    own = change[result.curve.metric].value
    own_title = f"{heading(MODELS[result.config.model].title)} (this study)"
    kept, note = 1.0 if own is not None and own < 0 else None, ("The model that the weights were computed on.",)
    models: list[tuple[Any, ...]] = [(own_title, before, after, change, kept, None, note)]
    models += [
        (one.title, one.before[split], one.after[split], one.difference[split], one.kept[split], one.seconds, one.notes)
        for one in result.transfers
    ]
    lines = []
    for title, old, new, moved, kept, seconds, notes in models:
        line: dict[str, object] = {"model": title}
        for name in names:
            for when, values, ends in (
                ("before", old.values[name], old.intervals[name]),
                ("after", new.values[name], new.intervals[name]),
                ("change", moved[name].value, (moved[name].low, moved[name].high)),
            ):
                line[f"{name} {when}"] = values
                line[f"{name} {when} low"], line[f"{name} {when} high"] = ends or (None, None)
        lines.append(line | {"kept": kept, "seconds": seconds, "notes": " ".join(notes)})
    return pd.DataFrame(lines).astype({"kept": float})


def best_accuracy(result: StudyResult, disparity: float | None, split: str = "test") -> float | None:
    """Best accuracy among the curve's refitted points whose disparity is at most `disparity`; None if there is none."""
    if disparity is None:
        return None
    curve, reached = result.curve, []
    for point in curve.points:
        ours, accuracy = (point.refitted.get(split, {}).get(name) for name in (curve.metric, "accuracy"))
        if ours is not None and accuracy is not None and ours <= disparity:
            reached.append(accuracy)
    return max(reached, default=None)


def widest_gap(result: StudyResult, split: str = "test") -> tuple[str, str, Estimate] | None:
    """A signed gap of the goal under the ordinary model: (rate, group, group minus reference); None if unknown.

    The widest of those whose interval leaves out 0, or of all where no interval does.
    """
    evaluation = result.baseline[split]
    estimable = [
        (rate, group, gaps[rate])
        for rate in GOAL_RATES[result.config.goal]
        for group, gaps in evaluation.gaps.items()
        if gaps[rate].value is not None
    ]

    def worth(item: tuple[str, str, Estimate]) -> tuple[bool, bool, float]:
        gap = item[2]
        clear = gap.low is not None and gap.high is not None and not gap.low <= 0 <= gap.high
        # A rate of a handful of rows is often 0 or 1: such a gap makes the headline only where there is no other.
        return (gap.count or 0) >= FEW_ROWS, clear, abs(gap.value or 0.0)

    return max(estimable, key=worth, default=None)
