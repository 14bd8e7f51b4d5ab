"""Turn task and table into the numbers that a model sees. All that is learned is learned from training rows only."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from iffair_core.data.design import CodedDesign, Design, coded_design, worth_codes
from iffair_core.data.resolving import ResolvedTask, resolve, typed
from iffair_core.data.splitting import SPLITS, TEST, TRAIN, VALIDATION, split_rows
from iffair_core.data.task import Task
from iffair_core.errors import TaskError, listing, shorten
from iffair_core.reading.files import free_memory, in_words
from iffair_core.reading.types import NO_FEATURES, infer_types, year_and_month
from iffair_core.reading.values import MISSING, as_numbers, is_number, label_codes, value_label

__all__ = ["MAX_LEVELS", "OTHER", "SPLITS", "TEST", "TRAIN", "VALIDATION", "Dataset", "encode", "split_rows"]

OTHER = "(other)"
MAX_LEVELS = 50
MIN_LEVEL_ROWS = 10
MIN_LEVEL_SHARE = 0.001
STANDARD_LIMIT = 1e9
_LEFT_OUT = {
    "date": ("Date columns", "Give them the type year and month to use them."),
    "identifier": ("Columns that name rows (identifiers)", "Give them the type number or category to use them."),
    "text": ("Columns of free text", "Give them the type category to use them."),
}
_ASSEMBLE = 4_096
_BYTES = {"row": 400, "feature": 42, "code": 40, "group": 80, "pair": 20}
"""What a study holds at its peak for each row: at all, per feature or column of codes, per group and pair of groups."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Rows ready for a model, in the order of the file.

    X (n, p), no intercept: float64, C-contiguous, or with codes where these save time; y (n,) float64, 1 = favorable;
    group_codes (n,) int32 into groups; row_id (n,) int64, position among the data rows of the file; split (n,) int8 of
    TRAIN, VALIDATION, TEST;
    encoding: per input column what was learned, plain JSON; n_rows_in_file counts rows that are left out too;
    base_weight (n,) float64: the file's row weights, mean 1, None for 1 everywhere; reading: `ReadOptions.given()` of
    the file, what had to be said to read it.
    """

    X: Design
    y: np.ndarray
    group_codes: np.ndarray
    groups: tuple[str, ...]
    reference: str
    row_id: np.ndarray
    split: np.ndarray
    feature_names: tuple[str, ...]
    encoding: dict[str, dict[str, Any]]
    warnings: tuple[str, ...]
    task: ResolvedTask
    n_rows_in_file: int
    base_weight: np.ndarray | None = None
    reading: Mapping[str, Any] = field(default_factory=dict)
    _parts: dict[int, np.ndarray] = field(default_factory=dict, init=False, repr=False)

    def part(self, split: int) -> np.ndarray:
        """Positions of the rows of one part (TRAIN, VALIDATION or TEST), ascending."""
        if split not in self._parts:
            self._parts[split] = np.flatnonzero(self.split == split)
        return self._parts[split]

    def cells(self, rows: np.ndarray) -> np.ndarray:
        """(m,) group and outcome of rows (m,): twice the group's code, and 1 more where the outcome is favorable."""
        return 2 * self.group_codes[rows] + (self.y[rows] > 0.5)

    def named(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        """row_id, group and outcome of rows, as in the file: the first columns of a table of rows."""
        groups, outcomes = (np.asarray(names, dtype=object) for names in (self.groups, self.task.outcome_labels))
        cells = self.cells(rows)
        return {"row_id": self.row_id[rows], "group": groups[cells // 2], "outcome": outcomes[cells % 2]}


@dataclass
class Column:
    """One input column: what was learned, the features it yields, and how to write them into X."""

    learned: dict[str, Any]
    features: list[str]
    numbers: np.ndarray | None = None
    """(n,) standardized values for the first feature, if the column is numeric."""
    slots: np.ndarray | None = None
    """(n,) which of the remaining features is 1 in a row, -1 for none."""

    def at(self, rows: np.ndarray) -> Column:
        """The same column for some of its rows."""
        return replace(
            self,
            numbers=None if self.numbers is None else self.numbers[rows],
            slots=None if self.slots is None else self.slots[rows],
        )


def encode(table: pd.DataFrame, task: Task, *, seed: int = 0) -> Dataset:
    """Resolve the task, split the rows and encode the feature columns.

    Columns that `infer_types` calls date, identifier or text are left out with a warning, unless the task gives them
    another type. Dates of the type "year and month" become two numbers, `<col> year` and `<col> month`.

    Numbers: infinite values become missing, missing ones the training median with a flag `<col> is missing`, then
    (x - mean) / std of the training rows (clipped at 1e9 either way). Other columns: one feature per level, named
    `col = level`; levels with fewer than max(10, 0.1 %, the task's smallest group) training rows, or beyond the 50 most
    frequent, are pooled into "(other)", where unseen levels go too; the most frequent level has no feature. Constant
    and all-missing columns are dropped with a warning. Features that determine one another all stay, as the
    model's ridge keeps the problem well-posed: what is learned does not depend on the order of columns. Training rows
    of weight 0 teach none of this.

    Raises `TaskError` where a choice does not fit the table, or a study of it not into memory; `SplitError` where it
    cannot be divided.
    """
    table = typed(task, table)
    resolved = resolve(task, table)
    if not resolved.feature_columns:
        raise TaskError(
            "No feature column is left after the choices made. "
            "Drop fewer columns, or audit the outcome without a model."
        )
    split, train = divided(resolved, seed)
    names = {str(column): column for column in table.columns}
    types = infer_types(table)
    whole = bool(resolved.used.all())

    columns: dict[str, Column] = {}
    infinite: list[str] = []
    for name in resolved.feature_columns:
        series = table[names[name]]
        series = series if whole else series[resolved.used]
        columns |= encode_column(name, series, types[name], train, infinite, task.smallest_group, names)

    def matrix(p: int) -> Design:
        _require_room(columns, len(split), p, len(resolved.groups))
        X = assemble(columns, len(split), p)
        for column in columns.values():  # their values are in X now, and as large
            column.numbers = column.slots = None
        return X.arranged(np.argsort(split, kind="stable")) if isinstance(X, CodedDesign) else X

    return encoded(resolved, split, columns, infinite, matrix, len(table), table.attrs.get("reading"))


def divided(resolved: ResolvedTask, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(split (n,), positions of the training rows that weigh more than 0): these teach the encoding."""
    task = resolved.task
    split = split_rows(
        resolved.y,
        resolved.group_codes,
        seed,
        fixed=resolved.fixed_split,
        fixed_by=task.split or "",
        units=resolved.unit_codes,
        units_by=task.unit or "",
    )
    counted = True if resolved.base_weight is None else resolved.base_weight > 0
    train = np.flatnonzero((split == TRAIN) & counted)
    if not train.size:
        raise TaskError(
            f"Every training row weighs 0 by the column '{shorten(task.weights)}'. Choose other row weights."
        )
    return split, train


def encoded(
    resolved: ResolvedTask,
    split: np.ndarray,
    columns: Mapping[str, Column],
    infinite: list[str],
    matrix: Callable[[int], Design],
    n_rows_in_file: int,
    reading: Mapping[str, Any] | None = None,
    notes: Sequence[str] = (),
) -> Dataset:
    """The data set of these columns; `matrix(p)` gives X. `notes` join the warnings of the task."""
    warnings = [*resolved.warnings, *notes, *_column_warnings(columns, infinite)]
    feature_names = _unique([feature for column in columns.values() for feature in column.features])
    if not feature_names:
        raise TaskError("Every feature column is constant or missing in the training rows. Choose other columns.")
    X = matrix(len(feature_names))
    return Dataset(
        X=X,
        y=resolved.y.astype(np.float64),
        group_codes=resolved.group_codes,
        groups=resolved.groups,
        reference=resolved.reference,
        row_id=np.flatnonzero(resolved.used).astype(np.int64),
        split=split,
        feature_names=tuple(feature_names),
        encoding={name: column.learned for name, column in columns.items()},
        warnings=tuple(warnings),
        task=resolved,
        n_rows_in_file=n_rows_in_file,
        base_weight=resolved.base_weight,
        reading=dict(reading or {}),
    )


# ----------------------------------------------------------------------------------------------------------- columns


def encode_column(
    name: str,
    series: pd.Series,
    kind: str,
    train: np.ndarray,
    infinite: list[str],
    smallest: int | None,
    names: Container[str],
) -> dict[str, Column]:
    """What one column of the table, of this type, becomes: one input column, or two of a date; by name.

    series: the used rows; train: positions of those that teach. Names of columns with infinite values are added to
    `infinite`. `names`: those of the table's columns.
    """
    if kind in NO_FEATURES:
        return {name: _dropped(kind)}
    if kind == "year and month":
        return {
            part if part not in names else f"{part} (2)": _encode_numbers(part, values, train)
            for part, values in year_and_month(series).items()
        }
    return {name: _encode_column(name, series, train, infinite, smallest)}


def _encode_column(
    name: str, series: pd.Series, train: np.ndarray, infinite: list[str], smallest: int | None
) -> Column:
    if is_number(series):
        values = as_numbers(series)
        unbounded = np.isinf(values)
        count = int(np.count_nonzero(unbounded))
        if count:
            infinite.append(shorten(name, 40) + (f" ({count:,})" if smallest is None else ""))
            values = np.where(unbounded, np.nan, values)
        return _encode_numbers(name, values, train)
    return _encode_levels(name, *label_codes(series), train, smallest or 0)


def _dropped(reason: str) -> Column:
    return Column({"kind": "dropped", "reason": reason}, [])


def _encode_numbers(name: str, values: np.ndarray, train: np.ndarray) -> Column:
    seen = values[train]
    absent = np.isnan(seen)
    flagged = bool(absent.any())
    if absent.all():
        return _dropped("all missing")
    median = float(np.median(seen[~absent] if flagged else seen))
    missing = np.isnan(values)
    if missing.any():
        values = np.where(missing, median, values)
        seen = values[train]
    # Scaling by the largest value first keeps the squares of very large or small numbers finite.
    scale = float(np.abs(seen).max()) or 1.0
    with np.errstate(over="ignore", under="ignore"):
        seen = seen / scale
        mean = float(seen.mean())
        std = float(seen.std())
        constant = std <= 1e-12 * max(abs(mean), 1e-300)
        standard = None if constant else np.clip((values / scale - mean) / std, -STANDARD_LIMIT, STANDARD_LIMIT)
    if constant and not flagged:
        return _dropped("constant")
    learned = {"kind": "number", "median": median, "mean": mean * scale, "std": std * scale, "missing_flag": flagged}
    features = [] if constant else [name]
    if constant:
        learned["constant"] = True
    if not flagged:
        return Column(learned, features, standard)
    return Column(learned, [*features, f"{name} is missing"], standard, np.where(missing, 0, -1).astype(np.int32))


def _encode_levels(name: str, codes: np.ndarray, labels: tuple[str, ...], train: np.ndarray, smallest: int) -> Column:
    counts = np.bincount(codes[train], minlength=len(labels))
    if counts.max() == len(train):
        return _dropped("all missing" if labels[int(counts.argmax())] == MISSING else "constant")
    by_size = sorted((code for code in range(len(labels)) if counts[code]), key=lambda code: -counts[code])
    floor = max(MIN_LEVEL_ROWS, MIN_LEVEL_SHARE * len(train), smallest)
    large = [code for code in by_size if counts[code] >= floor and labels[code] != OTHER]
    kept = sorted(large[:MAX_LEVELS])
    pooled = sorted(set(by_size) - set(kept))
    # Each row's place among the kept levels, then the pool; -1 for a level that training rows never show.
    place = np.full(len(labels), len(kept) if pooled else -1, dtype=np.int32)
    place[kept] = np.arange(len(kept), dtype=np.int32)
    levels = [labels[code] for code in kept] + ([OTHER] if pooled else [])
    if len(levels) < 2:
        return _dropped("no level frequent enough")
    sizes = [int(counts[code]) for code in kept] + ([int(counts[pooled].sum())] if pooled else [])
    base = int(np.argmax(sizes))
    shift = np.arange(len(levels) + 1, dtype=np.int32)
    shift[base + 1 :] -= 1
    shift[base] = shift[-1] = -1
    learned = {
        "kind": "category",
        "levels": [level for level in levels if level != levels[base]],
        "pooled": [labels[code] for code in pooled],
        "dropped_level": levels[base],
    }
    features = [f"{name} = {level}" for position, level in enumerate(levels) if position != base]
    return Column(learned, features, None, shift[place][codes])


# -------------------------------------------------------------------------------------------------------------- a row

Value = float | str | None
"""A value as encodings see it: a number, a level, None for a missing number."""


def row_values(dataset: Dataset, table: pd.DataFrame, row_id: int) -> dict[str, Value]:
    """What a row of the file has in each column that features come from, by its name in `dataset.encoding`.

    table: all rows of the file, with the types and missing markers of the task.
    """
    found: dict[str, Value] = {}
    types = infer_types(table)
    for name in dataset.task.feature_columns:
        series = table[name].iloc[[row_id]]
        if types[name] == "year and month":
            found |= {part: float(values[0]) for part, values in year_and_month(series).items()}
        elif is_number(table[name]):
            found[name] = float(as_numbers(series)[0])
        else:
            found[name] = value_label(series.iloc[0])
    used = {name for name, learned in dataset.encoding.items() if learned["kind"] != "dropped"}
    return {
        name: None if isinstance(value, float) and not np.isfinite(value) else value
        for name, value in found.items()
        if name in used
    }


def encoded_row(dataset: Dataset, values: Mapping[str, Value]) -> np.ndarray:
    """Features (p,) of a row with these values, as the training rows taught them. Missing ones need not be named.

    Raises TaskError for a column that no feature comes from, or text where a number belongs.
    """
    used = {name: learned for name, learned in dataset.encoding.items() if learned["kind"] != "dropped"}
    unknown = [name for name in values if name not in used]
    if unknown:
        raise TaskError(f"No feature comes from {listing(unknown)}. Choose among {listing(list(used))}.")
    out: list[float] = []
    for name, learned in used.items():
        value = values.get(name)
        out += _encoded_number(name, value, learned) if learned["kind"] == "number" else _encoded_level(value, learned)
    return np.array(out)


def _encoded_number(name: str, value: Value, learned: Mapping[str, Any]) -> list[float]:
    try:
        number = np.nan if value is None else float(value)
    except ValueError as error:
        raise TaskError(f"'{shorten(value)}' is no number, as '{shorten(name)}' needs. Give a number.") from error
    missing = not np.isfinite(number)
    number = learned["median"] if missing else number
    standard = [] if learned.get("constant") else [float(standardized(np.array(number), learned))]
    return [*standard, float(missing)] if learned["missing_flag"] else standard


def standardized(values: np.ndarray, learned: Mapping[str, Any]) -> np.ndarray:
    """Numbers without missing ones as the feature that was learned from the training rows, the same shape."""
    # Scaling first keeps the quotient of very large or small numbers finite.
    scale = max(abs(learned["mean"]), learned["std"])
    with np.errstate(over="ignore", under="ignore"):
        standard = (values / scale - learned["mean"] / scale) / (learned["std"] / scale)
    return np.clip(standard, -STANDARD_LIMIT, STANDARD_LIMIT)


def _encoded_level(value: Value, learned: Mapping[str, Any]) -> list[float]:
    label = value_label(value)
    if label not in learned["levels"] and label != learned["dropped_level"]:
        label = OTHER
    return [float(level == label) for level in learned["levels"]]


def _unique(names: list[str]) -> list[str]:
    """`names` with " (2)", " (3)" after those already taken."""
    taken: set[str] = set()
    result = []
    for name in names:
        candidate, count = name, 1
        while candidate in taken:
            count += 1
            candidate = f"{name} ({count})"
        taken.add(candidate)
        result.append(candidate)
    return result


def _require_room(columns: Mapping[str, Column], n: int, p: int, groups: int) -> None:
    """TaskError, with the number of rows that would fit, where a study would not fit into the memory that is free."""
    free = free_memory()
    held = sum((column.numbers is not None) + (column.slots is not None) for column in columns.values())
    short = any(column.slots is not None for column in columns.values()) and worth_codes(n, p, held)
    each = _BYTES["row"] + (_BYTES["code"] * held if short else _BYTES["feature"] * p)
    each += _BYTES["group"] * (groups - 1) + _BYTES["pair"] * groups * (groups - 1)
    fixed = 32 * p * p
    if free is None or n * each + fixed <= free:
        return
    rows = max(0, (free - fixed) // each)
    fits = f" About {rows:,} rows would fit." if rows else ""
    raise TaskError(
        f"A study of {n:,} rows with {p:,} features and {groups} groups needs about {in_words(n * each + fixed)} of "
        f"memory, and {in_words(free)} are free.{fits} Take a sample of the rows, leave columns out, or pool groups."
    )


def assemble(columns: Mapping[str, Column], n: int, p: int, of: int | None = None) -> np.ndarray | CodedDesign:
    """X (n, p) of all features.

    `of`: the rows of the whole matrix, where these are some of them: all are held in the same form.
    """
    places = np.cumsum([0, *(len(column.features) for column in columns.values())]).tolist()
    numbers: list[tuple[int, np.ndarray]] = []
    levels: list[tuple[int, int, np.ndarray]] = []
    for start, end, column in zip(places[:-1], places[1:], columns.values(), strict=True):
        first = start
        if column.numbers is not None:
            numbers.append((first, column.numbers))
            first += 1
        if column.slots is not None:
            levels.append((first, end, column.slots))
    if levels and worth_codes(of or n, p, len(numbers) + len(levels)):
        return _coded(numbers, levels, n)
    X = np.zeros((n, p))
    for block in (slice(start, start + _ASSEMBLE) for start in range(0, n, _ASSEMBLE)):  # stays in cache
        for place, values in numbers:
            X[block, place] = values[block]
        for first, _, slots in levels:
            ones = np.flatnonzero(slots[block] >= 0)
            X[block][ones, first + slots[block][ones]] = 1.0
    return X


def _coded(numbers: list[tuple[int, np.ndarray]], levels: list[tuple[int, int, np.ndarray]], n: int) -> CodedDesign:
    held = np.ones((n, len(numbers) + 1))
    for block in (slice(start, start + _ASSEMBLE) for start in range(0, n, _ASSEMBLE)):
        for place, (_, values) in enumerate(numbers):
            held[block, place] = values[block]
    return coded_design(
        held,
        [slots for _, _, slots in levels],
        [end - first for first, end, _ in levels],
        np.array([place for place, _ in numbers], dtype=np.intp),
        np.concatenate([np.arange(first, end) for first, end, _ in levels]),
    )


def _column_warnings(columns: Mapping[str, Column], infinite: list[str]) -> list[str]:
    warnings = []
    if infinite:
        warnings.append(f"Infinite values treated as missing in: {listing(infinite)}.")
    reasons = {name: column.learned.get("reason") for name, column in columns.items()}
    useless = [
        f"{shorten(name, 40)} ({reason})" for name, reason in reasons.items() if reason and reason not in NO_FEATURES
    ]
    if useless:
        warnings.append(f"Columns left out because the training rows give nothing to learn from: {listing(useless)}.")
    for kind, (what, way_out) in _LEFT_OUT.items():
        named = [name for name, reason in reasons.items() if reason == kind]
        if named:
            warnings.append(f"{what} left out: {listing(named)}. {way_out}")
    return warnings
