"""A campaign can be slowed and sped up while it runs [F5] [F8]."""

from collections.abc import Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kabar.domain.campaigns import CONTROL_AGE, lanes, speed
from kabar.domain.slices import Place
from kabar.domain.statuses import Status
from kabar.legs import requests as requests_of_legs
from kabar.legs import send
from kabar.legs.gate import Gate
from kabar.legs.requests import RequestControl
from kabar.legs.send import LegControl
from kabar.storage import keys
from kabar.storage.campaign_pace import SlowedPace
from kabar.storage.dynamo import Table
from kabar.storage.pace import SharedPace
from kabar.storage.reports import report
from tests.functions.api_client import Api, api
from tests.functions.fake_dynamo import FakeDynamo
from tests.functions.gateway_rig import START, Campaign
from tests.functions.leg_rig import TIMING, WORKSPACE, Rig

__all__ = ["api"]


class Unhurried:
    """A sender's pace that lets everything go at once."""

    def reserve(self, segments: int) -> Place:  # noqa: ARG002
        return Place(0, taken=True)

    def hold(self, until: int) -> None: ...


class Clock:
    def __init__(self) -> None:
        self.now = 1_000


def lanes_of(clock: Clock, count: int, per_second: float, table: Table | None = None) -> list[SlowedPace]:
    table = table or Table("workspaces", FakeDynamo())
    head = {"workspace": WORKSPACE, "id": 1, "speed": per_second, "speed_at": 5}
    return [SlowedPace(Unhurried(), table, head, now=lambda: clock.now) for _ in range(count)]


def test_each_call_goes_once_those_before_it_are_paid_for() -> None:
    first, second = lanes_of(Clock(), 2, per_second=10)
    assert [first.reserve(10), second.reserve(20)] == [(1_000, True), (2_000, True)]
    assert not first.reserve(10).taken


def test_what_nobody_will_wait_for_is_not_reserved() -> None:
    """A leg that ends before its slice may go leaves the moment to the next one."""
    clock, table = Clock(), Table("workspaces", FakeDynamo())
    (pace,) = lanes_of(clock, 1, 0.1, table)
    assert pace.reserve(100) == (1_000, True)
    assert [pace.reserve(100).taken for _ in range(9)] == [False] * 9
    clock.now = pace.reserve(100).at
    assert 1_000_000 <= clock.now <= 1_001_000
    assert lanes_of(clock, 1, 0.1, table)[0].reserve(100) == (1_001_000, True)


def test_a_place_at_the_campaigns_speed_is_kept_until_its_sender_has_one_too() -> None:
    clock, table = Clock(), Table("workspaces", FakeDynamo())
    shared = SharedPace(table, WORKSPACE, "http", "3774", rate=10, lanes=1, now=lambda: clock.now)
    shared.hold(30_000)
    head = {"workspace": WORKSPACE, "id": 1, "speed": 1, "speed_at": 5}
    pace = SlowedPace(shared, table, head, now=lambda: clock.now)
    while not (place := pace.reserve(1)).taken:
        clock.now = place.at
    assert place.at == 30_000
    own = table.get(keys.campaign_pace(WORKSPACE, 1, 5))
    assert own
    assert own["next"] == 2_000  # paid for once


@pytest.mark.parametrize("before", [0, 10], ids=["the first of all", "later"])
def test_lanes_that_reserve_at_the_same_moment_get_one_place_after_the_other(before: int) -> None:
    dynamo = FakeDynamo()
    first, second = lanes_of(Clock(), 2, 100, Table("workspaces", dynamo))
    if before:
        first.reserve(before)
    others: list[Place] = []
    dynamo.before.append(lambda: others.append(second.reserve(10)))
    places = {first.reserve(10).at, others[0].at}
    assert places == {1_000 + 10 * before, 1_100 + 10 * before}


def test_what_a_carrier_says_of_its_sender_goes_for_a_slowed_campaign_too() -> None:
    clock, table = Clock(), Table("workspaces", FakeDynamo())
    head = {"workspace": WORKSPACE, "id": 1, "speed": 1000, "speed_at": 5}
    lanes = [
        SharedPace(table, WORKSPACE, "http", "3774", rate=10, lanes=2, now=lambda: clock.now)
        for _ in range(2)
    ]
    SlowedPace(lanes[0], table, head, now=lambda: clock.now).hold(30_000)
    assert not lanes[1].reserve(1).taken


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 50), st.integers(0, 3000)), max_size=40),
    st.floats(1, 100),
)
def test_at_no_moment_have_more_segments_gone_than_the_speed_allows_and_one_call(
    calls: list[tuple[int, int, int]], per_second: float
) -> None:
    clock = Clock()
    paces = lanes_of(clock, 4, per_second)
    gone: list[tuple[int, int]] = []
    for lane, segments, later in calls:
        moment, taken = paces[lane].reserve(segments)
        if taken:
            gone.append((moment, segments))
        clock.now += later
    for moment, last in gone:
        until_then = sum(segments for at, segments in gone if at <= moment)
        # each reservation is rounded down to a millisecond
        allowed = per_second * (moment - 1_000 + len(gone)) / 1000 + last
        assert until_then <= allowed + 1e-6


def test_a_new_speed_ends_the_leg_between_two_calls_and_the_next_one_has_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rig = Rig(monkeypatch)
    rig.members(3)
    rig.campaign(1)
    plan = rig.plan(1, 1)
    at = 10_000
    gate = Gate(rig.workspaces, WORKSPACE, None, TIMING)
    monkeypatch.setattr(send, "now", lambda: at)
    control = LegControl(rig.campaigns, gate, rig.head(1), 1, plan["execution"])
    assert control.go()
    rig.campaigns.control(WORKSPACE, 1, "speed", "api:me", at, speed=2.5, speed_at=at)
    at += CONTROL_AGE
    assert not control.go()
    after = rig.plan(1, 2)
    assert LegControl(rig.campaigns, gate, rig.head(1), 2, after["execution"]).go()
    assert (speed(rig.head(1), 100), speed(rig.head(1), 1)) == (2.5, 1)
    rig.campaigns.control(WORKSPACE, 1, "speed", "api:me", at, speed=None, speed_at=at)
    assert speed(rig.head(1), 100) == 100


def test_f5_a_look_that_took_long_is_not_what_a_call_is_made_by(monkeypatch: pytest.MonkeyPatch) -> None:
    """[F5] [G2] The sending hours were told seven seconds late: by then the campaign is paused, or the hours close."""
    rig = Rig(monkeypatch)
    rig.members(3)
    rig.campaign(1)
    plan = rig.plan(1, 1)
    clock = Clock()
    clock.now = 10_000
    looks = 0

    class Slow(Gate):
        def opens(self, now: int, zones: Collection[str] | None = None) -> int | None:
            nonlocal looks
            looks += 1
            if looks == 1:
                clock.now += 7_000
                rig.campaigns.control(WORKSPACE, 1, "pause", "api:me", clock.now)
            return super().opens(now, zones)

    monkeypatch.setattr(send, "now", lambda: clock.now)
    gate = Slow(rig.workspaces, WORKSPACE, None, TIMING)
    assert not LegControl(rig.campaigns, gate, rig.head(1), 1, plan["execution"]).go()
    clock.now, asked = 10_000, list[int]()

    class Closing(Gate):
        def opens(self, now: int, zones: Collection[str] | None = None) -> int | None:  # noqa: ARG002
            asked.append(now)
            clock.now += 7_000 if len(asked) == 1 else 0
            return None if now < 12_000 else 99_000

    monkeypatch.setattr(requests_of_legs, "now", lambda: clock.now)
    assert not RequestControl(Closing(rig.workspaces, WORKSPACE, None, TIMING)).go()
    assert asked == [10_000, 17_000]


def test_the_report_of_a_slow_campaign_follows_its_carrier_within_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """[H1] Segments and cost too, of 160 messages that take minutes at one a second."""
    campaign = Campaign(monkeypatch, "C", 160)
    campaign.rig.change(speed=1, speed_at=START)
    accepted = [(START, 0)]
    seen: list[tuple[int, int, int]] = []
    monkeypatch.setattr(send.SystemClock, "sleep", lambda _, milliseconds: look(milliseconds))

    def look(milliseconds: int) -> None:
        campaign.wait(milliseconds)
        told = report(campaign.rig.head(1), campaign.rig.chunks)
        accepted.append((campaign.now, len(campaign.gateway.accepted)))
        seen.append((campaign.now, told.statuses[Status.SENT], told.segments))

    campaign.leg()
    assert len(seen) > 60
    for at, sent, segments in seen:
        due = max(count for when, count in accepted if when <= max(START, at - 6_000))
        assert sent == segments >= due


def test_a_slow_campaign_has_as_little_work_in_a_leg() -> None:
    assert len(lanes(range(100), 500, speed({"speed": 5}, 1000))) == 2
    assert len(lanes(range(100), 500, speed({}, 1000))) == 10


def test_a_speed_is_set_shown_logged_and_carried_out_by_the_next_leg(api: Api) -> None:
    api.tables.seed("workspaces", keys.carrier("acme", "infobip"), rate=50)
    made = api.call("POST", "/v1/campaigns", api.campaign()).json
    where = f"/v1/campaigns/{made['id']}"
    slowed = api.call("POST", f"{where}/speed", {"segments_per_second": 5})
    assert (slowed.status, slowed.json["segments_per_second"]) == (202, 5)
    assert api.call("GET", where).json["segments_per_second"] == 5
    assert f"{made['id']}-1" in api.clients.started
    told = api.call("GET", "/v1/activity?what=campaign%20speed").json["data"]
    assert [entry["detail"] for entry in told] == [{"status": "scheduled", "speed": 5}]
    free = api.call("POST", f"{where}/speed", {"segments_per_second": None})
    assert (free.status, free.json["segments_per_second"]) == (202, None)


@pytest.mark.parametrize("wanted", [51, 0, -1, "5", None])
def test_a_speed_beyond_the_carriers_rate_or_none_at_all_is_refused_by_name(
    api: Api, wanted: int | str | None
) -> None:
    api.tables.seed("workspaces", keys.carrier("acme", "infobip"), rate=50)
    made = api.call("POST", "/v1/campaigns", api.campaign()).json
    body = {} if wanted is None else {"segments_per_second": wanted}
    answer = api.call("POST", f"/v1/campaigns/{made['id']}/speed", body)
    assert (answer.status, answer.pointers) == (422, ["#/segments_per_second"])


def test_what_is_over_has_no_speed(api: Api) -> None:
    made = api.call("POST", "/v1/campaigns", api.campaign()).json
    key = keys.campaign_head("acme", made["id"])
    api.tables.seed("workspaces", key, **(api.tables.find("workspaces", key) or {}) | {"status": "completed"})
    answer = api.call("POST", f"/v1/campaigns/{made['id']}/speed", {"segments_per_second": 5})
    assert answer.status == 409
