"""Files announced and members sent through the API become imports [D1] [D8]."""

import csv
import io
import json
from types import ModuleType
from typing import Any

import pytest

from kabar.domain.import_codes import messages
from kabar.domain.imports import validate
from kabar.domain.numbers import Numbers
from kabar.storage import executions, keys
from tests.functions.api_client import REQUEST_ID, Answer, Api, api
from tests.functions.loading import load, queued
from tests.unit.import_rig import Kept

__all__ = ["api"]

MACHINE = "arn:aws:states:eu-west-1:000000000000:stateMachine:import"


@pytest.fixture(autouse=True)
def gym(api: Api) -> None:
    api.tables.seed("workspaces", keys.list_name("acme", "Gym"), list_id=7)


@pytest.fixture
def receive(api: Api, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setenv("IMPORT_LIST_ARN", MACHINE)
    executions.client.cache_clear()
    return load("receive_upload", monkeypatch, **vars(api.clients))


def announce(api: Api, **body: Any) -> Answer:
    return api.call("POST", "/v1/imports", {"purpose": "append", "list_id": 7, **body})


def arrive(receive: ModuleType, key: str, version: str = "v1") -> None:
    found = {"bucket": {"name": "uploads"}, "object": {"key": key, "versionId": version, "size": 9}}
    receive.handler(queued({"Records": [{"eventName": "ObjectCreated:Post", "s3": found}]}), None)


def imports(api: Api) -> list[dict[str, Any]]:
    data: list[dict[str, Any]] = api.call("GET", "/v1/imports").json["data"]
    return data


def test_an_announced_import_waits_for_its_file_and_says_how_to_send_it(api: Api) -> None:
    answer = announce(api, filename="Üyeler.csv", remove_opt_outs=False)
    view = answer.json
    assert (answer.status, answer.headers["Location"]) == (201, f"/v1/imports/{view['id']}")
    assert (view["state"], view["list_name"], view["filename"]) == ("waiting_for_file", "Gym", "Üyeler.csv")
    assert view["remove_opt_outs"] is False
    assert view["upload"]["fields"]["key"] == view["key"] == f"acme/uploads/{view['id']}/file.csv"
    assert "content-length-range" in view["upload"]["fields"]["policy"]
    assert view["upload"]["max_bytes"] == 200 * 1024 * 1024
    assert api.call("GET", answer.headers["Location"]).json["state"] == "waiting_for_file"
    assert imports(api) == []  # nothing has come in yet


@pytest.mark.parametrize(
    ("body", "status", "pointer"),
    [
        ({"list_id": 8}, 422, "#/list_id"),
        ({"list_id": None, "list_name": "Nowhere"}, 422, "#/list_name"),
        ({"list_name": "Gym"}, 422, "#"),
        ({"list_id": None}, 422, "#"),
        ({"purpose": "new_list"}, 422, "#"),
        ({"purpose": "new_list", "list_id": None, "list_name": "   "}, 422, "#"),
        ({"purpose": "new_list", "list_id": None, "list_name": "n" * 51}, 422, "#/list_name"),
        ({"purpose": "steal"}, 422, "#/purpose"),
        ({"filename": ""}, 422, "#/filename"),
        ({"purpose": "delete_members", "dry_run": True}, 422, "#"),
        ({"purpose": "delete_members", "strict": True}, 422, "#"),
        ({"split": {"records": 5}}, 422, "#"),
        (
            {"purpose": "new_list", "list_id": None, "list_name": "A", "split": {"records": 0}},
            422,
            "#/split/records",
        ),
        ({"purpose": "new_list", "list_id": None, "list_name": "n" * 41, "split": {"records": 5}}, 422, "#"),
    ],
)
def test_an_import_that_leads_nowhere_is_refused(
    api: Api, body: dict[str, Any], status: int, pointer: str
) -> None:
    answer = announce(api, **body)
    assert (answer.status, answer.pointers) == (status, [pointer])


def test_a_dry_run_is_announced_and_its_first_rows_are_shown(api: Api, receive: ModuleType) -> None:
    view = announce(api, dry_run=True).json
    assert (view["dry_run"], view["first_rows"]) == (True, None)
    arrive(receive, view["key"], "v1")
    head = api.tables.find("workspaces", keys.import_head("acme", view["id"])) or {}
    rows = [{"mobile": "+6421555666", "params": ["Amy"], "changes": ["plus_added"]}]
    head |= {"first_rows": rows, "state": "done", "phase": "dry_run"}
    assert api.call("GET", f"/v1/imports/{view['id']}").json["first_rows"] == rows


@pytest.mark.parametrize("strict", [True, False])
def test_strict_validation_is_asked_for_file_by_file(api: Api, strict: bool) -> None:
    row = {"mobile": "+6421555666"}
    body = {"members": [row], "strict": strict}
    views = [announce(api, strict=strict), api.call("POST", "/v1/lists/7/members/import", body)]
    heads = [api.tables.find("workspaces", keys.import_head("acme", view.json["id"])) for view in views]
    assert (
        [head and head["strict"] for head in heads] == [view.json["strict"] for view in views] == [strict] * 2
    )


def test_a_split_is_announced_and_its_lists_are_shown(api: Api) -> None:
    body = {"purpose": "new_list", "list_id": None, "list_name": "n" * 40, "split": {"records": 5}}
    view = announce(api, **body).json
    head = api.tables.find("workspaces", keys.import_head("acme", view["id"])) or {}
    assert (head["split"], view["lists"]) == ({"records": 5}, None)
    head["lists"] = [{"list_id": 8, "name": "n (1/1)", "records": 5}]
    assert api.call("GET", f"/v1/imports/{view['id']}").json["lists"] == head["lists"]


def test_a_new_list_must_be_new(api: Api) -> None:
    answer = announce(api, purpose="new_list", list_id=None, list_name="Gym")
    assert (answer.status, answer.json["code"]) == (409, "already_exists")
    assert announce(api, purpose="new_list", list_id=None, list_name="Pool").status == 201
    assert announce(api, list_id=None, list_name="Gym").json["list_name"] == "Gym"


def test_another_workspace_s_list_is_no_list(api: Api) -> None:
    body = {"purpose": "append", "list_id": 7}
    assert api.call("POST", "/v1/imports", body, workspace="rival").status == 422


def test_a_repeated_announcement_is_one_import(api: Api) -> None:
    body, key = {"purpose": "append", "list_id": 7}, {"Idempotency-Key": "k"}
    answers = [api.call("POST", "/v1/imports", body, headers=key).json for _ in range(2)]
    assert answers[0] == answers[1]


def test_the_file_starts_the_import_that_waited_for_it(api: Api, receive: ModuleType) -> None:
    view = announce(api, filename="members.csv").json
    arrive(receive, view["key"])
    source = {"bucket": "uploads", "key": view["key"], "version": "v1"}
    told = {"workspace": "acme", "import_id": view["id"], "request_id": REQUEST_ID}
    assert api.clients.started == {view["id"]: source | told}
    log = api.call("GET", f"/v1/activity?about=import/{view['id']}").json["data"]
    entries = {(entry["who"], entry["what"]) for entry in log}
    assert entries == {("api:key:1", "import announced"), ("system", "import began")}
    (listed,) = imports(api)
    assert (listed["id"], listed["state"], listed["bytes_total"]) == (view["id"], "validating", 9)
    head = api.tables.find("workspaces", keys.import_head("acme", view["id"])) or {}
    assert "expires_at" not in head
    assert head["target"] == 7


def test_f28_the_event_of_an_announced_file_twice_is_one_import(api: Api, receive: ModuleType) -> None:
    view = announce(api).json
    for _ in range(3):
        arrive(receive, view["key"])
    assert list(api.clients.started) == [view["id"]]
    assert len(imports(api)) == 1


def test_f29_a_second_upload_of_an_announced_file_is_an_import_of_its_own_with_the_same_options(
    api: Api, receive: ModuleType
) -> None:
    view = announce(api, remove_opt_outs=False).json
    arrive(receive, view["key"])
    arrive(receive, view["key"], "v2")
    second, first = sorted(imports(api), key=lambda each: each["id"] == view["id"])
    assert first["id"] == view["id"] != second["id"]
    assert (second["remove_opt_outs"], second["list_name"], len(api.clients.started)) == (False, "Gym", 2)


@pytest.mark.parametrize("key", ["acme/uploads/" + "0" * 32 + "/file.csv", "rival/uploads/{id}/file.csv"])
def test_a_file_that_nobody_announced_is_ignored(api: Api, receive: ModuleType, key: str) -> None:
    view = announce(api).json
    arrive(receive, key.format(id=view["id"]))
    assert api.clients.started == {}


@pytest.mark.parametrize(
    ("asked", "sentence", "fix"),
    [
        ("", "Dosyanın metni çözülemedi. 3. satır okunamıyor.", "CSV UTF-8 olarak kaydedip"),
        ("tr-TR,tr;q=0.9", "Dosyanın metni çözülemedi. 3. satır okunamıyor.", "CSV UTF-8 olarak kaydedip"),
        ("id", "Teks berkas tidak dapat dibaca. Baris 3 tidak dapat dibaca.", "Simpan sebagai CSV UTF-8"),
        ("xx", "The text of the file can't be decoded. Line 3 can't be read.", "Save it as CSV UTF-8"),
    ],
)
def test_reasons_are_told_in_the_language_that_is_asked_for(
    api: Api, asked: str, sentence: str, fix: str
) -> None:
    view = announce(api).json
    head = api.tables.find("workspaces", keys.import_head("acme", view["id"]))
    assert head
    told = "Dosyanın metni çözülemedi. 3. satır okunamıyor."
    head |= {"state": "failed", "error": {"code": "encoding_unsupported", "message": told}, "error_line": 3}
    head |= {"codes": {"letters": 2, "too_short": 5}, "changes": {"plus_added": 4}}
    headers = {"Accept-Language": asked} if asked else {}
    shown = api.call("GET", f"/v1/imports/{view['id']}", headers=headers).json
    assert (shown["error"]["message"], shown["error"]["fix"][: len(fix)]) == (sentence, fix)
    assert [(each["code"], each["rows"]) for each in shown["codes"]] == [("too_short", 5), ("letters", 2)]
    assert (
        shown["codes"][1]["message"]
        == messages({"tr-TR,tr;q=0.9": "tr"}.get(asked, asked)).rows["letters"].sentence
    )
    assert shown["changes"] == {"plus_added": 4}


# ---- members in a body ----------------------------------------------------------------------------------

HARD = [
    {"mobile": "Phone", "params": []},  # would be a header, were it the first line
    {"mobile": "+6421555666", "params": ["a,b", 'say "hi"', "two\nlines", "two\r\nlines", "", "=1+1"]},
    {"mobile": "021 555 667", "params": [";", "\t", "|"]},
    {"mobile": "", "params": ["nobody"]},
    {"mobile": "+6421555668", "params": ["1", "2", "3", "4", "5", "6", "7"]},
]


def test_members_of_a_body_go_the_way_of_a_file_and_each_is_a_row(api: Api) -> None:
    answer = api.call("POST", "/v1/lists/7/members/import", {"members": HARD})
    seen = (answer.status, answer.json["state"], answer.json["list_id"])
    assert seen == (202, "waiting_for_file", 7)
    ((key, content),) = api.clients.uploaded.items()
    assert key == answer.json["key"] == f"acme/uploads/{answer.json['id']}/members.csv"
    rows = list(csv.reader(io.StringIO(content.decode(), newline="")))[1:]
    assert rows == [[row["mobile"], *row["params"]] for row in HARD]
    totals = validate([content], Numbers({"021": "6421"}, 14), Kept())
    assert (totals.rows_read, totals.accepted, totals.corrected, totals.rejected) == (len(HARD), 1, 1, 3)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "#/members"),
        ({"members": []}, "#/members"),
        ({"members": [{"mobile": 5}]}, "#/members/0/mobile"),
        ({"members": [{"mobile": "+6421555666", "params": [1]}]}, "#/members/0/params/0"),
    ],
)
def test_a_body_without_members_is_refused(api: Api, body: dict[str, Any], pointer: str) -> None:
    answer = api.call("POST", "/v1/lists/7/members/import", body)
    assert (answer.status, answer.pointers) == (422, [pointer])
    assert api.call("POST", "/v1/lists/8/members/import", {"members": HARD}).status == 404
    assert api.clients.uploaded == {}


def test_a_body_that_is_too_large_is_told_the_other_way_in(api: Api) -> None:
    members = [{"mobile": f"+6421{n:07d}", "params": ["x" * 40]} for n in range(60_000)]
    answer = api.call("POST", "/v1/lists/7/members/import", json.dumps({"members": members}))
    assert (answer.status, answer.json["code"]) == (413, "body_too_large")
    assert "POST /v1/imports" in answer.json["detail"]
