"""A study of a million rows, stage by stage: seconds and memory, with the categories as codes and as columns.

python -m benchmarks.scale [--rows 200000 1000000] [--array 200000] [--kind csv]

The table of `benchmarks.reading` (30 columns, nine of them categories of 2 to 400 levels) is written as CSV or Parquet
and studied from the file with the product's defaults, each size in a process of its own; up to --array rows also with
the matrix as an array, as small tables have it. `processor` is seconds of all threads, which other programs on the
machine disturb least; `peak MB` is the most that the process had held when the stage ended. Both forms give the same
numbers.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow.csv
import pyarrow.parquet

from benchmarks.machine import print_table, print_targets, write
from benchmarks.reading import big_table, peak
from iffair_core import Study, Task, read_table
from iffair_core.data import design

TARGET_ROWS, TARGET_SECONDS, TARGET_GB, TARGET_GROWTH = 1_000_000, 45.0, 1.5, 1.05
FORMS = ("codes", "array")


def study(path: Path, form: str) -> None:
    """Read and study the file, and print one line of JSON: seconds, processor seconds and peak of every stage."""
    if form == "array":
        design.CODED_FROM = sys.maxsize
    ends = {"": (time.perf_counter(), time.process_time(), peak())}

    def reached(stage: str, *_: object) -> None:
        ends[stage] = time.perf_counter(), time.process_time(), peak()

    table = read_table(path)
    reached("read")
    result = Study(table, Task("decision", "granted", "category 1")).run(reached)
    reached("rivals")
    print(
        json.dumps(
            {
                "features": len(result.dataset.feature_names),
                "stages": [
                    {
                        "stage": stage,
                        "seconds": ends[stage][0] - ends[before][0],
                        "processor": ends[stage][1] - ends[before][1],
                        "peak MB": ends[stage][2] / 1e6,
                    }
                    for before, stage in pairwise(list(ends))
                ],
            }
        )
    )


def measured(rows: int, form: str, kind: str) -> dict[str, Any]:
    """One study of so many rows from a file of this kind, and its totals."""
    command = [sys.executable, "-m", "benchmarks.scale", "--child"]
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / f"table.{kind}")
        subprocess.run([*command, "write", path, "--rows", str(rows)], check=True)
        done = subprocess.run([*command, form, path], check=True, capture_output=True, text=True)
    found = json.loads(done.stdout.splitlines()[-1])
    total = {key: sum(one[key] for one in found["stages"]) for key in ("seconds", "processor")}
    return {"rows": rows, "form": form, "kind": kind, **found, **total, "peak MB": found["stages"][-1]["peak MB"]}


def main() -> None:
    """Print the tables and write results/scale.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[200_000, TARGET_ROWS])
    parser.add_argument("--array", type=int, default=200_000, help="rows up to which the array is measured as well")
    parser.add_argument("--kind", choices=["csv", "parquet"], default="csv", help="of the file that is studied")
    parser.add_argument("--child", nargs=2, metavar=("WORK", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        work, path = options.child
        if work == "write":
            written = pyarrow.parquet.write_table if path.endswith(".parquet") else pyarrow.csv.write_csv
            written(big_table(options.rows[0]), path)
        else:
            study(Path(path), work)
        return
    runs = [
        measured(rows, form, options.kind)
        for rows in sorted(options.rows)
        for form in FORMS[: 1 + (rows <= options.array)]
    ]
    for run in runs:
        print(f"\n{run['rows']:,} rows, {run['features']} features, {run['form']}, {run['kind']}")
        print_table(
            [*run["stages"], {"stage": "all", **{key: run[key] for key in ("seconds", "processor", "peak MB")}}]
        )
    coded = {run["rows"]: run for run in runs if run["form"] == "codes"}
    arrays = {run["rows"]: run for run in runs if run["form"] == "array"}
    ratios = {
        rows: {key: arrays[rows][key] / coded[rows][key] for key in ("seconds", "processor", "peak MB")}
        for rows in arrays
    }
    if ratios:
        print("\narray over codes")
        print_table([{"rows": rows, **ratio} for rows, ratio in ratios.items()])
    targets: dict[str, tuple[float, float]] = {}
    if TARGET_ROWS in coded:
        targets["a million rows, seconds"] = coded[TARGET_ROWS]["seconds"], TARGET_SECONDS
        targets["a million rows, GB"] = coded[TARGET_ROWS]["peak MB"] / 1e3, TARGET_GB
    if len(coded) > 1:
        few, many = min(coded), max(coded)
        growth = math.log(coded[many]["processor"] / coded[few]["processor"]) / math.log(many / few)
        targets["growth exponent of processor seconds"] = growth, TARGET_GROWTH
    if targets:
        print()
        print_targets(targets)
    print(write("scale", {"runs": runs, "array_over_codes": ratios, "targets": targets}))


if __name__ == "__main__":
    main()
