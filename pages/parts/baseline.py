"""The Baseline page's parts: number cards, reference line, tables of metrics and rates, what to cross groups with."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import streamlit as st

from iffair_core import wording
from iffair_core.data.encoding import SPLITS
from iffair_core.errors import shorten
from iffair_core.metrics import GOAL_METRIC, GOAL_RATES
from iffair_core.study.results import StudyResult
from iffair_core.telling import tables
from iffair_core.telling.figures import heatmap
from iffair_core.telling.figures.common import RATE_TITLES, Theme
from iffair_core.telling.figures.groups import SHOWN_RATES
from iffair_core.telling.report_blocks import Column, Write, frame_columns
from iffair_core.wording import figure, missing
from pages.kit import cohort_mode, preview, widgets
from pages.kit.text import number, percent, plain, short, value
from pages.kit.widgets import Number
from pages.kit.words import WORDS, metric_title, word
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
    reference, nowhere = result.baseline[split].reference, cohort_mode.placeholder(result)
    metrics = tables.metric_table(result, split)
    metrics = metrics[["metric", "before", "low", "high", "chance band", "AIF360 name"]]
    titles = {"metric": "Metric", "before": "Value", "low": "95 % from", "high": "to", "chance band": "Chance band"}
    blank = _or_blank(figure)
    write: dict[str, Write] = {"metric": metric_title, "low": blank, "high": blank, "chance band": blank}
    preview.printed("", frame_columns(metrics, titles | {"AIF360 name": "Name in AIF360"}, write))
    widgets.csv_download(metrics.rename(columns={"before": "value"}), "baseline_metrics.csv")
    rates, gap = tables.rates_table(result, split), f"gap to {reference}"
    heading(f"Rates and signed gaps of every group against {value(reference)}", "gaps in points, both signs")
    percent_or_blank, points = _or_blank(wording.percent), _or_blank(_points)
    write = {"group": partial(shorten, limit=40), "value": lambda share: percent_or_blank(share) or nowhere}
    write |= {"low": percent_or_blank, "high": percent_or_blank, "rows": wording.count_text}
    write |= {"gap low": points, "gap high": points, "with the other sign": points}
    titles = {"group": "Group", "rate": "Rate", "value": "Value", "low": "95 % from", "high": "to", "rows": "Rows"}
    others = {"gap low": "95 % from", "gap high": "to", "with the other sign": "Reference − group"}
    pairs = zip(rates["group"], rates[gap], strict=True)
    signed = ["reference" if group == reference else points(one) or nowhere for group, one in pairs]
    between = [Column("Group − reference", signed), *frame_columns(rates, others, write)]
    preview.printed("", [*frame_columns(rates, titles, write), *between])
    widgets.csv_download(rates, "baseline_rates.csv")


def _or_blank(write: Write) -> Write:
    return lambda number: "" if missing(number) else write(number)


def _points(gap: float) -> str:
    return wording.points(gap).removesuffix(" points")


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
            SHOWN_RATES,
            index=SHOWN_RATES.index(GOAL_RATES[result.config.goal][0]),
            format_func=RATE_TITLES.__getitem__,
            key="baseline_rate",
            persist_state="session",
            width=220,
        )
    return column, rate
