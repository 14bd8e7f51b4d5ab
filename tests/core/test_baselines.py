"""Laws of the rival weights."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from iffair_core.baselines import reweighing_weights

CELLS = hnp.arrays(np.int64, st.tuples(st.integers(2, 4), st.just(2)), elements=st.integers(0, 12)).filter(
    lambda table: table.sum() > 0
)


def rows_of(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    groups, outcomes = np.indices(table.shape)
    return np.repeat(outcomes.ravel(), table.ravel()), np.repeat(groups.ravel(), table.ravel())


@given(CELLS)
def test_weights_are_positive_finite_with_mean_one_and_equal_within_a_cell(table: np.ndarray) -> None:
    y, codes = rows_of(table)
    weights = reweighing_weights(y, codes)
    assert weights.dtype == np.float64
    assert weights.shape == y.shape
    assert np.all(weights > 0)
    assert np.all(np.isfinite(weights))
    assert weights.mean() == pytest.approx(1.0, abs=1e-12)
    for cell in np.unique(codes * 2 + y):
        assert np.unique(weights[codes * 2 + y == cell]).size == 1


@given(CELLS.filter(lambda table: np.all(table > 0)))
def test_weighted_outcome_is_independent_of_group_and_both_margins_stay(table: np.ndarray) -> None:
    y, codes = rows_of(table)
    weights = reweighing_weights(y, codes)
    weighted = np.bincount(codes * 2 + y, weights=weights).reshape(table.shape)
    shares = weighted[:, 1] / weighted.sum(axis=1)
    assert shares == pytest.approx(np.full(len(table), y.mean()), abs=1e-12)
    assert weighted.sum(axis=1) == pytest.approx(table.sum(axis=1))
    assert weighted.sum(axis=0) == pytest.approx(table.sum(axis=0))


@given(CELLS, st.randoms(use_true_random=False))
def test_permuting_rows_permutes_weights(table: np.ndarray, random: object) -> None:
    y, codes = rows_of(table)
    order = np.arange(y.size)
    random.shuffle(order)  # type: ignore[attr-defined]
    assert np.array_equal(reweighing_weights(y[order], codes[order]), reweighing_weights(y, codes)[order])


def test_hand_example() -> None:
    # Group 0: 3 of 4 favorable; group 1: 1 of 4. P(a) = P(y) = 1/2, so a cell of k rows weighs (1/4) / (k/8) = 2 / k.
    y = np.array([1, 1, 1, 0, 1, 0, 0, 0])
    codes = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    expected = np.array([2 / 3, 2 / 3, 2 / 3, 2, 2, 2 / 3, 2 / 3, 2 / 3])
    assert reweighing_weights(y, codes) == pytest.approx(expected, abs=1e-15)
    assert np.array_equal(reweighing_weights(y.astype(bool), codes), reweighing_weights(y.astype(float), codes))


def test_an_empty_cell_keeps_the_ratios_of_the_formula() -> None:
    y = np.array([1, 1, 1, 0, 0, 0])
    codes = np.array([0, 0, 2, 2, 2, 2])  # group 0 has no unfavorable row, code 1 is not used at all
    by_formula = np.array([2 * 3 / 2, 2 * 3 / 2, 4 * 3 / 1, 4 * 3 / 3, 4 * 3 / 3, 4 * 3 / 3]) / 6
    weights = reweighing_weights(y, codes)
    assert weights / weights[0] == pytest.approx(by_formula / by_formula[0])
    assert weights.mean() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("y", "codes", "message"),
    [
        ([], [], "one value per row"),
        ([0, 1], [0, 1, 1], "one value per row"),
        ([0, 2], [0, 1], "0 or 1"),
        ([0.0, np.nan], [0, 1], "0 or 1"),
        ([0, 1], [0, -1], "negative"),
    ],
)
def test_bad_input_is_refused(y: list[float], codes: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        reweighing_weights(np.array(y), np.array(codes, dtype=np.int64))
