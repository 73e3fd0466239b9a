"""Where the chunks of a plan lie that several wrote side by side: each shard of the list in chunks of its own."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple


class Shard(NamedTuple):
    """What one of them wrote: `recipients` in chunk objects of a `folder`, all full but the last."""

    folder: str
    recipients: int


class Piece(NamedTuple):
    """Rows `first` until before `last` of the object `number` of a folder."""

    folder: str
    number: int
    first: int
    last: int


def pieces(shards: Sequence[Shard], number: int, size: int) -> Iterator[Piece]:
    """What chunk `number` of the whole plan, of `size` rows, is put together from, in the frozen order."""
    start, end = number * size, (number + 1) * size
    before = 0
    for shard in shards:
        first, last = max(start - before, 0), min(end - before, shard.recipients)
        while first < last:
            inside = min(last, (first // size + 1) * size)
            yield Piece(shard.folder, first // size, first % size, first % size + inside - first)
            first = inside
        before += shard.recipients
