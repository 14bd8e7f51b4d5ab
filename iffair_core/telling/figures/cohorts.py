"""Pictures for cohort-only mode: how rows are spread within each group and outcome, never fewer than k in a bar."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from iffair_core.errors import shorten
from iffair_core.study.disclosure import merged, told_ends, withheld
from iffair_core.study.results import StudyResult
from iffair_core.telling.figures.canvas import Canvas
from iffair_core.telling.figures.common import (
    Cell,
    Palette,
    Picture,
    Props,
    Theme,
    cells,
    long_frame,
    palette,
    rgba,
    rows_height,
    stroke,
)
from iffair_core.wording import WITHHELD, listed

BINS = 60


def even_edges(values: np.ndarray, through: float, bins: int = BINS) -> np.ndarray:
    """Edges of about `bins` equal bins over the values; `through` lies in the middle of one."""
    low, high = min(float(values.min()), through), max(float(values.max()), through)
    spread = high - low
    width = (spread if spread > 1e-9 * max(abs(low), abs(high)) else 1.0) / bins
    below, above = (int(np.ceil(part / width + 0.5)) for part in (through - low, high - through))
    return through + width * (np.arange(-below, above + 1) + 0.5)


def skyline(
    figure: Canvas, place: int, cell: Cell, edges: np.ndarray, heights: np.ndarray, told: np.ndarray, hover: str
) -> None:
    """The bars of a cell in row `place`, high as the square root of `heights`; `hover` shows `told` and the edges."""
    color, foot = cell.style.color, place + 0.36
    tops = foot - np.repeat(0.82 * np.sqrt(heights), 2)
    fill: Props = {"mode": "lines", "fill": "toself", "fillcolor": rgba(color, 0.75 if cell.outcome else 0.25)}
    figure.scatter(
        x=np.concatenate([[edges[0]], np.repeat(edges, 2)[1:-1], [edges[-1]]]),
        y=np.concatenate([[foot], tops, [foot]]),
        name=cell.label,
        **fill,
        line=stroke(color),
        showlegend=False,
        hoverinfo="skip",
    )
    shown = np.flatnonzero(heights)
    low, high = edges[:-1][shown], edges[1:][shown]
    figure.scatter(
        x=(low + high) / 2,
        y=np.full(shown.size, place + 0.2),
        mode="markers",
        marker={"color": color, "opacity": 0, "size": 10},
        customdata=np.column_stack([told[shown], low, high]),
        hovertemplate=f"{cell.label}<br>{hover}<extra></extra>",
        showlegend=False,
    )


def beside_cell(figure: Canvas, place: int, text: str, colors: Palette) -> None:
    """A note at the right of the row `place`."""
    where: Props = {"x": 1, "xref": "paper", "xanchor": "left", "xshift": 6, "y": place + 0.2, "align": "left"}
    figure.annotate(text=text, **where, font=colors.small)


def spread_by_cohort(
    result: StudyResult,
    values: np.ndarray,
    theme: Theme,
    *,
    what: str,
    axis: str,
    at: float,
    beside: Callable[[np.ndarray], str],
    caption: str = "",
) -> Picture:
    """Histogram of the training rows' `values` (n_train,) for each group x outcome cell on one scale.

    Neighboring bins are taken together until a bar stands for at least k rows; cells whose size may not be told have
    none. what: the values in words; axis: the axis title; at: where the line is drawn; beside: what is written beside
    a cell, from its values. The table has a line for every bar: group, outcome, from, to, rows.
    """
    k = result.smallest_group or 1
    colors, found = palette(theme), cells(result.dataset, result.train_rows, theme)
    hidden = withheld(result.dataset).outcomes
    shown = np.clip(values, *told_ends(values, k))
    edges = even_edges(shown, at)
    hover = "%{customdata[1]:.3~g} to %{customdata[2]:.3~g}: %{customdata[0]:,} rows"
    figure, lines, said = Canvas(), [], []
    for place, cell in enumerate(found):
        mine = values[cell.rows]
        count = np.histogram(shown[cell.rows], edges)[0]
        runs = [] if hidden[result.dataset.groups.index(cell.group)] else merged(count, k)
        outcome, text = "favorable" if cell.outcome else "other", beside(mine) if runs else WITHHELD
        if runs:
            ends = np.array([edges[start] for start, _ in runs] + [edges[runs[-1][1]]])
            rows = np.array([int(count[start:stop].sum()) for start, stop in runs])
            tall = rows / mine.size / np.array([stop - start for start, stop in runs])
            skyline(figure, place, cell, ends, tall, rows, hover)
            lines += [
                {"group": cell.group, "outcome": outcome, "from": a, "to": b, "rows": int(n)}
                for a, b, n in zip(ends[:-1], ends[1:], rows, strict=True)
            ]
        beside_cell(figure, place, text, colors)
        said.append(f"{shorten(cell.group, 40)} {outcome} {text}")
    figure.upright(at, stroke(colors.ink))
    figure.rows_axis([cell.label for cell in found], color=colors.ink)
    figure.x_axis(range=[float(edges[0]), float(edges[-1])], title_text=axis)
    done = figure.finish(theme, height=rows_height(len(found), each=52, extra=70), margin_r=176, hovermode="closest")
    caption = f"{caption} Height: square root of the share of rows. No bar stands for fewer than {k} rows.".strip()
    table = long_frame(lines, ("group", "outcome", "from", "to", "rows"))
    return Picture(done, f"{what} by group and outcome. {listed(said)}. {caption}", table, caption)
