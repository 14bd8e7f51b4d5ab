"""Checks that need no outcome: columns that carry nothing, identifiers, copies of rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from iffair_core.checks.evidence import Check, Evidence, Remedy, plural
from iffair_core.checks.identity import person_names
from iffair_core.data.encoding import MAX_LEVELS
from iffair_core.data.row_selectors import DUPLICATES
from iffair_core.errors import joined, quoted
from iffair_core.reading.types import infer_types

NEARLY_CONSTANT = 0.995
"""Share of rows with one value from which a column has almost nothing to tell; 50 rows of 10,000 remain."""
TRAINING_SHARE = 0.6
"""Share of the rows that a model learns from."""
MANY_COPIES = 0.01
"""Share of copied rows that can move a test score by more than the width of most intervals."""
MORE_THAN_CHANCE = 10
"""Copies are reported as unexpected where they exceed ten times what independent columns would give by chance."""


def table_checks(data: Evidence) -> Iterator[Check]:
    """Every check of this module that has something to say."""
    for rule in (_renamed, _one_value, _nearly_constant, _identifiers, _unused, _many_values, _copies, _wide):
        data.stop_check()
        yield from rule(data)


# -------------------------------------------------------------------------------------------- columns that say nothing


def _renamed(data: Evidence) -> Iterator[Check]:
    """Columns whose name is not the one that stands above them in the file."""
    renamed: Sequence[tuple[str, str]] = data.whole.attrs.get("renamed", ())
    moved = {new for _, new in renamed} & {old for old, _ in renamed}
    if not moved:
        if named := [(old, new) for old, new in renamed if old]:
            text = (
                f"The file has several columns of one name with different values: {_from_to(named)}. See that each is "
                "the one that you mean."
            )
            yield Check("renamed_columns", "medium", "Columns that were renamed", text, tuple(new for _, new in named))
        return
    text = (
        f"The header has fewer names than the rows have cells, so the names were moved to the columns after them, as R "
        f"writes tables with row names. In the file and here: {_from_to(renamed)}. Look at the first rows: where a "
        "name stands above other values than its own, mend the header in the file before anything else."
    )
    title = "The header was changed while reading"
    yield Check("renamed_columns", "high", title, text, tuple(new for _, new in renamed))


def _from_to(renamed: Sequence[tuple[str, str]]) -> str:
    return joined([f"{quoted([old]) if old else 'no name'} → {quoted([new])}" for old, new in renamed], 12)


def _one_value(data: Evidence) -> Iterator[Check]:
    empty = [name for name in data.features if data.absent(name).all()]
    constant = [name for name in data.features if data.commonest(name) == data.rows and name not in empty]
    for names, kind, title, what in (
        (empty, "empty_columns", "Columns without any value", "no value in any row"),
        (constant, "constant_columns", "Columns with one value", "the same value in every row"),
    ):
        it = plural(names, "it", "them")
        text = f"{_has(names)} {what}, so there is nothing to learn from {it}. The encoding leaves {it} out."
        yield from data.about(names, kind, "low", title, text)


def _nearly_constant(data: Evidence) -> Iterator[Check]:
    others = {name: data.rows - data.commonest(name) for name in data.features}
    names = [name for name, rows in others.items() if 0 < rows <= (1 - NEARLY_CONSTANT) * data.rows]
    each = joined([f"{quoted([name])} (all but {data.row_count(others[name])})" for name in names])
    text = (
        f"{each} {plural(names, 'has', 'have')} one and the same value. What so few rows show is mostly chance; where "
        "such a column was filled in after the outcome was known, it hints at the outcome as well. Leave "
        f"{plural(names, 'it', 'them')} out unless the few rows matter."
    )
    yield from data.about(names, "nearly_constant_columns", "low", "Columns with almost only one value", text)


def _identifiers(data: Evidence) -> Iterator[Check]:
    """Columns that are identifiers or free text by themselves and yet features, because the user said so."""
    if data.task is None or not data.task.types:
        return
    chosen = [name for name in data.features if name in data.task.types]
    plain = data.whole[[data.names[name] for name in chosen]].copy(deep=False)
    plain.attrs = {}
    natural = infer_types(plain)
    for of_type, kind, title, what in (
        ("identifier", "identifiers", "Identifiers used as features", "nearly a value of its own in every row"),
        ("text", "free_text", "Free text used as a feature", "free text"),
    ):
        names = [name for name in chosen if natural[name] == of_type]
        text = (
            f"{_has(names)} {what}, yet {plural(names, 'is a feature', 'are features')} by your choice of type. A "
            "model cannot learn from values that it never sees again, and single people can be recognized by them. "
            f"Leave {plural(names, 'it', 'them')} out."
        )
        yield from data.about(names, kind, "medium", title, text)


def _unused(data: Evidence) -> Iterator[Check]:
    """Columns that are no features because of what their values look like."""
    chosen = data.names if data.resolved is None else data.resolved.feature_columns
    typed = (data.task.types or {}) if data.task is not None else {}
    for of_type, what, use in (
        ("identifier", "another value in nearly every row, as identifiers do", ""),
        ("text", "free text", ""),
        ("date", "dates", "year and month"),
    ):
        names = [name for name in chosen if data.types[name] == of_type and name not in typed]
        if not names:
            continue
        they, are = plural(names, "it", "they"), plural(names, "is no feature", "are no features")
        remedies: tuple[Remedy, ...] = ()
        if use:
            these = quoted(names) if len(names) < 3 else f"these {len(names)} columns"
            remedies = (Remedy(f"Use {these} as {use}", data.retyped(names, use)),)
        text = (
            f"{quoted(names)} {plural(names, 'holds', 'hold')} {what}, and {are}. Where {they} should be used all the "
            "same, choose another type."
        )
        yield Check(f"unused_{of_type}", "low", "Columns that are not used", text, tuple(names), remedies)


def _many_values(data: Evidence) -> Iterator[Check]:
    past = {*person_names(data), *(name for name in data.features if data.types[name] == "year and month")}
    named = [name for name in data.features if not data.is_number(name) and name not in past]
    sizes = {name: len(data.codes(name)[1]) for name in named}
    names = [name for name, size in sizes.items() if size > MAX_LEVELS]
    each = joined([f"{quoted([name])} ({sizes[name]:,})" for name in names])
    text = (
        f"Categories with more than {MAX_LEVELS} values: {each}. The encoding keeps the {MAX_LEVELS} most frequent "
        "and pools the others, so that what the rare ones say is lost. Group the values in your file, or leave "
        f"{plural(names, 'it', 'them')} out."
    )
    yield from data.about(names, "high_cardinality", "low", "Categories with very many values", text)


def _wide(data: Evidence) -> Iterator[Check]:
    """More columns than rows to learn from."""
    columns = len(data.features)
    if columns >= TRAINING_SHARE * data.rows:
        text = (
            f"{columns:,} features for about {data.count(int(TRAINING_SHARE * data.rows))} training rows. Many models "
            "fit such rows without error, and only the penalty on the coefficients chooses among them, so that a few "
            "rows more or less change every result. Leave out columns, or find more rows."
        )
        yield Check("wide_table", "medium", "More columns than rows to learn from", text)


# -------------------------------------------------------------------------------------------------------- copied rows


def _copies(data: Evidence) -> Iterator[Check]:
    """Rows that repeat another in every column, and rows that repeat another in all but the outcome."""
    target = data.task.target if data.task is not None else None
    others = [name for name in data.names if name != target]
    # Cheapest first: most tables are settled by their numbers, before any text is coded.
    others.sort(key=lambda name: not data.is_number(name))
    numbers = [name for name in others if data.is_number(name)]
    if numbers and _distinct(data.row_keys(numbers)) == data.rows:
        return
    keys = whole = data.row_keys(others)
    if target is not None:
        whole = data.row_keys(data.names)
    copied = pd.Series(whole).duplicated().to_numpy()
    copies = int(copied.sum())
    if copies:
        unexpected = copies > MORE_THAN_CHANCE * _copies_by_chance(data, ~copied)
        by_chance = "" if unexpected else " The columns have so few values that chance alone can repeat a row."
        yield Check(
            "duplicate_rows",
            "medium" if unexpected and copies / data.rows >= MANY_COPIES else "low",
            "Rows that repeat another row",
            f"{data.part(copies, data.rows)} {'repeats' if copies == 1 else 'repeat'} an earlier row in every column. "
            "Copies can fall on both sides of the split, so that the model is tested on rows it has learned, and they "
            f"count double.{by_chance} Leave the later copies out unless each is a case of its own.",
            remedies=(Remedy("Leave out the later copies", data.leave_out(DUPLICATES)),),
        )
    if data.resolved is not None and _distinct(keys) < data.rows:
        yield from _conflicts(data, keys)


def _conflicts(data: Evidence, keys: np.ndarray) -> Iterator[Check]:
    """Rows that agree in everything but the outcome."""
    assert data.resolved is not None
    _, inverse = np.unique(keys, return_inverse=True)
    rows = np.bincount(inverse)
    hits = np.bincount(inverse, weights=data.resolved.y)
    mixed = (hits > 0) & (hits < rows)
    count = int(rows[mixed].sum())
    if count:
        yield Check(
            "conflicting_rows",
            "low",
            "Equal rows with different outcomes",
            f"{data.part(count, data.rows)} agree in every column but {quoted([data.resolved.task.target])} with a row "
            "of the other outcome. No model can tell them apart: on these rows at least "
            f"{data.count(int(np.minimum(hits, rows - hits)[mixed].sum()))} decisions must be wrong. Where they are "
            "copies of one case, mend them in the file.",
        )


def _distinct(keys: np.ndarray) -> int:
    return int(pd.unique(keys).size)


def _copies_by_chance(data: Evidence, first: np.ndarray) -> float:
    """Pairs of equal rows to expect by chance if the columns were independent.

    first (n,) bool: rows that repeat no earlier one; the chance of a column is how often two of these agree in it.
    """
    chance = pairs = data.rows * (data.rows - 1) / 2
    rows = int(first.sum())
    if rows < 2:
        return pairs
    for name in data.names:
        if chance < 1e-3:
            break
        codes, distinct = data.raw(name)
        counts = np.bincount(codes[first] + 1, minlength=distinct.size + 1).astype(np.float64)
        chance *= float((counts * (counts - 1)).sum()) / (rows * (rows - 1))
    return chance


# -------------------------------------------------------------------------------------------------------------- words


def _has(columns: Sequence[str]) -> str:
    return f"{quoted(columns)} {plural(columns, 'has', 'have')}"
