"""The user's choices as one typed value, and as the query parameters of a link that restores them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from iffair_core.classifiers import TRANSFER_MODELS
from iffair_core.data.catalog import DATASETS
from iffair_core.data.cohorts import pin_names
from iffair_core.data.encoding import SPLITS
from iffair_core.data.task import Task
from iffair_core.data.values import value_label
from iffair_core.errors import shorten
from iffair_core.metrics import DISPARITIES, GOALS, UTILITIES
from iffair_core.models import MODELS
from iffair_core.path import MAX_STRENGTH
from iffair_core.reweighting import VARIANTS
from pages.common.words import GOAL_TITLES

UPLOAD = "upload"
EXAMPLE = "example"
ONLY_DRAWN = ("reference_line", "split", "utility_axis", "disparity_axis", "intervals", "transfer")
RIVAL_SETS = ("weights", "all")
Query = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Choices:
    """Everything that a user can choose. Values of the file are held as labels, so that a link can carry them.

    source: name in the catalog, or "upload"; file: first digits of the uploaded table's fingerprint; strength None:
    the recommended one; utility_budget None: the engine's default; min_accuracy None: no floor; also: other goals
    that the weights close by the same share; pinned: cohorts
    "COLUMN=VALUE", then row ids ascending; reference_line None: no line is drawn; disparity_axis None: the goal's;
    rivals: other methods to run, "weights" or "all", which is Fairlearn's too.
    """

    source: str = EXAMPLE
    file: str | None = None
    target: str | None = None
    favorable: str | None = None
    sensitive: tuple[str, ...] = ()
    bins: Mapping[str, tuple[float, ...]] = field(default_factory=dict, hash=False)
    reference: str | None = None
    drop: tuple[str, ...] = ()
    use_sensitive_as_feature: bool = False
    metric: str = "equalized_odds"
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

    @property
    def complete(self) -> bool:
        """Whether outcome, favorable value and a sensitive attribute are chosen."""
        return self.target is not None and self.favorable is not None and bool(self.sensitive)

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
        )

    def options(self) -> dict[str, Any]:
        """The keyword options of `Study`."""
        names = (
            "metric",
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
        return {name: getattr(self, name) for name in names}

    def with_target(self, target: str | None) -> Choices:
        """Another outcome: its favorable value is asked anew, and it stops being group or dropped column."""
        sensitive = tuple(name for name in self.sensitive if name != target)
        kept = self.with_sensitive(sensitive, {}) if sensitive != self.sensitive else self
        drop = tuple(name for name in self.drop if name != target)
        return replace(kept, target=target, favorable=None, drop=drop)

    def with_sensitive(self, sensitive: Sequence[str], suggested: Mapping[str, tuple[float, ...]]) -> Choices:
        """Other sensitive attributes: known bins stay, new columns take the suggested, the reference is open again."""
        bins = {name: self.bins.get(name, suggested.get(name, ())) for name in sensitive}
        return replace(
            self,
            sensitive=tuple(sensitive),
            bins={name: cuts for name, cuts in bins.items() if cuts},
            reference=None,
        )


def variants_of(model: str) -> tuple[str, ...]:
    """The variants that work with a model: efficient needs a logistic one."""
    return VARIANTS if model == "logistic" else tuple(variant for variant in VARIANTS if variant != "efficient")


def preset(source: str) -> Choices:
    """The choices that a source starts with: the catalog's task, or nothing chosen for an upload."""
    for entry in DATASETS:
        if entry.name == source:
            task = entry.task
            return Choices(
                source=source,
                target=task.target,
                favorable=value_label(task.favorable),
                sensitive=task.sensitive_columns,
                bins={name: tuple(float(cut) for cut in cuts) for name, cuts in (task.bins or {}).items()},
                reference=None if task.reference is None else value_label(task.reference),
                drop=task.drop,
                use_sensitive_as_feature=task.use_sensitive_as_feature,
            )
    return Choices(source=source)


# ----------------------------------------------------------------------------------------------------------- links


def to_query(choices: Choices) -> dict[str, list[str]]:
    """Query parameters of the choices that differ from their source's preset."""
    usual = preset(choices.source)
    query = {} if choices.source == EXAMPLE else {"source": [choices.source]}
    for entry in fields(Choices):
        value = getattr(choices, entry.name)
        if entry.name != "source" and value != getattr(usual, entry.name):
            query[entry.name] = _texts(value)
    return query


def from_query(query: Query) -> tuple[Choices, list[str]]:
    """The choices of a link, and a sentence for each part of it that could not be used."""
    problems: list[str] = []
    source = next(iter(query.get("source", ())), EXAMPLE)
    if source != UPLOAD and source not in {entry.name for entry in DATASETS}:
        problems.append(f"The link names the source '{shorten(source)}', which is not known; the example is shown.")
        source = EXAMPLE
    choices = preset(source)
    for name, read in _READERS.items():
        if name in query:
            try:
                choices = replace(choices, **{name: read(list(query[name]))})
            except (ValueError, OverflowError):
                shown = shorten(", ".join(query[name]))
                problems.append(f"The link's {name.replace('_', ' ')} '{shown}' cannot be used; its default is.")
    if choices.variant not in variants_of(choices.model):
        problems.append(f"The link's variant '{choices.variant}' does not go with its model; its default is used.")
        choices = replace(choices, variant=Choices.variant)
    return choices, problems


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
    return replace(choices, **{name: getattr(Choices, name) for name in ONLY_DRAWN})


_TITLES = {
    "target": "outcome",
    "favorable": "favorable value",
    "sensitive": "sensitive attribute",
    "bins": "bins",
    "reference": "reference group",
    "drop": "columns left out",
    "use_sensitive_as_feature": "sensitive attribute as a feature",
    "metric": "goal",
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


def _shown(name: str, value: Any) -> str:
    if name == "metric":
        return GOAL_TITLES[value]
    if name == "rivals":
        return "all" if value == "all" else "weights only"
    if value is None:
        return {"strength": "recommended", "reference": "suggested", "utility_budget": "default"}.get(name, "none")
    if name == "use_sensitive_as_feature":
        return "yes" if value else "no"
    return ", ".join(shorten(text, 40) for text in _texts(value)) or "none"


def _texts(value: Any) -> list[str]:
    if value is None:
        return [""]
    if isinstance(value, bool):
        return ["yes" if value else "no"]
    if isinstance(value, float):
        return [value_label(value)]
    if isinstance(value, Mapping):
        return [f"{name}:{','.join(map(value_label, cuts))}" for name, cuts in value.items()] or [""]
    if isinstance(value, tuple):
        texts, numbers = ([one for one in value if isinstance(one, kind)] for kind in (str, int))
        return [*texts, *([",".join(map(str, numbers))] if numbers else [])] or [""]
    return [str(value)]


def _one(texts: list[str]) -> str:
    if len(texts) != 1:
        raise ValueError("given more than once")
    return texts[0]


def _text(texts: list[str]) -> str | None:
    return _one(texts) or None


def _names(texts: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text))


def in_order(pins: Iterable[int | str]) -> tuple[int | str, ...]:
    """Each pin once, cohorts as they come and then row ids ascending, so that the same pins are the same choice."""
    names = pin_names(pins)
    return (*(name for name in names if isinstance(name, str)), *sorted(n for n in names if isinstance(n, int)))


def parse_rows(text: str) -> tuple[int, ...]:
    """Row numbers written as "12, 405"; ValueError for anything that is no whole number of at least 0."""
    parts = text.replace(",", " ").replace(";", " ").split()
    if not all(part.isascii() and part.isdigit() and len(part) < 16 for part in parts):
        raise ValueError("no row numbers")
    return tuple(sorted({int(part) for part in parts}))


def _pins(texts: list[str]) -> tuple[int | str, ...]:
    cohorts = [text for text in texts if "=" in text]
    rows = [row for text in texts if "=" not in text for row in parse_rows(text)]
    return in_order([*cohorts, *rows])


def _bins(texts: list[str]) -> dict[str, tuple[float, ...]]:
    bins = {}
    for text in texts:
        if text:
            name, colon, cuts = text.rpartition(":")
            if not colon:
                raise ValueError("no column is named")
            bins[name] = parse_cuts(cuts)
    return bins


def parse_cuts(text: str) -> tuple[float, ...]:
    """Cut points written as "25, 60"; empty text gives none. Raises ValueError where they are not rising numbers."""
    cuts = tuple(_finite(part) for part in text.replace(";", ",").split(",") if part.strip())
    if any(high <= low for low, high in itertools.pairwise(cuts)):
        raise ValueError("not rising")
    return cuts


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("not a finite number")
    return number


def _yes(texts: list[str]) -> bool:
    return {"yes": True, "no": False}[text] if (text := _one(texts)) in ("yes", "no") else _refuse()


def _refuse() -> Any:
    raise ValueError("not one of the allowed values")


def _among(allowed: Sequence[str]) -> Callable[[list[str]], str]:
    return lambda texts: text if (text := _one(texts)) in allowed else _refuse()


def _several(allowed: Collection[str]) -> Callable[[list[str]], tuple[str, ...]]:
    return lambda texts: names if set(names := _names(texts)) <= set(allowed) else _refuse()


def _between(low: float, high: float, *, optional: bool = False) -> Callable[[list[str]], float | None]:
    def read(texts: list[str]) -> float | None:
        text = _one(texts)
        if optional and text == "":
            return None
        number = _finite(text)
        return number if low <= number <= high else _refuse()

    return read


def _seed(texts: list[str]) -> int:
    number = int(_one(texts))
    return number if 0 <= number < 2**32 else _refuse()


_READERS: dict[str, Callable[[list[str]], Any]] = {
    "file": _text,
    "target": _text,
    "favorable": _text,
    "sensitive": _names,
    "bins": _bins,
    "reference": _text,
    "drop": _names,
    "use_sensitive_as_feature": _yes,
    "metric": _among(GOALS),
    "variant": _among(VARIANTS),
    "model": _among(MODELS),
    "strength": _between(0.0, MAX_STRENGTH, optional=True),
    "utility_budget": _between(0.0, 1.0, optional=True),
    "max_weight": _between(1.01, 1000.0),
    "min_effective_sample_size": _between(0.0, 1.0),
    "min_accuracy": _between(0.0, 1.0, optional=True),
    "pinned": _pins,
    "also": _several(GOALS),
    "seed": _seed,
    "reference_line": _between(0.0, 1.0, optional=True),
    "split": _among(SPLITS[1:]),
    "utility_axis": _among(UTILITIES),
    "disparity_axis": _among(DISPARITIES),
    "intervals": _yes,
    "transfer": _several(TRANSFER_MODELS),
    "rivals": _among(RIVAL_SETS),
}
