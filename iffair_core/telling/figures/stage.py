"""A picture as a hall reads it: the same figure with larger type, marks and lines."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import plotly.graph_objects as go

from iffair_core.telling.figures.common import Picture


def enlarged(picture: Picture, factor: float) -> Picture:
    """The picture with all sizes times `factor` and no size of its own, so that it fills the place it is drawn in."""
    drawn = _enlarged(picture.figure.to_dict(), factor)
    drawn["layout"] |= {"height": None, "width": None, "autosize": True}
    return replace(picture, figure=go.Figure(drawn))


_SIZES = ("size", "width", "ticklen", "thickness", "standoff", "xshift", "yshift", "ax", "ay", "l", "r", "t", "b")
"""Properties that count pixels in the figures that are enlarged."""


def _enlarged(value: Any, factor: float) -> Any:
    if isinstance(value, dict):
        return {
            name: factor * one
            if name in _SIZES and isinstance(one, int | float) and not isinstance(one, bool)
            else _enlarged(one, factor)
            for name, one in value.items()
        }
    if isinstance(value, list | tuple):
        return [_enlarged(one, factor) for one in value]
    return value
