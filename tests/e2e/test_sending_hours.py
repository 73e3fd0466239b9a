"""Closed now: messages are held and campaigns wait; open: both go out, and nothing before [G1] [G2] [F9]."""

import os
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local import job
from local import stack as stacks

PEOPLE = [f"+90533812{number:04d}" for number in range(30)]
HELD = [f"+90533813{number:04d}" for number in range(5)]
TAKEN_BACK, TESTED = "+905338140001", "+905338140002"
EVERY_DAY = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
ADDRESS = "/v1/settings/sending-hours"


@pytest.fixture(scope="module")
def stack() -> Iterator[stacks.Stack]:
    """A stack of its own: sending hours are the workspace's."""
    name = f"hours-{uuid.uuid4().hex[:8]}"
    parameters = {"LeaseSeconds": "12", "AskAfterSeconds": "1", "GiveUpSeconds": "20"}
    try:
        yield stacks.start(name, parameters=parameters, owner=os.getpid())
    finally:
        stacks.stop(name)


def put_hours(stack: stacks.Stack, opens: datetime, minutes: int) -> None:
    tag = stack.api("GET", ADDRESS).headers["ETag"]
    body = {
        "enabled": True,
        "from": f"{opens:%H:%M}",
        "to": f"{opens + timedelta(minutes=minutes):%H:%M}",
        "weekdays": EVERY_DAY,
        "covers": ["campaigns", "api_messages"],
    }
    answer = stack.api("PUT", ADDRESS, body, {"If-Match": tag})
    assert answer.status == 200, answer.body


def send(stack: stacks.Stack, mobiles: list[str], **more: Any) -> list[int]:
    body = {"recipients": [{"mobile": mobile} for mobile in mobiles], "text": "Merhaba"} | more
    answer = stack.api("POST", "/v1/messages", body, {"Idempotency-Key": uuid.uuid4().hex})
    assert answer.status == 202, answer.body
    return [message["id"] for message in answer.body["messages"]]


def message(stack: stacks.Stack, number: int) -> dict[str, Any]:
    found: dict[str, Any] = stack.api("GET", f"/v1/messages/{number}").body
    return found


def wait_for(stack: stacks.Stack, numbers: list[int], status: set[str], patience: float) -> None:
    deadline = time.monotonic() + patience
    while not all(message(stack, number)["status"] in status for number in numbers):
        assert time.monotonic() < deadline, [message(stack, number) for number in numbers]
        time.sleep(0.5)


def test_what_waits_for_the_hours_goes_out_when_they_open_and_not_before(stack: stacks.Stack) -> None:
    rows = "".join(f"{mobile},Ada\n" for mobile in PEOPLE).encode()
    list_id = job.import_file(stack, "Waits", "waits.csv", rows, lambda _: None)["list_id"]
    tag = stack.api("GET", "/v1/settings").headers["ETag"]
    assert stack.api("PATCH", "/v1/settings", {"timezone": "UTC"}, {"If-Match": tag}).status == 200
    now = datetime.now(UTC)
    put_hours(stack, now + timedelta(hours=3), 60)
    numbers = send(stack, HELD, reference="order-7")
    (taken_back,) = send(stack, [TAKEN_BACK])
    campaign = job.start_campaign(stack, "Waits", list_id, "Merhaba %%1%%")
    wait_for(stack, [*numbers, taken_back], {"held"}, 60)
    shown = message(stack, numbers[0])
    assert shown["opens_at"] > f"{now + timedelta(hours=2, minutes=58):%Y-%m-%dT%H:%M}"
    assert shown["reference"] == "order-7"
    assert stack.api("POST", f"/v1/messages/{taken_back}/cancel").body["status"] == "cancelled"
    deadline = time.monotonic() + 60
    while stack.api("GET", f"/v1/campaigns/{campaign}").body["status"] != "waiting_for_window":
        assert time.monotonic() < deadline
        time.sleep(0.5)
    # a test of the campaign doesn't wait
    test = stack.api("POST", f"/v1/campaigns/{campaign}/test", {"numbers": [TESTED]})
    assert test.status == 202, test.body
    tested = test.body["messages"][0]["id"]
    wait_for(stack, [tested], {"sent", "received"}, 60)
    assert [accepted.to for accepted in job.truth(stack)[0]] == [TESTED]

    opens = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=3)
    put_hours(stack, opens, 30)  # what waits is waked, and now waits for this opening
    time.sleep(20)
    assert message(stack, numbers[0])["opens_at"] == f"{opens:%Y-%m-%dT%H:%M:00.000Z}"
    report = job.follow_campaign(stack, campaign, lambda _: None, patience=300)
    assert report["statuses"]["received"] + report["statuses"]["failed"] + report["statuses"]["sent"] == len(
        PEOPLE
    )
    wait_for(stack, numbers, {"sent", "received", "failed"}, 120)
    accepted, _ = job.truth(stack)
    assert sorted(each.to for each in accepted) == sorted([TESTED, *PEOPLE, *HELD])
    assert message(stack, taken_back)["status"] == "cancelled"
    assert datetime.now(UTC) >= opens
    assert job.denials(stack) == []
