"""What single columns say: those that give the outcome away, stand in for a group, or are blank where it tells."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np
import pandas as pd

from iffair_core.checks.evidence import Check, Evidence, Severity, Shares, Studied, plural, ranked, sentence
from iffair_core.checks.identity import words_of
from iffair_core.checks.separation import auc_interval
from iffair_core.data.groups import SMALL_GROUP
from iffair_core.errors import joined, listing, quoted, shorten
from iffair_core.reading.values import MISSING
from iffair_core.uncertainty import wilson_interval
from iffair_core.wording import figure, group_name, percent, span

GIVEN_AWAY = 0.99
"""ROC AUC of one column from which it nearly determines the outcome; no honest single column comes close."""
DECIDED, PARTLY_DECIDED = 0.5, 0.1
"""Share of rows whose value of a column occurs with one outcome only: half is giving it away, a tenth a question."""
CHANCE = 1e-6
"""Values with one outcome only count where so many rows would all have it less often than this by chance."""
STRONG, AHEAD, LEADERS = 0.75, 0.10, 4
"""Up to four columns whose AUC is at least 0.75, and 0.10 above the next, are asked about."""
NEARLY = 0.95
"""So are all columns of at least 0.95, however many: each can stand for the outcome where another is left out."""
VERY_STRONG, AHEAD_OF_ONE = 0.8, 0.03
"""So is, more quietly, a single one of at least 0.8 that is 0.03 above the next."""
CLEARLY = 0.7
"""Lower end of the 95 % interval that an AUC needs before it is called strong."""
PROXY, COPY = 0.8, 0.95
"""AUC for a group from which a column stands in for it, and from which it is practically the attribute itself."""
POINTS, LARGE_POINTS = 0.05, 0.2
"""Smallest difference of shares that is told, and one that is grave."""
DECIDES, OPEN, LEAST_FLAGGED = 0.9, 0.6, 0.05
"""A flag nearly decides where one of its two values, in a twentieth of the rows or more, goes with one outcome in 90 %
of rows (by the lower end of the 95 % interval), and at most 60 % of the other rows have that outcome."""
NAMED = 3
_FORECAST = re.compile(r"predict|forecast")


def column_checks(study: Studied) -> Iterator[Check]:
    """Every check of this module that has something to say."""
    against = _AgainstOutcome(study)
    for rule in (
        against.leak_checks,
        against.name_checks,
        against.leader_checks,
        against.one_sided_checks,
        against.flag_checks,
    ):
        yield from rule()
    yield from _stand_ins(study)
    yield from _constant_in_a_group(study)
    yield from _missing_by_group(study)
    yield from _missing_by_outcome(study, against.leaks)


# ------------------------------------------------------------------------------------------------------------ leakage


class _AgainstOutcome:
    """Every feature alone against the outcome. areas: ROC AUC; decided: share of rows at values with one outcome."""

    def __init__(self, study: Studied) -> None:
        self.study, self.data = study, study.data
        self.y = self.data.sampled(study.y).astype(np.int64)
        self.areas = {name: float(both[1]) for name, both in self.data.separations(study.y, 2).items()}
        self.decided = {
            name: decided_share(column.levels, column.size, self.y) for name, column in self.data.prepared.items()
        }

    @cached_property
    def leaks(self) -> list[str]:
        leaking = [name for name in self.areas if self.areas[name] >= GIVEN_AWAY or self.decided[name] >= DECIDED]
        return sorted(leaking, key=lambda name: -self.decided[name])

    @cached_property
    def leaders(self) -> tuple[list[str], Severity]:
        """The few strongest columns that a gap sets apart from all others, and all that hide one another."""
        order = list(ranked({name: area for name, area in self.areas.items() if name not in self.leaks}))
        every = [*(area for _, area in order), 0.5]
        hits = np.full(len(order), int(self.y.sum()))
        low, _ = auc_interval(np.array(every[:-1]), hits, self.y.size - hits)
        hiding = [name for place, (name, area) in enumerate(order) if area >= NEARLY and low[place] >= STRONG]
        best, widest = 0, 0.0
        for place in range(min(LEADERS, len(order))):
            gap = every[place] - every[place + 1]
            if every[place] >= STRONG and low[place] >= CLEARLY and gap >= AHEAD and gap > widest:
                best, widest = place + 1, gap
        best = max(best, len(hiding))  # they are the first in order
        if best:
            return [name for name, _ in order[:best]], "high" if len(hiding) > 1 else "medium"
        alone = order and every[0] >= VERY_STRONG and every[0] - every[1] >= AHEAD_OF_ONE and low[0] >= CLEARLY
        return [order[0][0]] if alone else [], "low"

    def leak_checks(self) -> Iterator[Check]:
        each = joined([f"{quoted([name])} ({self._how(name)})" for name in self.leaks])
        these = plural(self.leaks, "this column nearly determines", "these columns nearly determine")
        text = (
            f"{each}: {these} the outcome {self.study.target}. A model would read the outcome there instead of "
            f"learning what leads to it, and look far better than it can be in use. {_unless_known(self.leaks)}"
        )
        title = "Columns that give the outcome away"
        yield from self.data.about(self.leaks, "leakage", "high", title, text + self.data.sample_note)

    def name_checks(self) -> Iterator[Check]:
        target, leaks = self.study.task.target, self.leaks
        names = [name for name in self.data.features if name not in leaks and named_after(name, target, leaks)]
        by_name = plural(names, "by its name this column belongs", "by their names these columns belong")
        text = (
            f"{quoted(names)}: {by_name} to the outcome, to a column that gives it away, or to a prediction of it. "
            f"What is recorded with the outcome is not known when a decision is made. {_unless_known(names)}"
        )
        yield from self.data.about(names, "outcome_names", "medium", "Columns named after the outcome", text)

    def leader_checks(self) -> Iterator[Check]:
        names, severity = self.leaders
        rest = [area for name, area in ranked(self.areas) if name not in self.leaks and name not in names]
        each = joined([f"{quoted([name])} (AUC {figure(self.areas[name])})" for name in names])
        it = plural(names, "it", "them")
        text = (
            f"{each} {plural(names, 'tells', 'each tell')} the outcomes of {self.study.target} apart far better than "
            f"any other column alone; {f'the next has {figure(rest[0])}' if rest else 'there is no other'}. "
            f"{plural(names, 'Is it', 'Are they')} known before the decision? If not, leave {it} out: what is measured "
            f"afterwards is not there when it counts.{self.data.sample_note}"
        )
        title = "Columns far stronger than any other"
        yield from self.data.about(names, "dominant_feature", severity, title, text)

    @cached_property
    def one_sided(self) -> list[str]:
        past = {*self.leaks, *self.leaders[0]}
        return [name for name in self.areas if name not in past and self.decided[name] >= PARTLY_DECIDED]

    def one_sided_checks(self) -> Iterator[Check]:
        names = self.one_sided
        each = joined([f"{quoted([name])} ({percent(self.decided[name])} of rows)" for name in names])
        text = (
            f"{each}: so many rows hold a value, or a range of values, at which only one outcome of "
            f"{self.study.target} occurs; chance does not explain it. {_unless_known(names)}{self.data.sample_note}"
        )
        yield from self.data.about(names, "one_sided_values", "medium", "Values that only one outcome has", text)

    def flag_checks(self) -> Iterator[Check]:
        """Columns of two values, one of which nearly decides what is open in the other rows.

        Such a flag hides from AUC and from `decided`: few rows have it, and some of them have the other outcome.
        """
        past, found = {*self.leaks, *self.leaders[0], *self.one_sided}, {}
        for name in self.areas:
            if name not in past and (told := self._deciding(name)):
                found[name] = told
        names = list(found)
        text = (
            f"{sentence(list(found.values())[:NAMED], names[NAMED:])}. {plural(names, 'Is it', 'Are they')} known "
            "before the decision? What is recorded afterwards can hold nearly the outcome itself for these rows. "
            f"{_unless_known(names)}{self.data.sample_note}"
        )
        yield from self.data.about(names, "deciding_flags", "medium", "Flags that nearly decide the outcome", text)

    def _deciding(self, name: str) -> str:
        """What a value of a flag does to the outcome, in words; "" where it does not nearly decide it."""
        column = self.data.prepared[name]
        if column.size != 2:
            return ""
        rows = np.bincount(column.levels, minlength=2)
        hits = np.bincount(column.levels, weights=self.y, minlength=2).astype(np.int64)
        for level, outcome in ((level, outcome) for level in (0, 1) for outcome in (0, 1)):
            having = hits if outcome else rows - hits
            here = Shares(int(having[level]), int(rows[level]), int(having[1 - level]), int(rows[1 - level]))
            if min(here.rows, here.other_rows) < LEAST_FLAGGED * self.y.size or here.other > OPEN:
                continue
            low, _ = wilson_interval(np.array([here.hits]), np.array([here.rows]))
            if low[0] < DECIDES:
                continue
            if not self.data.tellable(*here.cells):
                return quoted([name])
            codes, labels = self.data.codes(name)
            value = labels[self.data.sampled(codes)[int(np.argmax(column.levels == level))]]
            return (
                f"of {here.rows:,} rows with {quoted([name])} = {shorten(value, 40)}, {percent(here.share)} have "
                f"{self.study.having(outcome)}, of the others {percent(here.other)}"
            )
        return ""

    def _how(self, name: str) -> str:
        """In what way a column gives the outcome away."""
        absent, y = self.data.absent(name), self.study.y
        if absent.any() and not absent.all():
            here, there = np.unique(y[~absent]), np.unique(y[absent])
            if here.size == there.size == 1 and here[0] != there[0]:
                return f"filled in only where {self.study.target} is {self.study.outcome(int(here[0]))}"
        said = [] if np.isnan(self.areas[name]) else [f"AUC {figure(self.areas[name])}"]
        column = self.data.prepared[name]
        if one_outcome(column.levels, column.size, self.y).all():
            said.append("each value occurs with one outcome only")
        elif self.decided[name] >= PARTLY_DECIDED:
            said.append(f"{percent(self.decided[name])} of rows hold values that only one outcome has")
        return "; ".join(said)


def decided_share(levels: np.ndarray, size: int, y: np.ndarray) -> float:
    """Share of rows at levels with one outcome only, counting levels that chance leaves so with less than 1e-6.

    levels (n,) below `size`; y (n,) of 0 and 1. That chance is taken over all levels together.
    """
    rows = np.bincount(levels, minlength=size)
    hits = np.bincount(levels, weights=y, minlength=size)
    share = float(y.mean())
    if not 0 < share < 1:
        return 0.0
    news = rows * np.log(np.where(hits > 0, share, 1 - share)) < np.log(CHANCE / size)
    return float(rows[news & one_outcome(levels, size, y)].sum() / y.size)


def one_outcome(levels: np.ndarray, size: int, y: np.ndarray) -> np.ndarray:
    """(size,) bool: whether at most one outcome occurs at each level."""
    hits = np.bincount(levels, weights=y, minlength=size)
    return (hits == 0) | (hits == np.bincount(levels, minlength=size))


def named_after(name: str, target: str, leaks: Sequence[str]) -> bool:
    """Whether a name continues that of a column that gives the outcome away, has all words of the outcome's name, of
    which there are at least two, or speaks of a prediction."""
    words, wanted = ({word for word in words_of(text) if not word.isdigit()} for text in (name, target))
    if _FORECAST.search(name.casefold()) or (len(wanted) > 1 and wanted <= words):
        return True
    return any(name.casefold().startswith(leak.casefold()) and not name[len(leak) :][:1].isalpha() for leak in leaks)


def _unless_known(columns: Sequence[str]) -> str:
    it, known = plural(columns, "it", "them"), plural(columns, "it is", "they are")
    return f"Leave {it} out, unless {known} known before the outcome."


# ------------------------------------------------------------------------------------------------------------ proxies


def proxies(data: Evidence) -> pd.DataFrame:
    """`checks.proxy_table` of the evidence."""
    assert data.resolved is not None
    groups = data.resolved.groups
    rows = np.bincount(data.resolved.group_codes, minlength=len(groups))
    inside = np.bincount(data.sampled(data.resolved.group_codes), minlength=len(groups))
    # Of two groups one is told from the other as well as the other way round: the reference group is not named.
    judged = [
        rows[code] >= SMALL_GROUP and group != MISSING and (len(groups) > 2 or group != data.resolved.reference)
        for code, group in enumerate(groups)
    ]
    found = data.separations(data.resolved.group_codes, len(groups))
    areas = np.array(list(found.values())).reshape(len(found), len(groups))
    areas[:, ~np.array(judged)] = np.nan
    low, high = auc_interval(areas, inside, inside.sum() - inside)
    lines = []
    for place, name in enumerate(found):
        if not np.isnan(areas[place]).all():
            best = int(np.nanargmax(low[place]))
            lines.append((name, groups[best], areas[place, best], low[place, best], high[place, best]))
    frame = pd.DataFrame(lines, columns=["column", "group", "auc", "low", "high"])
    return frame.sort_values("auc", ascending=False, kind="stable", ignore_index=True)


def _stand_ins(study: Studied) -> Iterator[Check]:
    """Features that tell a group from the others; none where the model sees the attribute anyway."""
    if study.task.use_sensitive_as_feature:
        return
    strong, data = proxies(study.data), study.data
    strong = strong[strong["low"] >= CLEARLY]
    attribute = quoted(study.task.sensitive_columns)
    names, each = _told_apart(strong[strong["auc"] >= COPY], study.task.sensitive_columns)
    text = (
        f"{each}: practically {attribute} itself. Leaving {attribute} out of the features hides nothing from a model "
        f"that has {plural(names, 'this column', 'these columns')}. Leave {plural(names, 'it', 'them')} out as well, "
        f"or say that the model sees {attribute}.{data.sample_note}"
    )
    title = "Columns that are practically the sensitive attribute"
    yield from data.about(names, "attribute_copies", "high", title, text)
    names, each = _told_apart(strong[(strong["auc"] >= PROXY) & (strong["auc"] < COPY)], study.task.sensitive_columns)
    text = (
        f"{each}. Through {plural(names, 'such a column', 'such columns')} a model can treat groups apart although it "
        f"does not see {attribute}. Look at what changes when you leave {plural(names, 'it', 'them')} out."
        f"{data.sample_note}"
    )
    yield from data.about(names, "proxies", "medium", "Columns that stand in for the sensitive attribute", text)


def _told_apart(part: pd.DataFrame, columns: Sequence[str]) -> tuple[list[str], str]:
    """The columns, and how well the first few tell which group from the others."""
    names = [str(name) for name in part["column"]]
    each = [
        f"{quoted([line['column']])} tells {group_name(line['group'], columns)} from the others with AUC "
        f"{figure(line['auc'])} {span((line['low'], line['high']))}"
        for line in part.head(NAMED).to_dict("records")
    ]
    return names, sentence(each, names[NAMED:])


def _constant_in_a_group(study: Studied) -> Iterator[Check]:
    """Features that have one value in all rows of a group and several in the others."""
    data, codes = study.data, study.resolved.group_codes
    rows, _ = study.group_counts()
    found: dict[str, list[int]] = {}
    for name in data.features:
        values, distinct = data.raw(name)
        if distinct.size + bool((values < 0).any()) < 2:
            continue
        ends = pd.Series(values).groupby(codes).agg(["min", "max"])
        same = ends.index[(ends["min"] == ends["max"]) & (rows[ends.index] >= SMALL_GROUP)]
        if 0 < same.size < np.count_nonzero(rows):
            found[name] = same.tolist()
    each = joined(
        [f"{quoted([name])} in {listing([study.group(code) for code in of], 3)}" for name, of in found.items()]
    )
    text = (
        f"One and the same value in all rows of a group, and others elsewhere: {each}. For these people such a column "
        "tells nothing of the outcome, and its other values tell that a person is not one of them. Ask how it was "
        f"recorded, and see what changes without {plural(list(found), 'it', 'them')}."
    )
    yield from data.about(list(found), "constant_in_group", "medium", "Columns with one value in a whole group", text)


# ------------------------------------------------------------------------------------------------------------ missing


def _blanks(data: Evidence, few: int = 1) -> dict[str, np.ndarray]:
    """{feature: (n,) bool, where it is missing} of features that are missing in at least `few` rows."""
    absent = {name: data.absent(name) for name in data.features}
    return {name: where for name, where in absent.items() if few <= np.count_nonzero(where)}


def _notable(data: Evidence, shares: Mapping[str, Shares], comparisons: int) -> list[tuple[str, Shares]]:
    """Those that differ by 5 points or more, that chance does not explain and that may be told; widest gap first."""
    notable = [
        (name, one)
        for name, one in shares.items()
        if abs(one.gap) >= POINTS and data.tellable(*one.cells) and not one.by_chance(comparisons)
    ]
    return sorted(notable, key=lambda entry: -abs(entry[1].gap))


def _missing_by_group(study: Studied) -> Iterator[Check]:
    """Features that are missing more often, or less, in one group than in the reference group."""
    data, codes = study.data, study.resolved.group_codes
    rows, _ = study.group_counts()
    base = study.resolved.groups.index(study.resolved.reference)
    others = study.comparable_with(base)
    if not others:
        return
    widest: dict[str, int] = {}
    shares: dict[str, Shares] = {}
    for name, absent in _blanks(data).items():
        missing = np.bincount(codes, weights=absent, minlength=rows.size).astype(np.int64)
        code = max(others, key=lambda one: abs(missing[one] / rows[one] - missing[base] / rows[base]))
        widest[name] = code
        shares[name] = Shares(int(missing[code]), int(rows[code]), int(missing[base]), int(rows[base]))
    notable = _notable(data, shares, len(shares) * len(others))
    names = [name for name, _ in notable]
    each = [
        f"{quoted([name])} is missing in {percent(one.share)} of {study.group(widest[name])} rows against "
        f"{percent(one.other)} of {study.group(base)} ({one.in_words()})"
        for name, one in notable[:NAMED]
    ]
    text = (
        f"{sentence(each, names[NAMED:])}. What the encoding puts in their place fits one group better than another. "
        f"Find out why they are missing, or leave {plural(names, 'the column', 'the columns')} out."
    )
    title = "Values are missing more often in some groups"
    yield from data.about(names, "missing_by_group", "medium", title, text)


def _missing_by_outcome(study: Studied, leaks: Sequence[str]) -> Iterator[Check]:
    """Features whose being missing goes with the outcome, without those that give it away."""
    data, y = study.data, study.y
    shares: dict[str, Shares] = {}
    for name, absent in _blanks(data, SMALL_GROUP).items():
        rows, hits = int(np.count_nonzero(absent)), int(y[absent].sum())
        if name not in leaks and rows <= absent.size - SMALL_GROUP:
            shares[name] = Shares(hits, rows, int(y.sum()) - hits, y.size - rows)
    notable = _notable(data, shares, len(shares))
    names = [name for name, _ in notable]
    each = [
        f"where {quoted([name])} is missing, {percent(one.share)} have {study.having(1)}, elsewhere "
        f"{percent(one.other)} ({one.in_words()})"
        for name, one in notable[:NAMED]
    ]
    text = (
        f"{sentence(each, names[NAMED:])}. The model sees that a value is missing and will use it. That is fair where "
        "the blank is there before the decision; where it came with the outcome it gives the outcome away: leave "
        f"{plural(names, 'the column', 'the columns')} out then."
    )
    severity: Severity = "medium" if notable and abs(notable[0][1].gap) >= LARGE_POINTS else "low"
    title = "Whether a value is missing goes with the outcome"
    yield from data.about(names, "missing_by_outcome", severity, title, text)
