"""Laws of cutting: what is written comes back in every dialect, and what is damaged is repaired and told."""

import itertools
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iffair_core.errors import Cancelled, TableError
from iffair_core.reading import body, repairs
from iffair_core.reading.delimited import read_delimited
from iffair_core.reading.dialect import ReadOptions

NAMES = ["date", "code", "price", "title", "count"]
TITLES = ["Boots, low", "A light jacket", 'Pipe 5"', "Lamp", "Tent for two, green", "Old radio set"]
ROWS = [
    [f"{1 + i % 28:02d}/0{1 + i % 9}/2021", f"AB-{1000 + 7 * i}", f"${3 + i * 1.25:.2f}", TITLES[i % 6], str(i % 7)]
    for i in range(40)
]


def cell(text, delimiter=",", quote='"', every=False):
    if every or any(mark in text for mark in (delimiter, quote, "\n")) or text[:1] == " ":
        return quote + text.replace(quote, quote * 2) + quote
    return text


def lines(names=NAMES, rows=ROWS, delimiter=",", quote='"', every=False):
    return [delimiter.join(cell(text, delimiter, quote, every) for text in row) for row in (names, *rows)]


def read(text, **options):
    table = read_delimited(text if isinstance(text, bytes) else text.encode(), "f.csv", ReadOptions(**options))
    return table, [list(row) for row in zip(*(column.to_pylist() for column in table.cells.columns), strict=True)]


TEXT = st.text(st.sampled_from("ab \u00e9,;|'\"\n.-5"), max_size=7)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(TEXT, st.integers(-99, 99).map(str)), min_size=1, max_size=25),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32-le"]),
)
def test_what_is_written_comes_back(rows, delimiter, line_end, encoding):
    rows = [[str(i), text, number, f"{i}.5"] for i, (text, number) in enumerate(rows)]
    text = "\n".join(lines(["id", "text", "number", "half"], rows, delimiter, every=True)) + "\n"
    table, found = read(text.replace("\n", line_end).encode(encoding))
    assert table.names == ["id", "text", "number", "half"]
    assert found == rows
    assert table.notes == ()
    assert table.dialect.delimiter == delimiter


NOT_QUOTED = st.text("ab \u00e9,'\"\n", max_size=7).filter(lambda text: not text.startswith("'"))
"""Where some cells stand in single quotation marks, these are taken for the file's."""


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(NOT_QUOTED, st.integers(0, 99)), min_size=3, max_size=25),
    st.sampled_from([",", ";", "\t", "|", "^", "\x01"]),
)
def test_cells_quoted_only_where_they_must_be_come_back(rows, delimiter):
    rows = [[str(i), text, str(number), f"{i}.5"] for i, (text, number) in enumerate(rows)]
    _, found = read("\n".join(lines(["id", "text", "number", "half"], rows, delimiter)) + "\n", delimiter=delimiter)
    assert found == rows


def damaged(number, line):
    return "\n".join([*lines()[:number], line, *lines()[number + 1 :]]) + "\n"


def row_line(number, **changes):
    """Line `number` (from 0; the header is 0) with its cells as written, changed by position."""
    cells = [cell(text) for text in ROWS[number - 1]]
    for position, text in changes.items():
        cells[int(position[1:])] = text
    return cells


REPAIRS = {
    "extra empty cell": (
        lambda n: ",".join([*row_line(n)[:2], "", *row_line(n)[2:]]), {},
        "Line {n} has 6 cells in place of 5; its extra empty cell was left out."),
    "lost delimiter": (
        lambda n: ",".join([*row_line(n)[:1], "".join(row_line(n)[1:3]), *row_line(n)[3:]]), {},
        "was cut into code and price."),
    "short": (
        lambda n: ",".join(row_line(n)[:4]), {4: ""},
        "Line {n} has 4 cells in place of 5; its last cell is taken as missing."),
    "shorter": (
        lambda n: ",".join(row_line(n)[:3]), {3: "", 4: ""}, "its last 2 cells are taken as missing."),
    "hole": (
        lambda n: ",".join([*row_line(n)[:1], *row_line(n)[2:]]), {1: ""}, "no value was found for code."),
    "long": (lambda n: ",".join(row_line(n)) + ",,", {}, "2 extra empty cells were left out."),
    "stray quote": (
        lambda n: ",".join(row_line(n, c1='"' + ROWS[n - 1][1])), {1: '"'},
        "Line {n} has quotation marks that do not fit"),
    "unescaped quotes": (
        lambda n: ",".join(row_line(n, c3='"a "big" one, red"')), {3: 'a "big" one, red'},
        "quotation marks that do not fit"),
    "unquoted delimiter": (
        lambda n: ",".join(row_line(n, c3="wide, low")), {3: "wide, low"},
        "Line {n} has 6 cells in place of 5; the delimiter in title was taken as text."),
    "semicolons": (
        lambda n: ";".join(row_line(n)), {}, "Line {n} has the semicolon between its cells; it was cut there."),
    "blanks": (lambda n: " ".join(row_line(n)), {}, "Line {n} has the blank between its cells; it was cut there."),
    "mixed": (
        lambda n: ",".join(row_line(n)[:3]) + ";" + ";".join(row_line(n)[3:]), {},
        "Line {n} also has the semicolon between cells; it was cut there as well."),
    "broken by a line end": (
        lambda n: ",".join(row_line(n, c3="wide\nand low")), {3: "wide\nand low"},
        "Lines {n} to {m} are one row with a line end in a cell; they were joined."),
    "single quotes": (
        lambda n: ",".join(row_line(n, c3="'wide, low'")), {3: "wide, low"}, "quotation marks that do not fit"),
}  # fmt: skip


@pytest.mark.parametrize("name", REPAIRS)
@pytest.mark.parametrize("number", [1, 2, 17, 40])
def test_an_irregular_row_is_repaired_and_told_wherever_it_stands(name, number):
    line, changes, note = REPAIRS[name]
    table, found = read(damaged(number, line(number)))
    expected = [list(row) for row in ROWS]
    for position, text in changes.items():
        expected[number - 1][position] = text + ROWS[number - 1][position] if text == '"' else text
    assert table.names == NAMES
    assert found == expected
    assert len(table.notes) == 1
    assert note.format(n=number + 1, m=number + 2) in table.notes[0]


SURROUNDINGS = {
    "title": (["Report of 2021", *lines()], "Line 1 stands above the table and was left out: Report of 2021."),
    "titles": (["Report", "by region", "", *lines()], "Lines 1 to 2 stand above the table"),
    "title in a cell": (["Report,,,,", ",,,,", *lines()], "Line 1 stands above the table"),
    "comments": (["# made by x", *lines()], "Line 1 stands above the table"),
    "comment inside": ([*lines()[:9], "# so far", *lines()[9:]], "Line 10 is a comment and was left out: # so far."),
    "blank lines": ([*lines()[:9], "", "  ", *lines()[9:], "", ""], None),
    "footnote": (
        [*lines(), "Source: us"], "One line that is no row of the table was left out (line 42): Source: us."),
    "footnotes": (
        [*lines(), "", "Source: us, 2021", "* guessed"], "2 lines that are no rows of the table were left out"),
    "footnote in a cell": ([*lines(), "Source: us,,,,"], "left out: Source: us."),
    "empty rows": ([*lines(), ",,,,", ",,,,"], "2 rows of empty cells at the end were left out."),
    "header twice": ([lines()[0], *lines()], "Lines 1 to 2 hold the same header; it was read once."),
    "header again": ([*lines()[:9], lines()[0], *lines()[9:]], "Line 10 repeats the header and was left out."),
    "groups": (
        ["When,,What,,", *lines()], "Line 1 holds titles over groups of columns; the names below it were taken."),
    "delimiter at line ends": ([line + "," for line in lines()], None),
    "second table": ([*lines(), "", "place,low", "Graz,3", "Lyon,4"], "Another table begins in line 43 (place, low)"),
    "header with an empty cell": (["date,,code,price,title,count", *lines()[1:]], "Line 1, the header, is irregular"),
    "header in blanks": (["date code price title count", *lines()[1:]], "Line 1, the header, is irregular"),
    "header with a lost delimiter": (["date,codePrice,title,count", *lines()[1:]], "Line 1, the header, is irregular"),
    "header below the first rows": (
        [*lines()[1:6], lines()[0], *lines()[6:]], "The header stands in line 6; the rows above it were read"),
}  # fmt: skip


@pytest.mark.parametrize("name", SURROUNDINGS)
def test_what_stands_around_the_table_is_left_out_and_told(name):
    text, note = SURROUNDINGS[name]
    table, found = read("\n".join(text) + "\n")
    assert [column.lower() for column in table.names] == NAMES
    assert found == ROWS
    assert any(note in told for told in table.notes) if note else table.notes == ()


def test_a_file_without_a_header_gets_names_and_a_note():
    table, found = read("\n".join(lines()[1:]))
    assert table.names == ["column 1", "column 2", "column 3", "column 4", "column 5"]
    assert found == ROWS
    assert table.notes == ("f.csv seems to have no header line; its columns were named 'column 1' to 'column 5'.",)
    assert table.dialect.header == 0


def test_units_below_the_names_are_joined_to_them():
    table, found = read("mass,height\n(kg),(cm)\n70,180\n65,170\n")
    assert table.names == ["mass (kg)", "height (cm)"]
    assert found == [["70", "180"], ["65", "170"]]


def test_group_titles_tell_equal_names_apart():
    table, _ = read("id,2019,,2020,\n,low,high,low,high\n1,2,3,4,5\n2,3,4,5,6\n")
    assert table.names == ["id", "2019 low", "2019 high", "2020 low", "2020 high"]


def test_titles_do_not_cut_columns_set_with_blanks():
    text = ["When       What", "01/02/2020 low boots here", "02/03/2020 a jacket of wool", "03/04/2020 red lamps"]
    assert read("\n".join(line.replace(" ", "  ", 1) for line in text))[0].names == ["When", "What"]


def test_texts_with_delimiters_and_no_quotes_are_put_together():
    rows = [[*row[:3], row[3].replace('"', ""), row[4]] for row in ROWS]
    table, found = read("\n".join(",".join(row) for row in (NAMES, *rows)))
    assert found == rows
    assert "the delimiter in title was taken as text" in table.notes[0]


def test_columns_set_with_blanks():
    widths = [12, 10, 9, 22, 5]
    text = ["".join(text.ljust(width) for text, width in zip(row, widths, strict=True)) for row in (NAMES, *ROWS)]
    table, found = read("\n".join(text))
    assert table.names == NAMES
    assert found == ROWS
    assert table.dialect.describe() == "blanks between columns, UTF-8, header in line 1"


def test_the_users_choices_are_kept():
    assert read("a;b,c\n1;2,5\n3;4,5\n", delimiter=";")[0].names == ["a", "b,c"]
    table, found = read("a,b\n1,2\n", header=0)
    assert (table.names, found) == (["column 1", "column 2"], [["a", "b"], ["1", "2"]])
    table, found = read("1,2\na,b\n3,4\n", header=2)
    assert (table.names, found, table.dialect.header) == (["a", "b"], [["3", "4"]], 2)
    assert read("a,b\n%c,1\n2,3\n", comment="%")[1] == [["2", "3"]]
    assert read("a,b\n#c,1\n2,3\n#d,4\n", comment="")[1] == [["#c", "1"], ["2", "3"], ["#d", "4"]]
    assert read('a,b\n"c,1\n"d,2\n', quote="")[1] == [['"c', "1"], ['"d', "2"]]
    assert read("n,m\n\xe9,1\n".encode("latin-1"), encoding="latin-1")[1] == [["\xe9", "1"]]
    with pytest.raises(TableError, match="no line 9"):
        read("a,b\n1,2\n", header=9)


def test_one_column():
    assert read("name\nAnn\n\nBob\n")[1] == [["Ann"], ["Bob"]]
    assert read('a\n""\n1\n')[1] == [[""], ["1"]]
    assert read("only")[0].names == ["only"]


def test_empty_cells_in_the_middle_stay():
    assert read('a,b,c\n1,x,True\n,,\n"", ,False\n')[1] == [["1", "x", "True"], ["", "", ""], ["", "", "False"]]


def test_blanks_before_cells_do_not_count_and_blanks_in_quotes_do():
    assert read('a, b\n1, "x, y"\n2,  z\n3," q"\n')[1] == [["1", "x, y"], ["2", "z"], ["3", " q"]]
    assert read("a, b\n1, x\n2,  z\n")[1] == [["1", "x"], ["2", "z"]]


def test_wide_tables_and_long_cells():
    names = [f"c{i}" for i in range(3000)]
    rows = [[str(i * j) for i in range(3000)] for j in range(3)]
    assert read("\n".join(lines(names, rows)))[1] == rows
    text = "x, " * 200_000
    assert read("\n".join(lines(["a", "b"], [["1", text], ["2", "y"]])))[1] == [["1", text], ["2", "y"]]


@pytest.mark.parametrize("size", [64, 300, 1000])
@pytest.mark.parametrize("every", [False, True])
def test_blocks_make_no_difference(monkeypatch, size, every):
    text = lines(every=every)
    text[5] = ",".join(row_line(5, c1='"x'))
    text[12] = ",".join(row_line(12, c3='"two\nlines, ""at"" least"'))
    text[20] += ","
    text[30] = text[30].replace(",", ",,", 1)
    text.insert(25, text[0])
    raw = "\n".join(text) + "\n"
    whole, rows = read(raw)
    monkeypatch.setattr(body, "_STEP", size)
    parts, rows_of_parts = read(raw)
    assert rows_of_parts == rows
    assert parts.notes == whole.notes
    assert parts.names == whole.names == NAMES


def test_the_fast_parser_and_pythons_agree(monkeypatch):
    text = lines()
    text[12] = ",".join(row_line(12, c3='"two\nlines, ""at"" least"'))
    raw = "\n".join(text) + "\n"
    _, fast = read(raw)
    monkeypatch.setattr(body.pa_csv, "read_csv", lambda *_, **__: (_ for _ in ()).throw(body.pa.ArrowInvalid()))
    assert read(raw)[1] == fast


def test_many_repairs_are_told_in_few_words():
    text = [line + "," if i % 2 else line for i, line in enumerate(lines(rows=ROWS * 2))]
    table, found = read("\n".join(text))
    assert found == ROWS * 2
    assert len(table.notes) == 13
    assert table.notes[-1] == "28 more lines were repaired or left out in such ways."


def test_the_preview_is_the_beginning():
    raw = ("\n".join(lines(rows=ROWS * 3000)) + "\n").encode()
    head = read_delimited(raw, "f.csv", rows=100)
    assert head.names == NAMES
    assert [list(row) for row in zip(*(c.to_pylist() for c in head.cells.columns), strict=True)] == (ROWS * 3)[:100]


def test_a_reader_can_be_stopped():
    calls = itertools.count()

    def check():
        if next(calls) == 1:
            raise Cancelled

    with pytest.raises(Cancelled):
        read_delimited("\n".join(lines(rows=ROWS * 40)).encode(), "f.csv", stop_check=check)


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.text("ab1.,;|\t\"' \n\r\u00e9?#", max_size=80).map(str.encode),
        st.lists(st.sampled_from(["a", "1", '"x"', "", '"', "'y", "z w"]), min_size=1, max_size=40).map(
            lambda cells: "\n".join(",".join(cells[i : i + 4]) for i in range(0, len(cells), 4)).encode()
        ),
    )
)
def test_any_bytes_give_a_table_or_an_error_in_one_line(raw):
    try:
        table = read_delimited(raw, "f.csv")
    except TableError as error:
        assert "\n" not in str(error) and str(error).endswith(".")
    else:
        assert table.cells.num_columns == len(table.names) >= 1
        assert all(column.null_count == 0 for column in table.cells.columns)
        assert all(note.endswith(".") and "\n" not in note for note in table.notes)


@pytest.mark.parametrize("quote", ["\u201c", "\u00ab", "(", "]", "^", "\\", "*"])
def test_any_character_may_be_the_quotation_mark(quote):
    rows = [[str(i), f"x, {i}{quote}y", "\u00e9\u00ab"] for i in range(5)]
    raw = "\n".join(lines(["a", "b", "c"], rows, quote=quote, every=True)) + "\n"
    assert read(raw, quote=quote, delimiter=",")[1] == rows


HEAD = "a,b,c,d\n" + "1,x,2.5,yes\n2,y,3.5,no\n" * 50
HOSTILE = {
    "blanks": " " * 2_000_000 + "1",
    "delimiters": "," * 2_000_000,
    "delimiters in one line of many": HEAD + "," * 2_000_000,
    "quotation marks": HEAD + '"' * 2_000_000,
    "single marks in one line": ",'a" * 700_000,
    "one line": "12:30:" * 400_000,
    "one line of many kinds": '{"a": 1, "b": [1,2,3], "c": "x, y"},' * 60_000,
    "blanks before a quoted cell": HEAD + "1," + " " * 1_000_000 + '"x",2.5,yes\n',
    "blank lines": HEAD + " \n" * 1_000_000,
    "a comment in every other line": HEAD * 20 + "".join(f"# {i}\n1,x,2.5,yes\n" for i in range(15_000)),
    "blanks in every other line": HEAD + " \n1,x,2.5,yes\n" * 20_000,
    "marks that do not fit everywhere": HEAD + "".join(f'{i},"x{i},2.{i},yes\n' for i in range(20_000)),
    "prose": "The quick, brown fox; jumps over: the dog.\nAnd so, on it went - for ever, and ever\n\n" * 5_000,
    "tokens in short lines": "a,b\n1,2\n" + "aa " * 1_700,
    "cells in long lines": HEAD + ('1,"x,' + "y," * 3000 + '"z,2.5,yes\n') * 100,
}  # fmt: skip


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_text_ends_soon_in_a_table_or_an_error(what):
    started = time.process_time()
    try:
        table = read_delimited(HOSTILE[what].encode(), "f.csv")
    except TableError as error:
        assert len(str(error)) < 300
    else:
        assert len(table.notes) < 20
        assert all(len(note) < 400 for note in table.notes)
    assert time.process_time() - started < 5


def test_two_single_marks_are_a_text_where_no_cell_stands_in_them():
    assert read("id,a,b\n0,,1\n1,,2\n2,'',3\n")[1][2] == ["2", "''", "3"]


def test_past_a_limit_irregular_lines_are_taken_as_they_come(monkeypatch):
    monkeypatch.setattr(repairs, "_LEAST_WORK", -100_000)
    text = lines(rows=ROWS * 3)
    for number in (90, 100, 110):
        text[number] = ",".join(row_line(1 + (number - 1) % 40, c3="wide, low"))
    table, found = read("\n".join(text))
    assert found[109][3:] == ["wide", "low," + ROWS[109 % 40][4]]
    assert found[110] == ROWS[110 % 40]
    assert any("from line 91 on were taken as they come" in note for note in table.notes)


def test_lines_left_out_are_told_in_one_sentence():
    text = lines(rows=ROWS * 2)
    for number in range(1, 11):
        text.insert(4 * number, f"Total of {number}")
    table, found = read("\n".join(text))
    assert found == ROWS * 2
    told = [note for note in table.notes if "left out" in note]
    assert told == [
        "10 lines that are no rows of the table were left out (line 5, 9, 13, 17, 21 and 5 more): "
        "Total of 1, Total of 2, Total of 3 and 7 more."
    ]
