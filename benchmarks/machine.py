"""What every benchmark needs: the machine it ran on, timed runs, memory, a table to print, a JSON document out."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
import tracemalloc
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("numpy", "scipy", "scikit-learn", "pandas", "fairlearn")


class Times(NamedTuple):
    """Seconds of several runs of one piece of work: wall clock, and of all the process's threads on the processor.

    Other programs only ever add to a run, so the best of several is the steadiest figure on a machine that is shared.
    """

    median: float
    best: float
    processor: float


def machine() -> dict[str, object]:
    """Cores, load, Python and package versions."""
    return {
        "cores": os.cpu_count(),
        "usable_cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "processor": _processor(),
        "load_average": list(os.getloadavg()) if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        "packages": versions(PACKAGES),
    }


def versions(names: Sequence[str]) -> dict[str, str | None]:
    """Installed version of each package, None where it is not installed."""
    found: dict[str, str | None] = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return found


def _processor() -> str:
    if Path("/proc/cpuinfo").exists():
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor()


def timed(works: Mapping[str, Callable[[], object]], rounds: int = 5) -> dict[str, Times]:
    """Times of each piece of work over `rounds`, in turn, so that a busy minute of the machine hits all of them alike.

    A round to warm up comes first.
    """
    for work in works.values():
        work()
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            wall, processor = time.perf_counter(), time.process_time()
            work()
            seconds[name].append((time.perf_counter() - wall, time.process_time() - processor))
    return {
        name: Times(statistics.median(wall for wall, _ in runs), min(runs)[0], min(processor for _, processor in runs))
        for name, runs in seconds.items()
    }


def extra_bytes(work: Callable[[], object]) -> int:
    """Most memory that `work` held at any moment beyond what was held before, its result included.

    By tracemalloc, which sees every array of NumPy on every thread; buffers inside BLAS it does not see.
    """
    work()
    tracemalloc.start()
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    result = work()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    del result
    return peak - held


def print_table(lines: Sequence[Mapping[str, object]]) -> None:
    """One row per line, one column per key, floats with four significant digits."""
    cells = [
        list(lines[0]),
        *([f"{v:.4g}" if isinstance(v, float) else str(v) for v in line.values()] for line in lines),
    ]
    widths = [max(len(row[i]) for row in cells) for i in range(len(cells[0]))]
    for row in cells:
        print("  ".join(text.rjust(width) for text, width in zip(row, widths, strict=True)))


def print_targets(found: Mapping[str, tuple[float, float]], *, at_least: bool = False) -> None:
    """What was measured beside what it should be at most (or at least), and whether it is."""
    print_table(
        [
            {
                "target": name,
                "measured": float(value),
                "at least" if at_least else "at most": float(limit),
                "met": "yes" if (value >= limit if at_least else value <= limit) else "NO",
            }
            for name, (value, limit) in found.items()
        ]
    )


def write(name: str, document: dict[str, object]) -> Path:
    """Write results/<name>.json and return its path."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({"machine": machine(), **document}, indent=2) + "\n", encoding="utf-8")
    return path
