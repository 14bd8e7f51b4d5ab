"""Causes beside the refits that check them, on data sets of the catalog; and how well they find what was injected.

python -m benchmarks.causes [--data example,adult,...]

For each data set: the first five cohorts, their part of the gap by scores, predicted and refitted; the median relative
error of predicted removal for random cohorts of 1, 5 and 10 % of the training rows; cosines between goals beside
refits; what rows held back were foretold to do and did; and seconds of each view (median of --repeats).
On the example: ROC AUC, at finding the rows whose outcome was altered, of removal effects, cohorts, gradients alone
(the influence without the inverse Hessian), the loss of each row, and the residual of a logistic regression.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from benchmarks.machine import print_table, write
from iffair_core import Study, StudyResult, load_dataset
from iffair_core.causes.change import predict, refit
from iffair_core.causes.cohorts import cohort_ledger, proven_ledger
from iffair_core.causes.collect import what_to_collect
from iffair_core.causes.conflicts import along_curve, conflicts
from iffair_core.causes.decisions import turned_rows, why_turned
from iffair_core.data.design import dense
from iffair_core.data.resolving import typed
from iffair_core.datasets.example import example_biased_rows
from iffair_core.quantities import goal_pairs
from iffair_core.telling.causes import cohort_table, cohorts_agreement

DATA = ("example", "compas", "german", "law_bar_pass", "bank_additional_full", "adult")
SHARES = (0.01, 0.05, 0.10)
COHORTS_EACH = 10


def seconds(work: Callable[[], Any], repeats: int) -> float:
    """Median seconds of a piece of work."""
    taken = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def removal_errors(result: StudyResult, seed: int = 0) -> dict[str, float]:
    """Median relative error of predicted removal of cohorts with shares of the training rows, as neighbors share them.

    A cohort is the nearest rows of one row, so that its rows are alike, as those of a cohort with conditions are.
    """
    rng, X = np.random.default_rng(seed), dense(result.model.X_)
    found = {}
    for share in SHARES:
        errors = []
        for center in rng.choice(len(X), COHORTS_EACH, replace=False):
            apart = ((X - X[center]) ** 2).sum(axis=1)
            rows = np.sort(np.argsort(apart, kind="stable")[: max(1, round(share * len(X)))])
            told, seen = predict(result, "remove", rows).soft, refit(result, "remove", rows).soft
            errors.append(abs(told - seen) / abs(seen))
        found[f"{share:.0%} of rows"] = float(np.median(errors))
    return found


def study_of(name: str) -> tuple[StudyResult, Any]:
    """(finished study without rivals, the table as typed by the task)."""
    table, task = load_dataset(name)
    return Study(table, task, name=name, rivals="none").run(), typed(task, table)


def causes(name: str, repeats: int) -> dict[str, Any]:
    """All figures of one data set."""
    result, table = study_of(name)
    ledger = proven_ledger(result, table)
    goals, along, further = conflicts(result), along_curve(result), what_to_collect(result, ledger.cohorts)
    lines = cohort_table(result, ledger).head(5)
    print(f"\n{name}: {result.train_rows.size:,} training rows; gap: {result.goal.label}, {result.goal.value:.3f}")
    print_table(
        [
            {
                "cohort": line["cohort"],
                "rows": line["rows"],
                "by scores": f"{line['share']:.1%}",
                "predicted": f"{line['predicted']:.1%}",
                "refitted": f"{line['refitted']:.1%}",
            }
            for line in lines.to_dict("records")
        ]
    )
    errors = removal_errors(result)
    seen = np.isfinite(goals.refitted) & ~np.eye(len(goals.cosines), dtype=bool)
    views: dict[str, Callable[[], Any]] = {
        "cohorts": lambda: cohort_ledger(result, table),
        "what if": lambda: predict(result, "remove", ledger.cohorts[0].rows),
        "conflicts": lambda: conflicts(result),
        "along the curve": lambda: along_curve(result),
        "collect": lambda: what_to_collect(result, ledger.cohorts),
    }
    turned = turned_rows(result)
    if turned.size:
        views["why turned"] = lambda: why_turned(result, table, int(result.dataset.row_id[turned[0]]))
    figures = {
        "cohorts": lines.to_dict("records"),
        "cohorts off refits": cohorts_agreement(ledger).error,
        "removal": errors,
        "conflicts off refits": goals.agreement.error,
        "curve off refits": along.agreement.error,
        "largest difference of a cosine": float(np.abs(goals.cosines - goals.refitted)[seen].max())
        if seen.any()
        else None,
        "collect within": f"{further.within} of {further.checked}",
        "collect spearman": further.order,
        "seconds": {view: seconds(work, repeats) for view, work in views.items()},
    }
    print_table(
        [
            {
                "cohorts off refits": f"{figures['cohorts off refits']:.1%}",
                **{f"removal, {share}": f"{error:.2%}" for share, error in errors.items()},
                "cosines off refits": f"{goals.agreement.error:.1%}",
                "curve off refits": f"{along.agreement.error:.1%}",
                "collect within 95 %": figures["collect within"],
                "Spearman": "-" if further.order is None else f"{further.order:.2f}",
            }
        ]
    )
    print_table([{view: f"{taken:.3f} s" for view, taken in figures["seconds"].items()}])
    return figures


def injected() -> dict[str, float]:
    """ROC AUC of several scores at finding the rows of the example whose outcome was altered."""
    result, table = study_of("example")
    rows, model = result.train_rows, result.model
    truth = example_biased_rows()[result.dataset.row_id[rows]]
    ledger = cohort_ledger(result, table)
    covered = np.zeros(rows.size)
    for place, cohort in reversed(list(enumerate(ledger))):
        covered[cohort.rows] = len(ledger) - place
    p = result.scores_before[rows]
    gradient = result.quantities.gradients(model)[:, _goal_row(result)[1]] @ _goal_row(result)[0]
    alone = (model.y_ - p) * model.push_forward(model.X_, gradient[:, None])[:, 0]
    X = dense(model.X_)
    plain = LogisticRegression(C=result.config.C, max_iter=5_000).fit(X, model.y_).predict_proba(X)[:, 1]
    loss = -np.where(model.y_ > 0.5, np.log(p), np.log(1 - p))
    found = {
        "removal effect": -result.goal.removal,
        "|removal effect|": np.abs(result.goal.removal),
        "cohorts (first is highest)": covered,
        "gradient alone": alone,
        "loss": loss,
        "|residual| of a logistic regression": np.abs(model.y_ - plain),
    }
    return {name: float(roc_auc_score(truth, score)) for name, score in found.items()}


def _goal_row(result: StudyResult) -> tuple[np.ndarray, np.ndarray]:
    """The goal's directed gap as a mixture (q,) of quantities, and their places (q,)."""
    goal, pairs = result.goal, goal_pairs(result.quantities, result.config.goal)
    row = pairs.matrix[pairs.labels.index((goal.rate, goal.over, goal.under))]
    places = np.flatnonzero(row)
    return row[places], places


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=",".join(DATA))
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    aucs = injected()
    print("ROC AUC at finding the altered rows of the example")
    print_table([{"score": name, "ROC AUC": f"{auc:.3f}"} for name, auc in aucs.items()])
    found = {name: causes(name, options.repeats) for name in options.data.split(",")}
    print(write("causes", {"injected": aucs, "data": found}))


if __name__ == "__main__":
    main()
