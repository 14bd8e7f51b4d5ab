"""Errors on the screen: what happened, where, what to do. Never a traceback; that goes to the server's log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from iffair_core.errors import IFFairError, shorten
from pages.kit.text import plain
from pages.session import log

PRIVATE = ("held_file", "uploaded_table")
"""Keys of the session that hold a file that was given, or the table in it."""
UNEXPECTED = "Something went wrong that should not have"


def show(error: BaseException, title: str | None = None) -> None:
    """Show an error. One of our own says itself what to mend; any other is logged and named only by its kind."""
    told = noted(error)
    usual = UNEXPECTED if told is not error else "This does not fit"
    st.error(plain(shorten(told, 1200)), title=title or usual, icon=":material/error:")


def noted(error: BaseException) -> IFFairError:
    """The error if it is one of ours, else one that names its kind, after writing its traceback to the log."""
    if isinstance(error, IFFairError):
        return error
    # The message of an exception may quote cells: only its kind and where it arose go to the log.
    log.unexpected(error, private=_holds_private_data())
    return IFFairError(
        f"{UNEXPECTED}; the details are in the server's log ({type(error).__name__}). "
        "Your choices are kept: change the last one, or load the page again."
    )


def _holds_private_data() -> bool:
    """Whether this session has been given a file."""
    return any(key in st.session_state for key in PRIVATE)


@contextmanager
def contained(title: str | None = None) -> Iterator[None]:
    """Show whatever the block raises, and go on after it. Also a decorator, for fragments."""
    try:
        yield
    except Exception as error:
        show(error, title)
