"""Which numbers of a file came before, and in which line each of them stood first [D3].

Those of most files fit into a dictionary, with their lines. Once these are too many, a roaring bitmap holds them in
about 2 bytes each, and a file has every one with its line: where those that came again stood first is looked up at
the end. So memory stays bounded as long as numbers are about as dense as a country's are.
"""

import struct
import tempfile
from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterator
from itertools import compress
from operator import ne
from typing import IO, Any, Self

FEW = 250_000  # numbers for a dictionary: 30 MB
_REPEAT = struct.Struct("=QIII")  # number, line, line of the first or 0, bytes of the row behind it
_READ = 65_536  # entries at once


class Duplicates:
    """The numbers of one file, in its order; numbers are integers without their `+`."""

    def __init__(self) -> None:
        self._few: dict[int, int] | None = {}
        self._seen: Any = None  # the bitmaps: of all, …
        self._again: Any = None  # … and of those that came again
        self._numbers, self._lines, self._repeats = (_file() for _ in range(3))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in (self._numbers, self._lines, self._repeats):
            file.close()

    def repeats(self, numbers: list[int], lines: list[int]) -> list[int]:
        """Which of the next numbers came before: their places among them, in order."""
        places = range(len(numbers))
        if self._few is not None:
            found = [*compress(places, map(ne, map(self._few.setdefault, numbers, lines), lines))]
            if len(self._few) > FEW:
                self._put_away(self._few)
            return found
        known = len(self._seen)
        found = [*compress(places, map(self._seen.__contains__, numbers))]
        self._seen.update(numbers)
        self._write(numbers, lines)
        if len(found) + len(self._seen) - known == len(numbers):
            return found
        firsts: dict[int, int] = {}  # some of them are equal
        return sorted({*found, *compress(places, map(ne, map(firsts.setdefault, numbers, places), places))})

    def keep(self, number: int, line: int, row: str) -> None:
        """Note a row whose number came before."""
        first = 0
        if self._few is not None:
            first = self._few[number]
        else:
            self._again.add(number)
        text = row.encode()
        self._repeats.write(_REPEAT.pack(number, line, first, len(text)) + text)

    def kept(self) -> Iterator[tuple[int, int, str]]:
        """(line, line of the first, row) of every row noted, in order."""
        again = array("Q", self._again or ())  # in order, so that a number has a place
        firsts = self._firsts(again)
        self._repeats.seek(0)
        while entry := self._repeats.read(_REPEAT.size):
            number, line, first, size = _REPEAT.unpack(entry)
            yield line, first or firsts[bisect_left(again, number)], self._repeats.read(size).decode()

    def _put_away(self, few: dict[int, int]) -> None:
        from pyroaring import BitMap64  # only here, and in no layer but that of imports

        self._seen, self._again, self._few = BitMap64(few), BitMap64(), None
        self._write(few, few.values())

    def _write(self, numbers: Collection[int], lines: Collection[int]) -> None:
        self._numbers.write(array("Q", numbers).tobytes())
        self._lines.write(array("I", lines).tobytes())

    def _firsts(self, again: "array[int]") -> "array[int]":
        """The line in which each of these numbers stood first."""
        firsts = array("I", bytes(4 * len(again)))
        wanted = {*again} if len(again) <= FEW else self._again  # a set is four times as fast
        self._numbers.seek(0)
        self._lines.seek(0)
        while again and (held := self._numbers.read(8 * _READ)):
            numbers, lines = array("Q", held), array("I", self._lines.read(4 * _READ))
            for place in compress(range(len(numbers)), map(wanted.__contains__, numbers)):
                at = bisect_left(again, numbers[place])
                firsts[at] = firsts[at] or lines[place]
        return firsts


def _file() -> IO[bytes]:
    return tempfile.TemporaryFile()  # closed with the object
