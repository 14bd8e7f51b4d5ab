"""The report's parts on the screen: its sentences and tables as they will be printed, its pictures drawn by the page.

The HTML file carries plotly.js; a preview that did would send those megabytes again at every tick of a box.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

import streamlit as st

from iffair_core.telling.report_blocks import Block, Column
from pages.kit import widgets
from pages.kit.text import plain

LANGUAGES = {"Command line": "bash", "reproduce.py": "python"}
_STYLE = """<style>
.printed { overflow-x: auto; }
.printed table { border-collapse: collapse; width: 100%; font-size: 0.85rem; font-variant-numeric: tabular-nums; }
.printed caption { caption-side: top; text-align: left; opacity: 0.75; padding-bottom: 0.3rem; }
.printed th, .printed td {
  text-align: left; vertical-align: top; padding: 0.15rem 0.6rem 0.15rem 0;
  border: 0; border-bottom: 1px solid rgba(128, 128, 128, 0.25);
}
.printed th { font-weight: 600; }
.printed .number { text-align: right; white-space: nowrap; }
</style>"""


def head(title: str, notes: str, *, synthetic: bool, first: list[Block]) -> None:
    """What stands on the first page."""
    st.markdown(f"### {plain(title)}")
    if synthetic:
        st.info("Synthetic data: the table is an invented example. Nobody in it is real.", icon=":material/science:")
    for block in first:
        _SHOWN[block["kind"]](block)
    if notes.strip():
        with st.container(border=True):
            st.text(notes.strip())


def section(name: str, title: str, blocks: list[Block]) -> None:
    """One part of the report."""
    st.markdown(f"#### {plain(title)}")
    for place, block in enumerate(blocks):
        if block["kind"] == "picture":
            widgets.chart(block["picture"], f"preview_{name}_{place}")
        else:
            _SHOWN[block["kind"]](block)


def _text(block: Block) -> None:
    text = plain(block["text"])
    st.markdown(f"**{text}**" if block["lead"] else text)


def _heading(block: Block) -> None:
    st.markdown(f"**{plain(block['title'])}**")


def _badge(block: Block) -> None:
    st.markdown(f"**{block['what']}: {plain(block['level'])}.** {plain(block['text'])}")


def _items(block: Block) -> None:
    title = [f"**{plain(block['title'])}**\n"] if block["title"] else []
    st.markdown("\n".join([*title, *(f"- {plain(item)}" for item in block["items"])]))


def _code(block: Block) -> None:
    st.markdown(f"**{plain(block['title'])}**")
    st.code(block["text"], language=LANGUAGES.get(block["title"]), wrap_lines=True)


def _table(block: Block) -> None:
    printed(block["caption"], block["columns"])


_SHOWN = {"text": _text, "heading": _heading, "badge": _badge, "items": _items, "code": _code, "table": _table}


def printed(caption: str, columns: Sequence[Column]) -> None:
    """Columns of a table as the report prints them."""
    lines = zip(*(column.cells for column in columns), strict=True)
    printed_table(caption, [(column.title, column.number) for column in columns], lines)


def printed_table(caption: str, columns: Sequence[tuple[str, bool]], lines: Iterable[Sequence[str]]) -> None:
    """A small table as the report prints it, everything in it shown literally; `columns`: title, whether numbers."""
    marks = [' class="number"' if number else "" for _, number in columns]
    heads = "".join(
        f'<th scope="col"{mark}>{escape(title)}</th>' for (title, _), mark in zip(columns, marks, strict=True)
    )
    rows = "".join(
        "<tr>" + "".join(f"<td{mark}>{escape(cell)}</td>" for cell, mark in zip(line, marks, strict=True)) + "</tr>"
        for line in lines
    )
    named = any(title for title, _ in columns)
    st.html(
        f'{_STYLE}<div class="printed"><table>{f"<caption>{escape(caption)}</caption>" if caption else ""}'
        f"{f'<thead><tr>{heads}</tr></thead>' if named else ''}<tbody>{rows}</tbody></table></div>"
    )
