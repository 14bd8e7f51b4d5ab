"""One family of exceptions, each a sentence that says what is wrong and a sentence with the way out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

StopCheck = Callable[[], None]
"""Called on the way of anything long; it raises `Cancelled` when the user has cancelled."""


def never_stop() -> None:
    """The `StopCheck` of a caller that cannot cancel."""


class IFFairError(Exception):
    """Base of everything this package raises on purpose."""


class TableError(IFFairError):
    """The file cannot be read, or the table in it cannot be used."""


class DownloadError(IFFairError):
    """A file of a named data set cannot be had, or is not the file it should be."""


class TaskError(IFFairError):
    """A choice (outcome, sensitive attribute, features, ...) does not fit the table."""


class SplitError(TaskError):
    """The rows cannot be divided into training, validation and test parts."""


class ConfigError(IFFairError):
    """An option has a value outside its range."""


class ArrayError(ConfigError, ValueError):
    """An array given to an estimator cannot be used; a ValueError too, which scikit-learn's tools expect."""


class NotSupported(ConfigError):
    """The option names something that this version does not have."""


class FitError(IFFairError):
    """A model cannot be fitted to these rows."""


class Infeasible(FitError):
    """No weights within the guard rails reach what was asked."""


class RivalFailed(IFFairError):
    """Another method has no answer to this problem; the message says why."""


class StoreError(IFFairError):
    """The database of scenarios cannot be used, or does not take what is given."""


class ScenarioChanged(StoreError):
    """Someone else changed or deleted the scenario; `now` is its entry as it is, None where it is gone."""

    def __init__(self, message: str, now: Any) -> None:
        super().__init__(message)
        self.now = now


class Cancelled(IFFairError):
    """The user cancelled; `partial` holds what had finished."""

    def __init__(self, message: str = "Cancelled.", partial: object = None) -> None:
        super().__init__(message)
        self.partial = partial


def shorten(value: object, limit: int = 60) -> str:
    """`value` as one printable line of at most `limit` characters, control characters escaped.

    The end is kept beside the beginning, since names that begin alike often end apart.

    >>> print(shorten("two\\nlines"), shorten("a long name", 7))
    two\\nlines a lo…me
    """
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in str(value))
    if len(text) <= limit:
        return text
    end = (limit - 1) // 3
    return f"{text[: limit - 1 - end]}…{text[len(text) - end :]}"


def listing(values: Iterable[object], limit: int = 8) -> str:
    """`values` in one line, each shortened.

    >>> listing("abcde", 3)
    'a, b, c and 2 more'
    """
    return joined([shorten(value, 40) for value in values], limit)


def quoted(names: Iterable[object], limit: int = 8) -> str:
    """Names in quotes in one line, each shortened.

    >>> quoted("abcde", 2)
    "'a', 'b' and 3 more"
    """
    return joined([f"'{shorten(name, 40)}'" for name in names], limit)


def joined(parts: Sequence[str], limit: int = 8) -> str:
    """Parts of a sentence as "a, b and 5 more"; none is cut short."""
    if len(parts) <= limit:
        return ", ".join(parts)
    return f"{', '.join(parts[:limit])} and {len(parts) - limit} more"
