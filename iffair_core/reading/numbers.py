"""Columns of text that are columns of numbers: decimal point or comma, thousands, currency signs, percent.

A column becomes numbers only if every cell is a number, empty, or one of `NUMERIC_MISSING`; so its type never depends
on where its one odd cell stands. Whether 1,234 is a thousand or one and a bit is decided once for the whole table, by
the columns that leave no doubt.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from iffair_core.errors import listing, shorten

NUMERIC_MISSING = frozenset({"NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None", "?"})
"""Cells that mean "missing" in a column whose every other value is a number; in a text column they are values."""
EXACT = 2**53
"""Whole numbers beyond this lose digits as floating-point numbers."""
ODD_SHARE, ODD_VALUES = 0.01, 5
"""A column of text with at most this share of rows, and so many values, that are no numbers is worth a note."""

_THREADS, _WORTH_THREADS = 4, 50_000
_SAMPLE, _LIKELY_SHARE = 1_000, 0.9
_PIECE = 4_096
_UNITS = r"US\$|A\$|C\$|R\$|USD|EUR|GBP|CHF|JPY|CNY|INR|CAD|AUD|SEK|NOK|DKK|PLN|kr\.?|zł|Rs\.?"
_CURRENCY = rf"(?:\p{{Sc}}|{_UNITS})"
_BEFORE, _AFTER = rf"^([+-]?)\s*{_CURRENCY}\s*([+-]?[\d.,])", rf"(\d[.,]?)\s*{_CURRENCY}$"
_SIGNED = rf"^[+-]?\s*(?P<before>{_CURRENCY})\s*[+-]?[\d.,]|\d[.,]?\s*(?P<after>{_CURRENCY})$"
_BLANKS = r" \x{a0}\x{202f}\x{2009}"
_CODE, _LONG = r"^[+-]?0\d+$", r"^[+-]?\d{16,}$"
_GROUPED_POINTS = r"^[+-]?(?:\d+|[1-9]\d{0,2}(?:\.\d{3})+)$"
_LIKELY = re.compile(
    rf"\s*[-+−–(]*\s*(?:{_UNITS}|[^\w\s])?\s*[-+]?(?:[\d.,][\d.,'’\s]*(?:e[-+]?\d+)?|inf(?:inity)?)"
    rf"\s*(?:{_UNITS}|[^\w\s])?[)%\s]*",
    re.IGNORECASE,
)
"""What may be a number, with either decimal sign."""
_In = TypeVar("_In")
_Out = TypeVar("_Out")


def in_threads(work: Callable[[_In], _Out], columns: Sequence[_In], cells: int) -> list[_Out]:
    """`work` on every column, on a few threads where there are so many cells that these are worth starting."""
    if cells < _WORTH_THREADS:
        return [work(column) for column in columns]
    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(work, columns))


def with_nulls(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column with its empty cells, and those of blanks alone, as nulls."""
    blank = pc.or_(pc.utf8_is_space(column), pc.equal(pc.binary_length(column), 0))
    return pc.if_else(blank, None, column) if pc.any(blank).as_py() else column


# ------------------------------------------------------------------------------------------------------------- cells


def _plain(mark: str) -> str:
    return rf"^[+-]?(?:\d+{mark}?\d*|{mark}\d+)(?:[eE][+-]?\d+)?$"


def _number(mark: str, other: str, more: str = "") -> str:
    """Pattern of a number with the decimal sign `mark`; `other`, blanks or apostrophes may group its digits."""
    groups = [rf"[1-9]\d{{0,2}}(?:{sign}\d{{3}})+" for sign in (other, f"[{_BLANKS}]", "['’]")]
    whole = "|".join([r"\d+", *groups]) + more
    return rf"^(?:[+-]?(?:(?:{whole})(?:{mark}\d*)?|{mark}\d+)(?:[eE][+-]?\d+)?|(?i:[+-]?inf(?:inity)?))$"


_PLAIN = {".": _plain(r"\."), ",": _plain(",")}
_NUMBER = {".": _number(r"\.", ",", r"|[1-9]\d?(?:,\d{2})+,\d{3}"), ",": _number(",", r"\.")}
_GROUPING = {".": f"[,'’{_BLANKS}]", ",": f"[.'’{_BLANKS}]"}


@dataclass(frozen=True, eq=False)
class Parsed:
    """Cells read as numbers: values (d,) float64, NaN where a cell is none.

    odd, percent, grouped (d,) bool: which cells are neither a number nor one of `NUMERIC_MISSING`, have a percent sign,
    have thousands separators. signs (d,) object: the currency sign, "" where there is none.
    """

    values: np.ndarray
    odd: np.ndarray
    percent: np.ndarray
    grouped: np.ndarray
    signs: np.ndarray

    @property
    def currency(self) -> list[str]:
        """The currency signs seen."""
        return sorted(set(self.signs.tolist()) - {""})

    @property
    def good(self) -> np.ndarray:
        """(d,) bool: the cells that are numbers."""
        return ~np.isnan(self.values)

    @property
    def units(self) -> bool:
        """Whether some numbers are shares and others not, or of several currencies."""
        plain = self.good & ~self.percent & (self.values != 0)
        return len(self.currency) > 1 or bool(self.percent.any() and plain.any())


def parse_numbers(cells: pa.Array, decimal: str) -> Parsed:
    """Cells (no nulls) as numbers with "." or "," as decimal sign; blanks around them do not count.

    A leading or trailing currency sign, a trailing percent sign (which divides nothing), brackets for negative numbers
    and thousands separators are understood.
    """
    text = pc.utf8_trim_whitespace(cells)
    plain = _flags(pc.match_substring_regex(text, _PLAIN[decimal]))
    values, signs = np.full(len(text), np.nan), np.full(len(text), "", dtype=object)
    odd, percent, grouped = (np.zeros(len(text), dtype=bool) for _ in range(3))
    values[plain] = _floats(text.filter(pa.array(plain)), decimal)
    rest = np.flatnonzero(~plain)
    if not len(rest):
        return Parsed(values, odd, percent, grouped, signs)
    bare = text.take(pa.array(rest))
    marker = _flags(pc.is_in(bare, pa.array(sorted(NUMERIC_MISSING), bare.type)))
    bare = pc.replace_substring_regex(bare, "^([+-]?)[−–]", r"\1-")
    bare = pc.replace_substring_regex(bare, r"^\((\S.*)\)$", r"-\1")
    percent[rest] = _flags(pc.ends_with(bare, "%"))
    bare = pc.replace_substring_regex(bare, r"\s*%$", "")
    sign = pc.extract_regex(bare, _SIGNED)
    if sign.null_count < len(sign):
        joined = pc.binary_join_element_wise(
            *(pc.struct_field(sign, side) for side in (0, 1)), pa.scalar("", bare.type)
        )
        signs[rest] = joined.fill_null("").to_numpy(zero_copy_only=False)
        bare = pc.replace_substring_regex(bare, _BEFORE, r"\1\2")
        bare = pc.replace_substring_regex(bare, _AFTER, r"\1")
    good = _flags(pc.match_substring_regex(bare, _NUMBER[decimal]))
    numbers = bare.filter(pa.array(good))
    grouped[rest[good]] = _flags(pc.match_substring_regex(numbers, _GROUPING[decimal]))
    values[rest[good]] = _floats(pc.replace_substring_regex(numbers, _GROUPING[decimal], ""), decimal)
    odd[rest] = ~(good | marker)
    return Parsed(values, odd, percent, grouped, signs)


def _flags(array: Any) -> np.ndarray:
    return array.to_numpy(zero_copy_only=False).astype(bool)


def _floats(cells: pa.Array, decimal: str) -> np.ndarray:
    cells = pc.replace_substring(cells, ",", ".") if decimal == "," else cells
    return pc.cast(cells, pa.float64()).to_numpy(zero_copy_only=False)


def forced_numbers(text: pa.ChunkedArray, decimal: str | None = None) -> tuple[np.ndarray, int, list[str]]:
    """A column of text as (n,) float64 numbers, whatever it takes: (numbers, cells that are none, a few of those).

    Codes, long and mixed numbers become numbers too, markers in `NUMERIC_MISSING` missing without being counted.
    Without `decimal`, the sign that reads more of the distinct cells; the point if both read as many.
    """
    column = _Column(text)
    parsed = max(map(column.parsed, [decimal] if decimal else ".,"), key=lambda one: int(one.good.sum()))
    count = int(np.count_nonzero(parsed.odd[column.coded.indices.drop_null().to_numpy()]))
    return column.spread(parsed), count, column.distinct.filter(pa.array(parsed.odd)).slice(0, 3).to_pylist()


# ----------------------------------------------------------------------------------------------------------- columns


class _Column:
    """A column of text while the table's decimal sign is open.

    kind: "number" (then `numbers` holds them), "long" (numbers that would lose digits), "code" (numbers that begin with
    zeros), "likely" (nearly all cells of a sample may be numbers, so that all are worth reading), else "text".
    """

    def __init__(self, text: pa.ChunkedArray) -> None:
        self.text, self.kind = with_nulls(text), "text"
        self.numbers = np.full(len(text), np.nan)
        self.readings: dict[str, Parsed] = {}

    @cached_property
    def coded(self) -> pa.DictionaryArray:
        """The cells as places among the distinct ones."""
        return self.text.combine_chunks().dictionary_encode()

    @property
    def distinct(self) -> pa.Array:
        """The distinct cells, without the empty one."""
        return self.coded.dictionary

    def parsed(self, decimal: str) -> Parsed:
        """`distinct` read with this decimal sign."""
        if decimal not in self.readings:
            self.readings[decimal] = parse_numbers(self.distinct, decimal)
        return self.readings[decimal]

    def spread(self, parsed: Parsed) -> np.ndarray:
        """The numbers of the distinct cells, (n,) float64 for all cells of the column."""
        return pa.array(parsed.values).take(self.coded.indices).to_numpy(zero_copy_only=False)

    def looked_at(self) -> _Column:
        """The column with its kind as far as it does not depend on the decimal sign."""
        if self.text.null_count == len(self.text):
            self.kind = "number"
            return self
        numbers, long = _plain_numbers(self.text)
        if (numbers is not None or long) and not _like_codes(self.text):
            self.kind, self.numbers = ("long", self.numbers) if numbers is None else ("number", numbers)
        elif self._is_likely():
            trimmed = pc.utf8_trim_whitespace(self.distinct)
            codes = pc.any(pc.match_substring_regex(trimmed, _CODE)).as_py()
            self.kind = "code" if codes else "long" if _loses_digits(trimmed) else "likely"
        return self

    def _is_likely(self) -> bool:
        """Whether nearly all of up to 1,000 cells, evenly spaced, may be numbers or are markers."""
        places = np.linspace(0, len(self.text) - 1, min(_SAMPLE, len(self.text))).astype(np.int64)
        cells = [cell for cell in self.text.take(pa.array(places)).to_pylist() if cell is not None]
        good = sum(_LIKELY.fullmatch(cell) is not None or cell.strip() in NUMERIC_MISSING for cell in cells)
        return good >= _LIKELY_SHARE * len(cells)

    def fits(self, decimal: str) -> bool:
        """Whether every cell that is no marker is a number with this decimal sign, and there is one."""
        parsed = self.parsed(decimal)
        return bool(parsed.good.any()) and not parsed.odd.any()

    def has_points(self) -> bool:
        """Whether these are plain numbers, some with a point."""
        plain = self.kind == "number" and self.numbers.dtype.kind == "f"
        return plain and bool(pc.any(pc.match_substring(self.text, ".")).as_py())


def _like_codes(text: pa.ChunkedArray) -> bool:
    """Whether some cell begins with a zero before another digit or letter, perhaps after a sign."""
    return bool(pc.any(pc.match_substring_regex(text, "^[+-]?0[^.,eE]")).as_py())


def _plain_numbers(text: pa.ChunkedArray) -> tuple[np.ndarray | None, bool]:
    """(the numbers of a column that needs no second look, else None; whether digits would be lost)."""
    # Cast in pieces: within one piece the error of every single cell is written out, which takes long.
    pieces = [chunk.slice(start, _PIECE) for chunk in text.chunks for start in range(0, len(chunk), _PIECE)]
    cells = pa.chunked_array(pieces, type=text.type)
    try:
        whole = pc.cast(cells, pa.int64())
    except pa.ArrowInvalid:
        try:
            values = pc.cast(cells, pa.float64()).to_numpy()
        except pa.ArrowInvalid:
            return None, False
        if np.count_nonzero(np.isnan(values)) != text.null_count:
            return None, False
    else:
        values = (pc.cast(whole, pa.float64(), safe=False) if whole.null_count else whole).to_numpy()
    large = (values >= EXACT) | (values <= -EXACT)
    long = bool(large.any()) and _loses_digits(text.filter(pa.array(large)))
    return (None if long else values), long


def _loses_digits(cells: Any) -> bool:
    """Whether a whole number among the cells, written in digits, is no floating-point number."""
    long = cells.filter(pc.match_substring_regex(cells, _LONG)).to_pylist()
    return any(len(cell) > 400 or int(float(cell)) != int(cell) for cell in long)


def typed_columns(
    columns: Sequence[pa.ChunkedArray], names: Sequence[str], *, decimal: str | None = None, semicolon: bool = False
) -> tuple[list[np.ndarray | pa.ChunkedArray], str, list[str]]:
    """(columns of text cells as numbers where every cell is one, else as text; the decimal sign; notes).

    "" or null is empty. Numbers are (n,) int64 or float64, missing as NaN; text has nulls in empty cells. `decimal`
    fixes the decimal sign for all; otherwise the columns that can be read with one sign only decide for the others.
    `semicolon`: the file is delimited so, as where the comma is the decimal sign; it breaks ties.
    """
    cells = sum(map(len, columns))
    typed = in_threads(lambda text: _Column(text).looked_at(), columns, cells)
    _parse_short([column for column in typed if column.kind in ("likely", "code")])
    sign, doubtful = (decimal, []) if decimal else _decide(typed, semicolon)
    settled = in_threads(lambda column: _settle(column, sign), typed, cells)
    notes = _notes([shorten(name, 40) for name in names], typed, [kind for _, kind in settled], sign)
    if doubtful:
        meaning = "the decimal sign" if sign == "," else "a thousands separator"
        notes.append(
            f"Whether the comma is a decimal sign cannot be told from the file; it was read as {meaning} in "
            f"{listing([names[place] for place in doubtful])}. Fix the decimal sign in the reading options if that is "
            "wrong."
        )
    return [values for values, _ in settled], sign, notes


def _parse_short(columns: Sequence[_Column]) -> None:
    """Read columns of few distinct cells in one pass: thousands of them take no longer than a long one."""
    short = [column for column in columns if len(column.distinct) <= _SAMPLE]
    ends = np.cumsum([len(column.distinct) for column in short]).tolist()
    for decimal in ".," if short else "":
        parsed = parse_numbers(pa.concat_arrays([column.distinct for column in short]), decimal)
        for column, end in zip(short, ends, strict=True):
            part = slice(end - len(column.distinct), end)
            column.readings[decimal] = Parsed(*(getattr(parsed, one.name)[part] for one in fields(Parsed)))


def _decide(columns: Sequence[_Column], semicolon: bool) -> tuple[str, list[int]]:
    """(the decimal sign of the table, places of columns that could be read either way with nothing to tell)."""
    points = commas = 0
    either = []
    for place, column in enumerate(columns):
        if column.kind != "likely":
            continue
        point, comma = column.fits("."), column.fits(",")
        points, commas = points + (point and not comma), commas + (comma and not point)
        values = [column.parsed(sign).values for sign in ".,"]
        if point and comma and not np.array_equal(values[0], values[1], equal_nan=True):
            either.append(place)
    if not commas and not either:
        return ".", []
    dotted = [column.text for column in columns if column.has_points()]
    points += sum(not pc.all(pc.match_substring_regex(text, _GROUPED_POINTS)).as_py() for text in dotted)
    if commas != points:
        return ("," if commas > points else "."), []
    return ("," if semicolon and not dotted else "."), either


def _settle(column: _Column, decimal: str) -> tuple[np.ndarray | pa.ChunkedArray, str]:
    """(the column's values, what there is to say of it: a key of `_SENTENCES`, or other words)."""
    if decimal == "," and column.has_points():  # points mean something else where the comma is the decimal sign
        column.kind = "likely"
    if column.kind == "number":
        return column.numbers, "plain"
    if column.kind in ("long", "text"):
        return column.text, column.kind
    if not column.fits(decimal):
        other = "," if decimal == "." else "."
        return column.text, "decimal" if column.kind == "likely" and column.fits(other) else "text"
    parsed = column.parsed(decimal)
    if column.kind == "code" or parsed.units:
        return column.text, "code" if column.kind == "code" else "units"
    numbers = column.spread(parsed)
    whole = not np.isnan(numbers).any() and (np.abs(numbers) <= EXACT).all() and (numbers % 1 == 0).all()
    fraction = pc.match_substring_regex(column.distinct, rf"[{decimal}]\d|\d[{decimal}eE]")
    return (numbers.astype(np.int64) if whole and not pc.any(fraction).as_py() else numbers), "number"


# ------------------------------------------------------------------------------------------------------------- notes

_SENTENCES = {
    "code": "Kept as text because numbers in them begin with zeros, as codes do: {}. "
    "Choose the type number for those that count or measure.",
    "long": "Kept as text because numbers so long would lose digits, as identifiers must not: {}.",
    "decimal": "Kept as text because their decimal sign is not that of the other columns: {}. "
    "Choose the type number to read them as numbers.",
    "units": "Kept as text because their numbers have different units: {}. "
    "Choose the type number to read them without.",
    "currency": "Read as numbers without their currency sign: {}.",
    "percent": "Numbers are in percent, as written, in: {}.",
    "grouped": "Read as numbers without thousands separators: {}.",
}


def _notes(names: Sequence[str], columns: Sequence[_Column], kinds: Sequence[str], decimal: str) -> list[str]:
    """What there is to say: a sentence for all columns of a kind, and one for each that is nearly numbers."""
    lists: dict[str, list[str]] = {kind: [] for kind in _SENTENCES}
    single = []
    for name, column, kind in zip(names, columns, kinds, strict=True):
        if kind == "text" and column.kind == "likely":
            single += _nearly_numbers(name, column, column.parsed(decimal))
        elif kind == "number":
            parsed = column.parsed(decimal)
            lists["currency"] += [f"{name} ({sign})" for sign in parsed.currency]
            lists["percent"] += [name] * bool(parsed.percent.any())
            lists["grouped"] += [name] * bool(parsed.grouped.any())
        elif kind in _SENTENCES:
            examples = _examples(column, kind, decimal)
            lists[kind].append(f"{name} ({listing(examples, 2)})" if examples else name)
    return [_SENTENCES[kind].format(listing(found)) for kind, found in lists.items() if found] + single


def _examples(column: _Column, kind: str, decimal: str) -> list[str]:
    """Two cells that show why the column is text."""
    cells = column.distinct
    if kind in ("code", "long"):
        pattern = _CODE if kind == "code" else _LONG
        cells = cells.filter(pc.match_substring_regex(pc.utf8_trim_whitespace(cells), pattern))
    elif kind == "decimal":
        cells = cells.filter(pa.array(column.parsed(decimal).odd))
    return cells.slice(0, 2).to_pylist()


def _nearly_numbers(name: str, column: _Column, parsed: Parsed) -> list[str]:
    """A sentence where a few odd cells keep a column from being numbers."""
    odd = column.distinct.filter(pa.array(parsed.odd))
    if not 0 < len(odd) <= ODD_VALUES or not parsed.good.any():
        return []
    count = int(pc.sum(pc.is_in(column.text, odd)).as_py())
    if count > max(1, ODD_SHARE * (len(column.text) - column.text.null_count)):
        return []
    cells = [f"'{shorten(cell, 20)}' in row {pc.index(column.text, cell).as_py() + 1:,}" for cell in odd.to_pylist()]
    return [
        f"'{name}' would be a column of numbers but for {count:,} {'cell' if count == 1 else 'cells'} "
        f"({listing(cells, ODD_VALUES)}), so it is text. Choose the type number for it to take those as missing."
    ]
