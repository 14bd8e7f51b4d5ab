"""Folders of Parquet files on the Data page: which are offered, and a study whose rows stay with the workers."""

from __future__ import annotations

import io
import re

import dask
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from distributed import Client

from iffair_core import Study, Task
from iffair_core.cluster import connecting
from iffair_core.cluster.connecting import NOT_INSTALLED, SETTINGS
from pages.session import folders
from tests.pages.conftest import READY

LINK = {"source": "folder:town/people", "target": "hired", "favorable": "yes", "sensitive": "clan"}
LEFT_OUT = "it needs the table's rows in one place"


@pytest.fixture
def root(tmp_path, monkeypatch, people_csv):
    """A data root with one folder of two files, one that is no table, and two links that lead out."""
    people = pd.read_csv(io.BytesIO(people_csv), keep_default_na=False, na_values=[""])
    place, outside = tmp_path / "root" / "town" / "people", tmp_path / "outside"
    for folder in (place, outside, tmp_path / "root" / "damaged"):
        folder.mkdir(parents=True)
    table = pa.Table.from_pandas(people, preserve_index=False)
    pq.write_table(table.slice(0, 150), place / "a.parquet")
    pq.write_table(table.slice(150), place / "b.parquet")
    pq.write_table(table, outside / "a.parquet")
    (tmp_path / "root" / "damaged" / "a.parquet").write_bytes(b"PAR1 is not enough")
    (tmp_path / "root" / "out").symlink_to(outside)
    (tmp_path / "root" / "mixed").mkdir()
    (tmp_path / "root" / "mixed" / "a.parquet").symlink_to(outside / "a.parquet")
    monkeypatch.setenv(folders.ROOT, str(tmp_path / "root"))
    return people


@pytest.fixture
def workers(monkeypatch):
    """A cluster within this process: real workers, of other processes, have their own tests."""
    with dask.config.set(SETTINGS), Client(processes=False, n_workers=1, dashboard_address=None) as client:
        monkeypatch.setattr(folders, "client", lambda: client)
        yield


def panel(opened):
    return next(one for one in opened.app.get("button_group") if one.label == "Table")


def test_folders_are_offered_where_the_server_has_a_root_and_links_that_lead_out_are_not(screen, root, monkeypatch):
    assert folders.names() == ("damaged", "town/people")
    assert panel(screen("data")).options[-1] == "Folder"
    monkeypatch.delenv(folders.ROOT)
    assert folders.names() == ()
    assert "Folder" not in panel(screen("data")).options


@pytest.mark.parametrize("name", ["out", "mixed", "..", "../outside", "/etc", "", "people"])
def test_a_link_opens_no_other_folder(screen, root, name):
    opened = screen("data", LINK | {"source": f"folder:{name}"})
    assert "which is not known; the example is shown" in opened.words()


def test_a_folder_that_is_no_table_is_said_and_can_be_tried_again(screen, root):
    opened = screen("data", {"source": "folder:damaged"})
    assert "a.parquet cannot be read as Parquet" in opened.words()
    opened.app.button(key="folder_again").click()
    assert "a.parquet cannot be read as Parquet" in opened.run().words()


def test_without_dask_a_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setattr(connecting, "find_spec", lambda name: None)
    monkeypatch.setattr(folders, "_CLIENTS", [])
    monkeypatch.delenv(folders.SCHEDULER, raising=False)
    with pytest.raises(connecting.ConfigError, match=re.escape(NOT_INSTALLED)):
        folders.client()


def test_a_folder_is_chosen_studied_shown_on_every_page_with_the_numbers_of_the_study_in_memory_and_saved(
    screen, root, workers
):
    opened = screen("data", {"source": "folder:town/people"})
    assert "first 150 of 400 rows" in opened.words()
    for key, value in (("choice_target", "hired"), ("choice_favorable", "yes")):
        opened.set("selectbox", key, value)
    opened.set("multiselect", "choice_sensitive", ["clan"])
    assert opened.query["source"] == ["folder:town/people"]
    assert "the checks of the table before a model is fitted" in opened.words()
    (groups,) = (one.value for one in opened.app.dataframe if "favorable_share" in one.value.columns)
    counted = root["clan"].fillna("(missing)").value_counts()
    assert dict(zip(groups["group"], groups["rows"], strict=True)) == counted.to_dict()
    if READY not in opened.words():
        opened.click("card_run").ready()
    in_memory = Study(root, Task("hired", "yes", "clan"), rivals="weights").run()
    gap = in_memory.baseline["test"].values["equalized_odds_difference"]
    shown = {one.label: one.value for one in opened.go("baseline").ready().app.metric}
    assert shown["Equalized odds difference"] == f"{gap:.3f}"
    for page, tab in (("baseline", "Intersections"), ("influence", "Cohorts"), ("compare", "Over seeds")):
        if page != "baseline":
            opened.go(page)
        opened.app.session_state[f"{page}_tab"] = tab
        assert LEFT_OUT in opened.run().words()
    opened.go("report").app.session_state["report_view"] = "The same numbers again"
    assert "over the files' names, sizes and columns" in opened.run().words()
    names = {one.label for one in opened.app.get("download_button")}
    assert {"rows.parquet", "reproduce.py", "settings.json"} <= names and not {"rows.csv", "design.parquet"} & names
    opened.go("reweight").app.session_state["scenario_save"] = True
    opened.run()
    assert not [one for one in opened.app.checkbox if one.key == "scenario_rows"]
    opened.app.text_input(key="scenario_name").set_value("of a folder")
    opened.app.button(key="scenario_add").click()
    assert "**of a folder**, saved" in opened.run().words()
