"""Cohorts that carry a gap: the sum of their rows' scores, and what is gone without them, predicted and refitted."""

from __future__ import annotations

import numpy as np

from iffair_core.causes.cohorts import CohortLedger
from iffair_core.errors import shorten
from iffair_core.study.results import StudyResult
from iffair_core.telling.causes import cohort_table
from iffair_core.telling.figures.canvas import Canvas
from iffair_core.telling.figures.common import (
    Picture,
    Theme,
    interval_bars,
    label,
    padded,
    palette,
    rgba,
    rows_height,
)
from iffair_core.wording import percent, row_count

NAME = 34


def cohort_bars(result: StudyResult, ledger: CohortLedger, theme: Theme = "light") -> Picture:
    """A bar for each cohort with its 95 % interval; hollow: predicted without all of it; solid: really refitted."""
    table, colors, figure = cohort_table(result, ledger), palette(theme), Canvas()
    place = np.arange(len(table))
    share, low, high, predicted, refitted = (
        100 * table[name].to_numpy(float) for name in ("share", "low", "high", "predicted", "refitted")
    )
    names = ["<br>".join(label(part, NAME) for part in one.parts) for one in ledger.cohorts]
    figure.add(
        "bar", x=share, y=place, orientation="h", width=0.5, marker_color=rgba(colors.accent, 0.35),
        name="Sum of its rows' scores", error_x=interval_bars(share, low, high, colors.muted),
        customdata=table["rows"], hovertext=names,
        hovertemplate="<b>%{hovertext}</b><br>%{customdata:,} rows, %{x:.1f} % of the gap by their scores"
        "<extra></extra>",
    )  # fmt: skip
    for values, name, fill in ((predicted, "Without it, predicted", colors.page), (refitted, "Without it, refitted",
                                                                                 colors.accent)):  # fmt: skip
        figure.scatter(
            x=values, y=place, mode="markers", name=name, hovertext=names,
            marker={"size": 11, "color": fill, "line": {"color": colors.accent, "width": 2},
                    "symbol": "circle" if fill == colors.page else "star"},
            hovertemplate=f"<b>%{{hovertext}}</b><br>{name.lower()}: %{{x:.1f}} % of the gap gone<extra></extra>",
        )  # fmt: skip
    figure.rows_axis(names, color=colors.ink)
    ends = np.concatenate([low, high, predicted, refitted, [0.0]])
    figure.x_axis(title_text="Part of the gap (%)", range=padded(ends[np.isfinite(ends)]), ticksuffix=" %")
    said = "; ".join(
        f"{shorten(line['cohort'], 80)}: {row_count(line['rows'])}, {percent(line['share'])} by their scores, "
        f"{percent(line['predicted'])} gone without them as predicted"
        + ("" if np.isnan(line["refitted"] or np.nan) else f", {percent(line['refitted'])} as refitted")
        for line in table.to_dict("records")
    )
    done = figure.finish(theme, height=rows_height(len(table), each=52, extra=90))
    return Picture(done, f"Cohorts that carry the gap. {said}.", table)
