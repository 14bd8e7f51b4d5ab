"""Columns of text that are columns of numbers: decimal point or comma, thousands, currency signs, percent.

A column becomes numbers only if every cell is a number, empty, or one of `NUMERIC_MISSING`; so its type never depends
on where its one odd cell stands. Whether 1,234 is a thousand or one and a bit is decided once for the whole table, by
the columns that leave no doubt.
"""

from __future__ import annotations

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
_SAMPLE, _LIKELY = 1_000, 0.9
_PIECE = 4_096
_CURRENCY = r"(?:\p{Sc}|US\$|A\$|C\$|R\$|USD|EUR|GBP|CHF|JPY|CNY|INR|CAD|AUD|SEK|NOK|DKK|PLN|kr\.?|zł|Rs\.?)"
_BEFORE, _AFTER = rf"^([+-]?)\s*{_CURRENCY}\s*([+-]?[\d.,])", rf"(\d[.,]?)\s*{_CURRENCY}$"
_SIGNED = rf"^[+-]?\s*(?P<before>{_CURRENCY})\s*[+-]?[\d.,]|\d[.,]?\s*(?P<after>{_CURRENCY})$"
_BLANKS = r" \x{a0}\x{202f}\x{2009}"
_CODE, _LONG = r"^[+-]?0\d+$", r"^[+-]?\d{16,}$"
_GROUPED_POINTS = r"^[+-]?(?:\d+|[1-9]\d{0,2}(?:\.\d{3})+)$"
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


def flags(array: Any) -> np.ndarray:
    """A boolean array without nulls, (n,) bool."""
    return array.to_numpy(zero_copy_only=False).astype(bool)


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
    def currency(self) -> list[str]:
        """The currency signs seen."""
        return sorted(set(self.signs.tolist()) - {""})

    @property
    def odd(self) -> np.ndarray:
        """(d,) bool: the cells that are neither a number nor a marker."""
        return ~(self.good | self.marker)

    def part(self, start: int, end: int) -> Parsed:
        """The cells from `start` to before `end`."""
        return Parsed(*(getattr(self, one.name)[start:end] for one in fields(self)))


def parse_numbers(cells: pa.Array, decimal: str) -> Parsed:
    """Cells (no nulls) as numbers with "." or "," as decimal sign; blanks around them do not count.

    A leading or trailing currency sign, a trailing percent sign (which divides nothing), brackets for negative numbers
    and thousands separators are understood.
    """
    text = pc.utf8_trim_whitespace(cells)
    good = flags(pc.match_substring_regex(text, _PLAIN[decimal]))
    values, signs = np.full(len(text), np.nan), np.full(len(text), "", dtype=object)
    percent, grouped, marker = (np.zeros(len(text), dtype=bool) for _ in range(3))
    values[good] = _floats(text.filter(pa.array(good)), decimal)
    rest = np.flatnonzero(~good)
    if not len(rest):
        return Parsed(values, good, signs, percent, grouped, marker)
    bare = text.take(pa.array(rest))
    marker[rest] = flags(pc.is_in(bare, pa.array(sorted(NUMERIC_MISSING), bare.type)))
    bare = pc.replace_substring_regex(bare, "^([+-]?)[−–]", r"\1-")
    bare = pc.replace_substring_regex(bare, r"^\((\S.*)\)$", r"-\1")
    percent[rest] = flags(pc.ends_with(bare, "%"))
    bare = pc.replace_substring_regex(bare, r"\s*%$", "")
    sign = pc.extract_regex(bare, _SIGNED)
    if sign.null_count < len(sign):
        joined = pc.binary_join_element_wise(
            pc.struct_field(sign, 0), pc.struct_field(sign, 1), pa.scalar("", bare.type)
        )
        signs[rest] = joined.fill_null("").to_numpy(zero_copy_only=False)
        bare = pc.replace_substring_regex(bare, _BEFORE, r"\1\2")
        bare = pc.replace_substring_regex(bare, _AFTER, r"\1")
    good[rest] = flags(pc.match_substring_regex(bare, _NUMBER[decimal]))
    bare, rest = bare.filter(pa.array(good[rest])), rest[good[rest]]
    grouped[rest] = flags(pc.match_substring_regex(bare, _GROUPING[decimal]))
    values[rest] = _floats(pc.replace_substring_regex(bare, _GROUPING[decimal], ""), decimal)
    return Parsed(values, good, signs, percent, grouped, marker)


def _floats(cells: pa.Array, decimal: str) -> np.ndarray:
    cells = pc.replace_substring(cells, ",", ".") if decimal == "," else cells
    return pc.cast(cells, pa.float64()).to_numpy(zero_copy_only=False)


def parse_each(arrays: Sequence[pa.Array], decimal: str) -> list[Parsed]:
    """`parse_numbers` of each array, in one pass: thousands of short ones take no longer than a long one."""
    if not arrays:
        return []
    ends = np.cumsum([len(cells) for cells in arrays]).tolist()
    parsed = parse_numbers(pa.concat_arrays(arrays), decimal)
    return [parsed.part(end - len(cells), end) for cells, end in zip(arrays, ends, strict=True)]


def forced_numbers(text: pa.ChunkedArray, decimal: str | None = None) -> tuple[np.ndarray, int, list[str]]:
    """A column of text as (n,) float64 numbers, whatever it takes: (numbers, cells that are none, a few of those).

    Codes, long and mixed numbers become numbers too, markers in `NUMERIC_MISSING` missing without being counted.
    Without `decimal`, the sign that reads more of the distinct cells; the point if both read as many.
    """
    coded = _combined(with_nulls(text)).dictionary_encode()
    distinct = coded.dictionary
    readings = [parse_numbers(distinct, sign) for sign in ([decimal] if decimal else [".", ","])]
    parsed = max(readings, key=lambda reading: int(reading.good.sum()))
    odd = distinct.filter(pa.array(parsed.odd))
    count = int(np.count_nonzero(parsed.odd[coded.indices.drop_null().to_numpy()]))
    return _spread(coded, parsed), count, odd.slice(0, 3).to_pylist()


def _spread(coded: pa.DictionaryArray, parsed: Parsed) -> np.ndarray:
    """The numbers of the distinct cells, (n,) float64 for all cells of the column."""
    return pa.array(parsed.values).take(coded.indices).to_numpy(zero_copy_only=False)


def _combined(array: Any) -> Any:
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


# ----------------------------------------------------------------------------------------------------------- columns


class _Column:
    """A column of text while the table's decimal sign is open.

    `numbers`: its values where every cell is a plain number. `long`: numbers that would lose digits. `likely`: nearly
    all cells of a sample are numbers or markers, so that the distinct cells are worth reading with a decimal sign.
    `seen`: the sample read with each decimal sign.
    """

    def __init__(self, text: pa.ChunkedArray) -> None:
        self.text = with_nulls(text)
        self.numbers: np.ndarray | None = None
        self.long = self.code = self.likely = False
        self.seen: dict[str, Parsed] = {}
        self.readings: dict[str, Parsed] = {}
        if self.text.null_count == len(self.text):
            self.numbers = np.full(len(text), np.nan)
        else:
            self.numbers, self.long = _plain_numbers(self.text)
            if (self.numbers is not None or self.long) and _like_codes(self.text):
                self.numbers, self.long = None, False

    @cached_property
    def coded(self) -> pa.DictionaryArray:
        """The cells as places among the distinct ones."""
        return _combined(self.text).dictionary_encode()

    @property
    def distinct(self) -> pa.Array:
        """The distinct cells, without the empty one."""
        return self.coded.dictionary

    @cached_property
    def sample(self) -> pa.DictionaryArray:
        """Up to 1,000 cells, evenly spaced, as `coded`."""
        if len(self.text) <= _SAMPLE:
            return self.coded
        places = np.linspace(0, len(self.text) - 1, _SAMPLE).astype(np.int64)
        return _combined(self.text.take(pa.array(places))).dictionary_encode()

    def look_closer(self, point: Parsed, comma: Parsed) -> None:
        """Learn from the sample, read with each decimal sign, whether these may be numbers, codes or long numbers."""
        self.seen = {".": point, ",": comma}
        if len(self.text) <= _SAMPLE:
            self.readings = self.seen
        odd = (point.odd & comma.odd)[self.sample.indices.drop_null().to_numpy()]
        self.likely = not len(odd) or np.mean(~odd) >= _LIKELY
        if self.likely:
            trimmed = pc.utf8_trim_whitespace(self.distinct)
            self.code = bool(pc.any(pc.match_substring_regex(trimmed, _CODE)).as_py())
            self.long = not self.code and _loses_digits(trimmed)

    def parsed(self, decimal: str) -> Parsed:
        """`distinct` read with this decimal sign."""
        if decimal not in self.readings:
            self.readings[decimal] = parse_numbers(self.distinct, decimal)
        return self.readings[decimal]

    def fits(self, decimal: str) -> bool:
        """Whether every cell that is no marker is a number with this decimal sign, and there is one."""
        if not self.likely or (decimal in self.seen and self.seen[decimal].odd.any()):
            return False
        parsed = self.parsed(decimal)
        return bool(parsed.good.any()) and not parsed.odd.any()

    def has_points(self) -> bool:
        """Whether these are plain numbers, some with a point."""
        plain = self.numbers is not None and self.numbers.dtype.kind == "f"
        return plain and bool(pc.any(pc.match_substring(self.text, ".")).as_py())


def _like_codes(text: pa.ChunkedArray) -> bool:
    """Whether some cell begins with a zero before another digit or letter, perhaps after a sign."""
    for sign in ("", "-", "+"):
        zeros = pc.and_not(pc.starts_with(text, f"{sign}0"), pc.starts_with(text, f"{sign}0."))
        if pc.any(pc.match_substring_regex(text.filter(zeros), "^[+-]?0[^.,eE]")).as_py():
            return True
    return False


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
    if large.any() and _loses_digits(text.filter(pa.array(large))):
        return None, True
    return values, False


def _loses_digits(cells: Any) -> bool:
    """Whether a whole number among the cells, written in digits, is no floating-point number."""
    long = cells.filter(pc.match_substring_regex(cells, _LONG)).to_pylist()
    return any(len(cell) > 400 or int(float(cell)) != int(cell) for cell in long)


@dataclass(frozen=True, eq=False)
class Typed:
    """Columns of text as what they hold.

    columns: per column (n,) int64 or float64 numbers, missing as NaN, or the text itself with nulls in empty cells.
    decimal: the sign in force. warnings: one sentence each.
    """

    columns: list[np.ndarray | pa.ChunkedArray]
    decimal: str
    warnings: tuple[str, ...]


def typed_columns(
    columns: Sequence[pa.ChunkedArray], names: Sequence[str], *, decimal: str | None = None, semicolon: bool = False
) -> Typed:
    """Columns of text cells ("" or null is empty) as numbers where every cell is one, else as text.

    `decimal` fixes the decimal sign for all; otherwise the columns that can be read with one sign only decide for the
    others. `semicolon`: the file is delimited so, as where the comma is the decimal sign; it breaks ties.
    """
    cells = sum(map(len, columns))
    states = in_threads(_Column, columns, cells)
    open_ = [state for state in states if state.numbers is None and not state.long]
    samples = [sample.dictionary for sample in in_threads(lambda state: state.sample, open_, cells)]
    readings = zip(open_, parse_each(samples, "."), parse_each(samples, ","), strict=True)
    in_threads(lambda given: given[0].look_closer(*given[1:]), list(readings), cells)
    sign, doubtful = (decimal, []) if decimal else _decide(states, semicolon)
    settled = in_threads(lambda state: _settle(state, sign), states, cells)
    notes = _notes([shorten(name, 40) for name in names], states, [kind for _, kind in settled], sign)
    if doubtful:
        meaning = "the decimal sign" if sign == "," else "a thousands separator"
        notes.append(
            f"Whether the comma is a decimal sign cannot be told from the file; it was read as {meaning} in "
            f"{listing([names[place] for place in doubtful])}. Fix the decimal sign in the reading options if that is "
            "wrong."
        )
    return Typed([column for column, _ in settled], sign, tuple(notes))


def _decide(states: Sequence[_Column], semicolon: bool) -> tuple[str, list[int]]:
    """(the decimal sign of the table, places of columns that could be read either way with nothing to tell)."""
    points = commas = 0
    either = []
    for place, state in enumerate(states):
        if state.code or state.long:
            continue
        point, comma = state.fits("."), state.fits(",")
        points, commas = points + (point and not comma), commas + (comma and not point)
        if point and comma and not np.array_equal(state.parsed(".").values, state.parsed(",").values, equal_nan=True):
            either.append(place)
    if not commas and not either:
        return ".", []
    dotted = [state.text for state in states if state.has_points()]
    points += sum(not pc.all(pc.match_substring_regex(text, _GROUPED_POINTS)).as_py() for text in dotted)
    if commas != points:
        return ("," if commas > points else "."), []
    return ("," if semicolon and not dotted else "."), either


def _settle(state: _Column, decimal: str) -> tuple[np.ndarray | pa.ChunkedArray, str]:
    """(the column's values, what kind of column it is) under the table's decimal sign."""
    if decimal == "," and state.has_points():  # points mean something else where the comma is the decimal sign
        state.numbers, state.likely = None, True
    if state.numbers is not None:
        return state.numbers, "number"
    if state.long:
        return state.text, "long"
    if not state.fits(decimal):
        other = "," if decimal == "." else "."
        return state.text, "decimal" if not state.code and state.fits(other) else "text"
    if state.code:
        return state.text, "code"
    parsed = state.parsed(decimal)
    mixed = parsed.percent.any() and (parsed.good & ~parsed.percent & (parsed.values != 0)).any()
    if mixed or len(parsed.currency) > 1:
        return state.text, "units"
    numbers = _spread(state.coded, parsed)
    whole = not np.isnan(numbers).any() and (np.abs(numbers) <= EXACT).all() and (numbers % 1 == 0).all()
    fraction = pc.match_substring_regex(state.distinct, rf"[{decimal}]\d|\d[{decimal}eE]")
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


def _notes(names: Sequence[str], states: Sequence[_Column], kinds: Sequence[str], decimal: str) -> list[str]:
    """What there is to say: a sentence for all columns of a kind, and one for each that is nearly numbers."""
    lists: dict[str, list[str]] = {kind: [] for kind in _SENTENCES}
    single = []
    for name, state, kind in zip(names, states, kinds, strict=True):
        if kind == "text" and state.likely and not state.code:
            single += _nearly_numbers(name, state, state.parsed(decimal))
        elif kind == "number" and state.numbers is None:
            parsed = state.parsed(decimal)
            lists["currency"] += [f"{name} ({sign})" for sign in parsed.currency]
            lists["percent"] += [name] * bool(parsed.percent.any())
            lists["grouped"] += [name] * bool(parsed.grouped.any())
        elif kind not in ("text", "number"):
            examples = _examples(state, kind, decimal)
            lists[kind].append(f"{name} ({listing(examples, 2)})" if examples else name)
    return [_SENTENCES[kind].format(listing(columns)) for kind, columns in lists.items() if columns] + single


def _examples(state: _Column, kind: str, decimal: str) -> list[str]:
    """Two cells that show why the column is text."""
    cells = state.distinct
    if kind in ("code", "long"):
        pattern = _CODE if kind == "code" else _LONG
        cells = cells.filter(pc.match_substring_regex(pc.utf8_trim_whitespace(cells), pattern))
    elif kind == "decimal":
        cells = cells.filter(pa.array(state.parsed(decimal).odd))
    return cells.slice(0, 2).to_pylist()


def _nearly_numbers(name: str, state: _Column, parsed: Parsed) -> list[str]:
    """A sentence where a few odd cells keep a column from being numbers."""
    odd = state.distinct.filter(pa.array(parsed.odd))
    if not 0 < len(odd) <= ODD_VALUES or not parsed.good.any():
        return []
    count = int(pc.sum(pc.is_in(state.text, odd)).as_py())
    if count > max(1, ODD_SHARE * (len(state.text) - state.text.null_count)):
        return []
    cells = [f"'{shorten(cell, 20)}' in row {pc.index(state.text, cell).as_py() + 1:,}" for cell in odd.to_pylist()]
    return [
        f"'{name}' would be a column of numbers but for {count:,} {'cell' if count == 1 else 'cells'} "
        f"({listing(cells, ODD_VALUES)}), so it is text. Choose the type number for it to take those as missing."
    ]
