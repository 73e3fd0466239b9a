"""PlanLeg and SettleLeg invoked twice within one execution, the second while the first is between any two steps."""

import itertools
from collections import Counter
from collections.abc import Callable
from typing import Any

import greenlet
import pytest

from kabar.domain.campaigns import Life
from kabar.domain.statuses import Status
from kabar.storage.activity import history
from kabar.storage.dynamo import Item, Table
from kabar.storage.reports import report
from tests.functions.leg_rig import WORKSPACE, Rig

FAR = 40  # steps, more than either function takes


def between(rig: Rig, step: int, act: Callable[[], object]) -> None:
    """`act` once, before step number `step` from now on."""
    count, plain = itertools.count(), rig.steps.step

    def stepping() -> None:
        plain()
        if next(count) == step:
            act()

    rig.steps.step = stepping  # type: ignore[method-assign]


def log(rig: Rig, what: str) -> list[Item]:
    entries, _ = history(Table("activity", rig.dynamo), WORKSPACE, "campaign/1", 100)
    return [entry for entry in entries if entry["what"] == what]


def prepared(monkeypatch: pytest.MonkeyPatch) -> Rig:
    rig = Rig(monkeypatch)
    rig.members(3)
    rig.campaign(1)
    return rig


def test_f75_a_campaign_whose_plan_is_asked_for_twice_at_once_starts_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """F75: one start, one entry in the log, and both are told the same."""
    for step in range(FAR):
        rig, twin = prepared(monkeypatch), list[dict[str, Any]]()
        between(rig, step, lambda rig=rig, twin=twin: twin.append(rig.plan(1, 1, now=2000)))  # type: ignore[misc]
        first = rig.plan(1, 1, now=3000)
        if not twin:
            assert step > 8
            return
        assert (first["outcome"], first["lanes"]) == ("send", twin[0]["lanes"])
        head, started = rig.head(1), log(rig, "campaign sending")
        assert (head["status"], [entry["at"] for entry in started]) == (Life.SENDING, [head["started_at"]])
        assert head["status_at"] == head["started_at"]
        assert len(log(rig, "campaign queued")) == 1
        rig.send(1, 1, first)
        assert rig.settle(1, 1)["outcome"] == "complete"
        assert len(rig.carrier.accepted) == 3
    pytest.fail("the plan never came to its end")


@pytest.mark.parametrize("move", ["pause", "cancel"])
def test_f75_a_slow_twin_moves_nothing_that_people_or_its_execution_have_moved_on(
    monkeypatch: pytest.MonkeyPatch, move: str
) -> None:
    """The first invocation stalls; the second plans, people act, the leg is settled; then the first goes on."""
    for step in range(1, FAR):
        rig, done = prepared(monkeypatch), list[Item]()

        def meanwhile(rig: Rig = rig, done: list[Item] = done) -> None:
            rig.plan(1, 1, now=2000)
            rig.campaigns.control(WORKSPACE, 1, move, "api:me", 2500)
            rig.settle(1, 1, now=2600)
            done.append(rig.head(1))

        between(rig, step, meanwhile)
        rig.plan(1, 1, now=3000)
        if not done:
            assert step > 8
            return
        kept = ("status", "status_at", "started_at", "closed_at", "totals")
        assert {name: rig.head(1).get(name) for name in kept} == {name: done[0].get(name) for name in kept}
        assert len(log(rig, "campaign sending")) == 1
    pytest.fail("the plan never came to its end")


def test_f75_a_plan_that_comes_while_a_cancelled_campaign_is_closed_is_settled_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever plans stalls before any step, people cancel, and it goes on between any two steps of the settling."""
    for stalls, goes_on in itertools.product(range(1, 12), range(1, 8)):
        rig, main, steps = prepared(monkeypatch), greenlet.getcurrent(), Counter[bool]()
        first = greenlet.greenlet(lambda rig=rig: rig.plan(1, 1, now=2000))
        plain = rig.steps.step

        def stepping(
            plain: Callable[[], None] = plain,
            first: greenlet.greenlet = first,
            main: greenlet.greenlet = main,
            steps: Counter[bool] = steps,
            stops: tuple[int, int] = (stalls, goes_on),
        ) -> None:
            plain()
            planning = greenlet.getcurrent() is first
            steps[planning] += 1
            if planning and steps[True] == stops[0]:
                main.switch()
            if not planning and steps[False] == stops[1] and not first.dead:
                first.switch()

        monkeypatch.setattr(rig.steps, "step", stepping)
        steps[False] = -FAR
        first.switch()
        rig.campaigns.control(WORKSPACE, 1, "cancel", "api:me", 2500)
        steps[False] = 0
        rig.settle(1, 1)
        if not first.dead:
            first.switch()
        for leg in (2, 3):
            rig.leg(1, leg)
        head = rig.head(1)
        assert head["status"] == Life.CANCELLED, (stalls, goes_on)
        planned = head["plan"]["recipients"] if "plan" in head else 0
        assert sum(report(head, rig.chunks).statuses.values()) == planned
        assert report(head, rig.chunks).statuses[Status.CANCELLED] == planned, (stalls, goes_on)
        assert head["totals"]["recipients"] == planned, (stalls, goes_on)
