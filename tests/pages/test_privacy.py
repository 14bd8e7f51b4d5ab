"""Privacy: cohort-only mode on every page, and what is left of an upload: no file, no cache, nothing once forgotten."""

from __future__ import annotations

import ast
import builtins
import gc
import io
import json
import os
import re
import tempfile
import threading
import weakref
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest

from iffair_core.study.run import Study
from iffair_core.telling import files
from iffair_core.telling.report import report_html
from pages.kit import preview, widgets
from pages.session import uploads
from tests.pages.conftest import READY, ROOT, background_work, choose_people, upload

K = 10
RARE = "Zyxville"
COUNTS = {"rows", "count", "favorable", "missing", "to_favorable", "to_other"}
TABS = {
    "baseline": ("baseline_tab", ("All metrics", "Intersections", "Scores", "Calibration")),
    "influence": ("influence_cohort_tab", ("By group and outcome", "Proof by refits")),
    "reweight": (
        "reweight_tab", ("Rates per group", "Decisions that turn", "Weights by group and outcome", "Every metric")
    ),
    "compare": ("compare_tab", ("All points", "Other methods", "Other models")),
    "report": ("report_view", ("Preview", "The same numbers again")),
    "data": (None, ("",)),
}  # fmt: skip
FEW_IN_WORDS = re.compile(r"(?<![\d.,=])[1-9] (?:of [\d,]+ )?(?:\w+ )?(?:rows?|people|decisions?|cells?|left out)\b")
COUNTED_IN_HOVER = re.compile(r"%\{(x|y|customdata\[(\d)\])[^}]*\}(?= rows| of %\{customdata\[\d\][^}]*\} rows)")


@pytest.fixture(scope="module")
def planted_csv() -> bytes:
    """400 invented people: one town that one of them has, a name for each, a clan of four, and one of twelve."""
    rng = np.random.default_rng(3)
    n = 400
    clan = np.where(np.arange(n) % 5 < 2, "Elm", "Oak").astype(object)
    clan[[5, 106, 207, 308]] = "Ash"
    clan[20:32] = "Yew"
    town = np.array(["North", "South", "West"], dtype=object)[np.arange(n) % 3]
    town[77] = RARE
    years = rng.integers(18, 66, n)
    hired = np.where((years > 40) ^ (rng.random(n) < 0.2) ^ ((clan == "Elm") & (rng.random(n) < 0.3)), "yes", "no")
    person = [f"person-{place:04d}" for place in range(n)]
    frame = pd.DataFrame({"person": person, "years": years, "town": town, "clan": clan, "hired": hired})
    return frame.to_csv(index=False).encode()


class Seen:
    """Every table, picture and file that pages draw, collected as they draw it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.frames: list[pd.DataFrame] = []
        self.pictures: list[Any] = []
        self.texts: list[str] = []
        chart, table, download, printed = (
            widgets.chart, widgets.table, widgets.csv_download, preview.printed_table
        )  # fmt: skip

        def spy_chart(picture: Any, *rest: Any, **named: Any) -> Any:
            self.pictures.append(picture)
            self.frames.append(picture.table)
            self.texts += [picture.alt, picture.caption]
            return chart(picture, *rest, **named)

        def spy_table(frame: pd.DataFrame, *rest: Any, **named: Any) -> None:
            self.frames += [frame, *([named["shown"]] if named.get("shown") is not None else [])]
            table(frame, *rest, **named)

        def spy_download(frame: pd.DataFrame, *rest: Any, **named: Any) -> None:
            self.frames.append(frame)
            download(frame, *rest, **named)

        def spy_printed(caption: str, columns: Any, lines: Any) -> None:
            kept = [list(line) for line in lines]
            titles = [title for title, _ in columns]
            for line in kept:
                self.texts += [f"{cell} rows" for title, cell in zip(titles, line, strict=True) if title == "Rows"]
                self.texts += line
            printed(caption, columns, kept)

        monkeypatch.setattr(widgets, "chart", spy_chart)
        monkeypatch.setattr(widgets, "table", spy_table)
        monkeypatch.setattr(widgets, "csv_download", spy_download)
        monkeypatch.setattr(preview, "printed_table", spy_printed)


def few(values: Any) -> bool:
    numbers = pd.to_numeric(pd.Series(np.ravel(np.asarray(values, dtype=object))), errors="coerce").dropna()
    return bool(((numbers > 0) & (numbers < K)).any())


def hover_counts(figure: Any) -> Iterator[Any]:
    """The arrays that a picture's hover texts call numbers of rows."""
    for trace in json.loads(figure.to_json())["data"]:
        for name, place in COUNTED_IN_HOVER.findall(trace.get("hovertemplate") or ""):
            values = decoded(trace.get("customdata" if place else name))
            yield np.asarray(values, dtype=object)[:, int(place)] if place else values


def decoded(values: Any) -> Any:
    if isinstance(values, dict):
        import base64

        flat = np.frombuffer(base64.b64decode(values["bdata"]), dtype=values["dtype"])
        return flat.reshape([int(size) for size in str(values.get("shape", "-1")).split(",")])
    return values


def inspect(seen: Seen, opened: Any, where: str) -> None:
    """Nothing of few people in anything that was drawn."""
    frames = [*seen.frames, *(element.value for element in opened.app.dataframe)]
    for frame in frames:
        assert "row_id" not in frame.columns, (where, list(frame.columns))
        for name in COUNTS & {str(column) for column in frame.columns}:
            assert not few(frame[name]), (where, name, frame)
        text = frame.to_csv()
        assert RARE not in text and "person-0" not in text and "Ash" not in text, (where, frame)
    for picture in seen.pictures:
        drawn = picture.figure.to_json()
        assert RARE not in drawn and "person-0" not in drawn and "Ash" not in drawn, where
        for counts in hover_counts(picture.figure):
            assert not few(counts), (where, picture.alt)
    cards = [f"{card.value} {card.label.lower()} {card.delta}" for card in opened.app.metric]
    for text in [*seen.texts, *cards, *opened.words().splitlines()]:
        assert not FEW_IN_WORDS.search(str(text)), (where, text)
        assert RARE not in str(text) and "person-0" not in str(text) and "Ash" not in str(text), (where, text)


def cohort_only(screen: Any, content: bytes) -> Any:
    opened = choose_people(upload(screen("data"), "people.csv", content))
    opened.set("number_input", "choice_smallest_group", K)
    opened.until(lambda now: "Looking at the table with these choices" not in now.words())
    return opened


@pytest.fixture
def private(screen, planted_csv, monkeypatch) -> tuple[Any, Seen]:
    opened = cohort_only(screen, planted_csv)
    seen = Seen(monkeypatch)
    return opened, seen


def test_no_page_shows_single_rows_or_few_people(private):
    opened, seen = private
    opened.run()
    assert seen.pictures and seen.frames
    inspect(seen, opened, "data")
    assert opened.query["smallest_group"] == ["10"]
    assert "cohort-only, k = 10" in opened.words()
    opened.click("card_run").ready()
    for page, (key, tabs) in TABS.items():
        for tab in tabs:
            if key is not None:
                opened.app.session_state[key] = tab
            for kept in (seen.frames, seen.pictures, seen.texts):
                kept.clear()
            opened.go(page) if tab == tabs[0] else opened.run()
            assert "people" in opened.words() and READY in opened.words(), page
            assert seen.pictures or page == "report", page
            inspect(seen, opened, f"{page} {tab}")


def test_what_the_mode_takes_away_is_said_and_nothing_of_it_is_offered(private):
    opened, _ = private
    opened.click("card_run").ready()
    opened.go("influence")
    assert "Cohort-only mode, k = 10" in opened.words()
    assert not [one for one in opened.app.text_input if one.key == "influence_search"]
    opened.go("reweight")
    assert not [one for one in opened.app.text_input if one.key == "choice_pinned_rows"]
    assert "weights_csv" not in [one.key for one in opened.app.get("download_button")]
    pinnable = opened.app.multiselect(key="choice_pinned_3").options
    assert "Ash" not in pinnable and "Oak" in pinnable
    opened.go("report")
    offered = [one.label for one in opened.app.get("download_button")]
    assert "weights.csv" in offered and "rows.csv" not in offered and "design.parquet" not in offered
    # Switched off again, the study of the mode is no longer up to date; switched on, the one with rows is not shown.
    opened.go("data")
    opened.set("number_input", "choice_smallest_group", None)
    opened.click("card_run").ready()
    opened.set("number_input", "choice_smallest_group", 50)
    opened.go("influence")
    assert not opened.app.dataframe and not opened.app.get("plotly_chart")
    assert "has not been studied yet with these choices" in opened.words()


def test_the_preview_of_a_file_shows_no_row_in_the_mode(screen, planted_csv):
    opened = screen("data", {"source": "upload", "smallest_group": "10"})
    opened.app.session_state["reading_panel"] = True
    upload(opened, "people.csv", planted_csv)
    assert not [one for one in opened.app.dataframe if "person" in one.value.columns]


# ------------------------------------------------------------------------------------------------------- what is left


def test_nothing_in_the_process_holds_a_table_once_it_is_forgotten(opened):
    opened.click("card_run").ready()
    held = opened.app.session_state["uploaded_table"]
    frame, current = weakref.ref(held.frame), weakref.ref(held)
    outcome = next(one for one in opened.app.session_state["outcomes"] if one.order.choices.target == "hired")
    result, matrix = weakref.ref(outcome), weakref.ref(outcome.result.dataset.X)
    del held, outcome
    opened.click("data_forget")
    opened.click("forget_confirm")
    opened.run()
    assert gone(frame, current, result, matrix) == []


def gone(*references: weakref.ref[Any], seconds: float = 20) -> list[Any]:
    """What is still held once the work that was told to stop has ended."""
    for work in background_work():
        if any(reference() is not None for reference in references):
            work.join(seconds)
            gc.collect()
    gc.collect()
    return [type(reference()) for reference in references if reference() is not None]


def test_a_study_under_way_is_cancelled_when_its_table_is_forgotten(monkeypatch, opened):
    going = threading.Event()
    real = Study.run

    def slow(study: Study, **given: Any) -> Any:
        going.wait(30)
        return real(study, **given)

    monkeypatch.setattr(Study, "run", slow)
    opened.click("card_run")
    job, frame = opened.app.session_state["job"], weakref.ref(opened.app.session_state["uploaded_table"].frame)
    opened.click("data_forget")
    opened.click("forget_confirm")
    assert job.stopping
    going.set()
    assert job.ended(30) is not None and job.cancelled and job.result is None
    del job
    assert gone(frame) == []


# ------------------------------------------------------------------------------------------------------------- outside


def test_an_upload_its_study_its_files_and_an_error_write_nothing(people_csv, monkeypatch, tmp_path, opened):
    written: list[str] = []
    empty = [tmp_path / "home", tmp_path / "tmp"]
    for folder in empty:
        folder.mkdir()
    monkeypatch.setenv("HOME", str(empty[0]))
    monkeypatch.setattr(tempfile, "tempdir", str(empty[1]))
    for module, name in ((builtins, "open"), (io, "open"), (os, "open")):
        monkeypatch.setattr(module, name, watched(getattr(module, name), written))
    opened.click("card_run").ready()
    result = next(one.result for one in opened.app.session_state["outcomes"] if one.order.choices.target == "hired")
    for make in (files.rows_csv, files.curve_csv, files.summary_json, files.design_parquet, report_html):
        assert make(result)

    def fails(*args: Any, **kwargs: Any) -> None:
        raise ValueError("a cell of the table")

    monkeypatch.setattr(uploads, "read_table", fails)
    opened.set("segmented_control", "source_panel", "upload")
    opened.app.file_uploader(key="upload").upload("people.csv", people_csv)
    opened.app.run()
    assert opened.app.error
    assert written == []
    assert [list(folder.rglob("*")) for folder in empty] == [[], []]


def watched(real: Any, written: list[str]) -> Any:
    def opens(path: Any, mode: Any = "r", *rest: Any, **named: Any) -> Any:
        flags = mode if isinstance(mode, int) else 0
        text = mode if isinstance(mode, str) else "r"
        if set(text) & set("wax+") or flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            written.append(str(path))
        return real(path, mode, *rest, **named)

    return opens


SHARED = {"catalog_table", "_held", "_example_job", "_is_installed", "preset", "collect_now_and_then"}
"""What all sessions share: tables, names and tasks of the catalog, the example, what is installed, collections."""


def test_no_cache_that_sessions_share_takes_anything_of_a_session():
    found = set()
    for path in [*sorted((ROOT / "pages").rglob("*.py")), ROOT / "app.py"]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef):
                for mark in node.decorator_list:
                    text = ast.unparse(mark)
                    if "cache" in text and "scope='session'" not in text:
                        found.add(node.name)
                        taken = [one.annotation for one in (*node.args.args, *node.args.kwonlyargs)]
                        kinds = {ast.unparse(kind) for kind in taken if kind is not None}
                        assert not any("Frame" in kind or "CurrentTable" in kind for kind in kinds), node.name
    assert found == SHARED
