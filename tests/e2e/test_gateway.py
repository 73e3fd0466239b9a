"""A gateway of one message per call, set up over the API: a campaign goes out, signed receipts come back [L1] [L4]."""

import json
import secrets
import time
from typing import Any

import pytest

from kabar.storage.dynamo import Table
from local import bootstrap, http
from local.stack import Stack

PEOPLE = [f"+9059971{n:05d}" for n in range(40)]
FORM = {
    "rate": 500,
    "connections": 48,
    "headers": {"X-Api-Key": "{secret}"},
    "fields": {"to": "{to}", "from": "{from}", "text": "{text}", "ref": "{id}", "dlr_url": "{receipts_url}"},
    "promise": "echoes",
    "answer": {"path": "status", "accepted": ["accepted"], "rejected": ["rejected"], "id_path": "id"},
    "receipts": {"id": "ref", "mobile": "to", "status": "status", "at": "time"},
    "proof": {
        "scheme": "hmac",
        "header": "X-Signature",
        "prefix": "sha256=",
        "timestamp_header": "X-Timestamp",
    },
}


class Workspace:
    """A workspace of its own, so that the first one keeps its carrier."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.name = f"gates-{secrets.token_hex(3)}"
        client = stack.client
        table = Table(stack.outputs["WorkspacesTable"], client("dynamodb"))
        wanted = bootstrap.Wanted(self.name, "UTC", "", "Kabar", stack.carrier_url, 100)
        bootstrap.open_workspace(client, "kabar", table, stack.api_url, wanted, "unused")
        self.key = bootstrap.first_key(client, "kabar", stack.outputs, self.name, "tests", bootstrap.SCOPES)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> http.Answer:
        bearer = {"Authorization": f"Bearer {self.key}"} | headers
        return self.stack.api(method, path, body, bearer)


@pytest.fixture(scope="module")
def gate(stack: Stack) -> Workspace:
    """A workspace whose carrier is the gateway, its account open there."""
    made = Workspace(stack)
    found = stack.client("secretsmanager").get_secret_value(
        SecretId=f"kabar/carriers/{stack.workspace}/infobip"
    )
    account = json.loads(found["SecretString"])
    etag = made.call("GET", "/v1/carriers/http").headers["ETag"]
    form = FORM | {"base_url": f"{stack.carrier_url}/gateway/send", "api_key": account["api_key"]}
    saved = made.call("PUT", "/v1/carriers/http", form, **{"If-Match": etag})
    assert saved.status == 200, saved
    stack.carrier(
        "POST",
        "/_account",
        account
        | {
            "replies_url": account["receipts_url"].replace("/receipts", "/replies"),
            "gateway": {"secret": saved.body["webhook"]["password"]},
        },
    )
    return made


def test_a_campaign_through_a_gateway_is_sent_once_each_and_its_receipts_arrive(
    stack: Stack, gate: Workspace
) -> None:
    assert gate.call("POST", "/v1/carriers/http/test").body == {
        "ok": True,
        "detail": "The address is on the public internet, and its name is known.",
    }
    list_id = gate.call("POST", "/v1/lists", {"name": "Gate"}).body["id"]
    for mobile in PEOPLE:
        added = gate.call("POST", f"/v1/lists/{list_id}/members", {"mobile": mobile, "params": ["Amy"]})
        assert added.status < 300, added
    campaign = gate.call(
        "POST",
        "/v1/campaigns",
        {"name": "Gate", "list_id": list_id, "text": "Hi %%1%%", "schedule": "now"},
    ).body
    deadline, report = time.monotonic() + 90, {}
    while time.monotonic() < deadline:
        report = gate.call("GET", f"/v1/campaigns/{campaign['id']}/report").body["statuses"]
        if sum(report.get(word, 0) for word in ("received", "failed")) == len(PEOPLE):
            break
        time.sleep(0.5)
    assert report["received"] + report["failed"] == len(PEOPLE), report
    truth = stack.carrier("GET", "/_truth?after=0")["accepted"]
    ours = [entry["to"] for entry in truth if entry["to"] in PEOPLE]
    assert sorted(ours) == PEOPLE
    assert {entry["text"] for entry in truth if entry["to"] in PEOPLE} == {"Hi Amy"}


def test_a_receipt_without_the_gateways_signature_is_refused(stack: Stack, gate: Workspace) -> None:
    """F26"""
    forged = {"ref": "x", "to": PEOPLE[0][1:], "status": "DELIVRD", "time": int(time.time())}
    etag = gate.call("GET", "/v1/carriers/http").headers["ETag"]
    form = FORM | {"base_url": f"{stack.carrier_url}/gateway/send", "new_webhook": True, "use": False}
    hook = gate.call("PUT", "/v1/carriers/http", form, **{"If-Match": etag}).body["webhook"]
    assert http.call("POST", hook["receipts_url"], forged).status == 401
