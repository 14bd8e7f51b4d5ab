"""What a visitor is doing, kept so that a reload or a restarted server loses nothing that was allowed to be kept.

Choices live in the address. A draft adds the words of the report and, only where the visitor says so, the rows of an
upload; without that nothing of an upload is kept. A draft belongs to whoever has signed in. Where nobody signs in it
belongs to a secret that a cookie of this browser holds, and the database knows its SHA-256. Drafts that nobody touched
for 30 days are deleted.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import TYPE_CHECKING, Any

import streamlit as st

from iffair_core.errors import ConfigError
from pages.session import sign_in, state
from pages.session.address import from_query, to_query
from pages.session.settings import UPLOAD
from pages.session.state import CurrentTable

if TYPE_CHECKING:
    from iffair_core.scenarios.store import Store

COOKIE = "iffair_visitor"
WORDS = ("report_title", "report_notes", "report_use")
"""Keys of the widgets that hold what the visitor wrote."""

_SECRET, _BROUGHT, _LAST, _ROWS = "draft_secret", "draft_brought", "draft_last_kept", "draft_rows_of"
_SECONDS = 30 * 24 * 3600


def _store() -> Store:
    from iffair_core.scenarios.store import store

    return store()


def _cookie() -> str | None:
    return st.context.cookies.get(COOKIE)


def _secret() -> str | None:
    found = st.session_state.get(_SECRET) or _cookie()
    return found if found and re.fullmatch("[0-9a-f]{32}", found) else None


def _visitor() -> str | None:
    if sign_in.is_team():
        return sign_in.visitor().id
    secret = _secret()
    return None if secret is None else hashlib.sha256(secret.encode()).hexdigest()


def _about() -> str:
    """Which table a draft is about; of an upload, as much of its fingerprint as an address holds."""
    chosen = state.choices()
    return f"{UPLOAD}/{chosen.file or ''}" if chosen.source == UPLOAD else chosen.source


def bring() -> bool:
    """Bring back what was kept of the table in the address, once in a session; whether its rows came back.

    Call it after the address was read, before the page. Raises StoreError.
    """
    visitor = _visitor()
    if _BROUGHT in st.session_state or visitor is None:
        return False
    st.session_state[_BROUGHT] = True
    found = _store().draft(visitor, _about())
    if found is None:
        return False
    head, content = found
    for key in WORDS:
        st.session_state.setdefault(key, head.get(key, ""))
    return content is not None and state.table() is None and _take(head, content)


def _take(head: dict[str, Any], content: bytes) -> bool:
    from iffair_core.scenarios.record import table_of

    name, fingerprint = head["table"]["name"], head["table"]["fingerprint"]
    brought = CurrentTable(UPLOAD, name, name, table_of(content), fingerprint, synthetic=False)
    if not state.bring_back(brought):
        return False
    st.session_state[_ROWS] = fingerprint
    return True


def keep() -> None:
    """Keep what has changed since it was last kept. Call it before the page. Raises StoreError."""
    head: dict[str, Any] = {**_words(), "choices": to_query(state.choices())}
    if state.choices().source == UPLOAD:
        if state.choices().smallest_group is not None and keeps_rows():
            drop_rows()
        current = state.table()
        if current is None or not keeps_rows():
            return
        head = _head(current)
    last = st.session_state.get(_LAST)
    if last == (_about(), head) or (last is None and not any(_words().values()) and "table" not in head):
        return
    _write(head)


def _words() -> dict[str, str]:
    """What the visitor wrote."""
    return {key: st.session_state.get(key) or "" for key in WORDS}


def _head(upload: CurrentTable) -> dict[str, Any]:
    """What is kept of a visitor's work on an upload, beside its rows."""
    table = {"name": upload.name, "fingerprint": upload.fingerprint}
    return {**_words(), "choices": to_query(state.choices()), "table": table}


def _write(head: dict[str, Any], content: bytes | None = None) -> None:
    visitor = _visitor()
    if visitor is None:
        st.session_state[_SECRET] = secrets.token_hex(16)
        visitor = _visitor()
    assert visitor is not None
    _store().keep_draft(visitor, _about(), head, content)
    st.session_state[_LAST] = (_about(), head)


def give_cookie() -> None:
    """Hand the secret to the browser, once there is something to keep; drawn where a gap is not seen."""
    secret = st.session_state.get(_SECRET)
    if secret is None or _cookie() == secret:
        return
    secure = "; Secure" if (st.context.url or "").startswith("https:") else ""
    attributes = f"Path=/; Max-Age={_SECONDS}; SameSite=Strict{secure}"
    st.sidebar.html(f"<script>document.cookie='{COOKIE}={secret}; {attributes}'</script>", unsafe_allow_javascript=True)


# --------------------------------------------------------------------------------------------------------- an upload


def keeps_rows() -> bool:
    """Whether the rows of the current upload are kept with the draft."""
    current = state.uploaded()
    return current is not None and st.session_state.get(_ROWS) == current.fingerprint


def keep_rows() -> None:
    """Keep the current upload's rows with the draft, in Parquet. Use it in a callback. Raises StoreError."""
    from iffair_core.scenarios.record import table_parquet

    if state.choices().smallest_group is not None:
        raise ConfigError("In cohort-only mode no single row is kept. Switch the mode off to keep the file.")
    current = state.open_table()
    _write(_head(current), table_parquet(current.frame))
    st.session_state[_ROWS] = current.fingerprint


def drop_rows() -> None:
    """Delete every draft of an upload that this browser has. Use it in a callback. Raises StoreError."""
    visitor = _visitor()
    if visitor is not None:
        _store().drop_drafts(visitor, f"{UPLOAD}/")
    for key in (_ROWS, _LAST):
        st.session_state.pop(key, None)


def kept_upload() -> str | None:
    """Name of the file that this browser kept last, where none is given in this session. Raises StoreError."""
    visitor = _visitor()
    if visitor is None or state.uploaded() is not None:
        return None
    found = _store().draft(visitor, f"{UPLOAD}/")
    return None if found is None or found[1] is None else str(found[0]["table"]["name"])


def open_kept() -> None:
    """Open the file that this browser kept last, with its choices. Use it in a callback. Raises StoreError."""
    visitor = _visitor()
    found = None if visitor is None else _store().draft(visitor, f"{UPLOAD}/")
    if found is not None and found[1] is not None:
        state.open_choices(from_query(found[0]["choices"])[0])
        _take(found[0], found[1])
