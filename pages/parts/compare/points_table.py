"""The Compare page's parts: axes, points of the curve in a table, and the ways to choose one of them."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from iffair_core.data.encoding import SPLITS
from iffair_core.metrics import DISPARITIES, UTILITIES
from iffair_core.rivals.registry import FAIRLEARN
from iffair_core.study.results import StudyResult
from iffair_core.telling import tables
from iffair_core.telling.figures.common import PERCENT_METRICS
from pages.kit import columns, widgets
from pages.kit.columns import PERCENT
from pages.kit.words import METRIC_HELP, metric_title, word
from pages.parts.baseline import pick_reference_line
from pages.parts.reweight import repair
from pages.session import state, study_runs

PICTURE = "tradeoff"
TABLE = "curve_points"
PICK = "point_to_choose"
CHANGES_HELP = (
    "Row weights: as ours, before training. Constrained training: Fairlearn refits with costs until the goal is met. "
    "Group thresholds: each group gets its own. Changed features: made uncorrelated with the groups."
)
SPLIT_TITLES = {"test": "Test rows", "validation": "Validation rows"}


def controls(result: StudyResult) -> None:
    """Axes, split, intervals and reference line in one row, kept in the address."""
    usual = result.curve.metric
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="compare_controls"):
        st.selectbox(
            "Utility, to the right",
            UTILITIES,
            format_func=metric_title,
            help=_explained(UTILITIES),
            width=150,
            **state.control("utility_axis"),
        )
        st.selectbox(
            "Disparity, downwards",
            DISPARITIES,
            format_func=metric_title,
            help=_explained(DISPARITIES),
            width=240,
            **state.control(
                "disparity_axis",
                shown=lambda name: name or usual,
                taken=lambda name: None if name == usual else name,
            ),
        )
        st.segmented_control(
            "Measured on",
            tuple(reversed(SPLITS[1:])),
            format_func=SPLIT_TITLES.__getitem__,
            required=True,
            help="Validation rows chose the recommended strength; test rows only report.",
            **state.control("split"),
        )
        st.toggle("95 % intervals", help=word("interval"), **state.control("intervals"))
        pick_reference_line(state.choices().disparity_axis or usual)


def _explained(names: tuple[str, ...]) -> str:
    return "  \n".join(f"**{metric_title(name)}**: {METRIC_HELP[name]}" for name in names)


def take_from_picture() -> None:
    """Choose the point of the curve that was clicked in the picture. Use it as a callback."""
    for point in st.session_state[PICTURE].selection.points:
        carried = point.get("customdata")
        if carried:
            repair.choose(float(carried[0] if isinstance(carried, list | tuple) else carried["0"]))
            return


def take_from_table() -> None:
    """Choose the point whose row was selected in the table. Use it as a callback."""
    rows = st.session_state[TABLE].selection.rows
    if rows:
        repair.choose(float(st.session_state[PICK][rows[0]]))


def points(result: StudyResult, split: str, axes: tuple[str, str]) -> None:
    """Every strength with both axes' metrics, their intervals and predictions; selecting a row chooses it."""
    frame = tables.point_table(result, split, axes)
    st.session_state[PICK] = frame["strength"].tolist()
    st.caption("Select a row to choose its strength. Predicted values need no refit; all others are refitted.")
    st.dataframe(
        widgets.in_percent(frame, _shares(frame, axes)),
        hide_index=True,
        key=TABLE,
        on_select=take_from_table,
        selection_mode="single-row",
        height="content",
        placeholder="",
        column_order=["strength", "mark", *(name for name in frame.columns if name not in ("strength", "mark"))],
        alt=f"Every strength of the curve with {' and '.join(map(metric_title, axes))} on {split} rows",
        column_config={
            "strength": columns.number("Strength", format="plain", pinned=True, help=word("strength")),
            **columns.metric(axes[0]),
            **columns.metric(axes[1]),
            **{
                f"predicted {name}": columns.number(
                    f"{metric_title(name)}, predicted", format=columns.metric_unit(name), help=word("predicted")
                )
                for name in axes
            },
            "predicted price (log loss)": columns.number(
                "Price in log loss, predicted",
                format="%+.4f",
                help="Second-order change of the mean log loss (nats), known before any refit. Positive costs utility.",
            ),
            "effective sample size": columns.number(
                "Effective sample size", format=PERCENT, help=word("effective sample size")
            ),
            "largest weight": columns.number("Largest weight", format="%.2f", help=word("largest weight")),
            "mark": columns.text(
                "Mark", pinned=True, width="medium", help="Frontier: no other point is better on both, on validation."
            ),
            "why infeasible": columns.text("Why infeasible", width="medium"),
        },
    )
    widgets.csv_download(frame, "curve_points.csv", key="curve_points_csv")


def rivals(result: StudyResult, split: str, axes: tuple[str, str]) -> None:
    """Every other method on the same rows, what the curve reaches at its disparity, and the way to run more."""
    if not result.rivals:
        st.caption("The other methods run last; they are here once the study has finished.")
        return
    frame = tables.rival_table(result, split, axes)
    widgets.table(
        frame,
        "rival_points",
        alt=f"Other methods on {split} rows, with intervals",
        columns={
            "method": columns.text("Method", pinned=True),
            "changes": columns.text("Changes", help=CHANGES_HELP),
            "needs group": columns.text(
                "Asks for the group", help="Whether a person's group has to be known to decide on them."
            ),
            **columns.metric(axes[0]),
            **columns.metric(axes[1]),
            **{
                f"{name} low": columns.number(
                    f"{metric_title(name)}, 95 % from", format=columns.metric_unit(name), help=word("interval")
                )
                for name in axes
            },
            "best accuracy of the curve": columns.number(
                "Curve's accuracy there",
                format=PERCENT,
                help=f"The best among refitted points with no larger {metric_title(result.curve.metric).lower()}.",
            ),
            "note": columns.text("Note", width="large"),
            "source": columns.text("Source", width="medium"),
        },
        file_name="other_methods.csv",
        percent=_shares(frame, axes),
    )
    if not set(FAIRLEARN) <= {rival.name for rival in result.rivals}:
        with st.container(horizontal=True, vertical_alignment="center", key="more_rivals"):
            st.button(
                "Run Fairlearn's methods too",
                key="run_fairlearn",
                on_click=run_fairlearn,
                disabled=study_runs.status().situation == "running",
            )
            st.caption("Four more, by Fairlearn's own code. On a large table they take half a minute or more.")


def run_fairlearn() -> None:
    """Choose Fairlearn's methods too, and run what is missing for them. Use it as a callback."""
    state.update(rivals="all")
    study_runs.start()


def _shares(frame: pd.DataFrame, axes: tuple[str, str]) -> list[str]:
    """Columns of shares: those of metrics that are written in percent, and what is a share by itself."""
    metrics = tuple(name for name in axes if name in PERCENT_METRICS)
    own = ("effective sample size", "best accuracy of the curve")
    return [name for name in map(str, frame) if name in own or name.removeprefix("predicted ").startswith(metrics)]
