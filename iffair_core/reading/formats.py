"""Files that hold typed columns: Parquet, Arrow and Feather by pyarrow, sheets of a workbook by calamine."""

from __future__ import annotations

import datetime as dt
import io
import json
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc
import pyarrow.parquet

from iffair_core.errors import IFFairError, StopCheck, TableError, listing, shorten
from iffair_core.reading.files import Source, require_memory
from iffair_core.reading.numbers import EXACT, with_nulls
from iffair_core.reading.options import ReadOptions

_SCAN = 100
_STEP, _SMALL_STEP = 1 << 16, 1 << 10
_NOTICE = 1 << 28

Limit = Callable[[int, int], None]


@dataclass(eq=False)
class Columns:
    """Columns with names as they stand in the file; `text`: which of them hold text cells that may be numbers."""

    names: list[str]
    columns: list[Any]
    dialect: str
    rows: int | None = None
    sheets: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)
    text: list[int] = field(default_factory=list)


# --------------------------------------------------------------------------------------------------- Parquet and Arrow


def columnar_kind(head: bytes, tail: bytes, size: int) -> str:
    """What a file with these first and last bytes is: "Parquet", "Arrow" (also Feather), "Arrow stream" or ""."""
    if head.startswith(b"PAR1") and (tail.endswith(b"PAR1") or b"\0" in head):
        return "Parquet"
    if head.startswith(b"ARROW1\0\0"):
        return "Arrow"
    stream = head.startswith(b"\xff\xff\xff\xff") and 0 < int.from_bytes(head[4:8], "little", signed=True) <= size
    return "Arrow stream" if stream else ""


def read_columnar(source: Source, kind: str, rows: int | None, limit: Limit, stop_check: StopCheck) -> Columns:
    """The table of a Parquet or Arrow file, or its first `rows`.

    `limit(rows, columns)` raises where there are too many. Blank text is missing, bytes are text, decimals are numbers,
    days are dates; whole numbers beyond 2**53 that would lose digits are text. An index with a name is a column.
    Raises `TableError` where the file is damaged or holds lists or records.
    """
    short = kind.removesuffix(" stream")
    try:
        opened = pa.BufferReader(source.data) if source.data is not None else pa.memory_map(str(source.path))
        with opened as stream:
            batches, schema, stored, total = (_parquet if kind == "Parquet" else _arrow)(stream, kind)
            limit(total or 0, len(schema))
            if rows is None:
                require_memory(source.name, float(source.size))
            _require_flat(schema, source.name)
            held: list[pa.RecordBatch] = []
            size = count = 0
            cut = False
            for batch in batches:
                stop_check()
                held.append(batch)
                count, size = count + len(batch), size + _unfolded(batch)
                limit(count, len(schema))
                if size > _NOTICE:
                    require_memory(source.name, 2.0 * size)
                if cut := rows is not None and count >= rows:
                    break
            whole = [pa.Table.from_batches(held, held[0].schema if held else schema).slice(0, rows)]
            whole[0].validate(full=True)  # damaged offsets would be read beyond the end
            held.clear()
            categories = {field.name for field in stored if _is_category(field.type)}
            names, columns = _columns(whole.pop(), categories)
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, NotImplementedError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise TableError(
            f"{source.name} starts like {short} but cannot be read ({shorten(reason, 120)}). "
            "Write the file again, or export CSV."
        ) from error
    return Columns(names, columns, short, None if total is None and cut else count if total is None else total)


def _parquet(stream: Any, kind: str) -> tuple[Iterator[pa.RecordBatch], pa.Schema, pa.Schema, int]:
    """(batches of rows, their schema, the schema as stored, number of rows).

    Text stored as distinct values stays so until it is known how much memory it takes.
    """
    file = pyarrow.parquet.ParquetFile(stream)
    stored, metadata, places = file.schema_arrow, file.metadata, range(file.metadata.num_columns)
    chunks = [[metadata.row_group(group).column(place) for group in range(metadata.num_row_groups)] for place in places]
    plain = [place for place in places if not file.schema.column(place).max_repetition_level]
    texts = [
        file.schema.column(place).path
        for place in plain
        if file.schema.column(place).physical_type == "BYTE_ARRAY"
        and any(one.has_dictionary_page for one in chunks[place])
    ]
    repeated = any("DELTA_BYTE_ARRAY" in one.encodings for place in plain for one in chunks[place])
    if texts:
        file = pyarrow.parquet.ParquetFile(stream, read_dictionary=texts)
    return file.iter_batches(_SMALL_STEP if repeated else _STEP), file.schema_arrow, stored, metadata.num_rows


def _arrow(stream: Any, kind: str) -> tuple[Iterator[pa.RecordBatch], pa.Schema, pa.Schema, int | None]:
    if kind == "Arrow":
        reader = pa.ipc.open_file(stream)
        return (
            (reader.get_batch(place) for place in range(reader.num_record_batches)),
            reader.schema,
            reader.schema,
            None,
        )
    opened = pa.ipc.open_stream(stream)
    return iter(opened), opened.schema, opened.schema, None


def _unfolded(batch: pa.RecordBatch) -> int:
    """Bytes of a batch with its dictionaries of text written out."""
    size = batch.nbytes
    for column in batch.columns:
        if isinstance(column, pa.DictionaryArray) and _is_text(column.type.value_type):
            size += pc.sum(pc.binary_length(column.dictionary).take(column.indices)).as_py() or 0
    return int(size)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind))


def _is_category(kind: pa.DataType) -> bool:
    return bool(pa.types.is_dictionary(kind) and pa.types.is_string(kind.value_type))


def _require_flat(schema: pa.Schema, name: str) -> None:
    if nested := [field.name for field in schema if pa.types.is_nested(_storage(field.type))]:
        raise TableError(
            f"{name} holds lists or records in {listing(nested)}. Write them as single values, or leave them out."
        )


def _storage(kind: pa.DataType) -> pa.DataType:
    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind


def _columns(table: pa.Table, categories: set[str]) -> tuple[list[str], list[pd.Series]]:
    """Names and columns, those of a named index of pandas first; an index without a name is an artifact of writing."""
    try:
        said = json.loads((table.schema.metadata or {}).get(b"pandas", b'{"index_columns": [], "columns": []}'))
        entries = list(said["index_columns"])
        categories = categories | {one["name"] for one in said["columns"] if one["pandas_type"] == "categorical"}
    except (ValueError, RecursionError, KeyError, TypeError):
        entries = []
    labels, arrays, rows = table.column_names, list(table.columns), table.num_rows
    del table
    names: list[str] = []
    columns: list[pd.Series] = []
    for entry in entries:
        if isinstance(entry, dict) and entry.get("kind") == "range" and isinstance(entry.get("name"), str):
            start, step = entry.get("start"), entry.get("step")
            if type(start) is int and type(step) is int and max(abs(start), abs(step)) < 2**31 and arrays:
                names.append(entry["name"])
                columns.append(pd.Series(start + step * np.arange(rows)))
    for place in sorted(range(len(labels)), key=lambda place: labels[place] not in entries):
        label, array, arrays[place] = labels[place], arrays[place], None
        if not (label in entries and label.startswith("__index_level_")):
            names.append(label.strip())
            series = _series(array, category=label in categories)
            columns.append(series.astype("category") if label in categories else series)
    return names, columns


def _series(column: Any, *, category: bool) -> pd.Series:
    kind = _storage(column.type)
    if isinstance(column.type, pa.BaseExtensionType):
        column = pa.chunked_array([chunk.storage for chunk in column.chunks], type=kind)
    if pa.types.is_dictionary(kind):
        if category:
            return column.to_pandas()
        column = column.cast(kind.value_type)
        kind = column.type
    if pa.types.is_string_view(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return text_series(column)
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind):
        cells = [None if cell is None else cell.decode("utf-8", "replace") for cell in column.to_pylist()]
        return text_series(pa.chunked_array([pa.array(cells, pa.large_string())]))
    if pa.types.is_time(kind):
        return text_series(column.cast(pa.string()))
    if pa.types.is_null(kind) or pa.types.is_decimal(kind):
        return column.cast(pa.float64(), safe=False).to_pandas()
    if pa.types.is_date(kind):
        return column.cast(pa.timestamp("s"), safe=False).to_pandas()
    if (pa.types.is_int64(kind) or pa.types.is_uint64(kind)) and _loses_digits(column):
        return text_series(column.cast(pa.string()))
    return column.to_pandas()


def _loses_digits(column: Any) -> bool:
    """Whether some whole number is no floating-point number."""
    extremes = pc.min_max(column).as_py()
    if extremes["max"] is None or max(extremes["max"], -extremes["min"]) <= EXACT:
        return False
    values = column.drop_null().to_numpy()
    return any(int(float(value)) != value for value in values[np.abs(values.astype(np.float64)) >= EXACT].tolist())


def text_series(cells: Any) -> pd.Series:
    """Text of Arrow as a column of text in pandas; blank cells are missing."""
    if pa.types.is_string_view(cells.type):
        cells = cells.cast(pa.large_string())
    return pd.Series(pd.array(with_nulls(cells), dtype="str"))


# ------------------------------------------------------------------------------------------------------------ workbooks


def read_sheet(source: Source, options: ReadOptions, rows: int | None, limit: Limit, stop_check: StopCheck) -> Columns:
    """The sheet that `options.sheet` names, else the first visible one with a table in it.

    The header is row `options.header`, else the first row about as full as the rows under it. Formulas show the values
    stored with them; those that failed are missing. Raises `TableError` where the workbook is damaged, protected, too
    large, or has no table.
    """
    import python_calamine

    name = source.name
    require_memory(name, 30.0 * source.size)
    try:
        opened: Any = io.BytesIO(source.data) if source.data is not None else str(source.path)
        book = python_calamine.load_workbook(opened)
        sheets = [sheet for sheet in book.sheets_metadata if "Work" in str(sheet.typ)]
        names = [sheet.name for sheet in sorted(sheets, key=lambda sheet: "Visible" not in str(sheet.visible))]
        if options.sheet is not None and options.sheet not in names:
            raise TableError(f"{name} has no sheet '{shorten(options.sheet)}'. Choose one of: {listing(names)}.")
        found: tuple[str, list[Any], int] = ("", [], 0)
        for chosen in [options.sheet] if options.sheet is not None else names:
            stop_check()
            sheet = book.get_sheet_by_name(chosen)
            limit(sheet.total_height, sheet.total_width)
            cells = sheet.to_python(skip_empty_area=False, nrows=None if rows is None else rows + _SCAN)
            widths = [sum(cell not in ("", None) for cell in row) for row in cells[:_SCAN]]
            if not found[0] or max(widths, default=0) > 1:
                found = chosen, cells, sheet.total_height
            if sum(width > 1 for width in widths) > 1:
                break
        chosen, cells, height = found
    except IFFairError:
        raise
    except Exception as error:
        reason = f"{type(error).__name__}: {shorten(error, 80)}"
        protected = "password" in str(error).lower() or "encrypt" in str(error).lower()
        raise TableError(
            f"{name} is a workbook protected by a password. Save it without one, or as CSV." if protected else
            f"{name} begins like an Excel or OpenDocument workbook but cannot be read ({reason}). "
            "Save it again in a spreadsheet program, or as CSV."
        ) from error  # fmt: skip
    return _table(name, chosen, tuple(names), cells, height, options)


def _table(
    name: str, sheet: str, sheets: tuple[str, ...], cells: Sequence[Sequence[Any]], height: int, options: ReadOptions
) -> Columns:
    """The table in the cells of a sheet: below its header, without empty columns at its sides and rows at its end."""
    cells = [[None if cell == "" else cell for cell in row] for row in cells]
    filled = np.array([[cell is not None for cell in row] for row in cells], dtype=bool)
    if np.count_nonzero(filled.any(axis=1) if filled.size else 0) < 2:
        raise TableError(
            f"{name} has no table in sheet '{shorten(sheet)}'. Choose another sheet, or add a header and rows."
        )
    notes: list[str] = []
    full = filled.sum(axis=1)
    if options.header is not None and options.header > len(cells):
        raise TableError(
            f"{name} has no row {options.header:,} in sheet '{shorten(sheet)}'. Choose another header row."
        )
    typical = np.median(full[full > 0])
    first = int(np.argmax(full >= max(1.0, typical / 2 if typical < 3 else max(2.0, typical / 2))))
    header = first + 1 if options.header is None else options.header
    if header > 1 and (above := int(np.count_nonzero(full[: header - 1]))):
        notes.append(f"Rows above the header in row {header:,}, no part of the table: {above:,}.")
    body, kept = cells[header:], filled[header:]
    while len(kept) and not kept[-1].any():
        body, kept = body[:-1], kept[:-1]
    under = 0
    while len(kept) > 2 and kept[-1].sum() == 1 < typical - 1 and not kept[-2 - under : -1].any(axis=1).all():
        body, kept, under = body[:-1], kept[:-1], under + 1
    while len(kept) and not kept[-1].any():
        body, kept = body[:-1], kept[:-1]
    if under:
        notes.append(f"Left out under the table: {under:,} {'row' if under == 1 else 'rows'}.")
    if empty := int(np.count_nonzero(~kept.any(axis=1))):
        body = [row for row in body if any(cell is not None for cell in row)]
        notes.append(f"Rows without any cell are left out: {empty:,}.")
    head = cells[header - 1] if header else [None] * filled.shape[1]
    used = [place for place in range(filled.shape[1]) if head[place] is not None or kept[:, place].any()]
    if len(sheets) > 1:
        others = listing([other for other in sheets if other != sheet])
        notes.append(f"{name} has {len(sheets)} sheets; '{shorten(sheet, 40)}' is read (not {others}).")
    columns, text = [], []
    for number, place in enumerate(used):
        column, is_text = _typed([row[place] for row in body])
        columns.append(column)
        text += [number] if is_text else []
    words = f"Excel, sheet {shorten(sheet, 40)}, " + (f"header in row {header}" if header else "no header row")
    names = ["" if head[place] is None else _label(head[place]) for place in used]
    return Columns(names, columns, words, max(height - header, len(body)), sheets, notes, text)


def _typed(cells: list[Any]) -> tuple[Any, bool]:
    """(a column of numbers, dates or yes/no as it stands, else its text; whether it is text)."""
    kinds = {type(cell) for cell in cells if cell is not None}
    if kinds and kinds <= {float, int}:
        values = np.array([np.nan if cell is None else cell for cell in cells], dtype=np.float64)
        whole = not np.isnan(values).any() and (np.abs(values) <= 2**53).all() and (values % 1 == 0).all()
        return (values.astype(np.int64) if whole else values), False
    if kinds and kinds <= {dt.date, dt.datetime}:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return pd.to_datetime(pd.Series(cells)).astype("datetime64[us]"), False
    return pa.chunked_array([pa.array([None if cell is None else _label(cell) for cell in cells], pa.string())]), True


def _label(cell: Any) -> str:
    if isinstance(cell, float) and cell.is_integer() and abs(cell) <= 2**53:
        return str(int(cell))
    return str(cell)
