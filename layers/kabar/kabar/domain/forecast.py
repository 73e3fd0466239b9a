"""When a campaign will begin and end, at its rate and inside the sending hours [F6].

It is reckoned from the rate and the hours alone: nothing in the way, every second used in which calls may begin.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

LONGEST = 10 * 366 * 86_400_000  # ms; what takes longer has no end that anybody plans by


class Window(Protocol):
    """From `opens` on; calls that take `call` ms may begin until just before `last(call)`. Epoch ms."""

    @property
    def opens(self) -> int: ...
    @property
    def closes(self) -> int: ...
    def last(self, call: int) -> int: ...


class Hours(Protocol):
    """Sending hours, as `kabar.domain.hours.SendingHours` or what several of them have in common."""

    def window(self, at: int) -> Window | None:
        """The window that is open at `at`, else the next one; None when there is none."""
        ...


class Run(NamedTuple):
    """Epoch ms; `ends` is None for what takes longer than ten years."""

    starts: int
    ends: int | None


@dataclass
class _Part:
    """What is left (ms of work at the full rate) for recipients who have their hours in common."""

    left: float
    hours: Hours | None
    opens: int = 0
    until: int = 0

    def look(self, at: int, call: int) -> None:
        """Know from when until when calls may begin, at `at` or next."""
        if at < self.until:
            return
        self.opens, self.until = at, at + LONGEST
        if self.hours is None:
            return
        window = self.hours.window(at)
        if window and at >= window.last(call):
            window = self.hours.window(window.closes)
        if window is None:
            self.opens = self.until
        else:
            self.opens, self.until = window.opens, window.last(call)


def forecast(start: int, parts: Sequence[tuple[int, Hours | None]], rate: float, call: int = 0) -> Run:
    """From `start` (ms) on, the segments of each part at `rate` per second for all together, in the hours of each.

    Parts that are open at the same moment share the rate by what is left of them.
    """
    left = [_Part(int(segments * 1000 / rate), hours) for segments, hours in parts]
    starts: int | None = None
    at = start
    while at < start + LONGEST:
        for part in left:
            part.look(at, call)
        going = [part for part in left if part.opens <= at]
        if not going:
            at = min((part.opens for part in left), default=at)
        else:
            starts = at if starts is None else starts
            work = sum(part.left for part in going)
            edges = [part.until for part in going] + [part.opens for part in left if part.opens > at]
            until = min(at + round(work), *edges)
            for part in going:
                part.left -= part.left / work * (until - at) if work else 0
            at = until
        left = [part for part in left if part.left >= 1]
        if not left:
            return Run(start if starts is None else starts, at)
    return Run(start if starts is None else starts, None)
