"""Baseline: how far apart the groups are under an ordinary model, before anything is repaired."""

import streamlit as st

from iffair_core.metrics import GOAL_METRIC
from iffair_core.telling import sentences, tables
from iffair_core.telling.figures import calibration, heatmap, rates_by_group, score_distribution, tradeoff
from pages.kit import text, widgets
from pages.parts import audit, baseline
from pages.session import state
from pages.shell import boot

boot.guard("baseline")
boot.title("baseline")
result, stale = widgets.need_result("baseline", meanwhile=audit.panel)
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

    metrics, crossed, scores, calibrated, recorded = st.tabs(
        ["All metrics", "Intersections", "Scores", "Calibration", "Without a model"],
        on_change="rerun",
        key="baseline_tab",
    )
    if metrics.open:
        with metrics:
            baseline.metric_tables(result)
    if crossed.open:
        with crossed:
            current = state.table()
            assert current is not None
            column, rate = baseline.pick_crossing(result)
            if column is None:
                st.info("There is no column to cross the groups with: all have a single value or too many.")
            else:
                cells = tables.intersections(result, state.frame(), column, rate)
                widgets.chart(heatmap(cells, theme, level_title=column, rate=rate), "baseline_crossed")
    judged, own, rules = baseline.scored(result), baseline.row_weights(result), baseline.rules(result)
    if scores.open:
        with scores:
            widgets.chart(
                score_distribution(*judged, theme, weights=own, threshold=result.threshold, **rules), "baseline_scores"
            )
    if calibrated.open:
        with calibrated:
            widgets.chart(calibration(*judged, theme, weights=own, **rules), "baseline_calibration")
    if recorded.open:
        with recorded:
            audit.panel()
    widgets.notes("To know about this table and this study", result.warnings)
