"""Numbers as people write them: decimal point or comma, thousands separators, currency signs, percent, codes.

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

NUMERIC_MISSING = frozenset({"NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None", "?"})
"""Cells that mean "missing" in a column whose every other value is a number; in a text column they are values."""
EXACT = 2**53
"""Whole numbers beyond this lose digits as floating-point numbers."""
THREADS = 4
ODD_SHARE = 0.01
ODD_VALUES = 5

_WORTH_THREADS = 50_000
_In = TypeVar("_In")
_Out = TypeVar("_Out")
_SAMPLE = 1_000
_PIECE = 4_096
_CURRENCY = r"(?:\p{Sc}|US\$|A\$|C\$|R\$|USD|EUR|GBP|CHF|JPY|CNY|INR|CAD|AUD|SEK|NOK|DKK|PLN|kr\.?|zł|Rs\.?)"
_BLANKS = r"[ \x{a0}\x{202f}\x{2009}]"
_INFINITE = r"(?i:[+-]?inf(?:inity)?)"
_CODE = r"^[+-]?0\d+$"
_LONG = r"^[+-]?\d{16,}$"
_SOME_NUMBER = r"(?i)\d|inf"


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
_GROUPED_POINTS = r"^[+-]?(?:\d+|[1-9]\d{0,2}(?:\.\d{3})+)$"
_GROUPED_COMMAS = r"^[+-]?(?:\d+|[1-9]\d{0,2}(?:,\d{3})+)$"


@dataclass(frozen=True, eq=False)
class Parsed:
    """Distinct cells read as numbers. values (d,) float64, NaN where `good` (d,) bool is False.

    `currency`: the signs seen; `percent`, `grouped` (d,) bool: which cells have a percent sign, thousands separators.
    """

    values: np.ndarray
    good: np.ndarray
    currency: tuple[str, ...]
    percent: np.ndarray
    grouped: np.ndarray


def parse_numbers(cells: pa.Array, decimal: str) -> Parsed:
    """Cells (no nulls) as numbers with "." or "," as decimal sign; blanks around them do not count.

    A leading or trailing currency sign, a trailing percent sign (which divides nothing), brackets for negative numbers
    and thousands separators are understood.
    """
    text = pc.replace_substring_regex(pc.utf8_trim_whitespace(cells), pattern="^([+-]?)[−–]", replacement=r"\1-")
    plain = _flags(pc.match_substring_regex(text, _PLAIN)) if decimal == "." else np.zeros(len(text), dtype=bool)
    bare = text
    currency: tuple[str, ...] = ()
    percent = np.zeros(len(text), dtype=bool)
    if not plain.all():
        bare = pc.replace_substring_regex(bare, pattern=r"^\((\S.*)\)$", replacement=r"-\1")
        percent = _flags(pc.ends_with(bare, "%"))
        if percent.any():
            bare = pc.replace_substring_regex(bare, pattern=r"\s*%$", replacement="")
        signed = rf"^([+-]?)\s*{_CURRENCY}\s*([+-]?[\d.,])"
        with_sign = pc.or_(
            pc.match_substring_regex(bare, signed), pc.match_substring_regex(bare, rf"\d[.,]?\s*{_CURRENCY}$")
        )
        if pc.any(with_sign).as_py():
            found = pc.extract_regex(bare.filter(with_sign), rf"(?P<sign>{_CURRENCY})")
            currency = tuple(sorted(set(found.field("sign").to_pylist())))
            bare = pc.replace_substring_regex(bare, pattern=signed, replacement=r"\1\2")
            bare = pc.replace_substring_regex(bare, pattern=rf"(\d[.,]?)\s*{_CURRENCY}$", replacement=r"\1")
    good = plain | _flags(pc.match_substring_regex(bare, _PATTERNS[decimal]))
    bare = bare.filter(pa.array(good))
    grouping = rf"[{',' if decimal == '.' else '.'}'’ \x{{a0}}\x{{202f}}\x{{2009}}]"
    grouped = np.zeros(len(text), dtype=bool)
    grouped[good] = _flags(pc.match_substring_regex(bare, grouping))
    bare = pc.replace_substring_regex(bare, pattern=grouping, replacement="")
    if decimal == ",":
        bare = pc.replace_substring(bare, pattern=",", replacement=".")
    values = np.full(len(text), np.nan)
    values[good] = pc.cast(bare, pa.float64()).to_numpy(zero_copy_only=False)
    return Parsed(values, good, currency, percent, grouped)


def _flags(array: Any) -> np.ndarray:
    return array.to_numpy(zero_copy_only=False).astype(bool)


# ----------------------------------------------------------------------------------------------------------- columns


@dataclass(eq=False)
class _Column:
    """What is known of one column of text while the table's decimal sign is still open.

    `numbers`: its values where every cell is a plain number. `commas`: where every cell would be one with a point for
    its comma, and cannot be read otherwise. Otherwise, where it may hold numbers written another way: `distinct` cells,
    which of them are missing markers, and how they read with either decimal sign.
    """

    text: pa.ChunkedArray
    numbers: np.ndarray | None = None
    commas: np.ndarray | None = None
    code: bool = False
    long: bool = False
    distinct: pa.Array | None = None
    marker: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=bool))
    point: Parsed | None = None
    comma: Parsed | None = None

    def parsed(self, decimal: str) -> Parsed:
        """`distinct` read with this decimal sign."""
        assert self.distinct is not None
        known = self.point if decimal == "." else self.comma
        if known is None:
            known = parse_numbers(self.distinct, decimal)
            if decimal == ".":
                self.point = known
            else:
                self.comma = known
        return known

    def fits(self, decimal: str) -> bool:
        """Whether every cell that is no marker is a number with this decimal sign, and there is one."""
        if self.distinct is None:
            return self.commas is not None and decimal == ","
        good = self.parsed(decimal).good
        return bool((good | self.marker).all() and good.any())


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
    decimal: the sign in force. warnings: one sentence each. hints: {"column": position, "kind": "code" | "long" |
    "almost numbers" | "decimal" | "units", "values": the cells that keep it text, "rows": where the first of them
    stands, from 1}, for columns that could be numbers but stay text.
    """

    columns: list[np.ndarray | pa.ChunkedArray]
    decimal: str
    warnings: tuple[str, ...]
    hints: tuple[dict[str, Any], ...]


def typed_columns(
    columns: Sequence[pa.ChunkedArray], names: Sequence[str], *, decimal: str | None = None, semicolon: bool = False
) -> Typed:
    """Columns of text cells ("" or null is empty) as numbers where every cell is one, else as text.

    `decimal` fixes the decimal sign for all; otherwise the columns that can be read with one sign only decide for the
    others. `semicolon`: the file is delimited so, as where the comma is the decimal sign; it breaks ties.
    """
    cells = sum(map(len, columns))
    states = in_threads(_examine, columns, cells)
    sign, doubtful = (decimal, []) if decimal else _decide(states, semicolon)
    if sign == ",":
        in_threads(_reopen, states, cells)
    found = in_threads(lambda state: _settle(state, sign), states, cells)
    notes = _Notes(names, sign)
    for position, (state, (_, kind)) in enumerate(zip(states, found, strict=True)):
        notes.add(position, state, kind)
    if doubtful:
        notes.doubt([names[position] for position in doubtful])
    return Typed([column for column, _ in found], sign, tuple(notes.sentences()), tuple(notes.hints))


def forced_numbers(text: pa.ChunkedArray, decimal: str | None = None) -> tuple[np.ndarray, int, list[str]]:
    """A column of text as (n,) float64 numbers, whatever it takes: (numbers, cells that are none, a few of those).

    Codes, long and mixed numbers become numbers too, markers in `NUMERIC_MISSING` missing without being counted.
    Without `decimal`, the sign that reads more of the distinct cells; the point if both read as many.
    """
    text = with_nulls(text)
    distinct = _combined(pc.unique(text.drop_null()))
    readings = [parse_numbers(distinct, sign) for sign in ([decimal] if decimal else [".", ","])]
    parsed = max(readings, key=lambda reading: int(reading.good.sum()))
    marker = _flags(pc.is_in(pc.utf8_trim_whitespace(distinct), pa.array(sorted(NUMERIC_MISSING), distinct.type)))
    indices = _combined(pc.index_in(text, distinct))
    numbers = pa.array(parsed.values).take(indices).to_numpy(zero_copy_only=False)
    odd = distinct.filter(pa.array(~parsed.good & ~marker))
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
        blank = _flags(pc.equal(pc.utf8_trim_whitespace(chunk.take(pa.array(rows))).fill_null(""), ""))
        filled[rows[blank]] = False
    if chunk.null_count:
        filled &= _flags(chunk.is_valid())
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
    if numbers is None:
        _examine_distinct(state)
    elif isinstance(numbers, str):
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


def _examine_distinct(state: _Column) -> None:
    """Look at the distinct cells of a column that is not plainly numbers, unless a sample shows that it is text."""
    rows = np.unique(np.linspace(0, len(state.text) - 1, _SAMPLE).astype(np.int64))
    sample = state.text.take(pa.array(rows)).drop_null().combine_chunks()
    if len(sample) and _number_share(sample.unique(), sample) < 0.9:
        return
    if not pc.all(pc.match_substring_regex(sample, _GROUPED_COMMAS)).as_py():
        state.commas = _comma_numbers(state.text)
        if state.commas is not None:
            return
    cells = _combined(pc.unique(state.text.drop_null()))
    trimmed = pc.utf8_trim_whitespace(cells)
    marker = _flags(pc.is_in(trimmed, pa.array(sorted(NUMERIC_MISSING), cells.type)))
    state.code = bool(pc.any(pc.match_substring_regex(trimmed, _CODE)).as_py())
    state.distinct, state.marker = cells, marker
    state.long = not state.code and _loses_digits(trimmed)


def _comma_numbers(text: pa.ChunkedArray) -> np.ndarray | None:
    """The numbers of a column that are plain but for a decimal comma; None for any other."""
    if pc.any(pc.match_substring(text, ".")).as_py() or any(_starts_like_code(chunk) for chunk in text.chunks):
        return None
    numbers = _plain_numbers(pc.replace_substring(text, pattern=",", replacement="."))
    return numbers if isinstance(numbers, np.ndarray) else None


def _combined(array: Any) -> Any:
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _number_share(distinct: Any, sample: Any) -> float:
    good = np.zeros(len(distinct), dtype=bool)
    if pc.any(pc.match_substring_regex(distinct, _SOME_NUMBER)).as_py():
        good = parse_numbers(distinct, ".").good | parse_numbers(distinct, ",").good
    good |= _flags(pc.is_in(pc.utf8_trim_whitespace(distinct), pa.array(sorted(NUMERIC_MISSING), distinct.type)))
    counted = pc.is_in(sample, distinct.filter(pa.array(good)))
    return float(pc.mean(pc.cast(counted, pa.float64())).as_py())


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
            good = ~state.marker
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
        state.marker = np.zeros(len(state.distinct), dtype=bool)


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
    present = ~state.marker
    if not (parsed.good | state.marker).all() or not parsed.good.any():
        other = "," if decimal == "." else "."
        return state.text, "decimal" if not state.code and state.fits(other) else "text"
    if state.code:
        return state.text, "code"
    mixed = parsed.percent.any() and bool((present & ~parsed.percent & (parsed.values != 0)).any())
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

    def __init__(self, names: Sequence[str], decimal: str) -> None:
        self.names, self.decimal = names, decimal
        self.lists: dict[str, list[str]] = {}
        self.single: list[str] = []
        self.hints: list[dict[str, Any]] = []

    def add(self, position: int, state: _Column, kind: str) -> None:
        name = shorten(self.names[position], 40)
        if kind == "number":
            if state.distinct is not None:
                self._number(name, state.parsed(self.decimal))
        elif kind in ("code", "long", "decimal", "units"):
            values = self._odd(state, kind)
            self.lists.setdefault(kind, []).append(f"{name} ({listing(values, 2)})" if values else name)
            self.hints.append({"column": position, "kind": kind, "values": values, "rows": []})
        elif state.distinct is not None and not state.code:
            self._almost(position, name, state)

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
            cells = cells.filter(pa.array(~state.parsed(self.decimal).good & ~state.marker))
        return cells.slice(0, 2).to_pylist()

    def _almost(self, position: int, name: str, state: _Column) -> None:
        """A column that a few odd cells keep from being numbers."""
        assert state.distinct is not None
        parsed = state.parsed(self.decimal)
        odd = state.distinct.filter(pa.array(~parsed.good & ~state.marker))
        if not 0 < len(odd) <= ODD_VALUES or not parsed.good.any():
            return
        where = np.flatnonzero(_flags(pc.is_in(state.text, odd)))
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
        self.hints.append({"column": position, "kind": "almost numbers", "values": values, "rows": firsts})

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
