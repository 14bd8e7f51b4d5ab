"""An option, declared once: its names, texts, range and spelling, as metadata of the dataclass field that holds it.

Command line, links, the pages' help, what changed, reproduction and validation are all made from it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, Literal

import numpy as np

from iffair_core.errors import ConfigError, shorten
from iffair_core.reading.values import value_label


@dataclass(frozen=True, kw_only=True)
class Option:
    """A single text; subclasses are other kinds of values.

    `title`: its name in sentences. `usage`: its line of --help, with {allowed} and {default}. `help`: what the pages
    explain, under the word `term` (the title where empty). `public`: its name as a keyword and in links, `flag`: on the
    command line; both are the field's name where empty. `unset`: how None is written.
    """

    title: str = ""
    usage: str = ""
    help: str = ""
    term: str = ""
    public: str = ""
    flag: str = ""
    metavar: str = "COL"
    unset: str = "none"
    expected: str = ""
    action: Literal["store", "append", "extend"] = "store"
    default: Any = None
    allowed: Sequence[str] = ()
    several: ClassVar[bool] = False

    def one(self, text: str) -> Any:
        """The value of one text; ValueError where it is none."""
        return text

    def collected(self, values: Sequence[Any]) -> Any:
        """The value of an option that was given several times."""
        return tuple(values)

    def given(self, texts: str | Sequence[str]) -> Any:
        """The value of what the command line got; ConfigError, which says what to give, where it is none."""
        texts, values = [texts] if isinstance(texts, str) else texts, []
        try:
            for text in texts:
                values.append(self.one(text))
        except ValueError as error:
            hint = self.expected or f". Choose one of: {', '.join(self.allowed)}."
            raise ConfigError(f"--{self.flag} is '{shorten(text)}'{hint}") from error
        return self.collected(values) if self.several else values[0]

    def words(self, value: Any) -> list[str]:
        """Texts from which `given` reads this value, one for each time the option is given; none for None."""
        return [] if value is None else self.written(value)

    def labeled(self, value: Any) -> Any:
        """The value with values of the file as labels, as the pages hold it."""
        texts = self.words(value)
        return self.given(texts) if texts or self.several else None

    def read(self, texts: Sequence[str]) -> Any:
        """The value of a link's parameter; ValueError where it is none."""
        if self.several:
            return self.collected([self.one(text) for text in dict.fromkeys(texts) if text])
        if len(texts) != 1:
            raise ValueError("given more than once")
        return None if texts[0] == "" and self.default is None else self.one(texts[0])

    def written(self, value: Any) -> list[str]:
        """What `read` reads as this value."""
        return [""] if value is None else spelled(value)

    def said(self, value: Any) -> str:
        """The value in a sentence."""
        return self.unset if value is None else self.listed(self.written(value))

    def listed(self, parts: Sequence[str]) -> str:
        """Parts as `said` lists them."""
        return ", ".join(shorten(part, 40) for part in parts) or "none"

    def check(self, name: str, value: Any) -> None:
        """Raise ConfigError for a value that a study cannot have."""


class Several(Option):
    """Any number of texts."""

    several = True

    def words(self, value: Any) -> list[str]:
        return [value] if isinstance(value, str) else list(value or ())


class Choice(Option):
    """One of `allowed`."""

    def one(self, text: str) -> str:
        if text not in self.allowed:
            raise ValueError("not one of the allowed values")
        return text

    def said(self, value: Any) -> str:
        return value

    def check(self, name: str, value: Any) -> None:
        for one in value if self.several else (value,):
            if one not in self.allowed:
                raise ConfigError(
                    f"There is no {self.title} {shorten(repr(one))}. Choose one of {', '.join(self.allowed)}."
                )


class Choices(Choice):
    """Some of `allowed`."""

    several = True

    def said(self, value: Any) -> str:
        return ", ".join(value) or "none"


@dataclass(frozen=True, kw_only=True)
class Number(Option):
    """A number from `low` to `high`, or above `low`. Pages and links offer the range `dial`, that range where None."""

    metavar: str = "X"
    expected: str = ", which is no number. Give a number, as 0.5."
    low: float = 0.0
    high: float = math.inf
    above: bool = False
    dial: tuple[float, float] | None = None

    def one(self, text: str) -> float:
        return float(text)

    def words(self, value: Any) -> list[str]:
        return [] if value is None else [repr(float(value))]

    def read(self, texts: Sequence[str]) -> Any:
        number = super().read(texts)
        low, high = self.offered
        if number is not None and not (math.isfinite(number) and low <= number <= high and self._fits(number)):
            raise ValueError("out of range")
        return number

    @property
    def offered(self) -> tuple[float, float]:
        """The range of links and of the pages' controls."""
        return self.dial or (self.low, self.high)

    def _fits(self, number: float) -> bool:
        enough = number > self.low if self.above else number >= self.low
        return math.isfinite(number) and enough and number <= self.high

    def check(self, name: str, value: Any) -> None:
        if value is None and self.default is None:
            return
        if not isinstance(value, int | float | np.number) or isinstance(value, bool) or not self._fits(float(value)):
            start = f"above {self.low:g}" if self.above else f"of at least {self.low:g}"
            span = start if self.high == math.inf else f"from {self.low:g} to {self.high:g}"
            raise ConfigError(f"{name} is {value!r}; the {self.title} is {self.kind} {span}.")

    kind: ClassVar[str] = "a number"


@dataclass(frozen=True, kw_only=True)
class Whole(Number):
    """A whole number."""

    metavar: str = "N"
    expected: str = ". Give a whole number of at least 0."
    kind: ClassVar[str] = "a whole number"

    def one(self, text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 20):
            raise ValueError("no whole number")
        return int(text)

    def words(self, value: Any) -> list[str]:
        return [] if value is None else [str(value)]

    def check(self, name: str, value: Any) -> None:
        if isinstance(value, float):
            raise ConfigError(f"{name} is {value!r}; the {self.title} is a whole number.")
        super().check(name, value)


class YesNo(Choice):
    """Yes or no."""

    def one(self, text: str) -> Any:
        return super().one(text) == "yes"

    def written(self, value: Any) -> list[str]:
        return ["yes" if value else "no"]

    def said(self, value: Any) -> str:
        return self.written(value)[0]


class ByColumn(Option):
    """{column: value}: "column=value" on the command line, "column:value" in a link."""

    several = True

    def value(self, text: str) -> Any:
        """One column's value."""
        return text

    def texts(self, value: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        """(column, text of its value)."""
        return value.items()

    def one(self, text: str, mark: str = "=") -> tuple[str, Any]:
        column, between, value = text.rpartition(mark)
        if not between or not (column or mark == ":"):
            raise ValueError("no column is named")
        return column, self.value(value)

    def collected(self, values: Sequence[Any]) -> dict[str, Any]:
        return dict(values)

    def words(self, value: Any) -> list[str]:
        return [f"{column}={text}" for column, text in self.texts(value or {})]

    def read(self, texts: Sequence[str]) -> dict[str, Any]:
        return self.collected([self.one(text, ":") for text in texts if text])

    def written(self, value: Any) -> list[str]:
        return [f"{column}:{text}" for column, text in self.texts(value)]


def spelled(value: Any) -> list[str]:
    """A single value, or each of several, as a link and a sentence write it; numbers among them in one text."""
    if isinstance(value, float):
        return [value_label(value)]
    if isinstance(value, tuple):
        numbers = ",".join(value_label(one) for one in value if not isinstance(one, str))
        return [*(one for one in value if isinstance(one, str)), *([numbers] if numbers else [])]
    return [str(value)]


# ------------------------------------------------------------------------------------------------------- declaring


def option(declared: Option, default: Any = dataclasses.MISSING, *, hash: bool | None = None) -> Any:
    """A dataclass field that holds an option; a dict as the default is made anew for each."""
    made: Any = {"default_factory": dict} if default == {} else {"default": default}
    return field(**made, hash=hash, metadata={"option": declared})


def held(record: type, name: str, default: Any = None) -> Any:
    """A dataclass field for another record's option."""
    entries: dict[str, dataclasses.Field[Any]] = record.__dict__["__dataclass_fields__"]
    return option(entries[name].metadata["option"], default, hash=None if default != {} else False)


def options_of(record: type) -> dict[str, Option]:
    """The options that a dataclass declares, by field, with the names and defaults that they have there."""
    return _declared(record)


@cache
def _declared(record: type) -> dict[str, Option]:
    found = {}
    for entry in dataclasses.fields(record):
        declared: Option | None = entry.metadata.get("option")
        if declared is not None:
            public = declared.public or entry.name
            found[entry.name] = dataclasses.replace(
                declared,
                public=public,
                flag=declared.flag or public.replace("_", "-"),
                default=None if entry.default is dataclasses.MISSING else entry.default,
            )
    return found
