"""Garbage is collected every half minute and not after every run, which Streamlit would do.

A full collection holds up all threads for as long as a page takes. Progress on the screen is a run every moment: with
twenty visitors who wait, nine tenths of the server's time went into collections.
"""

from __future__ import annotations

import gc
import threading
from functools import cache

SECONDS = 30.0


@cache
def collect_now_and_then() -> None:
    """Begin, once per server."""
    threading.Thread(target=_collect, name="garbage", daemon=True).start()


def _collect() -> None:
    never = threading.Event()
    while not never.wait(SECONDS):
        gc.collect()
