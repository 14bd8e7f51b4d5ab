"""A folder of Parquet files as one table: its columns, and the partitions whose rows stand one after the other."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from iffair_core.errors import TableError, listing, shorten
from iffair_core.reading.files import or_damaged
from iffair_core.reading.formats import as_series

PARTITION_ROWS = 500_000
"""Row groups of a file are taken together up to about so many rows."""


@dataclass(frozen=True)
class Partition:
    """Some row groups of a file; `start`: position of its first row in the table."""

    path: str
    groups: tuple[int, ...]
    start: int
    rows: int


@dataclass(frozen=True)
class ParquetFolder:
    """The files of a folder in the order of their names. Workers read them by the same path."""

    name: str
    columns: tuple[str, ...]
    partitions: tuple[Partition, ...]
    fingerprint: str

    @property
    def rows(self) -> int:
        return sum(part.rows for part in self.partitions)


def open_folder(path: str | os.PathLike[str], *, most: int = PARTITION_ROWS) -> ParquetFolder:
    """The table that the *.parquet files of a folder hold, or that of one such file; nothing but footers is read.

    Raises TableError where there is no such file, or files have different columns, repeated ones or nested values.
    """
    folder = Path(path)
    files = [folder] if folder.is_file() else sorted(folder.glob("*.parquet")) if folder.is_dir() else []
    if not files:
        raise TableError(f"'{shorten(path)}' is no folder with files named *.parquet. Check the path.")
    columns: tuple[str, ...] | None = None
    partitions: list[Partition] = []
    start, digest = 0, hashlib.sha256()
    for file in files:
        with or_damaged(f"{file.name} cannot be read as Parquet", "Write the file again."), pq.ParquetFile(file) as one:
            schema, said = one.schema_arrow, one.metadata
            digest.update(repr((file.name, file.stat().st_size, str(schema.remove_metadata()))).encode())
            sizes = [said.row_group(place).num_rows for place in range(said.num_row_groups)]
        names = tuple(field.name.strip() for field in schema if not field.name.startswith("__index_level_"))
        nested = [field.name for field in schema if pa.types.is_nested(field.type)]
        if nested or len(set(names)) < len(names):
            what = f"lists or records in {listing(nested)}" if nested else "two columns of one name"
            raise TableError(f"{file.name} holds {what}. Write single values under different names, or leave them out.")
        if columns is not None and names != columns:
            raise TableError(
                f"{file.name} has other columns than {files[0].name}. Write all files of the folder with the same ones."
            )
        columns = names
        held: list[int] = []
        for place, size in enumerate(sizes):
            digest.update(size.to_bytes(8, "little"))
            if held and sum(sizes[group] for group in held) + size > most:
                partitions.append(Partition(str(file), tuple(held), start, sum(sizes[group] for group in held)))
                start, held = start + partitions[-1].rows, []
            held.append(place)
        if sum(sizes[group] for group in held):
            partitions.append(Partition(str(file), tuple(held), start, sum(sizes[group] for group in held)))
            start += partitions[-1].rows
    if not partitions:
        raise TableError(f"'{shorten(path)}' has columns but no rows. Add rows to its files.")
    return ParquetFolder(folder.name, columns or (), tuple(partitions), digest.hexdigest())


def read_columns(partitions: Sequence[Partition], names: Sequence[str]) -> pd.DataFrame:
    """Some columns of some partitions, with the types that `read_table` gives them."""
    parts = [_read(part, set(names)) for part in partitions]
    table = pa.concat_tables(parts, promote_options="permissive").unify_dictionaries()
    found = {label.strip(): table.column(place) for place, label in enumerate(table.column_names)}
    return pd.DataFrame({name: _column(found[name]) for name in names}, copy=False)


def _read(part: Partition, names: set[str]) -> pa.Table:
    with pq.ParquetFile(part.path) as file:
        wanted = [field.name for field in file.schema_arrow if field.name.strip() in names]
        return file.read_row_groups(list(part.groups), columns=wanted).replace_schema_metadata(None)


def _column(cells: pa.ChunkedArray) -> pd.Series:
    category = pa.types.is_dictionary(cells.type) and pa.types.is_string(cells.type.value_type)
    return as_series(cells, category=category)
