"""The database of scenarios: what is saved comes back, nothing is overwritten unseen, nothing is left half-written."""

from __future__ import annotations

import hashlib
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

from iffair_core.errors import ScenarioChanged, StoreError
from iffair_core.scenarios import store as stores
from iffair_core.scenarios.people import person
from iffair_core.scenarios.record import Kept
from iffair_core.scenarios.store import GONE, LONGEST_NAME, LONGEST_NOTE, Entry, Store, database_url

ROOT = Path(__file__).resolve().parents[3]
KEPT = Kept(
    {"schema": "iffair/scenario/1", "table": {"name": "a\udcff\x00b"}}, {"curve.csv": b"\x00\xff", "rows.parquet": b""}
)
OTHER = Kept({"schema": "iffair/scenario/1"}, {"summary.json": b"{}"})
HOSTILE = (
    "'; DROP TABLE scenario; --", '" OR 1=1 --', "=HYPERLINK(1)", "<script>alert(1)</script>",
    "**bold** $x$ :material/x:",
    "../../etc/passwd", "%s %(name)s :name {0} {{7*7}}", "Zoë 🙂 שם", "a\\b", "100 %",
)  # fmt: skip


def same(left: Kept, right: Kept) -> bool:
    return left.head == right.head and left.files == right.files


def test_what_is_saved_comes_back_equal_from_another_store(database):
    saved = Store(database).add("First", "Why\nso", KEPT)
    again = Store(database)
    entry, kept = again.read(saved.id)
    assert entry == saved == again.entry(saved.id) == again.all()[0]
    assert (entry.name, entry.note, entry.version) == ("First", "Why\nso", 1)
    assert same(kept, KEPT)


@pytest.mark.parametrize("text", HOSTILE)
def test_names_and_notes_are_text_and_nothing_else(database, text):
    store = Store(database)
    saved = store.add(text, text, KEPT)
    assert (saved.name, saved.note) == (text, text)
    changed = store.change(saved, name=f"{text}!", note="")
    assert (changed.name, store.duplicate(saved.id).name) == (f"{text}!", f"{text}! (copy)")
    assert len(store.all()) == 2


def test_what_no_database_takes_is_taken_out_of_a_name(database):
    store = Store(database)
    saved = store.add(" two\nlines\x00\udcff\u202eend " + "x" * 500, "a\x00b\r\nc" + "y" * 9_000, KEPT)
    assert saved.name.startswith("two lines end xxx") and len(saved.name) == LONGEST_NAME
    assert saved.note.startswith("a b \nc") and len(saved.note) == LONGEST_NOTE
    assert store.entry(saved.id) == saved
    with pytest.raises(StoreError, match="needs a name"):
        store.add(" \x00\n ", "", KEPT)
    with pytest.raises(StoreError, match="needs a name"):
        store.change(saved, name="\u202e")
    assert store.all() == [saved]


def test_a_change_of_an_older_version_overwrites_nothing_and_says_so(database):
    store, theirs = Store(database), Store(database)
    seen = store.add("Shared", "", KEPT)
    now = theirs.change(seen, note="theirs")
    assert now.version == 2 and now.created == seen.created
    for change in (
        lambda: store.change(seen, note="mine"),
        lambda: store.change(seen, kept=OTHER),
        lambda: store.delete(seen),
    ):
        with pytest.raises(ScenarioChanged, match=r"Nothing was overwritten\. Save yours as a copy") as told:
            change()
        assert told.value.now == now
        entry, kept = theirs.read(seen.id)
        assert entry == now and same(kept, KEPT)
    theirs.change(now, kept=OTHER)
    assert same(store.read(seen.id)[1], OTHER), "another study takes the place of all files"


def test_of_many_who_save_at_once_one_wins_and_all_others_are_told(database):
    seen = Store(database).add("Shared", "", KEPT)
    won: list[str] = []
    told: list[Exception] = []
    ready = threading.Barrier(6)

    def save(who: str) -> None:
        store = Store(database)
        ready.wait()
        try:
            store.change(seen, note=who, kept=Kept({"who": who}, {"who": who.encode()}))
            won.append(who)
        except ScenarioChanged as error:
            told.append(error)

    people = [threading.Thread(target=save, args=(str(place),)) for place in range(6)]
    for one in people:
        one.start()
    for one in people:
        one.join()
    assert len(won) == 1 and len(told) == 5
    entry, kept = Store(database).read(seen.id)
    assert (entry.version, entry.note) == (2, won[0])
    assert same(kept, Kept({"who": won[0]}, {"who": won[0].encode()}))


def test_copies_are_whole_and_deleting_one_leaves_the_other(database):
    store = Store(database)
    first = store.add("First", "note", KEPT)
    copy = store.duplicate(first.id)
    assert (copy.name, copy.note, copy.version) == ("First (copy)", "note", 1)
    store.delete(first)
    store.delete(first)
    assert store.all() == [copy] and same(store.read(copy.id)[1], KEPT)
    assert store.entry(first.id) is None
    for change in (
        lambda: store.read(first.id),
        lambda: store.duplicate(first.id),
        lambda: store.change(first, note="x"),
    ):
        with pytest.raises(ScenarioChanged, match=GONE) as told:
            change()
        assert told.value.now is None


ADA, BO = person("https://id.example", "1", "Ada <b>"), person("https://id.example", "2", "Bo")


def test_a_persons_scenarios_are_for_others_as_if_they_were_not(database):
    ada, bo, nobody = Store(database, ADA), Store(database, BO), Store(database)
    private = ada.add("Private", "", KEPT)
    assert (private.mine, private.by, private.shared) == (True, "Ada <b>", False)
    absent = replace(private, id="0123456789ab")
    uses: tuple[Callable[[Store, Entry], object], ...] = (
        lambda store, seen: store.read(seen.id),
        lambda store, seen: store.duplicate(seen.id),
        lambda store, seen: store.change(seen, name="x"),
        lambda store, seen: store.change(seen, shared=True),
        lambda store, seen: store.change(seen, kept=OTHER),
    )
    for other in (bo, nobody):
        assert other.all() == [] and other.entry(private.id) is None
        other.delete(private)
        for use in uses:
            said = set()
            for seen in (private, absent):
                with pytest.raises(ScenarioChanged, match=GONE) as told:
                    use(other, seen)
                said.add((str(told.value), told.value.now))
            assert len(said) == 1, "nobody learns whether there is one"
    assert ada.all() == [private] and same(ada.read(private.id)[1], KEPT)


def test_what_is_shared_all_may_open_and_copy_and_its_owner_alone_changes(database):
    ada = Store(database, ADA)
    shared = ada.change(ada.add("Shared", "", KEPT), shared=True)
    bo = ada.of(BO)
    (seen,) = bo.all()
    assert (seen.id, seen.mine, seen.by, seen.shared) == (shared.id, False, "Ada <b>", True)
    forged = replace(seen, mine=True, by="Bo")
    for change in (
        lambda: bo.change(forged, name="Bo's"),
        lambda: bo.change(forged, shared=False),
        lambda: bo.change(forged, kept=OTHER),
        lambda: bo.delete(forged),
    ):
        with pytest.raises(ScenarioChanged, match=r"belongs to Ada <b>, who alone .* Nothing was overwritten") as told:
            change()
        assert told.value.now == seen
    assert same(bo.read(shared.id)[1], KEPT) and ada.all() == [shared]
    copy = bo.duplicate(shared.id)
    assert (copy.mine, copy.by, copy.shared) == (True, "Bo", False) and ada.entry(copy.id) is None
    ada.change(shared, shared=False)
    assert bo.entry(shared.id) is None and bo.all() == [copy]


def test_a_person_is_known_by_issuer_and_subject_and_is_called_as_one_line():
    known = person("https://id.example", "1", " Ada\n\u202eL. ")
    assert known.name == "Ada L." and known.id == ADA.id != BO.id
    assert len({person(*who, "").id for who in (("a", "bc"), ("ab", "c"), ("a\n", "b"), ("a", "\nb"))}) == 4


def test_scenarios_from_before_there_were_owners_stay_where_nobody_signs_in(database):
    engine = stores._engine(database)
    saved = Store(database).add("Old", "", KEPT)
    config = Config()
    config.set_main_option("script_location", str(Path(stores.__file__).parent / "migrations").replace("%", "%%"))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "first")
    engine.dispose()
    assert Store(database).all() == [saved] and same(Store(database).read(saved.id)[1], KEPT)
    assert Store(database, ADA).all() == []


def test_a_draft_is_its_visitors_and_is_kept_as_it_was_last(database):
    store = Store(database)
    store.keep_draft("me", "abcdef", {"n": 1}, b"rows")
    store.keep_draft("me", "abcdef", {"n": 2})
    store.keep_draft("you", "abcdef", {"n": 3})
    assert store.draft("me", "abc") == ({"n": 2}, b"rows")
    assert store.draft("you", "abcdef") == ({"n": 3}, None)
    assert store.draft("me", "%") is None and store.draft("nobody", "abcdef") is None
    store.drop_drafts("me", "abcdef")
    assert store.draft("me", "abcdef") is None and store.draft("you", "abcdef") is not None


def test_drafts_that_nobody_touched_for_long_are_deleted(database, monkeypatch):
    store = Store(database)
    with monkeypatch.context() as long_ago:
        long_ago.setattr(stores, "_now", lambda: "2020-01-01T00:00:00+00:00")
        store.keep_draft("me", "old", {})
    store.keep_draft("me", "new", {})
    assert store.draft("me", "old") is None and store.draft("me", "new") is not None


def test_migrations_make_the_schema_that_the_code_reads(database):
    Store(database)
    engine = stores._engine(database)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), stores._METADATA) == []
        connection.rollback()
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = 'of next year'"))
    with pytest.raises(StoreError, match="newer version of IFFair"):
        Store(database)
    engine.dispose()


SAVE = """
import hashlib, json, os, sys, types
package = sys.modules["iffair_core"] = types.ModuleType("iffair_core")  # without what all of it loads
package.__path__ = ["iffair_core"]
from iffair_core.scenarios.people import person
from iffair_core.scenarios.record import Kept
from iffair_core.scenarios.store import Store

children, address, shared = int(sys.argv[1]), sys.argv[2], sys.argv[3]
store = Store(address)
for child in range(children):
    reading, writing = os.pipe()
    one = os.fork()
    if one == 0:
        number, shared = child % 2, store.entry(shared)
        while True:
            number += 1
            files = {name: os.urandom(30_000) for name in "abc"}
            head = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
            new = Kept(head, files)
            os.write(writing, b".")
            if number % 2:
                made = store.add(f"{child} {number}", "", new)
            else:
                made = shared = store.change(shared, note=f"{child} {number}", kept=new)
            os.write(writing, f"{made.id} {made.note}\\n".encode())
    os.close(writing)
    said = b""
    # In the middle of a save: its first is begun, and some have been whole before.
    while said.count(b"\\n") < child % 3 or not said.endswith(b"."):
        said += os.read(reading, 1000)
    os.kill(one, 9)
    os.waitpid(one, 0)
    while more := os.read(reading, 1000):
        said += more
    os.close(reading)
    print(said.decode().replace(".", ""), end="", flush=True)
"""


def test_a_kill_in_the_middle_of_a_save_loses_nothing_and_leaves_nothing_half_written(database):
    def whole(kept: Kept) -> bool:
        found = {name: hashlib.sha256(content).hexdigest() for name, content in kept.files.items()}
        return found == kept.head and len(found) == 3

    content = b"x" * 30_000
    digest = hashlib.sha256(content).hexdigest()
    shared = Store(database).add("Shared", "", Kept(dict.fromkeys("abc", digest), dict.fromkeys("abc", content)))
    run = [sys.executable, "-c", SAVE, "20", database, shared.id]
    told = subprocess.run(run, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout
    confirmed = [line.split(" ", 1) for line in told.splitlines()]
    assert len(confirmed) >= 15
    store = Store(database)
    found = {entry.id: entry for entry in store.all()}
    assert {name for name, _ in confirmed} <= set(found), "none that was confirmed is lost"
    notes = [note for name, note in confirmed if name == shared.id]
    assert notes and found[shared.id].version >= len(notes) + 1
    for entry in found.values():
        assert whole(store.read(entry.id)[1]), "none is half-written"
    store.change(found[shared.id], note="goes on")


def test_an_sqlite_file_is_for_its_owner_alone(tmp_path):
    file = tmp_path / "new" / "scenarios.sqlite"
    Store(f"sqlite:///{file}").add("First", "", KEPT)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_the_database_is_in_the_users_data_folder_unless_one_is_named(monkeypatch, tmp_path):
    monkeypatch.delenv("IFFAIR_DATABASE_URL", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert database_url() == f"sqlite:///{tmp_path / 'iffair' / 'scenarios.sqlite'}"
    monkeypatch.setenv("IFFAIR_DATABASE_URL", f"sqlite:///{tmp_path / 'mine.sqlite'}")
    stores.store().add("First", "", KEPT)
    assert (tmp_path / "mine.sqlite").is_file() and not (tmp_path / "iffair").exists()


@pytest.mark.parametrize(
    "address",
    [
        "no address",
        "postgresql://me:secret@127.0.0.1:1/x",
        "sqlite:////proc/none/here.sqlite",
        "nosuch://me:secret@x/y",
    ],
)
def test_a_database_that_cannot_be_used_is_named_without_its_password_and_with_the_way_out(address):
    with pytest.raises(StoreError, match="IFFAIR_DATABASE_URL names another one") as told:
        Store(address)
    assert "secret" not in str(told.value) and "\n" not in str(told.value)


def test_a_server_that_goes_away_is_an_error_that_says_so(tmp_path):
    file = tmp_path / "scenarios.sqlite"
    store = Store(f"sqlite:///{file}")
    file.write_bytes(b"no database any more" * 100)
    with pytest.raises(StoreError, match="cannot be used"):
        store.all()
