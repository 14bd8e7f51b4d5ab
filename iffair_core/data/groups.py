"""How the values of the sensitive columns become groups: cut, pooled, crossed; and the group to compare with."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pandas as pd

from iffair_core.data.date_groups import by_date, dates_of, suggested_years
from iffair_core.errors import TaskError, listing, shorten
from iffair_core.reading.values import (
    MISSING,
    as_numbers,
    bin_codes,
    in_order,
    is_number,
    label_codes,
    quantile_cuts,
    suggest_bins,
    value_label,
)
from iffair_core.uncertainty import wilson_interval

SMALL_GROUP = 30
MAX_GROUPS = 50
SMALL_GROUPS = "(small groups)"
UNKNOWN = frozenset(
    {"", "?", "declined", "decline to answer", "decline to state", "n/a", "na", "nan", "none", "not available",
     "not disclosed", "not reported", "not specified", "not stated", "null", "prefer not to answer",
     "prefer not to say", "undisclosed", "unknown", "unspecified"}
)  # fmt: skip
"""Values by which a person's attribute is not known."""
_QUANTILES = re.compile(r"quantiles:\s*(\d{1,4})\Z", re.ASCII)

Coded = tuple[np.ndarray, tuple[str, ...]]
"""Codes (n,) int32 and the labels they stand for."""
Cuts = tuple[float | str, ...]
"""Cut points of numbers, or years and days (ISO) of dates."""


def cut_groups(
    name: str, column: pd.Series, given: Sequence[object] | str, warnings: list[str] | None = None
) -> tuple[Cuts, Coded]:
    """(cut points in force, groups) of a column of numbers or of dates; TaskError where it holds neither.

    given: cut points, "quantiles:4", or what `by_date` reads. How text was read as dates is added to `warnings`.
    """
    parts = _bins_asked(name, given) if isinstance(given, str) and given.startswith("quantiles") else None
    if not is_number(column):
        days = dates_of(name, column, warnings)
        if days is not None:
            return by_date(name, days, given, parts)
    cuts = cut_points(name, column, given)
    return cuts, binned(name, column, cuts)


def suggested_cuts(column: pd.Series) -> tuple[float, ...]:
    """Cut points to begin with of a column of numbers, or years of one of dates; () for any other."""
    cuts = suggest_bins(column)
    if cuts or is_number(column):
        return cuts
    days = dates_of("", column)
    return () if days is None else suggested_years(days)


def _bins_asked(name: str, given: str) -> int:
    """The number of bins that "quantiles:4" asks for."""
    parts = _QUANTILES.match(given)
    if parts is None or not 2 <= int(parts[1]) <= MAX_GROUPS:
        raise TaskError(
            f"The bins of '{shorten(name)}' are '{shorten(given)}'. Give cut points, as 25, 60, or quantiles:4 for "
            f"four bins of like size (from 2 to {MAX_GROUPS})."
        )
    return int(parts[1])


def cut_points(name: str, column: pd.Series, given: Sequence[object] | str) -> tuple[float, ...]:
    """Rising cut points of a column: those given, or of "quantiles:4" those of four bins of like size.

    Raises TaskError where they are none, or where the column holds no numbers.

    >>> age = pd.Series([18, 25, 31, 44, 60, 71])
    >>> cut_points("age", age, [25, 60]), cut_points("age", age, "quantiles:2")
    ((25.0, 60.0), (44.0,))
    """
    if isinstance(given, str):
        cuts = quantile_cuts(pd.Series(_numbers(name, column)), _bins_asked(name, given))
        if not cuts:
            raise TaskError(f"'{shorten(name)}' has fewer than two different numbers. Leave its bins out.")
        return cuts
    try:
        edges = np.asarray([float(cut) for cut in given], dtype=np.float64)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError) as error:
        raise TaskError(f"The bins of '{shorten(name)}' are not all numbers. Give them as 25, 60.") from error
    if not len(edges) or not np.isfinite(edges).all() or np.any(np.diff(edges) <= 0):
        raise TaskError(
            f"The bins of '{shorten(name)}' ({listing(given)}) do not rise. "
            "Give increasing finite cut points, as 25, 60."
        )
    return tuple(edges.tolist())


def binned(name: str, column: pd.Series, cuts: Sequence[float]) -> Coded:
    """The column's numbers in left-closed bins; TaskError where it holds others.

    >>> codes, labels = binned("age", pd.Series([18, 25, 60]), (25, 60))
    >>> [labels[code] for code in codes]
    ['< 25', '25 to < 60', '>= 60']
    """
    return bin_codes(_numbers(name, column), cuts)


def _numbers(name: str, column: pd.Series) -> np.ndarray:
    unordered = not isinstance(column.dtype, pd.CategoricalDtype) and column.dtype.kind in "bmM"
    values = as_numbers(column if is_number(column) else pd.to_numeric(column.astype("str"), errors="coerce"))
    if unordered or np.any(np.isnan(values) & column.notna().to_numpy()):
        raise TaskError(
            f"'{shorten(name)}' holds neither numbers nor dates, so it cannot be cut into bins. Leave its bins out."
        )
    return values


def pooled(
    name: str, coded: Coded, pools: Mapping[str, Sequence[object]], whole: pd.Series, *, ordered: bool = False
) -> Coded:
    """The same rows with the values of each pool under its name, which may be "(missing)" or a value there is.

    whole: the column of all rows; its values may be pooled although no row in use has them. ordered: labels keep their
    order, and a pool takes the place of its first value. Raises TaskError for values that the column does not have,
    or that two pools name.
    """
    codes, labels = coded
    home: dict[str, str] = {}
    wanted: dict[str, list[str]] = {}
    for title, values in pools.items():
        wanted.setdefault(value_label(title), []).extend(value_label(value) for value in values)
    known: set[str] = set(labels)
    if not known.issuperset(label for members in wanted.values() for label in members):
        known.update(() if ordered else label_codes(whole)[1])
    for title, members in wanted.items():
        if not members:
            raise TaskError(f"The pool '{shorten(title)}' of '{shorten(name)}' is empty. Name values, or leave it out.")
        for label in members:
            if label not in known:
                there = in_order(known)
                raise TaskError(
                    f"The pool '{shorten(title)}' takes in '{shorten(label)}', which is no value of '{shorten(name)}'. "
                    f"Its values: {listing(there, 30)}."
                )
            if home.setdefault(label, title) != title:
                raise TaskError(
                    f"'{shorten(label)}' of '{shorten(name)}' is in two pools, '{shorten(home[label])}' and "
                    f"'{shorten(title)}'. Keep it in one."
                )
    names = [home.get(label, label) for label in labels]
    if ordered:
        rest = list(dict.fromkeys(label for label in names if label != MISSING))
        order = [*rest, MISSING] if MISSING in names else rest
    else:
        order = in_order(names)
    place = {label: code for code, label in enumerate(order)}
    return np.array([place[label] for label in names], dtype=np.int32)[codes], tuple(order)


@dataclass(frozen=True, eq=False)
class Crossed:
    """codes (n,) int32 of the rows that stay, into groups; stays (n,) bool; pooled: how many groups were too small."""

    codes: np.ndarray
    groups: tuple[str, ...]
    stays: np.ndarray
    pooled: int


def crossed(columns: Mapping[str, pd.Series], parts: Sequence[Coded], smallest: int | None = None) -> Crossed:
    """The groups that occur among the rows of `columns`, crossed in the order of each column's values.

    parts: the codes of each column. With `smallest`, groups of fewer rows are pooled as "(small groups)", which comes
    last; where the pool has fewer rows too, its rows are left out. Raises TaskError where two groups would have one
    name, or where there are more than `MAX_GROUPS`.
    """
    flat = np.zeros(len(parts[0][0]), dtype=np.int64)
    for codes, labels in parts:
        # Compressing after each column keeps the numbers small however many columns are crossed.
        _, flat = np.unique(flat, return_inverse=True)
        flat = flat * len(labels) + codes
    _, first, codes, rows = np.unique(flat, return_index=True, return_inverse=True, return_counts=True)
    large = rows >= (smallest or 0)
    if np.count_nonzero(large) > MAX_GROUPS:
        raise TaskError(_too_many(columns, [len(labels) for _, labels in parts], int(np.count_nonzero(large))))
    groups = [" / ".join(labels[part[row]] for part, labels in parts) for row in first[large]]
    place = np.where(large, np.cumsum(large) - 1, len(groups))
    few = int(rows[~large].sum())
    stays = np.ones(len(flat), dtype=bool)
    if few and few < (smallest or 0):
        stays = large[codes]
        codes = codes[stays]
    elif few:
        groups.append(SMALL_GROUPS)
    if len(set(groups)) < len(groups):
        raise TaskError(
            f"Two groups of {listing(columns)} have the same name. "
            f"Rename the values that contain ' / ', or that are called '{SMALL_GROUPS}'."
        )
    return Crossed(place[codes].astype(np.int32), tuple(groups), stays, int(np.count_nonzero(~large)))


def _too_many(columns: Mapping[str, pd.Series], sizes: Sequence[int], count: int) -> str:
    widest = list(columns)[int(np.argmax(sizes))]
    message = f"'{shorten(widest)}' gives {count:,} groups; at most {MAX_GROUPS} can be compared."
    cuts = suggested_cuts(columns[widest])
    if cuts:
        return f"{message} Cut it into bins, for example at {listing(value_label(cut) for cut in cuts)}."
    return f"{message} Choose a column with fewer values, or pool its values first."


def is_unknown(group: str, columns: int = 1) -> bool:
    """Whether a group's name says that an attribute is not known; `columns` are crossed in it.

    >>> is_unknown("(missing)"), is_unknown("Female / Unknown", 2), is_unknown("NULL"), is_unknown("None of these")
    (True, True, True, False)
    """
    parts = group.split(" / ") if columns > 1 else [group]
    return any(part == MISSING or part.strip().casefold() in UNKNOWN for part in parts)


def suggested_reference(
    rows: np.ndarray, favorable: np.ndarray, share: np.ndarray | None = None, known: np.ndarray | None = None
) -> int:
    """Code of the group to compare with: the highest share of favorable outcomes among groups that tell enough.

    rows, favorable (G,): counts per group; known (G,) bool: which groups say what they are, all by default: another is
    never suggested where one does. Groups of at least 30 rows count; where three or more do, not the one whose
    95 % interval is the widest of all, since every gap would then rest on the least certain rate. Ties go to the larger
    group, then to the first; where no group has 30 rows it is the largest. share (G,): the shares to go by where they
    are not favorable / rows, as of weighted rows.

    >>> suggested_reference(rows=np.array([500, 300, 20]), favorable=np.array([100, 90, 20]))
    1
    >>> suggested_reference(rows=np.array([500, 300, 40]), favorable=np.array([100, 90, 30]))
    1
    """
    told = np.ones(rows.size, dtype=bool) if known is None or not known.any() else known
    large = [code for code in range(rows.size) if rows[code] >= SMALL_GROUP and told[code]]
    if not large:
        return int(np.argmax(np.where(told, rows, -1)))
    if len(large) > 2:
        low, high = wilson_interval(favorable, rows)
        width = np.round(high - low, 12)
        large = [code for code in large if width[code] < width[large].max()] or large
    if share is not None:
        return max(large, key=lambda code: (share[code], rows[code], -code))
    # Shares as exact fractions, so that a tie is one.
    return max(large, key=lambda code: (Fraction(int(favorable[code]), int(rows[code])), rows[code], -code))
