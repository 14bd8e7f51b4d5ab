"""How numbers, rates, goals and metrics are written, the same in sentences, pictures and reports."""

from __future__ import annotations

import math
from collections.abc import Sequence

NOT_ESTIMABLE = "not estimable"
WITHHELD = "withheld"
"""Stands for what cohort-only mode does not tell (`disclosure`)."""
RATE_TITLES = {
    "selection_rate": "selection rate",
    "true_positive_rate": "true positive rate",
    "false_positive_rate": "false positive rate",
    "error_rate": "error rate",
    "precision": "precision",
}
GOAL_TITLES = {
    "demographic_parity": "demographic parity",
    "equal_opportunity": "equal opportunity",
    "equalized_odds": "equalized odds",
    "error_rate_parity": "error rate parity",
}
MODEL_TITLES = {"logistic": "logistic regression", "mlp": "neural network (tanh, one hidden layer of 4 units)"}
FREE_PARAMETERS = {"logistic": "intercept", "mlp": "biases"}


def missing(value: float | None) -> bool:
    """True for None, NaN and infinities: not estimable."""
    return value is None or not math.isfinite(value)


def minus(text: str) -> str:
    """`text` with a typographic minus."""
    return text.replace("-", "−")


def percent(share: float | None, digits: int = 1, *, signed: bool = False) -> str:
    """A share as "12.3 %", or "not estimable"."""
    if share is None or missing(share):
        return NOT_ESTIMABLE
    return minus(f"{100 * share:{'+' if signed else ''}z.{digits}f} %")


def points(difference: float | None, digits: int = 1, *, signed: bool = True) -> str:
    """A difference of shares as "−12.3 points", or "not estimable"."""
    if difference is None or missing(difference):
        return NOT_ESTIMABLE
    return minus(f"{100 * difference:{'+' if signed else ''}z.{digits}f} points")


def figure(value: float | None) -> str:
    """A number with three decimals, or "not estimable"."""
    return NOT_ESTIMABLE if value is None or missing(value) else minus(f"{value:z.3f}")


def number(value: float | None) -> str:
    """Three significant digits, thousands separated, or "not estimable"."""
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
    """A 95 % interval as "(95 % 0.091 to 0.142)", empty where there is none."""
    ends = [end for end in bounds or () if end is not None]
    if len(ends) < 2:
        return ""
    low, high = (f"{100 * end:.1f}" if as_points else f"{end:.3f}" for end in ends)
    return minus(f"(95 % {low} to {high})")


def row_count(rows: int, smallest: int | None = None) -> str:
    """A number of rows, "1,204 rows"; "fewer than 10 rows" below `smallest`."""
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
    """The parts as "a, b and c"; "none" where there is none."""
    if not parts:
        return "none"
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def holds(column: str, label: str) -> str:
    """ "COLUMN = VALUE"; a bin says its sign itself: "grade >= 10"."""
    return f"{column} {label}" if label.startswith(("< ", ">= ")) else f"{column} = {label}"


def metric_title(name: str) -> str:
    """A metric's name in words, as inside a sentence: "equalized odds difference"."""
    named_after = {"roc_auc": "ROC AUC", "f1": "F1", "theil_index": "Theil index"}
    return named_after.get(name, name.replace("_", " "))


def heading(title: str) -> str:
    """A title as a label begins: "Equalized odds difference"."""
    return title[:1].upper() + title[1:]
