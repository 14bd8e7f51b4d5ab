"""Laws of detection: a file's dialect is found from how it is written, whatever stands in it."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iffair_core.errors import ConfigError, TableError
from iffair_core.reading.cells import Cutter, kind_of, rough_records
from iffair_core.reading.detection import detect, gutters
from iffair_core.reading.dialect import Dialect, ReadOptions
from iffair_core.reading.utf8 import as_utf8

WORDS = st.text("abcdefg\u00e9", min_size=1, max_size=8)
ROWS = st.lists(
    st.tuples(st.integers(0, 999), WORDS, st.floats(0, 99).map(lambda x: f"{x:.2f}")), min_size=4, max_size=30
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "delimiter": st.sampled_from([",", ";", "\t", " ", "||"]), "quote": st.sampled_from(["", '"', "'"]),
            "decimal": st.sampled_from([".", ","]), "encoding": st.sampled_from(["utf-8", "cp1252", "UTF-16"]),
            "header": st.integers(0, 50), "comment": st.sampled_from(["", "#", "//"]), "sheet": st.text(max_size=5),
        },
    )
)  # fmt: skip
def test_options_survive_json(given_options):
    options = ReadOptions(**given_options)
    assert options.given() == given_options
    assert ReadOptions(**json.loads(json.dumps(options.given()))) == options


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"delimiter": ""}, "delimiter"), ({"delimiter": "\n"}, "delimiter"), ({"quote": '""'}, "quotation mark"),
        ({"quote": ",", "delimiter": ","}, "same"), ({"decimal": "x"}, "decimal mark"),
        ({"encoding": "klingon"}, "klingon"), ({"encoding": "zlib"}, "zlib"),
        ({"header": -1}, "header line"), ({"header": True}, "header line"),
        ({"header": "2"}, "header line"), ({"comment": "#\n"}, "comment"), ({"sheet": 3}, "sheet"),
    ],
)  # fmt: skip
def test_options_that_cannot_be_are_refused(wrong, says):
    with pytest.raises(ConfigError, match=says):
        ReadOptions(**wrong)


def test_delimiters_may_be_named():
    assert ReadOptions(delimiter="tab").delimiter == ReadOptions(delimiter="\\t").delimiter == "\t"
    assert ReadOptions(delimiter="semicolon") == ReadOptions(delimiter=";")


@settings(max_examples=50, deadline=None)
@given(
    ROWS,
    st.sampled_from([",", ";", "\t", "|", "^", "~", "\x01", "\t\t"]),
    st.sampled_from(['"', "'"]),
    st.booleans(),
)
def test_the_delimiter_and_the_quotes_are_found(rows, delimiter, quote, every):
    def written(cell):
        return quote + str(cell) + quote if every else str(cell)

    lines = [delimiter.join(map(written, row)) for row in [("id", "word", "share"), *rows]]
    found = detect(lines)
    assert found.delimiter == delimiter
    assert found.quote == quote or not every


@pytest.mark.parametrize(
    ("text", "delimiter", "quote", "escape"),
    [
        ("a;b;c\n1,5;2,5;3,5\n2,5;1,5;7,5", ";", '"', '"'),
        ("x\n1,5\n2,5\n3,25", "", '"', '"'),
        ("a,b\n1,2\n3", ",", '"', '"'),
        ("t\n12:30\n12:45\n13:00", "", '"', '"'),
        ("name\nAnn Lee\nBob Ray\nCy Young", "", '"', '"'),
        ("a\tb\nx y\t1\nz w\t2", "\t", '"', '"'),
        ('a,b\n"x\\"y, z",1\n"w",2', ",", '"', "\\"),
        ("a,b\n'it is, so',1\n'z',2", ",", "'", "'"),
        ("a,b\nit's,1\nthat's,2", ",", '"', '"'),
        ("when,what\n2020-01-02 10:11:12,a b\n2020-01-03 10:11:12,c d", ",", '"', '"'),
    ],
)
def test_kinds_of_cells_decide_where_counting_does_not(text, delimiter, quote, escape):
    found = detect(text.split("\n"))
    assert (found.delimiter, found.quote, found.escape) == (delimiter, quote, escape)


def test_fixed_options_are_kept():
    lines = ["a;b,c", "1;2,3", "4;5,6"]
    assert detect(lines, ReadOptions(delimiter=";")).delimiter == ";"
    assert detect(lines, ReadOptions(quote="")).quote == ""


@pytest.mark.parametrize(
    ("cell", "kind"),
    [
        ("", "empty"), (" ", "empty"), ("NA", "missing"), ("1", "number"), ("-1.5", "number"), ("1,5", "number"),
        ("1,234,567.8", "number"), ("1e-5", "number"), (".5", "number"), ("12 %", "share"), ("$74.69", "money"),
        ("7 EUR", "money"), ("28/01/2018", "date"), ("3 May 2020", "date"), ("00:15", "time"),
        ("2020-01-02T10:00:00Z", "stamp"), ("yes", "flag"), ("http://a.b/c", "address"), ("a@b.co", "address"),
        ("word", "word"), ("AB-12", "code"), ("two words", "text"), ("1_000", "code"),
    ],
)  # fmt: skip
def test_kinds_of_cells(cell, kind):
    assert kind_of(cell) == kind


@given(
    st.lists(st.text("ab,;\"' \n", max_size=6), min_size=1, max_size=6),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(['"', "'"]),
)
def test_cutting_undoes_quoting(cells, delimiter, quote):
    text = delimiter.join(quote + cell.replace(quote, quote * 2) + quote for cell in cells)
    cut = Cutter(delimiter, quote).cut(text)
    assert (cut.cells, cut.quoted, cut.stray) == (cells, [True] * len(cells), 0)


def test_a_stray_mark_does_not_take_the_lines_below_along():
    lines = ['a,"b', "1,2", "3,4", '5,"six\nseven"']
    records = rough_records("\n".join(lines).split("\n"), Cutter(",", '"'))
    assert [record.cells for record in records] == [["a", '"b'], ["1", "2"], ["3", "4"], ["5", "six\nseven"]]
    assert [(record.line, record.lines) for record in records] == [(0, 1), (1, 1), (2, 1), (3, 2)]


def test_gutters_are_where_every_line_is_blank():
    assert gutters(["id  name   n", "1   Ann    3", "22  Bob B  4"]) == (0, 4, 11)
    assert gutters(["a b", "c d", "e f"]) == ()


@settings(deadline=None)
@given(
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "cp1252"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_text_is_the_same_in_every_encoding(encoding, line_end):
    text = "name,place\nJos\u00e9,K\u00f6ln\nZo\u00eb,Malm\u00f6\n"
    raw, label, notes = as_utf8(text.replace("\n", line_end).encode(encoding), "f.csv")
    assert raw.decode() == text
    assert label == {"utf-8-sig": "utf-8", "utf-16": "utf-16-le", "utf-32": "utf-32-le"}.get(encoding, encoding)
    assert notes == []


def test_wrong_bytes_are_read_and_told():
    raw, label, notes = as_utf8("\u00e9t\u00e9,\u00e0\n".encode() * 9 + b"caf\xe9\n", "f.csv")
    assert label == "utf-8" and raw.decode().endswith("caf\u00e9\n")
    assert notes == ["f.csv is UTF-8 text with some bytes of another encoding; these were read as Windows-1252."]
    raw, _, notes = as_utf8(b"a,b\n" + b"1,2\n" * 200 + b"3,\0004\n\0\0\x1a", "f.csv")
    assert raw.endswith(b"3,4\n") and notes == ["f.csv holds 1 zero byte; they were left out."]


@pytest.mark.parametrize(
    ("raw", "encoding", "says"),
    [
        (b" \n", None, "empty"), (b"\0\0\x1a", None, "empty"), (bytes(range(1, 256)) * 4, None, "binary"),
        (b"a,b\n1,\0\n", None, "binary"), (b"\xff\xfea", None, "UTF-16"),
        (b"\xff\xfe\0\xd8" * 9, "utf-16-le", "UTF-16"),
    ],
)  # fmt: skip
def test_what_is_no_text_is_refused(raw, encoding, says):
    with pytest.raises(TableError, match=says):
        as_utf8(raw, "f.csv", encoding)


def test_a_dialect_describes_itself():
    assert Dialect(delimiter=";", encoding="utf-16-le", header=3).describe() == "semicolon, UTF-16, header in line 3"
    assert Dialect(delimiter="", header=0).describe() == "one column, UTF-8, no header line"
    assert "quotation mark '" in Dialect(quote="'", escape="\\", comment="#").describe()
