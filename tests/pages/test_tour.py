"""The guided tour on every page, and the curve for a projector, without a browser."""

from __future__ import annotations

import pytest

from iffair_core.telling.sentences import repair_sentence
from iffair_core.telling.tour import STEPS, tour_sentence
from pages.session.settings import Choices, study_part
from pages.shell.boot import LANDING, PLACES
from tests.engine.studies import example_study


def test_the_tour_visits_every_page_in_the_order_of_the_navigation():
    assert [step.page for step in STEPS] == [place.name for place in PLACES]


@pytest.mark.parametrize("at", range(len(STEPS)))
def test_a_shared_step_says_its_sentence_and_leads_on(screen, at):
    page = STEPS[at].page
    opened = screen(page, {"tour": "yes"}).ready()
    words = opened.words()
    assert f"Tour, step {at + 1} of {len(STEPS)}" in words
    assert str(tour_sentence(STEPS[at], example_study())) in words
    assert "You are looking at the synthetic example" not in words
    keys = opened.widgets()
    assert ("tour_back" in keys, "tour_next" in keys) == (at > 0, at < len(STEPS) - 1)
    assert opened.query == {"tour": ["yes"]}
    if at < len(STEPS) - 1:
        opened.click("tour_next")
        assert f"Tour, step {at + 2} of {len(STEPS)}" in opened.words()
        assert opened.query == {"tour": ["yes"]}


def test_it_begins_on_the_landing_page_and_ends_where_the_visitor_is(screen):
    opened = screen(LANDING).ready()
    opened.click("tour_begin")
    assert "Tour, step 1 of 7: Data" in opened.words()
    opened.go("learn")
    assert "Tour, step 7 of 7: Learn" in opened.words()
    opened.click("tour_end")
    assert opened.app.title[0].value == PLACES[-1].question
    assert "Tour, step" not in opened.words() and opened.query == {}


def test_figures_from_before_a_change_are_said_to_be(screen):
    opened = screen("data", {"tour": "yes"}).ready()
    opened.set("number_input", "choice_seed", 9)
    assert "Before your last change:" in opened.words()


def test_no_study_depends_on_what_a_presenter_switches_on():
    assert study_part(Choices(tour=True, stage=True)) == Choices()


def test_the_stage_shows_the_curve_its_sentence_and_moves_along_it(screen):
    opened = screen("reweight", {"stage": "yes"}).until(lambda now: not now.app.title)
    assert repair_sentence(example_study()) in opened.words()
    assert not opened.app.select_slider
    opened.click("stage_stronger")
    assert opened.query == {"strength": ["0.625"], "stage": ["yes"]}
    assert repair_sentence(example_study(strength=0.625)) in opened.words()
    opened.click("stage_recommended")
    opened.click("stage_weaker")
    assert opened.query["strength"] == ["0.5"]
    opened.click("stage_close")
    assert opened.app.title and opened.query == {"strength": ["0.5"]}
    opened.click("stage_open")
    assert opened.query["stage"] == ["yes"] and not opened.app.title


def test_at_the_ends_of_the_curve_there_is_no_further(screen):
    opened = screen("reweight", {"stage": "yes", "strength": "0"}).until(lambda now: not now.app.title)
    assert opened.app.button(key="stage_weaker").disabled
    opened = screen("reweight", {"stage": "yes", "strength": "1.25"}).until(lambda now: not now.app.title)
    assert opened.app.button(key="stage_stronger").disabled
