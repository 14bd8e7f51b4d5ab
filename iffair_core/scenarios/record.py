"""What a scenario is: a head with what lists and sentences need, and plain files; no pickle, as databases are shared.

Files: `summary.json`, `settings.json`, `curve.csv` as `telling.files` writes them; `rows.parquet`, the columns of
rows.csv, or `weights.csv` in cohort-only mode; `table.parquet`, only where the user said so. All of it is as it may be
told (`study.disclosure`).
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from iffair_core.errors import StoreError
from iffair_core.reading.door import table_fingerprint

SCHEMA = "iffair/scenario/1"
TABLE, ROWS = "table.parquet", "rows.parquet"
_ATTRS = b"iffair"


@dataclass(frozen=True, eq=False)
class Kept:
    """A study as a scenario holds it.

    head: `schema`; `choices`, the query parameters of its link; `table` {source, name, fingerprint, synthetic, kept};
    `outcome` {target, favorable, cuts}; `goal`, `metric`, `strength`, `recommended`, `threshold`, `smallest_group`;
    `findings`, `sentences`; `before`, `after` {split: {metric: value}}, and `intervals` of `after`.
    """

    head: Mapping[str, Any]
    files: Mapping[str, bytes]

    def file(self, name: str) -> bytes:
        """One of its files. Raises StoreError where it is not there."""
        if name not in self.files:
            raise StoreError(f"This scenario lacks its {name}, which every one has. Save it again, or delete it.")
        return self.files[name]

    @cached_property
    def curve(self) -> pd.DataFrame:
        """curve.csv."""
        return pd.read_csv(io.BytesIO(self.file("curve.csv")))

    @cached_property
    def rows(self) -> pd.DataFrame | None:
        """One line for each used row; None in cohort-only mode."""
        return pd.read_parquet(io.BytesIO(self.files[ROWS])) if ROWS in self.files else None

    @cached_property
    def summary(self) -> dict[str, Any]:
        """summary.json."""
        return json.loads(self.file("summary.json"))

    @cached_property
    def table(self) -> pd.DataFrame | None:
        """The table's rows, where the user let them be kept."""
        return table_of(self.files[TABLE]) if TABLE in self.files else None


def parquet(frame: pd.DataFrame, about: bytes | None = None) -> bytes:
    """A frame as Parquet, its index left out, with a note of ours."""
    made = pa.Table.from_pandas(frame, preserve_index=False)
    if about is not None:
        made = made.replace_schema_metadata({**(made.schema.metadata or {}), _ATTRS: about})
    buffer = io.BytesIO()
    pq.write_table(made, buffer, compression="zstd")
    return buffer.getvalue()


def table_parquet(table: pd.DataFrame) -> bytes:
    """A table as it was read, with what is known of its reading but the lines that were left out.

    Raises StoreError for a table that would not come back cell for cell.
    """
    attrs = {name: value for name, value in table.attrs.items() if name != "left_out"}
    bare = table.copy(deep=False)
    bare.attrs = {}
    try:
        written = parquet(bare, json.dumps(attrs).encode())
        same = table_fingerprint(table_of(written)) == table_fingerprint(table)
    except (pa.ArrowException, TypeError, ValueError):
        same = False
    if not same:
        raise StoreError(
            "This table's rows cannot be kept: it does not come back from Parquet as it is. Keep the file."
        )
    return written


def table_of(written: bytes) -> pd.DataFrame:
    """The table that `table_parquet` wrote."""
    made = pq.read_table(io.BytesIO(written))
    frame = made.to_pandas()
    frame.attrs = json.loads((made.schema.metadata or {}).get(_ATTRS, b"{}"))
    return frame
