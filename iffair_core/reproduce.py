"""A study -> the shell command and the Python that run it again."""

from __future__ import annotations

import shlex
from typing import Any

import numpy as np

from iffair_core.data.catalog import DATASETS
from iffair_core.data.task import value_label
from iffair_core.results import StudyResult

RESULTS = "results"


def command_line(result: StudyResult, path: str, out: str = RESULTS) -> str:
    """The shell command that runs the study again on `path` (a file, or the name of a data set) and writes to `out`."""
    task, config = result.dataset.task.task, result.config
    words = ["python", "-m", "iffair_core", "run", f"./{path}" if path.startswith("-") else path]

    def option(name: str, value: object) -> None:
        text = str(value)
        words.extend([f"--{name}={text}"] if text.startswith("-") else [f"--{name}", text])

    option("target", task.target)
    option("favorable", value_label(task.favorable))
    for column in task.sensitive_columns:
        option("sensitive", column)
    option("reference", result.dataset.reference)
    for column in task.drop:
        option("drop", column)
    for column, cuts in (task.bins or {}).items():
        option("bins", f"{column}={','.join(value_label(cut) for cut in cuts)}")
    option("use-sensitive-as-feature", "yes" if task.use_sensitive_as_feature else "no")
    option("metric", config.metric)
    option("variant", config.variant)
    for name in ("strength", "utility_budget", "max_weight", "min_effective_sample_size", "C"):
        value = getattr(config, name)
        if value is not None:
            option(name.replace("_", "-"), repr(float(value)))
    option("seed", config.seed)
    option("out", out)
    return shlex.join(words)


def library_snippet(result: StudyResult, path: str) -> str:
    """Python that runs the study again on `path` (a file, or the name of a data set) and leaves `result`."""
    task, config = result.dataset.task.task, result.config
    named = path in [entry.name for entry in DATASETS]
    sensitive = task.sensitive_columns
    choices: dict[str, object] = {
        "target": task.target,
        "favorable": value_label(task.favorable),
        "sensitive": sensitive[0] if len(sensitive) == 1 else sensitive,
        "reference": result.dataset.reference,
        "drop": task.drop,
        "bins": {column: [float(cut) for cut in cuts] for column, cuts in task.bins.items()} if task.bins else None,
        "use_sensitive_as_feature": bool(task.use_sensitive_as_feature),
    }
    options = {name: _bare(value) for name, value in vars(config).items()}

    def arguments(values: dict[str, object]) -> list[str]:
        return [f"    {name}={value!r}," for name, value in values.items()]

    lines = [
        f"from iffair_core import Study, Task, {'load_dataset' if named else 'read_table'}",
        "",
        f"table, _ = load_dataset({path!r})" if named else f"table = read_table({path!r})",
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
    return "\n".join(lines) + "\n"


def _bare(value: Any) -> object:
    """A numpy scalar as the Python number that its repr can be read back from."""
    return value.item() if isinstance(value, np.generic) else value
