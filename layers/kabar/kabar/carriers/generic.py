"""Any gateway that takes one message per HTTP call, as the account's settings describe it (docs/carriers.md) [L1].

Nothing about a gateway is guessed: an answer that the settings don't name is unknown, never a success. Promise: what
the settings say [L3]; a gateway can be trusted with no more than its operator has promised. Gateways whose receipts
carry only ids of their own are followed through the id in their answer (`message_id`).

A path such as `messages.0.id` leads through JSON objects and lists. An answer in plain text is the list of its words:
`OK:12345` has `OK` at path `0` and `12345` at `1`.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

from kabar.carriers.answers import each_readable, refusal, retry_after
from kabar.carriers.base import Account, Answer, Call, Read, Request
from kabar.carriers.errors import BadWebhook
from kabar.domain.handover import AnswerLost, Busy, Outcome, Promise, Refused, Result, Throttled
from kabar.domain.inbound import part_of
from kabar.domain.messages import Message, Receipt, Reply
from kabar.domain.segments import Encoding
from kabar.domain.statuses import Status

PROMISES = {"dedupes": Promise.DEDUPES, "echoes": Promise.ECHOES, "nothing": Promise.NOTHING}
FORMATS = ("json", "form", "query")
_PLACE = re.compile(r"\{(to|text|from|id|alphabet|receipts_url|user|secret)\}")
_WORDS = re.compile(r"[\s:;,|=]+")

# what gateways and SMSCs commonly say (SMPP 3.4 §5.2.28 and its abbreviations); settings come on top
STATUSES = {
    **dict.fromkeys(("delivrd", "delivered", "received"), Status.RECEIVED),
    **dict.fromkeys(("expired",), Status.EXPIRED),
    **dict.fromkeys(("undeliv", "undelivered", "undeliverable", "failed", "deleted"), Status.FAILED),
    **dict.fromkeys(("rejectd", "rejected", "blocked"), Status.REJECTED),
    **dict.fromkeys(("frozen",), Status.FROZEN),
    **dict.fromkeys(("dead",), Status.DEAD),
    **dict.fromkeys(
        ("acceptd", "accepted", "sent", "submitted", "queued", "enroute", "buffered"), Status.SENT
    ),
}


@dataclass(frozen=True)
class Words:
    """What an answer says at `path` when the message was accepted, refused for its recipient, known already, or when
    the account itself was refused; `id_path` leads to the gateway's own id.
    """

    path: str = ""
    accepted: Sequence[str] = ()
    rejected: Sequence[str] = ()
    duplicate: Sequence[str] = ()
    refused: Sequence[str] = ()
    id_path: str = ""


@dataclass(frozen=True)
class Posts:
    """How the gateway posts receipts or replies: paths within each entry of the list at `items` (empty: the post).

    `part` of `parts`, with `part_of` in common, are those of a long reply that the gateway doesn't join itself.
    """

    format: str = "json"
    items: str = ""
    id: str = "id"
    own_id: bool = False
    mobile: str = ""
    status: str = "status"
    code: str = ""
    at: str = ""
    to: str = ""
    text: str = ""
    part: str = ""
    parts: str = ""
    part_of: str = ""
    statuses: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Gateway:
    """One gateway, as its settings form says; strings may hold {to} {text} {from} {id} {alphabet} {receipts_url} {user}
    {secret}; `alphabets` says what {alphabet} is for each of ours, `encodings` what the gateway charges as we count it.
    """

    method: str = "POST"
    format: str = "json"
    headers: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, Any] = field(default_factory=dict)
    plus: bool = False
    alphabets: Mapping[str, str] = field(default_factory=dict)
    encodings: Sequence[str] = ()
    promise: str = "nothing"
    rejecting: Sequence[int] = ()
    busy: Sequence[int] = ()
    answer: Words = Words()
    receipts: Posts = Posts()
    replies: Posts = Posts(status="")

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "Gateway":
        """From what is stored; names that aren't settings raise TypeError."""
        parts = {"answer": Words, "receipts": Posts, "replies": Posts}
        return cls(**{k: parts[k](**v) if k in parts else v for k, v in settings.items()})


class Generic:
    """The connector for one gateway."""

    name = "http"
    batch = 1

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self.promise = PROMISES[gateway.promise]
        self.encodings = frozenset({Encoding.GSM, *map(Encoding, gateway.encodings)})
        self.own_ids = gateway.receipts.own_id

    # POST https://gateway.example/send {"to": "41793026727", "text": "…", "ref": "1a2b3c4d-1000"}
    # 200 {"status": "ok", "id": "817790313235066447"}
    def send(
        self, account: Account, call: Call, sender: str, messages: Sequence[Message], seconds: float
    ) -> Mapping[str, Result]:
        (message,) = messages
        gateway = self._gateway
        values = {
            "to": message.mobile if gateway.plus else message.mobile.removeprefix("+"),
            "text": message.text,
            "from": sender if gateway.plus else sender.removeprefix("+"),
            "id": message.id,
            "alphabet": gateway.alphabets.get(message.alphabet, message.alphabet),
            "receipts_url": account.receipts_url or "",
            "user": account.user,
            "secret": account.api_key,
        }
        headers = {name.lower(): _filled(value, values) for name, value in gateway.headers.items()}
        body = _filled(gateway.fields, values)
        flat = [(name, str(value)) for name, value in body.items()] if gateway.format != "json" else []
        answer = call(
            Request(
                gateway.method,
                account.base_url,
                {"accept": "application/json, text/plain;q=0.5", **headers},
                body=body if gateway.format == "json" else None,
                query=flat if gateway.format == "query" else (),
                form=flat if gateway.format == "form" else (),
            ),
            seconds,
        )
        return {message.id: self._result(answer)}

    def ask(self, account: Account, call: Call, ids: Sequence[str], seconds: float) -> Mapping[str, Result]:
        raise NotImplementedError("no gateway of this kind can be asked")

    # such as {"ref": "1a2b3c4d-1000", "status": "DELIVRD", "to": "41793026727", "time": "2026-11-09T16:00:00Z"}
    def read_receipts(self, body: bytes) -> Read[Receipt]:
        posts = self._gateway.receipts
        words = STATUSES | {word.lower(): Status.of(status) for word, status in posts.statuses.items()}

        def read(entry: Mapping[str, Any]) -> Receipt:
            status = words.get(_word(entry, posts.status).lower())
            if status is None:
                raise BadWebhook("a receipt has a status that the settings don't name")
            mobile = "" if posts.own_id and not posts.mobile else _mobile(_word(entry, posts.mobile))
            code = _found(entry, posts.code) if posts.code else _word(entry, posts.status)
            return Receipt(_word(entry, posts.id), mobile, status, _time(entry, posts.at), str(code))

        return each_readable(_entries(body, posts), read)

    # such as {"id": "817790313235066447", "from": "385916242493", "to": "385921004026", "text": "QUIZ"}
    def read_replies(self, body: bytes) -> Read[Reply]:
        posts = self._gateway.replies

        def read(entry: Mapping[str, Any]) -> Reply:
            return Reply(
                id=_word(entry, posts.id),
                mobile=_mobile(_word(entry, posts.mobile)),
                to=_word(entry, posts.to),
                text=str(_found(entry, posts.text) or ""),
                at=_time(entry, posts.at),
                part=part_of(
                    *(_plain(_found(entry, path)) for path in (posts.part_of, posts.part, posts.parts))
                )
                if posts.part_of
                else None,
            )

        return each_readable(_entries(body, posts), read)

    def _result(self, answer: Answer) -> Result:
        """What the answer says of its one message; raises what it says of the call."""
        if answer.status == 429:
            raise Throttled("the gateway answered 429", retry_after(answer.headers))
        if answer.status in self._gateway.busy:
            raise Busy(f"the gateway answered {answer.status}")
        if answer.status in self._gateway.rejecting:
            return Result(Outcome.REJECTED, str(answer.status))
        if answer.status >= 500 or answer.status == 408 or answer.status < 200 or 300 <= answer.status < 400:
            raise AnswerLost(f"the gateway answered {answer.status}")
        if answer.status >= 400:
            raise refusal("the gateway", answer.status)
        return self._said(_parsed(answer.body))

    def _said(self, answer: Any) -> Result:
        words = self._gateway.answer
        carrier_id = _plain(_found(answer, words.id_path)) if words.id_path else ""
        if words.path:
            word = _plain(_found(answer, words.path))
            if word in words.refused:
                raise Refused(f"the gateway refused the account ({word})")
            if word in words.rejected:
                return Result(Outcome.REJECTED, word)
            if word in words.duplicate:
                return Result(Outcome.DUPLICATE, word, carrier_id)
            if not word or word not in words.accepted:
                raise AnswerLost("the gateway's answer says nothing that the settings name")
        if words.id_path and not carrier_id:
            raise AnswerLost("the gateway's answer has no message id where the settings say")
        return Result(Outcome.ACCEPTED, "", carrier_id)


def _filled(template: Any, values: Mapping[str, str]) -> Any:
    """The template with every placeholder replaced, literally and once."""
    if isinstance(template, str):
        return _PLACE.sub(lambda place: values[place[1]], template)
    if isinstance(template, Mapping):
        return {name: _filled(value, values) for name, value in template.items()}
    if isinstance(template, list | tuple):
        return [_filled(value, values) for value in template]
    return template


def _parsed(body: bytes) -> Any:
    """JSON, else the words of a text. Raises AnswerLost for bytes that are neither."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        pass
    try:
        return [word for word in _WORDS.split(body[:1000].decode()) if word]
    except UnicodeDecodeError as error:
        raise AnswerLost("the gateway's answer is no text") from error


def _found(entry: Any, path: str) -> Any:
    """What is at a path; None when there is nothing."""
    for name in path.split(".") if path else ():
        if isinstance(entry, Mapping):
            entry = entry.get(name)
        elif isinstance(entry, list) and name.isdecimal() and len(name) < 6 and int(name) < len(entry):
            entry = entry[int(name)]
        else:
            return None
    return entry


def _plain(value: Any) -> str:
    """A scalar as text, else nothing."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else ""


def _word(entry: Mapping[str, Any], path: str) -> str:
    word = _plain(_found(entry, path))
    if not word:
        raise BadWebhook(f"an entry has no {path}")
    return word


def _mobile(digits: str) -> str:
    return "+" + digits.removeprefix("+")


def _time(entry: Mapping[str, Any], path: str) -> int:
    """Epoch ms of ISO 8601 with an offset, epoch seconds or milliseconds; 0 when the gateway gives none."""
    value = _found(entry, path) if path else None
    if value is None:
        return 0
    word = _plain(value)
    if word.isdecimal() and len(word) < 15:
        return int(word) if len(word) > 11 else int(word) * 1000
    try:
        at = datetime.fromisoformat(word)
    except ValueError as error:
        raise BadWebhook("an entry has no readable time") from error
    if at.tzinfo is None:
        raise BadWebhook("an entry's time has no offset")
    return int(at.timestamp() * 1000)


def _entries(body: bytes, posts: Posts) -> list[dict[str, Any]]:
    """The post's entries. Raises BadWebhook."""
    try:
        if posts.format == "form":
            return [
                {name: values[-1] for name, values in parse_qs(body.decode(), max_num_fields=100).items()}
            ]
        found = _found(json.loads(body), posts.items)
    except (ValueError, RecursionError) as error:
        raise BadWebhook(f"the body is no {posts.format}") from error
    entries = found if isinstance(found, list) else [found]
    if not entries or not all(isinstance(entry, dict) for entry in entries):
        raise BadWebhook("the body holds no entries where the settings say")
    return entries
