"""Reweight: which weights close the gap, what that costs, and which group pays."""

import streamlit as st

from iffair_core import explain, tables
from iffair_core.figures import before_after, weights_by_group, who_pays
from pages.common import boot, cohorts, repair, repair_tables, running, smallest, text, widgets

boot.guard("reweight")
boot.title("reweight")
if running.order() is not None:
    repair.controls()
result, stale = widgets.need_result("curve", "after", "difference")
theme = widgets.theme()

with widgets.figures(stale):
    repair.warnings(result)
    widgets.sentence(explain.repair_sentence(result))
    for sentence in (explain.also_sentence(result), explain.pinned_sentence(result)):
        if sentence:
            st.markdown(text.plain(sentence))
    widgets.numbers(repair_tables.numbers(result))
    left, right = widgets.halves()
    with left:
        widgets.chart(before_after(result, theme), "before_after")
    with right:
        widgets.chart(weights_by_group(result, theme), "weights_by_group")

    st.subheader("Who pays", anchor=False)
    st.markdown(text.plain(explain.pays_sentence(result)))
    widgets.chart(who_pays(result, theme), "who_pays")
    rates, turned, weights, everything = st.tabs(
        ["Rates per group", "Decisions that turn", "Weights by group and outcome", "Every metric"],
        on_change="rerun",
        key="reweight_tab",
    )
    if rates.open:
        with rates:
            repair_tables.rates(result)
    if turned.open:
        with turned:
            repair_tables.turned(result)
    if weights.open:
        with weights:
            repair_tables.weights(result)
    if everything.open:
        with everything:
            repair_tables.everything(result)
    if not stale:
        if result.smallest_group is None:
            widgets.csv_download(
                tables.weights_frame(result),
                "weights.csv",
                label="Download the weights (row_id, weight)",
                key="weights_csv",
            )
        else:
            cohorts.no_rows(result, "The weights are told by group and outcome, in the tab above and its file.")
if not stale:
    smallest.show(result)
    running.measure_points()
