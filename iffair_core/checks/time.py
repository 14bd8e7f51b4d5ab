"""Checks of time: dates with only one recorded outcome, and an outcome that changes along the file or along dates."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from scipy.special import chdtrc

from iffair_core.checks.evidence import Check, Remedy, Severity, Studied, sentence
from iffair_core.data.row_selectors import rows_meeting
from iffair_core.errors import quoted, shorten
from iffair_core.reading.dates import parse_dates
from iffair_core.wording import figure, percent

CHANCE = 1e-6
"""An end of a date column with one outcome counts where chance gives one, over all such ends, less often than this."""
LEAST_TAIL = 20
"""Rows that such an end needs."""
GRAVE_TAIL = 0.01
"""Share of the rows in it from which it is grave: it moves every rate by a point."""
BLOCKS, LEAST_BLOCKS, ROWS_PER_BLOCK = 10, 3, 50
WEAK_DRIFT, DRIFT = 0.1, 0.2
"""Cramér's V between the outcome and tenths of the file, or of the dates, that is told, and that is much."""
LATER_POINTS = 0.2
"""Difference of the outcome's share between rows with and without a date from which the date follows the outcome."""
DRIFT_CHANCE = 1e-3
"""What chance may explain of it (chi-square test)."""
NAMED = 3
_BIRTH = re.compile(r"birth|geburt|naissance|nacimiento|nascita|(?<![a-z])(?:dob|bday|born)(?![a-z])")


def time_checks(study: Studied) -> Iterator[Check]:
    """Every check of this module that has something to say."""
    dates = _date_columns(study)
    yield from _one_outcome(study, dates)
    yield from _along_file(study)
    yield from _along_dates(study, dates)


def _date_columns(study: Studied) -> dict[str, np.ndarray]:
    """{column: (n,) datetime64[D], NaT where there is none} of columns of dates, features or not.

    Columns that are filled in more often with one outcome, by 20 points, are left out: they date what followed it. So
    are dates of birth: they tell how old people are, not when a row was recorded or how long it was followed.
    """
    data, found = study.data, {}
    for name, kind in data.types.items():
        if kind in ("date", "year and month") and name != study.task.target and not _BIRTH.search(name.casefold()):
            data.stop_check()
            series = data.series(name)
            if series.dtype.kind == "M":
                days = series.dt.tz_localize(None).to_numpy().astype("datetime64[D]")
            elif series.dtype.kind != "m":
                codes, distinct = data.raw(name)
                days = parse_dates(pa.array([str(value) for value in distinct], pa.string())).days
                days = np.append(days, np.datetime64("NaT", "D"))[codes]
            else:
                continue
            known = ~np.isnat(days)
            if known.all() or abs(_share(study.y[known]) - _share(study.y[~known])) < LATER_POINTS:
                found[name] = days
    return found


def _share(y: np.ndarray) -> float:
    return float(y.mean()) if y.size else 0.0


# --------------------------------------------------------------------------------------- dates with one outcome only


@dataclass(frozen=True, eq=False)
class _End:
    """An end of a column of dates where only one outcome occurs.

    inside (n,) bool: its rows; condition: what leaves them out, "" where no condition does exactly that; last: the
    nearest date that is not in it; late: it is the later end; rest: share of that outcome in the other dated rows.
    """

    name: str
    condition: str
    inside: np.ndarray
    outcome: int
    last: str
    late: bool
    rest: float

    @property
    def rows(self) -> int:
        return int(np.count_nonzero(self.inside))


def _one_outcome(study: Studied, dates: dict[str, np.ndarray]) -> Iterator[Check]:
    ends = [end for name, days in dates.items() for end in _ends(study, name, days, 2 * len(dates))]
    ends.sort(key=lambda end: -end.rows)
    # Several columns may mark the very same rows: they are one finding, told by the first of them.
    twins: dict[bytes, list[_End]] = {}
    for end in ends:
        twins.setdefault(end.inside.tobytes(), []).append(end)
    if not twins:
        return
    each = []
    for end, *others in list(twins.values())[:NAMED]:
        side = "after" if end.late else "before"
        same = f" (the same rows by {quoted([twin.name for twin in others])})" if others else ""
        each.append(
            f"all {end.rows:,} rows with {quoted([end.name])} {side} {end.last}{same} have "
            f"{study.having(end.outcome)}, against {percent(end.rest)} of the other dated rows"
        )
    rest = [end.name for group in list(twins.values())[NAMED:] for end in group]
    text = (
        f"{sentence(each, list(dict.fromkeys(rest)))}. Chance does not explain this. Often such rows were not followed "
        "long enough for the other outcome to be recorded, so that every rate is shifted. Leave them out, unless you "
        "know another reason."
    )
    conditions = [group[0].condition for group in twins.values() if group[0].condition][:NAMED]
    yield Check(
        "one_outcome_dates",
        "high" if ends[0].rows >= GRAVE_TAIL * study.y.size else "medium",
        "Dates at which only one outcome is recorded",
        text,
        tuple(dict.fromkeys(end.name for end in ends)),
        tuple(Remedy(f"Leave out rows with {shorten(one, 80)}", study.data.leave_out(one)) for one in conditions),
    )


def _ends(study: Studied, name: str, days: np.ndarray, places: int) -> Iterator[_End]:
    known = ~np.isnat(days)
    dated, y = days[known], study.y[known]
    smallest = study.data.smallest
    if min(int(y.sum()), int(y.size - y.sum())) < max(1, smallest):
        return
    for late in (True, False):
        ends = [dated[y == outcome].max() if late else dated[y == outcome].min() for outcome in (0, 1)]
        outcome = int((ends[1] > ends[0]) == late)
        last = ends[1 - outcome]
        if ends[0] == ends[1]:
            continue
        bound = _bound(dated, last, late, by_month=bool(smallest))
        with np.errstate(invalid="ignore"):
            inside = days >= bound if late else days < bound
        rows, share = int(np.count_nonzero(inside)), float(np.mean(y == outcome))
        if rows < max(LEAST_TAIL, smallest) or rows * np.log(share) >= np.log(CHANCE / places):
            continue
        condition = f"{name}{'>=' if late else '<'}{bound}"
        met = rows_meeting(study.data.whole, condition)[study.resolved.used]
        told = last if not smallest else bound - 1 if late else bound
        rest = float(np.mean(study.y[known & ~inside] == outcome))
        yield _End(name, condition if np.array_equal(met, inside) else "", inside, outcome, str(told), late, rest)


def _bound(dated: np.ndarray, last: np.datetime64, late: bool, *, by_month: bool) -> np.datetime64:
    """Where the end begins: the first day after `last` that a row has, or `last` itself before which it lies.

    by_month: the beginning of a month instead, so that no day of a single row is told.
    """
    if by_month:
        return np.datetime64((last.astype("datetime64[M]") + (1 if late else 0)).astype("datetime64[D]"))
    return np.datetime64(dated[dated > last].min() if late else last)


# -------------------------------------------------------------------------------------------------------------- drift


@dataclass(frozen=True)
class _Drift:
    strength: float
    text: str

    @property
    def severity(self) -> Severity:
        return "medium" if self.strength >= DRIFT else "low"


def _along_file(study: Studied) -> Iterator[Check]:
    y, columns = study.y, (study.task.target,)
    if y.size >= LEAST_BLOCKS * ROWS_PER_BLOCK and int(np.count_nonzero(np.diff(y))) == 1:
        text = (
            f"The rows are sorted by {study.target}. They are divided into training, validation and test parts at "
            "random, so this does no harm here; it would where a part is cut off the end of the file."
        )
        yield Check("sorted_file", "low", "A file sorted by its outcome", text, columns)
        return
    drift = _drift(study, np.arange(y.size), y)
    if drift is not None:
        text = f"From the first row to the last, {drift.text}. {_LATER}"
        yield Check("drift_along_file", drift.severity, "The outcome changes along the file", text, columns)


def _along_dates(study: Studied, dates: dict[str, np.ndarray]) -> Iterator[Check]:
    drifts = {}
    # Copies of one column, as of the same day in two spellings, are told once.
    for name, days in {days.tobytes(): (name, days) for name, days in reversed(dates.items())}.values():
        known = ~np.isnat(days)
        drift = _drift(study, days[known].astype(np.int64), study.y[known])
        if drift is not None:
            drifts[name] = drift
    names = sorted(drifts, key=lambda name: -drifts[name].strength)
    if names:
        each = [f"along {quoted([name])}, {drifts[name].text}" for name in names[:NAMED]]
        text = f"{sentence(each, names[NAMED:])}. {_LATER}"
        severity = drifts[names[0]].severity
        yield Check("drift_along_dates", severity, "The outcome changes with time", text, tuple(names))


_LATER = (
    "The parts are drawn at random, so the test rows are like the training rows: rows of a later time, or of another "
    "source, may turn out differently. To test that, give a column that fixes the parts."
)


def _drift(study: Studied, order: np.ndarray, y: np.ndarray) -> _Drift | None:
    """The outcome's share in up to ten parts of like size along `order`; None where it hardly changes.

    order (n,) whole numbers, equal ones stay in one part.
    """
    parts = min(BLOCKS, y.size // ROWS_PER_BLOCK)
    if parts < LEAST_BLOCKS or not 0 < y.sum() < y.size:
        return None
    before = order - order.min()
    counts = np.bincount(before)
    part = ((np.cumsum(counts) - counts / 2) / y.size * parts).astype(np.int64)[before]
    rows = np.bincount(part, minlength=parts)
    hits = np.bincount(part, weights=y, minlength=parts)[rows > 0]
    rows = rows[rows > 0]
    shares, mean = hits / rows, float(y.mean())
    square = float((rows * (shares - mean) ** 2).sum() / (mean * (1 - mean)))
    strength = float(np.sqrt(square / y.size))
    if rows.size < 2 or strength < WEAK_DRIFT or chdtrc(rows.size - 1, square) >= DRIFT_CHANCE:
        return None
    low, high = int(shares.argmin()), int(shares.argmax())
    told = study.data.tellable(*(int(count) for end in (low, high) for count in (hits[end], rows[end] - hits[end])))
    range_ = (
        f" between {percent(float(shares[low]))} (part {low + 1}) and {percent(float(shares[high]))} (part {high + 1})"
        if told
        else ""
    )
    text = f"in {rows.size} parts of like size, the share with {study.having(1)} varies{range_}"
    return _Drift(strength, f"{text} (Cramér's V {figure(strength)})")
