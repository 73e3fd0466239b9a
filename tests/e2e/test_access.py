"""Keys and people at the real door: gateway, authorizer, Cognito, with every permission enforced [A2]."""

import secrets
from typing import Any

import pytest

from local import http
from local.stack import Stack


def call(
    stack: Stack, credential: str, method: str, path: str, body: Any = None, **headers: str
) -> http.Answer:
    return stack.api(method, path, body, {"Authorization": f"Bearer {credential}", **headers})


def new_key(stack: Stack, *scopes: str) -> dict[str, Any]:
    answer = stack.api("POST", "/v1/api-keys", {"name": "Test", "scopes": list(scopes)})
    assert answer.status == 201, answer
    made: dict[str, Any] = answer.body
    return made


def test_a_key_may_do_what_its_scopes_say_until_it_is_revoked(stack: Stack) -> None:
    key = new_key(stack, "lists:read")
    assert call(stack, key["key"], "GET", "/v1/lists").status == 200
    refused = call(stack, key["key"], "GET", "/v1/campaigns")
    assert (refused.status, refused.body["code"]) == (403, "forbidden")
    assert refused.headers["X-Request-Id"] == refused.body["request_id"]
    shown = stack.api("GET", f"/v1/api-keys/{key['id']}").body
    assert shown["last_used_at"]
    # others, whom no cached answer of the authorizer lets in
    rotated = stack.api("POST", f"/v1/api-keys/{key['id']}/rotate", {"overlap_hours": 1}).body
    assert call(stack, rotated["key"], "GET", "/v1/lists").status == 200
    unused = new_key(stack, "lists:read")
    assert stack.api("DELETE", f"/v1/api-keys/{unused['id']}").status == 204
    assert call(stack, unused["key"], "GET", "/v1/lists").status == 401


@pytest.mark.parametrize(
    "forged", ["kb_0000000000000000_" + "x" * 43, "kb_x", "a.b.c", "eyJhbGciOiJub25lIn0.e30."]
)
def test_forged_credentials_stay_outside(stack: Stack, forged: str) -> None:
    assert call(stack, forged, "GET", "/v1/lists").status == 401


def sign_in(stack: Stack, role: str) -> tuple[str, str]:
    """Invite somebody, choose their password as they would; their id and access token."""
    email = f"{secrets.token_hex(4)}@acme.example"
    answer = stack.api("POST", "/v1/users", {"email": email, "name": "Amy", "role": role})
    assert answer.status == 201, answer
    cognito = stack.client("cognito-idp")
    username, password = f"{stack.workspace}:{email}", "correct-Horse-7-battery"
    pool, client = stack.outputs["UserPoolId"], stack.outputs["UserPoolClientId"]
    cognito.admin_set_user_password(UserPoolId=pool, Username=username, Password=password, Permanent=True)
    parameters = {"USERNAME": username, "PASSWORD": password}
    tokens = cognito.initiate_auth(ClientId=client, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=parameters)[
        "AuthenticationResult"
    ]
    assert call(stack, tokens["IdToken"], "GET", "/v1/lists").status == 401
    return answer.body["id"], tokens["AccessToken"]


def test_people_sign_in_and_their_role_says_what_they_may(stack: Stack) -> None:
    _, viewer = sign_in(stack, "viewer")
    assert call(stack, viewer, "GET", "/v1/lists").status == 200
    assert call(stack, viewer, "POST", "/v1/blacklist", {"mobile": "+6421555666"}).status == 403
    user, admin = sign_in(stack, "admin")
    made = call(stack, admin, "POST", "/v1/api-keys", {"name": "Mine", "scopes": ["lists:read"]})
    assert (made.status, made.body["created_by"]) == (201, f"api:user:{user}")
    # removed before their token was ever seen, so that no cached answer lets them in
    gone, token = sign_in(stack, "sender")
    assert stack.api("DELETE", f"/v1/users/{gone}").status == 204
    assert call(stack, token, "GET", "/v1/lists").status == 401


def test_settings_change_once_seen_and_the_log_says_who(stack: Stack) -> None:
    seen = stack.api("GET", "/v1/settings")
    limit = 15 if seen.body["max_digits"] == 14 else 14
    assert stack.api("PATCH", "/v1/settings", {"max_digits": limit}).status == 428
    headers = {"If-Match": seen.headers["ETag"], "X-Request-Id": "test-settings.1"}
    changed = stack.api("PATCH", "/v1/settings", {"max_digits": limit}, headers)
    assert (changed.status, changed.headers["X-Request-Id"]) == (200, "test-settings.1")
    assert stack.api("PATCH", "/v1/settings", {"max_digits": limit}, headers).status == 412
    newest = stack.api("GET", "/v1/activity?what=settings&limit=1").body["data"][0]
    assert newest["detail"] == {"max_digits": {"from": seen.body["max_digits"], "to": limit}}
    assert newest["who"].startswith("api:key:")


def test_the_document_is_there_without_a_key(stack: Stack) -> None:
    answer = http.call("GET", f"{stack.api_url}/openapi.json")
    assert (answer.status, answer.body["openapi"][:3]) == (200, "3.1")
