"""2,000 bootstrap draws of every metric that confusion cells determine, beside Fairlearn's own bootstrap.

python -m benchmarks.bootstrap [--rows 1000000] [--groups 2] [--draws 2000] [--their-rows 4000 16000] [--their-draws 3]

Ours counts the rows' confusion cells and draws them `--draws` times, with intervals and the chance band. Fairlearn's
`MetricFrame(n_boot=...)` draws rows; it is measured on the rates behind our metrics at two smaller numbers of rows,
with `--their-draws` draws and with none. What a draw adds is taken for a constant and a part in proportion to the rows,
which the two sizes tell apart; the scaled figure for our rows and draws follows from these and is an estimate. What it
gives are rates per group and over all rows; differences, the chance band and the Theil index would come on top.
"""

from __future__ import annotations

import argparse
import warnings
from functools import partial

import numpy as np
from fairlearn.metrics import MetricFrame, false_positive_rate, selection_rate, true_positive_rate
from sklearn.metrics import accuracy_score, precision_score, zero_one_loss

from benchmarks.machine import print_table, print_targets, timed, write
from iffair_core.metrics import CELL_METRICS, confusion_counts, intervals_from_counts

LIMIT_MS = 50.0
THEIR_METRICS = {
    "selection_rate": selection_rate,
    "true_positive_rate": true_positive_rate,
    "false_positive_rate": false_positive_rate,
    "error_rate": zero_one_loss,
    "precision": precision_score,
    "accuracy": accuracy_score,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--groups", type=int, default=2)
    parser.add_argument("--draws", type=int, default=2_000)
    parser.add_argument("--their-rows", type=int, nargs=2, default=[4_000, 16_000])
    parser.add_argument("--their-draws", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=9)
    options = parser.parse_args()
    rng = np.random.default_rng(0)
    codes = rng.integers(0, options.groups, options.rows)
    y = (rng.random(options.rows) < 0.3 + 0.2 * codes / options.groups).astype(np.int64)
    decision = np.where(rng.random(options.rows) < 0.8, y, 1 - y)
    counts = confusion_counts(y, decision, codes, options.groups)

    def whole() -> None:
        found = confusion_counts(y, decision, codes, options.groups)
        intervals_from_counts(found, seed=0, draws=options.draws)

    def theirs(rows: int, draws: int | None) -> None:
        few = slice(0, rows)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            MetricFrame(
                metrics=THEIR_METRICS,
                y_true=y[few],
                y_pred=decision[few],
                sensitive_features=codes[few],
                n_boot=draws,
                ci_quantiles=None if draws is None else [0.025, 0.975],
                random_state=None if draws is None else 0,
            )

    ours = timed(
        {
            "counting and draws": whole,
            "counting": lambda: confusion_counts(y, decision, codes, options.groups),
            "draws": lambda: intervals_from_counts(counts, seed=0, draws=options.draws),
        },
        options.rounds,
    )
    fewer, more = sorted(options.their_rows)
    fairlearn = timed(
        {
            f"{rows} {draws}": partial(theirs, rows, draws)
            for rows in (fewer, more)
            for draws in (options.their_draws, None)
        },
        2,
    )
    draw = {
        rows: (fairlearn[f"{rows} {options.their_draws}"].best - fairlearn[f"{rows} None"].best) / options.their_draws
        for rows in (fewer, more)
    }
    of_a_row = max(draw[more] - draw[fewer], 0.0) / (more - fewer)
    scaled = options.draws * (draw[fewer] + of_a_row * (options.rows - fewer))
    size = {"rows": options.rows, "draws": options.draws}
    lines: list[dict[str, object]] = [
        {"work": f"ours, {name}", **size, "median_ms": 1e3 * time.median, "best_ms": 1e3 * time.best}
        for name, time in ours.items()
    ]
    for rows in (fewer, more):
        time = fairlearn[f"{rows} {options.their_draws}"]
        their_size = {"rows": rows, "draws": options.their_draws}
        lines.append({"work": "MetricFrame", **their_size, "median_ms": 1e3 * time.median, "best_ms": 1e3 * time.best})
    lines.append({"work": "MetricFrame, scaled", **size, "median_ms": "-", "best_ms": 1e3 * scaled})
    print_table(lines)
    took = ours["counting and draws"]
    targets = {"ours, median ms": (1e3 * took.median, LIMIT_MS), "ours, best ms": (1e3 * took.best, LIMIT_MS)}
    print_targets(targets)
    document = {"metrics": list(CELL_METRICS), "their_metrics": list(THEIR_METRICS), "lines": lines}
    print(write("bootstrap", {**document, "times_slower_scaled": scaled / took.best, "targets": targets}))


if __name__ == "__main__":
    main()
