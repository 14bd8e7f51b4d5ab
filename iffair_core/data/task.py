"""The user's choices, validated against the table: outcome, favorable value, groups, reference group, features."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from iffair_core.data.groups import SMALL_GROUP, suggested_reference
from iffair_core.data.values import MISSING, as_numbers, bin_codes, is_number, label_codes, suggest_bins, value_label
from iffair_core.errors import TaskError, listing, shorten
from iffair_core.uncertainty import wilson_interval

MAX_GROUPS = 50


# -------------------------------------------------------------------------------------------------------------- task


@dataclass(frozen=True)
class Task:
    """What the user chose. Values are matched by `value_label`, so 1, 1.0 and "1" mean the same.

    target: column of the outcome; favorable: its value that is good for the person; sensitive: column, or several to
    be crossed; reference: group that others are compared with, None for the suggested one; drop: columns that are no
    features; bins: cut points for numeric sensitive columns, left-closed; use_sensitive_as_feature: whether the model
    sees the sensitive columns.
    """

    target: str
    favorable: object
    sensitive: str | tuple[str, ...]
    reference: object | None = None
    drop: tuple[str, ...] = ()
    bins: Mapping[str, Sequence[float]] | None = field(default=None, hash=False)
    use_sensitive_as_feature: bool = False

    def __post_init__(self) -> None:
        set_field = object.__setattr__
        if not isinstance(self.sensitive, str):
            names = tuple(str(column) for column in self.sensitive)
            set_field(self, "sensitive", names[0] if len(names) == 1 else names)
        set_field(self, "target", str(self.target))
        set_field(self, "favorable", _plain(self.favorable))
        reference = self.reference
        if isinstance(reference, (list, tuple)):
            set_field(self, "reference", tuple(_plain(part) for part in reference))
        else:
            set_field(self, "reference", _plain(reference))
        drop = (self.drop,) if isinstance(self.drop, str) else self.drop or ()
        set_field(self, "drop", tuple(str(column) for column in drop))
        if self.bins is not None:
            cuts = {str(column): tuple(_plain(cut) for cut in edges) for column, edges in self.bins.items()}
            set_field(self, "bins", cuts or None)

    @property
    def sensitive_columns(self) -> tuple[str, ...]:
        return (self.sensitive,) if isinstance(self.sensitive, str) else self.sensitive

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; `from_dict` restores an equal task."""
        reference = list(self.reference) if isinstance(self.reference, tuple) else self.reference
        return {
            "target": self.target,
            "favorable": self.favorable,
            "sensitive": list(self.sensitive_columns),
            "reference": reference,
            "drop": list(self.drop),
            "bins": {column: list(cuts) for column, cuts in self.bins.items()} if self.bins else None,
            "use_sensitive_as_feature": bool(self.use_sensitive_as_feature),
        }

    @classmethod
    def from_dict(cls, choices: Mapping[str, Any]) -> Task:
        unknown = sorted(set(choices) - set(cls.__dataclass_fields__))
        absent = [name for name in ("target", "favorable", "sensitive") if name not in choices]
        if unknown or absent:
            what = f"has no {listing(absent)}" if absent else f"has unknown entries: {listing(unknown)}"
            raise TaskError(f"The saved task {what}. It needs {listing(cls.__dataclass_fields__)}.")
        return cls(**choices)


def _plain(value: Any) -> Any:
    """A numpy scalar as the Python value it stands for, anything that JSON cannot hold as its label."""
    if isinstance(value, np.generic):
        value = value.item()
    return value if value is None or isinstance(value, (str, bool, int, float)) else value_label(value)


@dataclass(frozen=True, eq=False)
class ResolvedTask:
    """A task that fits its table.

    used (N,) bool: rows of the table with an outcome; y (n,) int8 over those, 1 = favorable; group_codes (n,) int32
    into groups; reference_reason: why that group, in words; other_labels: the outcome values that are not favorable;
    feature_columns in table order; warnings: one sentence each.
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


def resolve(task: Task, table: pd.DataFrame) -> ResolvedTask:
    """Check every choice against the table; `TaskError` names the column or value, and the way out."""
    columns = {str(column): column for column in table.columns}
    if len(columns) != table.shape[1]:
        raise TaskError("Two columns of the table have the same name. Rename one of them.")
    _check_columns(task, columns)
    warnings = [str(warning) for warning in table.attrs.get("warnings", ())]

    y, used, favorable, others = _outcome(task, table[columns[task.target]], warnings)
    parts = [_sensitive_codes(task, name, table[columns[name]][used]) for name in task.sensitive_columns]
    codes, groups = _crossed(task, parts, table)
    rows = np.bincount(codes, minlength=len(groups))
    hits = np.bincount(codes, weights=y, minlength=len(groups)).astype(np.int64)
    reference, reason = _reference(task, groups, rows, hits)
    warnings += _group_warnings(groups, rows, hits)

    left_out = {task.target, *task.drop}
    if not task.use_sensitive_as_feature:
        left_out |= set(task.sensitive_columns)
    features = tuple(name for name in columns if name not in left_out)
    if not features:
        raise TaskError("No feature column is left after the choices made. Drop fewer columns.")
    return ResolvedTask(task, y, used, codes, groups, reference, reason, favorable, others, features, tuple(warnings))


def _check_columns(task: Task, columns: Mapping[str, object]) -> None:
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
    if task.target in sensitive:
        raise TaskError(
            f"'{shorten(task.target)}' is chosen as outcome and as sensitive attribute. Choose two different columns."
        )
    if task.target in task.drop:
        raise TaskError(f"The outcome '{shorten(task.target)}' is among the columns to drop. Take it off that list.")
    for name in task.bins or ():
        if name not in sensitive:
            raise TaskError(
                f"Bins are given for '{shorten(name)}', which is not a sensitive attribute. "
                f"Give bins only for {listing(sensitive)}."
            )


def _need(name: str, role: str, columns: Mapping[str, object]) -> None:
    if name in columns:
        return
    folded = {column.casefold().strip(): column for column in reversed(list(columns))}
    close = difflib.get_close_matches(name.casefold().strip(), folded, n=1)
    hint = f" Did you mean '{shorten(folded[close[0]])}'?" if close else ""
    raise TaskError(f"{role} '{shorten(name)}' is not a column of the table.{hint} Columns: {listing(columns, 30)}.")


def _outcome(task: Task, column: pd.Series, warnings: list[str]) -> tuple[np.ndarray, np.ndarray, str, tuple[str, ...]]:
    name = shorten(task.target)
    codes, labels = label_codes(column)
    used = codes != labels.index(MISSING) if MISSING in labels else np.ones(len(codes), dtype=bool)
    values = tuple(label for label in labels if label != MISSING)
    favorable = value_label(task.favorable)
    if len(values) < 2:
        seen = f"only the value '{shorten(values[0])}'" if values else "no value at all"
        raise TaskError(f"The outcome '{name}' has {seen}. Choose a column with at least two values.")
    if favorable not in values:
        raise TaskError(
            f"The favorable value '{shorten(favorable)}' does not occur in the outcome '{name}'. "
            f"Choose one of its values: {listing(values, 12)}."
        )
    others = tuple(label for label in values if label != favorable)
    if len(others) > 1:
        warnings.append(
            f"The outcome '{name}' has {len(values)} values; '{shorten(favorable)}' is compared with all others "
            f"together ({listing(others)})."
        )
    absent = int(np.count_nonzero(~used))
    if absent:
        warnings.append(f"{_rows(absent)} without a value of the outcome '{name}' left out.")
    return (codes[used] == values.index(favorable)).astype(np.int8), used, favorable, others


def _rows(count: int) -> str:
    return f"{count:,} row" if count == 1 else f"{count:,} rows"


# ------------------------------------------------------------------------------------------------------------ groups


def _sensitive_codes(task: Task, name: str, column: pd.Series) -> tuple[np.ndarray, tuple[str, ...]]:
    cuts = (task.bins or {}).get(name)
    return label_codes(column) if cuts is None else _binned(name, column, cuts)


def _binned(name: str, column: pd.Series, cuts: Sequence[float]) -> tuple[np.ndarray, tuple[str, ...]]:
    try:
        edges = np.asarray([float(cut) for cut in cuts], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TaskError(f"The bins of '{shorten(name)}' are not all numbers. Give them as 25, 60.") from error
    if not len(edges) or not np.isfinite(edges).all() or np.any(np.diff(edges) <= 0):
        raise TaskError(
            f"The bins of '{shorten(name)}' ({listing(cuts)}) do not rise. "
            "Give increasing finite cut points, as 25, 60."
        )
    unordered = not isinstance(column.dtype, pd.CategoricalDtype) and column.dtype.kind in "bmM"
    values = as_numbers(column if is_number(column) else pd.to_numeric(column.astype("str"), errors="coerce"))
    if unordered or np.any(np.isnan(values) & column.notna().to_numpy()):
        raise TaskError(
            f"'{shorten(name)}' is not a column of numbers, so it cannot be cut into bins. Leave its bins out."
        )
    return bin_codes(values, edges.tolist())


def _crossed(
    task: Task, parts: Sequence[tuple[np.ndarray, tuple[str, ...]]], table: pd.DataFrame
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Codes into the groups that occur, in the order of each column's values."""
    flat = np.zeros(len(parts[0][0]), dtype=np.int64)
    for codes, labels in parts:
        # Compressing after each column keeps the numbers small however many columns are crossed.
        present, flat = np.unique(flat, return_inverse=True)
        flat = flat * len(labels) + codes
    sizes = [len(labels) for _, labels in parts]
    present, first, codes = np.unique(flat, return_index=True, return_inverse=True)
    if len(present) > MAX_GROUPS:
        raise TaskError(_too_many(task, sizes, len(present), table))
    groups = tuple(" / ".join(labels[part[row]] for part, labels in parts) for row in first)
    names = listing(task.sensitive_columns)
    if len(groups) < 2:
        raise TaskError(
            f"The sensitive attribute {names} puts every row into one group ('{shorten(groups[0])}'). "
            "Choose another column, or other bins."
        )
    if len(set(groups)) < len(groups):
        raise TaskError(f"Two groups of {names} have the same name. Rename the values that contain ' / '.")
    return codes.astype(np.int32), groups


def _too_many(task: Task, sizes: Sequence[int], count: int, table: pd.DataFrame) -> str:
    widest = task.sensitive_columns[int(np.argmax(sizes))]
    column = next(table[name] for name in table.columns if str(name) == widest)
    message = f"'{shorten(widest)}' gives {count:,} groups; at most {MAX_GROUPS} can be compared."
    cuts = suggest_bins(column)
    if cuts:
        return f"{message} Cut it into bins, for example at {listing(value_label(cut) for cut in cuts)}."
    return f"{message} Choose a column with fewer values, or pool its values first."


def _reference(task: Task, groups: tuple[str, ...], rows: np.ndarray, hits: np.ndarray) -> tuple[str, str]:
    if task.reference is not None:
        parts = task.reference if isinstance(task.reference, tuple) else (task.reference,)
        wanted = " / ".join(value_label(part) for part in parts)
        if wanted not in groups:
            raise TaskError(
                f"The reference group '{shorten(wanted)}' does not occur. Choose one of: {listing(groups, MAX_GROUPS)}."
            )
        return wanted, "chosen by you"
    best = suggested_reference(rows, hits)
    if rows[best] < SMALL_GROUP:
        return groups[best], f"the largest group, as no group has {SMALL_GROUP} rows"
    share = 100 * hits[best] / rows[best]
    return groups[best], (
        f"highest share of favorable outcomes ({share:.1f} %) among groups of at least {SMALL_GROUP} rows"
    )


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


def group_table(resolved: ResolvedTask) -> pd.DataFrame:
    """Per group: rows, share of all rows, favorable (count), favorable_share with its 95 % Wilson bounds low, high."""
    size = len(resolved.groups)
    rows = np.bincount(resolved.group_codes, minlength=size)
    favorable = np.bincount(resolved.group_codes, weights=resolved.y, minlength=size).astype(np.int64)
    low, high = wilson_interval(favorable, rows)
    return pd.DataFrame(
        {
            "group": list(resolved.groups),
            "rows": rows,
            "share": rows / rows.sum(),
            "favorable": favorable,
            "favorable_share": favorable / rows,
            "low": low,
            "high": high,
        }
    )
