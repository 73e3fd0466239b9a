"""Schedules that start legs: there or not, the next leg is scheduled once, and nobody takes a refusal for success."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from kabar.storage import schedules
from kabar.storage.schedules import Schedules
from tests.functions.fake_dynamo import client_error
from tests.functions.leg_rig import Scheduler, Steps

SCHEDULES = Schedules("kabar", "machine", "role")
NOW = 1_772_359_200_000
LATER, LATEST = NOW + 60_000, NOW + 120_000


@pytest.fixture
def scheduler(monkeypatch: pytest.MonkeyPatch) -> Scheduler:
    made = Scheduler(Steps())
    monkeypatch.setattr(schedules, "client", lambda: made)
    return made


def at(scheduler: Scheduler) -> list[int]:
    """When (ms) legs start."""
    told = [each["ScheduleExpression"] for each in scheduler.schedules.values()]
    times = [datetime.strptime(each, "at(%Y-%m-%dT%H:%M:%S)").replace(tzinfo=UTC) for each in told]
    return [int(time.timestamp() * 1000) for time in times]


def test_a_leg_that_is_scheduled_is_armed_no_second_time(scheduler: Scheduler) -> None:
    SCHEDULES.arm("acme", 1, 2, LATER, NOW)
    SCHEDULES.arm("acme", 1, 2, LATEST, NOW)
    assert at(scheduler) == [LATER]


@pytest.mark.parametrize("there", [True, False])
def test_a_leg_is_moved_to_its_time_whether_one_was_scheduled_or_has_just_fired(
    scheduler: Scheduler, there: bool
) -> None:
    if there:
        SCHEDULES.arm("acme", 1, 2, LATER, NOW)
    SCHEDULES.move("acme", 1, 2, LATEST, NOW)
    assert at(scheduler) == [LATEST]


@pytest.mark.parametrize("there", [True, False])
def test_disarming_leaves_no_schedule(scheduler: Scheduler, there: bool) -> None:
    if there:
        SCHEDULES.arm("acme", 1, 2, LATER, NOW)
    SCHEDULES.disarm(1, 2)
    assert at(scheduler) == []


@pytest.mark.parametrize("time", [0, NOW - 1, NOW, NOW + 1])
def test_what_is_due_is_scheduled_a_few_seconds_ahead(scheduler: Scheduler, time: int) -> None:
    """The scheduler takes no time that has passed by the time it is asked."""
    SCHEDULES.arm("acme", 1, 2, time, NOW)
    assert at(scheduler) == [NOW + 5_000]


class Busy(Steps):
    def step(self) -> None:
        raise client_error("ThrottlingException")


@pytest.mark.parametrize(
    "act",
    [
        lambda: SCHEDULES.arm("acme", 1, 2, LATER, NOW),
        lambda: SCHEDULES.move("acme", 1, 2, LATER, NOW),
        lambda: SCHEDULES.disarm(1, 2),
    ],
    ids=["arm", "move", "disarm"],
)
def test_a_busy_scheduler_fails_the_step_so_that_it_is_tried_again(
    act: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A leg that nothing starts would leave its campaign where it is."""
    monkeypatch.setattr(schedules, "client", lambda: Scheduler(Busy()))
    with pytest.raises(ClientError, match="Throttling"):
        act()
