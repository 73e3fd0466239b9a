"""When a campaign will begin and end [F6]."""

from dataclasses import replace
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
    assert forecast(1000, [(500, None)], 50) == (1000, 11_000)


def test_it_begins_at_the_opening_and_goes_on_at_the_next_one() -> None:
    friday = ms("2026-11-27T10:00")
    hour = 3600 * 10  # segments at 10 a second
    assert forecast(friday, [(hour, WORKDAYS)], 10) == (friday, ms("2026-11-27T11:00"))
    assert forecast(friday, [(2 * hour, WORKDAYS)], 10) == (friday, ms("2026-11-30T09:00"))
    assert forecast(ms("2026-11-27T12:00"), [(hour, WORKDAYS)], 10) == (
        ms("2026-11-30T08:00"),
        ms("2026-11-30T09:00"),
    )


def test_what_takes_longer_than_anybody_plans_has_no_end() -> None:
    run = forecast(ms("2026-11-27T10:00"), [(10**12, WORKDAYS)], 1)
    assert (run.starts, run.ends) == (ms("2026-11-27T10:00"), None)


@given(st.integers(0, 10**7), st.integers(0, 10**12))
def test_the_time_inside_the_hours_is_the_work(segments: int, start: int) -> None:
    run = forecast(start, [(segments, WORKDAYS)], 100)
    assert run.ends is not None
    open_ms, at = 0, run.starts
    while at < run.ends:
        window = WORKDAYS.window(at)
        open_ms += max(0, min(window.closes, run.ends) - max(at, window.opens))
        at = window.closes
    assert open_ms == segments * 10


def test_a_call_has_to_be_over_by_the_close_so_the_last_ones_wait_for_the_next_opening() -> None:
    run = forecast(ms("2026-11-27T10:00"), [(36_000, WORKDAYS)], 10, call=60_000)
    assert run.ends == ms("2026-11-30T08:01")
    late = ms("2026-11-27T10:59:30")
    assert forecast(late, [(10, WORKDAYS)], 10, call=60_000) == (
        ms("2026-11-30T08:00"),
        ms("2026-11-30T08:00:01"),
    )


def test_recipients_of_several_zones_are_done_when_the_last_of_them_are() -> None:
    """[G3] New York opens at 13:00 UTC, three hours after London's close; each goes at the full rate meanwhile."""
    london, new_york = (
        replace(WORKDAYS, zone=ZoneInfo(name)) for name in ("Europe/London", "America/New_York")
    )
    parts = [(36_000, new_york), (36_000, london)]
    monday = ms("2026-11-30T00:00")
    assert forecast(monday, parts, 10) == (ms("2026-11-30T08:00"), ms("2026-11-30T14:00"))
    assert forecast(ms("2026-11-30T10:30"), parts, 10) == (ms("2026-11-30T10:30"), ms("2026-12-01T08:30"))


def test_parts_that_are_open_together_share_the_rate() -> None:
    parts = [(1000, WORKDAYS), (3000, WORKDAYS)]
    assert forecast(ms("2026-11-30T08:00"), parts, 10) == (ms("2026-11-30T08:00"), ms("2026-11-30T08:06:40"))


@given(
    st.lists(
        st.tuples(st.integers(1, 10**6), st.sampled_from(["UTC", "Asia/Tokyo", "America/Denver"])), min_size=1
    ),
    st.integers(0, 10**12),
)
def test_all_parts_take_as_long_as_the_longest_and_at_most_as_long_as_one_after_the_other(
    drawn: list[tuple[int, str]], start: int
) -> None:
    parts = [(segments, replace(WORKDAYS, zone=ZoneInfo(zone))) for segments, zone in drawn]
    run = forecast(start, parts, 100)
    at = start
    for part in parts:
        at = forecast(at, [part], 100).ends or 0
    assert run.ends is not None
    assert max(forecast(start, [part], 100).ends or 0 for part in parts) - 10 <= run.ends <= at + 10
