"""The public data sets' files as their publishers wrote them -> tables, column by column as they are.

Nothing is detected: the bytes are known, and `catalog.toml` gives the separator and the names. The empty cell is
missing, and "?" in a column of numbers; other markers stay values for the user to decide on.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

PERSONAL = ("id", "name", "first", "last", "dob", "c_case_number", "r_case_number", "vr_case_number")
"""Columns of the COMPAS file that say who somebody is; they are never in a table."""
COMPAS_TWICE = ("decile_score.1", "priors_count.1")
WOMEN = ("A92", "A95")


def table_of(name: str, files: Sequence[bytes], *, separator: str, columns: Sequence[str]) -> pd.DataFrame:
    """The table of the data set `name` from the bytes of its files, in the order of the catalog.

    columns: the names where the file has no header, otherwise empty.
    """
    if name == "adult":
        files = [_adult(*files)]
    how: dict[str, Any] = {"header": 0} if not columns else {"header": None, "names": list(columns)}
    marks: Any = [""]
    if name == "communities_crime":
        marks = {column: ["", "?"] for column in columns if column != "communityname"}
    table = pd.read_csv(
        io.BytesIO(files[0]),
        sep=separator,
        skipinitialspace=name == "adult",
        keep_default_na=False,
        na_values=marks,
        low_memory=False,
        **how,
    )
    return _FINISH[name](table) if name in _FINISH else table


def _adult(data: bytes, test: bytes) -> bytes:
    """adult.data, then adult.test without its first line and without the dot behind its outcomes."""
    return data.rstrip(b"\n") + b"\n" + test.partition(b"\n")[2].replace(b"K.\n", b"K\n")


def _compas(table: pd.DataFrame) -> pd.DataFrame:
    """ProPublica's own filter, 6,172 of 7,214 rows, and none of the columns of `PERSONAL`.

    Kept are rows with a charge within 30 days of the screening, a known recidivism, no ordinary traffic offense and a
    score.
    """
    kept = (
        table["days_b_screening_arrest"].between(-30, 30)
        & (table["is_recid"] != -1)
        & (table["c_charge_degree"] != "O")
        & (table["score_text"] != "N/A")
    )
    return table[kept].drop(columns=[*PERSONAL, *COMPAS_TWICE]).reset_index(drop=True)


def _german(table: pd.DataFrame) -> pd.DataFrame:
    """With `sex` after `personal_status`, which tells it."""
    sex = table["personal_status"].isin(WOMEN).map({True: "female", False: "male"}).astype("str")
    table.insert(list(table.columns).index("personal_status") + 1, "sex", sex)
    return table


_FINISH: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {"compas": _compas, "german": _german}
