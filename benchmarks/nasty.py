"""What people see of every nasty file here, and what pandas and DuckDB make of it: docs/files.md.

python -m benchmarks.nasty

The files are those of tests/nasty/corpus.py. pandas reads each with `read_csv`, `read_excel`, `read_parquet` or
`read_feather`, by its kind, DuckDB with `read_csv` or `read_parquet`; both with their defaults, as a person would try
first. Archives that would fill the memory are not given to them. Prints a line per file, writes results/nasty.json and
the page docs/files.md, of which a test checks our own column.
"""

from __future__ import annotations

import re
import resource
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd

from benchmarks.machine import versions, write
from iffair_core import Study, StudyResult, Task, read_table
from iffair_core.data.groups import MAX_GROUPS
from iffair_core.data.splitting import MIN_ROWS
from iffair_core.errors import IFFairError, listing, shorten
from iffair_core.reading.door import MAX_CELL, MAX_COLUMNS, MAX_ROWS
from iffair_core.reading.files import MAX_BYTES, MAX_RATIO, MAX_UNPACKED, in_words
from tests.nasty.corpus import CORPUS, Nasty, Refused, Table

PATH = Path(__file__).resolve().parent.parent / "docs" / "files.md"
NOT_TRIED = "not tried"
NO_READER = "has no reader for it"
LONGEST = 400


@dataclass(frozen=True)
class Seen:
    """What a reader made of a file: in words, and whether it is what must come of it."""

    text: str
    right: bool | None


@dataclass(frozen=True, eq=False)
class Taken:
    """A file taken here as far as it goes: the table, the study where choices are given, or what refused either;
    seconds of the processor and the rise of the most memory, in MB, for reading it."""

    frame: pd.DataFrame | None
    result: StudyResult | None
    error: IFFairError | None
    seconds: float
    megabytes: int


@cache
def taken(nasty: Nasty) -> Taken:
    """Read the file, and study it where it comes with choices; once per process."""
    raw, frame, result, error = nasty.make(), None, None, None
    before, started = most_memory(), time.process_time()
    try:
        frame = read_table(raw, name=nasty.name, options=dict(nasty.options))
    except IFFairError as refused:
        error = refused
    seconds, megabytes = time.process_time() - started, most_memory() - before
    if frame is not None and nasty.choices is not None:
        try:
            result = Study(frame, Task(**nasty.choices), rivals="none").run()
        except IFFairError as refused:
            error = refused
    return Taken(frame, result, error, seconds, megabytes)


def most_memory() -> int:
    """MB that this process has held at most."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // (2**20 if sys.platform == "darwin" else 2**10)


def ours(nasty: Nasty) -> str:
    """What is seen here: the shape with every note, or the sentence that refuses the file or the choices."""
    found = taken(nasty)
    if found.error is not None or found.frame is None:
        return shorten(found.error, LONGEST)
    if found.result is not None:
        return shorten(" ".join(["Studied.", *dict.fromkeys(found.result.dataset.warnings)]), LONGEST)
    return shorten(" ".join([shape(found.frame), *found.frame.attrs["warnings"]]), LONGEST)


def shape(frame: pd.DataFrame) -> str:
    """ "5 rows, 3 columns." """
    rows, columns = frame.shape
    return f"{rows:,} row{'' if rows == 1 else 's'}, {columns:,} column{'' if columns == 1 else 's'}."


def other(nasty: Nasty, read: Callable[[Path], pd.DataFrame | None], folder: Path) -> Seen:
    """What another reader makes of it: the shape and the first thing that is wrong, or the kind of its exception."""
    if nasty.name.startswith(("bomb", "liar")):
        return Seen(NOT_TRIED, None)
    path = folder / nasty.name
    path.write_bytes(nasty.make())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            frame = read(path)
        except Exception as error:  # whatever another library raises is what a person would see
            return Seen(type(error).__name__, isinstance(nasty.expect, Refused))
        finally:
            path.unlink()
    if frame is None:
        return Seen(NO_READER, None)
    problem = first_problem(frame, nasty.expect)
    return Seen(f"{shape(frame)} {problem}".strip(), not problem)


def first_problem(frame: pd.DataFrame, expect: Table | Refused) -> str:
    """What is wrong with a table first: its columns, its rows, its cells; empty where it is as it must be."""
    if isinstance(expect, Refused):
        return "Not a word about it."
    names = [str(name) for name in frame.columns]
    if names != list(expect.columns):
        return f"Columns: {listing(names, 4)}."
    if len(frame) != expect.rows:
        return f"Rows: {expect.rows:,} are there."
    for name, cells in expect.cells.items():
        found = frame[name].tolist()[: len(cells)]
        if not all(map(_same, found, cells)):
            return f"{shorten(name, 20)}: {listing((repr(value) for value in found), 3)}."
    return ""


def _same(value: object, wanted: object) -> bool:
    if wanted is None or pd.isna(value):  # type: ignore[call-overload]
        return wanted is None and bool(pd.isna(value))  # type: ignore[call-overload]
    try:
        return value == wanted or abs(float(value) - float(wanted)) < 1e-9  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return False


def with_pandas(path: Path) -> pd.DataFrame:
    """The file as pandas reads it without being told anything."""
    readers = {".xlsx": pd.read_excel, ".parquet": pd.read_parquet, ".feather": pd.read_feather}
    return readers.get(path.suffix, pd.read_csv)(path)


def with_duckdb(path: Path) -> pd.DataFrame | None:
    """The file as DuckDB reads it without being told anything; None where that takes an extension to download."""
    import duckdb

    if path.suffix in (".xlsx", ".feather"):
        return None
    reader = "read_parquet" if path.suffix == ".parquet" else "read_csv"
    with duckdb.connect(config={"memory_limit": "1GB", "threads": 1}) as connection:
        return connection.execute(f"select * from {reader}(?)", [str(path)]).df()


def cell(text: str) -> str:
    """`text` as a cell of a Markdown table that shows it letter for letter."""
    return re.sub(r"([\\`*_\[\]<>|~])", r"\\\1", text)


def row(nasty: Nasty, *columns: str) -> str:
    """The line of the table for one file; a test looks for the beginning that holds our own column."""
    return " | ".join([f"| `{nasty.name}`", cell(nasty.what), *map(cell, columns)]) + " |"


def families() -> dict[str, list[Nasty]]:
    """The corpus by family, in order."""
    found: dict[str, list[Nasty]] = {}
    for nasty in CORPUS:
        found.setdefault(nasty.family, []).append(nasty)
    return found


def document(seen: dict[str, tuple[str, Seen | None, Seen | None]]) -> str:
    """The whole page."""
    parts = [HEAD.strip(), "", _count(seen), ""]
    for family, entries in families().items():
        studied = all(nasty.choices is not None for nasty in entries)
        heads = ("file", "what is nasty", "here") if studied else ("file", "what is nasty", "here", "pandas", "DuckDB")
        parts += [f"### {family}", "", f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}"]
        for nasty in entries:
            mine, *others = seen[nasty.name]
            parts.append(row(nasty, mine, *(one.text for one in others if one is not None and not studied)))
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"


def _count(seen: dict[str, tuple[str, Seen | None, Seen | None]]) -> str:
    files = [(a, b) for _, a, b in seen.values() if a is not None and b is not None]
    right = [sum(one.right is True for one in column) for column in zip(*files, strict=True)]
    tried = [sum(one.right is not None for one in column) for column in zip(*files, strict=True)]
    return (
        f"Of the {len(files)} files that are about reading, pandas makes what our tests demand of {right[0]} of "
        f"{tried[0]} tried, DuckDB of {right[1]} of {tried[1]}; any exception counts where the file must be refused. "
        "Neither claims to mend files; the files were chosen by us. Here all come to what the tests demand: "
        f"{_split()}."
    )


def _split() -> str:
    """How many files about reading are read, read with lines left out, and refused."""
    found = [taken(nasty) for nasty in CORPUS if nasty.choices is None]
    frames = [one.frame for one in found if one.frame is not None]
    told = sum("left_out" in frame.attrs for frame in frames)
    return f"{len(frames) - told} are read, {told} read with lines left out, {len(found) - len(frames)} refused"


HEAD = f"""
# What happens with your file

Written by `python -m benchmarks.nasty` from `tests/nasty/corpus.py`; edits here are lost.

## Formats

What a file is, its content says, not its name.

- **Delimited text** (CSV and its kin). Encoding, delimiter (comma, semicolon, tab, bar, caret or blanks), quotation
  marks and how they are escaped, decimal sign and the header's line are found out. Each can be fixed: `--delimiter`,
  `--quote`, `--decimal`, `--encoding`, `--header`, `--comment`, or the reading options of the Data page and of
  `read_table(options=...)`.
- The same **compressed** with gzip, or as the only table in a zip archive.
- **Parquet**, **Arrow** and **Feather**.
- **Workbooks** of Excel (.xlsx, .xls, .xlsb) and OpenDocument (.ods): the first sheet with a table, or `--sheet`;
  results of formulas as they were stored.

Nothing in a file is ever run: a pickle is not opened, a formula is not worked out, a link is not followed.

## What does not fit is left out, and told

A line with other cells than the table has columns is never cut anew by a guess. Cells missing at its end are missing.
Any other such line is **left out**: one with cells too many, with a quotation mark that nothing closes, without any
delimiter, above or below the table. The notes count these lines and name their numbers; the Data page shows number and
text of each and offers them as a download; `frame.attrs["left_out"]` holds them. Rows are counted (`row_id`) without
the lines that were left out, in the order of the file.

A name is never cut or joined. Where a header is one name short of every row, as R writes it, the first column has no
name. Any other header that does not fit its rows is refused. A second line of the header (units, titles) is read as a
row and told; `--header` names another line. Whole lines in quotation marks are refused.

What is renamed or read otherwise than it stands there is said in a note as well: columns of one name, columns without
one, bytes of another encoding, currency signs and thousands separators.

Empty cells are missing. `NA`, `?`, `null` and the like are missing only in a column whose other values are all
numbers, since a group may well be called None. Codes with leading zeros stay text, and so do whole numbers too
long to keep their digits.

## Limits

A file may have {in_words(MAX_BYTES)} ({in_words(MAX_UNPACKED)} unpacked, and not more than {MAX_RATIO} times its
packed size), {MAX_ROWS:,} rows, {MAX_COLUMNS:,} columns and {MAX_CELL:,} characters in a cell; the dashboard takes
uploads of up to 500 MB. A table that would not fit the memory is refused before it is read. A study needs at least
{MIN_ROWS} rows with an outcome, and at most {MAX_GROUPS} groups.

## {len(CORPUS)} files, one by one

The column *here* is what a person sees: the shape with every note, or the sentence that refuses the file. Beside it,
what `pandas.read_csv` (or `read_excel`, `read_parquet`, `read_feather`) and DuckDB's `read_csv` (or `read_parquet`)
make of it with their defaults: the shape and the first thing that is wrong, or the kind of their exception.
"""


def main(only: Iterable[str] = ()) -> None:
    wanted: Sequence[Nasty] = [nasty for nasty in CORPUS if not only or nasty.name in only]
    seen: dict[str, tuple[str, Seen | None, Seen | None]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for nasty in wanted:
            rivals = (None, None) if nasty.choices else (
                other(nasty, with_pandas, folder), other(nasty, with_duckdb, folder)
            )  # fmt: skip
            seen[nasty.name] = (ours(nasty), *rivals)
            print(
                nasty.name,
                *(one if isinstance(one, str) else one.text for one in seen[nasty.name] if one),
                sep="\n    ",
            )
    found = {
        name: {"here": mine, **{k: vars(v) for k, v in (("pandas", a), ("duckdb", b)) if v is not None}}
        for name, (mine, a, b) in seen.items()
    }
    print(write("nasty", {"versions": versions(("pandas", "pyarrow", "python-calamine", "duckdb")), "files": found}))
    PATH.write_text(document(seen), encoding="utf-8")
    print(PATH)


if __name__ == "__main__":
    main()
