"""Cohorts of training rows that carry the goal's gap: conjunctions of one to three conditions, searched on row scores.

The score of a row is what leaving it out is predicted to do to the gap; a cohort's is the sum over its rows. A cohort
is worth telling where its rows widen the gap by more than as many others of the same group and outcome: its quality is
that excess divided by the root of its size, the mean test of subgroup discovery. Closest published work: Pradhan, Zhu,
Glavic and Salimi (2022), SIGMOD, "Interpretable Data-Based Explanations for Fairness Debugging" (Gopher), which ranks
patterns by influence over support.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice

import numpy as np
import pandas as pd

from iffair_core.causes.change import Effect, predict, refit
from iffair_core.errors import ConfigError, StopCheck, never_stop, shorten
from iffair_core.reading.types import NO_FEATURES, infer_types
from iffair_core.reading.values import as_numbers, bin_codes, is_number, label_codes, suggest_bins
from iffair_core.study.results import StudyResult

MOST_CONDITIONS = 3
LEAST_ROWS = 20
LEAST_SHARE = 0.005
"""A cohort has at least so many training rows, and so large a share of them."""
MOST_SHARE = 0.5
"""A cohort of more rows than this is no cohort but the table."""
SEARCHED = 20_000
"""Rows that cohorts are searched on; what is told of them is summed over all."""
MOST_LEVELS = 30
FEW_NUMBERS = 8
"""A number with no more values than this is taken value by value."""
NEW = 0.5
"""A cohort is told where at least this part of its effect comes from rows that none before it has."""
SIMPLER = 0.9
"""A condition is left away where the cohort without it is at least so good."""
LEVEL_Z = 1.959963984540054


@dataclass(frozen=True, eq=False)
class Cohort:
    """Training rows that meet all `conditions`, (column, value or range) pairs.

    rows: positions among the training rows, rising. `share`: part of the goal's soft gap that they are predicted to
    make up, additive over rows, with its 95 % interval [`low`, `high`] over samples of training rows. `predicted`: the
    same by one Newton step without all of them at once. `overlap`: part of its rows that cohorts before it have too.
    """

    conditions: tuple[tuple[str, str], ...]
    rows: np.ndarray
    share: float
    low: float
    high: float
    predicted: float
    overlap: float

    @property
    def parts(self) -> tuple[str, ...]:
        """Each condition in words."""
        return in_words(self.conditions)

    @property
    def name(self) -> str:
        return ", ".join(self.parts)


def in_words(conditions: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Each condition in words.

    >>> in_words([("town", "Elm"), ("age", "< 30")])
    ('town = Elm', 'age < 30')
    """
    return tuple(f"{shorten(column, 30)} {_holds(value)}" for column, value in conditions)


def _holds(value: str) -> str:
    return value if value.startswith(("< ", ">= ")) else f"= {shorten(value, 40)}"


@dataclass(frozen=True, eq=False)
class CohortLedger:
    """Cohorts, best first, and the proofs of the first of them, in the same order."""

    cohorts: tuple[Cohort, ...]
    proofs: tuple[Effect, ...] = ()


@dataclass(frozen=True, eq=False)
class _Atoms:
    """The values of one column as conditions: codes (n,) of the training rows into `labels`; -1 for none of them."""

    column: str
    codes: np.ndarray
    labels: tuple[str, ...]


def cohort_ledger(
    result: StudyResult, table: pd.DataFrame, *, most: int = 10, stop_check: StopCheck = never_stop
) -> tuple[Cohort, ...]:
    """The cohorts that carry most of the goal's gap, best first, at most `most`.

    table: all rows of the file, with the types and missing markers of the task. Conditions are on the features, the
    sensitive columns and the outcome; numbers are cut at round quartiles. `stop_check` may raise to cancel.
    Raises ConfigError where row scores are not there yet, or where the study is in cohort-only mode.
    """
    effect, gap = -result.goal.removal, result.goal.value
    found = find_cohorts(result, table, effect, effect - _expected(result, effect), most, stop_check)
    return tuple(_told(result, one, effect, gap) for one in found)


def _told(result: StudyResult, found: Described, effect: np.ndarray, gap: float) -> Cohort:
    own = effect[found.rows]
    total, spread = float(own.sum()), LEVEL_Z * float(np.sqrt(own @ own))
    predicted = predict(result, "remove", found.rows).share
    ends = (total / gap, (total - spread) / gap, (total + spread) / gap)
    return Cohort(found.conditions, found.rows, *ends, predicted, found.overlap)


@dataclass(frozen=True, eq=False)
class Described:
    """Training rows (positions) that meet all conditions, and the part of them that earlier ones have too."""

    conditions: tuple[tuple[str, str], ...]
    rows: np.ndarray
    overlap: float


def find_cohorts(
    result: StudyResult,
    table: pd.DataFrame,
    effect: np.ndarray,
    excess: np.ndarray,
    most: int,
    stop_check: StopCheck = never_stop,
) -> Iterator[Described]:
    """Conjunctions of training rows with the largest sums of `excess` for their size, best first, at most `most`.

    Each is as short as it can be, has a positive sum of `effect` (n_train,), and at least half of it in rows that none
    before it has. Raises ConfigError in cohort-only mode.
    """
    if result.smallest_group is not None:
        raise ConfigError("Cohorts are found by single rows, which cohort-only mode does not show.")
    least = max(LEAST_ROWS, int(np.ceil(LEAST_SHARE * effect.size)))
    atoms = conditions_of(result, table)
    ranked = _ranked(atoms, excess, least, 20 * most, result.config.seed, stop_check)
    return islice(_new_ones(atoms, ranked, effect, stop_check), most)


def _ranked(
    atoms: Sequence[_Atoms], excess: np.ndarray, least: int, keep: int, seed: int, stop_check: StopCheck
) -> list[Found]:
    """The best conjunctions by all rows, found on at most `SEARCHED` of them, drawn by the seed."""
    n, most = excess.size, int(MOST_SHARE * excess.size)
    if n <= SEARCHED:
        return best_conjunctions(atoms, excess, least, most, keep, stop_check)
    drawn = np.sort(np.random.default_rng(seed).choice(n, SEARCHED, replace=False))
    part = [replace(one, codes=one.codes[drawn]) for one in atoms]
    few = max(LEAST_ROWS, least * SEARCHED // n)
    ranked = []
    for _, conditions in best_conjunctions(part, excess[drawn], few, int(MOST_SHARE * SEARCHED), keep, stop_check):
        rows = members(atoms, conditions)
        ranked.append((float(excess[rows].sum() / np.sqrt(rows.size)), conditions))
    return sorted(ranked, key=lambda one: -one[0])


def _expected(result: StudyResult, effect: np.ndarray) -> np.ndarray:
    """The mean effect of the rows of the same group and outcome, (n,)."""
    data, rows = result.dataset, result.train_rows
    cells = data.cells(rows)
    sizes = np.bincount(cells)
    return np.asarray((np.bincount(cells, effect) / np.maximum(sizes, 1))[cells])


def conditions_of(result: StudyResult, table: pd.DataFrame) -> tuple[_Atoms, ...]:
    """What conditions there are, by column, on the training rows."""
    data, task = result.dataset, result.dataset.task.task
    rows = data.row_id[result.train_rows]
    types = infer_types(table)
    wanted = dict.fromkeys((*data.task.feature_columns, *task.sensitive_columns))
    found = []
    for name in wanted:
        if types[name] in NO_FEATURES:
            continue
        if name in task.sensitive_columns:
            codes, labels = data.task.parts[task.sensitive_columns.index(name)]
            found.append(_Atoms(name, codes[result.train_rows], labels))
        else:
            found.append(_column(name, table[name].iloc[rows]))
    outcome = (data.y[result.train_rows] > 0.5).astype(np.int32)
    found.append(_Atoms(task.target, outcome, data.task.outcome_labels))
    return tuple(one for one in found if len(one.labels) > 1)


def _column(name: str, series: pd.Series) -> _Atoms:
    if is_number(series) and series.nunique() > FEW_NUMBERS:
        codes, labels = bin_codes(as_numbers(series), suggest_bins(series) or (0.0,))
    else:
        codes, labels = label_codes(series)
    if len(labels) > MOST_LEVELS:
        sizes = np.bincount(codes, minlength=len(labels))
        kept = np.sort(np.argsort(-sizes, kind="stable")[:MOST_LEVELS])
        place = np.full(len(labels), -1, dtype=np.int32)
        place[kept] = np.arange(MOST_LEVELS)
        codes, labels = place[codes], tuple(labels[code] for code in kept)
    return _Atoms(name, codes.astype(np.int32), labels)


# -------------------------------------------------------------------------------------------------------------- search


Found = tuple[float, tuple[tuple[int, int], ...]]
"""(quality, ((column, code), ...)) with columns rising."""


def best_conjunctions(
    atoms: Sequence[_Atoms], excess: np.ndarray, least: int, most_rows: int, keep: int, stop_check: StopCheck
) -> list[Found]:
    """The `keep` conjunctions of up to three conditions with the largest quality, best first.

    excess (n,): what each row adds to the gap beyond what is expected of it; the quality of a conjunction of m rows is
    their sum / sqrt(m), and m is from `least` to `most_rows`. A branch is left where no subset of it can reach the
    worst that is kept: with P the sum of positive excesses and M the largest of them, none of at least `least` rows has
    a quality above min(P / sqrt(least), sqrt(P M)).
    """
    search = _Search(atoms, excess, least, most_rows, keep, stop_check)
    for branch in search.extended(None, (), 0):
        if branch.bound <= search.bar:
            break
        rows = np.flatnonzero(atoms[branch.column].codes == branch.code)
        for pair in search.extended(rows, branch.conditions, branch.column + 1):
            if pair.bound <= search.bar:
                break
            search.extended(rows[atoms[pair.column].codes[rows] == pair.code], pair.conditions, pair.column + 1)
    return [found for _, _, found in sorted(search.kept, key=lambda item: item[:2], reverse=True)]


@dataclass(frozen=True)
class _Branch:
    bound: float
    conditions: tuple[tuple[int, int], ...]
    column: int
    code: int


class _Search:
    """The best conjunctions so far, and all sums of one step in a single pass over its rows."""

    def __init__(
        self, atoms: Sequence[_Atoms], excess: np.ndarray, least: int, most_rows: int, keep: int, stop_check: StopCheck
    ) -> None:
        self.excess, self.positive = excess, np.maximum(excess, 0.0)
        self.least, self.most_rows, self.keep, self.stop_check = least, most_rows, keep, stop_check
        sizes = [len(one.labels) for one in atoms]
        self.starts = np.concatenate([[0], np.cumsum(sizes)])
        self.places = [(column, code) for column, size in enumerate(sizes) for code in range(size)]
        self.ids = np.column_stack(
            [np.where(one.codes < 0, self.starts[-1], one.codes + start)
             for one, start in zip(atoms, self.starts, strict=False)]
        ).astype(np.int32)  # fmt: skip
        self.largest = float(self.positive.max(initial=0.0))
        self.kept: list[tuple[float, int, Found]] = []
        self.order = count()

    @property
    def bar(self) -> float:
        """The quality that a cohort has to pass."""
        return self.kept[0][0] if len(self.kept) == self.keep else 0.0

    def extended(self, rows: np.ndarray | None, conditions: tuple[tuple[int, int], ...], first: int) -> list[_Branch]:
        """Keep what one condition more, on a later column, makes of these rows; the branches worth following."""
        self.stop_check()
        ids = self.ids[:, first:] if rows is None else self.ids[rows, first:]
        if not ids.size:
            return []
        inside = self.excess if rows is None else self.excess[rows]
        flat, wide = ids.ravel(), ids.shape[1]
        counts = np.bincount(flat, minlength=self.starts[-1] + 1)[:-1]
        sums = np.bincount(flat, np.repeat(inside, wide), minlength=self.starts[-1] + 1)[:-1]
        enough = counts >= self.least
        quality = np.where(enough & (counts <= self.most_rows), sums / np.sqrt(np.maximum(counts, 1)), 0.0)
        for place in np.flatnonzero(quality > max(self.bar, 0.0)).tolist():
            self._offer(float(quality[place]), (*conditions, self.places[place]))
        if len(conditions) + 1 == MOST_CONDITIONS:
            return []
        above = self.positive if rows is None else self.positive[rows]
        gains = np.bincount(flat, np.repeat(above, wide), minlength=self.starts[-1] + 1)[:-1]
        bounds = np.where(enough, np.minimum(gains / np.sqrt(self.least), np.sqrt(gains * self.largest)), 0.0)
        worth = np.flatnonzero(bounds > self.bar)
        return [
            _Branch(float(bounds[place]), (*conditions, self.places[place]), *self.places[place])
            for place in worth[np.argsort(-bounds[worth], kind="stable")].tolist()
        ]

    def _offer(self, quality: float, conditions: tuple[tuple[int, int], ...]) -> None:
        item = (quality, -next(self.order), (quality, conditions))
        if len(self.kept) < self.keep:
            heapq.heappush(self.kept, item)
        elif quality > self.kept[0][0]:
            heapq.heapreplace(self.kept, item)


def members(atoms: Sequence[_Atoms], conditions: Sequence[tuple[int, int]]) -> np.ndarray:
    """Positions of the rows that meet all conditions."""
    held = np.ones(atoms[0].codes.size, dtype=bool)
    for column, code in conditions:
        held &= atoms[column].codes == code
    return np.flatnonzero(held)


def _new_ones(
    atoms: Sequence[_Atoms], ranked: Sequence[Found], effect: np.ndarray, stop_check: StopCheck
) -> Iterator[Described]:
    """Those that say something new, each as short as it can be."""
    quality: Mapping[tuple[tuple[int, int], ...], float] = {conditions: one for one, conditions in ranked}
    covered = np.zeros(effect.size, dtype=bool)
    for own, conditions in ranked:
        shorter = (tuple(one for one in conditions if one != left) for left in conditions if len(conditions) > 1)
        if any(quality.get(other, 0.0) >= SIMPLER * own for other in shorter):
            continue
        rows = members(atoms, conditions)
        fresh = rows[~covered[rows]]
        total = float(effect[rows].sum())
        if total <= 0 or float(effect[fresh].sum()) < NEW * total:
            continue
        stop_check()
        named = tuple((atoms[column].column, atoms[column].labels[code]) for column, code in conditions)
        yield Described(named, rows, 1.0 - fresh.size / rows.size)
        covered[rows] = True


# -------------------------------------------------------------------------------------------------------------- proof


def proven_ledger(
    result: StudyResult,
    table: pd.DataFrame,
    *,
    most: int = 10,
    refits: int = 10,
    stop_check: StopCheck = never_stop,
    report: Callable[[float, CohortLedger], None] | None = None,
) -> CohortLedger:
    """`cohort_ledger` with the first `refits` cohorts proven; `report` gets the share done and what there is."""
    ledger = CohortLedger(cohort_ledger(result, table, most=most, stop_check=stop_check))
    wanted = ledger.cohorts[:refits]
    for place, cohort in enumerate(wanted):
        if report is not None:
            report((place + 1) / (len(wanted) + 1), ledger)
        ledger = replace(ledger, proofs=(*ledger.proofs, refit(result, "remove", cohort.rows, stop_check=stop_check)))
    return ledger
