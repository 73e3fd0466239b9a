"""Executions that take over from one another: who fails while one sleeps, who calls while one works [J5]."""

from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest

from kabar.delivery.repair import repair_endpoints
from kabar.domain.callbacks import Outcome
from tests.functions.callback_rig import HOUR, START, Rig, lost

SECOND, MINUTE = 1000, 60_000
TARGET = {"id": 7000, "workspace": "acme", "kind": "receipts"}


class Killed(BaseException):
    """The process ends here."""


def name(number: int) -> str:
    return f"msg_{number:032x}"


def tell(rig: Rig, *names: str) -> None:
    rig.tell(*names)


def die() -> None:
    raise Killed


def poisoned(*more: tuple[str, int]) -> Rig:
    """A rig where callback 0 always fails, so that its execution sleeps for long, and `more` until their moments."""
    until = dict(more) | {name(0): START + 1000 * HOUR}
    rig = Rig(lambda each, now: 500 if now < until.get(each, 0) else 204)
    rig.tell(name(0), name(1))
    return rig


def in_charge(rig: Rig) -> list[int]:
    """Runs of executions that are under way and would be let on."""
    runs = [run["input"]["run"] for run in rig.runs]
    return [run for run in runs if rig.state().get("running") and rig.state()["run"] == run]


def test_what_fails_once_while_the_execution_sleeps_is_tried_again_within_a_minute() -> None:
    rig = poisoned(*((name(number), START + number * HOUR + 1) for number in range(2, 20)))
    for number in range(2, 20):
        rig.at(START + number * HOUR, partial(rig.tell, name(number)))
    rig.run(START + 20 * HOUR)
    for number in range(2, 20):
        first, second = rig.tried(name(number))
        assert 5 * SECOND <= second - first <= MINUTE
    assert len(in_charge(rig)) == 1
    rig.run(START + 125 * HOUR)
    assert set(rig.dead()) == {name(0)}
    assert rig.runs == []
    assert max(Counter(rig.delivered()).values()) == 1


def test_an_endpoint_that_turns_slow_while_the_execution_sleeps_is_served_within_a_minute() -> None:
    rig = poisoned()
    rig.run(START + 3 * HOUR)
    real = rig.desk.send

    def slow(endpoint: dict[str, object], callback: object) -> Outcome:
        rig.now += 2 * SECOND
        return real(endpoint, callback)  # type: ignore[arg-type]

    object.__setattr__(rig.desk, "send", slow)
    assert rig.tell(*(name(number) for number in range(100, 120))).parked
    rig.run(START + 4 * HOUR)
    times = [rig.tried(name(number))[-1] for number in range(100, 120)]
    assert max(times) <= START + 3 * HOUR + 3 * MINUTE  # 20 at two seconds each, one after the other here


def test_an_endpoint_that_dies_while_the_execution_sleeps_is_probed_within_a_minute() -> None:
    down = START + 3 * HOUR, START + 3 * HOUR + 20 * SECOND
    rig = Rig(lambda each, now: 500 if each == name(0) or down[0] <= now < down[1] else 204)
    rig.tell(name(0), name(1))
    rig.run(down[0])
    rig.tell(*(name(number) for number in range(2, 12)))
    rig.run(START + 4 * HOUR)
    assert all(rig.tried(name(number))[-1] <= down[0] + MINUTE for number in range(2, 12))
    assert Counter(rig.delivered()) == Counter(name(number) for number in range(1, 12))


def test_during_an_outage_nobody_who_parks_disturbs_its_waits() -> None:
    rig = Rig(lambda _, now: lost() if now < START + 20 * HOUR else 204)
    for number in range(20 * 60):
        rig.at(START + number * MINUTE, partial(rig.tell, name(number)))
    rig.advance(START)
    rig.run()
    assert rig.started == 1
    assert Counter(rig.delivered()) == Counter(name(number) for number in range(1200))


def test_an_endpoint_that_fails_one_in_twenty_costs_no_more_than_six_turns_a_minute() -> None:
    rig = Rig(lambda each, now: 500 if int(each[4:], 16) % 20 == 0 and now < START + 3 * HOUR else 204)
    for number in range(3600):
        rig.at(START + number * SECOND, partial(rig.tell, name(number)))
    rig.advance(START)
    rig.run()
    assert Counter(rig.delivered()) == Counter(name(number) for number in range(3600))
    assert rig.transitions <= 4 * 60 * 6 * 3


def test_who_calls_while_a_turn_works_replaces_nobody_and_is_heard() -> None:
    """At every write of the turn: nothing is sent twice, and what was to be replayed goes out."""
    for cut in range(40):
        rig = Rig(lambda _, now: 400 if now < START + SECOND else 204)
        rig.tell(name(0))
        dead = rig.book.dead(7000, 1)[0]
        rig.now = START + MINUTE
        rig.book.replay(7000, dead, rig.now)
        rig.desk.wake(TARGET)

        def again(rig: Rig = rig) -> None:
            rig.now += 1
            rig.book.ask_to_replay(7000, 0, rig.now, rig.now)
            rig.desk.wake(TARGET)

        rig.dynamo.before += [lambda: None] * cut + [again]
        rig.run()
        waited = bool(rig.dynamo.before)
        rig.dynamo.before.clear()
        assert 1 <= len(rig.delivered()) <= 2, cut
        assert rig.parked() == [], cut
        assert "replays" not in rig.state(), cut
        if waited:
            return  # the turn has no more writes
    pytest.fail("the turn never ended")


def _between(rig: Rig, cut: int, act: Callable[[], None]) -> None:
    rig.dynamo.before += [lambda: None] * cut + [act]


@pytest.mark.parametrize("cut", range(12))
def test_two_who_park_at_once_wake_one_execution(cut: int) -> None:
    """Between any two steps of the one who parks another one parks, and the execution goes to sleep anew."""
    rig = poisoned((name(2), START + 3 * HOUR + 1), (name(3), START + 3 * HOUR + 1))
    rig.run(START + 3 * HOUR)
    _between(rig, cut, lambda: tell(rig, name(3)))
    rig.tell(name(2))
    rig.dynamo.before.clear()
    if not rig.tried(name(3)):
        rig.tell(name(3))
    assert len(in_charge(rig)) == 1
    rig.run(START + 4 * HOUR)
    assert Counter(rig.delivered()) == Counter(name(number) for number in (1, 2, 3))
    assert all(rig.tried(name(number))[1] <= START + 3 * HOUR + MINUTE for number in (2, 3))


@pytest.mark.parametrize("cut", range(15))
def test_who_parks_while_the_execution_wakes_and_sleeps_again_is_not_overslept(cut: int) -> None:
    """Between any two steps of a turn that has nothing but poison, somebody else fails."""
    rig = poisoned()
    rig.run(START + 3 * HOUR)
    told: list[int] = []

    def park() -> None:
        told.append(rig.now)
        rig.answers = lambda each, now: 500 if each == name(0) or now <= told[0] else 204
        rig.tell(name(2))

    _between(rig, cut, park)
    rig.run(START + 5 * HOUR)
    rig.dynamo.before.clear()
    assert rig.tried(name(2))[1] - told[0] <= MINUTE
    assert rig.delivered() == [name(1), name(2)]


@pytest.mark.parametrize("cut", range(1, 16))
def test_who_dies_after_any_write_while_waking_loses_nothing(cut: int) -> None:
    """The queue brings the batch again, or the sweep finds the mark; one execution is in charge."""
    rig = poisoned((name(2), START + 3 * HOUR + 1))
    rig.run(START + 3 * HOUR)
    _between(rig, cut, die)
    try:
        rig.tell(name(2))
    except Killed:
        rig.dynamo.before.clear()
        _sweep(rig)
        rig.run(START + 3 * HOUR + 12 * MINUTE)
        rig.tell(name(2))
    rig.dynamo.before.clear()
    _sweep(rig)
    assert len(in_charge(rig)) == 1
    rig.run(START + 4 * HOUR)
    assert set(rig.delivered()) == {name(1), name(2)}
    assert rig.parked() == [name(0)]


def _sweep(rig: Rig) -> None:
    running = {f"7000-{run['input']['run']}" for run in rig.runs}
    repair_endpoints(rig.book, running.__contains__, rig.desk.start)


def test_switching_on_what_never_failed_ends_at_once() -> None:
    rig = Rig(lambda *_: 204)
    rig.book.switch(7000, None)
    rig.desk.wake(TARGET)
    rig.run()
    assert rig.transitions <= 5
    assert rig.state()["running"] is False
