"""What a column holds: its type as it is seen or as the user says, and a few numbers and a small picture of it."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from iffair_core.errors import TaskError, listing, shorten
from iffair_core.reading.dates import parse_dates
from iffair_core.reading.numbers import NUMERIC_MISSING, forced_numbers, in_threads, typed_columns
from iffair_core.reading.values import as_numbers, is_number, require_single_values, value_label

TYPES = ("number", "yes/no", "category", "date", "year and month", "identifier", "text")
NO_FEATURES = ("date", "identifier", "text")
"""Types of columns that a model is not given."""
MARKERS = (
    "?", "-", "--", ".", "NA", "N/A", "NaN", "null", "None", "nil", "missing", "unknown", "not available",
    "not known", "not stated", "no answer", "n.a.", "#N/A", "(missing)", "(blank)", "<NA>",
    "k.A.", "k. A.", "keine Angabe", "unbekannt", "n/d", "s/d", "inconnu", "non renseigné", "desconocido", "sin dato",
    "sconosciuto", "onbekend",
)  # fmt: skip
"""What people write into a cell for want of a value, in several languages and in any case."""

_SAMPLE = 10_000
_LEAST_ROWS = 20
_MANY = 50
_LEVEL_ROWS, _LEVEL_SHARE = 10, 0.001
_LONG_TEXT, _WORDS = 25, 4.0
_DATE_SHARE = 0.99
_Out = TypeVar("_Out")


def _each(frame: pd.DataFrame, work: Callable[[pd.Series], _Out]) -> list[_Out]:
    """`work` on every column, on a few threads."""
    require_single_values(frame)
    frame = frame.copy(deep=False)
    frame.attrs = {}  # pandas copies them, deeply, into every column it takes out
    columns = [frame.iloc[:, position] for position in range(frame.shape[1])]
    return in_threads(work, columns, frame.size)


def _text(series: pd.Series) -> pa.ChunkedArray:
    """The values of a column as text, missing as null."""
    if isinstance(series.dtype, pd.StringDtype):
        cells = pa.array(series)
        return cells if isinstance(cells, pa.ChunkedArray) else pa.chunked_array([cells])
    values = [None if missing else value_label(value) for value, missing in zip(series, series.isna(), strict=True)]
    return pa.chunked_array([pa.array(values, pa.large_string())])


# ------------------------------------------------------------------------------------------------------------- types


def infer_types(frame: pd.DataFrame) -> dict[str, str]:
    """{column: one of `TYPES`}: what the user chose for it (`frame.attrs["types"]`), else what its values look like.

    - "yes/no": two values. "number": numbers; whole ones that count the rows (each once, without large gaps) are an
      "identifier".
    - "date": dates, or text that is nearly all dates (by up to 10,000 rows evenly spaced).
    - "identifier": more than 50 texts, and more than one for every two rows, none in 10 rows or 0.1 % of them (so that
      none could be a level of a category); or 20 rows and more with each its own.
    - "text": as many texts, of four words and 25 characters or more on average.
    - "category": any other. Which columns are looked at whole is decided by the same sample.
    """
    chosen = frame.attrs.get("types") or {}
    types = dict(zip(map(str, frame.columns), _each(frame, _inferred), strict=True))
    return {name: chosen.get(name, kind) for name, kind in types.items()}


def _inferred(series: pd.Series) -> str:
    if isinstance(series.dtype, pd.CategoricalDtype):
        return "yes/no" if int(series.nunique()) == 2 else "category"
    kind = series.dtype.kind
    if kind in "mM":
        return "date"
    if kind == "b":
        return "yes/no"
    return _number_type(as_numbers(series)) if is_number(series) else _text_type(_text(series).drop_null())


def _number_type(values: np.ndarray) -> str:
    present = values[~np.isnan(values)]
    sample = present[:: max(len(present) // _SAMPLE, 1)]
    with np.errstate(invalid="ignore"):
        some, whole = np.unique(sample), bool((sample % 1 == 0).all())
    if 0 < len(some) <= 2 and len(np.unique(present)) == 2:
        return "yes/no"
    # A count of the rows has no value twice and no fraction, in any part of it.
    return "identifier" if whole and len(some) == len(sample) and _counts_rows(present) else "number"


def _counts_rows(present: np.ndarray) -> bool:
    count = len(present)
    if count < _LEAST_ROWS or not np.isfinite(present).all():
        return False
    low, high = float(present.min()), float(present.max())
    if not high - low < 2 * count or bool((present % 1 != 0).any()):
        return False
    return int(np.bincount((present - low).astype(np.int64)).max()) == 1


def _text_type(cells: pa.ChunkedArray) -> str:
    n = len(cells)
    sample = cells if n <= _SAMPLE else cells.take(pa.array(np.linspace(0, n - 1, _SAMPLE).astype(np.int64)))
    distinct = pc.unique(sample)
    if len(distinct) <= 2 and pc.count_distinct(cells).as_py() == 2:
        return "yes/no"
    if _are_dates(distinct):
        return "date"
    if n < _LEAST_ROWS or len(distinct) <= 0.3 * len(sample):
        return "category"
    counts = cells.value_counts()
    values, sizes = len(counts), int(pc.max(counts.field("counts")).as_py())
    most_differ = values > max(_MANY, 0.5 * n)
    if (most_differ or values == n) and _is_prose(distinct):
        return "text"
    rare = sizes < max(_LEVEL_ROWS, _LEVEL_SHARE * n)
    return "identifier" if (most_differ and rare) or values == n else "category"


def _are_dates(distinct: Any) -> bool:
    first = distinct.slice(0, 20)
    # No date has fewer than three digits; to look before parsing keeps tables of thousands of columns quick.
    if sum(sum(map(str.isdigit, cell)) >= 3 for cell in first.to_pylist()) < 0.75 * max(len(first), 1):
        return False
    days = parse_dates(first).days
    if np.isnat(days).mean() > 0.25:
        return False
    if len(distinct) > len(first):
        days = parse_dates(distinct).days
    return bool(np.isnat(days).mean() <= 1 - _DATE_SHARE)


def _is_prose(distinct: Any) -> bool:
    words = pc.mean(pc.add(pc.count_substring_regex(distinct, r"\s+"), 1)).as_py()
    return words >= _WORDS and pc.mean(pc.utf8_length(distinct)).as_py() >= _LONG_TEXT


# ----------------------------------------------------------------------------------------------------------- summary


def column_summary(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per column: name, type (`infer_types`), missing (count), distinct (count of values), example (the first).

    Counts are exact, whatever the size of the table.
    """
    types = infer_types(frame)
    rows = [
        (name, types[name], len(frame) - present, distinct, example)
        for name, (present, distinct, example) in zip(
            map(str, frame.columns), _each(frame, _present_and_distinct), strict=True
        )
    ]
    return pd.DataFrame(rows, columns=["name", "type", "missing", "distinct", "example"])


def _present_and_distinct(series: pd.Series) -> tuple[int, int, str]:
    """(values present, distinct ones among them, the first)."""
    missing = series.isna().to_numpy()
    first = int(missing.argmin()) if len(missing) else 0
    example = "" if missing.all() else shorten(series.iloc[first])
    return int((~missing).sum()), int(series.nunique()), example


def column_histograms(frame: pd.DataFrame, bins: int = 12) -> list[list[int]]:
    """Counts for a small picture of every column: of equal steps for numbers, else of its commonest values.

    A number with at most `bins` values has a step for each. Empty where every row has its own text, or none has any.
    """
    return _each(frame, lambda series: _counts(series, bins))


def _counts(series: pd.Series, bins: int) -> list[int]:
    if series.dtype.kind in "iuf" and not isinstance(series.dtype, pd.CategoricalDtype):
        values = as_numbers(series)
        values = values[np.isfinite(values)]
        low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
        if 0 < high - low < np.inf:
            distinct = np.unique(values[:1000])
            if distinct.size > bins or (distinct := np.unique(values)).size > bins:
                steps = ((values - low) / (high - low) * bins).astype(np.int64)
                return np.bincount(np.minimum(steps, bins - 1), minlength=bins).tolist()
            return np.bincount(np.searchsorted(distinct, values)).tolist()
        return [values.size] if values.size else []
    counts = series.value_counts(sort=True).to_numpy()
    return counts[:bins].tolist() if counts.size and counts[0] > 1 else []


def suggested_missing(frame: pd.DataFrame) -> tuple[str, ...]:
    """Cells of text columns that people write for want of a value ("?", "unknown"), as written, commonest first.

    They are offered only: in a column of text each of them may be a value like any other.
    """
    forms = {form for marker in MARKERS for form in (marker, marker.lower(), marker.upper(), marker.capitalize())}

    def seen(series: pd.Series) -> dict[str, int]:
        if not isinstance(series.dtype, pd.StringDtype):
            return {}
        counts = series[series.isin(forms)].value_counts()
        return dict(zip(map(str, counts.index), counts.tolist(), strict=True))

    total: Counter[str] = Counter()
    for counts in _each(frame, seen):
        total.update(counts)
    return tuple(sorted(total, key=lambda marker: (-total[marker], marker)))


# ------------------------------------------------------------------------------------------------- the user's choices


def with_types(frame: pd.DataFrame, types: Mapping[str, str] | None, missing: Sequence[str]) -> pd.DataFrame:
    """The table with columns of the types that the user chose, and with cells that the user calls missing as missing.

    types: {column: one of `TYPES`}. "number" reads text (decimal comma, currency, percent, thousands; what is no number
    is missing, and counted in a warning); "category", and "yes/no" where there are not two numbers, take numbers for
    names; "year and month" reads dates (see `year_and_month`); the others change no value. missing: texts; a column of
    text whose other cells are all numbers becomes one of numbers. The result's attrs hold "types" and "missing", which
    `infer_types` respects, and what was noticed is added to "warnings".

    The same object where there is nothing to do, also where it was done before. Raises `TaskError` for a column or type
    that does not exist, and where no cell has what the type needs.
    """
    types = {str(name): str(kind) for name, kind in (types or {}).items()}
    markers = tuple(dict.fromkeys(label for text in missing if (label := str(text).strip())))
    done: dict[str, str] = frame.attrs.get("types") or {}
    known: tuple[str, ...] = tuple(frame.attrs.get("missing") or ())
    wanted = {name: kind for name, kind in types.items() if done.get(name) != kind}
    markers = tuple(marker for marker in markers if marker not in known)
    if not wanted and not markers:
        return frame
    _check(frame, wanted)
    require_single_values(frame)
    result = frame.copy(deep=False)
    warnings: list[str] = []
    decimal = frame.attrs.get("decimal")
    if markers:
        _blank(result, markers, {**done, **types}, decimal, warnings)
    for name, kind in wanted.items():
        position = list(map(str, result.columns)).index(name)
        series = result.iloc[:, position]
        changed = _CASTS.get(kind, _unchanged)(name, series, decimal, warnings)
        if changed is not series:
            result.isetitem(position, changed.array)
    result.attrs = {
        **frame.attrs,
        "types": {**done, **wanted},
        "missing": [*known, *markers],
        "warnings": [*frame.attrs.get("warnings", ()), *warnings],
    }
    return result


def _check(frame: pd.DataFrame, types: Mapping[str, str]) -> None:
    names = [str(column) for column in frame.columns]
    for name, kind in types.items():
        if name not in names:
            close = difflib.get_close_matches(name, names, n=1)
            hint = f" Did you mean '{shorten(close[0])}'?" if close else ""
            raise TaskError(
                f"A type is given for '{shorten(name)}', which is not a column of the table.{hint} "
                f"Columns: {listing(names, 30)}."
            )
        if kind not in TYPES:
            raise TaskError(f"The type of '{shorten(name)}' is '{shorten(kind)}'. Choose one of: {', '.join(TYPES)}.")


def _blank(
    frame: pd.DataFrame, markers: Sequence[str], types: Mapping[str, str], decimal: str | None, warnings: list[str]
) -> None:
    """Make cells that are one of `markers` missing, in place; say where, and which marker is nowhere."""
    seen: set[str] = set()
    columns: list[str] = []
    count = 0
    for position, column in enumerate(frame.columns):
        series = frame.iloc[:, position]
        hits, labels = _marked(series, markers)
        if not labels:
            continue
        seen |= labels
        columns.append(str(column))
        count += int(np.count_nonzero(hits))
        blanked = series.astype(object).where(~hits, None) if series.dtype.kind == "b" else series.mask(hits)
        if isinstance(series.dtype, pd.StringDtype) and str(column) not in types:
            found = typed_columns([_text(blanked)], [str(column)], decimal=decimal)[0][0]
            if isinstance(found, np.ndarray):
                blanked = pd.Series(found, index=series.index, name=series.name)
        frame.isetitem(position, blanked.array)
    if columns:
        cells = "cell" if count == 1 else "cells"
        warnings.append(
            f"Taken as missing, as chosen ({listing(sorted(seen))}): {count:,} {cells} of {listing(columns)}."
        )
    absent = [marker for marker in markers if marker not in seen]
    if any(is_number(series) and series.hasnans for _, series in frame.items()):
        # Columns of numbers were read without them, whatever the user chose.
        absent = [marker for marker in absent if marker not in NUMERIC_MISSING]
    if absent:
        warnings.append(f"No cell is {listing(absent)}, which you want to be missing.")


def _marked(series: pd.Series, markers: Sequence[str]) -> tuple[np.ndarray, set[str]]:
    """(n,) which cells are one of the markers, and which markers those are."""
    names = {value_label(marker): marker for marker in markers}
    if isinstance(series.dtype, pd.StringDtype):
        cells = pc.utf8_trim_whitespace(_text(series))
        hits = pc.is_in(cells, pa.array(list(markers), cells.type)).to_numpy(zero_copy_only=False)
        return hits, set(pc.unique(cells.filter(pa.array(hits))).to_pylist())
    if is_number(series):
        values = as_numbers(series)
        numbers = {float(label): marker for label, marker in names.items() if _is_float(label)}
        hits = np.isin(values, list(numbers))
        return hits, {numbers[value] for value in np.unique(values[hits]).tolist()}
    codes, distinct = pd.factorize(series, use_na_sentinel=True)
    found = [names.get(value_label(value)) for value in distinct]
    hits = np.isin(codes, [code for code, marker in enumerate(found) if marker is not None])
    return hits, {marker for marker in found if marker is not None}


def _is_float(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text


def _unchanged(name: str, series: pd.Series, decimal: str | None, warnings: list[str]) -> pd.Series:
    return series


def _to_number(name: str, series: pd.Series, decimal: str | None, warnings: list[str]) -> pd.Series:
    if is_number(series):
        return series
    if series.dtype.kind in "mM":
        raise TaskError(f"'{shorten(name)}' holds dates, which are no numbers. Choose the type year and month.")
    if series.dtype.kind == "b":
        return pd.Series(as_numbers(series), series.index) if series.hasnans else series.astype(np.int64)
    values, odd, examples = forced_numbers(_text(series), decimal)
    if np.isnan(values).all() and odd:
        raise TaskError(
            f"No cell of '{shorten(name)}' is a number ({listing(examples[:2])}, ...), so its type cannot be number. "
            "Choose the type category."
        )
    if odd:
        warnings.append(
            f"'{shorten(name)}' is read as numbers; cells that are none, taken as missing: {odd:,} "
            f"({listing(examples, 3)})."
        )
    return pd.Series(values, index=series.index, name=series.name)


def _to_category(name: str, series: pd.Series, decimal: str | None, warnings: list[str]) -> pd.Series:
    if not is_number(series) and series.dtype.kind not in "mM":
        return series
    codes, distinct = pd.factorize(series, use_na_sentinel=True)
    labels = np.array([*(value_label(value) for value in distinct), None], dtype=object)
    return pd.Series(labels[codes], index=series.index, name=series.name, dtype="str")


def _to_yes_no(name: str, series: pd.Series, decimal: str | None, warnings: list[str]) -> pd.Series:
    values = int(series.nunique())
    if values == 2:
        return series
    warnings.append(f"'{shorten(name)}' is called yes/no but has {values:,} values; it is taken as a category.")
    return _to_category(name, series, decimal, warnings)


def to_dates(name: str, series: pd.Series, decimal: str | None, warnings: list[str]) -> pd.Series:
    """The column as datetime64, cells that are no dates as missing; how it was read is added to `warnings`.

    Whole numbers as 201208 and 20120831 are a year, a month and a day.
    """
    if series.dtype.kind == "M":
        return series
    cells = _text(series)
    distinct = pc.unique(cells.drop_null())
    spaced = pc.replace_substring_regex(distinct, r"^((?:19|20)\d\d)(\d\d)(\d\d)$", r"\1-\2-\3")
    found = parse_dates(pc.replace_substring_regex(spaced, r"^((?:19|20)\d\d)(\d\d)$", r"\1-\2"))
    if not len(distinct) or np.isnat(found.days).all():
        raise TaskError(
            f"No cell of '{shorten(name)}' is a readable date ({listing(distinct.slice(0, 2).to_pylist(), 2)}). "
            "Write dates as 2024-01-31, or choose another type."
        )
    days = np.append(found.days, np.datetime64("NaT", "D"))
    codes = pc.index_in(cells, distinct).fill_null(len(distinct)).to_numpy()
    odd = int(np.count_nonzero(np.isnat(days[codes]))) - cells.null_count
    if odd:
        examples = distinct.filter(pa.array(np.isnat(found.days))).slice(0, 3).to_pylist()
        warnings.append(
            f"'{shorten(name)}' is read as dates; cells that are none, taken as missing: {odd:,} "
            f"({listing(examples, 3)})."
        )
    if found.order:
        told = f"Dates of '{shorten(name)}' are read with the {found.order.split()[0]} first"
        warnings.append(f"{told}, which no cell of it decides." if found.doubtful else f"{told}.")
    return pd.Series(days[codes].astype("datetime64[s]"), index=series.index, name=series.name)


_CASTS: dict[str, Callable[[str, pd.Series, str | None, list[str]], pd.Series]] = {
    "number": _to_number,
    "yes/no": _to_yes_no,
    "category": _to_category,
    "year and month": to_dates,
}


def year_and_month(series: pd.Series) -> dict[str, np.ndarray]:
    """{"<column> year": (n,), "<column> month": (n,)} float64 of a column of dates, NaN where the date is missing."""
    days = series.to_numpy(dtype="datetime64[D]") if series.dt.tz is None else series.dt.tz_convert(None).to_numpy()
    months = days.astype("datetime64[M]")
    absent = np.isnat(months)
    year = months.astype("datetime64[Y]").astype(np.int64) + 1970.0
    month = months.astype(np.int64) % 12 + 1.0
    name = str(series.name)
    return {f"{name} year": np.where(absent, np.nan, year), f"{name} month": np.where(absent, np.nan, month)}
