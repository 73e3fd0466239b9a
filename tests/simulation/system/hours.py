"""Sending hours of a run, which count minutes by themselves to say when something may go out [G2]."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from kabar.domain.hours import WEEKDAYS
from tests.simulation.system.kernel import START

TIMEZONE, AHEAD = "Europe/Istanbul", 180  # minutes, all year
PLACES = {"+90532": (180,), "+1212": (-300,), "+44791": (0,), "+6421": (780, 825)}  # in the January of START
DAY = 1440
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CAMPAIGNS, MESSAGES = "campaigns", "api_messages"


@dataclass(frozen=True)
class Hours:
    """Minutes of the day; `weekdays` (0 is Monday) are those of openings, `restricted` days since 1970."""

    opens: int
    closes: int
    covers: tuple[str, ...]
    weekdays: frozenset[int] = frozenset(range(7))
    restricted: frozenset[int] = frozenset()
    by_recipient: bool = False  # those of each recipient's own zones, all of them [G3]

    def stored(self) -> dict[str, Any]:
        """As a workspace's settings keep them."""
        return {
            "enabled": True,
            "from": f"{self.opens // 60:02d}:{self.opens % 60:02d}",
            "to": f"{self.closes // 60:02d}:{self.closes % 60:02d}",
            "weekdays": [WEEKDAYS[day] for day in sorted(self.weekdays)],
            "restricted_dates": [f"{_EPOCH + timedelta(day):%Y-%m-%d}" for day in sorted(self.restricted)],
            "covers": list(self.covers),
            "zone_of": "recipient" if self.by_recipient else "workspace",
        }

    def is_open(self, mobile: str, at: int) -> bool:
        """Whether a message to this number may be taken at `at` (ms)."""
        zones = next(ahead for place, ahead in PLACES.items() if mobile.startswith(place))
        return all(self._open_at(at / 60_000 + ahead) for ahead in (zones if self.by_recipient else (AHEAD,)))

    def _open_at(self, minute: float) -> bool:
        today = int(minute) // DAY
        return any(self._of(day, minute) for day in (today - 1, today))

    def _of(self, day: int, minute: float) -> bool:
        """Whether the window that opens on a day holds this minute."""
        if (day + 3) % 7 not in self.weekdays or day in self.restricted:
            return False
        ends = day * DAY + self.closes
        if self.closes <= self.opens:
            ends = (day + 1) * DAY + (0 if day + 1 in self.restricted else self.closes)
        return day * DAY + self.opens <= minute < ends


def any_hours(random: Random) -> Hours:
    """Mostly closed for minutes, soon after the run begins or as it does; sometimes until the next day."""
    by_recipient = random.random() < 0.4
    ahead = random.choice([zones[0] for zones in PLACES.values()]) if by_recipient else AHEAD
    today, minute = divmod(START // 60_000 + ahead, DAY)
    closes = minute + random.choice((0, 1, 1, 2, 3, 6))
    covers = random.choice(((CAMPAIGNS,), (CAMPAIGNS, MESSAGES), (CAMPAIGNS, MESSAGES), (MESSAGES,)))
    kind = random.random()
    if kind < (0.3 if by_recipient else 0.05):
        return Hours(
            (minute - 300) % DAY, closes % DAY, covers, by_recipient=by_recipient
        )  # goes on tomorrow
    opens = closes + random.choice((1, 2, 5, 20))
    if by_recipient:
        return Hours(opens % DAY, closes % DAY, covers, by_recipient=True)
    if kind < 0.08:
        return Hours(opens, closes, covers, weekdays=frozenset(range(7)) - {(today + 3) % 7})
    if kind < 0.11:
        return Hours(opens, closes, covers, restricted=frozenset({today}))
    return Hours(opens, closes, covers)
