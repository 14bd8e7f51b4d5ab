"""Compare's tab of scenarios: any of them side by side with the study on the screen, and the list with what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import streamlit as st

from iffair_core.errors import StoreError, shorten
from iffair_core.wording import heading
from pages.kit import columns, errors, widgets
from pages.kit.text import plain
from pages.kit.words import GOAL_TITLES, metric_title
from pages.parts.scenarios import saving
from pages.session import scenarios, sign_in, state, study_runs
from pages.session.settings import differing

if TYPE_CHECKING:
    from iffair_core.scenarios.record import Kept
    from iffair_core.scenarios.store import Entry
    from iffair_core.study.results import StudyResult

HERE = "The study on the screen"
_PICK, _LIST, _IDS = "scenario_pick", "scenario_list", "scenario_ids"
_NEW_NAME, _NEW_NOTE = "scenario_new_name", "scenario_new_note"


def show(result: StudyResult | None = None) -> None:
    """The scenarios, beside the study on the screen where there is one."""
    try:
        found = scenarios.entries()
    except StoreError as error:
        errors.show(error, "Scenarios are not available")
        return
    if result is None:
        saving.tell()
    if not found:
        st.caption("No study has been saved yet. *Save as scenario* keeps the one on the screen, under a name.")
        return
    names = labels(found)
    picked = [one for one in state.choices().beside if one in names]
    st.multiselect(
        "Side by side with the study on the screen" if result is not None else "Side by side",
        list(names),
        format_func=names.__getitem__,
        placeholder="Choose scenarios",
        **state.control("beside", shown=lambda _: picked, taken=tuple),
    )
    if picked:
        with errors.contained("These scenarios cannot be drawn"):
            _beside([one for one in found if one.id in picked], names, result)
    st.markdown("**All scenarios**")
    _table(found)
    _actions({one.id: one for one in found}, names)


def labels(found: list[Entry]) -> dict[str, str]:
    """{scenario: its name, and whose it is}; where several are called so, with what else it takes."""
    names = {one.id: shorten(one.name, 60) + ("" if one.mine else f", by {_whose(one)}") for one in found}
    for end in (lambda one: f" ({one.when})", lambda one: f" {one.id[:6]}"):
        several = [one for one in found if list(names.values()).count(names[one.id]) > 1]
        names |= {one.id: names[one.id] + end(one) for one in several}
    return names


# -------------------------------------------------------------------------------------------------------- side by side


def _beside(picked: list[Entry], names: dict[str, str], result: StudyResult | None) -> None:
    from iffair_core.scenarios.beside import beside_sentence, line_of
    from iffair_core.telling.figures import curves_beside, metrics_beside

    named: list[tuple[str, Kept]] = [(names[one.id], scenarios.kept(one)) for one in picked]
    made = [scenarios.choices_of(one) for one in picked]
    known = [scenarios.on_screen(result)] if result is not None and result.finished else []
    if known:
        named, made = [(HERE, known[0]), *named], [state.choices(), *made]
    chosen = state.choices()
    x, y = chosen.utility_axis, chosen.disparity_axis or named[0][1].head["metric"]
    lines = [line_of(*one) for one in named]
    if len(named) > 1:
        first = HERE.lower() if known else f"'{shorten(named[0][0], 40)}'"
        told = beside_sentence([(first, named[0][1]), *named[1:]], chosen.split, known=known)
        st.markdown(f"**{plain(told)}**")
    widgets.chart(curves_beside(lines, widgets.theme(), x=x, y=y, split=chosen.split), "curves_beside")
    _numbers(named, chosen.split, x, y)
    if len(named) > 1:
        apart: dict[str, list[str]] = differing(made)
        tables = [f"{kept.head['table']['name']} ({kept.head['table']['fingerprint'][:8]})" for _, kept in named]
        if len(set(tables)) > 1:
            apart = {"table": tables, **apart}
        if apart:
            st.markdown("**What they were asked for, where it differs**")
            frame = pd.DataFrame(
                {"Study": [name for name, _ in named]} | {heading(name): told for name, told in apart.items()}
            )
            widgets.table(frame, "scenario_choices", alt="Choices in which the studies differ", file_name="choices.csv")
        else:
            st.caption("They were asked for the same, of the same table.")
    widgets.folded(
        "Every metric along strength",
        "scenario_metrics",
        lambda: widgets.chart(metrics_beside(lines, widgets.theme(), first=y, split=chosen.split), "metrics_beside"),
        icon=":material/grid_view:",
    )


def _numbers(named: list[tuple[str, Kept]], split: str, x: str, y: str) -> None:
    rows = []
    for name, kept in named:
        line: dict[str, Any] = {"study": name, "strength": kept.head["strength"]}
        for metric in (y, x):
            line |= {f"{metric} {when}": kept.head[when][split][metric] for when in ("before", "after")}
        rows.append(line)
    shown: dict[str, Any] = {
        "study": columns.text("Study", pinned=True),
        "strength": columns.number("Strength", format="plain"),
    }
    for metric in (y, x):
        for when in ("before", "after"):
            title = f"{metric_title(metric)} {when}"
            shown[f"{metric} {when}"] = columns.number(title, format=columns.metric_unit(metric))
    percent = [name for name in shown if columns.metric_unit(name.rpartition(" ")[0]) == columns.PERCENT]
    widgets.table(
        pd.DataFrame(rows).astype({name: float for name in shown if name != "study"}),
        "scenario_numbers",
        alt=f"Studies side by side on {split} rows, before and after",
        columns=shown,
        file_name="side_by_side.csv",
        percent=[name for name in percent if name not in ("study", "strength")],
    )


# ---------------------------------------------------------------------------------------------------------------- list


def _whose(one: Entry) -> str:
    return "you" if one.mine else shorten(one.by or saving.NAMELESS, 40)


def _table(found: list[Entry]) -> None:
    frame = pd.DataFrame([_line(one) for one in found])
    if not sign_in.is_team():
        frame = frame.drop(columns=["owner", "shared"])
    st.session_state[_IDS] = [one.id for one in found]
    st.dataframe(
        frame,
        hide_index=True,
        key=_LIST,
        on_select=_take_row,
        selection_mode="single-row",
        alt="All scenarios with their goal, strength, and the goal's disparity and accuracy before and after",
        placeholder="",
        column_config={
            "name": columns.text("Name", pinned=True, width="medium"),
            "owner": columns.text("Owner"),
            "shared": columns.text("Shared", help="Whether the team may open it."),
            "note": columns.text("Note", width="medium"),
            "saved": columns.text("Saved"),
            "table": columns.text("Table"),
            "rows": columns.text("Rows kept", help="Whether the table's rows are kept in the scenario."),
            "goal": columns.text("Goal"),
            "strength": columns.number("Strength", format="plain"),
            "before": columns.number("Disparity before", format=columns.VALUE, help="The goal's, on test rows."),
            "after": columns.number("after", format=columns.VALUE),
            "accuracy before": columns.number("Accuracy before", format=columns.PERCENT, help="On test rows."),
            "accuracy after": columns.number("after", format=columns.PERCENT),
        },
    )
    widgets.csv_download(frame, "scenarios.csv", key="scenarios_csv")


def _line(one: Entry) -> dict[str, Any]:
    head = one.head
    before, after = (head[when]["test"] for when in ("before", "after"))
    percent = [None if found["accuracy"] is None else 100 * found["accuracy"] for found in (before, after)]
    return {
        "name": one.name,
        "owner": _whose(one),
        "shared": "yes" if one.shared else "",
        "table": shorten(head["table"]["name"], 40),
        "goal": GOAL_TITLES[head["goal"]],
        "strength": head["strength"],
        "before": before[head["metric"]],
        "after": after[head["metric"]],
        "accuracy before": percent[0],
        "accuracy after": percent[1],
        "saved": one.when,
        "rows": "yes" if head["table"]["kept"] else "",
        "note": shorten(one.note, 200),
    }


def _take_row() -> None:
    rows = st.session_state[_LIST].selection.rows
    if rows:
        st.session_state[_PICK] = st.session_state[_IDS][rows[0]]


def _actions(found: dict[str, Entry], names: dict[str, str]) -> None:
    if st.session_state.get(_PICK) not in found:
        opened = state.choices().scenario
        st.session_state[_PICK] = opened if opened in found else next(iter(found))
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="scenario_actions"):
        st.selectbox("Scenario", list(found), format_func=names.__getitem__, key=_PICK, width=380)
        entry = found[st.session_state[_PICK]]
        busy = study_runs.status().situation == "running"
        st.button(
            "Open",
            key="scenario_open",
            icon=":material/folder_open:",
            type="primary",
            on_click=scenarios.open_scenario,
            args=(entry,),
            disabled=busy,
        )
        st.button("Duplicate", key="scenario_double", on_click=scenarios.duplicate, args=(entry,))
        if sign_in.is_team():
            with st.popover("Share", icon=":material/group:", key=f"scenario_sharing_{entry.id}"):
                _share(entry)
        if not entry.mine:
            return
        with st.popover("Rename", icon=":material/edit:", key=f"scenario_edit_{entry.id}"):
            st.text_input("Name", value=entry.name, max_chars=saving.LONGEST_NAME, key=f"{_NEW_NAME}_{entry.id}")
            st.text_area("Note", value=entry.note, max_chars=saving.LONGEST_NOTE, key=f"{_NEW_NOTE}_{entry.id}")
            st.button("Keep", key="scenario_rename", type="primary", on_click=_rename, args=(entry,))
        with st.popover("Delete", icon=":material/delete:", key=f"scenario_drop_{entry.id}"):
            st.markdown(f"Delete **{plain(shorten(entry.name, 60))}** with all that it holds? This cannot be undone.")
            st.button("Delete it", key="scenario_delete", type="primary", on_click=scenarios.delete, args=(entry,))


def _share(entry: Entry) -> None:
    if entry.mine:
        key = f"scenario_shared_{entry.id}_{entry.version}"
        st.toggle(
            "Share with the team",
            value=entry.shared,
            key=key,
            on_change=lambda: scenarios.share(entry, st.session_state[key]),
            help="Everybody who signs in here can then open and copy it, with its rows where it keeps them. You alone "
            "can change or delete it.",
        )
    if entry.shared:
        st.caption("Its link, for everybody who signs in here:")
        st.code(scenarios.link(entry), language=None, wrap_lines=True)
    else:
        st.caption("Nobody else can open it.")


def _rename(entry: Entry) -> None:
    typed = st.session_state
    scenarios.rename(entry, typed[f"{_NEW_NAME}_{entry.id}"], typed[f"{_NEW_NOTE}_{entry.id}"])
