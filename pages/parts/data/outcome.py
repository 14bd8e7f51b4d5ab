"""The outcome and what is favorable about it: a value, several against the rest, or a side of a threshold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st

from iffair_core.data.groups import cut_points
from iffair_core.data.suggestions import suggested_outcomes
from iffair_core.errors import TaskError
from iffair_core.reading.values import as_numbers, bin_codes, is_number, quantile_cuts, value_label
from iffair_core.study.disclosure import told_ends
from iffair_core.telling.figures import threshold_histogram
from pages.kit import cohort_mode, widgets
from pages.kit.text import count, short, value
from pages.kit.words import word
from pages.session import state
from pages.session.settings import UPLOAD, Choices

MANY_VALUES = 12
STEPS = 200
_WAY = "favorable_way"
_WAYS = {"threshold": "Side of a threshold", "values": "Chosen values"}
_SIDES = {">=": "At least", "<": "Below"}


def pick_outcome() -> None:
    """The outcome's column, then what of it is good for the person."""
    current, chosen = state.open_table(), state.choices()
    st.selectbox(
        "Outcome",
        current.columns,
        index=None,
        format_func=short,
        placeholder="Which column is predicted?",
        help=word("outcome"),
        **state.control("target", shown=lambda name: name if name in current.columns else None, apply=_take_target),
    )
    target = chosen.target
    if target is None or target not in current.columns:
        suggest(suggested_outcomes, "target", _take_target)
        return
    values = state.labels(target)
    if len(values) <= 2:
        _pick_value(values)
        return
    numeric = is_number(state.column(target))
    if numeric:
        _pick_way(chosen)
    if numeric and target in chosen.bins:
        _pick_side(chosen, target)
    else:
        _pick_values(values)


def suggest(among: Callable[[pd.DataFrame], Sequence[str]], choice: str, take: Callable[[str], None]) -> None:
    """Columns of an upload that may be meant, by name and shape: one click takes one, none is taken by itself."""
    current = state.table()
    names = among(state.columns_frame()) if current is not None and current.source == UPLOAD else ()
    if not names:
        return
    with st.container(horizontal=True, gap="small"):
        for name in names:
            st.button(
                f"Use {value(name)}",
                key=f"suggest_{choice}_{current.fingerprint[:12]}_{name}" if current is not None else None,
                icon=":material/lightbulb:",
                on_click=take,
                args=(name,),
                help="Suggested by its name and its values.",
            )


def _take_target(name: str | None) -> None:
    state.set_choices(state.choices().with_target(name))
    if name is not None and is_number(state.column(name)) and len(state.labels(name)) > MANY_VALUES:
        _take_way("threshold")


def _pick_value(values: tuple[str, ...]) -> None:
    st.selectbox(
        "Favorable value",
        values,
        index=None,
        format_func=short,
        placeholder="Which result is good for the person?",
        help=word("favorable value"),
        **state.control(
            "favorable",
            shown=lambda label: label if label in values else None,
            taken=lambda label: label if label in values else None,
        ),
    )


def _pick_values(values: tuple[str, ...]) -> None:
    st.multiselect(
        "Favorable values, against the rest",
        values,
        format_func=short,
        placeholder="Which results are good for the person?",
        help=word("favorable value"),
        **state.control(
            "favorable",
            key="favorable_values",
            shown=lambda chosen: [one for one in state.choices().favorable_values if one in values],
            taken=lambda labels: tuple(one for one in labels if one in values),
        ),
    )
    rest = [one for one in values if one not in state.choices().favorable_values]
    if state.choices().favorable is not None:
        st.caption(f"The rest: {value(', '.join(map(short, rest[:6])), 160)}{' …' if len(rest) > 6 else ''}")


# --------------------------------------------------------------------------------------------------------- threshold


def _pick_way(chosen: Choices) -> None:
    st.segmented_control(
        "Favorable is",
        list(_WAYS),
        format_func=_WAYS.__getitem__,
        required=True,
        **state.bound(_WAY, "threshold" if chosen.target in chosen.bins else "values", _take_way),
        help="A number is cut at a threshold, or single values of it are favorable.",
    )


def _take_way(way: str) -> None:
    chosen = state.choices()
    assert chosen.target is not None
    bins = {name: cuts for name, cuts in chosen.bins.items() if name != chosen.target}
    if way == "threshold":
        bins[chosen.target] = quantile_cuts(state.column(chosen.target), 2)[:1]
    state.update(bins=bins, favorable=None)


def _pick_side(chosen: Choices, target: str) -> None:
    try:
        points = cut_points(target, state.column(target), chosen.bins[target])
    except TaskError:
        return  # `resolve` says so on the screen
    if len(points) != 1:
        # A link or a remedy may cut an outcome more than once.
        _pick_values(bin_codes(np.zeros(0), points)[1][:-1])
        return
    values = as_numbers(state.column(target))
    known = values[np.isfinite(values)]
    smallest = cohort_mode.smallest()
    # In cohort-only mode the ends of the scale, and of the picture, would be one person's.
    known = np.clip(known, *told_ends(known, smallest))
    low, high, step = _scale(known)
    cut = points[0]
    side = _side_of(chosen)
    st.segmented_control(
        "Which side is good for the person?",
        list(_SIDES),
        format_func=lambda sign: f"{_SIDES[sign]} {value_label(cut)}",
        help=word("favorable value"),
        **state.bound(f"threshold_side_{target}", side, lambda taken: _take_threshold(target, cut, taken)),
    )
    number = int if isinstance(step, int) else float
    shown = min(max(number(cut), low), high)
    st.slider(
        f"Threshold of {value(target)}",
        low,
        high,
        step=step,
        **state.bound(f"threshold_slider_{target}", shown, lambda taken: _take_threshold(target, taken, side)),
    )
    picture = threshold_histogram(
        known, cut, widgets.theme(), name=target, at_least=None if side is None else side == ">=", smallest=smallest
    )
    widgets.chart(picture, "threshold_histogram")
    st.number_input(
        "Threshold, exactly",
        format="%.10g",
        step=float(step),
        **state.bound(f"threshold_exact_{target}", float(cut), lambda taken: _take_threshold(target, taken, side)),
        help="The threshold itself belongs to the upper side."
        + (f" {count(len(known))} rows have a number." if smallest is None else ""),
    )


def _side_of(chosen: Choices) -> str | None:
    favorable = chosen.favorable
    if not isinstance(favorable, str):
        return None
    return next((sign for sign in _SIDES if favorable.startswith(f"{sign} ")), None)


def _take_threshold(target: str, cut: float, side: str | None) -> None:
    points = (float(cut),)
    below, above = bin_codes(np.zeros(0), points)[1][:2]
    favorable = None if side is None else above if side == ">=" else below
    chosen = state.choices()
    state.set_choices(replace(chosen, bins={**chosen.bins, target: points}, favorable=favorable))


def _scale(known: np.ndarray) -> tuple[float, float, float]:
    """(smallest, largest, step) of a slider over the values: whole numbers where they are."""
    low, high = float(known.min()), float(known.max())
    if bool(np.all(known == np.round(known))) and high - low < 2**53:
        return int(low), int(high), max(1, round((high - low) / STEPS / 10)) if high - low > 10 * STEPS else 1
    exponent = np.floor(np.log10((high - low) / STEPS))
    return low, high, float(10.0**exponent)
