"""Lanes: how a leg lays them out, and what each of them does side by side [F8]."""

import threading
from dataclasses import replace
from typing import Any

import pytest

from kabar.carriers.base import Answer, Request
from kabar.domain.brakes import BREAKER, NO_RESULTS
from kabar.domain.campaigns import MAX_LANES, Life
from kabar.domain.dispatch import FIRST_SLICE
from kabar.domain.statuses import Status, cell
from kabar.legs import freeze, send
from kabar.legs.gate import Gate
from kabar.legs.send import LegControl
from kabar.legs.watch import EVERY
from kabar.storage import keys
from kabar.storage.dynamo import Item
from tests.functions.gateway_rig import START, Campaign, Gateway
from tests.functions.leg_rig import LIST, TIMING, WORKSPACE, Rig

REFUSED = Answer(200, {}, b'{"status": "poor"}')


@pytest.fixture(autouse=True)
def _pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two recipients to a chunk."""
    monkeypatch.setattr(freeze, "CHUNK_SIZE", 2)


# ---- how they are laid out ------------------------------------------------------------------------------


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Rig:
    made = Rig(monkeypatch)
    made.members(80)
    made.campaign(1)
    return made


def said(rig: Rig, number: int, status: Status) -> None:
    rig.chunks.merge(1, number, bytes([cell(status)]), 1000)


def test_until_the_carrier_has_accepted_something_one_lane_goes_alone(rig: Rig) -> None:
    assert rig.plan(1, 1)["lanes"] == [{"first": 0, "last": 3, "of": 1, "proved": False, "alone": True}]


def test_a_lane_that_goes_alone_ends_with_its_first_slice(rig: Rig) -> None:
    (lane,) = rig.send(1, 1, rig.plan(1, 1))
    assert (lane["outcome"], lane["calls"], lane["accepted"]) == (FIRST_SLICE, 1, 2)


@pytest.mark.parametrize("status", [Status.SUBMITTED, Status.UNCERTAIN, Status.REJECTED, Status.SUPPRESSED])
def test_what_the_carrier_did_not_accept_proves_nothing(rig: Rig, status: Status) -> None:
    rig.plan(1, 1)
    said(rig, 0, status)
    (lane,) = rig.plan(1, 2)["lanes"]
    assert (lane["proved"], lane["alone"]) == (False, True)


@pytest.mark.parametrize("status", [Status.SENT, Status.FAILED, Status.RECEIVED])
@pytest.mark.parametrize("number", [0, 1])
def test_one_message_that_was_accepted_opens_all_lanes(rig: Rig, status: Status, number: int) -> None:
    rig.plan(1, 1)
    said(rig, number, status)
    said(rig, 1 - number, Status.REJECTED)
    lanes = rig.plan(1, 2)["lanes"]
    assert {(lane["of"], lane["proved"], lane["alone"]) for lane in lanes} == {(MAX_LANES, True, False)}
    assert len(lanes) == MAX_LANES


@pytest.mark.parametrize(("connections", "lanes"), [(250, 2), (100, 1), (5, 1)])
def test_lanes_are_as_many_as_the_connections_of_the_account_allow_and_at_least_one(
    rig: Rig, connections: int, lanes: int
) -> None:
    account = keys.carrier(WORKSPACE, "infobip")
    rig.dynamo.seed("workspaces", account, rate=1e6, slice=100, connections=connections)
    rig.plan(1, 1)
    said(rig, 0, Status.SENT)
    assert [lane["of"] for lane in rig.plan(1, 2)["lanes"]] == [lanes] * lanes


# ---- who may send ---------------------------------------------------------------------------------------


def control(rig: Rig, head: Item) -> LegControl:
    return LegControl(rig.campaigns, Gate(rig.workspaces, WORKSPACE, None, TIMING), head, 1, "1-1")


def test_a_sender_looks_at_its_campaign_once_a_second(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [START]
    monkeypatch.setattr(send, "now", lambda: clock[0])
    rig.plan(1, 1)
    watched = control(rig, rig.head(1))
    rig.dynamo.calls.clear()
    for _ in range(30):
        assert watched.go()
        clock[0] += 100
    assert rig.dynamo.calls == ["get_item"] * 3


def test_nobody_sends_for_a_campaign_that_is_gone(rig: Rig) -> None:
    rig.plan(1, 1)
    head = rig.head(1)
    key = keys.campaign_head(WORKSPACE, 1)
    del rig.dynamo.tables["workspaces"][key["pk"], key["sk"]]
    assert not control(rig, head).go()


def test_a_lane_reads_nothing_of_what_is_done(rig: Rig) -> None:
    plan = rig.plan(1, 1)
    for number in range(4):
        rig.chunks.merge(1, number, b"", 1000, close=True)
    rig.bucket.objects.clear()
    (lane,) = rig.send(1, 1, plan)
    assert lane["outcome"] == "passed"


def test_a_lane_reads_nothing_once_another_leg_is_in_charge(rig: Rig) -> None:
    plan = rig.plan(1, 1)
    rig.plan(1, 2)
    rig.bucket.objects.clear()
    (lane,) = rig.send(1, 1, plan)
    assert (lane["outcome"], lane["calls"]) == ("control", 0)


# ---- side by side ---------------------------------------------------------------------------------------


class Threads:
    """A `Call` that notes whose threads call; the first calls of `workers` threads wait for one another."""

    def __init__(self, carrier: Any, workers: int) -> None:
        self._carrier = carrier
        self._meeting = threading.Barrier(workers)
        self.seen: set[str] = set()

    def __call__(self, request: Request, seconds: float) -> Answer:
        name = threading.current_thread().name
        if name.startswith("slice") and name not in self.seen:
            self.seen.add(name)
            self._meeting.wait(timeout=10)
        answer: Answer = self._carrier(request, seconds)
        return answer


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> Campaign:
    """One lane of eight slices of two, through a gateway that takes one message per call and eight connections."""
    monkeypatch.setattr("kabar.domain.campaigns.CHUNKS_PER_LANE", 8)
    campaign = Campaign(monkeypatch, "A", 16)
    campaign.rig.dynamo.seed("workspaces", keys.carrier(WORKSPACE, "http"), rate=1e6, slice=2)
    campaign.rig.opened = replace(campaign.rig.opened, connections=8)
    return campaign


def sent(campaign: Campaign, leg: int = 1) -> dict[str, Any]:
    """What the one lane of this leg says."""
    (lane,) = campaign.rig.send(1, leg, campaign.rig.plan(1, leg, now=campaign.now))
    return lane


def frozen(campaign: Campaign) -> list[str]:
    """The numbers in the order of the plan."""
    plan = campaign.rig.plan(1, 1, now=campaign.now) and campaign.rig.head(1)["plan"]
    return [row.mobile for n in range(plan["chunks"]) for row in campaign.rig.desk.plans.read(1, plan, n)]


def test_calls_of_one_message_use_the_connections_that_the_account_allows(wide: Campaign) -> None:
    threads = Threads(wide.gateway, 4)
    wide.rig.carrier = threads  # type: ignore[assignment]  # another `Call`
    lane = sent(wide)
    assert len(threads.seen) == 4
    assert lane == {
        "outcome": "passed",
        "calls": 8,
        "accepted": 16,
        "suppressed": 0,
        "rejected": 0,
        "doubts": 0,
    }
    assert wide.gateway.accepted == dict.fromkeys(wide.mobiles, 1)


def test_a_call_of_many_messages_is_the_only_one_of_its_lane(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    campaign = Campaign(monkeypatch, "B", 8)
    campaign.rig.opened = replace(campaign.rig.opened, connections=480)
    threads = Threads(campaign.rig.carrier, 1)
    campaign.rig.carrier = threads  # type: ignore[assignment]  # another `Call`
    lane = sent(campaign)
    assert (lane["accepted"], threads.seen) == (8, set())


def test_the_first_slice_goes_alone_also_where_several_could_go_side_by_side(wide: Campaign) -> None:
    wide.gateway.outage = Answer(502)
    lane = sent(wide)
    assert (lane["outcome"], wide.gateway.calls) == (NO_RESULTS, frozen(wide)[:2])


def test_people_who_are_left_out_prove_nothing_of_the_carrier(wide: Campaign) -> None:
    """The first slice is the first that is handed over."""
    left = {str(LIST): {"at": 5, "by": "api:me"}}
    mobiles = frozen(wide)
    for mobile in mobiles[:4]:
        wide.rig.dynamo.seed("people", keys.standing(WORKSPACE, mobile), lists=left)
    wide.gateway.outage = Answer(502)
    lane = sent(wide)
    assert (lane["suppressed"], wide.gateway.calls) == (4, mobiles[4:6])


def test_a_carrier_that_brings_nothing_is_left_in_peace(wide: Campaign) -> None:
    wide.rig.opened = replace(wide.rig.opened, connections=2)
    frozen(wide)
    said(wide.rig, 7, Status.SENT)
    wide.gateway.outage = Answer(502)
    lane = sent(wide, 2)
    assert (lane["outcome"], lane["calls"]) == (NO_RESULTS, BREAKER)
    assert wide.rig.head(1)["wake_at"] > wide.now


@pytest.mark.parametrize("waits", ["slice_0", "slice_1"])
def test_a_campaign_waits_as_long_as_the_worker_that_waits_longest(wide: Campaign, waits: str) -> None:
    """One finds a carrier that is down, the other is refused, for which it waits for nothing but people."""
    wide.rig.opened = replace(wide.rig.opened, connections=4)
    down = threading.Event()
    lost = [0]

    class Failing(Gateway):
        def __call__(self, request: Request, seconds: float) -> Answer:
            name = threading.current_thread().name
            if name == waits:
                lost[0] += 1
                if lost[0] == 2 * BREAKER:
                    down.set()
                return Answer(502)
            if name.startswith("slice"):
                assert down.wait(timeout=10)
                return REFUSED
            return super().__call__(request, seconds)

    wide.rig.carrier = Threads(Failing(dedupes=True), 2)  # type: ignore[assignment]  # another `Call`
    lane = sent(wide)
    assert lane["outcome"] == NO_RESULTS
    assert wide.life is Life.PAUSED
    assert wide.rig.head(1)["wake_at"] > wide.now


def test_a_lane_that_ran_out_of_time_leaves_the_moment_that_another_one_waits_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing can go on before, for any chunk: a carrier that can't be reached."""
    campaign = Campaign(monkeypatch, "B", 8)
    plan = campaign.rig.plan(1, 1, now=campaign.now)
    campaign.rig.campaigns.keep(campaign.rig.head(1), wake_at=START + 60_000)
    (lane,) = campaign.rig.send(1, 1, plan, milliseconds=TIMING.lease - 1)
    assert (lane["outcome"], lane["calls"]) == ("out of time", 0)
    assert campaign.rig.head(1)["wake_at"] == START + 60_000


def test_a_slowed_campaign_keeps_to_its_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = Campaign(monkeypatch, "B", 8)
    campaign.rig.campaigns.control(WORKSPACE, 1, "speed", "api:me", START, speed=1.0, speed_at=START)
    lane = sent(campaign)
    assert lane["accepted"] == 8
    assert campaign.now - START >= 6000


def test_receipts_that_come_while_a_lane_sends_pause_its_campaign(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(freeze, "CHUNK_SIZE", 100)
    campaign = Campaign(monkeypatch, "B", 400)
    rig, accepts = campaign.rig, campaign.rig.carrier
    rig.opened = replace(rig.opened, most_failed=0.5)
    calls = [0]

    def slow(request: Request, seconds: float) -> Answer:
        calls[0] += 1
        campaign.wait(EVERY)
        if calls[0] == 2:
            rig.chunks.merge(1, 0, bytes([cell(Status.FAILED)]) * 100, campaign.now)
        return accepts(request, seconds)

    rig.carrier = slow  # type: ignore[assignment]  # another `Call`
    assert sent(campaign)["outcome"] == "control"
    assert (calls, campaign.life) == ([2], Life.PAUSED)
    assert "failed" in rig.head(1)["status_reason"]
