"""Choices out of a settings.json, for the table that is shown or for the file that is given next."""

from __future__ import annotations

import streamlit as st

from iffair_core.errors import ConfigError, IFFairError, shorten
from iffair_core.telling.saved_settings import read_settings
from pages.kit import errors
from pages.kit.text import plain
from pages.parts.data import sources
from pages.session import state, uploads
from pages.session.settings import UPLOAD, of_saved

_ERROR = "saved_error"
_TOLD = "saved_told"
MEGABYTES = 10


def pick_saved() -> None:
    """A place for a settings.json, and what became of the one that was given."""
    with st.expander("Choices from a settings.json", icon=":material/settings_backup_restore:", type="compact"):
        st.file_uploader(
            "settings.json of an earlier study",
            type="json",
            key=_key(),
            on_change=_take,
            max_upload_size=MEGABYTES,
            help="Report and `iffair run` write it. It holds choices, no rows: give the table as well.",
        )
        if st.session_state.get(_key()) is None:
            return
        if (error := st.session_state.get(_ERROR)) is not None:
            errors.show(error, "The settings were not taken")
            return
        for told in st.session_state.get(_TOLD, ()):
            st.markdown(f":material/info: {plain(told)}")


def _key() -> str:
    """Another one after everything was forgotten, so that the browser forgets too."""
    return f"saved_{state.times_forgotten()}"


def _take() -> None:
    given = st.session_state.get(_key())
    st.session_state[_ERROR], st.session_state[_TOLD] = None, ()
    if given is None:
        return
    try:
        saved = read_settings(given.getvalue())
        source = UPLOAD if sources.shows_own_file() else state.choices().source
        waits = source == UPLOAD and state.uploaded() is None
        if not waits and saved.task.target not in state.open_table().columns:
            raise ConfigError(
                f"They are for a table with an outcome '{shorten(saved.task.target)}', and the one that is shown has "
                "no such column. Show that table first."
            )
        reading = saved.reading.given() if source == UPLOAD else {}
        read_anew = source == UPLOAD and not waits and reading != state.choices().reading
        lost = state.take(of_saved(saved, source, reading))
    except IFFairError as error:
        st.session_state[_ERROR] = error
        return
    if read_anew:
        uploads.want_detection()
        for name, value in reading.items():
            uploads.want(name, value)
        uploads.read()
        lost = state.lost_choices()
    told = "The choices are taken."
    if waits:
        told = "The choices are kept for the file that you give next."
    elif state.open_table().fingerprint != saved.fingerprint:
        told = "The choices are taken. They were made for another table, so that the numbers will differ."
    st.session_state[_TOLD] = (told, *lost)
