"""Laws of column types: what a column looks like, what the user makes of it, and what is counted of it."""

import datetime as dt
import io
import time

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iffair_core.data.resolving import resolve
from iffair_core.data.task import Task
from iffair_core.errors import TaskError
from iffair_core.reading.dates import parse_dates
from iffair_core.reading.door import read_table
from iffair_core.reading.numbers import parse_numbers
from iffair_core.reading.types import (
    TYPES,
    column_histograms,
    column_summary,
    infer_types,
    suggested_missing,
    with_types,
    year_and_month,
)
from iffair_core.reading.values import MISSING, in_order, label_codes

NUMBERS = st.floats(allow_nan=False, allow_infinity=True)


def texts(values):
    return pd.Series(values, dtype="str")


def kind_of(values):
    return infer_types(pd.DataFrame({"x": values}))["x"]


# ------------------------------------------------------------------------------------------------------------- types


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.arange(60), "identifier"),
        (np.arange(60)[::-1] + 1000.0, "identifier"),
        (np.arange(60) * 37.5, "number"),
        (np.arange(60) % 50, "number"),
        (np.arange(10), "number"),
        ([0.0, 1.0, np.nan] * 9, "yes/no"),
        ([True, False] * 9, "yes/no"),
        ([None, True, False] * 9, "yes/no"),
        (np.full(60, np.nan), "number"),
        (texts(["y", "n", None] * 9), "yes/no"),
        (texts(["a", "b", "c"] * 20), "category"),
        (texts(["a"] * 20), "category"),
        (texts([None] * 20), "category"),
        (pd.Categorical(["a", "b", "c"] * 20), "category"),
        (texts([f"person {i}" for i in range(60)]), "identifier"),
        (texts([f"person {i // 2}" for i in range(400)]), "category"),
        (texts([f"{i:05d}" for i in range(30)]), "identifier"),
        (texts([f"job {i % 400}" for i in range(10_000)]), "category"),
        (texts([f"{i % 700:05d}" for i in range(1_000)]), "identifier"),
        (texts(["teacher"] * 300 + [f"job {i}" for i in range(600)]), "category"),
        (texts([f"the applicant asked for a loan of {i} to mend a roof" for i in range(60)]), "text"),
        (texts([f"{1990 + i % 30}-{1 + i % 12:02d}-{1 + i % 28:02d}" for i in range(200)]), "date"),
        (texts([f"{1 + i % 28}/{1 + i % 12}/{1990 + i % 30}" for i in range(200)]), "date"),
        (texts([*(f"{1 + i % 28:02d}.03.20" for i in range(200)), "unknown"]), "category"),
        (pd.to_datetime(["2020-01-01", "2020-01-02"]), "date"),
        (texts([str(1950 + i % 50) + "-" + str(1960 + i % 50) for i in range(200)]), "category"),
    ],
)
def test_types_are_seen_as_people_would_name_them(values, kind):
    assert kind_of(values) == kind


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.sampled_from(["a", "b", "2020-01-01", "x y", None]) | st.text(max_size=3), max_size=30), st.randoms()
)
def test_the_type_does_not_depend_on_the_order_of_rows(values, random):
    shuffled = list(values)
    random.shuffle(shuffled)
    assert kind_of(texts(values)) == kind_of(texts(shuffled)) in TYPES


def test_what_the_user_chose_goes_before_what_is_seen():
    frame = pd.DataFrame({"id": np.arange(60), "x": np.arange(60) % 7})
    assert infer_types(with_types(frame, {"id": "number"}, ())) == {"id": "number", "x": "number"}


# ------------------------------------------------------------------------------------------------------ summary, counts


def test_column_summary_names_type_missing_distinct_and_example():
    n = 60
    frame = pd.DataFrame(
        {
            "id": np.arange(n),
            "amount": np.arange(n) * 37.5,
            "name": [f"person {i}" for i in range(n)],
            "kind": [f"k{i % 3}" for i in range(n)],
            "flag": [None, *([True, False] * n)[: n - 1]],
            "empty": np.full(n, np.nan),
        }
    )
    summary = column_summary(frame).set_index("name")
    assert summary["type"].to_dict() == {
        "id": "identifier", "amount": "number", "name": "identifier",
        "kind": "category", "flag": "yes/no", "empty": "number",
    }  # fmt: skip
    assert summary["missing"].tolist() == [0, 0, 0, 0, 1, n]
    assert summary["distinct"].tolist() == [n, n, n, 3, 2, 0]
    assert summary.loc["name", "example"] == "person 0"
    assert summary.loc["empty", "example"] == ""


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.none() | st.sampled_from([0, 1, -5, 2**40]), max_size=20),
    st.lists(NUMBERS | st.none(), max_size=20),
    st.lists(st.text(max_size=2) | st.none(), max_size=20),
)
def test_the_summary_counts_as_pandas_does(whole, numbers, words):
    n = max(len(whole), len(numbers), len(words))
    frame = pd.DataFrame(
        {
            "i": pd.Series(whole, dtype=float).reindex(range(n)),
            "x": pd.Series(numbers, dtype=float).reindex(range(n)),
            "t": texts(words).reindex(range(n)),
            "c": texts(words).reindex(range(n)).astype("category"),
            "z": np.arange(n) % 3,
        }
    )
    summary = column_summary(frame)
    assert summary["distinct"].tolist() == frame.nunique().tolist()
    assert summary["missing"].tolist() == frame.isna().sum().tolist()


@settings(max_examples=60, deadline=None)
@given(st.lists(NUMBERS | st.none(), min_size=1, max_size=60), st.integers(1, 12))
def test_histograms_count_every_finite_number(values, bins):
    frame = pd.DataFrame({"x": np.array(values, dtype=float)})
    (counts,) = column_histograms(frame, bins)
    finite = frame["x"][np.isfinite(frame["x"])]
    if len(finite) and np.isfinite(float(finite.max()) - float(finite.min())):  # Python's floats overflow in silence
        assert sum(counts) == len(finite) and len(counts) <= bins


def test_histograms_of_text_hold_the_commonest_values_and_nothing_for_names():
    frame = pd.DataFrame({"kind": ["a", "b", "b", None], "name": list("wxyz"), "n": [3, 3, 7, 9], "empty": [None] * 4})
    assert column_histograms(frame, 2) == [[2, 1], [], [2, 2], []]


def test_markers_are_suggested_as_written_the_commonest_first():
    frame = pd.DataFrame(
        {"a": texts(["?", "?", "x", "Unknown"]), "b": texts(["None", "y", "z", None]), "n": [1, 2, 3, 4]}
    )
    assert suggested_missing(frame) == ("?", "None", "Unknown")


def test_columns_of_a_large_table_are_looked_at_quickly():
    n = 200_000
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({f"x{k}": rng.normal(size=n) for k in range(8)})
    for k in range(8):
        frame[f"t{k}"] = texts(np.array([f"v{j}" for j in range(50)], dtype=object)[rng.integers(0, 50, n)])
    started = time.process_time()
    for work in (infer_types, column_summary, column_histograms, suggested_missing):
        work(frame)
    assert time.process_time() - started < 2


# -------------------------------------------------------------------------------------------------------------- dates


DAYS = st.dates(dt.date(1970, 1, 1), dt.date(2068, 12, 31))
WRITTEN = {
    "iso": "%Y-%m-%d", "slashes": "%Y/%m/%d", "time": "%Y-%m-%dT%H:%M:%SZ", "german": "%d.%m.%Y", "short": "%d.%m.%y",
    "british": "%d/%m/%Y", "words": "%d %B %Y", "american words": "%b %d, %Y", "sas": "%d-%b-%Y",
}  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(st.lists(DAYS, min_size=1, max_size=20), st.sampled_from(sorted(WRITTEN)))
def test_a_date_is_the_day_that_was_written(days, form):
    cells = [day.strftime(WRITTEN[form]) for day in [*days, dt.date(2001, 2, 25)]]
    assert parse_dates(pa.array(cells)).days.tolist() == [*days, dt.date(2001, 2, 25)]


@settings(max_examples=40, deadline=None)
@given(st.lists(DAYS, min_size=1, max_size=20))
def test_one_cell_decides_which_of_day_and_month_comes_first(days):
    cells = [day.strftime("%m/%d/%Y") for day in [*days, dt.date(2001, 2, 25)]]
    found = parse_dates(pa.array(cells))
    assert found.days.tolist()[:-1] == days and found.order == "month first"


def test_days_that_do_not_exist_are_no_dates_and_doubt_is_told():
    found = parse_dates(pa.array(["2021-02-29", "2021-13-01", "31/4/2021", "0", "3/4/2021"]))
    assert np.isnat(found.days).tolist() == [True, True, True, True, False]
    assert parse_dates(pa.array(["3/4/2021"])).doubtful
    assert not parse_dates(pa.array(["3/4/2021", "25/4/2021"])).doubtful


# --------------------------------------------------------------------------------------------------- the user's choices


def test_nothing_to_do_gives_the_same_object_and_twice_is_once():
    frame = pd.DataFrame({"a": ["1", "?"], "b": [1, 2]})
    assert with_types(frame, None, ()) is frame
    assert with_types(frame, {}, []) is frame
    once = with_types(frame, {"b": "category"}, ["?"])
    assert with_types(once, {"b": "category"}, ["?"]) is once
    assert with_types(once, None, ()) is once
    assert frame["b"].tolist() == [1, 2] and frame.attrs == {}


def test_a_column_that_is_text_only_by_its_markers_becomes_numbers():
    frame = pd.DataFrame({"a": texts(["1", " - ", "2.5"]), "b": texts(["-", "x", None]), "n": [1.0, -9.0, -9.0]})
    found = with_types(frame, None, ["-", "-9", "#"])
    assert found["a"].dtype.kind == "f" and found["a"].isna().tolist() == [False, True, False]
    assert found["b"].isna().tolist() == [True, False, True]
    assert found["n"].isna().tolist() == [False, True, True]
    first, second = found.attrs["warnings"]
    assert "4 cells of a, b, n" in first and "No cell is #" in second
    assert with_types(frame, {"a": "category"}, ["-"])["a"].dropna().tolist() == ["1", "2.5"]


def test_a_marker_that_is_missing_among_numbers_anyway_is_not_said_to_be_nowhere():
    frame = read_table(io.BytesIO(b"a,b\n1,x\n?,y\n3,x\n"))
    assert not with_types(frame, None, ["?"]).attrs["warnings"]
    assert with_types(frame, None, ["-"]).attrs["warnings"] == ["No cell is -, which you want to be missing."]
    assert with_types(frame[["b"]], None, ["?"]).attrs["warnings"] == ["No cell is ?, which you want to be missing."]


def test_markers_are_found_in_every_kind_of_column():
    frame = pd.DataFrame(
        {
            "f": [True, False],
            "c": pd.Categorical(["x", "y"]),
            "o": [None, True],
            "d": pd.to_datetime(["2020-01-01", None]),
        }
    )
    found = with_types(frame, None, ["True", "y"])
    assert found.isna().sum().tolist() == [1, 1, 2, 1]


def test_text_forced_to_numbers_counts_what_is_none():
    frame = pd.DataFrame({"x": texts(["1.234,5", "3 €", "NA", "about 4", None, "0012"])})
    found = with_types(frame, {"x": "number"}, ())
    assert found["x"].tolist()[:2] == [1234.5, 3.0] and found["x"].tolist()[5] == 12
    assert found["x"].isna().sum() == 3
    assert "taken as missing: 1 (about 4)" in found.attrs["warnings"][0]
    with pytest.raises(TaskError, match=r"No cell of 'x' is a number \(a, b"):
        with_types(pd.DataFrame({"x": texts(["a", "b"])}), {"x": "number"}, ())
    with pytest.raises(TaskError, match="year and month"):
        with_types(pd.DataFrame({"x": pd.to_datetime(["2020-01-01"])}), {"x": "number"}, ())
    assert with_types(pd.DataFrame({"x": [True, False]}), {"x": "number"}, ())["x"].tolist() == [1, 0]


def test_numbers_taken_for_names_are_labels():
    frame = pd.DataFrame({"zip": [10.0, 20.5, np.nan], "grade": [1, 2, 3], "sex": [1, 2, 1]})
    found = with_types(frame, {"zip": "category", "grade": "yes/no", "sex": "yes/no"}, ())
    assert found["zip"].tolist()[:2] == ["10", "20.5"] and found["zip"].isna().tolist() == [False, False, True]
    assert found["grade"].tolist() == ["1", "2", "3"] and "has 3 values" in found.attrs["warnings"][0]
    assert found["sex"].tolist() == [1, 2, 1]
    assert infer_types(found) == {"zip": "category", "grade": "yes/no", "sex": "yes/no"}


def test_year_and_month_of_dates_however_they_are_kept():
    frame = pd.DataFrame(
        {
            "t": texts(["3/4/2021", "1/1/1969", "later", None]),
            "d": pd.to_datetime(["2021-04-03", "1969-12-31", None, "1900-02-01"]),
        }
    )
    frame["z"] = frame["d"].dt.tz_localize("UTC")
    found = with_types(frame, dict.fromkeys("tdz", "year and month"), ())
    t, d, z = (year_and_month(found[name]) for name in "tdz")
    assert t["t year"].tolist()[:2] == [2021, 1969] and t["t month"].tolist()[:2] == [4, 1]
    assert np.isnan(t["t year"]).tolist() == [False, False, True, True]
    assert d["d month"].tolist()[:2] == [4, 12] and d["d year"].tolist()[3] == 1900
    assert np.array_equal(z["z year"], d["d year"], equal_nan=True)
    said = " ".join(found.attrs["warnings"])
    assert "day first, which no cell of it decides" in said and "1 (later)" in said
    with pytest.raises(TaskError, match="No cell of 'x' is a readable date"):
        with_types(pd.DataFrame({"x": texts(["a"])}), {"x": "year and month"}, ())


def test_types_that_cannot_be_are_named_with_the_way_out():
    frame = pd.DataFrame({"age": [1], "zip": [2]})
    with pytest.raises(TaskError, match=r"'aeg', which is not a column of the table.* Did you mean 'age'"):
        with_types(frame, {"aeg": "number"}, ())
    with pytest.raises(TaskError, match=r"'float'\. Choose one of: number, yes/no, category"):
        with_types(frame, {"age": "float"}, ())


def test_the_decimal_sign_of_the_file_holds_for_columns_read_later():
    raw = "a;b\n" + "".join(f"{i},25;{i}.500{' approx' * (i == 7)}\n" for i in range(1, 20))
    frame = read_table(raw.encode())
    assert with_types(frame, {"b": "number"}, ())["b"].tolist()[:2] == [1500, 2500]


@settings(max_examples=30, deadline=None)
@given(st.sampled_from(TYPES), st.lists(st.sampled_from(["1", "2,5", "2020-01-01", "x", "?", None]), min_size=1))
def test_any_choice_gives_a_table_that_keeps_it_or_a_task_error(kind, cells):
    frame = pd.DataFrame({"x": texts(cells), "y": range(len(cells))})
    try:
        found = with_types(frame, {"x": kind}, ["?"])
    except TaskError as error:
        assert "'x'" in str(error)
    else:
        assert infer_types(found)["x"] == kind
        assert len(found) == len(cells) and list(found.columns) == ["x", "y"]
        assert with_types(found, {"x": kind}, ["?"]) is found


# -------------------------------------------------------------------------------------------------- numbers and labels


def test_a_table_of_thousands_of_short_columns_is_read_in_few_passes(monkeypatch):
    passes = []
    monkeypatch.setattr(
        "iffair_core.reading.numbers.parse_numbers", lambda *given: passes.append(given) or parse_numbers(*given)
    )
    raw = ";".join(f"column {i}" for i in range(3_000)) + "\n" + ";".join(["5 €"] * 3_000) + "\n"
    frame = read_table(raw.encode())
    assert frame.shape == (1, 3_000) and frame["column 7"].tolist() == [5]
    assert 0 < len(passes) < 10


@pytest.mark.parametrize(
    "labels",
    [
        ["< 25", "25 to < 60", ">= 60"],
        ["under 18", "18-24", "25-74", "75+"],
        ["<10k", "10k-20k", "20k and over"],
        ["$5,000-$9,999", "$10,000-$19,999", "$20,000+"],
        ["[3, 20)", "[20, 30)", "[100, 200)"],
        ["Very low", "low", "Medium", "high"],
        ["Poor", "fair", "good", "very_good", "Excellent"],
        ["mon", "tue", "sun"],
        ["1", "2", "10"],
        ["B", "a"],
        ["Q1", "Q2", "Q3"],
        ["2019-12-31", "2020-01-02"],
        ["18-24", "other"],
    ],
)
def test_labels_are_sorted_as_people_read_them(labels):
    rng = np.random.default_rng(0)
    for _ in range(5):
        assert in_order(rng.permutation([*labels, MISSING]).tolist()) == [*labels, MISSING]
    codes, found = label_codes(pd.Series([*reversed(labels), None]))
    assert found == (*labels, MISSING)
    assert codes.tolist() == [*reversed(range(len(labels))), len(labels)]


def test_an_ordered_category_keeps_its_order():
    values = pd.Categorical(["hi", "lo", "mid", None], categories=["lo", "mid", "hi", "top"], ordered=True)
    codes, labels = label_codes(pd.Series(values))
    assert labels == ("lo", "mid", "hi", MISSING)
    assert codes.tolist() == [2, 0, 1, 3]


def test_groups_of_bands_and_pools_keep_their_order():
    table = pd.DataFrame({"band": ["65+", "18-24", "9-17", "25-64"] * 40, "x": range(160), "y": [0, 1] * 80})
    assert resolve(Task("y", 1, "band"), table).groups == ("9-17", "18-24", "25-64", "65+")
