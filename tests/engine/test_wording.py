"""Numbers and names read the same wherever they are printed."""

from __future__ import annotations

import numpy as np
import pytest

from iffair_core.metrics import METRICS, RATES
from iffair_core.telling.figures.common import METRIC_TITLES, RATE_TITLES
from iffair_core.wording import figure, heading, holds, listed, metric_title, number, percent, points


@pytest.mark.parametrize("write", [figure, number, percent, points])
@pytest.mark.parametrize("value", [None, float("nan"), np.nan, float("inf")])
def test_what_is_not_estimable_is_never_a_number(write, value) -> None:
    assert write(value) == "not estimable"


def test_signs_are_typographic_and_units_said() -> None:
    assert percent(-0.1814, signed=True) == "−18.1 %"
    assert percent(0.079, 0) == "8 %"
    assert points(0.05) == "+5.0 points"
    assert points(-0.05, signed=False) == "−5.0 points"
    assert figure(-0.25) == "−0.250"


def test_what_rounds_to_zero_has_no_minus() -> None:
    assert [points(-0.0001), percent(-0.0), figure(-0.0001)] == ["+0.0 points", "0.0 %", "0.000"]


def test_every_metric_and_rate_has_one_title_in_two_cases() -> None:
    assert set(METRIC_TITLES) == set(METRICS) and set(RATE_TITLES) == set(RATES)
    assert all(METRIC_TITLES[name] == heading(metric_title(name)) for name in METRICS)
    assert metric_title("roc_auc") == METRIC_TITLES["roc_auc"] == "ROC AUC"


@pytest.mark.parametrize(
    ("parts", "text"), [([], "none"), (["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_lists_read_as_sentences_do(parts, text) -> None:
    assert listed(parts) == text


def test_a_bin_says_its_sign_itself() -> None:
    assert holds("income", ">50K") == "income = >50K"
    assert holds("grade", ">= 10") == "grade >= 10"
    assert holds("grade", "< 10") == "grade < 10"
