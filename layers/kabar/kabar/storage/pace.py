"""The shared pace: one item per workspace, carrier and sender says when the next segment may go. [P23]"""

import random
import time
from collections.abc import Callable

from kabar.storage import keys
from kabar.storage.dynamo import ConditionFailed, Item, Table

BURST = 1000  # ms a sender may fall behind its pace and catch up
LOOK = 1000  # ms after which a lane looks again before it draws on what it has reserved
EASED = 0.5  # of its rate is left to a sender whose carrier says that it is too fast
LEAST = 1 / 16
RECOVERY = 60_000  # ms until a sender that was slowed down is at its whole rate again


class SharedPace:
    """`kabar.domain.slices.Pace`: a lane reserves about a second of its share, then slices draw on it.

    What a carrier's 429 says holds for every lane within a second: nothing goes before its time, and then at half
    the rate, which recovers within a minute.
    """

    def __init__(
        self,
        table: Table,
        workspace: str,
        carrier: str,
        sender: str,
        *,
        rate: float,
        lanes: int,
        now: Callable[[], int],
    ) -> None:
        """`rate` in segments per second over all lanes."""
        self._table = table
        self._key = keys.pace(workspace, carrier, sender)
        self._rate = rate
        self._share = max(1, int(rate / max(lanes, 1)))
        self._now = now
        self._left = 0
        self._ready = 0
        self._looked_at = 0

    def reserve(self, segments: int) -> int:
        """When (ms) `segments` may go."""
        if self._left >= segments and self._ready <= self._now() and not self._held():
            self._left -= segments
            return self._ready
        wanted = max(segments, self._share)
        self._ready = self._advance(
            wanted - min(self._left, segments)
        )  # what is left of the last share counts
        self._left = wanted - segments
        return self._ready

    def hold(self, until: int) -> None:
        """Nothing before `until` (ms), for every lane, and slower from then on."""
        self._left = 0
        now, item = self._now(), self._read()
        if item.get("held_at", 0) <= now - LOOK:  # several lanes meet the same refusal
            eased = max(LEAST, self._share_left(item, now) * EASED)
            self._raise("held", until, ", eased = :eased, held_at = :now", {":eased": eased, ":now": now})
        else:
            self._raise("held", until)
        self._raise("next", until)

    def _raise(self, name: str, until: int, more: str = "", values: Item | None = None) -> None:
        """Set one of the item's moments to `until`, unless it is later already."""
        try:
            self._table.update(
                self._key,
                "SET #moment = :until" + more,
                condition="attribute_not_exists(#moment) OR #moment < :until",
                names={"#moment": name},
                values={":until": until} | (values or {}),
            )
        except ConditionFailed:
            return

    def _held(self) -> bool:
        """Whether another lane was told to wait; what is left of our share is then void."""
        if self._now() - self._looked_at >= LOOK and self._read().get("held", 0) > self._now():
            self._left = 0
        return self._left == 0

    def _advance(self, segments: int) -> int:
        """Move the shared moment by so many segments; where it stood is ours."""
        item = self._read()
        while True:
            now = self._now()
            cost = int(segments * 1000 / (self._rate * self._share_left(item, now)))
            stored = item.get("next", 0)
            start = max(stored, now - BURST)
            try:
                self._table.update(
                    self._key,
                    "SET #next = :next",
                    condition="attribute_not_exists(#next)" if not stored else "#next = :stored",
                    names={"#next": "next"},
                    values={":next": start + cost} | ({":stored": stored} if stored else {}),
                )
            except ConditionFailed:
                time.sleep(random.uniform(0, 0.02))  # noqa: S311  # spreads the lanes that met here
                item = self._read()
                continue
            return int(start)

    def _read(self) -> Item:
        self._looked_at = self._now()
        return self._table.get(self._key, consistent=True) or {}

    @staticmethod
    def _share_left(item: Item, now: int) -> float:
        """The part of its rate that the sender may use now."""
        eased = float(item.get("eased", 1.0))
        return min(1.0, eased + max(0, now - int(item.get("held", now))) / RECOVERY)
