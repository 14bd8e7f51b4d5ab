"""Text for the screen: values of the file inside Markdown, numbers as they are printed everywhere."""

from __future__ import annotations

import re

from iffair_core.errors import shorten
from iffair_core.wording import listed, number, percent

__all__ = ["count", "listed", "number", "percent", "plain", "short", "value"]

_MARKS = re.compile(r"([\\`*_{}\[\]()#+\-.!|~$:<>&^=])")
# Where Streamlit looks for links, icons and arrows after it has read the marks, escaped ones included.
_READ_LATER = re.compile(
    r"(?<=www)(?=\.)|(?<=http)(?=s?:)|(?=@)|(?<=:)(?=material|streamlit)|(?<=[-<>~])(?=[-=>])", re.IGNORECASE
)
NOTHING = ":gray[]"
"""Markdown that shows nothing, and that no link, icon or arrow reaches across."""


def plain(text: object) -> str:
    """`text` as Markdown that shows it literally: no markup, colors, icons, formulas or links from a file."""
    line = re.sub(r"\s", " ", str(text)).lstrip()
    return NOTHING.join(_MARKS.sub(r"\\\1", part) for part in _READ_LATER.split(line))


def value(text: object, limit: int = 40) -> str:
    """A name or value of the file: shortened, on one line, shown literally."""
    return plain(shorten(text, limit))


def short(name: object) -> str:
    """A name as an option of a widget."""
    return shorten(name, 50)


def count(number_of: int) -> str:
    """A whole number with thousands separated."""
    return f"{number_of:,}"
