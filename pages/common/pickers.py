"""The controls of the Data page: table, outcome, groups, reference group, features. Each writes one choice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from iffair_core.data.task import ResolvedTask
from iffair_core.data.values import is_number, suggest_bins, value_label
from iffair_core.errors import IFFairError, shorten
from iffair_core.models import MODELS
from pages.common import errors, state
from pages.common.choices import EXAMPLE, UPLOAD, Choices, parse_cuts, variants_of
from pages.common.text import count, plain, value
from pages.common.words import MODEL_TITLES, word

MANY_VALUES = 12
_PANEL = "source_panel"
_FILE = "upload"
_UPLOAD_ERROR = "upload_error"
_CUTS_ERROR = "cuts_error"
_SUGGESTED = ""
_SOURCES = {EXAMPLE: "Synthetic example", UPLOAD: "Your own file"}


def short(name: str) -> str:
    """A name as an option of a widget."""
    return shorten(name, 50)


# ---------------------------------------------------------------------------------------------------------- table


def pick_source() -> None:
    """Example or own file. An upload that cannot be read changes nothing."""
    if _PANEL not in st.session_state:
        st.session_state[_PANEL] = state.choices().source
    st.segmented_control(
        "Table", list(_SOURCES), format_func=_SOURCES.__getitem__, key=_PANEL, required=True, on_change=_panel_changed
    )
    if st.session_state[_PANEL] == EXAMPLE:
        current = state.table()
        assert current is not None
        st.caption(plain(state.description(current.source)))
        return
    st.file_uploader(
        "CSV or Parquet, with a header line",
        key=_FILE,
        on_change=_take_upload,
        help="The table stays in this session. It is not stored, and nothing is sent to another machine.",
    )
    error = st.session_state.get(_UPLOAD_ERROR)
    if error is not None:
        kept = state.table()
        errors.show(error, "The file was not taken")
        if kept is not None:
            st.caption(f"Still shown: {value(kept.name)}, with your choices.")
    elif state.lost_choices():
        st.warning(plain(" ".join(state.lost_choices()[:3])) + " Your other choices are kept.", icon=":material/rule:")


def _panel_changed() -> None:
    st.session_state.pop(_UPLOAD_ERROR, None)
    if st.session_state[_PANEL] == EXAMPLE:
        state.use_source(EXAMPLE)
    elif state.uploaded() is not None:
        state.use_source(UPLOAD)


def _take_upload() -> None:
    file = st.session_state[_FILE]
    st.session_state.pop(_UPLOAD_ERROR, None)
    if file is None:
        return
    try:
        state.adopt_upload(file, file.name)
    except Exception as error:
        st.session_state[_UPLOAD_ERROR] = errors.noted(error)


# --------------------------------------------------------------------------------------------------------- outcome


def pick_outcome() -> None:
    """The outcome's column, then which of its values is good for the person."""
    current, chosen = state.table(), state.choices()
    assert current is not None
    st.selectbox(
        "Outcome",
        current.columns,
        index=None,
        format_func=short,
        placeholder="Which column is predicted?",
        help=word("outcome"),
        **state.control(
            "target",
            shown=lambda name: name if name in current.columns else None,
            apply=lambda name: state.set_choices(state.choices().with_target(name)),
        ),
    )
    if chosen.target is None:
        return
    values = state.labels(chosen.target)
    st.selectbox(
        "Favorable value",
        values,
        index=None,
        format_func=short,
        placeholder="Which result is good for the person?",
        help=word("favorable value"),
        **state.control("favorable", shown=lambda label: label if label in values else None),
    )


# ---------------------------------------------------------------------------------------------------------- groups


def pick_groups() -> None:
    """The sensitive attributes, and cut points for those that are numbers."""
    current, chosen = state.table(), state.choices()
    assert current is not None
    options = [name for name in current.columns if name != chosen.target]
    st.multiselect(
        "Sensitive attribute",
        options,
        format_func=short,
        placeholder="Which groups are compared? Several are crossed",
        help=word("sensitive attribute"),
        **state.control(
            "sensitive",
            shown=lambda names: [name for name in names if name in options],
            apply=lambda names: state.set_choices(state.choices().with_sensitive(names, _suggestions(names))),
        ),
    )
    for name in chosen.sensitive:
        if name in current.columns and is_number(current.column(name)) and len(state.labels(name)) > 2:
            _pick_cuts(name)


def _suggestions(names: Sequence[str]) -> dict[str, tuple[float, ...]]:
    current = state.table()
    assert current is not None
    return {name: suggest_bins(current.column(name)) for name in names if len(state.labels(name)) > MANY_VALUES}


def _pick_cuts(name: str) -> None:
    key = f"cuts_{name}"
    problems: dict[str, str] = st.session_state.setdefault(_CUTS_ERROR, {})
    if name not in problems:
        cuts = state.choices().bins.get(name, ())
        st.session_state[key] = ", ".join(value_label(cut) for cut in cuts)
    st.text_input(
        f"Cut {value(name)} at",
        key=key,
        on_change=_take_cuts,
        args=(name, key),
        placeholder="no cuts: each value is a group",
        help="Rising numbers, as 25, 60: that gives the groups < 25, 25 to < 60, >= 60. "
        "Leave it empty for one group per value.",
    )
    if name in problems:
        st.error(plain(problems[name]), icon=":material/error:")


def _take_cuts(name: str, key: str) -> None:
    problems: dict[str, str] = st.session_state[_CUTS_ERROR]
    problems.pop(name, None)
    try:
        cuts = parse_cuts(st.session_state[key])
    except ValueError:
        problems[name] = "These cut points are not rising numbers. Write them as 25, 60; the earlier ones are kept."
        return
    bins = {other: kept for other, kept in state.choices().bins.items() if other != name}
    state.update(bins={**bins, name: cuts} if cuts else bins, reference=None)


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
            taken=lambda group: None if group == _SUGGESTED else group,
        ),
    )
    st.caption(f"{value(found.reference)}: {plain(found.reference_reason)}.")


# -------------------------------------------------------------------------------------------------------- features


def pick_features(found: ResolvedTask | None) -> None:
    """Which columns the model may use, whether the sensitive ones are among them, and the seed of the split."""
    current, chosen = state.table(), state.choices()
    assert current is not None
    st.toggle(
        "The model sees the sensitive attribute",
        help="Off: groups are compared, but membership is no feature. Other columns may still give it away. "
        "On: the model can treat groups differently by name, which may be unlawful where you are.",
        **state.control("use_sensitive_as_feature"),
    )
    options = [name for name in current.columns if name not in (chosen.target, *chosen.sensitive)]
    st.multiselect(
        "Columns left out",
        options,
        format_func=short,
        placeholder="none",
        help="Columns that the model must not use, such as identifiers or what is known only after the decision.",
        **state.control("drop", shown=lambda names: [name for name in names if name in options], taken=tuple),
    )
    if found is not None:
        st.caption(f"{count(len(found.feature_columns))} columns are features.")
    st.segmented_control(
        "Model",
        MODELS,
        format_func=MODEL_TITLES.__getitem__,
        required=True,
        help=word("model"),
        **state.control("model", apply=_take_model),
    )
    st.number_input("Seed", min_value=0, max_value=2**32 - 1, step=1, help=word("seed"), **state.control("seed"))


def _take_model(model: str) -> None:
    """Another model; the variant that only one of them has gives way."""
    variant = state.choices().variant
    state.update(model=model, variant=variant if variant in variants_of(model) else Choices.variant)


def resolve_for_screen() -> tuple[ResolvedTask | None, IFFairError | None]:
    """The task checked against the table, or what does not fit."""
    try:
        return state.resolved(), None
    except IFFairError as error:
        return None, error


def role_of(name: Any) -> str:
    """What a column is used for under the current choices."""
    chosen = state.choices()
    if name == chosen.target:
        return "outcome"
    if name in chosen.sensitive:
        return "sensitive, feature" if chosen.use_sensitive_as_feature else "sensitive"
    return "left out" if name in chosen.drop else "feature"
