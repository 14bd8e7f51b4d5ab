"""Causes in pictures: cohorts that carry a gap, angles between goals, what turned a decision, what to collect."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from iffair_core.causes.cohorts import CohortLedger
from iffair_core.causes.collect import Collection
from iffair_core.causes.conflicts import Conflicts
from iffair_core.causes.decisions import Cause
from iffair_core.errors import shorten
from iffair_core.study.results import StudyResult
from iffair_core.telling.causes import cause_parts, cohort_table, collect_table, conflict_table, cosine_text, goal_gap
from iffair_core.telling.figures.canvas import Canvas
from iffair_core.telling.figures.common import (
    Palette,
    Picture,
    Theme,
    interval_bars,
    label,
    padded,
    palette,
    rgba,
    rows_height,
)
from iffair_core.wording import GOAL_TITLES, percent, points, row_count

NAME = 34


def cohort_bars(result: StudyResult, ledger: CohortLedger, theme: Theme = "light") -> Picture:
    """A bar for each cohort with its 95 % interval; hollow: predicted without all of it; solid: really refitted."""
    table, colors, figure = cohort_table(result, ledger), palette(theme), Canvas()
    place = np.arange(len(table))
    share, low, high, predicted, refitted = (
        100 * table[name].to_numpy(float) for name in ("share", "low", "high", "predicted", "refitted")
    )
    names = ["<br>".join(label(part, NAME) for part in one.parts) for one in ledger.cohorts]
    _summed(figure, colors, table, names, share, low, high, "Sum of its rows' scores", "%{x:.1f} % of the gap")
    hover = "<b>%{hovertext}</b><br>%{x:.1f} % of the gap gone"
    _told_and_seen(figure, colors, place, predicted, refitted, names, hover, "Without it, ")
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


def _summed(
    figure: Canvas,
    colors: Palette,
    table: pd.DataFrame,
    names: Sequence[str],
    values: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
    name: str,
    unit: str,
) -> None:
    """Pale bars with 95 % intervals, a line of the table each."""
    figure.add(
        "bar",
        x=values,
        y=np.arange(len(table)),
        orientation="h",
        width=0.5,
        marker_color=rgba(colors.accent, 0.35),
        name=name,
        error_x=interval_bars(values, low, high, colors.muted),
        customdata=table["rows"],
        hovertext=names,
        hovertemplate=f"<b>%{{hovertext}}</b><br>%{{customdata:,}} rows, {unit}<extra></extra>",
    )


def _told_and_seen(
    figure: Canvas,
    colors: Palette,
    place: np.ndarray,
    predicted: np.ndarray,
    refitted: np.ndarray,
    names: Sequence[str],
    hover: str,
    prefix: str = "",
) -> None:
    """Hollow circles where something was predicted, solid ones where it was refitted."""
    for values, word, size, fill in (
        (predicted, "predicted", 12, colors.page),
        (refitted, "refitted", 7, colors.accent),
    ):
        name = f"{prefix}{word}"
        figure.scatter(
            x=values,
            y=place,
            mode="markers",
            name=name[:1].upper() + name[1:],
            hovertext=names,
            marker={"size": size, "color": fill, "opacity": 1, "line": {"color": colors.accent, "width": 2}},
            hovertemplate=f"{hover} ({word})<extra></extra>",
        )


def conflict_map(found: Conflicts, theme: Theme = "light") -> Picture:
    """Cosines between the goals' influence vectors, with their refitted counterparts under them."""
    colors, table, figure = palette(theme), conflict_table(found), Canvas()
    titles = [GOAL_TITLES[one.goal] for one in found.goals]
    size = len(titles)
    value = np.where(np.eye(size, dtype=bool), np.nan, found.cosines)
    text = [["" if a == b else _cell(found, a, b) for b in range(size)] for a in range(size)]
    scale = [[0.0, AGAINST[theme]], [0.5, colors.page], [1.0, colors.tint[-1][1]]]
    figure.add(
        "heatmap",
        z=value,
        x=np.arange(size),
        y=np.arange(size),
        text=text,
        texttemplate="%{text}",
        zmin=-1,
        zmax=1,
        colorscale=scale,
        showscale=False,
        xgap=3,
        ygap=3,
        textfont={"size": 13, "color": colors.ink},
        hoverinfo="skip",
    )
    wrapped = [title.replace(" ", "<br>", 1) for title in titles]
    figure.x_axis(
        tickmode="array",
        tickvals=list(range(size)),
        ticktext=wrapped,
        showgrid=False,
        side="top",
        title_text="what happens to this gap",
        tickfont={"size": 12, "color": colors.ink},
    )
    figure.rows_axis([f"against {title.lower()}" for title in titles], color=colors.ink)
    said = "; ".join(
        f"{line['goal']} and {line['other']}: cosine {cosine_text(line['cosine'])} (95 % {cosine_text(line['low'])} to "
        f"{cosine_text(line['high'])}), refitted {cosine_text(line['refitted'])}"
        for line in table.to_dict("records")
    )
    return Picture(
        figure.finish(theme, height=110 + 78 * size),
        f"Whether weights against one goal's gap narrow another's. {said}.",
        table,
        "1: both gaps close together; 0: the other does not move; below 0: it widens. ○ from influence vectors, with "
        "95 % intervals over samples of validation rows; ● from models really refitted.",
    )


AGAINST = {"light": "#f3b083", "dark": "#8a4a1c"}
"""Fill of a cell where one goal works against another."""


def _cell(found: Conflicts, a: int, b: int) -> str:
    seen = found.refitted[a, b]
    refitted = "" if np.isnan(seen) else f"<br>● {cosine_text(seen)}"
    interval = f"{cosine_text(found.low[a, b])} to {cosine_text(found.high[a, b])}"
    return f"○ {cosine_text(found.cosines[a, b])}{refitted}<br><sub>{interval}</sub>"


def cause_bars(result: StudyResult, cause: Cause, theme: Theme = "light") -> Picture:
    """What parts of the training rows add to the move of one person's score, as shares of it."""
    colors, table, figure = palette(theme), cause_parts(result, cause), Canvas()
    names = [label(part, 60) for part in table["part"]]
    share = 100 * table["share"].to_numpy(float)
    cells = len(table) - len(cause.cohorts)
    fills = [rgba(colors.accent, 0.75)] * cells + [rgba(colors.accent, 0.35)] * len(cause.cohorts)
    figure.add(
        "bar",
        x=share,
        y=np.arange(len(table)),
        orientation="h",
        width=0.6,
        marker_color=fills,
        customdata=table["rows"],
        hovertext=names,
        hovertemplate="<b>%{hovertext}</b><br>%{customdata:,} rows, %{x:.1f} % of the move<extra></extra>",
        showlegend=False,
    )
    figure.rows_axis(names, color=colors.ink)
    figure.x_axis(title_text="Part of the score's move (%)", range=padded(np.append(share, 0.0)), ticksuffix=" %")
    said = "; ".join(f"{line['part']}: {percent(line['share'])}" for line in table.to_dict("records"))
    return Picture(
        figure.finish(theme, height=rows_height(len(table), each=32, extra=70)),
        f"What turned the decision about row {cause.row_id}: {said}.",
        table,
        "Dark: by group and outcome, which add up to 100 %. Pale: cohorts, which overlap them.",
    )


def collect_bars(result: StudyResult, found: Collection, theme: Theme = "light", most: int = 16) -> Picture:
    """What 100 further rows of each source are expected to do to the gap, beside what rows held back did."""
    colors, table, figure = palette(theme), collect_table(found), Canvas()
    if len(table) > most:
        table = pd.concat([table.head(most // 2), table.tail(most // 2)], ignore_index=True)
    place = np.arange(len(table))
    soft, low, high = (100 * table[name].to_numpy(float) for name in ("soft", "low", "high"))
    foretold, seen = (100 * table[name].to_numpy(float) for name in ("foretold", "seen"))
    names = [label(name, 64) for name in table["source"]]
    _summed(figure, colors, table, names, soft, low, high, "Expected", "%{x:+.2f} points")
    hover = "<b>%{hovertext}</b><br>rows held back: %{x:+.2f} points per 100"
    _told_and_seen(figure, colors, place, foretold, seen, names, hover, "Held back, ")
    figure.rows_axis(names, color=colors.ink)
    ends = np.concatenate([low, high, foretold, seen, [0.0]])
    figure.x_axis(
        title_text="Change of the gap (points) per 100 further training rows", range=padded(ends[np.isfinite(ends)])
    )
    figure.upright(0.0, {"color": colors.line, "width": 1})
    said = "; ".join(f"{shorten(line['source'], 80)}: {points(line['soft'], 2)}" for line in table.to_dict("records"))
    return Picture(
        figure.finish(theme, height=rows_height(len(table), each=34, extra=90)),
        f"Expected change of {goal_gap(result)} per 100 further training rows. {said}.",
        collect_table(found),
    )
