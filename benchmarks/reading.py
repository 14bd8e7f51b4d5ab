"""Seconds and memory to preview, read and study a large table, beside the plain readers of pyarrow and pandas.

python -m benchmarks.reading [--rows 1000000] [--rounds 3]

A seeded table of 30 columns (numbers, categories, a date, names) is written as CSV and Parquet, and its first 100,000
rows as .xlsx. Each piece of work runs in a process of its own, so that its peak of memory is its own too. `text` is
what pyarrow needs to cut the same cells, with the time to find the columns of numbers among them.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from benchmarks.machine import print_table, print_targets, write
from iffair_core import Study, Task, read_table
from iffair_core.reading.door import preview_table
from iffair_core.reading.numbers import typed_columns

WORKBOOK_ROWS = 100_000


def big_table(rows: int, seed: int = 0) -> pa.Table:
    """30 columns: 12 of numbers, 6 of whole numbers, 9 of categories, a date, an identifier and an outcome."""
    rng = np.random.default_rng(seed)
    columns: dict[str, object] = {"name": pa.array(np.char.add("P", np.arange(rows).astype("U9")).tolist())}
    score = np.zeros(rows)
    for k in range(12):
        values = rng.normal(0, 10.0 ** (k % 4), rows)
        score += values / 10.0 ** (k % 4) * (k % 3 - 1)
        columns[f"number {k + 1}"] = pa.array(np.round(values, 1 + k % 3), mask=rng.random(rows) < 0.01 * (k % 4))
    for k in range(6):
        columns[f"count {k + 1}"] = rng.poisson(3.0 ** (k + 1), rows)
    for k, size in enumerate((2, 3, 5, 8, 12, 20, 40, 100, 400)):
        codes = rng.zipf(1.5, rows) % size
        score += 0.3 * (codes == 0)
        columns[f"category {k + 1}"] = pa.array([f"level {j}" for j in range(size)]).take(pa.array(codes))
    days = np.datetime64("2015-01-01") + rng.integers(0, 3_000, rows)
    columns["day"] = pa.array(days).cast(pa.string())
    columns["decision"] = np.where(score + rng.normal(0, 2, rows) > 0, "granted", "denied").tolist()
    return pa.table(columns)


def written(folder: Path, rows: int) -> None:
    """The table as table.csv, table.parquet and table.xlsx."""
    table = big_table(rows)
    pyarrow.csv.write_csv(table, folder / "table.csv", pyarrow.csv.WriteOptions(quoting_style="needed"))
    pyarrow.parquet.write_table(table, folder / "table.parquet")
    table.slice(0, WORKBOOK_ROWS).to_pandas().to_excel(folder / "table.xlsx", index=False)


def text(path: Path) -> None:
    """The cells of a CSV by pyarrow alone, and the numbers among them."""
    names = pd.read_csv(path, nrows=1).columns
    kinds = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True)
    typed_columns(pyarrow.csv.read_csv(path, convert_options=kinds).columns, list(names))


def study(path: Path) -> None:
    """A whole study of the table."""
    task = Task(target="decision", favorable="granted", sensitive="category 1")
    Study(read_table(path), task).run()


PLAIN: dict[str, tuple[Callable[[Path], object], Callable[[Path], object]]] = {
    ".csv": (pyarrow.csv.read_csv, pd.read_csv),
    ".parquet": (pyarrow.parquet.read_table, pd.read_parquet),
}
WORKS: dict[str, Callable[[Path], object]] = {
    "preview_table": preview_table,
    "read_table": read_table,
    "text": text,
    "pyarrow": lambda path: PLAIN[path.suffix][0](path),
    "pandas": lambda path: PLAIN[path.suffix][1](path),
    "study": study,
}
USES = {".csv": list(WORKS), ".parquet": ["preview_table", "read_table", "pyarrow", "pandas"], ".xlsx": ["read_table"]}


def peak() -> int:
    """Most bytes that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def child(work: str, path: Path) -> None:
    """Do one piece of work and print its seconds and the memory that it added.

    The process that starts this one has to be small: Linux hands its peak of memory down.
    """
    before, started = peak(), time.perf_counter()
    WORKS[work](path)
    print(json.dumps({"seconds": time.perf_counter() - started, "bytes": peak() - before}))


def main() -> None:
    """Print the table and write results/reading.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", nargs=2, metavar=("WORK", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        work, path = options.child
        written(Path(path), options.rows) if work == "write" else child(work, Path(path))
        return
    command = [sys.executable, "-m", "benchmarks.reading", "--rows", str(options.rows), "--child"]
    lines: dict[tuple[str, str], dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([*command, "write", folder], check=True)
        for kind, works in USES.items():
            path = Path(folder) / f"table{kind}"
            for work in works:
                runs = [
                    json.loads(subprocess.run([*command, work, str(path)], check=True, capture_output=True).stdout)
                    for _ in range(1 if work == "study" else options.rounds)
                ]
                best = {name: min(run[name] for run in runs) for name in ("seconds", "bytes")}
                lines[work, kind] = {
                    "work": work, "file": kind, "MB": path.stat().st_size / 1e6, "seconds": best["seconds"],
                    "memory MB": best["bytes"] / 1e6,
                }  # fmt: skip
    print(f"{options.rows:,} rows; the workbook has {min(options.rows, WORKBOOK_ROWS):,}")
    print_table(list(lines.values()))

    def seconds(work: str, kind: str = ".csv") -> float:
        return float(str(lines[work, kind]["seconds"]))

    print_targets(
        {
            "preview of the CSV, seconds": (seconds("preview_table"), 1.0),
            "CSV over pyarrow's cells and their types": (seconds("read_table") / seconds("text"), 2.0),
            "Parquet, seconds": (seconds("read_table", ".parquet"), 1.5),
        }
    )
    print(write("reading", {"rows": options.rows, "runs": list(lines.values())}))


if __name__ == "__main__":
    main()
