"""Report: the preview follows the boxes, the files are the engine's, nothing of an older study is given away."""

from __future__ import annotations

import io
import json
import shlex

import pandas as pd
import pytest

from iffair_core.telling import files
from iffair_core.telling.report import ON_REQUEST, PART_TITLES
from pages.kit import preview
from pages.session import study_runs
from tests.engine.studies import run_script, without_seconds
from tests.pages.conftest import choose_people, upload


def html(opened):
    return "\n".join(str(element.proto.body) for element in opened.app.get("html"))


def buttons(opened):
    return {button.proto.label: button.proto for button in opened.app.get("download_button")}


@pytest.fixture
def report(screen):
    """The Report page on the example's finished study."""
    return screen("report").ready()


def test_the_preview_has_every_part_and_the_synthetic_note_and_there_are_files_for_people_and_machines(report):
    words = report.words()
    for part, title in PART_TITLES.items():
        assert (f"#### {title}" in words) == (part not in ON_REQUEST), "told once they have been asked for"
    keys = [box.key for box in report.app.checkbox]
    offered = [key.removeprefix("report_part_") for key in keys if key.startswith("report_part_")]
    assert offered == [part for part in PART_TITLES if part not in ON_REQUEST]
    assert f"Not in it yet: “{PART_TITLES['causes']}” joins once its three tabs on Influence" in words
    assert f"“{PART_TITLES['seeds']}” joins once Compare has run them." in words
    hidden = [one.value for popover in report.app.get("popover") for one in popover.caption]
    assert not any("Not in it yet" in value for value in hidden), "it is seen without a click"
    assert "Synthetic data" in words
    assert "Fairness study of example" in words
    assert "community; reference: Alder" in html(report)
    assert len(html(report)) < 200_000 and not report.app.get("iframe"), "no part of plotly.js is sent"
    offered = buttons(report)
    names = ["rows.csv", "rows.parquet", "curve.csv", "summary.json", "settings.json", "design.parquet", "model.skops"]
    assert list(offered) == ["Download the report (HTML)", *names, "reproduce.py"]
    assert not any(button.disabled for button in offered.values())


def test_parts_that_are_not_ticked_title_and_notes_shown_literally_survive_a_page_switch(report):
    report.app.checkbox(key="report_part_card").set_value(False)
    report.app.text_input(key="report_title").set_value("Board *meeting* <b>7</b>")
    report.set("text_area", "report_notes", "Agreed: wait.\n$5 [x](http://example.com)")
    assert "#### Model card" not in report.words() and "#### Data and groups" in report.words()
    report.go("learn").go("report")
    assert report.app.checkbox(key="report_part_card").value is False
    assert "#### Model card" not in report.words()
    assert "### Board *meeting* <b>7</b>" in report.words()
    assert r"\*meeting\*" in "\n".join(element.value for element in report.app.markdown)
    assert [text.value for text in report.app.text] == ["Agreed: wait.\n$5 [x](http://example.com)"]


def test_a_changed_choice_greys_the_page_and_keeps_the_old_files_back(report):
    report.go("data")
    report.set("number_input", "choice_seed", 5).go("report")
    assert any("before your last change" in warning.value for warning in report.app.warning)
    assert all(button.disabled for button in buttons(report).values())


def test_a_bad_upload_leaves_the_examples_report(report):
    upload(report.go("data"), "junk.csv", bytes(range(256)) * 40).go("report")
    assert "Fairness study of example" in report.ready().words()


def test_an_upload_is_told_once_it_is_studied_and_its_names_cannot_write_markup(screen, people_csv, tmp_path):
    nasty = people_csv.replace(b"Elm", b"<img src=x onerror=alert(1)>").replace(b"Oak", b"**Oak** $x$")
    opened = choose_people(upload(screen("data"), "a *b*.csv", nasty)).go("report")
    assert "has not been studied yet" in opened.words()
    assert not opened.app.get("download_button")
    opened.click("empty_run").ready()
    opened.put("report_view", "The same numbers again")
    (tmp_path / "a *b*.csv").write_bytes(nasty)
    run_script(next(code.value for code in opened.app.code if "FINGERPRINT" in code.value), tmp_path)
    result = opened.app.session_state[study_runs._OUTCOMES][0].result
    assert (tmp_path / "reproduced" / "rows.csv").read_bytes() == files.rows_csv(result)
    summary = (tmp_path / "reproduced" / "summary.json").read_bytes()
    assert without_seconds(summary) == without_seconds(files.summary_json(result))
    opened.put("report_view", "Preview")
    assert "<img" not in html(opened)
    assert "&lt;img src=x" in html(opened)
    assert r"a \*b\*\.csv" in "\n".join(element.value for element in opened.app.markdown)


def test_the_command_line_that_is_shown_runs_the_same_study(report, tmp_path, capsys):
    report.put("report_view", "The same numbers again")
    shown = next(code.value for code in report.app.code if code.value.startswith("python -m iffair_core"))
    words = shlex.split(shown)
    assert words[:4] == ["python", "-m", "iffair_core", "run"] and words[4] == "example"

    from iffair_core.__main__ import main

    words[words.index("--out") + 1] = str(tmp_path)
    assert main(words[3:]) == 0
    capsys.readouterr()
    result = study_runs.example_outcome().result
    again = json.loads((tmp_path / "summary.json").read_text())
    assert again["dataset"]["fingerprint"] == result.fingerprint
    assert again["strength"] == result.strength
    rows = pd.read_csv(io.BytesIO((tmp_path / "rows.csv").read_bytes()))
    weights = rows.loc[rows["split"] == "train", "weight"].to_numpy()
    assert (weights == result.weights).all()

    script = next(code.value for code in report.app.code if "FINGERPRINT" in code.value)
    run_script(script, tmp_path)
    for name in ("rows.csv", "curve.csv"):
        assert (tmp_path / "reproduced" / name).read_bytes() == (tmp_path / name).read_bytes()
    written = (where / "summary.json" for where in (tmp_path, tmp_path / "reproduced"))
    assert len({without_seconds(summary.read_bytes()) for summary in written}) == 1


def test_a_table_shows_what_it_is_given_literally(monkeypatch):
    drawn = []
    monkeypatch.setattr(preview.st, "html", drawn.append)
    preview.printed_table("<u>", [("a<b", False), ("n", True)], [("<script>", "1 & 2")])
    assert "&lt;u&gt;" in drawn[0] and "a&lt;b" in drawn[0] and "&lt;script&gt;" in drawn[0] and "1 &amp; 2" in drawn[0]
    assert "<script" not in drawn[0]
