"""The shared pace: one item per workspace, carrier and sender says when the next segment may go. [P23]"""

import random
import threading
from collections.abc import Callable

from kabar.domain.slices import AHEAD, Place
from kabar.storage import keys
from kabar.storage.dynamo import ConditionFailed, Item, Table

BURST = 1000  # ms a sender may fall behind its pace and catch up
LOOK = 1000  # ms after which a lane looks again before it draws on what it has reserved
SPREAD = (
    200  # ms over which lanes that wait for the same moment ask again, so that it isn't always the same one's
)
EASED = 0.5  # of its rate is left to a sender whose carrier says that it is too fast
LEAST = 1 / 16
FOR_EVER = 1 << 53  # ms
RECOVERY = 60_000  # ms until a sender that was slowed down is at its whole rate again


class Meter:
    """One item whose `next` says when (ms) the next segment may go."""

    def __init__(self, table: Table, key: keys.Key, *, burst: int, now: Callable[[], int]) -> None:
        """`burst` is how far (ms) it may fall behind and catch up."""
        self._table = table
        self._key = key
        self._burst = burst
        self._now = now

    def read(self) -> Item:
        return self._table.get(self._key, consistent=True) or {}

    def advance(self, cost: Callable[[Item, int], int], *, in_line: bool = False) -> Place:
        """Move the moment by `cost(item, now)` ms; where it stood is ours. A lost answer moves it twice: slower.

        `in_line` comes after those who were told to come back.
        """
        while True:
            item, now = self.read(), self._now()
            stored, floor = int(item.get("next", 0)), now - self._burst
            if stored > now + AHEAD:
                return Place(stored - AHEAD + random.randint(1, SPREAD), taken=False)  # noqa: S311  # no secret
            if in_line and item.get("line", 0) > now + AHEAD:
                return Place(item["line"], taken=False)
            try:
                return Place(self._move("next", floor, now + AHEAD, cost(item, now)), taken=True)
            except ConditionFailed:
                continue  # whoever was faster got a place

    def line_up(self, cost: Callable[[Item, int], int]) -> int:
        """When (ms) to come back, in the order of those who asked; nothing is reserved by it."""
        while True:
            item, now = self.read(), self._now()
            floor = max(now, item.get("next", 0))
            try:
                return self._move("line", floor, FOR_EVER, cost(item, now))
            except ConditionFailed:
                continue

    def _move(self, name: str, floor: int, most: int, step: int) -> int:
        """Add `step` to one of the item's moments, which is `floor` at least; where it stood. Raises ConditionFailed
        when it is beyond `most` by now.
        """
        try:
            moved = self._table.update(
                self._key,
                "ADD #moment :step",
                condition="#moment >= :floor AND #moment <= :most",
                names={"#moment": name},
                values={":step": step, ":floor": floor, ":most": most},
            )
            return int(moved[name]) - step
        except ConditionFailed:
            self._table.update(
                self._key,
                "SET #moment = :next",
                condition="attribute_not_exists(#moment) OR #moment < :floor",
                names={"#moment": name},
                values={":next": floor + step, ":floor": floor},
            )
            return floor

    def hold(self, until: int, more: str = "", values: Item | None = None) -> None:
        """Nothing before `until`, unless it is later already; `more` is set besides."""
        for name, also, extra in (("held", more, values), ("next", "", None)):
            try:
                self._table.update(
                    self._key,
                    "SET #moment = :until" + also,
                    condition="attribute_not_exists(#moment) OR #moment < :until",
                    names={"#moment": name},
                    values={":until": until} | (extra or {}),
                )
            except ConditionFailed:
                continue


class SharedPace:
    """`kabar.domain.slices.Pace`: a lane reserves about a second of its share, then its slices draw on it.

    What a carrier's 429 says holds for every lane within a second: nothing goes before its time, and then at half
    the rate, which recovers within a minute. Threads of a lane share one of these.
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
        in_line: bool = False,
    ) -> None:
        """`rate` in segments per second over all lanes; `in_line` comes after those who were told to come back."""
        self._meter = Meter(table, keys.pace(workspace, carrier, sender), burst=BURST, now=now)
        self._rate = rate
        self._share = max(1, int(rate / max(lanes, 1)))
        self._now = now
        self._in_line = in_line
        self._left = 0
        self._ready = 0
        self._again = 0
        self._looked_at = 0
        self._lock = threading.Lock()

    def reserve(self, segments: int) -> Place:
        """When `segments` may go."""
        with self._lock:
            if self._left >= segments and not self._held():
                self._left -= segments
                return Place(self._ready, taken=True)
            if self._now() < self._again:
                return Place(self._again, taken=False)
            wanted = max(segments, self._share)
            lacking = wanted - min(self._left, segments)  # what is left of the last share counts
            place = self._meter.advance(
                lambda item, now: self._cost(lacking, item, now), in_line=self._in_line
            )
            self._looked_at = self._now()
            if place.taken:
                self._ready, self._left = place.at, wanted - segments
            else:
                self._again = place.at
            return place

    def hold(self, until: int) -> None:
        """Nothing before `until` (ms), for every lane, and slower from then on."""
        with self._lock:
            self._left = 0
            now, item = self._now(), self._meter.read()
            if item.get("held_at", 0) > now - LOOK:  # several lanes meet the same refusal
                self._meter.hold(until)
                return
            eased = max(LEAST, _share_left(item, now) * EASED)
            self._meter.hold(until, ", eased = :eased, held_at = :now", {":eased": eased, ":now": now})

    def line_up(self, segments: int) -> int:
        """When (ms) somebody who doesn't wait here should come back for `segments`."""
        return self._meter.line_up(lambda item, now: self._cost(segments, item, now))

    def _held(self) -> bool:
        """Whether another lane was told to wait since our share was reserved; what is left of it is then void."""
        if self._now() - self._looked_at >= LOOK:
            self._looked_at = self._now()
            if self._meter.read().get("held", 0) > self._ready:
                self._left = 0
        return self._left == 0

    def _cost(self, segments: int, item: Item, now: int) -> int:
        return int(segments * 1000 / (self._rate * _share_left(item, now)))


def _share_left(item: Item, now: int) -> float:
    """The part of its rate that the sender may use now."""
    eased = float(item.get("eased", 1.0))
    return min(1.0, eased + max(0, now - int(item.get("held", now))) / RECOVERY)
