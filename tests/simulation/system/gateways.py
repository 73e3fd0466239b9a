"""The generic HTTP gateway: one message per call, by the real connector, in the classes that can't be asked."""

import json
from typing import Any

from kabar.carriers.base import Answer
from kabar.domain.handover import Outcome, RecipientsRefused, Refused, Result, Throttled
from kabar.domain.messages import Message

NAME = "http"
PROMISES = {"A": "dedupes", "C": "echoes", "D": "nothing"}
WORDS = {Outcome.ACCEPTED: "ok", Outcome.REJECTED: "no", Outcome.DUPLICATE: "again"}


def account(letter: str) -> dict[str, Any]:
    """What a workspace's account says besides. In class D receipts name messages by the gateway's own ids."""
    answer = {"path": "status", "accepted": ["ok"], "rejected": ["no"], "duplicate": ["again"]}
    gateway: dict[str, Any] = {
        "fields": {"to": "{to}", "text": "{text}", "ref": "{id}"},
        "plus": True,
        "promise": PROMISES[letter],
        "rejecting": [400],
        "answer": answer | ({"id_path": "id"} if letter == "D" else {}),
        "receipts": {"own_id": letter == "D", "id": "ref"},
    }
    return {"gateway": gateway, "connections": 8}


def message_of(body: Any) -> Message:
    """The message that a request holds."""
    return Message(body["ref"], body["to"], body["text"], 1)


def answer_of(message: Message, result: Result) -> Answer:
    """What the gateway says of it."""
    said = {"status": WORDS[result.outcome], "id": f"carrier-{message.id}"}
    return Answer(200, {}, json.dumps(said).encode())


def refusal_of(error: Throttled | Refused | RecipientsRefused) -> Answer:
    """How it turns a call down."""
    if isinstance(error, Throttled):
        return Answer(429, {"retry-after": str(int(error.retry_after))})
    return Answer(401 if isinstance(error, Refused) else 400, {})
