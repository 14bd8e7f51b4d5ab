"""Groups of a column of dates: one per year, cut at dates, or by age on a day."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa

from iffair_core.errors import TaskError, listing, shorten
from iffair_core.reading.dates import parse_dates
from iffair_core.reading.types import infer_types, to_dates
from iffair_core.reading.values import MISSING, bin_codes, value_label

YEARS = "years"
_AGES = re.compile(r"age\s+(?P<cuts>[\d.,\s]+?)\s+(?:at|on)\s+(?P<day>\S+)\Z", re.ASCII)
_YEAR = re.compile(r"\d{4}(\.0)?\Z", re.ASCII)
WAYS = "Give years or days, as 1970, 1985-07-01; years for one group per year; or age 25, 60 at 2024-12-31"


def dates_of(name: str, column: pd.Series, warnings: list[str] | None = None) -> np.ndarray | None:
    """(n,) datetime64[D] of a column of dates, NaT for the missing; None for any other column.

    What is said about how text was read as dates is added to `warnings`.
    """
    if column.dtype.kind != "M":
        plain = pd.Series(column.array, name=name)
        if infer_types(plain.to_frame())[name] != "date":
            return None
        column = to_dates(name, plain, None, [] if warnings is None else warnings)
    return column.dt.tz_localize(None).to_numpy("datetime64[D]")


def suggested_years(days: np.ndarray) -> tuple[float, ...]:
    """Years near the quartiles, each with days before it and after; () where all days are of one year.

    >>> suggested_years(np.arange("1960-06-01", "2000-06-01", dtype="datetime64[D]"))
    (1970.0, 1980.0, 1990.0)
    """
    years = _years(days[~np.isnat(days)])
    if not years.size:
        return ()
    return tuple(sorted({float(year) for year in np.quantile(years, (0.25, 0.5, 0.75), method="nearest")}
                        - {float(years.min())}))  # fmt: skip


def by_date(
    name: str, days: np.ndarray, given: Sequence[object] | str, quantiles: int | None
) -> tuple[tuple[float | str, ...], tuple[np.ndarray, tuple[str, ...]]]:
    """(cut points in force, (codes (n,) int32, labels)) of days (n,) datetime64[D].

    given: cut points, each a year or a day; "years"; or "age 25, 60 at 2024-12-31". `quantiles`: the number of groups
    of like size, where that is asked for. Groups are left-closed; the last label is "(missing)". Raises TaskError where
    `given` is none of these.

    >>> born = np.array(["1969-12-31", "1970-01-01", "1999-06-30"], dtype="datetime64[D]")
    >>> for given in ([1970], "years", "age 25 at 2024-06-29"):
    ...     codes, labels = by_date("born", born, given, None)[1]
    ...     print([labels[code] for code in codes])
    ['< 1970', '>= 1970', '>= 1970']
    ['1969', '1970', '1999']
    ['age >= 25', 'age >= 25', 'age < 25']
    """
    if quantiles is not None:
        given = _quantile_days(days, quantiles)
        if not given:
            raise TaskError(f"'{shorten(name)}' has fewer than two different dates. Leave its bins out.")
    if isinstance(given, str):
        ages = _AGES.match(given.strip())
        if ages:
            return _by_age(name, days, ages)
        if given.strip() != YEARS:
            raise TaskError(f"The bins of '{shorten(name)}', which holds dates, are '{shorten(given)}'. {WAYS}.")
        return _by_year(days)
    cuts = [_day(cut) for cut in given]
    points = np.array([day for day, _ in cuts], dtype="datetime64[D]")
    if not cuts or np.isnat(points).any() or np.any(np.diff(points) <= np.timedelta64(0)):
        raise TaskError(f"The bins of '{shorten(name)}' ({listing(given)}) are not rising dates. {WAYS}.")
    names = [label for _, label in cuts]
    labels = (f"< {names[0]}", *(f"{a} to < {b}" for a, b in itertools.pairwise(names)), f">= {names[-1]}", MISSING)
    codes = np.searchsorted(points, days, side="right").astype(np.int32)
    codes[np.isnat(days)] = len(labels) - 1
    return tuple(float(label) if _YEAR.match(label) else label for label in names), (codes, labels)


def _by_year(days: np.ndarray) -> tuple[tuple[float | str, ...], tuple[np.ndarray, tuple[str, ...]]]:
    absent = np.isnat(days)
    seen = np.unique(_years(days[~absent]))
    codes = np.full(days.size, seen.size, dtype=np.int32)
    codes[~absent] = np.searchsorted(seen, _years(days[~absent]))
    return tuple(map(float, seen[1:])), (codes, (*(str(year) for year in seen), MISSING))


def _by_age(
    name: str, days: np.ndarray, asked: re.Match[str]
) -> tuple[tuple[float | str, ...], tuple[np.ndarray, tuple[str, ...]]]:
    """Completed years of age on a day; whoever is born later has none."""
    on, _ = _day(asked["day"])
    cuts = [float(cut) for cut in asked["cuts"].split(",") if cut.strip()]
    if np.isnat(on) or not cuts or np.any(np.diff(cuts) <= 0):
        raise TaskError(f"The ages of '{shorten(name)}' ('{shorten(asked[0])}') do not rise, or name no day. {WAYS}.")
    ages = np.where(np.isnat(days) | (days > on), np.nan, _ages(days, on))
    codes, labels = bin_codes(ages, cuts)
    return tuple(cuts), (codes, (*(f"age {label}" for label in labels[:-1]), MISSING))


def _ages(days: np.ndarray, on: np.datetime64) -> np.ndarray:
    """(n,) float64 birthdays from `days` until `on`."""
    months = days.astype("datetime64[M]")
    of_year = (months.astype(np.int64) % 12) * 31 + (days - months).astype(np.int64)
    month = on.astype("datetime64[M]")
    before = of_year > (int(month.astype(np.int64)) % 12) * 31 + int((on - month).astype(np.int64))
    return (int(_years(np.array([on]))[0]) - _years(days) - before).astype(np.float64)


def _years(days: np.ndarray) -> np.ndarray:
    return days.astype("datetime64[Y]").astype(np.int64) + 1970


def _quantile_days(days: np.ndarray, parts: int) -> list[str]:
    """Days that cut the column into parts of like size, as in `quantile_cuts`."""
    known = np.sort(days[~np.isnat(days)])
    if not known.size or known[0] == known[-1]:
        return []
    cuts = np.unique(known[np.ceil(np.arange(1, parts) / parts * (known.size - 1)).astype(int)])
    above = cuts[cuts > known[0]]
    return [str(day) for day in (above if above.size else np.unique(known)[1:2])]


def _day(cut: object) -> tuple[np.datetime64, str]:
    """A cut point as a day and its name: a year begins with its first day. NaT where it is neither."""
    text = value_label(cut)
    if _YEAR.match(text):
        return np.datetime64(f"{text[:4]}-01-01", "D"), text[:4]
    day = parse_dates(pa.array([text], pa.string())).days[0]
    return day, str(day)
