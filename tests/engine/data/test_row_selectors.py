"""Laws of names of rows: a row id is one row, a cohort is every row of that value, and wrong names are refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iffair_core.data.row_selectors import pin_names, rows_matching
from iffair_core.errors import ConfigError
from iffair_core.reading.values import label_codes

TABLE = pd.DataFrame(
    {
        "town": ["North", "South", "a=b", None, "North"],
        "age": [30.0, 41.0, 30.0, 50.5, np.nan],
        "x=y": ["p", "q", "p", "p", "q"],
        "x": ["y=p", "", "y=p", "y=q", "z"],
        7: [True, False, True, True, False],
    }
)


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        (0, [0]),
        (4, [4]),
        ("town=North", [0, 4]),
        ("town=a=b", [2]),
        ("town=(missing)", [3]),
        ("age=30", [0, 2]),
        ("age=30.0", [0, 2]),
        ("7=true", [0, 2, 3]),
        ("age=50.5", [3]),
        ("age=(missing)", [4]),
        ("x=z", [4]),
        ("7=True", [0, 2, 3]),
    ],
)
def test_a_name_finds_its_rows(name: int | str, rows: list[int]) -> None:
    assert np.flatnonzero(rows_matching(TABLE, [name])).tolist() == rows


def test_the_longest_column_that_fits_is_meant() -> None:
    assert np.flatnonzero(rows_matching(TABLE, ["x=y=p"])).tolist() == [0, 2, 3]


def test_no_names_find_no_rows() -> None:
    assert not rows_matching(TABLE, []).any()


@given(st.lists(st.one_of(st.integers(0, 4), st.sampled_from(["town=North", "age=30", "x=z", "x=y=q"]))))
def test_several_names_find_the_union_in_any_order(names: list[int | str]) -> None:
    together = rows_matching(TABLE, names)
    alone = np.zeros(len(TABLE), dtype=bool)
    for name in reversed(names):
        alone |= rows_matching(TABLE, [name])
    assert (together == alone).all()


@given(st.lists(st.one_of(st.none(), st.text(max_size=6), st.integers(-3, 3), st.floats()), min_size=1, max_size=12))
def test_the_values_of_a_column_divide_its_rows(values: list[object]) -> None:
    table = pd.DataFrame({"c": pd.Series(values, dtype=object)})
    _, labels = label_codes(table["c"])
    counts = np.sum([rows_matching(table, [f"c={label}"]) for label in labels], axis=0)
    assert counts.tolist() == [1] * len(values)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (5, "rows of the table are 0 to 4"),
        (-1, "There is no row -1"),
        ("town", "names no cohort"),
        ("village=North", "Columns: town, age, x=y, x, 7"),
        ("town=West", "Values of 'town': "),
        ("age=30.5", "No row has age=30.5"),
    ],
)
def test_a_wrong_name_says_what_there_is(name: int | str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        rows_matching(TABLE, [name])


def test_names_are_kept_once_and_as_plain_types() -> None:
    names = pin_names([np.int64(3), "g=A", 3, "g=A"])
    assert names == (3, "g=A")
    assert type(names[0]) is int
    assert pin_names("g=A") == ("g=A",)
    assert pin_names(3) == (3,)
    assert pin_names(iter(names)) == names


@pytest.mark.parametrize("name", [1.5, True, None, ("g", "A"), np.bool_(True)])
def test_other_types_name_no_row(name: object) -> None:
    with pytest.raises(ConfigError, match="names no row"):
        pin_names([name])  # type: ignore[list-item]
