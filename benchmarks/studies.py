"""Whole studies over seeds: what is repaired, can the scores be trusted, and do the weights travel to another model?

python -m benchmarks.studies [--datasets example adult ...] [--goals NAME ...] [--seeds 5] [--classifier NAME]
    [--variant diverse] [--sensitive-as-feature]

For each data set, goal and seed, a study with the product's defaults: its fidelity badge with both errors behind it,
disparity and accuracy on test rows before and after, reweighing's beside them, and those of another classifier fitted
without and with the weights of the chosen strength. Means over the seeds come last.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import Any

import pandas as pd

from benchmarks.datasets import DATASETS
from benchmarks.machine import print_table, write
from iffair_core import Study, load_dataset
from iffair_core.metrics import GOAL_METRIC, GOALS

LOADERS = {"example": lambda: load_dataset("example"), **DATASETS}


def one(dataset: str, goal: str, options: argparse.Namespace, seed: int) -> dict[str, Any]:
    """A study's badge, its own repair, reweighing's and that of the classifier, all on test rows."""
    table, task = LOADERS[dataset]()
    task = replace(task, use_sensitive_as_feature=task.use_sensitive_as_feature or options.sensitive_as_feature)
    given: dict[str, Any] = {"metric": goal, "variant": options.variant, "transfer": (options.classifier,)}
    result = Study(table, task, seed=seed, rivals=("reweighing",), name=dataset, **given).run()
    metric, fidelity, travel = GOAL_METRIC[goal], result.fidelity, result.transfers[0]
    measured = {
        "before": result.baseline["test"].values,
        "after": result.after["test"].values,
        "reweighing": result.rivals[0].metrics["test"],
        "other_before": travel.before["test"].values,
        "other_after": travel.after["test"].values,
    }
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
        **{f"disparity_{name}": values[metric] for name, values in measured.items()},
        **{f"accuracy_{name}": values["accuracy"] for name, values in measured.items()},
        "seconds": sum(result.timing.values()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--datasets", nargs="+", default=["example"], choices=list(LOADERS))
    parser.add_argument("--goals", nargs="+", default=["equalized_odds"], choices=list(GOALS))
    parser.add_argument("--classifier", default="hist_gradient_boosting")
    parser.add_argument("--variant", default="diverse")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--sensitive-as-feature", action="store_true")
    options = parser.parse_args()
    pairs = [(dataset, goal) for dataset in options.datasets for goal in options.goals]
    lines = [one(dataset, goal, options, seed) for dataset, goal in pairs for seed in range(options.seeds)]
    means = pd.DataFrame(lines).groupby(["data", "goal"], sort=False).mean(numeric_only=True).drop(columns="seed")
    mean = means.reset_index().to_dict("records")
    print_table([{name: "" if value is None else value for name, value in line.items()} for line in lines])
    print_table(mean)
    print(write("studies", {"classifier": options.classifier, "studies": lines, "means": mean}))


if __name__ == "__main__":
    main()
