"""Outcome and sensitive attribute of an upload are suggested, and taken with one click; never by themselves."""

from __future__ import annotations

from tests.pages.conftest import Screen, upload

PEOPLE = "score,gender,hired\n" + "".join(
    f"{(37 * i % 101) / 10},{'FM'[i % 2]},{'yes' if (37 * i % 101) + 20 * (i % 2) > 60 else 'no'}\n" for i in range(200)
)


def suggestions(page: Screen) -> list[str]:
    return [button.label for button in page.app.button if str(button.key).startswith("suggest_")]


def test_one_click_takes_a_suggestion(screen) -> None:
    page = upload(screen("data"), "people.csv", PEOPLE.encode())
    assert suggestions(page) == ["Use hired", "Use gender"]
    assert "target" not in page.query and "sensitive" not in page.query
    for label in ("Use hired", "Use gender"):
        next(button for button in page.app.button if button.label == label).click()
        page.run()
    assert (page.query["target"], page.query["sensitive"]) == (["hired"], ["gender"])
    assert suggestions(page) == []


def test_the_example_needs_no_suggestions(screen) -> None:
    assert suggestions(screen("data")) == []
