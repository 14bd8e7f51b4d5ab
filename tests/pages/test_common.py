"""The helpers of the pages on their own: text from files, downloads, jobs, the address."""

from __future__ import annotations

import re
import threading

import numpy as np
import pandas as pd
import pytest

import iffair_core.study.run
from iffair_core.data.task_options import parse_cuts
from iffair_core.errors import Cancelled, ConfigError, IFFairError
from iffair_core.study import results
from iffair_core.telling.csv_writing import csv_bytes
from pages.kit import errors, text, words
from pages.session import study_runs
from pages.session.settings import preset
from pages.session.state import CurrentTable


@pytest.mark.parametrize("hostile", ["$x$", ":red[a]", ":material/home:", "[a](http://x)", "*b*", "`c`", "<b>", "# t"])
def test_text_of_a_file_is_shown_literally(hostile):
    marks = text.plain(hostile)
    for mark in "$:[]*`<>#":
        assert marks.replace(text.NOTHING, "").count(mark) == marks.count(f"\\{mark}")
    assert marks.replace("\\", "").replace(text.NOTHING, "") == hostile


@pytest.mark.parametrize(
    "hostile", ["www.a.org", "see HTTPS://a.org", "a@a.org", ":material/home:", ":streamlit:", "-> <- -- >= <= <-> ~="]
)
def test_what_streamlit_reads_after_escapes_is_taken_apart(hostile):
    """It looks for these in texts from which the escapes are gone; nothing shown ends a text."""
    read_later = r"https?:|www\.|\w@|:material|:streamlit|[-<>~][-=>]"
    assert re.search(read_later, hostile, re.IGNORECASE)
    parts = text.plain(f"x {hostile}").replace("\\", "").split(text.NOTHING)
    assert "".join(parts) == f"x {hostile}"
    assert not any(re.search(read_later, part, re.IGNORECASE) for part in parts)


def test_blanks_at_the_start_of_a_text_make_no_code_of_it():
    assert text.plain("    a\tb\r    c") == "a b     c"


def test_a_name_of_a_file_is_one_short_line():
    assert "\n" not in text.value("a\nb") and len(text.value("x" * 500)) == 40


def test_csv_downloads_escape_formulas_and_keep_numbers():
    frame = pd.DataFrame({"=head": ["=1+1", "+2", "-3.5", "@a", "\tb", "plain", None], "n": np.arange(7) - 3.25})
    lines = csv_bytes(frame).decode().splitlines()
    assert lines[0] == "'=head,n"
    assert [line.rsplit(",", 1)[0] for line in lines[1:]] == ["'=1+1", "+2", "-3.5", "'@a", "'\tb", "plain", ""]
    assert [float(line.rsplit(",", 1)[1]) for line in lines[1:]] == list(frame["n"])
    assert frame["=head"].iloc[0] == "=1+1"


def test_a_carriage_return_in_a_cell_begins_no_line_in_a_spreadsheet():
    written = csv_bytes(pd.DataFrame({"a\r=1": ["x\r=1+1", "\n=1", "＝1"], "n": [1, 2, 3]})).decode()
    assert written == '"a\r=1","n"\n"x\r=1+1",1\n"\'\n=1",2\n"\'＝1",3\n'


def test_every_word_that_cards_ask_for_has_a_help_text():
    for term in (*words.WORDS, *words.METRIC_HELP, *words.GOAL_HELP):
        assert words.word(term)
    with pytest.raises(KeyError):
        words.word("niceness")
    assert set(words.STAGE_TITLES) == {*results.STAGES, results.TRANSFER, "smallest fix"}


@pytest.mark.parametrize(
    ("written", "cuts"), [("", ()), ("25, 60", (25.0, 60.0)), (" 25;60 ", (25.0, 60.0)), ("-1.5", (-1.5,))]
)
def test_cut_points_as_people_write_them(written, cuts):
    assert parse_cuts(written) == cuts


@pytest.mark.parametrize("written", ["60, 25", "25, 25", "a", "25, nan", "inf"])
def test_cut_points_that_do_not_rise_are_refused(written):
    with pytest.raises(ValueError, match=r"."):
        parse_cuts(written)


def test_an_unexpected_error_is_named_without_its_details(caplog):
    told = errors.noted(ZeroDivisionError("secret /path"))
    assert "ZeroDivisionError" in str(told) and "secret" not in str(told)
    assert "secret /path" in caplog.text
    own = ConfigError("The seed is 'x'. Give a number.")
    assert errors.noted(own) is own


# ------------------------------------------------------------------------------------------------------------ jobs


class FakeStudy:
    """Stands in for the engine: reports, then waits until it is let go, then ends as told."""

    reported, go = threading.Event(), threading.Event()
    failure: Exception | None = None

    def __init__(self, frame, task, **options):
        self.options = options

    def run(self, progress, cancel, previous):
        progress("baseline", 0.25, "half")
        self.reported.set()
        self.go.wait(10)
        if cancel.is_set():
            raise Cancelled(partial="half")
        if self.failure is not None:
            raise self.failure
        return "whole"


@pytest.fixture
def job(monkeypatch):
    """A running job of the fake engine; `FakeStudy.go` lets it finish."""
    monkeypatch.setattr(FakeStudy, "reported", threading.Event())
    monkeypatch.setattr(FakeStudy, "go", threading.Event())
    monkeypatch.setattr(FakeStudy, "failure", None)
    monkeypatch.setattr(iffair_core.study.run, "Study", FakeStudy)
    current = CurrentTable("upload", "t", "t", pd.DataFrame({"a": [1]}), "f", synthetic=False)
    chosen = preset("example")
    task = chosen.task()
    assert task is not None

    def start(shared=False):
        begun = study_runs.study_job(study_runs.Order("f", chosen), current, task, shared=shared)
        assert FakeStudy.reported.wait(10)
        return begun

    return start


def test_a_job_tells_its_stage_its_partial_result_and_its_result(job):
    begun = job()
    assert (begun.doing, begun.fraction, begun.result, begun.version) == ("baseline", 0.25, "half", 1)
    assert begun.ended() is None
    FakeStudy.go.set()
    assert begun.ended(10) is not None
    assert begun.result == "whole" and not begun.cancelled


def test_a_cancelled_job_keeps_what_had_finished(job):
    begun = job()
    begun.stop()
    FakeStudy.go.set()
    assert begun.ended(10) is not None
    assert begun.cancelled and begun.result == "half" and begun.error is None


def test_a_shared_job_cannot_be_cancelled_by_a_visitor(job):
    begun = job(shared=True)
    begun.stop()
    assert not begun.stopping
    FakeStudy.go.set()
    assert begun.ended(10) is not None
    assert begun.result == "whole"


@pytest.mark.parametrize("failure", [IFFairError("It does not fit. Choose another."), ZeroDivisionError("x")])
def test_a_failed_job_keeps_its_error_and_what_had_finished(job, monkeypatch, failure):
    monkeypatch.setattr(FakeStudy, "failure", failure)
    begun = job()
    FakeStudy.go.set()
    assert begun.ended(10) is not None
    assert begun.error is failure and begun.result == "half"
