"""Choices against addresses that come late: a busy server must not take back what the user has chosen."""

from __future__ import annotations

from tests.pages.test_frame import choose_people, upload


def test_a_widget_used_before_the_browser_knew_the_last_address_keeps_both_choices(screen, people_csv):
    opened = upload(screen("data"), "people.csv", people_csv)
    late = opened.query
    opened.app.selectbox(key="choice_target").set_value("hired")
    opened.run()
    opened.app.selectbox(key="choice_favorable").set_value("yes")
    opened.app.query_params.clear()
    for name, value in late.items():
        opened.app.query_params[name] = value
    opened.run()
    assert opened.query["target"] == ["hired"] and opened.query["favorable"] == ["yes"]


def test_an_address_that_was_opened_still_replaces_the_choices(screen, people_csv):
    opened = choose_people(upload(screen("data"), "people.csv", people_csv))
    opened.app.query_params.clear()
    opened.app.query_params["seed"] = "3"
    opened.run()
    assert opened.query == {"seed": ["3"]}
    assert opened.app.number_input(key="choice_seed").value == 3
