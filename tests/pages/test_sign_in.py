"""The door: who is let in, what closes it, and whose scenarios and drafts a session has."""

from __future__ import annotations

import time
from importlib.util import find_spec

import pytest
import streamlit as st
from streamlit import config
from streamlit.runtime.secrets import Secrets

from iffair_core.errors import shorten
from iffair_core.scenarios.people import NOBODY, person
from iffair_core.scenarios.store import GONE, store
from pages.session import drafts, sign_in, study_runs
from pages.shell import boot, gate
from tests.pages.test_scenarios import save, tab, table_with

AUTH = """[auth]
redirect_uri = "https://iffair.example/oauth2callback"
cookie_secret = "0123456789abcdef0123456789abcdef"
client_id = "iffair"
client_secret = "never shown"
server_metadata_url = "https://id.example/.well-known/openid-configuration"
"""
ISSUER = "https://id.example"
HOSTILE = "<b>Ada</b> $x$ :material/home: [l](http://x)"


@pytest.fixture
def secrets(monkeypatch, tmp_path):
    """`secrets(text)` writes Streamlit's secrets as `text`; there is no such file before."""
    file = tmp_path / "secrets.toml"
    before = config.get_option("secrets.files")
    config.set_option("secrets.files", [str(file)])
    monkeypatch.delenv(sign_in.SIGN_IN, raising=False)

    def write(text):
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        monkeypatch.setattr(st.secrets, "_secrets", None)

    monkeypatch.setattr(st.secrets, "_secrets", None)
    monkeypatch.setattr(Secrets, "_maybe_install_file_watchers", lambda _: None)
    yield write
    config.set_option("secrets.files", before)


@pytest.fixture
def nothing_begun(monkeypatch):
    """Fails where the app begins to work behind the closed door."""

    def begun():
        raise AssertionError("the app began to work")

    monkeypatch.setattr(study_runs, "warm", begun)


def signed_in(subject="1", name=HOSTILE, hours_ago=0.0, **more):
    issued = int(time.time() - hours_ago * 3600)
    return {"is_logged_in": True, "iss": ISSUER, "sub": subject, "iat": issued, "name": name} | more


def is_closed(opened):
    """Nothing of the app is on the screen: no page, no card, no link."""
    return not (opened.app.sidebar.children or opened.app.get("plotly_chart") or opened.app.dataframe)


def test_without_a_sign_in_there_is_one_card_and_nothing_of_the_app(screen, secrets, nothing_begun):
    secrets(AUTH)
    for page, query in (("baseline", {}), ("report", {"scenario": "0123456789ab"}), ("data", {"source": "upload"})):
        opened = screen(page, query, user={})
        assert is_closed(opened) and opened.widgets() == {"sign_in"}
        assert opened.words() == f"IFFair\n{sign_in.WELCOME}"
    assert [one.proto.body for one in opened.app.get("html")] and "too long" not in opened.words()
    assert "too long to be kept" in screen("data", {"pinned": "x" * 4_000}, user={}).words()


@pytest.mark.parametrize(
    ("user", "said"),
    [
        ({"is_logged_in": False}, sign_in.WELCOME),
        ({"is_logged_in": "yes", "iss": ISSUER, "sub": "1", "iat": 9e9}, sign_in.WELCOME),
        ({"email": "ada@id.example"}, sign_in.WELCOME),
        (signed_in(hours_ago=12.1), "Your sign-in is more than 12 hours old. Sign in again."),
        (signed_in(sub=""), "needs iss, sub and iat"),
        (signed_in(iat="yesterday"), "needs iss, sub and iat"),
        (signed_in(iss=None), "needs iss, sub and iat"),
    ],
)
def test_what_is_no_good_sign_in_opens_nothing(screen, secrets, nothing_begun, user, said):
    secrets(AUTH)
    opened = screen("baseline", user=user)
    assert is_closed(opened) and said in opened.words()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("auth = ['yes']", "need a section [auth]"),
        ("[auth\nclient_secret = 'never shown'", "secrets cannot be read"),
        (b"[auth]\nclient_secret = '\xff'", "secrets cannot be read"),
        (
            "[auth]\nclient_id = ''\ncookie_secret = 5",
            "lacks redirect_uri, cookie_secret, client_id, client_secret and",
        ),
        (AUTH.replace("oauth2callback", ""), "has to end in /oauth2callback"),
        (AUTH.replace("0123456789abcdef", "x"), "shorter than 32 characters"),
    ],
)
def test_a_fault_of_the_configuration_closes_the_door_and_says_what_to_mend(screen, secrets, nothing_begun, text, said):
    secrets(text)
    closed_for_all(screen, said)


@pytest.mark.parametrize("text", [None, "[other]\nname = 1"])
def test_where_a_sign_in_is_required_it_is_not_enough_that_nothing_is_configured(
    screen, secrets, monkeypatch, nothing_begun, text
):
    if text is not None:
        secrets(text)
    monkeypatch.setenv(sign_in.SIGN_IN, "required")
    names = "redirect_uri, cookie_secret, client_id, client_secret and server_metadata_url"
    closed_for_all(screen, f"need a section [auth] with {names}")


def closed_for_all(screen, said):
    opened = screen("baseline", user=signed_in())
    (error,) = opened.app.error
    assert is_closed(opened) and not opened.widgets() and error.title == "IFFair is closed"
    assert said in opened.words() and "never shown" not in opened.words()


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        (sign_in.SIGN_IN, "Required", "IFFAIR_SIGN_IN is 'Required'. Leave it out, or set it to 'required'."),
        (sign_in.HOURS, "soon", "IFFAIR_SIGN_IN_HOURS is 'soon'. Set it to a number of hours"),
        (sign_in.HOURS, "-1", "Set it to a number of hours"),
        (sign_in.HOURS, "nan", "Set it to a number of hours"),
    ],
)
def test_a_setting_that_means_nothing_closes_the_door(screen, secrets, monkeypatch, nothing_begun, name, given, said):
    secrets(AUTH)
    monkeypatch.setenv(name, given)
    opened = screen("baseline", user=signed_in())
    assert is_closed(opened) and said in opened.words()


def test_the_hours_of_a_sign_in_can_be_set_and_end_while_the_page_is_open(screen, secrets, monkeypatch):
    secrets(AUTH)
    monkeypatch.setenv(sign_in.HOURS, "48")
    opened = screen("learn", user=signed_in(hours_ago=47))
    assert "Sign out" in {one.label for one in opened.app.button}
    monkeypatch.setenv(sign_in.HOURS, "1")
    opened.run()
    assert is_closed(opened) and "more than 1 hour old" in opened.words()


def test_without_authlib_the_way_to_have_it_is_said(screen, secrets, monkeypatch, nothing_begun):
    secrets(AUTH)
    sign_in._is_installed.cache_clear()
    monkeypatch.setattr(sign_in, "find_spec", lambda name: None if name == "authlib" else find_spec(name))
    try:
        opened = screen("baseline", user=signed_in())
    finally:
        sign_in._is_installed.cache_clear()
    assert is_closed(opened) and "pip install -r requirements-sign-in.txt" in opened.words()


def test_where_no_sign_in_is_asked_for_nobody_owns_what_is_saved_and_nothing_speaks_of_a_team(screen, secrets):
    opened = save(screen("compare").ready(), "Ours")
    assert "sign_out" not in opened.widgets() and store(NOBODY).all()[0].name == "Ours"
    assert "owner" not in table_with(tab(opened), "note") and "scenario_rename" in opened.widgets()


def test_a_scenario_is_its_owners_until_it_is_shared_and_then_others_open_and_copy_it(screen, secrets):
    secrets(AUTH)
    ada, bo = signed_in("1"), signed_in("2", name="", email="bo@id.example")
    mine = save(screen("compare", {"strength": "0.25"}, user=ada).ready(), "Quarter")
    assert f"Signed in as] {shorten(HOSTILE, 40)}" in mine.words()
    (entry,) = store(person(ISSUER, "1", "")).all()
    assert (entry.by, entry.shared, store().all()) == (HOSTILE, False, [])

    # Before it is shared, it is for Bo like one that never was.
    for scenario in (entry.id, "0123456789ab"):
        refused = screen("reweight", {"scenario": scenario}, user=bo).ready()
        assert GONE in refused.words() and "Quarter" not in refused.words()
    assert "No study has been saved yet" in tab(screen("compare", user=bo).ready()).words()

    tab(mine).app.toggle(key=f"scenario_shared_{entry.id}_1").set_value(True)
    assert f"scenario={entry.id}" in mine.run().app.code[0].value and "strength=0.25" in mine.app.code[0].value
    other = tab(screen("compare", user=bo).ready())
    listed = table_with(other, "note")
    assert (list(listed["owner"]), list(listed["shared"])) == ([shorten(HOSTILE, 40)], ["yes"])
    assert not {"scenario_rename", "scenario_delete"} & other.widgets()
    assert not [key for key in other.widgets("toggle") if str(key).startswith("scenario_shared")]
    other.click("scenario_open").ready()
    assert f"by {shorten(HOSTILE, 40)}" in other.words() and other.query["strength"] == ["0.25"]
    other.app.session_state["scenario_save"] = True
    assert "scenario_over" not in other.run().widgets()
    save(other, "Mine")
    assert [one.name for one in store(person(ISSUER, "2", "")).all() if one.mine] == ["Mine"]

    tab(mine).app.toggle(key=f"scenario_shared_{entry.id}_2").set_value(False)
    mine.run()
    assert GONE in screen("reweight", {"scenario": entry.id}, user=bo).words()


def test_a_draft_is_of_whoever_signed_in_whatever_browser_it_is(screen, secrets, monkeypatch):
    secrets(AUTH)
    monkeypatch.setattr(drafts, "_cookie", lambda: "0123456789abcdef" * 2)
    opened = screen("report", user=signed_in("1")).ready()
    opened.set("text_input", "report_title", "For May")
    assert store().draft(person(ISSUER, "1", "").id, "example")[0]["report_title"] == "For May"
    assert not [one for one in opened.app.get("html") if drafts.COOKIE in one.proto.body]
    assert screen("report", user=signed_in("2")).ready().app.text_input(key="report_title").value == ""
    monkeypatch.setattr(drafts, "_cookie", lambda: None)
    assert screen("report", user=signed_in("1")).ready().app.text_input(key="report_title").value == "For May"


@pytest.mark.parametrize(
    ("link", "page", "query"),
    [
        ("/compare?beside=a&beside=b&strength=", "compare", {"beside": ["a", "b"], "strength": [""]}),
        ("/team/base/learn", "learn", {}),
        ("/?strength=0.25", boot.LANDING, {"strength": ["0.25"]}),
        ("//evil.example/[?embed=true&Embed_options=x", boot.LANDING, {}),
        ("/../../etc/passwd%00", boot.LANDING, {}),
        ("", boot.LANDING, {}),
    ],
)
def test_the_link_that_the_cookie_brings_is_a_page_of_the_app_and_nothing_else(link, page, query):
    assert gate.place_of(link) == (page, query)
