"""settings.json -> the choices of a study, each checked: what `files.settings` wrote, run again."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from iffair_core.data.option import options_of
from iffair_core.data.task import Task
from iffair_core.errors import ConfigError, TaskError, shorten
from iffair_core.reading.options import ReadOptions
from iffair_core.study.config import StudyConfig
from iffair_core.study.smallest_fix import require_fix
from iffair_core.telling.files import SETTINGS_SCHEMA

WAY_OUT = "Give the settings.json that `iffair run` or the Report page has written."
LARGEST = 10_000_000
"""Characters; the largest that a study has written holds the cut points and pools of a task."""


@dataclass(frozen=True)
class SavedSettings:
    """The choices of an earlier study.

    `fingerprint`: of its table. `seeds`: how many were run. `causes`: whether they were looked for. `fix`: target
    and by of its smallest fix, None without one.
    """

    task: Task
    config: StudyConfig
    reading: ReadOptions
    fingerprint: str
    seeds: int
    causes: bool
    fix: tuple[float, str] | None


def read_settings(text: str | bytes) -> SavedSettings:
    """The choices in the text of a settings.json. Raises ConfigError, which names the part that cannot be used."""
    if len(text) > LARGEST:
        raise ConfigError(f"This is no settings.json: it has more than {LARGEST:,} characters. {WAY_OUT}")
    try:
        raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"This is no settings.json: it is not JSON. {WAY_OUT}") from error
    schema = raw.get("schema") if isinstance(raw, dict) else None
    if schema != SETTINGS_SCHEMA:
        found = "it names no schema" if schema is None else f"its schema is {shorten(repr(schema), 40)}"
        raise ConfigError(f"This is no settings.json: {found}, not {SETTINGS_SCHEMA!r}. {WAY_OUT}")
    table, fix, seeds = _mapping(raw, "table"), raw.get("smallest_fix"), raw.get("seeds", 1)
    if isinstance(seeds, bool) or not isinstance(seeds, int) or seeds < 1:
        raise _unusable("seeds", seeds)
    if not isinstance(causes := raw.get("causes", False), bool):
        raise _unusable("causes", causes)
    return SavedSettings(
        _task(_mapping(raw, "task")),
        _config(_mapping(raw, "config")),
        ReadOptions.of(_mapping(table, "reading") if "reading" in table else None),
        str(table.get("fingerprint", "")),
        seeds,
        causes,
        None if fix is None else _fix(_mapping(raw, "smallest_fix")),
    )


def _mapping(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = raw.get(name)
    if not isinstance(found, dict):
        raise ConfigError(f"The settings have no {name} that can be used. {WAY_OUT}")
    return found


def _task(raw: Mapping[str, Any]) -> Task:
    for name, declared in options_of(Task).items():
        if name in raw:
            try:
                declared.labeled(raw[name])
            except (ValueError, TypeError, AttributeError, LookupError, ConfigError) as error:
                raise _unusable(declared.title or name, raw[name]) from error
            if not _KINDS.get(name, _anything)(raw[name]):
                raise _unusable(declared.title or name, raw[name])
    try:
        return Task.from_dict(raw)
    except (TaskError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError(f"The settings' task cannot be used: {shorten(error, 200)} {WAY_OUT}") from error


def _text(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _texts(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, list) and all(isinstance(one, str) for one in value))


def _value(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float)


def _anything(value: Any) -> bool:
    return True


_KINDS: dict[str, Callable[[Any], bool]] = {
    "target": lambda value: isinstance(value, str),
    "favorable": lambda value: value is not None and all(map(_value, value if isinstance(value, list) else [value])),
    "reference": _value,
    "use_sensitive_as_feature": lambda value: isinstance(value, bool),
    **dict.fromkeys(("sensitive", "drop", "missing", "exclude"), _texts),
    **dict.fromkeys(("weights", "split", "unit"), _text),
}


def _config(raw: Mapping[str, Any]) -> StudyConfig:
    try:
        return StudyConfig.from_dict(raw)
    except (TypeError, ValueError, AttributeError) as error:
        if isinstance(error, ConfigError):
            raise
        raise ConfigError(f"The settings' config has a value of the wrong kind. {WAY_OUT}") from error


def _fix(raw: Mapping[str, Any]) -> tuple[float, str]:
    target, by = raw.get("target"), raw.get("by")
    if isinstance(target, bool) or not isinstance(target, int | float) or not isinstance(by, str):
        raise _unusable("smallest fix", dict(raw))
    require_fix(float(target), by)
    return float(target), by


def _unusable(what: str, value: Any) -> ConfigError:
    return ConfigError(f"The settings' {what} cannot be used: {shorten(repr(value), 80)}. {WAY_OUT}")
