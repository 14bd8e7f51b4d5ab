"""The user's choices as one typed value; `address` writes them as the query parameters of a link."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any

from iffair_core.data.encoding import SPLITS
from iffair_core.data.option import Choice, Number, Option, Several, YesNo, held, option, options_of
from iffair_core.data.task import Task
from iffair_core.datasets.catalog import DATASETS
from iffair_core.metrics import DISPARITIES, UTILITIES
from iffair_core.models import MODELS
from iffair_core.reading.options import ReadOptions
from iffair_core.reweighting import VARIANTS
from iffair_core.rivals.registry import FAIRLEARN
from iffair_core.study.config import StudyConfig, StudyOptions
from iffair_core.telling.saved_settings import SavedSettings

UPLOAD = "upload"
EXAMPLE = "example"
AUDIT = ("audit", "audit_favorable", "audit_above", "audit_truth")
OF_SCENARIOS = ("scenario", "beside")
SHOWING = ("tour", "stage")
"""What a presenter has switched on."""
ONLY_DRAWN = (
    *("reference_line", "split", "utility_axis", "disparity_axis", "intervals", "transfer", "reading"),
    *AUDIT,
    *OF_SCENARIOS,
    *SHOWING,
)
RIVAL_SETS = ("weights", "all")
Cuts = tuple[float | str, ...] | str
"""Cut points, or "quantiles:4" for cuts between 4 groups of about equal size."""

_TASK_NAMES = {"split": "split_column"}


class _Reading(Several):
    """{option of reading: value}; a value may hold colons."""

    def read(self, texts: Sequence[str]) -> dict[str, str | int]:
        parts = [text.partition(":") for text in texts if text]
        options = {name: int(value) if name == "header" else value for name, _, value in parts}
        if set(options) - set(ReadOptions.__dataclass_fields__) or not all(colon for _, colon, _ in parts):
            raise ValueError("no option of reading")
        return ReadOptions(**options).given()  # type: ignore[arg-type]

    def written(self, value: Mapping[str, str | int]) -> list[str]:
        return [f"{name}:{one}" for name, one in value.items()]


class _Scenarios(Several):
    """Scenarios, by the identifiers that the database gave them."""

    def one(self, text: str) -> str:
        if not re.fullmatch("[0-9a-f]{12}", text):
            raise ValueError("no scenario is called so")
        return text


class _Scenario(_Scenarios):
    """One of them."""

    several = False


class _RivalSet(Choice):
    """Which other methods run: a set of them."""

    def said(self, value: Any) -> str:
        return "all" if value == "all" else "weights only"


@dataclass(frozen=True)
class TableChoices:
    """The choices about the table: those of `Task`, with values of the file as labels, empty while they are not made.

    source: name in the catalog, "upload", or "folder:" and a name; file: first digits of the uploaded table's
    fingerprint; reading: what is fixed about the way the file is read; split_column: `Task.split`.
    """

    source: str = EXAMPLE
    file: str | None = option(Option(), None)
    reading: Mapping[str, str | int] = option(_Reading(), {}, hash=False)
    types: Mapping[str, str] = held(Task, "types", {})
    missing: tuple[str, ...] = held(Task, "missing", ())
    exclude: tuple[str, ...] = held(Task, "exclude", ())
    target: str | None = held(Task, "target")
    favorable: str | tuple[str, ...] | None = held(Task, "favorable")
    sensitive: tuple[str, ...] = held(Task, "sensitive", ())
    bins: Mapping[str, Cuts] = held(Task, "bins", {})
    pool: Mapping[str, Mapping[str, tuple[str, ...]]] = held(Task, "pool", {})
    reference: str | None = held(Task, "reference")
    drop: tuple[str, ...] = held(Task, "drop", ())
    use_sensitive_as_feature: bool = held(Task, "use_sensitive_as_feature", False)
    weights: str | None = held(Task, "weights")
    split_column: str | None = held(Task, "split")
    unit: str | None = held(Task, "unit")
    smallest_group: int | None = held(Task, "smallest_group")


@dataclass(frozen=True)
class Choices(StudyOptions, TableChoices):
    """Everything that a user can choose: of the table, of the study, and of what is drawn.

    Values of the file are held as labels, so that a link can carry them.
    reference_line None: no line is drawn; disparity_axis None: the goal's; rivals: other methods to run, "weights" or
    "all", which is Fairlearn's too; audit: the column that is compared without a model, None for the outcome, with the
    values that are selected or the number above which a row is, and whether it is held against the outcome. scenario:
    the one that was opened; beside: those that Compare draws beside the study. tour: the guided tour is on; stage: the
    curve fills the window of Reweight.
    """

    reference_line: float | None = option(Number(high=1.0), None)
    split: str = option(Choice(allowed=SPLITS[1:]), "test")
    utility_axis: str = option(Choice(allowed=UTILITIES), "accuracy")
    disparity_axis: str | None = option(Choice(allowed=DISPARITIES), None)
    intervals: bool = option(YesNo(allowed=("yes", "no")), False)
    transfer: tuple[str, ...] = held(StudyConfig, "transfer", ())
    audit: str | None = option(Option(), None)
    audit_favorable: tuple[str, ...] = option(Several(), ())
    audit_above: float | None = option(Number(low=-math.inf), None)
    audit_truth: bool = option(YesNo(allowed=("yes", "no")), False)
    scenario: str | None = option(_Scenario(), None)
    beside: tuple[str, ...] = option(_Scenarios(), ())
    tour: bool = option(YesNo(allowed=("yes", "no")), False)
    stage: bool = option(YesNo(allowed=("yes", "no")), False)
    rivals: str = option(_RivalSet(title="other methods", allowed=RIVAL_SETS), "weights")

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
        made = {name: getattr(self, _TASK_NAMES.get(name, name)) for name in options_of(Task)}
        given: dict[str, Any] = {name: None if value == {} else value for name, value in made.items()}
        return Task(**given)

    def options(self) -> dict[str, Any]:
        """The keyword options of `Study`."""
        asked = {declared.public: getattr(self, name) for name, declared in options_of(StudyOptions).items()}
        return asked | {"rivals": self.rivals}

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
        declared = options_of(Task)
        changed = {_TASK_NAMES.get(name, name): declared[name].labeled(value) for name, value in change.items()}
        return replace(self, **changed)


def variants_of(model: str) -> tuple[str, ...]:
    """The variants that work with a model: efficient needs a logistic one."""
    return tuple(variant for variant in VARIANTS if variant not in MODELS[model].without)


def limits(name: str, scale: float = 1) -> dict[str, Any]:
    """`min_value` and `max_value` of a number input for a choice, times `scale`."""
    declared = options_of(Choices)[name]
    assert isinstance(declared, Number)
    low, high = declared.offered
    return {"min_value": low * scale, "max_value": high * scale}


@cache
def preset(source: str) -> Choices:
    """The choices that a source starts with: the catalog's task, or nothing chosen for an upload."""
    for entry in DATASETS:
        if entry.name == source:
            return of_task(entry.task, source)
    return Choices(source=source)


def of_task(task: Task, source: str) -> Choices:
    """The choices that make a task of a source's table."""
    return Choices(source=source).with_change({name: getattr(task, name) for name in options_of(Task)})


def of_saved(saved: SavedSettings, source: str, reading: Mapping[str, str | int]) -> Choices:
    """The choices of a settings.json for a source's table; of the other methods, the set that has them all."""
    config, usual = saved.config, MODELS[saved.config.model].usual_C
    study: dict[str, Any] = {name: getattr(config, name) for name in options_of(StudyOptions)}
    study["C"] = None if usual == config.C else config.C
    rivals = "all" if set(FAIRLEARN) & set(config.rivals) else "weights"
    return replace(of_task(saved.task, source), **study, rivals=rivals, transfer=config.transfer, reading=dict(reading))


def changed_choices(old: Choices, new: Choices) -> list[str]:
    """Names of the choices that are not the same."""
    return [one.name for one in fields(Choices) if getattr(old, one.name) != getattr(new, one.name)]


def differences(old: Choices, new: Choices) -> list[str]:
    """What changed from `old` to `new`, one short phrase each, as "goal (Equalized odds to Demographic parity)"."""
    changed = []
    for name, declared in options_of(Choices).items():
        before, after = getattr(old, name), getattr(new, name)
        if before != after and declared.title and name not in ONLY_DRAWN:
            changed.append(f"{declared.title} ({declared.said(before)} to {declared.said(after)})")
    return changed


def differing(several: Sequence[Choices]) -> dict[str, list[str]]:
    """What several studies were asked for where they differ: {option: what each has}."""
    found = {}
    for name, declared in options_of(Choices).items():
        made = [getattr(one, name) for one in several]
        if declared.title and name not in ONLY_DRAWN and any(value != made[0] for value in made):
            found[declared.title] = [declared.said(value) for value in made]
    return found


def study_part(choices: Choices) -> Choices:
    """The choices that a study depends on: what is only drawn, or fitted beside it, is set to its default."""
    usual = Choices()
    return replace(choices, **{name: getattr(usual, name) for name in ONLY_DRAWN})
