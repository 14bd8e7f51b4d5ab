"""Irregular lines become rows again where evidence says how; what is no row of the table is left out."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from iffair_core.errors import listing, shorten
from iffair_core.reading.alignment import Aligned, Aligner
from iffair_core.reading.cells import TYPED, Cut, kind_of
from iffair_core.reading.layout import Layout
from iffair_core.reading.repair_notes import Notes, about_repair

FOOTERS = re.compile(r"\s*(?:source|note|notes|total|quelle|footnote|\*|\u00a9|---|===|\(?\d+ rows)", re.IGNORECASE)


_BLANK_LINES = re.compile(rb"(?:[ \t]*+\n)+")
_LEAST_WORK = 500_000


def _some(values: Sequence[object], count: int) -> str:
    """The first of `count` values, as `listing` has them."""
    more = f" and {count - len(values)} more" if count > len(values) else ""
    return listing(values) + more


class Repaired(NamedTuple):
    """Where to go on after an irregular line, the cells of its row if it has one, whether the table ends there."""

    after: int
    cells: list[str] | None = None
    ended: bool = False


class Repairs:
    """Reads the irregular lines of a text; counts what it repaired, what of that is doubtful, what it left out."""

    def __init__(self, text: bytes, layout: Layout, notes: Notes) -> None:
        self.text, self.layout, self.notes = text, layout, notes
        self.columns, self.width = layout.columns, layout.width
        self.cutter, self.delimiter, self.quote = layout.cutter, layout.delimiter, layout.quote
        self.aligner = Aligner(layout.columns, layout.quote)
        self.most_work = _LEAST_WORK + len(text) // 8
        self.weighed_below, self.expected_doubt = 0, 0.0
        self.repaired = 0
        self.doubtful = 0.0
        self.lost = self.lost_numbered = 0
        self.lost_lines: list[int] = []
        self.lost_texts: list[str] = []

    def leave_out(self, number: int, line: str) -> None:
        """`line`, the one of this number (0 where that is not known), is no row of the table."""
        self.lost += 1
        self.lost_numbered += number > 0
        if number and len(self.lost_lines) < 5:
            self.lost_lines.append(number)
        if len(self.lost_texts) < 3:
            self.lost_texts.append(line)

    def tell_lost(self) -> None:
        """A remark on the lines that were left out."""
        if self.lost:
            where = (
                "One line that is no row of the table was"
                if self.lost == 1
                else f"{self.lost:,} lines that are no rows of the table were"
            )
            at = f" (line {_some(self.lost_lines, self.lost_numbered)})" if self.lost_lines else ""
            texts = _some(self.lost_texts, self.lost).rstrip(".")
            self.notes.general.append(f"{where} left out{at}: {texts}.")

    def _plain(self, cells: Sequence[str]) -> Aligned:
        """The cells as they come: what lacks is missing at the end, what is too much belongs to the last."""
        width, count = self.width, len(cells)
        if count > width:
            joined = [*cells[: width - 1], self.delimiter.join(cells[width - 1 :])]
            return Aligned(joined, (("joined", width - 1),), -8.0)
        gaps = tuple(("missing", index) for index in range(count, width))
        return Aligned([*cells, *[""] * (width - count)], gaps, -4.0)

    def _unweighed(self, number: int, line: str, cells: Sequence[str]) -> list[str] | None:
        """The row where so much was weighed already that the rest has to be taken as it comes."""
        if not self.weighed_below:
            self.weighed_below = number
            self.expected_doubt = self.doubtful / max(1, self.repaired)
            self.notes.general.append(
                f"So many lines are irregular that those from line {number} on were taken as they come: missing cells "
                "as the last ones, cells too many as part of the last."
            )
        self.repaired += 1
        self.doubtful += self.expected_doubt
        if len(cells) == 1 and self.width >= 3:
            self.leave_out(number, line)
            return None
        return self._plain(cells).cells

    def _line(self, position: int, end: int) -> tuple[str, int]:
        """The line at `position` and where the next one begins."""
        stop = self.text.find(b"\n", position, end)
        stop = end if stop < 0 else stop
        return self.text[position:stop].decode(), min(stop + 1, end)

    def repair(self, position: int, number: int, record_end: int, end: int) -> Repaired:
        """The row in the irregular line (or lines) at byte `position`, line `number` (from 1).

        `record_end` is where the row ends if its quotation marks are taken in pairs, `end` the end of the table.
        """
        line, after = self._line(position, end)
        if not line.strip():
            blank = _BLANK_LINES.match(self.text, after, end)
            return Repaired(blank.end() if blank else after)
        if self.layout.is_comment(line):
            self.notes.line(number, "comment", f"Line {number} is a comment and was left out: {shorten(line, 40)}.")
            return Repaired(after)
        cut = self.cutter.cut(line)
        if self.layout.is_header(cut.cells):
            self.notes.line(number, "header", f"Line {number} repeats the header and was left out.")
            return Repaired(after)
        if len(cut.cells) == self.width and not cut.stray and self._marks_fit(cut):
            return Repaired(after, cut.cells)
        if self._other_table(line, cut.cells, after, end):
            self.notes.general.append(
                f"Another table begins in line {number} ({listing(cut.cells, 4)}); only the first was read."
            )
            return Repaired(end, ended=True)
        if self.aligner.work > self.most_work:
            return Repaired(after, self._unweighed(number, line, cut.cells))
        found = self._best(line, cut.cells, cut.stray, position, after, record_end, end, number)
        if found is None:
            self.leave_out(number, line)
            self.repaired += 1
            self.doubtful += 1
            return Repaired(after)
        return Repaired(*found)

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
        if not found:
            aligned = self._plain(cells)
            found.append((aligned.score, after, aligned, ""))
        if found[0][0] < -4.0:
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
        lines = self.text.count(b"\n", position, then)
        told = about_repair(number, lines, count, self.layout.names, aligned, what)
        if told:
            self.notes.line(number, *told)
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
        if len(gone) >= max(2, 0.4 * self.width) and (FOOTERS.match(line) or (not tail and quality < -0.5)):
            return False
        if len(filled) == 1 and self.width >= 2:
            typed = kind_of(aligned.cells[filled[0]]) in TYPED
            if FOOTERS.match(line) or (self.width >= 3 and not typed):
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
