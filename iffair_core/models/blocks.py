"""Passes over row blocks: the one way this package multiplies with a tall matrix.

A block is about 2 MB of rows, so that everything done to it happens in cache, the interpreter's own time does not tell
beside that of the products, no temporary is as tall as the data, and products with up to eight columns stay within
BLAS's kernels for small matrices, which are half again as fast. Blocks run on Python threads with BLAS pinned to one
thread each; their results are combined in block order, so that the same input gives the same bytes whatever the number
of threads.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from functools import cache
from typing import TypeVar

import numpy as np
import scipy.linalg  # noqa: F401  (its BLAS must be loaded before the controller looks for libraries to pin)
from threadpoolctl import ThreadpoolController

from iffair_core.data.design import Design, RemoteDesign, extent

BLOCK_BYTES = 2_000_000
Result = TypeVar("Result")


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


@cache
def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=_cores(), thread_name_prefix="iffair-block")


class _Pin:
    """Pins BLAS to one thread while at least one caller needs it; the last caller to end restores it."""

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
    found: dict[int, Result] = {}

    def keep(place: int) -> None:
        found[place] = work(blocks[place])

    _each(keep, len(blocks))
    return [found[place] for place in range(len(blocks))]


def sum_blocks(work: Callable[[slice], np.ndarray], n_rows: int, n_columns: int) -> np.ndarray:
    """Sum of `work(rows)` over every block. Results are added in block order as they come, so few are held at once."""
    blocks = row_blocks(n_rows, n_columns)
    adding = threading.Lock()
    total: list[np.ndarray] = []
    waiting: dict[int, np.ndarray] = {}
    following = 0

    def add(place: int) -> None:
        nonlocal following
        part = work(blocks[place])
        with adding:
            waiting[place] = part
            while following in waiting:
                part = waiting.pop(following)
                if following == 0:
                    total.append(part)
                else:
                    total[0] += part
                following += 1

    _each(add, len(blocks))
    return total[0]


def sum_over(X: Design, work: Callable[..., np.ndarray], *of_rows: np.ndarray | None, least: int = 0) -> np.ndarray:
    """Sum of `work(block of X, what belongs to its rows of each of of_rows)` over all blocks; None stays None.

    `least`: columns of what `work` holds for each row, if more than X has. `work` may be carried to where the rows of X
    lie: it must not hold on to anything that is as long as X.
    """
    if isinstance(X, RemoteDesign):
        return X.sum_over(work, of_rows, least)
    return sum_blocks(lambda rows: work(X[rows], *_of(of_rows, rows)), *extent(X, least))


def map_over(
    X: Design, work: Callable[..., np.ndarray], *of_rows: np.ndarray | None, columns: int | None = None
) -> np.ndarray:
    """The results of `work`, as in `sum_over`, one line for each row of X: (n,), or (n, columns)."""
    if isinstance(X, RemoteDesign):
        return X.map_over(work, of_rows)
    out = np.empty(X.shape[0] if columns is None else (X.shape[0], columns))

    def keep(rows: slice) -> None:
        out[rows] = work(X[rows], *_of(of_rows, rows))

    map_blocks(keep, *extent(X))
    return out


def weighted_columns(X: Design, values: np.ndarray) -> np.ndarray:
    """X~' values, (p + 1,), for values (n,)."""
    return np.append(sum_over(X, lambda block, own: block.T @ own, values), values.sum())


def _of(arrays: Iterable[np.ndarray | None], rows: slice) -> list[np.ndarray | None]:
    return [None if one is None else one[rows] for one in arrays]


def _each(work: Callable[[int], None], count: int) -> None:
    """Call `work(i)` for i < count, in about that order, on the calling thread and on the free threads of the pool.

    Each thread takes the next i when it has finished one, so that a block needs no task of its own, and a caller that
    runs on a thread of the pool never waits for another. The first error ends the loop.
    """
    places = iter(range(count))

    def run() -> None:
        try:
            for place in places:
                work(place)
        except BaseException:
            for _ in places:
                pass
            raise

    with single_threaded_blas():
        others = [_pool().submit(run) for _ in range(min(count, _cores()) - 1)]
        try:
            run()
        finally:
            started = [other for other in others if not other.cancel()]
            wait(started)
        for other in started:
            other.result()


def sigmoid(z: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-z)), the same shape as `z`; 0 where the probability is below 1e-308."""
    with np.errstate(over="ignore"):
        return np.asarray(1.0 / (1.0 + np.exp(-z)))
