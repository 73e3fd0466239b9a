"""The simulated Infobip keeps to the specification: what it takes, refuses and tells."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.carriers.simulated import (
    Carrier,
    Json,
    Webhook,
    basic,
    eventually,
    ids,
    message,
    running_carrier,
    running_webhook,
)

AT_ONCE: Json = {"delay_ms": [0, 0], "final": {"received": 1}}


@pytest.fixture
def carrier() -> Iterator[Carrier]:
    with running_carrier() as client:
        yield client


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with running_webhook() as server:
        yield server


def test_a_send_answers_for_every_destination_in_the_order_of_the_request(carrier: Carrier) -> None:
    answer = carrier.send(message("b", "a"), message("c"), includeSmsCountInResponse=True).json()
    assert [each["messageId"] for each in answer["messages"]] == ["b", "a", "c"]
    assert answer["messages"][0] == {
        "messageId": "b",
        "status": {
            "groupId": 1,
            "groupName": "PENDING",
            "id": 26,
            "name": "PENDING_ACCEPTED",
            "description": "Message sent to next instance",
        },
        "destination": "905321234567",
        "details": {"messageCount": 1},
    }
    assert answer["bulkId"]


def test_a_message_without_an_id_is_given_one(carrier: Carrier) -> None:
    nameless = message() | {"destinations": [{"to": "905321234567"}, {"to": "905321234568"}]}
    first, second = carrier.send(nameless).json()["messages"]
    assert first["messageId"]
    assert first["messageId"] != second["messageId"]
    assert "details" not in first


@pytest.mark.parametrize("header", ["", "App wrong", "Basic a-key", "a-key"])
def test_a_wrong_key_is_refused_in_the_carriers_error_shape(carrier: Carrier, header: str) -> None:
    answer = carrier.http.post("/sms/3/messages", json={}, headers={"Authorization": header})
    assert answer.status_code == 401
    assert set(answer.json()) == {"errorCode", "description", "action", "violations", "resources"}
    assert answer.json()["errorCode"] == "E401"


LONG = "x" * 201
WRONG: list[tuple[Json, str]] = [
    ({}, "messages"),
    ({"messages": []}, "messages"),
    ({"messages": [message("a") | {"destinations": []}]}, "messages[0].destinations"),
    ({"messages": [message("a") | {"destinations": [{}]}]}, "messages[0].destinations[0].to"),
    ({"messages": [message("a", to="+905321234567")]}, "messages[0].destinations[0].to"),
    ({"messages": [message("a", to="9" * 65)]}, "messages[0].destinations[0].to"),
    ({"messages": [message("a", to="")]}, "messages[0].destinations[0].to"),
    ({"messages": [message("a"), message(LONG)]}, "messages[1].destinations[0].messageId"),
    ({"messages": [message("a") | {"content": {}}]}, "messages[0].content.text"),
    ({"messages": [message("a") | {"content": {"text": 5}}]}, "messages[0].content.text"),
    ({"messages": [message("a", text="")]}, "messages[0].content.text"),
    ({"messages": [message("a") | {"from": "KABAR"}]}, "messages[0].from"),
    ({"messages": [message("a", webhooks={"callbackData": "x" * 4001})]},
     "messages[0].webhooks.callbackData"),
    ({"messages": [message("a", webhooks={"delivery": {"url": "x"}})]}, "messages[0].webhooks.delivery.url"),
    ({"messages": [message("a")], "options": {"includeSmsCountInResponse": "true"}},
     "options.includeSmsCountInResponse"),
    ({"messages": [message("a")], "options": {"schedule": {"bulkId": "x" * 101}}}, "options.schedule.bulkId"),
    ({"messages": [message("a", options={"campaignReferenceId": "x" * 256})]},
     "messages[0].options.campaignReferenceId"),
    ({"messages": [message("a", options={"validityPeriod": {"amount": 1, "timeUnit": "DAYS"}})]},
     "messages[0].options.validityPeriod.timeUnit"),
    ({"messages": [message("a", options={"regional": {"turkeyIys": {"brandCode": 1}}})]},
     "messages[0].options.regional.turkeyIys.recipientType"),
]  # fmt: skip


@pytest.mark.parametrize(("body", "name"), WRONG, ids=[name for _, name in WRONG])
def test_a_wrong_request_is_refused_naming_the_property_and_sends_nothing(
    carrier: Carrier, body: Json, name: str
) -> None:
    answer = carrier.http.post("/sms/3/messages", json=body)
    assert answer.status_code == 400
    assert [each["property"] for each in answer.json()["violations"]] == [name]
    assert carrier.get("/_truth")["accepted"] == []


def test_the_whole_of_what_the_specification_allows_and_the_simulator_knows_is_taken(
    carrier: Carrier,
) -> None:
    full = message(
        "a",
        options={
            "platform": {"entityId": "e", "applicationId": "a"},
            "validityPeriod": {"amount": 720, "timeUnit": "MINUTES"},
            "campaignReferenceId": "summer",
            "regional": {"turkeyIys": {"brandCode": 123456, "recipientType": "BIREYSEL"}},
            "flash": False,
        },
        webhooks={
            "delivery": {"url": "http://127.0.0.1:9/x", "intermediateReport": False, "notify": False},
            "contentType": "application/json",
            "callbackData": "ours",
        },
    )
    answer = carrier.send(full, schedule={"bulkId": "bulk"}, includeSmsCountInResponse=False)
    assert answer.json()["bulkId"] == "bulk"


def test_broken_json_and_other_content_types_are_refused(carrier: Carrier) -> None:
    for kind, content in (("application/json", "{"), ("text/plain", "{}")):
        answer = carrier.http.post("/sms/3/messages", content=content, headers={"Content-Type": kind})
        assert answer.status_code == 400


def test_more_recipients_than_allowed_are_refused_as_a_whole() -> None:
    with running_carrier(max_recipients=3) as carrier:
        assert carrier.send(message("a", "b"), message("c", "d")).status_code == 400
        assert carrier.send(message("a", "b"), message("c")).status_code == 200


@pytest.mark.parametrize(("to", "group"), [("123456", 5), ("1234567", 1), ("1" * 15, 1), ("1" * 16, 5)])
def test_a_number_has_7_to_15_digits_or_its_item_is_rejected(carrier: Carrier, to: str, group: int) -> None:
    (item,) = carrier.send(message("a", to=to)).json()["messages"]
    assert item["status"]["groupId"] == group
    if group == 5:
        assert item["status"]["id"] == 52
        assert carrier.get("/_truth")["refused"][0]["to"] == f"+{to}"


def test_a_repeated_id_is_rejected_and_told_as_refused(carrier: Carrier) -> None:
    carrier.send(message("a"))
    again, fresh = carrier.send(message("a", "b", text="again")).json()["messages"]
    assert (again["status"]["id"], again["status"]["groupId"]) == (23, 5)
    assert fresh["status"]["id"] == 26
    truth = carrier.get("/_truth")
    assert [entry["id"] for entry in truth["accepted"]] == ["a", "b"]
    assert [(entry["id"], entry["why"]) for entry in truth["refused"]] == [("a", "duplicate message id")]


def test_the_truth_is_one_sequence_that_can_be_read_on_from_any_entry(carrier: Carrier) -> None:
    before = int(time.time() * 1000)
    carrier.send(message("a", "a"))
    carrier.send(message("b", text="ğ" * 71))
    truth = carrier.get("/_truth")
    assert [entry["n"] for entry in truth["accepted"]] == [1, 3]
    assert set(truth["refused"][0]) == {"n", "at", "to", "id", "why"}
    (last,) = carrier.get("/_truth", after=2)["accepted"]
    at = last.pop("at")
    assert before <= at <= int(time.time() * 1000)
    assert last == {
        "n": 3, "to": "+905321234567", "sender": "KABAR", "id": "b", "text": "ğ" * 71, "segments": 2,
        "request": 2,
    }  # fmt: skip
    assert carrier.get("/_truth", after=3) == {"accepted": [], "refused": [], "next": 3, "more": False}


def test_the_logs_say_what_became_of_messages_without_consuming(carrier: Carrier) -> None:
    carrier.faults(receipts={"delay_ms": [60_000, 60_000]})
    carrier.send(message("a", "b"), schedule={"bulkId": "bulk"})
    carrier.faults(receipts=AT_ONCE)
    carrier.send(message("c"))
    for _ in range(2):
        found = carrier.get("/sms/3/logs", messageId=["c", "a", "unknown"])["results"]
        assert [(each["messageId"], each["status"]["groupId"]) for each in found] == [("c", 3), ("a", 1)]
    assert found[0]["content"] == {"text": "Merhaba"}
    assert found[0]["destination"] == "905321234567"
    assert found[0]["doneAt"].endswith("+0000")
    assert "doneAt" not in found[1]
    assert len(carrier.get("/sms/3/logs", bulkId="bulk")["results"]) == 2
    assert len(carrier.get("/sms/3/logs", limit=1)["results"]) == 1


def test_a_full_page_of_the_truth_says_where_to_go_on(
    carrier: Carrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local.carrier.truth.PAGE", 2)
    carrier.send(message("a", "b", "b", "c"))
    first = carrier.get("/_truth")
    assert (len(first["accepted"]), first["next"], first["more"]) == (2, 2, True)
    rest = carrier.get("/_truth", after=first["next"])
    assert [entry["id"] for entry in rest["accepted"] + rest["refused"]] == ["c", "b"]
    assert rest["more"] is False


@pytest.mark.parametrize("query", ["limit=1001", "limit=0", "limit=1&limit=2", "ids=a"])
def test_a_wrong_question_to_the_logs_is_refused(carrier: Carrier, query: str) -> None:
    assert carrier.http.get(f"/sms/3/logs?{query}").status_code == 400


def test_the_logs_may_be_read_120_times_a_minute(carrier: Carrier) -> None:
    answers = [carrier.http.get("/sms/3/logs", params={"messageId": "a"}) for _ in range(121)]
    assert {answer.status_code for answer in answers[:120]} == {200}
    assert answers[120].status_code == 429
    assert 1 <= int(answers[120].headers["Retry-After"]) <= 60


def test_a_report_without_a_webhook_waits_and_is_returned_once(carrier: Carrier) -> None:
    carrier.faults(receipts=AT_ONCE)
    carrier.send(message("a", "b", webhooks={"callbackData": "ours"}))
    eventually(lambda: carrier.get("/_stats")["receipts"]["pending"] == 0)
    first = carrier.get("/sms/3/reports", limit=1)["results"]
    second = carrier.get("/sms/3/reports")["results"]
    assert [each["messageId"] for each in first + second] == ["a", "b"]
    assert first[0]["callbackData"] == "ours"
    assert carrier.get("/sms/3/reports")["results"] == []


def test_a_preview_says_how_many_segments_a_text_takes(carrier: Carrier) -> None:
    preview = carrier.http.post("/sms/1/preview", json={"text": "a" * 161}).json()["previews"][0]
    assert (preview["messageCount"], preview["charactersRemaining"]) == (2, 145)


def test_receipts_go_to_the_messages_webhook_else_the_accounts_with_its_password(
    carrier: Carrier, webhook: Webhook
) -> None:
    own = {"delivery": {"url": webhook.url + "/own"}, "callbackData": "ours"}
    carrier.account(receipts_url=webhook.url, webhook_user="kabar", webhook_password="gizli")
    carrier.faults(receipts=AT_ONCE)
    carrier.send(message("a"), message("b", webhooks=own))
    eventually(lambda: len(webhook.results) == 2)
    assert webhook.credentials == [basic("kabar", "gizli")] * 2
    report = next(each for each in webhook.results if each["messageId"] == "b")
    assert report["status"]["name"] == "DELIVERED_TO_HANDSET"
    assert report["error"]["permanent"] is False
    assert (report["to"], report["sender"], report["callbackData"]) == ("905321234567", "KABAR", "ours")
    assert report["messageCount"] == 1


def test_a_phone_that_answers_is_pushed_as_an_inbound_message(carrier: Carrier, webhook: Webhook) -> None:
    assert carrier.http.post(
        "/_replies", json={"from": "+905321234567", "to": "7889", "text": "İPTAL"}
    ).is_error
    carrier.account(replies_url=webhook.url)
    carrier.http.post(
        "/_replies", json={"from": "+905321234567", "to": "7889", "text": "İPTAL"}
    ).raise_for_status()
    eventually(lambda: webhook.bodies)
    (body,) = webhook.bodies
    assert (body["messageCount"], body["pendingMessageCount"]) == (1, 0)
    (inbound,) = body["results"]
    assert (inbound["from"], inbound["to"], inbound["text"]) == ("905321234567", "7889", "İPTAL")
    assert inbound["messageId"]


def test_the_accounts_rate_is_kept_with_429(carrier: Carrier) -> None:
    carrier.account(rate_limit=10)
    assert carrier.send(message(*ids(25))).status_code == 200
    refused = carrier.send(message("late"))
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "2"


def test_the_command_writes_its_address_and_ends_when_asked(tmp_path: Path) -> None:
    state = tmp_path / "carrier.json"
    command = [sys.executable, "-m", "local.carrier", "--port", "0", "--state-file", str(state)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own command
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        assert json.loads(state.read_text()) == {"url": url, "pid": process.pid}
        assert httpx.get(f"{url}/_health").json() == {"status": "ok"}
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(timeout=5) == 0


@pytest.mark.parametrize(
    ("language", "text", "segments"),
    [
        (None, "ş" * 71, 2),
        ({"languageCode": "TR"}, "ş" * 77, 1),
        ({"languageCode": "TR"}, "ş" * 78, 2),
        ({"languageCode": "TR", "singleShift": True, "lockingShift": False}, "a" * 156, 2),
        ({"languageCode": "TR", "singleShift": False, "lockingShift": True}, "ş" * 155, 1),
        ({"languageCode": "TR", "singleShift": True, "lockingShift": True}, "ş" * 153, 2),
        ({"languageCode": "TR", "singleShift": False, "lockingShift": False}, "ş" * 71, 2),
        ({"languageCode": "NONE"}, "a" * 160, 1),
    ],
)
def test_a_message_is_billed_with_the_tables_it_names(
    carrier: Carrier, language: Json | None, text: str, segments: int
) -> None:
    sent = message("a", text=text)
    if language:
        sent["content"]["language"] = language
    [told] = carrier.send(sent, includeSmsCountInResponse=True).json()["messages"]
    assert told["details"]["messageCount"] == segments
