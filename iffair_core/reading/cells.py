"""Cells of text: what kind each is, cutting lines into them, writing them into lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

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


def at_edges(line: str, edges: Sequence[int]) -> list[str]:
    """The cells of a line whose columns begin at `edges`."""
    return [line[start:end].strip() for start, end in zip(edges, [*edges[1:], None], strict=True)]


def written(cell: str, delimiter: str, quote: str) -> str:
    """The cell as it stands in a file."""
    if quote and (delimiter in cell or quote in cell or "\n" in cell or cell[:1] == " "):
        return quote + cell.replace(quote, quote * 2) + quote
    return cell
