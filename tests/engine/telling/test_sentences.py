"""Sentences claim what an interval backs, and no number of theirs can be taken for another."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from iffair_core.study.results import Baseline, Repaired, StudyResult
from iffair_core.telling import sentences
from iffair_core.telling.figures import influence_scatter
from tests.engine.studies import example_study, plain_study


def with_changes(result: StudyResult, **changes: tuple[float, float, float]) -> StudyResult:
    """The result with other paired changes of some metrics on test rows: value, low, high."""
    before = result.difference["test"]
    told = before | {
        name: replace(before[name], value=value, low=low, high=high) for name, (value, low, high) in changes.items()
    }
    repaired = replace(result.record(Repaired), difference={**result.difference, "test": told})
    return replace(result, records={**result.records, Repaired: repaired})


@pytest.mark.parametrize(
    ("goal", "begins", "rate", "outcome"),
    [
        ("equalized_odds", "Of Cedar rows recorded as granted the model predicts granted for ", "tpr", 1),
        ("demographic_parity", "The model predicts granted for ", "selection", None),
        ("error_rate_parity", "The model errs on ", "error", None),
    ],
)
def test_the_finding_says_first_whose_rate_it_gives(goal: str, begins: str, rate: str, outcome: int | None) -> None:
    result = example_study(metric=goal)
    said, data, test = sentences.baseline_sentence(result), result.dataset, result.dataset.part(2)
    assert said.startswith(begins)
    selected, right = result.scores_before[test] >= result.threshold, data.y[test] > 0.5
    hit = selected != right if rate == "error" else selected
    for group in ("Cedar", "Alder"):
        mine = data.group_codes[test] == data.groups.index(group)
        mine &= np.ones(test.size, bool) if outcome is None else right == bool(outcome)
        assert f"{100 * hit[mine].mean():.1f} %" in said


def test_an_outcome_whose_value_says_nothing_is_told_with_its_column() -> None:
    result = plain_study(metric="equal_opportunity")
    target = result.dataset.task.task.target
    label = result.dataset.task.favorable_label
    said = sentences.baseline_sentence(result)
    named = f"{target} = {label}" if label in ("1", "0", "yes", "no") else label
    assert f"recorded as {named} the model predicts {named} for " in said


def test_a_change_whose_interval_holds_0_is_no_detectable_one() -> None:
    result = example_study(strength=0.5)
    metric = result.curve.metric
    clear = sentences.repair_sentence(with_changes(result, **{metric: (-0.05, -0.09, -0.01)}))
    assert clear.startswith("At strength 0.5 the equalized odds difference goes from ")
    within = with_changes(result, **{metric: (-0.05, -0.11, 0.01), "accuracy": (-0.009, -0.02, 0.001)})
    said = sentences.repair_sentence(within)
    assert said.startswith(
        "At strength 0.5 no detectable change of the equalized odds difference on test rows, at 0.9 points of "
        "accuracy: it goes from "
    )
    assert "(−0.050, 95 % −0.110 to 0.010)" in said and "points of accuracy: " in said
    gained = with_changes(result, **{metric: (-0.05, -0.11, 0.01), "accuracy": (0.004, -0.02, 0.03)})
    assert "on test rows: it goes from " in sentences.repair_sentence(gained)


def test_other_disparities_are_named_where_their_paired_interval_says_that_they_widen() -> None:
    result = example_study(strength=0.5)
    still = {name: (0.0, -0.1, 0.1) for name, one in result.difference["test"].items() if one.value is not None}
    assert sentences.worse_sentence(with_changes(result, **still)) == ""
    worse = still | {
        "predictive_parity_difference": (0.139, 0.071, 0.201),
        "demographic_parity_ratio": (-0.2, -0.3, -0.1),
        "error_rate_difference": (-0.05, -0.1, -0.01),
        "accuracy": (0.05, 0.01, 0.09),
        result.curve.metric: (0.1, 0.05, 0.15),
    }
    assert sentences.worse_sentence(with_changes(result, **worse)) == (
        "On test rows the demographic parity ratio clearly falls: −0.200 (95 % −0.300 to −0.100); the predictive "
        "parity difference clearly widens: +0.139 (95 % 0.071 to 0.201)."
    )


def test_at_strength_0_nobody_pays() -> None:
    untouched = example_study(strength=0.0)
    assert sentences.pays_sentence(untouched) == sentences.NOTHING_TURNS
    assert sentences.beside_repair(untouched) == []


def test_a_limit_that_no_repair_keeps_within_is_named_and_not_the_accuracy_budget() -> None:
    said = sentences.recommendation_sentence(example_study(min_accuracy=0.99))
    assert "No repair keeps within the limits" in said and "below the floor of 99 %." in said
    assert "budget" not in said


def test_a_disparity_is_laid_on_small_groups_only_where_they_hold_an_end_of_it() -> None:
    result = small_groups(end=0.9)
    said = sentences.untouched_sentence(result)
    assert "rests on a group with fewer than 10 such rows (Cedar); small groups that are taken together" in said
    assert "rests on" not in sentences.untouched_sentence(small_groups(end=0.5))


def small_groups(end: float) -> StudyResult:
    """The example, with a disparity within chance and few rows behind the rate of Cedar, which is `end`."""
    result = example_study(metric="demographic_parity", strength=None)
    found = result.baseline["validation"]
    told = {"Alder": (0.3, 400), "Birch": (0.6, 400), "Cedar": (end, 7)}
    rates = {
        group: found.rates[group] | {"selection_rate": replace(found.rates[group]["selection_rate"], value=v, count=n)}
        for group, (v, n) in told.items()
    }
    baseline = result.record(Baseline)
    evaluations = {**baseline.evaluations, "validation": replace(found, rates=rates)}
    repaired = result.record(Repaired)
    records = {Baseline: replace(baseline, evaluations=evaluations)}
    records[Repaired] = replace(repaired, curve=replace(repaired.curve, untouched="within chance"))
    return replace(result, records={**result.records, **records})


def test_the_picture_of_rows_says_what_would_widen_the_gap() -> None:
    assert "Leaving out a row at the right would widen the gap." in influence_scatter(plain_study()).caption
