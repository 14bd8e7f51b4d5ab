"""A study -> the shell command and the Python that run it again."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from iffair_core.causes.found import causes_of
from iffair_core.data.design import RemoteDesign
from iffair_core.data.option import options_of
from iffair_core.data.task import Task
from iffair_core.datasets.catalog import DATASETS
from iffair_core.errors import listing
from iffair_core.models import MODELS
from iffair_core.study.config import StudyConfig
from iffair_core.study.over_seeds import seeds_of
from iffair_core.study.results import StudyResult
from iffair_core.study.smallest_fix import SmallestFix
from iffair_core.telling.files import software

RESULTS, REPRODUCED = "results", "reproduced"
_HOMES = {
    "find_causes": "iffair_core.causes.found",
    "connected": "iffair_core.cluster.connecting",
    "open_folder": "iffair_core.cluster.folder",
    "ClusterStudy": "iffair_core.cluster.study",
    "typed": "iffair_core.data.resolving",
    "table_fingerprint": "iffair_core.reading.door",
    "over_seeds": "iffair_core.study.over_seeds",
    "smallest_fix": "iffair_core.study.smallest_fix",
}
"""Where the script finds what not every study needs."""


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
    task, config = result.dataset.task.task, result.config
    words = ["python", "-m", "iffair_core", "run", f"./{path}" if path.startswith("-") else path, *task_options(task)]

    words += _option("use-sensitive-as-feature", "yes" if task.use_sensitive_as_feature else "no")
    asked = [(name, str(value)) for name, value in result.dataset.reading.items()]
    for name, declared in options_of(StudyConfig).items():
        if name == "seed" and fix is not None:
            asked += [("target-gap", repr(float(fix.target))), ("fix-by", fix.by)]
        if name == "seed" and (seeds := seeds_of(result)) is not None:
            asked += [("seeds", str(len(seeds.runs)))]
        asked += [(declared.flag, text) for text in declared.words(getattr(config, name))]
    if on_cluster(result):
        asked += [("engine", "dask")]
    words += [] if causes_of(result) is None else ["--causes"]
    for flag, text in [*asked, ("out", out)]:
        words += _option(flag, text)
    return shlex.join(words)


def reproduce_script(result: StudyResult, path: str, fix: SmallestFix | None = None) -> str:
    """reproduce.py: Python that runs the study again and writes its summary.json, rows.csv and curve.csv.

    path: the table's file, of which only the name is told, or the name of a data set. The script looks for the file
    beside itself or where its first argument says, and refuses any other table. Causes, seeds and `fix` are run again
    where the result has them. In cohort-only mode weights.csv stands in for rows.csv, on a cluster rows.parquet.
    """
    cluster, named = on_cluster(result), path in [entry.name for entry in DATASETS]
    only_cohorts, causes, seeds = result.smallest_group is not None, causes_of(result), seeds_of(result)
    wanted = {
        "find_causes": causes,
        "ClusterStudy": cluster,
        "connected": cluster,
        "open_folder": cluster,
        "table_fingerprint": not cluster,
        "typed": causes,
        "over_seeds": seeds,
        "smallest_fix": fix,
    }
    own = ["IFFairError", *([] if cluster else ["Study"]), "Task"]
    own += [] if cluster else ["load_dataset"] if named else ["read_table"]
    imports = [f"from {_HOMES[name]} import {name}" for name, needed in wanted.items() if needed]

    reading = f", options={dict(result.dataset.reading)!r}" if result.dataset.reading else ""
    read = f"load_dataset({path!r})[0]" if named else f"read_table(path{reading})"
    given = "" if fix is None else ", fix=fix"
    rows = f'(folder / "rows.csv").write_bytes(files.rows_csv(result{given}))'
    if cluster:
        read, rows = "open_folder(path)", f'files.write_rows(result, folder / "rows.parquet"{given})'
    if only_cohorts:
        rows = '(folder / "weights.csv").write_bytes(files.weights_csv(result))'
    beside = f"Path(__file__).with_name({Path(path).name or result.name!r})"
    body = [
        *([] if named else [f"path = Path(sys.argv[1]) if sys.argv[1:] else {beside}"]),
        "try:",
        f"    table = {read}",
        "except IFFairError as error:",
        '    sys.exit(f"error: {error}")',
        f"if {'table.fingerprint' if cluster else 'table_fingerprint(table)'} != FINGERPRINT:",
        '    sys.exit("error: This is another table than the one that was studied. Give that one, cell for cell.")',
        "",
        "task = Task(",
        *_arguments(_choices(result.dataset.task.task)),
        ")",
        "study = ClusterStudy(" if cluster else "study = Study(",
        *(["    client,"] if cluster else []),
        "    table,",
        "    task,",
        *_arguments({"name": result.name, **result.config.to_dict()}),
        ")",
        "result = study.run()",
        *(["result = result.having(find_causes(result, typed(task, table)))"] if causes else []),
        *([f"result = result.having(over_seeds(result, table, {len(seeds.runs)}))"] if seeds else []),
        *([] if fix is None else [f"fix = smallest_fix(result, {float(fix.target)!r}, {fix.by!r})"]),
        "",
        f'folder = Path(__file__).with_name("{REPRODUCED}")',
        "folder.mkdir(exist_ok=True)",
        f'(folder / "summary.json").write_bytes(files.summary_json(result{given}).encode())',
        rows,
        '(folder / "curve.csv").write_bytes(files.curve_csv(result))',
        'print(f"Strength {result.strength:g}. All numbers are in {folder}.")',
    ]
    if cluster:
        guard = ['if __name__ == "__main__":  # workers import this file', "    with connected() as client:"]
        body = [*guard, *(f"        {line}".rstrip() for line in body)]
    return "\n".join(
        [
            *_opening(cluster=cluster, only_cohorts=only_cohorts, named=named),
            "import sys",
            "from pathlib import Path",
            "",
            f"from iffair_core import {', '.join(own)}",
            *sorted([*imports, "from iffair_core.telling import files"]),
            "",
            f'FINGERPRINT = "{result.fingerprint}"',
            "",
            *body,
            "",
        ]
    )


def _opening(*, cluster: bool, only_cohorts: bool, named: bool) -> list[str]:
    """What the script says of itself: what it writes, how it is started, and what its numbers depend on."""
    versions = listing((f"{name} {version}" for name, version in software().items()), 20)
    start = "" if named else "Keep it beside the table, or name the table: python reproduce.py TABLE. "
    rows = "weights.csv" if only_cohorts else "rows.parquet" if cluster else "rows.csv"
    same = "same numbers, up to the rounding of sums" if cluster else "same bytes, seconds aside"
    said = (
        f"Run a study of IFFair again: writes summary.json, {rows} and curve.csv into the folder {REPRODUCED} beside "
        "this file.",
        f"{start}The same table and versions give the {same}. Versions: {versions}.",
    )
    first, *more = (textwrap.fill(text, 80, break_on_hyphens=False) for text in said)
    return [f'"""{first}', "", *more, '"""', ""]


def _choices(task: Task) -> dict[str, Any]:
    """The task as it was chosen, under its own names: a suggested reference group is None, and suggested again."""
    made, columns = task.to_dict(), task.sensitive_columns
    return made | {"sensitive": columns[0] if len(columns) == 1 else list(columns)}


def _arguments(values: Mapping[str, object]) -> list[str]:
    return [f"    {name}={_bare(value)!r}," for name, value in values.items()]


def on_cluster(result: StudyResult) -> bool:
    """Whether the study's rows lay on the workers of a cluster."""
    return isinstance(result.dataset.X, RemoteDesign)


def fingerprint_covers(result: StudyResult) -> str:
    """What two tables share whose fingerprints are the same."""
    return "the files' names, sizes and columns" if on_cluster(result) else "every cell, column name and type"


def independent_check(result: StudyResult) -> str:
    """How the scores after reweighting can be had without this program, or why they cannot."""
    if result.smallest_group is not None:
        return (
            "In cohort-only mode no file holds the rows' weights, so the scores cannot be had without this program; "
            "the same command gives the same numbers."
        )
    if on_cluster(result):
        return (
            "No file holds the features of rows that lay on a cluster; the study in memory gives the same numbers, up "
            "to the rounding of sums."
        )
    return MODELS[result.config.model].elsewhere.format(C=result.config.C)


def _bare(value: Any) -> object:
    """A numpy scalar as the Python number that its repr can be read back from."""
    return value.item() if isinstance(value, np.generic) else value
