"""Scenarios in this session: the study on the screen saved, a saved one opened, and what they hold.

The database is asked only where a scenario is on the screen; its libraries are loaded then. What goes wrong in a
callback is kept for the next run, which says it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit, urlunsplit

import streamlit as st

from iffair_core.errors import IFFairError, ScenarioChanged
from pages.kit import errors
from pages.session import log, sign_in, state, study_runs
from pages.session.address import from_query, to_query
from pages.session.memory import remembered
from pages.session.settings import UPLOAD, Choices
from pages.session.state import CurrentTable

if TYPE_CHECKING:
    from iffair_core.scenarios.record import Kept
    from iffair_core.scenarios.store import Entry, Store
    from iffair_core.study.results import StudyResult

_NEWS = "scenario_news"
_ARRIVED = "scenario_was_opened"
_SEEN = "scenario_versions_seen"


@dataclass(frozen=True)
class News:
    """What the last action on a scenario came to: `said`, or an `error`.

    Where somebody else was first: `unsaved`, what was to be saved, and `theirs`, the scenario as it is, if it still is.
    """

    said: str = ""
    error: IFFairError | None = None
    unsaved: Wanted | None = None
    theirs: Entry | None = None


@dataclass(frozen=True)
class Wanted:
    """How a scenario is to be saved: its name and note, and whether with the table's rows."""

    name: str
    note: str
    rows: bool = False


def _store() -> Store:
    from iffair_core.scenarios.store import store

    return store(sign_in.visitor())


def entries() -> list[Entry]:
    """One's own scenarios and those that colleagues share, the one saved last first. Raises StoreError."""
    return _store().all()


def opened() -> Entry | None:
    """The scenario that the choices were opened from; None where there is none any more. Raises StoreError."""
    chosen = state.choices().scenario
    entry = None if chosen is None else _store().entry(chosen)
    if entry is not None:
        _seen().setdefault(entry.id, entry.version)
    return entry


def _seen() -> dict[str, int]:
    """The version of each scenario that this session opened or saved last: what it may save over."""
    return st.session_state.setdefault(_SEEN, {})


def is_changed(entry: Entry) -> bool:
    """Whether somebody else has changed a scenario since this session opened it."""
    return _seen().get(entry.id, entry.version) != entry.version


def kept(entry: Entry) -> Kept:
    """What a scenario holds, but for the table. Raises StoreError."""
    return _kept(entry.id, entry.version)


@remembered(keep=16)
def _kept(scenario: str, version: int) -> Kept:
    return _store().read(scenario, table=False)[1]


def choices_of(entry: Entry) -> Choices:
    """The choices that a scenario was saved with."""
    return from_query(entry.head["choices"])[0]


def on_screen(result: StudyResult) -> Kept:
    """The study on the screen as a scenario would hold it."""
    made = (result.config, result.dataset.task.task, result.fingerprint, result.strength, len(result.rivals))
    return _on_screen(repr(made), result)


@remembered(keep=2)
def _on_screen(key: str, _result: StudyResult) -> Kept:
    return _keep(_result, rows=False)


def _keep(result: StudyResult, *, rows: bool) -> Kept:
    from iffair_core.scenarios.keeping import keep

    current, found = state.open_table(), study_runs.fix_outcome()
    return keep(
        result,
        choices=to_query(replace(state.choices(), scenario=None, beside=(), tour=False, stage=False)),
        source=current.source,
        private=current.source == UPLOAD,
        table=current.frame if rows else None,
        fix=None if found is None else found.fix,
    )


# ------------------------------------------------------------------------------------------------------------- actions


def news() -> News | None:
    """What the last action came to, until the next one."""
    return st.session_state.get(_NEWS)


def dismiss() -> None:
    """Say no more of the last action."""
    st.session_state.pop(_NEWS, None)


def _try(action: Callable[[], str]) -> None:
    """Do something with the database in a callback, and keep what came of it."""
    try:
        st.session_state[_NEWS] = News(said=action())
    except Exception as fault:
        st.session_state[_NEWS] = News(error=errors.noted(fault))


def save(result: StudyResult, wanted: Wanted, over: Entry | None = None) -> None:
    """Save the study on the screen, `over` a scenario or as a new one, and have it opened. Use it in a callback."""

    def action() -> str:
        made = _keep(result, rows=wanted.rows)
        if over is None:
            entry = _store().add(wanted.name, wanted.note, made)
        else:
            seen = replace(over, version=_seen().get(over.id, over.version))
            entry = _store().change(seen, name=wanted.name, note=wanted.note, kept=made)
        _seen()[entry.id] = entry.version
        state.update(scenario=entry.id)
        log.event("scenario_saved", session=log.session(), size=sum(map(len, made.files.values())))
        return f"Saved as '{entry.name}'."

    _try(action)
    now = news()
    if now is not None and isinstance(now.error, ScenarioChanged):
        st.session_state[_NEWS] = replace(now, unsaved=wanted, theirs=now.error.now)


def open_scenario(entry: Entry) -> None:
    """Make a scenario's choices the current ones, and run its study. Use it in a callback."""
    dismiss()
    _seen()[entry.id] = entry.version
    state.open_choices(replace(choices_of(entry), scenario=entry.id, beside=state.choices().beside))
    st.session_state[_ARRIVED] = True
    log.event("scenario_opened", session=log.session())


def rename(entry: Entry, name: str, note: str) -> None:
    """Give a scenario another name and note. Use it in a callback."""
    _try(lambda: f"Renamed to '{_changed(entry, name=name, note=note).name}'.")


def share(entry: Entry, shared: bool) -> None:
    """Let the team open a scenario, or no longer. Use it in a callback."""
    how = "is shared with the team" if shared else "is yours alone now"
    _try(lambda: f"'{_changed(entry, shared=shared).name}' {how}.")


def _changed(entry: Entry, **change: Any) -> Entry:
    """Change a scenario; the new version is seen where the one before was."""
    now = _store().change(entry, **change)
    if not is_changed(entry):
        _seen()[entry.id] = now.version
    return now


def link(entry: Entry) -> str:
    """The address that opens a scenario, with the choices that it was saved with."""
    query = to_query(replace(choices_of(entry), scenario=entry.id))
    here = urlsplit(st.context.url or "")
    page = f"{here.path.rpartition('/')[0]}/reweight"
    return urlunsplit((here.scheme, here.netloc, page, urlencode(query, doseq=True), ""))


def duplicate(entry: Entry) -> None:
    """Save a copy beside a scenario. Use it in a callback."""
    _try(lambda: f"Saved as '{_store().duplicate(entry.id).name}'.")


def delete(entry: Entry) -> None:
    """Delete a scenario. Use it in a callback."""

    def action() -> str:
        _store().delete(entry)
        log.event("scenario_deleted", session=log.session())
        chosen = state.choices()
        here = None if chosen.scenario == entry.id else chosen.scenario
        state.update(scenario=here, beside=tuple(one for one in chosen.beside if one != entry.id))
        return f"Deleted '{entry.name}'."

    _try(action)


def arrive() -> bool:
    """Bring the table of the opened scenario, where it keeps one; whether a study is to be run for it now.

    Call it at the start of a run, after the address was read. Raises StoreError.
    """
    arrived = bool(st.session_state.pop(_ARRIVED, False))
    chosen = state.choices()
    if chosen.scenario is None or chosen.source != UPLOAD or state.table() is not None:
        return arrived
    entry = opened()
    if entry is None or not entry.head["table"]["kept"]:
        return arrived
    frame, about = _store().read(entry.id)[1].table, entry.head["table"]
    assert frame is not None
    brought = CurrentTable(UPLOAD, about["name"], about["name"], frame, about["fingerprint"], synthetic=False)
    return state.bring_back(brought) or arrived
