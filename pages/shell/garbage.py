"""Garbage is collected every half minute, and memory given back, and not after every run, which Streamlit would do.

A full collection holds up all threads for as long as a page takes. Progress on the screen is a run every moment: with
twenty visitors who wait, nine tenths of the server's time went into collections.
"""

from __future__ import annotations

import ctypes
import gc
import threading
from functools import cache
from typing import Any

SECONDS = 30.0


@cache
def collect_now_and_then() -> None:
    """Begin, once per server."""
    threading.Thread(target=_collect, name="garbage", daemon=True).start()


def _collect() -> None:
    never, give_back = threading.Event(), _giver()
    while not never.wait(SECONDS):
        gc.collect()
        if give_back is not None:
            give_back(0)


def _giver() -> Any:
    """What gives memory that is free within the process back to the system; None where the C library has no such."""
    try:
        return getattr(ctypes.CDLL(None), "malloc_trim", None)
    except (OSError, TypeError):
        return None
