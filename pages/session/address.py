"""The choices as the query parameters of a link, and back: any address can be shared, and nothing in it is trusted."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

from iffair_core.data.encoding import SPLITS
from iffair_core.data.row_selectors import pin_names
from iffair_core.datasets.catalog import DATASETS
from iffair_core.errors import ConfigError, shorten
from iffair_core.metrics import DISPARITIES, GOALS, UTILITIES
from iffair_core.models import MODELS
from iffair_core.path import MAX_STRENGTH
from iffair_core.reading.options import ReadOptions
from iffair_core.reading.types import TYPES
from iffair_core.reweighting import VARIANTS
from iffair_core.study.classifiers import TRANSFER_MODELS
from pages.session.settings import EXAMPLE, RIVAL_SETS, UPLOAD, Choices, Cuts, preset, quantiles, texts, variants_of

Query = Mapping[str, Sequence[str]]
_LINK_NAMES = {"goal": "metric"}


def to_query(choices: Choices) -> dict[str, list[str]]:
    """Query parameters of the choices that differ from their source's preset."""
    usual = preset(choices.source)
    query = {} if choices.source == EXAMPLE else {"source": [choices.source]}
    for entry in fields(Choices):
        value = getattr(choices, entry.name)
        if entry.name != "source" and value != getattr(usual, entry.name):
            query[_LINK_NAMES.get(entry.name, entry.name)] = _WRITERS.get(entry.name, _written)(value) or [""]
    return query


def from_query(query: Query) -> tuple[Choices, list[str]]:
    """The choices of a link, and a sentence for each part of it that could not be used."""
    problems: list[str] = []
    source = next(iter(query.get("source", ())), EXAMPLE)
    if source != UPLOAD and source not in {entry.name for entry in DATASETS}:
        problems.append(f"The link names the source '{shorten(source)}', which is not known; the example is shown.")
        source = EXAMPLE
    choices = preset(source)
    for choice, read in _READERS.items():
        name = _LINK_NAMES.get(choice, choice)
        if name in query:
            try:
                choices = replace(choices, **{choice: read(list(query[name]))})
            except (ValueError, OverflowError, RecursionError, ConfigError):
                shown = shorten(", ".join(query[name]))
                problems.append(f"The link's {name.replace('_', ' ')} '{shown}' cannot be used; its default is.")
    if choices.variant not in variants_of(choices.model):
        problems.append(f"The link's variant '{choices.variant}' does not go with its model; its default is used.")
        choices = replace(choices, variant=Choices.variant)
    return choices, problems


# ----------------------------------------------------------------------------------------------------------- writing


def _written(value: Any) -> list[str]:
    if value is None:
        return [""]
    if isinstance(value, bool):
        return ["yes" if value else "no"]
    return texts(value)


def _written_map(value: Mapping[str, str | int]) -> list[str]:
    return [f"{name}:{one}" for name, one in value.items()]


def _written_bins(value: Mapping[str, Cuts]) -> list[str]:
    """Cuts as "age:25,60"; 4 quantiles as "age:q4", which no cut point can be."""
    return [
        f"{name}:q{quantiles(cuts)}" if isinstance(cuts, str) else f"{name}:{','.join(texts(cuts))}"
        for name, cuts in value.items()
    ]


def _written_pool(value: Mapping[str, Mapping[str, tuple[str, ...]]]) -> list[str]:
    """Each pool as a JSON list: column, new name, values. Any of them may hold any character."""
    rows = [[column, name, *held] for column, pools in value.items() for name, held in pools.items()]
    return [json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows]


_WRITERS: dict[str, Callable[[Any], list[str]]] = {
    "reading": _written_map,
    "types": _written_map,
    "bins": _written_bins,
    "pool": _written_pool,
}


# ----------------------------------------------------------------------------------------------------------- reading


def _one(given: list[str]) -> str:
    if len(given) != 1:
        raise ValueError("given more than once")
    return given[0]


def _text(given: list[str]) -> str | None:
    return _one(given) or None


def _names(given: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in given if text))


def _favorable(given: list[str]) -> str | tuple[str, ...] | None:
    return _names(given) or None


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


def _pins(given: list[str]) -> tuple[int | str, ...]:
    cohorts = [text for text in given if "=" in text]
    rows = [row for text in given if "=" not in text for row in parse_rows(text)]
    return in_order([*cohorts, *rows])


def _pairs(given: list[str]) -> Iterable[tuple[str, str]]:
    for text in given:
        if text:
            name, colon, value = text.rpartition(":")
            if not colon:
                raise ValueError("no column is named")
            yield name, value


def _bins(given: list[str]) -> dict[str, Cuts]:
    bins: dict[str, Cuts] = {}
    for name, cuts in _pairs(given):
        counted = f"quantiles:{cuts[1:]}" if cuts.startswith("q") else ""
        bins[name] = counted if quantiles(counted) else parse_cuts(cuts)
    return bins


def _types(given: list[str]) -> dict[str, str]:
    types = dict(_pairs(given))
    return types if set(types.values()) <= set(TYPES) else _refuse()


def _reading(given: list[str]) -> dict[str, str | int]:
    parts = [text.partition(":") for text in given if text]
    options = {name: int(value) if name == "header" else value for name, _, value in parts}
    if set(options) - set(ReadOptions.__dataclass_fields__) or not all(colon for _, colon, _ in parts):
        raise ValueError("no option of reading")
    return ReadOptions(**options).given()  # type: ignore[arg-type]


def _pool(given: list[str]) -> dict[str, dict[str, tuple[str, ...]]]:
    pool: dict[str, dict[str, tuple[str, ...]]] = {}
    for text in given:
        if text:
            row = json.loads(text)
            if not isinstance(row, list) or len(row) < 3 or not all(isinstance(part, str) for part in row):
                raise ValueError("no pool")
            pool.setdefault(row[0], {})[row[1]] = tuple(row[2:])
    return pool


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


def _yes(given: list[str]) -> bool:
    return {"yes": True, "no": False}[text] if (text := _one(given)) in ("yes", "no") else _refuse()


def _refuse() -> Any:
    raise ValueError("not one of the allowed values")


def _among(allowed: Sequence[str]) -> Callable[[list[str]], str]:
    return lambda given: text if (text := _one(given)) in allowed else _refuse()


def _several(allowed: Collection[str]) -> Callable[[list[str]], tuple[str, ...]]:
    return lambda given: names if set(names := _names(given)) <= set(allowed) else _refuse()


def _between(low: float, high: float, *, optional: bool = False) -> Callable[[list[str]], float | None]:
    def read(given: list[str]) -> float | None:
        text = _one(given)
        if optional and text == "":
            return None
        number = _finite(text)
        return number if low <= number <= high else _refuse()

    return read


def _whole(low: int, high: int, *, optional: bool = False) -> Callable[[list[str]], int | None]:
    def read(given: list[str]) -> int | None:
        text = _one(given)
        if optional and text == "":
            return None
        return number if low <= (number := int(text)) <= high else _refuse()

    return read


_READERS: dict[str, Callable[[list[str]], Any]] = {
    "file": _text,
    "reading": _reading,
    "types": _types,
    "missing": _names,
    "exclude": _names,
    "target": _text,
    "favorable": _favorable,
    "sensitive": _names,
    "bins": _bins,
    "pool": _pool,
    "reference": _text,
    "drop": _names,
    "use_sensitive_as_feature": _yes,
    "weights": _text,
    "split_column": _text,
    "unit": _text,
    "smallest_group": _whole(2, 1_000_000, optional=True),
    "goal": _among(GOALS),
    "variant": _among(VARIANTS),
    "model": _among(MODELS),
    "strength": _between(0.0, MAX_STRENGTH, optional=True),
    "utility_budget": _between(0.0, 1.0, optional=True),
    "max_weight": _between(1.01, 1000.0),
    "min_effective_sample_size": _between(0.0, 1.0),
    "min_accuracy": _between(0.0, 1.0, optional=True),
    "pinned": _pins,
    "also": _several(GOALS),
    "seed": _whole(0, 2**32 - 1),
    "reference_line": _between(0.0, 1.0, optional=True),
    "split": _among(SPLITS[1:]),
    "utility_axis": _among(UTILITIES),
    "disparity_axis": _among(DISPARITIES),
    "intervals": _yes,
    "transfer": _several(TRANSFER_MODELS),
    "rivals": _among(RIVAL_SETS),
}
