"""Influence: which training rows cause the gap, how sure that is, and what each of them would change."""

import streamlit as st

from iffair_core.telling import sentences
from iffair_core.telling.figures import influence_distribution, influence_scatter, proof
from pages.kit import widgets
from pages.parts import influence
from pages.parts.causes import cohorts, collect, conflicts
from pages.shell import boot

boot.guard("influence")
boot.title("influence")
result, stale = widgets.need_result("influence")
theme = widgets.theme()

with widgets.figures(stale):
    influence.fidelity_line(result)
    widgets.sentence(sentences.influence_sentence(result))
    widgets.numbers(influence.cards(result))
    if result.smallest_group is not None:
        influence.by_cohort(result, theme)
        st.stop()
    event = widgets.chart(influence_scatter(result, theme), "influence_map", on_select="rerun")
    st.caption("Draw a box or a lasso, or click a point, to see only those rows in the ledger; double-click to clear.")
    only = influence.rows_in_selection(event, result)

    rows, together, goals, further, cells, proven = st.tabs(
        ["Ledger of rows", "Cohorts", "Between goals", "What to collect", "By group and outcome", "Proof by refits"],
        on_change="rerun",
        key="influence_tab",
    )
    if rows.open:
        with rows:
            influence.explorer(result, cohorts.opened(result) if only is None else only)
    if together.open:
        with together:
            cohorts.ledger(result)
    if goals.open:
        with goals:
            conflicts.between_goals(result)
    if further.open:
        with further:
            collect.next_rows(result)
    if cells.open:
        with cells:
            widgets.chart(influence_distribution(result, theme), "influence_cells")
    if proven.open:
        with proven:
            if not result.has("fidelity"):
                influence.fidelity_line(result)
            else:
                widgets.chart(proof(result.fidelity, theme), "influence_proof")
