"""Lists by hand through the API, and what becomes of a deleted one [C1] [C6]."""

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from kabar.storage import executions, keys, list_edits
from kabar.storage.dynamo import Table
from tests.functions.api_client import Answer, Api, api
from tests.functions.fake_dynamo import FakeDynamo
from tests.functions.loading import load

__all__ = ["api"]

WHOLE = {
    "name": "Gym",
    "batch": "2026-Q4",
    "email": "desk@example.com",
    "reply_response": "Thanks",
    "opt_out_response": "Bye",
}


def create(api: Api, name: str = "Pool", **more: Any) -> Answer:
    return api.call("POST", "/v1/lists", {"name": name, **more})


def edit(api: Api, made: Answer, changes: dict[str, Any]) -> Answer:
    headers = {"If-Match": made.headers["ETag"]}
    return api.call("PATCH", f"/v1/lists/{made.json['id']}", changes, headers=headers)


def listed(api: Api, query: str = "", limit: int = 100) -> list[str]:
    """The names on all pages."""
    names, cursor = [], ""
    while True:
        page = api.call("GET", f"/v1/lists?limit={limit}{query}{cursor}").json
        names += [each["name"] for each in page["data"]]
        if page["next_cursor"] is None:
            return names
        cursor = f"&cursor={page['next_cursor']}"


def test_a_list_is_made_by_hand_and_is_empty(api: Api) -> None:
    made = create(api, **{**WHOLE, "name": "Pool"})
    assert made.status == 201
    assert made.headers["Location"] == f"/v1/lists/{made.json['id']}"
    assert made.json.items() >= {**WHOLE, "name": "Pool", "members": 0, "loading": False}.items()
    assert api.call("GET", made.headers["Location"]).json == made.json
    assert listed(api) == ["Pool", "Gym"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "#/name"),
        ({"name": ""}, "#/name"),
        ({"name": "   "}, "#/name"),
        ({"name": "n" * 51}, "#/name"),
        ({"name": "a\0"}, "#/name"),
        ({"name": "a", "batch": "b" * 256}, "#/batch"),
        ({"name": "a", "email": "nobody"}, "#/email"),
        ({"name": "a", "email": "two@example.com three"}, "#/email"),
        ({"name": "a", "reply_response": "r" * 161}, "#/reply_response"),
        ({"name": "a", "opt_out_response": "r" * 161}, "#/opt_out_response"),
        ({"name": "a", "members": []}, "#/members"),
    ],
)
def test_a_list_within_no_rule_is_refused_by_name(api: Api, body: dict[str, Any], pointer: str) -> None:
    answer = api.call("POST", "/v1/lists", body)
    assert (answer.status, answer.pointers) == (422, [pointer])


def test_the_limits_themselves_are_taken(api: Api) -> None:
    assert create(api, "n" * 50, batch="b" * 255, reply_response="r" * 160).status == 201


def test_a_name_leads_to_one_list(api: Api) -> None:
    create(api, "Pool")
    answer = create(api, "Pool")
    assert (answer.status, answer.json["code"], answer.pointers) == (409, "already_exists", ["#/name"])
    assert api.call("POST", "/v1/lists", {"name": "Pool"}, workspace="rival").status == 201


def test_a_repeated_creation_is_one_list(api: Api) -> None:
    key = {"Idempotency-Key": "k"}
    first, again = (api.call("POST", "/v1/lists", {"name": "Pool"}, headers=key) for _ in range(2))
    assert (again.status, again.json) == (201, first.json)
    assert listed(api) == ["Pool", "Gym"]


def test_a_creation_that_died_after_its_write_is_finished_by_its_repetition(api: Api) -> None:
    def die() -> None:
        raise ConnectionError("the answer was lost")

    key = {"Idempotency-Key": "k"}
    # the id, the record, the list; then the log entry fails
    api.tables.before.extend([lambda: None] * 3 + [die])
    answers = [api.call("POST", "/v1/lists", {"name": "Pool"}, headers=key).status for _ in range(2)]
    assert answers[-1] == 201
    assert listed(api) == ["Pool", "Gym"]


def test_an_edit_changes_what_it_names_and_null_removes(api: Api) -> None:
    made = create(api, **{**WHOLE, "name": "Pool"})
    answer = edit(api, made, {"name": "Swim", "batch": None})
    assert answer.status == 200
    assert answer.json == {**made.json, "name": "Swim", "batch": None}
    assert answer.headers["ETag"] != made.headers["ETag"]
    assert create(api, "Pool").status == 201  # the old name is free
    assert create(api, "Swim").status == 409


@pytest.mark.parametrize("changes", [{}, {"name": None}, {"name": " "}, {"id": 5}, {"batch": ""}])
def test_an_edit_that_says_nothing_or_too_much_is_refused(api: Api, changes: dict[str, Any]) -> None:
    assert edit(api, create(api), changes).status == 422


def test_an_edit_says_what_it_was_made_from_and_a_stale_one_is_refused(api: Api) -> None:
    made = create(api)
    path = f"/v1/lists/{made.json['id']}"
    assert api.call("PATCH", path, {"name": "X"}).status == 428
    assert edit(api, made, {"batch": "first"}).status == 200
    assert edit(api, made, {"batch": "second"}).json["code"] == "precondition_failed"
    assert api.call("GET", path).json["batch"] == "first"


def test_two_edits_at_once_leave_one_of_them(api: Api) -> None:
    made = create(api)
    answers = []

    def overtake() -> None:
        answers.append(edit(api, made, {"name": "Faster"}).status)

    api.tables.before.append(overtake)
    answers.append(edit(api, made, {"name": "Slower"}).status)
    assert answers == [200, 412]
    assert "Faster" in listed(api)
    assert create(api, "Slower").status == 201


def test_an_import_that_counts_does_not_make_an_edit_stale(api: Api) -> None:
    made = create(api)
    head = api.tables.find("workspaces", keys.list_head("acme", made.json["id"]))
    assert head
    head["members"] = 5000
    assert edit(api, made, {"batch": "b"}).json["members"] == 5000


def test_a_rename_to_a_name_that_is_taken_is_refused(api: Api) -> None:
    create(api, "Pool")
    assert edit(api, create(api, "Swim"), {"name": "Pool"}).json["code"] == "already_exists"
    assert listed(api) == ["Swim", "Pool", "Gym"]


# ---- search ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1, 2, 100])
@pytest.mark.parametrize(
    ("search", "names"),
    [("pool", ["Pool 2", "Whirlpool"]), ("q4", ["Pool 2", "Gym 4"]), ("%F0%9F%92%AA", ["Gym 4"]), ("x", [])],
)
def test_lists_are_found_by_a_part_of_their_name_or_batch(
    api: Api, search: str, names: list[str], limit: int
) -> None:
    create(api, "Gym 4", batch="2026-Q4 💪")
    create(api, "Whirlpool")
    create(api, "Pool 2", batch="q4")
    assert listed(api, f"&search={search}", limit) == names


def test_a_search_among_many_lists_reads_a_bounded_part_of_them_per_page(api: Api) -> None:
    for n in range(1, 2501):
        name = "needle" if n in {1, 1200} else "hay"
        api.tables.seed("workspaces", keys.list_head("acme", n), id=n, name=name, created_at=n)
    api.tables.calls.clear()
    api.call("GET", "/v1/lists?search=needle")
    assert api.tables.calls.count("query") <= list_edits._READS
    assert listed(api, "&search=needle") == ["needle", "needle"]


# ---- deletion -------------------------------------------------------------------------------------------


def test_a_deleted_list_is_gone_at_once_and_its_name_free(api: Api) -> None:
    made = create(api, "Pool").json["id"]
    assert api.call("DELETE", f"/v1/lists/{made}").status == 204
    for path in (f"/v1/lists/{made}", f"/v1/lists/{made}/members"):
        assert api.call("GET", path).status == 404
    assert api.call("DELETE", f"/v1/lists/{made}").status == 404
    assert listed(api) == ["Gym"]
    assert create(api, "Pool").json["id"] != made


def test_many_lists_are_deleted_and_the_answer_says_which(api: Api) -> None:
    ids = [create(api, f"List {n}").json["id"] for n in range(3)]
    api.tables.seed("workspaces", keys.list_head("rival", 9), id=9, name="Theirs", created_at=1)
    answer = api.call("POST", "/v1/lists/delete", {"list_ids": [ids[0], 999_999, 9, ids[2], ids[0]]})
    assert answer.json == {"deleted": [ids[0], ids[2]], "not_found": [999_999, 9], "keywords": []}
    assert listed(api) == ["List 1", "Gym"]
    assert api.call("GET", "/v1/lists/9", workspace="rival").status == 200


@pytest.mark.parametrize(
    "body", [{}, {"list_ids": []}, {"list_ids": list(range(1, 102))}, {"list_ids": ["7"]}, {"list_ids": [0]}]
)
def test_1_to_100_lists_are_deleted_at_once(api: Api, body: dict[str, Any]) -> None:
    assert api.call("POST", "/v1/lists/delete", body).status == 422


def test_another_workspace_edits_and_deletes_nothing(api: Api) -> None:
    made = create(api)
    path = f"/v1/lists/{made.json['id']}"
    assert api.call("DELETE", path, workspace="rival").status == 404
    headers = {"If-Match": made.headers["ETag"]}
    assert api.call("PATCH", path, {"name": "X"}, headers=headers, workspace="rival").status == 404
    assert api.call("GET", path).status == 200


@pytest.fixture
def sweep(api: Api, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    executions.client.cache_clear()
    monkeypatch.setenv("IMPORT_LIST_ARN", "arn:import")
    monkeypatch.setenv("FINISH_IMPORT_FUNCTION", "finish-import")
    for name in ("OPEN_WINDOW_FUNCTION", "RETRY_CALLBACKS_ARN", "CALLBACKS_TABLE", "WORK_BUCKET"):
        monkeypatch.setenv(name, "unused")
    for name in ("LEASE_SECONDS", "ASK_AFTER_SECONDS", "GIVE_UP_SECONDS"):
        monkeypatch.setenv(name, "60")
    yield load("sweep", monkeypatch, dynamodb=api.tables, stepfunctions=api.clients.stepfunctions)
    executions.client.cache_clear()


def fill(dynamo: FakeDynamo, list_id: int, count: int) -> None:
    for n in range(count):
        dynamo.seed("members", keys.member(list_id, f"+6421{n:07d}"), params=["Amy"])


def test_the_members_of_a_deleted_list_go_in_the_background_and_nobody_else_s(
    api: Api, sweep: ModuleType
) -> None:
    made = create(api, "Pool").json["id"]
    fill(api.tables, made, 600)
    fill(api.tables, 7, 10)
    api.call("DELETE", f"/v1/lists/{made}")
    assert sweep.handler({}, None)["members_removed"] == 600
    assert len(api.tables.tables["members"]) == 10
    # what an import that was under way writes afterwards goes too
    fill(api.tables, made, 5)
    assert sweep.handler({}, None)["members_removed"] == 5


def test_emptying_stops_when_told_and_goes_on_in_the_next_run(api: Api) -> None:
    emptying = list_edits.Emptying(Table("workspaces", api.tables), Table("members", api.tables))
    made = create(api, "Pool").json["id"]
    fill(api.tables, made, 200)
    api.call("DELETE", f"/v1/lists/{made}")
    first = emptying.run(0, lambda: False)
    assert 0 < first < 200
    later = 2**43
    assert first + emptying.run(later, lambda: True) == 200
    assert not [key for key in api.tables.tables["workspaces"] if key[0] == "open"]


@pytest.mark.parametrize(
    "written", ["07", "+7", "7.0", "7e0", "%207", " 7", "٧", "７", "0", "-7", "0x7", "7_0"]
)
def test_a_list_has_one_address(api: Api, written: str) -> None:
    assert api.call("GET", "/v1/lists/7").status == 200
    assert api.call("GET", f"/v1/lists/{written}").status == 404
