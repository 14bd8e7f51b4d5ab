"""Baseline: how far apart the groups are under an ordinary model, before anything is repaired."""

import streamlit as st

from iffair_core.metrics import GOAL_METRIC
from iffair_core.telling import sentences
from iffair_core.telling.figures import calibration, rates_by_group, score_distribution, tradeoff
from pages.kit import text, widgets
from pages.parts import audit, baseline
from pages.session import state
from pages.shell import boot

boot.guard("baseline")
boot.title("baseline")
result, stale = widgets.need_result("baseline", meanwhile=widgets.with_rows(audit.panel))
evaluation, goal = result.baseline["test"], result.config.goal
reference_line, theme = state.choices().reference_line, widgets.theme()

with widgets.figures(stale):
    widgets.important(result)
    widgets.sentence(sentences.baseline_sentence(result))
    widgets.numbers(baseline.cards(result))
    page = st.grid(3, min_column_width=280, gap="medium")
    with page.cell(column_span=2):
        with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
            baseline.heading("Rates by group", f"{text.count(evaluation.n)} test rows, 95 % intervals")
            baseline.pick_reference_line(GOAL_METRIC[goal])
        widgets.chart(rates_by_group(evaluation, theme, reference_line, goal=goal), "baseline_rates")
    with page.cell():
        baseline.heading("What a repair would change")
        if not result.has("curve"):
            st.skeleton(height=260)
        else:
            picture = tradeoff(result, theme, reference_line=reference_line, compact=True)
            widgets.chart(picture, "baseline_tradeoff")
        boot.link("compare", "Compare the trade-offs")

    judged, rules = baseline.scored(result), baseline.rules(result)
    widgets.tabs(
        "baseline_tab",
        {
            "All metrics": lambda: baseline.metric_tables(result),
            "Intersections": widgets.with_rows(lambda: baseline.crossed(result, theme)),
            "Scores": lambda: widgets.chart(
                score_distribution(*judged, theme, threshold=result.threshold, **rules), "baseline_scores"
            ),
            "Calibration": lambda: widgets.chart(calibration(*judged, theme, **rules), "baseline_calibration"),
            "Without a model": widgets.with_rows(audit.panel),
        },
    )
    widgets.notes("To know about this table and this study", result.warnings)
