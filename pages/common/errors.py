"""Errors on the screen: what happened, where, what to do. Never a traceback; that goes to the server's log."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from iffair_core.errors import IFFairError, shorten
from pages.common.text import plain

_LOG = logging.getLogger("iffair")
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
    _LOG.error("unexpected error on a page", exc_info=error)
    return IFFairError(
        f"{UNEXPECTED}; the details are in the server's log ({type(error).__name__}). "
        "Your choices are kept: change the last one, or load the page again."
    )


@contextmanager
def contained(title: str | None = None) -> Iterator[None]:
    """Show whatever the block raises, and go on after it. Also a decorator, for fragments."""
    try:
        yield
    except Exception as error:
        show(error, title)
