"""Delimited text: no cell in a wrong column, no line lost without being told, and its number is the file's own."""

from __future__ import annotations

import csv
import io

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iffair_core import read_table
from iffair_core.errors import TableError
from iffair_core.reading.door import preview_table
from iffair_core.reading.raw import MOST_LEFT_OUT

NAMES = "id,town,score\n"


def rows(count: int, start: int = 0) -> str:
    return "".join(f"{i},{'Ash' if i % 3 else 'Elm'},{i / 2}\n" for i in range(start, start + count))


def read(text: str, **options: object) -> pd.DataFrame:
    return read_table(text.encode(), name="t.csv", options=options or None)


def left_out(frame: pd.DataFrame) -> list[tuple[int, str]]:
    told = frame.attrs.get("left_out")
    return [] if told is None else [(number, text) for number, _, text in told.lines]


def notes(frame: pd.DataFrame) -> str:
    return " ".join(frame.attrs["warnings"])


# ------------------------------------------------------------------------------------------- lines that do not fit


def test_a_line_with_a_cell_too_many_is_left_out_and_told() -> None:
    frame = read(NAMES + rows(5) + "5,Ash, by the sea,2.5\n" + rows(5, 6))
    assert frame["id"].tolist() == [0, 1, 2, 3, 4, 6, 7, 8, 9, 10]
    assert left_out(frame) == [(7, "5,Ash, by the sea,2.5")]
    assert "left out" in notes(frame)
    assert "line 7" in notes(frame)


def test_cells_missing_at_the_end_are_missing_and_rows_keep_their_order() -> None:
    frame = read(NAMES + rows(3) + "3,Elm\n" + rows(3, 4))
    assert frame["id"].tolist() == list(range(7))
    assert frame["town"].tolist()[3] == "Elm"
    assert frame["score"].isna().tolist() == [False, False, False, True, False, False, False]
    assert left_out(frame) == []
    assert "line 5 has 2 cells in place of 3" in notes(frame).casefold()


def test_a_line_without_any_delimiter_is_no_row() -> None:
    frame = read(NAMES + rows(4) + "checked by hand\n" + rows(4, 4))
    assert len(frame) == 8
    assert left_out(frame) == [(6, "checked by hand")]


def test_empty_cells_too_many_are_no_cells() -> None:
    frame = read(NAMES + rows(4) + "4,Ash,2.0,,\n" + rows(4, 5))
    assert frame["id"].tolist() == list(range(9))
    assert left_out(frame) == []


def test_numbers_of_lines_count_line_ends_in_cells() -> None:
    text = (
        NAMES + '0,"Ash\nby the sea",0\n' + rows(3, 1) + "4,Ash,2,0\n" + '5,"Elm\n\n",2.5\n' + "6,x,y,z\n" + rows(2, 7)
    )
    frame = read(text)
    assert frame["id"].tolist() == [0, 1, 2, 3, 5, 7, 8]
    lines = text.split("\n")
    assert [(number, lines[number - 1]) for number, _ in left_out(frame)] == left_out(frame)


def test_a_line_is_found_by_its_number_and_not_by_its_text() -> None:
    frame = read(NAMES + '0,"Ash\nchecked\nby the sea",0\n1,"",0.5\n' + "checked\n" + rows(3, 2))
    assert left_out(frame) == [(6, "checked")]


@pytest.mark.parametrize("end", ["\r\n", "\r"])
def test_line_ends_of_other_systems_count_alike(end: str) -> None:
    frame = read((NAMES + rows(3) + "a,b,c,d\n" + rows(3, 3)).replace("\n", end))
    assert len(frame) == 6
    assert left_out(frame) == [(5, "a,b,c,d")]


def test_a_quotation_mark_that_is_never_closed_takes_one_line_only() -> None:
    frame = read(NAMES + rows(4) + '4,"Ash,2\n' + rows(30, 5))
    assert frame["id"].tolist() == [0, 1, 2, 3, *range(5, 35)]
    assert left_out(frame) == [(6, '4,"Ash,2')]
    assert "quotation mark" in notes(frame)


def test_a_stray_quotation_mark_does_not_swallow_rows_up_to_the_next_quoted_cell() -> None:
    frame = read(NAMES + '0,"Ash",0\n1,"Elm,1\n2,Oak,2\n3,"Ash, East",3\n4,"Elm",4\n')
    assert frame["id"].tolist() == [0, 2, 3, 4]
    assert frame["town"].tolist() == ["Ash", "Oak", "Ash, East", "Elm"]
    assert left_out(frame) == [(3, '1,"Elm,1')]


def test_lines_of_a_cell_whose_second_mark_is_lost_are_no_rows() -> None:
    frame = read(NAMES + rows(4) + '4,"x\n1,2\ny,2\n' + rows(4, 5))
    assert frame["id"].tolist() == [*range(4), *range(5, 9)]
    assert left_out(frame) == [(6, '4,"x'), (7, "1,2"), (8, "y,2")]


def test_a_stray_quotation_mark_takes_no_line_above_it() -> None:
    frame = read(NAMES + '0,"Ash\nby the sea",0\n"1",Elm,1\n2,"Oak",2\n3,"\n4,"Elm",4\n5,"Ash, East",5\n')
    assert frame["id"].tolist() == [0, 1, 2, 4, 5]
    assert left_out(frame) == [(6, '3,"')]


def test_a_stray_quotation_mark_in_the_last_line_shifts_nothing() -> None:
    frame = read(NAMES + rows(5) + '5,"Ash,2.5\n')
    assert frame["id"].tolist() == list(range(5))
    assert left_out(frame) == [(7, '5,"Ash,2.5')]


def test_cells_of_several_lines_with_delimiters_stay_whole() -> None:
    frame = read(NAMES + '0,"1 Main St, Flat 2\nAsh, North",0\n1,"2 Low Rd, Flat 3\nElm, South",1\n')
    assert frame["town"].tolist() == ["1 Main St, Flat 2\nAsh, North", "2 Low Rd, Flat 3\nElm, South"]
    assert left_out(frame) == []


def test_what_stands_above_and_below_the_table_is_left_out_and_told() -> None:
    frame = read("Towns of the county\nOffice\n\n" + NAMES + rows(4) + "\nSource: Office\nAll rights reserved\n")
    assert len(frame) == 4
    assert [number for number, _ in left_out(frame)] == [1, 2, 10, 11]


def test_a_file_that_mostly_does_not_fit_is_refused() -> None:
    wide = "".join(f"{i},Ash,Bay {i},1\n" for i in range(29))
    assert len(left_out(read(NAMES + rows(30) + wide + "7,b\n" * 3))) == 29
    with pytest.raises(TableError, match="do not fit its 3 columns"):
        read(NAMES + rows(10) + wide)


def test_lines_kept_are_bounded_and_all_are_counted() -> None:
    extra = MOST_LEFT_OUT + 5
    frame = read(NAMES + rows(2 * extra) + "a,b,c,d\n" * extra)
    told = frame.attrs["left_out"]
    assert told.count == extra
    assert len(told.lines) == MOST_LEFT_OUT
    assert frame.copy().attrs["left_out"] is told


# ------------------------------------------------------------------------------------------------------------ header


def test_a_header_one_name_short_leaves_the_first_column_without_a_name() -> None:
    people = "".join(f"app_{i:03d},{'FM'[i % 2]},{('Black', 'White')[i // 3 % 2]},{i}\n" for i in range(40))
    frame = read("sex,race,income\n" + people)
    assert list(frame.columns) == ["column 1", "sex", "race", "income"]
    assert set(frame["race"]) == {"Black", "White"}
    assert frame["income"].tolist() == list(range(40))
    assert "sex, race, income" in notes(frame)
    assert "no name" in notes(frame)


@pytest.mark.parametrize("header", ["a,b,c,d,e", "a"])
def test_a_header_of_another_width_is_refused(header: str) -> None:
    with pytest.raises(TableError, match="line 1"):
        read(header + "\n" + rows(20), header=1)


# ----------------------------------------------------------------------------------------------------------- dialects


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^"])
@pytest.mark.parametrize("decimal", [".", ","])
def test_the_delimiter_is_found_whatever_the_decimal_sign(delimiter: str, decimal: str) -> None:
    quote = '"' if delimiter == decimal else ""
    lines = [f"{i}{delimiter}Ash{delimiter}{quote}{i}{decimal}5{quote}" for i in range(12)]
    frame = read("\n".join([f"id{delimiter}town{delimiter}score", *lines]))
    assert frame["score"].tolist() == [i + 0.5 for i in range(12)]


CELLS = st.text(st.sampled_from("ab ,;\"'\n0é|"), max_size=6)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 99), CELLS, st.sampled_from(["u", "v"])), min_size=4, max_size=12))
def test_what_a_csv_writer_wrote_comes_back_or_is_told(table: list[tuple[int, str, str]]) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(["n", "remark", "kind"])
    writer.writerows(table)
    frame = read(buffer.getvalue(), delimiter=",", quote='"', header=1)
    told = frame.attrs.get("left_out")
    assert len(frame) + (0 if told is None else told.count) == len(table)
    assert set(frame["kind"]) <= {"u", "v"}
    if told is None:
        assert frame["n"].tolist() == [n for n, _, _ in table]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_lines_move_no_cell_to_another_column(data: st.DataObject) -> None:
    lines = rows(40).splitlines()
    for place in data.draw(st.sets(st.integers(0, 39), max_size=8)):
        damage = data.draw(st.sampled_from(["{},x", "x,{}", '"{}', "{}|", "only", "{},,", "#{}", "1,2,3,4,5"]))
        lines[place] = damage.format(lines[place])
    frame = read(NAMES + "\n".join(lines) + "\n")
    assert set(frame["town"].dropna()) <= {"Ash", "Elm"} | set(left_out(frame)) or "town" in notes(frame)
    kept = {str(value) for value in frame["id"]}
    told = [number for number, _ in left_out(frame)]
    assert len(frame) + len(told) == 40
    for number, line in enumerate(lines, 2):
        if number not in told:
            assert line.split(",")[0].strip('"') in kept or line.startswith("x,")


def test_a_preview_shows_the_same_rows() -> None:
    text = "Title\n\n" + NAMES + rows(300)
    preview, whole = preview_table(text.encode(), name="t.csv"), read(text)
    pd.testing.assert_frame_equal(preview.frame, whole.iloc[: len(preview.frame)], check_dtype=False)
    assert preview.estimated_rows == pytest.approx(300, abs=5)


def test_tables_as_r_writes_them_by_default_are_read() -> None:
    towns = ("New York", "Ash")
    lines = [f'"{i}" "{towns[i % 2]}" {i / 2} "{"yes" if i % 3 else "no"}"' for i in range(1, 13)]
    frame = read('"town" "score" "hired"\n' + "\n".join(lines) + "\n")
    assert list(frame.columns) == ["column 1", "town", "score", "hired"]
    assert frame["town"].tolist()[:2] == ["Ash", "New York"]
    assert frame["score"].tolist() == [i / 2 for i in range(1, 13)]


@pytest.mark.parametrize(
    ("first", "is_header"),
    [("town,2019", True), ("Ash,1999", False), ("town,score", True), ("Ash,7", False), ("Oak,7.5", True)],
)
def test_a_first_line_like_the_rows_under_it_is_a_row(first: str, is_header: bool) -> None:
    body = "".join(f"{('Ash', 'Elm')[i % 2]},{i}\n" for i in range(12))
    frame = read(first + "\n" + body)
    assert (list(frame.columns) == first.split(",")) is is_header
    assert len(frame) == 12 + (not is_header)


# ---------------------------------------------------------------------------------------------- what only looks whole


def test_two_stray_quotation_marks_far_apart_swallow_no_rows_between_them() -> None:
    frame = read(f'{NAMES}{rows(9)}9,"Ash,1\n{rows(9, 10)}20,Elm",2\n{rows(9, 21)}')
    assert left_out(frame) == [(11, '9,"Ash,1')]
    assert frame["id"].tolist() == [*range(9), *range(10, 19), 20, *range(21, 30)]


def test_a_backslash_before_the_end_of_a_quoted_cell_is_a_backslash() -> None:
    frame = read('id,path,score\n1,"C:\\data\\",2\n3,"x",4\n5,"y",6\n')
    assert frame["path"].tolist() == ["C:\\data\\", "x", "y"]
    assert frame["score"].tolist() == [2, 4, 6]
    escaped = read('id,said,score\n1,"she said \\"yes\\", twice",2\n3,"x",4\n')
    assert escaped["said"].tolist() == ['she said "yes", twice', "x"]


def test_a_short_line_whose_words_would_stand_among_numbers_is_left_out() -> None:
    frame = read(f"{NAMES}{rows(9)}Ash,1.5\n10,Elm\n{rows(3, 11)}")
    assert left_out(frame) == [(11, "Ash,1.5")]
    assert frame["id"].tolist() == [*range(9), 10, 11, 12, 13]
    frame = read(f'{NAMES}0,"Elm,1\n{rows(9, 1)}Ash,1.5\n')
    assert left_out(frame) == [(2, '0,"Elm,1'), (12, "Ash,1.5")], "what an open mark holds is rows all the same"


def test_a_header_with_a_gap_before_an_empty_last_column_is_refused() -> None:
    with pytest.raises(TableError, match="which name belongs to which cell cannot be told"):
        read("id,,town,score\n1,Ash,2,\n2,Elm,3,\n3,Ash,4,\n")


def test_single_quotation_marks_may_hold_double_ones() -> None:
    frame = read("id,said\n1,'\"yes\", twice'\n2,'no, never'\n3,'well, \"maybe\"'\n")
    assert frame["said"].tolist() == ['"yes", twice', "no, never", 'well, "maybe"']


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{NAMES}{rows(4)}\nname,sex,age\nAnn,f,3\nBob,m,4\n", "Below a blank line (line 6)"),
        (f"{NAMES}{rows(4)}\n{rows(1, 4)}".removesuffix("\n"), "Below a blank line (line 6)"),
        (f"{NAMES}{rows(4)}Total,,6\n", "The last row looks like a total"),
        ("name,town,score\na,Ash,1\nb,Elm,2\nSource: own survey,,\n", "The last row looks like a total or a footnote"),
        ("name   city\nAnn    New York\nBob    Kiel\n", "No delimiter was found"),
    ],
)
def test_what_may_be_meant_otherwise_is_read_as_it_stands_and_told(text: str, said: str) -> None:
    assert said in notes(read(text))


def test_a_delimiter_outside_ascii_cuts_cells() -> None:
    assert read("aéb\n1é2\n", delimiter="é").to_numpy().tolist() == [[1, 2]]
