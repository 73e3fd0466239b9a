"""Campaigns in the recipients' own time zones: nobody outside the hours of a zone they may be in, nobody skipped [G3].

Where numbers may be is written here by hand, the hours there are looked through minute by minute.
"""

import itertools
from collections.abc import Callable
from datetime import time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kabar.carriers.base import Answer, Request
from kabar.domain.campaigns import Life
from kabar.domain.handover import AnswerLost
from kabar.domain.hours import WEEKDAYS, SendingHours
from kabar.domain.statuses import Reason, Status, reason_of, status_of
from kabar.legs.gate import opening
from kabar.storage import keys
from kabar.storage.preflights import Preflights
from tests.functions.leg_rig import LIST, TIMING, WORKSPACE
from tests.functions.request_rig import CLOSE, HOUR, MONDAY_8, THURSDAY_9
from tests.functions.test_preflight_is_the_run import findings
from tests.functions.test_window_legs import MINUTE, TimedCarrier, World

ISTANBUL, NEW_YORK, WELLINGTON, SYDNEY, SATELLITE = "+90532", "+1212", "+6421", "+61412", "+87077"
PLACES = {
    ISTANBUL: ["Europe/Istanbul"],
    NEW_YORK: ["America/New_York"],
    "+1213": ["America/Los_Angeles"],
    WELLINGTON: ["Pacific/Auckland", "Pacific/Chatham"],
    "+44791": ["Europe/London"],
    SYDNEY: [  # a mobile may be anywhere in its country
        *(
            "Australia/Perth",
            "Australia/Eucla",
            "Australia/Adelaide",
            "Australia/Brisbane",
            "Australia/Sydney",
        ),
        *("Australia/Lord_Howe", "Indian/Christmas", "Indian/Cocos"),
    ],
}
NEW_YORK_8 = THURSDAY_9 + 7 * HOUR
MARGIN = TIMING.call + TIMING.skew


class WideWorld(World):
    """`sent` says when each number was handed over."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **hours: Any) -> None:
        super().__init__(monkeypatch, **{"zone_of": "recipient"} | hours)
        self.sent: dict[str, int] = {}
        self.carrier: PlacedCarrier = PlacedCarrier(self)

    def people(self, *counts: tuple[str, int]) -> list[str]:
        """Fill the list with so many numbers of each place, in one shard: their order is that of the numbers."""
        mobiles = [f"{place}{number:06d}" for place, count in counts for number in range(count)]
        for mobile in mobiles:
            key = keys.member(LIST, mobile) | {"pk": keys.member_pk(LIST, 0)}
            self.dynamo.seed("members", key, mobile=mobile, params=[], before="absent")
        return mobiles

    def live(self, campaign: int = 1, leg: int = 1) -> str:
        """Leg after leg, each at its time, until nothing follows; the last outcome."""
        for _ in range(60):
            outcome, leg = self.go_on(campaign, leg)
            if outcome not in ("wait", "waiting_for_window"):
                return outcome
            woken = self.wakes_at(campaign, leg)
            assert woken is not None
            self.clock = max(self.clock, woken)
        raise AssertionError("it never ends")

    def statuses(self) -> dict[str, tuple[Status, Reason]]:
        """Of everybody, from the chunks, while all of them are in one."""
        plan = self.head(1)["plan"]
        vector = self.desk.chunks.read(1, 0).vector
        rows = self.desk.plans.read(1, plan, 0)
        return {row.mobile: (status_of(b), reason_of(b)) for row, b in zip(rows, vector, strict=True)}


class PlacedCarrier(TimedCarrier):
    def __init__(self, world: WideWorld) -> None:
        super().__init__(world)
        self._wide = world
        self.third: Callable[[], None] = lambda: None

    def __call__(self, request: Request, seconds: float) -> Answer:
        at, before = self._wide.clock, len(self.accepted)
        answer = super().__call__(request, seconds)
        if len(self.at) == 3:
            self.third()
        self._wide.sent |= dict.fromkeys(self.accepted[before:], at)
        return answer


def place_of(mobile: str) -> str:
    return next(place for place in PLACES if mobile.startswith(place))


def hours_of(mobile: str, opens: time = time(8), closes: time = time(11)) -> list[SendingHours]:
    zones = PLACES[place_of(mobile)]
    return [SendingHours(opens, closes, frozenset(range(4)), ZoneInfo(zone)) for zone in zones]


def first_moment(hours: list[SendingHours], start: int) -> int | None:
    """The first moment from `start` on, it or a quarter of an hour, when all are open, and for a whole call."""
    quarter = 15 * MINUTE
    moments: list[int] = [start, *range(start - start % quarter + quarter, start + 8 * 24 * HOUR, quarter)]
    for at in moments:
        if all(each.is_open(at) and each.is_open(at + MARGIN) for each in hours):
            return at
    return None


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> WideWorld:
    return WideWorld(monkeypatch)


def test_everybody_gets_it_at_the_first_opening_where_they_are_and_nobody_before(world: WideWorld) -> None:
    mobiles = world.people((ISTANBUL, 130), (NEW_YORK, 130), (WELLINGTON, 30), ("+44791", 3))
    world.campaign(1, due_at=THURSDAY_9)
    assert world.live() == "complete"
    assert sorted(world.carrier.accepted) == sorted(mobiles)
    first = {place: first_moment(hours_of(place), THURSDAY_9) for place in PLACES}
    assert world.sent == {mobile: first[place_of(mobile)] for mobile in mobiles}
    assert len(set(world.sent.values())) == 4


def test_between_two_openings_it_waits_for_the_window_without_the_turn(world: WideWorld) -> None:
    world.people((ISTANBUL, 2), (NEW_YORK, 2))
    world.campaign(1, due_at=THURSDAY_9)
    outcome, leg = world.go_on(1, 1)
    assert outcome == "waiting_for_window"
    assert (world.head(1)["status"], world.wakes_at(1, leg)) == (Life.WAITING, NEW_YORK_8)
    assert (world.holder(), world.queue()) == (None, [])
    assert [status for status, _ in world.statuses().values()] == [Status.PENDING] * 2 + [Status.SENT] * 2
    world.campaign(2, due_at=THURSDAY_9, list_id=LIST + 1)
    assert world.go_on(2, 1)[0] == "complete"


def test_a_run_that_crosses_the_close_of_one_zone_goes_on_in_another(world: WideWorld) -> None:
    mobiles = world.people((NEW_YORK, 400), (ISTANBUL, 400))
    world.hours(zone_of="recipient", to="19:00")
    world.clock = THURSDAY_9 + 10 * HOUR - 3 * MINUTE  # three minutes before the close in Istanbul
    world.campaign(1, due_at=world.clock)
    world.carrier.takes = 60_000
    assert world.live() == "complete"
    assert sorted(world.carrier.accepted) == sorted(mobiles)
    closes = time(19)
    for mobile, at in world.sent.items():
        assert all(each.is_open(at) and each.is_open(at + MARGIN) for each in hours_of(mobile, closes=closes))


@pytest.mark.parametrize("place", [SYDNEY, SATELLITE])
def test_who_can_never_be_in_the_hours_is_left_out_with_the_rule_and_holds_up_nobody(
    world: WideWorld, place: str
) -> None:
    """Where it is 8 to 11 in Sydney it is night in Perth; and nobody knows where a satellite telephone is."""
    world.people((ISTANBUL, 3), (place, 2))
    world.campaign(1, due_at=THURSDAY_9)
    assert world.live() == "complete"
    assert world.clock == THURSDAY_9
    assert (
        world.head(1)["totals"]["statuses"] | {"sent": 3, "suppressed": 2}
        == world.head(1)["totals"]["statuses"]
    )
    left_out = (Status.SUPPRESSED, Reason.NO_COMMON_HOURS)
    assert [each for mobile, each in world.statuses().items() if mobile.startswith(place)] == [left_out] * 2


def test_hours_that_all_zones_of_a_number_have_in_common_are_its_hours(world: WideWorld) -> None:
    world.people((SYDNEY, 2))
    world.hours(zone_of="recipient", to="18:00")
    world.campaign(1, due_at=THURSDAY_9)
    assert world.live() == "complete"
    expected = first_moment(hours_of(SYDNEY, closes=time(18)), THURSDAY_9)
    assert set(world.sent.values()) == {expected}


def test_a_number_may_be_in_any_zone_of_its_country_also_when_its_digits_have_a_place_elsewhere(
    world: WideWorld,
) -> None:
    """+61 4 begins like numbers of Sydney in the data, and is every Australian mobile."""
    (mobile,) = world.people((SYDNEY, 1))
    world.hours(zone_of="recipient", to="12:00")  # 8 to 12 in Sydney has ended before it is 8 in Perth
    world.campaign(1, due_at=THURSDAY_9)
    world.live()
    assert mobile not in world.sent


def test_the_option_counts_from_the_moment_it_is_switched_on_also_for_a_run_under_way(
    world: WideWorld,
) -> None:
    mobiles = world.people((NEW_YORK, 600), (ISTANBUL, 600))
    world.hours()
    world.campaign(1, due_at=THURSDAY_9)
    world.carrier.takes = 1000
    world.carrier.third = lambda: world.hours(zone_of="recipient")
    assert world.live() == "complete"
    assert sorted(world.carrier.accepted) == sorted(mobiles)
    late = [mobile for mobile, at in world.sent.items() if at > THURSDAY_9 + 4000]
    assert len(mobiles) - len(late) <= 500
    for mobile in late:
        assert all(each.is_open(world.sent[mobile]) for each in hours_of(mobile))


def test_switched_off_the_hours_are_the_workspaces_again(world: WideWorld) -> None:
    world.people((NEW_YORK, 2), (WELLINGTON, 2))
    world.campaign(1, due_at=THURSDAY_9)
    outcome, leg = world.go_on(1, 1)
    assert (outcome, world.wakes_at(1, leg)) == ("waiting_for_window", NEW_YORK_8)
    world.hours()
    assert (
        opening(world.workspaces, TIMING, world.head(1), world.clock) is None
    )  # so `sweep` would wake it too
    assert world.live(1, leg) == "complete"
    assert set(world.sent.values()) == {THURSDAY_9}


def test_hours_brought_forward_are_seen_by_who_waits(world: WideWorld) -> None:
    world.people((NEW_YORK, 2))
    world.campaign(1, due_at=THURSDAY_9)
    _, leg = world.go_on(1, 1)
    world.hours(**{"zone_of": "recipient", "from": "01:00"})  # it is one o'clock in New York
    assert opening(world.workspaces, TIMING, world.head(1), world.clock) is None
    assert world.live(1, leg) == "complete"
    assert set(world.sent.values()) == {THURSDAY_9}


def test_more_closed_chunks_than_legs_may_stall_fail_nobody(world: WideWorld) -> None:
    """At a low rate a leg looks at one chunk: to find its people's hours closed is progress."""
    mobiles = world.people((NEW_YORK, 15 * 500), (WELLINGTON, 1))
    world.dynamo.seed("workspaces", keys.carrier(WORKSPACE, "infobip"), rate=1, slice=100)
    world.campaign(1, due_at=THURSDAY_9)
    leg, outcome = 1, "go on"
    while outcome == "go on":
        outcome, leg = world.run(1, leg), leg + 1
        assert leg < 40
    assert outcome == "waiting_for_window"
    assert (world.head(1).get("stalled", 0), len(mobiles), world.sent) == (0, 7501, {})


def test_the_rest_of_a_slice_without_an_answer_waits_for_its_hours(world: WideWorld) -> None:
    """The carrier is asked, what it doesn't know goes again: each in their own hours, and nobody twice."""
    mobiles = world.people((ISTANBUL, 2), (NEW_YORK, 2))
    world.campaign(1, due_at=THURSDAY_9)
    world.carrier.answers = [AnswerLost("reset")]
    assert world.live() == "complete"
    assert sorted(world.carrier.accepted) == sorted(mobiles)
    for mobile, at in world.sent.items():
        assert all(each.is_open(at) and each.is_open(at + MARGIN) for each in hours_of(mobile))


def test_a_leg_over_several_zones_may_die_before_any_step(monkeypatch: pytest.MonkeyPatch) -> None:
    for last in itertools.count():
        world = WideWorld(monkeypatch)
        mobiles = world.people((NEW_YORK, 60), (ISTANBUL, 60), (SATELLITE, 1))
        world.campaign(1, due_at=THURSDAY_9)
        with world.steps.dying_before(last):
            world.run(1, 1)
        if not world.steps.died:
            break
        world.clock += 16 * MINUTE  # the switch
        assert world.live(1, 2) == "complete"
        uncertain = world.head(1)["totals"]["statuses"]["uncertain"]
        assert world.head(1)["totals"]["statuses"]["suppressed"] == 1
        assert len(world.carrier.accepted) == len(set(world.carrier.accepted)) >= len(mobiles) - 1 - uncertain
        assert uncertain in (0, 60)
        for mobile, at in world.sent.items():
            assert all(each.is_open(at) and each.is_open(at + MARGIN) for each in hours_of(mobile))
    assert last >= 20


def test_the_pre_flight_says_who_is_left_out_and_when_the_first_and_the_last_get_it(world: WideWorld) -> None:
    """[F6]"""
    world.people((ISTANBUL, 30), (NEW_YORK, 30), (WELLINGTON, 30), (SYDNEY, 2), (SATELLITE, 1))
    world.campaign(1, due_at=THURSDAY_9)
    found = findings(world)
    assert found.not_sent == {"no_common_hours": 3}
    said = Preflights(world.workspaces, world.dispatch).of_campaign(WORKSPACE, 1)
    assert said is not None
    assert world.live() == "complete"
    totals = world.head(1)["totals"]
    assert (totals["segments"], totals["statuses"]["suppressed"]) == (found.estimate.segments, 3)
    assert said["starts_at"] == min(world.sent.values())
    assert said["ends_at"] == max(world.sent.values()) + 3000  # 30 segments at 10 a second


@settings(max_examples=40, deadline=None)
@given(
    counts=st.dictionaries(st.sampled_from(sorted(PLACES)), st.integers(1, 3), min_size=1),
    opens=st.integers(0, 23),
    length=st.integers(1, 23),
    days=st.sets(st.integers(0, 6), min_size=1),
    after=st.integers(0, 7 * 24 * 60),
)
def test_law_nobody_outside_any_of_their_zones_and_no_opening_missed(
    counts: dict[str, int], opens: int, length: int, days: set[int], after: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        begin, end = time(opens), time((opens + length) % 24)
        world = WideWorld(
            patch,
            **{
                "from": f"{begin:%H:%M}",
                "to": f"{end:%H:%M}",
                "weekdays": [WEEKDAYS[day] for day in sorted(days)],
            },
        )
        mobiles = world.people(*counts.items())
        world.clock = start = THURSDAY_9 + after * MINUTE
        world.campaign(1, due_at=start)
        assert world.live() == "complete"
        for place in counts:
            several = [SendingHours(begin, end, frozenset(days), ZoneInfo(zone)) for zone in PLACES[place]]
            moment = first_moment(several, start)
            assert {world.sent.get(mobile) for mobile in mobiles if mobile.startswith(place)} == {moment}


def test_its_times_are_those_of_the_test() -> None:
    assert CLOSE < NEW_YORK_8 < MONDAY_8
