"""What to collect next: 100 further rows of each group and cohort, and how rows held back fared."""

from __future__ import annotations

from functools import partial

import pandas as pd
import streamlit as st

from iffair_core.causes.cohorts import Cohort, cohort_ledger
from iffair_core.causes.collect import Collection, what_to_collect
from iffair_core.study.results import StudyResult
from iffair_core.telling import causes
from iffair_core.telling.figures import collect_bars
from pages.kit import columns, widgets
from pages.kit.text import plain
from pages.parts.causes import asked
from pages.parts.causes.cohorts import KIND
from pages.session import state

POINTS = ("soft", "low", "high", "width", "foretold", "seen")
DOING = "Holding rows back and refitting"


def next_rows(result: StudyResult) -> None:
    """The batches with their expected effects and checks."""
    ledger = asked.known(KIND, result)
    task = partial(_found, result, state.frame(), None if ledger is None else ledger.cohorts)
    found = asked.answer("collect", result, task, DOING, "What to collect could not be worked out")
    if found is None:
        return
    st.markdown(f"**{plain(causes.collect_sentence(result, found))}**")
    st.markdown(widgets.badge(found.level, plain(causes.collect_proof(found))))
    widgets.chart(collect_bars(result, found, widgets.theme()), "collect_bars")
    st.caption(
        "Bars: 100 further rows; circles: rows held back, per 100, and what was foretold of them. Further rows "
        "are taken to be like those that are there: nobody knows whether people who come later are. First come sources "
        "that can be chosen, then those with an outcome: how it turns out, nobody can choose."
    )
    table = causes.collect_table(found)
    widgets.table(
        table,
        "collect_table",
        alt="What 100 further rows of each source are expected to do",
        shown=widgets.in_percent(table, POINTS),
        columns={
            "source": columns.text("100 further rows with", width="large"),
            "rows": columns.number("Training rows now", format="localized"),
            "soft": columns.number("○ Gap, points", format="%+.2f", help="Negative narrows it."),
            "low": columns.number("95 % from", format="%+.2f", help="What a batch of 100 may bring."),
            "high": columns.number("to", format="%+.2f"),
            "width": columns.number(
                "Change of interval, points",
                format="%+.2f",
                help="Change of the width of the gap's 95 % interval where 100 more such rows are test rows.",
            ),
            "held": columns.number("Held back", format="localized", help="Rows kept out for the check."),
            "foretold": columns.number("○ Foretold", format="%+.2f", help="Points per 100 rows."),
            "seen": columns.number("● Seen", format="%+.2f", help="Points per 100 rows, refitted."),
            "within": st.column_config.CheckboxColumn("Within 95 %"),
        },
        file_name="collect_next.csv",
        placeholder="not checked",
    )


def _found(
    result: StudyResult, frame: pd.DataFrame, cohorts: tuple[Cohort, ...] | None, work: asked.Work[Collection]
) -> Collection:
    told = cohort_ledger(result, frame, stop_check=work.stop_check) if cohorts is None else cohorts
    return what_to_collect(result, told, stop_check=work.stop_check, report=lambda share: work.report(share, DOING))
