"""Named tables: the embedded example, and the public data sets of the fairness literature with what to know of them.

`catalog.toml` describes the public ones. Their files are downloaded at the first use (`fetching`), compared byte for
byte, and read as the publisher wrote them (`originals`). The task is a preset: the outcome, groups and reference group
that most papers use, without the features that give the outcome away. `pitfalls` says what has misled users of it.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from iffair_core.data.task import Task
from iffair_core.datasets import example, fetching, originals
from iffair_core.datasets.example import example_biased_rows, is_example
from iffair_core.datasets.fetching import MIRROR, Progress, SourceFile
from iffair_core.errors import ConfigError, StopCheck, listing, never_stop, shorten

__all__ = [
    "DATASETS",
    "EXAMPLE",
    "CatalogEntry",
    "example_biased_rows",
    "is_available",
    "is_example",
    "load_dataset",
    "whereabouts",
]


@dataclass(frozen=True)
class CatalogEntry:
    """A named table and the task that goes with it.

    rows: of the table as loaded; seed: what a generated table is generated from; source: page of the publisher; files:
    what has to be downloaded, none for a generated table; separator and columns: how its files are read, columns empty
    where the first line names them; pitfalls: one sentence or two each.
    """

    name: str
    title: str
    description: str
    rows: int
    license: str
    task: Task
    synthetic: bool = False
    seed: int | None = None
    citation: str = ""
    pitfalls: tuple[str, ...] = ()
    source: str = ""
    files: tuple[SourceFile, ...] = ()
    separator: str = ","
    columns: tuple[str, ...] = ()


def load_dataset(
    name: str, *, progress: Progress | None = None, stop_check: StopCheck = never_stop
) -> tuple[pd.DataFrame, Task]:
    """(table, task) of a named data set; the table is the caller's own copy.

    A public one is downloaded if it is not on this machine: progress(share, text) is told how far that is, and
    stop_check() is called now and then and may raise `Cancelled`. Raises `ConfigError` on other names, `DownloadError`
    where a file cannot be had.
    """
    entry = _entry(name)
    if not entry.files:
        return example.example_table(), entry.task
    files = fetching.fetch(entry.files, progress=progress, stop_check=stop_check)
    return originals.table_of(name, files, separator=entry.separator, columns=entry.columns), entry.task


def is_available(entry: CatalogEntry | str) -> bool:
    """Whether an entry, or the one of that name, needs no network: it is generated, or its files are here."""
    return fetching.on_this_machine((_entry(entry) if isinstance(entry, str) else entry).files)


def whereabouts(entry: CatalogEntry) -> str:
    """Whether the table is here, or how it gets here, in words. Asks no network."""
    if is_available(entry):
        return "on this machine"
    elsewhere = [file.elsewhere for file in entry.files if not file.address]
    return f"only from a mirror, see {MIRROR}. {elsewhere[0]}" if elsewhere else "downloaded at its first use"


def _entry(name: str) -> CatalogEntry:
    for entry in DATASETS:
        if entry.name == name:
            return entry
    names = listing((entry.name for entry in DATASETS), len(DATASETS))
    raise ConfigError(f"There is no data set called '{shorten(name)}'. Choose one of: {names}.")


def _public() -> tuple[CatalogEntry, ...]:
    """The entries of catalog.toml."""
    said: dict[str, dict[str, Any]] = {}
    for one in tomllib.loads(Path(__file__).with_name("catalog.toml").read_text(encoding="utf-8"))["dataset"]:
        said[one["name"]] = said.get(one.pop("like", ""), {}) | one
    return tuple(
        CatalogEntry(
            **one
            | {
                "task": Task.from_dict(one["task"]),
                "pitfalls": tuple(one["pitfalls"]),
                "files": tuple(SourceFile(**file) for file in one["files"]),
                "columns": tuple(one.get("columns", "").split()),
            }
        )
        for one in said.values()
    )


EXAMPLE = CatalogEntry(
    name="example",
    title="Loan applications (synthetic example)",
    description=(
        "10,000 generated loan applications from an invented town with three communities. Not real people: every "
        "value is drawn from a formula, and past unfair decisions were injected into rows that are known."
    ),
    rows=example.ROWS,
    license="MIT, as the rest of this package",
    task=Task(target="decision", favorable="granted", sensitive="community"),
    synthetic=True,
    seed=example.SEED,
)
DATASETS: tuple[CatalogEntry, ...] = (EXAMPLE, *_public())
