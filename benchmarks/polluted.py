"""Damaged CSV files: how much of the table is read, by ours, by pandas.read_csv, by DuckDB's automatic detection.

python -m benchmarks.polluted [--rounds 10] [--part all] [--only NAME ...]

Four tables made here (short numbers; texts with commas and quotation marks; dates and money; codes with missing cells)
are written as CSV and damaged in one way per file, then in two or three at once. The file should give the undamaged
table; a line that was added (title, footnote, comment, header again) should be gone. Every reader runs with its
defaults and is told nothing.

A reader's score per file: read (no error), names (F1 of the header's cells), cells (F1 of all cells, wherever they
stand), exact (names, number of rows and every cell in its place). Cells are compared by value: 1.50 is 1.5, an empty
cell is a missing one, a date is a date, 5% and $5
are 5. `--part tune` takes even rounds, `--part held` odd ones, which no rule was
fitted to.
"""

from __future__ import annotations

import argparse
import csv
import io
import re
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import duckdb
import numpy as np
import pandas as pd

from benchmarks.machine import print_table, versions, write
from iffair_core.errors import IFFairError
from iffair_core.reading.door import read_table

FORMATS = ("%d/%m/%Y", "%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%H:%M", "%H:%M:%S", "%H:%M:%S.%f")


class Table(NamedTuple):
    """Names and rows of cells."""

    names: list[str]
    rows: list[list[str]]


class Case(NamedTuple):
    """A damaged file and the table it should give; `lines` are its lines while damages are being put in."""

    lines: list[str]
    table: Table
    delimiter: str = ","


Damage = Callable[[Case, np.random.Generator], Case]
Finish = Callable[[Case, np.random.Generator], tuple[bytes, Table]]

# -------------------------------------------------------------------------------------------------------------- tables

CITIES = ("Porto", "Lyon", "Graz", "Bilbao", "Turku", "Leuven", "San Remo", "Bad Ischl")
NOUNS = ("lamp", "kettle", "ladder", "bicycle", "tent", "mirror", "carpet", "radio", "basket", "drill")
TRAITS = ("light", "sturdy", "cheap", "old-fashioned", "quiet", "well made", "too small", "easy to clean")
PEOPLE = ("A. Moreau", "Ines Duarte", "K. Lind", "Oskar Weiss", "J. O'Hara", "Tuula Niemi", "Pau Ribas")


def measurements(rng: np.random.Generator) -> Table:
    """Short numbers only."""
    rows = [
        [str(i + 1), f"{rng.normal(20, 4):.1f}", f"{rng.normal(1013, 8):.2f}", str(rng.integers(0, 40)),
         f"{rng.random():.3f}", str(rng.integers(0, 2))]
        for i in range(int(rng.integers(40, 90)))
    ]  # fmt: skip
    return Table(["station", "temperature", "pressure", "wind", "cloud_cover", "rain"], rows)


def reviews(rng: np.random.Generator) -> Table:
    """Texts with commas and quotation marks."""
    rows = []
    for i in range(int(rng.integers(40, 90))):
        noun, first, second = rng.choice(NOUNS), *rng.choice(TRAITS, 2, replace=False)
        text = f"The {noun} is {first}, {second} and {'worth it' if rng.random() < 0.6 else 'not for me'}."
        if rng.random() < 0.3:
            text = f'My {rng.choice(NOUNS)} said "{first}", I say {second}.'
        title = f"{str(noun).capitalize()}, {rng.integers(10, 60)} cm" if rng.random() < 0.5 else f"A {first} {noun}"
        rows.append([f"R{1000 + i}", title, text, str(rng.choice(PEOPLE)), str(rng.integers(1, 6))])
    return Table(["review", "title", "text", "author", "stars"], rows)


def orders(rng: np.random.Generator) -> Table:
    """Dates, times, money, shares."""
    rows = []
    for i in range(int(rng.integers(40, 90))):
        rows.append([
            f"{1 + int(rng.integers(28)):02d}/{1 + int(rng.integers(12)):02d}/202{rng.integers(6)}",
            f"{rng.integers(7, 20):02d}:{rng.integers(60):02d}", f"K-{rng.integers(10000, 99999)}",
            f"${rng.random() * 900 + 5:.2f}", f"{rng.integers(0, 40)}%", str(rng.choice(CITIES)),
            str(rng.choice(("yes", "no"))), f"https://shop.example/{i + 500}",
        ])  # fmt: skip
    return Table(["date", "time", "customer", "amount", "discount", "city", "paid", "link"], rows)


def patients(rng: np.random.Generator) -> Table:
    """Codes, categories, cells that are missing."""
    rows = []
    for _ in range(int(rng.integers(40, 90))):
        rows.append([
            f"P{rng.integers(100000, 999999)}", str(rng.choice(("F", "M"))), str(rng.integers(18, 95)),
            f"{rng.choice(list('ABCDE'))}{rng.integers(10, 99)}.{rng.integers(0, 9)}",
            str(rng.choice(("inpatient", "outpatient", "day care"))), f"{rng.normal(72, 12):.1f}",
            "" if rng.random() < 0.3 else str(rng.integers(90, 180)), f"{rng.integers(0, 9)}{rng.integers(1000, 9999)}",
            "" if rng.random() < 0.8 else str(rng.choice(("moved", "see letter", "late"))),
        ])  # fmt: skip
    return Table(["patient", "sex", "age", "diagnosis", "ward", "weight", "pressure", "postcode", "remark"], rows)


TABLES = {"measurements": measurements, "reviews": reviews, "orders": orders, "patients": patients}

# ------------------------------------------------------------------------------------------------------------- damages


def written(
    cells: Sequence[str], delimiter: str = ",", quote: str = '"', escape: str | None = None, every: bool = False
) -> str:
    """One line; a cell is quoted where it has to be, or `every` one."""
    escape = quote * 2 if escape is None else escape
    special = (delimiter, quote, "\n")
    return delimiter.join(
        quote + cell.replace(quote, escape) + quote if every or any(mark in cell for mark in special) else cell
        for cell in cells
    )


def case_of(table: Table, delimiter: str = ",", **how: object) -> Case:
    """The undamaged file."""
    lines = [written(cells, delimiter, **how) for cells in (table.names, *table.rows)]  # type: ignore[arg-type]
    return Case(lines, table, delimiter)


def rewritten(delimiter: str = ",", **how: object) -> Damage:
    """The whole file in another dialect."""
    return lambda case, rng: case_of(case.table, delimiter, **how)


def some_row(case: Case, rng: np.random.Generator) -> int:
    return int(rng.integers(1, len(case.table.rows) + 1))


def with_line(case: Case, number: int, line: str) -> Case:
    return case._replace(lines=[*case.lines[:number], line, *case.lines[number + 1 :]])


def quoted_cells(case: Case, number: int) -> list[str]:
    """The cells of a line as they are written."""
    cells = case.table.names if number == 0 else case.table.rows[number - 1]
    return [written([cell], case.delimiter) for cell in cells]


def extra_delimiter(case: Case, rng: np.random.Generator) -> Case:
    number = some_row(case, rng)
    cells = quoted_cells(case, number)
    cells.insert(int(rng.integers(len(cells) + 1)), "")
    return with_line(case, number, case.delimiter.join(cells))


def header_extra_delimiter(case: Case, rng: np.random.Generator) -> Case:
    cells = quoted_cells(case, 0)
    cells.insert(int(rng.integers(len(cells) + 1)), "")
    return with_line(case, 0, case.delimiter.join(cells))


def lost_delimiter(case: Case, rng: np.random.Generator) -> Case:
    number = some_row(case, rng)
    cells = quoted_cells(case, number)
    at = int(rng.integers(1, len(cells)))
    cells[at - 1 : at + 1] = [cells[at - 1] + cells[at]]
    return with_line(case, number, case.delimiter.join(cells))


def stray_quote(case: Case, rng: np.random.Generator) -> Case:
    number = some_row(case, rng)
    cells = quoted_cells(case, number)
    at = int(rng.integers(len(cells)))
    cells[at] = '"' + cells[at]
    rows = [list(row) for row in case.table.rows]
    rows[number - 1][at] = '"' + rows[number - 1][at]
    return with_line(case._replace(table=Table(case.table.names, rows)), number, case.delimiter.join(cells))


def row_in(delimiter: str) -> Damage:
    """One row with other delimiters."""

    def damage(case: Case, rng: np.random.Generator) -> Case:
        number = some_row(case, rng)
        return with_line(case, number, delimiter.join(quoted_cells(case, number)))

    return damage


def row_mixed(case: Case, rng: np.random.Generator) -> Case:
    number = some_row(case, rng)
    cells = quoted_cells(case, number)
    at = int(rng.integers(1, len(cells) - 1))
    head, tail = case.delimiter.join(cells[:at]), ";".join(cells[at:])
    return with_line(case, number, f"{head}{case.delimiter}{tail}")


def short_row(case: Case, rng: np.random.Generator) -> Case:
    number = some_row(case, rng)
    keep = int(rng.integers(2, len(case.table.names)))
    rows = [list(row) for row in case.table.rows]
    rows[number - 1] = [*rows[number - 1][:keep], *[""] * (len(case.table.names) - keep)]
    changed = case._replace(table=Table(case.table.names, rows))
    return with_line(changed, number, case.delimiter.join(quoted_cells(case, number)[:keep]))


def long_row(case: Case, rng: np.random.Generator) -> Case:
    number = some_row(case, rng)
    return with_line(case, number, case.lines[number] + case.delimiter * int(rng.integers(1, 4)))


def changed_cell(case: Case, text: str, as_written: str, rng: np.random.Generator) -> Case:
    """One cell of the column with the longest texts is `text`, written `as_written`."""
    number = some_row(case, rng)
    wordy = [np.mean([sum(map(str.isalpha, row[i])) for row in case.table.rows]) for i in range(len(case.table.names))]
    at = int(np.argmax([size * (not case.table.rows[0][i].startswith("http")) for i, size in enumerate(wordy)]))
    rows = [list(row) for row in case.table.rows]
    cells = quoted_cells(case, number)
    rows[number - 1][at], cells[at] = text, as_written
    return with_line(case._replace(table=Table(case.table.names, rows)), number, case.delimiter.join(cells))


def unquoted_text(case: Case, rng: np.random.Generator) -> Case:
    text = f"{rng.choice(TRAITS)}{case.delimiter} {rng.choice(TRAITS)} and {rng.choice(TRAITS)}"
    return changed_cell(case, text, text, rng)


def text_over_lines(case: Case, rng: np.random.Generator) -> Case:
    text = f"The {rng.choice(NOUNS)} is\n{rng.choice(TRAITS)}"
    return changed_cell(case, text, f'"{text}"', rng)


def unquoted_text_over_lines(case: Case, rng: np.random.Generator) -> Case:
    text = f"The {rng.choice(NOUNS)} is\n{rng.choice(TRAITS)}"
    return changed_cell(case, text, text, rng)


def json_cell(case: Case, rng: np.random.Generator) -> Case:
    text = f'{{"kind": "{rng.choice(NOUNS)}", "tags": ["{rng.choice(CITIES)}", 3]}}'
    return changed_cell(case, text, '"' + text.replace('"', '""') + '"', rng)


def above(*lines: str) -> Damage:
    """Lines above the header."""
    return lambda case, rng: case._replace(lines=[*lines, *case.lines])


def below(*lines: str) -> Damage:
    """Lines below the table."""
    return lambda case, rng: case._replace(lines=[*case.lines, *lines])


def in_first_cell(*texts: str, top: bool) -> Damage:
    """Titles or footnotes in the first cell of rows of empty cells."""

    def damage(case: Case, rng: np.random.Generator) -> Case:
        lines = [text + case.delimiter * (len(case.table.names) - 1) for text in texts]
        return (above if top else below)(*lines)(case, rng)

    return damage


def inserted(line: str, times: int = 1) -> Damage:
    """A line somewhere between rows."""

    def damage(case: Case, rng: np.random.Generator) -> Case:
        lines = list(case.lines)
        for _ in range(times):
            lines.insert(int(rng.integers(2, len(lines))), line)
        return case._replace(lines=lines)

    return damage


def empty_rows(case: Case, rng: np.random.Generator) -> Case:
    return below(*[case.delimiter * (len(case.table.names) - 1)] * 3)(case, rng)


def row_as_comment(case: Case, rng: np.random.Generator) -> Case:
    number = some_row(case, rng)
    rows = [row for index, row in enumerate(case.table.rows) if index != number - 1]
    return with_line(case._replace(table=Table(case.table.names, rows)), number, "#" + case.lines[number])


def header_twice(case: Case, rng: np.random.Generator) -> Case:
    return case._replace(lines=[case.lines[0], *case.lines])


def header_again(case: Case, rng: np.random.Generator) -> Case:
    at = int(rng.integers(3, len(case.lines)))
    return case._replace(lines=[*case.lines[:at], case.lines[0], *case.lines[at:]])


def no_header(case: Case, rng: np.random.Generator) -> Case:
    names = [f"column {i + 1}" for i in range(len(case.table.names))]
    return Case(case.lines[1:], Table(names, case.table.rows), case.delimiter)


def group_titles(case: Case, rng: np.random.Generator) -> Case:
    width = len(case.table.names)
    cells = [""] * width
    cells[0], cells[width // 2] = "Basics", "Details"
    return case._replace(lines=[case.delimiter.join(cells), *case.lines])


def second_table(case: Case, rng: np.random.Generator) -> Case:
    other = [[name, str(rng.integers(100)), str(rng.integers(100))] for name in CITIES]
    lines = [case.delimiter.join(row) for row in (["place", "low", "high"], *other)]
    return below("", *lines)(case, rng)


def delimiter_at_end(case: Case, rng: np.random.Generator) -> Case:
    return case._replace(lines=[line + case.delimiter for line in case.lines])


def in_columns(case: Case, rng: np.random.Generator) -> Case:
    cells = [case.table.names, *case.table.rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(case.table.names))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    return case._replace(lines=lines)


def decimal_comma(case: Case, rng: np.random.Generator) -> Case:
    """Numbers with a decimal comma, between semicolons."""
    rows = [[re.sub(r"^(\d+)\.(\d+)$", r"\1,\2", cell) for cell in row] for row in case.table.rows]
    return case_of(Table(case.table.names, rows), ";")._replace(table=case.table)


def one_row(case: Case, rng: np.random.Generator) -> Case:
    return Case(case.lines[:2], Table(case.table.names, case.table.rows[:1]), case.delimiter)


def one_column(case: Case, rng: np.random.Generator) -> Case:
    return case_of(Table(case.table.names[:1], [row[:1] for row in case.table.rows]))


def wide(case: Case, rng: np.random.Generator) -> Case:
    names = [f"{name}_{copy}" for copy in range(60) for name in case.table.names]
    return case_of(Table(names, [row * 60 for row in case.table.rows[:30]]))


DAMAGES: dict[str, Damage] = {
    "none": lambda case, rng: case,
    "semicolons": rewritten(";"), "tabs": rewritten("\t"), "bars": rewritten("|"), "carets": rewritten("^"),
    "tildes": rewritten("~"), "control characters": rewritten("\x01"), "two tabs": rewritten("\t\t"),
    "comma and blank": rewritten(", "), "blanks": rewritten(" "), "set in columns": in_columns,
    "single quotes": rewritten(quote="'"), "every cell quoted": rewritten(every=True),
    "backslash escapes": rewritten(escape='\\"'), "quotes not escaped": rewritten(escape='"'),
    "decimal comma": decimal_comma,
    "title": above("Results of the third quarter"),
    "titles and blank line": above("Results of the third quarter, all branches", "Printed 2024-05-01", ""),
    "title in first cell": in_first_cell("Results", "", top=True),
    "comments on top": above("# written by export 2.1", "# do not edit"),
    "group titles": group_titles, "header twice": header_twice, "no header": no_header,
    "header with a delimiter too many": header_extra_delimiter,
    "footnote": below("Source: own survey"),
    "footnotes after blank line": below("", "Source: own survey, 2024", "* estimated"),
    "footnote in first cell": in_first_cell("Source: own survey", top=False),
    "rows of empty cells at end": empty_rows, "blank lines": inserted("", 3),
    "comment between rows": inserted("# checked until here"), "row as comment": row_as_comment,
    "header again": header_again, "second table": second_table, "delimiter at every line end": delimiter_at_end,
    "one delimiter too many": extra_delimiter, "one delimiter lost": lost_delimiter, "stray quote": stray_quote,
    "row in semicolons": row_in(";"), "row in tabs": row_in("\t"), "row in blanks": row_in(" "), "row mixed": row_mixed,
    "short row": short_row, "long row": long_row, "unquoted comma": unquoted_text, "text over lines": text_over_lines,
    "unquoted text over lines": unquoted_text_over_lines, "json in a cell": json_cell,
    "one row only": one_row, "one column only": one_column, "wide": wide,
}  # fmt: skip
"""One way each of damaging the lines of a file."""


def encoded(encoding: str, end: str = "\n", last: str | None = None) -> Finish:
    """The lines as bytes."""
    return lambda case, rng: ((end.join(case.lines) + (end if last is None else last)).encode(encoding), case.table)


def accented(encoding: str) -> Finish:
    """With letters that differ between encodings."""

    def finish(case: Case, rng: np.random.Generator) -> tuple[bytes, Table]:
        pairs = str.maketrans("aeou", "\u00e4\u00e9\u00f3\u00fc")
        head, *lines = case.lines
        rows = [[cell.translate(pairs) for cell in row] for row in case.table.rows]
        text = "\n".join([head, *(line.translate(pairs) for line in lines)]) + "\n"
        return text.encode(encoding), Table(case.table.names, rows)

    return finish


def mixed_ends(case: Case, rng: np.random.Generator) -> tuple[bytes, Table]:
    """Line ends of all three kinds."""
    ends = rng.choice(["\n", "\r\n", "\r"], len(case.lines))
    return "".join(line + str(end) for line, end in zip(case.lines, ends, strict=True)).encode(), case.table


FINISHES: dict[str, Finish] = {
    "old Mac line ends": encoded("utf-8", "\r"), "Windows line ends": encoded("utf-8", "\r\n"),
    "mixed line ends": mixed_ends, "no last line end": encoded("utf-8", last=""),
    "blank lines at end": encoded("utf-8", last="\n\n\n"), "Ctrl-Z at end": encoded("utf-8", "\r\n", "\r\n\x1a"),
    "zero bytes at end": encoded("utf-8", last="\n\0\0\0"), "byte-order mark": encoded("utf-8-sig"),
    "UTF-16": encoded("utf-16"), "UTF-16 without mark": encoded("utf-16-le"), "UTF-32": encoded("utf-32"),
    "accents, UTF-8": accented("utf-8"), "accents, Windows-1252": accented("cp1252"),
    "accents, UTF-16": accented("utf-16-le"),
}  # fmt: skip
"""One way each of turning lines into bytes."""

COMBINED = [
    ("semicolons", "title", "footnote"), ("tabs", "short row", "blank lines"), ("stray quote", "titles and blank line"),
    ("one delimiter too many", "comments on top"), ("semicolons", "no header"), ("one delimiter lost", "header again"),
    ("one delimiter too many", "short row", "footnote"), ("stray quote", "one delimiter lost"),
    ("stray quote", "stray quote", "text over lines"), ("bars", "row in semicolons"), ("group titles", "title"),
    ("text over lines", "one delimiter too many", "footnotes after blank line"), ("row in blanks", "short row"),
    ("unquoted comma", "stray quote", "title"), ("one delimiter too many", "no header"), ("no header", "footnote"),
    ("text over lines", "stray quote", "comment between rows"), ("decimal comma", "rows of empty cells at end"),
    ("one delimiter lost", "delimiter at every line end"), ("second table", "title"), ("long row", "json in a cell"),
]  # fmt: skip


def files(rounds: Sequence[int], only: Sequence[str] = ()) -> Iterator[tuple[str, str, bytes, Table]]:
    """(damage, table, bytes, what should be read) of every file."""
    plain = encoded("utf-8")
    ways: list[tuple[str, tuple[str, ...], Finish]] = [(name, (name,), plain) for name in DAMAGES]
    ways += [(name, (), finish) for name, finish in FINISHES.items()]
    endings = list(FINISHES.values())
    ways += [("combined", names, plain) for names in COMBINED]
    ways += [("combined, other bytes", names, endings[i % 11]) for i, names in enumerate(COMBINED)]
    for label, names, finish in ways:
        if only and label not in only:
            continue
        for kind, make in TABLES.items():
            for number in rounds:
                rng = np.random.default_rng([number, *map(ord, label + kind + "".join(names))])
                case = case_of(make(rng))
                for name in names:
                    case = DAMAGES[name](case, rng)
                raw, table = finish(case, rng)
                yield label, kind, raw, table


# -------------------------------------------------------------------------------------------------------------- readers


def value_of(cell: object) -> str:
    """A cell's value as text: numbers and dates in one form, missing as nothing."""
    if cell is None or cell is pd.NaT or (isinstance(cell, float) and np.isnan(cell)):
        return ""
    text = str(cell).strip()
    if text.lower() in ("true", "false"):
        return {"true": "yes", "false": "no"}[text.lower()]
    try:
        return repr(float(text.strip("$%"))) if "_" not in text else text
    except ValueError:
        pass
    if len(text) <= 26 and text[:1].isdigit():
        for form in FORMATS:
            try:
                return datetime.strptime(text, form).isoformat()
            except ValueError:
                continue
    return text


def of_frame(frame: pd.DataFrame) -> Table:
    columns = [frame.iloc[:, position].astype(object).tolist() for position in range(frame.shape[1])]
    return Table([str(name) for name in frame.columns], [list(row) for row in zip(*columns, strict=True)])


def ours(raw: bytes, path: Path) -> Table:
    return of_frame(read_table(raw))


def with_pandas(raw: bytes, path: Path) -> Table:
    return of_frame(pd.read_csv(io.BytesIO(raw)))


def with_duckdb(raw: bytes, path: Path) -> Table:
    path.write_bytes(raw)
    found = duckdb.sql(f"SELECT * FROM read_csv('{path}')")
    return Table(list(found.columns), [list(row) for row in found.fetchall()])


READERS = {"ours": ours, "pandas": with_pandas, "duckdb": with_duckdb}
ERRORS = (IFFairError, ValueError, TypeError, KeyError, duckdb.Error, csv.Error, UnicodeError, RuntimeError)


def f1(expected: Sequence[str], found: Sequence[str]) -> float:
    both = Counter(expected) & Counter(found)
    return 2 * both.total() / max(1, len(expected) + len(found))


def scores(expected: Table, found: Table) -> tuple[float, float, float, float]:
    """read, names, cells, exact."""
    names = [re.sub(r"^(column|Unnamed:? ?)0?(\d+)$", r"column \2", name.strip()) for name in found.names]
    rows = [[value_of(cell) for cell in row] for row in found.rows]
    wanted = [[value_of(cell) for cell in row] for row in expected.rows]
    cells = f1([cell for row in wanted for cell in row], [cell for row in rows for cell in row])
    return 1.0, f1(expected.names, names), cells, float(names == expected.names and rows == wanted)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--part", choices=("all", "tune", "held"), default="all")
    parser.add_argument("--only", nargs="*", default=[])
    options = parser.parse_args()
    rounds = [
        number
        for number in range(options.rounds)
        if options.part == "all" or (number % 2 == 0) == (options.part == "tune")
    ]
    warnings.simplefilter("ignore")
    found: dict[str, dict[str, list[tuple[float, float, float, float]]]] = {}
    seconds = dict.fromkeys(READERS, 0.0)
    count = 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "polluted.csv"
        for label, _, raw, table in files(rounds, options.only):
            count += 1
            for name, reader in READERS.items():
                started = time.perf_counter()
                try:
                    read = reader(raw, path)
                except ERRORS:
                    result = (0.0, 0.0, 0.0, 0.0)
                else:
                    result = scores(table, read)
                seconds[name] += time.perf_counter() - started
                found.setdefault(label, {}).setdefault(name, []).append(result)
    if not count:
        parser.error(f"no damage is called so: {', '.join(options.only)}")
    means = {
        label: {name: np.mean(results, axis=0).round(4).tolist() for name, results in by_reader.items()}
        for label, by_reader in found.items()
    }
    overall = {
        name: np.mean([result for by_reader in found.values() for result in by_reader[name]], axis=0).round(4).tolist()
        for name in READERS
    }
    print_table(
        [
            {"damage": label, "files": len(found[label]["ours"]) if label in found else count}
            | {f"{name} {what}": values[name][at] for what, at in (("cells", 2), ("exact", 3)) for name in READERS}
            for label, values in {**means, "all files": overall}.items()
        ]
    )
    write(
        "polluted",
        {
            "files": count,
            "part": options.part,
            "columns": ["read", "names", "cells", "exact"],
            "overall": overall,
            "by_damage": means,
            "seconds_per_file": {name: value / count for name, value in seconds.items()},
            "readers": versions(("pandas", "duckdb", "pyarrow")),
        },
    )


if __name__ == "__main__":
    main()
