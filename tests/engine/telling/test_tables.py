"""Tables of results hold what is so."""

from dataclasses import replace

import numpy as np
import pytest

from iffair_core.metrics import DISPARITIES, METRICS, evaluate
from iffair_core.study.results import Baseline
from iffair_core.telling.tables import aif360_name, widest_gap
from iffair_core.uncertainty import Estimate
from tests.engine.studies import plain_study


def evaluation(groups, shares, reference):
    rng = np.random.default_rng(0)
    codes = np.repeat(np.arange(len(groups)), 300)
    score = (rng.random(codes.size) < np.asarray(shares)[codes]) * 1.0
    return evaluate((rng.random(codes.size) < 0.5) * 1, score, codes, groups, reference, seed=0)


def test_aif360s_name_stands_only_where_its_number_is_the_same():
    """Its difference is rate(other) - rate(reference), its disparate impact rate(other) / rate(reference)."""
    for reference, same in (("a", True), ("b", False)):
        found = evaluation(("a", "b"), (0.6, 0.4), reference)
        other = "b" if reference == "a" else "a"
        rates = {group: found.rates[group]["selection_rate"].value for group in ("a", "b")}
        assert abs(rates[other] - rates[reference]) == pytest.approx(found.values["demographic_parity_difference"])
        assert aif360_name(found, "demographic_parity_difference") == "statistical_parity_difference"
        impact = rates[other] / rates[reference]
        assert (impact == pytest.approx(found.values["demographic_parity_ratio"])) == same
        assert (aif360_name(found, "demographic_parity_ratio") == "disparate_impact") == same
    three = evaluation(("a", "b", "c"), (0.6, 0.4, 0.3), "a")
    named = {name for name in DISPARITIES if aif360_name(three, name)}
    assert named == {name for name in DISPARITIES if METRICS[name].between is None}


def test_the_headline_is_the_widest_gap_that_leaves_out_0():
    result = plain_study()
    evaluation = result.baseline["test"]
    gaps = {
        "B": {"true_positive_rate": Estimate(-0.4, -0.9, 0.1, 12), "false_positive_rate": Estimate(0.2, 0.1, 0.3, 99)}
    }
    made = replace(
        result.record(Baseline), evaluations=dict(result.baseline) | {"test": replace(evaluation, gaps=gaps)}
    )
    assert widest_gap(result.having(made))[0] == "false_positive_rate"
    gaps["B"]["false_positive_rate"] = Estimate(0.2, -0.1, 0.3, 99)
    assert widest_gap(result.having(made))[0] == "true_positive_rate"
