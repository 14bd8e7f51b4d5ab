"""The rows of delimited text, cut by pyarrow, and the lines that are none.

A line that does not fit is never cut anew: cells missing at its end are filled as missing, any other line is left out,
and `LeftOut` holds its number and its text.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from iffair_core.errors import StopCheck, TableError, listing, shorten
from iffair_core.reading.dialect import NUMBER, Dialect, no_row, records_of
from iffair_core.reading.files import EXPORT_AGAIN
from iffair_core.reading.numbers import NUMERIC_MISSING

MOST_LEFT_OUT = 10_000
"""Lines left out whose text is kept; all of them are counted."""

_STRAY_QUOTES = 20
_BLOCK = 1 << 22
_TEXT_KEPT = 10_000


@dataclass(frozen=True)
class LeftOut:
    """Lines of a file that are no rows of its table: (number from 1, why, text), the first `MOST_LEFT_OUT` of `count`.

    A copy of a frame shares it with the frame: it never changes.
    """

    lines: tuple[tuple[int, str, str], ...] = ()
    count: int = 0

    def __deepcopy__(self, memo: object) -> LeftOut:
        return self


@dataclass(frozen=True)
class Place:
    """Where the table stands: its header's cells, the line of its header (0: none) and of its first row, its width."""

    header: list[str]
    line: int
    first: int
    width: int


class Rows:
    """The rows of a table, cut by pyarrow; lines that do not fit are padded or left out."""

    def __init__(self, text: bytes, dialect: Dialect, place: Place, name: str) -> None:
        self.dialect, self.place, self.name = dialect, place, name
        above = text[: _offset(text, place.first - 1)].decode("utf-8", "replace").split("\n")
        self.lines = [
            (number, "above the table", line)
            for number, line in enumerate(above, 1)
            if line.strip() and (number < place.line or not place.line)
        ]
        self.count = len(self.lines)
        self.padded: list[str] = []
        self.notes: list[str] = []
        mark, quote = (re.escape(sign.encode()) for sign in (dialect.mark, dialect.quote))
        if dialect.delimiter == " ":
            text = re.sub(rb"(?m)^[ \t]+|[ \t]+$", b"", text)
            cell = quote + rb"[^" + quote + rb"\n]*" + quote if quote else rb"(?!)"
            text = re.sub(cell + rb"|[ \t]+", _one_blank, text)
        elif dialect.delimiter == "|":
            text, drawn = re.subn(rb"(?m)^[ \t|+:=-]*[=-]{3}[ \t|+:=-]*$", b"", text)
            self.notes += [f"Lines drawn with dashes are no rows: {drawn:,} left out."] if drawn else []
        elif dialect.trim and quote:
            text = re.sub(mark + rb" +(?=" + quote + rb"[^" + quote + rb"])", dialect.delimiter.encode(), text)
        self.text, self.start = text, _offset(text, place.first - 1)

    def cut(self, stop_check: StopCheck) -> pa.Table:
        """The rows as text, null where a cell is empty."""
        gaps = self._gaps()
        for _ in range(_STRAY_QUOTES):
            stop_check()
            table, odd = self._parsed()
            stray = self._stray_quote(table, odd)
            if stray is None:
                break
            self._blank_line(stray, "a quotation mark that is not closed")
        else:
            raise TableError(
                f"{self.name} has quotation marks that are not closed, in line {self.lines[-1][0]:,} and others, so "
                "its cells cannot be told apart. Mend them, or choose no quotation mark."
            )
        if odd:
            table = self._with_padded(table, odd)
        if gaps and not any(why == "below the table" for _, why, _ in self.lines):
            self.notes.append(
                f"Below a blank line ({listing(gaps)}) the rows go on, and are read as rows of the same table. "
                "If another table begins there, delete it."
            )
        if self.padded:
            said = f"{listing(self.padded, 3)}; its missing cells are empty."
            more = f"{len(self.padded):,} lines are short, and cells missing at their end are empty: "
            self.notes.append(
                f"{said[0].upper()}{said[1:]}" if len(self.padded) == 1 else f"{more}{listing(self.padded, 3)}."
            )
        if self.count > 20 and self.count > table.num_rows:
            first = self.lines[0]
            raise TableError(
                f"{self.name} has {self.count:,} lines that do not fit its {self.place.width} columns, as line "
                f"{first[0]:,}, and {table.num_rows:,} that do. Choose the delimiter, the quotation mark or the header."
            )
        return self._trimmed(table)

    def _gaps(self) -> list[str]:
        """The numbers of blank lines between rows where there are up to three of them."""
        if self.text.find(b"\n\n", self.start) < 0:
            return []
        quote = self.dialect.quote.encode()
        blank = re.compile(rb"\n[ \t]*+\n\s*+")
        found = list(itertools.islice(blank.finditer(self.text, self.start), 5))
        starts = [match.start() + 1 for match in found if match.end() < len(self.text)]
        outside = [start for start in starts if not quote or self.text.count(quote, self.start, start) % 2 == 0]
        numbers = [self.text.count(b"\n", 0, start) + 1 for start in outside]
        return [f"line {number:,}" for number in numbers] if len(starts) < 4 else []

    def left_out(self) -> LeftOut:
        """The lines that are no rows, in the order of the file."""
        lines = sorted(self.lines)[:MOST_LEFT_OUT]
        return LeftOut(tuple((number, why, text[:_TEXT_KEPT]) for number, why, text in lines), self.count)

    def _parsed(self) -> tuple[pa.Table, list[tuple[int, str]]]:
        """(rows of the table's width, (number among all records from 1, text) of the others)."""
        odd: list[tuple[int, str]] = []

        def note(row: pa.csv.InvalidRow) -> str:
            odd.append((row.number or 0, row.text))
            return "skip"

        table = self._read(note, threads=True)
        if odd:
            # Only one thread gives the numbers of records.
            odd.clear()
            table = self._read(note, threads=False)
        return table, odd

    def _read(self, note: object, *, threads: bool) -> pa.Table:
        names = [str(place) for place in range(self.place.width)]
        dialect, quoted = self.dialect, bool(self.dialect.quote)
        block = _BLOCK
        while True:
            try:
                return pa.csv.read_csv(
                    pa.BufferReader(pa.py_buffer(self.text).slice(self.start)),
                    pa.csv.ReadOptions(column_names=names, block_size=block, use_threads=threads),
                    pa.csv.ParseOptions(
                        delimiter=dialect.mark,
                        quote_char=dialect.quote or False,
                        escape_char="\\" if dialect.escape else False,
                        newlines_in_values=quoted and dialect.quote.encode() in self.text,
                        invalid_row_handler=note,
                    ),
                    pa.csv.ConvertOptions(
                        column_types=dict.fromkeys(names, pa.string()),
                        null_values=[""],
                        strings_can_be_null=True,
                        quoted_strings_can_be_null=True,
                    ),
                )
            except pa.ArrowInvalid as error:
                if "straddl" in str(error) and block < len(self.text):
                    block = min(block * 16, len(self.text) + 1)
                    continue
                if "Empty CSV" in str(error):
                    return pa.table([pa.array([], pa.string())] * len(names), names=names)
                raise TableError(
                    f"{self.name} cannot be cut into cells ({shorten(error, 120)}). {EXPORT_AGAIN}"
                ) from error

    # ------------------------------------------------------------------------------------------- lines that do not fit

    def _stray_quote(self, table: pa.Table, odd: Sequence[tuple[int, str]]) -> int | None:
        """Offset of the first line whose quotation mark swallows the lines under it; None if there is none."""
        quote = self.dialect.quote
        if not quote or quote.encode() not in self.text:
            return None
        broken = [pc.match_substring(column, "\n").fill_null(False) for column in table.columns]
        cells = [column.filter(hits).to_pylist() for column, hits in zip(table.columns, broken, strict=True)]
        found = [place for column in cells if (place := self._unclosed(column)) is not None]
        for _, text in odd:
            # A record of several lines that a strict reader does not take for one, or whose lines are rows.
            several = "\n" in text.strip("\n")
            if several and (
                self._holds_rows(text) or len(list(itertools.islice(records_of(text, self.dialect), 2))) > 1
            ):
                found.append(self.text.find(text.encode(), self.start))
        return min(found, default=None)

    def _unclosed(self, cells: Sequence[str]) -> int | None:
        """Offset of the line of the first cell of several lines that does not end as a quoted cell does."""
        quote, ends, at = self.dialect.quote, (self.dialect.mark.encode(), b"\n", b" ", b""), self.start
        for cell in cells:
            written = f"{quote}{cell.replace(quote, 2 * quote)}{quote}".encode()
            place = -1 if self._holds_rows(cell) else self.text.find(written, at)
            while place >= 0 and self.text[place + len(written) : place + len(written) + 1] not in ends:
                place = self.text.find(written, place + 1)
            if place < 0 and self.dialect.escape and not self._holds_rows(cell):
                continue
            if place < 0:
                place = self.text.find(written.split(b"\n", 1)[0], at)
                return self.text.rfind(b"\n", 0, place) + 1 if place >= 0 else None
            at = place + len(written)
        return None

    def _holds_rows(self, text: str) -> bool:
        """Whether all lines inside a cell of several lines have the cells of a row: the mark before them is astray."""
        mark, width = self.dialect.mark, self.place.width
        inner = [line for line in text.strip("\n").split("\n")[1:-1] if line.strip()]
        rows = all(line.count(mark) == width - 1 and not line.rstrip().endswith(mark) for line in inner)
        return rows and width > 1 and len(inner) >= (1 if width > 2 else 3)

    def _blank_line(self, start: int, why: str) -> None:
        """Leave the line at an offset out; it stays as an empty line, so that the lines after it keep their numbers."""
        end = self.text.find(b"\n", start)
        end = len(self.text) if end < 0 else end
        self._leave_out(start, self.text[start:end].decode("utf-8", "replace"), why)
        self.text = self.text[:start] + self.text[end:]

    def _leave_out(self, offset: int, text: str, why: str) -> None:
        self.count += 1
        if len(self.lines) < MOST_LEFT_OUT:
            self.lines.append((self.text.count(b"\n", 0, offset) + 1, why, text.strip("\n")))

    def _with_padded(self, table: pa.Table, odd: Sequence[tuple[int, str]]) -> pa.Table:
        """The table with the short lines among its rows, in the order of the file; the other odd lines are left out."""
        width, total = self.place.width, table.num_rows + len(odd)
        regular = np.ones(total + 1, dtype=bool)
        regular[[number for number, _ in odd]] = False
        last = int(np.flatnonzero(regular[1:]).max(initial=-1)) + 1
        numbers: list[int] = []
        rows: list[list[str]] = []
        numeric = [_is_numeric(column) for column in table.columns]
        offset = counted = self.start
        line = self.place.first
        ended = False
        for number, text in odd:
            place = self._find(text, offset)
            line += self.text.count(b"\n", counted, place)
            counted, offset = place, place + len(text.encode())
            cells = next((record.cells for record in records_of(text, self.dialect)), [])
            ended = ended or (number > last and self._after_blank(place))
            kept = cells
            while len(kept) > width and not kept[-1].strip():
                kept = kept[:-1]
            alone = len(kept) < min(width, 3) and len(kept) == 1 and width > 2
            cells_are = f"{len(cells)} {'cell' if len(cells) == 1 else 'cells'} in place of {width}"
            if ended or no_row(text):
                why = "below the table" if ended else "a comment or a drawn line"
            elif self.dialect.quote and text.count(self.dialect.quote) % 2:
                why = "a quotation mark that is not closed"
            elif len(kept) > width or alone:
                why = cells_are
            elif any(number_ and cell and not _is_number(cell) for number_, cell in zip(numeric, kept, strict=False)):
                why = f"{cells_are}, with words where others have numbers"
            else:
                numbers.append(number)
                rows.append([*kept, *[""] * (width - len(kept))])
                if len(cells) < width:
                    self.padded.append(f"line {line:,} has {cells_are}")
                continue
            self.count += 1
            if len(self.lines) < MOST_LEFT_OUT:
                self.lines.append((line, why, text.strip("\n")))
        if not rows:
            return table
        columns = [pa.array([cell or None for cell in column], pa.string()) for column in zip(*rows, strict=True)]
        whole = pa.concat_tables([table, pa.table(columns, names=table.column_names)])
        order = np.argsort(np.concatenate([np.flatnonzero(regular[1:]) + 1, numbers]), kind="stable")
        return whole.take(pa.array(order))

    def _find(self, text: str, start: int) -> int:
        """Offset of a line from `start` on."""
        raw = text.strip("\n").encode()
        place = self.text.find(raw, start)
        while place > 0 and self.text[place - 1 : place] != b"\n":
            place = self.text.find(raw, place + 1)
        return max(place, start)

    def _after_blank(self, offset: int) -> bool:
        """Whether the line before the one at `offset` is blank."""
        return bool(re.search(rb"\n[ \t]*\n\Z", self.text[max(offset - 200, 0) : offset]))

    def _trimmed(self, table: pa.Table) -> pa.Table:
        """Without blanks around cells where they do not count, empty rows, and rows that repeat the header."""
        if self.dialect.trim:
            columns = [pc.utf8_trim(column, " \t") for column in table.columns]
            columns = [pc.if_else(pc.equal(column, ""), None, column) for column in columns]
            table = pa.table(columns, names=table.column_names)
        empty = self._rows_with(table, [None] * table.num_columns)
        if empty is not None:
            self.notes.append(f"Rows of empty cells are left out: {pc.sum(empty).as_py():,}.")
            table = table.filter(pc.invert(empty))
        table = self._without_remarks(table)
        header = self.place.header
        again = self._rows_with(table, header) if len(header) == table.num_columns and all(header) else None
        if again is not None:
            self.notes.append(
                f"The header stands again among the rows, and is left out there: {pc.sum(again).as_py():,}."
            )
            table = table.filter(pc.invert(again))
        return table

    def _without_remarks(self, table: pa.Table) -> pa.Table:
        """Without last rows of a single cell: the first, and of several words, or of words under numbers."""
        rows, first = table.num_rows, self.place.width > 2 and _is_numeric(table.column(0))
        while (
            self.place.width > 2
            and rows > 3
            and all(
                (cell is None) is bool(place)
                for place, cell in enumerate(column[rows - 1].as_py() for column in table.columns)
            )
        ):
            text = str(table.column(0)[rows - 1].as_py())
            if NUMBER.match(text) or not (first or " " in text.strip()):
                break
            place = self.text.rfind(text.encode())
            self._leave_out(max(place, self.start), text, "below the table")
            rows -= 1
        return table.slice(0, rows)

    @staticmethod
    def _rows_with(table: pa.Table, cells: Sequence[str | None]) -> pa.ChunkedArray | None:
        """Which rows hold these cells, None being an empty one; None where no row does."""
        hits: Any = None
        for column, cell in zip(table.columns, cells, strict=True):
            same = pc.is_null(column) if cell is None else pc.equal(column, cell).fill_null(False)
            hits = same if hits is None else pc.and_(hits, same)
            if not pc.any(hits).as_py():
                return None
        return hits


def _is_number(cell: str) -> bool:
    return cell.strip() in NUMERIC_MISSING or NUMBER.match(cell) is not None


def _is_numeric(column: pa.ChunkedArray) -> bool:
    """Whether the first cells of a column are all numbers."""
    cells = [cell for cell in column.slice(0, 200).to_pylist() if cell]
    return len(cells) > 3 and all(map(_is_number, cells))


def _one_blank(found: re.Match[bytes]) -> bytes:
    """A run of blanks as one; a quoted cell as it is."""
    return b" " if found[0].isspace() else found[0]


def _offset(text: bytes, lines: int) -> int:
    """Where the line after the first `lines` lines begins."""
    place = 0
    for _ in range(lines):
        place = text.find(b"\n", place) + 1
        if not place:
            return len(text)
    return place
