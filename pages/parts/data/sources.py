"""Where the table comes from: the example, a public data set, or a file of the user's own; and forgetting that file."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from iffair_core.datasets.catalog import DATASETS, CatalogEntry
from iffair_core.datasets.catalog import EXAMPLE as EXAMPLE_ENTRY
from pages.kit import errors
from pages.kit.poll import bar, poll
from pages.kit.text import count, plain, value
from pages.parts.causes import asked
from pages.parts.data import checks_panel
from pages.session import drafts, folders, sign_in, state, study_runs, uploads
from pages.session.settings import EXAMPLE, UPLOAD
from pages.session.state import CurrentTable
from pages.session.work import UnderWay, Work

CATALOG = "catalog"
FOLDER = "folder"
_PANEL = "source_panel"
_PANEL_OF = "source_of_panel"
_PICK = "catalog_pick"
_PICK_FOLDER = "folder_pick"
DOWNLOAD = UnderWay[CurrentTable]("download")
_ASK = "ask_to_forget"
_FORGOT = "forgotten_just_now"
_DRAFT, _DRAFT_ERROR = "draft_keep", "draft_error"
_SOURCES = {EXAMPLE: "Example", CATALOG: "Public data", UPLOAD: "Your own file", FOLDER: "Folder"}
_PUBLIC = {entry.name: entry for entry in DATASETS if entry.name != EXAMPLE}


def pick_source() -> None:
    """Which table is shown. Whatever cannot be had or read changes nothing."""
    if st.session_state.pop(_FORGOT, None):
        # A new session begins; the one before ends, and Streamlit drops the file that it was given.
        st.html("<script>window.location.reload()</script>", unsafe_allow_javascript=True)
    source = state.choices().source
    in_folder = source.startswith(folders.MARK)
    if _PANEL not in st.session_state or st.session_state.get(_PANEL_OF) != source:
        st.session_state[_PANEL] = FOLDER if in_folder else source if source in _SOURCES else CATALOG
        st.session_state[_PANEL_OF] = source
        if source in _PUBLIC:
            st.session_state[_PICK] = source
        if in_folder:
            st.session_state[_PICK_FOLDER] = source.removeprefix(folders.MARK)
    st.segmented_control(
        "Table",
        [name for name in _SOURCES if name != FOLDER or in_folder or folders.names()],
        format_func=_SOURCES.__getitem__,
        key=_PANEL,
        required=True,
        wrap=True,
        on_change=state.here(_panel_changed),
    )
    panel = st.session_state[_PANEL]
    if panel == EXAMPLE:
        st.caption(plain(EXAMPLE_ENTRY.description))
    elif panel == CATALOG:
        _pick_public()
    elif panel == FOLDER:
        _pick_folder()
    else:
        _pick_own()


def shows_own_file() -> bool:
    """Whether the panel of the user's own file is open."""
    return st.session_state.get(_PANEL) == UPLOAD


def _panel_changed() -> None:
    panel = st.session_state[_PANEL]
    uploads.dismiss()
    if panel == EXAMPLE or (panel == UPLOAD and state.uploaded() is not None):
        state.use_source(panel)
    elif panel == CATALOG and state.is_here(st.session_state.get(_PICK) or ""):
        state.use_source(st.session_state[_PICK])
    elif panel == FOLDER:
        _folder_changed()


# ---------------------------------------------------------------------------------------------------- public data set


def _pick_public() -> None:
    st.session_state[_PICK] = st.session_state.get(_PICK)
    st.selectbox(
        "Data set",
        list(_PUBLIC),
        index=None,
        format_func=lambda name: _PUBLIC[name].title,
        placeholder="Which public data set?",
        key=_PICK,
        on_change=state.here(_public_changed),
        help="Data sets that the literature on fairness uses. Each comes with its usual outcome and groups, "
        "which you can change.",
    )
    entry = _PUBLIC.get(st.session_state[_PICK])
    if entry is None:
        return
    st.caption(plain(entry.description))
    if not state.is_here(entry.name) or entry.name in state.source_errors():
        _fetch(entry)
    with st.expander("About this data set", icon=":material/menu_book:", type="compact"):
        _about(entry)


def _public_changed() -> None:
    name = st.session_state[_PICK]
    if name is not None and state.is_here(name) and name not in state.source_errors():
        state.use_source(name)


def _about(entry: CatalogEntry) -> None:
    lines = [f"**{count(entry.rows)} rows.** License: {plain(entry.license)}."]
    lines += [f"Source: {plain(entry.source)}"] if entry.source else []
    lines += [f"Cite: {plain(entry.citation)}"] if entry.citation else []
    st.markdown("  \n".join(lines))
    if entry.pitfalls:
        st.markdown("**What to know before using it**")
        st.markdown("\n".join(f"- {plain(pitfall)}" for pitfall in entry.pitfalls))


def _size(entry: CatalogEntry) -> str:
    total = sum(file.bytes for file in entry.files)
    return f"{total / 1e6:.1f} MB" if total >= 1e6 else f"{max(total / 1e3, 1):.0f} kB"


def _fetch(entry: CatalogEntry) -> None:
    """The way to a data set that this machine has not: a button, then the progress; why it failed, if it did."""
    now = DOWNLOAD.now()
    if now is not None and now[0] == entry.name:
        if _collect():
            state.rerun()
        poll(DOWNLOAD.is_over, lambda: bar(now[1], "Downloading", "download_cancel", DOWNLOAD.stop))
        return
    error = state.source_errors().get(entry.name)
    if error is not None:
        errors.show(error, "The data set could not be had")
        kept = state.table()
        if kept is not None:
            st.caption(f"Still shown: {value(kept.title)}, with your choices.")
    st.button(
        f"Try again ({_size(entry)})" if error else f"Download ({_size(entry)})",
        key="data_download",
        icon=":material/download:",
        on_click=_start_download,
        args=(entry.name,),
        help="From its publisher to this machine, once; every file is checked against its SHA-256.",
    )


def _start_download(name: str) -> None:
    state.source_errors().pop(name, None)
    work = Work[CurrentTable](lambda work: state.catalog_table(name, work.report, work.stop_check), "download")
    DOWNLOAD.begin(name, work)
    _collect(wait=0.3)


def _collect(wait: float = 0.0) -> bool:
    done = DOWNLOAD.taken(wait)
    if done is None:
        return False
    name, ended = done
    if ended.value is not None:
        state.note_here(name)
        state.use_source(name)
    elif ended.error is not None:
        state.source_errors()[name] = errors.noted(ended.error)
    return True


# ------------------------------------------------------------------------------------------------------------- folder


def _pick_folder() -> None:
    st.session_state[_PICK_FOLDER] = st.session_state.get(_PICK_FOLDER)
    st.selectbox(
        "Folder",
        folders.names(),
        index=None,
        placeholder="Which folder of Parquet files?",
        key=_PICK_FOLDER,
        on_change=state.here(_folder_changed),
        help="Folders that this server offers. Their rows stay with the workers of a Dask cluster, so that tables fit "
        "that are larger than this server's memory.",
    )
    current, source = state.table(), state.choices().source
    error = state.source_errors().get(source)
    if error is not None:
        errors.show(error, "The folder cannot be opened")
        st.button("Try again", key="folder_again", on_click=_try_again, args=(source,))
    elif current is not None and current.folder is not None:
        st.caption(
            f"What columns look like is told from the first {count(len(current.frame))} of {count(current.rows)} rows; "
            "outcome, groups and the study take all of them."
        )


def _try_again(source: str) -> None:
    state.source_errors().pop(source, None)


def _folder_changed() -> None:
    name = st.session_state.get(_PICK_FOLDER)
    if name is not None:
        state.use_source(f"{folders.MARK}{name}")


# ----------------------------------------------------------------------------------------------------------- own file


def _pick_own() -> None:
    limit = uploads.limit_megabytes()
    st.file_uploader(
        f"CSV, text, gz, zip, Parquet, Feather or Excel, up to {limit} MB",
        key=uploads.widget_key(),
        on_change=uploads.take,
        help="How it is written is found out from its content, whatever its name. The table stays in this session: "
        "it is not stored unless you say so, no other visitor sees it, and nothing is sent to another machine.",
    )
    loaded = state.uploaded()
    if loaded is not None and st.session_state.get(uploads.widget_key()) is None:
        # Streamlit empties the uploader when another page is opened; the table stays.
        st.caption(
            f":material/check: Loaded: {value(loaded.name)}, {count(len(loaded.frame))} rows. Another file takes its "
            "place."
        )
    now = uploads.READING.now()
    if now is not None:
        if uploads.collect():
            state.rerun()
        what = f"Reading {value(now[0][0].name)}"
        poll(uploads.READING.is_over, lambda: bar(now[1], what, "reading_cancel", uploads.stop))
    _say_what_became_of_it()
    with errors.contained("Your draft cannot be had"):
        _draft()
    if uploads.held() is not None or state.upload_choices() is not None:
        st.button(
            "Forget my data",
            key="data_forget",
            icon=":material/delete_forever:",
            type="tertiary",
            on_click=_ask_to_forget,
        )
    if st.session_state.get(_ASK):
        _forget_dialog()


def _draft() -> None:
    """Whether the file is kept for a reload; the way back to one that was."""
    error = st.session_state.pop(_DRAFT_ERROR, None)
    if error is not None:
        errors.show(error, "Your draft was not changed")
    kept = drafts.kept_upload()
    if kept is not None:
        st.button(
            f"Open {value(kept)} again",
            key="draft_open",
            icon=":material/history:",
            on_click=_with_draft,
            args=(drafts.open_kept,),
            help="You had your draft keep it.",
        )
    elif state.choices().source == UPLOAD and state.table() is not None and state.choices().smallest_group is None:
        st.toggle(
            "Keep this file for a reload",
            **state.bound(
                _DRAFT,
                drafts.keeps_rows(),
                lambda kept: _with_draft(drafts.keep_rows if kept else drafts.drop_rows),
            ),
            help="Its rows, your choices and the report's words are then kept in the database of scenarios, for "
            f"{'you' if sign_in.is_team() else 'this browser'} only, for 30 days or until you forget your data. "
            "Otherwise a reload loses the file.",
        )


def _with_draft(change: Callable[[], None]) -> None:
    try:
        change()
    except Exception as fault:
        st.session_state[_DRAFT_ERROR] = errors.noted(fault)


def _say_what_became_of_it() -> None:
    error, kept = uploads.error(), state.table()
    if error is not None:
        errors.show(error, "The file was not taken")
    elif uploads.stopped():
        st.info("The reading was cancelled.", icon=":material/stop_circle:")
        st.button("Read the file", key="data_read_again", icon=":material/play_arrow:", on_click=uploads.read)
    elif state.lost_choices() and uploads.READING.now() is None:
        lost = state.lost_choices()
        more = f" And {len(lost) - 3} more." if len(lost) > 3 else ""
        st.warning(plain(" ".join(lost[:3]) + more) + " Your other choices are kept.", icon=":material/rule:")
    if (error is not None or uploads.stopped()) and kept is not None:
        st.caption(f"Still shown: {value(kept.name)}, with your choices.")


# ------------------------------------------------------------------------------------------------------------- forget


def _ask_to_forget() -> None:
    st.session_state[_ASK] = True


def _ask_no_more() -> None:
    st.session_state.pop(_ASK, None)


@st.dialog("Forget your data?", icon=":material/delete_forever:", on_dismiss=_ask_no_more)
def _forget_dialog() -> None:
    if st.session_state.get(_FORGOT):
        # A dialog runs by itself, without the page around it.
        state.rerun()
    st.markdown(
        "The table, everything worked out from it, and every choice that names its columns or values leave this "
        "session at once, and the synthetic example is shown. This cannot be undone."
    )
    error = st.session_state.pop(_DRAFT_ERROR, None)
    if error is not None:
        errors.show(error, "Not forgotten: your draft could not be deleted")
    st.caption(
        "A draft that keeps the file is deleted too; scenarios that you saved stay. The server lets go of the file "
        "itself two minutes from now, once another visitor comes or goes. Files that you downloaded are yours. The "
        "history of your browser may still hold addresses with names of columns."
    )
    with st.container(horizontal=True):
        st.button("Forget my data", key="forget_confirm", type="primary", on_click=forget)
        if st.button("Keep it", key="forget_keep"):
            _ask_no_more()
            state.rerun()


def forget() -> None:
    """Stop whatever works on the upload, and leave nothing of it in session and draft. Use it as a callback."""
    try:
        drafts.drop_rows()
    except Exception as fault:
        st.session_state[_DRAFT_ERROR] = errors.noted(fault)
        return
    uploads.stop()
    DOWNLOAD.stop()
    checks_panel.CHECKS.stop()
    asked.forget_all()
    study_runs.drop_all()
    state.forget()
    st.session_state[_FORGOT] = True


def what_is_missing() -> str:
    """What to say where there is no current table."""
    source = state.choices().source
    if source.startswith(folders.MARK):
        return "These choices are for a folder of Parquet files that cannot be opened now."
    entry = state.entry_of(source)
    if entry is None:
        return "This link's choices were made for an uploaded table. Give the same file, and they are used."
    return f"These choices are for the public data set {plain(entry.title)}. Download it, and they are used."
