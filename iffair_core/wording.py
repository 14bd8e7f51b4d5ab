"""How numbers, rates, goals and metrics are written, and what is said wherever results go."""

from __future__ import annotations

import math
from collections.abc import Sequence

from iffair_core.errors import shorten
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


NOT_INFORMATIVE = "interval not informative"


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


def group_name(group: str, columns: Sequence[str], limit: int = 30) -> str:
    """A group in a sentence: with its column where the value alone says nothing, as "afam = yes" or "sex = 1".

    columns: the sensitive ones, whose values a crossed group's name joins by " / ".

    >>> group_name("yes", ["afam"]), group_name("Female", ["sex"]), group_name("1 / Female", ["black", "sex"])
    ('afam = yes', 'Female', 'black = 1 / Female')
    >>> group_name("F", ["sex"]), group_name("f", ["afam"])  # beside M, and as databases write false
    ('F', 'afam = f')
    """
    parts = group.split(" / ") if len(columns) > 1 else [group]
    if len(parts) != len(columns) or not any(map(_says_nothing, parts)):
        return shorten(group, limit)
    named = (
        f"{shorten(column, limit)} = {part}" if _says_nothing(part) else part
        for column, part in zip(columns, parts, strict=True)
    )
    return shorten(" / ".join(named), 2 * limit)


def _says_nothing(value: str) -> bool:
    said = value.casefold() in ("yes", "no", "y", "n", "true", "false", "t")
    return said or value == "f" or value.lstrip("-").isdigit()


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


def with_article(noun: str) -> str:
    """A noun with "a" or "an" before it, by its first letter.

    >>> with_article("error rate gap"), with_article("selection rate gap")
    ('an error rate gap', 'a selection rate gap')
    """
    return f"{'an' if noun[:1].lower() in tuple('aeiou') else 'a'} {noun}"


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


LIMITS = (
    "A gap is a fact about this model on these rows, not its cause, and not a verdict. Whether it is acceptable is "
    "for people to say who know what the decision does.",
    "Recorded outcomes may themselves be unfair. Equal opportunity and equalized odds take them as the truth.",
    "Intervals are 95 % and hold the fitted model fixed: they cover the sampling of the rows it is judged on, not "
    "of the rows it was trained on. Rates: Wilson; disparities, gaps and changes: bootstrap.",
    "The chance band is what a disparity would show in 95 of 100 tables whose group labels mean nothing. Inside it, "
    "a disparity cannot be told from chance.",
    "Validation rows chose the strength; test rows only report. Small groups make both uncertain: read the intervals.",
    "Numbers marked ○ are predicted from influences without a refit, numbers marked ● come from a model that was "
    "really refitted. Where they differ, believe ●.",
    "Influence says how this model's numbers move when a row weighs more or less. It does not say that a row is "
    "wrong, or what would happen in another model.",
    "A smaller gap can come from treating one group worse. The table of rates before and after shows who pays.",
    "A rate without rows in its denominator is not estimable and is said to be; a disparity is then taken over the "
    "other groups.",
)
"""What the numbers of a study cannot tell: one or two sentences each, without numbers of a study."""

ORIGIN = (
    "From the abstract and public summaries of IFFair (Yang et al., arXiv 2512.07249): reweighting training rows by "
    "group-oriented influence, before training and without touching model, features or threshold; the variants "
    "Uniform and Diverse; trade-off constraints between fairness and utility.",
    "The paper's full method was not available to us. The formulas for the weights, the variant Efficient, the "
    "meaning of strength, the path of refits, the predicted curve, the recommendation and the fidelity badge are "
    "our own. None of the paper's numbers are claimed here.",
    "Influence itself is standard: Cook and Weisberg (1982), Koh and Liang (2017), leave-one-out with leverage "
    "after Rad and Maleki (2020). Metrics follow Fairlearn, AIF360 (Theil index) and scikit-learn; reweighing is "
    "Kamiran and Calders (2012).",
)
"""What is the paper's, what is ours, and what is standard."""
