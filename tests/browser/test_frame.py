"""The frame in a real browser: every address opens, cold and warm, and choices live in the address."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from pages.shell.boot import LANDING, PLACES


def test_addresses_open_on_a_server_that_nobody_has_visited(fresh_server, visit):
    """Two visitors come together, one by a link with a strength; then every address is opened with a choice in it.

    The choice is one that needs no study of its own, so that nothing runs while the addresses are opened.
    """
    early, linked = visit(), visit()
    early.page.goto(f"{fresh_server}/reweight", wait_until="commit")
    linked.page.goto(f"{fresh_server}/reweight?strength=0.75", wait_until="commit")
    early.finished()
    slider = early.page.get_by_role("slider", name="Strength")
    expect(slider).to_have_attribute("aria-valuetext", re.compile("recommended"))
    assert early.query == {}
    linked.finished()
    expect(linked.page.get_by_role("heading", name=re.compile(r"^At strength 0\.75 "))).to_be_visible()
    for name in ("compare", "report"):
        linked.turn_to(name)
        expect(linked.page.get_by_test_id("stSidebar").get_by_text("Strength 0.75")).to_be_visible()
        assert linked.query == {"strength": ["0.75"]}
    for place in PLACES:
        early.open(fresh_server, place.name, "?strength=0.25")
        assert (early.path, early.query) == (f"/{place.name}", {"strength": ["0.25"]})


def test_the_root_is_the_landing_page_and_the_navigation_reaches_every_page_in_order(server, visit):
    visitor = visit()
    page = visitor.open(server)
    assert visitor.path == f"/{LANDING}"
    links = page.get_by_test_id("stSidebarNavLink")
    assert [re.sub(r"^\w+\n", "", text).strip() for text in links.all_inner_texts()] == [p.title for p in PLACES]
    for place, link in zip(PLACES, links.all(), strict=True):
        link.click()
        visitor.settle(place.name)
        assert visitor.path == f"/{place.name}"


def test_a_changed_choice_is_said_until_the_study_ran_again(server, visit):
    visitor = visit()
    page = visitor.open(server, "data")
    visitor.finished()
    page.get_by_label("Seed", exact=True).fill("11")
    page.get_by_label("Seed", exact=True).press("Enter")
    expect(visitor.card).to_contain_text("changed since last run")
    assert visitor.query == {"seed": ["11"]}
    visitor.card.get_by_role("button", name="Run").click()
    visitor.finished()


def test_back_forward_reload_and_the_navigation_keep_choices(server, visit):
    visitor = visit()
    page = visitor.open(server, "data")
    visitor.finished()  # from here on nothing polls
    seed = page.get_by_label("Seed", exact=True)
    seed.fill("4")
    seed.press("Enter")
    visitor.wait_for("seed", "4")
    watched = page.get_by_text("Looking at the table with these choices")
    for way, value in ((page.go_back, "0"), (page.go_forward, "4"), (page.reload, "4")):
        expect(watched).to_have_count(0)
        visitor.settle()
        way()
        expect(seed).to_have_value(value)
    visitor.settle()
    for name in ("learn", "data"):
        visitor.turn_to(name)
        visitor.wait_for("seed", "4")
    expect(seed).to_have_value("4")


@pytest.mark.parametrize("dark", [False, True])
def test_pictures_have_the_visitors_colors_and_words_and_pages_fit_800_pixels(server, visit, dark):
    visitor = visit(width=800, dark=dark)
    page = visitor.open(server, "data")
    ink = page.locator(".st-key-group_bars .ytick text").first
    light, bold = r"rgb\((1[5-9]|2)\d{1,2}, ", r"rgb\(\d{1,2}, "
    expect(ink).to_have_css("fill", re.compile(light if dark else bold))
    assert page.evaluate("document.documentElement.scrollWidth") <= 800
    for name in ("reweight", "compare") if dark else ():
        visitor.turn_to(name)
        visitor.finished()
        main = page.get_by_test_id("stMain")
        assert main.evaluate("element => element.scrollWidth <= element.clientWidth + 1")
        for chart in page.get_by_test_id("stPlotlyChart").all():
            assert chart.get_by_role("img").first.get_attribute("aria-label") or chart.get_attribute("aria-label")
