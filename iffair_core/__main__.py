"""The command line: `python -m iffair_core run FILE ...` studies a table, `check` says what to know of it first, and
`datasets` lists named ones.

Exit status 0 with the path of each file on standard output (warnings go to standard error), or 2 with exactly one line
on standard error that says what is wrong and what to do. Nothing is written before the study has succeeded.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import os
import shlex
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pandas as pd

from iffair_core.classifiers import TRANSFER_MODELS
from iffair_core.data.catalog import DATASETS, load_dataset, whereabouts
from iffair_core.data.checks import Remedy, run_checks
from iffair_core.data.columns import TYPES, with_types
from iffair_core.data.conditions import DUPLICATES
from iffair_core.data.dialect import ReadOptions
from iffair_core.data.reading import read_table
from iffair_core.data.task import Task
from iffair_core.disclosure import disclosed
from iffair_core.errors import ConfigError, IFFairError, TableError, listing, shorten
from iffair_core.metrics import GOALS
from iffair_core.models import USUAL_C
from iffair_core.reproduce import parse_pool, task_options
from iffair_core.results import MODELS, StudyConfig, StudyResult
from iffair_core.reweighting import VARIANTS
from iffair_core.rivals.registry import RIVALS, rival_names
from iffair_core.smallest import BY, SmallestFix, require_fix, smallest_fix
from iffair_core.study import Study

FAILED = 2
USUAL = "default: " + ", ".join(f"{C:g} for {name}" for name, C in USUAL_C.items())
LONGEST_MESSAGE = 1500
MOST_SEEDS = 1000
ROWS = "rows.csv"
FILES = ("summary.json", ROWS, "curve.csv", "report.html")
DESIGN = "design.parquet"
WEIGHTS = "weights.csv"
"""Stands in for rows.csv in cohort-only mode."""
SEEDS = "seeds.csv"


class _Parser(argparse.ArgumentParser):
    """argparse that raises instead of printing its usage."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{shorten(message, 300)}. See python -m iffair_core run --help.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status; `--help` leaves through SystemExit(0)."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    try:
        options = _parser().parse_args(arguments)
        command = {"run": _run, "check": _check, "datasets": _datasets}[options.command]
        with warnings.catch_warnings(record=True) as noticed:
            warnings.simplefilter("always")
            said = command(options)
    except IFFairError as error:
        return _fail(str(error))
    except MemoryError:
        return _fail("There is not enough memory for this table. Use fewer rows or columns.")
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    except Exception as error:
        if os.environ.get("IFFAIR_TRACEBACK"):
            raise
        # The message of an unexpected error may quote cells of the table.
        words = sys.argv[1:] if arguments is None else arguments
        private = any(word.startswith("--smallest-group") for word in words)
        what = type(error).__name__ if private else f"{type(error).__name__}: {shorten(error, 200)}"
        return _fail(f"This input made the program fail in a way it should not ({what}). Please report it.")
    for text in [*said, *(f"{one.category.__name__}: {one.message}" for one in noticed)]:
        print(f"warning: {shorten(text, LONGEST_MESSAGE)}", file=sys.stderr)
    return 0


def _fail(message: str) -> int:
    print(f"error: {shorten(message, LONGEST_MESSAGE)}", file=sys.stderr)
    return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m iffair_core",
        description="Find the training rows that make a model unfair, and the row weights that repair it.",
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", metavar="{run,check,datasets}", required=True)
    commands.add_parser("datasets", help="list the named data sets", allow_abbrev=False)
    check = commands.add_parser(
        "check",
        usage="%(prog)s FILE [--target COL --favorable VALUE --sensitive COL] [options]",
        help="say what to know of a table before a model is fitted",
        description="Say what to know of a table before a model is fitted: severity and title, what was found, and the "
        "option of run that takes care of it. Without outcome and groups, what can be said of the table alone.",
        allow_abbrev=False,
    )
    check.add_argument("file", metavar="FILE", help="CSV, Parquet or Excel file, or the name of a data set")
    check.add_argument("--seed", metavar="N", default="0", help="draws of large tables (default: %(default)s)")
    _task_options(check)
    _reading_options(check)
    run = commands.add_parser(
        "run",
        usage="%(prog)s FILE --out DIR --target COL --favorable VALUE --sensitive COL [options]",
        help="study one table and write the results",
        description="Study one table and write summary.json, rows.csv, curve.csv and report.html to --out.",
        epilog="With a named data set, what is not given is taken from its preset: "
        "python -m iffair_core run example --out results",
        allow_abbrev=False,
    )
    run.add_argument("file", metavar="FILE", help="CSV, Parquet or Excel file, or the name of a data set")
    run.add_argument("--out", metavar="DIR", required=True, help="folder for the results, made if it is not there")
    _task_options(run)
    _reading_options(run)

    repair = run.add_argument_group("how it is repaired")
    repair.add_argument(
        "--metric", metavar="NAME", default="equalized_odds", help=f"{', '.join(GOALS)} (default: %(default)s)"
    )
    repair.add_argument(
        "--also", metavar="NAME", action="append", help="another of these to close by the same share; repeatable"
    )
    repair.add_argument(
        "--variant", metavar="NAME", default="diverse", help=f"{', '.join(VARIANTS)} (default: %(default)s)"
    )
    repair.add_argument("--strength", metavar="S", help="0 to 1.25, share of the gap to close (default: recommended)")
    repair.add_argument("--utility-budget", metavar="B", help="accuracy that the repair may cost, as 0.01")
    repair.add_argument("--max-weight", metavar="W", help="no row weighs more (default: 5)")
    repair.add_argument(
        "--min-effective-sample-size", metavar="S", help="smallest share of the training rows (default: 0.5)"
    )
    repair.add_argument("--min-accuracy", metavar="A", help="floor on the rows that guide the repair, as 0.8")
    repair.add_argument(
        "--pin", metavar="COL=VALUE|ROW_ID", action="append", help="rows whose weight stays 1; repeat for more"
    )
    repair.add_argument(
        "--target-gap", metavar="G", help="also find the smallest fix that brings the goal's disparity to G"
    )
    repair.add_argument("--fix-by", metavar="WHAT", help=f"what is smallest: {' or '.join(BY)} (default: rows)")
    repair.add_argument(
        "--model", metavar="NAME", default="logistic", help=f"{', '.join(MODELS)} (default: %(default)s)"
    )
    repair.add_argument("--C", metavar="C", help=f"inverse penalty of the model ({USUAL})")
    repair.add_argument("--seed", metavar="N", default="0", help="split and random draws (default: %(default)s)")
    repair.add_argument("--seeds", metavar="K", default="1", help=f"run K seeds from N on and write {SEEDS} as well")
    run.add_argument(
        "--transfer",
        metavar="NAME",
        action="append",
        help=f"also fit another model with the weights; repeat for several: {', '.join(TRANSFER_MODELS)}",
    )
    run.add_argument(
        "--rivals",
        metavar="NAMES",
        default="weights",
        help="methods to run beside ours: weights, all (Fairlearn's too, much slower), none, "
        f"or some of {', '.join(RIVALS)}, joined by commas (default: %(default)s)",
    )
    run.add_argument(
        "--save-design", action="store_true", help=f"also write {DESIGN}, the features as the model saw them"
    )
    return parser


def _task_options(parser: argparse.ArgumentParser) -> None:
    """The options that `_choices` makes a task of."""
    task = parser.add_argument_group("what is studied")
    task.add_argument("--target", metavar="COL", help="column of the outcome")
    task.add_argument(
        "--favorable", metavar="VALUE", action="append", help="its value that is good for the person; repeat for a set"
    )
    task.add_argument("--sensitive", metavar="COL", action="append", help="sensitive column; repeat to cross several")
    task.add_argument("--reference", metavar="GROUP", help="group that others are compared with (default: suggested)")
    task.add_argument("--drop", metavar="COL", nargs="+", action="extend", help="columns that are no features")
    task.add_argument(
        "--bins",
        metavar="COL=CUTS",
        nargs="+",
        action="extend",
        help="cut points of a sensitive column or of the outcome, age=25,60 or age=quantiles:4",
    )
    task.add_argument(
        "--use-sensitive-as-feature",
        metavar="yes|no",
        help="whether the model sees the sensitive columns (default: no)",
    )
    task.add_argument(
        "--pool",
        metavar="COL:NAME=V1,V2",
        action="append",
        help="take values of a sensitive column together, race:other=Asian,Black; repeat for more",
    )
    task.add_argument(
        "--exclude",
        metavar="COND",
        nargs="+",
        action="extend",
        help=f"rows to leave out, as race=Unknown, age<18, date>=2020-01-01, or {DUPLICATES}",
    )
    task.add_argument("--weights", metavar="COL", help="column of row weights")
    task.add_argument("--split-column", metavar="COL", help="column that says train, validation or test for each row")
    task.add_argument("--unit", metavar="COL", help="column whose equal values stay in one part, as a person's id")
    task.add_argument("--smallest-group", metavar="K", help="show nothing about fewer than K rows, and no single row")


def _reading_options(parser: argparse.ArgumentParser) -> None:
    """The options that `_reading` and `_choices` read: what the cells of a file mean."""
    reading = parser.add_argument_group("how the file is read", "What is not given is detected.")
    reading.add_argument(
        "--type", metavar="COL=TYPE", nargs="+", action="extend", help=f"type of a column: {', '.join(TYPES)}"
    )
    reading.add_argument(
        "--missing", metavar="VALUE", nargs="+", action="extend", help="cells that mean missing in every column, as ?"
    )
    reading.add_argument("--delimiter", metavar="TEXT", help="what stands between two cells, as ; or tab")
    reading.add_argument("--quote", metavar="CHAR", help="quotation mark around cells, empty for none")
    reading.add_argument("--decimal", metavar=".|,", help="decimal mark of numbers")
    reading.add_argument("--encoding", metavar="NAME", help="encoding of the text, as utf-8 or cp1252")
    reading.add_argument("--header", metavar="LINE", help="number of the header line, 0 where the file has none")
    reading.add_argument("--sheet", metavar="NAME", help="sheet of a workbook")
    reading.add_argument("--comment", metavar="TEXT", help="how a line begins that is not part of the table")


def _run(options: argparse.Namespace) -> list[str]:
    """Study a table and write the files; returns the warnings."""
    config, wanted, count = _config(options), _fix(options), _whole("--seeds", options.seeds)
    if not 1 <= count <= MOST_SEEDS:
        raise ConfigError(f"--seeds is {count}; give a whole number from 1 to {MOST_SEEDS}.")
    if not options.out:
        raise ConfigError("--out is empty. Give a folder for the results.")
    folder = Path(options.out)
    if options.save_design and options.smallest_group is not None:
        raise ConfigError(
            "--save-design writes single rows, which --smallest-group does not show. Leave one of them out."
        )
    _require_writable(folder)

    started = time.perf_counter()
    table, task, name = _table_and_task(options)
    read_seconds = time.perf_counter() - started
    result = Study(table, task, name=name, **config).run()
    others = _other_seeds(table, task, result, count)
    fix = None if wanted is None else smallest_fix(result, *wanted)
    said = [f"{one.title}: {one.text}" for one in result.checks if one.severity == "high"]
    said += disclosed(result).warnings
    if result.smallest_group is not None:
        said.append(f"Cohort-only mode: {WEIGHTS}, with weights by group and outcome, stands in for {ROWS}.")
    if fix is not None and not fix.reached:
        said.append(f"No fix brings the disparity to {fix.target:g}; {fix.disparity:.4g} was reached. {fix.reason}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        written = _write(result, folder, options.file, read_seconds, fix, others, design=options.save_design)
    except OSError as error:
        raise ConfigError(_cannot_write(folder, error.strerror or str(error))) from error
    only_cohorts = result.smallest_group is not None
    wanted_files = {DESIGN: options.save_design, SEEDS: bool(others), ROWS: not only_cohorts, WEIGHTS: only_cohorts}
    for stale, wanted_now in ((folder / name, wanted) for name, wanted in wanted_files.items()):
        if stale.exists() and not wanted_now:
            said.append(f"{stale} is from an earlier run and does not belong to these results.")
    for path in written:
        print(str(path).encode("utf-8", "backslashreplace").decode("utf-8"))
    return said


def _other_seeds(table: pd.DataFrame, task: Task, result: StudyResult, count: int) -> list[StudyResult]:
    """The same study under the next count - 1 seeds; what runs beside the curve is left out."""
    found = []
    for seed in range(result.config.seed + 1, result.config.seed + count):
        study = Study(table, task, name=result.name)
        study.config = replace(result.config, seed=seed, rivals=(), transfer=())
        found.append(study.run())
    return found


def _write(
    result: StudyResult,
    folder: Path,
    source: str,
    read_seconds: float,
    fix: SmallestFix | None,
    others: Sequence[StudyResult],
    *,
    design: bool,
) -> list[Path]:
    from iffair_core import outputs
    from iffair_core.report import report_html

    makers: tuple[Callable[[], bytes], ...] = (
        lambda: outputs.summary_json(result, read_seconds, fix, others).encode(),
        lambda: outputs.rows_csv(result, fix),
        lambda: outputs.curve_csv(result),
        lambda: report_html(result, source=source).encode("utf-8", "backslashreplace"),
    )
    contents: dict[str, Callable[[], bytes]] = dict(zip(FILES, makers, strict=True))
    if result.smallest_group is not None:
        del contents[ROWS]  # it holds single rows, which cohort-only mode does not show
        contents[WEIGHTS] = lambda: outputs.weights_csv(result)
    if others:
        contents[SEEDS] = lambda: outputs.seeds_csv([result, *others])
    for name, make in contents.items():
        with _replacing(folder / name) as path:
            path.write_bytes(make())
    if design:
        with _replacing(folder / DESIGN) as path:
            outputs.write_design(result, path)
    return [folder / name for name in (*contents, *([DESIGN] if design else []))]


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
    seed, given = _whole("--seed", options.seed), _choices(options)
    task: Task | None = None
    if options.file in [entry.name for entry in DATASETS] or {"target", "favorable", "sensitive"} & set(given):
        table, task, _ = _table_and_task(options)
    else:
        table = read_table(options.file, options=_reading(options))
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


def _remedy_options(task: Task | None, remedy: Remedy) -> str:
    """The options of `run` that make the remedy's changes, as a shell takes them."""
    before = Task("", "", ()) if task is None else task
    words = task_options(Task.from_dict(before.to_dict() | dict(remedy.change)))
    names = {"types": "type", "split": "split-column", "smallest_group": "smallest-group"}
    wanted = {f"--{names.get(name, name)}" for name, value in remedy.change.items() if value is not None}
    starts = [place for place, word in enumerate(words) if word.startswith("--")]
    kept = [
        word
        for start, stop in itertools.pairwise([*starts, len(words)])
        if words[start].partition("=")[0] in wanted
        for word in words[start:stop]
    ]
    unset = [f"(no --{names.get(name, name)})" for name, value in remedy.change.items() if value is None]
    return " ".join([shlex.join(kept), *unset])


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


# ------------------------------------------------------------------------------------------------------ table and task


def _table_and_task(options: argparse.Namespace) -> tuple[pd.DataFrame, Task, str]:
    file, names = options.file, [entry.name for entry in DATASETS]
    given, reading = _choices(options), _reading(options)
    if file in names and not os.path.isfile(file):
        if reading.given():
            raise ConfigError(
                f"'{file}' is a data set, which is read as it has to be. "
                f"Leave out {listing(f'--{name}' for name in reading.given())}, or give a file."
            )
        table, preset = load_dataset(file)
        return table, Task.from_dict(_over_preset(preset.to_dict(), given)), file
    if not os.path.lexists(file) and not any(mark in file for mark in "./\\"):
        raise TableError(
            f"There is no file '{shorten(file)}', and no data set of that name. "
            f"Check the path, or choose one of: {listing(names, len(names))}."
        )
    absent = [f"--{name}" for name in ("target", "favorable", "sensitive") if name not in given]
    if absent:
        raise ConfigError(f"A file needs {' and '.join(absent)} as well. See python -m iffair_core run --help.")
    return read_table(file, options=reading), Task.from_dict(given), Path(file).name


def _choices(options: argparse.Namespace) -> dict[str, Any]:
    """The choices of the task that were given."""
    plain = ("target", "favorable", "sensitive", "reference", "drop", "missing", "exclude", "weights", "unit")
    found = {name: getattr(options, name) for name in plain} | {"split": options.split_column}
    if options.bins is not None:
        found["bins"] = dict(_bins(text) for text in options.bins)
    if options.use_sensitive_as_feature is not None:
        answer = _choice("--use-sensitive-as-feature", options.use_sensitive_as_feature, ("yes", "no"))
        found["use_sensitive_as_feature"] = answer == "yes"
    if options.type is not None:
        found["types"] = dict(_type(text) for text in options.type)
    if options.pool is not None:
        found["pool"] = _pools(options.pool)
    if options.smallest_group is not None:
        found["smallest_group"] = _whole("--smallest-group", options.smallest_group)
    return {name: value for name, value in found.items() if value is not None}


def _reading(options: argparse.Namespace) -> ReadOptions:
    """What was said about the file itself."""
    names = ("delimiter", "quote", "decimal", "encoding", "sheet", "comment")
    header = None if options.header is None else _whole("--header", options.header)
    return ReadOptions(**{name: getattr(options, name) for name in names}, header=header)


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


def _bins(text: str) -> tuple[str, str | tuple[float, ...]]:
    column, equals, cuts = text.rpartition("=")
    if not equals or not column:
        raise ConfigError(f"--bins is '{shorten(text)}'; give a column and its cut points, as age=25,60.")
    if cuts.startswith("quantiles"):
        return column, cuts
    return column, tuple(_number(f"--bins {shorten(column)}", cut) for cut in cuts.split(","))


def _type(text: str) -> tuple[str, str]:
    column, equals, kind = text.rpartition("=")
    if not equals or not column:
        raise ConfigError(f"--type is '{shorten(text)}'; give a column and its type, as zip=category.")
    return column, _choice(f"--type {shorten(column)}", kind, TYPES)


def _pools(texts: Sequence[str]) -> dict[str, dict[str, list[str]]]:
    """{column: {name: values}} of `reproduce.pool_text`."""
    found: dict[str, dict[str, list[str]]] = {}
    for text in texts:
        try:
            column, name, values = parse_pool(text)
        except ValueError as error:
            raise ConfigError(
                f"--pool is '{shorten(text)}'; give a column, a name and values, as race:other=Asian,Black."
            ) from error
        found.setdefault(column, {}).setdefault(name, []).extend(values)
    return found


def _config(options: argparse.Namespace) -> dict[str, Any]:
    """Arguments of Study, checked before any file is read."""
    found: dict[str, Any] = {
        "metric": _choice("--metric", options.metric, GOALS),
        "variant": _choice("--variant", options.variant, VARIANTS),
        "seed": _whole("--seed", options.seed),
    }
    found["model"] = _choice("--model", options.model, MODELS)
    for name in ("strength", "utility_budget", "max_weight", "min_effective_sample_size", "min_accuracy", "C"):
        text = getattr(options, name)
        if text is not None:
            found[name] = _number(f"--{name.replace('_', '-')}", text)
    if options.transfer is not None:
        found["transfer"] = tuple(dict.fromkeys(_choice("--transfer", one, tuple(TRANSFER_MODELS))
                                                for one in options.transfer))  # fmt: skip
    found["rivals"] = rival_names(options.rivals)
    found["also"] = tuple(_choice("--also", name, GOALS) for name in options.also or ())
    found["pinned"] = tuple(_pin(text) for text in options.pin or ())
    StudyConfig(**found)
    return found


def _fix(options: argparse.Namespace) -> tuple[float, str] | None:
    """Target and kind of the smallest fix, None where none is asked for."""
    if options.target_gap is None:
        if options.fix_by is not None:
            raise ConfigError("--fix-by needs --target-gap, the disparity that the smallest fix has to reach.")
        return None
    wanted = _number("--target-gap", options.target_gap), _choice("--fix-by", options.fix_by or "rows", tuple(BY))
    require_fix(*wanted)
    return wanted


def _pin(text: str) -> int | str:
    if "=" in text:
        return text
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise ConfigError(f"--pin is '{shorten(text)}'. Give COLUMN=VALUE, or the id of a row, as 12.")
    return int(text)


def _choice(option: str, text: str, allowed: Sequence[str]) -> str:
    if text not in allowed:
        raise ConfigError(f"{option} is '{shorten(text)}'. Choose one of: {', '.join(allowed)}.")
    return text


def _number(option: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ConfigError(f"{option} is '{shorten(text)}', which is no number. Give a number, as 0.5.") from error


def _whole(option: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise ConfigError(f"{option} is '{shorten(text)}'. Give a whole number of at least 0.")
    return int(text)


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


def _cannot_write(folder: Path, reason: str) -> str:
    return f"--out {shorten(folder)} cannot be written ({shorten(reason, 120)}). Choose another folder."


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    sys.exit(main())
