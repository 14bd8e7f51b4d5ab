"""Bytes of a file, within limits: where they come from, what they are by their content, what is packed inside."""

from __future__ import annotations

import gzip
import io
import os
import re
import stat
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from iffair_core.errors import IFFairError, StopCheck, TableError, listing, shorten

MAX_BYTES = 2 * 2**30
"""Largest file."""
MAX_UNPACKED = 4 * 2**30
"""Largest content of a compressed file."""
MAX_RATIO = 200
"""A compressed file that grows by more than this, past `RATIO_FROM` bytes, is no table but a trap."""
RATIO_FROM = 100 * 2**20
MEMORY_FACTOR = 6
"""A table of text needs about this many times its bytes while it is read."""

PROTECTED = "{} is a workbook protected by a password. Save it without one, or as CSV."
EXPORT_AGAIN = "Export the table as CSV (UTF-8) and open that."

_PIECE, _HEAD = 1 << 20, 1 << 16
_Out = TypeVar("_Out")


@contextmanager
def or_damaged(what: str, way_out: str) -> Iterator[None]:
    """Make a `TableError` of anything that a damaged file makes a library raise."""
    try:
        yield
    except IFFairError:
        raise
    except Exception as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise TableError(f"{what} ({shorten(reason, 120)}). {way_out}") from error


@dataclass(frozen=True)
class Source:
    """A file whose bytes are asked for when they are needed; `name` is what messages call it."""

    name: str
    given: Path | bytes

    @property
    def size(self) -> int:
        """Its bytes."""
        return self._with(lambda stream: stream.seek(0, io.SEEK_END))

    def head(self, size: int) -> bytes:
        """The first bytes, at most `size`."""
        return self._with(lambda stream: stream.read(size))

    def tail(self) -> bytes:
        """The last bytes, a few."""
        size = self.size
        return self._with(lambda stream: (stream.seek(max(size - 8, 0)), stream.read())[1])

    def read(self) -> bytes:
        """All bytes; `TableError` where there are too many."""
        require_size(self.name, self.size)
        return self.given if isinstance(self.given, bytes) else self._with(lambda stream: stream.read())

    def stream(self) -> BinaryIO:
        """The bytes from the first on, to be closed by the caller."""
        return io.BytesIO(self.given) if isinstance(self.given, bytes) else self.given.open("rb")

    def _with(self, work: Callable[[BinaryIO], _Out]) -> _Out:
        try:
            with self.stream() as stream:
                return work(stream)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise TableError(f"{self.name} cannot be opened ({shorten(reason)}). Check the path.") from error


def source_of(given: Any, name: str | None = None) -> Source:
    """A path (text or Path), bytes, or anything with `getvalue` or `read`, as a source; `name` is its name in messages.

    An open file is read from where it stands. Raises `TableError` for anything else, and where it is too large.
    """
    if isinstance(given, (str, os.PathLike)):
        path = Path(given)
        source = Source(name or shorten(path.name or str(path)), path)
        piped = source._with(lambda stream: None if _is_regular(stream) else stream.read(MAX_BYTES + 1))
        if piped is not None:
            require_size(source.name, len(piped))
        return source if piped is None else Source(source.name, piped)
    name = name or shorten(Path(str(getattr(given, "name", "") or "The file")).name)
    if isinstance(given, (bytes, bytearray, memoryview)):
        data: Any = given
    elif hasattr(given, "getvalue"):
        data = given.getvalue()
    elif hasattr(given, "read"):
        data = given.read(MAX_BYTES + 1)
    else:
        raise TableError(f"A table cannot be read from {type(given).__name__}. Give a path, bytes or an open file.")
    data = data.encode() if isinstance(data, str) else bytes(data)
    require_size(name, len(data))
    return Source(name, data)


def _is_regular(stream: BinaryIO) -> bool:
    return stat.S_ISREG(os.fstat(stream.fileno()).st_mode)


# ------------------------------------------------------------------------------------------------------------ limits


def require_size(name: str, size: int) -> None:
    """`TableError` for a file of more than `MAX_BYTES`."""
    if size > MAX_BYTES:
        raise TableError(
            f"{name} has {in_words(size)}; at most {in_words(MAX_BYTES)} can be read. "
            "Take a sample of its rows, or write it as Parquet with the columns that matter."
        )


def require_memory(name: str, needed: float) -> None:
    """`TableError` where reading needs more bytes of memory than are free, as far as the system tells."""
    free = free_memory()
    if free is not None and needed > free:
        raise TableError(
            f"{name} needs about {in_words(needed)} of memory to be read, and {in_words(free)} are free. "
            "Take a sample of its rows or fewer columns, or close other programs."
        )


def free_memory() -> int | None:
    """Bytes of memory that can still be taken: of the machine, or of the container where that is less; None unknown."""
    found = []
    try:
        text = Path("/proc/meminfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    if match := re.search(r"^MemAvailable:\s+(\d+) kB", text, re.MULTILINE):
        found.append(int(match[1]) * 1024)
    group = Path("/sys/fs/cgroup")
    if (group / "memory.max").is_file() and (group / "memory.current").is_file():
        limit = (group / "memory.max").read_text(encoding="ascii").strip()
        if limit.isdigit():
            found.append(max(int(limit) - int((group / "memory.current").read_text(encoding="ascii")), 0))
    return min(found) if found else None


def in_words(size: float) -> str:
    """Bytes as "3.1 GB"."""
    for unit, factor in (("GB", 2**30), ("MB", 2**20), ("kB", 2**10)):
        if size >= factor:
            return f"{size / factor:.3g} {unit}"
    return f"{size:.0f} bytes"


# ------------------------------------------------------------------------------------------------------- recognition


_MARK = rb"(?:\xef\xbb\xbf)?\s*"
_FOREIGN = (
    (_MARK + rb"(?:%[^\n]*\n\s*)*(?i:@relation)\s", "is a file of Weka (ARFF)", EXPORT_AGAIN),
    (_MARK + rb"(?:--[^\n]*\n\s*)*(?i:insert into|create table|drop table)\s", "is a script of SQL",
     "Run it in a database and export the table as CSV."),
    (rb"SQLite format 3\0", "is an SQLite database", "Export one table of it as CSV."),
    (rb"%PDF-", "is a PDF document", EXPORT_AGAIN),
    (rb"\x80[\x02-\x05]", "is a Python pickle, which is never opened because it can run programs",
     "Write the table as CSV or Parquet instead. In pandas: frame.to_csv(path, index=False)."),
    (rb"RD[XAB][23]\n|[XA]\n\0\0\0", "is a file of R (.rds or .rda)",
     "In R: write.csv(table, \"table.csv\", row.names = FALSE)."),
    (rb"<stata_dta>|[\x6c-\x73][\x01\x02]\x01\0", "is a Stata file", "In Stata: export delimited using table.csv."),
    (rb"\0{12}\xc2\xea\x81\x60|HEADER RECORD\*{7}LIB", "is a SAS file",
     "In SAS: proc export data=table outfile=\"table.csv\" dbms=csv."),
    (rb"\$FL[23]@\(#\)", "is an SPSS file", "In SPSS: SAVE TRANSLATE OUTFILE=\"table.csv\" /TYPE=CSV /FIELDNAMES."),
    (rb"\x89PNG|\xff\xd8\xff|GIF8[79]a|BM.{4}\0{4}|II\*\0|MM\0\*|RIFF.{4}WEBP", "is a picture",
     "Open the table that it was made from."),
    (rb"BZh[1-9]1AY&SY|\xfd7zXZ\0|\x28\xb5\x2f\xfd|7z\xbc\xaf|Rar!\x1a|\x04\x22\x4d\x18",
     "is compressed in a way that is not unpacked here", "Unpack it, or compress it with gzip or zip."),
    (rb".{257}ustar[\0 ]", "is a tar archive", "Unpack it and choose the file with the table."),
    (rb"\{\\rtf", "is a text document (RTF)", EXPORT_AGAIN),
    (_MARK + rb"(?i:<!doctype html|<html|<head|<body|<table)", "is a web page (HTML)",
     "Save the table itself: a link to the raw file often gives it, not the page around it."),
    (_MARK + rb"<\?xml", "is an XML file", EXPORT_AGAIN),
    (_MARK + rb"(?:\{\s*(?:\"(?:[^\"\\]|\\.)*\"\s*:|\}\s*\Z)|\[\s*[\[{])", "is JSON",
     "Turn its records into rows of a table first. In pandas: pandas.read_json(path).to_csv(\"table.csv\")."),
)  # fmt: skip


def kind_of(source: Source) -> str:
    """What the content shows: "Parquet", "Arrow" (also Feather), "Arrow stream", "gzip", "zip", "workbook" or "text".

    `TableError` for anything else, with the way to make a table of it.
    """
    head, tail, size, name = source.head(_HEAD), source.tail(), source.size, source.name
    if head.startswith(b"PAR1") and (tail.endswith(b"PAR1") or b"\0" in head):
        return "Parquet"
    if head.startswith(b"ARROW1\0\0"):
        return "Arrow"
    if head.startswith(b"\xff\xff\xff\xff") and 0 < int.from_bytes(head[4:8], "little", signed=True) <= size:
        return "Arrow stream"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    if head.startswith(b"\x1f\x8b"):
        return "gzip"
    if "EncryptedPackage".encode("utf-16-le") in head:
        raise TableError(PROTECTED.format(name))
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return "workbook"
    for pattern, what, way_out in _FOREIGN:
        if re.match(pattern, head, re.DOTALL):
            raise TableError(f"{name} {what}, not a CSV, Parquet or Excel file. {way_out}")
    return "text"


# --------------------------------------------------------------------------------------------------------- unpacking


def gunzipped(source: Source, stop_check: StopCheck, most: int | None) -> tuple[bytes, int, str]:
    """(content of gzip, or its first `most` bytes; how many it has, as far as can be told; how it is packed)."""
    name = source.name
    damaged = or_damaged(f"{name} is compressed with gzip but damaged", "Compress the table again, or take the CSV.")
    with damaged, source.stream() as packed, gzip.GzipFile(fileobj=packed) as stream:
        content = _unpacked(stream, packed.tell, name, stop_check, most)
        guess = round(len(content) * source.size / max(packed.tell(), 1))
        said = int.from_bytes(source.tail()[-4:], "little")  # of the last part, mostly the only one
    return content, said if guess / 2 < said < 4 * guess else guess, ", gzip"


def unzipped(source: Source, stop_check: StopCheck, most: int | None) -> tuple[bytes, int, str] | None:
    """(content of the one table in a zip archive, or its first `most` bytes; how many it has; how it is packed).

    None where the archive is a workbook. `TableError` where it is damaged, another document, or a trap.
    """
    name = source.name
    what = f"{name} begins like a zip archive or an Excel workbook but is damaged"
    with (
        or_damaged(what, "Save it again, or export CSV."),
        source.stream() as stream,
        zipfile.ZipFile(stream) as archive,
    ):
        if _is_workbook(archive, name):
            return None
        info = _only_member(archive, name)
        if info.flag_bits & 1:
            raise TableError(f"{name} is protected by a password. Unpack it and open the table.")
        packed = max(info.compress_size, 1)
        if most is None:
            _require_unpacked(name, info.file_size, packed)
        with archive.open(info) as member:
            content = _unpacked(member, lambda: packed, name, stop_check, most)
        return content, info.file_size, f", zip archive ({shorten(info.filename, 40)})"


def _unpacked(stream: Any, packed: Callable[[], int], name: str, stop_check: StopCheck, most: int | None) -> bytes:
    """What a stream unpacks to, piece by piece, so that a trap is noticed before it takes all memory."""
    content = io.BytesIO()
    while (most is None or content.tell() < most) and (piece := stream.read(_PIECE if most is None else most)):
        stop_check()
        content.write(piece)
        _require_unpacked(name, content.tell(), packed())
    return content.getvalue()


def _require_unpacked(name: str, total: int, packed: int) -> None:
    if total > RATIO_FROM and total > MAX_RATIO * packed:
        raise TableError(
            f"{name} unpacks to more than {MAX_RATIO} times its size, as no ordinary table does. "
            "If it is one all the same, unpack it first."
        )
    free = free_memory() if total > RATIO_FROM else None
    limit = MAX_UNPACKED if free is None else min(MAX_UNPACKED, (free + total) // MEMORY_FACTOR)
    if total > limit:
        raise TableError(
            f"{name} unpacks to more than {in_words(limit)}, which is all that can be read here. "
            "Take a sample of its rows, or write it as Parquet with the columns that matter."
        )


_OFFICE = {
    "word/document.xml": "is a Word document",
    "ppt/presentation.xml": "is a PowerPoint presentation",
    "Index/Document.iwa": "is an Apple Numbers or Pages document",
    "Index.zip": "is an Apple Numbers or Pages document",
}


def _is_workbook(archive: zipfile.ZipFile, name: str) -> bool:
    """Whether the archive is a workbook (.xlsx, .xlsb, .ods); `TableError` for other documents, and for a trap."""
    names = set(archive.namelist())
    if found := next((what for part, what in _OFFICE.items() if part in names), None):
        raise TableError(f"{name} {found}, which cannot be read. {EXPORT_AGAIN}")
    document = {"mimetype", "content.xml"} <= names
    if document and b"spreadsheet" not in archive.open("mimetype").read(200):
        raise TableError(f"{name} is an OpenDocument file that is no spreadsheet. {EXPORT_AGAIN}")
    if not document and not {"xl/workbook.xml", "xl/workbook.bin"} & names:
        return False
    infos = archive.infolist()
    unpacked, packed = sum(info.file_size for info in infos), sum(info.compress_size for info in infos)
    if unpacked > MAX_UNPACKED or unpacked > max(RATIO_FROM, MAX_RATIO * packed):
        raise TableError(
            f"{name} unpacks to {in_words(unpacked)}, more than a workbook of its size should. "
            "Save the sheet with the table as CSV or Parquet."
        )
    require_memory(name, MEMORY_FACTOR * unpacked)
    return True


def _only_member(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    """The one file in the archive, folders and what systems add aside; `TableError` where there are several."""
    infos = [
        info
        for info in archive.infolist()
        if not info.is_dir()
        and not info.filename.startswith("__MACOSX/")
        and Path(info.filename).name not in (".DS_Store", "Thumbs.db", "desktop.ini")
    ]
    if not infos:
        raise TableError(f"{name} is an empty zip archive. Choose one with a table inside.")
    tables = [info for info in infos if info.filename.lower().endswith((".csv", ".tsv", ".txt", ".data", ".parquet"))]
    if len(infos) > 1 and len(tables) != 1:
        raise TableError(
            f"{name} holds {len(infos)} files ({listing([info.filename for info in infos])}). "
            "Unpack it and choose the one with the table."
        )
    return (tables if len(infos) > 1 else infos)[0]
