"""The Data page on files as people have them: every choice by its widget, remedies and their undoing, forgetting."""

from __future__ import annotations

import gzip
import io
import json
import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from iffair_core.datasets import fetching
from iffair_core.datasets.catalog import DATASETS
from iffair_core.errors import TableError
from pages.kit import errors
from pages.session import state, uploads
from pages.session.address import to_query
from pages.session.settings import Choices, preset
from pages.session.work import Work
from pages.shell import boot
from tests.pages.conftest import choose_people, upload

ROWS = 600


@pytest.fixture(scope="module")
def messy_csv() -> bytes:
    """600 invented applications as a German office exports them, with all that can be wrong with a table."""
    rng = np.random.default_rng(5)
    origin = rng.choice(["inland", "EU", "other", "?"], ROWS, p=[0.62, 0.2, 0.13, 0.05])
    income = np.exp(rng.normal(7.6, 0.5, ROWS) - 0.3 * (origin != "inland"))
    points = np.clip(np.round(income / 300 + rng.normal(0, 3, ROWS) + 5 * (origin == "inland")), 0, 40).astype(int)
    days = pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 600, ROWS), unit="D")
    frame = pd.DataFrame(
        {
            "case": [f"A{i:05d}" for i in range(ROWS)],
            "person": rng.integers(0, 400, ROWS),
            "day": pd.Series(days).dt.strftime("%d.%m.%Y"),
            "age": rng.integers(17, 80, ROWS),
            "region": rng.choice(["North", "South", "West", "unknown"], ROWS, p=[0.4, 0.3, 0.25, 0.05]),
            "origin": origin,
            "income": [f"{value:.2f}".replace(".", ",") for value in income],
            "grade before": points + rng.integers(-1, 2, ROWS),
            "weight": [f"{value:.3f}".replace(".", ",") for value in rng.gamma(4, 0.25, ROWS)],
            "part": rng.choice(["train", "test"], ROWS, p=[0.7, 0.3]),
            "constant": "x",
            "points": points,
        }
    )
    frame = pd.concat([frame, frame.iloc[:30]], ignore_index=True)
    return ("Report of the office\n\n" + frame.to_csv(index=False, sep=";")).encode("utf-16")


def held(opened: Any) -> Choices:
    """The choices of the session."""
    return opened.app.session_state["choices"]


@pytest.fixture
def messy(screen, messy_csv) -> Any:
    """The messy file on the Data page, its outcome and groups chosen."""
    link = {"source": "upload", "target": "points", "bins": "points:10", "favorable": ">= 10", "sensitive": ["origin"]}
    opened = screen("data", link)
    return opened.give("office.csv", messy_csv)


def checked(opened: Any) -> Any:
    """Wait until the checks of the current choices are there."""
    return opened.until(lambda now: "Looking at the table" not in now.words())


# ------------------------------------------------------------------------------------------------------------- reading


def test_a_file_is_read_whatever_it_is_called_and_says_how(screen, messy_csv):
    opened = upload(screen("data"), "export.dat.old", messy_csv)
    panel = next(one for one in opened.app.expander if one.label.startswith("How the file is read"))
    assert "semicolon, UTF\\-16, header in line 3" in panel.label
    assert "630 rows and 12 columns" in opened.words()


@pytest.mark.parametrize("pack", ["gz", "parquet", "xlsx"])
def test_other_kinds_of_files_are_taken_too(screen, people_csv, pack):
    frame = pd.read_csv(io.BytesIO(people_csv), keep_default_na=False)
    buffer = io.BytesIO()
    if pack == "gz":
        buffer.write(gzip.compress(people_csv))
    elif pack == "parquet":
        frame.to_parquet(buffer)
    else:
        with pd.ExcelWriter(buffer) as book:
            pd.DataFrame({"about": ["this file"]}).to_excel(book, sheet_name="about", index=False)
            frame.to_excel(book, sheet_name="people", index=False)
    opened = choose_people(choose_sheet(upload(screen("data"), f"people.{pack}", buffer.getvalue()), pack))
    assert "400 rows; " in opened.words() and "clan, 3 groups" in opened.words()


def choose_sheet(opened: Any, pack: str) -> Any:
    """Of a workbook the second sheet."""
    if pack == "xlsx" and "400 rows" not in opened.words():
        open_reading(opened).set("selectbox", "reading_sheet", "people")
        opened.click("reading_apply")
        assert opened.query["reading"] == ["sheet:people"]
    return opened


def open_reading(opened: Any) -> Any:
    """Unfold how the file is read."""
    return opened.put("reading_panel", True)


def test_a_reading_option_changes_the_preview_first_and_the_table_when_it_is_asked_for(opened):
    before = held(opened)
    open_reading(opened)
    opened.set("selectbox", "reading_delimiter", ";")
    assert "reading_apply" in opened.widgets()
    assert held(opened) == before and "400 rows; " in opened.words()
    opened.click("reading_apply")
    assert "400 rows and 1 columns" in opened.words() and opened.query["reading"] == ["delimiter:;"]
    assert any("no column 'hired', which was the outcome" in one.value for one in opened.app.warning)
    assert opened.widgets() >= {"reading_detect"}
    opened.set("selectbox", "reading_delimiter", ",")
    opened.click("reading_apply")
    assert "400 rows; " in opened.words() and "clan, 3 groups" in opened.words()
    assert (held(opened).target, held(opened).sensitive) == (before.target, before.sensitive)
    opened.set("selectbox", "reading_delimiter", None)
    opened.click("reading_apply")
    assert held(opened) == before


def test_an_option_that_cannot_be_is_said_and_keeps_everything(opened):
    before = held(opened)
    opened.put("reading_wanted", {"encoding": "klingon"})
    assert any("klingon" in one.value for one in opened.app.error)
    assert opened.app.button(key="reading_apply").disabled
    assert held(opened) == before and "400 rows; " in opened.words()
    opened.click("reading_detect")
    assert not opened.app.error and "reading_apply" not in opened.widgets()


def test_options_of_a_link_are_used_for_the_first_file_and_not_for_another(screen, people_csv):
    opened = screen("data", {"source": "upload", "reading": ["header:0"], "target": "column 4"})
    opened.give("people.csv", people_csv)
    assert "401 rows" in opened.words() and held(opened).target == "column 4"
    opened.give("other.csv", people_csv)
    assert "400 rows" in opened.words() and held(opened).reading == {}


def test_a_long_reading_goes_on_beside_the_page_and_can_be_cancelled(screen, people_csv, monkeypatch):
    monkeypatch.setattr(uploads, "QUICK_SECONDS", 0.0)
    go = threading.Event()
    real = uploads.read_table

    def slow(raw, *, stop_check, **rest):
        while not go.wait(0.01):
            stop_check()
        return real(raw, stop_check=stop_check, **rest)

    monkeypatch.setattr(uploads, "read_table", slow)
    opened = upload(screen("data"), "people.csv", people_csv)
    assert "Reading people.csv" in opened.words() and "10,000 rows; " in opened.words()
    assert "as it is being read: comma" in opened.words()
    opened.click("reading_cancel")
    assert "The reading was cancelled" in opened.words() and "10,000 rows; " in opened.words()
    go.set()
    opened.click("data_read_again")
    opened.until(lambda now: "400 rows and 4 columns" in now.words())


# ------------------------------------------------------------------------------------------------------------- choices


def test_a_number_as_outcome_is_cut_at_a_threshold(messy):
    messy.set("selectbox", "choice_target", "grade before")
    assert messy.query["bins"][0].startswith("grade before:") and "favorable" not in messy.query
    messy.set("selectbox", "choice_target", "points")
    messy.set("segmented_control", "threshold_side_points", ">=")
    assert messy.query["bins"][0].startswith("points:") and messy.query["favorable"][0].startswith(">= ")
    messy.set("slider", "threshold_slider_points", 9)
    assert messy.query["bins"] == ["points:9"] and messy.query["favorable"] == [">= 9"]
    assert "rows are at least 9" in messy.words() and "points >= 9" in messy.words()
    messy.set("number_input", "threshold_exact_points", 7.5)
    assert messy.query["bins"] == ["points:7.5"] and messy.query["favorable"] == [">= 7.5"]
    messy.set("segmented_control", "threshold_side_points", "<")
    assert messy.query["favorable"] == ["< 7.5"] and "630 rows; " in messy.words()
    messy.set("segmented_control", "favorable_way", "values")
    assert "bins" not in messy.query
    messy.set("multiselect", "favorable_values", ["10", "11", "12"])
    assert messy.query["favorable"] == ["10", "11", "12"]


def test_numbers_are_grouped_by_cuts_by_equal_parts_or_value_by_value(messy):
    messy.set("multiselect", "choice_sensitive", ["age"])
    cuts = messy.query["bins"]
    messy.set("segmented_control", "cuts_way_age", "quantiles")
    messy.set("number_input", "cuts_parts_age", 3)
    assert "age:q3" in messy.query["bins"] and "age, 3 groups" in messy.words() and "Cut at " in messy.words()
    messy.set("segmented_control", "cuts_way_age", "values")
    assert any("at most 50 can be compared" in one.value for one in messy.app.error)
    messy.set("segmented_control", "cuts_way_age", "cuts")
    assert set(messy.query["bins"]) == set(cuts)


def test_values_are_taken_together_and_apart_again(messy):
    messy.set("multiselect", "pool_values_origin", ["EU", "other"])
    messy.set("text_input", "pool_name_origin", "inland")
    messy.click("pool_on_origin")
    assert any("another value of the column" in one.value for one in messy.app.error)
    messy.set("text_input", "pool_name_origin", "abroad")
    messy.click("pool_on_origin")
    assert json.loads(messy.query["pool"][0]) == ["origin", "abroad", "EU", "other"]
    assert "origin, 3 groups" in messy.words()
    messy.click("pool_off_origin_abroad")
    assert "pool" not in messy.query and "origin, 4 groups" in messy.words()


def test_bins_are_taken_together_too(messy):
    messy.set("multiselect", "choice_sensitive", ["age"])
    messy.set("text_input", "cuts_age", "25, 60")
    messy.set("multiselect", "pool_values_age", ["< 25", ">= 60"])
    messy.click("pool_on_age")
    assert json.loads(messy.query["pool"][0]) == ["age", "other", "< 25", ">= 60"]
    assert "age, 2 groups" in messy.words()


def test_a_marker_that_means_missing_makes_a_group_of_those_rows(messy):
    pills = next(one for one in messy.app.button_group if one.label == "Cells that mean missing")
    assert any("?  in 1 column" in option.content for option in pills.proto.options)
    pills.set_value(["?"])
    messy.run()
    assert messy.query["missing"] == ["?"] and "rows without origin are a group of their own" in messy.words()


def test_types_and_uses_of_several_columns_are_changed_at_once(messy):
    messy.set("multiselect", "columns_picked", ["day", "case"])
    messy.set("selectbox", "columns_type", "category")
    assert set(messy.query["types"]) == {"day:category", "case:category"}
    messy.set("selectbox", "columns_use", "left out")
    assert messy.query["drop"] == ["day", "case"]
    messy.set("selectbox", "columns_type", "as seen")
    messy.set("selectbox", "columns_use", "feature")
    assert "types" not in messy.query and "drop" not in messy.query


def test_a_type_that_does_not_fit_is_said_and_can_be_taken_back(messy):
    messy.set("multiselect", "columns_picked", ["region"])
    messy.set("selectbox", "columns_type", "number")
    assert any("region" in one.value and "type" in one.value for one in messy.app.error)
    messy.set("selectbox", "columns_type", "as seen")
    assert not messy.app.error and "630 rows; " in messy.words()


def test_more_about_the_rows_comes_back_from_the_address(messy, screen, messy_csv):
    messy.set("selectbox", "choice_weights", "weight")
    messy.set("selectbox", "choice_split_column", "part")
    messy.set("selectbox", "choice_unit", "person")
    messy.set("toggle", "exclude_duplicates", True)
    messy.set("selectbox", "exclude_column", "age")
    messy.set("segmented_control", "exclude_sign", "<")
    messy.set("text_input", "exclude_number", "18")
    messy.click("exclude_on")
    messy.set("selectbox", "exclude_column", "region")
    messy.set("selectbox", "exclude_value", "unknown")
    messy.click("exclude_on")
    assert messy.query["exclude"] == ["duplicates", "age<18", "region=unknown"]
    assert (messy.query["weights"], messy.query["split_column"], messy.query["unit"]) == (
        ["weight"],
        ["part"],
        ["person"],
    )
    assert "count each row by its weight" in messy.words()
    messy.click("exclude_off_age<18")
    assert messy.query["exclude"] == ["duplicates", "region=unknown"]

    link, made = messy.query, held(messy)
    opened = screen("data", link)
    assert "Give the same file" in opened.words()
    opened.give("again.csv", messy_csv)
    assert held(opened) == made and opened.query == link and not opened.app.warning


def test_a_bound_that_is_no_number_is_said_with_the_way_out(messy):
    messy.set("selectbox", "exclude_column", "age")
    messy.set("segmented_control", "exclude_sign", "<")
    messy.set("text_input", "exclude_number", "young")
    messy.click("exclude_on")
    assert any("'young'" in one.value for one in messy.app.error)
    messy.click("exclude_off_age<young")
    assert not messy.app.error


# -------------------------------------------------------------------------------------------------------------- checks


def test_every_remedy_applies_and_is_undone(messy):
    checked(messy)
    found = [str(one.key) for one in messy.app.button if str(one.key).startswith("remedy_")]
    keys = {key.rsplit("_", 2)[0]: key for key in found}.values()
    assert len(keys) >= 4
    for key in keys:
        before = held(messy)
        label = next(one.label for one in messy.app.button if one.key == key).replace("\\", "")
        messy.click(key)
        assert held(messy) != before, label
        assert f"Applied: {label}" in messy.words()
        checked(messy)
        messy.click("remedy_undo")
        assert held(messy) == before, label
        checked(messy)
    assert "remedy_undo" not in messy.widgets()


def test_undoing_a_remedy_keeps_what_was_chosen_since_and_goes_away_with_its_own_part(messy):
    checked(messy)
    first = next(one for one in messy.app.button if str(one.key).startswith("remedy_duplicate_rows"))
    messy.click(first.key)
    messy.set("number_input", "choice_seed", 4)
    messy.click("remedy_undo")
    assert held(messy).seed == 4 and held(messy).exclude == ()
    checked(messy).click(first.key)
    messy.set("toggle", "exclude_duplicates", False)
    assert "Applied" not in messy.words()


def test_checks_flag_their_columns_and_are_counted_by_severity(messy):
    checked(messy)
    card = next(one for one in messy.app.get("metric") if one.label == "Checks")
    assert "important" in card.delta
    table = next(one.value for one in messy.app.dataframe if "flags" in one.value)
    assert "leakage" in table.set_index("name").loc["grade before", "flags"]


def test_important_checks_stand_above_the_columns_and_are_announced_where_the_study_is_started(messy):
    checked(messy)
    headings = [one.value for one in messy.app.subheader]
    assert headings.index("Important checks") < headings.index("Columns") < headings.index("More checks")
    order = [text for one in messy.app.main if isinstance(text := getattr(one, "value", None), str)]
    leak = next(place for place, text in enumerate(order) if "Columns that give the outcome away" in text)
    assert order.index("Important checks") < leak < order.index("Columns")
    important = sum(":gray-badge[Important]" in one.value for one in messy.app.markdown)
    (line,) = (one.value for one in messy.app.markdown if "Before you run" in one.value)
    assert (f"{important} important checks" if important > 1 else "an important check") in line


def test_without_important_checks_there_is_one_list_and_no_line(screen):
    opened = checked(screen("data"))
    headings = [one.value for one in opened.app.subheader]
    assert "Checks" in headings and not {"Important checks", "More checks"} & set(headings)
    assert "Before you run" not in opened.words()


# ------------------------------------------------------------------------------------------------ what is easily missed


def test_a_suggested_reference_that_rows_left_out_change_is_told(opened):
    before = reference(opened)
    assert "changed the suggestion" not in opened.words()
    state_of = opened.app.session_state["choices"]
    opened.put("choices", replace(state_of, exclude=("town=South", "years>=20")))
    after = reference(opened)
    assert after != before
    assert f"Leaving rows out changed the suggestion: with all rows it is {before}." in opened.words()
    opened.set("selectbox", "choice_reference", after)
    assert "changed the suggestion" not in opened.words()


def reference(opened: Any) -> str:
    """The reference group that the caption names."""
    (told,) = (one.value for one in opened.app.caption if "of favorable outcomes" in one.value)
    return told.split(":")[0]


def test_the_file_that_is_loaded_is_named_when_its_uploader_is_empty_again(screen, people_csv):
    opened = upload(screen("data"), "people.csv", people_csv)
    assert "Loaded: " not in opened.words()
    opened.go("learn").go("data")
    assert "Loaded: people.csv, 400 rows" in opened.words()


# ----------------------------------------------------------------------------------------------------- public data sets


@pytest.fixture
def nowhere(monkeypatch, tmp_path) -> Iterator[None]:
    """No public data set is on this machine."""
    monkeypatch.setenv(fetching.CACHE, str(tmp_path / "cache"))
    monkeypatch.setenv(fetching.MIRROR, str(tmp_path / "mirror"))
    state.catalog_table.clear()
    state._held.clear()
    yield
    state.catalog_table.clear()
    state._held.clear()


def served(answer: Callable[[], Any]) -> Callable[..., Any]:
    """`load_dataset` with the download of a public data set replaced."""
    real = state.load_dataset
    return lambda name, **told: real(name, **told) if name == "example" else answer()


def test_a_data_set_that_cannot_be_had_says_where_to_put_its_files_and_keeps_the_table(screen, nowhere, monkeypatch):
    def refused():
        raise TableError("The file cannot be downloaded. Set IFFAIR_MIRROR to a folder that has it.")

    monkeypatch.setattr(state, "load_dataset", served(refused))
    opened = screen("data")
    opened.set("segmented_control", "source_panel", "catalog")
    opened.set("selectbox", "catalog_pick", "compas")
    entry = next(one for one in DATASETS if one.name == "compas")
    assert all(pitfall[:40] in opened.words() for pitfall in entry.pitfalls)
    assert "MB" in opened.app.button(key="data_download").label
    opened.click("data_download")
    opened.until(lambda now: bool(now.app.error))
    assert any("IFFAIR\\_MIRROR" in one.value for one in opened.app.error)
    assert "10,000 rows; " in opened.words() and opened.query == {}
    assert opened.app.button(key="data_download").label.startswith("Try again")


def test_a_data_set_is_fetched_in_the_background_and_then_shown_with_its_preset(screen, nowhere, monkeypatch):
    rows = 300
    frame = pd.DataFrame(
        {name: np.arange(rows) % (7 + i) for i, name in enumerate(("age", "priors_count", "juv_fel_count"))}
    )
    frame["race"] = np.where(np.arange(rows) % 3, "African-American", "Caucasian")
    frame.loc[:39, "race"] = np.resize(["Asian", "Native American", "Other"], 40)
    frame["two_year_recid"] = np.arange(rows) % 2
    for name in preset("compas").drop:
        frame[name] = 1
    monkeypatch.setattr(state, "load_dataset", served(lambda: (frame, None)))
    opened = screen("data", {"source": "compas", "seed": "2"})
    assert "Download it, and they are used" in opened.words()
    opened.click("data_download")
    opened.until(lambda now: "300 rows" in now.words())
    assert "race, 3 groups against Caucasian" in opened.words() and "public data set" in opened.words()
    assert opened.query == {"source": ["compas"], "seed": ["2"]}


def test_real_data_in_a_mirror_folder_is_there_at_once(screen, shared_data, nowhere, monkeypatch):
    monkeypatch.setenv(fetching.MIRROR, str(shared_data))
    opened = screen("data")
    opened.set("segmented_control", "source_panel", "catalog")
    opened.set("selectbox", "catalog_pick", "german")
    assert "1,000 rows; " in opened.words() and opened.query == {"source": ["german"]}


# -------------------------------------------------------------------------------------------------------------- privacy


def test_nothing_of_an_upload_is_left_once_it_is_forgotten(messy):
    messy.set("number_input", "choice_seed", 9)
    messy.click("data_forget")
    assert "This cannot be undone" in messy.words()
    messy.click("forget_confirm")
    assert "10,000 rows; " in messy.words() and messy.query == {}
    shown = repr(messy.app.session_state)
    for secret in ("office.csv", "origin", "grade before", "inland"):
        assert secret not in shown and secret not in messy.words()
    messy.set("segmented_control", "source_panel", "upload")
    assert [one.key for one in messy.app.file_uploader] == ["upload_1", "saved_1"]
    assert "How the file is read" not in str([one.label for one in messy.app.expander])


def test_forgetting_keeps_the_choices_of_other_tables(screen, people_csv):
    opened = screen("data").set("number_input", "choice_seed", 7)
    upload(opened, "people.csv", people_csv)
    opened.click("data_forget")
    opened.click("forget_confirm")
    assert opened.query == {"seed": ["7"]}


def test_the_log_names_kind_and_place_of_an_error_but_nothing_of_an_upload(people_csv, monkeypatch, caplog, opened):
    def fails(*args, **kwargs):
        raise KeyError("Elm of clan in line 7")

    monkeypatch.setattr(uploads, "read_table", fails)
    with caplog.at_level(logging.ERROR):
        opened.app.file_uploader(key="upload").upload("people.csv", people_csv)
        opened.app.run()
    assert any(errors.UNEXPECTED in one.value for one in opened.app.error)
    assert "KeyError at " in caplog.text and "in fails" in caplog.text and "Elm" not in caplog.text
    assert held(opened).target == "hired"


# ---------------------------------------------------------------------------------------------------------- background


def test_work_reports_its_progress_and_how_it_ended():
    done = Work(lambda work: work.report(0.5, "half") or 7, "test")
    ended = done.ended(5)
    assert ended is not None and (ended.value, ended.error, done.fraction, done.doing) == (7, None, 0.5, "half")

    def fails(work):
        raise ValueError("x")

    failed = Work(fails, "test").ended(5)
    assert failed is not None and isinstance(failed.error, ValueError)

    def waits(work):
        while True:
            work.stop_check()

    endless = Work(waits, "test")
    assert endless.ended() is None and not endless.stopping
    endless.stop()
    stopped = endless.ended(5)
    assert stopped is not None and (stopped.value, stopped.error) == (None, None)


def test_an_echo_of_another_tables_screen_is_not_even_looked_at(monkeypatch):
    """A poll of the example's page may bring its outcome to a widget that was drawn for the upload meanwhile."""
    now = replace(preset("upload"), file="0123456789ab")
    session = {"choices": now, boot.ADDRESS: to_query(now)}
    monkeypatch.setattr(state.st, "session_state", session)
    taken = []
    tied = state.control("target", apply=taken.append)
    session[tied["key"]] = "decision"
    for earlier in (preset("example"), replace(now, file="ba9876543210")):
        monkeypatch.setattr(boot, "query", lambda earlier=earlier: to_query(earlier))
        tied["on_change"]()
    assert not taken and session["choices"] == now
    monkeypatch.setattr(boot, "query", lambda: to_query(now))
    tied["on_change"]()
    assert taken == ["decision"]


@pytest.mark.parametrize(
    ("name", "stale"), [("target", "salary"), ("sensitive", ("salary",)), ("drop", ("salary",)), ("seed", 7)]
)
def test_an_echo_of_the_screen_of_an_earlier_address_changes_nothing(monkeypatch, name, stale):
    now = preset("upload")
    earlier = replace(now, **{name: stale})
    session = {"choices": now, boot.ADDRESS: to_query(now)}
    monkeypatch.setattr(state.st, "session_state", session)
    monkeypatch.setattr(boot, "query", lambda: to_query(earlier))
    tied = state.control(name)
    session[tied["key"]] = stale
    tied["on_change"]()
    assert session == {"choices": now, boot.ADDRESS: to_query(now), tied["key"]: stale}
    monkeypatch.setattr(boot, "query", lambda: to_query(now))
    tied["on_change"]()
    assert session["choices"] == earlier
