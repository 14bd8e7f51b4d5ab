"""The session: the current table and the current choices, which survive page switches and live in the address.

Choices are only changed in callbacks (`update`, `control`) or when an address with other parameters is opened, and
`sync` writes them back, so any address can be shared. An upload, and all that is worked out from it, stays in its
session and never in a cache that sessions share; `forget` leaves nothing of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import pandas as pd
import streamlit as st

from iffair_core.data.resolving import ResolvedTask, resolve
from iffair_core.data.row_selectors import rows_matching, rows_meeting
from iffair_core.data.task import Task
from iffair_core.datasets.catalog import DATASETS, CatalogEntry, is_available, load_dataset
from iffair_core.errors import IFFairError, StopCheck, never_stop, shorten
from iffair_core.reading.door import table_fingerprint
from iffair_core.reading.types import column_histograms, column_summary, with_types
from iffair_core.reading.values import MISSING, label_codes
from pages.session import folders
from pages.session.address import from_query, to_query
from pages.session.memory import forget_all, remembered
from pages.session.settings import EXAMPLE, UPLOAD, Choices, changed_choices, preset
from pages.shell import boot

if TYPE_CHECKING:
    from iffair_core.cluster.folder import ParquetFolder

_CHOICES = "choices"
_UPLOADED = "uploaded_table"
_SHELVED = "choices_by_source"
_PAGE = "page_of_last_run"
_ARRIVAL = "how_the_next_run_was_asked_for"
_LINK_PROBLEMS = "link_problems"
_LOST = "choices_lost_by_upload"
_OTHER_TABLE = "The link was made with another table, or with another version of this one: some cells differ."
_BEFORE_LOSS = "choices_before_they_were_lost"
_SOURCE_ERRORS = "errors_by_source"
_FORGOTTEN = "times_forgotten"
FINGERPRINT_DIGITS = 12


@dataclass(frozen=True, eq=False)
class CurrentTable:
    """A table with what identifies it; `fingerprint` covers every cell. Never change `frame`: it may be shared.

    folder: where the rows lie that a cluster studies. Then `frame` holds the first of them only, and the fingerprint
    covers names, sizes and columns of the files.
    """

    source: str
    name: str
    title: str
    frame: pd.DataFrame
    fingerprint: str
    synthetic: bool
    folder: ParquetFolder | None = None

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return len(self.frame) if self.folder is None else self.folder.rows

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.rows, self.frame.shape[1]

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


@remembered(keep=2)
def folder_table(source: str) -> CurrentTable:
    """A folder that this server offers. Raises TableError where it is not there, or is no table."""
    folder = folders.opened(source)
    name = source.removeprefix(folders.MARK)
    return CurrentTable(source, name, name, folders.first_rows(folder), folder.fingerprint, False, folder)


def entry_of(source: str) -> CatalogEntry | None:
    """The catalog's entry of a source; None for an upload."""
    return next((entry for entry in DATASETS if entry.name == source), None)


@st.cache_resource(show_spinner=False, max_entries=12)
def catalog_table(
    name: str, _progress: Callable[[float, str], None] | None = None, _stop_check: StopCheck = never_stop
) -> CurrentTable:
    """A table of the catalog, shared by all sessions of the server; it is downloaded where this machine has it not.

    Raises TableError where that fails, and Cancelled when `_stop_check` does.
    """
    entry = next(entry for entry in DATASETS if entry.name == name)
    frame, _ = load_dataset(name, progress=_progress, stop_check=_stop_check)
    return CurrentTable(name, entry.name, entry.title, frame, table_fingerprint(frame), entry.synthetic)


@st.cache_resource(show_spinner=False)
def _held() -> set[str]:
    """Names of the catalog's tables that this server has read."""
    return {EXAMPLE}


def note_here(source: str) -> None:
    """A table of the catalog has been read by this server."""
    _held().add(source)


def is_here(source: str) -> bool:
    """Whether a table of the catalog can be shown without asking another machine for it."""
    entry = entry_of(source)
    return entry is not None and (source in _held() or entry.synthetic or is_available(entry))


# --------------------------------------------------------------------------------------------------------- reading


def choices() -> Choices:
    """The user's choices."""
    return st.session_state.setdefault(_CHOICES, preset(EXAMPLE))


def table() -> CurrentTable | None:
    """The current table as it was read; None while a link's upload, or a data set's download, is not there."""
    source = choices().source
    if source == UPLOAD:
        return uploaded() if choices().scenario is None or _is_chosen(uploaded()) else None
    in_folder = source.startswith(folders.MARK)
    if source in source_errors() or not (in_folder or is_here(source)):
        return None
    try:
        found = folder_table(source) if in_folder else catalog_table(source)
    except IFFairError as error:
        source_errors()[source] = error
        return None
    if not in_folder:
        note_here(source)
    return found


def open_table() -> CurrentTable:
    """The current table, where there is one."""
    found = table()
    assert found is not None
    return found


def source_errors() -> dict[str, IFFairError]:
    """Why data sets of the catalog could not be had when they were last tried, by name."""
    return st.session_state.setdefault(_SOURCE_ERRORS, {})


def uploaded() -> CurrentTable | None:
    """The table that was uploaded in this session, also while another one is shown."""
    return st.session_state.get(_UPLOADED)


def _is_chosen(found: CurrentTable | None) -> bool:
    """Whether an upload is the table that the choices were made for."""
    return found is not None and found.fingerprint.startswith(choices().file or "")


def bring_back(found: CurrentTable) -> bool:
    """Have a table that was kept, where the choices are made for it; whether they are. Call it before the page."""
    if choices().source == UPLOAD and _is_chosen(found):
        st.session_state[_UPLOADED] = found
        return True
    return False


def frame_key() -> tuple[object, ...]:
    """What identifies the current table with the chosen types and missing markers; () while there is none."""
    current, chosen = table(), choices()
    if current is None:
        return ()
    return current.fingerprint, tuple(sorted(chosen.types.items())), chosen.missing


def frame() -> pd.DataFrame:
    """The current table with the chosen types and missing markers. Never change it.

    Types that do not fit leave it as it was read: `resolved` says what is wrong with them.
    """
    return _frame()[0]


def type_misfit() -> IFFairError | None:
    """Why the chosen types or missing markers do not fit the current table; None where they do."""
    return _frame()[1]


def _frame() -> tuple[pd.DataFrame, IFFairError | None]:
    current = open_table()
    return _typed(frame_key(), current.frame, choices())


@remembered(keep=2)
def _typed(
    key: tuple[object, ...], _as_read: pd.DataFrame, _chosen: Choices
) -> tuple[pd.DataFrame, IFFairError | None]:
    try:
        return with_types(_as_read, _chosen.types, _chosen.missing), None
    except IFFairError as error:
        return _as_read, error


def column(name: str) -> pd.Series:
    """A column of `frame` by its printed name; of a folder, every row of a column that decides about rows."""
    current, chosen = open_table(), choices()
    if current.folder is not None and name in (chosen.target, *chosen.sensitive, *chosen.helpers):
        return _of_folder(frame_key(), name)
    return frame().iloc[:, current.columns.index(name)]


@remembered(keep=12)
def _of_folder(key: tuple[object, ...], name: str) -> pd.Series:
    from iffair_core.cluster.folder import read_columns

    folder, chosen = open_table().folder, choices()
    assert folder is not None
    types = {name: chosen.types[name]} if name in chosen.types else {}
    return with_types(read_columns(folder.partitions, [name]), types, chosen.missing)[name]


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
    outcome = _resolved(current.fingerprint, repr(wanted), wanted)
    if isinstance(outcome, IFFairError):
        raise outcome
    return outcome


def reference_of_all_rows() -> str | None:
    """The reference group that would be suggested if no row were left out; None where the task would not fit then."""
    current, wanted = table(), task()
    if current is None or wanted is None:
        return None
    wanted = replace(wanted, exclude=())
    outcome = _resolved(current.fingerprint, repr(wanted), wanted)
    return None if isinstance(outcome, IFFairError) else outcome.reference


@remembered(keep=4)
def _resolved(fingerprint: str, text: str, _wanted: Task) -> ResolvedTask | IFFairError:
    try:
        folder = open_table().folder
        if folder is None:
            return resolve(_wanted, frame())
        from iffair_core.cluster.encoding import resolved_in

        return resolved_in(folder, _wanted)
    except IFFairError as error:
        return error


def labels(name: str) -> tuple[str, ...]:
    """The distinct values of a column of the current table as labels, "(missing)" left out."""
    return tuple(label for label in label_counts(name) if label != MISSING)


def label_counts(name: str) -> dict[str, int]:
    """How many rows have each label of a column, "(missing)" last; empty where there is no such column."""
    current = table()
    if current is None or name not in current.columns:
        return {}
    return _counted(frame_key(), name, column(name).size)


@remembered(keep=64)
def _counted(key: tuple[object, ...], name: str, rows: int) -> dict[str, int]:
    codes, found = label_codes(column(name))
    return dict(zip(found, np.bincount(codes, minlength=len(found)).tolist(), strict=True))


def columns_frame() -> pd.DataFrame:
    """`column_summary` of the current table with each column's `column_histograms` in "values", worked out once."""
    return _summary(frame_key())


@remembered(keep=2)
def _summary(key: tuple[object, ...]) -> pd.DataFrame:
    return column_summary(frame()).assign(values=pd.Series(column_histograms(frame()), dtype=object))


def link_problems() -> list[str]:
    """What of the opened link could not be used, one sentence each."""
    problems = list(st.session_state.get(_LINK_PROBLEMS, ()))
    wanted, current = choices().file, uploaded()
    if choices().source == UPLOAD and wanted and table() is not None and not _is_chosen(current):
        problems.append(_OTHER_TABLE)
    return problems


# -------------------------------------------------------------------------------------------------------- changing


def update(**changes: Any) -> None:
    """Replace some of the choices. Call it in a callback, before the page is drawn."""
    set_choices(replace(choices(), **changes))


def set_choices(new: Choices) -> None:
    """Replace all choices. Call it in a callback, before the page is drawn."""
    st.session_state[_CHOICES] = new
    st.session_state[_ARRIVAL] = "changed"


def rerun() -> NoReturn:
    """Run the page again from a polling fragment, and keep the choices.

    A poll carries the address and the page that the browser knew when it sent it. Example: the visitor moves a slider
    while a poll is under way; the poll still names the address before the move. So its address is not opened. If the
    visitor has gone to another page meanwhile, that page is run.
    """
    if st.session_state.get(_ARRIVAL) != "changed":
        st.session_state[_ARRIVAL] = boot.query()
    page, asked_for = st.session_state.get(_PAGE), st.context.url
    if page is not None and asked_for is not None and asked_for.rpartition("/")[2] != page:
        boot.go(page)
    st.rerun()


def here(callback: Callable[[], None]) -> Callable[[], None]:
    """Wrap a widget's callback that changes choices, so that it ignores echoes of an earlier page.

    Example: the visitor opens another table while a poll is under way. The poll brings the widgets as they were before,
    and Streamlit calls their callbacks. An echo is recognized by three signs: its widget was drawn for another table,
    it comes with the address of another table, or it comes with an earlier address and sets a choice to its value in
    that address.
    """
    drawn = _place()

    def guarded() -> None:
        before, arrival = choices(), st.session_state.get(_ARRIVAL)
        earlier = None if boot.query() == boot.address() else from_query(boot.query())[0]
        elsewhere = earlier is not None and (earlier.source, earlier.file) != (before.source, before.file)
        if _place() != drawn or elsewhere:
            return
        callback()
        if earlier is not None:
            changed = changed_choices(before, choices())
            if any(getattr(choices(), name) == getattr(earlier, name) for name in changed):
                st.session_state[_CHOICES] = before
                st.session_state.pop(_ARRIVAL, None)
                if arrival is not None:
                    st.session_state[_ARRIVAL] = arrival

    return guarded


def _place() -> tuple[object, ...]:
    return times_forgotten(), choices().source, choices().file


def control(
    name: str,
    *,
    shown: Callable[[Any], Any] = lambda value: value,
    taken: Callable[[Any], Any] = lambda value: value,
    apply: Callable[[Any], None] | None = None,
    key: str | None = None,
) -> dict[str, Any]:
    """`key` and `on_change` that tie a widget to one choice: `st.selectbox("Goal", GOALS, **state.control("goal"))`.

    The widget always shows the choice; give it no value or index of its own. `shown` and `taken` convert between the
    choice and the widget's value; `apply` replaces the plain update. Two widgets for one choice on a page need
    different keys.
    """
    take = apply or (lambda chosen: update(**{name: chosen}))
    return bound(key or f"choice_{name}", shown(getattr(choices(), name)), lambda value: take(taken(value)))


def bound(key: str, value: Any, take: Callable[[Any], None]) -> dict[str, Any]:
    """`key` and `on_change` of a widget that always shows `value`, and hands what the visitor chooses to `take`."""
    st.session_state[key] = value
    return {"key": key, "on_change": here(lambda: take(st.session_state[key]))}


def use_source(source: str) -> None:
    """Show another table with the choices that were last made for it."""
    if source != choices().source:
        open_choices(st.session_state.setdefault(_SHELVED, {}).get(source, preset(source)))


def open_choices(new: Choices) -> None:
    """Replace all choices, also by those for another table; then the present ones are kept for when theirs is shown."""
    if new.source != choices().source:
        st.session_state.setdefault(_SHELVED, {})[choices().source] = choices()
    set_choices(new)


def upload_of(name: str, frame: pd.DataFrame) -> CurrentTable:
    """A table that was read from a file called `name`, with its fingerprint."""
    return CurrentTable(UPLOAD, name, name, frame, table_fingerprint(frame), synthetic=False)


def upload_choices() -> Choices | None:
    """The choices that belong to an upload: the current ones, or those last made for one; None if there are none."""
    return choices() if choices().source == UPLOAD else st.session_state.get(_SHELVED, {}).get(UPLOAD)


def adopt(new: CurrentTable, reading: dict[str, str | int]) -> None:
    """Make an uploaded table, read with these options, the current one.

    Choices that a link brought, or that were made for an earlier upload, are kept where their columns are there;
    `lost_choices` says which were not, and a next file that has the columns gets them back.
    """
    earlier = upload_choices()
    before, after = st.session_state.get(_BEFORE_LOSS, (None, None))
    if earlier is not None and earlier == after:
        earlier = before
    fresh, lost = (preset(UPLOAD), []) if earlier is None else _fitting(earlier, new)
    if earlier is not None and uploaded() is None and earlier.file and not new.fingerprint.startswith(earlier.file):
        st.session_state[_LINK_PROBLEMS] = [_OTHER_TABLE]
    elif uploaded() is not None:
        st.session_state[_LINK_PROBLEMS] = []
    st.session_state[_LOST] = lost
    if choices().source != UPLOAD:
        st.session_state.setdefault(_SHELVED, {})[choices().source] = choices()
    st.session_state[_UPLOADED] = new
    set_choices(replace(fresh, file=new.fingerprint[:FINGERPRINT_DIGITS], reading=dict(reading)))
    st.session_state[_BEFORE_LOSS] = (earlier, choices()) if lost else (None, None)


def take(new: Choices) -> list[str]:
    """Make these choices the current ones of their source, as far as its table has the columns; says what it has not.

    Where no file was given yet they wait for one. Use it in a callback.
    """
    if new.source == UPLOAD and uploaded() is None:
        if choices().source == UPLOAD:
            set_choices(new)
        else:
            st.session_state.setdefault(_SHELVED, {})[UPLOAD] = new
        return []
    kept, lost = _fitting(new, open_table())
    same_file = new.source == UPLOAD and choices().source == UPLOAD
    set_choices(replace(kept, file=choices().file, reading=choices().reading) if same_file else kept)
    return lost


def forget() -> None:
    """Leave nothing of the uploaded table in this session, and show the example. Use it as a callback.

    Everything that the session holds goes: the table, what was worked out from it, its studies, widgets and choices;
    only the choices made for tables of the catalog stay.
    """
    kept = {source: made for source, made in st.session_state.get(_SHELVED, {}).items() if source != UPLOAD}
    if choices().source != UPLOAD:
        kept[choices().source] = choices()
    stay = {key: st.session_state[key] for key in (boot.ADDRESS, _PAGE) if key in st.session_state}
    stay[_FORGOTTEN] = times_forgotten() + 1
    for key in list(st.session_state):
        del st.session_state[key]
    forget_all()
    st.session_state.update(stay)
    set_choices(kept.pop(EXAMPLE, preset(EXAMPLE)))
    st.session_state[_SHELVED] = kept


def times_forgotten() -> int:
    """How often `forget` was used: widgets whose content the browser keeps take a new key from it."""
    return st.session_state.get(_FORGOTTEN, 0)


def lost_choices() -> list[str]:
    """Which choices the last upload has no column for, one sentence each."""
    return list(st.session_state.get(_LOST, ()))


def _fitting(earlier: Choices, new: CurrentTable) -> tuple[Choices, list[str]]:
    """The choices whose columns and rows are there, and a sentence for each that is not."""
    columns = set(new.columns)
    roles: dict[str, tuple[str, ...]] = {
        "the outcome": tuple(filter(None, [earlier.target])),
        "a sensitive attribute": earlier.sensitive,
        "left out": earlier.drop,
        "the row weights": tuple(filter(None, [earlier.weights])),
        "the column of parts": tuple(filter(None, [earlier.split_column])),
        "the unit": tuple(filter(None, [earlier.unit])),
        "of a chosen type": tuple(earlier.types),
        "compared without a model": tuple(filter(None, [earlier.audit])),
    }
    lost = [
        f"This table has no column '{shorten(name)}', which was {role}."
        for role, names in roles.items()
        for name in names
        if name not in columns
    ]
    kept = earlier
    if earlier.target is not None and earlier.target not in columns:
        kept = kept.with_target(None)
    if not columns.issuperset(earlier.sensitive):
        kept = kept.with_sensitive([name for name in kept.sensitive if name in columns], {})
    for name in kept.helpers:
        kept = kept if name in columns else kept.without_helper(name)
    kept = replace(
        kept,
        drop=tuple(name for name in kept.drop if name in columns),
        types={name: kind for name, kind in kept.types.items() if name in columns},
        audit=kept.audit if kept.audit in columns else None,
    )
    typed, _ = _typed((new.fingerprint, tuple(sorted(kept.types.items())), kept.missing), new.frame, kept)
    for role, said, find in (
        ("pinned", "Not pinned any more", _rows_pinned),
        ("exclude", "Not left out any more", rows_meeting),
    ):
        names = []
        for name in getattr(kept, role):
            try:
                find(typed, name)
            except IFFairError as error:
                lost.append(f"{said}: {error}")
            else:
                names.append(name)
        left: dict[str, Any] = {role: tuple(names)}
        kept = replace(kept, **left)
    return kept, lost


def _rows_pinned(frame: pd.DataFrame, name: int | str) -> np.ndarray:
    return rows_matching(frame, [name])


# --------------------------------------------------------------------------------------------------------- address


def sync(page: str) -> bool:
    """Bring choices and address together at the start of a page's run; True when the address brought new choices.

    - The visitor opened another address (a link, or back and forward): it is read.
    - A click in the navigation arrives with an empty address: the choices stay.
    - A widget that was used before the browser knew the last address arrives with an earlier one: the choices win.
    - A poll arrives with an earlier address: the choices win, and the browser is not sent another address, because that
      would cut off its way forward.
    """
    query, last = boot.query(), st.session_state.get(boot.ADDRESS)
    arrival = st.session_state.pop(_ARRIVAL, None)
    polled = arrival == query
    moved = st.session_state.get(_PAGE) != page
    opened = last is None or (arrival != "changed" and not polled and query != last and (bool(query) or not moved))
    if opened:
        st.session_state[_CHOICES], st.session_state[_LINK_PROBLEMS] = from_query(query)
    wanted = to_query(choices())
    shown = last if polled else query
    if wanted != shown or (arrival == "changed" and wanted != last):
        st.query_params.from_dict(wanted)
    st.session_state[_PAGE] = page
    st.session_state[boot.ADDRESS] = wanted
    return opened
