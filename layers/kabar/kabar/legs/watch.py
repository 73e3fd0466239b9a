"""The circuit breaker of a lane: what receipts and replies say of what it and earlier legs have just sent [F8]."""

import threading
from collections.abc import Callable, Mapping, Sequence

from kabar.domain.breaker import Limits, verdict
from kabar.domain.slices import Control
from kabar.storage.accounts import Opened
from kabar.storage.chunks import Chunks

EVERY = 5000  # ms between two looks
CHUNKS = 20  # of the newest that are looked at, of the lane's own and of others: some 10,000 recipients each


class Watch:
    """The chunks that a lane has worked on, newest last, and those of earlier legs: a leg may be over before the
    receipts of its messages come.
    """

    def __init__(self, chunks: Chunks, campaign: int, opened: Opened, now: Callable[[], int]) -> None:
        self._chunks = chunks
        self._campaign = campaign
        self._limits = Limits(opened.most_failed, opened.most_opted_out)
        self._earlier: dict[int, bytes] = {}
        self._own: dict[int, bytes] = {}
        self._now = now
        self._looked_at = now()
        self._lock = threading.Lock()

    def begin(self, first: int, last: int, since: int) -> None:
        """A lane of the chunks `first` to `last` begins, of a campaign that has been sending `since` (ms).

        What others have sent since then is watched too, and what is known of it by now counts no more.
        """
        near = range(max(0, first - CHUNKS), last + 1)
        found = self._chunks.several(self._campaign, near, since=since, consistent=True)
        self._earlier = {number: found[number].vector for number in sorted(found)[-CHUNKS:]}

    def touch(self, number: int, vector: bytes) -> None:
        """A chunk is about to be worked on; what its `vector` says by now was said before this lane."""
        with self._lock:
            self._own[number] = vector
            for old in list(self._own)[:-CHUNKS]:
                del self._own[old]

    def look(self) -> str | None:
        """Why the campaign must be paused, or None; also when somebody of the lane looked a moment ago."""
        with self._lock:
            if self._now() - self._looked_at < EVERY:
                return None
            self._looked_at = self._now()
            own = dict(self._own)
        found = self._chunks.several(self._campaign, list(own | self._earlier))

        def told(before: Mapping[int, bytes]) -> str | None:
            known = before.keys() & found.keys()
            return verdict([(before[number], found[number].vector) for number in known], self._limits)

        return told(own) or told(self._earlier)  # apart: many good ones would hide what is wrong by now


class WatchedControl:
    """`kabar.domain.slices.Control` that pauses the campaign when the watch says so."""

    def __init__(self, control: Control, watch: Watch) -> None:
        self._control = control
        self._watch = watch

    def go(self) -> bool:
        reason = self._watch.look()
        if reason:
            self._control.pause(reason)
            return False
        return self._control.go()

    def waits(self, mobiles: Sequence[str]) -> Mapping[str, int]:
        return self._control.waits(mobiles)

    def pause(self, reason: str) -> None:
        self._control.pause(reason)
