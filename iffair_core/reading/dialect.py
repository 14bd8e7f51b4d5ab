"""How delimited text is written: found out in its first lines, as far as the user has not fixed it."""

from __future__ import annotations

import csv
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from iffair_core.errors import shorten
from iffair_core.reading.options import DELIMITERS, ReadOptions

CANDIDATES = ",;\t|^"
NUMBER = re.compile(r"\s*[-+−(]?[^\w\s]?\d[\d.,'’  ]*(?:[eE][-+]?\d+)?\s?[%€$£)]?\s*\Z")

_RECORDS = 1_000
_RULE = re.compile(r"[\s|+:=-]*[=-]{3}[\s|+:=-]*\Z")

csv.field_size_limit(1 << 30)


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


class Record(NamedTuple):
    """A record: the numbers of its first and its last line, and its cells.

    malformed: a quotation mark in it is not written as it should be; torn: one is not closed.
    """

    line: int
    end: int
    cells: list[str]
    malformed: bool = False
    torn: bool = False

    @property
    def filled(self) -> int:
        return sum(bool(cell.strip()) for cell in self.cells)


def records_of(lines: Sequence[str], dialect: Dialect, width: int = 0) -> Iterator[Record]:
    """The records that are not blank; a line with a quotation mark that is not closed is one by itself.

    width: the cells of a row, where it is known. A mark is not closed either where the lines up to the next are rows.
    """
    start = 0
    while start < len(lines):
        first, reader = start, _reader(map(lines.__getitem__, range(start, len(lines))), dialect, strict=True)
        try:
            for cells in reader:
                end = first + reader.line_num
                if end > start + 1 and _is_astray(cells, lines[start:end], dialect, width):
                    break
                if len(cells) > 1 or any(cell.strip() for cell in cells):
                    yield Record(start + 1, end, cells)
                start = end
            else:
                return
        except csv.Error:
            pass
        record = Record(start + 1, start + 1, lines[start].split(dialect.mark), malformed=True, torn=True)
        if width:  # marks may be malformed elsewhere in the record, as in "a"b
            loose = _reader(
                itertools.chain(map(lines.__getitem__, range(start, len(lines))), [""]), dialect, strict=False
            )
            cells, end = next(loose), start + loose.line_num
            closed = all(_is_closed(cell, "\n".join(lines[start:end]), dialect) for cell in cells if "\n" in cell)
            if end == start + 1 or (closed and len(cells) == width and not _is_astray(cells, [], dialect, width)):
                record = Record(start + 1, end, cells, malformed=True)
        yield record
        start = record.end


def _reader(lines: Iterable[str], dialect: Dialect, *, strict: bool) -> Any:
    """A reader of records, which raises `csv.Error` at a malformed one where it is `strict`."""
    blanks = dialect.delimiter == " "
    return csv.reader(
        ((line.strip() if blanks else line) + "\n" for line in lines),
        delimiter=dialect.mark,
        quotechar=dialect.quote or None,
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        escapechar="\\" if dialect.escape else None,
        skipinitialspace=dialect.trim or blanks,
        strict=strict,
    )


def _is_astray(cells: Sequence[str], lines: Sequence[str], dialect: Dialect, width: int) -> bool:
    """Whether lines inside a record of several lines are rows, so that the quotation mark before them is astray."""
    for text in (*cells, *(["\n".join(lines)] if len(cells) != width else [])):
        inner = [line for line in text.strip("\n").split("\n")[1:-1] if line.strip()]
        rows = all(line.count(dialect.mark) == width - 1 and not line.rstrip().endswith(dialect.mark) for line in inner)
        if rows and width > 1 and len(inner) >= (1 if width > 2 else 3):
            return True
    return False


def _is_closed(cell: str, text: str, dialect: Dialect) -> bool:
    """Whether a cell stands between quotation marks in the text of its record, the second at its end."""
    quote = dialect.quote
    written = re.escape(f"{quote}{cell.replace(quote, 2 * quote)}{quote}")
    closed = re.search(rf"{written}(?:{re.escape(dialect.mark)}|\s|\Z)", text) is not None
    return closed or (dialect.escape and not cell.endswith("\n"))


def first_records(sample: str, dialect: Dialect) -> list[Record]:
    """The first records without comments and drawn lines."""
    records = itertools.islice(records_of(sample.split("\n"), dialect), _RECORDS)
    return [record for record in records if not is_drawn(",".join(record.cells))]


def is_drawn(line: str) -> bool:
    """Whether a line is a comment, or drawn with dashes as Markdown and consoles draw tables."""
    return line.lstrip().startswith("#") or _RULE.match(line) is not None


def detected(sample: str, options: ReadOptions) -> Dialect:
    """The dialect of a sample: the delimiter that cuts most records into as many cells of one kind each."""
    if options.quote is None:
        single, double = (
            len(re.findall(rf"(?:^|[,;\t|]){mark}[^{mark}\n]*{mark}(?=[,;\t|\r\n])", sample, re.MULTILINE))
            for mark in "'\""
        )
        quote = "'" if single > max(double, 1) else '"'
    else:
        quote = options.quote
    # A mark that ends a cell after a backslash ends it: paths of Windows end so.
    escape = quote == '"' and re.search(r'[^"\\]\\"[^,;\t|\r\n]', sample) is not None

    def cut(mark: str, *, trim: bool = False) -> list[list[str]]:
        return [record.cells for record in first_records(sample, Dialect(mark, quote, escape, trim))]

    if options.delimiter is not None:
        mark = options.delimiter
    elif given := re.match(r'"?sep=([^\r\n])"?\r?\n', sample):
        mark = given[1]
    elif (by_blanks := _set_by_blanks(cut(" "))) and is_set_in_columns(sample):
        mark = " "
    else:
        scores = {mark: _fitness(cut(mark, trim=True)) for mark in CANDIDATES}
        mark = max(CANDIDATES, key=scores.__getitem__)
        mark = mark if scores[mark] > 0.4 else " " if by_blanks else ""
    spaced = bool(mark) and sample.count(f"{mark} ") >= 0.9 * max(sample.count(mark), 1)
    return Dialect(mark, quote, escape, trim=spaced or mark == "|")


def _fitness(records: Sequence[list[str]]) -> float:
    """Share of records of the commonest width, the more cells without another delimiter the higher; 0 for one cell."""
    widths = Counter(map(len, records))
    if not widths:
        return 0.0
    width = max(widths, key=lambda one: (widths[one], one))
    torn = sum(sum(cell.count('"') % 2 for cell in record) > 1 for record in records)
    if width < 2 or torn > 0.5 * len(records):
        return 0.0
    cells = [cell for record in records[:200] if len(record) == width for cell in record]
    clean = sum(not set(CANDIDATES) & set(cell) or NUMBER.match(cell) is not None for cell in cells)
    return widths[width] / len(records) * (0.6 + 0.4 * clean / len(cells))


def is_set_in_columns(sample: str) -> bool:
    """Whether runs of two and more blanks cut nearly all lines into equally many cells, at least three."""
    lines = [line.strip() for line in sample.split("\n")[:_RECORDS] if line.strip()]
    widths = Counter(len(re.split(r" {2,}|$", line)) - 1 for line in lines)
    width, rows = widths.most_common(1)[0]
    wrapped = sum(re.search(rf"[{CANDIDATES}] {{2,}}", line) is not None for line in lines)
    return width > 2 and len(lines) > 2 and rows >= 0.8 * len(lines) and wrapped < 0.5 * len(lines)


def _set_by_blanks(rows: Sequence[list[str]]) -> bool:
    """Whether blanks cut all lines into equally many cells, some column being of numbers; R writes one name less."""
    body = rows[1:]
    if len(body) < 2 or {len(row) for row in body} != {len(body[0])} or len(body[0]) - len(rows[0]) not in (0, 1):
        return False
    return len(body[0]) > 1 and any(all(NUMBER.match(cell) for cell in column) for column in zip(*body, strict=True))
