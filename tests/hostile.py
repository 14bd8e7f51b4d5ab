"""Inputs that try to break the door: bytes, tables and choices, drawn piece by piece from a `random.Random`.

Every building block takes the random numbers it uses, so that benchmarks/fuzz.py can draw thousands of inputs a second
from plain seeds while hypothesis draws, and shrinks, the same ones through its own `Random` (the strategies below).
`endure` is the law: whatever is drawn, nothing but an `IFFairError` comes out.
"""

from __future__ import annotations

import gzip
import io
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import cache
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
from hypothesis import strategies as st

from iffair_core import Study, Task, read_table
from iffair_core.checks.run import run_checks
from iffair_core.data.encoding import encode
from iffair_core.data.resolving import group_table, resolve
from iffair_core.errors import IFFairError
from iffair_core.reading.door import preview_table, table_fingerprint
from iffair_core.reading.types import (
    TYPES,
    column_histograms,
    column_summary,
    infer_types,
    suggested_missing,
    with_types,
)
from iffair_core.reading.values import value_label
from tests.nasty.corpus import CORPUS, _shared, zipped

DELIMITERS = (",", ",", ",", ";", ";", "\t", "|", " ", ", ", "^", ":", "~", "\x1f", "&&")
ENCODINGS = ("utf-8", "utf-8", "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252", "latin-1")
ENDS = ("\n", "\n", "\n", "\n", "\r\n", "\r\n", "\r", "\r", "\n\n", "\n\r", "\x85", "\u2028")
WORDS = (
    "", " ", "yes", "no", "A", "B", "Ann", "Zoë", "NA", "N/A", "?", "None", "nan", "NULL", "-", "(missing)", "(other)",
    "true", "FALSE", "Y", "0", "1", "-0", "0.0", "007", "1.5", "1,5", "1.234,5", "1,234", "1 234", "$5", "5 €", "12%",
    "(5)", "1e3", "1e400", "-inf", "Infinity", "0x1F", "1_000", "١٢", "１２", "½", "9" * 25, "-999", "2024-02-30",
    "2024-03-01", "01/02/2024", "1 Mar 2024", "2024-03-01T10:00:00Z", "=1+1", "<b>x</b>", "a / b", "a=b", "x\u202ey",
    "\u2028", "\ufeff", "\x00", "\x1a", "'", '"', '""', '\\"', "\\", "a,b", "a;b", "x" * 300, "#", "# no", "Total",
)  # fmt: skip
NAMES = (
    "outcome", "group", "score", "age", "name", "id", "Sex", "sex", "index", "weight", "row_id", "split", "(missing)",
    "", " ", "a,b", "a=b", "=1+1", "two\nlines", "x" * 200, "🙂", "שם", "\u202ex", "2019", "None", "nan", "level_0",
    "Unnamed: 0", "column 1", "score is missing", "score year", "score (2)", "\x00", "'", '"', "__index_level_0__",
)  # fmt: skip
TOKENS = (
    b'"', b"'", b",", b";", b"\t", b"|", b"\n", b"\r", b"\r\n", b"\0", b"\x1a", b"\\", b"\xff", b"\xc3",
    b"\xef\xbb\xbf", b"\xff\xfe", b"#", b"\n\n", b'""', b"sep=;",
    b"NA", b"1e999", b"\xe2\x80\xa8", b"\xc2\xa0", b" ", b"-", b"%", b"0",
)  # fmt: skip
MAGIC = (
    b"PK\x03\x04", b"PK\x05\x06", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"\x1f\x8b\x08\x00", b"%PDF-1.7\n", b"PAR1",
    b"ARROW1\0\0", b"FEA1", b"SQLite format 3\0", b"\x89PNG\r\n\x1a\n", b"<html>", b"<?xml ", b"[{", b'{"a":', b"BZh9",
    b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd", b"\x80\x04", b"\xff\xfe\0\0", b"\xff\xfe", b"\xfe\xff", b"\xef\xbb\xbf", b"\0",
)  # fmt: skip
SMALL, MOST = 20_000, 5_000


# ------------------------------------------------------------------------------------------------------------- bytes


def cell_makers(rng: Random) -> Callable[[], str]:
    """A maker of the cells of one column, of one kind mostly."""
    kind = rng.randrange(8)
    level = rng.sample(WORDS, rng.randint(1, 4))
    decimal = rng.choice(".,")
    makers: tuple[Callable[[], str], ...] = (
        lambda: str(rng.randint(-50, 5000)),
        lambda: f"{rng.uniform(-10, 10):.3f}".replace(".", decimal),
        lambda: f"{rng.randint(0, 10**7):,}".replace(",", "," if decimal == "." else "."),
        lambda: rng.choice(level),
        lambda: rng.choice(("yes", "no")),
        lambda: rng.choice("ABC"),
        lambda: f"{rng.randint(1990, 2030)}-{rng.randint(1, 13):02d}-{rng.randint(1, 31):02d}",
        lambda: rng.choice(WORDS),
    )
    usual, dirt = makers[kind], rng.choice((0.0, 0.0, 0.02, 0.3))
    return lambda: rng.choice(WORDS) if rng.random() < dirt else usual()


def csv_bytes(rng: Random, rows: int | None = None) -> bytes:
    """A delimited text in some dialect, with whatever people leave around tables, encoded somehow."""
    delimiter, quote, end = rng.choice(DELIMITERS), rng.choice(('"', '"', '"', "'", "")), rng.choice(ENDS)
    escape = rng.choice((quote * 2, quote * 2, f"\\{quote}"))
    width = rng.choice((1, 2, 3, 4, 6, 9))
    height = rng.choice((0, 1, 2, 3, 5, 8, 12, 25) if rng.random() < 0.97 else (70, 200)) if rows is None else rows
    quoted, ragged = rng.choice((0.0, 0.1, 1.0)), rng.choice((0.0, 0.0, 0.0, 0.02, 0.3))

    def written(cell: str) -> str:
        special = any(mark and mark in cell for mark in (delimiter, quote, "\n", "\r"))
        if quote and (rng.random() < quoted or (special and rng.random() < 0.9)):
            return quote + cell.replace(quote, escape) + quote
        return cell

    def line(cells: list[str]) -> str:
        if rng.random() < ragged:
            cells = cells[: rng.randint(0, len(cells))] if rng.random() < 0.5 else [*cells, "extra"]
        return delimiter.join(map(written, cells))

    names = [rng.choice(NAMES) for _ in range(width)] if rng.random() < 0.3 else rng.sample(NAMES[:8] * 2, width)
    makers = [cell_makers(rng) for _ in range(width)]
    lines = [line(names)] if rng.random() < 0.9 else []
    lines += [line([make() for make in makers]) for _ in range(height)]
    if rng.random() < 0.25:
        around = ("", "# a comment", "Loans of 2024", delimiter * (width - 1), "Source: somebody", line(names), "sep=;")
        for _ in range(rng.randint(1, 3)):
            lines.insert(rng.choice((0, 0, len(lines), rng.randint(0, len(lines)))), rng.choice(around))
    text = end.join(lines) + rng.choice((end, end, "", end * 2, delimiter))
    return text.encode(rng.choice(ENCODINGS), "replace")


def study_bytes(rng: Random) -> bytes:
    """A clean table of 60 to 150 rows that could be studied, so that what follows reading is reached too."""
    rows, base = rng.randint(60, 150), rng.choice("ABC")
    lines = ["id,group,score,kind,day,wt,outcome"]
    for i in range(rows):
        group = base if rng.random() < 0.6 else rng.choice("ABCD")
        paid = rng.choice(("yes", "no", "no" if group == base else "yes"))
        kind, day = rng.choice(("u", "v", "w", "")), f"20{rng.randint(10, 24)}-01-{rng.randint(1, 28):02d}"
        lines.append(f"{i},{group},{rng.gauss(0, 3):.2f},{kind},{day},{rng.randint(0, 3)},{paid}")
    return "\n".join(lines).encode()


def random_bytes(rng: Random) -> bytes:
    """Bytes without a plan, of all values or of those that mean something in a CSV file."""
    size = rng.choice((0, 1, 2, 5, 30, 200, 1500))
    if rng.random() < 0.5:
        return rng.randbytes(size)
    return b"".join(rng.choice(TOKENS) for _ in range(size // 2))


def long_bytes(rng: Random) -> bytes:
    """A few bytes again and again, 20 kB to 1 MB: what makes a careless pattern take forever."""
    parts = [
        rng.choice((rng.choice(TOKENS), rng.choice(WORDS).encode("utf-8", "replace"), b"a", b"7")) for _ in range(3)
    ]
    unit = b"".join(parts[: rng.randint(1, 3)]) or b" "
    return rng.choice((b"", b"a,b\n1,2\n", b"'", b'"')) + unit * (rng.choice((20_000, 200_000, 1_000_000)) // len(unit))


def mutated(rng: Random, raw: bytes, other: bytes = b"") -> bytes:
    """`raw` after one to six mishaps; `other` is what may be spliced in."""
    most = rng.choice((MOST,) * 30 + (4 * SMALL,))
    for _ in range(rng.choice((1, 1, 2, 3, 6))):
        size = len(raw)
        i, j = sorted((rng.randint(0, size), rng.randint(0, size)))
        j = min(j, i + rng.choice((1, 4, 50, 4000)))
        kind = rng.randrange(10)
        if kind == 0 and size:
            place = min(i, size - 1)
            raw = raw[:place] + bytes([raw[place] ^ (1 << rng.randrange(8))]) + raw[place + 1 :]
        elif kind == 1:
            raw = raw[:i] + rng.choice(TOKENS) + raw[i:]
        elif kind == 2:
            raw = raw[:i] + raw[j:]
        elif kind == 3:
            raw = raw[:i] if rng.random() < 0.5 else raw[i:]
        elif kind == 4:
            raw = raw[:j] + raw[i:j] * rng.choice((1, 2, 30)) + raw[j:]
        elif kind == 5:
            k = rng.randint(0, len(other))
            raw = raw[:i] + other[k : k + 2000] + raw[j:]
        elif kind == 6:
            raw = raw.replace(rng.choice(TOKENS), rng.choice(TOKENS), rng.choice((1, 3, -1)))
        elif kind == 7:
            raw = raw[:i] + rng.randbytes(rng.choice((1, 2, 9))) + raw[j:]
        elif kind == 8:
            raw = rng.choice(MAGIC) + raw
        else:
            raw = raw[:i] + rng.choice(WORDS).encode("utf-8", "replace") + raw[i:]
        raw = raw[:most]
    return raw


@cache
def corpus_bytes() -> tuple[bytes, ...]:
    """The small files of the corpus."""
    made = (nasty.make() for nasty in CORPUS if not nasty.big)
    return tuple(raw for raw in made if len(raw) <= SMALL)


def container_bytes(rng: Random) -> bytes:
    """A gzip, zip, Parquet, Feather or Excel file of something hostile, often damaged inside or outside."""
    kind, inner = rng.choice(("gzip", "zip", "parquet", "feather", "xlsx")), csv_bytes(rng)
    if kind == "gzip":
        raw = gzip.compress(inner if rng.random() < 0.8 else mutated(rng, gzip.compress(inner)), 1)
    elif kind == "zip":
        names = rng.sample(
            ("a.csv", "b.txt", "../c.csv", "dir/", "d.xlsx", "é.csv", "__MACOSX/._a.csv"), rng.randint(0, 3)
        )
        raw = zipped({name: inner for name in names})
    elif kind == "xlsx":
        parts = _workbook_parts()
        part = rng.choice(tuple(parts)) if rng.random() < 0.5 else "xl/worksheets/sheet1.xml"
        changed = mutated(rng, parts[part], parts["xl/worksheets/sheet1.xml"]) if rng.random() < 0.6 else (
            parts[part].replace(b">34<", b">" + rng.choice((b"1e999", b"NaN", b"", b"99999999999", b"&amp;")) + b"<")
        )  # fmt: skip
        raw = zipped({**parts, part: changed})
    else:
        buffer, table = io.BytesIO(), arrow_table(rng)
        if kind == "parquet":
            pyarrow.parquet.write_table(table, buffer, compression=rng.choice(("none", "snappy", "gzip", "zstd")))
        else:
            pyarrow.feather.write_feather(table, buffer, compression="uncompressed")
        raw = buffer.getvalue()
    return mutated(rng, raw) if rng.random() < 0.5 else raw


@cache
def _workbook_parts() -> Mapping[str, bytes]:
    return _shared()


ARROW_KINDS: tuple[tuple[Any, Sequence[Any]], ...] = (
    (pa.int64(), (1, 2, 0, -(2**63))), (pa.uint64(), (2**64 - 1, 1, 3)),
    (pa.float32(), (0.5, float("inf"), float("nan"))),
    (pa.string(), ("a", "", "Zoë", "1", "?")), (pa.large_string(), ("x", "y")), (pa.bool_(), (True, False)),
    (pa.binary(), (b"x", b"\xff")), (pa.date32(), (date(2024, 1, 1), date(1, 1, 1), date(9999, 12, 31))),
    (pa.timestamp("ns", "UTC"), (0, 2**62)), (pa.timestamp("s"), (0, 2**40, -(2**40))), (pa.time32("s"), (0, 86_399)),
    (pa.duration("ms"), (0, 2**50)), (pa.decimal128(20, 3), (Decimal("1.5"), Decimal("-999.125"))), (pa.null(), ()),
    (pa.list_(pa.int8()), ([1], [], [1, 2])), (pa.struct([("x", pa.int8())]), ({"x": 1}, {"x": None})),
    (pa.dictionary(pa.int8(), pa.string()), ("u", "v")), (pa.float16(), (np.float16(1.5),)),
    (pa.map_(pa.string(), pa.int8()), ([("k", 1)],)),
)  # fmt: skip


def arrow_table(rng: Random) -> pa.Table:
    """A table of Arrow with any type in any column and any name."""
    rows, width = rng.choice((0, 1, 3, 60)), rng.randint(0, 4)
    arrays = []
    for _ in range(width):
        kind, values = rng.choice(ARROW_KINDS)
        arrays.append(pa.array([rng.choice((*values, None)) for _ in range(rows)], kind))
    return pa.table(arrays, names=[rng.choice(NAMES) for _ in range(width)])


# ------------------------------------------------------------------------------------------------------------ tables


def _objects(values: Sequence[object]) -> pd.Series:
    return pd.Series(list(values), dtype=object)


def hostile_column(rng: Random, rows: int) -> pd.Series:
    """One column of any type that pandas has."""
    draw = np.random.default_rng(rng.getrandbits(32))
    day = pd.Timestamp("2024-01-01") + pd.to_timedelta(draw.integers(0, 900, rows), "D")
    days, whole, real = pd.Series(day), pd.Series(draw.integers(0, 5, rows)), pd.Series(draw.normal(size=rows))
    mixed = (1, "a", None, 2.5, True, "", float("nan"), Decimal("1.5"), date(2024, 1, 1), b"x", (1, 2), "1",
             pd.NA, pd.NaT)  # fmt: skip
    words = rng.sample(WORDS, rng.randint(1, 5))
    gaps = pd.Series(draw.random(rows) < 0.2)
    makers: tuple[Callable[[], pd.Series], ...] = (
        lambda: pd.Series(np.where(draw.random(rows) < 0.5, "yes", "no")),
        lambda: pd.Series(draw.choice(["A", "B", "C"], rows)),
        lambda: real, lambda: whole, lambda: real.mask(gaps), lambda: real.where(~gaps, np.inf),
        lambda: whole.astype("int8"), lambda: whole.astype("uint64") + np.uint64(2**64 - 8),
        lambda: real.astype("float32"), lambda: real * 1e308, lambda: real * 1e-310, lambda: whole.astype(bool),
        lambda: whole.astype("Int64").mask(gaps), lambda: (whole > 2).astype("boolean").mask(gaps),
        lambda: real.astype("Float64").mask(gaps), lambda: whole.astype("string"),
        lambda: whole.astype("str").mask(gaps),
        lambda: whole.astype("category"), lambda: whole.astype(str).astype("category").mask(gaps),
        lambda: pd.Series(pd.Categorical(["u"] * rows, ["u", "v", "never"], ordered=True)),
        lambda: days, lambda: days.dt.tz_localize("Europe/Berlin"), lambda: days.dt.to_period("M"),
        lambda: days.mask(gaps),
        lambda: days - days.min() if rows else pd.Series([], dtype="timedelta64[ns]"),
        lambda: pd.Series(pd.IntervalIndex.from_breaks(range(rows + 1))), lambda: real + 1j,
        lambda: _objects(rng.choice(mixed) for _ in range(rows)), lambda: _objects([None] * rows),
        lambda: _objects([pd.NA] * rows), lambda: pd.Series(np.full(rows, np.nan)), lambda: pd.Series(np.zeros(rows)),
        lambda: _objects(10 ** rng.randint(0, 40) for _ in range(rows)),
        lambda: _objects([[1], {}][i % 2] for i in range(rows)),
        lambda: _objects(Decimal(rng.randint(0, 99)) for _ in range(rows)),
        lambda: _objects(rng.choice((True, False, None)) for _ in range(rows)),
        lambda: pd.Series([rng.choice(words) for _ in range(rows)], dtype="str"),
        lambda: pd.Series([f"id {i}" for i in range(rows)], dtype="str"),
        lambda: pd.Series(pd.arrays.SparseArray(real.fillna(0).to_numpy())),
        lambda: whole.astype("int64[pyarrow]").mask(gaps),
        lambda: whole.astype("str").astype("string[pyarrow]"),
        lambda: pd.Series([date(2024, 1, 1 + i % 28) for i in range(rows)], dtype=object),
        lambda: days.astype("timestamp[us][pyarrow]"), lambda: whole.astype("str").astype(pd.ArrowDtype(pa.string())),
    )  # fmt: skip
    return makers[rng.choice((0, 1, 2, rng.randrange(len(makers)), rng.randrange(len(makers))))]()


def hostile_table(rng: Random) -> pd.DataFrame:
    """A DataFrame as library users may hand it over: any types, names that are no text or not unique, any index."""
    rows = rng.choice((60, 90, 120)) if rng.random() < 0.9 else rng.choice((0, 1, 3, 49))
    width = rng.choice((3, 4, 5, 6)) if rng.random() < 0.93 else rng.choice((0, 1, 2))
    columns = [hostile_column(rng, rows) for _ in range(width)]
    for place, words in enumerate((("yes", "no"), ("A", "B", "C"))[:width]):
        if rng.random() < 0.6:
            columns[place] = pd.Series([rng.choice(words) for _ in range(rows)], dtype="str")
    frame = pd.concat(columns, axis=1) if columns else pd.DataFrame(index=range(rows))
    odd: tuple[object, ...] = (
        *NAMES, 0, 1, 1.5, None, float("nan"), ("a", "b"), pd.Timestamp("2024-01-01"), True, b"x",
    )  # fmt: skip
    names: list[Any] = ["outcome", "group", "score", "kind", "wt", "day"][:width]
    if rng.random() < 0.25:
        names = [rng.choice(odd) if rng.random() < 0.6 else name for name in names]
    frame.columns = pd.Index(names, dtype=object, tupleize_cols=False)
    index = rng.randrange(6)
    if index == 0:
        frame.index = pd.Index([7] * rows)
    elif index == 1:
        frame.index = pd.date_range("2024-01-01", periods=rows)
    elif index == 2 and rows:
        frame.index = pd.MultiIndex.from_arrays([range(rows), ["x"] * rows])
    if rng.random() < 0.1:
        frame.attrs["warnings"] = rng.choice(([], ["Something was repaired."], ("a", "b")))
    return frame


# ----------------------------------------------------------------------------------------------------------- choices


def _some_value(rng: Random, frame: pd.DataFrame, name: object) -> object:
    places = [i for i, column in enumerate(frame.columns) if str(column) == name]
    if not places or not len(frame) or rng.random() < 0.15:
        return rng.choice((*WORDS, 1, 1.0, None, True, float("nan"), -1, 10**30))
    value = frame.iloc[rng.randrange(len(frame)), rng.choice(places)]
    return value_label(value) if rng.random() < 0.5 else value


def hostile_choices(rng: Random, frame: pd.DataFrame) -> dict[str, Any]:
    """Arguments of Task for the table: mostly columns and values that are there, sometimes anything."""
    there = [str(column) for column in frame.columns] or ["outcome"]
    junk: tuple[Any, ...] = (None, 3, 1.5, "", [], {}, (), "nothing", b"x", float("nan"), ["a"], True, object())

    def column() -> Any:
        return (
            rng.choice(there[-3:] if rng.random() < 0.7 else there)
            if rng.random() < 0.96
            else rng.choice((*NAMES, *junk))
        )

    def key() -> Any:
        found = rng.choice((column(), sensitive, sensitive))
        return found if isinstance(found, str) else str(found)

    target, sensitive = there[0], there[1 % len(there)]
    if rng.random() < 0.3:
        target, sensitive = column(), column()
    if rng.random() < 0.1:
        sensitive = tuple(column() for _ in range(rng.choice((0, 1, 2, 2, 3))))
    favorable = _some_value(rng, frame, target)
    if rng.random() < 0.1:
        favorable = tuple(_some_value(rng, frame, target) for _ in range(rng.choice((0, 1, 2, 5))))
    choices: dict[str, Any] = {"target": target, "favorable": favorable, "sensitive": sensitive}
    cuts: tuple[Any, ...] = (
        (0,), (0, 1), (1, 0), (), ("a",), (float("nan"),), (float("inf"),), (0, 0), "quantiles:4", "quantiles:0",
        "quantiles:x", "quantiles:999999999", 5, None, (10**400,), (True,), "1,2",
    )  # fmt: skip

    def value() -> Any:
        return _some_value(rng, frame, sensitive)

    def condition() -> Any:
        usual = f"{column()}{rng.choice(('=', '<', '>=', '==', '>', ''))}{value_label(value())}"
        return rng.choice((usual, usual, usual, "duplicates", "", "=", "<", "x<", 5, None))

    more: dict[str, Callable[[], Any]] = {
        "reference": value, "drop": lambda: tuple(column() for _ in range(rng.randint(0, 3))),
        "bins": lambda: {key(): rng.choice(cuts) for _ in range(rng.choice((0, 1, 1, 2)))},
        "use_sensitive_as_feature": lambda: rng.choice((True, False, "yes", None)),
        "types": lambda: {key(): rng.choice((*TYPES, "x", None, 3)) for _ in range(rng.choice((0, 1, 1, 3)))},
        "missing": lambda: tuple(rng.choice((value(), rng.choice(WORDS), 5, None)) for _ in range(rng.randint(0, 3))),
        "pool": lambda: {key(): {rng.choice(WORDS): tuple(value() for _ in range(rng.randint(0, 3)))}},
        "exclude": lambda: tuple(condition() for _ in range(rng.choice((0, 1, 1, 2)))),
        "weights": column, "split": column, "unit": column,
        "smallest_group": lambda: rng.choice((2, 5, 20, 1, 0, -1, 10**9, "5", 2.5, True, float("nan"))),
    }  # fmt: skip
    for name in rng.sample(tuple(more), rng.choice((0, 0, 0, 1, 1, 2, 4))):
        choices[name] = more[name]() if rng.random() < 0.93 else rng.choice(junk)
    return choices


def hostile_options(rng: Random) -> dict[str, Any]:
    """Reading options, good and bad."""
    some: dict[str, tuple[Any, ...]] = {
        "delimiter": (",", ";", "\t", " ", "||", "", "\n", '"', "\0", 5, "a", "é", "🙂", "tab"),
        "quote": ('"', "'", "", "ab", "\n", ",", 5, "é"), "decimal": (".", ",", ";", "", 1),
        "encoding": ("utf-8", "utf-16", "cp1252", "ascii", "rot13", "nope", "shift_jis", "utf-7", "idna", 8),
        "header": (0, 1, 2, 5, 10**9, -1, "1", True, 1.5), "comment": ("#", "", "//", "\n", '"', ",", 1),
        "sheet": ("Sheet", "none", "", 0),
    }  # fmt: skip
    return {name: rng.choice(some[name]) for name in rng.sample(tuple(some), rng.choice((1, 1, 2, 3)))}


# --------------------------------------------------------------------------------------------------------------- law

DEPTHS = ("resolve", "columns", "encode", "preview", "checks", "study")


@dataclass(frozen=True, eq=False)
class Hostile:
    """One input: `kind` of making; bytes with options, or a table; how deep it goes; random numbers for the choices."""

    kind: str
    source: bytes | pd.DataFrame
    depth: str
    rng: Random
    options: Mapping[str, Any] = field(default_factory=dict)


def hostile(rng: Random, weights: Sequence[float] = (60, 12, 16, 6, 5, 1)) -> Hostile:
    """Any input; `weights` are the shares of `DEPTHS`."""
    kind = rng.choices(
        ("csv", "mutated csv", "mutated corpus", "random", "magic", "container", "study", "table", "options", "long"),
        (14, 26, 14, 4, 3, 9, 8, 16, 6, 0.3),
    )[0]
    depth = rng.choices(DEPTHS, weights)[0]
    if kind == "table":
        return Hostile(kind, hostile_table(rng), depth, rng)
    options: dict[str, Any] = {}
    if kind == "csv":
        raw = csv_bytes(rng)
    elif kind == "mutated csv":
        raw = mutated(rng, csv_bytes(rng), csv_bytes(rng, 3))
    elif kind == "mutated corpus":
        raw = mutated(rng, rng.choice(corpus_bytes()), rng.choice(corpus_bytes()))
    elif kind == "random":
        raw = random_bytes(rng)
    elif kind == "long":
        raw = long_bytes(rng)
    elif kind == "magic":
        raw = rng.choice(MAGIC) + (random_bytes(rng) if rng.random() < 0.5 else csv_bytes(rng))
    elif kind == "container":
        raw = container_bytes(rng)
    elif kind == "study":
        raw = study_bytes(rng) if rng.random() < 0.7 else mutated(rng, study_bytes(rng))
    else:
        raw, options = rng.choice((csv_bytes, container_bytes))(rng), hostile_options(rng)
    return Hostile(kind, raw, depth, rng, options)


def endure(given: Hostile) -> str:
    """Take the input as far as it goes; what came of it: "table", "encoded", ..., or the name of the `IFFairError`.

    Anything else that is raised is a defect, and so is a warning, a message of several lines or a table that breaks the
    promises of `read_table`.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return _through(given)
        except IFFairError as error:
            message = str(error)
            if not message.isprintable() or not message.strip():
                raise AssertionError(f"a message that is no printable line: {message!r}") from error
            return type(error).__name__


def _through(given: Hostile) -> str:
    frame, rng, depth = given.source, given.rng, given.depth
    if not isinstance(frame, pd.DataFrame):
        if depth == "preview":
            require_preview(frame, given.options)
            return "previewed"
        frame = read_table(frame, name="fuzz.csv", options=given.options or None)
        require_table(frame)
    if depth == "columns":
        for names in (column_summary(frame)["name"], infer_types(frame)):
            unlike = len({str(name) for name in frame.columns}) == frame.shape[1]
            assert list(names) == [str(name) for name in frame.columns] or not unlike
        assert len(column_histograms(frame)) == frame.shape[1]
        assert len(table_fingerprint(frame)) == 64
        markers = suggested_missing(frame)
        types = {str(name): rng.choice(TYPES) for name in frame.columns if rng.random() < 0.5}
        typed = with_types(frame, types, markers)
        assert len(typed) == len(frame)
        again = with_types(typed, types, markers)
        assert table_fingerprint(again) == table_fingerprint(typed), "types taken twice change the table"
        return "typed"
    choices = hostile_choices(rng, frame)
    if depth == "checks":
        found = run_checks(frame, Task(**choices) if rng.random() < 0.7 else None)
        assert all(one.severity in ("high", "medium", "low") and one.text for one in found)
        return "checked"
    task = Task(**choices)
    if depth == "resolve":
        resolved = resolve(task, frame)
        assert len(resolved.y) == resolved.used.sum() == len(resolved.group_codes)
        assert len(group_table(resolved)) == len(resolved.groups) >= 2
        assert repr(Task.from_dict(task.to_dict()).to_dict()) == repr(task.to_dict())
        return "resolved"
    if depth in ("encode", "preview"):
        data = encode(frame, task, seed=rng.randrange(3))
        assert np.isfinite(data.X).all()
        assert data.X.shape == (len(data.y), len(data.feature_names))
        assert len(set(data.feature_names)) == len(data.feature_names)
        return "encoded"
    result = Study(frame, task, rivals="weights" if rng.random() < 0.3 else "none").run()
    assert result.finished
    return "studied"


def require_table(frame: pd.DataFrame) -> None:
    """The promises of `read_table`: rows, unique names that are text, a default index, notes that are sentences."""
    assert len(frame) >= 1
    assert frame.shape[1] >= 1
    assert frame.columns.is_unique
    assert all(isinstance(name, str) and name for name in frame.columns)
    assert isinstance(frame.index, pd.RangeIndex)
    assert all(isinstance(note, str) and note.isprintable() for note in frame.attrs["warnings"])


def require_preview(raw: bytes, options: Mapping[str, Any]) -> None:
    """A preview shows at most 100 rows under the names that the whole table has."""
    preview = preview_table(raw, name="fuzz.csv", options=options or None)
    assert len(preview.frame) <= 100
    assert isinstance(preview.dialect, str)
    assert all(note.isprintable() for note in preview.notes)


# -------------------------------------------------------------------------------------------------------- strategies

_random = st.randoms(use_true_random=False)
hostile_bytes = st.one_of(
    _random.map(csv_bytes),
    _random.map(lambda rng: mutated(rng, csv_bytes(rng), csv_bytes(rng, 3))),
    _random.map(lambda rng: mutated(rng, rng.choice(corpus_bytes()))),
    _random.map(random_bytes),
    _random.map(container_bytes),
    st.binary(max_size=300),
)
hostile_tables = _random.map(hostile_table)
hostiles = st.integers(0, 2**48).map(lambda seed: hostile(Random(seed), (50, 15, 20, 8, 6, 0)))
