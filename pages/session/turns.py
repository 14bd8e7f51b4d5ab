"""A line for heavy work: only so many studies of all visitors run at once, the others wait, first come first served."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Protocol

import streamlit as st

from iffair_core.errors import Cancelled

AT_ONCE = "IFFAIR_STUDIES"
"""Environment variable: how many studies run at once on this server; as many as it has processors by default."""
LOOK = 0.2
"""Seconds after which work that waits looks whether it was stopped."""


class Waiting(Protocol):
    """Work that may wait: its switch to stop."""

    cancel: threading.Event


class Turns:
    """At most `most` works at once, in the order in which they came. Each visitor has one study at a time, so that the
    order is fair.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self._line: list[Waiting] = []
        self._moved = threading.Condition()

    def ahead(self, work: Waiting) -> int:
        """How many works have to end before this one begins; 0 where it runs, or is not in the line."""
        with self._moved:
            return self._ahead(work)

    @contextmanager
    def turn(self, work: Waiting) -> Iterator[None]:
        """Wait for this work's turn, and give it up afterwards. Raises Cancelled where it is stopped while it waits."""
        with self._moved:
            self._line.append(work)
        try:
            with self._moved:
                while self._ahead(work):
                    if work.cancel.is_set():
                        raise Cancelled
                    self._moved.wait(LOOK)
            yield
        finally:
            with self._moved:
                self._line.remove(work)
                self._moved.notify_all()

    def _ahead(self, work: Waiting) -> int:
        return max(0, self._line.index(work) - self.most + 1) if work in self._line else 0


def most_at_once(environment: Mapping[str, str]) -> int:
    """How many studies may run at once; ValueError, which says what to give, for anything but a number above 0."""
    text = environment.get(AT_ONCE, "").strip()
    if not text:
        return os.cpu_count() or 1
    if not (text.isascii() and text.isdigit() and int(text)):
        raise ValueError(f"{AT_ONCE} is {text!r}; give a whole number of at least 1.")
    return int(text)


STUDIES = Turns(most_at_once(os.environ))


class _Tie:
    """Lives as long as its place in a session."""


def stop_with_session(kind: str, cancel: threading.Event) -> None:
    """Stop this work, in place of an earlier one of its kind, when its visitor's session ends: nobody would see it."""
    tie = _Tie()
    weakref.finalize(tie, cancel.set)
    st.session_state[f"tie_{kind}"] = tie
