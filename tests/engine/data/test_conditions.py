"""Laws of conditions: they compare as numbers or as dates, missing cells meet none, and a wrong one says what to do."""

from __future__ import annotations

import datetime as dt
import operator

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iffair_core.data.row_selectors import rows_meeting
from iffair_core.errors import TaskError

SIGNS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
WRITTEN = {"%Y-%m-%d": "2020-12-31", "%d/%m/%Y": "31/12/2020", "%m/%d/%Y": "12/31/2020", "%d.%m.%Y": "31.12.2020"}
TABLE = pd.DataFrame(
    {
        "age": [30.0, 41.0, 30.0, 50.5, np.nan],
        "town": ["North", "South", "North", None, "5"],
        "day": ["2020-01-05", "2021-03-01", "2020-01-05", None, "2019-12-31"],
        "when": pd.to_datetime(["2020-01-05 10:00", "2021-03-01 00:00", "2020-01-05 10:00", None, "2019-12-31 23:59"]),
        "x<y": [1, 2, 1, 4, 5],
        "yes": [True, False, True, True, False],
        " odd": [1, 1, 1, 2, 2],
    }
)


@pytest.mark.parametrize(
    ("condition", "rows"),
    [
        ("age<41", [0, 2]),
        ("age <= 41", [0, 1, 2]),
        ("age>=41", [1, 3]),
        ("age>1e9", []),
        ("age=30.0", [0, 2]),
        ("age=(missing)", [4]),
        ("town=North", [0, 2]),
        ("yes=true", [0, 2, 3]),
        ("day<2020-01-05", [4]),
        ("day>=2020", [0, 1, 2]),
        ("day>2021-02", [1]),
        ("day<=5 Jan 2020", [0, 2, 4]),
        ("when<=2020-01-05", [0, 2, 4]),
        ("x<y<2", [0, 2]),
        ("x<y>=4", [3, 4]),
        (" odd=2", [3, 4]),
        ("duplicates", [2]),
    ],
)
def test_a_condition_finds_its_rows(condition: str, rows: list[int]) -> None:
    assert np.flatnonzero(rows_meeting(TABLE, condition)).tolist() == rows


@given(st.lists(st.one_of(st.none(), st.integers(-9, 9), st.floats()), min_size=1, max_size=30), st.integers(-9, 9))
def test_numbers_compare_as_numbers(values: list[float | None], bound: int) -> None:
    table = pd.DataFrame({"c": pd.Series(values, dtype=np.float64)})
    for sign, compare in SIGNS.items():
        expected = [value is not None and compare(value, bound) for value in values]
        assert rows_meeting(table, f"c{sign}{bound}").tolist() == expected
    below, rest = rows_meeting(table, f"c<{bound}"), rows_meeting(table, f"c>={bound}")
    assert (below ^ rest == table["c"].notna()).all()


@given(
    st.lists(st.one_of(st.none(), st.dates(dt.date(1950, 1, 1), dt.date(2060, 1, 1))), min_size=1, max_size=30),
    st.dates(dt.date(1950, 1, 1), dt.date(2060, 1, 1)),
    st.sampled_from(sorted(WRITTEN)),
)
def test_dates_compare_as_dates_however_they_are_written(
    days: list[dt.date | None], bound: dt.date, written: str
) -> None:
    days = [*days, dt.date(2020, 12, 31)]  # a day that no one can take for a month
    text = pd.DataFrame({"c": pd.Series([None if day is None else day.strftime(written) for day in days], dtype="str")})
    real = pd.DataFrame({"c": pd.to_datetime(pd.Series(days, dtype=object))})
    for sign, compare in SIGNS.items():
        expected = [day is not None and compare(day, bound) for day in days]
        assert rows_meeting(text, f"c{sign}{bound}").tolist() == expected
        assert rows_meeting(real, f"c{sign}{bound}").tolist() == expected
        assert rows_meeting(text, f"c{sign}{bound.strftime(written)}").tolist() == expected


@given(st.lists(st.tuples(st.sampled_from(["a", None]), st.sampled_from([1.0, np.nan])), min_size=1, max_size=12))
def test_without_duplicates_every_row_is_there_once(rows: list[tuple[str | None, float]]) -> None:
    table = pd.DataFrame(rows, columns=["c", "d"])
    kept = table[~rows_meeting(table, "duplicates")]
    assert not kept.duplicated().any()
    assert len(kept) == len({repr(row) for row in rows})
    assert 0 in kept.index


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("age<old", "'age' is a column of numbers and 'old' is none. Give one, as <18."),
        ("age<nan", "is none"),
        ("town>=5", "Give its values, as 'town=North'"),
        ("yes<1", "neither numbers nor dates"),
        ("day<soon", "a column of dates and 'soon' is none. Give one, as <2020-12-31"),
        ("when>=x", "a column of dates"),
        ("village=North", "no condition on a column. Give COLUMN=VALUE"),
        ("age", "Columns: age, town, day"),
        ("", "no condition"),
        ("town=West", "Values of 'town': 5, North, South, "),
        ("a\nb<3", "a\\nb<3"),
    ],
)
def test_a_wrong_condition_says_what_to_do(condition: str, said: str) -> None:
    with pytest.raises(TaskError) as caught:
        rows_meeting(TABLE, condition)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
