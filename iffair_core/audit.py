"""How recorded outcomes, decisions or scores differ between groups, without fitting a model.

A column of the file says who was selected: the recorded outcome, somebody else's decision, or a score that is above a
cut. For each sensitive attribute and for all of them crossed, `audit` gives the share selected per group, its ratio to
the highest share (the impact ratio of New York City's Local Law 144 and of the four-fifths rule) and its gap to the
reference group, each with a 95 % interval, and what chance alone would show. Where another column says what came true,
decisions are held against it too: rates of true and false positives and of errors, and their gaps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from iffair_core.data.groups import binned, cut_points, is_unknown, suggested_reference
from iffair_core.data.resolving import ResolvedTask, resolve, typed
from iffair_core.data.task import Task
from iffair_core.errors import TaskError, listing, shorten
from iffair_core.metrics import (
    RATES,
    Estimate,
    Evaluation,
    chance_band,
    confusion_table,
    evaluate,
    intervals_from_counts,
    rate_warnings,
    rates_and_gaps,
)
from iffair_core.reading.values import MISSING, as_numbers, is_number, label_codes, value_label
from iffair_core.study.disclosure import Withheld, suppressed, told_evaluation
from iffair_core.uncertainty import effective_counts

SMALL_SHARE = 0.02
"""A category with a smaller share of the rows may be left out of the impact ratios (6 RCNY 5-301)."""
JUDGED_RATES = ("true_positive_rate", "false_positive_rate", "error_rate", "precision")
"""What is told of decisions where it is known what came true."""
_Z2 = 1.959963984540054**2


@dataclass(frozen=True)
class AuditedGroup:
    """One group: `rows`, their share `of_all`, how many are `selected`, and the share `rate` that they are.

    `ratio`: impact ratio, `rate` divided by the highest rate among groups that count; `gap`: rate minus that of the
    reference group, None for that group itself. `unknown`: the rows whose attribute is missing or said to be unknown;
    `small`: fewer than 2 % of the rows. Neither can be the group with the highest rate unless there is no other. In
    cohort-only mode `selected` and the rates are None where they are withheld.
    """

    group: str
    rows: int
    of_all: float
    selected: int | None
    rate: Estimate
    ratio: Estimate
    gap: Estimate | None
    unknown: bool
    small: bool


@dataclass(frozen=True)
class GroupAudit:
    """The groups of one sensitive attribute, or of several crossed.

    `highest`: the group with the highest rate, to which ratios refer; None where nobody is selected. Of the groups that
    are neither small nor unknown: `difference`, largest minus smallest rate; `lowest_ratio`; `chance`, the difference
    that permuted group labels would show, its 95th percentile. `judged`: the decisions against what came true, on the
    rows of which that is known; None where no column says it.
    """

    columns: tuple[str, ...]
    reference: str
    highest: str | None
    groups: tuple[AuditedGroup, ...]
    difference: Estimate
    chance: float | None
    lowest_ratio: Estimate
    warnings: tuple[str, ...]
    judged: Evaluation | None = None

    def frame(self) -> pd.DataFrame:
        """One line per group: attribute, group, rows, their share, selected; rate, ratio and gap with intervals."""
        lines = []
        for one in self.groups:
            line: dict[str, Any] = {"attribute": " / ".join(self.columns), "group": one.group, "rows": one.rows}
            line |= {"share of rows": one.of_all, "selected": one.selected}
            for name, estimate in (("rate", one.rate), ("impact ratio", one.ratio), ("gap", one.gap)):
                value = estimate or Estimate(None, None, None, None)
                line |= {name: value.value, f"{name} low": value.low, f"{name} high": value.high}
            line |= {"reference": self.reference, "highest": self.highest}
            line |= {"unknown": one.unknown, "under 2 %": one.small}
            for rate in JUDGED_RATES if self.judged is not None else ():
                assert self.judged is not None
                value, title = self.judged.rates[one.group][rate], RATES[rate].title
                line |= {title: value.value, f"{title} low": value.low, f"{title} high": value.high}
            lines.append(line)
        return pd.DataFrame(lines)


@dataclass(frozen=True)
class Audit:
    """`selected`: in words, who counts as selected; `rows`: how many were compared, `left_out`: how many had no value.

    `truth`: in words, what is favorable of what came true; "" where no column says it.
    `tables`: one for each sensitive attribute, and one for all of them crossed where there are several.
    """

    selected: str
    rows: int
    left_out: int
    share: float
    tables: tuple[GroupAudit, ...]
    warnings: tuple[str, ...]
    truth: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        found = asdict(replace(self, tables=tuple(replace(one, judged=None) for one in self.tables)))
        for plain, one in zip(found["tables"], self.tables, strict=True):
            if one.judged is not None:
                plain["judged"] = one.judged.to_dict()
        return found


def audit(
    table: pd.DataFrame,
    task: Task,
    *,
    above: float | str | None = None,
    truth: tuple[str, object] | None = None,
    seed: int = 0,
) -> Audit:
    """Compare the shares of groups that a column of the table selects.

    Parameters
    ----------
    table : one row per person.
    task : `target` is the column that says who is selected and `favorable` its value or values; `sensitive`, `bins`,
        `pool`, `missing`, `types`, `exclude`, `weights` and `reference` are as in a study. No feature is needed.
    above : the target is a score, and selected is who has more than this; "median" for the median of those who have a
        score. `favorable` is not read then.
    truth : (column, its favorable value, or a tuple of them): what came true, to hold the decisions against. A column
        of numbers may be cut by the task's `bins`; its values are then as ">= 25".
    seed : of the bootstrap and of the permutations.

    Raises
    ------
    TaskError where a choice does not fit the table, as `resolve`.
    """
    if above is not None:
        table, label = _cut_above(table, task.target, above)
        task = replace(task, favorable=label, bins={k: v for k, v in (task.bins or {}).items() if k != task.target})
    came_true = None
    if truth is not None:
        came_true = _came_true(table, task, *truth)
        task = replace(task, bins={k: v for k, v in (task.bins or {}).items() if k != truth[0]})
    resolved = resolve(task, table)
    found = audit_rows(
        resolved, resolved.y, came_true=None if came_true is None else came_true[resolved.used], seed=seed
    )
    share = float(np.average(resolved.y, weights=resolved.base_weight))
    chosen = f"{shorten(task.target, 60)} {_holds(resolved.favorable_label)}"
    rows = resolved.y.size
    what = "" if truth is None else f"{shorten(truth[0], 60)} {_holds(' or '.join(_labels(truth[1])))}"
    return Audit(chosen, rows, len(table) - rows, share, found, resolved.warnings, what)


@dataclass(frozen=True, eq=False)
class _Grouping:
    """Groups of one column or of several crossed: codes (n,) of the rows in use, and the group compared with."""

    columns: tuple[str, ...]
    codes: np.ndarray
    groups: tuple[str, ...]
    reference: str


def audit_rows(
    resolved: ResolvedTask,
    selected: np.ndarray,
    rows: np.ndarray | None = None,
    *,
    came_true: np.ndarray | None = None,
    seed: int = 0,
) -> tuple[GroupAudit, ...]:
    """Decisions about rows of a resolved task compared between its groups: each sensitive column, then all crossed.

    selected (m,): 1 or True where a row is selected. rows (m,): which of the rows in use these are, all by default.
    came_true (m,): 1 favorable, 0 not, -1 unknown. In cohort-only mode the crossed groups are told alone: one table's
    totals would give away what another withholds.
    """
    chosen = slice(None) if rows is None else rows
    weight = None if resolved.base_weight is None else resolved.base_weight[chosen]
    least, found = resolved.task.smallest_group, []
    for grouping in _groupings(resolved):
        here = replace(grouping, codes=grouping.codes[chosen])
        one = _compared(here, np.asarray(selected).astype(np.int8), weight, least, seed)
        judged = None if came_true is None else _judged(here, selected, came_true, weight, least, seed)
        found.append(replace(one, judged=judged))
    return tuple(found)


def _groupings(resolved: ResolvedTask) -> Iterator[_Grouping]:
    columns, least = resolved.task.sensitive_columns, resolved.task.smallest_group
    crossed = _Grouping(columns, resolved.group_codes, resolved.groups, resolved.reference)
    compared = int(np.argmax(resolved.group_codes == resolved.groups.index(resolved.reference)))
    for name, (all_codes, labels) in zip(columns, resolved.parts, strict=True):
        if least is not None or len(columns) == 1:
            break
        present, codes = np.unique(all_codes, return_inverse=True)
        groups = tuple(labels[code] for code in present)
        if resolved.task.reference is None:
            sizes = np.bincount(codes), np.bincount(codes, weights=resolved.y).astype(np.int64)
            known = np.array([not is_unknown(group) for group in groups])
            reference = groups[suggested_reference(*sizes, known=known)]
        else:
            reference = labels[all_codes[compared]]
        yield _Grouping((name,), codes, groups, reference)
    yield crossed


def _holds(label: str) -> str:
    return label if label.startswith(("> ", ">= ", "< ")) else f"= {shorten(label, 60)}"


def _labels(values: object) -> list[str]:
    return [value_label(one) for one in (values if isinstance(values, tuple) else (values,))]


def _came_true(table: pd.DataFrame, task: Task, column: str, favorable: object) -> np.ndarray:
    """(N,) int8: 1 where what came true is favorable, 0 where it is not, -1 where it is not known."""
    table = typed(task, table)
    if column not in table.columns:
        raise TaskError(f"'{shorten(column)}', which says what came true, is not a column. {_there(table.columns)}")
    if column in (task.target, *task.sensitive_columns):
        raise TaskError(f"'{shorten(column)}' is compared itself. Name another column that says what came true.")
    cuts = (task.bins or {}).get(column)
    values = table[column]
    codes, labels = label_codes(values) if cuts is None else binned(column, values, cut_points(column, values, cuts))
    wanted = _labels(favorable)
    if unknown := [label for label in wanted if label not in labels or label == MISSING]:
        raise TaskError(f"No row has '{shorten(column)}' = {shorten(unknown[0])}. Its values: {listing(labels, 12)}.")
    found = np.isin(codes, [labels.index(label) for label in wanted]).astype(np.int8)
    if MISSING in labels:
        found[codes == labels.index(MISSING)] = -1
    return found


def _there(columns: Iterable[object]) -> str:
    return f"Columns: {listing(columns, 30)}."


def _judged(
    of: _Grouping, selected: np.ndarray, came_true: np.ndarray, weight: np.ndarray | None, least: int | None, seed: int
) -> Evaluation:
    """The decisions against what came true, on the rows of which that is known."""
    known = came_true >= 0
    if not known.any():
        raise TaskError("No row that is compared has a value of what came true. Name another column.")
    rows = (came_true[known], selected[known].astype(float), of.codes[known])
    counts = None if weight is None else weight[known]
    found = evaluate(*rows, of.groups, of.reference, seed=seed, sample_weight=counts)
    nothing = np.zeros(len(of.groups), dtype=bool)
    return found if least is None else told_evaluation(found, least, Withheld(nothing, nothing))


def _cut_above(table: pd.DataFrame, target: str, above: float | str) -> tuple[pd.DataFrame, str]:
    """The table with the score as "> cut" or "<= cut", and the first of these labels."""
    if target not in table.columns:
        raise TaskError(f"The score '{shorten(target)}' is not a column of the table. {_there(table.columns)}")
    if not is_number(table[target]):
        raise TaskError(f"The score '{shorten(target)}' is not a column of numbers. Name a column of numbers.")
    score = as_numbers(table[target])
    if above == "median":
        if not np.isfinite(score).any():
            raise TaskError(f"The score '{shorten(target)}' has no value at all. Name another column.")
        cut = float(np.nanmedian(score))
    else:
        try:
            cut = float(above)
        except ValueError as error:
            raise TaskError(f"The cut '{shorten(above)}' is no number. Give a number, or median.") from error
    high, low = f"> {value_label(cut)}", f"<= {value_label(cut)}"
    cells = pd.Series(np.where(score > cut, high, low), index=table.index, dtype="str").mask(np.isnan(score))
    return table.assign(**{target: cells}), high


def _compared(of: _Grouping, y: np.ndarray, weight: np.ndarray | None, least: int | None, seed: int) -> GroupAudit:
    codes, groups = of.codes, of.groups
    cells = confusion_table(y, y, codes, len(groups), weight)
    every_rate, every_gap = rates_and_gaps(cells, groups, of.reference, seed=seed)
    size = len(groups)
    weights = np.ones(y.size) if weight is None else weight
    total, square = (np.bincount(codes, one, minlength=size) for one in (weights, weights**2))
    rows = np.bincount(codes[weights > 0], minlength=size)
    selected = np.bincount(codes[weights > 0], y[weights > 0], minlength=size).astype(int)
    tells = effective_counts(total, square)
    hidden = suppressed(np.column_stack([selected, rows - selected]), least)[:, 0]
    rates = [every_rate[group]["selection_rate"] for group in groups]
    shares = np.array([np.nan if one.value is None or no else one.value for one, no in zip(rates, hidden, strict=True)])
    unknown = np.array([is_unknown(group, len(of.columns)) for group in groups])
    of_all = total / total.sum()
    small = of_all < SMALL_SHARE
    counting = ~(unknown | small) & np.isfinite(shares)
    if not counting.any():
        counting = np.isfinite(shares)
    best = int(np.argmax(np.where(counting, shares, -1.0)))
    none = Estimate(None, None, None, None)
    base = groups.index(of.reference)
    audited = []
    for code, group in enumerate(groups):
        ratio = none
        if shares[best] > 0 and np.isfinite(shares[code]):
            low, high = ratio_interval(shares[code] * tells[code], tells[code], shares[best] * tells[best], tells[best])
            ratio = Estimate(float(shares[code] / shares[best]), low, high, int(min(rows[code], rows[best])))
            if code == best:
                ratio = Estimate(1.0, None, None, int(rows[best]))
        gap = every_gap.get(group, {}).get("selection_rate")
        told = not hidden[code]
        if gap is not None and (hidden[code] or hidden[base]):
            gap = none
        audited.append(
            AuditedGroup(
                group,
                int(rows[code]),
                float(of_all[code]),
                int(selected[code]) if told else None,
                rates[code] if told else none,
                ratio,
                gap,
                bool(unknown[code]),
                bool(small[code]),
            )
        )
    difference, chance = none, None
    if np.count_nonzero(counting) > 1:
        inside = counting[codes]
        weighing = None if weight is None else weight[inside]
        place = np.cumsum(counting) - 1
        counts = confusion_table(y[inside], y[inside], place[codes[inside]], int(counting.sum()), weighing)
        metric = "demographic_parity_difference"
        chance = chance_band(counts, seed=seed)[metric]
        low, high = intervals_from_counts(counts, seed=seed)[metric] or (None, None)
        difference = Estimate(float(np.ptp(shares[counting])), low, high, int(rows[counting].sum()))
    ratios = [
        one.ratio for one, counts in zip(audited, counting, strict=True) if counts and one.ratio.value is not None
    ]
    lowest = min(ratios, key=lambda one: one.value or 0.0, default=none)
    warnings = tuple(text for text in rate_warnings(every_rate) if "selection rate" in text or "fewer than" in text)
    return GroupAudit(
        of.columns,
        of.reference,
        groups[best] if shares[best] > 0 else None,
        tuple(audited),
        difference,
        chance,
        lowest,
        warnings,
    )


def ratio_interval(hits: float, rows: float, base_hits: float, base_rows: float) -> tuple[float | None, float | None]:
    """95 % score interval of a ratio of two independent shares, (hits / rows) / (base_hits / base_rows).

    All four are counts, or effective counts of weighted rows. The lower end is 0 where `hits` is 0; the upper end is
    None where no finite one exists. (None, None) where a denominator is 0.

    Source: Koopman (1984), Biometrics 40, 513-517.

    >>> low, high = ratio_interval(36, 40, 16, 80)
    >>> round(low, 2), round(high, 2)
    (2.94, 7.15)
    """
    if rows <= 0 or base_rows <= 0 or (hits <= 0 and base_hits <= 0):
        return None, None

    def excess(log_ratio: float) -> float:
        ratio = float(np.exp(log_ratio))
        b = ratio * (rows + base_hits) + hits + base_rows
        root = max(b * b - 4 * ratio * (rows + base_rows) * (hits + base_hits), 0.0)
        p = (b - np.sqrt(root)) / (2 * (rows + base_rows))
        base = p / ratio
        chi2 = 0.0
        for seen, of, share in ((hits, rows, p), (base_hits, base_rows, base)):
            variance = of * share * (1 - share)
            if variance > 1e-300:
                chi2 += (seen - of * share) ** 2 / variance
        return chi2 - _Z2

    at = np.log((max(hits, 0.5) / rows) / (max(base_hits, 0.5) / base_rows))
    low = 0.0 if hits <= 0 else float(np.exp(_root(excess, at, -1.0)))
    high = None if base_hits <= 0 else float(np.exp(_root(excess, at, 1.0)))
    return low, high


def _root(excess: Any, at: float, direction: float) -> float:
    """Where `excess` crosses 0 from `at` on in a direction; it is negative at `at` and grows."""
    step = 0.1
    while excess(at + direction * step) < 0:
        step *= 2
    return float(brentq(excess, *sorted((at, at + direction * step)), xtol=1e-10))
