"""A study -> the shell command and the Python that run it again."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from iffair_core.data.design import RemoteDesign
from iffair_core.data.option import options_of
from iffair_core.data.task import Task, later_choices
from iffair_core.datasets.catalog import DATASETS
from iffair_core.models import MODELS
from iffair_core.study.config import StudyConfig
from iffair_core.study.over_seeds import seeds_of
from iffair_core.study.results import StudyResult
from iffair_core.study.smallest_fix import SmallestFix

RESULTS = "results"


def task_options(task: Task, names: Collection[str] | None = None) -> list[str]:
    """The options of `run` that make the same choices as `task`, but for use-sensitive-as-feature; or those named."""
    declared = options_of(Task)
    names = declared.keys() - {"use_sensitive_as_feature"} if names is None else names
    return [
        word
        for name, one in declared.items()
        if name in names
        for text in one.words(getattr(task, name))
        for word in _option(one.flag, text)
    ]


def _option(flag: str, text: str) -> list[str]:
    return [f"--{flag}={text}"] if text.startswith("-") else [f"--{flag}", text]


def command_line(result: StudyResult, path: str, out: str = RESULTS, fix: SmallestFix | None = None) -> str:
    """The shell command that runs the study again on `path` (a file, or the name of a data set) and writes to `out`.

    With `fix`, it asks for that smallest fix too.
    """
    task, config = replace(result.dataset.task.task, reference=result.dataset.reference), result.config
    words = ["python", "-m", "iffair_core", "run", f"./{path}" if path.startswith("-") else path, *task_options(task)]

    words += _option("use-sensitive-as-feature", "yes" if task.use_sensitive_as_feature else "no")
    asked = [(name, str(value)) for name, value in result.dataset.reading.items()]
    for name, declared in options_of(StudyConfig).items():
        if name == "seed" and fix is not None:
            asked += [("target-gap", repr(float(fix.target))), ("fix-by", fix.by)]
        if name == "seed" and (seeds := seeds_of(result)) is not None:
            asked += [("seeds", str(len(seeds.runs)))]
        asked += [(declared.flag, text) for text in declared.words(getattr(config, name))]
    if isinstance(result.dataset.X, RemoteDesign):
        asked += [("engine", "dask")]
    for flag, text in [*asked, ("out", out)]:
        words += _option(flag, text)
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
    if isinstance(result.dataset.X, RemoteDesign):
        return "\n".join(_on_a_cluster(lines, path)) + "\n"
    if fix is not None:
        lines[1:1] = ["from iffair_core.study.smallest_fix import smallest_fix"]
        lines += [f"fix = smallest_fix(result, {float(fix.target)!r}, {fix.by!r})", "print(fix.rows, fix.disparity)"]
    if (seeds := seeds_of(result)) is not None:
        lines[1:1] = ["from iffair_core.study.over_seeds import over_seeds"]
        lines += [f"seeds = over_seeds(result, table, {len(seeds.runs)})", "print(seeds.recommended, seeds.change())"]
    return "\n".join(lines) + "\n"


def _on_a_cluster(lines: list[str], path: str) -> list[str]:
    """The lines of `library_snippet` for a folder of Parquet files whose rows stay on a cluster."""
    begins = lines.index("study = Study(")
    return [
        "from iffair_core import Task",
        "from iffair_core.cluster.connecting import connected",
        "from iffair_core.cluster.folder import open_folder",
        "from iffair_core.cluster.study import ClusterStudy",
        "",
        *lines[lines.index("task = Task(") : begins],
        "if __name__ == '__main__':  # workers import this file",
        "    with connected() as client:",
        "        study = ClusterStudy(",
        "            client,",
        f"            open_folder({path!r}),",
        *(f"        {line}" for line in lines[begins + 2 :]),
    ]


def independent_check(result: StudyResult) -> str:
    """How the scores after reweighting can be had without this program, or why they cannot."""
    if result.smallest_group is not None:
        return (
            "In cohort-only mode no file holds the rows' weights, so the scores cannot be had without this program; "
            "the same command gives the same numbers."
        )
    return MODELS[result.config.model].elsewhere.format(C=result.config.C)


def _bare_cuts(cuts: Sequence[float | str] | str) -> object:
    return cuts if isinstance(cuts, str) else [cut if isinstance(cut, str) else float(cut) for cut in cuts]


def _bare(value: Any) -> object:
    """A numpy scalar as the Python number that its repr can be read back from."""
    return value.item() if isinstance(value, np.generic) else value
