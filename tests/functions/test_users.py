"""The people of a workspace over the API: nobody makes somebody greater, the last owner stays [A2]."""

from typing import Any

import pytest

from kabar.domain.access import ROLES, Role, Scope
from tests.functions.api_client import Answer, Api, api

__all__ = ["api"]


def add(api: Api, email: str = "amy@acme.example", role: str = "sender", **how: Any) -> Answer:
    return api.call("POST", "/v1/users", {"email": email, "name": "Amy", "role": role}, **how)


def change(api: Api, user: Answer, tag: str | None = None, **changes: Any) -> Answer:
    headers = {"If-Match": tag or user.headers["ETag"]}
    return api.call("PATCH", f"/v1/users/{user.json['id']}", changes, headers=headers)


def log(api: Api) -> list[str]:
    return [entry["what"] for entry in api.tables.tables["activity"].values()]


def test_a_user_is_invited_with_a_role(api: Api) -> None:
    answer = add(api, "Amy@Acme.example")
    assert answer.status == 201
    assert (answer.json["email"], answer.json["role"]) == ("amy@acme.example", "sender")
    assert answer.headers["Location"] == f"/v1/users/{answer.json['id']}"
    assert api.clients.people == {"acme:amy@acme.example": answer.json["id"]}
    assert api.call("GET", "/v1/users").json["data"] == [answer.json]
    assert log(api) == ["user added"]


def test_the_same_address_may_be_in_two_workspaces_and_neither_learns_it(api: Api) -> None:
    first, second = add(api), add(api, workspace="rival")
    assert (first.status, second.status) == (201, 201)
    assert first.json["id"] != second.json["id"]
    assert api.call("GET", f"/v1/users/{first.json['id']}", workspace="rival").status == 404


def test_nobody_is_invited_twice(api: Api) -> None:
    add(api)
    answer = add(api, role="admin")
    assert (answer.status, answer.json["code"]) == (409, "already_exists")
    assert api.call("GET", "/v1/users").json["data"][0]["role"] == "sender"


def test_an_invitation_that_broke_off_is_finished_by_the_next(api: Api) -> None:
    api.clients.people["acme:amy@acme.example"] = "0b6e1a52-5d0f-4a63-9a53-2f5d0e1c7a11"
    assert add(api).json["id"] == "0b6e1a52-5d0f-4a63-9a53-2f5d0e1c7a11"


@pytest.mark.parametrize(
    "email", ["", "amy", "amy@", "a b@c.d", "amy@acme", "ämy@acme.example", "a" * 70 + "@acme.example"]
)
def test_an_address_that_is_none_is_refused(api: Api, email: str) -> None:
    answer = add(api, email)
    assert (answer.status, answer.pointers) == (422, ["#/email"])


@pytest.mark.parametrize("caller", list(Role))
@pytest.mark.parametrize("role", list(Role))
def test_nobody_makes_somebody_greater_than_themselves(api: Api, caller: Role, role: Role) -> None:
    answer = add(api, role=role, scopes=ROLES[caller])
    may = Scope.USERS_WRITE in ROLES[caller] and ROLES[role] <= ROLES[caller]
    assert answer.status == (201 if may else 403)


def test_an_admin_neither_changes_nor_removes_an_owner(api: Api) -> None:
    owner = add(api, role="owner")
    path, admin = f"/v1/users/{owner.json['id']}", ROLES[Role.ADMIN]
    headers = {"If-Match": owner.headers["ETag"]}
    assert api.call("PATCH", path, {"role": "viewer"}, headers=headers, scopes=admin).status == 403
    assert api.call("DELETE", path, scopes=admin).status == 403


def test_a_role_is_changed_by_who_saw_the_present_one(api: Api) -> None:
    user = add(api)
    path = f"/v1/users/{user.json['id']}"
    assert api.call("PATCH", path, {"role": "viewer"}).json["code"] == "precondition_required"
    changed = change(api, user, role="viewer")
    assert (changed.status, changed.json["role"], changed.json["name"]) == (200, "viewer", "Amy")
    assert change(api, user, role="admin").json["code"] == "precondition_failed"
    assert change(api, changed, name="Amy S.").json["role"] == "viewer"
    assert log(api) == ["user added", "user changed", "user changed"]


def test_the_last_owner_stays_one(api: Api) -> None:
    first, second = add(api, role="owner"), add(api, "bob@acme.example", role="owner")
    changed = change(api, first, role="admin")
    assert changed.status == 200
    assert change(api, second, role="admin").json["code"] == "status_conflict"
    assert api.call("DELETE", f"/v1/users/{second.json['id']}").json["code"] == "status_conflict"
    assert change(api, changed, role="owner").status == 200
    assert api.call("DELETE", f"/v1/users/{second.json['id']}").status == 204


def test_two_owners_can_not_demote_each_other_at_once(api: Api) -> None:
    first, second = add(api, role="owner"), add(api, "bob@acme.example", role="owner")

    def meanwhile() -> None:
        change(api, second, role="admin")

    api.tables.before.append(meanwhile)
    assert change(api, first, role="admin").json["code"] == "status_conflict"


def test_a_removed_user_is_gone_and_so_is_their_sign_in(api: Api) -> None:
    user = add(api)
    path = f"/v1/users/{user.json['id']}"
    assert api.call("DELETE", path, workspace="rival").status == 404
    assert api.call("DELETE", path).status == 204
    assert api.clients.people == {}
    assert api.call("GET", path).status == 404
    assert api.call("DELETE", path).status == 404
    assert log(api) == ["user added", "user removed"]
