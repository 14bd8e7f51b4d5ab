"""Cohort-only mode: what of a study may be told where no single row, and no number of rows below k, may leave it.

k is `Task.smallest_group`. A number of rows is told if it is 0 or at least k. Where a table's totals are told,
withholding one cell is not enough: the totals would give it back, so others are withheld with it (complementary
suppression; Hundepool et al. 2012, Statistical Disclosure Control, chapter 4). Screens, files, report and command line
show `disclosed(result)` and ask `suppressed`, `merged` and `require_rows` for what they count themselves.

This is no differential privacy: numbers of two studies, or before and after a repair, can be compared, and metrics over
all rows are told in full.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from iffair_core.data.encoding import SPLITS, Dataset
from iffair_core.errors import ConfigError
from iffair_core.fidelity import Fidelity
from iffair_core.metrics import RATES, alike_warnings, rate_warnings, value_warnings
from iffair_core.reading.types import NO_FEATURES
from iffair_core.reweighting import changed
from iffair_core.study.results import Baseline, Repaired, StudyResult
from iffair_core.uncertainty import Estimate, Evaluation

NO_ROWS = "holds single rows, which a study in cohort-only mode does not show"
OTHER_VALUES = "(other values)"


# ----------------------------------------------------------------------------------------------------- counts in tables


def tellable(counts: Any, k: int | None) -> np.ndarray:
    """Which numbers of rows may be told, of the shape of `counts`: 0 and those of at least `k`; all where k is None."""
    found = np.asarray(counts)
    return np.asarray((found == 0) | (found >= (k or 0)))


def suppressed(counts: Any, k: int | None) -> np.ndarray:
    """Which cells of a table of rows to withhold, bool of its shape, where its totals are told beside it.

    counts: (C,) cells of one total, or (R, C) with the totals of rows and of columns; whole numbers >= 0. Withheld are
    cells from 1 to k - 1, and as many of the smallest others as it takes: then the withheld cells of a total are at
    least two and sum to at least k, so that any of them could be anything from 0 to that sum. A table of two dimensions
    is withheld by whole rows: what is told leaves each withheld cell a range of at least k, or, in a column without
    rows, 0. That needs rows of at least k or 0, and does not protect a total that is below k itself: where no cell is
    left to withhold, everything is, and the caller withholds the total.
    """
    table = np.asarray(counts)
    if table.ndim == 1:
        return _cells(table, k)
    hidden = np.asarray(~tellable(table, k).all(axis=1))
    while hidden.any() and not hidden.all():
        sums, total = table[hidden].sum(axis=0), int(table[hidden].sum())
        rows = table[hidden].sum(axis=1)
        enough = tellable(sums, k).all() and tellable(total - sums, k).all()
        apart = np.count_nonzero(rows) >= 2 and tellable(total - rows, k).all()
        if enough and apart:
            break
        hidden[_smallest_other(table.sum(axis=1), hidden)] = True
    return np.repeat(hidden[:, None], table.shape[1], axis=1)


def _cells(counts: np.ndarray, k: int | None) -> np.ndarray:
    hidden = ~tellable(counts, k)
    while hidden.any() and not hidden.all() and (np.count_nonzero(hidden) < 2 or counts[hidden].sum() < (k or 0)):
        hidden[_smallest_other(counts, hidden)] = True
    return hidden


def _smallest_other(sizes: np.ndarray, hidden: np.ndarray) -> int:
    """The next to withhold: the smallest that holds rows, an empty one only where there is no other."""
    order = np.lexsort((sizes, sizes == 0))
    return int(next(place for place in order if not hidden[place]))


def merged(counts: Any, k: int | None) -> list[tuple[int, int]]:
    """Runs [start, stop) of neighboring bins that together may be told; () where there are none, each bin for k None.

    counts: (B,) rows per bin, or (B, C) rows of each kind. The runs cover all bins; each holds at least k rows, and of
    each kind 0 or at least k.
    """
    table = np.asarray(counts).reshape(len(counts), -1)
    runs: list[tuple[int, int]] = []
    start, held = 0, np.zeros(table.shape[1], dtype=np.int64)
    for place, bin_rows in enumerate(table):
        held = held + bin_rows
        if held.sum() >= (k or 0) and tellable(held, k).all():
            runs.append((start, place + 1))
            start, held = place + 1, np.zeros_like(held)
    while start < len(table):
        if not runs:
            return []
        start = runs.pop()[0]
        held = table[start:].sum(axis=0)
        if tellable(held, k).all():
            return [*runs, (start, len(table))]
    return runs


def told_ends(values: np.ndarray, k: int | None) -> tuple[float, float]:
    """The k-th smallest and largest of `values` (n,), ends of a scale that are no extreme row's; the ends for None."""
    ordered = np.sort(values)
    place = min(k or 1, ordered.size) - 1
    low, high = float(ordered[place]), float(ordered[ordered.size - 1 - place])
    return (low, high) if low <= high else (high, low)


def told_columns(columns: pd.DataFrame, frame: pd.DataFrame, k: int | None) -> pd.DataFrame:
    """`data.columns.column_summary(frame)`, with a column "values" of bars or without, as it may be shown.

    Missing cells are counted where both they and the others may be; an example stands only for a value that at least k
    rows have, in no column of identifiers, dates or free text; bars that may not be told are 0.
    """
    if k is None:
        return columns
    found = columns.astype({"missing": "Int64"})
    bars = []
    for place, (kind, missing) in enumerate(zip(columns["type"], columns["missing"], strict=True)):
        series = frame.iloc[:, place]
        if not tellable([missing, len(frame) - missing], k).all():
            found.loc[found.index[place], "missing"] = pd.NA
        first = series.first_valid_index()
        if first is None or kind in NO_FEATURES or int((series == series.loc[first]).sum()) < k:
            found.loc[found.index[place], "example"] = ""
        if "values" in columns:
            counts = np.array(columns["values"].iloc[place], dtype=np.int64)
            rest = np.append(counts, [missing, max(0, len(frame) - int(missing) - int(counts.sum()))])
            bars.append(np.where(suppressed(rest, k)[:-2], 0, counts).tolist())
    return found.assign(values=bars) if "values" in columns else found


def require_rows(result: StudyResult, what: str) -> None:
    """ConfigError in cohort-only mode: `what` holds single rows."""
    if result.smallest_group is not None:
        raise ConfigError(
            f"{what} {NO_ROWS} (smallest group {result.smallest_group}). "
            "Ask for numbers of groups, or leave the smallest group out."
        )


# -------------------------------------------------------------------------------------------------------------- groups


def told_groups(group_table: pd.DataFrame, k: int | None) -> pd.DataFrame:
    """`resolving.group_table(...)` as it may be shown: favorable rows, share and interval missing where withheld."""
    if k is None:
        return group_table
    rows, good = group_table["rows"].to_numpy(), group_table["favorable"].to_numpy()
    hidden = suppressed(np.column_stack([good, rows - good]), k)[:, 0]
    found = group_table.astype({"favorable": "Int64"})
    found.loc[hidden, ["favorable_share", "low", "high"]] = np.nan
    found.loc[hidden, "favorable"] = pd.NA
    return found


@dataclass(frozen=True, eq=False)
class Withheld:
    """Counts of a study's groups that may not be told: `groups` (G,) how many rows of a group are in each part;
    `outcomes` (G,) how many of those, or of all its rows, have the favorable outcome."""

    groups: np.ndarray
    outcomes: np.ndarray


def withheld(data: Dataset) -> Withheld:
    """What may not be told of the groups' sizes; nothing is withheld where the task has no smallest group."""
    size, k = len(data.groups), data.task.task.smallest_group
    good = (data.y > 0.5).astype(np.int64)
    cells = np.bincount((data.group_codes * 2 + good) * len(SPLITS) + data.split, minlength=2 * size * len(SPLITS))
    by_part = cells.reshape(size, 2, len(SPLITS))
    groups = suppressed(by_part.sum(axis=1), k)[:, 0]
    totals = suppressed(by_part.sum(axis=2), k)[:, 0]
    parts = suppressed(by_part.reshape(2 * size, len(SPLITS)), k)[:, 0].reshape(size, 2).any(axis=1)
    outcomes = totals | parts | groups
    if np.count_nonzero(outcomes) == 1:
        outcomes[_smallest_other(by_part.sum(axis=(1, 2)), outcomes)] = True
    return Withheld(groups, outcomes)


# --------------------------------------------------------------------------------------------------------------- rates


def told_evaluation(found: Evaluation, k: int, hidden: Withheld) -> Evaluation:
    """An evaluation whose rates, gaps and counts of groups may be shown: what is withheld is None.

    A group's rates of the outcomes, its error rate and precision are told together: where one of its four cells of
    outcome and decision may not be told, none of them is. Its selection rate is told where both decisions may be.
    """
    cells = found.counts.reshape(len(found.groups), 4)
    outcome, decision = found.counts.sum(axis=2), found.counts.sum(axis=1)
    no_outcome = hidden.outcomes | suppressed(outcome, k)[:, 0]
    no_decision = hidden.groups | suppressed(decision, k)[:, 0]
    no_cells = no_outcome | no_decision | suppressed(cells, k)[:, 0]
    if np.count_nonzero(no_cells) == 1 and no_cells.size > 1:
        no_cells[_smallest_other(cells.sum(axis=1), no_cells)] = True
    # Of each rate: which groups' values, and which groups' denominators, are withheld.
    rules = {
        "selection_rate": (no_decision, hidden.groups),
        "true_positive_rate": (no_cells, no_outcome),
        "false_positive_rate": (no_cells, no_outcome),
        "error_rate": (no_cells, hidden.groups),
        "precision": (no_cells, no_decision),
    }
    rates = {
        group: {name: _told(found.rates[group][name], *(bool(one[code]) for one in rules[name])) for name in RATES}
        for code, group in enumerate(found.groups)
    }
    base = found.groups.index(found.reference)
    gaps = {}
    for group, row in found.gaps.items():
        pair = [found.groups.index(group), base]
        gaps[group] = {name: _told(row[name], *(bool(one[pair].any()) for one in rules[name])) for name in RATES}
    warnings = (*alike_warnings(found.counts), *rate_warnings(rates), *value_warnings(found.values))
    return replace(found, rates=rates, gaps=gaps, warnings=warnings)


def _told(estimate: Estimate, no_value: bool, no_count: bool) -> Estimate:
    count = None if no_count else estimate.count
    return Estimate(None, None, None, count) if no_value or no_count else replace(estimate, count=count)


# --------------------------------------------------------------------------------------------------------------- study


def disclosed(result: StudyResult) -> StudyResult:
    """The study as it may be shown; the same object where it is not in cohort-only mode.

    Rates of groups and warnings are those that may be told, extremes that are one row's are missing from the curve's
    points, and the refitted rows have lost their positions. Arrays of rows stay: figures and tables ask before they
    show anything of them. Once more changes nothing.
    """
    k = result.smallest_group
    if k is None:
        return result
    hidden = withheld(result.dataset)

    def told(evaluations: Mapping[str, Evaluation]) -> dict[str, Evaluation]:
        return {split: told_evaluation(one, k, hidden) for split, one in evaluations.items()}

    records: list[Baseline | Repaired | Fidelity] = []
    if result.has("baseline"):
        records.append(replace(result.record(Baseline), evaluations=told(result.baseline)))
    if result.has("curve"):
        moved = {at: changed(one.weights) for at, one in enumerate(result.curve.points) if one.weights is not None}
        points = [*result.curve.points]
        for at, rows in moved.items():
            points[at] = replace(points[at], largest_weight=None, changed_share=told_share(rows, k))
        curve = replace(result.curve, points=tuple(points))
        records.append(replace(result.record(Repaired), curve=curve, evaluations=told(result.after)))
    if result.has("fidelity"):
        records.append(replace(result.fidelity, refits=result.fidelity.refits.drop(columns="row_id", errors="ignore")))
    return result.having(*records)


def split_counts(data: Dataset) -> pd.DataFrame:
    """Rows of each group in each part: columns of `SPLITS`, groups as index, missing where withheld."""
    size = len(data.groups)
    counts = np.bincount(data.group_codes * len(SPLITS) + data.split, minlength=size * len(SPLITS))
    table = pd.DataFrame(counts.reshape(size, len(SPLITS)), index=list(data.groups), columns=list(SPLITS))
    return table.astype("Int64").mask(np.repeat(withheld(data).groups[:, None], len(SPLITS), axis=1))


def told_share(marked: np.ndarray, k: int | None) -> float | None:
    """Share of rows that are marked (n,) bool; None where their number, or that of the others, may not be told."""
    hits = int(np.count_nonzero(marked))
    return float(np.mean(marked)) if tellable([hits, marked.size - hits], k).all() else None
