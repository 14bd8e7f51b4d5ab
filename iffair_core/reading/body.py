"""All rows of a table: regular runs as they are written, repaired rows between them, parsed into columns at once."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from iffair_core.errors import StopCheck, TableError
from iffair_core.reading.cells import written
from iffair_core.reading.layout import Layout
from iffair_core.reading.repair_notes import Notes
from iffair_core.reading.repairs import FOOTERS, Repairs
from iffair_core.reading.runs import Block

_STEP = 1 << 20
_SMALL = 1 << 20
"""Fewer bytes than these are parsed at once, as threads take longer to start."""


class _Pieces(io.RawIOBase):
    """Bytes one after the other as one stream, without a copy of them all."""

    def __init__(self, pieces: Sequence[bytes | memoryview]) -> None:
        self.pieces = iter(pieces)
        self.rest = memoryview(b"")

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """The next `size` bytes, fewer at the end only."""
        found: list[bytes | memoryview] = []
        while size:
            if not self.rest:
                piece = next(self.pieces, None)
                if piece is None:
                    break
                self.rest = memoryview(piece)
            part = self.rest if size < 0 else self.rest[:size]
            self.rest = self.rest[len(part) :]
            found.append(part)
            size -= len(part) if size > 0 else 0
        return b"".join(found)


def read_body(text: bytes, name: str, layout: Layout, notes: Notes, given: bool, stop_check: StopCheck) -> pa.Table:
    """The cells of all rows of `text`, the file called `name`; what is repaired or left out goes to `notes`.

    Raises `TableError` where most rows are doubtful and the delimiter is not `given` by the user.
    """
    return _Body(text, name, layout, notes, given, stop_check).read()


class _Body:
    """The rows of a text on their way to cells."""

    def __init__(
        self, text: bytes, name: str, layout: Layout, notes: Notes, given: bool, stop_check: StopCheck
    ) -> None:
        self.text, self.name, self.layout, self.notes = text, name, layout, notes
        self.given, self.stop_check = given, stop_check
        self.width, self.delimiter, self.quote = layout.width, layout.delimiter, layout.quote
        self.repairs = Repairs(text, layout, notes)
        self.several_lines = self.leading_blanks = False
        self.longest = 0

    def read(self) -> pa.Table:
        """See `read_body`."""
        pieces, count = self._pieces()
        self.repairs.tell_lost()
        self._require_table(count)
        if not count:
            return pa.table({str(position): pa.array([], pa.string()) for position in range(self.width)})
        self.stop_check()
        return self._parsed(pieces, count)

    def _require_table(self, count: int) -> None:
        """`TableError` where many of the `count` rows so far are doubtful."""
        doubtful, repaired = self.repairs.doubtful, self.repairs.repaired
        if doubtful > 0.4 * max(1, count) and doubtful > 20 and not self.given:
            raise TableError(
                f"{self.name} has no table that can be made out: {repaired:,} of its lines have not the "
                f"{self.width} cells of the others. Say which delimiter it has, or export the table again."
            )

    def _pieces(self) -> tuple[list[bytes | memoryview], int]:
        """Runs of regular rows as they are and repaired rows between them; the number of rows in all."""
        text, end = self.text, len(self.text)
        view = memoryview(text)
        pieces: list[bytes | memoryview] = []
        count, position, line = 0, self.layout.start, self.layout.first_line + 1
        end = self._trimmed_end(position, end)
        step = _STEP
        while position < end:
            self.stop_check()
            began, stop = position, min(position + step, end)
            if stop < end:
                last = text.rfind(b"\n", position, stop) + 1
                stop = last if last > position else (text.find(b"\n", stop) + 1 or end)
            block = Block(text, position, stop, self.layout)
            while position < stop:
                run = block.regular_from(position)
                if run.end > position:
                    pieces.append(block.bytes_of(position, run.end, view))
                    self.longest = max(self.longest, run.longest)
                    self.several_lines |= run.several_lines
                    if run.end == len(text) and text[-1:] != b"\n":
                        pieces.append(b"\n")
                    line += run.lines
                    position, count = run.end, count + run.rows
                if position >= stop:
                    break
                if stop < end and stop - position < 1 << 20 and block.open_ended(position):
                    step = 2 * step if position == began else _STEP
                    break
                weighing = not self.repairs.weighed_below
                if self.repairs.repaired % 1000 == 999:
                    self.stop_check()
                after, cells, ended = self.repairs.repair(position, line, block.record_end(position), end)
                if cells is not None:
                    pieces.append(self._row(cells))
                    count += 1
                if weighing and self.repairs.weighed_below:
                    self._require_table(count)
                line += text.count(b"\n", position, after)
                position = after
                if ended:
                    position = end
                    break
            self.leading_blanks |= block.leading_blanks
        return pieces, count

    def _row(self, cells: Sequence[str]) -> bytes:
        quote = self.quote
        if not quote:
            gone = f"[{self.delimiter}\n]"
            cells = [re.sub(gone, " ", cell) for cell in cells]
        if len(cells) == 1 and not cells[0]:
            return f"{quote}{quote}\n".encode()
        row = (self.delimiter.join(written(cell, self.delimiter, quote) for cell in cells) + "\n").encode()
        self.longest = max(self.longest, len(row))
        self.several_lines |= row.count(b"\n") > 1
        return row

    def _trimmed_end(self, start: int, end: int) -> int:
        """Where the last row ends: rows of empty cells and footnotes set in cells below it are left out."""
        text, width = self.text, self.width
        if width < 2:
            return end
        blank = (self.delimiter + " \t").encode()
        empties = 0
        for _ in range(40):
            last = text.rfind(b"\n", start, end - 1 if text[end - 1 : end] == b"\n" else end) + 1
            last = max(last, start)
            if last >= end:
                break
            line = text[last:end].rstrip(b"\n")
            if not line.strip(blank):
                empties += bool(line.strip())
                end = last
                continue
            cells = self.layout.cutter.cut(line.decode()).cells
            if len(cells) == width >= 3 and cells[0].strip() and not any(cell.strip() for cell in cells[1:]):
                misfit = self.layout.columns.fit(0, cells[0]) - self.layout.columns.typical(0)
                expected = sum(self.layout.columns.fit(position, "") for position in range(1, min(width, 50)))
                if FOOTERS.match(cells[0]) or misfit < -2.5 or expected < -3.0 * (min(width, 50) - 1):
                    self.repairs.leave_out(0, cells[0])
                    end = last
                    continue
            break
        if empties:
            rows = "One row" if empties == 1 else f"{empties} rows"
            self.notes.general.append(f"{rows} of empty cells at the end {'was' if empties == 1 else 'were'} left out.")
        return end

    def _parsed(self, pieces: Sequence[bytes | memoryview], count: int) -> pa.Table:
        names = [str(position) for position in range(self.width)]
        block = max(1 << 20, 2 * self.longest + 1024)
        small = sum(map(len, pieces)) < _SMALL
        table: pa.Table | None = None
        if block < 1 << 31:
            try:
                table = pa_csv.read_csv(
                    pa.BufferReader(b"".join(pieces)) if small else pa.PythonFile(_Pieces(pieces), mode="r"),
                    read_options=pa_csv.ReadOptions(column_names=names, block_size=block, use_threads=not small),
                    parse_options=pa_csv.ParseOptions(
                        delimiter=self.delimiter,
                        quote_char=self.quote or False,
                        double_quote=bool(self.quote),
                        escape_char=False,
                        newlines_in_values=bool(self.quote) and self.several_lines,
                    ),
                    convert_options=pa_csv.ConvertOptions(
                        column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False, check_utf8=False
                    ),
                )
            except (pa.ArrowInvalid, ValueError):  # ValueError: a mark beyond ASCII
                table = None
        if table is None or len(table) != count:
            table = self._parsed_slowly(pieces, names)
        if self.leading_blanks:
            table = pa.table([pc.utf8_ltrim(column, " ") for column in table.columns], names=names)
        return table

    def _parsed_slowly(self, pieces: Sequence[bytes | memoryview], names: list[str]) -> pa.Table:
        """The same by Python's parser, for what the fast one does not take."""
        csv.field_size_limit(1 << 30)
        stream = io.StringIO(b"".join(pieces).decode(), newline="\n")
        quoting = {"quotechar": self.quote} if self.quote else {"quoting": csv.QUOTE_NONE}
        columns: list[list[str]] = [[] for _ in names]
        for row in csv.reader(stream, delimiter=self.delimiter, **quoting):
            if row:
                cells = (row + [""] * len(columns))[: len(columns)]
                for column, cell in zip(columns, cells, strict=True):
                    column.append(cell)
        return pa.table([pa.array(column, pa.string()) for column in columns], names=names)
