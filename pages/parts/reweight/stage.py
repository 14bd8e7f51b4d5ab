"""The curve alone on the whole window, for a projector: large type, the sentence under it, keys that move along it."""

from __future__ import annotations

import streamlit as st

from iffair_core.study.results import StudyResult
from iffair_core.telling import sentences
from iffair_core.telling.figures import tradeoff
from iffair_core.telling.figures.stage import enlarged
from pages.kit import widgets
from pages.kit.text import plain
from pages.parts.reweight import repair
from pages.session import state, study_runs

# What stands around a page gives way; the picture takes what three lines of the sentence and the buttons leave.
_STYLE = """<style>
:root { --told: clamp(1.3rem, 1.9vw, 2.6rem); --left: calc(100vh - 8rem - 3.9 * var(--told)); }
[data-testid="stSidebar"], [data-testid="stHeader"], [data-testid="stExpandSidebarButton"] { display: none; }
[data-testid="stMainBlockContainer"] { padding: 0.75rem 1.5rem 0.5rem; max-width: none; }
[class*="st-key-stage_picture"], [class*="st-key-stage_picture"] [data-testid="stFullScreenFrame"] {
  height: var(--left);
}
.st-key-stage_picture_narrow { display: none; }
.st-key-stage_told p { font-size: var(--told); line-height: 1.3; }
.st-key-stage_keys button p { font-size: 1.2rem; }
@media (max-width: 1100px) {
  .st-key-stage_picture_wide { display: none; }
  .st-key-stage_picture_narrow { display: flex; }
}
</style>"""
_FACTORS = {"wide": 2.0, "narrow": 1.2}
"""How much larger the type is than on the page. The server cannot know the window; the style shows one of the two."""


def offer() -> None:
    """The button that opens it."""
    st.button(
        "Show on a projector",
        key="stage_open",
        icon=":material/present_to_all:",
        on_click=state.update,
        kwargs={"stage": True},
        help="The curve fills the window, in large type. Its address can be shared.",
    )


def result_for_stage() -> StudyResult | None:
    """The result to show, where the stage is on and there is a curve that fits the choices."""
    result, stale = study_runs.current_result()
    on = state.choices().stage and result is not None and result.has("curve") and not stale
    return result if on else None


def show(result: StudyResult) -> None:
    """Fill the window."""
    st.html(_STYLE)
    picture = tradeoff(result, widgets.theme())
    for width, factor in _FACTORS.items():
        with st.container(key=f"stage_picture_{width}", height="stretch"):
            st.plotly_chart(
                enlarged(picture, factor).figure,
                theme=None,
                height="stretch",
                config=widgets.CHART_CONFIG | {"displayModeBar": False},
                alt=picture.alt,
                key=f"stage_curve_{width}",
            )
    with st.container(key="stage_told"):
        st.markdown(plain(sentences.repair_sentence(result)))
    with st.container(key="stage_keys", horizontal=True, vertical_alignment="center", gap="small"):
        _keys(result)


def _keys(result: StudyResult) -> None:
    curve, now = result.curve, result.strength
    found = [point.strength for point in curve.points if point.feasible]
    weaker = max((strength for strength in found if strength < now), default=None)
    stronger = min((strength for strength in found if strength > now), default=None)
    for key, label, icon, shortcut, target in (
        ("stage_weaker", "Weaker", "arrow_back", "Left", weaker),
        ("stage_stronger", "Stronger", "arrow_forward", "Right", stronger),
    ):
        st.button(
            label,
            key=key,
            icon=f":material/{icon}:",
            shortcut=shortcut,
            disabled=target is None,
            on_click=repair.choose,
            args=(target,),
        )
    st.button("Recommended", key="stage_recommended", on_click=repair.choose, args=(None,), shortcut="Home")
    st.button(
        "Close",
        key="stage_close",
        icon=":material/close_fullscreen:",
        shortcut="Esc",
        on_click=state.update,
        kwargs={"stage": False},
    )
