"""What a repair changes: dumbbells before and after, every metric along strength, and the weights themselves."""

from __future__ import annotations

from typing import Any

import numpy as np

from iffair_core.errors import ConfigError, shorten
from iffair_core.metrics import DISPARITIES, UTILITIES
from iffair_core.reweighting import changed
from iffair_core.study.disclosure import told_share
from iffair_core.study.results import StudyResult
from iffair_core.telling.figures.canvas import Canvas
from iffair_core.telling.figures.cohorts import spread_by_cohort
from iffair_core.telling.figures.common import (
    HIGHER_IS_BETTER,
    METRIC_TITLES,
    Picture,
    Theme,
    as_float,
    cells,
    factor,
    interval_bars,
    long_frame,
    metric_text,
    padded,
    palette,
    rgba,
    rows_height,
)
from iffair_core.tradeoff import Curve
from iffair_core.wording import listed, missing, number, percent

OWN_SCALE = ("demographic_parity_ratio", "log_loss")
WEIGHT_BINS = 60


def before_after(result: StudyResult, theme: Theme = "light", split: str = "test") -> Picture:
    """Every metric before (diamond), predicted (hollow, dashed) and refitted (star) at the chosen strength.

    Disparities stand in one panel, the goal's first; utilities in a second and the parity ratio and log loss in panels
    of their own, because their scales differ.
    """
    curve = _curve(result, split)
    point, colors = curve.points[curve.chosen], palette(theme)
    others = [m for m in DISPARITIES if m != curve.metric and m not in OWN_SCALE]
    panels = [
        ("Disparities, lower is better", [curve.metric, *others]),
        ("Utilities (%), higher is better", [m for m in UTILITIES if m not in OWN_SCALE]),
        ("Higher is better", ["demographic_parity_ratio"]),
        ("Lower is better", ["log_loss"]),
    ]
    figure = Canvas(rows=4, heights=[len(names) + 0.2 for _, names in panels], gaps=(0.0, 0.1))  # fmt: skip
    lines: list[dict[str, Any]] = []
    for row, (title, names) in enumerate(panels, start=1):
        scale = 100.0 if row == 2 else 1.0
        ends: list[float] = [0.0] if row == 1 else []
        for place, metric in enumerate(names):
            before, after = result.baseline[split], result.after[split]
            predicted = point.predicted.get(split, {}).get(metric)
            low, high = after.intervals[metric] or (None, None)
            lines.append(
                {
                    "metric": metric, "before": as_float(before.values[metric]), "predicted": as_float(predicted),
                    "refitted": as_float(after.values[metric]), "low": as_float(low), "high": as_float(high),
                }
            )  # fmt: skip
            was, guess, now, lower, upper = (scale * lines[-1][key] for key in _KEYS)
            ends += [was, guess, now, lower, upper]
            text = f"<b>{METRIC_TITLES[metric]}</b>" if metric == curve.metric else METRIC_TITLES[metric]
            if missing(was) or missing(now):
                figure.annotate(text="not estimable", x=0, xref="x domain", xanchor="left", y=place, row=row, col=1)
                continue
            hover = f"{text}<br>%{{hovertext}} %{{x:.3~g}}{' %' if scale > 1 else ''}<extra></extra>"
            shared: dict[str, Any] = {
                "hovertemplate": hover,
                "showlegend": row == 1 and place == 0,
                "row": row,
                "col": 1,
            }
            figure.scatter(
                x=[was, now], y=[place, place], mode="lines", showlegend=False, hoverinfo="skip",
                line={"color": rgba(colors.accent, 0.35), "width": 4}, row=row, col=1,
            )  # fmt: skip
            figure.scatter(
                x=[was], y=[place], mode="markers", name="Before", hovertext=["before"], legendgroup="before",
                marker={"symbol": "diamond", "size": 11, "color": colors.ink}, **shared,
            )  # fmt: skip
            if not missing(guess):
                figure.scatter(
                    x=[was, guess], y=[place - 0.22, place - 0.22], mode="lines+markers", name="Predicted",
                    legendgroup="predicted", hovertext=["before", "predicted"],
                    line={"color": colors.muted, "width": 1.2, "dash": "dash"},
                    marker={
                        "symbol": "circle-open", "size": [0, 10], "color": colors.muted, "line": {"width": 1.8},
                        "opacity": 1,
                    }, **shared,
                )  # fmt: skip
            figure.scatter(
                x=[now], y=[place], mode="markers", name="Refitted", hovertext=["refitted"], legendgroup="refitted",
                marker={
                    "symbol": "star", "size": 13, "color": colors.accent, "line": {"color": colors.ink, "width": 0.6},
                },
                error_x=interval_bars([now], [lower], [upper], rgba(colors.accent, 0.9), 3), **shared,
            )  # fmt: skip
        labels = [f"<b>{METRIC_TITLES[m]}</b>" if m == curve.metric else METRIC_TITLES[m] for m in names]
        figure.rows_axis(labels, color=colors.ink, row=row, col=1)
        range_ = padded(ends, 0.05, 0.01 * scale)
        figure.x_axis(
            range=[0 if row == 1 else range_[0], range_[1]], ticksuffix=" %" if scale > 1 else "", row=row, col=1
        )
        figure.title(title, colors.muted, row=row, col=1)
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
    curve = _curve(result, split)
    colors = palette(theme)
    names = [curve.metric, *(m for m in (*DISPARITIES, *UTILITIES) if m != curve.metric)]
    rows = -(-len(names) // columns)
    figure = Canvas(rows=rows, cols=columns, gaps=(0.09, min(0.07, 0.4 / rows)))  # fmt: skip
    strengths = np.array([point.strength for point in curve.points])
    lines: list[dict[str, Any]] = [{"strength": strength} for strength in strengths]
    for place, metric in enumerate(names):
        row, col = place // columns + 1, place % columns + 1
        scale = factor(metric)
        refitted = np.array([as_float(point.refitted.get(split, {}).get(metric)) for point in curve.points])
        guesses = [point.predicted.get(split, {}).get(metric) if point.feasible else None for point in curve.points]
        predicted = np.array([as_float(guess) for guess in guesses])
        for line, known, guess in zip(lines, refitted, predicted, strict=True):
            line |= {metric: known, f"predicted {metric}": guess}
        hover = f"strength %{{x:.6~g}}<br>%{{y:.4~g}}{' %' if scale > 1 else ''}<extra>%{{fullData.name}}</extra>"
        shared: dict[str, Any] = {"x": strengths, "customdata": strengths[:, None], "hovertemplate": hover}
        figure.scatter(
            y=scale * predicted, mode="lines", name="Predicted", showlegend=place == 0, legendgroup="predicted",
            line={"color": colors.muted, "width": 1.4, "dash": "dash"}, row=row, col=col, **shared,
        )  # fmt: skip
        figure.scatter(
            y=scale * refitted, mode="lines", name="Refitted", showlegend=place == 0, legendgroup="refitted",
            line={"color": colors.accent, "width": 2}, row=row, col=col, **shared,
        )  # fmt: skip
        figure.scatter(
            x=[0, strengths[curve.chosen]], y=[scale * refitted[0], scale * refitted[curve.chosen]], mode="markers",
            name="Baseline and chosen", showlegend=False, hoverinfo="skip",
            marker={
                "symbol": ["diamond", "star"], "size": [9, 12], "color": [colors.ink, colors.accent], "opacity": 1,
                "line": {"color": colors.page, "width": 0.8},
            }, row=row, col=col,
        )  # fmt: skip
        # Three titles stand side by side on a narrow screen, so the longest word goes.
        words = METRIC_TITLES[metric].removesuffix(" difference").replace("Demographic parity ratio", "Parity ratio")
        words = f"{words.replace('Average absolute', 'Mean')} {'↑' if metric in HIGHER_IS_BETTER else '↓'}"
        figure.title(f"<b>{words}</b>" if place == 0 else words, colors.ink, row=row, col=col)
        low, high = padded(np.concatenate([scale * refitted, scale * predicted]), 0.12, 0.002 * scale)
        floor = 0.0 if metric in DISPARITIES else -np.inf
        figure.y_axis(
            range=[max(low, floor), high], nticks=4, ticksuffix=" %" if scale > 1 else "", tickfont_size=11,
            row=row, col=col,
        )  # fmt: skip
        figure.x_axis(
            range=[-0.04, 1.29], tickvals=[0, 0.5, 1], tickfont_size=11, row=row, col=col,
            title_text="Strength" if place + columns >= len(names) else None,
            showticklabels=place + columns >= len(names),
        )  # fmt: skip
    done = figure.finish(
        theme, height=70 + 130 * rows, margin_t=60, hovermode="closest", legend={"y": 1 + 24 / (130 * rows)}
    )
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
    weights = result.weights
    if result.smallest_group is not None:
        return _weights_by_cohort(result, weights, result.smallest_group, theme)
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
        beside = f"{percent(moved)} moved" if moved < 0.995 else f"{number(mine.min())} to {number(mine.max())}"
        tops = 0.82 * np.sqrt(share)
        color = cell.style.color
        x, y = np.repeat(edges, 2)[1:-1], place + 0.36 - np.repeat(tops, 2)
        figure.scatter(
            x=np.concatenate([[edges[0]], x, [edges[-1]]]),
            y=np.concatenate([[place + 0.36], y, [place + 0.36]]),
            mode="lines", fill="toself", fillcolor=rgba(color, 0.75 if cell.outcome else 0.25),
            line={"color": color, "width": 1}, name=cell.label, showlegend=False, hoverinfo="skip",
        )  # fmt: skip
        shown = np.flatnonzero(share)
        centers = (edges[:-1] + edges[1:]) / 2
        figure.scatter(
            x=centers[shown], y=np.full(shown.size, place + 0.2), mode="markers", showlegend=False,
            marker={"color": color, "opacity": 0, "size": 10},
            customdata=np.column_stack([100 * share[shown], edges[:-1][shown], edges[1:][shown]]),
            hovertemplate=f"{cell.label}<br>weight %{{customdata[1]:.2f}} to %{{customdata[2]:.2f}}: "
            "%{customdata[0]:.2f} % of these rows<extra></extra>",
        )  # fmt: skip
        figure.annotate(
            x=1, xref="paper", xanchor="left", xshift=6, y=place + 0.2, align="left",
            text=f"mean {number(mine.mean())}, {beside}", font={"size": 11, "color": colors.muted},
        )  # fmt: skip
        lines.append(
            {
                "group": cell.group, "outcome": "favorable" if cell.outcome else "other", "rows": mine.size,
                "mean weight": mine.mean(), "lowest": mine.min(), "highest": mine.max(), "changed": moved,
            }
        )  # fmt: skip
    figure.upright(1, {"color": colors.ink, "width": 1})
    figure.rows_axis([cell.label for cell in found], color=colors.ink)
    figure.x_axis(
        range=[min(edges[0], 0.0) - 0.02 * top, edges[-1] + 0.02 * top],
        title_text="Weight of a training row (1: untouched)",
    )
    done = figure.finish(theme, height=rows_height(len(found), each=52, extra=70), margin_r=176, hovermode="closest")
    said = [f"{shorten(line['group'], 40)} {line['outcome']} mean {number(line['mean weight'])}" for line in lines]
    table = long_frame(lines, list(lines[0]))
    point = result.chosen
    caption = (
        f"At strength {point.strength:g}: effective sample size {percent(point.effective_sample_size)}, "
        f"{percent(point.changed_share)} of rows moved, largest weight {number(point.largest_weight)}. "
        "Height: square root of the share of rows."
    )
    return Picture(done, f"Weights of {weights.size:,} training rows. {listed(said)}. {caption}", table, caption)


def _weights_by_cohort(result: StudyResult, weights: np.ndarray, smallest: int, theme: Theme) -> Picture:
    def beside(mine: np.ndarray) -> str:
        moved = told_share(changed(mine), smallest)
        return f"mean {number(mine.mean())}" + ("" if moved is None else f", {percent(moved)} moved")

    point = result.chosen
    return spread_by_cohort(
        result,
        weights,
        theme,
        what=f"Weights of {weights.size:,} training rows",
        axis="Weight of a training row (1: untouched)",
        mark=1.0,
        beside=beside,
        caption=f"At strength {point.strength:g}: effective sample size {percent(point.effective_sample_size)}.",
    )


def _curve(result: StudyResult, split: str) -> Curve:
    """The finished curve, or a ConfigError that says what is missing."""
    if split not in result.after:
        raise ConfigError(f"There is no split {shorten(split)!r} here. Use one of: {', '.join(result.after)}.")
    return result.curve
