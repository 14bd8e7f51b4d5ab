"""The Compare page's tab over seeds: would another split of these rows have shown the same trade-off?

From what it says the analyst decides whether to follow the recommendation (recommended under nearly every seed, and its
change told from none), to take another strength that every seed allows, or to stay with the untouched model; and
whether single rows' weights mean something (seeds agree on their order) or only the weights as a whole.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from functools import partial
from typing import Any

import pandas as pd
import streamlit as st

from iffair_core.study.over_seeds import USUAL_SEEDS, OverSeeds, expected_seconds, over_seeds
from iffair_core.study.results import StudyResult
from iffair_core.telling import seeds
from iffair_core.telling.figures import seeds_tradeoff
from iffair_core.telling.figures.common import PERCENT_METRICS
from pages.kit import columns, widgets
from pages.kit.columns import PERCENT, POINTS
from pages.kit.text import plain
from pages.kit.words import metric_title, word
from pages.parts.causes import asked
from pages.session import state

KIND = "seeds"
FEWEST, MOST = 3, 20
COUNT = "seeds_count"
DOING = "Dealing the rows anew"
MEAN_HELP = "95 % interval of the mean over seeds (Student's t): how well it is known for splits of these rows."
LEAD_HELP = (
    "Accuracy of the curve minus the method's, in points, mean over seeds on test rows, at the strength beside it: the "
    "most accurate on validation rows whose mean disparity there is no larger."
)
CORRECTED_HELP = (
    "Corrected for rows that the splits share (Nadeau and Bengio 2003), and holding over all other methods together."
)


def show(result: StudyResult, split: str, axes: tuple[str, str], *, stale: bool) -> None:
    """Ask for seeds, see how far they are, and what they say together."""
    if not result.finished:
        st.caption("Other seeds can be run once the study has finished.")
        return
    key = _key(result)
    _controls(result, key, stale=stale)
    if not asked.is_asked(KIND, result, key):
        st.caption(
            "One seed is one way to deal the rows into training, validation and test. Others show whether the "
            "recommendation, the curve and the weights would have been the same."
        )
        return
    found = asked.seen(KIND, DOING, "Not every seed could be run", again=False)
    if found is not None:
        _show(found.within(result.config.utility_budget), result, split, axes)


def with_seeds(result: StudyResult) -> StudyResult:
    """The result with the seeds among its records, as many as have finished."""
    found = asked.held(KIND, result, _key(result))
    return result if found is None else result.having(found.within(result.config.utility_budget))


def _key(result: StudyResult) -> Hashable:
    """What the seeds depend on: all but the point that is chosen, and other models."""
    return replace(result.config, strength=None, utility_budget=None, transfer=())


def _controls(result: StudyResult, key: Hashable, *, stale: bool) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="seeds_controls"):
        count = st.number_input(
            "Seeds",
            FEWEST,
            MOST,
            USUAL_SEEDS,
            key=COUNT,
            persist_state="session",
            width=120,
            help="This study's seed and the next ones. Each deals the rows anew, repairs and runs the other methods.",
        )
        held = asked.held(KIND, result, key)
        st.button(
            f"Run {count} seeds",
            key="run_seeds",
            icon=":material/casino:",
            on_click=_ask,
            args=(result, key, count),
            disabled=stale or asked.is_under_way(KIND, result, key) or (held is not None and len(held.runs) >= count),
        )
    if not asked.is_asked(KIND, result, key):
        st.caption(f"About {expected_seconds(result, count):,.0f} s, in the background; the pages stay usable.")


def _ask(result: StudyResult, key: Hashable, count: int) -> None:
    """Run the seeds that are missing. Use it as a callback."""
    previous = asked.held(KIND, result, key)
    task = partial(_run, result, state.open_table().frame, previous, count=count)
    asked.ask(KIND, result, key, task, DOING)


def _run(
    result: StudyResult,
    frame: pd.DataFrame,
    previous: OverSeeds | None,
    work: asked.Work[OverSeeds],
    count: int,
) -> OverSeeds:
    def report(doing: str, share: float, found: OverSeeds) -> None:
        work.report(share, doing, found)

    return over_seeds(result, frame, count, report, work.cancel, previous)


def _show(found: OverSeeds, result: StudyResult, split: str, axes: tuple[str, str]) -> None:
    st.markdown(f"**{plain(seeds.seeds_sentence(found))}**")
    if len(found.runs) < 2:
        return
    for told in (seeds.seeds_rivals_sentence(found), seeds.stability_sentence(found, result.smallest_group)):
        if told:
            st.markdown(plain(told))
    line = state.choices().reference_line
    widgets.chart(
        seeds_tradeoff(found, widgets.theme(), x=axes[0], y=axes[1], split=split, reference_line=line), "seeds_tradeoff"
    )
    _table_of_rivals(found, split, axes)
    widgets.folded("What each seed recommends", "seeds_runs_open", partial(_table_of_runs, found, split))
    widgets.folded("Weights of every two seeds", "seeds_pairs_open", partial(_table_of_pairs, found, result))


def _percents(frame: pd.DataFrame, *more: str) -> list[str]:
    """Columns of shares."""
    return [name for name in map(str, frame) if name.startswith((*PERCENT_METRICS, *more))]


def _table_of_rivals(found: OverSeeds, split: str, axes: tuple[str, str]) -> None:
    if not found.titles:
        return
    frame = seeds.seeds_rivals(found, axes, split)
    shown: dict[str, Any] = {
        "method": columns.text("Method", pinned=True),
        "verdict": columns.text("The curve is", help="Only where the corrected interval leaves out 0."),
        **columns.with_ends("lead", "Lead, points", "%+.2f", LEAD_HELP, about=CORRECTED_HELP),
        "strength": columns.number("Strength", format="plain", help=LEAD_HELP),
    }
    for name in axes:
        title, unit = f"{metric_title(name)}, mean", columns.metric_unit(name)
        shown |= columns.with_ends(name, title, unit, word(name), about=MEAN_HELP)
    shown["answers"] = columns.number("Seeds", help="Under how many seeds the method has an answer.")
    widgets.table(
        frame,
        "seeds_rivals",
        alt=f"Other methods, means over seeds on {split} rows, with intervals",
        columns=shown,
        shown=frame[list(shown)],
        file_name="over_seeds_methods.csv",
        percent=_percents(frame, "lead"),
        placeholder="",
    )


def _table_of_runs(found: OverSeeds, split: str) -> None:
    frame = seeds.seeds_runs(found, split)
    shown: dict[str, Any] = {
        "seed": columns.number("Seed", format="plain", pinned=True),
        "recommended": columns.number("Recommended", format="plain", help=word("strength")),
    }
    for name in (found.metric, "accuracy"):
        unit = columns.metric_unit(name)
        for when in ("before", "after"):
            shown[f"{name} {when}"] = columns.number(f"{metric_title(name)} {when}", format=unit, help=word(name))
        shown[f"{name} change"] = columns.number("Change", format=POINTS if unit == PERCENT else "%+.3f")
    widgets.table(
        frame,
        "seeds_runs",
        alt=f"What each seed recommends, and what that changes on {split} rows",
        columns=shown,
        file_name="over_seeds.csv",
        percent=_percents(frame),
    )


def _table_of_pairs(found: OverSeeds, result: StudyResult) -> None:
    widgets.table(
        seeds.seeds_pairs(found, result.smallest_group),
        "seeds_pairs",
        alt="Every two seeds: training rows that both have, and the rank correlation of their weights",
        columns={
            "seed": columns.number("Seed", format="plain"),
            "other seed": columns.number("Other seed", format="plain"),
            "shared rows": columns.number("Training rows of both", format=columns.COUNT),
            "spearman": columns.number("Rank correlation of weights", format="%.3f"),
        },
        file_name="over_seeds_weights.csv",
    )
