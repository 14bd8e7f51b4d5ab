"""The same study under several seeds: would another split of these rows have shown the same trade-off?

Every seed deals the rows anew into training, validation and test rows. What is kept of a seed's study are the metrics
of its curve, what it recommends, the other methods beside it, and the weights of one strength, the same for all seeds.

A mean over seeds has Student's interval: the seeds are draws of the split of this one table. A difference is held to
more. The splits share most of their rows, so that seeds agree more than other tables would; the corrected interval
(Nadeau and Bengio 2003, Machine Learning 52, 239-281) adds the share of test rows to training rows to 1 / K. Only this
interval says that something changes, or which of two methods is more accurate.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata
from scipy.stats import t as student_t

from iffair_core.data.encoding import TEST, TRAIN
from iffair_core.errors import Cancelled, ConfigError
from iffair_core.study.comparison import comparable, verdict_of
from iffair_core.study.config import StudyConfig
from iffair_core.study.disclosure import tellable
from iffair_core.study.results import MEASURED, StudyResult
from iffair_core.study.run import Study
from iffair_core.tradeoff import CHOOSING, Curve, CurvePoint, Numbers, choose, on_grid
from iffair_core.uncertainty import LEVEL, Estimate, estimate_of

USUAL_SEEDS = 5
USUAL_STRENGTH = 0.5
"""Whose weights are held against each other where the study itself stays at strength 0."""

Progress = Callable[[str, float, "OverSeeds"], None]
"""What is called as seeds go on and finish: the seed in words, the share that is done, and what has finished."""


@dataclass(frozen=True, eq=False)
class SeedRun:
    """What is kept of the study under one seed.

    `curve`: without weights and parameters. `values`: every metric by stage (baseline or after) and split. `rivals`:
    metrics of each other method that has an answer, by split; `comparable`: those that tell people apart.
    `rows`: ids of the training rows, ascending; `weights` of these, None where the common strength is infeasible.
    """

    seed: int
    strength: float
    curve: Curve
    values: Mapping[str, Mapping[str, Numbers]]
    rivals: Mapping[str, Mapping[str, Numbers]]
    comparable: frozenset[str]
    rows: np.ndarray
    weights: np.ndarray | None

    def change(self, metric: str, split: str) -> float | None:
        """A metric at the recommended strength minus at strength 0; None where not estimable."""
        points = self.curve.points
        before, after = (points[at].refitted[split][metric] for at in (0, self.curve.recommended))
        return None if before is None or after is None else after - before


@dataclass(frozen=True)
class Pair:
    """Two seeds: how many training rows they share, and the rank correlation of these rows' weights.

    `spearman`: None where the weights of one are all alike there, or infeasible; both None where they may not be told.
    """

    seeds: tuple[int, int]
    shared: int | None
    spearman: float | None


@dataclass(frozen=True, eq=False)
class OverSeeds:
    """The study under its own seed, which comes first, and those that follow.

    `weights_at`: the strength whose weights are compared. `overlap`: test rows per training row, of the corrected
    interval. `dealt`: whether the test rows differ between seeds; a column of the file may fix them. `titles`: of the
    other methods, by name.
    """

    metric: str
    runs: tuple[SeedRun, ...]
    weights_at: float
    overlap: float
    dealt: bool
    titles: Mapping[str, str]

    @property
    def recommended(self) -> tuple[float, ...]:
        """The recommended strength of each seed; 0 is the untouched model."""
        return tuple(run.curve.points[run.curve.recommended].strength for run in self.runs)

    @property
    def above_zero(self) -> tuple[float, ...]:
        """The recommended strengths above 0, ascending."""
        return tuple(sorted(strength for strength in self.recommended if strength > 0))

    def within(self, budget: float | None) -> OverSeeds:
        """The same with what each curve recommends for this utility budget."""
        return replace(self, runs=tuple(replace(run, curve=choose(run.curve, None, budget)) for run in self.runs))

    def change(self, metric: str | None = None, split: str = "test") -> Estimate:
        """Mean over seeds of what the recommendation changes, with its corrected interval; 0 where it is strength 0."""
        return self._difference([run.change(metric or self.metric, split) for run in self.runs])

    def point_against(self, rival: str) -> float | None:
        """The strength that is held against another method: the most accurate in the mean over seeds, on validation
        rows, among those whose mean disparity there is no larger than the method's; None where there is none.
        """
        if any(rival not in run.comparable for run in self.runs):
            return None
        limit = _mean([run.rivals[rival][CHOOSING][self.metric] for run in self.runs])
        reached = []
        for strength in common_strengths(self):
            points = self.at(strength)
            accuracy, disparity = (
                _mean([one.refitted[CHOOSING][name] for one in points]) for name in ("accuracy", self.metric)
            )
            apart = all(point.tells_apart[CHOOSING] for point in points)
            if apart and np.isfinite(accuracy) and disparity <= limit + 1e-12:
                reached.append((accuracy, -disparity, -strength))
        return -max(reached)[2] if reached else None

    def lead(self, rival: str, split: str = "test") -> Estimate:
        """Mean over seeds of the curve's accuracy at `point_against` minus another method's.

        The corrected intervals hold over all other methods together (Bonferroni).
        """
        strength = self.point_against(rival)
        if strength is None:
            return Estimate(None, None, None, 0)
        ours = as_floats(point.refitted[split]["accuracy"] for point in self.at(strength))
        theirs = as_floats(run.rivals[rival][split]["accuracy"] for run in self.runs)
        return self._difference(ours - theirs, len(self.titles))

    def verdict(self, rival: str) -> str:
        """One of `comparison.VERDICTS`; "" where there is nothing to compare."""
        return verdict_of(self.lead(rival))

    def at(self, strength: float) -> list[CurvePoint]:
        """The point of this strength of each seed's curve."""
        return [next(one for one in run.curve.points if one.strength == strength) for run in self.runs]

    def _difference(self, values: Iterable[float | None], comparisons: int = 1) -> Estimate:
        mean, low, high, count = mean_interval(values, self.overlap, comparisons)
        if mean is None or low is None or high is None or not self.dealt:
            return Estimate(mean, None, None, count)
        return estimate_of(mean, low, high, count)

    def pairs(self, smallest: int | None = None) -> list[Pair]:
        """The stability of the weights: every two seeds with the training rows that they share.

        `smallest`: numbers of rows below it, or of the rows that are not shared, are not told (`disclosure`).
        """
        found = []
        for one, other in combinations(self.runs, 2):
            _, here, there = np.intersect1d(one.rows, other.rows, assume_unique=True, return_indices=True)
            alike = None
            if one.weights is not None and other.weights is not None:
                alike = spearman(one.weights[here], other.weights[there])
            told = tellable([here.size, one.rows.size - here.size, other.rows.size - here.size], smallest).all()
            seeds = (one.seed, other.seed)
            found.append(Pair(seeds, here.size, alike) if told else Pair(seeds, None, None))
        return found


def as_floats(values: Iterable[float | None]) -> np.ndarray:
    """Numbers as an array, NaN where not estimable."""
    return np.array([np.nan if value is None else value for value in values], dtype=float)


def _mean(values: Iterable[float | None]) -> float:
    """The mean; NaN where one is not estimable."""
    return float(as_floats(values).mean())


def mean_interval(
    values: Iterable[float | None], overlap: float = 0.0, comparisons: int = 1
) -> tuple[float | None, float | None, float | None, int]:
    """(mean, low, high, count) of the values that are known, with Student's 95 % interval; no ends for one value.

    `overlap`: test rows per training row where the values are differences on splits that share rows, 0 for the plain
    interval. `comparisons`: of so many the intervals hold together.
    """
    known = as_floats(values)
    known = known[np.isfinite(known)]
    n = known.size
    if n < 2:
        return (float(known[0]) if n else None), None, None, n
    quantile = student_t.ppf(1 - (1 - LEVEL) / (2 * comparisons), n - 1)
    mean, reach = float(known.mean()), float(quantile * known.std(ddof=1) * np.sqrt(1 / n + overlap))
    return mean, mean - reach, mean + reach, n


def spearman(a: np.ndarray, b: np.ndarray) -> float | None:
    """Rank correlation of two arrays (n,), ties at their mean rank; None where one of them is constant."""
    if a.size < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return float(np.corrcoef(rankdata(a), rankdata(b))[0, 1])


def over_seeds(
    result: StudyResult,
    table: pd.DataFrame,
    count: int = USUAL_SEEDS,
    progress: Progress | None = None,
    cancel: threading.Event | None = None,
    previous: OverSeeds | None = None,
) -> OverSeeds:
    """The finished study `result` of `table` under its own seed and the next count - 1.

    Other models are not refitted. `cancel`: once set, Cancelled is raised with the seeds that had finished as its
    `partial`. `previous`: seeds of the same study that are kept. Raises ConfigError for fewer than two seeds, or a
    study that has not finished.
    """
    if count < 2:
        raise ConfigError(f"{count} seeds cannot be compared. Give at least 2.")
    if not result.finished:
        raise ConfigError("The study has not finished, so other seeds cannot follow. Run it to the end.")
    at = previous.weights_at if previous is not None else result.strength or USUAL_STRENGTH
    config = replace(result.config, transfer=(), strength=result.config.strength if on_grid(at) else at)
    seeds = range(config.seed, config.seed + count)
    held = {} if previous is None else {run.seed: run for run in previous.runs}
    data = result.dataset
    found = OverSeeds(
        result.curve.metric,
        (held.get(config.seed) or seed_run(result, at),),
        at,
        data.part(TEST).size / data.part(TRAIN).size,
        data.task.task.split is None,
        {rival.name: rival.title for rival in result.rivals},
    )
    for place, seed in enumerate(seeds[1:], start=1):
        if seed not in held:
            held[seed] = _run(result, table, replace(config, seed=seed), at, (place, count), found, progress, cancel)
        found = replace(found, runs=(*found.runs, held[seed]))
    return found


def _run(
    result: StudyResult,
    table: pd.DataFrame,
    config: StudyConfig,
    at: float,
    place: tuple[int, int],
    found: OverSeeds,
    progress: Progress | None,
    cancel: threading.Event | None,
) -> SeedRun:
    done, count = place

    def report(stage: str, share: float, partial: Any) -> None:
        if progress is not None:
            progress(f"Seed {done + 1} of {count}", (done - 1 + share) / (count - 1), found)

    study = Study(table, result.dataset.task.task, name=result.name)
    study.config = config
    try:
        return seed_run(study.run(report, cancel, bare=True), at)
    except Cancelled as stopped:
        raise Cancelled(partial=found) from stopped


def seed_run(result: StudyResult, at: float) -> SeedRun:
    """What is kept of a study; `at`: the strength whose weights are, one that its curve has."""
    curve = result.curve
    weights = next((point.weights for point in curve.points if point.strength == at), None)
    points = [replace(one, weights=None, theta=None, largest_weight=None, changed_share=None) for one in curve.points]
    evaluations = {"baseline": result.baseline, "after": result.after}
    return SeedRun(
        result.config.seed,
        result.strength,
        replace(curve, points=tuple(points)),
        {stage: {split: found[split].values for split in MEASURED} for stage, found in evaluations.items()},
        {rival.name: rival.metrics for rival in result.rivals if rival.reason is None},
        frozenset(one.name for one in result.rivals if comparable(one, "test", curve.metric)),
        result.dataset.row_id[result.train_rows],
        weights,
    )


def common_strengths(found: OverSeeds) -> tuple[float, ...]:
    """The strengths of the grid that are feasible under every seed, ascending."""
    feasible = [{one.strength for one in run.curve.points if one.feasible} for run in found.runs]
    return tuple(sorted(one for one in set.intersection(*feasible) if on_grid(one)))


def expected_seconds(result: StudyResult, count: int) -> float:
    """About how long `count` seeds take, by the time that the study's own stages took."""
    stages = ("encode", "baseline", "curve", "rivals")
    return (count - 1) * sum(result.timing.get(stage, 0.0) for stage in stages)


def seeds_of(result: StudyResult) -> OverSeeds | None:
    """The seeds among a result's records; None where they were not asked for, or only one has finished."""
    found = result.records.get(OverSeeds)
    return found if found is not None and len(found.runs) > 1 else None
