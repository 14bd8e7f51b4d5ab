"""Number cards and tables of a repair: what the chosen weights do, per group, per decision and per metric."""

from __future__ import annotations

import streamlit as st

from iffair_core import wording
from iffair_core.study.results import StudyResult
from iffair_core.telling import sentences, tables
from pages.kit import cohort_mode, columns, widgets
from pages.kit.columns import COUNT, PERCENT, POINTS, VALUE
from pages.kit.text import number, percent
from pages.kit.widgets import Number
from pages.kit.words import WORDS, metric_title, word
from pages.parts.causes import person

SPLIT = "test"


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
    widgets.table(
        frame,
        "reweight_rates",
        alt=f"Rates of every group on {SPLIT} rows before and after the repair",
        columns={
            "group": columns.text("Group", pinned=True),
            "rate": columns.text("Rate"),
            "before": columns.number("Before", format=PERCENT),
            "after": columns.number("After, refitted", format=PERCENT),
            "change": columns.number("Change, points", format=POINTS),
            "rows": columns.number("Rows", format=COUNT, help="Rows that the rate is taken over."),
        },
        file_name="rates_before_after.csv",
        placeholder=cohort_mode.placeholder(result),
        percent=["before", "after", "change"],
    )


def turned(result: StudyResult) -> None:
    """Decisions that the weights turn, per group and direction."""
    if result.strength == 0:
        st.caption(sentences.NOTHING_TURNS)
    frame = tables.flips(result, SPLIT)
    widgets.table(
        frame,
        "reweight_flips",
        alt=f"Decisions on {SPLIT} rows that the repair turns, per group",
        columns={
            "group": columns.text("Group", pinned=True),
            "rows": columns.number("Rows", format=COUNT),
            "to_favorable": columns.number("Turned favorable", format=COUNT),
            "to_other": columns.number("Turned unfavorable", format=COUNT),
            "net": columns.number("Net", format="%+d"),
            "to_favorable_share": columns.number("Turned favorable, % of group", format=PERCENT),
            "to_other_share": columns.number("Turned unfavorable, % of group", format=PERCENT),
        },
        file_name="decisions_turned.csv",
        placeholder=cohort_mode.placeholder(result),
        percent=["to_favorable_share", "to_other_share"],
    )
    widgets.with_rows(lambda: person.turned(result, SPLIT))()


def weights(result: StudyResult) -> None:
    """The weights per group and outcome."""
    frame = tables.weight_table(result)
    widgets.table(
        frame,
        "reweight_weights",
        alt="Weights of the training rows per group and outcome",
        columns={
            "group": columns.text("Group", pinned=True),
            "outcome": columns.text("Outcome", pinned=True),
            "rows": columns.number("Rows", format=COUNT),
            "mean": columns.number("Mean weight", format=VALUE),
            "smallest": columns.number("Smallest", format=VALUE),
            "median": columns.number("Median", format=VALUE),
            "largest": columns.number("Largest", format=VALUE),
            "changed": columns.number("Rows changed", format=PERCENT),
            "weight_share": columns.number("Share of all weight", format=PERCENT),
            "row_share": columns.number("Share of all rows", format=PERCENT),
        },
        file_name="weights_by_group.csv",
        placeholder=cohort_mode.placeholder(result),
        percent=["changed", "weight_share", "row_share"],
    )


def everything(result: StudyResult) -> None:
    """Every metric before and after, with intervals."""
    frame = tables.metric_table(result, SPLIT)
    widgets.table(
        frame,
        "reweight_metrics",
        alt=f"Every metric on {SPLIT} rows before and after the repair, with intervals",
        columns={
            "metric": columns.text("Metric", pinned=True, help="Fairlearn's names."),
            **columns.with_ends("before", "Before", VALUE, ends=("low", "high"), about=word("interval")),
            **columns.with_ends("after", "After, refitted", VALUE, about=word("interval")),
            "chance band": columns.text("Chance band before", alignment="right", help=word("chance band")),
            "AIF360 name": columns.text("Name in AIF360"),
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
