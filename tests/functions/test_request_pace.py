"""Messages of the API at the rate of their sender: by what they take, and in their turn [F8]."""

import heapq
from dataclasses import replace

import pytest

from kabar.storage import keys
from kabar.storage.accounts import Opened
from tests.functions.leg_rig import WORKSPACE
from tests.functions.request_rig import RequestRig

SECOND = 1000


class Line(RequestRig):
    """Requests are taken as they are due, at `rate` segments a second; `tries` is how often."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, rate: float, together: int = 1) -> None:
        """A call takes so many messages `together`."""
        super().__init__(monkeypatch)
        assert isinstance(self.account, Opened)
        self.account = replace(self.account, rate=rate)
        self.dynamo.seed("workspaces", keys.carrier(WORKSPACE, "infobip"), rate=rate, slice=together)
        self.start, self.tries = self.clock, 0
        self.due: list[tuple[int, int, int | None]] = []

    def _enqueue(self, _: str, request: int, delay: int, generation: int | None = None) -> None:
        heapq.heappush(self.due, (self.clock + delay, request, generation))

    def to(self, number: int, segments: int = 1) -> str:
        """Submit a request to one number; that."""
        mobile, text = f"+9055500{number:05d}", "Merhaba" if segments == 1 else "x" * 153 * segments
        self.submit(1, number, recipients=[(mobile, [])], text=text)
        return mobile

    def until(self, at: int) -> None:
        """Take everything that is to be taken by then."""
        while self.due and self.due[0][0] <= at:
            due, request, generation = heapq.heappop(self.due)
            self.clock = max(self.clock, due)
            self.run(request, generation, returning=generation is not None)
            self.tries += 1
        self.clock = max(self.clock, at)


def test_none_reserves_more_of_the_rate_than_it_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Line(monkeypatch, rate=10)
    mobiles = [rig.to(number) for number in range(9000, 9050)]
    rig.until(rig.start)
    assert rig.carrier.accepted == mobiles
    assert rig.clock <= rig.start + 6 * SECOND


@pytest.mark.parametrize("together", [1, 5, 100])
def test_whoever_came_first_goes_first(monkeypatch: pytest.MonkeyPatch, together: int) -> None:
    """While the rate is taken they are told when to come back; who comes later goes after them, and none in vain."""
    rig = Line(monkeypatch, rate=1, together=together)
    mobiles = [rig.to(9000, segments=9), *(rig.to(number) for number in range(9001, 9011))]
    for number in range(9011, 9021):
        rig.until(rig.clock + SECOND)
        mobiles.append(rig.to(number))
    rig.until(rig.start + 35 * SECOND)
    assert rig.carrier.accepted == mobiles
    assert rig.clock == rig.start + 35 * SECOND
    assert rig.tries <= 2 * len(mobiles)


@pytest.mark.parametrize(("messages", "segments"), [(1, 1), (5, 2), (2, 2)])
def test_a_request_lines_up_for_what_its_next_call_takes(
    monkeypatch: pytest.MonkeyPatch, messages: int, segments: int
) -> None:
    rig = Line(monkeypatch, rate=1, together=2)
    rig.to(9000, segments=9)
    head = rig.submit(messages, 9100)
    rig.until(rig.start)
    pace = rig.dynamo.find("workspaces", keys.pace(WORKSPACE, head["carrier"], head["sender"]))
    assert pace
    assert pace["line"] - pace["next"] == segments * SECOND
