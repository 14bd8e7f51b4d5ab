"""Files that hold typed columns: Parquet, Arrow and Feather by pyarrow, sheets of a workbook by calamine."""

from __future__ import annotations

import datetime as dt
import json
import re
import warnings
import zipfile
from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc
import pyarrow.parquet
import python_calamine

from iffair_core.errors import StopCheck, TableError, listing, shorten
from iffair_core.reading.files import PROTECTED, Source, free_memory, or_damaged, require_memory
from iffair_core.reading.numbers import EXACT, with_nulls
from iffair_core.reading.options import ReadOptions
from iffair_core.reading.raw import RawTable

_SCAN = 100
_STEP, _SMALL_STEP = 1 << 16, 1 << 10
_NOTICE = 1 << 28

_BYTES = 32.0
"""Memory that calamine takes for a cell, a blank one too."""
_CELL = rb' R="%s%s"[^>]*(?<!/)>(?!</C)'
_NEAR_ROWS, _NEAR_COLUMNS = 99_999, 702
_FAR_ROW = re.compile(_CELL % (rb"[A-Z]{1,2}", rb"([0-9]{6,})"))
_FAR_COLUMN = re.compile(_CELL % (rb"[A-Z]{3,}", rb"[0-9]+"))
_FAR = re.compile(_FAR_COLUMN.pattern + b"|" + _FAR_ROW.pattern)
"""A cell beyond column ZZ or row 99,999: without one, no sheet is so large that it matters."""
_LAST = 1_048_576, 16_384
"""Rows and columns of a sheet."""

Limit = Callable[[int, int], None]


# --------------------------------------------------------------------------------------------------- Parquet and Arrow


def read_columnar(source: Source, kind: str, rows: int | None, limit: Limit, stop_check: StopCheck) -> RawTable:
    """The table of a Parquet or Arrow file, or its first `rows`.

    `limit(rows, columns)` raises where there are too many. Blank text is missing, bytes are text, decimals are numbers,
    days are dates; whole numbers beyond 2**53 that would lose digits are text. An index with a name is a column.
    Raises `TableError` where the file is damaged or holds lists or records.
    """
    name, short = source.name, kind.removesuffix(" stream")
    damaged = or_damaged(f"{name} starts like {short} but cannot be read", "Write the file again, or export CSV.")
    open_ = pa.BufferReader if isinstance(source.given, bytes) else pa.memory_map
    with damaged, open_(source.given if isinstance(source.given, bytes) else str(source.given)) as stream:
        batches, schema, stored, total = _batches(stream, kind)
        limit(total or 0, len(schema))
        if rows is None:
            require_memory(name, float(source.size))
        if nested := [field.name for field in schema if pa.types.is_nested(_storage(field.type))]:
            raise TableError(
                f"{name} holds lists or records in {listing(nested)}. Write them as single values, or leave them out."
            )
        held: list[pa.RecordBatch] = []
        size = count = 0
        for batch in batches:
            stop_check()
            held.append(batch)
            count, size = count + len(batch), size + _unfolded(batch)
            limit(count, len(schema))
            if size > _NOTICE:
                require_memory(name, 2.0 * size)
            if rows is not None and count >= rows:
                break
        else:
            total = count
        tables = [pa.Table.from_batches(held, held[0].schema if held else schema).slice(0, rows)]
        held.clear()
        names, columns = _columns(tables, {field.name for field in stored if _is_category(field.type)})
        return RawTable(names, columns, short, rows=total)


def _batches(stream: Any, kind: str) -> tuple[Iterable[pa.RecordBatch], pa.Schema, pa.Schema, int | None]:
    """(batches of rows, their schema, the schema as stored, number of rows if it is known).

    Text that Parquet stores as distinct values stays so until it is known how much memory it takes.
    """
    if kind == "Arrow stream":
        opened = pa.ipc.open_stream(stream)
        return opened, opened.schema, opened.schema, None
    if kind == "Arrow":
        reader = pa.ipc.open_file(stream)
        return map(reader.get_batch, range(reader.num_record_batches)), reader.schema, reader.schema, None
    file = pyarrow.parquet.ParquetFile(stream)
    stored, said = file.schema_arrow, file.metadata
    flat = [place for place in range(said.num_columns) if not file.schema.column(place).max_repetition_level]
    chunks = [said.row_group(group).column(place) for group in range(said.num_row_groups) for place in flat]
    texts = {one.path_in_schema for one in chunks if one.physical_type == "BYTE_ARRAY" and one.has_dictionary_page}
    step = _SMALL_STEP if any("DELTA_BYTE_ARRAY" in one.encodings for one in chunks) else _STEP
    if texts:
        file = pyarrow.parquet.ParquetFile(stream, read_dictionary=sorted(texts))
    return file.iter_batches(step), file.schema_arrow, stored, said.num_rows


def _unfolded(batch: pa.RecordBatch) -> int:
    """Bytes of a batch with its dictionaries of text written out."""
    size = batch.nbytes
    for column in batch.columns:
        if isinstance(column, pa.DictionaryArray) and column.type.value_type in (
            pa.string(),
            pa.large_string(),
            pa.binary(),
        ):
            size += pc.sum(pc.binary_length(column.dictionary).take(column.indices)).as_py() or 0
    return int(size)


def _is_category(kind: pa.DataType) -> bool:
    return bool(pa.types.is_dictionary(kind) and pa.types.is_string(kind.value_type))


def _storage(kind: pa.DataType) -> pa.DataType:
    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind


def _columns(tables: list[pa.Table], categories: set[str]) -> tuple[list[str], list[pd.Series]]:
    """Names and columns, those of a named index of pandas first; an index without a name is an artifact of writing.

    The one table is taken out of the list, and its columns are let go one by one, so that no two copies stay in memory.
    """
    table = tables.pop()
    table.validate(full=True)  # damaged offsets would be read beyond the end
    try:
        said = json.loads((table.schema.metadata or {}).get(b"pandas", b'{"index_columns": [], "columns": []}'))
        entries = list(said["index_columns"])
        categories = categories | {one["name"] for one in said["columns"] if one["pandas_type"] == "categorical"}
    except (ValueError, RecursionError, KeyError, TypeError):
        entries = []
    names: list[str] = []
    columns: list[pd.Series] = []
    for entry in entries:
        if isinstance(entry, dict) and entry.get("kind") == "range" and isinstance(entry.get("name"), str):
            start, step = entry.get("start"), entry.get("step")
            if type(start) is int and type(step) is int and max(abs(start), abs(step)) < 2**31 and table.num_columns:
                names.append(entry["name"])
                columns.append(pd.Series(start + step * np.arange(table.num_rows)))
    labels, arrays = table.column_names, list(table.columns)
    del table
    for place in sorted(range(len(labels)), key=lambda place: labels[place] not in entries):
        label, array, arrays[place] = labels[place], arrays[place], None
        if not (label in entries and label.startswith("__index_level_")):
            names.append(label.strip())
            series = as_series(array, category=label in categories)
            columns.append(series.astype("category") if label in categories else series)
    return names, columns


def as_series(column: Any, *, category: bool) -> pd.Series:
    """A column of Arrow with the type that a table has it in; `category`: its distinct values are levels."""
    kind = _storage(column.type)
    if isinstance(column.type, pa.BaseExtensionType):
        column = pa.chunked_array([chunk.storage for chunk in column.chunks], type=kind)
    if pa.types.is_dictionary(kind):
        return column.to_pandas() if category else as_series(column.cast(kind.value_type), category=False)
    if pa.types.is_string_view(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return text_series(column)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        cells = [None if cell is None else cell.decode("utf-8", "replace") for cell in column.to_pylist()]
        return text_series(pa.chunked_array([pa.array(cells, pa.large_string())]))
    if pa.types.is_time(kind) or (pa.types.is_integer(kind) and kind.bit_width == 64 and _loses_digits(column)):
        return text_series(column.cast(pa.string()))
    if pa.types.is_null(kind) or pa.types.is_decimal(kind):
        return column.cast(pa.float64(), safe=False).to_pandas()
    if pa.types.is_date(kind):
        return column.cast(pa.timestamp("s"), safe=False).to_pandas()
    return column.to_pandas()


def _loses_digits(column: Any) -> bool:
    """Whether some whole number is no floating-point number."""
    values = column.drop_null().to_numpy()
    large = values[np.abs(values.astype(np.float64)) >= EXACT].tolist()
    return any(int(float(value)) != value for value in large)


def text_series(cells: Any) -> pd.Series:
    """Text of Arrow as a column of text in pandas; blank cells are missing."""
    if pa.types.is_string_view(cells.type):
        cells = cells.cast(pa.large_string())
    return pd.Series(pd.array(with_nulls(cells), dtype="str"))


# ------------------------------------------------------------------------------------------------------------ workbooks


def read_sheet(source: Source, options: ReadOptions, rows: int | None, limit: Limit, stop_check: StopCheck) -> RawTable:
    """The sheet that `options.sheet` names, else the first visible one with a table in it.

    The header is row `options.header`, else the first row about as full as the rows under it. Formulas show the values
    stored with them; those that failed are missing. Raises `TableError` where the workbook is damaged, protected, too
    large, or has no table.
    """
    name = source.name
    require_memory(name, 30.0 * source.size)
    _require_extent(source)
    what = f"{name} begins like an Excel or OpenDocument workbook but cannot be read"
    with or_damaged(what, "Save it again in a spreadsheet program, or as CSV."), source.stream() as stream:
        try:
            book = python_calamine.load_workbook(stream)
        except python_calamine.PasswordError as error:
            raise TableError(PROTECTED.format(name)) from error
        found = [sheet for sheet in book.sheets_metadata if "Work" in str(sheet.typ)]
        sheets = [sheet.name for sheet in sorted(found, key=lambda sheet: "Visible" not in str(sheet.visible))]
        if options.sheet is not None and options.sheet not in sheets:
            raise TableError(f"{name} has no sheet '{shorten(options.sheet)}'. Choose one of: {listing(sheets)}.")
        best: tuple[str, list[list[Any]], int] = ("", [], 0)
        for title in sheets if options.sheet is None else [options.sheet]:
            stop_check()
            sheet = book.get_sheet_by_name(title)
            limit(sheet.total_height, sheet.total_width)
            cells = sheet.to_python(skip_empty_area=False, nrows=None if rows is None else rows + _SCAN)
            widths = [sum(cell not in ("", None) for cell in row) for row in cells[:_SCAN]]
            if not best[0] or max(widths, default=0) > 1:
                best = title, cells, sheet.total_height
            if sum(width > 1 for width in widths) > 1:
                break
    title, cells, height = best
    raw = _table(name, title, cells, height, options.header)
    if len(sheets) > 1 and options.sheet is None:
        others = listing([other for other in sheets if other != title])
        raw.notes.append(f"{name} has {len(sheets)} sheets; '{shorten(title, 40)}' is read (not {others}).")
    raw.sheets, raw.decimal = tuple(sheets), options.decimal
    return raw


def _require_extent(source: Source) -> None:
    """`TableError` where the rectangle around the cells of an .xlsx sheet would fill memory: calamine makes all of it.

    One cell far from the table is enough. A cell that is formatted and blank does not count.
    """
    if source.head(2) != b"PK":
        return
    damaged = or_damaged(f"{source.name} is damaged", "Save it again in a spreadsheet program, or as CSV.")
    with damaged, source.stream() as stream, zipfile.ZipFile(stream) as archive:
        for part in archive.namelist():
            if part.startswith("xl/worksheets/") and part.endswith(".xml"):
                sheet = archive.read(part).upper().replace(b"'", b'"')
                if not _FAR.search(sheet):
                    continue
                rows = max(map(int, _FAR_ROW.findall(sheet)), default=_NEAR_ROWS)
                if rows > _LAST[0] or _FAR_COLUMN.search(sheet) or _BYTES * rows * _NEAR_COLUMNS > (free_memory() or 0):
                    rows = max(map(int, re.findall(_CELL % (rb"[A-Z]+", rb"([0-9]+)"), sheet)))
                    letters = set(re.findall(_CELL % (rb"([A-Z]+)", rb"[0-9]+"), sheet))
                    wide = max(reduce(lambda place, letter: 26 * place + letter - 64, one, 0) for one in letters)
                    if rows > _LAST[0] or wide > _LAST[1]:
                        raise ValueError(f"a cell is in row {rows:,} and column {wide:,}, where no sheet has any")
                    require_memory(f"A sheet of {source.name}, {rows:,} rows of {wide:,} cells,", _BYTES * rows * wide)


def _table(name: str, sheet: str, cells: Sequence[Sequence[Any]], height: int, header: int | None) -> RawTable:
    """The table in the cells of a sheet: below its header, without empty columns at its sides and rows at its end."""
    rows = [[None if cell == "" else cell for cell in row] for row in cells]
    full = np.array([sum(cell is not None for cell in row) for row in rows])
    if np.count_nonzero(full) < 2:
        raise TableError(
            f"{name} has no table in sheet '{shorten(sheet)}'. Choose another sheet, or add a header and rows."
        )
    if header is not None and header > len(rows):
        raise TableError(f"{name} has no row {header:,} in sheet '{shorten(sheet)}'. Choose another header row.")
    typical = float(np.median(full[full > 0]))
    if header is None:
        header = int(np.argmax(full >= max(1.0 if typical < 3 else 2.0, typical / 2))) + 1
    notes = []
    if header > 1 and (above := np.count_nonzero(full[: header - 1])):
        notes.append(f"Rows above the header in row {header:,}, no part of the table: {above:,}.")
    end = int(np.flatnonzero(full)[-1]) + 1
    if end > header + 2 and full[end - 1] == 1 < typical - 1 and not full[end - 2]:
        notes.append("Left out under the table: 1 row.")
        end = max(int(np.flatnonzero(full[: end - 1])[-1]) + 1, header)
    body = [row for row, cells_in_it in zip(rows[header:end], full[header:end], strict=True) if cells_in_it]
    if len(body) < end - header:
        notes.append(f"Rows without any cell are left out: {end - header - len(body):,}.")
    head = rows[header - 1] if header else [None] * len(rows[0])
    places = [place for place in range(len(head)) if any(row[place] is not None for row in [head, *body])]
    return RawTable(
        ["" if head[place] is None else _label(head[place]) for place in places],
        [_column([row[place] for row in body]) for place in places],
        f"Excel, sheet {shorten(sheet, 40)}, " + (f"header in row {header}" if header else "no header row"),
        notes,
        ("sheet", "header", "decimal"),
        max(height - header, len(body)),
    )


def _column(cells: list[Any]) -> Any:
    """A column of numbers or dates as it stands, else its text."""
    kinds = {type(cell) for cell in cells if cell is not None}
    if kinds and kinds <= {float, int}:
        values = np.array([np.nan if cell is None else cell for cell in cells], dtype=np.float64)
        whole = not np.isnan(values).any() and (np.abs(values) <= EXACT).all() and (values % 1 == 0).all()
        return pd.Series(values.astype(np.int64) if whole else values)
    if kinds and kinds <= {dt.date, dt.datetime}:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return pd.to_datetime(pd.Series(cells)).astype("datetime64[us]")
    return pa.chunked_array([pa.array([None if cell is None else _label(cell) for cell in cells], pa.string())])


def _label(cell: Any) -> str:
    return str(int(cell)) if isinstance(cell, float) and cell.is_integer() and abs(cell) <= EXACT else str(cell)
