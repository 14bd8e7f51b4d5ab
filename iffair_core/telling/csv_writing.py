"""Tables -> CSV as UTF-8 with LF, in which no text runs as a formula when a spreadsheet opens it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

Labeled = tuple[np.ndarray, Sequence[str]]
"""Codes (n,) into labels."""
BLOCK_ROWS = 65_536
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_PLAIN_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\Z", re.ASCII)


def safe_cell(text: str) -> str:
    """`text` as a spreadsheet shows it literally: an apostrophe before what it would take for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) and not _PLAIN_NUMBER.match(text) else text


def csv_bytes(frame: pd.DataFrame) -> bytes:
    """A frame as a download, without its index: numbers as pandas writes them, empty where missing."""
    safe = frame.copy(deep=False)
    for place, kind in enumerate(frame.dtypes):
        if not pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_datetime64_any_dtype(kind):
            codes, values = pd.factorize(frame.iloc[:, place], use_na_sentinel=True)
            texts = [safe_cell(value) if isinstance(value, str) else value for value in values]
            safe.isetitem(place, np.array([*texts, None], dtype=object)[codes])
    safe.columns = pd.Index([safe_cell(name) if isinstance(name, str) else name for name in frame.columns])
    written = safe.to_csv(index=False, lineterminator="\n")
    if "\r" in written:  # without quotes, spreadsheets begin a line there
        written = safe.to_csv(index=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    return written.encode("utf-8")


def frame_columns(frame: pd.DataFrame) -> dict[str, np.ndarray | Labeled]:
    """The columns of a frame for `columns_csv`: texts as codes into labels, missing numbers as NaN."""
    columns: dict[str, np.ndarray | Labeled] = {}
    for name, column in frame.items():
        if pd.api.types.infer_dtype(column, skipna=True) == "string":
            codes, labels = pd.factorize(column)
            columns[str(name)] = (codes, list(labels))
        else:
            whole = isinstance(column.dtype, np.dtype) and column.dtype.kind == "i"
            columns[str(name)] = column.to_numpy() if whole else column.to_numpy(dtype=np.float64, na_value=np.nan)
    return columns


def columns_csv(columns: Mapping[str, np.ndarray | Labeled]) -> bytes:
    """Columns of equal length as a study's file: floats with as many digits as give back the same float.

    Arrow joins the cells; the bytes of its array of lines are the file, so a million rows need no loop.
    """
    out = io.BytesIO()
    out.write((",".join(_cell(name) for name in columns) + "\n").encode())
    first = next(iter(columns.values()))
    n = len(first[0] if isinstance(first, tuple) else first)
    for start in range(0, n, BLOCK_ROWS):
        rows = slice(start, min(start + BLOCK_ROWS, n))
        cells = [_texts(column, rows) for column in columns.values()]
        cells[-1] = pc.binary_join_element_wise(cells[-1], "", "\n", null_handling="replace", null_replacement="")
        lines = pc.binary_join_element_wise(*cells, ",", null_handling="replace", null_replacement="")
        _, offsets, data = lines.buffers()
        ends = np.frombuffer(offsets, dtype=np.int32)
        out.write(memoryview(data)[ends[0] : ends[len(lines)]])
    return out.getvalue()


def _cell(text: str) -> str:
    """One CSV cell, escaped against formulas and quoted where it has to be."""
    text = safe_cell(text.encode("utf-8", "backslashreplace").decode("utf-8"))
    if any(mark in text for mark in ',"\r\n') or text != text.strip() or not text:
        return '"' + text.replace('"', '""') + '"'
    return text


def _texts(column: np.ndarray | Labeled, rows: slice) -> pa.Array:
    if isinstance(column, tuple):
        return pa.array([_cell(label) for label in column[1]], pa.string()).take(pa.array(column[0][rows]))
    return pc.cast(pa.array(column[rows], from_pandas=True), pa.string())
