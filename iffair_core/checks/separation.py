"""How well one column alone tells the rows of a group from all others: ROC AUC, out of sample where it is learned.

A column is prepared once (`prepared`) and then compared with any number of groupings (`separation`). The better of two
scores counts. One is the number itself, in the direction that separates, with missing cells at the median. The other is
the share of the group at each level of the column, learned on four fifths of the rows and applied to the rest, so that
a column with a different value in every row does not look perfect. Levels are values, or quantile bins of numbers with
many values; missing is a level.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pandas as pd

from iffair_core.reading.values import as_numbers, is_number, label_codes
from iffair_core.uncertainty import LEVEL

FOLDS = 5
MOST_BINS = 64
ROWS_PER_BIN = 50
MOST_LEVELS = 2_000
_CELLS = 40_000
LEAST_ROWS = 10
"""Rows of the group, and of the others, below which no AUC is given."""
_STEPS = 60
_Z = NormalDist().inv_cdf(0.5 + LEVEL / 2)


@dataclass(frozen=True, eq=False)
class Prepared:
    """A column ready to be held against groupings of its n rows.

    levels (n,) int32, below `size`; ranks (n,) float64, mid-ranks from 1 of numbers or dates with missing cells at the
    median, None for any other column.
    """

    levels: np.ndarray
    size: int
    ranks: np.ndarray | None


def prepared(series: pd.Series) -> Prepared:
    """The column's levels, and its ranks if it holds numbers or dates; infinite numbers count as missing."""
    if series.dtype.kind == "M":
        days = series.dt.tz_localize(None).to_numpy().astype("datetime64[D]")
        return _prepared_numbers(np.where(np.isnat(days), np.nan, days.astype(np.float64)))
    if is_number(series):
        return _prepared_numbers(as_numbers(series))
    codes, labels = label_codes(series)
    return Prepared(codes, len(labels), None)


def _prepared_numbers(values: np.ndarray) -> Prepared:
    known = np.isfinite(values)
    every = bool(known.all())
    if not known.any():
        return Prepared(np.zeros(values.size, dtype=np.int32), 1, None)
    filled = values if every else np.where(known, values, np.median(values[known]))
    distinct, codes = np.unique(filled, return_inverse=True)
    counts = np.bincount(codes)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[codes]
    bins = min(MOST_BINS, max(2, values.size // ROWS_PER_BIN))
    size = distinct.size
    if size > MOST_BINS:
        codes = ((ranks - 0.5) * bins / values.size).astype(np.int64)
        size = bins
    levels = codes.astype(np.int32)
    if not every:
        levels[~known] = size
        size += 1
    return Prepared(levels, size, ranks)


def folds_of(n: int, seed: int) -> np.ndarray:
    """(n,) int64: which fifth of the rows each belongs to, at random."""
    return np.random.default_rng(seed).permutation(n) % FOLDS


def separation(column: Prepared, codes: np.ndarray, n_groups: int, folds: np.ndarray) -> np.ndarray:
    """(G,) ROC AUC of the column alone for each group against all others, at least 0.5.

    codes (n,): group of each row, below n_groups = G. NaN where the group or the others have fewer than 10 rows.
    """
    rows = np.bincount(codes, minlength=n_groups)
    found = _of_levels(column, codes, n_groups, folds)
    if column.ranks is not None:
        found = np.maximum(found, _of_ranks(column.ranks, codes, rows))
    return np.where((rows >= LEAST_ROWS) & (codes.size - rows >= LEAST_ROWS), np.maximum(found, 0.5), np.nan)


def _of_ranks(ranks: np.ndarray, codes: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """AUC of the ranks in whichever direction separates: Mann-Whitney's U over the number of pairs."""
    within = np.bincount(codes, weights=ranks, minlength=rows.size)
    pairs = np.maximum(rows * (codes.size - rows), 1)
    area = (within - rows * (rows + 1) / 2) / pairs
    return np.asarray(np.maximum(area, 1.0 - area))


def _of_levels(column: Prepared, codes: np.ndarray, n_groups: int, folds: np.ndarray) -> np.ndarray:
    """AUC of the group's share at each level, learned on the other folds; pairs are compared within a fold."""
    levels, size = _frequent(column, max(MOST_BINS, min(MOST_LEVELS, _CELLS // n_groups)))
    places = (folds * n_groups + codes) * size + levels
    inside = np.bincount(places, minlength=FOLDS * n_groups * size).reshape(FOLDS, n_groups, size).astype(np.float64)
    every = inside.sum(axis=1, keepdims=True)
    learned, seen = inside.sum(axis=0) - inside, every.sum(axis=0) - every
    prior = learned.sum(axis=2, keepdims=True) / np.maximum(seen.sum(axis=2, keepdims=True), 1)
    scores = (learned + prior) / (seen + 1.0)
    outside = every - inside
    won = (_won(inside, outside, scores) + _won(inside[..., ::-1], outside[..., ::-1], scores[..., ::-1])) / 2
    pairs = inside.sum(axis=2) * outside.sum(axis=2)
    return np.asarray(won.sum(axis=0) / np.maximum(pairs.sum(axis=0), 1))


def _won(inside: np.ndarray, outside: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Pairs in which the row inside scores higher. A tie between two levels counts as won by the later one, so the mean
    over both orders of the levels counts it half."""
    order = np.argsort(scores, axis=2, kind="stable")
    inside, outside = (np.take_along_axis(counts, order, axis=2) for counts in (inside, outside))
    return np.asarray((inside * (np.cumsum(outside, axis=2) - outside / 2)).sum(axis=2))


def _frequent(column: Prepared, most: int) -> tuple[np.ndarray, int]:
    """Levels with all but the most frequent ones pooled, and how many there are."""
    if column.size <= most:
        return column.levels, column.size
    counts = np.bincount(column.levels, minlength=column.size)
    kept = np.argsort(-counts, kind="stable")[: most - 1]
    place = np.full(column.size, most - 1, dtype=np.int32)
    place[kept] = np.arange(most - 1, dtype=np.int32)
    return place[column.levels], most


def auc_interval(area: np.ndarray, inside: np.ndarray, outside: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """95 % interval of a ROC AUC from the numbers of rows on both sides; arrays of one shape, NaN where the area is.

    It holds the areas from which the observed one is at most 1.96 of their own standard errors away, so that it has
    width at 0 and 1 too. Standard error: Hanley and McNeil (1982), Radiology 143, 29-36, with both numbers of rows
    replaced by their mean in the numerator: Newcombe (2006), Statist. Med. 25, 559-573, method 5.
    """
    area, inside, outside = (np.asarray(part, dtype=np.float64) for part in (area, inside, outside))

    def apart(true: np.ndarray) -> np.ndarray:
        more = (inside + outside) / 2 - 1
        spread = true * (1 - true) * (1 + more * ((1 - true) / (2 - true) + true / (1 + true))) / (inside * outside)
        return np.asarray(np.abs(area - true) - _Z * np.sqrt(spread))

    ends = []
    for limit in (0.0, 1.0):
        # Bisection between the observed area, which is inside, and the end of the scale, which is not.
        near, far = area.copy(), np.full_like(area, limit)
        for _ in range(_STEPS):
            middle = (near + far) / 2
            beyond = apart(middle) > 0
            near, far = np.where(beyond, near, middle), np.where(beyond, middle, far)
        ends.append(np.where(np.isnan(area), np.nan, near))
    return ends[0], ends[1]
