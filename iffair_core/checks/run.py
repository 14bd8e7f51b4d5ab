"""Find before a model is fitted what would embarrass an analyst later, and offer a way out of each.

`run_checks` looks for columns that give the outcome away or stand in for a group (`columns`), dates at which only one
outcome is recorded (`time`), a favorable value that may be the wrong one and groups too small to judge (`groups`),
copied rows and columns that say nothing (`table`), what stands for a missing value (`markers`), values in several
spellings (`spelling`), identifiers, codes and persons with several rows (`identity`).

Each module has the constants of its rules: "high" makes results meaningless if it is what it looks like, "medium"
changes them, "low" is good to know. Shares count rows; the file's row weights do not enter.
"""

from __future__ import annotations

import pandas as pd

from iffair_core.checks.columns import column_checks, proxies
from iffair_core.checks.evidence import SEVERITIES, Check, Evidence, Remedy, Studied
from iffair_core.checks.groups import group_checks
from iffair_core.checks.identity import identity_checks
from iffair_core.checks.markers import marker_checks
from iffair_core.checks.spelling import spelling_checks
from iffair_core.checks.table import table_checks
from iffair_core.checks.time import time_checks
from iffair_core.data.resolving import ResolvedTask, resolve, typed
from iffair_core.data.task import Task
from iffair_core.errors import StopCheck, TableError, never_stop
from iffair_core.reading.values import require_single_values

__all__ = ["Check", "Remedy", "proxy_table", "run_checks"]


def run_checks(
    table: pd.DataFrame,
    task: Task | None,
    *,
    seed: int = 0,
    stop_check: StopCheck = never_stop,
    resolved: ResolvedTask | None = None,
) -> tuple[Check, ...]:
    """Every check that has something to say, highest severity first; without a task those that need none.

    Single columns are measured on at most 50,000 rows, drawn by `seed`; all else on all rows in use. With
    `task.smallest_group` no text tells a count below it, nor a value of a single row. `resolved`: the task on this
    table, where it is known already. Raises TaskError where the task does not fit the table.
    """
    data = _evidence(table, task, resolved, seed, stop_check)
    found: list[Check] = []
    if data.resolved is not None:
        study = Studied(data, data.resolved)
        for rules in (column_checks, time_checks, group_checks):
            found += rules(study)
    found += spelling_checks(data)
    found += identity_checks(data)
    found += table_checks(data)
    found += marker_checks(data)
    return tuple(sorted(found, key=lambda one: SEVERITIES.index(one.severity)))


def proxy_table(
    table: pd.DataFrame, resolved: ResolvedTask, *, seed: int = 0, stop_check: StopCheck = never_stop
) -> pd.DataFrame:
    """How well each feature alone tells a group from all others: one line per feature, strongest first.

    column; group: the one it tells best, by the interval's lower end, among groups of at least 30 rows; auc: ROC AUC,
    at least 0.5, out of sample for categories, on at most 50,000 rows; low, high: its 95 % interval. `resolved` is of
    this table.
    """
    return proxies(_evidence(table, resolved.task, resolved, seed, stop_check))


def _evidence(
    table: pd.DataFrame, task: Task | None, resolved: ResolvedTask | None, seed: int, stop_check: StopCheck
) -> Evidence:
    if len({str(column) for column in table.columns}) != table.shape[1] or not table.columns.is_unique:
        raise TableError("Two columns of the table have the same name. Rename one of them.")
    if not len(table):
        raise TableError("The table has no rows. Choose one with a row for each person.")
    require_single_values(table)
    if task is not None:
        table = typed(task, table)
        resolved = resolved or resolve(task, table)
    return Evidence(table, task, resolved, seed, stop_check)
