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
    if isinstance(error, IFFairError):
        st.error(plain(shorten(error, 1200)), title=title or "This does not fit", icon=":material/error:")
        return
    _LOG.error("unexpected error on a page", exc_info=error)
    st.error(
        f"The details are in the server's log ({type(error).__name__}). Your choices are kept: change the last one, "
        "or load the page again.",
        title=title or UNEXPECTED,
        icon=":material/error:",
    )


@contextmanager
def contained(title: str | None = None) -> Iterator[None]:
    """Show whatever the block raises, and go on after it. Also a decorator, for fragments."""
    try:
        yield
    except Exception as error:
        show(error, title)
