"""The command line's options: what they are called, and what was given with them, checked before a file is read."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, NoReturn

from iffair_core.data.row_selectors import DUPLICATES
from iffair_core.errors import ConfigError, shorten
from iffair_core.metrics import GOALS
from iffair_core.models import MODELS, USUAL_C
from iffair_core.reading.options import ReadOptions
from iffair_core.reading.types import TYPES
from iffair_core.reweighting import VARIANTS
from iffair_core.rivals.registry import RIVALS, rival_names
from iffair_core.study.classifiers import TRANSFER_MODELS
from iffair_core.study.config import StudyConfig
from iffair_core.study.smallest_fix import BY, require_fix
from iffair_core.telling.reproduce import parse_pool

DESIGN = "design.parquet"
SEEDS = "seeds.csv"
MOST_SEEDS = 1000
_USUAL = "default: " + ", ".join(f"{C:g} for {name}" for name, C in USUAL_C.items())


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
    commands = parser.add_subparsers(dest="command", metavar="{run,check,datasets,ui}", required=True)
    commands.add_parser("datasets", help="list the named data sets", allow_abbrev=False)
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
    repair.add_argument("--C", metavar="C", help=f"inverse penalty of the model ({_USUAL})")
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
    """The options that `task_choices` makes a task of."""
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
    """The options that `read_options` and `task_choices` read: what the cells of a file mean."""
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


# ----------------------------------------------------------------------------------------------------- what was given


def task_choices(options: argparse.Namespace) -> dict[str, Any]:
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
        found["smallest_group"] = whole_number("--smallest-group", options.smallest_group)
    return {name: value for name, value in found.items() if value is not None}


def read_options(options: argparse.Namespace) -> ReadOptions:
    """What was said about the file itself."""
    names = ("delimiter", "quote", "decimal", "encoding", "sheet", "comment")
    header = None if options.header is None else whole_number("--header", options.header)
    return ReadOptions(**{name: getattr(options, name) for name in names}, header=header)


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


def study_options(options: argparse.Namespace) -> dict[str, Any]:
    """Arguments of Study, checked before any file is read."""
    found: dict[str, Any] = {
        "metric": _choice("--metric", options.metric, GOALS),
        "variant": _choice("--variant", options.variant, VARIANTS),
        "seed": whole_number("--seed", options.seed),
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
    StudyConfig.from_dict(found)
    return found


def wanted_fix(options: argparse.Namespace) -> tuple[float, str] | None:
    """Target and kind of the smallest fix, None where none is asked for."""
    if options.target_gap is None:
        if options.fix_by is not None:
            raise ConfigError("--fix-by needs --target-gap, the disparity that the smallest fix has to reach.")
        return None
    wanted = _number("--target-gap", options.target_gap), _choice("--fix-by", options.fix_by or "rows", tuple(BY))
    require_fix(*wanted)
    return wanted


def seed_count(options: argparse.Namespace) -> int:
    """How many seeds are run, from 1."""
    count = whole_number("--seeds", options.seeds)
    if not 1 <= count <= MOST_SEEDS:
        raise ConfigError(f"--seeds is {count}; give a whole number from 1 to {MOST_SEEDS}.")
    return count


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


def whole_number(option: str, text: str) -> int:
    """An option's whole number of at least 0; ConfigError for any other text."""
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise ConfigError(f"{option} is '{shorten(text)}'. Give a whole number of at least 0.")
    return int(text)
