"""What follows a leg: who goes on when, who waits for what, and what the end writes [F4] [F5] [G2]."""

from typing import Any

import pytest

from kabar.domain.campaigns import MAX_STALLED_LEGS, STALLED, Life
from kabar.domain.number_zones import zones_of
from kabar.domain.statuses import Status, cell
from kabar.legs import freeze
from kabar.legs.settle import MOST_PATIENCE
from tests.functions.leg_rig import WORKSPACE, Rig
from tests.functions.request_rig import CLOSE, HOUR, MONDAY_8, THURSDAY_9
from tests.functions.test_campaign_edits import edit
from tests.functions.test_window_legs import MINUTE, World

ISTANBUL, NEW_YORK = zones_of("+905321234567"), zones_of("+12125550123")
SENT, CLAIMED = cell(Status.SENT), cell(Status.SUBMITTED)


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Rig:
    made = Rig(monkeypatch)
    made.members(3)
    for number in (1, 2, 3):
        made.campaign(number)
    return made


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(monkeypatch)
    made.members(3)
    return made


def test_a_leg_of_a_campaign_that_is_gone_settles_nothing(rig: Rig) -> None:
    assert rig.settle(4, 1) == {"outcome": "superseded"}


# ---- what is waited for ---------------------------------------------------------------------------------


def test_a_carrier_that_can_not_be_reached_is_waited_for(rig: Rig) -> None:
    rig.plan(1, 1)
    rig.change(wake_at=90_000)
    assert rig.settle(1, 1) == {"outcome": "wait", "at": 90_000, "settled": 0}
    assert (rig.schedule_at(1, 2), rig.started) == (90, [])


def test_a_leg_that_got_on_is_followed_by_the_next_at_once_however_many_before_it_did_not(rig: Rig) -> None:
    rig.plan(1, 1)
    rig.change(stalled=MAX_STALLED_LEGS, progress=1)
    rig.chunks.merge(1, 0, bytes([SENT, SENT, CLAIMED]), 1000)
    assert rig.settle(1, 1) == {"outcome": "go on", "at": 0, "settled": 2}
    assert (rig.started, rig.head(1)["stalled"]) == ([(1, 2)], 0)


def test_legs_that_settle_nobody_follow_each_other_within_minutes(rig: Rig) -> None:
    rig.plan(1, 1)
    rig.change(stalled=MAX_STALLED_LEGS - 1)
    assert rig.settle(1, 1)["outcome"] == "go on"
    assert rig.schedule_at(1, 2) == (1000 + MOST_PATIENCE) // 1000


def test_a_campaign_that_is_put_off_at_its_turn_lets_the_next_one_go(rig: Rig) -> None:
    """[F4]"""
    plan = rig.plan(1, 1)
    assert [rig.leg(number, 1) for number in (2, 3)] == ["queued"] * 2
    rig.send(1, 1, plan)
    rig.settle(1, 1)
    assert (rig.holder(), rig.started) == (2, [(2, 2)])
    edit(rig, rig.head(2), due_at=HOUR)
    assert rig.leg(2, 2) == "wait"
    assert (rig.holder(), rig.schedule_at(2, 3)) == (3, HOUR // 1000)
    assert (3, 2) in rig.started


def test_a_campaign_that_is_put_off_outside_the_hours_waits_for_its_time(world: World) -> None:
    """And for the window then, if that is closed."""
    world.campaign(1, due_at=CLOSE)
    world.clock = CLOSE
    edit(world, world.head(1), due_at=CLOSE + HOUR)
    assert world.run(1, 1) == "wait"
    assert (world.head(1)["status"], world.wakes_at(1, 2)) == (Life.SCHEDULED, CLOSE + HOUR)


def test_a_run_that_meets_the_close_waits_for_the_window_though_the_clock_is_behind_its_start(
    world: World,
) -> None:
    """F53"""
    world.campaign(1, due_at=CLOSE + MINUTE)
    world.change(status=Life.SENDING.value)
    world.clock = CLOSE
    assert world.run(1, 1) == "waiting_for_window"
    assert world.wakes_at(1, 2) == MONDAY_8


def test_a_campaign_that_is_cancelled_as_it_begins_to_wait_keeps_the_turn_until_it_is_closed(
    world: World,
) -> None:
    """[F4] Its last claims are to be settled before another one sends."""
    for number in (1, 2):
        world.campaign(number, due_at=THURSDAY_9)
        world.plan(number, 1, now=THURSDAY_9)

    def meanwhile() -> None:
        world.campaigns.control(WORKSPACE, 1, "cancel", "api:me", CLOSE)

    world.dynamo.before = [meanwhile]
    assert world.settle(1, 1, now=CLOSE)["outcome"] == "superseded"
    assert world.holder() == 1
    assert world.leg(1, 2, now=CLOSE) == "close"
    assert world.holder() == 2


def chunk(*zones: str, closed: bool = False, wake: int | None = None) -> dict[str, Any]:
    """A chunk's state; without `zones` nobody looked where its people are."""
    return {"close": closed, "wake": wake} | ({"zones": zones} if zones else {})


@pytest.mark.parametrize(
    ("chunks", "zones"),
    [
        ([chunk(ISTANBUL), chunk(NEW_YORK, ISTANBUL)], sorted({ISTANBUL, NEW_YORK})),
        ([chunk(ISTANBUL), chunk(NEW_YORK, closed=True)], [ISTANBUL]),
        ([chunk(ISTANBUL), chunk(closed=True)], [ISTANBUL]),
        ([chunk(ISTANBUL), chunk()], None),
        ([chunk(ISTANBUL)], None),
        ([chunk(ISTANBUL), chunk(NEW_YORK, wake=CLOSE)], sorted({ISTANBUL, NEW_YORK})),
        ([chunk(ISTANBUL), chunk(NEW_YORK, wake=CLOSE + 1)], None),
    ],
)
def test_a_campaign_waits_for_the_zones_of_those_who_are_left_once_all_are_known(
    monkeypatch: pytest.MonkeyPatch, chunks: list[dict[str, Any]], zones: list[str] | None
) -> None:
    """[G3] Where not all are, or somebody waits for something else, somebody may go on before their windows open."""
    monkeypatch.setattr(freeze, "CHUNK_SIZE", 1)
    world = World(monkeypatch, zone_of="recipient")
    world.members(2)
    world.campaign(1, due_at=CLOSE)
    world.change(status=Life.SENDING.value)
    world.hours(enabled=False)
    world.plan(1, 1, now=CLOSE)
    world.hours(zone_of="recipient")
    for number, state in enumerate(chunks):
        world.chunks.merge(1, number, bytes([CLAIMED]), CLOSE, **state)
    waits = world.settle(1, 1, now=CLOSE)["outcome"] == "waiting_for_window"
    assert (waits, world.head(1).get("zones")) == (zones is not None, zones)


# ---- the end --------------------------------------------------------------------------------------------


def test_a_campaign_that_is_complete_ends_at_once_and_without_a_reason(rig: Rig) -> None:
    assert rig.leg(1, 1) == "complete"
    assert (rig.slept, rig.head(1).get("status_reason")) == ([], None)


def test_a_campaign_that_gets_nowhere_ends_with_the_reason_and_everybody_cancelled(rig: Rig) -> None:
    rig.plan(1, 1)
    rig.change(stalled=MAX_STALLED_LEGS)
    assert rig.settle(1, 1)["outcome"] == "fail"
    head = rig.head(1)
    assert (head["status"], head["status_reason"]) == (Life.FAILED, STALLED)
    assert head["totals"]["statuses"]["cancelled"] == 3
