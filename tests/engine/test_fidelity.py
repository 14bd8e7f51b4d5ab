"""The check of scores: refits without a row are exact, in time, and judged in plain words."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iffair_core.errors import Cancelled
from iffair_core.fidelity import judge_fidelity, leave_one_out_parameters, rows_to_verify
from iffair_core.models import LogisticModel
from tests.engine.strategies import make_problem, problems
from tests.engine.studies import example_study
from tests.engine.test_influence import Wrapped


def test_leave_one_out_parameters_are_naive_refits_of_any_model():
    problem = make_problem(11, n=2000, p=30)
    model, rows = problem.model(), np.random.default_rng(0).permutation(2000)[:70]
    keep = [np.where(np.arange(2000) == row, 0.0, 1.0) for row in rows]
    exact = np.array([model.refitted(weight).theta_ for weight in keep])
    np.testing.assert_allclose(leave_one_out_parameters(model, rows), exact, atol=1e-8)
    np.testing.assert_allclose(leave_one_out_parameters(Wrapped(model), rows[:5]), exact[:5], atol=1e-8)


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
        leave_one_out_parameters(model, np.arange(5), stop_check=cancel)


@given(st.integers(1, 500), st.integers(0, 100), st.integers(1, 120))
def test_rows_to_verify_mix_both_kinds_without_repeats(n, seed, count):
    removal = np.random.default_rng(n).normal(size=n)
    rows, random = rows_to_verify(removal, seed, count)
    assert len(set(rows.tolist())) == rows.size and rows.size == random.size
    assert min(count, n) <= rows.size <= min(2 * count, n)
    top = np.argsort(-np.abs(removal), kind="stable")[:count]
    assert set(top.tolist()) <= set(rows.tolist())


def refits_frame(predicted: list[float], refitted: list[float]) -> pd.DataFrame:
    count = len(predicted)
    frame = {"row_id": range(count), "random": True, "predicted": predicted, "refitted": refitted}
    return pd.DataFrame(frame | {"hard_predicted": [0.0] * count, "hard_refitted": [0.25] + [0.0] * (count - 1)})


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
    found = judge_fidelity(refits_frame(predicted, refitted), len(predicted), prediction_error, 0.01)
    assert found.level == level
    assert "\n" not in found.sentence
    assert found.hard_exact == 1 - 1 / len(predicted)
    assert np.isfinite(found.slope) and np.isfinite(found.removal_error)
    assert np.isnan(found.spearman) or -1 <= found.spearman <= 1


@pytest.mark.parametrize(
    ("refitted", "prediction_error", "advice"),
    [
        (1.0, 0.0, "Scores of single rows and the predicted repair can be relied on."),
        (1.0, 0.2, "Row scores can be relied on. Take the direction from the predicted curve, and sizes from"),
        (1.0, 0.3, "Row scores can be relied on. Do not rely on the predicted curve; use refitted points only."),
        (1.2, 0.0, "Rely on the order of row scores, not on their sizes. The predicted curve can be relied on."),
        (3.0, 0.0, "Do not rely on row scores. The predicted curve can be relied on."),
        (3.0, 0.3, "Do not rely on predicted numbers; use refitted points only."),
        (1.0, None, "Row scores can be relied on. Over all groups the gap may be chance."),
    ],
)
def test_the_sentence_says_what_not_to_rely_on(refitted, prediction_error, advice):
    frame = refits_frame([1.0, 2.0], [refitted, 2 * refitted])
    assert advice in judge_fidelity(frame, 2, prediction_error, 0.01).sentence
    assert "mean leverage of 0.3 is high" in judge_fidelity(frame, 2, prediction_error, 0.3).sentence
    assert "time allowed 2 of 9" in judge_fidelity(frame, 9, prediction_error, 0.01).sentence


def test_at_strength_0_no_prediction_of_a_repair_is_praised():
    found = example_study(strength=0.0).fidelity
    assert found.prediction_error is None and found.level == "not judged"
    assert "at strength 0 every weight is 1" in found.sentence and found.sentence.endswith("scores can be relied on.")
