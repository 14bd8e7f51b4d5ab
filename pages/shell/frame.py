"""What stands around every page: the door, the choices from the address, the study card, the example's line, errors."""

from __future__ import annotations

import streamlit as st
from streamlit.navigation.page import Page

from pages.kit import errors
from pages.kit.text import plain
from pages.parts.reweight import stage
from pages.session import drafts, scenarios, state, study_runs
from pages.shell import boot, card, gate, tour


def show(page: Page) -> None:
    """Run the page inside the frame. The hidden start page has no frame: it only switches."""
    if gate.closed(page.url_path):
        return
    study_runs.warm()
    if not page.url_path:
        gate.open_link()
        page.run()
        return
    opened = state.sync(page.url_path)
    with errors.contained("The scenario's table could not be brought"):
        opened = scenarios.arrive() or opened
    with errors.contained("Your draft is not kept"):
        opened = drafts.bring() or opened
        drafts.keep()
    with errors.contained():
        if opened and state.table() is not None and study_runs.status().situation in ("stale", "never run"):
            study_runs.start()
        card.study_card()
        drafts.give_cookie()
    gate.who()
    with errors.contained():
        for problem in state.link_problems():
            st.warning(plain(problem), icon=":material/link_off:")
        on_stage = page.url_path == "reweight" and stage.result_for_stage() is not None
        if not on_stage and not tour.bar(page.url_path):
            card.first_line(page.url_path)
        with boot.framed():
            page.run()
