"""How the options of a task that hold more than one text are spelled, on the command line and in links."""

from __future__ import annotations

import csv
import io
import itertools
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from iffair_core.data.date_groups import YEARS
from iffair_core.data.groups import MAX_GROUPS, Cuts
from iffair_core.data.option import ByColumn, Option, Several
from iffair_core.reading.types import TYPES
from iffair_core.reading.values import value_label

_QUANTILES = re.compile(r"quantiles:\s*(\d{1,2})\Z", re.ASCII)
_NAMED = ("quantiles", YEARS, "age ")
_DAY = re.compile(r"\d{4}-\d{1,2}-\d{1,2}\Z", re.ASCII)


class Values(Several):
    """One value of a column, or several; a link leaves them open with an empty text."""

    def words(self, value: Any) -> list[str]:
        several = value if isinstance(value, tuple | list) else () if value is None else (value,)
        return list(dict.fromkeys(value_label(one) for one in several))

    def read(self, texts: Sequence[str]) -> Any:
        return super().read(texts) or None


class Reference(Option):
    """A group: its label, or one for each sensitive column."""

    def words(self, value: Any) -> list[str]:
        several = value if isinstance(value, tuple) else (value,)
        return [] if value is None else [" / ".join(value_label(one) for one in several)]


class Bins(ByColumn):
    """Cut points of columns, age=25,60; 4 quantiles are age=quantiles:4, and age:q4 in a link."""

    def value(self, text: str) -> Any:
        return text if text.startswith(_NAMED) else parse_cuts(text)

    def texts(self, value: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        for column, cuts in value.items():
            yield column, cuts if isinstance(cuts, str) else ",".join(value_label(cut) for cut in cuts)

    def one(self, text: str, mark: str = "=") -> tuple[str, Any]:
        if mark == "=":
            return super().one(text)
        column, between, cuts = text.rpartition(mark)
        if not between:
            raise ValueError("no column is named")
        if re.match(r"q\d", cuts):
            cuts = f"quantiles:{cuts[1:]}"
            if not quantiles(cuts):
                raise ValueError("not that many groups")
        return column, self.value(cuts)

    def written(self, value: Any) -> list[str]:
        # No cut point can be called q4.
        return [f"{name}:{cuts.replace('quantiles:', 'q')}" for name, cuts in self.texts(value)]

    def said(self, value: Any) -> str:
        return self.listed([f"{column}:{text}" for column, text in self.texts(value)])


class Types(ByColumn):
    """Types of columns."""

    def value(self, text: str) -> str:
        if text not in TYPES:
            raise ValueError("no type")
        return text


class Pool(Several):
    """Values of sensitive columns taken together under a name."""

    def one(self, text: str) -> tuple[str, str, list[str]]:
        return parse_pool(text)

    def collected(self, values: Sequence[Any]) -> dict[str, dict[str, tuple[str, ...]]]:
        found: dict[str, dict[str, tuple[str, ...]]] = {}
        for column, name, held in values:
            names = found.setdefault(column, {})
            names[name] = (*names.get(name, ()), *held)
        return found

    def words(self, value: Any) -> list[str]:
        return [
            pool_text(column, name, [value_label(one) for one in values])
            for column, names in (value or {}).items()
            for name, values in names.items()
        ]

    def read(self, texts: Sequence[str]) -> dict[str, dict[str, tuple[str, ...]]]:
        pool: dict[str, dict[str, tuple[str, ...]]] = {}
        for text in filter(None, texts):
            row = json.loads(text)
            if not isinstance(row, list) or len(row) < 3 or not all(isinstance(part, str) for part in row):
                raise ValueError("no pool")
            pool.setdefault(row[0], {})[row[1]] = tuple(row[2:])
        return pool

    def written(self, value: Any) -> list[str]:
        """Each pool as a JSON list: column, new name, values. Any of them may hold any character."""
        rows = [[column, name, *held] for column, pools in value.items() for name, held in pools.items()]
        return [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows]

    def said(self, value: Any) -> str:
        parts = [f"{new}: {'+'.join(held)}" for pools in value.values() for new, held in pools.items()]
        return self.listed(parts)


def quantiles(cuts: Cuts | str) -> int | None:
    """The number of groups that "quantiles:4" asks for; None for cut points."""
    found = _QUANTILES.match(cuts) if isinstance(cuts, str) else None
    return int(found[1]) if found and 2 <= int(found[1]) <= MAX_GROUPS else None


def parse_cuts(text: str) -> Cuts:
    """Cut points written as "25, 60" or "1970, 1985-07-01"; empty text gives none.

    Raises ValueError where one is neither a number nor a day, or where numbers do not rise.
    """
    parts = [part.strip() for part in text.replace(";", ",").split(",")]
    cuts = tuple(part if _DAY.match(part) else float(part) for part in parts if part)
    numbers = [cut for cut in cuts if not isinstance(cut, str)]
    if not all(map(math.isfinite, numbers)) or any(high <= low for low, high in itertools.pairwise(numbers)):
        raise ValueError("not rising numbers")
    return cuts


def pool_text(column: str, name: str, values: Sequence[str]) -> str:
    """COL:NAME=V1,V2 as `parse_pool` reads it; a JSON list where the column or the name holds such signs itself."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow(values)
    text = f"{column}:{name}={buffer.getvalue()}"
    plain = not column.startswith("[") and not any(mark in column + name for mark in ":=")
    return text if plain and text.isprintable() else json.dumps([column, name, *values])


def parse_pool(text: str) -> tuple[str, str, list[str]]:
    """(column, name, values) of COL:NAME=V1,V2, values quoted as in a CSV file, or of a JSON list of all of them.

    Raises ValueError where it is neither.
    """
    if text.startswith("["):
        parts = json.loads(text)
        if not all(isinstance(part, str) for part in parts):
            raise ValueError("not texts only")
        column, name, *values = parts
    else:
        head, _, listed = text.partition("=")
        column, _, name = head.partition(":")
        values = next(csv.reader([listed], skipinitialspace=True), [])
    if not (column and name and values):
        raise ValueError("no column, name and values")
    return column, name, values
