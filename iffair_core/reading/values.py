"""What a cell's value is called, which columns are numbers, and how numbers are cut into named bins."""

from __future__ import annotations

import itertools
import math
import numbers
import re
from collections.abc import Hashable, Iterable, Sequence

import numpy as np
import pandas as pd

from iffair_core.errors import TableError, listing

MISSING = "(missing)"
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)\Z", re.ASCII)
_BELOW = ("<", "<=", "under", "below", "less than", "up to", "until")
_BAND = re.compile(
    r"(?P<side><=?|>=?|under|below|less than|up to|until|over|above|more than|at least|from)?\s*[\[(]?\s*[$€£]?"
    r"(?P<low>\d+(?:,\d{3})*(?:\.\d+)?)\s*(?P<unit>k|%)?"
    r"(?:\s*(?:-|–|to|to <|,|\.\.)\s*<?\s*[$€£]?\d+(?:,\d{3})*(?:\.\d+)?\s*(?:k|%)?)?[\])]?"
    r"\s*(?P<more>\+|and (?:over|above|older|more)|or (?:over|above|older|more))?\s*(?:years?|yrs?|years old)?\Z",
    re.ASCII,
)
"""A range of numbers as people write it: 18-24, 65+, under 18, $10,000 to $19,999, [20, 30)."""
_SCALES = tuple(
    {word: place for place, word in enumerate(words.split(", "))}
    for words in (
        "very low, low, below average, medium, moderate, middle, average, above average, high, very high",
        "none, minimal, mild, moderate, severe, very severe, critical",
        "never, rarely, seldom, occasionally, sometimes, often, frequently, usually, always",
        "very poor, poor, fair, average, good, very good, excellent, outstanding",
        "strongly disagree, disagree, neutral, agree, strongly agree",
        "very small, small, medium, large, very large",
        "xs, s, m, l, xl, xxl",
        "young, middle, middle aged, old, very old",
        "junior, mid, middle, senior, lead, principal",
        "first, second, third, fourth, fifth, sixth, seventh, eighth, ninth, tenth",
        "january, february, march, april, may, june, july, august, september, october, november, december",
        "jan, feb, mar, apr, may, jun, jul, aug, sep, oct, nov, dec",
        "monday, tuesday, wednesday, thursday, friday, saturday, sunday",
        "mon, tue, wed, thu, fri, sat, sun",
        "primary, secondary, tertiary",
    )
)
_MOST_STEPS = 60
"""Labels of a scale or of bands at most: more are names."""
_NUMERIC_OBJECTS = ("integer", "floating", "mixed-integer-float", "decimal")
_TRUTH = {"True": "True", "TRUE": "True", "true": "True", "False": "False", "FALSE": "False", "false": "False"}


def value_label(value: object) -> str:
    """The one name of a value, however a file or a user writes it.

    1, 1.0, "1" and "1.0" are all "1"; True, "true" and "TRUE" are "True"; None, NaN, NaT and blank text are
    "(missing)"; text is stripped of surrounding blanks.
    """
    if isinstance(value, str):
        text = value.strip()
        if _NUMBER.match(text):
            return _number_label(float(text)) if "." in text else str(int(text) if len(text) < 4000 else text)
        return _TRUTH.get(text, text) or MISSING
    if value is None or value is pd.NaT or value is pd.NA:
        return MISSING
    if isinstance(value, (bool, np.bool_)):
        return str(bool(value))
    if isinstance(value, numbers.Integral):
        return str(int(value))
    if isinstance(value, np.floating) and not isinstance(value, float):
        return _number_label(float(value), str(value))
    if isinstance(value, numbers.Real) or type(value).__name__ == "Decimal":
        return _number_label(float(value))  # type: ignore[arg-type]
    return str(value).strip() or MISSING


def _number_label(number: float, shortest: str | None = None) -> str:
    if math.isnan(number):
        return MISSING
    if number.is_integer() and abs(number) < 1e21:
        return str(int(number))
    return shortest if shortest is not None else repr(number)


def require_single_values(table: pd.DataFrame) -> None:
    """TableError where a column of objects holds lists, records or other things that are no single values."""
    kinds = enumerate(table.dtypes)
    objects = [position for position, kind in kinds if isinstance(kind, np.dtype) and kind.kind == "O"]
    found = [str(table.columns[position]) for position in objects if not _all_single(table.iloc[:, position])]
    if found:
        raise TableError(
            f"The table holds lists or records in {listing(found)}. "
            "Write these columns as single values, or leave them out."
        )


def _all_single(column: pd.Series) -> bool:
    if pd.api.types.infer_dtype(column, skipna=True) not in ("mixed", "mixed-integer", "unknown-array"):
        return True
    return all(isinstance(value, Hashable) and not isinstance(value, tuple) for value in column)


def label_codes(series: pd.Series) -> tuple[np.ndarray, tuple[str, ...]]:
    """(codes (n,) int32, labels): the distinct labels `in_order`, those of an ordered category in its own."""
    raw, distinct = pd.factorize(series, use_na_sentinel=True)
    names = [value_label(value) for value in distinct]
    if len(raw) and raw.min() < 0:
        names.append(MISSING)
        raw = np.where(raw < 0, len(names) - 1, raw)
    labels = in_order(names)
    if is_ordered(series):
        kept, seen = dict.fromkeys(value_label(value) for value in series.cat.categories), set(names)
        labels = [*(label for label in kept if label in seen), *({MISSING} & (seen - set(kept)))]
    position = {label: code for code, label in enumerate(labels)}
    mapping = np.fromiter((position[label] for label in names), dtype=np.int32, count=len(names))
    return mapping[raw] if len(raw) else np.zeros(0, dtype=np.int32), tuple(labels)


def is_ordered(series: pd.Series) -> bool:
    """Whether the column is a category whose values have an order."""
    return isinstance(series.dtype, pd.CategoricalDtype) and bool(series.dtype.ordered)


def in_order(labels: Iterable[str]) -> list[str]:
    """Distinct labels as people read them, "(missing)" last.

    Numbers by size; bands by where they begin; the words of a known scale along it; all else numbers first, then text.

    >>> in_order(["75+", "under 18", "18-24", "25-74", "(missing)"])
    ['under 18', '18-24', '25-74', '75+', '(missing)']
    >>> in_order(["high", "low", "medium"]), in_order(["B", "A", "10", "9"])
    (['low', 'medium', 'high'], ['9', '10', 'A', 'B'])
    """
    distinct = set(labels)
    if len(distinct) > _MOST_STEPS:
        return sorted(distinct, key=label_order)
    words = {label: re.sub(r"[\s_-]+", " ", label.casefold()).strip() for label in distinct - {MISSING}}
    scale = next((one for one in _SCALES if len(words) > 1 and all(word in one for word in words.values())), None)
    if scale is not None:
        return sorted(distinct, key=lambda label: (label == MISSING, scale.get(words.get(label, ""), 0), label))
    bands = {label: found for label in words if (found := _BAND.match(label.casefold().strip()))}
    if len(bands) > 1 and len(bands) == len(words) and not all(map(_NUMBER.match, words)):
        return sorted(distinct, key=lambda label: (label == MISSING, *_begins(bands.get(label)), label))
    return sorted(distinct, key=label_order)


def _begins(band: re.Match[str] | None) -> tuple[float, int]:
    """Where a band begins: what lies below a number comes before what begins with it, what lies above after it."""
    if band is None:
        return 0.0, 0
    number = float(band["low"].replace(",", "")) * (1000.0 if band["unit"] == "k" else 1.0)
    side = band["side"] or ""
    return number, -1 if side in _BELOW else 1 if side or band["more"] else 0


def label_order(label: str) -> tuple[int, float, str]:
    """Key that sorts labels: numbers by size, then text, "(missing)" last."""
    if label == MISSING:
        return 2, 0.0, label
    return (0, float(label), label) if _NUMBER.match(label) else (1, 0.0, label)


def is_number(series: pd.Series) -> bool:
    """Whether the column holds numbers (yes/no values and dates are none); looks inside columns of objects."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        return False
    if series.dtype.kind == "O" and not isinstance(series.dtype, pd.StringDtype):
        return pd.api.types.infer_dtype(series, skipna=True) in _NUMERIC_OBJECTS
    return series.dtype.kind in "iuf"


def as_numbers(series: pd.Series) -> np.ndarray:
    """A numeric column as (n,) float64, missing as NaN."""
    return series.to_numpy(dtype=np.float64, na_value=np.nan)


def bin_codes(values: np.ndarray, cuts: Sequence[float]) -> tuple[np.ndarray, tuple[str, ...]]:
    """(codes (n,) int32, labels) of numbers in left-closed bins: "< 25", "25 to < 60", ">= 60", "(missing)" last.

    cuts: increasing finite cut points; values that are not finite are missing.
    """
    names = [value_label(cut) for cut in cuts]
    labels = [f"< {names[0]}", *(f"{a} to < {b}" for a, b in itertools.pairwise(names)), f">= {names[-1]}"]
    codes = np.searchsorted(np.asarray(cuts, dtype=np.float64), values, side="right").astype(np.int32)
    codes[~np.isfinite(values)] = len(labels)
    return codes, (*labels, MISSING)


def suggest_bins(series: pd.Series) -> tuple[float, ...]:
    """Round cut points near the quartiles of a numeric column, each with values on both sides; () if there are none."""
    if not is_number(series):
        return ()
    values = as_numbers(series)
    values = values[np.isfinite(values)]
    if not len(values) or values.min() == values.max():
        return ()
    quartiles = np.quantile(values, (0.25, 0.5, 0.75))
    spread = quartiles[2] - quartiles[0] or values.max() - values.min()
    step = _round_step(spread / 4)
    rounded = [float(f"{step * round(quartile / step):.12g}") for quartile in quartiles] if step else []
    cuts = _separating(rounded, values) or _separating([float(quartile) for quartile in quartiles], values)
    return cuts or (float(values.max()),)


def quantile_cuts(series: pd.Series, parts: int) -> tuple[float, ...]:
    """Cut points of a numeric column for left-closed bins of like size, at most parts - 1 of them, rising.

    Each is a value of the column, above the smallest; values that many rows share leave fewer bins. Missing and
    infinite values do not count. () where there is nothing to cut.
    """
    values = as_numbers(series)
    values = values[np.isfinite(values)]
    if not len(values):
        return ()
    cuts = np.quantile(values, np.arange(1, parts) / parts, method="higher")
    above = cuts[cuts > values.min()]
    return tuple(np.unique(above).tolist() if above.size else np.unique(values)[1:2].tolist())


def _separating(cuts: Iterable[float], values: np.ndarray) -> tuple[float, ...]:
    return tuple(sorted({cut for cut in cuts if values.min() < cut <= values.max()}))


def _round_step(width: float) -> float:
    """The largest of 1, 2, 5 times a power of ten that is at most `width`; 0 if there is none."""
    if not 1e-300 < width < 1e300:
        return 0.0
    power = 10.0 ** math.floor(math.log10(width))
    return max((factor * power for factor in (1, 2, 5) if factor * power <= width * (1 + 1e-9)), default=power)
