"""Damaged CSV files: how much of the table is read, by ours, by pandas.read_csv, by DuckDB's automatic detection.

python -m benchmarks.polluted [--rounds 3] [--only NAME ...]

Four tables (short numbers; texts with commas and quotation marks; dates and money; codes with missing cells) are
written as CSV and damaged in one way per file, then in two at once. Every reader runs with its defaults. Its score:
names (1 where the header is right), right (share of the table's rows that are read, every cell in its column), wrong
(share of the rows read that the table does not have). For ours, silent: 1 where a row is lost or wrong and no note says
anything. Cells are compared by value: 1.50 is 1.5, an empty cell is a missing one, a date is a date, 5% and $5 are 5.
"""

from __future__ import annotations

import argparse
import io
import itertools
import re
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import numpy as np
import pandas as pd

from benchmarks.machine import print_table, versions, write
from iffair_core import read_table
from iffair_core.errors import IFFairError

FORMATS = ("%d/%m/%Y", "%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%H:%M", "%H:%M:%S")
CITIES = ("Porto", "Lyon", "Graz", "Bilbao", "Turku", "Leuven", "San Remo", "Bad Ischl")
NOUNS = ("lamp", "kettle", "ladder", "bicycle", "tent", "mirror", "carpet", "radio")
TRAITS = ("light", "sturdy", "cheap", "old-fashioned", "quiet", "well made", "too small")
SCORES = ("names", "right", "wrong", "silent")


class Case(NamedTuple):
    """A table, and the lines of a file that should give it."""

    names: list[str]
    rows: list[list[str]]
    lines: list[str]
    delimiter: str = ","


Random = np.random.Generator
Damage = Callable[[Case, Random], Case]
Finish = Callable[[list[str]], bytes]

# -------------------------------------------------------------------------------------------------------------- tables


def measurement(rng: Random, i: int) -> dict[str, object]:
    """Short numbers only."""
    return {"station": i + 1, "temperature": f"{rng.normal(20, 4):.1f}", "pressure": f"{rng.normal(1013, 8):.2f}",
            "wind": rng.integers(0, 40), "cloud_cover": f"{rng.random():.3f}", "rain": rng.integers(0, 2)}  # fmt: skip


def review(rng: Random, i: int) -> dict[str, object]:
    """Texts with commas and quotation marks."""
    noun, (first, second) = rng.choice(NOUNS), rng.choice(TRAITS, 2, replace=False)
    said = f'My {noun} said "{first}", I say {second}.'
    text = said if rng.random() < 0.3 else f"The {noun} is {first}, {second} and worth it."
    return {"review": f"R{1000 + i}", "title": f"{noun}, {rng.integers(10, 60)} cm", "text": text,
            "author": rng.choice(CITIES), "stars": rng.integers(1, 6)}  # fmt: skip


def order(rng: Random, i: int) -> dict[str, object]:
    """Dates, times, money, shares."""
    return {"date": f"{1 + rng.integers(28):02d}/{1 + rng.integers(12):02d}/202{rng.integers(6)}",
            "time": f"{rng.integers(7, 20):02d}:{rng.integers(60):02d}", "customer": f"K-{rng.integers(10000, 99999)}",
            "amount": f"${rng.random() * 900 + 5:.2f}", "discount": f"{rng.integers(0, 40)}%",
            "city": rng.choice(CITIES), "paid": rng.choice(("yes", "no")), "link": f"https://a.bc/{i}"}  # fmt: skip


def patient(rng: Random, i: int) -> dict[str, object]:
    """Codes, categories, cells that are missing."""
    return {"patient": f"P{rng.integers(100000, 999999)}", "sex": rng.choice(("F", "M")), "age": rng.integers(18, 95),
            "diagnosis": f"{rng.choice(list('ABCDE'))}{rng.integers(10, 99)}", "weight": f"{rng.normal(72, 12):.1f}",
            "pressure": "" if rng.random() < 0.3 else rng.integers(90, 180),
            "postcode": f"{rng.integers(0, 9)}{rng.integers(1000, 9999)}",
            "remark": "" if rng.random() < 0.8 else rng.choice(("moved", "see letter", "late"))}  # fmt: skip


TABLES = {"measurements": measurement, "reviews": review, "orders": order, "patients": patient}


def quoted(cell: str, delimiter: str, quote: str = '"', escape: str = '""', every: bool = False) -> str:
    """The cell as it is written: in quotation marks where it has to be, or always."""
    special = every or any(mark in cell for mark in (delimiter, quote, "\n"))
    return quote + cell.replace(quote, escape) + quote if special else cell


def written(case: Case, delimiter: str = ",", **how: Any) -> Case:
    """The undamaged file."""
    lines = [delimiter.join(quoted(cell, delimiter, **how) for cell in cells) for cells in (case.names, *case.rows)]
    return Case(case.names, case.rows, lines, delimiter)


# ------------------------------------------------------------------------------------------------------------- damages


def whole(delimiter: str = ",", **how: Any) -> Damage:
    """The file in another dialect."""
    return lambda case, rng: written(case, delimiter, **how)


def in_row(change: Callable[[list[str], str, Random], str], kept: int | None = None) -> Damage:
    """One row written as `change` makes it of its cells; of the row's values `kept` are to be read, None: all."""

    def damage(case: Case, rng: Random) -> Case:
        at = int(rng.integers(len(case.rows)))
        lines, rows = list(case.lines), [list(row) for row in case.rows]
        lines[at + 1] = change([quoted(cell, case.delimiter) for cell in rows[at]], case.delimiter, rng)
        if kept is not None:
            rows[at] = [*rows[at][:kept], *[""] * (len(case.names) - kept)]
        return case._replace(lines=lines, rows=rows if kept != 0 else rows[:at] + rows[at + 1 :])

    return damage


def too_many(cells: list[str], mark: str, rng: Random) -> str:
    at = int(rng.integers(len(cells) + 1))
    return mark.join([*cells[:at], "", *cells[at:]])


def lost(cells: list[str], mark: str, rng: Random) -> str:
    at = int(rng.integers(1, len(cells)))
    return mark.join([*cells[: at - 1], cells[at - 1] + cells[at], *cells[at + 1 :]])


def stray(cells: list[str], mark: str, rng: Random) -> str:
    at = int(rng.integers(len(cells)))
    return mark.join([*cells[:at], '"' + cells[at], *cells[at + 1 :]])


def cell_as(text: str, as_written: str) -> Damage:
    """The second cell of a row is a text, written so."""

    def damage(case: Case, rng: Random) -> Case:
        at = int(rng.integers(len(case.rows)))
        rows, lines = [list(row) for row in case.rows], list(case.lines)
        rows[at][1] = text
        cells = [quoted(cell, case.delimiter) for cell in rows[at]]
        lines[at + 1] = case.delimiter.join([cells[0], as_written, *cells[2:]])
        return case._replace(rows=rows, lines=lines)

    return damage


def with_lines(top: Sequence[str] = (), end: Sequence[str] = (), between: Sequence[str] = ()) -> Damage:
    """Lines above the header, below the table, or somewhere between rows; ~ stands for the delimiters of a row."""

    def damage(case: Case, rng: Random) -> Case:
        full = case.delimiter * (len(case.names) - 1)
        lines = list(case.lines)
        for line in between:
            lines.insert(int(rng.integers(2, len(lines))), line)
        lines = [*top, *lines, *end]
        return case._replace(lines=[line.replace("~", full) if len(line) < 60 else line for line in lines])

    return damage


def header(change: Callable[[list[str]], list[str]]) -> Damage:
    return lambda case, rng: case._replace(lines=[*change(case.lines[:1]), *case.lines[1:]])


def in_columns(case: Case, rng: Random) -> Case:
    cells = [case.names, *case.rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    return case._replace(lines=lines)


def decimal_comma(case: Case, rng: Random) -> Case:
    rows = [[re.sub(r"^(\d+)\.(\d+)$", r"\1,\2", cell) for cell in row] for row in case.rows]
    return written(case._replace(rows=rows), ";")._replace(rows=case.rows)


def no_header(case: Case, rng: Random) -> Case:
    return case._replace(names=[f"column {i + 1}" for i in range(len(case.names))], lines=case.lines[1:])


def wide(case: Case, rng: Random) -> Case:
    names = [f"{name}_{copy}" for copy in range(60) for name in case.names]
    return written(Case(names, [row * 60 for row in case.rows[:30]], []))


JSON = '{"kind": "lamp", "tags": ["Porto", 3]}'
DIALECTS: dict[str, Damage] = {
    "none": whole(), "semicolons": whole(";"), "tabs": whole("\t"), "bars": whole("|"), "carets": whole("^"),
    "comma and blank": whole(", "), "blanks": whole(" "), "set in columns": in_columns,
    "single quotes": whole(quote="'", escape="''"), "every cell quoted": whole(every=True),
    "backslash escapes": whole(escape='\\"'), "quotes not escaped": whole(escape='"'), "decimal comma": decimal_comma,
    "wide": wide,
}  # fmt: skip
DAMAGES: dict[str, Damage] = {
    "title": with_lines(["Results of the third quarter"]),
    "titles and blank line": with_lines(["Results, all branches", "Printed 2024-05-01", ""]),
    "title in first cell": with_lines(["Results~", "~"]), "comments on top": with_lines(["# by export", "# no edit"]),
    "group titles": with_lines(["Basics~"]), "header twice": header(lambda line: line * 2), "no header": no_header,
    "header with a delimiter too many": header(lambda line: [line[0].replace(",", ",,", 1)]),
    "header with a delimiter lost": header(lambda line: [line[0].replace(",", " ", 1)]),
    "footnote": with_lines(end=["Source: own survey"]), "footnotes": with_lines(end=["", "Source: own", "* estimated"]),
    "footnote in first cell": with_lines(end=["Source: own survey~"]), "empty rows at end": with_lines(end=["~"] * 3),
    "blank lines": with_lines(between=[""] * 3), "comment between rows": with_lines(between=["# checked until here"]),
    "second table": with_lines(end=["", "place,low,high", *(f"{city},3,5" for city in CITIES)]),
    "header again": lambda case, rng: with_lines(between=case.lines[:1])(case, rng),
    "delimiter at every line end": lambda case, rng: case._replace(lines=[line + "," for line in case.lines]),
    "one delimiter too many": in_row(too_many), "one delimiter lost": in_row(lost), "stray quote": in_row(stray),
    "row in semicolons": in_row(lambda cells, mark, rng: ";".join(cells)),
    "row as comment": in_row(lambda cells, mark, rng: "#" + mark.join(cells), kept=0),
    "short row": in_row(lambda cells, mark, rng: mark.join(cells[:3]), kept=3),
    "long row": in_row(lambda cells, mark, rng: mark.join([*cells, "", ""])),
    "unquoted comma": cell_as("light, cheap", "light, cheap"), "text over lines": cell_as("a\nb", '"a\nb"'),
    "unquoted text over lines": cell_as("a\nb", "a\nb"), "json in a cell": cell_as(JSON, quoted(JSON, ",")),
}  # fmt: skip


def ending(end: str, encoding: str = "utf-8", last: str | None = None) -> Finish:
    return lambda lines: (end.join(lines) + (end if last is None else last)).encode(encoding)


FINISHES: dict[str, Finish] = {
    "old Mac line ends": ending("\r"), "Windows line ends": ending("\r\n"), "no last line end": ending("\n", last=""),
    "mixed line ends": lambda lines: "".join(map("".join, zip(lines, itertools.cycle(["\n", "\r\n"])))).encode(),
    "byte-order mark": ending("\n", "utf-8-sig"), "UTF-16": ending("\n", "utf-16"), "UTF-32": ending("\n", "utf-32"),
    "UTF-16 without mark": ending("\n", "utf-16-le"), "Ctrl-Z at end": ending("\r\n", last="\r\n\x1a"),
}  # fmt: skip


def files(rounds: int, only: Sequence[str]) -> Iterator[tuple[str, Case, bytes]]:
    """(damage, what should be read, bytes) of every file."""
    plain = ending("\n")
    ways: list[tuple[str, Sequence[str], Finish]] = [(name, (name,), plain) for name in (*DIALECTS, *DAMAGES)]
    ways += [(name, (), finish) for name, finish in FINISHES.items()]
    pairs = np.random.default_rng(0).choice(list(DAMAGES), (25, 2)).tolist()
    ways += [("two at once", pair, plain) for pair in pairs]
    for (label, names, finish), (kind, make), number in itertools.product(ways, TABLES.items(), range(rounds)):
        if only and label not in only:
            continue
        rng = np.random.default_rng([number, *map(ord, label + kind + "".join(names))])
        records = [{name: str(value) for name, value in make(rng, i).items()} for i in range(rng.integers(40, 90))]
        case = written(Case(list(records[0]), [list(record.values()) for record in records], []))
        for name in names:
            case = (DIALECTS | DAMAGES)[name](case, rng)
        yield label, case, finish(case.lines)


# -------------------------------------------------------------------------------------------------------------- readers


def value_of(cell: object) -> str:
    """A cell's value as text: numbers and dates in one form, missing as nothing."""
    text = "" if pd.isna(cell) else str(cell).strip()  # type: ignore[call-overload]
    if text.lower() in ("true", "false"):
        return {"true": "yes", "false": "no"}[text.lower()]
    try:
        return repr(float(text.strip("$%")))
    except ValueError:
        pass
    for form in FORMATS if text[:1].isdigit() else ():
        try:
            return datetime.strptime(text, form).isoformat()
        except ValueError:
            continue
    return text


def with_duckdb(raw: bytes) -> pd.DataFrame:
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        Path(file.name).write_bytes(raw)
        relation = duckdb.sql(f"SELECT * FROM read_csv('{file.name}')")
        return pd.DataFrame(relation.fetchall(), columns=relation.columns, dtype=object)


READERS: dict[str, Callable[[bytes], pd.DataFrame]] = {
    "ours": read_table, "pandas": lambda raw: pd.read_csv(io.BytesIO(raw)), "duckdb": with_duckdb,
}  # fmt: skip


def scores(case: Case, raw: bytes, read: Callable[[bytes], pd.DataFrame]) -> list[float]:
    """`SCORES` of a reader on a file; a file that it refuses has no row right, and none wrong."""
    try:
        frame = read(raw)
    except (IFFairError, ValueError, TypeError, KeyError, duckdb.Error):
        return [0.0, 0.0, 0.0, 0.0]
    names = [re.sub(r"^(column|Unnamed:? ?)0?(\d+)$", r"column \2", str(name).strip()) for name in frame.columns]
    rows = Counter(tuple(map(value_of, row)) for row in frame.astype(object).itertuples(index=False, name=None))
    wanted = Counter(tuple(map(value_of, row)) for row in case.rows)
    right = (rows & wanted).total()
    silent = not frame.attrs.get("warnings") and rows != wanted
    return [float(names == case.names), right / wanted.total(), 1 - right / max(rows.total(), 1), float(silent)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="*", default=[])
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    found: dict[str, dict[str, list[list[float]]]] = {}
    for label, case, raw in files(options.rounds, options.only):
        for name, read in READERS.items():
            for group in (label, "all files"):
                found.setdefault(group, {}).setdefault(name, []).append(scores(case, raw, read))
    if not found:
        parser.error(f"no damage is called so: {', '.join(options.only)}")
    means = {label: {name: np.mean(all_, axis=0) for name, all_ in readers.items()} for label, readers in found.items()}
    lines = [
        {"damage": label, "files": len(found[label]["ours"])}
        | {f"{name} {what}": float(values[name][SCORES.index(what)])
           for what, who in (("right", READERS), ("wrong", READERS), ("silent", ["ours"])) for name in who}
        for label, values in means.items()
    ]  # fmt: skip
    print_table(sorted(lines, key=lambda line: line["damage"] == "all files"))
    rounded = {
        label: {name: score.round(4).tolist() for name, score in values.items()} for label, values in means.items()
    }
    write("polluted", {"columns": SCORES, "means": rounded, "readers": versions(("pandas", "duckdb", "pyarrow"))})


if __name__ == "__main__":
    main()
