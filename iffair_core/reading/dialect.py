"""How delimited text is written: found out in its first lines, as far as the user has not fixed it."""

from __future__ import annotations

import csv
import itertools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

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


@dataclass(frozen=True)
class Record:
    """A record: the numbers of its first and its last line, and its cells."""

    line: int
    end: int
    cells: list[str]

    @property
    def filled(self) -> int:
        return sum(bool(cell.strip()) for cell in self.cells)


def records_of(text: str, dialect: Dialect) -> Iterator[Record]:
    """The records of some text that are not blank, each with the number of its first line."""
    lines = text.split("\n")
    start, blanks = 0, dialect.delimiter == " "
    while start < len(lines):
        reader = csv.reader(
            ((line.strip() if blanks else line) + "\n" for line in itertools.islice(lines, start, None)),
            delimiter=dialect.mark,
            quotechar=dialect.quote or None,
            quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
            escapechar="\\" if dialect.escape else None,
            skipinitialspace=dialect.trim or blanks,
            strict=True,
        )
        before = start
        try:
            for cells in reader:
                if len(cells) > 1 or any(cell.strip() for cell in cells):
                    yield Record(before + 1, start + reader.line_num, cells)
                before = start + reader.line_num
            return
        except csv.Error:  # a quotation mark that is not closed: this line alone is cut without it
            yield Record(before + 1, before + 1, lines[before].split(dialect.mark))
            start = before + 1


def first_records(sample: str, dialect: Dialect) -> list[Record]:
    """The first records without comments and drawn lines."""
    records = itertools.islice(records_of(sample, dialect), _RECORDS)
    return [record for record in records if not no_row(",".join(record.cells))]


def no_row(line: str) -> bool:
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
    dialect, blanks = Dialect("", quote, escape), Dialect(" ", quote, escape)
    if options.delimiter is not None:
        dialect = replace(dialect, delimiter=options.delimiter)
    elif given := re.match(r'"?sep=([^\r\n])"?\r?\n', sample):
        dialect = replace(dialect, delimiter=given[1])
    elif _set_by_blanks([record.cells for record in first_records(sample, blanks)]) and is_set_in_columns(sample):
        dialect = blanks
    else:
        best = 0.4
        for mark in CANDIDATES:
            score = _fitness(
                [record.cells for record in first_records(sample, replace(dialect, delimiter=mark, trim=True))]
            )
            if score > best:
                best, dialect = score, replace(dialect, delimiter=mark)
        if not dialect.delimiter and _set_by_blanks([record.cells for record in first_records(sample, blanks)]):
            dialect = blanks
    mark = re.escape(dialect.delimiter)
    spaced = bool(mark) and len(re.findall(rf"{mark} ", sample)) >= 0.9 * max(len(re.findall(mark, sample)), 1)
    return replace(dialect, trim=spaced or dialect.delimiter == "|")


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
