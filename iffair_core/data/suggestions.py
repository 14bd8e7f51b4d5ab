"""Which columns of a new table may be the outcome and the sensitive attributes, by their names and shapes."""

from __future__ import annotations

import re
from collections.abc import Iterable

import pandas as pd

MOST = 3
MOST_VALUES = 20
_ATTRIBUTES = (
    "sex gender race ethnicity ethnic age religion disability disabled nationality citizenship origin marital "
    "sexe geschlecht sexo genero alter edad"
)  # fmt: skip
_OUTCOMES = (
    "outcome decision hired hire selected approved approval accepted admitted granted promoted passed pass "
    "default defaulted income recid recidivism label target class result y"
)


def suggested_outcomes(columns: pd.DataFrame) -> tuple[str, ...]:
    """Columns with two values whose names say that something was decided or found out, at most `MOST`.

    columns: `reading.types.column_summary` of the table. Where no name says so, the last column if it has two values.
    """
    two = columns.loc[columns["distinct"] == 2, "name"].tolist()
    named = _by_word(two, _OUTCOMES)
    last = [name for name in columns["name"].tolist()[-1:] if name in two and not _by_word([name], _ATTRIBUTES)]
    return tuple((named or last)[:MOST])


def suggested_attributes(columns: pd.DataFrame) -> tuple[str, ...]:
    """Columns whose names are those of attributes that law protects in many places, at most `MOST`.

    columns: `reading.types.column_summary` of the table. Categories with up to `MOST_VALUES` values, and an age.
    """
    grouped = columns["type"].isin(["yes/no", "category"]) & columns["distinct"].between(2, MOST_VALUES)
    aged = columns["type"].eq("number") & columns["name"].map(lambda name: "age" in words_of(name))
    return tuple(_by_word(columns.loc[grouped | aged, "name"].tolist(), _ATTRIBUTES)[:MOST])


def words_of(name: str) -> list[str]:
    """The words of a column's name, in lower case.

    >>> words_of("ApplicantSex"), words_of("age_at-entry"), words_of("RACE1")
    (['applicant', 'sex'], ['age', 'at', 'entry'], ['race'])
    """
    return [word.casefold() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[^\W\d_]+", name)]


def _by_word(names: Iterable[str], wanted: str) -> list[str]:
    """The names that have one of the wanted words, in the order of these words."""
    order = wanted.split()
    ranks = {name: min((order.index(word) for word in words_of(name) if word in order), default=None) for name in names}
    return sorted((name for name, rank in ranks.items() if rank is not None), key=lambda name: ranks[name] or 0)
