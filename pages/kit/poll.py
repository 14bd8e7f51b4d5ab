"""Background work on the screen: its progress, a button that stops it, and a rerun of the page when it has ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st

from pages.kit import errors
from pages.kit.text import plain
from pages.session import state
from pages.session.work import Work

SECONDS = 0.4


@st.fragment(run_every=SECONDS)
def poll(is_over: Callable[[], bool], show: Callable[[], object]) -> None:
    """Call `show` again every moment; run the whole page again once `is_over`."""
    with errors.contained():
        if is_over():
            state.rerun()
        show()


def waiting(work: Work[Any]) -> str:
    """That other visitors' studies come first, and how many; "" where it is this work's turn."""
    ahead = work.ahead
    return f"Waiting for {ahead} other stud{'y' if ahead == 1 else 'ies'} on this server" if ahead else ""


def bar(work: Work[Any], what: str, key: str, stop: Callable[[], Any]) -> None:
    """How far work is, or for how long it has run, with a button that stops it."""
    doing = waiting(work) or (plain(work.doing) if work.doing else what)
    if work.fraction > 0:
        st.progress(work.fraction, text=f"{doing} …")
    else:
        st.markdown(f":material/hourglass: {doing} … {work.seconds:.0f} s")
    st.button("Cancel", key=key, icon=":material/stop:", on_click=stop)
