"""The bytes of a file become UTF-8 text with one kind of line end; what was mended is told."""

from __future__ import annotations

import codecs
import re

import numpy as np

from iffair_core.errors import StopCheck, TableError, never_stop, shorten
from iffair_core.reading.dialect import ENCODINGS

SAMPLE = 200_000
"""Bytes from which the dialect and the kinds of columns are found."""
EXPORT_AGAIN = "Export the table again as CSV (UTF-8, one header line) or Parquet."
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (codecs.BOM_UTF8, "utf-8"),
)
_MARKS = re.compile(rb"(?:\xef\xbb\xbf)+")
_BLOCK = 1 << 24
_CONTROL_DELIMITERS = (1, 2, 7, 30, 31)
"""Control characters that some programs write between cells."""


def as_utf8(
    raw: bytes, name: str, encoding: str | None = None, stop_check: StopCheck = never_stop
) -> tuple[bytes, str, list[str]]:
    """`raw` as UTF-8 with "\\n" for every line end and no byte-order mark; its encoding; notes on what was repaired.

    Without `encoding`: a byte-order mark, else the pattern of zero bytes of UTF-16 and UTF-32, else UTF-8 where that
    fits, else Windows-1252. Raises `TableError` where it is empty or not text.
    """
    notes: list[str] = []
    found = _encoding_of(raw) if encoding is None else codecs.lookup(encoding).name
    for mark, of in _BOMS:
        if raw.startswith(mark) and (found == of or (encoding is not None and found in of)):
            raw, found = raw[len(mark) :], of
            break
    if found in ("utf-8", "ascii"):
        raw, found, notes = _mended_utf8(raw, name, encoding is not None, stop_check)
    else:
        text, notes = _decoded(raw, found, name, encoding is not None)
        raw = text.encode()
    again = _MARKS.match(raw)
    if again:
        raw = raw[again.end() :]  # a second mark, where a program added its own
    if raw[-1:] in (b"\0", b"\x1a"):
        raw = raw.rstrip(b"\0\x1a")
    if not (raw[:65536].strip() or raw.strip()):
        raise TableError(f"{name} is empty. Choose a file with a header line and rows.")
    zeros = raw.count(b"\0") if b"\0" in raw else 0
    head = np.bincount(np.frombuffer(raw[:65536], dtype=np.uint8), minlength=32)[:32]
    head[[9, 10, 12, 13]] = 0
    allowed = max(_CONTROL_DELIMITERS, key=lambda code: int(head[code]))
    control = int(head.sum() - head[allowed])
    if zeros > 0.005 * len(raw) or control > 0.005 * min(len(raw), 65536):
        raise TableError(f"{name} is not text: it holds binary data. {EXPORT_AGAIN}")
    if zeros:
        raw = raw.replace(b"\0", b"")
        notes.append(f"{name} holds {_counted(zeros, 'zero byte')}; they were left out.")
    if b"\r" in raw:
        raw = raw.replace(b"\r\n", b"\n")
        if b"\r" in raw:
            raw = raw.replace(b"\r", b"\n")
    return raw, found, notes


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def _encoding_of(raw: bytes) -> str:
    for mark, encoding in _BOMS:
        if raw.startswith(mark):
            return encoding
    head = np.frombuffer(raw[: 4 * (min(len(raw), 4096) // 4)], dtype=np.uint8).reshape(-1, 4) == 0
    if head.size and head.any():
        first, second, third, fourth = head.mean(axis=0)
        if min(second, third, fourth) > 0.9 and first < 0.1:
            return "utf-32-le"
        if min(first, second, third) > 0.9 and fourth < 0.1:
            return "utf-32-be"
        if min(second, fourth) > 0.25 and max(first, third) < 0.05:
            return "utf-16-le"
        if min(first, third) > 0.25 and max(second, fourth) < 0.05:
            return "utf-16-be"
    return "utf-8"


def _decoded(raw: bytes, encoding: str, name: str, chosen: bool) -> tuple[str, list[str]]:
    try:
        return raw.decode(encoding), []
    except UnicodeError as error:
        label = ENCODINGS.get(encoding, encoding)
        if not isinstance(error, UnicodeDecodeError):
            raise TableError(
                f"{name} cannot be read as {label} ({shorten(error, 80)}). Choose another encoding."
            ) from error
        whole = raw[: error.start] if error.end == len(raw) and len(raw) - error.start < 4 else raw
        text = whole.decode(encoding, "replace")
        lost = text.count("\ufffd")
        if lost > 0.01 * len(text) + 1 or len(text) < 4:
            if chosen:
                raise TableError(
                    f"{name} cannot be read as {label}. Choose another encoding, or let it be detected."
                ) from error
            raise TableError(f"{name} starts like {label} text but is not. {EXPORT_AGAIN}") from error
        if not lost:
            return text, [f"{name} breaks off within a character, which was left out."]
        return text, [
            f"{name} is {label} text with {_counted(lost, 'character')} that cannot be read, shown as \ufffd."
        ]


_SEQUENCE = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")


def _mended_utf8(raw: bytes, name: str, chosen: bool, stop_check: StopCheck) -> tuple[bytes, str, list[str]]:
    """UTF-8 as it is; where single bytes do not fit they are read as Windows-1252; all of them where UTF-8 is rare."""
    if raw.isascii():
        return raw, "utf-8", []
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(raw), _BLOCK):
            stop_check()
            decoder.decode(raw[start : start + _BLOCK], start + _BLOCK >= len(raw))
        return raw, "utf-8", []
    except UnicodeDecodeError:
        pass
    sample = raw[: 1 << 22]
    fitting = len(_SEQUENCE.findall(sample))
    high = int(np.count_nonzero(np.frombuffer(sample, dtype=np.uint8) > 127))
    stray = high - sum(map(len, _SEQUENCE.findall(sample)))
    if chosen or (fitting > 3 * stray if high else len(raw) > len(sample)):
        text = raw.decode("utf-8", "iffair-cp1252")
        return (
            text.encode(),
            "utf-8",
            [f"{name} is UTF-8 text with some bytes of another encoding; these were read as Windows-1252."],
        )
    try:
        return raw.decode("cp1252").encode(), "cp1252", []
    except UnicodeDecodeError:
        return raw.decode("latin-1").encode(), "latin-1", []


def _as_cp1252(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end]
    return "".join(bytes([byte]).decode("cp1252", "replace") for byte in wrong), error.end


codecs.register_error("iffair-cp1252", _as_cp1252)


def first_lines(text: bytes) -> list[str]:
    """The first lines, about `SAMPLE` bytes, at least 20 lines of at most 8 MB."""
    size = SAMPLE
    while size < len(text) and text.count(b"\n", 0, size) < 20 and size < 1 << 23:
        size *= 2
    lines = text[:size].decode("utf-8", "ignore").split("\n")
    return lines[:-1] if size < len(text) and len(lines) > 1 else lines
