"""The controls of a repair: goal, variant, strength and guard rails; each writes one choice.

Moving the strength chooses another point of the curve and needs no study. A new goal, variant or guard rail does, and
starts one by itself where the last took a few seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import streamlit as st

from iffair_core.errors import shorten
from iffair_core.metrics import GOALS
from iffair_core.path import MAX_STRENGTH
from iffair_core.reading.values import MISSING
from iffair_core.study.config import in_order, parse_rows
from iffair_core.study.results import StudyResult
from iffair_core.tradeoff import DEFAULT_BUDGET, STRENGTHS, Curve, on_grid
from pages.kit.text import listed, plain, short
from pages.kit.words import GOAL_HELP, GOAL_TITLES, VARIANT_TITLES, word
from pages.session import state, study_runs
from pages.session.settings import Choices, limits, variants_of

BY_ITSELF_SECONDS = 20
NAMED_PINS = 3
GRID = tuple(float(strength) for strength in STRENGTHS)
LABEL_PIXELS = 16
SLIDER_PIXELS = 450
_MOVES = "strength_moves"
RAILS = ("also", "max_weight", "min_effective_sample_size", "min_accuracy", "utility_budget", "pinned")
MANY_VALUES = 50
_ROWS_ERROR = "pinned_rows_error"


def controls() -> None:
    """Everything that decides a repair, in one row that wraps on a narrow screen."""
    with st.container(horizontal=True, vertical_alignment="top", gap="medium", key="repair_controls"):
        st.selectbox(
            "Goal",
            list(GOALS),
            format_func=GOAL_TITLES.__getitem__,
            help="  \n".join([word("goal"), *(f"**{GOAL_TITLES[goal]}**: {GOAL_HELP[goal]}" for goal in GOALS)]),
            width=190,
            **_studied("goal"),
        )
        st.selectbox(
            "Variant",
            variants_of(state.choices().model),
            format_func=VARIANT_TITLES.__getitem__,
            help=word("variant"),
            width=130,
            **_studied("variant"),
        )
        with st.container(width=SLIDER_PIXELS, gap="xsmall", key="strength_control"):
            _strength()
        with st.container(width="content", gap="xsmall", key="rails_control"):
            _guard_rails()


def warnings(result: StudyResult) -> None:
    """Why the strength that was asked for is not the one that is shown, if so."""
    for text in result.curve.warnings:
        st.warning(plain(text), icon=":material/block:")


def choose(strength: float | None) -> None:
    """Choose a point of the curve; None for the recommended one. Use it in a callback."""
    state.update(strength=strength)
    st.session_state[_MOVES] = st.session_state.get(_MOVES, 0) + 1


def strength_text(curve: Curve | None, strength: float) -> str:
    """A strength as the slider prints it: "0.5625, recommended", "1.25, infeasible"."""
    if curve is None:
        return f"{strength:g}"
    point = next((point for point in curve.points if point.strength == strength), None)
    notes = ["recommended"] if curve.points[curve.recommended].strength == strength else []
    notes += ["infeasible"] if point is not None and not point.feasible else []
    return ", ".join([f"{strength:g}", *notes])


def _studied(name: str, **convert: Any) -> dict[str, Any]:
    """Like `state.control`, and a new study follows."""
    taken = convert.pop("taken", lambda value: value)

    def apply(chosen: Any) -> None:
        state.update(**{name: chosen})
        study_if_quick()

    return state.control(name, taken=taken, apply=apply, **convert)


def study_if_quick() -> None:
    """Run the study of the new choices where an earlier one is on the screen and did not take long."""
    result, stale = study_runs.current_result()
    if stale and result is not None and sum(result.timing.values()) <= BY_ITSELF_SECONDS:
        study_runs.start()


def _curve() -> tuple[Curve | None, float | None]:
    """(curve, strength shown) of the current choices, as far as they are known."""
    result, stale = study_runs.current_result()
    chosen = state.choices().strength
    if result is None or stale or not result.has("curve"):
        return None, chosen
    return result.curve, result.strength if chosen is None else chosen


def _strength() -> None:
    curve, now = _curve()
    options = sorted({*GRID, *([] if now is None else [now])})
    if curve is None:
        st.select_slider(
            "Strength",
            options,
            now or 0.0,
            format_func=lambda strength: "recommended" if now is None else f"{strength:g}",
            key="strength_before_curve",
            help=word("strength"),
            disabled=True,
        )
        st.caption("It can be moved, and its feasible range is known, once the curve is there.")
        return
    st.select_slider(
        "Strength",
        options,
        format_func=lambda strength: strength_text(curve, strength),
        help=word("strength"),
        **state.control(
            "strength", shown=lambda strength: now if strength is None else strength, key=_slider_key(curve, options)
        ),
    )
    recommended = curve.points[curve.recommended].strength
    st.html(_marks(curve))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            f"Use recommended {recommended:g}",
            key="use_recommended",
            on_click=choose,
            args=(None,),
            disabled=state.choices().strength is None,
            help="Smallest disparity on validation rows within the utility budget; ties go to the smaller strength.",
        )
        st.caption(_feasible(curve), width="content")


def _slider_key(curve: Curve, options: list[float]) -> str:
    """One key for as long as only the slider itself moves its value.

    A browser that has not heard yet of a value set on the server would send the old one back as if it were chosen.
    """
    recommended = curve.points[curve.recommended].strength
    moves = st.session_state.get(_MOVES, 0)
    return f"choice_strength_{curve.goal}_{curve.variant}_{recommended:g}_{len(options)}_{moves}"


def _marks(curve: Curve) -> str:
    """A scale under the slider: a dot for every feasible strength, a cross where infeasible, a ring for recommended.

    The line of text beside it says the same, so it is hidden from screen readers.
    """
    marks = []
    for place, point in enumerate(point for point in curve.points if on_grid(point.strength)):
        ring = (
            "box-shadow:0 0 0 2.5px var(--st-primary-color, #7a62c9);"
            if point is curve.points[curve.recommended]
            else ""
        )
        sign = "&#8226;" if point.feasible else "&#215;"
        left = 100 * place / (len(GRID) - 1)
        marks.append(
            f'<span style="position:absolute;left:{left:.2f}%;transform:translateX(-50%);width:8px;height:8px;'
            f'line-height:8px;border-radius:50%;text-align:center;{ring}">{sign}</span>'
        )
    return (
        '<div aria-hidden="true" style="position:relative;height:10px;margin:0 6px;font-size:11px;opacity:0.75">'
        f"{''.join(marks)}</div>"
    )


def _feasible(curve: Curve) -> str:
    lost = [point.strength for point in curve.points if not point.feasible]
    kept = [point.strength for point in curve.points if point.feasible]
    if not lost:
        return f"Feasible: all of 0 to {MAX_STRENGTH:g}"
    if lost[0] > kept[-1]:
        if kept[-1] < curve.limit < lost[0]:
            return f"Feasible: 0 to {kept[-1]:g}; no weights within the guard rails reach beyond {curve.limit:.2f}"
        return f"Feasible: 0 to {kept[-1]:g}; beyond it is infeasible"
    return f"Infeasible: {', '.join(f'{strength:g}' for strength in lost)}"


def _guard_rails() -> None:
    chosen = state.choices()
    changed = [name for name in RAILS if getattr(chosen, name) != getattr(Choices, name)]
    st.space(LABEL_PIXELS)
    label = f"Guard rails ({len(changed)})" if changed else "Guard rails"
    told = "Limits that no repair may cross; in brackets, how many differ from the usual."
    with st.popover(label, icon=":material/tune:", help=told):
        st.multiselect(
            "Close these goals as well",
            [goal for goal in GOAL_TITLES if goal != chosen.goal],
            format_func=GOAL_TITLES.__getitem__,
            placeholder="the goal alone",
            help=word("goals closed as well"),
            **_studied(
                "also",
                shown=lambda goals: [goal for goal in goals if goal != chosen.goal],
                taken=lambda goals: tuple(goal for goal in GOAL_TITLES if goal in goals),
            ),
        )
        st.number_input(
            "Largest weight",
            step=0.5,
            help=word("largest weight"),
            **limits("max_weight"),
            **_studied("max_weight"),
        )
        st.number_input(
            "Smallest effective sample size (%)",
            step=5.0,
            format="%.0f",
            **limits("min_effective_sample_size", 100.0),
            help=f"{word('smallest effective sample size')} {word('effective sample size')}",
            **_studied("min_effective_sample_size", shown=_as_percent, taken=_as_share),
        )
        st.number_input(
            "Smallest accuracy (%)",
            step=1.0,
            format="%.1f",
            **limits("min_accuracy", 100.0),
            placeholder="no floor",
            help=word("smallest accuracy"),
            **_studied("min_accuracy", shown=_as_percent, taken=_as_share),
        )
        st.number_input(
            "Utility budget, points of accuracy",
            step=0.5,
            format="%.2f",
            **limits("utility_budget", 100.0),
            placeholder=f"{_as_percent(DEFAULT_BUDGET):g}, for the recommendation only",
            help=f"{word('utility budget')} Measured on validation rows against strength 0. Once set, a strength "
            "of your own is capped by it too.",
            **state.control("utility_budget", shown=_as_percent, taken=_as_share),
        )
        _pins()
        st.button("Back to the usual", key="usual_rails", on_click=_usual_rails, disabled=not changed)


def _pins() -> None:
    """Cohorts, one column at a time, and single rows that keep weight 1."""
    current, chosen = state.open_table(), state.choices()
    st.markdown("**Rows that keep weight 1**", help=word("pinned rows"))
    described = state.columns_frame()
    columns = [name for name, n in zip(current.columns, described["distinct"], strict=True) if 0 < n <= MANY_VALUES]
    if columns:
        sensitive = [place for place, name in enumerate(columns) if name in chosen.sensitive]
        column = st.selectbox(
            "Pin every row by its value of",
            columns,
            sensitive[0] if sensitive else 0,
            format_func=short,
            key="reweight_pin_column",
            help=f"Columns of at most {MANY_VALUES} different values.",
        )
        missing = [MISSING] if current.column(column).isna().any() else []
        counts = state.label_counts(column)
        fewest = chosen.smallest_group or 0
        pinnable = [label for label in (*state.labels(column), *missing) if counts.get(label, 0) >= fewest]
        cohorts = {f"{column}={label}": label for label in pinnable}
        st.multiselect(
            "Values",
            list(cohorts),
            format_func=lambda pin: short(cohorts.get(pin, pin)),
            placeholder="none pinned",
            **_studied(
                "pinned",
                shown=lambda pins: [pin for pin in pins if pin in cohorts],
                taken=lambda taken: in_order([*(pin for pin in state.choices().pinned if pin not in cohorts), *taken]),
                key=f"choice_pinned_{current.columns.index(column)}",
            ),
        )
    if chosen.smallest_group is None:
        _pin_rows()
    if chosen.pinned:
        st.caption(f"Pinned: {plain(listed(pin_texts(chosen.pinned)))}.")


def _pin_rows() -> None:
    st.text_input(
        "Single rows, by their numbers",
        placeholder="12, 405",
        help=word("row"),
        **_studied(
            "pinned",
            shown=lambda pins: ", ".join(str(pin) for pin in pins if isinstance(pin, int)),
            taken=_with_rows,
            key="choice_pinned_rows",
        ),
    )
    problem = st.session_state.pop(_ROWS_ERROR, None)
    if problem is not None:
        st.error(plain(problem), icon=":material/error:")


def _with_rows(text: str) -> tuple[int | str, ...]:
    """The pinned cohorts with the rows of `text`; the pins as they were, and an error to show, where it names none."""
    current, pinned = state.open_table(), state.choices().pinned
    try:
        rows = parse_rows(text)
    except ValueError:
        st.session_state[_ROWS_ERROR] = f"'{shorten(text)}' holds no row numbers. Write them as 12, 405."
        return pinned
    if rows and rows[-1] >= current.rows:
        last = current.rows - 1
        st.session_state[_ROWS_ERROR] = f"There is no row {rows[-1]}; the rows are 0 to {last}."
        return pinned
    return in_order([*(pin for pin in pinned if isinstance(pin, str)), *rows])


def pin_texts(pins: Sequence[int | str]) -> list[str]:
    """Pins as they are printed: each cohort, then the single rows or how many there are."""
    cohorts, rows = ([pin for pin in pins if isinstance(pin, kind)] for kind in (str, int))
    numbers = [f"row {pin}" for pin in rows] if len(rows) <= NAMED_PINS else [f"{len(rows):,} single rows"]
    return [*(shorten(pin, 60) for pin in cohorts), *numbers]


def pin_button(named: int | str, what: str, key: str, kind: Literal["secondary", "tertiary"] = "secondary") -> None:
    """A button that pins a row or cohort, or lets it go; the whole page follows, because the study does."""
    held = named in state.choices().pinned
    if st.button(
        f"{'Unpin' if held else 'Pin'} this {what}",
        key=key,
        icon=":material/keep_off:" if held else ":material/keep:",
        type=kind,
        on_click=pin_row,
        args=(named, not held),
        help=f"It keeps weight 1. {word('pinned rows')} A new study follows.",
    ):
        state.rerun()


def pin_row(row_id: int | str, pin: bool) -> None:
    """Pin a row, or a cohort by its conditions, or let it go. Use it in a callback."""
    others = [name for name in state.choices().pinned if name != row_id]
    state.update(pinned=in_order([*others, row_id] if pin else others))
    study_if_quick()


def _usual_rails() -> None:
    usual = {name: getattr(Choices, name) for name in RAILS}
    if replace(state.choices(), **usual) != state.choices():
        state.update(**usual)
        study_if_quick()


def _as_percent(share: float | None) -> float | None:
    return None if share is None else round(100 * share, 6)


def _as_share(percent: float | None) -> float | None:
    return None if percent is None else round(percent / 100, 8)
