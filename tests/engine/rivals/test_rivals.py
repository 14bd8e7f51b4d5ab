"""Rivals: their weights against independent computations, Fairlearn's against Fairlearn, and all of them in a study."""

from __future__ import annotations

import html
import itertools
import json
import warnings
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.optimize import linprog
from scipy.stats import binom
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from iffair_core import Study, StudyResult
from iffair_core.errors import Cancelled, ConfigError, RivalFailed
from iffair_core.metrics import GOALS
from iffair_core.models import LogisticModel
from iffair_core.rivals import ALL, RIVALS, WEIGHTS, answer, rival_names
from iffair_core.rivals import weights as weights_module
from iffair_core.rivals.base import RivalProblem, Solution
from iffair_core.rivals.mitigators import grid_size
from iffair_core.rivals.registry import rivals_text
from iffair_core.rivals.weights import (
    _fairness_and_utility,
    fairbalance_variant_weights,
    fairbalance_weights,
    influence_programme,
    label_bias_weights,
    least_removal,
    removal_programme,
    reweighing,
    reweighing_weights,
)
from iffair_core.study.comparison import accuracy_difference, comparisons
from iffair_core.telling import figures, files
from iffair_core.telling.report import report_html
from iffair_core.telling.reproduce import command_line
from iffair_core.telling.sentences import compare_sentence
from iffair_core.telling.tables import rival_table
from tests.engine.strategies import Problem, make_problem, make_table

CELLS = hnp.arrays(np.int64, st.tuples(st.integers(2, 4), st.just(2)), elements=st.integers(0, 12)).filter(
    lambda table: table.sum() > 0
)


def rows_of(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    groups, outcomes = np.indices(table.shape)
    return np.repeat(outcomes.ravel(), table.ravel()), np.repeat(groups.ravel(), table.ravel())


@given(CELLS)
def test_weights_are_positive_finite_with_mean_one_and_equal_within_a_cell(table: np.ndarray) -> None:
    y, codes = rows_of(table)
    weights = reweighing_weights(y, codes)
    assert weights.dtype == np.float64
    assert weights.shape == y.shape
    assert np.all(weights > 0)
    assert np.all(np.isfinite(weights))
    assert weights.mean() == pytest.approx(1.0, abs=1e-12)
    for cell in np.unique(codes * 2 + y):
        assert np.unique(weights[codes * 2 + y == cell]).size == 1


@given(CELLS.filter(lambda table: np.all(table > 0)))
def test_weighted_outcome_is_independent_of_group_and_both_margins_stay(table: np.ndarray) -> None:
    y, codes = rows_of(table)
    weights = reweighing_weights(y, codes)
    weighted = np.bincount(codes * 2 + y, weights=weights).reshape(table.shape)
    shares = weighted[:, 1] / weighted.sum(axis=1)
    assert shares == pytest.approx(np.full(len(table), y.mean()), abs=1e-12)
    assert weighted.sum(axis=1) == pytest.approx(table.sum(axis=1))
    assert weighted.sum(axis=0) == pytest.approx(table.sum(axis=0))


@given(CELLS, st.randoms(use_true_random=False))
def test_permuting_rows_permutes_weights(table: np.ndarray, random: object) -> None:
    y, codes = rows_of(table)
    order = np.arange(y.size)
    random.shuffle(order)  # type: ignore[attr-defined]
    assert np.array_equal(reweighing_weights(y[order], codes[order]), reweighing_weights(y, codes)[order])


def test_hand_example() -> None:
    # Group 0: 3 of 4 favorable; group 1: 1 of 4. P(a) = P(y) = 1/2, so a cell of k rows weighs (1/4) / (k/8) = 2 / k.
    y = np.array([1, 1, 1, 0, 1, 0, 0, 0])
    codes = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    expected = np.array([2 / 3, 2 / 3, 2 / 3, 2, 2, 2 / 3, 2 / 3, 2 / 3])
    assert reweighing_weights(y, codes) == pytest.approx(expected, abs=1e-15)
    assert np.array_equal(reweighing_weights(y.astype(bool), codes), reweighing_weights(y.astype(float), codes))


def test_an_empty_cell_keeps_the_ratios_of_the_formula() -> None:
    y = np.array([1, 1, 1, 0, 0, 0])
    codes = np.array([0, 0, 2, 2, 2, 2])  # group 0 has no unfavorable row, code 1 is not used at all
    by_formula = np.array([2 * 3 / 2, 2 * 3 / 2, 4 * 3 / 1, 4 * 3 / 3, 4 * 3 / 3, 4 * 3 / 3]) / 6
    weights = reweighing_weights(y, codes)
    assert weights / weights[0] == pytest.approx(by_formula / by_formula[0])
    assert weights.mean() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("y", "codes", "message"),
    [
        ([], [], "one value per row"),
        ([0, 1], [0, 1, 1], "one value per row"),
        ([0, 2], [0, 1], "0 or 1"),
        ([0.0, np.nan], [0, 1], "0 or 1"),
        ([0, 1], [0, -1], "negative"),
    ],
)
def test_bad_input_is_refused(y: list[float], codes: list[int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        reweighing_weights(np.array(y), np.array(codes, dtype=np.int64))


# ------------------------------------------------------------------------------------------------------- FairBalance


@given(CELLS.filter(lambda table: np.all(table > 0)))
def test_fairbalance_is_its_formula_and_balances_outcomes_within_groups(table: np.ndarray) -> None:
    y, codes = rows_of(table)
    weights = fairbalance_weights(y, codes)
    n = y.size
    by_formula = [(np.mean(codes == g) / np.mean((codes == g) & (y == o))) / 2 for o, g in zip(y, codes, strict=True)]
    assert weights == pytest.approx(np.array(by_formula))
    assert weights.sum() == pytest.approx(n)
    totals = np.bincount(codes * 2 + y, weights=weights).reshape(table.shape)
    assert totals[:, 0] == pytest.approx(totals[:, 1])
    assert totals.sum(axis=1) == pytest.approx(table.sum(axis=1))


@given(CELLS)
def test_the_fairbalance_variant_gives_every_cell_the_same_total(table: np.ndarray) -> None:
    y, codes = rows_of(table)
    weights = fairbalance_variant_weights(y, codes)
    totals = np.bincount(codes * 2 + y, weights=weights, minlength=table.size).reshape(table.shape)
    assert totals[table > 0] == pytest.approx(y.size / (table > 0).sum())
    assert weights.mean() == pytest.approx(1.0)


# -------------------------------------------------------------------------------------------------------- label bias


def newton(X: np.ndarray, y: np.ndarray, weights: np.ndarray, C: float) -> np.ndarray:
    """Weighted ridge logistic regression with a free intercept, from zero, to rounding."""
    A = np.column_stack([X, np.ones(len(y))])
    ridge = np.diag([*[1 / C] * X.shape[1], 0.0])
    theta = np.zeros(A.shape[1])
    for _ in range(60):
        p = 1 / (1 + np.exp(-(A @ theta)))
        step = np.linalg.solve(
            A.T @ (A * (weights * p * (1 - p))[:, None]) + ridge, A.T @ (weights * (p - y)) + ridge @ theta
        )
        theta = theta - step
    return A @ theta


def published_label_bias(X: np.ndarray, y: np.ndarray, codes: np.ndarray, goal: str) -> np.ndarray:
    """The published loop: weights from multipliers, a fit, multipliers plus the violations; 100 times, rate 1."""
    groups = np.unique(codes)
    positive, negative = np.zeros(groups.size), np.zeros(groups.size)
    weights = np.ones(y.size)
    for round_number in range(100):
        if round_number:
            up = np.exp(positive[codes]) / (np.exp(positive[codes]) + np.exp(-positive[codes]))
            down = np.exp(-negative[codes]) / (np.exp(negative[codes]) + np.exp(-negative[codes]))
            weights = np.where(y == 1, up, down)
            weights = weights * y.size / weights.sum()
        selected = newton(X, y, weights, 1.0) >= 0
        for g in groups:
            here = codes == g
            if goal == "demographic_parity":
                moved = (selected.mean() - selected[here].mean(),) * 2
            else:
                true = selected[y == 1].mean() - selected[here & (y == 1)].mean()
                false = selected[y == 0].mean() - selected[here & (y == 0)].mean()
                moved = (true, true if goal == "equal_opportunity" else false)
            positive[g] += moved[0]
            negative[g] += moved[1]
    return weights


@pytest.mark.parametrize("goal", list(GOALS)[:3])
@pytest.mark.parametrize("n_groups", [2, 3])
def test_label_bias_is_the_published_loop(goal: str, n_groups: int, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = make_problem(5, n=240, p=3, n_groups=n_groups)
    expected = published_label_bias(drawn.X, drawn.y, drawn.codes, goal)
    found = label_bias_weights(drawn.model(), drawn.codes, n_groups, goal)
    assert found == pytest.approx(expected, abs=0.05)  # a decision near the threshold may fall the other way
    monkeypatch.setattr(weights_module, "LABEL_BIAS_TOLERANCE", 1e-12)
    assert label_bias_weights(drawn.model(), drawn.codes, n_groups, goal) == pytest.approx(expected, abs=1e-9)


def test_label_bias_survives_a_group_without_an_outcome() -> None:
    drawn = make_problem(3, n=200, n_groups=3)
    y = np.where(drawn.codes == 2, 0.0, drawn.y)
    weights = label_bias_weights(LogisticModel().fit(drawn.X, y), drawn.codes, 3, "equalized_odds")
    assert np.isfinite(weights).all() and (weights > 0).all()
    assert weights.mean() == pytest.approx(1.0)


# ---------------------------------------------------------------------------------------------- influence programme


def cheapest_removal(fair: np.ndarray, utility: np.ndarray, gap: float, share: float) -> float:
    """Least sum of the linear programme by trying every vertex: at most two parts are neither 0 nor 1."""
    A, b = np.vstack([fair, utility]), np.array([-share * gap, 0.0])
    best = np.inf
    for fractional in (f for k in range(3) for f in itertools.combinations(range(fair.size), k)):
        others = [i for i in range(fair.size) if i not in fractional]
        for tight in itertools.combinations(range(2), len(fractional)):
            square = A[np.ix_(tight, fractional)]
            if fractional and abs(np.linalg.det(square)) < 1e-12:
                continue
            for values in itertools.product((0.0, 1.0), repeat=len(others)):
                x = np.zeros(fair.size)
                x[others] = values
                if fractional:
                    x[list(fractional)] = np.linalg.solve(square, b[list(tight)] - A[list(tight)] @ x)
                if (A @ x <= b + 1e-10).all() and (x >= -1e-12).all() and (x <= 1 + 1e-12).all():
                    best = min(best, x.sum())
    return best


@given(st.integers(0, 10_000), st.sampled_from([0.2, 0.6, 1.0]))
def test_the_programme_removes_as_little_as_any_vertex(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    fair, utility = rng.normal(size=6), rng.normal(size=6)
    gap = 0.6 * -fair[fair < 0].sum()
    best = cheapest_removal(fair, utility, gap, share) if gap > 0 else np.inf
    if not np.isfinite(best) or best > 5.999:
        return
    weights = removal_programme(fair, utility, gap, share=share)
    kept = weights * (6 - best) / 6
    assert kept.max() <= 1 + 1e-7
    assert fair @ (1 - kept) <= -share * gap + 1e-7
    assert utility @ (1 - kept) <= 1e-7


@given(st.integers(0, 10_000), st.sampled_from(["close", "leave out"]))
def test_the_programme_of_many_rows_is_that_of_all_at_once(seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    n, scales = 3_000, rng.uniform(0.1, 3.0, 2)
    fair, utility = rng.standard_t(3, n) * scales[0], rng.normal(size=n) * scales[1] + 0.02
    fair[rng.random(n) < 0.2] = 0.0  # ties
    if kind == "close":
        cost, limits, bounds = np.ones(n), np.vstack([fair, utility]), np.array([0.3 * fair[fair < 0].sum(), 0.0])
    else:
        cost, limits, bounds = fair, np.vstack([utility, np.ones(n)]), np.array([0.0, n / 10])
    found = least_removal(cost, limits, bounds, few=100)
    wanted = linprog(cost, A_ub=limits, b_ub=bounds, bounds=(0, 1), method="highs")
    assert (found is None) == (wanted.x is None)
    if found is not None:
        assert found.min() >= 0 and found.max() <= 1
        assert (limits @ found <= bounds + 1e-6 * np.abs(limits).sum(axis=1)).all()
        assert cost @ found == pytest.approx(wanted.fun, rel=1e-7)


def test_where_the_gap_is_out_of_reach_a_tenth_of_the_rows_goes() -> None:
    fair, utility = np.array([-3.0, -2.0, *[0.1] * 18]), np.zeros(20)
    weights = removal_programme(fair, utility, gap=100.0)
    assert weights == pytest.approx(np.array([0.0, 0.0, *[20 / 18] * 18]))


def test_a_gap_out_of_reach_is_solved_once_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = problem_of(make_problem(8, n=300, p=4), "demographic_parity")
    fair, utility, gap = _fairness_and_utility(problem)
    far = (fair, utility, -fair[fair < 0].sum() * 1.5)
    monkeypatch.setattr(weights_module, "_fairness_and_utility", lambda _: far)
    solution = influence_programme(problem)
    assert solution.weights == pytest.approx(removal_programme(*far))
    assert "No removal of rows closes the gap" in solution.notes[0]
    monkeypatch.setattr(weights_module, "_fairness_and_utility", lambda _: (fair, utility, gap))
    assert "best of three shares" in influence_programme(problem).notes[0]


def test_no_removal_at_no_cost_is_said() -> None:
    with pytest.raises(RivalFailed, match="No removal"):
        removal_programme(np.array([-1.0, 1.0]), np.array([1.0, 1.0]), gap=0.5)


def problem_of(drawn: Problem, goal: str, **options: object) -> RivalProblem:
    measured = make_problem(77, n=400, p=drawn.X.shape[1], n_groups=drawn.n_groups).quantities()
    return RivalProblem(drawn.X, drawn.y, drawn.codes, drawn.n_groups, drawn.model(), measured, goal, **options)


@pytest.mark.parametrize("goal", GOALS)
def test_the_programmes_effects_are_those_of_leaving_rows_out(goal: str) -> None:
    drawn = make_problem(8, n=1500, p=4, n_groups=3)
    problem = problem_of(drawn, goal)
    fair, utility, gap = _fairness_and_utility(problem)
    rows = np.argsort(-np.abs(fair))[:5]
    for row in rows:
        weights = np.ones(drawn.y.size)
        weights[row] = 0.0
        after = RivalProblem(**vars(problem) | {"model": problem.model.refitted(weights)})
        _, _, moved = _fairness_and_utility(after)
        assert moved - gap == pytest.approx(fair[row], rel=0.1, abs=1e-6)
    assert gap > 0 and utility.shape == fair.shape


def test_the_loss_gap_of_equal_opportunity_is_of_losses() -> None:
    problem = problem_of(make_problem(8, n=500, p=4), "equal_opportunity")
    measured = problem.validation
    z = problem.model.logits(measured.X)
    means = [np.log1p(np.exp(-z[(measured.y == 1) & (measured.group_codes == g)])).mean() for g in range(2)]
    assert _fairness_and_utility(problem)[2] == pytest.approx(max(means) - min(means))


# --------------------------------------------------------------------------------------------------------- Fairlearn


def fairlearn_directly(name: str, problem: RivalProblem, X: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Decisions of Fairlearn's own code, called as its documentation does."""
    from fairlearn import postprocessing, preprocessing, reductions

    estimator = LogisticRegression(C=problem.C, solver="newton-cholesky", tol=1e-8, max_iter=200)
    constraint = {
        "demographic_parity": reductions.DemographicParity,
        "equal_opportunity": reductions.TruePositiveRateParity,
        "equalized_odds": reductions.EqualizedOdds,
        "error_rate_parity": reductions.ErrorRateParity,
    }[problem.goal]()
    rows = {"X": problem.X, "y": problem.y, "sensitive_features": problem.group_codes}
    if name == "exponentiated_gradient":
        return reductions.ExponentiatedGradient(estimator, constraint).fit(**rows).predict(X, random_state=problem.seed)
    if name == "grid_search":
        size = grid_size(problem.goal, problem.n_groups)
        return reductions.GridSearch(estimator, constraint, grid_size=size).fit(**rows).predict(X)
    if name == "threshold_optimizer":
        words = {"equal_opportunity": "true_positive_rate_parity"}
        fitted = postprocessing.ThresholdOptimizer(
            estimator=estimator, constraints=words.get(problem.goal, problem.goal), predict_method="predict_proba"
        ).fit(**rows)
        return fitted.predict(X, sensitive_features=codes, random_state=problem.seed)
    remover = preprocessing.CorrelationRemover(sensitive_feature_ids=["group"])
    train = pd.DataFrame(problem.X).rename(columns=str).assign(group=problem.group_codes.astype(float))
    model = estimator.fit(remover.fit_transform(train), problem.y)
    return model.predict(remover.transform(pd.DataFrame(X).rename(columns=str).assign(group=codes.astype(float))))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(("name", "goal"), [
    ("exponentiated_gradient", "equalized_odds"), ("exponentiated_gradient", "error_rate_parity"),
    ("grid_search", "demographic_parity"), ("grid_search", "equal_opportunity"),
    ("threshold_optimizer", "equalized_odds"), ("threshold_optimizer", "equal_opportunity"),
    ("correlation_remover", "demographic_parity"),
])  # fmt: skip
def test_an_adapter_decides_as_fairlearn_does(name: str, goal: str) -> None:
    drawn, other = make_problem(1, n=300, p=3), make_problem(2, n=200, p=3)
    problem = problem_of(drawn, goal, seed=3, C=0.7)
    _, predictions = answer(name, problem, {"test": (other.X, other.codes)})
    expected = fairlearn_directly(name, problem, other.X, other.codes)
    assert np.array_equal(predictions["test"].decisions, np.asarray(expected) == 1)
    assert 0 < predictions["test"].decisions.mean() < 1
    assert (predictions["test"].scores is None) == RIVALS[name].randomised


@pytest.mark.parametrize("n_groups", range(2, 20))
@pytest.mark.parametrize("goal", GOALS)
def test_grids_are_bounded_and_symmetric(goal: str, n_groups: int) -> None:
    dimensions = (n_groups - 1) * (1 + (goal == "equalized_odds"))
    if 2 * dimensions + 1 > 25:
        with pytest.raises(RivalFailed, match="Pool small groups"):
            grid_size(goal, n_groups)
        return
    reach = {1: 10, 2: 3, 3: 2}.get(dimensions, 1)
    whole = sum(
        sum(map(abs, point)) <= reach for point in itertools.product(range(-reach, reach + 1), repeat=dimensions)
    ) if dimensions <= 3 else 2 * dimensions + 1  # fmt: skip
    assert grid_size(goal, n_groups) == whole <= 25


# ---------------------------------------------------------------------------------------------------------- registry


def test_names_are_read_in_one_order_and_written_back() -> None:
    assert (
        rival_names("none") == () and rival_names("weights") == WEIGHTS and rival_names("all") == ALL == tuple(RIVALS)
    )
    assert rival_names("label_bias, reweighing,label_bias") == ("reweighing", "label_bias")
    for names in ((), WEIGHTS, ALL, ("reweighing", "grid_search")):
        assert rival_names(rivals_text(names)) == names
    with pytest.raises(ConfigError, match=r"'magic'.*reweighing"):
        rival_names("reweighing,magic")


def test_what_a_method_cannot_do_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = make_problem(4, n=120, p=2)
    parts = {"test": (drawn.X, drawn.codes)}
    for name in ("label_bias", "threshold_optimizer"):
        with pytest.raises(RivalFailed, match="error rates"):
            answer(name, problem_of(drawn, "error_rate_parity"), parts)
    one_sided = replace(drawn, y=np.where(drawn.codes == 1, 0.0, drawn.y))
    with pytest.raises(RivalFailed, match="both outcomes in every group"):
        answer("threshold_optimizer", problem_of(one_sided, "equalized_odds"), parts)

    def breaks(problem: RivalProblem) -> Solution:
        raise IndexError("out of its depth")

    monkeypatch.setitem(RIVALS, "reweighing", replace(RIVALS["reweighing"], run=breaks))
    with pytest.raises(RivalFailed, match="IndexError, out of its depth"):
        answer("reweighing", problem_of(drawn, "equalized_odds"), parts)


def test_warnings_become_notes_and_deprecations_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = make_problem(4, n=120, p=2)

    def warns(problem: RivalProblem) -> Solution:
        for kind in (ConvergenceWarning, DeprecationWarning):
            warnings.warn("took too long", kind, stacklevel=1)
        return reweighing(problem)

    monkeypatch.setitem(RIVALS, "reweighing", replace(RIVALS["reweighing"], run=warns))
    solution, _ = answer("reweighing", problem_of(drawn, "equalized_odds"), {"test": (drawn.X, drawn.codes)})
    assert solution.notes == ("ConvergenceWarning: took too long",)


@pytest.mark.parametrize("name", ["label_bias", "exponentiated_gradient", "grid_search"])
def test_a_cancel_is_heard_between_two_fits(name: str) -> None:
    drawn, calls = make_problem(4, n=200, p=2), []

    def check() -> None:
        calls.append(1)
        if len(calls) == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        answer(name, problem_of(drawn, "equalized_odds", stop_check=check), {"test": (drawn.X, drawn.codes)})
    assert len(calls) == 3


# ------------------------------------------------------------------------------------------------------- in a study


@cache
def studied(rivals: str) -> StudyResult:
    table, task = make_table(n=500)
    earlier = studied("reweighing") if rivals == "all" else None
    return Study(table, task, rivals=rivals, metric="error_rate_parity").run(previous=earlier)


def test_more_rivals_leave_the_curve_as_it_was_and_the_failed_say_why() -> None:
    few, many = studied("reweighing"), studied("all")
    assert [rival.name for rival in many.rivals] == list(ALL)
    assert many.curve is few.curve and many.rivals[0] is few.rivals[0] and many.after is few.after
    assert many.warnings == few.warnings
    failed = {rival.name for rival in many.rivals if rival.reason is not None}
    assert failed == {"label_bias", "threshold_optimizer"}
    for rival in many.rivals:
        assert (rival.metrics["test"]["accuracy"] is None) == (rival.name in failed)
        assert (rival.weights is None) == (rival.kind != "weights" or rival.name in failed)
        scored = rival.name not in failed and not rival.randomised
        assert (rival.metrics["test"]["roc_auc"] is not None) == scored
        low, high = rival.intervals["test"].get("accuracy") or (0.0, 1.0)
        assert low <= (rival.metrics["test"]["accuracy"] or 0.5) <= high


def test_a_weight_based_rival_is_what_a_stranger_gets_with_its_weights() -> None:
    result = studied("all")
    data, rows, test = result.dataset, result.train_rows, result.dataset.part(2)
    rival = result.rivals[1]
    theirs = LogisticRegression(solver="newton-cholesky", tol=1e-10).fit(data.X[rows], data.y[rows], rival.weights)
    assert theirs.score(data.X[test], data.y[test]) == pytest.approx(rival.metrics["test"]["accuracy"])


def test_files_and_report_hold_every_rival() -> None:
    result = studied("all")
    saved = json.loads(files.summary_json(result))
    assert [rival["name"] for rival in saved["rivals"]] == list(ALL)
    assert saved["rivals"][3]["reason"] and saved["rivals"][3]["test"]["accuracy"] is None
    assert saved["config"]["rivals"] == list(ALL)
    page = report_html(result, source="example")
    assert all(html.escape(rival.title) in page for rival in result.rivals)
    assert "--rivals all" in command_line(result, "example")
    assert "--rivals reweighing" in command_line(studied("reweighing"), "example")
    table = rival_table(result)
    assert table["note"].str.startswith("No answer").sum() == 2
    assert table.loc[table["needs group"] == "yes", "method"].str.contains("Threshold|Correlation").all()


def made_up(*rivals: tuple[float, float | None]) -> StudyResult:
    """A finished study whose rivals decide so large a share of test rows right, and have so much disparity."""
    result = studied("reweighing")
    metric, rival, test = result.curve.metric, result.rivals[0], result.dataset.part(2)
    favorable = result.dataset.y[test] > 0.5
    order = np.random.default_rng(0).permutation(test.size)
    found = []
    for i, (accuracy, disparity) in enumerate(rivals):
        wrong = np.zeros(test.size, dtype=bool)
        wrong[order[: round((1 - accuracy) * test.size)]] = True
        numbers = {"accuracy": 1 - wrong.mean(), metric: disparity}
        found.append(
            replace(
                rival,
                title=f"Rival {i}",
                metrics={split: numbers for split in ("validation", "test")},
                intervals={"test": {}},
                decisions={"test": favorable ^ wrong},
            )
        )
    return replace(result, rivals=tuple(found))


def test_the_sentence_leads_with_what_a_test_says_of_all_rivals_and_then_shows_the_hardest() -> None:
    result = studied("reweighing")
    metric, start = result.curve.metric, result.baseline["test"].values
    wide = start[metric] * 0.99
    same = (start["accuracy"], wide)
    said = compare_sentence(made_up((0.2, wide), (0.97, wide), same, (0.6, -0.1)))
    assert said.startswith(
        "At no larger a disparity the curve is clearly more accurate than Rival 0 and clearly less accurate than "
        "Rival 1; 1 more cannot be told apart from it. Against Rival 1 (accuracy 97"
    )
    assert "is less accurate: −" in said and "95 % over 4 methods" in said
    assert said.endswith("On validation rows no point of the curve has a disparity as small as Rival 3.")
    alike = compare_sentence(made_up(same, same))
    assert alike.startswith("No method here is clearly more or less accurate than the curve. Against Rival 0")
    some = compare_sentence(made_up(same, same, (0.6, -0.1)))
    assert some.startswith("None of the 2 methods that can be compared is clearly more or less accurate than the curve")
    one = compare_sentence(made_up(same, (0.6, -0.1)))
    assert one.startswith("The one method that can be compared is not clearly more or less accurate than the curve.")
    assert compare_sentence(made_up((0.6, -0.1), (0.5, -0.1))).startswith("No method here can be compared with the")
    many = compare_sentence(made_up(*[(0.2, wide)] * 4))
    assert many.startswith("At no larger a disparity the curve is clearly more accurate than 4 methods. Against")
    alone = compare_sentence(made_up(same, (0.5, None)))
    assert "cannot be told apart in accuracy: " in alone and alone.startswith("Against Rival 0")
    assert compare_sentence(made_up((0.6, -0.1))).endswith("has a disparity as small on validation rows.")
    assert "not estimable" in compare_sentence(made_up((0.6, None)))


def test_the_point_against_a_rival_is_chosen_on_validation_rows_alone() -> None:
    result = studied("reweighing")
    (one,) = comparisons(result)
    metric, rival = result.curve.metric, result.rivals[0]
    limit = rival.metrics["validation"][metric]
    values = [point.refitted["validation"] for point in result.curve.points if point.feasible]
    best = max(point["accuracy"] for point in values if point[metric] <= limit)
    assert one.point.refitted["validation"][metric] <= limit
    assert one.point.refitted["validation"]["accuracy"] == best
    ours, theirs = one.point.refitted["test"]["accuracy"], rival.metrics["test"]["accuracy"]
    assert one.accuracy.value == pytest.approx(ours - theirs, abs=1e-12)


@given(st.integers(1, 400), st.integers(0, 2**32 - 1), st.integers(1, 9))
def test_a_difference_of_accuracies_is_in_its_interval_and_turns_with_the_models(n: int, seed: int, of: int) -> None:
    rng = np.random.default_rng(seed)
    ours, theirs, weight = rng.random(n) < 0.8, rng.random(n) < 0.7, rng.integers(1, 4, n).astype(float)
    one, other = (accuracy_difference(*pair, weight, comparisons=of) for pair in ((ours, theirs), (theirs, ours)))
    assert -1 <= one.low <= one.value <= one.high <= 1
    assert (one.value, one.low, one.high) == pytest.approx((-other.value, -other.high, -other.low))
    assert one.value == pytest.approx(weight @ ours / weight.sum() - weight @ theirs / weight.sum())
    wider = accuracy_difference(ours, theirs, weight, comparisons=of + 1)
    assert wider.low <= one.low and wider.high >= one.high


@pytest.mark.parametrize(("n", "disagree"), [(60, 0.2), (400, 0.05), (4000, 0.01)])
def test_equally_accurate_models_are_told_apart_in_five_of_a_hundred(n: int, disagree: float) -> None:
    """Exactly, over all numbers of rows in which one of the two is right."""
    tried = np.arange(n + 1)
    chance = binom.pmf(tried, n, disagree)
    claimed = 0.0
    for discordant in tried[chance > 1e-6]:
        for better in range(discordant + 1):
            ours, theirs = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
            ours[:better], theirs[better:discordant] = True, True
            found = accuracy_difference(ours, theirs)
            if found.low > 0 or found.high < 0:
                claimed += chance[discordant] * binom.pmf(better, discordant, 0.5)
    assert claimed <= 0.055


def test_rivals_far_off_do_not_squeeze_the_picture() -> None:
    near = figures.tradeoff(made_up((0.6, 0.1))).figure.layout.xaxis.range
    result = made_up((0.6, 0.1), (0.01, 0.1))
    picture = figures.tradeoff(result)
    assert picture.figure.layout.xaxis.range[0] > 1.0
    assert "Far outside" in picture.caption and "Rival 1" in picture.caption
    names = [note.text for note in picture.figure.layout.annotations]
    assert "Rival 1" not in names
    better = figures.tradeoff(made_up((0.6, 0.1), (0.999, 0.0)))
    assert better.figure.layout.xaxis.range[1] >= 99.9 and "Rival 1" in [
        n.text for n in better.figure.layout.annotations
    ]
    assert near[1] < 99.0


def test_an_unknown_rival_is_refused_before_anything_runs() -> None:
    table, task = make_table(n=200)
    with pytest.raises(ConfigError, match="no method here"):
        Study(table, task, rivals="magic")
