"""What an opened scenario holds, shown where its study cannot be: before its table is there, and while it runs."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pandas as pd
import streamlit as st

from iffair_core.errors import shorten
from iffair_core.telling.csv_writing import csv_bytes
from iffair_core.telling.figures.common import metrics_from
from pages.kit import columns, errors, widgets
from pages.kit.text import plain
from pages.kit.words import metric_title
from pages.parts.scenarios import saving
from pages.session import scenarios, state
from pages.session.settings import UPLOAD
from pages.shell import boot

if TYPE_CHECKING:
    from iffair_core.scenarios.record import Kept

_KINDS = {"csv": "text/csv", "json": "application/json"}


def show() -> None:
    """The opened scenario's results; nothing where none is opened."""
    with errors.contained("The scenario cannot be shown"):
        entry = scenarios.opened()
        if entry is None:
            if state.choices().scenario is not None:
                from iffair_core.scenarios.store import GONE

                st.info(plain(GONE), icon=":material/bookmark_remove:")
                boot.link("data", "To the table, on Data")
            return
        kept = scenarios.kept(entry)
        st.subheader(plain(shorten(entry.name, 120)), anchor=False)
        about = kept.head["table"]
        st.caption(f"As it was saved, {saving.saved_by(entry)}, of {plain(shorten(about['name'], 60))}.")
        if entry.note:
            st.markdown(plain(entry.note))
        if state.table() is None:
            _how_to_have_it(about)
        _results(kept)


def _how_to_have_it(about: dict[str, str]) -> None:
    if about["source"] == UPLOAD:
        told = f"The file is not here. Give {shorten(about['name'], 60)} again, and the study runs with these choices."
    else:
        told = "The data set is not on this machine. Download it, and the study runs with these choices."
    st.info(plain(told), icon=":material/table_chart:")
    boot.link("data", "To the table, on Data")


def _results(kept: Kept) -> None:
    from iffair_core.scenarios.beside import line_of
    from iffair_core.telling.figures import curves_beside, metrics_beside

    head, chosen = kept.head, state.choices()
    for told in (*head["findings"], *head["sentences"]):
        st.markdown(plain(told))
    split, metric = chosen.split, head["metric"]
    line = line_of("Saved curve", kept)
    axes = {"x": chosen.utility_axis, "y": chosen.disparity_axis or metric}
    widgets.chart(curves_beside([line], widgets.theme(), **axes, split=split), "held_curve")
    names = metrics_from(metric)
    frame = pd.DataFrame({"metric": [metric_title(name) for name in names]})
    for when in ("before", "after"):
        frame[when] = [head[when][split][name] for name in names]
    number = {when: columns.number(when.capitalize(), format=columns.VALUE) for when in ("before", "after")}
    widgets.table(
        frame.astype({"before": float, "after": float}),
        "held_metrics",
        alt=f"Every metric before and after on {split} rows, as it was saved",
        columns={"metric": columns.text("Metric", pinned=True), **number},
        height="content",
    )
    widgets.folded(
        "Every metric along strength",
        "held_along",
        lambda: widgets.chart(metrics_beside([line], widgets.theme(), first=metric, split=split), "held_multiples"),
        icon=":material/grid_view:",
    )
    if chosen.smallest_group is None or (head["smallest_group"] or 0) >= chosen.smallest_group:
        _downloads(kept)
    else:
        st.caption("Saved without cohort-only mode: its files are offered once the mode is switched off.")


def _downloads(kept: Kept) -> None:
    files = {name: content for name, content in kept.files.items() if name.rpartition(".")[2] in _KINDS}
    with st.container(horizontal=True, gap="small"):
        for name, content in files.items():
            widgets.download(name, content, name, _KINDS[name.rpartition(".")[2]], key=f"held_{name}")
        if kept.rows is not None:
            widgets.download(
                "rows.csv",
                lambda: csv_bytes(pd.read_parquet(io.BytesIO(kept.files["rows.parquet"]))),
                "rows.csv",
                "text/csv",
                key="held_rows.csv",
            )
