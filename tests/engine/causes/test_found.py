"""Causes as a record of a study: in the report, in summary.json and from the command line."""

import json
import shlex
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from iffair_core.__main__ import main
from iffair_core.causes.change import predict, refit
from iffair_core.causes.found import Tried, TriedChange, causes_of, find_causes, tried_of
from iffair_core.options import CAUSES
from iffair_core.telling import causes as told
from iffair_core.telling import files
from iffair_core.telling.report import PART_TITLES, report_html
from iffair_core.telling.reproduce import command_line
from tests.engine.studies import plain_study, plain_table


@pytest.fixture(scope="module")
def result():
    study = plain_study()
    return study.having(find_causes(study, plain_table()))


def test_the_report_tells_them_only_where_they_were_looked_for(result):
    page = report_html(result, parts=("causes",))
    found = causes_of(result)
    assert PART_TITLES["causes"] in page
    for said in (
        told.cohorts_sentence(result, found.ledger),
        told.conflicts_sentence(result, found.conflicts),
        told.collect_sentence(result, found.collection),
        told.collect_proof(found.collection),
    ):
        assert said.split(" (95")[0].replace(">", "&gt;").replace("<", "&lt;") in page
    assert page.count("<figure") == 4
    assert page.count("<strong>Check: ") == 4
    assert PART_TITLES["causes"] not in report_html(plain_study())


def test_the_report_tells_what_was_tried_by_hand(result):
    rows = np.arange(5)
    guess, seen = predict(result, "remove", rows), refit(result, "remove", rows)
    changes = (TriedChange("<b>these", "remove", 5, guess, seen), TriedChange("row 7", "double", 1, guess))
    tried = result.having(Tried(changes, ("The decision about row 9 turned <i>favorable</i>.",)))
    page = report_html(tried, parts=("tried",))
    assert PART_TITLES["tried"] in page and "What ifs tried: 2, 1 of them refitted. Decisions traced: 1." in page
    assert "&lt;b&gt;these" in page and "row 9 turned &lt;i&gt;" in page
    lines = told.tried_table(tried_of(tried))
    assert lines["soft_refitted"].tolist()[0] == seen.soft and lines["soft_refitted"].isna().tolist() == [False, True]
    task = replace(result.dataset.task.task, smallest_group=10)
    dataset = replace(result.dataset, task=replace(result.dataset.task, task=task))
    assert tried_of(replace(tried, dataset=dataset)) is None


def test_the_summary_holds_every_list(result):
    found = json.loads(files.summary_json(result))["causes"]
    tables = told.causes_tables(result, causes_of(result))
    assert {name: len(lines) for name, lines in found.items()} == {name: len(one) for name, one in tables.items()}
    assert "causes" not in json.loads(files.summary_json(plain_study()))


def test_the_command_that_runs_a_study_again_asks_for_the_causes_it_has(result):
    assert "--causes" in shlex.split(command_line(result, "people.csv"))
    assert "--causes" not in command_line(plain_study(), "people.csv")


def test_the_command_line_writes_them(tmp_path, capsys):
    file = tmp_path / "people.csv"
    plain_table(600).to_csv(file, index=False)
    task = ["--target", "y", "--favorable", "1", "--sensitive", "g", "--rivals", "none"]
    assert main(["run", str(file), *task, "--causes", "--out", str(tmp_path / "out")]) == 0
    written = capsys.readouterr().out.split()
    assert tuple(path.rsplit("/", 1)[-1] for path in written[-4:]) == CAUSES
    cohorts, summary = pd.read_csv(written[-4]), json.loads((tmp_path / "out" / "summary.json").read_text())
    assert cohorts["rows"].tolist() == [line["rows"] for line in summary["causes"]["cohorts"]]
    assert main(["run", str(file), *task, "--out", str(tmp_path / "out")]) == 0
    assert "cohorts.csv is from an earlier run" in capsys.readouterr().err
    assert main(["run", str(file), *task, "--causes", "--smallest-group", "10", "--out", str(tmp_path / "out")]) == 2
    assert "--causes rests on single rows" in capsys.readouterr().err


def test_a_list_that_fails_its_check_is_named(result):
    found = causes_of(result)
    levels = [
        told.cohorts_agreement(found.ledger).level,
        found.conflicts.agreement.level,
        found.along.agreement.level,
        found.collection.level,
    ]
    assert len(told.failed_checks(found)) == levels.count("red")
