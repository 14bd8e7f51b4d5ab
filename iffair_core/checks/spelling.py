"""Values that differ only in how they are written: Male, male and MALE are one value, and would be three groups."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from iffair_core.checks.evidence import Check, Evidence, Remedy, Severity
from iffair_core.errors import joined, quoted, shorten
from iffair_core.reading.values import MISSING
from iffair_core.wording import listed

MOST_VALUES = 1000
"""Values of a column that are compared; a column with more is no category."""
_BETWEEN_LETTERS = re.compile(r"(?<=[^\W\d_])[\s_.\-\u2010-\u2015/]+(?=[^\W\d_])")
_AFTER_LETTERS = re.compile(r"(?<=[^\W\d_])[.,;:]+$")
_QUOTES = str.maketrans("", "", "'\"`\u2018\u2019\u201c\u201d")


def spelling_checks(data: Evidence) -> Iterator[Check]:
    """Every check of this module that has something to say: on sensitive columns, the outcome, and features."""
    task = data.task
    sensitive = () if task is None else task.sensitive_columns
    for name in data.names:
        if not data.is_text(name):
            continue
        role = "sensitive" if name in sensitive else "feature"
        if task is not None and name == task.target:
            role = "outcome"
        elif role == "feature" and name not in data.features:
            continue
        labels = data.codes(name)[1]
        sets = same_but_for_spelling(labels) if len(labels) <= MOST_VALUES else []
        if role == "sensitive" and task is not None:
            sets = [one for one in sets if not _pooled(one, (task.pool or {}).get(name, {}))]
        elif role == "outcome" and task is not None:
            favorable = set(task.favorable_labels)
            sets = [one for one in sets if 0 < len(favorable.intersection(one)) < len(one)]
        if sets:
            yield _check(data, name, role, sets)


def spelled(label: str) -> str:
    """What two spellings of one value share: no case, accents, quotes or blanks, and no marks between letters.

    Signs and marks beside digits stay, since they tell values apart.

    >>> spelled(" Afro-American "), spelled("afro american"), spelled("é") == spelled("E")
    ('afroamerican', 'afroamerican', True)
    >>> spelled("A+") == spelled("A-"), spelled("<25") == spelled(">25"), spelled("1-2") == spelled("12")
    (False, False, False)
    """
    plain = "".join(one for one in unicodedata.normalize("NFKD", label) if not unicodedata.combining(one))
    plain = " ".join(plain.casefold().translate(_QUOTES).split())
    return _AFTER_LETTERS.sub("", _BETWEEN_LETTERS.sub("", plain))


def same_but_for_spelling(labels: Sequence[str]) -> list[tuple[str, ...]]:
    """Sets of labels that are one value, each with two or more, in the order of the labels.

    >>> same_but_for_spelling(("F", "Female", "Male", "female", "male "))
    [('Female', 'female'), ('Male', 'male ')]
    """
    sets: dict[str, list[str]] = {}
    for label in labels:
        if label != MISSING and (key := spelled(label)):
            sets.setdefault(key, []).append(label)
    return [tuple(one) for one in sets.values() if len(one) > 1]


def _pooled(labels: tuple[str, ...], pools: Mapping[str, Sequence[object]]) -> bool:
    return any(set(labels) <= {title, *map(str, values)} for title, values in pools.items())


_ROLES: dict[str, tuple[Severity, str]] = {
    "sensitive": ("high", "They become groups of their own, and rates are compared between spellings."),
    "outcome": ("high", "Only the spelling that you named counts as favorable."),
    "feature": ("low", "The model learns each spelling as a value of its own."),
}


def _check(data: Evidence, name: str, role: str, sets: Sequence[tuple[str, ...]]) -> Check:
    codes, labels = data.codes(name)
    rows = dict(zip(labels, np.bincount(codes, minlength=len(labels)).tolist(), strict=True))
    each = joined([listed([f"“{shorten(label, 30)}”" for label in one]) for one in sets])
    severity, what = _ROLES[role]
    text = (
        f"{quoted([name])} holds {each}: the same but for case, blanks, accents or marks. {what} Take the spellings of "
        f"{'a' if len(sets) == 1 else 'each'} value together, unless they mean different things."
    )
    merged = {max(one, key=lambda label: (rows[label], label)): one for one in sets}
    remedies = {"sensitive": _pool_spellings, "outcome": _count_spellings}.get(role, lambda *_: ())(data, name, merged)
    return Check("spellings", severity, "One value in several spellings", text, (name,), remedies)


def _count_spellings(data: Evidence, _: str, merged: Mapping[str, tuple[str, ...]]) -> tuple[Remedy, ...]:
    """Count every spelling of a favorable value as favorable."""
    assert data.task is not None
    chosen = data.task.favorable_labels
    keys = {spelled(label) for label in chosen}
    same = (label for one in merged.values() for label in one if spelled(label) in keys)
    favorable = tuple(dict.fromkeys((*chosen, *same)))
    if favorable == chosen:
        return ()
    words = listed([f"“{shorten(one, 30)}”" for one in favorable])
    return (Remedy(f"Count {words} as favorable", {"favorable": favorable}),)


def _pool_spellings(data: Evidence, name: str, merged: Mapping[str, tuple[str, ...]]) -> tuple[Remedy, ...]:
    """Pool the spellings of each value under the commonest; a reference group among the others is given up."""
    assert data.task is not None and data.resolved is not None
    pools: dict[str, Any] = {column: dict(named) for column, named in (data.task.pool or {}).items()}
    pools.setdefault(name, {}).update(merged)
    change: dict[str, Any] = {"pool": pools}
    gone = {label for title, members in merged.items() for label in members if label != title}
    if data.task.reference is not None and gone & set(data.resolved.reference.split(" / ")):
        change["reference"] = None
    return (Remedy("Take the spellings of each value together", change),)
