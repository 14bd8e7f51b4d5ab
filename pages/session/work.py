"""Work in a thread of its own, with progress and a switch to stop it, so that a page never waits for a file."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import streamlit as st

from iffair_core.errors import Cancelled
from pages.session.turns import Turns

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Ended(Generic[T]):
    """How work ended. `value` is whole, or what had finished before the error or the stop; None where nothing had."""

    value: T | None = None
    error: Exception | None = None
    stopped: bool = False


class Work(Generic[T]):
    """`task(work)` in a thread. The task tells `report` how far it is, and calls `stop_check` often.

    fraction: share that is done, 0 to 1; doing: what is done just now; partial: what has finished so far, and
    version: how often that has changed. With `turns` it waits for its turn first. Safe to read from any thread.
    """

    def __init__(self, task: Callable[[Work[T]], T], name: str, doing: str = "", *, turns: Turns | None = None) -> None:
        self.doing, self._turns = doing, turns
        self.fraction = 0.0
        self.partial: T | None = None
        self.version = 0
        self.cancel = threading.Event()
        self._started = time.monotonic()
        self._ended: Ended[T] | None = None
        # The thread lets go of the task when it ends, and so of the table that the task works on.
        self._thread = threading.Thread(target=self._run, args=(task,), name=f"iffair-{name}", daemon=True)
        self._thread.start()

    @property
    def seconds(self) -> float:
        """Seconds since it began."""
        return time.monotonic() - self._started

    @property
    def ahead(self) -> int:
        """How many works of other visitors have to end before this one begins."""
        return 0 if self._turns is None else self._turns.ahead(self)

    @property
    def stopping(self) -> bool:
        """Whether a stop was asked for."""
        return self.cancel.is_set()

    def stop(self) -> None:
        """Ask it to stop at its next chance."""
        self.cancel.set()

    def ended(self, wait: float = 0.0) -> Ended[T] | None:
        """How it ended; None while it runs. Waits up to `wait` seconds for the end."""
        if wait:
            self._thread.join(wait)
        return self._ended

    def report(self, fraction: float, doing: str = "", partial: T | None = None) -> None:
        """Note how far the task is, and what has finished so far. The task calls it."""
        self.fraction, self.doing = min(max(float(fraction), 0.0), 1.0), doing
        if partial is not None and partial is not self.partial:
            self.partial = partial
            self.version += 1

    def stop_check(self) -> None:
        """Raise `Cancelled` once a stop was asked for. The task calls it."""
        if self.cancel.is_set():
            raise Cancelled

    def _run(self, task: Callable[[Work[T]], T]) -> None:
        try:
            with nullcontext() if self._turns is None else self._turns.turn(self):
                value = task(self)
            self._ended = Ended(value)
        except Cancelled as stopped:
            held: Any = stopped.partial
            self._ended = Ended(self.partial if held is None else held, stopped=True)
        except Exception as error:
            self._ended = Ended(self.partial, error)
        self.over()

    def over(self) -> None:
        """Called in the thread once the work has ended, for kinds of work that have something left to do."""


class UnderWay(Generic[T]):
    """The work of one kind that a session has under way: at most one, with what it is for."""

    def __init__(self, key: str) -> None:
        self.key = key

    def now(self) -> tuple[Any, Work[T]] | None:
        """(what it is for, the work), also when it has ended and was not taken yet."""
        return st.session_state.get(self.key)

    def begin(self, purpose: Any, work: Work[T]) -> None:
        """Have this work under way, in place of what was."""
        self.stop()
        st.session_state[self.key] = (purpose, work)

    def stop(self) -> bool:
        """Stop the work and forget it; whether there was any. Use it in a callback."""
        now = st.session_state.pop(self.key, None)
        if now is not None:
            now[1].stop()
        return now is not None

    def is_over(self) -> bool:
        """Whether nothing is under way any more."""
        now = self.now()
        return now is None or now[1].ended() is not None

    def taken(self, wait: float = 0.0) -> tuple[Any, Ended[T]] | None:
        """(what it was for, how it ended), once, when it has; waits up to `wait` seconds for that."""
        now = self.now()
        ended = None if now is None else now[1].ended(wait)
        if now is None or ended is None:
            return None
        del st.session_state[self.key]
        return now[0], ended
