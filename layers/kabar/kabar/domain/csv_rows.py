"""Bytes of a CSV file -> its rows with their physical line numbers, in constant memory [D2].

UTF-8 with or without BOM, commas, quotes, and lines that end in CRLF, CR or LF. Most lines hold no quote:
they come as runs of plain lines, whose cells are what stands between their commas. Only a row with a quote
goes through the csv module. What can't be read is a row with a fault, and the rows behind it still count.
"""

import csv
import re
from collections.abc import Generator, Iterable, Iterator
from typing import NamedTuple

from kabar.domain import import_codes as codes

MAX_ROW = 16_384  # characters; a row within all limits has about 700
MAX_ROW_LINES = 100  # how far a quoted cell is followed before its quote counts as unclosed
SHOWN = 1_000  # characters kept of a row too long to read
_BLOCK = 256 * 1024  # bytes taken apart at once
_BOM = b"\xef\xbb\xbf"
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")
_SPECIAL_IN_JSON = bytes(set(range(32)) - set(b"\r\n")) + b"\\"


class EncodingUnsupported(Exception):
    """The bytes are no UTF-8. `line` is where that shows."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line} is not UTF-8")
        self.line = line


class Run(NamedTuple):
    """Consecutive lines without quotes, the first being `line`; blank ones among them.

    `simple` says that none of them holds a backslash or control character.
    """

    line: int
    lines: list[str]
    simple: bool


class Row(NamedTuple):
    """One row that begins in `line`. With a `fault` its cells are what could be read of it."""

    line: int
    cells: list[str]
    fault: str


def read(chunks: Iterable[bytes]) -> Iterator[Run | Row]:
    """Every line of the file, in order. Raises EncodingUnsupported."""
    rest, rest_line = "", 0
    for block in _blocks(chunks):
        if block.cut:
            yield from _rows(rest_line, rest, simple=False, final=True)
            rest = ""
            yield Row(block.line, [block.text[:SHOWN]], codes.ROW_TOO_LONG)
        elif rest:
            rest, rest_line = yield from _rows(rest_line, rest + block.text, simple=False, final=False)
        else:
            rest, rest_line = yield from _rows(block.line, block.text, simple=block.simple, final=False)
    yield from _rows(rest_line, rest, simple=False, final=True)


class _Block(NamedTuple):
    """Whole lines, or the cut beginning of one line that is too long."""

    line: int
    text: str
    simple: bool
    cut: bool = False


def _blocks(chunks: Iterable[bytes]) -> Iterator[_Block]:
    """Text in whole lines, about 256 KiB at a time whatever the size of the chunks."""
    line, held, skipping = 1, b"", False
    for piece, last in _pieces(chunks):
        held += piece
        if skipping:
            end = _first_end(held, last=last)
            skipping = end is None
            held = held[-1:] if end is None else held[end:]  # a CR may be the half of a CRLF
            line += not skipping
            if skipping:
                continue
        cut = len(held) if last else _last_end(held)
        if cut:
            yield _decoded(line, held[:cut])
            line += _line_count(held[:cut])
            held = held[cut:]
        if len(held) > _BLOCK:
            start = held[: 4 * SHOWN].decode("utf-8", "ignore")
            yield _Block(line, start, simple=False, cut=True)
            held, skipping = held[-1:], True


def _pieces(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Pieces of one size, so that where rows fall doesn't depend on the network; True with the last."""
    held = bytearray()
    begun = False
    for chunk in chunks:
        held += chunk
        if not begun and len(held) >= _BLOCK:
            _begin(held)
            begun = True
        while len(held) > _BLOCK:
            yield bytes(held[:_BLOCK]), False
            del held[:_BLOCK]
    if not begun:
        _begin(held)
    yield bytes(held), True


def _begin(held: bytearray) -> None:
    """Drop the BOM. UTF-16 without one is valid UTF-8 full of NULs, so it is refused here."""
    if held.startswith(_BOM):
        del held[: len(_BOM)]
    sample = held[:4096]
    if sample.count(0) * 5 > len(sample):
        raise EncodingUnsupported(1)


def _first_end(held: bytes, *, last: bool) -> int | None:
    """Behind the first line end, or None."""
    found = re.search(rb"\r\n|\n|\r" if last else rb"\r\n|\n|\r(?=[^\n])", held)
    return found.end() if found else None


def _last_end(held: bytes) -> int:
    """Behind the last line end, 0 when there is none; a CR at the very end may be the half of a CRLF."""
    return max(held.rfind(b"\n"), held.rfind(b"\r", 0, len(held) - 1)) + 1


def _line_count(held: bytes) -> int:
    ends = held.count(b"\n")
    return ends + held.count(b"\r") - held.count(b"\r\n") if b"\r" in held else ends


def _decoded(line: int, held: bytes) -> _Block:
    try:
        text = held.decode()
    except UnicodeDecodeError as error:
        raise EncodingUnsupported(line + _line_count(held[: error.start])) from None
    return _Block(line, text, len(held.translate(None, _SPECIAL_IN_JSON)) == len(held))


def _rows(first: int, text: str, *, simple: bool, final: bool) -> Generator[Run | Row, None, tuple[str, int]]:
    """Rows of a text in whole lines; returns a rest to be read with what follows, and its line."""
    if not text:
        return "", 0
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n") if "\r" in text else text.split("\n")
    if not lines[-1]:
        lines.pop()
    kept: list[str] = []  # the same lines with their ends, once a quoted cell spans several
    done = 0
    for at in _odd(text, lines):
        if at < done:
            continue  # inside a quoted cell that began before
        if at > done:
            yield Run(first + done, lines[done:at], simple)
        used = 1
        cells, fault = _odd_row(lines[at])
        if fault == codes.UNCLOSED_QUOTE:
            kept = kept or _LINE.findall(text)
            spanning = _spanning_row(kept, at, final=final)
            if spanning is None:
                return "".join(kept[at:]), first + at
            if spanning[0]:
                cells, used = spanning
                fault = codes.NUL_CHARACTER if any("\0" in cell for cell in cells) else ""
        yield Row(first + at, cells, fault)
        done = at + used
    if done < len(lines):
        yield Run(first + done, lines[done:] if done else lines, simple)
    return "", 0


def _odd(text: str, lines: list[str]) -> list[int]:
    """Which lines aren't simply cells between commas: those with a quote or NUL, and those too long."""
    if "\0" in text or max(map(len, lines)) > MAX_ROW:
        return [at for at, line in enumerate(lines) if '"' in line or "\0" in line or len(line) > MAX_ROW]
    return [at for at, line in enumerate(lines) if '"' in line] if '"' in text else []


def _odd_row(line: str) -> tuple[list[str], str]:
    """(cells, fault) of one such line; what can't be taken apart is one cell."""
    if len(line) > MAX_ROW:
        return [line[:SHOWN]], codes.ROW_TOO_LONG
    if '"' not in line:
        return line.split(","), codes.NUL_CHARACTER
    try:
        cells = next(csv.reader((line,), strict=True))
    except csv.Error as error:
        return [line], codes.UNCLOSED_QUOTE if "unexpected end" in str(error) else codes.BAD_QUOTES
    return cells, codes.NUL_CHARACTER if "\0" in line else ""


def _spanning_row(kept: list[str], at: int, *, final: bool) -> tuple[list[str], int] | None:
    """(cells, lines used) of a row with a quoted cell that spans lines from `at` on.

    No cells when its quote isn't closed within bounds, or closed in the middle of what is another row's cell;
    None when it may go on behind `kept`.
    """
    used, size, bounded = 0, 0, False

    def following() -> Iterator[str]:
        nonlocal used, size, bounded
        for line in kept[at : at + MAX_ROW_LINES]:
            size += len(line)
            if size > MAX_ROW:
                bounded = True
                return
            used += 1
            yield line
        bounded = used == MAX_ROW_LINES

    try:
        cells = next(csv.reader(following(), strict=True))
    except csv.Error as error:
        if "unexpected end" in str(error) and not bounded and not final:
            return None
        return [], 1
    return cells, used
