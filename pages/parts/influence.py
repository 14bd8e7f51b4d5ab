"""The Influence page's parts: the fidelity badge, the ledger of training rows and its search, the card of a row."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from iffair_core import wording
from iffair_core.study.results import StudyResult
from iffair_core.telling import rows
from iffair_core.telling.figures import Theme, influence_distribution, proof, scatter_axes
from iffair_core.telling.figures.common import MAX_POINTS
from iffair_core.telling.rows import RowFacts, find_rows, inside, row_facts
from pages.kit import cohort_mode, columns, errors, widgets
from pages.kit.text import count, number, percent, plain, value
from pages.kit.widgets import Number
from pages.kit.words import word
from pages.parts.causes import person, what_if
from pages.parts.reweight import repair
from pages.session import state, study_runs

PAGE_ROWS = 100
LEDGER_PIXELS = 248
"""Six rows: the card of a row stands below, and has to come into view on a small screen."""
PICKED = "influence_row"
_LEDGER = "influence_ledger_of_result"
ROLES = {
    "helps both": "It narrows the gap and helps the predictions.",
    "narrows gap, costs utility": "It narrows the gap and hurts the predictions.",
    "widens gap, helps utility": "It widens the gap and helps the predictions.",
    "harms both": "It widens the gap and hurts the predictions.",
}
_DONE = ("if removed", "if doubled", "if relabeled")
_ORDERS = {
    "Widens the gap most": ("gap_if_removed", False),
    "Narrows the gap most": ("gap_if_removed", True),
    "Hurts the predictions most": ("log_loss_if_removed", False),
    "Helps the predictions most": ("log_loss_if_removed", True),
    "Relabeling narrows the gap most": ("gap_if_relabeled", False),
    "Largest leverage": ("leverage", True),
    "Smallest weight": ("weight", False),
    "Largest weight": ("weight", True),
    "Row number": ("row_id", False),
}


def fidelity_line(result: StudyResult) -> None:
    """How far the scores can be trusted, before anything is said with them."""
    if result.has("fidelity"):
        told = widgets.badge(result.fidelity.level, plain(result.fidelity.sentence), "Fidelity")
    elif study_runs.status().situation == "running":
        told = (
            ":gray-badge[:material/hourglass_top: Fidelity: verifying …] :small[Row scores are being checked against "
            "models that are really refitted.]"
        )
    else:
        told = (
            ":gray-badge[:material/help: Fidelity: not verified] :small[The study ended before the row scores were "
            "checked. Run it again to check them.]"
        )
    st.markdown(told, help=word("fidelity"))


def cards(result: StudyResult) -> list[Number]:
    """Training rows, the part of the gap that the top 1 % make, rows checked by refits, mean leverage."""
    top, part = rows.widening_rows(result)
    checked = (
        Number("Rows refitted without", "…", "not checked yet", "fidelity")
        if not result.has("fidelity")
        else Number(
            "Rows refitted without",
            count(result.fidelity.checked),
            f"scores {percent(result.fidelity.removal_error)} off",
            help=f"{word('fidelity')} Each of these rows was left out and the model really fitted again.",
        )
    )
    return [
        Number("Training rows scored", count(result.goal.removal.size), "each by its removal effect", "removal effect"),
        Number(
            f"Made by {count(top.size)} rows (top {percent(top.size / result.goal.removal.size, 0)})",
            percent(part),
            f"of the {wording.points(result.goal.value, signed=False)}, predicted",
            help="The sum of the removal effects of the training rows that widen the gap most, as a share of "
            f"the soft gap ({plain(result.goal.label)}). Other rows narrow it, so it can pass 100 %. "
            f"{word('predicted')}",
        ),
        checked,
        Number(
            "Mean leverage",
            number(float(result.leverage.mean())),
            f"largest {number(float(result.leverage.max()))}" if result.smallest_group is None else " ",
            help="How much a row pulls the model towards itself, 0 to 1. Scores of rows with a large leverage, and of "
            "studies with a large mean, are less sure.",
        ),
    ]


def by_cohort(result: StudyResult, theme: Theme) -> None:
    """What the page shows in cohort-only mode: rows by group and outcome together, and the proof in means."""
    cohort_mode.no_rows(
        result,
        "So there is no map of rows, no ledger and no card of a row. Here is what the rows of each group and outcome "
        "do to the gap together, and how well such effects were predicted.",
    )
    widgets.chart(influence_distribution(result, theme), "influence_cells")
    widgets.tabs(
        "influence_cohort_tab",
        {
            "By group and outcome": lambda: cohort_mode.effects(result),
            "Proof by refits": lambda: proven(result, theme),
        },
    )


def proven(result: StudyResult, theme: Theme) -> None:
    """How well the row scores agree with real refits, once that is known."""
    if not result.has("fidelity"):
        fidelity_line(result)
    else:
        widgets.chart(proof(result.fidelity, theme, smallest=result.smallest_group), "influence_proof")


def rows_in_selection(event: Any, result: StudyResult) -> np.ndarray | None:
    """row_ids that the picture's selection holds; None where nothing is selected.

    Where not every row is drawn, a box or lasso holds every row inside it, drawn or not.
    """
    selection: Mapping[str, Sequence[Any]] = (event or {}).get("selection") or {}
    boxes, lassos = selection.get("box") or (), selection.get("lasso") or ()
    points = selection.get("points") or ()
    if (boxes or lassos) and result.train_rows.size > MAX_POINTS:
        within = inside(*scatter_axes(result), boxes, lassos)
        return result.dataset.row_id[result.train_rows][within]
    if not (boxes or lassos or points):
        return None
    return np.unique([_row_id(point["customdata"]) for point in points]).astype(np.int64)


def _row_id(customdata: Any) -> int:
    # The browser turns a typed array into {"0": first, ...}, and a plain list into a list.
    return int(customdata["0"] if isinstance(customdata, Mapping) else customdata[0])


def full_ledger(result: StudyResult) -> pd.DataFrame:
    """`rows.ledger(result)`, worked out once for a result."""
    kept = st.session_state.get(_LEDGER)
    if kept is None or kept[0] is not result:
        kept = (result, rows.ledger(result))
        st.session_state[_LEDGER] = kept
    return kept[1]


# ---------------------------------------------------------------------------------------------------------- explorer


@st.fragment
@errors.contained()
def explorer(result: StudyResult, only: np.ndarray | None) -> None:
    """The ledger with search, filters, order, pages and downloads, and under it the card of the chosen row."""
    ledger = full_ledger(result)
    orders = [name for name, (column, _) in _ORDERS.items() if column in ledger.columns]
    with st.grid(4, min_column_width=190, gap="small"):
        words = st.text_input(
            "Search",
            key="influence_search",
            placeholder="row number or values",
            help="Every word has to occur in a text of the row, or be its row number or one of its numbers. Rows of a "
            "folder are found by their number alone.",
            persist_state="session",
        )
        groups = st.multiselect("Groups", result.dataset.groups, key="influence_groups", placeholder="all")
        roles = st.multiselect(
            "Roles",
            rows.QUADRANTS,
            key="influence_roles",
            placeholder="all",
            help=" ".join(f"{role.capitalize()}: {text}" for role, text in ROLES.items()),
        )
        order = st.selectbox("Order", orders, key="influence_order")
    sort, descending = _ORDERS[order]
    in_folder = state.open_table().folder is not None
    searched = pd.DataFrame() if in_folder else state.frame()
    found = find_rows(
        ledger, searched, words=words, only=only, groups=groups, roles=roles, sort=sort, descending=descending
    )
    _say_how_many(len(found), len(ledger), selected=only is not None)
    if len(found):
        _page(found, _columns(ledger), result.fingerprint)
    # Right under the table, so that the card of a row that was ticked comes into view.
    picked = int(only[0]) if only is not None and len(only) == 1 else _picked(result)
    if picked is not None and (ledger["row_id"] == picked).any():
        widgets.with_rows(lambda: row_card(result, row_facts(result, searched, picked)))()
    if len(found) and not in_folder:
        what_if.check_rows(result, found["row_id"].tolist())
    with st.container(horizontal=True, gap="small"):
        widgets.csv_download(
            ledger, "ledger.csv", label=f"Download the ledger ({count(len(ledger))} rows)", key="influence_csv"
        )
        if 0 < len(found) < len(ledger):
            widgets.csv_download(
                found, "ledger_rows.csv", label=f"Download these {count(len(found))} rows", key="influence_found_csv"
            )
    if 0 < len(found) < len(ledger) and not in_folder:
        _try(result, found["row_id"].to_numpy(), words)


def _try(result: StudyResult, row_ids: np.ndarray, words: str) -> None:
    """What changing the rows that were found would do."""
    these = f"these {count(row_ids.size)} rows" if row_ids.size > 1 else "this row"
    what = f"found in the ledger by {words}" if words.strip() else "found in the ledger"
    widgets.folded(
        f"What if {these} were left out, doubled or relabeled?",
        "influence_try",
        lambda: what_if.what_if(result, what_if.positions(result, row_ids), "found", what),
        icon=":material/experiment:",
    )


def _say_how_many(found: int, of: int, *, selected: bool) -> None:
    where = " in the picture's selection" if selected else ""
    if not found:
        st.info(f"None of the {count(of)} training rows fits{where}. Loosen the search.", icon=":material/search_off:")
        return
    shown = f"All {count(of)} training rows" if found == of else f"{count(found)} of {count(of)} training rows{where}"
    st.caption(
        f"{shown}. “If removed” is what leaving the row out is predicted to change: negative narrows the gap, positive "
        "widens it; a negative change of log loss means better predictions. Select a row to open its card."
    )


def _page(found: pd.DataFrame, shapes: dict[str, Any], fingerprint: str) -> None:
    """One page of the rows: only these are sent to the browser. Other rows or another order begin at page 1."""
    pages = -(-len(found) // PAGE_ROWS)
    these = f"{zlib.crc32(found['row_id'].to_numpy().tobytes()):x}"
    place = st.session_state.get(f"influence_page_{these}", 1)
    shown = found.iloc[(place - 1) * PAGE_ROWS : place * PAGE_ROWS]
    key = f"influence_rows_{these}_{place}"
    st.dataframe(
        widgets.in_percent(shown, ["gap_if_removed", "gap_if_relabeled", "score"]),
        key=key,
        hide_index=True,
        height=min(38 + 35 * len(shown), LEDGER_PIXELS),
        column_config=shapes,
        alt="Ledger of training rows: predicted effect of each on the gap and on the predictions",
        on_select=partial(_pick, key, fingerprint, shown["row_id"].tolist()),
        selection_mode="single-row",
    )
    if pages > 1:
        st.pagination(pages, key=f"influence_page_{these}")
        st.caption("A click on a column's name sorts this page; “Order” sorts all rows.")


def _pick(key: str, fingerprint: str, ids: Sequence[int]) -> None:
    rows = st.session_state[key]["selection"]["rows"]
    st.session_state[PICKED] = (fingerprint, ids[rows[0]]) if rows else None


def _picked(result: StudyResult) -> int | None:
    """The row whose card is open, unless it was opened for another table."""
    fingerprint, row_id = st.session_state.get(PICKED) or (None, None)
    return row_id if fingerprint == result.fingerprint else None


def _columns(lines: pd.DataFrame) -> dict[str, Any]:
    points, nats = (
        _digits(lines[name], scale) for name, scale in (("gap_if_removed", 100), ("log_loss_if_removed", 1))
    )
    shown = {
        "row_id": columns.number("Row", format="%d", pinned=True, help=word("row")),
        "group": columns.text("Group"),
        "outcome": columns.text("Recorded as"),
        "gap_if_removed": columns.number(
            "Gap if removed (points)", format=points, help=f"Predicted. {word('removal effect')} Negative narrows it."
        ),
        "gap_if_relabeled": columns.number(
            "Gap if relabeled (points)", format=points, help=f"Predicted. {word('relabel effect')}"
        ),
        "log_loss_if_removed": columns.number(
            "Log loss if removed", format=nats, help="Predicted. Negative: the predictions get better without it."
        ),
        "role": columns.text("Role"),
        "leverage": columns.number("Leverage", format="%.4f"),
        "score": columns.number(
            "Score (%)", format="%.1f", help="P(favorable) by the ordinary model, which was trained on this row."
        ),
        "weight": columns.number("Weight", format="%.2f", help="At the chosen strength; mean 1."),
    }
    return {name: column for name, column in shown.items() if name in lines.columns}


def _digits(values: pd.Series, scale: float) -> str:
    """A format with as many decimals for the whole column as its largest value needs for three digits, and one more."""
    largest = scale * float(values.abs().max())
    return f"%+.{min(10, max(1, 3 - math.floor(math.log10(largest))))}f" if largest > 0 else "%+.1f"


# -------------------------------------------------------------------------------------------------------------- card


def row_card(result: StudyResult, facts: RowFacts) -> None:
    """One row: who it is, what it does, what would happen without it, and its values in the file."""
    with st.container(border=True, key="row_card", gap="small"):
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.markdown(f"**Row {facts.row_id}** · {value(facts.group)} · recorded as {value(facts.outcome)}")
            st.badge(facts.role, color="gray", help=ROLES[facts.role])
            repair.pin_button(facts.row_id, "row", "influence_pin", "tertiary")
            st.button(
                "Close", key="influence_close", icon=":material/close:", type="tertiary", on_click=_close, help="Close"
            )
        st.markdown(" ".join(_story(result, facts)))
        st.markdown("**What would happen** :small[:gray[predicted, in points, to each gap on validation rows]]")
        st.dataframe(
            facts.effects.assign(
                **{name: [f"{x:+#.3g}".replace("-", "−") for x in facts.effects[name]] for name in _DONE}
            ),
            hide_index=True,
            height="content",
            alt=f"Predicted change of each quantity if row {facts.row_id} were removed, doubled or relabeled",
            key="influence_card_effects",
            column_config={
                "quantity": columns.text("Quantity", width="medium"),
                **{name: columns.text(name.capitalize(), width="small", alignment="right") for name in _DONE},
            },
        )
        person.values(result, facts)
        person.more(result, facts.row_id)


def _story(result: StudyResult, facts: RowFacts) -> list[str]:
    told = [
        f"Number {count(facts.rank)} of {count(facts.of)} in widening the gap.",
        f"Leverage {number(facts.leverage)}.",
        _without(facts),
    ]
    if facts.score_after is None or facts.weight is None:
        return [*told, f"Score {percent(facts.score_before)}."]
    return [
        *told,
        f"Weight {facts.weight:.2f} at strength {result.strength:g};",
        f"its score goes from {percent(facts.score_before)} to {percent(facts.score_after)} (refitted).",
    ]


def _without(facts: RowFacts) -> str:
    if not facts.flips:
        return "Removing it is predicted to flip no decision on validation rows."
    return (
        f"Removing it is predicted to flip {count(facts.flips)} decision{'s' * (facts.flips > 1)} on validation rows: "
        f"{wording.points(facts.hard_gap_if_removed, 2)} in the hard gap."
    )


def _close() -> None:
    st.session_state[PICKED] = None
