"""A file becomes a table, whatever it is called: recognized by its content, within limits, every choice on record."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from iffair_core.errors import StopCheck, TableError, listing, never_stop, shorten
from iffair_core.reading.files import (
    MEMORY_FACTOR,
    Source,
    gunzip,
    is_gzip,
    is_old_workbook,
    is_zip,
    only_member,
    open_zip,
    refuse_foreign,
    require_memory,
    source_of,
    workbook_in,
)
from iffair_core.reading.formats import columnar_kind, read_columnar, read_sheet, text_series
from iffair_core.reading.numbers import NUMERIC_MISSING, typed_columns
from iffair_core.reading.options import ReadOptions
from iffair_core.reading.rows import LeftOut
from iffair_core.reading.text import MAX_COLUMNS, read_text, too_wide
from iffair_core.reading.types import column_histograms, column_summary, infer_types
from iffair_core.reading.values import require_single_values

__all__ = [
    "NUMERIC_MISSING",
    "Preview",
    "ReadOptions",
    "column_histograms",
    "column_summary",
    "infer_types",
    "preview_table",
    "read_table",
    "table_fingerprint",
]

MAX_ROWS = 20_000_000
MAX_CELLS = 1_000_000_000
MAX_CELL = 1_000_000
"""Characters in one cell; a longer one is nearly always a quotation mark that is never closed."""
PREVIEW_ROWS = 100
_PREVIEW_READ = 1_000
_HEAD_ROWS = 20
_OF_TEXT = ("delimiter", "quote", "decimal", "encoding", "header", "comment")
_OF_SHEETS = ("sheet", "header", "decimal")
_PREVIEW_BYTES = 1 << 18
_PREVIEW_MOST = 1 << 24
_HEAD = 1 << 16

Progress = Callable[[float], None]
Options = ReadOptions | Mapping[str, Any] | None


@dataclass(frozen=True, eq=False)
class Preview:
    """The first rows of a file, read without the rest of it.

    frame: at most `PREVIEW_ROWS` rows, with the types that the first thousand rows show (the whole file may show
    others). dialect: how the file is written, in words. notes: one sentence for each thing mended or noticed. sheets:
    names of a workbook's sheets. bytes: size of the file. estimated_rows: exact where the file says, None where nothing
    tells.
    """

    frame: pd.DataFrame
    dialect: str
    notes: tuple[str, ...]
    sheets: tuple[str, ...]
    bytes: int
    estimated_rows: int | None


def read_table(
    path_or_buffer: Any,
    *,
    name: str | None = None,
    options: Options = None,
    stop_check: StopCheck = never_stop,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Read a file into a DataFrame with unique text column names and a default index.

    `path_or_buffer` is a path (str or Path), bytes, or anything with `getvalue` or `read` (an open file, BytesIO, an
    uploaded file). `name` is what messages call it. The content decides what it is: delimited text in any common
    dialect (also compressed with gzip, or alone in a zip archive), Parquet, Arrow or Feather, workbooks. Nothing in
    a file is ever run: no pickle is opened, formulas show the results stored with them.

    `options` fixes what else is detected. `stop_check` is called now and then and may raise, `progress` gets the share
    that is done.

    The empty cell is missing everywhere. The markers in `NUMERIC_MISSING` are missing only in a column whose every
    other value is a number, so that a category called "None" or "NA" stays one. Infinite numbers are kept; codes with
    leading zeros and numbers too long to keep their digits are text. Two columns of one name: exact copies are kept
    once, others numbered "name (2)"; a column without a name is "column 3" by its place.

    The frame's attrs: "warnings" (a sentence for each thing mended or noticed), "dialect" (how the file is written, in
    words), "reading" (the options given, if any), "decimal" ("," where that is the decimal sign), "renamed" (of columns
    whose name is not the one that stands above them in the file: that one, "" for none, and the name they have here).

    Raises `TableError` when the file is missing, empty, only a header, not a table, damaged or beyond a limit
    (`sources.MAX_BYTES`, `MAX_ROWS`, ...; the message says which), `ConfigError` for options that cannot be.
    """
    source = source_of(path_or_buffer, name)
    found = _load(source, ReadOptions.of(options), None, stop_check)
    frame = found.frame(source.name)
    if not len(frame):
        raise TableError(f"{source.name} has a header but no rows. Add at least one row under the header.")
    if progress is not None:
        progress(1.0)
    return frame


def preview_table(source: Any, *, name: str | None = None, options: Options = None) -> Preview:
    """The first rows of a file, without reading the rest of it where its format allows. Raises as `read_table` does."""
    file = source_of(source, name)
    found = _load(file, ReadOptions.of(options), _PREVIEW_READ, never_stop)
    frame = found.frame(file.name)
    notes = tuple(frame.attrs["warnings"])
    return Preview(frame.iloc[:PREVIEW_ROWS].copy(), found.dialect, notes, found.sheets, file.size, found.rows)


def table_fingerprint(frame: pd.DataFrame) -> str:
    """SHA-256 (hex) of every cell, column name and column type; the index does not count."""
    require_single_values(frame)
    digest = hashlib.sha256(repr(frame.shape).encode())
    for position, column in enumerate(frame.columns):
        values = frame.iloc[:, position]
        digest.update(repr((str(column), str(values.dtype))).encode())
        digest.update(pd.util.hash_pandas_object(values, index=False).to_numpy().tobytes())
    return digest.hexdigest()


# ----------------------------------------------------------------------------------------------------------- loading


@dataclass(eq=False)
class _Loaded:
    """Columns of a file with names as they stand there; `rows` is how many the file has, or an estimate.

    `header`: the names from the left, where they are not those of the columns one by one.
    `uses`: which reading options mean something for a file of its kind.
    """

    names: list[str]
    columns: list[Any]
    dialect: str
    notes: list[str]
    options: ReadOptions
    uses: tuple[str, ...]
    rows: int | None = None
    sheets: tuple[str, ...] = ()
    decimal: str = "."
    left_out: LeftOut = field(default_factory=LeftOut)
    header: list[str] | None = None

    def frame(self, name: str) -> pd.DataFrame:
        """The table, with names settled and attrs filled; the columns are handed over."""
        names, kept, notes = _settled_names(self.names, self.columns, name)
        frame = pd.DataFrame(
            {label: self.columns[position] for label, position in zip(names, kept, strict=True)}, copy=False
        )
        frame.columns = pd.Index(names, dtype="str")
        if idle := [option for option in self.options.given() if option not in self.uses]:
            plural = "option {} was" if len(idle) == 1 else "options {} were"
            notes.append(f"The reading {plural.format(listing(idle))} not used: nothing in such a file depends on it.")
        attrs: dict[Any, Any] = {"warnings": [*self.notes, *notes], "dialect": self.dialect}
        if self.options.given():
            attrs["reading"] = self.options.given()
        if self.left_out.count:
            attrs["left_out"] = self.left_out
        written = [*(self.header or self.names), ""]
        places = zip(kept, names, strict=True)
        renamed = [(written[min(place, len(written) - 1)].strip(), label) for place, label in places]
        if renamed := [(old, new) for old, new in renamed if old != new]:
            attrs["renamed"] = tuple(renamed)
        if self.decimal != ".":
            attrs["decimal"] = self.decimal
        frame.attrs = attrs
        return frame


def _load(source: Source, options: ReadOptions, rows: int | None, stop_check: StopCheck) -> _Loaded:
    """The file's columns, or about the first `rows` of them."""
    name = source.name
    head = source.head(_HEAD)
    kind = columnar_kind(head, source.tail(), source.size)
    if kind:
        return _columnar(source, kind, options, rows, stop_check)
    if is_zip(head):
        with open_zip(source) as archive:
            if workbook_in(archive, name):
                return _workbook(source, options, rows, stop_check)
            member = only_member(archive, name)
            content = member.read(stop_check, None if rows is None else _PREVIEW_BYTES)
            share = 1.0 if rows is None else len(content) / max(member.info.file_size, 1)
        return _unpacked(
            content, share, f"zip archive ({shorten(member.info.filename, 40)})", source, options, rows, stop_check
        )
    if is_gzip(head):
        raw = source.read() if rows is None else source.head(_PREVIEW_BYTES)
        content, used = gunzip(raw, name, stop_check, None if rows is None else _PREVIEW_BYTES)
        return _unpacked(content, used / max(source.size, 1), "gzip", source, options, rows, stop_check)
    if is_old_workbook(head, name):
        return _workbook(source, options, rows, stop_check)
    refuse_foreign(head, name)
    if rows is None:
        require_memory(name, MEMORY_FACTOR * source.size)
        return _text(source.read(), name, options, stop_check)
    return _text_preview(source.head, source.size, name, options, rows)


def _unpacked(
    content: bytes,
    share: float,
    packing: str,
    source: Source,
    options: ReadOptions,
    rows: int | None,
    stop_check: StopCheck,
) -> _Loaded:
    """The table in the content of a compressed file, of which `share` was unpacked."""
    head, name = content[:_HEAD], source.name
    what = columnar_kind(head, content[-8:], len(content))
    if what or is_gzip(head) or is_zip(head):
        what = f"a file of {what}" if what else "another compressed file or a workbook"
        raise TableError(f"{name} is compressed and holds {what}. Unpack it and open what is inside.")
    refuse_foreign(head, name)
    if rows is None:
        require_memory(name, (MEMORY_FACTOR - 1) * len(content))
        found = _text(content, name, options, stop_check)
    else:
        found = _text_preview(lambda most: content[:most], round(len(content) / max(share, 1e-9)), name, options, rows)
    found.dialect = f"{found.dialect}, {packing}"
    return found


def _text_preview(head: Callable[[int], bytes], size: int, name: str, options: ReadOptions, rows: int) -> _Loaded:
    """About the first `rows` of `size` bytes of text; more is read where a quoted cell does not end."""
    most = _PREVIEW_BYTES
    while True:
        raw = head(most)
        whole = len(raw) >= size or len(raw) < most
        if not whole:
            raw = _complete_lines(raw)
        try:
            found = _text(raw, name, options, never_stop)
        except TableError:
            if whole or most >= _PREVIEW_MOST:
                raise
            most *= 16
            continue
        read = len(found.columns[0]) if found.columns else 0
        lines = max(raw.count(b"\n"), raw.count(b"\r"), 1)
        found.rows = read if whole and read < rows else max(round(size * lines / max(len(raw), 1)), read)
        return found


def _complete_lines(raw: bytes) -> bytes:
    """The bytes up to the last line end outside quotation marks, as far as counting them tells."""
    end = max(raw.rfind(b"\n"), raw.rfind(b"\r") if b"\n" not in raw else -1)
    for _ in range(1_000):
        if end <= 0 or raw.count(b'"', 0, end) % 2 == 0:
            break
        end = raw.rfind(b"\n", 0, end)
    if end <= 0:
        return raw
    return raw[: end + 1 + raw.startswith(b"\xff\xfe")]


def _text(raw: bytes, name: str, options: ReadOptions, stop_check: StopCheck) -> _Loaded:
    _require_lines(raw, name)
    text = read_text(raw, name, options, stop_check)
    # Without quotation marks a comma between cells is never inside a number.
    point = options.decimal is None and text.dialect.delimiter == "," and b'"' not in raw and b"'" not in raw
    del raw
    _limit(name)(len(text.columns[0]), len(text.columns))
    stop_check()
    sign = "." if point else options.decimal
    loaded = _Loaded(text.names, list(text.columns), text.dialect.describe(), text.notes, options, _OF_TEXT)
    loaded.left_out, loaded.header = text.left_out, text.header
    _type_texts(loaded, range(len(text.columns)), name, sign, semicolon=text.dialect.delimiter == ";")
    return loaded


def _type_texts(
    loaded: _Loaded, texts: Sequence[int], name: str, decimal: str | None, *, semicolon: bool = False
) -> None:
    """Take columns of text for what they hold, in place: numbers where every cell is one, else text."""
    cells = [loaded.columns[place] for place in texts]
    names = [loaded.names[place] for place in texts]
    for label, place, column in zip(names, texts, cells, strict=True):
        _require_cells(column, label or f"column {place + 1}", name)
    if wrapped := _unwrap_formulas(cells):
        where = listing([names[place] or f"column {place + 1}" for place in wrapped])
        loaded.notes.append(f'Cells written as ="..." were taken as the text in the quotation marks: {where}.')
    typed = typed_columns(cells, names, decimal=decimal, semicolon=semicolon)
    for place, column in zip(texts, typed.columns, strict=True):
        loaded.columns[place] = pd.Series(column) if isinstance(column, np.ndarray) else text_series(column)
    loaded.decimal = typed.decimal
    loaded.notes += typed.warnings
    if typed.decimal == "," and not loaded.sheets:
        loaded.dialect += ", decimal comma"


def _unwrap_formulas(columns: list[pa.ChunkedArray]) -> list[int]:
    """Take cells such as ="0012", which keep zeros for Excel, out of their wrapping; which columns had them.

    Only where every cell of a column is one, or empty. Nothing is evaluated.
    """
    wrapped = []
    for position, column in enumerate(columns):
        if not any(str(cell).startswith('="') for cell in column.slice(0, _HEAD_ROWS)):
            continue
        if pc.all(pc.match_substring_regex(column, r'^(?:="[^"]*")?$')).as_py():
            columns[position] = pc.replace_substring_regex(column, pattern=r'^="([^"]*)"$', replacement=r"\1")
            wrapped.append(position)
    return wrapped


def _columnar(source: Source, kind: str, options: ReadOptions, rows: int | None, stop_check: StopCheck) -> _Loaded:
    found = read_columnar(source, kind, rows, _limit(source.name), stop_check)
    for label, column in zip(found.names, found.columns, strict=True):
        if isinstance(column.dtype, pd.StringDtype):
            _require_cells(pa.array(column), label, source.name)
    return _Loaded(found.names, found.columns, found.dialect, [], options, (), found.rows)


def _workbook(source: Source, options: ReadOptions, rows: int | None, stop_check: StopCheck) -> _Loaded:
    found = read_sheet(source, options, rows, _limit(source.name), stop_check)
    loaded = _Loaded(
        found.names, found.columns, found.dialect, found.notes, options, _OF_SHEETS, found.rows, found.sheets
    )
    _type_texts(loaded, found.text, source.name, options.decimal)
    loaded.columns = [column if isinstance(column, pd.Series) else pd.Series(column) for column in loaded.columns]
    return loaded


# ------------------------------------------------------------------------------------------------------------ limits


def _limit(name: str) -> Callable[[int, int], None]:
    """A function of rows and columns that raises `TableError` where there are too many of them."""

    def require(rows: int, columns: int) -> None:
        if rows > MAX_ROWS:
            raise TableError(f"{name} has {rows:,} rows; at most {MAX_ROWS:,} can be read. Take a sample of its rows.")
        if columns > MAX_COLUMNS:
            raise TableError(too_wide(name, columns, MAX_COLUMNS))
        if rows * columns > MAX_CELLS:
            raise TableError(
                f"{name} has {rows:,} rows of {columns:,} columns; at most {MAX_CELLS:,} cells can be read. "
                "Take a sample of its rows, or keep the columns that matter."
            )

    return require


def _require_lines(raw: bytes, name: str) -> None:
    """`TableError` for text that must have too many columns or rows, before it is cut into cells."""
    line = raw[: 1 << 25].lstrip(b"\xef\xbb\xbf\r\n").split(b"\n", 1)[0]
    widest = max(line.count(mark) for mark in b",;\t|")
    if widest > 4 * MAX_COLUMNS:
        _limit(name)(0, widest + 1)
    if len(raw) > MAX_ROWS:
        if b'"' not in raw:
            _limit(name)(raw.count(b"\n") - 1, 1)
        windows = [raw[start : start + _HEAD] for start in range(0, len(raw), len(raw) // 16)]
        marks = sum(max(window.count(mark) for mark in (b",", b";", b"\t", b"|", b"\n")) for window in windows)
        require_memory(name, len(raw) * (3.0 + 20.0 * marks / sum(map(len, windows))))


def _require_cells(column: Any, label: str, name: str) -> None:
    lengths = pc.binary_length(column)
    longest = pc.max(lengths).as_py() or 0
    if longest <= MAX_CELL:
        return
    row = int(pc.index(lengths, longest).as_py())
    characters = len(column[row].as_py())
    if characters > MAX_CELL:
        raise TableError(
            f"{name} has a cell of {characters:,} characters in row {row + 1:,} of column '{shorten(label)}'; at most "
            f"{MAX_CELL:,} are read. Look there for a quotation mark that is never closed, or shorten the text."
        )


# ------------------------------------------------------------------------------------------------------------- names


def _settled_names(
    names: Sequence[str], columns: Sequence[pd.Series], name: str
) -> tuple[list[str], list[int], list[str]]:
    """(unique names, positions of their columns, what there is to say).

    A column without name and values is left out, one without name is called by its place; exact copies of a column are
    kept once, other columns of its name numbered.
    """
    kept: dict[str, int] = {}
    notes: list[str] = []
    empty, unnamed, repeated, numbered = [], [], [], []
    taken = {label.strip() for label in names}
    for position, written in enumerate(names):
        label = written.strip()
        values = columns[position]
        if not label and bool(values.isna().all()) and len(values):
            empty.append(str(position + 1))
            continue
        if not label:
            label = _free(f"column {position + 1}", taken)
            unnamed.append(label)
        elif label in kept:
            if values.equals(columns[kept[label]]):
                repeated.append(label)
                continue
            label = _free(label, taken)
            numbered.append(label)
        kept[label] = position
        taken.add(label)
    notes += [
        f"{name} has the column '{shorten(label)}' twice with the same values; it is kept once." for label in repeated
    ]
    if numbered:
        notes.append(f"{name} has columns of one name with different values; the later ones are {listing(numbered)}.")
    if unnamed:
        notes.append(f"Columns without a name are called by their place: {listing(unnamed)}.")
    if empty:
        notes.append(f"Left out, without a name and without values: column {listing(empty)}.")
    return list(kept), list(kept.values()), notes


def _free(label: str, taken: set[str]) -> str:
    """`label` if it is a new name made up here and free, else with the first number from 2 on that is."""
    if label not in taken:
        return label
    number = 2
    while f"{label} ({number})" in taken:
        number += 1
    return f"{label} ({number})"
