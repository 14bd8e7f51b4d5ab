"""Numbers and names read the same wherever they are printed; the docstrings of `wording` have the examples."""

from __future__ import annotations

import numpy as np
import pytest

from iffair_core.metrics import METRICS, RATES
from iffair_core.telling.figures.common import METRIC_TITLES, RATE_TITLES
from iffair_core.wording import figure, heading, metric_title, number, percent, points


@pytest.mark.parametrize("write", [figure, number, percent, points])
@pytest.mark.parametrize("value", [None, float("nan"), np.nan, float("inf")])
def test_what_is_not_estimable_is_never_a_number(write, value) -> None:
    assert write(value) == "not estimable"


def test_every_metric_and_rate_has_one_title_in_two_cases() -> None:
    assert set(METRIC_TITLES) == set(METRICS) and set(RATE_TITLES) == set(RATES)
    assert all(METRIC_TITLES[name] == heading(metric_title(name)) for name in METRICS)
