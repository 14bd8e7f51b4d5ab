"""A sheet of an Excel workbook (.xlsx) as columns: the table in it is found, formulas show the results last stored."""

from __future__ import annotations

import datetime as dt
import io
import itertools
import warnings
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from iffair_core.errors import IFFairError, StopCheck, TableError, listing, never_stop, shorten
from iffair_core.reading.dialect import ReadOptions
from iffair_core.reading.sources import (
    MAX_RATIO,
    MAX_UNPACKED,
    RATIO_FROM,
    ZIP_ERRORS,
    Source,
    in_words,
    open_zip,
    require_memory,
)

MOST_ROWS = 1_048_576
"""Rows that a sheet can have."""
MAX_PART = 64 * 2**20
"""Largest part of a workbook that is neither a sheet nor its texts."""
ERRORS = frozenset({"#N/A", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!", "#NULL!", "#SPILL!", "#CALC!"})
"""What a formula that failed shows; such a cell is missing."""

_BLOCK = 8_192
_SCAN = 100
_HEAD = 1 << 16

Column: TypeAlias = Any
"""(n,) numbers or dates of NumPy, or text as a chunked array of Arrow."""


@dataclass(eq=False)
class Sheet:
    """A table of a workbook.

    names: header cells as text, "" where empty. columns: (n,) float64 or int64 numbers, (n,) datetime64[us] dates, or
    text with nulls. header: row of the sheet, from 1; 0 where there is none. rows_below: rows of the table, an estimate
    by what the sheet states where not all were read, None unknown.
    """

    name: str
    sheets: tuple[str, ...]
    names: list[str]
    columns: list[Column]
    header: int
    rows_below: int | None
    notes: list[str] = field(default_factory=list)


def read_sheet(
    source: Source,
    options: ReadOptions,
    *,
    rows: int | None = None,
    limit: Callable[[int, int], None],
    stop_check: StopCheck = never_stop,
    progress: Callable[[float], None] | None = None,
) -> Sheet:
    """The sheet that `options.sheet` names, else the first one (hidden ones last) with a table in it.

    The header is row `options.header`, else the first row about as full as the rows under it. `rows`: about the first
    rows only. `limit(rows, columns)` raises where the table grows too large, and so may `check`.
    Raises `TableError` where the workbook is damaged, a trap, or has no table.
    """
    import openpyxl

    name = source.name
    with open_zip(source) as archive:
        _require_harmless(archive, name)
    stream: Any = io.BytesIO(source.data) if source.data is not None else source.path
    with warnings.catch_warnings():
        # openpyxl warns about parts of a workbook that it leaves out; none of them holds cells.
        warnings.simplefilter("ignore", UserWarning)
        try:
            book = openpyxl.load_workbook(stream, read_only=True, data_only=True, keep_links=False)
            try:
                sheet = _read(book, name, options, rows, limit, stop_check, progress)
            finally:
                book.close()
            if rows is None:
                _note_formulas(stream, sheet, name)
        except (IFFairError, MemoryError):
            raise
        except Exception as error:
            raise TableError(
                f"{name} begins like an Excel workbook but cannot be read ({type(error).__name__}: "
                f"{shorten(error, 80)}). Open it in a spreadsheet program and save it again, or save it as CSV."
            ) from error
    return sheet


def _require_harmless(archive: zipfile.ZipFile, name: str) -> None:
    """`TableError` for a workbook that unpacks to more than its size explains, or declares entities in its XML."""
    infos = archive.infolist()
    unpacked, packed = sum(info.file_size for info in infos), sum(info.compress_size for info in infos)
    if unpacked > MAX_UNPACKED or unpacked > max(RATIO_FROM, MAX_RATIO * packed):
        raise TableError(
            f"{name} unpacks to {in_words(unpacked)}, more than a workbook of its size should. "
            "Save the sheet with the table as CSV or Parquet."
        )
    for info in infos:
        if not info.filename.endswith((".xml", ".rels")):
            continue
        texts = info.filename.endswith("sharedStrings.xml")
        if texts:
            require_memory(name, 6.0 * info.file_size)
        elif info.file_size > MAX_PART and "/worksheets/" not in info.filename:
            raise TableError(
                f"{name} has a part ({shorten(info.filename)}) of {in_words(info.file_size)}; at most "
                f"{in_words(MAX_PART)} are read. Save the sheet with the table as CSV or Parquet."
            )
        try:
            with archive.open(info) as stream:
                head = stream.read(_HEAD).replace(b"\0", b"")
        except ZIP_ERRORS as error:
            raise TableError(
                f"{name} is a damaged or encrypted workbook ({shorten(error)}). Save it again, or as CSV."
            ) from error
        if b"<!DOCTYPE" in head or b"<!ENTITY" in head:
            raise TableError(
                f"{name} declares entities in {shorten(info.filename)}, which no spreadsheet program does and a trap "
                "may. Save the table as CSV."
            )


# ------------------------------------------------------------------------------------------------------------- sheet


def _read(
    book: Any,
    name: str,
    options: ReadOptions,
    rows: int | None,
    limit: Callable[[int, int], None],
    stop_check: StopCheck,
    progress: Callable[[float], None] | None,
) -> Sheet:
    sheets = sorted(book.worksheets, key=lambda sheet: sheet.sheet_state != "visible")
    titles = tuple(sheet.title for sheet in sheets)
    stated_rows = {sheet.title: sheet.max_row for sheet in sheets}
    if options.sheet is not None:
        if options.sheet not in titles:
            raise TableError(f"{name} has no sheet '{shorten(options.sheet)}'. Choose one of: {listing(titles, 20)}.")
        chosen = sheets[titles.index(options.sheet)]
    else:
        chosen = _first_table(sheets, name)
    stated = stated_rows[chosen.title]
    header, labels, width = _header(chosen, options, name)
    columns, notes = _columns(chosen, name, header, len(labels), width, rows, limit, stop_check, progress, stated)
    if options.sheet is None and len(titles) > 1:
        others = [title for title in titles if title != chosen.title]
        notes.insert(
            0, f"{name} has {len(titles)} sheets; '{shorten(chosen.title)}' is read (not {listing(others, 4)})."
        )
    labels += [""] * (len(columns) - len(labels))
    if not header:
        labels = [f"column {position + 1}" for position in range(len(columns))]
    read = len(columns[0]) if columns else 0
    if rows is None or read < rows:
        below: int | None = read
    else:
        below = None if stated is None else max(stated - header, read)
    return Sheet(chosen.title, titles, labels, columns, header, below, notes)


def _rows(sheet: Any) -> Iterator[tuple[int, list[Any]]]:
    """(number, cells up to the last filled one) of every row of the sheet that is not empty."""
    sheet.reset_dimensions()
    for number, cells in enumerate(sheet.iter_rows(values_only=True), 1):
        if number > MOST_ROWS:
            raise TableError(f"The sheet '{shorten(sheet.title)}' says that it has more rows than a sheet can have.")
        row = [None if isinstance(cell, str) and not cell.strip() else cell for cell in cells]
        while row and row[-1] is None:
            row.pop()
        if row:
            yield number, row


def _filled(row: list[Any]) -> int:
    return sum(cell is not None for cell in row)


def _first_table(sheets: list[Any], name: str) -> Any:
    one_column = None
    for sheet in sheets:
        filled = [_filled(row) for _, row in itertools.islice(_rows(sheet), _SCAN)]
        if len(filled) > 1 and max(filled) > 1:
            return sheet
        if len(filled) > 1 and one_column is None:
            one_column = sheet
    if one_column is None:
        titles = listing([sheet.title for sheet in sheets], 4) if sheets else "none"
        raise TableError(f"{name} has no table in its sheets ({titles}). Choose a workbook with a header and rows.")
    return one_column


def _header(sheet: Any, options: ReadOptions, name: str) -> tuple[int, list[str], int]:
    """(row of the header or 0, its cells as text, how many cells a row of the table usually has)."""
    head = list(itertools.islice(_rows(sheet), _SCAN))
    if not head:
        raise TableError(f"The sheet '{shorten(sheet.title)}' of {name} is empty. Choose another one.")
    usual = sorted(_filled(row) for _, row in head)[3 * len(head) // 4]
    if options.header is not None:
        if options.header == 0:
            return 0, [], usual
        for number, row in _rows(sheet):
            if number == options.header:
                return number, [_text(cell) or "" for cell in row], usual
            if number > options.header:
                break
        raise TableError(
            f"Row {options.header} of the sheet '{shorten(sheet.title)}' of {name} is empty. Give another row."
        )
    number, row = next((number, row) for number, row in head if _filled(row) >= 0.6 * usual)
    if len(head) > 1 and not any(isinstance(cell, str) for cell in row):
        return 0, [], usual
    return number, [_text(cell) or "" for cell in row], usual


def _columns(
    sheet: Any,
    name: str,
    header: int,
    labels: int,
    usual: int,
    most: int | None,
    limit: Callable[[int, int], None],
    stop_check: StopCheck,
    progress: Callable[[float], None] | None,
    stated: int | None,
) -> tuple[list[Column], list[str]]:
    """The columns under the header, and what was left out or mended."""
    parts: list[list[Column]] = [[] for _ in range(labels)]
    lengths: list[int] = []
    failed = below = 0
    above = header - 1
    last = header
    block: list[list[Any]] = []

    def flush() -> None:
        nonlocal failed
        stop_check()
        if not block:
            return
        width = max(len(parts), *map(len, block))
        limit(sum(lengths) + len(block), width)
        while len(parts) < width:
            parts.append([np.full(length, np.nan) for length in lengths])
        for part, cells in zip(parts, itertools.zip_longest(*block, [None] * width), strict=True):
            chunk, errors = _chunk(list(cells[:-1]))
            part.append(chunk)
            failed += errors
        lengths.append(len(block))
        block.clear()

    for number, row in _rows(sheet):
        if number <= header:
            continue
        if number > last + 1 and last > header and usual >= 3 and _filled(row) == 1:
            below += 1
            continue
        last = number
        block.append(row)
        if len(block) == _BLOCK or (most is not None and sum(lengths) + len(block) >= most):
            flush()
            if progress is not None and stated:
                progress(min(number / stated, 1.0))
            if most is not None and sum(lengths) >= most:
                break
    flush()
    notes = []
    if above > 0:
        notes.append(f"The header is row {header} of the sheet; what stands above it is left out.")
    if header == 0:
        notes.append("The sheet has no header row that could be told from its rows; the columns are numbered.")
    if below:
        notes.append(f"Left out under the table: {below} {'row' if below == 1 else 'rows'} of a single cell.")
    if failed:
        notes.append(
            f"{failed:,} {'cell' if failed == 1 else 'cells'} with a failed formula (#N/A and the like) missing."
        )
    return [_joined(part) for part in parts], notes


def _note_formulas(stream: Any, sheet: Sheet, name: str) -> None:
    """Say which columns hold formulas whose results were never stored, so that they look empty."""
    import openpyxl

    empty = [
        position
        for position, (label, column) in enumerate(zip(sheet.names, sheet.columns, strict=True))
        if label and isinstance(column, np.ndarray) and column.dtype.kind == "f" and bool(np.isnan(column).all())
    ]
    if not empty:
        return
    book = openpyxl.load_workbook(stream, read_only=True, data_only=False, keep_links=False)
    try:
        rows = [row for number, row in itertools.islice(_rows(book[sheet.name]), _SCAN) if number > sheet.header]
    finally:
        book.close()
    unknown = [
        sheet.names[position]
        for position in empty
        if any(len(row) > position and isinstance(row[position], str) and row[position].startswith("=") for row in rows)
    ]
    if unknown:
        sheet.notes.append(
            f"Formulas without a stored result, taken as missing, in: {listing(unknown)}. "
            f"Open {name} in a spreadsheet program, save it, and read it again."
        )


# ------------------------------------------------------------------------------------------------------------- cells


def _text(cell: Any) -> str | None:
    """A cell as the text that a CSV file would hold."""
    if cell is None:
        return None
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat() if cell.time() == dt.time() else cell.isoformat(sep=" ")
    if isinstance(cell, (dt.date, dt.time)):
        return cell.isoformat()
    return str(cell).strip(" \t\r\n")


def _chunk(cells: list[Any]) -> tuple[Column, int]:
    """(cells of a column as numbers, dates or text, how many of them are failed formulas)."""
    failed = 0
    kinds = set(map(type, cells)) - {type(None)}
    if str in kinds:
        shown = [None if isinstance(cell, str) and cell in ERRORS else cell for cell in cells]
        failed = sum(cell is not None for cell in cells) - sum(cell is not None for cell in shown)
        if failed:
            cells, kinds = shown, set(map(type, shown)) - {type(None)}
    if kinds <= {int, float}:
        return np.array([np.nan if cell is None else cell for cell in cells], dtype=np.float64), failed
    if kinds <= {dt.datetime, dt.date}:
        return np.array(cells, dtype="datetime64[us]"), failed
    return pa.chunked_array([pa.array(map(_text, cells), pa.large_string(), size=len(cells))]), failed


def _joined(parts: list[Column]) -> Column:
    """The parts of a column as one: numbers or dates where all of it is, else text."""
    kinds = {_kind(part) for part in parts} - {"empty"}
    if kinds <= {"f"}:
        values = np.concatenate([part for part in parts if isinstance(part, np.ndarray)]) if parts else np.zeros(0)
        whole = bool((np.isfinite(values) & (np.abs(values) <= 2**53)).all()) and bool((values % 1 == 0).all())
        return values.astype(np.int64) if whole and len(values) else values
    if kinds == {"M"}:
        return np.concatenate(
            [part if part.dtype.kind == "M" else np.full(len(part), np.datetime64("NaT", "us")) for part in parts]
        )
    chunks: list[Any] = []
    for part in parts:
        if isinstance(part, np.ndarray):
            cells = [
                None if missing else _text(cell) for cell, missing in zip(part.tolist(), _absent(part), strict=True)
            ]
            chunks.append(pa.array(cells, pa.large_string()))
        else:
            chunks.extend(part.chunks)
    return pa.chunked_array(chunks, type=pa.large_string())


def _absent(part: np.ndarray) -> np.ndarray:
    return np.isnat(part) if part.dtype.kind == "M" else np.isnan(part)


def _kind(part: Column) -> str:
    if isinstance(part, pa.ChunkedArray):
        return "text" if part.null_count < len(part) else "empty"
    return "empty" if bool(_absent(part).all()) else part.dtype.kind
