"""The causes of a study together: cohorts, conflicts between goals and what to collect, each with its refits.

A study does not look for them by itself. They join its records with `result.having(find_causes(result, table))`, and
from then on its report and files tell them. What was tried by hand joins them as `Tried`, and is told in the report.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from iffair_core.causes.change import Action, Effect
from iffair_core.causes.cohorts import CohortLedger, proven_ledger
from iffair_core.causes.collect import Collection, what_to_collect
from iffair_core.causes.conflicts import AlongCurve, Conflicts, along_curve, conflicts
from iffair_core.errors import StopCheck, never_stop
from iffair_core.study.results import StudyResult


@dataclass(frozen=True, eq=False)
class Causes:
    """What carries the goal's gap, what else its repair moves, and what further rows would do."""

    ledger: CohortLedger
    conflicts: Conflicts
    along: AlongCurve
    collection: Collection


def find_causes(result: StudyResult, table: pd.DataFrame, *, stop_check: StopCheck = never_stop) -> Causes:
    """All causes of a study with row scores; `table` as typed by the task. Raises ConfigError in cohort-only mode."""
    ledger = proven_ledger(result, table, stop_check=stop_check)
    further = what_to_collect(result, ledger.cohorts, stop_check=stop_check)
    goals, along = conflicts(result, stop_check=stop_check), along_curve(result, stop_check=stop_check)
    return Causes(ledger, goals, along, further)


@dataclass(frozen=True)
class TriedChange:
    """A what if: `rows` training rows, which `what` names, and the effects of their change; None without a refit."""

    what: str
    action: Action
    rows: int
    predicted: Effect
    refitted: Effect | None = None


@dataclass(frozen=True)
class Tried:
    """What was tried by hand: what ifs, and what turned each decision that was traced, in a sentence."""

    changes: tuple[TriedChange, ...]
    decisions: tuple[str, ...]


def tried_of(result: StudyResult) -> Tried | None:
    """What was tried with a result; None where nothing was, and in cohort-only mode, since it tells of single rows."""
    return None if result.smallest_group is not None else result.records.get(Tried)


def causes_of(result: StudyResult) -> Causes | None:
    """The causes among a result's records; None where they were not looked for."""
    return result.records.get(Causes)
