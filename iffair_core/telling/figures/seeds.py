"""The trade-off curve over seeds: means with intervals, each seed's own curve behind them, other methods beside."""

from __future__ import annotations

import numpy as np
import pandas as pd

from iffair_core.study.over_seeds import OverSeeds
from iffair_core.telling.figures.canvas import Canvas
from iffair_core.telling.figures.common import (
    METRIC_TITLES,
    SIGNS,
    Picture,
    Props,
    Spot,
    Theme,
    as_float,
    factor,
    far_away,
    mark,
    metric_text,
    padded,
    palette,
    place_labels,
    rgba,
    stroke,
)
from iffair_core.telling.figures.plane import Plane, metric_axis
from iffair_core.telling.seeds import seeds_caption, seeds_curve, seeds_rivals
from iffair_core.tradeoff import STRENGTHS
from iffair_core.wording import listed, metric_title

EVERY = 4
"""Bars are drawn at every fourth strength of the grid, so that they can be told apart."""


def seeds_tradeoff(
    found: OverSeeds,
    theme: Theme = "light",
    *,
    x: str = "accuracy",
    y: str | None = None,
    split: str = "test",
    reference_line: float | None = None,
) -> Picture:
    """The curve's means over seeds with 95 % bars, utility to the right, disparity downwards; hollow other methods.

    Drawn are strengths that are feasible under every seed. A thin line is the curve of a single seed.
    """
    y = y or found.metric
    colors, table = palette(theme), _places(found, x, y, split)
    known = table[[x, y]].notna().all(axis=1)
    away = far_away(table, table["method"] == "", {metric: SIGNS[metric] for metric in (x, y)})
    ours, rivals = table[(table["method"] == "") & known], table[(table["method"] != "") & known]
    hover = f"{METRIC_TITLES[x]} %{{x:.4~g}}<br>{METRIC_TITLES[y]} %{{y:.3~g}}<extra></extra>"
    plane, singles = Plane(x, y, colors, hover), _singles(found, x, y, split)
    figure = Canvas()
    for place, (_, line) in enumerate(singles.groupby("seed")):
        look: Props = {"mode": "lines", "line": stroke(rgba(colors.muted, 0.45), 1), "hoverinfo": "skip"}
        figure.scatter(
            x=line["x"], y=line["y"], name="Single seeds", showlegend=place == 0, legendgroup="seeds", **look
        )
    figure.scatter(
        **plane.place(ours),
        customdata=ours[["strength"]],
        name="Mean over seeds",
        mode="lines+markers",
        line=stroke(colors.accent, 2.4),
        marker=mark("circle", 7, colors.accent, colors.ink, 0.6),
        hovertemplate="Strength %{customdata[0]:.4~g}, mean over seeds<br>" + hover,
        **plane.bars(ours, rgba(colors.accent, 0.4), 3, np.isin(ours["strength"], STRENGTHS[::EVERY])),
    )
    note = ", mean over seeds"
    spots = plane.rivals(figure, rivals, rivals["method"], away, opacity=0.3, width=3, note=note)
    start = ours[ours["strength"] == 0]
    if len(start):
        look = {"mode": "markers", "marker": mark("diamond", 14, colors.ink, colors.page), "showlegend": False}
        figure.scatter(**plane.place(start), name="Baseline", hovertemplate=f"Baseline<br>{hover}", **look)
        spots.append(Spot(**plane.place(start.iloc[0]), text="Baseline", color=colors.ink))
    seen = table[known & ~away]
    x_range = padded(np.r_[_ends(seen, x), singles["x"]], 0.08, 0.002 * factor(x))
    y_range = padded(
        np.r_[_ends(seen, y), singles["y"], [] if reference_line is None else [factor(y) * reference_line]]
    )
    x_range, y_range = plane.turned(x_range, y_range)
    figure.good_corner(colors)
    if reference_line is not None:
        figure.level(factor(y) * reference_line, stroke(colors.ink, 1.2, "dot"))
    near = [*zip(factor(x) * ours[x], factor(y) * ours[y], strict=True)]
    figure.annotations += place_labels(
        spots, x_range=x_range, y_range=y_range, obstacles=near, size=(600.0, 340.0), background=colors.page
    )
    figure.x_axis(**metric_axis(x, x_range))
    figure.y_axis(**metric_axis(y, y_range))
    done = figure.finish(theme, height=440, hovermode="closest", dragmode="zoom")
    caption = seeds_caption(found, split) + _unseen(found, ours, table[away & known])
    return Picture(done, f"{_alt(ours, rivals, x, y, split)} {caption}", table, caption)


def _places(found: OverSeeds, x: str, y: str, split: str) -> pd.DataFrame:
    """Means with their ends: of the curve by strength (method ""), then of every other method."""
    ours = seeds_curve(found, (x, y), split).drop(columns="recommended").assign(method="")
    if not found.titles:
        return ours
    columns = [column for column in ours if column != "strength"]
    rivals = seeds_rivals(found, (x, y), split)
    return pd.concat([ours, rivals[columns].assign(strength=np.nan)], ignore_index=True)


def _singles(found: OverSeeds, x: str, y: str, split: str) -> pd.DataFrame:
    """The refitted points of each seed's own curve, in the units of the axes."""
    points = [
        (run.seed, as_float(values[x], factor(x)), as_float(values[y], factor(y)))
        for run in found.runs
        for point in run.curve.points
        if (values := point.refitted.get(split))
    ]
    return pd.DataFrame(points, columns=["seed", "x", "y"])


def _ends(points: pd.DataFrame, metric: str) -> np.ndarray:
    """The means of a metric, in the units of its axis."""
    return factor(metric) * points[metric].to_numpy(float)


def _unseen(found: OverSeeds, ours: pd.DataFrame, away: pd.DataFrame) -> str:
    """What is not in the picture."""
    said = ""
    if len(ours) < len(STRENGTHS):
        said = (
            f" {len(STRENGTHS) - len(ours)} strengths are not drawn: not feasible, or not estimable, under every seed."
        )
    return f"{said} Far outside: {listed([*away['method']])}." if len(away) else said


def _alt(ours: pd.DataFrame, rivals: pd.DataFrame, x: str, y: str, split: str) -> str:
    said = (
        f"{METRIC_TITLES[x]} (right is better) against {metric_title(y)} (down is better), means over seeds on {split}"
    )
    said += " rows."
    if len(ours):
        ends = [f"{metric_text(x, line[x])}, {metric_text(y, line[y])}" for line in (ours.iloc[0], ours.iloc[-1])]
        said += f" The curve goes from {ends[0]} to {ends[1]} at strength {ours['strength'].iloc[-1]:g}."
    others = [f"{one['method']} {metric_text(x, one[x])}, {metric_text(y, one[y])}" for _, one in rivals.iterrows()]
    return f"{said} Others: {'; '.join(others)}." if others else said
