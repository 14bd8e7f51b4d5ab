"""The database of scenarios and drafts: an SQLite file in the user's data folder, or PostgreSQL.

`IFFAIR_DATABASE_URL` names another database, as postgresql://user:password@host/name or sqlite:////folder/file. Alembic
makes and renews the schema at first use. Everything that belongs together is written in one transaction, so that a
process that is killed leaves all of it or nothing. Each change of a scenario names the version that it was made from; a
change of an older version is refused, so that nobody overwrites what they have not seen.

A store acts for one person. It finds that person's scenarios and those that others share, and changes only the former.
Where nobody signs in, everything belongs to `NOBODY`.
"""

from __future__ import annotations

import copy
import json
import os
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import platformdirs
import sqlalchemy as sa

from iffair_core.errors import ScenarioChanged, StoreError, shorten
from iffair_core.scenarios.people import LONGEST_NAME, NOBODY, Person, one_line
from iffair_core.scenarios.record import TABLE, Kept

DATABASE = "IFFAIR_DATABASE_URL"
LONGEST_NOTE = 5_000
DRAFT_DAYS = 30
GONE = "There is no such scenario, or it is not shared with you."
"""Said of one that was deleted, never was, or is another person's: nobody learns which."""
_WAIT_SECONDS, _CONNECT_SECONDS = 30, 10
_MIGRATION_LOCK = 0x1FFA1
_OPENING = threading.Lock()
_METADATA = sa.MetaData()
_SCENARIOS = sa.Table(
    "scenario",
    _METADATA,
    sa.Column("id", sa.String(32), primary_key=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created", sa.String(32), nullable=False),
    sa.Column("saved", sa.String(32), nullable=False),
    sa.Column("head", sa.Text, nullable=False),
    sa.Column("owner", sa.String(64), nullable=False, server_default=""),
    sa.Column("owner_name", sa.String(200), nullable=False, server_default=""),
    sa.Column("shared", sa.Boolean, nullable=False, server_default=sa.false()),
    sa.Index("scenario_owner", "owner"),
)
_FILES = sa.Table(
    "scenario_file",
    _METADATA,
    sa.Column("scenario", sa.String(32), sa.ForeignKey("scenario.id"), primary_key=True),
    sa.Column("name", sa.String(64), primary_key=True),
    sa.Column("content", sa.LargeBinary, nullable=False),
)
_DRAFTS = sa.Table(
    "draft",
    _METADATA,
    sa.Column("visitor", sa.String(64), primary_key=True),
    sa.Column("about", sa.String(80), primary_key=True),
    sa.Column("saved", sa.String(32), nullable=False),
    sa.Column("head", sa.Text, nullable=False),
    sa.Column("content", sa.LargeBinary),
)


@dataclass(frozen=True)
class Entry:
    """A scenario as a list shows it. `created`, `saved`: UTC, as 2026-01-31T12:00:00.000+00:00; `head`: see `Kept`.

    `mine`: it belongs to the person who asks; `by`: name of whom it belongs to; `shared`: all who sign in may open it.
    """

    id: str
    name: str
    note: str
    version: int
    created: str
    saved: str
    head: Mapping[str, Any]
    mine: bool
    by: str
    shared: bool

    @property
    def when(self) -> str:
        """When it was saved last, to the minute."""
        return f"{self.saved[:16].replace('T', ' ')} UTC"


def database_url() -> str:
    """Where scenarios are kept, as SQLAlchemy names it."""
    given = os.environ.get(DATABASE)
    if given:
        return given
    return f"sqlite:///{platformdirs.user_data_path('iffair', appauthor=False) / 'scenarios.sqlite'}"


def store(owner: Person = NOBODY) -> Store:
    """The database that `database_url` names, for one person, its schema up to date. Raises StoreError without it."""
    with _OPENING:
        return _opened(database_url()).of(owner)


@cache
def _opened(url: str) -> Store:
    return Store(url)


class Store:
    """Scenarios of one person, and drafts, in one database. Safe to use from several threads and processes at once.

    Every method raises StoreError, which says what to do, where the database does not answer. A scenario of another
    person that is not shared is for every method as one that does not exist.
    """

    def __init__(self, url: str, owner: Person = NOBODY) -> None:
        self._owner = owner
        try:
            self._engine = _engine(url)
        except (sa.exc.ArgumentError, ImportError, OSError) as error:
            raise StoreError(_unusable(shorten(url.partition("@")[2] or url, 80), error)) from error
        self._where = self._engine.url.render_as_string(hide_password=True)
        with self._transaction() as connection:
            _migrate(connection)

    def of(self, owner: Person) -> Store:
        """The same database for another person."""
        theirs = copy.copy(self)
        theirs._owner = owner
        return theirs

    @contextmanager
    def _transaction(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except sa.exc.SQLAlchemyError as error:
            raise StoreError(_unusable(self._where, error)) from error

    # ------------------------------------------------------------------------------------------------------ scenarios

    def all(self) -> list[Entry]:
        """This person's scenarios and those that others share, the one saved last first."""
        found = self._visible().order_by(_SCENARIOS.c.saved.desc(), _SCENARIOS.c.id)
        with self._transaction() as connection:
            return [self._entry(line) for line in connection.execute(found)]

    def entry(self, scenario: str) -> Entry | None:
        """One scenario as a list shows it; None where there is none that this person may see."""
        with self._transaction() as connection:
            return self._one(connection, scenario)

    def read(self, scenario: str, *, table: bool = True) -> tuple[Entry, Kept]:
        """A scenario with all that it holds, or all but its `table`. ScenarioChanged where there is none."""
        with self._transaction() as connection:
            found = self._required(connection, scenario)
            wanted = (_FILES.c.scenario == scenario) & (sa.true() if table else _FILES.c.name != TABLE)
            lines = connection.execute(sa.select(_FILES.c.name, _FILES.c.content).where(wanted))
            return found, Kept(found.head, {name: bytes(content) for name, content in lines})

    def add(self, name: str, note: str, kept: Kept) -> Entry:
        """Save a new scenario, which only this person sees until it is shared."""
        made = self._made(clean_name(name), clean_note(note), kept.head)
        with self._transaction() as connection:
            connection.execute(sa.insert(_SCENARIOS).values(made))
            _write_files(connection, made["id"], kept)
            return self._required(connection, made["id"])

    def change(
        self,
        seen: Entry,
        *,
        name: str | None = None,
        note: str | None = None,
        shared: bool | None = None,
        kept: Kept | None = None,
    ) -> Entry:
        """Give the scenario another name or note, share it or not, or save another study in its place; the rest stays.

        Raises ScenarioChanged, with the entry as it is now, where it is not the version that was `seen`, or belongs to
        another person.
        """
        new: dict[str, Any] = {"version": seen.version + 1, "saved": _now(), "owner_name": self._owner.name}
        new |= {} if name is None else {"name": clean_name(name)}
        new |= {} if note is None else {"note": clean_note(note)}
        new |= {} if shared is None else {"shared": shared}
        new |= {} if kept is None else {"head": _text(kept.head)}
        with self._transaction() as connection:
            self._require_unchanged(connection, seen, sa.update(_SCENARIOS).values(new))
            if kept is not None:
                connection.execute(sa.delete(_FILES).where(_FILES.c.scenario == seen.id))
                _write_files(connection, seen.id, kept)
            return self._required(connection, seen.id)

    def duplicate(self, scenario: str) -> Entry:
        """Save a copy beside it, which is this person's. Raises ScenarioChanged where there is none."""
        with self._transaction() as connection:
            found = self._required(connection, scenario)
            made = self._made(clean_name(f"{found.name[: LONGEST_NAME - 7]} (copy)"), found.note, found.head)
            connection.execute(sa.insert(_SCENARIOS).values(made))
            files = sa.select(sa.literal(made["id"]), _FILES.c.name, _FILES.c.content).where(
                _FILES.c.scenario == scenario
            )
            connection.execute(sa.insert(_FILES).from_select(["scenario", "name", "content"], files))
            return self._required(connection, made["id"])

    def delete(self, seen: Entry) -> None:
        """Delete the scenario with all that it holds. Raises ScenarioChanged as `change` does."""
        with self._transaction() as connection:
            if self._one(connection, seen.id) is None:
                return
            connection.execute(sa.delete(_FILES).where(_FILES.c.scenario == seen.id))
            self._require_unchanged(connection, seen, sa.delete(_SCENARIOS))

    def _require_unchanged(self, connection: sa.Connection, seen: Entry, change: Any) -> None:
        """Change the scenario where it is mine and the version `seen`; else undo the transaction and say why."""
        same = (_SCENARIOS.c.id == seen.id) & (_SCENARIOS.c.version == seen.version)
        if connection.execute(change.where(same, _SCENARIOS.c.owner == self._owner.id)).rowcount == 1:
            return
        now = self._one(connection, seen.id)
        if now is None:
            raise ScenarioChanged(f"{GONE} Save yours as a copy.", None)
        if not now.mine:
            raise ScenarioChanged(
                f"This scenario belongs to {shorten(now.by) or 'somebody else'}, who alone can change it. Nothing was "
                "overwritten. Save yours as a copy, or open theirs.",
                now,
            )
        raise ScenarioChanged(
            f"Someone changed this scenario meanwhile (saved {now.when}, as '{shorten(now.name)}'). Nothing was "
            "overwritten. Save yours as a copy, or open theirs.",
            now,
        )

    def _visible(self) -> sa.Select[Any]:
        return sa.select(_SCENARIOS).where((_SCENARIOS.c.owner == self._owner.id) | _SCENARIOS.c.shared)

    def _one(self, connection: sa.Connection, scenario: str) -> Entry | None:
        line = connection.execute(self._visible().where(_SCENARIOS.c.id == scenario)).first()
        return None if line is None else self._entry(line)

    def _required(self, connection: sa.Connection, scenario: str) -> Entry:
        found = self._one(connection, scenario)
        if found is None:
            raise ScenarioChanged(GONE, None)
        return found

    def _entry(self, line: Any) -> Entry:
        told = dict(line._mapping) | {"head": json.loads(line.head)}
        owner, by = told.pop("owner"), told.pop("owner_name")
        return Entry(**told, mine=owner == self._owner.id, by=by)

    def _made(self, name: str, note: str, head: Mapping[str, Any]) -> dict[str, Any]:
        now = _now()
        made = {"id": secrets.token_hex(6), "name": name, "note": note, "version": 1, "created": now, "saved": now}
        owner = {"owner": self._owner.id, "owner_name": self._owner.name, "shared": False}
        return made | owner | {"head": _text(head)}

    # --------------------------------------------------------------------------------------------------------- drafts

    def keep_draft(self, visitor: str, about: str, head: Mapping[str, Any], content: bytes | None = None) -> None:
        """Keep what a visitor is doing with one table, in place of what was kept of it; `content` None: as it was.

        Drafts of the same database that nobody touched for 30 days are deleted.
        """
        new: dict[str, Any] = {"saved": _now(), "head": _text(head)}
        new |= {} if content is None else {"content": content}
        mine = (_DRAFTS.c.visitor == visitor) & (_DRAFTS.c.about == about)
        long_ago = (datetime.now(UTC) - timedelta(days=DRAFT_DAYS)).isoformat(timespec="seconds")
        with self._transaction() as connection:
            connection.execute(sa.delete(_DRAFTS).where(_DRAFTS.c.saved < long_ago))
            if connection.execute(sa.update(_DRAFTS).where(mine).values(new)).rowcount == 0:
                connection.execute(sa.insert(_DRAFTS).values(visitor=visitor, about=about, **new))

    def draft(self, visitor: str, about: str) -> tuple[dict[str, Any], bytes | None] | None:
        """(head, content) of a visitor's draft of a table whose name begins with `about`; None where there is none."""
        mine = (_DRAFTS.c.visitor == visitor) & _DRAFTS.c.about.startswith(about, autoescape=True)
        with self._transaction() as connection:
            line = connection.execute(sa.select(_DRAFTS).where(mine).order_by(_DRAFTS.c.saved.desc())).first()
        return None if line is None else (json.loads(line.head), line.content)

    def drop_drafts(self, visitor: str, about: str) -> None:
        """Delete a visitor's drafts of tables whose name begins with `about`."""
        mine = (_DRAFTS.c.visitor == visitor) & _DRAFTS.c.about.startswith(about, autoescape=True)
        with self._transaction() as connection:
            connection.execute(sa.delete(_DRAFTS).where(mine))


# ----------------------------------------------------------------------------------------------------------- records


def clean_name(name: str) -> str:
    """A name as it is saved: one line of printable characters. Raises StoreError where nothing is left."""
    found = one_line(name)
    if not found:
        raise StoreError("A scenario needs a name. Give it one of at least one letter.")
    return found


def clean_note(note: str) -> str:
    """A note as it is saved: printable characters and ends of lines."""
    return "".join(c if c.isprintable() or c == "\n" else " " for c in note).strip()[:LONGEST_NOTE]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _text(head: Mapping[str, Any]) -> str:
    """JSON in ASCII, which every database takes: file names may hold halves of characters."""
    return json.dumps(head, ensure_ascii=True, allow_nan=False)


def _write_files(connection: sa.Connection, scenario: str, kept: Kept) -> None:
    for name, content in kept.files.items():
        connection.execute(sa.insert(_FILES).values(scenario=scenario, name=name, content=content))


# ---------------------------------------------------------------------------------------------------------- database


def _engine(text: str) -> sa.Engine:
    url = sa.make_url(text)
    if url.drivername in ("postgres", "postgresql"):
        url = url.set(drivername="postgresql+psycopg")
    if url.get_backend_name() != "sqlite":
        return sa.create_engine(url, poolclass=sa.pool.NullPool, connect_args={"connect_timeout": _CONNECT_SECONDS})
    if url.database:
        file = Path(url.database)
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool, connect_args={"timeout": _WAIT_SECONDS})

    # Python's own handling begins a transaction too late; one that writes from its beginning never has to give way.
    @sa.event.listens_for(engine, "connect")
    def _(connection: Any, _: Any) -> None:
        connection.isolation_level = None

    @sa.event.listens_for(engine, "begin")
    def _(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _migrate(connection: sa.Connection) -> None:
    """Bring the schema up to date, one process at a time."""
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise StoreError(
            "The scenarios' database was made by a newer version of IFFair. Update IFFair, or name another database "
            f"in {DATABASE}."
        ) from error


def _unusable(where: str, error: Exception) -> str:
    why = shorten(str(getattr(error, "orig", None) or error).partition("\n")[0], 160)
    driver = (
        " Install psycopg for PostgreSQL: pip install 'iffair[postgresql]'." if isinstance(error, ImportError) else ""
    )
    return f"The scenarios' database {where} cannot be used: {why}.{driver} {DATABASE} names another one."
