"""A file becomes a table: CSV in its common dialects, or Parquet, with one missing-value rule for both."""

from __future__ import annotations

import csv
import hashlib
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from iffair_core.errors import TableError, listing, shorten

DELIMITERS = (",", ";", "\t", "|")
NUMERIC_MISSING = frozenset({"NA", "N/A", "n/a", "NaN", "nan", "null", "NULL", "None", "?"})
"""Cells that mean "missing" in a column whose every other value is a number; in a text column they are values."""

_SAMPLE_ROWS = 60
_EXPORT_AGAIN = "Export the table again as CSV (UTF-8, one header line) or Parquet."
_FOREIGN = (
    (b"PK\x03\x04", "is a zip archive or an Excel workbook", "Save the sheet as CSV (UTF-8) and open that."),
    (b"\xd0\xcf\x11\xe0", "is an old Excel workbook", "Save the sheet as CSV (UTF-8) and open that."),
    (b"\x1f\x8b", "is compressed with gzip", "Unpack it and open the CSV inside."),
    (b"%PDF", "is a PDF document", _EXPORT_AGAIN),
)


def read_table(path_or_buffer: Any, *, name: str | None = None) -> pd.DataFrame:
    """Read a CSV or Parquet file into a DataFrame with unique text column names and a default index.

    `path_or_buffer` is a path (str or Path), bytes, or anything with `getvalue` or `read` (an open file, BytesIO, an
    uploaded file). `name` is what messages call it. CSV: the delimiter (comma, semicolon, tab or bar) is detected;
    UTF-8 with or without a byte-order mark, UTF-16 with one, otherwise Windows-1252.

    The empty cell is missing everywhere. The markers in `NUMERIC_MISSING` are missing only in a column whose every
    other value is a number, so that a category called "None" or "NA" stays one. Infinite numbers are kept.
    What was repaired on the way is listed in `frame.attrs["warnings"]`.

    Raises `TableError` when the file is missing, empty, only a header, not text, or its lines do not form a table.
    """
    raw, name = _load(path_or_buffer, name)
    frame = _read_parquet(raw, name) if raw[:4] == b"PAR1" else _read_csv(_as_utf8(raw, name), name)
    if not len(frame):
        raise TableError(f"{name} has a header but no rows. Add at least one row under the header.")
    return frame


def table_fingerprint(frame: pd.DataFrame) -> str:
    """SHA-256 (hex) of every cell, column name and column type; the index does not count."""
    digest = hashlib.sha256(repr(frame.shape).encode())
    for position, column in enumerate(frame.columns):
        values = frame.iloc[:, position]
        digest.update(repr((str(column), str(values.dtype))).encode())
        digest.update(pd.util.hash_pandas_object(values, index=False).to_numpy().tobytes())
    return digest.hexdigest()


def column_summary(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per column: name, type, missing (count), distinct (count of values present), example (first value).

    type is "number", "yes/no" (two values), "category" or "identifier-like": nearly every row has its own text, or
    whole numbers that count the rows, or a date.
    """
    rows = []
    for position, column in enumerate(frame.columns):
        values = frame.iloc[:, position]
        present = values.dropna()
        distinct = int(present.nunique())
        rows.append(
            {
                "name": str(column),
                "type": _column_type(present, distinct),
                "missing": int(len(values) - len(present)),
                "distinct": distinct,
                "example": shorten(present.iloc[0]) if len(present) else "",
            }
        )
    return pd.DataFrame(rows, columns=["name", "type", "missing", "distinct", "example"])


def _column_type(present: pd.Series, distinct: int) -> str:
    kind = present.dtype.kind
    if kind in "mM":
        return "identifier-like"
    if distinct == 2:
        return "yes/no"
    count = len(present)
    if kind in "iuf":
        counts_rows = (
            count >= 20
            and distinct == count
            and bool((present % 1 == 0).all())
            and float(present.max()) - float(present.min()) < 2 * count
        )
        return "identifier-like" if counts_rows else "number"
    return "identifier-like" if distinct > max(50, 0.5 * count) else "category"


def column_histograms(frame: pd.DataFrame, bins: int = 12) -> list[list[int]]:
    """Counts for a small picture of every column: of equal steps for numbers, else of its commonest values.

    A number with at most `bins` values has a step for each. Empty where every row has its own text, or none has any.
    """
    return [_counts(frame.iloc[:, position].dropna(), bins) for position in range(frame.shape[1])]


def _counts(present: pd.Series, bins: int) -> list[int]:
    if present.dtype.kind in "iuf":
        values = present.to_numpy(np.float64)
        values = values[np.isfinite(values)]
        low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
        if 0 < high - low < np.inf:
            distinct = np.unique(values[:1000])
            if distinct.size > bins or (distinct := np.unique(values)).size > bins:
                steps = ((values - low) / (high - low) * bins).astype(np.int64)
                return np.bincount(np.minimum(steps, bins - 1), minlength=bins).tolist()
            return np.bincount(np.searchsorted(distinct, values)).tolist()
        return [values.size] if values.size else []
    counts = present.value_counts(sort=True).to_numpy()
    return counts[:bins].tolist() if counts.size and counts[0] > 1 else []


# ---------------------------------------------------------------------------------------------------- bytes and text


def _load(source: Any, name: str | None) -> tuple[bytes, str]:
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        name = name or shorten(path.name or str(path))
        try:
            data: Any = path.read_bytes()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise TableError(f"{name} cannot be opened ({shorten(reason)}). Check the path.") from error
    else:
        name = name or shorten(Path(str(getattr(source, "name", "") or "The file")).name)
        if isinstance(source, (bytes, bytearray, memoryview)):
            data = bytes(source)
        elif hasattr(source, "getvalue"):
            data = source.getvalue()
        elif hasattr(source, "read"):
            data = source.read()
        else:
            raise TableError(
                f"A table cannot be read from {type(source).__name__}. Give a path, bytes or an open file."
            )
    return (data.encode() if isinstance(data, str) else bytes(data)), name


def _as_utf8(raw: bytes, name: str) -> bytes:
    """The file as UTF-8 without byte-order mark and with newlines as line ends; `TableError` if it is not text."""
    for magic, what, way_out in _FOREIGN:
        if raw.startswith(magic):
            raise TableError(f"{name} {what}, not a CSV or Parquet file. {way_out}")
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            raw = raw.decode("utf-16").encode()
        except UnicodeDecodeError as error:
            raise TableError(f"{name} starts like UTF-16 text but is not. {_EXPORT_AGAIN}") from error
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    if not raw.strip():
        raise TableError(f"{name} is empty. Choose a file with a header line and rows.")
    head = np.frombuffer(raw[:65536], dtype=np.uint8)
    control = int(np.count_nonzero((head < 32) & ~np.isin(head, (9, 10, 12, 13))))
    if b"\0" in raw or control > 0.005 * len(head):
        raise TableError(f"{name} is not text: it holds binary data. {_EXPORT_AGAIN}")
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        try:
            raw = raw.decode("cp1252").encode()
        except UnicodeDecodeError:
            raw = raw.decode("latin-1").encode()
    if b"\r" in raw:
        raw = raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return raw


# --------------------------------------------------------------------------------------------------------------- CSV


def _records(raw: bytes, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """(line number where it ends, fields) of each record that is not blank, in the dialect of the fast parser."""
    last = ""

    def lines() -> Iterator[str]:
        nonlocal last
        for line in io.TextIOWrapper(io.BytesIO(raw), "utf-8", newline="\n"):
            last = line
            yield line

    reader = csv.reader(lines(), delimiter=delimiter, skipinitialspace=True)
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise TableError(f"Line {reader.line_num} cannot be read ({error}). {_EXPORT_AGAIN}") from error
        # A lone "" in quotes is a record with one empty field; a line of blanks is none.
        if fields and (len(fields) > 1 or last.strip(" \t\n")):
            yield reader.line_num, fields


def _sample(raw: bytes, delimiter: str) -> list[list[str]]:
    return [fields for _, (_, fields) in zip(range(_SAMPLE_ROWS), _records(raw, delimiter), strict=False)]


def _detect_delimiter(raw: bytes) -> str:
    """The delimiter that cuts the header into columns and the first rows into as many; comma when none does."""
    best, best_score = ",", (0.0, 0)
    for delimiter in DELIMITERS:
        rows = _sample(raw, delimiter)
        width = len(rows[0]) if rows else 0
        if width > 1:
            score = (sum(len(row) == width for row in rows) / len(rows), width)
            if score > best_score:
                best, best_score = delimiter, score
    return best


def _check_widths(raw: bytes, delimiter: str, width: int, name: str) -> None:
    """`TableError` naming the first line that has not `width` fields.

    The fast parser fills short lines with missing values, or shifts columns, without a word. Delimiters and line ends
    outside quotes are counted in one vectorised pass; where that finds a mismatch, or quotes that do not stand at the
    edges of fields, a real parser settles it.
    """
    data = np.frombuffer(raw, dtype=np.uint8)
    newline = data == 10
    cut = data == ord(delimiter)
    quote = data == 34
    plain = True
    if quote.any():
        marks = np.flatnonzero(quote)
        edge = np.zeros(256, dtype=bool)
        edge[[10, 34, ord(delimiter)]] = True
        before, after = marks[0::2] - 1, marks[1::2] + 1
        plain = len(marks) % 2 == 0 and bool(
            edge[data[before[before >= 0]]].all() and edge[data[after[after < len(data)]]].all()
        )
        outside = np.bitwise_xor.accumulate(quote.view(np.uint8)) == 0
        newline &= outside
        cut &= outside
    ends = np.flatnonzero(newline)
    if not len(ends) or ends[-1] != len(data) - 1:
        ends = np.append(ends, len(data))
    cuts = np.searchsorted(np.flatnonzero(cut), ends)
    fields = np.diff(cuts, prepend=0) + 1
    blank = np.diff(ends, prepend=-1) == 1
    if plain and np.all(blank | (fields == width)):
        return
    for line, record in _records(raw, delimiter):
        if len(record) != width:
            raise TableError(
                f"{name} has {len(record)} fields in line {line} but {width} in its header. "
                "Mend that line (quote cells that contain the delimiter), or export the table again."
            )


def _read_csv(raw: bytes, name: str) -> pd.DataFrame:
    delimiter = _detect_delimiter(raw)
    _, header = next(_records(raw, delimiter), (0, []))
    if not header:
        raise TableError(f"{name} is empty. Choose a file with a header line and rows.")
    _check_widths(raw, delimiter, len(header), name)
    try:
        frame = pd.read_csv(
            io.BytesIO(raw),
            sep=delimiter,
            header=0,
            index_col=False,
            keep_default_na=False,
            na_values=[""],
            skipinitialspace=True,
            low_memory=False,
            encoding="utf-8",
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        unclosed = re.search(r"EOF inside string starting at row (\d+)", str(error))
        if unclosed:
            raise TableError(
                f"{name} has a quotation mark in record {int(unclosed[1]) + 1} that is never closed. "
                "Close it, or export the table again."
            ) from error
        raise TableError(f"{name} cannot be read as CSV ({shorten(error, 120)}). {_EXPORT_AGAIN}") from error
    names = [field.strip() or f"Unnamed: {position}" for position, field in enumerate(header)]
    frame = _settle_names(frame, names, name)
    for column in frame.columns:
        values = frame[column]
        if isinstance(values.dtype, pd.StringDtype):
            frame[column] = _repaired(values)
        elif values.dtype.kind == "O" and pd.api.types.infer_dtype(values, skipna=True) == "integer":
            frame[column] = values.astype(np.float64)  # whole numbers too large for 64 bits
    return frame


def _repaired(column: pd.Series) -> pd.Series:
    """A text column as numbers where only missing markers kept it text; any other as it is."""
    for probe in (column.iloc[:50], column):
        numbers = _numbers_of(probe.dropna().unique())
        if numbers is None:
            return column
    return column.map(numbers).astype(np.float64) if numbers else column


def _numbers_of(distinct: Any) -> dict[str, float] | None:
    """{cell: number} with markers as NaN; None if some cell is neither; empty if none is a number."""
    numbers: dict[str, float] = {}
    any_number = False
    for cell in distinct:
        text = cell.strip()
        if text in NUMERIC_MISSING:
            numbers[cell] = np.nan
            continue
        if "_" in text:
            return None
        try:
            numbers[cell] = float(text)
        except ValueError:
            return None
        any_number = True
    return numbers if any_number else {}


def _settle_names(frame: pd.DataFrame, names: list[str], name: str) -> pd.DataFrame:
    """`frame` with its columns called `names`: exact copies of a column are kept once, other duplicates refused."""
    warnings = []
    keep = []
    first: dict[str, int] = {}
    for position, column in enumerate(names):
        values = frame.iloc[:, position]
        if column == f"Unnamed: {position}" and values.isna().all():
            continue
        if column not in first:
            first[column] = position
            keep.append(position)
        elif values.equals(frame.iloc[:, first[column]]):
            warnings.append(f"{name} has the column '{shorten(column)}' twice with the same values; it is kept once.")
        else:
            raise TableError(
                f"{name} has two columns called '{shorten(column)}' (columns {first[column] + 1} and {position + 1}) "
                "with different values. Rename one of them."
            )
    frame = frame.iloc[:, keep]
    frame.columns = pd.Index([names[position] for position in keep], dtype="str")
    frame.attrs["warnings"] = warnings
    return frame


# ----------------------------------------------------------------------------------------------------------- Parquet


def _read_parquet(raw: bytes, name: str) -> pd.DataFrame:
    import pyarrow as pa

    try:
        frame = pd.read_parquet(io.BytesIO(raw))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise TableError(
            f"{name} starts like Parquet but cannot be read ({shorten(str(error).splitlines()[0], 120)}). "
            "Write the file again, or export CSV."
        ) from error
    # An unnamed index is an artefact of writing; a named one is a column that somebody chose.
    named = [level for level in frame.index.names if level is not None]
    frame = frame.reset_index(drop=not named)
    names = [str(column).strip() or f"Unnamed: {position}" for position, column in enumerate(frame.columns)]
    frame = _settle_names(frame, names, name)
    nested = []
    for column in frame.columns:
        values = frame[column]
        if isinstance(values.dtype, pd.StringDtype):
            blank = values.str.strip() == ""
            if bool(blank.any()):
                frame[column] = values.mask(blank)
        elif values.dtype.kind == "O" and not isinstance(values.dtype, pd.CategoricalDtype):
            kind = pd.api.types.infer_dtype(values, skipna=True)
            if kind == "decimal":
                frame[column] = values.astype(np.float64)
            elif kind in ("date", "datetime"):
                frame[column] = pd.to_datetime(values)
            elif kind == "mixed":
                nested.append(column)
            elif kind in ("bytes", "time"):
                frame[column] = values.map(_text, na_action="ignore").astype("str")
    if nested:
        raise TableError(
            f"{name} holds lists or records in {listing(nested)}. "
            "Write these columns as single values, or leave them out."
        )
    return frame


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
