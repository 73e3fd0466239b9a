"""Closed now: messages are held and campaigns wait; open: both go out, and nothing before [G1] [G2] [F9]."""

import os
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from local import job
from local import stack as stacks

PEOPLE = [f"+90533812{number:04d}" for number in range(30)]
HELD = [f"+90533813{number:04d}" for number in range(5)]
TAKEN_BACK, TESTED = "+905338140001", "+905338140002"
IN_TURKEY = [f"+90533815{number:04d}" for number in range(12)]
IN_INDIA = [f"+9198765{number:05d}" for number in range(7)]  # two and a half hours ahead of Turkey
ASKED_TURKEY, ASKED_INDIA = "+905338160001", "+919876599999"
NOWHERE = "+870773381500"
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


def put_hours(stack: stacks.Stack, opens: datetime, minutes: int, zone_of: str = "workspace") -> None:
    tag = stack.api("GET", ADDRESS).headers["ETag"]
    body = {
        "enabled": True,
        "from": f"{opens:%H:%M}",
        "to": f"{opens + timedelta(minutes=minutes):%H:%M}",
        "weekdays": EVERY_DAY,
        "covers": ["campaigns", "api_messages"],
        "zone_of": zone_of,
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


def wait_for_campaign(stack: stacks.Stack, campaign: int, status: str) -> None:
    deadline = time.monotonic() + 120
    while (found := stack.api("GET", f"/v1/campaigns/{campaign}").body)["status"] != status:
        assert time.monotonic() < deadline, found
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
    wait_for_campaign(stack, campaign, "waiting_for_window")
    # a test of the campaign doesn't wait
    test = stack.api("POST", f"/v1/campaigns/{campaign}/test", {"numbers": [TESTED]})
    assert test.status == 202, test.body
    tested = test.body["messages"][0]["id"]
    wait_for(stack, [tested], {"sent", "received"}, 60)
    assert [accepted.to for accepted in job.truth(stack)[0]] == [TESTED]

    opens = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=3)
    put_hours(stack, opens, 30)  # what waits is waked, and now waits for this opening
    deadline = time.monotonic() + 60
    while message(stack, numbers[0])["opens_at"] != f"{opens:%Y-%m-%dT%H:%M:00.000Z}":
        assert time.monotonic() < deadline, message(stack, numbers[0])
        time.sleep(0.5)
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


def rule(stack: stacks.Stack, campaign: int, mobile: str) -> str | None:
    """Why nothing was handed over."""
    found = stack.api("GET", f"/v1/campaigns/{campaign}/recipients/{mobile}")
    assert found.status == 200, found.body
    said: str | None = found.body["rule"]
    return said


def test_each_gets_it_in_the_hours_of_their_own_zone_or_is_left_out_with_the_rule(
    stack: stacks.Stack,
) -> None:
    """[G3]"""
    before = {each.to for each in job.truth(stack)[0]}
    rows = "".join(f"{mobile},Ada\n" for mobile in [*IN_INDIA, *IN_TURKEY, NOWHERE]).encode()
    list_id = job.import_file(stack, "Wide", "wide.csv", rows, lambda _: None)["list_id"]
    now = datetime.now(UTC)
    put_hours(stack, now.astimezone(ZoneInfo("Europe/Istanbul")) - timedelta(hours=1), 120, "recipient")
    held, sent = send(stack, [ASKED_INDIA, ASKED_TURKEY])
    campaign = job.start_campaign(stack, "Wide", list_id, "Merhaba %%1%%")
    wait_for(stack, [sent], {"sent", "received", "failed"}, 120)
    wait_for(stack, [held], {"held"}, 60)
    wait_for_campaign(stack, campaign, "waiting_for_window")
    assert {each.to for each in job.truth(stack)[0]} - before == {*IN_TURKEY, ASKED_TURKEY}
    opens = datetime.fromisoformat(message(stack, held)["opens_at"])
    assert timedelta(hours=18) < opens - now < timedelta(hours=24)
    report = stack.api("GET", f"/v1/campaigns/{campaign}/report").body
    assert (report["statuses"]["suppressed"], report["statuses"]["pending"]) == (1, len(IN_INDIA))
    assert [rule(stack, campaign, mobile) for mobile in (IN_INDIA[0], NOWHERE)] == ["held", "no_common_hours"]
    put_hours(stack, now.astimezone(ZoneInfo("Asia/Kolkata")) - timedelta(hours=1), 120, "recipient")
    report = job.follow_campaign(stack, campaign, lambda _: None, patience=300)
    wait_for(stack, [held], {"sent", "received", "failed"}, 120)
    accepted = [each.to for each in job.truth(stack)[0] if each.to not in before]
    assert sorted(accepted) == sorted([*IN_TURKEY, *IN_INDIA, ASKED_TURKEY, ASKED_INDIA])
    assert report["statuses"]["suppressed"] == 1
    assert job.denials(stack) == []
