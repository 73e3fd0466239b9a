"""The circuit breaker of a lane: what receipts and replies say of the messages that it has just sent [F8]."""

import threading
from collections.abc import Callable, Mapping, Sequence

from kabar.domain.breaker import Limits, verdict
from kabar.domain.slices import Control
from kabar.storage.accounts import Opened
from kabar.storage.chunks import Chunks

EVERY = 5000  # ms between two looks
CHUNKS = 20  # of the newest that are looked at: some 10,000 recipients


class Watch:
    """The chunks that a lane has worked on, newest last."""

    def __init__(self, chunks: Chunks, campaign: int, opened: Opened) -> None:
        self._chunks = chunks
        self._campaign = campaign
        self._limits = Limits(opened.most_failed, opened.most_opted_out)
        self._before: dict[int, bytes] = {}
        self._lock = threading.Lock()

    def touch(self, number: int) -> None:
        """A chunk is about to be worked on; what it says by now was said before this lane."""
        before = self._chunks.read(self._campaign, number).vector
        with self._lock:
            self._before[number] = before
            for old in list(self._before)[:-CHUNKS]:
                del self._before[old]

    def look(self) -> str | None:
        """Why the campaign must be paused, or None."""
        with self._lock:
            before = dict(self._before)
        found = self._chunks.several(self._campaign, list(before))
        return verdict([(before[number], chunk.vector) for number, chunk in found.items()], self._limits)


class WatchedControl:
    """`kabar.domain.slices.Control` that pauses the campaign when the watch says so."""

    def __init__(self, control: Control, watch: Watch, now: Callable[[], int]) -> None:
        self._control = control
        self._watch = watch
        self._now = now
        self._looked_at = now()

    def go(self) -> bool:
        if self._now() - self._looked_at >= EVERY:
            self._looked_at = self._now()
            reason = self._watch.look()
            if reason:
                self._control.pause(reason)
                return False
        return self._control.go()

    def waits(self, mobiles: Sequence[str]) -> Mapping[str, int]:
        return self._control.waits(mobiles)

    def pause(self, reason: str) -> None:
        self._control.pause(reason)
