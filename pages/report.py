"""Report: a page for people, files for machines, and what it takes to get the same numbers again."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import streamlit as st

from iffair_core.study.results import StudyResult
from iffair_core.telling import files as outputs
from iffair_core.telling import sentences
from iffair_core.telling.report import PART_TITLES, first_page, parts_of, report_html, report_sections
from iffair_core.telling.reproduce import command_line, fingerprint_covers, independent_check, reproduce_script
from pages.kit import cohort_mode, preview, widgets
from pages.kit.text import plain
from pages.kit.words import word
from pages.parts.causes import asked, tried
from pages.parts.compare import over_seeds
from pages.parts.scenarios import held, saving
from pages.session import log, state
from pages.shell import boot

FILES = (
    ("rows.csv", "text/csv", outputs.rows_csv, "One line per row: split, group, weight, influences, scores."),
    ("rows.parquet", widgets.PARQUET, outputs.rows_parquet, "The same as rows.csv, smaller and with types."),
    ("curve.csv", "text/csv", outputs.curve_csv, "Every strength: metrics predicted and refitted."),
    ("summary.json", "application/json", outputs.summary_json, "Every number of the study, with intervals."),
    ("settings.json", "application/json", outputs.settings_json, "The choices and the table's fingerprint."),
    ("design.parquet", widgets.PARQUET, outputs.design_parquet, "The features as the model saw them."),
    (
        "model.skops",
        "application/zip",
        outputs.model_skops,
        "The repaired model as a scikit-learn pipeline, for raw rows.",
    ),
)
OF_ROWS = ("rows.csv", "rows.parquet", "design.parquet", "model.skops")
WEIGHTS = ("weights.csv", "text/csv", outputs.weights_csv, "Weights by group and outcome.")
PREVIEW_HEIGHT = 760
PART_KEY = "report_part_"
UNTICKED = ("tried",)
"""Parts that join only on request: what was tried by hand names single rows."""
DRAFT = "report_draft"
SETTLE_SECONDS = 0.6

boot.guard("report")
boot.title("report")
result, stale = widgets.need_result("rivals", held.show)
result = over_seeds.with_seeds(asked.with_causes(tried.with_tried(result)))
offered = {name: PART_TITLES[name] for name in parts_of(result)}
current = state.open_table()
source = current.path
usual_title = f"Fairness study of {current.name}"


def download(name: str, kind: str, make: Callable[[], bytes | str], label: str, *, primary: bool = False) -> None:
    """A button whose file is made when it is clicked; not for figures from before the last change."""
    look: dict[str, Any] = {"width": "stretch", "type": "primary" if primary else "secondary", "disabled": bool(stale)}
    widgets.download(label, log.downloaded(name, make), name, kind, key=f"report_{name}", **look)


def printed(result: StudyResult, source: str, draft: dict[str, Any]) -> bytes:
    """The report as the draft has it. The edit that a click on the button ends arrives together with the click."""
    time.sleep(SETTLE_SECONDS)
    return report_html(result, source=source, **draft).encode("utf-8", "backslashreplace")


def parts_label() -> str:
    """How many parts are ticked, as of the last run."""
    ticked = sum(st.session_state.get(f"{PART_KEY}{name}", name not in UNTICKED) for name in offered)
    return f"Parts: {ticked} of {len(offered)}"


with widgets.figures(stale):
    widgets.important(result)
    widgets.sentence(sentences.repair_sentence(result))
    saving.control(result, stale=bool(stale))
    left, right = widgets.thirds()
    with left:
        st.subheader("For people", anchor=False)
        title = st.text_input(
            "Title", placeholder=usual_title, max_chars=200, key="report_title", persist_state="session"
        )
        notes = st.text_area(
            "Notes",
            placeholder="What the decision does, who was asked, what was agreed.",
            max_chars=5_000,
            height=90,
            key="report_notes",
            persist_state="session",
            help="Printed at the end of the first page, as you write it.",
        )
        use = st.text_area(
            "What the model is meant for, and its limits",
            placeholder="Who uses it for which decisions, and for which not.",
            max_chars=2_000,
            height=68,
            key="report_use",
            persist_state="session",
            help="Printed in the model card.",
        )
        with st.popover(parts_label(), icon=":material/checklist:", width="stretch"):
            parts = [
                name
                for name, part in offered.items()
                if st.checkbox(part, value=name not in UNTICKED, key=f"{PART_KEY}{name}", persist_state="session")
            ]
        waiting = []
        rows_told = result.smallest_group is None and current.folder is None
        if "causes" not in offered and rows_told:
            waiting.append(
                f"“{PART_TITLES['causes']}” joins once its three tabs on Influence, cohorts, goals and what to "
                "collect, have been looked at."
            )
        if "tried" not in offered and rows_told:
            waiting.append(
                f"“{PART_TITLES['tried']}” can be ticked once a what if was tried on Influence or a turned decision "
                "traced on Reweight."
            )
        if "seeds" not in offered and current.folder is None:
            waiting.append(f"“{PART_TITLES['seeds']}” joins once Compare has run them.")
        if waiting:
            st.caption(f":material/info: Not in it yet: {' '.join(waiting)}")
        draft = st.session_state.setdefault(DRAFT, {})
        draft.update(title=title or usual_title, notes=notes, use=use, parts=parts)
        download(
            "report.html",
            "text/html",
            lambda: printed(result, source, draft),
            "Download the report (HTML)",
            primary=True,
        )
        st.caption("One file of about 2 MB. It opens without a network, prints, and sends nothing anywhere.")
        st.subheader("For machines", anchor=False)
        files: Sequence[tuple[str, str, Any, str]] = FILES
        if result.smallest_group is not None:
            files = [WEIGHTS, *(file for file in FILES if file[0] not in OF_ROWS)]
            cohort_mode.no_rows(
                result, "rows.csv, design.parquet and model.skops tell of single rows and are not offered."
            )
        elif current.folder is not None:
            files = [file for file in FILES if file[0] not in ("rows.csv", "design.parquet")]
        script = partial(reproduce_script, path=source)
        files = [*files, ("reproduce.py", "text/x-python", script, "Runs the study again, on the same table only.")]
        for name, kind, write, holds in files:
            with st.container(gap="xxsmall"):
                download(name, kind, partial(write, result), name)
                st.caption(holds)
    with right:
        seen, again = st.tabs(["Preview", "The same numbers again"], on_change="rerun", key="report_view")
        if seen.open:
            with seen, st.container(height=PREVIEW_HEIGHT, border=True, key="report_preview"):
                preview.head(
                    title or usual_title,
                    notes,
                    synthetic=result.synthetic,
                    first=first_page(result),
                )
                for part in report_sections(result, parts=parts, theme=widgets.theme(), source=source, use=use):
                    preview.section(part["name"], part["title"], part["blocks"])
        if again.open:
            with again:
                st.markdown(
                    "The same table, choices and seed give the same numbers, on the command line and in Python. "
                    "What you left to be suggested, as the strength or the reference group, is suggested again."
                )
                st.markdown("**Command line**")
                st.code(command_line(result, source), language="bash", wrap_lines=True)
                st.markdown("**reproduce.py**, beside the table")
                st.code(reproduce_script(result, source), language="python")
                covers = fingerprint_covers(result)
                st.markdown(f"Fingerprint of the table, over {covers}: `{result.fingerprint}`", help=word("study"))
                st.markdown(f"**To check it without this program**: {plain(independent_check(result))}")
