"""What the server's log says: one line of JSON on stderr for each event, where IFFAIR_LOG is "json".

A line holds counts, durations and words of this program, never a word of a table, a file, a scenario or a person:
`event` takes none, and of an exception only its kind and where it arose are written, as its text may quote cells.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import traceback
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

import streamlit as st

from iffair_core.errors import IFFairError

FORMAT = "IFFAIR_LOG"
"""Environment variable: "json", or "text", which is the default and leaves out events that are no errors."""
LOG = logging.getLogger("iffair")

Name = Literal[
    "upload_read",
    "upload_refused",
    "study_started",
    "study_ended",
    "study_stopped",
    "study_failed",
    "scenario_saved",
    "scenario_opened",
    "scenario_deleted",
    "file_downloaded",
]
_OTHERS = ("streamlit", "uvicorn", "websockets")
_KEY = "log_session"


class Lines(logging.Formatter):
    """A record as one line of JSON. Of another program's: who wrote it where, not what, as that may quote cells."""

    def format(self, record: logging.LogRecord) -> str:
        facts: Mapping[str, Any] | None = getattr(record, "facts", None)
        if facts is None:
            facts = {"event": "message", "logger": record.name, "place": f"{record.filename}:{record.lineno}"}
            if record.exc_info and record.exc_info[1] is not None:
                facts |= of_error(record.exc_info[1])
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        return json.dumps({"time": time, "level": record.levelname.lower(), **facts})


def set_up(environment: Mapping[str, str] = os.environ) -> None:
    """Write the log as IFFAIR_LOG says. Call it at the start of a run: Streamlit adds loggers as it goes.

    Raises ValueError, which says what to give, for another value.
    """
    asked = environment.get(FORMAT, "").strip() or "text"
    if asked not in ("text", "json"):
        raise ValueError(f"{FORMAT} is {asked!r}; give json or text.")
    if asked == "text":
        return
    if not LOG.handlers:
        LOG.addHandler(logging.StreamHandler())
        LOG.setLevel(logging.INFO)
        LOG.propagate = False
    for name, logger in list(logging.root.manager.loggerDict.items()):
        if isinstance(logger, logging.Logger) and name.partition(".")[0] in (LOG.name, *_OTHERS):
            for handler in logger.handlers:
                if not isinstance(handler.formatter, Lines):
                    handler.setFormatter(Lines())


def session() -> str:
    """A random name of this session, which says nothing of the visitor and is forgotten with the session."""
    return str(st.session_state.setdefault(_KEY, secrets.token_hex(4)))


def event(
    name: Name,
    *,
    session: str | None = None,
    seconds: float | None = None,
    shape: tuple[int, int] | None = None,
    size: int | None = None,
    work: str | None = None,
    stage: str | None = None,
    file: str | None = None,
    error: BaseException | None = None,
) -> None:
    """Note that something happened.

    session: whose, None for the server's own; shape: rows and columns; size: bytes; work: kind of a study; stage: the
    one that it came to; file: one of the names that downloads have.
    """
    rows, columns = shape or (None, None)
    facts = {"event": name, "session": session, "seconds": None if seconds is None else round(seconds, 3)}
    facts |= {"rows": rows, "columns": columns, "bytes": size, "work": work, "stage": stage, "file": file}
    facts |= {} if error is None else of_error(error)
    said = {key: value for key, value in facts.items() if value is not None}
    LOG.info(name, extra={"facts": said})


def unexpected(error: BaseException, *, private: bool) -> None:
    """Note an error that is a defect of this program; its text, in plain text only, where nothing is `private`."""
    found = of_error(error)
    LOG.error(
        "unexpected error: %s at %s",
        found["kind"],
        " < ".join(found["places"]),
        exc_info=None if private else error,
        extra={"facts": {"event": "unexpected_error", "session": session(), **found}},
    )


def of_error(error: BaseException) -> dict[str, Any]:
    """Kind of an exception and, where it was not raised on purpose, the places it came through, the last first."""
    kind = type(error).__name__
    if isinstance(error, IFFairError):
        return {"kind": kind}
    frames = reversed(traceback.extract_tb(error.__traceback__)[-6:])
    return {"kind": kind, "places": [f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in frames]}


def downloaded(file: str, make: Callable[[], bytes | str]) -> Callable[[], bytes | str]:
    """`make`, the maker of a download, which notes that it was asked for. It runs outside the script's thread."""
    whose = session()

    def made() -> bytes | str:
        content = make()
        event("file_downloaded", session=whose, file=file)
        return content

    return made
