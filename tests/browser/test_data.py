"""The Data page in a real browser with a file as people have it: read, preview, threshold, pool, remedy, forget."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import TABLE_INPUT


@pytest.fixture(scope="module")
def office_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """500 invented cases in semicolons, decimal commas and UTF-16, under two lines of title, with copied rows."""
    rng = np.random.default_rng(2)
    lines = ["Monthly report", "", "case;age;town;origin;grade;points"]
    for i in range(500):
        origin = rng.choice(["inland", "coast", "isle", "?"], p=[0.6, 0.25, 0.1, 0.05])
        points = int(np.clip(rng.normal(12 + 3 * (origin == "inland"), 5), 0, 30))
        town = rng.choice(["Ash", "Elm", "Oak"])
        grade = f"{points + rng.normal(0, 0.5):.2f}".replace(".", ",")
        lines.append(f"K{i:04d};{rng.integers(18, 80)};{town};{origin};{grade};{points}")
    file = tmp_path_factory.mktemp("office") / "office export.txt"
    file.write_bytes("\n".join([*lines, *lines[3:23], ""]).encode("utf-16"))
    return file


@pytest.fixture
def given(server: str, visit: Callable[..., Any], office_file: Path) -> Callable[..., Any]:
    """`given(width=800)` is a visitor who gave the Data page the file."""

    def give(**window: int) -> Any:
        visitor = visit(**window)
        visitor.open(server, "data")
        visitor.upload(office_file)
        expect(visitor.card).to_contain_text("520 rows")
        visitor.settle("data")
        return visitor

    return give


def choose_at_least(visitor: Any) -> None:
    """Points are the target, and at least so many of them are favorable."""
    visitor.pick("choice_target", "points")
    visitor.wait_for("target", "points")
    choice = visitor.page.get_by_role("radio", name=re.compile("^At least"))
    choice.or_(visitor.page.get_by_role("button", name=re.compile("^At least"))).first.click()
    visitor.wait_for("favorable", ">= ")
    visitor.settle("data")


def test_a_file_from_an_office_becomes_a_studied_table(given: Callable[..., Any]):
    visitor = given()
    page = visitor.page
    expect(page.locator(".st-key-reading_panel")).to_contain_text("semicolon, UTF-16, header in line 3")

    choose_at_least(visitor)
    box = page.locator(".st-key-threshold_exact_points input")
    box.fill("10")
    box.press("Enter")
    visitor.wait_for("favorable", ">= 10")
    expect(page.get_by_text("of 520 rows are at least 10")).to_be_visible()
    slider = page.locator(".st-key-threshold_slider_points").get_by_role("slider")
    slider.focus()
    slider.press("ArrowRight")
    visitor.wait_for("favorable", ">= 11")
    visitor.pick("choice_sensitive", "origin")
    expect(visitor.card).to_contain_text("4 groups against")
    page.get_by_text("Take values of origin together").click()
    for value in ("coast", "isle"):
        visitor.pick("pool_values_origin", value, re.compile(f"^{value} "))
    page.locator(".st-key-pool_name_origin input").fill("elsewhere")
    page.locator(".st-key-pool_name_origin input").press("Enter")
    page.locator(".st-key-pool_on_origin button").first.click()
    expect(visitor.card).to_contain_text("3 groups against")
    expect(page.locator(".js-plotly-plot .main-svg").first).to_be_visible()

    page.locator("[class*=st-key-remedy_duplicate_rows] button").first.click()
    visitor.wait_for("exclude", "duplicates")
    expect(page.get_by_text("20 left out")).to_be_visible()
    page.locator(".st-key-remedy_undo button").click()
    expect(page.get_by_text("20 left out")).to_have_count(0)
    assert "exclude" not in visitor.query


def test_another_delimiter_is_tried_on_a_narrow_screen_before_the_table_changes(given: Callable[..., Any]):
    visitor = given(width=800)
    page = visitor.page
    page.get_by_text("How the file is read:").click()
    expect(page.get_by_text("the first 8 of", exact=False)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 800
    visitor.pick("reading_delimiter", "Comma")
    apply = page.locator(".st-key-reading_apply button")
    expect(apply).to_be_visible()
    expect(page.get_by_text("520 rows and 6 columns")).to_be_visible()
    page.locator(".st-key-reading_detect button").click()
    expect(apply).to_have_count(0)
    expect(page.get_by_text("520 rows and 6 columns")).to_be_visible()


def test_my_data_are_forgotten_while_their_study_runs_with_names_in_the_address_and_the_file_in_the_uploader(
    given: Callable[..., Any],
):
    visitor = given()
    page = visitor.page
    choose_at_least(visitor)
    visitor.pick("choice_sensitive", "origin")
    page.locator(".st-key-data_run button").click()
    expect(visitor.card).to_contain_text("Cancel")
    page.locator(".st-key-data_forget button").click()
    page.get_by_role("dialog").get_by_role("button", name="Forget my data").click()
    expect(visitor.card).to_contain_text("10,000 rows")
    visitor.settle("data")
    assert visitor.query == {}
    expect(page.get_by_role("main")).not_to_contain_text("origin")
    own = page.get_by_role("radio", name="Your own file")
    own.or_(page.get_by_role("button", name="Your own file")).click()
    expect(page.locator(TABLE_INPUT)).to_have_count(1)
    expect(page.get_by_text("office export")).to_have_count(0)
    visitor.settle("data")
    page.reload()
    visitor.settle("data")
    expect(visitor.card).to_contain_text("10,000 rows")
