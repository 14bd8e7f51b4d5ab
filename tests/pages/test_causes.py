"""Causes on the screen without a browser: cohorts, what ifs, conflicts, what to collect, single persons."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from iffair_core.causes.change import predict, proven_cells, refit
from iffair_core.causes.cohorts import proven_ledger
from iffair_core.causes.collect import what_to_collect
from iffair_core.causes.conflicts import along_curve, conflicts
from iffair_core.causes.decisions import turned_rows, why_turned
from iffair_core.causes.person import edited
from iffair_core.data.row_selectors import rows_meeting
from iffair_core.datasets.catalog import load_dataset
from iffair_core.reading.values import value_label
from iffair_core.telling import causes
from iffair_core.telling.report import PART_TITLES
from pages.parts import influence
from pages.parts.causes import cohorts as cohorts_part
from pages.parts.causes import person, what_if
from tests.engine.studies import example_study
from tests.pages.test_influence import lines


@pytest.fixture(scope="module")
def table():
    return load_dataset("example")[0]


@pytest.fixture(scope="module")
def ledger(table):
    return proven_ledger(example_study(), table)


def tab(screen, name):
    opened = screen("influence").ready()
    return opened.put("influence_tab", name)


# -------------------------------------------------------------------------------------------------------------- cohorts


def test_cohorts_are_searched_in_the_background_proven_and_shown_in_the_ledger(screen, example, ledger):
    opened = tab(screen, "Cohorts").until(lambda now: "cohort" in now.tables())
    assert causes.cohorts_sentence(example, ledger) in opened.words()
    proven = causes.cohorts_agreement(ledger)
    assert causes.proof_sentence(f"the first {proven.checked} cohorts", proven) in opened.words()
    assert f"Check {proven.level}" in opened.words()
    shown = opened.tables()["cohort"]
    assert shown["cohort"].tolist() == [one.name for one in ledger.cohorts]
    assert shown["refitted"].notna().all()
    rows_of_first = example.dataset.row_id[example.train_rows[ledger.cohorts[0].rows]]
    about = opened.app.session_state["causes_questions"]["cohorts"].about
    opened.app.session_state["cohort_opened"] = (about, rows_of_first)
    opened.put("influence_tab", "Ledger of rows")
    assert f"{rows_of_first.size} of 6,000 training rows" in opened.words()
    opened.click("cohort_close")
    assert "All 6,000 training rows" in opened.words()


def test_a_refit_that_ends_while_the_page_is_drawn_is_shown(screen, example, ledger, monkeypatch):
    opened = tab(screen, "Cohorts").until(lambda now: "cohort" in now.tables())
    rows = ledger.cohorts[0].rows
    monkeypatch.setattr(cohorts_part, "picked_cohort", lambda event, found: found.cohorts[0])
    opened.run()
    real, times = what_if.asked.known, []

    def ends_after_the_question(kind, *question):
        if kind == "cohort_refit" and not times and what_if.asked.is_asked(kind, *question):
            times.append(what_if.asked._open(kind, *question).work.ended(60))  # the first look was just before its end
            return None
        return real(kind, *question)

    monkeypatch.setattr(what_if.asked, "known", ends_after_the_question)
    opened.click("cohort_check")
    told, seen = predict(example, "remove", rows), refit(example, "remove", rows)
    assert times and causes.what_if_sentence(example, "remove", rows.size, told, seen) in opened.words()


def test_a_cohort_is_tried_pinned_and_left_out(screen, example, ledger, table, monkeypatch):
    opened = tab(screen, "Cohorts").until(lambda now: "cohort" in now.tables())
    cohort = ledger.cohorts[0]
    monkeypatch.setattr(cohorts_part, "picked_cohort", lambda event, found: found.cohorts[0])
    opened.run()
    told = predict(example, "remove", cohort.rows)
    assert causes.what_if_sentence(example, "remove", cohort.rows.size, told) in opened.words()
    opened.app.button(key="cohort_check").click()
    seen = refit(example, "remove", cohort.rows)
    said = causes.what_if_sentence(example, "remove", cohort.rows.size, told, seen)
    opened.run().until(lambda now: said in now.words())
    opened.go("report")
    assert PART_TITLES["tried"] not in opened.words(), "it names single rows"
    opened.set("checkbox", "report_part_tried", True)
    assert "What ifs tried: 1, 1 of them refitted. Decisions traced: 0." in opened.words()
    printed = next(str(one.proto.body) for one in opened.app.get("html") if cohort.name in str(one.proto.body))
    assert (
        f"{100 * told.soft:+.2f}".replace("-", "−") in printed and f'<td class="number">{seen.turned}</td>' in printed
    )
    opened.go("influence")
    opened.put("influence_tab", "Cohorts")
    named = "district=Millfield & prior_defaults=0 & decision=denied"
    kept = rows_meeting(table, named)[example.dataset.row_id[example.train_rows]]
    assert np.flatnonzero(kept).tolist() == cohort.rows.tolist()
    opened.click("cohort_pin")
    assert named in str(opened.query["pinned"]) and "Pinned" in opened.words()
    opened.ready()
    opened = opened.until(lambda now: "cohort_exclude" in now.widgets())
    opened.click("cohort_exclude")
    assert named in str(opened.query["exclude"])


def test_a_search_that_is_cancelled_can_be_asked_for_again(screen, monkeypatch):
    going = threading.Event()

    def slow(result, frame, *, stop_check, report):
        while True:
            going.set()
            stop_check()

    monkeypatch.setattr(cohorts_part, "proven_ledger", slow)
    opened = tab(screen, "Cohorts")
    assert going.wait(60)
    opened.app.button(key="cohorts_cancel").click()
    opened.until(lambda now: "cohorts_again" in now.widgets())
    assert not opened.app.exception


def test_what_cannot_be_worked_out_says_why_and_the_page_stays(screen, monkeypatch):
    def broken(result, frame, *, stop_check, report):
        raise RuntimeError("a cell: secret")

    monkeypatch.setattr(cohorts_part, "proven_ledger", broken)
    opened = screen("influence").ready()
    opened.app.session_state["influence_tab"] = "Cohorts"
    opened.app.run()
    for _ in range(50):
        if any("cohorts could not be found" in str(error.proto) for error in opened.app.error):
            break
        opened.app.run()
    assert opened.app.error and "secret" not in opened.words()


# ------------------------------------------------------------------------------------------------------ other questions


def test_goals_are_held_against_each_other(screen, example):
    opened = tab(screen, "Between goals").until(lambda now: "of this study's curve" in now.words())
    assert causes.conflicts_sentence(example, conflicts(example)) in opened.words()
    assert causes.along_sentence(example, along_curve(example)) in opened.words()
    assert len(opened.app.get("plotly_chart")) == 3


def test_effects_by_group_and_outcome_are_checked(screen, example):
    opened = tab(screen, "By group and outcome").until(lambda now: "the median and extreme rows" in now.words())
    proven = proven_cells(example)
    assert causes.proof_sentence("the median and extreme rows of each group and outcome", proven) in opened.words()
    assert proven.checked == 3 * 2 * len(example.dataset.groups) and proven.level == "green"


def test_what_to_collect_is_told_and_checked(screen, example, ledger):
    opened = tab(screen, "What to collect").until(lambda now: "source" in now.tables())
    found = what_to_collect(example, ledger.cohorts)
    assert causes.collect_sentence(example, found) in opened.words()
    assert causes.collect_proof(found) in opened.words()
    assert opened.tables()["source"]["source"].tolist() == [one.name for one in found.batches]


def test_what_was_found_joins_the_report(screen, example, ledger):
    opened = tab(screen, "What to collect").until(lambda now: "source" in now.tables())
    for name, there in (("Cohorts", "cohort"), ("Between goals", None)):
        opened.put("influence_tab", name).until(
            lambda now, there=there: there in now.tables() if there else "of this study's curve" in now.words()
        )
    opened.go("report").ready()
    assert PART_TITLES["causes"] in opened.words()
    assert causes.cohorts_sentence(example, ledger) in opened.words()


def test_rows_of_the_ledger_are_tried_and_checked(screen, example):
    opened = screen("influence").ready()
    opened.app.text_input(key="influence_search").set_value("Millfield Cedar")
    opened.put("influence_try", True)
    shown = lines(opened)
    size = int(next(text for text in opened.words().splitlines() if " training rows. " in text).split(" of ")[0])
    assert f"With {size} rows left out" in opened.words()
    opened.click("check_rows").until(lambda now: "Predictions of these 10 rows were" in now.words())
    checked = next(
        frame.value for frame in opened.app.dataframe if "refitted" in frame.value and "row_id" in frame.value
    )
    assert checked["row_id"].tolist() == shown["row_id"].head(10).tolist()
    assert (checked["predicted"] - checked["refitted"]).abs().max() < 1e-3


def test_a_row_has_its_likes_and_is_edited(screen, example, table):
    opened = screen("influence").ready()
    row = int(lines(opened)["row_id"].iloc[2])
    opened.app.session_state[influence.PICKED] = (example.fingerprint, row)
    for key in ("card_alike", "card_edit", "card_try"):
        opened.app.session_state[key] = True
    opened.run()
    assert "With 1 row left out" in opened.words()
    shown = next(frame for frame in opened.app.dataframe if "distance" in frame.value.columns)
    assert shown.proto.placeholder == "missing"
    alike = shown.value
    assert alike["row_id"].iloc[0] == row and alike["distance"].is_monotonic_increasing and len(alike) == 6
    names = [name for name, learned in example.dataset.encoding.items() if learned["kind"] != "dropped"]
    place = names.index("prior_defaults")
    assert opened.tables()["values"]["values"].tolist() == ["as it is"]
    box = opened.app.number_input(key=f"edit_{row}_{place}")
    assert isinstance(box.value, int) and box.step == 1
    box.set_value(4)
    opened.run()
    assert "outside the training rows' range" not in opened.words()
    before, after = edited(example, table, row, {"prior_defaults": 4.0})
    told = opened.tables()["values"]
    labels = example.dataset.task.outcome_labels
    assert told["ordinary model"].tolist() == [
        f"{100 * one.before:.1f} %: {labels[int(one.favorable_before)]}" for one in (before, after)
    ]


def test_a_number_that_no_training_row_reaches_is_told(screen, example, table):
    opened = screen("influence").ready()
    row = int(lines(opened)["row_id"].iloc[2])
    opened.app.session_state[influence.PICKED] = (example.fingerprint, row)
    opened.put("card_edit", True)
    assert "outside the training rows' range" not in opened.words()
    names = [name for name, learned in example.dataset.encoding.items() if learned["kind"] != "dropped"]
    trained = table.iloc[example.dataset.row_id[example.train_rows]]
    for name, number in (("prior_defaults", 99), ("debt_ratio", -3.5)):
        opened.set("number_input", f"edit_{row}_{names.index(name)}", number)
        low, high = value_label(trained[name].min()), value_label(trained[name].max())
        assert f"{name}: {number} is outside the training rows' range {low} to {high}." in opened.words()


def test_a_turned_decision_is_traced(screen, example, table, monkeypatch):
    opened = screen("reweight").ready()
    opened.put("reweight_tab", "Decisions that turn")
    people = next(frame.value for frame in opened.app.dataframe if {"before", "after"} <= set(frame.value.columns))
    assert people["row_id"].tolist() == example.dataset.row_id[turned_rows(example)].tolist()
    row = int(people["row_id"].iloc[0])
    monkeypatch.setattr(person, "picked_person", lambda event, table: row)
    cause = why_turned(example, table, row)
    opened.run().until(lambda now: f"row {row} turned" in now.words())
    assert causes.cause_sentence(example, cause) in opened.words()
    told = next(frame.value for frame in opened.app.dataframe if "push" in frame.value.columns)
    assert told["row_id"].tolist() == causes.cause_table(example, cause)["row_id"].tolist()
    opened.go("report")
    opened.app.checkbox(key="report_part_tried").set_value(True)
    assert causes.cause_sentence(example, cause) in opened.run().words()


# --------------------------------------------------------------------------------------------------- what it rests on


def test_positions_are_found_by_row_ids(example):
    ids = example.dataset.row_id[example.train_rows]
    assert what_if.positions(example, ids[[5, 2, 900]]).tolist() == [2, 5, 900]
