"""The embedded example, which is generated and says so.

It is a table of 10,000 loan applications in an invented town. A formula in the financial columns decides who repays,
and people in Cedar earn less. The recorded decision follows the formula, except in known rows, most of them close
calls. There a decision is injected that the finances do not explain: creditworthy applicants of Cedar, and fewer of
Birch, are recorded as denied, and a few weak applications of Alder as granted. So influence can be tested against a
ground truth (`example_biased_rows`), which real data never has.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd

from iffair_core.reading.door import table_fingerprint

ROWS = 10_000
SEED = 7_249

_COMMUNITIES = ("Alder", "Birch", "Cedar")
_SHARES = (0.50, 0.24, 0.26)
_DISTRICTS = ("Harbor", "Hillcrest", "Lakeview", "Millfield", "Northgate", "Old Town", "Riverside", "Southbank")
_DISTRICT_SHARES = np.array(
    [
        [0.05, 0.26, 0.24, 0.04, 0.20, 0.13, 0.06, 0.02],
        [0.10, 0.05, 0.06, 0.08, 0.10, 0.30, 0.27, 0.04],
        [0.30, 0.01, 0.02, 0.27, 0.03, 0.05, 0.06, 0.26],
    ]
)
_EMPLOYMENT = ("salaried", "self-employed", "public service", "temporary", "not employed")
_EMPLOYMENT_SHARES = (0.52, 0.14, 0.16, 0.12, 0.06)
_EMPLOYMENT_MERIT = np.array([0.15, -0.10, 0.35, -0.35, -0.80])
_PURPOSES = ("car", "home repair", "education", "furniture", "business", "medical")
_PURPOSE_SHARES = (0.30, 0.22, 0.14, 0.16, 0.10, 0.08)
_PURPOSE_MERIT = np.array([0.05, 0.20, 0.10, -0.05, -0.25, -0.15])
_DENIED_SHARE = {"Birch": 0.12, "Cedar": 0.45}
_GRANTED_SHARE = {"Alder": 0.05}


def example_table() -> pd.DataFrame:
    """The example; the table is the caller's own copy."""
    return _example()[0].copy()


def example_biased_rows() -> np.ndarray:
    """(10,000,) bool: rows of the example whose recorded decision was altered. Known only because it is synthetic."""
    return _example()[1].copy()


def is_example(table: pd.DataFrame) -> bool:
    """Whether `table` is the synthetic example, cell for cell (also after a trip through a file)."""
    return table.shape == _example()[0].shape and table_fingerprint(table) == _example_fingerprint()


@cache
def _example_fingerprint() -> str:
    return table_fingerprint(_example()[0])


@cache
def _example() -> tuple[pd.DataFrame, np.ndarray]:
    """(table, altered rows). Values are rounded before use, so that they survive a CSV file."""
    n = ROWS
    rng = np.random.default_rng(SEED)
    community = rng.choice(3, n, p=_SHARES)
    birch, cedar = community == 1, community == 2
    district = (rng.random(n)[:, None] > np.cumsum(_DISTRICT_SHARES, axis=1)[community][:, :-1]).sum(axis=1)
    age = np.clip(np.round(19 + rng.gamma(3.2, 7.2, n)), 19, 79).astype(np.int64)
    employment = rng.choice(5, n, p=_EMPLOYMENT_SHARES)
    employed = employment != 4
    years_employed = np.where(employed, np.round((age - 18) * rng.beta(1.3, 2.2, n), 1), 0.0)
    log_income = (
        7.72
        + 0.22 * np.log1p(years_employed)
        + 0.06 * np.where(employment == 2, 1, 0)
        - 0.55 * ~employed
        - 0.06 * birch
        - 0.60 * cedar
        + rng.normal(0, 0.36, n)
    )
    income = np.round(np.exp(log_income), -1)
    debt_ratio = np.round(rng.beta(2.2, 4.6, n) + 0.05 * cedar, 3)
    savings = np.round(np.exp(rng.normal(7.4, 1.2, n) + 0.5 * (log_income - 8)), -1)
    credit_history = np.minimum(np.round(rng.gamma(2.2, 3.6, n), 1), age - 18)
    prior_defaults = rng.poisson(0.15 + 0.75 * debt_ratio)
    open_loans = rng.poisson(0.5 + 2.0 * debt_ratio)
    purpose = rng.choice(6, n, p=_PURPOSE_SHARES)
    amount = np.round(np.exp(rng.normal(8.9, 0.55, n) + 0.35 * (log_income - 8)), -2)
    term = rng.choice((12, 24, 36, 48, 60), n, p=(0.14, 0.27, 0.30, 0.17, 0.12))
    guarantor = rng.random(n) < 0.16

    merit = (
        1.30 * (np.log(income) - 8)
        - 3.4 * (debt_ratio - 0.32)
        - 1.10 * np.minimum(prior_defaults, 3)
        + 0.55 * np.log1p(credit_history)
        + 0.22 * (np.log(savings + 1) - 7.4)
        - 0.75 * (np.log(amount) - 8.9)
        + 0.50 * guarantor
        + _EMPLOYMENT_MERIT[employment]
        + _PURPOSE_MERIT[purpose]
        - 0.75
    )
    repays = merit + rng.normal(0, 0.8, n) > 0

    biased = np.zeros(n, dtype=bool)
    for shares, eligible in ((_DENIED_SHARE, repays), (_GRANTED_SHARE, ~repays)):
        for name, share in shares.items():
            rows = np.flatnonzero(eligible & (community == _COMMUNITIES.index(name)))
            doubtful = np.argsort(np.abs(merit[rows]) + rng.normal(0, 0.6, len(rows)))  # close calls first, mostly
            biased[rows[doubtful[: round(share * len(rows))]]] = True
    granted = repays ^ biased

    # What an applicant leaves blank depends a little on who asks: fewer Cedar forms are complete.
    income_known = rng.random(n) >= 0.03 + 0.03 * cedar
    savings_known = rng.random(n) >= 0.06 + 0.03 * birch + 0.06 * cedar
    years_known = rng.random(n) >= 0.02 + 0.05 * (employment == 3)
    table = pd.DataFrame(
        {
            "age": age,
            "community": _texts(_COMMUNITIES, community),
            "district": _texts(_DISTRICTS, district),
            "employment": _texts(_EMPLOYMENT, employment),
            "years_employed": np.where(years_known, years_employed, np.nan),
            "monthly_income": np.where(income_known, income, np.nan),
            "savings": np.where(savings_known, savings, np.nan),
            "debt_ratio": debt_ratio,
            "credit_history_years": credit_history,
            "prior_defaults": prior_defaults.astype(np.int64),
            "open_loans": open_loans.astype(np.int64),
            "purpose": _texts(_PURPOSES, purpose),
            "amount": amount.astype(np.int64),
            "term_months": term.astype(np.int64),
            "guarantor": _texts(("no", "yes"), guarantor.astype(np.int64)),
            "decision": _texts(("denied", "granted"), granted.astype(np.int64)),
        }
    )
    return table, biased


def _texts(values: tuple[str, ...], codes: np.ndarray) -> pd.Series:
    return pd.Series(np.asarray(values, dtype=object)[codes], dtype="str")
