"""What the customer's own systems are told [J2] [J3], how an answer is read and when it is tried again [J5].

Times and spans are epoch milliseconds and milliseconds. A callback's id is a hash of what it says, so that it is the
same on every attempt, in every process and after every crash [J4].
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum, StrEnum
from typing import Any

from standardwebhooks import Webhook

from kabar.domain.statuses import FINAL_RECEIPTS, Status

SECOND, HOUR = 1000, 3_600_000
LIFE = 120 * HOUR  # of a callback, from its first attempt or its parking
FIRST_WAIT, LONGEST_WAIT = 10 * SECOND, 30 * 60 * SECOND
REFERENCE = "kabar-reference"
RESERVED = frozenset(
    (
        "host",
        "content-length",
        "content-type",
        "transfer-encoding",
        "connection",
        "accept-encoding",
        REFERENCE,
    )
)
SIGNED = ("webhook-id", "webhook-timestamp", "webhook-signature")


class Kind(StrEnum):
    """What an endpoint is told of; each workspace has at most one endpoint of each [J1]."""

    REPLIES = "replies"
    RECEIPTS = "receipts"


@dataclass(frozen=True, slots=True)
class Callback:
    """One thing to tell. `born` is when it was stored, `reference` the client's own for an API message [F9]."""

    id: str
    body: str
    born: int
    reference: str | None = None


class Verdict(Enum):
    """What an answer means."""

    DELIVERED = "delivered"
    AGAIN = "again"
    DEAD = "dead"
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one attempt. `ailing` says that it is the endpoint and can't be this callback; `why` is a sentence
    without secrets; `not_before` is what a Retry-After asks for.
    """

    verdict: Verdict
    why: str = ""
    ailing: bool = False
    not_before: int | None = None


def telling(item: Mapping[str, Any], born: int) -> tuple[str, Kind, dict[str, Any]] | None:
    """(workspace, kind, what the queue carries) of a new item of the people table; None when nobody is told of it."""
    workspace, _, mobile = item["pk"].rpartition("#")
    if item["via"] == "reply":
        number = item.get("reply_id")
        if number is None:
            return None  # of an earlier release
        told = {"id": number, "mobile": mobile, "to": item["to"], "text": item["text"], "born": born}
        rest = {name: item.get(name) for name in ("message", "campaign", "reference")}
        return workspace, Kind.REPLIES, told | rest
    _, message, status = item["sk"].split("#")
    if Status.of(status) not in FINAL_RECEIPTS:
        return None
    told = {"id": int(message), "mobile": mobile, "status": status, "at": item["at"], "born": born}
    return workspace, Kind.RECEIPTS, told | {name: item.get(name) for name in ("campaign", "reference")}


def reply_callback(deployment: str, workspace: str, told: Mapping[str, Any]) -> Callback:
    """[J2]"""
    said = {"source": told["mobile"], "destination": told["to"], "content": told["text"]}
    if told["message"] is None:
        body = {"message-id": told["id"], **said}
    else:
        body = {"id": told["id"], **said, "reply-to": told["message"]}
        if told["campaign"] is not None:
            body["campaign-id"] = told["campaign"]
    name = webhook_id(deployment, workspace, told["id"], "reply")
    return Callback(name, _json(body), told["born"], told["reference"])


def receipt_callback(deployment: str, workspace: str, told: Mapping[str, Any], sent_at: int) -> Callback:
    """[J3]"""
    campaign = {} if told["campaign"] is None else {"CampaignID": told["campaign"]}
    body = {
        **campaign,
        "MessageId": told["id"],
        "Status": told["status"],
        "StatusDate": _moment(told["at"]),
        "Mobile": told["mobile"],
        "SentDate": _moment(sent_at),
    }
    name = webhook_id(deployment, workspace, told["id"], told["status"])
    return Callback(name, _json(body), told["born"], told["reference"])


def webhook_id(deployment: str, workspace: str, message: int, status: str) -> str:
    """The same for the same message and status, and nobody else's [J4]."""
    return "msg_" + hashlib.sha256(f"{deployment}#{workspace}#{message}#{status}".encode()).hexdigest()[:32]


def signed_headers(callback: Callback, secrets: Sequence[str], at: int) -> dict[str, str]:
    """Headers of Standard Webhooks, one signature per secret [J4], and the reference."""
    when = datetime.fromtimestamp(at // 1000, UTC)
    signatures = [Webhook(secret).sign(callback.id, when, callback.body) for secret in secrets]
    values = (callback.id, str(at // 1000), " ".join(signatures))
    reference = {REFERENCE: callback.reference} if callback.reference else {}
    return dict(zip(SIGNED, values, strict=True)) | reference


def read(status: int, headers: Mapping[str, str], now: int) -> Outcome:
    """What an answer means [J5]; `headers` in lower case."""
    if 200 <= status < 300:
        return Outcome(Verdict.DELIVERED)
    why = f"the endpoint answered {status}"
    if status == 410:
        return Outcome(Verdict.GONE, why)
    if 400 <= status < 500 and status not in (408, 429):
        return Outcome(Verdict.DEAD, why)
    if 300 <= status < 400:
        why = f"the endpoint answered {status}; redirects are not followed"
    not_before = retry_after(headers.get("retry-after", ""), now)
    return Outcome(Verdict.AGAIN, why, ailing=not_before is not None, not_before=not_before)


def retry_after(value: str, now: int) -> int | None:
    """The moment that a Retry-After names, in seconds or as a date; None when it names none to come."""
    if value.isascii() and value.isdecimal():
        return now + min(int(value[:9]), LIFE // SECOND) * SECOND if int(value[:9]) else None
    try:
        moment = int(parsedate_to_datetime(value).timestamp() * 1000)
    except (TypeError, ValueError, OverflowError):
        return None
    return min(moment, now + LIFE) if moment > now else None


def wait(failures: int, chance: float) -> int:
    """How long to wait after so many failures in a row (≥ 1): doubling, then even, less up to a half.

    `chance` is random in [0, 1); two endpoints that fail together are not tried together.
    """
    longest = min(LONGEST_WAIT, FIRST_WAIT * 2 ** min(failures - 1, 20))
    return int(longest * (1 - chance / 2))


def _json(body: Mapping[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False)


def _moment(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
