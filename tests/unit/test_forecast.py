"""When a campaign will begin and end [F6]."""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from kabar.domain.forecast import forecast
from kabar.domain.hours import SendingHours

WORKDAYS = SendingHours(time(8), time(11), frozenset(range(5)), ZoneInfo("UTC"))


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def test_without_hours_it_goes_at_its_rate() -> None:
    assert forecast(1000, 500, 50, None) == (1000, 11_000)


def test_it_begins_at_the_opening_and_goes_on_at_the_next_one() -> None:
    friday = ms("2026-11-27T10:00")
    hour = 3600 * 10  # segments at 10 a second
    assert forecast(friday, hour, 10, WORKDAYS) == (friday, ms("2026-11-27T11:00"))
    assert forecast(friday, 2 * hour, 10, WORKDAYS) == (friday, ms("2026-11-30T09:00"))
    assert forecast(ms("2026-11-27T12:00"), hour, 10, WORKDAYS) == (
        ms("2026-11-30T08:00"),
        ms("2026-11-30T09:00"),
    )


def test_what_takes_longer_than_anybody_plans_has_no_end() -> None:
    run = forecast(ms("2026-11-27T10:00"), 10**12, 1, WORKDAYS)
    assert (run.starts, run.ends) == (ms("2026-11-27T10:00"), None)


@given(st.integers(0, 10**7), st.integers(0, 10**12))
def test_the_time_inside_the_hours_is_the_work(segments: int, start: int) -> None:
    run = forecast(start, segments, 100, WORKDAYS)
    assert run.ends is not None
    open_ms, at = 0, run.starts
    while at < run.ends:
        window = WORKDAYS.window(at)
        open_ms += max(0, min(window.closes, run.ends) - max(at, window.opens))
        at = window.closes
    assert open_ms == segments * 10
