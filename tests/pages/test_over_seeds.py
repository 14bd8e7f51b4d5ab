"""Over seeds on Compare: asked for by a button, run in the background, kept when cancelled, told in the report."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from iffair_core.errors import Cancelled
from iffair_core.study.over_seeds import seed_run
from iffair_core.telling import seeds
from iffair_core.telling.report import PART_TITLES
from pages.parts.compare import over_seeds as part
from tests.engine.studies import example_seeds, example_study
from tests.pages.conftest import choose_people, upload
from tests.pages.test_compare import open_tab


@pytest.fixture
def found():
    """Three seeds as they would be found for the example: its own, and two that are like it."""
    _, three = example_seeds()
    result = example_study()
    own = seed_run(result, result.strength)
    titles = {rival.name: rival.title for rival in result.rivals}
    runs = tuple(replace(own, seed=seed) for seed in range(3))
    return replace(three, metric=result.curve.metric, runs=runs, titles=titles, weights_at=result.strength)


def test_seeds_of_an_upload_run_in_the_background_and_join_the_report(screen, people_csv):
    opened = choose_people(upload(screen("data"), "people.csv", people_csv)).go("compare")
    opened.click("empty_run").ready()
    open_tab(opened, "Over seeds")
    assert "One seed is one way to deal the rows" in opened.words() and "About " in opened.words()
    opened.set("number_input", part.COUNT, 3)
    opened.click("run_seeds").until(lambda now: "method" in now.tables())
    assert "of 3 seeds a strength above 0 is recommended" in opened.words()
    assert "in a like order with a rank correlation of" in opened.words()
    assert opened.app.button(key="run_seeds").disabled, "three seeds are there"
    opened.put("seeds_runs_open", True)
    assert opened.tables()["seed"]["seed"].tolist() == [0, 1, 2]
    opened.set("number_input", part.COUNT, 4)
    assert not opened.app.button(key="run_seeds").disabled, "a fourth can follow"
    opened.go("report").ready()
    assert PART_TITLES["seeds"] in opened.words() and "of 3 seeds" in opened.words()
    opened.put("report_view", "The same numbers again")
    assert any("--seeds 3" in code.value for code in opened.app.code)


def test_what_had_finished_before_a_cancel_stays_and_the_rest_can_follow(screen, found, monkeypatch):
    going, kept = threading.Event(), []

    def slow(result, frame, count, progress, cancel, previous):
        kept.append(previous)
        partial = replace(found, runs=found.runs[:2])
        if previous is not None:
            return found
        progress("Seed 3 of 3", 0.5, partial)
        going.set()
        assert cancel.wait(60)
        raise Cancelled(partial=partial)

    monkeypatch.setattr(part, "over_seeds", slow)
    opened = open_tab(screen("compare").ready(), "Over seeds")
    opened.set("number_input", part.COUNT, 3)
    opened.click("run_seeds")
    assert going.wait(60)
    opened.click("seeds_cancel").until(lambda now: "seeds_cancel" not in now.widgets())
    assert seeds.seeds_sentence(replace(found, runs=found.runs[:2])) in opened.words()
    assert not opened.app.button(key="run_seeds").disabled
    opened.click("run_seeds").until(lambda now: "of 3 seeds" in now.words())
    assert kept[0] is None and len(kept[1].runs) == 2, "the seeds that had run are not run again"


def test_another_strength_needs_no_other_seeds_and_another_variant_does(screen, found, monkeypatch):
    monkeypatch.setattr(part, "over_seeds", lambda *_: found)
    opened = open_tab(screen("compare").ready(), "Over seeds")
    opened.click("run_seeds").until(lambda now: "method" in now.tables())
    opened.app.query_params["strength"] = "0.25"
    opened.run()
    assert "Under 3 of 3 seeds" in opened.words()
    opened.app.query_params["variant"] = "uniform"
    opened.run().ready()
    assert "Under 3 of 3 seeds" not in opened.words() and "One seed is one way" in opened.words()


def test_seeds_that_cannot_be_run_say_why(screen, monkeypatch):
    def broken(*_):
        raise RuntimeError("a cell: secret")

    monkeypatch.setattr(part, "over_seeds", broken)
    opened = open_tab(screen("compare").ready(), "Over seeds")
    opened.app.button(key="run_seeds").click()
    opened.app.run()
    for _ in range(50):
        if any("Not every seed could be run" in str(error.proto) for error in opened.app.error):
            break
        opened.app.run()
    assert opened.app.error and "secret" not in opened.words()
