"""The speed that people gave one campaign, below its carrier's rate [F8]. [P23]"""

import random
import time
from collections.abc import Callable

from kabar.domain.slices import Pace
from kabar.storage import keys
from kabar.storage.dynamo import ConditionFailed, Item, Table


class SlowedPace:
    """`kabar.domain.slices.Pace`: the campaign's speed over all its lanes, on top of its sender's `shared` pace.

    Slice by slice: a call goes once the calls before it are paid for. A speed given later starts anew.
    """

    def __init__(
        self, shared: Pace, table: Table, head: Item, *, horizon: int, now: Callable[[], int]
    ) -> None:
        """What can't go before `horizon` (ms) reserves nothing: nobody will wait for it."""
        self._shared = shared
        self._table = table
        self._key = keys.campaign_pace(head["workspace"], head["id"], head["speed_at"])
        self._speed = head["speed"]
        self._horizon = horizon
        self._now = now

    def reserve(self, segments: int) -> int:
        """When (ms) `segments` may go."""
        while True:
            stored = int((self._table.get(self._key, consistent=True) or {}).get("next", 0))
            start = max(stored, self._now())
            if start > self._horizon or self._advance(stored, start + int(segments * 1000 / self._speed)):
                break
            time.sleep(random.uniform(0, 0.02))  # noqa: S311  # spreads the lanes that met here
        return start if start > self._horizon else max(start, self._shared.reserve(segments))

    def hold(self, until: int) -> None:
        self._shared.hold(until)

    def _advance(self, stored: int, following: int) -> bool:
        """False when another lane reserved since `stored` was read."""
        try:
            self._table.update(
                self._key,
                "SET #next = :next",
                condition="#next = :stored" if stored else "attribute_not_exists(#next)",
                names={"#next": "next"},
                values={":next": following} | ({":stored": stored} if stored else {}),
            )
        except ConditionFailed:
            return False
        return True
