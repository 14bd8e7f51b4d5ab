"""What a user may fix about the way a file is read; all else is found out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from iffair_core.errors import ConfigError, listing, shorten

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", " ": "blank", ":": "colon"}
_WORDS = {word: mark for mark, word in DELIMITERS.items()} | {"\\t": "\t", "pipe": "|", "space": " ", "blanks": " "}


@dataclass(frozen=True)
class ReadOptions:
    """What the user has fixed about a file; None is found out.

    `delimiter`: one or more characters between two cells (a word such as "tab" will do; " " is any run of blanks).
    `quote`: one ASCII character, "" for none. `decimal`: "." or ",". `encoding`: a name that Python knows. `header`:
    number of the header line, from 1; 0 where the file has none. `comment`: how a line begins that is not part of the
    table, "" for none. `sheet`: name of a sheet of a workbook.

    Raises `ConfigError` for a value that none of these can have.
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
        if self.delimiter == "" or set("\r\n\0") & set(self.delimiter or ""):
            raise ConfigError("The delimiter is empty, a line end or zero. Give the character between two cells.")
        if self.quote and (len(self.quote) > 1 or self.quote in "\r\n" or not self.quote.isascii()):
            raise ConfigError(f"The quotation mark is {shorten(repr(self.quote))}. Give one character, or none.")
        if self.quote and self.delimiter and self.quote in self.delimiter:
            raise ConfigError("The delimiter and the quotation mark are the same. Give two different characters.")
        if self.decimal not in (None, ".", ","):
            raise ConfigError(f"The decimal mark is {shorten(repr(self.decimal))}. Give a point or a comma.")
        if self.encoding is not None:
            try:
                "a1,".encode(self.encoding).decode(self.encoding)
            except (LookupError, UnicodeError) as error:
                raise ConfigError(
                    f"The encoding '{shorten(self.encoding)}' is not known. Give one of text, such as utf-8 or cp1252."
                ) from error
        if self.header is not None and (
            isinstance(self.header, bool) or not isinstance(self.header, int) or self.header < 0
        ):
            raise ConfigError(
                f"The header line is {shorten(repr(self.header))}. Give its number from 1 on, or 0 for none."
            )
        if self.comment is not None and set("\r\n") & set(self.comment):
            raise ConfigError("The comment mark holds a line end. Give the characters that begin a comment line.")

    @classmethod
    def of(cls, given: ReadOptions | Mapping[str, Any] | None) -> ReadOptions:
        """Options as they are, from a mapping, or none; `ConfigError` for a name that is no option."""
        if isinstance(given, ReadOptions):
            return given
        names = [field.name for field in fields(cls)]
        if unknown := sorted(set(given or {}) - set(names)):
            raise ConfigError(f"There is no reading option {listing(unknown)}. There are: {', '.join(names)}.")
        return cls(**(given or {}))

    def given(self) -> dict[str, Any]:
        """What is fixed, as plain JSON; `ReadOptions(**given)` restores it."""
        return {field.name: value for field in fields(self) if (value := getattr(self, field.name)) is not None}
