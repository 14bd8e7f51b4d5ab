"""Whether outcome and groups are what the user means, and large enough to say anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from iffair_core.checks.evidence import Check, Remedy, Shares, Studied
from iffair_core.checks.identity import CODES, words_of
from iffair_core.data.groups import SMALL_GROUP, SMALL_GROUPS, cut_groups
from iffair_core.data.resolving import resolve
from iffair_core.data.splitting import TEST, split_rows
from iffair_core.errors import SplitError, TaskError, joined, listing, quoted, shorten
from iffair_core.metrics import FEW_ROWS
from iffair_core.reading.values import MISSING, as_numbers, is_number, label_codes, suggest_bins, value_label
from iffair_core.wording import percent

RARE = 0.05
"""Share of the rarer outcome, and of rows without one, that is told."""
MANY_NUMBERS = 10
"""Distinct numbers in the outcome from which a threshold is meant rather than a value."""
POINTS = 0.05
"""Smallest difference of shares that is told."""
MAJORITY = 0.6
"""Share of the rows from which the largest group is one that others are usually compared with."""
FEW_CODES = 12
"""Numbers up to which a sensitive column that is not cut is taken to hold kinds rather than quantities."""
TEST_SHARE = 0.2
"""Share of the rows that the test part gets (`splitting.split_rows`)."""

SHORT_NAME = 40
"""Letters up to which groups that are taken together are named after all of them."""

Measure = Callable[[np.ndarray, int], np.ndarray]
"""Codes (n,) and the number G of groups -> (G, m) sizes, each of which has to reach a minimum."""
Need = tuple[Measure, float]
"""What a group has to reach, and the minimum."""


def group_checks(study: Studied) -> Iterator[Check]:
    """Every check of this module that has something to say."""
    outcome = (_indivisible, _direction, _outcome_values, _rare_outcome, _unknown_outcome)
    for rule in (*outcome, _small_groups, _small_cells):
        study.data.stop_check()
        yield from rule(study)


def _indivisible(study: Studied) -> Iterator[Check]:
    """Whether the study can divide these rows into its parts; if not, the check says what the study would."""
    task, resolved = study.task, study.resolved
    try:
        by = {"fixed_by": task.split or "", "units_by": task.unit or ""}
        fixed, units = resolved.fixed_split, resolved.unit_codes
        split_rows(resolved.y, resolved.group_codes, study.data.seed, fixed=fixed, units=units, **by)
    except SplitError as error:
        columns = tuple(name for name in (task.split, task.unit) if name is not None)
        yield Check("indivisible", "high", "These rows cannot be studied", str(error), columns or (task.target,))


# ------------------------------------------------------------------------------------------------------------ outcome


def _direction(study: Studied) -> Iterator[Check]:
    """Whether the group that one would expect to be ahead receives the favorable value less often than another.

    A reference group that the user chose is held against the group with the highest share; where it is suggested, the
    largest group is.
    """
    resolved = study.resolved
    rows, hits = study.group_counts()
    chosen = study.task.reference is not None
    base = resolved.groups.index(resolved.reference) if chosen else int(rows.argmax())
    others = study.comparable_with(base)
    if not others:
        return
    ahead = max(others, key=lambda code: hits[code] / rows[code])
    shares = Shares(int(hits[ahead]), int(rows[ahead]), int(hits[base]), int(rows[base]))
    if shares.gap < POINTS or shares.by_chance(len(others)):
        return
    here, there, by = "less often", "more often", ""
    if study.data.tellable(*shares.cells):
        here = f"in {percent(shares.other)} of {shares.other_rows:,} rows"
        there = f"in {percent(shares.share)} of {shares.rows:,} rows"
        by = f" ({shares.in_words()})"
    who = "the reference group that you chose" if chosen else "the largest group"
    instead = resolved.other_labels
    other = ahead if chosen else base
    yield Check(
        "direction",
        "medium" if chosen or rows[base] >= MAJORITY * rows.sum() else "low",
        "Is this the good outcome?",
        f"{study.group(base)}, {who}, has {study.having(1)} {here}, {study.group(ahead)} {there}{by}. Is "
        f"{study.outcome(1)} good for the person? If not, turn it round. If it is, see that the reference group is the "
        "one that you mean to compare with.",
        (study.task.target, *study.task.sensitive_columns),
        (
            Remedy(
                f"Count {listing(instead, 3)} as favorable instead",
                {"favorable": instead[0] if len(instead) == 1 else instead},
            ),
            Remedy(f"Compare with {study.group(other)}", {"reference": resolved.groups[other]}),
        ),
    )


def _outcome_values(study: Studied) -> Iterator[Check]:
    """A numeric outcome of which single values are favorable, or one with more than two values."""
    task, data = study.task, study.data
    series = data.series(task.target)
    others = study.resolved.other_labels
    values = len(others) + len(task.favorable_labels)
    if task.target in (task.bins or {}) or values <= 2:
        return
    if not is_number(series) or values < MANY_NUMBERS:
        named = f" ({joined([shorten(label, 30) for label in others], 6)})" if not data.smallest else ""
        text = (
            f"{study.target} has {values:,} values; {study.outcome(1)} is held against all others{named}. If some of "
            "these are good for the person as well, count them as favorable too."
        )
        yield Check("many_outcomes", "low", "More than two outcomes", text, (task.target,))
        return
    numbers = as_numbers(series)
    numbers = numbers[np.isfinite(numbers)]
    middle = float(np.median(numbers))
    cut = middle if middle > numbers.min() else suggest_bins(series)[0]
    bins = {**(task.bins or {}), task.target: (cut,)}
    text = (
        f"{study.target} holds {values:,} different numbers, of which {study.outcome(1)} counts as favorable, "
        f"{data.part(int(study.y.sum()), study.y.size)}. Usually a threshold is meant, above or below which an outcome "
        "is good: give one."
    )
    remedies = tuple(
        Remedy(
            f"Count {word} {value_label(cut)} as favorable", {"bins": bins, "favorable": f"{sign} {value_label(cut)}"}
        )
        for word, sign in (("at least", ">="), ("less than", "<"))
    )
    title = "A numeric outcome without a threshold"
    yield Check("numeric_outcome", "medium", title, text, (task.target,), remedies)


def _rare_outcome(study: Studied) -> Iterator[Check]:
    hits, rows = int(study.y.sum()), study.y.size
    rarer = min(hits, rows - hits)
    if rarer < RARE * rows:
        right = f"right in {percent(1 - rarer / rows)} of rows" if study.data.tellable(rarer) else "nearly always right"
        text = (
            f"Only {study.data.part(rarer, rows)} of {rows:,} have {study.having(int(hits <= rows - hits))}. A model "
            f"that never says so is {right}, so accuracy tells little. Look at balanced accuracy and at the rates by "
            "group, and expect wide intervals."
        )
        yield Check("rare_outcome", "medium", "One outcome is rare", text, (study.task.target,))


def _unknown_outcome(study: Studied) -> Iterator[Check]:
    series = study.data.whole[study.data.names[study.task.target]]
    codes, labels = label_codes(series)
    absent = int(np.count_nonzero(codes == labels.index(MISSING))) if MISSING in labels else 0
    if absent >= RARE * len(series):
        text = (
            f"{study.data.part(absent, len(series))} of {len(series):,} have no value of {study.target} and are left "
            "out. Where they differ from the others, as people differ who were never granted a loan, the results hold "
            "for the others only. Find out why the outcome is missing."
        )
        yield Check("missing_outcome", "medium", "Many rows have no outcome", text, (study.task.target,))


# ------------------------------------------------------------------------------------------------------- small groups


def _small_groups(study: Studied) -> Iterator[Check]:
    rows, _ = study.group_counts()
    small = rows < SMALL_GROUP
    if small.any():
        codes = np.flatnonzero(small).tolist()
        each = joined([f"{study.group(code)} ({study.data.count(int(rows[code]))})" for code in codes])
        text = (
            f"Groups with fewer than {SMALL_GROUP} rows: {each}. A fifth of them are tested on, so their rates are "
            "mostly chance, and can make the widest gap all the same. Take small groups together."
        )
        # Groups that are large enough together are no help where one outcome is still too rare among them.
        larger = _larger_groups(study, small, (_rows_of, SMALL_GROUP), (_test_rows(study), FEW_ROWS))
        columns = tuple(study.task.sensitive_columns)
        yield Check("small_groups", "medium", "Groups too small to judge", text, columns, larger)


def _small_cells(study: Studied) -> Iterator[Check]:
    """Groups of which too few rows with one outcome are tested on, beyond those that are too small altogether."""
    resolved = study.resolved
    rows, _ = study.group_counts()
    measure = _test_rows(study)
    cells = measure(resolved.group_codes, len(resolved.groups))
    few = (cells < FEW_ROWS) & (rows >= SMALL_GROUP)[:, None]
    if few.any():
        each = joined(
            [
                f"{study.group(group)} with {study.outcome(outcome)} ({_told(study, float(cells[group, outcome]))})"
                for group, outcome in np.argwhere(few).tolist()
            ]
        )
        there_are = "there are" if resolved.fixed_split is not None else "are to be expected"
        text = (
            f"Fewer than {FEW_ROWS} test rows {there_are} of {each}. True and false positive rates rest on "
            "these rows, so that they, and the gaps between groups, are very uncertain. Take small groups together, or "
            "use more rows."
        )
        larger = _larger_groups(study, np.any(few, axis=1), (measure, FEW_ROWS))
        columns = tuple(study.task.sensitive_columns)
        yield Check("small_cells", "medium", "Too few rows of an outcome in a group", text, columns, larger)


def _told(study: Studied, cell: float) -> str:
    return study.data.count(int(np.ceil(cell))) if study.data.smallest else f"{cell:.3g}"


def _rows_of(codes: np.ndarray, size: int) -> np.ndarray:
    return np.bincount(codes, minlength=size)[:, None].astype(np.float64)


def _test_rows(study: Studied) -> Measure:
    """Rows of each group and outcome (0, 1) in the test part: as the file fixes it, else those to be expected."""
    fixed = study.resolved.fixed_split
    weight = np.full(study.y.size, TEST_SHARE) if fixed is None else (fixed == TEST).astype(np.float64)

    def measure(codes: np.ndarray, size: int) -> np.ndarray:
        cells = 2 * codes.astype(np.int64) + study.y
        # Counts first: sums of a fifth would leave 10 test rows of 50 at 9.999.
        counts = np.bincount(cells, weights=weight != 0, minlength=2 * size).reshape(size, 2)
        return counts * (TEST_SHARE if fixed is None else 1.0)

    return measure


def _larger_groups(study: Studied, small: np.ndarray, need: Need, also: Need | None = None) -> tuple[Remedy, ...]:
    """Ways to larger groups: one sensitive column less, fewer cut points, or values pooled. small (G,): which lack.

    also: what values that are pooled reach besides, where they can.
    """
    columns = study.task.sensitive_columns
    if len(columns) > 1:
        return _fewer_columns(study)
    name = columns[0]
    pooled = name in (study.task.pool or {})
    cuttable = name in study.resolved.bins or (is_number(study.data.series(name)) and not _are_codes(study, name))
    if cuttable and not pooled:
        return _fewer_cuts(study, name, need)
    return (_pool(study, name, small, (need, also)) if also else ()) or _pool(study, name, small, (need,))


def _are_codes(study: Studied, name: str) -> bool:
    """Whether the numbers of a sensitive column name kinds: by its name, or as there are so few."""
    return bool(set(words_of(name)) & CODES) or len(study.data.codes(name)[1]) <= FEW_CODES


def _pool(study: Studied, name: str, small: np.ndarray, needs: Sequence[Need]) -> tuple[Remedy, ...]:
    """The small groups under one name, with the next larger ones until they reach all that is needed."""
    groups = study.resolved.groups
    sizes = [measure(study.resolved.group_codes, len(groups)) for measure, _ in needs]

    def reached(codes: list[int]) -> bool:
        return all((size[codes].sum(axis=0) >= least).all() for size, (_, least) in zip(sizes, needs, strict=True))

    others = (code for code, group in enumerate(groups) if group != SMALL_GROUPS)
    order = sorted(others, key=lambda code: (not small[code], sizes[0][code].min()))
    count = max(2, int(small.sum()))
    while count < len(order) - 1 and not reached(order[:count]):
        count += 1
    if count > len(groups) - 1 or not reached(order[:count]):
        return ()
    labels = [groups[code] for code in sorted(order[:count])]
    pools = {column: dict(names) for column, names in (study.task.pool or {}).items()}
    here = pools.setdefault(name, {})
    members = [value for label in labels for value in here.pop(label, (label,))]
    taken = {*groups, *here} - set(labels)
    named = " or ".join(value_label(member) for member in members)
    # A name with " / " in it looks like groups crossed, and one with "=" cannot be written on the command line.
    plain = [named] if len(named) <= SHORT_NAME and "/" not in named and "=" not in named else []
    titles = (*plain, "Other groups", *(f"Other groups ({number})" for number in range(2, len(taken) + 3)))
    here[next(title for title in titles if title not in taken)] = tuple(members)
    change: dict[str, object] = {"pool": pools}
    if study.task.reference is not None and study.resolved.reference in labels:
        change["reference"] = None
    return (Remedy(f"Take {listing(labels, 4)} together", change),)


def _fewer_cuts(study: Studied, name: str, need: Need) -> tuple[Remedy, ...]:
    """Cut points that leave no bin too small: those in force, or suggested ones, small bins joined to a neighbor."""
    measure, least = need
    series, given = study.data.series(name), (study.task.bins or {}).get(name, ())
    before = study.resolved.bins.get(name, ())
    cuts = list(before or suggest_bins(series))
    if not cuts or (isinstance(given, str) and given.startswith("age ")):
        return ()
    _, (codes, labels) = cut_groups(name, series, cuts)
    sizes = list(measure(codes, len(labels))[:-1])  # the last is "(missing)"
    while len(cuts) > 1 and any((size < least).any() for size in sizes):
        worst = min(range(len(sizes)), key=lambda place: sizes[place].min())
        beside = [place for place in (worst - 1, worst + 1) if 0 <= place < len(sizes)]
        left = min(worst, min(beside, key=lambda place: sizes[place].min()))
        sizes[left : left + 2] = [sizes[left] + sizes[left + 1]]
        del cuts[left]
    if tuple(cuts) == tuple(before) or any((size < least).any() for size in sizes):
        return ()
    change: dict[str, object] = {"bins": {**(study.task.bins or {}), name: tuple(cuts)}}
    if study.task.reference is not None:
        change["reference"] = None
    text = listing([value_label(cut) for cut in cuts], 6)
    return (Remedy(f"Cut {quoted([name])} at {text}{' only' if before else ''}", change),)


def _fewer_columns(study: Studied) -> tuple[Remedy, ...]:
    """Each sensitive column left out in turn; bins and pools of the others stay."""
    remedies = []
    for out in study.task.sensitive_columns:
        kept = tuple(name for name in study.task.sensitive_columns if name != out)
        change: dict[str, object] = {"sensitive": kept[0] if len(kept) == 1 else kept, "reference": None}
        for field in ("bins", "pool"):
            entries = getattr(study.task, field) or {}
            if out in entries:
                change[field] = {column: entry for column, entry in entries.items() if column != out} or None
        if _fits(study, change):
            names = " and ".join(quoted([name]) for name in kept)
            remedies.append(Remedy(f"Study {names} without {quoted([out])}", change))
    return tuple(remedies)


def _fits(study: Studied, change: Mapping[str, Any]) -> bool:
    """Whether the task with this change fits the table; one column alone may put every row into one group."""
    try:
        resolve(replace(study.task, **change), study.data.whole)
    except TaskError:
        return False
    return True
