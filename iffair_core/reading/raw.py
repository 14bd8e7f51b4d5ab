"""What a file holds, before its columns have types and settled names."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

MOST_LEFT_OUT = 10_000
"""Lines left out whose text is kept; all of them are counted."""


@dataclass(frozen=True)
class LeftOut:
    """Lines of a file that are no rows of its table: (number from 1, why, text), the first `MOST_LEFT_OUT` of `count`.

    A copy of a frame shares it with the frame: it never changes.
    """

    lines: tuple[tuple[int, str, str], ...] = ()
    count: int = 0

    def __deepcopy__(self, memo: object) -> LeftOut:
        return self


@dataclass(eq=False)
class RawTable:
    """Columns with names as they stand in the file, and what is known of the file.

    columns: Series, or text of Arrow where it may be numbers. dialect: how the file is written, in words. notes: one
    sentence for each thing mended or noticed. uses: the reading options that mean something for such a file. rows: how
    many the file has, exact or about. header: the names from the left, where they are not those of the columns one by
    one. semicolon, decimal: what is known of the decimal sign.
    """

    names: list[str]
    columns: list[Any]
    dialect: str
    notes: list[str] = field(default_factory=list)
    uses: tuple[str, ...] = ()
    rows: int | None = None
    sheets: tuple[str, ...] = ()
    header: list[str] | None = None
    left_out: LeftOut = field(default_factory=LeftOut)
    semicolon: bool = False
    decimal: str | None = None
