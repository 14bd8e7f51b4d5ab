"""Influence: which training rows cause the gap, how sure that is, and what each of them would change."""

import streamlit as st

from iffair_core import explain
from iffair_core.figures import influence_distribution, influence_scatter, proof
from pages.common import boot, ledger, widgets

boot.guard("influence")
boot.title("influence")
result, stale = widgets.need_result("goal", "removal", "leverage")
theme = widgets.theme()

with widgets.figures(stale):
    ledger.fidelity_line(result)
    widgets.sentence(explain.influence_sentence(result))
    widgets.numbers(ledger.cards(result))
    if result.smallest_group is not None:
        ledger.by_cohort(result, theme)
        st.stop()
    event = widgets.chart(influence_scatter(result, theme), "influence_map", on_select="rerun")
    st.caption("Draw a box or a lasso, or click a point, to see only those rows in the ledger; double-click to clear.")
    only = ledger.rows_in_selection(event, result)

    rows, cells, proven = st.tabs(
        ["Ledger of rows", "By group and outcome", "Proof by refits"], on_change="rerun", key="influence_tab"
    )
    if rows.open:
        with rows:
            ledger.explorer(result, only)
    if cells.open:
        with cells:
            widgets.chart(influence_distribution(result, theme), "influence_cells")
    if proven.open:
        with proven:
            if result.fidelity is None:
                ledger.fidelity_line(result)
            else:
                widgets.chart(proof(result.fidelity, theme), "influence_proof")
