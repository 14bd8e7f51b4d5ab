"""Removal effects of order 0, 1 and 2 beside exact retraining without the row, for weak, medium and strong signals.

python -m benchmarks.leave_one_out [--rows 2000] [--features 30] [--left-out 2000]

Synthetic rows of standard normal features; gaps are measured on as many fresh rows, soft rates of slope 1. The error of
an order is |predicted - retrained| / |retrained| over the rows left out, in the Euclidean norm, for each quantity. Each
retrained model reaches |gradient|_inf / n <= 1e-9. Hard gaps: the share of rows whose predicted change of the gap in
decisions is exactly that of retraining, and the same among the rows that change it at all.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from benchmarks.machine import print_table, print_targets, write
from iffair_core.fidelity import leave_one_out_parameters
from iffair_core.influence import hard_removal_effects, removal_effects
from iffair_core.models import LogisticModel
from iffair_core.quantities import fairness_quantities

SIGNALS = {"weak": 0.5, "medium": 1.5, "strong": 4.0}
ORDERS = (0, 1, 2)
LIMITS = {1: 1e-3, 2: 1e-4}
ROUNDED = 1e-12


def errors(n: int, p: int, signal: str, left_out: int, seed: int = 0) -> list[dict[str, Any]]:
    """One line per quantity: relative error of each order, and for a gap the shares with its exact hard effect."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((2 * n, p))
    group = rng.integers(0, 2, 2 * n)
    X[:, 0] += 0.8 * group
    direction = rng.standard_normal(p)
    z = SIGNALS[signal] * (X @ direction / np.linalg.norm(direction)) - 0.6 * group
    y = (rng.random(2 * n) < 1 / (1 + np.exp(-z))).astype(float)
    model = LogisticModel().fit(X[:n], y[:n])
    quantities = fairness_quantities(X[n:], y[n:], group[n:], slope=1.0)
    rows = rng.permutation(n)[:left_out]
    thetas = leave_one_out_parameters(model, rows, seconds=np.inf)
    exact = np.array([quantities.values_at(model, theta) for theta in thetas]) - quantities.values(model)
    predicted = {order: removal_effects(model, quantities, order=order)[rows] for order in ORDERS}
    hard = np.array([quantities.hard_values(model, theta) for theta in thetas]) - quantities.hard_values(model)
    guessed = hard_removal_effects(model, quantities, rows)
    lines = []
    for j, name in enumerate(quantities.names):
        line: dict[str, Any] = {"signal": signal, "quantity": name, "rows_left_out": len(rows)}
        scale = np.linalg.norm(exact[:, j])
        line |= {f"order_{o}": float(np.linalg.norm(predicted[o][:, j] - exact[:, j]) / scale) for o in ORDERS}
        if j < len(quantities.gaps):
            same = np.abs(guessed[:, j] - hard[:, j]) <= ROUNDED
            moved = np.abs(hard[:, j]) > ROUNDED
            line |= {"hard_exact": float(same.mean()), "hard_moved": float(moved.mean())}
            line["hard_exact_of_moved"] = float(same[moved].mean()) if moved.any() else None
        lines.append(line)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2_000)
    parser.add_argument("--features", type=int, default=30)
    parser.add_argument("--left-out", type=int, default=2_000)
    options = parser.parse_args()
    lines = [line for signal in SIGNALS for line in errors(options.rows, options.features, signal, options.left_out)]
    columns = list(lines[0])
    print_table([{name: line.get(name, "-") for name in columns} for line in lines])
    gaps = [line for line in lines if line["quantity"] != "log_loss"]
    worst = {
        f"order {order}, {name}, {signal}": (max(line[f"order_{order}"] for line in chosen), limit)
        for order, limit in LIMITS.items()
        for signal in SIGNALS
        for name, chosen in (
            ("demographic parity", [one for one in gaps if _is(one, signal, "demographic_parity")]),
            ("all gaps", [one for one in gaps if one["signal"] == signal]),
        )
    }
    print_targets(worst)
    print(write("leave_one_out", {"lines": lines, "targets": worst}))


def _is(line: dict[str, Any], signal: str, quantity: str) -> bool:
    return bool(line["signal"] == signal and line["quantity"].startswith(quantity))


if __name__ == "__main__":
    main()
