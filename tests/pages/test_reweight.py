"""The Reweight page: the finding, a strength without a new study, goal, variant, guard rails, bad and missing data."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from iffair_core.errors import ConfigError
from iffair_core.study.smallest_fix import smallest_fix
from iffair_core.telling import sentences
from pages.parts.reweight import repair
from tests.engine.studies import example_study
from tests.pages.conftest import READY, upload


def finding(opened):
    return next((plain(text.value) for text in opened.app.subheader if text.value.startswith("At strength")), "")


def slider(opened):
    return next(one for one in opened.app.select_slider if one.label == "Strength")


def plain(markdown):
    return markdown.replace("\\", "")


def test_the_examples_repair_is_told_with_its_numbers_and_pictures_and_every_tab_opens(screen):
    opened = screen("reweight").ready()
    assert "refitted, on test rows" in finding(opened)
    labels = [card.label for card in opened.app.metric]
    assert labels[-3:] == ["Effective sample size", "Rows changed", "Largest weight"]
    assert len(opened.app.get("plotly_chart")) == 3
    assert "decisions on test rows" in opened.words()
    for name in ("Decisions that turn", "Weights by group and outcome", "Every metric"):
        opened.put("reweight_tab", name)
        assert len(opened.app.dataframe) == (2 if name == "Decisions that turn" else 1)


def test_moving_the_strength_is_a_study_of_its_own_without_running_one(screen):
    opened = screen("reweight").ready()
    slider(opened).set_value(0.75)
    opened.run()
    assert READY in opened.words(), "no study runs and nothing is stale"
    assert finding(opened) == sentences.repair_sentence(example_study(strength=0.75))
    assert opened.query["strength"] == ["0.75"]
    assert "Strength] 0.75" in opened.words()
    opened.click("use_recommended")
    assert "strength" not in opened.query
    assert f"{slider(opened).value:g}, recommended" in slider(opened).options


def test_a_link_with_a_strength_shows_it(screen):
    opened = screen("reweight", {"strength": "0.25"}).ready()
    assert "At strength 0.25 " in finding(opened)
    assert slider(opened).value == 0.25


def test_a_strength_between_the_points_of_the_grid_is_studied(screen):
    opened = screen("reweight", {"strength": "0.3"}).ready()
    assert "At strength 0.3 " in finding(opened)
    assert slider(opened).value == 0.3


def test_an_infeasible_strength_says_why_and_falls_back(screen):
    opened = screen("reweight", {"strength": "1.25", "min_effective_sample_size": "0.97"}).ready()
    warning = next(plain(one.value) for one in opened.app.warning if "infeasible" in one.value)
    assert "Strength 1.25 is infeasible" in warning and "effective sample size" in warning
    assert "1.25, infeasible" in slider(opened).options
    assert "in place of 1.25" in opened.words()


@pytest.mark.parametrize(("box", "choice", "value"), [("Goal", "metric", "demographic_parity"),
                                                     ("Variant", "variant", "uniform")])  # fmt: skip
def test_another_goal_or_variant_is_studied_by_itself(screen, box, choice, value):
    opened = screen("reweight").ready()
    before = finding(opened)
    next(one for one in opened.app.selectbox if one.label == box).set_value(value)
    opened.run()
    assert READY not in opened.words(), "a study runs, old results are not passed off as new"
    opened.ready()
    assert opened.query[choice] == [value]
    assert finding(opened) != before


def test_guard_rails_are_studied_and_taken_back(screen):
    opened = screen("reweight").ready()
    next(one for one in opened.app.number_input if one.label == "Largest weight").set_value(1.2)
    opened.run().ready()
    assert opened.query["max_weight"] == ["1.2"]
    assert float(next(card for card in opened.app.metric if card.label == "Largest weight").value) <= 1.2
    opened.click("usual_rails").ready()
    assert "max_weight" not in opened.query


def test_another_utility_budget_needs_no_study(screen):
    opened = screen("reweight").ready()
    next(one for one in opened.app.number_input if one.label.startswith("Utility budget")).set_value(0.1)
    opened.run()
    assert READY in opened.words()
    assert finding(opened) == sentences.repair_sentence(example_study(utility_budget=0.001))


def test_an_upload_is_repaired_once_it_is_studied(opened):
    opened.go("reweight")
    assert "has not been studied yet" in opened.words()
    next(one for one in opened.app.selectbox if one.label == "Goal").set_value("demographic_parity")
    opened.run()
    assert "has not been studied yet" in opened.words(), "choosing a goal does not start the first study"
    opened.click("empty_run").ready()
    assert "demographic parity difference" in finding(opened)


def test_choices_that_do_not_fit_are_said_over_greyed_figures(screen):
    opened = screen("reweight", {"target": "decisoin"}).until(lambda now: now.app.get("plotly_chart"))
    assert "do not fit the table" in opened.words()
    assert any("Figures from before your last change" in warning.value for warning in opened.app.warning)
    assert not [button for button in opened.app.get("download_button") if "weights" in str(button.proto)]


def test_strengths_are_printed_with_what_they_are():
    curve = example_study(min_effective_sample_size=0.97).curve
    texts = [repair.strength_text(curve, strength) for strength in repair.GRID]
    assert texts[0].startswith("0") and texts[-1] == "1.25, infeasible"
    assert sum("recommended" in text for text in texts) == 1
    assert repair.strength_text(None, 0.5) == "0.5"


def test_rows_are_pinned_by_their_value_and_by_their_number(screen):
    opened = screen("reweight").ready()
    values = next(one for one in opened.app.multiselect if one.label == "Values")
    assert opened.app.selectbox(key="reweight_pin_column").value == "community"
    values.set_value([f"community={name}" for name in values.options if name == "Cedar"])
    opened.run()
    opened.set("text_input", "choice_pinned_rows", "12, 3 12").ready()
    assert opened.query["pinned"] == ["community=Cedar", "3,12"]
    expected = example_study(pinned=("community=Cedar", 3, 12))
    assert finding(opened) == sentences.repair_sentence(expected)
    assert sentences.pinned_sentence(expected) in opened.words()
    assert "Pinned] community=Cedar, row 3 and row 12" in opened.words(), "the study card names them"
    assert "Guard rails (1)" in str([one.proto for one in opened.app.get("popover")])
    opened.click("usual_rails").ready()
    assert "pinned" not in opened.query
    assert "keep weight 1," not in opened.words()


def test_a_link_pins_rows_and_sets_the_accuracy_floor(screen):
    opened = screen("reweight", {"pinned": ["community=Cedar", "12,3"], "min_accuracy": "0.8"}).ready()
    assert opened.query == {"pinned": ["community=Cedar", "3,12"], "min_accuracy": ["0.8"]}
    expected = example_study(pinned=("community=Cedar", 3, 12), min_accuracy=0.8)
    assert finding(opened) == sentences.repair_sentence(expected)
    assert "at least 80.0 %" in opened.words()
    assert next(one for one in opened.app.number_input if one.label == "Smallest accuracy (%)").value == 80.0


def test_another_goal_is_closed_as_well_and_left_again(screen):
    opened = screen("reweight").ready()
    next(one for one in opened.app.multiselect if one.label == "Close these goals as well").set_value(
        ["demographic_parity"]
    )
    opened.run().ready()
    assert opened.query == {"also": ["demographic_parity"]}
    assert "Closed as well" in opened.words() and "Demographic parity" in opened.words()
    expected = example_study(also=("demographic_parity",))
    assert finding(opened) == sentences.repair_sentence(expected) != sentences.repair_sentence(example_study())
    assert sentences.also_sentence(expected).startswith("Closed as well, refitted, on test rows: demographic parity")
    assert sentences.also_sentence(expected) in opened.words()
    opened.click("usual_rails").ready()
    assert "also" not in opened.query and finding(opened) == sentences.repair_sentence(example_study())


def test_row_numbers_that_are_none_are_refused_and_the_earlier_stay(screen):
    opened = screen("reweight").ready()
    for written, said in (("twelve", "'twelve' holds no row numbers"), ("99999", "There is no row 99999"),
                          ("-1", "'-1' holds no row numbers")):  # fmt: skip
        opened.set("text_input", "choice_pinned_rows", written)
        assert any(said in plain(error.value) for error in opened.app.error)
        assert "pinned" not in opened.query
        assert READY in opened.words(), "no study follows"
        assert opened.app.text_input(key="choice_pinned_rows").value == ""


def test_a_link_that_pins_what_is_not_there_says_so_and_can_be_mended(screen):
    opened = screen("reweight", {"pinned": "community=Oz"}).until(lambda now: "No row has" in now.words())
    assert "could not be finished: No row has community=Oz" in opened.words()
    assert "Pinned: community=Oz" in opened.words()
    opened.click("usual_rails").ready()
    assert opened.query == {}
    assert "cannot be used" in screen("reweight", {"pinned": "community"}).words()


def test_pins_that_the_next_upload_has_not_are_let_go(screen, people_csv):
    query = {"source": "upload", "target": "hired", "favorable": "yes", "sensitive": "clan"}
    opened = screen("data", {**query, "pinned": ["town=North", "town=Rome", "3,4000"]})
    upload(opened, "people.csv", people_csv)
    assert opened.query["pinned"] == ["town=North", "3"]
    assert "Not pinned any more: No row has town=Rome" in opened.words()


def test_a_row_is_pinned_from_its_card(screen):
    opened = screen("influence").ready()
    study = example_study()
    row = int(study.dataset.row_id[study.train_rows][0])
    opened.put("influence_row", (study.fingerprint, row))
    button = opened.app.button(key="influence_pin")
    assert button.label == "Pin this row"
    button.click()
    opened.run().ready()
    assert opened.query["pinned"] == [str(row)]
    assert opened.app.button(key="influence_pin").label == "Unpin this row"
    opened.click("influence_pin").ready()
    assert "pinned" not in opened.query


def test_at_strength_0_nothing_turns_and_other_disparities_that_widen_are_named(screen):
    opened = screen("reweight").ready()
    told = sentences.worse_sentence(example_study())
    assert "predictive parity difference clearly widens: +" in told and told in opened.words()
    slider(opened).set_value(0.0)
    opened.run()
    opened.put("reweight_tab", "Decisions that turn")
    captions = [one.value for one in opened.app.caption]
    assert sentences.NOTHING_TURNS in captions and opened.words().count(sentences.NOTHING_TURNS) == 2
    assert "Selection rates move" not in opened.words() and "clearly widens" not in opened.words()


def find_fix(opened, target=None, by=None):
    if target is not None:
        next(one for one in opened.app.number_input if one.label.endswith("of at most")).set_value(target)
    if by is not None:
        opened.app.segmented_control(key="reweight_fix_by").set_value(by)
    return opened.click("find_fix").ready()


def test_the_smallest_fix_is_found_and_belongs_to_its_study(screen):
    opened = screen("reweight").ready()
    study = example_study()
    expected = smallest_fix(study, round(study.baseline["validation"].values["equalized_odds_difference"] / 2, 3))
    find_fix(opened)
    assert sentences.fix_sentence(study, expected) in opened.words()
    shown = next(one.value for one in opened.app.dataframe if "direction" in one.value)
    assert len(shown) == expected.rows
    downloads = str([one.proto for one in opened.app.get("download_button")])
    assert "Download its weights" in downloads
    assert any("--target-gap" in code.value and "--fix-by rows" in code.value for code in opened.app.code)

    slider(opened).set_value(0.25)
    opened.run()
    assert sentences.fix_sentence(study, expected) in opened.words(), "another strength is the same study"
    next(one for one in opened.app.selectbox if one.label == "Goal").set_value("demographic_parity")
    opened.run().ready()
    assert sentences.fix_sentence(study, expected) not in opened.words()
    assert not any("direction" in one.value for one in opened.app.dataframe)


def test_the_smallest_fix_by_weight_and_one_out_of_reach(screen):
    opened = screen("reweight").ready()
    find_fix(opened, 0.0, "weight")
    study = example_study()
    expected = smallest_fix(study, 0.0, "weight")
    assert not expected.reached
    assert sentences.fix_sentence(study, expected) in opened.words()
    shown = next(one.value for one in opened.app.dataframe if "direction" in one.value)
    assert len(shown) == min(expected.rows, 1000)
    find_fix(opened, 0.9)
    assert "nothing has to move" in opened.words()


def test_the_targets_first_value_is_the_reference_line(screen):
    opened = screen("reweight", {"reference_line": "0.07"}).ready()
    assert next(one for one in opened.app.number_input if one.label.endswith("of at most")).value == 0.07


def test_the_target_begins_anew_where_the_disparity_before_is_another(screen):
    def target():
        return next(one.value for one in opened.app.number_input if one.label.endswith("of at most"))

    opened = screen("reweight").ready()
    usual = round(example_study().baseline["validation"].values["equalized_odds_difference"] / 2, 3)
    assert target() == usual
    opened.app.session_state["choices"] = replace(
        opened.app.session_state["choices"], pool={"community": {"two": ("Birch", "Cedar")}}
    )
    opened.run()
    opened.click("card_run").ready()
    told = next(one.value for one in opened.app.caption if " now. Judged on" in one.value)
    assert target() == pytest.approx(float(told.split(" now")[0]) / 2, abs=1e-3) != usual


def test_looking_for_a_smallest_fix_can_be_cancelled(screen, monkeypatch):
    cancelled = threading.Event()

    def endless(result, target, by, *, stop_check, report):
        report(0.3)
        cancelled.wait(60)
        stop_check()

    monkeypatch.setattr("iffair_core.study.smallest_fix.smallest_fix", endless)
    opened = screen("reweight").ready()
    opened.click("find_fix")
    assert opened.app.button(key="find_fix").disabled
    assert "Looking for it" in opened.words() and finding(opened), "the study stays on the screen"
    opened.click("card_cancel")
    cancelled.set()
    opened.ready()
    assert "Moving" not in opened.words()
    assert not opened.app.button(key="find_fix").disabled


def test_a_search_that_fails_says_why(screen, monkeypatch):
    def refuse(*_, **__):
        raise ConfigError("These rows are too few. Bring more.")

    monkeypatch.setattr("iffair_core.study.smallest_fix.smallest_fix", refuse)
    opened = screen("reweight").ready()
    find_fix(opened)
    assert any("too few" in plain(error.value) for error in opened.app.error)


def test_the_feasible_range_names_the_limit_that_no_weights_pass():
    curve = example_study(max_weight=1.05).curve
    assert 0.5 < curve.limit < 0.5625
    said = repair._feasible(curve)
    assert said == f"Feasible: 0 to 0.5; no weights within the guard rails reach beyond {curve.limit:.2f}"
    assert repair._feasible(example_study(min_effective_sample_size=0.97).curve).endswith("beyond it is infeasible")
