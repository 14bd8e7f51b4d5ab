"""What if: every change of training rows against models fitted from scratch."""

import numpy as np
import pytest

from iffair_core import Study, Task
from iffair_core.causes.change import ACTIONS, agreement, effect_at, predict, refit, refit_each
from iffair_core.errors import ConfigError
from iffair_core.models import LogisticModel
from iffair_core.telling.causes import proof_sentence, what_if_sentence, what_if_table
from tests.engine.studies import example_study, plain_study, plain_table


def rows_of(result, share=0.05):
    rng = np.random.default_rng(3)
    size = result.train_rows.size
    return np.sort(rng.choice(size, int(share * size), replace=False))


def from_scratch(result, action, rows):
    """The model of the changed rows, built without the product's weights."""
    X, y, s = (np.array(part) for part in (result.model.X_, result.model.y_, result.model.sample_weight_))
    if action == "remove":
        X, y, s = (np.delete(part, rows, axis=0) for part in (X, y, s))
    elif action == "double":
        X, y, s = (np.concatenate([part, part[rows]]) for part in (X, y, s))
    else:
        y[rows] = 1 - y[rows]
    return LogisticModel(result.config.C).fit(X, y, s)


@pytest.mark.parametrize("action", ACTIONS)
def test_a_refit_is_that_of_the_changed_table_and_the_prediction_is_near_it(action):
    result = example_study()
    rows = rows_of(result, 0.02 if action == "relabel" else 0.1)
    again = from_scratch(result, action, rows)
    seen, told = refit(result, action, rows), predict(result, action, rows)
    quantities, goal = result.quantities, result.goal
    part = result.dataset.split == 1
    X, y, codes = result.dataset.X[part], result.dataset.y[part], result.dataset.group_codes[part]
    before, after = (model.predict_proba(X)[:, 1] for model in (result.model, again))

    def gap(score):
        side = y > 0.5 if goal.rate == "true_positive_rate" else y <= 0.5
        over, under = (codes == result.dataset.groups.index(group) for group in (goal.over, goal.under))
        return score[side & over].mean() - score[side & under].mean()

    assert goal.value == pytest.approx(gap(before), abs=1e-9)
    assert seen.soft == pytest.approx(gap(after) - gap(before), abs=1e-8)
    assert seen.share == pytest.approx(-seen.soft / goal.value)
    assert seen.gap == pytest.approx(gap((after >= 0.5) * 1.0) - gap((before >= 0.5) * 1.0), abs=1e-12)
    assert seen.accuracy == pytest.approx(np.mean((after >= 0.5) == y) - np.mean((before >= 0.5) == y), abs=1e-12)
    assert seen.turned == np.count_nonzero((after >= 0.5) != (before >= 0.5))
    loss = [-np.mean(np.where(y > 0.5, np.log(p), np.log(1 - p))) for p in (before, after)]
    assert seen.log_loss == pytest.approx(loss[1] - loss[0], abs=1e-8)
    assert told.soft == pytest.approx(seen.soft, rel=0.05, abs=1e-5)
    assert quantities.accuracy(result.model, again.theta_) == pytest.approx(np.mean((after >= 0.5) == y))


def test_row_weights_of_the_file_are_doubled_and_removed_as_they_are():
    table = plain_table(600)
    table["w"] = np.random.default_rng(0).uniform(0.5, 2.0, 600)
    result = Study(table, Task("y", 1, "g", weights="w"), rivals="none").run()
    rows = rows_of(result)
    for action in ACTIONS:
        again = from_scratch(result, action, rows)
        assert refit(result, action, rows).soft == pytest.approx(effect_at(result, again.theta_).soft, abs=1e-8)
        assert predict(result, action, rows).soft == pytest.approx(refit(result, action, rows).soft, abs=2e-3)


def test_a_network_is_predicted_to_first_order_and_refitted():
    result = Study(plain_table(300), Task("y", 1, "g"), model="mlp", rivals="none").run()
    rows = rows_of(result, 0.02)
    for action in ACTIONS:
        told, seen = predict(result, action, rows), refit(result, action, rows)
        assert np.sign(told.soft) == np.sign(seen.soft) or abs(seen.soft) < 2e-3
        assert told.soft == pytest.approx(seen.soft, abs=0.02)


def test_rows_are_left_out_one_by_one():
    result = plain_study()
    rows = np.array([0, 7, 11])
    for row, found in zip(rows, refit_each(result, rows), strict=True):
        assert found.soft == pytest.approx(refit(result, "remove", np.array([row])).soft, abs=1e-9)
        assert found.soft == pytest.approx(result.goal.removal[row], rel=0.05, abs=1e-6)


def test_an_unknown_action_is_refused():
    with pytest.raises(ConfigError, match="remove, double, relabel"):
        predict(plain_study(), "hide", np.array([0]))


@pytest.mark.parametrize(("off", "level"), [(0.0, "green"), (0.04, "green"), (0.2, "amber"), (0.4, "red")])
def test_agreement_is_judged_as_the_fidelity_badge_is(off, level):
    seen = np.array([0.3, -0.1, 0.2])
    found = agreement((seen * (1 + off)).tolist(), seen.tolist())
    assert (found.level, found.checked) == (level, 3)
    assert found.error == pytest.approx(off)
    said = proof_sentence("the first 3 cohorts", found)
    assert said.startswith("Predictions of the first 3 cohorts were ") and ("Go by the refits" in said) == (
        level == "red"
    )


def test_it_is_told_with_and_without_the_refit():
    result = example_study()
    rows = rows_of(result)
    told, seen = predict(result, "remove", rows), refit(result, "remove", rows)
    alone = what_if_table(told)
    assert alone["refitted"].isna().all() and alone["predicted"].iloc[0] == pytest.approx(100 * told.soft)
    both = what_if_table(told, seen)
    assert (both["difference"] - (both["predicted"] - both["refitted"])).abs().max() < 1e-12
    assert "refitted" not in what_if_sentence(result, "remove", 300, told)
    said = what_if_sentence(result, "remove", 300, told, seen)
    assert said.startswith("With 300 rows left out, the gap in ") and f"{seen.turned:,} decision" in said
