"""The API over in-memory tables: pages, problems, campaigns, imports, the blacklist."""

import base64
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kabar.domain.statuses import Status, cell
from kabar.storage import keys
from tests.functions.api_client import REQUEST_ID, Api, api
from tests.functions.loading import sample

__all__ = ["api"]


@pytest.mark.parametrize(
    ("name", "status"), [("api_create_campaign", 201), ("api_list_lists", 200), ("api_unknown_path", 404)]
)
def test_the_sample_events_are_answered(api: Api, name: str, status: int) -> None:
    assert api.module.handler(sample(name), None)["statusCode"] == status


# ---- problems -------------------------------------------------------------------------------------------


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


def test_a_call_is_logged_in_one_line_without_its_body(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    api.call("POST", "/v1/blacklist", {"mobile": "+6421555666"})
    api.call("DELETE", "/v1/blacklist/+6421555666")
    records = [vars(record) for record in caplog.records]
    assert [(record["method"], record["status"]) for record in records] == [("POST", 201), ("DELETE", 204)]
    assert {"workspace": "acme", "route": "/v1/blacklist"}.items() <= records[0].items()
    assert "6421555666" not in str(
        [{k: v for k, v in record.items() if k != "request"} for record in records]
    )


# ---- campaigns ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"name": ""}, "#/name"),
        ({"name": "n" * 51}, "#/name"),
        ({"name": None}, "#/name"),
        ({"list_id": "7"}, "#/list_id"),
        ({"list_id": True}, "#/list_id"),
        ({"list_id": 7.0}, "#/list_id"),
        ({"list_id": 0}, "#/list_id"),
        ({"list_id": 2**53}, "#/list_id"),
        ({"list_id": 8}, "#/list_id"),
        ({"text": ""}, "#/text"),
        ({"text": "t" * 1601}, "#/text"),
        ({"text": "%%0%%"}, "#/text"),
        ({"text": "a\0b"}, "#/text"),
        ({"name": "\0"}, "#/name"),
        ({"text": "Hi %%7%%"}, "#/text"),
        ({"text": "%%8%%"}, "#/text"),
        ({"text": "%%9%%"}, "#/text"),
        ({"schedule": {"at": "2026-01-01T09:00", "timezone": "Pacific/Auckland"}}, "#/schedule"),
        ({"schedule": "later"}, "#/schedule"),
        ({"sender": "TwelveLetter"}, "#/sender"),
        ({"sender": "Kabär"}, "#/sender"),
        ({"sender": "+1234567890123456"}, "#/sender"),
        ({"sender": "Kabar\n"}, "#/sender"),
        ({"sender": ""}, "#/sender"),
        ({"mask": "Kabar"}, "#/mask"),
        ({"a/b~c": 1}, "#/a~1b~0c"),
    ],
)
def test_a_bad_field_is_named_by_its_pointer(api: Api, changes: dict[str, Any], pointer: str) -> None:
    answer = api.call("POST", "/v1/campaigns", api.campaign(**changes))
    assert answer.status == 422
    assert answer.pointers == [pointer]
    assert api.clients.started == {}


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ({"name": "Sale", "list_id": 7, "workspace": "rival"}, "workspace: there is no such field"),
        ({"list_id": 7}, "name: this is required"),
        ("", "The body: this is required"),
    ],
)
def test_a_mistake_is_told_in_words_of_whoever_made_it(api: Api, body: Any, detail: str) -> None:
    assert detail in api.call("POST", "/v1/campaigns", body).json["detail"]


def test_every_missing_field_is_named(api: Api) -> None:
    answer = api.call("POST", "/v1/campaigns", {})
    assert answer.pointers == ["#/name", "#/list_id"]


def test_the_refusal_of_a_schedule_says_what_is_possible(api: Api) -> None:
    answer = api.call("POST", "/v1/campaigns", api.campaign(schedule="tomorrow"))
    assert "now" in answer.json["errors"][0]["detail"]


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "n" * 50},
        {"name": "Şube 😀"},
        {"text": "t" * 1600},
        {"text": "100%%%1%% %%6%%"},
        {"sender": "Kabar123456"},
        {"sender": "+123456789012345"},
        {"sender": "3774"},
        {"sender": None},
    ],
)
def test_what_the_limits_allow_is_taken(api: Api, changes: dict[str, Any]) -> None:
    assert api.call("POST", "/v1/campaigns", api.campaign(**changes)).status == 201


def test_a_campaign_is_created_and_its_first_leg_started(api: Api) -> None:
    answer = api.call("POST", "/v1/campaigns", api.campaign())
    view = answer.json
    assert answer.headers["Location"] == f"/v1/campaigns/{view['id']}"
    assert (view["status"], view["sender"], view["recipients"]) == ("scheduled", "Kabar", None)
    assert api.clients.started == {f"{view['id']}-1": {"workspace": "acme", "campaign": view["id"], "leg": 1}}
    assert api.call("GET", f"/v1/campaigns/{view['id']}").json == view
    assert api.call("GET", f"/v1/campaigns/{view['id']}", workspace="rival").status == 404
    (noted,) = api.call("GET", "/v1/activity").json["data"]
    assert (noted["what"], noted["about"]) == ("campaign created", f"campaign/{view['id']}")


def test_a_list_of_another_workspace_is_no_list(api: Api) -> None:
    answer = api.call("POST", "/v1/campaigns", api.campaign(), workspace="rival")
    assert (answer.status, answer.pointers) == (422, ["#/list_id"])


@pytest.mark.parametrize("spelling", ["Idempotency-Key", "idempotency-key", "IDEMPOTENCY-KEY"])
def test_the_same_key_and_body_get_the_same_answer_once(api: Api, spelling: str) -> None:
    first = api.call("POST", "/v1/campaigns", api.campaign(), headers={spelling: "k"})
    shuffled = dict(reversed(api.campaign().items()))
    again = api.call("POST", "/v1/campaigns", shuffled, headers={spelling: "k"})
    assert (first.status, again.status) == (201, 201)
    assert (again.text, again.headers) == (first.text, first.headers)
    assert len(api.clients.started) == 1


def test_without_a_key_every_post_is_a_campaign_of_its_own(api: Api) -> None:
    ids = {api.call("POST", "/v1/campaigns", api.campaign()).json["id"] for _ in range(2)}
    assert len(ids) == 2


def test_a_key_is_each_workspace_s_own(api: Api) -> None:
    api.tables.seed("workspaces", keys.list_head("rival", 7), id=7, name="Gym", created_at=1)
    headers = {"Idempotency-Key": "k"}
    ours = api.call("POST", "/v1/campaigns", api.campaign(), headers=headers)
    theirs = api.call("POST", "/v1/campaigns", api.campaign(), headers=headers, workspace="rival")
    assert ours.json["id"] != theirs.json["id"]


def test_the_same_key_with_another_body_is_refused(api: Api) -> None:
    headers = {"Idempotency-Key": "k"}
    api.call("POST", "/v1/campaigns", api.campaign(), headers=headers)
    answer = api.call("POST", "/v1/campaigns", api.campaign(name="Other"), headers=headers)
    assert (answer.status, answer.json["code"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize("key", ["", "k" * 256])
def test_a_key_has_1_to_255_characters(api: Api, key: str) -> None:
    answer = api.call("POST", "/v1/campaigns", api.campaign(), headers={"Idempotency-Key": key})
    assert (answer.status, answer.pointers) == (422, ["Idempotency-Key"])


def test_a_request_in_flight_is_asked_to_come_back(api: Api) -> None:
    answers = []

    def meanwhile() -> None:
        answers.append(api.call("POST", "/v1/campaigns", api.campaign(), headers={"Idempotency-Key": "k"}))

    # after the id and the record: just before the campaign is written
    api.tables.before.extend([lambda: None, lambda: None, meanwhile])
    first = api.call("POST", "/v1/campaigns", api.campaign(), headers={"Idempotency-Key": "k"})
    assert first.status == 201
    assert [answer.json["code"] for answer in answers] == ["request_in_flight"]
    assert int(answers[0].headers["Retry-After"]) in range(1, 31)


@pytest.mark.parametrize("writes_before_the_failure", [1, 2, 3])
def test_a_request_that_failed_half_way_is_repeated_under_the_same_id(
    api: Api, writes_before_the_failure: int
) -> None:
    def fail() -> None:
        raise ConnectionError("half way")

    api.tables.before.extend([lambda: None] * writes_before_the_failure + [fail])
    headers = {"Idempotency-Key": "k"}
    assert api.call("POST", "/v1/campaigns", api.campaign(), headers=headers).status == 500
    again = api.call("POST", "/v1/campaigns", api.campaign(), headers=headers)
    assert again.status == 201
    heads = [
        key for key in api.tables.tables["workspaces"] if key[1].startswith("campaign#") and key[0] != "open"
    ]
    assert heads == [("w#acme", f"campaign#{again.json['id']:016d}")]


def test_a_refused_campaign_frees_its_key(api: Api) -> None:
    headers = {"Idempotency-Key": "k"}
    assert api.call("POST", "/v1/campaigns", api.campaign(list_id=8), headers=headers).status == 422
    assert api.call("POST", "/v1/campaigns", api.campaign(list_id=7), headers=headers).status == 201


@pytest.mark.parametrize(
    ("status", "action", "after"),
    [
        ("sending", "pause", "paused"),
        ("scheduled", "pause", "paused"),
        ("paused", "resume", "queued"),
        ("queued", "cancel", "cancelled"),
        ("paused", "cancel", "cancelled"),
        ("paused", "pause", None),
        ("completed", "pause", None),
        ("sending", "resume", None),
        ("cancelled", "resume", None),
        ("completed", "cancel", None),
        ("failed", "cancel", None),
    ],
)
def test_control_goes_by_the_status(api: Api, status: str, action: str, after: str | None) -> None:
    created = api.call("POST", "/v1/campaigns", api.campaign()).json["id"]
    head = api.tables.find("workspaces", keys.campaign_head("acme", created))
    assert head is not None
    head |= {"status": status, "leg": 3}
    answer = api.call("POST", f"/v1/campaigns/{created}/{action}")
    if after is None:
        assert (answer.status, answer.json["code"]) == (409, "status_conflict")
        assert status in answer.json["detail"]
    else:
        assert (answer.status, answer.json["status"]) == (202, after)
        assert f"{created}-4" in api.clients.started
    assert api.call("POST", f"/v1/campaigns/{created}/{action}", workspace="rival").status == 404


def test_campaigns_are_shown_newest_first(api: Api) -> None:
    ids = [api.call("POST", "/v1/campaigns", api.campaign()).json["id"] for _ in range(5)]
    pages = walk(api, "/v1/campaigns?limit=2")
    assert [len(page) for page in pages] == [2, 2, 1]
    assert [entry["id"] for page in pages for entry in page] == ids[::-1]


def test_a_report_counts_every_status(api: Api) -> None:
    created = api.call("POST", "/v1/campaigns", api.campaign()).json["id"]
    head = api.tables.find("workspaces", keys.campaign_head("acme", created))
    assert head is not None
    head |= {"status": "completed", "plan": {"recipients": 4, "chunks": 1, "chunk_size": 500, "segments": 5}}
    vector = bytes([cell(Status.RECEIVED), cell(Status.RECEIVED) | 0x80, cell(Status.FAILED)])
    api.tables.seed("dispatch", keys.chunk(created, 0), number=0, vector=vector, version=1, charges=[[1, 0]])
    report = api.call("GET", f"/v1/campaigns/{created}/report").json
    assert (report["campaign_id"], report["name"], report["status"]) == (created, "Sale", "completed")
    assert (report["recipients"], report["segments"], report["opted_out"]) == (4, 3, 1)
    assert {word: count for word, count in report["statuses"].items() if count} == {
        "received": 2,
        "failed": 1,
        "pending": 1,
    }
    assert set(report["statuses"]) == {status.word for status in Status} == set(report["meanings"])


# ---- pages, lists, imports ------------------------------------------------------------------------------


def walk(api: Api, path: str) -> list[list[dict[str, Any]]]:
    """Every page of a listing."""
    pages, cursor = [], ""
    while True:
        answer = api.call("GET", path + cursor)
        assert answer.status == 200, answer.text
        pages.append(answer.json["data"])
        if answer.json["next_cursor"] is None:
            return pages
        cursor = f"{'&' if '?' in path else '?'}cursor={answer.json['next_cursor']}"


def test_a_list_is_shown_with_its_counts(api: Api) -> None:
    assert api.call("GET", "/v1/lists/7").json == {
        "id": 7,
        "name": "Gym",
        "batch": None,
        "email": None,
        "reply_response": None,
        "opt_out_response": None,
        "response_encoding": None,
        "members": 2,
        "opted_out": 0,
        "deleted": 0,
        "loading": False,
        "strict": False,
        "created_at": "1970-01-01T00:00:01.000Z",
    }
    assert api.call("GET", "/v1/lists/7", workspace="rival").status == 404


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_pages_show_every_member_once(api: Api, limit: int) -> None:
    mobiles = [f"+9055500000{n:02d}" for n in range(40)]
    for mobile in mobiles:
        api.tables.seed("members", keys.member(7, mobile), params=["Ali"])
    pages = walk(api, f"/v1/lists/7/members?limit={limit}")
    shown = [member["mobile"] for page in pages for member in page]
    assert sorted(shown) == mobiles
    assert all(len(page) == limit for page in pages[:-1])


def test_a_member_shows_its_marks(api: Api) -> None:
    api.tables.seed("members", keys.member(7, "+6421555666"), params=["Amy"], opted_out=1000)
    (member,) = api.call("GET", "/v1/lists/7/members").json["data"]
    assert member == {
        "mobile": "+6421555666",
        "params": ["Amy"],
        "opted_out": True,
        "opted_out_at": "1970-01-01T00:00:01.000Z",
        "opted_out_from": "list",
        "opted_out_by": None,
        "deleted": False,
        "deleted_at": None,
    }


def test_a_cursor_is_good_only_where_it_comes_from(api: Api) -> None:
    for list_id in (8, 9):
        api.tables.seed("workspaces", keys.list_head("acme", list_id), id=list_id, name="L", created_at=1)
        api.tables.seed("workspaces", keys.list_head("rival", list_id), id=list_id, name="L", created_at=1)
    cursor = api.call("GET", "/v1/lists?limit=1").json["next_cursor"]
    assert api.call("GET", f"/v1/lists?limit=2&cursor={cursor}").status == 200
    for other in ("/v1/campaigns", "/v1/lists/7/members", "/v1/blacklist", "/v1/imports"):
        assert api.call("GET", f"{other}?cursor={cursor}").json["code"] == "invalid_cursor"
    foreign = api.call("GET", f"/v1/lists?cursor={cursor}", workspace="rival")
    assert foreign.json["code"] == "invalid_cursor"
    forged = cursor[:-1] + ("A" if cursor[-1] != "A" else "B")
    assert api.call("GET", f"/v1/lists?cursor={forged}").status == 422


def seed_import(api: Api, number: int, **changes: Any) -> str:
    import_id = f"{number:032x}"
    head = {
        "id": import_id,
        "key": "acme/lists/Gym/members.csv",
        "state": "done",
        "phase": "done",
        "list_id": 7,
        "list_name": "Gym",
        "rows_read": 10,
        "accepted": 5,
        "corrected": 1,
        "duplicates": 2,
        "opted_out": 1,
        "rejected": 1,
        "bytes_read": 100,
        "bytes_total": 100,
        "created_at": 1000 * number,
        "updated_at": 1000 * number,
    } | changes
    api.tables.tables["workspaces"]["w#acme", f"import#{import_id}"] = (
        keys.import_head("acme", import_id) | head
    )
    api.tables.seed("workspaces", keys.import_time("acme", 1000 * number, import_id), import_id=import_id)
    api.tables.seed(
        "workspaces", keys.import_object("acme", "acme/lists/Gym/members.csv"), import_id=import_id
    )
    return import_id


def test_imports_are_shown_newest_first(api: Api) -> None:
    ids = [seed_import(api, number) for number in range(1, 6)]
    pages = walk(api, "/v1/imports?limit=2")
    assert [entry["id"] for page in pages for entry in page] == ids[::-1]


def test_an_object_leads_to_its_newest_import(api: Api) -> None:
    seed_import(api, 1)
    newest = seed_import(api, 2)
    answer = api.call("GET", "/v1/imports?key=acme/lists/Gym/members.csv")
    assert (answer.status, answer.json["id"]) == (200, newest)
    foreign = api.call("GET", "/v1/imports?key=acme/lists/Gym/members.csv", workspace="rival")
    assert foreign.status == 404
    assert api.call("GET", f"/v1/imports/{newest}", workspace="rival").status == 404


@pytest.mark.parametrize("report", ["rejected", "duplicates", "missing"])
def test_reports_of_an_import_come_as_links(api: Api, report: str) -> None:
    import_id = seed_import(api, 1, **{f"{report}_key": f"imports/1/{report}.csv"})
    view = api.call("GET", f"/v1/imports/{import_id}").json
    links = {name: view.pop(f"{name}_file") for name in ("rejected", "duplicates", "missing")}
    assert links.pop(report) == f"https://work/imports/1/{report}.csv?3600"
    assert set(links.values()) == {None}
    assert view["error"] is None


def test_a_failed_import_says_why_and_what_to_do(api: Api) -> None:
    error = {"code": "file_empty", "message": "The file is empty."}
    import_id = seed_import(api, 1, state="failed", error=error)
    view = api.call("GET", f"/v1/imports/{import_id}").json
    assert (view["state"], view["error"]) == ("failed", error | {"fix": "Upload one with rows."})


def test_a_running_import_says_when_it_will_be_read(api: Api) -> None:
    progress = {"bytes_read": 25, "bytes_total": 100, "created_at": 0, "updated_at": 10_000}
    import_id = seed_import(api, 1, state="validating", **progress)
    view = api.call("GET", f"/v1/imports/{import_id}").json
    assert view["estimated_end"] == "1970-01-01T00:00:40.000Z"
    assert view["rejected_file"] is None


# ---- blacklist ------------------------------------------------------------------------------------------


def test_a_number_is_blacklisted_once_and_keeps_its_time(api: Api) -> None:
    first = api.call("POST", "/v1/blacklist", {"mobile": "+6421555666"})
    again = api.call("POST", "/v1/blacklist", {"mobile": "+64 (21) 555-666"})
    assert (first.status, again.status) == (201, 200)
    assert again.json == first.json
    assert (first.json["mobile"], first.json["by"]) == ("+6421555666", "api:key:1")
    assert len(api.tables.tables["activity"]) == 1


def test_a_number_without_plus_goes_through_the_prefix_map(api: Api) -> None:
    api.tables.seed("workspaces", keys.prefix_map("acme", "021"), prefix="021", replacement="6421")
    assert api.call("POST", "/v1/blacklist", {"mobile": "021555666"}).json["mobile"] == "+6421555666"


@pytest.mark.parametrize(
    "mobile", ["abc", "+0123456789", "+12", "+614xxxxxxxx", "12345;6789", " ", "+" + "1" * 15]
)
def test_what_is_no_number_is_refused_by_name(api: Api, mobile: str) -> None:
    answer = api.call("POST", "/v1/blacklist", {"mobile": mobile})
    assert (answer.status, answer.pointers) == (422, ["#/mobile"])


@pytest.mark.parametrize("path", ["+6421555666", "%2B6421555666", "6421555666"])
def test_a_number_is_taken_off_the_blacklist(api: Api, path: str) -> None:
    api.call("POST", "/v1/blacklist", {"mobile": "+6421555666"})
    assert api.call("DELETE", f"/v1/blacklist/{path}", workspace="rival").status == 204
    assert len(api.call("GET", "/v1/blacklist").json["data"]) == 1
    for _ in range(2):
        answer = api.call("DELETE", f"/v1/blacklist/{path}")
        assert (answer.status, answer.text) == (204, "")
    assert api.call("GET", "/v1/blacklist").json["data"] == []
    assert len(api.tables.tables["activity"]) == 2


@pytest.mark.parametrize("limit", [1, 4, 50])
def test_the_blacklist_is_shown_newest_first(api: Api, limit: int) -> None:
    mobiles = [f"+64215550{n:02d}" for n in range(20)]
    for at, mobile in enumerate(mobiles):
        api.tables.seed(
            "people",
            keys.standing("acme", mobile),
            mobile=mobile,
            blacklisted={"at": at, "by": "reply:1"},
            by_workspace_pk=keys.blacklist_shard("acme", mobile),
            by_workspace_sk=f"{at:013d}#{mobile}",
        )
    pages = walk(api, f"/v1/blacklist?limit={limit}")
    assert [entry["mobile"] for page in pages for entry in page] == mobiles[::-1]
    assert api.call("GET", "/v1/blacklist", workspace="rival").json["data"] == []


# ---- anything at all ------------------------------------------------------------------------------------

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


# ---- conventions ------------------------------------------------------------------------------------------


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
