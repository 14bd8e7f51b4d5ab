"""The session: the current table and the current choices, which survive page switches and live in the address.

Choices are only changed in callbacks (`update`, `control`) or when an address with other parameters is opened, and
`sync` writes them back, so any address can be shared. An upload stays in its session and never in a shared cache.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import pandas as pd
import streamlit as st

from iffair_core.data.catalog import DATASETS, load_dataset
from iffair_core.data.cohorts import rows_matching
from iffair_core.data.reading import column_histograms, column_summary, read_table, table_fingerprint
from iffair_core.data.task import ResolvedTask, Task, resolve
from iffair_core.data.values import MISSING, label_codes
from iffair_core.errors import ConfigError, IFFairError, shorten
from pages.common import boot
from pages.common.choices import EXAMPLE, UPLOAD, Choices, from_query, preset, to_query

_CHOICES = "choices"
_UPLOADED = "uploaded_table"
_SHELVED = "choices_by_source"
_PAGE = "page_of_last_run"
_WRITTEN = "query_last_written"
_CHANGED = "changed_in_this_run"
_LINK_PROBLEMS = "link_problems"
_LOST = "choices_lost_by_upload"
_RESOLVED = "resolved_task"
FINGERPRINT_DIGITS = 12


@dataclass(frozen=True, eq=False)
class CurrentTable:
    """A table with what identifies it; `fingerprint` covers every cell. Never change `frame`: it may be shared."""

    source: str
    name: str
    title: str
    frame: pd.DataFrame
    fingerprint: str
    synthetic: bool

    @property
    def columns(self) -> list[str]:
        """Column names in table order."""
        return [str(name) for name in self.frame.columns]

    @property
    def path(self) -> str:
        """What code that runs a study of this table reads: a name of the catalog, or the file's."""
        names = {entry.name for entry in DATASETS}
        return f"./{self.name}" if self.name in names and self.source not in names else self.name

    def column(self, name: str) -> pd.Series:
        """A column by its printed name."""
        return self.frame.iloc[:, self.columns.index(name)]


@st.cache_resource(show_spinner=False, max_entries=4)
def catalog_table(name: str) -> CurrentTable:
    """A table of the catalog, shared by all sessions of the server."""
    entry = next(entry for entry in DATASETS if entry.name == name)
    frame, _ = load_dataset(name)
    return CurrentTable(name, entry.name, entry.title, frame, table_fingerprint(frame), entry.synthetic)


def description(source: str) -> str:
    """What the catalog says about a table; empty for an upload."""
    return next((entry.description for entry in DATASETS if entry.name == source), "")


# --------------------------------------------------------------------------------------------------------- reading


def choices() -> Choices:
    """The user's choices."""
    return st.session_state.setdefault(_CHOICES, preset(EXAMPLE))


def table() -> CurrentTable | None:
    """The current table; None while a link's upload has not been given."""
    source = choices().source
    return uploaded() if source == UPLOAD else catalog_table(source)


def uploaded() -> CurrentTable | None:
    """The table that was uploaded in this session, also while another one is shown."""
    return st.session_state.get(_UPLOADED)


def task() -> Task | None:
    """The current task, None while choices are missing."""
    return choices().task()


def resolved() -> ResolvedTask | None:
    """The current task checked against the current table; None while table or choices are missing.

    Raises TaskError when a choice does not fit. Worked out once per table and task.
    """
    current, wanted = table(), task()
    if current is None or wanted is None:
        return None
    key = (current.fingerprint, wanted)
    known = st.session_state.get(_RESOLVED)
    if known is None or known[0] != key:
        try:
            outcome: ResolvedTask | IFFairError = resolve(wanted, current.frame)
        except IFFairError as error:
            outcome = error
        known = (key, outcome)
        st.session_state[_RESOLVED] = known
    if isinstance(known[1], IFFairError):
        raise known[1]
    return known[1]


@st.cache_data(scope="session", show_spinner=False, max_entries=64)
def _labels(fingerprint: str, name: str, _column: pd.Series) -> tuple[str, ...]:
    return label_codes(_column)[1]


def labels(name: str) -> tuple[str, ...]:
    """The distinct values of a column of the current table as labels, "(missing)" left out."""
    current = table()
    if current is None or name not in current.columns:
        return ()
    found = _labels(current.fingerprint, name, current.column(name))
    return tuple(label for label in found if label != MISSING)


@st.cache_data(scope="session", show_spinner="Reading the columns …", max_entries=4)
def _summary(fingerprint: str, _frame: pd.DataFrame) -> pd.DataFrame:
    return column_summary(_frame).assign(values=column_histograms(_frame))


def columns_frame() -> pd.DataFrame:
    """`column_summary` of the current table with each column's `column_histograms` in "values", worked out once."""
    current = table()
    assert current is not None
    return _summary(current.fingerprint, current.frame)


def link_problems() -> list[str]:
    """What of the opened link could not be used, one sentence each."""
    problems = list(st.session_state.get(_LINK_PROBLEMS, ()))
    wanted, current = choices().file, uploaded()
    if choices().source == UPLOAD and wanted and current and not current.fingerprint.startswith(wanted):
        problems.append("The link was made with another version of this table: some of its cells differ.")
    return problems


# -------------------------------------------------------------------------------------------------------- changing


def update(**changes: Any) -> None:
    """Replace some of the choices. Call it in a callback, before the page is drawn."""
    set_choices(replace(choices(), **changes))


def set_choices(new: Choices) -> None:
    """Replace all choices. Call it in a callback, before the page is drawn."""
    st.session_state[_CHOICES] = new
    st.session_state[_CHANGED] = True


def rerun() -> NoReturn:
    """Run the page again from a polling fragment, keeping the choices.

    The fragment may have been asked for before the browser knew the last address: that one is not opened anew.
    """
    st.session_state[_CHANGED] = True
    st.rerun()


def control(
    name: str,
    *,
    shown: Callable[[Any], Any] = lambda value: value,
    taken: Callable[[Any], Any] = lambda value: value,
    apply: Callable[[Any], None] | None = None,
    key: str | None = None,
) -> dict[str, Any]:
    """`key` and `on_change` that tie a widget to one choice: `st.selectbox("Goal", GOALS, **state.control("metric"))`.

    The widget always shows the choice; give it no value or index of its own. `shown` and `taken` convert between the
    choice and the widget's value; `apply` replaces the plain update. Two widgets for one choice on a page need
    different keys.
    """
    key = key or f"choice_{name}"
    st.session_state[key] = shown(getattr(choices(), name))

    def changed() -> None:
        chosen = taken(st.session_state[key])
        if apply is None:
            update(**{name: chosen})
        else:
            apply(chosen)

    return {"key": key, "on_change": changed}


def use_source(source: str) -> None:
    """Show another table with the choices that were last made for it."""
    if source != choices().source:
        shelf = st.session_state.setdefault(_SHELVED, {})
        shelf[choices().source] = choices()
        set_choices(shelf.get(source, preset(source)))


def adopt_upload(file: Any, name: str) -> CurrentTable:
    """Make an uploaded file the current table. Raises TableError, and then table and choices are as before.

    Choices that a link brought, or that were made for an earlier upload, are kept where their columns are there;
    `lost_choices` says which were not.
    """
    frame = read_table(file, name=name)
    fingerprint = table_fingerprint(frame)
    new = CurrentTable(UPLOAD, name, name, frame, fingerprint, synthetic=False)
    earlier = choices() if choices().source == UPLOAD else st.session_state.get(_SHELVED, {}).get(UPLOAD)
    fresh, lost = (preset(UPLOAD), []) if earlier is None else _fitting(earlier, new)
    if earlier is not None and uploaded() is None and earlier.file and not fingerprint.startswith(earlier.file):
        st.session_state[_LINK_PROBLEMS] = [
            "The link was made with another version of this table: some of its cells differ."
        ]
    elif uploaded() is not None:
        st.session_state[_LINK_PROBLEMS] = []
    st.session_state[_LOST] = lost
    if choices().source != UPLOAD:
        st.session_state.setdefault(_SHELVED, {})[choices().source] = choices()
    st.session_state[_UPLOADED] = new
    set_choices(replace(fresh, file=fingerprint[:FINGERPRINT_DIGITS]))
    return new


def lost_choices() -> list[str]:
    """Which choices the last upload has no column for, one sentence each."""
    return list(st.session_state.get(_LOST, ()))


def _fitting(earlier: Choices, new: CurrentTable) -> tuple[Choices, list[str]]:
    """The choices whose columns and pinned rows are there, and a sentence for each that is not."""
    columns = set(new.columns)
    named = {"the outcome": [earlier.target], "a sensitive attribute": earlier.sensitive, "left out": earlier.drop}
    lost = [
        f"This table has no column '{shorten(name)}', which was {role}."
        for role, names in named.items()
        for name in names
        if name is not None and name not in columns
    ]
    kept = earlier
    if earlier.target is not None and earlier.target not in columns:
        kept = kept.with_target(None)
    if not columns.issuperset(earlier.sensitive):
        kept = kept.with_sensitive([name for name in kept.sensitive if name in columns], {})
    pinned = []
    for name in kept.pinned:
        try:
            rows_matching(new.frame, [name])
        except ConfigError as error:
            lost.append(f"Not pinned any more: {error}")
        else:
            pinned.append(name)
    return replace(kept, drop=tuple(name for name in kept.drop if name in columns), pinned=tuple(pinned)), lost


# --------------------------------------------------------------------------------------------------------- address


def sync(page: str) -> bool:
    """Bring choices and address together at the start of a page's run; True when the address brought new choices.

    An address that differs from the one last written was opened by the user (a link, or back and forward) and is
    read. A click in the navigation arrives with an empty address: it keeps the choices. A widget that was used before
    the browser knew the address of the choice before arrives with an old one: the choices win.
    """
    query = boot.query()
    written = st.session_state.get(_WRITTEN)
    moved = st.session_state.get(_PAGE) != page
    changed = st.session_state.pop(_CHANGED, False)
    opened = written is None or (not changed and query != written and (bool(query) or not moved))
    if opened:
        new, problems = from_query(query)
        st.session_state[_CHOICES] = new
        st.session_state[_LINK_PROBLEMS] = problems
    wanted = to_query(choices())
    if query != wanted:
        st.query_params.from_dict(wanted)
    st.session_state[_PAGE] = page
    st.session_state[_WRITTEN] = wanted
    return opened
