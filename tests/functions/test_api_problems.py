"""Every refusal is a problem with a code, whatever the call and its body."""

import base64
import json

import pytest

from tests.functions.api_client import REQUEST_ID, Api, api

__all__ = ["api"]


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nowhere", 404, "not_found"),
        ("PATCH", "/v1/nowhere/at/all", 404, "not_found"),
        ("PUT", "/v1/campaigns", 405, "method_not_allowed"),
        ("PUT", "/v1/lists/7", 405, "method_not_allowed"),
        ("GET", "/v1/lists/8", 404, "not_found"),
        ("GET", "/v1/lists/abc", 404, "not_found"),
        ("GET", "/v1/lists/-7", 404, "not_found"),
        ("GET", f"/v1/lists/{10**400}", 404, "not_found"),
        ("GET", "/v1/lists/8/members", 404, "not_found"),
        ("GET", "/v1/imports/" + "0" * 32, 404, "not_found"),
        ("GET", "/v1/imports/x", 404, "not_found"),
        ("GET", "/v1/imports?key=nothing", 404, "not_found"),
        ("GET", "/v1/campaigns/5", 404, "not_found"),
        ("GET", "/v1/campaigns/5/report", 404, "not_found"),
        ("POST", "/v1/campaigns/5/pause", 404, "not_found"),
        ("GET", "/v1/lists?limit=0", 422, "invalid_request"),
        ("GET", "/v1/lists?limit=101", 422, "invalid_request"),
        ("GET", "/v1/lists?limit=ten", 422, "invalid_request"),
        ("GET", "/v1/lists?limit=1&limit=2", 422, "invalid_request"),
        ("GET", "/v1/lists?limit=" + "9" * 5000, 422, "invalid_request"),
        ("GET", "/v1/lists?cursor=", 422, "invalid_cursor"),
        ("GET", "/v1/lists?cursor=ünsafe", 422, "invalid_cursor"),
        ("GET", "/v1/lists?cursor=bm9uc2Vuc2Utbm9uc2Vuc2UtcG9z", 422, "invalid_cursor"),
    ],
)
def test_every_refusal_is_a_problem_with_a_code(
    api: Api, method: str, path: str, status: int, code: str
) -> None:
    answer = api.call(method, path)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json["status"] == status
    assert answer.json["request_id"] == REQUEST_ID
    assert {"type", "title", "detail", "errors"} <= answer.json.keys()


def test_a_wrong_method_is_told_which_ones_are_right(api: Api) -> None:
    assert api.call("PATCH", "/v1/campaigns").headers["Allow"] == "GET, POST"


def test_without_a_workspace_from_the_authorizer_nothing_is_answered(api: Api) -> None:
    assert api.call("GET", "/v1/lists", workspace="").status == 401


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("{", 400, "malformed_body"),
        ("{'name': 1}", 400, "malformed_body"),
        ('{"list_id": NaN}', 400, "malformed_body"),
        ('{"list_id": ' + "1" * 5000 + "}", 400, "malformed_body"),
        ('{"name": "\\ud800"}', 400, "malformed_body"),
        ('{"name": "a", "name": "b"}', 400, "malformed_body"),
        ('{"schedule": {"at": "x", "timezone": "UTC", "at": "y"}}', 400, "malformed_body"),
        ("\ufeff{}", 400, "malformed_body"),
        ("[" * 100_000, 400, "malformed_body"),
        ("[" * 100_000 + "]" * 100_000, 400, "malformed_body"),
        ("\ud800", 400, "malformed_body"),
        ("\0", 400, "malformed_body"),
        ('{"name": "caf\ufffd"}', 400, "malformed_body"),
        ('"' + "x" * 4_194_304 + '"', 413, "body_too_large"),
        ('"' + "ü" * 2_097_152 + '"', 413, "body_too_large"),
        ("", 422, "invalid_request"),
        ("null", 422, "invalid_request"),
        ("[]", 422, "invalid_request"),
        ('"text"', 422, "invalid_request"),
        ("3", 422, "invalid_request"),
        ('{"":{"":{"":[]}}}', 422, "invalid_request"),
    ],
)
def test_no_body_is_too_odd_for_a_problem(api: Api, body: str, status: int, code: str) -> None:
    answer = api.call("POST", "/v1/campaigns", body)
    assert (answer.status, answer.json["code"]) == (status, code)


@pytest.mark.parametrize("encoded", ["!!!", base64.b64encode(b"\xff\xfe{").decode(), "YQ"])
def test_a_binary_body_is_malformed(api: Api, encoded: str) -> None:
    assert api.call("POST", "/v1/campaigns", encoded, isBase64Encoded=True).status == 400


def test_a_body_in_base64_is_read(api: Api) -> None:
    body = base64.b64encode(json.dumps(api.campaign()).encode()).decode()
    assert api.call("POST", "/v1/campaigns", body, isBase64Encoded=True).status == 201


def test_a_body_of_4_mb_is_still_read(api: Api) -> None:
    body = json.dumps(api.campaign())
    assert api.call("POST", "/v1/campaigns", body + " " * (4_194_304 - len(body))).status == 201


@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "x",
        "application/json; charset=utf-16",
        "application/json, text/plain",
    ],
)
def test_a_body_that_is_not_said_to_be_json_is_refused(api: Api, kind: str) -> None:
    answer = api.call("POST", "/v1/campaigns", api.campaign(), headers={"Content-TYPE": kind})
    assert (answer.status, answer.json["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("encoding", ["gzip", "br", "GZIP, identity"])
def test_a_compressed_body_is_refused_by_name(api: Api, encoding: str) -> None:
    answer = api.call("POST", "/v1/campaigns", api.campaign(), headers={"Content-Encoding": encoding})
    assert (answer.status, answer.json["code"]) == (415, "unsupported_media_type")
    assert "Content-Encoding" in answer.json["detail"]


def test_the_answer_to_countless_mistakes_stays_small(api: Api) -> None:
    """AWS takes no answer above 6 MB from a function: it would be a 5xx."""
    fields = api.campaign() | {f"field{number}": 1 for number in range(200_000)}
    answer = api.call("POST", "/v1/campaigns", fields)
    assert (answer.status, len(answer.json["errors"])) == (422, 100)
    assert "(and 199999 more)" in answer.json["detail"]
    long_name = api.call("POST", "/v1/campaigns", '{"%s": 1}' % ("ü" * 2_000_000))
    assert long_name.status == 422
    assert len(long_name.text) < 10_000


@pytest.mark.parametrize(
    "kind", ["application/json", "Application/JSON; charset=utf-8", 'application/json;charset="UTF-8"', ""]
)
def test_json_is_taken_whatever_the_header_s_case(api: Api, kind: str) -> None:
    assert api.call("POST", "/v1/campaigns", api.campaign(), headers={"Content-TYPE": kind}).status == 201


def test_a_mistake_of_ours_is_a_problem_without_its_innards(api: Api) -> None:
    def broken() -> None:
        raise RuntimeError("secret innards")

    api.tables.before.append(broken)
    answer = api.call("POST", "/v1/campaigns", api.campaign())
    assert (answer.status, answer.json["code"]) == (500, "internal_error")
    assert "innards" not in answer.text
