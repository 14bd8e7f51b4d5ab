"""Laws of the report: it stands alone, shows the file's texts literally, and says how to get the same numbers again."""

from __future__ import annotations

import base64
import html
import json
import re
import shlex
import zlib
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plotly.offline import get_plotlyjs

from iffair_core import ConfigError, Study
from iffair_core.__main__ import main
from iffair_core.telling import files
from iffair_core.telling.plotly_js import without_unused
from iffair_core.telling.report import PART_TITLES, command_line, parts_of, report_html, reproduce_script
from iffair_core.telling.sentences import baseline_sentence, repair_sentence
from tests.engine.studies import hostile_study, hostile_table, plain_study, plain_table, run_script, without_seconds


class Page(HTMLParser):
    """Elements with their attributes, and the text outside scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.scripts: list[str] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts.append(data)
        elif self._inside != "style":
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


@pytest.fixture(scope="module")
def plain() -> Page:
    return Page(report_html(plain_study()))


@pytest.fixture(scope="module")
def hostile_text() -> str:
    return report_html(hostile_study(), title="<i>title</i>", notes="</p><script>alert(2)</script>\nline two")


@pytest.mark.parametrize("which", ["plain", "hostile_text"])
def test_nothing_is_loaded_from_anywhere(which: str, request: pytest.FixtureRequest) -> None:
    page = request.getfixturevalue(which)
    page = page if isinstance(page, Page) else Page(page)
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"link", "img", "iframe", "object", "embed", "base", "form", "a", "i", "b"}
    for _, attributes in page.elements:
        assert not set(attributes) & {"src", "href", "srcset", "data", "onload", "onerror"}
    policy = next(a["content"] for tag, a in page.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy is not None
    assert "default-src 'none'" in policy
    assert "http" not in policy


def test_plotly_is_inlined_once_and_cannot_send_the_data_away(plain: Page) -> None:
    assert sum(len(script) > 1_000_000 for script in plain.scripts) == 1
    drawn = [script for script in plain.scripts if script.startswith("drawings.push")]
    assert drawn
    for script in drawn:
        assert '"showSendToCloud": false' in script
        assert '"displaylogo": false' in script
        assert '"plotlyServerURL": ""' in script
    ids = [attributes["id"] for tag, attributes in plain.elements if attributes.get("role") == "img"]
    assert len(ids) == len(set(ids)) == len(drawn)
    assert all(attributes["aria-label"] for _, attributes in plain.elements if attributes.get("role") == "img")


def test_the_report_is_smaller_than_two_megabytes_and_unpacks_to_plotly(plain: Page) -> None:
    assert len(report_html(plain_study()).encode()) < 2_000_000
    packed = next(script for script in plain.scripts if len(script) > 1_000_000)
    script = zlib.decompress(base64.b64decode(packed)).decode()
    whole = get_plotlyjs()
    assert script == without_unused(whole) and len(whole) - len(script) > 900_000
    assert "* plotly.js v" in script and "window.Plotly = Plotly" in script


def test_a_plotly_that_is_built_otherwise_is_left_alone() -> None:
    other = "var Plotly={newPlot(){}};" * 10
    assert without_unused(other) == other
    module = 'var a=W((b,c)=>{"use strict";c.exports=\'text\'});var d=W((e,f)=>{"use strict";f.exports=1});'
    assert without_unused(module) == (
        'var a=W((b,c)=>{c.exports=new Proxy(()=>{},{get:()=>c.exports})});var d=W((e,f)=>{"use strict";f.exports=1});'
    )


def test_texts_of_the_file_and_of_the_user_are_shown_and_never_run(hostile_text: str) -> None:
    page = Page(hostile_text)
    assert "alert(1)" in page.text
    assert "{{7*7}}" in page.text
    assert "<i>title</i>" in page.text
    assert "</p><script>alert(2)</script> line two" in page.text
    for script in page.scripts:
        if len(script) < 1_000_000:
            assert "<" not in script.replace("narrower than", "")
    assert not any(script.startswith("alert") for script in page.scripts)


def test_the_finding_comes_first_with_its_uncertainty(plain: Page) -> None:
    result = plain_study()
    text = plain.text
    assert baseline_sentence(result) in text
    assert re.search(r"\(95 ?% −?[\d.]+ to −?[\d.]+\)", baseline_sentence(result))
    assert repair_sentence(result) in text
    places = [
        text.index(baseline_sentence(result)),
        *(text.index(PART_TITLES[part]) for part in parts_of(result)),
    ]
    assert places == sorted(places)
    assert "Fidelity: " + result.fidelity.level in text


def test_before_and_after_carry_intervals_and_the_paired_change(plain: Page) -> None:
    result = plain_study()
    before, after = result.baseline["test"], result.after["test"]
    low, high = before.intervals["accuracy"]
    assert f"{before.values['accuracy']:.3f} ({low:.3f} to {high:.3f})" in plain.text
    low, high = after.intervals["roc_auc"]
    assert f"{after.values['roc_auc']:.3f} ({low:.3f} to {high:.3f})" in plain.text
    change = result.difference["test"]["log_loss"]
    assert f"{change.value:+.3f}".replace("-", "−") in plain.text
    assert "○" in plain.text
    assert "●" in plain.text


def test_synthetic_is_said_where_it_is_and_not_where_it_is_not(plain: Page) -> None:
    assert "ynthetic" not in plain.text
    example = report_html(replace(plain_study(), synthetic=True), parts=())
    assert "Synthetic data" in Page(example).text


def test_honesty_is_in_the_report(plain: Page) -> None:
    for word in ("our own", "2512.07249", "not available to us", "hold the fitted model fixed", "not a verdict"):
        assert word in plain.text
    for verdict in ("biased", "compliant", "discriminat"):
        assert verdict not in plain.text.lower()


def test_parts_are_chosen_and_a_report_without_pictures_is_small() -> None:
    page = report_html(plain_study(), parts=("limits", "reproduce"))
    assert len(page) < 40_000
    found = [attributes["id"] for tag, attributes in Page(page).elements if tag == "section"]
    assert found == ["limits", "reproduce"]
    assert baseline_sentence(plain_study()) in Page(page).text
    with pytest.raises(ConfigError, match="no report part nonsense"):
        report_html(plain_study(), parts=("nonsense",))
    with pytest.raises(ConfigError, match="Theme"):
        report_html(plain_study(), theme="sepia")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="not finished"):
        report_html(replace(plain_study(), timing={}))


def test_themes_differ_and_declare_themselves() -> None:
    dark = report_html(plain_study(), theme="dark", parts=("data",))
    assert '<html lang="en" class="dark">' in dark
    assert "color-scheme: dark" in dark


def test_infeasible_and_not_estimable_are_said() -> None:
    table = plain_table()
    table.loc[table["g"] == "B", "y"] = 0
    task = plain_study().dataset.task.task
    result = Study(table, task, metric="demographic_parity", max_weight=1.05, name="sparse").run()
    page = Page(report_html(result)).text
    assert "not estimable (0 rows)" in page
    assert any(not point.feasible for point in result.curve.points)
    assert "infeasible" in page


@pytest.mark.parametrize(("study", "read"), [(plain_study, plain_table), (hostile_study, hostile_table)])
def test_the_printed_code_runs_and_gives_the_same_study(
    study: Any, read: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    result = study()
    monkeypatch.chdir(tmp_path)
    read().to_csv(result.name, index=False)
    shown = Page(report_html(result, parts=("reproduce",))).text
    assert result.fingerprint in shown

    run_script(reproduce_script(result, f"some/where/{result.name}"), tmp_path)
    assert (tmp_path / "reproduced" / "rows.csv").read_bytes() == files.rows_csv(result)
    again = (tmp_path / "reproduced" / "summary.json").read_bytes()
    assert without_seconds(again) == without_seconds(files.summary_json(result))

    words = shlex.split(command_line(result, result.name))
    assert words[:4] == ["python", "-m", "iffair_core", "run"]
    capsys.readouterr()
    assert main(words[3:]) == 0
    assert (tmp_path / "results" / "rows.csv").read_bytes() == files.rows_csv(result)
    saved = json.loads((tmp_path / "results" / "summary.json").read_text())
    assert saved["config"] == files.summary(result)["config"]
    assert re.sub(r"\s+", " ", command_line(result, result.name)) in html.unescape(shown)


def test_the_printed_code_knows_named_data_sets() -> None:
    result = replace(plain_study(), name="example")
    assert "load_dataset('example')" in reproduce_script(result, "example")
    assert " run example " in command_line(result, "example")


def test_numbers_of_numpy_print_as_python() -> None:
    result = plain_study()
    config = replace(result.config, seed=np.int64(3), C=np.float64(0.5))
    text = reproduce_script(replace(result, config=config), "t.csv")
    assert "seed=3," in text
    assert "C=0.5," in text
    assert "np." not in text
    assert "--C 0.5" in command_line(replace(result, config=config), "t.csv")
