"""Garbage is collected every half minute, and not after every run, and what sessions let go of goes back to the system.

A full collection holds up all threads for as long as a page takes. Progress on the screen is a run every moment: with
twenty visitors who wait, nine tenths of the server's time went into collections.

The C library and Arrow keep what a thread has freed for later. Of Arrow's allocators only jemalloc gives back what
belongs to other threads; by the usual one a server kept 50 MB of twenty visitors who had left.
"""

from __future__ import annotations

import ctypes
import gc
import threading
from functools import cache
from typing import Any

import pyarrow as pa

SECONDS = 30.0


@cache
def collect_now_and_then() -> None:
    """Begin, once per server."""
    if "jemalloc" in pa.supported_memory_backends():
        pa.set_memory_pool(pa.jemalloc_memory_pool())
    threading.Thread(target=_collect, name="garbage", daemon=True).start()


def _collect() -> None:
    never, give_back = threading.Event(), _giver()
    while not never.wait(SECONDS):
        gc.collect()
        pa.default_memory_pool().release_unused()
        if give_back is not None:
            give_back(0)


def _giver() -> Any:
    """What gives memory that is free within the process back to the system; None where the C library has no such."""
    try:
        return getattr(ctypes.CDLL(None), "malloc_trim", None)
    except (OSError, TypeError):
        return None
