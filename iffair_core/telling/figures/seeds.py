"""The trade-off curve over seeds: means with intervals, each seed's own curve behind them, other methods beside."""

from __future__ import annotations

import numpy as np
import pandas as pd

from iffair_core.metrics import DISPARITIES
from iffair_core.study.over_seeds import OverSeeds
from iffair_core.telling.figures.canvas import Canvas
from iffair_core.telling.figures.common import (
    HIGHER_IS_BETTER,
    METRIC_TITLES,
    Palette,
    Picture,
    Props,
    Spot,
    Theme,
    as_float,
    axis_title,
    factor,
    far_away,
    interval_bars,
    label,
    mark,
    metric_text,
    padded,
    palette,
    place_labels,
    rgba,
    rival_mark,
    stroke,
)
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
    away = far_away(
        table, table["method"] == "", {metric: 1.0 if metric in HIGHER_IS_BETTER else -1.0 for metric in (x, y)}
    )
    ours, rivals = table[(table["method"] == "") & known], table[(table["method"] != "") & known]
    hover = f"{METRIC_TITLES[x]} %{{x:.4~g}}<br>{METRIC_TITLES[y]} %{{y:.3~g}}<extra></extra>"
    singles = _singles(found, x, y, split)
    figure = Canvas()
    for place, (_, line) in enumerate(singles.groupby("seed")):
        look: Props = {"mode": "lines", "line": stroke(rgba(colors.muted, 0.45), 1), "hoverinfo": "skip"}
        figure.scatter(
            x=line["x"], y=line["y"], name="Single seeds", showlegend=place == 0, legendgroup="seeds", **look
        )
    figure.scatter(
        **_at(ours, x, y),
        customdata=ours[["strength"]],
        name="Mean over seeds",
        mode="lines+markers",
        line=stroke(colors.accent, 2.4),
        marker=mark("circle", 7, colors.accent, colors.ink, 0.6),
        hovertemplate="Strength %{customdata[0]:.4~g}, mean over seeds<br>" + hover,
        **_bars(ours, x, y, rgba(colors.accent, 0.4), np.isin(ours["strength"], STRENGTHS[::EVERY])),
    )
    spots = _others(figure, rivals, away, (x, y), colors, hover)
    start = ours[ours["strength"] == 0]
    if len(start):
        look = {"mode": "markers", "marker": mark("diamond", 14, colors.ink, colors.page), "showlegend": False}
        figure.scatter(**_at(start, x, y), name="Baseline", hovertemplate=f"Baseline<br>{hover}", **look)
        spots.append(Spot(**_at(start.iloc[0], x, y), text="Baseline", color=colors.ink))
    seen = table[known & ~away]
    x_range = padded(np.r_[_ends(seen, x), singles["x"]], 0.08, 0.002 * factor(x))
    y_range = padded(
        np.r_[_ends(seen, y), singles["y"], [] if reference_line is None else [factor(y) * reference_line]]
    )
    x_range = x_range if x in HIGHER_IS_BETTER else x_range[::-1]
    y_range = (0.0, y_range[1]) if y in DISPARITIES and y not in HIGHER_IS_BETTER else y_range[::-1]
    figure.good_corner(colors)
    if reference_line is not None:
        level: Props = {"y0": factor(y) * reference_line, "y1": factor(y) * reference_line}
        wide: Props = {"type": "line", "x0": 0, "x1": 1, "xref": "x domain", "line": stroke(colors.ink, 1.2, "dot")}
        figure.shape(**level, **wide)
    near = [*zip(factor(x) * ours[x], factor(y) * ours[y], strict=True)]
    figure.annotations += place_labels(
        spots, x_range=x_range, y_range=y_range, obstacles=near, size=(600.0, 340.0), background=colors.page
    )
    for put, metric, ends in ((figure.x_axis, x, x_range), (figure.y_axis, y, y_range)):
        suffix = " %" if factor(metric) > 1 else ""
        put(range=list(ends), ticksuffix=suffix, nticks=8, title={"text": axis_title(metric)})
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


def _at(points: pd.Series | pd.DataFrame, x: str, y: str) -> Props:
    """Coordinates of one point or several, in the units of the axes."""
    return {"x": factor(x) * points[x], "y": factor(y) * points[y]}


def _bars(points: pd.DataFrame, x: str, y: str, color: str, where: np.ndarray | bool = True) -> Props:
    bars = {}
    for axis, metric in (("x", x), ("y", y)):
        value, low, high = (factor(metric) * points[f"{metric}{end}"].to_numpy(float) for end in ("", " low", " high"))
        drawn = interval_bars(value, np.where(where, low, np.nan), np.where(where, high, np.nan), color, 3)
        bars[f"error_{axis}"] = drawn
    return bars


def _ends(points: pd.DataFrame, metric: str) -> np.ndarray:
    """The means of a metric, in the units of its axis."""
    return factor(metric) * points[metric].to_numpy(float)


def _others(
    figure: Canvas, rivals: pd.DataFrame, away: pd.Series, axes: tuple[str, str], colors: Palette, hover: str
) -> list[Spot]:
    """Hollow markers with their bars, one trace for each method; returns where the names of those in sight belong."""
    spots = []
    for place in range(len(rivals)):
        one = rivals.iloc[[place]]
        name = label(one["method"].iloc[0], 48)
        look: Props = {"mode": "markers", "marker": rival_mark(place, colors), "showlegend": False, "name": name}
        bars = _bars(one, *axes, rgba(colors.ink, 0.3))
        figure.scatter(**_at(one, *axes), hovertemplate=f"{name}, mean over seeds<br>{hover}", **look, **bars)
        if not away[one.index[0]]:
            short = label(one["method"].iloc[0].partition(" (")[0], 48)
            spots.append(Spot(**_at(one.iloc[0], *axes), text=short, color=colors.ink))
    return spots


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
