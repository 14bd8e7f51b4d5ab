"""Row weights that come with the file: a row of weight 3 is three rows, and all that follows from it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn.tree import DecisionTreeClassifier

from benchmarks.verify_outputs import deviations
from iffair_core import ArrayError, InfluenceReweigher, ReweightedClassifier, Study, StudyResult, Task
from iffair_core.data.resolving import group_table, resolve
from iffair_core.errors import TaskError
from iffair_core.fidelity import leave_one_out_parameters, rows_to_verify
from iffair_core.influence import hard_removal_effects, influence_scores, relabel_effects, removal_effects
from iffair_core.metrics import (
    CELL_METRICS,
    DISPARITIES,
    METRICS,
    chance_band,
    confusion_table,
    evaluate,
    intervals_from_counts,
    metrics_from_counts,
    paired_difference,
    point_metrics,
)
from iffair_core.models import LogisticModel
from iffair_core.models.mlp import MLPModel
from iffair_core.path import Repair, RepairPath
from iffair_core.quantities import FairnessQuantities, fairness_quantities, quantities_from_codes
from iffair_core.reweighting import (
    Ask,
    Rails,
    diverse_weights,
    effective_sample_size,
    mean_weight,
    reachable_strength,
    uniform_weights,
)
from iffair_core.rivals.base import RivalProblem
from iffair_core.rivals.registry import ALL, answer
from iffair_core.rivals.weights import (
    fairbalance_variant_weights,
    fairbalance_weights,
    removal_programme,
    reweighing_weights,
)
from iffair_core.study.results import base_weights
from iffair_core.study.smallest_fix import smallest_fix
from iffair_core.study.split_views import SplitViews
from iffair_core.study.transfer import transfer
from iffair_core.telling.figures import calibration, score_distribution
from iffair_core.telling.files import curve_csv, rows_csv, rows_frame, summary_json, weight_summary, write_design
from iffair_core.telling.rows import ledger, row_facts
from iffair_core.telling.sentences import fix_sentence, repair_sentence
from iffair_core.telling.tables import flips, intersections, weight_table, weights_frame
from iffair_core.tradeoff import STRENGTHS, Part, measure_point
from iffair_core.uncertainty import (
    WeightedCells,
    effective_counts,
    permuted_shares,
    resample_cells,
    resample_rows,
    weighted_shares,
    wilson_interval,
)
from tests.engine.strategies import Problem, make_problem

GROUPS = ("a", "b", "c")


def judged_rows(seed: int, n: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Outcomes, scores with ties, codes of three groups, and whole weights of which some are 0."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, n)
    score = np.round(np.clip(0.3 * y + rng.random(n) * 0.8, 0, 1), 2)
    return y, score, rng.integers(0, 3, n), rng.integers(0, 4, n)


def close(one: dict[str, float | None], other: dict[str, float | None], within: float = 1e-12) -> bool:
    return one.keys() == other.keys() and all(
        one[name] == other[name] or abs((one[name] or 0.0) - (other[name] or 0.0)) <= within
        for name in one
        if (one[name] is None) == (other[name] is None) or pytest.fail(name)
    )


# ------------------------------------------------------------------------------------------------------------ metrics


@given(st.integers(0, 10_000), st.integers(2, 80))
def test_a_whole_weight_is_so_many_rows(seed: int, n: int) -> None:
    y, score, codes, weight = judged_rows(seed, n)
    other = np.roll(score, 1)
    many = [np.repeat(one, weight) for one in (y, score, codes, other)]
    assert close(point_metrics(y, score, codes, 3, weight), point_metrics(*many[:3], 3))
    ours = evaluate(y, score, codes, GROUPS, "a", seed=1, draws=40, sample_weight=weight)
    theirs = evaluate(*many[:3], GROUPS, "a", seed=1, draws=40)
    for kind in ("rates", "gaps"):
        for group, row in getattr(theirs, kind).items():
            found = {rate: estimate.value for rate, estimate in getattr(ours, kind)[group].items()}
            assert close(found, {rate: estimate.value for rate, estimate in row.items()})
    changes = paired_difference(y, score, other, codes, 3, seed=1, draws=40, sample_weight=weight)
    expected = paired_difference(many[0], many[1], many[3], many[2], 3, seed=1, draws=40)
    assert close({k: e.value for k, e in changes.items()}, {k: e.value for k, e in expected.items()})


@given(st.integers(0, 10_000), st.floats(1e-6, 1e6))
def test_equal_weights_are_no_weights_and_rows_of_weight_0_are_no_rows(seed: int, size: float) -> None:
    y, score, codes, weight = judged_rows(seed)
    kept = weight > 0
    for given_weights, rows in ((np.full(y.size, size), np.ones(y.size, bool)), (weight * size, kept), (kept, kept)):
        ours = evaluate(y, score, codes, GROUPS, "a", seed=2, draws=40, sample_weight=given_weights)
        own = None if len(set(given_weights[rows])) == 1 else given_weights[rows]
        plain = evaluate(y[rows], score[rows], codes[rows], GROUPS, "a", seed=2, draws=40, sample_weight=own)
        assert ours.to_dict() == plain.to_dict()
        other = 1 - score
        assert paired_difference(y, score, other, codes, 3, seed=2, draws=40, sample_weight=given_weights) == (
            paired_difference(y[rows], score[rows], other[rows], codes[rows], 3, seed=2, draws=40, sample_weight=own)
        )


@example(seed=803, unit=1.0)
@given(st.integers(0, 10_000), st.floats(1e-4, 1e4))
def test_neither_the_unit_of_weights_nor_the_order_of_rows_matters(seed: int, unit: float) -> None:
    y, score, codes, _ = judged_rows(seed)
    rng = np.random.default_rng(seed)
    weight, order = rng.lognormal(size=y.size), rng.permutation(y.size)
    first = evaluate(y, score, codes, GROUPS, "a", seed=3, draws=40, sample_weight=weight)
    again = [one[order] for one in (y, score, codes)]
    second = evaluate(*again, GROUPS, "a", seed=3, draws=40, sample_weight=unit * weight[order])
    assert close(first.values, second.values)
    assert close(first.chance_band, second.chance_band, 1e-9)
    for name in METRICS:
        assert first.intervals[name] == pytest.approx(second.intervals[name], abs=1e-9)
    doubled = evaluate(y, score, codes, GROUPS, "a", seed=3, draws=40, sample_weight=4 * weight)
    assert doubled.to_dict() == first.to_dict()


def test_weights_that_are_none_are_refused() -> None:
    y, score, codes, _ = judged_rows(0)
    for wrong in (np.full(y.size, np.nan), np.full(y.size, -1.0), np.full(y.size, np.inf), np.ones(y.size - 1)):
        with pytest.raises(ValueError, match=r"[Ww]eights"):
            point_metrics(y, score, codes, 3, wrong)
    nothing = evaluate(y, score, codes, GROUPS, "a", seed=0, draws=40, sample_weight=np.zeros(y.size))
    assert nothing.n == 0 and not any(value is not None for value in nothing.values.values())


# -------------------------------------------------------------------------------------------------------- uncertainty


def survey_rows(seed: int, n: int, spread: float = 0.8) -> tuple[np.ndarray, ...]:
    """Rows of a population whose weights depend on the group and the outcome, as survey weights do."""
    rng = np.random.default_rng(seed)
    codes = (rng.random(n) < 0.35).astype(int)
    y = (rng.random(n) < 0.5 - 0.1 * codes).astype(int)
    score = np.clip(rng.normal(0.42 + 0.16 * y - 0.05 * codes, 0.2), 0, 1)
    weight = rng.lognormal(0.3 * codes - 0.2 * y, spread)
    return y, score, codes, weight


def test_cells_are_resampled_as_their_rows_would_be() -> None:
    y, score, codes, weight = survey_rows(0, 700)
    rng, decision = np.random.default_rng(1), score >= 0.5
    table = confusion_table(y, decision, codes, 2, weight)
    assert isinstance(table, WeightedCells)
    drawn = resample_cells(table, rng, 4000)
    assert drawn.mean(axis=0) == pytest.approx(table.total, rel=0.03)
    assert drawn.var(axis=0) == pytest.approx(table.square, rel=0.15)
    ours = metrics_from_counts(drawn)
    cell, tables = codes * 4 + y * 2 + decision, []
    for _ in range(1500):
        rows = rng.integers(y.size, size=y.size)
        tables.append(np.bincount(cell[rows], weight[rows], minlength=8).reshape(2, 2, 2))
    exact = metrics_from_counts(np.array(tables))
    for name in CELL_METRICS:
        assert ours[name].std() == pytest.approx(exact[name].std(), rel=0.12), name
        assert np.quantile(ours[name], (0.025, 0.975)) == pytest.approx(
            np.quantile(exact[name], (0.025, 0.975)), abs=0.25 * exact[name].std()
        ), name


def test_equal_weights_within_a_cell_are_a_poisson_bootstrap() -> None:
    counts = np.array([[[3, 5], [0, 9]], [[2, 2], [7, 1]]])
    cells = WeightedCells(counts, 2.0 * counts, 4.0 * counts)
    drawn = resample_cells(cells, np.random.default_rng(0), 300)
    assert set(np.unique(drawn % 2)) == {0.0} and not drawn[:, 0, 1, 0].any()
    swapped = WeightedCells(*(one[::-1] for one in (counts, 2.0 * counts, 4.0 * counts)))
    assert np.array_equal(resample_cells(swapped, np.random.default_rng(0), 300)[:, ::-1], drawn)


def test_dealt_out_labels_show_what_exact_permutations_of_weighted_rows_do() -> None:
    y, score, codes, weight = survey_rows(2, 500)
    codes[:60] = 2
    table = confusion_table(y, score >= 0.5, codes, 3, weight)
    band, rng = chance_band(table, seed=0, draws=6000), np.random.default_rng(3)
    decision, anywhere, within = score >= 0.5, [], []
    for _ in range(2500):
        anywhere.append(rng.permutation(codes))
        shuffled = codes.copy()
        for outcome in (0, 1):
            shuffled[y == outcome] = rng.permutation(codes[y == outcome])
        within.append(shuffled)

    def quantile(labels: list[np.ndarray], name: str) -> float:
        cells = [np.bincount(one * 4 + y * 2 + decision, weight, minlength=12).reshape(3, 2, 2) for one in labels]
        return float(np.quantile(metrics_from_counts(np.array(cells))[name], 0.05 if name.endswith("ratio") else 0.95))

    for name in DISPARITIES:
        if name in ("theil_index", "predictive_parity_difference"):
            continue
        free = name in ("demographic_parity_difference", "demographic_parity_ratio", "error_rate_difference")
        assert band[name] == pytest.approx(quantile(anywhere if free else within, name), rel=0.1), name
    counted = chance_band(table.rows, seed=0, draws=6000)
    assert band["demographic_parity_difference"] > 1.15 * counted["demographic_parity_difference"]


def test_shares_of_equal_weights_are_those_of_rows() -> None:
    shares = permuted_shares(np.array([5, 20, 40]), 26, np.random.default_rng(0), 50)
    assert weighted_shares(shares, (26, 52.0, 104.0), (65, 130.0, 260.0)) == pytest.approx(shares, abs=1e-12)
    assert np.all(weighted_shares(np.zeros((2, 3)), (0, 0.0, 0.0), (9, 7.0, 6.0)) == 0)


def test_intervals_of_weighted_rows_cover() -> None:
    """95 % intervals of samples with unequal weights hold the truth of the weighted population; 200 samples of 500."""
    pool = survey_rows(7, 200_000)
    truth = point_metrics(*pool[:3], 2, pool[3])
    rng, runs = np.random.default_rng(11), 200
    hits = dict.fromkeys(CELL_METRICS, 0)
    for run in range(runs):
        rows = rng.integers(pool[0].size, size=500)
        y, score, codes, weight = (one[rows] for one in pool)
        table = confusion_table(y, score >= 0.5, codes, 2, weight)
        for name, interval in intervals_from_counts(table, seed=run, draws=200).items():
            hits[name] += interval[0] <= truth[name] <= interval[1]
    for name in ("demographic_parity_difference", "error_rate_difference", "accuracy", "f1", "balanced_accuracy"):
        assert hits[name] / runs >= 0.9, (name, hits[name])


def test_wilson_intervals_of_weighted_rates_cover() -> None:
    pool = survey_rows(7, 200_000)
    some = pool[1] >= 0.5
    truth = float(np.average(some, weights=pool[3]))
    rng, hits, runs = np.random.default_rng(12), 0, 400
    for _ in range(runs):
        rows = rng.integers(pool[0].size, size=300)
        selected, weight = some[rows], pool[3][rows]
        trials = effective_counts(weight.sum(), np.square(weight).sum())
        low, high = wilson_interval(np.average(selected, weights=weight) * trials, trials)
        hits += bool(low <= truth <= high)
    assert 0.91 <= hits / runs <= 0.985
    y, score, codes, weight = survey_rows(1, 500)
    weighted, counted = (
        evaluate(y, score, codes, ("a", "b"), "a", seed=0, draws=20, sample_weight=one).rates["b"]["selection_rate"]
        for one in (weight, None)
    )
    own = weight[codes == 1]
    low, high = wilson_interval(
        weighted.value * effective_counts(own.sum(), own @ own), effective_counts(own.sum(), own @ own)
    )
    assert (weighted.low, weighted.high) == pytest.approx((float(low), float(high)))
    assert weighted.high - weighted.low > counted.high - counted.low and weighted.count == counted.count


def test_rows_are_resampled_with_their_weights() -> None:
    y, score, _, weight = survey_rows(4, 300)
    auc, loss = resample_rows(y, (score,), np.random.default_rng(0), 600, weight)
    point = point_metrics(y, score, np.zeros_like(y), 1, weight)
    assert auc.mean() == pytest.approx(point["roc_auc"], abs=0.01)
    assert loss.mean() == pytest.approx(point["log_loss"], rel=0.05)
    order = np.random.default_rng(1).permutation(y.size)
    again = resample_rows(y[order], (score[order],), np.random.default_rng(0), 600, weight[order])
    assert again[0] == pytest.approx(auc, abs=1e-12) and again[1] == pytest.approx(loss, abs=1e-12)
    assert effective_counts(np.array([6.0, 0.0]), np.array([12.0, 0.0])).tolist() == [3.0, 0.0]


# ----------------------------------------------------------------------------------------- model, quantities, influence


def weighted_problem(seed: int, n: int = 160, n_groups: int = 2) -> tuple[Problem, np.ndarray, Problem, np.ndarray]:
    """Rows with whole weights 0 to 3, the same rows repeated, and for each repeated row the row it repeats."""
    one = make_problem(seed, n=n, p=4, n_groups=n_groups)
    times = np.random.default_rng(seed).integers(0, 4, n)
    times[:8] = 2
    source = np.repeat(np.arange(n), times)
    return one, times.astype(float), Problem(one.X[source], one.y[source], one.codes[source], n_groups), source


def measured(problem: Problem, weight: np.ndarray | None = None) -> FairnessQuantities:
    return quantities_from_codes(problem.X, problem.y, problem.codes, problem.groups, "g0", sample_weight=weight)


@given(st.integers(0, 1000), st.integers(2, 3))
def test_model_quantities_and_influence_of_weighted_rows_are_those_of_repeated_rows(seed: int, n_groups: int) -> None:
    one, times, many, source = weighted_problem(seed, n_groups=n_groups)
    model, repeated = LogisticModel().fit(one.X, one.y, times), LogisticModel().fit(many.X, many.y)
    assert model.theta_ == pytest.approx(repeated.theta_, abs=1e-8)
    ours, theirs = measured(one, times), measured(many)
    assert ours.names == theirs.names
    asked = (
        lambda q, m: q.values(m),
        lambda q, m: q.hard_values(m),
        lambda q, m: q.gradients(m),
        lambda q, m: q.hessians(m),
        lambda q, m: q.accuracy(m),
        lambda q, m: q.price(m, 1.1 * m.theta_),
    )
    for quantity in asked:
        assert np.asarray(quantity(ours, model)) == pytest.approx(np.asarray(quantity(theirs, repeated)), abs=1e-7)
    scores = influence_scores(repeated, theirs)
    assert influence_scores(model, ours)[source] == pytest.approx(scores, abs=1e-8)
    for order in (0, 2):
        if order == 0:  # to first order, leaving a row out is leaving its copies out
            summed = np.zeros((one.y.size, len(ours.names)))
            np.add.at(summed, source, removal_effects(repeated, theirs, order=0))
            assert removal_effects(model, ours, order=0) == pytest.approx(summed, abs=1e-8)
        assert not removal_effects(model, ours, order=order)[times == 0].any()
    assert not relabel_effects(model, ours)[times == 0].any()


def test_removal_effects_of_weighted_rows_agree_with_refits() -> None:
    problem = make_problem(5, n=400, p=4)
    weight = np.random.default_rng(5).lognormal(0.0, 0.7, problem.y.size)
    model, quantities = LogisticModel().fit(problem.X, problem.y, weight), measured(problem, weight)
    rows = np.arange(0, 400, 10)
    thetas = leave_one_out_parameters(model, rows)
    exact = np.array([quantities.values_at(model, theta) - quantities.values(model) for theta in thetas])
    for row, theta in zip(rows[:3], thetas, strict=False):
        without = np.where(np.arange(400) == row, 0.0, weight)
        assert theta == pytest.approx(LogisticModel().fit(problem.X, problem.y, without).theta_, abs=1e-7)
    off = [np.linalg.norm(removal_effects(model, quantities, order)[rows] - exact) for order in (0, 1, 2)]
    assert off[2] < off[1] < off[0] and off[2] < 0.005 * np.linalg.norm(exact)
    hard = np.array([quantities.hard_values(model, theta) - quantities.hard_values(model) for theta in thetas])[:, :-1]
    predicted = hard_removal_effects(model, quantities, rows)
    assert np.isclose(predicted, hard, atol=1e-9).mean() > 0.9


def test_a_network_takes_weights_as_repeated_rows_too() -> None:
    one, times, many, source = weighted_problem(3, n=120)
    start = MLPModel((2,), seed=1).fit(one.X, one.y, times)
    again = MLPModel((2,), seed=1).fit(many.X, many.y, warm_start=start)
    assert again.theta_ == pytest.approx(start.theta_, abs=1e-5)
    assert influence_scores(start, measured(one, times))[source] == pytest.approx(
        influence_scores(again, measured(many)), abs=1e-5
    )


def test_weights_of_0_everywhere_are_refused_where_gaps_are_measured() -> None:
    problem = make_problem(0, n=60)
    with pytest.raises(TaskError, match="weight 0"):
        measured(problem, np.zeros(60))
    lone = measured(problem, np.where(problem.codes == 1, 0.0, 1.0))
    assert not lone.gaps and len(lone.left_out) == 4


# ------------------------------------------------------------------------------------------------------- reweighting


def walked(problem: Problem, base: np.ndarray | None, repair: Repair, grid: tuple[float, ...]) -> tuple:
    model = LogisticModel().fit(problem.X, problem.y, base)
    quantities = measured(problem, base)
    path = RepairPath(model, quantities, repair, base=base)
    part = {"validation": Part(problem.X, problem.y, problem.codes, base)}
    points = [
        measure_point(step, model, part, repair.goal, {"validation": quantities}, path.pairs.groups, seed=0, base=base)
        for step in path.walk(grid)
    ]
    return path, points


@pytest.mark.parametrize("variant", ["diverse", "efficient"])
@pytest.mark.parametrize(("goal", "n_groups"), [("demographic_parity", 2), ("equalized_odds", 3)])
def test_the_curve_of_weighted_rows_is_that_of_repeated_rows(variant: str, goal: str, n_groups: int) -> None:
    one, times, many, source = weighted_problem(11, n=240, n_groups=n_groups)
    grid = (0.0, 0.25, 0.5, 0.75, 1.0)
    ours, found = walked(one, times, Repair(goal, variant), grid)
    theirs, expected = walked(many, None, Repair(goal, variant), grid)
    assert ours.limit == pytest.approx(theirs.limit, abs=2e-4)
    assert any(point.feasible for point in found[1:])
    for a, b in zip(found, expected, strict=True):
        assert a.feasible == b.feasible
        assert close(a.refitted.get("validation", {}), b.refitted.get("validation", {}), 1e-8)
        assert close(a.soft, b.soft, 1e-8) and close(a.predicted_soft, b.predicted_soft, 1e-8)
        assert close(a.price, b.price, 1e-8)
        if a.weights is not None:
            assert a.theta == pytest.approx(b.theta, abs=1e-8)
            assert a.weights[source] == pytest.approx(b.weights, abs=1e-6)
            assert np.all(a.weights[times == 0] == 1.0)
            assert mean_weight(a.weights, times) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("variant", ["diverse", "uniform", "efficient"])
def test_base_weights_of_1_change_nothing(variant: str) -> None:
    problem = make_problem(6, n=300)
    grid = (0.0, 0.3, 0.8)
    path, plain = walked(problem, None, Repair("demographic_parity", variant), grid)
    weighted, ones = walked(problem, np.ones(300), Repair("demographic_parity", variant), grid)
    assert weighted.limit == pytest.approx(path.limit, abs=1e-6)
    for a, b in zip(plain, ones, strict=True):
        assert b.weights == pytest.approx(a.weights, abs=1e-9)
        assert b.effective_sample_size == pytest.approx(a.effective_sample_size)


@pytest.mark.parametrize("variant", ["diverse", "uniform", "efficient"])
def test_rows_of_weight_0_bear_on_nothing(variant: str) -> None:
    problem = make_problem(8, n=260)
    base = np.random.default_rng(8).lognormal(0.0, 0.6, 260)
    more = make_problem(9, n=90)
    both = Problem(
        np.vstack([problem.X, more.X]), np.append(problem.y, more.y), np.append(problem.codes, more.codes), 2
    )
    _, plain = walked(problem, base, Repair("equalized_odds", variant), (0.0, 0.5))
    _, padded = walked(both, np.append(base, np.zeros(90)), Repair("equalized_odds", variant), (0.0, 0.5))
    for a, b in zip(plain, padded, strict=True):
        assert b.weights[:260] == pytest.approx(a.weights, abs=1e-7) and np.all(b.weights[260:] == 1.0)
        assert close(a.refitted["validation"], b.refitted["validation"], 1e-9)
        assert a.effective_sample_size == pytest.approx(b.effective_sample_size, abs=1e-7)
        assert a.refitted_intervals == b.refitted_intervals


@given(st.integers(0, 10_000), st.floats(0.05, 0.9), st.integers(0, 10))
def test_weights_keep_their_rails_and_meet_the_ask(seed: int, share: float, pins: int) -> None:
    rng = np.random.default_rng(seed)
    base = rng.lognormal(0.0, 1.0, 80) * (rng.random(80) < 0.9)
    pinned = np.isin(np.arange(80), rng.integers(0, 80, pins))
    influence = rng.normal(size=(80, 1)) * base[:, None]
    rails = Rails(4.0, pinned, base)
    limit = reachable_strength(influence, np.zeros(1), np.ones(1), rails, equal=True)
    ask = Ask(influence, np.zeros(1), np.array([-share * limit]), True)
    for weights in (diverse_weights(ask, rails), *([uniform_weights(ask, rails)] if share < 0.2 else [])):
        assert weights.min() >= 0 and weights.max() <= 4.0
        assert mean_weight(weights, base) == pytest.approx(1.0, abs=1e-12)
        assert np.all(weights[pinned | (base == 0)] == 1.0)
    found = diverse_weights(ask, rails)
    assert influence[:, 0] @ (found - 1) == pytest.approx(-share * limit, rel=1e-6)


def test_uniform_moves_rows_by_one_amount_but_for_the_one_that_evens_out() -> None:
    rng = np.random.default_rng(0)
    base = rng.lognormal(0.0, 0.8, 500)
    influence = rng.normal(size=(500, 1)) * base[:, None] / 500
    weights = uniform_weights(Ask(influence, np.zeros(1), np.array([0.1]), True), Rails(5.0, None, base), 0.5)
    moved = weights[np.abs(weights - 1) > 1e-9]
    assert (np.abs(np.abs(moved - 1) - 0.5) > 1e-9).sum() <= 1 and moved.size > 20
    assert influence[:, 0] @ (weights - 1) == pytest.approx(0.1, rel=0.02)
    per_weight = influence[:, 0] / base
    assert per_weight[weights > 1].min() > per_weight[np.abs(weights - 1) < 1e-9].max()


def test_the_largest_strength_is_that_of_a_linear_programme() -> None:
    from scipy.optimize import linprog

    rng = np.random.default_rng(2)
    base = rng.lognormal(0.0, 1.0, 60)
    influence = rng.normal(size=(60, 1)) * base[:, None]
    found = reachable_strength(influence, np.zeros(1), np.ones(1), Rails(3.0, None, base), equal=True)
    exact = linprog(influence[:, 0], A_eq=base[None], b_eq=[0.0], bounds=(-1, 2), method="highs")
    assert found == pytest.approx(-exact.fun, rel=1e-3)


def test_effective_sample_size_is_a_share_of_what_the_file_leaves() -> None:
    base = np.array([1.0, 4.0, 0.0, 2.0])
    assert effective_sample_size(np.ones(4), base) == pytest.approx(1.0)
    evened = np.divide(1.0, base, out=np.ones(4), where=base > 0)
    assert effective_sample_size(evened, base) > 1.0


# ------------------------------------------------------------------------------------------------------------- rivals


def test_weights_of_rivals_are_those_of_repeated_rows() -> None:
    one, times, many, source = weighted_problem(21, n=200, n_groups=3)
    for rule in (reweighing_weights, fairbalance_weights, fairbalance_variant_weights):
        ours = rule(one.y, one.codes, times)
        assert ours[source] == pytest.approx(rule(many.y, many.codes), abs=1e-12)
        assert mean_weight(ours, times) == pytest.approx(1.0)
    fair, utility = np.random.default_rng(0).normal(size=(2, 200))
    ours = removal_programme(fair * times, utility * times, 20.0, base=times)
    theirs = removal_programme(fair[source], utility[source], 20.0)
    assert times.sum() / (ours[times > 0].max() or 1) == pytest.approx(source.size / theirs.max(), rel=1e-6)


@pytest.mark.parametrize("goal", ["demographic_parity", "equal_opportunity", "equalized_odds"])
@pytest.mark.parametrize("name", ["reweighing", "fairbalance", "label_bias", "influence_programme"])
def test_rivals_decide_on_weighted_rows_as_on_repeated_ones(name: str, goal: str) -> None:
    one, times, many, _ = weighted_problem(22, n=240)
    scores = []
    for problem, base in ((one, times), (many, None)):
        model, validation = LogisticModel().fit(problem.X, problem.y, base), measured(problem, base)
        asked = RivalProblem(problem.X, problem.y, problem.codes, 2, model, validation, goal, base=base)
        _, predictions = answer(name, asked, {"validation": (one.X, one.codes)})
        scores.append(predictions["validation"].scores)
    assert scores[0] == pytest.approx(scores[1], abs=1e-3 if name == "influence_programme" else 1e-6)


# -------------------------------------------------------------------------------------------------------------- study


def survey_table(n: int = 500, seed: int = 0) -> pd.DataFrame:
    """Two groups, two features, and weights that depend on group and outcome, a few of them 0."""
    rng = np.random.default_rng(seed)
    group = rng.choice(["A", "B"], n)
    x, z = rng.normal(size=n) + 0.8 * (group == "A"), rng.normal(size=n)
    outcome = (x + z + rng.normal(size=n) > 0.3).astype(int)
    weight = np.round(rng.lognormal(0.4 * (group == "B") - 0.3 * outcome, 0.7), 2) * (rng.random(n) > 0.04)
    return pd.DataFrame({"x": x, "z": z, "g": group, "person weight": weight, "y": outcome})


@cache
def weighted_study(goal: str = "demographic_parity") -> StudyResult:
    task = Task("y", 1, "g", weights="person weight")
    asked = {"metric": goal, "strength": 0.5, "rivals": "all", "transfer": ("decision_tree",), "name": "survey.csv"}
    return Study(survey_table(), task, **asked).run()


def test_a_stranger_gets_the_same_numbers_from_the_files(tmp_path: object) -> None:
    result = weighted_study()
    (tmp_path / "summary.json").write_text(summary_json(result))
    (tmp_path / "rows.csv").write_bytes(rows_csv(result))
    write_design(result, tmp_path / "design.parquet")
    found = deviations(tmp_path)
    assert result.strength > 0
    assert found["metric"] <= 1e-12 and found["weight_mean"] <= 1e-9 and found["effective_sample_size"] <= 1e-9
    assert max(found["score_before"], found["score_after"]) <= 1e-6


def test_files_show_the_weights_of_the_file_and_the_product() -> None:
    result, table = weighted_study(), survey_table()
    frame = rows_frame(result)
    assert list(frame.columns).index("base_weight") == list(frame.columns).index("weight") + 1
    own = table["person weight"].to_numpy()
    assert frame["base_weight"].to_numpy() == pytest.approx(own / own[own > 0].mean())
    train = (frame["split"] == "train").to_numpy()
    product = frame["weight"].to_numpy()[train]
    base = frame["base_weight"].to_numpy()[train]
    assert product == pytest.approx(base * result.weights)
    assert product.sum() == pytest.approx(base.sum())
    assert np.array_equal(weights_frame(result)["weight"], product)
    said = weight_summary(result)
    assert said["base"]["column"] == "person weight" and said["mean"] == pytest.approx(1.0)
    assert said["base"]["effective_sample_size"] == pytest.approx(base.sum() ** 2 / (base @ base) / base.size)
    assert "Rows are weighted by column 'person weight'; all rates are weighted." in result.warnings
    assert "person weight" not in result.dataset.feature_names


def test_a_study_trusts_its_scores_and_measures_rivals_with_weights() -> None:
    result = weighted_study()
    fidelity = result.fidelity
    assert fidelity.removal_error < 0.05
    tested = np.isin(result.dataset.row_id[result.train_rows], fidelity.refits["row_id"])
    assert np.all(result.base_train[tested] > 0)
    rows = result.dataset.part(2)
    for rival in result.rivals:
        assert rival.reason is None
        if rival.theta is not None:
            score = 1 / (1 + np.exp(-result.model.logits(result.dataset.X[rows], rival.theta)))
            expected = point_metrics(
                result.dataset.y[rows], score, result.dataset.group_codes[rows], 2, result.base[rows]
            )
            assert close(dict(rival.metrics["test"]), expected)
    blind = {rival.name for rival in result.rivals if any("without the file's row weights" in n for n in rival.notes)}
    assert blind == {"exponentiated_gradient", "grid_search", "threshold_optimizer", "correlation_remover"}
    assert set(ALL) == {rival.name for rival in result.rivals}


def test_weights_travel_to_other_models_as_the_product() -> None:
    result = weighted_study()
    train, test = result.train_rows, result.dataset.part(2)
    X, y = result.dataset.X, result.dataset.y.astype(int)
    moved = transfer(result, DecisionTreeClassifier(min_samples_leaf=20))
    for reached, weight in (
        (moved.before, result.base[train]),
        (moved.after, result.base[train] * result.weights),
    ):
        tree = DecisionTreeClassifier(min_samples_leaf=20, random_state=result.config.seed)
        score = tree.fit(X[train], y[train], sample_weight=weight).predict_proba(X[test])[:, 1]
        codes, own = result.dataset.group_codes[test], result.base[test]
        assert close(dict(reached["test"].values), point_metrics(y[test], score, codes, 2, own))


def test_tables_and_sentences_are_weighted() -> None:
    result, table = weighted_study(), survey_table()
    found = weight_table(result)
    assert found["row_share"].sum() == pytest.approx(1.0) and found["weight_share"].sum() == pytest.approx(1.0)
    assert (found["row_share"] * found["mean"]).to_numpy() == pytest.approx(found["weight_share"].to_numpy())
    crossed = intersections(result, table.assign(all="same"), "all")
    rates = result.baseline["test"].rates
    for line in crossed.to_dict("records"):
        assert line["value"] == pytest.approx(rates[line["group"]]["selection_rate"].value)
        assert line["low"] == pytest.approx(rates[line["group"]]["selection_rate"].low)
    turned = flips(result).set_index("group")
    for group, row in turned.iterrows():
        after, before = (e["test"].rates[group]["selection_rate"].value for e in (result.after, result.baseline))
        assert row["to_favorable_share"] - row["to_other_share"] == pytest.approx(after - before, abs=1e-12)
    lines = ledger(result)
    heavy = lines.sort_values("base_weight").iloc[-1]
    facts = row_facts(result, table, int(heavy["row_id"]))
    at = int(np.flatnonzero(result.dataset.row_id[result.train_rows] == heavy["row_id"])[0])
    assert facts.base_weight == pytest.approx(heavy["base_weight"]) and facts.weight == pytest.approx(heavy["weight"])
    doubled = 100 * result.goal.influence[at] * facts.base_weight
    assert facts.effects["if doubled"][0] == pytest.approx(doubled)
    fix = smallest_fix(result, 0.6 * result.baseline["validation"].values["demographic_parity_difference"])
    assert fix.reached and fix.weight == pytest.approx(
        result.base_train @ np.abs(fix.weights - 1) / result.base_train.sum() * fix.weights.size / 2
    )
    assert "training rows" in fix_sentence(result, fix) and "effective sample size" in repair_sentence(result)


def test_a_study_warns_of_weights_that_leave_few_rows() -> None:
    table = survey_table()
    table["person weight"] = np.where(np.arange(len(table)) % 4 == 0, 9.0, 0.5)
    warned = Study(table, Task("y", 1, "g", weights="person weight"), rivals="none").run().warnings
    weight = table["person weight"].to_numpy()
    tells = weight.sum() ** 2 / (weight @ weight)
    assert any(f"500 rows tell about as much as {tells:.0f} would" in text for text in warned)
    assert not any("tell about as much" in text for text in weighted_study().warnings)


def numbers(frame: pd.DataFrame) -> np.ndarray:
    return frame.select_dtypes("number").to_numpy(float)


def test_the_unit_of_the_weights_does_not_matter_to_a_study() -> None:
    first = weighted_study("demographic_parity")
    table = survey_table().assign(**{"person weight": lambda frame: frame["person weight"] * 1234.5})
    task = Task("y", 1, "g", weights="person weight")
    second = Study(table, task, metric="demographic_parity", strength=0.5, rivals="none").run()
    assert numbers(rows_frame(second)) == pytest.approx(numbers(rows_frame(first)), abs=1e-7, nan_ok=True)


def test_equal_weights_give_the_study_without_weights() -> None:
    table = survey_table().assign(**{"person weight": 3.7})
    weighted = Study(table, Task("y", 1, "g", weights="person weight"), rivals="none").run()
    plain = Study(table, Task("y", 1, "g", drop=("person weight",)), rivals="none").run()
    assert base_weights(weighted.dataset) is None and plain.strength == weighted.strength
    frame = rows_frame(weighted)
    assert np.all(frame.pop("base_weight") == 1.0)
    pd.testing.assert_frame_equal(frame, rows_frame(plain), check_exact=True)
    assert curve_csv(weighted) == curve_csv(plain)
    assert weighted.fidelity.refits.equals(plain.fidelity.refits)
    assert {split: e.to_dict() for split, e in weighted.after.items()} == {
        split: e.to_dict() for split, e in plain.after.items()
    }


def test_base_weights_have_mean_1_over_the_rows_that_count() -> None:
    data = weighted_study().dataset
    base = base_weights(data)
    assert base[base > 0].mean() == pytest.approx(1.0, abs=1e-12)
    scaled = replace(data, base_weight=7.0 * data.base_weight)
    assert base_weights(scaled) == pytest.approx(base, abs=1e-12)
    assert base_weights(replace(data, base_weight=None)) is None
    views = SplitViews(data)
    rows = np.concatenate([data.part(code) for code in range(3)])
    assert np.array_equal(views.base, base[rows])
    only = np.flatnonzero(base[data.part(0)] > 0)
    rows, _ = rows_to_verify(np.arange(data.part(0).size, dtype=float), 0, among=only)
    assert np.isin(rows, only).all()


def test_groups_are_described_by_weight_and_the_reference_goes_by_it() -> None:
    table = pd.DataFrame(
        {
            "x": np.arange(200) % 7,
            "g": np.repeat(["A", "B"], 100),
            "y": np.tile([1, 0, 0, 0], 50),
            "w": np.where(np.arange(200) < 100, 1.0, np.tile([9.0, 1.0, 1.0, 1.0], 50)),
        }
    )
    plain = resolve(Task("y", 1, "g", drop=("w",)), table)
    weighted = resolve(Task("y", 1, "g", weights="w"), table)
    assert (plain.reference, weighted.reference) == ("A", "B") and "(75.0 %)" in weighted.reference_reason
    found = group_table(weighted).set_index("group")
    assert found["rows"].tolist() == [100, 100] and found["favorable"].tolist() == [25, 25]
    assert found["favorable_share"].to_numpy() == pytest.approx([0.25, 0.75])
    assert found["share"].to_numpy() == pytest.approx([0.25, 0.75])
    narrow, wide = (found["high"] - found["low"]).to_numpy()
    assert wide > narrow  # 100 rows of unequal weight tell less
    alike = resolve(Task("y", 1, "g", weights="w"), table.assign(w=2.0))
    pd.testing.assert_frame_equal(group_table(alike), group_table(plain), check_exact=True)
    labels, y = table["g"].to_numpy(), table["y"].to_numpy()
    assert fairness_quantities(table[["x"]].to_numpy(float), y, labels).reference == "A"
    weight = table["w"].to_numpy()
    assert fairness_quantities(table[["x"]].to_numpy(float), y, labels, sample_weight=weight).reference == "B"


def test_pictures_of_scores_are_weighted() -> None:
    result = weighted_study()
    rows, data = result.dataset.part(2), result.dataset
    own = result.base[rows]
    score, y, codes = result.scores_before[rows], data.y[rows], data.group_codes[rows]
    bins = calibration(score, y, codes, data.groups, data.reference, weights=own).table
    for code, group in enumerate(data.groups):
        mine, kept = bins[bins["group"] == group], (codes == code) & (own > 0)
        assert mine["rows"].sum() == kept.sum()
        first = np.flatnonzero(kept)[np.argsort(score[kept], kind="stable")][: mine["rows"].iloc[0]]
        assert mine["favorable share"].iloc[0] == pytest.approx(np.average(y[first], weights=own[first]))
        assert mine["mean score"].iloc[0] == pytest.approx(np.average(score[first], weights=own[first]))
    picture = score_distribution(score, y, codes, data.groups, data.reference, weights=own)
    for line in picture.figure.data:
        if line.y is not None and line.name is not None and len(line.y) == 20:
            assert sum(line.y) == pytest.approx(100.0)


# ---------------------------------------------------------------------------------------------------------- estimator


def test_the_estimator_takes_weights_as_repeated_rows() -> None:
    one, times, many, source = weighted_problem(31, n=260)
    options = {"metric": "demographic_parity", "strength": 0.6, "min_effective_sample_size": 0.2}
    ours = InfluenceReweigher(**options).fit(
        one.X,
        one.y,
        sensitive_features=one.codes,
        sample_weight=5.0 * times,
        eval_set=(one.X, one.y, one.codes, times),
    )
    base = times / times[times > 0].mean()
    assert ours.sample_weight_.sum() == pytest.approx(base.sum()) and not ours.sample_weight_[times == 0].any()
    # The penalty is worth what it is at the mean weight 1, so the repeated rows are given weights of that size.
    model = LogisticModel().fit(many.X, many.y, np.full(source.size, 1.0 / times[times > 0].mean()))
    path = RepairPath(model, measured(many), Repair("demographic_parity"), base=model.sample_weight_)
    steps = path.walk(STRENGTHS[STRENGTHS <= 0.6], (0.6,))
    assert ours.sample_weight_[source] == pytest.approx(base[source] * steps[-1].weights, abs=1e-6)
    assert ours.score(one.X, one.y, sensitive_features=one.codes, sample_weight=times) == pytest.approx(
        ours.score(many.X, many.y, sensitive_features=many.codes)
    )
    with pytest.raises(ArrayError, match="sample_weight"):
        InfluenceReweigher().fit(one.X, one.y, sensitive_features=one.codes, sample_weight=-times)
    tree = ReweightedClassifier(DecisionTreeClassifier(max_depth=2), InfluenceReweigher(**options))
    tree.fit(one.X, one.y, sensitive_features=one.codes, sample_weight=times)
    assert np.array_equal(tree.reweigher_.sample_weight_ > 0, times > 0)
