"""What every benchmark needs: the machine and versions it ran on, a median of timed runs, and one JSON document out."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


def machine() -> dict[str, object]:
    """Cores, Python and package versions."""
    packages = ("numpy", "scipy", "scikit-learn", "pandas", "fairlearn")
    return {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in packages},
    }


def median_seconds(work: Callable[[], object], repeats: int = 5) -> float:
    """Median wall-clock seconds of `work`, after one run to warm up."""
    work()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def write(name: str, document: dict[str, object]) -> Path:
    """Write results/<name>.json and return its path."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({"machine": machine(), **document}, indent=2) + "\n", encoding="utf-8")
    return path
