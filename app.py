"""IFFair's dashboard: page settings, navigation and the way back to a deep link. Run with `streamlit run app.py`."""

from pathlib import Path

import streamlit as st

from pages.session import log
from pages.shell import boot, frame, garbage, gate

ASSETS = Path(__file__).parent / "assets"

log.set_up()
garbage.collect_now_and_then()
st.set_page_config(page_title="IFFair", page_icon=str(ASSETS / "favicon.png"), layout="wide")
st.logo(str(ASSETS / "logo.svg"), icon_image=str(ASSETS / "favicon.svg"), size="large")


def home() -> None:
    """The address `/`: opens the example's finding."""
    boot.go(boot.LANDING)


page = st.navigation(
    [
        st.Page(home, default=True, visibility="hidden"),
        *(st.Page(place.file, title=place.title, icon=place.icon, help=place.question) for place in boot.PLACES),
    ],
    position=gate.navigation(),
)
boot.return_to_deep_link()
frame.show(page)
