"""Laws of the weighted logistic fit, its Hessian solves and its leverage."""

import threading
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from iffair_core.errors import ConfigError, FitError
from iffair_core.models import LogisticModel
from iffair_core.models.blocks import map_blocks, row_blocks, sigmoid, single_threaded_blas, sum_blocks
from tests.engine.strategies import KINDS, make_problem, problems


def reference_fit(X: np.ndarray, y: np.ndarray, weight: np.ndarray, C: float) -> LogisticRegression:
    fitted = LogisticRegression(C=C, solver="newton-cholesky", tol=1e-10, max_iter=1000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its line search complains near the optimum of saturated fits
        return fitted.fit(X, y, sample_weight=weight)


def gradient_at(model: LogisticModel) -> np.ndarray:
    ones = np.column_stack([model.X_, np.ones(model.y_.size)])
    residual = model.sample_weight_ * (1 / (1 + np.exp(-(ones @ model.theta_))) - model.y_)
    return ones.T @ residual + np.append(model.coef_ / model.C, 0.0)


def some_weights(seed: int, y: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(seed)
    weight = rng.exponential(size=y.size) * (rng.random(y.size) < 0.9)
    weight[[np.argmax(y), np.argmin(y)]] = 1.0
    return weight


@given(problems(kinds=("plain", "imbalanced", "separable", "collinear")), st.sampled_from([1e-3, 1.0, 100.0]))
def test_gradient_vanishes_at_the_optimum(problem, C):
    model = LogisticModel(C).fit(problem.X, problem.y, some_weights(1, problem.y))
    assert model.gradient_norm_ <= 1e-9
    assert np.abs(gradient_at(model)).max() / problem.y.size <= 1.1e-9


@given(problems(kinds=("plain", "imbalanced", "collinear")), st.sampled_from([0.01, 1.0, 100.0]))
def test_probabilities_equal_scikit_learn(problem, C):
    weight = some_weights(2, problem.y)
    ours = LogisticModel(C).fit(problem.X, problem.y, weight).predict_proba(problem.X)
    theirs = reference_fit(problem.X, problem.y, weight, C).predict_proba(problem.X)
    np.testing.assert_allclose(ours, theirs, atol=1e-8, rtol=0)


def test_the_same_model_is_found_from_many_rows_through_the_subsample():
    problem = make_problem(3, n=25_000, p=6)
    model = LogisticModel(1.0).fit(problem.X, problem.y)
    theirs = reference_fit(problem.X, problem.y, np.ones(25_000), 1.0)
    assert model.gradient_norm_ <= 1e-9
    np.testing.assert_allclose(model.predict_proba(problem.X), theirs.predict_proba(problem.X), atol=1e-8, rtol=0)


@pytest.mark.parametrize("stride_outcome", [0.0, 1.0])
def test_a_subsample_with_one_outcome_is_not_an_obstacle(stride_outcome):
    X = np.random.default_rng(0).normal(size=(24_000, 2))
    y = np.full(24_000, stride_outcome)
    y[1::2] = 1 - stride_outcome  # an even stride sees one outcome only
    assert LogisticModel().fit(X, y).gradient_norm_ <= 1e-9


@given(problems(kinds=KINDS), st.integers(0, 100), st.sampled_from([0.01, 1.0, 1e4]))
def test_a_warm_start_changes_nothing_but_the_way(problem, seed, C):
    weight = some_weights(seed, problem.y)
    near = weight * np.random.default_rng(seed).uniform(0.5, 1.5, weight.size)
    neighbor = LogisticModel(C).fit(problem.X, problem.y, near)
    if seed % 2:
        neighbor.leverage()  # so that its factorized Hessian is there to be reused
    cold = LogisticModel(C).fit(problem.X, problem.y, weight).predict_proba(problem.X)
    warm = LogisticModel(C).fit(problem.X, problem.y, weight, warm_start=neighbor).predict_proba(problem.X)
    np.testing.assert_allclose(warm, cold, atol=1e-7 if C == 1e4 else 1e-8, rtol=0)


@given(problems(kinds=("plain", "collinear")), st.sampled_from([1e-3, 1e3, 1e6]))
def test_units_of_columns_are_immaterial_without_a_penalty_to_speak_of(problem, unit):
    X = np.array(problem.X[:, :3] if problem.X.shape[1] > 3 else problem.X)
    X = X[:, [0]] if X.shape[1] > 2 and np.array_equal(X[:, 0], X[:, 1]) else X
    C = 10.0
    model = LogisticModel(C).fit(X, problem.y)
    # the penalty moves with the units: |coef|^2 / 2C in old units is |unit * coef|^2 / (2 C unit^2) in new ones
    scaled = LogisticModel(C / unit**2).fit(X * unit, problem.y)
    np.testing.assert_allclose(scaled.predict_proba(X * unit), model.predict_proba(X), atol=1e-8, rtol=0)
    np.testing.assert_allclose(scaled.leverage(), model.leverage(), atol=1e-7, rtol=0)


def test_a_column_in_millions_hides_no_other():
    problem = make_problem(5, n=200, p=4)
    X = problem.X * np.array([1e6, 1.0, 1e-3, 1e6])
    model = LogisticModel().fit(X, problem.y)
    direction = np.linalg.solve(model.hessian(), gradient_at(model))
    moved = X @ direction[:-1] + direction[-1]
    assert np.abs(moved).max() <= 1e-8  # another Newton step would move no logit


@pytest.mark.parametrize("C", [1e2, 1e4, 1e8])
def test_separable_outcomes_reach_the_true_optimum_where_gradients_are_tiny(C):
    problem = make_problem(8, n=60, p=2, kind="separable")
    model = LogisticModel(C).fit(problem.X, problem.y)
    direction = np.linalg.solve(model.hessian(), gradient_at(model))
    p = sigmoid(model.logits(problem.X))
    assert np.abs((problem.X @ direction[:-1] + direction[-1]) * p * (1 - p)).max() <= 1e-8


@pytest.mark.parametrize(("n", "p"), [(12, 11), (12, 35), (40, 39)])
def test_more_or_less_as_many_columns_as_rows(n, p):
    problem = make_problem(1, n=n, p=p)
    model = problem.model()
    assert model.gradient_norm_ <= 1e-9
    assert model.leverage().min() >= 0 and model.leverage().max() < 1


@given(problems(), st.integers(0, 1000))
def test_a_row_twice_is_a_row_of_double_weight(problem, seed):
    rows = np.random.default_rng(seed).integers(0, problem.y.size, 5)
    twice = np.concatenate([np.arange(problem.y.size), rows])
    weight = 1.0 + np.bincount(rows, minlength=problem.y.size)
    repeated = LogisticModel().fit(problem.X[twice], problem.y[twice]).predict_proba(problem.X)
    weighted = LogisticModel().fit(problem.X, problem.y, weight).predict_proba(problem.X)
    np.testing.assert_allclose(repeated, weighted, atol=1e-8, rtol=0)


@given(problems(kinds=("plain", "imbalanced", "units")), st.integers(0, 1000))
def test_the_order_of_rows_is_immaterial(problem, seed):
    order = np.random.default_rng(seed).permutation(problem.y.size)
    straight = problem.model()
    mixed = LogisticModel().fit(problem.X[order], problem.y[order])
    np.testing.assert_allclose(mixed.predict_proba(problem.X), straight.predict_proba(problem.X), atol=1e-8, rtol=0)
    np.testing.assert_allclose(mixed.leverage(), straight.leverage()[order], atol=1e-8, rtol=1e-6)


@given(problems(kinds=("plain", "imbalanced", "collinear")))
def test_leverages_are_shares_of_the_effective_parameters(problem):
    model = LogisticModel().fit(problem.X, problem.y, some_weights(4, problem.y))
    ones = np.column_stack([problem.X, np.ones(problem.y.size)])
    z = ones @ model.theta_
    d = model.sample_weight_ * sigmoid(z) * sigmoid(-z)
    hessian = (ones.T * d) @ ones + np.diag(np.append(np.ones(problem.X.shape[1]), 0.0))
    np.testing.assert_allclose(model.hessian(), hessian, rtol=1e-9, atol=1e-9)
    expected = d * np.einsum("ij,jk,ik->i", ones, np.linalg.inv(hessian), ones)
    np.testing.assert_allclose(model.leverage(), expected, atol=1e-9)
    assert model.leverage().sum() <= problem.X.shape[1] + 1 + 1e-9
    right = np.random.default_rng(0).normal(size=(hessian.shape[0], 3))
    np.testing.assert_allclose(hessian @ model.solve(right), right, atol=1e-7)
    np.testing.assert_allclose(model.solve(right[:, 0]), model.solve(right)[:, 0], rtol=1e-10, atol=1e-12)


def test_push_forward_and_pull_back_are_adjoint():
    problem = make_problem(2, n=700, p=4)
    model, rng = problem.model(), np.random.default_rng(0)
    V, C = rng.normal(size=(5, 3)), rng.normal(size=(700, 3))
    forward, back = model.push_forward(problem.X, V), model.pull_back(problem.X, C)
    np.testing.assert_allclose(np.sum(forward * C), np.sum(V * back), rtol=1e-12)


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"C": 0.0}, ConfigError),
        ({"C": float("nan")}, ConfigError),
        ({"y": np.array([0.0, 2.0, 1.0])}, ConfigError),
        ({"y": np.array([0.0, 1.0])}, ConfigError),
        ({"y": np.ones(3)}, FitError),
        ({"X": np.array([[0.0], [np.nan], [1.0]])}, ConfigError),
        ({"X": np.array([[0.0], [np.inf], [-np.inf]])}, ConfigError),
        ({"weight": np.array([1.0, -1.0, 1.0])}, ConfigError),
        ({"weight": np.array([1.0, np.nan, 1.0])}, ConfigError),
        ({"weight": np.zeros(3)}, ConfigError),
        ({"weight": np.ones(2)}, ConfigError),
        ({"weight": np.array([1.0, 0.0, 1.0])}, FitError),
    ],
)
def test_unusable_arguments_are_refused(change, error):
    given_ = {"C": 1.0, "X": np.arange(3.0)[:, None], "y": np.array([0.0, 1.0, 0.0]), "weight": None} | change
    with pytest.raises(error) as caught:
        LogisticModel(given_["C"]).fit(given_["X"], given_["y"], given_["weight"])
    assert "\n" not in str(caught.value)


def test_same_rows_same_bytes():
    problem = make_problem(4, n=30_000, p=8)
    first, second = problem.model(), problem.model()
    assert first.theta_.tobytes() == second.theta_.tobytes()
    assert first.leverage().tobytes() == second.leverage().tobytes()


def test_fits_in_several_threads_neither_block_nor_differ():
    problem = make_problem(6, n=20_000, p=30)
    alone, found = problem.model().theta_.tobytes(), []
    threads = [threading.Thread(target=lambda: found.append(problem.model().theta_.tobytes())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert found == [alone] * 4


def test_blas_threads_are_restored_after_nested_pins_end_in_any_order():
    from threadpoolctl import threadpool_info

    def blas_threads() -> list[int]:
        return [info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas"]

    before = blas_threads()
    first, second = single_threaded_blas(), single_threaded_blas()
    first.__enter__()
    second.__enter__()
    assert set(blas_threads()) == {1}
    first.__exit__(None, None, None)
    assert set(blas_threads()) == {1}
    second.__exit__(None, None, None)
    assert blas_threads() == before


@given(st.integers(0, 100_000), st.integers(1, 500))
def test_blocks_cover_every_row_once_in_order(n, p):
    ends = [(block.start, block.stop) for block in row_blocks(n, p)]
    assert [end for _, end in ends][:-1] == [start for start, _ in ends][1:]
    assert not ends or (ends[0][0], ends[-1][1]) == (0, n)


def test_results_of_blocks_come_in_block_order():
    assert map_blocks(lambda rows: rows.start, 10_000, 10_000) == [b.start for b in row_blocks(10_000, 10_000)]


def test_sigmoid_neither_overflows_nor_loses_small_probabilities():
    z = np.array([-1000.0, -700.0, -1.0, 0.0, 1.0, 700.0, 1000.0])
    np.testing.assert_allclose(sigmoid(z) + sigmoid(-z), 1.0, rtol=1e-15)
    assert sigmoid(np.array([-700.0]))[0] == pytest.approx(np.exp(-700.0))


def test_sums_of_blocks_are_the_same_bytes_as_adding_them_in_order():
    values = np.random.default_rng(0).normal(size=(40_000, 3)) * 10.0 ** np.arange(-3, 6, 3)
    expected = np.zeros(3)
    for rows in row_blocks(40_000, 500):
        expected += values[rows].sum(axis=0)
    for _ in range(3):
        np.testing.assert_array_equal(sum_blocks(lambda rows: values[rows].sum(axis=0), 40_000, 500), expected)


def test_blocks_within_blocks_finish():
    def inner(rows: slice) -> float:
        return sum(map_blocks(lambda part: part.stop - part.start, rows.stop - rows.start, 100_000))

    assert sum(map_blocks(inner, 20_000, 10_000)) == 20_000


def test_an_error_in_one_block_ends_the_others():
    done = []

    def work(rows: slice) -> None:
        if rows.start >= 512:
            raise FitError("no")
        done.append(rows)

    with pytest.raises(FitError, match="no"):
        map_blocks(work, 256_000, 10_000_000)
    assert len(done) <= 2


@pytest.mark.parametrize("p", [1, 7, 8, 9, 40])
def test_leverage_in_panels_is_that_of_the_inverse(p):
    problem = make_problem(p, n=300, p=p)
    model = problem.model()
    rows = np.column_stack([problem.X, np.ones(300)])
    probability = sigmoid(model.logits(problem.X))
    inverse = np.linalg.inv(model.hessian())
    expected = probability * (1 - probability) * np.einsum("ij,jk,ik->i", rows, inverse, rows)
    np.testing.assert_allclose(model.leverage(), expected, rtol=1e-9)


def test_a_subsample_of_a_subsample_leads_to_the_same_optimum():
    problem = make_problem(9, n=130_000, p=4)
    model = problem.model()
    assert model.gradient_norm_ <= 1e-9
    assert np.abs(gradient_at(model)).max() / 130_000 <= 1.1e-9


@pytest.mark.parametrize("seed", [4, 9])
def test_weights_that_leave_few_rows_are_fitted_from_wherever_it_takes(seed):
    """Two rows in a hundred carry all the weight, so that the usual subsample leads far astray."""
    rng = np.random.default_rng(seed)
    n, p = 25_000, 12
    X = (rng.random((n, p)) < rng.uniform(0.002, 0.3, p)).astype(float)
    X[:, 0] = rng.standard_exponential(n) * 3
    y = (rng.random(n) < 1 / (1 + np.exp(2 - X[:, :4].sum(axis=1)))).astype(float)
    rng.normal(size=n)
    weight = (rng.random(n) < 0.02) * rng.exponential(50, n)
    weight *= n / weight.sum()
    cold = LogisticModel().fit(X, y, weight)
    warm = LogisticModel().fit(X, y).refitted(weight)
    reference = LogisticRegression(solver="newton-cholesky", tol=1e-10, max_iter=1000).fit(X, y, sample_weight=weight)
    for model in (cold, warm):
        np.testing.assert_allclose(model.predict_proba(X), reference.predict_proba(X), atol=1e-6)
