"""Influence: which training rows cause the gap, how sure that is, and what each of them would change."""

import streamlit as st

from iffair_core.telling import causes, sentences
from iffair_core.telling.figures import influence_scatter
from pages.kit import widgets
from pages.kit.text import plain
from pages.parts import influence
from pages.parts.causes import cells, cohorts, collect, conflicts
from pages.shell import boot

boot.guard("influence")
boot.title("influence")
result, stale = widgets.need_result("influence")
theme = widgets.theme()

with widgets.figures(stale):
    influence.fidelity_line(result)
    widgets.sentence(sentences.influence_sentence(result))
    st.caption(plain(causes.other_measure(result)))
    widgets.numbers(influence.cards(result))
    if result.smallest_group is not None:
        influence.by_cohort(result, theme)
        st.stop()
    event = widgets.chart(influence_scatter(result, theme), "influence_map", on_select="rerun")
    st.caption("Draw a box or a lasso, or click a point, to see only those rows in the ledger; double-click to clear.")
    only = influence.rows_in_selection(event, result)

    widgets.tabs(
        "influence_tab",
        {
            "Ledger of rows": lambda: influence.explorer(result, cohorts.opened(result) if only is None else only),
            "Cohorts": widgets.with_rows(lambda: cohorts.ledger(result)),
            "Between goals": widgets.with_rows(lambda: conflicts.between_goals(result)),
            "What to collect": widgets.with_rows(lambda: collect.next_rows(result)),
            "By group and outcome": lambda: cells.by_group_and_outcome(result, theme),
            "Proof by refits": lambda: influence.proven(result, theme),
        },
    )
