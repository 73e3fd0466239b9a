"""Sending hours in every IANA zone around each of its transitions from 2025 to 2037, in over 100 shapes.

The rule is played by a wall clock that ticks every five minutes: no folds, offsets or arithmetic on local times.
Zones whose clocks agree from 2025 to 2037 are one zone here: hours see nothing of a zone but its clock.
"""

import random
from bisect import bisect_left
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import accumulate, pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest

from kabar.domain.hours import SendingHours, Window

PARTS = 4  # so that workers share them
FIRST, LAST = datetime(2025, 1, 1, tzinfo=UTC), datetime(2038, 1, 1, tzinfo=UTC)
TICK = timedelta(minutes=5)
AROUND = timedelta(hours=60)
TICK_MS = 300_000
MASKS = [frozenset(range(7)), frozenset(range(5)), frozenset({5, 6}), frozenset({6})]
LENGTHS = [5, 15, 45, 60, 75, 150, 480, 725, 1380, 1435]  # minutes
STARTS = [0, 30, 55, 60, 115, 120, 150, 180, 235, 540, 1320, 1410, 1435]
SHAPES = [(start, (start + length) % 1440) for start in STARTS for length in LENGTHS]
KNOWN = (  # transitions of the kinds there are: an hour at night, half an hour, at midnight, during Ramadan
    "Pacific/Auckland",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/Nuuk",
)


def transitions(where: ZoneInfo) -> tuple[datetime, ...]:
    """Every instant (to the minute) at which the zone's clock jumps."""
    days = [FIRST + timedelta(days=day) for day in range((LAST - FIRST).days + 1)]
    offsets = [where.utcoffset(day.astimezone(where)) for day in days]
    found = []
    for (day, before), (following, after) in pairwise(zip(days, offsets, strict=True)):
        low, high = day, following
        while before != after and high - low > timedelta(minutes=1):
            middle = low + (high - low) / 2
            if middle.astimezone(where).utcoffset() == before:
                low = middle
            else:
                high = middle
        if before != after:
            found.append(high.replace(second=0, microsecond=0))
    return tuple(found)


@cache
def clocks() -> list[tuple[ZoneInfo, tuple[datetime, ...]]]:
    """One zone for each different clock, with its transitions; a zone without any gets an ordinary day."""
    different = {}
    for name in sorted(available_timezones()):
        where = ZoneInfo(name)
        jumps = transitions(where)
        around = [moment + side for moment in jumps for side in (-timedelta(hours=12), timedelta(hours=12))]
        offsets = tuple(where.utcoffset(m.astimezone(where)) for m in [FIRST, *around])
        different[jumps, offsets] = where
    return [(where, jumps or (datetime(2028, 2, 29, tzinfo=UTC),)) for (jumps, _), where in different.items()]


class WallClock:
    """What a clock on the wall reads at every tick around a moment."""

    def __init__(self, where: ZoneInfo, moment: datetime) -> None:
        count = 2 * AROUND // TICK
        self.start = moment - AROUND
        self.reads = [(self.start + n * TICK).astimezone(where).replace(tzinfo=None) for n in range(count)]
        self._latest = list(accumulate(self.reads, max))

    def reaches(self, local: datetime) -> int | None:
        """The first tick that reads `local` or later; None when it was reached before the first tick."""
        return bisect_left(self._latest, local) if local > self.reads[0] else None

    def windows(self, opens: int, closes: int, days: frozenset[int]) -> list[tuple[int, int]]:
        """The windows that lie between the first tick and the last."""
        found = []
        first, last = self.reads[0].date(), self.reads[-1].date()
        for number in range((last - first).days + 1):
            day = first + timedelta(days=number)
            midnight = datetime.combine(day, time.min)
            end = midnight + timedelta(minutes=closes, days=closes < opens)
            begin = self.reaches(midnight + timedelta(minutes=opens))
            until = self.reaches(end)
            if day.weekday() not in days or begin is None or until is None or until == len(self.reads):
                continue
            if begin < until:
                found.append((begin, until))
        return found


def check(clock: WallClock, hours: SendingHours, wanted: list[tuple[int, int]], pick: random.Random) -> None:
    start = int(clock.start.timestamp() * 1000)
    expected = [Window(start + begin * TICK_MS, start + end * TICK_MS) for begin, end in wanted]
    at = expected[0].opens
    found: list[Window] = []
    while len(found) < len(expected):
        found.append(hours.window(at))
        at = found[-1].closes
    assert found == expected  # none missed, none besides
    window = pick.choice(expected[1:] or expected)
    closings = {each.closes for each in expected}  # in a gap a window may open at the instant another closes
    openings = {each.opens for each in expected}
    inside = pick.randrange(window.opens, window.closes)
    assert hours.is_open(window.opens)
    assert hours.is_open(inside)
    assert hours.is_open(window.closes - 1)
    assert hours.is_open(window.opens - 1) == (window.opens in closings) or window == expected[0]
    assert hours.is_open(window.closes) == (window.closes in openings) or window == expected[-1]
    assert hours.next_opening(window.opens) == window.opens
    assert hours.next_close(inside) == window.closes


@pytest.mark.parametrize("part", range(PARTS))
def test_f48_f49_nothing_goes_out_outside_the_hours_and_no_opening_is_missed_in_any_zone(part: int) -> None:
    pick = random.Random(part)  # noqa: S311  # picks moments, not secrets
    checked = 0
    for where, moments in clocks()[part::PARTS]:
        for moment in moments:
            clock = WallClock(where, moment)
            for number, (opens, closes) in enumerate(SHAPES):
                days = MASKS[0] if number % 2 else pick.choice(MASKS)
                wanted = clock.windows(opens, closes, days)
                if not wanted:
                    continue
                hours = SendingHours(_clock(opens), _clock(closes), days, where)
                check(clock, hours, wanted, pick)
                checked += 1
    assert checked > 50 * len(clocks())


def test_every_zone_and_over_a_hundred_shapes_are_looked_at() -> None:
    assert len(SHAPES) >= 100
    jumping = [where for where, moments in clocks() if len(moments) > 1]
    assert len(jumping) >= 25
    for name in KNOWN:
        where = ZoneInfo(name)
        jumps = transitions(where)
        assert len(jumps) >= 20
        assert any(jumps == moments for _, moments in clocks())


def test_a_wall_clock_reads_what_a_wall_clock_reads() -> None:
    clock = WallClock(ZoneInfo("Pacific/Auckland"), datetime(2026, 4, 4, 14, tzinfo=UTC))
    assert clock.reads.count(datetime(2026, 4, 5, 2, 30)) == 2  # noqa: DTZ001  # what the wall shows
    assert clock.reads[0].date() < date(2026, 4, 5) < clock.reads[-1].date()


def _clock(minutes: int) -> time:
    return time(minutes // 60, minutes % 60)
