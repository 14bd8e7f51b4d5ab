"""The tour and the curve for a projector in a real browser, by keyboard alone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from pages.shell.boot import PLACES


def test_the_tour_is_walked_and_left_by_keyboard(server, visit):
    visitor = visit()
    page = visitor.open(server)
    visitor.finished()
    page.get_by_role("button", name="Take the tour").focus()
    page.keyboard.press("Enter")
    bar = page.locator(".st-key-tour_bar")
    for at, place in enumerate(PLACES):
        visitor.settle(place.name)
        expect(bar).to_contain_text(f"step {at + 1} of {len(PLACES)}: {place.title}")
        assert (visitor.path, visitor.query) == (f"/{place.name}", {"tour": ["yes"]})
        if at + 1 < len(PLACES):
            page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowLeft")
    visitor.settle("report")
    page.reload()
    visitor.settle("report")
    expect(bar).to_contain_text("step 6 of 7")
    bar.get_by_role("button", name="End").click()
    expect(bar).to_have_count(0)
    assert (visitor.path, visitor.query) == ("/report", {})


def test_the_curve_fills_the_window_and_is_moved_by_keys(server, visit):
    visitor = visit()
    page = visitor.open(server, "reweight", "?strength=0.5")
    visitor.finished()
    page.get_by_role("button", name="Show on a projector").click()
    told = page.locator(".st-key-stage_told")
    expect(told).to_contain_text("At strength 0.5 ")
    expect(page.get_by_test_id("stSidebar")).to_be_hidden()
    box = page.locator(".st-key-stage_picture_wide .main-svg").first.bounding_box()
    assert box["width"] > 1300 and box["height"] > 550
    last = page.get_by_role("button", name="Close").bounding_box()
    assert last["y"] + last["height"] <= 900
    page.keyboard.press("ArrowRight")
    expect(told).to_contain_text("At strength 0.5625 ")
    page.keyboard.press("Escape")
    visitor.settle("reweight")
    expect(page.get_by_role("heading", name=re.compile(r"^At strength 0\.5625 "))).to_be_visible()
    expect(page.get_by_test_id("stSidebar")).to_be_visible()


@pytest.mark.parametrize(("width", "height", "shown"), [(800, 600, "narrow"), (1440, 900, "wide")])
def test_the_projector_shows_one_picture_whose_type_fits_the_window(server, visit, width, height, shown):
    visitor = visit(width, height)
    page = visitor.page
    page.goto(f"{server}/reweight?stage=yes")
    expect(page.locator(f".st-key-stage_picture_{shown} .main-svg").first).to_be_visible()
    other = {"narrow": "wide", "wide": "narrow"}[shown]
    expect(page.locator(f".st-key-stage_picture_{other}")).to_be_hidden()
    labels = page.locator(f".st-key-stage_picture_{shown} .annotation-text")
    for box in [one.bounding_box() for one in labels.all()]:
        assert box["x"] >= 0 and box["x"] + box["width"] <= width
