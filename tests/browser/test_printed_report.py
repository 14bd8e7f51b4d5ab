"""The report as a file in a real browser: it needs no network, and prints light, its first page on one sheet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from iffair_core.telling.report import report_html
from tests.engine.studies import hostile_study

SHEET = {"width": 688, "height": 1016}
"""A4 less margins of 14 mm, in pixels of CSS."""
SCREEN = {"width": 1440, "height": 900}
NOTES = "Agreed: wait.\nAsked: those whom it concerns."


@pytest.fixture
def alone(chromium: Browser) -> Iterator[Page]:
    """A page of a browser without a network."""
    context = chromium.new_context(offline=True, viewport=SCREEN, color_scheme="dark")  # type: ignore[arg-type]
    yield context.new_page()
    context.close()


def test_the_report_opens_without_a_network_and_its_first_page_fits_a_sheet(alone: Page, tmp_path: Path) -> None:
    asked, said = [], []
    alone.on("request", lambda request: asked.append(request.url))
    alone.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    alone.on("pageerror", lambda error: said.append(str(error)))
    file = tmp_path / "report.html"
    file.write_text(report_html(hostile_study(), notes=NOTES, theme="dark"), encoding="utf-8")
    alone.goto(file.as_uri())
    pictures = alone.locator("figure > [id^=picture-]")
    expect(pictures.last.locator(".main-svg").first).to_be_attached()
    assert (asked, said) == ([file.as_uri()], [])

    dark = alone.evaluate(_BACKGROUND)
    alone.emulate_media(media="print")
    alone.set_viewport_size(SHEET)
    assert (dark, alone.evaluate(_BACKGROUND)) == ("rgb(14, 17, 23)", "rgb(255, 255, 255)")
    assert alone.locator("header").bounding_box()["height"] <= SHEET["height"]
    alone.evaluate("dispatchEvent(new Event('beforeprint'))")
    drawn = alone.evaluate("Math.max(...[...document.querySelectorAll('.main-svg')].map(one => one.clientWidth))")
    assert drawn <= SHEET["width"], "a picture that is wider than paper shrinks all pages"
    wide = alone.evaluate("document.documentElement.scrollWidth")
    assert wide <= SHEET["width"], "and so does a table"
    assert alone.pdf(format="A4").startswith(b"%PDF")


_BACKGROUND = "getComputedStyle(document.body).backgroundColor"
