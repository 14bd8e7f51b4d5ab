"""A settings.json on the Data page: it brings an earlier study's choices to a table, and says what it cannot."""

from __future__ import annotations

import io
import json

from iffair_core import Study, Task, read_table
from iffair_core.telling import files
from tests.engine.studies import example_study
from tests.pages.conftest import upload

KEY = "saved_0"


def give(opened, text):
    opened.app.file_uploader(key=KEY).upload("settings.json", text.encode())
    return opened.run()


def saved_study(people_csv, **options):
    table = read_table(io.BytesIO(people_csv), name="people.csv")
    task = Task("hired", "yes", ("town",), drop=("clan",), pool={"town": {"rest": ["South", "West"]}})
    return Study(table, task, name="people.csv", rivals="none", **options).run()


def test_settings_bring_the_examples_choices_back(screen):
    written = files.settings_json(example_study(metric="demographic_parity", variant="uniform", strength=0.5, seed=4))
    opened = give(screen("data"), written)
    assert "The choices are taken." in opened.words() and "another table" not in opened.words()
    expected = {"metric": ["demographic_parity"], "variant": ["uniform"], "strength": ["0.5"], "seed": ["4"]}
    assert opened.query == expected


def test_settings_wait_for_the_file_or_follow_it(screen, people_csv):
    result = saved_study(people_csv, seed=2, utility_budget=0.02)
    written = files.settings_json(result)
    opened = screen("data")
    opened.set("segmented_control", "source_panel", "upload")
    give(opened, written)
    assert "kept for the file that you give next" in opened.words()
    before = upload(opened, "people.csv", people_csv).query
    after = give(upload(screen("data"), "people.csv", people_csv), written).query
    assert before == after
    assert after["target"] == ["hired"] and after["sensitive"] == ["town"] and after["seed"] == ["2"]
    assert after["utility_budget"] == ["0.02"] and "rest" in str(after["pool"]) and after["drop"] == ["clan"]


def test_settings_that_fix_how_a_file_is_read_have_it_read_anew(screen, people_csv):
    text = people_csv.decode().replace(",", ";")
    written = json.loads(files.settings_json(saved_study(people_csv)))
    written["table"]["reading"] = {"delimiter": ";"}
    opened = give(upload(screen("data"), "people.csv", text.encode()), json.dumps(written))
    assert opened.query["reading"] == ["delimiter:;"] and opened.query["target"] == ["hired"]


def test_columns_that_are_not_there_and_files_that_are_no_settings_are_said(screen, people_csv):
    raw = json.loads(files.settings_json(example_study()))
    raw["task"]["drop"] = ["years"]
    opened = give(screen("data"), json.dumps(raw))
    assert "This table has no column 'years', which was left out." in opened.words() and opened.query == {}
    other = files.settings_json(saved_study(people_csv))
    for text, said in (("{}", "names no schema"), ("years,town", "not JSON"), (other, "an outcome 'hired'")):
        opened = give(screen("data"), text)
        told = "\n".join(str(error.proto) for error in opened.app.error)
        assert "The settings were not taken" in told and said in told.replace("\\", "")
        assert opened.query == {}


def test_a_network_and_fairlearns_methods_come_along(screen):
    raw = json.loads(files.settings_json(example_study()))
    raw["config"] |= {"model": "mlp", "C": 0.1, "rivals": ["reweighing", "threshold_optimizer"]}
    opened = give(screen("data"), json.dumps(raw))
    assert opened.query == {"model": ["mlp"], "rivals": ["all"]}, "0.1 is the network's usual penalty"
