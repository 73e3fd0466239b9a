"""Sending hours: when a window is open, daylight saving, midnight, restricted dates, what calls may begin [G1]–[G3]."""

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from kabar.domain.hours import (
    WEEKDAYS,
    BadHours,
    Covered,
    Rules,
    SendingHours,
)

EVERY_DAY = frozenset(range(7))
STORED = {
    "enabled": True,
    "from": "08:00",
    "to": "11:00",
    "weekdays": ["monday", "tuesday", "wednesday", "thursday"],
    "restricted_dates": ["2026-12-24"],
    "covers": ["quick_campaigns", "api_messages"],
}


def ms(text: str) -> int:
    """Epoch milliseconds of a UTC time."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def utc(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%dT%H:%M")


def hours(
    opens: str, closes: str, where: str, days: frozenset[int] = EVERY_DAY, restricted: tuple[str, ...] = ()
) -> SendingHours:
    return SendingHours(
        time.fromisoformat(opens),
        time.fromisoformat(closes),
        days,
        ZoneInfo(where),
        frozenset(map(date.fromisoformat, restricted)),
    )


def windows(which: SendingHours, at: str, count: int) -> list[tuple[str, str]]:
    """The next windows from `at` (UTC) on."""
    found, moment = [], ms(at)
    for _ in range(count):
        window = which.window(moment)
        found.append((utc(window.opens), utc(window.closes)))
        moment = window.closes
    return found


def test_the_example_of_the_source_is_open_on_its_days_and_closed_on_the_others() -> None:
    rules = Rules.of({"timezone": "Europe/Istanbul", "sending_hours": STORED})  # UTC+3 all year
    assert rules
    assert rules.covers == {Covered.QUICK_CAMPAIGNS, Covered.API_MESSAGES}
    assert not rules.hours.is_open(ms("2026-11-26T05:00") - 1)
    assert rules.hours.is_open(ms("2026-11-26T05:00"))  # a Thursday
    assert rules.hours.is_open(ms("2026-11-26T08:00") - 1)
    assert not rules.hours.is_open(ms("2026-11-26T08:00"))
    assert not rules.hours.is_open(ms("2026-11-27T06:00"))  # a Friday
    assert utc(rules.hours.next_opening(ms("2026-11-26T08:00"))) == "2026-11-30T05:00"
    assert utc(rules.hours.next_opening(ms("2026-11-26T05:00"))) == "2026-11-26T05:00"
    assert utc(rules.hours.next_opening(ms("2026-11-26T06:00"))) == "2026-11-30T05:00"
    assert utc(rules.hours.next_close(ms("2026-11-26T06:00"))) == "2026-11-26T08:00"
    assert utc(rules.hours.next_close(ms("2026-11-26T09:00"))) == "2026-11-30T08:00"


@pytest.mark.parametrize("settings", [{}, {"sending_hours": STORED | {"enabled": False}}])
def test_hours_are_off_unless_switched_on(settings: dict[str, object]) -> None:
    assert Rules.of({"timezone": "Europe/Istanbul"} | settings) is None


@pytest.mark.parametrize("where", ["Pacific/Auckland", "Australia/Sydney"])
def test_f48_a_window_in_a_daylight_saving_gap_opens_at_the_first_existing_instant(where: str) -> None:
    # Auckland jumps from 02:00 to 03:00 on 27 September 2026 (14:00 UTC the day before), Sydney on 4 October (16:00)
    day, jump = ("26", "2026-09-26T14:00") if where == "Pacific/Auckland" else ("03", "2026-10-03T16:00")
    at = f"2026-{'09' if day == '26' else '10'}-{day}T12:00"
    (opens, closes), (then, _) = windows(hours("02:30", "03:15", where), at, 2)
    assert opens == jump
    assert ms(closes) - ms(opens) == 15 * 60_000
    assert ms(then) - ms(opens) == 23.5 * 3_600_000
    swallowed = windows(hours("02:10", "02:50", where), at, 1)
    assert ms(swallowed[0][0]) - ms(jump) == (23 * 60 + 10) * 60_000  # there is no such time that day


@pytest.mark.parametrize("where", ["Europe/Istanbul", "Asia/Jakarta"])
def test_f48_zones_without_daylight_saving_open_at_the_same_utc_all_year(where: str) -> None:
    always = hours("02:30", "03:15", where)
    found = windows(always, "2026-01-01T00:00", 365)
    assert len({opens[11:] for opens, _ in found}) == 1
    assert len({opens[:10] for opens, _ in found}) == 365


def test_f49_an_hour_that_exists_twice_opens_nothing_twice_and_lengths_are_those_of_real_time() -> None:
    # Auckland goes from 03:00 back to 02:00 on 5 April 2026 at 14:00 UTC (4 April): 02:00–03:00 exists twice
    inside = windows(hours("02:15", "02:45", "Pacific/Auckland"), "2026-04-04T12:00", 2)
    assert inside == [("2026-04-04T13:15", "2026-04-04T13:45"), ("2026-04-05T14:15", "2026-04-05T14:45")]
    around = windows(hours("01:00", "04:00", "Pacific/Auckland"), "2026-04-04T11:00", 1)
    assert around == [("2026-04-04T12:00", "2026-04-04T16:00")]  # four hours of real time
    across = windows(hours("02:30", "03:30", "Pacific/Auckland"), "2026-04-04T12:00", 2)
    assert across == [("2026-04-04T13:30", "2026-04-04T15:30"), ("2026-04-05T14:30", "2026-04-05T15:30")]


def test_f50_a_window_across_midnight_belongs_to_the_day_it_opens_on() -> None:
    friday = hours("22:00", "06:00", "Europe/Istanbul", frozenset({4}))
    assert friday.is_open(ms("2026-11-28T02:59"))  # Saturday 05:59
    assert not friday.is_open(ms("2026-11-28T03:00"))
    assert not friday.is_open(ms("2026-11-27T02:59"))  # Friday 05:59: Thursday has no window
    assert windows(friday, "2026-11-27T00:00", 2) == [
        ("2026-11-27T19:00", "2026-11-28T03:00"),
        ("2026-12-04T19:00", "2026-12-05T03:00"),
    ]


@pytest.mark.parametrize(
    ("opens", "closes", "days", "why"),
    [("08:00", "08:00", EVERY_DAY, "needs a length"), ("08:00", "11:00", frozenset(), "no weekday")],
)
def test_f51_hours_without_length_or_weekday_are_refused(
    opens: str, closes: str, days: frozenset[int], why: str
) -> None:
    with pytest.raises(BadHours, match=why):
        hours(opens, closes, "Europe/Istanbul", days)


def test_f52_hours_are_wall_clock_times_so_a_changed_rule_moves_the_instant() -> None:
    # Turkey kept summer time in 2016: the same stored hours mean other instants with the rules of either year
    stored = STORED | {"weekdays": list(WEEKDAYS)}
    rules = Rules.of({"timezone": "Europe/Istanbul", "sending_hours": stored})
    assert rules
    assert utc(rules.hours.next_opening(ms("2015-12-01T00:00"))) == "2015-12-01T06:00"
    assert utc(rules.hours.next_opening(ms("2016-12-01T00:00"))) == "2016-12-01T05:00"


def test_f53_each_host_judges_by_its_own_clock_and_windows_have_no_memory() -> None:
    where = hours("08:00", "11:00", "Europe/Istanbul")
    for skew in (-300_000, 0, 300_000):
        at = ms("2026-11-26T07:58") + skew
        assert where.is_open(at) == (at < ms("2026-11-26T08:00"))


def test_f54_windows_open_on_leap_days_and_across_the_end_of_the_year() -> None:
    every = hours("22:00", "02:00", "Europe/Istanbul")
    assert windows(every, "2026-12-31T12:00", 1) == [("2026-12-31T19:00", "2026-12-31T23:00")]
    assert windows(every, "2028-02-28T23:30", 2)[0] == ("2028-02-29T19:00", "2028-02-29T23:00")


def test_nothing_opens_on_a_restricted_date_and_what_is_open_closes_at_its_midnight() -> None:
    night = hours("22:00", "06:00", "Europe/Istanbul", restricted=("2026-12-25",))
    assert windows(night, "2026-12-24T12:00", 2) == [
        ("2026-12-24T19:00", "2026-12-24T21:00"),
        ("2026-12-26T19:00", "2026-12-27T03:00"),
    ]
    day = hours("08:00", "11:00", "Europe/Istanbul", restricted=("2026-12-24", "2026-12-25"))
    assert windows(day, "2026-12-23T12:00", 1) == [("2026-12-26T05:00", "2026-12-26T08:00")]


def test_hours_may_be_those_of_where_the_recipients_are() -> None:
    """[G3]"""
    settings = {"timezone": "Europe/Istanbul", "sending_hours": STORED | {"weekdays": list(WEEKDAYS)}}
    there, here = Rules.of(settings, "Pacific/Auckland"), Rules.of(settings)
    assert there
    assert here
    assert utc(here.hours.next_opening(ms("2026-11-22T00:00"))) == "2026-11-22T05:00"
    assert utc(there.hours.next_opening(ms("2026-11-22T00:00"))) == "2026-11-22T19:00"


@pytest.mark.parametrize(
    ("at", "waits"),
    [
        ("2026-11-26T04:59", "2026-11-26T05:00"),
        ("2026-11-26T05:00", None),
        ("2026-11-26T07:58", None),
        ("2026-11-26T07:59", "2026-11-30T05:00"),  # a call of a minute would end at the close
    ],
)
def test_a_call_has_to_be_over_by_the_close(at: str, waits: str | None) -> None:
    rules = Rules.of({"timezone": "Europe/Istanbul", "sending_hours": STORED})
    assert rules
    found = rules.waits_until(Covered.API_MESSAGES, ms(at), 60_000)
    assert (utc(found) if found else None) == waits
    assert rules.waits_until(Covered.CAMPAIGNS, ms(at), 60_000) is None


def test_half_of_a_window_shorter_than_two_calls_is_for_beginning_them() -> None:
    stored = STORED | {"to": "08:01", "weekdays": list(WEEKDAYS)}
    rules = Rules.of({"timezone": "Europe/Istanbul", "sending_hours": stored})
    assert rules
    opens = ms("2026-11-26T05:00")
    assert rules.waits_until(Covered.API_MESSAGES, opens + 29_999, 300_000) is None
    assert rules.waits_until(Covered.API_MESSAGES, opens + 30_000, 300_000) == opens + 86_400_000
