"""Learn: every chapter on the example's study, whatever table is open; one source for the words; the honesty rules."""

from __future__ import annotations

import re

import pytest

from iffair_core.datasets.catalog import example_biased_rows
from iffair_core.telling import rows
from iffair_core.telling.replication import Replication, finding, replication, source_title
from pages.kit.words import GOAL_TITLES, WORDS
from pages.parts.learn.chapters import CHAPTERS

VERDICTS = re.compile(r"\b(un)?biased\b|\bcompliant\b|\bdiscriminat\w*", re.IGNORECASE)


def ready(opened):
    return "appear here" not in opened.words() and "Results are up to date" in opened.words()


def html(opened):
    return "\n".join(str(element.proto.body) for element in opened.app.get("html"))


@pytest.fixture
def learn(screen):
    """`learn(name)` opens a chapter, once the example's study is there."""

    def open_chapter(name):
        opened = screen("learn").until(ready)
        return opened.set("radio", "learn_chapter", name)

    return open_chapter


def test_next_leads_through_all_chapters_which_have_words_a_picture_for_numbers_and_no_verdict(screen):
    opened = screen("learn").until(ready)
    for number, chapter in enumerate(CHAPTERS, 1):
        assert opened.app.radio(key="learn_chapter").value == chapter.name
        words = opened.words()
        assert f"{number}. {chapter.name}" in words
        assert not VERDICTS.search(words), VERDICTS.search(words)
        assert not opened.app.error
        if chapter.numbers:
            (picture,) = opened.app.get("plotly_chart")
            assert len(picture.proto.alt) > 40
        following = [button for button in opened.app.button if button.key == "learn_next"]
        assert bool(following) == (number < len(CHAPTERS))
        if following:
            following[0].click()
            opened.run()


def test_learn_shows_the_example_also_beside_a_link_to_an_upload(screen):
    opened = screen("learn", {"source": "upload", "target": "hired"})
    opened.until(lambda now: "appear here" not in now.words())
    assert "Alder" in opened.words()
    assert opened.query["source"] == ["upload"]


def test_a_link_with_unusable_parts_does_not_hide_the_chapter(screen):
    opened = screen("learn", {"metric": "niceness"})
    assert opened.app.warning and "1. What fairness means here" in opened.words()


def test_the_found_rows_are_measured_on_this_studys_scores(learn):
    from pages.session import study_runs

    opened = learn("Does it find altered rows?")
    area, _, found, _ = rows.found_rows(study_runs.example_outcome().result, example_biased_rows())
    assert 0.6 < area < 1.0
    assert f"ROC AUC of {area:.2f}" in opened.words()
    assert f"{100 * found[len(found) // 10]:.1f} %" in opened.words()
    assert "Why not 1.0?" in opened.words()


def test_the_row_that_is_told_agrees_with_its_refit(learn):
    words = learn("Influence, by one row").words()
    predicted, refitted = re.search(
        r"predicted to change it by (\S+) points.*?fitted without it: (\S+) points", words, re.DOTALL
    ).groups()
    predicted, refitted = (float(text.replace("−", "-")) for text in (predicted, refitted))
    assert predicted < 0
    assert abs(predicted - refitted) < 0.1 * abs(refitted)


def test_the_glossary_holds_every_word_of_the_one_source_and_can_be_searched(learn):
    opened = learn("Glossary")
    shown = html(opened)
    for term in (*(name.capitalize() for name in WORDS), *GOAL_TITLES.values()):
        assert f">{term}<" in shown
    opened.set("text_input", "learn_find", "kish")
    assert ">Effective sample size<" in html(opened) and ">Strength<" not in html(opened)
    opened.set("text_input", "learn_find", "zzz")
    assert any("No word" in info.value for info in opened.app.info)


def test_what_is_the_papers_and_what_is_ours_is_said_and_the_references_are_named(learn):
    opened = learn("The paper's and ours")
    words = opened.words()
    assert "full method text was not available" in words
    assert "none of its numbers" in words
    assert "first to combine" in words
    opened.app.radio(key="learn_chapter").set_value("References")
    shown = html(opened.run())
    for name in ("2512.07249", "Koh and Liang 2017", "Cook and Weisberg 1982", "Rad and Maleki 2020",
                 "Kamiran and Calders 2012", "Li and Liu 2022", "Wilson 1927", "Fairlearn", "AIF360"):  # fmt: skip
        assert name in shown


def choose(opened, name, value):
    return opened.set("selectbox", f"learn_compare_{name}", value)


def test_the_comparison_tells_its_counts_for_every_kind_and_variant(learn):
    opened, kept = learn("How it compares"), replication()
    for kind in kept.kinds:
        choose(opened, "kind", kind)
        for variant in kept.variants(kind):
            words = choose(opened, "variant", variant).words()
            assert finding(kept, kind, variant) in words
            assert "not what a recommendation would pick" in words


def test_the_comparison_draws_the_choice_and_holds_its_numbers(learn):
    opened, kept = learn("How it compares"), replication()
    kind, dataset = kept.kinds[0], kept.datasets(kept.kinds[0])[-1]
    goal = kept.goals(kind, dataset)[-1]
    choose(opened, "kind", kind), choose(opened, "data", dataset), choose(opened, "goal", goal)
    (picture,) = opened.app.get("plotly_chart")
    assert picture.proto.alt.startswith(f"{source_title(dataset)}, {GOAL_TITLES[goal].lower()}: accuracy")
    frame = opened.app.dataframe[-1].value
    assert len(frame) == sum(len(rival.margins) for rival in kept.entry(kind, dataset, goal).rivals.values())


def test_every_tab_of_the_comparison_opens(learn):
    opened = learn("How it compares")
    for tab, shown in (("All margins", "Purple: the curve is more accurate"), ("What was run", "on test means")):
        opened.app.session_state["learn_compare_tab"] = tab
        assert shown in opened.run().words()


def test_every_loss_is_on_the_screen(learn):
    opened, kept = learn("How it compares"), replication()
    opened.app.session_state["learn_compare_tab"] = "Where it is behind"
    kind = kept.kinds[0]
    behind = kept.losses(kind, kept.variants(kind)[0])
    opened.run()
    if behind.empty:
        assert "None: at every rival" in opened.words()
        return
    frame = opened.app.dataframe[-1].value
    assert len(frame) == len(behind)
    assert frame["margin"].to_numpy() == pytest.approx(100 * behind["margin"].to_numpy(), nan_ok=True)


def test_a_version_without_a_comparison_says_so(learn, monkeypatch):
    empty = Replication("true", 0.0, {}, ())
    monkeypatch.setattr("pages.parts.learn.comparison.replication", lambda: empty)
    assert any("No comparison is kept" in info.value for info in learn("How it compares").app.info)
