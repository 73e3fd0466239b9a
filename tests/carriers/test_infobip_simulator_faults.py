"""The simulated Infobip misbehaves exactly as ordered, and the truth log knows what it did."""

import time
from collections.abc import Iterator

import httpx
import pytest

from tests.carriers.simulated import (
    Carrier,
    Json,
    Webhook,
    eventually,
    ids,
    message,
    running_carrier,
    running_webhook,
)


@pytest.fixture
def carrier() -> Iterator[Carrier]:
    with running_carrier() as client:
        yield client


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with running_webhook() as server:
        yield server


def always(kind: str, **more: object) -> Json:
    return {"kind": kind, "share": 1, **more}


def accepted(carrier: Carrier) -> list[str]:
    return [entry["id"] for entry in carrier.get("/_truth")["accepted"]]


@pytest.mark.parametrize(("kind", "code", "wait"), [("http_500", 500, None), ("http_429", 429, "1")])
def test_an_error_answer_accepts_nothing(carrier: Carrier, kind: str, code: int, wait: str | None) -> None:
    carrier.faults(rules=[always(kind)])
    answer = carrier.send(message("a"))
    assert (answer.status_code, answer.headers.get("Retry-After")) == (code, wait)
    assert accepted(carrier) == []


@pytest.mark.parametrize(
    ("kind", "error", "taken"),
    [
        ("timeout_before_accept", httpx.ReadTimeout, []),
        ("timeout_after_accept", httpx.ReadTimeout, ["a"]),
        ("reset_before_accept", httpx.ReadError, []),
        ("reset_after_accept", httpx.ReadError, ["a"]),
    ],
)
def test_a_lost_answer_accepts_or_not_as_its_name_says(
    carrier: Carrier, kind: str, error: type[Exception], taken: list[str]
) -> None:
    carrier.faults(rules=[always(kind)])
    carrier.http.timeout = httpx.Timeout(0.5)
    with pytest.raises(error):
        carrier.send(message("a"))
    assert accepted(carrier) == taken


def test_a_slow_answer_comes_a_byte_a_second_and_accepts(carrier: Carrier) -> None:
    carrier.faults(rules=[always("slow_drip")])
    body = {"messages": [message("a")]}
    with carrier.http.stream("POST", "/sms/3/messages", json=body) as answer:
        started = time.monotonic()
        pieces = answer.iter_raw()
        assert (next(pieces), next(pieces)) == (b"{", b'"')
        assert time.monotonic() - started > 0.5
    assert accepted(carrier) == ["a"]


def test_a_bad_answer_accepts_and_cannot_be_read(carrier: Carrier) -> None:
    carrier.faults(rules=[always("bad_json")])
    kinds = set()
    for each in ids(10):
        answer = carrier.send(message(each))
        kinds.add(answer.headers["Content-Type"])
        assert answer.status_code == 200
        with pytest.raises(ValueError, match="line"):
            answer.json()
    assert kinds == {"text/html; charset=utf-8", "application/json"}
    assert accepted(carrier) == ids(10)


def test_a_partial_answer_leaves_out_half_of_which_half_was_accepted(carrier: Carrier) -> None:
    carrier.faults(rules=[always("partial")])
    told = [each["messageId"] for each in carrier.send(message(*ids(40))).json()["messages"]]
    assert len(told) == 20
    assert len(accepted(carrier)) == 30
    assert set(told) < set(accepted(carrier))
    assert told == sorted(told, key=ids(40).index)


def test_a_rejected_item_is_answered_refused_and_not_accepted(carrier: Carrier) -> None:
    carrier.faults(rules=[always("reject", to_prefix="+9054")])
    answer = carrier.send(message("a"), message("b", to="905431234567")).json()
    assert [each["status"]["groupId"] for each in answer["messages"]] == [1, 5]
    assert answer["messages"][1]["status"]["name"] == "REJECTED_NETWORK"
    assert [each["why"] for each in carrier.get("/_truth")["refused"]] == ["rejected"]
    assert carrier.get("/sms/3/logs", messageId="b")["results"][0]["status"]["groupId"] == 5


def test_a_rule_hits_only_its_numbers_and_only_so_often(carrier: Carrier) -> None:
    carrier.faults(rules=[always("http_500", to_prefix="9054", times=2)])
    assert carrier.send(message("a")).status_code == 200
    codes = [carrier.send(message("b", to="905431234567")).status_code for _ in range(3)]
    assert codes == [500, 500, 200]
    assert carrier.get("/_stats")["faults"] == {"http_500": 2}


def test_a_share_hits_about_that_share_and_the_same_requests_in_every_run() -> None:
    runs = []
    for order in (1, -1):
        with running_carrier() as carrier:
            carrier.faults(seed=7, rules=[{"kind": "http_500", "share": 0.3}])
            codes = {each: carrier.send(message(each)).status_code for each in ids(200)[::order]}
            runs.append({each for each, code in codes.items() if code == 500})
    assert runs[0] == runs[1]
    assert 40 <= len(runs[0]) <= 80


def test_a_retry_is_drawn_anew(carrier: Carrier) -> None:
    carrier.faults(rules=[{"kind": "http_500", "share": 0.5}])
    assert 200 in {carrier.send(message("a")).status_code for _ in range(20)}


def test_cleared_faults_are_gone(carrier: Carrier) -> None:
    carrier.faults(rules=[always("http_500")])
    carrier.http.delete("/_faults").raise_for_status()
    assert carrier.send(message("a")).status_code == 200


def test_latency_delays_every_answer(carrier: Carrier) -> None:
    carrier.faults(latency_ms=300)
    started = time.monotonic()
    carrier.send(message("a"))
    assert time.monotonic() - started >= 0.3


@pytest.mark.parametrize(
    "plan",
    [
        {"rules": [{"kind": "explode", "share": 1}]},
        {"rules": [{"kind": "http_500", "share": 1.1}]},
        {"receipts": {"final": {"received": 0.5}}},
        {"receipts": {"delay_ms": [5, 1]}},
        {"sed": 1},
    ],
)
def test_an_impossible_order_is_refused(carrier: Carrier, plan: Json) -> None:
    assert carrier.http.post("/_faults", json=plan).status_code == 400


def endings(webhook: Webhook) -> dict[str, int]:
    return {each["messageId"]: each["status"]["groupId"] for each in webhook.results}


def test_endings_follow_the_shares_and_agree_between_runs(webhook: Webhook) -> None:
    final = {"received": 0.5, "failed": 0.2, "expired": 0.1, "rejected": 0.1, "dead": 0.1}
    runs = []
    for _ in range(2):
        webhook.bodies.clear()
        with running_carrier() as carrier:
            carrier.account(receipts_url=webhook.url)
            carrier.faults(seed=3, receipts={"delay_ms": [0, 50], "final": final})
            carrier.send(message(*ids(500)))
            eventually(lambda: len(webhook.results) == 500)
            runs.append(endings(webhook))
    assert runs[0] == runs[1]
    groups = list(runs[0].values())
    shares = {group: groups.count(group) / 500 for group in (2, 3, 4, 5)}
    assert shares == pytest.approx({3: 0.5, 2: 0.3, 4: 0.1, 5: 0.1}, abs=0.06)
    dead = [each for each in webhook.results if each["error"]["name"] == "EC_UNKNOWN_SUBSCRIBER"]
    assert 0 < len(dead) < 100


def test_lost_and_repeated_receipts_come_as_often_as_ordered(carrier: Carrier, webhook: Webhook) -> None:
    carrier.account(receipts_url=webhook.url)
    carrier.faults(receipts={"delay_ms": [0, 10], "lost_share": 0.5, "duplicate_share": 1, "shuffle": True})
    carrier.send(message(*ids(200)))
    eventually(lambda: carrier.get("/_stats")["receipts"]["pending"] == 0)
    lost = carrier.get("/_stats")["receipts"]["lost"]
    assert 70 <= lost <= 130
    assert len(webhook.results) == 2 * (200 - lost)
    assert len(endings(webhook)) == 200 - lost


def test_receipts_wait_as_long_as_ordered(carrier: Carrier, webhook: Webhook) -> None:
    carrier.account(receipts_url=webhook.url)
    carrier.faults(receipts={"delay_ms": [400, 400]})
    started = time.monotonic()
    carrier.send(message("a"))
    eventually(lambda: webhook.results)
    assert time.monotonic() - started >= 0.4


def test_an_intermediate_report_comes_when_it_was_asked_for(carrier: Carrier, webhook: Webhook) -> None:
    carrier.faults(receipts={"delay_ms": [200, 200], "final": {"received": 1}})
    delivery = {"url": webhook.url, "intermediateReport": True}
    carrier.send(message("a", webhooks={"delivery": delivery}))
    eventually(lambda: len(webhook.results) == 2)
    assert [each["status"]["groupId"] for each in webhook.results] == [1, 3]


def test_a_slow_carrier_accepts_what_its_client_gave_up_on(carrier: Carrier) -> None:
    carrier.faults(latency_ms=400)
    carrier.http.timeout = httpx.Timeout(0.1)
    with pytest.raises(httpx.ReadTimeout):
        carrier.send(message("a"))
    assert accepted(carrier) == []
    eventually(lambda: accepted(carrier) == ["a"])


def test_receipts_travel_in_batches_of_at_most_per_post(carrier: Carrier, webhook: Webhook) -> None:
    carrier.account(receipts_url=webhook.url)
    carrier.faults(receipts={"delay_ms": [0, 0], "per_post": 7})
    carrier.send(message(*ids(30)))
    eventually(lambda: len(webhook.results) == 30)
    assert max(len(body["results"]) for body in webhook.bodies) == 7


def test_a_refused_post_is_tried_again(carrier: Carrier, webhook: Webhook) -> None:
    webhook.answers = [500]
    carrier.account(receipts_url=webhook.url)
    carrier.faults(receipts={"delay_ms": [0, 0]})
    carrier.send(message("a"))
    eventually(lambda: len(webhook.results) == 1)
    eventually(lambda: carrier.get("/_stats")["receipts"]["posted"] == 1)
    assert carrier.get("/_stats")["webhook_answers"] == {"500": 1, "200": 1}
