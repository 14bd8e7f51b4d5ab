"""The user's choices as one typed value; `address` writes them as the query parameters of a link."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from iffair_core.data.groups import MAX_GROUPS
from iffair_core.data.task import Task
from iffair_core.datasets.catalog import DATASETS
from iffair_core.errors import shorten
from iffair_core.reading.values import value_label
from iffair_core.reweighting import VARIANTS
from pages.kit.words import GOAL_TITLES

UPLOAD = "upload"
EXAMPLE = "example"
ONLY_DRAWN = ("reference_line", "split", "utility_axis", "disparity_axis", "intervals", "transfer", "reading")
RIVAL_SETS = ("weights", "all")
Cuts = tuple[float, ...] | str
"""Cut points, or "quantiles:4" for cuts between 4 groups of about equal size."""

_QUANTILES = re.compile(r"quantiles:\s*(\d{1,2})\Z", re.ASCII)
_TASK_NAMES = {"split": "split_column"}


@dataclass(frozen=True)
class Choices:
    """Everything that a user can choose. Values of the file are held as labels, so that a link can carry them.

    source: name in the catalog, or "upload"; file: first digits of the uploaded table's fingerprint; reading: what is
    fixed about the way the file is read; favorable: one value of the outcome, or several against the rest; types,
    missing, bins, pool, exclude, weights, unit, smallest_group: as in `Task`; split_column: `Task.split`; strength
    None: the recommended one; utility_budget None: the engine's default; min_accuracy None: no floor; also: other
    goals that the weights close by the same share; pinned: cohorts "COLUMN=VALUE", then row ids ascending;
    reference_line None: no line is drawn; disparity_axis None: the goal's; rivals: other methods to run, "weights" or
    "all", which is Fairlearn's too.
    """

    source: str = EXAMPLE
    file: str | None = None
    reading: Mapping[str, str | int] = field(default_factory=dict, hash=False)
    types: Mapping[str, str] = field(default_factory=dict, hash=False)
    missing: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    target: str | None = None
    favorable: str | tuple[str, ...] | None = None
    sensitive: tuple[str, ...] = ()
    bins: Mapping[str, Cuts] = field(default_factory=dict, hash=False)
    pool: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict, hash=False)
    reference: str | None = None
    drop: tuple[str, ...] = ()
    use_sensitive_as_feature: bool = False
    weights: str | None = None
    split_column: str | None = None
    unit: str | None = None
    smallest_group: int | None = None
    goal: str = "equalized_odds"
    variant: str = "diverse"
    model: str = "logistic"
    strength: float | None = None
    utility_budget: float | None = None
    max_weight: float = 5.0
    min_effective_sample_size: float = 0.5
    min_accuracy: float | None = None
    pinned: tuple[int | str, ...] = ()
    also: tuple[str, ...] = ()
    seed: int = 0
    reference_line: float | None = None
    split: str = "test"
    utility_axis: str = "accuracy"
    disparity_axis: str | None = None
    intervals: bool = False
    transfer: tuple[str, ...] = ()
    rivals: str = "weights"

    def __post_init__(self) -> None:
        if isinstance(self.favorable, tuple) and len(self.favorable) < 2:
            object.__setattr__(self, "favorable", self.favorable[0] if self.favorable else None)

    @property
    def complete(self) -> bool:
        """Whether outcome, favorable value and a sensitive attribute are chosen."""
        return self.target is not None and self.favorable is not None and bool(self.sensitive)

    @property
    def favorable_values(self) -> tuple[str, ...]:
        """The favorable values as a tuple, empty while none is chosen."""
        if isinstance(self.favorable, tuple):
            return self.favorable
        return () if self.favorable is None else (self.favorable,)

    @property
    def helpers(self) -> tuple[str, ...]:
        """Columns that say something about the rows and are no features: weights, parts, unit."""
        return tuple(name for name in (self.weights, self.split_column, self.unit) if name is not None)

    def task(self) -> Task | None:
        """The engine's task, None while choices are missing."""
        if self.target is None or self.favorable is None or not self.sensitive:
            return None
        return Task(
            target=self.target,
            favorable=self.favorable,
            sensitive=self.sensitive,
            reference=self.reference,
            drop=self.drop,
            bins=dict(self.bins) or None,
            use_sensitive_as_feature=self.use_sensitive_as_feature,
            types=dict(self.types) or None,
            missing=self.missing,
            pool={column: dict(pools) for column, pools in self.pool.items()} or None,
            exclude=self.exclude,
            weights=self.weights,
            split=self.split_column,
            unit=self.unit,
            smallest_group=self.smallest_group,
        )

    def options(self) -> dict[str, Any]:
        """The keyword options of `Study`."""
        names = (
            "goal",
            "variant",
            "model",
            "strength",
            "rivals",
            "seed",
            "utility_budget",
            "max_weight",
            "min_effective_sample_size",
            "min_accuracy",
            "pinned",
            "also",
        )
        return {"metric" if name == "goal" else name: getattr(self, name) for name in names}

    def with_target(self, target: str | None) -> Choices:
        """Another outcome: its favorable value is asked anew, and it stops being anything else."""
        kept = self.with_sensitive([name for name in self.sensitive if name != target], {}, reopen=False)
        bins = {name: cuts for name, cuts in kept.bins.items() if name in kept.sensitive}
        drop = tuple(name for name in self.drop if name != target)
        return replace(kept, target=target, favorable=None, bins=bins, drop=drop).without_helper(target)

    def with_sensitive(
        self, sensitive: Sequence[str], suggested: Mapping[str, tuple[float, ...]], *, reopen: bool = True
    ) -> Choices:
        """Other sensitive attributes: known bins and pools stay, new columns take the suggested bins.

        The reference is open again, with `reopen` even where the attributes are the same.
        """
        names = tuple(sensitive)
        bins = {name: self.bins.get(name, suggested.get(name, ())) for name in names}
        if self.target is not None and self.target in self.bins and self.target not in names:
            bins[self.target] = self.bins[self.target]
        kept = self
        for name in names:
            kept = kept.without_helper(name)
        return replace(
            kept,
            sensitive=names,
            bins={name: cuts for name, cuts in bins.items() if cuts},
            pool={name: pools for name, pools in self.pool.items() if name in names},
            reference=None if reopen or names != self.sensitive else self.reference,
        )

    def without_helper(self, name: str | None) -> Choices:
        """The column stops being row weights, parts or unit."""
        roles = ("weights", "split_column", "unit")
        left: dict[str, Any] = {role: None for role in roles if getattr(self, role) == name}
        return replace(self, **left)

    def with_pool(self, column: str, name: str, values: Sequence[str]) -> Choices:
        """Values of a sensitive column under one new name; they leave the pools that held them. No values: no pool."""
        pools = {
            old: tuple(one for one in held if one not in values) for old, held in self.pool.get(column, {}).items()
        }
        pools[name] = tuple(values)
        kept = {new: held for new, held in pools.items() if held}
        others = {other: held for other, held in self.pool.items() if other != column}
        return replace(self, pool={**others, column: kept} if kept else others, reference=None)

    def with_change(self, change: Mapping[str, Any]) -> Choices:
        """The choices with fields of a `Task` set, as a remedy of a check names them."""
        read = {"favorable": _labels, "sensitive": _names, "reference": _label, "bins": _bins, "pool": _pool}
        names = {"drop", "exclude", "missing"}
        changed: dict[str, Any] = {
            _TASK_NAMES.get(name, name): read[name](value) if name in read
            else tuple(value) if name in names else dict(value or {}) if name == "types" else value
            for name, value in change.items()
        }  # fmt: skip
        return replace(self, **changed)


def quantiles(cuts: Cuts) -> int | None:
    """The number of groups that "quantiles:4" asks for; None for cut points."""
    found = _QUANTILES.match(cuts) if isinstance(cuts, str) else None
    return int(found[1]) if found and 2 <= int(found[1]) <= MAX_GROUPS else None


def variants_of(model: str) -> tuple[str, ...]:
    """The variants that work with a model: efficient needs a logistic one."""
    return VARIANTS if model == "logistic" else tuple(variant for variant in VARIANTS if variant != "efficient")


def preset(source: str) -> Choices:
    """The choices that a source starts with: the catalog's task, or nothing chosen for an upload."""
    for entry in DATASETS:
        if entry.name == source:
            return of_task(entry.task, source)
    return Choices(source=source)


def of_task(task: Task, source: str) -> Choices:
    """The choices that make a task of a source's table."""
    given = {name: value for name in task.__dataclass_fields__ if (value := getattr(task, name)) is not None}
    return Choices(source=source).with_change(given | {"sensitive": task.sensitive_columns})


def _names(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)


def _labels(value: Any) -> str | tuple[str, ...]:
    return tuple(map(value_label, value)) if isinstance(value, (tuple, list)) else value_label(value)


def _label(value: Any) -> str | None:
    if value is None:
        return None
    return " / ".join(map(value_label, value)) if isinstance(value, (tuple, list)) else value_label(value)


def _bins(value: Any) -> dict[str, Cuts]:
    return {
        name: cuts if isinstance(cuts, str) else tuple(float(cut) for cut in cuts)
        for name, cuts in (value or {}).items()
    }


def _pool(value: Any) -> dict[str, dict[str, tuple[str, ...]]]:
    return {
        column: {name: tuple(map(value_label, values)) for name, values in pools.items()}
        for column, pools in (value or {}).items()
    }


# ------------------------------------------------------------------------------------------------------- differences


def differences(old: Choices, new: Choices) -> list[str]:
    """What changed from `old` to `new`, one short phrase each, as "goal (Equalized odds to Demographic parity)"."""
    changed = []
    for name, title in _TITLES.items():
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            changed.append(f"{title} ({_shown(name, before)} to {_shown(name, after)})")
    return changed


def study_part(choices: Choices) -> Choices:
    """The choices that a study depends on: what is only drawn, or fitted beside it, is set to its default."""
    usual = Choices()
    return replace(choices, **{name: getattr(usual, name) for name in ONLY_DRAWN})


_TITLES = {
    "types": "types of columns",
    "missing": "what means missing",
    "exclude": "rows left out",
    "target": "outcome",
    "favorable": "favorable value",
    "sensitive": "sensitive attribute",
    "bins": "bins",
    "pool": "pooled values",
    "reference": "reference group",
    "drop": "columns left out",
    "use_sensitive_as_feature": "sensitive attribute as a feature",
    "weights": "row weights of the file",
    "split_column": "column of parts",
    "unit": "unit that stays on one side",
    "smallest_group": "smallest group shown",
    "goal": "goal",
    "variant": "variant",
    "model": "model",
    "strength": "strength",
    "utility_budget": "utility budget",
    "max_weight": "largest weight",
    "min_effective_sample_size": "smallest effective sample size",
    "min_accuracy": "smallest accuracy",
    "pinned": "rows that keep weight 1",
    "also": "goals closed as well",
    "seed": "seed",
    "rivals": "other methods",
}
_NONE = {"strength": "recommended", "reference": "suggested", "utility_budget": "default"}


def _shown(name: str, value: Any) -> str:
    if name == "goal":
        return GOAL_TITLES[value]
    if name == "rivals":
        return "all" if value == "all" else "weights only"
    if value is None:
        return _NONE.get(name, "none")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name == "pool":
        parts = [f"{new}: {'+'.join(held)}" for pools in value.values() for new, held in pools.items()]
    elif isinstance(value, Mapping):
        parts = [f"{key}:{','.join(texts(one)) if isinstance(one, tuple) else one}" for key, one in value.items()]
    else:
        parts = texts(value)
    return ", ".join(shorten(part, 40) for part in parts) or "none"


def texts(value: Any) -> list[str]:
    """A single value, or each of several, as a link and a sentence write it."""
    if isinstance(value, float):
        return [value_label(value)]
    if isinstance(value, tuple):
        named, numbers = ([one for one in value if isinstance(one, kind)] for kind in (str, (int, float)))
        return [*named, *([",".join(map(value_label, numbers))] if numbers else [])]
    return [str(value)]
