"""Bytes of a CSV file -> its rows with their physical line numbers, in constant memory [D2].

UTF-8, one delimiter for the whole file, quotes, and lines that end in CRLF, CR or LF. Most lines hold no quote: they
come as a text whose cells are what stands between its commas. Only an odd line goes through the csv module.
What can't be read is a row with a fault, and the rows behind it still count.
"""

import csv
import re
from collections.abc import Generator, Iterable, Iterator
from typing import NamedTuple

from kabar.domain import import_codes as codes
from kabar.domain.delimiters import COMMA
from kabar.domain.encodings import NotUtf8

MAX_ROW = 16_384  # characters; a row within all limits has about 700
MAX_ROW_LINES = 301  # of one row: six params may be all line ends; a quote open for longer is unclosed
SHOWN = 1_000  # characters kept of a row too long to read
_BLOCK = 64 * 1024  # bytes taken apart at once; what is made of them stays in the processor's cache
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


class Row(NamedTuple):
    """One row that begins in `line`. With a `fault` its cells are what could be read of it."""

    line: int
    cells: list[str]
    fault: str


class Run(NamedTuple):
    """Consecutive lines, the first being `line`; most are cells between commas as they stand.

    The odd ones, those with quotes or NUL and those too long, are blank here; `odd` has their rows by line.
    """

    line: int
    lines: list[str]
    odd: dict[int, Row]


def read(chunks: Iterable[bytes], delimiter: str = COMMA) -> Iterator[Run]:
    """Every line of the file, in order. Raises NotUtf8."""
    rest, line = b"", 1
    for held, cut in _blocks(chunks):
        if cut:
            _, line = yield from _runs(line, rest, delimiter, final=True)
            rest = b""
            shown = held.decode("utf-8", "ignore")[:SHOWN]
            yield Run(line, [""], {line: Row(line, [shown], codes.ROW_TOO_LONG)})
            line += 1
        else:
            rest, line = yield from _runs(line, rest + held, delimiter, final=False)
    yield from _runs(line, rest, delimiter, final=True)


def _blocks(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Whole lines, about 64 KiB at a time whatever the size of the chunks.

    Or, with True, the cut beginning of one line that is too long.
    """
    held, skipping = b"", False
    for piece, last in _pieces(chunks):
        held += piece
        if skipping:
            end = _first_end(held, last=last)
            skipping = end is None
            held = held[-1:] if end is None else held[end:]  # a CR may be the half of a CRLF
            if skipping:
                continue
        cut = len(held) if last else _last_end(held)
        if cut:
            yield held[:cut], False
            held = held[cut:]
        if len(held) > _BLOCK:
            yield held[: 4 * SHOWN], True
            held, skipping = held[-1:], True


def _pieces(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Pieces of one size, so that where rows fall doesn't depend on the network; True with the last."""
    held: list[bytes] = []
    size = 0
    for chunk in chunks:
        held.append(chunk)
        size += len(chunk)
        if size <= _BLOCK:
            continue
        joined = b"".join(held)
        full = max(len(joined) - 1, 0) // _BLOCK * _BLOCK
        for at in range(0, full, _BLOCK):
            yield joined[at : at + _BLOCK], False
        held = [joined[full:]]
        size = len(held[0])
    yield b"".join(held), True


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


def _runs(first: int, held: bytes, delimiter: str, *, final: bool) -> Generator[Run, None, tuple[bytes, int]]:
    """Whole lines taken apart; returns a rest to be read with what follows, and the line that is next."""
    if not held:
        return b"", first
    try:
        text = held.decode()
    except UnicodeDecodeError as error:
        raise NotUtf8(first + _line_count(held[: error.start])) from None
    lines, end = _split(text)
    found: dict[int, Row] = {}
    kept: list[str] = []  # the same lines with their ends, once a quoted cell spans several
    done = 0
    for at in _odd(text, lines, end, delimiter):
        if at < done:
            continue  # inside a quoted cell that began before
        used = 1
        cells, fault = _odd_row(lines[at], delimiter)
        if fault == codes.UNCLOSED_QUOTE:
            kept = kept or _LINE.findall(text)
            spanning = _spanning_row(kept, at, delimiter, final=final)
            if spanning is None:
                if at:
                    yield Run(first, _by_commas(lines[:at], delimiter), found)
                return "".join(kept[at:]).encode(), first + at
            if spanning[0]:
                cells, used = spanning
                fault = codes.NUL_CHARACTER if any("\0" in cell for cell in cells) else ""
        found[first + at] = Row(first + at, cells, fault)
        done = at + used
        lines[at:done] = [""] * used
    yield Run(first, _by_commas(lines, delimiter), found)
    return b"", first + len(lines)


def _by_commas(lines: list[str], delimiter: str) -> list[str]:
    """The same lines with a comma for each delimiter; those that held commas are odd."""
    return lines if delimiter == COMMA else "\n".join(lines).replace(delimiter, COMMA).split("\n")


def _split(text: str) -> tuple[list[str], str]:
    """The lines of a text without their ends, and what each ends in; "" when that differs."""
    end = evenly = "\n"
    if "\r" in text:
        both = text.count("\r\n")
        if both == text.count("\r") == text.count("\n"):
            end = evenly = "\r\n"
        else:
            text, evenly = text.replace("\r\n", "\n").replace("\r", "\n"), ""
    lines = text.split(end)
    if not lines[-1]:
        lines.pop()
    return lines, evenly


def _odd(text: str, lines: list[str], end: str, delimiter: str) -> list[int]:
    """Which lines aren't simply cells between commas, counted from 0."""
    if delimiter != COMMA and COMMA in text:
        return [at for at, line in enumerate(lines) if _is_odd(line) or COMMA in line]
    if not end or "\0" in text or max(map(len, lines)) > MAX_ROW:
        return [at for at, line in enumerate(lines) if _is_odd(line)]
    return [*_quoted(text, end)]


def _quoted(text: str, end: str) -> Iterator[int]:
    """Which lines hold a quote, without a look at each."""
    at = line = 0
    while (quote := text.find('"', at)) >= 0:
        line += text.count(end, at, quote)
        yield line
        at = text.find(end, quote)
        if at < 0:
            return


def _is_odd(line: str) -> bool:
    return '"' in line or "\0" in line or len(line) > MAX_ROW


def _odd_row(line: str, delimiter: str) -> tuple[list[str], str]:
    """(cells, fault) of one such line; what can't be taken apart is one cell."""
    if len(line) > MAX_ROW:
        return [line[:SHOWN]], codes.ROW_TOO_LONG
    if '"' not in line:
        return line.split(delimiter), codes.NUL_CHARACTER if "\0" in line else ""
    try:
        cells = next(csv.reader((line,), delimiter=delimiter, strict=True))
    except csv.Error as error:
        return [line], codes.UNCLOSED_QUOTE if "unexpected end" in str(error) else codes.BAD_QUOTES
    return cells, codes.NUL_CHARACTER if "\0" in line else ""


def _spanning_row(kept: list[str], at: int, delimiter: str, *, final: bool) -> tuple[list[str], int] | None:
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
        cells = next(csv.reader(following(), delimiter=delimiter, strict=True))
    except csv.Error as error:
        if "unexpected end" in str(error) and not bounded and not final:
            return None
        return [], 1
    return cells, used
