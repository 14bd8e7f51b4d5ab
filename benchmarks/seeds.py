"""One task over several seeds: baseline and repaired test disparity and accuracy of each, and their means.

python -m benchmarks.seeds FILE --target COL --favorable VALUE --sensitive COL [--bins COL=25,60] [--seeds 10]
    [--metric equalized_odds] [--variant diverse] [--use-sensitive-as-feature] [--name NAME]
"""

from __future__ import annotations

import argparse

import numpy as np

from benchmarks.machine import write
from iffair_core import Study, Task, read_table
from iffair_core.metrics import GOAL_METRIC


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("--target", required=True)
    parser.add_argument("--favorable", required=True)
    parser.add_argument("--sensitive", required=True)
    parser.add_argument("--bins", default="")
    parser.add_argument("--metric", default="equalized_odds")
    parser.add_argument("--variant", default="diverse")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--use-sensitive-as-feature", action="store_true")
    parser.add_argument("--name", default="seeds")
    options = parser.parse_args()
    bins = None
    if options.bins:
        column, cuts = options.bins.split("=")
        bins = {column: [float(cut) for cut in cuts.split(",")]}
    table = read_table(options.file)
    task = Task(
        options.target,
        options.favorable,
        options.sensitive,
        bins=bins,
        use_sensitive_as_feature=options.use_sensitive_as_feature,
    )
    metric, lines = GOAL_METRIC[options.metric], []
    for seed in range(options.seeds):
        result = Study(table, task, metric=options.metric, variant=options.variant, seed=seed).run()
        assert result.baseline is not None and result.after is not None and result.fidelity is not None
        before, after = result.baseline["test"].values, result.after["test"].values
        reweighing = result.rivals[0].metrics["test"]
        lines.append(
            {
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
        )
        print(
            "  ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in lines[-1].items()), flush=True
        )
    numeric = [name for name, value in lines[0].items() if isinstance(value, float)]
    means = {name: float(np.mean([line[name] for line in lines])) for name in numeric}
    print("mean  " + "  ".join(f"{name} {value:.4g}" for name, value in means.items()))
    print(write(options.name, {"task": task.to_dict(), "metric": options.metric, "seeds": lines, "mean": means}))


if __name__ == "__main__":
    main()
