"""The speed that people gave one campaign, below its carrier's rate [F8]. [P23]"""

from collections.abc import Callable

from kabar.domain.slices import Pace, Place
from kabar.storage import keys
from kabar.storage.dynamo import Item, Table
from kabar.storage.pace import Meter


class SlowedPace:
    """`kabar.domain.slices.Pace`: the campaign's speed over all its lanes, on top of its sender's `shared` pace.

    Slice by slice: a call goes once the calls before it are paid for. A speed given later starts anew.
    """

    def __init__(self, shared: Pace, table: Table, head: Item, *, now: Callable[[], int]) -> None:
        key = keys.campaign_pace(head["workspace"], head["id"], head["speed_at"])
        self._meter = Meter(table, key, burst=0, now=now)
        self._shared = shared
        self._speed = head["speed"]
        self._own: int | None = None

    def reserve(self, segments: int) -> Place:
        """When `segments` may go. A place of ours is kept until the sender's pace has one too."""
        if self._own is None:
            place = self._meter.advance(lambda *_: int(segments * 1000 / self._speed))
            if not place.taken:
                return place
            self._own = place.at
        place = self._shared.reserve(segments)
        if not place.taken:
            return place
        own, self._own = self._own, None
        return Place(max(own, place.at), taken=True)

    def hold(self, until: int) -> None:
        self._shared.hold(until)
