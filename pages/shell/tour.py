"""The guided tour: a bar on top of each page with its step, one sentence of this study's numbers, and the way on."""

from __future__ import annotations

import streamlit as st

from iffair_core.telling.figures.common import palette
from iffair_core.telling.tour import STEPS, tour_sentence
from pages.kit import widgets
from pages.kit.text import plain
from pages.session import state, study_runs
from pages.shell import boot

# It stays in sight while the page under it is scrolled, where the window has room for it.
_STYLE = """<style>
.st-key-tour_bar {{ background: linear-gradient({shade}, {shade}) {page}; border-color: {accent}; }}
.st-key-tour_bar [data-testid="stMarkdown"] p {{ font-size: 1.1rem; }}
@media (min-width: 1100px) and (min-height: 700px) {{
  [data-testid="stLayoutWrapper"]:has(> .st-key-tour_bar) {{ position: sticky; top: 3.75rem; z-index: 90; }}
}}
</style>"""


def offer() -> None:
    """The button that begins the tour."""
    begun = st.button(
        "Take the tour",
        key="tour_begin",
        icon=":material/tour:",
        type="tertiary",
        help=f"{len(STEPS)} steps, one on each page, with this study's own numbers. No setting is touched.",
    )
    if begun:
        _turn(STEPS[0].page, on=True)


def bar(page: str) -> bool:
    """The bar of the page's step; False where the tour is off, and then nothing is drawn."""
    if not state.choices().tour:
        return False
    at = [step.page for step in STEPS].index(page)
    titles = {place.name: place.title for place in boot.PLACES}
    back, onward = (STEPS[place].page if 0 <= place < len(STEPS) else None for place in (at - 1, at + 1))
    with st.container(border=True, key="tour_bar", gap="small"):
        colors = palette(widgets.theme())
        st.html(_STYLE.format(shade=colors.shade, page=colors.page, accent=colors.accent))
        st.markdown(f"**Tour, step {at + 1} of {len(STEPS)}: {titles[page]}.** {_said(at)}")
        with st.container(horizontal=True, gap="small"):
            if back and st.button(
                f"Back: {titles[back]}", key="tour_back", icon=":material/arrow_back:", shortcut="Shift+Left"
            ):
                _turn(back, on=True)
            if onward and st.button(
                f"Next: {titles[onward]}",
                key="tour_next",
                icon=":material/arrow_forward:",
                type="primary",
                shortcut="Shift+Right",
            ):
                _turn(onward, on=True)
            if st.button("End", key="tour_end", icon=":material/close:", type="tertiary", help="End the tour"):
                _turn(page, on=False)
    return True


def _said(at: int) -> str:
    result, stale = study_runs.current_result()
    told = None if result is None else tour_sentence(STEPS[at], result)
    if told is None:
        running = study_runs.status().situation == "running"
        return (
            "Its sentence comes as soon as the study has got that far."
            if running
            else "Its sentence needs a finished study of these choices."
        )
    return f"{':gray[Before your last change:] ' if stale else ''}{plain(told)}"


def _turn(page: str, *, on: bool) -> None:
    """Go to a page with the tour switched on or off."""
    state.update(tour=on)
    boot.go(page)
