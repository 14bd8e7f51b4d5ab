"""Cells that stand for "missing": words in columns of text, and survey codes such as -9 or 99 in columns of numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from iffair_core.checks.evidence import Check, Evidence, Remedy
from iffair_core.errors import joined, quoted, shorten
from iffair_core.reading.types import suggested_missing
from iffair_core.reading.values import as_numbers, value_label
from iffair_core.wording import listed

MARKED_SHARE = 0.05
"""Share of a column's rows from which a marker changes what the column says."""
LEAST_ROWS, LEAST_SHARE = 10, 0.01
"""Rows that the marked cells of a column need, and the share that single digits need as well."""
_SURVEY_CODES = (*range(1, 10), 97, 98, 997, 998, 9997, 9998)
NEGATIVE = frozenset(-float(one) for one in (*_SURVEY_CODES, *(int(d * n) for d in "789" for n in range(2, 7))))
"""Negative numbers that stand for "missing" below a column that has no other negative number."""
HIGH = tuple(
    frozenset(float(10**size - 1 - less) for less in range(3)) | {float(int(d * size)) for d in "789"}
    for size in range(1, 7)
)
"""Numbers of so many digits that stand for "missing" above all others: 7, 8, 9; 77, 88, 97, 98, 99; and so on."""
FEW_KINDS = 20


def marker_checks(data: Evidence) -> Iterator[Check]:
    """Every check of this module that has something to say."""
    yield from _markers(data)
    data.stop_check()
    yield from _number_markers(data)


@dataclass(frozen=True)
class _Marked:
    name: str
    marker: str
    rows: int


def _markers(data: Evidence) -> Iterator[Check]:
    """Cells of text columns that look like "missing"."""
    wanted = [marker.strip() for marker in suggested_missing(data.table)]
    found = []
    for name in data.names:
        if wanted and data.is_text(name):
            codes, distinct = data.raw(name)
            texts = distinct.astype("str").str.strip()
            for place in np.flatnonzero(texts.isin(wanted)).tolist():
                found.append(_Marked(name, str(texts[place]), int(np.count_nonzero(codes == place))))
    found = [one for one in found if data.tellable(one.rows)]
    if found:
        used = [marker for marker in wanted if any(one.marker == marker for one in found)]
        yield Check(
            "missing_markers",
            "medium" if max(one.rows for one in found) / data.rows >= MARKED_SHARE else "low",
            "Values that may mean “missing”",
            f"{_each(found)}. As a value of its own such a marker becomes a group or a feature like any other. If the "
            "value is simply not known there, let it count as missing.",
            tuple(dict.fromkeys(one.name for one in found)),
            _take_as_missing(data, used, listed([f"“{shorten(marker, 20)}”" for marker in used])),
        )


def _take_as_missing(data: Evidence, markers: Sequence[str], named: str) -> tuple[Remedy, ...]:
    change = data.take_as_missing(markers)
    return (Remedy(f"Let {named} mean missing", change),) if change else ()


def _number_markers(data: Evidence) -> Iterator[Check]:
    """Numbers that stand for "missing" in some columns, all together; those that are ordinary elsewhere apart."""
    marked: dict[str, dict[float, int]] = {}
    ordinary: dict[float, list[str]] = {}
    columns: dict[str, np.ndarray] = {}
    for name in data.names:
        if data.is_number(name) and (data.task is None or name != data.task.target):
            data.stop_check()
            values = as_numbers(data.series(name))
            columns[name] = values[np.isfinite(values)]
            found = missing_codes(columns[name])
            if found and data.tellable(*found.values()):
                marked[name] = found
    for code in {code for found in marked.values() for code in found}:
        ordinary[code] = [n for n, v in columns.items() if code not in marked.get(n, {}) and bool((v == code).any())]
    free = sorted((code for code, others in ordinary.items() if not others), key=lambda code: (abs(code), code))
    settled = {n: of for n, of in ((n, _some(of, free)) for n, of in marked.items()) if of}
    if settled:
        names = [value_label(code) for code in free]
        text = (
            f"{_of_each(settled)}, apart from all other numbers there, as surveys mark what is not known or does not "
            "apply. A model that takes such a code for a size goes wrong; let it count as missing."
        )
        remedies = _take_as_missing(data, names, listed(names))
        yield _told(data, settled, text, remedies)
    other = {n: of for n, of in ((n, _some(of, set(of) - set(free))) for n, of in marked.items()) if of}
    if other:
        codes = sorted({code for of in other.values() for code in of})
        where = joined([f"{value_label(code)} in {quoted(ordinary[code], 3)}" for code in codes])
        text = (
            f"{_of_each(other)}, apart from all other numbers there. Elsewhere it is an ordinary number ({where}), and "
            "what means missing counts in every column. As a category, each of these codes is a value of its own."
        )
        few = [name for name in other if np.unique(columns[name]).size <= FEW_KINDS and name in data.features]
        remedies = (Remedy(f"Take {quoted(few)} as categories", data.retyped(few, "category")),) if few else ()
        features = [name for name in other if name in data.features]
        yield _told(data, other, text, (*remedies, *data.drop(features)))


def _some(found: Mapping[float, int], codes: Sequence[float] | set[float]) -> dict[float, int]:
    return {code: rows for code, rows in found.items() if code in codes}


def _of_each(marked: Mapping[str, Mapping[float, int]]) -> str:
    return joined(
        [
            f"{quoted([name])} holds {listed([value_label(code) for code in sorted(found, key=abs)])} in "
            f"{sum(found.values()):,} rows"
            for name, found in marked.items()
        ]
    )


def _told(data: Evidence, marked: Mapping[str, Mapping[float, int]], text: str, remedies: tuple[Remedy, ...]) -> Check:
    share = max(sum(found.values()) / data.rows for found in marked.values())
    codes = sorted({code for found in marked.values() for code in found}, key=lambda code: (abs(code), code))
    title = f"Numbers that may mean “missing”: {joined([value_label(code) for code in codes])}"
    return Check("number_markers", "medium" if share >= MARKED_SHARE else "low", title, text, tuple(marked), remedies)


def missing_codes(values: np.ndarray) -> dict[float, int]:
    """{number that stands for "missing": rows with it} of a column's finite numbers.

    Negative ones where the column has no other negative number, each in NEGATIVE; high ones where all numbers above a
    gap are of one set of HIGH. Together they are at least 10 rows; single digits are 1 % of the rows as well. A single
    high code needs a gap as wide as the rest spreads, and 7, 8, 9 need two of them over at most 5.

    >>> missing_codes(np.repeat([0.0, 1, 2, 3, -1, -9], 20)), missing_codes(np.repeat([18.0, 40, 64, 999], 20))
    ({-9.0: 20, -1.0: 20}, {999.0: 20})
    >>> missing_codes(np.repeat([-3.0, -1.5, 0, 2], 20)), missing_codes(np.repeat([0.0, 6, 7, 8, 9], 20))
    ({}, {})
    """
    if not values.size:
        return {}
    found: dict[float, int] = {}
    negative = values < 0
    below, rows = np.unique(values[negative], return_counts=True)
    rest = values[~negative]
    if below.size and NEGATIVE.issuperset(below.tolist()) and not _goes_on_below(below, np.unique(rest)):
        found |= _enough(below, rows, values.size)
    top = float(values.max())
    for codes in HIGH:
        if top in codes:
            plain = rest[~np.isin(rest, sorted(codes))]
            above, rows = np.unique(rest[np.isin(rest, sorted(codes))], return_counts=True)
            if plain.size and plain.min() < plain.max() and above.min() > plain.max() and _apart(plain, above):
                found |= _enough(above, rows, values.size)
    return found


def _goes_on_below(below: np.ndarray, rest: np.ndarray) -> bool:
    """Whether negative numbers go on below the others, as on a scale from -2 to 2 or in a count of changes."""
    if rest.size < 2:
        return True
    unbroken = below[-1] == -1 and rest[0] == 0 and bool((np.diff(below) == 1).all())
    return unbroken and (below.size > 2 or rest[-1] <= below.size)


def _enough(codes: np.ndarray, rows: np.ndarray, size: int) -> dict[float, int]:
    """The codes with their rows, where these are enough."""
    together = int(rows.sum())
    small = bool((np.abs(codes) < 10).all())
    if together < LEAST_ROWS or (small and together < LEAST_SHARE * size):
        return {}
    return dict(zip(codes.tolist(), rows.tolist(), strict=True))


def _apart(plain: np.ndarray, above: np.ndarray) -> bool:
    """Whether the high codes stand apart from the ordinary numbers."""
    spread, gap = float(plain.max() - plain.min()), float(above.min() - plain.max())
    if above.max() < 10:
        return above.size > 1 and plain.max() <= 5 and not (plain % 1 != 0).any()
    return gap >= spread if above.size == 1 else gap >= spread / 4 or (gap >= 2 and above.max() < 100 and spread <= 50)


def _each(found: Sequence[_Marked]) -> str:
    return joined([f"{quoted([one.name])} holds “{shorten(one.marker, 20)}” in {one.rows:,} rows" for one in found])
