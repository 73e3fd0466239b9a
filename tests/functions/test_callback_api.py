"""Endpoints as they are set up, shown, rotated, switched and replayed [J1] [J5]."""

import json
from typing import Any

import pytest

from kabar.domain.callbacks import Callback
from kabar.guard import Answer as HttpAnswer
from kabar.guard import Guard
from kabar.storage import keys
from kabar.storage.callbacks import Book
from kabar.storage.dynamo import Table
from tests.functions.api_client import Answer, Api, api

__all__ = ["api"]

URL = "https://hooks.example.com/kabar"
DEAD = Callback("msg_" + "0" * 32, '{"MessageId": 1}', 1000)


def set_up(api: Api, kind: str = "receipts", **more: Any) -> Answer:
    return api.call("PUT", f"/v1/callbacks/{kind}", {"url": URL, **more})


def endpoint(api: Api, kind: str = "receipts") -> dict[str, Any]:
    return api.tables.find("workspaces", keys.callback_settings("acme", kind)) or {}


def seed_dead(api: Api, at: int = 1_700_000_000_000, callback: Callback = DEAD) -> str:
    """A given-up callback of the endpoint for receipts; its id."""
    book = Book(Table("callbacks", api.tables))
    book.bury_new(endpoint(api)["id"], callback, at, "the endpoint answered 400")
    return f"{at}-{callback.id}"


def test_an_endpoint_is_set_up_with_a_signing_secret_that_is_shown_once(api: Api) -> None:
    made = set_up(api, headers={"X-Api-Key": "k3y"})
    assert made.status == 201
    assert made.json["signing_secret"].startswith("whsec_")
    assert made.json["headers"] == ["X-Api-Key"]
    shown = api.call("GET", "/v1/callbacks/receipts")
    assert shown.headers["ETag"] == made.headers["ETag"]
    assert "signing_secret" not in shown.json
    assert (shown.json["state"], shown.json["waiting"]) == ("on", False)
    assert api.call("GET", "/v1/callbacks").json["data"] == [shown.json]
    assert api.call("GET", "/v1/callbacks/replies").status == 404
    assert api.call("GET", "/v1/callbacks/texts").status == 404


def test_secrets_are_in_secrets_manager_and_nowhere_else(api: Api) -> None:
    oauth = {"token_url": "https://login.example.com/t", "client_id": "us", "client_secret": "s3cret"}
    made = set_up(api, headers={"X-Api-Key": "k3y"}, oauth=oauth)
    kept = api.clients.secretsmanager.saved[endpoint(api)["secret"]]
    for secret in ("k3y", "s3cret", made.json["signing_secret"]):
        assert secret in kept
        assert secret not in json.dumps([*api.tables.tables["workspaces"].values()], default=str)
        assert secret not in json.dumps([*api.tables.tables["activity"].values()], default=str)
        assert secret not in api.call("GET", "/v1/callbacks/receipts").text


def test_an_edit_needs_its_etag_and_keeps_secrets_that_are_null(api: Api) -> None:
    first = set_up(api, headers={"X-Api-Key": "k3y", "X-Old": "old"})
    assert set_up(api).status == 428
    body = {"url": URL + "2", "headers": {"x-api-key": None}}
    edited = api.call("PUT", "/v1/callbacks/receipts", body, headers={"If-Match": first.headers["ETag"]})
    assert (edited.status, edited.json["url"], edited.json["signing_secret"]) == (200, URL + "2", None)
    stale = api.call("PUT", "/v1/callbacks/receipts", body, headers={"If-Match": first.headers["ETag"]})
    assert stale.status == 412
    kept = json.loads(api.clients.secretsmanager.saved[endpoint(api)["secret"]])
    assert kept["headers"] == {"x-api-key": "k3y"}
    assert kept["signing"] == [[first.json["signing_secret"], None]]
    named = [name for name in api.clients.secretsmanager.saved if name.startswith("kabar/callbacks/")]
    assert named == [endpoint(api)["secret"]]  # the old one is gone


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"url": "http://hooks.example.com/"}, "#/url"),
        ({"url": "https://169.254.169.254/latest"}, "#/url"),
        ({"url": "https://localhost/"}, "#/url"),
        (
            {"url": URL, "oauth": {"token_url": "https://10.0.0.1/", "client_id": "a", "client_secret": "b"}},
            "#/oauth/token_url",
        ),
        ({"url": URL, "oauth": {"token_url": URL, "client_id": "a"}}, "#/oauth/client_secret"),
        ({"url": URL, "headers": {"X-Api-Key": None}}, "#/headers/X-Api-Key"),
        ({"url": URL, "headers": {"Webhook-Id": "x"}}, "#/headers"),
        ({"url": URL, "headers": {"Host": "x"}}, "#/headers"),
        ({"url": URL, "headers": {"A": "1", "a": "2"}}, "#/headers"),
    ],
)
def test_what_can_not_be_called_is_refused_with_its_field(api: Api, body: Any, pointer: str) -> None:
    answer = api.call("PUT", "/v1/callbacks/receipts", body)
    assert (answer.status, answer.pointers) == (422, [pointer])
    assert endpoint(api) == {}


def test_a_name_that_leads_into_our_own_network_is_refused(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kabar.guard.addresses_of", lambda _: ["93.184.216.34", "169.254.169.254"])
    assert set_up(api).pointers == ["#/url"]


def test_f65_a_new_signing_secret_signs_beside_the_old_one_for_the_overlap(api: Api) -> None:
    first = set_up(api).json["signing_secret"]
    rotated = api.call("POST", "/v1/callbacks/receipts/rotate", {"overlap_hours": 2})
    assert rotated.status == 200
    second = rotated.json["signing_secret"]
    assert second != first
    assert rotated.json["overlap_until"] is not None
    kept = json.loads(api.clients.secretsmanager.saved[endpoint(api)["secret"]])
    (newest, old) = kept["signing"]
    assert newest == [second, None]
    assert old[0] == first
    assert old[1] > 1_700_000_000_000


def test_a_repeated_rotation_makes_no_second_secret_and_keeps_the_first_nowhere(api: Api) -> None:
    set_up(api)
    headers = {"Idempotency-Key": "a"}
    first = api.call("POST", "/v1/callbacks/receipts/rotate", {}, headers=headers)
    again = api.call("POST", "/v1/callbacks/receipts/rotate", {}, headers=headers)
    assert again.json == first.json | {"signing_secret": None}


def test_the_test_button_shows_what_was_sent_and_what_came_back(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[Any] = []

    def call(_: Guard, *request: Any) -> HttpAnswer:
        calls.append(request)
        return HttpAnswer(503, {"retry-after": "9"}, b"busy")

    monkeypatch.setattr(Guard, "call", call)
    set_up(api, headers={"X-Api-Key": "k3y"})
    told = api.call("POST", "/v1/callbacks/receipts/test").json
    assert (told["delivered"], told["why"]) == (False, "the endpoint answered 503")
    assert told["answer"] == {"status": 503, "headers": {"retry-after": "9"}, "body": "busy", "cut": False}
    assert told["request"]["headers"]["X-Api-Key"] == "…"
    assert calls[0][2]["X-Api-Key"] == "k3y"
    assert calls[0][3].decode() == told["request"]["body"]
    assert told["request"]["headers"]["webhook-id"].startswith("msg_test_")


def test_switching_off_and_on_shows_and_wakes_whoever_retries(api: Api) -> None:
    set_up(api)
    off = api.call("POST", "/v1/callbacks/receipts/off")
    assert (off.json["state"], off.json["off_reason"]) == ("off", "switched off")
    assert api.clients.started == {}
    on = api.call("POST", "/v1/callbacks/receipts/on")
    assert on.json["state"] == "on"
    number = endpoint(api)["id"]
    told = {"workspace": "acme", "kind": "receipts", "endpoint": number, "run": 1}
    assert api.clients.started == {f"{number}-1": told}


def test_given_up_callbacks_are_listed_newest_first_and_replayed_one_by_one(api: Api) -> None:
    set_up(api)
    ids = [seed_dead(api, 1_700_000_000_000 + n, Callback(f"msg_{n:032x}", "{}", n)) for n in range(5)]
    page = api.call("GET", "/v1/callbacks/receipts/dead?limit=3").json
    rest = api.call("GET", f"/v1/callbacks/receipts/dead?limit=3&cursor={page['next_cursor']}").json
    assert [each["id"] for each in page["data"] + rest["data"]] == ids[::-1]
    assert rest["next_cursor"] is None
    for _ in range(2):  # again is possible: the id stays the same
        replayed = api.call("POST", f"/v1/callbacks/receipts/dead/{ids[0]}/replay")
        assert (replayed.status, replayed.json["replayed_at"] is not None) == (202, True)
    number = endpoint(api)["id"]
    parked = Book(Table("callbacks", api.tables)).oldest(number, 10)
    assert {each.callback.id for each in parked} == {"msg_" + "0" * 32}
    assert list(api.clients.started) == [f"{number}-1"]  # it is awake, and looks once more
    assert Book(Table("callbacks", api.tables)).state(number)["called"]


def test_who_sleeps_is_replaced_by_a_replay(api: Api) -> None:
    set_up(api)
    dead = seed_dead(api, 1_700_000_000_000, Callback("msg_" + "0" * 32, "{}", 0))
    api.call("POST", f"/v1/callbacks/receipts/dead/{dead}/replay")
    number, book = endpoint(api)["id"], Book(Table("callbacks", api.tables))
    assert book.begin_turn(number, 1)
    assert book.sleep(number, 1, 1_700_000_000_000)
    api.call("POST", f"/v1/callbacks/receipts/dead/{dead}/replay")
    assert list(api.clients.started) == [f"{number}-1", f"{number}-2"]


def test_a_replay_by_time_is_an_instruction_for_the_endpoints_execution(api: Api) -> None:
    set_up(api)
    wanted = {"since": "2023-11-14T00:00:00Z", "until": "2023-11-15T00:00:00Z"}
    assert api.call("POST", "/v1/callbacks/receipts/replay", wanted).status == 202
    number = endpoint(api)["id"]
    (instruction,) = Book(Table("callbacks", api.tables)).state(number)["replays"]
    assert (instruction["since"], instruction["before"]) == (1_699_920_000_000, "1700006400000#~")
    assert f"{number}-1" in api.clients.started
    turned = {"since": wanted["until"], "until": wanted["since"]}
    assert api.call("POST", "/v1/callbacks/receipts/replay", turned).pointers == ["#/until"]


def test_a_removed_endpoint_leaves_no_secret_and_another_one_is_another(api: Api) -> None:
    set_up(api)
    seed_dead(api)
    before = endpoint(api)
    assert api.call("DELETE", "/v1/callbacks/receipts").status == 204
    assert endpoint(api) == {}
    assert before["secret"] not in api.clients.secretsmanager.saved
    set_up(api)
    assert endpoint(api)["id"] != before["id"]
    assert api.call("GET", "/v1/callbacks/receipts/dead").json["data"] == []


def test_what_is_done_to_endpoints_is_in_the_log(api: Api) -> None:
    set_up(api)
    api.call("POST", "/v1/callbacks/receipts/rotate", {})
    api.call("POST", "/v1/callbacks/receipts/off")
    api.call("DELETE", "/v1/callbacks/receipts")
    entries = {item["what"]: item["detail"] for item in api.tables.tables["activity"].values()}
    assert entries["callbacks changed"] == {"secrets": "changed"}
    assert {"callbacks set up", "callbacks switched off", "callbacks removed"} <= entries.keys()
