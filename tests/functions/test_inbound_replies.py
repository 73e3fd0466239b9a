"""Posts of replies from a gateway that signs them: what isn't its own writes nothing, what is arrives once [L4]."""

import base64
import hashlib
import hmac
import json
import random
import time
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from kabar.storage import keys
from tests.functions.fake_dynamo import FakeDynamo
from tests.functions.loading import load, queued
from tests.functions.reply_rig import MOBILE, Post, tables
from tests.functions.test_receive_webhook import FakeQueues

SECRET = "a long and secret word"
GATEWAY = {"replies": {"items": "messages", "id": "id", "mobile": "from", "to": "to", "text": "text"}}
PROOF = {"scheme": "hmac", "header": "X-Signature", "prefix": "sha256=", "timestamp_header": "X-Timestamp"}


@pytest.fixture
def dynamo() -> FakeDynamo:
    fake = tables()
    webhook = {"workspace": "acme", "carrier": "http", "secret": "stack/carriers/acme/http"}
    fake.seed("workspaces", keys.webhook("t0ken"), **webhook)
    fake.seed("workspaces", keys.carrier("acme", "http"), gateway=GATEWAY, proof=PROOF)
    return fake


@pytest.fixture
def sqs() -> FakeQueues:
    return FakeQueues()


@pytest.fixture
def clients(dynamo: FakeDynamo, sqs: FakeQueues, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr("kabar.storage.queues.time.sleep", lambda _: None)
    monkeypatch.setattr("kabar.storage.dynamo.time.sleep", lambda _: None)
    known = SimpleNamespace(
        get_secret_value=lambda **_: {"SecretString": json.dumps({"webhook_password": SECRET})}
    )
    return {"dynamodb": dynamo, "sqs": sqs, "secretsmanager": known, "ses": Post()}


@pytest.fixture
def receive(clients: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return load("receive_webhook", monkeypatch, **clients)


@pytest.fixture
def handle(clients: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return load("handle_reply", monkeypatch, **clients)


def body(*messages: dict[str, Any]) -> bytes:
    return json.dumps({"messages": messages}, ensure_ascii=False).encode()


def said(number: int, text: str = "hello", mobile: str = MOBILE) -> dict[str, Any]:
    return {"id": f"m{number}", "from": mobile[1:], "to": "3774", "text": text}


def post(content: bytes, *, at: float | None = None, secret: str = SECRET, **changes: Any) -> dict[str, Any]:
    """As the gateway posts it: the signature is of the seconds, a dot and the bytes."""
    seconds = str(int(at or time.time()))
    digest = hmac.new(secret.encode(), seconds.encode() + b"." + content, hashlib.sha256).hexdigest()
    return {
        "path": "/webhooks/http/t0ken/replies",
        "pathParameters": {"carrier": "http", "token": "t0ken"},
        "headers": {"X-Timestamp": seconds, "X-Signature": f"sha256={digest}"},
        "body": content.decode(),
        "isBase64Encoded": False,
        "requestContext": {"requestId": "r"},
    } | changes


def status(receive: ModuleType, event: dict[str, Any]) -> int:
    return int(receive.handler(event, None)["statusCode"])


def waiting(sqs: FakeQueues) -> list[Any]:
    return sqs.queues.get("replies", [])


def test_f26_a_post_that_is_forged_stale_altered_or_for_another_webhook_writes_nothing(
    receive: ModuleType, sqs: FakeQueues, dynamo: FakeDynamo
) -> None:
    good, stop = body(said(1)), body(said(1, "STOP"))
    before = dict(dynamo.tables["workspaces"])
    signed = post(good)
    unsigned = {name: value for name, value in signed["headers"].items() if name != "X-Signature"}
    hostile = [
        post(good, secret="a guess"),
        post(good, at=time.time() - 301),
        post(good, at=time.time() + 301),
        {**signed, "body": stop.decode()},
        {**signed, "headers": {**signed["headers"], "X-Timestamp": str(int(time.time()) - 7)}},
        {**signed, "headers": unsigned},
        {**signed, "headers": {**signed["headers"], "X-Signature": ""}},
        {**signed, "headers": None},
        {**signed, "body": good.decode() + " "},
    ]
    assert [status(receive, event) for event in hostile] == [401] * len(hostile)
    other = {**signed, "pathParameters": {"carrier": "http", "token": "guess"}}
    assert status(receive, other) == 404
    assert waiting(sqs) == []
    assert dynamo.tables["workspaces"] == before
    assert dynamo.tables["people"].keys() == tables().tables["people"].keys()


def test_f26_a_post_that_is_replayed_is_the_same_replies(
    receive: ModuleType, handle: ModuleType, sqs: FakeQueues, dynamo: FakeDynamo
) -> None:
    event = post(body(said(1, "STOP"), said(2)))
    assert [status(receive, event) for _ in range(3)] == [200] * 3
    assert len(waiting(sqs)) == 6
    handle.handler(queued(*waiting(sqs)), None)
    kept = [row["id"] for row in dynamo.tables["people"].values() if row.get("via") == "reply"]
    assert sorted(kept) == ["m1", "m2"]
    assert len(dynamo.tables["activity"]) == 1


@pytest.mark.parametrize("text", ["Açılış 🎉 ne zaman?", "ＳＴＯＰ", "退订"])
def test_f79_a_base64_body_is_proved_over_its_raw_bytes(
    receive: ModuleType, sqs: FakeQueues, text: str
) -> None:
    content = body(said(1, text))
    encoded: dict[str, Any] = {"body": base64.b64encode(content).decode(), "isBase64Encoded": True}
    assert status(receive, post(content, **encoded)) == 200
    assert waiting(sqs)[0]["reply"]["text"] == text
    of_the_encoded = post(base64.b64encode(content), isBase64Encoded=True)
    assert status(receive, of_the_encoded) == 401


def test_a_post_that_is_too_large_is_refused_before_anything_is_looked_up(
    receive: ModuleType, dynamo: FakeDynamo, sqs: FakeQueues
) -> None:
    assert status(receive, post(body(said(1, "x" * (4 * 1024 * 1024))))) == 413
    assert dynamo.calls == []
    assert waiting(sqs) == []


def test_f27_a_burst_of_1000_posts_loses_nothing_though_queue_and_tables_falter(
    receive: ModuleType, handle: ModuleType, sqs: FakeQueues, dynamo: FakeDynamo
) -> None:
    """What is answered 200 is in the queue, what isn't is posted again, and what the queue has becomes a reply."""
    dice = random.Random(27)  # noqa: S311  # any will do
    posts = [post(body(said(n, f"n{n}", f"+6421555{n:04d}"))) for n in range(1_000)]
    rounds = 0
    while posts:
        rounds += 1
        left = []
        for event in posts:
            sqs.refusals = 5 if dice.random() < 0.2 else 0  # the last try of one call in five fails too
            if status(receive, event) != 200:
                left.append(event)
        posts = left
    sqs.refusals = 0
    assert rounds > 1
    bodies = waiting(sqs)
    assert len({each["reply"]["id"] for each in bodies}) == 1_000
    dice.shuffle(bodies)
    _slim(dynamo)
    for start in range(0, len(bodies), 10):
        batch = bodies[start : start + 10]
        if dice.random() < 0.1:
            dynamo.before += [*[lambda: None] * dice.randrange(20), _fail]
        try:
            handle.handler(queued(*batch), None)
        except ExceptionGroup:
            handle.handler(queued(*batch), None)  # the queue brings it again
        dynamo.before.clear()
    kept = [row["text"] for row in dynamo.tables["people"].values() if row.get("via") == "reply"]
    assert sorted(kept) == sorted(f"n{n}" for n in range(1_000))
    assert all("todo" not in row for row in dynamo.tables["people"].values())


def _fail() -> None:
    raise ConnectionError("the table didn't answer")


def _slim(dynamo: FakeDynamo) -> None:
    """Nobody in this burst was sent anything: spare the fake its search through everybody's facts."""
    dynamo.query = lambda **_: {"Items": []}  # type: ignore[method-assign]
