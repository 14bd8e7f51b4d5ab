"""The server's log: each event as a line of JSON with counts and kinds, and never a word of what visitors bring."""

from __future__ import annotations

import io
import json
import logging

import pytest

from iffair_core.errors import TableError
from iffair_core.scenarios.store import store
from pages.kit import errors
from pages.session import log
from tests.pages.conftest import upload
from tests.pages.test_scenarios import save

SECRET = "Kr4ken"
OUTCOME, GROUP, FEATURE = f"{SECRET} outcome", f'{SECRET}\n{{"level": "forged"}}', f"<b>{SECRET}</b> =1+1"


@pytest.fixture
def lines(monkeypatch):
    """The lines that IFFAIR_LOG=json writes, read; everything of the logging set back at the end."""
    text, handler = io.StringIO(), logging.StreamHandler()
    handler.setStream(text)
    monkeypatch.setenv(log.FORMAT, "json")
    monkeypatch.setattr(log.LOG, "handlers", [handler])
    monkeypatch.setattr(log.LOG, "propagate", False)
    before = log.LOG.level
    log.LOG.setLevel(logging.INFO)
    others = {
        one: one.formatter
        for logger in logging.root.manager.loggerDict.values()
        if isinstance(logger, logging.Logger)
        for one in logger.handlers
    }
    log.set_up()
    yield lambda: [json.loads(line) for line in text.getvalue().splitlines()]
    for one, formatter in others.items():
        one.setFormatter(formatter)
    log.LOG.setLevel(before)


def hostile_file() -> bytes:
    rows = [[OUTCOME, GROUP, FEATURE]]
    rows += [
        [f"{SECRET} {'yes' if i % 7 > (i % 3 == 0) else 'no'}", f"{SECRET} {i % 3}", str(i % 41)] for i in range(300)
    ]
    quoted = (",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows)
    return "\n".join(quoted).encode()


def test_a_visit_is_logged_without_a_name_a_value_a_file_or_a_scenario(screen, lines):
    opened = upload(screen("data"), f"{SECRET}.csv", b"%PDF-1.7 " + SECRET.encode())
    upload(opened, f"{SECRET} 2.csv", hostile_file())
    names = [name for name in opened.app.session_state["uploaded_table"].columns if name != OUTCOME]
    opened.set("selectbox", "choice_target", OUTCOME)
    opened.set("selectbox", "choice_favorable", f"{SECRET} yes")
    opened.set("multiselect", "choice_sensitive", names[:1])
    opened.click("card_run").ready()
    save(opened.go("report"), f"{SECRET} scenario")
    told = lines()
    assert SECRET.lower() not in json.dumps(told).lower()
    assert [line["event"] for line in told if line["event"] != "message" and "session" in line] == [
        "upload_refused",
        "upload_read",
        "study_started",
        "study_ended",
        "scenario_saved",
    ]
    refused, read, started, ended, saved = (line for line in told if "session" in line)
    assert refused["kind"] == "TableError" and "places" not in refused
    assert (read["rows"], read["columns"]) == (300, 3) and read["bytes"] == len(hostile_file())
    assert ended["work"] == started["work"] == "study" and ended["rows"] == 300 and ended["seconds"] > 0
    assert len({line["session"] for line in (refused, read, started, ended, saved)}) == 1
    assert all(line["level"] == "info" and line["time"].endswith("+00:00") for line in told)
    assert store().all()[0].id not in json.dumps(told)


def test_an_error_is_logged_by_its_kind_and_place_and_never_by_its_text(lines):
    try:
        raise KeyError(SECRET)
    except KeyError as error:
        assert SECRET not in str(errors.noted(error))
    logging.getLogger("streamlit").error("quotes %s", SECRET)
    log.event("upload_refused", error=TableError(SECRET))
    unexpected, refused = lines()
    assert unexpected["level"] == "error" and unexpected["event"] == "unexpected_error"
    assert unexpected["kind"] == "KeyError" and "test_log.py" in unexpected["places"][0]
    assert refused == {"time": refused["time"], "level": "info", "event": "upload_refused", "kind": "TableError"}


def test_other_programs_lines_are_json_too_and_say_only_where_they_come_from(lines):
    other, text = logging.getLogger("streamlit.of_a_test"), io.StringIO()
    handler = logging.StreamHandler(text)
    other.addHandler(handler)
    log.set_up()
    try:
        raise ValueError(SECRET)
    except ValueError:
        other.exception("a cell: %s", SECRET)
    told = json.loads(text.getvalue())
    assert SECRET not in text.getvalue()
    assert told["kind"] == "ValueError" and told["place"].startswith("test_log.py:") and told["level"] == "error"
    other.removeHandler(handler)


def test_a_download_is_logged_where_it_is_made(lines):
    make = log.downloaded("rows.csv", lambda: SECRET)
    assert lines() == []
    assert make() == SECRET
    (line,) = lines()
    assert line["event"] == "file_downloaded" and line["file"] == "rows.csv" and len(line["session"]) == 8


def test_an_unknown_way_of_logging_is_refused_with_what_to_give():
    with pytest.raises(ValueError, match="IFFAIR_LOG is 'xml'; give json or text"):
        log.set_up({log.FORMAT: "xml"})
