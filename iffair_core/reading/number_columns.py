"""Which columns of text are columns of numbers, and with which decimal sign.

A column of text is a column of numbers only if every cell is one, or empty, or one of `NUMERIC_MISSING`; so the type
never depends on where its one odd cell stands. Whether 1,234 is a thousand or one and a bit is decided for the whole
table, by the columns that leave no doubt.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from iffair_core.errors import listing, shorten
from iffair_core.reading.numerals import Parsed, flags, parse_each, parse_numbers

EXACT = 2**53
"""Whole numbers beyond this lose digits as floating-point numbers."""
THREADS = 4
ODD_SHARE = 0.01
ODD_VALUES = 5

_WORTH_THREADS = 50_000
_In = TypeVar("_In")
_Out = TypeVar("_Out")
_SAMPLE = 1_000
_LIKELY = 0.9
_PIECE = 4_096
_CODE = r"^[+-]?0\d+$"
_LONG = r"^[+-]?\d{16,}$"
_GROUPED_POINTS = r"^[+-]?(?:\d+|[1-9]\d{0,2}(?:\.\d{3})+)$"
_GROUPED_COMMAS = r"^[+-]?(?:\d+|[1-9]\d{0,2}(?:,\d{3})+)$"


@dataclass(eq=False)
class _Column:
    """What is known of one column of text while the table's decimal sign is still open.

    `numbers`: its values where every cell is a plain number. `commas`: where every cell would be one with a point for
    its comma, and cannot be read otherwise. Otherwise, where it may hold numbers written another way: `distinct` cells,
    and how they read with the decimal signs tried so far.
    """

    text: pa.ChunkedArray
    numbers: np.ndarray | None = None
    commas: np.ndarray | None = None
    code: bool = False
    long: bool = False
    distinct: pa.Array | None = None
    readings: dict[str, Parsed] = field(default_factory=dict)

    def parsed(self, decimal: str) -> Parsed:
        """`distinct` read with this decimal sign."""
        if decimal not in self.readings:
            self.readings[decimal] = parse_numbers(self.distinct, decimal)
        return self.readings[decimal]

    def fits(self, decimal: str) -> bool:
        """Whether every cell that is no marker is a number with this decimal sign, and there is one."""
        if self.distinct is None:
            return self.commas is not None and decimal == ","
        return self.parsed(decimal).fits


@dataclass(frozen=True, eq=False)
class _Sampled:
    """A column that is not plainly numbers, by up to 1,000 of its rows: their cells without the empty ones, the
    distinct ones among these, and which of them (s,) each cell is. `whole`: these are all cells of the column."""

    column: _Column
    cells: pa.Array
    distinct: pa.Array
    codes: np.ndarray
    whole: bool

    @classmethod
    def of(cls, column: _Column) -> _Sampled:
        rows = len(column.text)
        cells = column.text
        if rows > _SAMPLE:
            cells = cells.take(pa.array(np.unique(np.linspace(0, rows - 1, _SAMPLE).astype(np.int64))))
        cells = _combined(cells.drop_null())
        coded = cells.dictionary_encode()
        return cls(column, cells, coded.dictionary, coded.indices.to_numpy(), rows <= _SAMPLE)


def in_threads(work: Callable[[_In], _Out], columns: Sequence[_In], cells: int) -> list[_Out]:
    """`work` on every column, on a few threads where there are so many cells that these are worth starting."""
    if cells < _WORTH_THREADS:
        return [work(column) for column in columns]
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(work, columns))


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
    states = in_threads(_examine, columns, cells)
    _look_closer([state for state in states if state.numbers is None and not state.long], cells)
    sign, doubtful = (decimal, []) if decimal else _decide(states, semicolon)
    if sign == ",":
        in_threads(_reopen, states, cells)
    found = in_threads(lambda state: _settle(state, sign), states, cells)
    notes = _Notes(sign)
    for name, state, (_, kind) in zip(names, states, found, strict=True):
        notes.add(shorten(name, 40), state, kind)
    if doubtful:
        notes.doubt([names[position] for position in doubtful])
    return Typed([column for column, _ in found], sign, tuple(notes.sentences()))


def forced_numbers(text: pa.ChunkedArray, decimal: str | None = None) -> tuple[np.ndarray, int, list[str]]:
    """A column of text as (n,) float64 numbers, whatever it takes: (numbers, cells that are none, a few of those).

    Codes, long and mixed numbers become numbers too, markers in `NUMERIC_MISSING` missing without being counted.
    Without `decimal`, the sign that reads more of the distinct cells; the point if both read as many.
    """
    text = with_nulls(text)
    distinct = _combined(pc.unique(text.drop_null()))
    readings = [parse_numbers(distinct, sign) for sign in ([decimal] if decimal else [".", ","])]
    parsed = max(readings, key=lambda reading: int(reading.good.sum()))
    indices = _combined(pc.index_in(text, distinct))
    numbers = pa.array(parsed.values).take(indices).to_numpy(zero_copy_only=False)
    odd = distinct.filter(pa.array(~parsed.good & ~parsed.marker))
    count = int(pc.sum(pc.is_in(text, odd)).as_py() or 0) if len(odd) else 0
    return numbers, count, odd.slice(0, 3).to_pylist()


def with_nulls(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """The column with its empty cells, and those of blanks alone, as nulls; cells are not copied unless some change."""
    return pa.chunked_array([_with_nulls(chunk) for chunk in column.chunks], type=column.type)


def _with_nulls(chunk: Any) -> Any:
    offsets, data = _buffers(chunk)
    lengths = np.diff(offsets)
    filled = lengths > 0
    first = data[np.minimum(offsets[:-1], max(len(data) - 1, 0))] if len(data) else np.zeros(len(chunk), dtype=np.uint8)
    suspect = filled & ((first <= 32) | (first == 0xC2) | (first >= 0xE1) & (first <= 0xE3))
    if suspect.any():
        rows = np.flatnonzero(suspect)
        blank = flags(pc.equal(pc.utf8_trim_whitespace(chunk.take(pa.array(rows))).fill_null(""), ""))
        filled[rows[blank]] = False
    if chunk.null_count:
        filled &= flags(chunk.is_valid())
    if filled.all():
        return chunk
    bits = pa.py_buffer(np.packbits(filled, bitorder="little").tobytes())
    nulls = len(filled) - int(np.count_nonzero(filled))
    kind = pa.LargeStringArray if pa.types.is_large_string(chunk.type) else pa.StringArray
    return kind.from_buffers(len(chunk), pa.py_buffer(offsets), chunk.buffers()[2] or pa.py_buffer(b""), bits, nulls)


def _buffers(chunk: Any) -> tuple[np.ndarray, np.ndarray]:
    """(offsets (n + 1,), bytes) of a string array."""
    kind = np.int64 if pa.types.is_large_string(chunk.type) else np.int32
    _, offsets, data = chunk.buffers()
    if offsets is None or not len(chunk):
        return np.zeros(len(chunk) + 1, dtype=kind), np.zeros(0, dtype=np.uint8)
    bounds = np.frombuffer(offsets, dtype=kind)[chunk.offset : chunk.offset + len(chunk) + 1]
    return bounds, np.frombuffer(data, dtype=np.uint8) if data is not None else np.zeros(0, dtype=np.uint8)


_POINT = np.zeros(256, dtype=bool)
_POINT[list(b".,eE")] = True


def _starts_like_code(chunk: Any) -> bool:
    """Whether some cell begins with 0 and another letter or digit, perhaps after a sign."""
    offsets, data = _buffers(chunk)
    starts = offsets[:-1]
    if not len(data):
        return False
    first = data[np.minimum(starts, len(data) - 1)]
    for zeros, at in ((first == 48, 1), ((first == 43) | (first == 45), 2)):
        rows = np.flatnonzero(zeros)
        rows = rows[starts[rows] + at < offsets[1:][rows]]
        if at == 2:
            rows = rows[data[starts[rows] + 1] == 48]
        if len(rows) and not bool(_POINT[data[starts[rows] + at]].all()):
            return True
    return False


def _examine(text: pa.ChunkedArray) -> _Column:
    state = _Column(with_nulls(text))
    if state.text.null_count == len(state.text):
        state.numbers = np.full(len(text), np.nan)
        return state
    numbers = _plain_numbers(state.text)
    if isinstance(numbers, str):
        state.long = True
    else:
        state.numbers = numbers
    return state


def _plain_numbers(text: pa.ChunkedArray) -> np.ndarray | str | None:
    """The numbers of a column that needs no second look; "long" where digits would be lost; None for any other."""
    if any(_starts_like_code(chunk) for chunk in text.chunks):
        return None
    try:
        whole = _cast(text, pa.int64())
    except pa.ArrowInvalid:
        return _plain_floats(text)
    extremes = pc.min_max(whole).as_py()
    if max(extremes["max"], -extremes["min"]) > EXACT:
        values = whole.drop_null().to_numpy()
        if not all(int(float(value)) == value for value in values[np.abs(values.astype(np.float64)) >= EXACT].tolist()):
            return "long"
    return whole.to_numpy() if not whole.null_count else pc.cast(whole, pa.float64(), safe=False).to_numpy()


def _cast(text: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """The column cast in pieces: within one piece the error of every single cell is written out, which takes long."""
    pieces = [chunk.slice(start, _PIECE) for chunk in text.chunks for start in range(0, len(chunk), _PIECE)]
    return pc.cast(pa.chunked_array(pieces, type=text.type), kind)


def _plain_floats(text: pa.ChunkedArray) -> np.ndarray | str | None:
    try:
        floats = _cast(text, pa.float64())
    except pa.ArrowInvalid:
        return None
    values = floats.to_numpy()
    if np.count_nonzero(np.isnan(values)) != text.null_count:
        return None
    large = np.abs(values) >= EXACT
    if large.any() and _loses_digits(text.filter(pa.array(large))):
        return "long"
    return values


def _loses_digits(cells: Any) -> bool:
    """Whether a whole number among the cells, written in digits, is no floating-point number."""
    long = cells.filter(pc.match_substring_regex(cells, _LONG)).to_pylist()
    return any(len(cell) > 400 or int(float(cell)) != int(cell) for cell in long)


def _look_closer(states: Sequence[_Column], cells: int) -> None:
    """Look at the distinct cells of columns that are not plainly numbers, unless a sample shows that one is text."""
    sampled = in_threads(_Sampled.of, states, cells)
    points, commas = (parse_each([one.distinct for one in sampled], decimal) for decimal in ".,")
    in_threads(_examine_distinct, list(zip(sampled, points, commas, strict=True)), cells)


def _examine_distinct(given: tuple[_Sampled, Parsed, Parsed]) -> None:
    sample, point, comma = given
    likely = point.good | comma.good | point.marker
    if len(sample.codes) and np.mean(likely[sample.codes]) < _LIKELY:
        return
    state = sample.column
    if not pc.all(pc.match_substring_regex(sample.distinct, _GROUPED_COMMAS)).as_py() and comma.good.all():
        state.commas = _comma_numbers(state.text)
        if state.commas is not None:
            return
    state.distinct = sample.distinct if sample.whole else _combined(pc.unique(state.text.drop_null()))
    if sample.whole:
        state.readings = {".": point, ",": comma}
    trimmed = pc.utf8_trim_whitespace(state.distinct)
    state.code = bool(pc.any(pc.match_substring_regex(trimmed, _CODE)).as_py())
    state.long = not state.code and _loses_digits(trimmed)


def _comma_numbers(text: pa.ChunkedArray) -> np.ndarray | None:
    """The numbers of a column that are plain but for a decimal comma; None for any other."""
    if pc.any(pc.match_substring(text, ".")).as_py() or any(_starts_like_code(chunk) for chunk in text.chunks):
        return None
    numbers = _plain_numbers(pc.replace_substring(text, pattern=",", replacement="."))
    return numbers if isinstance(numbers, np.ndarray) else None


def _combined(array: Any) -> Any:
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


# ------------------------------------------------------------------------------------------------------ decimal sign


def _decide(states: Sequence[_Column], semicolon: bool) -> tuple[str, list[int]]:
    """(the decimal sign of the table, positions of columns that could be read either way with nothing to tell)."""
    commas, either = 0, []
    points = 0
    for position, state in enumerate(states):
        if (state.distinct is None and state.commas is None) or state.code or state.long:
            continue
        point, comma = state.fits("."), state.fits(",")
        if point and comma:
            good = ~state.parsed(".").marker
            if not np.array_equal(state.parsed(".").values[good], state.parsed(",").values[good]):
                either.append(position)
        commas += comma and not point
        points += point and not comma
    if not commas and not either:
        return ".", []
    dotted = False
    for state in states:
        if state.numbers is not None and state.numbers.dtype.kind == "f":
            points += _only_points(state)
            dotted = dotted or _has_points(state)
    if commas != points:
        return ("," if commas > points else "."), []
    return ("," if semicolon and not dotted else "."), either


def _has_points(state: _Column) -> bool:
    return bool(pc.any(pc.match_substring(state.text, ".")).as_py())


def _only_points(state: _Column) -> bool:
    """Whether a column of plain numbers can be read with a decimal point only."""
    return _has_points(state) and not pc.all(pc.match_substring_regex(state.text, _GROUPED_POINTS)).as_py()


def _reopen(state: _Column) -> None:
    """Points in a column of plain numbers mean something else where the comma is the decimal sign."""
    if state.numbers is not None and state.numbers.dtype.kind == "f" and _has_points(state):
        state.numbers = None
        state.distinct = _combined(pc.unique(state.text.drop_null()))


def _settle(state: _Column, decimal: str) -> tuple[Any, str]:
    """(the column's values, what kind of column it is) under the table's decimal sign."""
    if state.numbers is not None:
        return state.numbers, "number"
    if state.long:
        return state.text, "long"
    if state.commas is not None:
        return (state.commas, "number") if decimal == "," else (state.text, "decimal")
    if state.distinct is None:
        return state.text, "text"
    parsed = state.parsed(decimal)
    if not parsed.fits:
        other = "," if decimal == "." else "."
        return state.text, "decimal" if not state.code and state.fits(other) else "text"
    if state.code:
        return state.text, "code"
    mixed = parsed.percent.any() and bool((parsed.good & ~parsed.percent & (parsed.values != 0)).any())
    if mixed or len(parsed.currency) > 1:
        return state.text, "units"
    indices = pc.index_in(state.text, state.distinct)
    known = pa.array(np.where(parsed.good, parsed.values, np.nan))
    numbers = known.take(_combined(indices)).to_numpy(zero_copy_only=False)
    whole = not np.isnan(numbers).any() and bool((np.abs(numbers) <= EXACT).all() and (numbers % 1 == 0).all())
    return (numbers.astype(np.int64) if whole and _written_whole(state.distinct, decimal) else numbers), "number"


def _written_whole(distinct: Any, decimal: str) -> bool:
    """Whether no cell has a decimal sign or an exponent."""
    return not pc.any(pc.match_substring_regex(distinct, rf"[{decimal}]\d|\d[{decimal}eE]")).as_py()


# ------------------------------------------------------------------------------------------------------------- notes


class _Notes:
    """Collects what has to be said about the columns, one sentence for all columns of a kind."""

    def __init__(self, decimal: str) -> None:
        self.decimal = decimal
        self.lists: dict[str, list[str]] = {}
        self.single: list[str] = []

    def add(self, name: str, state: _Column, kind: str) -> None:
        """Note what became of a column."""
        if kind == "number":
            if state.distinct is not None:
                self._number(name, state.parsed(self.decimal))
        elif kind in ("code", "long", "decimal", "units"):
            values = self._odd(state, kind)
            self.lists.setdefault(kind, []).append(f"{name} ({listing(values, 2)})" if values else name)
        elif state.distinct is not None and not state.code:
            self._almost(name, state)

    def _number(self, name: str, parsed: Parsed) -> None:
        if parsed.currency:
            self.lists.setdefault("currency", []).append(f"{name} ({parsed.currency[0]})")
        if parsed.percent.any():
            self.lists.setdefault("percent", []).append(name)
        if parsed.grouped.any():
            self.lists.setdefault("grouped", []).append(name)

    def _odd(self, state: _Column, kind: str) -> list[str]:
        cells = state.text.slice(0, _SAMPLE) if state.distinct is None else state.distinct
        if kind in ("code", "long"):
            cells = cells.filter(
                pc.match_substring_regex(pc.utf8_trim_whitespace(cells), _CODE if kind == "code" else _LONG)
            )
        elif kind == "decimal" and state.distinct is None:
            cells = cells.filter(pc.match_substring(cells, ","))
        elif kind == "decimal":
            cells = cells.filter(pa.array(~(state.parsed(self.decimal).good | state.parsed(self.decimal).marker)))
        return cells.slice(0, 2).to_pylist()

    def _almost(self, name: str, state: _Column) -> None:
        """A column that a few odd cells keep from being numbers."""
        assert state.distinct is not None
        parsed = state.parsed(self.decimal)
        odd = state.distinct.filter(pa.array(~parsed.good & ~parsed.marker))
        if not 0 < len(odd) <= ODD_VALUES or not parsed.good.any():
            return
        where = np.flatnonzero(flags(pc.is_in(state.text, odd)))
        if len(where) > max(1, ODD_SHARE * (len(state.text) - state.text.null_count)):
            return
        values = odd.to_pylist()
        firsts = [int(pc.index(state.text, value).as_py()) + 1 for value in values]
        told = listing(
            [f"'{shorten(value, 20)}' in row {row:,}" for value, row in zip(values, firsts, strict=True)], ODD_VALUES
        )
        self.single.append(
            f"'{name}' would be a column of numbers but for {len(where):,} {'cell' if len(where) == 1 else 'cells'} "
            f"({told}), so it is text. Choose the type number for it to take those as missing."
        )

    def doubt(self, names: Sequence[str]) -> None:
        meaning = "the decimal sign" if self.decimal == "," else "a thousands separator"
        self.single.append(
            f"Whether the comma is a decimal sign cannot be told from the file; it was read as {meaning} in "
            f"{listing(names)}. Fix the decimal sign in the reading options if that is wrong."
        )

    def sentences(self) -> list[str]:
        texts = {
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
        return [
            text.format(listing(self.lists[kind])) for kind, text in texts.items() if kind in self.lists
        ] + self.single
