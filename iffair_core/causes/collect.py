"""What to collect next: what 100 further rows of a group or cohort are expected to do to the gap and to its interval.

Further rows of a cohort are taken to be like those that are there: the model is moved one Newton step with the weights
of the cohort raised by as much as 100 rows. The check holds rows back: a model refitted without some of the cohort
predicts what they do, and what they did is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.stats import spearmanr

from iffair_core.causes.change import directed
from iffair_core.causes.cohorts import LEAST_ROWS, LEVEL_Z, Cohort, in_words
from iffair_core.data.splitting import TEST
from iffair_core.errors import ConfigError, FitError, StopCheck, never_stop
from iffair_core.influence import one_step_parameters
from iffair_core.models.base import InfluenceModel
from iffair_core.study.results import StudyResult

FURTHER = 100
"""Rows that are asked for."""
MOST_HELD = 0.5
"""At most this part of a cohort is held back for the check."""
WITHIN_GREEN, WITHIN_AMBER = 0.85, 0.7
"""Parts of the batches within their 95 % intervals from which the badge is green, or amber."""


@dataclass(frozen=True)
class Batch:
    """100 further rows of one group or cohort, which has `rows` training rows now.

    `soft`: expected change of the goal's soft gap where they join the training rows, with the 95 % interval [`low`,
    `high`] of what a batch of 100 may bring; `width`: expected change of the width of the 95 % interval of the gap on
    test rows, where they join those; None where it is not estimable. `held`: rows that were held back for the check;
    `foretold` and `seen`: what they were predicted to do and did, per 100 rows; None where no check was made.
    `within`: what was seen lies in the 95 % interval of what was foretold. `with_outcome`: the rows have one outcome,
    which nobody can choose.
    """

    name: str
    rows: int
    soft: float
    low: float
    high: float
    width: float | None
    held: int = 0
    foretold: float | None = None
    seen: float | None = None
    within: bool | None = None
    with_outcome: bool = False


@dataclass(frozen=True)
class Collection:
    """Batches and how the checks went: those that can be chosen, then those with an outcome, by what they narrow.

    `checked` of them were, `within` of these had what was seen in the interval of what was foretold; `order`:
    Spearman's correlation of the two, None where fewer than three were checked.
    """

    batches: tuple[Batch, ...]
    checked: int
    within: int
    order: float | None

    @property
    def level(self) -> str:
        """The badge: whether batches lay within their 95 % intervals about as often as they should."""
        if not self.checked:
            return "not judged"
        share = self.within / self.checked
        return "green" if share >= WITHIN_GREEN else "amber" if share >= WITHIN_AMBER else "red"


@dataclass(frozen=True, eq=False)
class _Source:
    name: str
    rows: np.ndarray
    conditions: tuple[tuple[str, str], ...]


def what_to_collect(
    result: StudyResult,
    cohorts: Sequence[Cohort] = (),
    *,
    checks: bool = True,
    stop_check: StopCheck = never_stop,
    report: Callable[[float], None] | None = None,
) -> Collection:
    """100 further rows of every group, of every group and outcome, and of `cohorts`.

    Sources of fewer than 20 training rows are left out. `checks` holds rows back and refits once for each source.
    `stop_check` may raise to cancel; `report` gets the share done. Raises ConfigError in cohort-only mode.
    """
    if result.smallest_group is not None:
        raise ConfigError("What to collect rests on single rows, which cohort-only mode does not show.")
    sources = [one for one in _sources(result, cohorts) if one.rows.size >= LEAST_ROWS]
    rng = np.random.default_rng(np.random.SeedSequence([result.config.seed, 13]))
    batches = []
    for place, source in enumerate(sources):
        stop_check()
        if report is not None:
            report(place / len(sources))
        batches.append(_batch(result, source, rng, checks, stop_check))
    batches.sort(key=lambda one: (one.with_outcome, one.soft))
    done = [one for one in batches if one.within is not None]
    order = None
    if len(done) > 2:
        order = float(spearmanr([one.foretold for one in done], [one.seen for one in done]).statistic)
    return Collection(tuple(batches), len(done), sum(bool(one.within) for one in done), order)


def _sources(result: StudyResult, cohorts: Sequence[Cohort]) -> Iterator[_Source]:
    data, task = result.dataset, result.dataset.task
    columns = " and ".join(task.task.sensitive_columns)
    codes, outcome = data.group_codes[result.train_rows], data.y[result.train_rows] > 0.5
    for code, group in enumerate(data.groups):
        mine = codes == code
        yield _Source(in_words([(columns, group)])[0], np.flatnonzero(mine), ())
        for side, label in enumerate(task.outcome_labels):
            conditions = ((columns, group), (task.task.target, label))
            yield _Source(", ".join(in_words(conditions)), np.flatnonzero(mine & (outcome == bool(side))), conditions)
    for cohort in cohorts:
        yield _Source(cohort.name, cohort.rows, cohort.conditions)


def _batch(
    result: StudyResult, source: _Source, rng: np.random.Generator, checks: bool, stop_check: StopCheck
) -> Batch:
    soft = _further(result, result.model, source.rows, FURTHER)
    spread = _spread(result, source.rows, FURTHER)
    outcome = result.dataset.task.task.target
    told = Batch(
        source.name,
        int(source.rows.size),
        soft,
        soft - spread,
        soft + spread,
        _width(result, source.rows),
        with_outcome=any(column == outcome for column, _ in source.conditions),
    )
    return _checked(result, source, told, rng, stop_check) if checks else told


def _spread(result: StudyResult, rows: np.ndarray, further: float) -> float:
    """Half the 95 % interval of the sum of effects of `further` rows, drawn as these are, about their expectation."""
    return LEVEL_Z * float(result.goal.removal[rows].std()) * np.sqrt(further * (1.0 + further / rows.size))


def _further(result: StudyResult, model: InfluenceModel, rows: np.ndarray, further: float) -> float:
    """Predicted change of the goal's soft gap of `model` with `further` more rows like these."""
    weights = model.sample_weight_.copy()
    weights[rows] *= 1.0 + further / np.count_nonzero(weights[rows])
    values = result.quantities.values_at(model, one_step_parameters(model, weights))
    return directed(result, values) - directed(result, result.quantities.values(model))


def _checked(
    result: StudyResult, source: _Source, told: Batch, rng: np.random.Generator, stop_check: StopCheck
) -> Batch:
    """The batch with its check: some of the rows held back, the model refitted without them."""
    counting = source.rows[result.model.sample_weight_[source.rows] > 0]
    held = min(FURTHER, int(MOST_HELD * counting.size))
    drawn = rng.permutation(counting)[:held]
    weights = result.model.sample_weight_.copy()
    weights[drawn] = 0.0
    try:
        without = result.model.refitted(weights, stop_check=stop_check)
    except FitError:
        return told
    left = np.setdiff1d(counting, drawn)
    scale = FURTHER / held
    foretold = scale * _further(result, without, left, held)
    values = result.quantities.values(without)
    seen = scale * (result.goal.value - directed(result, values))
    within = abs(seen - foretold) <= scale * _spread(result, left, held)
    return replace(told, held=held, foretold=foretold, seen=seen, within=within)


def _width(result: StudyResult, rows: np.ndarray) -> float | None:
    """Expected change of the width of the gap's 95 % interval with 100 more test rows shared out as `rows` are."""
    goal, data, evaluation = result.goal, result.dataset, result.baseline["test"]
    test = data.part(TEST)
    codes, outcome = data.group_codes[result.train_rows[rows]], data.y[result.train_rows[rows]] > 0.5
    now = after = 0.0
    for group in (goal.over, goal.under):
        code = data.groups.index(group)
        rate = evaluation.rates[group][goal.rate].value
        asked = {"true_positive_rate": outcome, "false_positive_rate": ~outcome}.get(goal.rate, np.ones_like(outcome))
        mine = data.group_codes[test] == code
        side = {"true_positive_rate": data.y[test] > 0.5, "false_positive_rate": data.y[test] <= 0.5}
        size = int(np.count_nonzero(mine & side.get(goal.rate, np.ones_like(mine))))
        if rate is None or not size:
            return None
        more = FURTHER * float(np.mean((codes == code) & asked))
        now += rate * (1.0 - rate) / size
        after += rate * (1.0 - rate) / (size + more)
    return 2.0 * LEVEL_Z * float(np.sqrt(after) - np.sqrt(now))
