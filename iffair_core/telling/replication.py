"""How the curve compares with other people's methods on public data: figures that were measured once and are kept.

`replication.json` is written by `python -m benchmarks.quality keep`; nothing here computes a model. Every figure is a
mean over seeds, on test rows; each seed deals its own training, validation and test rows, the same for all methods.

A variant is judged against a rival by the best mean accuracy among the points of its curve whose mean disparity is no
larger than the rival's. The margin is that accuracy minus the rival's: a win from 0 on, a tie down to -`TIE`, a loss
below; not reached where every point of the curve has a larger disparity. The strength is found by this rule on test
means: a margin says what the curve contains, not what a recommendation from validation rows would have picked.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from iffair_core.errors import ConfigError, shorten
from iffair_core.metrics import GOALS
from iffair_core.rivals.registry import FAIRLEARN, RIVALS, WEIGHTS
from iffair_core.wording import GOAL_TITLES, heading, listed, points

FILE = Path(__file__).parent / "replication.json"
TIE = 0.002
Z = 1.959964
VARIANTS = ("diverse", "efficient", "uniform")
VERDICTS = {"win": "wins", "tie": "ties", "loss": "losses", "not reached": "not reached"}
_OF_RIVAL = ("rival", "rival disparity", "rival disparity error", "rival accuracy", "rival accuracy error")
_OF_MARGIN = ("untouched disparity", "untouched accuracy", "variant", "verdict", "margin", "error", "strength", "clear")
MARGIN_COLUMNS = ("kind", "dataset", "goal", "seeds", *_OF_RIVAL, *_OF_MARGIN)


class Kind(NamedTuple):
    """A family of comparisons: its title, the model that is fitted, and the rivals in it."""

    title: str
    model: str
    rivals: tuple[str, ...]


KINDS = {
    "logistic": Kind("Logistic regression, against row weights", "logistic", WEIGHTS),
    "fairlearn": Kind("Logistic regression, against Fairlearn", "logistic", FAIRLEARN),
    "mlp": Kind("Neural network, against row weights", "mlp", WEIGHTS),
}


class Source(NamedTuple):
    """A public data set: its name, one for narrow places, the favorable outcome and the groups in words, its rows."""

    title: str
    short: str
    favorable: str
    groups: str
    rows: int


SOURCES = {
    "adult": Source("Adult", "Adult", "income above 50,000", "sex", 48_842),
    "bank": Source("Bank", "Bank", "subscribes a deposit", "age 25 to 59 against others", 45_211),
    "compas": Source("COMPAS", "COMPAS", "no recidivism in two years", "race, two groups", 5_278),
    "communities-70": Source(
        "Communities 70", "Com. 70", "crime below the 70 % quantile", "share of black residents", 1_994
    ),
    "communities-50": Source("Communities 50", "Com. 50", "crime below the median", "share of black residents", 1_994),
    "german": Source("German credit", "German", "good credit", "sex", 1_000),
    "law": Source("Law school", "Law", "bar exam passed", "race, two groups", 20_798),
}


@dataclass(frozen=True)
class Place:
    """Disparity and accuracy, means over seeds on test rows, with their standard errors; 0 where one seed ran."""

    disparity: float
    accuracy: float
    disparity_error: float
    accuracy_error: float


@dataclass(frozen=True)
class CurvePoint(Place):
    """A point of a variant's curve of means."""

    strength: float


@dataclass(frozen=True)
class Margin:
    """Accuracy of a variant minus a rival's by the rule above, as a share; None where not reached.

    `error`: standard error over seeds, by resampling them, both methods together. `strength`: where on the curve.
    """

    verdict: str
    value: float | None
    error: float | None
    strength: float | None


@dataclass(frozen=True)
class Rival:
    """Where a rival ended, and the margin of each variant over it."""

    name: str
    place: Place
    margins: Mapping[str, Margin]


@dataclass(frozen=True)
class Entry:
    """One kind, data set and goal. `failed`: rivals without an answer, and why.

    `curve_seeds`: seeds behind the curves. The file keeps no curves for kind fairlearn; they are the logistic entry's,
    which may average more seeds than the rivals do, while margins always compare the same seeds.
    """

    kind: str
    dataset: str
    goal: str
    seeds: int
    untouched: Place
    curves: Mapping[str, tuple[CurvePoint, ...]]
    curve_seeds: int
    rivals: Mapping[str, Rival]
    failed: Mapping[str, str]

    @property
    def variants(self) -> tuple[str, ...]:
        """Variants that were compared here."""
        found = {*self.curves, *(name for rival in self.rivals.values() for name in rival.margins)}
        return tuple(name for name in VARIANTS if name in found)


@dataclass(frozen=True)
class Replication:
    """All that is kept: entries, the command that made them, the hours it took and the machine."""

    command: str
    hours: float
    machine: Mapping[str, Any]
    entries: tuple[Entry, ...]

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(name for name in KINDS if any(one.kind == name for one in self.entries))

    def datasets(self, kind: str | None = None) -> tuple[str, ...]:
        """Names of data sets, of one kind or of all, in the order of `SOURCES`."""
        found = {one.dataset for one in self.entries if kind in (None, one.kind)}
        return (*(name for name in SOURCES if name in found), *sorted(found - set(SOURCES)))

    def goals(self, kind: str | None = None, dataset: str | None = None) -> tuple[str, ...]:
        """Names of goals, of one kind and data set or of all."""
        found = {one.goal for one in self.entries if kind in (None, one.kind) and dataset in (None, one.dataset)}
        return tuple(name for name in GOALS if name in found)

    def variants(self, kind: str | None = None) -> tuple[str, ...]:
        """Names of variants that were compared, of one kind or of all."""
        found = {name for one in self.entries if kind in (None, one.kind) for name in one.variants}
        return tuple(name for name in VARIANTS if name in found)

    def entry(self, kind: str, dataset: str, goal: str) -> Entry:
        """The entry of these names; ConfigError where there is none."""
        for one in self.entries:
            if (one.kind, one.dataset, one.goal) == (kind, dataset, goal):
                return one
        raise ConfigError(
            f"No comparison is kept of {shorten(kind)!r}, {shorten(dataset)!r}, {shorten(goal)!r}. "
            f"Kinds: {listed(self.kinds)}; data sets: {listed(self.datasets())}; goals: {listed(self.goals())}."
        )

    def margins(self, kind: str | None = None, variant: str | None = None) -> pd.DataFrame:
        """One row for each entry, rival and variant, in the units of `Margin`: see `MARGIN_COLUMNS`.

        `clear`: the margin's 95 % interval leaves 0 out; never so with a single seed.
        """
        lines = []
        for one in self._in_order(kind):
            for rival in one.rivals.values():
                place, start = rival.place, one.untouched
                theirs = (rival.name, place.disparity, place.disparity_error, place.accuracy, place.accuracy_error)
                entry = (one.kind, one.dataset, one.goal, one.seeds, *theirs, start.disparity, start.accuracy)
                for name, found in rival.margins.items():
                    clear = one.seeds > 1 and found.value is not None and abs(found.value) > Z * (found.error or 0.0)
                    if variant in (None, name):
                        lines.append((*entry, name, found.verdict, found.value, found.error, found.strength, clear))
        frame = pd.DataFrame(lines, columns=list(MARGIN_COLUMNS))
        return frame.astype({name: float for name in ("margin", "error", "strength")} | {"clear": bool})

    def dominance(self, variant: str, kind: str | None = None) -> pd.DataFrame:
        """Counts for each kind and rival: how a variant did, of how many, and how far that can be trusted.

        Columns: kind, rival, wins, ties, losses, not reached, of; clear wins and clear losses among them (see
        `margins`); rival not below untouched: in how many its disparity is at least that of the model without any
        repair, so that being as fair takes no repair; no answer: entries without figures of this rival.
        Raises ConfigError for a variant that was not compared.
        """
        if variant not in self.variants(kind):
            raise ConfigError(
                f"The variant {shorten(variant)!r} was not compared. Use one of: {listed(self.variants(kind))}."
            )
        frame, lines = self.margins(kind, variant), []
        for name in self.kinds if kind is None else (kind,):
            entries = [one for one in self.entries if one.kind == name and variant in one.variants]
            for rival in KINDS[name].rivals if entries else ():
                mine = frame[(frame["kind"] == name) & (frame["rival"] == rival)]
                above = mine["rival disparity"] >= mine["untouched disparity"]
                lines.append(
                    {"kind": name, "rival": rival}
                    | {title: int((mine["verdict"] == verdict).sum()) for verdict, title in VERDICTS.items()}
                    | {
                        "of": len(mine),
                        "clear wins": int((mine["clear"] & (mine["verdict"] == "win")).sum()),
                        "clear losses": int((mine["clear"] & (mine["verdict"] == "loss")).sum()),
                        "rival not below untouched": int(above.sum()),
                        "no answer": len(entries) - len(mine),
                    }
                )
        return pd.DataFrame(lines)

    def losses(self, kind: str | None = None, variant: str | None = None) -> pd.DataFrame:
        """The rows of `margins` that are losses or not reached: losses first, largest first."""
        frame = self.margins(kind, variant)
        return frame[frame["verdict"].isin(["loss", "not reached"])].sort_values("margin", kind="stable")

    def _in_order(self, kind: str | None) -> Iterable[Entry]:
        datasets, kinds = self.datasets(), list(KINDS)
        return sorted(
            (one for one in self.entries if kind in (None, one.kind)),
            key=lambda one: (kinds.index(one.kind), list(GOALS).index(one.goal), datasets.index(one.dataset)),
        )


@lru_cache(maxsize=1)
def replication() -> Replication:
    """What the package keeps, read once."""
    return read(FILE.read_text(encoding="utf-8"))


def read(text: str) -> Replication:
    """The text of a `replication.json`. Raises ConfigError for unknown kinds, goals, rivals or verdicts."""
    document = json.loads(text)
    curves = {
        (raw["kind"], raw["dataset"], raw["goal"]): (_curves(raw["curves"]), raw["seeds"])
        for raw in document["entries"]
    }
    nothing: tuple[dict[str, tuple[CurvePoint, ...]], int] = ({}, 0)
    entries = []
    for raw in document["entries"]:
        _check("kind", [raw["kind"]], KINDS)
        _check("goal", [raw["goal"]], GOALS)
        _check("rival", [*raw["rivals"], *raw["failed"]], RIVALS)
        own = curves[raw["kind"], raw["dataset"], raw["goal"]]
        if not own[0] and raw["kind"] == "fairlearn":
            own = curves.get(("logistic", raw["dataset"], raw["goal"]), nothing)
        rivals = {name: _rival(name, found) for name, found in raw["rivals"].items()}
        names = (raw["kind"], raw["dataset"], raw["goal"], raw["seeds"])
        entries.append(Entry(*names, _place(raw["untouched"]), *own, rivals, raw["failed"]))
    return Replication(document["command"], float(document["hours"]), document["machine"], tuple(entries))


def _check(what: str, names: Iterable[str], known: Iterable[str]) -> None:
    for name in names:
        if name not in known:
            raise ConfigError(f"The kept results name the {what} {shorten(name)!r}. Known are: {listed(list(known))}.")


def _place(raw: Mapping[str, Any]) -> Place:
    return Place(raw["disparity"], raw["accuracy"], raw["disparity_error"], raw["accuracy_error"])


def _curves(raw: Mapping[str, list[list[float]]]) -> dict[str, tuple[CurvePoint, ...]]:
    _check("variant", raw, VARIANTS)
    return {
        name: tuple(CurvePoint(y, x, y_error, x_error, strength) for strength, y, x, y_error, x_error in lines)
        for name, lines in raw.items()
    }


def _rival(name: str, raw: Mapping[str, Any]) -> Rival:
    margins = {
        variant: Margin(raw[variant]["verdict"], *(raw[variant][part] for part in ("margin", "error", "strength")))
        for variant in VARIANTS
        if variant in raw
    }
    _check("verdict", (one.verdict for one in margins.values()), VERDICTS)
    return Rival(name, _place(raw), margins)


# ------------------------------------------------------------------------------------------------------------ words


def _inside(title: str) -> str:
    """A title as it stands within a sentence."""
    return title[:1].lower() + title[1:].replace(",", "")


def rival_title(name: str) -> str:
    """A rival's name without its authors: "Reweighing"."""
    return RIVALS[name].title.partition(" (")[0]


def source_title(name: str) -> str:
    """A data set's name."""
    return SOURCES[name].title if name in SOURCES else name


def finding(kept: Replication, kind: str, variant: str) -> str:
    """How a variant did against all rivals of a kind, counted, in one sentence."""
    count = kept.dominance(variant, kind).sum(numeric_only=True)
    return (
        f"At the rival's disparity or below, {heading(variant)} is at least as accurate in {count['wins']} of "
        f"{count['of']} comparisons ({count['clear wins']} clearly), at most {points(TIE, signed=False)} behind in "
        f"{count['ties']}, further behind in {count['losses']} ({count['clear losses']} clearly), and does not come "
        f"down to that disparity in {count['not reached']}."
    )


def seeds_span(kept: Replication, kind: str) -> str:
    """How many seeds the comparisons of a kind ran under, fewest to most: "3 to 10"."""
    found = sorted({one.seeds for one in kept.entries if one.kind == kind})
    return f"{found[0]}" if len(found) == 1 else f"{found[0]} to {found[-1]}"


def run_words(kept: Replication) -> str:
    """What was run: data sets, goals, seeds and splits, in words."""
    seeds = [f"{_inside(KINDS[kind].title)}: {seeds_span(kept, kind)}" for kind in kept.kinds]
    return (
        f"{listed([source_title(name) for name in kept.datasets()])}; "
        f"goals {listed([GOAL_TITLES[goal] for goal in kept.goals()])}. "
        f"Seeds: {'; '.join(seeds)}. Each seed deals the rows anew into 60 % training, 20 % validation and 20 % test, "
        "the same for all methods; the model sees the sensitive attribute. Figures are means over seeds on test rows."
    )


def rule_words() -> str:
    """How a comparison is judged, in words."""
    tie = points(TIE, signed=False)
    return (
        "Of all points of the curve of means whose mean disparity is no larger than the rival's, the most accurate one "
        "is taken. The margin is its accuracy minus the rival's. A win is a margin of 0 or more, a tie a margin down "
        f"to −{tie}, a loss anything below; not reached means that the rival's disparity is smaller than any on the "
        "curve. A margin is clear where its 95 % interval over seeds leaves 0 out; with three seeds that interval is "
        "rough. The strength is chosen by this rule on test means: a margin says what the curve contains, not what a "
        "recommendation from validation rows would have picked, and the rule favors the curve, which has many points "
        "to choose from where the rival has one."
    )


def made_words(kept: Replication) -> str:
    """Hours and machine in words."""
    packages = listed([f"{name} {version}" for name, version in kept.machine.get("packages", {}).items() if version])
    return (
        f"{kept.hours:.1f} hours of computing, on a machine with {kept.machine.get('cores', 'an unknown number of')} "
        f"cores; Python {kept.machine.get('python', 'of an unknown version')}, {packages}."
    )
