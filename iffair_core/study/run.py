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
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from iffair_core.checks.run import Check, run_checks
from iffair_core.data.encoding import Dataset, encode
from iffair_core.data.resolving import typed
from iffair_core.data.row_selectors import rows_matching
from iffair_core.data.task import Task
from iffair_core.datasets.catalog import is_example
from iffair_core.errors import Cancelled, ConfigError, StopCheck, shorten
from iffair_core.fidelity import Fidelity
from iffair_core.models.blocks import single_threaded_blas
from iffair_core.reading.door import table_fingerprint
from iffair_core.rivals.registry import FAIRLEARN
from iffair_core.study.at_strength import judged, with_transfers
from iffair_core.study.config import StudyConfig
from iffair_core.study.disclosure import tellable
from iffair_core.study.results import (
    STAGES,
    Baseline,
    GoalScores,
    Influence,
    Progress,
    Record,
    Repaired,
    Rival,
    StudyResult,
)
from iffair_core.study.split_views import SplitViews
from iffair_core.study.stages import (
    fit_baseline,
    refit_without_rows,
    rival_problem,
    run_rival,
    score_goal,
    score_influence,
    stage_key,
    trace_repairs,
)

SHARE_OF_TIME = dict(zip(STAGES, (0.0, 0.1, 0.25, 0.3, 0.8, 0.95), strict=True))

SHARE_BEFORE_FAIRLEARN = 0.3
FEW_TELL = 0.5
"""Effective sample size of the file's row weights, as a share of the rows, below which a study warns of it."""


class Study:
    """A table, a task and a configuration; `run` does the rest.

    `name`: the table's name in results. `options`: the fields of `StudyConfig`, with `metric` for the goal; raises
    ConfigError for an unknown one.
    """

    def __init__(
        self,
        table: pd.DataFrame,
        task: Task,
        *,
        name: str = "table",
        **options: Any,
    ) -> None:
        self.table, self.task, self.name = table, task, name
        self.config = StudyConfig.from_dict(options)

    def fingerprint(self) -> str:
        """What two tables share only if they are the same, cell for cell."""
        return table_fingerprint(self.table)

    def encoded(self, table: pd.DataFrame) -> Dataset:
        """The rows of the table, with the types of the task, ready for a model."""
        return encode(table, self.task, seed=self.config.seed)

    def checked(self, table: pd.DataFrame, dataset: Dataset, stop_check: StopCheck) -> tuple[Check, ...]:
        """What to know of the table before a model is fitted."""
        return run_checks(table, self.task, seed=self.config.seed, stop_check=stop_check, resolved=dataset.task)

    def run(
        self,
        progress: Progress | None = None,
        cancel: threading.Event | None = None,
        previous: StudyResult | None = None,
        *,
        bare: bool = False,
    ) -> StudyResult:
        """Run every stage and return the finished result.

        `progress(stage, fraction, partial)` is called as stages start, move and finish, with the result so far.
        `cancel`: once set, Cancelled is raised within a fraction of a second; its `partial` holds what had finished.
        Other models are refitted last, as `with_transfers` does.
        `previous`: a result whose finished stages are reused where table, task and options are the same.
        `bare`: without checks, row scores and their fidelity, on which no other number rests.
        Raises TableError, TaskError or ConfigError for input that cannot be studied.
        """
        run = _Run(self, progress, cancel, previous)
        with single_threaded_blas():
            run.encode(checked=not bare)
            run.baseline()
            if not bare:
                run.influence()
            run.curve()
            if not bare:
                run.fidelity()
            run.rivals()
        if self.config.transfer:
            return with_transfers(run.result, self.config.transfer, progress, cancel)
        return run.result


class _Run:
    """The state of one run: the result so far, the clock, and the way to report and to stop."""

    result: StudyResult
    views: SplitViews

    def __init__(
        self,
        study: Study,
        progress: Progress | None,
        cancel: threading.Event | None,
        previous: StudyResult | None,
    ) -> None:
        self.study, self.config = study, study.config
        self.progress, self.cancel, self.previous = progress, cancel, previous
        self.fingerprint = study.fingerprint()
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

    def same(self, stage: type) -> StudyResult | None:
        """The earlier result where its record of this stage is what this run would compute; None elsewhere."""
        earlier = self.previous
        if earlier is None:
            return None
        held = stage_key(stage, earlier.fingerprint, earlier.dataset.task.task, earlier.config)
        return earlier if held == stage_key(stage, self.fingerprint, self.study.task, self.config) else None

    def keep(self, kind: type[Record], compute: Callable[[], Record]) -> None:
        """Put the record of a stage into the result: the earlier one where it is the same, else a computed one."""
        earlier = self.same(kind)
        kept = earlier is not None and kind in earlier.records
        self.result = self.result.having(earlier.record(kind) if earlier is not None and kept else compute())

    def encode(self, *, checked: bool) -> None:
        """Check, encode and split the rows."""
        self.report("encode", 0.0)
        started = time.perf_counter()
        study, earlier = self.study, self.same(Dataset)
        if earlier is not None:
            dataset, checks = earlier.dataset, earlier.checks
        else:
            dataset = study.encoded(self.table)
            checks = study.checked(self.table, dataset, self.stop_check) if checked else ()
        self.result = StudyResult(
            study.name,
            self.fingerprint,
            is_example(study.table),
            dataset,
            self.config,
            timing={"encode": time.perf_counter() - started},
            notes=(*dataset.warnings, *_weighted_by(dataset)),
            checks=checks,
        )
        self.partial = self.result
        self.views = SplitViews(dataset)
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

    def baseline(self) -> None:
        with self.stage("baseline"):
            self.keep(Baseline, lambda: fit_baseline(self.result, self.views, self.stop_check))
        if self.result.threshold != self.views.threshold:
            self.views.decide_from(self.result.threshold)

    def influence(self) -> None:
        with self.stage("influence"):
            self.keep(Influence, lambda: score_influence(self.result, self.views, self.stop_check))
            self.keep(GoalScores, lambda: score_goal(self.result, self.views))

    def curve(self) -> None:
        with self.stage("curve"):
            self.keep(
                Repaired,
                lambda: trace_repairs(
                    self.result, self.views, self.stop_check, lambda share: self.report("curve", share)
                ),
            )
            earlier = self.same(Repaired)
            travelled = () if earlier is None else earlier.transfers
            asked = tuple(one for one in travelled if one.name in self.config.transfer)
            self.result = replace(self.result, transfers=asked)

    def fidelity(self) -> None:
        with self.stage("fidelity"):
            earlier = self.same(Fidelity)
            if earlier is not None and earlier.has("fidelity"):
                refits, asked = earlier.fidelity.refits, earlier.fidelity.asked
            else:
                refits, asked = refit_without_rows(
                    self.result, self.views, self.stop_check, lambda share: self.report("fidelity", share)
                )
            self.result = self.result.having(judged(self.result, refits, asked))

    def rivals(self) -> None:
        """Run the other methods, cheapest first; one that fails says why and stops nothing."""
        with self.stage("rivals"):
            earlier = self.same(Rival)
            held = {} if earlier is None else {rival.name: rival for rival in earlier.rivals}
            problem = rival_problem(self.result, self.views, self.stop_check)
            for place, name in enumerate(self.config.rivals):
                self.report("rivals", place / len(self.config.rivals))
                rival = held[name] if name in held else run_rival(name, problem, self.views)
                self.result = replace(self.result, rivals=(*self.result.rivals, rival))
                self.partial = self.result


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
