"""Reweight and Compare in a real browser: the slider by keyboard, points chosen by a click, another goal."""

from __future__ import annotations

import re

from playwright.sync_api import expect


def test_the_strength_is_moved_by_keyboard_or_a_click_on_the_curve_and_the_finding_follows(server, visit):
    visitor = visit()
    page = visitor.open(server, "reweight", "?strength=0.5")
    visitor.finished()
    slider = page.get_by_role("slider", name="Strength")
    slider.focus()
    for strength in ("0.5625", "0.625", "0.6875"):
        page.keyboard.press("ArrowRight")
        expect(page.get_by_role("heading", name=re.compile(rf"^At strength {strength} "))).to_be_visible()
        expect(slider).to_be_focused()
    expect(visitor.card).to_contain_text("Results are up to date.")
    assert visitor.query == {"strength": ["0.6875"]}
    page.get_by_role("button", name="Use recommended").click()
    expect(slider).to_have_attribute("aria-valuetext", re.compile("recommended"))
    assert visitor.query == {}

    visitor.turn_to("compare")
    visitor.finished()
    refitted = page.locator(".st-key-tradeoff .scatterlayer .trace").nth(1).locator("path.point")
    expect(refitted).to_have_count(21)
    box = refitted.last.bounding_box()
    place = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(*place, steps=4)
    expect(page.locator(".st-key-tradeoff .hoverlayer .hovertext").first).to_be_visible()
    page.mouse.click(*place)
    expect(page.get_by_test_id("stSidebar").get_by_text("Strength 1.25")).to_be_visible()
    assert visitor.query == {"strength": ["1.25"]}


def test_another_goal_is_studied_without_passing_off_old_figures(server, visit):
    visitor = visit()
    page = visitor.open(server, "reweight")
    visitor.finished()
    page.get_by_role("combobox", name="Goal").click()
    page.get_by_role("option", name="Equal opportunity").click()
    expect(page.get_by_text("Results are up to date.")).to_have_count(0)
    visitor.settle()
    run = visitor.card.get_by_role("button", name="Run")
    if run.count():  # on a busy machine the study before took long, and none starts by itself
        run.click()
    visitor.finished()
    expect(page.get_by_role("heading", name=re.compile("the equal opportunity difference"))).to_be_visible()
