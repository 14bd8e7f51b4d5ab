"""The command line: `iffair run FILE ...` studies a table, `check` says what to know of it first, `audit` compares what
a column says of groups without a model, `datasets` lists the named tables, `scenarios` the saved studies, and `ui`
opens the dashboard. Without an installation, `python -m iffair_core` does the same from a clone.

Exit status 0 with the path of each file on standard output (warnings go to standard error), or 2 with exactly one line
on standard error that says what is wrong and what to do. Nothing is written before the study has succeeded.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import runpy
import shlex
import sys
import time
import warnings
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from iffair_core.audit import audit
from iffair_core.causes.found import causes_of, find_causes
from iffair_core.checks.run import Remedy, run_checks
from iffair_core.cluster.connecting import connected
from iffair_core.cluster.folder import open_folder
from iffair_core.cluster.study import LEFT_OUT, ClusterStudy
from iffair_core.data.option import options_of
from iffair_core.data.resolving import typed
from iffair_core.data.task import Task
from iffair_core.datasets.catalog import DATASETS, load_dataset, whereabouts
from iffair_core.errors import ConfigError, IFFairError, TableError, listing, shorten
from iffair_core.options import (
    AUDIT_FILES,
    CAUSES,
    DESIGN,
    MODEL,
    ROWS_PARQUET,
    SEEDS,
    command_parser,
    on_cluster,
    read_options,
    saved_settings,
    seed_count,
    study_config,
    task_choices,
    wanted_fix,
    whole_number,
)
from iffair_core.reading.door import read_table
from iffair_core.reading.types import with_types
from iffair_core.study.config import StudyConfig
from iffair_core.study.disclosure import disclosed
from iffair_core.study.over_seeds import over_seeds, seeds_of
from iffair_core.study.results import StudyResult
from iffair_core.study.run import Study
from iffair_core.study.smallest_fix import SmallestFix, smallest_fix
from iffair_core.telling.causes import causes_tables, failed_checks
from iffair_core.telling.reproduce import reproduce_script, task_options
from iffair_core.telling.saved_settings import SavedSettings

FAILED = 2
LONGEST_MESSAGE = 1500
ROWS = "rows.csv"
FILES = ("summary.json", ROWS, "curve.csv", "report.html", "settings.json", "reproduce.py")
WEIGHTS = "weights.csv"
"""Stands in for rows.csv in cohort-only mode."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status; `--help` leaves through SystemExit(0)."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    if arguments[:1] == ["ui"] and not {"-h", "--help"} & set(arguments):
        return open_dashboard(arguments[1:])
    try:
        options = command_parser().parse_args(arguments)
        command = _COMMANDS[options.command]
        with warnings.catch_warnings(record=True) as noticed:
            warnings.simplefilter("always")
            said = command(options)
            sys.stdout.flush()
    except IFFairError as error:
        return _fail(str(error))
    except MemoryError:
        return _fail("There is not enough memory for this table. Use fewer rows or columns.")
    except BrokenPipeError:  # the reader of the output, such as head, has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    except Exception as error:
        if os.environ.get("IFFAIR_TRACEBACK"):
            raise
        # The message of an unexpected error may quote cells of the table.
        words = sys.argv[1:] if arguments is None else arguments
        private = any(word.startswith(("--smallest-group", "--settings")) for word in words)
        what = type(error).__name__ if private else f"{type(error).__name__}: {shorten(error, 200)}"
        return _fail(f"This input made the program fail in a way it should not ({what}). Please report it.")
    for text in [*said, *(f"{one.category.__name__}: {one.message}" for one in noticed)]:
        print(f"warning: {shorten(text, LONGEST_MESSAGE)}", file=sys.stderr)
    return 0


def open_dashboard(arguments: Sequence[str] = ()) -> int:
    """Serve the dashboard until it is interrupted. `arguments` go to `streamlit run`, such as --server.port 8600.

    app.py stands in the installed folder `iffair_dashboard`, or beside this package in a clone. Streamlit reads the
    settings in `.streamlit` beside it and puts its folder on the import path.
    """
    beside = Path(__file__).resolve().parent.parent
    installed = beside / "iffair_dashboard"
    app = (installed if installed.is_dir() else beside) / "app.py"
    sys.argv = ["streamlit", "run", str(app), *arguments]
    runpy.run_module("streamlit", run_name="__main__", alter_sys=True)
    return 0


def _fail(message: str) -> int:
    print(f"error: {shorten(message, LONGEST_MESSAGE)}", file=sys.stderr)
    return FAILED


def _run(options: argparse.Namespace) -> list[str]:
    """Study a table and write the files; returns the warnings."""
    saved = saved_settings(options)
    config, wanted, count = study_config(options, saved), wanted_fix(options, saved), seed_count(options, saved)
    only_cohorts = options.smallest_group is not None or (saved is not None and saved.task.smallest_group is not None)
    if not options.out:
        raise ConfigError("--out is empty. Give a folder for the results.")
    folder = Path(options.out)
    for flag, given, what in (
        ("--save-design", options.save_design, "writes single rows"),
        ("--parquet", options.parquet, "writes single rows"),
        ("--save-model", options.save_model, "writes medians and names of levels"),
    ):
        if given and only_cohorts:
            raise ConfigError(f"{flag} {what}, which --smallest-group does not show. Leave one of them out.")
    if options.causes and only_cohorts:
        raise ConfigError("--causes rests on single rows, which --smallest-group does not show. Leave one of them out.")
    _require_writable(folder)

    cluster = on_cluster(options)
    causes = options.causes or (saved is not None and saved.causes and not cluster and not only_cohorts)
    started = time.perf_counter()
    with _cluster_study(options, saved, config) if cluster else _study(options, saved, config) as study:
        read_seconds = time.perf_counter() - started
        result = study.run()
        if causes:
            result = result.having(find_causes(result, typed(study.task, study.table)))
        if count > 1 and not cluster:
            result = result.having(over_seeds(result, study.table, count))
        fix = None if wanted is None else smallest_fix(result, *wanted)
        rows = () if only_cohorts else (ROWS_PARQUET,) if cluster else (ROWS,)
        asked = {DESIGN: options.save_design, MODEL: options.save_model, ROWS_PARQUET: options.parquet}
        files = {*rows, *(name for name, wanted in asked.items() if wanted)}
        with _made(folder):
            written = _write(result, folder, _source(options.file), read_seconds, fix, files)
    said = [f"{one.title}: {one.text}" for one in result.checks if one.severity == "high"]
    said += [*result.findings, *disclosed(result).warnings]
    if result.smallest_group is not None:
        said.append(f"Cohort-only mode: {WEIGHTS}, with weights by group and outcome, stands in for {ROWS}.")
    if saved is not None and saved.fingerprint != result.fingerprint:
        said.append("The settings were made for another table: the choices are the same, the numbers are not.")
    if fix is not None and not fix.reached:
        said.append(f"No fix brings the disparity to {fix.target:g}; {fix.disparity:.4g} was reached. {fix.reason}")
    if cluster:
        said += [LEFT_OUT] + ([] if only_cohorts else [f"{ROWS_PARQUET} stands in for {ROWS}."])
    if (found := causes_of(result)) is not None:
        said += failed_checks(found)
    wanted_files = {name: name in files for name in (*asked, ROWS)} | {SEEDS: count > 1, WEIGHTS: only_cohorts}
    wanted_files |= dict.fromkeys(CAUSES, causes)
    for stale, wanted_now in ((folder / name, wanted) for name, wanted in wanted_files.items()):
        if stale.exists() and not wanted_now:
            said.append(f"{stale} is from an earlier run and does not belong to these results.")
    for path in written:
        print(str(path).encode("utf-8", "backslashreplace").decode("utf-8"))
    return said


def _source(file: str) -> str:
    """What is run again: a file that is called as a data set is not that one."""
    return f"./{file}" if file in [entry.name for entry in DATASETS] and os.path.isfile(file) else file


def _write(
    result: StudyResult,
    folder: Path,
    source: str,
    read_seconds: float,
    fix: SmallestFix | None,
    asked: Collection[str],
) -> list[Path]:
    """Write the files of every run, and those with rows and more that were `asked` for by name; their paths."""
    from iffair_core.telling import files
    from iffair_core.telling.csv_writing import csv_bytes
    from iffair_core.telling.report import report_html

    makers: tuple[Callable[[], bytes], ...] = (
        lambda: files.summary_json(result, read_seconds, fix).encode(),
        lambda: files.rows_csv(result, fix),
        lambda: files.curve_csv(result),
        lambda: report_html(result, source=source).encode("utf-8", "backslashreplace"),
        lambda: files.settings_json(result, fix).encode(),
        lambda: reproduce_script(result, source, fix).encode(),
    )
    contents: dict[str, Callable[[], bytes]] = dict(zip(FILES, makers, strict=True))
    if ROWS not in asked:
        del contents[ROWS]
    if result.smallest_group is not None:  # in place of single rows, which cohort-only mode does not show
        contents[WEIGHTS] = lambda: files.weights_csv(result)
    if (causes := causes_of(result)) is not None:
        for name, frame in zip(CAUSES, causes_tables(result, causes).values(), strict=True):
            contents[name] = partial(csv_bytes, frame)
    if (seeds := seeds_of(result)) is not None:
        contents[SEEDS] = partial(files.seeds_csv, seeds)
    if MODEL in asked:
        contents[MODEL] = lambda: files.model_skops(result)
    for name, make in contents.items():
        with _replacing(folder / name) as path:
            path.write_bytes(make())
    in_blocks: dict[str, Callable[[Path], None]] = {
        ROWS_PARQUET: lambda path: files.write_rows(result, path, fix),
        DESIGN: lambda path: files.write_design(result, path),
    }
    in_blocks = {name: write for name, write in in_blocks.items() if name in asked}
    for name, write in in_blocks.items():
        with _replacing(folder / name) as path:
            write(path)
    return [folder / name for name in (*contents, *in_blocks)]


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """A file beside `path` that takes its place once it is complete, so that no reader ever sees half of one."""
    part = path.with_name(f".{path.name}.part")
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _check(options: argparse.Namespace) -> list[str]:
    """Print what the checks have to say; returns the warnings."""
    seed, given = whole_number("seed", options.seed), task_choices(options)
    task: Task | None = None
    if options.file in [entry.name for entry in DATASETS] or {"target", "favorable", "sensitive"} & set(given):
        table, task, _ = _table_and_task(options)
    else:
        table = read_table(options.file, options=read_options(options))
        table = with_types(table, given.get("types"), given.get("missing", ()))
    found = run_checks(table, task, seed=seed)
    for check in found:
        print(f"{check.severity}: {check.title}\n    {check.text}")
        for remedy in check.remedies:
            print(f"    {remedy.label}: {_remedy_options(task, remedy)}")
    if not found:
        print("Nothing was found that you should know before a model is fitted.")
    if task is not None and task.smallest_group is not None:
        return []
    return [str(warning) for warning in table.attrs.get("warnings", ())]


def _audit(options: argparse.Namespace) -> list[str]:
    """Print an audit and write its files where a folder is given; returns the warnings."""
    from iffair_core.telling import audits

    folder = None if options.out is None else Path(options.out)
    if folder is not None:
        _require_writable(folder)
    seed = whole_number("seed", options.seed)
    if options.above is not None and options.favorable is None:
        options.favorable = [""]  # a score above a cut names its own favorable value
    table, task, _ = _table_and_task(options)
    found = audit(table, task, above=options.above, truth=_truth(options.truth), seed=seed)
    for line in audits.audit_lines(found):
        print(line)
    if folder is not None:
        contents = (audits.audit_csv(found), audits.audit_json(found).encode("utf-8", "backslashreplace"))
        _write_all(folder, dict(zip(AUDIT_FILES, contents, strict=True)))
    return list(found.warnings)


def _truth(text: str | None) -> tuple[str, str] | None:
    """COL=VALUE; a column's name may hold an equals sign, its value none."""
    if text is None:
        return None
    column, between, value = text.rpartition("=")
    if not (between and column and value):
        raise ConfigError(f"--truth is '{shorten(text)}'; give a column and its favorable value, as reoffended=no.")
    return column, value


def _remedy_options(task: Task | None, remedy: Remedy) -> str:
    """The options of `run` that make the remedy's changes, as a shell takes them."""
    before = Task("", "", ()) if task is None else task
    after, change = Task.from_dict(before.to_dict() | dict(remedy.change)), remedy.change
    made = shlex.join(task_options(after, [name for name, value in change.items() if value is not None]))
    return " ".join([made, *(f"(no --{options_of(Task)[name].flag})" for name in change if change[name] is None)])


def _datasets(_: argparse.Namespace) -> list[str]:
    """Print the catalog; no warnings."""
    for entry in DATASETS:
        print(f"{entry.name}: {entry.title}, {entry.rows:,} rows, license {entry.license}")
        print(f"    {entry.description}")
        if entry.files:
            print(f"    From: {entry.source} ({whereabouts(entry)})")
            print(f"    Cite: {entry.citation}")
        for pitfall in entry.pitfalls:
            print(f"    Note: {pitfall}")
        print(f"    {shlex.join(task_options(entry.task))}")
    return []


def _scenarios(options: argparse.Namespace) -> list[str]:
    """Print, write or delete what the dashboard has saved; no warnings."""
    from iffair_core.scenarios.commands import scenario_files, scenario_lines

    if (options.action == "export") != (options.out is not None):
        raise ConfigError("`scenarios export` needs --out, a folder for the files; the other actions have none.")
    if options.action != "export":
        for line in scenario_lines(options.action, options.scenario):
            print(line)
        return []
    folder = Path(options.out)
    _require_writable(folder)
    _write_all(folder, scenario_files(options.scenario))
    return []


_COMMANDS: dict[str, Callable[[argparse.Namespace], list[str]]] = {
    "run": _run,
    "check": _check,
    "audit": _audit,
    "datasets": _datasets,
    "scenarios": _scenarios,
}


# ------------------------------------------------------------------------------------------------------ table and task


def _table_and_task(options: argparse.Namespace, saved: SavedSettings | None = None) -> tuple[pd.DataFrame, Task, str]:
    file, names = options.file, [entry.name for entry in DATASETS]
    given, reading = task_choices(options), read_options(options)
    earlier = None if saved is None else saved.task.to_dict()
    if file in names and not os.path.isfile(file):
        if reading.given():
            raise ConfigError(
                f"'{file}' is a data set, which is read as it has to be. "
                f"Leave out {listing(f'--{name}' for name in reading.given())}, or give a file."
            )
        table, preset = load_dataset(file)
        return table, Task.from_dict(_over_preset(earlier or preset.to_dict(), given)), file
    if not os.path.lexists(file) and not any(mark in file for mark in "./\\"):
        raise TableError(
            f"There is no file '{shorten(file)}', and no data set of that name. "
            f"Check the path, or choose one of: {listing(names, len(names))}."
        )
    if earlier is not None:
        reading, given = read_options(options, saved), _over_preset(earlier, given)
    task = _file_task(given, saved)
    return read_table(file, options=reading), task, Path(file).name


@contextlib.contextmanager
def _study(options: argparse.Namespace, saved: SavedSettings | None, config: StudyConfig) -> Iterator[Study]:
    table, task, name = _table_and_task(options, saved)
    yield Study(table, task, name=name, **config.to_dict())


@contextlib.contextmanager
def _cluster_study(options: argparse.Namespace, saved: SavedSettings | None, config: StudyConfig) -> Iterator[Study]:
    """A study of a folder of Parquet files; its cluster is there until the results are written."""
    given = task_choices(options)
    task = _file_task(given if saved is None else _over_preset(saved.task.to_dict(), given), saved)
    folder = open_folder(options.file)
    with connected(options.scheduler) as client:
        yield ClusterStudy(client, folder, task, **config.to_dict())


def _file_task(given: dict[str, Any], saved: SavedSettings | None) -> Task:
    absent = [f"--{name}" for name in ("target", "favorable", "sensitive") if name not in given]
    if saved is None and absent:
        raise ConfigError(f"A file needs {' and '.join(absent)} as well. See python -m iffair_core run --help.")
    return Task.from_dict(given)


def _over_preset(preset: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """The preset with what was given; a reference group, bins and pools go with the columns they were made for."""
    bins = dict(preset["bins"] or {})
    if "sensitive" in given:
        preset = preset | {"reference": None, "pool": None}
        bins = {column: cuts for column, cuts in bins.items() if column == preset["target"]}
    if given.get("target", preset["target"]) != preset["target"]:
        bins.pop(preset["target"], None)
    bins |= given.get("bins", {})
    return preset | given | {"bins": bins or None}


# -------------------------------------------------------------------------------------------------------------- files


def _require_writable(folder: Path) -> None:
    """ConfigError before the work starts if the results could not be written in the end."""
    try:
        nearest = next(path for path in (folder, *folder.absolute().parents) if os.path.lexists(path))
        if not nearest.is_dir():
            raise ConfigError(_cannot_write(folder, f"{nearest} is not a folder"))
        if not os.access(nearest, os.W_OK | os.X_OK):
            raise ConfigError(_cannot_write(folder, "permission denied"))
        for name in (*FILES, DESIGN, WEIGHTS):
            if (folder / name).is_dir():
                raise ConfigError(_cannot_write(folder, f"{name} is a folder there"))
    except (OSError, ValueError) as error:
        raise ConfigError(_cannot_write(folder, getattr(error, "strerror", None) or str(error))) from error


@contextlib.contextmanager
def _made(folder: Path) -> Iterator[None]:
    """Make the folder of results; ConfigError where it, or what the block writes into it, cannot be written."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise ConfigError(_cannot_write(folder, error.strerror or str(error))) from error


def _write_all(folder: Path, contents: Mapping[str, bytes]) -> None:
    """Write files into a folder, and print the path of each."""
    with _made(folder):
        for name, content in contents.items():
            with _replacing(folder / name) as path:
                path.write_bytes(content)
            print(folder / name)


def _cannot_write(folder: Path, reason: str) -> str:
    return f"--out {shorten(folder)} cannot be written ({shorten(reason, 120)}). Choose another folder."


def console() -> int:
    """`main` for a terminal that may not be able to write every character of a table."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    return main()


if __name__ == "__main__":
    sys.exit(console())
