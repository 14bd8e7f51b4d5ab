"""Sentences about what was repaired or left out while a text was read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from iffair_core.errors import listing, shorten
from iffair_core.reading.alignment import Aligned
from iffair_core.reading.dialect import NAMES

_SINGLE_NOTES = 12
_MOST_PARTS = 4


@dataclass
class Notes:
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


def about_repair(
    line: int, lines: int, count: int, written: Sequence[str], aligned: Aligned, what: str
) -> tuple[str, str] | None:
    """Kind of and sentence about a row repaired at `line`, out of `lines` lines and `count` cells; None if nothing is.

    `written` are the names of the table's columns; `what` the delimiter it was cut at, or how its lines were joined.
    """
    width = len(written)
    names = [name or f"column {index + 1}" for index, name in enumerate(written)]
    if what in ("lines", "broken"):
        last = line + lines - 1
        return "lines", f"Lines {line} to {last} are one row with a line end in a cell; they were joined."
    if what.startswith("mixed"):
        mark = NAMES.get(what[5:], what[5:])
        return "delimiter", f"Line {line} also has the {mark} between cells; it was cut there as well."
    if what:
        return "delimiter", f"Line {line} has the {NAMES.get(what, what)} between its cells; it was cut there."
    parts = _parts(aligned, names)
    if len(parts) > _MOST_PARTS:
        parts[_MOST_PARTS - 1 :] = [f"{len(parts) - _MOST_PARTS + 1} more such changes were made"]
    if count != width and parts:
        has = f"Line {line} has {count} cell{'s' * (count != 1)} in place of {width}"
        return "cells", f"{has}; {' and '.join(parts)}."
    if parts:
        return "cells", f"Line {line} is irregular; {' and '.join(parts)}."
    if count != width or any(how in ("stray", "quotes", "other quotes") for how, _ in aligned.how):
        return "marks", f"Line {line} has quotation marks that do not fit; they were read as part of the text."
    return None


def _parts(aligned: Aligned, names: Sequence[str]) -> list[str]:
    """What was done to single cells, in half sentences."""
    width = len(names)
    parts = []
    missing = [index for how, index in aligned.how if how == "missing"]
    extra = sum(how == "extra" for how, _ in aligned.how)
    if extra:
        parts.append("its extra empty cell was left out" if extra == 1 else f"{extra} extra empty cells were left out")
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
    return parts
