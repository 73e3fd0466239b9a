"""Keywords by the API: one list each, never used twice by accident, gone with their list [I8] [C6]."""

from collections.abc import Callable
from typing import Any

import pytest

from kabar.storage import keys
from kabar.storage.dynamo import Table
from kabar.storage.keywords import MAX_OF_LIST, Keywords
from tests.functions.api_client import Answer, Api, api

__all__ = ["api"]


def create(api: Api, keyword: str = "Tes2", **changes: Any) -> dict[str, Any]:
    """A keyword of list 7 in `acme`, which has the number 3774."""
    dedicated(api)
    answer = api.call("POST", "/v1/keywords", {"keyword": keyword, "list_id": 7} | changes)
    assert answer.status == 201, answer.text
    made: dict[str, Any] = answer.json
    return made


def dedicated(api: Api, numbers: tuple[str, ...] = ("3774",)) -> None:
    key = keys.settings("acme")
    api.tables.seed(
        "workspaces", key, **(api.tables.find("workspaces", key) or {}) | {"numbers": list(numbers)}
    )


def said(api: Api, text: str) -> int | None:
    found = Keywords(Table("workspaces", api.tables), Table("activity", api.tables), "acme").said(text)
    return found["id"] if found else None


def on_list(api: Api, list_id: int = 7) -> set[str]:
    found: set[str] = (api.tables.find("workspaces", keys.list_head("acme", list_id)) or {}).get(
        "keywords", set()
    )
    return found


def refused(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.json["code"]


def logged(api: Api) -> list[str]:
    return [entry["what"] for entry in api.tables.tables["activity"].values() if "keyword" in entry["what"]]


def test_a_keyword_is_made_found_and_listed(api: Api) -> None:
    made = create(api, response="Welcome", active=False)
    assert {name: made[name] for name in ("keyword", "list_id", "active", "response", "encoding")} == {
        "keyword": "Tes2",
        "list_id": 7,
        "active": False,
        "response": "Welcome",
        "encoding": "gsm",
    }
    assert made["created_at"]
    other = create(api, "Tes_2")
    assert api.call("GET", f"/v1/keywords/{made['id']}").json == made
    page = api.call("GET", "/v1/keywords?limit=1").json
    assert [each["id"] for each in page["data"]] == [other["id"]]
    rest = api.call("GET", f"/v1/keywords?limit=1&cursor={page['next_cursor']}").json
    assert ([each["id"] for each in rest["data"]], rest["next_cursor"]) == ([made["id"]], None)
    assert on_list(api) == {str(made["id"]), str(other["id"])}


@pytest.mark.parametrize("text", ["tes2", " TES2! ", "Tes2\n", "ＴＥＳ２", "tés2"])
def test_a_keyword_is_found_however_it_is_written(api: Api, text: str) -> None:
    made = create(api)
    assert said(api, text) == made["id"]
    assert said(api, f"{text} please") is None


@pytest.mark.parametrize("word", ["two words", "", "x" * 51, "...", "a\u0000b", "a\tb"])
def test_what_is_no_word_is_no_keyword(api: Api, word: str) -> None:
    dedicated(api)
    assert api.call("POST", "/v1/keywords", {"keyword": word, "list_id": 7}).status == 422


@pytest.mark.parametrize("word", ["STOP", "iptal", "Start", "opt-out"])
def test_a_command_is_no_keyword(api: Api, word: str) -> None:
    dedicated(api)
    answer = api.call("POST", "/v1/keywords", {"keyword": word, "list_id": 7})
    assert (answer.status, answer.pointers) == (422, ["#/keyword"])


def test_keywords_take_a_dedicated_number_and_a_list(api: Api) -> None:
    body = {"keyword": "Tes2", "list_id": 7}
    assert refused(api.call("POST", "/v1/keywords", body)) == (409, "status_conflict")
    dedicated(api)
    answer = api.call("POST", "/v1/keywords", body | {"list_id": 8})
    assert (answer.status, answer.pointers) == (422, ["#/list_id"])


def test_f45_a_deleted_keyword_can_not_be_used_again_until_it_is_released(api: Api) -> None:
    made = create(api)
    path = f"/v1/keywords/{made['id']}"
    assert refused(api.call("POST", "/v1/keywords", {"keyword": "TES2", "list_id": 7})) == (
        409,
        "already_exists",
    )
    assert refused(api.call("POST", f"{path}/release")) == (409, "status_conflict")
    assert api.call("DELETE", path).status == 204
    assert api.call("DELETE", path).status == 204
    assert said(api, "tes2") is None
    assert api.call("GET", path).json["deleted_at"]
    again = api.call("POST", "/v1/keywords", {"keyword": "tes2", "list_id": 7})
    assert refused(again) == (409, "keyword_deleted")
    assert str(made["id"]) in again.json["detail"]
    assert [each["id"] for each in api.call("GET", "/v1/keywords?deleted=true").json["data"]] == [made["id"]]
    assert api.call("GET", "/v1/keywords?deleted=false").json["data"] == []
    assert api.call("POST", f"{path}/release").status == 204
    assert api.call("GET", path).status == 404
    assert said(api, "tes2") is None
    new = create(api, "tes2")
    assert said(api, "tes2") == new["id"] != made["id"]
    assert sorted(logged(api)) == [
        "keyword created",
        "keyword created",
        "keyword deleted",
        "keyword released",
    ]


def test_a_keyword_is_edited_with_its_etag(api: Api) -> None:
    api.tables.seed("workspaces", keys.list_head("acme", 8), id=8, name="Pool", created_at=1000, members=0)
    made = create(api, response="Welcome")
    path = f"/v1/keywords/{made['id']}"
    tag = {"If-Match": api.call("GET", path).headers["ETag"]}
    assert api.call("PATCH", path, {"active": False}).status == 428
    edited = api.call("PATCH", path, {"active": False, "list_id": 8, "response": None}, headers=tag)
    assert (edited.json["active"], edited.json["list_id"], edited.json["response"]) == (False, 8, None)
    assert (on_list(api, 7), on_list(api, 8)) == (set(), {str(made["id"])})
    assert said(api, "Tes2") is None
    assert api.call("PATCH", path, {"active": True}, headers=tag).status == 412
    tag = {"If-Match": edited.headers["ETag"]}
    assert api.call("PATCH", path, {"list_id": 9}, headers=tag).status == 422
    assert api.call("PATCH", path, {"encoding": "klingon"}, headers=tag).status == 422


@pytest.mark.parametrize("body", [{}, {"active": None}, {"list_id": None}, {"keyword": "Other"}])
def test_a_change_that_is_none_is_refused(api: Api, body: dict[str, Any]) -> None:
    path = f"/v1/keywords/{create(api)['id']}"
    tag = {"If-Match": api.call("GET", path).headers["ETag"]}
    assert api.call("PATCH", path, body, headers=tag).status == 422


def test_a_list_takes_its_keywords_with_it_and_the_answer_says_so(api: Api) -> None:
    """[C6]"""
    first, second = create(api), create(api, "Yoga")
    answer = api.call("DELETE", "/v1/lists/7")
    assert (answer.status, answer.json) == (200, {"id": 7, "keywords": ["Tes2", "Yoga"]})
    for made in (first, second):
        assert api.call("GET", f"/v1/keywords/{made['id']}").json["deleted_at"]
    assert said(api, "yoga") is None


def test_deleting_several_lists_names_their_keywords(api: Api) -> None:
    create(api)
    assert api.call("POST", "/v1/lists/delete", {"list_ids": [7, 99]}).json == {
        "deleted": [7],
        "not_found": [99],
        "keywords": ["Tes2"],
    }


def another(api: Api) -> None:
    create(api, "Yoga")


def delete_the_first(api: Api) -> None:
    first = api.call("GET", "/v1/keywords").json["data"][-1]
    api.call("DELETE", f"/v1/keywords/{first['id']}")


@pytest.mark.parametrize("change", [another, delete_the_first])
def test_a_keyword_that_changes_while_its_list_is_deleted_is_deleted_once(
    api: Api, change: Callable[[Api], None]
) -> None:
    create(api)
    api.tables.before.append(lambda: change(api))
    assert api.call("DELETE", "/v1/lists/7").status in {200, 204}
    assert {each["deleted_at"] is None for each in api.call("GET", "/v1/keywords").json["data"]} == {False}
    assert logged(api).count("keyword deleted") == logged(api).count("keyword created")


def test_a_list_that_goes_while_it_gets_a_keyword_gets_none(api: Api) -> None:
    dedicated(api)

    def delete() -> None:
        api.call("DELETE", "/v1/lists/7")

    api.tables.before += [lambda: None, delete]  # the first write reserves the id
    answer = api.call("POST", "/v1/keywords", {"keyword": "Tes2", "list_id": 7})
    assert (answer.status, answer.pointers) == (422, ["#/list_id"])
    assert said(api, "Tes2") is None


def test_the_same_request_again_is_one_keyword(api: Api) -> None:
    dedicated(api)
    once = {"Idempotency-Key": "k"}
    first = api.call("POST", "/v1/keywords", {"keyword": "Tes2", "list_id": 7}, headers=once)
    assert (
        api.call("POST", "/v1/keywords", {"keyword": "Tes2", "list_id": 7}, headers=once).json == first.json
    )
    assert first.headers["Location"] == f"/v1/keywords/{first.json['id']}"


def test_a_list_has_only_so_many_keywords(api: Api) -> None:
    dedicated(api)
    head = api.tables.find("workspaces", keys.list_head("acme", 7)) or {}
    api.tables.seed(
        "workspaces", keys.list_head("acme", 7), **head | {"keywords": set(map(str, range(MAX_OF_LIST)))}
    )
    assert api.call("POST", "/v1/keywords", {"keyword": "Tes2", "list_id": 7}).status == 409
