"""Files of the public data sets: from a mirror, from the user's cache, or from their publisher, never unverified.

Every file has the SHA-256 of its bytes as published; a copy may be plain, gzipped or inside a zip archive, and only the
unpacked bytes are compared. What differs is not used and not kept. Two environment variables:

IFFAIR_MIRROR: a folder, or an http(s) address, that has the files under the names of `catalog.toml`, plain or with
".gz" behind.
IFFAIR_CACHE: the folder that keeps what was downloaded, under the same names, so that it can serve as a mirror
elsewhere; the user's usual cache folder if it is not given.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import logging
import lzma
import os
import threading
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iffair_core.errors import DownloadError, StopCheck, never_stop, shorten

MIRROR = "IFFAIR_MIRROR"
CACHE = "IFFAIR_CACHE"
CONNECT_SECONDS = 10.0
READ_SECONDS = 30.0
MOST_ARCHIVE_BYTES = 64 << 20

Progress = Callable[[float, str], None]

_CHUNK = 1 << 16
_CORRUPT = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, RuntimeError, ValueError)


@dataclass(frozen=True)
class SourceFile:
    """A file as its publisher wrote it; `catalog.toml` explains the fields."""

    name: str
    bytes: int
    sha256: str
    address: str = ""
    elsewhere: str = ""
    any_line_ends: bool = False

    @property
    def short_name(self) -> str:
        """The name without its folders."""
        return self.name.rpartition("/")[2]

    @property
    def most_bytes(self) -> int:
        """Room for other line ends and for a file that packing made no smaller."""
        return 2 * self.bytes + 1024

    def copies(self, where: str) -> tuple[str, str]:
        """The two names under which a folder or an address may have the file."""
        return f"{where}/{self.name}", f"{where}/{self.name}.gz"


class _Unusable(Exception):
    """Why a source has no good copy, worded to follow its address; `silent`: its host need not be asked again."""

    def __init__(self, message: str, *, silent: bool = False) -> None:
        super().__init__(message)
        self.silent = silent


def cache_folder() -> Path:
    """The folder that keeps downloads; it need not be there yet."""
    chosen = os.environ.get(CACHE)
    if chosen:
        return Path(chosen).expanduser().absolute()
    import pooch

    return Path(pooch.os_cache("iffair"))


def on_this_machine(files: Sequence[SourceFile]) -> bool:
    """Whether every file is in the mirror folder or in the cache. Asks no network and reads no file."""
    folders = [cache_folder(), *_mirror()[0]]
    return all(any(Path(path).is_file() for where in folders for path in file.copies(str(where))) for file in files)


def fetch(
    files: Sequence[SourceFile], *, progress: Progress | None = None, stop_check: StopCheck = never_stop
) -> list[bytes]:
    """The bytes of each file, verified: from the mirror folder, the cache, the mirror's address or the publisher.

    progress(share of all, text) is told what goes on; stop_check() is called now and then and may raise `Cancelled`.
    What was cancelled or failed leaves nothing in the cache. Raises `DownloadError` with what was tried and a way out.
    """
    contents: list[bytes] = []
    archives: dict[str, bytes] = {}
    for position, file in enumerate(files):

        def report(share: float, text: str, before: int = position) -> None:
            stop_check()
            if progress is not None:
                progress((before + min(share, 1.0)) / len(files), text)

        report(0.0, f"Reading {file.short_name}")
        contents.append(_contents(file, archives, report))
    return contents


def _contents(file: SourceFile, archives: dict[str, bytes], report: Progress) -> bytes:
    """The file from the first source that has it. `archives` holds zip archives that several files are in."""
    tried: list[str] = []
    folders, addresses = _mirror()
    for folder in folders:
        raw, problems = _copy_in(folder, file)
        if raw is not None:
            return raw
        absent = f"the mirror folder {shorten(folder, 160)} {'has it not' if folder.is_dir() else 'is not there'}"
        tried += [f"{shorten(path, 160)} {_in_words(problem)}" for path, problem in problems.items()] or [absent]
    raw = _cached(file)
    if raw is not None:
        return raw
    silent: set[str] = set()
    sources = [copy for mirror in addresses for copy in file.copies(mirror)] + ([file.address] if file.address else [])
    for address in sources:
        host = address.split("/")[2]
        if host not in silent:
            try:
                return _downloaded(address, file, archives, report)
            except _Unusable as problem:
                tried.append(f"{shorten(address, 160)} {problem}")
                if problem.silent:
                    silent.add(host)
    reasons = f"{'; '.join(tried)}." if tried else "There is no address to ask."
    names = f"{file.name} or {file.name}.gz"
    way_out = (
        f"Put the file into {shorten(folders[0], 200)} as {names}"
        if folders
        else f"Put the file into a folder as {names} and set {MIRROR} to that folder"
    )
    raise DownloadError(
        f"The data file {file.name} cannot be had: {' '.join(filter(None, (reasons, file.elsewhere)))} "
        f"{way_out}; its unpacked SHA-256 is {file.sha256}."
    )


# ----------------------------------------------------------------------------------------------------- on this machine


def _mirror() -> tuple[list[Path], list[str]]:
    """The mirror as (folders, addresses): one of either, or none."""
    mirror = os.environ.get(MIRROR, "")
    if mirror.lower().startswith(("http://", "https://")):
        return [], [mirror.rstrip("/")]
    return [Path(mirror).expanduser().absolute()] if mirror else [], []


def _copy_in(folder: Path, file: SourceFile) -> tuple[bytes | None, dict[Path, Exception]]:
    """(the file from a folder, None where it has no good copy; what is wrong with each copy)."""
    problems: dict[Path, Exception] = {}
    for path in map(Path, file.copies(str(folder))):
        try:
            return _unpacked(path.read_bytes(), file), problems
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            problems[path] = error
        except _Unusable as problem:
            problems[path] = problem
    return None, problems


def _in_words(problem: Exception) -> str:
    if isinstance(problem, OSError):
        return f"cannot be read ({shorten(problem.strerror or problem, 80)})"
    return str(problem)


def _cached(file: SourceFile) -> bytes | None:
    """The file from the cache; a copy that differs is removed. A copy brought along from elsewhere may be gzipped."""
    raw, problems = _copy_in(cache_folder(), file)
    for path, problem in problems.items():
        if isinstance(problem, OSError):
            raise _no_cache(problem)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise _no_cache(error) from error
    return raw


def _no_cache(error: OSError) -> DownloadError:
    return DownloadError(
        f"The cache folder {shorten(cache_folder(), 200)} cannot be used ({shorten(error.strerror or error, 120)}). "
        f"Set {CACHE} to a folder that can be written."
    )


# ------------------------------------------------------------------------------------------------------- from elsewhere


def _downloaded(address: str, file: SourceFile, archives: dict[str, bytes], report: Progress) -> bytes:
    """The file from `address`, unpacked in memory; pooch verifies it and keeps it in the cache."""
    import pooch
    import requests

    def bring(_: str, target: Any, __: Any) -> None:
        raw = archives.get(address) or _received(address, file, report)
        if zipfile.is_zipfile(io.BytesIO(raw)):
            archives[address] = raw
        Path(target).write_bytes(_unpacked(raw, file))
        Path(target).chmod(0o644)  # pooch's temporary files are for one user; a cache may be prepared by another

    try:
        with _quiet(pooch.get_logger()):
            kept = pooch.retrieve(address, f"sha256:{file.sha256}", file.name, path=cache_folder(), downloader=bring)
        return Path(kept).read_bytes()
    except requests.HTTPError as error:
        status = "an error" if error.response is None else error.response.status_code
        raise _Unusable(f"answered {status}") from error
    except requests.Timeout as error:
        waited = CONNECT_SECONDS if isinstance(error, requests.ConnectTimeout) else READ_SECONDS
        raise _Unusable(f"did not answer within {waited:g} s", silent=True) from error
    except (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError) as error:
        raise _Unusable("broke off") from error
    except requests.ConnectionError as error:
        stalled = "timed out" in str(error).lower()
        raise _Unusable(
            f"sent nothing for {READ_SECONDS:g} s" if stalled else "cannot be reached", silent=True
        ) from error
    except (requests.RequestException, ValueError) as error:
        raise _Unusable(f"cannot be asked ({shorten(error, 120)})") from error
    except OSError as error:
        raise _no_cache(error) from error


def _received(address: str, file: SourceFile, report: Progress) -> bytes:
    """What `address` sends, read in pieces so that it can be reported, cancelled, and stopped when it is too much."""
    import requests

    most = MOST_ARCHIVE_BYTES if address.endswith(".zip") else file.most_bytes
    received = bytearray()
    with requests.get(address, stream=True, timeout=(CONNECT_SECONDS, READ_SECONDS)) as answer:
        answer.raise_for_status()
        total = int(answer.headers.get("Content-Length", 0)) or most
        for piece in answer.iter_content(_CHUNK):
            received += piece
            if len(received) > most:
                raise _Unusable(f"sends more than the {most:,} bytes that it may be")
            report(len(received) / total, f"Downloading {file.short_name}, {len(received) / 1e6:.1f} MB")
    return bytes(received)


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """Keep what this thread's downloads log off standard error, and nobody else's."""
    thread = threading.get_ident()

    def of_others(record: logging.LogRecord) -> bool:
        return record.thread != thread

    logger.addFilter(of_others)
    try:
        yield
    finally:
        logger.removeFilter(of_others)


# ----------------------------------------------------------------------------------------------- unpacked and verified


def _unpacked(raw: bytes, file: SourceFile) -> bytes:
    """The file out of gzip or zip, verified. Raises `_Unusable`; never holds more than the file may be."""
    try:
        if raw.startswith(b"PK\x03\x04"):
            raw = _member(raw, file, nested=True)
        elif raw.startswith(b"\x1f\x8b"):
            with gzip.GzipFile(fileobj=io.BytesIO(raw)) as stream:
                raw = _at_most(stream, file.most_bytes)
    except _CORRUPT as error:
        raise _Unusable("holds a damaged archive") from error
    digest = hashlib.sha256(raw).hexdigest()
    if digest != file.sha256 and file.any_line_ends:
        raw = raw.replace(b"\r\n", b"\n")
        digest = hashlib.sha256(raw).hexdigest()
    if digest != file.sha256:
        raise _Unusable(f"holds {len(raw):,} other bytes (SHA-256 {digest[:12]}…)")
    return raw


def _member(raw: bytes, file: SourceFile, *, nested: bool) -> bytes:
    """The member of a zip archive with the file's own name, also within the archives in it."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        members = archive.namelist()
        for member in members:
            if member.rpartition("/")[2] == file.short_name:
                with archive.open(member) as stream:
                    return _at_most(stream, file.most_bytes)
        for member in members if nested else ():
            if member.lower().endswith(".zip"):
                with archive.open(member) as stream:
                    inner = _at_most(stream, MOST_ARCHIVE_BYTES)
                try:
                    return _member(inner, file, nested=False)
                except _Unusable:
                    continue
    raise _Unusable(f"holds an archive without {file.short_name}")


def _at_most(stream: Any, most: int) -> bytes:
    data: bytes = stream.read(most + 1)
    if len(data) > most:
        raise _Unusable(f"unpacks to more than the {most:,} bytes that it may be")
    return data
