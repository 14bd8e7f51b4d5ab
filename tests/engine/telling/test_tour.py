"""The tour's sentences: the study's own numbers, and no claim where the study backs none."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

from iffair_core import Study, StudyResult, Task
from iffair_core.study.results import Baseline
from iffair_core.telling.tour import STEPS, beyond_chance, tour_sentence
from tests.engine.studies import example_study, hostile_study, plain_table


def told(result: StudyResult) -> dict[str, str | None]:
    return {step.page: tour_sentence(step, result) for step in STEPS}


@cache
def study_without_a_gap() -> StudyResult:
    """Groups that were drawn with no regard to anything else."""
    rng = np.random.default_rng(5)
    x = rng.normal(size=1200)
    y = (x + rng.normal(size=x.size) > 0).astype(int)
    table = pd.DataFrame({"x": x, "g": rng.choice(["A", "B"], x.size), "y": y})
    return Study(table, Task("y", 1, "g"), metric="demographic_parity", rivals="reweighing").run()


def test_the_steps_tell_what_the_study_found() -> None:
    result = example_study()
    found, test = told(result), result.dataset.part(2)
    y, group = result.dataset.y, result.dataset.groups.index("Cedar")
    mine, others = (result.dataset.group_codes == code for code in (group, result.dataset.groups.index("Alder")))
    assert (
        f"{100 * y[mine].mean():.1f} % of Cedar rows and for {100 * y[others].mean():.1f} % of Alder" in found["data"]
    )
    selected = result.scores_before[test] >= result.threshold
    rate = [selected[who[test] & (y[test] > 0.5)].mean() for who in (mine, others)]
    assert f"{100 * (rate[1] - rate[0]):.1f} points less likely to predict granted for Cedar" in found["baseline"]
    assert "more than chance alone would show" in found["baseline"]
    after = result.scores_after[test] >= result.threshold
    up, down = np.sum(after & ~selected), np.sum(selected & ~after)
    assert f"of {test.size:,} decisions {up} turn favorable and {down} unfavorable" in found["reweight"]
    assert f"strength {result.strength:g}" in found["reweight"] and result.fidelity.level in found["influence"]
    assert f"{len(result.rivals)} other methods" in found["compare"] and result.fingerprint[:12] in found["report"]
    assert "Birch, rests on 484 of them" in found["learn"]


def test_without_a_gap_nothing_is_claimed() -> None:
    result = study_without_a_gap()
    found = told(result)
    assert beyond_chance(result) is False and result.strength == 0
    assert "with intervals that overlap" in found["data"]
    assert "no more than chance alone would show" in found["baseline"]
    assert "no more than chance would show" in found["influence"]
    assert found["reweight"].startswith("At strength 0 every weight is 1")
    assert "no repair" in found["compare"]


def test_a_step_waits_for_its_stage() -> None:
    result = example_study()
    early = replace(result, records={Baseline: result.record(Baseline)}, timing={"encode": 0.1, "baseline": 0.1})
    found = told(early)
    assert found["data"] and found["baseline"]
    assert not any(found[step.page] for step in STEPS[2:])


@pytest.mark.parametrize("goal", ["equal_opportunity", "error_rate_parity"])
def test_every_goal_is_told(goal: str) -> None:
    result = example_study(metric=goal)
    assert all(told(result).values())
    if goal == "error_rate_parity":
        assert "likely to err on" in str(told(result)["baseline"])


def test_odd_names_are_told() -> None:
    assert all(told(hostile_study()).values())


def test_cohort_only_mode_tells_no_small_number() -> None:
    task = Task("y", 1, "g", smallest_group=50)
    table = plain_table()
    found = told(Study(table, task, metric="demographic_parity", rivals="reweighing").run())
    assert all(found.values()) and "withheld" in str(found)
