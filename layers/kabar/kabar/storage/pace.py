"""The shared pace: one item per workspace, carrier and sender says when the next segment may go. [P23]"""

import random
import time
from collections.abc import Callable

from kabar.storage import keys
from kabar.storage.dynamo import ConditionFailed, Table

BURST = 1000  # ms a sender may fall behind its pace and catch up


class SharedPace:
    """`kabar.domain.slices.Pace`: a lane reserves about a second of its share, then slices draw on it."""

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

    def reserve(self, segments: int) -> int:
        """When (ms) `segments` may go."""
        if self._left >= segments and self._ready <= self._now():
            self._left -= segments
            return self._ready
        wanted = max(segments, self._share)
        self._ready = self._advance(int(wanted * 1000 / self._rate))
        self._left = wanted - segments
        return self._ready

    def hold(self, until: int) -> None:
        """Nothing before `until` (ms), for every lane."""
        self._left = 0
        try:
            self._table.update(
                self._key,
                "SET #next = :until",
                condition="attribute_not_exists(#next) OR #next < :until",
                names={"#next": "next"},
                values={":until": until},
            )
        except ConditionFailed:
            return  # already held for longer

    def _advance(self, cost: int) -> int:
        """Move the shared moment by `cost` ms; where it stood is ours."""
        item = self._table.get(self._key, consistent=True) or {}
        while True:
            stored = item.get("next", 0)
            start = max(stored, self._now() - BURST)
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
                item = self._table.get(self._key, consistent=True) or {}
                continue
            return int(start)
