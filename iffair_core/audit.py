"""How recorded outcomes, decisions or scores differ between groups, without fitting a model.

A column of the file says who was selected: the recorded outcome, somebody else's decision, or a score that is above a
cut. For each sensitive attribute and for all of them crossed, `audit` gives the share selected per group, its ratio to
the highest share (the impact ratio of New York City's Local Law 144 and of the four-fifths rule) and its gap to the
reference group, each with a 95 % interval, and what chance alone would show.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from iffair_core.data.resolving import ResolvedTask, resolve
from iffair_core.data.task import Task
from iffair_core.errors import TaskError, shorten
from iffair_core.metrics import Estimate, chance_band, confusion_table, evaluate, intervals_from_counts
from iffair_core.reading.values import MISSING, as_numbers, is_number, value_label
from iffair_core.study.disclosure import suppressed
from iffair_core.uncertainty import effective_counts

SMALL_SHARE = 0.02
"""A category with a smaller share of the rows may be left out of the impact ratios (6 RCNY 5-301)."""
UNKNOWN = frozenset(
    {"", "?", "declined", "decline to answer", "decline to state", "n/a", "na", "none", "not available",
     "not disclosed", "not reported", "not specified", "not stated", "prefer not to answer", "prefer not to say",
     "undisclosed", "unknown", "unspecified"}
)  # fmt: skip
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
    that permuted group labels would show, its 95th percentile.
    """

    columns: tuple[str, ...]
    reference: str
    highest: str | None
    groups: tuple[AuditedGroup, ...]
    difference: Estimate
    chance: float | None
    lowest_ratio: Estimate
    warnings: tuple[str, ...]

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
            lines.append(line | {"unknown": one.unknown, "under 2 %": one.small})
        return pd.DataFrame(lines)


@dataclass(frozen=True)
class Audit:
    """`selected`: in words, who counts as selected; `rows`: how many were compared, `left_out`: how many had no value.

    `tables`: one for each sensitive attribute, and one for all of them crossed where there are several.
    """

    selected: str
    rows: int
    left_out: int
    share: float
    tables: tuple[GroupAudit, ...]
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The same as plain JSON values."""
        return asdict(self)


def audit(table: pd.DataFrame, task: Task, *, above: float | str | None = None, seed: int = 0) -> Audit:
    """Compare the shares of groups that a column of the table selects.

    Parameters
    ----------
    table : one row per person.
    task : `target` is the column that says who is selected and `favorable` its value or values; `sensitive`, `bins`,
        `pool`, `missing`, `types`, `exclude`, `weights` and `reference` are as in a study. No feature is needed.
    above : the target is a score, and selected is who has more than this; "median" for the median of those who have a
        score. `favorable` is not read then.
    seed : of the bootstrap and of the permutations.

    Raises
    ------
    TaskError where a choice does not fit the table, as `resolve`.
    """
    if above is not None:
        table, label = _cut_above(table, task.target, above)
        task = replace(task, favorable=label, bins={k: v for k, v in (task.bins or {}).items() if k != task.target})
    columns = task.sensitive_columns
    each: list[tuple[str, ...]] = [(name,) for name in columns] if task.smallest_group is None else []
    if len(columns) > 1 or not each:
        each.append(columns)  # in cohort-only mode alone: one table's totals would give away what another withholds
    found: list[GroupAudit] = []
    for names in each:
        bins = {name: cuts for name, cuts in (task.bins or {}).items() if name in (*names, task.target)}
        pools = {name: pool for name, pool in (task.pool or {}).items() if name in names}
        reference = task.reference if names == columns else None
        resolved = resolve(replace(task, sensitive=names, bins=bins, pool=pools, reference=reference), table)
        found.append(_groups(resolved, names, seed))
    weight = resolved.base_weight
    share = float(np.average(resolved.y, weights=weight))
    chosen = f"{shorten(task.target, 60)} {_holds(resolved.favorable_label)}"
    return Audit(chosen, resolved.y.size, len(table) - resolved.y.size, share, tuple(found), resolved.warnings)


def _holds(label: str) -> str:
    return label if label.startswith(("> ", ">= ", "< ")) else f"= {shorten(label, 60)}"


def _cut_above(table: pd.DataFrame, target: str, above: float | str) -> tuple[pd.DataFrame, str]:
    """The table with the score as "> cut" or "<= cut", and the first of these labels."""
    if target not in table.columns:
        return table, ""  # `resolve` says which columns there are
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


def _groups(resolved: ResolvedTask, columns: Sequence[str], seed: int) -> GroupAudit:
    y, codes, groups, weight = resolved.y, resolved.group_codes, resolved.groups, resolved.base_weight
    found = evaluate(y, y.astype(float), codes, groups, resolved.reference, seed=seed, sample_weight=weight)
    size = len(groups)
    weights = np.ones(y.size) if weight is None else weight
    total, square = (np.bincount(codes, one, minlength=size) for one in (weights, weights**2))
    rows = np.bincount(codes[weights > 0], minlength=size)
    selected = np.bincount(codes[weights > 0], y[weights > 0], minlength=size).astype(int)
    tells = effective_counts(total, square)
    least = resolved.task.smallest_group
    hidden = np.zeros(size, dtype=bool)
    if least is not None:
        hidden = suppressed(np.column_stack([selected, rows - selected]), least)[:, 0]
    rates = [found.rates[group]["selection_rate"] for group in groups]
    shares = np.array([np.nan if one.value is None or no else one.value for one, no in zip(rates, hidden, strict=True)])
    unknown = np.array([_is_unknown(group, len(columns)) for group in groups])
    of_all = total / total.sum()
    small = of_all < SMALL_SHARE
    counting = ~(unknown | small) & np.isfinite(shares)
    if not counting.any():
        counting = np.isfinite(shares)
    best = int(np.argmax(np.where(counting, shares, -1.0)))
    none = Estimate(None, None, None, None)
    base = groups.index(resolved.reference)
    audited = []
    for code, group in enumerate(groups):
        ratio = none
        if shares[best] > 0 and np.isfinite(shares[code]):
            low, high = ratio_interval(shares[code] * tells[code], tells[code], shares[best] * tells[best], tells[best])
            ratio = Estimate(float(shares[code] / shares[best]), low, high, int(min(rows[code], rows[best])))
            if code == best:
                ratio = Estimate(1.0, None, None, int(rows[best]))
        gap = found.gaps.get(group, {}).get("selection_rate")
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
        of = None if weight is None else weight[inside]
        place = np.cumsum(counting) - 1
        counts = confusion_table(y[inside], y[inside], place[codes[inside]], int(counting.sum()), of)
        metric = "demographic_parity_difference"
        chance = chance_band(counts, seed=seed)[metric]
        low, high = intervals_from_counts(counts, seed=seed)[metric] or (None, None)
        difference = Estimate(float(np.ptp(shares[counting])), low, high, int(rows[counting].sum()))
    ratios = [
        one.ratio for one, counts in zip(audited, counting, strict=True) if counts and one.ratio.value is not None
    ]
    lowest = min(ratios, key=lambda one: one.value or 0.0, default=none)
    warnings = tuple(text for text in found.warnings if "selection rate" in text or "fewer than" in text)
    return GroupAudit(
        tuple(columns),
        resolved.reference,
        groups[best] if shares[best] > 0 else None,
        tuple(audited),
        difference,
        chance,
        lowest,
        warnings,
    )


def _is_unknown(group: str, columns: int) -> bool:
    """Whether a group's name says that an attribute is not known.

    >>> _is_unknown("(missing)", 1), _is_unknown("Female / Unknown", 2), _is_unknown("None of these", 1)
    (True, True, False)
    """
    parts = group.split(" / ") if columns > 1 else [group]
    return any(part == MISSING or part.strip().casefold() in UNKNOWN for part in parts)


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
