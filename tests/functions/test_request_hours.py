"""Messages of the API and the sending hours: held visibly outside of them, sent at the opening [F9] [G2]."""

import itertools
from dataclasses import replace

import pytest

from kabar.carriers.base import Answer, Request
from kabar.domain.requests import Kind
from kabar.legs.repair import repair_held
from kabar.storage.held import Waiting
from tests.functions.leg_rig import WORKSPACE
from tests.functions.request_rig import CLOSE, HOUR, MONDAY_8, RequestRig


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> RequestRig:
    return RequestRig(monkeypatch)


def wakes(rig: RequestRig) -> list[str]:
    return sorted(schedule["ScheduleExpression"] for schedule in rig.scheduler.schedules.values())


def released(rig: RequestRig, opening: int) -> list[int]:
    """What `open_window` would queue again."""
    found = list(rig.tools.held.every(WORKSPACE, opening))
    rig.tools.held.remove(found)
    rig.queue += [(hold.request, 0, hold.generation) for hold in found]
    return [hold.request for hold in found]


def test_outside_the_hours_messages_are_held_visibly_and_go_out_at_the_opening(rig: RequestRig) -> None:
    rig.settings(enabled=True)
    rig.clock = CLOSE
    rig.submit(3)
    assert rig.drain() == ["held"]
    assert rig.statuses() == ["held"] * 3
    assert wakes(rig) == ["at(2026-11-30T05:00:00)"]
    assert rig.tools.held.openings() == [Waiting(WORKSPACE, MONDAY_8)]
    rig.clock = MONDAY_8
    assert released(rig, MONDAY_8) == [9000]
    assert rig.drain() == ["done"]
    assert len(rig.carrier.accepted) == 3
    assert rig.statuses() == ["sent"] * 3


def test_what_is_held_again_before_its_release_is_written_stays_held(rig: RequestRig) -> None:
    """It is in the queue first: whoever takes it may find the hours closed again, edited or by another clock."""
    rig.settings(enabled=True)
    rig.clock = CLOSE
    rig.submit()
    rig.drain()
    found = list(rig.tools.held.every(WORKSPACE, MONDAY_8))
    rig.queue += [(hold.request, 0, hold.generation) for hold in found]
    assert rig.drain() == ["held"]
    for _ in range(2):  # its answer was lost
        rig.tools.held.remove(found)
    rig.clock = MONDAY_8
    assert released(rig, MONDAY_8) == [9000]
    assert rig.drain() == ["done"]
    assert len(rig.carrier.accepted) == 1


def test_an_opening_less_than_a_minute_away_is_waited_for_in_the_queue(rig: RequestRig) -> None:
    rig.settings(enabled=True)
    rig.clock = MONDAY_8 - 60_000
    rig.submit()
    assert rig.drain(1) == ["held"]
    assert (rig.queue, wakes(rig), rig.tools.held.openings()) == ([(9000, 60_000, 1)], [], [])
    assert rig.drain() == ["done"]


def test_hours_that_open_while_a_message_is_being_held_release_it_at_once(rig: RequestRig) -> None:
    """The put of the item took until after the opening: whoever releases has been there already."""
    rig.settings(enabled=True)
    rig.clock = MONDAY_8 - 61_000
    rig.submit()

    def slow() -> None:
        rig.clock = MONDAY_8 + 1000

    rig.dynamo.before.append(slow)
    assert rig.drain(1) == ["held"]
    assert rig.queue == [(9000, 0, 1)]
    assert rig.drain() == ["done"]


@pytest.mark.parametrize("seconds", [1, 59, 61])
def test_hours_edited_later_while_a_message_meets_their_opening_keep_it(
    rig: RequestRig, seconds: int
) -> None:
    """By the first look it had only to be queued for the opening, by the second there is none within minutes."""
    rig.settings(enabled=True)
    rig.clock = MONDAY_8 - seconds * 1000
    rig.submit()
    rig.dynamo.before.append(lambda: rig.settings(**{"from": "10:00"}))
    assert set(rig.drain()) == {"held"}
    rig.clock = MONDAY_8
    released(rig, MONDAY_8)
    rig.drain()
    rig.clock = MONDAY_8 + 2 * HOUR
    assert released(rig, rig.clock) == [9000]
    assert rig.drain() == ["done"]
    assert len(rig.carrier.accepted) == 1


def test_copies_of_who_is_held_are_one_when_they_are_released(rig: RequestRig) -> None:
    """Whoever held it died before its message was forgotten, and two opened the window at once."""
    rig.settings(enabled=True)
    rig.clock = CLOSE
    rig.submit()
    (first,) = rig.queue
    rig.drain()
    rig.queue.append(first)
    rig.drain()
    (held,) = rig.tools.held.every(WORKSPACE, MONDAY_8)
    for _ in range(2):
        rig.queue.append((9000, 0, held.generation))
    assert rig.drain() == ["held", "goes on elsewhere"]
    rig.clock = MONDAY_8
    assert released(rig, MONDAY_8) == [
        9000,
        9000,
    ]  # the older item, whose removal was not written, is one of them
    assert sorted(rig.drain()) == ["done", "goes on elsewhere"]


def test_hours_edited_while_a_message_is_being_held_are_seen(rig: RequestRig) -> None:
    rig.settings(enabled=True)
    rig.clock = CLOSE
    rig.submit()
    rig.dynamo.before.append(lambda: rig.settings(to="14:00"))
    assert rig.drain() == ["held", "done"]


def test_what_meets_the_close_goes_on_at_the_next_opening(rig: RequestRig) -> None:
    rig.settings(enabled=True)
    rig.clock = CLOSE - 40_000
    rig.submit(300)
    real = rig.tools.call

    def slow(request: Request, seconds: float) -> Answer:
        rig.clock += 3_000
        return real(request, seconds)

    rig.tools = replace(rig.tools, call=slow)
    assert rig.drain() == ["control"]
    assert sorted(set(rig.statuses())) == ["held", "sent"]
    rig.clock = MONDAY_8
    assert released(rig, MONDAY_8) == [9000]
    assert rig.drain() == ["done"]
    assert rig.statuses() == ["sent"] * 300


@pytest.mark.parametrize("kind", [Kind.RESPONSE, Kind.TEST])
def test_responses_and_tests_do_not_wait_for_the_hours(rig: RequestRig, kind: Kind) -> None:
    rig.settings(enabled=True)
    rig.clock = CLOSE
    rig.submit(1, kind=kind)
    assert rig.drain() == ["done"]


def test_holding_may_die_before_any_step(monkeypatch: pytest.MonkeyPatch) -> None:
    for last in itertools.count():
        rig = RequestRig(monkeypatch)
        rig.settings(enabled=True)
        rig.clock = CLOSE
        rig.submit(2)
        rig.queue.clear()
        with rig.steps.dying_before(last):
            rig.run()
        if not rig.steps.died:
            break
        rig.queue.append((9000, 0, None))  # the queue brings it again
        assert rig.drain() == ["held"]
        assert wakes(rig) == ["at(2026-11-30T05:00:00)"]
        rig.clock = MONDAY_8
        released(rig, MONDAY_8)
        assert set(rig.drain()) == {"done"}  # once for each time that it was held
        assert len(rig.carrier.accepted) == 2
    assert last >= 3


def test_sweep_wakes_what_waits_for_a_passed_opening_or_hours_that_are_open_now() -> None:
    woken: list[tuple[str, int]] = []
    openings = [Waiting("acme", 100_000), Waiting("acme", 900_000), Waiting("rival", 900_000)]
    found = repair_held(
        openings, lambda held: held.workspace == "rival", lambda *each: woken.append(each), 200_000
    )
    assert found == woken == [("acme", 100_000), ("rival", 900_000)]


def test_hours_of_where_the_recipients_are_count_when_the_call_names_them(rig: RequestRig) -> None:
    """[G3]"""
    rig.settings(enabled=True)
    rig.submit(1, 9000, timezone="Pacific/Auckland")  # where it is 19:00
    rig.submit(1, 9001)
    assert rig.drain() == ["held", "done"]
    assert wakes(rig) == ["at(2026-11-29T19:00:00)"]  # Monday, 08:00 there
