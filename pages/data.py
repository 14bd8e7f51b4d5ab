"""Data: the table, the choices, and who is in it before any model."""

import streamlit as st

from iffair_core.data.task import group_table
from iffair_core.explain import data_sentence
from iffair_core.figures import group_bars
from pages.common import boot, errors, pickers, running, state, text, whois, widgets

MOST_COLUMNS = 18

boot.guard("data")
boot.title("data")

headline = st.container()
left, right = widgets.thirds()
with left:
    pickers.pick_source()
current = state.table()
if current is None:
    right.info(
        "This link's choices were made for an uploaded table. Give the same file, and they are used.",
        icon=":material/upload_file:",
    )
    st.stop()

found, misfit = pickers.resolve_for_screen()
with left:
    pickers.pick_outcome()
    pickers.pick_groups()
    pickers.pick_reference(found)
    pickers.pick_features(found)
    now = running.status()
    if now.situation == "failed" and now.error is not None:
        errors.show(now.error, "The study could not be finished")
    if now.situation in ("never run", "stale", "cancelled", "failed"):
        widgets.run_button("data_run", "Run the study")
    boot.link("baseline", "Go on to Baseline")

with right:
    if misfit is not None:
        errors.show(misfit, "The choices do not fit the table")
    elif found is None:
        with headline:
            widgets.sentence(
                f"{text.count(len(current.frame))} rows and {text.count(len(current.columns))} columns. "
                "Choose the outcome, its favorable value and a sensitive attribute to see who is in the table."
            )
    else:
        groups = group_table(found)
        told = whois.warnings(found)
        with headline:
            widgets.sentence(data_sentence(found))
            widgets.numbers(whois.group_numbers(found, groups, len(current.frame), len(told)))
        outcome = f"{found.task.target} = {found.favorable_label}"
        widgets.chart(
            group_bars(groups, widgets.theme(), reference=found.reference, favorable=outcome),
            "group_bars",
        )
        widgets.notes("To know about this table", told)
        st.subheader("Groups", anchor=False)
        widgets.table(
            groups,
            "groups",
            alt="Rows, share and favorable share of each group",
            columns=whois.GROUP_COLUMNS,
            file_name="groups.csv",
            shown=whois.in_percent(groups),
        )
    st.subheader("Columns", anchor=False)
    columns = state.columns_frame()
    columns = columns.assign(role=[pickers.role_of(name) for name in columns["name"]])
    order = ["name", "role", "type", "values", "missing", "distinct", "example"]
    widgets.table(
        columns.drop(columns="values"),
        "columns",
        alt="Type, missing and distinct values and use of each column",
        columns=whois.SUMMARY_COLUMNS,
        height="content" if len(columns) <= MOST_COLUMNS else 600,
        file_name="columns.csv",
        shown=columns[order],
        placeholder="",
    )
