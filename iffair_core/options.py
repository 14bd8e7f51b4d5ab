"""The command line's options: what they are called, and what was given with them, checked before a file is read."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NoReturn

from iffair_core.data.option import Choice, Number, Option, Whole, options_of
from iffair_core.data.task import Task
from iffair_core.errors import ConfigError, shorten
from iffair_core.reading.options import ReadOptions
from iffair_core.study.config import StudyConfig, StudyOptions
from iffair_core.study.smallest_fix import BY, require_fix
from iffair_core.telling.saved_settings import LARGEST, WAY_OUT, SavedSettings, read_settings

DESIGN = "design.parquet"
MODEL = "model.skops"
ROWS_PARQUET = "rows.parquet"
SEEDS = "seeds.csv"
CAUSES = ("cohorts.csv", "conflicts.csv", "along.csv", "collect.csv")
AUDIT_FILES = ("audit.csv", "audit.json")
SCENARIO_ACTIONS = ("list", "show", "export", "delete")
MOST_SEEDS = 1000
ENGINES = ("memory", "dask")


class _Parser(argparse.ArgumentParser):
    """argparse that raises instead of printing its usage."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{shorten(message, 300)}. See python -m iffair_core run --help.")


def command_parser() -> argparse.ArgumentParser:
    """The parser of `python -m iffair_core`; it raises ConfigError for what it cannot parse."""
    parser = _Parser(
        prog="python -m iffair_core",
        description="Find the training rows that make a model unfair, and the row weights that repair it.",
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(dest="command", metavar="{run,check,audit,datasets,scenarios,ui}", required=True)
    commands.add_parser("datasets", help="list the named data sets", allow_abbrev=False)
    kept = commands.add_parser(
        "scenarios",
        help="list, show, export or delete saved scenarios",
        description="Scenarios that the dashboard has saved, in the database that IFFAIR_DATABASE_URL names.",
        allow_abbrev=False,
    )
    kept.add_argument("action", choices=SCENARIO_ACTIONS, help=f"{', '.join(SCENARIO_ACTIONS)}")
    kept.add_argument("scenario", nargs="?", metavar="ID|NAME", help="which one, but for list")
    kept.add_argument("--out", metavar="DIR", help="folder for the files of export, made if it is not there")
    commands.add_parser(
        "ui",
        usage="%(prog)s [options of streamlit run]",
        help="open the dashboard in the browser",
        description="Open the dashboard in the browser, from any folder. What else is given goes to `streamlit run`, "
        "such as --server.port 8600.",
        add_help=True,
        allow_abbrev=False,
    )
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
    _add_task(check)
    audit = commands.add_parser(
        "audit",
        usage="%(prog)s FILE --target COL --favorable VALUE|--above CUT --sensitive COL [options]",
        help="compare the shares of groups that a column selects, without a model",
        description="Compare the shares of groups that a column selects: a recorded outcome, a decision, or a score "
        "above a cut. Prints shares, impact ratios and gaps with 95 % intervals, by each sensitive column and by all "
        "of them crossed. No feature is needed.",
        allow_abbrev=False,
    )
    audit.add_argument("file", metavar="FILE", help="CSV, Parquet or Excel file, or the name of a data set")
    audit.add_argument("--above", metavar="CUT", help="selected is who scores more than this; median for the median")
    audit.add_argument(
        "--truth", metavar="COL=VALUE", help="favorable value of a column that says what came true, for error rates"
    )
    audit.add_argument("--seed", metavar="N", default="0", help="of bootstrap and permutations (default: %(default)s)")
    audit.add_argument("--out", metavar="DIR", help=f"folder for {' and '.join(AUDIT_FILES)}")
    _add_task(audit)
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
    _add_task(run)
    shared = options_of(StudyOptions)
    _add(run, {name: declared for name, declared in options_of(StudyConfig).items() if name not in shared})
    repair = run.add_argument_group("how it is repaired")
    _add(repair, shared)
    repair.add_argument("--seeds", metavar="K", help=f"run K seeds from N on and write {SEEDS} as well")
    repair.add_argument(
        "--target-gap", metavar="G", help="also find the smallest fix that brings the goal's disparity to G"
    )
    repair.add_argument("--fix-by", metavar="WHAT", help=f"what is smallest: {' or '.join(BY)} (default: rows)")
    run.add_argument("--parquet", action="store_true", help=f"also write {ROWS_PARQUET}, the same as rows.csv")
    run.add_argument(
        "--save-model", action="store_true", help=f"also write {MODEL}, the repaired model as a scikit-learn pipeline"
    )
    run.add_argument(
        "--settings", metavar="FILE", help="settings.json of an earlier study; options given besides win over it"
    )
    run.add_argument(
        "--engine", metavar="NAME", default=ENGINES[0], help="memory, or dask for a folder of Parquet files"
    )
    run.add_argument("--scheduler", metavar="ADDRESS", help="of the Dask cluster (default: workers on this machine)")
    run.add_argument("--causes", action="store_true", help=f"also write {', '.join(CAUSES)}")
    run.add_argument(
        "--save-design", action="store_true", help=f"also write {DESIGN}, the features as the model saw them"
    )
    return parser


def _add(group: argparse._ActionsContainer, options: Mapping[str, Option]) -> None:
    for name, declared in options.items():
        usage = declared.usage.format(allowed=", ".join(declared.allowed), default=declared.default)
        many: dict[str, Any] = {"nargs": "+"} if declared.action == "extend" else {}
        group.add_argument(
            f"--{declared.flag}", dest=name, action=declared.action, metavar=declared.metavar, help=usage, **many
        )


def _add_task(parser: argparse.ArgumentParser) -> None:
    """The options of a task and of reading a file, which `task_choices` and `read_options` read."""
    declared, of_cells = options_of(Task), ("types", "missing")
    task = parser.add_argument_group("what is studied")
    _add(task, {name: one for name, one in declared.items() if name not in of_cells})
    reading = parser.add_argument_group("how the file is read", "What is not given is detected.")
    _add(reading, {name: declared[name] for name in of_cells})
    reading.add_argument("--delimiter", metavar="TEXT", help="what stands between two cells, as ; or tab")
    reading.add_argument("--quote", metavar="CHAR", help="quotation mark around cells, empty for none")
    reading.add_argument("--decimal", metavar=".|,", help="decimal mark of numbers")
    reading.add_argument("--encoding", metavar="NAME", help="encoding of the text, as utf-8 or cp1252")
    reading.add_argument("--header", metavar="LINE", help="number of the header line, 0 where the file has none")
    reading.add_argument("--sheet", metavar="NAME", help="sheet of a workbook")
    reading.add_argument("--comment", metavar="TEXT", help="how a line begins that is not part of the table")


# ----------------------------------------------------------------------------------------------------- what was given


def _given(options: argparse.Namespace, record: type) -> dict[str, Any]:
    """The values of a record's fields that were given."""
    found = {name: (declared, getattr(options, name)) for name, declared in options_of(record).items()}
    return {name: declared.given(texts) for name, (declared, texts) in found.items() if texts is not None}


def task_choices(options: argparse.Namespace) -> dict[str, Any]:
    """The choices of the task that were given."""
    return _given(options, Task)


def read_options(options: argparse.Namespace, saved: SavedSettings | None = None) -> ReadOptions:
    """What was said about the file itself; what was given wins over what was saved."""
    names = ("delimiter", "quote", "decimal", "encoding", "sheet", "comment")
    header = None if options.header is None else whole_number("header", options.header)
    given = ReadOptions(**{name: getattr(options, name) for name in names}, header=header)
    return given if saved is None else ReadOptions(**(saved.reading.given() | given.given()))


def saved_settings(options: argparse.Namespace) -> SavedSettings | None:
    """What --settings says; None where it is not given. Raises ConfigError for a file that cannot be read or used."""
    path = getattr(options, "settings", None)
    if path is None:
        return None
    try:
        with open(path, "rb") as file:
            return read_settings(file.read(LARGEST + 1))
    except (OSError, ValueError) as error:
        if isinstance(error, ConfigError):
            raise
        why = getattr(error, "strerror", None) or str(error)
        raise ConfigError(f"--settings {shorten(path)} cannot be read ({shorten(why, 120)}). {WAY_OUT}") from error


def study_config(options: argparse.Namespace, saved: SavedSettings | None = None) -> StudyConfig:
    """The study's configuration, checked before any file is read; what was given wins over what was saved."""
    given = _given(options, StudyConfig)
    if saved is None:
        return StudyConfig(**given)
    if "model" in given and given["model"] != saved.config.model:
        given = {"C": None, **given}  # the saved penalty is that of another model
    return replace(saved.config, **given)


def on_cluster(options: argparse.Namespace) -> bool:
    """Whether the rows stay on a cluster; ConfigError for options that a study there has not."""
    if Choice(flag="engine", allowed=ENGINES).given(options.engine) == "memory":
        if options.scheduler is not None:
            raise ConfigError("--scheduler is of --engine dask. Give both, or neither.")
        return False
    beside = {"causes": options.causes, "save-design": options.save_design, "seeds": options.seeds is not None}
    for flag in (flag for flag, given in beside.items() if given):
        raise ConfigError(f"--{flag} needs all rows in one place, which --engine dask has not. Leave one of them out.")
    if named := read_options(options).given():
        raise ConfigError(f"--{next(iter(named))} is of other files than the Parquet of --engine dask. Leave it out.")
    return True


def wanted_fix(options: argparse.Namespace, saved: SavedSettings | None = None) -> tuple[float, str] | None:
    """Target and kind of the smallest fix, None where none is asked for."""
    earlier = None if saved is None else saved.fix
    if options.target_gap is None and earlier is None:
        if options.fix_by is not None:
            raise ConfigError("--fix-by needs --target-gap, the disparity that the smallest fix has to reach.")
        return None
    target, kind = earlier or (0.0, "rows")
    if options.target_gap is not None:
        target = Number(flag="target-gap").given(options.target_gap)
    by = Choice(flag="fix-by", allowed=tuple(BY)).given(options.fix_by or kind)
    require_fix(target, by)
    return target, by


def seed_count(options: argparse.Namespace, saved: SavedSettings | None = None) -> int:
    """How many seeds are run, from 1."""
    count = whole_number("seeds", options.seeds) if options.seeds is not None else 1 if saved is None else saved.seeds
    if not 1 <= count <= MOST_SEEDS:
        raise ConfigError(f"--seeds is {count}; give a whole number from 1 to {MOST_SEEDS}.")
    return count


def whole_number(flag: str, text: str) -> int:
    """An option's whole number of at least 0; ConfigError for any other text."""
    return Whole(flag=flag).given(text)
