"""settings.json: what was written is read again, and what cannot be used names its part."""

from __future__ import annotations

import json

import pytest

from iffair_core.errors import ConfigError
from iffair_core.telling import files
from iffair_core.telling.saved_settings import LARGEST, read_settings
from tests.engine.studies import hostile_study, plain_study

JUNK = [5, "x", [], {}, [1], {"a": 5}, None, True, -1, float("inf"), [[]], {"a": {"b": [1]}}, "\ud800", [None]]


@pytest.mark.parametrize("study", [plain_study, hostile_study])
def test_what_a_study_has_written_is_read_again(study):
    result = study()
    saved = read_settings(files.settings_json(result))
    assert saved.task == result.dataset.task.task and saved.config == result.config
    assert saved.fingerprint == result.fingerprint and saved.seeds == 1 and saved.fix is None
    assert saved.reading.given() == dict(result.dataset.reading)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not JSON"), (b"\xff\xfe\x00", "not JSON"), ("[" * 100_000, "not JSON"), ("[1, 2]", "names no schema"),
        ('{"schema": "iffair/summary/1"}', "its schema is 'iffair/summary/1'"), ('{"schema": [1]}', "its schema is"),
        ('{"schema": "iffair/settings/1"}', "no table"), ("x" * (LARGEST + 1), "more than"),
    ],
)  # fmt: skip
def test_another_file_is_refused_with_the_way_out(text, said):
    with pytest.raises(ConfigError, match=r"Give the settings\.json that") as refused:
        read_settings(text)
    assert said in str(refused.value)


def test_any_wrong_value_is_refused_or_a_value_that_a_study_can_have():
    whole = json.loads(files.settings_json(hostile_study()))
    refused = 0
    for part in ("task", "config", "table", None):
        for name in [*(whole if part is None else whole[part]), "unknown"]:
            for junk in JUNK:
                changed = json.loads(json.dumps(whole))
                (changed if part is None else changed[part])[name] = junk
                try:
                    read_settings(json.dumps(changed))
                except ConfigError as error:
                    refused += len(str(error)) < 700
    assert refused > 250


@pytest.mark.parametrize(
    ("part", "name", "value", "said"),
    [
        ("task", "target", ["y"], "outcome cannot be used"), ("task", "bins", {"age": "x"}, "bins cannot be used"),
        ("config", "strength", 7, "strength is 7"), ("config", "speed", 1, "no option 'speed'"),
        ("config", "metric", "justice", "justice"), ("task", "colour", 1, "unknown entries: colour"),
    ],
)  # fmt: skip
def test_the_part_that_cannot_be_used_is_named(part, name, value, said):
    changed = json.loads(files.settings_json(plain_study()))
    changed[part][name] = value
    with pytest.raises(ConfigError, match=said):
        read_settings(json.dumps(changed))
