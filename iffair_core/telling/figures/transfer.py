"""Other models with and without a study's weights: a dumbbell for each, everything refitted."""

from __future__ import annotations

from typing import Any

import numpy as np

from iffair_core.errors import ConfigError
from iffair_core.metrics import DISPARITIES
from iffair_core.study.results import StudyResult
from iffair_core.telling.figures.canvas import Canvas
from iffair_core.telling.figures.common import (
    METRIC_TITLES,
    Picture,
    Props,
    Theme,
    as_float,
    factor,
    interval_bars,
    label,
    mark,
    metric_text,
    padded,
    palette,
    rgba,
    rows_height,
    short_title,
    stroke,
)
from iffair_core.telling.tables import transfer_table
from iffair_core.wording import listed, missing

NUDGE = 0.14


def transfers(
    result: StudyResult, theme: Theme = "light", split: str = "test", *, x: str = "accuracy", y: str | None = None
) -> Picture:
    """The study's own model and every other one, before (diamond) and after (star) the weights, with 95 % intervals.

    `y`: the disparity of the left panel, the goal's by default; `x`: the utility of the right one. Nothing in it is
    predicted. Raises ConfigError where no other model was fitted.
    """
    if not result.transfers:
        raise ConfigError("This picture needs other models. Fit one with the weights first.")
    metrics = (y or result.curve.metric, x)
    table = transfer_table(result, split, metrics)
    colors, figure = palette(theme), Canvas(cols=2, gaps=(0.06, 0.0), share_y=True)
    for col, metric in enumerate(metrics, start=1):
        scale, ends = factor(metric), [0.0] if metric in DISPARITIES else []
        unit = " %" if scale > 1 else ""
        values: dict[str, np.ndarray] = {}
        for when in ("before", "after"):
            for end in ("", " low", " high"):
                column = table[f"{metric} {when}{end}"]
                values[when + end] = scale * np.array([as_float(None if missing(v) else v) for v in column])
                ends += values[when + end].tolist()
        for place, (was, now) in enumerate(zip(values["before"], values["after"], strict=True)):
            if missing(was) or missing(now):
                figure.note("not estimable", place, colors, col=col)
                continue
            quiet: Props = {"mode": "lines", "showlegend": False, "hoverinfo": "skip", "col": col}
            ends_at: Props = {"x": [was, now], "y": [place - NUDGE, place + NUDGE]}
            figure.scatter(**ends_at, line=stroke(rgba(colors.accent, 0.35), 3), **quiet)
        for when, name, shift, symbol, color, size in (
            ("before", "Without the weights", -NUDGE, "diamond", colors.ink, 10),
            ("after", "With the weights", NUDGE, "star", colors.accent, 13),
        ):
            figure.scatter(
                x=values[when],
                y=np.arange(len(table)) + shift,
                mode="markers",
                name=name,
                legendgroup=when,
                showlegend=col == 1,
                marker=mark(symbol, size, color) | {"opacity": 1},
                error_x=interval_bars(values[when], values[f"{when} low"], values[f"{when} high"], rgba(color, 0.6), 3),
                customdata=[[label(title, 60)] for title in table["model"]],
                hovertemplate=f"%{{customdata[0]}}<br>{METRIC_TITLES[metric]} {name.lower()} %{{x:.3~g}}{unit}"
                "<extra></extra>",
                col=col,
            )
        low, high = padded(ends, 0.05, 0.004 * scale)
        figure.x_axis(range=[0 if metric in DISPARITIES else low, high], ticksuffix=unit, nticks=5, col=col)
        figure.title(short_title(metric), colors.ink, col=col)
    names = [label(title.removesuffix(" (this study)"), 40) for title in table["model"]]
    names[0] = f"<b>{names[0]}</b>"
    figure.rows_axis(names, color=colors.ink, col=1)
    figure.y_axis(range=[len(names) - 0.4, -0.6], showgrid=False, zeroline=False, col=2)
    height = rows_height(len(names), each=46, extra=100)
    legend = {"y": 1 + 24 / (height - 96), "yanchor": "bottom"}
    done = figure.finish(theme, height=height, margin_t=66, margin_b=30, hovermode="closest", legend=legend)
    said = [
        f"{line['model']}: {METRIC_TITLES[metric].lower()} {_spoken(metric, line[f'{metric} before'])} without, "
        f"{_spoken(metric, line[f'{metric} after'])} with the weights"
        for line in table.to_dict("records")
        for metric in metrics
    ]
    caption = (
        f"On {split} rows, with 95 % intervals; weights of strength {result.strength:g}. Bold: the model that the "
        "weights were computed on. Every point is a model that was really fitted. ↑ higher is better."
    )
    return Picture(done, f"{listed(said)}. {caption}", table, caption)


def _spoken(metric: str, value: Any) -> str:
    return metric_text(metric, None if missing(value) else float(value))
