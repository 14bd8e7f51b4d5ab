"""Passes over row blocks: the one way this package multiplies with a tall matrix.

A block is about 2 MB of rows, so that everything done to it happens in cache and no temporary is as tall as the data.
Blocks run on Python threads with BLAS pinned to one thread each; their results are combined in block order, so that
the same input gives the same bytes whatever the number of threads.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import TypeVar

import numpy as np
import scipy.linalg  # noqa: F401  (its BLAS must be loaded before the controller looks for libraries to pin)
from threadpoolctl import ThreadpoolController

BLOCK_BYTES = 2_000_000
Result = TypeVar("Result")


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=os.cpu_count() or 1, thread_name_prefix="iffair-block")


class _Pin:
    """Pins BLAS to one thread while anyone asks for it; the last to leave restores it, in whatever order they end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._held = ExitStack()

    @contextmanager
    def __call__(self) -> Iterator[None]:
        with self._lock:
            if self._users == 0:
                self._held.enter_context(_controller().limit(limits=1, user_api="blas"))
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if self._users == 0:
                    self._held.close()


single_threaded_blas = _Pin()


def row_blocks(n_rows: int, n_columns: int) -> list[slice]:
    """Slices that cover `n_rows`; the block size depends on the number of columns alone."""
    size = max(256, BLOCK_BYTES // (8 * max(1, n_columns)))
    return [slice(start, min(start + size, n_rows)) for start in range(0, n_rows, size)]


def map_blocks(work: Callable[[slice], Result], n_rows: int, n_columns: int) -> list[Result]:
    """`work(rows)` for every block, results in block order."""
    blocks = row_blocks(n_rows, n_columns)
    with single_threaded_blas():
        if len(blocks) == 1:
            return [work(blocks[0])]
        return list(_pool().map(work, blocks))


def sigmoid(z: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-z)) without overflow, the same shape as `z`."""
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1.0, e) / (1.0 + e)
