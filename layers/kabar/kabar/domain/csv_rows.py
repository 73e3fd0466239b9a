"""Bytes of a CSV file -> its rows with their physical line numbers, in constant memory [D2].

UTF-8, one delimiter for the whole file, quotes, and lines that end in CRLF, CR or LF. Most rows come as one text,
whose cells are what stands between its NULs: a row that holds NUL has a fault. Lines without quotes are taken apart
a block at a time, those with quotes by the csv module; where a row spans lines, or one has a fault, the block goes
row by row. What can't be read is a row with a fault, and the rows behind it still count.
"""

import csv
import re
from collections.abc import Generator, Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

from kabar.domain import import_codes as codes
from kabar.domain.delimiters import COMMA
from kabar.domain.encodings import EncodingUnsupported, NotUtf8

MAX_ROW = 16_384  # characters; a row within all limits has about 700
MAX_ROW_LINES = 301  # of one row: six params may be all line ends; a quote open for longer is unclosed
SHOWN = 1_000  # characters kept of a row too long to read
BETWEEN = "\0"  # the cells of a line
_BLOCK = 64 * 1024  # bytes taken apart at once; what is made of them stays in the processor's cache
_QUOTE = '"'
_OPENS = BETWEEN + _QUOTE
_SHIFT = re.compile(r"\x1b[$(][$()\w@]")  # into another character set: ISO-2022, which is ASCII bytes as well
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


class Row(NamedTuple):
    """One row that begins in `line`. With a `fault` its cells are what could be read of it."""

    line: int
    cells: list[str]
    fault: str


class Run(NamedTuple):
    """Consecutive lines, the first being `line`: rows with BETWEEN between their cells.

    The odd ones are in `odd` by line, too: with a fault, then their line here is blank; or with cells that need
    quotes, since they begin with one, hold line ends, which are spaces here, or are the only one and blank.
    """

    line: int
    lines: list[str]
    odd: dict[int, Row]


def read(chunks: Iterable[bytes], delimiter: str = COMMA) -> Iterator[Run]:
    """Every line of the file, in order. Raises NotUtf8, EncodingUnsupported."""
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
    if "\x1b" in text and (shift := _SHIFT.search(text)):
        raise EncodingUnsupported(first + _line_count(held[: len(text[: shift.start()].encode())]))
    run, rest = _at_once(first, text, delimiter), b""
    if run is None:
        lines = _LINE.findall(text)
        run = _row_by_row(first, lines, delimiter, final=final)
        rest = "".join(lines[len(run.lines) :]).encode()
    yield run
    return rest, first + len(run.lines)


def _at_once(first: int, text: str, delimiter: str) -> Run | None:
    """The lines of a text in which each is a row without a fault; None when one may not be."""
    if BETWEEN in text or _may_be_long(text):
        return None
    lines = text.replace(delimiter, BETWEEN).split("\r\n" if "\r" in text else "\n")
    if "\r" in text and not text.count("\r") == text.count("\n") == len(lines) - 1:
        return _at_once(first, text.replace("\r\n", "\n").replace("\r", "\n"), delimiter)
    if not lines[-1]:
        lines.pop()
    run = Run(first, lines, {})
    quoted = [at for at, line in enumerate(lines) if _QUOTE in line] if _QUOTE in text else []
    written = [lines[at].replace(BETWEEN, delimiter) for at in quoted]
    try:
        read = [*map(BETWEEN.join, csv.reader(written, delimiter=delimiter, strict=True))]
    except csv.Error:
        return None
    if len(read) < len(quoted):  # a cell spans lines
        return None
    for at, line in zip(quoted, read, strict=True):
        lines[at] = line
        if _needs_quotes(line):
            run.odd[first + at] = Row(first + at, line.split(BETWEEN), "")
    return run


def _may_be_long(text: str) -> bool:
    """Whether a line may be longer than MAX_ROW: surely not if one ends in every half of so many characters."""
    half, end = MAX_ROW // 2, "\n" if "\n" in text else "\r"
    return any(text.find(end, at, at + half) < 0 for at in range(0, len(text) - half, half))


def _needs_quotes(line: str) -> bool:
    return not line.strip() or (_QUOTE in line and (line[0] == _QUOTE or _OPENS in line))


def _row_by_row(first: int, lines: list[str], delimiter: str, *, final: bool) -> Run:
    """The rows of `lines`, which have their ends, but for a last one that goes on behind them."""
    run = Run(first, [], {})
    while (at := len(run.lines)) < len(lines):
        for used, cells in _plainly(lines, at, delimiter):
            line = BETWEEN.join(cells)
            if used > 1:
                line = line.replace("\r", " ").replace("\n", " ")
            if used > 1 or (_QUOTE in lines[at] and _needs_quotes(line)):
                run.odd[first + at] = Row(first + at, cells, "")
            run.lines.append(line)
            run.lines.extend([""] * (used - 1))
            at += used
        if at < len(lines):
            row = _careful_row(lines, at, delimiter, final=final)
            if row is None:
                break
            used, cells, fault = row
            run.odd[first + at] = Row(first + at, cells, fault)
            run.lines.extend([""] * used)
    return run


def _plainly(lines: list[str], at: int, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """(lines used, cells) of the rows from `at` on, as far as nothing is the matter with any."""
    following = map(lines.__getitem__, range(at, len(lines)))
    rows = csv.reader(following, delimiter=delimiter, strict=True)
    start = at
    with suppress(csv.Error):
        for cells in rows:
            used = start + rows.line_num - at
            row = lines[at] if used == 1 else "".join(lines[at : at + used])
            if used >= MAX_ROW_LINES or len(row) > MAX_ROW or BETWEEN in row:
                return
            yield used, cells
            at += used


def _careful_row(
    lines: list[str], at: int, delimiter: str, *, final: bool
) -> tuple[int, list[str], str] | None:
    """(lines used, cells, fault) of the row that begins at `at`; what can't be taken apart is one cell.

    None when it may go on behind the lines.
    """
    line = lines[at].rstrip("\r\n")
    if len(line) > MAX_ROW:
        return 1, [line[:SHOWN]], codes.ROW_TOO_LONG
    used = 1
    try:
        cells = next(csv.reader((line,), delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        if "unexpected end" not in str(error):
            return 1, [line], codes.BAD_QUOTES
        spanning = _spanning_row(lines, at, delimiter, final=final)
        if spanning is None:
            return None
        cells, used = spanning
        if not cells:
            return 1, [line], codes.UNCLOSED_QUOTE
    return used, cells, codes.NUL_CHARACTER if any(BETWEEN in cell for cell in cells) else ""


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
