"""The Influence page without a browser: the finding, the ledger and its search, a row's card, an upload, bad data."""

from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest

from iffair_core.datasets.catalog import load_dataset
from iffair_core.reading.door import read_table, table_fingerprint
from iffair_core.study.results import Baseline, GoalScores, Influence
from iffair_core.telling import rows, sentences
from iffair_core.telling.figures.common import MAX_POINTS
from iffair_core.telling.rows import find_rows, inside, row_facts
from pages.parts import influence
from pages.session import study_runs


def lines(opened):
    return next(table.value for table in opened.app.dataframe if "gap_if_removed" in table.value.columns)


@pytest.fixture(scope="module")
def table():
    return load_dataset("example")[0]


# -------------------------------------------------------------------------------------------------------- the page


def test_the_badge_comes_first_then_the_finding_and_the_numbers(screen, example):
    opened = screen("influence").ready()
    words = opened.words()
    assert f"Fidelity {example.fidelity.level}" in words and example.fidelity.sentence in words
    assert opened.app.subheader[0].value.replace("\\", "") == sentences.influence_sentence(example)
    cards = {card.label: card.value for card in opened.app.metric}
    assert cards["Training rows scored"] == "6,000" and cards["Rows refitted without"] == "200"
    part = rows.widening_rows(example)[1]
    assert cards["Made by 60 rows (top 1 %)"] == f"{100 * part:.1f} %"
    assert "predicted" in words


def test_only_one_page_of_the_ledger_is_sent_and_it_begins_with_the_row_that_widens_most(screen, example):
    opened = screen("influence").ready()
    shown = lines(opened)
    assert len(shown) == influence.PAGE_ROWS
    assert shown["row_id"].iloc[0] == rows.ledger(example)["row_id"].iloc[0]
    assert shown["gap_if_removed"].is_monotonic_increasing
    assert "All 6,000 training rows" in opened.words()


def test_search_filters_and_order_work_on_all_rows(screen, table):
    opened = screen("influence").ready()
    opened.app.text_input(key="influence_search").set_value("cedar SALARIED")
    opened.app.multiselect(key="influence_roles").set_value(["harms both"])
    opened.set("selectbox", "influence_order", "Narrows the gap most")
    shown = lines(opened)
    found = table.iloc[shown["row_id"]]
    assert set(found["community"]) == {"Cedar"} and set(found["employment"]) == {"salaried"}
    assert set(shown["role"]) == {"harms both"} and shown["gap_if_removed"].is_monotonic_decreasing
    opened.set("text_input", "influence_search", "no such words anywhere")
    assert any("None of the 6,000 training rows fits" in note.value for note in opened.app.info)


def test_a_chosen_row_opens_its_card_which_can_be_closed(screen, example, table):
    opened = screen("influence").ready()
    row = int(lines(opened)["row_id"].iloc[2])
    opened.put(influence.PICKED, (example.fingerprint, row))
    facts = row_facts(example, table, row)
    words = opened.words()
    assert f"**Row {row}**" in words and f"Number {facts.rank} of 6,000 in widening the gap" in words
    flipped = f"flip {facts.flips:,} decision" if facts.flips else "flip no decision"
    assert f"Removing it is predicted to {flipped}" in words
    assert f"Weight {facts.weight:.2f}" in words and "(refitted)" in words
    assert len(opened.app.dataframe) == 3
    opened.click("influence_close")
    assert len(opened.app.dataframe) == 1


@pytest.mark.parametrize("name", ["By group and outcome", "Proof by refits"])
def test_the_other_tabs_open_and_leave_the_ledger_out(screen, name):
    opened = screen("influence").ready()
    opened.put("influence_tab", name)
    assert len(opened.app.get("plotly_chart")) == 2 and not opened.app.dataframe


def test_before_the_check_the_badge_says_so(screen, example, monkeypatch):
    opened = screen("influence").ready()
    done = {kind: example.records[kind] for kind in (Baseline, Influence, GoalScores)}
    partial = replace(example, rivals=(), records=done)
    monkeypatch.setattr(study_runs, "current_result", lambda: (partial, []))
    opened.run()
    assert not opened.app.error
    assert "not verified" in opened.words() and "weight" not in lines(opened).columns
    opened.put("influence_tab", "Proof by refits")
    assert len(opened.app.get("plotly_chart")) == 1


def test_an_upload_is_studied_and_its_rows_open(people_csv, example, opened):
    opened.app.session_state[influence.PICKED] = (example.fingerprint, 7)
    opened.go("influence")
    assert "has not been studied yet" in opened.words()
    opened.click("empty_run").ready()
    assert len(opened.app.dataframe) == 1, "a row of another table opens no card"
    fingerprint = table_fingerprint(read_table(io.BytesIO(people_csv), name="people.csv"))
    opened.put(influence.PICKED, (fingerprint, int(lines(opened)["row_id"].iloc[0])))
    assert len(opened.app.dataframe) == 3


def test_without_a_table_and_with_choices_that_do_not_fit_it_says_so(screen):
    assert "choose a table" in screen("influence", {"source": "upload", "target": "hired"}).words()
    opened = screen("influence", {"target": "decisoin"})
    assert any("decisoin" in told.value for told in (*opened.app.error, *opened.app.warning))


# ---------------------------------------------------------------------------------------------------- what it rests on


def test_a_selection_is_the_rows_of_its_points_and_beyond_the_limit_of_its_area(example):
    assert influence.rows_in_selection({"selection": {"points": [], "box": [], "lasso": []}}, example) is None
    points = [{"customdata": {"0": 7000}}, {"customdata": [12]}]
    box = {"x": [-1.0, 0.0], "y": [-1.0, 1.0]}
    assert influence.rows_in_selection({"selection": {"points": points, "box": [box]}}, example).tolist() == [12, 7000]
    assert influence.rows_in_selection({"selection": {"points": [], "box": [box]}}, example).size == 0


def test_beyond_the_limit_a_box_holds_rows_that_are_not_drawn(example, monkeypatch):
    assert example.train_rows.size < MAX_POINTS
    monkeypatch.setattr(influence, "MAX_POINTS", 100)
    box = {"x": [-1e9, 0.0], "y": [1e9, -1e9]}
    found = influence.rows_in_selection({"selection": {"points": [], "box": [box]}}, example)
    assert found.size == int(np.sum(example.goal.removal <= 0))


def test_inside_boxes_and_lassos():
    x, y = np.array([0.5, 2.0, 0.9, -0.1]), np.array([0.5, 0.5, 0.2, 0.0])
    assert inside(x, y, [{"x": [1, 0], "y": [0, 1]}], []).tolist() == [True, False, True, False]
    triangle = {"x": [0, 1, 0], "y": [0, 0, 1]}
    assert inside(x, y + 0.01, [], [triangle]).tolist() == [False, False, False, False]
    assert inside(x - 0.1, y - 0.1, [], [triangle]).tolist() == [True, False, True, False]
    assert inside(x, y, [], []).tolist() == [False] * 4


def test_search_takes_row_numbers_and_numbers_of_the_row(example, table):
    whole = rows.ledger(example)
    row = int(whole["row_id"].iloc[5])
    found = find_rows(whole, table, words=str(row))
    assert row in set(found["row_id"])
    for other in set(found["row_id"]) - {row}:
        assert row in set(table.iloc[other].drop("community").tolist())
    assert find_rows(whole, table, only=np.array([row]))["row_id"].tolist() == [row]
