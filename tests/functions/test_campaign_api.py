"""Campaigns over the API: created, controlled, listed and counted."""

from typing import Any

import pytest

from kabar.domain.statuses import Status, cell
from kabar.storage import keys
from tests.functions.api_client import Api, api, walk

__all__ = ["api"]


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
