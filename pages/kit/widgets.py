"""What pages are built from: the finding in a sentence, number cards, pictures with their table, downloads, states."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd
import streamlit as st

from iffair_core.errors import IFFairError, shorten
from iffair_core.study.config import BALANCED
from iffair_core.telling.csv_writing import csv_bytes
from iffair_core.telling.figures.common import Picture
from pages.kit import errors
from pages.kit.poll import waiting
from pages.kit.text import listed, plain
from pages.kit.words import STAGE_TITLES, word
from pages.session import state, study_runs
from pages.shell import boot

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

    from iffair_core.study.results import StudyResult

CHART_CONFIG = {
    "showSendToCloud": False,
    "displaylogo": False,
    "displayModeBar": "hover",
    "modeBarButtonsToRemove": ["zoomIn2d", "zoomOut2d", "autoScale2d"],
    "responsive": True,
}
PARQUET = "application/vnd.apache.parquet"


def theme() -> Literal["light", "dark"]:
    """The theme of this visitor's screen, for figures."""
    return "dark" if st.context.theme.type == "dark" else "light"


# ------------------------------------------------------------------------------------------------------------ layout


def thirds() -> tuple[DeltaGenerator, DeltaGenerator]:
    """(left third, right two thirds) of the page; one above the other where the screen is narrow."""
    grid = st.grid(3, min_column_width=280, gap="large")
    return grid.cell(), grid.cell(column_span=2)


def halves(narrowest: int = 380) -> tuple[DeltaGenerator, DeltaGenerator]:
    """(left, right) half of the page; one above the other where a half would be narrower than `narrowest` pixels."""
    grid = st.grid(2, min_column_width=narrowest, gap="medium")
    return grid.cell(), grid.cell()


def tabs(key: str, parts: Mapping[str, Callable[[], object]]) -> None:
    """Tabs by title, of which only the one that is open is drawn."""
    for tab, draw in zip(st.tabs(list(parts), on_change="rerun", key=key), parts.values(), strict=True):
        if tab.open:
            with tab:
                draw()


def with_rows(draw: Callable[[], None]) -> Callable[[], None]:
    """What draws something of single rows; where they stay on a cluster, a line says instead that it is left out."""
    current = state.table()
    left_out = "Left out: it needs the table's rows in one place, and those of a folder stay with the workers."
    if current is None or current.folder is None:
        return draw

    def say() -> None:
        st.caption(left_out)

    return say


def folded(title: str, key: str, draw: Callable[[], object], icon: str = ":material/table_rows:") -> None:
    """A table that is folded away, and drawn only once it is opened."""
    panel = st.expander(title, icon=icon, key=key, type="compact", on_change="rerun")
    if panel.open:
        with panel:
            draw()


# ------------------------------------------------------------------------------------------------- finding, numbers


def sentence(text: str) -> None:
    """The finding: one plain sentence with its uncertainty. Shown literally, so it may hold values of the file."""
    st.subheader(plain(text), anchor=False)


def important(result: StudyResult) -> None:
    """What to know before any number, above the finding, shown literally, with the choice that takes care of it."""
    told = result.findings
    if not told:
        return
    st.warning("\n\n".join(map(plain, told)), icon=":material/priority_high:")
    if result.offers_threshold and state.choices().threshold != BALANCED:
        st.button(
            "Choose the threshold on validation rows",
            key="important_threshold",
            icon=":material/tune:",
            on_click=_take_balanced_threshold,
        )


def _take_balanced_threshold() -> None:
    state.update(threshold=BALANCED)
    study_runs.start()


_BADGES = {
    "green": ("green", ":material/check_circle:"),
    "amber": ("orange", ":material/change_history:"),
    "red": ("red", ":material/report:"),
    "not judged": ("gray", ":material/help:"),
}


def badge(level: str, told: str, what: str = "Check") -> str:
    """Markdown: how far something can be trusted, in color, symbol and word, and why in small type beside it."""
    color, icon = _BADGES[level]
    return f":{color}-badge[{icon} {what} {level}] :small[{told}]"


@dataclass(frozen=True)
class Number:
    """A number card: `small` is its interval or unit in small type, `term` a word of `words.word` for the help."""

    label: str
    value: str
    small: str = ""
    term: str | None = None
    help: str | None = None


def numbers(cards: Sequence[Number]) -> None:
    """Number cards side by side; they wrap on a narrow screen."""
    with st.grid(len(cards), min_column_width=190, gap="small"):
        for card in cards:
            st.metric(
                card.label,
                card.value,
                delta=card.small or " ",
                delta_color="off",
                delta_arrow="off",
                help=card.help or (word(card.term) if card.term else None),
                border=True,
                height="stretch",
            )


def notes(title: str, told: Sequence[str]) -> None:
    """Warnings about the table and the study, one line each, shown literally; nothing where there is none."""
    if told:
        with st.container(border=True, gap="xsmall"):
            st.markdown(f"**{title}**")
            for text in told:
                st.markdown(f":material/info: {plain(shorten(text, 1200))}")


# ---------------------------------------------------------------------------------------------- pictures and tables


def chart(
    picture: Picture,
    key: str,
    *,
    on_select: Literal["ignore", "rerun"] | Callable[..., None] = "ignore",
    selection_mode: Sequence[Literal["points", "box", "lasso"]] = ("points", "box", "lasso"),
) -> Any:
    """A picture with its alternative text, its caption and, one click away, the table behind it.

    Returns Streamlit's selection state where `on_select` asks for one.
    """
    event = st.plotly_chart(
        picture.figure,
        theme=None,
        config=CHART_CONFIG,
        alt=picture.alt,
        key=key,
        on_select=on_select,
        selection_mode=selection_mode,
    )
    if picture.caption:
        st.caption(plain(picture.caption))
    alt = f"Numbers of the picture: {picture.alt}"
    folded("Table of this picture", f"{key}_table", lambda: table(picture.table, f"{key}_numbers", alt=alt))
    return event


def table(
    frame: pd.DataFrame,
    key: str,
    *,
    alt: str,
    columns: dict[str, Any] | None = None,
    height: int | Literal["auto", "content"] = "auto",
    file_name: str | None = None,
    shown: pd.DataFrame | None = None,
    percent: Sequence[str] = (),
    placeholder: str = "not estimable",
) -> None:
    """A sortable table; with `file_name`, a button under it that downloads `frame` as CSV.

    `shown` is drawn instead of `frame`, where the screen says more or less than the file; of either, shares in the
    columns `percent` are drawn in percent. `placeholder` stands for missing values.
    """
    drawn = frame if shown is None else shown
    st.dataframe(
        in_percent(drawn, percent),
        hide_index=True,
        column_config=columns,
        height=height,
        alt=alt,
        key=key,
        placeholder=placeholder,
    )
    if file_name is not None:
        csv_download(frame, file_name, key=f"{key}_csv")


def in_percent(frame: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    """The frame with the shares of these columns in percent."""
    return frame.assign(**{name: 100 * frame[name].astype(float) for name in columns})


def csv_download(frame: pd.DataFrame, file_name: str, *, label: str = "Download CSV", key: str | None = None) -> None:
    """A button that downloads the frame as CSV; the file is made when it is clicked."""
    download(label, lambda: csv_bytes(frame), file_name, "text/csv", key=key or f"csv_{file_name}")


def parquet_download(frame: pd.DataFrame, file_name: str, *, key: str) -> None:
    """A button that downloads the frame as Parquet; the file is made when it is clicked."""
    from iffair_core.telling.files import parquet_bytes

    download("As Parquet", lambda: parquet_bytes(frame), file_name, PARQUET, key=key)


def download(
    label: str, content: bytes | str | Callable[[], bytes | str], file_name: str, mime: str, *, key: str, **look: Any
) -> None:
    """A button that downloads a file, and runs no page for it; what makes `content` is called when it is clicked."""
    st.download_button(
        label,
        data=content,
        file_name=file_name,
        mime=mime,
        key=key,
        icon=":material/download:",
        on_click="ignore",
        **look,
    )


# ---------------------------------------------------------------------------------------- stale, running, empty pages


def need_result(stage: str, meanwhile: Callable[[], None] | None = None) -> tuple[StudyResult, list[str]]:
    """(result, what changed since) once this stage of the study has finished; else show why not, and stop the page.

    The result is as it may be shown (`iffair_core.study.disclosure`).

    Says what belongs here and offers the one button that gets it; while a study runs it holds the place. `meanwhile`
    draws what can be shown without a study.
    """
    result, stale = study_runs.current_result()
    if result is not None and result.has(stage):
        from iffair_core.study.disclosure import disclosed

        return disclosed(result), stale
    now = study_runs.status()
    if now.situation == "running" and now.job is not None:
        stage = waiting(now.job) or STAGE_TITLES[now.job.doing]
        st.markdown(f":gray[{stage} … this page fills in as soon as its stage has finished.]")
        st.skeleton(height=90)
        st.skeleton(height=420)
    else:
        _say_why_empty(now)
    if meanwhile is not None:
        meanwhile()
    st.stop()
    raise AssertionError("st.stop does not return")


def _say_why_empty(now: study_runs.Status) -> None:
    if now.situation == "failed" and now.error is not None:
        errors.show(now.error, "The study could not be finished")
        run_button("empty_again", "Run again")
    elif now.situation == "unfit" and now.error is not None:
        errors.show(now.error, "The choices do not fit the table")
        boot.link("data", "Change them on Data")
    elif now.situation == "no table" and state.choices().scenario is not None:
        return  # what is shown of the scenario says how to have its table
    elif now.situation in ("no table", "incomplete"):
        st.info("Nothing to show yet: choose a table, its outcome and its groups first.", icon=":material/table_chart:")
        boot.link("data", "Choose them on Data")
    elif now.situation == "cancelled":
        st.info("The study was cancelled before it reached this page.", icon=":material/stop_circle:")
        run_button("empty_resume", "Run the study")
    else:
        st.info("This table has not been studied yet with these choices.", icon=":material/play_circle:")
        run_button("empty_run", "Run the study")


def run_button(key: str, label: str, *, width: Literal["content", "stretch"] = "content") -> None:
    """A button that runs the study of the current choices."""
    st.button(
        label,
        key=key,
        type="primary",
        icon=":material/play_arrow:",
        on_click=study_runs.start,
        width=width,
    )


@contextmanager
def figures(stale: Sequence[str]) -> Iterator[None]:
    """A block of figures; grayed, with a line that says what changed, where `stale` is not empty."""
    if not stale:
        with st.container(key="current_figures"):
            yield
        return
    st.warning(
        f"Figures from before your last change: {plain(listed(stale))}. {plain(_renewal())}", icon=":material/history:"
    )
    st.html("<style>.st-key-stale_figures { opacity: 0.4; filter: grayscale(1); }</style>")
    with st.container(key="stale_figures"):
        yield


def _renewal() -> str:
    """What brings figures for the choices as they are now."""
    now = study_runs.status()
    if now.situation == "unfit" and now.error is not None:
        return f"No study fits the choices as they are now: {shorten(now.error, 600)} Change them on Data."
    if now.situation == "failed" and isinstance(now.error, IFFairError):
        return f"The study of the choices as they are now could not be finished: {shorten(now.error, 600)}"
    if now.situation == "incomplete":
        return "Choose the outcome, its favorable value and the groups on Data to renew them."
    return "The study that renews them is running." if now.situation == "running" else "Run the study to renew them."
