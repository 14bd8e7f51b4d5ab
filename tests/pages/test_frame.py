"""The frame without a browser: pages, choices, links, uploads, running, cancelling."""

from __future__ import annotations

import threading
import tomllib
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest, app_test

from iffair_core.study.results import Baseline, GoalScores, Influence
from pages.session.address import from_query, to_query
from pages.session.settings import Choices, differences, preset
from pages.shell.boot import PLACES
from tests.engine.studies import example_study
from tests.pages.conftest import choose_people, upload

ROOT = Path(__file__).resolve().parents[2]
NAMES = [place.name for place in PLACES]


@pytest.mark.parametrize("name", NAMES)
def test_every_page_answers_its_question_on_the_example_and_the_study_card_says_the_same(screen, name):
    opened = screen(name)
    assert opened.app.title[0].value == next(place.question for place in PLACES if place.name == name)
    words = opened.words()
    for part in ("example", "synthetic", "decision = granted", "3 groups against Alder", "Equalized odds", "Diverse"):
        assert part in words


def test_the_card_takes_what_a_running_study_has_found_so_far(screen, monkeypatch):
    whole, reported, going = example_study(), threading.Event(), threading.Event()
    halfway = replace(whole, records={kind: whole.records[kind] for kind in (Baseline, Influence, GoalScores)})

    class Halfway:
        def __init__(self, *_: object, **__: object) -> None: ...

        def run(self, progress, **_: object):
            progress("curve", 0.3, halfway)
            reported.set()
            going.wait(60)
            return whole

    opened = screen("data").ready()
    opened.set("number_input", "choice_seed", 3)
    monkeypatch.setattr("iffair_core.study.run.Study", Halfway)
    opened.click("card_run")
    assert reported.wait(60)
    opened.run()
    assert not opened.app.error and opened.query == {"seed": ["3"]}
    assert "recommended" in opened.words() and "0.5625" not in opened.words()
    going.set()
    opened.ready()


@pytest.mark.parametrize("name", NAMES)
def test_a_page_that_runs_without_the_frame_fetches_it(monkeypatch, name):
    monkeypatch.setattr(app_test, "PagesManager", PagesManager)
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    app.switch_page(f"pages/{name}.py").run()
    app.run()
    assert not app.exception and not app.error
    assert any("synthetic" in text.value for text in app.sidebar.markdown)


def test_choices_survive_page_switches_and_stay_in_the_address(screen):
    opened = screen("data")
    opened.set("number_input", "choice_seed", 7)
    assert opened.query["seed"] == ["7"]
    opened.go("learn")
    assert opened.query["seed"] == ["7"]
    opened.go("data")
    assert opened.app.number_input(key="choice_seed").value == 7


def test_a_link_restores_the_choices(screen):
    opened = screen("data", {"sensitive": ["age"], "bins": "age:30,50", "reference": ">= 50", "drop": ["district"]})
    assert opened.app.multiselect(key="choice_sensitive").value == ["age"]
    assert opened.app.multiselect(key="choice_drop").value == ["district"]
    assert opened.app.text_input(key="cuts_age").value == "30, 50"
    assert opened.app.selectbox(key="choice_reference").value == ">= 50"


def test_a_link_with_unusable_parts_says_so_and_opens(screen):
    opened = screen("data", {"metric": "niceness", "strength": "7", "seed": "3"})
    warnings = " ".join(warning.value for warning in opened.app.warning)
    assert "niceness" in warnings and "'7'" in warnings
    assert opened.app.number_input(key="choice_seed").value == 3


def test_what_a_link_says_is_shown_literally(screen):
    opened = screen("baseline", {"metric": "[x](http://e) $y$ :red[z]"})
    assert opened.app.warning[0].value.count("\\[x\\]\\(http") == 1


def test_a_link_that_names_a_missing_column_says_what_to_do(screen):
    opened = screen("data", {"target": "decisoin"})
    assert any("Did you mean" in error.value for error in opened.app.error)


def test_an_empty_link_is_the_example():
    assert from_query({}) == (preset("example"), [])


def test_taking_back_the_presets_groups_is_part_of_the_link():
    emptied = preset("example").with_sensitive((), {})
    assert to_query(emptied) == {"sensitive": [""]}
    assert from_query(to_query(emptied)) == (emptied, [])


def test_differences_are_said_in_words():
    old = preset("example")
    new = Choices(**{**old.__dict__, "goal": "demographic_parity", "strength": 0.5})
    assert differences(old, new) == [
        "goal (Equalized odds to Demographic parity)",
        "strength (recommended to 0.5)",
    ]
    assert differences(old, old) == []


def test_a_new_outcome_asks_for_its_favorable_value_and_stops_being_a_group():
    chosen = preset("example").with_target("community")
    assert (chosen.favorable, chosen.sensitive, chosen.target) == (None, (), "community")
    assert not chosen.complete


# --------------------------------------------------------------------------------------------------------- uploads


def test_an_upload_is_shown_and_asks_for_its_choices(screen, people_csv):
    opened = upload(screen("data"), "people.csv", people_csv)
    assert "people" in opened.words() and "400 rows" in opened.words()
    assert "synthetic" not in opened.words()
    assert opened.app.selectbox(key="choice_target").value is None
    choose_people(opened)
    assert "400 rows; " in opened.words() and "clan, 3 groups" in opened.words()
    assert opened.query["source"] == ["upload"]


@pytest.mark.parametrize(
    ("name", "content"), [("empty.csv", b""), ("junk.csv", bytes(range(256)) * 40), ("head.csv", b"years,clan,hired\n")]
)
def test_a_bad_upload_is_said_and_keeps_table_and_choices(name, content, opened):
    before = opened.query
    opened.give(name, content)
    assert [error for error in opened.app.error if "The file was not taken" in str(error.proto)]
    assert "400 rows; " in opened.words() and "clan, 3 groups" in opened.words()
    assert opened.query == before


def test_going_back_to_the_example_and_again_to_the_upload_keeps_both(opened):
    opened.set("segmented_control", "source_panel", "example")
    assert "10,000 rows; " in opened.words() and opened.query == {}
    opened.set("segmented_control", "source_panel", "upload")
    assert "400 rows; " in opened.words() and "clan, 3 groups" in opened.words()


def test_a_link_with_an_uploads_choices_works_once_the_file_is_given(screen, people_csv):
    link = choose_people(upload(screen("data"), "people.csv", people_csv)).query
    opened = screen("data", link)
    assert "Give the same file" in opened.words()
    opened.give("renamed.csv", people_csv)
    assert "400 rows; " in opened.words() and "clan, 3 groups" in opened.words()
    assert not opened.app.warning
    assert opened.query == link


def test_a_link_says_when_the_file_is_another_version(screen, people_csv):
    link = choose_people(upload(screen("data"), "people.csv", people_csv)).query
    opened = screen("data", link)
    opened.give("people.csv", people_csv.replace(b"North", b"Nord"))
    assert any("another version" in warning.value for warning in opened.app.warning)
    assert "400 rows; " in opened.words() and "clan, 3 groups" in opened.words()


def test_a_table_without_a_chosen_column_says_so_and_keeps_the_other_choices(people_csv, opened):
    opened.set("multiselect", "choice_drop", ["town"])
    opened.give("other.csv", people_csv.replace(b"hired", b"<i>taken", 1))
    assert any("no column 'hired', which was the outcome" in warning.value for warning in opened.app.warning)
    assert "clan" in opened.query["sensitive"] and opened.query["drop"] == ["town"] and "target" not in opened.query
    opened.give("people.csv", people_csv)
    assert not opened.app.warning


def test_a_link_that_names_a_column_the_file_lacks_says_so(screen, people_csv):
    opened = screen("data", {"source": "upload", "target": "hired", "favorable": "yes", "sensitive": ["clan", "nope"]})
    opened.give("people.csv", people_csv)
    assert any("no column 'nope', which was a sensitive attribute" in one.value for one in opened.app.warning)
    assert opened.query["sensitive"] == ["clan"] and opened.query["favorable"] == ["yes"]


def test_a_number_as_sensitive_attribute_is_cut_into_bins(opened):
    opened.set("multiselect", "choice_sensitive", ["years"])
    assert opened.app.text_input(key="cuts_years").value == "10, 20, 30"
    opened.set("text_input", "cuts_years", "5, x")
    assert any("rising numbers" in error.value for error in opened.app.error)
    assert opened.query["bins"] == ["years:10,20,30"]
    opened.set("text_input", "cuts_years", "15")
    assert opened.query["bins"] == ["years:15"]
    assert "years, 2 groups" in opened.words()


# --------------------------------------------------------------------------------------------------------- running


def test_the_examples_study_finishes_by_itself(screen):
    opened = screen("baseline").ready()
    assert "Strength" in opened.words() and "recommended]" in opened.words()


def test_a_study_that_cannot_be_finished_says_why_where_it_was_started(screen, people_csv):
    opened = choose_people(upload(screen("data"), "few.csv", b"\n".join(people_csv.splitlines()[:31])))
    opened.click("data_run").until(lambda now: "not finished" in "".join(str(one.proto) for one in now.app.markdown))
    assert any("Only 30 rows have an outcome" in error.value for error in opened.app.error)


@pytest.mark.parametrize("name", ["baseline", "reweight", "compare", "report"])
def test_pages_without_a_table_lead_to_data(screen, name):
    opened = screen(name, {"source": "upload", "target": "hired"})
    assert "choose a table" in opened.words()
    assert not opened.app.get("plotly_chart") and not opened.app.selectbox


def test_garbage_is_collected_now_and_then_and_not_after_every_run(screen):
    screen("learn")
    assert not tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text("utf-8"))["runner"]["postScriptGC"]
    screen("learn")
    assert [thread.name for thread in threading.enumerate()].count("garbage") == 1
    if "jemalloc" in pa.supported_memory_backends():
        assert pa.default_memory_pool().backend_name == "jemalloc", "another keeps what ended sessions held"
