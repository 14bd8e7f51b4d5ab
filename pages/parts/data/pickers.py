"""What the model may use: features, model and seed; and what every column is used for under the current choices."""

from __future__ import annotations

from typing import Any

import streamlit as st

from iffair_core.data.resolving import ResolvedTask
from iffair_core.errors import IFFairError
from iffair_core.metrics import THRESHOLD
from iffair_core.models import MODELS
from iffair_core.reading.types import NO_FEATURES
from iffair_core.study.config import BALANCED
from pages.kit.text import count, short
from pages.kit.words import MODEL_TITLES, word
from pages.session import state
from pages.session.settings import Choices, limits, variants_of


def pick_features(found: ResolvedTask | None) -> None:
    """Which columns the model may use, and whether the sensitive ones are among them."""
    current, chosen = state.open_table(), state.choices()
    st.toggle(
        "The model sees the sensitive attribute",
        help="Off: groups are compared, but membership is no feature. Other columns may still give it away. "
        "On: the model can treat groups differently by name, which may be unlawful where you are.",
        **state.control("use_sensitive_as_feature"),
    )
    options = [name for name in current.columns if name not in (chosen.target, *chosen.sensitive, *chosen.helpers)]
    shown = [*options, *(name for name in chosen.drop if name not in options)]
    st.multiselect(
        "Columns left out",
        shown,
        format_func=short,
        placeholder="none",
        help="Columns that the model must not use, such as identifiers or what is known only after the decision.",
        **state.control("drop", shown=list, taken=tuple),
    )
    if found is not None:
        kinds = types()
        unused = [name for name in found.feature_columns if kinds.get(name) in NO_FEATURES]
        more = f"; {count(len(unused))} of type date, identifier or text are not used" if unused else ""
        used = len(found.feature_columns) - len(unused)
        st.caption(f"{count(used)} {'column is a feature' if used == 1 else 'columns are features'}{more}.")


def pick_model() -> None:
    """The model that is trained, the threshold of its decisions, and the seed of the split."""
    st.segmented_control(
        "Model",
        list(MODELS),
        format_func=MODEL_TITLES.__getitem__,
        required=True,
        help=word("model"),
        **state.control("model", apply=_take_model),
    )
    thresholds = {THRESHOLD: f"{THRESHOLD:g}, as usual", BALANCED: "chosen on validation rows"}
    own = state.choices().threshold
    st.selectbox(
        "Threshold",
        [*thresholds, *([] if own in thresholds else [own])],
        format_func=lambda one: thresholds.get(one) or f"{one:g}",
        help=word("threshold"),
        **state.control("threshold"),
    )
    st.number_input("Seed", step=1, help=word("seed"), **limits("seed"), **state.control("seed"))


def _take_model(model: str) -> None:
    """Another model; the variant that only one of them has gives way."""
    variant = state.choices().variant
    state.update(model=model, variant=variant if variant in variants_of(model) else Choices.variant)


def types() -> dict[str, str]:
    """{column: its type}, as chosen or as seen."""
    summary = state.columns_frame()
    return dict(zip(summary["name"], summary["type"], strict=True))


def resolve_for_screen() -> tuple[ResolvedTask | None, IFFairError | None]:
    """The task checked against the table, or what does not fit."""
    misfit = state.type_misfit()
    if misfit is not None:
        return None, misfit
    try:
        return state.resolved(), None
    except IFFairError as error:
        return None, error


def role_of(name: Any, kind: str) -> str:
    """What a column of this type is used for under the current choices."""
    chosen = state.choices()
    helpers = {chosen.weights: "row weights", chosen.split_column: "parts", chosen.unit: "unit"}
    if name == chosen.target:
        return "outcome"
    if name in chosen.sensitive:
        return "sensitive, feature" if chosen.use_sensitive_as_feature else "sensitive"
    if name in helpers:
        return helpers[name]
    if name in chosen.drop:
        return "left out"
    return "not used" if kind in NO_FEATURES else "feature"
