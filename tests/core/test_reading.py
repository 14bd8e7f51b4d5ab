"""Laws of reading: what a file says is what the table holds, and what it cannot hold is an error with a way out."""

import gzip
import io
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iffair_core.data.reading import NUMERIC_MISSING, column_histograms, column_summary, read_table, table_fingerprint
from iffair_core.errors import TableError

TEXT = st.text(
    st.characters(min_codepoint=33, max_codepoint=0x2FF, exclude_categories=("Cc", "Cs")), min_size=1, max_size=6
).map(lambda text: "x" + text)
NUMBERS = st.floats(allow_nan=False, allow_infinity=True)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(TEXT, NUMBERS, st.integers(-(2**53), 2**53)), min_size=1, max_size=20),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_csv_round_trip_is_exact(rows, delimiter, line_end, encoding):
    frame = pd.DataFrame(rows, columns=["name", "value, or more", "count"]).astype({"name": "str"})
    text = frame.to_csv(index=False, sep=delimiter, lineterminator=line_end)
    read = read_table(text.encode(encoding))
    assert list(read.columns) == list(frame.columns)
    assert read["name"].tolist() == frame["name"].tolist()
    assert read["value, or more"].astype(float).tolist() == frame["value, or more"].tolist()
    assert read["count"].tolist() == frame["count"].tolist()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(st.integers(-99, 99).map(str), st.sampled_from(sorted(NUMERIC_MISSING))), min_size=1),
    st.booleans(),
)
def test_markers_are_missing_only_among_numbers(cells, with_text):
    cells = [*cells, "7", *(["word"] if with_text else [])]
    column = read_table(("a,b\n" + "".join(f"{cell},1\n" for cell in cells)).encode())["a"]
    if with_text:
        assert column.tolist() == cells
    else:
        assert column.dtype.kind in "if"
        assert column.isna().tolist() == [cell in NUMERIC_MISSING for cell in cells]
        assert column.dropna().tolist() == [float(cell) for cell in cells if cell not in NUMERIC_MISSING]


def test_the_type_of_a_column_does_not_depend_on_where_its_one_word_stands():
    # A parser that works in chunks would read the leading zeros away in the chunks without a word.
    numbers = ["01,1,1,1,1,1,1,1"] * 200_000
    header, word = "a,b,c,d,e,f,g,h", "word,1,1,1,1,1,1,1"
    first = read_table("\n".join([header, word, *numbers]).encode())
    last = read_table("\n".join([header, *numbers, word]).encode())
    assert set(first["a"]) == set(last["a"]) == {"01", "word"}


def test_other_signs_are_no_markers():
    assert read_table(b"a\n-\n1\n")["a"].tolist() == ["-", "1"]


def test_the_empty_cell_is_missing_in_every_column():
    frame = read_table(b'a,b,c\n1,x,True\n,,\n"", ,False\n')
    assert frame.isna().sum().tolist() == [2, 2, 1]


def test_blanks_after_the_delimiter_and_around_names_do_not_count():
    frame = read_table(b'age , "sex, at birth"\n39, "M, say"\n')
    assert list(frame.columns) == ["age", "sex, at birth"]
    assert frame.iloc[0].tolist() == [39, "M, say"]


def test_quotes_inside_a_cell_are_text():
    assert read_table(b'size,n\n5" pipe,1\n6" x 7",2\n8" x,3\n')["size"].tolist() == ['5" pipe', '6" x 7"', '8" x']
    assert read_table(b'a,n\n"line\nbreak",1\n"say ""hi"", now",2\n')["a"].tolist() == ["line\nbreak", 'say "hi", now']


def test_windows_encoding_and_old_line_ends_are_read():
    assert read_table("name;n\nJosé;1\n".encode("cp1252"))["name"].tolist() == ["José"]
    assert read_table(b"a,b\r1,2\r3,4\r")["b"].tolist() == [2, 4]


def test_infinite_and_huge_numbers_stay_numbers():
    assert read_table(b"a\ninf\n1\n-inf\n")["a"].tolist() == [np.inf, 1.0, -np.inf]
    assert read_table(b"a\n123456789012345678901234567890\n1\n")["a"].tolist() == [
        123456789012345678901234567890.0,
        1.0,
    ]


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"", "is empty"),
        (b" \n\n", "is empty"),
        (b"a,b\n", "no rows"),
        (b"a,b\n1,\0\n", "binary"),
        (bytes(range(1, 256)) * 4, "binary"),
        (b"PK\x03\x04rest", "Excel"),
        (b"\x1f\x8brest", "gzip"),
        (b"PAR1 and no more PAR1", "Parquet"),
        (b"a,b,c\n1,2,3\n4,5\n", "2 fields in line 3 but 3"),
        (b'a,b,c\n"1\n1",2,3\n4,5,6,7\n', "4 fields in line 4 but 3"),
        (b"a,b\nrow,1,2\nrow,3,4\n", "3 fields in line 2 but 2"),
        (b"a,b,a\n1,2,3\n", "two columns called 'a' (columns 1 and 3)"),
        (b'a,b\n1,"2\n3,4\n', "never closed"),
        (b"\xff\xfea", "UTF-16"),
    ],
)
def test_bad_files_get_one_line_with_the_reason_and_a_way_out(raw, says):
    with pytest.raises(TableError) as caught:
        read_table(raw, name="loans.csv")
    message = str(caught.value)
    assert says in message
    assert message.startswith("loans.csv")
    assert "\n" not in message
    assert message.count(". ") >= 1
    assert message.endswith(".")


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.text('ab1.,;|\t" \n\ré?', max_size=60).map(str.encode)))
def test_any_bytes_give_a_table_or_a_table_error(raw):
    try:
        frame = read_table(raw)
    except TableError as error:
        assert "\n" not in str(error)
    else:
        assert len(frame) >= 1
        assert frame.columns.is_unique


def test_paths_that_cannot_be_opened_are_named(tmp_path):
    for path in (tmp_path / "absent.csv", tmp_path):
        with pytest.raises(TableError, match="Check the path"):
            read_table(path)


def test_a_column_repeated_exactly_is_kept_once_and_reported():
    frame = read_table(b"a,b,a\n1,2,1\n", name="loans.csv")
    assert list(frame.columns) == ["a", "b"]
    assert frame.attrs["warnings"] == ["loans.csv has the column 'a' twice with the same values; it is kept once."]


def test_a_delimiter_at_every_line_end_adds_no_column():
    assert list(read_table(b"a,b,\n1,2,\n3,4,\n").columns) == ["a", "b"]
    assert list(read_table(b",a\n0,2\n1,4\n").columns) == ["Unnamed: 0", "a"]


def test_every_kind_of_source_gives_the_same_table(tmp_path):
    raw = b"a,b\n1,x\n2,y\n"
    path = tmp_path / "t.csv"
    path.write_bytes(raw)
    buffer = io.BytesIO(raw)
    buffer.read()
    with path.open("rb") as stream:
        sources = [str(path), path, raw, bytearray(raw), buffer, io.StringIO(raw.decode()), stream]
        assert len({table_fingerprint(read_table(source)) for source in sources}) == 1
    with pytest.raises(TableError, match="int"):
        read_table(7)


def test_parquet_and_csv_of_one_table_are_the_same_table():
    frame = pd.DataFrame({"a": [1, 2, 3], "b": ["x", "", None], "c": [0.1, np.nan, np.inf]}).astype({"b": "str"})
    parquet = io.BytesIO()
    frame.to_parquet(parquet)
    assert table_fingerprint(read_table(parquet)) == table_fingerprint(read_table(frame.to_csv(index=False).encode()))


def test_parquet_types_without_a_csv_counterpart():
    frame = pd.DataFrame({"day": pd.to_datetime(["2020-01-01", "2020-01-02"]), "raw": [b"x", b"y"]})
    frame["day of birth"] = frame["day"].dt.date
    frame.index = pd.Index([5, 6], name="key")
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    read = read_table(buffer)
    assert list(read.columns) == ["key", "day", "raw", "day of birth"]
    assert read["raw"].tolist() == ["x", "y"]
    assert read["day of birth"].dtype.kind == "M"
    nested = io.BytesIO()
    pd.DataFrame({"tags": [["a"], ["b", "c"]]}).to_parquet(nested)
    with pytest.raises(TableError, match="lists or records in tags"):
        read_table(nested)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_the_fingerprint_sees_every_cell_name_and_type(data):
    n = data.draw(st.integers(1, 30))
    frame = pd.DataFrame({"a": np.arange(n), "b": [f"t{i}" for i in range(n)], "c": np.linspace(0, 1, n)})
    row = data.draw(st.integers(0, n - 1))
    changed = {
        "a": frame.assign(a=frame["a"].where(frame["a"] != row, -1)),
        "b": frame.assign(b=frame["b"].where(frame["a"] != row, "other")),
        "c": frame.assign(c=frame["c"].where(frame["a"] != row, np.nan)),
        "name": frame.rename(columns={"a": "A"}),
        "order": frame[["b", "a", "c"]],
        "type": frame.astype({"a": float}),
        "fewer": frame.iloc[:-1],
    }
    prints = [table_fingerprint(frame), *map(table_fingerprint, changed.values())]
    assert len(set(prints)) == len(prints)
    assert table_fingerprint(frame.set_index(frame.index + 5)) == prints[0]


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
        "id": "identifier-like", "amount": "number", "name": "identifier-like",
        "kind": "category", "flag": "yes/no", "empty": "number",
    }  # fmt: skip
    assert summary["missing"].tolist() == [0, 0, 0, 0, 1, n]
    assert summary["distinct"].tolist() == [n, n, n, 3, 2, 0]
    assert summary.loc["name", "example"] == "person 0"
    assert summary.loc["empty", "example"] == ""


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


def test_adult_is_read_exactly_and_fast(shared_data):
    train = gzip.decompress((shared_data / "adult" / "adult.data.gz").read_bytes())
    test = gzip.decompress((shared_data / "adult" / "adult.test.gz").read_bytes()).split(b"\n", 1)[1]
    names = (
        "age,workclass,fnlwgt,education,education-num,marital-status,occupation,relationship,race,sex,"
        "capital-gain,capital-loss,hours-per-week,native-country,income\n"
    )
    raw = names.encode() + train.rstrip() + b"\n" + test.replace(b"K.\n", b"K\n")
    started = time.perf_counter()
    frame = read_table(raw)
    assert time.perf_counter() - started < 1.5
    assert frame.shape == (48_842, 15)
    assert (frame["workclass"] == "?").sum() == 2_799
    assert not frame.isna().any(axis=None)
    assert frame["income"].value_counts().to_dict() == {"<=50K": 37_155, ">50K": 11_687}


def test_other_real_files_are_read(shared_data):
    bank = read_table(gzip.decompress((shared_data / "bank_marketing" / "bank-full.csv.gz").read_bytes()))
    assert bank.shape == (45_211, 17)
    law = read_table(gzip.decompress((shared_data / "law_school" / "law_school_clean.csv.gz").read_bytes()))
    assert law.shape == (20_798, 12)
    compas = read_table(gzip.decompress((shared_data / "compas" / "compas-scores-two-years.csv.gz").read_bytes()))
    assert compas.shape == (7_214, 51)
    assert len(compas.attrs["warnings"]) == 2
