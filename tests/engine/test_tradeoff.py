"""Laws of the path and the curve: honest refits, a frontier by its definition, a choice that never sees test rows."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from iffair_core.errors import Cancelled, ConfigError
from iffair_core.metrics import GOAL_METRIC, GOALS, METRICS, Estimate, paired_difference, point_metrics
from iffair_core.models import LogisticModel
from iffair_core.models.blocks import sigmoid
from iffair_core.path import Repair, RepairPath, require_strength
from iffair_core.quantities import goal_pairs, judged_groups, quantities_from_codes
from iffair_core.reweighting import VARIANTS
from iffair_core.tradeoff import (
    DEFAULT_BUDGET,
    REASONS,
    STRENGTHS,
    Curve,
    Part,
    choose,
    frontier,
    recommend,
    signed_disparity,
    trace,
)
from tests.engine.strategies import Problem, make_problem, problems


def thirds(problem: Problem) -> tuple[Problem, dict[str, Part]]:
    n = problem.y.size // 3
    train = Problem(np.ascontiguousarray(problem.X[:n]), problem.y[:n], problem.codes[:n], problem.n_groups)
    rest = {"validation": slice(n, 2 * n), "test": slice(2 * n, None)}
    return train, {name: Part(problem.X[rows], problem.y[rows], problem.codes[rows]) for name, rows in rest.items()}


def make_curve(problem: Problem, repair: Repair, *, strength=None, budget=None, parts=None) -> Curve:
    train, split = thirds(problem)
    split = parts or split
    model = train.model()
    quantities = {
        name: quantities_from_codes(part.X, part.y, part.group_codes, problem.groups, "g0")
        for name, part in split.items()
    }
    path = RepairPath(model, quantities["validation"], repair)
    return trace(path, split, quantities, strength=strength, budget=budget, seed=0)


CURVES: dict[tuple[str, str, int], Curve] = {}


def known_curve(goal: str, variant: str, n_groups: int = 2) -> Curve:
    """One traced curve for each kind, shared by the tests that only read it."""
    key = (goal, variant, n_groups)
    if key not in CURVES:
        CURVES[key] = make_curve(known_problem(n_groups), Repair(goal, variant))
    return CURVES[key]


def known_problem(n_groups: int = 2) -> Problem:
    return make_problem(20 + n_groups, n=1200, p=4, n_groups=n_groups)


every_kind = [(goal, variant, 2) for goal in GOALS for variant in VARIANTS]
every_kind += [("equalized_odds", variant, 6) for variant in VARIANTS]


@pytest.mark.parametrize(("goal", "variant", "n_groups"), every_kind)
def test_points_are_honest_refits_within_the_rails(goal, variant, n_groups):
    curve, problem = known_curve(goal, variant, n_groups), known_problem(n_groups)
    train, parts = thirds(problem)
    assert [point.strength for point in curve.points] == STRENGTHS.tolist()
    start = curve.points[0]
    assert start.feasible and np.array_equal(start.weights, np.ones(train.y.size))
    assert start.predicted == start.refitted and start.predicted_soft == start.soft
    assert sum(point.feasible for point in curve.points) >= 4
    for point in curve.points:
        assert set(point.predicted_soft) <= set(parts)
        if not point.feasible:
            assert point.reason and point.weights is None and point.theta is None
            assert point.refitted == {} and point.soft == {} and point.effective_sample_size is None
            continue
        assert point.reason is None
        assert np.isfinite(point.weights).all() and point.weights.min() >= 0
        assert point.weights.max() <= 5.0 and abs(point.weights.mean() - 1) <= 1e-12
        assert point.effective_sample_size >= 0.5 and point.largest_weight == point.weights.max()
        assert point.changed_share == np.mean(np.abs(point.weights - 1) > 1e-9)
        if variant == "uniform":
            assert set(np.round(point.weights, 12)) <= {0.0, 1.0, 2.0}
    for point in [point for point in curve.points if point.feasible][::4]:
        theirs = LogisticRegression(solver="newton-cholesky", tol=1e-10).fit(train.X, train.y, point.weights)
        for name, part in parts.items():
            score = theirs.predict_proba(part.X)[:, 1]
            np.testing.assert_allclose(sigmoid(part.X @ point.theta[:-1] + point.theta[-1]), score, atol=1e-6)
            expected = point_metrics(part.y, score, part.group_codes, problem.n_groups)
            for metric in METRICS:
                assert point.refitted[name][metric] == pytest.approx(expected[metric], abs=1e-6)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("goal", ["demographic_parity", "equal_opportunity", "error_rate_parity"])
def test_a_single_soft_gap_becomes_what_was_asked(goal, variant):
    """The weights are guided by validation rows here, so the ask can be checked there: (1 - strength) of the start."""
    curve = known_curve(goal, variant)
    start = curve.points[0].soft["validation"]
    for point in curve.points:
        if point.feasible:
            allowed = 0.01 if variant != "uniform" else 0.25
            assert point.soft["validation"] == pytest.approx((1 - point.strength) * start, abs=allowed * abs(start))


@pytest.mark.parametrize("variant", ["diverse", "efficient"])
@pytest.mark.parametrize("n_groups", [2, 6])
def test_the_worst_of_many_gaps_is_no_larger_than_asked(variant, n_groups):
    curve = known_curve("equalized_odds", variant, n_groups)
    start = curve.points[0].soft["validation"]
    for point in curve.points:
        if point.feasible and point.strength <= 1:
            assert point.soft["validation"] <= (1 - point.strength + 0.25) * start + 1e-9
    near = [point for point in curve.points if point.feasible and 0 < point.strength <= 0.5]
    assert near and all(point.soft["validation"] <= (1 - point.strength + 0.01) * start for point in near)


def test_predictions_need_no_refit_and_are_close_where_little_is_asked():
    curve = known_curve("demographic_parity", "diverse")
    for point in curve.points[1:5]:
        assert set(point.predicted["validation"]) == set(METRICS)
        start = curve.points[0].soft["validation"]
        assert abs(point.predicted_soft["validation"] - point.soft["validation"]) <= 0.05 * abs(start)
        assert point.predicted["validation"] != point.refitted["validation"]


def test_a_small_prediction_is_one_newton_step_to_the_weights():
    """Against the definition: theta_0 - H_w^-1 sum (w_i - 1) grad_i, with the weights of a path's first step."""
    train, parts = thirds(known_problem())
    model = train.model()
    part = parts["validation"]
    guide = quantities_from_codes(part.X, part.y, part.group_codes, train.groups, "g0")
    path = RepairPath(model, guide, Repair("demographic_parity", "diverse"))
    step = path.step_from(path.origin, 0.01)  # so small that the path stops at its first solve
    ones = np.column_stack([train.X, np.ones(train.y.size)])
    p = model.predict_proba(train.X)[:, 1]
    gradient = ones.T @ ((step.weights - 1) * (p - train.y))
    hessian = (ones * (step.weights * p * (1 - p))[:, None]).T @ ones + np.diag(np.append(np.ones(train.X.shape[1]), 0))
    np.testing.assert_allclose(step.predicted_theta, model.theta_ - np.linalg.solve(hessian, gradient), atol=1e-9)


@pytest.mark.parametrize("variant", ["diverse", "efficient"])
@pytest.mark.parametrize("goal", ["demographic_parity", "equalized_odds"])
def test_predictions_follow_the_refits_to_the_end(goal, variant):
    curve = known_curve(goal, variant)
    start = abs(curve.points[0].soft["validation"])
    for point in curve.points:
        if point.feasible:
            assert abs(point.predicted_soft["validation"] - point.soft["validation"]) <= 0.1 * start


def test_a_prediction_does_not_depend_on_the_strengths_asked_before():
    train, parts = thirds(known_problem())
    part = parts["validation"]
    guide = quantities_from_codes(part.X, part.y, part.group_codes, train.groups, "g0")
    walked = RepairPath(train.model(), guide, Repair("equal_opportunity", "diverse"))
    at_end = walked.walk(np.linspace(0, 1, 17))[-1].predicted_theta
    straight = RepairPath(train.model(), guide, Repair("equal_opportunity", "diverse"))
    np.testing.assert_array_equal(straight.step_from(straight.origin, 1.0).predicted_theta, at_end)


@pytest.mark.parametrize("variant", ["diverse", "efficient"])
def test_several_goals_are_closed_by_the_same_share(variant):
    train, parts = thirds(known_problem())
    part = parts["validation"]
    guide = quantities_from_codes(part.X, part.y, part.group_codes, train.groups, "g0")
    model = train.model()
    both = Repair("demographic_parity", variant, also=("error_rate_parity", "demographic_parity", "equal_opportunity"))
    assert both.also == ("equal_opportunity", "error_rate_parity")
    path = RepairPath(model, guide, both)
    alone = RepairPath(model, guide, Repair("demographic_parity", variant))
    every = [goal_pairs(guide, goal) for goal in ("demographic_parity", *both.also)]
    start = guide.values(model)

    def worst_excess(step) -> float:
        values = guide.values(step.model)
        return max(pairs.disparity(values) - (1 - step.strength) * pairs.disparity(start) for pairs in every)

    together = [step for step in path.walk(np.linspace(0, 1, 9)) if step.model is not None]
    assert len(together) > 4
    assert max(worst_excess(step) for step in together) <= 0.01 * path.disparity
    assert max(worst_excess(step) for step in alone.walk(np.linspace(0, 1, 9))) > 0.05 * path.disparity
    assert path.limit <= alone.limit + 1e-3
    with pytest.raises(ConfigError, match="no_goal"):
        Repair("demographic_parity", also=("no_goal",))


def test_an_accuracy_floor_ends_the_path_with_a_reason():
    train, parts = thirds(known_problem())
    part = parts["validation"]
    guide = quantities_from_codes(part.X, part.y, part.group_codes, train.groups, "g0")
    model = train.model()
    free = RepairPath(model, guide, Repair("demographic_parity")).walk(np.linspace(0, 1.25, 21))
    accuracies = [guide.accuracy(step.model) for step in free]
    floor = (min(accuracies) + accuracies[0]) / 2
    held = RepairPath(model, guide, Repair("demographic_parity", min_accuracy=floor)).walk(np.linspace(0, 1.25, 21))
    kept = [step for step in held if step.model is not None]
    assert 1 < len(kept) < len(free)
    assert all(guide.accuracy(step.model) >= floor for step in kept)
    assert f"{100 * floor:.4g} %" in held[len(kept)].reason
    for step, other in zip(kept, free, strict=False):
        assert step.weights.tobytes() == other.weights.tobytes()
    with pytest.raises(ConfigError):
        Repair("demographic_parity", min_accuracy=1.5)


@pytest.mark.parametrize(("goal", "variant", "n_groups"), every_kind[:6])
def test_the_frontier_is_what_nothing_beats(goal, variant, n_groups):
    curve = known_curve(goal, variant, n_groups)
    seen = {
        i: (point.refitted["validation"]["accuracy"], point.refitted["validation"][GOAL_METRIC[goal]])
        for i, point in enumerate(curve.points)
        if point.feasible
    }
    assert curve.frontier and set(curve.frontier) <= set(seen)
    for i, (accuracy, gap) in seen.items():
        beaten = any(a >= accuracy and d <= gap and (a > accuracy or d < gap) for a, d in seen.values())
        assert (i in curve.frontier) != beaten


@pytest.mark.parametrize("budget", [0.0, 0.05])
@pytest.mark.parametrize("goal", GOAL_METRIC)
def test_the_recommendation_is_the_smallest_disparity_shown_and_beats_strength_0(goal, budget):
    problem = known_problem()
    curve = make_curve(problem, Repair(goal, "diverse"), budget=budget)
    metric, start = GOAL_METRIC[goal], curve.points[0].refitted["validation"]
    assert curve.chosen == curve.recommended and curve.budget == budget
    allowed = [
        (point.refitted["validation"][metric], point.strength)
        for point in curve.points
        if point.feasible and point.refitted["validation"]["accuracy"] >= start["accuracy"] - budget - 1e-12
    ]
    lowest, chosen = curve.points[curve.lowest], curve.points[curve.recommended]
    assert (lowest.refitted["validation"][metric], lowest.strength) == min(allowed)
    beats = start[metric] > curve.chance and lowest.gain.high < 0
    assert (chosen is lowest) == beats or curve.lowest == 0
    assert (curve.untouched == "") == (curve.recommended > 0)
    if curve.untouched:
        assert curve.untouched in REASONS and chosen.strength == 0


def test_the_gain_is_the_paired_change_of_the_disparity_on_validation_rows():
    curve, (train, parts) = known_curve("equal_opportunity", "diverse"), thirds(known_problem())
    model = train.model()
    part, metric = parts["validation"], "equal_opportunity_difference"
    scores = [sigmoid(model.logits(part.X, curve.points[i].theta)) for i in (0, 8)]
    groups = part.group_codes.max() + 1
    difference = paired_difference(part.y, *scores, part.group_codes, groups, seed=0)[metric]
    assert curve.points[8].gain == difference
    assert curve.points[0].gain.value == 0


def test_the_choice_never_sees_test_rows():
    problem = known_problem()
    _, parts = thirds(problem)
    test = parts["test"]
    flipped = {**parts, "test": Part(test.X[::-1], 1 - test.y, test.group_codes)}
    one = known_curve("equalized_odds", "diverse")
    other = make_curve(problem, Repair("equalized_odds", "diverse"), parts=flipped)
    assert (one.chosen, one.recommended, one.frontier) == (other.chosen, other.recommended, other.frontier)
    for a, b in zip(one.points, other.points, strict=True):
        assert a.feasible == b.feasible
        if a.feasible:
            assert a.weights.tobytes() == b.weights.tobytes()
            assert a.refitted["validation"] == b.refitted["validation"]
    assert one.points[0].refitted["test"] != other.points[0].refitted["test"]


def test_what_is_recommended_and_why_strength_0_is():
    curve = known_curve("equal_opportunity", "diverse")
    metric = "equal_opportunity_difference"

    def with_values(disparities, gain=Estimate(-0.2, -0.3, -0.1, 90), apart=True):  # noqa: B008
        return [
            replace(
                point,
                feasible=value != "infeasible",
                gain=gain,
                tells_apart={"validation": apart},
                refitted={"validation": {"accuracy": 0.8, metric: value}},
            )
            for point, value in zip(curve.points, disparities, strict=False)
        ]

    def advice(values, chance=0.05, **clear):
        found = recommend(values, "equal_opportunity", 0.01, chance, **clear)
        return found.place, found.reason

    assert advice(with_values([0.3, 0.1, 0.1, 0.2])) == (1, "")
    assert advice(with_values([None, None, None])) == (0, "not estimable")
    assert advice(with_values([0.3, "infeasible", 0.2])) == (2, "")
    assert advice(with_values([0.3, 0.3, 0.4])) == (0, "none lower")
    assert advice(with_values([0.3, "infeasible", "infeasible"])) == (0, "none feasible")
    assert advice(with_values([0.3, 0.1]), chance=0.3) == (0, "within chance")
    assert advice(with_values([0.3, 0.1]), chance=0.3, clear=True) == (1, "")
    assert advice(with_values([0.3, 0.1], gain=Estimate(-0.2, -0.4, 0.0, 90))) == (0, "no clear gain")
    assert advice(with_values([0.3, 0.0], apart=False)) == (0, "all alike")
    assert frontier(with_values([0.3, 0.1, 0.1, None]), "equal_opportunity") == (1, 2)


@pytest.mark.parametrize("strength", [0.0, 0.333, 0.5000001])
def test_a_given_strength_is_used_on_or_off_the_grid(strength):
    curve = make_curve(known_problem(), Repair("demographic_parity", "diverse"), strength=strength)
    assert curve.points[curve.chosen].strength == strength
    assert len(curve.points) == 21 + (strength not in STRENGTHS)
    assert [p.strength for p in curve.points] == sorted(p.strength for p in curve.points)
    grid = [point for point in curve.points if point.strength in STRENGTHS]
    for here, there in zip(grid, known_curve("demographic_parity", "diverse").points, strict=True):
        assert here.feasible == there.feasible
        assert not here.feasible or here.weights.tobytes() == there.weights.tobytes()
    assert curve.points[curve.recommended].strength in STRENGTHS


def test_an_infeasible_strength_falls_back_to_the_last_good_one():
    curve = make_curve(known_problem(), Repair("demographic_parity", "uniform", max_weight=1.01), strength=1.25)
    chosen = curve.points[curve.chosen]
    assert chosen.feasible and chosen.strength < 1.25
    assert not any(point.feasible for point in curve.points[curve.chosen + 1 :])
    assert len(curve.warnings) == 1 and "1.25" in curve.warnings[0]


def test_a_budget_caps_a_given_strength():
    repair = Repair("demographic_parity", "diverse")
    free = make_curve(known_problem(), repair, strength=1.0)
    assert free.points[free.chosen].strength == 1.0 and not free.warnings
    start = free.points[0].refitted["validation"]["accuracy"]
    cost = start - free.points[free.chosen].refitted["validation"]["accuracy"]
    assert cost > 0
    capped = make_curve(known_problem(), repair, strength=1.0, budget=cost / 2)
    chosen = capped.points[capped.chosen]
    assert chosen.strength < 1.0 and "budget" in capped.warnings[0]
    assert chosen.refitted["validation"]["accuracy"] >= start - cost / 2 - 1e-12
    between = [p for p in capped.points if chosen.strength < p.strength <= 1.0]
    assert all(p.refitted["validation"]["accuracy"] < start - cost / 2 for p in between)
    roomy = choose(capped, 1.0, cost + 0.001)
    assert roomy.points[roomy.chosen].strength == 1.0 and not roomy.warnings


@given(
    problems(max_rows=240, max_groups=6),
    st.sampled_from(list(GOALS)),
    st.sampled_from(VARIANTS),
    st.sampled_from([1.01, 5.0, 1000.0]),
    st.sampled_from([1e-3, 1.0, 1e4]),
)
def test_hostile_problems_give_weights_within_rails_or_a_reason(problem, goal, variant, max_weight, C):
    model = LogisticModel(C).fit(problem.X, problem.y)
    y = problem.y.copy()
    for group in range(problem.n_groups):  # so that every rate exists
        y[np.flatnonzero(problem.codes == group)[:2]] = (0.0, 1.0)
    guide = quantities_from_codes(problem.X, y, problem.codes, problem.groups, "g0")
    path = RepairPath(model, guide, Repair(goal, variant, max_weight, 0.0))
    step = path.origin
    for strength in (0.1, 0.5, 1.0, 1.25):
        step = path.step_from(step, strength)
        if step.weights is None:
            assert step.model is None and step.reason and "\n" not in step.reason
        else:
            assert step.weights.min() >= 0 and step.weights.max() <= max_weight
            assert abs(step.weights.mean() - 1) <= 1e-12
            assert np.isfinite(step.model.theta_).all()


def test_no_gap_no_repair():
    problem = make_problem(0, n=100, p=2)
    X = np.concatenate([problem.X, problem.X])
    y, codes = np.concatenate([problem.y, problem.y]), np.repeat([0, 1], 100)
    guide = quantities_from_codes(X, y, codes, ("a", "b"), "a")
    path = RepairPath(LogisticModel().fit(X, y), guide, Repair("equalized_odds", "diverse"))
    assert path.disparity == 0 and path.limit == np.inf
    step = path.step_from(path.origin, 1.0)
    np.testing.assert_array_equal(step.weights, np.ones(200))


def test_the_order_of_rows_permutes_weights():
    problem = known_problem()
    train, parts = thirds(problem)
    order = np.random.default_rng(0).permutation(train.y.size)
    part = parts["validation"]
    guide = quantities_from_codes(part.X, part.y, part.group_codes, problem.groups, "g0")
    for variant in VARIANTS:
        found = []
        for rows in (np.arange(train.y.size), order):
            model = LogisticModel().fit(train.X[rows], train.y[rows])
            path = RepairPath(model, guide, Repair("equal_opportunity", variant))
            found.append(path.step_from(path.step_from(path.origin, 0.25), 0.5).weights)
        np.testing.assert_allclose(found[1], found[0][order], atol=1e-6)


def test_cancelling_stops_between_steps():
    train, parts = thirds(known_problem())

    def cancel() -> None:
        raise Cancelled

    part = parts["validation"]
    guide = quantities_from_codes(part.X, part.y, part.group_codes, train.groups, "g0")
    path = RepairPath(train.model(), guide, Repair(), stop_check=cancel)
    with pytest.raises(Cancelled):
        path.step_from(path.origin, 0.5)


def test_a_refit_ends_at_the_same_place_wherever_it_starts():
    """With predictions it starts at the predicted model, without them at the refit before it."""
    train, parts = thirds(known_problem())
    part = parts["validation"]
    guide = quantities_from_codes(part.X, part.y, part.group_codes, train.groups, "g0")
    paths = [RepairPath(train.model(), guide, Repair(), predict=predict) for predict in (True, False)]
    for ours, theirs in zip(*(path.walk(STRENGTHS[:13]) for path in paths), strict=True):
        (one, weights), (other, expected) = ours.solution, theirs.solution
        np.testing.assert_allclose(weights, expected, rtol=0, atol=1e-8)
        np.testing.assert_allclose(one.theta_, other.theta_, rtol=0, atol=1e-9)


def test_an_earlier_strength_can_be_asked_for_after_a_later_one():
    train, parts = thirds(known_problem())
    part = parts["validation"]
    guide = quantities_from_codes(part.X, part.y, part.group_codes, train.groups, "g0")
    path = RepairPath(train.model(), guide, Repair())
    steps = path.walk(STRENGTHS[:9])
    again = path.step_from(steps[3], 0.22)
    fresh = RepairPath(train.model(), guide, Repair())
    expected = fresh.step_from(fresh.walk(STRENGTHS[:4])[-1], 0.22)
    assert np.array_equal(again.predicted_theta, expected.predicted_theta)
    np.testing.assert_allclose(again.solution[1], expected.solution[1], rtol=0, atol=1e-9)


def test_rows_that_cannot_estimate_the_goal_report_no_soft_gap():
    problem = make_problem(1, n=60)
    y = np.where(problem.codes == 1, 0.0, problem.y)
    q = quantities_from_codes(problem.X, y, problem.codes, problem.groups, "g0")
    z = LogisticModel().fit(problem.X, y).logits(problem.X)
    assert signed_disparity(q, "equal_opportunity", judged_groups(q, "equal_opportunity"), z, z) is None
    assert signed_disparity(q, "equalized_odds", judged_groups(q, "equalized_odds"), z, z) is None
    assert signed_disparity(q, "demographic_parity", judged_groups(q, "demographic_parity"), z, z) >= 0


def test_the_table_of_a_curve_has_a_line_for_each_strength_and_split():
    curve = known_curve("equalized_odds", "efficient")
    frame = curve.frame()
    assert len(frame) == 42 and list(frame["split"].unique()) == ["validation", "test"]
    infeasible = [point.strength for point in curve.points if not point.feasible]
    assert frame.loc[frame["strength"].isin(infeasible), list(METRICS)].isna().all(axis=None)
    expected = curve.points[3].refitted["test"]["accuracy"]
    row = frame[(frame["strength"] == curve.points[3].strength) & (frame["split"] == "test")]
    assert row["accuracy"].item() == expected
    assert {"soft_equalized_odds", "predicted_soft_equalized_odds", "predicted_f1"} <= set(frame.columns)


@pytest.mark.parametrize("value", [-0.01, 1.26, np.nan, np.inf])
def test_strengths_outside_their_range_are_refused(value):
    with pytest.raises(ConfigError):
        require_strength(value)


@pytest.mark.parametrize("change", [{"goal": "justice"}, {"variant": "gentle"}, {"max_weight": 1.0}])
def test_repairs_that_do_not_exist_are_refused(change):
    with pytest.raises(ConfigError):
        Repair(**change)


def test_the_default_budget_is_a_hundredth():
    assert DEFAULT_BUDGET == 0.01 == known_curve("equalized_odds", "diverse").budget
