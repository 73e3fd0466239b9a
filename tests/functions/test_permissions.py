"""Every route of the API document × every role and scope × a foreign workspace [A1] [A2].

Generated from docs/openapi.json: a new route is here by itself, and fails until its scope is declared
(functions/api/permissions.py) and the ids in its address are known (`IDS`).
"""

import json
from copy import deepcopy
from typing import Any

import pytest

from kabar.domain.access import ROLES, Role, Scope
from kabar.storage import keys
from local import openapi
from tests.functions.api_client import Answer, Api, api, seed_import
from tests.functions.test_api_keys import create as create_key
from tests.functions.test_callback_api import seed_dead
from tests.functions.test_inbox import seed_reply
from tests.functions.test_keywords import create as create_keyword
from tests.functions.test_users import add as add_user

__all__ = ["api"]

DOCUMENT: dict[str, Any] = json.loads(openapi.DOCUMENT.read_text(encoding="utf-8"))
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
MOBILE = "+6421555666"
OPERATIONS = [
    pytest.param(method.upper(), path, operation, id=operation["operationId"])
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
]
operations = pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS)
of_things = pytest.mark.parametrize(
    ("method", "path", "operation"), [case for case in OPERATIONS if "_id}" in str(case.values[1])]
)
listings = pytest.mark.parametrize(
    ("method", "path", "operation"),
    [case for case in OPERATIONS if case.values[0] == "GET" and "{" not in str(case.values[1])],
)


@pytest.fixture
def ids(api: Api) -> dict[str, str]:
    """One of everything in the workspace `acme`, by the names of path parameters."""
    campaign = api.call("POST", "/v1/campaigns", api.campaign()).json
    api.tables.seed("members", keys.member(7, MOBILE), params=["Amy"], at=1)
    going = api.call("POST", "/v1/campaigns", api.campaign()).json["id"]
    head = api.tables.find("workspaces", keys.campaign_head("acme", going)) or {}
    head |= {"status": "queued", "started_at": 5}
    api.tables.seed(
        "workspaces", keys.queued("acme", head["due_at"], going), campaign=going, due_at=head["due_at"], leg=1
    )
    export = api.call("POST", "/v1/lists/7/exports").json["id"]
    kept = api.tables.find("workspaces", keys.export_head("acme", 7, export)) or {}
    of_campaign = keys.export_head("acme", campaign["id"], export)
    changed = {"subject": campaign["id"], "about": "campaign", "status": "sent"}
    api.tables.seed("workspaces", of_campaign, **kept | changed)
    api.call("POST", "/v1/blacklist", {"mobile": "+6421555667"})
    api.tables.seed(
        "workspaces",
        keys.carrier("acme", "infobip"),
        base_url="https://x.api.infobip.com",
        rate=100,
        slice=100,
        secret="kabar/carriers/acme/infobip",
    )
    api.call("PUT", "/v1/settings/prefixes/021", {"replacement": "6421"})
    api.call("PUT", "/v1/settings/opt-out-commands/GYMOUT", {})
    message = api.call("POST", "/v1/messages", {"recipients": [{"mobile": MOBILE}], "text": "Hi"}).json
    endpoint = api.call("PUT", "/v1/callbacks/receipts", {"url": "http://127.0.0.1:1/x"})
    assert endpoint.status == 201
    return {
        "kind": "receipts",
        "dead_id": seed_dead(api),
        "message_id": str(message["messages"][0]["id"]),
        "list_id": "7",
        "campaign_id": str(campaign["id"]),
        "import_id": seed_import(api, 1),
        "key_id": create_key(api)["id"],
        "user_id": add_user(api).json["id"],
        "mobile": MOBILE,
        "prefix": "021",
        "preflight_id": str(api.call("POST", "/v1/preflights", {"list_id": 7, "text": "Hi"}).json["id"]),
        "template_id": str(api.call("POST", "/v1/templates", {"name": "Hi", "text": "Hi"}).json["id"]),
        "word": "GYMOUT",
        "keyword_id": str(create_keyword(api)["id"]),
        "reply_id": str(seed_reply(api)),
        "download_id": str(api.call("POST", "/v1/inbox/exports", {}).json["id"]),
        "export_id": str(export),
    }


def send(
    api: Api, ids: dict[str, str], method: str, path: str, operation: dict[str, Any], **how: Any
) -> Answer:
    """The operation on `ids`, with the example body of the document."""
    for name, value in ids.items():
        path = path.replace(f"{{{name}}}", value)
    assert "{" not in path, f"say in `ids` which {path} there is"
    content = operation.get("requestBody", {}).get("content", {})
    body = None
    if content:
        schema = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
        body = SCHEMAS[schema]["examples"][0]
    return api.call(method, path, body, **how)


def stored(api: Api) -> dict[str, Any]:
    """Everything but how often somebody called and which ids were given out: holes are fine."""
    found = {name: deepcopy(rows) for name, rows in api.tables.tables.items() if name != "idempotency"}
    counter = keys.id_counter()
    found["workspaces"].pop((counter["pk"], counter["sk"]), None)
    return found


def needed(operation: dict[str, Any]) -> Scope:
    ((scope,),) = {tuple(scopes) for way in operation["security"] for scopes in way.values()}
    return Scope(scope)


@operations
@pytest.mark.parametrize("role", list(Role))
def test_a_role_may_do_exactly_what_its_scopes_say(
    api: Api, ids: dict[str, str], method: str, path: str, operation: dict[str, Any], role: Role
) -> None:
    answer = send(api, ids, method, path, operation, scopes=ROLES[role])
    assert answer.status < 500
    if needed(operation) not in ROLES[role]:
        assert (answer.status, answer.json["code"]) == (403, "forbidden")
        assert needed(operation) in answer.json["detail"]
    else:
        # 403 still, where somebody would give away more than they have
        assert answer.status != 403 or needed(operation) in {Scope.KEYS_WRITE, Scope.USERS_WRITE}


@operations
def test_one_scope_opens_a_route_and_all_others_do_not(
    api: Api, ids: dict[str, str], method: str, path: str, operation: dict[str, Any]
) -> None:
    scope = needed(operation)
    before = stored(api)
    for others in ([], set(Scope) - {scope}, ["all"], [scope.upper()], [f"{scope}s"]):
        assert send(api, ids, method, path, operation, scopes=others).status == 403
    assert stored(api) == before
    answer = send(api, ids, method, path, operation, scopes=[scope])
    assert f"This takes the scope {scope}." not in answer.text


@of_things
def test_a_foreign_id_is_not_there_and_stays_untouched(
    api: Api, ids: dict[str, str], method: str, path: str, operation: dict[str, Any]
) -> None:
    before = stored(api)
    headers = {"If-Match": '"1"'}
    answer = send(api, ids, method, path, operation, workspace="rival", headers=headers)
    assert (answer.status, answer.json["code"]) == (404, "not_found")
    assert stored(api) == before
    assert send(api, ids, method, path, operation, headers=headers).status != 404


@listings
def test_a_listing_shows_nothing_of_another_workspace(
    api: Api, ids: dict[str, str], method: str, path: str, operation: dict[str, Any]
) -> None:
    shown = send(api, ids, method, path, operation, workspace="rival")
    assert shown.status == 200
    for secret in (*ids.values(), "Gym", "amy@acme.example"):
        assert f'"{secret}"' not in shown.text
    if "data" in shown.json:
        assert shown.json["data"] == []
        assert send(api, ids, method, path, operation).json["data"]


@operations
@pytest.mark.parametrize("workspace", ["", None])
def test_nobody_gets_in_without_a_workspace(
    api: Api,
    ids: dict[str, str],
    method: str,
    path: str,
    operation: dict[str, Any],
    workspace: Any,
) -> None:
    assert send(api, ids, method, path, operation, workspace=workspace).status == 401


def test_roles_grow_and_only_an_owner_is_everything() -> None:
    assert ROLES[Role.OWNER] == set(Scope)
    assert ROLES[Role.VIEWER] < ROLES[Role.SENDER] < ROLES[Role.ADMIN] < ROLES[Role.OWNER]
    assert ROLES[Role.VIEWER] < ROLES[Role.APPROVER] < ROLES[Role.ADMIN]
    assert not {scope for scope in ROLES[Role.VIEWER] if not scope.endswith(":read")}


def test_every_route_asks_for_a_scope_and_every_scope_is_asked_for() -> None:
    asked = {needed(case.values[2]) for case in OPERATIONS}  # type: ignore[arg-type]
    assert asked == set(Scope) - {Scope.OWNERS_WRITE}
