"""Baseline and Influence in a real browser: what is above the fold, a selection that filters, a row that opens."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect


def how_many(page: Page):
    return page.get_by_text(re.compile(r"of 6,000 training rows in the picture's selection"))


def drag_over(page: Page, left: float, right: float) -> None:
    """Draw a box over a part of the picture's width."""
    picture = page.locator(".js-plotly-plot .nsewdrag").first
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    page.mouse.move(box["x"] + left * box["width"], box["y"] + 6)
    page.mouse.down()
    page.mouse.move(box["x"] + right * box["width"], box["y"] + box["height"] - 6, steps=5)
    page.mouse.up()


def test_the_finding_and_both_pictures_are_above_the_fold_and_every_tab_opens(server, visit):
    visitor = visit()
    page = visitor.open(server, "baseline")
    visitor.finished()
    expect(page.get_by_role("heading", name=re.compile("^Of Cedar rows recorded as"))).to_be_in_viewport(ratio=1)
    charts = page.get_by_test_id("stPlotlyChart")
    expect(charts).to_have_count(2)
    for chart in charts.all():
        expect(chart).to_be_in_viewport(ratio=1)
    for name in ("Intersections", "Scores", "Calibration"):
        page.get_by_role("tab", name=name).click()
        expect(charts).to_have_count(3)
        visitor.settle()
    page.get_by_role("link", name="Compare the trade-offs").click()
    visitor.settle("compare")


def test_the_ledger_is_filtered_by_a_box_in_the_picture_opens_a_row_and_is_downloaded(server, visit):
    visitor = visit()
    page = visitor.open(server, "influence")
    visitor.finished()
    expect(page.locator(".js-plotly-plot .nsewdrag").first).to_be_in_viewport(ratio=1)
    expect(page.get_by_text("All 6,000 training rows")).to_be_visible()
    drag_over(page, 0.01, 0.3)
    expect(how_many(page)).to_be_visible()
    few = int(how_many(page).inner_text().split(" of ")[0].replace(",", ""))
    assert 0 < few < 600
    expect(page.get_by_role("button", name=f"Download these {few} rows")).to_be_visible()
    page.get_by_text(f"What if these {few} rows were left out").click()
    expect(page.get_by_text(f"With {few} rows left out")).to_be_visible()
    page.get_by_role("radio", name="counted twice").focus()
    page.keyboard.press("Space")
    expect(page.get_by_text(f"With {few} rows counted twice")).to_be_visible()
    page.get_by_role("button", name="Refit to check").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text("; refitted, to ")).to_be_visible()

    ledger = page.get_by_test_id("stDataFrame").first
    ledger.scroll_into_view_if_needed()
    box = ledger.bounding_box()
    page.mouse.click(box["x"] + 18, box["y"] + 38 + 17)
    expect(page.get_by_text("Its values in the file")).to_be_visible()
    expect(how_many(page)).to_be_visible()
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_text("Its values in the file")).to_have_count(0)

    page.get_by_role("textbox", name="Search").fill("Cedar")
    page.keyboard.press("Enter")
    expect(how_many(page)).not_to_contain_text(f"{few} of")
    for name in ("Proof by refits", "By group and outcome", "Cohorts", "Between goals", "What to collect"):
        page.get_by_role("tab", name=name).click()
        expect(page.get_by_test_id("stPlotlyChart")).to_have_count(2)
    visitor.open(server, "influence")
    visitor.finished()
    lines = visitor.download("Download the ledger").decode().splitlines()
    assert len(lines) == 6001 and lines[0].startswith("row_id,group,outcome,gap_if_removed")
