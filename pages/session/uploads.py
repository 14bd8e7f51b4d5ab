"""A file of the user's own: taken, previewed, read in the background with the options that are asked for.

Nothing of it leaves the session: it is held in `st.session_state`, never on disk and in no cache that sessions share.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from iffair_core.errors import IFFairError
from iffair_core.reading.door import Preview, preview_table, read_table
from pages.kit import errors
from pages.session import log, state
from pages.session.memory import remembered
from pages.session.state import CurrentTable
from pages.session.work import UnderWay, Work

QUICK_BYTES = 20_000_000
QUICK_SECONDS = 1.5
_FILE = "upload"
_HELD = "held_file"
_ERROR = "upload_error"
_STOPPED = "reading_stopped"
_WANTED = "reading_wanted"
_READ = "file_and_options_of_upload"


@dataclass(frozen=True, eq=False)
class HeldFile:
    """The bytes that were given, what they are called, and which upload they came with."""

    name: str
    raw: bytes
    upload: str


READING = UnderWay[CurrentTable]("reading_work")
"""Of a held file with the options that are asked for."""


def widget_key() -> str:
    """Key of the uploader; another one after everything was forgotten, so that the browser forgets too."""
    times = state.times_forgotten()
    return f"{_FILE}_{times}" if times else _FILE


def held() -> HeldFile | None:
    """The file that was given last; None if none was, or it was forgotten."""
    return st.session_state.get(_HELD)


def wanted() -> dict[str, str | int]:
    """The reading options that are being tried, which become choices once a table was read with them."""
    return st.session_state.setdefault(_WANTED, dict(_chosen_reading()))


def want(name: str, value: str | int | None) -> None:
    """Try another reading option; None detects it. Use it in a callback: only the preview changes."""
    kept = {option: given for option, given in wanted().items() if option != name}
    st.session_state[_WANTED] = kept if value is None else {**kept, name: value}


def want_detection() -> None:
    """Try the file with nothing fixed. Use it as a callback."""
    st.session_state[_WANTED] = {}


def is_read() -> bool:
    """Whether the current upload is the held file, read with the options that are being tried."""
    file = held()
    return file is not None and st.session_state.get(_READ) == (file.upload, wanted())


def _chosen_reading() -> Mapping[str, str | int]:
    chosen = state.upload_choices()
    return {} if chosen is None else chosen.reading


def take() -> None:
    """Take the file that was just given, and read it. Use it as the uploader's callback."""
    given = st.session_state.get(widget_key())
    if given is None:
        return
    before = held()
    if state.uploaded() is not None and (before is None or before.name != given.name):
        # Another file: what was fixed for the one before would be a surprise.
        st.session_state[_WANTED] = {}
    else:
        st.session_state[_WANTED] = dict(_chosen_reading())
    st.session_state[_HELD] = HeldFile(str(given.name), given.getvalue(), str(given.file_id))
    read()


def read() -> None:
    """Read the held file with the options that are being tried. Use it as a callback.

    What takes longer than a moment goes on in the background; `collect` takes it up.
    """
    stop()
    dismiss()
    file, options = held(), wanted()
    if file is None:
        return

    def task(work: Work[CurrentTable]) -> CurrentTable:
        frame = read_table(file.raw, name=file.name, options=options, progress=work.report, stop_check=work.stop_check)
        work.stop_check()
        return state.upload_of(file.name, frame)

    READING.begin((file, dict(options)), Work(task, "reading"))
    collect(wait=QUICK_SECONDS if len(file.raw) <= QUICK_BYTES else 0.0)


def collect(wait: float = 0.0) -> bool:
    """Take up a reading that has ended; True where one had. Call it in a callback, or before a rerun."""
    done = READING.taken(wait)
    if done is None:
        return False
    (file, options), ended = done
    if ended.value is not None:
        try:
            state.adopt(ended.value, options)
            st.session_state[_READ] = (file.upload, options)
            log.event("upload_read", session=log.session(), size=len(file.raw), shape=ended.value.frame.shape)
        except Exception as fault:
            st.session_state[_ERROR] = errors.noted(fault)
    elif ended.error is not None:
        st.session_state[_ERROR] = errors.noted(ended.error)
        log.event("upload_refused", session=log.session(), size=len(file.raw), error=ended.error)
    else:
        st.session_state[_STOPPED] = True
    return True


def stop() -> None:
    """Stop the reading; the table before it stays. Use it as a callback."""
    if READING.stop():
        st.session_state[_STOPPED] = True


def error() -> IFFairError | None:
    """Why the held file could not be read."""
    return st.session_state.get(_ERROR)


def stopped() -> bool:
    """Whether the reading of the held file was stopped."""
    return bool(st.session_state.get(_STOPPED))


def dismiss() -> None:
    """Take the error off the screen."""
    for key in (_ERROR, _STOPPED):
        st.session_state.pop(key, None)


def preview(file: HeldFile) -> Preview | IFFairError:
    """The file's first rows as they would be read with the options that are being tried, or why they cannot be."""
    return _preview(file.upload, json.dumps(wanted(), sort_keys=True), file)


@remembered(keep=3)
def _preview(upload: str, options: str, _file: HeldFile) -> Preview | IFFairError:
    try:
        return preview_table(_file.raw, name=_file.name, options=json.loads(options))
    except Exception as fault:
        return errors.noted(fault)


def limit_megabytes() -> Any:
    """The largest file that is taken, in megabytes, as the server is configured."""
    return st.get_option("server.maxUploadSize")
