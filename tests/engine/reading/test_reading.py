"""Laws of reading: what a file says is what the table holds, and what it cannot hold is an error with a way out."""

import datetime as dt
import gzip
import io
import json
import pickle
import re
import zipfile

import numpy as np
import openpyxl
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iffair_core.checks.run import run_checks
from iffair_core.errors import Cancelled, ConfigError, TableError
from iffair_core.reading import door, files, formats
from iffair_core.reading.door import preview_table, read_table, table_fingerprint
from iffair_core.reading.numbers import NUMERIC_MISSING
from iffair_core.reading.options import ReadOptions

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
    assert frame.isna().sum().tolist() == [1, 1, 0]
    assert "Rows of empty cells are left out: 1." in frame.attrs["warnings"]


def test_blanks_after_the_delimiter_and_around_names_do_not_count():
    frame = read_table(b'age , "sex, at birth"\n39, "M, say"\n')
    assert list(frame.columns) == ["age", "sex, at birth"]
    assert frame.iloc[0].tolist() == [39, "M, say"]


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"ARROW1\0\0and no more", "Arrow"),
        (b"\xff\xfea", "is empty"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "password"),
        (b"RDX3\nX\n\0\0\0\3", "R (.rds"),
        (gzip.compress(b"X\n\0\0\0\3\0\4"), "R (.rds"),
        (b"<stata_dta><header>", "Stata"),
        (bytes(12) + b"\xc2\xea\x81\x60" + bytes(40), "SAS"),
        (b"$FL2@(#) SPSS DATA FILE", "SPSS"),
        (b'{"a": [1, 2]}', "JSON"),
        (gzip.compress(gzip.compress(b"a\n1\n")), "another compressed file"),
    ],
    ids=lambda value: value if isinstance(value, str) else "bytes",
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


def test_paths_that_cannot_be_opened_are_named(tmp_path):
    for path in (tmp_path / "absent.csv", tmp_path):
        with pytest.raises(TableError, match="Check the path"):
            read_table(path)


def test_columns_of_one_name_with_different_values_are_numbered():
    frame = read_table(b"a,a,a (2),b,a\n1,2,3,4,5\n", name="loans.csv")
    assert list(frame.columns) == ["a", "a (3)", "a (2)", "b", "a (4)"]
    assert frame.iloc[0].tolist() == [1, 2, 3, 4, 5]
    assert "a (3), a (4)" in frame.attrs["warnings"][0]


def test_columns_without_a_name_are_called_by_their_place():
    frame = read_table(b",column 1,,\n0,2,x,\n1,4,y,\n", options={"header": 1})
    assert list(frame.columns) == ["column 1 (2)", "column 1", "column 3"]
    assert any("column 1 (2), column 3" in warning for warning in frame.attrs["warnings"])


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


# ----------------------------------------------------------------------------------------------------- numbers in text


def column(*cells, **options):
    """(the column of a table with one column more, the table's warnings)."""
    raw = "x;other\n" + "".join(f"{cell};w{i % 3}\n" for i, cell in enumerate(cells))
    frame = read_table(raw.encode(), options={"delimiter": ";", "header": 1, **options})
    return frame["x"], " ".join(frame.attrs["warnings"])


@pytest.mark.parametrize(
    ("cells", "values", "said"),
    [
        (("1,234,567", "12"), [1234567, 12], "thousands"),
        (("1.234.567", "12"), [1234567, 12], "thousands"),
        (("1 234 567", "12"), [1234567, 12], "thousands"),
        (("1'234'567", "12"), [1234567, 12], "thousands"),
        (("1.234,5", "0,25"), [1234.5, 0.25], "thousands"),
        (("$1,234.50", "-$3"), [1234.5, -3], "currency"),
        (("3,50 €", "1.200,00 €"), [3.5, 1200], "currency"),
        (("(1,200.50)", "7.25"), [-1200.5, 7.25], "thousands"),
        (("5%", "12.5 %"), [5, 12.5], "percent"),
        (("−3", "+4"), [-3, 4], ""),
        (("1e3", "2.5E-2"), [1000, 0.025], ""),
        ((" 7 ", "8"), [7, 8], ""),
        (("12345678.5", "9007199254740993.5"), [12345678.5, 9007199254740993.5], ""),
    ],
)
def test_numbers_are_read_as_people_write_them(cells, values, said):
    found, warnings = column(*cells)
    assert found.tolist() == values
    assert said in warnings


@pytest.mark.parametrize(
    "cells",
    [
        ("01234", "98765"),
        ("9007199254740993", "1"),
        ("123456789012345678901234567890", "1"),
        ("12345678901234567890.", "1", "x"),
        ("True", "False"),
        ("0x1F", "12"),
        ("1_000", "2"),
        ("NA", "NaN"),
        ("1,23,4", "2"),
        ("$5", "5 €"),
        ("5%", "0.05"),
    ],
)
def test_what_only_looks_like_a_number_stays_text_as_written(cells):
    found, _ = column(*cells)
    assert found.tolist() == list(cells)
    assert str(found.dtype) == "str"


def test_the_columns_without_doubt_decide_the_decimal_sign_for_the_others():
    point = read_table(b"a;b\n1,234;0.5\n2,345;1.25\n")
    assert point["a"].tolist() == [1234, 2345]
    comma = read_table(b"a;b\n1,234;0,5\n2,345;1,25\n")
    assert comma["a"].tolist() == [1.234, 2.345]
    assert comma.attrs["decimal"] == "," and "decimal comma" in comma.attrs["dialect"]
    doubtful = read_table(b"a;b\n1,234;x\n2,345;y\n")
    assert doubtful["a"].tolist() == [1.234, 2.345]
    assert "cannot be told" in doubtful.attrs["warnings"][0]
    assert read_table(b"a;b\n1,234;x\n2,345;y\n", options={"decimal": "."})["a"].tolist() == [1234, 2345]
    assert read_table(b"a;b\n1.234;x\n2.345;y\n")["a"].tolist() == [1.234, 2.345]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-1e9, 1e9).map(lambda x: round(x, 2)), min_size=2, max_size=30), st.randoms())
def test_a_table_written_the_european_way_is_the_same_table(values, random):
    values = [*values, 0.5]
    english = "n;w\n" + "".join(f"{value:,.2f};a\n" for value in values)
    german = english.translate(str.maketrans(",.", ".,"))
    assert read_table(english.encode())["n"].tolist() == values
    assert read_table(german.encode())["n"].tolist() == values


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 299), st.sampled_from(["abc", "01", "1,5", "12%", "9007199254740993", "-", "$3"]))
def test_the_type_of_a_column_does_not_depend_on_where_its_odd_cell_stands(position, odd):
    cells = [str(i) for i in range(300)]
    cells[position] = odd
    found, _ = column(*cells)
    cells[position], cells[0] = str(position), odd
    assert found.dtype == column(*cells)[0].dtype


@pytest.mark.parametrize(
    ("suffix", "options", "said"),
    [
        (".csv", {"sheet": "People", "header": 1}, "The reading option sheet was not used"),
        (".parquet", {"delimiter": ";", "decimal": ","}, "The reading options delimiter, decimal were not used"),
        (".xlsx", {"encoding": "utf-8", "header": 1}, "The reading option encoding was not used"),
    ],
)
def test_an_option_that_means_nothing_for_a_kind_of_file_is_said(tmp_path, suffix, options, said):
    path, frame = tmp_path / f"table{suffix}", pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    write = {".csv": frame.to_csv, ".parquet": frame.to_parquet, ".xlsx": frame.to_excel}[suffix]
    write(path, index=False)
    (warning,) = read_table(path, options=options).attrs["warnings"]
    assert warning.startswith(said)


def test_a_column_of_numbers_but_for_few_cells_is_named_with_them():
    found, warnings = column(*[str(i) for i in range(200)], "unknown", "unknown")
    assert str(found.dtype) == "str"
    assert "but for 2 cells ('unknown' in row 201)" in warnings
    raw = "x\n" + "\n".join([*(str(i) for i in range(200)), "about 3"]) + "\n"
    assert "but for 1 cell ('about 3' in row 201)" in read_table(raw.encode()).attrs["warnings"][0]


# ------------------------------------------------------------------------------------------------ compressed and packed


CSV = b"a,b\n" + b"".join(b"%d,%c\n" % (i, 97 + i % 3) for i in range(500))


def zipped(**files):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(re.sub("(?<!^)__", ".", name), content)
    return buffer.getvalue()


def test_a_compressed_table_is_the_table_whatever_the_file_is_called(tmp_path):
    plain = table_fingerprint(read_table(CSV))
    packed = [
        gzip.compress(CSV), gzip.compress(CSV[:1000]) + gzip.compress(CSV[1000:]) + bytes(64), zipped(t__csv=CSV),
        zipped(readme__md="see t.csv", t__csv=CSV), zipped(**{"__MACOSX/._t.csv": b"x", "data/t.csv": CSV}),
    ]  # fmt: skip
    for raw in packed:
        path = tmp_path / "anything.parquet"
        path.write_bytes(raw)
        assert table_fingerprint(read_table(raw)) == table_fingerprint(read_table(path)) == plain
    with pytest.raises(TableError, match=r"2 files \(a.csv, b.csv\)"):
        read_table(zipped(a__csv=CSV, b__csv=CSV))
    with pytest.raises(TableError, match="empty zip"):
        read_table(zipped())


def test_other_documents_that_are_zip_archives_are_named():
    for part, says in (
        ("word/document.xml", "Word"),
        ("Index/Document.iwa", "Numbers"),
    ):
        with pytest.raises(TableError, match=says):
            read_table(zipped(**{part: b"x"}))
    with pytest.raises(TableError, match="OpenDocument"):
        read_table(zipped(mimetype=b"application/vnd.oasis.opendocument.spreadsheet", content__xml=b"x"))


def test_a_compressed_file_that_grows_beyond_reason_is_refused_early(monkeypatch):
    monkeypatch.setattr(files, "RATIO_FROM", 1 << 20)
    bomb = b"a\n" + bytes([48]) * (64 << 20)
    pieces = []
    for raw in (gzip.compress(bomb), zipped(t__csv=bomb)):
        with pytest.raises(TableError, match="more than 200 times its size"):
            read_table(raw, stop_check=lambda: pieces.append(1))
    assert len(pieces) < 40
    monkeypatch.setattr(files, "MAX_UNPACKED", 1000)
    for raw in (gzip.compress(CSV), zipped(t__csv=CSV)):
        with pytest.raises(TableError, match="unpacks to more than 1000 bytes"):
            read_table(raw)


# -------------------------------------------------------------------------------------------------------------- limits


@pytest.mark.parametrize(
    ("module", "limit", "value", "raw", "says"),
    [
        (files, "MAX_BYTES", 10, b"a,b\n1,2\n3,4\n", "has 12 bytes; at most 10 bytes"),
        (door, "MAX_ROWS", 2, b"a,b\n1,2\n3,4\n5,6\n", "has 3 rows; at most 2"),
        (door, "MAX_COLUMNS", 1, b"a,b\n1,2\n", "has 2 columns; at most 1"),
        (door, "MAX_CELLS", 3, b"a,b\n1,2\n3,4\n", "has 2 rows of 2 columns; at most 3 cells"),
        (door, "MAX_CELL", 5, b"a,b\n1,2\n3,f\xc3\xbcnffzehn\n", "9 characters in row 2 of column 'b'; at most 5"),
    ],
)
def test_limits_are_stated_with_a_way_out(monkeypatch, tmp_path, module, limit, value, raw, says):
    path = tmp_path / "t.csv"
    path.write_bytes(raw)
    assert len(read_table(path)) > 0
    monkeypatch.setattr(module, limit, value)
    for source in (path, raw, io.BytesIO(raw)):
        with pytest.raises(TableError, match=says) as caught:
            read_table(source)
        assert str(caught.value).count(". ") == 1


def test_memory_is_asked_for_before_it_is_taken(monkeypatch, tmp_path):
    monkeypatch.setattr(files, "free_memory", lambda: 1000)
    path = tmp_path / "t.csv"
    path.write_bytes(CSV)
    with pytest.raises(TableError, match=r"about [\d.]+ kB of memory to be read, and 1000 bytes are free"):
        read_table(path)
    parquet = io.BytesIO()
    read_frame = pd.DataFrame({"a": np.arange(1000)})
    read_frame.to_parquet(parquet)
    with pytest.raises(TableError, match="are free"):
        read_table(parquet)
    monkeypatch.setattr(files, "free_memory", lambda: None)
    assert len(read_table(path)) == 500


def test_free_memory_is_known_where_the_system_tells():
    free = files.free_memory()
    assert free is None or 2**20 < free < 2**50


def test_a_line_of_very_many_cells_is_refused_before_it_is_cut():
    with pytest.raises(TableError, match="has 3,000,001 columns; at most 5,000"):
        read_table(b"," * 3_000_000 + b"\n1\n")


def test_reading_can_be_cancelled_and_tells_how_far_it_is():
    def stop():
        raise Cancelled

    for raw in (CSV, gzip.compress(CSV), workbook_of([["a", "b"], [1, 2], [3, 4]])):
        with pytest.raises(Cancelled):
            read_table(raw, stop_check=stop)
    shares = []
    read_table(CSV, progress=shares.append)
    assert shares[-1] == 1.0 and shares == sorted(shares)


# ------------------------------------------------------------------------------------------------------------- options


def test_options_are_kept_with_the_table_and_unknown_ones_named():
    frame = read_table(b"1,5;x\n2,5;y\n", options={"header": 0, "decimal": ","})
    assert frame.attrs["reading"] == {"decimal": ",", "header": 0}
    assert frame.iloc[:, 0].tolist() == [1.5, 2.5]
    assert table_fingerprint(frame) == table_fingerprint(
        read_table(b"1,5;x\n2,5;y\n", options=ReadOptions(header=0, decimal=","))
    )
    assert "reading" not in read_table(CSV).attrs
    with pytest.raises(ConfigError, match="no reading option separator"):
        read_table(CSV, options={"separator": ";"})


# ------------------------------------------------------------------------------------------------------------- preview


def test_a_preview_is_the_head_of_the_table(tmp_path):
    rng = np.random.default_rng(0)
    n = 60_000
    frame = pd.DataFrame(
        {
            "i": np.arange(n),
            "x": rng.normal(size=n).round(6),
            "t": pd.Series([f'say "{i % 7}",\nnow' for i in range(n)], dtype="str"),
        }
    )
    text = frame.to_csv(index=False).encode()
    parquet = io.BytesIO()
    frame.to_parquet(parquet, index=False)
    packed = ((text, False), (gzip.compress(text), False), (zipped(t__csv=text), False), (parquet.getvalue(), True))
    for raw, exact in packed:
        path = tmp_path / "file"
        path.write_bytes(raw)
        for source in (path, raw):
            preview = preview_table(source)
            pd.testing.assert_frame_equal(preview.frame, frame.iloc[:100], check_dtype=True)
            assert preview.bytes == len(raw) and preview.sheets == ()
            assert preview.estimated_rows == n if exact else 0.5 * n < preview.estimated_rows < 3 * n


def test_a_preview_of_a_small_file_counts_its_rows_and_reads_only_the_head_of_a_large_one(tmp_path, monkeypatch):
    preview = preview_table(CSV)
    assert preview.estimated_rows == 500 and len(preview.frame) == 100
    assert "comma" in preview.dialect
    path = tmp_path / "big.csv"
    path.write_bytes(CSV + b"7,z\n" * 1_000_000)
    monkeypatch.setattr(files.Source, "read", lambda self: pytest.fail("all of the file was read"))
    assert 500_000 < preview_table(path).estimated_rows < 2_000_000


# ---------------------------------------------------------------------------------------------------- Parquet and Arrow


def test_arrow_files_and_streams_are_the_same_table_as_parquet():
    table = pa.table({"a": [1, 2, None], "b": ["x", " ", "y"], "c": pa.array(["u", "v", "u"]).dictionary_encode()})
    made = [io.BytesIO() for _ in range(4)]
    pyarrow.parquet.write_table(table, made[0])
    pyarrow.feather.write_feather(table, made[1])
    for buffer, new in ((made[2], pa.ipc.new_file), (made[3], pa.ipc.new_stream)):
        with new(buffer, table.schema) as writer:
            writer.write_table(table, max_chunksize=2)
    assert len({table_fingerprint(read_table(file)) for file in made}) == 1
    frame = read_table(made[3])
    assert frame["b"].isna().tolist() == [False, True, False]
    assert preview_table(made[2]).estimated_rows == 3


def test_what_a_file_says_of_pandas_is_not_believed(tmp_path):
    marker = tmp_path / "ran"
    evil = {
        "index_columns": [{"kind": "range", "name": "k", "start": 0, "stop": 9, "step": "__import__('os')"}, "b", 7],
        "columns": [
            {"name": "a", "pandas_type": f"open({str(marker)!r}, 'w')", "numpy_type": "object", "metadata": {}}
        ],
        "column_indexes": [{"name": None, "numpy_type": "__import__('os').system"}],
        "creator": {"library": "pickle"},
    }
    for metadata in (json.dumps(evil), "{not json", json.dumps([1]), json.dumps({"index_columns": 3})):
        table = pa.table({"a": [1, 2], "b": ["x", "y"]}).replace_schema_metadata(
            {"pandas": metadata, "ARROW:extension:name": "arrow.py_extension_type"}
        )
        buffer = io.BytesIO()
        pyarrow.parquet.write_table(table, buffer)
        assert sorted(read_table(buffer).columns) == ["a", "b"]
    field = pa.field("a", pa.binary(), metadata={
        "ARROW:extension:name": "arrow.py_extension_type", "ARROW:extension:metadata": pickle.dumps(Touch(marker)),
    })  # fmt: skip
    buffer = io.BytesIO()
    pyarrow.parquet.write_table(pa.table([pa.array([b"x"])], schema=pa.schema([field])), buffer)
    assert read_table(buffer)["a"].tolist() == ["x"]
    assert not marker.exists()


class Touch:
    """Makes a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_text_that_unfolds_from_nearly_nothing_is_refused_before_it_does(monkeypatch):
    places = pa.array(np.zeros(50_000, dtype=np.int32))
    long = pa.table({"a": pa.DictionaryArray.from_arrays(places, pa.array(["x" * 10_000]))})
    table = pa.table({"a": ["x" * 10_000] * 5_000})
    made = [io.BytesIO() for _ in range(4)]
    pyarrow.parquet.write_table(long, made[0], store_schema=False)
    pyarrow.parquet.write_table(table, made[1], use_dictionary=False, column_encoding={"a": "DELTA_BYTE_ARRAY"})
    pyarrow.feather.write_feather(table, made[2], compression="zstd")
    with pa.ipc.new_stream(made[3], table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
        writer.write_table(table)
    assert all(len(file.getvalue()) < 1 << 20 for file in made)
    assert read_table(made[3]).shape == (5_000, 1)
    monkeypatch.setattr(files, "free_memory", lambda: 32 << 20)
    monkeypatch.setattr(formats, "_NOTICE", 1 << 24)
    for file in made:
        with pytest.raises(TableError, match="32 MB are free"):
            read_table(file)


def test_categories_of_parquet_stay_categories_and_text_stays_text():
    frame = pd.DataFrame({"c": pd.Categorical(["u", None, "u"]), "t": ["a", "b", "a"], "n": pd.Categorical([3, 1, 3])})
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    for found in (read_table(buffer), preview_table(buffer).frame):
        assert [str(kind) for kind in found.dtypes] == ["category", "str", "category"]
        assert found["c"].isna().tolist() == [False, True, False]


def test_long_whole_numbers_of_parquet_keep_their_digits_as_text():
    buffer = io.BytesIO()
    pd.DataFrame({"id": [2**53 + 1, 7], "n": [2**60, 1]}).to_parquet(buffer)
    frame = read_table(buffer)
    assert frame["id"].tolist() == [str(2**53 + 1), "7"]
    assert frame["n"].tolist() == [2**60, 1]


# --------------------------------------------------------------------------------------------------------------- Excel


def workbook_of(*sheets, titles=("Sheet",)):
    """An .xlsx file with a sheet of each list of rows."""
    book = openpyxl.Workbook()
    book.remove(book.active)
    for number, rows in enumerate(sheets):
        sheet = book.create_sheet(titles[number] if number < len(titles) else f"Sheet {number + 1}")
        for row in rows:
            sheet.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    return buffer.getvalue()


PEOPLE = [["name", "age", "born", "member"], ["Ann", 31, dt.datetime(1990, 1, 2), True], ["Bob", None, None, False]]


def test_a_sheet_is_read_with_its_types():
    frame = read_table(workbook_of(PEOPLE))
    assert frame["name"].tolist() == ["Ann", "Bob"]
    assert frame["age"].tolist()[0] == 31 and frame["age"].isna().tolist() == [False, True]
    assert frame["born"].dtype.kind == "M" and str(frame["born"][0].date()) == "1990-01-02"
    assert frame["member"].tolist() == ["True", "False"]
    assert "Excel" in frame.attrs["dialect"]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(TEXT, st.integers(-(2**40), 2**40), st.floats(-1e6, 1e6)), min_size=1, max_size=10))
def test_a_sheet_and_a_csv_of_one_table_are_the_same_table(rows):
    rows = [(text, whole, round(number) + 0.5) for text, whole, number in rows]
    frame = pd.DataFrame(rows, columns=["t", "i", "x"])
    sheet = workbook_of([["t", "i", "x"], *rows])
    csv = frame.to_csv(index=False).encode()
    assert table_fingerprint(read_table(sheet)) == table_fingerprint(read_table(csv))


def test_the_table_in_a_sheet_is_found_under_titles_and_above_remarks():
    rows = [
        ["Staff 2024"], [], ["", "as of May"], [None, "name", "age", "team"],
        *([None, f"p{i}", 20 + i, "ab"[i % 2]] for i in range(12)), [], ["Source: personnel"],
    ]  # fmt: skip
    frame = read_table(workbook_of(rows))
    assert list(frame.columns) == ["name", "age", "team"] and len(frame) == 12
    assert frame["age"].dtype.kind == "i"
    said = " ".join(frame.attrs["warnings"])
    assert "row 4" in said and "under the table: 1 row" in said
    assert read_table(workbook_of(rows), options={"header": 5}).columns[0] == "p0"


def test_numbers_kept_as_text_in_a_sheet_are_numbers_and_failed_formulas_missing():
    frame = read_table(workbook_of([["a", "b"], ["12", 1], [13, "#N/A"], ["14", 3]]))
    assert frame["a"].tolist() == [12, 13, 14]
    assert frame["b"].isna().tolist() == [False, True, False]


def test_the_first_sheet_with_a_table_is_read_and_another_by_name():
    raw = workbook_of([["Read me"]], PEOPLE, [["x", "y"], [1, 2]], titles=("About", "People", "More"))
    assert read_table(raw)["name"].tolist() == ["Ann", "Bob"]
    assert "3 sheets; 'People' is read (not About, More)" in read_table(raw).attrs["warnings"][0]
    more = read_table(raw, options={"sheet": "More"})
    assert list(more.columns) == ["x", "y"] and not more.attrs["warnings"]
    preview = preview_table(raw)
    assert preview.sheets == ("About", "People", "More") and preview.estimated_rows == 2
    with pytest.raises(TableError, match=r"no sheet 'less'\. Choose one of: About, People, More"):
        read_table(raw, options={"sheet": "less"})
    with pytest.raises(TableError, match="no table"):
        read_table(workbook_of([["Read me"]]))


def rewritten(raw, **parts):
    """A workbook with parts of its archive replaced."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(raw)) as before, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as after:
        for info in before.infolist():
            content = before.read(info)
            change = next((change for name, change in parts.items() if info.filename.endswith(f"{name}.xml")), None)
            after.writestr(info.filename, content if change is None else change(content))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("XFD1048576", "1,048,576 rows of 16,384 cells, needs about 512 GB of memory"),
        ("B200000", "200,000 rows of 4 cells, needs about"),
        ("AAA40000", "40,000 rows of 703 cells, needs about"),
        ("B" + 31 * "5", "where no sheet has any"),
        ("XFE1", "where no sheet has any"),
    ],
)
def test_a_cell_far_from_the_table_is_refused_before_the_rectangle_around_it_is_made(monkeypatch, address, says):
    def with_cell(cell):
        return rewritten(
            workbook_of(PEOPLE), sheet1=lambda content: content.replace(b"</sheetData>", cell + b"</sheetData>")
        )

    for module in (files, formats):
        monkeypatch.setattr(module, "free_memory", lambda: 1 << 20)
    with pytest.raises(TableError, match=re.escape(says)):
        read_table(with_cell(f'<row><c s="1" r="{address}"><v>1</v></c></row>'.encode()))
    with pytest.raises(TableError, match=re.escape(says)):
        read_table(with_cell(f"<row><c r='{address.lower()}' s='1'><v>1</v></c></row>".encode()))
    blank = with_cell(f'<row><c r="{address}" s="1"/><c r="{address}" s="1"></c></row>'.encode())
    assert len(read_table(blank)) == 2


def test_traps_in_a_workbook_are_refused(monkeypatch):
    raw = workbook_of(PEOPLE)
    with pytest.raises(TableError, match="cannot be read"):
        read_table(rewritten(raw, sheet1=lambda content: content[:-80]))
    far = rewritten(raw, sheet1=lambda content: content.replace(b'r="3"', b'r="99999999"').replace(b'3"', b'99999999"'))
    with pytest.raises(TableError, match="row 99,999,999 and column 4, where no sheet has any"):
        read_table(far)
    monkeypatch.setattr(files, "RATIO_FROM", 1 << 20)
    with pytest.raises(TableError, match="more than a workbook of its size"):
        read_table(rewritten(raw, styles=lambda content: content + b" " * (32 << 20)))
    monkeypatch.setattr(door, "MAX_ROWS", 1)
    with pytest.raises(TableError, match="rows; at most 1 can be read"):
        read_table(raw)


def test_entities_in_a_workbook_are_not_unfolded():
    entities = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;">]>'
    names = ["&c;" for _ in PEOPLE[0]]
    raw = workbook_of([names, *PEOPLE[1:]])
    trap = rewritten(raw, sharedStrings=lambda content: entities + content.replace(b"&amp;c;", b"&c;"))
    try:
        assert not any("bb" in name for name in read_table(trap).columns)
    except TableError as error:
        assert "cannot be read" in str(error)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_damaged_file_gives_a_table_or_a_table_error(data):
    raw = bytearray(data.draw(st.sampled_from(DAMAGED)))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        raw = raw[: data.draw(st.integers(1, len(raw)))]
    for work in (read_table, lambda source: preview_table(source).frame):
        try:
            frame = work(bytes(raw))
        except TableError as error:
            assert "\n" not in str(error)
        else:
            assert frame.columns.is_unique


def _stored(write):
    buffer = io.BytesIO()
    write(buffer)
    return buffer.getvalue()


_SMALL = pa.table({"a": [1, 2, 3], "b": ["x", "y", None]})
DAMAGED = [
    gzip.compress(CSV), zipped(t__csv=CSV), workbook_of(PEOPLE),
    _stored(lambda buffer: pyarrow.parquet.write_table(_SMALL, buffer)),
    _stored(lambda buffer: pyarrow.feather.write_feather(_SMALL, buffer, compression="uncompressed")),
]  # fmt: skip


# ----------------------------------------------------------------------------------------------------------- real files


def test_adult_is_read_exactly(shared_data):
    train = gzip.decompress((shared_data / "adult" / "adult.data.gz").read_bytes())
    test = gzip.decompress((shared_data / "adult" / "adult.test.gz").read_bytes()).split(b"\n", 1)[1]
    names = (
        "age,workclass,fnlwgt,education,education-num,marital-status,occupation,relationship,race,sex,"
        "capital-gain,capital-loss,hours-per-week,native-country,income\n"
    )
    raw = names.encode() + train.rstrip() + b"\n" + test.replace(b"K.\n", b"K\n")
    frame = read_table(raw)
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
    said = [warning for warning in compas.attrs["warnings"] if "twice" in warning]
    assert len(said) == 2


def test_a_header_that_is_one_name_short_is_an_important_check_with_old_and_new_names():
    rows = "\n".join(f"{i},{'F' if i % 2 else 'M'},{'Black' if i % 3 else 'White'},yes" for i in range(1, 60))
    table = read_table(f"sex,race,hired\n{rows}\n".encode())
    assert list(table.columns) == ["column 1", "sex", "race", "hired"]
    assert table.attrs["renamed"] == (("sex", "column 1"), ("race", "sex"), ("hired", "race"), ("", "hired"))
    (check,) = (one for one in run_checks(table, None) if one.kind == "renamed_columns")
    assert check.severity == "high"
    assert "'sex' → 'column 1', 'race' → 'sex', 'hired' → 'race', no name → 'hired'" in check.text


def test_columns_of_one_name_are_a_check():
    table = read_table(b"a,b,a\n" + b"".join(b"%d,1,%d\n" % (i, i * i) for i in range(40)))
    (check,) = (one for one in run_checks(table, None) if one.kind == "renamed_columns")
    assert (check.severity, check.columns) == ("medium", ("a (2)",))


def test_an_index_column_without_a_name_is_no_check():
    table = read_table(b",a\n" + b"".join(b"%d,%d\n" % (i, i * i) for i in range(40)))
    assert not [one for one in run_checks(table, None) if one.kind == "renamed_columns"]
