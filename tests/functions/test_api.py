"""The API's conventions: its document, ids and log lines, and a good answer to anything at all."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.functions.api_client import REQUEST_ID, Api, api
from tests.functions.loading import sample

__all__ = ["api"]


@pytest.mark.parametrize(
    ("name", "status"), [("api_create_campaign", 201), ("api_list_lists", 200), ("api_unknown_path", 404)]
)
def test_the_sample_events_are_answered(api: Api, name: str, status: int) -> None:
    assert api.module.handler(sample(name), None)["statusCode"] == status


def test_the_document_is_there_for_everybody(api: Api) -> None:
    answer = api.call("GET", "/openapi.json", workspace="")
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.json["openapi"].startswith("3.1")


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("order-17.a_B", True),
        ("x" * 128, True),
        ("x" * 129, False),
        ("", False),
        ("two words", False),
        ("line\nbreak", False),
        ("ünï", False),
    ],
)
def test_a_request_has_one_id_in_the_answer_the_problem_and_the_log(
    api: Api, given: str, taken: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = given if taken else REQUEST_ID
    for path in ("/v1/lists/7", "/v1/lists/8"):
        answer = api.call("GET", path, headers={"X-REQUEST-ID": given})
        assert answer.headers["X-Request-Id"] == expected
        assert answer.json.get("request_id", expected) == expected


def test_a_call_is_logged_in_one_line_without_its_body(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    api.call("POST", "/v1/blacklist", {"mobile": "+6421555666"})
    api.call("DELETE", "/v1/blacklist/+6421555666")
    records = [vars(record) for record in caplog.records]
    assert [(record["method"], record["status"]) for record in records] == [("POST", 201), ("DELETE", 204)]
    assert {"workspace": "acme", "route": "/v1/blacklist"}.items() <= records[0].items()
    assert "6421555666" not in str(
        [{k: v for k, v in record.items() if k != "request"} for record in records]
    )


ANY_TEXT = st.text(st.characters(), max_size=20)  # half surrogates too
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from(["name", "list_id", "text", "schedule", "sender", "mobile"])
PATHS = st.sampled_from(
    [
        "/v1/lists",
        "/v1/lists/7/members",
        "/v1/imports",
        "/v1/campaigns",
        "/v1/campaigns/1/pause",
        "/v1/blacklist",
    ]
)


@settings(
    max_examples=400,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD", "ÜBER"]),
    path=PATHS | st.builds("/v1/blacklist/{}".format, ANY_TEXT) | st.builds("/v1/lists/{}".format, ANY_TEXT),
    body=st.none() | ANY_TEXT | st.dictionaries(FIELDS, ANY_JSON).map(json.dumps) | ANY_JSON.map(json.dumps),
    query=st.none() | st.dictionaries(st.sampled_from(["limit", "cursor", "key", "x"]), ANY_TEXT),
    headers=st.dictionaries(st.sampled_from(["Idempotency-Key", "Content-Type", "X-Odd"]), ANY_TEXT),
    encoded=st.booleans(),
)
def test_no_input_is_answered_with_our_mistake(
    api: Api,
    method: str,
    path: str,
    body: str | None,
    query: dict[str, str] | None,
    headers: dict[str, str],
    encoded: bool,
) -> None:
    many = {name: [value] for name, value in query.items()} if query else None
    answer = api.call(
        method,
        "/v1/nowhere",
        body,
        headers=headers,
        path=path,
        isBase64Encoded=encoded,
        queryStringParameters=query,
        multiValueQueryStringParameters=many,
    )
    assert answer.status < 500, answer.text
    if answer.status >= 400:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json["status"] == answer.status
