"""One X-Request-Id finds every log line of what its request began; a webhook's and a drop's do so as well."""

import json
import time
import uuid
from collections.abc import Callable
from typing import Any

from local import job
from local.stack import Stack

LEG = {"call", "leg planned", "lane sent", "leg settled"}
IMPORT = {"upload received", "list validated", "part checked", "part loaded", "import ended"}


def lines(stack: Stack, word: str) -> list[dict[str, Any]]:
    """The JSON lines of all functions that hold a word."""
    logs = stack.client("logs")
    found = [
        event["message"]
        for group in logs.describe_log_groups()["logGroups"]
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
        for event in page["events"]
        if word in event["message"]
    ]
    return [json.loads(line) for line in found if line.startswith("{")]


def until(wanted: set[str], told: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Lines, once they have all the messages that are wanted, or as they are after 20 seconds."""
    deadline = time.monotonic() + 20
    while True:
        found = told()
        if wanted <= {line["message"] for line in found} or time.monotonic() > deadline:
            return found
        time.sleep(0.5)


def under(stack: Stack, request: str, wanted: set[str]) -> set[str]:
    """The messages of the lines whose correlation_id is `request`."""
    found = until(
        wanted, lambda: [line for line in lines(stack, request) if line.get("correlation_id") == request]
    )
    return {line["message"] for line in found}


def test_one_request_id_finds_a_whole_import_and_another_the_whole_campaign(stack: Stack) -> None:
    imports, campaigns = f"import.{uuid.uuid4().hex}", f"campaign.{uuid.uuid4().hex}"
    guests = stack.api("POST", "/v1/lists", {"name": f"Guests {imports}"}).body
    members = {"members": [{"mobile": f"+9053276510{n:02d}", "params": []} for n in range(3)]}
    path = f"/v1/lists/{guests['id']}/members/import"
    started = stack.api("POST", path, members, {"X-Request-Id": imports})
    assert started.status == 202, started
    deadline = time.monotonic() + 60
    while stack.api("GET", f"/v1/imports/{started.body['id']}").body["state"] != "done":
        assert time.monotonic() < deadline
        time.sleep(0.3)
    assert under(stack, imports, {"call", *IMPORT}) == {"call", *IMPORT}
    log = stack.api("GET", f"/v1/activity?about=import/{started.body['id']}").body["data"]
    assert [entry["what"] for entry in log] == ["import done", "import began", "import announced"]
    assert log[0]["detail"]["added"] == 3

    new = {"name": "Traced", "list_id": guests["id"], "text": "Kadifekale yarin.", "schedule": "now"}
    created = stack.api("POST", "/v1/campaigns", new, {"X-Request-Id": campaigns})
    assert created.status == 201, created
    job.follow_campaign(stack, created.body["id"], lambda _: None)
    assert under(stack, campaigns, LEG) == LEG
    # nothing that the campaign did is anywhere else
    of_campaign = [line for line in lines(stack, '"leg') if line.get("campaign") == created.body["id"]]
    assert {line["correlation_id"] for line in of_campaign} == {campaigns}


def test_a_dropped_file_and_a_carriers_post_are_found_by_one_id_each(stack: Stack) -> None:
    name = f"Drop {uuid.uuid4().hex}"
    done = job.import_file(stack, name, "drop.csv", b"+905327651100\n", lambda _: None)
    told = until(IMPORT, lambda: lines(stack, done["id"]))
    assert {line["message"] for line in told} == IMPORT
    assert len({line["correlation_id"] for line in told}) == 1

    campaign = job.start_campaign(stack, name, done["list_id"], "Kadifekale yarin.")
    job.follow_campaign(stack, campaign, lambda _: None)
    job.answer_stop(stack, ["+905327651100"])
    applied = {each for line in lines(stack, "receipts applied") for each in line["correlation_ids"]}
    told = until({"reply taken"}, lambda: lines(stack, "reply taken"))
    replied = {line["correlation_id"] for line in told}
    taken = {line["correlation_id"] for line in lines(stack, "webhook taken")}
    assert applied
    assert replied
    assert applied | replied <= taken
