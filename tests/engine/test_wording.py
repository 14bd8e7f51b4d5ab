"""Numbers and names read the same wherever they are printed; the docstrings of `wording` have the examples."""

from __future__ import annotations

import re

import numpy as np
import pytest

from iffair_core.metrics import GOALS, METRICS, RATES
from iffair_core.telling.figures.common import METRIC_TITLES, RATE_TITLES
from iffair_core.telling.sentences import baseline_sentence
from iffair_core.wording import figure, heading, metric_title, number, percent, points
from tests.engine.studies import plain_study


@pytest.mark.parametrize("write", [figure, number, percent, points])
@pytest.mark.parametrize("value", [None, float("nan"), np.nan, float("inf")])
def test_what_is_not_estimable_is_never_a_number(write, value) -> None:
    assert write(value) == "not estimable"


def test_every_metric_and_rate_has_one_title_in_two_cases() -> None:
    assert set(METRIC_TITLES) == set(METRICS) and set(RATE_TITLES) == set(RATES)
    assert all(METRIC_TITLES[name] == heading(metric_title(name)) for name in METRICS)


@pytest.mark.parametrize("goal", GOALS)
def test_the_finding_puts_the_right_article_before_the_rate(goal) -> None:
    said = re.search(r": (an?) (\w)[\w ]* gap of ", baseline_sentence(plain_study(metric=goal)))
    assert said is not None
    assert (said[1] == "an") == (said[2] in "aeiou")
