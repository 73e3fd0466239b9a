"""Bytes of an XLSX file -> the rows of its first sheet, as those of a CSV file [D2].

A workbook is an archive that somebody else packed: before it is read, everything in it is unpacked once, to
nowhere, and whatever is larger than any list, or not what it says, refuses the file. Names in it are never used.
"""

import datetime as dt
import re
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from typing import IO, Any

from kabar.domain import import_codes as codes
from kabar.domain.csv_rows import MAX_ROW, SHOWN, Row, Run
from kabar.domain.encodings import ARCHIVES, FileRefused

MAX_ROWS = 200_000
MAX_FILE = 32 * 1024 * 1024  # bytes; 200,000 rows with 6 params have about 12 MB
MAX_UNPACKED = 192 * 1024 * 1024
MAX_RATIO = 120  # real sheets come to 5-40
MAX_ENTRIES = 1_000
MAX_CELLS = 4_000_000  # of the rectangle they span; 32 bytes each
# a sheet in one spelling: capitals, double quotes, blanks, and a tag's prefix split off
_PLAIN = bytes.maketrans(b"abcdefghijklmnopqrstuvwxyz':\t\r\n", b'ABCDEFGHIJKLMNOPQRSTUVWXYZ"<   ')
_PLACE = re.compile(rb'R="([A-Z]{0,3})([0-9]{1,7})"')
_EQUALS = re.compile(b" *= *")
_RATIO_FROM = 1024 * 1024  # unpacked bytes from which the ratio counts
_RUN = 1_000  # rows handed over at once
_EXACT = 10**15  # from here on a spreadsheet has lost digits
_WORKBOOK = "xl/workbook.xml"


def read(chunks: Iterable[bytes]) -> Iterator[Run]:
    """Every row that isn't blank; `line` is the row's number in the sheet. Raises FileRefused."""
    with tempfile.NamedTemporaryFile(suffix=".xlsx") as file:
        size = 0
        for chunk in chunks:
            size += len(chunk)
            if size > MAX_FILE:
                raise FileRefused(codes.XLSX_TOO_LARGE)
            file.write(chunk)
        file.flush()
        _check(file)
        yield from _runs(_rows(file.name))


def _check(file: IO[bytes]) -> None:
    """Unpack everything to nowhere."""
    try:
        with zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
            if _WORKBOOK not in archive.namelist():
                raise FileRefused(codes.FILE_IS_ARCHIVE)
            if len(entries) > MAX_ENTRIES or sum(entry.file_size for entry in entries) > MAX_UNPACKED:
                raise FileRefused(codes.XLSX_SUSPICIOUS)
            left = MAX_UNPACKED
            for entry in entries:
                with archive.open(entry) as packed:
                    left -= _unpacked(packed, entry.compress_size, left)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError):
        # broken, or its sizes lie, or encrypted
        raise FileRefused(codes.XLSX_UNREADABLE) from None


def _unpacked(packed: IO[bytes], compressed: int, left: int) -> int:
    """How many bytes come out. Raises FileRefused when these are too many, or an archive, or a vast sheet."""
    size, extent = 0, _Extent()
    while piece := packed.read(256 * 1024):
        if not size and piece.startswith(ARCHIVES):
            raise FileRefused(codes.XLSX_SUSPICIOUS)
        size += len(piece)
        if size > left or (size > _RATIO_FROM and size > MAX_RATIO * max(compressed, 1)):
            raise FileRefused(codes.XLSX_SUSPICIOUS)
        extent.add(piece)
    return size


class _Extent:
    """How large the rectangle is that a sheet's cells span: that much memory is taken, however few they are.

    Read as leniently as the reader of sheets does: either quote, either case, blanks, any prefix.
    """

    def __init__(self) -> None:
        self._last_row = self._rows = self._columns = 0
        self._cells = 0  # of the row that may go on
        self._tag = b""

    def add(self, piece: bytes) -> None:
        """Look at the next bytes of a sheet. Raises FileRefused."""
        tags, bracket, rest = (self._tag + piece).rpartition(b"<")
        self._tag = bracket + rest
        if len(self._tag) > _RATIO_FROM:
            raise FileRefused(codes.XLSX_SUSPICIOUS)
        tags = tags.translate(_PLAIN)
        if b" =" in tags or b"= " in tags:
            tags = _EQUALS.sub(b"=", tags)
        places = set(_PLACE.findall(tags))
        columns = [_column(letters) for letters in {each for each, _ in places}]
        rows = tags.split(b"<ROW")
        cells = [row.count(b"<C ") + row.count(b"<C>") + row.count(b"<C/") for row in rows]
        cells[0] += self._cells
        self._cells = cells[-1]
        self._rows += len(rows) - 1
        self._last_row = max(self._last_row, *(int(row) for _, row in places), 0)
        self._columns = max(self._columns, *columns, *cells)
        # a row without a place is behind the one before it; with one it counts twice
        if (self._last_row + self._rows) * self._columns > 2 * MAX_CELLS:
            raise FileRefused(codes.XLSX_SUSPICIOUS)


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _rows(path: str) -> Iterator[tuple[int, list[Any]]]:
    """(row number, values) of the first sheet."""
    import python_calamine as calamine  # only here, and in no layer but that of imports

    try:
        with calamine.CalamineWorkbook.from_path(path) as book:
            sheet = book.get_sheet_by_index(0)
            if sheet.end is None:
                return
            if sheet.end[0] >= MAX_ROWS:
                raise FileRefused(codes.XLSX_TOO_LONG)
            yield from enumerate(map(list, sheet.iter_rows()), 1)
    except (calamine.CalamineError, OSError, IndexError):
        raise FileRefused(codes.XLSX_UNREADABLE) from None


def _runs(rows: Iterable[tuple[int, list[Any]]]) -> Iterator[Run]:
    found: dict[int, Row] = {}
    first = last = 1
    for line, values in rows:
        cells = [_text(value) for value in values]
        while cells and not cells[-1]:  # the sheet is as wide as its widest row
            cells.pop()
        if any(cell.strip() for cell in cells):
            found[line] = Row(line, *_checked(cells, values[0]))
        last = line
        if len(found) >= _RUN:
            yield Run(first, [""] * (last - first + 1), found)
            first, found = last + 1, {}
    if found:
        yield Run(first, [""] * (last - first + 1), found)


def _checked(cells: list[str], first: Any) -> tuple[list[str], str]:
    """(cells, fault) of a row whose first value is `first`."""
    if sum(map(len, cells)) > MAX_ROW:
        return [cells[0][:SHOWN]], codes.ROW_TOO_LONG
    if any("\0" in cell for cell in cells):
        return cells, codes.NUL_CHARACTER
    if isinstance(first, float) and abs(first) >= _EXACT:
        return cells, codes.DIGITS_LOST
    if not isinstance(first, str) and not (isinstance(first, (int, float)) and cells[0].isdigit()):
        # a date without its dashes, or a fraction without its point, would look like a number
        return cells, codes.NOT_A_NUMBER_CELL
    return cells, ""


def _text(value: Any) -> str:
    """A cell as a person would write it into a CSV file; a whole number keeps all its digits."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < _EXACT else repr(value)
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, (dt.date, dt.time)):
        return value.isoformat()
    return str(value)
