"""The Learn chapter on other people's methods: what was run, how it is judged, and every result, losses included."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from iffair_core.telling import figures
from iffair_core.telling.replication import (
    KINDS,
    SOURCES,
    Replication,
    finding,
    made_words,
    replication,
    rival_title,
    rule_words,
    run_words,
    seeds_span,
    source_title,
)
from iffair_core.wording import heading, points
from pages.kit import columns, widgets
from pages.kit.text import count, plain
from pages.kit.words import GOAL_TITLES, VARIANT_TITLES

COLUMNS = {
    "wins": "At least as accurate.",
    "clear wins": "Wins whose 95 % interval over seeds leaves 0 out.",
    "ties": "Up to 0.2 points less accurate.",
    "losses": "Further behind.",
    "clear losses": "Losses whose 95 % interval over seeds leaves 0 out.",
    "not reached": "The rival's disparity is smaller than any on the curve.",
    "of": "Comparisons: data sets and goals with an answer.",
    "rival not below untouched": "Its disparity is at least the untouched model's: being as fair takes no repair.",
    "no answer": "Not defined for this goal, or not estimable under every seed.",
}


def compare() -> None:
    """How the curve does against other methods on public data."""
    kept = replication()
    if not kept.entries:
        st.info("No comparison is kept in this version. `python -m benchmarks.quality run` makes one.")
        return
    place = st.container()
    with st.container(horizontal=True, gap="xsmall"):
        kind = st.selectbox(
            "Models and rivals",
            kept.kinds,
            format_func=lambda kind: KINDS[kind].title,
            key="learn_compare_kind",
            width=295,
        )
        dataset = st.selectbox(
            "Data", kept.datasets(kind), format_func=source_title, key="learn_compare_data", width=145
        )
        offered = kept.goals(kind, dataset)
        goal = st.selectbox("Goal", offered, format_func=GOAL_TITLES.__getitem__, key="learn_compare_goal", width=175)
        variants = kept.variants(kind)
        variant = st.selectbox(
            "Variant", variants, format_func=VARIANT_TITLES.__getitem__, key="learn_compare_variant", width=110
        )
    with place:
        _words(kept, kind, variant)
    widgets.tabs(
        "learn_compare_tab",
        {
            "One data set": lambda: _one(kept, kind, dataset, goal),
            "All margins": lambda: widgets.chart(
                figures.replication_margins(kept, kind, variant, widgets.theme()), "learn_compare_margins"
            ),
            "Where it is behind": lambda: _behind(kept, kind, variant),
            "Counts": lambda: _counts(kept, kind, variant),
            "What was run": lambda: _how(kept),
        },
    )


def _words(kept: Replication, kind: str, variant: str) -> None:
    widgets.sentence(finding(kept, kind, variant))
    datasets, goals = kept.datasets(kind), kept.goals(kind)
    span = seeds_span(kept, kind)
    runs = f"{span} {'seed' if span == '1' else 'seeds'}"
    st.markdown(
        f"**{len(datasets)} public data sets, {len(goals)} goals, {runs}**; means on test rows. "
        "The strength is chosen on them too: this says what the curve contains, not what a "
        "recommendation would pick."
    )


def _one(kept: Replication, kind: str, dataset: str, goal: str) -> None:
    entry = kept.entry(kind, dataset, goal)
    if dataset in SOURCES:
        source = SOURCES[dataset]
        st.markdown(
            f"**{plain(source.title)}**: {count(source.rows)} rows; favorable: {plain(source.favorable)}; "
            f"groups: {plain(source.groups)}."
        )
    if entry.curves:
        widgets.chart(figures.replication_curves(entry, widgets.theme()), "learn_compare_curves")
    else:
        st.info("The lines of this comparison are not kept; its margins are in the table.")
    frame = kept.margins(kind)
    _margins(frame[(frame["dataset"] == dataset) & (frame["goal"] == goal)], "learn_compare_one", ("dataset", "goal"))
    for rival, reason in entry.failed.items():
        st.caption(f"{plain(rival_title(rival))}: {plain(reason)}")


def _behind(kept: Replication, kind: str, variant: str) -> None:
    frame = kept.losses(kind, variant)
    if frame.empty:
        st.markdown("None: at every rival's disparity the curve is at most 0.2 points less accurate.")
        return
    losses = frame[frame["verdict"] == "loss"]
    if len(losses):
        worst = losses.iloc[0]
        st.markdown(
            f"The largest loss: {plain(points(worst['margin'], 2))} against "
            f"{plain(rival_title(worst['rival']))} on {plain(source_title(worst['dataset']))}, "
            f"{GOAL_TITLES[worst['goal']].lower()}."
        )
    _margins(frame, "learn_compare_behind", ("variant",))


def _margins(frame: pd.DataFrame, key: str, said: tuple[str, ...]) -> None:
    """Cells in the screen's units, accuracies and margins in percent and points; `said`: columns the controls tell."""
    shown = frame.assign(
        dataset=frame["dataset"].map(source_title),
        goal=frame["goal"].map(GOAL_TITLES),
        rival=frame["rival"].map(rival_title),
        variant=frame["variant"].map(VARIANT_TITLES),
        **{name: 100 * frame[name] for name in ("rival accuracy", "rival accuracy error", "margin", "error")},
    )
    number = columns.number
    drawn = {
        "dataset": columns.text("Data"),
        "goal": columns.text("Goal"),
        "rival": columns.text("Method"),
        "variant": columns.text("Variant"),
        "margin": number("Margin", format="%+.2f", help="Accuracy of the curve minus the method's, in points."),
        "error": number("± SE", format="%.2f", help="Standard error of the margin over seeds."),
        "verdict": columns.text("Verdict"),
        "rival disparity": number("Its disparity", format="%.3f"),
        "rival accuracy": number("Its accuracy", format="%.2f %%"),
        "strength": number("At strength", format="%.3f"),
    }
    shown, alt = shown[[name for name in drawn if name not in said]], "Margins of the curve over other methods"
    widgets.table(frame, key, alt=alt, columns=drawn, shown=shown, placeholder="", file_name="margins.csv")


def _counts(kept: Replication, kind: str, variant: str) -> None:
    frame = kept.dominance(variant, kind)
    shown = frame.drop(columns="kind").assign(rival=frame["rival"].map(rival_title))
    drawn = {"rival": columns.text("Method", pinned=True)}
    drawn |= {name: columns.number(heading(name.removeprefix("rival ")), help=text) for name, text in COLUMNS.items()}
    widgets.table(frame, "learn_compare_counts", alt="Wins, ties and losses by method", columns=drawn, shown=shown)


def _how(kept: Replication) -> None:
    st.markdown(f"**What was run.** {plain(run_words(kept))}")
    st.markdown(f"**How it is judged.** {plain(rule_words())}")
    st.code(kept.command, language="bash", wrap_lines=True)
    st.caption(plain(made_words(kept)))
