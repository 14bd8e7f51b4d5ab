"""How a text file is written: what a user may fix about it, and what was found."""

from __future__ import annotations

import codecs
from dataclasses import dataclass, fields
from typing import Any

from iffair_core.errors import ConfigError, shorten

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
        parts = [delimiter, ENCODINGS.get(self.encoding, self.encoding)]
        if self.quote and self.quote != '"':
            parts.append(f"quotation mark {self.quote}")
        if self.escape == "\\":
            parts.append("quotation marks escaped by \\")
        if self.comment:
            parts.append(f"comments after {self.comment}")
        parts.append(f"header in line {self.header}" if self.header else "no header line")
        return ", ".join(parts)


ENCODINGS = {
    "utf-8": "UTF-8", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16", "utf-32-le": "UTF-32", "utf-32-be": "UTF-32",
    "cp1252": "Windows-1252", "latin-1": "Latin-1",
}  # fmt: skip
