"""Choices against addresses that come late: a busy server must not take back what the user has chosen."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import streamlit as st

from iffair_core import Cancelled, Study
from iffair_core.study.config import StudyConfig
from pages.session import state
from pages.session.address import from_query, to_query
from pages.session.settings import variants_of
from pages.shell import boot
from tests.pages.conftest import upload


@pytest.fixture(autouse=True)
def slow_engine(monkeypatch):
    """Studies of other choices than the example's are never finished: what an address does needs none of them."""
    run = Study.run

    def only_the_examples(study, *given, **named):
        if study.config == StudyConfig():
            return run(study, *given, **named)
        raise Cancelled

    monkeypatch.setattr(Study, "run", only_the_examples)


def test_a_widget_used_before_the_browser_knew_the_last_address_keeps_both_choices(screen, people_csv):
    opened = upload(screen("data"), "people.csv", people_csv)
    late = opened.query
    opened.set("selectbox", "choice_target", "hired")
    opened.app.selectbox(key="choice_favorable").set_value("yes")
    opened.app.query_params.clear()
    for name, value in late.items():
        opened.app.query_params[name] = value
    opened.run()
    assert opened.query["target"] == ["hired"] and opened.query["favorable"] == ["yes"]


def test_an_address_that_was_opened_still_replaces_the_choices(opened):
    opened.app.query_params.clear()
    opened.app.query_params["seed"] = "3"
    opened.run()
    assert opened.query == {"seed": ["3"]}
    assert opened.app.number_input(key="choice_seed").value == 3


def test_the_polling_of_a_study_does_not_open_the_address_from_before_the_last_choice(screen, monkeypatch):
    opened = screen("data", {"seed": "3"})
    before = opened.query
    opened.set("number_input", "choice_seed", 5)
    # The fragment was asked for with the address from before, and runs the page again.
    with monkeypatch.context() as patched:
        patched.setattr(st, "rerun", lambda: None)
        patched.setattr(st, "session_state", opened.app.session_state)
        patched.setattr(boot, "query", lambda: before)
        state.rerun()
    opened.app.query_params["seed"] = before["seed"]
    opened.run()
    assert opened.app.number_input(key="choice_seed").value == 5


def test_going_back_while_a_study_is_polled_opens_the_address_gone_back_to(screen, monkeypatch):
    opened = screen("data", {"seed": "3"})
    opened.set("number_input", "choice_seed", 5)
    with monkeypatch.context() as patched:
        patched.setattr(st, "rerun", lambda: None)
        patched.setattr(st, "session_state", opened.app.session_state)
        patched.setattr(boot, "query", lambda: {"seed": ["5"]})
        state.rerun()
    opened.app.query_params["seed"] = "3"
    opened.run()
    assert opened.app.number_input(key="choice_seed").value == 3


def test_polling_of_the_page_before_does_not_bring_it_back(screen, monkeypatch):
    opened = screen("learn")
    gone_to: list[str] = []
    monkeypatch.setattr(st, "rerun", lambda: gone_to.append("the page that the browser asked for"))
    monkeypatch.setattr(boot, "go", gone_to.append)
    monkeypatch.setattr(st, "session_state", opened.app.session_state)
    for page in ("learn", "data"):
        monkeypatch.setattr(st, "context", SimpleNamespace(url=f"http://127.0.0.1:8501/{page}"))
        state.rerun()
    # On the screen neither of the two ways returns.
    assert gone_to[:2] == ["the page that the browser asked for", "learn"]


def test_a_link_chooses_the_model_and_its_variants(screen):
    opened = screen("data", {"model": "mlp"})
    assert opened.query == {"model": ["mlp"]}
    assert "Neural network" in opened.words()
    assert from_query({"model": ["mlp"]})[0].options()["model"] == "mlp"
    choices, problems = from_query({"model": ["mlp"], "variant": ["efficient"]})
    assert (choices.variant, len(problems)) == ("diverse", 1)
    assert set(variants_of("logistic")) - set(variants_of("mlp")) == {"efficient"}
    assert from_query(to_query(choices))[0] == choices


def test_choosing_a_network_gives_up_the_variant_it_has_not(screen):
    opened = screen("data", {"variant": "efficient"})
    opened.set("segmented_control", "choice_model", "mlp")
    assert opened.query == {"model": ["mlp"]}


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ({"goal": ["demographic_parity"]}, "'goal' (did you mean 'metric'?)"),
        ({"Seed": ["3"]}, "'Seed' (did you mean 'seed'?)"),
        ({"pin": ["community=Birch"]}, "'pin' (did you mean 'pinned'?)"),
        ({"utm_campaign\n": ["x"], "seed": ["3"]}, "'utm_campaign\\n', which"),
        ({f"k{i}": [""] for i in range(99)}, "and 91 more"),
        ({"source": ["example", "adult"]}, "more than one source"),
        ({"file": ["0123"]}, "no uploaded file"),
        ({"source": ["adult"], "reading": ["sheet:2"]}, "no uploaded file"),
    ],
)
def test_what_a_link_has_beyond_the_choices_is_said_in_one_sentence(query, says):
    choices, problems = from_query(query)
    assert len(problems) == 1 and says in problems[0]
    assert from_query(to_query(choices)) == (choices, [])


def test_the_page_says_what_in_its_link_was_not_understood(screen):
    opened = screen("data", {"goal": "demographic_parity", "seed": "3"})
    assert "did you mean 'metric'?" in opened.words() and opened.query == {"seed": ["3"]}
    opened.run()
    assert "did you mean 'metric'?" in opened.words()
