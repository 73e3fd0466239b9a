"""When a campaign will begin and end, at its rate and inside the sending hours [F6]."""

from typing import NamedTuple, Protocol

MAX_WINDOWS = 3700  # ten years of daily ones; what takes longer has no end that anybody plans by


class Window(Protocol):
    """From `opens` until just before `closes`, in epoch ms."""

    @property
    def opens(self) -> int: ...
    @property
    def closes(self) -> int: ...


class Hours(Protocol):
    """Sending hours, as `kabar.domain.hours.SendingHours`."""

    def window(self, at: int) -> Window:
        """The window that is open at `at`, else the next one."""
        ...


class Run(NamedTuple):
    """Epoch ms; `ends` is None for what takes longer than ten years of windows."""

    starts: int
    ends: int | None


def forecast(start: int, segments: int, rate: float, hours: Hours | None) -> Run:
    """From `start` (ms) on, `segments` at `rate` per second, whenever the hours are open."""
    work = int(segments * 1000 / rate)
    if hours is None:
        return Run(start, start + work)
    starts: int | None = None
    at = start
    for _ in range(MAX_WINDOWS):
        window = hours.window(at)
        at = max(at, window.opens)
        starts = at if starts is None else starts
        if at + work <= window.closes:
            return Run(starts, at + work)
        work -= window.closes - at
        at = window.closes
    return Run(start if starts is None else starts, None)
