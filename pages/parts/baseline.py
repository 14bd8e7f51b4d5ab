"""The Baseline page's parts: number cards, reference line, tables of metrics and rates, what to cross groups with."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from iffair_core import wording
from iffair_core.data.encoding import SPLITS
from iffair_core.errors import shorten
from iffair_core.metrics import GOAL_METRIC, GOAL_RATES
from iffair_core.study.results import StudyResult
from iffair_core.telling import tables
from iffair_core.telling.figures import heatmap
from iffair_core.telling.figures.common import RATE_TITLES, Theme
from iffair_core.wording import missing
from pages.kit import cohort_mode, preview, widgets
from pages.kit.text import number, percent, plain, value
from pages.kit.widgets import Number
from pages.kit.words import WORDS, metric_title, word
from pages.parts.data.pickers import short
from pages.session import state
from pages.session.settings import limits

MOST_LEVELS = 30
NAMES_THAT_FIT = 18


def heading(title: str, small: str = "") -> None:
    """The heading over a picture, with what it is drawn from in small type."""
    st.markdown(f"**{title}**" + (f" :small[:gray[{small}]]" if small else ""), width="content")


def cards(result: StudyResult, split: str = "test") -> list[Number]:
    """Accuracy, ROC AUC, the goal's disparity and the widest gap, each with its interval."""
    evaluation = result.baseline[split]
    metric = GOAL_METRIC[result.config.goal]
    found = [
        Number(
            "Accuracy",
            percent(evaluation.values["accuracy"]),
            _interval(evaluation.intervals["accuracy"], as_points=True),
            "accuracy",
        ),
        Number("ROC AUC", number(evaluation.values["roc_auc"]), _interval(evaluation.intervals["roc_auc"]), "roc_auc"),
        Number(
            metric_title(metric),
            number(evaluation.values[metric]),
            _interval(evaluation.intervals[metric]),
            help=f"{word(metric)} {WORDS['interval']} {WORDS['chance band']}",
        ),
    ]
    widest = tables.widest_gap(result, split)
    if widest is None:
        return [*found, Number("Widest gap", cohort_mode.placeholder(result), "too few rows", "gap")]
    rate, group, gap = widest
    named = f"{shorten(group, 16)} − {shorten(evaluation.reference, 16)}"
    return [
        *found,
        Number(
            f"Widest gap: {plain(named)}" if len(named) <= NAMES_THAT_FIT else "Widest gap",
            wording.points(gap.value),
            _interval((gap.low, gap.high), as_points=True),
            help=f"{plain(named)}. {RATE_TITLES[rate]}: {word(rate)} {WORDS['gap']}",
        ),
    ]


def _interval(bounds: tuple[float | None, float | None] | None, *, as_points: bool = False) -> str:
    return wording.span(bounds, as_points=as_points).strip("()") or wording.NOT_INFORMATIVE


def scored(result: StudyResult, split: str = "test") -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[str, ...], str]:
    """(scores, outcomes, group codes) of a split's rows, then group names and reference, as the figures take them."""
    data = result.dataset
    rows = data.part(SPLITS.index(split))
    return result.scores_before[rows], data.y[rows], data.group_codes[rows], data.groups, data.reference


def rules(result: StudyResult, split: str = "test") -> dict[str, Any]:
    """How pictures of scores count: the file's row weights; in cohort-only mode k, and groups to omit."""
    base, rates = result.base, result.baseline[split].rates
    weights = None if base is None else base[result.dataset.part(SPLITS.index(split))]
    hidden = [group for group, found in rates.items() if found["true_positive_rate"].count is None]
    return {"weights": weights, "smallest": result.smallest_group, "withheld": hidden}


def pick_reference_line(metric: str) -> None:
    """The line that the user draws for orientation; it is drawn wherever this disparity is."""
    with st.popover("Reference line", icon=":material/horizontal_rule:", type="tertiary"):
        st.number_input(
            f"Reference line for the {metric_title(metric).lower()}",
            **limits("reference_line"),
            value=None,
            step=0.01,
            format="%.2f",
            placeholder="none",
            help=word("reference line"),
            **state.control("reference_line"),
        )
        st.caption("Empty: no line is drawn. It is yours to choose; the product draws no conclusion from it.")


def metric_tables(result: StudyResult, split: str = "test") -> None:
    """Every metric with interval, chance band and AIF360 name; every rate with its signed gap, both ways round.

    Printed, not sortable: two dozen lines, and the machinery of sortable tables would delay the pictures above them.
    """
    reference = result.baseline[split].reference
    metrics = tables.metric_table(result, split)
    metrics = metrics[["metric", "before", "low", "high", "chance band", "AIF360 name"]]
    preview.printed_table(
        "",
        [("Metric", False), ("Value", True), ("95 % from", True), ("to", True), ("Chance band", True),
         ("Name in AIF360", False)],
        [
            (metric_title(line["metric"]), wording.figure(_known(line["before"])),
             *("" if missing(line[name]) else wording.figure(line[name]) for name in ("low", "high", "chance band")),
             line["AIF360 name"])
            for line in metrics.to_dict("records")
        ],
    )  # fmt: skip
    widgets.csv_download(metrics.rename(columns={"before": "value"}), "baseline_metrics.csv")
    rates, nowhere = tables.rates_table(result, split), cohort_mode.placeholder(result)
    gap = f"gap to {reference}"
    gaps = (gap, "gap low", "gap high", "with the other sign")
    heading(f"Rates and signed gaps of every group against {value(reference)}", "gaps in points, both signs")
    itself = {gap: "reference"}
    signed = pd.DataFrame({name: _in_points(rates, name, reference, itself.get(name, "")) for name in gaps})
    if result.smallest_group is not None:
        signed = signed.replace(wording.NOT_ESTIMABLE, "").assign(
            **{gap: signed[gap].replace(wording.NOT_ESTIMABLE, nowhere)}
        )
    preview.printed_table(
        "",
        [("Group", False), ("Rate", False), ("Value", True), ("95 % from", True), ("to", True), ("Rows", True),
         ("Group − reference", True), ("95 % from", True), ("to", True), ("Reference − group", True)],
        [
            (shorten(line["group"], 40), line["rate"],
             nowhere if missing(line["value"]) else wording.percent(line["value"]),
             *("" if missing(line[name]) else wording.percent(line[name]) for name in ("low", "high")),
             wording.count_text(None if pd.isna(line["rows"]) else line["rows"]), *points)
            for line, points in zip(rates.to_dict("records"), signed.itertuples(index=False), strict=True)
        ],
    )  # fmt: skip
    widgets.csv_download(rates, "baseline_rates.csv")


def _known(number: float | None) -> float | None:
    return None if missing(number) else number


def _in_points(rates: pd.DataFrame, name: str, reference: str, itself: str) -> list[str]:
    return [
        itself if group == reference else wording.points(None if missing(gap) else gap).removesuffix(" points")
        for group, gap in zip(rates["group"], rates[name], strict=True)
    ]


def crossed(result: StudyResult, theme: Theme) -> None:
    """A rate for every crossing of the groups with a column that is picked."""
    column, rate = pick_crossing(result)
    if column is None:
        st.info("There is no column to cross the groups with: all have a single value or too many.")
        return
    cells = tables.intersections(result, state.frame(), column, rate)
    widgets.chart(heatmap(cells, theme, level_title=column, rate=rate), "baseline_crossed")


def pick_crossing(result: StudyResult) -> tuple[str | None, str]:
    """(column to cross the groups with, rate); None where no column has between two and `MOST_LEVELS` values."""
    summary = state.columns_frame()
    task = result.dataset.task.task
    fits = (summary["distinct"] > 1) & ((summary["distinct"] <= MOST_LEVELS) | (summary["type"] == "number"))
    fits &= ~summary["name"].isin([task.target, *task.sensitive_columns])
    options = summary.loc[fits].sort_values("type", kind="stable")["name"].tolist()
    rates = ["selection_rate", "true_positive_rate", "false_positive_rate", "error_rate"]
    with st.container(horizontal=True, gap="small"):
        column = None
        if options:
            column = st.selectbox(
                "Cross the groups with",
                options,
                format_func=short,
                key="baseline_column",
                persist_state="session",
                width=280,
                help="Numbers with many values are cut at round quantiles.",
            )
        rate = st.selectbox(
            "Rate",
            rates,
            index=rates.index(GOAL_RATES[result.config.goal][0]),
            format_func=RATE_TITLES.__getitem__,
            key="baseline_rate",
            persist_state="session",
            width=220,
        )
    return column, rate
