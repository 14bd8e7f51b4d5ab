"""The scikit-learn face: same weights as the path, options validated, weights that other estimators accept."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier

from iffair_core import ConfigError, InfluenceReweigher, NotSupported, TaskError
from iffair_core.models import LogisticModel
from iffair_core.quantities import fairness_quantities
from iffair_core.reweighting import VARIANTS
from iffair_core.tradeoff import STRENGTHS


def make(n=900, p=4, seed=0):
    rng = np.random.default_rng(seed)
    group = np.array(["a", "b"], dtype=object)[rng.integers(0, 2, n)]
    X = rng.normal(size=(n, p)) + 0.4 * (group == "a")[:, None]
    y = np.where(rng.random(n) < 1 / (1 + np.exp(-X.sum(axis=1))), "yes", "no")
    return X, y, group


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_weights_close_the_share_that_was_asked(variant):
    X, y, group = make()
    rw = InfluenceReweigher(metric="demographic_parity", variant=variant, strength=0.6)
    rw.fit(X, y, sensitive_features=group)
    assert rw.sample_weight_.shape == (900,)
    assert rw.sample_weight_.min() >= 0
    assert rw.sample_weight_.mean() == pytest.approx(1.0, abs=1e-12)
    outcome = (y == "yes").astype(float)
    gap = fairness_quantities(X, outcome, group, reference="a")
    before = gap.values(LogisticModel().fit(X, outcome))[0]
    after = gap.values(LogisticModel().fit(X, outcome, rw.sample_weight_))[0]
    assert after == pytest.approx(0.4 * before, abs=0.02 * abs(before))
    assert rw.achieved_["soft_gap"] == pytest.approx(abs(after), abs=1e-9)
    gentle = rw.curve([0.05])
    assert gentle["predicted_soft_gap"][0] == pytest.approx(gentle["refitted_soft_gap"][0], abs=0.01 * abs(before))


def test_the_larger_value_in_sorted_order_is_favorable_and_labels_may_be_anything():
    X, y, group = make()
    base = InfluenceReweigher(strength=0.5).fit(X, y, sensitive_features=group)
    codes = InfluenceReweigher(strength=0.5).fit(X, (y == "yes").astype(int), sensitive_features=(group == "b") * 1.0)
    assert list(base.classes_) == ["no", "yes"]
    np.testing.assert_allclose(base.sample_weight_, codes.sample_weight_, atol=1e-9)


def test_strength_zero_leaves_every_weight_at_exactly_one():
    X, y, group = make()
    assert (InfluenceReweigher(strength=0).fit(X, y, sensitive_features=group).sample_weight_ == 1).all()


def test_a_point_of_the_curve_is_what_fit_gives_at_that_strength():
    X, y, group = make()
    curve = InfluenceReweigher(strength=0.2).fit(X, y, sensitive_features=group).curve([0.0, 0.33, 0.7])
    assert list(curve["strength"]) == [0.0, 0.33, 0.7]
    for strength in (0.33, 0.7):
        fitted = InfluenceReweigher(strength=strength).fit(X, y, sensitive_features=group)
        line = curve[curve["strength"] == strength].iloc[0]
        assert line["refitted_soft_gap"] == pytest.approx(fitted.achieved_["soft_gap"], abs=1e-12)
        assert line["refitted_accuracy"] == fitted.achieved_["accuracy"]
        assert line["predicted_accuracy"] == fitted.predicted_["accuracy"]
    assert list(InfluenceReweigher().fit(X, y, sensitive_features=group).curve()["strength"]) == list(STRENGTHS)


def test_a_recommendation_needs_rows_to_choose_on_and_a_budget_caps_a_strength():
    X, y, group = make(1500)
    half = slice(0, 750), slice(750, None)
    train, held = [(X[rows], y[rows], group[rows]) for rows in half]
    with pytest.raises(ConfigError, match="eval_set"):
        InfluenceReweigher(strength=None).fit(*train[:2], sensitive_features=train[2])
    chosen = InfluenceReweigher(strength=None).fit(*train[:2], sensitive_features=train[2], eval_set=held)
    assert chosen.strength_ in STRENGTHS
    capped = InfluenceReweigher(strength=1.0, utility_budget=0.0)
    tight = capped.fit(*train[:2], sensitive_features=train[2], eval_set=held)
    assert tight.strength_ <= 1.0
    assert tight.achieved_["accuracy"] >= tight.curve([0.0])["refitted_accuracy"][0]


def test_weights_travel_to_another_estimator_and_parameters_clone():
    X, y, group = make()
    rw = clone(InfluenceReweigher(variant="uniform", strength=0.4, max_weight=3.0))
    assert rw.get_params()["max_weight"] == 3.0
    rw.fit(X, y, sensitive_features=group)
    boosted = HistGradientBoostingClassifier(max_iter=5).fit(X, y, sample_weight=rw.sample_weight_)
    assert boosted.score(X, y) > 0.5
    assert -1 <= rw.score(X, y, sensitive_features=group) <= 0
    assert list(rw.influence_.columns)[-1] == "log_loss"
    assert rw.influence_.shape == (900, 5)


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"model": "mlp"}, NotSupported, "logistic"),
        ({"metric": "nothing"}, ConfigError, "equalized_odds"),
        ({"variant": "nothing"}, ConfigError, "uniform"),
        ({"strength": 1.3}, ConfigError, "1.25"),
        ({"max_weight": 1.0}, ConfigError, "max_weight"),
        ({"min_effective_sample_size": 2}, ConfigError, "min_effective_sample_size"),
    ],
)
def test_unusable_options_name_the_way_out(options, error, says):
    X, y, group = make(100)
    with pytest.raises(error, match=says):
        InfluenceReweigher(**options).fit(X, y, sensitive_features=group)


def test_unusable_arrays_are_refused():
    X, y, group = make(100)
    with pytest.raises(ConfigError, match="exactly two"):
        InfluenceReweigher().fit(X, np.arange(100), sensitive_features=group)
    with pytest.raises(TaskError, match="one group"):
        InfluenceReweigher().fit(X, y, sensitive_features=["a"] * 100)
    with pytest.raises(TaskError, match="does not occur"):
        InfluenceReweigher().fit(X, y, sensitive_features=group, eval_set=(X, y, ["z"] * 100))
    with pytest.raises(ValueError, match="inconsistent"):
        InfluenceReweigher().fit(X, y, sensitive_features=group[:50])
