"""Names of rows: a row id, or a cohort "COLUMN=VALUE" of every row that has that value."""

from __future__ import annotations

import operator
from collections.abc import Iterable

import numpy as np
import pandas as pd

from iffair_core.errors import ConfigError, listing, shorten
from iffair_core.reading.values import label_codes, value_label


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
    value in that column, "(missing)" for none. Raises ConfigError for a row, column or value that is not there.

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
