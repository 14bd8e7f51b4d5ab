"""A study on a Dask cluster of two workers beside the study in memory, and with a worker killed on the way.

python -m benchmarks.cluster [--rows 200000] [--memory 3GB] [--alone]

The table of `benchmarks.reading` (30 columns, nine of them categories of 2 to 400 levels) is written as a folder of
Parquet files, and studied with one other method, reweighing. Both studies run on the same machine, one after another,
so that seconds compare machinery and not machines. `--alone`: neither the study in memory nor the one that loses
a worker, for tables that are too large for them. Peaks are the most that a worker and this process had held.
"""

from __future__ import annotations

import argparse
import os
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from benchmarks.machine import print_table, print_targets, versions, write
from benchmarks.reading import big_table, peak
from iffair_core import Study, Task, read_table
from iffair_core.cluster.connecting import connected
from iffair_core.cluster.folder import open_folder
from iffair_core.cluster.study import ClusterStudy
from iffair_core.study.results import StudyResult

FILE_ROWS = 500_000
SAME, WORKER_GB = 1e-8, 3.0
TASK, OPTIONS = Task("decision", "granted", "category 1"), {"rivals": ("reweighing",)}


def written(folder: Path, rows: int) -> None:
    """The table in files of at most FILE_ROWS rows, two at least, each of a seed of its own."""
    size = min(FILE_ROWS, -(-rows // 2))
    for place, start in enumerate(range(0, rows, size)):
        pq.write_table(big_table(min(size, rows - start), seed=place), folder / f"part-{place:04d}.parquet")


def apart(one: StudyResult, other: StudyResult) -> dict[str, float]:
    """The largest difference between two studies in each kind of number."""

    def most(a: Any, b: Any) -> float:
        return float(np.nanmax(np.abs(np.asarray(a, float) - np.asarray(b, float)), initial=0.0))

    curves = (result.curve.frame().drop(columns="split") for result in (one, other))
    weights = [
        most(a.weights, b.weights)
        for a, b in zip(one.curve.points, other.curve.points, strict=True)
        if a.weights is not None and b.weights is not None
    ]
    same = [a.feasible == b.feasible for a, b in zip(one.curve.points, other.curve.points, strict=True)]
    return {
        "curve": most(*curves),
        "weights": max(weights),
        "scores": most(one.scores_after, other.scores_after),
        "influence": most(one.influence, other.influence),
        "points not both feasible": float(same.count(False)),
    }


def main() -> None:
    """Print the tables and write results/cluster.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument(
        "--memory", default=f"{WORKER_GB:g}GB", help="most that a worker may hold (default: %(default)s)"
    )
    parser.add_argument("--alone", action="store_true", help="on the cluster only, and with no worker killed")
    options = parser.parse_args()
    runs: list[dict[str, Any]] = []
    results: dict[str, StudyResult] = {}

    def run(name: str, study: Study, progress: Any = None) -> None:
        started = time.perf_counter()
        results[name] = study.run(progress)
        runs.append({"study": name, "seconds": time.perf_counter() - started, **results[name].timing})

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        written(folder, options.rows)
        with connected(memory=options.memory) as client:
            run("cluster", ClusterStudy(client, open_folder(folder), TASK, **OPTIONS))
            peaks = list(client.run(peak).values())
            if not options.alone:
                killed: list[int] = []

                def kill(stage: str, share: float, partial: object) -> None:
                    if stage == "curve" and share > 0.5 and not killed:
                        killed.append(next(iter(client.run(os.getpid).values())))
                        os.kill(killed[0], signal.SIGKILL)

                run("a worker killed", ClusterStudy(client, open_folder(folder), TASK, **OPTIONS), kill)
        if not options.alone:
            pq.write_table(pq.read_table(folder), folder / "one.parquet")
            run("memory", Study(read_table(folder / "one.parquet"), TASK, **OPTIONS))
    print_table(runs)
    worker = max(peaks) / 1e9
    print(f"\nlargest peak of a worker {worker:.2f} GB, peak of this process {peak() / 1e9:.2f} GB")
    targets = {"peak of a worker, GB": (worker, WORKER_GB)}
    differences = {name: apart(results["cluster"], results[name]) for name in results if name != "cluster"}
    for name, found in differences.items():
        targets |= {f"{kind}, beside {name}": (value, SAME) for kind, value in found.items()}
    print_targets(targets)
    found = {"rows": options.rows, "dask": versions(["dask"])["dask"], "runs": runs, "worker_peaks": peaks}
    print(write("cluster", {**found, "apart": differences, "targets": targets}))


if __name__ == "__main__":
    main()
