"""The dialect of a text, found in a sample of its lines."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from iffair_core.reading.cells import TYPED, Cutter, at_edges, kind_of, rough_records
from iffair_core.reading.dialect import DETECT, Dialect, ReadOptions

_DELIMITERS = {
    ",": 1.0, ";": 1.0, "\t": 1.0, "|": 1.0, "\x01": 1.0, "\x1f": 1.0, "\x1e": 1.0, "\x02": 1.0, "\x07": 1.0,
    "\t\t": 1.02, "||": 1.02, "::": 1.0, ";;": 1.02, "\\t": 1.0, "^": 0.9, "~": 0.9, "\u00a6": 0.9, "\u00a7": 0.9,
    ":": 0.6, " ": 0.6, "!": 0.5, "&": 0.5, "*": 0.5, "#": 0.5, "@": 0.5, "=": 0.4, "/": 0.4,
}  # fmt: skip
"""Delimiters with how readily each is believed."""
_LONG = 1 << 20
_MOST_CELLS = 20_000
"""Cells in a line that make a long text or no table."""
_CLEAN = {"text": 0.75, "word": 0.9, "code": 0.9, "missing": 0.9, "empty": 0.8}
_BEGIN, _END = re.compile(r"(?:^|[,;\t|:^~ ])'"), re.compile(r"'(?:$|[,;\t|:^~ ])")
_LEFTOVER = re.compile(r"[;|\t\x01\x1f]")


def detect(lines: Sequence[str], options: ReadOptions = DETECT) -> Dialect:
    """The dialect of a sample of lines (without line ends), as far as `options` leave it open; encoding is not its own.

    Each delimiter and quotation mark that occurs is tried. One scores by the share of records with the commonest
    number of cells, by the number of cells, and by how many cells are of a definite kind (pattern and type score, as
    van den Burg, Nazabal and Sutton weigh them, doi.org/10.1007/s10618-019-00646-y).
    """
    kept = _kept(lines)
    quotes = [options.quote] if options.quote is not None else _quotes(kept)
    if options.delimiter is not None:
        quotes = [quote for quote in quotes if not quote or quote not in options.delimiter] or [""]
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
        for mark in candidates:
            if sum(line.count(mark) > _MOST_CELLS for line in kept) > 0.5 * len(kept):
                return Dialect(delimiter=mark, quote=quotes[0], escape=escape if quotes[0] else "")
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


def _kept(lines: Sequence[str]) -> list[str]:
    """The lines to look at: not blank, 400 at most, fewer where they are long."""
    kept: list[str] = []
    size = 0
    for line in lines:
        if line.strip() and len(kept) < 400 and (size < _LONG or len(kept) < 3):
            kept.append(line[:_LONG])
            size += len(line)
    return kept


def _quotes(lines: Sequence[str]) -> list[str]:
    """The quotation marks worth trying: the double one, the single one where cells begin and end with it, none."""
    begins = [(line, _BEGIN.search(line)) for line in lines]
    single = sum(begin is not None and bool(_END.search(line, begin.end() + 1)) for line, begin in begins)
    double = sum('"' in line for line in lines)
    found = ['"'] if double or not single else []
    if single > 0.2 * len(lines) and single > 0.5 * double:
        found.append("'")
    return found or ['"']


def _escape(lines: Sequence[str], quotes: Sequence[str]) -> str:
    """A backslash where quotation marks inside cells bear one and none is doubled; else the mark doubled."""
    for quote in map(re.escape, filter(None, quotes)):
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
