"""The hours that several zones have in common, against a clock on the wall of each that is read every quarter [G3]."""

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kabar.domain.hours import WEEKDAYS, Rules
from kabar.domain.recipient_hours import NEVER, RecipientHours

QUARTER = 900_000
CALL = 60_000
ZONES = [
    "Pacific/Auckland",
    "Pacific/Chatham",
    "Asia/Kolkata",
    "Europe/London",
    "America/St_Johns",
    "America/Adak",
]


def rules(opens: str, closes: str, days: Iterable[int] = range(7)) -> Rules:
    hours = {"from": opens, "to": closes, "weekdays": [WEEKDAYS[day] for day in days], "restricted_dates": []}
    stored = {"enabled": True, "covers": ["campaigns"], "zone_of": "recipient"} | hours
    found = Rules.of({"timezone": "UTC", "sending_hours": stored})
    assert found
    assert found.by_recipient
    return found


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def reads(zone: str, at: int) -> datetime:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)).astimezone(ZoneInfo(zone))


@settings(max_examples=150, deadline=None)
@given(
    zones=st.sets(st.sampled_from(ZONES), min_size=1, max_size=3),
    opens=st.integers(0, 23),
    length=st.integers(1, 23),
    days=st.sets(st.integers(0, 6), min_size=1),
    start=st.integers(0, 4 * 365 * 96),
)
def test_law_open_when_the_clock_on_every_wall_says_so_and_no_sooner(
    zones: set[str], opens: int, length: int, days: set[int], start: int
) -> None:
    begin, end = time(opens), time((opens + length) % 24)

    def is_open(zone: str, at: int) -> bool:
        local = reads(zone, at)
        if begin < end:
            return local.weekday() in days and begin <= local.time() < end
        evening = local.time() >= begin and local.weekday() in days
        return evening or (local.time() < end and (local.weekday() - 1) % 7 in days)

    at = ms("2026-05-01T00:00") + start * QUARTER
    if any(reads(zone, at).utcoffset() != reads(zone, at + 9 * 86_400_000).utcoffset() for zone in zones):
        return  # what hours do where clocks jump is said in test_hours_everywhere
    own = RecipientHours(rules(f"{begin:%H:%M}", f"{end:%H:%M}", days), CALL)
    ticks = range(at, at + 8 * 86_400_000, QUARTER)
    common = [all(is_open(zone, tick) for zone in zones) for tick in ticks]
    found = own.opens(" ".join(sorted(zones)), at)
    if common[0]:
        assert found is None
    elif True in common:
        assert found == ticks[common.index(True)]
    else:
        assert found == NEVER or (found is not None and found >= ticks[-1])


@pytest.mark.parametrize(
    ("zones", "at", "opens"),
    [
        ("Europe/Istanbul", "2026-11-26T06:00", None),
        ("Europe/Istanbul", "2026-11-26T07:59:30", "2026-11-27T05:00"),  # a call would outlast the close
        ("Europe/Istanbul Asia/Kolkata", "2026-11-26T00:00", "2026-11-26T05:00"),  # half an hour together
        ("Europe/Istanbul Asia/Kolkata", "2026-11-26T05:30", "2026-11-27T05:00"),
        ("Australia/Perth Australia/Sydney", "2026-11-26T00:00", NEVER),
        ("", "2026-11-26T00:00", NEVER),
    ],
)
def test_all_zones_have_to_be_open_for_a_whole_call(zones: str, at: str, opens: str | int | None) -> None:
    own = RecipientHours(rules("08:00", "11:00"), CALL)
    expected = ms(opens) if isinstance(opens, str) else opens
    assert own.opens(zones, ms(at)) == expected
    assert own.opens(zones, ms(at)) == expected  # remembered


def test_of_several_the_first_opening_counts_unless_something_can_be_done_now() -> None:
    own, at = RecipientHours(rules("08:00", "11:00"), CALL), ms("2026-11-26T04:00")
    assert own.earliest(["America/New_York", "Europe/Istanbul"], at) == ms("2026-11-26T05:00")
    assert own.earliest(["America/New_York", "Asia/Kolkata"], at) is None
    assert own.earliest(["America/New_York", ""], at) is None  # who is never in the hours is told so now
    assert own.earliest([], at) is None


def test_what_was_found_is_looked_at_again_when_its_time_is_over() -> None:
    own = RecipientHours(rules("08:00", "11:00"), CALL)
    assert [own.opens("Europe/Istanbul", ms(f"2026-11-26T0{hour}:00")) for hour in (4, 5, 6, 8)] == [
        ms("2026-11-26T05:00"),
        None,
        None,
        ms("2026-11-27T05:00"),
    ]
