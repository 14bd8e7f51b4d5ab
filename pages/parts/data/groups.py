"""The sensitive attributes and their groups: numbers cut, values taken together, and the group to compare with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from iffair_core.data.date_groups import YEARS
from iffair_core.data.groups import cut_groups, suggested_cuts
from iffair_core.data.resolving import ResolvedTask
from iffair_core.data.suggestions import suggested_attributes
from iffair_core.data.task_options import Bins, quantiles
from iffair_core.errors import TaskError, shorten
from iffair_core.reading.values import MISSING, is_number, value_label
from iffair_core.wording import count_text
from pages.kit import cohort_mode
from pages.kit.text import count, listed, plain, short, value
from pages.kit.words import word
from pages.parts.data.outcome import MANY_VALUES, suggest
from pages.session import state
from pages.session.memory import remembered
from pages.session.settings import Cuts

MOST_QUANTILES = 10
_CUTS_ERROR = "cuts_error"
_POOL_ERROR = "pool_error"
_SUGGESTED = ""
_KEPT = "The earlier ones are kept."
_WAYS = {"cuts": "Cuts", "quantiles": "Equal parts", "values": "Each value", "years": "Each year"}


def pick_groups(found: ResolvedTask | None) -> None:
    """The sensitive attributes, and how the values of each make groups."""
    current, chosen = state.open_table(), state.choices()
    options = [name for name in current.columns if name != chosen.target]
    st.multiselect(
        "Sensitive attribute",
        options,
        format_func=short,
        placeholder="Which groups are compared?",
        help=word("sensitive attribute"),
        **state.control(
            "sensitive",
            shown=lambda names: [name for name in names if name in options],
            apply=_take_attributes,
        ),
    )
    if not chosen.sensitive:
        suggest(suggested_attributes, "sensitive", lambda name: _take_attributes([name]))
    for name in chosen.sensitive:
        if name not in current.columns:
            continue
        if len(state.labels(name)) > 2 and (_has_dates(name) or is_number(state.column(name))):
            _pick_way(name, found)
        _pick_pools(name, found)
        if name not in chosen.bins and cohort_mode.smallest() is None:
            absent = state.label_counts(name).get(MISSING, 0)
            if absent and not any(MISSING in held for held in chosen.pool.get(name, {}).values()):
                st.caption(f"{count(absent)} rows without {value(name)} are a group of their own, {plain(MISSING)}.")


def _take_attributes(names: Sequence[str]) -> None:
    state.set_choices(state.choices().with_sensitive(names, _suggestions(names)))


def _suggestions(names: Sequence[str]) -> dict[str, tuple[float, ...]]:
    return {name: _suggested_cuts(state.frame_key(), name) for name in names if len(state.labels(name)) > MANY_VALUES}


@remembered(keep=16)
def _suggested_cuts(key: tuple[object, ...], name: str) -> tuple[float, ...]:
    return suggested_cuts(state.column(name))


def _has_dates(name: str) -> bool:
    return not is_number(state.column(name)) and bool(_suggested_cuts(state.frame_key(), name))


# ------------------------------------------------------------------------------------------------------------ numbers


def _pick_way(name: str, found: ResolvedTask | None) -> None:
    cuts = state.choices().bins.get(name)
    parts = None if cuts is None else quantiles(cuts)
    way = "values" if cuts is None else "years" if cuts == YEARS else "cuts" if parts is None else "quantiles"
    st.segmented_control(
        f"Groups of {value(name)}",
        [one for one in _WAYS if one != "years" or way == "years" or _has_dates(name)],
        format_func=_WAYS.__getitem__,
        required=True,
        **state.bound(f"cuts_way_{name}", way, lambda chosen: _take_way(name, chosen)),
    )
    if parts is not None:
        _pick_parts(name, parts, found)
    elif way == "cuts" or name in st.session_state.get(_CUTS_ERROR, {}):
        _pick_cuts(name)


def _take_way(name: str, way: str) -> None:
    st.session_state.get(_CUTS_ERROR, {}).pop(name, None)
    ways: dict[str, Cuts] = {"quantiles": "quantiles:4", "values": (), "years": YEARS}
    _set_cuts(name, ways[way] if way in ways else _suggested_cuts(state.frame_key(), name))


def _set_cuts(name: str, cuts: Cuts) -> None:
    chosen = state.choices()
    bins = {other: kept for other, kept in {**chosen.bins, name: cuts}.items() if kept}
    pool = {other: kept for other, kept in chosen.pool.items() if other != name}
    state.update(bins=bins, pool=pool, reference=None)


def _pick_parts(name: str, parts: int, found: ResolvedTask | None) -> None:
    st.number_input(
        f"Equal parts of {value(name)}",
        min_value=2,
        max_value=max(MOST_QUANTILES, parts),
        step=1,
        **state.bound(f"cuts_parts_{name}", parts, lambda chosen: _set_cuts(name, f"quantiles:{chosen}")),
        help="Groups of about as many rows each. Where many rows share a value there may be fewer of them.",
    )
    if found is not None and name in found.bins:
        st.caption(f"Cut at {plain(listed([value_label(cut) for cut in found.bins[name]]))}.")


def _pick_cuts(name: str) -> None:
    key = f"cuts_{name}"
    problems: dict[str, str] = st.session_state.setdefault(_CUTS_ERROR, {})
    if name not in problems:
        cuts = state.choices().bins.get(name, ())
        st.session_state[key] = cuts if isinstance(cuts, str) else ", ".join(value_label(cut) for cut in cuts)
    dated = _has_dates(name)
    st.text_input(
        f"Cut {value(name)} at",
        key=key,
        on_change=state.here(lambda: _take_cuts(name, key)),
        placeholder="no cuts: each value is a group",
        help="Years or days, as 1970, 1985-07-01, or ages on a day, as age 25, 60 at 2024-12-31. "
        "Leave it empty for one group per value."
        if dated
        else "Rising numbers, as 25, 60: that gives the groups < 25, 25 to < 60, >= 60. "
        "Leave it empty for one group per value.",
    )
    if name in problems:
        st.error(plain(problems[name]), icon=":material/error:")


def _take_cuts(name: str, key: str) -> None:
    problems: dict[str, str] = st.session_state[_CUTS_ERROR]
    problems.pop(name, None)
    try:
        cuts = Bins().value(st.session_state[key].strip())
        if cuts:
            cut_groups(name, state.column(name), cuts)
    except (ValueError, TaskError) as error:
        told = str(error) if isinstance(error, TaskError) else ""
        problems[name] = f"{told or 'These cut points are not rising numbers. Write them as 25, 60.'} {_KEPT}"
        return
    _set_cuts(name, cuts)


# -------------------------------------------------------------------------------------------------------------- pools


def _label_counts(name: str, found: ResolvedTask | None) -> dict[str, int]:
    """How many rows have each value of a sensitive column, or fall into each of its bins."""
    cuts = state.choices().bins.get(name)
    if cuts is None:
        return state.label_counts(name)
    # Cut points in force are those of the rows in use.
    points = found.bins.get(name, ()) if found is not None and quantiles(cuts) else cuts
    return _binned(state.frame_key(), name, points) if points else {}


@remembered(keep=16)
def _binned(key: tuple[object, ...], name: str, points: Cuts) -> dict[str, int]:
    try:
        _, (codes, labels) = cut_groups(name, state.column(name), points)
    except TaskError:
        return {}  # `resolve` says so on the screen
    rows = np.bincount(codes, minlength=len(labels)).tolist()
    return {label: size for label, size in zip(labels, rows, strict=True) if size}


def _pick_pools(name: str, found: ResolvedTask | None) -> None:
    pools = state.choices().pool.get(name, {})
    counts = cohort_mode.told_counts(_label_counts(name, found))
    if len(counts) < 3 and not pools:
        return
    for new, held in pools.items():
        st.button(
            f"{short(new)}: {shorten(', '.join(held), 60)}".replace("[", "(").replace("]", ")"),
            key=f"pool_off_{name}_{new}",
            icon=":material/close:",
            help=f"Take {value(new)} apart again.",
            on_click=lambda new=new: _set_pool(name, new, ()),
        )
    with st.expander(f"Take values of {value(name)} together", type="compact", key=f"pool_panel_{name}"):
        values, title = f"pool_values_{name}", f"pool_name_{name}"
        st.multiselect(
            f"Values of {value(name)}",
            list(counts),
            format_func=lambda label: f"{short(label)} ({count_text(counts[label])})",
            key=values,
            placeholder="Which values make one group?",
        )
        st.text_input("Name of the group", key=title, placeholder="other", max_chars=60)
        problem = st.session_state.get(_POOL_ERROR, {}).get(name)
        if problem:
            st.error(plain(problem), icon=":material/error:")
        taken = (name, values, title, tuple(counts))
        st.button("Take together", key=f"pool_on_{name}", on_click=_take_pool, args=taken)


def _take_pool(name: str, values: str, title: str, labels: Sequence[str]) -> None:
    problems: dict[str, str] = st.session_state.setdefault(_POOL_ERROR, {})
    problems.pop(name, None)
    chosen, new = st.session_state[values], value_label(st.session_state[title] or "other")
    taken = set(labels) - set(chosen)
    if not chosen:
        problems[name] = "No value is chosen. Choose those that make one group."
    elif new in taken and new != MISSING:
        problems[name] = f"'{shorten(new)}' is another value of the column. Choose it too, or give another name."
    else:
        _set_pool(name, new, chosen)
        st.session_state[values], st.session_state[title] = [], ""


def _set_pool(name: str, new: str, values: Sequence[str]) -> None:
    state.set_choices(state.choices().with_pool(name, new, values))


# ---------------------------------------------------------------------------------------------------------- reference


def pick_reference(found: ResolvedTask | None) -> None:
    """The group that others are compared with; the suggestion says why."""
    if found is None:
        return
    st.selectbox(
        "Reference group",
        [_SUGGESTED, *found.groups],
        format_func=lambda group: "As suggested" if group == _SUGGESTED else short(group),
        help=word("reference group"),
        **state.control(
            "reference",
            shown=lambda group: group if group in found.groups else _SUGGESTED,
            taken=lambda group: group if group in found.groups else None,
        ),
    )
    st.caption(f"{value(found.reference)}: {plain(found.reference_reason)}.")
    if found.task.exclude and found.task.reference is None:
        before = state.reference_of_all_rows()
        if before not in (None, found.reference):
            told = f"Leaving rows out changed the suggestion: with all rows it is {value(before)}."
            st.info(told, icon=":material/sync_alt:")
