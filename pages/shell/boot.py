"""The start of a session: which pages there are, and the way back to a page that was opened by its own address."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import streamlit as st

_DEEP_LINK = "deep_link"
ADDRESS = "query_last_written"
"""Key of the session: the query parameters that go with the choices."""
# Of the script's thread and not of the session: a session must not be written to while its run is being stopped.
_RUN = threading.local()


@dataclass(frozen=True)
class Place:
    """A page: file name (and address), name in the navigation, icon, the question it answers."""

    name: str
    title: str
    icon: str
    question: str

    @property
    def file(self) -> str:
        """The page's script, relative to app.py."""
        return f"pages/{self.name}.py"


_REPORT = "What do I take to the meeting, and what do others need to check it?"
PLACES = (
    Place("data", "Data", ":material/table_chart:", "What is the data, and who is in it?"),
    Place("baseline", "Baseline", ":material/straighten:", "How far apart are the groups under an ordinary model?"),
    Place("influence", "Influence", ":material/scatter_plot:", "Which rows cause the gap?"),
    Place("reweight", "Reweight", ":material/balance:", "Which weights repair it, and what do they do?"),
    Place("compare", "Compare", ":material/show_chart:", "Is there a better trade-off?"),
    Place("report", "Report", ":material/description:", _REPORT),
    Place("learn", "Learn", ":material/school:", "What does this do, and what can it not tell me?"),
)
LANDING = "baseline"


def query() -> dict[str, list[str]]:
    """The query parameters that this run was asked for with, each with all its values."""
    return {name: st.query_params.get_all(name) for name in st.query_params}


def address() -> dict[str, list[str]]:
    """The query parameters that go with the choices; those of this run before they were first read."""
    return st.session_state.get(ADDRESS, query())


def guard(page: str) -> None:
    """First line of every page: send a page that runs without app.py through it, then back.

    On a fresh server an address such as /influence runs that page alone, because `st.navigation` has not been called
    yet. app.py builds the navigation and returns here with the same query parameters.
    """
    if not getattr(_RUN, "framed", False):
        st.session_state[_DEEP_LINK] = (page, query())
        st.switch_page("app.py")


@contextmanager
def framed() -> Iterator[None]:
    """Tell `guard` that the page inside the block is run by app.py."""
    _RUN.framed = True
    try:
        yield
    finally:
        _RUN.framed = False


def return_to_deep_link() -> None:
    """Go to the page that `guard` sent here, if there is one. Call it after `st.navigation`."""
    if _DEEP_LINK in st.session_state:
        page, parameters = st.session_state.pop(_DEEP_LINK)
        st.switch_page(f"pages/{page}.py", query_params=parameters)


def go(page: str) -> None:
    """Switch to a page, keeping the choices in the address."""
    st.switch_page(f"pages/{page}.py", query_params=address())


def link(page: str, label: str, *, icon: bool = True) -> None:
    """A link to a page that keeps the choices in the address."""
    place = next(place for place in PLACES if place.name == page)
    st.page_link(place.file, label=label, icon=place.icon if icon else None, query_params=address())


def title(page: str) -> None:
    """The page's title: the question it answers."""
    st.title(next(place.question for place in PLACES if place.name == page), anchor=False)
