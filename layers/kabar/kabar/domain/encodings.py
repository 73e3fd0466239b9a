"""Bytes of a text file in any encoding -> the same text in UTF-8, or a question; never silent mojibake [D2].

What a file says of itself counts first: a byte order mark, NULs at every other place, being valid UTF-8. A file
in an 8-bit encoding says nothing. It is read without asking only if its bytes, all of them, are letters of one
language in one encoding and no other known encoding makes another such text of them.
"""

import codecs
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from kabar.domain import import_codes as codes

CANDIDATES = ("cp1254", "cp1252", "iso8859_9", "cp857", "cp1250", "cp1251")
"""What a person may choose from, the likelier first."""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
ARCHIVES = (
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"\x1f\x8b",
    b"7z\xbc\xaf\x27\x1c",
    b"Rar!",
    b"BZh",
    b"\xfd7zXZ",
    b"\x28\xb5\x2f\xfd",
)
_NO_TEXT = (b"\xd0\xcf\x11\xe0", b"%PDF-", b"\x89PNG", b"\xff\xd8\xff")  # old Excel, PDF, pictures
_SAMPLE = 4096

_PUNCTUATION = set("\u00a0«»“”„‘’‚–—…€£°§·´¨ªº©®™¿¡")
_TURKISH = (set("çğıöşüâîû"),)
# Letters of a language beyond ASCII. Whoever mixes two of them in one file is asked.
_WESTERN = (
    set("àâæçéèêëîïôœùûüÿ"),  # French
    set("äöüß"),  # German
    set("áéíñóúü"),  # Spanish
    set("àáâãçéêíóôõúü"),  # Portuguese
    set("àèéìíîòóùú"),  # Italian
    set("åäöéæøü"),  # Nordic
    set("áéíóúýþæöð"),  # Icelandic
    set("ëïéèöüäáóíú"),  # Dutch
)
_CENTRAL = (
    set("ąćęłńóśźż"),  # Polish
    set("áčďéěíňóřšťúůýž"),  # Czech
    set("áéíóöőúüű"),  # Hungarian
)
_ALPHABETS = {
    "cp1254": _TURKISH,
    "iso8859_9": _TURKISH,
    "cp857": _TURKISH,
    "cp1252": _WESTERN,
    "cp1250": _CENTRAL,  # never taken unasked: here so that nothing of it passes for Western
}
_UNASKED = ("cp1254", "cp1252", "iso8859_9", "cp857")
_LONG_RUN = 5  # so many letters beyond ASCII in a row belong to another script
_STRANGE = re.compile(rb"[\x80-\xff]{%d}|[\xc2-\xf4][\x80-\xbf]" % _LONG_RUN)
_ASCII = bytes(range(128))
SHOWN_LINES = 5
SHOWN = 200  # bytes of a line in a preview


class EncodingUnsupported(Exception):
    """The bytes aren't what they should be. `line` is where that shows."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line} can't be decoded")
        self.line = line


class NotUtf8(EncodingUnsupported):
    """The file says nothing of its encoding, and isn't UTF-8."""


class FileRefused(Exception):
    """The file is none that is read; `code` is one of import_codes.IMPORTS."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Evidence(NamedTuple):
    """What all bytes of a file show.

    `high` are those beyond ASCII, each once; `strange` says that many stand in a row, or some as in UTF-8;
    `lines` are the first in which one occurs.
    """

    high: bytes
    strange: bool
    lines: list[bytes]


def as_utf8(chunks: Iterable[bytes], encoding: str = "") -> Iterator[bytes]:
    """The text in UTF-8 without a byte order mark. `encoding` is what a person chose.

    What seems to be UTF-8 is passed on unread. Raises FileRefused, EncodingUnsupported.
    """
    source = iter(chunks)
    start = b""
    for chunk in source:
        start += chunk
        if len(start) >= _SAMPLE:
            break
    if start.startswith(ARCHIVES):
        raise FileRefused(codes.FILE_IS_ARCHIVE)
    if start.startswith(_NO_TEXT):
        raise FileRefused(codes.FILE_NO_TEXT)
    mark, told = next((each for each in _MARKS if start.startswith(each[0])), (b"", ""))
    told = told or encoding or _utf_16(start[:_SAMPLE])
    start = start[len(mark) :]
    if told in {"", "utf-8"}:
        yield start
        yield from source
    else:
        yield from _transcoded(start, source, told)


def evidence(chunks: Iterable[bytes]) -> Evidence:
    """Look at every byte of a file that is no UTF-8."""
    high: set[int] = set()
    lines: list[bytes] = []
    strange, end = False, b""
    for chunk in chunks:
        piece = end + chunk
        high.update(piece.translate(None, _ASCII))
        strange = strange or bool(_STRANGE.search(piece))
        if len(lines) < SHOWN_LINES:
            lines += [line[:SHOWN] for line in piece.splitlines() if not line.isascii()]
        end = piece[1 - _LONG_RUN :]
    return Evidence(bytes(sorted(high)), strange, lines[:SHOWN_LINES])


def preview(found: Evidence) -> dict[str, list[str]]:
    """The lines of the evidence as each candidate reads them, where it can read the file at all."""
    shown: dict[str, list[str]] = {}
    for encoding in CANDIDATES:
        try:
            found.high.decode(encoding)
        except UnicodeDecodeError:
            continue
        shown[encoding] = [line.decode(encoding) for line in found.lines]
    return shown


def recognised(found: Evidence) -> str:
    """The one encoding in which the bytes make sense, or '' when a person has to look."""
    if found.strange:
        return ""
    readings: dict[str, str] = {}
    for encoding, alphabets in _ALPHABETS.items():
        try:
            text = found.high.decode(encoding)
        except UnicodeDecodeError:
            continue
        letters = {char.translate(_LOWER) for char in text} - _PUNCTUATION
        if any(letters <= alphabet for alphabet in alphabets):
            readings.setdefault(text, encoding)
    if len(readings) != 1:
        return ""
    (encoding,) = readings.values()
    return encoding if encoding in _UNASKED else ""


def _utf_16(sample: bytes) -> str:
    """UTF-16 without a mark is valid UTF-8 full of NULs: nearly all of them at every other place."""
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if (even + odd) * 5 <= len(sample):
        return ""
    if even * 20 < odd:
        return "utf-16-le"
    if odd * 20 < even:
        return "utf-16-be"
    raise EncodingUnsupported(1)


def _transcoded(start: bytes, source: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    for chunk, last in _with_last(start, source):
        try:
            text = decoder.decode(chunk, final=last)
        except UnicodeDecodeError as error:
            before = chunk[: error.start].decode(encoding, "ignore")
            raise EncodingUnsupported(line + before.count("\n")) from None
        line += text.count("\n")
        # a lone surrogate of UTF-16 was refused by its decoder
        yield text.encode()


def _with_last(start: bytes, source: Iterator[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Every chunk, and an empty last one."""
    yield start, False
    for chunk in source:
        yield chunk, False
    yield b"", True


_LOWER = {ord(upper): lower for upper, lower in zip("İ", "ı", strict=True)} | {
    ord(letter.upper()): letter
    for alphabets in _ALPHABETS.values()
    for alphabet in alphabets
    for letter in alphabet
    if letter not in "ıß"
}
