"""Parquet and Arrow files (Feather) as columns; of what they say about pandas, names of index and categories count."""

from __future__ import annotations

import itertools
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from iffair_core.errors import StopCheck, TableError, listing, never_stop, shorten
from iffair_core.reading.number_columns import EXACT, with_nulls
from iffair_core.reading.sources import Source, require_memory

_STREAM = b"\xff\xff\xff\xff"
_STEP = 1_024
_NOTICE = 1 << 26


@dataclass(frozen=True, eq=False)
class Columnar:
    """names and columns (Series of one length) of a file with types of its own; rows: how many the file has."""

    names: list[str]
    columns: list[pd.Series]
    rows: int | None
    kind: str


def columnar_kind(head: bytes, tail: bytes, size: int) -> str:
    """What a file of `size` with these first and last bytes is: Parquet, Arrow (also Feather), Arrow stream, or ""."""
    if head.startswith(b"PAR1") and (tail.endswith(b"PAR1") or not (head[4:8].isascii() and head[4:8].isalnum())):
        return "Parquet" if tail.endswith(b"PAR1") or b"\0" in head else ""
    if head.startswith(b"ARROW1\0\0"):
        return "Arrow"
    if head.startswith(_STREAM) and len(head) >= 8 and 0 < int.from_bytes(head[4:8], "little", signed=True) <= size:
        return "Arrow stream"
    return ""


def read_columnar(
    source: Source,
    kind: str,
    *,
    rows: int | None = None,
    limit: Callable[[int, int], None],
    stop_check: StopCheck = never_stop,
) -> Columnar:
    """The table of a Parquet or Arrow file, or about its first `rows`.

    `limit(rows, columns)` raises where there are too many. Text that is blank is missing, bytes are text, decimals are
    numbers, days are dates, whole numbers of more than 2**53 that would lose digits are text.
    Raises `TableError` where the file is damaged or holds lists or records.
    """
    try:
        table, total = (_parquet if kind == "Parquet" else _arrow)(source, kind, rows, limit, stop_check)
        table.validate(full=True)  # damaged offsets would be read beyond the end
        return _converted(table, total, kind.removesuffix(" stream"), source.name, limit)
    except (pa.ArrowException, OSError, ValueError, KeyError, TypeError, NotImplementedError, struct.error) as error:
        raise TableError(
            f"{source.name} starts like {kind.removesuffix(' stream')} but cannot be read "
            f"({shorten(str(error).splitlines()[0] if str(error) else type(error).__name__, 120)}). "
            "Write the file again, or export CSV."
        ) from error


def _opened(source: Source) -> Any:
    return pa.BufferReader(source.data) if source.data is not None else pa.memory_map(str(source.path))


def _parquet(
    source: Source, kind: str, rows: int | None, limit: Callable[[int, int], None], stop_check: StopCheck
) -> tuple[pa.Table, int]:
    import pyarrow.parquet as pq

    with _opened(source) as stream, pq.ParquetFile(stream) as file:
        texts, slowly = _texts(file, source.name)
    with _opened(source) as stream, pq.ParquetFile(stream, read_dictionary=texts) as file:
        total, width = file.metadata.num_rows, file.metadata.num_columns
        limit(total, width)
        _require_flat(file.schema_arrow, source.name)
        if rows is not None:
            head = pa.Table.from_batches(list(itertools.islice(file.iter_batches(rows), 1)), file.schema_arrow)
            return _written_out(head, texts, source.name), total
        groups = [file.metadata.row_group(group) for group in range(file.metadata.num_row_groups)]
        require_memory(source.name, 2.0 * sum(group.total_byte_size for group in groups) + 8.0 * total * width)
        if slowly:
            table = _in_small_steps(file, source.name, stop_check)
        elif len(groups) < 2:
            table = file.read()
        else:
            parts = []
            for group in range(len(groups)):
                stop_check()
                parts.append(file.read_row_group(group))
            table = pa.concat_tables(parts)
    return _written_out(table, texts, source.name), total


def _in_small_steps(file: Any, name: str, stop_check: StopCheck) -> pa.Table:
    """The file in steps so small that text which unfolds from nearly nothing is noticed before memory is gone."""
    batches: list[Any] = []
    held = told = 0
    for batch in file.iter_batches(_STEP):
        batches.append(batch)
        held += batch.nbytes
        if held - told > _NOTICE:
            told = held
            require_memory(name, float(held))
            stop_check()
    return pa.Table.from_batches(batches, file.schema_arrow)


def _texts(file: Any, name: str) -> tuple[list[str], bool]:
    """(columns of text stored as distinct values and places, whether there is text stored by what differs from a cell
    to the next). Read as they are stored, the first take no more memory than the file; the second may take any.
    """
    texts: set[str] = set()
    fixed = 0
    slowly = False
    categories = {field.name for field in file.schema_arrow if pa.types.is_dictionary(field.type)}
    for place in range(file.metadata.num_columns):
        column = file.schema.column(place)
        if column.physical_type == "FIXED_LEN_BYTE_ARRAY":
            fixed += column.length * file.metadata.num_rows
        if column.physical_type != "BYTE_ARRAY" or column.max_repetition_level:
            continue
        chunks = [file.metadata.row_group(group).column(place) for group in range(file.metadata.num_row_groups)]
        slowly = slowly or any("DELTA_BYTE_ARRAY" in chunk.encodings for chunk in chunks)
        if any(chunk.has_dictionary_page for chunk in chunks) and column.path not in categories:
            texts.add(column.path)
    require_memory(name, 2.0 * fixed)
    return sorted(texts), slowly


def _written_out(table: pa.Table, texts: list[str], name: str) -> pa.Table:
    """The table with its columns `texts` as text; `TableError` where there is no room for it."""
    places = [
        place
        for place, field in enumerate(table.schema)
        if field.name in texts and pa.types.is_dictionary(field.type) and _is_text(field.type.value_type)
    ]
    size = 0
    for place in places:
        for chunk in table.column(place).chunks:
            size += pc.sum(pc.binary_length(chunk.dictionary).take(chunk.indices)).as_py() or 0
    require_memory(name, 2.0 * size)
    columns = list(table.columns)
    for place in places:
        kind = table.schema.field(place).type.value_type
        columns[place] = columns[place].cast(kind if pa.types.is_binary(kind) else pa.large_string())
    return pa.table(columns, names=table.column_names).replace_schema_metadata(table.schema.metadata)


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_binary(kind))


def _arrow(
    source: Source, kind: str, rows: int | None, limit: Callable[[int, int], None], stop_check: StopCheck
) -> tuple[pa.Table, int | None]:
    batches: list[Any] = []
    total = 0
    if rows is None:
        with _opened(source) as stream:
            stream.seek(8 if kind == "Arrow" else 0)
            require_memory(source.name, 2.0 * sum(map(_unfolded, pa.ipc.MessageReader.open_stream(stream))))
    with _opened(source) as stream:
        reader = pa.ipc.open_file(stream) if kind == "Arrow" else pa.ipc.open_stream(stream)
        _require_flat(reader.schema, source.name)
        limit(0, len(reader.schema))
        count = reader.num_record_batches if kind == "Arrow" else None
        for batch in (reader.get_batch(i) for i in range(count)) if count is not None else reader:
            stop_check()
            total += len(batch)
            limit(total, len(reader.schema))
            batches.append(batch)
            if rows is not None and total >= rows:
                break
        known = total if rows is None or count == len(batches) else None
        if known is None and count:
            known = count * total // len(batches)
    table = pa.Table.from_batches(batches, reader.schema)
    return table.slice(0, rows) if rows is not None else table, known


def _unfolded(message: Any) -> int:
    """Bytes that a message of an Arrow file takes once it is unpacked.

    Its header is a FlatBuffer whose third field points to a RecordBatch (or to a DictionaryBatch, whose second field
    does); that one's third field lists the places of the buffers, and has a fourth where they are compressed, each of
    them behind its size before (-1: stored as it is).
    """
    header, body = memoryview(message.metadata), memoryview(message.body) if message.body is not None else b""

    def field(table: int, number: int) -> int:
        """Where a field of the table stands, 0 where it is absent."""
        layout = table - struct.unpack_from("<i", header, table)[0]
        size = struct.unpack_from("<H", header, layout)[0]
        place = struct.unpack_from("<H", header, layout + 4 + 2 * number)[0] if size > 4 + 2 * number else 0
        return table + place if place else 0

    def follow(place: int) -> int:
        return int(place + struct.unpack_from("<I", header, place)[0])

    if message.type not in ("record batch", "dictionary"):
        return 0
    batch = follow(field(follow(0), 2))
    if message.type == "dictionary":
        batch = follow(field(batch, 1))
    if not field(batch, 3):
        return len(body)
    places = follow(field(batch, 2))
    total = 0
    for number in range(struct.unpack_from("<I", header, places)[0]):
        offset, length = struct.unpack_from("<qq", header, places + 4 + 16 * number)
        total += max(struct.unpack_from("<q", body, offset)[0], length) if length >= 8 else 0
    return total


def _require_flat(schema: pa.Schema, name: str) -> None:
    nested = [field.name for field in schema if pa.types.is_nested(_storage(field.type))]
    if nested:
        raise TableError(
            f"{name} holds lists or records in {listing(nested)}. "
            "Write these columns as single values, or leave them out."
        )
    runs = [field.name for field in schema if isinstance(_storage(field.type), pa.RunEndEncodedType)]
    if runs:
        raise TableError(f"{name} holds runs of values in {listing(runs)}. Write these columns out.")


def _storage(kind: pa.DataType) -> pa.DataType:
    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind


# ----------------------------------------------------------------------------------------------------------- columns


def _converted(table: pa.Table, total: int | None, kind: str, name: str, limit: Callable[[int, int], None]) -> Columnar:
    limit(table.num_rows, table.num_columns)
    index, ranges, categories = _said_of_pandas(table)
    names, columns = list(table.column_names), list(table.columns)
    order = [position for position, column in enumerate(names) if column in index] + [
        position for position, column in enumerate(names) if column not in index
    ]
    kept = [position for position in order if not (names[position] in index and _unnamed(names[position]))]
    found = [pd.Series(values) for values in ranges.values()] if table.num_columns else []
    for position in kept:
        series = _series(columns[position])
        found.append(series.astype("category") if names[position] in categories else series)
        columns[position] = None
    labels = [*(ranges if found else ()), *(names[position] for position in kept)]
    return Columnar([str(label).strip() for label in labels], found, total, kind)


def _unnamed(column: str) -> bool:
    return column.startswith("__index_level_")


def _said_of_pandas(table: pa.Table) -> tuple[set[str], dict[str, np.ndarray], set[str]]:
    """(columns that were a pandas index, values of a named index that was a plain range, columns of categories).

    An unnamed index is an artefact of writing; a named one is a column that somebody chose.
    """
    try:
        stored = json.loads((table.schema.metadata or {}).get(b"pandas", b"{}"))
    except (ValueError, RecursionError):
        stored = None
    said = stored if isinstance(stored, dict) else {}
    entries, columns = (part if isinstance(part := said.get(key), list) else [] for key in ("index_columns", "columns"))
    categories = {
        column["name"]
        for column in columns
        if isinstance(column, dict)
        and column.get("pandas_type") == "categorical"
        and isinstance(column.get("name"), str)
    }
    index = {entry for entry in entries if isinstance(entry, str) and entry in table.column_names}
    ranges = {}
    for entry in entries:
        if isinstance(entry, dict) and entry.get("kind") == "range" and isinstance(entry.get("name"), str):
            start, step = entry.get("start"), entry.get("step")
            if type(start) is int and type(step) is int and max(abs(start), abs(step)) < 2**31:
                ranges[entry["name"]] = start + step * np.arange(table.num_rows)
    return index, ranges, categories


def _series(column: Any) -> pd.Series:
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        column = pa.chunked_array([chunk.storage for chunk in column.chunks], type=kind.storage_type)
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
    if pa.types.is_integer(kind):
        return _whole(column)
    if pa.types.is_dictionary(kind) and not pa.types.is_string(kind.value_type):
        column = column.cast(kind.value_type) if not pa.types.is_large_string(kind.value_type) else column
    return column.to_pandas()


def text_series(column: Any) -> pd.Series:
    """Text as a pandas column of text; blank cells are missing."""
    if pa.types.is_string_view(column.type):
        column = column.cast(pa.large_string())
    return pd.Series(pd.array(with_nulls(column), dtype="str"))


def _whole(column: Any) -> pd.Series:
    """Whole numbers, as floating-point where some are missing; as text where that, or a model, would lose digits."""
    if pa.types.is_int64(column.type) or pa.types.is_uint64(column.type):
        extremes = pc.min_max(column).as_py()
        if extremes["max"] is not None and max(extremes["max"], -extremes["min"]) > EXACT:
            values = column.drop_null().to_numpy()
            large = values[np.abs(values.astype(np.float64)) >= EXACT].tolist()
            if not all(int(float(value)) == value for value in large):
                return text_series(column.cast(pa.string()))
    return column.to_pandas()
