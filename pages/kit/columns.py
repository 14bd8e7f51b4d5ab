"""Columns of tables on the screen, as Streamlit draws them."""

from __future__ import annotations

from typing import Any

import streamlit as st

from iffair_core.telling.figures.common import PERCENT_METRICS
from pages.kit.words import metric_title, word

text, number = st.column_config.TextColumn, st.column_config.NumberColumn
PERCENT = "%.1f %%"
POINTS = "%+.1f"
VALUE = "%.3f"
COUNT = "localized"


def with_ends(
    name: str,
    title: str,
    unit: str,
    help: str | None = None,
    *,
    ends: tuple[str, str] | None = None,
    about: str | None = None,
) -> dict[str, Any]:
    """A number and its 95 % interval beside it, which stands under its name with "low" and "high", or as `ends` say.

    `about`: what the help says of the interval.
    """
    low, high = ends or (f"{name} low", f"{name} high")
    return {
        name: number(title, format=unit, help=help),
        low: number("95 % from", format=unit, help=about),
        high: number("to", format=unit),
    }


def metric_unit(name: str) -> str:
    """How a metric is written."""
    return PERCENT if name in PERCENT_METRICS else VALUE


def metric(name: str) -> dict[str, Any]:
    """A metric of a model and its interval."""
    return with_ends(name, metric_title(name), metric_unit(name), word(name), about=word("interval"))
