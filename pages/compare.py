"""Compare: the whole curve between fairness and utility, beside other methods, and the point to take from it."""

import streamlit as st

from iffair_core.telling import sentences
from iffair_core.telling.figures import metrics_along_strength, tradeoff
from pages.kit import widgets
from pages.parts.compare import other_models, over_seeds, points_table
from pages.parts.scenarios import held, listing, saving
from pages.session import state, study_runs
from pages.shell import boot

boot.guard("compare")
boot.title("compare")


def without_a_study() -> None:
    """What can be compared while there is no study: what was saved."""
    held.show()
    st.subheader("Scenarios", anchor=False)
    listing.show()


result, stale = widgets.need_result("curve", without_a_study)
theme = widgets.theme()
points_table.controls(result)
chosen = state.choices()
axes = (chosen.utility_axis, chosen.disparity_axis or result.curve.metric)

with widgets.figures(stale):
    widgets.important(result)
    widgets.sentence(sentences.compare_sentence(result, chosen.split))
    saving.control(result, stale=bool(stale))
    picture = tradeoff(
        result,
        theme,
        x=axes[0],
        y=axes[1],
        split=chosen.split,
        intervals=chosen.intervals,
        reference_line=chosen.reference_line,
    )
    widgets.chart(picture, "tradeoff", on_select=points_table.take_from_picture, selection_mode=("points",))

    widgets.tabs(
        "compare_tab",
        {
            "All points": lambda: points_table.points(result, chosen.split, axes),
            "Other methods": lambda: points_table.rivals(result, chosen.split, axes),
            "Over seeds": widgets.with_rows(lambda: over_seeds.show(result, chosen.split, axes, stale=bool(stale))),
            "Other models": widgets.with_rows(lambda: other_models.show(result, chosen.split, axes, stale=bool(stale))),
            "Scenarios": lambda: listing.show(result),
        },
    )
    st.subheader("Every metric along strength", anchor=False)
    widgets.chart(metrics_along_strength(result, theme, chosen.split), "metrics_along_strength")
if not stale:
    study_runs.measure_points()
