"""The queue of message requests: a batch side by side, and what failed again soon."""

import json
import threading
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.functions.loading import load, queued, sample

CONTEXT: Any = SimpleNamespace(get_remaining_time_in_millis=lambda: 120_000)


class Sqs:
    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.visible_in: list[int] = []

    def send_message_batch(self, *, QueueUrl: str, Entries: list[Any]) -> dict[str, Any]:  # noqa: N803  # boto3's
        assert QueueUrl
        self.sent += Entries
        return {}

    def change_message_visibility(self, **request: Any) -> None:
        self.visible_in.append(request["VisibilityTimeout"])


@pytest.fixture
def sqs() -> Sqs:
    return Sqs()


@pytest.fixture
def handlers(monkeypatch: pytest.MonkeyPatch, sqs: Sqs) -> ModuleType:
    for name in ("OPEN_WINDOW_ARN", "SCHEDULER_ROLE_ARN", "SCHEDULE_PREFIX"):
        monkeypatch.setenv(name, "x")
    return load("send_messages", monkeypatch, sqs=sqs)


def event(*bodies: Any, tries: int = 1) -> dict[str, Any]:
    found = queued(*bodies)
    for record in found["Records"]:
        record |= {"receiptHandle": "r", "attributes": {"ApproximateReceiveCount": str(tries)}}
    return found


def test_a_batch_is_taken_side_by_side(handlers: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    together = threading.Barrier(10, timeout=5)

    def run(_: Any, workspace: str, request: int, *__: Any, **___: Any) -> dict[str, Any]:
        assert (workspace, request // 100) == ("acme", 10)
        together.wait()
        return {"outcome": "done"}

    monkeypatch.setattr(handlers, "run_request", run)
    bodies = [{"workspace": "acme", "request": 1000 + n} for n in range(10)]
    assert handlers.handler(event(*bodies), CONTEXT) == {"batchItemFailures": []}


@pytest.mark.parametrize(("tries", "most"), [(1, 4), (4, 32), (9, 120), (50, 120)])
def test_f76_what_failed_comes_back_alone_and_soon(
    handlers: ModuleType, monkeypatch: pytest.MonkeyPatch, sqs: Sqs, tries: int, most: int
) -> None:
    """F76: not after the three minutes for which the queue takes a sender to be at work."""

    def run(_: Any, __: str, request: int, *___: Any, **____: Any) -> dict[str, Any]:
        if request == 2:
            raise ConnectionError
        return {"outcome": "done"}

    monkeypatch.setattr(handlers, "run_request", run)
    told = handlers.handler(
        event(*({"workspace": "acme", "request": n} for n in (1, 2, 3)), tries=tries), CONTEXT
    )
    assert told == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
    (seconds,) = sqs.visible_in
    assert 1 <= seconds <= most


def test_a_failure_that_cannot_be_brought_forward_holds_up_nobody_else(
    handlers: ModuleType, monkeypatch: pytest.MonkeyPatch, sqs: Sqs
) -> None:
    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "RequestThrottled", "Message": ""}}, "ChangeMessageVisibility")

    def run(_: Any, __: str, request: int, *___: Any, **____: Any) -> dict[str, Any]:
        if request == 1:
            raise ConnectionError
        return {"outcome": "done"}

    monkeypatch.setattr(sqs, "change_message_visibility", refuse)
    monkeypatch.setattr(handlers, "run_request", run)
    told = handlers.handler(event(*({"workspace": "acme", "request": n} for n in (1, 2))), CONTEXT)
    assert told == {"batchItemFailures": [{"itemIdentifier": "m0"}]}


def test_what_the_queue_cannot_hide_long_enough_is_hidden_again(
    handlers: ModuleType, monkeypatch: pytest.MonkeyPatch, sqs: Sqs
) -> None:
    monkeypatch.setattr(handlers, "now", lambda: 1_000_000)
    monkeypatch.setattr(handlers, "run_request", lambda *_, **__: pytest.fail("too early"))
    waiting = {"workspace": "acme", "request": 7, "at": 3_000_000, "generation": 4}
    handlers.handler(event(waiting), CONTEXT)
    (entry,) = sqs.sent
    assert (entry["DelaySeconds"], json.loads(entry["MessageBody"])) == (900, waiting)


@pytest.mark.parametrize(
    ("delay", "hidden"), [(-5_000, 0), (0, 0), (1, 1), (1_500, 2), (900_000, 900), (3_600_000, 900)]
)
def test_a_request_is_hidden_for_its_delay_as_far_as_the_queue_can(
    handlers: ModuleType, monkeypatch: pytest.MonkeyPatch, sqs: Sqs, delay: int, hidden: int
) -> None:
    monkeypatch.setattr(handlers, "now", lambda: 1_000_000)
    handlers.again("acme", 7, delay, 4)
    (entry,) = sqs.sent
    assert entry["DelaySeconds"] == hidden
    at = 1_000_000 + max(0, delay)
    told = {"workspace": "acme", "request": 7, "at": at, "generation": 4}
    assert json.loads(entry["MessageBody"]) == told


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"at": 999_000, "generation": 4},
        {"at": 1_001_000, "generation": 1},
        {"at": 999_000},
        {"generation": 2},
    ],
)
def test_whoever_was_told_to_come_back_now_is_known_by_it(
    handlers: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    sqs: Sqs,
    body: dict[str, int],
) -> None:
    """Late, or as little early as the queue's seconds make it."""
    told: list[tuple[int | None, bool]] = []

    def run(*given: Any, returning: bool) -> dict[str, Any]:
        told.append((given[-1], returning))
        return {}

    monkeypatch.setattr(handlers, "now", lambda: 1_000_000)
    monkeypatch.setattr(handlers, "run_request", run)
    handlers.handler(event({"workspace": "acme", "request": 7} | body), CONTEXT)
    assert (told, sqs.sent) == ([(body.get("generation"), "at" in body)], [])


def test_what_nobody_can_read_is_taken_once(handlers: ModuleType) -> None:
    assert handlers.handler(event({"workspace": "acme"}, []), CONTEXT) == {"batchItemFailures": []}


def test_the_sample_event_is_taken(handlers: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def run(_: Any, __: str, request: int, *___: Any, **____: Any) -> dict[str, Any]:
        asked.append(request)
        return {}

    monkeypatch.setattr(handlers, "run_request", run)
    handlers.handler(sample("send_messages_batch"), CONTEXT)
    assert asked == [1043]
