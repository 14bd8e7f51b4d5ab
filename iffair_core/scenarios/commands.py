"""Saved scenarios on the command line: which there are, what one says, its files, and its end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from iffair_core.errors import ConfigError, listing, shorten
from iffair_core.scenarios.store import Entry, Store, store


def scenario_lines(action: str, wanted: str | None) -> list[str]:
    """What `list`, `show` and `delete` print. `wanted`: a scenario's id, or its name where only one has it.

    Raises ConfigError where there is no such scenario, StoreError where the database does not answer.
    """
    kept = store()
    if action == "list":
        return [_line(entry) for entry in kept.all()] or ["There are no scenarios. The dashboard saves them."]
    found = _found(kept, wanted)
    if action == "show":
        return list(_told(found))
    kept.delete(found)
    return [f"Deleted: {_line(found)}"]


def scenario_files(wanted: str | None) -> dict[str, bytes]:
    """The files that a scenario holds, by name: plain ones, as `run` writes them. Raises as `scenario_lines`."""
    kept = store()
    files = kept.read(_found(kept, wanted).id)[1].files
    return {Path(name).name: content for name, content in files.items()}  # a shared database may hold any name


def _found(kept: Store, wanted: str | None) -> Entry:
    every = kept.all()
    alike = [entry for entry in every if wanted in (entry.id, entry.name)]
    if len(alike) == 1:
        return alike[0]
    if alike:
        raise ConfigError(f"Several scenarios are called that. Give the id of one: {listing(one.id for one in alike)}.")
    what = "Name a scenario" if wanted is None else f"There is no scenario '{shorten(wanted)}'. Name one"
    raise ConfigError(f"{what} by its id or name; `iffair scenarios list` lists them.")


def _line(entry: Entry) -> str:
    goal, table = entry.head["goal"], entry.head["table"]["name"]
    return f"{entry.id}  {shorten(entry.name, 80)}: {shorten(table, 60)}, {goal}, saved {entry.when}"


def _told(entry: Entry) -> Iterator[str]:
    yield _line(entry)
    if entry.note:
        yield from (shorten(line, 400) for line in entry.note.splitlines())
    yield from (shorten(text, 1000) for text in (*entry.head["findings"], *entry.head["sentences"]))
    table = entry.head["table"]
    yield f"Table: fingerprint {table['fingerprint']}, rows {'kept' if table['kept'] else 'not kept'}"
