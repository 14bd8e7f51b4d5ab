"""The six public data sets of the benchmarks as tables and tasks, read from a folder of their original files.

The folder is `--data`, else the environment variable IFFAIR_DATA, else ../shared/data beside the repository; each file
in it is stored as its publisher serves it, those above 1 MB gzipped. Nothing here is shipped with the product.
"""

from __future__ import annotations

import gzip
import io
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from iffair_core import Task

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_FOLDER = Path(os.environ.get("IFFAIR_DATA", ROOT.parent / "shared" / "data"))

ADULT = ("age", "workclass", "fnlwgt", "education", "education-num", "marital-status", "occupation", "relationship",
         "race", "sex", "capital-gain", "capital-loss", "hours-per-week", "native-country", "income")  # fmt: skip
GERMAN = ("status", "month", "credit_history", "purpose", "credit_amount", "savings", "employment",
          "investment_as_income_percentage", "personal_status", "other_debtors", "residence_since", "property", "age",
          "installment_plans", "housing", "number_of_credits", "skill_level", "people_liable_for", "telephone",
          "foreign_worker", "credit")  # fmt: skip
COMPAS_KEPT = ("sex", "age", "race", "juv_fel_count", "juv_misd_count", "juv_other_count", "priors_count",
               "c_charge_degree", "two_year_recid")  # fmt: skip
COMMUNITIES_DROPPED = ("state", "county", "community", "communityname", "fold")

Loaded = tuple[pd.DataFrame, Task]


def _read(path: Path, **how: object) -> pd.DataFrame:
    """The CSV file at `path` or `path`.gz, every cell as text."""
    raw = path.read_bytes() if path.exists() else gzip.decompress(Path(f"{path}.gz").read_bytes())
    table = pd.read_csv(io.BytesIO(raw), dtype=str, keep_default_na=False, **how)  # type: ignore[call-overload]
    return pd.DataFrame(table)


def _typed(table: pd.DataFrame) -> pd.DataFrame:
    """Columns whose every value is a number, as numbers."""
    numbers = {name: pd.to_numeric(column, errors="coerce") for name, column in table.items()}
    return pd.DataFrame({name: found if found.notna().all() else table[name] for name, found in numbers.items()})


def adult(folder: Path) -> Loaded:
    """Income above 50,000 by sex; both parts, 48,842 rows."""
    parts = [
        _read(folder / "adult" / "adult.data", header=None, names=list(ADULT), skipinitialspace=True),
        _read(folder / "adult" / "adult.test", header=None, names=list(ADULT), skipinitialspace=True, skiprows=1),
    ]
    table = pd.concat(parts, ignore_index=True)
    table["income"] = table["income"].str.rstrip(".")
    return _typed(table), Task("income", ">50K", "sex", reference="Male", drop=("fnlwgt", "education"))


def bank(folder: Path) -> Loaded:
    """Subscribes a deposit, by age 25 to 59 against others; without the length of the call, known only afterwards."""
    table = _typed(_read(folder / "bank_marketing" / "bank-full.csv", sep=";"))
    table["age"] = np.where(table["age"].between(25, 59), "25 to 59", "other")
    return table, Task("y", "yes", "age", reference="25 to 59", drop=("duration",))


def compas(folder: Path) -> Loaded:
    """No recidivism within two years, African-American against Caucasian, after ProPublica's filter; 5,278 rows."""
    table = _read(folder / "compas" / "compas-scores-two-years.csv")
    days = pd.to_numeric(table["days_b_screening_arrest"], errors="coerce")
    kept = days.between(-30, 30) & (table["is_recid"] != "-1") & (table["c_charge_degree"] != "O")
    kept &= (table["score_text"] != "N/A") & table["race"].isin(["African-American", "Caucasian"])
    chosen = table.loc[kept, list(COMPAS_KEPT)].reset_index(drop=True)
    return _typed(chosen), Task("two_year_recid", 0, "race", reference="Caucasian")


def communities(folder: Path, quantile: float) -> Loaded:
    """Violent crime below a quantile of all communities, by a share of black residents below or from 0.06 on."""
    names = (folder / "communities_crime" / "communities.columns.txt").read_text().split()
    table = _typed(_read(folder / "communities_crime" / "communities.data", header=None, names=names))
    sparse = [name for name in names if (table[name] == "?").mean() > 0.5]
    crime = table.pop("ViolentCrimesPerPop")
    made = {
        "OtherPerCap": pd.to_numeric(table["OtherPerCap"], errors="coerce"),
        "crime": np.where(crime <= crime.quantile(quantile), "low", "high"),
        "share_black": np.where(table["racepctblack"] >= 0.06, "0.06 or more", "below 0.06"),
    }
    dropped = sorted({*COMMUNITIES_DROPPED, *sparse, "racepctblack"})
    return table.assign(**made), Task("crime", "low", "share_black", reference="below 0.06", drop=dropped)


def german(folder: Path) -> Loaded:
    """Good credit by sex, which the personal status tells; 1,000 rows."""
    table = _read(folder / "german" / "german.data", sep=" ", header=None, names=list(GERMAN))
    table["sex"] = np.where(table.pop("personal_status").isin(["A92", "A95"]), "female", "male")
    return _typed(table), Task("credit", 1, "sex", reference="male")


def law_school(folder: Path) -> Loaded:
    """First attempt at the bar exam passed, by race; 20,798 rows."""
    table = _typed(_read(folder / "law_school" / "law_school_clean.csv"))
    return table, Task("pass_bar", 1, "race", reference="White")


DATASETS: dict[str, Callable[[Path], Loaded]] = {
    "adult": adult,
    "bank": bank,
    "compas": compas,
    "communities-70": lambda folder: communities(folder, 0.7),
    "communities-50": lambda folder: communities(folder, 0.5),
    "german": german,
    "law": law_school,
}
