"""Delimited text becomes cells of text; what is irregular is repaired where there is evidence, and noted."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from iffair_core.errors import StopCheck, TableError, never_stop
from iffair_core.reading.body import read_body
from iffair_core.reading.cells import Cutter, at_edges, written
from iffair_core.reading.detection import detect
from iffair_core.reading.dialect import DETECT, NAMES, Dialect, ReadOptions
from iffair_core.reading.layout import find_layout
from iffair_core.reading.repair_notes import Notes
from iffair_core.reading.utf8 import SAMPLE, as_utf8, first_lines

_SENTINELS = ("\x1f", "\x1e", "\x1d", "\x1c")


@dataclass(frozen=True, eq=False)
class TextTable:
    """Cells as they are written.

    `names`: the header's cells, stripped, "" where empty; "column 1", ... where there is no header. `cells`: string
    columns named by position "0", "1", ..., "" in an empty cell, no nulls. `notes`: a sentence for everything that was
    repaired or left out.
    """

    names: list[str]
    cells: pa.Table
    dialect: Dialect
    notes: tuple[str, ...]


def read_delimited(
    raw: bytes,
    name: str,
    options: ReadOptions = DETECT,
    *,
    rows: int | None = None,
    stop_check: StopCheck = never_stop,
) -> TextTable:
    """The table in `raw`, the bytes of a text file called `name` in messages.

    `options` holds what the user has fixed; the rest is detected in the first `SAMPLE` bytes. Lines with another number
    of cells than the table's are cut again by evidence: the kinds, lengths and known values of the columns in regular
    rows say which cell is extra, missing, or two in one. `rows` asks for about the first rows only. `stop_check` is
    called now and then and may raise to stop.

    Memory: the text, and the cells. Raises `TableError` where no table can be made out.
    """
    cut = False
    if rows is not None:
        limit = max(4 * SAMPLE, 4096 * rows)
        cut, raw = len(raw) > limit, raw[:limit]
    text, encoding, notes = as_utf8(raw, name, options.encoding, stop_check)
    if cut:
        text = text[: text.rfind(b"\n") + 1] or text
    del raw
    lines = first_lines(text)
    dialect = replace(detect(lines, options), encoding=encoding)
    if options.delimiter is None and options.quote is None and _in_quotes(lines):
        text = b"\n".join(map(_out_of_quotes, text.split(b"\n")))
        notes = [*notes, "Every line stood in quotation marks, which were taken off."]
        lines = first_lines(text)
        dialect = replace(detect(lines, options), encoding=encoding)
    text, cutter, restored = _single_bytes(text, dialect, stop_check)
    found = Notes()
    layout = find_layout(text, name, cutter, options, found)
    dialect = replace(dialect, header=layout.header_line, skipped=layout.skipped, comment=layout.comment)
    names, cells = layout.names, read_body(text, name, layout, found, options.delimiter is not None, stop_check)
    del text
    for mark, meant in restored.items():
        columns = [pc.replace_substring(column, mark, meant) for column in cells.columns]
        cells = pa.table(columns, names=cells.column_names)
        names = [column.replace(mark, meant) for column in names]
    if rows is not None:
        cells = cells.slice(0, rows)
    if len(names) > 1 and not names[-1] and _all_empty(cells.column(len(names) - 1)):
        names, cells = names[:-1], cells.remove_column(len(names) - 1)
    told = (*notes, *found.sentences())
    mark = next((mark for mark in ",;\t|" if mark in names[0]), "") if len(names) == 1 and not dialect.delimiter else ""
    if mark and options.delimiter is None:
        advice = f"Choose the {NAMES[mark]} if it stands between cells."
        told = (*told, f"No delimiter cuts the lines alike, so each is one cell. {advice}")
    return TextTable(names, cells, dialect, told)


def _in_quotes(lines: Sequence[str]) -> bool:
    """Whether every line stands in quotation marks as a whole and holds the same number of one delimiter."""
    kept = [line.strip() for line in lines if line.strip()]
    if len(kept) < 2 or not all(len(line) > 2 and line[0] == line[-1] == '"' for line in kept):
        return False
    inner = [line[1:-1] for line in kept]
    if any('"' in line.replace('""', "") for line in inner):
        return False
    bare = [re.sub(r'"[^"]*"', "", line.replace('""', '"')) for line in inner]
    return any(bare[0].count(mark) and len({line.count(mark) for line in bare}) == 1 for mark in ",;\t|")


def _out_of_quotes(line: bytes) -> bytes:
    bare = line.strip()
    return bare[1:-1].replace(b'""', b'"') if len(bare) > 2 and bare[:1] == bare[-1:] == b'"' else line


def _all_empty(column: pa.ChunkedArray) -> bool:
    return not pc.any(pc.not_equal(column, "")).as_py()


def _single_bytes(text: bytes, dialect: Dialect, stop_check: StopCheck) -> tuple[bytes, Cutter, dict[str, str]]:
    """The text with one byte between cells, one for a quotation mark, doubled in quotes; what cuts it so; what they
    stand for where they are not those of the file."""
    quote = dialect.quote
    restored: dict[str, str] = {}
    if dialect.escape == "\\":
        mark = quote.encode()
        escaped = rb"\\(\\|" + re.escape(mark) + rb")"
        text = re.sub(escaped, lambda found: mark * 2 if found[1] == mark else found[1], text)
    if not quote.isascii():
        stand_in = _unused(text, restored)
        text, restored[stand_in], quote = text.replace(quote.encode(), stand_in.encode()), quote, stand_in
    if len(dialect.delimiter.encode()) == 1 and not dialect.aligned:
        return text, Cutter(dialect.delimiter, quote), restored
    delimiter = _unused(text, restored)
    if dialect.aligned:
        text = _set_apart(text, delimiter, quote, dialect.edges, stop_check)
        restored[delimiter] = " "
    elif dialect.delimiter:
        text = text.replace(dialect.delimiter.encode(), delimiter.encode())
        restored[delimiter] = dialect.delimiter
    return text, Cutter(delimiter, quote), restored


def _unused(text: bytes, taken: Collection[str]) -> str:
    """A control character that does not stand in the text."""
    for mark in _SENTINELS:
        if mark not in taken and mark.encode() not in text:
            return mark
    raise TableError("The file holds control characters of every kind. Write it again as CSV with commas.")


def _set_apart(text: bytes, delimiter: str, quote: str, edges: Sequence[int], stop_check: StopCheck) -> bytes:
    """Text set in columns with blanks, written with `delimiter` between its cells."""
    cutter = Cutter(" ", quote, "", collapse=True)
    rows = []
    for number, line in enumerate(text.decode().split("\n")):
        if number % 100_000 == 0:
            stop_check()
        if not line.strip():
            rows.append("")
            continue
        cells = at_edges(line, edges) if edges else cutter.cut(line.replace("\t", " ")).cells
        rows.append(delimiter.join(written(cell, delimiter, quote) for cell in cells))
    return "\n".join(rows).encode()
