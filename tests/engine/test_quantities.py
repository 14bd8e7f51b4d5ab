"""Laws of soft and hard gaps: values, gradients, what cannot be estimated, and the goal made of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iffair_core.errors import ConfigError, TaskError
from iffair_core.metrics import GOAL_METRIC, GOAL_RATES, GOALS, confusion_counts, point_metrics, rates_from_counts
from iffair_core.models import LogisticModel
from iffair_core.models.blocks import sigmoid
from iffair_core.quantities import fairness_quantities, goal_pairs, quantities_from_codes
from tests.engine.strategies import make_problem, problems


def soft_rate(rate: str, y: np.ndarray, soft: np.ndarray) -> float:
    """The definitions, spelled out: a decision replaced by the share `soft` of it."""
    counted = {
        "selection_rate": soft,
        "true_positive_rate": soft[y == 1],
        "false_positive_rate": soft[y == 0],
        "error_rate": np.where(y == 1, 1 - soft, soft),
    }
    return float(counted[rate].mean())


@given(problems(kinds=("plain", "imbalanced", "units")), st.sampled_from([0.3, 1.0, 5.0]))
def test_soft_values_are_the_definitions(problem, slope):
    model, q = problem.model(), problem.quantities(slope)
    z, found = model.logits(problem.X), q.values(model)
    soft = sigmoid(slope * z)
    for gap, value in zip(q.gaps, found[:-1], strict=True):
        ours, theirs = (problem.codes == problem.groups.index(name) for name in (gap.group, gap.reference))
        here, there = (soft_rate(gap.rate, problem.y[rows], soft[rows]) for rows in (ours, theirs))
        assert value == pytest.approx(here - there, abs=1e-12)
    assert q.names[-1] == "log_loss"
    assert found[-1] == pytest.approx(point_metrics(problem.y, sigmoid(z), problem.codes, problem.n_groups)["log_loss"])


@given(problems(kinds=("plain", "imbalanced")), st.sampled_from([0.3, 1.0, 5.0]))
def test_gradients_are_finite_differences(problem, slope):
    model, q = problem.model(), problem.quantities(slope)
    gradients, step = q.gradients(model), 1e-5
    assert gradients.shape == (problem.X.shape[1] + 1, len(q.names))
    for j in range(gradients.shape[0]):
        move = step * np.eye(gradients.shape[0])[j]
        difference = (q.values_at(model, model.theta_ + move) - q.values_at(model, model.theta_ - move)) / (2 * step)
        np.testing.assert_allclose(gradients[j], difference, atol=1e-7, rtol=1e-6)


@given(problems())
def test_hard_values_are_the_metrics_gaps_exactly(problem):
    model, q = problem.model(), problem.quantities()
    decision = model.predict_proba(problem.X)[:, 1] >= 0.5
    rates = rates_from_counts(confusion_counts(problem.y, decision, problem.codes, problem.n_groups))
    for gap, value in zip(q.gaps, q.hard_values(model)[:-1], strict=True):
        here, there = (problem.groups.index(name) for name in (gap.group, gap.reference))
        assert value == pytest.approx(rates[gap.rate][here] - rates[gap.rate][there], abs=1e-14)


def test_a_probability_that_rounds_to_one_half_is_a_favorable_decision():
    problem = make_problem(0, n=40, p=1)
    model = problem.model()
    X = np.zeros((40, 1))
    model.theta_ = np.array([1.0, -1e-18])  # logits a hair below 0, probabilities 0.5
    q = quantities_from_codes(X, problem.y, problem.codes, problem.groups, "g0")
    assert q.hard_values(model)[: len(q.gaps)] == pytest.approx(
        [point_gap(problem, gap, decision=np.ones(40)) for gap in q.gaps], abs=1e-15
    )


def point_gap(problem, gap, decision):
    rates = rates_from_counts(confusion_counts(problem.y, decision, problem.codes, problem.n_groups))[gap.rate]
    return rates[problem.groups.index(gap.group)] - rates[problem.groups.index(gap.reference)]


@given(problems(), st.sampled_from(list(GOALS)))
def test_the_goal_is_max_minus_min_over_groups(problem, goal):
    model, q = problem.model(), problem.quantities()
    try:
        pairs = goal_pairs(q, goal)
    except TaskError:
        assert any(not any(gap.rate == rate for gap in q.gaps) for rate in GOAL_RATES[goal])
        return
    hard = q.hard_values(model)
    expected = point_metrics(problem.y, model.predict_proba(problem.X)[:, 1], problem.codes, problem.n_groups)
    base = problem.codes == 0
    if base.any() and {0.0, 1.0} <= set(problem.y[base]):
        assert pairs.disparity(hard) == pytest.approx(expected[GOAL_METRIC[goal]], abs=1e-12)
    rate, over, under = pairs.labels[pairs.worst(hard)]
    assert rate in GOAL_RATES[goal] and over != under
    assert pairs.matrix[pairs.worst(hard)] @ hard == pairs.disparity(hard)


def test_the_slope_turns_soft_rates_into_hard_ones():
    problem = make_problem(1, n=400)
    model = problem.model()
    np.testing.assert_allclose(
        problem.quantities(slope=1e6).values(model), problem.quantities().hard_values(model), atol=1e-3
    )


def test_a_group_without_one_outcome_leaves_out_its_rate_only():
    problem = make_problem(2, n=90, n_groups=3)
    y = problem.y.copy()
    y[problem.codes == 2] = 0.0
    q = quantities_from_codes(problem.X, y, problem.codes, problem.groups, "g0")
    assert q.left_out == ("true_positive_rate[g2 - g0]",)
    assert len(q.gaps) == 7
    pairs = goal_pairs(q, "equal_opportunity")
    assert {label[1:] for label in pairs.labels} == {("g0", "g1"), ("g1", "g0")}
    less = q.without(["error_rate[g1 - g0]"])
    model = LogisticModel().fit(problem.X, y)
    kept = [i for i, name in enumerate(q.names) if name != "error_rate[g1 - g0]"]
    np.testing.assert_array_equal(less.values(model), q.values(model)[kept])
    np.testing.assert_array_equal(less.gradients(model), q.gradients(model)[:, kept])
    assert less.left_out == (*q.left_out, "error_rate[g1 - g0]")


def test_groups_of_one_and_two_rows_have_finite_gradients():
    problem = make_problem(3, n=60, n_groups=2)
    codes = np.zeros(60, dtype=np.int32)
    codes[:2], codes[2] = 1, 2
    y = problem.y.copy()
    y[:2] = (0.0, 1.0)
    q = quantities_from_codes(problem.X, y, codes, ("a", "b", "c"), "a")
    model = LogisticModel().fit(problem.X, y)
    assert np.isfinite(q.values(model)).all() and np.isfinite(q.gradients(model)).all()
    assert sum("[c - a]" in name for name in q.names) == 3


def test_labels_and_a_suggested_reference():
    problem = make_problem(4, n=200, n_groups=2)
    y = np.where(problem.codes == 1, 1.0, 0.0)
    y[:4] = (0, 1, 0, 1)
    labels = np.where(problem.codes == 1, "north", "south")
    q = fairness_quantities(problem.X, y, labels)
    assert q.reference == "north"
    assert q.names[0] == "demographic_parity[south - north]"
    swapped = fairness_quantities(problem.X, y, labels, reference="south")
    model = LogisticModel().fit(problem.X, y)
    np.testing.assert_allclose(swapped.values(model)[:-1], -q.values(model)[:-1], atol=1e-15)


@pytest.mark.parametrize(
    ("change", "error"),
    [({"slope": 0.0}, ConfigError), ({"reference": "nobody"}, TaskError), ({"groups": np.zeros(50)}, TaskError)],
)
def test_unusable_arguments_are_refused(change, error):
    problem = make_problem(5, n=50)
    options = {"groups": problem.codes, "reference": None, "slope": 1.0} | change
    with pytest.raises(error):
        fairness_quantities(problem.X, problem.y, **options)


def test_an_unknown_goal_and_a_goal_that_no_group_supports_are_refused():
    problem = make_problem(6, n=50)
    with pytest.raises(ConfigError, match="equalized_odds"):
        goal_pairs(problem.quantities(), "justice")
    y = np.where(problem.codes == 1, 0.0, problem.y)
    with pytest.raises(TaskError, match="true positive rate"):
        goal_pairs(quantities_from_codes(problem.X, y, problem.codes, problem.groups, "g0"), "equal_opportunity")


def test_a_rate_whose_rows_all_have_weight_0_is_told_so():
    groups, y = np.repeat([0, 1], 20), np.tile([0.0, 1.0], 20)
    X = np.random.default_rng(0).normal(size=(40, 2))
    measured = quantities_from_codes(X, y, groups, ("a", "b"), "a", sample_weight=np.where(groups == 1, 0.0, 1.0))
    with pytest.raises(TaskError, match=r"fewer than two groups \(rows of weight 0 do not count\), so"):
        goal_pairs(measured, "equal_opportunity")


def test_the_price_is_the_change_of_the_log_loss_to_second_order():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(400, 5))
    y = (rng.random(400) < 0.4).astype(float)
    quantities = quantities_from_codes(X, y, rng.integers(0, 2, 400), ("a", "b"), "a")
    model = LogisticModel().fit(X[:200], y[:200])
    direction = rng.normal(size=6)
    errors = []
    for size in (0.02, 0.01):
        theta = model.theta_ + size * direction
        change = quantities.values_at(model, theta)[-1] - quantities.values(model)[-1]
        errors.append(abs(quantities.price(model, theta) - change))
    assert quantities.price(model, model.theta_) == 0.0
    assert errors[1] < errors[0] / 5  # third order: halving the step divides the error by about eight
