"""What waited for the sending hours goes back into the queue, however often the opening is told [G2]."""

import time
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from kabar.storage import keys
from kabar.storage.dynamo import Table
from kabar.storage.held import Held, Waiting
from tests.functions.fake_dynamo import FakeDynamo
from tests.functions.loading import load

LONG_AGO = 1_600_000_000_000


class Queue:
    """SQS, refusing once when told to."""

    def __init__(self) -> None:
        self.bodies: list[str] = []
        self.down = False

    def send_message_batch(self, **request: Any) -> dict[str, Any]:
        if self.down:
            raise ConnectionError
        self.bodies += [entry["MessageBody"] for entry in request["Entries"]]
        return {}


@pytest.fixture
def dynamo() -> FakeDynamo:
    return FakeDynamo()


@pytest.fixture
def queue() -> Queue:
    return Queue()


@pytest.fixture
def function(dynamo: FakeDynamo, queue: Queue, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return load("open_window", monkeypatch, dynamodb=dynamo, sqs=queue)


def held(dynamo: FakeDynamo) -> Held:
    return Held(Table("workspaces", dynamo), Table("dispatch", dynamo))


def run(function: ModuleType, milliseconds: int = 300_000, opening: int = LONG_AGO) -> Any:
    context = SimpleNamespace(get_remaining_time_in_millis=lambda: milliseconds)
    return function.handler({"workspace": "acme", "opening": opening}, context)


def test_everything_held_for_this_opening_is_queued_once(
    function: ModuleType, dynamo: FakeDynamo, queue: Queue
) -> None:
    for request in range(250):
        held(dynamo).put("acme", LONG_AGO, 9000 + request, 1, 1)
    held(dynamo).put("acme", LONG_AGO + 1, 1, 1, 1)
    held(dynamo).put("rival", LONG_AGO, 2, 1, 1)
    assert run(function) == {"released": 250, "left": False}
    assert len(set(queue.bodies)) == len(queue.bodies) == 250
    assert held(dynamo).openings("acme") == [Waiting("acme", LONG_AGO), Waiting("acme", LONG_AGO + 1)]
    assert run(function) == {"released": 0, "left": False}
    assert held(dynamo).openings("acme") == [
        Waiting("acme", LONG_AGO + 1)
    ]  # forgotten once nothing can come any more


def test_what_could_not_be_queued_stays_held(function: ModuleType, dynamo: FakeDynamo, queue: Queue) -> None:
    held(dynamo).put("acme", LONG_AGO, 9000, 1, 1)
    queue.down = True
    with pytest.raises(ConnectionError):
        run(function)
    assert [hold.request for hold in held(dynamo).every("acme", LONG_AGO)] == [9000]


def test_a_run_that_is_out_of_time_leaves_the_rest_to_the_next(
    function: ModuleType, dynamo: FakeDynamo, queue: Queue
) -> None:
    held(dynamo).put("acme", LONG_AGO, 9000, 1, 1)
    assert run(function, milliseconds=1000) == {"released": 0, "left": True}
    assert held(dynamo).openings() == [Waiting("acme", LONG_AGO)]
    assert keys.held("acme", LONG_AGO, 9000, 1)["pk"].endswith("#0")


def test_an_opening_is_remembered_as_long_as_somebody_may_be_held_for_it(
    function: ModuleType, dynamo: FakeDynamo, queue: Queue
) -> None:
    """The hours were brought forward: it is looked at before its time, while a sender may still go by the old ones."""
    ahead = time.time_ns() // 1_000_000 + 3_600_000
    held(dynamo).put("acme", ahead, 9000, 1, 1)
    for released in (1, 0):
        assert run(function, opening=ahead) == {"released": released, "left": False}
    assert held(dynamo).openings() == [Waiting("acme", ahead)]
    assert len(queue.bodies) == 1
