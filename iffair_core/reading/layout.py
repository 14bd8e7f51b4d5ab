"""Where the table stands in a text: how wide it is, its header, the comments and titles around it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from iffair_core.errors import TableError, listing
from iffair_core.reading.alignment import Aligned, Aligner
from iffair_core.reading.cells import TYPED, Cutter, Record, kind_of, rough_records
from iffair_core.reading.dialect import ReadOptions
from iffair_core.reading.likeness import Columns, NameColumns, pattern
from iffair_core.reading.repair_notes import Notes
from iffair_core.reading.utf8 import first_lines

_RULE = re.compile(r"[-+|=:_\s]*(?:---|===|___)[-+|=:_\s]*")
"""A line drawn under the header, as in tables of Markdown or of a database's console."""
_ALIKE = ({"number", "money", "share"}, {"date", "stamp"}, {"time", "stamp"})


MAX_COLUMNS = 5_000


def too_wide(name: str, columns: int, most: int) -> str:
    """What is said of a table of more than `most` columns."""
    return f"{name} has {columns:,} columns; at most {most:,} can be read. Keep the columns that matter."


@dataclass(frozen=True, eq=False)
class Layout:
    """Where the table stands and what is regular in it.

    `columns` describes its columns by regular rows, `names` is one name for each. `header_cells` and `header_text` are
    the header's cells and its line as they are written, empty without one; `header_line` its number, from 1. The rows
    begin in line `first_line` (from 0), at byte `start`; `skipped` lines above the table are no part of it.
    """

    cutter: Cutter
    columns: Columns
    names: list[str]
    header_cells: list[str]
    header_text: str
    header_line: int
    first_line: int
    start: int
    skipped: int
    comment: str

    @property
    def delimiter(self) -> str:
        return self.cutter.delimiter

    @property
    def quote(self) -> str:
        return self.cutter.quote

    @property
    def width(self) -> int:
        return self.columns.width

    def is_comment(self, line: str) -> bool:
        """Whether the line is a comment."""
        return bool(self.comment) and line.startswith(self.comment)

    def is_header(self, cells: Sequence[str]) -> bool:
        """Whether these are the header's cells."""
        own = self.header_cells
        return 0 < len(own) == len(cells) and all(
            cell.strip() == name.strip() for cell, name in zip(cells, own, strict=True)
        )


def find_layout(text: bytes, name: str, cutter: Cutter, options: ReadOptions, notes: Notes) -> Layout:
    """Where the table stands in `text`, the file called `name`, as its first lines show; remarks go to `notes`.

    Raises `TableError` for a table of more than `MAX_COLUMNS`, or a header line fixed by `options` that is not there.
    """
    found = _Finder(text, name, cutter, options, notes)
    first, line = found.first, found.header_line
    return Layout(
        cutter, Columns(found.data, found.width) if found.data else found.columns, found.names, found.header_cells,
        found.lines[line - 1] if line else "", line, first,
        start=len("\n".join(found.lines[:first]).encode()) + (first > 0),
        skipped=max(0, line - 1 if line and line <= first else first), comment=found.comment,
    )  # fmt: skip


class _Finder:
    """Looks for the table in the first lines of a text."""

    def __init__(self, text: bytes, name: str, cutter: Cutter, options: ReadOptions, notes: Notes) -> None:
        self.name, self.options, self.notes = name, options, notes
        self.cutter, self.delimiter, self.quote = cutter, cutter.delimiter, cutter.quote
        self.lines = first_lines(text)
        self.records = rough_records(self.lines, cutter)[:3000]
        self.comment = self._comment()
        self.kept = [record for record in self.records if not self._is_comment(self.lines[record.line])]
        self.width = self._width()
        if self.width > MAX_COLUMNS:
            raise TableError(too_wide(name, self.width, MAX_COLUMNS))
        regular = [
            record for record in self.kept if len(record.cells) == self.width and not record.stray and any(record.cells)
        ]
        skip = min(3, len(regular) // 2)
        self.columns = Columns(regular[skip:], self.width)
        self.names: list[str] = []
        self.header_cells: list[str] = []
        self.header_line = 0
        self.first = self._find_header()
        self.data = [record for record in regular if record.line >= self.first and record.cells != self.header_cells]

    def _comment(self) -> str:
        if self.options.comment is not None:
            return self.options.comment
        marked = [index for index, record in enumerate(self.records) if self.lines[record.line].startswith("#")]
        if not marked or len(marked) == len(self.records):
            return ""
        on_top = marked == list(range(len(marked)))
        return "#" if on_top or len(marked) <= 0.2 * len(self.records) else ""

    def _is_comment(self, line: str) -> bool:
        return bool(self.comment) and line.startswith(self.comment)

    def _width(self) -> int:
        widths = Counter(len(record.cells) for record in self.kept) or Counter({1: 1})
        best = max(widths, key=lambda cells: (widths[cells] * (1 - 1 / (cells + 0.5)), cells))
        runs = [
            first
            for first, second in pairwise(len(record.cells) for record in self.kept)
            if first == second and widths[first] > 0.6 * widths[best] and (first > 1 or best == 1)
        ]
        width = runs[0] if runs else best
        widest = [record.cells for record in self.kept if len(record.cells) == width]
        if widths[width - 1] > 0.2 * widths[width] and len(self.kept[0].cells) == width - 1 > 0:
            width -= not any(cells[-1].strip() for cells in widest)
        return width

    def _evidence(self, cells: Sequence[str]) -> tuple[float, float]:
        """How many cells speak for a row of data, and how many for a row of names."""
        data = names = 0.0
        for position, cell in enumerate(cells[:200]):
            kind = kind_of(cell)
            if kind in ("empty", "missing"):
                continue
            column = self.columns[position]
            if column.typed:
                if kind == column.typed or any({kind, column.typed} <= alike for alike in _ALIKE):
                    data += 1
                else:
                    names += 1
            elif cell.strip() in column.values:
                data += 0.7
            elif column.exact_focus > 0.6 and column.count > 3 and len(cell) <= 40:
                if column.exact[pattern(cell.strip())] > 1:
                    data += 0.7
                else:
                    names += 0.7
        counted = [
            (int(cell), position) for position, cell in enumerate(cells[:200]) if re.fullmatch(r" *[0-9]{1,4} *", cell)
        ]
        numbers = [number for number, _ in counted]
        if len(numbers) >= 2 and numbers == list(range(numbers[0], numbers[0] + len(numbers))):
            years = 1900 <= numbers[0] <= 2100 and not any(
                self.columns[position].exact["9999"] > 0.3 * self.columns[position].count for _, position in counted
            )
            if years or (len(numbers) == len(cells) >= 4 and numbers[0] == 0):
                names += data
                data = 0.0
        return data, names

    def _find_header(self) -> int:
        """Settles `names`; the line (from 0) where the rows of data begin."""
        width = self.width
        if self.options.header is not None:
            return self._given_header(self.options.header)
        heads: list[Record] = []
        skipped: list[Record] = []
        rule: Record | None = None
        for index, record in enumerate(self.records):
            line = self.lines[record.line]
            if heads and _RULE.fullmatch(line):
                rule = record
                break
            if self._is_comment(line):
                head = self._commented_header(record, index) if not heads else None
                if head:
                    heads.append(head)
                elif not heads:
                    skipped.append(record)
                continue
            filled = sum(bool(cell.strip()) for cell in record.cells)
            if len(record.cells) == width and not record.stray:
                data, names = self._evidence(record.cells)
                alone = filled == 1 and width >= 3 and index + 1 < len(self.records)
                if not heads and not data and (not filled or alone):
                    skipped.append(record)
                    continue
                if heads:
                    same = record.cells == heads[-1].cells
                    if len(heads) < 6 and (
                        same or (data == 0 and (names >= 2 or (names > 0 and self._over_groups(heads[-1], filled))))
                    ):
                        heads.append(record)
                        continue
                    break
                if names > data or (data == 0 and self._plausible_names(record.cells)):
                    heads.append(record)
                    continue
                break
            if heads:
                break
            follows = next(
                (later for later in self.kept if later.line > record.line and len(later.cells) == width), None
            )
            below = self._evidence(follows.cells) if follows else (0.0, 0.0)
            if follows and below[1] > below[0]:
                skipped.append(record)
                continue
            names_found = self._broken_header(record, line)
            if names_found:
                heads.append(record._replace(cells=names_found))
                self.notes.line(
                    record.line + 1,
                    "header",
                    f"Line {record.line + 1}, the header, is irregular; it was read as {listing(names_found)}.",
                )
                continue
            if follows is None or self._fits_as_data(line):
                break
            skipped.append(record)
        if len(self.kept) == len(heads) == 1 and self._all_values(heads[0].cells):
            heads = []
        if heads:
            self._name(heads)
            last = rule or heads[-1]
            self._tell_skipped([record for record in skipped if record.line < heads[0].line])
            return last.line + last.lines
        inner = self._inner_header()
        if inner is not None:
            self._name([inner])
            self.notes.general.append(
                f"The header stands in line {inner.line + 1}; the rows above it were read as rows of the table."
            )
        else:
            self.names = [f"column {position + 1}" for position in range(width)]
            self.notes.general.append(
                f"{self.name} seems to have no header line; its columns were named "
                + ("'column 1'." if width == 1 else f"'column 1' to 'column {width}'.")
            )
        self._tell_skipped(skipped)
        return skipped[-1].line + skipped[-1].lines if skipped else 0

    def _over_groups(self, head: Record, below: int) -> bool:
        """Whether a line looks like titles over groups of columns, `below` being how many cells the next one fills."""
        cells = [cell.strip() for cell in head.cells if cell.strip()]
        sparse = len(cells) < 0.7 * self.width and below > 0.7 * self.width
        return sparse or len(set(cells)) < len(cells)

    def _given_header(self, number: int) -> int:
        if number == 0:
            self.names = [f"column {position + 1}" for position in range(self.width)]
            start = next((record.line for record in self.kept if len(record.cells) == self.width), 0)
            self._tell_skipped([record for record in self.records if record.line < start])
            return start
        record = next((record for record in self.records if record.line >= number - 1), None)
        if record is None:
            raise TableError(f"{self.name} has no line {number} for a header. Choose a line with the column names.")
        cells = record.cells
        if len(cells) != self.width:
            cells = self._broken_header(record, self.lines[record.line]) or [*cells, *[""] * self.width][: self.width]
        self._name([record._replace(cells=cells)])
        return record.line + record.lines

    def _tell_skipped(self, records: Sequence[Record]) -> None:
        told = [record for record in records if self.lines[record.line].strip(self.delimiter + " \t")]
        if told:
            first, last = told[0].line + 1, told[-1].line + 1
            where = f"Line {first} stands" if first == last else f"Lines {first} to {last} stand"
            quoted = listing((self.lines[record.line].strip(self.delimiter + " ") for record in told), 2).rstrip(".")
            self.notes.general.append(
                f"{where} above the table and {'was' if first == last else 'were'} left out: {quoted}."
            )

    def _all_values(self, cells: Sequence[str]) -> bool:
        return all(kind_of(cell) in TYPED or not cell for cell in cells) and any(cells)

    def _plausible_names(self, cells: Sequence[str]) -> bool:
        filled = [cell.strip() for cell in cells if cell.strip()]
        typed = sum(kind_of(cell) in TYPED for cell in filled)
        return len(filled) == len(set(filled)) or typed == 0

    def _commented_header(self, record: Record, index: int) -> Record | None:
        """A line such as "#id,name" right above the data."""
        after = self.records[index + 1] if index + 1 < len(self.records) else None
        cells = self.cutter.cut(self.lines[record.line][len(self.comment) :]).cells
        if after is None or self._is_comment(self.lines[after.line]) or len(cells) != self.width:
            return None
        data, names = self._evidence(after.cells) if len(after.cells) == self.width else (0.0, 1.0)
        own = self._evidence(cells)
        return record._replace(cells=cells) if data > names and own[1] > own[0] else None

    def _broken_header(self, record: Record, line: str) -> list[str]:
        """Names in a header line with another number of cells; none where it looks like none."""
        width = self.width
        if width < 2:
            return []
        short = max(0, width - len(record.cells))
        found: tuple[float, list[str]] = (-3.0 - 0.6 * width - 5.0 * (short if short <= max(1, 0.2 * width) else 0), [])
        others = [mark for mark in (",", ";", "\t", "|", " ") if mark != self.delimiter and mark in line]
        names = NameColumns(self.columns)
        aligner = Aligner(names, self.quote, apart=5.0)
        for delimiter in (self.delimiter, *others):
            cut = Cutter(delimiter, self.quote).cut(line)
            count = len(cut.cells)
            if count < max(2, 0.6 * width) or (delimiter != self.delimiter and count < width):
                continue
            if any(kind_of(cell) in TYPED for cell in cut.cells) or (
                count != width and len(max(cut.cells, key=len)) > 80
            ):
                continue
            if count == width - 1 and delimiter == self.delimiter:
                led = self._row_names(cut.cells)
                if led:
                    return led
            lacking = max(0, width - count)
            aligned = aligner.align(line, delimiter, lacking=lacking if lacking <= 2 or width <= 30 else 0)
            if aligned is None and count < width:
                aligned = Aligned([*cut.cells, *[""] * (width - count)], (), -4.0 * (width - count))
            if aligned and aligned.score - (delimiter != self.delimiter) > found[0]:
                found = aligned.score, [cell.strip() for cell in aligned.cells]
        return found[1]

    def _row_names(self, cells: Sequence[str]) -> list[str]:
        """The names, with one more in front, where the rows begin with numbers of their own and it has no name."""
        column = self.columns[0]
        firsts = [row.cells[0] for row in self.columns.rows]
        lasts = [row.cells[-1] for row in self.columns.rows]
        if len(set(firsts)) < len(firsts) or not any(lasts) or len(firsts) < 2:
            return []
        counted = all(cell.strip().isdigit() for cell in firsts) and all(int(b) > int(a) for a, b in pairwise(firsts))
        shifted = self._evidence(["", *cells])
        return ["", *cells] if counted and column.typed and shifted[0] == 0 else []

    def _fits_as_data(self, line: str) -> bool:
        aligned = Aligner(self.columns, self.quote).align(line, self.delimiter, lacking=2)
        return (
            aligned is not None
            and aligned.score > -2.0 * self.width
            and not any(what == "dropped" for what, _ in aligned.how)
        )

    def _inner_header(self) -> Record | None:
        for record in self.kept[1:]:
            if len(record.cells) == self.width and not record.stray:
                data, names = self._evidence(record.cells)
                filled = [cell for cell in record.cells if cell.strip()]
                if data == 0 and names >= max(2, 0.5 * self.width) and len(set(filled)) == self.width:
                    return record
        return None

    def _name(self, heads: Sequence[Record]) -> None:
        """`names` out of the header's lines: each once, group titles only where names alone are not unique."""
        filled = [sum(bool(cell.strip()) for cell in head.cells) for head in heads]
        full = [head for head, count in zip(heads, filled, strict=True) if count >= 0.7 * max(filled)]
        sparse = [head for head in heads if head not in full]
        parts: list[list[str]] = [[] for _ in range(self.width)]
        for head in full:
            for part, cell in zip(parts, head.cells, strict=True):
                if cell.strip() and cell.strip() not in part:
                    part.append(cell.strip())
        names = [" ".join(part) for part in parts]
        if len(full) > 1 and len(set(names)) < len(names):
            group = ""
            for position, (above, below) in enumerate(zip(full[0].cells, full[1].cells, strict=True)):
                if not above.strip() and below.strip() and group:
                    names[position] = f"{group} {names[position]}"
                group = above.strip() or group
        repeated = {name for name, times in Counter(names).items() if times > 1 and name}
        if sparse and repeated:
            group = ""
            for position, cell in enumerate(sparse[0].cells):
                group = cell.strip() or group
                if group and names[position] in repeated:
                    names[position] = f"{group} {names[position]}"
        elif sparse:
            over = sparse[0].line < full[0].line
            self.notes.general.append(
                f"Line {sparse[0].line + 1} holds titles over groups of columns; the names below it were taken."
                if over
                else f"Line {sparse[0].line + 1}, below the names, holds units or remarks; it was left out."
            )
        if len(full) > 1:
            where = f"Lines {full[0].line + 1} to {full[-1].line + 1}"
            same = all(head.cells == full[0].cells for head in full)
            how = "hold the same header; it was read once" if same else "are all header; their cells were joined"
            self.notes.general.append(f"{where} {how}.")
        self.names = names
        self.header_cells = full[0].cells
        self.header_line = full[0].line + 1
