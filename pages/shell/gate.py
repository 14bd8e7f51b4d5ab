"""The door where a team signs in: without a sign-in one card and nothing else, with one a line that says who it is.

Streamlit comes back from the provider to the address `/`. A cookie takes the page and its query over the sign-in: the
browser writes it when it leaves the card, and the first run after the sign-in opens what it says.
"""

from __future__ import annotations

from typing import Literal
from urllib.parse import parse_qs, urlencode

import streamlit as st

from iffair_core.errors import ConfigError
from pages.kit import errors
from pages.kit.text import plain, value
from pages.session import sign_in
from pages.shell import boot

COOKIE = "iffair_link"
_ATTRIBUTES = "Path=/; SameSite=Lax"
_LONGEST = 3_000  # a browser keeps no cookie of more than 4,096 bytes
_TAKE_ALONG = f"""<script>
addEventListener("pagehide", () => {{
  const link = (location.pathname + location.search).replaceAll(";", "%3B");
  document.cookie = `{COOKIE}=${{link}}; Max-Age=900; {_ATTRIBUTES}`;
}});
</script>"""
_LEAVE = f"<script>document.cookie = '{COOKIE}=; Max-Age=0; {_ATTRIBUTES}';</script>"
_USED = "link_was_opened_after_sign_in"


def is_open() -> bool:
    """Whether this visitor may see the app."""
    try:
        sign_in.visitor()
    except (sign_in.SignInNeeded, ConfigError):
        return False
    return True


def navigation() -> Literal["sidebar", "hidden"]:
    """Where the pages' links are: nowhere before a sign-in."""
    return "sidebar" if is_open() else "hidden"


def closed(page: str) -> bool:
    """Draw the card in place of a page where the door is closed, and say so."""
    try:
        sign_in.visitor()
    except sign_in.SignInNeeded as told:
        _card(str(told), page)
    except ConfigError as error:
        errors.show(error, "IFFair is closed")
    else:
        return False
    return True


def _card(told: str, page: str) -> None:
    st.space("xlarge")
    with st.container(horizontal_alignment="center"), st.container(border=True, width=440, key="sign_in_card"):
        st.title("IFFair", anchor=False)
        st.markdown(plain(told))
        st.button("Sign in", key="sign_in", type="primary", icon=":material/login:", on_click=st.login)
        query = boot.query()
        if len(urlencode(query, doseq=True)) > _LONGEST:
            st.caption("This link is too long to be kept meanwhile: open it again after signing in.")
        elif page or query:
            st.html(_TAKE_ALONG, unsafe_allow_javascript=True)


def open_link() -> None:
    """Go to the page that the visitor wanted before signing in, if there was one. Call it on the start page."""
    link = st.context.cookies.get(COOKIE)
    if link is None or _USED in st.session_state:
        return
    st.session_state[_USED] = True
    page, query = place_of(link)
    st.switch_page(f"pages/{page}.py", query_params=query)


def place_of(link: str) -> tuple[str, dict[str, list[str]]]:
    """(page, query parameters) of a path with a query, neither of which is trusted; the usual page for any other."""
    path, _, query = link.partition("?")
    page = path.rpartition("/")[2]
    known = page if page in {place.name for place in boot.PLACES} else boot.LANDING
    given = parse_qs(query, keep_blank_values=True)
    # Streamlit lets nobody set those of its own.
    return known, {name: values for name, values in given.items() if not name.lower().startswith("embed")}


def who() -> None:
    """The line in the sidebar that says who has signed in, with the way out; nothing where nobody has to."""
    person = sign_in.visitor()
    if not person.id:
        return
    with st.sidebar, st.container(horizontal=True, vertical_alignment="center", gap="small", key="who"):
        st.markdown(f":small[:gray[Signed in as] {value(person.name or 'somebody')}]", width="stretch")
        st.button("Sign out", key="sign_out", type="tertiary", icon=":material/logout:", on_click=st.logout)
    if COOKIE in st.context.cookies:
        st.sidebar.html(_LEAVE, unsafe_allow_javascript=True)
