"""Folders of Parquet files that this server offers: their names, their first rows, and the cluster that studies them.

Nothing is offered unless IFFAIR_DATA_ROOT names a folder. Whoever may open the dashboard may study what lies there.
"""

from __future__ import annotations

import os
import threading
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from iffair_core.errors import TableError, shorten

if TYPE_CHECKING:
    from iffair_core.cluster.folder import ParquetFolder

ROOT = "IFFAIR_DATA_ROOT"
"""Environment variable: the folder whose Parquet files, in folders of their own, are offered."""
SCHEDULER = "IFFAIR_SCHEDULER"
"""Environment variable: address of the Dask cluster; workers of this machine without one."""
MARK = "folder:"
"""What the name of such a source begins with."""
FIRST_ROWS = 20_000
"""Most rows of a folder that the pages hold: what columns look like is told from them."""


def names() -> tuple[str, ...]:
    """Folders under the root that hold Parquet files, by their paths from there; with a link that leads out, none."""
    root = _root()
    if root is None:
        return ()
    files = [file for file in root.rglob("*.parquet") if file.parent != root]
    out = {file.parent for file in files if not file.resolve().is_relative_to(root)}
    return tuple(sorted({file.parent.relative_to(root).as_posix() for file in files if file.parent not in out}))


def is_offered(source: str) -> bool:
    """Whether a source is a folder that is there."""
    return source.startswith(MARK) and source.removeprefix(MARK) in names()


def opened(source: str) -> ParquetFolder:
    """The folder of a source. Raises TableError where it is not there, or is no table."""
    from iffair_core.cluster.folder import open_folder

    root, name = _root(), source.removeprefix(MARK)
    if root is None or name not in names():
        raise TableError(f"This server offers no folder '{shorten(name)}'. Choose another one.")
    return open_folder(root / name)


def first_rows(folder: ParquetFolder) -> pd.DataFrame:
    """The first rows of a folder, all columns; no more than one row group of one file is read for them."""
    from iffair_core.cluster.folder import read_columns

    first = folder.partitions[0]
    return read_columns([replace(first, groups=first.groups[:1])], folder.columns).head(FIRST_ROWS)


def client() -> Any:
    """This server's way to the cluster, made for the first study and anew where it was lost.

    Raises ConfigError, in one sentence, where there is no cluster and none can be started.
    """
    from iffair_core.cluster.connecting import connected, started_apart

    with _MAKING:
        if not _CLIENTS or _CLIENTS[-1].status != "running":
            _CLUSTER.close()
            scheduler = os.environ.get(SCHEDULER) or _CLUSTER.enter_context(started_apart())
            _CLIENTS[:] = [_CLUSTER.enter_context(connected(scheduler))]
        return _CLIENTS[-1]


_MAKING, _CLUSTER = threading.Lock(), ExitStack()
_CLIENTS: list[Any] = []
"""The client of this server's cluster: all sessions' studies take it, and nothing of a session is in it."""


def _root() -> Path | None:
    named = os.environ.get(ROOT, "").strip()
    return Path(named).resolve() if named else None
