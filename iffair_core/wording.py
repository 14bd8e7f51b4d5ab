"""How numbers, rates, goals and metrics are written, the same in sentences, pictures and reports."""

from __future__ import annotations

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


def percent(share: float | None, digits: int = 1) -> str:
    """A share as "12.3 %", or "not estimable"."""
    return "not estimable" if share is None else f"{100 * share:.{digits}f} %"


def points(difference: float | None, digits: int = 1, *, signed: bool = True) -> str:
    """A difference of shares as "-12.3 points", or "not estimable"."""
    if difference is None:
        return "not estimable"
    text = f"{100 * difference:{'+' if signed else ''}.{digits}f} points"
    return text.replace("-", "−")


def figure(value: float | None) -> str:
    """A number with three decimals, or "not estimable"."""
    return "not estimable" if value is None else f"{value:.3f}".replace("-", "−")


def span(bounds: tuple[float | None, float | None] | None, *, as_points: bool = False) -> str:
    """A 95 % interval as "(95 % 0.091 to 0.142)", empty where there is none."""
    ends = [end for end in bounds or () if end is not None]
    if len(ends) < 2:
        return ""
    low, high = (f"{100 * end:.1f}" if as_points else f"{end:.3f}" for end in ends)
    return f"(95 % {low} to {high})".replace("-", "−")


def metric_title(name: str) -> str:
    """A metric's name in words: "equalized odds difference"."""
    return {"roc_auc": "ROC AUC", "f1": "F1"}.get(name, name.replace("_", " "))
