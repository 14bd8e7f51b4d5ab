"""Check the user's choices against the table: all of them fit, or an error names the column and the way out."""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from iffair_core.data.groups import (
    MAX_GROUPS,
    SMALL_GROUP,
    SMALL_GROUPS,
    Coded,
    Crossed,
    Cuts,
    binned,
    crossed,
    cut_groups,
    cut_points,
    is_unknown,
    pooled,
    suggested_reference,
)
from iffair_core.data.row_selectors import rows_meeting
from iffair_core.data.splitting import PART_NAMES, SPLITS, VALIDATION, part_named
from iffair_core.data.task import Task
from iffair_core.errors import TaskError, listing, shorten
from iffair_core.reading.types import with_types
from iffair_core.reading.values import (
    MISSING,
    as_numbers,
    is_number,
    is_ordered,
    label_codes,
    require_single_values,
    suggest_bins,
    value_label,
)
from iffair_core.uncertainty import effective_counts, wilson_interval
from iffair_core.wording import row_count

MANY_VALUES = 10
"""A number with more values than this should be cut into bins instead of being compared value by value."""


@dataclass(frozen=True, eq=False)
class ResolvedTask:
    """A task that fits its table.

    used (N,) bool: rows of the table with an outcome; y (n,) int8 over those, 1 = favorable; group_codes (n,) int32
    into groups; reference_reason: why that group, in words; other_labels: the outcome values that are not favorable;
    feature_columns in table order; warnings: one sentence each. base_weight (n,) float64: the file's row weights, mean
    1; fixed_split (n,) int8 of 0 train, 1 validation, 2 test, as the file fixes them; unit_codes (n,) int64: rows of
    one code stay in one part; None where the task names no such column. bins: the cut points in force, by column.
    parts: codes (n,) int32 and labels of each sensitive column, in the order of the task.
    """

    task: Task
    y: np.ndarray
    used: np.ndarray
    group_codes: np.ndarray
    groups: tuple[str, ...]
    reference: str
    reference_reason: str
    favorable_label: str
    other_labels: tuple[str, ...]
    feature_columns: tuple[str, ...]
    warnings: tuple[str, ...]
    base_weight: np.ndarray | None = None
    fixed_split: np.ndarray | None = None
    unit_codes: np.ndarray | None = None
    bins: Mapping[str, Cuts] = field(default_factory=dict)
    parts: tuple[Coded, ...] = ()

    @property
    def outcome_labels(self) -> tuple[str, str]:
        """What the file calls the outcomes 0 and 1."""
        others = self.other_labels
        return (others[0] if len(others) == 1 else f"not {self.favorable_label}", self.favorable_label)


def resolve(task: Task, table: pd.DataFrame) -> ResolvedTask:
    """Check every choice against the table; `TaskError` names the column or value, and the way out."""
    if len({str(column) for column in table.columns}) != table.shape[1] or not table.columns.is_unique:
        raise TaskError("Two columns of the table have the same name. Rename one of them.")
    require_single_values(table)
    table = typed(task, table)
    columns = {str(column): table[column] for column in table.columns}
    check_columns(task, columns)
    warnings = [str(warning) for warning in table.attrs.get("warnings", ())]
    if warnings and task.smallest_group is not None:
        warnings = ["Notes on how the file was read are withheld: they may tell of single cells."]

    kept = _kept(task, table, warnings)
    parts = None if task.split is None else _fixed_parts(task, task.split, columns[task.split], kept, warnings)
    cuts: dict[str, Cuts] = {}
    y, used, favorable, others = _outcome(task, columns[task.target], kept, cuts, warnings)
    whole = bool(used.all())
    sensitive = {name: columns[name] if whole else columns[name][used] for name in task.sensitive_columns}
    coded = [_sensitive_codes(task, name, column, columns[name], cuts, warnings) for name, column in sensitive.items()]
    found = crossed(sensitive, coded, task.smallest_group)
    if task.smallest_group is not None:
        warnings += _small_groups(found, task.smallest_group)
    if not found.stays.all():
        y = y[found.stays]
        used[used] = found.stays
        coded = [(part[found.stays], labels) for part, labels in coded]
    codes, groups = found.codes, found.groups
    _require_two(task, groups)
    rows = np.bincount(codes, minlength=len(groups))
    hits = np.bincount(codes, weights=y, minlength=len(groups)).astype(np.int64)
    weights = None if task.weights is None else _base_weight(task, task.weights, columns[task.weights], used)
    shares = None if weights is None else _weighted_shares(weights, codes, y, len(groups))[1]
    reference, reason = _reference(task, groups, rows, hits, shares)
    warnings += _group_warnings(groups, rows, hits)

    fixed = None if parts is None else parts[used]
    if fixed is not None and task.split is not None and not np.any(fixed == VALIDATION):
        warnings.append(f"'{shorten(task.split)}' names no validation rows: a quarter of its training rows is drawn.")
    units = None if task.unit is None else _units(task, columns[task.unit][used], fixed, warnings)

    return ResolvedTask(
        task, y, used, codes, groups, reference, reason, favorable, others, feature_columns(task, columns),
        tuple(warnings),
        weights, fixed, units, cuts, tuple(coded),
    )  # fmt: skip


def typed(task: Task, table: pd.DataFrame) -> pd.DataFrame:
    """The table with the types and missing markers that the task names; the same object where it names none."""
    if not task.types and not task.missing:
        return table
    return with_types(table, task.types, task.missing)


def feature_columns(task: Task, names: Iterable[str]) -> tuple[str, ...]:
    """Those of a table's columns that features may come from."""
    left_out = {task.target, task.weights, task.split, task.unit, *task.drop}
    if not task.use_sensitive_as_feature:
        left_out |= set(task.sensitive_columns)
    return tuple(name for name in names if name not in left_out)


def check_columns(task: Task, columns: Mapping[str, object]) -> None:
    """TaskError where the task names a column that is not among `columns`, or one for two things."""
    sensitive = task.sensitive_columns
    _need(task.target, "The outcome", columns)
    if not sensitive:
        raise TaskError("No sensitive attribute is chosen. Choose at least one column.")
    for name in sensitive:
        _need(name, "The sensitive attribute", columns)
    for name in task.drop:
        _need(name, "The column to drop,", columns)
    if len(set(sensitive)) < len(sensitive):
        raise TaskError(f"The sensitive attributes name a column twice: {listing(sensitive)}. Name each once.")
    roles = {"outcome": (task.target,), "sensitive attribute": sensitive}
    for role, column in (("row weights", task.weights), ("fixed split", task.split), ("unit", task.unit)):
        if column is not None:
            _need(column, f"The column of the {role},", columns)
            roles[role] = (column,)
    for (one, first), (other, second) in itertools.combinations(roles.items(), 2):
        for name in set(first) & set(second):
            raise TaskError(f"'{shorten(name)}' is chosen as {one} and as {other}. Choose two different columns.")
    if task.target in task.drop:
        raise TaskError(f"The outcome '{shorten(task.target)}' is among the columns to drop. Take it off that list.")
    for what, given, allowed in (("Bins", task.bins, (*sensitive, task.target)), ("Pools", task.pool, sensitive)):
        for name in given or ():
            if name not in allowed:
                neither = (
                    "neither a sensitive attribute nor the outcome" if what == "Bins" else "no sensitive attribute"
                )
                raise TaskError(
                    f"{what} are given for '{shorten(name)}', which is {neither}. "
                    f"Give {what.lower()} only for {listing(allowed)}."
                )
    smallest = task.smallest_group
    if smallest is not None and (isinstance(smallest, bool) or not isinstance(smallest, int) or smallest < 2):
        raise TaskError(f"The smallest group is {shorten(repr(smallest))}. Give a whole number of rows, at least 2.")


def _need(name: str, role: str, columns: Mapping[str, object]) -> None:
    if name in columns:
        return
    folded = {column.casefold().strip(): column for column in reversed(list(columns))}
    close = difflib.get_close_matches(name.casefold().strip(), folded, n=1)
    hint = f" Did you mean '{shorten(folded[close[0]])}'?" if close else ""
    end = "," if role.endswith(",") else ""
    raise TaskError(
        f"{role} '{shorten(name)}'{end} is not a column of the table.{hint} Columns: {listing(columns, 30)}."
    )


# -------------------------------------------------------------------------------------------------------------- rows


def _kept(task: Task, table: pd.DataFrame, warnings: list[str]) -> np.ndarray:
    """(N,) bool: rows that no condition of the task leaves out."""
    kept = np.ones(len(table), dtype=bool)
    for condition in dict.fromkeys(task.exclude):
        meets = rows_meeting(table, condition)
        warnings.append(f"{_rows(int(np.count_nonzero(meets & kept)), task)} left out by '{shorten(condition)}'.")
        kept &= ~meets
    if not kept.any() and len(kept):
        raise TaskError(f"No row is left after leaving out {listing(task.exclude)}. Leave out fewer.")
    return kept


def _fixed_parts(task: Task, name: str, column: pd.Series, kept: np.ndarray, warnings: list[str]) -> np.ndarray:
    """(N,) int8 part of each row as the column says, -1 where it is left out; rows without one leave `kept`."""
    codes, labels = label_codes(column[kept])
    parts = [part_named(label) for label in labels]
    unknown = [label for label, part in zip(labels, parts, strict=True) if part is None and label != MISSING]
    if unknown:
        accepted = "; ".join(f"{part}: {', '.join(names)}" for part, names in PART_NAMES.items())
        raise TaskError(
            f"The column '{shorten(name)}' has values that name no part: {listing(unknown)}. "
            f"Name the parts so ({accepted}), leave such rows out, or choose no such column."
        )
    found = np.full(len(kept), -1, dtype=np.int8)
    found[kept] = np.array([-1 if part is None else part for part in parts], dtype=np.int8)[codes]
    absent = int(np.count_nonzero(kept & (found < 0)))
    if absent:
        warnings.append(f"{_rows(absent, task)} without a part in '{shorten(name)}' left out.")
        kept &= found >= 0
    return found


def _outcome(
    task: Task, column: pd.Series, kept: np.ndarray, cuts: dict[str, Cuts], warnings: list[str]
) -> tuple[np.ndarray, np.ndarray, str, tuple[str, ...]]:
    """(y, used, favorable label, other labels); the cut points in force are added to `cuts`."""
    name = shorten(task.target)
    if not kept.all():
        column = column[kept]
    if task.target in (task.bins or {}):
        points = cut_points(task.target, column, (task.bins or {})[task.target])
        cuts[task.target] = points
        codes, labels = binned(task.target, column, points)
        present = np.bincount(codes, minlength=len(labels)) > 0
    else:
        codes, labels = label_codes(column)
        present = np.ones(len(labels), dtype=bool)
    known = codes != labels.index(MISSING) if MISSING in labels else np.ones(len(codes), dtype=bool)
    values = tuple(label for label, one in zip(labels, present, strict=True) if one and label != MISSING)
    if len(values) < 2:
        seen = f"only the value '{shorten(values[0])}'" if values else "no value at all"
        if task.target in cuts and values:
            numbers = as_numbers(column)
            low, high = np.nanmin(numbers), np.nanmax(numbers)
            cut = listing(map(value_label, cuts[task.target]))
            between = f" above {value_label(low)} and up to {value_label(high)}" if task.smallest_group is None else ""
            way_out = f"Cut it elsewhere{between}." if low < high else "Choose a column with at least two values."
            raise TaskError(f"The outcome '{name}', cut at {cut}, has {seen}: all rows are on one side. {way_out}")
        raise TaskError(f"The outcome '{name}' has {seen}. Choose a column with at least two values.")
    favorable = task.favorable_labels
    if not favorable:
        raise TaskError(f"No favorable value is chosen. Choose some of {listing(values, 12)}.")
    for label in favorable:
        if label not in values:
            cut = f", which is cut at {listing(map(value_label, cuts[task.target]))}" if cuts else ""
            raise TaskError(
                f"The favorable value '{shorten(label)}' does not occur in the outcome '{name}'{cut}. "
                f"Choose one of its values: {listing(values, 12)}.{_cut_hint(column, values, 1, cut=bool(cuts))}"
            )
    others = tuple(label for label in values if label not in favorable)
    if not others:
        raise TaskError(f"Every value of the outcome '{name}' is favorable. Leave at least one of them out.")
    if len(values) > 2:
        named = f" ({listing(others)})" if task.smallest_group is None else ""
        warnings.append(
            f"The outcome '{name}' has {len(values)} values; {_quoted(favorable)} is compared with all others "
            f"together{named}.{_cut_hint(column, values, len(favorable), cut=bool(cuts))}"
        )
    absent = int(np.count_nonzero(~known))
    if absent:
        warnings.append(f"{_rows(absent, task)} without a value of the outcome '{name}' left out.")
    used = kept.copy()
    used[kept] = known
    good = np.isin(codes[known], [labels.index(label) for label in favorable])
    return good.astype(np.int8), used, " or ".join(favorable), others


def _quoted(labels: Sequence[str]) -> str:
    names = [f"'{shorten(label, 40)}'" for label in labels]
    if len(names) > 8:
        names = [*names[:8], f"{len(names) - 8} more"]
    return " or ".join(names)


def _cut_hint(column: pd.Series, values: Sequence[str], favorable: int, *, cut: bool) -> str:
    """For a number with many values of which one is favorable: how to cut it."""
    cuts = suggest_bins(column) if not cut and favorable == 1 and len(values) > MANY_VALUES else ()
    if not cuts:
        return ""
    return (
        " It is a number: to compare a range, cut it with bins, "
        f"for example at {listing(value_label(one) for one in cuts)}."
    )


def _base_weight(task: Task, name: str, column: pd.Series, used: np.ndarray) -> np.ndarray:
    """(n,) float64 weights of the rows used, scaled to mean 1."""
    title = shorten(name)
    if not is_number(column):
        raise TaskError(
            f"The row weights '{title}' are not numbers. Give the column the type number, choose another, or none."
        )
    values = as_numbers(column[used])
    bad = np.flatnonzero(~((values >= 0) & (values < np.inf)))
    if bad.size:
        first = values[bad[0]]
        what, condition = ("missing", "=(missing)") if np.isnan(first) else ("infinite", "=inf")
        what, condition = ("negative", "<0") if first < 0 else (what, condition)
        more = f" (and in {bad.size - 1:,} more)" if bad.size > 1 else ""
        where = f"row {np.flatnonzero(used)[bad[0]]}, counted from 0{more}"
        if task.smallest_group is not None:
            where = "some rows"
        raise TaskError(
            f"The row weight '{title}' is {what} in {where}. "
            f"Leave such rows out with '{title}{condition}', or choose another column."
        )
    if not values.any():
        raise TaskError(f"The row weights '{title}' are all 0. Choose another column, or no row weights.")
    values = values / values.max()
    return np.asarray(values / values.mean())


def _units(task: Task, column: pd.Series, fixed: np.ndarray | None, warnings: list[str]) -> np.ndarray:
    """(n,) int64 codes of the units; a row without one is a unit of its own."""
    name = shorten(task.unit)
    codes, labels = label_codes(column)
    units = codes.astype(np.int64)
    if MISSING in labels:
        alone = units == labels.index(MISSING)
        units[alone] = len(labels) + np.arange(np.count_nonzero(alone))
        count = _rows(int(np.count_nonzero(alone)), task)
        warnings.append(f"{count} without a value of '{name}': each is taken by itself.")
    if fixed is not None:
        low, high = np.full(int(units.max()) + 1, len(SPLITS)), np.full(int(units.max()) + 1, -1)
        np.minimum.at(low, units, fixed)
        np.maximum.at(high, units, fixed)
        torn = int(np.count_nonzero(low < high))
        if torn:
            count = "Some" if task.smallest_group is not None else f"{torn:,}"
            warnings.append(
                f"{count} {'value' if count == '1' else 'values'} of '{name}' have rows in more than one part of "
                f"'{shorten(task.split)}', which fixes the parts: what is learned from a unit is judged on it too."
            )
    return units


def _rows(count: int, task: Task) -> str:
    """A number of rows left out. Cohort-only mode tells none, because one number would give others away."""
    if task.smallest_group is not None:
        return "No rows" if count == 0 else "Rows"
    return row_count(count)


# ------------------------------------------------------------------------------------------------------------ groups


def _sensitive_codes(
    task: Task, name: str, column: pd.Series, whole: pd.Series, cuts: dict[str, Cuts], warnings: list[str]
) -> Coded:
    """The values of a sensitive column of the rows used, cut and pooled; cut points in force are added to `cuts`."""
    given = (task.bins or {}).get(name)
    if given is None:
        found = label_codes(column)
    else:
        cuts[name], found = cut_groups(name, column, given, warnings)
    pools = (task.pool or {}).get(name)
    return found if pools is None else pooled(name, found, pools, whole, ordered=given is not None or is_ordered(whole))


def _small_groups(found: Crossed, smallest: int) -> list[str]:
    """What was done with groups that are too small, without their names and sizes."""
    if not found.pooled:
        return []
    count = f"{found.pooled:,} group" if found.pooled == 1 else f"{found.pooled:,} groups"
    if found.stays.all():
        return [f"{count} of fewer than {smallest:,} rows taken together as '{SMALL_GROUPS}'."]
    return [f"{count} of fewer than {smallest:,} rows left out; together they have fewer too."]


def _require_two(task: Task, groups: tuple[str, ...]) -> None:
    names = listing(task.sensitive_columns)
    if len(groups) < 2:
        where = f"one group ('{shorten(groups[0])}')" if groups else "groups that are too small"
        pools = "" if task.smallest_group is None else ", or a smallest group of fewer rows"
        raise TaskError(
            f"The sensitive attribute {names} puts every row into {where}. Choose another column, or other bins{pools}."
        )


def _reference(
    task: Task, groups: tuple[str, ...], rows: np.ndarray, hits: np.ndarray, shares: np.ndarray | None
) -> tuple[str, str]:
    if task.reference is not None:
        parts = task.reference if isinstance(task.reference, tuple) else (task.reference,)
        wanted = " / ".join(value_label(part) for part in parts)
        if wanted not in groups:
            raise TaskError(
                f"The reference group '{shorten(wanted)}' does not occur. Choose one of: {listing(groups, MAX_GROUPS)}."
            )
        return wanted, "as chosen"
    known = np.array([not is_unknown(group, len(task.sensitive_columns)) for group in groups])
    best = suggested_reference(rows, hits, shares, known)
    if rows[best] < SMALL_GROUP:
        return groups[best], f"the largest group, as no group has {SMALL_GROUP} rows"
    share = 100 * (hits[best] / rows[best] if shares is None else shares[best])
    told = f" ({share:.1f} %)" if task.smallest_group is None else ""
    but = ", skipping the group with the widest interval" if np.count_nonzero(rows >= SMALL_GROUP) > 2 else ""
    return groups[best], f"highest share of favorable outcomes{told} among groups of at least {SMALL_GROUP} rows{but}"


def _group_warnings(groups: tuple[str, ...], rows: np.ndarray, hits: np.ndarray) -> list[str]:
    warnings = []
    small = [f"{group} ({count})" for group, count in zip(groups, rows, strict=True) if count < SMALL_GROUP]
    if small:
        warnings.append(f"Groups with fewer than {SMALL_GROUP} rows: {listing(small)}. Their rates are very uncertain.")
    for group, count, favorable in zip(groups, rows, hits, strict=True):
        if favorable == 0:
            warnings.append(
                f"Group '{shorten(group)}' has no row with the favorable outcome: "
                "its true positive rate is not estimable."
            )
        elif favorable == count:
            warnings.append(
                f"Group '{shorten(group)}' has only rows with the favorable outcome: "
                "its false positive rate is not estimable."
            )
    return warnings


def _weighted_shares(
    weights: np.ndarray, codes: np.ndarray, y: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each group: its share of all weight, its favorable share (0 where it has no weight), its effective count."""
    total, square, favorable = (np.bincount(codes, one, minlength=size) for one in (weights, weights**2, weights * y))
    share = np.divide(favorable, total, out=np.zeros(size), where=total > 0)
    return total / total.sum(), share, effective_counts(total, square)


def group_table(resolved: ResolvedTask) -> pd.DataFrame:
    """Per group: rows, share of all rows, favorable (count), favorable_share with its 95 % Wilson bounds low, high.

    Where rows have weights, shares and bounds are weighted; rows and favorable are still numbers of rows.
    """
    size = len(resolved.groups)
    rows = np.bincount(resolved.group_codes, minlength=size)
    favorable = np.bincount(resolved.group_codes, weights=resolved.y, minlength=size).astype(np.int64)
    share, favorable_share = rows / rows.sum(), favorable / rows
    low, high = wilson_interval(favorable, rows)
    if resolved.base_weight is not None:
        share, favorable_share, tells = _weighted_shares(resolved.base_weight, resolved.group_codes, resolved.y, size)
        favorable_share = np.where(tells > 0, favorable_share, np.nan)
        low, high = wilson_interval(np.nan_to_num(favorable_share) * tells, tells)
    return pd.DataFrame(
        {
            "group": list(resolved.groups),
            "rows": rows,
            "share": share,
            "favorable": favorable,
            "favorable_share": favorable_share,
            "low": low,
            "high": high,
        }
    )
