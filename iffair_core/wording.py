"""How numbers, rates, goals and metrics are written, the same in sentences, pictures and reports."""

from __future__ import annotations

import math
from collections.abc import Sequence

from iffair_core.metrics import GOALS, METRICS, RATES

NOT_ESTIMABLE = "not estimable"
WITHHELD = "withheld"
"""Stands for what cohort-only mode does not tell (`disclosure`)."""
RATE_TITLES = {name: rate.title for name, rate in RATES.items()}
GOAL_TITLES = {name: goal.title for name, goal in GOALS.items()}


def missing(value: float | None) -> bool:
    """True for None, NaN and infinities: not estimable."""
    return value is None or not math.isfinite(value)


def minus(text: str) -> str:
    """`text` with a typographic minus."""
    return text.replace("-", "−")


def percent(share: float | None, digits: int = 1, *, signed: bool = False) -> str:
    """A share, or "not estimable".

    >>> percent(0.0791), percent(-0.1814, signed=True), percent(-0.0), percent(None)
    ('7.9 %', '−18.1 %', '0.0 %', 'not estimable')
    """
    if share is None or missing(share):
        return NOT_ESTIMABLE
    return minus(f"{100 * share:{'+' if signed else ''}z.{digits}f} %")


def points(difference: float | None, digits: int = 1, *, signed: bool = True) -> str:
    """A difference of shares, or "not estimable".

    >>> points(0.05), points(-0.05, signed=False), points(-0.0001), points(float("nan"))
    ('+5.0 points', '−5.0 points', '+0.0 points', 'not estimable')
    """
    if difference is None or missing(difference):
        return NOT_ESTIMABLE
    return minus(f"{100 * difference:{'+' if signed else ''}z.{digits}f} points")


def figure(value: float | None) -> str:
    """A number with three decimals, or "not estimable".

    >>> figure(-0.25), figure(-0.0001)
    ('−0.250', '0.000')
    """
    return NOT_ESTIMABLE if value is None or missing(value) else minus(f"{value:z.3f}")


def number(value: float | None) -> str:
    """Three significant digits, thousands separated, or "not estimable".

    >>> number(0.012345), number(9.999), number(123456), number(-3e-7), number(0)
    ('0.0123', '10.0', '123,456', '−3.00e−07', '0')
    """
    if value is None or missing(value):
        return NOT_ESTIMABLE
    # Rounded first: 9.999 has one digit before its point, and 10.0 two.
    rounded = float(f"{value:.3g}")
    size = abs(rounded)
    if size == 0:
        return "0"
    if size >= 100:
        return minus(f"{value:,.0f}")
    if size < 1e-4:
        return minus(f"{value:.2e}")
    return minus(f"{rounded:.{2 - math.floor(math.log10(size))}f}")


def span(bounds: tuple[float | None, float | None] | None, *, as_points: bool = False) -> str:
    """A 95 % interval, empty where there is none.

    >>> span((0.091, 0.142)), span((-0.01, 0.02), as_points=True), span(None)
    ('(95 % 0.091 to 0.142)', '(95 % −1.0 to 2.0)', '')
    """
    ends = [end for end in bounds or () if end is not None]
    if len(ends) < 2:
        return ""
    low, high = (f"{100 * end:.1f}" if as_points else f"{end:.3f}" for end in ends)
    return minus(f"(95 % {low} to {high})")


def row_count(rows: int, smallest: int | None = None) -> str:
    """A number of rows, as it may be told.

    >>> row_count(1204), row_count(1), row_count(7, smallest=10)
    ('1,204 rows', '1 row', 'fewer than 10 rows')
    """
    if smallest is not None and 0 < rows < smallest:
        return f"fewer than {smallest:,} rows"
    return f"{rows:,} row" if rows == 1 else f"{rows:,} rows"


def count_text(rows: int | None) -> str:
    """A number of rows alone, "withheld" for None."""
    return WITHHELD if rows is None else f"{rows:,}"


def why_none(rows: int | None) -> str:
    """Why a rate has no value: "not estimable (0 rows)" where its denominator is 0, otherwise "withheld"."""
    if rows is None:
        return WITHHELD
    return f"{WITHHELD if rows else NOT_ESTIMABLE} ({row_count(rows)})"


def listed(parts: Sequence[str]) -> str:
    """The parts as a sentence lists them.

    >>> listed(["a", "b", "c"]), listed(["a", "b"]), listed(["a"]), listed([])
    ('a, b and c', 'a and b', 'a', 'none')
    """
    if not parts:
        return "none"
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def holds(column: str, label: str) -> str:
    """A column and its value; a bin says its sign itself.

    >>> holds("income", ">50K"), holds("grade", ">= 10")
    ('income = >50K', 'grade >= 10')
    """
    return f"{column} {label}" if label.startswith(("< ", ">= ")) else f"{column} = {label}"


def metric_title(name: str) -> str:
    """A metric's name in words, as inside a sentence.

    >>> metric_title("equalized_odds_difference"), metric_title("roc_auc")
    ('equalized odds difference', 'ROC AUC')
    """
    return METRICS[name].title


def heading(title: str) -> str:
    """A title as a label begins: "Equalized odds difference"."""
    return title[:1].upper() + title[1:]
