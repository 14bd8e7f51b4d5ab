"""Causes in pictures: cohorts that carry a gap, angles between goals, what turned a decision, what to collect."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from iffair_core.causes.cohorts import CohortLedger
from iffair_core.causes.collect import Collection
from iffair_core.causes.conflicts import NARROWED, AlongCurve, Conflicts
from iffair_core.causes.decisions import Cause
from iffair_core.errors import shorten
from iffair_core.study.results import StudyResult
from iffair_core.telling.causes import (
    along_table,
    cause_parts,
    cohort_table,
    collect_table,
    conflict_table,
    conflict_titles,
    cosine_text,
    goal_gap,
    nats,
)
from iffair_core.telling.figures.canvas import Canvas
from iffair_core.telling.figures.common import (
    Palette,
    Picture,
    Props,
    Theme,
    interval_bars,
    label,
    padded,
    palette,
    rgba,
    rows_height,
    stroke,
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
    titles = conflict_titles(found)
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
        title_text="what happens to this gap, or to utility",
        tickfont={"size": 12, "color": colors.ink},
        tickangle=0,
    )
    figure.rows_axis([f"against<br>{title}" for title in titles[:-1]] + ["for utility"], color=colors.ink)
    said = "; ".join(
        f"{line['goal']} and {line['other']}: cosine {cosine_text(line['cosine'])} (95 % {cosine_text(line['low'])} to "
        f"{cosine_text(line['high'])})"
        + ("" if np.isnan(line["refitted"]) else f", refitted {cosine_text(line['refitted'])}")
        for line in table.to_dict("records")
    )
    return Picture(
        figure.finish(theme, height=110 + 78 * size),
        f"Whether weights against one goal's gap narrow another's. {said}.",
        table,
        "1: both gaps close together; 0: the other does not move; below 0: it widens, or the log loss rises. ○ from "
        "influence vectors, with 95 % intervals over samples of validation rows; ● from models really refitted. Under "
        f"utility, ● is the change of the mean log loss in nats when {percent(NARROWED, 0)} of the gap is closed: it "
        "curves upwards with every step, so that it need not follow the cosine.",
    )


AGAINST = {"light": "#f3b083", "dark": "#8a4a1c"}
"""Fill of a cell where one goal works against another."""


def _cell(found: Conflicts, a: int, b: int) -> str:
    seen = found.refitted[a, b]
    refitted = "" if np.isnan(seen) else f"<br>● {cosine_text(seen)}"
    if b == len(found.goals):
        price = found.prices[a].refitted
        refitted = "" if price is None else f"<br>● {nats(price)}"
    interval = f"{cosine_text(found.low[a, b])} to {cosine_text(found.high[a, b])}"
    return f"○ {cosine_text(found.cosines[a, b])}{refitted}<br><sub>{interval}</sub>"


def gaps_along_curve(result: StudyResult, found: AlongCurve, theme: Theme = "light") -> Picture:
    """A panel for each goal's widest gap along the study's curve: dashed from influence vectors, solid refitted."""
    colors, table = palette(theme), along_table(found)
    panels: dict[tuple[str, str, str], list[str]] = {}
    for goal in found.goals:
        panels.setdefault((goal.rate, goal.over, goal.under), []).append(GOAL_TITLES[goal.goal])
    columns = min(2, len(panels))
    rows = -(-len(panels) // columns)
    figure = Canvas(rows=rows, cols=columns, gaps=(0.12, 0.3 / rows))
    for place, titles in enumerate(panels.values()):
        mine = pd.concat([_start(found, titles[0]), table[table["goal"] == titles[0]]])
        panel: Props = {"row": place // columns + 1, "col": place % columns + 1}
        for word, look in (("predicted", stroke(colors.muted, 1.6, "dash")), ("refitted", stroke(colors.accent, 2))):
            figure.scatter(
                x=mine["strength"],
                y=100 * mine[word],
                mode="lines",
                line=look,
                name=word.capitalize(),
                showlegend=place == 0,
                hovertemplate="strength %{x:.4~g}<br>%{y:.1f} points<extra>%{fullData.name}</extra>",
                **panel,
            )
        figure.level(0, stroke(colors.line), **panel)
        figure.title("<br>".join(titles), colors.ink, **panel)
        ends = np.append(100 * mine[["predicted", "refitted"]].to_numpy(float), 0.0)
        if result.strength > 0:
            figure.upright(result.strength, stroke(colors.muted, 1, "dot"), **panel)
        figure.y_axis(range=padded(ends, 0.12), nticks=5, ticksuffix=" pts", **panel)
        last = place + columns >= len(panels)
        figure.x_axis(title_text="Strength" if last else None, range=[-0.03, 1.28], **panel)
    said = "; ".join(
        f"{GOAL_TITLES[goal.goal]} from {points(goal.value, signed=False)} to "
        f"{points(goal.value + found.refitted[-1, place], signed=False)} refitted"
        f", {points(goal.value + found.predicted[-1, place], signed=False)} predicted"
        for place, goal in enumerate(found.goals if len(found.strengths) else ())
    )
    caption = (
        "Soft gaps on validation rows, in percentage points, between the groups that are widest apart at strength 0. "
        "Below 0 the gap is turned round. Scales differ."
    )
    caption += f" Dotted: the chosen strength, {result.strength:g}." if result.strength > 0 else ""
    done = figure.finish(theme, height=110 + 160 * rows, margin_t=80, legend={"y": 1 + 50 / (160 * rows)})
    return Picture(done, f"Gaps along the study's curve. {said}. {caption}", table, caption)


def _start(found: AlongCurve, title: str) -> pd.DataFrame:
    """The line of `along_table` at strength 0, where nothing has moved yet."""
    value = next(one.value for one in found.goals if GOAL_TITLES[one.goal] == title)
    return pd.DataFrame([{"strength": 0.0, "goal": title, "predicted": value, "refitted": value, "disparity": value}])


def cause_bars(result: StudyResult, cause: Cause, theme: Theme = "light") -> Picture:
    """What parts of the training rows add to the move of one person's score, as shares of it."""
    colors, table, figure = palette(theme), cause_parts(result, cause), Canvas()
    names = [_lines(part) for part in table["part"]]
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
        figure.finish(theme, height=rows_height(len(table), each=_each(names, 32), extra=70)),
        f"What turned the decision about row {cause.row_id}: {said}.",
        table,
        "Dark: by group and outcome, which add up to 100 %. Pale: cohorts, which overlap them.",
    )


def _lines(name: str) -> str:
    """Conditions joined by commas, one to a line."""
    return "<br>".join(label(part, NAME) for part in name.split(", "))


def _each(names: Sequence[str], least: int) -> int:
    """Pixels for a row, so that the longest of its labels has room."""
    return max(least, 4 + 16 * max((name.count("<br>") + 1 for name in names), default=1))


def collect_bars(result: StudyResult, found: Collection, theme: Theme = "light", most: int = 12) -> Picture:
    """What 100 further rows of each source are expected to do to the gap, beside what rows held back did."""
    colors, table, figure = palette(theme), collect_table(found), Canvas()
    if len(table) > most:
        table = pd.concat([table.head(most // 2), table.tail(most // 2)], ignore_index=True)
    place = np.arange(len(table))
    soft, low, high = (100 * table[name].to_numpy(float) for name in ("soft", "low", "high"))
    foretold, seen = (100 * table[name].to_numpy(float) for name in ("foretold", "seen"))
    names = [_lines(name) for name in table["source"]]
    _summed(figure, colors, table, names, soft, low, high, "Expected", "%{x:+.2f} points")
    hover = "<b>%{hovertext}</b><br>rows held back: %{x:+.2f} points per 100"
    _told_and_seen(figure, colors, place, foretold, seen, names, hover, "Held back, ")
    figure.rows_axis(names, color=colors.ink)
    ends = np.concatenate([low, high, foretold, seen, [0.0]])
    figure.x_axis(title_text="Change of the gap, points per 100 rows", range=padded(ends[np.isfinite(ends)]))
    figure.upright(0.0, {"color": colors.line, "width": 1})
    said = "; ".join(f"{shorten(line['source'], 80)}: {points(line['soft'], 2)}" for line in table.to_dict("records"))
    return Picture(
        figure.finish(theme, height=rows_height(len(table), each=_each(names, 34), extra=90)),
        f"Expected change of {goal_gap(result)} per 100 further training rows. {said}.",
        collect_table(found),
    )
