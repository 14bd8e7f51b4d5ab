"""Pictures of the scores of a model: how they are spread within each group, and whether they mean what they say."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from iffair_core.errors import shorten
from iffair_core.metrics import FEW_ROWS, THRESHOLD
from iffair_core.study.disclosure import merged
from iffair_core.telling.figures.canvas import Canvas
from iffair_core.telling.figures.common import (
    Picture,
    Props,
    Theme,
    group_styles,
    interval_bars,
    legend_for,
    legend_name,
    legend_room,
    long_frame,
    palette,
    solid_marker,
    stroke,
)
from iffair_core.uncertainty import effective_counts, wilson_interval
from iffair_core.wording import listed, number, percent

SCORE_BINS = 20
RELIABILITY_BINS = 10
CALIBRATION = ("group", "bin", "mean score", "favorable share", "low", "high", "rows")


def score_distribution(
    scores: np.ndarray,
    y: np.ndarray,
    codes: np.ndarray,
    groups: Sequence[str],
    reference: str,
    theme: Theme = "light",
    *,
    weights: np.ndarray | None = None,
    smallest: int | None = None,
    withheld: Collection[str] = (),
    threshold: float = THRESHOLD,
) -> Picture:
    """Share of each group's rows along the score, apart for favorable and other outcomes, with the threshold.

    `scores` (n,) P(favorable), `y` (n,) 0/1, `codes` (n,) positions in `groups`, `weights` (n,) how much each row
    counts in a share; None for all alike. `smallest`: the smallest group of cohort-only mode; neighboring bins are then
    taken together until each holds as many rows, and groups of `withheld` are left out.
    """
    colors, styles = palette(theme), group_styles(groups, reference, theme)
    edges = np.linspace(0, 1, SCORE_BINS + 1)
    figure = Canvas(rows=2, gaps=(0.0, 0.11), share_x=True)
    lines, said = [], []
    for row, (outcome, title) in enumerate(((1, "Favorable outcome"), (0, "Other outcome")), start=1):
        for code, group in enumerate(groups):
            here = (codes == code) & ((y > 0.5) == bool(outcome)) & (True if weights is None else weights > 0)
            mine = scores[here]
            if mine.size == 0 or group in withheld:
                continue
            count = np.histogram(mine, edges)[0]
            runs = merged(count, smallest)
            if not runs:
                continue
            starts = np.array([start for start, _ in runs])
            low, high = edges[starts], np.append(edges[starts[1:]], edges[-1])
            own = np.ones(mine.size) if weights is None else weights[here]
            height = np.add.reduceat(np.histogram(mine, edges, weights=own)[0], starts) / own.sum()
            count, height = np.add.reduceat(count, starts), height / (SCORE_BINS * (high - low))
            style = styles[group]
            figure.scatter(
                x=(low + high) / 2,
                y=100 * height,
                mode="lines+markers",
                name=legend_name(style, reference),
                legendgroup=str(code),
                showlegend=row == 1 or not ((codes == code) & (y > 0.5)).any(),
                line=stroke(style.color, 2),
                marker=solid_marker(style, colors, 6) | {"maxdisplayed": 9},
                customdata=np.column_stack([count, low, high]),
                hovertemplate=f"<b>{style.label}</b><br>score %{{customdata[1]:.2f}} to %{{customdata[2]:.2f}}: "
                "%{y:.1f} % (%{customdata[0]:,} rows)<extra></extra>",
                row=row,
            )
            lines += [
                {"group": group, "outcome": "favorable" if outcome else "other", "from": a, "to": b, "rows": int(c)}
                for a, b, c in zip(low, high, count, strict=True)
            ]
            above = f"{percent(np.average(mine >= threshold, weights=own))} of " if smallest is None else ""
            said.append(f"{shorten(group, 40)}, {title.lower()}: {above}{mine.size:,} rows")
        figure.upright(threshold, stroke(colors.ink), row=row)
        figure.title(title, colors.ink, row=row)
    place: Props = {"x": threshold, "y": 1, "yref": "y domain", "xanchor": "left", "xshift": 4, "yanchor": "top"}
    figure.annotate(text=f"selected from {threshold:g} →", **place)
    figure.y_axis(rangemode="tozero", ticksuffix=" %", nticks=5, title_text="Share of the group's rows")
    figure.x_axis(range=[0, 1])
    figure.x_axis(title_text="Score: predicted probability of the favorable value", row=2)
    legend = legend_for(len(groups)) or {"y": 1.08}
    done = figure.finish(theme, height=440 + legend_room(len(groups)), margin_t=50, legend=legend, hovermode="closest")
    table = long_frame(lines, ("group", "outcome", "from", "to", "rows"))
    if smallest is None:
        return Picture(done, f"Scores by group. At or above the threshold {threshold:g}: {'; '.join(said)}.", table)
    caption = f"Shares are of a step of {1 / SCORE_BINS:g}; each point stands for {smallest} rows or more."
    if withheld:
        caption += f" Withheld: {listed([shorten(group, 40) for group in withheld])}."
    return Picture(done, f"Scores by group: {'; '.join(said)}. {caption}", table, caption)


def calibration(
    scores: np.ndarray,
    y: np.ndarray,
    codes: np.ndarray,
    groups: Sequence[str],
    reference: str,
    theme: Theme = "light",
    *,
    weights: np.ndarray | None = None,
    smallest: int | None = None,
    withheld: Collection[str] = (),
) -> Picture:
    """Reliability by group: favorable share against the mean score in ten bins of equal size, with Wilson bars.

    Groups of fewer than 10 rows are left out and named; a group of fewer than 100 has fewer bins. Arguments as
    `score_distribution`; bins hold as many rows, whatever their weights; with `smallest`, at least as many of either
    outcome, or none.
    """
    colors, styles = palette(theme), group_styles(groups, reference, theme)
    figure = Canvas()
    figure.diagonal(0, 100, stroke(colors.reference, 1.2), "Calibrated")
    lines, said, small = [], [], []
    for code, group in enumerate(groups):
        members = np.flatnonzero((codes == code) & (True if weights is None else weights > 0))
        if members.size < FEW_ROWS or group in withheld:
            small.append(group)
            continue
        style = styles[group]
        order = members[np.argsort(scores[members], kind="stable")]
        parts = np.array_split(order, max(1, min(RELIABILITY_BINS, members.size // FEW_ROWS)))
        outcomes = np.array([np.bincount(y[part] > 0.5, minlength=2) for part in parts])
        parts = [np.concatenate(parts[start:stop]) for start, stop in merged(outcomes, smallest)]
        if not parts:
            small.append(group)
            continue
        count = np.array([part.size for part in parts])
        own = np.ones(y.size) if weights is None else weights
        size = np.array([own[part].sum() for part in parts])
        share = np.array([own[part] @ (y[part] > 0.5) for part in parts]) / size
        mean = np.array([own[part] @ scores[part] for part in parts]) / size
        tells = effective_counts(size, np.array([own[part] @ own[part] for part in parts]))
        low, high = wilson_interval(share * tells, tells)
        figure.scatter(
            x=100 * mean,
            y=100 * share,
            mode="lines+markers",
            name=legend_name(style, reference),
            marker=solid_marker(style, colors, 9),
            line=stroke(style.color, 1.6),
            error_y=interval_bars(100 * share, 100 * low, 100 * high, style.color, 3),
            customdata=np.column_stack([100 * low, 100 * high, count]),
            hovertemplate=f"<b>{style.label}</b><br>mean score %{{x:.1f}} %<br>favorable %{{y:.1f}} % (95 % "
            "%{customdata[0]:.1f} to %{customdata[1]:.1f})<br>%{customdata[2]:,} rows<extra></extra>",
        )
        error = float(np.sum(size * np.abs(share - mean)) / size.sum())
        said.append(f"{shorten(group, 40)} {number(100 * error)} points over {members.size:,} rows")
        lines += [
            dict(zip(CALIBRATION, (group, place + 1, *line), strict=True))
            for place, line in enumerate(zip(mean, share, low, high, count.tolist(), strict=True))
        ]
    figure.x_axis(range=[-2, 102], ticksuffix=" %", title_text="Mean score of the bin")
    figure.y_axis(range=[-2, 102], ticksuffix=" %", title_text="Share with the favorable outcome (95 % interval)")
    done = figure.finish(
        theme, height=460 + legend_room(len(groups) + 1), legend=legend_for(len(groups) + 1), hovermode="closest"
    )
    caption = "Bins of equal size within each group."
    if small:
        why = f"Fewer than {FEW_ROWS} rows, not estimable" if smallest is None else "Withheld"
        caption += f" {why}: {listed([shorten(g, 40) for g in small])}."
    table = long_frame(lines, CALIBRATION)
    alt = f"Calibration by group: mean distance of favorable share and score {listed(said)}. {caption}"
    return Picture(done, alt, table, caption)
