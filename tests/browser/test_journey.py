"""One visitor's whole way: a file of their own, the choices, every page's finding, the weights to take away."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import TABLE_INPUT

ROWS = 2_000
FINDINGS = {
    "baseline": re.compile(r"gap of [+−]\d+\.\d points"),
    "influence": re.compile(r"training rows \(.*\) that most widen"),
    "reweight": re.compile(r"^At strength \d"),
    "compare": re.compile(r"the curve"),
}


@pytest.fixture(scope="module")
def applicants() -> bytes:
    """2,000 invented applicants: two groups and some who did not say, missing numbers and towns."""
    rng = np.random.default_rng(11)
    origin = rng.choice(["inland", "coast", ""], ROWS, p=[0.55, 0.41, 0.04])
    skill = rng.normal(0.0, 1.0, ROWS) + 0.5 * (origin == "inland")
    hired = skill + rng.normal(0.0, 0.6, ROWS) - 0.7 * (origin == "coast") > 0
    score = np.round(50 + 10 * skill + rng.normal(0.0, 3.0, ROWS), 1)
    frame = pd.DataFrame(
        {
            "score": np.where(rng.random(ROWS) < 0.05, np.nan, score),
            "years": rng.integers(0, 30, ROWS),
            "town": rng.choice(["Ash", "Elm", "Oak", ""], ROWS, p=[0.5, 0.3, 0.15, 0.05]),
            "origin": origin,
            "hired": np.where(hired, "yes", "no"),
        }
    )
    return frame.to_csv(index=False).encode()


def test_from_an_upload_to_the_weights(server: str, visit: Callable[..., Any], applicants: bytes, tmp_path: Path):
    visitor = visit()
    page = visitor.open(server, "data")
    file = tmp_path / "applicants.csv"
    file.write_bytes(applicants)
    visitor.upload(file)
    expect(visitor.card).to_contain_text("2,000 rows")
    for choice, value in (("target", "hired"), ("favorable", "yes"), ("sensitive", "origin")):
        visitor.pick(f"choice_{choice}", value)
    expect(visitor.card).to_contain_text("3 groups against inland")

    for name, content in (("junk.csv", bytes(range(256)) * 50), ("head.csv", b"score,origin,hired\n")):
        bad = tmp_path / name
        bad.write_bytes(content)
        page.locator(TABLE_INPUT).set_input_files(bad)
        refused = page.get_by_test_id("stAlert").filter(has_text="The file was not taken").filter(has_text=name)
        expect(refused).to_be_visible()
        expect(visitor.card).to_contain_text("hired = yes")
        expect(visitor.card).to_contain_text("2,000 rows")

    visitor.settle()
    page.locator(".st-key-data_run button").click()
    visitor.finished()
    for name, finding in FINDINGS.items():
        visitor.turn_to(name)
        expect(page.get_by_role("heading", name=finding).first).to_be_visible()
        visitor.finished()
        visitor.check()

    # No repair lowers what a few rows without an origin decide: strength 0 is recommended, and the heading says why.
    visitor.turn_to("reweight")
    expect(page.get_by_role("heading", name=re.compile("No repair within the accuracy budget"))).to_be_visible()
    page.get_by_role("slider", name="Strength").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("heading", name=re.compile("^At strength 0.0625 "))).to_be_visible()
    visitor.turn_to("report")
    expect(page.get_by_text("Fairness study of applicants.csv").first).to_be_visible()
    rows = pd.read_csv(io.BytesIO(visitor.download("rows.csv")), keep_default_na=False)
    assert rows["row_id"].tolist() == list(range(ROWS))
    assert set(rows["group"]) == {"inland", "coast", "(missing)"}
    weights = pd.to_numeric(rows.loc[rows["split"] == "train", "weight"])
    assert weights.mean() == pytest.approx(1.0, abs=1e-9)
    assert weights.min() >= 0
    assert weights.max() > 1
    assert (rows.loc[rows["split"] != "train", "weight"] == "").all()

    page.locator(".st-key-report_notes textarea").fill("Agreed at the meeting: look again in spring.")
    page.locator(".st-key-report_notes textarea").press("Control+Enter")
    expect(page.locator(".st-key-report_preview").get_by_text("look again in spring")).to_be_visible()
    report = visitor.download("Download the report").decode()
    assert "look again in spring" in report and "applicants.csv" in report


def test_the_report_that_is_downloaded_opens_without_a_network(server: str, visit: Callable[..., Any], tmp_path: Path):
    visitor = visit()
    visitor.open(server, "report")
    expect(visitor.card).to_contain_text("Results are up to date")
    file = tmp_path / "report.html"
    file.write_bytes(visitor.download("Download the report"))
    reader = visit()
    faults: list[str] = []
    reader.page.on("pageerror", lambda error: faults.append(str(error)))
    reader.page.goto(file.as_uri())
    expect(reader.page.locator(".js-plotly-plot .main-svg").first).to_be_visible()
    expect(reader.page.get_by_text("Synthetic data").first).to_be_visible()
    reader.page.wait_for_function("drawings.every(one => document.getElementById(one[0]).querySelector('.main-svg'))")
    reader.page.locator("#picture-1").hover()
    for format, begin in (("PNG", b"\x89PNG"), ("SVG", b"<svg")):
        with reader.page.expect_download() as saved:
            reader.page.locator(
                f"#picture-1 [data-title='Download plot as {format}'], #picture-1 "
                f"[data-title='Download plot as a {format}']"
            ).click()
        assert saved.value.path().read_bytes().startswith(begin)
    assert faults == []


def test_learn_turns_its_pages(server: str, visit: Callable[..., Any]):
    visitor = visit()
    page = visitor.open(server, "learn")
    expect(page.get_by_role("heading", name="1. What fairness means here")).to_be_visible()
    expect(page.locator(".js-plotly-plot .main-svg").first).to_be_visible()
    page.locator(".st-key-learn_next button").click()
    expect(page.get_by_role("heading", name="2. Influence, by one row")).to_be_visible()
    expect(page.get_by_text("Leaving this one row out is predicted")).to_be_visible()
