"""A second workspace beside the first, and one caller's limit, at the real door [A1]."""

import os
import secrets
import subprocess
import sys
import time
from typing import Any

import pytest

from kabar.storage import rates
from kabar.storage.dynamo import Table
from local import engine, http, job, openapi, paths
from local.stack import Stack

LIMIT = 1200  # the template's default


@pytest.fixture(scope="module")
def rival(stack: Stack) -> str:
    """The first API key of a workspace made as docs/operations.md says."""
    name = f"rival-{secrets.token_hex(4)}"
    command = [sys.executable, "-m", "local.workspace", name, "--sender", "1234"]
    done = subprocess.run(  # noqa: S603  # our own command
        [*command, "--carrier-url", stack.carrier_url],
        input="carrier-key\n",
        capture_output=True,
        text=True,
        check=True,
        cwd=paths.ROOT,
        env=os.environ
        | {
            "PYTHONPATH": str(paths.ROOT / "layers" / "kabar"),
            "AWS_ENDPOINT_URL": stack.emulator_url,
            "AWS_ACCESS_KEY_ID": engine.CREDENTIALS["access_key_id"],
            "AWS_SECRET_ACCESS_KEY": engine.CREDENTIALS["secret_access_key"],
            "AWS_DEFAULT_REGION": engine.CREDENTIALS["region"],
        },
    )
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("API key")]
    return line.split()[-1]


def call(stack: Stack, key: str, method: str, path: str, body: Any = None) -> http.Answer:
    headers = {"Authorization": f"Bearer {key}", "If-Match": '"1"'}
    return stack.api(method, path, body, headers)


def ids(stack: Stack) -> dict[str, str]:
    """One of everything in the first workspace, by the names of path parameters."""
    tag = secrets.token_hex(4)
    mobile = f"+90532766{int(tag[:4], 16) % 10000:04d}"
    imported = job.import_file(stack, f"Ours {tag}", "ours.csv", f"{mobile}\n".encode(), lambda _: None)
    key = stack.api("POST", "/v1/api-keys", {"name": tag, "scopes": ["lists:read"]}).body
    person = {"email": f"{tag}@acme.example", "name": "Amy", "role": "viewer"}
    assert stack.api("POST", "/v1/blacklist", {"mobile": "+905327670000"}).status < 300
    campaign = job.start_campaign(stack, tag, imported["list_id"], "Kadifekale yarin.")
    job.follow_campaign(stack, campaign, lambda _: None)
    stack.carrier("POST", "/_replies", {"from": mobile, "to": stack.sender, "text": f"Geliyorum {tag}"})
    text = {"text": "Kadifekale yarin.", "recipients": [{"mobile": mobile}]}

    def made(path: str, body: Any = None) -> str:
        answer = stack.api("POST", path, body)
        assert answer.status < 300, (path, answer)
        return str(answer.body["id"])

    return {
        "kind": "receipts",
        "dead_id": "1",
        "template_id": made("/v1/templates", {"name": tag, "text": "Kadifekale yarin."}),
        "keyword_id": made("/v1/keywords", {"keyword": f"k{tag}", "list_id": imported["list_id"]}),
        "message_id": str(stack.api("POST", "/v1/messages", text).body["messages"][0]["id"]),
        "preflight_id": made("/v1/preflights", {"list_id": imported["list_id"], "text": "Yarin."}),
        "download_id": made("/v1/inbox/exports", {}),
        "reply_id": _reply(stack, mobile),
        "list_id": str(imported["list_id"]),
        "export_id": made(f"/v1/lists/{imported['list_id']}/exports"),
        "mobile": mobile,
        "import_id": imported["id"],
        "campaign_id": str(campaign),
        "key_id": key["id"],
        "user_id": stack.api("POST", "/v1/users", person).body["id"],
    }


def _reply(stack: Stack, mobile: str) -> str:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found = stack.api("GET", f"/v1/inbox?mobile=%2B{mobile[1:]}").body["data"]
        if found:
            return str(found[0]["id"])
        time.sleep(0.2)
    raise AssertionError("the reply is not in the inbox")


def test_a_second_workspace_finds_nothing_of_the_first(stack: Stack, rival: str) -> None:
    known = ids(stack)
    document = openapi.document()
    asked = 0
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if "_id}" not in path:
                continue
            content = operation.get("requestBody", {}).get("content", {}).get("application/json")
            body = None
            if content:
                schema = content["schema"]["$ref"].rpartition("/")[2]
                body = document["components"]["schemas"][schema]["examples"][0]
            answer = call(stack, rival, method.upper(), path.format_map(known), body)
            assert (answer.status, answer.body["code"]) == (404, "not_found"), (method, path, answer)
            asked += 1
    assert asked >= 20
    for listing in (
        "lists",
        "campaigns",
        "imports",
        "users",
        "blacklist",
        "templates",
        "inbox",
        "keywords",
        "reports",
    ):
        assert call(stack, rival, "GET", f"/v1/{listing}").body["data"] == [], listing
    keys = call(stack, rival, "GET", "/v1/api-keys").body["data"]
    assert [key["id"] for key in keys] == [rival.split("_")[1]]
    whose = {entry["about"] for entry in call(stack, rival, "GET", "/v1/activity").body["data"]}
    assert whose == {f"api-key/{rival.split('_')[1]}"}


def test_a_caller_at_the_limit_is_told_when_to_go_on(stack: Stack) -> None:
    made = stack.api("POST", "/v1/api-keys", {"name": "Busy", "scopes": ["lists:read"]}).body
    assert call(stack, made["key"], "GET", "/v1/lists").status == 200
    # as if other processes had taken the rest of this minute and the next
    table = Table(stack.outputs["IdempotencyTable"], stack.client("dynamodb"))
    now = time.time_ns() // 1_000_000
    for minute in (now, now + rates.WINDOW_MS):
        rates.add(table, stack.workspace, f"key:{made['id']}", minute, LIMIT)
    # what this process had taken before is still its own
    answers = [call(stack, made["key"], "GET", "/v1/lists") for _ in range(3 * LIMIT // 100)]
    refused = answers[-1]
    assert (refused.status, refused.body["code"]) == (429, "rate_limited")
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert refused.headers["Content-Type"].startswith("application/problem+json")
    # nobody else is held up
    assert stack.api("GET", "/v1/lists").status == 200
