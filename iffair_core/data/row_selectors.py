"""Rows by name: a row id, a cohort COLUMN=VALUE, a comparison COLUMN<X of numbers or dates, or "duplicates"."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from iffair_core.errors import ConfigError, TaskError, listing, shorten
from iffair_core.reading.dates import parse_dates
from iffair_core.reading.values import as_numbers, is_number, label_codes, value_label

DUPLICATES = "duplicates"
AND = " & "
COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_BETWEEN = re.compile(r"(\S+) to < (\S+)\Z")
_YEAR = re.compile(r"\d{4}\Z", re.ASCII)


def pin_names(names: int | str | Iterable[int | str]) -> tuple[int | str, ...]:
    """Names of rows or cohorts, each once; one name alone will do. Raises ConfigError for other types.

    >>> pin_names("city=Alder"), pin_names([3, 3, 1])
    (('city=Alder',), (3, 1))
    """
    found: list[int | str] = []
    for name in [names] if isinstance(names, int | str) else names:
        if isinstance(name, bool | np.bool_) or not isinstance(name, int | str | np.integer):
            raise ConfigError(f"{name!r} names no row. Give row ids, or cohorts as 'COLUMN=VALUE'.")
        found.append(name if isinstance(name, str) else operator.index(name))
    return tuple(dict.fromkeys(found))


def rows_matching(table: pd.DataFrame, names: Iterable[int | str]) -> np.ndarray:
    """Which rows of the table are named, (len(table),) bool.

    An integer is a row id, the 0-based position among the file's rows; a text COLUMN=VALUE is every row that has that
    value in that column, "(missing)" for none; a text of several conditions, joined by " & ", every row that meets all
    (`rows_meeting`). Raises ConfigError for a row, column or value that is not there.

    >>> table = pd.DataFrame({"city": ["Alder", "Birch", None]})
    >>> rows_matching(table, [0, "city=(missing)"]).tolist()
    [True, False, True]
    """
    found = np.zeros(len(table), dtype=bool)
    for name in names:
        if isinstance(name, str):
            found |= _cohort(table, name)
        elif not 0 <= name < len(table):
            raise ConfigError(f"There is no row {name}; the rows of the table are 0 to {len(table) - 1}.")
        else:
            found[name] = True
    return found


def _cohort(table: pd.DataFrame, name: str) -> np.ndarray:
    columns = {str(column): column for column in table.columns}
    if _conditions(columns, name):
        try:
            return rows_meeting(table, name)
        except TaskError as error:
            raise ConfigError(str(error)) from error
    # A column's own name may hold an equals sign: the longest name that fits is meant.
    parts = [i for i, letter in enumerate(name) if letter == "="]
    if not parts:
        raise ConfigError(f"{shorten(name, 60)!r} names no cohort. Give COLUMN=VALUE, or a row id.")
    for i in reversed(parts):
        if name[:i] in columns:
            codes, labels = label_codes(table[columns[name[:i]]])
            value = value_label(name[i + 1 :])
            if value not in labels:
                raise ConfigError(
                    f"No row has {shorten(name, 80)}. Values of {shorten(name[:i], 40)!r}: {listing(labels)}."
                )
            return np.asarray(codes == labels.index(value))
    raise ConfigError(f"{shorten(name, 60)!r} names no column of the table. Columns: {listing(list(columns))}.")


def rows_meeting(table: pd.DataFrame, condition: str) -> np.ndarray:
    """Which rows of the table meet a condition, (len(table),) bool.

    "duplicates": later copies of a row that has the same cells in every column. COLUMN=VALUE: as in
    `rows_matching`. COLUMN<X, COLUMN<=X, COLUMN>X, COLUMN>=X: the column's number or date compares so
    with X. A column of text holds dates if every cell is one (`dates.parse_dates`); X is then a date too, or a year.
    Times of day are ignored, and a missing cell meets no comparison. Several conditions joined by " & " are all met.

    Raises TaskError for a column or value that is not there, or that does not compare.

    >>> table = pd.DataFrame({"age": [17, 30, 17], "since": ["2019-05-01", "2021-01-01", "2019-05-01"]})
    >>> rows_meeting(table, "age<18").tolist(), rows_meeting(table, "since>=2020").tolist()
    ([True, False, True], [False, True, False])
    >>> rows_meeting(table, "duplicates").tolist()
    [False, False, True]
    >>> rows_meeting(table, "age>=18 & since=2021-01-01").tolist()
    [False, True, False]
    """
    if condition.strip() == DUPLICATES:
        return table.duplicated().to_numpy()
    columns = {str(column): column for column in table.columns}
    if parts := _conditions(columns, condition):
        return np.logical_and.reduce([rows_meeting(table, part) for part in parts])
    # A column's own name may hold such a sign: the longest name that fits is meant.
    for i in reversed([match.start() for match in re.finditer("[<>=]", condition)]):
        sign = next(sign for sign in (*COMPARISONS, "=") if condition.startswith(sign, i))
        name = condition[:i] if condition[:i] in columns else condition[:i].strip()
        if name not in columns:
            continue
        value = condition[i + len(sign) :]
        if sign == "=":
            try:
                return rows_matching(table, [f"{name}={value}"])
            except ConfigError as error:
                raise TaskError(str(error)) from error
        return _compared(name, table[columns[name]], sign, value.strip())
    raise TaskError(
        f"'{shorten(condition)}' is no condition on a column. Give COLUMN=VALUE, COLUMN<X, COLUMN>=X or {DUPLICATES}. "
        f"Columns: {listing(columns, 30)}."
    )


def _conditions(columns: Mapping[str, object], text: str) -> list[str]:
    """The conditions that " & " joins in a text; none where it is one condition, whose value may hold that sign."""
    parts = text.split(AND)
    named = all(any(part.startswith((f"{name}=", f"{name}<", f"{name}>")) for name in columns) for part in parts)
    return parts if len(parts) > 1 and named else []


def selector(conditions: Iterable[tuple[str, str]]) -> str:
    """The text that names the rows with these values, or in these bins, in their columns.

    >>> selector([("town", "Elm"), ("age", "25 to < 60"), ("debt", ">= 0.5")])
    'town=Elm & age>=25 & age<60 & debt>=0.5'
    """
    parts = []
    for column, value in conditions:
        if between := _BETWEEN.match(value):
            parts += [f"{column}>={between[1]}", f"{column}<{between[2]}"]
        elif value.startswith(("< ", ">= ")):
            parts.append(f"{column}{value.replace(' ', '', 1)}")
        else:
            parts.append(f"{column}={value}")
    return AND.join(parts)


def _compared(name: str, column: pd.Series, sign: str, bound: str) -> np.ndarray:
    compare = COMPARISONS[sign]
    if is_number(column):
        try:
            limit = float(bound)
        except ValueError:
            limit = np.nan
        if np.isnan(limit):
            raise TaskError(
                f"'{shorten(name)}' is a column of numbers and '{shorten(bound)}' is none. Give one, as {sign}18."
            )
        return np.asarray(compare(as_numbers(column), limit))
    raw, distinct = pd.factorize(column, use_na_sentinel=True)
    days = _days(pd.Series(distinct), bound)
    if days is None or np.isnat(days[:-1]).any():
        raise TaskError(
            f"'{shorten(name)}' holds neither numbers nor dates throughout, so '{sign}' says nothing about it. "
            f"Give its values, as '{shorten(name, 40)}={shorten(distinct[0], 20) if len(distinct) else '(missing)'}'."
        )
    if np.isnat(days[-1]):
        raise TaskError(
            f"'{shorten(name)}' is a column of dates and '{shorten(bound)}' is none. Give one, as {sign}2020-12-31."
        )
    found = compare(days[:-1], days[-1])
    return np.asarray(np.append(found, False)[raw])  # a missing cell has code -1, the last


def _days(distinct: pd.Series, bound: str) -> np.ndarray | None:
    """(d + 1,) days of the distinct values and of the bound, NaT where one is no date; None if no value is text."""
    limit = f"{bound}-01" if _YEAR.match(bound) else bound
    if distinct.dtype.kind == "M":
        known = distinct.dt.tz_localize(None).to_numpy("datetime64[D]")
        return np.append(known, parse_dates(pa.array([limit], pa.string())).days)
    if not len(distinct) or not all(isinstance(value, str) for value in distinct):
        return None
    # Read together, so that the bound follows the order of day and month that the column shows.
    return parse_dates(pa.array([*distinct, limit], pa.string())).days
