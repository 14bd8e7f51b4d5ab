"""Several studies on one picture: their curves, each with its chosen point, and small multiples of every metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from iffair_core.metrics import DISPARITIES
from iffair_core.telling.figures.canvas import Canvas
from iffair_core.telling.figures.common import (
    GROUP_SYMBOLS,
    HIGHER_IS_BETTER,
    METRIC_TITLES,
    OKABE_ITO,
    Palette,
    Picture,
    Props,
    Theme,
    as_float,
    factor,
    interval_bars,
    label,
    legend_for,
    legend_room,
    long_frame,
    mark,
    metric_text,
    metrics_from,
    padded,
    palette,
    rgba,
    short_title,
    stroke,
)
from iffair_core.telling.figures.plane import metric_axis
from iffair_core.wording import listed, metric_title


@dataclass(frozen=True, eq=False)
class Line:
    """A study among others: its name, the frame of its curve (curve.csv), and the strength that was chosen.

    `intervals`: 95 % ends at that strength, {split: {metric: (low, high)}}.
    """

    name: str
    curve: pd.DataFrame
    strength: float
    intervals: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def on(self, split: str) -> pd.DataFrame:
        """The refitted points on one split."""
        return self.curve[self.curve["split"] == split].reset_index(drop=True)

    def chosen(self, split: str) -> pd.DataFrame:
        """The chosen point on one split."""
        points = self.on(split)
        return points[np.isclose(points["strength"], self.strength, rtol=0, atol=1e-12)]


def _look(place: int, colors: Palette) -> tuple[str, str]:
    """(color, symbol) of the line at this place: 56 pairs before one repeats. Lines are solid: all is refitted."""
    if place == 0:
        return colors.accent, "circle"
    return OKABE_ITO[(place - 1) % len(OKABE_ITO)], GROUP_SYMBOLS[(place - 1) % len(GROUP_SYMBOLS)]


def _width(place: int, lines: Sequence[Line]) -> float:
    """The first line is wider, so that it is seen under another that runs along it."""
    return 5 if place == 0 and len(lines) > 1 else 2


def curves_beside(
    lines: Sequence[Line], theme: Theme = "light", *, x: str = "accuracy", y: str, split: str = "test"
) -> Picture:
    """Curves of several studies: better is right and down. Diamonds: untouched; stars: chosen, with 95 % intervals."""
    colors, figure = palette(theme), Canvas()
    fx, fy = factor(x), factor(y)
    drawn: dict[str, list[float]] = {x: [], y: []}
    rows: list[dict[str, Any]] = []
    for place, line in enumerate(lines):
        color, symbol = _look(place, colors)
        name, points, chosen = label(line.name, 48), line.on(split), line.chosen(split)
        hover = f"{name}<br>strength %{{customdata[0]:.6~g}}<br>%{{x:.4~g}}, %{{y:.3~g}}<extra></extra>"
        shared: Props = {"name": name, "legendgroup": str(place), "hovertemplate": hover}
        for part, marker in (
            (points, mark(symbol, 6, color)),
            (points[points["strength"] == 0], mark("diamond", 11, color, colors.page)),
            (chosen, mark("star", 16, color, colors.ink, 0.8)),
        ):
            look: Props = {"mode": "markers", "marker": marker | {"opacity": 1}, "showlegend": part is points}
            look |= {"mode": "lines+markers", "line": stroke(color, _width(place, lines))} if part is points else {}
            look |= {"customdata": part[["strength"]]}
            if part is chosen:
                look |= {
                    "error_x": _bars(line, chosen, x, split, color),
                    "error_y": _bars(line, chosen, y, split, color),
                }
            figure.scatter(x=fx * part[x], y=fy * part[y], **shared, **look)
        for metric in (x, y):
            ends = line.intervals.get(split, {}).get(metric) if len(chosen) else None
            drawn[metric] += [*points[metric], *(ends or ())]
        for kind, part in (("untouched", points[points["strength"] == 0]), ("chosen", chosen)):
            for _, point in part.iterrows():
                rows.append(
                    {"study": line.name, "point": kind, "strength": point["strength"]} | {m: point[m] for m in (x, y)}
                )
    across = padded(fx * np.array(drawn[x]), 0.08, 0.002 * fx)
    down = padded(fy * np.array(drawn[y]), 0.08, 0.002 * fy)
    if y in DISPARITIES and y not in HIGHER_IS_BETTER:
        down = (min(0.0, down[0]), down[1])
    figure.good_corner(colors)
    figure.x_axis(**metric_axis(x, across if x in HIGHER_IS_BETTER else across[::-1]))
    figure.y_axis(**metric_axis(y, down[::-1] if y in HIGHER_IS_BETTER else down))
    done = figure.finish(
        theme, height=480 + legend_room(len(lines)), margin_t=40, hovermode="closest", legend=legend_for(len(lines))
    )
    table = long_frame(rows, ("study", "point", "strength", x, y))
    said = [
        f"{row['study']} {row['point']} at strength {row['strength']:g}: "
        f"{metric_text(x, row[x])}, {metric_text(y, row[y])}"
        for row in rows
    ]
    caption = f"On {split} rows. Diamond: untouched model; star: chosen strength, with its 95 % intervals."
    alt = f"{metric_title(x)} (right is better) against {metric_title(y)} (down is better) of {len(lines)} studies. "
    return Picture(done, f"{alt}{listed(said)}. {caption}", table, caption)


def _bars(line: Line, chosen: pd.DataFrame, metric: str, split: str, color: str) -> Props:
    ends = line.intervals.get(split, {}).get(metric) or (None, None)
    low, high = (factor(metric) * as_float(end) for end in ends)
    values = factor(metric) * chosen[metric].to_numpy(float)
    return interval_bars(values, [low] * len(values), [high] * len(values), rgba(color, 0.7))


def metrics_beside(
    lines: Sequence[Line], theme: Theme = "light", *, first: str, split: str = "test", columns: int = 3
) -> Picture:
    """Small multiples of every metric along strength, `first` before the others; stars: the chosen strengths."""
    colors = palette(theme)
    names = metrics_from(first)
    rows = -(-len(names) // columns)
    figure = Canvas(rows=rows, cols=columns, gaps=(0.09, min(0.07, 0.4 / rows)))
    for at, metric in enumerate(names):
        scale, unit = factor(metric), " %" if factor(metric) > 1 else ""
        panel: Props = {"row": at // columns + 1, "col": at % columns + 1}
        hover = f"%{{fullData.name}}<br>strength %{{x:.6~g}}<br>%{{y:.4~g}}{unit}<extra></extra>"
        drawn: list[float] = []
        for place, line in enumerate(lines):
            color, symbol = _look(place, colors)
            points, chosen = line.on(split), line.chosen(split)
            shared: Props = {"name": label(line.name, 48), "legendgroup": str(place), "hovertemplate": hover, **panel}
            look: Props = {
                "mode": "lines+markers",
                "line": stroke(color, 0.8 * _width(place, lines)),
                "marker": mark(symbol, 4, color),
            }
            figure.scatter(x=points["strength"], y=scale * points[metric], showlegend=at == 0, **look, **shared)
            star: Props = {"mode": "markers", "marker": mark("star", 11, color, colors.ink, 0.6), "showlegend": False}
            figure.scatter(x=chosen["strength"], y=scale * chosen[metric], **star, **shared)
            drawn += [*(scale * points[metric])]
        words = short_title(metric)
        figure.title(f"<b>{words}</b>" if at == 0 else words, colors.ink, **panel)
        low, high = padded(drawn, 0.12, 0.002 * scale)
        floor = 0.0 if metric in DISPARITIES else -np.inf
        figure.y_axis(range=[max(low, floor), high], nticks=4, ticksuffix=unit, tickfont_size=11, **panel)
        last = at + columns >= len(names)
        ticks: Props = {"range": [-0.04, 1.29], "tickvals": [0, 0.5, 1], "tickfont_size": 11, "showticklabels": last}
        figure.x_axis(title_text="Strength" if last else None, **ticks, **panel)
    room = 60 + legend_room(len(lines))
    legend = legend_for(len(lines)) or {"y": 1 + 24 / (130 * rows)}
    done = figure.finish(theme, height=70 + 130 * rows + room, margin_t=room, hovermode="closest", legend=legend)
    table = pd.concat([line.on(split)[["strength", *names]].assign(study=line.name) for line in lines])
    table = table[["study", "strength", *names]].reset_index(drop=True)
    caption = f"On {split} rows, refitted; star: chosen strength. ↑ higher is better."
    said = []
    for line in lines:
        values = line.chosen(split)
        told = [f"{METRIC_TITLES[m]} {metric_text(m, value)}" for m in names for value in values[m]]
        said.append(f"{line.name}: {listed(told)}")
    return Picture(
        done,
        f"Every metric of {len(lines)} studies at the chosen strengths. {'; '.join(said)}. {caption}",
        table,
        caption,
    )
