"""Messages of the API while their carrier is down: held and shown, tried for by one of them, sent once it is back."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from kabar.carriers.base import Answer, Request
from kabar.domain.brakes import NO_RESULTS
from kabar.domain.circuit import LONGEST, OPENS_AT, TRYING
from kabar.domain.handover import AnswerLost, Unreachable
from kabar.legs.requests import DOWN, SPREAD
from kabar.storage import keys
from tests.functions.gateway_rig import LOST_AFTER, SETTINGS, Gateway
from tests.functions.leg_rig import WORKSPACE
from tests.functions.request_rig import RequestRig

REFUSED = Answer(401, {}, b'{"errorCode": "E401"}')
LOST = Answer(503, {}, b"")
THROTTLED = Answer(429, {"retry-after": "7"}, b"")
NUMBERS = range(9000, 9040)


class Outage(RequestRig):
    """Requests come in order of their times; `calls` are the times of calls to the carrier."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(monkeypatch)
        self.calls: list[int] = []
        self.tools = replace(self.tools, call=self._call)

    def _call(self, request: Request, seconds: float) -> Answer:
        self.calls.append(self.clock)
        return self.carrier(request, seconds)

    def _enqueue(self, _: str, request: int, delay: int, generation: int | None = None) -> None:
        self.steps.step()
        self.queue.append((request, self.clock + delay, generation))
        self.queue.sort(key=lambda entry: entry[1])

    def until(self, at: int) -> list[str]:
        """Everything that is to be taken by then."""
        outcomes = []
        while self.queue and self.queue[0][1] <= at:
            request, due, generation = self.queue.pop(0)
            self.clock = max(self.clock, due)
            outcomes.append(self.run(request, generation, returning=generation is not None))
        self.clock = max(self.clock, at)
        return outcomes


@pytest.fixture
def rig(monkeypatch: pytest.MonkeyPatch) -> Outage:
    rig = Outage(monkeypatch)
    for number in NUMBERS:
        rig.submit(1, number, recipients=[(f"+90555{number:07d}", ["Amy"])])
    return rig


DOWNS: list[Any] = [
    pytest.param(Unreachable("no route"), OPENS_AT, id="no connection"),
    pytest.param(LOST, OPENS_AT, id="5xx"),
    pytest.param(THROTTLED, OPENS_AT, id="429"),
    pytest.param(AnswerLost("reset"), OPENS_AT, id="answer lost"),
    pytest.param(REFUSED, 1, id="refused"),
]


@pytest.mark.parametrize(("outage", "most"), DOWNS)
def test_f14_an_outage_holds_api_messages_and_the_carriers_return_sends_each_once(
    rig: Outage, outage: Any, most: int
) -> None:
    """F14: forty minutes long; one tries for all, at growing intervals, and says why."""
    start, rig.carrier.outage = rig.clock, outage
    rig.until(start + 1000)
    assert len(rig.calls) <= most
    rig.until(start + 40 * 60_000)
    tries = [at for at in rig.calls if at > start + 10 * 60_000]
    assert 5 <= len(tries) <= 12
    assert {rig.message(number).status.word for number in NUMBERS} <= {"pending", "submitted"}
    assert all(rig.message(number).head["status_reason"] for number in NUMBERS)
    back, rig.carrier.outage = rig.clock, None
    rig.until(back + LONGEST + 3 * SPREAD + 60_000)
    assert sorted(rig.carrier.accepted) == [f"+90555{number:07d}" for number in NUMBERS]
    assert not rig.queue
    assert not any("status_reason" in rig.message(number).head for number in NUMBERS)
    assert rig.alarms == []


def test_a_short_outage_costs_seconds(rig: Outage) -> None:
    start, rig.carrier.outage = rig.clock, Unreachable("no route")
    rig.until(start + 5000)
    rig.carrier.outage = None
    rig.until(start + 45_000)
    assert len(rig.carrier.accepted) == len(NUMBERS)


def test_one_failure_among_results_holds_nobody_else(rig: Outage) -> None:
    rig.carrier.answers = [Unreachable("no route")]
    outcomes = rig.until(rig.clock + 1000)
    assert outcomes == [NO_RESULTS] + ["done"] * (len(NUMBERS) - 1)
    rig.until(rig.clock + 15_000)
    assert len(rig.carrier.accepted) == len(NUMBERS)


def test_while_one_tries_for_all_nobody_else_calls(rig: Outage) -> None:
    rig.carrier.outage = Unreachable("no route")
    rig.until(rig.clock + 1000)
    at, rig.calls[:] = rig.queue[0][1] + 20_000, []
    rig.clock = at
    first, second = (request for request, *_ in rig.queue[:2])

    def another(request: Request, seconds: float) -> Answer:
        if len(rig.calls) == 0:
            rig.calls.append(rig.clock)
            assert rig.run(second) == "the carrier is down"
        raise Unreachable("no route")

    rig.tools = replace(rig.tools, call=another)
    assert rig.run(first) == NO_RESULTS
    assert len(rig.calls) == 1


def test_f1_whoever_dies_while_trying_for_all_is_followed_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut before every single step of the try."""
    for last in range(60):
        rig = Outage(monkeypatch)
        for number in range(9000, 9005):
            rig.submit(1, number, recipients=[(f"+90555{number:07d}", ["Amy"])])
        rig.carrier.outage = Unreachable("no route")
        rig.until(rig.clock + 1000)
        rig.carrier.outage = None
        request, due, generation = rig.queue.pop(0)
        rig.clock = due + 10_000
        with rig.steps.dying_before(last):
            rig.run(request, generation, returning=True)
        rig.queue.append((request, rig.clock + 180_000, generation))  # the queue brings it again
        rig.queue.sort(key=lambda entry: entry[1])
        others = rig.clock + TRYING + 60_000
        rig.until(others)
        assert len(rig.carrier.accepted) >= 4
        rig.until(rig.clock + 300_000)
        assert sorted(rig.carrier.accepted) == [f"+90555{number:07d}" for number in range(9000, 9005)]
        if not rig.steps.died:
            assert last >= 10
            return
    pytest.fail("the try never came to its end")


def test_a_result_from_before_the_outage_does_not_end_it(rig: Outage) -> None:
    """A call that began before the circuit opened comes back with a result after it."""
    plain: Callable[[Request, float], Answer] = rig.carrier

    def slow(request: Request, seconds: float) -> Answer:
        answer = plain(request, seconds)
        rig.tools = replace(rig.tools, call=rig._call)
        rig.carrier.outage = Unreachable("no route")
        rig.until(rig.clock + 1000)
        return answer

    rig.until(rig.clock)
    assert rig.carrier.accepted
    rig.queue.clear()
    for number in range(9100, 9110):
        rig.submit(1, number, recipients=[(f"+90555{number:07d}", ["Amy"])])
    rig.tools = replace(rig.tools, call=slow)
    request, *_ = rig.queue.pop(0)
    assert rig.run(request) == "done"
    rig.submit(1, 9200, recipients=[("+905550009200", ["Amy"])])
    assert rig.run(9200) == "the carrier is down"
    assert rig.message(9200).head["status_reason"] == DOWN


def test_a_lost_answer_that_nobody_can_ask_about_ends_its_message_and_not_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """F11, of a carrier that promises nothing: the others of the request go on by themselves, and say so meanwhile."""
    rig = Outage(monkeypatch)
    rig.account = replace(rig.legs.opened, carrier="http", gateway=SETTINGS | {"promise": "nothing"})
    rig.dynamo.seed("workspaces", keys.carrier(WORKSPACE, "infobip"), rate=1e6, slice=1)
    gateway = Gateway(dedupes=False)
    rig.tools = replace(rig.tools, wide=gateway)
    gateway.answers[""] = [LOST_AFTER, LOST_AFTER]
    rig.submit(2, 9000)
    rig.submit(1, 9100)
    rig.until(rig.clock)
    assert rig.statuses(9000) == ["uncertain", "pending"]
    assert rig.message(9001).head["status_reason"] == DOWN
    assert rig.statuses(9100) == ["uncertain"]
    assert "status_reason" not in rig.message(9100).head
    assert [request for request, *_ in rig.queue] == [9000]
    rig.until(rig.clock + 60_000)
    assert rig.statuses(9000) == ["uncertain", "sent"]
    assert len(gateway.calls) == 3


WRONG_SENDER = Answer(400, {}, b'{"errorCode": "E400", "violations": [{"property": "messages[0].sender"}]}')


def test_a_call_refused_for_what_it_holds_ends_its_messages_and_holds_up_nobody_else(rig: Outage) -> None:
    rig.queue.clear()
    rig.submit(2, 9100)
    rig.carrier.answers = [WRONG_SENDER]
    rig.until(rig.clock)
    assert rig.statuses(9100) == ["rejected", "rejected"]
    assert rig.message(9100).facts[-1]["code"] == "400 E400 messages[0].sender"
    assert (rig.queue, len(rig.calls)) == ([], 1)
    rig.submit(1, 9200, recipients=[("+905550009200", ["Amy"])])
    assert rig.until(rig.clock) == ["done"]
    assert rig.carrier.accepted == ["+905550009200"]


@pytest.mark.parametrize("status", [400, 413, 422])
def test_a_gateways_refusal_of_one_call_ends_that_message_alone(
    monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    rig = Outage(monkeypatch)
    rig.account = replace(rig.legs.opened, carrier="http", gateway=SETTINGS | {"promise": "nothing"})
    gateway = Gateway(dedupes=False)
    rig.tools = replace(rig.tools, wide=gateway)
    gateway.answers[""] = [Answer(status, {}, b"")]
    rig.submit(3, 9000)
    assert rig.until(rig.clock) == ["done"]
    assert sorted(rig.statuses(9000)) == ["rejected", "sent", "sent"]
    assert len(gateway.calls) == 3
