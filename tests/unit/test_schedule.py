"""When a campaign is due: slots, daylight saving, the past, and starts that come too late [F3] [F5]."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kabar.domain import schedule

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
ZONES = sorted(available_timezones())
MINUTE = 60_000


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("wanted", "slot"),
    [
        ("2026-12-01T09:00", "2026-12-01T09:00"),
        ("2026-12-01T09:01", "2026-12-01T09:10"),
        ("2026-12-01T09:00:01", "2026-12-01T09:10"),
        ("2026-12-31T23:51", "2027-01-01T00:00"),
        ("2028-02-28T23:55", "2028-02-29T00:00"),
    ],
)
def test_an_exact_time_is_rounded_up_to_the_slot_and_says_so(wanted: str, slot: str) -> None:
    found = schedule.due(at(wanted), ZoneInfo("Europe/Istanbul"), LONG_AGO)
    assert found.local == at(slot)
    assert found.rounded == (wanted != slot)


@pytest.mark.parametrize(
    ("wanted", "where", "instant"),
    [
        # Auckland's clocks jump from 02:00 to 03:00 on 27 September 2026, at 14:00 UTC the day before
        ("2026-09-27T02:30", "Pacific/Auckland", "2026-09-26T14:00:00+00:00"),
        ("2026-09-27T02:00", "Pacific/Auckland", "2026-09-26T14:00:00+00:00"),
        ("2026-09-27T03:00", "Pacific/Auckland", "2026-09-26T14:00:00+00:00"),
        # and 02:30 exists twice on 5 April 2026: the first is still summer time
        ("2026-04-05T02:30", "Pacific/Auckland", "2026-04-04T13:30:00+00:00"),
        # Lord Howe moves by half an hour
        ("2026-10-04T02:10", "Australia/Lord_Howe", "2026-10-03T15:30:00+00:00"),
        # neither Istanbul nor Jakarta has daylight saving
        ("2026-03-29T02:30", "Europe/Istanbul", "2026-03-28T23:30:00+00:00"),
        ("2026-03-29T02:30", "Asia/Jakarta", "2026-03-28T19:30:00+00:00"),
    ],
)
def test_daylight_saving_opens_at_the_first_existing_instant_and_fires_once(
    wanted: str, where: str, instant: str
) -> None:
    assert schedule.due(at(wanted), ZoneInfo(where), LONG_AGO).at == at(instant)


def test_a_time_in_the_past_is_refused_with_its_zone() -> None:
    now = datetime(2026, 12, 1, 9, 0, tzinfo=UTC)
    with pytest.raises(schedule.BadSchedule, match="2026-12-01T11:50 in Europe/Istanbul has passed"):
        schedule.due(at("2026-12-01T11:50"), ZoneInfo("Europe/Istanbul"), now)
    assert schedule.due(at("2026-12-01T12:00"), ZoneInfo("Europe/Istanbul"), now).at == now


@pytest.mark.parametrize(
    ("wanted", "now", "slot"),
    [
        ("2026-12-01T09:01", "2026-12-01T09:09", None),  # its slot is yet to come
        ("2026-12-01T09:01", "2026-12-01T09:02", None),
        ("2026-12-01T09:00", "2026-12-01T09:01", None),
        # whoever picks the present minute
        ("2026-12-01T09:00", "2026-12-01T09:00:59.999", "2026-12-01T09:00"),
        ("2026-12-01T09:01", "2026-12-01T09:01:30", "2026-12-01T09:10"),
        ("2026-12-01T09:01:10", "2026-12-01T09:01:30", "2026-12-01T09:10"),
        ("2026-12-01T09:02", "2026-12-01T09:01:30", "2026-12-01T09:10"),
    ],
)
def test_the_past_is_told_by_what_was_asked_for_not_by_its_slot(
    wanted: str, now: str, slot: str | None
) -> None:
    where, clock = ZoneInfo("UTC"), at(now).replace(tzinfo=UTC)
    if slot is None:
        with pytest.raises(schedule.BadSchedule, match=f"{wanted} in UTC has passed"):
            schedule.due(at(wanted), where, clock)
    else:
        assert schedule.due(at(wanted), where, clock).local == at(slot)


@pytest.mark.parametrize(
    ("wanted", "now"),
    [
        # in Auckland 02:00 to 03:00 on 27 September 2026 doesn't exist: it means 03:00, at 14:00 UTC the day before
        ("2026-09-27T02:35", "2026-09-26T14:01"),
        # and 02:00 to 03:00 on 5 April 2026 exists twice: 02:35 was at 13:35 UTC, its slot 02:40 at 13:40 UTC
        ("2026-04-05T02:35", "2026-04-04T13:36"),
    ],
)
def test_the_past_is_told_likewise_where_clocks_change(wanted: str, now: str) -> None:
    clock = at(now).replace(tzinfo=UTC)
    with pytest.raises(schedule.BadSchedule, match="has passed"):
        schedule.due(at(wanted), ZoneInfo("Pacific/Auckland"), clock)
    assert schedule.due(at(wanted), ZoneInfo("Pacific/Auckland"), clock - timedelta(minutes=1)).rounded


@pytest.mark.parametrize("name", ["Mars/Phobos", "", "../etc/passwd", "+03:00", "x\0y"])
def test_an_unknown_zone_is_refused_by_name(name: str) -> None:
    with pytest.raises(schedule.BadSchedule, match="no IANA time zone"):
        schedule.zone(name)


@pytest.mark.parametrize("hours", [1, 5, 168])
def test_f47_a_first_start_is_missed_only_beyond_the_grace(hours: int) -> None:
    assert not schedule.is_missed(0, hours * 60 * MINUTE, hours)
    assert schedule.is_missed(0, hours * 60 * MINUTE + 1, hours)


@given(
    st.datetimes(datetime(2025, 1, 1), datetime(2037, 12, 31)),  # noqa: DTZ001  # a wall clock has no zone
    st.sampled_from(ZONES),
)
def test_the_instant_is_the_first_one_whose_wall_clock_is_not_before_the_slot(
    wanted: datetime, name: str
) -> None:
    where = ZoneInfo(name)
    found = schedule.due(wanted, where, LONG_AGO)
    assert found.local.minute % 10 == 0
    assert timedelta(0) <= found.local - wanted < schedule.SLOT
    assert found.at.astimezone(where).replace(tzinfo=None) >= found.local
    earlier = found.at - timedelta(seconds=1)
    assert earlier.astimezone(where).replace(tzinfo=None) < found.local
