"""Laws of the network's fit, its derivatives, its Hessian solves and its leverage."""

import weakref

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import spearmanr

from iffair_core import Cancelled, ConfigError, FitError, InfluenceReweigher, Study
from iffair_core.fidelity import judge_fidelity, leave_one_out_parameters
from iffair_core.influence import influence_scores, removal_effects
from iffair_core.models import MODELS, LogisticModel, MLPModel, make_model, mlp
from tests.engine.strategies import make_problem, make_table

shapes = st.sampled_from([(), (1,), (4,), (3, 2), (2, 3, 2)])
STEP = 1e-5


def fitted(seed: int = 0, hidden: tuple[int, ...] = (4,), C: float = 0.1, n: int = 300, p: int = 4) -> MLPModel:
    problem = make_problem(seed, n=n, p=p)
    weight = np.random.default_rng(seed).exponential(size=n)
    return MLPModel(hidden, C).fit(problem.X, problem.y, weight)


def objective(model: MLPModel, theta: np.ndarray) -> float:
    """Written from the definition, one unit after the other."""
    a, start, penalty = model.X_, 0, 0.0
    for units in (*model.hidden, 1):
        sums = np.empty((a.shape[0], units))
        for unit in range(units):
            weights, bias = theta[start : start + a.shape[1]], theta[start + a.shape[1]]
            sums[:, unit] = a @ weights + bias
            penalty += float(weights @ weights) / (2 * model.C)
            start += a.shape[1] + 1
        a = np.tanh(sums)
    signed = np.where(model.y_ > 0.5, -1.0, 1.0) * sums[:, 0]
    return float(model.sample_weight_ @ np.logaddexp(0.0, signed)) + penalty


def central(function, theta: np.ndarray, step: float = STEP) -> np.ndarray:
    """Derivative of `function` along each parameter in turn, by central differences, (P, ...)."""
    return np.array([function(theta + e) - function(theta - e) for e in step * np.eye(theta.size)]) / (2 * step)


@pytest.mark.parametrize("hidden", [(), (4,), (3, 2), (2, 3, 2)])
def test_the_hessian_and_its_products_are_the_objective_s(hidden):
    model = fitted(hidden=hidden)
    model.theta_ = model.theta_ + 0.3 * np.random.default_rng(1).normal(size=model.theta_.size)
    hessian = model.hessian()
    slopes = central(lambda at: central(lambda to: objective(model, to), at, 1e-4), model.theta_, 1e-4)
    np.testing.assert_allclose(hessian, slopes, atol=1e-4, rtol=1e-4)
    products = np.column_stack([model.hessian_times(e) for e in np.eye(len(hessian))])
    np.testing.assert_allclose(products, hessian, atol=1e-10 * np.abs(hessian).max())


@given(shapes, st.integers(0, 1000), st.integers(1, 4))
def test_push_forward_and_pull_back_are_adjoint_and_differentiate_the_logits(hidden, seed, k):
    model, rng = fitted(seed % 5, hidden, n=60), np.random.default_rng(seed)
    X = rng.normal(size=(17, 4))
    V, C = rng.normal(size=(model.theta_.size, k)), rng.normal(size=(17, k))
    forward = model.push_forward(X, V)
    np.testing.assert_allclose(np.sum(forward * C), np.sum(V * model.pull_back(X, C)), rtol=1e-9, atol=1e-9)
    moved = [model.logits(X, model.theta_ + sign * STEP * V[:, 0]) for sign in (1, -1)]
    np.testing.assert_allclose(forward[:, 0], (moved[0] - moved[1]) / (2 * STEP), atol=1e-7)


def test_results_do_not_depend_on_blocks(monkeypatch):
    model = fitted(n=700)
    V, C = np.eye(model.theta_.size)[:, :3], np.ones((700, 2))
    whole = model.push_forward(model.X_, V), model.pull_back(model.X_, C), model.hessian(), model.leverage()
    monkeypatch.setattr("iffair_core.models.blocks.BLOCK_BYTES", 1)
    monkeypatch.setattr(mlp, "HESSIAN_ROWS", 100)
    model._factor = None
    parts = model.push_forward(model.X_, V), model.pull_back(model.X_, C), model.hessian(), model.leverage()
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


@given(shapes, st.integers(0, 200), st.sampled_from([0.03, 1.0]))
def test_a_fit_ends_at_a_stationary_point_with_exact_solves(hidden, seed, C):
    model = fitted(seed, hidden, C, n=150)
    assert model.gradient_norm_ <= 2e-9
    gradient = central(lambda at: objective(model, at), model.theta_)
    assert np.abs(gradient).max() <= 1e-5 * max(1.0, objective(model, model.theta_))
    right = np.random.default_rng(seed).normal(size=(model.theta_.size, 2))
    solved = model.solve(right)
    damped = model.hessian() + model.damping_ * np.eye(model.theta_.size)
    np.testing.assert_allclose(damped @ solved, right, atol=1e-5)
    np.testing.assert_allclose(model.solve(right[:, 0]), solved[:, 0], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("seed", "hidden", "C"), [(147, (1,), 0.03), (168, (1,), 0.03), (128, (3,), 0.03), (115, (2, 3, 2), 1.0)]
)
def test_a_fit_arrives_where_the_loss_is_flat_to_rounding(seed, hidden, C):
    assert fitted(seed, hidden, C, n=150).gradient_norm_ <= 2e-9


def test_without_a_hidden_layer_it_is_the_logistic_model():
    problem = make_problem(3, n=400, p=5)
    network, logistic = MLPModel((), 0.7).fit(problem.X, problem.y), LogisticModel(0.7).fit(problem.X, problem.y)
    q = problem.quantities()
    np.testing.assert_allclose(network.theta_, logistic.theta_, atol=1e-9)
    np.testing.assert_allclose(network.predict_proba(problem.X), logistic.predict_proba(problem.X), atol=1e-9)
    np.testing.assert_allclose(network.hessian(), logistic.hessian(), atol=1e-6)
    np.testing.assert_allclose(network.leverage(), logistic.leverage(), atol=1e-9)
    np.testing.assert_allclose(influence_scores(network, q), influence_scores(logistic, q), atol=1e-10)


def test_same_seed_same_bytes_and_another_seed_another_start():
    first, again = fitted(C=1.0), fitted(C=1.0)
    assert first.theta_.tobytes() == again.theta_.tobytes()
    assert first.leverage().tobytes() == again.leverage().tobytes()
    other = MLPModel((4,), 1.0, seed=1).fit(first.X_, first.y_, first.sample_weight_)
    assert not np.allclose(other.theta_, first.theta_)


def test_a_refit_continues_the_optimum_and_influence_is_its_derivative():
    problem = make_problem(1, n=400, p=4)
    model, q = MLPModel((4,), 0.3).fit(problem.X, problem.y), problem.quantities()
    np.testing.assert_allclose(model.refitted(np.ones(400)).theta_, model.theta_, atol=1e-9)
    scores, step = influence_scores(model, q), 1e-3
    for row in (0, 17, 200):
        bump = step * (np.arange(400) == row)
        up, down = (q.values(model.refitted(1.0 + sign * bump)) for sign in (1, -1))
        np.testing.assert_allclose(scores[row], (up - down) / (2 * step), rtol=1e-4, atol=1e-9)


def removal_check(model: MLPModel, q, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    predicted = removal_effects(model, q)[rows, 0]
    start = q.values(model)[0]
    refitted = [q.values_at(model, theta)[0] - start for theta in leave_one_out_parameters(model, rows)]
    return predicted, np.array(refitted)


def test_leave_one_out_of_a_regularized_network():
    problem = make_problem(5, n=800, p=6)
    model = MLPModel((8,), 0.1).fit(problem.X, problem.y)
    assert model.leverage().mean() < 0.06
    predicted, refitted = removal_check(model, problem.quantities(), np.arange(0, 800, 10))
    assert spearmanr(predicted, refitted).statistic >= 0.95
    assert np.linalg.norm(predicted - refitted) <= 0.1 * np.linalg.norm(refitted)


def test_the_badge_of_an_overfit_network_is_red():
    problem = make_problem(6, n=80, p=4)
    model = MLPModel((16,), 100.0).fit(problem.X, problem.y)
    rows = np.arange(0, 80, 4)
    predicted, refitted = removal_check(model, problem.quantities(), rows)
    frame = pd.DataFrame({"row_id": rows, "random": True, "predicted": predicted, "refitted": refitted})
    frame = frame.assign(hard_predicted=0.0, hard_refitted=0.0)
    assert judge_fidelity(frame, rows.size, None, float(model.leverage().mean())).level == "red"


def test_conjugate_gradients_solve_as_the_factor_does(monkeypatch):
    model = fitted(2)
    right = np.random.default_rng(0).normal(size=(model.theta_.size, 3))
    direct = model.solve(right)
    monkeypatch.setattr(mlp, "DIRECT", 0)
    large = MLPModel(model.hidden, model.C).fit(model.X_, model.y_, model.sample_weight_)
    np.testing.assert_allclose(large.theta_, model.theta_, atol=1e-6)
    np.testing.assert_allclose(large.solve(right), direct, rtol=1e-5, atol=1e-6)
    assert large.damping_ == 0.0
    np.testing.assert_allclose(large.refitted(model.sample_weight_ * 1.01).theta_,
                               model.refitted(model.sample_weight_ * 1.01).theta_, atol=1e-6)  # fmt: skip


def test_flat_directions_are_damped_and_no_more():
    problem = make_problem(7, n=200, p=3)
    model = MLPModel((3,), 1e-4).fit(problem.X, problem.y)  # every unit is dead: its bias does nothing
    right = np.ones((model.theta_.size, 1))
    assert np.isfinite(model.solve(right)).all()
    assert 0 < model.damping_ <= 1e-6 * np.abs(np.diag(model.hessian())).max()
    assert MLPModel((3,), 1.0, damping=0.5).fit(problem.X, problem.y)._own_factor().damping >= 0.5


def test_leverage_is_a_diagonal_of_the_hat_matrix():
    model = fitted(4, C=0.5)
    J = model.push_forward(model.X_, np.eye(model.theta_.size))
    p = model.predict_proba(model.X_)[:, 1]
    d = model.sample_weight_ * p * (1 - p)
    expected = d * np.einsum("ij,ji->i", J, np.linalg.inv(model.hessian()) @ J.T)
    assert model.damping_ == 0.0
    np.testing.assert_allclose(model.leverage(), np.minimum(expected, mlp.LARGEST_LEVERAGE), atol=1e-9)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"C": 0.0}, "C is"),
        ({"hidden": (0,)}, "hidden"),
        ({"hidden": (2.5,)}, "hidden"),
        ({"damping": -1.0}, "damping"),
    ],
)
def test_unusable_parameters_are_refused(options, words):
    with pytest.raises(ConfigError, match=words):
        MLPModel(**options).fit(np.eye(4), np.array([0.0, 1.0, 0.0, 1.0]))


def test_an_optimum_out_of_reach_names_the_way_out(monkeypatch):
    problem = make_problem(8, n=100, p=3)
    monkeypatch.setattr(mlp, "MAX_STEPS", 1)
    monkeypatch.setattr(mlp, "SEARCH_STEPS", 1)
    with pytest.raises(FitError, match="Lower C"):
        MLPModel((5,), 1e6).fit(problem.X, problem.y)


def test_a_fit_can_be_cancelled_on_the_way():
    problem = make_problem(9, n=200, p=3)
    calls = []

    def check() -> None:
        calls.append(None)
        if len(calls) == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        MLPModel((4,)).fit(problem.X, problem.y, stop_check=check)


def test_a_model_does_not_hold_on_to_what_could_have_cancelled_its_fit():
    class Check:
        def __call__(self) -> None:
            pass

    check, problem = Check(), make_problem(9, n=200, p=3)
    model, held = MLPModel((4,)).fit(problem.X, problem.y, stop_check=check), weakref.ref(check)
    del check
    assert model.gradient_norm_ <= 2e-9 and held() is None


@pytest.mark.parametrize("variant", ["diverse", "uniform"])
def test_a_study_and_the_reweigher_run_with_it(variant):
    table, task = make_table(n=600)
    result = Study(table, task, model="mlp", variant=variant, metric="demographic_parity", rivals=("reweighing",)).run()
    assert result.finished and isinstance(result.model, MLPModel)
    assert result.config.C == result.model.C == 0.1
    points = {point.strength: point for point in result.curve.points}
    assert abs(points[0.5].soft["validation"]) < abs(points[0.0].soft["validation"])
    assert result.fidelity.spearman >= 0.95
    problem = make_problem(2, n=300, p=3)
    reweigher = InfluenceReweigher("demographic_parity", variant, 0.8, model="mlp")
    reweigher.fit(problem.X, problem.y, sensitive_features=problem.codes)
    assert reweigher.sample_weight_.mean() == pytest.approx(1.0)
    assert abs(reweigher.achieved_["soft_gap"]) < 0.5 * abs(reweigher.curve([0.0])["refitted_soft_gap"][0])


def test_models_are_made_by_name():
    assert [type(make_model(name)) for name in MODELS] == [LogisticModel, MLPModel]
    assert make_model("mlp", 0.5, 3).seed == 3
    with pytest.raises(ConfigError, match="logistic, mlp"):
        make_model("tree", C=1.0)
