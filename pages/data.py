"""Data: the table, the choices, and who is in it before any model."""

import streamlit as st

from iffair_core.data.resolving import group_table
from iffair_core.study.disclosure import told_groups
from iffair_core.telling.figures import group_bars
from iffair_core.telling.sentences import data_sentence
from iffair_core.wording import holds
from pages.kit import errors, text, widgets
from pages.parts.data import pickers, reading_panel, saved, sources, whois
from pages.parts.data.about_rows import pick_about_rows
from pages.parts.data.checks_panel import (
    PATIENCE,
    beside_run,
    checks_panel,
    current_checks,
    flags,
    important_checks,
    number_card,
)
from pages.parts.data.columns_panel import columns_panel
from pages.parts.data.groups import pick_groups, pick_reference
from pages.parts.data.outcome import pick_outcome
from pages.session import state, study_runs
from pages.shell import boot

boot.guard("data")
boot.title("data")

headline = st.container()
left, right = widgets.thirds()
with left:
    sources.pick_source()
    saved.pick_saved()
if sources.shows_own_file():
    with right:
        reading_panel.reading_panel()
        reading_panel.left_out()
current = state.table()
if current is None:
    right.info(sources.what_is_missing(), icon=":material/upload_file:")
    st.stop()

found, misfit = pickers.resolve_for_screen()
with left:
    pick_outcome()
    pick_groups(found)
    pick_reference(found)
    pickers.pick_features(found)
    pick_about_rows()
    pickers.pick_model()
    now = study_runs.status()
    if now.situation == "failed" and now.error is not None:
        errors.show(now.error, "The study could not be finished")
    before_run = st.empty()
    if now.situation in ("never run", "stale", "cancelled", "failed"):
        widgets.run_button("data_run", "Run the study")
    boot.link("baseline", "Go on to Baseline")

with right:
    checks, fresh = current_checks(found)
    numbers: list[widgets.Number] = []
    if misfit is not None:
        with headline:
            errors.show(misfit, "The choices do not fit the table")
        numbers = whois.table_numbers(state.columns_frame(), current.rows)
    elif found is None:
        with headline:
            widgets.sentence(
                f"{text.count(current.rows)} rows and {text.count(len(current.columns))} columns. "
                "Choose the outcome, its favorable value and a sensitive attribute to see who is in the table."
            )
        numbers = whois.table_numbers(state.columns_frame(), current.rows)
    else:
        groups = told_groups(group_table(found), found.task.smallest_group)
        with headline:
            widgets.sentence(data_sentence(found))
        numbers = whois.group_numbers(found, groups, current.rows)
    cards = headline.empty()
    if numbers:
        with cards.container():
            widgets.numbers([*numbers, number_card(checks, fresh)])
    if found is not None:
        outcome = holds(found.task.target, found.favorable_label)
        widgets.chart(
            group_bars(groups, widgets.theme(), reference=found.reference, favorable=outcome),
            "group_bars",
        )
        st.subheader("Groups", anchor=False)
        widgets.table(
            groups,
            "groups",
            alt="Rows, share and favorable share of each group",
            columns=whois.group_columns(groups),
            file_name="groups.csv",
            percent=["share", "favorable_share", "low", "high"],
            placeholder="not estimable" if found.task.smallest_group is None else "withheld",
        )
        if found.task.weights is not None:
            st.caption(f"Shares count each row by its {text.value(found.task.weights)}; rows are counted once.")
        widgets.notes("To know about this table", whois.warnings(found))
    if not fresh:
        # Everything above is on the screen already; columns and checks wait for what the checks find.
        checks, fresh = current_checks(found, PATIENCE)
        if numbers:
            with cards.container():
                widgets.numbers([*numbers, number_card(checks, fresh)])
    with before_run.container():
        beside_run(checks, fresh)
    important_checks(checks, fresh)
    columns_panel(flags(checks))
    checks_panel(checks, fresh)
