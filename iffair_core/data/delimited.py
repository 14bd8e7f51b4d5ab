"""Delimited text becomes cells of text; what is irregular is repaired where there is evidence, and noted."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby, pairwise
from math import log, log1p
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from iffair_core.data.dialect import (
    DETECT,
    NAMES,
    TYPED,
    Cut,
    Cutter,
    Dialect,
    ReadOptions,
    Record,
    as_utf8,
    at_edges,
    detect,
    kind_of,
    rough_records,
)
from iffair_core.errors import TableError, listing, shorten

SAMPLE = 200_000
"""Bytes from which the dialect and the kinds of columns are found."""

_STEP = 1 << 22
_SENTINELS = ("\x1f", "\x1e", "\x1d", "\x1c")
_SINGLE_NOTES = 12
_FOOTERS = re.compile(r"\s*(?:source|note|notes|total|quelle|footnote|\*|\u00a9|---|===|\(?\d+ rows)", re.IGNORECASE)


@dataclass(frozen=True, eq=False)
class TextTable:
    """Cells as they are written.

    `names`: the header's cells, stripped, "" where empty; "column 1", ... where there is no header. `cells`: string
    columns named by position "0", "1", ..., "" in an empty cell, no nulls. `notes`: a sentence for everything that was
    repaired or left out.
    """

    names: list[str]
    cells: pa.Table
    dialect: Dialect
    notes: tuple[str, ...]


def read_delimited(
    raw: bytes,
    name: str,
    options: ReadOptions = DETECT,
    *,
    rows: int | None = None,
    check: Callable[[], None] | None = None,
) -> TextTable:
    """The table in `raw`, the bytes of a text file called `name` in messages.

    `options` holds what the user has fixed; the rest is detected in the first `SAMPLE` bytes. Lines with another number
    of cells than the table's are cut again by evidence: the kinds, lengths and known values of the columns in regular
    rows say which cell is extra, missing, or two in one. `rows` asks for about the first rows only. `check` is called
    now and then and may raise to stop.

    Memory: the text, and the cells. Raises `TableError` where no table can be made out.
    """
    cut = False
    if rows is not None:
        limit = max(4 * SAMPLE, 4096 * rows)
        cut, raw = len(raw) > limit, raw[:limit]
    text, encoding, notes = as_utf8(raw, name, options.encoding, check)
    if cut:
        text = text[: text.rfind(b"\n") + 1] or text
    del raw
    lines = _sample(text)
    dialect = replace(detect(lines, options), encoding=encoding)
    if options.delimiter is None and options.quote is None and _in_quotes(lines):
        text = b"\n".join(map(_out_of_quotes, text.split(b"\n")))
        notes = [*notes, "Every line stood in quotation marks, which were taken off."]
        lines = _sample(text)
        dialect = replace(detect(lines, options), encoding=encoding)
    text, delimiter, restored = _single_byte(text, dialect, check)
    reader = _Reader(text, name, dialect, delimiter, options, check)
    del text
    names, cells = reader.read()
    if restored is not None:
        columns = [pc.replace_substring(column, delimiter, restored) for column in cells.columns]
        cells = pa.table(columns, names=cells.column_names)
        names = [column.replace(delimiter, restored) for column in names]
    if rows is not None:
        cells = cells.slice(0, rows)
    if len(names) > 1 and not names[-1] and _all_empty(cells.column(len(names) - 1)):
        names, cells = names[:-1], cells.remove_column(len(names) - 1)
    found = (*notes, *reader.notes.sentences())
    mark = next((mark for mark in ",;\t|" if mark in names[0]), "") if len(names) == 1 and not dialect.delimiter else ""
    if mark and options.delimiter is None:
        advice = f"Choose the {NAMES[mark]} if it stands between cells."
        found = (*found, f"No delimiter cuts the lines alike, so each is one cell. {advice}")
    return TextTable(names, cells, reader.dialect, found)


def _in_quotes(lines: Sequence[str]) -> bool:
    """Whether every line stands in quotation marks as a whole and holds the same number of one delimiter."""
    kept = [line.strip() for line in lines if line.strip()]
    if len(kept) < 2 or not all(len(line) > 2 and line[0] == line[-1] == '"' for line in kept):
        return False
    inner = [line[1:-1] for line in kept]
    if any('"' in line.replace('""', "") for line in inner):
        return False
    return any(inner[0].count(mark) and len({line.count(mark) for line in inner}) == 1 for mark in ",;\t|")


def _out_of_quotes(line: bytes) -> bytes:
    bare = line.strip()
    return bare[1:-1].replace(b'""', b'"') if len(bare) > 2 and bare[:1] == bare[-1:] == b'"' else line


def _all_empty(column: pa.ChunkedArray) -> bool:
    return not pc.any(pc.not_equal(column, "")).as_py()


def _sample(text: bytes) -> list[str]:
    """The first lines, about `SAMPLE` bytes, at least 20 lines of at most 8 MB."""
    size = SAMPLE
    while size < len(text) and text.count(b"\n", 0, size) < 20 and size < 1 << 23:
        size *= 2
    lines = text[:size].decode("utf-8", "ignore").split("\n")
    return lines[:-1] if size < len(text) and len(lines) > 1 else lines


def _single_byte(text: bytes, dialect: Dialect, check: Callable[[], None] | None) -> tuple[bytes, str, str | None]:
    """The text with one byte between cells and marks doubled in quotes; that byte; what it stood for, if changed."""
    if dialect.escape == "\\":
        mark = dialect.quote.encode()
        text = re.sub(rb"\\([\\" + mark + rb"])", lambda found: mark * 2 if found[1] == mark else found[1], text)
    if len(dialect.delimiter.encode()) == 1 and not dialect.aligned:
        return text, dialect.delimiter, None
    sentinel = next((mark for mark in _SENTINELS if mark.encode() not in text), None)
    if sentinel is None:
        raise TableError("The file holds control characters of every kind. Write it again as CSV with commas.")
    if not dialect.delimiter:
        return text, sentinel, None
    if not dialect.aligned:
        return text.replace(dialect.delimiter.encode(), sentinel.encode()), sentinel, dialect.delimiter
    cutter = Cutter(" ", dialect.quote, "", collapse=True)
    written = []
    for number, line in enumerate(text.decode().split("\n")):
        if check and number % 100_000 == 0:
            check()
        if not line.strip():
            written.append("")
            continue
        cells = at_edges(line, dialect.edges) if dialect.edges else cutter.cut(line.replace("\t", " ")).cells
        written.append(sentinel.join(_written(cell, sentinel, dialect.quote) for cell in cells))
    return "\n".join(written).encode(), sentinel, " "


def _written(cell: str, delimiter: str, quote: str) -> str:
    """The cell as it stands in a file."""
    if quote and (delimiter in cell or quote in cell or "\n" in cell or cell[:1] == " "):
        return quote + cell.replace(quote, quote * 2) + quote
    return cell


# --------------------------------------------------------------------------------------------------------------- notes


@dataclass
class _Notes:
    """Sentences for the user: the first of every kind in full, the rest counted."""

    single: list[tuple[int, str]] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    general: list[str] = field(default_factory=list)

    def line(self, line: int, kind: str, sentence: str) -> None:
        """`sentence` about `line` (from 1); `kind` is what it is counted under."""
        self.counts[kind] += 1
        if len(self.single) < _SINGLE_NOTES:
            self.single.append((line, sentence))
            self.counts["told"] += 1

    def sentences(self) -> list[str]:
        """All of it, general remarks first."""
        found = [*self.general, *(sentence for _, sentence in self.single)]
        more = self.counts.total() - 2 * self.counts["told"]
        if more > 0:
            found.append(f"{more:,} more lines were repaired or left out in such ways.")
        return found


# ------------------------------------------------------------------------------------------------ what columns are like


_SHAPES = str.maketrans(
    "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", "9" * 10 + "a" * 26 + "A" * 26
)


def _pattern(cell: str) -> str:
    """Digits as 9, letters as A or a, anything else as it is."""
    return cell.translate(_SHAPES)


def _collapsed(pattern: str) -> str:
    return "".join(character for character, _ in groupby(pattern))


class _Column:
    """What regular cells of one column look like."""

    def __init__(self, cells: Sequence[str], quoted: Sequence[bool]) -> None:
        stripped = [cell.strip() for cell in cells]
        self.count = len(stripped)
        self.kinds = Counter(map(kind_of, stripped))
        filled = [cell for cell in stripped if cell]
        patterns = [_pattern(cell) for cell in filled if len(cell) <= 40]
        self.exact = Counter(patterns)
        self.loose = Counter(map(_collapsed, patterns))
        self.exact_focus = self._focus(self.exact, len(filled))
        self.loose_focus = self._focus(self.loose, len(filled))
        self.values = {value for value, times in Counter(filled).items() if times >= 2}
        lengths = np.log1p([len(cell) for cell in filled]) if filled else np.zeros(1)
        self.length, self.spread = float(lengths.mean()), max(float(lengths.std()), 0.2)
        self.quoted = sum(quoted) / max(1, sum(1 for cell, mark in zip(cells, quoted, strict=True) if cell or mark))
        kind, times = self.kinds.most_common(1)[0] if self.count else ("empty", 0)
        present = self.count - self.kinds["empty"] - self.kinds["missing"]
        self.typed = kind if kind in TYPED and times >= 0.7 * max(1, present) else ""

    @staticmethod
    def _focus(patterns: Counter[str], count: int) -> float:
        return sum((times / count) ** 2 for times in patterns.values()) if count else 0.0

    def fit(self, cell: str, quoted: bool | None) -> float:
        """Log-likelihood, roughly, of the cell in this column; `quoted` None where that says nothing."""
        text, n = cell.strip(), self.count
        kind = kind_of(text)
        score = log((self.kinds[kind] + 0.3) / (n + 2))
        if kind == "missing":
            absent = self.kinds["empty"] + self.kinds["missing"]
            return max(score, log((absent + 0.6) / (n + 2)))
        if kind == "empty":
            return score
        if len(text) <= 40:
            pattern = _pattern(text)
            score += self.loose_focus * log((self.loose[_collapsed(pattern)] + 0.2) / (n + 1))
            score += self.exact_focus * log((self.exact[pattern] + 0.2) / (n + 1))
        elif self.loose_focus > 0.5:
            score += self.loose_focus * log(0.2 / (n + 1))
        if kind in ("text", "word", "code"):
            score -= 0.5 * min(0.5 * ((log1p(len(text)) - self.length) / self.spread) ** 2, 8.0)
        if text in self.values:
            score += 1.0
        if quoted is not None and n:
            share = self.quoted if quoted else 1 - self.quoted
            score += 0.7 * log((share * n + 0.5) / (n + 1))
        return score


class _Columns:
    """The columns of the table, described by regular rows of the sample; each is looked at when first asked for."""

    def __init__(self, rows: Sequence[Record], width: int) -> None:
        most = max(3, min(300, 200_000 // width))
        self.rows = rows[:: max(1, len(rows) // most)][:most] if len(rows) > most else rows
        self.width = width
        self.known: dict[int, _Column] = {}
        self.typical_fit: dict[int, float] = {}
        self.fits: dict[tuple[int, str, bool | None], float] = {}

    def __getitem__(self, position: int) -> _Column:
        if position not in self.known:
            self.known[position] = _Column(
                [row.cells[position] for row in self.rows], [row.quoted[position] for row in self.rows]
            )
        return self.known[position]

    def fit(self, position: int, cell: str, quoted: bool | None = None) -> float:
        key = position, cell, quoted
        found = self.fits.get(key)
        if found is None:
            found = self[position].fit(cell, quoted)
            if len(self.fits) > 200_000:
                self.fits.clear()
            self.fits[key] = found
        return found

    def typical(self, position: int) -> float:
        """The mean fit of regular cells of the column."""
        if position not in self.typical_fit:
            column = self[position]
            few = self.rows[:: max(1, len(self.rows) // 30)]
            fits = [column.fit(row.cells[position], row.quoted[position]) for row in few]
            self.typical_fit[position] = sum(fits) / len(fits) if fits else -1.0
        return self.typical_fit[position]


_WORDS = {
    "date": r"date|day|birth|dob|datum|tag|since|until",
    "time": r"time|hour|zeit|clock",
    "stamp": r"date|time|stamp|at",
    "number": r"qty|quantity|count|amount|num|number|age|year|total|score|rate|size|weight|height|hours|value|rank|id",
    "money": r"price|cost|amount|salary|income|value|total|fee|revenue|wage",
    "share": r"share|percent|pct|rate|percentage",
    "address": r"url|uri|link|website|site|web|email|mail|homepage",
    "flag": r"is|has|flag|active|yes",
    "text": r"name|description|desc|comment|comments|title|type|text|note|notes|label|category|city|country|product",
    "code": r"id|code|key|sku|zip|ref|no|number|nr",
    "word": r"name|sex|gender|city|country|type|category|group|class|status|race|region|state",
}
_ANY_WORD = re.compile(rf"(?:{'|'.join(_WORDS.values())}|first|last|product|user|customer|order)s?", re.IGNORECASE)


class _NameColumns:
    """What the cells of a header may look like above the columns of a table."""

    def __init__(self, columns: _Columns) -> None:
        self.columns, self.width = columns, columns.width

    def fit(self, position: int, cell: str, quoted: bool | None = None) -> float:
        """As `_Columns.fit`: names are short, are no values, and often say what kind of column they head."""
        text = cell.strip()
        if not text:
            return -0.5 if not self.columns[position].count - self.columns[position].kinds["empty"] else -4.0
        kind = kind_of(text)
        score = -3.0 if kind in TYPED else -1.0 if len(text) > 60 else 0.0
        column = self.columns[position]
        own = column.typed or (column.kinds.most_common(1)[0][0] if column.count else "text")
        words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", text)
        if any(re.fullmatch(rf"(?:{_WORDS.get(own, 'x^')})s?", word, re.IGNORECASE) for word in words):
            score += 1.2
        if words and all(_ANY_WORD.fullmatch(word) for word in words):
            score += 1.0
        return score - 0.3 * (self.quoted_differs(position, quoted))

    def quoted_differs(self, position: int, quoted: bool | None) -> bool:
        """Whether a name is written with marks over a column without, or the other way round."""
        return quoted is not None and (self.columns[position].quoted > 0.9) != quoted

    def typical(self, position: int) -> float:
        """The fit of an ordinary name."""
        return 0.0


# ------------------------------------------------------------------------------------------------- cutting by evidence


class _Cell(NamedTuple):
    """One way to read the tokens from some position up to `end` as cells of consecutive columns."""

    end: int
    texts: tuple[str, ...]
    quoted: tuple[bool | None, ...]
    cost: float
    how: str
    judged: str | None = None


class Aligned(NamedTuple):
    """Cells for every column, what was done to get them, and how well they fit (0 as regular rows, negative worse)."""

    cells: list[str]
    how: tuple[tuple[str, int], ...]
    score: float


class _Aligner:
    """Cuts an irregular record into `width` cells, the likeliest way in view of the columns."""

    def __init__(self, columns: _Columns | _NameColumns, quote: str, apart: float = 8.0) -> None:
        self.columns, self.quote, self.apart = columns, quote, apart
        self.other = "'" if quote != "'" else '"'

    def align(self, text: str, delimiters: str, *, free: bool = False, lacking: int = 0) -> Aligned | None:
        """`text` cut at any of `delimiters`; `free` where joining tokens again costs nothing, as with blanks.

        `lacking` is how many cells may be missing. None where it would take too long or cannot be.
        """
        width = self.columns.width
        pieces = re.split(f"([{re.escape(delimiters)}])", text)
        tokens, gaps = pieces[::2], pieces[1::2]
        count = len(tokens)
        if count > 4000 or count * min(width, abs(count - width) + 8) > 20_000:
            return None
        best: list[dict[int, tuple[float, int, int, tuple[str, ...], str]]] = [{} for _ in range(count + 1)]
        best[0][0] = (0.0, -1, -1, (), "")
        spare = count - width + lacking

        def better(
            end: int, column: int, score: float, start: int, before: int, cells: tuple[str, ...], how: str
        ) -> None:
            inside = end - spare <= column <= min(end + lacking, width)
            if inside and (column not in best[end] or score > best[end][column][0] + 1e-9):
                best[end][column] = (score, start, before, cells, how)

        for start in range(count + 1):
            here = best[start]
            if lacking:
                for column in sorted(here):
                    for further in range(column, min(width, column + lacking)):
                        if further not in here:
                            break
                        score = here[further][0] + self.columns.fit(further, "") - (1.5 if start == count else 2.5)
                        better(start, further + 1, score, start, further, ("",), "missing")
            if start == count or not here:
                continue
            options = self._cells(tokens, gaps, start, free, lacking, spare + 1)
            for column, state in list(here.items()):
                for cell in options:
                    score = state[0] + cell.cost
                    for step, (piece, mark) in enumerate(zip(cell.texts, cell.quoted, strict=True)):
                        if column + step >= width:
                            break
                        score += self.columns.fit(column + step, piece if cell.judged is None else cell.judged, mark)
                    else:
                        better(cell.end, column + len(cell.texts), score, start, column, cell.texts, cell.how)
        if width not in best[count]:
            return None
        cells: list[str] = []
        how: list[tuple[str, int]] = []
        end, column = count, width
        while (end, column) != (0, 0):
            _, start, before, texts, what = best[end][column]
            cells[:0] = texts
            if what:
                how.insert(0, (what, before))
            end, column = start, before
        typical = sum(map(self.columns.typical, range(width))) if width <= 200 else 0.0
        return Aligned(cells, tuple(how), best[count][width][0] - typical)

    def _cells(
        self, tokens: Sequence[str], gaps: Sequence[str], start: int, free: bool, lacking: int, most: int
    ) -> list[_Cell]:
        quote, count = self.quote, len(tokens)
        token = tokens[start]
        bare = token.lstrip(" ")
        found: list[_Cell] = []
        inside = bare.count(quote) if quote else 0
        broken = 2.5 * bare.count("\n")
        if not bare.strip():
            found.append(_Cell(start + 1, (), (), -0.05 if free else -1.5, "extra"))
        else:
            found.append(_Cell(start + 1, (), (), -14.0, "dropped"))
        if quote and bare.startswith(quote):
            found.append(_Cell(start + 1, (bare,), (None,), -3.0 - broken, "stray", bare.strip(quote)))
        else:
            found.append(_Cell(start + 1, (bare,), (False if bare else None,), -0.4 * bool(inside) - broken, ""))
        joined, ends = bare, 0
        most = min(most, count - start)
        if not free and not (quote and quote in bare):
            most = min(most, 12)
        for taken in range(1, most + 1):
            end = start + taken
            if taken > 1:
                joined += gaps[end - 2] + tokens[end - 1]
            tail = joined.rstrip(" ")
            if len(tail) > 1 and quote and tail[0] == quote == tail[-1]:
                inner = tail[1:-1]
                odd = len(
                    re.findall(
                        rf"(?<!{re.escape(quote)})(?:{re.escape(quote)}{{2}})*{re.escape(quote)}(?!{re.escape(quote)})",
                        inner,
                    )
                )
                cost = -2.0 * odd - 1.0 * sum(
                    len(re.findall(re.escape(gap + quote), inner)) for gap in set(gaps[start : end - 1])
                )
                if ends < 5:
                    mark = None if quote in inner or re.search(r"[,;\t|\n]", inner) else True
                    how, judged = ("quotes", inner.strip(quote)) if odd else ("", None)
                    found.append(_Cell(end, (inner.replace(quote * 2, quote),), (mark,), cost, how, judged))
                ends += 1
            elif len(tail) > 1 and tail[0] == self.other == tail[-1]:
                text = tail[1:-1].replace(self.other * 2, self.other)
                found.append(_Cell(end, (text,), (True,), -1.0, "other quotes"))
            elif taken > 1 and not (quote and bare.startswith(quote)) and (taken <= 12 or free):
                soft = sum(tokens[index].startswith(" ") for index in range(start + 1, end))
                price = 0.05 * (taken - 1) if free else 1.6 * (taken - 1 - soft) + 0.8 * soft
                if not free and (not bare.strip() or not tokens[end - 1].strip()):
                    price += 4.0
                if not free and tail[:1] in "[({" and tail[-1:] in "])}" and tail[:1]:
                    price = 0.6
                found.append(
                    _Cell(end, (joined,), (False,), -price - 2.5 * joined.count("\n"), "" if free else "joined")
                )
            if lacking and quote and quote in joined and (taken == 1 or ends < 5):
                found.extend(self._glued(end, joined.rstrip(" "), gaps))
            if ends >= 5 and not free:
                break
        if lacking:
            found.extend(self._split(start + 1, bare))
        return found

    def _glued(self, end: int, joined: str, gaps: Sequence[str]) -> Iterator[_Cell]:
        """Two cells without a delimiter between them, where quotation marks tell them apart."""
        quote = self.quote
        first, last = joined[0] == quote, joined[-1:] == quote
        places = [match.start() for match in re.finditer(re.escape(quote), joined[1:-1])]
        for place in places[:4] + places[-4:] if len(places) > 8 else places:
            at = place + 1
            if not first and last:
                parts = joined[:at], joined[at + 1 : -1]
            elif first and not last:
                parts = joined[1:at], joined[at + 1 :]
            elif first and joined[at + 1 : at + 2] == quote:
                parts = joined[1:at], joined[at + 2 : -1]
            else:
                continue
            if all(parts) and parts[0][-1] not in gaps and parts[1][0] not in gaps:
                odd = sum(part.replace(quote * 2, "").count(quote) for part in parts)
                texts = parts[0].replace(quote * 2, quote), parts[1].replace(quote * 2, quote)
                yield _Cell(end, texts, (first, last), -1.5 - 4.0 * odd, "split")

    def _split(self, end: int, bare: str) -> Iterator[_Cell]:
        """Two cells without a delimiter between them, cut where the characters change, or anywhere in a short one."""
        if not 2 <= len(bare) <= 400 or (self.quote and self.quote in bare):
            return
        classes = ["9" if c.isdigit() else "A" if c.isupper() else "a" if c.isalpha() else c for c in bare]
        for position in range(1, len(bare)):
            before, after = classes[position - 1], classes[position]
            capital = before == "A" == after and classes[position + 1 : position + 2] == ["a"]
            change = (before != after and not (before == "A" and after == "a")) or capital
            link = after == "a" and bare.startswith(("http://", "https://", "www."), position)
            if link or (change and not (before in " -./:,_'" or after in " -./:,_'")):
                cost = -2.5
            elif len(bare) <= 24:
                cost = -self.apart
            else:
                continue
            yield _Cell(end, (bare[:position], bare[position:]), (None, None), cost, "split")


# ------------------------------------------------------------------------------------------------------- the whole file

_ALIKE = ({"number", "money", "share"}, {"date", "stamp"}, {"time", "stamp"})


class _Reader:
    """One text on its way to cells: where its table stands, its regular runs, the repair of all other lines."""

    def __init__(
        self,
        text: bytes,
        name: str,
        dialect: Dialect,
        delimiter: str,
        options: ReadOptions,
        check: Callable[[], None] | None,
    ) -> None:
        self.text, self.name, self.options = text, name, options
        self.check = check or (lambda: None)
        self.delimiter, self.quote, self.dialect = delimiter, dialect.quote, dialect
        self.cutter = Cutter(delimiter, dialect.quote)
        self.notes = _Notes()
        self.repaired = self.doubtful = 0
        self.lines = _sample(text)
        self.records = rough_records(self.lines, self.cutter)[:3000]
        self.comment = self._comment()
        self.kept = [record for record in self.records if not self._is_comment(self.lines[record.line])]
        self.width = self._width()
        regular = [
            record for record in self.kept if len(record.cells) == self.width and not record.stray and any(record.cells)
        ]
        skip = min(3, len(regular) // 2)
        self.columns = _Columns(regular[skip:], self.width)
        self.names: list[str] = []
        self.header_cells: list[str] = []
        self.header_line = 0
        first = self._find_header()
        data = [record for record in regular if record.line >= first and record.cells != self.header_cells]
        if data:
            self.columns = _Columns(data, self.width)
        self.aligner = _Aligner(self.columns, self.quote)
        self.first_line = first
        self.start = len("\n".join(self.lines[:first]).encode()) + (first > 0)
        self.dialect = replace(
            dialect,
            header=self.header_line,
            skipped=max(0, self.header_line - 1 if self.header_line and self.header_line <= first else first),
            comment=self.comment,
        )

    # ------------------------------------------------------------------------------------------- where the table is

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
                if column.exact[_pattern(cell.strip())] > 1:
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
        for index, record in enumerate(self.records):
            line = self.lines[record.line]
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
                    sparse = sum(bool(cell.strip()) for cell in heads[-1].cells) < 0.7 * width and filled > 0.7 * width
                    if len(heads) < 6 and (same or (data == 0 and (names >= 2 or (sparse and names > 0)))):
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
            last = heads[-1]
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
            quoted = listing((self.lines[record.line].strip(self.delimiter + " ") for record in told), 2)
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
        names = _NameColumns(self.columns)
        aligner = _Aligner(names, self.quote, apart=5.0)
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
        aligned = _Aligner(self.columns, self.quote).align(line, self.delimiter, lacking=2)
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
            self.notes.general.append(
                f"Line {sparse[0].line + 1} holds titles over groups of columns; the names below it were taken."
            )
        if len(full) > 1:
            where = f"Lines {full[0].line + 1} to {full[-1].line + 1}"
            same = all(head.cells == full[0].cells for head in full)
            how = "hold the same header; it was read once" if same else "are all header; their cells were joined"
            self.notes.general.append(f"{where} {how}.")
        self.names = names
        self.header_cells = full[0].cells
        self.header_line = full[0].line + 1

    # -------------------------------------------------------------------------------------------------- all the rows

    def read(self) -> tuple[list[str], pa.Table]:
        """Names, and the cells of all rows."""
        pieces, count = self._pieces()
        if not count:
            empty = pa.table({str(position): pa.array([], pa.string()) for position in range(self.width)})
            return self.names, empty
        self.text = b""
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self.check()
        cells = self._parsed(body, count)
        return self.names, cells

    def _parsed(self, body: bytes | memoryview, count: int) -> pa.Table:
        names = [str(position) for position in range(self.width)]
        longest = self.longest
        table: pa.Table | None = None
        if len(body) < 1 << 31:
            try:
                table = pa_csv.read_csv(
                    pa.BufferReader(pa.py_buffer(body)),
                    read_options=pa_csv.ReadOptions(
                        column_names=names, block_size=max(1 << 20, 2 * longest + 1024), use_threads=True
                    ),
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
            table = self._parsed_slowly(body, names)
        if self.leading_blanks:
            table = pa.table([pc.utf8_ltrim(column, " ") for column in table.columns], names=names)
        return table

    def _parsed_slowly(self, body: bytes | memoryview, names: list[str]) -> pa.Table:
        """The same by Python's parser, for what the fast one does not take."""
        csv.field_size_limit(1 << 30)
        stream = io.StringIO(bytes(body).decode(), newline="\n")
        quoting = {"quotechar": self.quote} if self.quote else {"quoting": csv.QUOTE_NONE}
        columns: list[list[str]] = [[] for _ in names]
        for row in csv.reader(stream, delimiter=self.delimiter, **quoting):
            if row:
                cells = (row + [""] * len(columns))[: len(columns)]
                for column, cell in zip(columns, cells, strict=True):
                    column.append(cell)
        return pa.table([pa.array(column, pa.string()) for column in columns], names=names)

    def _pieces(self) -> tuple[list[bytes | memoryview], int]:
        """Runs of regular rows as they are and repaired rows between them; the number of rows in all."""
        text, end = self.text, len(self.text)
        view = memoryview(text)
        self.several_lines = self.leading_blanks = False
        self.longest = 0
        self.lost: list[tuple[int, str]] = []
        pieces: list[bytes | memoryview] = []
        count, position, line = 0, self.start, self.first_line + 1
        end = self._trimmed_end(position, end)
        step = _STEP
        while position < end:
            self.check()
            began, stop = position, min(position + step, end)
            if stop < end:
                last = text.rfind(b"\n", position, stop) + 1
                stop = last if last > position else (text.find(b"\n", stop) + 1 or end)
            block = _Block(text, position, stop, self)
            while position < stop:
                run_end, rows = block.regular_from(position)
                if run_end > position:
                    pieces.append(block.run(position, run_end, view))
                    if run_end == len(text) and text[-1:] != b"\n":
                        pieces.append(b"\n")
                    line += block.newlines(position, run_end)
                    position, count = run_end, count + rows
                if position >= stop:
                    break
                if stop < end and stop - position < 1 << 20 and block.open_ended(position):
                    step = 2 * step if position == began else _STEP
                    break
                after, rows_found, ended = self._repair(position, line, block.record_end(position), end)
                for cells in rows_found:
                    pieces.append(self._row(cells))
                    count += 1
                line += text.count(b"\n", position, after)
                position = after
                if ended:
                    position = end
                    break
        self._tell_lost(count)
        if self.doubtful > 0.4 * max(1, count) and self.doubtful > 20 and self.options.delimiter is None:
            raise TableError(
                f"{self.name} has no table that can be made out: {self.repaired:,} of its lines have not the "
                f"{self.width} cells of the others. Say which delimiter it has, or export the table again."
            )
        return pieces, count

    def _row(self, cells: Sequence[str]) -> bytes:
        quote = self.quote
        if not quote:
            gone = f"[{self.delimiter}\n]"
            cells = [re.sub(gone, " ", cell) for cell in cells]
        if len(cells) == 1 and not cells[0]:
            return f"{quote}{quote}\n".encode()
        row = (self.delimiter.join(_written(cell, self.delimiter, quote) for cell in cells) + "\n").encode()
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
            cells = self.cutter.cut(line.decode()).cells
            if len(cells) == width >= 3 and cells[0].strip() and not any(cell.strip() for cell in cells[1:]):
                misfit = self.columns.fit(0, cells[0]) - self.columns.typical(0)
                expected = sum(self.columns.fit(position, "") for position in range(1, min(width, 50)))
                if _FOOTERS.match(cells[0]) or misfit < -2.5 or expected < -3.0 * (min(width, 50) - 1):
                    self.lost.append((0, cells[0]))
                    end = last
                    continue
            break
        if empties:
            rows = "One row" if empties == 1 else f"{empties} rows"
            self.notes.general.append(f"{rows} of empty cells at the end {'was' if empties == 1 else 'were'} left out.")
        return end

    def _tell_lost(self, count: int) -> None:
        if self.lost:
            texts = [text for _, text in self.lost]
            where = (
                "One line that is no row of the table was"
                if len(texts) == 1
                else (f"{len(texts):,} lines that are no rows of the table were")
            )
            lines = sorted(number for number, _ in self.lost if number)
            at = f" (line {listing(lines, 5)})" if lines else ""
            self.notes.general.append(f"{where} left out{at}: {listing(texts, 3)}.")
        self.lost.clear()

    # ------------------------------------------------------------------------------------------------- irregular lines

    def _line(self, position: int, end: int) -> tuple[str, int]:
        """The line at `position` and where the next one begins."""
        stop = self.text.find(b"\n", position, end)
        stop = end if stop < 0 else stop
        return self.text[position:stop].decode(), min(stop + 1, end)

    def _repair(self, position: int, number: int, record_end: int, end: int) -> tuple[int, list[list[str]], bool]:
        """Rows out of the irregular line (or lines) at `position`; where to go on, and whether the table ends here."""
        line, after = self._line(position, end)
        if not line.strip():
            return after, [], False
        if self._is_comment(line):
            self.notes.line(number, "comment", f"Line {number} is a comment and was left out: {shorten(line, 40)}.")
            return after, [], False
        if self.header_cells and self._is_header(line):
            self.notes.line(number, "header", f"Line {number} repeats the header and was left out.")
            return after, [], False
        cut = self.cutter.cut(line)
        if len(cut.cells) == self.width and not cut.stray and self._marks_fit(cut):
            return after, [cut.cells], False
        if self._other_table(line, cut.cells, after, end):
            self.notes.general.append(
                f"Another table begins in line {number} ({listing(cut.cells, 4)}); only the first was read."
            )
            return end, [], True
        found = self._best(line, cut.cells, cut.stray, position, after, record_end, end, number)
        if found is None:
            self.lost.append((number, line))
            self.repaired += 1
            self.doubtful += 1
            return after, [], False
        return found[0], [found[1]], False

    def _marks_fit(self, cut: Cut) -> bool:
        """Whether quotation marks inside cells without marks around them are text such as 5" for an inch."""
        mark = re.escape(self.quote)
        lost = re.compile(rf"[^\W\d]{mark}(?:\w|\Z)")
        return not self.quote or all(
            quoted
            or self.quote not in cell
            or (not lost.search(cell) and self.columns.fit(index, cell) > self.columns.typical(index) - 1.5)
            for index, (cell, quoted) in enumerate(zip(cut.cells, cut.quoted, strict=True))
        )

    def _is_header(self, line: str) -> bool:
        return [cell.strip() for cell in self.cutter.cut(line).cells] == [cell.strip() for cell in self.header_cells]

    def _other_table(self, line: str, cells: Sequence[str], after: int, end: int) -> bool:
        """Whether a header of another table stands here: names, then rows as wide as it and not as ours."""
        if len(cells) < 2 or len(cells) == self.width or any(kind_of(cell) in TYPED for cell in cells):
            return False
        if not all(cell.strip() for cell in cells):
            return False
        follow = []
        position = after
        for _ in range(3):
            if position >= end:
                break
            next_line, position = self._line(position, end)
            if next_line.strip():
                follow.append(self.cutter.cut(next_line).cells)
        return (
            len(follow) >= 2
            and all(len(row) == len(cells) for row in follow[:2])
            and any(kind_of(cell) in TYPED for row in follow[:2] for cell in row)
        )

    def _best(
        self,
        line: str,
        cells: Sequence[str],
        stray: int,
        position: int,
        after: int,
        record_end: int,
        end: int,
        number: int,
    ) -> tuple[int, list[str]] | None:
        """The likeliest row that begins in `line`, its note told; None where none is likely."""
        width, count = self.width, len(cells)
        inner_marks = bool(self.quote) and any(self.quote in cell for cell in cells)
        lacking = max(0, width - count) or int(stray > 0 or inner_marks)
        found: list[tuple[float, int, Aligned, str]] = []

        def consider(text: str, delimiters: str, then: int, penalty: float, what: str, free: bool = False) -> None:
            missing = lacking if delimiters == self.delimiter else 0
            aligned = self.aligner.align(text, delimiters, free=free, lacking=min(missing, 60))
            if aligned is not None:
                found.append((aligned.score - penalty, then, aligned, what))

        consider(line, self.delimiter, after, 0.0, "")
        if not found and count <= width:
            gaps = tuple(("missing", index) for index in range(count, width))
            found.append((-4.0, after, Aligned([*cells, *[""] * (width - count)], gaps, -4.0), ""))
        elif not found:
            joined = [*cells[: width - 1], self.delimiter.join(cells[width - 1 :])]
            found.append((-8.0, after, Aligned(joined, (("joined", width - 1),), -8.0), ""))
        if not found or found[0][0] < -4.0:
            for mark in (";", ",", "\t", "|", " "):
                if mark in line and mark != self.delimiter and line.count(mark) + count >= width:
                    others = line.count(mark) + 1
                    if others >= 0.7 * width:
                        consider(line, mark, after, 2.0, mark, free=mark == " ")
                    if count > 1 and mark != " ":
                        consider(line, mark + self.delimiter, after, 2.5, f"mixed{mark}")
            self._over_lines(line, count, stray, position, after, record_end, end, consider)
        _, then, aligned, what = max(found, key=lambda option: option[0])
        filled = [index for index, cell in enumerate(aligned.cells) if cell.strip()]
        gone = [index for how, index in aligned.how if how == "missing"]
        if width > 1 and not self._likely(aligned, filled, gone, line, then, end):
            return None
        self._tell(number, count, aligned, what, line, self.text.count(b"\n", position, then))
        self.repaired += 1
        self.doubtful += aligned.score < -3.0 * min(width, 200)
        return then, aligned.cells

    def _likely(
        self, aligned: Aligned, filled: Sequence[int], gone: Sequence[int], line: str, then: int, end: int
    ) -> bool:
        """Whether the cells can be a row of the table."""
        if not filled:
            return False
        few = filled[:200]
        quality = sum(
            self.columns.fit(index, aligned.cells[index]) - self.columns.typical(index) for index in few
        ) / len(few)
        if any(how == "dropped" for how, _ in aligned.how) and quality < -2.0:
            return False
        if not gone:
            return quality > -6.0
        tail = list(gone) == list(range(self.width - len(gone), self.width))
        if len(gone) >= max(2, 0.4 * self.width) and (_FOOTERS.match(line) or (not tail and quality < -0.5)):
            return False
        if len(filled) == 1 and self.width >= 2:
            typed = kind_of(aligned.cells[filled[0]]) in TYPED
            if _FOOTERS.match(line) or (self.width >= 3 and not typed):
                return False
            last = not self.text[then:end].strip()
            return quality > -2.5 and not (last and not typed and " " in line.strip())
        return quality > -3.0

    def _over_lines(
        self,
        line: str,
        count: int,
        stray: int,
        position: int,
        after: int,
        record_end: int,
        end: int,
        consider: Callable[..., None],
    ) -> None:
        """Considers that the row goes on in the next lines: inside quotes, or broken by a line end in a cell."""
        if after >= end:
            return
        if stray and self.quote and after < record_end <= position + (1 << 20):
            text = self.text[position:record_end].decode().removesuffix("\n")
            if text.count("\n") <= 60:
                following = text.split("\n")[1:]
                own = sum(len(self.cutter.cut(part).cells) == self.width > 1 for part in following)
                if not own:
                    consider(text, self.delimiter, record_end, 0.5, "lines")
        text, width, then = line, count, after
        for _ in range(3):
            if width >= self.width or then >= end:
                return
            more, then = self._line(then, end)
            further = self.cutter.cut(more)
            if not more.strip() or len(further.cells) == self.width > 1:
                return
            text, width = f"{text}\n{more}", width + len(further.cells) - 1
            if width == self.width:
                consider(text, self.delimiter, then, 1.0, "broken")
                return

    def _tell(self, number: int, count: int, aligned: Aligned, what: str, line: str, lines: int) -> None:
        """The note about one repaired row."""
        width = self.width
        names = [name or f"column {index + 1}" for index, name in enumerate(self.names)]
        if what in ("lines", "broken"):
            self.notes.line(
                number,
                "lines",
                f"Lines {number} to {number + lines - 1} are one row with a line end in a cell; they were joined.",
            )
            return
        if what.startswith("mixed"):
            mark = NAMES.get(what[5:], what[5:])
            self.notes.line(
                number, "delimiter", f"Line {number} also has the {mark} between cells; it was cut there as well."
            )
            return
        if what:
            self.notes.line(
                number,
                "delimiter",
                f"Line {number} has the {NAMES.get(what, what)} between its cells; it was cut there.",
            )
            return
        parts = []
        missing = [index for how, index in aligned.how if how == "missing"]
        extra = sum(how == "extra" for how, _ in aligned.how)
        if extra:
            parts.append(
                "its extra empty cell was left out" if extra == 1 else f"{extra} extra empty cells were left out"
            )
        if missing:
            last = missing == list(range(width - len(missing), width))
            if last:
                parts.append(
                    "its last cell is taken as missing"
                    if len(missing) == 1
                    else f"its last {len(missing)} cells are taken as missing"
                )
            else:
                parts.append(f"no value was found for {listing((names[index] for index in missing), 4)}")
        for how, index in aligned.how:
            if how == "split" and index + 1 < width:
                parts.append(
                    f"'{shorten(aligned.cells[index] + aligned.cells[index + 1], 40)}' was cut into "
                    f"{shorten(names[index], 40)} and {shorten(names[index + 1], 40)}"
                )
            elif how == "joined":
                parts.append(f"the delimiter in {shorten(names[index], 40)} was taken as text")
            elif how == "dropped":
                parts.append("a cell without a place was left out")
        marks = any(how in ("stray", "quotes", "other quotes") for how, _ in aligned.how)
        if count != width and parts:
            has = f"Line {number} has {count} cell{'s' * (count != 1)} in place of {width}"
            self.notes.line(number, "cells", f"{has}; {' and '.join(parts)}.")
        elif parts:
            self.notes.line(number, "cells", f"Line {number} is irregular; {' and '.join(parts)}.")
        elif marks or count != width:
            self.notes.line(
                number,
                "marks",
                f"Line {number} has quotation marks that do not fit; they were read as part of the text.",
            )


class _Block:
    """Which rows of a part of the text are regular: as many delimiters as columns, quotation marks at cells' edges.

    Line ends and delimiters count where the number of marks before them, from where the row begins, is even. A row may
    begin after an even or an odd number of marks in the block, so both cases are prepared when they are needed.
    """

    def __init__(self, text: bytes, start: int, stop: int, reader: _Reader) -> None:
        self.text, self.start, self.stop, self.reader = text, start, stop, reader
        data = np.frombuffer(text, dtype=np.uint8, count=stop - start, offset=start)
        self.data = data
        self.mark = ord(reader.delimiter)
        self.ends = np.flatnonzero(data == 10)
        if not len(self.ends) or self.ends[-1] != len(data) - 1:
            self.ends = np.append(self.ends, len(data))
        self.cuts = np.flatnonzero(data == self.mark)
        quote = reader.quote
        self.marks = np.flatnonzero(data == ord(quote)) if quote else np.empty(0, dtype=np.int64)
        self.classes: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = {}
        self.comments = self._starts_with(reader.comment)
        repeated = "\n" + reader.lines[reader.header_line - 1] if reader.header_line else ""
        repeats: list[int] = []
        if repeated.strip():
            sought = repeated.encode() + b"\n"
            at = text.find(sought, max(start - 1, 0), stop)
            while at >= 0:
                repeats.append(at + 1 - start)
                at = text.find(sought, at + 1, stop)
        self.repeats = np.array(repeats, dtype=np.int64)

    def _starts_with(self, mark: str) -> np.ndarray:
        starts = np.concatenate([[0], self.ends[:-1] + 1])
        if self.reader.width == 1:
            inside = starts[starts < len(self.data)]
            found = inside[np.isin(self.data[inside], (9, 32))]
        else:
            found = np.empty(0, dtype=np.int64)
        if mark:
            first = starts[starts < len(self.data)]
            first = first[self.data[first] == mark.encode()[0]]
            sought = mark.encode()
            marked = [at for at in first.tolist() if self.text.startswith(sought, self.start + at)]
            found = np.union1d(found, np.array(marked, dtype=np.int64))
        return found

    def _parity(self, offset: int) -> int:
        return int(np.searchsorted(self.marks, offset)) & 1

    def _class(self, parity: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Record ends, delimiters, wrong marks, numbers of irregular records, blanks to leave out; for one parity."""
        if parity in self.classes:
            return self.classes[parity]
        data, marks = self.data, self.marks
        ends, cuts = self.ends, self.cuts
        wrong = np.empty(0, dtype=np.int64)
        if len(marks):
            ends = ends[(np.searchsorted(marks, ends) & 1) == parity]
            cuts = cuts[(np.searchsorted(marks, cuts) & 1) == parity]
            edge = np.zeros(256, dtype=bool)
            edge[[10, ord(self.reader.quote), self.mark]] = True
            opening, closing = marks[parity::2], marks[1 - parity :: 2]
            before = opening - 1
            blank = before[before > 0]
            blank = blank[(data[blank] == 32) & edge[data[blank - 1]] & (data[blank - 1] != ord(self.reader.quote))]
            good = (before < 0) | edge[data[before]] | np.isin(before, blank)
            after = closing + 1
            fine = after >= len(data)
            fine[~fine] = edge[data[after[~fine]]]
            wrong = np.sort(np.concatenate([opening[~good], closing[~fine]]))
        blanks = cuts[:-1] + 1 if len(cuts) and cuts[-1] == len(data) - 1 else cuts + 1
        blanks = blanks[(data[blanks] == 32) & (self.mark != 32)]
        fields = np.diff(np.searchsorted(cuts, ends), prepend=0) + 1
        empty = np.diff(ends, prepend=-1) == 1
        bad = ~empty & (fields != self.reader.width)
        for places in (wrong, self.comments, self.repeats):
            if len(places) and len(ends):
                index = np.searchsorted(ends, places)
                bad[index[index < len(ends)]] = True
        self.classes[parity] = ends, cuts, wrong, np.flatnonzero(bad), blanks
        return self.classes[parity]

    def regular_from(self, position: int) -> tuple[int, int]:
        """Where the run of regular records from `position` ends, and how many records it has."""
        offset = position - self.start
        ends, cuts, wrong, bad, _ = self._class(self._parity(offset))
        first = int(np.searchsorted(ends, offset))
        if first == len(ends):
            return position, 0
        if not self._regular(offset, int(ends[first]), cuts, wrong):
            return position, 0
        index = int(np.searchsorted(bad, first + 1))
        last = int(bad[index]) if index < len(bad) else len(ends)
        stop = int(ends[last - 1]) + 1
        starts = np.concatenate([[offset], ends[first : last - 1] + 1])
        lengths = ends[first:last] - starts
        rows = int(np.count_nonzero(lengths))
        if rows:
            self.reader.longest = max(self.reader.longest, int(lengths.max()))
            if len(self.marks) and not self.reader.several_lines:
                inside = np.searchsorted(self.ends, [offset, stop])
                self.reader.several_lines = int(inside[1] - inside[0]) > last - first
        return min(self.start + stop, self.stop), rows

    def _regular(self, offset: int, end: int, cuts: np.ndarray, wrong: np.ndarray) -> bool:
        if end == offset:
            return True
        for places in (wrong, self.comments, self.repeats):
            if np.searchsorted(places, end) > np.searchsorted(places, offset):
                return False
        return int(np.searchsorted(cuts, end) - np.searchsorted(cuts, offset)) + 1 == self.reader.width

    def run(self, position: int, stop: int, view: memoryview) -> bytes | memoryview:
        """The bytes of a run of regular records, blanks before cells left out where quotes could hide them."""
        offset, until = position - self.start, stop - self.start
        blanks = self._class(self._parity(offset))[4]
        blanks = blanks[np.searchsorted(blanks, offset) : np.searchsorted(blanks, until)]
        if not len(blanks):
            return view[position:stop]
        if not len(self.marks):
            self.reader.leading_blanks = True
            return view[position:stop]
        keep = np.ones(until - offset, dtype=bool)
        gone = blanks - offset
        while len(gone):
            keep[gone] = False
            gone = gone[gone + 1 < len(keep)] + 1
            gone = gone[self.data[gone + offset] == 32]
        return self.data[offset:until][keep].tobytes()

    def newlines(self, position: int, stop: int) -> int:
        """How many line ends there are between two places."""
        inside = self.ends[self.ends < len(self.data)]
        return int(np.searchsorted(inside, stop - self.start) - np.searchsorted(inside, position - self.start))

    def record_end(self, position: int) -> int:
        """Where the record at `position` ends if its quotation marks are taken in pairs; the block's end at most."""
        offset = position - self.start
        ends = self._class(self._parity(offset))[0]
        index = int(np.searchsorted(ends, offset))
        return min(self.start + int(ends[index]) + 1, self.stop) if index < len(ends) else self.stop

    def open_ended(self, position: int) -> bool:
        """Whether the record at `position` does not end in this block."""
        offset = position - self.start
        ends = self._class(self._parity(offset))[0]
        return int(np.searchsorted(ends, offset)) == len(ends)
