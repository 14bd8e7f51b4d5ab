"""How a text file is written: its encoding, delimiter, quotes, header; found in a sample or fixed by the user."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np

from iffair_core.errors import ConfigError, TableError, shorten

NAMES = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", " ": "blank", ":": "colon"}
_WORDS = {
    "comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "bar": "|", "pipe": "|", "space": " ", "blank": " ",
    "spaces": " ", "blanks": " ", "colon": ":",
}  # fmt: skip


_NOT_OF_FILES = ("idna", "punycode", "undefined", "unicode-escape", "raw-unicode-escape")
"""Encodings of Python that no text file has."""


@dataclass(frozen=True)
class ReadOptions:
    """What the user has fixed about a file; None is detected.

    `delimiter`: the text between two cells (a word such as "tab" will do; " " is any run of blanks). `quote`: one
    character, "" for none. `decimal`: "." or ",". `encoding`: a name that Python knows. `header`: number of the header
    line, from 1; 0 where the file has none. `comment`: how a line begins that is not part of the table, "" for none.
    `sheet`: name of a sheet of a workbook.

    Raises `ConfigError` for values that none of these can have.
    """

    delimiter: str | None = None
    quote: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    header: int | None = None
    comment: str | None = None
    sheet: str | None = None

    def __post_init__(self) -> None:
        for name in ("delimiter", "quote", "decimal", "encoding", "comment", "sheet"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, str):
                raise ConfigError(f"The reading option {name} is {shorten(repr(value))}. Give a text.")
        if self.delimiter is not None:
            object.__setattr__(self, "delimiter", _WORDS.get(self.delimiter.lower(), self.delimiter))
        if self.delimiter == "" or (self.delimiter is not None and ("\n" in self.delimiter or "\r" in self.delimiter)):
            raise ConfigError("The delimiter is empty or a line end. Give the character between two cells.")
        if self.quote is not None and (len(self.quote) > 1 or self.quote in ("\n", "\r")):
            raise ConfigError(f"The quotation mark is {shorten(repr(self.quote))}. Give one character, or none.")
        if self.quote and self.delimiter and self.quote in self.delimiter:
            raise ConfigError("The delimiter and the quotation mark are the same. Give two different characters.")
        if self.decimal not in (None, ".", ","):
            raise ConfigError(f"The decimal mark is {shorten(repr(self.decimal))}. Give a point or a comma.")
        if self.encoding is not None:
            try:
                codec = codecs.lookup(self.encoding)
            except LookupError as error:
                raise ConfigError(
                    f"The encoding '{shorten(self.encoding)}' is not known. Give one such as utf-8, utf-16 or cp1252."
                ) from error
            if not codec._is_text_encoding or codec.name in _NOT_OF_FILES:
                raise ConfigError(
                    f"The encoding '{shorten(self.encoding)}' is none of text. Give one such as utf-8 or cp1252."
                )
        if self.header is not None and (
            isinstance(self.header, bool) or not isinstance(self.header, int) or self.header < 0
        ):
            raise ConfigError(
                f"The header line is {shorten(repr(self.header))}. Give its number from 1 on, or 0 for none."
            )
        if self.comment is not None and ("\n" in self.comment or "\r" in self.comment):
            raise ConfigError("The comment mark holds a line end. Give the characters that begin a comment line.")

    def given(self) -> dict[str, Any]:
        """What is fixed, as plain JSON; `ReadOptions(**given)` restores it."""
        return {field.name: value for field in fields(self) if (value := getattr(self, field.name)) is not None}


DETECT = ReadOptions()


@dataclass(frozen=True)
class Dialect:
    """How a file is written. `delimiter` " " stands for any run of blanks where `aligned`; "" for a single column.

    `quote`, `escape` and `comment` are "" where there is none; `escape` is `quote` itself where a quotation mark in a
    quoted cell is doubled. `header` is the number of the header line, from 1, 0 where there is none; `skipped` counts
    the lines above it that are not part of the table. `edges` are the characters where columns begin, where the table
    is set in columns.
    """

    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    escape: str = '"'
    comment: str = ""
    header: int = 1
    skipped: int = 0
    aligned: bool = False
    edges: tuple[int, ...] = ()

    def describe(self) -> str:
        """A short line for the screen: "semicolon, UTF-16, header in line 3"."""
        if self.aligned:
            delimiter = "blanks between columns"
        elif not self.delimiter:
            delimiter = "one column"
        else:
            delimiter = NAMES.get(self.delimiter) or f"delimiter {shorten(repr(self.delimiter))}"
        parts = [delimiter, _ENCODINGS.get(self.encoding, self.encoding)]
        if self.quote and self.quote != '"':
            parts.append(f"quotation mark {self.quote}")
        if self.escape == "\\":
            parts.append("quotation marks escaped by \\")
        if self.comment:
            parts.append(f"comments after {self.comment}")
        parts.append(f"header in line {self.header}" if self.header else "no header line")
        return ", ".join(parts)


_ENCODINGS = {
    "utf-8": "UTF-8", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16", "utf-32-le": "UTF-32", "utf-32-be": "UTF-32",
    "cp1252": "Windows-1252", "latin-1": "Latin-1",
}  # fmt: skip


# ---------------------------------------------------------------------------------------------------- bytes and text

EXPORT_AGAIN = "Export the table again as CSV (UTF-8, one header line) or Parquet."
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (codecs.BOM_UTF8, "utf-8"),
)
_MARKS = re.compile(rb"(?:\xef\xbb\xbf)+")
_BLOCK = 1 << 24
_CONTROL_DELIMITERS = (1, 2, 7, 30, 31)
"""Control characters that some programs write between cells."""


def as_utf8(
    raw: bytes, name: str, encoding: str | None = None, check: Callable[[], None] | None = None
) -> tuple[bytes, str, list[str]]:
    """`raw` as UTF-8 with "\\n" for every line end and no byte-order mark; its encoding; notes on what was repaired.

    Without `encoding`: a byte-order mark, else the pattern of zero bytes of UTF-16 and UTF-32, else UTF-8 where that
    fits, else Windows-1252. Raises `TableError` where it is empty or not text.
    """
    notes: list[str] = []
    found = _encoding_of(raw) if encoding is None else codecs.lookup(encoding).name
    for mark, of in _BOMS:
        if raw.startswith(mark) and (found == of or (encoding is not None and found in of)):
            raw, found = raw[len(mark) :], of
            break
    if found in ("utf-8", "ascii"):
        raw, found, notes = _mended_utf8(raw, name, encoding is not None, check)
    else:
        text, notes = _decoded(raw, found, name, encoding is not None)
        raw = text.encode()
    again = _MARKS.match(raw)
    if again:
        raw = raw[again.end() :]  # a second mark, where a program added its own
    if raw[-1:] in (b"\0", b"\x1a"):
        raw = raw.rstrip(b"\0\x1a")
    if not (raw[:65536].strip() or raw.strip()):
        raise TableError(f"{name} is empty. Choose a file with a header line and rows.")
    zeros = raw.count(b"\0") if b"\0" in raw else 0
    head = np.bincount(np.frombuffer(raw[:65536], dtype=np.uint8), minlength=32)[:32]
    head[[9, 10, 12, 13]] = 0
    allowed = max(_CONTROL_DELIMITERS, key=lambda code: int(head[code]))
    control = int(head.sum() - head[allowed])
    if zeros > 0.005 * len(raw) or control > 0.005 * min(len(raw), 65536):
        raise TableError(f"{name} is not text: it holds binary data. {EXPORT_AGAIN}")
    if zeros:
        raw = raw.replace(b"\0", b"")
        notes.append(f"{name} holds {_counted(zeros, 'zero byte')}; they were left out.")
    if b"\r" in raw:
        raw = raw.replace(b"\r\n", b"\n")
        if b"\r" in raw:
            raw = raw.replace(b"\r", b"\n")
    return raw, found, notes


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _encoding_of(raw: bytes) -> str:
    for mark, encoding in _BOMS:
        if raw.startswith(mark):
            return encoding
    head = np.frombuffer(raw[: 4 * (min(len(raw), 4096) // 4)], dtype=np.uint8).reshape(-1, 4) == 0
    if head.size and head.any():
        first, second, third, fourth = head.mean(axis=0)
        if min(second, third, fourth) > 0.9 and first < 0.1:
            return "utf-32-le"
        if min(first, second, third) > 0.9 and fourth < 0.1:
            return "utf-32-be"
        if min(second, fourth) > 0.25 and max(first, third) < 0.05:
            return "utf-16-le"
        if min(first, third) > 0.25 and max(second, fourth) < 0.05:
            return "utf-16-be"
    return "utf-8"


def _decoded(raw: bytes, encoding: str, name: str, chosen: bool) -> tuple[str, list[str]]:
    try:
        return raw.decode(encoding), []
    except UnicodeError as error:
        label = _ENCODINGS.get(encoding, encoding)
        if not isinstance(error, UnicodeDecodeError):
            raise TableError(
                f"{name} cannot be read as {label} ({shorten(error, 80)}). Choose another encoding."
            ) from error
        whole = raw[: error.start] if error.end == len(raw) and len(raw) - error.start < 4 else raw
        text = whole.decode(encoding, "replace")
        lost = text.count("\ufffd")
        if lost > 0.01 * len(text) + 1 or len(text) < 4:
            if chosen:
                raise TableError(
                    f"{name} cannot be read as {label}. Choose another encoding, or let it be detected."
                ) from error
            raise TableError(f"{name} starts like {label} text but is not. {EXPORT_AGAIN}") from error
        if not lost:
            return text, [f"{name} breaks off within a character, which was left out."]
        return text, [
            f"{name} is {label} text with {_counted(lost, 'character')} that cannot be read, shown as \ufffd."
        ]


_SEQUENCE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")


def _mended_utf8(raw: bytes, name: str, chosen: bool, check: Callable[[], None] | None) -> tuple[bytes, str, list[str]]:
    """UTF-8 as it is; where single bytes do not fit they are read as Windows-1252; all of them where UTF-8 is rare."""
    if raw.isascii():
        return raw, "utf-8", []
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(raw), _BLOCK):
            if check:
                check()
            decoder.decode(raw[start : start + _BLOCK], start + _BLOCK >= len(raw))
        return raw, "utf-8", []
    except UnicodeDecodeError:
        pass
    sample = raw[: 1 << 22]
    fitting = len(_SEQUENCE.findall(sample))
    high = int(np.count_nonzero(np.frombuffer(sample, dtype=np.uint8) > 127))
    stray = high - sum(map(len, _SEQUENCE.findall(sample)))
    if chosen or (fitting > 3 * stray if high else len(raw) > len(sample)):
        text = raw.decode("utf-8", "iffair-cp1252")
        return (
            text.encode(),
            "utf-8",
            [f"{name} is UTF-8 text with some bytes of another encoding; these were read as Windows-1252."],
        )
    try:
        return raw.decode("cp1252").encode(), "cp1252", []
    except UnicodeDecodeError:
        return raw.decode("latin-1").encode(), "latin-1", []


def _as_cp1252(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end]
    return "".join(bytes([byte]).decode("cp1252", "replace") for byte in wrong), error.end


codecs.register_error("iffair-cp1252", _as_cp1252)


# ------------------------------------------------------------------------------------------------------ kinds of cells

MISSING_MARKS = frozenset({"NA", "N/A", "n/a", "na", "NaN", "nan", "NAN", "null", "NULL", "None", "?", "-", "--", "."})
_SIGN = "[$\u20ac\u00a3\u00a5]"
_KINDS = re.compile(
    rf"""(?:
    (?P<number>[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+|\d{{1,3}}(?:[ ,.'\u00a0]\d{{3}})+(?:[.,]\d*)?)(?:[eE][+-]?\d+)?)
    |(?P<share>[+-]?\d+(?:[.,]\d+)?\s?%)
    |(?P<money>[+-]?(?:{_SIGN}|[A-Z]{{3}}\s)\s?[+-]?\d[\d.,']*|[+-]?\d[\d.,']*\s?(?:{_SIGN}|EUR|USD|GBP|CHF))
    |(?P<stamp>\d{{4}}-\d\d?-\d\d?[T ]\d\d?:\d\d(?::\d\d(?:[.,]\d+)?)?\s?(?:Z|[+-]\d\d:?\d\d)?
        |\d\d?[./-]\d\d?[./-]\d{{2,4}}[ ]\d\d?:\d\d(?::\d\d)?(?:\s?[AaPp][Mm])?)
    |(?P<date>\d{{4}}[-/.]\d\d?[-/.]\d\d?|\d\d?[./-]\d\d?[./-](?:\d{{4}}|\d\d)
        |\d\d?[ .-]+[A-Za-z]{{3,9}}[ .,-]+\d{{2,4}}|[A-Za-z]{{3,9}}\.?[ ]\d\d?,?[ ]\d{{4}})
    |(?P<time>\d\d?:\d\d(?::\d\d(?:[.,]\d+)?)?(?:\s?[AaPp][Mm])?)
    |(?P<flag>[Tt]rue|[Ff]alse|[Yy]es|[Nn]o|TRUE|FALSE|YES|NO)
    |(?P<address>(?:https?|ftp)://\S+|www\.\S+|[^@\s]+@[^@\s]+\.[A-Za-z]{{2,}})
    |(?P<word>[^\W\d_]+)
    |(?P<code>(?=\S*\d)[\w.:/\#+-]+)
    )\Z""",
    re.VERBOSE,
)
TYPED = frozenset({"number", "share", "money", "stamp", "date", "time", "flag", "address"})
"""Kinds that a header's cells seldom are."""


def kind_of(cell: str) -> str:
    """ "empty", "missing" (a mark such as NA), one of `TYPED`, "word", "code" (holds digits, no blank) or "text"."""
    cell = cell.strip()
    if not cell:
        return "empty"
    if cell in MISSING_MARKS:
        return "missing"
    match = _KINDS.match(cell) if len(cell) <= 300 else None
    return (match.lastgroup or "text") if match else "text"


# --------------------------------------------------------------------------------------------------- cutting into cells


class Cut(NamedTuple):
    """A line or record cut into cells; `stray` counts cells whose quotation marks do not fit."""

    cells: list[str]
    quoted: list[bool]
    stray: int


class Cutter:
    """Cuts text into cells in one dialect, marks doubled or escaped inside quoted cells, blanks before a cell left out.

    With `collapse` a run of blanks is one delimiter and blanks at both ends count for nothing.
    """

    def __init__(self, delimiter: str, quote: str, escape: str = "", collapse: bool = False) -> None:
        self.delimiter, self.quote, self.escape, self.collapse = delimiter, quote, escape, collapse
        between = " +" if collapse else re.escape(delimiter) if delimiter else r"(?!)"
        blanks = "" if delimiter == " " else " *"
        mark = re.escape(quote or "\0")
        other = rf"[^{mark}\\\\]|\\\\(?s:.)" if escape == "\\" else rf"[^{mark}]"
        plain = rf"[^{re.escape(delimiter)}]*" if len(delimiter) == 1 and not collapse else r"(?s:.)*?"
        if not delimiter:
            plain = r"(?s:.*)"
        self._cell = re.compile(
            rf"{blanks}{mark}(?P<quoted>(?:{other}|{mark}{mark})*){mark}{blanks}(?P<end>{between}|\Z)"
            rf"|(?P<plain>{plain})(?P<stop>{between}|\Z)"
        )
        self._between = re.compile(between)

    def cut(self, text: str) -> Cut:
        """`text`, one line or a record of several, as cells."""
        if self.collapse:
            text = text.strip(" ")
        if not self.quote or self.quote not in text:
            if not self.delimiter:
                cells = [text]
            else:
                cells = self._between.split(text) if self.collapse else text.split(self.delimiter)
            if self.delimiter != " ":
                cells = [cell.lstrip(" ") for cell in cells]
            return Cut(cells, [False] * len(cells), 0)
        cells, quoted, stray, position = [], [], 0, 0
        while True:
            match = self._cell.match(text, position)
            assert match is not None
            inner = match["quoted"]
            if inner is not None:
                cells.append(self.unescaped(inner))
                quoted.append(True)
                end = match["end"]
            else:
                plain = match["plain"] if self.delimiter == " " else match["plain"].lstrip(" ")
                cells.append(plain)
                quoted.append(False)
                stray += plain.startswith(self.quote)
                end = match["stop"]
            position = match.end()
            if not end:
                return Cut(cells, quoted, stray)

    def odd(self, line: str) -> bool:
        """Whether the line holds an odd number of quotation marks, so that quotes stay open at its end, or close."""
        if not self.quote:
            return False
        return (line.count(self.quote) - (line.count("\\" + self.quote) if self.escape == "\\" else 0)) % 2 == 1

    def unescaped(self, inner: str) -> str:
        """The text that stands between two quotation marks, as it is meant."""
        inner = inner.replace(self.quote * 2, self.quote)
        return re.sub(r"\\(.)", r"\1", inner, flags=re.DOTALL) if self.escape == "\\" else inner


class Record(NamedTuple):
    """Cells that begin in line `line` (from 0) and take `lines` lines."""

    line: int
    lines: int
    cells: list[str]
    quoted: list[bool]
    stray: int


def rough_records(lines: Sequence[str], cutter: Cutter, longest: int = 40) -> list[Record]:
    """Records of lines that are not blank; quoted cells go over several lines where that makes all marks fit."""
    records: list[Record] = []
    number = 0
    while number < len(lines):
        line = lines[number]
        if not line.strip():
            number += 1
            continue
        cut, taken = cutter.cut(line), 1
        if cut.stray and cutter.odd(line):
            usual = len((records[0] if records else cut).cells)
            joined = line
            for further in range(1, min(longest, len(lines) - number)):
                more = lines[number + further]
                joined += "\n" + more
                if cutter.odd(more):
                    whole = cutter.cut(joined)
                    if not whole.stray:
                        cut, taken = whole, further + 1
                    break
                if cutter.quote in more and len(cutter.cut(more).cells) == usual > 1:
                    break
        records.append(Record(number, taken, *cut))
        number += taken
    return records


# ----------------------------------------------------------------------------------------------------------- detection

_DELIMITERS = {
    ",": 1.0, ";": 1.0, "\t": 1.0, "|": 1.0, "\x01": 1.0, "\x1f": 1.0, "\x1e": 1.0, "\x02": 1.0, "\x07": 1.0,
    "\t\t": 1.02, "||": 1.02, "::": 1.0, ";;": 1.02, "\\t": 1.0, "^": 0.9, "~": 0.9, "\u00a6": 0.9, "\u00a7": 0.9,
    ":": 0.6, " ": 0.6, "!": 0.5, "&": 0.5, "*": 0.5, "#": 0.5, "@": 0.5, "=": 0.4, "/": 0.4,
}  # fmt: skip
"""Delimiters with how readily each is believed."""
_CLEAN = {"text": 0.75, "word": 0.9, "code": 0.9, "missing": 0.9, "empty": 0.8}
_LEFTOVER = re.compile(r"[;|\t\x01\x1f]")


def detect(lines: Sequence[str], options: ReadOptions = DETECT) -> Dialect:
    """The dialect of a sample of lines (without line ends), as far as `options` leave it open; encoding is not its own.

    Each delimiter and quotation mark that occurs is tried. One scores by the share of records with the commonest
    number of cells, by the number of cells, and by how many cells are of a definite kind (pattern and type score, as
    van den Burg, Nazabal and Sutton weigh them, doi.org/10.1007/s10618-019-00646-y).
    """
    kept = [line for line in lines if line.strip()][:400]
    quotes = [options.quote] if options.quote is not None else _quotes(kept)
    escape = _escape(kept, quotes)
    if options.delimiter is not None:
        candidates = [options.delimiter]
    else:
        candidates = [mark for mark in _DELIMITERS if sum(mark in line for line in kept) >= max(1, 0.3 * len(kept))]
        twice = [
            mark
            for mark in candidates
            if mark * 2 in candidates and all(line.count(mark) == 2 * line.count(mark * 2) for line in kept)
        ]
        candidates = [mark for mark in candidates if mark not in twice]
        candidates.append("")
    best: tuple[float, Dialect] = (-1.0, Dialect())
    for quote in quotes:
        for delimiter in candidates:
            if quote and quote in delimiter:
                continue
            for collapse in (False, True) if delimiter == " " else (False,):
                score = _score(kept, Cutter(delimiter, quote, escape, collapse))
                if score > best[0]:
                    best = (
                        score,
                        Dialect(delimiter=delimiter, quote=quote, escape=escape if quote else "", aligned=collapse),
                    )
    if options.delimiter is None and best[0] < 0.6:
        edges = gutters(kept)
        named = tuple(edge for edge, cell in zip(edges, at_edges(kept[0], edges), strict=True) if cell) if edges else ()
        edges = named if len(named) >= 0.6 * len(edges) > 1 else edges
        if edges and _score_gutters(kept, edges) > best[0]:
            return Dialect(delimiter=" ", quote="", escape="", aligned=True, edges=edges)
    return best[1]


def _quotes(lines: Sequence[str]) -> list[str]:
    """The quotation marks worth trying: the double one, the single one where cells begin and end with it, none."""
    edge = r"(?:^|[,;\t|:^~ ]) *{0}.*?{0} *(?:$|[,;\t|:^~ ])"
    single = sum(bool(re.search(edge.format("'"), line)) for line in lines)
    double = sum('"' in line for line in lines)
    found = ['"'] if double or not single else []
    if single > 0.2 * len(lines) and single > 0.5 * double:
        found.append("'")
    return found or ['"']


def _escape(lines: Sequence[str], quotes: Sequence[str]) -> str:
    """A backslash where quotation marks inside cells bear one and none is doubled; else the mark doubled."""
    for quote in filter(None, quotes):
        escaped = sum(len(re.findall(rf"\\{quote}(?![,;\t|]|$)", line)) for line in lines)
        doubled = sum(len(re.findall(rf"[^,;\t|\\{quote}]{quote}{quote}(?!{quote})", line)) for line in lines)
        plain = sum(len(re.findall(rf"[^,;\t|\\{quote} ]{quote}(?![,;\t|{quote}]|$)", line)) for line in lines)
        if escaped > max(doubled, plain):
            return "\\"
    return quotes[0] if quotes else ""


def _score(lines: Sequence[str], cutter: Cutter) -> float:
    records = rough_records(lines, cutter)
    if not records:
        return 0.0
    widths = Counter(len(record.cells) for record in records)
    width = max(widths, key=lambda cells: (widths[cells] * (1 - 1 / (cells + 0.5)), cells))
    regular = [record for record in records if len(record.cells) == width]
    share = len(regular) / len(records)
    stray = sum(record.stray > 0 for record in records) / len(records)
    first = 1.0 if len(records[0].cells) == width else 0.93 if cutter.delimiter not in (" ", ":", "/") else 0.4
    marks = set(records[0].cells[0]) & set(",;\t|") if width == 1 else set()
    step = max(1, len(regular) // 60)
    cells = clean = typed = 0.0
    for record in regular[::step]:
        part = record.cells if len(record.cells) <= 60 else record.cells[:60]
        for cell, quoted in zip(part, record.quoted, strict=False):
            kind = kind_of(cell)
            value = _CLEAN.get(kind, 1.0)
            if not quoted and (_LEFTOVER.search(cell) or (cutter.quote and cell.startswith(cutter.quote))):
                value = 0.2
            cells, clean, typed = cells + 1, clean + value, typed + (kind in TYPED and not marks & set(cell))
    weight = _DELIMITERS.get(cutter.delimiter, 0.9)
    if width == 1:
        pattern = 0.12 + 0.38 * typed / cells
    else:
        pattern = (width - 1) / width * weight * (0.98 if cutter.collapse else 1.0)
    return share**1.5 * pattern * (clean / cells) * first * (1 - 0.5 * stray)


def gutters(lines: Sequence[str]) -> tuple[int, ...]:
    """Where columns begin (characters from 0) in text set in columns with blanks; empty where there are none."""
    if len(lines) < 3 or sum("  " in line.strip() for line in lines) < 0.3 * len(lines):
        return ()
    rows = np.zeros((len(lines), min(max(map(len, lines)), 5000)), dtype=bool)
    for row, line in zip(rows, lines, strict=True):
        codes = np.frombuffer(line[:5000].encode("utf-32-le"), dtype=np.uint32)
        row[: len(codes)] = codes != 32
    used = rows.mean(axis=0) > (0.02 if len(lines) >= 50 else 0)
    starts = np.flatnonzero(used & ~np.concatenate([[False], used[:-1]]))
    return tuple(int(start) for start in starts) if len(starts) > 1 else ()


def _score_gutters(lines: Sequence[str], edges: Sequence[int]) -> float:
    rows = [at_edges(line, edges) for line in lines]
    filled = np.array([[bool(cell) for cell in row] for row in rows[:200]])
    begins = np.array([[line[edge : edge + 1].strip() != "" for edge in edges] for line in lines[:200]])
    ends = [*edges[1:], 0]
    closes = np.array([[not end or line[: end - 1][-1:].strip() != "" for end in ends] for line in lines[:200]])
    counts = np.maximum(filled.sum(axis=0), 1)
    each = np.maximum((begins & filled).sum(axis=0) / counts, 0.9 * (closes & filled).sum(axis=0) / counts)
    lined = float(each.mean()) if each.min() > 0.5 else 0.0
    clean = float(np.mean([_CLEAN.get(kind_of(cell), 1.0) for row in rows[:60] for cell in row]))
    return lined**2 * clean * (len(edges) - 1) / len(edges) * 0.65 * float(filled.mean()) ** 0.25


def at_edges(line: str, edges: Sequence[int]) -> list[str]:
    """The cells of a line whose columns begin at `edges`."""
    return [line[start:end].strip() for start, end in zip(edges, [*edges[1:], None], strict=True)]
