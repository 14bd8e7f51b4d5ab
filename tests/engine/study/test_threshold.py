"""Another threshold than 0.5: the same for everybody, in every number, by the definitions of the libraries."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import equalized_odds_difference
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, balanced_accuracy_score

from iffair_core import Study, Task
from iffair_core.data.encoding import SPLITS
from iffair_core.errors import ConfigError
from iffair_core.metrics import point_metrics
from iffair_core.models.blocks import sigmoid
from iffair_core.study.at_strength import with_choice
from iffair_core.study.comparison import comparisons
from iffair_core.study.config import StudyConfig
from iffair_core.study.stages import balanced_threshold
from iffair_core.telling.tables import flips
from tests.engine.strategies import make_problem
from tests.engine.studies import plain_study, plain_table


def study(**options):
    return plain_study(1200, threshold=0.3, metric="equalized_odds", **options)


@pytest.mark.parametrize("slope", [1.0, 3.0])
def test_gradients_and_hessians_follow_the_threshold(slope):
    problem = make_problem(seed=2)
    q, model, step = measured(problem, slope, 0.2), problem.model(), 1e-5
    gradients, hessians = q.gradients(model), q.hessians(model)
    for j in range(model.theta_.size):
        move = step * np.eye(model.theta_.size)[j]
        up, down = (q.values_at(model, model.theta_ + sign * move) for sign in (1, -1))
        np.testing.assert_allclose(gradients[j], (up - down) / (2 * step), atol=1e-7, rtol=1e-6)
        bent = (up - 2 * q.values(model) + down) / step**2
        np.testing.assert_allclose(hessians[:, j, j], bent, atol=1e-4)


def test_hard_gaps_are_those_of_decisions_from_the_threshold_on():
    problem = make_problem(seed=3)
    q, model = measured(problem, 1.0, 0.2), problem.model()
    decided = sigmoid(model.logits(q.X)) >= 0.2
    for gap, value in zip(q.gaps, q.hard_values(model), strict=False):
        if gap.rate == "selection_rate":
            rates = [decided[q.group_codes == q.groups.index(group)].mean() for group in (gap.group, gap.reference)]
            assert value == pytest.approx(rates[0] - rates[1], abs=1e-12)


def measured(problem, slope, threshold):
    return replace(problem.quantities(), slope=slope, threshold=threshold)


def test_every_number_of_a_study_counts_decisions_from_the_threshold_on():
    found = study()
    data = found.dataset
    rows = data.part(SPLITS.index("test"))
    group = np.array(data.groups)[data.group_codes[rows]]
    for scores, evaluation in ((found.scores_before, found.baseline), (found.scores_after, found.after)):
        decided = scores[rows] >= 0.3
        values = evaluation["test"].values
        assert values["accuracy"] == pytest.approx(accuracy_score(data.y[rows], decided), abs=1e-12)
        expected = equalized_odds_difference(data.y[rows], decided, sensitive_features=group)
        assert values["equalized_odds_difference"] == pytest.approx(expected, abs=1e-12)
    change = found.difference["test"]["equalized_odds_difference"].value
    before, after = (one["test"].values["equalized_odds_difference"] for one in (found.baseline, found.after))
    assert change == pytest.approx(after - before, abs=1e-12)
    for point in found.curve.points:
        scores = sigmoid(found.model.logits(data.X[rows], point.theta))
        again = point_metrics(data.y[rows], scores, data.group_codes[rows], len(data.groups), None, 0.3)
        assert again == pytest.approx(dict(point.refitted["test"]))
    for one in found.rivals:
        scores = sigmoid(found.model.logits(data.X[rows], one.theta))
        np.testing.assert_array_equal(one.decisions["test"], scores >= 0.3)
    turned = flips(found)
    up = (found.scores_after[rows] >= 0.3) & ~(found.scores_before[rows] >= 0.3)
    assert turned["to_favorable"].sum() == up.sum()
    assert comparisons(found)


def test_a_repair_closes_the_gap_of_decisions_from_the_threshold_on():
    found = study(strength=1.0)
    metric = "equalized_odds_difference"
    start, closed = (found.curve.points[place].refitted["validation"][metric] for place in (0, 16))
    assert closed < 0.5 * start
    assert (
        abs(with_choice(found, strength=1.0).chosen.soft["validation"]) < 0.1 * found.curve.points[0].soft["validation"]
    )


def test_one_half_is_what_it_was():
    assert plain_study().baseline["test"].values == plain_study(threshold=0.5).baseline["test"].values
    assert not [text for text in plain_study().findings if "threshold" in text]


def test_the_threshold_is_told_before_any_number():
    assert study().findings == (
        "Rows are selected from P(favorable) = 0.3 on, a threshold chosen by you, before and after the repair; "
        "the usual one is 0.5.",
    )


def rare(rows: int = 4000) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    table = plain_table(rows, seed=4)
    x = table["x"].fillna(0.0)
    table["y"] = (rng.random(rows) < 0.05 / (1 + np.exp(-x))).astype(int)
    return table


def test_a_rare_outcome_offers_a_threshold_that_selects_people():
    usual = Study(rare(), Task("y", 1, "g"), rivals="none").run()
    assert any("selects nobody, or hardly anybody" in text for text in usual.findings)
    assert "--threshold balanced" in usual.findings[-1]
    assert usual.strength == 0
    chosen = Study(rare(), Task("y", 1, "g"), rivals="none", threshold="balanced").run()
    assert chosen.threshold < 0.2
    assert 0.1 < (chosen.scores_before >= chosen.threshold).mean() < 0.9
    assert [text for text in chosen.findings if "chosen on validation rows, before and after" in text]


scores = st.lists(st.tuples(st.integers(1, 999), st.booleans()), min_size=2, max_size=60)


@given(scores)
def test_the_balanced_threshold_is_scikit_learns_best(rows):
    score = np.array([one for one, _ in rows]) / 1000
    y = np.array([good for _, good in rows], dtype=int)
    if len(set(y)) < 2 or len(set(score)) < 2:
        assert balanced_threshold(score, y) == 0.5
        return
    best = max(balanced_accuracy_score(y, score >= cut) for cut in sorted(set(score))[1:])
    assert balanced_accuracy_score(y, score >= balanced_threshold(score, y)) == pytest.approx(best)


def test_a_threshold_that_is_no_probability_is_refused():
    for wrong in (0.0, 1.0, -1, "half", None):
        with pytest.raises(ConfigError):
            StudyConfig(threshold=wrong)
