"""Laws of the downloads, over real HTTP on this machine: only verified bytes are used or kept, every error says how."""

from __future__ import annotations

import gzip
import hashlib
import io
import logging
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pooch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iffair_core.datasets import fetching
from iffair_core.datasets.catalog import DATASETS, is_available, load_dataset
from iffair_core.datasets.fetching import SourceFile, cache_folder, fetch, on_this_machine
from iffair_core.errors import Cancelled, DownloadError
from iffair_core.reading.door import table_fingerprint

RAW = b"".join(b"%d;%d\n" % (row, row * row % 97) for row in range(40_000))
FILE = SourceFile("small/rows.csv", len(RAW), hashlib.sha256(RAW).hexdigest())
PUBLIC = [entry.name for entry in DATASETS if entry.files]


@dataclass
class Site:
    """What a server on this machine answers: bytes, or a function of the handler, by path; others are 404."""

    address: str = ""
    answers: dict[str, bytes | Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=dict)
    folder: Path | None = None
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Site]:
    """A running server, this machine's cache in a folder of the test, and no proxy in between."""
    served = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked.append(self.path)
            answer = served.answers.get(self.path)
            if answer is None and served.folder is not None and (served.folder / self.path[1:]).is_file():
                answer = (served.folder / self.path[1:]).read_bytes()
            if callable(answer):
                answer(self)
                return
            self.send_response(404 if answer is None else 200)
            self.send_header("Content-Length", str(len(answer or b"")))
            self.end_headers()
            self.wfile.write(answer or b"")

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    served.address = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("IFFAIR_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("IFFAIR_MIRROR", raising=False)
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def mirror(site: Site, monkeypatch: pytest.MonkeyPatch) -> Site:
    monkeypatch.setenv("IFFAIR_MIRROR", f"{site.address}/")
    return site


def kept() -> list[Path]:
    """Every file in the cache."""
    return [path for path in cache_folder().rglob("*") if path.is_file()]


def refused(file: SourceFile = FILE) -> str:
    """The one line of the error, after checking that nothing is left in the cache."""
    with pytest.raises(DownloadError) as caught:
        fetch([file])
    message = str(caught.value)
    assert kept() == []
    assert message.isprintable()
    assert file.sha256 in message
    assert file.name in message
    assert "IFFAIR_MIRROR" in message or "Put the file into /" in message
    return message


def sends(body: bytes, said: int, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    """An answer that says it is `said` bytes long and ends after `body`."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        for name, value in {"Content-Length": str(said), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target.getvalue()


# --------------------------------------------------------------------------------------------------------- good copies


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
def test_a_file_comes_from_the_mirror_once_and_then_from_the_cache(mirror: Site, packed: bool) -> None:
    mirror.answers["/small/rows.csv.gz" if packed else "/small/rows.csv"] = gzip.compress(RAW) if packed else RAW
    assert not on_this_machine([FILE])
    assert fetch([FILE]) == [RAW]
    assert on_this_machine([FILE])
    assert [path.read_bytes() for path in kept()] == [RAW]
    assert kept()[0].stat().st_mode & 0o777 == 0o644
    asked = len(mirror.asked)
    assert fetch([FILE]) == [RAW]
    assert len(mirror.asked) == asked


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gz"])
def test_a_mirror_folder_needs_no_network_and_no_cache(
    site: Site, packed: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "mirror"
    (folder / "small").mkdir(parents=True)
    (folder / ("small/rows.csv.gz" if packed else "small/rows.csv")).write_bytes(gzip.compress(RAW) if packed else RAW)
    monkeypatch.setenv("IFFAIR_MIRROR", str(folder))
    assert on_this_machine([FILE])
    assert fetch([FILE]) == [RAW]
    assert kept() == []


def test_the_cache_serves_as_a_mirror_elsewhere(mirror: Site, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mirror.answers["/small/rows.csv"] = RAW
    fetch([FILE])
    monkeypatch.setenv("IFFAIR_MIRROR", str(cache_folder()))
    monkeypatch.setenv("IFFAIR_CACHE", str(tmp_path / "other"))
    assert fetch([FILE]) == [RAW]


@pytest.mark.parametrize(
    "archive",
    [
        zipped({"rows.csv": RAW, "other.csv": b"1"}),
        zipped({"other.csv": b"1", "deep/rows.csv": RAW}, zipfile.ZIP_LZMA),
        zipped({"other.zip": zipped({"a": b"1"}), "inner.zip": zipped({"in/rows.csv": RAW})}, zipfile.ZIP_STORED),
    ],
    ids=["flat", "folder", "nested"],
)
def test_the_publisher_may_serve_it_inside_an_archive_which_two_files_share(site: Site, archive: bytes) -> None:
    site.answers["/all.zip"] = archive
    first = replace(FILE, address=f"{site.address}/all.zip")
    second = replace(first, name="small/again/rows.csv")
    assert fetch([first, second]) == [RAW, RAW]
    assert site.asked == ["/all.zip"]
    assert sorted(path.read_bytes() for path in kept()) == [RAW, RAW]


def test_a_server_that_packs_what_it_sends_is_understood(mirror: Site) -> None:
    packed = gzip.compress(RAW)
    mirror.answers["/small/rows.csv"] = sends(packed, len(packed), **{"Content-Encoding": "gzip"})
    assert fetch([FILE]) == [RAW]


def test_other_line_ends_are_the_same_file_only_where_the_table_says_so(mirror: Site) -> None:
    mirror.answers["/small/rows.csv"] = RAW.replace(b"\n", b"\r\n")
    assert "other bytes" in refused()
    assert fetch([replace(FILE, any_line_ends=True)]) == [RAW]
    assert [path.read_bytes() for path in kept()] == [RAW]


def test_the_publisher_is_asked_where_the_mirror_has_no_good_copy(mirror: Site) -> None:
    mirror.answers |= {"/small/rows.csv": RAW[:-1], "/publisher": RAW}
    assert fetch([replace(FILE, address=f"{mirror.address}/publisher")]) == [RAW]
    assert mirror.asked == ["/small/rows.csv", "/small/rows.csv.gz", "/publisher"]


def test_a_cached_file_that_changed_is_fetched_anew(mirror: Site) -> None:
    mirror.answers["/small/rows.csv"] = RAW
    fetch([FILE])
    (path,) = kept()
    path.write_bytes(RAW[:-1] + b"x")
    assert fetch([FILE]) == [RAW]
    assert path.read_bytes() == RAW
    path.write_bytes(b"")
    mirror.answers.clear()
    refused()


# ---------------------------------------------------------------------------------------------------------- bad copies


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "0 other bytes"),
        (RAW[:-2] + b"7\n", "other bytes (SHA-256 "),
        (sends(RAW[:99_000], len(RAW)), "broke off"),
        (b"<html>Sign in</html>", "20 other bytes"),
        (gzip.compress(RAW)[:-9], "damaged archive"),
        (b"\x1f\x8b" + RAW, "damaged archive"),
        (b"PK\x03\x04" + RAW, "damaged archive"),
        (zipped({"rows.csv": RAW})[:-30], "damaged archive"),
        (zipped({"rows.csv": RAW[:-2] + b"7\n"}), "other bytes (SHA-256 "),
        (zipped({"lines.csv": RAW}), "without rows.csv"),
        (zipped({"a.zip": zipped({"b.zip": zipped({"rows.csv": RAW})})}), "without rows.csv"),
        (gzip.compress(bytes(9 * len(RAW))), "unpacks to more"),
        (zipped({"rows.csv": bytes(9 * len(RAW))}), "unpacks to more"),
        (bytes(9 * len(RAW)), "sends more"),
        (None, "answered 404"),
    ],
    ids=lambda value: value if isinstance(value, str) else "answer",
)
def test_a_bad_copy_is_refused_and_nothing_is_kept(
    mirror: Site, answer: bytes | Callable[[BaseHTTPRequestHandler], None] | None, said: str
) -> None:
    if answer is not None:
        mirror.answers["/small/rows.csv"] = answer
    message = refused()
    assert said in message
    assert mirror.address in message
    assert "404" in message  # what the other name of the copy gave


@given(data=st.data())
def test_no_damage_gets_through(mirror: Site, data: st.DataObject) -> None:
    copies = (RAW[:500], gzip.compress(RAW[:500], mtime=0), zipped({"rows.csv": RAW[:500]}))
    copy = bytearray(data.draw(st.sampled_from(copies)))
    for _ in range(data.draw(st.integers(1, 3))):
        copy[data.draw(st.integers(0, len(copy) - 1))] = data.draw(st.integers(0, 255))
    mirror.answers["/small/rows.csv"] = bytes(copy)
    file = SourceFile("small/rows.csv", 500, hashlib.sha256(RAW[:500]).hexdigest())
    try:
        found = fetch([file])
    except DownloadError:
        assert kept() == []
    else:  # the change was undone, or fell on what unpacking does not look at
        assert found == [RAW[:500]]
        kept()[0].unlink()


def test_a_server_that_hangs_or_is_not_there_is_given_up(mirror: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "READ_SECONDS", 0.2)
    released = threading.Event()

    def stalls_in_the_middle(handler: BaseHTTPRequestHandler) -> None:
        sends(RAW[:70_000], len(RAW))(handler)
        handler.wfile.flush()
        released.wait(60)

    for hang, said in ((lambda _: released.wait(60), "did not answer"), (stalls_in_the_middle, "sent nothing for")):
        mirror.asked.clear()
        mirror.answers["/small/rows.csv"] = hang
        assert said in refused()
        assert mirror.asked == ["/small/rows.csv"]  # a host that says nothing is not asked for the other name
    released.set()
    monkeypatch.setenv("IFFAIR_MIRROR", "http://127.0.0.1:1")
    assert "127.0.0.1:1/small/rows.csv cannot be reached" in refused()
    monkeypatch.setenv("IFFAIR_MIRROR", "http://[bad")
    assert "cannot be asked" in refused()


@pytest.mark.parametrize("where", ["start", "middle", "report"])
def test_a_cancel_leaves_nothing(mirror: Site, where: str) -> None:
    mirror.answers["/small/rows.csv"] = RAW
    calls: list[float] = []

    def check() -> None:
        calls.append(0.0)
        if len(calls) > {"start": 0, "middle": 3, "report": 99}[where]:
            raise Cancelled

    def progress(share: float, text: str) -> None:
        if where == "report" and share > 0.2:
            raise Cancelled

    with pytest.raises(Cancelled):
        fetch([FILE], progress=progress, stop_check=check)
    assert kept() == []
    assert fetch([FILE]) == [RAW]


def test_progress_rises_from_0_to_1_over_all_files(mirror: Site) -> None:
    mirror.answers |= {"/small/rows.csv": RAW, "/small/more.csv": RAW}
    seen: list[tuple[float, str]] = []
    fetch([FILE, replace(FILE, name="small/more.csv")], progress=lambda share, text: seen.append((share, text)))
    shares = [share for share, _ in seen]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert shares[-1] == 1
    assert 0.5 in shares
    assert {text.split(",")[0] for _, text in seen} >= {"Downloading rows.csv", "Downloading more.csv"}


# -------------------------------------------------------------------------------------------------------------- advice


def test_an_error_says_where_the_file_has_to_go(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    message = refused(replace(FILE, elsewhere="Ask the library."))
    assert "There is no address to ask. Ask the library. Put the file into a folder" in message
    assert "set IFFAIR_MIRROR to that folder" in message
    monkeypatch.setenv("IFFAIR_MIRROR", str(tmp_path / "absent"))
    assert "absent is not there" in refused()
    folder = tmp_path / "there" / "small"
    folder.mkdir(parents=True)
    monkeypatch.setenv("IFFAIR_MIRROR", str(folder.parent))
    message = refused()
    assert f"{folder.parent} has it not" in message
    assert f"Put the file into {folder.parent} as small/rows.csv or small/rows.csv.gz" in message
    (folder / "rows.csv").write_bytes(b"half")
    assert "holds 4 other bytes" in refused()
    (folder / "rows.csv").unlink()
    (folder / "rows.csv").mkdir()
    assert "cannot be read (Is a directory)" in refused()


def test_a_cache_that_cannot_be_used_is_named(mirror: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror.answers["/small/rows.csv"] = RAW
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("IFFAIR_CACHE", str(tmp_path / "file"))
    with pytest.raises(DownloadError, match=r"cache folder .*file cannot be used \(.*\). Set IFFAIR_CACHE"):
        fetch([FILE])


def test_without_a_choice_the_cache_is_the_users_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("IFFAIR_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == Path(pooch.os_cache("iffair"))


def test_our_downloads_log_nothing_and_others_still_do(mirror: Site, capsys: pytest.CaptureFixture[str]) -> None:
    heard: list[str] = []
    listener = logging.Handler()
    listener.emit = lambda record: heard.append(record.getMessage())  # type: ignore[method-assign]
    pooch.get_logger().addHandler(listener)
    try:
        mirror.answers["/small/rows.csv"] = RAW
        fetch([FILE])
        assert heard == []
        pooch.get_logger().info("of somebody else")
        assert heard == ["of somebody else"]
    finally:
        pooch.get_logger().removeHandler(listener)


# ----------------------------------------------------------------------------------------------------------- real data


def test_every_public_data_set_loads_over_http_and_then_without_it(
    mirror: Site, shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mirror.folder = shared_data
    entries = [entry for entry in DATASETS if entry.files]
    assert not any(is_available(entry) for entry in entries)
    first = {entry.name: table_fingerprint(load_dataset(entry.name)[0]) for entry in entries}
    assert all(is_available(entry.name) for entry in entries)
    mirror.asked.clear()
    assert {name: table_fingerprint(load_dataset(name)[0]) for name in PUBLIC} == first
    assert mirror.asked == []
    assert capsys.readouterr().err == ""


def test_a_data_set_whose_file_is_damaged_names_the_file(
    mirror: Site, shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = gzip.decompress((shared_data / "law_school/bar_pass_prediction.csv.gz").read_bytes())
    mirror.answers["/law_school/bar_pass_prediction.csv"] = raw[:-7] + b"X" + raw[-6:]
    with pytest.raises(DownloadError, match=r"law_school/bar_pass_prediction\.csv .*other bytes.*39 columns on Kaggle"):
        load_dataset("law_bar_pass")
    assert kept() == []
