"""Number cards and tables of a repair: what the chosen weights do, per group, per decision and per metric."""

from __future__ import annotations

import streamlit as st

from iffair_core import wording
from iffair_core.study.results import StudyResult
from iffair_core.telling import tables
from pages.kit import cohort_mode, widgets
from pages.kit.text import number, percent
from pages.kit.widgets import Number
from pages.kit.words import WORDS, metric_title, word

SPLIT = "test"
_RATE = "%.1f %%"
_POINTS = "%+.1f"
_VALUE = "%.3f"
_WEIGHT = "%.3f"
_COUNT = "localized"


def numbers(result: StudyResult) -> list[Number]:
    """The goal's disparity and the accuracy after the repair, what is left of the sample, and the weights' size."""
    point = result.chosen
    after, rails = result.after[SPLIT], result.config
    cards = []
    for name, show, in_points in ((result.curve.metric, wording.figure, False), ("accuracy", percent, True)):
        cards.append(
            Number(
                f"{metric_title(name)} after" if in_points else "Disparity after",
                show(after.values[name]),
                wording.span(after.intervals[name], as_points=in_points).strip("()") or wording.NOT_INFORMATIVE,
                help=f"{metric_title(name)}. {word(name)} Refitted, on {SPLIT} rows. {WORDS['interval']}",
            )
        )
    return [
        *cards,
        Number(
            "Effective sample size",
            wording.percent(point.effective_sample_size),
            f"limit {wording.percent(rails.min_effective_sample_size, 0)}",
            "effective sample size",
        ),
        Number(
            "Rows changed",
            wording.WITHHELD if point.changed_share is None else wording.percent(point.changed_share),
            "of training rows",
            help="Training rows whose weight is not exactly 1.",
        ),
        Number(
            "Largest weight",
            wording.WITHHELD if point.largest_weight is None else number(point.largest_weight),
            f"limit {rails.max_weight:g}",
            "largest weight",
        ),
    ]


def rates(result: StudyResult) -> None:
    """Every rate of every group before and after."""
    frame = tables.who_pays(result, SPLIT)
    shares = ["before", "after", "change"]
    widgets.table(
        frame,
        "reweight_rates",
        alt=f"Rates of every group on {SPLIT} rows before and after the repair",
        columns={
            "group": st.column_config.TextColumn("Group", pinned=True),
            "rate": st.column_config.TextColumn("Rate"),
            "before": st.column_config.NumberColumn("Before", format=_RATE),
            "after": st.column_config.NumberColumn("After, refitted", format=_RATE),
            "change": st.column_config.NumberColumn("Change, points", format=_POINTS),
            "rows": st.column_config.NumberColumn("Rows", format=_COUNT, help="Rows that the rate is taken over."),
        },
        file_name="rates_before_after.csv",
        placeholder=cohort_mode.placeholder(result),
        shown=frame.assign(**{name: 100 * frame[name].astype(float) for name in shares}),
    )


def turned(result: StudyResult) -> None:
    """Decisions that the weights turn, per group and direction."""
    frame = tables.flips(result, SPLIT)
    shares = ["to_favorable_share", "to_other_share"]
    widgets.table(
        frame,
        "reweight_flips",
        alt=f"Decisions on {SPLIT} rows that the repair turns, per group",
        columns={
            "group": st.column_config.TextColumn("Group", pinned=True),
            "rows": st.column_config.NumberColumn("Rows", format=_COUNT),
            "to_favorable": st.column_config.NumberColumn("Turned favorable", format=_COUNT),
            "to_other": st.column_config.NumberColumn("Turned unfavorable", format=_COUNT),
            "net": st.column_config.NumberColumn("Net", format="%+d"),
            "to_favorable_share": st.column_config.NumberColumn("Turned favorable, % of group", format=_RATE),
            "to_other_share": st.column_config.NumberColumn("Turned unfavorable, % of group", format=_RATE),
        },
        file_name="decisions_turned.csv",
        placeholder=cohort_mode.placeholder(result),
        shown=frame.assign(**{name: 100 * frame[name] for name in shares}),
    )


def weights(result: StudyResult) -> None:
    """The weights per group and outcome."""
    frame = tables.weight_table(result)
    shares = ["changed", "weight_share", "row_share"]
    widgets.table(
        frame,
        "reweight_weights",
        alt="Weights of the training rows per group and outcome",
        columns={
            "group": st.column_config.TextColumn("Group", pinned=True),
            "outcome": st.column_config.TextColumn("Outcome", pinned=True),
            "rows": st.column_config.NumberColumn("Rows", format=_COUNT),
            "mean": st.column_config.NumberColumn("Mean weight", format=_WEIGHT),
            "smallest": st.column_config.NumberColumn("Smallest", format=_WEIGHT),
            "median": st.column_config.NumberColumn("Median", format=_WEIGHT),
            "largest": st.column_config.NumberColumn("Largest", format=_WEIGHT),
            "changed": st.column_config.NumberColumn("Rows changed", format=_RATE),
            "weight_share": st.column_config.NumberColumn("Share of all weight", format=_RATE),
            "row_share": st.column_config.NumberColumn("Share of all rows", format=_RATE),
        },
        file_name="weights_by_group.csv",
        placeholder=cohort_mode.placeholder(result),
        shown=frame.assign(**{name: 100 * frame[name] for name in shares}),
    )


def everything(result: StudyResult) -> None:
    """Every metric before and after, with intervals."""
    frame = tables.metric_table(result, SPLIT)
    widgets.table(
        frame,
        "reweight_metrics",
        alt=f"Every metric on {SPLIT} rows before and after the repair, with intervals",
        columns={
            "metric": st.column_config.TextColumn("Metric", pinned=True, help="Fairlearn's names."),
            "before": st.column_config.NumberColumn("Before", format=_VALUE),
            "low": st.column_config.NumberColumn("95 % from", format=_VALUE, help=word("interval")),
            "high": st.column_config.NumberColumn("to", format=_VALUE),
            "after": st.column_config.NumberColumn("After, refitted", format=_VALUE),
            "after low": st.column_config.NumberColumn("95 % from", format=_VALUE, help=word("interval")),
            "after high": st.column_config.NumberColumn("to", format=_VALUE),
            "chance band": st.column_config.TextColumn(
                "Chance band before", alignment="right", help=word("chance band")
            ),
            "AIF360 name": st.column_config.TextColumn("Name in AIF360"),
        },
        file_name="metrics_before_after.csv",
        shown=frame.assign(
            **{
                "metric": [metric_title(name) for name in frame["metric"]],
                "chance band": ["" if wording.missing(band) else f"{band:.3f}" for band in frame["chance band"]],
            }
        ),
    )


TABLES = {
    "Rates per group": rates,
    "Decisions that turn": turned,
    "Weights by group and outcome": weights,
    "Every metric": everything,
}
