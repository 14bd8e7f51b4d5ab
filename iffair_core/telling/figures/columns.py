"""A column of the table as a picture, before any model: where a threshold cuts a number."""

from __future__ import annotations

import numpy as np
import pandas as pd

from iffair_core.errors import shorten
from iffair_core.reading.values import value_label
from iffair_core.study.disclosure import merged, tellable
from iffair_core.telling.figures.canvas import Canvas
from iffair_core.telling.figures.common import Picture, Theme, label, palette, rgba, stroke
from iffair_core.wording import percent

BARS = 40


def threshold_histogram(
    values: np.ndarray,
    cut: float,
    theme: Theme,
    *,
    name: str,
    at_least: bool | None,
    bars: int = BARS,
    smallest: int | None = None,
) -> Picture:
    """How a number is spread, with a threshold across: the favorable side filled, the other one outlined.

    values (n,): missing and infinite ones do not count; cut: the threshold, which belongs to the upper side; at_least:
    whether that side is favorable, None while none is. The table has a row per bar: from, to (not included, but for
    the last), rows, side. A bar never stands on both sides. smallest: the smallest group of cohort-only mode;
    neighboring bars of a side are then taken together until each holds as many rows, and a side with fewer has none.
    """
    colors = palette(theme)
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    edges = _edges(known, cut, bars)
    rows = np.histogram(known, edges)[0] if known.size else np.zeros(len(edges) - 1, dtype=np.int64)
    hits = int(np.count_nonzero(known >= cut))
    told = tellable([hits, known.size - hits], smallest).all()
    starts, stops, rows = _taken_together(edges, rows, cut, smallest)
    upper = starts >= cut
    sides = np.where(upper, "at least", "below")
    favorable = np.zeros(len(upper), dtype=bool) if at_least is None else upper == at_least
    share = hits / known.size if known.size else None
    figure = Canvas()
    edge = [colors.accent if own else colors.reference for own in favorable]
    figure.add(
        "bar",
        x=(starts + stops) / 2,
        y=rows,
        width=stops - starts,
        customdata=np.column_stack([starts, stops]),
        hovertemplate="%{customdata[0]:.6g} to %{customdata[1]:.6g}: %{y:,} rows<extra></extra>",
        marker_color=[colors.accent if own else rgba(colors.reference, 0.15) for own in favorable],
        marker_line={"color": edge, "width": 1},
    )
    figure.upright(cut, stroke(colors.ink, 2, "dot"))
    figure.x_axis(title_text=label(name), showgrid=False)
    figure.y_axis(title_text="Rows", rangemode="tozero", nticks=4)
    done = figure.finish(theme, height=170, bargap=0, barcornerradius=0, showlegend=False)
    written, rest = value_label(cut), None if share is None else 1 - share
    split = f"{percent(share)} of {known.size:,} rows are at least {written}, {percent(rest)} below"
    if not told:
        split = f"One side of {written} has fewer than {smallest} rows"
    chosen = "" if at_least is None else f" Favorable: {'at least' if at_least else 'below'} {written}, filled."
    return Picture(
        done,
        f"Histogram of {shorten(name)} with a threshold at {written}: {split}.{chosen}",
        pd.DataFrame({"from": starts, "to": stops, "rows": rows, "side": sides}),
        f"{split}.",
    )


def _taken_together(
    edges: np.ndarray, rows: np.ndarray, cut: float, smallest: int | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(starts, stops, rows) of bars, none of fewer than `smallest` rows and none across the cut."""
    found = []
    middle = int(np.count_nonzero(edges[:-1] < cut))
    sides = [(0, middle), (middle, len(rows))]
    # With both totals known, a side that cannot be told would follow from the other's bars.
    if all(rows[first:last].sum() == 0 or merged(rows[first:last], smallest) for first, last in sides):
        for first, last in sides:
            runs = merged(rows[first:last], smallest) if last > first else []
            found += [(edges[first + a], edges[first + b], rows[first + a : first + b].sum()) for a, b in runs]
    bars = np.array(found, dtype=np.float64).reshape(-1, 3)
    return bars[:, 0], bars[:, 1], bars[:, 2].astype(np.int64)


def _edges(known: np.ndarray, cut: float, bars: int) -> np.ndarray:
    """Edges of equal bars of which one is the threshold, as far as it lies among the values."""
    low, high = (float(known.min()), float(known.max())) if known.size else (cut - 1, cut + 1)
    if not low < high:
        low, high = low - 0.5, high + 0.5
    whole = known.size > 0 and high - low >= 1 and bool(np.all(known == np.round(known)))
    width = (high - low) / bars
    if whole:
        # Bars of whole numbers hold equally many of them, and end between two.
        width = float(np.ceil((high + 1 - low) / bars))
        high = high + 1
    if not low < cut <= high:
        steps = max(int(np.ceil((high - low) / width - 1e-9)), 1)
        edges = low + width * np.arange(steps + 1)
    else:
        below, above = (max(int(np.ceil(part / width - 1e-9)), 1) for part in (cut - low, high - cut))
        edges = cut + width * np.arange(-below, above + 1)
    # Rounding must not leave the smallest or the largest value outside.
    edges[0], edges[-1] = min(edges[0], low), max(edges[-1], high)
    return edges
