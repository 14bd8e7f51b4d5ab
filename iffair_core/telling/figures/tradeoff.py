"""The trade-off picture: utility to the right, disparity downwards, our curve among its rivals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from iffair_core.errors import ConfigError, shorten
from iffair_core.study.results import StudyResult
from iffair_core.telling.figures.canvas import Canvas
from iffair_core.telling.figures.common import (
    HIGHER_IS_BETTER,
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
    require_split,
    rgba,
    stroke,
)
from iffair_core.telling.figures.plane import Plane, metric_axis
from iffair_core.tradeoff import Curve
from iffair_core.wording import listed, metric_title, missing

NARROW = 400.0
"""Pixels across the panel on a screen of 800."""


def tradeoff(
    result: StudyResult,
    theme: Theme = "light",
    *,
    x: str = "accuracy",
    y: str | None = None,
    split: str = "test",
    intervals: bool = False,
    reference_line: float | None = None,
    compact: bool = False,
) -> Picture:
    """The fairness-utility curve: better is right and down, whatever the metrics' own directions.

    `x`, `y`: names of metrics, `y` the goal's disparity by default. `intervals`: 95 % bars on both axes (none for ROC
    AUC and log loss along the curve). `reference_line`: a value of `y` that the user chose. `compact`: small.
    Every point of the curve carries its strength as `customdata[0]`; a rival carries none. Infeasible strengths are
    absent, and said so. Raises ConfigError for an unknown metric or split, or before the curve is known.
    """
    y = y or result.curve.metric
    for metric in (x, y):
        if metric not in METRIC_TITLES:
            raise ConfigError(f"There is no metric {shorten(metric)!r}. Use one of: {', '.join(METRIC_TITLES)}.")
    require_split(split, result.baseline)
    colors = palette(theme)
    table = _points(result, x, y, split)
    away = far_away(table, table["rival"] == "", {metric: SIGNS[metric] for metric in (x, y)})
    ours, rivals = table[table["rival"] == ""], table[table["rival"] != ""]
    refitted = ours[ours[x].notna() & ours[y].notna()]
    predicted = ours[ours[f"predicted {x}"].notna() & ours[f"predicted {y}"].notna()]
    fx, fy = factor(x), factor(y)

    figure = Canvas()
    hover = f"{METRIC_TITLES[x]} %{{x:.4~g}}{' %' if fx > 1 else ''}<br>{METRIC_TITLES[y]} %{{y:.3~g}}<extra></extra>"
    view, joined = Plane(x, y, colors, hover, intervals, compact), "lines+markers"
    figure.scatter(
        x=fx * predicted[f"predicted {x}"],
        y=fy * predicted[f"predicted {y}"],
        customdata=predicted[["strength"]],
        name="Predicted (no refit)",
        mode=joined,
        line=stroke(colors.muted, 1.4, "dash"),
        marker=mark("circle-open", 4 if compact else 5, colors.muted) | {"line": {"width": 1}},
        hovertemplate="Predicted at strength %{customdata[0]:.6~g}<br>" + hover,
    )
    bar: Props = {"thickness": 10, "len": 0.55, "y": 0.98, "yanchor": "top", "x": 1.01, "outlinewidth": 0}
    bar |= {"title": {"text": "Strength", "side": "right", "font": {"size": 12, "color": colors.muted}}}
    bar |= {"tickvals": [0, 0.25, 0.5, 0.75, 1, 1.25], "tickfont": colors.small}
    by_strength: Props = {"color": refitted["strength"], "cmin": 0, "cmax": 1.25, "showscale": not compact}
    by_strength |= {"colorscale": [list(stop) for stop in colors.scale], "colorbar": bar}
    figure.scatter(
        **view.place(refitted),
        customdata=refitted[["strength"]],
        name="Refitted",
        mode=joined,
        line=stroke(colors.accent, 2),
        marker={"size": 6 if compact else 9, "line": stroke(colors.ink, 0.6), **by_strength},
        hovertemplate="Refitted at strength %{customdata[0]:.6~g}<br>" + hover,
        **view.bars(refitted, rgba(colors.accent, 0.22), 2),
    )
    spots = _marks(figure, result.curve, ours, view)
    spots += view.rivals(figure, rivals, rivals["rival"], away, opacity=0.5, width=4)

    band = result.baseline[split].chance_band.get(y)
    x_range, y_range = _ranges(table[~away], view, band, reference_line)
    near = [(fx * a, fy * b) for a, b in zip(refitted[x], refitted[y], strict=True)]
    near += [(fx * a, fy * b) for a, b in zip(predicted[f"predicted {x}"], predicted[f"predicted {y}"], strict=True)]
    near_all = near + [(spot.x, spot.y) for spot in spots]
    if not compact:
        near += _words_at(x_range, y_range, (0.9, 0.95, 0.99), 0.03)
        if band is not None:
            top = min(1.0, (fy * band - y_range[0]) / (y_range[1] - y_range[0]))
            near += _words_at(x_range, y_range, (0.03, 0.1, 0.17, 0.24), top - 0.025)
    _backdrop(figure, view, y_range, band)
    if reference_line is not None:
        # The words of the chance band stand at the left, just under its edge.
        under = 0.0 if band is None else (band - reference_line) * fy / abs(y_range[1] - y_range[0])
        left = not 0 < under < 0.14 and _freer_left(near_all, fy * reference_line, x_range, y_range)
        _reference(figure, view, reference_line, left=left)
        if not compact:
            level = (fy * reference_line - y_range[0]) / (y_range[1] - y_range[0])
            across = (0.03, 0.09, 0.15, 0.21)
            near += _words_at(x_range, y_range, across if left else tuple(1 - share for share in across), level + 0.025)
    # As narrow as it is drawn beside the navigation on a screen of 800 pixels, so that names stay apart there too.
    size = (330.0, 170.0) if compact else (NARROW, 420.0)
    figure.annotations += place_labels(
        spots,
        x_range=x_range,
        y_range=y_range,
        obstacles=near,
        size=size,
        font=11 if compact else 12,
        background=colors.page,
    )
    for put, metric, ends in ((figure.x_axis, x, x_range), (figure.y_axis, y, y_range)):
        axis = metric_axis(metric, ends, 5 if compact else 8)
        if compact:
            small = {"size": 12, "color": colors.muted}
            axis["title"] = {"text": METRIC_TITLES[metric], "standoff": 4, "font": small}
        put(**axis)
    done = figure.finish(
        theme, height=250 if compact else 520, hovermode="closest", showlegend=not compact, dragmode="zoom"
    )
    caption = " ".join([_caption(result, ours, split, band, y), *_unseen(result, table[away], x, y)])
    return Picture(done, _alt(table, x, y, split, reference_line) + " " + caption, table, caption)


def _points(result: StudyResult, x: str, y: str, split: str) -> pd.DataFrame:
    """Curve and rivals: strength, rival, mark, x and y with their bounds, predicted beside them, why infeasible."""
    curve, lines = result.curve, []
    for place, point in enumerate(curve.points):
        here = {"baseline": point.strength == 0, "chosen": place == curve.chosen}
        here["recommended"] = place == curve.recommended
        # A prediction for weights that cannot be had would only stretch the axes.
        predicted = point.predicted.get(split, {}) if point.feasible else {}
        line: dict[str, Any] = {
            "strength": point.strength,
            "rival": "",
            "mark": ", ".join(word for word, yes in here.items() if yes),
        }
        found = {split: result.baseline[split]} if point.strength == 0 else {}
        for metric in (x, y):
            bounds = point.refitted_intervals.get(split, {}).get(metric)
            if bounds is None and split in found:
                bounds = found[split].intervals.get(metric)
            line[metric] = as_float(point.refitted.get(split, {}).get(metric))
            line[f"{metric} low"], line[f"{metric} high"] = (as_float(end) for end in bounds or (None, None))
            line[f"predicted {metric}"] = as_float(predicted.get(metric))
        lines.append(line | {"why infeasible": point.reason or ""})
    for rival in result.rivals:
        line = {"strength": float("nan"), "rival": rival.title, "mark": "rival"}
        for metric in (x, y):
            line[metric] = as_float(rival.metrics[split].get(metric))
            bounds = rival.intervals[split].get(metric)
            line[f"{metric} low"], line[f"{metric} high"] = (as_float(end) for end in bounds or (None, None))
            line[f"predicted {metric}"] = float("nan")
        lines.append(line | {"why infeasible": ""})
    return pd.DataFrame(lines)


def _marks(figure: Canvas, curve: Curve, ours: pd.DataFrame, view: Plane) -> list[Spot]:
    """Ring of the recommended point, diamond of the baseline, star of the chosen one; returns their names' places."""
    colors, scale = view.colors, 0.75 if view.compact else 1.0
    wanted = (
        ("Recommended", curve.recommended, "circle-open", 24, colors.accent, 2.2),
        ("Baseline", 0, "diamond", 14, colors.ink, 1.0),
        ("Chosen", curve.chosen, "star", 17, colors.accent, 1.0),
    )
    names: dict[int, list[str]] = {}
    for name, place, symbol, size, fill, width in wanted:
        point = ours.iloc[[place]]
        if point[[view.x, view.y]].isna().to_numpy().any():
            continue
        ring = symbol.endswith("open")
        hover = f"{name}, strength %{{customdata[0]:.6~g}}<br>{view.hover}"
        drawn = mark(symbol, size * scale, fill, colors.accent if ring else colors.page, width)
        look: Props = {"mode": "markers", "marker": drawn, "showlegend": False, "hovertemplate": hover}
        look |= {} if ring else view.bars(point, rgba(colors.ink, 0.6), 4)
        figure.scatter(**view.place(point), name=name, customdata=point[["strength"]], **look)
        names.setdefault(place, []).append(name)
    spots = []
    for place, said in names.items():
        if view.compact and said == ["Recommended"]:
            continue
        words = sorted(said)
        text = listed([words[0], *(word.lower() for word in words[1:])])
        # The baseline is strength 0 by definition; any other point says which strength it is.
        text += "" if place == 0 or view.compact else f", {ours['strength'].iloc[place]:g}"
        spots.append(Spot(**view.place(ours.iloc[place]), text=text, color=colors.ink))
    return spots


def _ranges(
    table: pd.DataFrame, view: Plane, band: float | None, reference_line: float | None
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Axis ranges that hold everything drawn, turned so that better is right and down.

    Tiny groups can make a chance band that is far wider than any disparity here: it may then leave the picture.
    """
    x, y = view.x, view.y
    columns = {metric: [metric, f"predicted {metric}"] for metric in (x, y)}
    if view.intervals:
        columns = {metric: [*names, f"{metric} low", f"{metric} high"] for metric, names in columns.items()}
    across = padded(factor(x) * table[columns[x]].to_numpy(float).ravel(), 0.10, 0.002 * factor(x))
    values = [*table[columns[y]].to_numpy(float).ravel()]
    values += [] if reference_line is None else [reference_line]
    if band is not None and (y in HIGHER_IS_BETTER or band <= 1.25 * max(v for v in [*values, 0.0] if not missing(v))):
        values.append(band)
    return view.turned(across, padded(factor(y) * np.array(values), 0.10, 0.002 * factor(y)))


def _words_at(
    x_range: tuple[float, float], y_range: tuple[float, float], across: tuple[float, ...], up: float
) -> list[tuple[float, float]]:
    """Points that keep names off words written at these shares of the plot, in the units of the axes."""
    y = y_range[0] + up * (y_range[1] - y_range[0])
    return [(x_range[0] + share * (x_range[1] - x_range[0]), y) for share in across]


def _backdrop(figure: Canvas, view: Plane, y_range: tuple[float, float], band: float | None) -> None:
    """What lies under the points: the good corner and the chance band."""
    y, colors = view.y, view.colors
    figure.good_corner(colors, words=not view.compact)
    if band is None:
        return
    ends = sorted((factor(y) * (1.0 if y in HIGHER_IS_BETTER else 0.0), factor(y) * band))
    if ends[0] == ends[1]:  # nothing that chance could reach
        return
    wide: Props = {"x0": 0, "x1": 1, "xref": "x domain", "layer": "below", "line_width": 0}
    figure.shape(type="rect", y0=ends[0], y1=ends[1], fillcolor=rgba(colors.reference, 0.16), **wide)
    if view.compact:
        return
    words = "chance alone reaches this far"
    if ends[1] > max(y_range):
        words = f"chance alone reaches {metric_text(y, band)}"
    top = y_range[1] if ends[1] > max(y_range) else factor(y) * band
    figure.annotate(text=words, x=0, xref="x domain", y=top, xanchor="left", yanchor="top", xshift=4)


def _freer_left(
    points: list[tuple[float, float]], level: float, x_range: tuple[float, float], y_range: tuple[float, float]
) -> bool:
    """Whether fewer points lie just above `level` in the left third of the plot than in the right third."""
    sides = [0, 0]
    for x, y in points:
        across = (x - x_range[0]) / (x_range[1] - x_range[0])
        above = (y - level) / (y_range[1] - y_range[0])
        if -0.02 < above < 0.07 and not 1 / 3 < across < 2 / 3:
            sides[int(across > 0.5)] += 1
    return sides[0] < sides[1]


def _reference(figure: Canvas, view: Plane, level: float, *, left: bool) -> None:
    """The user's line, with its value at the freer end."""
    y = factor(view.y) * level
    figure.level(y, stroke(view.colors.ink, 1, "dot"))
    if not view.compact:
        words, side = f"your reference line, {metric_text(view.y, level)}", "left" if left else "right"
        place: Props = {"x": 0 if left else 1, "xanchor": side, "yanchor": "bottom", "xshift": 4 if left else -4}
        figure.annotate(text=words, xref="x domain", y=y, **place)


def _caption(result: StudyResult, ours: pd.DataFrame, split: str, band: float | None, y: str) -> str:
    """What the picture cannot show: the split, the chance band, strengths that are not there."""
    parts = [f"On {split} rows; validation rows chose the strength."]
    if band is not None:
        word = "down to" if y in HIGHER_IS_BETTER else "up to"
        parts.append(f"With group labels dealt at random the disparity would reach {word} {metric_text(y, band)}.")
    lost = [f"{point.strength:g}" for point in result.curve.points if not point.feasible]
    if lost:
        why = next(reason for reason in ours["why infeasible"] if reason)
        span = lost[0] if len(lost) == 1 else f"{lost[0]} to {lost[-1]}"
        parts.append(f"Not shown, because infeasible: {len(lost)} strengths ({span}). {why}")
    return " ".join(parts)


def _unseen(result: StudyResult, away: pd.DataFrame, x: str, y: str) -> list[str]:
    """Sentences on rivals that lie outside the picture, and on those that have no answer."""
    said = []
    if len(away):
        places = [
            f"{rival['rival']} ({metric_title(x)} {metric_text(x, rival[x])}, {metric_title(y)} "
            f"{metric_text(y, rival[y])})"
            for _, rival in away.iterrows()
        ]
        said.append(f"Far outside, zoom out to see: {listed(places)}.")
    lost = [rival.title for rival in result.rivals if rival.reason is not None]
    return [*said, f"No answer here: {listed(lost)}."] if lost else said


def _alt(table: pd.DataFrame, x: str, y: str, split: str, reference_line: float | None) -> str:
    marked = []
    for _, point in table[table["mark"] != ""].iterrows():
        where = f"{metric_text(x, point[x])}, {metric_text(y, point[y])}"
        name = point["rival"] or f"{point['mark']} (strength {point['strength']:g})"
        marked.append(f"{name}: {where}")
    line = "" if reference_line is None else f" Reference line at {metric_text(y, reference_line)}."
    refitted = int(table.loc[table["rival"] == "", x].notna().sum())
    return (
        f"Trade-off of {metric_title(x)} (right is better) and {metric_title(y)} (down is better) on "
        f"{split} rows, {refitted} refitted strengths joined by a solid line, predictions by a dashed one. "
        f"{listed(marked)}.{line}"
    )
