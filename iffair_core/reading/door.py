"""A file becomes a table, whatever it is called: recognized by its content, within limits, every choice on record."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from iffair_core.errors import StopCheck, TableError, listing, never_stop, shorten
from iffair_core.reading.files import (
    MEMORY_FACTOR,
    Source,
    gunzipped,
    kind_of,
    require_memory,
    source_of,
    unzipped,
)
from iffair_core.reading.formats import read_columnar, read_sheet, text_series
from iffair_core.reading.numbers import typed_columns
from iffair_core.reading.options import ReadOptions
from iffair_core.reading.raw import RawTable
from iffair_core.reading.text import read_text
from iffair_core.reading.values import require_single_values

MAX_ROWS = 20_000_000
MAX_COLUMNS = 5_000
MAX_CELLS = 1_000_000_000
MAX_CELL = 1_000_000
"""Characters in one cell; a longer one is nearly always a quotation mark that is never closed."""
PREVIEW_ROWS = 100
_PREVIEW_READ = 1_000
_HEAD_ROWS = 20
_PREVIEW_BYTES = 1 << 18
_PREVIEW_MOST = 1 << 24

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
    (`files.MAX_BYTES`, `MAX_ROWS`, ...; the message says which), `ConfigError` for options that cannot be.
    """
    source = source_of(path_or_buffer, name)
    options = ReadOptions.of(options)
    frame = _frame(_loaded(source, options, None, stop_check), options, source.name)
    if not len(frame):
        raise TableError(f"{source.name} has a header but no rows. Add at least one row under the header.")
    if progress is not None:
        progress(1.0)
    return frame


def preview_table(source: Any, *, name: str | None = None, options: Options = None) -> Preview:
    """The first rows of a file, without reading the rest of it where its format allows. Raises as `read_table` does."""
    file, options = source_of(source, name), ReadOptions.of(options)
    found = _loaded(file, options, _PREVIEW_READ, never_stop)
    frame = _frame(found, options, file.name)
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


def _loaded(source: Source, options: ReadOptions, rows: int | None, stop_check: StopCheck) -> RawTable:
    """The file's columns, or about the first `rows` of them, with their types."""
    name, kind = source.name, kind_of(source)
    limit = partial(_require_shape, name)
    content, size, packing = None, source.size, ""
    if kind in ("gzip", "zip"):
        most = None if rows is None else _PREVIEW_BYTES
        member = unzipped(source, stop_check, most) if kind == "zip" else gunzipped(source, stop_check, most)
        if member is None:
            kind = "workbook"
        else:
            content, size, packing = member
            kind = kind_of(Source(name, content))
            if kind != "text":
                what = f"a file of {kind}" if kind[0].isupper() else "another compressed file or a workbook"
                raise TableError(f"{name} is compressed and holds {what}. Unpack it and open what is inside.")
    if kind == "workbook":
        raw = read_sheet(source, options, rows, limit, stop_check)
    elif kind != "text":
        raw = read_columnar(source, kind, rows, limit, stop_check)
    elif rows is None:
        require_memory(name, MEMORY_FACTOR * size if content is None else (MEMORY_FACTOR - 1) * size)
        raw = _text(source.read() if content is None else content, options, limit, name, stop_check)
    else:
        raw = _text_head(source if content is None else Source(name, content), size, options, limit, rows)
    _require_cells(raw, name)
    raw = _typed(raw)
    raw.dialect += packing
    return raw


def _text(
    raw: bytes, options: ReadOptions, limit: Callable[[int, int], None], name: str, stop_check: StopCheck
) -> RawTable:
    """The table in some text, cells as text; refused without cutting it where it must have too many of them."""
    line = raw[: 1 << 25].lstrip(b"\xef\xbb\xbf\r\n").split(b"\n", 1)[0]
    if (widest := max(line.count(mark) for mark in b",;\t|")) > 4 * MAX_COLUMNS:
        limit(0, widest + 1)
    if len(raw) > MAX_ROWS:
        if b'"' not in raw:
            limit(raw.count(b"\n") - 1, 1)
        windows = [raw[start : start + (1 << 16)] for start in range(0, len(raw), len(raw) // 16)]
        marks = sum(max(window.count(mark) for mark in b",;\t|\n") for window in windows)
        require_memory(name, len(raw) * (3.0 + 20.0 * marks / sum(map(len, windows))))
    return read_text(raw, name, options, limit, stop_check)


def _text_head(
    source: Source, size: int, options: ReadOptions, limit: Callable[[int, int], None], rows: int
) -> RawTable:
    """About the first `rows` of `size` bytes of text; more is read where a quoted cell does not end."""
    for most in (_PREVIEW_BYTES, _PREVIEW_MOST):
        head = source.head(most)
        whole = len(head) >= size or len(head) < most
        head = head if whole else _complete_lines(head)
        try:
            raw = _text(head, options, limit, source.name, never_stop)
            break
        except TableError:
            if whole or most == _PREVIEW_MOST:
                raise
    read = len(raw.columns[0]) if raw.columns else 0
    lines = max(head.count(b"\n"), head.count(b"\r"), 1)
    raw.rows = read if whole and read < rows else max(round(size * lines / max(len(head), 1)), read)
    return raw


def _complete_lines(head: bytes) -> bytes:
    """The bytes up to the last line end outside quotation marks, as far as counting them tells."""
    line_end = b"\n" if b"\n" in head else b"\r"
    end = head.rfind(line_end)
    for _ in range(1_000):
        if end <= 0 or head.count(b'"', 0, end) % 2 == 0:
            break
        end = head.rfind(line_end, 0, end)
    return head if end <= 0 else head[: end + 1 + head.startswith(b"\xff\xfe")]


def _typed(raw: RawTable) -> RawTable:
    """The table with its columns of text as what they hold: numbers where every cell is one."""
    places = [place for place, column in enumerate(raw.columns) if isinstance(column, pa.ChunkedArray)]
    names = [raw.names[place] for place in places]
    cells = [raw.columns[place] for place in places]
    if wrapped := _unwrap_formulas(cells):
        where = listing([names[one] or f"column {places[one] + 1}" for one in wrapped])
        raw.notes.append(f'Cells written as ="..." were taken as the text in the quotation marks: {where}.')
    found, decimal, notes = typed_columns(cells, names, decimal=raw.decimal, semicolon=raw.semicolon)
    for place, column in zip(places, found, strict=True):
        raw.columns[place] = pd.Series(column) if isinstance(column, np.ndarray) else text_series(column)
    dialect = f"{raw.dialect}, decimal comma" if decimal == "," and not raw.sheets else raw.dialect
    return replace(raw, notes=[*raw.notes, *notes], decimal=decimal, dialect=dialect)


def _unwrap_formulas(columns: list[pa.ChunkedArray]) -> list[int]:
    """Take cells such as ="0012", which keep zeros for Excel, out of their wrapping, in place; which columns had them.

    Only where every cell of a column is one, or empty. Nothing is evaluated.
    """
    wrapped = []
    for place, column in enumerate(columns):
        if not any(str(cell).startswith('="') for cell in column.slice(0, _HEAD_ROWS)):
            continue
        if pc.all(pc.match_substring_regex(column, r'^(?:="[^"]*")?$')).as_py():
            columns[place] = pc.replace_substring_regex(column, pattern=r'^="([^"]*)"$', replacement=r"\1")
            wrapped.append(place)
    return wrapped


def _frame(raw: RawTable, options: ReadOptions, name: str) -> pd.DataFrame:
    """The table with settled names, and what is known of it as attrs."""
    names, kept, notes = _settled_names(raw.names, raw.columns, name)
    frame = pd.DataFrame({label: raw.columns[place] for label, place in zip(names, kept, strict=True)}, copy=False)
    frame.columns = pd.Index(names, dtype="str")
    if idle := [option for option in options.given() if option not in raw.uses]:
        plural = "option {} was" if len(idle) == 1 else "options {} were"
        notes.append(f"The reading {plural.format(listing(idle))} not used: nothing in such a file depends on it.")
    written = [*(raw.header or raw.names), ""]
    pairs = [(written[min(place, len(written) - 1)].strip(), label) for place, label in zip(kept, names, strict=True)]
    renamed = tuple(pair for pair in pairs if pair[0] != pair[1])
    attrs: dict[Any, Any] = {
        "warnings": [*raw.notes, *notes],
        "dialect": raw.dialect,
        "reading": options.given(),
        "left_out": raw.left_out if raw.left_out.count else None,
        "renamed": renamed,
        "decimal": None if raw.decimal == "." else raw.decimal,
    }
    frame.attrs = {key: value for key, value in attrs.items() if value or key in ("warnings", "dialect")}
    return frame


# ------------------------------------------------------------------------------------------------------------ limits


def _require_shape(name: str, rows: int, columns: int) -> None:
    """`TableError` where there are too many rows, columns or cells."""
    if rows > MAX_ROWS:
        raise TableError(f"{name} has {rows:,} rows; at most {MAX_ROWS:,} can be read. Take a sample of its rows.")
    if columns > MAX_COLUMNS:
        raise TableError(
            f"{name} has {columns:,} columns; at most {MAX_COLUMNS:,} can be read. Keep the columns that matter."
        )
    if rows * columns > MAX_CELLS:
        raise TableError(
            f"{name} has {rows:,} rows of {columns:,} columns; at most {MAX_CELLS:,} cells can be read. "
            "Take a sample of its rows, or keep the columns that matter."
        )


def _require_cells(raw: RawTable, name: str) -> None:
    """`TableError` where a cell of text is too long."""
    for place, (label, column) in enumerate(zip(raw.names, raw.columns, strict=True), 1):
        if isinstance(column, pd.Series) and not isinstance(column.dtype, pd.StringDtype):
            continue
        cells = pa.array(column) if isinstance(column, pd.Series) else column
        if (pc.max(pc.binary_length(cells)).as_py() or 0) <= MAX_CELL:  # no character takes less than a byte
            continue
        lengths = pc.utf8_length(cells)
        longest = pc.max(lengths).as_py()
        if longest > MAX_CELL:
            row = int(pc.index(lengths, longest).as_py())
            raise TableError(
                f"{name} has a cell of {longest:,} characters in row {row + 1:,} of column "
                f"'{shorten(label or f'column {place}')}'; at most {MAX_CELL:,} are read. Look there for a quotation "
                "mark that is never closed, or shorten the text."
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
    numbered = (f"{label} ({number})" for number in itertools.count(2))
    return next(name for name in itertools.chain([label], numbered) if name not in taken)
