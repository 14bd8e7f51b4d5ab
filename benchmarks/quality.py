"""The curve of every variant beside every rival, on public data: who is more accurate at the same disparity?

python -m benchmarks.quality run [--part 1/2] [--only kind,...] [--datasets NAME ...] [--goals NAME ...]
python -m benchmarks.quality table
python -m benchmarks.quality keep            # writes iffair_core/telling/replication.json, which Learn draws

`run` appends one line for each task to benchmarks/results/quality.jsonl and skips those that are there, so it can be
stopped and started at will, and split into parts that run side by side. A task is a data set, a goal, a seed and a
kind: `logistic` (three variants and the weight-based rivals, 10 seeds), `fairlearn` (its four methods, 3 seeds) or
`mlp` (diverse and the weight-based rivals, 3 seeds). Everything is measured on test rows, on the same split for all;
the model sees the sensitive attribute. Strengths are 0 to 1.25 by 1/64, for `uniform` and the MLP by 1/16.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from benchmarks.datasets import DATASETS
from benchmarks.machine import RESULTS, machine, print_table
from iffair_core.data.encoding import encode
from iffair_core.errors import RivalFailed
from iffair_core.metrics import GOAL_METRIC, GOALS, point_metrics
from iffair_core.models import InfluenceModel, make_model
from iffair_core.models.blocks import single_threaded_blas
from iffair_core.path import MAX_STRENGTH, Repair, RepairPath
from iffair_core.rivals.base import RivalProblem
from iffair_core.rivals.registry import FAIRLEARN, WEIGHTS, answer
from iffair_core.study.split_views import SplitViews
from iffair_core.telling.replication import FILE

LINES = RESULTS / "quality.jsonl"
SEEDS = {"logistic": 10, "fairlearn": 3, "mlp": 3}
VARIANTS = {"logistic": ("diverse", "efficient", "uniform"), "fairlearn": (), "mlp": ("diverse",)}
RIVALS = {"logistic": WEIGHTS, "fairlearn": FAIRLEARN, "mlp": WEIGHTS}
FINE, COARSE = np.linspace(0, MAX_STRENGTH, 81), np.linspace(0, MAX_STRENGTH, 21)
TIE = 0.002
DRAWS = 1000


@dataclass(frozen=True, order=True)
class Job:
    """One line of the results. Ordered so that every data set and goal gets its first seed before any its second."""

    seed: int
    kind: str
    dataset: str
    goal: str

    @property
    def key(self) -> str:
        return f"{self.kind}/{self.dataset}/{self.goal}/{self.seed}"


class Split(SplitViews):
    """Training, validation and test rows of a data set under a seed, and what is measured on the test rows."""

    def measured(self, decisions: np.ndarray, goal: str) -> list[float | None]:
        """The goal's disparity and the accuracy of decisions (m,) on test rows."""
        test = self.parts["test"]
        values = point_metrics(test.y, decisions.astype(float), test.group_codes, len(self.dataset.groups))
        return [values[GOAL_METRIC[goal]], values["accuracy"]]

    def measured_model(self, model: InfluenceModel, goal: str) -> list[float | None]:
        return self.measured(model.logits(self.parts["test"].X) >= 0, goal)


@lru_cache(maxsize=8)
def split(dataset: str, seed: int) -> Split:
    table, task = DATASETS[dataset]()
    return Split(encode(table, replace(task, use_sensitive_as_feature=True), seed=seed))


def run_job(job: Job) -> dict[str, Any]:
    """One line, measured on test: [strength, disparity, accuracy] along variants, [disparity, accuracy] of rivals."""
    started = time.perf_counter()
    rows = split(job.dataset, job.seed)
    X, y, codes = (of[rows.rows["train"]] for of in (rows.X, rows.y, rows.codes))
    guide, test = rows.guide(), rows.parts["test"]
    line: dict[str, Any] = {"key": job.key, **vars(job), "curves": {}, "rivals": {}, "seconds": {}, "failed": {}}
    with single_threaded_blas():
        start = make_model("mlp" if job.kind == "mlp" else "logistic", seed=job.seed).fit(X, y)
        line["untouched"] = rows.measured_model(start, job.goal)
        for variant in VARIANTS[job.kind]:
            began = time.perf_counter()
            grid = COARSE if job.kind == "mlp" or variant == "uniform" else FINE
            path = RepairPath(start, guide, Repair(job.goal, variant), predict=False)
            line["curves"][variant] = [
                [step.strength, *rows.measured_model(step.model, job.goal)]
                for step in path.walk(grid)
                if step.model is not None
            ]
            line["seconds"][variant] = round(time.perf_counter() - began, 3)
        given = (X, y, codes, len(rows.dataset.groups), start, rows.quantities["validation"], job.goal)
        problem = RivalProblem(*given, C=getattr(start, "C", 1.0), seed=job.seed)
        for name in RIVALS[job.kind]:
            began = time.perf_counter()
            try:
                _, predictions = answer(name, problem, {"test": (test.X, test.group_codes)})
                line["rivals"][name] = rows.measured(predictions["test"].decisions, job.goal)
            except RivalFailed as reason:
                line["failed"][name] = str(reason)
            line["seconds"][name] = round(time.perf_counter() - began, 3)
    line["seconds"]["all"] = round(time.perf_counter() - started, 3)
    return line


def jobs(kinds: Sequence[str], datasets: Sequence[str], goals: Sequence[str]) -> list[Job]:
    """All tasks, cheap kinds first."""
    order = {kind: i for i, kind in enumerate(SEEDS)}
    found = [
        Job(seed, kind, dataset, goal)
        for kind in kinds for seed in range(SEEDS[kind]) for dataset in datasets for goal in goals
    ]  # fmt: skip
    return sorted(found, key=lambda job: (job.seed >= min(SEEDS.values()), order[job.kind], job.seed))


def lines() -> Iterator[dict[str, Any]]:
    if LINES.exists():
        for text in LINES.read_text(encoding="utf-8").splitlines():
            yield json.loads(text)


def run(options: argparse.Namespace) -> None:
    """Run what is missing, a line at a time."""
    part, parts = (int(number) for number in options.part.split("/"))
    todo = jobs(options.only.split(",") if options.only else list(SEEDS), options.datasets, options.goals)
    mine = todo[part - 1 :: parts]
    done = {line["key"] for line in lines()}
    RESULTS.mkdir(exist_ok=True)
    for i, job in enumerate(mine):
        if job.key in done:
            continue
        line = run_job(job)
        with LINES.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        print(f"{i + 1}/{len(mine)} {job.key} {line['seconds']['all']:.1f} s", flush=True)


@dataclass(frozen=True)
class Margin:
    """Our accuracy minus a rival's at its mean disparity, with the standard error over seeds; None where the curve of
    means does not reach that disparity. `strength` is where on the curve."""

    value: float | None
    error: float | None
    strength: float | None

    @property
    def verdict(self) -> str:
        if self.value is None:
            return "not reached"
        return "win" if self.value >= 0 else "tie" if self.value >= -TIE else "loss"


def margin(points: np.ndarray, strengths: np.ndarray, rival: np.ndarray) -> Margin:
    """points (seeds, strengths, 2) and rival (seeds, 2) of disparity and accuracy; METHOD: the best accuracy among the
    points of the curve of means whose mean disparity is no larger than the rival's mean disparity."""

    def at(seeds: np.ndarray) -> tuple[float, float] | None:
        curve, mean = points[seeds].mean(axis=0), rival[seeds].mean(axis=0)
        near = np.flatnonzero(curve[:, 0] <= mean[0] + 1e-12)
        if near.size == 0:
            return None
        best = near[np.argmax(curve[near, 1])]
        return float(curve[best, 1] - mean[1]), float(strengths[best])

    everyone = np.arange(rival.shape[0])
    found = at(everyone)
    if found is None:
        return Margin(None, None, None)
    rng = np.random.default_rng(0)
    drawn = [at(rng.integers(0, everyone.size, everyone.size)) for _ in range(DRAWS)]
    return Margin(found[0], float(np.std([one[0] for one in drawn if one is not None])), found[1])


def summary() -> list[dict[str, Any]]:
    """For each kind, data set and goal: curves of means, rivals' means, and the margin of each variant over each."""
    grouped: dict[tuple[str, str, str], list[dict[str, Any]]] = defaultdict(list)
    for line in lines():
        grouped[line["kind"], line["dataset"], line["goal"]].append(line)
    found = []
    for (kind, dataset, goal), every in grouped.items():
        every.sort(key=lambda line: line["seed"])
        ours = every if kind != "fairlearn" else sorted(
            (line for line in grouped["logistic", dataset, goal] if line["seed"] < len(every)),
            key=lambda line: line["seed"],
        )  # fmt: skip
        if kind == "fairlearn" and [line["seed"] for line in ours] != [line["seed"] for line in every]:
            continue
        curves = {name: _curve(ours, name) for name in ours[0]["curves"]} if ours else {}
        entry: dict[str, Any] = {
            "kind": kind,
            "dataset": dataset,
            "goal": goal,
            "seeds": len(every),
            "untouched": _mean(np.array([line["untouched"] for line in every], dtype=float)),
            "curves": {name: _with_errors(s, points) for name, (s, points) in curves.items()},
            "rivals": {},
            "failed": {name: reason for line in every for name, reason in line["failed"].items()},
            "hours": sum(line["seconds"]["all"] for line in every) / 3600,
        }  # fmt: skip
        for rival in RIVALS[kind]:
            values = [line["rivals"].get(rival) for line in every]
            if any(value is None or None in value for value in values):
                continue
            array = np.array(values, dtype=float)
            entry["rivals"][rival] = _mean(array) | {
                name: _margin_record(margin(points, s, array)) for name, (s, points) in curves.items()
            }
        found.append(entry)
    return found


def _curve(every: list[dict[str, Any]], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Strengths that are feasible under every seed, and the points there, (seeds, strengths, 2)."""
    shared = min(len(line["curves"][name]) for line in every)
    strengths = np.array([point[0] for point in every[0]["curves"][name][:shared]])
    points = np.array([[point[1:] for point in line["curves"][name][:shared]] for line in every], dtype=float)
    return strengths, points


def _with_errors(strengths: np.ndarray, points: np.ndarray) -> list[list[float]]:
    """[strength, disparity, accuracy, standard error of both] of each mean point."""
    seeds = points.shape[0]
    error = points.std(axis=0, ddof=1) / np.sqrt(seeds) if seeds > 1 else np.zeros(points.shape[1:])
    return [[float(v) for v in row] for row in np.column_stack([strengths, points.mean(axis=0), error]).round(5)]


def _mean(values: np.ndarray) -> dict[str, float]:
    """Means and standard errors over seeds of disparity and accuracy."""
    error = values.std(axis=0, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else np.zeros(2)
    names = ("disparity", "accuracy")
    return {name: round(float(v), 5) for name, v in zip(names, values.mean(axis=0), strict=True)} | {
        f"{name}_error": round(float(v), 5) for name, v in zip(names, error, strict=True)
    }


def _margin_record(found: Margin) -> dict[str, Any]:
    return {
        "verdict": found.verdict,
        "margin": None if found.value is None else round(found.value, 5),
        "error": None if found.error is None else round(found.error, 5),
        "strength": found.strength,
    }


def table() -> None:
    """Print margins and counts."""
    entries = summary()
    out, counts = [], defaultdict(lambda: defaultdict(int))
    for entry in entries:
        for rival, record in entry["rivals"].items():
            line = {
                "kind": entry["kind"], "data": entry["dataset"], "goal": entry["goal"], "seeds": entry["seeds"],
                "rival": rival, "disparity": record["disparity"], "accuracy": record["accuracy"],
            }  # fmt: skip
            for name in ("diverse", "efficient", "uniform"):
                got = record.get(name)
                if got is None:
                    line[name] = ""
                    continue
                counts[entry["kind"], rival, name][got["verdict"]] += 1
                line[name] = got["verdict"] if got["margin"] is None else (
                    f"{got['verdict']} {100 * got['margin']:+.2f}±{100 * got['error']:.2f} @{got['strength']:.2f}"
                )  # fmt: skip
            out.append(line)
    if not out:
        print(f"{LINES} holds no result yet.")
        return
    print_table(out)
    print()
    print_table(
        [
            {"kind": kind, "rival": rival, "variant": name}
            | {verdict: found[verdict] for verdict in ("win", "tie", "loss", "not reached")}
            for (kind, rival, name), found in sorted(counts.items())
        ]
    )
    print(f"{sum(entry['hours'] for entry in entries):.2f} hours in all")


def keep() -> None:
    """Write the summary to the file that the product draws: curves at steps of 1/16 only."""
    entries = summary()
    for entry in entries:
        if entry["kind"] == "fairlearn":
            entry["curves"] = {}
        entry["curves"] = {
            name: [point for point in points if (16 * point[0]).is_integer()]
            for name, points in entry["curves"].items()
        }
    document = {
        "command": "python -m benchmarks.quality run && python -m benchmarks.quality keep",
        "hours": round(sum(entry["hours"] for entry in entries), 2),
        "machine": machine(),
        "entries": [{name: value for name, value in entry.items() if name != "hours"} for entry in entries],
    }
    FILE.write_text(json.dumps(document, separators=(",", ":")) + "\n", encoding="utf-8")
    print(f"{FILE}: {FILE.stat().st_size / 1000:.0f} kB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("run", "table", "keep"))
    parser.add_argument("--part", default="1/1", help="I/K: every K-th task from the I-th on")
    parser.add_argument("--only", help=f"kinds, of {', '.join(SEEDS)}")
    parser.add_argument("--datasets", nargs="+", default=list(DATASETS), choices=list(DATASETS))
    parser.add_argument("--goals", nargs="+", default=list(GOALS), choices=list(GOALS))
    options = parser.parse_args()
    if options.command == "run":
        run(options)
    elif options.command == "table":
        table()
    else:
        keep()


if __name__ == "__main__":
    main()
