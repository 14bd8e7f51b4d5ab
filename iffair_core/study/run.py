"""One study from a table to a repaired model: the one place where the stages meet.

Table and task are encoded and split; an ordinary model is fitted on training rows and measured; every training row gets
its influence; the curve of repairs is traced; the chosen point, the fidelity of the scores and the rivals follow.
Validation chooses, test only reports.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property

import numpy as np
import pandas as pd

from iffair_core.checks.run import run_checks
from iffair_core.data.encoding import Dataset, encode
from iffair_core.data.resolving import typed
from iffair_core.data.row_selectors import rows_matching
from iffair_core.data.task import Task
from iffair_core.datasets.catalog import is_example
from iffair_core.errors import Cancelled, ConfigError, RivalFailed, listing, shorten
from iffair_core.fidelity import judge_fidelity, leave_one_out_parameters, rows_to_verify
from iffair_core.influence import (
    affordable_order,
    hard_removal_effects,
    influence_of,
    relabel_from_influence,
    removal_curvature,
    removal_from_influence,
)
from iffair_core.metrics import (
    METRICS,
    ROW_METRICS,
    confusion_table,
    intervals_from_counts,
    point_metrics,
)
from iffair_core.models import make_model, usual_C
from iffair_core.models.blocks import single_threaded_blas
from iffair_core.quantities import LEAST_ROWS, goal_pairs
from iffair_core.reading.door import table_fingerprint
from iffair_core.rivals.base import Prediction, RivalProblem
from iffair_core.rivals.registry import FAIRLEARN, RIVALS, answer, rival_names
from iffair_core.study.at_strength import evaluations, measured_at_choice, prediction_error, scores_at, with_transfers
from iffair_core.study.disclosure import tellable
from iffair_core.study.results import MEASURED, STAGES, GoalScores, Progress, Rival, StudyConfig, StudyResult, known
from iffair_core.study.split_views import Arranged, left_out, repair_path
from iffair_core.tradeoff import Intervals, Numbers, trace

SHARE_OF_TIME = dict(zip(STAGES, (0.0, 0.1, 0.25, 0.3, 0.8, 0.95), strict=True))

SHARE_BEFORE_FAIRLEARN = 0.3
FEW_TELL = 0.5
"""Effective sample size of the file's row weights, as a share of the rows, below which a study warns of it."""


class Study:
    """A table, a task and a configuration; `run` does the rest.

    Keyword arguments after `task` are the fields of `StudyConfig`, and `name`, the table's name in results; `rivals`
    may also be "weights", "all" or "none", and `C` None for the model's usual one.
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
        min_accuracy: float | None = None,
        pinned: Sequence[int | str] = (),
        also: Sequence[str] = (),
        model: str = "logistic",
        C: float | None = None,
        transfer: Sequence[str] = (),
        rivals: str | Sequence[str] = "weights",
        name: str = "table",
    ) -> None:
        self.table, self.task, self.name = table, task, name
        self.config = StudyConfig(
            metric, variant, strength, seed, utility_budget, max_weight, min_effective_sample_size, model,
            usual_C(model) if C is None else C,
            transfer=tuple(transfer), rivals=rival_names(rivals), min_accuracy=min_accuracy, pinned=tuple(pinned),
            also=tuple(also),
        )  # fmt: skip

    def run(
        self,
        progress: Progress | None = None,
        cancel: threading.Event | None = None,
        previous: StudyResult | None = None,
    ) -> StudyResult:
        """Run every stage and return the finished result.

        `progress(stage, fraction, partial)` is called as stages start, move and finish, with the result so far.
        `cancel`: once set, Cancelled is raised within a fraction of a second; its `partial` holds what had finished.
        Other models are refitted last, as `with_transfers` does.
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
        if self.config.transfer:
            return with_transfers(run.result, self.config.transfer, progress, cancel)
        return run.result


class _Run:
    """The state of one run: the result so far, the clock, and the way to report and to stop."""

    result: StudyResult

    def __init__(self, study: Study, progress: Progress | None, cancel: threading.Event | None) -> None:
        self.study, self.config = study, study.config
        self.progress, self.cancel = progress, cancel
        self.reused: frozenset[str] = frozenset()
        self.partial: StudyResult | None = None
        slow = set(self.config.rivals) & set(FAIRLEARN)
        self.starts = [(SHARE_BEFORE_FAIRLEARN if slow else 1.0) * share for share in SHARE_OF_TIME.values()]

    @cached_property
    def table(self) -> pd.DataFrame:
        """The table with the types and missing markers of the task."""
        return typed(self.study.task, self.study.table)

    def stop_check(self) -> None:
        if self.cancel is not None and self.cancel.is_set():
            raise Cancelled(partial=self.partial)

    def report(self, stage: str, within: float) -> None:
        """Tell how far the study is: `within` is the share of this stage that is done."""
        self.stop_check()
        if self.progress is not None:
            start, following = [*self.starts, 1.0][STAGES.index(stage) :][:2]
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
        """Fingerprint the table, decide what of an earlier result still holds, check, encode and split the rows."""
        self.report("encode", 0.0)
        started = time.perf_counter()
        study = self.study
        fingerprint = table_fingerprint(study.table)
        if previous is not None and self._same_data(previous, fingerprint):
            self.reused = frozenset({"baseline", "influence"} & set(previous.timing))
            if previous.config.metric == self.config.metric:
                self.reused |= {"rivals"}
            if previous.config.repair == self.config.repair and "curve" in previous.timing:
                self.reused |= {"fidelity"} & set(previous.timing)
            if _differ_beside(previous.config, self.config):
                self.reused |= {"curve"} & set(previous.timing)
            dataset, checks = previous.dataset, previous.checks
        else:
            dataset = encode(self.table, study.task, seed=self.config.seed)
            checks = run_checks(
                self.table, study.task, seed=self.config.seed, stop_check=self.stop_check, resolved=dataset.task
            )
        timing = {"encode": time.perf_counter() - started}
        self.result = StudyResult(
            study.name,
            fingerprint,
            is_example(study.table),
            dataset,
            self.config,
            timing=timing,
            warnings=(*dataset.warnings, *_weighted_by(dataset)),
            checks=checks,
        )
        self.partial = self.result
        self.data = Arranged(dataset)
        self._pin()
        self.report("encode", 1.0)

    def _pin(self) -> None:
        if self.config.pinned:
            self._require_cohorts()
            used = rows_matching(self.table, self.config.pinned)[self.result.dataset.row_id]
            self.result = replace(self.result, pinned=used[self.result.train_rows])

    def _require_cohorts(self) -> None:
        """ConfigError where a pin of a study in cohort-only mode names a row, or fewer rows than the smallest group."""
        smallest = self.result.smallest_group
        if smallest is None:
            return
        for pin in self.config.pinned:
            what = "A single row" if isinstance(pin, int) else f"The cohort {shorten(pin, 60)}"
            rows = rows_matching(self.table, [pin])[self.result.dataset.row_id]
            if not tellable(np.count_nonzero(rows), smallest):
                raise ConfigError(
                    f"{what} cannot be pinned in cohort-only mode: it has fewer rows than the smallest group, "
                    f"{smallest}. Pin a larger cohort, or none."
                )

    def _same_data(self, previous: StudyResult, fingerprint: str) -> bool:
        return (
            previous.fingerprint == fingerprint
            # By representation: 1 == True in Python, yet they are different values of a column.
            and repr(previous.dataset.task.task.to_dict()) == repr(self.study.task.to_dict())
            and (previous.config.seed, previous.config.model, previous.config.C)
            == (self.config.seed, self.config.model, self.config.C)
        )

    def baseline(self, previous: StudyResult | None) -> None:
        """Fit the ordinary model on training rows and measure it on the others."""
        with self.stage("baseline"):
            if previous is not None and "baseline" in self.reused:
                self.result = replace(
                    self.result, model=previous.model, scores_before=previous.scores_before, baseline=previous.baseline
                )
            else:
                train = self.data.rows["train"]
                model = make_model(self.config.model, self.config.C, self.config.seed)
                model.fit(self.data.X[train], self.data.y[train], self.data.base_of(train), stop_check=self.stop_check)
                self.result = replace(self.result, model=model)
                scores = scores_at(self.result, model.theta_)
                self.result = replace(
                    self.result, scores_before=scores, baseline=evaluations(self.result, scores, self.stop_check)
                )
            found = known(self.result.baseline)
            news = [f"On {name} rows: {text}" for name in MEASURED for text in found[name].warnings]
            self.result = replace(self.result, warnings=self.result.warnings + tuple(news))

    def influence(self, previous: StudyResult | None) -> None:
        """Score every training row on the quantities of validation rows and on the goal's widest gap."""
        with self.stage("influence"):
            model = known(self.result.model)
            measured = self.data.quantities["validation"]
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
                removal = removal_from_influence(model, scores, leverage)
                if affordable_order(model, measured, leverage) == 2:
                    removal += removal_curvature(model, measured, self.stop_check)
                self.result = replace(
                    self.result,
                    quantities=measured,
                    influence=scores,
                    removal=removal,
                    relabel=relabel_from_influence(model, scores),
                    leverage=leverage,
                )
            self.result = replace(self.result, goal=self._goal_scores())

    def _goal_scores(self) -> GoalScores:
        result = self.result
        quantities = known(result.quantities)
        pairs = goal_pairs(quantities, self.config.metric, self.data.groups(self.config.metric))
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
            groups = self.data.groups(self.config.metric, *self.config.also)
            unseen = left_out(self.data, groups)
            if unseen:
                text = (
                    f"Left out of the repair, because fewer than {LEAST_ROWS} validation rows stand behind it: "
                    f"{listing(unseen)}."
                )
                self.result = replace(self.result, warnings=(*self.result.warnings, text))
            if previous is not None and previous.curve is not None and "curve" in self.reused:
                kept = tuple(one for one in previous.transfers if one.name in self.config.transfer)
                self.result = replace(
                    self.result,
                    curve=previous.curve,
                    scores_after=previous.scores_after,
                    after=previous.after,
                    difference=previous.difference,
                    transfers=kept,
                    warnings=self.result.warnings + previous.curve.warnings,
                )
                return
            path = repair_path(self.result, None, self.stop_check, self.data)
            curve = trace(
                path,
                self.data.parts,
                self.data.quantities,
                strength=self.config.strength,
                budget=self.config.utility_budget,
                seed=self.config.seed,
                report=lambda share: self.report("curve", share),
            )
            self.result = replace(self.result, curve=curve, warnings=self.result.warnings + curve.warnings)
            self.result = measured_at_choice(self.result, self.stop_check)

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
                fidelity=judge_fidelity(refits, asked, prediction_error(result), float(known(result.leverage).mean())),
            )

    def _verify_rows(self) -> tuple[pd.DataFrame, int]:
        """Removal effects on the goal's gap beside exact refits: the columns of `Fidelity.refits`."""
        result = self.result
        model, goal, quantities = known(result.model), known(result.goal), known(result.quantities)
        base = self.data.base_of(self.data.rows["train"])
        counting = None if base is None else np.flatnonzero(base)
        rows, random = rows_to_verify(goal.removal, self.config.seed, among=counting)
        thetas = leave_one_out_parameters(
            model, rows, stop_check=self.stop_check, report=lambda share: self.report("fidelity", share)
        )
        pairs = goal_pairs(quantities, self.config.metric)
        directed = pairs.matrix[pairs.labels.index((goal.rate, goal.over, goal.under))]
        done = len(thetas)
        hard = directed @ quantities.hard_values(model)
        frame = pd.DataFrame(
            {
                "row": rows[:done],
                "random": random[:done],
                "predicted": goal.removal[rows[:done]],
                "refitted": [directed @ quantities.values_at(model, theta) - goal.value for theta in thetas],
                "hard_predicted": hard_removal_effects(model, quantities, rows[:done], result.leverage) @ directed[:-1],
                "hard_refitted": [directed @ quantities.hard_values(model, theta) - hard for theta in thetas],
            }
        )
        return frame, rows.size

    def rivals(self, previous: StudyResult | None) -> None:
        """Run the other methods, cheapest first; one that fails says why and stops nothing."""
        with self.stage("rivals"):
            held = {}
            if previous is not None and "rivals" in self.reused:
                held = {rival.name: rival for rival in previous.rivals}
            train, data = self.data.rows["train"], self.result.dataset
            problem = RivalProblem(
                self.data.X[train],
                self.data.y[train],
                self.data.codes[train],
                len(data.groups),
                known(self.result.model),
                self.data.quantities["validation"],
                self.config.metric,
                C=self.config.C,
                seed=self.config.seed,
                stop_check=self.stop_check,
                base=self.data.base_of(train),
            )
            for place, name in enumerate(self.config.rivals):
                self.report("rivals", place / len(self.config.rivals))
                rival = held[name] if name in held else self._rival(name, problem)
                self.result = replace(self.result, rivals=(*self.result.rivals, rival))
                self.partial = self.result

    def _rival(self, name: str, problem: RivalProblem) -> Rival:
        method, started = RIVALS[name], time.perf_counter()
        nothing: Rival = Rival(
            name,
            method.title,
            None,
            None,
            {split: dict.fromkeys(METRICS) for split in self.data.parts},
            {split: {} for split in self.data.parts},
            method.kind,
            method.reads_model,
            method.needs_group,
            method.randomised,
            method.source,
        )
        try:
            parts = {split: (part.X, part.group_codes) for split, part in self.data.parts.items()}
            solution, predictions = answer(name, problem, parts)
        except RivalFailed as failure:
            return replace(nothing, reason=str(failure), seconds=time.perf_counter() - started)
        measured = {split: self._measured(split, prediction) for split, prediction in predictions.items()}
        return replace(
            nothing,
            weights=solution.weights,
            theta=solution.theta,
            metrics={split: found[0] for split, found in measured.items()},
            intervals={split: found[1] for split, found in measured.items()},
            notes=solution.notes,
            seconds=time.perf_counter() - started,
        )

    def _measured(self, split: str, prediction: Prediction) -> tuple[Numbers, Intervals]:
        part, n_groups = self.data.parts[split], len(self.result.dataset.groups)
        scores = prediction.decisions.astype(float) if prediction.scores is None else prediction.scores
        numbers: Numbers = point_metrics(part.y, scores, part.group_codes, n_groups, part.weights)
        if prediction.scores is None:
            numbers = {**numbers, **dict.fromkeys(ROW_METRICS)}
        counts = confusion_table(part.y, prediction.decisions, part.group_codes, n_groups, part.weights)
        return numbers, intervals_from_counts(counts, seed=self.config.seed)


def _weighted_by(data: Dataset) -> tuple[str, ...]:
    """What a study with row weights of the file says of them."""
    if data.base_weight is None:
        return ()
    by = "" if data.task.task.weights is None else f" by column '{shorten(data.task.task.weights)}'"
    said = (f"Rows are weighted{by}; all rates are weighted.",)
    weight = data.base_weight
    tells = float(weight.sum() ** 2 / (weight @ weight))
    if tells >= FEW_TELL * weight.size:
        return said
    few = f"The row weights are so unequal that {weight.size:,} rows tell about as much as {tells:,.0f} would."
    return (*said, few)


def _differ_beside(earlier: StudyConfig, now: StudyConfig) -> bool:
    """Whether two configurations have the same curve and choice: all but what is run beside them is the same."""
    return replace(earlier, rivals=now.rivals, transfer=now.transfer) == now
