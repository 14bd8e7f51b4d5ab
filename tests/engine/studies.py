"""Tables and finished studies that tests of the engine and of the pages share, each computed once per process."""

from __future__ import annotations

import json
import runpy
import sys
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd

from iffair_core import Study, StudyResult, Task
from iffair_core.datasets.catalog import load_dataset
from iffair_core.reading.door import table_fingerprint
from iffair_core.study.config import StudyConfig
from iffair_core.study.over_seeds import OverSeeds, over_seeds

HOSTILE_GROUPS = ("=1+1", "-5", '@cmd, "quoted"', "<script>alert(1)</script>", "Zoë\u2028{{7*7}}")
HOSTILE_TARGET = "-y </script><b>"
HOSTILE_FAVORABLE = "+yes' & $HOME"
HOSTILE_FEATURE = 'x"> <img src=http://example.org/x onerror=alert(1)>'


def plain_table(rows: int = 400, seed: int = 0) -> pd.DataFrame:
    """Two groups with unlike outcome rates, one number with gaps, one category."""
    rng = np.random.default_rng(seed)
    group = rng.choice(["A", "B"], rows)
    x = rng.normal(size=rows) + 0.8 * (group == "A")
    outcome = (x + rng.normal(size=rows) > 0.3).astype(int)
    x[rng.random(rows) < 0.05] = np.nan
    age = rng.integers(18, 80, rows)
    return pd.DataFrame({"x": x, "c": rng.choice(list("uvw"), rows), "g": group, "age": age, "y": outcome})


def hostile_table(rows: int = 600) -> pd.DataFrame:
    """Names and values that try to be a formula, markup, a template, an option or a shell word."""
    rng = np.random.default_rng(1)
    group = rng.integers(0, len(HOSTILE_GROUPS), rows)
    x = rng.normal(size=rows) - 0.4 * group
    outcome = np.where(x + rng.normal(size=rows) > -0.8, HOSTILE_FAVORABLE, "no")
    outcome[::97] = ""
    return pd.DataFrame(
        {
            HOSTILE_FEATURE: x,
            "row_id": rng.normal(size=rows),
            "--drop me": rng.normal(size=rows),
            "group = g": np.asarray(HOSTILE_GROUPS)[group],
            "age=n": rng.integers(18, 80, rows),
            HOSTILE_TARGET: pd.Series(outcome).replace("", np.nan),
        }
    )


HOSTILE_TASK = Task(
    HOSTILE_TARGET,
    HOSTILE_FAVORABLE,
    ("group = g", "age=n"),
    drop=("--drop me",),
    bins={"age=n": (48.5,)},
    use_sensitive_as_feature=True,
)


_example: dict[StudyConfig, StudyResult] = {}


def example_study(**options: Any) -> StudyResult:
    """The embedded example's study, with the product's defaults but for `options`."""
    wanted = StudyConfig.from_dict(options)
    if wanted not in _example:
        table, task = load_dataset("example")
        study = Study(table, task, name="example", **options)
        _example[wanted] = study.run(previous=next(iter(_example.values()), None))
    return _example[wanted]


@cache
def _example_fingerprint() -> str:
    return table_fingerprint(load_dataset("example")[0])


def remember(study: Study, result: StudyResult) -> None:
    """Keep a study that somebody else has run, where it is one of the embedded example's."""
    if result.fingerprint == _example_fingerprint() and study.task.to_dict() == load_dataset("example")[1].to_dict():
        _example.setdefault(study.config, result)


@cache
def example_seeds(**options: Any) -> tuple[StudyResult, OverSeeds]:
    """The study of the example's first 1,500 rows, and the same over three seeds."""
    table, task = load_dataset("example")
    table = table.head(1500)
    options = {"metric": "demographic_parity", "rivals": "reweighing,label_bias"} | options
    result = Study(table, task, name="example", **options).run()
    return result, over_seeds(result, table, 3)


@cache
def plain_study(rows: int = 400, **options: Any) -> StudyResult:
    """The study of `plain_table(rows)`, with the product's defaults but for `options`."""
    return Study(plain_table(rows), Task("y", 1, "g"), name="plain.csv", **options).run()


@cache
def hostile_study() -> StudyResult:
    table = hostile_table()
    options = {"metric": "demographic_parity", "variant": "uniform", "strength": 0.33, "seed": 7}
    return Study(table, HOSTILE_TASK, name="-odd <b> name.csv", **options).run()


def run_script(text: str, folder: Path) -> dict[str, Any]:
    """The names that a reproduce.py leaves when it is run in a folder."""
    script = folder / "reproduce.py"
    script.write_text(text, encoding="utf-8")
    with patch.object(sys, "argv", [str(script)]):
        return runpy.run_path(str(script))


def without_seconds(summary: str | bytes) -> str:
    """The text of a summary.json but for what was timed."""
    found = json.loads(summary)
    del found["timing"]
    for one in found["transfer"]:
        del one["seconds"]
    return json.dumps(found, indent=2)
