"""The Reweight page: the finding, a strength without a new study, goal, variant, guard rails, bad and missing data."""

from __future__ import annotations

import pytest

from iffair_core import explain
from iffair_core.data.catalog import load_dataset
from iffair_core.study import Study
from pages.common import repair
from tests.pages.test_frame import choose_people, upload

READY = "Results are up to date"


def ready(opened):
    return opened.until(lambda now: READY in now.words() and finding(now))


def finding(opened):
    return next((plain(text.value) for text in opened.app.subheader if text.value.startswith("At strength")), "")


def slider(opened):
    return next(one for one in opened.app.select_slider if one.label == "Strength")


def plain(markdown):
    return markdown.replace("\\", "")


@pytest.fixture(scope="module")
def example():
    table, task = load_dataset("example")
    return lambda **options: Study(table, task, name="example", **options).run()


def test_the_examples_repair_is_told_with_its_numbers_and_pictures(screen):
    opened = ready(screen("reweight"))
    assert "refitted, on test rows" in finding(opened)
    labels = [card.label for card in opened.app.metric]
    assert labels[-3:] == ["Effective sample size", "Rows changed", "Largest weight"]
    assert len(opened.app.get("plotly_chart")) == 3
    assert "decisions on test rows" in plain(opened.words())


def test_every_tab_opens(screen):
    opened = ready(screen("reweight"))
    for name in ("Decisions that turn", "Weights by group and outcome", "Every metric"):
        opened.app.session_state["reweight_tab"] = name
        opened.run()
        assert len(opened.app.dataframe) == 1


def test_moving_the_strength_is_a_study_of_its_own_without_running_one(screen, example):
    opened = ready(screen("reweight"))
    slider(opened).set_value(0.75)
    opened.run()
    assert READY in opened.words(), "no study runs and nothing is stale"
    assert finding(opened) == explain.repair_sentence(example(strength=0.75))
    assert opened.query["strength"] == ["0.75"]
    assert "Strength] 0.75" in opened.words()
    opened.app.button(key="use_recommended").click()
    opened.run()
    assert "strength" not in opened.query
    assert f"{slider(opened).value:g}, recommended" in slider(opened).options


def test_a_link_with_a_strength_shows_it(screen):
    opened = ready(screen("reweight", {"strength": "0.25"}))
    assert "At strength 0.25 " in finding(opened)
    assert slider(opened).value == 0.25


def test_a_strength_between_the_points_of_the_grid_is_studied(screen):
    opened = ready(screen("reweight", {"strength": "0.3"}))
    assert "At strength 0.3 " in finding(opened)
    assert slider(opened).value == 0.3


def test_an_infeasible_strength_says_why_and_falls_back(screen):
    opened = screen("reweight", {"strength": "1.25", "min_effective_sample_size": "0.97"})
    ready(opened)
    warning = next(plain(one.value) for one in opened.app.warning if "infeasible" in one.value)
    assert "Strength 1.25 is infeasible" in warning and "effective sample size" in warning
    assert "1.25, infeasible" in slider(opened).options
    assert "in place of 1.25" in opened.words()


@pytest.mark.parametrize(("box", "choice", "value"), [("Goal", "metric", "demographic_parity"),
                                                     ("Variant", "variant", "uniform")])  # fmt: skip
def test_another_goal_or_variant_is_studied_by_itself(screen, box, choice, value):
    opened = ready(screen("reweight"))
    before = finding(opened)
    next(one for one in opened.app.selectbox if one.label == box).set_value(value)
    opened.run()
    assert READY not in opened.words(), "a study runs, old results are not passed off as new"
    ready(opened)
    assert opened.query[choice] == [value]
    assert finding(opened) != before


def test_guard_rails_are_studied_and_taken_back(screen):
    opened = ready(screen("reweight"))
    next(one for one in opened.app.number_input if one.label == "Largest weight").set_value(1.2)
    ready(opened.run())
    assert opened.query["max_weight"] == ["1.2"]
    assert float(next(card for card in opened.app.metric if card.label == "Largest weight").value) <= 1.2
    opened.app.button(key="usual_rails").click()
    ready(opened.run())
    assert "max_weight" not in opened.query


def test_another_utility_budget_needs_no_study(screen, example):
    opened = ready(screen("reweight"))
    next(one for one in opened.app.number_input if one.label.startswith("Utility budget")).set_value(0.1)
    opened.run()
    assert READY in opened.words()
    assert finding(opened) == explain.repair_sentence(example(utility_budget=0.001))


def test_an_upload_is_repaired_once_it_is_studied(screen, people_csv):
    opened = choose_people(upload(screen("data"), "people.csv", people_csv))
    opened.go("reweight")
    assert "has not been studied yet" in opened.words()
    next(one for one in opened.app.selectbox if one.label == "Goal").set_value("demographic_parity")
    opened.run()
    assert "has not been studied yet" in opened.words(), "choosing a goal does not start the first study"
    opened.app.button(key="empty_run").click()
    ready(opened.run())
    assert "demographic parity difference" in finding(opened)


def test_without_a_table_the_page_leads_to_data(screen):
    opened = screen("reweight", {"source": "upload", "target": "hired"})
    assert "choose a table" in opened.words()
    assert not opened.app.selectbox


def test_choices_that_do_not_fit_are_said_over_greyed_figures(screen):
    opened = screen("reweight", {"target": "decisoin"}).until(lambda now: now.app.get("plotly_chart"))
    assert "do not fit the table" in opened.words()
    assert any("Figures from before your last change" in warning.value for warning in opened.app.warning)
    assert not [button for button in opened.app.get("download_button") if "weights" in str(button.proto)]


def test_strengths_are_printed_with_what_they_are(example):
    curve = example(min_effective_sample_size=0.97).curve
    texts = [repair.strength_text(curve, strength) for strength in repair.GRID]
    assert texts[0].startswith("0") and texts[-1] == "1.25, infeasible"
    assert sum("recommended" in text for text in texts) == 1
    assert repair.strength_text(None, 0.5) == "0.5"
