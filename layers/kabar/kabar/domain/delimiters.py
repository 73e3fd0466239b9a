"""Which character stands between the cells of a file: decided once, from a sample [D2]."""

import csv
from collections.abc import Callable, Iterator

COMMA = ","
OTHERS = (";", "\t", "|")
SAMPLE_BYTES = 65_536
_SAMPLE_LINES = 500


def delimiter_of(sample: bytes, is_number: Callable[[str], bool]) -> str:
    """Comma, unless most rows hold another delimiter and it leaves more numbers in the first column.

    Where no first column holds a number the most frequent one is taken.
    `sample` is the beginning of the file in UTF-8, perhaps cut within a line.
    """
    lines = [
        row for row in _rows(sample.decode("utf-8", "ignore").splitlines()[:_SAMPLE_LINES]) if row.strip()
    ]
    if len(sample) >= SAMPLE_BYTES and len(lines) > 1:
        lines = lines[:-1]
    holding = {each: sum(each in line for line in lines) for each in (COMMA, *OTHERS)}
    likely = [each for each in OTHERS if holding[each] * 2 > len(lines)]
    if not likely:
        return COMMA
    numbers = dict.fromkeys((COMMA, *likely), 0)
    for each in numbers:
        first_cells = (_first_cell(line, each) for line in lines)
        # a tab in a number is a space like any other, and two cells around it would be glued
        numbers[each] = sum(
            is_number(cell) for cell in first_cells if not any(map(cell.__contains__, OTHERS))
        )
    if any(numbers.values()):
        return max(numbers, key=lambda each: numbers[each])  # comma when they are equal
    return max((COMMA, *likely), key=lambda each: holding[each])


def _rows(lines: list[str]) -> Iterator[str]:
    """Lines, those of one quoted cell as one."""
    held: list[str] = []
    quotes = 0
    for line in lines:
        held.append(line)
        quotes += line.count('"')
        if quotes % 2 == 0:
            yield "\n".join(held)
            held.clear()
    yield from held  # behind a quote that nothing closes


def _first_cell(line: str, delimiter: str) -> str:
    if '"' not in line:
        return line.partition(delimiter)[0]
    try:
        return next(csv.reader((line,), delimiter=delimiter))[0]
    except (csv.Error, StopIteration, IndexError):
        return ""
