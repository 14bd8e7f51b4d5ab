"""The rows of delimited text, cut by pyarrow, and the lines that are none.

A line that does not fit is never cut anew: cells missing at its end are filled as missing, any other line is left out,
and `LeftOut` holds its number and its text.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from iffair_core.errors import StopCheck, TableError, listing, shorten
from iffair_core.reading.dialect import NUMBER, Dialect, Record, is_drawn, records_of
from iffair_core.reading.files import EXPORT_AGAIN
from iffair_core.reading.numbers import NUMERIC_MISSING
from iffair_core.reading.raw import MOST_LEFT_OUT, LeftOut

_MOST_TORN = 20
_BLOCK = 1 << 22
_TEXT_KEPT = 10_000
_FIRST = 200


@dataclass(frozen=True)
class Place:
    """Where the table stands: its header's cells, the line of its header (0: none) and of its first row, its width."""

    header: list[str]
    line: int
    first: int
    width: int


def rows_of(
    text: bytes, dialect: Dialect, place: Place, name: str, stop_check: StopCheck
) -> tuple[pa.Table, LeftOut, list[str]]:
    """(the rows as text, null where a cell is empty; the lines that are no rows; what there is to say).

    Raises `TableError` where more lines are left out than read, or many quotation marks are not closed.
    """
    notes: list[str] = []
    text = _with_plain_marks(text, dialect, notes)
    header = re.match(rb"(?:[^\n]*\n){%d}" % (place.first - 1), text)
    start = header.end() if header else len(text)
    left = [
        (number, "above the table", line)
        for number, line in enumerate(text[:start].decode("utf-8", "replace").split("\n"), 1)
        if line.strip() and (number < place.line or not place.line)
    ]
    stop_check()
    table = _parsed(text, start, dialect, place.width, name)
    short: list[str] = []
    if table is None or (_may_span_lines(text, start, dialect) and _spans_lines(table)):
        stop_check()
        lines = text[start:].decode("utf-8", "replace").split("\n")
        sieved, count = _sieved(lines, dialect, place, left, short, name)
        table = _parsed(sieved.encode(), 0, dialect, place.width, name)
        if table is None or (len(table) != count and place.width > 1):
            raise TableError(f"{name} cannot be cut into cells for sure. {EXPORT_AGAIN}")
    if not any(why == "below the table" for _, why, _ in left):
        notes += _of_gaps(text, start, dialect, len(table))
    notes += _of_short(short)
    if len(left) > 20 and len(left) > len(table):
        raise TableError(
            f"{name} has {len(left):,} lines that do not fit its {place.width} columns, as line {left[0][0]:,}, and "
            f"{len(table):,} that do. Choose the delimiter, the quotation mark or the header."
        )
    table = _trimmed(table, dialect)
    table = _without(table, [None] * place.width, "Rows of empty cells are left out: {:,}.", notes)
    table = _without_remarks(table, text, left)
    if len(place.header) == place.width and all(place.header):
        told = "The header stands again among the rows, and is left out there: {:,}."
        table = _without(table, place.header, told, notes)
    kept = tuple((number, why, line[:_TEXT_KEPT]) for number, why, line in sorted(left)[:MOST_LEFT_OUT])
    return table, LeftOut(kept, len(left)), notes


def _with_plain_marks(text: bytes, dialect: Dialect, notes: list[str]) -> bytes:
    """The text with one mark between two cells, where blanks around a mark do not count or lines are drawn."""
    mark, quote = (re.escape(sign.encode()) for sign in (dialect.mark, dialect.quote))
    if dialect.delimiter == " ":
        text = re.sub(rb"(?m)^[ \t]+|[ \t]+$", b"", text)
        cell = quote + rb"[^" + quote + rb"\n]*" + quote if quote else rb"(?!)"
        return re.sub(cell + rb"|[ \t]+", lambda found: b" " if found[0].isspace() else found[0], text)
    if dialect.delimiter == "|":
        text, drawn = re.subn(rb"(?m)^[ \t|+:=-]*[=-]{3}[ \t|+:=-]*$", b"", text)
        notes += [f"Lines drawn with dashes are no rows: {drawn:,} left out."] if drawn else []
    elif dialect.trim and quote:
        text = re.sub(mark + rb" +(?=" + quote + rb"[^" + quote + rb"])", dialect.delimiter.encode(), text)
    return text


def _parsed(text: bytes, start: int, dialect: Dialect, width: int, name: str) -> pa.Table | None:
    """The rows from an offset on; None where a record there has another width than the table."""
    odd: list[pa.csv.InvalidRow] = []
    names = [str(place) for place in range(width)]
    if not re.compile(rb"[^\n]").search(text, start):
        return pa.table([pa.array([], pa.string())] * width, names=names)

    def judged(row: pa.csv.InvalidRow) -> str:
        if not row.text.strip():
            return "skip"
        odd.append(row)
        return "error"

    for block in (_BLOCK, len(text) + 1):
        try:
            return pa.csv.read_csv(
                pa.BufferReader(pa.py_buffer(text).slice(start)),
                pa.csv.ReadOptions(column_names=names, block_size=block),
                pa.csv.ParseOptions(
                    delimiter=dialect.mark,
                    quote_char=dialect.quote or False,
                    escape_char="\\" if dialect.escape else False,
                    newlines_in_values=_is_quoted(text, start, dialect),
                    invalid_row_handler=judged,
                ),
                pa.csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()),
                    null_values=[""],
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=True,
                ),
            )
        except pa.ArrowInvalid as error:
            if odd:
                return None
            if "straddl" not in str(error) or block > len(text):
                raise TableError(f"{name} cannot be cut into cells ({shorten(error, 120)}). {EXPORT_AGAIN}") from error
    raise AssertionError


def _is_quoted(text: bytes, start: int, dialect: Dialect) -> bool:
    """Whether there is a quotation mark from an offset on."""
    return bool(dialect.quote) and text.find(dialect.quote.encode(), start) >= 0


def _may_span_lines(text: bytes, start: int, dialect: Dialect) -> bool:
    """Whether a cell from an offset on could hold the end of a line."""
    return dialect.escape or _is_quoted(text, start, dialect)


def _spans_lines(table: pa.Table) -> bool:
    """Whether a cell holds the end of a line."""
    return any(pc.any(pc.match_substring(column, "\n")).as_py() for column in table.columns)


# ------------------------------------------------------------------------------------------------ lines that do not fit


def _sieved(
    lines: Sequence[str],
    dialect: Dialect,
    place: Place,
    left: list[tuple[int, str, str]],
    short: list[str],
    name: str,
) -> tuple[str, int]:
    """(the text without the lines that are no rows, and with the cells that short ones lack; how many rows it has).

    The lines that are no rows are added to `left`, what is said of the short ones to `short`.
    """
    odd: list[Record] = []
    first: list[list[str]] = []
    count = last = torn = 0
    for record in records_of(lines, dialect, place.width):
        if len(record.cells) == place.width and not record.torn:
            last, count = record.line, count + 1
            if count <= _FIRST:
                first.append(record.cells)
            continue
        odd.append(record)
        torn += record.torn
        if torn > _MOST_TORN:
            raise TableError(
                f"{name} has quotation marks that are not closed, in line {record.line + place.first - 1:,} and "
                "others, so its cells cannot be told apart. Mend them, or choose no quotation mark."
            )
    numeric = [_is_numeric(cells) for cells in zip(*first, strict=True)] or [False] * place.width
    kept = list(lines)
    ended, torn_end = False, -1
    for record in odd:
        number, text = record.line + place.first - 1, "\n".join(lines[record.line - 1 : record.end])
        ended = ended or (record.line > max(last, 1) and not lines[record.line - 2].strip(" \t"))
        kept[record.line - 1 : record.end] = [""] * (record.end + 1 - record.line)
        why = "below the table" if ended else _no_row(record, text, dialect, numeric)
        if record.torn or record.line == torn_end + 1:  # a short line after it may be what its mark holds
            why, torn_end = why or "a quotation mark that is not closed", record.end
        if why:
            left.append((number, why, text))
            continue
        if len(record.cells) < place.width:
            short.append(f"line {number:,} has {_widths(record, place.width)}")
        kept[record.line - 1] = _written([*record.cells, *[""] * place.width][: place.width], dialect)
        count += 1
    return "\n".join(kept), count


def _widths(record: Record, width: int) -> str:
    count = len(record.cells)
    return f"{count:,} {'cell' if count == 1 else 'cells'} in place of {width}"


def _no_row(record: Record, text: str, dialect: Dialect, numeric: Sequence[bool]) -> str:
    """Why a record of another width is no row; "" where cells are missing at its end, or empty ones too many."""
    width = len(numeric)
    filled = max((number for number, cell in enumerate(record.cells, 1) if cell.strip()), default=0)
    cells = record.cells[: max(filled, width)]
    if is_drawn(text):
        return "a comment or a drawn line"
    if record.torn or (dialect.quote and text.count(dialect.quote) % 2):
        return "a quotation mark that is not closed"
    if len(cells) > width or (len(cells) == 1 and width > 2) or record.malformed:
        return _widths(record, width)
    if any(number and cell and not _is_number(cell) for number, cell in zip(numeric, cells, strict=False)):
        return f"{_widths(record, width)}, with words where others have numbers"
    return ""


def _written(cells: Sequence[str], dialect: Dialect) -> str:
    """The cells as a line of the file."""
    quote = dialect.quote
    if dialect.escape:
        cells = [cell.replace("\\", "\\\\") for cell in cells]
    return dialect.mark.join(f"{quote}{cell.replace(quote, 2 * quote) if quote else cell}{quote}" for cell in cells)


def _of_short(short: Sequence[str]) -> list[str]:
    """What is said of lines with cells missing."""
    if len(short) > 1:
        return [f"{len(short):,} lines are short, and cells missing at their end are empty: {listing(short, 3)}."]
    return [f"{line.capitalize()}; its missing cells are empty." for line in short]


def _of_gaps(text: bytes, start: int, dialect: Dialect, rows: int) -> list[str]:
    """What is said of blank lines between rows where there are up to three of them."""
    end = len(text) - text.endswith(b"\n")
    if text.count(b"\n", start, end) < rows or text.find(b"\n\n", start) < 0:  # as many lines as rows: none is blank
        return []
    found = itertools.islice(re.compile(rb"\n[ \t]*+\n\s*+").finditer(text, start), 5)
    blank = [match.start() + 1 for match in found if match.end() < len(text)]
    quote = dialect.quote.encode()
    between = [place for place in blank if not quote or text.count(quote, start, place) % 2 == 0]
    if not between or len(blank) > 3:
        return []
    gaps = listing([f"line {text.count(10, 0, place) + 1:,}" for place in between])
    return [
        f"Below a blank line ({gaps}) the rows go on, and are read as rows of the same table. "
        "If another table begins there, delete it."
    ]


# --------------------------------------------------------------------------------------------------- rows that are none


def _trimmed(table: pa.Table, dialect: Dialect) -> pa.Table:
    """Without blanks around cells, where they do not count."""
    if not dialect.trim:
        return table
    columns = [pc.utf8_trim(column, " \t") for column in table.columns]
    return pa.table([pc.if_else(pc.equal(column, ""), None, column) for column in columns], names=table.column_names)


def _without(table: pa.Table, cells: Sequence[str | None], told: str, notes: list[str]) -> pa.Table:
    """The table without the rows that hold these cells (None: an empty one), and with a note where there are any."""
    hits: Any = None
    for column, cell in zip(table.columns, cells, strict=True):
        same = pc.is_null(column) if cell is None else pc.equal(column, cell).fill_null(False)
        hits = same if hits is None else pc.and_(hits, same)
        if not pc.any(hits).as_py():
            return table
    notes.append(told.format(pc.sum(hits).as_py()))
    return table.filter(pc.invert(hits))


def _without_remarks(table: pa.Table, text: bytes, left: list[tuple[int, str, str]]) -> pa.Table:
    """Without last rows of a single cell: the first, and of several words, or of words under numbers."""
    if table.num_columns < 3:
        return table
    numeric = _is_numeric(table.column(0).slice(0, _FIRST).to_pylist())
    while len(table) > 3:
        remark, *others = (column[-1].as_py() for column in table.columns)
        if remark is None or any(cell is not None for cell in others) or NUMBER.match(remark):
            break
        if not (numeric or " " in remark.strip()):
            break
        left.append((text.count(b"\n", 0, max(text.rfind(remark.encode()), 0)) + 1, "below the table", remark))
        table = table.slice(0, len(table) - 1)
    return table


def _is_number(cell: str) -> bool:
    return cell.strip() in NUMERIC_MISSING or NUMBER.match(cell) is not None


def _is_numeric(cells: Iterable[str | None]) -> bool:
    """Whether the first cells of a column are all numbers."""
    filled = [cell for cell in cells if cell]
    return len(filled) > 3 and all(map(_is_number, filled))
