"""The frame in a real browser: every address opens, cold and warm, and the product talks to nobody else."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest

from pages.common.boot import LANDING, PLACES

NAMES = [place.name for place in PLACES]
QUESTIONS = {place.name: place.question for place in PLACES}


@pytest.mark.parametrize("name", NAMES)
def test_an_address_opens_on_a_server_that_nobody_has_visited(fresh_server, visit, name):
    visitor = visit()
    page = visitor.open(f"{fresh_server}/{name}?seed=3", QUESTIONS[name])
    assert urlsplit(page.url).path == f"/{name}"
    assert parse_qs(urlsplit(page.url).query) == {"seed": ["3"]}
    visitor.check()


def test_the_root_opens_the_landing_page(server, visit):
    visitor = visit()
    page = visitor.open(f"{server}/", QUESTIONS[LANDING])
    assert urlsplit(page.url).path == f"/{LANDING}"
    visitor.check()


def test_the_navigation_reaches_every_page_in_the_order_of_the_journey(server, visit):
    visitor = visit()
    page = visitor.open(f"{server}/")
    links = page.get_by_test_id("stSidebarNavLink")
    assert [re.sub(r"^\w+\n", "", text).strip() for text in links.all_inner_texts()] == [p.title for p in PLACES]
    for place, link in zip(PLACES, links.all(), strict=True):
        link.click()
        visitor.settle(place.question)
        assert urlsplit(page.url).path == f"/{place.name}"
    visitor.check()
