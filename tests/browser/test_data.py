"""The Data page in a real browser with a file as people have it: read, preview, threshold, pool, remedy, forget."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, TimeoutError, expect

from pages.shell.boot import PLACES

QUESTION = next(place.question for place in PLACES if place.name == "data")
PATIENCE_MS = 60_000


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


def card(page: Page) -> Locator:
    """The study card."""
    return page.locator(".st-key-study_card")


def give(visitor: Any, address: str, file: Path) -> Page:
    """Open the Data page and give it a file."""
    page = visitor.open(f"{address}/data", QUESTION)
    page.get_by_role("radio", name="Your own file").or_(page.get_by_role("button", name="Your own file")).click()
    page.locator("input[type=file]").set_input_files(file)
    return page


def pick(page: Page, box: str, value: str, option: str | re.Pattern[str] | None = None) -> None:
    """Choose a value in a select box; once more where the page was drawn anew meanwhile, which folds the list."""
    entry = page.locator(f".st-key-{box} input").first
    for patience in (3_000, 3_000, 6_000, 12_000):
        try:
            entry.click()
            entry.fill(value)
            page.get_by_role("option", name=option or value, exact=option is None).click(timeout=patience)
            return
        except TimeoutError:
            page.keyboard.press("Escape")
    raise AssertionError(f"{value} cannot be chosen in {box}")


def query(page: Page) -> dict[str, list[str]]:
    """What the address says."""
    return parse_qs(urlsplit(page.url).query)


def wait_for(page: Page, name: str, value: str) -> None:
    """Until the address has this value."""
    page.wait_for_function(
        "([name, value]) => new URLSearchParams(location.search).getAll(name).includes(value)", arg=[name, value]
    )


def test_a_file_from_an_office_becomes_a_studied_table(server: str, visit: Callable[..., Any], office_file: Path):
    visitor = visit()
    page = give(visitor, server, office_file)
    expect(card(page)).to_contain_text("520 rows")
    panel = page.locator(".st-key-reading_panel")
    expect(panel).to_contain_text("semicolon, UTF-16, header in line 3")

    pick(page, "choice_target", "points")
    page.get_by_role("radio", name=re.compile("^At least")).or_(
        page.get_by_role("button", name=re.compile("^At least"))
    ).first.click()
    page.wait_for_function("new URLSearchParams(location.search).get('favorable')?.startsWith('>= ')")
    visitor.settle(QUESTION)
    box = page.locator(".st-key-threshold_exact_points input")
    box.fill("10")
    box.press("Enter")
    wait_for(page, "favorable", ">= 10")
    expect(page.get_by_text("of 520 rows are at least 10")).to_be_visible()
    slider = page.locator(".st-key-threshold_slider_points").get_by_role("slider")
    slider.focus()
    slider.press("ArrowRight")
    wait_for(page, "favorable", ">= 11")
    visitor.settle(QUESTION)
    pick(page, "choice_sensitive", "origin")
    page.keyboard.press("Escape")
    expect(card(page)).to_contain_text("4 groups against")
    visitor.settle(QUESTION)
    page.get_by_text("Take values of origin together").click()
    for value in ("coast", "isle"):
        pick(page, "pool_values_origin", value, re.compile(f"^{value} "))
    page.keyboard.press("Escape")
    page.locator(".st-key-pool_name_origin input").fill("elsewhere")
    page.locator(".st-key-pool_name_origin input").press("Enter")
    page.locator(".st-key-pool_on_origin button").first.click()
    expect(card(page)).to_contain_text("3 groups against")
    expect(page.locator(".js-plotly-plot .main-svg").first).to_be_visible(timeout=PATIENCE_MS)

    page.locator("[class*=st-key-remedy_duplicate_rows] button").first.click()
    wait_for(page, "exclude", "duplicates")
    expect(page.get_by_text("20 left out")).to_be_visible()
    page.locator(".st-key-remedy_undo button").click()
    expect(page.get_by_text("20 left out")).to_have_count(0)
    assert "exclude" not in query(page)
    visitor.check()


def test_another_delimiter_is_tried_before_the_table_changes(server: str, visit: Callable[..., Any], office_file: Path):
    visitor = visit()
    page = give(visitor, server, office_file)
    expect(card(page)).to_contain_text("520 rows")
    page.get_by_text("How the file is read").click()
    expect(page.get_by_text("the first 8 of", exact=False)).to_be_visible()
    visitor.settle(QUESTION)
    pick(page, "reading_delimiter", "Comma")
    apply = page.locator(".st-key-reading_apply button")
    expect(apply).to_be_visible()
    expect(page.get_by_text("520 rows and 6 columns")).to_be_visible()
    page.locator(".st-key-reading_detect button").click()
    expect(apply).to_have_count(0)
    expect(page.get_by_text("520 rows and 6 columns")).to_be_visible()
    visitor.check()


def test_my_data_are_forgotten_with_names_in_the_address_and_the_file_in_the_uploader(
    server: str, visit: Callable[..., Any], office_file: Path
):
    visitor = visit()
    page = give(visitor, server, office_file)
    expect(card(page)).to_contain_text("520 rows")
    pick(page, "choice_target", "points")
    wait_for(page, "target", "points")
    page.locator(".st-key-data_forget button").click()
    page.get_by_role("dialog").get_by_role("button", name="Forget my data").click()
    expect(card(page)).to_contain_text("10,000 rows")
    assert query(page) == {}
    page.get_by_role("radio", name="Your own file").or_(page.get_by_role("button", name="Your own file")).click()
    expect(page.locator("input[type=file]")).to_have_count(1)
    expect(page.get_by_text("office export")).to_have_count(0)
    visitor.settle(QUESTION)
    page.reload()
    visitor.settle(QUESTION)
    expect(card(page)).to_contain_text("10,000 rows")
    visitor.check()


def test_a_file_fits_a_narrow_screen(server: str, visit: Callable[..., Any], office_file: Path):
    visitor = visit(width=800)
    page = give(visitor, server, office_file)
    expect(page.get_by_text("520 rows and 6 columns")).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_text("How the file is read").click()
    expect(page.get_by_text("the first 8 of", exact=False)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 800
    visitor.check()


def test_data_can_be_forgotten_while_its_study_runs(server: str, visit: Callable[..., Any], office_file: Path):
    visitor = visit()
    page = give(visitor, server, office_file)
    expect(card(page)).to_contain_text("520 rows")
    pick(page, "choice_target", "points")
    page.get_by_role("radio", name=re.compile("^At least")).or_(
        page.get_by_role("button", name=re.compile("^At least"))
    ).first.click()
    visitor.settle(QUESTION)
    pick(page, "choice_sensitive", "origin")
    page.keyboard.press("Escape")
    page.locator(".st-key-data_run button").click()
    expect(card(page)).to_contain_text("Cancel")
    page.locator(".st-key-data_forget button").click()
    page.locator(".st-key-forget_confirm button").click()
    expect(card(page)).to_contain_text("synthetic")
    visitor.settle(QUESTION)
    assert query(page) == {}
    expect(page.get_by_role("main")).not_to_contain_text("origin")
    visitor.check()
