"""`handle_reply` over the in-memory tables: a person who got message 5001 of campaign 4000 to list 3000."""

import json
from contextlib import suppress
from types import ModuleType
from typing import Any

import pytest

from kabar.storage import keys, mail
from tests.functions.fake_dynamo import FakeDynamo, client_error
from tests.functions.loading import load, queued

MOBILE = "+6421555666"
SENT_AT, REPLIED_AT = 1772359200000, 1772359500000
HOURS = 3_600_000
CARRIER_ID = "817790313235066447"
DEFAULT = {"reply_response": "Thanks", "opt_out_response": "Bye"}


class Cut(Exception):
    """The process died."""


class Post:
    """SES: mails in `sent`; `fails` holds the next failures, or their codes."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.fails: list[str | Exception] = []

    def send_email(self, **mail: Any) -> None:
        if self.fails:
            failure = self.fails.pop(0)
            raise client_error(failure) if isinstance(failure, str) else failure
        self.sent.append(mail)


class Queue:
    """SQS: `bodies` of what was queued; `fails` counts the refusals to come."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.fails = 0

    def send_message_batch(self, **request: Any) -> dict[str, Any]:
        if self.fails:
            self.fails -= 1
            return {"Failed": [{"Id": entry["Id"]} for entry in request["Entries"]]}
        self.bodies += [json.loads(entry["MessageBody"]) for entry in request["Entries"]]
        return {}


def loaded(
    dynamo: FakeDynamo, monkeypatch: pytest.MonkeyPatch, post: Post | None = None, queue: Queue | None = None
) -> ModuleType:
    """The function, cold."""
    monkeypatch.setattr("kabar.storage.dynamo.time.sleep", lambda _: None)
    monkeypatch.setattr("kabar.storage.queues.time.sleep", lambda _: None)
    mail.client.cache_clear()
    return load("handle_reply", monkeypatch, dynamodb=dynamo, ses=post or Post(), sqs=queue or Queue())


def tables() -> FakeDynamo:
    """Settings, the list with its member, the message."""
    fake = FakeDynamo()
    settings(fake)
    fake.seed("workspaces", keys.list_head("acme", 3000), members=1, opted_out=0)
    fake.seed("members", keys.member(3000, MOBILE), mobile=MOBILE, params=["Amy"])
    submitted(fake, 5001)
    return fake


def settings(dynamo: FakeDynamo, **changes: Any) -> None:
    decided = {
        "name": "acme",
        "timezone": "UTC",
        "sender": "3774",
        "carrier": "infobip",
        "max_digits": 14,
    } | changes
    dynamo.seed("workspaces", keys.settings("acme"), **decided)


def submitted(dynamo: FakeDynamo, message: int, mobile: str = MOBILE, **changes: Any) -> None:
    fact = {
        "at": SENT_AT,
        "sender": "3774",
        "campaign": 4000,
        "list": 3000,
        "chunk": 0,
        "pos": message - 5000,
    }
    dynamo.seed("people", keys.fact("acme", mobile, message, "submitted"), **fact | changes)


def reply(text: str = "STOP", **changes: Any) -> dict[str, Any]:
    said = {"id": CARRIER_ID, "mobile": MOBILE, "to": "3774", "text": text, "at": REPLIED_AT}
    return {"workspace": "acme", "carrier": "infobip", "reply": said | changes}


def inbox(dynamo: FakeDynamo, carrier_id: str = CARRIER_ID) -> dict[str, Any]:
    return dynamo.find("people", keys.reply("acme", MOBILE, "infobip", carrier_id)) or {}


def standing(dynamo: FakeDynamo) -> dict[str, Any]:
    return dynamo.find("people", keys.standing("acme", MOBILE)) or {}


def member(dynamo: FakeDynamo) -> dict[str, Any]:
    return dynamo.find("members", keys.member(3000, MOBILE)) or {}


def counted(dynamo: FakeDynamo) -> int:
    return int((dynamo.find("workspaces", keys.list_head("acme", 3000)) or {})["opted_out"])


def keyword(dynamo: FakeDynamo, word: str = "Tes2", **changes: Any) -> None:
    """One of list 3001, which is empty."""
    dynamo.seed(
        "workspaces", keys.list_head("acme", 3001), id=3001, name="Pool", members=0, keywords={"9000"}
    )
    item = {"id": 9000, "word": word, "list_id": 3001, "active": True, "encoding": "gsm", "version": 1}
    dynamo.seed("workspaces", keys.keyword("acme", 9000), **item | changes)
    dynamo.seed("workspaces", keys.keyword_word("acme", word.lower()), keyword_id=9000)


def later(dynamo: FakeDynamo) -> None:
    """The queue brings it again when whoever had it must be dead."""
    for item in dynamo.tables["people"].values():
        if "mail_begun_at" in item:
            item["mail_begun_at"] -= 100_000


def cut(function: ModuleType, dynamo: FakeDynamo, writes: int, one: dict[str, Any]) -> None:
    """The function gets this and its process dies after so many writes."""

    def die() -> None:
        raise Cut

    dynamo.before += [*[lambda: None] * writes, die]
    with suppress(ExceptionGroup, Cut):
        function.handler(queued(one), None)
    dynamo.before.clear()


@pytest.fixture
def dynamo() -> FakeDynamo:
    return tables()


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def queue() -> Queue:
    return Queue()


@pytest.fixture
def function(dynamo: FakeDynamo, post: Post, queue: Queue, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return loaded(dynamo, monkeypatch, post, queue)
