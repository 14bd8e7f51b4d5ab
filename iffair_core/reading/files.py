"""Bytes of a file, within limits: where they come from, what they are by their content, what is packed inside."""

from __future__ import annotations

import io
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from iffair_core.errors import StopCheck, TableError, listing, never_stop, shorten

MAX_BYTES = 2 * 2**30
"""Largest file."""
MAX_UNPACKED = 4 * 2**30
"""Largest content of a compressed file."""
MAX_RATIO = 200
"""A compressed file that grows by more than this, past `RATIO_FROM` bytes, is no table but a trap."""
RATIO_FROM = 100 * 2**20
MEMORY_FACTOR = 6
"""A table of text needs about this many times its bytes while it is read."""

EXPORT_AGAIN = "Export the table as CSV (UTF-8) and open that."

_PIECE = 1 << 20
_GZIP, _ZIP = b"\x1f\x8b", b"PK\x03\x04"

ZIP_ERRORS = (
    zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError, struct.error,
)  # fmt: skip
"""What a damaged archive makes Python raise."""


@dataclass(frozen=True)
class Source:
    """A file whose bytes are asked for when they are needed; `name` is what messages call it."""

    name: str
    path: Path | None = None
    data: bytes | None = None

    @property
    def size(self) -> int:
        """Its bytes."""
        return len(self.data) if self.data is not None else int(_opened(self, lambda path: path.stat().st_size))

    def _path(self) -> Path:
        assert self.path is not None
        return self.path

    def head(self, size: int) -> bytes:
        """The first bytes, at most `size`."""
        if self.data is not None:
            return self.data[:size]
        return _opened(self, lambda path: _first(path, size))

    def tail(self) -> bytes:
        """The last bytes, a few."""
        if self.data is not None:
            return self.data[-8:]
        return _opened(self, _last)

    def read(self) -> bytes:
        """All bytes; `TableError` where there are too many."""
        if self.data is not None:
            return self.data
        require_size(self.name, self.size)
        return _opened(self, Path.read_bytes)


def _first(path: Path, size: int) -> bytes:
    with path.open("rb") as stream:
        return stream.read(size)


def _last(path: Path) -> bytes:
    with path.open("rb") as stream:
        stream.seek(max(path.stat().st_size - 8, 0))
        return stream.read()


def _opened(source: Source, work: Callable[[Path], Any]) -> Any:
    try:
        return work(source._path())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise TableError(f"{source.name} cannot be opened ({shorten(reason)}). Check the path.") from error


def source_of(given: Any, name: str | None = None) -> Source:
    """A path (text or Path), bytes, or anything with `getvalue` or `read`, as a source; `name` is its name in messages.

    An open file is read from where it stands. Raises `TableError` for anything else, and where it is too large.
    """
    if isinstance(given, (str, os.PathLike)):
        path = Path(given)
        source = Source(name or shorten(path.name or str(path)), path)
        if _opened(source, lambda path: stat.S_ISREG(path.stat().st_mode) or path.is_dir()):
            source.head(1)
            return source
        piped = source.head(MAX_BYTES + 1)
        require_size(source.name, len(piped))
        return Source(source.name, data=piped)
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
    return Source(name, data=data)


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


# --------------------------------------------------------------------------------------------------------- unpacking


def is_gzip(head: bytes) -> bool:
    """Whether the bytes begin as gzip does."""
    return head.startswith(_GZIP)


def is_zip(head: bytes) -> bool:
    """Whether the bytes begin as a zip archive does."""
    return head.startswith((_ZIP, b"PK\x05\x06"))


def gunzip(raw: bytes, name: str, stop_check: StopCheck = never_stop, most: int | None = None) -> tuple[bytes, int]:
    """(content of gzip, bytes of `raw` used for it); with `most`, about the first so many bytes of content only.

    Raises `TableError` where the data is damaged or grows beyond the limits, before it has done so.
    """
    content = io.BytesIO()
    block, position = b"", 0
    unpacker = zlib.decompressobj(wbits=31)
    try:
        while block or position < len(raw):
            if not block:
                stop_check()
                block = raw[position : position + _PIECE]
                position += len(block)
            content.write(unpacker.decompress(block, 4 * _PIECE))
            _require_unpacked(name, content.tell(), position)
            block = unpacker.unconsumed_tail
            if most is not None and content.tell() >= most:
                return content.getvalue(), position - len(block)
            if unpacker.eof:
                block = unpacker.unused_data.lstrip(b"\0")
                if not block and not raw[position:].strip(b"\0"):
                    break
                unpacker = zlib.decompressobj(wbits=31)
        content.write(unpacker.flush())
        if not unpacker.eof and most is None:
            raise zlib.error("it ends too early")
    except zlib.error as error:
        raise TableError(
            f"{name} is compressed with gzip but damaged ({shorten(error)}). Compress the table again, or take the CSV."
        ) from error
    return content.getvalue(), position


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


@dataclass(frozen=True)
class Member:
    """The one table inside a zip archive."""

    archive: zipfile.ZipFile
    info: zipfile.ZipInfo
    name: str

    def read(self, stop_check: StopCheck = never_stop, most: int | None = None) -> bytes:
        """Its content; with `most`, the first so many bytes. Raises `TableError` where it is damaged or too large."""
        content = io.BytesIO()
        if most is None:
            _require_unpacked(self.name, self.info.file_size, max(self.info.compress_size, 1))
        try:
            with self.archive.open(self.info) as stream:
                while (most is None or content.tell() < most) and (piece := stream.read(_PIECE)):
                    stop_check()
                    content.write(piece)
                    _require_unpacked(self.name, content.tell(), max(self.info.compress_size, 1))
        except ZIP_ERRORS as error:
            if self.info.flag_bits & 1:
                raise TableError(f"{self.name} is protected by a password. Unpack it and open the table.") from error
            raise TableError(
                f"{self.name} is a zip archive that cannot be unpacked ({shorten(error)}). Unpack it yourself."
            ) from error
        return content.getvalue()


def open_zip(source: Source) -> zipfile.ZipFile:
    """The archive; `TableError` where it is damaged."""
    try:
        return zipfile.ZipFile(io.BytesIO(source.data) if source.data is not None else source._path())
    except ZIP_ERRORS as error:
        raise TableError(
            f"{source.name} begins like a zip archive or an Excel workbook but is damaged ({shorten(error)}). "
            "Save it again, or export CSV."
        ) from error


_OFFICE = {
    "word/document.xml": "is a Word document",
    "ppt/presentation.xml": "is a PowerPoint presentation",
    "Index/Document.iwa": "is an Apple Numbers or Pages document",
    "Index.zip": "is an Apple Numbers or Pages document",
}


def _kind_of_document(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        with archive.open("mimetype") as stream:
            return stream.read(200)
    except ZIP_ERRORS as error:
        raise TableError(f"{name} is a damaged OpenDocument file ({shorten(error)}). {EXPORT_AGAIN}") from error


def workbook_in(archive: zipfile.ZipFile, name: str) -> bool:
    """Whether the archive is a workbook (.xlsx, .xlsb, .ods); `TableError` for other documents, and for a trap."""
    names = set(archive.namelist())
    for part, what in _OFFICE.items():
        if part in names:
            raise TableError(f"{name} {what}, which cannot be read. {EXPORT_AGAIN}")
    document = "mimetype" in names and "content.xml" in names
    if document and b"spreadsheet" not in _kind_of_document(archive, name):
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


def is_old_workbook(head: bytes, name: str) -> bool:
    """Whether the bytes begin as an old Excel workbook (.xls) does; `TableError` where a password protects it."""
    if "EncryptedPackage".encode("utf-16-le") in head:
        raise TableError(f"{name} is a workbook protected by a password. Save it without one, or as CSV.")
    return head.startswith(_COMPOUND)


def only_member(archive: zipfile.ZipFile, name: str) -> Member:
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
    return Member(archive, (tables if len(infos) > 1 else infos)[0], name)


# ------------------------------------------------------------------------------------------------------- recognition


_PANDAS = "In pandas: frame.to_csv(path, index=False)."
_MARK = rb"(?:\xef\xbb\xbf)?\s*"
_FOREIGN = (
    (_MARK + rb"(?:%[^\n]*\n\s*)*(?i:@relation)\s", "is a file of Weka (ARFF)", EXPORT_AGAIN),
    (_MARK + rb"(?:--[^\n]*\n\s*)*(?i:insert into|create table|drop table)\s", "is a script of SQL",
     "Run it in a database and export the table as CSV."),
    (rb"SQLite format 3\0", "is an SQLite database", "Export one table of it as CSV."),
    (rb"%PDF-", "is a PDF document", EXPORT_AGAIN),
    (rb"\x80[\x02-\x05]", "is a Python pickle, which is never opened because it can run programs",
     f"Write the table as CSV or Parquet instead. {_PANDAS}"),
    (rb"RD[XAB][23]\n|[XA]\n\0\0\0", "is a file of R (.rds or .rda)",
     "In R: write.csv(table, \"table.csv\", row.names = FALSE)."),
    (rb"<stata_dta>|[\x6c-\x73][\x01\x02]\x01\0", "is a Stata file", "In Stata: export delimited using table.csv."),
    (rb"\0{12}\xc2\xea\x81\x60|HEADER RECORD\*{7}LIB", "is a SAS file",
     "In SAS: proc export data=table outfile=\"table.csv\" dbms=csv."),
    (rb"\$FL[23]@\(#\)", "is an SPSS file", "In SPSS: SAVE TRANSLATE OUTFILE=\"table.csv\" /TYPE=CSV /FIELDNAMES."),
    (rb"\x89HDF\r\n|MATLAB 5\.0 MAT-file", "is an HDF5 or MATLAB file", EXPORT_AGAIN),
    (rb"\x93NUMPY", "is a NumPy array", "Write it with column names as CSV."),
    (rb"\x89PNG|\xff\xd8\xff|GIF8[79]a|BM.{4}\0{4}|II\*\0|MM\0\*|RIFF.{4}WEBP", "is a picture",
     "Open the table that it was made from."),
    (rb"BZh[1-9]1AY&SY|\xfd7zXZ\0|\x28\xb5\x2f\xfd|7z\xbc\xaf|Rar!\x1a|\x04\x22\x4d\x18",
     "is compressed in a way that is not unpacked here", "Unpack it, or compress it with gzip or zip."),
    (rb".{257}ustar[\0 ]", "is a tar archive", "Unpack it and choose the file with the table."),
    (rb"ORC[\0-\x1f\x80-\xff]|Obj\x01", "is an ORC or Avro file", "Write the table as Parquet or CSV."),
    (rb"PARE[\0-\x1f\x80-\xff]", "is an encrypted Parquet file", "Write it without encryption."),
    (rb"FEA1\0", "is a Feather file of the first version", "Write it again with a current version, or as Parquet."),
    (rb"\{\\rtf", "is a text document (RTF)", EXPORT_AGAIN),
    (rb"\x7fELF|MZ.{60,}PE\0\0|\xca\xfe\xba\xbe", "is a program", "Choose a file with a table."),
    (_MARK + rb"(?i:<!doctype html|<html|<head|<body|<table)", "is a web page (HTML)",
     "Save the table itself: a link to the raw file often gives it, not the page around it."),
    (_MARK + rb"<\?xml", "is an XML file", EXPORT_AGAIN),
    (_MARK + rb"(?:\{\s*(?:\"(?:[^\"\\]|\\.)*\"\s*:|\}\s*\Z)|\[\s*[\[{])", "is JSON",
     "Turn its records into rows of a table first. In pandas: pandas.read_json(path).to_csv(\"table.csv\")."),
)  # fmt: skip
_PATTERNS = tuple((re.compile(pattern, re.DOTALL), what, way_out) for pattern, what, way_out in _FOREIGN)
_COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"


def refuse_foreign(head: bytes, name: str) -> None:
    """`TableError` for a file that is something else than a table of text, with the way to make it one.

    head: the first bytes, a few thousand.
    """
    for pattern, what, way_out in _PATTERNS:
        if pattern.match(head):
            raise TableError(f"{name} {what}, not a CSV, Parquet or Excel file. {way_out}")
