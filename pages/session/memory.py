"""What is worked out once in a session and kept there until the session ends or its table is forgotten."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import streamlit as st

P = ParamSpec("P")
T = TypeVar("T")

_KEPT: list[Any] = []


def remembered(keep: int = 4) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Work a function out once for its arguments in a session; the results of the last `keep` calls stay.

    Arguments whose names begin with `_` are no part of the key: pass a table that way, and its fingerprint beside it.
    The result is shared by all calls, so never change it.
    """

    def decorate(work: Callable[P, T]) -> Callable[P, T]:
        kept = st.cache_resource(scope="session", max_entries=keep, show_spinner=False)(work)
        _KEPT.append(kept)
        return kept

    return decorate


def forget_all() -> None:
    """Drop everything that this session remembers. Use it in a callback."""
    for kept in _KEPT:
        kept.clear()
