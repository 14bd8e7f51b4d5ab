"""Delimited text becomes a table of text: its encoding, where the table stands in it, and the names of its columns."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import pyarrow as pa

from iffair_core.errors import StopCheck, TableError, listing
from iffair_core.reading.dialect import CANDIDATES, NUMBER, Record, detected, first_records, is_set_in_columns
from iffair_core.reading.files import EXPORT_AGAIN
from iffair_core.reading.options import DELIMITERS, ReadOptions
from iffair_core.reading.raw import LeftOut, RawTable
from iffair_core.reading.rows import Place, rows_of

_USES = ("delimiter", "quote", "decimal", "encoding", "header", "comment")
_SAMPLE = 1 << 18
_BY_BLANKS = (
    "cells with blanks between them, so that an empty cell, or one with a blank inside, cannot be told. Save it as "
    "CSV, or choose the delimiter blank if no cell is of that kind."
)
_MARKS = {
    b"\xef\xbb\xbf": "utf-8",
    b"\xff\xfe\0\0": "utf-32-le",
    b"\0\0\xfe\xff": "utf-32-be",
    b"\xff\xfe": "utf-16-le",
    b"\xfe\xff": "utf-16-be",
}


def decoded(raw: bytes, name: str, encoding: str | None) -> tuple[bytes, str, list[str]]:
    r"""(the text as UTF-8 with "\n" at line ends, the name of its encoding, notes); `TableError` for no text.

    A byte-order mark decides, then the encoding that the user names, zero bytes of UTF-16, UTF-8, else Windows-1252.
    """
    notes = []
    if mark := next((mark for mark in _MARKS if raw.startswith(mark)), b""):
        raw, encoding = raw.removeprefix(mark).removeprefix(mark), _MARKS[mark]
    elif encoding is None:
        even, odd = (raw[start:4096:2].count(0) for start in (0, 1))
        if max(even, odd) > 0.3 * len(raw[:4096:2]):
            encoding = "utf-16-be" if even > odd else "utf-16-le"
    if encoding not in (None, "utf-8"):
        try:
            raw = codecs.getincrementaldecoder(encoding)().decode(raw).encode()
        except UnicodeError:
            notes.append(f"The file is not written in {encoding}, which was asked for.")
            encoding = None
    if encoding in (None, "utf-8"):
        raw, encoding = _from_utf8(raw, notes)
    head = raw[: 1 << 16]
    controls = sum(head.count(code) for code in (*range(1, 9), *range(14, 26), *range(28, 32)))
    if b"\0" in raw or controls > 0.02 * len(head):
        raise TableError(f"{name} holds binary data, not text. {EXPORT_AGAIN}")
    raw = raw.rstrip(b"\x1a")
    return raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in raw else raw, encoding or "utf-8", notes


def _from_utf8(raw: bytes, notes: list[str]) -> tuple[bytes, str]:
    """(the text as UTF-8, its encoding): UTF-8 also with a few bytes that are none, else Windows-1252."""
    try:
        raw.isascii() or raw.decode()
        return raw, "utf-8"
    except UnicodeDecodeError as error:
        line, wrong = raw.count(b"\n", 0, error.start) + 1, error.start
    around = raw[max(wrong - 500_000, 0) : wrong + 500_000].decode("utf-8", "replace")
    bad = around.count("�")
    if sum(letter > "\x7f" for letter in around) - bad > bad:
        notes.append(f"Bytes that are no UTF-8, the first in line {line:,}, are shown as �.")
        return raw.decode("utf-8", "replace").encode(), "utf-8"
    notes.append(
        f"Line {line:,} is not UTF-8, so the file was read as Windows-1252. If letters look wrong, choose the encoding."
    )
    try:
        return raw.decode("cp1252").encode(), "cp1252"
    except UnicodeDecodeError:
        return raw.decode("latin-1").encode(), "latin-1"


def _located(records: Sequence[Record], name: str, options: ReadOptions, notes: list[str]) -> Place:
    """Find the header: the first record that is about as full as the rows under it, if it does not look like a row."""
    widths = Counter(len(record.cells) for record in records)
    width = max(widths, key=lambda one: (widths[one], one))
    if options.header:
        start = next((place for place, record in enumerate(records) if record.line == options.header), -1)
        if start < 0:
            raise TableError(f"{name} has no line {options.header:,} that could be a header. Choose another line.")
    else:
        start = next((place for place, record in enumerate(records) if _full(record, width)), 0)
    head = records[start]
    below = Counter(len(record.cells) for record in records[start + 1 :])
    if options.header != 0 and not (options.header is None and _is_row(head, records[start + 1 :])):
        names = [cell.strip() for cell in head.cells]
        while len(names) > 1 and not names[-1] and (not below or len(names) > max(below)):
            names.pop()
        if _second_header(records[start + 1 :]):
            second = f"Line {records[start + 1].line:,} looks like a second line of the header (titles or units)"
            notes.append(f"{second} and is read as a row. Choose its number as the header line, or delete it.")
        return Place(names, head.line, head.end + 1, _width(len(names), below, head.line, name))
    if options.header is None:
        notes.append(
            f"Line {head.line:,} looks like a row and not like a header, so columns are called by their place. "
            "Choose the header line if it is one."
        )
    return Place([""] * width, 0, head.line, width)


def _width(names: int, below: Counter[int], line: int, file: str) -> int:
    """Cells of a row under a header of so many names; `TableError` where nothing tells which cell has which name."""
    if not below:
        return names
    width, rows = below.most_common(1)[0]
    if width == names + 1 and rows >= 0.9 * below.total():
        return width
    if names in below or width == names + 1:
        return names
    raise TableError(
        f"{file} names {names:,} columns in line {line:,}, but its rows have {width:,} cells: which name belongs to "
        "which cell cannot be told. Mend the header, or choose its line and the delimiter."
    )


def _second_header(below: Sequence[Record]) -> bool:
    """Whether the first record below the header has only words where the others have numbers."""
    if len(below) < 3 or any(NUMBER.match(cell) for cell in below[0].cells):
        return False
    same = [record.cells for record in below[1:] if len(record.cells) == len(below[0].cells)]
    columns = zip(*same, strict=True) if same else [()] * len(below[0].cells)
    return any(
        cell.strip() and column and all(map(NUMBER.match, column))
        for cell, column in zip(below[0].cells, columns, strict=True)
    )


def _full(record: Record, width: int) -> bool:
    cells = record.cells
    if width == 1 or len(cells) < min(2, width - 1):
        return len(cells) == width
    pandas_index = not cells[0].strip() and record.filled >= len(cells) - 1
    return len(cells) >= width - 1 and (pandas_index or (record.filled >= 2 and record.filled * 2 >= width))


def _is_row(head: Record, below: Sequence[Record]) -> bool:
    """Whether a first record looks like the rows under it: numbers where they have numbers, words that they repeat."""
    same = [record.cells for record in below if len(record.cells) == len(head.cells)]
    if not same or head.cells in same or not all(cell.strip() for cell in head.cells):
        return False
    like = 0
    for cell, *column in zip(head.cells, *same, strict=True):
        values = [value for value in column if value.strip()]
        numeric = bool(values) and sum(NUMBER.match(value) is not None for value in values) >= 0.9 * len(values)
        if numeric and not NUMBER.match(cell):
            return False
        repeated = len(values) > 3 and len(set(values)) <= len(values) / 2
        if repeated and not numeric and cell not in values:
            return False
        year = re.fullmatch(r"(?:19|20)\d\d", cell.strip()) is not None
        like += (numeric and not year) or (len(values) > 2 and cell in values)
    return like > 0


def read_text(
    raw: bytes, name: str, options: ReadOptions, limit: Callable[[int, int], None], stop_check: StopCheck
) -> RawTable:
    """The table in a text file, every cell as text; `options` holds what the user has fixed.

    Raises `TableError` where the text is empty or binary, where most lines do not fit its columns, and as
    `limit(rows, columns)` does where there are too many.
    """
    quoted = b'"' in raw or b"'" in raw
    text, encoding, notes = decoded(raw, name, options.encoding)
    if options.comment:
        text, count = re.subn(rb"(?m)^" + re.escape(options.comment.encode()) + rb"[^\r\n]*", b"", text)
        if count:
            notes.append(f"Lines that begin with {options.comment} are comments: {count:,} left out.")
    sample = _sample(text)
    if not sample.strip():
        raise TableError(f"{name} is empty. Choose a file that has a header and rows.")
    dialect = replace(detected(sample, options), encoding=encoding)
    if options.delimiter is None and dialect.delimiter != " " and is_set_in_columns(sample):
        raise TableError(f"{name} holds {_BY_BLANKS}")
    if len(dialect.delimiter) > 1 or not dialect.delimiter.isascii():
        text, sample = text.replace(dialect.delimiter.encode(), b"\x1f"), sample.replace(dialect.delimiter, "\x1f")
        dialect = replace(dialect, delimiter="\x1f")
    records = first_records(sample, dialect)
    if records and re.match(r'"?sep=.', sample):
        records = records[1:]
    if not records:
        raise TableError(f"{name} has no rows. Add at least one row under the header.")
    if not dialect.delimiter:
        _doubt_single(records, name, notes)
    place = _located(records, name, options, notes)
    limit(0, max(place.width, len(place.header)))
    table, left, more = rows_of(text, dialect, place, name, stop_check)
    names = _named(place, table, name, notes)
    _doubt_last_row(table, notes)
    notes += more
    if left.count:
        notes.append(_told(left))
    limit(len(table), len(table.columns))
    # Without quotation marks a comma between cells is never inside a number.
    decimal = "." if dialect.delimiter == "," and not quoted and options.decimal is None else options.decimal
    dialect = replace(dialect, header=place.line, delimiter=options.delimiter or dialect.delimiter)
    return RawTable(
        names, table.columns, dialect.describe(), notes, _USES, header=place.header, left_out=left,
        semicolon=dialect.delimiter == ";", decimal=decimal,
    )  # fmt: skip


def _doubt_single(records: Sequence[Record], name: str, notes: list[str]) -> None:
    """Say so where a file of one column may be meant to have more; `TableError` where that is nearly sure."""
    blanks, rows = Counter(record.cells[0].rstrip().count(" ") for record in records).most_common(1)[0]
    if blanks > 1 and len(records) > 2 and rows >= 0.6 * len(records):
        raise TableError(f"{name} seems to hold {_BY_BLANKS}")
    for mark in CANDIDATES:
        counts = Counter(record.cells[0].count(mark) for record in records)
        if counts[0] > 0.5 * len(records):
            continue
        if len(counts) == 1 and len(records) > 1:
            raise TableError(
                f"{name} has its whole lines in quotation marks, each with {DELIMITERS.get(mark, mark)}s inside. "
                "Save it again without the outer marks, or choose the delimiter if it is a single column."
            )
        notes.append(
            f"No delimiter cuts the lines into equally many cells, so the file is one column. Choose the delimiter "
            f"({DELIMITERS.get(mark, mark)}?) if that is wrong."
        )
        return
    if sum(len(record.cells[0].split()) > 1 for record in records) >= 0.9 * len(records):
        notes.append(
            "No delimiter was found, so the file is one column. Choose the delimiter if that is wrong: blank, where "
            "blanks set the cells apart."
        )


def _doubt_last_row(table: pa.Table, notes: list[str]) -> None:
    """Say so where the last row looks like a sum or a remark below the table."""
    if len(table) < 3:
        return
    first, *others = (column[-1].as_py() for column in table.columns)
    alone = len(others) > 1 and first is not None and not any(others)
    if alone or (others and re.match(r"\s*(?:grand |sub)?(?:total|sum|summe|gesamt|suma|somme)\b", first or "", re.I)):
        notes.append("The last row looks like a total or a footnote, and is read as a row. Leave it out if it is none.")


def _sample(text: bytes) -> str:
    head = text[:_SAMPLE]
    if len(head) < len(text):
        end = head.rfind(b"\n")
        head = head[: end + 1] if end > 0 else text[: 64 * _SAMPLE].split(b"\n", 1)[0]
    return head.decode("utf-8", "ignore")


def _named(place: Place, table: pa.Table, file: str, notes: list[str]) -> list[str]:
    """The header's names, one per column; a header one name short names all columns but the first, as R writes it."""
    names, missing = list(place.header), table.num_columns - len(place.header)
    if missing <= 0:
        if "" in names[1:-1] and names[-1] and len(table) == table.columns[-1].null_count > 0:
            raise TableError(
                f"{file} has a column without a name among others in line {place.line:,}, and no row has a cell for "
                "the last name: which name belongs to which cell cannot be told. Mend the header."
            )
        return names[: table.num_columns]
    if all(column.null_count == len(column) for column in table.columns[-missing:]):
        return [*names, *[""] * missing]
    was = listing(names, 8)
    notes.append(
        f"The header in line {place.line:,} has {len(names)} names and the rows {len(names) + 1} cells, as R writes "
        f"them: the first column has no name, and the names ({was}) belong to the columns after it."
    )
    return ["", *names]


def _told(left: LeftOut) -> str:
    """What is said of the lines that were left out."""
    kinds: dict[str, list[str]] = {}
    for number, why, _ in left.lines:
        kinds.setdefault(why, []).append(f"{number:,}")
    parts = [
        f"{why} ({'line' if len(numbers) == 1 else 'lines'} {listing(numbers, 5)})" for why, numbers in kinds.items()
    ]
    more = f"; and {len(parts) - 5} more kinds" if len(parts) > 5 else ""
    rows = "1 line is" if left.count == 1 else f"{left.count:,} lines are"
    return f"{rows} no part of the table and left out: {'; '.join(parts[:5])}{more}."
