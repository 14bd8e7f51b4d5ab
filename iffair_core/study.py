"""One study from a table to a repaired model: the one place where the stages meet.

Table and task are encoded and split; an ordinary model is fitted on training rows and measured; every training row gets
its influence; the curve of repairs is traced; the chosen point, the fidelity of the scores and the rivals follow.
Validation chooses, test only reports.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pandas as pd

from iffair_core.baselines import reweighing_weights
from iffair_core.data.catalog import is_example
from iffair_core.data.encoding import SPLITS, VALIDATION, encode
from iffair_core.data.reading import table_fingerprint
from iffair_core.data.task import Task
from iffair_core.errors import Cancelled
from iffair_core.fidelity import judge_fidelity, leave_one_out_parameters, rows_to_verify
from iffair_core.influence import influence_of, relabel_from_influence, removal_from_influence
from iffair_core.metrics import (
    GOAL_METRIC,
    GOAL_RATES,
    Evaluation,
    confusion_counts,
    evaluate,
    intervals_from_counts,
    paired_difference,
    point_metrics,
)
from iffair_core.models.blocks import sigmoid, single_threaded_blas
from iffair_core.models.logistic import LogisticModel
from iffair_core.path import RepairPath
from iffair_core.quantities import FairnessQuantities, goal_pairs, quantities_from_codes
from iffair_core.results import MEASURED, STAGES, GoalScores, Rival, StudyConfig, StudyResult, known
from iffair_core.tradeoff import Intervals, Numbers, Part, choose, trace

SHARE_OF_TIME = dict(zip(STAGES, (0.0, 0.1, 0.25, 0.3, 0.8, 0.95), strict=True))

Progress = Callable[[str, float, "StudyResult | None"], None]


class Study:
    """A table, a task and a configuration; `run` does the rest.

    Keyword arguments after `task` are the fields of `StudyConfig`, and `name`, the table's name in results.
    """

    def __init__(
        self,
        table: pd.DataFrame,
        task: Task,
        *,
        metric: str = "equalized_odds",
        variant: str = "diverse",
        strength: float | None = None,
        seed: int = 0,
        utility_budget: float | None = None,
        max_weight: float = 5.0,
        min_effective_sample_size: float = 0.5,
        model: str = "logistic",
        C: float = 1.0,
        name: str = "table",
    ) -> None:
        self.table, self.task, self.name = table, task, name
        self.config = StudyConfig(
            metric, variant, strength, seed, utility_budget, max_weight, min_effective_sample_size, model, C
        )

    def run(
        self,
        progress: Progress | None = None,
        cancel: threading.Event | None = None,
        previous: StudyResult | None = None,
    ) -> StudyResult:
        """Run every stage and return the finished result.

        `progress(stage, fraction, partial)` is called as stages start, move and finish, with the result so far.
        `cancel`: once set, Cancelled is raised within a fraction of a second; its `partial` holds what had finished.
        `previous`: a result whose finished stages are reused where table, task and options are the same.
        Raises TableError, TaskError or ConfigError for input that cannot be studied.
        """
        run = _Run(self, progress, cancel)
        with single_threaded_blas():
            run.encode(previous)
            run.baseline(previous)
            run.influence(previous)
            run.curve(previous)
            run.fidelity(previous)
            run.rivals(previous)
        return run.result


class _Run:
    """The state of one run: the result so far, the clock, and the way to report and to stop."""

    result: StudyResult

    def __init__(self, study: Study, progress: Progress | None, cancel: threading.Event | None) -> None:
        self.study, self.config = study, study.config
        self.progress, self.cancel = progress, cancel
        self.reused: frozenset[str] = frozenset()
        self.partial: StudyResult | None = None

    def check(self) -> None:
        if self.cancel is not None and self.cancel.is_set():
            raise Cancelled(partial=self.partial)

    def report(self, stage: str, within: float) -> None:
        """Tell how far the study is: `within` is the share of this stage that is done."""
        self.check()
        if self.progress is not None:
            following = [*SHARE_OF_TIME.values(), 1.0][STAGES.index(stage) + 1]
            start = SHARE_OF_TIME[stage]
            self.progress(stage, start + within * (following - start), self.partial)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self.report(name, 0.0)
        started = time.perf_counter()
        yield
        self.result = replace(self.result, timing={**self.result.timing, name: time.perf_counter() - started})
        self.partial = self.result
        self.report(name, 1.0)

    def encode(self, previous: StudyResult | None) -> None:
        """Fingerprint the table, decide what of an earlier result still holds, and encode and split the rows."""
        self.report("encode", 0.0)
        started = time.perf_counter()
        study = self.study
        fingerprint = table_fingerprint(study.table)
        if previous is not None and self._same_data(previous, fingerprint):
            self.reused = frozenset({"baseline", "influence"} & set(previous.timing))
            if previous.config.repair == self.config.repair and "curve" in previous.timing:
                self.reused |= {"rivals", "fidelity"} & set(previous.timing)
            dataset = previous.dataset
        else:
            dataset = encode(study.table, study.task, seed=self.config.seed)
        timing = {"encode": time.perf_counter() - started}
        self.result = StudyResult(
            study.name,
            fingerprint,
            is_example(study.table),
            dataset,
            self.config,
            timing=timing,
            warnings=dataset.warnings,
        )
        self.partial = self.result
        self._arrange()
        self.report("encode", 1.0)

    def _same_data(self, previous: StudyResult, fingerprint: str) -> bool:
        return (
            previous.fingerprint == fingerprint
            # By representation: 1 == True in Python, yet they are different values of a column.
            and repr(previous.dataset.task.task) == repr(self.study.task)
            and (previous.config.seed, previous.config.model, previous.config.C)
            == (self.config.seed, self.config.model, self.config.C)
        )

    def _arrange(self) -> None:
        """One copy of X with training, validation and test rows in turn, so that every part is a view of it."""
        data = self.result.dataset
        order = np.concatenate([data.part(code) for code in range(len(SPLITS))])
        self.X, self.y, self.codes = data.X[order], data.y[order], data.group_codes[order]
        ends = np.cumsum([0, *(data.part(code).size for code in range(len(SPLITS)))])
        self.rows = {name: slice(ends[i], ends[i + 1]) for i, name in enumerate(SPLITS)}
        self.guide_rows = slice(0, ends[VALIDATION + 1])
        self.parts = {name: Part(self.X[self.rows[name]], self.y[self.rows[name]], self.codes[self.rows[name]])
                      for name in MEASURED}  # fmt: skip

    def _quantities(self, rows: slice) -> FairnessQuantities:
        data = self.result.dataset
        return quantities_from_codes(self.X[rows], self.y[rows], self.codes[rows], data.groups, data.reference)

    def baseline(self, previous: StudyResult | None) -> None:
        """Fit the ordinary model on training rows and measure it on the others."""
        with self.stage("baseline"):
            if previous is not None and "baseline" in self.reused:
                self.result = replace(
                    self.result, model=previous.model, scores_before=previous.scores_before, baseline=previous.baseline
                )
            else:
                train = self.rows["train"]
                model = LogisticModel(self.config.C).fit(self.X[train], self.y[train])
                self.result = replace(self.result, model=model)
                scores = _scores(self.result, model.theta_)
                self.result = replace(
                    self.result, scores_before=scores, baseline=_evaluations(self.result, scores, self.check)
                )
            found = known(self.result.baseline)
            news = [f"On {name} rows: {text}" for name in MEASURED for text in found[name].warnings]
            self.result = replace(self.result, warnings=self.result.warnings + tuple(news))

    def influence(self, previous: StudyResult | None) -> None:
        """Score every training row on the quantities of validation rows and on the goal's widest gap."""
        with self.stage("influence"):
            model = known(self.result.model)
            self.quantities = {name: self._quantities(self.rows[name]) for name in MEASURED}
            measured = self.quantities["validation"]
            if previous is not None and "influence" in self.reused:
                self.result = replace(
                    self.result,
                    quantities=measured,
                    influence=previous.influence,
                    removal=previous.removal,
                    relabel=previous.relabel,
                    leverage=previous.leverage,
                )
            else:
                scores = influence_of(model, measured.gradients(model))
                leverage = model.leverage()
                self.result = replace(
                    self.result,
                    quantities=measured,
                    influence=scores,
                    removal=removal_from_influence(model, scores, leverage),
                    relabel=relabel_from_influence(model, scores),
                    leverage=leverage,
                )
            self.result = replace(self.result, goal=self._goal_scores())

    def _goal_scores(self) -> GoalScores:
        result = self.result
        quantities = known(result.quantities)
        pairs = goal_pairs(quantities, self.config.metric)
        values = quantities.values(known(result.model))
        worst = pairs.worst(values)
        row = pairs.matrix[worst]
        return GoalScores(
            *pairs.labels[worst],
            value=float(row @ values),
            influence=known(result.influence) @ row,
            removal=known(result.removal) @ row,
            relabel=known(result.relabel) @ row,
        )

    def curve(self, previous: StudyResult | None) -> None:
        """Trace the curve of repairs, and measure the chosen point."""
        with self.stage("curve"):
            guide = self._quantities(self.guide_rows)
            rates = GOAL_RATES[self.config.metric]
            unseen = [
                name
                for name in self.quantities["validation"].left_out
                if name in {gap.name for gap in guide.gaps if gap.rate in rates}
            ]
            if unseen:
                text = f"Left out of the repair, because validation rows cannot estimate it: {', '.join(unseen)}."
                self.result = replace(self.result, warnings=(*self.result.warnings, text))
            path = RepairPath(known(self.result.model), guide.without(unseen), self.config.repair, self.check)
            curve = trace(
                path,
                self.parts,
                self.quantities,
                strength=self.config.strength,
                budget=self.config.utility_budget,
                seed=self.config.seed,
                report=lambda share: self.report("curve", share),
            )
            self.result = replace(self.result, curve=curve, warnings=self.result.warnings + curve.warnings)
            self.result = _measured_at_choice(self.result, self.check)

    def fidelity(self, previous: StudyResult | None) -> None:
        with self.stage("fidelity"):
            result = self.result
            earlier = previous.fidelity if previous is not None and "fidelity" in self.reused else None
            if earlier is not None:
                refits, asked = earlier.refits, earlier.asked
            else:
                refits, asked = self._verify_rows()
            self.result = replace(
                self.result,
                fidelity=judge_fidelity(refits, asked, _prediction_error(result), float(known(result.leverage).mean())),
            )

    def _verify_rows(self) -> tuple[pd.DataFrame, int]:
        """Removal effects on the goal's gap beside exact refits: columns row, random, predicted, refitted."""
        result = self.result
        model, goal, quantities = known(result.model), known(result.goal), known(result.quantities)
        rows, random = rows_to_verify(goal.removal, self.config.seed)
        thetas = leave_one_out_parameters(
            model, rows, check=self.check, report=lambda share: self.report("fidelity", share)
        )
        pairs = goal_pairs(quantities, self.config.metric)
        directed = pairs.matrix[pairs.labels.index((goal.rate, goal.over, goal.under))]
        refitted = [directed @ quantities.values_at(model, theta) - goal.value for theta in thetas]
        done = len(refitted)
        frame = pd.DataFrame(
            {
                "row": rows[:done],
                "random": random[:done],
                "predicted": goal.removal[rows[:done]],
                "refitted": refitted,
            }
        )
        return frame, rows.size

    def rivals(self, previous: StudyResult | None) -> None:
        with self.stage("rivals"):
            if previous is not None and "rivals" in self.reused:
                self.result = replace(self.result, rivals=previous.rivals)
                return
            train = self.rows["train"]
            weights = reweighing_weights(self.y[train], self.codes[train])
            self.result = replace(
                self.result, rivals=(self._rival("reweighing", "Reweighing (Kamiran-Calders)", weights),)
            )

    def _rival(self, name: str, title: str, weights: np.ndarray) -> Rival:
        model = known(self.result.model).refitted(weights)
        metrics: dict[str, Numbers] = {}
        intervals: dict[str, Intervals] = {}
        for split, part in self.parts.items():
            scores = sigmoid(model.logits(part.X))
            n_groups = len(self.result.dataset.groups)
            metrics[split] = point_metrics(part.y, scores, part.group_codes, n_groups)
            counts = confusion_counts(part.y, scores >= 0.5, part.group_codes, n_groups)
            intervals[split] = intervals_from_counts(counts, seed=self.config.seed)
        return Rival(name, title, weights, model.theta_, metrics, intervals)


def _scores(result: StudyResult, theta: np.ndarray) -> np.ndarray:
    """P(favorable) of every used row under parameters `theta`, in the order of the file."""
    return sigmoid(known(result.model).logits(result.dataset.X, theta))


def _evaluations(result: StudyResult, scores: np.ndarray, check: Callable[[], None]) -> dict[str, Evaluation]:
    """Evaluation of P(favorable) `scores` (n,) on validation and on test rows."""
    data = result.dataset
    found = {}
    for name in MEASURED:
        rows = data.part(SPLITS.index(name))
        found[name] = evaluate(
            data.y[rows], scores[rows], data.group_codes[rows], data.groups, data.reference, seed=result.config.seed
        )
        check()
    return found


def _measured_at_choice(result: StudyResult, check: Callable[[], None]) -> StudyResult:
    """The result with scores, evaluations and paired differences of its curve's chosen point."""
    data, before = result.dataset, known(result.scores_before)
    scores = _scores(result, known(known(result.chosen).theta))
    difference = {}
    for name in MEASURED:
        rows = data.part(SPLITS.index(name))
        difference[name] = paired_difference(
            data.y[rows],
            before[rows],
            scores[rows],
            data.group_codes[rows],
            len(data.groups),
            seed=result.config.seed,
        )
        check()
    return replace(result, scores_after=scores, after=_evaluations(result, scores, check), difference=difference)


def _prediction_error(result: StudyResult) -> float | None:
    """|predicted - refitted| / |baseline| of the soft goal on validation rows at the chosen strength.

    None where the baseline's disparity lies inside the chance band, or there is nothing to compare.
    """
    point, metric = known(result.chosen), GOAL_METRIC[result.config.metric]
    baseline = known(result.baseline)["validation"]
    disparity, band = baseline.values[metric], baseline.chance_band[metric]
    if disparity is None or band is None or disparity <= band:
        return None
    start = known(result.curve).points[0].soft["validation"]
    predicted, refitted = point.predicted_soft.get("validation"), point.soft.get("validation")
    if not start or predicted is None or refitted is None:
        return None
    return abs(predicted - refitted) / abs(start)


def with_choice(result: StudyResult, *, strength: float | None, utility_budget: float | None = None) -> StudyResult:
    """The result that a study with this strength and utility budget would give, without refitting anything.

    `strength`: a point that the curve has (always the grid of 21), or None for the recommended one. An infeasible
    strength falls back, with the same warning as the study's. Costs one evaluation of the chosen point, or none where
    it stays the same. Raises ConfigError for a strength that the curve does not have.
    """
    config = replace(result.config, strength=strength, utility_budget=utility_budget)
    if result.curve is None:
        return replace(result, config=config)
    curve = choose(result.curve, strength, utility_budget)
    kept = tuple(text for text in result.warnings if text not in result.curve.warnings)
    new = replace(result, config=config, curve=curve, warnings=kept + curve.warnings)
    if new.strength != result.strength:
        with single_threaded_blas():
            new = _measured_at_choice(new, lambda: None)
    if new.fidelity is None:
        return new
    refits, asked = new.fidelity.refits, new.fidelity.asked
    judged = judge_fidelity(refits, asked, _prediction_error(new), float(known(new.leverage).mean()))
    return replace(new, fidelity=judged)
