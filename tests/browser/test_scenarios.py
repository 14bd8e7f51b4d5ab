"""Scenarios and drafts in a browser: a second one opens what the first saved; a reload loses no file that is kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import expect

HOSTILE = "<b>Q</b> $x$ :material/home: www.a.org a@a.org http://a -> b"
"""What Streamlit reads of a text, some of it after marks were escaped. Shown literally."""


def test_a_second_browser_opens_what_was_saved_up_to_the_report_and_a_reload_loses_no_file_that_is_kept(
    server: str, visit: Callable[..., Any], tmp_path: Path
):
    first = visit()
    page = first.open(server, "reweight", "?strength=0.25")
    first.finished()
    page.get_by_role("button", name="Save as scenario").click()
    page.get_by_label("Name").fill(HOSTILE)
    page.get_by_label("Name").press("Tab")
    page.get_by_role("button", name="Save as new").click()
    expect(page.locator(".st-key-scenario_line")).to_contain_text("the numbers are those that were saved")
    expect(page.locator(".st-key-scenario_line")).to_contain_text(HOSTILE)
    expect(page.locator(".st-key-scenario_line a, .st-key-scenario_line p img")).to_have_count(0)

    second = visit()
    opened = second.open(server, "compare")
    second.finished()
    opened.get_by_role("tab", name="Scenarios").click()
    opened.locator(".st-key-scenario_open button").click()
    second.wait_for("strength", "0.25")
    expect(opened.locator(".st-key-scenario_line")).to_contain_text("the numbers are those that were saved")

    file = tmp_path / "people.csv"
    lines = [f"{'yes' if i % 7 else 'no'},{'Elm' if i % 3 else 'Oak'},{i % 41}" for i in range(400)]
    file.write_text("\n".join(["hired,clan,years", *lines]))
    first.open(server, "data", "?source=upload&target=hired&favorable=yes&sensitive=clan")
    first.upload(file)
    expect(first.card).to_contain_text("400 rows")
    page.locator(".st-key-draft_keep label").click()
    page.wait_for_function("document.cookie.includes('iffair_visitor=')")
    (cookie,) = (one for one in page.context.cookies() if one["name"] == "iffair_visitor")
    assert cookie["sameSite"] == "Strict" and len(cookie["value"]) == 32
    page.reload()
    expect(first.card).to_contain_text("400 rows")
    second.open(server, "data", f"?{urlsplit(page.url).query}")
    expect(second.card).to_contain_text("No table yet")

    first.turn_to("reweight")
    first.finished()
    page.get_by_role("button", name="Save as scenario").click()
    page.locator(".st-key-scenario_rows label").click()
    page.get_by_label("Name").fill("With its rows")
    page.get_by_label("Name").press("Tab")
    page.get_by_role("button", name="Save as new").click()
    expect(page.locator(".st-key-scenario_line")).to_contain_text("With its rows")
    told = page.get_by_role("heading", name="At strength").inner_text()

    second.open(server, "compare")
    opened.get_by_role("tab", name="Scenarios").click()
    opened.locator(".st-key-scenario_open button").click()
    expect(second.card).to_contain_text("400 rows")
    second.finished()
    second.turn_to("report")
    expect(opened.get_by_role("heading", name=told)).to_be_visible()
    report = second.download("Download the report").decode()
    assert "Fairness study of people.csv" in report and told in report
