"""Building blocks of the printed report: sentences, tables, pictures and code, as plain values for the template."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from iffair_core.errors import shorten
from iffair_core.metrics import METRICS
from iffair_core.telling.figures.common import Picture
from iffair_core.uncertainty import Estimate, Evaluation
from iffair_core.wording import NOT_ESTIMABLE, NOT_INFORMATIVE, WITHHELD, figure, minus, percent, why_none

CONFIG = {"displaylogo": False, "showSendToCloud": False, "plotlyServerURL": "", "responsive": True}
TABLE_ROWS = 40

Block = dict[str, Any]
Write = Callable[[Any], str]


def text_block(*sentences: str, lead: bool = False) -> Block:
    """A paragraph; `lead` for the one that states the finding."""
    return {"kind": "text", "text": " ".join(sentences), "lead": lead}


def list_block(entries: Sequence[str], title: str = "") -> Block:
    """A bulleted list under a small title."""
    return {"kind": "items", "items": list(entries), "title": title}


def heading_block(title: str) -> Block:
    """A small title."""
    return {"kind": "heading", "title": title}


def code_block(text: str, title: str) -> Block:
    """Code to copy."""
    return {"kind": "code", "text": text, "title": title}


@dataclass(frozen=True)
class Column:
    """One column of a printed table: cells as text; numbers are set right."""

    title: str
    cells: list[str]
    number: bool = True


def badge_block(what: str, level: str, text: str) -> Block:
    """How far something can be trusted: "Fidelity" or "Check", its level, and why."""
    return {"kind": "badge", "what": what, "level": level, "text": text}


def table_block(caption: str, *columns: Column) -> Block:
    """A table; every column has as many cells."""
    lines = list(zip(*(column.cells for column in columns), strict=True))
    named = any(column.title for column in columns)
    return {"kind": "table", "caption": caption, "columns": list(columns), "lines": lines, "named": named}


def frame_columns(frame: pd.DataFrame, names: Mapping[str, str], write: Mapping[str, Write]) -> list[Column]:
    """Columns of a frame as printed columns; `names`: the title of each. A column is written as `write` says, a metric
    with the interval beside it, another number with three decimals, anything else as text."""
    plain, columns = frame.astype(object).where(frame.notna(), None), []
    for name, title in names.items():
        number = pd.api.types.is_numeric_dtype(frame[name])
        if f"{name} low" in plain:
            ends = plain[[name, f"{name} low", f"{name} high"]].to_numpy()
            if name.endswith(" change"):
                cells = [change_cell(Estimate(value, low, high, None)) for value, low, high in ends]
            else:
                cells = [value_cell(value, (low, high)) for value, low, high in ends]
        else:
            cells = [write.get(name, figure if number else shorten)(value) for value in plain[name]]
        columns.append(Column(title, cells, number))
    return columns


def picture_block(picture: Picture) -> Block:
    """A figure as JSON for plotly.js, with its alt text and the table behind it; `picture` for screens that draw it."""
    drawn = json.loads(picture.figure.to_json())
    return {
        "kind": "picture",
        "picture": picture,
        "data": script_json(drawn["data"]),
        "layout": script_json(drawn["layout"]),
        "config": script_json(CONFIG),
        "height": int(picture.figure.layout.height or 400),
        "alt": picture.alt,
        "caption": picture.caption,
        "numbers": frame_block("Numbers behind this picture", picture.table),
    }


def script_json(value: Any) -> str:
    """JSON that cannot end the script element it stands in."""
    text = json.dumps(value)
    for mark in "<>&\u2028\u2029":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return text


def frame_block(caption: str, frame: pd.DataFrame) -> Block:
    """A frame as a printed table, its first rows if it is long."""
    shown = frame.head(TABLE_ROWS)
    if len(frame) > len(shown):
        caption += f" (first {len(shown)} of {len(frame):,} rows)"
    columns = []
    for name in shown.columns:
        numeric = pd.api.types.is_numeric_dtype(shown[name]) and not pd.api.types.is_bool_dtype(shown[name])
        write = str if name == "row_id" else cell
        columns.append(Column(shorten(name, 40).replace("_", " "), [write(value) for value in shown[name]], numeric))
    return table_block(caption, *columns)


def cell(value: Any) -> str:
    """A value of a frame as printed; empty where it is missing."""
    if value is None or value is pd.NA or (isinstance(value, float | np.floating) and not np.isfinite(value)):
        return ""
    if isinstance(value, int | np.integer) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, float | np.floating):
        return minus(f"{value:,.4g}")
    return shorten(value, 60)


def share_cell(estimate: Estimate, *, intervals: bool = True) -> str:
    """A share with its interval in percent, or "not estimable" (or "withheld") with the rows there are."""
    if estimate.value is None or not np.isfinite(estimate.value):
        return why_none(estimate.count)
    ends = _ends(estimate.low, estimate.high, lambda end: f"{100 * end:.1f}") if intervals else ""
    return percent(estimate.value) + ends


def ratio_cell(estimate: Estimate) -> str:
    """An impact ratio with its interval; empty where there is none."""
    if estimate.value is None:
        return ""
    return figure(estimate.value) + _ends(estimate.low, estimate.high, lambda end: f"{end:.3f}")


def gap_cell(estimate: Estimate | None) -> str:
    """A signed gap with its interval in points; "reference" where there is none because the group is its own."""
    if estimate is None:
        return "reference"
    if estimate.value is None:
        return NOT_ESTIMABLE if estimate.count == 0 else WITHHELD
    return signed_points(estimate.value) + _ends(estimate.low, estimate.high, signed_points)


def change_cell(estimate: Estimate) -> str:
    """A signed change of a metric with its interval."""
    if estimate.value is None:
        return NOT_ESTIMABLE
    return minus(f"{estimate.value:+.3f}") + _ends(estimate.low, estimate.high, lambda end: f"{end:+.3f}")


def value_cell(value: float | None, bounds: tuple[float | None, float | None] | None) -> str:
    """A metric with its interval; it says so where none would be informative."""
    low, high = bounds or (None, None)
    if value is not None and low is None:
        return f"{figure(value)} ({NOT_INFORMATIVE})"
    return figure(value) + _ends(low, high, lambda end: f"{end:.3f}")


def chance_cell(found: Evaluation, metric: str) -> str:
    """What the disparity would show by chance alone; empty for metrics that have no such band."""
    band = found.chance_band.get(metric)
    return "" if band is None else f"{'≥' if METRICS[metric].higher_is_better else '≤'} {band:.3f}"


def signed_points(share: float, digits: int = 1) -> str:
    """A signed share in points, without the unit."""
    return minus(f"{100 * share:+.{digits}f}")


def _ends(low: float | None, high: float | None, text: Callable[[float], str]) -> str:
    return "" if low is None or high is None else minus(f" ({text(low)} to {text(high)})")
