"""The matrix that a model sees: an array, or its categories kept as codes, behind the few products it is used in.

X (n, p) is an array, or a `CodedDesign` that stands for the same numbers: categories of L levels in all are a code or
less for each of them in place of L columns of zeros and ones. Both know `shape`, `X[rows]`, `X @ V` and `X.T @ C`; the
functions below are the rest of what is asked of them. x~ = [x, 1] is a row with the intercept's 1 at its end. The rows
of a `RemoteDesign` lie elsewhere, as arrays or codes, and work is sent to them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from itertools import combinations

import numpy as np
from scipy.sparse import csc_array, csr_array

CODED_FROM = 4_000_000
"""Entries of X from which codes are worth their calls."""
CODED_SHARE = 0.7
"""Largest share of the columns of X that a row then holds as numbers and codes."""
CALLS = 2
"""A block of a coded design is so many times as large as one of an array: a product takes that many more calls."""
ENTRIES = 400_000
"""Entries of a cross product from which adding one per block tells: blocks are larger then."""


COMBINATIONS = 256
"""Most combinations of levels that share a key. A table of two keys then fits into a core's own cache."""
PANEL = 8
"""Rows of a triangle at a time: narrow enough for BLAS's kernels for small matrices."""


@dataclass(frozen=True, eq=False)
class CodedDesign:
    """A matrix (n, p) of numbers and categories, made by `coded_design`.

    numbers (n, a + 1) float64, the last column 1 for the intercept. Categories of few levels share a key, which says
    the combination of their levels; a category may have none in a row. keys (n, r) int32, C-contiguous, those of place
    k from starts[k] to starts[k + 1]. `levels` (starts[r], L), sparse, is 1 where a key stands for a level.
    `of_numbers` (a,) and `of_levels` (L,) are the columns of X that numbers and levels are.
    """

    numbers: np.ndarray
    keys: np.ndarray
    starts: tuple[int, ...]
    levels: csr_array
    of_numbers: np.ndarray
    of_levels: np.ndarray
    _views: dict[tuple[object, ...], CodedDesign] = field(default_factory=dict, repr=False)

    @property
    def shape(self) -> tuple[int, int]:
        return self.numbers.shape[0], self.of_numbers.size + self.of_levels.size

    @property
    def T(self) -> _Transposed:
        return _Transposed(self)

    def __getitem__(self, rows: slice | np.ndarray) -> CodedDesign:
        """Some of the rows; for a slice a view of them, the same one every time, which keeps what products need."""
        if not isinstance(rows, slice):
            return replace(self, numbers=self.numbers[rows], keys=self.keys[rows], _views={})
        ends = rows.start, rows.stop, rows.step
        if ends not in self._views:
            self._views[ends] = replace(self, numbers=self.numbers[rows], keys=self.keys[rows], _views={})
        return self._views[ends]

    def __matmul__(self, V: np.ndarray) -> np.ndarray:
        """X V, (n,) or (n, k), for V (p,) or (p, k)."""
        out = self.numbers[:, :-1] @ V[self.of_numbers]
        out += self._by_row @ (self.levels @ V[self.of_levels])
        return np.asarray(out)

    def level_sums(self, C: np.ndarray) -> np.ndarray:
        """Sums over the rows that have a level, (L,) or (L, k), for C (n,) or (n, k)."""
        return np.asarray(self._by_level @ (self._by_key @ C))

    def tallies(self, d: np.ndarray) -> np.ndarray:
        """Sums over the rows, weighted by d (n,), that `crossed` makes a cross product of: (s,), all in one piece."""
        weighted = d[:, None] * self.numbers
        parts = [self.numbers.T @ weighted, self._by_key @ weighted]
        own = np.ascontiguousarray(self.keys.T) - np.array(self.starts[:-1])[:, None]
        for k, other in self._pairs:
            wide = self._size(other)
            parts.append(np.bincount(own[k] * wide + own[other], d, self._size(k) * wide))
        return np.concatenate([part.ravel() for part in parts])

    def crossed(self, tallies: np.ndarray) -> np.ndarray:
        """X~' diag(d) X~, (p + 1, p + 1), from the `tallies` of d, or from their sum over blocks of the rows."""
        wide, p = self.numbers.shape[1], self.shape[1]
        lengths = [
            wide * wide,
            self.starts[-1] * wide,
            *(self._size(k) * self._size(other) for k, other in self._pairs),
        ]
        of_numbers, of_keys, *of_pairs = np.split(tallies, np.cumsum(lengths)[:-1])
        of_keys = of_keys.reshape(-1, wide)
        between = np.diag(of_keys[:, -1])
        for (k, other), sums in zip(self._pairs, of_pairs, strict=True):
            mine, others = slice(*self.starts[k : k + 2]), slice(*self.starts[other : other + 2])
            between[mine, others] = sums.reshape(self._size(k), -1)
            between[others, mine] = between[mine, others].T
        numbers, levels, out = np.append(self.of_numbers, p), self.of_levels, np.empty((p + 1, p + 1))
        mixed = self.levels.T @ of_keys
        out[np.ix_(numbers, numbers)] = of_numbers.reshape(wide, wide)
        out[np.ix_(levels, numbers)], out[np.ix_(numbers, levels)] = mixed, mixed.T
        out[np.ix_(levels, levels)] = self.levels.T @ between @ self.levels
        return out

    def forms(self, A: np.ndarray) -> Callable[[CodedDesign], np.ndarray]:
        """x~' A x~ of each row of a block of these rows, (m,), for symmetric A (p + 1, p + 1)."""
        numbers, levels, size = np.append(self.of_numbers, self.shape[1]), self.of_levels, self.starts[-1]
        of_numbers, mixed = A[np.ix_(numbers, numbers)], self.levels @ (2.0 * A[np.ix_(levels, numbers)])
        between = ((self.levels @ A[np.ix_(levels, levels)]) @ self.levels.T).ravel()

        def of(block: CodedDesign) -> np.ndarray:
            partners = block.numbers @ of_numbers
            partners += block._by_row @ mixed
            out = np.einsum("ij,ij->i", partners, block.numbers)
            keys = np.ascontiguousarray(block.keys.T).astype(np.intp)
            for k, key in enumerate(keys):
                row = key * size
                out += between.take(row + key)
                for other in keys[:k]:
                    out += 2.0 * between.take(row + other)
            return np.asarray(out)

        return of

    def arranged(self, order: np.ndarray) -> ArrangedDesign:
        """The same design, with its rows held in this order (n,)."""
        places = np.empty(order.size, dtype=np.intp)
        places[order] = np.arange(order.size)
        numbers, keys = self.numbers[order], self.keys[order]
        return ArrangedDesign(numbers, keys, self.starts, self.levels, self.of_numbers, self.of_levels, places=places)

    def squared(self) -> CodedDesign:
        """Every entry squared."""
        return replace(self, numbers=self.numbers**2, _views={})

    def dense(self) -> np.ndarray:
        """The same numbers as an array."""
        out = np.empty(self.shape)
        out[:, self.of_numbers], out[:, self.of_levels] = self.numbers[:, :-1], (self._by_row @ self.levels).toarray()
        return out

    @property
    def _pairs(self) -> list[tuple[int, int]]:
        """Places of two keys."""
        return list(combinations(range(self.keys.shape[1]), 2))

    def _size(self, k: int) -> int:
        return self.starts[k + 1] - self.starts[k]

    @cached_property
    def _by_row(self) -> csr_array:
        """1 where a row has a key, (n, starts[r])."""
        by_row = csr_array((self.shape[0], self.starts[-1]))
        by_row.data, by_row.indptr = _one_each(*self.keys.shape)
        by_row.indices = self.keys.ravel()  # a view, of which the constructor would make a copy
        return by_row

    @cached_property
    def _by_key(self) -> csc_array:
        """The transpose of `_by_row`."""
        return self._by_row.T

    @cached_property
    def _by_level(self) -> csc_array:
        """The transpose of `levels`."""
        return self.levels.T


@dataclass(frozen=True, eq=False)
class ArrangedDesign(CodedDesign):
    """A coded design whose row i is row places[i] of `numbers` and `keys`.

    A study takes training, validation and test rows in turn. If they are held in that order, its `X[rows]` is no copy.
    """

    places: np.ndarray = field(kw_only=True)

    def __getitem__(self, rows: slice | np.ndarray) -> CodedDesign:
        """Some of the rows: all of them in the order in which they are held, or a copy."""
        places = self.places[rows]
        whole = places.size == self.places.size and bool((places == np.arange(places.size)).all())
        return self._held if whole else self._held[places]

    @property
    def T(self) -> _Transposed:
        return self[:].T

    def __matmul__(self, V: np.ndarray) -> np.ndarray:
        return self[:] @ V

    def level_sums(self, C: np.ndarray) -> np.ndarray:
        return self[:].level_sums(C)

    def tallies(self, d: np.ndarray) -> np.ndarray:
        return self[:].tallies(d)

    def dense(self) -> np.ndarray:
        return self[:].dense()

    @cached_property
    def _held(self) -> CodedDesign:
        return CodedDesign(self.numbers, self.keys, self.starts, self.levels, self.of_numbers, self.of_levels)


def coded_design(
    numbers: np.ndarray,
    slots: Sequence[np.ndarray],
    sizes: Sequence[int],
    of_numbers: np.ndarray,
    of_levels: np.ndarray,
) -> CodedDesign:
    """The design of numbers (n, a + 1), the last column 1, and of categories of so many levels.

    slots: of each category the level of each row, (n,) from 0, or -1 where it has none. `of_numbers` (a,) and
    `of_levels` (L,) are the columns of X that the numbers and, category by category, the levels are.
    """
    sets, firsts, starts, ones = _sharing(sizes), np.cumsum([0, *sizes]), [0], []
    keys = np.empty((numbers.shape[0], len(sets)), dtype=np.int32)
    for k, places in enumerate(sets):
        shape = [sizes[place] + 1 for place in places]  # one more for none
        keys[:, k] = starts[-1] + np.ravel_multi_index([slots[place] + 1 for place in places], shape)
        for place, slot in zip(places, np.indices(shape).reshape(len(places), -1) - 1, strict=True):
            held = np.flatnonzero(slot >= 0)
            ones.append((starts[-1] + held, firsts[place] + slot[held]))
        starts.append(starts[-1] + int(np.prod(shape)))
    where = np.concatenate(ones, axis=1)
    levels = csr_array((np.ones(where.shape[1]), where), shape=(starts[-1], firsts[-1]))
    return CodedDesign(numbers, keys, tuple(starts), levels, of_numbers, of_levels)


def _sharing(sizes: Sequence[int]) -> list[list[int]]:
    """Categories that share a key: the smallest together, while their combinations are few enough."""
    sets: list[list[int]] = []
    room = 0
    for place in sorted(range(len(sizes)), key=lambda place: sizes[place]):
        if sizes[place] + 1 > room:
            sets.append([])
            room = COMBINATIONS
        sets[-1].append(place)
        room //= sizes[place] + 1
    return sets


@lru_cache(maxsize=16)
def _one_each(n: int, r: int) -> tuple[np.ndarray, np.ndarray]:
    """The entries of n rows with r ones each, and where each row begins: blocks of one size share them."""
    return np.ones(n * r), np.arange(0, n * r + 1, r, dtype=np.int32 if n * r < 2**31 else np.int64)


@dataclass(frozen=True, eq=False)
class _Transposed:
    """X' of a coded design."""

    of: CodedDesign

    def __matmul__(self, C: np.ndarray) -> np.ndarray:
        """X' C, (p,) or (p, k), for C (n,) or (n, k)."""
        X = self.of
        out = np.empty((X.shape[1], *C.shape[1:]))
        out[X.of_numbers], out[X.of_levels] = X.numbers[:, :-1].T @ C, X.level_sums(C)
        return out


class RemoteDesign(ABC):
    """A matrix (n, p) whose rows lie elsewhere: `models.blocks` sends its work there (`sum_over`, `map_over`).

    `X[rows]` are some of the rows, in the order of `rows`. `of_levels`: the columns that are levels where it has codes.
    """

    shape: tuple[int, int]
    of_levels: np.ndarray

    @abstractmethod
    def __getitem__(self, rows: slice | np.ndarray) -> RemoteDesign: ...

    @abstractmethod
    def sum_over(self, work: Callable[..., np.ndarray], of_rows: Sequence[np.ndarray | None], least: int) -> np.ndarray:
        """Sum of `work(block, what belongs to its rows of each of of_rows)` over the blocks of all pieces."""

    @abstractmethod
    def map_over(self, work: Callable[..., np.ndarray], of_rows: Sequence[np.ndarray | None]) -> np.ndarray:
        """The results of `work`, one line for each row, in the order of the rows."""

    @property
    def T(self) -> _RemoteTransposed:
        return _RemoteTransposed(self)

    def __matmul__(self, V: np.ndarray) -> np.ndarray:
        """X V, (n,) or (n, k), for V (p,) or (p, k)."""
        return self.map_over(lambda block: block @ V, ())

    def dense(self) -> np.ndarray:
        """The same numbers as an array here."""
        return self.map_over(dense, ())


@dataclass(frozen=True, eq=False)
class _RemoteTransposed:
    """X' of a remote design."""

    of: RemoteDesign

    def __matmul__(self, C: np.ndarray) -> np.ndarray:
        """X' C, (p,) or (p, k), for C (n,) or (n, k)."""
        return self.of.sum_over(lambda block, own: block.T @ own, (C,), 0)


Design = np.ndarray | CodedDesign | RemoteDesign


def worth_codes(n: int, p: int, held: int) -> bool:
    """Whether X (n, p) is better held as codes, of which each row then has `held`, numbers included."""
    return n * p >= CODED_FROM and held <= CODED_SHARE * p


def extent(X: Design, least: int = 0) -> tuple[int, int]:
    """Rows and columns of X as `row_blocks` counts them; `least`: columns of what else is held for each row."""
    columns = X.shape[1]
    if isinstance(X, CodedDesign):
        calls = CALLS * (1 + columns**2 // ENTRIES)
        columns = max(1, (X.numbers.shape[1] + X.keys.shape[1]) // calls)
    return X.shape[0], max(columns, least)


def dense(X: Design) -> np.ndarray:
    """X as an array: for a few rows at a time, or for those who know arrays only."""
    return X if isinstance(X, np.ndarray) else X.dense()


def level_columns(X: Design) -> np.ndarray:
    """Columns of X that are known to be 0 or 1: X' d is the diagonal of X' diag(d) X there. None of an array."""
    return np.empty(0, dtype=int) if isinstance(X, np.ndarray) else X.of_levels


def level_sums(X: Design, d: np.ndarray) -> np.ndarray:
    """X' d, at `level_columns` alone, for d (n,)."""
    return X.level_sums(d) if isinstance(X, CodedDesign) else np.empty(0)


def cross_product(X: Design, d: np.ndarray) -> np.ndarray:
    """X~' diag(d) X~, (p + 1, p + 1): where d >= 0, half the work of a product of two matrices."""
    if isinstance(X, CodedDesign):
        return X.crossed(X.tallies(d))
    if isinstance(X, RemoteDesign):
        return X.sum_over(cross_product, (d,), 0)
    p = X.shape[1]
    out = np.empty((p + 1, p + 1))
    if (d >= 0).all():
        root = np.sqrt(d)[:, None] * X
        out[:p, :p] = root.T @ root
    else:
        out[:p, :p] = X.T @ (d[:, None] * X)
    out[p, :p] = out[:p, p] = X.T @ d
    out[p, p] = d.sum()
    return out


def in_blocks(X: Design) -> tuple[Callable[..., np.ndarray], Callable[[np.ndarray], np.ndarray]]:
    """What a block of X with its part of d gives, and the cross product of X and d that the sum of it over all is.

    It is less than the cross product of every block where a design has codes.
    """
    if isinstance(X, CodedDesign):
        return CodedDesign.tallies, X.crossed
    P = X.shape[1] + 1
    return cross_product, lambda sums: sums.reshape(P, P)


def row_forms(X: Design, A: np.ndarray) -> Callable[..., np.ndarray]:
    """x~' A x~ of each row of a block of X, (m,), for symmetric A (p + 1, p + 1)."""
    if isinstance(X, CodedDesign):
        return X.forms(A)
    if isinstance(X, RemoteDesign):
        return lambda block: row_forms(block, A)(block)

    def of(block: np.ndarray) -> np.ndarray:
        partners = block @ A[:-1, :-1] + 2.0 * A[-1, :-1]
        return np.asarray(np.einsum("ij,ij->i", partners, block) + A[-1, -1])

    return of


def squared_lengths(X: Design, W: np.ndarray) -> Callable[[Design], np.ndarray]:
    """|W x~|^2 of each row of a block of X, (m,), for a lower triangle W (p + 1, p + 1)."""
    P = W.shape[0]
    if not isinstance(X, np.ndarray):
        return row_forms(X, W.T @ W)
    # Row j of the triangle has entries up to column j only, so working in panels of rows halves the work.
    panels = [
        (slice(start, start + PANEL), np.ascontiguousarray(W[start : start + PANEL, : start + PANEL].T))
        for start in range(0, P, PANEL)
    ]

    def of(block: Design) -> np.ndarray:
        rows, whitened = dense(block), np.empty((block.shape[0], P))
        for columns, panel in panels:
            reads = min(panel.shape[0], P - 1)
            np.matmul(rows[:, :reads], panel[:reads], out=whitened[:, columns])
        whitened[:, -1] += W[-1, -1]
        return np.einsum("ij,ij->i", whitened, whitened)

    return of


def squared(X: np.ndarray | CodedDesign) -> np.ndarray | CodedDesign:
    """Every entry squared."""
    return X.squared() if isinstance(X, CodedDesign) else X**2
