"""The Compare page's tab on other models: which ones, refitted with the weights on the screen, and what survives."""

from __future__ import annotations

from typing import Any

import streamlit as st

from iffair_core.study.classifiers import TRANSFER_MODELS, transfer_model
from iffair_core.study.results import StudyResult
from iffair_core.telling import sentences, tables
from iffair_core.telling.figures import transfers
from iffair_core.telling.figures.common import PERCENT_METRICS
from pages.kit import columns, errors, widgets
from pages.kit.text import listed, plain
from pages.kit.words import metric_title, word
from pages.session import state, study_runs

KEPT_HELP = (
    "How much the goal's disparity falls in this model, as a share of how much it falls in the study's own model on "
    "the same rows. 100 %: as much; 0 %: not at all; below: it grew. Empty where the study's own does not fall."
)


def show(result: StudyResult, split: str, axes: tuple[str, str], *, stale: bool) -> None:
    """Choose models, refit them in the background, and see each without and with the weights."""
    _controls(result, stale=stale)
    if not result.transfers:
        if not state.choices().transfer:
            st.caption(
                "The weights were computed on one model. Choose others, which are then fitted twice on the same rows: "
                "without and with these weights."
            )
        return
    st.markdown(f"**{plain(sentences.transfer_sentence(result, split))}**")
    widgets.chart(transfers(result, widgets.theme(), split, x=axes[0], y=axes[1]), "transfers")
    _table(result, split, (axes[1], axes[0]))


def _controls(result: StudyResult, *, stale: bool) -> None:
    chosen = state.choices().transfer
    missing = [name for name in chosen if name not in {one.name for one in result.transfers}]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="transfer_controls"):
        st.multiselect(
            "Other models",
            tuple(TRANSFER_MODELS),
            format_func=lambda name: transfer_model(name).title,
            placeholder="Choose models that take row weights",
            help="  \n".join(f"**{one.title}**: {one.note}" for one in TRANSFER_MODELS.values()),
            width=560,
            **state.control("transfer", shown=list, taken=tuple),
        )
        now = study_runs.status()
        st.button(
            "Refit with these weights",
            key="refit_others",
            icon=":material/model_training:",
            on_click=study_runs.refit_others,
            disabled=stale or not missing or now.job is not None,
        )
    if missing:
        told = listed([transfer_model(name).title for name in missing])
        refitting = now.job is not None and now.job.kind == "other models"
        st.caption(
            f"{'Being refitted' if refitting else 'Not refitted yet'} with the weights of strength "
            f"{result.strength:g}: {told}."
        )
    error = study_runs.others_error()
    if error is not None:
        errors.show(error, "Not every model could be refitted")


def _table(result: StudyResult, split: str, metrics: tuple[str, str]) -> None:
    frame = tables.transfer_table(result, split, metrics)
    shown: dict[str, Any] = {"model": columns.text("Model", pinned=True)}
    for name in metrics:
        unit = columns.metric_unit(name)
        for when in ("before", "after", "change"):
            title, about = f"{metric_title(name)} {when}", word("interval")
            shown |= columns.with_ends(f"{name} {when}", title, unit, word(name), about=about)
        signed = unit.replace("%", "%+", 1)
        shown[f"{name} change"] = columns.number(f"{metric_title(name)} change", format=signed, help=word(name))
    shown["kept"] = columns.number("Survives", format="%.0f %%", help=KEPT_HELP)
    shown["seconds"] = columns.number("Seconds", format="%.1f", help="For both fits.")
    shown["notes"] = columns.text("Notes", width="large")
    in_percent = tuple(name for name in metrics if name in PERCENT_METRICS)
    widgets.table(
        frame,
        "transfer_points",
        alt=f"Other models without and with the weights on {split} rows, with intervals",
        columns=shown,
        file_name="other_models.csv",
        percent=["kept", *(name for name in map(str, frame) if name.startswith(in_percent))],
        placeholder="",
    )
