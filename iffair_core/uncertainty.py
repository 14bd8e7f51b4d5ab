"""Resampling and intervals: how different a number could have been with other rows of the same kind.

No metric of fairness is computed here. Confusion cells are resampled as whole counts, never row by row, so that the
cost does not depend on the number of rows; only ranks and losses (ROC AUC, log loss) need the rows themselves.
Functions that draw take a `numpy.random.Generator`, and no result depends on the order of rows or on the names of
groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist

import numpy as np

LEVEL = 0.95
_Z = NormalDist().inv_cdf(0.5 + LEVEL / 2)
_TAILS = (0.5 - LEVEL / 2, 0.5 + LEVEL / 2)
_ROW_WORK = 40_000_000
_ROW_DRAWS = (100, 400)


@dataclass(frozen=True)
class Estimate:
    """A number with its 95 % interval; `count` is the rows in its denominator. None is "not estimable".

    In cohort-only mode (`disclosure`) a rate may be withheld: its value is None although its count is not 0, and a
    count that may not be told is None too.
    """

    value: float | None
    low: float | None
    high: float | None
    count: int | None


@dataclass(frozen=True)
class Evaluation:
    """How one set of decisions treats each group on one set of rows.

    `counts` is (G, 2, 2) [group, outcome, decision] with 1 = favorable. `values` has every name of `metrics.METRICS`.
    Where rows have weights, values, rates and gaps are weighted; counts are still numbers of rows (of weight above 0).
    `intervals` are 95 % and condition on the fitted model. `chance_band` has every name of `metrics.DISPARITIES`: the
    95th percentile (for the ratio the 5th) of what dealing the group labels out at random would show, None where there
    is no such thing. `rates[group][rate]` carry Wilson intervals; `gaps[group][rate]` are signed, group minus
    reference, for every group but the reference, `count` being the smaller of the two denominators.
    """

    groups: tuple[str, ...]
    reference: str
    n: int
    counts: np.ndarray
    values: dict[str, float | None]
    intervals: dict[str, tuple[float, float] | None]
    chance_band: dict[str, float | None]
    rates: dict[str, dict[str, Estimate]]
    gaps: dict[str, dict[str, Estimate]]
    warnings: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """The same as plain JSON values: lists, floats, ints, None."""
        return {
            "groups": list(self.groups),
            "reference": self.reference,
            "n": self.n,
            "counts": self.counts.tolist(),
            "values": dict(self.values),
            "intervals": {name: None if pair is None else list(pair) for name, pair in self.intervals.items()},
            "chance_band": dict(self.chance_band),
            "rates": {group: {name: asdict(e) for name, e in row.items()} for group, row in self.rates.items()},
            "gaps": {group: {name: asdict(e) for name, e in row.items()} for group, row in self.gaps.items()},
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True, eq=False)
class WeightedCells:
    """Cells whose rows do not all count the same; three tables of one shape, the first axis are groups.

    `rows`: number of rows, int64. `total`: sum of their weights, `square`: sum of their squared weights, float64.
    """

    rows: np.ndarray
    total: np.ndarray
    square: np.ndarray


Table = np.ndarray | WeightedCells
"""Cells [group, ...] of rows: their counts, or where rows have weights what takes the place of counts."""


def effective_counts(total: np.ndarray, square: np.ndarray) -> np.ndarray:
    """Kish's (sum of weights)^2 / (sum of squared weights): as many rows of equal weight tell as much; 0 for none."""
    return np.divide(total**2, square, out=np.zeros(np.shape(total)), where=np.greater(square, 0))


def wilson_interval(successes: np.ndarray, trials: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Wilson 95 % score interval of a share.

    Parameters
    ----------
    successes, trials : arrays of one shape, 0 <= successes <= trials; of weighted rows a share times the effective
    count, and that count.

    Returns
    -------
    low, high : float arrays of that shape within [0, 1]; NaN where there is no trial.

    Source: Wilson (1927), J. Am. Stat. Assoc. 22, 209-212.
    """
    k = np.asarray(successes, dtype=np.float64)
    n = np.asarray(trials, dtype=np.float64)
    m = np.where(n > 0, n, np.nan)
    share, z2 = k / m, _Z * _Z
    middle = (share + z2 / (2 * m)) / (1 + z2 / m)
    half = _Z / (1 + z2 / m) * np.sqrt(share * (1 - share) / m + z2 / (4 * m * m))
    # At a share of exactly 0 or 1 the formula ends there too; rounding must not push the end past the share.
    low = np.where(k == 0, 0.0 * m, np.clip(middle - half, 0.0, 1.0))
    high = np.where(k == n, 1.0 + 0.0 * m, np.clip(middle + half, 0.0, 1.0))
    return low, high


def percentile_interval(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """2.5th and 97.5th percentile over the first axis, leaving out NaN.

    Parameters
    ----------
    samples : (draws, ...) floats, NaN where a draw is not estimable.

    Returns
    -------
    low, high : (...) floats, linearly interpolated; NaN where fewer than half of the draws are estimable.
    """
    ordered = np.sort(samples, axis=0)  # NaN sorts last
    usable = np.count_nonzero(~np.isnan(samples), axis=0)
    ends = []
    for tail in _TAILS:
        place = tail * np.maximum(usable - 1, 0)
        below = np.floor(place).astype(np.intp)
        above = np.minimum(below + 1, np.maximum(usable - 1, 0))
        left = np.take_along_axis(ordered, below[None], axis=0)[0]
        right = np.take_along_axis(ordered, above[None], axis=0)[0]
        value = left + (place - below) * (right - left)
        ends.append(np.where(2 * usable >= samples.shape[0], value, np.nan))
    return ends[0], ends[1]


def interval_of(value: float | None, low: float, high: float) -> tuple[float, float] | None:
    """The interval as results carry it: it holds its value; None where not estimable, or without width.

    An interval without width says that no resampled row changed anything, not that the number is certain.
    """
    if value is None or np.isnan(low):
        return None
    low, high = min(low, value), max(high, value)
    return (low, high) if low < high else None


def estimate_of(value: float | None, low: float, high: float, count: int) -> Estimate:
    """An Estimate whose interval is `interval_of` the same numbers."""
    pair = interval_of(value, low, high)
    return Estimate(value, None, None, count) if pair is None else Estimate(value, *pair, count)


def resample_cells(counts: Table, rng: np.random.Generator, draws: int) -> np.ndarray:
    """Multinomial bootstrap of a table of counts: what resampling its rows with replacement would give.

    Parameters
    ----------
    counts : (G, ...) integers, the first axis are groups; or weighted cells.
    draws : number of resampled tables.

    Returns
    -------
    (draws, G, ...) int64, each table with the same total as `counts`; of weighted cells float64, see below.

    A cell of weighted rows is drawn as S / W times a Poisson number of mean W^2 / S, W its total and S its square: mean
    W and variance S are those of a bootstrap that draws every row a Poisson number of times, and where the rows of each
    cell weigh the same it is that bootstrap exactly. The table's total then varies, which no share or rate sees.
    """
    if isinstance(counts, WeightedCells):
        return _resample_weighted(counts, rng, draws)
    table = np.asarray(counts, dtype=np.int64).reshape(counts.shape[0], -1)
    order = np.lexsort(table.T)  # by content, so that renaming groups does not change the stream
    flat = table[order].ravel()
    total = int(flat.sum())
    drawn = np.zeros((draws, flat.size), dtype=np.int64)
    if total:
        # Empty cells are left out: rounding in the last probability could otherwise put a row there.
        filled = np.flatnonzero(flat)
        drawn[:, filled] = rng.multinomial(total, flat[filled] / total, size=draws)
    out = np.empty((draws, *table.shape), dtype=np.int64)
    out[:, order] = drawn.reshape(draws, *table.shape)
    return out.reshape(draws, *counts.shape)


def _resample_weighted(cells: WeightedCells, rng: np.random.Generator, draws: int) -> np.ndarray:
    size, shape = cells.total.shape[0], cells.total.shape
    total, square = cells.total.reshape(size, -1), cells.square.reshape(size, -1)
    order = np.lexsort(np.concatenate([square.T, total.T]))
    mean = effective_counts(total, square)[order]
    unit = np.divide(square, total, out=np.zeros_like(total), where=total > 0)[order]
    out = np.empty((draws, *total.shape))
    out[:, order] = rng.poisson(mean, size=(draws, *mean.shape)) * unit
    return out.reshape(draws, *shape)


def permuted_shares(sizes: np.ndarray, marked: int, rng: np.random.Generator, draws: int) -> np.ndarray:
    """Share of marked rows per group when group labels are dealt out at random.

    Parameters
    ----------
    sizes : (G,) integers, rows per group among those permuted.
    marked : how many of these rows are marked in all.

    Returns
    -------
    (G, draws) floats, groups in order of size; NaN for a group without rows.

    A permutation of labels is a multivariate hypergeometric draw, exactly.
    """
    ordered = np.sort(np.asarray(sizes, dtype=np.int64))
    dealt = rng.multivariate_hypergeometric(ordered, int(marked), size=draws, method="marginals")
    divisor = np.where(ordered > 0, ordered, np.nan)
    return np.ascontiguousarray((dealt / divisor).T)


def weighted_shares(
    shares: np.ndarray, marked: tuple[float, float, float], every: tuple[float, float, float]
) -> np.ndarray:
    """`permuted_shares` of rows that have weights, from those of the same rows counted, same shape.

    Parameters
    ----------
    shares : drawn shares of marked rows.
    marked, every : number of marked rows and of all, with the sum and the sum of squares of their weights.

    Dealing labels out deals the weights with them. The drawn shares are moved and stretched to the mean of weighted
    shares and to their variance, that of sums of b (m - p) over groups as large as these: b the weight, m whether the
    row is marked, p the weighted share. Both are exact to first order; that the total weight of a group varies as well
    is of second order.
    """
    p0, p = marked[0] / every[0], marked[1] / every[1]
    spread = marked[2] * (1 - p) ** 2 + (every[2] - marked[2]) * p**2
    # A product and not a power, whose last digit may depend on the unit of the weights.
    stretch = every[0] * spread / (every[1] * every[1] * p0 * (1 - p0)) if 0 < p0 < 1 else 0.0
    return np.clip(p + (shares - p0) * np.sqrt(stretch), 0.0, 1.0)


def row_losses(y: np.ndarray, score: np.ndarray) -> np.ndarray:
    """-log of the probability given to what happened, (n,) nats, clipped as scikit-learn clips float64."""
    eps = np.finfo(np.float64).eps
    return -np.log(np.clip(np.where(y == 1, score, 1.0 - score), eps, 1.0 - eps))


def row_draws(n: int, draws: int) -> int:
    """How many row bootstraps `n` rows get: at most `draws`, 400 up to 100,000 rows, fewer beyond, at least 100."""
    few, many = _ROW_DRAWS
    return min(draws, max(few, min(many, _ROW_WORK // max(n, 1))))


def resample_rows(
    y: np.ndarray,
    scores: Sequence[np.ndarray],
    rng: np.random.Generator,
    draws: int,
    sample_weight: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """ROC AUC and log loss of one or more models on the same bootstrap samples of the rows.

    Parameters
    ----------
    y : (n,) of 0 and 1.
    scores : one (n,) array of P(favorable) per model.
    draws : number of samples.
    sample_weight : (n,) above 0, how much each row counts; None for all alike.

    Returns
    -------
    auc, loss : (draws, models) floats; AUC is NaN where a sample holds one outcome only, both are if n = 0.

    Rows are put in order of outcome and score first, so the result does not depend on their order in the file; each
    sample is then a vector of row counts on that order, and an AUC is one cumulative sum, not a sort.
    """
    n = y.shape[0]
    auc = np.full((draws, len(scores)), np.nan)
    loss = np.full((draws, len(scores)), np.nan)
    if n == 0:
        return auc, loss
    weight = None if sample_weight is None else np.asarray(sample_weight, dtype=np.float64)
    order = np.lexsort((*reversed(scores), y) if weight is None else (weight, *reversed(scores), y))
    y = y[order]
    weight = None if weight is None else weight[order]
    split = int(np.count_nonzero(y == 0))
    plans: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]] = []
    for given in scores:
        score = given[order]
        unfavorable = np.argsort(score[:split], kind="stable")
        favorable = np.argsort(score[split:], kind="stable") + split
        edges = score[unfavorable]
        lower = np.searchsorted(edges, score[favorable], side="left")
        upper = np.searchsorted(edges, score[favorable], side="right")
        # Without ties both positions are equal and one look-up is enough.
        plans.append((unfavorable, favorable, lower, None if np.array_equal(lower, upper) else upper))
    losses = [row_losses(y, given[order]) for given in scores]
    beneath = np.zeros(split + 1)
    for draw in range(draws):
        count = np.bincount(rng.integers(n, size=n), minlength=n).astype(np.float64)
        negatives, total = count[:split].sum(), float(n)
        if weight is not None:
            count *= weight
            negatives = count[:split].sum()
            total = negatives + count[split:].sum()
        pairs = negatives * (total - negatives)
        for model, (unfavorable, favorable, lower, tied) in enumerate(plans):
            loss[draw, model] = np.sum(count * losses[model]) / total
            if pairs:
                np.cumsum(count[unfavorable], out=beneath[1:])
                won = beneath[lower] if tied is None else (beneath[lower] + beneath[tied]) / 2
                auc[draw, model] = np.sum(count[favorable] * won) / pairs
    return auc, loss
