"""What the carrier charges for the messages of one chunk, told from its status vector [E3].

Everything it is made of only grows, so it is the same whoever wrote last: a message that nobody knew of counts once
a receipt says that the carrier had it.
"""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from struct import pack, unpack

from kabar.domain.recipients import Row
from kabar.domain.statuses import HANDED_OVER, Status, status_of

ACCEPTED = HANDED_OVER - {Status.UNCERTAIN}
Pair = tuple[int, int]
"""Segments, and their cost in millionths of the campaign's currency."""


@dataclass(frozen=True, slots=True)
class Charges:
    """What each message of a chunk comes to if it is accepted: the pair of `pairs` that its two bytes of `each` name.

    `each` is empty where all come to the same.
    """

    pairs: tuple[Pair, ...] = ()
    each: bytes = b""

    @classmethod
    def of_rows(cls, rows: Sequence[Row]) -> "Charges":
        """Of frozen recipients."""
        return cls.of([(row.segments, row.cost) for row in rows])

    @classmethod
    def of(cls, messages: Sequence[Pair]) -> "Charges":
        """Of the messages of a chunk, in their order."""
        pairs = tuple(dict.fromkeys(messages))
        if len(pairs) < 2:
            return cls(pairs)
        places = {pair: place for place, pair in enumerate(pairs)}
        return cls(pairs, pack(f">{len(messages)}H", *(places[pair] for pair in messages)))

    def total(self, vector: bytes, refused: Collection[int]) -> Pair:
        """Segments and cost of the accepted; `refused` are positions that the carrier's own answer refused.

        A status says no more whether a rejection came with the answer, which costs nothing, or with a receipt.
        """
        if not self.pairs:
            return 0, 0
        places = unpack(f">{len(self.each) // 2}H", self.each) if self.each else (0,) * len(vector)
        counted = Counter(zip(places, vector, strict=False))
        for position in refused:
            if position < len(vector) and status_of(vector[position]) is not Status.RECEIVED:
                counted[places[position], vector[position]] -= 1
        segments = cost = 0
        for (place, byte), times in counted.items():
            if status_of(byte) in ACCEPTED:
                segments += times * self.pairs[place][0]
                cost += times * self.pairs[place][1]
        return segments, cost


def refused_in(vector: bytes) -> list[int]:
    """The positions that a sender's own vector, which knows nothing of receipts, calls rejected."""
    return [position for position, byte in enumerate(vector) if status_of(byte) is Status.REJECTED]
