"""Confusion cells per group -> rates, disparities, utilities, with intervals and a chance band.

Definitions follow Fairlearn (disparities), AIF360 (Theil index) and scikit-learn (utilities). A *rate* belongs to one
group, a *gap* is signed, rate(group) - rate(reference), and a *disparity* is unsigned, largest minus smallest rate.

A rate whose denominator is zero is not estimable: NaN in arrays, None in results, never 0 or 1. A disparity is taken
over the groups whose rate is estimable and is itself not estimable if fewer than two remain.
Everything but ROC AUC and log loss depends on the rows only through the (G, 2, 2) table of counts
[group, outcome, decision], so resampling that table is all that intervals need. Rows may have weights (`sample_weight`,
as survey weights: a row stands for so many people): every metric is then weighted, only their ratios matter, rows of
weight 0 are as if they were not there, and intervals know that unequal weights tell less than their number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from statistics import NormalDist

import numpy as np

from iffair_core.errors import listing
from iffair_core.uncertainty import (
    LEVEL,
    Estimate,
    Evaluation,
    Table,
    WeightedCells,
    effective_counts,
    estimate_of,
    interval_of,
    percentile_interval,
    permuted_shares,
    resample_cells,
    resample_rows,
    row_draws,
    row_losses,
    weighted_shares,
    wilson_interval,
)


@dataclass(frozen=True)
class Rate:
    """A rate of one group. `title` in a sentence; `help` explains it; `why_empty`: why it may have no denominator.

    `quantity`: what the row scores call its soft version; "" where there is none.
    """

    title: str
    help: str
    why_empty: str
    quantity: str = ""


RATES = {
    "selection_rate": Rate(
        "selection rate",
        "Share of a group's rows that the model predicts favorable.",
        "no row of that group is here",
        "demographic_parity",
    ),
    "true_positive_rate": Rate(
        "true positive rate",
        "Share of the rows with a favorable outcome that the model predicts favorable.",
        "no row there has the favorable outcome",
        "true_positive_rate",
    ),
    "false_positive_rate": Rate(
        "false positive rate",
        "Share of the rows without a favorable outcome that the model predicts favorable.",
        "every row there has the favorable outcome, or there is none",
        "false_positive_rate",
    ),
    "error_rate": Rate("error rate", "Share of rows predicted wrong.", "no row of that group is here", "error_rate"),
    "precision": Rate(
        "precision",
        "Share of the rows predicted favorable that have a favorable outcome.",
        "no row there is predicted favorable",
    ),
}

Extents = Mapping[str, tuple[np.ndarray, np.ndarray]]
"""Of each rate, the smallest and the largest over groups."""
Totals = Mapping[str, np.ndarray]
"""Sums over groups: hits of `positives` rows, alarms among `negatives`, `total` rows, `misses` of positives."""


@dataclass(frozen=True)
class Metric:
    """A number that says how unequal or how good a model's decisions are.

    `title` in a sentence. `aif360`: AIF360's name for it. `between`: its value from the extents of rates, for
    disparities between groups; `overall`: from sums over groups; neither where it needs scores.
    """

    title: str
    help: str
    between: Callable[[Extents], np.ndarray] | None = None
    overall: Callable[[Totals], np.ndarray] | None = None
    aif360: str = ""
    utility: bool = False
    higher_is_better: bool = False
    percent: bool = False


def _spread(extents: Extents, rate: str) -> np.ndarray:
    low, high = extents[rate]
    return high - low


def _theil(of: Totals) -> np.ndarray:
    # Benefits are 0 (missed), 1 (right) and 2 (false alarm); their sum is `benefit`, and the entropy has a closed form.
    benefit = of["total"] - of["misses"] + of["alarms"]
    theil = np.log(_share(of["total"], benefit)) + np.log(2.0) * _share(2 * of["alarms"], benefit)
    return np.maximum(theil, 0.0)


METRICS = {
    "demographic_parity_difference": Metric(
        "demographic parity difference",
        "Largest difference in selection rate between groups. "
        "Of two groups, AIF360: statistical parity difference (signed).",
        lambda of: _spread(of, "selection_rate"),
        aif360="statistical_parity_difference",
    ),
    "demographic_parity_ratio": Metric(
        "demographic parity ratio",
        "Smallest selection rate divided by the largest. "
        "Of two groups, with the larger rate as reference, AIF360: disparate impact.",
        lambda of: _share(*of["selection_rate"]),
        aif360="disparate_impact",
        higher_is_better=True,
    ),
    "equal_opportunity_difference": Metric(
        "equal opportunity difference",
        "Largest difference in true positive rate between groups. "
        "Of two groups, AIF360: equal opportunity difference (signed).",
        lambda of: _spread(of, "true_positive_rate"),
        aif360="equal_opportunity_difference",
    ),
    "equalized_odds_difference": Metric(
        "equalized odds difference",
        "The larger of the differences in true and in false positive rate between groups. "
        "AIF360 has its mean: average odds difference.",
        lambda of: np.maximum(_spread(of, "true_positive_rate"), _spread(of, "false_positive_rate")),
    ),
    "average_absolute_odds_difference": Metric(
        "average absolute odds difference",
        "Mean of the differences in true and in false positive rate. "
        "Of two groups, AIF360: average absolute odds difference.",
        lambda of: (_spread(of, "true_positive_rate") + _spread(of, "false_positive_rate")) / 2,
        aif360="average_abs_odds_difference",
    ),
    "error_rate_difference": Metric(
        "error rate difference",
        "Largest difference in error rate between groups. Of two groups, AIF360: error rate difference (signed).",
        lambda of: _spread(of, "error_rate"),
        aif360="error_rate_difference",
    ),
    "predictive_parity_difference": Metric(
        "predictive parity difference",
        "Largest difference in precision between groups.",
        lambda of: _spread(of, "precision"),
    ),
    "theil_index": Metric(
        "Theil index",
        "Inequality of benefit over all rows, 0 if everybody gets the benefit they should. AIF360: Theil index.",
        overall=_theil,
        aif360="theil_index",
    ),
    "accuracy": Metric(
        "accuracy",
        "Share of rows predicted right.",
        overall=lambda of: _share(of["total"] - of["misses"] - of["alarms"], of["total"]),
        utility=True,
        higher_is_better=True,
        percent=True,
    ),
    "balanced_accuracy": Metric(
        "balanced accuracy",
        "Mean of true positive and true negative rate.",
        overall=lambda of: (
            (_share(of["hits"], of["positives"]) + _share(of["negatives"] - of["alarms"], of["negatives"])) / 2
        ),
        utility=True,
        higher_is_better=True,
        percent=True,
    ),
    "f1": Metric(
        "F1",
        "Harmonic mean of precision and true positive rate.",
        overall=lambda of: _share(2 * of["hits"], 2 * of["hits"] + of["misses"] + of["alarms"]),
        utility=True,
        higher_is_better=True,
    ),
    "roc_auc": Metric(
        "ROC AUC",
        "Chance that a favorable row is scored above an unfavorable one.",
        utility=True,
        higher_is_better=True,
    ),
    "log_loss": Metric("log loss", "Mean surprise of the probabilities; smaller is better.", utility=True),
}
"""Every metric by name, disparities first. One that the confusion cells determine is computed from its entry alone."""
UTILITIES = tuple(name for name, metric in METRICS.items() if metric.utility)
DISPARITIES = tuple(name for name in METRICS if name not in UTILITIES)
CELL_METRICS = tuple(name for name, metric in METRICS.items() if metric.between or metric.overall)
ROW_METRICS = tuple(name for name in METRICS if name not in CELL_METRICS)


@dataclass(frozen=True)
class Goal:
    """What weights can be asked to repair: the disparity `metric`, by way of the gaps in `rates`."""

    title: str
    metric: str
    rates: tuple[str, ...]
    help: str


GOALS = {
    "demographic_parity": Goal(
        "demographic parity",
        "demographic_parity_difference",
        ("selection_rate",),
        "Equal selection rates: fits where the recorded outcome itself is in doubt.",
    ),
    "equal_opportunity": Goal(
        "equal opportunity",
        "equal_opportunity_difference",
        ("true_positive_rate",),
        "Equal true positive rates: fits where those who deserve the benefit must not be missed.",
    ),
    "equalized_odds": Goal(
        "equalized odds",
        "equalized_odds_difference",
        ("true_positive_rate", "false_positive_rate"),
        "Equal true and false positive rates: fits where both kinds of error do harm.",
    ),
    "error_rate_parity": Goal(
        "error rate parity",
        "error_rate_difference",
        ("error_rate",),
        "Equal error rates: fits where being judged wrongly, either way, is the harm.",
    ),
}
GOAL_METRIC = {name: goal.metric for name, goal in GOALS.items()}
GOAL_RATES = {name: goal.rates for name, goal in GOALS.items()}
THRESHOLD = 0.5
FEW_ROWS = 10
"""Rows below which a rate is not worth a number, or is told with a warning."""
LEAST_EXPECTED = 5
"""Rows expected on either side from which two shares can be compared by a z test."""
FEW_DECISIONS = 5
"""Decisions of the rarer kind below which a model tells nobody apart."""


def confusion_counts(y: np.ndarray, decision: np.ndarray, codes: np.ndarray, n_groups: int) -> np.ndarray:
    """Count rows by group, outcome and decision.

    Parameters
    ----------
    y, decision : (n,) of 0 and 1 (or bool), 1 = favorable.
    codes : (n,) integers in [0, n_groups).

    Returns
    -------
    (n_groups, 2, 2) int64, indexed [group, outcome, decision].

    Raises
    ------
    ValueError if lengths differ, a code is out of range, or an outcome or decision is neither 0 nor 1.
    """
    parts = [_binary("outcome", y), _binary("decision", decision)]
    codes = _codes(codes, n_groups, parts[0].shape[0])
    if parts[1].shape != codes.shape:
        raise ValueError(f"{codes.shape[0]} rows but {parts[1].shape[0]} decisions.")
    cell = codes * 4 + parts[0] * 2 + parts[1]
    return np.bincount(cell, minlength=4 * n_groups).reshape(n_groups, 2, 2).astype(np.int64, copy=False)


def confusion_table(
    y: np.ndarray, decision: np.ndarray, codes: np.ndarray, n_groups: int, sample_weight: np.ndarray | None = None
) -> Table:
    """`confusion_counts`, or weighted cells of that shape where the rows that count do not all weigh the same.

    Raises ValueError as `confusion_counts`, or if weights are missing, infinite or negative.
    """
    weight, (y, decision, codes) = _counting(sample_weight, y, decision, codes)
    return _table(y, decision, codes, n_groups, weight)


def _table(y: np.ndarray, decision: np.ndarray, codes: np.ndarray, n_groups: int, weight: np.ndarray | None) -> Table:
    rows = confusion_counts(y, decision, codes, n_groups)
    if weight is None:
        return rows
    cell = np.asarray(codes, dtype=np.int64) * 4 + (np.asarray(y) == 1) * 2 + (np.asarray(decision) == 1)
    total, square = (np.bincount(cell, weights=one, minlength=rows.size) for one in (weight, weight**2))
    return WeightedCells(rows, total.reshape(rows.shape), square.reshape(rows.shape))


def tells_apart(table: Table) -> bool:
    """Whether decisions of both kinds are more than a few: at least 5, and at least one row in a thousand.

    Where they are not, the model treats everybody alike, and its disparities say nothing of how it treats groups.
    """
    rows = _rows(table)
    selected, every = int(rows[..., 1].sum()), int(rows.sum())
    return min(selected, every - selected) >= max(FEW_DECISIONS, every / 1000)


def fewest_of_an_outcome(table: Table) -> int:
    """Rows with the rarer of the two outcomes."""
    return int(_rows(table).sum(axis=(0, 2)).min())


def rates_from_counts(counts: np.ndarray) -> dict[str, np.ndarray]:
    """Every rate of RATES per group: counts (..., G, 2, 2) or totals -> (..., G) floats, NaN where not estimable."""
    return {name: np.moveaxis(_share(*pair), 0, -1) for name, pair in _fractions(counts).items()}


def metrics_from_counts(counts: np.ndarray) -> dict[str, np.ndarray]:
    """Every metric that the confusion cells determine (CELL_METRICS).

    Parameters
    ----------
    counts : (..., G, 2, 2), indexed [..., group, outcome, decision]; or the totals of weighted cells.

    Returns
    -------
    name -> (...) floats, NaN where not estimable. Disparities are unsigned and lie in [0, 1].
    `theil_index` is the generalized entropy with alpha = 1 of b = decision - outcome + 1 over all rows, in nats
    (Speicher et al. 2018); the utilities are scikit-learn's.
    """
    fractions = _fractions(counts)
    extents = {name: _extent(_share(*pair)) for name, pair in fractions.items()}
    hits, positives = (part.sum(axis=0) for part in fractions["true_positive_rate"])
    alarms, negatives = (part.sum(axis=0) for part in fractions["false_positive_rate"])
    totals = {"hits": hits, "positives": positives, "alarms": alarms, "negatives": negatives}
    totals |= {"total": positives + negatives, "misses": positives - hits}
    found = {}
    for name, metric in METRICS.items():
        if metric.between is not None:
            found[name] = metric.between(extents)
        elif metric.overall is not None:
            found[name] = metric.overall(totals)
    return found


def point_metrics(
    y: np.ndarray,
    score: np.ndarray,
    codes: np.ndarray,
    n_groups: int,
    sample_weight: np.ndarray | None = None,
    threshold: float = THRESHOLD,
) -> dict[str, float | None]:
    """Every metric of METRICS, without uncertainty.

    Parameters
    ----------
    y : (n,) of 0 and 1, 1 = favorable. score : (n,) P(favorable) in [0, 1]; the decision is score >= threshold.
    codes : (n,) integers in [0, n_groups).
    sample_weight : (n,) finite and at least 0, how much each row counts; None for all alike.

    Returns
    -------
    name -> float, None where not estimable. Log loss is in nats per row.

    Raises
    ------
    ValueError if lengths differ, a code is out of range, a score is missing or outside [0, 1], or a weight is missing,
    infinite or negative.
    """
    weight, (y, score, codes) = _counting(sample_weight, y, _scores(score), codes)
    return _values(y, score, _table(y, score >= threshold, codes, n_groups, weight), weight)


def chance_band(counts: Table, *, seed: int, draws: int = 2000) -> dict[str, float | None]:
    """What each disparity would show by chance alone: its 95th percentile when group labels are permuted.

    counts (G, 2, 2) -> a float for each name of DISPARITIES; for the ratio the 5th percentile, since lower is worse.
    Labels are permuted within each outcome for opportunity and odds, among the rows predicted favorable for predictive
    parity, and over all rows otherwise; drawn exactly on the cells. None where the disparity is not estimable, and for
    the Theil index, which knows no groups. Of weighted cells the rows are dealt out, and the shares moved and stretched
    to those of weights (`uncertainty.weighted_shares`).
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed, 1]))
    extent = {}
    for name, (marked, rows) in _fractions(_rows(counts)).items():
        shares = permuted_shares(rows, int(marked.sum()), rng, draws)
        if isinstance(counts, WeightedCells) and rows.any():
            sums = [_fractions(one)[name] for one in (counts.rows, counts.total, counts.square)]
            of_marked, of_all = zip(*((float(part.sum()), float(whole.sum())) for part, whole in sums), strict=True)
            shares = weighted_shares(shares, of_marked, of_all)
        extent[name] = _extent(shares)
    band: dict[str, float | None] = dict.fromkeys(DISPARITIES)
    for name, metric in METRICS.items():
        if metric.between is not None:
            # Permuting keeps the denominators, so either every draw is estimable or none is.
            band[name] = _plain(np.quantile(metric.between(extent), 0.05 if metric.higher_is_better else 0.95))
    return band


def intervals_from_counts(counts: Table, *, seed: int, draws: int = 2000) -> dict[str, tuple[float, float] | None]:
    """95 % intervals of CELL_METRICS by multinomial bootstrap of the (G, 2, 2) cells; None where not estimable.

    Percentiles, widened where largest minus smallest misleads. An interval always holds its value. Sampling pushes the
    largest rate up and the smallest down, and resampling does so again: a disparity's interval reaches further toward
    equality by twice the bootstrap's bias (with five groups of 200 rows plain percentiles cover 55 to 92 % in place of
    95 %, these 88 to 93 %). And where the value is inside the chance band, it reaches to 0 (that of the ratio to 1).
    Weighted cells are drawn as `uncertainty.resample_cells` says.
    """
    samples = metrics_from_counts(resample_cells(counts, _cell_stream(seed), draws))
    values = {name: _plain(value) for name, value in metrics_from_counts(_totals(counts)).items()}
    return _cell_intervals(values, samples, chance_band(counts, seed=seed, draws=draws))


def evaluate(
    y: np.ndarray,
    score: np.ndarray,
    codes: np.ndarray,
    groups: Sequence[str],
    reference: str,
    *,
    seed: int,
    draws: int = 2000,
    sample_weight: np.ndarray | None = None,
    threshold: float = THRESHOLD,
) -> Evaluation:
    """Every metric with its interval, every rate per group and every signed gap against the reference group.

    Parameters
    ----------
    y, score, codes : as for `point_metrics`; `codes` index `groups`.
    reference : one of `groups`.
    seed : not negative; the same seed gives the same numbers, whatever the order of rows.
    draws : bootstrap and permutation draws; ROC AUC and log loss resample rows, 100 to 400 times by their number.
    sample_weight, threshold : as for `point_metrics`. Counts are of rows with weight above 0; Wilson's intervals rest
        on Kish's effective count of each denominator.

    Raises
    ------
    ValueError as `point_metrics`, or if `reference` is not one of `groups`.
    """
    groups = tuple(groups)
    if reference not in groups:
        raise ValueError(f"The reference group {reference!r} is not among {listing(groups)}.")
    weight, (y, score, codes) = _counting(sample_weight, np.asarray(y), _scores(score), codes)
    counts = _table(y, score >= threshold, codes, len(groups), weight)
    values = _values(y, score, counts, weight)
    drawn = resample_cells(counts, _cell_stream(seed), draws)
    band = chance_band(counts, seed=seed, draws=draws)
    intervals = _cell_intervals(values, metrics_from_counts(drawn), band)
    for name, sample in zip(ROW_METRICS, _row_samples(y, (score,), seed, draws, weight), strict=True):
        intervals[name] = interval_of(values[name], *(float(end) for end in percentile_interval(sample[:, 0])))
    rates, gaps = _rates_and_gaps(counts, drawn, groups, reference)
    warnings = (*alike_warnings(counts), *rate_warnings(rates), *value_warnings(values))
    ordered, rows = {name: intervals[name] for name in METRICS}, _rows(counts)
    return Evaluation(groups, reference, int(rows.sum()), rows, values, ordered, band, rates, gaps, warnings)


def rates_and_gaps(
    counts: Table, groups: Sequence[str], reference: str, *, seed: int, draws: int = 2000
) -> tuple[dict[str, dict[str, Estimate]], dict[str, dict[str, Estimate]]]:
    """The rates of every group and their signed gaps to the reference group, as in an `Evaluation`, from cells alone.

    counts: `confusion_table` of these groups.
    """
    return _rates_and_gaps(counts, resample_cells(counts, _cell_stream(seed), draws), tuple(groups), reference)


@dataclass(frozen=True)
class ClearPair:
    """Two groups, by position, whose rates differ by more than chance: `gap` is rate(over) - rate(under) > 0.

    `p`: of `tests` tests, by Bonferroni.
    """

    rate: str
    over: int
    under: int
    gap: float
    p: float
    tests: int


def clear_pair(counts: Table, rates: Sequence[str]) -> ClearPair | None:
    """The pair of groups that differs most surely in one of `rates`, each pair tested by itself; None where none does.

    counts: `confusion_table`. The chance band is about all groups at once, and few rows in one of them widen it for
    all. Tested are pairs with at least five expected rows on either side, by the z test of two shares, all together at
    a level of 5 %. Rows with unequal weights tell as much as Kish's effective number of them.
    """
    shares = _fractions(_totals(counts))
    squares = _fractions(counts.square) if isinstance(counts, WeightedCells) else shares
    found, size = [], _rows(counts).shape[0]
    for rate in rates:
        part, whole = shares[rate]
        share, n = _share(part, whole), effective_counts(whole, squares[rate][1])
        for over, under in permutations(range(size), 2):
            if not share[over] > share[under]:  # also where one is not estimable
                continue
            pooled = (n[over] * share[over] + n[under] * share[under]) / (n[over] + n[under])
            if min(n[over], n[under]) * min(pooled, 1.0 - pooled) < LEAST_EXPECTED:
                continue
            gap = float(share[over] - share[under])
            z = gap / math.sqrt(pooled * (1.0 - pooled) * (1.0 / n[over] + 1.0 / n[under]))
            found.append((2.0 * NormalDist().cdf(-z), rate, over, under, gap))
    tests = len(rates) * math.comb(size, 2)
    if not found or (first := min(found))[0] * tests > 1.0 - LEVEL:
        return None
    p, rate, over, under, gap = first
    return ClearPair(rate, over, under, gap, min(1.0, p * tests), tests)


def paired_difference(
    y: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
    codes: np.ndarray,
    n_groups: int,
    *,
    seed: int,
    draws: int = 2000,
    sample_weight: np.ndarray | None = None,
    threshold: float = THRESHOLD,
) -> dict[str, Estimate]:
    """Change of every metric of METRICS, after - before, on the same rows.

    Both models are judged on the same resampled rows (multinomial bootstrap over group, outcome and the two decisions;
    rows for ROC AUC and log loss), so what they share cancels. Disparities are unsigned on either side: a negative
    change is a smaller disparity. `count` is the number of rows (of weight above 0). `sample_weight`, `threshold`: as
    for `point_metrics`.

    Raises
    ------
    ValueError as `point_metrics`.
    """
    y, before, after = np.asarray(y), _scores(before), _scores(after)
    if before.shape != after.shape:
        raise ValueError(f"{before.shape[0]} scores before but {after.shape[0]} after.")
    weight, (y, before, after, codes) = _counting(sample_weight, y, before, after, codes)
    joint = _joint_cells(y, before >= threshold, after >= threshold, codes, n_groups, weight)
    samples = _drawn_changes(joint, seed, draws)
    for name, sample in zip(ROW_METRICS, _row_samples(y, (before, after), seed, draws, weight), strict=True):
        samples[name] = sample[:, 1] - sample[:, 0]
    counts = _sides(_totals(joint))
    start, end = _values(y, before, counts[0], weight), _values(y, after, counts[1], weight)
    result = {}
    for name in METRICS:
        a, b = start[name], end[name]
        low, high = (float(bound) for bound in percentile_interval(samples[name]))
        result[name] = estimate_of(None if a is None or b is None else b - a, low, high, y.shape[0])
    return result


def paired_change(
    metric: str,
    y: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
    codes: np.ndarray,
    n_groups: int,
    *,
    seed: int,
    draws: int = 2000,
    sample_weight: np.ndarray | None = None,
) -> Estimate:
    """One metric's entry of `paired_difference`, from decisions (n,) of bool; `metric` is one of CELL_METRICS.

    It costs one pass over the rows, as it draws whole cells.
    """
    weight, (y, before, after, codes) = _counting(sample_weight, np.asarray(y), before, after, codes)
    joint = _joint_cells(y, before, after, codes, n_groups, weight)
    old, new = (_plain(metrics_from_counts(table)[metric]) for table in _sides(_totals(joint)))
    low, high = (float(end) for end in percentile_interval(_drawn_changes(joint, seed, draws)[metric]))
    return estimate_of(None if old is None or new is None else new - old, low, high, y.shape[0])


def _joint_cells(
    y: np.ndarray, first: np.ndarray, second: np.ndarray, codes: np.ndarray, n_groups: int, weight: np.ndarray | None
) -> Table:
    """(G, before, outcome, after) cells of rows under two decisions."""
    pair = _codes(codes, n_groups, np.shape(first)[0]) * 2 + _binary("decision", first)
    return _split_groups(_table(y, second, pair, 2 * n_groups, weight))


def _drawn_changes(joint: Table, seed: int, draws: int) -> dict[str, np.ndarray]:
    """Bootstrap samples (draws,) of the change of each of CELL_METRICS."""
    old, new = (metrics_from_counts(table) for table in _sides(resample_cells(joint, _cell_stream(seed), draws)))
    return {name: new[name] - old[name] for name in CELL_METRICS}


def _binary(what: str, values: np.ndarray) -> np.ndarray:
    values = np.asarray(values)
    ones = values == 1
    if values.ndim != 1 or not np.all(ones | (values == 0)):
        raise ValueError(f"Every {what} must be 0 or 1, in one dimension.")
    return ones.astype(np.int64)


def _codes(codes: np.ndarray, n_groups: int, n: int) -> np.ndarray:
    codes = np.asarray(codes)
    if codes.shape != (n,):
        raise ValueError(f"{n} rows but group codes of shape {codes.shape}.")
    if n and not (codes.min() >= 0 and codes.max() < n_groups):
        raise ValueError(f"Group codes must lie in 0..{n_groups - 1}, seen {codes.min()}..{codes.max()}.")
    return codes.astype(np.int64, copy=False)


def _scores(score: np.ndarray) -> np.ndarray:
    score = np.asarray(score, dtype=np.float64)
    if score.ndim != 1 or (score.size and not (score.min() >= 0 and score.max() <= 1)):
        raise ValueError("Scores must be probabilities: one per row, each between 0 and 1, none missing.")
    return score


def _counting(sample_weight: np.ndarray | None, *rows: np.ndarray) -> tuple[np.ndarray | None, tuple[np.ndarray, ...]]:
    """Drop rows of weight 0: (weights, arrays) of the others; weights are None where they are all equal."""
    if sample_weight is None:
        return None, rows
    weight = np.asarray(sample_weight, dtype=np.float64)
    if weight.ndim != 1 or not (np.isfinite(weight).all() and (weight >= 0).all()):
        raise ValueError("Weights must be numbers, one per row, finite and at least 0.")
    if any(np.shape(one)[:1] != weight.shape for one in rows):
        raise ValueError(f"{weight.size} weights, but {', '.join(str(np.shape(one)[0]) for one in rows)} rows.")
    counts = weight > 0
    if not counts.all():
        weight, rows = weight[counts], tuple(np.asarray(one)[counts] for one in rows)
    alike = weight.size == 0 or bool((weight == weight[0]).all())
    return None if alike else weight, rows


def _rows(table: Table) -> np.ndarray:
    return table.rows if isinstance(table, WeightedCells) else table


def _totals(table: Table) -> np.ndarray:
    return table.total if isinstance(table, WeightedCells) else table


def _split_groups(table: Table) -> Table:
    """(2 G, outcome, after) -> (G, before, outcome, after)."""
    if isinstance(table, WeightedCells):
        return WeightedCells(*(one.reshape(-1, 2, 2, 2) for one in (table.rows, table.total, table.square)))
    return table.reshape(-1, 2, 2, 2)


def _fractions(counts: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """(..., G, 2, 2) -> rate -> numerator and denominator, each (G, ...): groups first, which reduces fastest."""
    cells = np.moveaxis(np.asarray(counts), (-2, -1, -3), (0, 1, 2))
    (right_no, alarm), (miss, hit) = np.ascontiguousarray(cells, dtype=np.float64)
    positives, negatives, selected = hit + miss, alarm + right_no, hit + alarm
    rows = positives + negatives
    pairs = ((selected, rows), (hit, positives), (alarm, negatives), (alarm + miss, rows), (hit, selected))
    return dict(zip(RATES, pairs, strict=True))


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """part / whole, NaN where `whole` is zero or NaN."""
    return np.divide(part, whole, out=np.full(np.shape(whole), np.nan), where=np.greater(whole, 0))


def _extent(rate: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Smallest and largest estimable rate over the first axis; NaN where fewer than two groups have one."""
    missing = np.isnan(rate)
    enough = np.count_nonzero(missing, axis=0) <= rate.shape[0] - 2
    low = np.where(missing, np.inf, rate).min(axis=0)
    high = np.where(missing, -np.inf, rate).max(axis=0)
    return np.where(enough, low, np.nan), np.where(enough, high, np.nan)


def _sides(joint: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(..., G, before, outcome, after) -> (..., G, outcome, decision) before and after."""
    return np.swapaxes(joint.sum(axis=-1), -1, -2), joint.sum(axis=-3)


def _cell_stream(seed: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence([seed, 0]))


def _row_samples(
    y: np.ndarray, scores: Sequence[np.ndarray], seed: int, draws: int, weight: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(np.random.SeedSequence([seed, 2]))
    return resample_rows(y, scores, rng, row_draws(y.shape[0], draws), weight)


def _plain(value: np.ndarray | float) -> float | None:
    number = float(value)
    return None if np.isnan(number) else number


def _values(
    y: np.ndarray, score: np.ndarray, table: Table, weight: np.ndarray | None = None
) -> dict[str, float | None]:
    cells = metrics_from_counts(_totals(table))
    values = {name: _plain(cells[name]) for name in CELL_METRICS}
    if weight is not None:
        return {name: (values | _weighted_row_metrics(y, score, weight)).get(name) for name in METRICS}
    favorable, unfavorable = np.sort(score[y == 1]), np.sort(score[y == 0])
    if pairs := favorable.size * unfavorable.size:
        below = np.searchsorted(unfavorable, favorable, side="left").sum()
        not_above = np.searchsorted(unfavorable, favorable, side="right").sum()
        values["roc_auc"] = float((below + not_above) / 2 / pairs)
    if score.size:
        # Summed over sorted scores, so that the order of rows leaves no trace in the last digit.
        loss = row_losses(np.ones(1), favorable).sum() + row_losses(np.zeros(1), unfavorable).sum()
        values["log_loss"] = float(loss / score.size)
    return {name: values.get(name) for name in METRICS}


def _weighted_row_metrics(y: np.ndarray, score: np.ndarray, weight: np.ndarray) -> dict[str, float]:
    order = np.lexsort((weight, score, y))
    y, score, weight = y[order], score[order], weight[order]
    values = {"log_loss": float(weight @ row_losses(y, score) / weight.sum())}
    split = int(np.count_nonzero(y == 0))
    beneath = np.append(0.0, np.cumsum(weight[:split]))
    sides = [np.searchsorted(score[:split], score[split:], side=side) for side in ("left", "right")]
    won = sum(float(weight[split:] @ beneath[side]) for side in sides) / 2
    if pairs := float(beneath[-1] * weight[split:].sum()):
        values["roc_auc"] = min(won / pairs, 1.0)
    return values


def _cell_intervals(
    values: Mapping[str, float | None], samples: Mapping[str, np.ndarray], band: Mapping[str, float | None]
) -> dict[str, tuple[float, float] | None]:
    lows, highs = percentile_interval(np.stack([samples[name] for name in CELL_METRICS], axis=1))
    intervals = {}
    for name, low, high in zip(CELL_METRICS, lows.tolist(), highs.tolist(), strict=True):
        value, chance = values[name], band.get(name)
        pair = interval_of(value, low, high)
        if pair is not None and value is not None and chance is not None:
            shift = 2 * (float(np.nanmean(samples[name])) - value)
            if METRICS[name].higher_is_better:
                pair = (pair[0], 1.0 if value >= chance else min(1.0, max(pair[1], pair[1] - shift)))
            else:
                pair = (0.0 if value <= chance else max(0.0, min(pair[0], pair[0] - shift)), pair[1])
        intervals[name] = pair if pair is None or pair[0] < pair[1] else None
    return intervals


def _rates_and_gaps(
    table: Table, drawn: np.ndarray, groups: tuple[str, ...], reference: str
) -> tuple[dict[str, dict[str, Estimate]], dict[str, dict[str, Estimate]]]:
    """Rates with Wilson intervals, gaps with bootstrap intervals widened as Newcombe (1998) where a rate is 0 or 1."""
    base = groups.index(reference)
    others = [(code, group) for code, group in enumerate(groups) if code != base]
    rates: dict[str, dict[str, Estimate]] = {group: {} for group in groups}
    gaps: dict[str, dict[str, Estimate]] = {group: {} for _, group in others}
    resampled, counted = rates_from_counts(drawn), _fractions(_rows(table))
    for name, (part, total) in _fractions(_totals(table)).items():
        value, whole, successes, trials = _share(part, total), counted[name][1], part, total
        if isinstance(table, WeightedCells):
            trials = effective_counts(total, _fractions(table.square)[name][1])
            successes = np.where(trials > 0, value, 0.0) * trials
        low, high = wilson_interval(successes, trials)
        lows, highs = percentile_interval(resampled[name] - resampled[name][:, base, None])
        # A rate of exactly 0 or 1 never moves when its cells are resampled, so its share of the error is Wilson's.
        still = (value == 0) | (value == 1)
        below = np.hypot(value - low, high[base] - value[base])
        above = np.hypot(high - value, value[base] - low[base])
        lows = np.where(still | still[base], np.fmin(lows, np.maximum(value - value[base] - below, -1.0)), lows)
        highs = np.where(still | still[base], np.fmax(highs, np.minimum(value - value[base] + above, 1.0)), highs)
        for code, group in enumerate(groups):
            rates[group][name] = estimate_of(_plain(value[code]), low[code].item(), high[code].item(), int(whole[code]))
        for code, group in others:
            gap = _plain(value[code] - value[base])
            rows = int(min(whole[code], whole[base]))
            gaps[group][name] = estimate_of(gap, lows[code].item(), highs[code].item(), rows)
    return rates, gaps


def alike_warnings(table: Table) -> list[str]:
    """That the decisions treat everybody alike, where they do (`tells_apart`); no number of rows is told."""
    if tells_apart(table):
        return []
    rows = _rows(table)
    who = "nobody, or hardly anybody" if 2 * rows[..., 1].sum() <= rows.sum() else "everybody, or nearly"
    return [f"The model selects {who}: it tells people so little apart that equal rates are no sign of fairness."]


def rate_warnings(rates: Mapping[str, Mapping[str, Estimate]]) -> list[str]:
    """Which rates of which groups are not estimable, or rest on few rows, one sentence each."""
    found = []
    absent = [group for group, row in rates.items() if all(row[name].count == 0 for name in RATES)]
    if absent:
        found.append(f"No row of {listing(absent, len(absent))} is here: no rate of it is estimable.")
    for name, rate in RATES.items():
        empty = [group for group, row in rates.items() if row[name].count == 0 and group not in absent]
        if empty:
            found.append(
                f"The {name.replace('_', ' ')} is not estimable for {listing(empty, len(empty))}: {rate.why_empty}. "
                "Disparities that use it leave that group out."
            )
    fewest = {
        group: min((count for name in RATES if (count := row[name].count)), default=0) for group, row in rates.items()
    }
    few = [f"{group} ({count})" for group, count in fewest.items() if 0 < count < FEW_ROWS]
    if few:
        found.append(
            f"Rates that rest on fewer than {FEW_ROWS} rows, with the fewest: {listing(few, len(few))}. "
            "Intervals of gaps and disparities that use them may be too narrow."
        )
    return found


def value_warnings(values: Mapping[str, float | None]) -> list[str]:
    """Which metrics are not estimable, in a sentence."""
    missing = [name for name in METRICS if values[name] is None]
    return [f"Not estimable on these rows: {listing(missing, len(missing))}."] if missing else []
