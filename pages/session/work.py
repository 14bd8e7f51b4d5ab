"""Work in a thread of its own, with progress and a switch to stop it, so that a page never waits for a file."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from iffair_core.errors import Cancelled, StopCheck

T = TypeVar("T")


class Progress(Protocol):
    """How far the work is, as a share of 1, and what is done just now."""

    def __call__(self, fraction: float, doing: str = "", /) -> None: ...


@dataclass(frozen=True, eq=False)
class Ended(Generic[T]):
    """How work ended: with a value, with an error, or with neither because it was stopped."""

    value: T | None = None
    error: Exception | None = None


class Work(Generic[T]):
    """`task(progress, check)` in a thread. `check` raises `Cancelled` once a stop was asked for."""

    def __init__(self, task: Callable[[Progress, StopCheck], T], name: str) -> None:
        self.name = name
        self.doing = ""
        self._started = time.monotonic()
        self._fraction = 0.0
        self._stop = threading.Event()
        self._ended: Ended[T] | None = None
        self._thread = threading.Thread(target=self._run, args=(task,), name=f"iffair-{name}", daemon=True)
        self._thread.start()

    @property
    def fraction(self) -> float:
        """How far it is, 0 to 1."""
        return min(max(self._fraction, 0.0), 1.0)

    @property
    def seconds(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._started

    @property
    def stopping(self) -> bool:
        """Whether a stop was asked for."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Ask it to stop at its next chance."""
        self._stop.set()

    def ended(self, wait: float = 0.0) -> Ended[T] | None:
        """How it ended; None while it runs. Waits up to `wait` seconds for the end."""
        if wait:
            self._thread.join(wait)
        return self._ended

    def _note(self, fraction: float, doing: str = "", /) -> None:
        self._fraction, self.doing = float(fraction), doing

    def _check(self) -> None:
        if self._stop.is_set():
            raise Cancelled

    def _run(self, task: Callable[[Progress, StopCheck], T]) -> None:
        try:
            ended = Ended(task(self._note, self._check))
        except Cancelled:
            ended = Ended()
        except Exception as error:
            ended = Ended(error=error)
        self._ended = ended
