"""The Baseline page's parts: number cards, reference line, tables of metrics and rates, what to cross groups with."""

from __future__ import annotations

import numpy as np
import pandas as pd
import streamlit as st

from iffair_core import tables, wording
from iffair_core.data.encoding import SPLITS
from iffair_core.errors import shorten
from iffair_core.figures.common import RATE_TITLES
from iffair_core.metrics import GOAL_METRIC, GOAL_RATES
from iffair_core.results import StudyResult
from iffair_core.wording import missing
from pages.common import state, widgets
from pages.common.pickers import short
from pages.common.text import number, percent, plain, value
from pages.common.widgets import Number
from pages.common.words import WORDS, metric_title, word

MOST_LEVELS = 30
NAMES_THAT_FIT = 18
_THREE = "%.3f"
_PERCENT = "%.1f %%"


def heading(title: str, small: str = "") -> None:
    """The heading over a picture, with what it is drawn from in small type."""
    st.markdown(f"**{title}**" + (f" :small[:gray[{small}]]" if small else ""), width="content")


def cards(result: StudyResult, split: str = "test") -> list[Number]:
    """Accuracy, ROC AUC, the goal's disparity and the widest gap, each with its interval."""
    assert result.baseline is not None
    evaluation = result.baseline[split]
    metric = GOAL_METRIC[result.config.metric]
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
        return [*found, Number("Widest gap", "not estimable", "too few rows", "gap")]
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
    return wording.span(bounds, as_points=as_points).strip("()") or "no interval"


def scored(result: StudyResult, split: str = "test") -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[str, ...], str]:
    """(scores, outcomes, group codes) of a split's rows, then group names and reference, as the figures take them."""
    assert result.scores_before is not None
    data = result.dataset
    rows = data.part(SPLITS.index(split))
    return result.scores_before[rows], data.y[rows], data.group_codes[rows], data.groups, data.reference


def pick_reference_line(metric: str) -> None:
    """The line that the user draws for orientation; it is drawn wherever this disparity is."""
    with st.popover("Reference line", icon=":material/horizontal_rule:", type="tertiary"):
        st.number_input(
            f"Reference line for the {metric_title(metric).lower()}",
            min_value=0.0,
            max_value=1.0,
            value=None,
            step=0.01,
            format="%.2f",
            placeholder="none",
            help=word("reference line"),
            **state.control("reference_line"),
        )
        st.caption("Empty: no line is drawn. It is yours to choose; the product draws no conclusion from it.")


def metric_tables(result: StudyResult, split: str = "test") -> None:
    """Every metric with interval, chance band and AIF360 name; every rate with its signed gap, both ways round."""
    assert result.baseline is not None
    reference = result.baseline[split].reference
    metrics = tables.metric_table(result, split)
    metrics = metrics[["metric", "before", "low", "high", "chance band", "AIF360 name"]]
    metrics = metrics.rename(columns={"before": "value"})
    widgets.table(
        metrics,
        "baseline_metrics",
        alt=f"Every metric of the ordinary model on {split} rows, with intervals and names in AIF360",
        columns={
            "metric": st.column_config.TextColumn("Metric", pinned=True, help="Fairlearn's names."),
            "value": st.column_config.NumberColumn("Value", format=_THREE, width="small"),
            "low": st.column_config.NumberColumn("95 % from", format=_THREE, width="small", help=word("interval")),
            "high": st.column_config.NumberColumn("to", format=_THREE, width="small"),
            "chance band": st.column_config.TextColumn(
                "Chance band", alignment="right", width="small", help=word("chance band")
            ),
            "AIF360 name": st.column_config.TextColumn("Name in AIF360", width="large"),
        },
        height="content",
        file_name="baseline_metrics.csv",
        shown=metrics.assign(
            **{
                "metric": [metric_title(name) for name in metrics["metric"]],
                "chance band": ["" if missing(band) else f"{band:.3f}" for band in metrics["chance band"]],
            }
        ),
    )
    rates = tables.rates_table(result, split)
    gap = f"gap to {reference}"
    gaps = (gap, "gap low", "gap high", "with the other sign")
    heading(f"Rates and signed gaps of every group against {value(reference)}", "gaps in points, both signs")
    widgets.table(
        rates,
        "baseline_rates_of_groups",
        alt=f"Rates of every group on {split} rows with intervals, and their gaps to the reference group",
        columns={
            "group": st.column_config.TextColumn("Group", pinned=True),
            "rate": st.column_config.TextColumn("Rate"),
            "value": st.column_config.NumberColumn("Value", format=_PERCENT),
            "low": st.column_config.NumberColumn("95 % from", format=_PERCENT, help=word("interval")),
            "high": st.column_config.NumberColumn("to", format=_PERCENT),
            "rows": st.column_config.NumberColumn("Rows", format="localized", help="Rows that the rate is taken over."),
            gap: st.column_config.TextColumn("Group − reference", alignment="right", help=word("gap")),
            "gap low": st.column_config.TextColumn("95 % from", alignment="right"),
            "gap high": st.column_config.TextColumn("to", alignment="right"),
            "with the other sign": st.column_config.TextColumn("Reference − group", alignment="right"),
        },
        file_name="baseline_rates.csv",
        shown=rates.assign(
            **{name: 100 * rates[name].astype(float) for name in ("value", "low", "high")},
            **{name: _in_points(rates, name, reference, "reference" if name == gap else "") for name in gaps},
        ),
    )


def _in_points(rates: pd.DataFrame, name: str, reference: str, itself: str) -> list[str]:
    return [
        itself if group == reference else wording.points(None if missing(gap) else gap).removesuffix(" points")
        for group, gap in zip(rates["group"], rates[name], strict=True)
    ]


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
            index=rates.index(GOAL_RATES[result.config.metric][0]),
            format_func=RATE_TITLES.__getitem__,
            key="baseline_rate",
            persist_state="session",
            width=220,
        )
    return column, rate
