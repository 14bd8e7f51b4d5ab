"""Laws of the command line: files and their paths at status 0, one line and status 2 for anything wrong."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iffair_core import Study, Task, load_dataset, read_table
from iffair_core.__main__ import _over_preset, main
from iffair_core.data.task_options import parse_pool, pool_text
from iffair_core.reading.options import ReadOptions
from iffair_core.rivals import WEIGHTS
from iffair_core.telling import files
from iffair_core.telling.files import settings as settings_of
from iffair_core.telling.reproduce import command_line
from iffair_core.telling.saved_settings import read_settings
from tests.engine.studies import plain_table, run_script, without_seconds

ROOT = Path(__file__).resolve().parents[2]
FILES = ["summary.json", "rows.csv", "curve.csv", "report.html", "settings.json", "reproduce.py"]
TASK = ["--target", "y", "--favorable", "1", "--sensitive", "g"]


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("table") / "plain.csv"
    plain_table().to_csv(path, index=False)
    return path


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """The one line on standard error; nothing on standard output, status 2."""
    capsys.readouterr()
    assert main([str(argument) for argument in arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.endswith("\n")
    assert len(err.splitlines()) == 1
    assert "Traceback" not in err
    assert err.isprintable() or err[:-1].isprintable()
    return err


def test_success_writes_the_files_and_prints_their_paths_only(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "new" / "deep"
    assert main(["run", str(table), *TASK, "--out", str(folder), "--save-design"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == [str(folder / name) for name in [*FILES, "design.parquet"]]
    assert err == ""
    assert sorted(path.name for path in folder.iterdir()) == sorted([*FILES, "design.parquet"])
    found = json.loads((folder / "summary.json").read_text())
    assert found["dataset"]["name"] == "plain.csv"
    assert found["config"] == {
        "metric": "equalized_odds", "variant": "diverse", "strength": None, "seed": 0, "utility_budget": None,
        "threshold": 0.5,
        "max_weight": 5.0, "min_effective_sample_size": 0.5, "model": "logistic", "C": 1.0, "transfer": [],
        "rivals": list(WEIGHTS), "min_accuracy": None, "pinned": [], "also": [],
    }  # fmt: skip

    rows = (folder / "rows.csv").read_bytes()
    assert main(["run", str(table), *TASK, "--out", str(folder)]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == len(FILES)
    assert err.startswith("warning: ")
    assert "design.parquet" in err
    assert (folder / "rows.csv").read_bytes() == rows


def test_every_option_reaches_the_study(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [
        "run", table, "--target", "y", "--favorable", "1.0", "--sensitive", "g", "--sensitive", "age", "--reference",
        "B / < 40", "--drop", "c", "--bins", "age=40", "--metric", "demographic_parity", "--variant", "uniform",
        "--strength", "0.3", "--utility-budget", "0.2", "--max-weight", "3",
        "--threshold", "0.45", "--min-effective-sample-size", "0.4",
        "--C", "0.5", "--seed", "11", "--use-sensitive-as-feature", "yes", "--model", "logistic", "--out", tmp_path,
        "--rivals", "correlation_remover,reweighing", "--min-accuracy", "0.4", "--pin", "g=A", "--pin", "3",
        "--also", "equal_opportunity", "--also", "demographic_parity",
    ]  # fmt: skip
    assert main([str(argument) for argument in arguments]) == 0
    found = json.loads((tmp_path / "summary.json").read_text())
    assert found["config"] == {
        "metric": "demographic_parity", "variant": "uniform", "strength": 0.3, "seed": 11, "utility_budget": 0.2,
        "threshold": 0.45,
        "max_weight": 3.0, "min_effective_sample_size": 0.4, "model": "logistic", "C": 0.5, "transfer": [],
        "rivals": ["reweighing", "correlation_remover"], "min_accuracy": 0.4, "pinned": ["g=A", 3],
        "also": ["equal_opportunity"],
    }  # fmt: skip
    assert found["task"] == {
        "target": "y", "favorable": "1.0", "sensitive": ["g", "age"], "reference": "B / < 40", "drop": ["c"],
        "bins": {"age": [40.0]}, "use_sensitive_as_feature": True,
    }  # fmt: skip
    assert set(found["dataset"]["groups"]) == {"A / < 40", "A / >= 40", "B / < 40", "B / >= 40"}
    assert found["curve"]["chosen"] <= 0.3
    assert [rival["name"] for rival in found["rivals"]] == ["reweighing", "correlation_remover"]
    assert "magic" in refused(capsys, *arguments[:-1], "magic")


def test_a_name_of_the_catalog_brings_its_task_and_a_file_of_that_name_wins(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ["run", "example", "--metric", "demographic_parity", "--sensitive", "guarantor", "--rivals", "none"]
    assert main([*arguments, "--out", "results"]) == 0
    found = json.loads(Path("results/summary.json").read_text())
    assert found["dataset"]["synthetic"] is True
    assert (found["task"]["target"], found["task"]["sensitive"]) == ("decision", ["guarantor"])
    Path("example").write_bytes(table.read_bytes())
    assert "--target" in refused(capsys, "run", "example", "--out", "results")
    assert main(["run", "example", *TASK, "--rivals", "none", "--out", "results"]) == 0
    assert json.loads(Path("results/summary.json").read_text())["dataset"]["rows"] == 400
    assert "read_table(path)" in Path("results/reproduce.py").read_text()


def nasty_table(path: Path) -> None:
    """A file that needs every reading option, and a task with every choice there is."""
    rng = np.random.default_rng(5)
    n = 900
    frame = pd.DataFrame(
        {
            "score": np.round(rng.normal(10, 3, n), 2),
            "team:=x": rng.choice(["red", "blue", "mauve, pale", "rare"], n, p=[0.4, 0.3, 0.29, 0.01]),
            "age": rng.integers(18, 80, n),
            "born": np.datetime64("1950-01-01") + rng.integers(0, 15_000, n),
            "zip": rng.choice([101, 102, 103], n),
            "income": np.where(rng.random(n) < 0.1, "refused", rng.integers(1, 50, n).astype(str)),
            "w": np.where(rng.random(n) < 0.02, -1, rng.integers(1, 4, n)),
            "fold": rng.choice(["Training", "holdout"], n, p=[0.8, 0.2]),
            "person": np.arange(n) // 2,
        }
    )
    frame["grade"] = (frame["score"] + rng.normal(0, 2, n) + 2 * (frame["team:=x"] == "red")).round().astype(int)
    text = frame.to_csv(sep=";", decimal=",", index=False, quotechar="'")
    path.write_bytes(("Export of today\n\n" + text + "% the end\n").encode("utf-16"))


NASTY = [
    "--target", "grade", "--favorable", ">= 13", "--favorable", "10 to < 13", "--sensitive", "team:=x",
    "--sensitive", "age", "--bins", "grade=7,10,13", "age=quantiles:2", "--drop", "score", "--type",
    "born=year and month", "zip=category", "--missing", "refused", "--pool", '["team:=x", "rest", "blue", "rare"]',
    "--exclude", "w<0", "born>=1990-06-30", "duplicates", "--weights", "w", "--split-column", "fold", "--unit",
    "person", "--delimiter", ";", "--decimal", ",", "--encoding", "utf-16", "--header",
    "3", "--comment", "%", "--quote", "'", "--rivals", "none",
]  # fmt: skip


def test_every_choice_about_the_data_reaches_the_study_and_the_command_that_repeats_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    nasty_table(Path("nasty.txt"))
    assert main(["run", "nasty.txt", *NASTY, "--out", "first"]) == 0
    said = capsys.readouterr().err
    for text in ("left out by 'w<0'", "left out by 'born>=1990-06-30'", "0 rows left out by 'duplicates'",
                 "names no validation rows", "Taken as missing, as chosen (refused)"):  # fmt: skip
        assert text in said
    found = json.loads(Path("first/summary.json").read_text())
    assert found["task"] == {
        "target": "grade", "favorable": [">= 13", "10 to < 13"], "sensitive": ["team:=x", "age"],
        "reference": found["dataset"]["reference"], "drop": ["score"],
        "bins": {"grade": [7.0, 10.0, 13.0], "age": "quantiles:2"}, "use_sensitive_as_feature": False,
        "types": {"born": "year and month", "zip": "category"}, "missing": ["refused"],
        "pool": {"team:=x": {"rest": ["blue", "rare"]}}, "exclude": ["w<0", "born>=1990-06-30", "duplicates"],
        "weights": "w", "split": "fold", "unit": "person",
    }  # fmt: skip
    assert {name.partition(" / ")[0] for name in found["dataset"]["groups"]} == {"mauve, pale", "red", "rest"}
    assert {"born year", "born month", "income is missing"} < set(found["dataset"]["feature_names"])
    report = Path("first/report.html").read_text()
    for text in ("Rows left out", "w&lt;0, born&gt;=1990-06-30, duplicates", "team:=x: rest", "Together in a part"):
        assert text in report
    assert found["dataset"]["rows"] < found["dataset"]["rows_in_file"] == 900

    table = read_table("nasty.txt", options=ReadOptions(";", "'", ",", "utf-16", 3, "%"))
    task = read_settings(Path("first/settings.json").read_bytes()).task
    assert task == replace(Task.from_dict(found["task"]), reference=None)
    result = Study(table, task, rivals="none", name="nasty.txt").run()
    words = shlex.split(command_line(result, "nasty.txt", "again"))
    assert main(words[3:]) == 0
    capsys.readouterr()
    same_study(Path("first"), Path("again"))
    assert found["dataset"]["reference_reason"].startswith("highest share")
    assert ReadOptions(**found["dataset"]["reading"]) == ReadOptions(";", "'", ",", "utf-16", 3, "%")
    assert settings_of(result)["table"]["reading"] == found["dataset"]["reading"]
    capsys.readouterr()


FEW_DRAWS = "import sys, runpy, tests.conftest; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0])"
"""Runs a script with as many draws as the tests make."""


def test_reproduce_gives_the_same_bytes_in_another_process_and_refuses_another_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    nasty_table(Path("nasty.txt"))
    rich = ["--variant", "uniform", "--max-weight", "2.5", "--min-effective-sample-size", "0.8", "--pin", "zip=101",
            "--pin", "7", "--also", "demographic_parity", "--threshold", "balanced", "--seed", "4", "--seeds", "2",
            "--target-gap", "0.2", "--transfer", "decision_tree", "--causes"]  # fmt: skip
    assert main(["run", "nasty.txt", *NASTY, *rich, "--out", "first"]) == 0
    assert main(["run", "nasty.txt", "--settings", "first/settings.json", "--out", "by settings"]) == 0
    same_study(Path("first"), Path("by settings"))
    capsys.readouterr()
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy("first/reproduce.py", alone)
    script = alone / "reproduce.py"
    with pytest.raises(SystemExit, match=r"error: nasty\.txt cannot be opened"):
        run_script(script.read_text(), alone)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", FEW_DRAWS, script, tmp_path / "nasty.txt"], cwd=alone,
        capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    for name in ("rows.csv", "curve.csv"):
        assert (alone / "reproduced" / name).read_bytes() == Path("first", name).read_bytes()
    one, two = (where.read_bytes() for where in (alone / "reproduced/summary.json", Path("first/summary.json")))
    assert without_seconds(one) == without_seconds(two)

    text = Path("nasty.txt").read_bytes().decode("utf-16")
    (alone / "nasty.txt").write_bytes(text.replace("blue", "green", 1).encode("utf-16"))
    with pytest.raises(SystemExit, match=r"error: This is another table than the one that was studied"):
        run_script(script.read_text(), alone)


@given(st.text(min_size=1, max_size=8), st.text(min_size=1, max_size=8), st.lists(st.text(max_size=8), min_size=1))
def test_a_pool_is_read_as_it_was_written(column: str, name: str, values: list[str]) -> None:
    values = [value.strip() or "x" for value in values]
    assert parse_pool(pool_text(column, name, values)) == (column, name, values)


def test_choices_over_a_preset_take_the_place_of_what_they_are_for() -> None:
    preset = Task("grade", ">= 10", "age", "< 18", bins={"grade": (10,), "age": (18,)}, pool={"age": {"x": ["< 18"]}})
    over = partial(_over_preset, preset.to_dict())
    assert Task.from_dict(over({})) == preset
    assert over({"sensitive": ["sex"]})["bins"] == {"grade": [10]}
    assert Task.from_dict(over({"sensitive": ["sex"]})) == Task("grade", ">= 10", "sex", bins={"grade": (10,)})
    assert over({"bins": {"age": (20,)}})["bins"] == {"grade": [10], "age": (20,)}
    assert over({"target": "passed", "favorable": "1"})["bins"] == {"age": [18]}


def test_a_data_set_is_read_as_it_has_to_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = refused(capsys, "run", "example", "--delimiter", ";", "--header", "2", "--out", tmp_path / "out")
    assert "Leave out --delimiter, --header" in line


def test_cohorts_only_leaves_no_file_of_single_rows(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["run", str(table), *TASK, "--sensitive", "c", "--smallest-group", "70", "--rivals", "none"]
    assert "--save-design writes single rows" in refused(capsys, *arguments, "--save-design", "--out", tmp_path / "no")
    (tmp_path / "rows.csv").touch()
    assert main([*arguments, "--out", str(tmp_path)]) == 0
    out, err = capsys.readouterr()
    written = [Path(line).name for line in out.splitlines()]
    assert {"summary.json", "curve.csv", "report.html"} <= set(written)
    assert not {"rows.csv", "design.parquet"} & set(written)
    assert "rows.csv is from an earlier run" in err
    found = json.loads((tmp_path / "summary.json").read_text())
    assert found["task"]["smallest_group"] == 70
    assert "(small groups)" in found["dataset"]["groups"]
    assert min(found["dataset"]["groups"].values()) >= 70


def test_datasets_lists_the_catalog(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["datasets"]) == 0
    out, err = capsys.readouterr()
    assert "example" in out
    assert "ynthetic" in out
    assert "--target decision --favorable granted --sensitive community" in out
    assert err == ""


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (["--target", "nothing"], "nothing"),
        (["--favorable", "7"], "7"),
        (["--sensitive", "zz"], "zz"),
        (["--reference", "C"], "C"),
        (["--drop", "zz"], "zz"),
        (["--bins", "g=1,2"], "'g'"),
        (["--bins", "age"], "--bins"),
        (["--bins", "=1"], "--bins"),
        (["--bins", "age=old"], "old"),
        (["--metric", "fairness"], "demographic_parity, equal_opportunity, equalized_odds, error_rate_parity"),
        (["--variant", "best"], "diverse, uniform, efficient"),
        (["--strength", "1.3"], "1.3"),
        (["--strength", "nan"], "nan"),
        (["--strength", "much"], "much"),
        (["--utility-budget", "-1"], "-1"),
        (["--max-weight", "0.5"], "0.5"),
        (["--max-weight", "inf"], "inf"),
        (["--min-effective-sample-size", "2"], "2"),
        (["--C", "0"], "C"),
        (["--min-accuracy", "2"], "min_accuracy is 2.0"),
        (["--min-accuracy", "high"], "--min-accuracy"),
        (["--pin", "g"], "COLUMN=VALUE"),
        (["--pin=-3"], "COLUMN=VALUE"),
        (["--pin", "400"], "0 to 399"),
        (["--pin", "zz=A"], "zz=A"),
        (["--pin", "g=C"], "Values of 'g': A, B"),
        (["--target-gap", "-0.1"], "between 0 and 1"),
        (["--target-gap", "small"], "--target-gap"),
        (["--target-gap", "0.1", "--fix-by", "people"], "rows, weight"),
        (["--fix-by", "rows"], "--target-gap"),
        (["--seed", "-1"], "-1"),
        (["--seed", "1.5"], "1.5"),
        (["--seed", "9" * 5000], "--seed"),
        (["--model", "mlp", "--variant", "efficient"], "diverse or uniform"),
        (["--model", "tree"], "logistic"),
        (["--seeds", "0"], "--seeds is 0"),
        (["--favorable", "0"], "Every value of the outcome 'y' is favorable"),
        (["--bins", "g=quantiles:many"], "quantiles:many"),
        (["--bins", "y=0.5"], "'1' does not occur in the outcome 'y', which is cut at 0.5"),
        (["--type", "age"], "--type"),
        (["--type", "age=color"], "number, yes/no, category, date, year and month, identifier, text"),
        (["--type", "zz=number"], "'zz', which is not a column"),
        (["--pool", "g=A"], "--pool is 'g=A'"),
        (["--pool", "[1"], "--pool is '[1'"),
        (["--pool", "g:z=A,C"], "Its values: A, B"),
        (["--pool", "c:z=u"], "'c', which is no sensitive"),
        (["--exclude", "age<old"], "'old' is none"),
        (["--exclude", "age<200"], "No row is left"),
        (["--weights", "c"], "'c' are not numbers"),
        (["--weights", "x"], "in row "),
        (["--split-column", "c"], "name no part: u, v, w"),
        (["--unit", "zz"], "'zz', is not a column"),
        (["--smallest-group", "1"], "at least 2"),
        (["--smallest-group", "few"], "--smallest-group is 'few'"),
        (["--smallest-group", "300"], "a smallest group of fewer rows"),
        (["--delimiter", ""], "delimiter is empty"),
        (["--decimal", "x"], "a point or a comma"),
        (["--encoding", "klingon"], "'klingon' is not known"),
        (["--header", "first"], "--header is 'first'"),
        (["--header", "9999"], "9"),
        (["--seeds=many"], "--seeds"),
        (["--use-sensitive-as-feature", "maybe"], "yes, no"),
        (["--strengt", "1"], "--strengt"),
        (["--no-such-option"], "--no-such-option"),
        (["extra"], "extra"),
        (["--target"], "--target"),
        (["--target", "a\nb\x1b[31m" + "x" * 500], "a\\nb\\x1b[31mx"),
    ],
)
def test_a_wrong_option_is_one_line_and_leaves_nothing_behind(
    changes: list[str], said: str, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(capsys, "run", table, *TASK, "--out", tmp_path / "out", *changes)
    assert said in line
    assert len(line) < 1600
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("arguments", [[], ["walk"], ["run"], ["run", "example"], ["datasets", "x"], ["run", "--out"]])
def test_a_wrong_command_is_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(capsys, *arguments).startswith("error: ")


def test_a_file_without_its_task_names_the_missing_options(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = refused(capsys, "run", table, "--target", "y", "--out", "unused")
    assert "--favorable" in line
    assert "--sensitive" in line
    assert "--target" not in line


@pytest.mark.parametrize("name", ["exampel", "no such name", "missing.csv", "a\nb.csv", "x" * 5000, "\udcff.csv"])
def test_a_file_that_is_not_there(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = refused(capsys, "run", name, *TASK, "--out", tmp_path / "out")
    if name == "exampel":
        assert "example" in line


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"y,g,x\n", b"\0\1\2\3" * 99, b"PK\x03\x04rest", b"y,g,x\n1,A\n", b"y,y,g\n1,2,A\n", b"PAR1junk",
     b"y,g,x\n" + b"1,A,2\n" * 60, b"y,g,x\n" + b"1,A,2\n0,B,2\n" * 60, b"y,g,x\n" + b"1,A,2\n0,B,3\n" * 5,
     b"y,g,x\n" + b"\n".join(b"%d,A%d,%d" % (i % 2, i, i) for i in range(120)) + b"\n"],
)  # fmt: skip
def test_bad_data_is_one_line(content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    refused(capsys, "run", path, *TASK, "--out", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@given(st.one_of(st.binary(max_size=400), st.text(st.sampled_from('yg1A,;"\n\t x'), max_size=400).map(str.encode)))
def test_no_bytes_make_a_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes) -> None:
    path = tmp_path / "any.csv"
    path.write_bytes(content)
    refused(capsys, "run", path, *TASK, "--out", tmp_path / "out")


def test_a_folder_that_cannot_be_written(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("x")
    for out in (tmp_path / "file", tmp_path / "file" / "below", "", "x" * 5000):
        assert "--out" in refused(capsys, "run", table, *TASK, "--out", out)
    (tmp_path / "rows.csv").mkdir()
    refused(capsys, "run", table, *TASK, "--out", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "rows.csv"]


def test_a_mistake_of_ours_is_one_line_too_and_can_be_traced(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a\nb")

    monkeypatch.setattr("iffair_core.study.run.Study.run", broken)
    arguments = ["run", str(table), *TASK, "--out", str(tmp_path)]
    assert "ZeroDivisionError: a\\nb" in refused(capsys, *arguments)
    monkeypatch.setenv("IFFAIR_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        main(arguments)


def test_an_infeasible_strength_is_a_warning(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["run", table, *TASK, "--strength", "1.25", "--max-weight", "1.1", "--out", tmp_path]
    assert main([str(argument) for argument in arguments]) == 0
    err = capsys.readouterr().err
    assert "warning: Strength 1.25 is infeasible" in err
    assert all(line.startswith("warning: ") for line in err.splitlines())
    found = json.loads((tmp_path / "summary.json").read_text())
    assert found["curve"]["infeasible"]
    assert found["strength"] < 1.25


def test_the_smallest_fix_is_added_where_it_is_asked_for(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["run", str(table), *TASK, "--metric", "demographic_parity", "--rivals", "none", "--pin", "c=u"]
    assert main([*arguments, "--out", str(tmp_path / "plain")]) == 0
    assert main([*arguments, "--target-gap", "0.12", "--fix-by", "weight", "--out", str(tmp_path / "fixed")]) == 0
    assert capsys.readouterr().err == ""
    told = json.loads((tmp_path / "fixed" / "summary.json").read_text())["smallest_fix"]
    assert (told["target"], told["by"], told["split"], told["reached"]) == (0.12, "weight", "validation", True)
    assert told["disparity"] <= 0.12 < told["before"]
    assert "smallest_fix" not in json.loads((tmp_path / "plain" / "summary.json").read_text())
    plain, fixed = (pd.read_csv(tmp_path / name / "rows.csv") for name in ("plain", "fixed"))
    assert list(fixed.columns) == [*plain.columns, "weight_smallest_fix"]
    weights = fixed["weight_smallest_fix"].dropna()
    assert weights.mean() == pytest.approx(1)
    assert (weights - 1).abs().sum() / 2 == pytest.approx(told["weight"])
    pinned = plain_table()["c"].eq("u")[weights.index]
    assert (weights[pinned] == 1).all()
    assert (fixed["weight"].dropna()[pinned] == 1).all()

    assert main([*arguments, "--target-gap", "0", "--max-weight", "1.02", "--out", str(tmp_path / "far")]) == 0
    assert "No fix brings the disparity to 0" in capsys.readouterr().err
    assert json.loads((tmp_path / "far" / "summary.json").read_text())["smallest_fix"]["reached"] is False


def test_several_seeds_are_the_runs_of_each(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = ["run", str(table), *TASK, "--rivals", "none", "--out"]
    assert main([*run, str(tmp_path / "two"), "--seed", "4", "--seeds", "2"]) == 0
    assert main([*run, str(tmp_path / "last"), "--seed", "5"]) == 0
    capsys.readouterr()
    lines = pd.read_csv(tmp_path / "two" / "seeds.csv")
    assert sorted(lines["seed"].unique()) == [4, 5] and len(lines) == 2 * 4
    several = json.loads((tmp_path / "two" / "summary.json").read_text())
    last = json.loads((tmp_path / "last" / "summary.json").read_text())
    assert several["config"]["seed"] == 4 and several["seeds"]["used"] == [4, 5] and "seeds" not in last
    assert several["seeds"]["recommendation"]["strengths"][1] == last["curve"]["recommended"]
    assert "Other splits of the same rows" in (tmp_path / "two" / "report.html").read_text()
    of_last = lines[(lines["seed"] == 5) & (lines["stage"] == "after") & (lines["split"] == "test")].iloc[0]
    assert of_last["accuracy"] == last["after"]["test"]["accuracy"] and of_last["strength"] == last["strength"]
    values = lines[(lines["stage"] == "baseline") & (lines["split"] == "test")]["accuracy"].to_numpy()
    found = several["seeds"]["baseline"]["test"]["accuracy"]
    reach = 12.706205 * values.std(ddof=1) / np.sqrt(2)  # Student's t, 1 degree of freedom
    assert found["count"] == 2 and found["mean"] == pytest.approx(values.mean(), abs=1e-12)
    assert [found["low"], found["high"]] == pytest.approx([values.mean() - reach, values.mean() + reach], abs=1e-6)


def same_study(folder: Path, other: Path) -> None:
    """Both summaries are the same but for seconds, and all other files byte for byte."""
    one, two = (without_seconds((where / "summary.json").read_bytes()) for where in (folder, other))
    assert one == two
    for name in ("rows.csv", "curve.csv", "settings.json"):
        assert (folder / name).read_bytes() == (other / name).read_bytes()


def test_settings_run_the_same_study_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "people;.txt"
    plain_table().to_csv(file, index=False, sep="|", decimal=",")
    choices = [*TASK, "--sensitive", "age", "--bins", "age=40", "--delimiter", "|", "--exclude", "c=w", "--also",
               "error_rate_parity", "--variant", "uniform", "--strength", "0.3", "--pin", "c=u", "--seed", "3",
               "--rivals", "reweighing", "--target-gap", "0.1", "--fix-by", "weight", "--seeds", "2",
               "--save-model", "--parquet"]  # fmt: skip
    assert main(["run", str(file), *choices, "--out", str(tmp_path / "first")]) == 0
    saved = str(tmp_path / "first" / "settings.json")
    assert main(["run", str(file), "--settings", saved, "--out", str(tmp_path / "again")]) == 0
    same_study(tmp_path / "first", tmp_path / "again")
    assert json.loads((tmp_path / "again" / "summary.json").read_text())["seeds"]["used"] == [3, 4]
    assert (tmp_path / "first" / "model.skops").stat().st_size > 1000
    as_csv, as_parquet = (
        pd.read_csv(tmp_path / "first" / "rows.csv"),
        pd.read_parquet(tmp_path / "first" / "rows.parquet"),
    )
    assert list(as_csv) == list(as_parquet) and (as_csv["weight"].dropna() == as_parquet["weight"].dropna()).all()
    assert as_csv["group"].tolist() == as_parquet["group"].tolist()
    capsys.readouterr()
    given = ["--seed", "4", "--seeds", "1", "--metric", "demographic_parity", "--drop", "c", "--rivals", "none"]
    assert main(["run", str(file), "--settings", saved, *given, "--out", str(tmp_path / "other")]) == 0
    assert "another table" not in capsys.readouterr().err
    other = json.loads((tmp_path / "other" / "settings.json").read_text())
    assert other["config"]["seed"] == 4 and other["config"]["metric"] == "demographic_parity" and "seeds" not in other
    assert other["task"]["drop"] == ["c"] and other["config"]["variant"] == "uniform"


def test_settings_of_another_table_are_used_and_said_to_be(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = tmp_path / "settings.json"
    saved.write_text(files.settings_json(Study(plain_table(300), Task("y", 1, "g"), rivals="none").run()))
    assert main(["run", str(table), "--settings", str(saved), "--out", str(tmp_path / "out")]) == 0
    assert "The settings were made for another table" in capsys.readouterr().err


def test_settings_in_cohort_only_mode_write_no_rows(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = tmp_path / "settings.json"
    saved.write_text(
        files.settings_json(Study(plain_table(), Task("y", 1, "g", smallest_group=10), rivals="none").run())
    )
    for flag in ("--save-design", "--save-model", "--parquet"):
        told = refused(capsys, "run", table, "--settings", saved, flag, "--out", tmp_path / "out")
        assert "does not show" in told
    assert main(["run", str(table), "--settings", str(saved), "--out", str(tmp_path / "out")]) == 0
    assert not (tmp_path / "out" / "rows.csv").exists() and (tmp_path / "out" / "weights.csv").exists()


def test_help_is_short_and_promises_only_what_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--help"], ["run", "--help"], ["datasets", "--help"]):
        with pytest.raises(SystemExit) as stop:
            main(arguments)
        assert stop.value.code == 0
        text = capsys.readouterr().out
        assert len(text.splitlines()) < 110
    assert "run" in text or "datasets" in text


def test_as_a_program(table: Path, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii"}
    program = [sys.executable, "-m", "iffair_core", "run", str(table), "--out", str(tmp_path / "réş")]
    good = subprocess.run([*program, *TASK], capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)
    assert (good.returncode, good.stderr) == (0, "")
    assert len(good.stdout.splitlines()) == len(FILES)
    bad = subprocess.run([*program, "--target", "−"], capture_output=True, text=True, env=environment, check=False)
    assert bad.returncode == 2
    assert bad.stdout == ""
    assert len(bad.stderr.splitlines()) == 1


def test_a_reader_that_leaves_early_is_no_error() -> None:
    program = [sys.executable, "-m", "iffair_core", "datasets"]
    with subprocess.Popen(program, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 0


def test_a_run_tells_what_the_checks_hold_for_important(tmp_path, capsys):
    table = load_dataset("example")[0].head(1500)
    file = tmp_path / "loans.csv"
    table.assign(letter=table["decision"].map({"granted": "sent", "denied": "none"})).to_csv(file, index=False)
    arguments = ["run", str(file), "--target", "decision", "--favorable", "granted", "--sensitive", "community"]
    assert main([*arguments, "--rivals", "none", "--out", str(tmp_path / "leaky")]) == 0
    assert "'letter'" in capsys.readouterr().err
    assert main([*arguments, "--rivals", "none", "--drop", "letter", "--out", str(tmp_path / "sound")]) == 0
    assert "'letter'" not in capsys.readouterr().err
