"""The matrix that a model sees: an array, or its categories kept as codes, behind the few products it is used in.

X (n, p) is an array, or a `CodedDesign` that stands for the same numbers: a category of L levels is one code a row in
place of L - 1 columns of zeros and ones. Both know `shape`, `X[rows]`, `X @ V` and `X.T @ C`; the functions below are
the rest of what is asked of them. x~ = [x, 1] is a row with the intercept's 1 at its end. The rows of a `RemoteDesign`
lie elsewhere, as arrays or codes, and work is sent to them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache

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


PANEL = 8
"""Rows of a triangle at a time: narrow enough for BLAS's kernels for small matrices."""


@dataclass(frozen=True, eq=False)
class CodedDesign:
    """A matrix (n, p) of numbers and categories.

    numbers (n, a + 1) float64, the last column 1 for the intercept; codes (n, q) int32, C-contiguous. The one-hot
    columns of all categories stand side by side, those of category k from starts[k] to starts[k + 1]: a code is the
    column that is 1 in the row, or starts[q] where none is. `of_numbers` (a,) and `of_levels` (starts[q],) are the
    columns of X that these are.
    """

    numbers: np.ndarray
    codes: np.ndarray
    starts: tuple[int, ...]
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
            return replace(self, numbers=self.numbers[rows], codes=self.codes[rows], _views={})
        ends = rows.start, rows.stop, rows.step
        if ends not in self._views:
            self._views[ends] = replace(self, numbers=self.numbers[rows], codes=self.codes[rows], _views={})
        return self._views[ends]

    def __matmul__(self, V: np.ndarray) -> np.ndarray:
        """X V, (n,) or (n, k), for V (p,) or (p, k)."""
        out = self.numbers[:, :-1] @ V[self.of_numbers]
        out += self._levels @ _with_zeros(V)[np.append(self.of_levels, -1)]
        return np.asarray(out)

    def cross_product(self, d: np.ndarray) -> np.ndarray:
        """X~' diag(d) X~, (p + 1, p + 1)."""
        p, weighted = self.shape[1], d[:, None] * self.numbers
        numbers, levels, out = np.append(self.of_numbers, p), self.of_levels, np.empty((p + 1, p + 1))
        mixed = (self._by_level @ weighted)[:-1]
        out[np.ix_(numbers, numbers)] = self.numbers.T @ weighted
        out[np.ix_(levels, numbers)], out[np.ix_(numbers, levels)] = mixed, mixed.T
        pairs = self._pairs(d)
        out[np.ix_(levels, levels)] = pairs + pairs.T + np.diag(mixed[:, -1])
        return out

    def _pairs(self, d: np.ndarray) -> np.ndarray:
        """Sum of d over the rows that have both levels, (starts[q], starts[q]), where the second category is later."""
        sizes = np.diff(self.starts)
        wide = int(sizes.max()) + 1
        # Each category's own codes, from 0 to its number of levels for none.
        own = np.minimum(self.codes.T - np.array(self.starts[:-1])[:, None], sizes[:, None])
        out = np.zeros((self.starts[-1], self.starts[-1]))
        for k, size in enumerate(sizes):
            row = own[k] * wide
            for other in range(k + 1, sizes.size):
                sums = np.bincount(row + own[other], d, (size + 1) * wide).reshape(size + 1, wide)
                columns = slice(self.starts[other], self.starts[other + 1])
                out[self.starts[k] : self.starts[k + 1], columns] = sums[:-1, : sizes[other]]
        return out

    def forms(self, A: np.ndarray) -> np.ndarray:
        """x~' A x~ of each row, (n,), for symmetric A (p + 1, p + 1)."""
        A, p = _with_zeros(_with_zeros(A).T), self.shape[1]
        numbers, levels = np.append(self.of_numbers, p), np.append(self.of_levels, p + 1)
        partners = self.numbers @ A[np.ix_(numbers, numbers)]
        partners += self._levels @ (2.0 * A[np.ix_(levels, numbers)])
        out = np.einsum("ij,ij->i", partners, self.numbers)
        pairs, size = A[np.ix_(levels, levels)].ravel(), levels.size
        codes = np.ascontiguousarray(self.codes.T)
        for k, code in enumerate(codes):
            row = code * size
            out += pairs.take(row + code)
            for other in codes[:k]:
                out += 2.0 * pairs.take(row + other)
        return np.asarray(out)

    def squared(self) -> CodedDesign:
        """Every entry squared."""
        return replace(self, numbers=self.numbers**2, _views={})

    def dense(self) -> np.ndarray:
        """The same numbers as an array."""
        out = np.zeros((self.shape[0], self.shape[1] + 1))  # the last column is for no level
        np.put_along_axis(out, np.append(self.of_levels, -1)[self.codes], 1.0, axis=1)
        out[:, self.of_numbers] = self.numbers[:, :-1]
        return np.ascontiguousarray(out[:, :-1])

    @cached_property
    def _levels(self) -> csr_array:
        """The one-hot columns, and one for no level, (n, starts[q] + 1)."""
        ones, ends = _one_each(*self.codes.shape)
        return csr_array((ones, self.codes.ravel(), ends), shape=(self.shape[0], self.starts[-1] + 1))

    @cached_property
    def _by_level(self) -> csc_array:
        """The transpose of `_levels`."""
        return self._levels.T


@lru_cache(maxsize=16)
def _one_each(n: int, q: int) -> tuple[np.ndarray, np.ndarray]:
    """The entries of n rows with q ones each, and where each row begins: blocks of one size share them."""
    return np.ones(n * q), np.arange(0, n * q + 1, q, dtype=np.int32 if n * q < 2**31 else np.int64)


@dataclass(frozen=True, eq=False)
class _Transposed:
    """X' of a coded design."""

    of: CodedDesign

    def __matmul__(self, C: np.ndarray) -> np.ndarray:
        """X' C, (p,) or (p, k), for C (n,) or (n, k)."""
        X = self.of
        out = np.empty((X.shape[1], *C.shape[1:]))
        out[X.of_numbers], out[X.of_levels] = X.numbers[:, :-1].T @ C, (X._by_level @ C)[:-1]
        return out


class RemoteDesign(ABC):
    """A matrix (n, p) whose rows lie elsewhere: `models.blocks` sends its work there (`sum_over`, `map_over`).

    `X[rows]` are some of the rows, in the order of `rows`.
    """

    shape: tuple[int, int]

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


def _with_zeros(V: np.ndarray) -> np.ndarray:
    """V with a row of zeros at its end."""
    return np.concatenate([V, np.zeros((1, *V.shape[1:]))])


def worth_codes(n: int, p: int, held: int) -> bool:
    """Whether X (n, p) is better held as codes, of which each row then has `held`, numbers included."""
    return n * p >= CODED_FROM and held <= CODED_SHARE * p


def extent(X: Design, least: int = 0) -> tuple[int, int]:
    """Rows and columns of X as `row_blocks` counts them; `least`: columns of what else is held for each row."""
    columns = X.shape[1]
    if isinstance(X, CodedDesign):
        calls = CALLS * (1 + columns**2 // ENTRIES)
        columns = max(1, (X.numbers.shape[1] + X.codes.shape[1]) // calls)
    return X.shape[0], max(columns, least)


def dense(X: Design) -> np.ndarray:
    """X as an array: for a few rows at a time, or for those who know arrays only."""
    return X if isinstance(X, np.ndarray) else X.dense()


def level_columns(X: Design) -> np.ndarray:
    """Columns of X that are known to be 0 or 1: X' d is the diagonal of X' diag(d) X there. None of an array."""
    return X.of_levels if isinstance(X, CodedDesign) else np.empty(0, dtype=int)


def cross_product(X: Design, d: np.ndarray) -> np.ndarray:
    """X~' diag(d) X~, (p + 1, p + 1): where d >= 0, half the work of a product of two matrices."""
    if isinstance(X, CodedDesign):
        return X.cross_product(d)
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


def row_forms(X: Design, A: np.ndarray) -> np.ndarray:
    """x~' A x~ of each row, (m,), for symmetric A (p + 1, p + 1)."""
    if isinstance(X, CodedDesign):
        return X.forms(A)
    if isinstance(X, RemoteDesign):
        return X.map_over(lambda block: row_forms(block, A), ())
    return np.einsum("ij,ij->i", X @ A[:-1, :-1] + 2.0 * A[-1, :-1], X) + A[-1, -1]


def squared_lengths(X: Design, W: np.ndarray) -> Callable[[Design], np.ndarray]:
    """|W x~|^2 of each row of a block of X, (m,), for a lower triangle W (p + 1, p + 1)."""
    P = W.shape[0]
    if not isinstance(X, np.ndarray):
        form = W.T @ W
        return lambda block: row_forms(block, form)
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
