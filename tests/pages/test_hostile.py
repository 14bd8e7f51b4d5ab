"""The Data page on hostile uploads: each is shown or refused in a sentence; nothing unexpected is ever on screen."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from pages.session import state, uploads
from tests.hostile import container_bytes, csv_bytes, mutated
from tests.nasty.corpus import CORPUS, Refused
from tests.pages.test_frame import upload

FILES = {nasty.name: nasty for nasty in CORPUS}
REFUSED = ("bomb.csv.gz", "several.zip", "records.json", "model.pkl", "nulls.csv", "only_header.csv", "entities.xlsx")
SHOWN = (
    "words_of_ours.csv",
    "formula_names.csv",
    "rtl_names.csv",
    "control_names.csv",
    "long_name.csv",
    "far_dates.parquet",
)


def take(opened: Any, name: str, raw: bytes) -> Any:
    """Give another file to a session that has one."""
    opened.app.file_uploader(key="upload").upload(name, raw)
    return opened.run()


def refusals(opened: Any) -> list[str]:
    return [str(error.proto) for error in opened.app.error if "The file was not taken" in str(error.proto)]


def test_hostile_files_one_after_the_other_are_shown_or_refused(screen, people_csv):
    opened = upload(screen("data"), "people.csv", people_csv)
    for name in (*SHOWN, *REFUSED):
        nasty = FILES[name]
        take(opened, name, nasty.make())
        if isinstance(nasty.expect, Refused):
            opened.until(refusals, seconds=30)  # what takes long is read in the background
        else:
            assert not refusals(opened), name
            assert f"{nasty.expect.rows:,} row" in opened.words(), name


@pytest.mark.parametrize("name", ["odd_towns.csv", "words_of_ours.csv"])
def test_hostile_names_and_groups_can_be_chosen(screen, name):
    nasty = FILES[name]
    opened = upload(screen("data"), name, nasty.make())
    opened.app.selectbox(key="choice_target").set_value("paid")
    opened.run()
    opened.app.selectbox(key="choice_favorable").set_value("yes")
    opened.run()
    wanted = ["town"] if name == "odd_towns.csv" else ["(missing)", "split"]
    opened.app.multiselect(key="choice_sensitive").set_value(wanted)
    opened.run()
    assert f"{nasty.expect.rows} rows; " in opened.words()
    assert "<script" not in opened.words()


def test_bytes_drawn_by_the_fuzzer_never_break_the_page(screen, people_csv):
    opened = upload(screen("data"), "people.csv", people_csv)
    rng = Random(11)
    for place in range(8):
        raw = container_bytes(rng) if place % 4 == 3 else mutated(rng, csv_bytes(rng))
        name = f"fuzz {place}.csv"
        take(opened, name, raw)
        opened.until(lambda now: uploads.READING.key not in now.app.session_state, seconds=30)
        assert bool(refusals(opened)) != (opened.app.session_state[state._UPLOADED].name == name)
