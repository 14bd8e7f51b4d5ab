"""Scenarios side by side: their curves on one picture, and the paired test where their rows are the same."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from iffair_core import Study, Task
from iffair_core.metrics import METRICS
from iffair_core.scenarios.beside import accuracy_between, beside_sentence, line_of
from iffair_core.scenarios.keeping import keep
from iffair_core.scenarios.record import Kept
from iffair_core.study.comparison import accuracy_difference
from iffair_core.telling.figures import Line, curves_beside, metrics_beside
from tests.engine.studies import example_study, plain_table


@cache
def study(private: bool = False, smallest_group: int | None = None, **options: object) -> Kept:
    task = Task("y", 1, "g", smallest_group=smallest_group)
    result = Study(plain_table(), task, name="plain.csv", rivals="none", **options).run()
    return keep(result, choices={}, source="upload", private=private)


def decisions(kept: Kept, split: str) -> np.ndarray:
    rows = kept.rows[kept.rows["split"] == split]
    return (rows["score_after"] >= kept.head["threshold"]) == (rows["outcome"] == 1)


@pytest.mark.parametrize("split", ["validation", "test"])
def test_the_test_is_that_of_the_rows_both_decided(split):
    ours, theirs = study(strength=0.0), study(strength=1.0, metric="demographic_parity")
    found = accuracy_between(ours, theirs, split, comparisons=3)
    assert found == accuracy_difference(*(decisions(one, split).to_numpy() for one in (ours, theirs)), comparisons=3)
    assert found.value == pytest.approx(ours.head["after"][split]["accuracy"] - theirs.head["after"][split]["accuracy"])
    back = accuracy_between(theirs, ours, split, comparisons=3)
    assert (back.value, back.low, back.high) == pytest.approx((-found.value, -found.high, -found.low))


def test_outcomes_that_a_scenario_does_not_hold_come_from_the_table_that_is_open_and_from_no_other():
    ours, theirs, here = study(True, strength=0.0), study(True, strength=1.0), study(strength=0.5)
    assert "are not kept" in accuracy_between(ours, theirs)
    assert accuracy_between(ours, theirs, known=[here]) == accuracy_between(study(strength=0.0), study(strength=1.0))
    example = keep(example_study(), choices={}, source="example", private=False)
    assert "are not kept" in accuracy_between(ours, theirs, known=[example])


def test_where_rows_are_not_the_same_the_reason_is_told():
    ours = study(strength=0.0)
    other_outcome = Kept({**ours.head, "outcome": {"target": "x"}}, ours.files)
    for theirs, why in (
        (keep(example_study(), choices={}, source="example", private=False), "another table"),
        (other_outcome, "another outcome"),
        (study(strength=0.0, seed=1), "test rows are others"),
        (study(strength=0.0, smallest_group=5), "cohort-only"),
    ):
        assert why in accuracy_between(ours, theirs)
        assert "is not tested against 'B' (" in beside_sentence([("A", ours), ("B", theirs)])


def test_the_sentence_states_each_test_with_its_interval_and_says_more_accurate_only_where_it_is():
    ours = study(strength=0.0)
    worse = study(strength=1.25, metric="demographic_parity", min_effective_sample_size=0.0)
    told = beside_sentence([("the study", ours), ("=A <b>", worse), ("Same", ours), ("Other", study(seed=1))])
    assert told.startswith("In accuracy on the same test rows, the study ")
    assert "cannot be told apart from" in told and "'Same' (+0.0 points, 95 % " in told and "'=A <b>' (" in told
    assert told.endswith("it is not tested against 'Other' (its test rows are others).")
    found = accuracy_between(ours, worse, comparisons=3)
    assert ("more accurate than '=A <b>'" in told) == (found.low > 0)
    assert " better " not in told and " worse " not in told


def test_pictures_hold_every_curve_and_its_chosen_point_and_draw_refitted_points_solid():
    kept = {"A": study(strength=0.25), "<b>B</b> %{x}": study(seed=1, strength=0.5)}
    lines = [line_of(name, one) for name, one in kept.items()]
    y = "equalized_odds_difference"
    picture = curves_beside(lines, "dark", y=y, split="validation")
    chosen = picture.table[picture.table["point"] == "chosen"]
    assert list(chosen["study"]) == list(kept) and list(chosen["strength"]) == [0.25, 0.5]
    for (_, row), one in zip(chosen.iterrows(), kept.values(), strict=True):
        assert row[y] == one.head["after"]["validation"][y]
    drawn = json.loads(picture.figure.to_json())["data"]
    assert all("dash" not in trace.get("line", {}) for trace in drawn)
    assert not any("open" in str(trace["marker"]["symbol"]) for trace in drawn)
    assert (
        len({(t["line"]["color"], t["marker"]["symbol"]) for t in drawn if "line" in t and "lines" in t["mode"]}) == 2
    )
    assert "<b>B" not in picture.figure.to_json().replace("\\u003c", "<")
    every = metrics_beside(lines, first=y)
    assert set(METRICS) <= set(every.table.columns) and set(every.table["study"]) == set(kept)
    assert len(json.loads(every.figure.to_json())["data"]) == len(kept) * 2 * len(METRICS)


def test_many_studies_keep_different_looks_and_a_strength_that_no_curve_has_is_not_drawn():
    line = line_of("A", study(strength=0.25))
    picture = curves_beside([replace(line, name=str(i)) for i in range(57)], y="theil_index")
    looks = [
        (trace["line"]["color"], trace["marker"]["symbol"])
        for trace in json.loads(picture.figure.to_json())["data"]
        if "lines" in trace["mode"]
    ]
    assert len(set(looks)) == 57
    lost = curves_beside([Line("A", line.curve, 0.26)], y="theil_index")
    assert list(lost.table["point"]) == ["untouched"]
