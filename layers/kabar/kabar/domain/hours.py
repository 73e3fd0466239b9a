"""Sending hours: when messages may go out, in one time zone [G1]–[G3].

A window opens at the first instant at which the wall clock reads `opens` or later, and closes at the first one at
which it reads `closes` or later. So in a daylight-saving gap it opens or closes at the first existing instant (and a
window that lies inside the gap has no length and is none), an hour that exists twice opens nothing a second time, and
lengths are those of real time. Times are epoch milliseconds.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from kabar.domain.schedule import instant, zone

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
RECIPIENT = "recipient"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)
_MS = timedelta(milliseconds=1)


class BadHours(ValueError):
    """Hours that no message could go out in; `args[0]` says why and how to mend it."""


class Covered(StrEnum):
    """Kinds of send that the hours may apply to [G1]."""

    QUICK_CAMPAIGNS = "quick_campaigns"
    API_MESSAGES = "api_messages"
    CAMPAIGNS = "campaigns"


class Window(NamedTuple):
    """From `opens` until just before `closes`."""

    opens: int
    closes: int

    def last(self, call: int) -> int:
        """Until just before when a call may begin that takes `call` ms until its deadline.

        It has to be over by the close, so that whatever the carrier takes is taken inside the window; of a window
        shorter than two such calls, half is for beginning them.
        """
        return self.closes - min(call, (self.closes - self.opens) // 2)


@dataclass(frozen=True, slots=True)
class SendingHours:
    """Daily hours; the weekday (0 is Monday) of a window is that of its opening, also when it crosses midnight.

    On a `restricted` date no window opens, and one that is open since the day before closes at its midnight [G3].
    """

    opens: time
    closes: time
    weekdays: frozenset[int]
    zone: ZoneInfo
    restricted: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        if self.opens == self.closes:
            raise BadHours(f"from and to are both {self.opens:%H:%M}: a window needs a length")
        if not self.weekdays:
            raise BadHours("no weekday is chosen: name at least one, or switch the sending hours off")

    def window(self, at: int) -> Window:
        """The window that is open at `at`, else the next one."""
        return next(window for window in self._windows(at) if window.closes > at)

    def is_open(self, at: int) -> bool:
        return self.window(at).opens <= at

    def next_opening(self, at: int) -> int:
        """The first opening at or after `at`."""
        return next(window.opens for window in self._windows(at) if window.opens >= at)

    def next_close(self, at: int) -> int:
        """When the window that is open at `at` closes, else the next one."""
        return self.window(at).closes

    def _windows(self, at: int) -> Iterator[Window]:
        """Window after window, from the day before `at` on."""
        day = (_EPOCH + at * _MS).astimezone(self.zone).date() - _DAY
        while True:
            if day.weekday() in self.weekdays and day not in self.restricted:
                window = Window(self._at(day, self.opens), self._close_of(day))
                if window.opens < window.closes:
                    yield window
            day += _DAY

    def _close_of(self, day: date) -> int:
        if self.closes > self.opens:
            return self._at(day, self.closes)
        following = day + _DAY
        return self._at(following, time.min if following in self.restricted else self.closes)

    def _at(self, day: date, clock: time) -> int:
        return (instant(datetime.combine(day, clock), self.zone) - _EPOCH) // _MS


@dataclass(frozen=True, slots=True)
class Rules:
    """A workspace's hours and what they cover. `by_recipient`: they are those of each recipient's own zones [G3]."""

    hours: SendingHours
    covers: frozenset[Covered]
    by_recipient: bool = False

    @classmethod
    def of(cls, settings: Mapping[str, Any], timezone: str | None = None) -> "Rules | None":
        """From a workspace's stored settings; None while sending hours are off. Raises BadHours, BadSchedule.

        `sending_hours` is {enabled, from, to (HH:MM), weekdays, restricted_dates (YYYY-MM-DD), covers, zone_of?}.
        `timezone` is where somebody said that the recipients are [G3]; else `zone_of` says whether the hours are the
        workspace's or each recipient's own.
        """
        stored = settings.get("sending_hours")
        if not stored or not stored["enabled"]:
            return None
        hours = SendingHours(
            time.fromisoformat(stored["from"]),
            time.fromisoformat(stored["to"]),
            frozenset(map(WEEKDAYS.index, stored["weekdays"])),
            zone(timezone or settings["timezone"]),
            frozenset(map(date.fromisoformat, stored["restricted_dates"])),
        )
        by_recipient = timezone is None and stored.get("zone_of") == RECIPIENT
        return cls(hours, frozenset(map(Covered, stored["covers"])), by_recipient)

    def apply_to(self, kind: Covered) -> bool:
        """Whether this kind of send waits for the hours; a quick campaign is a campaign too."""
        return bool(self.covers & {kind, Covered.CAMPAIGNS if kind is Covered.QUICK_CAMPAIGNS else kind})

    def waits_until(self, kind: Covered, at: int, call: int) -> int | None:
        """None when a carrier call may begin at `at`, by the hours of their zone; else the opening that it waits for.

        A call may take `call` ms until its deadline.
        """
        if not self.apply_to(kind):
            return None
        window = self.hours.window(at)
        if at < window.opens:
            return window.opens
        return None if at < window.last(call) else self.hours.next_opening(window.closes)
