"""Reweight and Compare in a real browser: the slider by keyboard, links with a strength, points chosen by a click."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import Page, expect

REWEIGHT = "Which weights repair it, and what do they do?"
COMPARE = "Is there a better trade-off?"


def finished(page: Page) -> None:
    expect(page.get_by_text("Results are up to date.")).to_be_visible(timeout=60_000)
    expect(page.get_by_test_id("stPlotlyChart").first).to_be_visible(timeout=60_000)


def finding(page: Page, strength: str):
    return page.get_by_role("heading", name=re.compile(rf"^At strength {re.escape(strength)} "))


def asked(page: Page) -> list[str]:
    return parse_qs(urlsplit(page.url).query).get("strength", [])


def test_the_strength_is_moved_by_keyboard_and_the_finding_follows(server, visit):
    visitor = visit()
    page = visitor.open(f"{server}/reweight?strength=0.5", REWEIGHT)
    finished(page)
    slider = page.get_by_role("slider", name="Strength")
    slider.focus()
    for strength in ("0.5625", "0.625", "0.6875"):
        page.keyboard.press("ArrowRight")
        expect(finding(page, strength)).to_be_visible(timeout=10_000)
        expect(slider).to_be_focused()
    expect(page.get_by_text("Results are up to date.")).to_be_visible()
    assert asked(page) == ["0.6875"]
    page.get_by_role("button", name="Use recommended").click()
    expect(slider).to_have_attribute("aria-valuetext", re.compile("recommended"))
    assert asked(page) == []
    visitor.check()


def test_an_early_visitor_keeps_the_recommended_strength(fresh_server, visit):
    visitor = visit()
    page = visitor.open(f"{fresh_server}/reweight", REWEIGHT)
    finished(page)
    slider = page.get_by_role("slider", name="Strength")
    expect(slider).to_have_attribute("aria-valuetext", re.compile("recommended"))
    assert asked(page) == []
    visitor.check()


def test_a_link_with_a_strength_opens_cold_on_every_page_that_uses_it(fresh_server, visit):
    visitor = visit()
    page = visitor.open(f"{fresh_server}/reweight?strength=0.75", REWEIGHT)
    finished(page)
    expect(finding(page, "0.75")).to_be_visible()
    for name in ("Compare", "Report"):
        page.get_by_test_id("stSidebarNavLink").filter(has_text=name).click()
        visitor.settle()
        finished_card = page.get_by_test_id("stSidebar").get_by_text("Strength 0.75")
        expect(finished_card).to_be_visible()
        assert asked(page) == ["0.75"]
    expect(finding(page, "0.75")).to_be_visible()
    visitor.check()


def test_a_clicked_point_of_the_curve_is_chosen(server, visit):
    visitor = visit()
    page = visitor.open(f"{server}/compare", COMPARE)
    finished(page)
    refitted = page.locator(".st-key-tradeoff .scatterlayer .trace").nth(1).locator("path.point")
    expect(refitted).to_have_count(21)
    box = refitted.last.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=4)
    page.wait_for_timeout(300)
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(page.get_by_test_id("stSidebar").get_by_text("Strength 1.25")).to_be_visible(timeout=20_000)
    assert asked(page) == ["1.25"]
    visitor.check()


def test_another_goal_is_studied_without_passing_off_old_figures(server, visit):
    visitor = visit()
    page = visitor.open(f"{server}/reweight", REWEIGHT)
    finished(page)
    page.get_by_role("combobox", name="Goal").click()
    page.get_by_role("option", name="Equal opportunity").click()
    expect(page.get_by_text("Results are up to date.")).to_have_count(0, timeout=10_000)
    finished(page)
    expect(page.get_by_role("heading", name=re.compile("the equal opportunity difference"))).to_be_visible()
    visitor.check()


def test_narrow_and_dark_screens_hold_the_pages(server, visit):
    visitor = visit(width=800, height=900, dark=True)
    for name, title in (("reweight", REWEIGHT), ("compare", COMPARE)):
        page = visitor.open(f"{server}/{name}", title)
        expect(page.get_by_test_id("stPlotlyChart").first).to_be_visible(timeout=60_000)
        main = page.get_by_test_id("stMain")
        assert main.evaluate("element => element.scrollWidth <= element.clientWidth + 1")
        for chart in page.get_by_test_id("stPlotlyChart").all():
            assert chart.get_by_role("img").first.get_attribute("aria-label") or chart.get_attribute("aria-label")
        visitor.check()
