"""One task over several seeds: baseline and repaired test disparity and accuracy of each, and their means.

python -m benchmarks.seeds                        # the embedded example
python -m benchmarks.seeds FILE --target COL --favorable VALUE --sensitive COL [--bins COL=25,60] [--seeds 10]
    [--metric equalized_odds] [--variant diverse] [--use-sensitive-as-feature] [--name NAME]
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.machine import print_table, write
from iffair_core import Study, Task, load_dataset, read_table
from iffair_core.metrics import GOAL_METRIC


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", help="default: the embedded example")
    parser.add_argument("--target")
    parser.add_argument("--favorable")
    parser.add_argument("--sensitive")
    parser.add_argument("--bins", default="")
    parser.add_argument("--metric", default="equalized_odds")
    parser.add_argument("--variant", default="diverse")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--use-sensitive-as-feature", action="store_true")
    parser.add_argument("--name", help="of the file in benchmarks/results; default: the data set's")
    options = parser.parse_args()
    if options.file is None:
        table, task = load_dataset("example")
    elif options.target and options.favorable and options.sensitive:
        table, task = read_table(options.file), _task(options)
    else:
        parser.error("a file needs --target, --favorable and --sensitive as well")
    lines = [one_seed(table, task, options.metric, options.variant, seed) for seed in range(options.seeds)]
    print_table(lines)
    numeric = [name for name, value in lines[0].items() if isinstance(value, float)]
    means = {name: float(np.mean([line[name] for line in lines])) for name in numeric}
    print_table([{"mean of": options.seeds, **means}])
    name = options.name or ("example" if options.file is None else Path(options.file).stem)
    print(write(name, {"task": task.to_dict(), "metric": options.metric, "seeds": lines, "mean": means}))


def _task(options: argparse.Namespace) -> Task:
    column, _, cuts = options.bins.rpartition("=")
    return Task(
        options.target,
        options.favorable,
        options.sensitive,
        bins={column: [float(cut) for cut in cuts.split(",")]} if column else None,
        use_sensitive_as_feature=options.use_sensitive_as_feature,
    )


def one_seed(table: pd.DataFrame, task: Task, goal: str, variant: str, seed: int) -> dict[str, Any]:
    """Test disparity and accuracy of a study before and after, reweighing's beside them, and the seconds it took."""
    metric = GOAL_METRIC[goal]
    result = Study(table, task, metric=goal, variant=variant, seed=seed).run()
    before, after = result.baseline["test"].values, result.after["test"].values
    reweighing = result.rivals[0].metrics["test"]
    return {
        "seed": seed,
        "strength": result.strength,
        "disparity_before": before[metric],
        "disparity_after": after[metric],
        "accuracy_before": before["accuracy"],
        "accuracy_after": after["accuracy"],
        "reweighing_disparity": reweighing[metric],
        "reweighing_accuracy": reweighing["accuracy"],
        "fidelity": result.fidelity.level,
        "seconds": sum(result.timing.values()),
    }


if __name__ == "__main__":
    main()
