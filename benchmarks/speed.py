"""Seconds of fits and influences as multiples of one `A.T @ A` plus `X @ v` of the same size, in one run.

python -m benchmarks.speed [--rows 10000 50000 200000] [--features 20 100]
"""

from __future__ import annotations

import argparse

import numpy as np

from benchmarks.machine import median_seconds, print_table, write
from iffair_core.influence import influence_scores, removal_effects
from iffair_core.models import LogisticModel
from iffair_core.quantities import fairness_quantities


def ratios(n: int, p: int, seed: int = 0) -> dict[str, float]:
    """Each stage's time over the floor at n rows and p features, and the floor in seconds."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, p))
    group = rng.integers(0, 2, n)
    y = (rng.random(n) < 1 / (1 + np.exp(-X[:, :5].sum(axis=1) - 0.5 * group))).astype(float)
    A, v = np.sqrt(rng.random(n))[:, None] * X, rng.standard_normal(p)
    floor = median_seconds(lambda: (A.T @ A, X @ v))
    model = LogisticModel().fit(X, y)
    nearby = 1.0 + 0.05 * rng.standard_normal(n).clip(-2, 2)
    evaluation = slice(0, n // 5)
    quantities = fairness_quantities(X[evaluation], y[evaluation], group[evaluation])

    def influence() -> None:
        model._factor = None  # count the Hessian and its factorisation as well
        influence_scores(model, quantities)

    def removal() -> None:
        model._factor = None
        removal_effects(model, quantities, order=1)

    return {
        "rows": n,
        "features": p,
        "floor_seconds": floor,
        "fit_cold": median_seconds(lambda: LogisticModel().fit(X, y), 3) / floor,
        "fit_warm": median_seconds(lambda: LogisticModel().fit(X, y, nearby, warm_start=model), 3) / floor,
        "influence": median_seconds(influence) / floor,
        "influence_with_leverage": median_seconds(removal) / floor,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 50_000, 200_000])
    parser.add_argument("--features", type=int, nargs="+", default=[20, 100])
    options = parser.parse_args()
    lines = [ratios(n, p) for p in options.features for n in options.rows]
    print_table(lines)
    print(write("speed", {"ratios_to_floor": lines}))


if __name__ == "__main__":
    main()
