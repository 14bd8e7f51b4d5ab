"""Influence against what it claims to predict: refits with a little more weight, without a row, relabelled."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iffair_core.errors import Cancelled, ConfigError, NotSupported
from iffair_core.fidelity import judge_fidelity, leave_one_out_parameters, rows_to_verify
from iffair_core.influence import influence_scores, relabel_effects, removal_effects
from iffair_core.models import LogisticModel
from iffair_core.quantities import quantities_from_codes
from tests.core.engine_strategies import make_problem, problems

law = settings(deadline=None, max_examples=15)


def refit(model: LogisticModel, *, weight: np.ndarray | None = None, y: np.ndarray | None = None) -> LogisticModel:
    return LogisticModel(model.C).fit(
        model.X_, model.y_ if y is None else y, model.sample_weight_ if weight is None else weight, warm_start=model
    )


def relative_error(predicted: np.ndarray, actual: np.ndarray) -> float:
    return float(np.linalg.norm(predicted - actual) / np.linalg.norm(actual))


@law
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


@law
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


@pytest.mark.parametrize(("prefix", "limit"), [("demographic_parity", 1e-3), ("error_rate", 1e-2), ("log_loss", 1e-1)])
def test_removal_effects_against_exact_refits(two_thousand, prefix, limit, record_property):
    model, q, rows, exact = two_thousand
    column = [name.startswith(prefix) for name in q.names].index(True)
    plain = relative_error(removal_effects(model, q, order=0)[rows, column], exact[:, column])
    corrected = relative_error(removal_effects(model, q, order=1)[rows, column], exact[:, column])
    record_property(f"{prefix}_plain", plain)
    record_property(f"{prefix}_leverage", corrected)
    print(f"{prefix}: relative L2 error plain {plain:.2e}, with leverage {corrected:.2e}")
    assert corrected <= limit
    assert corrected < plain or prefix == "log_loss"


def test_leave_one_out_parameters_are_naive_refits(two_thousand):
    model, q, rows, exact = two_thousand
    thetas = leave_one_out_parameters(model, rows)
    found = np.array([q.values_at(model, theta) for theta in thetas]) - q.values(model)
    np.testing.assert_allclose(found, exact, atol=1e-10)


@law
@given(problems(kinds=("plain", "units"), max_rows=80), st.sampled_from([0.1, 1.0, 100.0]))
def test_leave_one_out_parameters_of_few_weighted_rows(problem, C):
    weight = np.random.default_rng(0).uniform(0.0, 3.0, problem.y.size)
    model = LogisticModel(C).fit(problem.X, problem.y, weight)
    rows = np.array([
        row for row in range(problem.y.size)
        if 0 < (weight * problem.y).sum() - weight[row] * problem.y[row] < weight.sum() - weight[row] - 1e-9
        and (problem.y == problem.y[row]).sum() > 1
    ])[:20]  # fmt: skip
    for row, theta in zip(rows, leave_one_out_parameters(model, rows), strict=True):
        without = LogisticModel(C).fit(problem.X, problem.y, np.where(np.arange(weight.size) == row, 0.0, weight))
        expected = without.predict_proba(problem.X)[:, 1]
        found = 1 / (1 + np.exp(-np.clip(model.logits(problem.X, theta), -700, 700)))
        np.testing.assert_allclose(found, expected, atol=1e-6)


def test_leave_one_out_reports_stops_in_time_and_can_be_cancelled():
    problem = make_problem(12, n=400, p=3)
    model, shares = problem.model(), []
    assert leave_one_out_parameters(model, np.arange(200), report=shares.append).shape == (200, 4)
    assert shares == sorted(shares) and shares[-1] == 1.0
    assert 0 < len(leave_one_out_parameters(model, np.arange(200), seconds=0.0)) < 200
    assert leave_one_out_parameters(model, np.arange(0)).shape == (0, 4)

    def cancel() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        leave_one_out_parameters(model, np.arange(5), check=cancel)


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


@law
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
    for scores in (influence_scores(model, q), removal_effects(model, q), relabel_effects(model, q)):
        assert np.isfinite(scores).all()


def test_orders_that_do_not_exist():
    problem = make_problem(14, n=30)
    model, q = problem.model(), problem.quantities()
    with pytest.raises(NotSupported):
        removal_effects(model, q, order=2)
    with pytest.raises(ConfigError):
        removal_effects(model, q, order=3)


@given(st.integers(1, 500), st.integers(0, 100), st.integers(1, 120))
def test_rows_to_verify_mix_both_kinds_without_repeats(n, seed, count):
    removal = np.random.default_rng(n).normal(size=n)
    rows, random = rows_to_verify(removal, seed, count)
    assert len(set(rows.tolist())) == rows.size and rows.size == random.size
    assert min(count, n) <= rows.size <= min(2 * count, n)
    top = np.argsort(-np.abs(removal), kind="stable")[:count]
    assert set(top.tolist()) <= set(rows.tolist())


def refits_frame(predicted: list[float], refitted: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"row": range(len(predicted)), "random": True, "predicted": predicted, "refitted": refitted})


@pytest.mark.parametrize(
    ("predicted", "refitted", "prediction_error", "level"),
    [
        ([1.0, 2.0], [1.01, 2.0], 0.01, "green"),
        ([1.0, 2.0], [1.01, 2.0], 0.2, "amber"),
        ([1.0, 2.0], [1.01, 2.0], 0.3, "red"),
        ([1.0, 2.0], [1.4, 2.0], 0.0, "amber"),
        ([1.0, 2.0], [4.0, 2.0], 0.0, "red"),
        ([1.0, 2.0], [1.01, 2.0], None, "not judged"),
        ([1.0, 2.0], [4.0, 2.0], None, "red"),
        ([0.0, 0.0], [0.0, 0.0], 0.0, "green"),
        ([1.0], [1.0], 0.0, "green"),
    ],
)
def test_the_badge_is_the_worse_of_two_errors(predicted, refitted, prediction_error, level):
    fidelity = judge_fidelity(refits_frame(predicted, refitted), len(predicted), prediction_error, 0.01)
    assert fidelity.level == level
    assert "\n" not in fidelity.sentence
    assert np.isfinite(fidelity.slope) and np.isfinite(fidelity.removal_error)
    assert np.isnan(fidelity.spearman) or -1 <= fidelity.spearman <= 1
