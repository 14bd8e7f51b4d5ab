"""What a repair changes: dumbbells before and after, every metric along strength, and the weights themselves."""

from __future__ import annotations

from typing import Any

import numpy as np

from iffair_core.errors import shorten
from iffair_core.metrics import DISPARITIES, UTILITIES
from iffair_core.reweighting import changed
from iffair_core.study.disclosure import told_share
from iffair_core.study.results import StudyResult
from iffair_core.telling.figures.canvas import Canvas
from iffair_core.telling.figures.cohorts import beside_cell, skyline, spread_by_cohort
from iffair_core.telling.figures.common import (
    METRIC_TITLES,
    Picture,
    Props,
    Theme,
    as_float,
    cells,
    factor,
    interval_bars,
    long_frame,
    mark,
    metric_text,
    metrics_from,
    padded,
    palette,
    require_split,
    rgba,
    rows_height,
    short_title,
    stroke,
)
from iffair_core.wording import listed, missing, number, percent

OWN_SCALE = ("demographic_parity_ratio", "log_loss")
WEIGHT_BINS = 60


def before_after(result: StudyResult, theme: Theme = "light", split: str = "test") -> Picture:
    """Every metric before (diamond), predicted (hollow, dashed) and refitted (star) at the chosen strength.

    Disparities stand in one panel, the goal's first; utilities in a second and the parity ratio and log loss in panels
    of their own, because their scales differ.
    """
    require_split(split, result.after)
    curve, before, after = result.curve, result.baseline[split], result.after[split]
    point, colors = curve.points[curve.chosen], palette(theme)
    others = [m for m in DISPARITIES if m != curve.metric and m not in OWN_SCALE]
    panels = [
        ("Disparities, lower is better", [curve.metric, *others]),
        ("Utilities (%), higher is better", [m for m in UTILITIES if m not in OWN_SCALE]),
        ("Higher is better", ["demographic_parity_ratio"]),
        ("Lower is better", ["log_loss"]),
    ]
    figure = Canvas(rows=4, heights=[len(names) + 0.2 for _, names in panels], gaps=(0.0, 0.1))
    hollow = mark("circle-open", 10, colors.muted) | {"size": [0, 10], "line": {"width": 1.8}, "opacity": 1}
    lines: list[dict[str, Any]] = []
    for row, (title, names) in enumerate(panels, start=1):
        scale = 100.0 if row == 2 else 1.0
        ends: list[float] = [0.0] if row == 1 else []
        labels = [f"<b>{METRIC_TITLES[m]}</b>" if m == curve.metric else METRIC_TITLES[m] for m in names]
        for place, (metric, text) in enumerate(zip(names, labels, strict=True)):
            predicted = point.predicted.get(split, {}).get(metric)
            low, high = after.intervals[metric] or (None, None)
            found = (before.values[metric], predicted, after.values[metric], low, high)
            numbers = [as_float(value) for value in found]
            lines.append({"metric": metric, **dict(zip(_KEYS, numbers, strict=True))})
            was, guess, now, lower, upper = (scale * number for number in numbers)
            ends += [was, guess, now, lower, upper]
            if missing(was) or missing(now):
                figure.annotate(text="not estimable", x=0, xref="x domain", xanchor="left", y=place, row=row)
                continue
            hover = f"{text}<br>%{{hovertext}} %{{x:.3~g}}{' %' if scale > 1 else ''}<extra></extra>"
            shared: Props = {"hovertemplate": hover, "showlegend": row == 1 and place == 0, "row": row}
            bar = stroke(rgba(colors.accent, 0.35), 4)
            plain: Props = {"mode": "lines", "showlegend": False, "hoverinfo": "skip", "row": row}
            figure.scatter(x=[was, now], y=[place, place], line=bar, **plain)
            diamond: Props = {"mode": "markers", "marker": mark("diamond", 11, colors.ink), "hovertext": ["before"]}
            figure.scatter(x=[was], y=[place], name="Before", legendgroup="before", **diamond, **shared)
            if not missing(guess):
                dashed: Props = {"mode": "lines+markers", "line": stroke(colors.muted, 1.2, "dash"), "marker": hollow}
                named: Props = {"name": "Predicted", "legendgroup": "predicted", "hovertext": ["before", "predicted"]}
                figure.scatter(x=[was, guess], y=[place - 0.22, place - 0.22], **dashed, **named, **shared)
            star: Props = {"mode": "markers", "marker": mark("star", 13, colors.accent, colors.ink, 0.6)}
            star |= {"error_x": interval_bars([now], [lower], [upper], rgba(colors.accent, 0.9), 3)}
            named = {"name": "Refitted", "legendgroup": "refitted", "hovertext": ["refitted"]}
            figure.scatter(x=[now], y=[place], **star, **named, **shared)
        figure.rows_axis(labels, color=colors.ink, row=row)
        low_end, high_end = padded(ends, 0.05, 0.01 * scale)
        figure.x_axis(range=[0 if row == 1 else low_end, high_end], ticksuffix=" %" if scale > 1 else "", row=row)
        figure.title(title, colors.muted, row=row)
    done = figure.finish(theme, height=620, margin_t=56, hovermode="closest", legend={"y": 1.045})
    table = long_frame(lines, ("metric", *_KEYS))
    said = [
        f"{METRIC_TITLES[line['metric']]} {metric_text(line['metric'], line['before'])} before, "
        f"{metric_text(line['metric'], line['predicted'])} predicted, "
        f"{metric_text(line['metric'], line['refitted'])} refitted"
        for line in lines
    ]
    caption = f"At strength {point.strength:g}, {split} rows; bars are 95 % intervals of the refitted value."
    return Picture(done, f"{'; '.join(said)}. {caption}", table, caption)


_KEYS = ("before", "predicted", "refitted", "low", "high")


def metrics_along_strength(
    result: StudyResult, theme: Theme = "light", split: str = "test", *, columns: int = 3
) -> Picture:
    """Small multiples of every metric along strength: predicted dashed, refitted solid, the chosen strength starred."""
    require_split(split, result.after)
    curve, colors = result.curve, palette(theme)
    names = metrics_from(curve.metric)
    rows = -(-len(names) // columns)
    figure = Canvas(rows=rows, cols=columns, gaps=(0.09, min(0.07, 0.4 / rows)))
    strengths = np.array([point.strength for point in curve.points])
    symbols: Props = {"symbol": ["diamond", "star"], "size": [9, 12], "color": [colors.ink, colors.accent]}
    symbols |= {"opacity": 1, "line": stroke(colors.page, 0.8)}
    lines: list[dict[str, Any]] = [{"strength": strength} for strength in strengths]
    for place, metric in enumerate(names):
        scale, unit = factor(metric), " %" if factor(metric) > 1 else ""
        panel: Props = {"row": place // columns + 1, "col": place % columns + 1}
        refitted = np.array([as_float(point.refitted.get(split, {}).get(metric)) for point in curve.points])
        guesses = [point.predicted.get(split, {}).get(metric) if point.feasible else None for point in curve.points]
        predicted = np.array([as_float(guess) for guess in guesses])
        for line, known, guess in zip(lines, refitted, predicted, strict=True):
            line |= {metric: known, f"predicted {metric}": guess}
        hover = f"strength %{{x:.6~g}}<br>%{{y:.4~g}}{unit}<extra>%{{fullData.name}}</extra>"
        shared: Props = {"x": strengths, "customdata": strengths[:, None], "hovertemplate": hover, "mode": "lines"}
        shared |= {"showlegend": place == 0, **panel}
        for name, values, line_look in (
            ("Predicted", predicted, stroke(colors.muted, 1.4, "dash")),
            ("Refitted", refitted, stroke(colors.accent, 2)),
        ):
            figure.scatter(y=scale * values, name=name, legendgroup=name.lower(), line=line_look, **shared)
        ends: Props = {"x": [0, strengths[curve.chosen]], "y": [scale * refitted[0], scale * refitted[curve.chosen]]}
        quiet: Props = {"mode": "markers", "name": "Baseline and chosen", "showlegend": False, "hoverinfo": "skip"}
        figure.scatter(**ends, **quiet, marker=symbols, **panel)
        words = short_title(metric)
        figure.title(f"<b>{words}</b>" if place == 0 else words, colors.ink, **panel)
        low, high = padded(np.concatenate([scale * refitted, scale * predicted]), 0.12, 0.002 * scale)
        floor = 0.0 if metric in DISPARITIES else -np.inf
        figure.y_axis(range=[max(low, floor), high], nticks=4, ticksuffix=unit, tickfont_size=11, **panel)
        last = place + columns >= len(names)
        ticks: Props = {"range": [-0.04, 1.29], "tickvals": [0, 0.5, 1], "tickfont_size": 11, "showticklabels": last}
        figure.x_axis(title_text="Strength" if last else None, **ticks, **panel)
    legend = {"y": 1 + 24 / (130 * rows)}
    done = figure.finish(theme, height=70 + 130 * rows, margin_t=60, hovermode="closest", legend=legend)
    said = [
        f"{METRIC_TITLES[m]} {metric_text(m, lines[0][m])} at strength 0, "
        f"{metric_text(m, lines[curve.chosen][m])} chosen"
        for m in names
    ]
    lost = sum(not point.feasible for point in curve.points)
    caption = f"On {split} rows; diamond: baseline, star: chosen strength {strengths[curve.chosen]:g}. "
    caption += "↑ higher is better."
    caption += f" {lost} strengths are infeasible and left open." if lost else ""
    return Picture(done, f"{'; '.join(said)}. {caption}", long_frame(lines, list(lines[0])), caption)


def weights_by_group(result: StudyResult, theme: Theme = "light") -> Picture:
    """Histogram of training weights for each group x outcome cell on one scale, weight 1 marked.

    Heights are square roots of the share of the cell's rows, so that a few moved rows stay visible beside many that
    did not move. In cohort-only mode bars are taken together, see `cohorts`. Raises ConfigError before there are
    weights.
    """
    weights, point, k = result.weights, result.chosen, result.smallest_group
    axis, alt = "Weight of a training row (1: untouched)", f"Weights of {weights.size:,} training rows"
    caption = f"At strength {point.strength:g}: effective sample size {percent(point.effective_sample_size)}"
    if k is not None:

        def beside(mine: np.ndarray) -> str:
            moved = told_share(changed(mine), k)
            return f"mean {number(mine.mean())}" + ("" if moved is None else f", {percent(moved)} moved")

        return spread_by_cohort(
            result, weights, theme, what=alt, axis=axis, at=1.0, beside=beside, caption=f"{caption}."
        )
    colors, found = palette(theme), cells(result.dataset, result.train_rows, theme)
    top = max(2.0, float(weights.max()))
    # 1 lies in the middle of a bin, so that untouched rows make one bar.
    width = top / WEIGHT_BINS
    below = int(np.ceil(1.0 / width + 0.5))
    edges = 1.0 + width * (np.arange(-below, int(np.ceil((top - 1.0) / width + 0.5)) + 1) + 0.5)
    figure, lines = Canvas(), []
    for place, cell in enumerate(found):
        mine = weights[cell.rows]
        share = np.histogram(mine, edges)[0] / mine.size
        moved = float(np.mean(changed(mine)))
        words = f"{percent(moved)} moved" if moved < 0.995 else f"{number(mine.min())} to {number(mine.max())}"
        hover = "weight %{customdata[1]:.2f} to %{customdata[2]:.2f}: %{customdata[0]:.2f} % of these rows"
        skyline(figure, place, cell, edges, share, 100 * share, hover)
        beside_cell(figure, place, f"mean {number(mine.mean())}, {words}", colors)
        line: Props = {"group": cell.group, "outcome": "favorable" if cell.outcome else "other", "rows": mine.size}
        lines.append(line | {"mean weight": mine.mean(), "lowest": mine.min(), "highest": mine.max(), "changed": moved})
    figure.upright(1, stroke(colors.ink))
    figure.rows_axis([cell.label for cell in found], color=colors.ink)
    figure.x_axis(range=[min(edges[0], 0.0) - 0.02 * top, edges[-1] + 0.02 * top], title_text=axis)
    done = figure.finish(theme, height=rows_height(len(found), each=52, extra=70), margin_r=176, hovermode="closest")
    said = [f"{shorten(line['group'], 40)} {line['outcome']} mean {number(line['mean weight'])}" for line in lines]
    caption += (
        f", {percent(point.changed_share)} of rows moved, largest weight {number(point.largest_weight)}. "
        "Height: square root of the share of rows."
    )
    return Picture(done, f"{alt}. {listed(said)}. {caption}", long_frame(lines, list(lines[0])), caption)
