"""Dates as sensitive attributes: cut at years and days, one group per year, by age, in parts of like size."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iffair_core.checks.run import run_checks
from iffair_core.data.date_groups import by_date
from iffair_core.data.resolving import resolve
from iffair_core.data.task import Task
from iffair_core.data.task_options import Bins
from iffair_core.errors import TaskError


def people(*, as_text: str = "%d/%m/%Y", rows: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    born = [dt.date(1950, 1, 1) + dt.timedelta(days=int(day)) for day in rng.integers(0, 20_000, rows)]
    dates = pd.Series([day.strftime(as_text) for day in born]) if as_text else pd.to_datetime(pd.Series(born))
    return pd.DataFrame({"x": rng.normal(size=rows), "born": dates, "y": rng.integers(0, 2, rows)})


def groups_of(table: pd.DataFrame, bins: object) -> tuple[str, ...]:
    return resolve(Task("y", 1, "born", bins={"born": bins}), table).groups


@pytest.mark.parametrize("as_text", ["%d/%m/%Y", "%Y-%m-%d", ""])
def test_dates_are_cut_at_years_and_days(as_text):
    assert groups_of(people(as_text=as_text), [1970, "1985-07-01"]) == (
        "< 1970", "1970 to < 1985-07-01", ">= 1985-07-01",
    )  # fmt: skip


def test_each_year_is_a_group():
    table = people(rows=3000).query("born.str[-4:] > '1989'").reset_index(drop=True)
    assert groups_of(table, "years") == tuple(sorted(table["born"].str[-4:].unique()))


def test_parts_of_like_size():
    resolved = resolve(Task("y", 1, "born", bins={"born": "quantiles:4"}), people())
    assert np.bincount(resolved.group_codes).tolist() == [100, 100, 100, 100]


def test_a_cell_that_is_no_date_is_missing_and_told():
    table = people()
    table.loc[:20, "born"] = "unknown"
    resolved = resolve(Task("y", 1, "born", bins={"born": [1970]}), table)
    assert resolved.groups == ("< 1970", ">= 1970", "(missing)")
    assert np.bincount(resolved.group_codes)[2] == 21
    assert any("cells that are none, taken as missing: 21 (unknown)" in text for text in resolved.warnings)


def test_too_many_dates_say_where_to_cut():
    with pytest.raises(TaskError, match=r"Cut it into bins, for example at 19\d\d, 19\d\d, 19\d\d\."):
        resolve(Task("y", 1, "born"), people())


@pytest.mark.parametrize("bins", ["months", "age 50, 30 at 2024-01-01", "age 30 at noon", [1985, 1970], ["soon"], []])
def test_other_bins_say_what_to_give(bins):
    with pytest.raises(TaskError, match=r"years for one group per year; or age 25, 60 at 2024-12-31\."):
        groups_of(people(), bins)


def test_small_bins_of_dates_are_joined_to_a_neighbor():
    checks = run_checks(people(), Task("y", 1, "born", bins={"born": [1951, 1970, 1990]}))
    (small,) = (check for check in checks if check.kind == "small_groups")
    assert [remedy.change["bins"] for remedy in small.remedies] == [{"born": (1970.0, 1990.0)}]


@given(st.dates(dt.date(1900, 1, 1), dt.date(2024, 12, 31)), st.dates(dt.date(1950, 1, 1), dt.date(2030, 12, 31)))
def test_age_is_the_number_of_birthdays(born, on):
    codes, labels = by_date("born", np.array([born], dtype="datetime64[D]"), f"age 40 at {on}", None)[1]
    age = on.year - born.year - ((on.month, on.day) < (born.month, born.day))
    expected = "(missing)" if born > on else "age >= 40" if age >= 40 else "age < 40"
    assert labels[codes[0]] == expected


@pytest.mark.parametrize(
    "bins", [(25.0, 60.0), (1970.0, "1985-07-01"), "quantiles:4", "years", "age 25, 60 at 2024-12-31"]
)
def test_bins_are_spelled_and_read_back(bins):
    option = Bins(flag="bins")
    assert option.given(option.words({"born": bins})) == {"born": bins}
    assert option.read(option.written({"born": bins})) == {"born": bins}
