"""Whole studies on public data: can the scores be trusted, and do the weights travel to another model?

python -m benchmarks.studies [--goals NAME ...] [--classifier NAME] [--seeds 1] [--sensitive-as-feature]

For each data set and goal, a study with the product's defaults: its fidelity badge with both errors behind it, and the
disparity and accuracy on test rows of another classifier fitted without and with the weights of the chosen strength.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

from benchmarks.datasets import DATASETS
from benchmarks.machine import print_table, write
from iffair_core import Study
from iffair_core.metrics import GOAL_METRIC, GOALS


def one(dataset: str, goal: str, options: argparse.Namespace, seed: int) -> dict[str, Any]:
    """A study's badge, its own repair and that of the classifier, all on test rows."""
    table, task = DATASETS[dataset]()
    task = replace(task, use_sensitive_as_feature=options.sensitive_as_feature)
    transfer = (options.classifier,)
    result = Study(table, task, metric=goal, seed=seed, rivals="none", transfer=transfer, name=dataset).run()
    metric, fidelity, travel = GOAL_METRIC[goal], result.fidelity, result.transfers[0]
    before, after = result.baseline["test"].values, result.after["test"].values
    plain, weighted = travel.before["test"].values, travel.after["test"].values
    return {
        "data": dataset,
        "goal": goal,
        "seed": seed,
        "badge": fidelity.level,
        "removal_error": fidelity.removal_error,
        "prediction_error": fidelity.prediction_error,
        "spearman": fidelity.spearman,
        "hard_exact": fidelity.hard_exact,
        "strength": result.strength,
        "disparity_before": before[metric],
        "disparity_after": after[metric],
        "accuracy_before": before["accuracy"],
        "accuracy_after": after["accuracy"],
        "other_before": plain[metric],
        "other_after": weighted[metric],
        "other_accuracy_before": plain["accuracy"],
        "other_accuracy_after": weighted["accuracy"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--datasets", nargs="+", default=list(DATASETS), choices=list(DATASETS))
    parser.add_argument("--goals", nargs="+", default=["equalized_odds"], choices=list(GOALS))
    parser.add_argument("--classifier", default="hist_gradient_boosting")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--sensitive-as-feature", action="store_true")
    options = parser.parse_args()
    found = [
        one(dataset, goal, options, seed)
        for dataset in options.datasets for goal in options.goals for seed in range(options.seeds)
    ]  # fmt: skip
    print_table([{name: "" if value is None else value for name, value in line.items()} for line in found])
    print(write("studies", {"classifier": options.classifier, "studies": found}))


if __name__ == "__main__":
    main()
