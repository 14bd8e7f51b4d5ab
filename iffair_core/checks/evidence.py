"""What a check says (`Check`, `Remedy`), and the table as checks see it: each column coded once, counts told alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, wraps
from typing import Any, Literal, TypeVar, cast

import numpy as np
import pandas as pd
from scipy.special import ndtr

from iffair_core.checks.separation import Prepared, folds_of, prepared, separation
from iffair_core.data.groups import SMALL_GROUP
from iffair_core.data.resolving import ResolvedTask
from iffair_core.data.task import Task
from iffair_core.errors import StopCheck, quoted, shorten
from iffair_core.reading.types import NO_FEATURES, infer_types
from iffair_core.reading.values import MISSING, as_numbers, is_number, label_codes
from iffair_core.uncertainty import wilson_interval
from iffair_core.wording import group_name, percent, points, span

Result = TypeVar("Result")
Severity = Literal["high", "medium", "low"]
SEVERITIES: tuple[Severity, ...] = ("high", "medium", "low")
MOST_ROWS = 50_000
"""Rows that single columns are measured on at most."""
DOUBT = 0.05
"""Chance of a false alarm over all comparisons of one check together (Bonferroni)."""


@dataclass(frozen=True)
class Remedy:
    """A way out: `label` says what it does, `change` are fields of Task with their new values in full."""

    label: str
    change: Mapping[str, Any] = field(hash=False)


@dataclass(frozen=True)
class Check:
    """One thing to know before a model is fitted: what was found, why it matters, what to do."""

    kind: str
    severity: Severity
    title: str
    text: str
    columns: tuple[str, ...] = ()
    remedies: tuple[Remedy, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, without the remedies."""
        plain = {name: getattr(self, name) for name in ("kind", "severity", "title", "text")}
        return plain | {"columns": list(self.columns)}


def _once_per_column(work: Callable[[Evidence, str], Result]) -> Callable[[Evidence, str], Result]:
    """Remember what a method of Evidence returns for a column."""

    @wraps(work)
    def remembered(data: Evidence, name: str) -> Result:
        memory = data.memory.setdefault(work.__name__, {})
        if name not in memory:
            memory[name] = work(data, name)
        return cast(Result, memory[name])

    return remembered


@dataclass(frozen=True, eq=False)
class Evidence:
    """The rows in use (all rows where there is no task), with what checks ask of them worked out once.

    whole: the table with all its rows, the user's types applied; stop_check: called between columns.
    """

    whole: pd.DataFrame
    task: Task | None
    resolved: ResolvedTask | None
    seed: int
    stop_check: StopCheck
    memory: dict[str, dict[str, Any]] = field(default_factory=dict)

    @cached_property
    def table(self) -> pd.DataFrame:
        """The rows in use."""
        if self.resolved is None or self.resolved.used.all():
            return self.whole
        return self.whole[self.resolved.used]

    @cached_property
    def names(self) -> dict[str, Any]:
        """{column's name as text: its label in the table}."""
        return {str(column): column for column in self.whole.columns}

    @cached_property
    def types(self) -> dict[str, str]:
        return dict(infer_types(self.whole))

    @cached_property
    def features(self) -> tuple[str, ...]:
        """Columns that the encoding turns into features; without a task all that it would."""
        chosen = tuple(self.names) if self.resolved is None else self.resolved.feature_columns
        return tuple(name for name in chosen if self.types[name] not in NO_FEATURES)

    @property
    def rows(self) -> int:
        return len(self.table)

    def series(self, name: str) -> pd.Series:
        return self.table[self.names[name]]

    def is_number(self, name: str) -> bool:
        return is_number(self.whole[self.names[name]])

    def is_text(self, name: str) -> bool:
        """Whether a column holds neither numbers nor dates, durations or booleans."""
        return not self.is_number(name) and self.series(name).dtype.kind not in "mMb"

    @_once_per_column
    def raw(self, name: str) -> tuple[np.ndarray, pd.Index]:
        """(codes (n,) int32, distinct values) of a column as its cells are, -1 for missing."""
        self.stop_check()
        codes, distinct = pd.factorize(self.series(name), use_na_sentinel=True)
        return codes.astype(np.int32), pd.Index(distinct)

    @_once_per_column
    def codes(self, name: str) -> tuple[np.ndarray, tuple[str, ...]]:
        """`label_codes` of a column."""
        raw, distinct = self.raw(name)
        place, labels = label_codes(distinct.to_series())
        if raw.size and raw.min() < 0:
            labels = labels if MISSING in labels else (*labels, MISSING)
            place = np.append(place, np.int32(labels.index(MISSING)))  # which is what code -1 points at
        return place[raw], labels

    @_once_per_column
    def absent(self, name: str) -> np.ndarray:
        """(n,) bool: where the column has no value; of numbers also where it is infinite."""
        series = self.series(name)
        if self.is_number(name):
            return np.asarray(~np.isfinite(as_numbers(series)))
        if series.dtype.kind in "mMb":
            return np.asarray(series.isna())
        codes, labels = self.codes(name)
        return np.asarray(codes == labels.index(MISSING)) if MISSING in labels else np.zeros(self.rows, dtype=bool)

    @_once_per_column
    def commonest(self, name: str) -> int:
        """Number of rows with the commonest value (missing is one) if most rows have it; otherwise one below half."""
        if not self.is_number(name):
            codes, labels = self.codes(name)
            return int(np.bincount(codes, minlength=len(labels)).max())
        values = as_numbers(self.series(name))
        head = values[:: max(1, values.size // 1000)]
        known = head[np.isfinite(head)]
        missing = int(np.count_nonzero(~np.isfinite(values)))
        if missing * 2 >= values.size or not known.size:
            return missing
        # A value that most rows have is the median of the sample, so 1,000 rows suffice to find it.
        return int(np.count_nonzero(values == np.partition(known, known.size // 2)[known.size // 2]))

    # ------------------------------------------------------------------------------------------------- separation

    @cached_property
    def sample(self) -> np.ndarray | None:
        """Positions of the 50,000 rows that single columns are measured on, drawn by the seed; None for all."""
        if self.rows <= MOST_ROWS:
            return None
        return np.sort(np.random.default_rng(self.seed).choice(self.rows, MOST_ROWS, replace=False))

    def sampled(self, values: np.ndarray) -> np.ndarray:
        return values if self.sample is None else values[self.sample]

    @cached_property
    def sample_note(self) -> str:
        return "" if self.sample is None else f" Measured on {MOST_ROWS:,} rows drawn from the {self.rows:,}."

    @cached_property
    def prepared(self) -> dict[str, Prepared]:
        """Every feature on the sampled rows."""
        found = {}
        for name in self.features:
            self.stop_check()
            series = self.series(name)
            found[name] = prepared(series if self.sample is None else series.iloc[self.sample])
        return found

    @cached_property
    def folds(self) -> np.ndarray:
        return folds_of(min(self.rows, MOST_ROWS), self.seed)

    def separations(self, codes: np.ndarray, n_groups: int) -> dict[str, np.ndarray]:
        """{feature: (G,) AUC} for a grouping of the rows in use."""
        inside, found = self.sampled(codes), {}
        for name, column in self.prepared.items():
            self.stop_check()
            found[name] = separation(column, inside, n_groups, self.folds)
        return found

    # -------------------------------------------------------------------------------------------------------- rows

    def row_keys(self, columns: Iterable[str]) -> np.ndarray:
        """(n,) uint64 that are equal where two rows are, in all of these columns (up to 64-bit coincidence)."""
        self.stop_check()
        places = {name: place for place, name in enumerate(self.names)}
        frame = self.table.iloc[:, [places[name] for name in columns]].copy(deep=False)  # a label may be True
        for place, kind in enumerate(frame.dtypes):
            if kind.kind == "f":  # -0 and 0 are one number, and so are all kinds of NaN
                values = frame.iloc[:, place]
                frame.isetitem(place, (values + 0.0).where(values.notna()).array)
        return pd.util.hash_pandas_object(frame, index=False).to_numpy()

    # ------------------------------------------------------------------------------------------------------- words

    def leave_out(self, condition: str) -> dict[str, Any]:
        """The change that leaves out the rows that meet a condition. Where bins are quantiles, which it can move, a
        reference group is given up."""
        if self.task is None:
            return {"exclude": (condition,)}
        change: dict[str, Any] = {"exclude": (*self.task.exclude, condition)}
        return change | ({"reference": None} if self.task.reference is not None and _quantiles(self.task) else {})

    def retyped(self, columns: Sequence[str], kind: str) -> dict[str, Any]:
        """The change that reads these columns as another type."""
        before = {} if self.task is None else self.task.types or {}
        return {"types": {**before, **dict.fromkeys(columns, kind)}}

    def take_as_missing(self, markers: Sequence[str]) -> dict[str, Any]:
        """The change that takes cells as missing, a reference group among them given up; {} where the favorable value
        is one."""
        if self.task is None or self.resolved is None:
            return {"missing": tuple(markers)}
        if set(markers) & set(self.task.favorable_labels):
            return {}
        gone = self.task.reference is not None and bool(set(markers) & set(self.resolved.reference.split(" / ")))
        gone |= self.task.reference is not None and _quantiles(self.task)
        return {"missing": (*self.task.missing, *markers)} | ({"reference": None} if gone else {})

    @property
    def smallest(self) -> int:
        """No count below this is told; 0 where every count is."""
        return (self.task.smallest_group or 0) if self.task is not None else 0

    def count(self, rows: int) -> str:
        """A number of rows as it may be told."""
        return f"fewer than {self.smallest}" if 0 < rows < self.smallest else f"{rows:,}"

    def row_count(self, rows: int) -> str:
        return f"{self.count(rows)} row{'' if rows == 1 and not self.smallest else 's'}"

    def part(self, rows: int, of: int) -> str:
        """Rows and their share, "52 rows (0.1 %)"; where they are too few to tell only that."""
        share = percent(rows / of) if rows / of >= 0.001 else "less than 0.1 %"
        return self.row_count(rows) + (f" ({share})" if self.tellable(rows) else "")

    def tellable(self, *rows: int) -> bool:
        """Whether shares that rest on these numbers of rows, and values that so many rows have, may be told."""
        return all(count == 0 or count >= self.smallest for count in rows)

    def drop(self, columns: Sequence[str]) -> tuple[Remedy, ...]:
        """The remedy of leaving these columns out; none where no feature would be left."""
        leaving = set(columns)
        if not leaving or (self.resolved is not None and leaving >= set(self.features)):
            return ()
        before = self.task.drop if self.task is not None else ()
        these = (
            " and ".join(quoted([name]) for name in columns) if len(columns) < 3 else f"these {len(columns)} columns"
        )
        change = {"drop": (*before, *(name for name in columns if name not in before))}
        return (Remedy(f"Leave out {these}", change),)

    def about(self, columns: Sequence[str], kind: str, severity: Severity, title: str, text: str) -> Iterator[Check]:
        """The check on these columns, with the remedy of leaving them out; none where there is no column."""
        if columns:
            yield Check(kind, severity, title, text, tuple(columns), self.drop(columns))


@dataclass(frozen=True, eq=False)
class Studied:
    """The evidence with its task resolved."""

    data: Evidence
    resolved: ResolvedTask

    @property
    def task(self) -> Task:
        return self.resolved.task

    @property
    def y(self) -> np.ndarray:
        return self.resolved.y

    @property
    def target(self) -> str:
        return quoted([self.task.target])

    def outcome(self, favorable: int) -> str:
        """The favorable value (1), or what is not (0), in words."""
        others = self.resolved.other_labels
        if not favorable and len(others) == 1:
            return shorten(others[0], 40)
        return ("" if favorable else "not ") + shorten(self.resolved.favorable_label, 40)

    def having(self, favorable: int) -> str:
        """The outcome in words, as "'income' = >50K"."""
        return f"{self.target} = {self.outcome(favorable)}"

    def group_counts(self) -> tuple[np.ndarray, np.ndarray]:
        """(G,) rows and favorable rows of each group."""
        size = len(self.resolved.groups)
        rows = np.bincount(self.resolved.group_codes, minlength=size)
        return rows, np.bincount(self.resolved.group_codes, weights=self.y, minlength=size).astype(np.int64)

    def group(self, code: int) -> str:
        return group_name(self.resolved.groups[code], self.task.sensitive_columns)

    def comparable_with(self, base: int) -> list[int]:
        """Other groups of at least 30 rows; none where the group `base` has fewer itself."""
        rows, _ = self.group_counts()
        return [int(code) for code in np.flatnonzero(rows >= SMALL_GROUP) if code != base and rows[base] >= SMALL_GROUP]


def _quantiles(task: Task) -> bool:
    return any(isinstance(cuts, str) for cuts in (task.bins or {}).values())


def sentence(parts: Sequence[str], also: Sequence[str] = ()) -> str:
    """Parts set apart by semicolons, with a capital and without a full stop; columns that are likewise come last."""
    text = "; ".join([*parts, *([f"likewise {quoted(also)}"] if also else [])])
    return text[:1].upper() + text[1:]


def plural(columns: Sequence[str], one: str, several: str) -> str:
    """The word that goes with as many columns."""
    return one if len(columns) == 1 else several


def ranked(frame: Mapping[str, float]) -> Iterator[tuple[str, float]]:
    """Entries from the largest value to the smallest, those that are NaN left out; ties in their own order."""
    yield from sorted(((name, value) for name, value in frame.items() if not np.isnan(value)), key=lambda one: -one[1])


@dataclass(frozen=True)
class Shares:
    """Two shares held against each other: hits of rows, and hits of rows elsewhere."""

    hits: int
    rows: int
    other_hits: int
    other_rows: int

    @property
    def share(self) -> float:
        return self.hits / self.rows

    @property
    def other(self) -> float:
        return self.other_hits / self.other_rows

    @property
    def gap(self) -> float:
        return float(self.share - self.other)

    @property
    def cells(self) -> tuple[int, int, int, int]:
        """The four numbers of rows that both shares rest on."""
        return self.hits, self.rows - self.hits, self.other_hits, self.other_rows - self.other_hits

    def interval(self) -> tuple[float, float]:
        """95 % interval of the gap.

        Newcombe (1998), Statist. Med. 17, 873-890, method 10: the Wilson intervals of both shares, combined.
        """
        hits, rows = np.array([self.hits, self.other_hits]), np.array([self.rows, self.other_rows])
        low, high = wilson_interval(hits, rows)
        below = float(np.hypot(self.share - low[0], high[1] - self.other))
        above = float(np.hypot(high[0] - self.share, self.other - low[1]))
        return self.gap - below, self.gap + above

    def in_words(self) -> str:
        """The gap with its interval, as "+5.4 points, 95 % 4.0 to 6.8"."""
        return f"{points(self.gap)}, {span(self.interval(), as_points=True).strip('()')}"

    def by_chance(self, comparisons: int) -> bool:
        """Whether chance alone could make the gap: the pooled two-sample test at 5 % over all comparisons."""
        pooled = (self.hits + self.other_hits) / (self.rows + self.other_rows)
        spread = np.sqrt(pooled * (1 - pooled) * (1 / self.rows + 1 / self.other_rows))
        return bool(spread == 0 or 2 * ndtr(-abs(self.gap) / spread) * comparisons >= DOUBT)
