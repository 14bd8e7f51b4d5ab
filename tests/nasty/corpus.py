"""Files as people really have them: what is nasty about each, its exact bytes, and what must come of it.

Bytes are built here rather than kept, so that every line end, mark and quote can be read in this file. An entry
either gives a table (`Table`: its columns, its number of rows, some cells) or is refused (`Refused`: words that the
message must hold). Where choices are given, the table then goes through a study, which finishes or is refused too.
"""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
from openpyxl import Workbook


@dataclass(frozen=True)
class Table:
    """What a file must become. `cells`: first values by column, None for missing; `kinds`: number, text, bool or date
    by column; `notes`: words that the notes of the reading must hold."""

    columns: tuple[str, ...]
    rows: int
    cells: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    kinds: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Refused:
    """A message that must hold all of `words`, whatever their case."""

    words: tuple[str, ...]


@dataclass(frozen=True)
class Finished:
    """A study that must finish, with warnings that hold all of `words`."""

    words: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Nasty:
    """One file: `name` is unique and its file name; `what` is nasty about it; `make` gives its bytes."""

    name: str
    family: str
    what: str
    make: Callable[[], bytes]
    expect: Table | Refused
    options: Mapping[str, Any] = field(default_factory=dict)
    choices: Mapping[str, Any] | None = None
    study: Finished | Refused | None = None
    big: bool = False
    """Takes more than a few milliseconds to build or read."""


CORPUS: list[Nasty] = []
_family = ""


def _add(name: str, what: str, raw: bytes | Callable[[], bytes], expect: Table | Refused, **more: Any) -> None:
    make = raw if callable(raw) else (lambda: raw)
    CORPUS.append(Nasty(name, _family, what, make, expect, **more))


def _refused(*words: str) -> Refused:
    return Refused(words)


def lines(*rows: str, end: str = "\n", encoding: str = "utf-8") -> bytes:
    """The rows, each with its line end, encoded."""
    return "".join(row + end for row in rows).encode(encoding)


PEOPLE = (
    ("name", "age", "income"),
    ("Ann", "34", "51.5"),
    ("Bob", "27", "48.25"),
    ("Cyd", "61", "70"),
    ("Dee", "45", "33.125"),
    ("Eve", "19", "12"),
)
AS_READ = Table(
    ("name", "age", "income"),
    5,
    {"name": ["Ann", "Bob"], "age": [34, 27, 61, 45, 19], "income": [51.5, 48.25, 70, 33.125, 12]},
)


def people(delimiter: str = ",", end: str = "\n", encoding: str = "utf-8") -> bytes:
    """Five people with name, age and income."""
    return lines(*(delimiter.join(row) for row in PEOPLE), end=end, encoding=encoding)


def _with(expect: Table, **changed: Any) -> Table:
    return Table(**{**{name: getattr(expect, name) for name in Table.__dataclass_fields__}, **changed})


def loans(rows: int = 120, columns: Mapping[str, Callable[[int], object]] | None = None, without: str = "") -> bytes:
    """A table that can be studied: amount, kind (three words), town (two groups), paid (yes or no) and `columns`."""

    def paid(i: int) -> str:
        return "yes" if (37 * i % 101) / 10 + (2 if i % 3 else 0) + (61 * i % 17) / 4 > 8 else "no"

    made: dict[str, Callable[[int], object]] = {
        "amount": lambda i: (37 * i % 101) / 10,
        "kind": lambda i: "uvw"[i * i % 7 % 3],
        "town": lambda i: "Ash" if i % 3 else "Elm",
        "paid": paid,
    }
    made = {name: value for name, value in {**made, **(columns or {})}.items() if name not in without.split()}
    return (
        pd.DataFrame({name: [value(i) for i in range(rows)] for name, value in made.items()})
        .to_csv(index=False)
        .encode()
    )


PAID: Mapping[str, Any] = {"target": "paid", "favorable": "yes", "sensitive": "town"}


def _study(name: str, what: str, raw: bytes, study: Finished | Refused, **choices: Any) -> None:
    """A file that is read as it was written, and then studied."""
    names, *rows = raw.decode().splitlines()
    _add(name, what, raw, Table(tuple(names.split(",")), len(rows)), choices={**PAID, **choices}, study=study)


# -------------------------------------------------------------------------------------------------------- delimiters

_family = "Delimiters"

_add("semicolon.csv", "semicolons", people(";"), AS_READ)
_add("tab.tsv", "tabs", people("\t"), AS_READ)
_add("bar.txt", "bars", people("|"), AS_READ)
_add("caret.txt", "carets", people("^"), AS_READ)
_add("blank.txt", "single blanks", people(" "), AS_READ)
_add("comma_blank.csv", "comma and blank, as Adult has it", people(", "), AS_READ)
_add(
    "aligned.txt",
    "columns aligned by blanks",
    lines(*("".join(cell.ljust(9) for cell in row).rstrip() for row in PEOPLE)),
    AS_READ,
)
_add(
    "semicolon_with_commas.csv",
    "semicolons between cells, commas inside every cell",
    lines("name;place;n", "Ann;Bonn, Rhine;1", "Bob;Kiel, Sea;2", "Cyd;Ulm, Danube;3"),
    Table(("name", "place", "n"), 3, {"place": ["Bonn, Rhine", "Kiel, Sea"], "n": [1, 2, 3]}),
)
_add("sep_line.csv", "Excel's own first line sep=;", b"sep=;\r\n" + people(";", "\r\n"), AS_READ)
_add(
    "trailing_delimiter.csv",
    "a delimiter at the end of every line",
    lines(*(",".join(row) + "," for row in PEOPLE)),
    AS_READ,
)
_add(
    "trailing_delimiter_rows.csv",
    "a delimiter at the end of every line but the header",
    lines(",".join(PEOPLE[0]), *(",".join(row) + "," for row in PEOPLE[1:])),
    AS_READ,
)
_add(
    "other_delimiter_row.csv",
    "one line with semicolons among lines with commas",
    lines("name,age,income", "Ann,34,51.5", "Bob;27;48.25", "Cyd,61,70"),
    Table(AS_READ.columns, 2, {"age": [34, 61], "income": [51.5, 70]}, notes=("line 3", "1 cell in place of 3")),
)
_add(
    "only_delimiters.csv",
    "nothing but delimiters",
    b",,,\n,,,\n,,,\n",
    _refused("only_delimiters.csv", "add at least one row"),
)
_add("one_column.csv", "a single column", b"age\n34\n27\n61\n", Table(("age",), 3, {"age": [34, 27, 61]}))
_add(
    "one_column_words.txt",
    "a single column of sentences with commas and blanks",
    lines("remark", "good, but late", "fine", "so so, really"),
    Table(("remark",), 3, {"remark": ["good, but late"]}),
    options={"delimiter": "\t"},
)
_add("one_row.csv", "a single row", b"age,sex\n34,f\n", Table(("age", "sex"), 1, {"age": [34], "sex": ["f"]}))

# ----------------------------------------------------------------------------------------------------------- numbers

_family = "Numbers"

_add(
    "decimal_comma.csv",
    "decimal commas",
    people(";").replace(b".", b","),
    AS_READ,
)
_add(
    "decimal_comma_quoted.csv",
    "decimal commas in quotes between commas",
    lines("name,income", 'Ann,"51,5"', 'Bob,"48,25"', 'Cyd,"70,75"'),
    Table(("name", "income"), 3, {"income": [51.5, 48.25, 70.75]}),
)
_add(
    "thousands.csv",
    "commas between thousands",
    lines("town,people", 'Ash,"1,234"', 'Elm,"12,345,678"', 'Oak,"999"'),
    Table(("town", "people"), 3, {"people": [1234, 12345678, 999]}),
)
_add(
    "thousands_point.csv",
    "points between thousands, decimal commas",
    lines("town;money", "Ash;1.234,50", "Elm;12.345.678,25", "Oak;999,00"),
    Table(("town", "money"), 3, {"money": [1234.5, 12345678.25, 999]}),
)
_add(
    "thousands_blank.csv",
    "narrow blanks between thousands",
    lines("town;people", "Ash;1\u202f234", "Elm;12\u00a0345\u00a0678", "Oak;999"),
    Table(("town", "people"), 3, {"people": [1234, 12345678, 999]}),
)
_add(
    "currency.csv",
    "currency signs",
    lines("name,pay", 'Ann,"$1,200.50"', "Bob,$950.25", "Cyd,-$20.75"),
    Table(("name", "pay"), 3, {"pay": [1200.5, 950.25, -20.75]}),
)
_add(
    "euro.csv",
    "euro signs after the number",
    lines("name;pay", "Ann;1.200,50 €", "Bob;950,25 €", "Cyd;20,75 €"),
    Table(("name", "pay"), 3, {"pay": [1200.5, 950.25, 20.75]}),
)
_add(
    "percent.csv",
    "percent signs",
    lines("name,rate", "Ann,12.5%", "Bob,7 %", "Cyd,100%"),
    Table(("name", "rate"), 3, {}, {"rate": "number"}),
)
_add(
    "minus.csv",
    "a typographic minus",
    lines("a,b", "\u22125,1", "3,2", "\u22120.5,3"),
    Table(("a", "b"), 3, {"a": [-5, 3, -0.5]}),
)
_add(
    "infinities.csv",
    "infinite numbers",
    lines("a,b", "inf,1", "-inf,2", "3,3"),
    Table(("a", "b"), 3, {"a": [float("inf"), float("-inf"), 3]}),
)
_add(
    "too_large.csv",
    "numbers beyond the largest",
    lines("a,b", "1e400,1", "5,2", "1e-400,3"),
    Table(("a", "b"), 3, {}, {"a": "number"}),
)
_add(
    "long_ids.csv",
    "ids of 20 digits",
    lines("id,n", *(f"123456789012345678{i:02d},{i}" for i in range(30))),
    Table(("id", "n"), 30, {"n": [0, 1, 2]}),
)
_add(
    "leading_zeros.csv",
    "codes with leading zeros",
    lines("zip,n", "01234,1", "99123,2", "00501,3"),
    Table(("zip", "n"), 3, {"zip": ["01234", "99123", "00501"]}, {"zip": "text"}),
)
_add(
    "odd_word.csv",
    "one word among numbers",
    lines("age,n", *(f"{20 + i},{i}" for i in range(30)), "unknown,30"),
    Table(("age", "n"), 31, {"age": ["20", "21"]}, {"age": "text"}),
)
_add(
    "question_marks.csv",
    "question marks among numbers and among words",
    lines("age,job", "34,clerk", "?,?", "61,cook", "27,?"),
    Table(("age", "job"), 4, {"age": [34, None, 61, 27], "job": ["clerk", "?", "cook", "?"]}),
)
_add(
    "sentinel.csv",
    "-999 for missing",
    lines("age,n", *(f"{20 + i},{i}" for i in range(20)), "-999,20"),
    Table(("age", "n"), 21, {"age": [20, 21]}, {"age": "number"}),
)
_add(
    "missing_words.csv",
    "NA, N/A, null and None among numbers",
    lines("age,n", "34,1", "NA,2", "N/A,3", "null,4", "None,5", ",6"),
    Table(("age", "n"), 6, {"age": [34, None, None, None, None, None]}),
)
_add(
    "groups_called_none.csv",
    "groups that are called None, NA and NaN",
    lines("group,n", "None,1", "NA,2", "NaN,3", "other,4"),
    Table(("group", "n"), 4, {"group": ["None", "NA", "NaN", "other"]}),
)
_add(
    "booleans.csv",
    "yes and no in six spellings",
    lines("a,b,c,d,e,f", "True,true,TRUE,yes,Y,1", "False,false,FALSE,no,N,0", "True,true,TRUE,yes,Y,1"),
    Table(("a", "b", "c", "d", "e", "f"), 3, {"d": ["yes", "no"], "f": [1, 0, 1]}),
)
_add(
    "dates.csv",
    "dates in several spellings",
    lines("day,n", "2024-03-01,1", "01/03/2024,2", "1 Mar 2024,3"),
    Table(("day", "n"), 3, {"day": ["2024-03-01", "01/03/2024", "1 Mar 2024"]}, {"day": "text"}),
)
_add(
    "underscores.csv",
    "digits with underscores are a code",
    lines("code,n", "1_000,1", "2_000,2"),
    Table(("code", "n"), 2, {"code": ["1_000", "2_000"]}, {"code": "text"}),
)
_add(
    "all_missing_column.csv",
    "a column without any value",
    lines("a,b,c", "1,,x", "2,,y", "3,,z"),
    Table(("a", "b", "c"), 3, {"b": [None, None, None]}),
)

# ------------------------------------------------------------------------------------------------ quotes, line ends

_family = "Quotes and line ends"

_add(
    "single_quotes.csv",
    "single quotes around cells",
    lines("name,job,n", "'Smith, Ann','clerk',1", "'Ray, Bob','cook',2", "'Lee, Cyd','clerk',3"),
    Table(("name", "job", "n"), 3, {"name": ["Smith, Ann", "Ray, Bob"], "job": ["clerk"], "n": [1, 2, 3]}),
)
_add(
    "backslash_quotes.csv",
    "quotes escaped by a backslash",
    lines("name,said,n", 'Ann,"say \\"hi\\", now",1', 'Bob,"say \\"ho\\", then",2', 'Cyd,"none",3'),
    Table(("name", "said", "n"), 3, {"said": ['say "hi", now', 'say "ho", then', "none"], "n": [1, 2, 3]}),
)
_add(
    "stray_quote.csv",
    "inch marks that are no quotes",
    lines("size,n", '5" pipe,1', '6" x 7",2', '8" x,3'),
    Table(("size", "n"), 3, {"size": ['5" pipe', '6" x 7"', '8" x'], "n": [1, 2, 3]}),
)
_add(
    "quote_in_the_middle.csv",
    "quotes in the middle of a cell",
    lines("a,n", 'x"y"z,1', 'p"q,2', "r,3"),
    Table(("a", "n"), 3, {"a": ['x"y"z', 'p"q', "r"]}),
)
_add(
    "unclosed_quote.csv",
    "a quote that is never closed",
    lines("a,b", '1,"2', "3,4", "5,6"),
    Table(("a", "b"), 2, {"a": [3, 5], "b": [4, 6]}, notes=("line 2", "quotation mark")),
)
_add(
    "newline_in_cell.csv",
    "line ends inside quoted cells",
    b'a,n\r\n"line\r\nbreak",1\r\n"two\n\nbreaks",2\r\nx,3\r\n',
    Table(("a", "n"), 3, {"n": [1, 2, 3]}),
)
_add(
    "quoted_lines.csv",
    "every whole line in quotes",
    lines(*(f'"{",".join(row)}"' for row in PEOPLE)),
    _refused("whole lines", "outer marks"),
)
_add(
    "all_quoted.csv", "every cell in quotes", lines(*(",".join(f'"{cell}"' for cell in row) for row in PEOPLE)), AS_READ
)
_add("cr.csv", "line ends of an old Mac", people(end="\r"), AS_READ)
_add("crlf.csv", "line ends of Windows", people(end="\r\n"), AS_READ)
_add(
    "mixed_ends.csv",
    "all three line ends in one file",
    b"name,age,income\r\nAnn,34,51.5\nBob,27,48.25\rCyd,61,70\r\nDee,45,33.125\nEve,19,12",
    AS_READ,
)
_add(
    "line_separator.csv",
    "a line separator of Unicode inside a cell",
    lines("a,n", "x\u2028y,1", "z\x85w,2"),
    Table(("a", "n"), 2, {"n": [1, 2]}),
)
_add("no_last_end.csv", "no line end at the end", people().rstrip(), AS_READ)

# --------------------------------------------------------------------------------------------------------- encodings

_family = "Encodings"

_add("utf8_mark.csv", "UTF-8 with byte-order mark", b"\xef\xbb\xbf" + people(), AS_READ)
_add("utf8_two_marks.csv", "two byte-order marks", b"\xef\xbb\xbf\xef\xbb\xbf" + people(), AS_READ)
_add("utf16le_mark.csv", "UTF-16, little end first, with mark", b"\xff\xfe" + people(encoding="utf-16-le"), AS_READ)
_add("utf16be_mark.csv", "UTF-16, big end first, with mark", b"\xfe\xff" + people(encoding="utf-16-be"), AS_READ)
_add("utf16le.csv", "UTF-16, little end first, without mark", people("\t", encoding="utf-16-le"), AS_READ)
_add("utf16be.csv", "UTF-16, big end first, without mark", people(";", "\r\n", "utf-16-be"), AS_READ)
_add("utf16_cut.csv", "UTF-16 that breaks off in a letter", b"\xff\xfe" + people(encoding="utf-16-le")[:-1], AS_READ)
_add("utf32.csv", "UTF-32 with mark", b"\xff\xfe\x00\x00" + people(encoding="utf-32-le"), AS_READ)
_add(
    "latin1.csv",
    "Latin-1",
    lines("name,n", "José,1", "Zoë,2", encoding="latin-1"),
    Table(("name", "n"), 2, {"name": ["José", "Zoë"]}),
)
_add(
    "cp1252.csv",
    "curly quotes and euro sign of Windows",
    lines("name,n", "“Ann”,1", "O’Neil €,2", encoding="cp1252"),
    Table(("name", "n"), 2, {"name": ["“Ann”", "O’Neil €"]}),
)
_add(
    "invalid_bytes.csv",
    "two bytes that are no UTF-8 among text that is",
    "name,n\nŁódź,1\nZürich,2\n".encode() + b"b\xffd\xfe,3\n" + "Køge,4\n".encode() * 40,
    Table(("name", "n"), 43, {"n": [1, 2, 3, 4]}),
)
_add(
    "shift_jis.csv",
    "Shift-JIS, named by the user",
    lines("名前,歳", "花子,34", "太郎,27", encoding="shift_jis"),
    Table(("名前", "歳"), 2, {"名前": ["花子", "太郎"], "歳": [34, 27]}),
    options={"encoding": "shift_jis"},
)
_add(
    "wrong_encoding.csv",
    "an encoding named by the user that does not fit, in a file of UTF-8",
    lines("name,n", "José,1"),
    Table(("name", "n"), 1, {"name": ["José"]}),
    options={"encoding": "ascii"},
)
_add("nulls.csv", "NUL bytes among the cells", b"a,b\n1,\x00\n\x00\x00,2\n3,4\n", _refused("nulls.csv", "binary"))
_add("ctrl_z.csv", "the end mark of DOS (Ctrl-Z)", people(end="\r\n") + b"\x1a", AS_READ)
_add("noise.bin", "bytes of no format", bytes((i * i * 31 + 7 * i) % 251 + 1 for i in range(1000)), _refused("binary"))
_add(
    "emoji.csv",
    "emoji, right-to-left names and combining marks in cells",
    lines("name,n", "👩‍👩‍👧‍👦,1", "שרה,2", "é,3", "\u202eabc,4"),
    Table(("name", "n"), 4, {"name": ["👩‍👩‍👧‍👦", "שרה"], "n": [1, 2, 3, 4]}),
)


def _wide(columns: int) -> bytes:
    return lines(*(",".join(f"c{j}" if i == 0 else str((i * j) % 7) for j in range(columns)) for i in range(4)))


# ------------------------------------------------------------------------------------------------- around the table

_family = "Around the table"

_add(
    "title_lines.csv",
    "a title above the header",
    lines("Loans of the year 2024", "Office of Statistics") + b"\n" + people(),
    _with(AS_READ, notes=("line",)),
)
_add(
    "title_padded.csv",
    "a title above the header, padded with delimiters",
    lines("Loans of 2024,,", ",,") + people(),
    _with(AS_READ, notes=("line",)),
)
_add("comments.csv", "comment lines", lines("# made by hand", "# 2024") + people(), AS_READ)
_add(
    "comments_within.csv",
    "comment lines between rows",
    people().replace(b"Cyd", b"# checked\nCyd") + b"# end\n",
    AS_READ,
)
_add(
    "footnote.csv",
    "a footnote below the last row",
    people() + b"\nSource: Office of Statistics\n",
    _with(AS_READ, notes=("line",)),
)
_add("blank_lines.csv", "blank lines everywhere", b"\n\n" + people(end="\n\n") + b"\n \n", AS_READ)
_add(
    "blank_rows.csv",
    "rows of delimiters only, between rows and at the end",
    people().replace(b"Cyd", b",,\nCyd") + b",,\n,,\n",
    _with(AS_READ, notes=("rows of empty cells are left out: 3",)),
)
_add(
    "two_headers.csv",
    "units in a second header line",
    lines("name,age,income", ",years,kEUR", *(",".join(row) for row in PEOPLE[1:])),
    Table(AS_READ.columns, 6, {"age": ["years", "34"]}, notes=("line 2", "second line of the header")),
    options={},
)
_add(
    "header_line_given.csv",
    "a header that the user points at",
    lines("one,two,three", "name,age,income", *(",".join(row) for row in PEOPLE[1:])),
    AS_READ,
    options={"header": 2},
)
_add(
    "no_header.csv",
    "no header line",
    lines(*(",".join(row) for row in PEOPLE[1:])),
    Table(("column 1", "column 2", "column 3"), 5, {"column 2": [34, 27, 61, 45, 19]}, notes=("header",)),
)
_add(
    "no_header_given.csv",
    "no header line, and the user says so",
    lines("a,b", "c,d"),
    Table(("column 1", "column 2"), 2, {"column 1": ["a", "c"]}),
    options={"header": 0},
)
_add("only_header.csv", "a header without rows", b"name,age,income\n", _refused("no rows", "add at least one row"))
_add("empty.csv", "an empty file", b"", _refused("is empty", "choose a file"))
_add("blanks_only.csv", "blanks and line ends only", b"  \n\t\n\r\n   ", _refused("is empty"))
_add(
    "header_repeated.csv",
    "the header again in the middle, where two files were joined",
    people() + people(),
    _with(AS_READ, rows=10, cells={"age": [34, 27, 61, 45, 19, 34]}, notes=("header",)),
)
_add(
    "two_tables.csv",
    "two tables below each other",
    people() + b"\n" + lines("town,people", "Ash,1200", "Elm,3400", "Oak,50"),
    _with(AS_READ, notes=("lines 8, 9, 10", "below the table")),
)
_add(
    "rule.md",
    "a table of Markdown: a line is drawn under the header",
    lines("| age | sex | hired |", "|-----|:---:|------:|", "| 23 | m | yes |", "| 45 | f | no |", "| 31 | m | no |"),
    Table(("age", "sex", "hired"), 3, {"age": [23, 45, 31]}),
)
_add(
    "console.txt",
    "what the console of a database prints",
    lines("+-----+-----+", "| age | sex |", "+-----+-----+", "|  23 | m   |", "|  45 | f   |", "+-----+-----+"),
    Table(("age", "sex"), 2, {"age": [23, 45]}),
)
_add(
    "quoted_twice.csv",
    "every line quoted as a whole, cells with commas again",
    lines('"age,""town"",hired"', '"23,""Ash, or Elm"",yes"', '"45,""Oak"",no"'),
    Table(('age,"town",hired',), 2, notes=("one column", "comma")),
)
_add(
    "units_below.csv",
    "a line of units under the names",
    lines("age,height,sex", "(years),(cm),", "23,180,m", "45,170,f", "31,165,m"),
    Table(("age", "height", "sex"), 4, {"height": ["(cm)", "180"]}, notes=("line 2", "units")),
)
_add(
    "titles_twice.csv",
    "titles over groups of columns, repeated over each",
    lines("person,person,job", "age,sex,title", "23,m,clerk", "45,f,boss", "31,m,clerk"),
    Table(("person", "person (2)", "job"), 4, {"person": ["age", "23"]}, notes=("line 2", "second line of the header")),
)
_add(
    "formula_text.csv",
    'codes written as ="0012", so that Excel keeps their zeros',
    lines("id,zip", '1,="0012"', '2,="0450"', "3,"),
    Table(("id", "zip"), 3, {"zip": ["0012", "0450", None]}, notes=('="..."', "zip")),
)
_add(
    "script.sql",
    "a script of SQL",
    lines("-- people", "CREATE TABLE people (age int);", "INSERT INTO people VALUES (23), (45);"),
    _refused("SQL", "export the table as CSV"),
)
_add(
    "ragged_short.csv",
    "one line is short",
    lines("a,b,c", "1,2,3", "4,5", "7,8,9"),
    Table(("a", "b", "c"), 3, {"b": [2, 5, 8], "c": [3, None, 9]}, notes=("line 3", "2 cells in place of 3")),
)
_add(
    "ragged_long.csv",
    "one line is long, and nothing tells which cell is too much",
    lines("a,b,c", "1,2,3", "4,5,6,7", "8,9,10"),
    Table(("a", "b", "c"), 2, {"a": [1, 8], "c": [3, 10]}, notes=("line 3", "4 cells in place of 3")),
)
_add(
    "ragged_text.csv",
    "one line is long, for a comma in a text without quotes",
    lines("name,place,n", "Ann,Bonn,1", "Bob,Kiel, by the sea,2", "Cyd,Ulm,3"),
    Table(("name", "place", "n"), 2, {"place": ["Bonn", "Ulm"], "n": [1, 3]}, notes=("line 3",)),
)
_add(
    "ragged_many.csv",
    "every line has another length",
    lines("a,b,c", *(",".join("1234567"[: 1 + i * i % 7]) for i in range(40))),
    Table(("a,b,c",), 40, notes=("no delimiter", "comma")),
)
_add(
    "long_line.csv",
    "one line of 100 kB",
    lines("a,b", f"{'x' * 100_000},1", "y,2"),
    Table(("a", "b"), 2, {"b": [1, 2]}),
    big=True,
)
_add("one_long_line.txt", "100 kB in one line, and nothing else", b"lorem ipsum " * 8_500, _refused("no rows"))
_add(
    "huge_cell.csv",
    "a cell of 2 MB",
    lambda: lines("a,b", f'"{"word " * 400_000}",1', "y,2"),
    _refused("2,000,000 characters", "row 1", "column 'a'"),
    big=True,
)
_add(
    "large_cell.csv",
    "a cell of 900 kB",
    lambda: lines("a,b", f'"{"word " * 180_000}",1', "y,2"),
    Table(("a", "b"), 2, {"b": [1, 2]}),
    big=True,
)
_add("wide.csv", "6,000 columns", lambda: _wide(6_000), _refused("6,000 columns", "at most"), big=True)
_add(
    "wide_hash.txt",
    "100,000 cells between rare delimiters",
    lambda: b"a#" * 100_000,
    _refused("no rows"),
    big=True,
)
_add(
    "broad.csv",
    "3,000 columns",
    lambda: _wide(3_000),
    Table(tuple(f"c{j}" for j in range(3_000)), 3, {"c1": [1, 2, 3]}),
    big=True,
)
_add(
    "same_columns.csv",
    "all columns hold the same",
    lines("a,b,c", *("5,5,5" for _ in range(4))),
    Table(("a", "b", "c"), 4, {"c": [5, 5, 5, 5]}),
)

# ------------------------------------------------------------------------------------------------------------ headers

_family = "Headers"

_add(
    "same_name_same_values.csv",
    "two columns of one name and the same values",
    lines("a,b,a", "1,2,1", "3,4,3"),
    Table(("a", "b"), 2, {"a": [1, 3]}, notes=("twice", "same values")),
)
_add(
    "same_name_other_values.csv",
    "two columns of one name and other values",
    lines("a,b,a", "1,2,5", "3,4,6"),
    Table(("a", "b", "a (2)"), 2, {"a": [1, 3], "a (2)": [5, 6]}, notes=("different values", "a (2)")),
)
_add(
    "case_only.csv",
    "two names that differ in case only",
    lines("Sex,sex,n", "f,1,1", "m,0,2"),
    Table(("Sex", "sex", "n"), 2, {"Sex": ["f", "m"], "sex": [1, 0]}),
)
_add(
    "empty_names.csv",
    "names left empty, one of them over values",
    lines(",a,,b", "1,2,,x", "2,3,,y"),
    Table(("column 1", "a", "b"), 2, {"column 1": [1, 2], "b": ["x", "y"]}, notes=("without a name",)),
)
_add("blank_names.csv", "blanks around names", b" name ,  age, income  \n" + people().split(b"\n", 1)[1], AS_READ)
_add(
    "name_with_newline.csv",
    "names with line ends and commas",
    b'"first\nname","age, in years",n\nAnn,34,1\nBob,27,2\n',
    Table(("first\nname", "age, in years", "n"), 2, {"age, in years": [34, 27]}),
)
_add(
    "formula_names.csv",
    "names that are formulas",
    lines('=1+1,+x,-y,@z,"=HYPERLINK(""http://a"")"', "1,2,3,4,5", "2,3,4,5,6"),
    Table(("=1+1", "+x", "-y", "@z", '=HYPERLINK("http://a")'), 2, {"@z": [4, 5]}),
)
_add(
    "control_names.csv",
    "control characters in names",
    b"a\x07b,c\x1b[31m,n\n1,2,x\n3,4,y\n" + b"5,6,z\n" * 200,
    Table(("a\x07b", "c\x1b[31m", "n"), 202, {"n": ["x", "y"]}),
)
_add(
    "rtl_names.csv",
    "right-to-left names and emoji",
    lines("שם,גיל,🙂,\u202eemit", "שרה,34,1,5", "דן,27,2,6"),
    Table(("שם", "גיל", "🙂", "\u202eemit"), 2, {"גיל": [34, 27], "🙂": [1, 2]}),
)
_add(
    "long_name.csv",
    "a name of 5,000 letters",
    lines("x" * 5000 + ",b", "1,2", "3,4"),
    Table(("x" * 5000, "b"), 2, {"b": [2, 4]}),
)
_add(
    "number_names.csv",
    "years as names",
    lines("town,2019,2020,2021", "Ash,1,2,3", "Elm,4,5,6"),
    Table(("town", "2019", "2020", "2021"), 2, {"2020": [2, 5]}),
)
_study(
    "words_of_ours.csv",
    "columns called index, weight, row_id, split and (missing)",
    loans(
        120,
        {
            "index": lambda i: i % 7,
            "weight": lambda i: 50 + i % 30,
            "row_id": lambda i: 1000 - 3 * i % 11,
            "split": lambda i: "ab"[i % 2],
            "(missing)": lambda i: i % 5,
        },
    ),
    Finished(),
)

# -------------------------------------------------------------------------------------------- compressed and binary

_family = "Packed and foreign files"


def zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip archive of the files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, raw in files.items():
            archive.writestr(zipfile.ZipInfo(name), raw)
    return buffer.getvalue()


@cache
def _ten_megabytes() -> bytes:
    """A deflate block of 10 MB of lines "1,1", flushed so that copies of it may follow each other."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(b"1,1\n" * 2_500_000) + packer.flush(zlib.Z_FULL_FLUSH)


def gzip_bomb() -> bytes:
    """4 GB in about 4 MB: 400 members of 10 MB each, one after the other, which gzip allows."""
    return gzip.compress(b"a,b\n") + gzip.compress(b"1,1\n" * 2_500_000, 9) * 400


def bombed(parts: Mapping[str, bytes], name: str, head: bytes, declared: int = 4_000_000_000) -> bytes:
    """A zip archive of the parts and of a file that unpacks to `head` and 4 GB; `declared` is the size it claims."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    begun = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    packed = {part: (_deflated(raw), len(raw), zlib.crc32(raw)) for part, raw in parts.items()}
    packed[name] = (begun + _ten_megabytes() * 400 + zlib.compressobj(9, zlib.DEFLATED, -15).flush(), declared, 0)
    body, entries = b"", b""
    for part, (raw, size, checksum) in packed.items():
        sizes = (checksum, len(raw), size, len(part), 0)
        entries += struct.pack("<4s6H3I5H2I", b"PK\x01\x02", 20, 20, 0, 8, 0, 33, *sizes, 0, 0, 0, 0, len(body))
        entries += part.encode()
        body += struct.pack("<4s5H3I2H", b"PK\x03\x04", 20, 0, 8, 0, 33, *sizes) + part.encode() + raw
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, len(packed), len(packed), len(entries), len(body), 0)
    return body + entries + end


def _deflated(raw: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(raw) + packer.flush()


def sqlite() -> bytes:
    """The first page of an SQLite database."""
    return (b"SQLite format 3\0" + struct.pack(">HBBBBBBII", 4096, 1, 1, 0, 64, 32, 32, 1, 1)).ljust(4096, b"\0")


_add("people.csv.gz", "gzip", gzip.compress(people(), mtime=0), AS_READ)
_add("cut.csv.gz", "gzip that breaks off", gzip.compress(people() * 50, mtime=0)[:-30], _refused("gzip"))
_add("bomb.csv.gz", "4 GB in a gzip file of 4 MB", gzip_bomb, _refused("bomb.csv.gz", "unpack"), big=True)
_add("one.zip", "a zip archive with one CSV", zipped({"people.csv": people(";")}), AS_READ)
_add(
    "mac.zip",
    "a zip archive made by a Mac, with its hidden files",
    zipped({"people.csv": people(), "__MACOSX/._people.csv": b"\x00\x05\x16\x07", ".DS_Store": b"\0\0\0\1Bud1"}),
    AS_READ,
)
_add(
    "several.zip",
    "a zip archive with several files",
    zipped({"a.csv": people(), "b.csv": people(";")}),
    _refused("several.zip", "a.csv", "b.csv"),
)
_add(
    "folder.zip",
    "a zip archive without a table",
    zipped({"docs/": b"", "docs/photo.png": b"\x89PNG"}),
    _refused("folder.zip"),
)
_add(
    "bomb.zip",
    "4 GB in a zip archive of 4 MB",
    lambda: bombed({}, "big.csv", b"a,b\n"),
    _refused("bomb.zip", "unpack"),
    big=True,
)
_add(
    "liar.zip",
    "the same, and the archive says it holds 20 bytes",
    lambda: bombed({}, "big.csv", b"a,b\n", 20),
    _refused("liar.zip"),
    big=True,
)
_add("cut.zip", "a zip archive that breaks off", zipped({"people.csv": people() * 20})[:-40], _refused("cut.zip"))
_add(
    "nested.zip",
    "a zip archive in a zip archive",
    zipped({"one.zip": zipped({"a.csv": people()})}),
    _refused("nested.zip"),
)
_add(
    "page.html",
    "an HTML page with a table",
    b"<!DOCTYPE html>\n<html><body><table><tr><td>a</td><td>b</td></tr></table></body></html>\n",
    _refused("HTML"),
)
_add(
    "table.xls",
    "an HTML table that is called .xls",
    b"<table>\n<tr><td>a</td><td>b</td></tr>\n<tr><td>1</td><td>2</td></tr>\n</table>\n",
    _refused("HTML"),
)
_add("old.xls", "a workbook of Excel 97", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504), _refused("Excel", "save"))
_add("records.json", "JSON", b'[{"a": 1, "b": "x"},\n {"a": 2, "b": "y"}]\n', _refused("JSON"))
_add("lines.jsonl", "JSON, a record a line", b'{"a": 1, "b": "x"}\n{"a": 2, "b": "y"}\n', _refused("JSON"))
_add(
    "paper.pdf",
    "a PDF document",
    b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog >>\nendobj\n",
    _refused("PDF"),
)
_add("photo.png", "a picture", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\2\0\0\0", _refused("photo.png"))
_add("base.sqlite", "an SQLite database", sqlite(), _refused("SQLite"))
_add(
    "model.pkl",
    "a pickle that would make a folder called pickle_ran",
    b"\x80\x04cos\nmkdir\n(S'pickle_ran'\ntR.",
    _refused("model.pkl"),
)
_add(
    "plain.pkl",
    "a pickle without magic number that would do so; as text it is one column",
    b"cos\nmkdir\n(S'pickle_ran'\ntR.",
    Table(("cos",), 3, {"cos": ["mkdir"]}),
)
_add(
    "letters.arff",
    "a file of Weka",
    b"@relation people\n@attribute age numeric\n@attribute sex {f,m}\n@data\n34,f\n27,m\n",
    _refused("letters.arff"),
)
_add("book.xml", "XML", b'<?xml version="1.0"?>\n<rows><row a="1" b="2"/></rows>\n', _refused("XML"))
_add("people.csv.xz", "packed with xz", b"\xfd7zXZ\x00\x00\x04" + bytes(40), _refused("compressed"))
_add("people.csv.bz2", "packed with bzip2", b"BZh91AY&SY" + bytes(40), _refused("compressed"))
_add("people.csv.zst", "packed with Zstandard", b"\x28\xb5\x2f\xfd" + bytes(40), _refused("compressed"))

# ---------------------------------------------------------------------------------------------------------- workbooks

_family = "Excel"


def workbook(fill: Callable[[Workbook], None]) -> Callable[[], bytes]:
    """A maker of the bytes of a workbook that `fill` fills."""

    def make() -> bytes:
        book, buffer = Workbook(), io.BytesIO()
        fill(book)
        book.save(buffer)
        return buffer.getvalue()

    return make


TYPED = [list(PEOPLE[0]), *([name, int(age), float(income)] for name, age, income in PEOPLE[1:])]


def _rows(*rows: Sequence[Any]) -> Callable[[Workbook], None]:
    """Fills the first sheet with the rows."""

    def fill(book: Workbook) -> None:
        for row in rows:
            book.active.append(row)

    return fill


_plain_sheet = _rows(*TYPED)


def _two_sheets(book: Workbook) -> None:
    _plain_sheet(book)
    book.active.title = "People"
    notes = book.create_sheet("Towns")
    for row in (["town", "people"], ["Ash", 1200], ["Elm", 3400]):
        notes.append(row)


def _far_cell(book: Workbook) -> None:
    _plain_sheet(book)
    book.active.cell(row=1_048_576, column=16_384).number_format = "0.00"


_add("plain.xlsx", "a workbook", workbook(_plain_sheet), AS_READ)
_add("titled.xlsx", "title rows above the header", workbook(_rows(["Loans of the year 2024"], [], *TYPED)), AS_READ)
_add("two_sheets.xlsx", "two sheets, the first is taken", workbook(_two_sheets), _with(AS_READ, notes=("People",)))
_add(
    "second_sheet.xlsx",
    "two sheets, the second is asked for",
    workbook(_two_sheets),
    Table(("town", "people"), 2, {"people": [1200, 3400]}),
    options={"sheet": "Towns"},
)
_add(
    "no_sheet.xlsx",
    "two sheets, one is asked for that is not there",
    workbook(_two_sheets),
    _refused("Cities", "People", "Towns"),
    options={"sheet": "Cities"},
)
_add(
    "dates.xlsx",
    "cells that are dates",
    workbook(_rows(["day", "n"], [datetime(2024, 2, 29), 1], [datetime(2024, 3, 1), 2], [None, 3])),
    Table(("day", "n"), 3, {"n": [1, 2, 3]}),
)
_add(
    "holes.xlsx",
    "empty columns and an empty first row",
    workbook(_rows([None] * 4, [None, "a", None, "b"], [None, 1, None, "x"], [None, 2, None, "y"])),
    Table(("a", "b"), 2, {"a": [1, 2], "b": ["x", "y"]}),
)
_add(
    "formulas.xlsx",
    "formulas that were never worked out",
    workbook(_rows(["a", "b", "total"], [1, 2, "=A2+B2"], [3, 4, "=A3+B3"])),
    Table(("a", "b", "total"), 2, {"b": [2, 4], "total": [None, None]}),
)
_add(
    "errors.xlsx",
    "error cells and a truth value among numbers",
    workbook(_rows(["a", "b"], [1, "#DIV/0!"], [2, 5], [3, 6], [4, True])),
    Table(("a", "b"), 4, {"a": [1, 2]}),
)
_add("empty.xlsx", "a workbook without a cell", workbook(lambda book: None), _refused("empty"))
_add(
    "far_cell.xlsx", "a formatted cell in the last row and column of the sheet", workbook(_far_cell), AS_READ, big=True
)
_add(
    "broken.xlsx",
    "a workbook whose sheet breaks off",
    lambda: _with_part("xl/worksheets/sheet1.xml", lambda xml: xml[: len(xml) // 2]),
    _refused("broken.xlsx"),
)
_add(
    "bomb.xlsx",
    "a workbook that unpacks to 4 GB",
    lambda: _bombed_workbook("xl/worksheets/sheet1.xml"),
    _refused("bomb.xlsx"),
    big=True,
)
_add("shared.xlsx", "texts in a list of their own, as Excel writes them", lambda: zipped(_shared()), AS_READ)
_add(
    "bomb_strings.xlsx",
    "a workbook whose list of texts unpacks to 4 GB",
    lambda: _bombed_workbook("xl/sharedStrings.xml"),
    _refused("bomb_strings.xlsx"),
    big=True,
)
_add(
    "entities.xlsx",
    "entities of XML that grow without end",
    lambda: _with_part("xl/worksheets/sheet1.xml", _laughs),
    _refused("entities.xlsx"),
)
_add(
    "letter.docx",
    "a document of Word",
    zipped({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w/>"}),
    _refused("letter.docx"),
)
_add(
    "sheet.ods",
    "a sheet of LibreOffice",
    zipped({"mimetype": b"application/vnd.oasis.opendocument.spreadsheet", "content.xml": b"<x/>"}),
    _refused("sheet.ods"),
)


def _parts() -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(workbook(_plain_sheet)())) as archive:
        return {part: archive.read(part) for part in archive.namelist()}


def _with_part(name: str, change: Callable[[bytes], bytes]) -> bytes:
    """The plain workbook with one of its parts changed."""
    parts = _parts()
    return zipped({**parts, name: change(parts[name])})


def _shared() -> dict[str, bytes]:
    """The plain workbook with its texts in sharedStrings.xml."""
    parts, texts = _parts(), [cell for row in PEOPLE for cell in row if cell[0].isalpha()]
    sheet = parts["xl/worksheets/sheet1.xml"]
    for place, text in enumerate(texts):
        old = f't="inlineStr"><is><t>{text}</t></is></c>'.encode()
        assert old in sheet
        sheet = sheet.replace(old, f't="s"><v>{place}</v></c>'.encode())
    main = b"http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    items = "".join(f"<si><t>{text}</t></si>" for text in texts).encode()
    link = (
        b'<Relationship Id="rId99" Target="sharedStrings.xml" Type="http://schemas.openxmlformats.org/officeDocument/'
        b'2006/relationships/sharedStrings" /></Relationships>'
    )
    kind = (
        b'<Override PartName="/xl/sharedStrings.xml" ContentType="application/vnd.openxmlformats-officedocument.'
        b'spreadsheetml.sharedStrings+xml" /></Types>'
    )
    return {
        **parts,
        "xl/worksheets/sheet1.xml": sheet,
        "xl/sharedStrings.xml": b'<sst xmlns="%s">%s</sst>' % (main, items),
        "xl/_rels/workbook.xml.rels": parts["xl/_rels/workbook.xml.rels"].replace(b"</Relationships>", link),
        "[Content_Types].xml": parts["[Content_Types].xml"].replace(b"</Types>", kind),
    }


def _bombed_workbook(name: str) -> bytes:
    parts = _shared()
    head = parts.pop(name)
    return bombed(parts, name, head[: head.rindex(b"</")])


def _laughs(xml: bytes) -> bytes:
    declared = b'<!ENTITY a "ha">' + b"".join(
        b'<!ENTITY %c "%s">' % (98 + i, (b"&%c;" % (97 + i)) * 10) for i in range(9)
    )
    return (
        b"<!DOCTYPE worksheet [" + declared + b"]>" + xml.replace(b"Ann", b"&j;").replace(b"<v>34</v>", b"<v>&j;</v>")
    )


# ----------------------------------------------------------------------------------------------------------- Parquet

_family = "Parquet and Feather"


def parquet(table: pa.Table | Mapping[str, Any]) -> Callable[[], bytes]:
    """A maker of the bytes of a Parquet file."""

    def make() -> bytes:
        buffer = io.BytesIO()
        pyarrow.parquet.write_table(table if isinstance(table, pa.Table) else pa.table(dict(table)), buffer)
        return buffer.getvalue()

    return make


def _indexed() -> bytes:
    buffer = io.BytesIO()
    pd.DataFrame({"a": [1, 2]}, index=pd.Index(["x", "y"], name="key")).to_parquet(buffer)
    return buffer.getvalue()


def _with_pickle() -> bytes:
    kind = {
        b"ARROW:extension:name": b"arrow.py_extension_type",
        b"ARROW:extension:metadata": b"cos\nmkdir\n(S'pickle_ran'\ntR.",
    }
    schema = pa.schema([pa.field("a", pa.int64(), metadata=kind), pa.field("b", pa.string())])
    return parquet(pa.table([[1, 2], ["x", "y"]], schema=schema))()


def _feather() -> bytes:
    buffer = io.BytesIO()
    pyarrow.feather.write_feather(pa.table({"a": [1, 2], "b": ["x", None]}), buffer)
    return buffer.getvalue()


def _damaged_offsets() -> bytes:
    """Feather whose second text ends a gigabyte behind the file."""
    buffer = io.BytesIO()
    pyarrow.feather.write_feather(pa.table({"a": ["x" * 7, "y" * 9]}), buffer, compression="uncompressed")
    offsets = struct.pack("<3i", 0, 7, 16)
    assert buffer.getvalue().count(offsets) == 1
    return buffer.getvalue().replace(offsets, struct.pack("<3i", 0, 7, 2**30))


_moments = pa.array([0, 86_400_000_000, None], pa.timestamp("us", "Europe/Berlin"))
_add("nested.parquet", "a column of lists", parquet({"tags": [["a"], ["b", "c"]], "n": [1, 2]}), _refused("tags"))
_add("struct.parquet", "a column of records", parquet({"who": [{"x": 1}, {"x": 2}], "n": [1, 2]}), _refused("who"))
_add(
    "categories.parquet",
    "a column of categories",
    parquet({"k": pa.array(["u", "v", None]).dictionary_encode()}),
    Table(("k",), 3, {"k": ["u", "v", None]}),
)
_add(
    "decimals.parquet",
    "decimals",
    parquet({"d": pa.array([Decimal("1.50"), None, Decimal("-3.25")])}),
    Table(("d",), 3, {"d": [1.5, None, -3.25]}, {"d": "number"}),
)
_add(
    "zoned.parquet",
    "times with a zone",
    parquet({"t": _moments, "n": [1, 2, 3]}),
    Table(("t", "n"), 3, {"n": [1, 2, 3]}, {"t": "date"}),
)
_add(
    "whole_missing.parquet",
    "whole numbers with gaps, truth values with gaps",
    parquet({"n": pa.array([1, None, 3]), "b": pa.array([True, None, False])}),
    Table(("n", "b"), 3, {"n": [1, None, 3], "b": [True, None, False]}),
)
_add(
    "large_whole.parquet",
    "unsigned numbers beyond 2^63",
    parquet({"u": pa.array([2**64 - 1, 5], pa.uint64()), "n": [1, 2]}),
    Table(("u", "n"), 2, {"n": [1, 2]}),
)
_add("indexed.parquet", "an index that somebody named", _indexed, Table(("key", "a"), 2, {"key": ["x", "y"]}))
_add(
    "twice.parquet",
    "two columns of one name",
    parquet(pa.Table.from_arrays([pa.array([1, 2]), pa.array([3, 4])], names=["a", "a"])),
    Table(("a", "a (2)"), 2, {"a (2)": [3, 4]}, notes=("a (2)",)),
)
_add(
    "far_dates.parquet",
    "dates of the years 1 and 9999",
    parquet({"d": pa.array([-719_162, 2_932_896, None], pa.int32()).cast(pa.date32()), "n": [1, 2, 3]}),
    Table(("d", "n"), 3, {"n": [1, 2, 3]}),
)
_add(
    "nulls.parquet",
    "a column of the type null",
    parquet({"a": pa.nulls(3), "n": [1, 2, 3]}),
    Table(("a", "n"), 3, {"a": [None, None, None]}),
)
_add("no_rows.parquet", "no rows", parquet({"a": pa.array([], pa.int64())}), _refused("no rows"))
_add("no_columns.parquet", "no columns", parquet({}), _refused("no_columns.parquet"))
_add("cut.parquet", "Parquet that breaks off", lambda: parquet({"a": [1, 2]})()[:-20], _refused("Parquet"))
_add(
    "bomb.parquet",
    "50 million rows of nothing in a small file",
    parquet({f"c{i}": pa.nulls(50_000_000) for i in range(4)}),
    _refused("bomb.parquet"),
    big=True,
)
_add(
    "extension.parquet",
    "a pickle in the type of a column",
    _with_pickle,
    Table(("a", "b"), 2, {"a": [1, 2], "b": ["x", "y"]}),
)
_add("people.feather", "Feather", _feather, Table(("a", "b"), 2, {"a": [1, 2], "b": ["x", None]}))
_add("cut.feather", "Feather that breaks off", lambda: _feather()[:-200], _refused("cut.feather"))
_add("offsets.feather", "a text that ends behind the end of the file", _damaged_offsets, _refused("offsets.feather"))

# ------------------------------------------------------------------------------------------------- what is studied

_family = "Outcomes, groups and features"


ODD_TOWNS = ("=1+1", "<b>Elm</b>", "**Oak** [x](http://a)", "y" * 300, "Ash / Elm")

_study(
    "one_outcome.csv",
    "an outcome with one value",
    loans(columns={"paid": lambda i: "yes"}),
    _refused("paid", "only the value 'yes'"),
)
_study(
    "no_outcome.csv",
    "an outcome that is missing for nearly all",
    loans(columns={"paid": lambda i: ("yes", "no")[i % 2] if i < 20 else ""}),
    _refused("20 rows", "50"),
)
_study(
    "half_outcomes.csv",
    "an outcome that is missing for half of the rows",
    loans(240, {"paid": lambda i: "" if i % 4 > 1 else ("yes", "no")[37 * i % 101 > 50]}),
    Finished(("120 rows without",)),
)
_study(
    "rare_outcome.csv",
    "an outcome with one favorable row",
    loans(columns={"paid": lambda i: "yes" if i == 7 else "no"}),
    _refused("no row with the favorable outcome"),
)
_study(
    "other_favorable.csv",
    "a favorable value that does not occur",
    loans(),
    _refused("'granted'", "no, yes"),
    favorable="granted",
)
_study(
    "misspelt_column.csv",
    "a sensitive column that is misspelt",
    loans(),
    _refused("'Twon'", "did you mean 'town'"),
    sensitive="Twon",
)
_study(
    "all_distinct.csv",
    "a sensitive attribute of words that are all distinct",
    loans(columns={"town": lambda i: f"town {i}"}),
    _refused("town", "120 groups", "fewer values"),
)
_study(
    "distinct_numbers.csv",
    "a sensitive attribute of numbers that are all distinct",
    loans(),
    _refused("amount", "groups", "bins"),
    sensitive="amount",
)
_study(
    "one_group.csv",
    "a sensitive attribute with one value",
    loans(columns={"town": lambda i: "Ash"}),
    _refused("town", "one group"),
)
_study(
    "group_of_one.csv",
    "a group of one row",
    loans(columns={"town": lambda i: "Oak" if i == 3 else ("Ash", "Elm")[i % 2]}),
    Finished(("fewer than 30 rows", "Oak (1)")),
)
_study(
    "missing_group.csv",
    "a sensitive attribute that is missing in places",
    loans(columns={"town": lambda i: ("Ash", "Elm", "")[i % 3]}),
    Finished(),
)
_study(
    "constant_features.csv",
    "features that are all constant",
    loans(columns={"amount": lambda i: 5, "kind": lambda i: "u"}),
    _refused("constant"),
)
_study(
    "perfect.csv",
    "a feature that tells the outcome",
    loans(columns={"copy": lambda i: 0}).replace(b"yes,0", b"yes,1"),
    Finished(),
)
_study("thirty.csv", "a table of 30 rows", loans(30), _refused("30 rows", "at least 50"))
_study(
    "odd_towns.csv",
    "groups called by a formula, HTML, Markdown, 300 letters and ' / '",
    loans(200, {"town": lambda i: ODD_TOWNS[i % 5]}),
    Finished(),
)
_study(
    "slash_groups.csv",
    "crossed groups whose names run together",
    loans(200, {"town": lambda i: ("a", "a / b")[i % 2], "part": lambda i: ("b / c", "c")[i // 2 % 2]}),
    _refused("same name", "rename"),
    sensitive=("town", "part"),
)
_study(
    "infinite_feature.csv",
    "infinite numbers in a feature",
    loans(columns={"amount": lambda i: "inf" if i % 10 == 0 else (37 * i % 101) / 10}),
    Finished(("infinite",)),
)
_study(
    "names_as_features.csv",
    "a name in every row as the only feature",
    loans(columns={"kind": lambda i: f"person {i}"}, without="amount"),
    _refused("feature"),
)
_study(
    "date_feature.csv",
    "a date among the features",
    loans(columns={"day": lambda i: f"2024-0{1 + i % 9}-11"}),
    Finished(("day",)),
)
_study(
    "numeric_outcome.csv",
    "a number as the outcome, cut by a bin",
    loans(columns={"grade": lambda i: 7 * i % 20}),
    Finished(),
    target="grade",
    favorable=">= 10",
    bins={"grade": (10,)},
)
_study(
    "weights.csv",
    "row weights",
    loans(columns={"w": lambda i: 0.5 + i % 4}),
    Finished(),
    weights="w",
)
_study(
    "negative_weights.csv",
    "a negative row weight",
    loans(columns={"w": lambda i: -1 if i == 9 else 2}),
    _refused("'w'", "negative", "row 9"),
    weights="w",
)
_study(
    "missing_weights.csv",
    "a row weight that is missing",
    loans(columns={"w": lambda i: "" if i == 9 else 2}),
    _refused("'w'", "row 9"),
    weights="w",
)
_study("word_weights.csv", "row weights that are words", loans(), _refused("'kind'", "number"), weights="kind")
_study(
    "zero_weights.csv",
    "row weights that are all zero",
    loans(columns={"w": lambda i: 0}),
    _refused("'w'", "0"),
    weights="w",
)
_study(
    "parts.csv",
    "parts that the table fixes",
    loans(200, {"part": lambda i: ("train", "train", "train", "valid", "test")[i % 5]}),
    Finished(),
    split="part",
)
_study(
    "odd_parts.csv",
    "parts with names that mean nothing",
    loans(200, {"part": lambda i: ("red", "green", "blue")[i % 3]}),
    _refused("'part'", "red", "train"),
    split="part",
)
_study(
    "one_part.csv",
    "parts that are all called train",
    loans(200, {"part": lambda i: "train"}),
    _refused("test"),
    split="part",
)
_study(
    "one_unit.csv",
    "all rows belong to one unit",
    loans(200, {"person": lambda i: "p"}),
    _refused("person"),
    unit="person",
)
_study(
    "units.csv",
    "rows that belong together in pairs",
    loans(200, {"person": lambda i: f"p{i // 2}"}),
    Finished(),
    unit="person",
)
_study("all_excluded.csv", "every row is left out", loans(), _refused("row"), exclude=("amount>=0",))
_study(
    "unknown_excluded.csv",
    "rows left out by a column that is not there",
    loans(),
    _refused("size>=0", "columns: amount"),
    exclude=("size>=0",),
)
_study(
    "copies.csv",
    "every row is there twice",
    loans() + loans().split(b"\n", 1)[1],
    Finished(),
    exclude=("duplicates",),
)
_study(
    "pooled.csv",
    "towns pooled by the user",
    loans(240, {"town": lambda i: f"town {i % 12}"}),
    Finished(),
    pool={"town": {"north": tuple(f"town {i}" for i in range(6)), "south": tuple(f"town {i}" for i in range(6, 12))}},
)
_study(
    "smallest_group.csv",
    "groups below the least size",
    loans(200, {"town": lambda i: "Oak" if i % 20 == 3 else ("Ash", "Elm")[i % 2]}),
    Finished(("left out",)),
    smallest_group=20,
)
_study(
    "no_number.csv",
    "words that the user calls a number",
    loans(),
    _refused("kind"),
    types={"kind": "number"},
    drop=("amount",),
)
_study(
    "unknown_type.csv",
    "a type that there is not",
    loans(),
    _refused("'colour'", "number", "category"),
    types={"kind": "colour"},
)
