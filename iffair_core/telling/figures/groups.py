"""Pictures of the groups: who is in the table, their rates before and after, and their crossings."""

from __future__ import annotations

import numpy as np
import pandas as pd

from iffair_core.errors import shorten
from iffair_core.metrics import GOAL_METRIC, GOAL_RATES
from iffair_core.study.results import StudyResult
from iffair_core.telling import tables
from iffair_core.telling.figures.canvas import Canvas
from iffair_core.telling.figures.common import (
    RATE_TITLES,
    Picture,
    Props,
    Theme,
    as_float,
    group_styles,
    interval_bars,
    label,
    legend_for,
    legend_name,
    legend_room,
    long_frame,
    padded,
    palette,
    require_split,
    rgba,
    rows_height,
    solid_marker,
    spoken,
    stroke,
)
from iffair_core.uncertainty import Evaluation
from iffair_core.wording import WITHHELD, listed, missing, percent, row_count, why_none

SHOWN_RATES = ("selection_rate", "true_positive_rate", "false_positive_rate", "error_rate")


def group_bars(
    group_table: pd.DataFrame, theme: Theme = "light", *, reference: str = "", favorable: str = "favorable"
) -> Picture:
    """Favorable share per group with its Wilson interval, beside the rows of each group x outcome.

    `group_table` is `resolving.group_table(...)`: group (a column, or the index), rows, favorable, favorable_share,
    low, high, as it is or as `disclosure.told_groups` leaves it: what is missing is withheld. `favorable` is the
    favorable value's label.
    """
    table = group_table if "group" in group_table.columns else group_table.rename_axis("group").reset_index()
    names = [str(name) for name in table["group"]]
    styles = group_styles(names, reference, theme)
    colors = palette(theme)
    place = np.arange(len(names))
    share, low, high = (100 * table[column].to_numpy(float) for column in ("favorable_share", "low", "high"))
    rows, good = table["rows"].to_numpy(int), table["favorable"].to_numpy(float, na_value=np.nan)
    fills = [styles[name].color for name in names]
    labels = [styles[name].label for name in names]

    figure = Canvas(cols=2, share_y=True)
    bar: Props = {"y": place, "orientation": "h", "width": 0.56, "showlegend": False, "hovertext": labels}
    figure.add(
        "bar",
        x=share,
        marker_color=fills,
        error_x=interval_bars(share, low, high, colors.ink),
        customdata=np.column_stack([low, high, good, rows]),
        hovertemplate="<b>%{hovertext}</b><br>%{x:.1f} % favorable (95 % %{customdata[0]:.1f} to %{customdata[1]:.1f})"
        "<br>%{customdata[2]:,} of %{customdata[3]:,} rows<extra></extra>",
        **bar,
    )
    beside: Props = {"xanchor": "left", "xshift": 6}
    for at, value, upper in zip(place, share, high, strict=True):
        if np.isfinite(value):
            figure.annotate(x=upper, y=at, text=f"{value:.1f} %", font={"color": colors.ink}, **beside)
        else:
            figure.annotate(x=0, y=at, text=WITHHELD, font={"color": colors.muted}, **beside)
    solid, pale = fills, [rgba(fill, 0.3) for fill in fills]
    either = np.where(np.isnan(good), rows, np.nan)
    bars = [(good, solid, "favorable"), (rows - good, pale, "other outcome")]
    if np.isfinite(either).any():
        bars.append((either, pale, f"outcomes {WITHHELD}"))
    for count, paint, word in bars:
        hover = f"<b>%{{hovertext}}</b>, {word}<br>%{{x:,}} rows<extra></extra>"
        figure.add("bar", x=count, marker_color=paint, name=word, hovertemplate=hover, col=2, **bar)
    for at, count in zip(place, rows, strict=True):
        figure.annotate(x=count, y=at, text=f"{count:,}", col=2, **beside)
    for col in (1, 2):
        figure.rows_axis(labels, color=colors.ink, col=col)
    top = np.nanmax(np.append(high, 0.0))
    words = f"Share with {label(favorable)}<br>(95 % interval)"
    figure.x_axis(range=[0, max(1.0, top) * 1.22], ticksuffix=" %", title_text=words, row=1, col=1)
    most, words = max(1, int(rows.max(initial=1))), "Rows<br>(solid: favorable, pale: not)"
    figure.x_axis(range=[0, most * 1.2], title_text=words, tickformat=",", nticks=4, tickangle=0, row=1, col=2)
    done = figure.finish(theme, height=rows_height(len(names)), barmode="stack")
    parts = [
        f"{shorten(name, 40)}{' (reference)' if name == reference else ''} "
        f"{WITHHELD if np.isnan(value) else percent(value / 100)} of {count:,} rows"
        + (f" (95 % {percent(lower / 100)} to {percent(upper / 100)})" if np.isfinite(value) else "")
        for name, value, count, lower, upper in zip(names, share, rows, low, high, strict=True)
    ]
    return Picture(done, f"Bars: share with {favorable} per group. {listed(parts)}.", table.reset_index(drop=True))


def rates_by_group(
    evaluation: Evaluation, theme: Theme = "light", reference_line: float | None = None, *, goal: str | None = None
) -> Picture:
    """Selection, true positive, false positive and error rate of every group as dots with Wilson intervals.

    A thin upright line marks the reference group's rate. For the rates of `goal` a gray band around it shows how far
    groups would stand apart by chance, and `reference_line` (a difference, as a share) is dotted on both sides of it.
    """
    colors, groups = palette(theme), evaluation.groups
    styles = group_styles(groups, evaluation.reference, theme)
    goal_rates = GOAL_RATES[goal] if goal else ()
    band = evaluation.chance_band.get(GOAL_METRIC[goal]) if goal else None
    spread = (0.6 if len(groups) <= 6 else 0.84) if len(groups) > 1 else 0.0
    shift = np.linspace(-spread / 2, spread / 2, len(groups)) if len(groups) > 1 else np.zeros(1)

    figure = Canvas()
    for place, rate in enumerate(SHOWN_RATES):
        base = evaluation.rates[evaluation.reference][rate].value
        if base is None:
            continue
        ends = [(base, stroke(colors.reference, 1.4))]
        tall: Props = {"y0": place - 0.42, "y1": place + 0.42, "layer": "below"}
        if rate in goal_rates:
            if band is not None:
                wide: Props = {"x0": 100 * max(0.0, base - band), "x1": 100 * min(1.0, base + band)}
                figure.shape(type="rect", **wide, **tall, fillcolor=rgba(colors.reference, 0.16), line_width=0)
            if reference_line is not None:
                ends += [(base + sign * reference_line, stroke(colors.ink, 1, "dot")) for sign in (-1, 1)]
        for at, line in ends:
            if 0 <= at <= 1:
                figure.shape(type="line", x0=100 * at, x1=100 * at, line=line, **tall)
    for code, group in enumerate(groups):
        style = styles[group]
        found = [evaluation.rates[group][rate] for rate in SHOWN_RATES]
        value, low, high = (
            np.array([as_float(end, 100) for end in ends])
            for ends in zip(*((e.value, e.low, e.high) for e in found), strict=True)
        )
        figure.scatter(
            x=value,
            y=np.arange(len(SHOWN_RATES)) + shift[code],
            mode="markers",
            name=legend_name(style, evaluation.reference),
            marker=solid_marker(style, colors),
            error_x=interval_bars(value, low, high, style.color, 3),
            customdata=np.column_stack([low, high, [e.count or 0 for e in found]]),
            hovertext=[RATE_TITLES[rate] for rate in SHOWN_RATES],
            hovertemplate=f"<b>{style.label}</b><br>%{{hovertext}} %{{x:.1f}} % (95 % %{{customdata[0]:.1f}} to "
            "%{customdata[1]:.1f})<br>%{customdata[2]:,} rows<extra></extra>",
        )
        for place, estimate in enumerate(found):
            if estimate.value is None:
                figure.note(f"{style.label}: {why_none(estimate.count)}", place + shift[code], colors)
    table = long_frame(
        [
            {"group": group, "rate": rate, "value": e.value, "low": e.low, "high": e.high, "rows": e.count}
            for rate in SHOWN_RATES
            for group in groups
            for e in (evaluation.rates[group][rate],)
        ],
        ("group", "rate", "value", "low", "high", "rows"),
    ).astype({"value": float, "low": float, "high": float})
    if table["rows"].isna().any():
        table = table.astype({"rows": "Int64"})
    figure.rows_axis([RATE_TITLES[rate] for rate in SHOWN_RATES], color=colors.ink)
    # Wide intervals of tiny groups are not worth a scale that hides everything else, so they may run out of it.
    highest = np.nanmax(np.append(table["value"] * 100, 1.0)) * 1.15
    usual = np.nanquantile(np.append(table["high"].dropna() * 100, 1.0), 0.9) * 1.05
    ends_at, words = min(102.0, max(float(highest), float(usual))), "Share of the rows concerned (95 % interval)"
    figure.x_axis(range=[-1, ends_at], ticksuffix=" %", title_text=words)
    each = max(64, 15 * len(groups) + 16)  # a line of text under another where several groups have no rate
    done = figure.finish(
        theme,
        height=90 + each * len(SHOWN_RATES) + legend_room(len(groups)),
        legend=legend_for(len(groups)),
        hovermode="closest",
    )
    said = []
    for rate in SHOWN_RATES:
        rows = table[table["rate"] == rate]
        said.append(f"{RATE_TITLES[rate]}: {spoken(list(zip(rows['group'], rows['value'], strict=True)), percent)}.")
    caption = ""
    drawn = any(evaluation.rates[evaluation.reference][rate].value is not None for rate in goal_rates)
    if band is not None and drawn:
        caption = f"Gray band: {100 * band:.1f} points, as far as chance alone would bring a group from "
        caption += f"{shorten(evaluation.reference, 40)}."
    if reference_line is not None and goal:
        caption += f" Dotted: your reference line, {100 * reference_line:.1f} points to either side."
    alt = f"Rates by group on {evaluation.n:,} rows, reference group {shorten(evaluation.reference, 40)}."
    return Picture(done, " ".join([alt, *said, caption]).strip(), table, caption.strip())


def who_pays(result: StudyResult, theme: Theme = "light", split: str = "test") -> Picture:
    """Rates of every group before (small diamond) and after (the group's symbol), one panel for each rate."""
    require_split(split, result.after)
    table = tables.who_pays(result, split)
    before, after = result.baseline[split], result.after[split]
    colors, groups = palette(theme), after.groups
    styles = group_styles(groups, after.reference, theme)
    figure = Canvas(cols=len(SHOWN_RATES), gaps=(0.05, 0.0), share_y=True)
    for col, rate in enumerate(SHOWN_RATES, start=1):
        everything: list[float] = []
        for place, group in enumerate(groups):
            style, estimate = styles[group], after.rates[group][rate]
            was, now = (as_float(found.rates[group][rate].value, 100) for found in (before, after))
            low, high = as_float(estimate.low, 100), as_float(estimate.high, 100)
            everything += [was, now, low, high]
            if missing(was) or missing(now):
                figure.note(why_none(estimate.count), place, colors, col=col)
                continue
            hover = f"<b>{style.label}</b><br>{RATE_TITLES[rate]} %{{hovertext}}: %{{x:.1f}} %<extra></extra>"
            ends: Props = {"symbol": ["diamond", style.symbol], "color": [colors.ink, style.color], "size": [9, 12]}
            figure.scatter(
                x=[was, now],
                y=[place, place],
                mode="lines+markers",
                name=style.label,
                showlegend=False,
                line=stroke(rgba(style.color, 0.45), 5),
                marker=ends | {"line": {"color": colors.ink, "width": [0, 0.8]}, "opacity": 1},
                error_x=interval_bars([np.nan, now], [np.nan, low], [np.nan, high], colors.muted, 3),
                hovertext=["before", "after, refitted"],
                hovertemplate=hover,
                col=col,
            )
        low_end, high_end = padded(everything, 0.08, 1.0)
        ticks = _few_ticks(low_end, high_end)
        figure.x_axis(
            range=[low_end, high_end],
            tickvals=ticks,
            ticktext=[f"{tick:g} %" for tick in ticks],
            tickangle=0,
            tickfont_size=11,
            row=1,
            col=col,
        )
        figure.title(RATE_TITLES[rate].replace(" positive rate", "<br>positive rate"), colors.ink, row=1, col=col)
        figure.rows_axis([styles[group].label for group in groups], color=colors.ink, row=1, col=col)
    done = figure.finish(theme, height=rows_height(len(groups), each=44, extra=92), margin_t=46, hovermode="closest")
    said = [_rate_change(before, after, rate) for rate in SHOWN_RATES]
    caption = f"Diamond: before. Group's symbol with its 95 % interval: after, refitted. On {after.n:,} {split} rows."
    return Picture(done, f"Rates per group before and after. {'; '.join(said)}. {caption}", table, caption)


def _few_ticks(low: float, high: float, most: int = 3) -> list[float]:
    """At most three round ticks of percentages, so that their labels stay apart where four panels share a row."""
    for step in (1, 2, 5, 10, 20, 25, 50):
        first = np.ceil(low / step) * step
        ticks = np.arange(first, high + 1e-9, step)
        if ticks.size <= most:
            return [float(tick) for tick in ticks]
    return [0.0, 50.0, 100.0]


def _rate_change(before: Evaluation, after: Evaluation, rate: str, limit: int = 8) -> str:
    """A rate before and after in words: of every group, or beyond `limit` groups of those that change most."""
    pairs = [(group, before.rates[group][rate].value, after.rates[group][rate].value) for group in after.groups]
    if len(pairs) > limit:
        known = [pair for pair in pairs if pair[1] is not None and pair[2] is not None]
        pairs = sorted(known, key=lambda pair: -abs((pair[2] or 0.0) - (pair[1] or 0.0)))[:3]
    words = [f"{shorten(group, 40)} {percent(was)} to {percent(now)}" for group, was, now in pairs]
    return f"{RATE_TITLES[rate]}: {'most change in ' if len(after.groups) > limit else ''}{', '.join(words)}"


def heatmap(
    frame: pd.DataFrame, theme: Theme = "light", *, level_title: str = "", rate: str = "selection_rate"
) -> Picture:
    """A rate for every crossing of the groups with another column, cells with too few rows hatched.

    `frame`: group, level, value (share, missing where not estimable), count, and low, high if there are any, as
    `tables.intersections` returns it. `level_title` names the column, `rate` the rate.
    """
    colors = palette(theme)
    groups, levels = list(dict.fromkeys(frame["group"])), list(dict.fromkeys(frame["level"]))
    where = {(g, v): i for i, (g, v) in enumerate(zip(frame["group"], frame["level"], strict=True))}
    value, count = np.full((len(groups), len(levels)), np.nan), np.zeros((len(groups), len(levels)), int)
    for r, group in enumerate(groups):
        for c, level in enumerate(levels):
            if (group, level) in where:
                line = frame.iloc[where[group, level]]
                value[r, c] = as_float(line["value"], 100)
                count[r, c] = -1 if pd.isna(line["count"]) else int(line["count"])
    text = np.full(value.shape, "", dtype=object)
    roomy = len(levels) <= 10
    if len(levels) <= 20:
        for r, c in np.ndindex(*value.shape):
            shown = f"{value[r, c]:.1f} %<br>{row_count(int(count[r, c]))}" if roomy else f"{value[r, c]:.0f}"
            text[r, c] = "" if np.isnan(value[r, c]) else shown
    names, steps = [label(group) for group in groups], [label(level, 24) for level in levels]
    figure = Canvas()
    shown_names = np.dstack(
        [
            np.repeat(np.array(names)[:, None], len(levels), 1),
            np.repeat(np.array(steps)[None], len(groups), 0),
            np.where(count < 0, WITHHELD, count.astype(str)),
        ]
    )
    title = {"text": f"{RATE_TITLES[rate]} (%)", "side": "right", "font": {"size": 12}}
    figure.add(
        "heatmap",
        z=value,
        x=np.arange(len(levels)),
        y=np.arange(len(groups)),
        text=text,
        texttemplate="%{text}",
        textfont={"size": 12, "color": colors.ink},
        xgap=2,
        ygap=2,
        colorscale=[list(stop) for stop in colors.tint],
        hoverongaps=False,
        customdata=shown_names,
        hovertemplate="<b>%{customdata[0]}</b>, %{customdata[1]}<br>%{z:.1f} %, %{customdata[2]} rows<extra></extra>",
        colorbar={"title": title, "thickness": 10, "outlinewidth": 0, "tickfont": colors.small},
    )
    for r, c in zip(*np.nonzero(np.isnan(value)), strict=True):
        # Three strokes across the cell: there is something here, only not a number.
        strokes = "".join(
            f"M {c + a:.3f} {r + b:.3f} L {c + d:.3f} {r + e:.3f} "
            for a, b, d, e in ((-0.47, 0.0, 0.0, -0.45), (-0.47, 0.45, 0.47, -0.45), (0.0, 0.45, 0.47, 0.0))
        )
        figure.shape(type="path", path=strokes, line={"color": rgba(colors.reference, 0.45), "width": 1})
        if roomy:
            few = WITHHELD if count[r, c] < 0 else f"not estimable<br>{row_count(int(count[r, c]))}"
            figure.annotate(x=c, y=r, text=few, bgcolor=rgba(colors.page, 0.85), font=colors.small)
    figure.rows_axis(names, color=colors.ink)
    figure.y_axis(range=[len(groups) - 0.5, -0.5])
    ticks: Props = {"tickmode": "array", "tickvals": list(range(len(levels))), "ticktext": steps, "showgrid": False}
    figure.x_axis(range=[-0.5, len(levels) - 0.5], title_text=label(level_title, 60), **ticks)
    done = figure.finish(theme, height=rows_height(len(groups), each=56, extra=100))
    known = frame[frame["value"].notna()]
    lost = len(frame) - len(known)
    alt = f"Heat map of the {RATE_TITLES[rate].lower()} for {len(groups)} groups and {len(levels)} values"
    alt += f" of {shorten(level_title, 40)}." if level_title else "."
    if len(known):
        ends = (int(known["value"].argmax()), int(known["value"].argmin()))
        words = [
            f"{shorten(known['group'].iloc[i], 40)}, {shorten(known['level'].iloc[i], 40)} "
            f"{percent(known['value'].iloc[i])}"
            for i in ends
        ]
        alt += f" Highest: {words[0]}; lowest: {words[1]}."
    hatched = f"not estimable or {WITHHELD}" if frame["count"].isna().any() else "not estimable"
    caption = f"{lost} of {len(frame)} cells have too few rows and are {hatched} (hatched)." if lost else ""
    return Picture(done, f"{alt} {caption}".strip(), frame.reset_index(drop=True), caption)
