"""Seconds of fits and influences as multiples of one `A.T @ A` plus `X @ v` of the same size, in one run; extra memory.

python -m benchmarks.speed [--rows 10000 50000 200000] [--features 20 100] [--rounds 5] [--full]

A = sqrt(d) * X is formed beforehand. The floor is the faster of BLAS on its own threads and on one. Wall-clock ratios
are best over best of the rounds; `work` is the same with seconds of processor time and the floor on one
thread, which other programs on the machine disturb least. An influence is that of all rows on five quantities measured
on a fifth of them, Hessian and factorization included. Extra memory is tracemalloc's peak: every array of NumPy, but no
buffer inside BLAS.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.machine import extra_bytes, print_table, print_targets, timed, write
from iffair_core.influence import influence_scores, removal_effects
from iffair_core.models import LogisticModel
from iffair_core.models.blocks import single_threaded_blas
from iffair_core.quantities import fairness_quantities

TARGET_SIZE = (200_000, 100)
TARGETS = {"fit_cold": 3.0, "fit_warm": 1.0, "influence": 1.4, "with_leverage": 2.5}
SECOND_ORDER = 5e9
"""Rows x parameters^2 up to which second order is measured without --full: it takes about ten times the others."""


def stages(n: int, p: int, *, second_order: bool, seed: int = 0) -> tuple[dict[str, Callable[[], object]], int, int]:
    """The pieces of work at n rows and p features, the bytes of the data, and the number k of quantities."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    group = rng.integers(0, 2, n)
    y = (rng.random(n) < 1 / (1 + np.exp(-X[:, :5].sum(axis=1) - 0.5 * group))).astype(float)
    A, v = np.sqrt(rng.random(n))[:, None] * X, rng.standard_normal(p)
    model = LogisticModel().fit(X, y)
    nearby = 1.0 + 0.05 * rng.standard_normal(n).clip(-2, 2)
    evaluation = slice(0, n // 5)
    quantities = fairness_quantities(X[evaluation], y[evaluation], group[evaluation])
    model.solve(np.ones(p + 1))

    def floor_on_one_thread() -> None:
        with single_threaded_blas():
            A.T @ A, X @ v

    def fresh() -> LogisticModel:
        """The model without its factorized Hessian, so that it is counted as well."""
        copy = LogisticModel()
        copy.__dict__.update(model.__dict__, _factor=None)
        return copy

    works: dict[str, Callable[[], object]] = {
        "floor": lambda: (A.T @ A, X @ v),
        "floor_on_one_thread": floor_on_one_thread,
        "fit_cold": lambda: LogisticModel().fit(X, y),
        "fit_warm": lambda: LogisticModel().fit(X, y, nearby, warm_start=model),
        "influence": lambda: influence_scores(fresh(), quantities),
        "with_leverage": lambda: removal_effects(fresh(), quantities, order=1),
    }
    if second_order:
        works["second_order"] = lambda: removal_effects(fresh(), quantities, order=2)
    return works, X.nbytes + y.nbytes, len(quantities.names)


def measured(n: int, p: int, rounds: int, *, second_order: bool) -> dict[str, Any]:
    """Seconds, ratios to the floor and extra memory of every stage at n rows and p features."""
    works, data_bytes, k = stages(n, p, second_order=second_order)
    times = timed(works, rounds)
    floors = ("floor", "floor_on_one_thread")
    floor = {"best": min(times[name].best for name in floors), "median": min(times[name].median for name in floors)}
    ours = [name for name in works if name not in floors]
    extra = {name: extra_bytes(works[name]) for name in ours}
    return {
        "rows": n,
        "features": p,
        "quantities": k,
        "data_bytes": data_bytes,
        "seconds": {name: time._asdict() for name, time in times.items()},
        "ratio": {name: times[name].best / floor["best"] for name in ours},
        "ratio_of_medians": {name: times[name].median / floor["median"] for name in ours},
        "work": {name: times[name].processor / times["floor_on_one_thread"].processor for name in ours},
        "extra_bytes": extra,
        "extra_over_data": {name: extra[name] / data_bytes for name in ours},
        "extra_limit_bytes": 20_000_000 + 8 * n * k,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+")
    parser.add_argument("--features", type=int, nargs="+", default=[20, 100])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--full", action="store_true", help="1,000,000 rows as well, and second order everywhere")
    options = parser.parse_args()
    rows = options.rows or [10_000, 50_000, 200_000, *([1_000_000] if options.full else [])]
    found = []
    for p in options.features:
        for n in rows:
            second_order = options.full or n * p**2 <= SECOND_ORDER
            found.append(measured(n, p, options.rounds, second_order=second_order))
    names = list(dict.fromkeys(name for one in found for name in one["ratio"]))
    for title, key in (("wall clock over floor", "ratio"), ("processor time over floor on one thread", "work")):
        print(f"\n{title}")
        print_table([_line(one, names, one[key], floor_ms=1e3 * one["seconds"]["floor"]["best"]) for one in found])
    print("\nextra memory over the data's bytes")
    print_table([_line(one, names, one["extra_over_data"]) for one in found])
    target: dict[str, Any] = {}
    for one in found:
        if (one["rows"], one["features"]) == TARGET_SIZE:
            for name, limit in TARGETS.items():
                target[f"{name}, wall clock"] = (one["ratio"][name], limit)
                target[f"{name}, work"] = (one["work"][name], limit)
            for name in ("influence", "with_leverage"):
                target[f"{name}, extra MB"] = (one["extra_bytes"][name] / 1e6, one["extra_limit_bytes"] / 1e6)
    if target:
        print("\nat {:,} x {}".format(*TARGET_SIZE))
        print_targets(target)
    print(write("speed", {"sizes": found, "targets": target}))


def _line(one: dict[str, Any], names: list[str], values: dict[str, float], **more: float) -> dict[str, object]:
    shown: dict[str, object] = {name: values.get(name, "-") for name in names}
    return {"rows": one["rows"], "features": one["features"], **more, **shown}


if __name__ == "__main__":
    main()
