"""Learn: what the method does and what it cannot tell, on the example's study whatever table is open."""

import streamlit as st

from pages.kit import errors
from pages.kit.poll import poll
from pages.parts.learn.chapters import CHAPTERS
from pages.session import study_runs
from pages.shell import boot

NAMES = [chapter.name for chapter in CHAPTERS]
CHOSEN = "learn_chapter"


def turn_to(name: str) -> None:
    """Open a chapter; a callback."""
    st.session_state[CHOSEN] = name


def hold_the_place() -> None:
    """What stands where the example's study will be."""
    st.markdown(":gray[The example's study is being run; its numbers and pictures appear here.]")
    st.skeleton(height=420)


boot.guard("learn")
boot.title("learn")
grid = st.grid(4, min_column_width=190, gap="medium")
with grid.cell():
    name = st.radio("Chapter", NAMES, key=CHOSEN, persist_state="session", label_visibility="collapsed")
    st.caption(
        "All numbers are computed from the synthetic example, whatever table you have open; those of "
        "“How it compares” were measured once on public data and are kept with the program."
    )
with grid.cell(column_span=3):
    place = NAMES.index(name)
    chapter = CHAPTERS[place]
    st.subheader(f"{place + 1}. {name}", anchor=False)
    outcome = study_runs.example_outcome()
    if not chapter.numbers:
        chapter.draw()
    elif outcome is None:
        poll(lambda: study_runs.example_outcome() is not None, hold_the_place)
    elif outcome.result is None or outcome.error is not None:
        errors.show(outcome.error or RuntimeError("no result"), "The example's study could not be finished")
    else:
        chapter.draw(outcome.result)
    if place + 1 < len(NAMES):
        following = NAMES[place + 1]
        st.button(
            f"Next: {following}", key="learn_next", icon=":material/arrow_forward:", on_click=turn_to, args=(following,)
        )
