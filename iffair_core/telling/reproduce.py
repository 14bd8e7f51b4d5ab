"""A study -> the shell command and the Python that run it again."""

from __future__ import annotations

import csv
import io
import json
import shlex
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from iffair_core.data.task import Task, later_choices
from iffair_core.datasets.catalog import DATASETS
from iffair_core.reading.values import value_label
from iffair_core.rivals.registry import rivals_text
from iffair_core.study.results import StudyResult
from iffair_core.study.smallest_fix import SmallestFix

RESULTS = "results"


def task_options(task: Task) -> list[str]:
    """The options of `run` that make the same choices as `task`, but for use-sensitive-as-feature."""
    parts = task.reference if isinstance(task.reference, tuple) else (task.reference,)
    wanted: list[tuple[str, object]] = [("target", task.target)]
    wanted += [("favorable", label) for label in task.favorable_labels]
    wanted += [("sensitive", column) for column in task.sensitive_columns]
    if task.reference is not None:
        wanted.append(("reference", " / ".join(value_label(part) for part in parts)))
    wanted += [("drop", column) for column in task.drop]
    for column, cuts in (task.bins or {}).items():
        text = cuts if isinstance(cuts, str) else ",".join(value_label(cut) for cut in cuts)
        wanted.append(("bins", f"{column}={text}"))
    wanted += [("type", f"{column}={kind}") for column, kind in (task.types or {}).items()]
    wanted += [("missing", marker) for marker in task.missing]
    for column, names in (task.pool or {}).items():
        for name, values in names.items():
            wanted.append(("pool", pool_text(column, name, [value_label(value) for value in values])))
    wanted += [("exclude", condition) for condition in task.exclude]
    later = {"weights": task.weights, "split-column": task.split, "unit": task.unit}
    later["smallest-group"] = None if task.smallest_group is None else str(task.smallest_group)
    wanted += [(name, value) for name, value in later.items() if value is not None]
    return [word for name, value in wanted for word in _option(name, value)]


def _option(name: str, value: object) -> list[str]:
    text = str(value)
    return [f"--{name}={text}"] if text.startswith("-") else [f"--{name}", text]


def pool_text(column: str, name: str, values: Sequence[str]) -> str:
    """COL:NAME=V1,V2 as `parse_pool` reads it; a JSON list where the column or the name holds such signs itself."""
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="").writerow(values)
    text = f"{column}:{name}={buffer.getvalue()}"
    plain = not column.startswith("[") and not any(mark in column + name for mark in ":=")
    return text if plain and text.isprintable() else json.dumps([column, name, *values])


def parse_pool(text: str) -> tuple[str, str, list[str]]:
    """(column, name, values) of COL:NAME=V1,V2, values quoted as in a CSV file, or of a JSON list of all of them.

    Raises ValueError where it is neither.
    """
    if text.startswith("["):
        parts = json.loads(text)
        if not all(isinstance(part, str) for part in parts):
            raise ValueError("not texts only")
        column, name, *values = parts
    else:
        head, _, listed = text.partition("=")
        column, _, name = head.partition(":")
        values = next(csv.reader([listed], skipinitialspace=True), [])
    if not (column and name and values):
        raise ValueError("no column, name and values")
    return column, name, values


def command_line(result: StudyResult, path: str, out: str = RESULTS, fix: SmallestFix | None = None) -> str:
    """The shell command that runs the study again on `path` (a file, or the name of a data set) and writes to `out`.

    With `fix`, it asks for that smallest fix too.
    """
    task, config = replace(result.dataset.task.task, reference=result.dataset.reference), result.config
    words = ["python", "-m", "iffair_core", "run", f"./{path}" if path.startswith("-") else path, *task_options(task)]

    def option(name: str, value: object) -> None:
        words.extend(_option(name, value))

    option("use-sensitive-as-feature", "yes" if task.use_sensitive_as_feature else "no")
    for name, value in result.dataset.reading.items():
        option(name, value)
    option("metric", config.goal)
    for goal in config.also:
        option("also", goal)
    option("variant", config.variant)
    option("model", config.model)
    for name in ("strength", "utility_budget", "max_weight", "min_effective_sample_size", "min_accuracy", "C"):
        value = getattr(config, name)
        if value is not None:
            option(name.replace("_", "-"), repr(float(value)))
    for pin in config.pinned:
        option("pin", pin)
    if fix is not None:
        option("target-gap", repr(float(fix.target)))
        option("fix-by", fix.by)
    option("seed", config.seed)
    for name in config.transfer:
        option("transfer", name)
    option("rivals", rivals_text(config.rivals))
    option("out", out)
    return shlex.join(words)


def library_snippet(result: StudyResult, path: str, fix: SmallestFix | None = None) -> str:
    """Python that runs the study again on `path` (a file, or the name of a data set) and leaves `result`.

    With `fix`, it leaves that smallest fix as `fix`.
    """
    task, config = result.dataset.task.task, result.config
    named = path in [entry.name for entry in DATASETS]
    sensitive, favorable = task.sensitive_columns, task.favorable_labels
    reading = f", options={dict(result.dataset.reading)!r}" if result.dataset.reading else ""
    choices: dict[str, object] = {
        "target": task.target,
        "favorable": favorable[0] if len(favorable) == 1 else favorable,
        "sensitive": sensitive[0] if len(sensitive) == 1 else sensitive,
        "reference": result.dataset.reference,
        "drop": task.drop,
        "bins": {column: _bare_cuts(cuts) for column, cuts in task.bins.items()} if task.bins else None,
        "use_sensitive_as_feature": bool(task.use_sensitive_as_feature),
        **later_choices(task),
    }
    options = {name: _bare(value) for name, value in config.to_dict().items()}

    def arguments(values: dict[str, object]) -> list[str]:
        return [f"    {name}={value!r}," for name, value in values.items()]

    lines = [
        f"from iffair_core import Study, Task, {'load_dataset' if named else 'read_table'}",
        "",
        f"table, _ = load_dataset({path!r})" if named else f"table = read_table({path!r}{reading})",
        "task = Task(",
        *arguments(choices),
        ")",
        "study = Study(",
        "    table,",
        "    task,",
        *arguments({**options, "name": result.name}),
        ")",
        "result = study.run()",
        "print(result.strength)",
        'print(result.after["test"].values)',
    ]
    if fix is not None:
        lines[1:1] = ["from iffair_core.study.smallest_fix import smallest_fix"]
        lines += [f"fix = smallest_fix(result, {float(fix.target)!r}, {fix.by!r})", "print(fix.rows, fix.disparity)"]
    return "\n".join(lines) + "\n"


def independent_check(result: StudyResult) -> str:
    """How the scores after reweighting can be had without this program, or why they cannot."""
    if result.smallest_group is not None:
        return (
            "In cohort-only mode no file holds the rows' weights, so the scores cannot be had without this program; "
            "the same command gives the same numbers."
        )
    if result.config.model == "logistic":
        return (
            f"scikit-learn's LogisticRegression(C={result.config.C:g}), fitted on the training lines of design.parquet "
            "with the weights of rows.csv, gives the scores of rows.csv."
        )
    return (
        "A network has many optima, and the study's refits follow one of them along the curve. The same command gives "
        "the same scores; another program that starts elsewhere gives others, with the weights of rows.csv too."
    )


def _bare_cuts(cuts: Sequence[float] | str) -> object:
    return cuts if isinstance(cuts, str) else [float(cut) for cut in cuts]


def _bare(value: Any) -> object:
    """A numpy scalar as the Python number that its repr can be read back from."""
    return value.item() if isinstance(value, np.generic) else value
