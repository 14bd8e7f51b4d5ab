"""Runs of regular rows in the bytes of a text, found without cutting them into cells."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from iffair_core.reading.layout import Layout


class Run(NamedTuple):
    """Regular rows one below the other: where they end, how many, bytes of the longest, lines, any row of several."""

    end: int
    rows: int = 0
    longest: int = 0
    lines: int = 0
    several_lines: bool = False


class _Class(NamedTuple):
    """One case of parity: ends of rows, delimiters, wrong marks, numbers of irregular rows, blanks to leave out."""

    ends: np.ndarray
    cuts: np.ndarray
    wrong: np.ndarray
    bad: np.ndarray
    blanks: np.ndarray


class Block:
    """Which rows of a part of the text are regular: as many delimiters as columns, quotation marks at cells' edges.

    Line ends and delimiters count where the number of marks before them, from where the row begins, is even. A row may
    begin after an even or an odd number of marks in the block, so both cases are prepared when they are needed.
    """

    def __init__(self, text: bytes, start: int, stop: int, layout: Layout) -> None:
        self.text, self.start, self.stop, self.layout = text, start, stop, layout
        data = np.frombuffer(text, dtype=np.uint8, count=stop - start, offset=start)
        self.data = data
        self.mark = ord(layout.delimiter)
        self.ends = self.newlines = np.flatnonzero(data == 10)
        if not len(self.ends) or self.ends[-1] != len(data) - 1:
            self.ends = np.append(self.ends, len(data))
        self.cuts = np.flatnonzero(data == self.mark)
        quote = layout.quote
        self.marks = np.flatnonzero(data == ord(quote)) if quote else np.empty(0, dtype=np.int64)
        self.leading_blanks = False
        self.classes: dict[int, _Class] = {}
        self.known = (-1, 0, 0)
        self.comments = self._starts_with(layout.comment)
        repeated = "\n" + layout.header_text
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
        if self.layout.width == 1:
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

    def _class(self, parity: int) -> _Class:
        if parity in self.classes:
            return self.classes[parity]
        data, marks = self.data, self.marks
        ends, cuts = self.ends, self.cuts
        wrong = np.empty(0, dtype=np.int64)
        if len(marks):
            ends = ends[(np.searchsorted(marks, ends) & 1) == parity]
            cuts = cuts[(np.searchsorted(marks, cuts) & 1) == parity]
            edge = np.zeros(256, dtype=bool)
            edge[[10, ord(self.layout.quote), self.mark]] = True
            opening, closing = marks[parity::2], marks[1 - parity :: 2]
            before = opening - 1
            blank = before[before > 0]
            blank = blank[(data[blank] == 32) & edge[data[blank - 1]] & (data[blank - 1] != ord(self.layout.quote))]
            good = (before < 0) | edge[data[before]] | np.isin(before, blank)
            after = closing + 1
            fine = after >= len(data)
            fine[~fine] = edge[data[after[~fine]]]
            wrong = np.sort(np.concatenate([opening[~good], closing[~fine]]))
        blanks = cuts[:-1] + 1 if len(cuts) and cuts[-1] == len(data) - 1 else cuts + 1
        blanks = blanks[(data[blanks] == 32) & (self.mark != 32)]
        fields = np.diff(np.searchsorted(cuts, ends), prepend=0) + 1
        empty = np.diff(ends, prepend=-1) == 1
        bad = ~empty & (fields != self.layout.width)
        for places in (wrong, self.comments, self.repeats):
            if len(places) and len(ends):
                index = np.searchsorted(ends, places)
                bad[index[index < len(ends)]] = True
        self.classes[parity] = _Class(ends, cuts, wrong, np.flatnonzero(bad), blanks)
        return self.classes[parity]

    def _record(self, position: int) -> tuple[_Class, int]:
        """The case that holds for a row that begins at byte `position`, and the row's number there."""
        if position != self.known[0]:
            offset = position - self.start
            parity = int(self.marks.searchsorted(offset)) & 1
            self.known = position, parity, int(self._class(parity).ends.searchsorted(offset))
        return self._class(self.known[1]), self.known[2]

    def regular_from(self, position: int) -> Run:
        """The run of regular rows from byte `position` on."""
        offset = position - self.start
        case, first = self._record(position)
        ends, bad = case.ends, case.bad
        if first == len(ends) or not self._regular(offset, int(ends[first]), case):
            return Run(position)
        index = int(bad.searchsorted(first + 1))
        last = int(bad[index]) if index < len(bad) else len(ends)
        end = min(self.start + int(ends[last - 1]) + 1, self.stop)
        lengths = ends[first:last].copy()
        lengths[0] -= offset
        lengths[1:] -= ends[first : last - 1] + 1
        rows = int(np.count_nonzero(lengths))
        lines = self._newlines(offset, end - self.start)
        self.known = end, self.known[1], last
        return Run(end, rows, int(lengths.max()) if rows else 0, lines, rows > 0 and lines > last - first)

    def _newlines(self, offset: int, until: int) -> int:
        return int(self.newlines.searchsorted(until)) - int(self.newlines.searchsorted(offset))

    def _regular(self, offset: int, end: int, case: _Class) -> bool:
        if end == offset:
            return True
        for places in (case.wrong, self.comments, self.repeats):
            if len(places) and places.searchsorted(end) > places.searchsorted(offset):
                return False
        return int(case.cuts.searchsorted(end)) - int(case.cuts.searchsorted(offset)) + 1 == self.layout.width

    def bytes_of(self, position: int, stop: int, view: memoryview) -> bytes | memoryview:
        """The bytes of a run of regular rows, blanks before cells left out where quotes could hide them."""
        offset, until = position - self.start, stop - self.start
        blanks = self._class(int(self.marks.searchsorted(offset)) & 1).blanks
        blanks = blanks[blanks.searchsorted(offset) : blanks.searchsorted(until)] - offset
        if not len(blanks):
            return view[position:stop]
        if not len(self.marks):
            self.leading_blanks = True
            return view[position:stop]
        data = self.data[offset:until]
        others = np.append(np.flatnonzero(data != 32), len(data))
        change = np.zeros(len(data) + 1, dtype=np.int8)
        change[blanks] = 1
        change[others[others.searchsorted(blanks)]] = -1
        return data[np.cumsum(change[:-1], dtype=np.int8) == 0].tobytes()

    def record_end(self, position: int) -> int:
        """Where the record at `position` ends if its quotation marks are taken in pairs; the block's end at most."""
        case, index = self._record(position)
        if index == len(case.ends):
            return self.stop
        end = min(self.start + int(case.ends[index]) + 1, self.stop)
        self.known = end, self.known[1], index + 1
        return end

    def open_ended(self, position: int) -> bool:
        """Whether the record at `position` does not end in this block."""
        case, index = self._record(position)
        return index == len(case.ends)
