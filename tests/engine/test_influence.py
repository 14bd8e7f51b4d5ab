"""Influence against what it claims to predict: refits with a little more weight, without a row, relabelled."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iffair_core import influence
from iffair_core.errors import Cancelled, ConfigError, FitError, NotSupported
from iffair_core.fidelity import leave_one_out_parameters
from iffair_core.influence import (
    affordable_order,
    flipped_decisions,
    hard_removal_effects,
    influence_scores,
    one_step_parameters,
    relabel_effects,
    removal_curvature,
    removal_effects,
    removal_steps,
    residuals,
)
from iffair_core.models import InfluenceModel, LogisticModel
from iffair_core.models.logistic import with_intercept
from iffair_core.quantities import decisions, quantities_from_codes
from tests.engine.strategies import make_problem, problems


def refit(model: LogisticModel, *, weight: np.ndarray | None = None, y: np.ndarray | None = None) -> LogisticModel:
    return LogisticModel(model.C).fit(
        model.X_, model.y_ if y is None else y, model.sample_weight_ if weight is None else weight, warm_start=model
    )


def relative_error(predicted: np.ndarray, actual: np.ndarray) -> float:
    return float(np.linalg.norm(predicted - actual) / np.linalg.norm(actual))


@given(problems(kinds=("plain", "imbalanced")), st.integers(0, 10_000), st.sampled_from([0.1, 1.0, 10.0]))
def test_influence_is_the_derivative_of_a_refit(problem, seed, C):
    weight = np.random.default_rng(seed).uniform(0.2, 2.0, problem.y.size)
    model, q = LogisticModel(C).fit(problem.X, problem.y, weight), problem.quantities()
    scores = influence_scores(model, q)
    assert scores.shape == (problem.y.size, len(q.names))
    step = 1e-3
    for row in np.random.default_rng(seed).integers(0, problem.y.size, 3):
        move = step * (np.arange(problem.y.size) == row)
        up, down = q.values(refit(model, weight=weight + move)), q.values(refit(model, weight=weight - move))
        np.testing.assert_allclose(scores[row], (up - down) / (2 * step), atol=1e-6, rtol=1e-4)


@given(problems(kinds=("plain", "imbalanced", "units")))
def test_influences_with_the_penalty_cancel(problem):
    """Weights times influences sum to the pull of the penalty: scaling all weights is scaling the penalty."""
    model, q = problem.model(), problem.quantities()
    ridge = np.append(model.coef_ / model.C, 0.0)
    expected = ridge @ model.solve(q.gradients(model))
    np.testing.assert_allclose(influence_scores(model, q).sum(axis=0), expected, atol=1e-8)


@pytest.fixture(scope="module")
def two_thousand():
    """The size at which removal effects have a promised accuracy, with 200 exact refits."""
    problem = make_problem(11, n=4000, p=30)
    model = LogisticModel().fit(problem.X[:2000], problem.y[:2000])
    q = quantities_from_codes(problem.X[2000:], problem.y[2000:], problem.codes[2000:], problem.groups, "g0")
    rows = np.random.default_rng(0).permutation(2000)[:200]
    keep = [np.where(np.arange(2000) == row, 0.0, 1.0) for row in rows]
    exact = np.array([q.values(refit(model, weight=weight)) for weight in keep]) - q.values(model)
    return model, q, rows, exact


@pytest.mark.parametrize(
    ("prefix", "limit", "second"),
    [
        ("demographic_parity", 1e-3, 1e-4),
        ("true_positive_rate", 1e-2, 1e-4),
        ("false_positive_rate", 1e-2, 1e-4),
        ("error_rate", 1e-2, 1e-4),
        ("log_loss", 1e-1, 5e-4),
    ],
)
def test_removal_effects_against_exact_refits(two_thousand, prefix, limit, second, record_property):
    model, q, rows, exact = two_thousand
    column = [name.startswith(prefix) for name in q.names].index(True)
    plain, corrected, curved = (
        relative_error(removal_effects(model, q, order=order)[rows, column], exact[:, column]) for order in (0, 1, 2)
    )
    for name, error in (("plain", plain), ("leverage", corrected), ("curved", curved)):
        record_property(f"{prefix}_{name}", error)
    print(f"{prefix}: relative L2 error plain {plain:.2e}, with leverage {corrected:.2e}, second order {curved:.2e}")
    assert corrected <= limit and curved <= second
    assert corrected < plain or prefix == "log_loss"


def test_hard_removal_effects_against_exact_refits(two_thousand, record_property):
    model, q, rows, _ = two_thousand
    thetas = leave_one_out_parameters(model, rows)
    exact = np.array([q.hard_values(model, theta) - q.hard_values(model) for theta in thetas])[:, :-1]
    found = hard_removal_effects(model, q, rows)
    share = np.isclose(found, exact, rtol=0.0, atol=1e-12).all(axis=1).mean()
    record_property("hard_exact", float(share))
    print(f"hard gaps: change predicted to the last decision for {100 * share:.1f} % of rows")
    assert share >= 0.97 and (exact != 0).any(axis=1).mean() > 0.2
    np.testing.assert_array_equal(hard_removal_effects(model, q)[rows], found)


def test_relabel_effects_are_the_first_order_of_a_flip(two_thousand, record_property):
    model, q, rows, _ = two_thousand
    predicted = relabel_effects(model, q)[rows]
    exact = []
    for row in rows:
        y = model.y_.copy()
        y[row] = 1 - y[row]
        exact.append(q.values(refit(model, y=y)) - q.values(model))
    error = relative_error(predicted[:, 0], np.array(exact)[:, 0])
    record_property("relabel", error)
    print(f"relabel: relative L2 error of the first order {error:.2e}")
    assert error <= 0.1
    assert (np.sign(predicted[:, 0]) == np.sign(np.array(exact)[:, 0])).mean() >= 0.95


def test_effects_share_one_direction_and_scale_with_weight():
    problem = make_problem(13, n=200)
    weight = np.random.default_rng(0).uniform(0.5, 2.0, 200)
    model, q = LogisticModel().fit(problem.X, problem.y, weight), problem.quantities()
    influence, plain = influence_scores(model, q), removal_effects(model, q, order=0)
    np.testing.assert_allclose(plain, -weight[:, None] * influence, rtol=1e-12)
    np.testing.assert_allclose(removal_effects(model, q, order=1), plain / (1 - model.leverage())[:, None], rtol=1e-12)
    residual = model.predict_proba(problem.X)[:, 1] - problem.y
    np.testing.assert_allclose(
        relabel_effects(model, q), influence * (weight * (2 * problem.y - 1) / residual)[:, None], rtol=1e-9
    )


@given(problems(kinds=("plain", "imbalanced")), st.integers(0, 1000))
def test_the_order_of_rows_permutes_scores(problem, seed):
    order = np.random.default_rng(seed).permutation(problem.y.size)
    q = problem.quantities()
    mixed = LogisticModel().fit(problem.X[order], problem.y[order])
    np.testing.assert_allclose(
        influence_scores(mixed, q), influence_scores(problem.model(), q)[order], atol=1e-8, rtol=1e-6
    )


def test_saturated_rows_have_finite_scores():
    X = np.concatenate([np.linspace(-1, 1, 40), [5000.0, -5000.0]])[:, None]
    y = np.concatenate([np.arange(40) % 2, [1, 0]]).astype(float)
    model = LogisticModel(C=100.0).fit(X, y)
    problem_codes = np.arange(42) % 2
    q = quantities_from_codes(X, y, problem_codes, ("a", "b"), "a")
    for scores in (influence_scores(model, q), removal_effects(model, q), relabel_effects(model, q),
                   removal_effects(model, q, order=2), hard_removal_effects(model, q)):  # fmt: skip
        assert np.isfinite(scores).all()


@given(st.integers(0, 10_000), st.sampled_from([0.1, 1.0, 10.0]), st.sampled_from([0.5, 1.0, 3.0]))
def test_second_order_is_nearer_to_exact_refits_than_first(seed, C, slope):
    problem = make_problem(seed, n=400, p=5, n_groups=3)
    weight = np.random.default_rng(seed).uniform(0.2, 2.0, problem.y.size)
    model, q = LogisticModel(C).fit(problem.X, problem.y, weight), problem.quantities(slope)
    rows = np.arange(0, 400, 8)
    exact = np.array([q.values_at(model, theta) for theta in leave_one_out_parameters(model, rows)]) - q.values(model)
    gaps = len(q.gaps)
    first, second = (removal_effects(model, q, order=order)[rows] for order in (1, 2))
    errors = [[relative_error(found[:, j], exact[:, j]) for j in range(gaps)] for found in (first, second)]
    assert np.median(errors[1]) < np.median(errors[0])
    assert relative_error(second[:, -1], exact[:, -1]) < relative_error(first[:, -1], exact[:, -1])


@given(problems(kinds=("plain", "imbalanced")), st.sampled_from([0.5, 1.0, 4.0]))
def test_hessians_are_the_derivative_of_gradients(problem, slope):
    model, q, step = problem.model(), problem.quantities(slope), 1e-5
    hessians = q.hessians(model)
    size = model.theta_.size
    assert hessians.shape == (len(q.names), size, size)
    np.testing.assert_allclose(hessians, hessians.transpose(0, 2, 1), atol=1e-14)
    at = model.theta_
    for j in range(size):
        move = step * np.eye(size)[j]
        model.theta_ = at + move
        up = q.gradients(model)
        model.theta_ = at - move
        np.testing.assert_allclose(hessians[:, j], (up - q.gradients(model)).T / (2 * step), atol=1e-6)
        model.theta_ = at


@given(problems(kinds=("plain", "units")))
def test_without_third_derivatives_order_2_of_gaps_is_order_1(problem):
    """Every row once with each outcome: the optimum is 0, where the logistic curve has no curvature of its own."""
    X, y = np.vstack([problem.X, problem.X]), np.repeat([0.0, 1.0], problem.y.size)
    model, q = LogisticModel().fit(X, y), problem.quantities()
    first, second = removal_effects(model, q, order=1), removal_effects(model, q, order=2)
    np.testing.assert_allclose(second[:, :-1], first[:, :-1], atol=1e-9)
    assert (second[:, -1] >= first[:, -1] - 1e-12).all()


@given(problems(kinds=("plain", "imbalanced")), st.integers(0, 1000))
def test_rows_of_weight_0_change_nothing_and_the_order_of_rows_permutes_removal(problem, seed):
    rng = np.random.default_rng(seed)
    weight = rng.uniform(0.2, 2.0, problem.y.size)
    weight[2 + rng.integers(0, problem.y.size - 2, 3)] = 0.0
    order, q = rng.permutation(problem.y.size), problem.quantities()
    model = LogisticModel().fit(problem.X, problem.y, weight)
    mixed = LogisticModel().fit(problem.X[order], problem.y[order], weight[order])
    for found, permuted in (
        (removal_effects(model, q, order=2), removal_effects(mixed, q, order=2)),
        (hard_removal_effects(model, q), hard_removal_effects(mixed, q)),
    ):
        assert (found[weight == 0] == 0).all()
        np.testing.assert_allclose(permuted, found[order], atol=1e-7, rtol=1e-5)


@given(problems(kinds=("plain", "imbalanced", "separable"), max_rows=120), st.sampled_from([1.0, 100.0]))
def test_hard_effects_are_the_hard_gaps_at_the_moved_parameters(problem, C):
    model, q = problem.model(C), problem.quantities()
    rows = np.arange(problem.y.size)
    steps = removal_steps(model, rows, model.leverage())
    moved = [model.theta_ + step for step in steps.T]
    expected = np.array([q.hard_values(model, theta) - q.hard_values(model) for theta in moved])[:, :-1]
    found = hard_removal_effects(model, q)
    near = [np.abs(model.logits(problem.X, theta)).min() < 1e-9 for theta in moved]  # a tie that rounding may break
    np.testing.assert_allclose(found[~np.array(near)], expected[~np.array(near)], atol=1e-12)
    for row in rows[:3]:
        flips = decisions(model.logits(problem.X, moved[row])) != decisions(model.logits(problem.X))
        assert near[row] or set(flipped_decisions(model, q, row, model.leverage())) == set(np.flatnonzero(flips))


def test_hard_effects_do_not_depend_on_how_many_pairs_are_looked_at_in_one_go(monkeypatch):
    problem = make_problem(15, n=300, p=4)
    model, q = problem.model(), problem.quantities()
    found = hard_removal_effects(model, q)
    monkeypatch.setattr(influence, "PAIRS_AT_ONCE", 50)
    np.testing.assert_array_equal(hard_removal_effects(model, q), found)
    some = np.array([7, 3, 250])
    np.testing.assert_allclose(hard_removal_effects(model, q, some, model.leverage()), found[some], atol=1e-15)
    assert hard_removal_effects(model, q, np.arange(0)).shape == (0, len(q.gaps))


class Wrapped:
    """A logistic model that shows no more than the protocol of any model."""

    def __init__(self, model: LogisticModel) -> None:
        self._model = model

    def __getattr__(self, name: str):
        assert name in InfluenceModel.__annotations__ or name in vars(InfluenceModel)
        return getattr(self._model, name)


def test_any_model_has_effects_of_order_1_and_says_what_it_has_not():
    problem = make_problem(16, n=120)
    model, q = problem.model(), problem.quantities()
    wrapped = Wrapped(model)
    np.testing.assert_allclose(removal_effects(wrapped, q), removal_effects(model, q), rtol=1e-9, atol=1e-15)
    np.testing.assert_array_equal(hard_removal_effects(wrapped, q), hard_removal_effects(model, q))
    weight = np.where(problem.codes == 1, 1.5, 0.5)
    expected = model.theta_ - model.solve(with_intercept(model.X_).T @ ((weight - 1) * residuals(model)))
    np.testing.assert_allclose(one_step_parameters(wrapped, weight), expected, atol=1e-12)
    with pytest.raises(NotSupported, match="order=1"):
        removal_effects(wrapped, q, order=2)


@given(st.integers(0, 10_000), st.floats(0.1, 0.9))
def test_one_newton_step_predicts_new_weights_better_than_the_first_order(seed, size):
    problem = make_problem(seed, n=200)
    weight = 1.0 + size * np.where(problem.codes == problem.y, 1.0, -1.0)
    model = problem.model()
    exact = refit(model, weight=weight).theta_
    found, plain = one_step_parameters(model, weight), one_step_parameters(Wrapped(model), weight)
    assert np.linalg.norm(found - exact) < np.linalg.norm(plain - exact)
    np.testing.assert_allclose(one_step_parameters(model, model.sample_weight_), model.theta_, atol=1e-8)


def test_one_step_without_a_hessian_is_the_first_order(monkeypatch):
    problem = make_problem(17, n=60)
    model, weight = problem.model(), np.linspace(0.5, 1.5, 60)
    expected = one_step_parameters(Wrapped(model), weight)

    def singular(*_: object) -> None:
        raise FitError("singular")

    monkeypatch.setattr(model, "newton_step", singular)
    np.testing.assert_array_equal(one_step_parameters(model, weight), expected)


def test_studies_take_second_order_where_it_tells_something_and_is_affordable(monkeypatch):
    problem = make_problem(18, n=120)
    model, q = problem.model(), problem.quantities()
    leverage = model.leverage()
    assert affordable_order(model, q, leverage) == 2
    assert affordable_order(Wrapped(model), q, leverage) == 1
    assert affordable_order(model, q, leverage / 1000) == 1
    monkeypatch.setattr(influence, "MULTIPLICATIONS", 120 * 6**2 * len(q.names) - 1)
    assert affordable_order(model, q, leverage) == 1


def test_second_order_can_be_cancelled():
    problem = make_problem(19, n=60)

    def cancel() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        removal_curvature(problem.model(), problem.quantities(), cancel)


def test_orders_that_do_not_exist():
    problem = make_problem(14, n=30)
    with pytest.raises(ConfigError):
        removal_effects(problem.model(), problem.quantities(), order=3)
