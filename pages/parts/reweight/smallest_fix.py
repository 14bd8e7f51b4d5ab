"""The Reweight page's smallest fix: a target, a search in the background, what it moves and the weights to take."""

from __future__ import annotations

from typing import Any

import streamlit as st

from iffair_core.metrics import GOAL_METRIC
from iffair_core.study.results import StudyResult
from iffair_core.study.smallest_fix import BY, SmallestFix
from iffair_core.telling import sentences, tables
from iffair_core.telling.reproduce import command_line, reproduce_script
from iffair_core.wording import figure
from pages.kit import cohort_mode, columns, errors, widgets
from pages.kit.text import count, plain
from pages.kit.words import metric_title, word
from pages.session import state, study_runs

JUDGED_ON = "validation"
MOST_SHOWN = 1000
_BY = "reweight_fix_by"
_BY_TITLES = {"rows": "Fewest rows", "weight": "Least weight"}


def show(result: StudyResult) -> None:
    """Target and kind, the button, and the fix that was last found for this study."""
    st.subheader("Smallest fix", anchor=False, help=word("smallest fix"))
    metric = GOAL_METRIC[result.config.goal]
    before = result.baseline[JUDGED_ON].values[metric]
    if before is None:
        st.caption(f"The {metric_title(metric)} cannot be estimated on {JUDGED_ON} rows.")
        return
    _controls(result, metric, before)
    ended = study_runs.fix_outcome()
    if ended is not None and ended.error is not None:
        errors.show(ended.error, "No smallest fix was found")
    elif ended is not None and ended.fix is not None:
        _found(result, ended.fix)


def _controls(result: StudyResult, metric: str, before: float) -> None:
    # Another disparity to begin with, as of other groups or another seed, begins with a target of its own.
    target = f"reweight_fix_target_{result.config.goal}_{result.fingerprint[:8]}_{before:.6f}"
    if target not in st.session_state:
        line = state.choices().reference_line
        st.session_state[target] = line if line is not None and line < before else round(before / 2, 3)
    now = study_runs.status().job
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="fix_controls"):
        st.number_input(
            f"{metric_title(metric)} of at most",
            min_value=0.0,
            max_value=1.0,
            step=0.005,
            format="%.3f",
            key=target,
            persist_state="session",
            width=250,
            help=f"{word(metric)} At first your reference line, or half of what it is now.",
        )
        st.segmented_control(
            "Smallest in",
            list(BY),
            format_func=_BY_TITLES.__getitem__,
            default="rows",
            required=True,
            key=_BY,
            persist_state="session",
            help="Fewest rows: as few as will do, all moved by the same amount. Least weight: all rows may move, each "
            "as little as will do.",
        )
        st.button(
            "Find the smallest fix",
            key="find_fix",
            icon=":material/search:",
            on_click=_find,
            args=(target,),
            disabled=now is not None or not result.finished,
        )
    looking = now is not None and now.kind == "smallest fix"
    st.caption(
        "Looking for it; progress and Cancel stand in the study card."
        if looking
        else f"{figure(before)} now. Judged on {JUDGED_ON} rows by models that are really refitted, within the guard "
        "rails; the strength and the variant above do not matter to it."
    )


def _find(target: str) -> None:
    # Read here: an edit that the click on the button ends arrives together with the click.
    study_runs.find_fix(float(st.session_state[target]), st.session_state[_BY])


def _found(result: StudyResult, fix: SmallestFix) -> None:
    st.markdown(f"**{plain(sentences.fix_sentence(result, fix))}**")
    frame = tables.fix_table(result, fix)
    numbers: dict[str, Any] = {"rows": columns.text("Rows")}
    for name in frame.columns.drop("rows"):
        metric, _, when = name.rpartition(" ")
        unit = columns.metric_unit(metric)
        numbers[name] = columns.number(f"{metric_title(metric)} {when}", format=unit, help=word(metric))
    widgets.table(
        frame,
        "fix_table",
        alt="Disparity and accuracy without and with the smallest fix",
        columns=numbers,
        percent=["accuracy before", "accuracy after"],
    )
    if not fix.rows:
        return
    if result.smallest_group is not None:
        cohort_mode.no_rows(result, "Which rows move is not listed, and their weights are not offered.")
        return
    moved = tables.fix_rows(result, fix)
    st.caption(
        f"The {count(len(moved))} rows that move"
        + (f"; the {count(MOST_SHOWN)} that move most are shown, the file has all." if len(moved) > MOST_SHOWN else ".")
    )
    widgets.table(
        moved,
        "fix_rows",
        alt="Rows that the smallest fix moves",
        columns={
            "row_id": columns.number("Row", format="%d", help=word("row")),
            "group": columns.text("Group"),
            "outcome": columns.text("Recorded as"),
            "direction": columns.text("Direction"),
            "weight": columns.number("Weight", format="%.3f"),
        },
        height=318,
        shown=moved.head(MOST_SHOWN),
    )
    with st.container(horizontal=True, gap="small"):
        widgets.csv_download(moved, "smallest_fix_rows.csv", label="Download the rows that move", key="fix_rows_csv")
        widgets.csv_download(
            tables.weights_frame(result, fix),
            "smallest_fix_weights.csv",
            label="Download its weights (row_id, weight)",
            key="fix_weights_csv",
        )
    current = state.open_table()
    with st.expander("Code for this fix", icon=":material/terminal:", type="compact"):
        st.code(command_line(result, current.path, fix=fix), language="bash", wrap_lines=True)
        st.code(reproduce_script(result, current.path, fix=fix), language="python")
