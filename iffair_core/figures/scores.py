"""Pictures of the scores of a model: how they are spread within each group, and whether they mean what they say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from iffair_core.errors import shorten
from iffair_core.figures.canvas import Canvas
from iffair_core.figures.common import (
    Picture,
    Theme,
    group_styles,
    interval_bars,
    legend_for,
    legend_name,
    legend_room,
    long_frame,
    palette,
    solid_marker,
)
from iffair_core.metrics import THRESHOLD
from iffair_core.uncertainty import wilson_interval
from iffair_core.wording import listed, number, percent

SCORE_BINS = 20
RELIABILITY_BINS = 10
LEAST_ROWS = 10


def score_distribution(
    scores: np.ndarray, y: np.ndarray, codes: np.ndarray, groups: Sequence[str], reference: str, theme: Theme = "light"
) -> Picture:
    """Share of each group's rows along the score, apart for favorable and other outcomes, with the threshold 0.5.

    `scores` (n,) P(favorable), `y` (n,) 0/1, `codes` (n,) positions in `groups`.
    """
    colors, styles = palette(theme), group_styles(groups, reference, theme)
    edges = np.linspace(0, 1, SCORE_BINS + 1)
    centers = (edges[:-1] + edges[1:]) / 2
    figure = Canvas(rows=2, gaps=(0.0, 0.11), share_x=True)
    lines, said = [], []
    for row, (outcome, title) in enumerate(((1, "Favorable outcome"), (0, "Other outcome")), start=1):
        for code, group in enumerate(groups):
            mine = scores[(codes == code) & ((y > 0.5) == bool(outcome))]
            if mine.size == 0:
                continue
            count = np.histogram(mine, edges)[0]
            style = styles[group]
            figure.scatter(
                x=centers, y=100 * count / mine.size, mode="lines+markers", name=legend_name(style, reference),
                legendgroup=str(code),
                showlegend=row == 1 or not ((codes == code) & (y > 0.5)).any(),
                line={"color": style.color, "width": 2}, marker=solid_marker(style, colors, 6) | {"maxdisplayed": 9},
                customdata=np.column_stack([count, edges[:-1], edges[1:]]),
                hovertemplate=f"<b>{style.label}</b><br>score %{{customdata[1]:.2f}} to %{{customdata[2]:.2f}}: "
                "%{y:.1f} % (%{customdata[0]:,} rows)<extra></extra>", row=row, col=1,
            )  # fmt: skip
            lines += [
                {"group": group, "outcome": "favorable" if outcome else "other", "from": a, "to": b, "rows": int(c)}
                for a, b, c in zip(edges[:-1], edges[1:], count, strict=True)
            ]
            said.append(
                f"{shorten(group, 40)}, {title.lower()}: {percent(np.mean(mine >= THRESHOLD))} of {mine.size:,} rows"
            )
        figure.upright(THRESHOLD, {"color": colors.ink, "width": 1}, row=row, col=1)
        figure.title(title, colors.ink, row=row, col=1)
        figure.y_axis(rangemode="tozero", ticksuffix=" %", nticks=5, row=row, col=1)
    figure.annotate(
        x=THRESHOLD,
        y=1,
        yref="y domain",
        text="selected from 0.5 →",
        xanchor="left",
        xshift=4,
        yanchor="top",
        row=1,
        col=1,
    )
    figure.y_axis(title_text="Share of the group's rows", row=1, col=1)
    figure.y_axis(title_text="Share of the group's rows", row=2, col=1)
    figure.x_axis(range=[0, 1], title_text="Score: predicted probability of the favorable value", row=2, col=1)
    figure.x_axis(range=[0, 1], row=1, col=1)
    legend = legend_for(len(groups)) or {"y": 1.08}
    done = figure.finish(theme, height=440 + legend_room(len(groups)), margin_t=50, legend=legend, hovermode="closest")
    table = long_frame(lines, ("group", "outcome", "from", "to", "rows"))
    return Picture(done, f"Scores by group. At or above the threshold 0.5: {'; '.join(said)}.", table)


def calibration(
    scores: np.ndarray, y: np.ndarray, codes: np.ndarray, groups: Sequence[str], reference: str, theme: Theme = "light"
) -> Picture:
    """Reliability by group: favorable share against the mean score in ten bins of equal size, with Wilson bars.

    Groups of fewer than 10 rows are left out and named; a group of fewer than 100 has fewer bins.
    """
    colors, styles = palette(theme), group_styles(groups, reference, theme)
    figure = Canvas()
    figure.scatter(
        x=[0, 100], y=[0, 100], mode="lines", line={"color": colors.reference, "width": 1.2}, hoverinfo="skip",
        name="Calibrated",
    )  # fmt: skip
    lines, said, small = [], [], []
    for code, group in enumerate(groups):
        members = np.flatnonzero(codes == code)
        if members.size < LEAST_ROWS:
            small.append(group)
            continue
        style = styles[group]
        order = members[np.argsort(scores[members], kind="stable")]
        parts = np.array_split(order, max(1, min(RELIABILITY_BINS, members.size // LEAST_ROWS)))
        count = np.array([part.size for part in parts])
        good = np.array([(y[part] > 0.5).sum() for part in parts])
        mean = np.array([scores[part].mean() for part in parts])
        share, (low, high) = good / count, wilson_interval(good, count)
        figure.scatter(
            x=100 * mean, y=100 * share, mode="lines+markers", name=legend_name(style, reference),
            marker=solid_marker(style, colors, 9), line={"color": style.color, "width": 1.6},
            error_y=interval_bars(100 * share, 100 * low, 100 * high, style.color, 3),
            customdata=np.column_stack([100 * low, 100 * high, count]),
            hovertemplate=f"<b>{style.label}</b><br>mean score %{{x:.1f}} %<br>favorable %{{y:.1f}} % (95 % "
            "%{customdata[0]:.1f} to %{customdata[1]:.1f})<br>%{customdata[2]:,} rows<extra></extra>",
        )  # fmt: skip
        error = float(np.sum(count * np.abs(share - mean)) / members.size)
        said.append(f"{shorten(group, 40)} {number(100 * error)} points over {members.size:,} rows")
        lines += [
            {
                "group": group, "bin": place + 1, "mean score": mean[place], "favorable share": share[place],
                "low": low[place], "high": high[place], "rows": int(count[place]),
            }
            for place in range(count.size)
        ]  # fmt: skip
    figure.x_axis(range=[-2, 102], ticksuffix=" %", title_text="Mean score of the bin")
    figure.y_axis(range=[-2, 102], ticksuffix=" %", title_text="Share with the favorable outcome (95 % interval)")
    done = figure.finish(
        theme, height=460 + legend_room(len(groups) + 1), legend=legend_for(len(groups) + 1), hovermode="closest"
    )
    caption = "Bins of equal size within each group."
    if small:
        caption += f" Fewer than {LEAST_ROWS} rows, not estimable: {listed([shorten(g, 40) for g in small])}."
    table = long_frame(lines, ("group", "bin", "mean score", "favorable share", "low", "high", "rows"))
    alt = f"Calibration by group: mean distance of favorable share and score {listed(said)}. {caption}"
    return Picture(done, alt, table, caption)
