"""Files of the public data sets: from a mirror, from the user's cache, or from their publisher, never unverified.

Every file has the SHA-256 of its bytes as published; a copy may be plain, gzipped or inside a zip archive, and only the
unpacked bytes are compared. What differs is not used and not kept. Two environment variables:

IFFAIR_MIRROR: a folder, or an http(s) address, that has the files under the names of `originals.FILES`, plain or with
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
    """A file as its publisher wrote it.

    name: path below a mirror and below the cache; bytes and sha256: of the file itself, never of what it is packed in;
    address: where its publisher serves it, alone or inside a zip archive ("" where nobody does any more); elsewhere:
    how a user comes by it then; any_line_ends: a copy with CR LF at its line ends is the same file.
    """

    name: str
    bytes: int
    sha256: str
    address: str = ""
    elsewhere: str = ""
    any_line_ends: bool = False


def cache_folder() -> Path:
    """The folder that keeps downloads; it need not be there yet."""
    chosen = os.environ.get(CACHE)
    if chosen:
        return Path(chosen).expanduser().absolute()
    import pooch

    return Path(pooch.os_cache("iffair"))


def on_this_machine(files: Sequence[SourceFile]) -> bool:
    """Whether every file is in the mirror folder or in the cache. Asks no network and reads no file."""
    folder = _mirror_folder()
    folders = [cache_folder(), *([] if folder is None else [folder])]
    return all(any(path.is_file() for where in folders for path in _copies(where, file)) for file in files)


def fetch(
    files: Sequence[SourceFile], *, progress: Progress | None = None, stop_check: StopCheck = never_stop
) -> list[bytes]:
    """The bytes of each file, verified: from the mirror folder, the cache, the mirror's address or the publisher.

    progress(share of all, text) is told what goes on; stop_check() is called now and then and may raise `Cancelled`.
    What was cancelled or failed leaves nothing in the cache. Raises `DownloadError` with what was tried and a way out.
    """
    found: list[bytes] = []
    archives: dict[str, bytes] = {}
    for position, file in enumerate(files):

        def report(share: float, text: str, before: int = position) -> None:
            stop_check()
            if progress is not None:
                progress((before + min(max(share, 0.0), 1.0)) / len(files), text)

        report(0.0, f"Reading {_short_name(file)}")
        found.append(_obtained(file, archives, report))
    return found


def _short_name(file: SourceFile) -> str:
    return file.name.rpartition("/")[2]


def _obtained(file: SourceFile, archives: dict[str, bytes], report: Progress) -> bytes:
    tried: list[str] = []
    folder = _mirror_folder()
    raw = None if folder is None else _from_folder(folder, file, tried)
    if raw is None:
        raw = _cached(file)
    if raw is not None:
        return raw
    silent: set[str] = set()
    for address in _addresses(file):
        host = address.split("/")[2]
        if host not in silent:
            try:
                return _downloaded(address, file, archives, report)
            except _Unusable as error:
                tried.append(f"{shorten(address, 160)} {error}")
                if error.silent:
                    silent.add(host)
    raise DownloadError(_cannot_be_had(file, tried, folder))


def _cannot_be_had(file: SourceFile, tried: Sequence[str], folder: Path | None) -> str:
    reasons = f"{'; '.join(tried)}." if tried else "There is no address to ask."
    elsewhere = f" {file.elsewhere}" if file.elsewhere else ""
    names = f"{file.name} or {file.name}.gz"
    way_out = (
        f"Put the file into a folder as {names} and set {MIRROR} to that folder"
        if folder is None
        else f"Put the file into {shorten(folder, 200)} as {names}"
    )
    return (
        f"The data file {file.name} cannot be had: {reasons}{elsewhere} "
        f"{way_out}; its unpacked SHA-256 is {file.sha256}."
    )


# ----------------------------------------------------------------------------------------------------- on this machine


def _mirror_folder() -> Path | None:
    """The mirror if it is a folder."""
    mirror = os.environ.get(MIRROR, "")
    return None if not mirror or _is_address(mirror) else Path(mirror).expanduser().absolute()


def _is_address(text: str) -> bool:
    return text.lower().startswith(("http://", "https://"))


def _copies(folder: Path, file: SourceFile) -> tuple[Path, Path]:
    return folder / file.name, folder / f"{file.name}.gz"


def _from_folder(folder: Path, file: SourceFile, tried: list[str]) -> bytes | None:
    """The file from the mirror folder, or None with the reasons in `tried`."""
    before = len(tried)
    for path in _copies(folder, file):
        try:
            return _unpacked(path.read_bytes(), file)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            tried.append(f"{shorten(path, 160)} cannot be read ({shorten(error.strerror or error, 80)})")
        except _Unusable as error:
            tried.append(f"{shorten(path, 160)} {error}")
    if len(tried) == before:
        tried.append(f"the mirror folder {shorten(folder, 160)} {'has it not' if folder.is_dir() else 'is not there'}")
    return None


def _cached(file: SourceFile) -> bytes | None:
    """The file from the cache; a copy that differs is removed. A copy brought along from elsewhere may be gzipped."""
    for path in _copies(cache_folder(), file):
        try:
            return _unpacked(path.read_bytes(), file)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise _no_cache(error) from error
        except _Unusable:
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise _no_cache(error) from error
    return None


def _no_cache(error: OSError) -> DownloadError:
    return DownloadError(
        f"The cache folder {shorten(cache_folder(), 200)} cannot be used ({shorten(error.strerror or error, 120)}). "
        f"Set {CACHE} to a folder that can be written."
    )


# ------------------------------------------------------------------------------------------------------- from elsewhere


class _Unusable(Exception):
    """Says why one source has no good copy, to follow its address; `silent`: its host need not be asked again."""

    def __init__(self, message: str, *, silent: bool = False) -> None:
        super().__init__(message)
        self.silent = silent


def _addresses(file: SourceFile) -> list[str]:
    mirror = os.environ.get(MIRROR, "")
    found = []
    if _is_address(mirror):
        base = f"{mirror.rstrip('/')}/{file.name}"
        found += [base, f"{base}.gz"]
    return [*found, *([file.address] if file.address else [])]


def _downloaded(address: str, file: SourceFile, archives: dict[str, bytes], report: Progress) -> bytes:
    """The file from `address`, kept in the cache. `archives` holds zip archives that several files are in."""
    import pooch
    import requests

    reception = _Reception(file, archives, report)
    try:
        with _quiet(pooch.get_logger()):
            path = pooch.retrieve(
                address, f"sha256:{file.sha256}", file.name, path=cache_folder(), downloader=reception
            )
        return reception.unpacked or Path(path).read_bytes()
    except requests.HTTPError as error:
        status = "an error" if error.response is None else error.response.status_code
        raise _Unusable(f"answered {status}") from error
    except requests.Timeout as error:
        raise _Unusable(f"did not answer within {_seconds(error)}", silent=True) from error
    except (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError) as error:
        raise _Unusable("broke off") from error
    except requests.ConnectionError as error:
        stalled = "timed out" in str(error).lower()
        said = f"sent nothing for {READ_SECONDS:g} s" if stalled else "cannot be reached"
        raise _Unusable(said, silent=True) from error
    except (requests.RequestException, ValueError) as error:
        raise _Unusable(f"cannot be asked ({shorten(error, 120)})") from error
    except OSError as error:
        raise _no_cache(error) from error


def _seconds(error: Exception) -> str:
    import requests

    return f"{CONNECT_SECONDS if isinstance(error, requests.ConnectTimeout) else READ_SECONDS:g} s"


class _Reception:
    """What pooch asks to bring a file: downloads, unpacks and verifies in memory, then writes the unpacked bytes.

    It is also where pooch's downloader writes to and what it takes for its progress bar.
    """

    def __init__(self, file: SourceFile, archives: dict[str, bytes], report: Progress) -> None:
        self.file, self.archives, self.report = file, archives, report
        self.received = bytearray()
        self.unpacked = b""
        self.total = 0
        self.most = 0

    def __call__(self, url: str, output_file: Any, pooch: Any, check_only: bool = False) -> None:
        from pooch import HTTPDownloader

        known = self.archives.get(url)
        if known is None:
            self.most = MOST_ARCHIVE_BYTES if url.endswith(".zip") else _most_bytes(self.file)
            waits = (CONNECT_SECONDS, READ_SECONDS)
            HTTPDownloader(progressbar=self, chunk_size=_CHUNK, timeout=waits)(url, self, pooch)
            known = bytes(self.received)
            if zipfile.is_zipfile(io.BytesIO(known)):
                self.archives[url] = known
        self.unpacked = _unpacked(known, self.file)
        Path(output_file).write_bytes(self.unpacked)
        Path(output_file).chmod(0o644)  # pooch's temporary files are for one user; a cache may be prepared by another

    def write(self, chunk: bytes) -> None:
        self.received += chunk
        if len(self.received) > self.most:
            raise _Unusable(f"sends more than the {self.most:,} bytes that it may be")
        share = len(self.received) / (self.total or self.most)
        self.report(share, f"Downloading {_short_name(self.file)}, {len(self.received) / 1e6:.1f} MB")

    def flush(self) -> None:
        """Nothing is held back."""

    def update(self, size: int) -> None:
        """`write` reports."""

    def reset(self) -> None:
        """`write` reports."""

    def close(self) -> None:
        """`write` reports."""


_ours = threading.local()


def _not_ours(record: logging.LogRecord) -> bool:
    return not getattr(_ours, "downloading", False)


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """Keep what this thread's downloads log off standard error, and nobody else's."""
    logger.addFilter(_not_ours)
    _ours.downloading = True
    try:
        yield
    finally:
        _ours.downloading = False


# ----------------------------------------------------------------------------------------------- unpacked and verified


def _most_bytes(file: SourceFile) -> int:
    """Room for other line ends and for a file that packing made no smaller."""
    return 2 * file.bytes + 1024


def _unpacked(raw: bytes, file: SourceFile) -> bytes:
    """The file out of gzip or zip, verified. Raises `_Unusable`; never holds more than the file may be."""
    try:
        if raw.startswith(b"PK\x03\x04"):
            raw = _member(raw, file, nested=True)
        elif raw.startswith(b"\x1f\x8b"):
            with gzip.GzipFile(fileobj=io.BytesIO(raw)) as stream:
                raw = _at_most(stream, _most_bytes(file))
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
    name = _short_name(file)
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        members = archive.namelist()
        for member in members:
            if member.rpartition("/")[2] == name:
                with archive.open(member) as stream:
                    return _at_most(stream, _most_bytes(file))
        for member in members if nested else ():
            if member.lower().endswith(".zip"):
                with archive.open(member) as stream:
                    inner = _at_most(stream, MOST_ARCHIVE_BYTES)
                try:
                    return _member(inner, file, nested=False)
                except _Unusable:
                    continue
    raise _Unusable(f"holds an archive without {name}")


def _at_most(stream: Any, most: int) -> bytes:
    data: bytes = stream.read(most + 1)
    if len(data) > most:
        raise _Unusable(f"unpacks to more than the {most:,} bytes that it may be")
    return data
