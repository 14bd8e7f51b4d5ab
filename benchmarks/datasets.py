"""The public data sets as the benchmarks study them: tables of the product's catalog, with the tasks of the comparison.

The files come from the product's mirror, cache or publishers (IFFAIR_MIRROR, IFFAIR_CACHE). Where no mirror is named,
the folder ../shared/data beside the repository is the mirror, if it is there.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from iffair_core import Task, load_dataset
from iffair_core.datasets.fetching import MIRROR

_BESIDE = Path(__file__).resolve().parents[2] / "shared" / "data"
COMPAS_KEPT = ("sex", "age", "race", "juv_fel_count", "juv_misd_count", "juv_other_count", "priors_count",
               "c_charge_degree", "two_year_recid")  # fmt: skip
COMMUNITIES_DROPPED = ("state", "county", "community", "communityname", "fold")

Loaded = tuple[pd.DataFrame, Task]


def _table(name: str) -> pd.DataFrame:
    if _BESIDE.is_dir():
        os.environ.setdefault(MIRROR, str(_BESIDE))
    return load_dataset(name)[0]


def adult() -> Loaded:
    """Income above 50,000 by sex; both parts, 48,842 rows. "?" is a value of its own."""
    table = _table("adult")
    return table, Task("income", ">50K", "sex", reference="Male", drop=("fnlwgt", "education"))


def bank() -> Loaded:
    """Subscribes a deposit, by age 25 to 59 against others; without the length of the call, known only afterwards."""
    table = _table("bank_full")
    table["age"] = np.where(table["age"].between(25, 59), "25 to 59", "other")
    return table, Task("y", "yes", "age", reference="25 to 59", drop=("duration",))


def compas() -> Loaded:
    """No recidivism within two years, African-American against Caucasian, after ProPublica's filter; 5,278 rows."""
    table = _table("compas")
    two = table["race"].isin(["African-American", "Caucasian"])
    return table.loc[two, list(COMPAS_KEPT)].reset_index(drop=True), Task("two_year_recid", 0, "race", "Caucasian")


def communities(quantile: float) -> Loaded:
    """Violent crime below a quantile of all communities, by a share of black residents below or from 0.06 on."""
    table = _table("communities_crime").copy()
    sparse = [name for name in table if table[name].isna().mean() > 0.5]
    crime = table.pop("ViolentCrimesPerPop")
    made = {
        "crime": np.where(crime <= crime.quantile(quantile), "low", "high"),
        "share_black": np.where(table["racepctblack"] >= 0.06, "0.06 or more", "below 0.06"),
    }
    dropped = sorted({*COMMUNITIES_DROPPED, *sparse, "racepctblack"})
    return table.assign(**made), Task("crime", "low", "share_black", reference="below 0.06", drop=dropped)


def german() -> Loaded:
    """Good credit by sex, which the personal status tells; 1,000 rows."""
    table = _table("german")
    sex = table.pop("sex")
    return table.drop(columns="personal_status").assign(sex=sex), Task("credit", 1, "sex", reference="male")


def law_school() -> Loaded:
    """First attempt at the bar exam passed, by race; 20,798 rows."""
    table = _table("law_school_clean")
    return table, Task("pass_bar", 1, "race", reference="White")


DATASETS: dict[str, Callable[[], Loaded]] = {
    "adult": adult,
    "bank": bank,
    "compas": compas,
    "communities-70": lambda: communities(0.7),
    "communities-50": lambda: communities(0.5),
    "german": german,
    "law": law_school,
}
