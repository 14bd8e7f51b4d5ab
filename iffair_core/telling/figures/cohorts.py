"""Pictures for cohort-only mode: how rows are spread within each group and outcome, never fewer than k in a bar."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from iffair_core.errors import shorten
from iffair_core.study.disclosure import merged, told_ends, withheld
from iffair_core.study.results import StudyResult
from iffair_core.telling.figures.canvas import Canvas
from iffair_core.telling.figures.common import Picture, Theme, cells, long_frame, palette, rgba, rows_height
from iffair_core.wording import WITHHELD, listed

BINS = 60


def even_edges(values: np.ndarray, through: float, bins: int = BINS) -> np.ndarray:
    """Edges of about `bins` equal bins over the values; `through` lies in the middle of one."""
    low, high = min(float(values.min()), through), max(float(values.max()), through)
    spread = high - low
    width = (spread if spread > 1e-9 * max(abs(low), abs(high)) else 1.0) / bins
    below, above = (int(np.ceil(part / width + 0.5)) for part in (through - low, high - through))
    return through + width * (np.arange(-below, above + 1) + 0.5)


def spread_by_cohort(
    result: StudyResult,
    values: np.ndarray,
    theme: Theme,
    *,
    what: str,
    axis: str,
    mark: float,
    beside: Callable[[np.ndarray], str],
    caption: str = "",
) -> Picture:
    """Histogram of the training rows' `values` (n_train,) for each group x outcome cell on one scale.

    Neighboring bins are taken together until a bar stands for at least k rows; cells whose size may not be told have
    none. what: the values in words; axis: the axis title; mark: where the line is drawn; beside: what is written beside
    a cell, from its values. The table has a line for every bar: group, outcome, from, to, rows.
    """
    k = result.smallest_group or 1
    colors, found = palette(theme), cells(result.dataset, result.train_rows, theme)
    hidden = withheld(result.dataset).outcomes
    shown = np.clip(values, *told_ends(values, k))
    edges = even_edges(shown, mark)
    figure, lines, said = Canvas(), [], []
    for place, cell in enumerate(found):
        mine = values[cell.rows]
        count = np.histogram(shown[cell.rows], edges)[0]
        runs = [] if hidden[result.dataset.groups.index(cell.group)] else merged(count, k)
        outcome, color = "favorable" if cell.outcome else "other", cell.style.color
        text = beside(mine) if runs else WITHHELD
        if runs:
            ends = np.array([edges[start] for start, _ in runs] + [edges[runs[-1][1]]])
            rows = np.array([int(count[start:stop].sum()) for start, stop in runs])
            tall = rows / mine.size / np.array([stop - start for start, stop in runs])
            tops = 0.82 * np.sqrt(tall)
            figure.scatter(
                x=np.concatenate([[ends[0]], np.repeat(ends, 2)[1:-1], [ends[-1]]]),
                y=np.concatenate([[place + 0.36], place + 0.36 - np.repeat(tops, 2), [place + 0.36]]),
                mode="lines", fill="toself", fillcolor=rgba(color, 0.75 if cell.outcome else 0.25),
                line={"color": color, "width": 1}, name=cell.label, showlegend=False, hoverinfo="skip",
            )  # fmt: skip
            figure.scatter(
                x=(ends[:-1] + ends[1:]) / 2, y=np.full(rows.size, place + 0.2), mode="markers", showlegend=False,
                marker={"color": color, "opacity": 0, "size": 10},
                customdata=np.column_stack([rows, ends[:-1], ends[1:]]),
                hovertemplate=f"{cell.label}<br>%{{customdata[1]:.3~g}} to %{{customdata[2]:.3~g}}: "
                "%{customdata[0]:,} rows<extra></extra>",
            )  # fmt: skip
            lines += [
                {"group": cell.group, "outcome": outcome, "from": a, "to": b, "rows": int(n)}
                for a, b, n in zip(ends[:-1], ends[1:], rows, strict=True)
            ]
        figure.annotate(
            x=1, xref="paper", xanchor="left", xshift=6, y=place + 0.2, align="left", text=text,
            font={"size": 11, "color": colors.muted},
        )  # fmt: skip
        said.append(f"{shorten(cell.group, 40)} {outcome} {text}")
    figure.upright(mark, {"color": colors.ink, "width": 1})
    figure.rows_axis([cell.label for cell in found], color=colors.ink)
    figure.x_axis(range=[float(edges[0]), float(edges[-1])], title_text=axis)
    done = figure.finish(theme, height=rows_height(len(found), each=52, extra=70), margin_r=176, hovermode="closest")
    caption = f"{caption} Height: square root of the share of rows. No bar stands for fewer than {k} rows.".strip()
    table = long_frame(lines, ("group", "outcome", "from", "to", "rows"))
    return Picture(done, f"{what} by group and outcome. {listed(said)}. {caption}", table, caption)
