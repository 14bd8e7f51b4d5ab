"""The matrix of a study on the workers of a cluster: its rows stay where they were encoded, and work goes to them.

A worker that ends takes its pieces with it, and the scheduler has them encoded again from the files. Sums are taken in
the order of the pieces, so that which worker did what moves no number by more than the rounding of one sum.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from iffair_core.data.design import CodedDesign, RemoteDesign
from iffair_core.models.blocks import map_over, sum_over

Work = Callable[..., np.ndarray]
KEPT = 4
"""Vectors of the rows that the workers still have after a pass, and this process to know them by."""


@dataclass(frozen=True, eq=False)
class Piece:
    """Rows of one part (training, validation, test) of a partition.

    `held`: what the cluster has of the partition, a design for each part. `rows`: which of these, None for all of them.
    """

    held: Any
    part: int
    size: int
    rows: np.ndarray | slice | None = None

    def some(self, rows: np.ndarray | slice, size: int) -> Piece:
        """Some of these rows."""
        if self.rows is not None:
            rows = (np.arange(self.rows.stop)[self.rows] if isinstance(self.rows, slice) else self.rows)[rows]
        return replace(self, rows=rows, size=size)


@dataclass(frozen=True, eq=False)
class Given:
    """What a task is given as it is: Dask does not look for tasks inside it."""

    held: Any


class ClusterDesign(RemoteDesign):
    """The rows of `pieces`, one after the other, or in the order of `place` (n,), their positions there.

    What belongs to the rows (outcomes, weights, logits) stays with the workers while it is one of the last `KEPT` that
    were used: a fit passes over the same outcomes and weights many times.
    """

    def __init__(
        self, client: Any, pieces: Sequence[Piece], p: int, of_levels: np.ndarray, place: np.ndarray | None = None
    ) -> None:
        self.client, self.pieces, self.of_levels, self._place = client, tuple(pieces), of_levels, place
        self._ends = np.cumsum([0, *(piece.size for piece in pieces)])
        self.shape = int(self._ends[-1]), p
        self._kept: list[tuple[np.ndarray, list[Any]]] = []

    def __getitem__(self, rows: slice | np.ndarray) -> ClusterDesign:
        if isinstance(rows, slice):
            if self._place is None and (rows.step is None or rows.step > 0):
                return self._sliced(*rows.indices(self.shape[0]))
            rows = np.arange(self.shape[0])[rows]
        rows = np.flatnonzero(rows) if rows.dtype.kind == "b" else rows
        wanted = rows if self._place is None else self._place[rows]
        place = None
        if wanted.size > 1 and not (np.diff(wanted) > 0).all():
            order = np.argsort(wanted, kind="stable")
            wanted, place = wanted[order], np.empty(order.size, dtype=np.int64)
            place[order] = np.arange(order.size)
        cuts = np.searchsorted(wanted, self._ends)
        pieces = []
        for piece, offset, first, last in zip(self.pieces, self._ends, cuts, cuts[1:], strict=False):
            own = wanted[first:last] - offset
            whole = own.size == piece.size and bool((own == np.arange(own.size)).all())
            if own.size:
                pieces.append(piece if whole else piece.some(own, own.size))
        return ClusterDesign(self.client, pieces, self.shape[1], self.of_levels, place)

    def _sliced(self, start: int, stop: int, step: int) -> ClusterDesign:
        pieces = []
        for piece, offset in zip(self.pieces, self._ends, strict=False):
            first = max(start - offset, (start - offset) % step)
            last = min(stop - offset, piece.size)
            size = len(range(first, last, step))
            if size:
                whole = size == piece.size
                pieces.append(piece if whole else piece.some(slice(int(first), int(last), step), size))
        return ClusterDesign(self.client, pieces, self.shape[1], self.of_levels)

    def sum_over(self, work: Work, of_rows: Sequence[np.ndarray | None], least: int) -> np.ndarray:
        parts = self._done(_summed, work, of_rows, least)
        total = parts[0].copy()
        for part in parts[1:]:
            total += part
        return total

    def map_over(self, work: Work, of_rows: Sequence[np.ndarray | None]) -> np.ndarray:
        found = np.concatenate(self._done(_mapped, work, of_rows))
        return found if self._place is None else found[self._place]

    def _done(
        self, how: Callable[..., np.ndarray], work: Work, of_rows: Sequence[np.ndarray | None], *more: int
    ) -> list[np.ndarray]:
        """The result of every piece, in their order."""
        import cloudpickle

        if not self.pieces:
            return [np.asarray(work(np.empty((0, self.shape[1])), *of_rows))]
        carried = Given(cloudpickle.dumps(work))
        futures = [
            self.client.submit(how, piece.held, piece.part, piece.rows, carried, *more, *own, pure=False)
            for piece, *own in zip(self.pieces, *map(self._carried, of_rows), strict=True)
        ]
        return list(self.client.gather(futures))

    def _carried(self, values: np.ndarray | None) -> list[Any]:
        """What belongs to the rows of each piece, where the workers are."""
        if values is None:
            return [None] * len(self.pieces)
        found = next(
            (one for one in self._kept if one[0].dtype == values.dtype and np.array_equal(one[0], values)), None
        )
        if found is None:
            known = values.copy()
            stacked = known if self._place is None else np.empty_like(known)
            if self._place is not None:
                stacked[self._place] = known
            # A task and not scattered: where a worker ends, the scheduler has its pieces made again.
            ends = zip(self._ends, self._ends[1:], strict=False)
            own = [self.client.submit(unpacked, Given(stacked[start:end]), pure=False) for start, end in ends]
            found = known, own
        self._kept = [*(one for one in self._kept if one is not found), found][-KEPT:]
        return found[1]


Held = Sequence[np.ndarray | CodedDesign]


def _rows(held: Held, part: int, rows: np.ndarray | slice | None) -> np.ndarray | CodedDesign:
    return held[part] if rows is None else held[part][rows]


def unpacked(given: Given) -> Any:
    """What was given, as the result of a task."""
    return given.held


def _summed(
    held: Held, part: int, rows: np.ndarray | slice | None, work: Given, least: int, *of_rows: np.ndarray | None
) -> np.ndarray:
    return sum_over(_rows(held, part, rows), pickle.loads(work.held), *of_rows, least=least)


def _mapped(
    held: Held, part: int, rows: np.ndarray | slice | None, carried: Given, *of_rows: np.ndarray | None
) -> np.ndarray:
    """`map_over`, whatever the number of columns is."""
    X, work = _rows(held, part, rows), pickle.loads(carried.held)
    few = np.asarray(work(X[:1], *(None if one is None else one[:1] for one in of_rows)))
    return map_over(X, work, *of_rows, columns=None if few.ndim == 1 else few.shape[1])
