"""The matrix of a study on the workers of a cluster: its rows stay where they were encoded, and work goes to them.

A worker that ends takes its pieces with it, and the scheduler has them encoded again from the files; the vectors beside
them are sent again. Sums are taken in the order of the pieces, so that which worker did what moves no number by more
than the rounding of one sum.
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
KNOWN = 8
"""Vectors of rows of one study that this process knows again when they are used again."""


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

    What belongs to the rows (outcomes, weights, logits) is sent with a pass. A vector that is used a second time stays
    with the workers, since a fit passes over the same outcomes and weights many times: while it is one of the last
    `KNOWN` of this design and of those that share `known` with it, which are all that were taken from one.
    """

    def __init__(
        self,
        client: Any,
        pieces: Sequence[Piece],
        p: int,
        of_levels: np.ndarray,
        place: np.ndarray | None = None,
        known: list[Vector] | None = None,
    ) -> None:
        self.client, self.pieces, self.of_levels, self._place = client, tuple(pieces), of_levels, place
        self._ends = np.cumsum([0, *(piece.size for piece in pieces)])
        self.shape = int(self._ends[-1]), p
        self._known: list[Vector] = [] if known is None else known
        self._name = next(_names)  # vectors know the design by it: one that held the design would keep all of it

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
        return ClusterDesign(self.client, pieces, self.shape[1], self.of_levels, place, self._known)

    def _sliced(self, start: int, stop: int, step: int) -> ClusterDesign:
        pieces = []
        for piece, offset in zip(self.pieces, self._ends, strict=False):
            first = max(start - offset, (start - offset) % step)
            last = min(stop - offset, piece.size)
            size = len(range(first, last, step))
            if size:
                whole = size == piece.size
                pieces.append(piece if whole else piece.some(slice(int(first), int(last), step), size))
        return ClusterDesign(self.client, pieces, self.shape[1], self.of_levels, known=self._known)

    def sum_over(self, work: Work, of_rows: Sequence[np.ndarray | None], least: int) -> np.ndarray:
        if not self.pieces:
            return self._of_none(work, of_rows)
        total: np.ndarray | None = None
        for part in self._done(_summed, work, of_rows, least):
            if total is None:
                total = part.copy()
            else:
                total += part
        return np.asarray(total)

    def map_over(self, work: Work, of_rows: Sequence[np.ndarray | None]) -> np.ndarray:
        if not self.pieces:
            return self._of_none(work, of_rows)
        found = np.empty(0)
        for place, part in enumerate(self._done(_mapped, work, of_rows)):
            if place == 0:
                found = np.empty((self.shape[0], *part.shape[1:]), part.dtype)
            found[self._ends[place] : self._ends[place + 1]] = part
        return found if self._place is None else found[self._place]

    def _of_none(self, work: Work, of_rows: Sequence[np.ndarray | None]) -> np.ndarray:
        return np.asarray(work(np.empty((0, self.shape[1])), *of_rows))

    def _done(
        self, how: Callable[..., Any], work: Work, of_rows: Sequence[np.ndarray | None], *more: int
    ) -> Iterator[np.ndarray]:
        """What every piece gives, in their order. The workers are free of each result once it is fetched.

        A worker that lacks a vector, because the piece was moved or encoded again, gives None, and is sent all of them.
        """
        import cloudpickle

        vectors = [None if values is None else self._vector(values) for values in of_rows]
        carried = Given(cloudpickle.dumps(work))
        kept = frozenset(one.token for one in (*self._known, *vectors) if one is not None and one.uses > 1)

        def sent(place: int, *, anew: bool = False) -> Any:
            piece, rows = self.pieces[place], slice(self._ends[place], self._ends[place + 1])
            own = [None if one is None else one.message(rows, anew=anew) for one in vectors]
            given = Given((own, kept))
            return self.client.submit(how, piece.held, piece.part, piece.rows, carried, given, *more, pure=False)

        futures = [sent(place) for place in range(len(self.pieces))]
        try:
            for place in range(len(futures)):
                while (part := futures[place].result()) is None:
                    futures[place] = sent(place, anew=True)
                futures[place].release()
                yield part
        finally:
            for future in futures:
                future.release()

    def _vector(self, values: np.ndarray) -> Vector:
        """These values as the last used of those known."""
        found = next((one for one in self._known if one.is_of(self._name, values)), None)
        if found is None:
            known = values.copy()
            stacked = known if self._place is None else np.empty_like(known)
            if self._place is not None:
                stacked[self._place] = known
            found = Vector(self._name, known, _narrow(stacked))
        found.uses += 1
        self._known[:] = [*(one for one in self._known if one is not found), found][-KNOWN:]
        return found


_names, _tokens = count(), count()


@dataclass(eq=False)
class Vector:
    """Values of the rows of a design, (n,) or (n, k), as they came and as they are sent; `of`: the design's name."""

    of: int
    values: np.ndarray
    stacked: np.ndarray
    uses: int = 0
    token: int = field(default_factory=_tokens.__next__)

    def is_of(self, name: int, values: np.ndarray) -> bool:
        """Whether it holds these values of the rows of the design of this name."""
        return self.of == name and self.values.dtype == values.dtype and np.array_equal(self.values, values)

    def message(self, rows: slice, *, anew: bool) -> tuple[int, np.dtype[Any], np.ndarray | None]:
        """(token, type, values) for some rows; no values where the worker has kept them, and they are not sent anew."""
        return self.token, self.values.dtype, None if self.uses > 2 and not anew else self.stacked[rows]


def _narrow(values: np.ndarray) -> np.ndarray:
    """The same values, outcomes for one, in a byte each where they fit."""
    if values[:100].dtype.kind in "fiu" and bool((np.abs(values[:100]) < 100).all()):
        with np.errstate(invalid="ignore"):
            small = values.astype(np.int8)
        if np.array_equal(small, values):
            return small
    return values


# ---------------------------------------------------------------------------------------------------------- on workers


class Held:
    """What a worker has of a partition: the design of each part, and vectors of their rows, by token and part.

    Vectors are no results of tasks: Dask would hold a second copy of each to be able to send it again.
    """

    def __init__(self, designs: Sequence[np.ndarray | CodedDesign]) -> None:
        self.designs = tuple(designs)
        self._vectors: dict[tuple[int, int], np.ndarray] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        """The designs alone, without what passes have worked out for their blocks."""
        return Held, ([replace(one, _views={}) if isinstance(one, CodedDesign) else one for one in self.designs],)

    def __sizeof__(self) -> int:
        """Bytes of the designs, by which Dask judges what it costs to move them."""
        parts = [(one.numbers, one.keys) if isinstance(one, CodedDesign) else (one,) for one in self.designs]
        return sum(array.nbytes for arrays in parts for array in arrays)

    def rows(self, part: int, rows: np.ndarray | slice | None) -> np.ndarray | CodedDesign:
        """Some rows of a part, or all."""
        return self.designs[part] if rows is None else self.designs[part][rows]

    def vectors(self, part: int, given: Given) -> list[np.ndarray | None] | None:
        """The vectors of a task, those that came with it and those kept here; None if one is to be sent again.

        Keeps those that came and are of the tokens to be kept, and drops the others.
        """
        messages, kept = given.held
        for key in [key for key in list(self._vectors) if key[0] not in kept]:
            self._vectors.pop(key, None)
        found: list[np.ndarray | None] = []
        for message in messages:
            if message is None:
                found.append(None)
                continue
            token, kind, values = message
            if values is None:
                values = self._vectors.get((token, part))
                if values is None:
                    return None
            elif token in kept:
                values = values.copy()  # or all of what it came in would be held
                self._vectors[token, part] = values
            found.append(values.astype(kind, copy=False))
        return found


def unpacked(given: Given) -> Any:
    """What was given, as the result of a task."""
    return given.held


def _summed(
    held: Held, part: int, rows: np.ndarray | slice | None, work: Given, given: Given, least: int
) -> np.ndarray | None:
    own = held.vectors(part, given)
    return None if own is None else sum_over(held.rows(part, rows), pickle.loads(work.held), *own, least=least)


def _mapped(held: Held, part: int, rows: np.ndarray | slice | None, work: Given, given: Given) -> np.ndarray | None:
    """`map_over`, whatever the number of columns is."""
    own = held.vectors(part, given)
    if own is None:
        return None
    X, of_block = held.rows(part, rows), pickle.loads(work.held)
    few = np.asarray(of_block(X[:1], *(None if one is None else one[:1] for one in own)))
    return map_over(X, of_block, *own, columns=None if few.ndim == 1 else few.shape[1])
