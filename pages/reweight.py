"""Reweight: which weights close the gap, what that costs, and which group pays."""

from functools import partial

import streamlit as st

from iffair_core.telling import sentences, tables
from iffair_core.telling.figures import before_after, weights_by_group, who_pays
from pages.kit import cohort_mode, text, widgets
from pages.parts.reweight import outcomes, repair, smallest_fix, stage
from pages.parts.scenarios import held, saving
from pages.session import study_runs
from pages.shell import boot

boot.guard("reweight")
if (shown := stage.result_for_stage()) is not None:
    stage.show(shown)
    st.stop()
boot.title("reweight")
if study_runs.order() is not None:
    repair.controls()
result, stale = widgets.need_result("curve", held.show)
theme = widgets.theme()

with widgets.figures(stale):
    repair.warnings(result)
    widgets.important(result)
    widgets.sentence(sentences.repair_sentence(result))
    for sentence in sentences.beside_repair(result):
        st.markdown(text.plain(sentence))
    with st.container(horizontal=True, gap="small"):
        saving.control(result, stale=bool(stale))
        if not stale:
            stage.offer()
    widgets.numbers(outcomes.numbers(result))
    # The browser shows what is said while all pictures are built; it would do nothing else while it draws one.
    pictures = [build(result, theme) for build in (before_after, weights_by_group, who_pays)]
    left, right = widgets.halves()
    with left:
        widgets.chart(pictures[0], "before_after")
    with right:
        widgets.chart(pictures[1], "weights_by_group")

    st.subheader("Who pays", anchor=False)
    st.markdown(text.plain(sentences.pays_sentence(result)))
    widgets.chart(pictures[2], "who_pays")
    widgets.tabs("reweight_tab", {title: partial(draw, result) for title, draw in outcomes.TABLES.items()})
    if not stale:
        if result.smallest_group is None:
            weights = tables.weights_frame(result)
            with st.container(horizontal=True, gap="small"):
                said = "Download the weights (row_id, weight)"
                widgets.csv_download(weights, "weights.csv", label=said, key="weights_csv")
                widgets.parquet_download(weights, "weights.parquet", key="weights_parquet")
        else:
            cohort_mode.no_rows(result, "The weights are told by group and outcome, in the tab above and its file.")
if not stale:
    smallest_fix.show(result)
    study_runs.measure_points()
