"""A whole run on a stack that records: nobody may do what nobody does, and nothing written down names anyone."""

import json
import os
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from kabar.domain.hours import WEEKDAYS
from local import bootstrap, http, job, package, permissions
from local import stack as stacks
from local.permissions import Right

pytestmark = pytest.mark.xdist_group("permissions")

PARAMETERS = {
    "LeaseSeconds": "12",
    "AskAfterSeconds": "1",
    "GiveUpSeconds": "20",
    "PlanShardsAbove": "100",  # so the first campaign is planned shard by shard, smaller ones at once
}
PEOPLE = {f"+90532765{number:04d}": f"Zeyneb{number}" for number in range(120)}
STOPS = "+905327650007"
BLACKLISTED = "+905327650011"
JOINS = "+905327659990"
TEXT = "Sayin %%1%%, Kadifekale festivali yarin. Reply STOP to opt out."

# Granted, and not to be seen in a run: each with its reason.
UNSEEN = {
    # asked for by AWS when another call is made, never called
    Right("PlanLegFunction", "iam:PassRole"),
    Right("SettleLegFunction", "iam:PassRole"),
    Right("SendMessagesFunction", "iam:PassRole"),
    Right("ValidateListFunction", "s3:ListBucket"),  # lets a missing object be told from a forbidden one
    Right("ApiFunction", "s3:GetObject"),  # signed by the function, called by whoever holds the address
    Right("ApiFunction", "s3:PutObject"),  # the same
    # Lambda's own, as the function's role: a stream record that was given up, one message that stands for a batch
    Right("FollowPeopleFunction", "sqs:SendMessage"),
    Right("ReceiveWebhookFunction", "sqs:SendMessage"),
    Right("HandleReplyFunction", "sqs:SendMessage"),
    Right("ApiFunction", "lambda:InvokeFunction"),  # the engine's log leaves out who starts whom
    # several together are one call, which AWS asks for under the single one's name
    Right("ApiFunction", "sqs:SendMessage"),
    Right("SendMessagesFunction", "sqs:SendMessage"),
    Right("OpenWindowFunction", "sqs:SendMessage"),
    # the parts of a long reply, which the simulated carrier joins itself; proved in tests/functions
    Right("HandleReplyFunction", "dynamodb:Query", "DispatchTable"),
    Right("HandleReplyFunction", "dynamodb:UpdateItem", "DispatchTable"),
    Right("HandleReplyFunction", "dynamodb:DeleteItem", "DispatchTable"),
    # the engine's log calls both GetObject
    Right("ValidateListFunction", "s3:GetObjectVersion"),
    # a token that the API fetched first, a run handed on or repaired, callbacks given up while they are retried
    # or fail again; a reply to an API message: in tests/e2e/test_callbacks.py
    Right("RetryEndpointFunction", "dynamodb:PutItem", "CallbacksTable"),
    Right("DeliverCallbacksFunction", "dynamodb:Query", "WorkspacesTable"),
    Right("RetryEndpointFunction", "secretsmanager:PutSecretValue"),
    Right("RetryEndpointFunction", "secretsmanager:CreateSecret"),
    Right("RetryEndpointFunction", "states:StartExecution"),
    Right("RetryEndpointFunction", "ses:SendEmail"),
    Right("SweepFunction", "dynamodb:GetItem", "CallbacksTable"),
    Right("SweepFunction", "dynamodb:PutItem", "CallbacksTable"),
    Right("SweepFunction", "dynamodb:UpdateItem", "CallbacksTable"),
    Right("SweepFunction", "dynamodb:DeleteItem", "CallbacksTable"),
    # what only a rare moment brings, proved in tests/simulation, tests/functions and by `make chaos`
    # who got no receipt for 72 hours
    Right("SweepFunction", "dynamodb:GetItem", "DispatchTable"),
    Right("SweepFunction", "dynamodb:Query", "DispatchTable"),
    Right("SweepFunction", "dynamodb:BatchWriteItem", "PeopleTable"),
    Right("SweepFunction", "s3:GetObject"),
    Right("SweepFunction", "states:StartExecution"),  # a campaign that a crash left alone
    Right("SweepFunction", "states:DescribeExecution"),  # an import without progress for 20 minutes
    Right("SweepFunction", "lambda:InvokeFunction"),  # one whose execution is gone
    Right("SweepFunction", "dynamodb:BatchWriteItem", "MembersTable"),  # a list that was deleted a while ago
    Right("SweepFunction", "dynamodb:DeleteItem", "WorkspacesTable"),  # the same
    Right("SweepFunction", "dynamodb:UpdateItem", "WorkspacesTable"),  # a download whose execution is gone
    Right("ApiFunction", "cognito-idp:AdminGetUser"),  # an address that is known already
    Right("FinishImportFunction", "states:StartExecution"),  # a campaign that waits for its list
    # an opt-out while a file is written into the list
    Right("FinishImportFunction", "dynamodb:GetItem", "MembersTable"),
    Right("FinishImportFunction", "dynamodb:UpdateItem", "MembersTable"),
    Right("FinishImportFunction", "dynamodb:GetItem", "PeopleTable"),
    Right("FinishImportFunction", "dynamodb:ConditionCheckItem", "PeopleTable"),
    Right("SendLaneFunction", "dynamodb:PutItem", "ActivityTable"),  # a carrier that refuses every call
    # a receipt that nobody can place, a carrier that goes by its own ids, a lane that runs for more than seconds
    Right("ApplyReceiptsFunction", "dynamodb:BatchGetItem", "DispatchTable"),
    Right("ApplyReceiptsFunction", "dynamodb:UpdateItem", "DispatchTable"),
    Right("SendLaneFunction", "dynamodb:BatchGetItem", "DispatchTable"),
    Right("SendLaneFunction", "dynamodb:Query", "WorkspacesTable"),
    Right("SendMessagesFunction", "dynamodb:BatchGetItem", "DispatchTable"),
    Right("SendMessagesFunction", "dynamodb:Query", "WorkspacesTable"),
    Right("SendMessagesFunction", "sqs:SendMessageBatch"),  # a carrier that has to be waited for
    Right(
        "SendMessagesFunction", "dynamodb:DeleteItem", "WorkspacesTable"
    ),  # one that is back from an outage
    Right("SendMessagesFunction", "sqs:ChangeMessageVisibility"),  # a request that failed
    Right("OpenWindowFunction", "dynamodb:DeleteItem", "WorkspacesTable"),  # an opening that has long passed
    Right("ExportListFunction", "dynamodb:PutItem", "WorkspacesTable"),  # a file whose parts got lost
    Right("ExportInboxFunction", "dynamodb:PutItem", "WorkspacesTable"),  # the same
    Right("ExportReportFunction", "dynamodb:PutItem", "WorkspacesTable"),  # the same
    Right("SettleLegFunction", "s3:GetObject"),  # a cancel while the carrier is being called
    Right("PlanLegFunction", "states:StartExecution"),  # a campaign before this one, when the turn is free
    Right("PlanLegFunction", "scheduler:UpdateSchedule"),  # a leg begun before its time
    Right("PlanLegFunction", "scheduler:DeleteSchedule"),  # a leg that another execution has
    Right(
        "SettleLegFunction", "states:StartExecution"
    ),  # a turn passed on while another campaign waits for it
    Right("SettleLegFunction", "scheduler:CreateSchedule"),  # a wait whose schedule has fired already
    Right("PlanLegFunction", "dynamodb:DeleteItem", "WorkspacesTable"),  # a campaign whose list is gone
    Right("SettleLegFunction", "dynamodb:GetItem", "DispatchTable"),  # chunks that a cancel leaves open
    Right("SettleLegFunction", "dynamodb:UpdateItem", "DispatchTable"),  # the same
}


@pytest.fixture(scope="module")
def ran() -> Iterator[stacks.Stack]:
    """A stack on which everything was done once that a user and a carrier can do, and some of it went wrong."""
    name = f"recorded-{uuid.uuid4().hex[:8]}"
    try:
        stack = stacks.start(name, parameters=PARAMETERS, owner=os.getpid(), recording=True)
        _everything(stack)
        yield stack
    finally:
        stacks.stop(name)


def _everything(stack: stacks.Stack) -> None:
    ok(stack, "POST", "/v1/blacklist", {"mobile": BLACKLISTED})
    file = "".join(f"{mobile},{name}\n" for mobile, name in PEOPLE.items()) + "what,ever\n"
    imported = job.import_file(stack, "Guests", "guests.csv", file.encode(), ignored)
    job.import_file(stack, "Guests", "again.csv", f"{STOPS},Ayten\n".encode(), ignored)
    refused = job.import_file(stack, "Broken", "broken.csv", b"\x00\x01\x02\x03" * 64, ignored)
    assert refused["state"] == "failed", refused
    stack.carrier(
        "POST", "/_faults", {"seed": 1, "rules": [{"kind": "reset_after_accept", "share": 1, "times": 1}]}
    )
    _be_told(stack)
    first = job.start_campaign(stack, "First", imported["list_id"], TEXT)
    job.follow_campaign(stack, first, ignored)
    stack.carrier("DELETE", "/_faults")
    job.answer_stop(stack, [STOPS])
    stack.carrier(
        "POST", "/_replies", {"from": "+905327650008", "to": stack.sender, "text": "Kadifeler icin"}
    )
    _inbox(stack, imported["list_id"])
    _drafts(stack, imported["list_id"])
    _carrier(stack)
    _callbacks(stack)
    _explained(stack, first)
    _quick(stack)
    _control(stack, imported["list_id"])
    _members(stack, imported["list_id"])
    _files(stack)
    _read(stack, imported, first)
    _looks_ahead(stack, imported["list_id"])
    _messages(stack)
    ok(stack, "DELETE", f"/v1/blacklist/{BLACKLISTED}")
    gone = job.import_file(stack, "Gone", "gone.csv", f"{STOPS},Ayten\n".encode(), ignored)
    ok(stack, "POST", "/v1/lists/delete", {"list_ids": [gone["list_id"]]})
    sweep(stack)
    invited = ok(stack, "POST", "/v1/users", {"email": "a@example.com", "name": "Ayten", "role": "viewer"})
    ok(stack, "DELETE", f"/v1/users/{invited['id']}")


def _carrier(stack: stacks.Stack) -> None:
    """A gateway that is saved, saved again with another key, and tried; campaigns go through Infobip all the same."""
    form = {
        "base_url": f"{stack.carrier_url}/gateway/send",
        "rate": 10,
        "use": False,
        "fields": {"to": "{to}", "text": "{text}"},
        "answer": {"id_path": "id"},
    }
    for key in ("first", "second"):
        tag = stack.api("GET", "/v1/carriers/http").headers["ETag"]
        ok(stack, "PUT", "/v1/carriers/http", form | {"api_key": key}, {"If-Match": tag})
    ok(stack, "POST", "/v1/carriers/http/test")


def _drafts(stack: stacks.Stack, list_id: int) -> None:
    """A template, prices, a preview, and a pre-flight of a campaign that is then cancelled; one to a small list."""
    template = ok(stack, "POST", "/v1/templates", {"name": "Festival", "text": TEXT})
    tag = stack.api("GET", f"/v1/templates/{template['id']}").headers["ETag"]
    ok(stack, "PATCH", f"/v1/templates/{template['id']}", {"name": "Kadife"}, {"If-Match": tag})
    tag = stack.api("GET", "/v1/settings/prices").headers["ETag"]
    ok(stack, "PUT", "/v1/settings/prices", {"currency": "EUR", "countries": []}, {"If-Match": tag})
    ok(stack, "POST", "/v1/previews", {"template_id": template["id"], "list_id": list_id})
    later = {"at": "2031-12-01T09:00", "timezone": "Europe/Istanbul"}
    draft = {"name": "Looked at", "list_id": list_id, "template_id": template["id"], "schedule": later}
    campaign = ok(stack, "POST", "/v1/campaigns", draft)["id"]
    asked = ok(stack, "POST", "/v1/preflights", {"campaign_id": campaign})
    deadline = time.monotonic() + 30
    while ok(stack, "GET", f"/v1/preflights/{asked['id']}")["state"] == "running":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    ok(stack, "POST", f"/v1/campaigns/{campaign}/cancel")
    few = ok(stack, "POST", "/v1/lists", {"name": "Few"})["id"]
    ok(stack, "POST", f"/v1/lists/{few}/members", {"mobile": "+905327659996", "params": ["Zeyneb"]})
    job.follow_campaign(stack, job.start_campaign(stack, "Few", few, TEXT), ignored)
    ok(stack, "DELETE", f"/v1/templates/{template['id']}")


def _be_told(stack: stacks.Stack) -> None:
    """Of receipts, with a token; the first fails, another is refused."""
    oauth = {"token_url": f"{stack.callbacks_url}/token", "client_id": "kabar", "client_secret": "s3cret"}
    ok(stack, "PUT", "/v1/callbacks/receipts", {"url": f"{stack.callbacks_url}/receipts", "oauth": oauth})
    stack.customer("POST", "/_tokens", {"required": True})
    stack.customer("POST", "/_behave", {"rules": [{"status": 503, "times": 1}, {"status": 400, "times": 1}]})


def _callbacks(stack: stacks.Stack) -> None:
    """Endpoints saved, changed, tested, rotated, switched and removed; what was given up replayed."""
    _until_told(lambda: ok(stack, "GET", "/v1/callbacks/receipts/dead")["data"])
    _until_told(lambda: not ok(stack, "GET", "/v1/callbacks/receipts")["waiting"])
    (dead,) = ok(stack, "GET", "/v1/callbacks/receipts/dead")["data"]
    stack.customer("DELETE", "/_behave")
    stack.customer(
        "POST", "/_tokens", {"required": True, "revoke": True}
    )  # the next token replaces the one kept
    ok(stack, "POST", f"/v1/callbacks/receipts/dead/{dead['id']}/replay")
    _until_told(lambda: not ok(stack, "GET", "/v1/callbacks/receipts")["waiting"])
    url = f"{stack.callbacks_url}/replies"
    oauth = {"token_url": f"{stack.callbacks_url}/token", "client_id": "kabar", "client_secret": "s3cret"}
    ok(stack, "PUT", "/v1/callbacks/replies", {"url": url, "oauth": oauth})
    for revoke in (False, True):
        stack.customer("POST", "/_tokens", {"required": True, "revoke": revoke})
        assert ok(stack, "POST", "/v1/callbacks/replies/test")["delivered"]
    ok(stack, "POST", "/v1/callbacks/replies/rotate", {"overlap_hours": 0})
    ok(stack, "POST", "/v1/callbacks/replies/off")
    ok(stack, "POST", "/v1/callbacks/replies/on")
    ok(stack, "DELETE", "/v1/callbacks/replies")


def _until_told(holds: Callable[[], Any], patience: float = 60) -> None:
    deadline = time.monotonic() + patience
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.25)


def _control(stack: stacks.Stack, list_id: int) -> None:
    """A campaign that is paused, resumed and cancelled while the carrier is slow and another waits for its turn."""
    stack.carrier("POST", "/_faults", {"seed": 1, "latency_ms": 4000, "rules": []})
    going = job.start_campaign(stack, "Going", list_id, TEXT)
    _until(stack, going, "sending")
    waiting = job.start_campaign(stack, "Waiting", list_id, TEXT)
    sweep(stack)
    ok(stack, "POST", f"/v1/campaigns/{going}/pause")
    _until(stack, going, "paused")
    ok(stack, "POST", f"/v1/campaigns/{going}/resume")
    ok(stack, "POST", f"/v1/campaigns/{going}/cancel")  # at once: a moment later it may be over
    _until(stack, going, "cancelled")
    stack.carrier("DELETE", "/_faults")
    job.follow_campaign(stack, waiting, ignored)


def _explained(stack: stacks.Stack, campaign: int) -> None:
    """Those in one status as a file, one recipient, and all that was said with them."""
    export = ok(stack, "POST", f"/v1/reports/{campaign}/exports", {"status": "received"})
    _downloaded(stack, f"/v1/reports/{campaign}/exports/{export['id']}")
    mobile = next(iter(PEOPLE)).replace("+", "%2B")
    ok(stack, "GET", f"/v1/campaigns/{campaign}/recipients/{mobile}")
    assert ok(stack, "GET", f"/v1/conversations/{mobile}")["data"]


def _quick(stack: stacks.Stack) -> None:
    """A campaign with its list in one call, split in two; the second is put off until it is cancelled."""
    members = [{"mobile": mobile, "params": [name]} for mobile, name in list(PEOPLE.items())[20:24]]
    split = {"records": 2, "delay_minutes": 10_080}
    quick = {"name": "Quick", "text": TEXT, "schedule": "now", "members": members, "split": split}
    made = ok(stack, "POST", "/v1/quick-campaigns", quick, {"Idempotency-Key": uuid.uuid4().hex})
    job.follow_campaign(stack, made["campaign"]["id"], ignored)
    (second,) = ok(stack, "GET", "/v1/campaigns?search=quick%20(2")["data"]
    tag = stack.api("GET", f"/v1/campaigns/{second['id']}").headers["ETag"]
    ok(stack, "PATCH", f"/v1/campaigns/{second['id']}", {"name": "Quick later"}, {"If-Match": tag})
    ok(stack, "POST", f"/v1/campaigns/{second['id']}/speed", {"segments_per_second": 1})
    ok(stack, "POST", f"/v1/campaigns/{second['id']}/cancel")
    _until(stack, second["id"], "cancelled")
    draft = {"name": "Draft", "list_id": second["list_id"], "text": TEXT}
    ok(stack, "DELETE", f"/v1/campaigns/{ok(stack, 'POST', '/v1/campaigns', draft)['id']}")


def _until(stack: stacks.Stack, campaign: int, status: str, patience: float = 30) -> None:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        now = ok(stack, "GET", f"/v1/campaigns/{campaign}")["status"]
        if now in (status, *job.ENDED):
            return
        time.sleep(0.1)
    raise AssertionError(f"{now} instead of {status}")


def _inbox(stack: stacks.Stack, list_id: int) -> None:
    """A keyword that somebody new sends to a list whose replies are mailed and answered; opted out in the inbox."""
    tag = stack.api("GET", "/v1/settings/replies").headers["ETag"]
    ok(stack, "PATCH", "/v1/settings/replies", {"reply_response": "Tesekkurler"}, {"If-Match": tag})
    tag = stack.api("GET", f"/v1/lists/{list_id}").headers["ETag"]
    ok(stack, "PATCH", f"/v1/lists/{list_id}", {"email": "desk@example.com"}, {"If-Match": tag})
    keyword = ok(stack, "POST", "/v1/keywords", {"keyword": "Kadifekale", "list_id": list_id})
    said = {"from": JOINS, "to": stack.sender, "text": "kadifekale"}
    stack.carrier("POST", "/_replies", said)
    deadline = time.monotonic() + 30
    while not (found := ok(stack, "GET", "/v1/inbox?content=kadifekale&opted_out=false")["data"]):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    ok(stack, "POST", f"/v1/inbox/{found[0]['id']}/opt-out")
    ok(stack, "GET", f"/v1/inbox?mobile=%2B{JOINS[1:]}")
    ok(stack, "DELETE", f"/v1/inbox/{found[0]['id']}/opt-out")
    for wanted in ({}, {"mobile": JOINS}):
        asked = ok(stack, "POST", "/v1/inbox/exports", wanted)
        _downloaded(stack, f"/v1/inbox/exports/{asked['id']}")
    ok(stack, "DELETE", f"/v1/keywords/{keyword['id']}")
    ok(stack, "POST", f"/v1/keywords/{keyword['id']}/release")


def _looks_ahead(stack: stacks.Stack, list_id: int) -> None:
    """What a campaign would send, before it does."""
    template = ok(stack, "POST", "/v1/templates", {"name": "Festival", "text": TEXT})
    chosen = {"template_id": template["id"], "list_id": list_id}
    ok(stack, "POST", "/v1/previews", chosen)
    asked = ok(stack, "POST", "/v1/preflights", chosen)
    _finished(stack, f"/v1/preflights/{asked['id']}")
    ok(stack, "DELETE", f"/v1/templates/{template['id']}")


def _messages(stack: stacks.Stack) -> None:
    """Two at once; then outside the sending hours, one of which is taken back before they open."""
    send = {"text": TEXT, "recipients": [{"mobile": m, "params": ["Ayten"]} for m in list(PEOPLE)[100:102]]}
    sent = ok(stack, "POST", "/v1/messages", send)["messages"]
    _message(stack, sent[0]["id"], {"sent", "received", "failed"})
    hour = datetime.now(UTC).hour
    day = {"enabled": True, "weekdays": list(WEEKDAYS), "restricted_dates": []}
    hours = day | {
        "from": f"{(hour + 5) % 24:02d}:00",
        "to": f"{(hour + 6) % 24:02d}:00",
        "covers": ["api_messages"],
    }
    ok(stack, "PUT", "/v1/settings/sending-hours", hours, _etag(stack, "/v1/settings/sending-hours"))
    held, other = (ok(stack, "POST", "/v1/messages", send)["messages"] for _ in range(2))
    waits = _message(stack, held[0]["id"], {"held"})
    _message(stack, other[0]["id"], {"held"})
    ok(stack, "POST", f"/v1/messages/{other[0]['id']}/cancel")
    off = hours | {"enabled": False}
    ok(stack, "PUT", "/v1/settings/sending-hours", off, _etag(stack, "/v1/settings/sending-hours"))
    opening = int(datetime.fromisoformat(waits["opens_at"]).timestamp() * 1000)
    _invoke(stack, "OpenWindowFunction", {"workspace": stack.workspace, "opening": opening})
    _message(stack, held[0]["id"], {"sent", "received", "failed"})


def _message(stack: stacks.Stack, message: int, statuses: set[str], patience: float = 40) -> Any:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        seen = ok(stack, "GET", f"/v1/messages/{message}")
        if seen["status"] in statuses:
            return seen
        time.sleep(0.2)
    raise AssertionError(f"{seen['status']} instead of {statuses}")


def _etag(stack: stacks.Stack, path: str) -> dict[str, str]:
    return {"If-Match": stack.api("GET", path).headers["ETag"]}


def _finished(stack: stacks.Stack, path: str, patience: float = 30) -> None:
    deadline = time.monotonic() + patience
    while (seen := ok(stack, "GET", path))["state"] != "done":
        assert time.monotonic() < deadline, seen
        time.sleep(0.2)


def _members(stack: stacks.Stack, list_id: int) -> None:
    """One member by hand, and an answer that releases its Idempotency-Key."""
    members, mobile = f"/v1/lists/{list_id}/members", "+905327659999"
    once = {"Idempotency-Key": uuid.uuid4().hex}
    ok(stack, "POST", members, {"mobile": mobile, "params": ["Zeyneb"]}, once)
    ok(stack, "GET", f"{members}/{mobile}")
    ok(stack, "PUT", f"{members}/{mobile}/opt-out")
    ok(stack, "GET", f"{members}?opted_out=true")
    ok(stack, "GET", f"{members}?deleted=true")
    ok(stack, "DELETE", f"{members}/{mobile}/opt-out")
    ok(stack, "DELETE", f"{members}/{mobile}")
    nobody = {"name": "X", "list_id": 1, "text": TEXT, "schedule": "now"}
    refused = stack.api("POST", "/v1/campaigns", nobody, {"Idempotency-Key": uuid.uuid4().hex})
    assert refused.status >= 400


def _files(stack: stacks.Stack) -> None:
    """A file that was announced, one whose numbers are deleted once that is confirmed, one for the blacklist."""
    announced = ok(
        stack, "POST", "/v1/imports", {"purpose": "new_list", "list_name": "Asked", "filename": "asked.csv"}
    )
    file = b"".join(f"{mobile},{name}\n".encode() for mobile, name in list(PEOPLE.items())[50:60])
    form = announced["upload"]
    sent = httpx.post(form["url"], data=form["fields"], files={"file": ("asked.csv", file, "text/csv")})
    assert sent.status_code in {200, 204}
    assert job.follow_import(stack, announced["key"].split("/", 1)[1], ignored)["state"] == "done"
    halves = {"purpose": "new_list", "list_name": "Halves", "split": {"records": 5}}
    for state in ("done", "failed"):  # the second time the names are taken
        announced = ok(stack, "POST", "/v1/imports", halves)
        form = announced["upload"]
        httpx.post(form["url"], data=form["fields"], files={"file": ("halves.csv", file, "text/csv")})
        assert job.follow_import(stack, announced["key"].split("/", 1)[1], ignored)["state"] == state
    stack.drop("delete/Asked/gone.csv", f"{list(PEOPLE)[50]}\n+905327659998\n".encode())
    asked = job.follow_import(stack, "delete/Asked/gone.csv", ignored)
    ok(stack, "POST", f"/v1/imports/{asked['id']}/confirm")
    assert job.follow_import(stack, "delete/Asked/gone.csv", ignored)["state"] == "done"
    stack.drop("blacklist/never.csv", f"+905327659997\n{BLACKLISTED}\n".encode())
    assert job.follow_import(stack, "blacklist/never.csv", ignored)["state"] == "done"


def _read(stack: stacks.Stack, imported: dict[str, Any], campaign: int) -> None:
    for path in (
        "/v1/lists",
        f"/v1/lists/{imported['list_id']}",
        f"/v1/lists/{imported['list_id']}/members?limit=5",
        "/v1/imports",
        "/v1/campaigns",
        f"/v1/campaigns/{campaign}/report",
        "/v1/blacklist",
        "/v1/activity",
    ):
        ok(stack, "GET", path)
    asked = ok(stack, "POST", f"/v1/lists/{imported['list_id']}/exports")
    _downloaded(stack, f"/v1/lists/{imported['list_id']}/exports/{asked['id']}")
    view = ok(stack, "GET", f"/v1/imports/{imported['id']}")
    assert http.call("GET", view["rejected_file"]).status == 200


def _downloaded(stack: stacks.Stack, path: str, patience: float = 30) -> None:
    deadline = time.monotonic() + patience
    while (export := ok(stack, "GET", path))["state"] == "running" and time.monotonic() < deadline:
        time.sleep(0.2)
    assert http.call("GET", export["file"]).status == 200


def sweep(stack: stacks.Stack) -> None:
    _invoke(stack, "SweepFunction", {})


def _invoke(stack: stacks.Stack, logical: str, event: Any) -> None:
    functions = stack.client("lambda")
    (name,) = [
        function["FunctionName"]
        for page in functions.get_paginator("list_functions").paginate()
        for function in page["Functions"]
        if logical in function["FunctionName"]
    ]
    assert "FunctionError" not in functions.invoke(FunctionName=name, Payload=json.dumps(event).encode())


def ok(
    stack: stacks.Stack, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
) -> Any:
    answer = stack.api(method, path, body, headers)
    assert answer.status < 300, (method, path, answer.status, answer.body)
    return answer.body


def ignored(_: Any) -> None:
    pass


def test_nothing_is_granted_that_nobody_uses(ran: stacks.Stack) -> None:
    rights = permissions.granted(package.load())
    assert rights >= UNSEEN, "an exception for what isn't granted"
    unused = rights - permissions.used(ran) - UNSEEN
    assert not unused, "\n" + "\n".join(sorted(map(str, unused)))


def test_nothing_was_refused(ran: stacks.Stack) -> None:
    assert job.denials(ran) == []


def private(stack: stacks.Stack) -> list[str]:
    """What must be nowhere but in tables, objects and secrets."""
    account = stack.client("secretsmanager").get_secret_value(
        SecretId=f"kabar/carriers/{stack.workspace}/{bootstrap.CARRIER}"
    )
    secrets = json.loads(account["SecretString"])
    cursor = stack.client("secretsmanager").get_secret_value(SecretId="kabar/cursor-key")["SecretString"]
    token = secrets["receipts_url"].split("/")[-2]
    numbers = [mobile.removeprefix("+") for mobile in PEOPLE]
    return [
        *numbers,
        *("Zeyneb", "Ayten", "Kadife", "Sayin"),
        *(secrets["api_key"], secrets["webhook_password"], token, cursor),
        stack.api_key.split("_", 2)[2],
    ]


def test_no_log_names_a_number_a_person_a_text_or_a_secret(ran: stacks.Stack) -> None:
    logs = ran.client("logs")
    lines = [
        event["message"]
        for group in logs.describe_log_groups()["logGroups"]
        for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
        for event in page["events"]
    ]
    assert len(lines) > 50
    words = private(ran)
    assert [line for line in lines if any(word in line for word in words)] == []


def test_no_execution_history_does(ran: stacks.Stack) -> None:
    machines = ran.client("stepfunctions")
    histories = [
        json.dumps(machines.get_execution_history(executionArn=execution["executionArn"]), default=str)
        for machine in machines.list_state_machines()["stateMachines"]
        for execution in machines.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]
    ]
    assert len(histories) > 5
    words = private(ran)
    assert [word for history in histories for word in words if word in history] == []


def test_no_dead_letter_is_left(ran: stacks.Stack) -> None:
    queues = ran.client("sqs")
    dead = [url for url in queues.list_queues()["QueueUrls"] if "DeadLetters" in url]
    assert len(dead) == len([name for name in package.load()["Resources"] if name.endswith("DeadLetters")])
    for url in dead:
        assert "Messages" not in queues.receive_message(QueueUrl=url)
