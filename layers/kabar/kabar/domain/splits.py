"""A list of many -> lists of a few, in the file's order [D7]."""

from collections.abc import Iterable, Iterator, Mapping

from kabar.domain.imports import PART_ROWS, PartRow

MAX_LISTS = 500
NAME_SUFFIX = len(f" ({MAX_LISTS}/{MAX_LISTS})")


def sizes(rows: int, records: int) -> list[int]:
    """How many rows each list gets: `records`, the last one what is left; one empty list when there are none."""
    return [min(records, rows - start) for start in range(0, max(rows, 1), records)]


def names(name: str, count: int) -> list[str]:
    return [f"{name} ({number}/{count})" for number in range(1, count + 1)]


def parts_per_list(records: int) -> int:
    """How many parts a whole list takes: the parts of list n (from 0) are `n * parts_per_list + 1` and on."""
    return -(-records // PART_ROWS)


def part_count(lists: Iterable[Mapping[str, int]]) -> int:
    """How many parts lists of so many `records` have together."""
    return sum(max(1, parts_per_list(each["records"])) for each in lists)


def recut(parts: Iterable[list[PartRow]], records: int) -> Iterator[list[PartRow]]:
    """The same rows in parts of which none belongs to two lists; at least one part."""
    left, held = records, []  # left: rows that still fit into the list
    empty = True
    for rows in parts:
        held += rows
        while len(held) >= min(PART_ROWS, left):
            size = min(PART_ROWS, left)
            yield held[:size]
            empty = False
            held, left = held[size:], left - size or records
    if held or empty:
        yield held
