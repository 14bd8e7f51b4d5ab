"""Laws of the weights: the box, the mean, the ask met, the smallness claimed, and infeasible asks refused."""

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from scipy.optimize import linprog, minimize

from iffair_core.errors import Cancelled, ConfigError, Infeasible
from iffair_core.influence import influence_scores
from iffair_core.models import LogisticModel
from iffair_core.quantities import goal_pairs
from iffair_core.reweighting import (
    Ask,
    Rails,
    Thrift,
    diverse_weights,
    effective_sample_size,
    efficient_weights,
    reachable_strength,
    require_rails,
    uniform_weights,
)
from tests.engine.strategies import make_problem, problems

seeds = st.integers(0, 10_000)
max_weights = st.sampled_from([1.01, 1.5, 2.0, 5.0, 5.3, 1000.0])


def random_ask(seed: int, n: int, m: int, *, equal: bool, share: float, max_weight: float) -> Ask:
    """An ask that some weights meet: its target is what feasible weights reach."""
    rng = np.random.default_rng(seed)
    influence = rng.standard_t(4, size=(n, m)) * 10.0 ** rng.integers(-6, 2)
    influence -= influence.mean(axis=0) * rng.random()
    delta = np.clip(rng.exponential(size=n) - 1.0, -1.0, max_weight - 1.0)
    delta -= delta.mean()
    delta *= share * min(1.0, 1.0 / max(-delta.min(), delta.max() / (max_weight - 1.0)))
    at_one = rng.normal(size=m) * np.abs(influence).max()
    return Ask(influence, at_one, at_one + influence.T @ delta, equal)


def furthest(influence: np.ndarray, max_weight: float) -> float:
    """How far weights can lower a gap with these influences."""
    return reachable_strength(influence[:, None], np.zeros(1), np.ones(1), Rails(max_weight))


def assert_within_rails(weights: np.ndarray, max_weight: float) -> None:
    assert np.isfinite(weights).all()
    assert weights.min() >= 0 and weights.max() <= max_weight
    assert abs(weights.mean() - 1) <= 1e-12


def assert_meets(ask: Ask, weights: np.ndarray) -> None:
    off = ask.at_one + ask.influence.T @ (weights - 1) - ask.target
    unit = np.abs(ask.change).max() + 1e-12
    assert (np.abs(off) if ask.equal else off).max() <= 1e-6 * unit


def assert_shortest(ask: Ask, weights: np.ndarray, max_weight: float) -> None:
    """No feasible direction leads to a shorter delta, by an independent linear programme."""
    delta = weights - 1.0
    unit = np.abs(ask.influence).max()
    sides, change = ask.influence.T / unit, ask.change / unit
    if ask.equal:
        rows = {"A_eq": np.vstack([sides, np.ones(delta.size)]), "b_eq": np.append(change, 0.0)}
    else:
        room = 1e-9 * np.abs(change).max()
        rows = {"A_ub": sides, "b_ub": change + room, "A_eq": np.ones((1, delta.size)), "b_eq": [0.0]}
    # delta is the projection of 0 on a convex set iff delta'(other - delta) >= 0 for every other point of the set
    other = linprog(delta, **rows, bounds=(-1.0, max_weight - 1.0), method="highs")
    assert other.status == 0
    assert other.fun >= delta @ delta - 1e-5 * (delta @ delta + np.abs(delta).max())


@given(
    seed=seeds, n=st.integers(8, 80), m=st.integers(1, 3), equal=st.booleans(), share=st.floats(0.05, 0.98),
    max_weight=max_weights,
)  # fmt: skip
def test_diverse_is_the_shortest_change_that_meets_the_ask(*, seed, n, m, equal, share, max_weight):
    ask = random_ask(seed, n, m, equal=equal, share=share, max_weight=max_weight)
    weights = diverse_weights(ask, Rails(max_weight))
    assert_within_rails(weights, max_weight)
    assert_meets(ask, weights)
    assert_shortest(ask, weights, max_weight)


@pytest.mark.parametrize(
    ("equal", "m", "max_weight"), [(True, 1, 1.3), (True, 2, 5.0), (False, 3, 1.5), (False, 6, 5.0)]
)
def test_diverse_equals_a_general_purpose_solver(equal, m, max_weight):
    ask = random_ask(7, 24, m, equal=equal, share=0.9, max_weight=max_weight)
    unit = np.abs(ask.influence).max()
    kind = "eq" if equal else "ineq"
    reference = minimize(
        lambda d: d @ d / 2,
        np.zeros(24),
        jac=lambda d: d,
        method="SLSQP",
        bounds=[(-1.0, max_weight - 1.0)] * 24,
        constraints=[
            {"type": "eq", "fun": lambda d: d.sum(), "jac": lambda d: np.ones(24)},
            {
                "type": kind,
                "fun": lambda d: (ask.change - ask.influence.T @ d) / unit,
                "jac": lambda d: -ask.influence.T / unit,
            },
        ],
        options={"ftol": 1e-14, "maxiter": 500},
    )
    np.testing.assert_allclose(diverse_weights(ask, Rails(max_weight)) - 1, reference.x, atol=1e-5)


def test_diverse_inside_the_box_is_the_pseudo_inverse():
    ask = random_ask(3, 50, 2, equal=True, share=0.01, max_weight=5.0)
    sides = np.column_stack([ask.influence, np.full(50, np.abs(ask.influence).max())])
    expected = np.linalg.pinv(sides.T) @ np.append(ask.change, 0.0)
    np.testing.assert_allclose(diverse_weights(ask, Rails()) - 1, expected, atol=1e-9)


@given(
    seed=seeds, n=st.integers(6, 60), m=st.integers(1, 5), equal=st.booleans(), stretch=st.floats(0.1, 5.0),
    max_weight=max_weights,
)  # fmt: skip
def test_an_ask_is_refused_exactly_where_a_linear_programme_finds_nothing(*, seed, n, m, equal, stretch, max_weight):
    rng = np.random.default_rng(seed)
    m = min(m, n // 3)
    influence = rng.normal(size=(n, m)) * 10.0 ** rng.integers(-4, 2)
    reach = furthest(influence[:, 0], max_weight)
    ask = Ask(influence, np.zeros(m), -stretch * reach * np.where(np.arange(m) == 0, 1.0, rng.random(m)), equal)
    unit = np.abs(influence).max()
    if equal:
        slack = linprog(
            np.append(np.zeros(n), 1.0),
            A_ub=np.vstack([np.column_stack([s * influence.T / unit, -np.ones(m)]) for s in (1, -1)]),
            b_ub=np.concatenate([ask.change / unit, -ask.change / unit]),
            A_eq=np.append(np.ones(n), 0.0)[None],
            b_eq=[0.0],
            bounds=[(-1.0, max_weight - 1.0)] * n + [(0.0, None)],
        ).fun
        feasible, clear = slack <= 1e-12, slack <= 1e-12 or slack > 1e-5
    else:
        slack = linprog(
            np.append(np.zeros(n), 1.0),
            A_ub=np.column_stack([influence.T / unit, -np.ones(m)]),
            b_ub=ask.change / unit,
            A_eq=np.append(np.ones(n), 0.0)[None],
            b_eq=[0.0],
            bounds=[(-1.0, max_weight - 1.0)] * n + [(None, None)],
        ).fun
        feasible, clear = slack < 0, abs(slack) > 1e-5
    assume(clear)
    if not feasible:
        with pytest.raises(Infeasible):
            diverse_weights(ask, Rails(max_weight))
    else:
        try:
            weights = diverse_weights(ask, Rails(max_weight))
        except Infeasible:
            assert equal, "an ask with room to spare was refused"  # an equality may be met at a corner of the box only
            lifted = linprog(
                np.zeros(n),
                A_eq=np.vstack([influence.T / unit, np.ones(n)]),
                b_eq=np.append(ask.change * (1 + 1e-4) / unit, 0.0),
                bounds=(-1.0, max_weight - 1.0),
            )
            assert lifted.status == 2
        else:
            assert_within_rails(weights, max_weight)
            assert_meets(ask, weights)


@pytest.mark.parametrize("variant", [diverse_weights, uniform_weights])
@pytest.mark.parametrize("stretch", [1.001, 2.0, 1e3, 1e9])
@pytest.mark.parametrize("m", [1, 4])
def test_impossible_asks_are_refused(variant, stretch, m):
    influence = np.random.default_rng(0).standard_t(2, size=(20_000, m)) / 20_000
    for max_weight in (1.01, 5.0, 1000.0):
        reach = furthest(influence[:, 0], max_weight)
        for equal in (True, False):
            ask = Ask(influence, np.zeros(m), np.where(np.arange(m) == 0, -stretch * reach, 0.0), equal)
            with pytest.raises(Infeasible):
                variant(ask, Rails(max_weight))


def test_solving_can_be_cancelled():
    def cancel() -> None:
        raise Cancelled

    ask = random_ask(0, 50, 2, equal=True, share=0.5, max_weight=5.0)
    for variant in (diverse_weights, uniform_weights):
        with pytest.raises(Cancelled):
            variant(ask, Rails(), stop_check=cancel)


def test_rows_without_influence_and_asks_without_content():
    nothing = Ask(np.zeros((10, 1)), np.array([0.3]), np.array([0.3]), True)
    np.testing.assert_array_equal(diverse_weights(nothing, Rails()), np.ones(10))
    np.testing.assert_array_equal(uniform_weights(nothing, Rails()), np.ones(10))
    met = Ask(np.random.default_rng(0).normal(size=(10, 2)), np.array([0.1, 0.2]), np.array([0.2, 0.2]), False)
    np.testing.assert_array_equal(diverse_weights(met, Rails()), np.ones(10))
    for equal in (True, False):
        with pytest.raises(Infeasible):
            diverse_weights(Ask(np.zeros((10, 1)), np.array([0.3]), np.array([0.1]), equal), Rails())


@given(
    seed=seeds, n=st.integers(4, 60), m=st.integers(1, 5), equal=st.booleans(), max_weight=max_weights,
    pins=st.booleans(), closed=st.booleans(),
)  # fmt: skip
@example(
    seed=3, n=59, m=3, equal=False, max_weight=1.01, pins=False, closed=False
)  # untouched weights only reach a strength below -1
@example(seed=0, n=20, m=2, equal=True, max_weight=5.0, pins=False, closed=True)  # one of the gaps is closed already
def test_reachable_strength_is_the_linear_programme(*, seed, n, m, equal, max_weight, pins, closed):
    rng = np.random.default_rng(seed)
    m = min(m, n // 3)
    influence = rng.normal(size=(n, m))
    at_one, slack = rng.normal(size=m) * 0.1, rng.uniform(0.1, 1.0, m)
    if equal:
        at_one = np.zeros(m)
        slack[0] *= not closed or m == 1
    pinned = rng.random(n) < 0.3 if pins else np.zeros(n, dtype=bool)
    high = np.where(pinned, 0.0, max_weight - 1.0)
    rows = np.column_stack([influence.T, slack])
    balance = np.append(np.ones(n), 0.0)[None]
    sides = (
        {"A_eq": np.vstack([rows, balance]), "b_eq": np.append(-at_one, 0.0)}
        if equal
        else {"A_ub": rows, "b_ub": -at_one, "A_eq": balance, "b_eq": [0.0]}
    )
    bounds = [(-float(not held), top) for held, top in zip(pinned, high, strict=True)] + [(None, None)]
    exact = linprog(np.append(np.zeros(n), -1.0), bounds=bounds, **sides)
    found = reachable_strength(influence, at_one, slack, Rails(max_weight, pinned if pins else None), equal=equal)
    assert exact.status == 0
    assert found == pytest.approx(-exact.fun, abs=1.1e-4 * max(1.0, abs(exact.fun)))


@pytest.mark.parametrize("variant", [diverse_weights, uniform_weights])
def test_pinned_rows_keep_their_weight(variant):
    ask = random_ask(3, 200, 1, equal=True, share=0.6, max_weight=3.0)
    pinned = np.random.default_rng(0).random(200) < 0.4
    weights = variant(ask, Rails(3.0, pinned))
    assert_within_rails(weights, 3.0)
    np.testing.assert_array_equal(weights[pinned], 1.0)
    assert (weights[~pinned] != 1.0).any()
    if variant is diverse_weights:
        assert_meets(ask, weights)


@given(seeds, st.integers(10, 200), st.integers(1, 3), st.floats(0.05, 0.5), st.sampled_from([1.01, 1.5, 5.0]))
def test_uniform_moves_rows_by_exactly_the_amount(seed, n, m, share, max_weight):
    ask = random_ask(seed, n, m, equal=True, share=0.3 * share, max_weight=max_weight)
    try:
        weights = uniform_weights(ask, Rails(max_weight))
    except Infeasible:
        return
    amount = min(1.0, max_weight - 1.0)
    moved = weights - 1.0
    assert_within_rails(weights, max_weight)
    assert set(np.round(moved / amount, 12)) <= {-1.0, 0.0, 1.0}
    assert (moved > 0).sum() == (moved < 0).sum()
    if m == 1:  # several gaps are met through their combination only
        pairs = np.sort(ask.influence[:, 0])
        largest = np.abs(pairs[::-1][: n // 2] - pairs[: n // 2]).max() * amount
        assert abs(float(ask.influence[:, 0] @ moved - ask.change[0])) <= largest / 2 + 1e-12 * largest


@given(st.integers(0, 10_000), st.integers(4, 9), st.floats(0.1, 0.9))
def test_uniform_moves_the_fewest_rows(seed, n, share):
    """Brute force: no balanced choice of fewer pairs reaches as far."""
    from itertools import combinations

    rng = np.random.default_rng(seed)
    influence = rng.normal(size=n)
    pairs = np.sort(influence)
    reach = float((pairs[::-1][: n // 2] - pairs[: n // 2]).sum())
    ask = Ask(influence[:, None], np.zeros(1), np.array([-share * reach]), True)
    try:
        weights = uniform_weights(ask, Rails())
    except Infeasible:
        return
    count, achieved = int((weights > 1).sum()), -float(influence @ (weights - 1))
    for fewer in range(count):
        for up in combinations(range(n), fewer):
            rest = [i for i in range(n) if i not in up]
            for down in combinations(rest, fewer):
                other = float(influence[list(down)].sum() - influence[list(up)].sum())
                assert abs(other) <= achieved + 1e-12
                assert abs(other - share * reach) >= abs(achieved - share * reach) - 1e-12


@pytest.mark.parametrize("amount", [0.25, 1.0, 3.0])
def test_uniform_amount_stays_in_the_box(amount):
    ask = random_ask(5, 100, 1, equal=True, share=0.1, max_weight=5.0)
    moved = np.abs(uniform_weights(ask, Rails(), amount) - 1.0)
    np.testing.assert_allclose(moved[moved > 0], min(amount, 1.0), atol=1e-15)


class Asked:
    """A model, the linear ask of its soft gaps, and what `efficient_weights` wants besides."""

    def __init__(self, problem, goal: str, share: float) -> None:
        self.model, self.q = problem.model(), problem.quantities()
        matrix = goal_pairs(self.q, goal).matrix
        values = matrix @ self.q.values(self.model)
        self.gradients = self.q.gradients(self.model) @ matrix.T
        influence = influence_scores(self.model, self.q) @ matrix.T
        self.ask = Ask(influence, values, np.full(values.size, (1 - share) * values.max()), False)
        self.start = Thrift(self.model.theta_, self.model.hessian())

    def efficient(self, rails: Rails, thrift: float) -> np.ndarray:
        return efficient_weights(
            self.model, self.gradients, self.ask, np.ones(self.model.y_.size), rails, self.start, thrift=thrift
        )

    def step(self, weights: np.ndarray) -> np.ndarray:
        """First-order change of the parameters."""
        model = self.model
        residual = model.predict_proba(model.X_)[:, 1] - model.y_
        rows = np.column_stack([model.X_, np.ones(model.y_.size)])
        return -np.linalg.solve(self.start.hessian, rows.T @ (residual * (weights - 1)))

    def cost(self, weights: np.ndarray) -> float:
        """Training loss that the step costs, to second order, in nats."""
        step = self.step(weights)
        return float(step @ self.start.hessian @ step) / 2


@given(problems(kinds=("plain", "units"), max_rows=150, max_groups=3), st.floats(0.05, 0.5), st.floats(0.1, 100.0))
def test_efficient_weights_are_the_least_of_both_prices(problem, share, thrift):
    asked = Asked(problem, "demographic_parity", share)
    try:
        weights = asked.efficient(Rails(), thrift)
        diverse = diverse_weights(asked.ask, Rails())
    except Infeasible:
        return
    assert_within_rails(weights, 5.0)
    assert_meets(asked.ask, weights)

    def objective(w: np.ndarray) -> float:
        return float((w - 1) @ (w - 1)) / 2 + thrift * asked.cost(w)

    assert objective(weights) <= objective(diverse) * (1 + 1e-6)
    assert asked.cost(weights) <= asked.cost(diverse) * (1 + 1e-6)
    for share_of_way in (0.01, 0.3):  # convex: no way towards another answer lowers it
        between = weights + share_of_way * (diverse - weights)
        assert objective(between) >= objective(weights) * (1 - 1e-6) - 1e-12


def test_efficient_weights_against_a_general_purpose_solver():
    asked = Asked(make_problem(9, n=60, p=4, n_groups=4), "equalized_odds", 0.3)
    weights = asked.efficient(Rails(3.0), 5.0)
    n = weights.size

    def objective(w: np.ndarray) -> float:
        return float((w - 1) @ (w - 1)) / 2 + 5.0 * asked.cost(w)

    reference = minimize(
        objective,
        np.ones(n),
        method="SLSQP",
        bounds=[(0.0, 3.0)] * n,
        constraints=[
            {"type": "eq", "fun": lambda w: w.mean() - 1},
            {"type": "ineq", "fun": lambda w: asked.ask.change - asked.ask.influence.T @ (w - 1)},
        ],
        options={"ftol": 1e-13, "maxiter": 2000},
    )
    assert_meets(asked.ask, weights)
    assert objective(weights) == pytest.approx(reference.fun, rel=1e-5)


def test_without_thrift_efficient_is_diverse_and_with_much_the_cheapest_step():
    asked = Asked(make_problem(10, n=1500, p=5), "demographic_parity", 0.2)
    diverse = diverse_weights(asked.ask, Rails())
    np.testing.assert_allclose(asked.efficient(Rails(), 1e-6), diverse, atol=1e-6)
    lavish = asked.cost(asked.efficient(Rails(50.0), 1e4))
    gradient = asked.gradients[:, int(np.argmax(asked.ask.at_one))]
    change = float(np.max(asked.ask.at_one) * 0.2)
    cheapest = change**2 / float(gradient @ np.linalg.solve(asked.start.hessian, gradient)) / 2
    assert cheapest <= lavish * (1 + 1e-9)
    assert lavish == pytest.approx(cheapest, rel=1e-3)


def test_efficient_costs_less_likelihood_than_diverse():
    asked = Asked(make_problem(10, n=1500, p=5), "demographic_parity", 0.4)
    model, q = asked.model, asked.q

    def objective(fitted: LogisticModel) -> float:
        return 1500 * float(q.values(fitted)[-1]) + float(fitted.coef_ @ fitted.coef_) / 2

    prices = []
    for weights in (diverse_weights(asked.ask, Rails()), asked.efficient(Rails(), 10.0)):
        refitted = model.refitted(weights)
        closed = float(q.values(refitted)[0] - q.values(model)[0])
        prices.append((objective(refitted) - objective(model)) / closed**2)  # a cost grows with the square of the step
    assert 0 < prices[1] <= prices[0]


@given(problems(max_rows=60), st.floats(0.5, 1.25), st.sampled_from([1.01, 5.0, 1000.0]))
def test_efficient_weights_of_hostile_problems_stay_within_rails_or_are_refused(problem, share, max_weight):
    asked = Asked(problem, "demographic_parity", share)
    try:
        weights = asked.efficient(Rails(max_weight), 10.0)
    except Infeasible as refusal:
        assert "Choose a lower strength or a larger max_weight" in str(refusal)
    else:
        assert_within_rails(weights, max_weight)


def test_effective_sample_size_is_kish():
    assert effective_sample_size(np.ones(7)) == pytest.approx(1.0)
    assert effective_sample_size(np.array([1.0, 0.0, 0.0, 3.0])) == pytest.approx(16 / 10 / 4)


@pytest.mark.parametrize(
    "rails", [(1.0, 0.5), (0.5, 0.5), (np.inf, 0.5), (np.nan, 0.5), (5.0, -0.1), (5.0, 1.1), (5.0, np.nan)]
)
def test_rails_outside_their_range_are_refused(rails):
    with pytest.raises(ConfigError):
        require_rails(*rails)
