"""Metrics on axes: two against each other, better right and down, with the rivals; or each of them along strength."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from iffair_core.metrics import DISPARITIES
from iffair_core.telling.figures.canvas import Canvas
from iffair_core.telling.figures.common import (
    HIGHER_IS_BETTER,
    Palette,
    Props,
    Spot,
    axis_title,
    factor,
    interval_bars,
    label,
    rgba,
    rival_mark,
)

Ends = tuple[float, float]


@dataclass(frozen=True)
class Plane:
    """What is drawn against what, and how; `hover` ends the text of every point."""

    x: str
    y: str
    colors: Palette
    hover: str
    intervals: bool = True
    compact: bool = False

    def place(self, points: pd.Series | pd.DataFrame) -> Props:
        """Coordinates of one point or several, in the units of the axes."""
        return {"x": factor(self.x) * points[self.x], "y": factor(self.y) * points[self.y]}

    def bars(self, points: pd.DataFrame, color: str, width: int, where: np.ndarray | bool = True) -> Props:
        """Intervals on both axes of the points `where` is true, nothing unless they were asked for."""
        bars: Props = {}
        for axis, metric in (("x", self.x), ("y", self.y)) if self.intervals else ():
            value, low, high = (
                factor(metric) * points[f"{metric}{end}"].to_numpy(float) for end in ("", " low", " high")
            )
            low, high = (np.where(where, end, np.nan) for end in (low, high))
            bars[f"error_{axis}"] = interval_bars(value, low, high, color, width)
        return bars

    def rivals(
        self,
        figure: Canvas,
        rivals: pd.DataFrame,
        titles: pd.Series,
        away: pd.Series,
        *,
        opacity: float,
        width: int,
        note: str = "",
    ) -> list[Spot]:
        """Hollow markers, one trace for each rival with an answer; returns where the names of those in sight belong.

        opacity, width: of the intervals; note: what the text of a point says after the rival's name.
        """
        spots = []
        for place, title in enumerate(titles):
            rival = rivals.iloc[[place]]
            if rival[[self.x, self.y]].isna().to_numpy().any():
                continue
            name = label(title, 48)
            look: Props = {"mode": "markers", "marker": rival_mark(place, self.colors, 9 if self.compact else 12)}
            look |= {"name": name, "showlegend": False, "hovertemplate": f"{name}{note}<br>{self.hover}"}
            look |= self.bars(rival, rgba(self.colors.ink, opacity), width)
            figure.scatter(**self.place(rival), **look)
            if not self.compact and not away[rival.index[0]]:
                short = label(title.partition(" (")[0], 48)
                spots.append(Spot(**self.place(rivals.iloc[place]), text=short, color=self.colors.ink))
        return spots

    def turned(self, across: Ends, down: Ends) -> tuple[Ends, Ends]:
        """The ranges turned so that better is right and down; a disparity that is better lower begins at 0."""
        if self.x not in HIGHER_IS_BETTER:
            across = across[::-1]
        if self.y in HIGHER_IS_BETTER:
            down = down[::-1]
        elif self.y in DISPARITIES:
            down = (0.0, down[1])
        return across, down


def metric_axis(metric: str, ends: Ends, nticks: int = 8) -> Props:
    """An axis of a metric from one end to the other."""
    suffix = " %" if factor(metric) > 1 else ""
    return {"range": list(ends), "ticksuffix": suffix, "nticks": nticks, "title": {"text": axis_title(metric)}}
