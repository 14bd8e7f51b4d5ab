"""One person on the screen: values beside what is typical, the rows most like it, its values edited by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from iffair_core.causes.decisions import turned_rows, why_turned
from iffair_core.causes.person import Decision, edited, levels_of, nearest_rows, typical
from iffair_core.data.encoding import Value, row_values
from iffair_core.reading.values import value_label
from iffair_core.study.results import StudyResult
from iffair_core.telling import causes
from iffair_core.telling.figures import cause_bars
from iffair_core.telling.rows import Range, RowFacts, trained_range
from pages.kit import columns, widgets
from pages.kit.text import count, percent, plain
from pages.parts.causes import asked, tried, what_if
from pages.session import state

AS_IS = "as it is"
MOST_WHOLE = 2**53
"""A browser's whole numbers end here."""


def values(result: StudyResult, facts: RowFacts) -> None:
    """The values of a training row, beside what is typical of its group and outcome."""
    st.markdown("**Its values in the file** :small[:gray[beside training rows of its group and outcome]]")
    st.dataframe(
        facts.values.assign(typical=typical(result, state.frame(), facts.row_id)),
        hide_index=True,
        height=min(38 + 35 * len(facts.values), 388),
        alt=f"Values of row {facts.row_id} in the file, and how usual each is",
        key="influence_card_values",
        column_config={
            "column": columns.text("Column"),
            "value": columns.text("Value"),
            "typical": columns.text("Among those like it"),
        },
    )


def more(result: StudyResult, row_id: int) -> None:
    """What can be tried with a training row, one click away: changing the row, its likes, changing its values."""
    rows = what_if.positions(result, np.array([row_id]))
    widgets.folded(
        "What if it were left out, doubled or relabeled?",
        "card_try",
        lambda: what_if.what_if(result, rows, "row", f"row {row_id}"),
        icon=":material/experiment:",
    )
    widgets.folded("The training rows most like it", "card_alike", lambda: _alike(result, row_id))
    widgets.folded(
        "Change its values and see how it would be decided",
        "card_edit",
        lambda: edit(result, row_id),
        icon=":material/edit:",
    )


def _alike(result: StudyResult, row_id: int) -> None:
    places, distances = nearest_rows(result, row_id)
    data, rows = result.dataset, result.train_rows[places]
    names = data.task.outcome_labels
    own = state.frame().iloc[[row_id, *data.row_id[rows]]]
    table = pd.DataFrame(
        {
            "row_id": [row_id, *data.row_id[rows]],
            "distance": [0.0, *distances],
            "outcome": [names[int(y > 0.5)] for y in data.y[[np.flatnonzero(data.row_id == row_id)[0], *rows]]],
        }
    ).join(own.reset_index(drop=True).astype(str))
    widgets.table(
        table,
        "card_alike_table",
        alt=f"Row {row_id} and the training rows most like it",
        columns={
            "row_id": columns.number("Row", format="%d", pinned=True),
            "distance": columns.number(
                "Distance", format="%.2f", help="Over the features: numbers in standard deviations, another level 1.4."
            ),
            "outcome": columns.text("Recorded as"),
        },
        placeholder="missing",
    )


def edit(result: StudyResult, row_id: int) -> None:
    """Other values for a row, and the decision about it before and after, by models that stay as they are."""
    frame = state.frame()
    own = row_values(result.dataset, frame, row_id)
    changes: dict[str, Value] = {}
    beyond: list[str] = []
    with st.grid(4, min_column_width=170, gap="small"):
        for place, (name, value) in enumerate(own.items()):
            levels, key = levels_of(result, name), f"edit_{row_id}_{place}"
            new: Value
            if levels is None:
                seen = trained_range(result, frame[name]) if name in frame.columns else None
                new = _number(name, None if value is None else float(value), seen, key)
                if new is not None and new != value and seen is not None and not seen.low <= new <= seen.high:
                    beyond.append(f"{name}: {value_label(new)} is {_outside(seen)}.")
            else:
                offered = list(dict.fromkeys([str(value), *levels]))
                new = st.selectbox(name, offered, key=key)
            if new != value:
                changes[name] = new
    if beyond:
        st.warning(plain(" ".join([*beyond, "The models learned nothing there."])), icon=":material/straighten:")
    before, after = edited(result, frame, row_id, changes)
    table = pd.DataFrame(
        [
            {"values": AS_IS, **_decision(result, before)},
            {"values": f"{count(len(changes))} changed", **_decision(result, after)},
        ][: 2 if changes else 1]
    )
    st.dataframe(
        table, hide_index=True, height="content", key="card_edit_table", alt="Scores and decisions as it is and changed"
    )
    if not changes:
        st.caption("Change a value above to see what the two models would say.")


def _number(name: str, value: float | None, seen: Range | None, key: str) -> float | None:
    """A number to edit; whole where all training rows have whole ones."""
    help = None if seen is None else f"Training rows have {value_label(seen.low)} to {value_label(seen.high)}."
    if seen is not None and seen.whole and (value is None or (value % 1 == 0 and abs(value) < MOST_WHOLE)):
        whole = None if value is None else int(value)
        return st.number_input(plain(name), value=whole, step=1, key=key, placeholder="missing", help=help)
    return st.number_input(plain(name), value=value, key=key, placeholder="missing", help=help)


def _outside(seen: Range) -> str:
    return f"outside the training rows' range {value_label(seen.low)} to {value_label(seen.high)}"


def _decision(result: StudyResult, found: Decision) -> dict[str, str]:
    told = {"ordinary model": _said(result, found.before, found.favorable_before)}
    if found.after is not None and found.favorable_after is not None:
        told[f"at strength {result.strength:g}"] = _said(result, found.after, found.favorable_after)
    return told


def _said(result: StudyResult, score: float, favorable: bool) -> str:
    return f"{percent(score)}: {result.dataset.task.outcome_labels[int(favorable)]}"


# ----------------------------------------------------------------------------------------------------- turned decisions


def turned(result: StudyResult, split: str) -> None:
    """The people whose decision the weights turn, and for the one that is chosen, what turned it."""
    if result.smallest_group is not None:
        return
    rows, data = turned_rows(result, split), result.dataset
    if not rows.size:
        return
    scores = {"before": result.scores_before[rows], "after": result.scores_after[rows]}
    table = pd.DataFrame(data.named(rows) | scores)
    st.markdown(f"**Why did a decision turn?** :small[:gray[choose one of the {count(rows.size)} people]]")
    event = st.dataframe(
        widgets.in_percent(table, ("before", "after")),
        hide_index=True,
        height=min(38 + 35 * len(table), 318),
        key="turned_people",
        on_select="rerun",
        selection_mode="single-row",
        alt=f"People on {split} rows whose decision the weights turn",
        column_config={
            "row_id": columns.number("Row", format="%d", pinned=True),
            "group": columns.text("Group"),
            "outcome": columns.text("Recorded as"),
            "before": columns.number("Score before, %", format="%.1f"),
            "after": columns.number("Score after, %", format="%.1f"),
        },
    )
    widgets.csv_download(table, "people_turned.csv", key="people_turned_csv")
    picked = picked_person(event, table)
    if picked is not None:
        _why(result, picked)


def picked_person(event: Any, table: pd.DataFrame) -> int | None:
    """The row id that is selected in the table."""
    rows = event["selection"]["rows"]
    return int(table["row_id"].iloc[rows[0]]) if rows and rows[0] < len(table) else None


def _why(result: StudyResult, row_id: int) -> None:
    task = asked.task(why_turned, result, state.frame(), row_id)
    doing = "Tracing the decision to training rows"
    found = asked.answer("why", result, task, doing, "The decision could not be traced", (row_id, result.strength))
    if found is None:
        return
    with st.container(border=True, key="why_turned", gap="small"):
        said = causes.cause_sentence(result, found)
        tried.note_decision(result, row_id, said)
        st.markdown(f"**{plain(said)}**")
        widgets.chart(cause_bars(result, found, widgets.theme()), "cause_bars")
        table = causes.cause_table(result, found)
        widgets.table(
            table,
            "cause_rows",
            alt=f"Training rows that pushed the score of row {row_id} most",
            shown=widgets.in_percent(table, ("push",)),
            height=318,
            columns={
                "row_id": columns.number("Training row", format="%d", pinned=True),
                "group": columns.text("Group"),
                "outcome": columns.text("Recorded as"),
                "weight": columns.number("Weight", format="%.2f"),
                "push": columns.number(
                    "Part of the move, %",
                    format="%+.2f",
                    help="Of the score's move in log-odds. The parts of all "
                    "training rows add up to 100 %" + (", exactly." if found.exact else ", to first order."),
                ),
            },
            file_name="rows_behind_decision.csv",
        )
        widgets.folded("Change this person's values", "why_edit", lambda: edit(result, row_id), icon=":material/edit:")
