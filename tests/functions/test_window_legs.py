"""Campaigns and the sending hours: a run that meets the close waits, and goes on exactly where it was [G1] [G2]."""

import itertools
from datetime import UTC, datetime
from typing import Any

import pytest

from kabar.carriers.base import Answer, Request
from kabar.domain.campaigns import Life
from kabar.domain.handover import AnswerLost, Unreachable
from kabar.legs import send
from kabar.legs.gate import opening
from kabar.legs.repair import is_abandoned
from kabar.storage import keys
from kabar.storage.dynamo import Item
from tests.functions import leg_rig
from tests.functions.leg_rig import TIMING, WORKSPACE, FakeInfobip, Rig
from tests.functions.request_rig import CLOSE, HOUR, HOURS, MONDAY_8, THURSDAY_9
from tests.functions.test_leg_twins import between

MINUTE = 60_000


class TimedCarrier(FakeInfobip):
    """Each call takes a while of the test's clock; `at` are the times of the calls that handed something over."""

    def __init__(self, world: "World") -> None:
        super().__init__()
        self._world = world
        self.takes = 0
        self.at: list[int] = []

    def __call__(self, request: Request, seconds: float) -> Answer:
        if request.method == "POST":
            self.at.append(self._world.clock)
        self._world.clock += self.takes
        return super().__call__(request, seconds)


class World(Rig):
    """Legs under a clock of the test's."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **hours: Any) -> None:
        super().__init__(monkeypatch)
        self.clock = THURSDAY_9
        self.carrier: TimedCarrier = TimedCarrier(self)
        monkeypatch.setattr(send, "now", lambda: self.clock)
        monkeypatch.setattr(leg_rig, "clock", lambda: self.clock)
        monkeypatch.setattr("kabar.legs.send.time.sleep", self._sleep)
        self.hours(**hours)

    def _sleep(self, seconds: float) -> None:
        self.clock += round(seconds * 1000)

    def hours(self, **changes: Any) -> None:
        stored = HOURS | {"covers": ["campaigns"]} | changes
        self.dynamo.seed(
            "workspaces",
            keys.settings(WORKSPACE),
            timezone="Europe/Istanbul",
            max_digits=15,
            sending_hours=stored,
        )

    def run(self, campaign: int, leg: int) -> str:
        """One leg as the state machine runs it, at the test's clock."""
        plan = self.plan(campaign, leg, now=self.clock)
        if plan["outcome"] == "send":
            self.send(campaign, leg, plan)
        if plan["outcome"] in ("send", "settle"):
            return str(self.settle(campaign, leg, now=self.clock)["outcome"])
        return str(plan["outcome"])

    def go_on(self, campaign: int, leg: int) -> tuple[str, int]:
        """Leg after leg, as they follow one another at once; the last outcome and the leg after it."""
        for following in range(leg, leg + 10):
            outcome = self.run(campaign, following)
            if outcome != "go on":
                return outcome, following + 1
        raise AssertionError("it never ends")

    def wakes_at(self, campaign: int, leg: int) -> int | None:
        found = self.scheduler.schedules.get(f"kabar-{campaign}-{leg}")
        if not found:
            return None
        text = found["ScheduleExpression"].removeprefix("at(").removesuffix(")")
        return utc_ms(text)

    def inside(self) -> bool:
        """Whether every call lay inside a window, its whole deadline included."""
        return all(
            opening(self.workspaces, TIMING, {"workspace": WORKSPACE}, at) is None for at in self.carrier.at
        )


def utc_ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    return World(monkeypatch)


def test_a_run_that_crosses_the_close_waits_and_goes_on_where_it_was(world: World) -> None:
    mobiles = world.members(1000)
    world.campaign(1, due_at=THURSDAY_9)
    world.clock = CLOSE - 3 * MINUTE
    world.carrier.takes = 30_000
    outcome, leg = world.go_on(1, 1)
    assert outcome == "waiting_for_window"
    sent = len(world.carrier.accepted)
    assert 0 < sent < 1000
    assert world.head(1)["status"] == Life.WAITING
    assert world.wakes_at(1, leg) == MONDAY_8
    assert (world.holder(), world.queue()) == (None, [])
    world.clock, world.carrier.takes = MONDAY_8, 0
    assert world.go_on(1, leg)[0] == "complete"
    assert sorted(world.carrier.accepted) == sorted(mobiles)
    assert world.inside()
    assert max(world.carrier.at[: sent // 100]) + TIMING.call + TIMING.skew < CLOSE


def test_no_call_begins_whose_deadline_lies_behind_the_close(world: World) -> None:
    world.members(5)
    world.campaign(1, due_at=THURSDAY_9)
    world.clock = CLOSE - TIMING.call - TIMING.skew
    assert world.run(1, 1) == "waiting_for_window"
    assert world.carrier.at == []
    world.campaign(2, due_at=THURSDAY_9)
    world.clock -= 1
    assert world.go_on(2, 1)[0] == "complete"


def test_a_campaign_that_comes_due_outside_the_hours_waits_without_the_turn_and_is_not_missed(
    world: World,
) -> None:
    """[F5] Time spent waiting for the window doesn't count as late."""
    world.members(3)
    due = THURSDAY_9 + 6 * HOUR
    world.campaign(1, due_at=due)
    world.clock = due
    assert world.run(1, 1) == "waiting_for_window"
    assert "plan" not in world.head(1)
    assert (world.holder(), world.queue()) == (None, [])
    world.clock = world.wakes_at(1, 2) or 0
    assert world.clock == MONDAY_8
    assert world.go_on(1, 2)[0] == "complete"


def test_another_campaign_sends_while_one_waits(world: World) -> None:
    world.members(3)
    world.hours(covers=["quick_campaigns"])
    world.campaign(1, due_at=THURSDAY_9)
    world.dynamo.tables["workspaces"][_place(keys.campaign_head(WORKSPACE, 1))]["quick"] = True
    world.campaign(2, due_at=THURSDAY_9)
    world.clock = CLOSE
    assert world.run(1, 1) == "waiting_for_window"
    assert world.go_on(2, 1)[0] == "complete"


@pytest.mark.parametrize(
    ("covers", "quick", "waits"),
    [
        (["quick_campaigns", "api_messages"], True, True),
        (["quick_campaigns", "api_messages"], False, False),
        (["campaigns"], True, True),
        (["campaigns"], False, True),
        (["api_messages"], True, False),
    ],
)
def test_the_hours_cover_what_the_settings_say(
    world: World, covers: list[str], quick: bool, waits: bool
) -> None:
    world.hours(covers=covers)
    head = {"workspace": WORKSPACE, "quick": quick}
    assert (opening(world.workspaces, TIMING, head, CLOSE) is not None) == waits


def test_f14_what_an_outage_carries_past_the_window_goes_on_at_the_next_opening(world: World) -> None:
    """The provider is down for six hours: the circuit opens, the run waits, then the window does."""
    mobiles = world.members(600)
    world.campaign(1, due_at=THURSDAY_9)
    world.carrier.outage = Unreachable("down")
    world.clock = CLOSE - 10 * MINUTE
    outcome, leg = world.go_on(1, 1)
    for _ in range(100):
        if outcome != "wait":
            break
        world.clock = world.wakes_at(1, leg) or world.clock
        outcome, leg = world.go_on(1, leg)
    assert outcome == "waiting_for_window"
    assert world.head(1)["status"] == Life.WAITING
    world.carrier.outage = None
    world.clock = MONDAY_8
    outcome, leg = world.go_on(1, leg)
    while outcome == "wait":
        world.clock = world.wakes_at(1, leg) or world.clock
        outcome, leg = world.go_on(1, leg)
    assert outcome == "complete"
    assert sorted(world.carrier.accepted) == sorted(mobiles)
    assert world.inside()


def test_a_lost_answer_is_resolved_at_the_next_opening_and_nothing_is_sent_again_outside(
    world: World,
) -> None:
    """By then the carrier's silence is no proof any more: uncertain, and shown so."""
    world.members(3)
    world.campaign(1, due_at=THURSDAY_9)
    world.clock = CLOSE - TIMING.call - TIMING.skew - 1
    world.carrier.answers = [AnswerLost("reset")]
    world.carrier.takes = 1
    assert world.run(1, 1) == "waiting_for_window"
    world.clock = MONDAY_8
    assert world.go_on(1, 2)[0] == "complete"
    assert (len(world.carrier.at), world.inside()) == (1, True)
    assert world.head(1)["totals"]["statuses"]["uncertain"] == 3


def test_edited_hours_count_within_a_second_also_for_a_leg_under_way(world: World) -> None:
    world.members(1000)
    world.campaign(1, due_at=THURSDAY_9)
    world.carrier.takes = 1000
    plan = world.plan(1, 1, now=world.clock)
    world.hours(to="09:00")  # closed since this very moment
    world.send(1, 1, plan)
    assert world.carrier.at == []
    world.hours()
    assert world.settle(1, 1, now=world.clock)["outcome"] == "go on"


def test_hours_that_are_edited_while_it_starts_to_wait_are_seen(world: World) -> None:
    """Whoever edits them looks for who waits after writing; who begins to wait looks at them after writing."""
    world.members(3)
    world.campaign(1, due_at=THURSDAY_9)
    world.clock = CLOSE
    plan = world.plan(1, 1, now=world.clock)
    assert plan["outcome"] == "settle"
    world.dynamo.before.append(lambda: world.hours(to="14:00"))
    assert world.settle(1, 1, now=world.clock) == {"outcome": "waiting_for_window", "at": CLOSE, "settled": 0}
    assert (world.wakes_at(1, 2) or 0) <= CLOSE + 5000
    world.clock += 5000
    assert world.go_on(1, 2)[0] == "complete"


def test_a_waiting_campaign_can_be_paused_resumed_and_cancelled(world: World) -> None:
    world.members(3)
    world.campaign(1, due_at=THURSDAY_9)
    world.clock = CLOSE
    world.run(1, 1)
    world.campaigns.control(WORKSPACE, 1, "pause", "api:me", world.clock)
    assert world.run(1, 2) == "release"
    world.campaigns.control(WORKSPACE, 1, "resume", "api:me", world.clock)
    assert world.run(1, 3) == "waiting_for_window"
    world.campaigns.control(WORKSPACE, 1, "cancel", "api:me", world.clock)
    assert world.run(1, 4) == "close"
    assert world.carrier.at == []


def test_sweep_finds_a_campaign_whose_opening_was_lost_or_brought_forward(world: World) -> None:
    world.members(3)
    world.campaign(1, due_at=THURSDAY_9)
    world.clock = CLOSE
    world.run(1, 1)
    closed, may_go = (lambda _: False), (lambda _: True)
    assert not is_abandoned(world.head(1), CLOSE + HOUR, closed)
    assert is_abandoned(world.head(1), CLOSE + HOUR, may_go)
    assert is_abandoned(world.head(1), MONDAY_8 + 2 * MINUTE, closed)


@pytest.mark.parametrize("echo", [False, True])
def test_settling_at_the_close_may_die_before_any_step(monkeypatch: pytest.MonkeyPatch, echo: bool) -> None:
    for last in itertools.count():
        world = World(monkeypatch)
        mobiles = world.members(250)
        world.campaign(1, due_at=THURSDAY_9)
        world.clock = CLOSE - 75_000
        world.carrier.takes = 30_000
        plan = world.plan(1, 1, now=world.clock)
        world.send(1, 1, plan)
        world.clock = CLOSE
        world.dynamo.echo = echo
        with world.steps.dying_before(last):
            world.settle(1, 1, now=world.clock)
        world.dynamo.echo = False
        if not world.steps.died:
            break
        # the retry of the task, or after its last one the dead man's switch
        leg = 1 if last % 2 else 2
        outcome = world.settle(1, 1, now=world.clock)["outcome"] if leg == 1 else world.run(1, 2)
        assert outcome == "waiting_for_window"
        assert (world.holder(), world.queue()) == (None, [])
        world.clock, world.carrier.takes = MONDAY_8, 0
        assert world.wakes_at(1, leg + 1) == MONDAY_8
        assert world.go_on(1, leg + 1)[0] == "complete"
        assert sorted(world.carrier.accepted) == sorted(mobiles)
        assert world.inside()
    assert last >= 4


def _place(key: dict[str, str]) -> tuple[str, str]:
    return key["pk"], key["sk"]


def test_f75_an_invocation_that_outlives_its_leg_wakes_nothing_that_waits_for_the_window(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first stalls before any of its steps; the second plans, and its leg meets the close."""
    for step in itertools.count(1):
        world = World(monkeypatch)
        world.members(3)
        world.campaign(1, due_at=THURSDAY_9)
        waiting: list[Item] = []

        def meanwhile(world: World = world, waiting: list[Item] = waiting) -> None:
            world.plan(1, 1, now=THURSDAY_9)
            assert world.settle(1, 1, now=CLOSE)["outcome"] == "waiting_for_window"
            waiting.append(world.head(1))

        between(world, step, meanwhile)
        world.plan(1, 1, now=THURSDAY_9)
        if not waiting:
            assert step > 8
            return
        kept = ("status", "status_at", "wake_at")
        assert {name: world.head(1)[name] for name in kept} == {name: waiting[0][name] for name in kept}
        assert waiting[0]["status"] == Life.WAITING
        world.clock = MONDAY_8
        assert world.go_on(1, 2)[0] == "complete"
        assert len(world.carrier.accepted) == 3
