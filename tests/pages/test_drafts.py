"""Drafts: what a reload or a restarted server must not lose, and what must never be kept."""

from __future__ import annotations

import hashlib

import pytest

from iffair_core.errors import StoreError
from iffair_core.scenarios.store import Store, store
from pages.session import drafts
from tests.pages.conftest import choose_people, upload

SECRET = "0123456789abcdef" * 2
OTHERS = "f" * 32


@pytest.fixture
def browser(monkeypatch):
    """The cookie of the browser that sessions are opened in, None for one that was never here."""
    jar = {"cookie": SECRET}
    monkeypatch.setattr(drafts, "_cookie", lambda: jar["cookie"])
    return jar


def held(about, secret=SECRET):
    return store().draft(hashlib.sha256(secret.encode()).hexdigest(), about)


def keep_file(opened, *, keep=True):
    return opened.set("toggle", "draft_keep", keep)


def scripts(opened):
    return "".join(str(one.proto.body) for one in opened.app.get("html") if "document.cookie" in one.proto.body)


def test_an_upload_is_kept_only_where_the_visitor_says_so_and_comes_back_with_its_address(screen, browser, opened):
    assert held("") is None
    keep_file(opened)
    head, content = held(f"upload/{opened.query['file'][0]}")
    assert content.startswith(b"PAR1") and head["table"]["name"] == "people.csv"
    again = screen("data", opened.query)
    assert "400 rows" in again.words() and again.app.toggle(key="draft_keep").value
    assert again.query == opened.query
    browser["cookie"] = OTHERS
    assert "400 rows" not in screen("data", opened.query).words(), "another browser has another draft"
    browser["cookie"] = None
    assert "400 rows" not in screen("data", opened.query).words()
    browser["cookie"] = SECRET
    fresh = screen("data")
    fresh.set("segmented_control", "source_panel", "upload")
    fresh.click("draft_open")
    assert "400 rows" in fresh.words() and fresh.query == opened.query


def test_what_is_kept_is_dropped_by_the_switch_by_forgetting_and_by_cohort_only_mode(
    screen, people_csv, browser, opened
):
    about = f"upload/{opened.query['file'][0]}"
    keep_file(keep_file(opened), keep=False)
    assert held(about) is None
    keep_file(opened)
    opened.set("number_input", "choice_smallest_group", 5)
    assert held(about) is None and "draft_keep" not in opened.widgets("toggle")
    opened = keep_file(choose_people(upload(screen("data"), "people.csv", people_csv)))
    assert held(about) is not None
    for key in ("data_forget", "forget_confirm"):
        opened.click(key)
    assert held("") is None and "people.csv" not in opened.words() and "synthetic" in opened.words()


def test_a_file_is_not_forgotten_in_silence_where_its_draft_cannot_be_deleted(screen, people_csv, browser, monkeypatch):
    opened = keep_file(choose_people(upload(screen("data"), "people.csv", people_csv)))

    def fails(*_):
        raise StoreError("The database does not answer.")

    monkeypatch.setattr(Store, "drop_drafts", fails)
    for key in ("data_forget", "forget_confirm"):
        opened.click(key)
    assert "The database does not answer" in opened.words()
    assert held("upload/") is not None and "people" in opened.words()


def test_the_words_of_a_report_outlive_the_session_but_for_a_file_that_may_not_be_kept(screen, people_csv, browser):
    opened = screen("report").ready()
    opened.set("text_input", "report_title", "For <b>May</b>")
    assert scripts(opened) == ""
    again = screen("report").ready()
    assert again.app.text_input(key="report_title").value == "For <b>May</b>"
    again.go("data").go("report")
    assert again.app.text_input(key="report_title").value == "For <b>May</b>"
    other = choose_people(upload(screen("data"), "people.csv", people_csv))
    assert held("upload/") is None and other.query["source"] == ["upload"]


def test_a_browser_gets_its_cookie_with_the_first_thing_that_is_kept_and_no_sooner(screen, browser):
    browser["cookie"] = None
    opened = screen("report").ready()
    assert scripts(opened) == ""
    opened.set("text_input", "report_title", "Title")
    script = scripts(opened)
    assert "iffair_visitor=" in script and "SameSite=Strict" in script
    secret = script.partition("iffair_visitor=")[2][:32]
    assert held("example", secret)[0]["report_title"] == "Title"
    browser["cookie"] = "x'; alert(1)"
    assert "Title" not in str(screen("report").app.text_input(key="report_title").value)
