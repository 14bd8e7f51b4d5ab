"""Scenarios on the pages: saved, listed, opened with and without their table, changed by two, compared, deleted."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from iffair_core.scenarios.record import TABLE, Kept
from iffair_core.scenarios.store import store
from iffair_core.telling.csv_writing import csv_bytes
from pages.kit import widgets
from pages.session.address import from_query
from tests.engine.studies import HOSTILE_FEATURE
from tests.pages.conftest import READY, choose_people, upload

PAGES = Path(__file__).resolve().parents[2] / "pages"
HOSTILE = f"=1+1 <script>alert(1)</script> **b** $x$ :material/home: {HOSTILE_FEATURE}"
SAME = "the numbers are those that were saved"


def save(opened, name="", *, rows=False, button="scenario_add"):
    """Save the study on the screen."""
    opened.put("scenario_save", True)
    opened.app.text_input(key="scenario_name").set_value(name)
    if rows:
        opened.app.checkbox(key="scenario_rows").set_value(True)
    return opened.click(button)


def tab(opened):
    return opened.put("compare_tab", "Scenarios")


def table_with(opened, column):
    return next(one.value for one in opened.app.dataframe if column in one.value.columns)


def studied(screen, content):
    opened = choose_people(upload(screen("data"), "people.csv", content))
    return opened.click("card_run").ready()


def test_a_study_is_saved_from_each_page_that_defends_it_and_opened_again_with_the_same_numbers(screen):
    opened = screen("reweight", {"strength": "0.25"}).ready()
    for count, page in enumerate(("compare", "report", "reweight"), start=1):
        save(opened.go(page))
        entry = store().all()[0]
        assert entry.name == "example, equalized odds, strength 0.25" and len(store().all()) == count
        assert entry.head["choices"] == {"strength": ["0.25"]}
        assert opened.query == {"strength": ["0.25"], "scenario": [entry.id]}
        assert entry.name in opened.words() and SAME in opened.words()
    again = screen("reweight", {"scenario": entry.id, "strength": "0.5"}).ready()
    assert "changed since: strength (0.25 to 0.5)" in again.words()


def test_a_saved_study_is_listed_opened_copied_renamed_and_deleted_by_another_visitor(screen):
    save(screen("compare", {"strength": "0.25"}).ready(), "=Quarter")
    other = tab(screen("compare").ready())
    listed = table_with(other, "note")
    assert list(listed["name"]) == ["=Quarter"] and list(listed["strength"]) == [0.25]
    assert b"'=Quarter" in csv_bytes(listed)
    other.click("scenario_open").ready()
    assert other.query["strength"] == ["0.25"] and SAME in other.words()
    tab(other).click("scenario_double")
    assert [one.name for one in store().all()] == ["=Quarter (copy)", "=Quarter"]
    entry = store().all()[1]
    other.app.text_input(key=f"scenario_new_name_{entry.id}").set_value("Fourth")
    other.app.text_area(key=f"scenario_new_note_{entry.id}").set_value("As agreed.")
    other.click("scenario_rename")
    assert {(one.name, one.note) for one in store().all()} == {("=Quarter (copy)", ""), ("Fourth", "As agreed.")}
    other.click("scenario_delete")
    assert [one.name for one in store().all()] == ["=Quarter (copy)"] and "scenario" not in other.query


def test_two_people_on_one_scenario_the_second_is_told_and_keeps_a_copy_or_opens_the_others(screen):
    first = save(screen("reweight").ready(), "Ours")
    second = screen("reweight", first.query).ready()
    first.put("scenario_save", True)
    first.app.text_area(key="scenario_note").set_value("first")
    first.click("scenario_over")
    # The second goes on, and so has read of the new version, without having opened it.
    second.app.query_params["strength"] = "0.25"
    second.run()
    assert "somebody changed it since you opened it" in second.words()
    for _ in range(2):
        save(second, button="scenario_over")
        assert "Someone changed this scenario meanwhile" in second.words()
        assert "Nothing was overwritten" in second.words()
        (entry,) = store().all()
        assert (entry.note, entry.version, entry.head["choices"]) == ("first", 2, {})
    second.click("scenario_copy")
    assert {(one.name, one.version) for one in store().all()} == {("Ours", 2), ("Ours (copy)", 1)}
    assert "meanwhile" not in second.words() and "Ours (copy)" in second.words()

    third = screen("reweight", first.query | {"strength": "0.25"}).ready()
    save(first, "Ours", button="scenario_over")
    save(third, button="scenario_over")
    third.click("scenario_theirs")
    assert "strength" not in third.query and SAME in third.words()
    save(third, button="scenario_over")
    assert store().entry(entry.id).version == 4, "what was opened may be saved over"


def test_numbers_that_are_not_those_that_were_saved_are_said_to_differ_and_by_how_much(screen):
    opened = save(screen("reweight").ready(), "Ours")
    (entry,) = store().all()
    kept = store().read(entry.id)[1]
    curve = kept.curve.assign(accuracy=kept.curve["accuracy"] + 0.125).to_csv(index=False).encode()
    store().change(entry, kept=Kept(kept.head, {**kept.files, "curve.csv": curve}))
    again = screen("reweight", opened.query).ready()
    assert "the numbers differ from those that were saved, by up to 0.12 (curve accuracy)" in again.words()
    store().change(store().all()[0], kept=Kept(kept.head, {}))
    damaged = screen("reweight", opened.query).ready()
    assert "lacks its curve.csv" in damaged.words() or "lacks its summary.json" in damaged.words()
    assert damaged.app.get("plotly_chart")


def test_with_and_without_its_file(screen, people_csv):
    owner = save(studied(screen, people_csv).go("report").ready(), "Bare")
    (bare,) = store().all()
    assert TABLE not in store().read(bare.id)[1].files and not bare.head["table"]["kept"]
    save(owner, "Whole", rows=True)
    whole = store().all()[0]
    assert whole.head["table"]["kept"]

    # Without the file: what is held. Another upload does not stand in for it.
    colleague = upload(screen("data"), "others.csv", people_csv.replace(b"North", b"Nord"))
    tab(colleague.go("compare")).app.selectbox(key="scenario_pick").set_value(bare.id)
    colleague.run().click("scenario_open")
    words = colleague.words()
    assert "The file is not here. Give people.csv again" in words and READY not in words
    assert all(told in words for told in bare.head["sentences"]) and colleague.app.get("plotly_chart")
    assert {"held_summary.json", "held_curve.csv", "held_rows.csv"} <= colleague.widgets("download_button")
    for page in ("report", "reweight"):
        assert "Give people.csv again" in colleague.go(page).words()

    # With the file: the same numbers.
    upload(colleague.go("data"), "people.csv", people_csv)
    assert colleague.query["scenario"] == [bare.id]
    colleague.click("card_run").ready()
    assert SAME in colleague.go("report").words()

    # The rows that were kept are the file, wherever the link is opened.
    anywhere = screen("reweight", owner.query).ready()
    assert "people" in anywhere.words() and SAME in anywhere.words()


def test_scenarios_stand_side_by_side_with_the_study_on_the_screen(screen, monkeypatch):
    pictures, draw = [], widgets.chart

    def noted(picture, *given, **named):
        pictures.append(picture)
        return draw(picture, *given, **named)

    monkeypatch.setattr(widgets, "chart", noted)
    opened = save(screen("compare", {"strength": "0.25"}).ready(), "Quarter")
    quarter = store().all()[0]
    kept = store().read(quarter.id)[1]
    elsewhere = {**kept.head["table"], "fingerprint": "0" * 64, "name": "other <b>.csv"}
    other = store().add(HOSTILE, "", Kept({**kept.head, "choices": {"seed": ["1"]}, "table": elsewhere}, kept.files))
    tab(opened).app.multiselect(key="choice_beside").set_value([quarter.id, other.id])
    opened.run()
    assert set(opened.query["beside"]) == {quarter.id, other.id} and READY in opened.words()
    words = opened.words()
    assert "In accuracy on the same test rows, the study on the screen cannot be told apart from 'Quarter' (" in words
    assert "it is not tested against" in words and "(it was studied on another table)" in words
    picture = next(one for one in pictures if "3 studies" in one.alt)
    assert set(picture.table["study"][:2]) == {"The study on the screen"}
    assert "<script>" not in picture.figure.to_json().replace("\\u003c", "<")
    apart = table_with(opened, "Seed")
    assert list(apart["Seed"]) == ["0", "1", "0"] and "Table" in apart and "Variant" not in apart
    assert list(table_with(opened, "accuracy before")["strength"]) == [0.25] * 3
    again = tab(screen("compare", opened.query).ready())
    assert set(again.app.multiselect(key="choice_beside").value) == {quarter.id, other.id}


def test_a_cohort_only_study_is_saved_without_rows(opened):
    opened.app.number_input(key="choice_smallest_group").set_value(5)
    opened.run().click("card_run").ready().go("report")
    opened.put("scenario_save", True)
    assert "neither the file nor any single row is kept" in opened.words()
    assert "scenario_rows" not in opened.widgets("checkbox")
    save(opened, "Closed")
    held = store().read(store().all()[0].id)[1]
    assert held.rows is None and "weights.csv" in held.files and TABLE not in held.files


def test_in_cohort_only_mode_the_files_of_a_scenario_without_it_are_not_offered(screen):
    save(screen("report").ready(), "Open")
    entry = store().all()[0]
    hidden = screen("report", {"smallest_group": "5", "scenario": entry.id})
    assert "its files are offered once the mode is switched off" in hidden.words()
    assert not {key for key in hidden.widgets("download_button") if str(key).startswith("held_")}


def test_a_scenario_that_is_gone_or_never_was_and_a_database_that_is_not_there_are_said(screen, monkeypatch):
    assert "There is no such scenario" in screen("reweight", {"scenario": "0123456789ab"}).ready().words()
    assert from_query({"scenario": ["'; DROP"]})[1] and from_query({"beside": ["../x"]})[1]
    monkeypatch.setenv("IFFAIR_DATABASE_URL", "postgresql://me:secret@127.0.0.1:1/x")
    opened = tab(screen("compare").ready())
    assert "cannot be used" in opened.words() and "secret" not in opened.words()
    save(opened, "Lost")
    assert {one.title for one in opened.app.error} >= {"Not saved"}


@pytest.mark.parametrize("path", sorted(PAGES.rglob("*.py")), ids=lambda path: path.stem)
def test_a_page_loads_the_databases_libraries_only_where_a_scenario_is_on_the_screen(path):
    names = {"sqlalchemy", "alembic", "iffair_core.scenarios"}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            found = [one.name for one in node.names] if isinstance(node, ast.Import) else [str(node.module)]
            assert not [name for name in found if any(name.startswith(one) for one in names)]
