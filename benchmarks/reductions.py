"""Our whole refitted curve on Adult beside one fit of Fairlearn's ExponentiatedGradient, in the same run.

python -m benchmarks.reductions [--goals demographic_parity equalized_odds] [--variants diverse efficient] [--rounds 3]
                                [--rows 200000]

With --rows, on so many rows of the table of `benchmarks.reading` (30 columns) in place of Adult.

Both get the same split, encoded rows and kind of model (logistic regression, C = 1). Ours: the fit without weights,
then 21 strengths, each refitted and measured with its intervals on validation and on test rows, as a study does; the
median of the rounds. Theirs: `ExponentiatedGradient` with its defaults around scikit-learn's LogisticRegression, once
with scikit-learn's default solver, as its users have it, and once by Newton's method, the quickest of its solvers here;
one fit, prediction not counted. Beside the seconds: accuracy and disparity on test rows, ours at the recommended
strength.
"""

from __future__ import annotations

import argparse
import time
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from fairlearn.reductions import DemographicParity, EqualizedOdds, ExponentiatedGradient
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression

from benchmarks.datasets import adult
from benchmarks.machine import print_table, print_targets, timed, write
from benchmarks.reading import big_table
from iffair_core import Task
from iffair_core.data.design import dense
from iffair_core.data.encoding import encode
from iffair_core.errors import DownloadError
from iffair_core.metrics import GOAL_METRIC, point_metrics
from iffair_core.models import LogisticModel
from iffair_core.models.blocks import single_threaded_blas
from iffair_core.path import Repair, RepairPath
from iffair_core.rivals.mitigators import base_estimator
from iffair_core.study.split_views import SplitViews
from iffair_core.tradeoff import Curve, trace

CONSTRAINTS = {"demographic_parity": DemographicParity, "equalized_odds": EqualizedOdds}
SHARE = 1 / 10
BASES = {
    "default solver": LogisticRegression(max_iter=1000),
    "quickest solver": base_estimator(1.0),
}


class Split(SplitViews):
    """Training, validation and test rows of a data set, encoded, as a study has them."""

    def curve(self, goal: str, variant: str) -> Curve:
        """What a study traces: the fit, then 21 strengths refitted and measured."""
        train = self.rows["train"]
        with single_threaded_blas():
            path = RepairPath(LogisticModel().fit(self.X[train], self.y[train]), self.guide(), Repair(goal, variant))
            return trace(path, self.parts, self.quantities, strength=None, budget=None, seed=0)

    def reduction(self, goal: str, base: Any) -> dict[str, Any]:
        """Seconds of one fit of ExponentiatedGradient, and accuracy and disparity on test rows."""
        train, test = self.rows["train"], self.parts["test"]
        X, fitted = dense(self.X[train]), ExponentiatedGradient(clone(base), CONSTRAINTS[goal]())
        started, processor = time.perf_counter(), time.process_time()
        fitted.fit(X, self.y[train], sensitive_features=self.codes[train])
        seconds, work = time.perf_counter() - started, time.process_time() - processor
        decided = np.asarray(fitted.predict(dense(test.X), random_state=0), dtype=float)
        found = point_metrics(test.y, decided, test.group_codes, len(self.dataset.groups))
        return {"seconds": seconds, "processor_seconds": work, "fits": len(fitted.predictors_), **_shown(found, goal)}


def _shown(numbers: Any, goal: str) -> dict[str, Any]:
    return {"accuracy": numbers["accuracy"], "disparity": numbers[GOAL_METRIC[goal]]}


def _large(rows: int) -> tuple[pd.DataFrame, Task]:
    """A table of 30 columns, as a reader of files gives it."""
    return big_table(rows).to_pandas(), Task("decision", "granted", "category 1")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--goals", nargs="+", default=list(CONSTRAINTS), choices=list(CONSTRAINTS))
    parser.add_argument("--variants", nargs="+", default=["diverse", "efficient"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, help="rows of a table of 30 columns, in place of Adult")
    options = parser.parse_args()
    try:
        table, task = _large(options.rows) if options.rows else adult()
    except DownloadError as error:
        print(f"Nothing is compared. {error}")
        print(write("reductions", {"error": str(error)}))
        return
    split = Split(encode(table, task, seed=0))
    lines, targets = [], {}
    for goal in options.goals:
        theirs = {name: split.reduction(goal, base) for name, base in BASES.items()}
        lines += [{"goal": goal, "method": f"one ExponentiatedGradient, {name}", **one} for name, one in theirs.items()]
        for variant in options.variants:
            took = timed({variant: partial(split.curve, goal, variant)}, options.rounds)
            curve = split.curve(goal, variant)
            found = _shown(curve.points[curve.recommended].refitted["test"], goal)
            seconds = took[variant].median
            fits = sum(point.feasible for point in curve.points)
            line = {"seconds": seconds, "processor_seconds": took[variant].processor, "fits": fits, **found}
            lines.append({"goal": goal, "method": f"{variant}, 21 strengths", **line})
            for name, one in theirs.items():
                share, work = seconds / one["seconds"], took[variant].processor / one["processor_seconds"]
                targets[f"{goal}, {variant}: share of seconds, {name}"] = (share, SHARE)
                targets[f"{goal}, {variant}: share of processor seconds, {name}"] = (work, SHARE)
    print_table(lines)
    print_targets(targets)
    rows = {name: len(split.y[part]) for name, part in split.rows.items()}
    print(write("reductions", {"rows": rows, "features": split.X.shape[1], "lines": lines, "targets": targets}))


if __name__ == "__main__":
    main()
