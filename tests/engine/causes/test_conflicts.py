"""Angles between goals: against the vectors themselves, against refits by hand, and their intervals."""

from dataclasses import replace

import numpy as np
import pytest

from iffair_core import Study, Task
from iffair_core.causes import conflicts as module
from iffair_core.causes.conflicts import MOVED, NARROWED, along_curve, conflicts
from iffair_core.errors import Cancelled
from iffair_core.models import LogisticModel
from iffair_core.quantities import goal_pairs, quantities_from_codes
from iffair_core.study.results import Influence
from iffair_core.telling.causes import (
    along_sentence,
    along_table,
    conflict_table,
    conflicts_sentence,
    price_sentence,
    without_conflict,
)
from iffair_core.telling.figures import conflict_map, gaps_along_curve
from tests.engine.studies import example_study, plain_table


@pytest.fixture(scope="module")
def found():
    return conflicts(example_study())


@pytest.fixture(scope="module")
def weighted():
    table = plain_table(600)
    table["w"] = np.random.default_rng(0).uniform(0.5, 2.0, 600)
    return Study(table, Task("y", 1, "g", weights="w"), rivals="none").run()


def vector(result, goal):
    """Centered influence of every training row on a goal's widest gap, None for the log loss, by a unit of weight."""
    if goal is None:
        row = np.eye(result.influence.shape[1])[-1]
    else:
        pairs = goal_pairs(result.quantities, goal.goal)
        row = pairs.matrix[pairs.labels.index((goal.rate, goal.over, goal.under))]
    own = 1.0 if result.base_train is None else result.base_train
    vector = (result.influence @ row) * own
    return vector - vector.mean()


@pytest.mark.parametrize("which", ["example", "weighted"])
def test_cosines_are_those_of_the_vectors_and_lie_in_their_intervals(which, weighted):
    result = example_study() if which == "example" else weighted
    found = conflicts(result)
    for a, one in enumerate((*found.goals, None)):
        for b, other in enumerate((*found.goals, None)):
            mine, theirs = vector(result, one), vector(result, other)
            expected = mine @ theirs / np.linalg.norm(mine) / np.linalg.norm(theirs)
            assert found.cosines[a, b] == pytest.approx(expected, abs=1e-9)
            assert found.low[a, b] - 1e-9 <= found.cosines[a, b] <= found.high[a, b] + 1e-9
    assert np.allclose(found.cosines, found.cosines.T)
    assert np.allclose(np.diag(found.cosines), 1.0)


@pytest.mark.parametrize("which", ["example", "weighted"])
def test_inner_products_come_from_one_small_matrix(which, weighted):
    result = example_study() if which == "example" else weighted
    goals, rows = module._goals(result)
    gradients = result.quantities.gradients(result.model) @ rows.T
    gram = gradients.T @ module._basis(result) @ gradients
    vectors = np.column_stack([vector(result, goal) for goal in (*goals, None)])
    assert gram == pytest.approx(vectors.T @ vectors, rel=1e-8)


def test_refits_agree_and_are_those_of_weights_against_one_gap(found):
    result = example_study()
    assert found.agreement.level == "green"
    assert np.nanmax(np.abs(np.diag(found.refitted) - 1.0)) < 0.1
    goal = found.goals[0]
    mine = vector(result, goal)
    weights = np.clip(1.0 - NARROWED * goal.value / (mine @ mine) * mine, 0.0, 5.0)
    again = LogisticModel(result.config.C).fit(result.model.X_, result.model.y_, weights)
    change = result.quantities.values(again) - result.quantities.values(result.model)
    pairs = goal_pairs(result.quantities, goal.goal)
    row = pairs.matrix[pairs.labels.index((goal.rate, goal.over, goal.under))]
    assert row @ change == pytest.approx(-NARROWED * goal.value, rel=0.1)
    length = np.linalg.norm(weights - 1.0) * np.linalg.norm(mine)
    assert found.refitted[0, 0] == pytest.approx(-(row @ change) / length, abs=1e-6)
    assert found.prices[0].refitted == pytest.approx(change[-1], abs=1e-8)
    assert found.prices[0].predicted == pytest.approx(change[-1], rel=0.2)


def test_intervals_cover_the_angle_in_the_population_that_rows_are_drawn_from():
    result = example_study()
    data, goals = result.dataset, module._goals(result)[1]
    rng = np.random.default_rng(5)
    whole = module._cosines(_gram(result, result.quantities, goals))
    held = []
    for _ in range(40):
        drawn = rng.choice(np.flatnonzero(data.split == 1), 1_000)
        few = quantities_from_codes(data.X[drawn], data.y[drawn], data.group_codes[drawn], data.groups, data.reference)
        low, high = module._intervals(
            result.having(replace(result.record(Influence), quantities=few)), goals, lambda: None
        )
        held.append((low - 1e-9 <= whole) & (whole <= high + 1e-9))
    apart = np.triu_indices(len(whole), 1)
    assert 0.88 <= np.mean([one[apart] for one in held]) <= 1.0


def _gram(result, quantities, rows):
    gradients = quantities.gradients(result.model) @ rows.T
    return gradients.T @ module._basis(result) @ gradients


def test_utility_is_beside_the_goals_and_its_refit_lowers_the_log_loss(found):
    result = example_study()
    mine = vector(result, None)
    weights = np.clip(1.0 - MOVED * np.sqrt(mine.size) * mine / np.linalg.norm(mine), 0.0, 5.0)
    again = LogisticModel(result.config.C).fit(result.model.X_, result.model.y_, weights)
    change = result.quantities.values(again) - result.quantities.values(result.model)
    assert change[-1] < 0
    rows = module._goals(result)[1]
    lengths = [np.linalg.norm(vector(result, goal)) for goal in found.goals]
    expected = -(rows[:-1] @ change) / np.linalg.norm(weights - 1.0) / lengths
    assert found.refitted[-1, :-1] == pytest.approx(expected, abs=1e-6)
    assert np.isnan(found.refitted[:, -1]).all()


@pytest.mark.parametrize("which", ["example", "weighted"])
def test_gaps_along_the_curve_are_those_of_its_models_and_foretold_by_the_vectors(which, weighted):
    result = example_study() if which == "example" else weighted
    found, quantities = along_curve(result), result.quantities
    points = {point.strength: point for point in result.curve.points}
    assert found.strengths.size and (found.strengths > 0).all()
    for row, strength in enumerate(found.strengths):
        weights, theta = points[strength].solution
        for place, goal in enumerate(found.goals):
            pairs = goal_pairs(quantities, goal.goal)
            gap = pairs.matrix[pairs.labels.index((goal.rate, goal.over, goal.under))]
            seen = gap @ quantities.values_at(result.model, theta) - goal.value
            assert found.refitted[row, place] == pytest.approx(seen, abs=1e-12)
            widest = pairs.disparity(quantities.values_at(result.model, theta))
            assert found.widest[row, place] == pytest.approx(widest, abs=1e-12)
            assert found.predicted[row, place] == pytest.approx((weights - 1.0) @ vector(result, goal), abs=1e-9)
    first = np.abs(found.predicted[0] - found.refitted[0]).max()
    assert first < 0.05 * np.abs(found.refitted[0]).max(), "the first step is nearly of first order"


def test_the_curve_is_told_as_far_as_it_was_foretold(found):
    result = example_study()
    along = along_curve(result)
    said = along_sentence(result, along)
    at = int(np.flatnonzero(along.strengths == result.strength)[0])
    assert said.startswith(
        f"At strength {result.strength:g} of this study's curve the disparity narrows for demographic"
    )
    own, goal = found.place("equalized_odds"), found.goals[found.place("equalized_odds")]
    assert f"({100 * goal.value:.1f} to {100 * along.widest[at, own]:.1f} points, its gap turned round from" in said
    turned = along.strengths[np.argmax(goal.value + along.refitted[:, own] < 0)]
    assert f"turned round from strength {turned:g} on)" in said
    assert said.endswith(f"within 10 % up to strength {min(along.reach):g} to {max(along.reach):g}, by goal.")
    assert " the disparity widens for " in along_sentence(result, replace(along, widest=along.widest + 1.0))
    assert along_sentence(result, replace(along, predicted=0 * along.predicted)).endswith("at none of its strengths.")
    untouched = replace(along, strengths=along.strengths + 0.01)
    assert along_sentence(result, untouched).startswith(f"At strength {untouched.strengths[14]:g} of")
    none = np.empty((0, 4))
    nothing = replace(along, strengths=np.empty(0), predicted=none, refitted=none, widest=none)
    assert along_sentence(result, nothing).startswith("The study's curve has no model beyond strength 0")
    assert along_table(nothing).empty
    table = along_table(along)
    assert len(table) == along.strengths.size * len(along.goals)
    picture = gaps_along_curve(result, along, "dark")
    assert "points to " in picture.alt and len(picture.table) == len(table)


def test_it_can_be_stopped():
    def stop():
        raise Cancelled

    with pytest.raises(Cancelled):
        conflicts(example_study(), stop_check=stop)


def test_it_is_told_in_sentences_a_table_and_a_picture(found):
    result = example_study()
    said = conflicts_sentence(result, found)
    assert said.startswith("Weights that narrow equalized odds ")
    assert "equal opportunity (cosine 1.00, " in said and "by refits" in said
    said = price_sentence(result, found)
    assert said.startswith("Closing 25 % of the gap of equalized odds changes the log loss on validation rows by ")
    assert "and the accuracy by " in said
    assert "Whether its first steps lower or raise the log loss cannot be told (cosine with utility " in said
    table = conflict_table(found)
    assert len(table) == len(found.goals) * (len(found.goals) + 1)
    picture = conflict_map(found, "dark")
    assert "cosine" in picture.alt and len(picture.table) == len(table)


def test_every_way_that_another_goal_can_go_is_said(found):
    result = example_study()
    own, other = found.place("equalized_odds"), found.place("error_rate_parity")

    def said(cosine, low, high, refitted):
        ends = [np.array(part) for part in (found.cosines, found.low, found.high, found.refitted)]
        for part, value in zip(ends, (cosine, low, high, refitted), strict=True):
            part[own, other] = value
        changed = replace(found, **dict(zip(FIELDS, ends, strict=True)))
        return f"{conflicts_sentence(result, changed)} {without_conflict(result, changed)}"

    assert "and widen error rate parity (cosine −0.30, by refits −0.28)" in said(-0.3, -0.4, -0.2, -0.28)
    assert "at least one conflicts" in said(-0.3, -0.4, -0.2, -0.28)
    assert "none conflicts" in without_conflict(result, found)
    assert "and hardly touch error rate parity (cosine 0.05" in said(0.05, 0.01, 0.09, 0.04)
    assert "and may narrow or widen error rate parity (cosine 0.30)" in said(0.3, 0.0, 0.6, np.nan)


FIELDS = ("cosines", "low", "high", "refitted")
