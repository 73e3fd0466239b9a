"""API keys over the API: shown once, never more than their maker may, rotated, revoked [A2]."""

from typing import Any

import pytest

from kabar.domain.access import ROLES, Role, Scope
from kabar.storage import api_keys, keys
from kabar.storage.dynamo import Table
from tests.functions.api_client import Api, api

__all__ = ["api"]

NEW = {"name": "Shop", "scopes": ["campaigns:write", "lists:read"]}


def create(api: Api, **changes: Any) -> dict[str, Any]:
    answer = api.call("POST", "/v1/api-keys", NEW | changes)
    assert answer.status == 201, answer.text
    made: dict[str, Any] = answer.json
    return made


def opens(api: Api, key: str, now: int = 2**45) -> bool:
    return api_keys.verify(Table("workspaces", api.tables), lambda: b"k" * 64, key, now) is not None


def log(api: Api) -> list[str]:
    return [entry["what"] for entry in api.tables.tables["activity"].values()]


def test_a_key_is_shown_once_and_opens_the_door(api: Api) -> None:
    answer = api.call("POST", "/v1/api-keys", NEW)
    made = answer.json
    assert made["key"].startswith(f"kb_{made['id']}_")
    assert answer.headers["Location"] == f"/v1/api-keys/{made['id']}"
    assert (made["name"], made["scopes"], made["status"]) == ("Shop", NEW["scopes"], "active")
    assert opens(api, made["key"])
    secret = made["key"].split("_", 2)[2]
    for path in ("/v1/api-keys", f"/v1/api-keys/{made['id']}"):
        assert secret not in api.call("GET", path).text
    assert secret not in str(api.tables.tables)
    assert log(api) == ["key created"]


def test_a_repeated_creation_is_one_key_and_its_secret_is_kept_nowhere(api: Api) -> None:
    headers = {"Idempotency-Key": "k"}
    first = api.call("POST", "/v1/api-keys", NEW, headers=headers)
    again = api.call("POST", "/v1/api-keys", NEW, headers=headers)
    assert again.json == first.json | {"key": None}
    assert again.headers["Location"] == first.headers["Location"]
    assert len(api.call("GET", "/v1/api-keys").json["data"]) == 1
    assert first.json["key"] not in str(api.tables.tables)


@pytest.mark.parametrize("role", [role for role in Role if Scope.KEYS_WRITE in ROLES[role]])
def test_nobody_gives_away_more_than_they_have(api: Api, role: Role) -> None:
    for scope in Scope:
        answer = api.call("POST", "/v1/api-keys", NEW | {"scopes": [scope]}, scopes=ROLES[role])
        assert answer.status == (201 if scope in ROLES[role] else 403)


def test_nobody_rotates_a_key_that_may_do_more(api: Api) -> None:
    made = create(api)
    path = f"/v1/api-keys/{made['id']}/rotate"
    answer = api.call("POST", path, {"overlap_hours": 1}, scopes=["keys:write"])
    assert (answer.status, answer.json["code"]) == (403, "forbidden")


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"name": ""}, "#/name"),
        ({"name": "x" * 51}, "#/name"),
        ({"name": "a\0"}, "#/name"),
        ({"scopes": []}, "#/scopes"),
        ({"scopes": ["everything"]}, "#/scopes/0"),
        ({"scopes": [3]}, "#/scopes/0"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "#/expires_at"),
        ({"expires_at": "2099-01-01T00:00:00"}, "#/expires_at"),
        ({"expires_at": "2099-01-01"}, "#/expires_at"),
        ({"expires_at": "tomorrow"}, "#/expires_at"),
        ({"expires_at": "0001-01-01T00:00:00+23:59"}, "#/expires_at"),
        ({"expires_at": 4070908800}, "#/expires_at"),
        ({"workspace": "rival"}, "#/workspace"),
    ],
)
def test_a_bad_field_is_named(api: Api, changes: dict[str, Any], pointer: str) -> None:
    answer = api.call("POST", "/v1/api-keys", NEW | changes)
    assert (answer.status, answer.pointers) == (422, [pointer])


def test_an_expired_key_says_so(api: Api) -> None:
    made = create(api, expires_at="2099-01-01T00:00:00+02:00")
    assert made["expires_at"] == "2098-12-31T22:00:00.000Z"
    item = api.tables.find("workspaces", keys.api_key(made["id"]))
    assert item is not None
    api.tables.seed("workspaces", keys.api_key(made["id"]), **(item | {"expires_at": 5}))
    assert api.call("GET", f"/v1/api-keys/{made['id']}").json["status"] == "expired"


def test_a_rotated_key_has_two_secrets_for_the_overlap(api: Api) -> None:
    made = create(api)
    answer = api.call("POST", f"/v1/api-keys/{made['id']}/rotate", {"overlap_hours": 24})
    assert answer.status == 201
    assert (answer.json["id"], answer.json["scopes"]) == (made["id"], made["scopes"])
    assert answer.json["old_secret_until"]
    assert opens(api, answer.json["key"])
    assert opens(api, made["key"], now=1)
    assert not opens(api, made["key"])
    assert log(api) == ["key created", "key rotated"]


def test_a_leaked_key_is_rotated_at_once(api: Api) -> None:
    made = create(api)
    answer = api.call("POST", f"/v1/api-keys/{made['id']}/rotate", {"overlap_hours": 0})
    assert answer.json["old_secret_until"] is None
    assert not opens(api, made["key"])


@pytest.mark.parametrize("hours", [-1, 169, "24", 1.5, None])
def test_an_overlap_is_0_to_168_hours(api: Api, hours: Any) -> None:
    made = create(api)
    answer = api.call("POST", f"/v1/api-keys/{made['id']}/rotate", {"overlap_hours": hours})
    assert (answer.status, answer.pointers) == (422, ["#/overlap_hours"])


def test_a_revoked_key_ends_for_good_and_stays_listed(api: Api) -> None:
    made = create(api)
    path = f"/v1/api-keys/{made['id']}"
    assert api.call("DELETE", path).status == 204
    assert not opens(api, made["key"])
    assert api.call("GET", path).json["status"] == "revoked"
    assert api.call("DELETE", path).status == 404
    assert api.call("POST", f"{path}/rotate", {"overlap_hours": 1}).status == 404
    assert log(api) == ["key created", "key revoked"]


def test_a_key_of_another_workspace_is_not_there(api: Api) -> None:
    path = f"/v1/api-keys/{create(api)['id']}"
    assert api.call("GET", "/v1/api-keys", workspace="rival").json["data"] == []
    assert api.call("GET", path, workspace="rival").status == 404
    assert api.call("DELETE", path, workspace="rival").status == 404
    assert api.call("POST", f"{path}/rotate", {"overlap_hours": 1}, workspace="rival").status == 404
    assert api.call("GET", path).json["status"] == "active"


@pytest.mark.parametrize("key_id", ["x", "0" * 15, "0" * 16, "G" * 16])
def test_an_unknown_key_is_not_there(api: Api, key_id: str) -> None:
    assert api.call("GET", f"/v1/api-keys/{key_id}").status == 404


def test_keys_come_in_pages(api: Api) -> None:
    made = {create(api)["id"] for _ in range(5)}
    seen, cursor = [], ""
    while True:
        page = api.call("GET", f"/v1/api-keys?limit=2{cursor}").json
        seen += [key["id"] for key in page["data"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert len(seen) == 5
    assert set(seen) == made
