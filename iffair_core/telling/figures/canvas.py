"""Panels on which a figure is drawn as plain dicts, validated once at the end.

plotly's own `make_subplots` and `add_*` validate piece by piece, which took 80 to 450 ms for our figures; a page
redraws one whenever the strength slider moves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go

from iffair_core.telling.figures.common import Palette, Props, Theme, template

PANEL: Props = {"xref": "x domain", "yref": "y domain"}
"""Coordinates from 0 to 1 within a panel."""


class Canvas:
    """A grid of panels, the first row on top. Positions count from 1; `row` and `col` name the panel drawn on.

    `widths`, `heights`: relative sizes of columns and rows; `gaps`: space between columns and between rows, as shares
    of the whole. `share_x`, `share_y`: panels of a column (row) have one horizontal (vertical) axis, labeled once.
    """

    def __init__(
        self,
        rows: int = 1,
        cols: int = 1,
        *,
        widths: Sequence[float] | None = None,
        heights: Sequence[float] | None = None,
        gaps: tuple[float, float] = (0.05, 0.05),
        share_x: bool = False,
        share_y: bool = False,
    ) -> None:
        self.rows, self.cols = rows, cols
        self.traces: list[Props] = []
        self.annotations: list[Props] = []
        self.shapes: list[Props] = []
        self.axes: dict[str, Props] = {}
        across = _divide(cols, widths, gaps[0])
        down = [(1 - end, 1 - start) for start, end in _divide(rows, heights, gaps[1])]
        for row in range(1, rows + 1):
            for col in range(1, cols + 1):
                number = self._number(row, col)
                x: Props = {"domain": across[col - 1], "anchor": f"y{number}"}
                y: Props = {"domain": down[row - 1], "anchor": f"x{number}"}
                if share_x and row < rows:
                    x |= {"matches": f"x{self._number(rows, col)}", "showticklabels": False}
                if share_y and col > 1:
                    y |= {"matches": f"y{self._number(row, 1)}", "showticklabels": False}
                self.axes[f"xaxis{number}"], self.axes[f"yaxis{number}"] = x, y

    def _number(self, row: int, col: int) -> str:
        number = (row - 1) * self.cols + col
        return "" if number == 1 else str(number)

    def add(self, kind: str, *, row: int = 1, col: int = 1, **props: Any) -> None:
        """A trace of plotly type `kind` ("scatter", "bar", ...)."""
        number = self._number(row, col)
        self.traces.append({"type": kind, "xaxis": f"x{number}", "yaxis": f"y{number}", **props})

    def scatter(self, **props: Any) -> None:
        self.add("scatter", **props)

    def annotate(self, *, row: int = 1, col: int = 1, **props: Any) -> None:
        """A text; `xref` and `yref` are "x domain", "y domain" (of the panel), "paper", or the panel's axes."""
        self.annotations.append(self._placed(props, row, col))

    def note(self, text: str, y: float, colors: Palette, *, row: int = 1, col: int = 1) -> None:
        """A small text at the left edge of a panel, in place of a number that is not there."""
        where: Props = {"x": 0, "xref": "x domain", "xanchor": "left", "y": y}
        self.annotate(text=text, **where, font=colors.small, row=row, col=col)

    def shape(self, *, row: int = 1, col: int = 1, **props: Any) -> None:
        """A shape, placed like an annotation."""
        self.shapes.append(self._placed(props, row, col))

    def _placed(self, props: Props, row: int, col: int) -> Props:
        number = self._number(row, col)
        refs = {}
        for letter in ("x", "y"):
            asked = props.get(f"{letter}ref", letter)
            refs[f"{letter}ref"] = asked if asked == "paper" else asked.replace(letter, f"{letter}{number}", 1)
        return props | refs

    def upright(self, x: float, line: Mapping[str, Any], *, row: int = 1, col: int = 1) -> None:
        """A vertical line through the panel."""
        self.shape(type="line", x0=x, x1=x, y0=0, y1=1, yref="y domain", line=dict(line), row=row, col=col)

    def level(self, y: float, line: Mapping[str, Any], *, row: int = 1, col: int = 1) -> None:
        """A horizontal line through the panel."""
        self.shape(type="line", y0=y, y1=y, x0=0, x1=1, xref="x domain", line=dict(line), row=row, col=col)

    def diagonal(self, low: float, high: float, line: Props, name: str, **props: Any) -> None:
        """The line on which x and y are the same, without a hover text."""
        ends = [low, high]
        self.scatter(x=ends, y=ends, mode="lines", line=line, hoverinfo="skip", name=name, **props)

    def x_axis(self, *, row: int | None = None, col: int | None = None, **props: Any) -> None:
        """Properties of the horizontal axis of a panel, or of all panels."""
        self._axis("xaxis", row, col, props)

    def y_axis(self, *, row: int | None = None, col: int | None = None, **props: Any) -> None:
        """Properties of the vertical axis of a panel, or of all panels."""
        self._axis("yaxis", row, col, props)

    def _axis(self, name: str, row: int | None, col: int | None, props: Props) -> None:
        for r in range(1, self.rows + 1) if row is None else (row,):
            for c in range(1, self.cols + 1) if col is None else (col,):
                self.axes[f"{name}{self._number(r, c)}"].update(props)

    def rows_axis(self, labels: Sequence[str], *, color: str, row: int = 1, col: int = 1) -> None:
        """A vertical axis of named rows, the first on top, at positions 0, 1, ...; `labels` are already safe."""
        ticks: Props = {"tickmode": "array", "tickvals": list(range(len(labels))), "ticktext": list(labels)}
        look: Props = {"range": [len(labels) - 0.4, -0.6], "tickfont": {"size": 12, "color": color}, "showgrid": False}
        self.y_axis(**ticks, **look, row=row, col=col)

    def title(self, text: str, color: str, *, row: int = 1, col: int = 1) -> None:
        """A small title above a panel, at its left edge."""
        place: Props = {"x": 0, "y": 1, "xanchor": "left", "yanchor": "bottom", "yshift": 3, "row": row, "col": col}
        self.annotate(text=text, align="left", **PANEL, **place, font={"size": 12, "color": color})

    def good_corner(self, colors: Palette, *, words: bool = True) -> None:
        """Shade the corner right and down, where a trade-off is better, and say so in words."""
        corner = "M 1 0 L 0.62 0 Q 0.72 0.32 1 0.46 Z"
        self.shape(type="path", path=corner, **PANEL, fillcolor=colors.shade, line_width=0, layer="below")
        if words:
            place: Props = {"x": 1, "y": 0, "xanchor": "right", "yanchor": "bottom", "xshift": -6, "yshift": 4}
            self.annotate(text="better ↘", **PANEL, **place, font={"color": colors.accent, "size": 12})

    def finish(self, theme: Theme, *, height: int, **layout: Any) -> go.Figure:
        """The figure, in the theme's template: nothing of plotly's own look is left."""
        drawn = {"annotations": self.annotations, "shapes": self.shapes}
        made = {**self.axes, "template": template(theme), "height": height, **drawn, **layout}
        return go.Figure({"data": self.traces, "layout": made})


def _divide(count: int, sizes: Sequence[float] | None, gap: float) -> list[tuple[float, float]]:
    """Start and end of `count` stretches of [0, 1] with `gap` between them."""
    shares = [1.0] * count if sizes is None else list(sizes)
    room = (1 - gap * (count - 1)) / sum(shares)
    ends, start = [], 0.0
    for share in shares:
        ends.append((start, min(1.0, start + share * room)))
        start += share * room + gap
    return ends
