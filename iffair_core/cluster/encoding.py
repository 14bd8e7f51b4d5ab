"""Encode a folder of Parquet files on a cluster: each column is learned from all of its rows, each partition written.

What is learned is what `data.encoding` learns of the whole table, by the same functions: a worker reads one column of
all files for it. Only outcome, groups and what else decides about rows, and never features, come to this process.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa

from iffair_core.cluster.design import ClusterDesign, Given, Held, Piece, unpacked
from iffair_core.cluster.folder import ParquetFolder, Partition, read_columns
from iffair_core.data.design import level_columns
from iffair_core.data.encoding import SPLITS, Column, Dataset, assemble, divided, encode_column, encoded, standardized
from iffair_core.data.resolving import ResolvedTask, check_columns, feature_columns, resolve
from iffair_core.data.row_selectors import DUPLICATES
from iffair_core.data.task import Task
from iffair_core.errors import TaskError, shorten
from iffair_core.reading.types import infer_types, with_types
from iffair_core.reading.values import MISSING, as_numbers, is_number, value_label

_Out = TypeVar("_Out")
_NOWHERE = "No cell is "
UNUSED, USED, TEACHES = 0, 1, 2


@dataclass(frozen=True, eq=False)
class Recipe:
    """How a column of the files becomes features: what was learned, without rows, and how to write it for some.

    `columns`: what it becomes, their numbers and slots one for each of `labels`, the values it has, or none where it
    holds numbers, which a formula writes. `numbers`, `slots`: which of them have such.
    """

    name: str
    columns: dict[str, Column]
    numbers: tuple[bool, ...]
    slots: tuple[bool, ...]
    labels: dict[str, int] | None
    infinite: tuple[str, ...]
    warnings: tuple[str, ...]

    def written(self, series: pd.Series) -> dict[str, Column]:
        """The columns for the rows of `series`."""
        if self.labels is None:
            return {name: _of_numbers(one, as_numbers(series)) for name, one in self.columns.items()}
        codes, labels = _labels(series)
        place = np.array([self.labels[label] for label in labels], dtype=np.int64)[codes]
        return {name: one.at(place) for name, one in self.columns.items()}


def roles(folder: ParquetFolder, task: Task, conditions: Sequence[int | str] = ()) -> pd.DataFrame:
    """The columns that decide about rows, with the types of the task: outcome, groups, weights, parts, conditions.

    `conditions`: of pinned rows. Raises TaskError where the task names a column that is not there.
    """
    check_columns(task, dict.fromkeys(folder.columns))
    texts = [text for text in (*task.exclude, *conditions) if isinstance(text, str)]
    if any(text.strip() == DUPLICATES for text in texts):
        raise TaskError(
            f"'{DUPLICATES}' compares all cells of all rows, which no worker of a cluster holds. Leave copies out "
            "before the files are written."
        )
    named = {task.target, *task.sensitive_columns, task.weights, task.split, task.unit}
    names = [name for name in folder.columns if name in named or any(name in text for text in texts)]
    _check_types(task, folder)
    types = {name: kind for name, kind in task.types.items() if name in names} if task.types else {}
    frame = with_types(read_columns(folder.partitions, names), types, task.missing)
    # What the other columns are to be is said to the workers.
    said = [text for text in frame.attrs.get("warnings", ()) if not text.startswith(_NOWHERE)]
    frame.attrs = {"types": dict(task.types or {}), "missing": list(task.missing), "warnings": said}
    return frame


def resolved_in(folder: ParquetFolder, task: Task, table: pd.DataFrame | None = None) -> ResolvedTask:
    """The task checked against a folder; table: its `roles`, where they are known. Raises TaskError as `resolve`."""
    found = resolve(task, roles(folder, task) if table is None else table)
    return replace(found, feature_columns=feature_columns(task, folder.columns))


def _check_types(task: Task, folder: ParquetFolder) -> None:
    unknown = [name for name in task.types or {} if name not in folder.columns]
    if unknown:
        raise TaskError(
            f"A type is given for '{shorten(unknown[0])}', which is not a column of the table. Check its spelling."
        )


def encode_folder(client: Any, folder: ParquetFolder, task: Task, table: pd.DataFrame, *, seed: int = 0) -> Dataset:
    """What `data.encoding.encode` makes of the table that the folder holds; X stays on the cluster.

    table: its `roles`. Raises as `encode` does.
    """
    resolved = resolved_in(folder, task, table)
    if not resolved.feature_columns:
        raise TaskError("No feature column is left after the choices made. Drop fewer columns.")
    split, train = divided(resolved, seed)
    marks = np.where(resolved.used, USED, UNUSED).astype(np.int8)
    marks[np.flatnonzero(resolved.used)[train]] = TEACHES
    held = client.submit(unpacked, Given(marks), pure=False)
    learning = [
        client.submit(_learned, Given((folder, name, task)), held, pure=False) for name in resolved.feature_columns
    ]
    recipes: list[Recipe] = client.gather(learning)
    columns = {name: column for recipe in recipes for name, column in recipe.columns.items()}

    def matrix(p: int) -> ClusterDesign:
        parts = np.full(len(marks), -1, dtype=np.int8)
        parts[resolved.used] = split
        pieces: list[list[Piece]] = [[] for _ in SPLITS]
        for one in folder.partitions:
            own = parts[one.start : one.start + one.rows]
            future = client.submit(_encoded, Given((one, own, p, split.size)), learning, pure=False)
            for part, count in enumerate(np.bincount(own[own >= 0], minlength=len(SPLITS))):
                if count:
                    pieces[part].append(Piece(future, part, int(count)))
        place = np.empty(split.size, dtype=np.int64)
        place[np.argsort(split, kind="stable")] = np.arange(split.size)
        every = [piece for part in pieces for piece in part]
        for future in dict.fromkeys(piece.held for piece in every):  # an error on a worker is one of this stage
            of_levels = client.gather(client.submit(_of_levels, future, pure=False))
        return ClusterDesign(client, every, p, of_levels, place)

    said = [text for recipe in recipes for text in recipe.warnings]
    infinite = [text for recipe in recipes for text in recipe.infinite]
    return encoded(resolved, split, columns, infinite, matrix, folder.rows, notes=said)


# ---------------------------------------------------------------------------------------------------------- on workers


def _tidily(work: Callable[..., _Out]) -> Callable[..., _Out]:
    """`work`, after which what it read and no longer needs goes back to the system; Arrow would keep it."""

    @wraps(work)
    def tidy(*given: Any) -> _Out:
        try:
            return work(*given)
        finally:
            pa.default_memory_pool().release_unused()

    return tidy


@_tidily
def _learned(given: Given, marks: np.ndarray) -> Recipe:
    folder, name, task = given.held
    raw = read_columns(folder.partitions, [name])
    types = {name: task.types[name]} if name in (task.types or {}) else {}
    table = with_types(raw, types, task.missing)
    kind = infer_types(table)[name]
    used = marks != UNUSED
    infinite: list[str] = []
    train = np.flatnonzero(marks[used] == TEACHES)
    found = encode_column(name, table[name][used], kind, train, infinite, task.smallest_group, folder.columns)
    said = [text for text in table.attrs.get("warnings", ()) if not text.startswith(_NOWHERE)]
    numbers = tuple(one.numbers is not None for one in found.values())
    slots = tuple(one.slots is not None for one in found.values())
    labels: dict[str, int] | None = None
    if not any(numbers + slots):
        labels = None
    elif table is raw and is_number(raw[name]):
        found = {part: replace(one, numbers=None, slots=None) for part, one in found.items()}
    else:
        codes, every = _labels(raw[name][used])
        first = np.zeros(len(every), dtype=np.int64)
        present, first_rows = np.unique(codes, return_index=True)
        first[present] = first_rows
        labels = {label: place for place, label in enumerate(every)}
        found = {part: one.at(first) for part, one in found.items()}
    return Recipe(name, found, numbers, slots, labels, tuple(infinite), tuple(said))


def _labels(series: pd.Series) -> tuple[np.ndarray, list[str]]:
    """(codes (n,), label of each code): values that are called the same are encoded the same."""
    codes, distinct = pd.factorize(series, use_na_sentinel=True)
    return np.where(codes < 0, len(distinct), codes), [*(value_label(value) for value in distinct), MISSING]


def _of_numbers(column: Column, values: np.ndarray) -> Column:
    """A column of numbers for some rows, as `data.encoding` learned it."""
    learned: Mapping[str, Any] = column.learned
    if learned["kind"] != "number":
        return column
    missing = ~np.isfinite(values)
    values = np.where(missing, learned["median"], values)
    numbers = None if learned.get("constant") else standardized(values, learned)
    slots = np.where(missing, 0, -1).astype(np.int32) if learned["missing_flag"] else None
    return replace(column, numbers=numbers, slots=slots)


@_tidily
def _encoded(given: Given, recipes: Sequence[Recipe]) -> Held:
    """The design of each part of a partition's rows."""
    partition, parts, p, n = given.held
    assert isinstance(partition, Partition)
    making = [recipe for recipe in recipes if any(recipe.numbers + recipe.slots)]
    used = parts >= 0
    table = read_columns([partition], [recipe.name for recipe in making])
    columns: dict[str, Column] = {}
    for recipe in making:
        columns |= recipe.written(table.pop(recipe.name)[used])
    own = parts[used]
    designs = []
    for part in range(len(SPLITS)):
        rows = np.flatnonzero(own == part)
        designs.append(assemble({name: one.at(rows) for name, one in columns.items()}, rows.size, p, n))
    return Held(designs)


def _of_levels(held: Held) -> np.ndarray:
    """Columns that are levels, of the designs of a partition: those of all partitions have one form."""
    return level_columns(held.designs[0])
