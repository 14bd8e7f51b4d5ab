"""A study -> the shell command and the Python that run it again."""

from __future__ import annotations

import shlex
from typing import Any

import numpy as np

from iffair_core.data.catalog import DATASETS
from iffair_core.data.task import value_label
from iffair_core.results import StudyResult
from iffair_core.rivals.registry import rivals_text
from iffair_core.smallest import SmallestFix

RESULTS = "results"


def command_line(result: StudyResult, path: str, out: str = RESULTS, fix: SmallestFix | None = None) -> str:
    """The shell command that runs the study again on `path` (a file, or the name of a data set) and writes to `out`.

    With `fix`, it asks for that smallest fix too.
    """
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
    if fix is not None:
        lines[1:1] = ["from iffair_core.smallest import smallest_fix"]
        lines += [f"fix = smallest_fix(result, {float(fix.target)!r}, {fix.by!r})", "print(fix.rows, fix.disparity)"]
    return "\n".join(lines) + "\n"


def independent_check(result: StudyResult) -> str:
    """How the scores after reweighting can be had without this program, or why they cannot."""
    if result.config.model == "logistic":
        return (
            f"scikit-learn's LogisticRegression(C={result.config.C:g}), fitted on the training lines of design.parquet "
            "with the weights of rows.csv, gives the scores of rows.csv."
        )
    return (
        "A network has many optima, and the study's refits follow one of them along the curve. The same command gives "
        "the same scores; another program that starts elsewhere gives others, with the weights of rows.csv too."
    )


def _bare(value: Any) -> object:
    """A numpy scalar as the Python number that its repr can be read back from."""
    return value.item() if isinstance(value, np.generic) else value
