"""Every file of the corpus comes to what it must: a table, a finished study, or a sentence that says the way out."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.nasty import PATH, ours, row, taken
from iffair_core import read_table
from iffair_core.__main__ import main
from iffair_core.errors import IFFairError
from iffair_core.reading.door import preview_table
from iffair_core.reading.values import is_number
from tests.nasty.corpus import CORPUS, Finished, Nasty, Refused, Table

SECONDS = 5.0
MEGABYTES = 1000
"""Memory that no file of the corpus may take, the bombs of 4 GB among them."""

NAMES = [nasty.name for nasty in CORPUS]
READ = [nasty for nasty in CORPUS if isinstance(nasty.expect, Table)]
STUDIED = [nasty for nasty in CORPUS if nasty.choices is not None]


def named(chosen: list[Nasty]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("nasty", chosen, ids=[nasty.name for nasty in chosen])


def require_sentence(message: str, words: tuple[str, ...]) -> None:
    """One printable line that holds the words, ends as a sentence and is followed by a way out."""
    assert message.isprintable()
    assert len(message) < 1500
    for word in words:
        assert word.casefold() in message.casefold(), f"'{word}' is not in: {message}"
    assert message.endswith((".", "?"))
    assert len(re.findall(r"[.)?'] [A-Z]", message)) >= 1, f"no way out in: {message}"


def kind(values: pd.Series) -> str:
    if values.dtype.kind == "M":
        return "date"
    if values.dtype.kind == "b":
        return "bool"
    return "number" if is_number(values) else "text"


def same(value: object, wanted: object) -> bool:
    if wanted is None or value is None or pd.isna(value):
        return wanted is None and (value is None or bool(pd.isna(value)))
    if isinstance(wanted, int | float) and not isinstance(wanted, bool):
        return isinstance(value, int | float | np.number) and float(value) == pytest.approx(wanted, rel=1e-12)
    return bool(value == wanted)


def test_the_corpus_names_every_file_once() -> None:
    assert len(set(NAMES)) == len(NAMES) >= 60
    assert all(isinstance(nasty.study, Finished | Refused) for nasty in STUDIED)


@named(CORPUS)
def test_a_file_becomes_the_table_it_must_or_is_refused_with_a_way_out(nasty: Nasty) -> None:
    found, expect = taken(nasty), nasty.expect
    if isinstance(expect, Refused):
        assert found.frame is None
        require_sentence(str(found.error), expect.words)
    else:
        assert found.frame is not None, found.error
        frame = found.frame
        assert tuple(frame.columns) == expect.columns
        assert len(frame) == expect.rows
        for column, cells in expect.cells.items():
            values = frame[column].tolist()[: len(cells)]
            assert all(same(*pair) for pair in zip(values, cells, strict=True)), f"{column}: {values}, not {cells}"
        assert {column: kind(frame[column]) for column in expect.kinds} == expect.kinds
        notes = " ".join(frame.attrs["warnings"])
        for word in expect.notes:
            assert word.casefold() in notes.casefold(), f"'{word}' is not in the notes: {notes}"
        assert all(note.isprintable() and note.endswith(".") for note in frame.attrs["warnings"])
    assert found.seconds < SECONDS
    assert found.megabytes < MEGABYTES


@named(STUDIED)
def test_a_study_finishes_or_says_what_to_choose(nasty: Nasty) -> None:
    found, study = taken(nasty), nasty.study
    if isinstance(study, Finished):
        assert found.result is not None, found.error
        assert found.result.finished
        said = " ".join(found.result.warnings)
        for word in study.words:
            assert word.casefold() in said.casefold(), f"'{word}' is not in the warnings: {said}"
    else:
        assert isinstance(study, Refused)
        assert found.result is None
        require_sentence(str(found.error), study.words)


@named([nasty for nasty in CORPUS if "pickle" in nasty.what])
def test_nothing_in_a_file_is_run(nasty: Nasty, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for read in (read_table, preview_table):
        with contextlib.suppress(IFFairError):
            read(nasty.make(), name=nasty.name)
    assert list(tmp_path.iterdir()) == []


@named([nasty for nasty in CORPUS if isinstance(nasty.expect, Refused) and not nasty.big and not nasty.options])
def test_the_command_line_says_it_in_one_line(nasty: Nasty, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / nasty.name
    path.write_bytes(nasty.make())
    task = ["--target", "paid", "--favorable", "yes", "--sensitive", "town"]
    assert main(["run", str(path), *task, "--out", str(tmp_path / "out")]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert err.startswith("error: ")
    assert "should not" not in err
    assert not (tmp_path / "out").exists()


def test_the_page_about_files_shows_what_is_seen() -> None:
    text = PATH.read_text(encoding="utf-8")
    absent = [nasty.name for nasty in CORPUS if row(nasty, ours(nasty)).removesuffix("|") not in text]
    assert not absent, f"run python -m benchmarks.nasty: {absent}"
    assert text.count("\n| `") == len(CORPUS)
