"""Seconds and memory to read a large table: a preview, the table itself, a whole study from the command line.

A seeded table of 1,000,000 rows and 30 columns (numbers, categories, a date, names) is written as CSV and as Parquet.
Each piece of work runs in a process of its own, so that its peak of memory is its own too; beside them stand pyarrow's
and pandas' plain readers of the same files, which look for no dialect and mend nothing.
"""

from __future__ import annotations

import argparse
import json
import os
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

ROUNDS = 3
TARGETS = {"preview_table": 1.0, "read_table csv": 5.0, "read_table parquet": 1.5}
"""Seconds."""
MEMORY_TARGET = 5.0
"""Peak of memory of reading the CSV over its bytes."""


def big_table(rows: int, seed: int = 0) -> pa.Table:
    """30 columns: 12 of numbers, 6 of whole numbers, 9 of categories, a date, an identifier and an outcome."""
    rng = np.random.default_rng(seed)
    columns: dict[str, object] = {"name": pa.array(np.char.add("P", np.arange(rows).astype("U9")).tolist())}
    score = np.zeros(rows)
    for k in range(12):
        values = rng.normal(0, 10.0 ** (k % 4), rows)
        score += values / 10.0 ** (k % 4) * (k % 3 - 1)
        cells = np.round(values, 1 + k % 3)
        columns[f"number {k + 1}"] = pa.array(cells, mask=rng.random(rows) < 0.01 * (k % 4))
    for k in range(6):
        columns[f"count {k + 1}"] = rng.poisson(3.0 ** (k + 1), rows)
    for k in range(9):
        size = (2, 3, 5, 8, 12, 20, 40, 100, 400)[k]
        levels = np.array([f"level {j}" for j in range(size)], dtype=object)
        codes = rng.zipf(1.5, rows) % size
        score += 0.3 * (codes == 0)
        columns[f"category {k + 1}"] = pa.array(levels).take(pa.array(codes))
    days = np.datetime64("2015-01-01") + rng.integers(0, 3_000, rows)
    columns["day"] = pa.array(days).cast(pa.string())
    granted = score + rng.normal(0, 2, rows) > 0
    columns["decision"] = pa.array(np.where(granted, "granted", "denied").tolist())
    return pa.table(columns)


# ---------------------------------------------------------------------------------------------------------- one work


def _ours(path: str) -> None:
    from iffair_core import read_table

    read_table(path)


def _preview(path: str) -> None:
    from iffair_core.reading.door import preview_table

    preview_table(path)


def _arrow(path: str) -> None:
    (pyarrow.csv.read_csv if path.endswith(".csv") else pyarrow.parquet.read_table)(path)


def _pandas(path: str) -> None:
    (pd.read_csv if path.endswith(".csv") else pd.read_parquet)(path)


def _written(folder: str) -> None:
    """Make the table and write it in both formats; `folder` ends with the number of rows."""
    name, rows = folder.rsplit(":", 1)
    table = big_table(int(rows))
    pyarrow.csv.write_csv(table, Path(name) / CSV, pyarrow.csv.WriteOptions(quoting_style="needed"))
    pyarrow.parquet.write_table(table, Path(name) / PARQUET)


WORKS: dict[str, Callable[[str], None]] = {
    "preview_table": _preview,
    "read_table": _ours,
    "pyarrow": _arrow,
    "pandas": _pandas,
}
CHILD = (sys.executable, "-m", "benchmarks.reading", "--child")
CSV, PARQUET = "table.csv", "table.parquet"


def _child(work: str, path: str) -> None:
    """Do one piece of work and print its seconds and the memory it added to that of a process with all imports done.

    The process that starts this one has to be small: Linux hands its peak of memory down.
    """
    import iffair_core  # noqa: F401

    if work == "write":
        _written(path)
        return
    before = _peak()
    started, processor = time.perf_counter(), time.process_time()
    WORKS[work](path)
    seconds, processor = time.perf_counter() - started, time.process_time() - processor
    print(json.dumps({"seconds": seconds, "processor": processor, "bytes": _peak() - before}))


def _peak(who: int = resource.RUSAGE_SELF) -> int:
    return resource.getrusage(who).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def _measured(work: str, path: Path) -> dict[str, float]:
    return json.loads(subprocess.run([*CHILD, work, str(path)], check=True, capture_output=True, text=True).stdout)


def _study(path: Path, folder: Path) -> dict[str, float]:
    """The command line on the file, start of Python and imports included; memory beyond that of the imports alone."""
    command = [sys.executable, "-m", "iffair_core", "run", str(path), "--target", "decision", "--favorable", "granted"]
    command += ["--sensitive", "category 1", "--out", str(folder / "results")]
    idle = _waited([sys.executable, "-c", "import iffair_core.__main__"])
    done = _waited(command)
    return {**done, "bytes": done["bytes"] - idle["bytes"]}


def _waited(command: list[str]) -> dict[str, float]:
    started = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        said = process.stderr.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {said}")
    return {
        "seconds": time.perf_counter() - started,
        "processor": usage.ru_utime + usage.ru_stime,
        "bytes": usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024),
    }


# ------------------------------------------------------------------------------------------------------------- table


def _best(runs: list[dict[str, float]]) -> float:
    return min(run["seconds"] for run in runs)


def main() -> None:
    """Print the table and write results/reading.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--no-study", action="store_true", help="leave the two whole studies out")
    parser.add_argument("--child", nargs=2, metavar=("WORK", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        _child(*options.child)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = {"csv": folder / CSV, "parquet": folder / PARQUET}
        subprocess.run([*CHILD, "write", f"{folder}:{options.rows}"], check=True)
        columns = pyarrow.parquet.read_schema(paths["parquet"]).names
        sizes = {kind: path.stat().st_size for kind, path in paths.items()}
        runs: dict[tuple[str, str], list[dict[str, float]]] = {}
        for _ in range(options.rounds):
            for kind, path in paths.items():
                for work in WORKS:
                    runs.setdefault((work, kind), []).append(_measured(work, path))
        if not options.no_study:
            for kind, path in paths.items():
                runs["study", kind] = [_study(path, folder)]
    lines = [
        {
            "work": work,
            "file": kind,
            "MB": sizes[kind] / 1e6,
            "seconds": _best(found),
            "processor": min(run["processor"] for run in found),
            "memory MB": min(run["bytes"] for run in found) / 1e6,
            "times pyarrow": _best(found) / _best(runs["pyarrow", kind]),
            "memory / file": min(run["bytes"] for run in found) / sizes[kind],
        }
        for (work, kind), found in runs.items()
    ]
    print(f"{options.rows:,} rows, {len(columns)} columns")
    print_table(lines)
    found = {(line["work"], line["file"]): line for line in lines}
    print_targets(
        {
            "preview of the CSV, seconds": (found["preview_table", "csv"]["seconds"], TARGETS["preview_table"]),
            "read_table of the CSV, seconds": (found["read_table", "csv"]["seconds"], TARGETS["read_table csv"]),
            "memory over the CSV's bytes": (found["read_table", "csv"]["memory / file"], MEMORY_TARGET),
            "read_table of Parquet, seconds": (
                found["read_table", "parquet"]["seconds"],
                TARGETS["read_table parquet"],
            ),
        }
    )
    print(write("reading", {"rows": options.rows, "columns": len(columns), "bytes": sizes, "runs": lines}))


if __name__ == "__main__":
    main()
