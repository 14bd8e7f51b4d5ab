"""Text that is a date: ISO, and day, month and year as people write them, in the order that the column itself shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_MONTHS = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_NAME = r"(?P<name>[a-z]{3,9})\.?"
_TIME = r"(?:[t ,]+\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?:\s*[ap]m)?\s*(?:z|utc|gmt|[+-]\d{2}:?\d{2})?)?$"
_YEAR, _SHORT = r"(?P<year>\d{4})", r"(?P<year>\d{4}|\d{2})"
_DAY, _TH = r"(?P<day>\d{1,2})", r"(?:st|nd|rd|th)?"
_FORMS = (
    rf"^{_YEAR}-(?P<month>\d{{1,2}})(?:-{_DAY})?{_TIME}",
    rf"^{_YEAR}(?P<mark>[/.])(?P<month>\d{{1,2}})[/.]{_DAY}{_TIME}",
    rf"^(?P<first>\d{{1,2}})(?P<mark>[/.-])(?P<second>\d{{1,2}})[/.-]{_SHORT}{_TIME}",
    rf"^{_DAY}{_TH}[ -]\s*{_NAME}(?:,? |-){_SHORT}{_TIME}",
    rf"^{_NAME} {_DAY}{_TH},? {_YEAR}{_TIME}",
    rf"^{_YEAR}[ -]{_NAME}[ -]{_DAY}{_TIME}",
)
_CENTURY = 69
"""Two-digit years up to this one belong to 2000, the others to 1900, as in POSIX."""


@dataclass(frozen=True, eq=False)
class Dates:
    """Cells read as dates. days (d,) datetime64[D], NaT where a cell is none.

    order: "day first" or "month first" where the cells are written as in 3/4/2020, else "". doubtful: no cell shows
    which of the two it is.
    """

    days: np.ndarray
    order: str
    doubtful: bool


def parse_dates(cells: pa.Array) -> Dates:
    """Cells (no nulls) as dates; a time of day after a date is ignored, and one without a day is its month's first.

    Day before month unless some cell of the column can only be read the other way round, as 3/25/2020.
    """
    text = pc.utf8_lower(pc.utf8_trim_whitespace(cells))
    days = np.full(len(text), np.datetime64("NaT", "D"), dtype="datetime64[D]")
    open_ = np.ones(len(text), dtype=bool)
    order, doubtful = "", False
    for form in _FORMS:
        if not open_.any():
            break
        rows = np.flatnonzero(open_)
        found = pc.extract_regex(text.take(pa.array(rows)), form)
        hit = found.is_valid().to_numpy(zero_copy_only=False)
        if not hit.any():
            continue
        rows, found = rows[hit], found.filter(pa.array(hit))
        year = _whole(found, "year")
        year = np.where(year >= 100, year, np.where(year <= _CENTURY, 2000 + year, 1900 + year))
        if "(?P<first>" in form:
            first, second = _whole(found, "first"), _whole(found, "second")
            day_first, month_first = _days(year, second, first), _days(year, first, second)
            swap = int(np.isnat(day_first).sum()) > int(np.isnat(month_first).sum())
            order = "month first" if swap else "day first"
            doubtful = not swap and not bool((first > 12).any()) and bool((first != second).any())
            made = month_first if swap else day_first
        elif "(?P<name>" in form:
            made = _days(year, _named_months(found), _whole(found, "day"))
        else:
            made = _days(year, _whole(found, "month"), _whole(found, "day"))
        days[rows] = made
        open_[rows[~np.isnat(made)]] = False
    return Dates(days, order, doubtful)


def _whole(found: Any, name: str) -> np.ndarray:
    """A part of the matches as numbers; a day that is not written is 1."""
    part = found.field(name)
    return pc.cast(pc.if_else(pc.equal(part, ""), "1", part), pa.int64()).to_numpy(zero_copy_only=False)


def _named_months(found: Any) -> np.ndarray:
    """Months from their English names or the first three letters of them; 0 for any other word."""
    known = {word: number for number, name in enumerate(_MONTHS, 1) for word in (name, name[:3])} | {"sept": 9}
    names = found.field("name")
    place = pc.index_in(names, pa.array(list(known), names.type)).fill_null(len(known))
    return np.array([*known.values(), 0])[place.to_numpy(zero_copy_only=False)]


def _days(year: np.ndarray, month: np.ndarray, day: np.ndarray) -> np.ndarray:
    """(d,) datetime64[D] of the calendar, NaT where there is no such day."""
    good = (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    months = (year - 1970).astype("datetime64[Y]").astype("datetime64[M]") + np.where(good, month - 1, 0)
    made = months.astype("datetime64[D]") + np.where(good, day - 1, 0)
    good &= made.astype("datetime64[M]") == months
    return np.where(good, made, np.datetime64("NaT", "D"))
