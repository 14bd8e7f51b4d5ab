"""The matrix of a study on the workers of a cluster: its rows stay where they were encoded, and work goes to them.

A worker that ends takes its pieces with it, and the scheduler has them encoded again from the files. Sums are taken in
the order of the pieces, so that which worker did what moves no number by more than the rounding of one sum.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import numpy as np

from iffair_core.data.design import CodedDesign, RemoteDesign
from iffair_core.models.blocks import map_over, sum_over

Work = Callable[..., np.ndarray]
KEPT = 3
"""Vectors of any of the rows that the workers still have after a pass, and this process to know them by."""


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
    were used with any rows of `whole`, the design that these were taken from: a fit passes over the same outcomes and
    weights many times.
    """

    def __init__(
        self,
        client: Any,
        pieces: Sequence[Piece],
        p: int,
        of_levels: np.ndarray,
        place: np.ndarray | None = None,
        whole: ClusterDesign | None = None,
    ) -> None:
        self.client, self.pieces, self.of_levels, self._place = client, tuple(pieces), of_levels, place
        self._ends = np.cumsum([0, *(piece.size for piece in pieces)])
        self.shape = int(self._ends[-1]), p
        self._kept: list[Vector] = [] if whole is None else whole._kept

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
        return ClusterDesign(self.client, pieces, self.shape[1], self.of_levels, place, self)

    def _sliced(self, start: int, stop: int, step: int) -> ClusterDesign:
        pieces = []
        for piece, offset in zip(self.pieces, self._ends, strict=False):
            first = max(start - offset, (start - offset) % step)
            last = min(stop - offset, piece.size)
            size = len(range(first, last, step))
            if size:
                whole = size == piece.size
                pieces.append(piece if whole else piece.some(slice(int(first), int(last), step), size))
        return ClusterDesign(self.client, pieces, self.shape[1], self.of_levels, whole=self)

    def sum_over(self, work: Work, of_rows: Sequence[np.ndarray | None], least: int) -> np.ndarray:
        if not self.pieces:
            return self._of_none(work, of_rows)
        parts = dict(self._done(_summed, work, of_rows, least))
        total = parts[0].copy()
        for place in range(1, len(parts)):
            total += parts[place]
        return np.asarray(total)

    def map_over(self, work: Work, of_rows: Sequence[np.ndarray | None]) -> np.ndarray:
        if not self.pieces:
            return self._of_none(work, of_rows)
        found: np.ndarray | None = None
        for place, part in self._done(_mapped, work, of_rows):
            found = np.empty((self.shape[0], *part.shape[1:]), part.dtype) if found is None else found
            found[self._ends[place] : self._ends[place + 1]] = part
        assert found is not None
        return found if self._place is None else found[self._place]

    def _of_none(self, work: Work, of_rows: Sequence[np.ndarray | None]) -> np.ndarray:
        return np.asarray(work(np.empty((0, self.shape[1])), *of_rows))

    def _done(
        self, how: Callable[..., Any], work: Work, of_rows: Sequence[np.ndarray | None], *more: int
    ) -> Iterator[tuple[int, np.ndarray]]:
        """(place of a piece, what it gives) of every piece, fetched as soon as it is there: together they may be many.

        A worker that has none of a vector, because another held these rows before it, gives None; all is sent then.
        """
        import cloudpickle
        from distributed import as_completed

        vectors = [None if values is None else self._vector(values) for values in of_rows]
        carried, kept = Given(cloudpickle.dumps(work)), frozenset(one.token for one in self._kept)
        coming, places = as_completed(loop=self.client.loop, with_results=True), {}

        def send(place: int, *, anew: bool = False) -> None:
            piece, rows = self.pieces[place], slice(self._ends[place], self._ends[place + 1])
            own = [one and (one.token, None if one.sent and not anew else one.stacked[rows]) for one in vectors]
            future = self.client.submit(
                how, piece.held, piece.part, piece.rows, carried, Given((own, kept)), *more, pure=False
            )
            places[future.key] = place
            coming.add(future)

        for place in range(len(self.pieces)):
            send(place)
        for one in vectors:
            if one is not None:
                one.sent = True
        for future, part in coming:
            if part is None:
                send(places[future.key], anew=True)
            else:
                yield places[future.key], part

    def _vector(self, values: np.ndarray) -> Vector:
        """These values as one of those kept, the last one used."""
        found = next((one for one in self._kept if one.is_of(self, values)), None)
        if found is None:
            known = values.copy()
            stacked = known if self._place is None else np.empty_like(known)
            if self._place is not None:
                stacked[self._place] = known
            found = Vector(self, known, stacked)
        self._kept[:] = [*(one for one in self._kept if one is not found), found][-KEPT:]
        return found


@dataclass(eq=False)
class Vector:
    """Values of the rows of a design, (n,) or (n, k), as they came and as its pieces have them; `sent`: to workers."""

    of: ClusterDesign
    values: np.ndarray
    stacked: np.ndarray
    sent: bool = False
    token: int = field(default_factory=count().__next__)

    def is_of(self, design: ClusterDesign, values: np.ndarray) -> bool:
        """Whether it holds these values of the rows of `design`."""
        return self.of is design and self.values.dtype == values.dtype and np.array_equal(self.values, values)


# ---------------------------------------------------------------------------------------------------------- on workers


class Held:
    """What a worker has of a partition: the design of each part, and vectors of their rows, by token.

    A vector is no result of a task, of which Dask would hold a second copy to be able to send it again.
    """

    def __init__(self, designs: Sequence[np.ndarray | CodedDesign]) -> None:
        self.designs = tuple(designs)
        self._vectors: dict[tuple[int, int], np.ndarray] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return Held, (self.designs,)

    def __sizeof__(self) -> int:
        """Bytes, by which Dask judges what it costs to move them."""
        parts = [(one.numbers, one.keys) if isinstance(one, CodedDesign) else (one,) for one in self.designs]
        return sum(array.nbytes for arrays in parts for array in arrays)

    def rows(self, part: int, rows: np.ndarray | slice | None) -> np.ndarray | CodedDesign:
        """Some rows of a part, or all."""
        return self.designs[part] if rows is None else self.designs[part][rows]

    def vectors(self, part: int, given: Given) -> list[np.ndarray | None] | None:
        """The vectors of a task, those that came with it or that are here since earlier; None if one is neither."""
        vectors, kept = given.held
        for key in [key for key in list(self._vectors) if key[0] not in kept]:
            self._vectors.pop(key, None)
        found: list[np.ndarray | None] = []
        for one in vectors:
            if one is None:
                found.append(None)
                continue
            token, values = one
            if values is not None:
                self._vectors[token, part] = values.copy()  # or all of the message that it came in would be held
            if (token, part) not in self._vectors:
                return None
            found.append(self._vectors[token, part])
        return found


def unpacked(given: Given) -> Any:
    """What was given, as the result of a task."""
    return given.held


def _summed(
    held: Held, part: int, rows: np.ndarray | slice | None, work: Given, given: Given, least: int
) -> np.ndarray | None:
    own = held.vectors(part, given)
    return None if own is None else sum_over(held.rows(part, rows), pickle.loads(work.held), *own, least=least)


def _mapped(held: Held, part: int, rows: np.ndarray | slice | None, carried: Given, given: Given) -> np.ndarray | None:
    """`map_over`, whatever the number of columns is."""
    own = held.vectors(part, given)
    if own is None:
        return None
    X, work = held.rows(part, rows), pickle.loads(carried.held)
    few = np.asarray(work(X[:1], *(None if one is None else one[:1] for one in own)))
    return map_over(X, work, *own, columns=None if few.ndim == 1 else few.shape[1])
