"""The kept comparison on public data: curves of means among the rivals of one data set and goal, and all margins."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from iffair_core.errors import ConfigError
from iffair_core.metrics import GOAL_METRIC, GOALS
from iffair_core.telling.figures.canvas import PANEL, Canvas
from iffair_core.telling.figures.common import (
    METRIC_TITLES,
    Palette,
    Picture,
    Props,
    Spot,
    Theme,
    axis_title,
    far_away,
    label,
    mark,
    metric_text,
    padded,
    palette,
    place_labels,
    rgba,
    rival_mark,
    stroke,
)
from iffair_core.telling.replication import KINDS, SOURCES, Entry, Place, Replication, Z, rival_title, source_title
from iffair_core.wording import GOAL_TITLES, heading, listed, metric_title, minus, points

ERRORS_AT = (0.0, 0.25, 0.5, 0.75, 1.0, 1.25)
MOST = 2.0
"""Margins beyond this many points are drawn in the strongest color."""
HEADING, EACH = 34, 23
AHEAD, BEHIND = {"light": "#a38cde", "dark": "#7057c2"}, {"light": "#e6a84f", "dark": "#a8701a"}


def replication_curves(entry: Entry, theme: Theme = "light") -> Picture:
    """Accuracy to the right, disparity down, means over seeds on test rows: a solid line for each variant, rivals.

    Bars are 95 % intervals over seeds, on the lines at every quarter of strength. Raises ConfigError without a curve.
    """
    if not entry.curves:
        raise ConfigError("No curve is kept for this comparison. Choose another kind, data set or goal.")
    colors, metric, table = palette(theme), GOAL_METRIC[entry.goal], _places(entry)
    ours = table[table["rival"] == ""]
    away = far_away(table, table["rival"] == "", {"accuracy": 1.0, "disparity": -1.0}) & (table["rival"] != "untouched")
    x_range = padded(100 * table.loc[~away, "accuracy"].to_numpy(float), 0.12, 0.2)
    y_range = (0.0, padded(table.loc[~away, "disparity"].to_numpy(float), 0.1, 0.002)[1])
    hover = f"Accuracy %{{x:.2f}} %<br>{METRIC_TITLES[metric]} %{{y:.3f}}<extra></extra>"
    figure = Canvas()
    figure.good_corner(colors)
    for (name, color, symbol), width in zip(_styles(colors), (2.6, 2.0, 2.0), strict=True):
        line = ours[ours["variant"] == name]
        if line.empty:
            continue
        look: Props = {"mode": "lines+markers", "line": stroke(color, width), "marker": mark(symbol, 6, color)}
        look |= {"hovertemplate": f"{heading(name)} at strength %{{customdata[0]:.4~g}}<br>{hover}"}
        look |= _bars(line, rgba(color, 0.35), line["strength"].isin(ERRORS_AT).to_numpy())
        x, y = 100 * line["accuracy"], line["disparity"]
        figure.scatter(x=x, y=y, customdata=line[["strength"]], name=heading(name), **look)
    spots, rivals = [], table[~table["rival"].isin(["", "untouched"])]
    for place in range(len(rivals)):
        rival = rivals.iloc[place]
        name = label(rival_title(rival["rival"]))
        look = {"mode": "markers", "marker": rival_mark(place, colors), "showlegend": False}
        look |= {"hovertemplate": f"{name}<br>{hover}", **_bars(rivals.iloc[[place]], rgba(colors.ink, 0.5))}
        figure.scatter(x=[100 * rival["accuracy"]], y=[rival["disparity"]], name=name, **look)
        if not away.loc[rivals.index].iloc[place]:
            spots.append(Spot(100 * rival["accuracy"], rival["disparity"], name, colors.ink))
    start = entry.untouched
    look = {"mode": "markers", "marker": mark("diamond", 14, colors.ink, colors.page), "showlegend": False}
    look |= {"name": "Untouched", "hovertemplate": f"Untouched<br>{hover}"}
    figure.scatter(x=[100 * start.accuracy], y=[start.disparity], **look)
    spots.append(Spot(100 * start.accuracy, start.disparity, "Untouched", colors.ink))
    near = [(100 * x, y) for x, y in zip(ours["accuracy"], ours["disparity"], strict=True)]
    corner = (y_range[1] - y_range[0]) * 0.03
    near += [(x_range[0] + share * (x_range[1] - x_range[0]), corner) for share in (0.9, 0.95, 0.99)]
    figure.annotations += place_labels(
        spots, x_range=x_range, y_range=y_range, obstacles=near, size=(600.0, 320.0), background=colors.page
    )
    figure.x_axis(range=list(x_range), ticksuffix=" %", nticks=8, title={"text": axis_title("accuracy")})
    figure.y_axis(range=list(y_range), nticks=8, title={"text": axis_title(metric)})
    done = figure.finish(theme, height=410, hovermode="closest", dragmode="zoom", margin_t=34)
    caption = _caption(entry, table[away])
    where = [
        f"{rival_title(name) if name != 'untouched' else 'untouched model'} {metric_text('accuracy', x)}, {y:.3f}"
        for name, x, y in zip(table["rival"], table["accuracy"], table["disparity"], strict=True)
        if name
    ]
    ends = [
        f"{name} from {metric_text('accuracy', line[0].accuracy)}, {line[0].disparity:.3f} to "
        f"{metric_text('accuracy', line[-1].accuracy)}, {line[-1].disparity:.3f} at strength {line[-1].strength:g}"
        for name, line in entry.curves.items()
    ]
    alt = (
        f"{source_title(entry.dataset)}, {GOAL_TITLES[entry.goal]}: accuracy (right is better) against "
        f"{metric_title(metric)} (down is better). Lines: {'; '.join(ends)}. Others: {'; '.join(where)}. {caption}"
    )
    return Picture(done, alt, table, caption)


def replication_margins(kept: Replication, kind: str, variant: str, theme: Theme = "light") -> Picture:
    """Every margin of a variant in percentage points: a block for each goal, a row for each rival, a column for each
    data set. Purple where the curve is more accurate, orange where the rival is; blank without an answer.

    Raises ConfigError where this variant was not compared in this kind.
    """
    frame = kept.margins(kind, variant)
    if frame.empty:
        raise ConfigError("No margin is kept for this kind and variant. Choose another kind or variant.")
    colors, datasets = palette(theme), kept.datasets(kind)
    goals = [goal for goal in GOALS if (frame["goal"] == goal).any()]
    rivals = [name for name in KINDS[kind].rivals if (frame["rival"] == name).any()]
    by_cell = {(line["goal"], line["rival"], line["dataset"]): line for line in frame.to_dict("records")}
    height = 60 + len(goals) * (HEADING + EACH * len(rivals))
    figure = Canvas(rows=len(goals), gaps=(0.0, HEADING / (height - 60)))
    for row, goal in enumerate(goals, start=1):
        shape = (len(rivals), len(datasets))
        value, text = np.full((2, *shape), np.nan), np.full(shape, "", dtype=object)
        for r, c in np.ndindex(*text.shape):
            cell = by_cell.get((goal, rivals[r], datasets[c]))
            if cell is not None:
                value[:, r, c] = 100 * cell["margin"], 100 * cell["error"]
                text[r, c] = "n. r." if np.isnan(cell["margin"]) else _short(cell["margin"])
        scale = [[0.0, BEHIND[theme]], [0.5, colors.page], [1.0, AHEAD[theme]]]
        look: Props = {"xgap": 2, "ygap": 2, "zmin": -MOST, "zmax": MOST, "colorscale": scale}
        look |= {"showscale": False, "hoverongaps": False, "customdata": value[1]}
        hover = "%{x}, %{y}<br>%{z:+.2f} points, standard error %{customdata:.2f}<extra></extra>"
        x, y = np.arange(len(datasets)), np.arange(len(rivals))
        figure.add("heatmap", x=x, y=y, z=value[0], hovertemplate=hover, row=row, **look)
        for r, c in np.ndindex(*text.shape):
            color = colors.muted if text[r, c] == "n. r." else colors.ink
            figure.annotate(text=text[r, c], x=c, y=r, row=row, font={"size": 11, "color": color})
        corner: Props = {"x": 0, "y": 1, "xanchor": "right", "yanchor": "bottom", "xshift": -4, "yshift": 3}
        corner |= {"font": {"size": 12, "color": colors.ink}, "row": row}
        figure.annotate(text=f"<b>{heading(GOAL_TITLES[goal])}</b>", **PANEL, **corner)
        figure.rows_axis([label(rival_title(name)) for name in rivals], color=colors.ink, row=row)
        figure.y_axis(range=[len(rivals) - 0.5, -0.5], row=row)
    columns = [label(SOURCES[name].short if name in SOURCES else name) for name in datasets]
    ticks: Props = {"tickmode": "array", "tickvals": list(range(len(datasets))), "ticktext": columns, "tickangle": 0}
    ticks |= {"tickfont": {"size": 10, "color": colors.muted}, "side": "top", "showgrid": False}
    figure.x_axis(range=[-0.5, len(datasets) - 0.5], **ticks)
    done = figure.finish(theme, height=height, margin_t=40, margin_b=20)
    known = frame[frame["margin"].notna()]
    lost = len(frame) - len(known)
    caption = (
        f"Accuracy of {heading(variant)} minus the rival's at no larger a disparity, in percentage points. Purple: the "
        f"curve is more accurate; orange: the rival is; strongest from {MOST:g} points on. n. r.: not reached, the "
        "rival's disparity is smaller than any on the curve. Blank: no answer."
    )
    alt = (
        f"Table of {len(frame)} margins of {variant} over {listed([rival_title(name) for name in rivals])}, of which "
        f"{lost} are not reached."
    )
    if len(known):
        ends = (known.iloc[int(known["margin"].argmax())], known.iloc[int(known["margin"].argmin())])
        alt += " Largest: {}; smallest: {}.".format(*(_cell_words(end) for end in ends))
    return Picture(done, f"{alt} {caption}", frame, caption)


def _styles(colors: Palette) -> tuple[tuple[str, str, str], ...]:
    """Name, color and marker of each variant: tones of one color, told apart by the marker too."""
    return (
        ("diverse", colors.accent, "circle"),
        ("efficient", colors.reference, "square"),
        ("uniform", colors.scale[1][1], "triangle-up"),
    )


def _places(entry: Entry) -> pd.DataFrame:
    """Every place of the picture: rival ("" for our own points), variant, strength, disparity, accuracy, errors."""
    ours = [("", name, point.strength, point) for name, line in entry.curves.items() for point in line]
    others: list[tuple[str, str, float, Place]] = [
        ("untouched", "", float("nan"), entry.untouched),
        *((name, "", float("nan"), rival.place) for name, rival in entry.rivals.items()),
    ]
    lines = [
        (*names, place.disparity, place.disparity_error, place.accuracy, place.accuracy_error)
        for *names, place in [*ours, *others]
    ]
    columns = ["rival", "variant", "strength", "disparity", "disparity error", "accuracy", "accuracy error"]
    return pd.DataFrame(lines, columns=columns)


def _bars(places: pd.DataFrame, color: str, where: np.ndarray | None = None) -> dict[str, Any]:
    """95 % bars on both axes of the places `where` is true."""
    shown = np.ones(len(places), dtype=bool) if where is None else where
    look = {"type": "data", "color": color, "thickness": 1.4, "width": 3}
    return {
        f"error_{axis}": look | {"array": np.where(shown, factor * Z * places[column], 0.0)}
        for axis, column, factor in (("x", "accuracy error", 100.0), ("y", "disparity error", 1.0))
    }


def _caption(entry: Entry, away: pd.DataFrame) -> str:
    """Seeds, bars, and what is outside the picture or has no answer."""
    seeds = "one seed, so without intervals" if entry.seeds == 1 else f"{entry.seeds} seeds"
    said = [f"Means over {seeds}, on test rows; strength grows along a line from the untouched model."]
    if entry.curve_seeds != entry.seeds:
        said[0] = (
            f"Means on test rows, of the rivals over {entry.seeds} seeds, of the lines over {entry.curve_seeds}: read "
            "the margins from the table, where both have the same seeds."
        )
    if entry.seeds > 1:
        said.append(
            "Bars: 95 % over seeds, on the lines at every quarter of strength. All methods share the splits, so "
            "differences between them are steadier than the bars."
        )
    if len(away):
        far = [
            f"{rival_title(one['rival'])} (accuracy {metric_text('accuracy', one['accuracy'])}, disparity "
            f"{one['disparity']:.3f})"
            for _, one in away.iterrows()
        ]
        said.append(f"Far outside, zoom out to see: {listed(far)}.")
    lost = [rival_title(name) for name in KINDS[entry.kind].rivals if name not in entry.rivals]
    return " ".join([*said, f"No answer here: {listed(lost)}."] if lost else said)


def _short(margin: float) -> str:
    """A margin in points with one decimal; 0 has no sign."""
    text = minus(f"{100 * margin:+.1f}")
    return "0.0" if text in {"+0.0", "−0.0"} else text


def _cell_words(cell: pd.Series) -> str:
    return (
        f"{points(cell['margin'], 2)} over {rival_title(cell['rival'])} on {source_title(cell['dataset'])}, "
        f"{GOAL_TITLES[cell['goal']]}"
    )
