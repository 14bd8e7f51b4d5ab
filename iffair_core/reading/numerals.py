"""Numbers as people write them: decimal point or comma, thousands separators, currency signs, percent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

NUMERIC_MISSING = frozenset({"NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None", "?"})
"""Cells that mean "missing" in a column whose every other value is a number; in a text column they are values."""

_CURRENCY = r"(?:\p{Sc}|US\$|A\$|C\$|R\$|USD|EUR|GBP|CHF|JPY|CNY|INR|CAD|AUD|SEK|NOK|DKK|PLN|kr\.?|zł|Rs\.?)"
_BLANKS = r"[ \x{a0}\x{202f}\x{2009}]"
_INFINITE = r"(?i:[+-]?inf(?:inity)?)"


def _number(decimal: str) -> str:
    """Pattern of a number with this decimal sign; the other sign, blanks or apostrophes may group its digits."""
    mark, other = (r"\.", ",") if decimal == "." else (",", r"\.")
    whole = (
        rf"\d+|[1-9]\d{{0,2}}(?:{other}\d{{3}})+|[1-9]\d{{0,2}}(?:{_BLANKS}\d{{3}})+|[1-9]\d{{0,2}}(?:['’]\d{{3}})+"
        + (r"|[1-9]\d?(?:,\d{2})+,\d{3}" if decimal == "." else "")
    )
    return rf"^(?:[+-]?(?:(?:{whole})(?:{mark}\d*)?|{mark}\d+)(?:[eE][+-]?\d+)?|{_INFINITE})$"


_PATTERNS = {decimal: _number(decimal) for decimal in (".", ",")}
_PLAIN = r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$"


@dataclass(frozen=True, eq=False)
class Parsed:
    """Cells read as numbers. values (d,) float64, NaN where `good` (d,) bool is False.

    signs (d,) object: the currency sign, "" where there is none; `percent`, `grouped`, `marker` (d,) bool: which cells
    have a percent sign, have thousands separators, are one of `NUMERIC_MISSING`.
    """

    values: np.ndarray
    good: np.ndarray
    signs: np.ndarray
    percent: np.ndarray
    grouped: np.ndarray
    marker: np.ndarray

    @property
    def currency(self) -> tuple[str, ...]:
        """The currency signs seen."""
        return tuple(sorted({sign for sign in self.signs.tolist() if sign}))

    @property
    def fits(self) -> bool:
        """Whether every cell that is no marker is a number, and there is one."""
        return bool((self.good | self.marker).all() and self.good.any())

    def part(self, start: int, end: int) -> Parsed:
        """The cells from `start` to before `end`."""
        return Parsed(*(getattr(self, one.name)[start:end] for one in fields(self)))


def parse_numbers(cells: pa.Array, decimal: str) -> Parsed:
    """Cells (no nulls) as numbers with "." or "," as decimal sign; blanks around them do not count.

    A leading or trailing currency sign, a trailing percent sign (which divides nothing), brackets for negative numbers
    and thousands separators are understood.
    """
    trimmed = pc.utf8_trim_whitespace(cells)
    marker = flags(pc.is_in(trimmed, pa.array(sorted(NUMERIC_MISSING), cells.type)))
    text = pc.replace_substring_regex(trimmed, pattern="^([+-]?)[−–]", replacement=r"\1-")
    plain = flags(pc.match_substring_regex(text, _PLAIN)) if decimal == "." else np.zeros(len(text), dtype=bool)
    bare = text
    signs = np.full(len(text), "", dtype=object)
    percent = np.zeros(len(text), dtype=bool)
    if not plain.all():
        bare = pc.replace_substring_regex(bare, pattern=r"^\((\S.*)\)$", replacement=r"-\1")
        percent = flags(pc.ends_with(bare, "%"))
        if percent.any():
            bare = pc.replace_substring_regex(bare, pattern=r"\s*%$", replacement="")
        signed = rf"^([+-]?)\s*{_CURRENCY}\s*([+-]?[\d.,])"
        with_sign = pc.or_(
            pc.match_substring_regex(bare, signed), pc.match_substring_regex(bare, rf"\d[.,]?\s*{_CURRENCY}$")
        )
        if pc.any(with_sign).as_py():
            found = pc.extract_regex(bare.filter(with_sign), rf"(?P<sign>{_CURRENCY})")
            signs[flags(with_sign)] = found.field("sign").to_numpy(zero_copy_only=False)
            bare = pc.replace_substring_regex(bare, pattern=signed, replacement=r"\1\2")
            bare = pc.replace_substring_regex(bare, pattern=rf"(\d[.,]?)\s*{_CURRENCY}$", replacement=r"\1")
    good = plain | flags(pc.match_substring_regex(bare, _PATTERNS[decimal]))
    bare = bare.filter(pa.array(good))
    grouping = rf"[{',' if decimal == '.' else '.'}'’ \x{{a0}}\x{{202f}}\x{{2009}}]"
    grouped = np.zeros(len(text), dtype=bool)
    grouped[good] = flags(pc.match_substring_regex(bare, grouping))
    bare = pc.replace_substring_regex(bare, pattern=grouping, replacement="")
    if decimal == ",":
        bare = pc.replace_substring(bare, pattern=",", replacement=".")
    values = np.full(len(text), np.nan)
    values[good] = pc.cast(bare, pa.float64()).to_numpy(zero_copy_only=False)
    return Parsed(values, good, signs, percent, grouped, marker)


def parse_each(arrays: Sequence[pa.Array], decimal: str) -> list[Parsed]:
    """`parse_numbers` of each array, in one pass: thousands of short ones take no longer than a long one."""
    if not arrays:
        return []
    ends = np.cumsum([len(cells) for cells in arrays]).tolist()
    parsed = parse_numbers(pa.concat_arrays(arrays), decimal)
    return [parsed.part(end - len(cells), end) for cells, end in zip(arrays, ends, strict=True)]


def flags(array: Any) -> np.ndarray:
    """A boolean array without nulls, (n,) bool."""
    return array.to_numpy(zero_copy_only=False).astype(bool)
