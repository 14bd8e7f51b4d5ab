"""What every figure shares: the picture type, palette, template, number formats and label placement."""

from __future__ import annotations

import html
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from iffair_core import wording
from iffair_core.data.encoding import Dataset
from iffair_core.errors import ConfigError, shorten
from iffair_core.metrics import DISPARITIES, METRICS, UTILITIES
from iffair_core.wording import missing, number, percent

Theme = Literal["light", "dark"]
Values = Sequence[float] | np.ndarray
Props = dict[str, Any]

FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'
MAX_POINTS = 20_000
WEBGL_ABOVE = 2_000
OUTCOMES = ("other outcome", "favorable")

# Okabe-Ito without black (the ink) and with gray kept for the reference group. The strongest on white come first.
OKABE_ITO = ("#0072B2", "#E69F00", "#CC79A7", "#009E73", "#56B4E9", "#D55E00", "#F0E442")
# Diamond and star are taken (baseline, chosen), the circle is the reference group's. Eight symbols against seven
# colors: 56 different pairs before one repeats, and a task has at most 50 groups.
GROUP_SYMBOLS = ("square", "triangle-up", "cross", "triangle-down", "pentagon", "x", "hexagram", "bowtie")

_RIVAL_SHAPES = "square triangle-up cross triangle-down pentagon x hexagon2 hourglass bowtie"
RIVAL_SYMBOLS = [f"{shape}-open" for shape in _RIVAL_SHAPES.split()]
ROOM_FOR_RIVALS = 0.5
"""How far beyond our own points, as a share of their extent, a rival that is worse may stretch the picture."""

METRIC_TITLES = {name: wording.heading(wording.metric_title(name)) for name in METRICS}
RATE_TITLES = {name: wording.heading(title) for name, title in wording.RATE_TITLES.items()}
PERCENT_METRICS = frozenset(name for name, metric in METRICS.items() if metric.percent)
HIGHER_IS_BETTER = frozenset(name for name, metric in METRICS.items() if metric.higher_is_better)
SIGNS = {name: 1.0 if metric.higher_is_better else -1.0 for name, metric in METRICS.items()}


@dataclass(frozen=True, eq=False)
class Picture:
    """A figure with what stands in for it: `alt` in words, `table` the numbers behind it, `caption` what to add."""

    figure: go.Figure
    alt: str
    table: pd.DataFrame
    caption: str = ""


@dataclass(frozen=True)
class Palette:
    """Colors of one theme that are not a group's. `scale` is for markers, `tint` for fills that carry text in `ink`."""

    ink: str
    muted: str
    grid: str
    line: str
    reference: str
    accent: str
    page: str
    shade: str
    scale: tuple[tuple[float, str], ...]
    tint: tuple[tuple[float, str], ...]

    @property
    def small(self) -> Props:
        """The font of notes beside what is drawn."""
        return {"size": 11, "color": self.muted}


def _palette(plain: str, shade: str, scale: str, tint: str) -> Palette:
    low, middle, high, pale, full = *scale.split(), *tint.split()
    names = ("ink", "muted", "grid", "line", "reference", "accent", "page")
    named: Props = dict(zip(names, plain.split(), strict=True))
    return Palette(
        **named, shade=shade, scale=((0.0, low), (0.5, middle), (1.0, high)), tint=((0.0, pale), (1.0, full))
    )


PALETTES: dict[str, Palette] = {
    "light": _palette(
        "#1b1f27 #5b6270 #e7e9ee #c3c8d1 #858b96 #5b3fa8 #ffffff",
        "rgba(91,63,168,0.07)",
        "#d5cdf0 #8f78cf #37207a",
        "#f4f1fc #a38cde",
    ),
    "dark": _palette(
        "#e9ebf0 #a6adba #2b303a #4b5260 #9299a6 #b9a8f4 #0e1117",
        "rgba(185,168,244,0.10)",
        "#4a3d80 #8f78d8 #e6dffc",
        "#1c1835 #7057c2",
    ),
}


def palette(theme: Theme) -> Palette:
    """The palette of `theme`; ConfigError where there is none of that name."""
    if theme not in PALETTES:
        raise ConfigError(f"Theme {shorten(theme)!r} is not known. Use one of: {', '.join(PALETTES)}.")
    return PALETTES[theme]


@dataclass(frozen=True)
class GroupStyle:
    """Color and marker symbol of one group, the same in every figure; `label` is safe inside a plotly text."""

    name: str
    label: str
    color: str
    symbol: str


def group_styles(groups: Sequence[str], reference: str, theme: Theme) -> dict[str, GroupStyle]:
    """One style per group, by its place in `groups`; the reference group is a gray circle."""
    styles = {}
    others = [group for group in groups if group != reference]
    for place, group in enumerate(others):
        color, symbol = OKABE_ITO[place % len(OKABE_ITO)], GROUP_SYMBOLS[place % len(GROUP_SYMBOLS)]
        styles[group] = GroupStyle(group, label(group), color, symbol)
    gray = palette(theme).reference
    return {group: styles.get(group, GroupStyle(group, label(group), gray, "circle")) for group in groups}


def legend_name(style: GroupStyle, reference: str) -> str:
    """The group's name in a legend, which says who is the reference."""
    return f"{style.label} (reference)" if style.name == reference else style.label


def stroke(color: str, width: float = 1, dash: str = "solid") -> Props:
    """How a line is drawn."""
    return {"color": color, "width": width} | ({} if dash == "solid" else {"dash": dash})


def mark(symbol: str, size: float, color: str, edge: str | None = None, width: float = 1) -> Props:
    """How a point is drawn, with an outline of color `edge`."""
    return {"symbol": symbol, "size": size, "color": color} | ({} if edge is None else {"line": stroke(edge, width)})


def solid_marker(style: GroupStyle, colors: Palette, size: float = 11) -> Props:
    """A group's marker with a thin outline, which keeps pale colors visible on a light page."""
    return mark(style.symbol, size, style.color, colors.ink, 0.8) | {"opacity": 1}


def label(text: object, limit: int = 32) -> str:
    """`text` from the file, shortened, as plotly shows it literally: no markup, no hover field is read from it."""
    return html.escape(shorten(text, limit), quote=False).replace("%{", "%&#123;")


def metrics_from(first: str) -> list[str]:
    """Every disparity and utility, `first` before the others."""
    return [first, *(metric for metric in (*DISPARITIES, *UTILITIES) if metric != first)]


def metric_text(metric: str, value: float | None) -> str:
    """A metric's value as it is printed: accuracies in percent, the others with three significant digits."""
    return percent(value) if metric in PERCENT_METRICS else number(value)


def as_float(value: float | None, factor: float = 1.0) -> float:
    """`value * factor`, NaN where it is not estimable, so that plotly leaves a gap."""
    return float("nan") if value is None else float(value) * factor


def factor(metric: str) -> float:
    """100 for metrics drawn in percent, else 1."""
    return 100.0 if metric in PERCENT_METRICS else 1.0


def short_title(metric: str) -> str:
    """A metric's title, and its direction, without the longest word: several stand side by side on a narrow screen."""
    words = METRIC_TITLES[metric].removesuffix(" difference").replace("Average absolute", "Mean")
    words = words.replace("Demographic parity ratio", "Parity ratio")
    return f"{words} {'↑' if metric in HIGHER_IS_BETTER else '↓'}"


def require_split(split: str, known: Collection[str]) -> None:
    """ConfigError for a part of the rows that was not measured."""
    if split not in known:
        raise ConfigError(f"There is no split {shorten(split)!r} here. Use one of: {', '.join(known)}.")


def far_away(table: pd.DataFrame, ours: pd.Series, signs: Mapping[str, float]) -> pd.Series:
    """Which rivals are so much worse than all of our points that showing them would squeeze these together.

    `signs`: of each metric drawn, 1 where higher is better, -1 where lower is.
    """
    away = pd.Series(False, index=table.index)
    for metric, sign in signs.items():
        values = sign * table[metric]
        low, high = values[ours].min(), values[ours].max()
        away |= values < low - ROOM_FOR_RIVALS * (high - low)
    return away & ~ours


def rival_mark(place: int, colors: Palette, size: float = 12) -> Props:
    """The hollow marker of the rival at this place."""
    return mark(RIVAL_SYMBOLS[place % len(RIVAL_SYMBOLS)], size, colors.ink) | {"line": {"width": 2}}


def axis_title(metric: str) -> str:
    """Quantity, unit and direction."""
    unit = " (%)" if metric in PERCENT_METRICS else ""
    return f"{METRIC_TITLES[metric]}{unit}, {'higher' if metric in HIGHER_IS_BETTER else 'lower'} is better"


@cache
def template(theme: Theme) -> go.layout.Template:
    """The look of every figure: transparent paper, system font, light gridlines, the palette's colors."""
    colors = palette(theme)
    axis: Props = {"ticks": "", "showline": False, "zeroline": False, "automargin": True, "separatethousands": True}
    axis |= {"gridcolor": colors.grid, "linecolor": colors.line, "zerolinecolor": colors.line, "zerolinewidth": 1}
    axis |= {"tickfont": {"size": 12, "color": colors.muted}}
    axis |= {"title": {"font": {"size": 13, "color": colors.muted}, "standoff": 8}}
    legend: Props = {"orientation": "h", "x": 0, "y": 1.0, "xanchor": "left", "yanchor": "bottom", "itemwidth": 44}
    legend |= {"font": {"size": 12, "color": colors.ink}, "bgcolor": "rgba(0,0,0,0)", "itemsizing": "constant"}
    hover_font = {"family": FONT, "size": 12, "color": colors.ink}
    return go.layout.Template(
        layout={
            "font": {"family": FONT, "size": 13, "color": colors.ink},
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "colorway": list(OKABE_ITO),
            "colorscale": {"sequential": [list(stop) for stop in colors.scale]},
            "xaxis": axis,
            "yaxis": axis,
            "separators": ".,",
            "margin": {"l": 8, "r": 16, "t": 16, "b": 8, "pad": 2},
            "hoverlabel": {
                "font": hover_font,
                "bgcolor": colors.page,
                "bordercolor": colors.line,
                "align": "left",
            },
            "legend": legend,
            "annotationdefaults": {"font": {"size": 12, "color": colors.muted}, "showarrow": False},
            "modebar": {"bgcolor": colors.page, "color": colors.muted, "activecolor": colors.accent},
            "barcornerradius": 2,
        }
    )


def legend_for(entries: int) -> dict[str, Any]:
    """A legend above the plot, or at its right where there are too many entries for a line or two."""
    if entries <= 16:
        return {}
    return {"orientation": "v", "x": 1.02, "y": 1.0, "xanchor": "left", "yanchor": "top"}


def legend_room(entries: int) -> int:
    """Pixels that the second and further lines of a legend above the plot take."""
    return 20 * (-(-entries // 4) - 1) if 4 < entries <= 16 else 0


def rgba(color: str, opacity: float) -> str:
    """`#rrggbb` with an opacity."""
    red, green, blue = (int(color[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:g})"


def padded(values: Values, share: float = 0.08, floor: float = 1e-9) -> tuple[float, float]:
    """Range of the finite `values` with room on both sides; (0, 1) where there is none."""
    finite = np.asarray(values, dtype=float)
    finite = finite[np.isfinite(finite)]
    if finite.size == 0:
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    room = max((high - low) * share, floor, 1e-9 * max(abs(low), abs(high)))
    return low - room, high + room


def rows_height(count: int, *, each: int = 34, extra: int = 70, least: int = 150) -> int:
    """Pixels for `count` rows; rows get thinner when there are many."""
    return max(least, extra + count * (each if count <= 12 else 22))


def interval_bars(values: Values, lows: Values, highs: Values, color: str, width: int = 4) -> Props:
    """Plotly error bars from interval ends; a NaN end draws nothing."""
    middle, low, high = (np.asarray(one, dtype=float) for one in (values, lows, highs))
    ends = {"array": np.clip(high - middle, 0, None), "arrayminus": np.clip(middle - low, 0, None)}
    return {"type": "data", "symmetric": False, "thickness": 1.4, "width": width, "color": color} | ends


@dataclass(frozen=True)
class Cell:
    """One group x outcome cell of some rows: its name, how it is drawn, and the positions of its `rows`."""

    group: str
    outcome: int
    name: str
    style: GroupStyle
    rows: np.ndarray

    @property
    def label(self) -> str:
        return f"{self.style.label}, {OUTCOMES[self.outcome]}"


def cells(data: Dataset, rows: np.ndarray, theme: Theme) -> list[Cell]:
    """The cells of `rows` (positions among the used rows) that are not empty, in the order they are drawn.

    `Cell.rows` are positions within `rows`.
    """
    styles = group_styles(data.groups, data.reference, theme)
    codes, outcomes = data.group_codes[rows], data.y[rows] > 0.5
    found = []
    for code, group in enumerate(data.groups):
        for outcome in (1, 0):
            members = np.flatnonzero((codes == code) & (outcomes == bool(outcome)))
            if members.size:
                found.append(Cell(group, outcome, f"{shorten(group, 40)}, {OUTCOMES[outcome]}", styles[group], members))
    return found


@dataclass(frozen=True)
class Spot:
    """A point that wants its name beside it."""

    x: float
    y: float
    text: str
    color: str


def place_labels(
    spots: Sequence[Spot],
    *,
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    obstacles: Sequence[tuple[float, float]] = (),
    size: tuple[float, float] = (760.0, 420.0),
    font: int = 12,
    background: str = "#ffffff",
) -> list[dict[str, Any]]:
    """Annotations that write each spot's text beside it.

    It goes where it covers least of the other texts, the spots and `obstacles`: greedy over a few distances and
    directions on an assumed plot of `size` pixels. A thin line leads back to the point when the free place is not next
    to it; such lines cross as few others, and pass as few spots, as can be. Ranges may run downwards (a reversed axis).
    """
    if not spots:
        return []
    width, height = size

    def pixels(x: float, y: float) -> tuple[float, float]:
        across = (x - x_range[0]) / (x_range[1] - x_range[0]) * width
        return across, height - (y - y_range[0]) / (y_range[1] - y_range[0]) * height

    points = np.array([pixels(spot.x, spot.y) for spot in spots] + [pixels(x, y) for x, y in obstacles])
    taken: list[tuple[float, float, float, float]] = []
    leaders: list[tuple[np.ndarray, np.ndarray]] = []
    own = points[: len(spots)]
    annotations = []
    for place, spot in enumerate(spots):
        px, py = points[place]
        wide, tall = 0.56 * font * len(html.unescape(spot.text)) + 6, 1.35 * font
        best: tuple[float, float, float, tuple[float, float, float, float]] | None = None
        for distance in (14.0, 26.0, 42.0, 62.0, 86.0):
            for angle in (0, 180, 90, 270, 45, 315, 135, 225):
                dx, dy = distance * math.cos(math.radians(angle)), -distance * math.sin(math.radians(angle))
                # The text grows away from the point: its near edge stands at the offset.
                left = px + dx + (0 if dx > 1 else -wide if dx < -1 else -wide / 2)
                box = (left, py + dy - tall / 2, left + wide, py + dy + tall / 2)
                cost = distance / 20
                cost += 40.0 * (box[0] < 0 or box[2] > width or box[1] < 0 or box[3] > height)
                near = (points[:, 0] > box[0] - 6) & (points[:, 0] < box[2] + 6)
                near &= (points[:, 1] > box[1] - 5) & (points[:, 1] < box[3] + 5)
                cost += 4.0 * float(near.sum())
                cost += sum(12.0 for b in taken if box[0] < b[2] and b[0] < box[2] and box[1] < b[3] and b[1] < box[3])
                start, end = points[place], points[place] + (dx, dy)
                cost += sum(6.0 for other in leaders if _cross(start, end, *other))
                cost += 6.0 * float(np.sum(_off_line(start, end, np.delete(own, place, axis=0)) < 7))
                if best is None or cost < best[0]:
                    best = (cost, dx, dy, box)
        assert best is not None
        _, dx, dy, box = best
        taken.append(box)
        leaders.append((points[place], points[place] + (dx, dy)))
        leader = rgba(spot.color, 0.7) if math.hypot(dx, dy) > 15 else "rgba(0,0,0,0)"
        side = "left" if dx > 1 else "right" if dx < -1 else "center"
        arrow: Props = {"showarrow": True, "arrowhead": 0, "arrowwidth": 0.8, "standoff": 6, "arrowcolor": leader}
        text: Props = {"text": spot.text, "font": {"size": font, "color": spot.color}, "bgcolor": rgba(background, 0.7)}
        text |= {"borderpad": 1, "captureevents": False, "xanchor": side, "yanchor": "middle"}
        annotations.append({"x": spot.x, "y": spot.y, "ax": dx, "ay": dy, **arrow, **text})
    return annotations


def _cross(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> bool:
    """Whether the segments a-b and c-d cross."""

    def side(p: np.ndarray, q: np.ndarray, r: np.ndarray) -> float:
        return float((q[0] - p[0]) * (r[1] - p[1]) - (q[1] - p[1]) * (r[0] - p[0]))

    return side(a, b, c) * side(a, b, d) < 0 and side(c, d, a) * side(c, d, b) < 0


def _off_line(a: np.ndarray, b: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Distance of each point (m, 2) from the segment a-b, (m,); infinite where it stands at `a` itself."""
    step, away = b - a, points - a
    share = np.clip(away @ step / (step @ step), 0.0, 1.0)
    distance = np.hypot(*(away - share[:, None] * step).T)
    return np.where(np.hypot(*away.T) < 1, np.inf, distance)


def spoken(parts: Sequence[tuple[str, float]], text: Callable[[float], str], limit: int = 8) -> str:
    """Named values as words; beyond `limit` of them only the highest and the lowest."""
    if len(parts) <= limit:
        return ", ".join(f"{shorten(name, 40)} {text(value)}" for name, value in parts)
    known = [part for part in parts if not missing(part[1])]
    if not known:
        return f"{len(parts)} groups, not estimable"
    top, low = max(known, key=lambda part: part[1]), min(known, key=lambda part: part[1])
    lost = f", {len(parts) - len(known)} not estimable" if len(known) < len(parts) else ""
    return (
        f"{len(parts)} groups, highest {shorten(top[0], 40)} {text(top[1])}, "
        f"lowest {shorten(low[0], 40)} {text(low[1])}{lost}"
    )


def long_frame(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    """Rows as a frame that has its columns even when it has no rows."""
    return pd.DataFrame(list(rows), columns=list(columns))
