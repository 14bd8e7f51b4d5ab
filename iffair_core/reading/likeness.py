"""What the cells of a table's columns look like, and how well another cell or name fits among them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from math import log, log1p

import numpy as np

from iffair_core.reading.cells import TYPED, Record, kind_of

_SHAPES = str.maketrans(
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", "9" * 10 + "a" * 26 + "A" * 26
)


def pattern(cell: str) -> str:
    """Digits as 9, letters as A or a, anything else as it is."""
    return cell.translate(_SHAPES)


def _collapsed(pattern: str) -> str:
    return "".join(character for character, _ in groupby(pattern))


class Column:
    """What regular cells of one column look like."""

    def __init__(self, cells: Sequence[str], quoted: Sequence[bool]) -> None:
        stripped = [cell.strip() for cell in cells]
        self.count = len(stripped)
        self.kinds = Counter(map(kind_of, stripped))
        filled = [cell for cell in stripped if cell]
        patterns = [pattern(cell) for cell in filled if len(cell) <= 40]
        self.exact = Counter(patterns)
        self.loose = Counter(map(_collapsed, patterns))
        self.exact_focus = self._focus(self.exact, len(filled))
        self.loose_focus = self._focus(self.loose, len(filled))
        self.values = {value for value, times in Counter(filled).items() if times >= 2}
        lengths = np.log1p([len(cell) for cell in filled]) if filled else np.zeros(1)
        self.length, self.spread = float(lengths.mean()), max(float(lengths.std()), 0.2)
        self.quoted = sum(quoted) / max(1, sum(1 for cell, mark in zip(cells, quoted, strict=True) if cell or mark))
        kind, times = self.kinds.most_common(1)[0] if self.count else ("empty", 0)
        present = self.count - self.kinds["empty"] - self.kinds["missing"]
        self.typed = kind if kind in TYPED and times >= 0.7 * max(1, present) else ""

    @staticmethod
    def _focus(patterns: Counter[str], count: int) -> float:
        return sum((times / count) ** 2 for times in patterns.values()) if count else 0.0

    def fit(self, cell: str, quoted: bool | None) -> float:
        """Log-likelihood, roughly, of the cell in this column; `quoted` None where that says nothing."""
        text, n = cell.strip(), self.count
        kind = kind_of(text)
        score = log((self.kinds[kind] + 0.3) / (n + 2))
        if kind == "missing":
            absent = self.kinds["empty"] + self.kinds["missing"]
            return max(score, log((absent + 0.6) / (n + 2)))
        if kind == "empty":
            return score
        if len(text) <= 40:
            shape = pattern(text)
            score += self.loose_focus * log((self.loose[_collapsed(shape)] + 0.2) / (n + 1))
            score += self.exact_focus * log((self.exact[shape] + 0.2) / (n + 1))
        elif self.loose_focus > 0.5:
            score += self.loose_focus * log(0.2 / (n + 1))
        if kind in ("text", "word", "code"):
            score -= 0.5 * min(0.5 * ((log1p(len(text)) - self.length) / self.spread) ** 2, 8.0)
        if text in self.values:
            score += 1.0
        if quoted is not None and n:
            share = self.quoted if quoted else 1 - self.quoted
            score += 0.7 * log((share * n + 0.5) / (n + 1))
        return score


class Columns:
    """The columns of the table, described by regular rows of the sample; each is looked at when first asked for."""

    def __init__(self, rows: Sequence[Record], width: int) -> None:
        most = max(3, min(300, 200_000 // width))
        self.rows = rows[:: max(1, len(rows) // most)][:most] if len(rows) > most else rows
        self.width = width
        self.known: dict[int, Column] = {}
        self.typical_fit: dict[int, float] = {}
        self.fits: dict[tuple[int, str, bool | None], float] = {}

    def __getitem__(self, position: int) -> Column:
        if position not in self.known:
            self.known[position] = Column(
                [row.cells[position] for row in self.rows], [row.quoted[position] for row in self.rows]
            )
        return self.known[position]

    def fit(self, position: int, cell: str, quoted: bool | None = None) -> float:
        key = position, cell, quoted
        found = self.fits.get(key)
        if found is None:
            found = self[position].fit(cell, quoted)
            if len(self.fits) > 200_000:
                self.fits.clear()
            self.fits[key] = found
        return found

    def typical(self, position: int) -> float:
        """The mean fit of regular cells of the column."""
        if position not in self.typical_fit:
            column = self[position]
            few = self.rows[:: max(1, len(self.rows) // 30)]
            fits = [column.fit(row.cells[position], row.quoted[position]) for row in few]
            self.typical_fit[position] = sum(fits) / len(fits) if fits else -1.0
        return self.typical_fit[position]


_WORDS = {
    "date": r"date|day|birth|dob|datum|tag|since|until",
    "time": r"time|hour|zeit|clock",
    "stamp": r"date|time|stamp|at",
    "number": r"qty|quantity|count|amount|num|number|age|year|total|score|rate|size|weight|height|hours|value|rank|id",
    "money": r"price|cost|amount|salary|income|value|total|fee|revenue|wage",
    "share": r"share|percent|pct|rate|percentage",
    "address": r"url|uri|link|website|site|web|email|mail|homepage",
    "flag": r"is|has|flag|active|yes",
    "text": r"name|description|desc|comment|comments|title|type|text|note|notes|label|category|city|country|product",
    "code": r"id|code|key|sku|zip|ref|no|number|nr",
    "word": r"name|sex|gender|city|country|type|category|group|class|status|race|region|state",
}
_ANY_WORD = re.compile(rf"(?:{'|'.join(_WORDS.values())}|first|last|product|user|customer|order)s?", re.IGNORECASE)


class NameColumns:
    """What the cells of a header may look like above the columns of a table."""

    def __init__(self, columns: Columns) -> None:
        self.columns, self.width = columns, columns.width

    def fit(self, position: int, cell: str, quoted: bool | None = None) -> float:
        """As `Columns.fit`: names are short, are no values, and often say what kind of column they head."""
        text = cell.strip()
        if not text:
            return -0.5 if not self.columns[position].count - self.columns[position].kinds["empty"] else -4.0
        kind = kind_of(text)
        score = -3.0 if kind in TYPED else -1.0 if len(text) > 60 else 0.0
        column = self.columns[position]
        own = column.typed or (column.kinds.most_common(1)[0][0] if column.count else "text")
        words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", text)
        if any(re.fullmatch(rf"(?:{_WORDS.get(own, 'x^')})s?", word, re.IGNORECASE) for word in words):
            score += 1.2
        if words and all(_ANY_WORD.fullmatch(word) for word in words):
            score += 1.0
        return score - 0.3 * (self.quoted_differs(position, quoted))

    def quoted_differs(self, position: int, quoted: bool | None) -> bool:
        """Whether a name is written with marks over a column without, or the other way round."""
        return quoted is not None and (self.columns[position].quoted > 0.9) != quoted

    def typical(self, position: int) -> float:
        """The fit of an ordinary name."""
        return 0.0
