"""Message requests through the real function, boto3 and HTTP clients, cut at each crash point of the send."""

import json
from types import SimpleNamespace
from typing import Any

import pytest

from kabar.domain.handover import Promise
from kabar.domain.requests import Kind, NewRequest
from kabar.legs.messages import Outgoings
from kabar.legs.outbox import Outbox
from kabar.storage import keys
from kabar.storage.dynamo import Table
from kabar.storage.requests import Requests
from tests.functions.aws_edge import Died
from tests.functions.test_crash_points import CARRIER, SENDING, SLICE, WORKSPACE, Cloud, Cut

REQUEST = 9000
HIDDEN = 180_000  # ms for which the queue takes a sender to be at work
RECIPIENTS = 2 * SLICE
CLASSES = dict(zip("ABCD", (Promise.DEDUPES, Promise.ASKABLE, Promise.ECHOES, Promise.NOTHING), strict=True))


class Queue:
    """SQS, as far as the function uses it: (when it may be taken, body)."""

    def __init__(self, cloud: "Requesting") -> None:
        self._cloud = cloud
        self.waiting: list[tuple[int, str]] = []

    def send_message_batch(self, *, QueueUrl: str, Entries: list[Any]) -> dict[str, Any]:  # noqa: N803  # boto3's
        assert QueueUrl
        for entry in Entries:
            self.waiting.append((self._cloud.now + entry["DelaySeconds"] * 1000, entry["MessageBody"]))
        return {}

    def change_message_visibility(self, **_: Any) -> None: ...


class Requesting(Cloud):
    """One request instead of a campaign."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, promise: Promise, cuts: list[Cut]) -> None:
        self.queue = Queue(self)
        super().__init__(monkeypatch, promise, cuts)
        self.aws.clients = self.aws.clients | {"sqs": self.queue}
        self.function = self._load("SendMessages", monkeypatch)
        self.aws.dynamo.seed(
            "workspaces", keys.settings(WORKSPACE), name=WORKSPACE, timezone="Etc/UTC", carrier=CARRIER
        )
        self.requests = Requests(Table("workspaces"), Table("dispatch"))
        self.messages = Outgoings(self.requests, Table("workspaces"), Table("dispatch"), Table("people"))

    def submit(self, number: int = REQUEST, size: int = RECIPIENTS) -> None:
        outbox = Outbox(Table("workspaces"), Table("activity"), self.requests, self._queue)
        recipients: list[tuple[str, list[str]]] = [
            (f"+90555{number + index:07d}", []) for index in range(size)
        ]
        outbox.submit(
            WORKSPACE,
            NewRequest(
                id=number,
                first_id=number,
                kind=Kind.API,
                recipients=recipients,
                text="Merhaba",
                sender="3774",
                created_at=self.now,
                by="test",
            ),
        )

    def _queue(self, _: str, request: int) -> None:
        self.queue.waiting.append((self.now, json.dumps({"workspace": WORKSPACE, "request": request})))

    def take(self) -> None:
        """Everything that is queued, as it is due; what dies is brought again."""
        for _ in range(60):
            if not self.queue.waiting:
                return
            self.queue.waiting.sort()
            due, body = self.queue.waiting.pop(0)
            self.now = max(self.now, due)
            record = {"messageId": "m", "receiptHandle": "r", "body": body}
            context = SimpleNamespace(get_remaining_time_in_millis=lambda: 120_000)
            try:
                told = self.function.handler({"Records": [record]}, context)
            except Died:
                told = {"batchItemFailures": ["m"]}
            if told["batchItemFailures"]:
                self.queue.waiting.append((self.now + HIDDEN, body))
        pytest.fail("the request never came to its end")


@pytest.mark.parametrize("point", SENDING)
@pytest.mark.parametrize("letter", "ABCD")
def test_a_request_cut_at_any_crash_point_reaches_everybody_once(
    monkeypatch: pytest.MonkeyPatch, letter: str, point: str
) -> None:
    promise = CLASSES[letter]
    cloud = Requesting(monkeypatch, promise, [SENDING[point]])
    cloud.submit()
    cloud.take()
    assert not cloud.aws.cuts, "it was never cut"
    assert len(cloud.accepted) == len(set(cloud.accepted))
    statuses = [cloud.messages.get(WORKSPACE, REQUEST + n) for n in range(RECIPIENTS)]
    words = [found.status.word for found in statuses if found]
    assert set(words) <= {"sent", "uncertain"}
    if promise.resends:
        assert words == ["sent"] * RECIPIENTS == ["sent"] * len(cloud.accepted)
    assert words.count("sent") <= len(cloud.accepted)
