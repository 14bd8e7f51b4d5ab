"""How a file of the user's own is read: what was found out, what can be fixed instead, and its first rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from iffair_core.errors import IFFairError
from iffair_core.reading.door import Preview
from iffair_core.reading.options import DELIMITERS
from pages.kit import cohort_mode, errors, widgets
from pages.kit.text import count, plain, value
from pages.session import state, uploads
from pages.session.settings import UPLOAD

PREVIEW_ROWS = 8
_PANEL = "reading_panel"
_COLUMNAR = ("Parquet", "Arrow")
_DELIMITERS = (",", ";", "\t", "|", " ", ":")
_DECIMALS = {".": "Point: 3.5", ",": "Comma: 3,5"}
_WESTERN = ("utf-8", "utf-16", "cp1252", "latin-1", "iso8859-15", "cp1250", "iso8859-2")
_OTHERS = ("cp1251", "koi8-r", "cp1253", "cp1254", "shift_jis", "euc-jp", "gb18030", "big5", "euc-kr")
_ENCODINGS = (*_WESTERN, *_OTHERS, "mac-roman", "cp437")
_COMMENTS = ("", "#", "//", "%", "--")
_QUOTES = ('"', "'", "")
_FOUND_OUT = "Find out"


def reading_panel() -> None:
    """The expander about the held file: open where the table is not what it says, with the way to read it anew."""
    file = uploads.held()
    if file is None:
        return
    shown = uploads.preview(file)
    if uploads.READING.now() is not None:
        _while_reading(file.name, shown)
        return
    fine = uploads.is_read() and not isinstance(shown, IFFairError)
    if not fine:
        st.session_state[_PANEL] = True
    told = f": {shown.dialect}" if isinstance(shown, Preview) else ""
    panel = st.expander(
        f"How the file is read{plain(told)}",
        icon=":material/rule_settings:",
        key=_PANEL,
        on_change="rerun",
    )
    if panel.open:
        with panel:
            if not (isinstance(shown, Preview) and shown.dialect.startswith(_COLUMNAR)):
                _controls(shown.sheets if isinstance(shown, Preview) else ())
            if isinstance(shown, IFFairError):
                if str(shown) != str(uploads.error()):
                    errors.show(shown, "The file cannot be read this way")
            else:
                _first_rows(file.name, shown)
            _buttons(readable=not isinstance(shown, IFFairError))


def _while_reading(name: str, shown: Preview | IFFairError) -> None:
    """The first rows, before all of them are there; what is wrong with a file its reading will say."""
    if isinstance(shown, Preview):
        with st.container(border=True):
            st.markdown(f"**The file as it is being read: {plain(shown.dialect)}**")
            _first_rows(name, shown)


def _controls(sheets: Sequence[str]) -> None:
    """What can be fixed: of a workbook the sheet, of text the signs that cut it into cells; of both the header."""
    workbook = bool(sheets)
    with st.grid(3, min_column_width=170, gap="small"):
        if workbook:
            _pick("sheet", "Sheet", tuple(sheets), str)
        else:
            _pick("delimiter", "Delimiter", _DELIMITERS, _delimiter_title, free=True)
            _pick("decimal", "Decimal sign", tuple(_DECIMALS), _DECIMALS.__getitem__)
            _pick("encoding", "Encoding", _ENCODINGS, str, free=True)
        _pick_header()
        if not workbook:
            _pick("comment", "Comment sign", _COMMENTS, _mark_title, free=True)
            _pick("quote", "Quotation mark", _QUOTES, _mark_title)


def _delimiter_title(delimiter: str) -> str:
    return DELIMITERS.get(delimiter, delimiter).capitalize()


def _mark_title(mark: str) -> str:
    return mark or "None"


def _pick(name: str, label: str, options: Sequence[str], title: Callable[[Any], str], *, free: bool = False) -> None:
    chosen = uploads.wanted().get(name)
    st.selectbox(
        label,
        options if chosen is None or chosen in options else [*options, chosen],
        index=None,
        placeholder=_FOUND_OUT,
        format_func=title,
        **state.bound(f"reading_{name}", chosen, lambda value: uploads.want(name, value)),
        accept_new_options=free,
        help="Choose one, or type another. Empty: it is found out." if free else "Empty: it is found out.",
    )


def _pick_header() -> None:
    st.number_input(
        "Header in line",
        min_value=0,
        step=1,
        placeholder=_FOUND_OUT,
        **state.bound("reading_header", uploads.wanted().get("header"), lambda line: uploads.want("header", line)),
        help="Number of the line with the columns' names, from 1; 0 if the file has none. Empty: it is found out.",
    )


def _first_rows(name: str, shown: Preview) -> None:
    if cohort_mode.smallest() is not None:
        st.caption("Cohort-only mode: the file's first rows, and notes that may tell of single cells, are not shown.")
        return
    for note in shown.notes[:5]:
        st.caption(f":material/info: {plain(note)}")
    rows = shown.frame.head(PREVIEW_ROWS)
    most = shown.estimated_rows
    about = ""
    if most is not None and most > len(rows):
        about = f" of {count(most)}" if shown.dialect.startswith(_COLUMNAR) else f" of about {count(_rounded(most))}"
    st.dataframe(
        rows, hide_index=True, key="reading_preview", placeholder="", alt=f"The first {len(rows)} rows as they are read"
    )
    st.caption(f"{value(name)}: the first {len(rows)}{about} rows, {count(rows.shape[1])} columns.")


def _rounded(rows: int) -> int:
    """An estimate to two digits."""
    return int(round(rows, 2 - len(str(rows))))


def _buttons(*, readable: bool) -> None:
    if uploads.is_read() and not uploads.wanted():
        return
    with st.container(horizontal=True):
        if not uploads.is_read():
            st.button(
                "Read the file this way",
                key="reading_apply",
                type="primary",
                icon=":material/play_arrow:",
                on_click=uploads.read,
                disabled=not readable,
            )
        if uploads.wanted():
            st.button("Find out everything", key="reading_detect", on_click=uploads.want_detection)


def left_out() -> None:
    """The lines of the upload that are no rows of its table, with their numbers and their text, to look at and take."""
    current = state.table()
    told = None if current is None or current.source != UPLOAD else current.frame.attrs.get("left_out")
    if told is None:
        return
    title = f"{count(told.count)} lines of the file are no rows of the table"
    title = "1 line of the file is no row of the table" if told.count == 1 else title
    if cohort_mode.smallest() is not None:
        st.caption(f"{title}. Cohort-only mode: their text is not shown.")
        return
    with st.expander(title, icon=":material/playlist_remove:"):
        st.caption(
            "A line that does not fit the columns is left out, so that no cell ends in a column that is not its own. "
            "Mend it in the file, or change how the file is read."
        )
        lines = pd.DataFrame(told.lines, columns=["Line", "Why", "Text"])
        widgets.table(
            lines,
            "left_out",
            alt="Number, reason and text of each line that was left out",
            file_name="lines_left_out.csv",
            height=min(37 + 35 * len(lines), 260),
        )
        if told.count > len(lines):
            st.caption(f"The first {count(len(lines))} of {count(told.count)}.")
