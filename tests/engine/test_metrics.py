"""Laws of the metrics: agreement with Fairlearn and scikit-learn, invariance, what is not estimable, uncertainty."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import sklearn.metrics as sk
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.stats import chi2_contingency

from benchmarks.verify_outputs import reference_metrics
from iffair_core.metrics import (
    CELL_METRICS,
    DISPARITIES,
    GOAL_METRIC,
    GOAL_RATES,
    GOALS,
    METRICS,
    RATES,
    Estimate,
    Evaluation,
    chance_band,
    clear_pair,
    confusion_counts,
    confusion_table,
    evaluate,
    intervals_from_counts,
    metrics_from_counts,
    paired_difference,
    point_metrics,
    rates_from_counts,
)
from iffair_core.uncertainty import resample_cells, resample_rows, row_draws, wilson_interval

GAP_DISPARITIES = tuple(name for name in DISPARITIES if name not in ("demographic_parity_ratio", "theil_index"))
SCORES = st.sampled_from([0.0, 0.2, 0.49999, 0.5, 0.7, 1.0]) | st.floats(0, 1)


@st.composite
def judged_rows(draw: st.DrawFn, *, full: bool = False) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """y, score, codes, number of groups; with `full` no confusion cell of any group is empty."""
    n_groups = draw(st.integers(2, 5))
    n = draw(st.integers(1, 60))
    y = draw(hnp.arrays(np.int8, n, elements=st.integers(0, 1)))
    score = draw(hnp.arrays(np.float64, n, elements=SCORES))
    codes = draw(hnp.arrays(np.int32, n, elements=st.integers(0, n_groups - 1)))
    if full:
        group, outcome, decision = np.indices((n_groups, 2, 2)).reshape(3, -1)
        y = np.concatenate([y, outcome.astype(np.int8)])
        score = np.concatenate([score, np.where(decision == 1, 0.8, 0.3)])
        codes = np.concatenate([codes, group.astype(np.int32)])
    return y, score, codes, n_groups


COUNTS = hnp.arrays(np.int64, st.tuples(st.integers(2, 5), st.just(2), st.just(2)), elements=st.integers(0, 30))


def population(rng: np.random.Generator, cells: np.ndarray, n: int) -> np.ndarray:
    return rng.multinomial(n, cells.ravel()).reshape(cells.shape)


def rows_of(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows with exactly these cells: y, score, codes."""
    codes, y, decision = (np.repeat(axis.ravel(), counts.ravel()) for axis in np.indices(counts.shape))
    return y, np.where(decision == 1, 0.8, 0.2), codes


def example(n: int = 600, n_groups: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    codes = rng.integers(n_groups, size=n)
    y = (rng.random(n) < 0.3 + 0.1 * codes).astype(np.int8)
    return y, np.clip(0.25 + 0.4 * y + 0.08 * codes + 0.2 * rng.normal(size=n), 0, 1), codes


# Agreement


@given(judged_rows(full=True), st.booleans(), st.integers(0, 1000))
def test_values_equal_fairlearn_and_scikit_learn(
    rows: tuple[np.ndarray, np.ndarray, np.ndarray, int], weighted: bool, seed: int
) -> None:
    y, score, codes, n_groups = rows
    weight = np.random.default_rng(seed).gamma(1.0, size=y.size) if weighted else None
    actual, expected = point_metrics(y, score, codes, n_groups, weight), reference_metrics(y, score, codes, weight)
    assert tuple(actual) == tuple(METRICS) and set(expected) == set(METRICS)
    for name, value in expected.items():
        assert actual[name] == pytest.approx(value, abs=1e-12, rel=1e-12), name


def test_values_equal_scikit_learn_on_many_rows() -> None:
    y, score, codes = example(20_000, 4)
    actual = point_metrics(y, score, codes, 4)
    assert actual["roc_auc"] == pytest.approx(sk.roc_auc_score(y, score), abs=1e-12)
    assert actual["log_loss"] == pytest.approx(sk.log_loss(y, score), rel=1e-12)


@given(COUNTS)
def test_rates_follow_their_definitions(counts: np.ndarray) -> None:
    rates = rates_from_counts(counts)
    assert tuple(rates) == tuple(RATES)
    for code, ((tn, fp), (fn, tp)) in enumerate(counts.tolist()):
        fractions = {
            "selection_rate": (tp + fp, tn + fp + fn + tp),
            "true_positive_rate": (tp, tp + fn),
            "false_positive_rate": (fp, fp + tn),
            "error_rate": (fp + fn, tn + fp + fn + tp),
            "precision": (tp, tp + fp),
        }
        for name, (part, whole) in fractions.items():
            expected = part / whole if whole else math.nan
            assert rates[name][code] == pytest.approx(expected, abs=1e-15, nan_ok=True)


@given(hnp.arrays(np.int64, (3, 2, 4, 2, 2), elements=st.integers(0, 9)))
def test_leading_dimensions_are_independent_tables(counts: np.ndarray) -> None:
    together, rates = metrics_from_counts(counts), rates_from_counts(counts)
    assert tuple(together) == CELL_METRICS
    for place in np.ndindex(3, 2):
        alone, alone_rates = metrics_from_counts(counts[place]), rates_from_counts(counts[place])
        assert all(np.array_equal(together[name][place], alone[name], equal_nan=True) for name in CELL_METRICS)
        assert all(np.array_equal(rates[name][place], alone_rates[name], equal_nan=True) for name in RATES)


def test_every_goal_has_a_metric_and_rates() -> None:
    assert set(GOAL_METRIC) == set(GOAL_RATES) == set(GOALS)
    assert set(GOAL_METRIC.values()) <= set(DISPARITIES)
    assert {rate for rates in GOAL_RATES.values() for rate in rates} <= set(RATES)


def test_decision_is_favorable_from_one_half_on() -> None:
    counts = evaluate(
        np.array([1, 1, 0, 0]),
        np.array([0.5, np.nextafter(0.5, 0), 0.5, 0.1]),
        np.array([0, 0, 1, 1]),
        ("a", "b"),
        "a",
        seed=0,
        draws=50,
    ).counts
    assert counts.tolist() == [[[0, 0], [1, 1]], [[1, 1], [0, 0]]]


# Invariance and range


@given(judged_rows(), st.randoms(use_true_random=False))
def test_permuting_rows_changes_nothing(rows: tuple[np.ndarray, np.ndarray, np.ndarray, int], random: object) -> None:
    y, score, codes, n_groups = rows
    groups = tuple("abcde"[:n_groups])
    order = np.arange(y.size)
    random.shuffle(order)  # type: ignore[attr-defined]
    first = evaluate(y, score, codes, groups, "a", seed=3, draws=60)
    second = evaluate(y[order], score[order], codes[order], groups, "a", seed=3, draws=60)
    assert first.to_dict() == second.to_dict()
    other = np.roll(score, 1)
    assert paired_difference(y, score, other, codes, n_groups, seed=3, draws=60) == paired_difference(
        y[order], score[order], other[order], codes[order], n_groups, seed=3, draws=60
    )


@given(judged_rows(), st.randoms(use_true_random=False))
def test_renaming_groups_changes_no_disparity(
    rows: tuple[np.ndarray, np.ndarray, np.ndarray, int], random: object
) -> None:
    y, score, codes, n_groups = rows
    renamed = np.arange(n_groups)
    random.shuffle(renamed)  # type: ignore[attr-defined]
    groups = tuple("abcde"[:n_groups])
    other_groups = tuple(groups[code] for code in np.argsort(renamed))
    first = evaluate(y, score, codes, groups, "a", seed=3, draws=60)
    second = evaluate(y, score, renamed[codes], other_groups, "a", seed=3, draws=60)
    assert first.values == second.values
    assert first.intervals == second.intervals
    assert first.chance_band == second.chance_band
    assert first.rates == second.rates
    for group, row in first.gaps.items():
        for name, gap in row.items():
            assert second.gaps[group][name].value == gap.value


@given(COUNTS)
def test_disparities_are_unsigned_and_at_most_one(counts: np.ndarray) -> None:
    values = metrics_from_counts(counts)
    for name in (*GAP_DISPARITIES, "demographic_parity_ratio"):
        assert math.isnan(values[name]) or 0 <= values[name] <= 1
    assert math.isnan(values["theil_index"]) or 0 <= values["theil_index"] <= math.log(counts.sum()) + 1e-12
    assert np.array_equal(
        values["equalized_odds_difference"] >= values["average_absolute_odds_difference"],
        ~np.isnan(values["equalized_odds_difference"]),
    )


@given(judged_rows())
def test_swapping_the_reference_flips_the_sign_of_a_gap(
    rows: tuple[np.ndarray, np.ndarray, np.ndarray, int],
) -> None:
    y, score, codes, n_groups = rows
    groups = tuple("abcde"[:n_groups])
    one = evaluate(y, score, codes, groups, "a", seed=1, draws=60)
    two = evaluate(y, score, codes, groups, "b", seed=1, draws=60)
    assert set(one.gaps) == set(groups) - {"a"}
    for name in RATES:
        gap, back = one.gaps["b"][name], two.gaps["a"][name]
        assert gap.count == back.count == min(one.rates["a"][name].count, one.rates["b"][name].count)
        if gap.value is None:
            assert back == Estimate(None, None, None, 0)
        else:
            assert gap.value == -back.value
            assert gap.value == one.rates["b"][name].value - one.rates["a"][name].value
            assert (gap.low is None) == (back.low is None)
            if gap.low is not None:
                assert (gap.low, gap.high) == pytest.approx((-back.high, -back.low), abs=1e-12)


@given(judged_rows())
def test_results_are_plain_json_and_intervals_hold_their_value(
    rows: tuple[np.ndarray, np.ndarray, np.ndarray, int],
) -> None:
    y, score, codes, n_groups = rows
    groups = tuple("abcde"[:n_groups])
    result = evaluate(y, score, codes, groups, "a", seed=1, draws=60)
    plain = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert plain == result.to_dict()
    assert plain["n"] == y.size == np.sum(plain["counts"])
    assert tuple(plain["values"]) == tuple(plain["intervals"]) == tuple(METRICS)
    assert tuple(plain["chance_band"]) == DISPARITIES
    assert plain["values"] == point_metrics(y, score, codes, n_groups)
    for name, value in result.values.items():
        assert value is None or type(value) is float
        interval = result.intervals[name]
        assert interval is None or (value is not None and interval[0] <= value <= interval[1])
    for row in (*result.rates.values(), *result.gaps.values()):
        for estimate in row.values():
            assert (estimate.value is None) == (estimate.count == 0)
            assert estimate.low is None or estimate.low <= estimate.value <= estimate.high


def test_the_seed_decides_every_number() -> None:
    y, score, codes = example()
    groups = ("a", "b", "c")
    first = evaluate(y, score, codes, groups, "a", seed=5)
    assert first.to_dict() == evaluate(y, score, codes, groups, "a", seed=5).to_dict()
    other = evaluate(y, score, codes, groups, "a", seed=6)
    assert first.values == other.values
    assert first.intervals != other.intervals
    cells = intervals_from_counts(first.counts, seed=5)
    assert cells == {name: first.intervals[name] for name in CELL_METRICS}
    assert first.chance_band == chance_band(first.counts, seed=5)


# Not estimable


def judge(cells: list[list[list[int]]]) -> Evaluation:
    counts = np.array(cells)
    y, score, codes = rows_of(counts)
    return evaluate(y, score, codes, tuple("abcde"[: len(cells)]), "a", seed=0, draws=300)


def test_perfect_classifier_and_two_groups_one_without_favorable_rows() -> None:
    result = judge([[[20, 0], [0, 20]], [[20, 0], [0, 0]]])
    for name in ("equal_opportunity_difference", "equalized_odds_difference", "average_absolute_odds_difference"):
        assert result.values[name] is None
        assert result.intervals[name] is None
        assert result.chance_band[name] is None
    assert result.rates["b"]["true_positive_rate"] == Estimate(None, None, None, 0)
    assert result.gaps["b"]["true_positive_rate"] == Estimate(None, None, None, 0)
    assert result.values["error_rate_difference"] == 0.0
    assert any("true positive rate" in text and " b:" in text for text in result.warnings)
    assert any("equalized_odds_difference" in text for text in result.warnings)


def test_perfect_classifier_and_three_groups_one_without_favorable_rows() -> None:
    result = judge([[[20, 0], [0, 20]], [[20, 0], [0, 0]], [[15, 0], [0, 30]]])
    assert result.values["equal_opportunity_difference"] == 0.0
    assert result.values["equalized_odds_difference"] == 0.0
    assert result.rates["b"]["true_positive_rate"].value is None
    named = [text for text in result.warnings if "not estimable for" in text]
    assert len(named) == 2  # the true positive rate and the precision of b
    assert all(" b:" in text for text in named)


def test_a_group_that_is_not_here_is_left_out_and_named() -> None:
    counts = np.array([[[5, 5], [5, 15]], [[0, 0], [0, 0]], [[15, 5], [5, 5]]])
    without = metrics_from_counts(counts[[0, 2]])
    result = judge(counts.tolist())
    for name in CELL_METRICS:
        assert result.values[name] == float(without[name])
    for name in RATES:
        assert result.rates["b"][name] == Estimate(None, None, None, 0)
    assert [text for text in result.warnings if " b " in text] == ["No row of b is here: no rate of it is estimable."]


def test_nobody_selected() -> None:
    result = judge([[[10, 0], [10, 0]], [[12, 0], [9, 0]]])
    assert result.values["demographic_parity_difference"] == 0.0
    for name in ("demographic_parity_ratio", "predictive_parity_difference"):
        assert result.values[name] is None
        assert result.intervals[name] is None
        assert result.chance_band[name] is None
    assert result.values["f1"] == 0.0
    assert result.values["theil_index"] is not None


def test_undefined_utilities() -> None:
    all_missed = judge([[[0, 0], [7, 0]], [[0, 0], [9, 0]]])
    for name in ("theil_index", "balanced_accuracy", "roc_auc"):
        assert all_missed.values[name] is None
        assert any(name in text for text in all_missed.warnings)
    assert all_missed.values["log_loss"] == pytest.approx(-math.log(0.2))
    assert judge([[[7, 0], [0, 0]], [[9, 0], [0, 0]]]).values["f1"] is None


def test_no_rows_at_all() -> None:
    empty = np.array([], dtype=np.int8)
    result = evaluate(empty, empty.astype(float), empty.astype(int), ("a", "b"), "a", seed=0, draws=50)
    assert result.n == 0
    assert all(value is None for value in result.values.values())
    assert all(value is None for value in result.intervals.values())
    change = paired_difference(empty, empty.astype(float), empty.astype(float), empty.astype(int), 2, seed=0, draws=50)
    assert set(change.values()) == {Estimate(None, None, None, 0)}


def test_one_group_has_no_disparity() -> None:
    result = judge([[[10, 5], [5, 10]]])
    assert all(result.values[name] is None for name in DISPARITIES if name != "theil_index")
    assert result.gaps == {}
    assert result.values["accuracy"] == pytest.approx(2 / 3)


def test_few_rows_are_named_with_their_count() -> None:
    warnings = judge([[[50, 50], [50, 50]], [[50, 50], [2, 1]]]).warnings
    assert len(warnings) == 1
    assert "fewer than 10 rows" in warnings[0]
    assert "b (3)" in warnings[0]
    assert judge([[[50, 50], [50, 50]], [[50, 50], [5, 5]]]).warnings == ()


@pytest.mark.parametrize(
    ("y", "score", "codes", "message"),
    [
        ([0, 1], [0.1, np.nan], [0, 1], "probabilities"),
        ([0, 1], [0.1, 1.2], [0, 1], "probabilities"),
        ([0, 1], [[0.1, 0.2]], [0, 1], "probabilities"),
        ([0, 2], [0.1, 0.2], [0, 1], "outcome"),
        ([0, 1], [0.1, 0.2], [0, 2], "codes"),
        ([0, 1], [0.1, 0.2], [-1, 1], "codes"),
        ([0, 1], [0.1, 0.2], [0, 1, 1], "codes"),
        ([0, 1], [0.1, 0.2, 0.3], [0, 1], "decisions"),
    ],
)
def test_bad_input_is_refused(y: list, score: list, codes: list, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        point_metrics(np.array(y), np.array(score), np.array(codes), 2)


def test_unknown_reference_is_refused() -> None:
    with pytest.raises(ValueError, match="'c' is not among a, b"):
        evaluate(np.array([0, 1]), np.array([0.1, 0.9]), np.array([0, 1]), ("a", "b"), "c", seed=0)


def test_scores_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="2 scores before but 3 after"):
        paired_difference(np.array([0, 1]), np.full(2, 0.5), np.full(3, 0.5), np.array([0, 1]), 2, seed=0)


# Uncertainty


def test_wilson_against_hand_values() -> None:
    # z^2 = 3.841458821; k = 0, n = 10: high = z^2 / (n + z^2); k = 5, n = 10: 1/2 +- z / 2 / sqrt(n + z^2).
    low, high = wilson_interval(np.array([0, 5, 10, 81, 0]), np.array([10, 10, 10, 263, 0]))
    assert low[:3] == pytest.approx([0.0, 0.236593090512564, 0.722467200137181], abs=1e-12)
    assert high[:3] == pytest.approx([0.277532799862819, 0.763406909487436, 1.0], abs=1e-12)
    assert (low[3], high[3]) == pytest.approx((0.2553, 0.3662), abs=5e-5)  # Newcombe (1998), table I
    assert np.isnan(low[4])
    assert np.isnan(high[4])


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_symmetric_and_holds_the_share(pair: tuple[int, int]) -> None:
    k, n = pair
    low, high = wilson_interval(np.array([k, n - k]), np.array([n, n]))
    assert 0 <= low[0] <= k / n <= high[0] <= 1
    assert low[0] == pytest.approx(1 - high[1], abs=1e-12)


CELLS = np.array([[[0.20, 0.08], [0.06, 0.16]], [[0.21, 0.05], [0.12, 0.12]]])


def test_intervals_cover_the_truth_about_95_percent_of_the_time() -> None:
    truth = {name: float(value) for name, value in metrics_from_counts(CELLS).items()}
    true_rates = rates_from_counts(CELLS)
    rng = np.random.default_rng(1)
    runs, held, gap_held, rate_held = 250, dict.fromkeys(CELL_METRICS, 0), 0, 0
    for run in range(runs):
        counts = population(rng, CELLS, 800)
        for name, interval in intervals_from_counts(counts, seed=run, draws=400).items():
            assert interval is not None
            held[name] += interval[0] <= truth[name] <= interval[1]
        if run < 100:
            y, score, codes = rows_of(counts)
            result = evaluate(y, score, codes, ("a", "b"), "a", seed=run, draws=200)
            gap, rate = result.gaps["b"]["true_positive_rate"], result.rates["b"]["precision"]
            gap_held += gap.low <= true_rates["true_positive_rate"][1] - true_rates["true_positive_rate"][0] <= gap.high
            rate_held += rate.low <= true_rates["precision"][1] <= rate.high
    for name, count in held.items():
        assert 0.90 <= count / runs <= 0.995, name
    assert 0.90 <= gap_held / 100 <= 0.99
    assert 0.90 <= rate_held / 100 <= 0.99


def test_intervals_over_five_groups_do_not_promise_too_much() -> None:
    cells = np.concatenate([CELLS / 2, CELLS[::-1] / 2 * np.array([1.1, 0.9]), CELLS[:1] / 4])
    cells /= cells.sum()
    truth = {name: float(value) for name, value in metrics_from_counts(cells).items()}
    rng = np.random.default_rng(4)
    held = dict.fromkeys(CELL_METRICS, 0)
    for run in range(100):
        for name, interval in intervals_from_counts(population(rng, cells, 1000), seed=run, draws=200).items():
            held[name] += interval[0] <= truth[name] <= interval[1]
    for name, count in held.items():
        assert count / 100 >= 0.83, name


def test_no_disparity_at_all_is_inside_the_interval_95_percent_of_the_time() -> None:
    cells = np.tile(np.array([[0.4, 0.1], [0.2, 0.3]]), (4, 1, 1)) / 4
    rng = np.random.default_rng(2)
    held = dict.fromkeys(GAP_DISPARITIES, 0)
    for run in range(300):
        intervals = intervals_from_counts(population(rng, cells, 1000), seed=run, draws=300)
        for name in held:
            held[name] += intervals[name][0] == 0.0
    for name, count in held.items():
        assert 0.90 <= count / 300 <= 0.99, name


def test_chance_band_is_the_95th_percentile_of_permuted_labels() -> None:
    rng = np.random.default_rng(3)
    counts = np.array([[[40, 20], [15, 45]], [[30, 10], [20, 20]], [[20, 5], [6, 8]]])
    y, score, codes = rows_of(counts)
    decision = score >= 0.5
    band = chance_band(counts, seed=0, draws=8000)
    rows = np.arange(y.size)
    everything, within_outcome, selected = [], [], []
    for _ in range(4000):
        everything.append(confusion_counts(y, decision, rng.permutation(codes), 3))
        shuffled = codes.copy()
        for part in (rows[y == 0], rows[y == 1]):
            shuffled[part] = rng.permutation(codes[part])
        within_outcome.append(confusion_counts(y, decision, shuffled, 3))
        shuffled = codes.copy()
        shuffled[decision] = rng.permutation(codes[decision])
        selected.append(confusion_counts(y, decision, shuffled, 3))
    sources = {
        "demographic_parity_difference": everything,
        "demographic_parity_ratio": everything,
        "error_rate_difference": everything,
        "equal_opportunity_difference": within_outcome,
        "equalized_odds_difference": within_outcome,
        "average_absolute_odds_difference": within_outcome,
        "predictive_parity_difference": selected,
    }
    assert set(sources) == set(DISPARITIES) - {"theil_index"}
    for name, tables in sources.items():
        values = metrics_from_counts(np.array(tables))[name]
        tail = np.mean(values >= band[name]) if name != "demographic_parity_ratio" else np.mean(values <= band[name])
        assert 0.04 <= tail <= 0.065, name
    assert band["theil_index"] is None


def test_resampled_tables_keep_the_total_and_the_moments() -> None:
    counts = np.array([[[50, 0], [7, 100]], [[1, 30], [0, 12]]])
    drawn = resample_cells(counts, np.random.default_rng(0), 4000)
    n = counts.sum()
    assert drawn.shape == (4000, 2, 2, 2)
    assert np.all(drawn.sum(axis=(1, 2, 3)) == n)
    assert np.all(drawn[:, counts == 0] == 0)
    assert drawn.mean(axis=0) == pytest.approx(counts, abs=0.6)
    assert drawn.var(axis=0) == pytest.approx(counts * (1 - counts / n), rel=0.12)


def test_resampled_rows_agree_with_scikit_learn_on_copied_rows() -> None:
    y, score, _ = example(80)
    other = np.round(score, 1)  # with ties
    auc, loss = resample_rows(y, (score, other), np.random.default_rng(4), 20)
    order = np.lexsort((other, score, y))
    rng = np.random.default_rng(4)
    for draw in range(20):
        rows = order[rng.integers(80, size=80)]
        for model, given_score in enumerate((score, other)):
            assert auc[draw, model] == pytest.approx(sk.roc_auc_score(y[rows], given_score[rows]), abs=1e-12)
            assert loss[draw, model] == pytest.approx(sk.log_loss(y[rows], given_score[rows]), rel=1e-12)


def test_row_intervals_cover_the_truth() -> None:
    rng = np.random.default_rng(5)
    pool_y, pool_score, _ = example(100_000, 2, seed=9)
    truth = point_metrics(pool_y, pool_score, np.zeros_like(pool_y), 1)
    held = {"roc_auc": 0, "log_loss": 0}
    for run in range(100):
        rows = rng.integers(pool_y.size, size=300)
        result = evaluate(pool_y[rows], pool_score[rows], np.arange(300) % 2, ("a", "b"), "a", seed=run, draws=200)
        for name in held:
            low, high = result.intervals[name]
            held[name] += low <= truth[name] <= high
    for name, count in held.items():
        assert 0.88 <= count / 100 <= 0.995, name


def test_more_rows_get_fewer_row_draws() -> None:
    assert [row_draws(n, 2000) for n in (0, 10_000, 100_000, 200_000, 10**7)] == [400, 400, 400, 200, 100]
    assert row_draws(10_000, 50) == 50


def test_paired_interval_is_narrower_than_the_unpaired() -> None:
    y, score, codes = example(3000)
    before = np.clip(score, 0.05, 0.95)  # a score of 0 or 1 can cost 36 nats and would rule the log loss
    after = np.clip(before + 0.02 * np.random.default_rng(1).normal(size=y.size), 0.05, 0.95)
    groups = ("a", "b", "c")
    one = evaluate(y, before, codes, groups, "a", seed=0)
    two = evaluate(y, after, codes, groups, "a", seed=1)
    change = paired_difference(y, before, after, codes, 3, seed=0)
    assert tuple(change) == tuple(METRICS)
    for name, estimate in change.items():
        assert estimate.value == two.values[name] - one.values[name]
        assert estimate.low <= estimate.value <= estimate.high
        assert estimate.count == 3000
        width = np.hypot(*(result.intervals[name][1] - result.intervals[name][0] for result in (one, two)))
        assert estimate.high - estimate.low < 0.6 * width, name


def test_paired_difference_of_a_model_with_itself_is_exactly_zero() -> None:
    y, score, codes = example(200)
    for name, estimate in paired_difference(y, score, score, codes, 3, seed=0, draws=200).items():
        assert estimate == Estimate(0.0, None, None, 200), name


def test_paired_difference_needs_both_sides() -> None:
    y, score, codes = example(200, 2)
    change = paired_difference(y, score, np.full(200, 0.1), codes, 2, seed=0, draws=200)
    assert change["predictive_parity_difference"] == Estimate(None, None, None, 200)
    assert change["roc_auc"].value == pytest.approx(0.5 - point_metrics(y, score, codes, 2)["roc_auc"])


def test_a_gap_against_a_tiny_group_with_a_rate_of_zero_is_as_uncertain_as_that_group():
    y = np.ones(202)
    codes = np.repeat([0, 1], [200, 2])
    score = np.where(np.arange(202) < 130, 0.9, 0.1)  # 130 of 200 selected, and 0 of 2
    evaluation = evaluate(np.append(y, 0.0), np.append(score, 0.1), np.append(codes, 0), ("a", "b"), "a", seed=0)
    gap = evaluation.gaps["b"]["true_positive_rate"]
    wilson = evaluation.rates["b"]["true_positive_rate"]
    assert gap.value == pytest.approx(-0.65)
    assert gap.high - gap.value >= wilson.high - wilson.value - 1e-12 > 0.6
    assert -1 <= gap.low <= gap.value


# --------------------------------------------------------------------------------------------------------- clear pairs


def test_a_pair_of_large_groups_is_clear_where_small_ones_widen_the_band():
    cells = np.array([[[200, 100], [50, 150]], [[270, 30], [50, 150]], [[5, 2], [2, 4]]])
    assert (
        metrics_from_counts(cells)["equalized_odds_difference"]
        <= chance_band(cells, seed=0)["equalized_odds_difference"]
    )
    found = clear_pair(cells, ("true_positive_rate", "false_positive_rate"))
    assert (found.rate, found.over, found.under, found.tests) == ("false_positive_rate", 0, 1, 6)
    assert found.gap == pytest.approx(100 / 300 - 30 / 300)
    expected = chi2_contingency(cells[:2, 0], correction=False).pvalue
    assert found.p == pytest.approx(6 * expected, rel=1e-9)
    assert clear_pair(cells, ("true_positive_rate",)) is None
    y, score, codes = rows_of(cells)
    decision = score > 0.5
    alike = confusion_table(y, decision, codes, 3, np.full(y.size, 2.5))
    assert clear_pair(alike, ("false_positive_rate",)).gap == pytest.approx(found.gap)
    uneven = np.where(codes == 0, np.tile([0.01, 1.99], y.size)[: y.size], 1.0)
    weighted = clear_pair(confusion_table(y, decision, codes, 3, uneven), ("false_positive_rate",))
    assert weighted is None or weighted.p > found.p


def test_few_rows_are_no_clear_pair():
    assert clear_pair(np.array([[[0, 4], [0, 4]], [[4, 0], [4, 0]]]), ("selection_rate",)) is None
    assert clear_pair(np.array([[[40, 0], [10, 0]], [[4, 0], [4, 0]]]), ("selection_rate",)) is None


def test_a_clear_pair_is_rare_where_labels_mean_nothing():
    rng, sizes = np.random.default_rng(0), (300, 120, 40, 12)
    hits = 0
    for _ in range(1000):
        chosen = [rng.binomial(n, 0.3) for n in sizes]
        cells = np.array([[[n - k, k], [0, 0]] for n, k in zip(sizes, chosen, strict=True)])
        hits += clear_pair(cells, ("selection_rate",)) is not None
    assert hits <= 60
