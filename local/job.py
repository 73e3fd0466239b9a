"""The main job as a user does it: drop a file, follow the import, send a campaign, read its report.

Used by the demo, the end-to-end tests and the chaos run; everything goes through the API and the bucket.
"""

import json
import time
import urllib.parse
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from local import http
from local.bootstrap import CARRIER
from local.stack import Stack
from local.trouble import Trouble

Json = dict[str, Any]
Watch = Callable[[Json], None]

ENDED = frozenset({"completed", "cancelled", "failed", "missed"})
OPEN = ("pending", "held", "submitted", "sent")  # a receipt may still change these
_POLL = 0.25
_LOG_IDS = 220  # message ids per question to the carrier's log: what fits into an address


@dataclass(frozen=True)
class Accepted:
    """One message that the simulated carrier took, from its own log."""

    to: str
    sender: str
    id: str
    text: str
    segments: int


def import_file(stack: Stack, name: str, file: str, body: bytes, watch: Watch, patience: float = 120) -> Json:
    """Drop `body` into the list `name` and follow its import to the end. Raises Trouble."""
    key = f"lists/{name}/{file}"
    stack.drop(key, body)
    return follow_import(stack, key, watch, patience)


def follow_import(stack: Stack, key: str, watch: Watch, patience: float = 120) -> Json:
    """Follow the import of the object dropped as `key` until it is done or failed."""
    address = "/v1/imports?" + urllib.parse.urlencode({"key": f"{stack.workspace}/{key}"})
    for _ in _polls(patience, f"the import of {key}"):
        answer = stack.api("GET", address)
        if answer.status == 404:  # the event is on its way
            continue
        _expect(answer, 200, "the import")
        watch(answer.body)
        if answer.body["state"] in {"done", "failed", "needs_decision"}:
            return dict(answer.body)
    raise AssertionError  # _polls raises


def start_campaign(stack: Stack, name: str, list_id: int, text: str) -> int:
    """Create a campaign that starts now; returns its id."""
    body = {"name": name, "list_id": list_id, "text": text, "schedule": "now"}
    answer = stack.api("POST", "/v1/campaigns", body, {"Idempotency-Key": uuid.uuid4().hex})
    _expect(answer, 201, f"the campaign {name!r}")
    return int(answer.body["id"])


def follow_campaign(stack: Stack, campaign: int, watch: Watch, patience: float = 120) -> Json:
    """Follow a campaign until it has ended and no receipt is missing; returns its report.

    Raises Trouble when it takes longer than `patience` seconds.
    """
    report: Json = {}
    for _ in _polls(patience, f"campaign {campaign}"):
        head = stack.api("GET", f"/v1/campaigns/{campaign}")
        _expect(head, 200, "the campaign")
        report = {**campaign_report(stack, campaign), "status": head.body["status"]}
        watch(report)
        if report["status"] in ENDED and not any(report["statuses"].get(word) for word in OPEN):
            break
    return report


def campaign_report(stack: Stack, campaign: int) -> Json:
    answer = stack.api("GET", f"/v1/campaigns/{campaign}/report")
    _expect(answer, 200, "the report")
    return dict(answer.body)


def answer_stop(stack: Stack, phones: Iterable[str]) -> None:
    """Let simulated phones answer STOP to the default sender."""
    for phone in phones:
        stack.carrier("POST", "/_replies", {"from": phone, "to": stack.sender, "text": "STOP"})


def truth(stack: Stack, after: int = 0) -> tuple[list[Accepted], int]:
    """What the carrier accepted after entry `after` of its log, and where the log ends now."""
    accepted: list[Accepted] = []
    while True:
        page = stack.carrier("GET", f"/_truth?after={after}")
        accepted += [
            Accepted(entry["to"], entry["sender"], entry["id"], entry["text"], entry["segments"])
            for entry in page["accepted"]
        ]
        after = page["next"]
        if not page["more"]:
            return accepted, after


def carrier_statuses(stack: Stack, ids: Iterable[str], ended: dict[str, str]) -> dict[str, int]:
    """How many of these messages ended how, by the carrier's own log; words as in our reports.

    `ended` remembers from call to call what has ended, since the log may be read only 120 times a minute.
    """
    secret = stack.client("secretsmanager").get_secret_value(
        SecretId=f"kabar/carriers/{stack.workspace}/{CARRIER}"
    )
    headers = {"Authorization": f"App {json.loads(secret['SecretString'])['api_key']}"}
    found = {each: ended.get(each, "sent") for each in ids}
    wanted = [each for each in found if each not in ended]
    for start in range(0, len(wanted), _LOG_IDS):
        part = wanted[start : start + _LOG_IDS]
        query = urllib.parse.urlencode([*(("messageId", each) for each in part), ("limit", "1000")])
        answer = http.call("GET", f"{stack.carrier_url}/sms/3/logs?{query}", headers=headers)
        if answer.status == 429:
            time.sleep(float(answer.headers["Retry-After"]))
            answer = http.call("GET", f"{stack.carrier_url}/sms/3/logs?{query}", headers=headers)
        _expect(answer, 200, "the carrier's log")
        for entry in answer.body["results"]:
            found[entry["messageId"]] = _WORDS[entry["status"]["groupName"]]
    ended |= {each: word for each, word in found.items() if word != "sent"}
    return dict(Counter(found.values()))


_WORDS = {
    "DELIVERED": "received",
    "UNDELIVERABLE": "failed",
    "EXPIRED": "expired",
    "REJECTED": "rejected",
    "PENDING": "sent",
}


def until_none(differences: Callable[[], list[str]], patience: float = 30) -> list[str]:
    """Look again until nothing differs, since receipts may be on their way; what differs in the end."""
    deadline = time.monotonic() + patience
    while True:
        found = differences()
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(_POLL)


def denials(stack: Stack) -> list[str]:
    """Every refused permission in the functions' and the engine's logs; there must be none."""
    logs = stack.client("logs")
    messages = [
        event["message"]
        for group in logs.describe_log_groups()["logGroups"]
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
        for event in page["events"]
    ]
    messages += stack.engine.log.read_text(errors="replace").splitlines()
    return [message for message in messages if "AccessDenied" in message or "not authorized to" in message]


def _polls(patience: float, what: str) -> Iterator[None]:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        yield
        time.sleep(_POLL)
    raise Trouble(f"After {patience:.0f} s {what} still isn't finished.")


def _expect(answer: http.Answer, status: int, what: str) -> None:
    if answer.status != status:
        raise Trouble(f"The API answered {answer.status} instead of {status} for {what}: {answer.body}")
