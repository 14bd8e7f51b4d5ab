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
from playwright.sync_api import Page, expect

from pages.shell.boot import PLACES

QUESTIONS = {place.name: place.question for place in PLACES}
TITLES = {place.name: place.title for place in PLACES}
ROWS = 2_000
PATIENCE_MS = 60_000
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


def pick(page: Page, choice: str, value: str) -> None:
    """Choose a value in the select box of a choice."""
    box = page.locator(f".st-key-choice_{choice} input").first
    box.click()
    box.fill(value)
    page.get_by_role("option", name=value, exact=True).click()
    # The next box is not typed into while the page is drawn again: its list would open anew.
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)


def turn_to(visitor: Any, name: str) -> None:
    """Open a page by its link in the navigation."""
    visitor.page.get_by_test_id("stSidebarNavLink").filter(has_text=TITLES[name]).click()
    visitor.settle(QUESTIONS[name])


def download(page: Page, button: str) -> bytes:
    """Click a download button and return the file."""
    with page.expect_download(timeout=PATIENCE_MS) as given:
        page.get_by_role("button", name=button, exact=False).first.click()
    return Path(given.value.path()).read_bytes()


def test_from_an_upload_to_the_weights(server: str, visit: Callable[..., Any], applicants: bytes, tmp_path: Path):
    visitor = visit()
    page = visitor.open(f"{server}/data", QUESTIONS["data"])
    file = tmp_path / "applicants.csv"
    file.write_bytes(applicants)
    page.get_by_role("radio", name="Your own file").or_(page.get_by_role("button", name="Your own file")).click()
    page.locator("input[type=file]").set_input_files(file)
    card = page.locator(".st-key-study_card")
    expect(card).to_contain_text("2,000 rows")
    pick(page, "target", "hired")
    pick(page, "favorable", "yes")
    pick(page, "sensitive", "origin")
    page.keyboard.press("Escape")
    expect(card).to_contain_text("3 groups against inland")

    for name, content in (("junk.csv", bytes(range(256)) * 50), ("head.csv", b"score,origin,hired\n")):
        bad = tmp_path / name
        bad.write_bytes(content)
        page.locator("input[type=file]").set_input_files(bad)
        expect(page.get_by_test_id("stAlert").filter(has_text="The file was not taken")).to_be_visible()
        expect(card).to_contain_text("hired = yes")
        expect(card).to_contain_text("2,000 rows")

    page.locator(".st-key-data_run button").click()
    expect(card).to_contain_text("Results are up to date", timeout=PATIENCE_MS)
    for name, finding in FINDINGS.items():
        turn_to(visitor, name)
        expect(page.get_by_role("heading", name=finding).first).to_be_visible(timeout=PATIENCE_MS)
        expect(page.locator(".js-plotly-plot .main-svg").first).to_be_visible(timeout=PATIENCE_MS)
        visitor.check()

    turn_to(visitor, "report")
    expect(page.get_by_text("Fairness study of applicants.csv").first).to_be_visible()
    rows = pd.read_csv(io.BytesIO(download(page, "rows.csv")), keep_default_na=False)
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
    report = download(page, "Download the report").decode()
    assert "look again in spring" in report and "applicants.csv" in report
    visitor.check()


def test_the_report_that_is_downloaded_opens_without_a_network(server: str, visit: Callable[..., Any], tmp_path: Path):
    visitor = visit()
    page = visitor.open(f"{server}/report", QUESTIONS["report"])
    expect(page.locator(".st-key-study_card")).to_contain_text("Results are up to date", timeout=PATIENCE_MS)
    file = tmp_path / "report.html"
    file.write_bytes(download(page, "Download the report"))
    visitor.check()
    reader = visit()
    faults: list[str] = []
    reader.page.on("pageerror", lambda error: faults.append(str(error)))
    reader.page.goto(file.as_uri())
    expect(reader.page.locator(".js-plotly-plot .main-svg").first).to_be_visible(timeout=PATIENCE_MS)
    expect(reader.page.get_by_text("Synthetic data").first).to_be_visible()
    assert faults == [] and reader.strangers == []


def test_learn_turns_its_pages(server: str, visit: Callable[..., Any]):
    visitor = visit()
    page = visitor.open(f"{server}/learn", QUESTIONS["learn"])
    expect(page.get_by_role("heading", name="1. What fairness means here")).to_be_visible()
    expect(page.locator(".js-plotly-plot .main-svg").first).to_be_visible(timeout=PATIENCE_MS)
    page.locator(".st-key-learn_next button").click()
    expect(page.get_by_role("heading", name="2. Influence, by one row")).to_be_visible()
    expect(page.get_by_text("Leaving this one row out is predicted")).to_be_visible(timeout=PATIENCE_MS)
    visitor.check()
