"""The door holds: whatever comes, a table, a study or an `IFFairError`. `make fuzz` draws a hundred thousand more."""

from __future__ import annotations

import math
import time
from random import Random

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings

from benchmarks.fuzz import drawn, judge
from iffair_core import Study, Task, read_table
from iffair_core.checks.run import run_checks
from iffair_core.data.resolving import resolve
from iffair_core.errors import IFFairError, TableError
from iffair_core.reading.types import with_types
from tests.hostile import Hostile, csv_bytes, endure, hostile_bytes, hostile_tables, hostiles, require_table

SECONDS = 5.0
RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@settings(RELAXED, max_examples=80)
@given(hostile_bytes)
def test_any_bytes_become_a_table_with_its_promises_or_an_error(raw: bytes) -> None:
    started = time.perf_counter()
    try:
        frame = read_table(raw, name="fuzz.csv")
    except TableError as error:
        assert str(error).isprintable()
        assert "fuzz.csv" in str(error)
    else:
        require_table(frame)
    assert time.perf_counter() - started < SECONDS


@settings(RELAXED, max_examples=30)
@given(hostile_tables, hostiles)
def test_any_table_and_any_choices_are_taken_or_refused(frame, other: Hostile) -> None:
    for depth in ("columns", "resolve", "encode"):
        assert endure(Hostile("table", frame, depth, Random(other.depth)))


@settings(RELAXED, max_examples=120)
@given(hostiles)
def test_nothing_but_our_own_errors_comes_out(given_input: Hostile) -> None:
    started = time.perf_counter()
    assert endure(given_input)
    assert time.perf_counter() - started < SECONDS


def wide_and_short() -> bytes:
    """A table of 1,600 columns with one short line, too wide for the cells to be set right one by one."""
    names = ",".join(f"c{i}" for i in range(1_600))
    row = ",".join(str(i) for i in range(1_600))
    return f"{names}\n{row}\n{row}\n{row[:-6]}\n".encode()


@pytest.mark.parametrize(
    ("raw", "options"),
    [
        (b"a,b\n1,2\n", {"encoding": "idna"}),
        (b"a,b\n1,2\n", {"encoding": "unicode_escape"}),
        ("é1é,é2é\né3é,é4é\n".encode(), {"quote": "é"}),
        ("n,Zoë\n1,2\n".encode("latin-1"), {"encoding": "ascii"}),
        (b'Loans\r"""",a,\xe2\x80\xaex,split\n1,2,3\x1b5,6\n7,8,9,1\n1,3\x1b,5\n', {}),
        (wide_and_short(), {}),
        (b"a,b\n1,2\n", {"delimiter": "\0"}),
        (b"a\n" + b"\n" * 1_000_000 + b"b", {}),
        ("\xa0 ".encode(), {}),
        (b"# only\n# comments\n", {"comment": "#"}),
    ],
)
def test_files_that_once_got_through_are_taken_or_refused(raw: bytes, options: dict[str, object]) -> None:
    for depth in ("resolve", "preview", "columns"):
        assert endure(Hostile("options", raw, depth, Random(0), options))


def table_of(**columns: object) -> pd.DataFrame:
    """60 rows with an outcome, a group, and these columns."""
    rows = range(60)
    return pd.DataFrame({"y": [i % 2 for i in rows], "g": ["AB"[i // 2 % 2] for i in rows], "x": list(rows), **columns})


@pytest.mark.parametrize(
    ("table", "choices", "says"),
    [
        (table_of(tags=[["a"], ["b"]] * 30), {}, "lists or records in tags"),
        (table_of(pair=[(1, 2)] * 60), {}, "lists or records in pair"),
        (table_of().rename(columns={"x": 1}).assign(**{"z": 2}).rename(columns={"z": 1.0}), {}, "same name"),
        (table_of(), {"bins": {"x": (10**400,)}, "sensitive": "x"}, "not all numbers"),
        (table_of(), {"drop": 5}, "'5'"),
        (table_of().iloc[:0], {}, "no"),
    ],
)
def test_tables_that_once_got_through_are_refused(table: pd.DataFrame, choices: dict[str, object], says: str) -> None:
    task = Task(**{"target": "y", "favorable": 1, "sensitive": "g", **choices})
    for work in (resolve, lambda task, table: run_checks(table, task), lambda task, table: Study(table, task).run()):
        with pytest.raises(IFFairError, match=says):
            work(task, table)


def test_truth_values_with_gaps_become_numbers_with_gaps() -> None:
    frame = pd.DataFrame({"b": pd.array([True, None, False], "boolean")})
    assert with_types(frame, {"b": "number"}, ())["b"].tolist() == pytest.approx([1.0, math.nan, 0.0], nan_ok=True)


def test_an_input_is_drawn_from_its_seed_and_number_alone() -> None:
    first, again = drawn(3, 14), drawn(3, 14)
    assert (first.kind, first.depth) == (again.kind, again.depth)
    assert csv_bytes(Random("a")) == csv_bytes(Random("a")) != csv_bytes(Random("b"))


@pytest.mark.parametrize(("raised", "outcome"), [(KeyError("x"), "uncaught"), (IFFairError("Two\nlines."), "uncaught")])
def test_the_fuzzer_notices_what_must_not_come_out(
    raised: Exception, outcome: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> str:
        raise raised

    monkeypatch.setattr("tests.hostile._through", fail)
    found = judge(0, 5)
    assert (found.number, found.kind, found.outcome) == (5, drawn(0, 5).kind, outcome)
    assert type(raised).__name__ in found.what or "printable" in found.what


def test_a_column_may_be_called_true() -> None:
    assert all(check.text for check in run_checks(table_of().rename(columns={"x": True}), None))
