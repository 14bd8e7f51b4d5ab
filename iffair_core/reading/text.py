"""Delimited text becomes cells: its encoding, its dialect, where the table stands, and the lines that do not fit.

pyarrow cuts the cells. A line that does not fit is never cut anew: cells missing at its end are filled as missing, any
other line is left out, and `LeftOut` holds its number and its text.
"""

from __future__ import annotations

import codecs
import csv
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from iffair_core.errors import StopCheck, TableError, listing, never_stop, shorten
from iffair_core.reading.options import DELIMITERS, ReadOptions

MAX_COLUMNS = 5_000
MOST_LEFT_OUT = 10_000
"""Lines left out whose text is kept; all of them are counted."""
EXPORT_AGAIN = "Export the table as CSV (UTF-8) and open that."

_CANDIDATES = ",;\t|^"
_SAMPLE = 1 << 18
_RECORDS = 1_000
_STRAY_QUOTES = 20
_BLOCK = 1 << 22
_TEXT_KEPT = 10_000
_MARKS = {
    b"\xef\xbb\xbf": "utf-8",
    b"\xff\xfe\0\0": "utf-32-le",
    b"\0\0\xfe\xff": "utf-32-be",
    b"\xff\xfe": "utf-16-le",
    b"\xfe\xff": "utf-16-be",
}
_NUMBER = re.compile(r"\s*[-+−(]?[^\w\s]?\d[\d.,'’  ]*(?:[eE][-+]?\d+)?\s?[%€$£)]?\s*\Z")
_RULE = re.compile(r"[\s|+:=-]*[=-]{3}[\s|+:=-]*\Z")

csv.field_size_limit(1 << 30)


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
class Dialect:
    """How the text is written. `delimiter` "" is a single column, " " any run of blanks; `header` is the number of the
    header line, 0 where there is none; `trim`: blanks around cells do not count."""

    delimiter: str
    quote: str = '"'
    escape: bool = False
    trim: bool = False
    encoding: str = "utf-8"
    header: int = 1

    @property
    def mark(self) -> str:
        """What cuts a line into cells; a character that no text holds where there is one column."""
        return self.delimiter or "\x1f"

    def describe(self) -> str:
        """A short line for the screen: "semicolon, UTF-16, header in line 3"."""
        delimiter = DELIMITERS.get(self.delimiter) or f"delimiter {shorten(repr(self.delimiter))}"
        names = {"cp1252": "Windows-1252", "latin-1": "Latin-1"}
        encoding = names.get(self.encoding) or re.sub(r"^utf-(\d+).*", r"UTF-\1", self.encoding)
        quote = [f"quotation mark {self.quote}"] if self.quote == "'" else []
        header = f"header in line {self.header}" if self.header else "no header line"
        return ", ".join([delimiter if self.delimiter else "one column", encoding, *quote, header])


@dataclass(eq=False)
class Text:
    """The cells of a text file, with the names in its header; a cell is null where it is empty."""

    names: list[str]
    columns: list[pa.ChunkedArray]
    dialect: Dialect
    notes: list[str]
    left_out: LeftOut


@dataclass(frozen=True)
class _Record:
    """A record: the numbers of its first and its last line, and its cells."""

    line: int
    end: int
    cells: list[str]

    @property
    def filled(self) -> int:
        return sum(bool(cell.strip()) for cell in self.cells)


# ---------------------------------------------------------------------------------------------------------- encoding


def decoded(raw: bytes, name: str, encoding: str | None, stop_check: StopCheck = never_stop) -> tuple[bytes, str, str]:
    r"""(the text as UTF-8 with "\n" at line ends, the name of its encoding, a note or ""); `TableError` for no text.

    A byte-order mark decides, then the encoding that the user names, zero bytes of UTF-16, UTF-8, else Windows-1252.
    """
    note, sure = "", False
    for mark, codec in _MARKS.items():
        if raw.startswith(mark):
            raw, encoding, sure = raw.removeprefix(mark).removeprefix(mark), codec, True
            break
    if not sure and encoding is None:
        zeros = [raw[start:4096:2].count(0) for start in (0, 1)]
        if max(zeros) > 0.3 * len(raw[:4096:2]):
            encoding = "utf-16-be" if zeros[0] > zeros[1] else "utf-16-le"
    if encoding not in (None, "utf-8"):
        try:
            raw = codecs.getincrementaldecoder(encoding)().decode(raw).encode()
        except UnicodeError:
            note = f"The file is not written in {encoding}, which was asked for."
            encoding = None
    found = encoding or "utf-8"
    if encoding in (None, "utf-8") and (wrong := _no_utf8(raw, stop_check)) is not None:
        around = raw[max(wrong - 500_000, 0) : wrong + 500_000].decode("utf-8", "replace")
        bad = around.count("�")
        line = raw.count(b"\n", 0, wrong) + 1
        if sum(letter > "\x7f" for letter in around) - bad > bad:
            raw = raw.decode("utf-8", "replace").encode()
            note = f"Bytes that are no UTF-8, the first in line {line:,}, are shown as �."
        else:
            try:
                raw, found = raw.decode("cp1252").encode(), "cp1252"
            except UnicodeDecodeError:
                raw, found = raw.decode("latin-1").encode(), "latin-1"
            note = (
                f"{note} Line {line:,} is not UTF-8, so the file was read as Windows-1252. "
                "If letters look wrong, choose the encoding."
            ).strip()
    head = raw[: 1 << 16]
    controls = sum(head.count(bytes([code])) for code in (*range(1, 9), *range(14, 26), *range(28, 32)))
    if b"\0" in raw or controls > 0.02 * len(head):
        raise TableError(f"{name} holds binary data, not text. {EXPORT_AGAIN}")
    raw = raw.rstrip(b"\x1a")
    return raw.replace(b"\r\n", b"\n").replace(b"\r", b"\n") if b"\r" in raw else raw, found, note


def _no_utf8(raw: bytes, stop_check: StopCheck) -> int | None:
    """Where the first byte stands that is no UTF-8; None if there is none."""
    if raw.isascii():
        return None
    decoder, step = codecs.getincrementaldecoder("utf-8")(), 1 << 20
    for start in range(0, len(raw), step):
        stop_check()
        before = len(decoder.getstate()[0])
        try:
            decoder.decode(raw[start : start + step], start + step >= len(raw))
        except UnicodeDecodeError as error:
            return max(start - before + error.start, 0)
    return None


# ----------------------------------------------------------------------------------------------------------- dialect


def _records(text: str, dialect: Dialect) -> Iterator[_Record]:
    """The records of some text that are not blank, each with the number of its first line."""
    lines = text.split("\n")
    if dialect.delimiter == " ":
        yield from (_Record(number, number, line.split()) for number, line in enumerate(lines, 1) if line.strip())
        return
    start = 0
    while start < len(lines):
        reader = csv.reader(
            (line + "\n" for line in itertools.islice(lines, start, None)),
            delimiter=dialect.mark,
            quotechar=dialect.quote or None,
            quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
            escapechar="\\" if dialect.escape else None,
            skipinitialspace=dialect.trim,
            strict=True,
        )
        before = start
        try:
            for cells in reader:
                if len(cells) > 1 or any(cell.strip() for cell in cells):
                    yield _Record(before + 1, start + reader.line_num, cells)
                before = start + reader.line_num
            return
        except csv.Error:  # a quotation mark that is not closed: this line alone is cut without it
            yield _Record(before + 1, before + 1, lines[before].split(dialect.mark))
            start = before + 1


def _first(sample: str, dialect: Dialect) -> list[_Record]:
    """The first records without comments and drawn lines."""
    records = itertools.islice(_records(sample, dialect), _RECORDS)
    return [record for record in records if not _no_row(",".join(record.cells))]


def _no_row(line: str) -> bool:
    """Whether a line is a comment, or drawn with dashes as Markdown and consoles draw tables."""
    return line.lstrip().startswith("#") or _RULE.match(line) is not None


def _detected(sample: str, options: ReadOptions) -> Dialect:
    """The dialect of a sample: the delimiter that cuts most records into as many cells of one kind each."""
    quote = options.quote
    if quote is None:
        single = re.findall(r"(?:^|[,;\t|])'[^'\n]*'(?=[,;\t|\r\n])", sample, re.MULTILINE)
        quote = "'" if len(single) > 1 and '"' not in sample else '"'
    escape = quote == '"' and re.search(r'[^"\\]\\"', sample) is not None
    dialect = Dialect("", quote, escape)
    if options.delimiter is not None:
        dialect = replace(dialect, delimiter=options.delimiter)
    elif given := re.match(r'"?sep=([^\r\n])"?\r?\n', sample):
        dialect = replace(dialect, delimiter=given[1])
    else:
        best = 0.4
        for mark in _CANDIDATES:
            score = _fitness([record.cells for record in _first(sample, replace(dialect, delimiter=mark))])
            if score > best:
                best, dialect = score, replace(dialect, delimiter=mark)
        if not dialect.delimiter and _set_by_blanks(sample):
            dialect = replace(dialect, delimiter=" ")
    mark = re.escape(dialect.delimiter)
    spaced = bool(mark) and len(re.findall(rf"{mark} ", sample)) >= 0.9 * max(len(re.findall(mark, sample)), 1)
    return replace(dialect, trim=spaced or dialect.delimiter == "|")


def _fitness(records: Sequence[list[str]]) -> float:
    """Share of records of the commonest width, the more cells without another delimiter the higher; 0 for one cell."""
    widths = Counter(map(len, records))
    if not widths:
        return 0.0
    width = max(widths, key=lambda one: (widths[one], one))
    if width < 2:
        return 0.0
    cells = [cell for record in records[:200] if len(record) == width for cell in record]
    clean = sum(not set(_CANDIDATES) & set(cell) or _NUMBER.match(cell) is not None for cell in cells)
    return widths[width] / len(records) * (0.6 + 0.4 * clean / len(cells))


def _set_by_blanks(sample: str) -> bool:
    """Whether runs of blanks cut every line into as many cells, a column of numbers among them."""
    rows = [line.split() for line in sample.splitlines()[:_RECORDS] if line.strip()]
    if len(rows) < 3 or len({len(row) for row in rows}) > 1 or len(rows[0]) < 2:
        return False
    return any(all(_NUMBER.match(cell) for cell in column[1:]) for column in zip(*rows, strict=True))


# ------------------------------------------------------------------------------------------------- where it begins


@dataclass(frozen=True)
class _Place:
    """Where the table stands: its header's cells, the line of its header (0: none) and of its first row, its width."""

    header: list[str]
    line: int
    first: int
    width: int


def _located(records: Sequence[_Record], name: str, options: ReadOptions, notes: list[str]) -> _Place:
    """Find the header: the first record that is about as full as the rows under it, if it does not look like a row."""
    widths = Counter(len(record.cells) for record in records)
    width = max(widths, key=lambda one: (widths[one], one))
    if options.header:
        start = next((place for place, record in enumerate(records) if record.line >= options.header), len(records))
        if start == len(records) or records[start].line != options.header:
            raise TableError(f"{name} has no line {options.header:,} that could be a header. Choose another line.")
    else:
        start = next((place for place, record in enumerate(records) if _full(record, width)), 0)
    head = records[start]
    below = Counter(len(record.cells) for record in records[start + 1 :])
    if options.header != 0 and not (options.header is None and _is_row(head, records[start + 1 :])):
        names = [cell.strip() for cell in head.cells]
        while len(names) > 1 and not names[-1] and (not below or len(names) > max(below)):
            names.pop()
        if second := _second_header(records[start + 1 :]):
            notes.append(
                f"Line {second:,} looks like a second line of the header (titles or units) and is read as a row. "
                "Choose its number as the header line, or delete it."
            )
        return _Place(names, head.line, head.end + 1, _width(len(names), below, head.line, name))
    if options.header is None:
        notes.append(
            f"Line {head.line:,} looks like a row and not like a header, so columns are called by their place. "
            "Choose the header line if it is one."
        )
    return _Place([""] * width, 0, head.line, width)


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


def _second_header(below: Sequence[_Record]) -> int | None:
    """The line of the first record below the header if it has only words where the others have numbers."""
    if len(below) < 3 or any(_NUMBER.match(cell) for cell in below[0].cells):
        return None
    same = [record.cells for record in below[1:] if len(record.cells) == len(below[0].cells)]
    for cell, *column in zip(below[0].cells, *same, strict=True):
        if cell.strip() and column and all(_NUMBER.match(value) for value in column):
            return below[0].line
    return None


def _full(record: _Record, width: int) -> bool:
    cells = record.cells
    if width == 1 or len(cells) < min(2, width - 1):
        return len(cells) == width
    pandas_index = not cells[0].strip() and record.filled >= len(cells) - 1
    return len(cells) >= width - 1 and (pandas_index or (record.filled >= 2 and record.filled * 2 >= width))


def _is_row(head: _Record, below: Sequence[_Record]) -> bool:
    """Whether a first record looks like the rows under it: numbers where they have numbers, words that they repeat."""
    same = [record.cells for record in below if len(record.cells) == len(head.cells)]
    if not same or head.cells in same or not all(cell.strip() for cell in head.cells):
        return False
    like = 0
    for cell, *column in zip(head.cells, *same, strict=True):
        values = [value for value in column if value.strip()]
        numeric = bool(values) and sum(_NUMBER.match(value) is not None for value in values) >= 0.9 * len(values)
        if numeric and not _NUMBER.match(cell):
            return False
        like += numeric or (len(values) > 2 and cell in values)
    years = [cell for cell in head.cells if re.fullmatch(r"(?:19|20)\d\d", cell.strip())]
    return like > 0 and len(years) < 2


# ------------------------------------------------------------------------------------------------------------- cells


def read_text(raw: bytes, name: str, options: ReadOptions, stop_check: StopCheck = never_stop) -> Text:
    """The table in a text file, every cell as text; `options` holds what the user has fixed.

    Raises `TableError` where the text is empty, binary, too wide, or where most lines do not fit its columns.
    """
    text, encoding, note = decoded(raw, name, options.encoding, stop_check)
    notes = [note] if note else []
    if not text.strip():
        raise TableError(f"{name} is empty. Choose a file that has a header and rows.")
    if options.comment:
        text, count = re.subn(rb"(?m)^" + re.escape(options.comment.encode()) + rb"[^\r\n]*", b"", text)
        if count:
            notes.append(f"Lines that begin with {options.comment} are comments: {count:,} left out.")
    sample = _sample(text)
    dialect = replace(_detected(sample, options), encoding=encoding)
    if len(dialect.delimiter) > 1:
        text, sample = text.replace(dialect.delimiter.encode(), b"\x1f"), sample.replace(dialect.delimiter, "\x1f")
        dialect = replace(dialect, delimiter="\x1f")
    records = _first(sample, dialect)
    if records and re.match(r'"?sep=.', sample):
        records = records[1:]
    if not records:
        raise TableError(f"{name} has no rows. Add at least one row under the header.")
    if not dialect.delimiter:
        _doubt_single(records, name, notes)
    place = _located(records, name, options, notes)
    if max(place.width, len(place.header)) > MAX_COLUMNS:
        raise TableError(too_wide(name, max(place.width, len(place.header)), MAX_COLUMNS))
    body = _Body(text, dialect, place, name)
    table = body.cut(stop_check)
    names = _named(place, table, notes)
    notes += body.notes
    left = body.left_out()
    if left.count:
        notes.append(_told(left))
    dialect = replace(dialect, header=place.line, delimiter=options.delimiter or dialect.delimiter)
    return Text(names, table.columns, dialect, notes, left)


def _doubt_single(records: Sequence[_Record], name: str, notes: list[str]) -> None:
    """Say so where a file of one column may be meant to have more; `TableError` where whole lines are quoted."""
    for mark in _CANDIDATES:
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


def too_wide(name: str, columns: int, most: int) -> str:
    """What is said of a table with too many columns."""
    return f"{name} has {columns:,} columns; at most {most:,} can be read. Keep the columns that matter."


def _sample(text: bytes) -> str:
    head = text[:_SAMPLE]
    if len(head) < len(text):
        end = head.rfind(b"\n")
        head = head[: end + 1] if end > 0 else text[: 64 * _SAMPLE].split(b"\n", 1)[0]
    return head.decode("utf-8", "ignore")


def _named(place: _Place, table: pa.Table, notes: list[str]) -> list[str]:
    """The header's names, one per column; a header one name short names all columns but the first, as R writes it."""
    names, missing = list(place.header), table.num_columns - len(place.header)
    if missing <= 0:
        return names[: table.num_columns]
    last = [column.null_count == len(column) for column in table.columns[-missing:]]
    if all(last):
        return [*names, *[""] * missing]
    was = listing(names, 8)
    notes.append(
        f"The header in line {place.line:,} has {len(names)} names and the rows {len(names) + 1} cells, as R writes "
        f"them: the first column has no name, and the names ({was}) belong to the columns after it."
    )
    return ["", *names]


class _Body:
    """The rows of a table, cut by pyarrow; lines that do not fit are padded or left out."""

    def __init__(self, text: bytes, dialect: Dialect, place: _Place, name: str) -> None:
        self.dialect, self.place, self.name = dialect, place, name
        start = _offset(text, place.first - 1)
        above = text[:start].decode("utf-8", "replace").split("\n")
        self.lines = [
            (number, "above the table", line)
            for number, line in enumerate(above, 1)
            if line.strip() and (number < place.line or not place.line)
        ]
        self.count = len(self.lines)
        self.padded: list[str] = []
        self.notes: list[str] = []
        self.text = text[start:]
        if dialect.delimiter == " ":
            self.text = re.sub(rb"(?m)^[ \t]+|[ \t]+$", b"", self.text)
            self.text = re.sub(rb"[ \t]+", b" ", self.text)
        elif dialect.delimiter == "|":
            self.text, drawn = re.subn(rb"(?m)^[ \t|+:=-]*[=-]{3}[ \t|+:=-]*$", b"", self.text)
            self.notes += [f"Lines drawn with dashes are no rows: {drawn:,} left out."] if drawn else []
        elif dialect.trim and dialect.quote:
            mark, quote = re.escape(dialect.delimiter.encode()), re.escape(dialect.quote.encode())
            self.text = re.sub(
                mark + rb" +(?=" + quote + rb"[^" + quote + rb"])", dialect.delimiter.encode(), self.text
            )

    def cut(self, stop_check: StopCheck) -> pa.Table:
        """The rows as text, null where a cell is empty."""
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
                    pa.BufferReader(self.text),
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
        if not quote or self.dialect.escape or quote.encode() not in self.text:
            return None
        broken = [pc.match_substring(column, "\n").fill_null(False) for column in table.columns]
        cells = [column.filter(hits).to_pylist() for column, hits in zip(table.columns, broken, strict=True)]
        found = [place for column in cells if (place := self._unclosed(column)) is not None]
        for _, text in odd:
            # A record of several lines that a strict reader does not take for one.
            if "\n" in text.strip("\n") and len(list(itertools.islice(_records(text, self.dialect), 2))) > 1:
                found.append(self.text.find(text.encode()))
        return min(found, default=None)

    def _unclosed(self, cells: Sequence[str]) -> int | None:
        """Offset of the line of the first cell of several lines that does not end as a quoted cell does."""
        quote, ends, at = self.dialect.quote, (self.dialect.mark.encode(), b"\n", b" ", b""), 0
        for cell in cells:
            written = f"{quote}{cell.replace(quote, 2 * quote)}{quote}".encode()
            place = self.text.find(written, at)
            while place >= 0 and self.text[place + len(written) : place + len(written) + 1] not in ends:
                place = self.text.find(written, place + 1)
            if place < 0:
                place = self.text.find(written.split(b"\n", 1)[0], at)
                return self.text.rfind(b"\n", 0, place) + 1 if place >= 0 else None
            at = place + len(written)
        return None

    def _blank_line(self, start: int, why: str) -> None:
        """Leave the line at an offset out; it stays as an empty line, so that the lines after it keep their numbers."""
        end = self.text.find(b"\n", start)
        end = len(self.text) if end < 0 else end
        self._leave_out(start, self.text[start:end].decode("utf-8", "replace"), why)
        self.text = self.text[:start] + self.text[end:]

    def _leave_out(self, offset: int, text: str, why: str) -> None:
        self.count += 1
        if len(self.lines) < MOST_LEFT_OUT:
            self.lines.append((self.place.first + self.text.count(b"\n", 0, offset), why, text.strip("\n")))

    def _with_padded(self, table: pa.Table, odd: Sequence[tuple[int, str]]) -> pa.Table:
        """The table with the short lines among its rows, in the order of the file; the other odd lines are left out."""
        width, total = self.place.width, table.num_rows + len(odd)
        regular = np.ones(total + 1, dtype=bool)
        regular[[number for number, _ in odd]] = False
        last = int(np.flatnonzero(regular[1:]).max(initial=-1)) + 1
        numbers: list[int] = []
        rows: list[list[str]] = []
        offset = line = counted = 0
        ended = False
        for number, text in odd:
            place = self._find(text, offset)
            line += self.text.count(b"\n", counted, place)
            counted, offset = place, place + len(text.encode())
            cells = next((record.cells for record in _records(text, self.dialect)), [])
            ended = ended or (number > last and self._after_blank(place))
            kept = cells
            while len(kept) > width and not kept[-1].strip():
                kept = kept[:-1]
            alone = len(kept) < min(width, 3) and len(kept) == 1 and width > 2
            cells_are = f"{len(cells)} {'cell' if len(cells) == 1 else 'cells'} in place of {width}"
            if ended or _no_row(text):
                why = "below the table" if ended else "a comment or a drawn line"
            elif self.dialect.quote and text.count(self.dialect.quote) % 2:
                why = "a quotation mark that is not closed"
            elif len(kept) > width or alone:
                why = cells_are
            else:
                numbers.append(number)
                rows.append([*kept, *[""] * (width - len(kept))])
                if len(cells) < width:
                    self.padded.append(f"line {self.place.first + line:,} has {cells_are}")
                continue
            self.count += 1
            if len(self.lines) < MOST_LEFT_OUT:
                self.lines.append((self.place.first + line, why, text.strip("\n")))
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
            columns = [pc.utf8_trim_whitespace(column) for column in table.columns]
            columns = [pc.if_else(pc.equal(column, ""), None, column) for column in columns]
            table = pa.table(columns, names=table.column_names)
        empty = self._rows_with(table, [None] * table.num_columns)
        if empty is not None:
            self.notes.append(f"Rows of empty cells are left out: {pc.sum(empty).as_py():,}.")
            table = table.filter(pc.invert(empty))
        header = self.place.header
        again = self._rows_with(table, header) if len(header) == table.num_columns and all(header) else None
        if again is not None:
            self.notes.append(
                f"The header stands again among the rows, and is left out there: {pc.sum(again).as_py():,}."
            )
            table = table.filter(pc.invert(again))
        return table

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


def _offset(text: bytes, lines: int) -> int:
    """Where the line after the first `lines` lines begins."""
    place = 0
    for _ in range(lines):
        place = text.find(b"\n", place) + 1
        if not place:
            return len(text)
    return place


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
