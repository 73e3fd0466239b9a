"""Infobip SMS, API v3 (OpenAPI 3.210.0).

Promise: can be asked by our id (`GET /sms/3/logs?messageId=…`, 48 hours, reading does not consume) and refuses a
repeated `messageId` with status 23. For how long it remembers ids is not published, so a lost answer older than a
set age is uncertain instead of sent again.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from kabar.carriers.answers import each_readable, refusal, retry_after
from kabar.carriers.base import Account, Answer, Call, Read, Request
from kabar.carriers.errors import BadWebhook
from kabar.domain.handover import (
    AnswerLost,
    Outcome,
    Promise,
    RecipientsRefused,
    Result,
    Throttled,
)
from kabar.domain.messages import Message, Receipt, Reply
from kabar.domain.segments import Encoding
from kabar.domain.statuses import Status

DUPLICATE = 23
REJECTED_GROUP = 5
KNOWN_GROUPS = range(6)
_OF_RECIPIENT = re.compile(r"messages\[(\d{1,4})\]\.(?:content\.text|destinations\[\d+\]\.to)$")

# groupId -> status; the ids below say more than their group [carriers' registry]
GROUPS = {
    0: Status.SENT,
    1: Status.SENT,
    2: Status.FAILED,
    3: Status.RECEIVED,
    4: Status.EXPIRED,
    5: Status.REJECTED,
}
IDS = {2: Status.SENT}  # DELIVERED_TO_OPERATOR is no proof of the handset
DEAD_ERRORS = frozenset({1, 5, 9})  # unknown, unidentified, illegal subscriber

# Without `language` Infobip takes GSM-7 where that holds the text, else UCS-2, which can't be asked for. With it a
# part has room for the tables' headers too, so it is named only for texts that need a table.
LANGUAGES: dict[str, dict[str, Any]] = {
    "turkish_single": {"languageCode": "TR", "singleShift": True, "lockingShift": False},
    "turkish_locking": {"languageCode": "TR", "singleShift": False, "lockingShift": True},
    "turkish_both": {"languageCode": "TR", "singleShift": True, "lockingShift": True},
}


class Infobip:
    """The connector; stateless."""

    name = "infobip"
    promise = Promise.ASKABLE
    batch = 100
    encodings = frozenset(Encoding) - {Encoding.UCS2}
    own_ids = False

    # {"messages": [{"sender": "3774", "destinations": [{"to": "41793026727", "messageId": "1a2b3c4d-1000"}],
    #   "content": {"text": "…", "language": {…}}, "webhooks": {"delivery": {"url": "https://…"}, …}}]}
    def send(
        self, account: Account, call: Call, sender: str, messages: Sequence[Message], seconds: float
    ) -> Mapping[str, Result]:
        webhooks: dict[str, Any] = {}
        if account.receipts_url:
            delivery = {"url": account.receipts_url, "intermediateReport": False}
            webhooks = {"webhooks": {"delivery": delivery, "contentType": "application/json"}}
        body = {
            "messages": [
                {
                    "sender": sender.removeprefix("+"),
                    "destinations": [{"to": message.mobile.removeprefix("+"), "messageId": message.id}],
                    "content": _content(message),
                    **webhooks,
                }
                for message in messages
            ]
        }
        answer = call(Request("POST", f"{account.base_url}/sms/3/messages", _headers(account), body), seconds)
        if answer.status == 400:
            _blame(answer, messages)
        _check(answer)
        return _results(_items(answer, "messages"), {message.id for message in messages})

    def ask(self, account: Account, call: Call, ids: Sequence[str], seconds: float) -> Mapping[str, Result]:
        query = [("messageId", message_id) for message_id in ids] + [("limit", "1000")]
        answer = call(
            Request("GET", f"{account.base_url}/sms/3/logs", _headers(account), query=query), seconds
        )
        _check(answer)
        entries = [entry for entry in _items(answer, "results") if _status(entry).get("id") != DUPLICATE]
        return _results(entries, set(ids))

    # {"results": [{"messageId": "1a2b3c4d-1000", "to": "41793026727", "doneAt": "2019-11-09T16:00:00.000+0100",
    #   "status": {"groupId": 3, "id": 5, …}, "error": {"id": 0, "permanent": false, …}}]}
    def read_receipts(self, body: bytes) -> Read[Receipt]:
        return each_readable(_posted(body), _receipt)

    # {"results": [{"messageId": "817790313235066447", "from": "385916242493", "to": "385921004026",
    #   "text": "QUIZ Paris", "receivedAt": "2019-11-09T16:00:00.000+0000"}], "messageCount": 1, …}
    def read_replies(self, body: bytes) -> Read[Reply]:
        return each_readable(_posted(body), _reply)


def _content(message: Message) -> dict[str, Any]:
    language = LANGUAGES.get(message.alphabet)
    return {"text": message.text, "language": language} if language else {"text": message.text}


def _receipt(entry: Mapping[str, Any]) -> Receipt:
    status, error = entry.get("status"), entry.get("error") or {}
    if not isinstance(status, dict) or not isinstance(error, dict):
        raise BadWebhook("a result has no status object")
    word = IDS.get(_number(status, "id"), GROUPS.get(_number(status, "groupId")))
    if word is None:
        raise BadWebhook(f"status group {status.get('groupId')!r} is not in Infobip's registry")
    if _number(error, "id") in DEAD_ERRORS and error.get("permanent"):
        word = Status.DEAD
    code = f"{status.get('id')}/{error.get('id', 0)}"
    at = _time(entry.get("doneAt") or entry.get("sentAt"))
    return Receipt(_text(entry, "messageId"), _mobile(_text(entry, "to")), word, at, code)


def _reply(entry: Mapping[str, Any]) -> Reply:
    return Reply(
        id=_text(entry, "messageId"),
        mobile=_mobile(_text(entry, "from")),
        to=_text(entry, "to"),
        text=_text(entry, "text", empty=True),
        at=_time(entry.get("receivedAt")),
    )


def _headers(account: Account) -> dict[str, str]:
    return {"authorization": f"App {account.api_key}", "accept": "application/json"}


def _check(answer: Answer) -> None:
    """Raise what a status other than 2xx means for the whole call."""
    if 200 <= answer.status < 300:
        return
    if answer.status == 429:
        raise Throttled("Infobip answered 429", retry_after(answer.headers))
    if answer.status >= 500 or answer.status == 408 or answer.status < 400:
        raise AnswerLost(f"Infobip answered {answer.status}")
    raise refusal("Infobip", answer.status, _description(answer.body))


def _blame(answer: Answer, messages: Sequence[Message]) -> None:
    """Raise RecipientsRefused when every violation names the text or number of a message, and not of all of them."""
    try:
        violated = [str(violation["property"]) for violation in json.loads(answer.body)["violations"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        return
    found = [_OF_RECIPIENT.match(name) for name in violated]
    indexes = {int(match[1]) for match in found if match}
    if not indexes or not all(found) or max(indexes) >= len(messages) or len(indexes) == len(messages) > 1:
        return
    rejected = {messages[index].id: "400" for index in indexes}
    raise RecipientsRefused("Infobip refused the call because of some recipients", rejected)


def _description(body: bytes) -> str | None:
    """The error code and violated properties of an ApiError; never the values we sent. None when it isn't one."""
    try:
        error = json.loads(body)
        properties = [str(violation.get("property")) for violation in error.get("violations") or []]
        return " ".join([str(error["errorCode"]), *properties[:5]])
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
        return None


def _items(answer: Answer, name: str) -> list[dict[str, Any]]:
    try:
        items = json.loads(answer.body)[name]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise AnswerLost(f"Infobip answered {answer.status} with something that isn't its JSON") from error
    if not isinstance(items, list):
        raise AnswerLost(f"Infobip's {name} is not a list")
    return [item for item in items if isinstance(item, dict)]


def _status(item: Mapping[str, Any]) -> dict[str, Any]:
    status = item.get("status")
    return status if isinstance(status, dict) else {}


def _results(items: Sequence[Mapping[str, Any]], ours: set[str]) -> dict[str, Result]:
    """Results by our id, not by place; an id that comes twice, or without a status we know, is unknown."""
    results: dict[str, Result] = {}
    repeated: set[str] = set()
    for item in items:
        message_id, status = item.get("messageId"), _status(item)
        if (
            not isinstance(message_id, str)
            or message_id not in ours
            or status.get("groupId") not in KNOWN_GROUPS
        ):
            continue
        if message_id in results:
            repeated.add(message_id)
        code = str(status.get("id", ""))
        if status.get("id") == DUPLICATE:
            results[message_id] = Result(Outcome.DUPLICATE, code)
        elif status["groupId"] == REJECTED_GROUP:
            results[message_id] = Result(Outcome.REJECTED, code)
        else:
            results[message_id] = Result(Outcome.ACCEPTED, code)
    return {message_id: result for message_id, result in results.items() if message_id not in repeated}


def _posted(body: bytes) -> list[dict[str, Any]]:
    try:
        results = json.loads(body)["results"]
    except (ValueError, KeyError, TypeError) as error:
        raise BadWebhook("the body is not a JSON object with results") from error
    if not isinstance(results, list) or not all(isinstance(entry, dict) for entry in results):
        raise BadWebhook("results is not a list of objects")
    return results


def _text(entry: Mapping[str, Any], name: str, *, empty: bool = False) -> str:
    value = entry.get(name)
    if not isinstance(value, str) or not (value or empty):
        raise BadWebhook(f"a result has no {name}")
    return value


def _number(entry: Mapping[str, Any], name: str) -> int:
    """An id of Infobip's registry; -1, which is none, for anything that isn't a number."""
    value = entry.get(name)
    return value if isinstance(value, int) else -1


def _mobile(digits: str) -> str:
    return "+" + digits.removeprefix("+")


def _time(value: Any) -> int:
    """Epoch milliseconds of `2019-11-09T16:00:00.000+0100`."""
    try:
        at = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise BadWebhook("a result has no readable time") from error
    if at.tzinfo is None:
        raise BadWebhook("a result's time has no offset")
    return int(at.timestamp() * 1000)
