"""Pictures of the groups: who is in the table, their rates, scores and weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from iffair_core.figures.common import (
    Picture,
    Theme,
    finish,
    group_styles,
    interval_bars,
    label,
    listed,
    palette,
    percent,
    rgba,
    row_axis,
    rows_height,
)


def group_bars(
    group_table: pd.DataFrame, theme: Theme = "light", *, reference: str = "", favorable: str = "favorable"
) -> Picture:
    """Favorable share per group with its Wilson interval, beside the rows of each group x outcome.

    `group_table` is `data.task.group_table(...)`: group (a column, or the index), rows, favorable, favorable_share,
    low, high. `favorable` is the favorable value's label.
    """
    table = group_table if "group" in group_table.columns else group_table.rename_axis("group").reset_index()
    names = [str(name) for name in table["group"]]
    styles = group_styles(names, reference, theme)
    colors = palette(theme)
    place = np.arange(len(names))
    share, low, high = (100 * table[column].to_numpy(float) for column in ("favorable_share", "low", "high"))
    rows, good = table["rows"].to_numpy(int), table["favorable"].to_numpy(int)
    fills = [styles[name].color for name in names]
    labels = [styles[name].label for name in names]

    figure = make_subplots(rows=1, cols=2, shared_yaxes=True, horizontal_spacing=0.05, column_widths=[0.5, 0.5])
    figure.add_bar(
        x=share, y=place, orientation="h", marker_color=fills, width=0.56, showlegend=False,
        error_x=interval_bars(share, low, high, colors.ink),
        customdata=np.column_stack([low, high, good, rows]), hovertext=labels,
        hovertemplate="<b>%{hovertext}</b><br>%{x:.1f} % favorable (95 % %{customdata[0]:.1f} to %{customdata[1]:.1f})"
        "<br>%{customdata[2]:,} of %{customdata[3]:,} rows<extra></extra>",
        row=1, col=1,
    )  # fmt: skip
    for at, value, upper in zip(place, share, high, strict=True):
        estimable = np.isfinite(value)
        figure.add_annotation(
            x=upper if estimable else 0, y=at, text=f"{value:.1f} %" if estimable else "not estimable", xanchor="left",
            xshift=6, font={"color": colors.ink if estimable else colors.muted}, row=1, col=1,
        )  # fmt: skip
    solid, pale = fills, [rgba(fill, 0.3) for fill in fills]
    for count, paint, word in ((good, solid, "favorable"), (rows - good, pale, "other outcome")):
        figure.add_bar(
            x=count, y=place, orientation="h", marker_color=paint, width=0.56, showlegend=False, hovertext=labels,
            name=word, hovertemplate=f"<b>%{{hovertext}}</b>, {word}<br>%{{x:,}} rows<extra></extra>", row=1, col=2,
        )  # fmt: skip
    for at, count in zip(place, rows, strict=True):
        figure.add_annotation(x=count, y=at, text=f"{count:,}", xanchor="left", xshift=6, row=1, col=2)
    row_axis(figure, labels, row=1, col=1)
    row_axis(figure, labels, row=1, col=2)
    figure.update_yaxes(tickfont_color=colors.ink)
    top = np.nanmax(np.append(high, 0.0))
    figure.update_xaxes(
        range=[0, max(1.0, top) * 1.22], ticksuffix=" %", title_text=f"Share with {label(favorable)} (95 % interval)",
        row=1, col=1,
    )  # fmt: skip
    figure.update_xaxes(
        range=[0, max(1, int(rows.max(initial=1))) * 1.2], title_text="Rows: solid favorable, pale other outcome",
        nticks=5, row=1, col=2,
    )  # fmt: skip
    finish(figure, theme, height=rows_height(len(names)), barmode="stack")
    parts = [
        f"{name}{' (reference)' if name == reference else ''} {percent(value / 100)} of {count:,} rows"
        + (f" (95 % {percent(lower / 100)} to {percent(upper / 100)})" if np.isfinite(value) else "")
        for name, value, count, lower, upper in zip(names, share, rows, low, high, strict=True)
    ]
    return Picture(figure, f"Bars: share with {favorable} per group. {listed(parts)}.", table.reset_index(drop=True))
