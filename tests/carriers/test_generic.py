"""The connector that settings describe: answers as cases, then the real thing over HTTP against the gateway."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from kabar.carriers import carrier, wide
from kabar.carriers.base import Account, Answer, Request
from kabar.carriers.errors import BadWebhook
from kabar.carriers.generic import STATUSES, Gateway, Generic
from kabar.carriers.wide import Wide
from kabar.domain.handover import (
    AnswerLost,
    Busy,
    CallRefused,
    CarrierError,
    Outcome,
    Promise,
    Refused,
    Result,
    Unreachable,
)
from kabar.domain.messages import Message, Receipt
from kabar.domain.statuses import Status
from tests.carriers.harness import Case, Suite, check_send, send_cases
from tests.carriers.simulated import KEY, Json, running_carrier

ACCOUNT = Account(
    "https://sms.example/send", "a-very-secret-key", "https://kabar/webhooks/http/t/receipts", "me"
)
A = Message("1a2b3c4d-5000", "+905321234567", 'Merhaba {to} " & Amy', 1)
SETTINGS: Json = {
    "headers": {"X-Api-Key": "{secret}"},
    "fields": {"to": "{to}", "from": "{from}", "text": "{text}", "ref": "{id}", "dlr_url": "{receipts_url}"},
    "promise": "echoes",
    "answer": {
        "path": "status",
        "accepted": ["accepted"],
        "rejected": ["rejected", "17"],
        "duplicate": ["duplicate"],
        "refused": ["no credit"],
        "id_path": "id",
    },
    "receipts": {"id": "ref", "mobile": "to", "status": "status", "at": "time"},
    "replies": {"id": "id", "mobile": "from", "to": "to", "text": "text", "at": "", "status": ""},
}


def gateway(**changes: Any) -> Generic:
    found = carrier("http", {**SETTINGS, **changes})
    assert isinstance(found, Generic)
    return found


def said(body: Any, status: int = 200) -> Answer:
    return Answer(status, {}, body if isinstance(body, bytes) else json.dumps(body).encode())


ACCEPTED = said({"status": "accepted", "id": "g-1"})
SUITE = Suite(gateway(), ACCOUNT, "+3774", [A], ACCEPTED.body, bad_request=CallRefused)
SENDS = send_cases(
    SUITE,
    Case(
        "accepted",
        ACCEPTED,
        {A.id: Result(Outcome.ACCEPTED, "", "g-1")},
        Request(
            "POST",
            "https://sms.example/send",
            {"accept": "application/json, text/plain;q=0.5", "x-api-key": "a-very-secret-key"},
            {
                "to": "905321234567",
                "from": "3774",
                "text": 'Merhaba {to} " & Amy',  # literally and once, like params
                "ref": "1a2b3c4d-5000",
                "dlr_url": "https://kabar/webhooks/http/t/receipts",
            },
        ),
    ),
    Case("rejected", said({"status": "rejected"}), {A.id: Result(Outcome.REJECTED, "rejected")}),
    Case("rejected by number", said({"status": 17}), {A.id: Result(Outcome.REJECTED, "17")}),
    Case(
        "F82 duplicate id",
        said({"status": "duplicate", "id": "g-1"}),
        {A.id: Result(Outcome.DUPLICATE, "duplicate", "g-1")},
    ),
    Case("F13 no credit", said({"status": "no credit"}), Refused),
    Case("a word that the settings don't name", said({"status": "queued?"}), AnswerLost),
    Case("accepted without the id that receipts need", said({"status": "accepted"}), AnswerLost),
    Case("an id that is no scalar", said({"status": "accepted", "id": {}}), AnswerLost),
)


@pytest.mark.parametrize("case", SENDS, ids=str)
def test_what_an_answer_to_a_hand_over_means(case: Case) -> None:
    check_send(SUITE, case)


def answered(found: Generic, answer: Answer) -> Result | type[CarrierError]:
    try:
        return found.send(ACCOUNT, lambda *_: answer, "3774", [A], 5)[A.id]
    except CarrierError as error:
        return type(error)


def word_at(path: str, accepted: str, **more: str) -> Json:
    return {"path": path, "accepted": [accepted], **more}


def accepted(carrier_id: str = "") -> Result:
    return Result(Outcome.ACCEPTED, "", carrier_id)


@pytest.mark.parametrize(
    ("words", "answer", "meant"),
    [
        (word_at("0", "OK", id_path="1"), said(b"OK: 12345\r\n"), accepted("12345")),
        (
            word_at("0", "00", id_path="1"),
            said(b"00 173772153426050417149344"),
            accepted("173772153426050417149344"),
        ),
        (word_at("0", "00"), said(b"50"), AnswerLost),
        ({"id_path": "0"}, said([1234567890], 201), accepted("1234567890")),
        (word_at("messages.0.status", "0"), said({"messages": [{"status": "0"}]}), accepted()),
        (word_at("ok", "true"), said({"ok": True}), accepted()),
        (word_at("0", "OK"), said(b"<html>OK</html>"), AnswerLost),
    ],
)
def test_answers_of_many_shapes(words: Json, answer: Answer, meant: object) -> None:
    assert answered(gateway(answer=words), answer) == meant


def test_statuses_that_mean_something_else_at_this_gateway() -> None:
    found = gateway(busy=[503], rejecting=[422])
    assert answered(found, Answer(503)) is Busy  # F4
    assert answered(found, Answer(422)) == Result(Outcome.REJECTED, "422")
    assert answered(found, Answer(500)) is AnswerLost


@pytest.mark.parametrize(("form", "place"), [("form", "form"), ("query", "query")])
def test_fields_as_form_or_query(form: str, place: str) -> None:
    seen: list[Request] = []

    def call(request: Request, _: float) -> Answer:
        seen.append(request)
        return ACCEPTED

    gateway(
        format=form, fields={"gsm": "{to}", "p": "{secret}", "u": "{user}", "dcs": "{alphabet}"}, plus=True
    ).send(ACCOUNT, call, "+3774", [A], 5)
    assert getattr(seen[0], place) == [
        ("gsm", "+905321234567"),
        ("p", "a-very-secret-key"),
        ("u", "me"),
        ("dcs", "gsm7"),
    ]
    assert seen[0].body is None


@pytest.mark.parametrize(
    ("word", "promise"),
    [("dedupes", Promise.DEDUPES), ("echoes", Promise.ECHOES), ("nothing", Promise.NOTHING)],
)
def test_the_promise_is_what_the_settings_say(word: str, promise: Promise) -> None:
    assert gateway(promise=word).promise is promise


# ---- receipts and replies -------------------------------------------------------------------------------


def test_a_receipt_by_our_id() -> None:
    post = {"id": "g-1", "ref": A.id, "to": "905321234567", "status": "DELIVRD", "time": 1796200000}
    assert gateway().read_receipts(json.dumps(post).encode()).entries == [
        Receipt(A.id, A.mobile, Status.RECEIVED, 1796200000000, "DELIVRD")
    ]


def test_a_receipt_by_the_gateways_own_id_needs_no_number() -> None:
    found = gateway(
        receipts={
            "id": "id",
            "own_id": True,
            "items": "reports",
            "code": "err",
            "statuses": {"OK": "received"},
        }
    )
    post = {"reports": [{"id": 17, "status": "ok", "err": "000"}, {"id": 18, "status": "what?"}]}
    assert found.own_ids
    assert found.read_receipts(json.dumps(post).encode()) == (
        [Receipt("17", "", Status.RECEIVED, 0, "000")],
        1,
    )


def test_a_receipt_as_a_form() -> None:
    found = gateway(
        receipts={"format": "form", "id": "ref", "mobile": "msisdn", "status": "stat", "at": "ts"}
    )
    read = found.read_receipts(
        b"ref=1a2b3c4d-5000&msisdn=%2B905321234567&stat=undeliv&ts=2026-11-09T16:00:00Z"
    )
    assert read.entries == [Receipt(A.id, A.mobile, Status.FAILED, 1794240000000, "undeliv")]


@pytest.mark.parametrize(
    "body", [b"", b"null", b"7", b"[]", b"{}", b"[" * 100_000, b"\xff", b'{"status": "DELIVRD"}']
)
def test_posts_that_say_nothing(body: bytes) -> None:
    for read in (gateway().read_receipts, gateway().read_replies):
        with pytest.raises(BadWebhook):
            read(body)


def test_a_reply() -> None:
    post = {"id": "m-1", "from": "905321234567", "to": "3774", "text": "STOP"}
    (reply,) = gateway().read_replies(json.dumps(post).encode()).entries
    assert (reply.id, reply.mobile, reply.to, reply.text, reply.at) == (
        "m-1",
        "+905321234567",
        "3774",
        "STOP",
        0,
    )


def test_every_word_of_the_table_means_a_status_of_ours() -> None:
    assert {
        word: status.word for word, status in STATUSES.items() if word in ("delivrd", "undeliv", "expired")
    } == {
        "delivrd": "received",
        "undeliv": "failed",
        "expired": "expired",
    }
    assert all(word == word.lower() for word in STATUSES)


def test_settings_that_are_none_are_refused() -> None:
    with pytest.raises(TypeError):
        Gateway.of({"colour": "red"})


# ---- over HTTP ------------------------------------------------------------------------------------------


def call(url: str, seconds: float = 2, body: Json | None = None) -> Answer:
    return Wide(local=True).call(Request("POST", url, {"x-api-key": KEY}, body or {}), seconds)


@contextmanager
def server(*steps: Callable[[socket.socket], object]) -> Iterator[str]:
    """A host that does one step per connection."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for step in steps:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            with peer:
                step(peer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/send"
    finally:
        listener.close()
        thread.join(3)


OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


def test_a_message_over_the_wire() -> None:
    with running_carrier() as simulator:
        account = Account(f"{simulator.url}/gateway/send", KEY, "https://kabar/r")
        found = gateway().send(account, Wide(local=True).call, "KABAR", [A], 5)
        assert found[A.id].outcome is Outcome.ACCEPTED
        (truth,) = simulator.get("/_truth")["accepted"]
        assert (truth["to"], truth["id"], truth["text"], truth["sender"]) == (A.mobile, A.id, A.text, "KABAR")


def test_side_by_side_over_kept_connections() -> None:
    with running_carrier() as simulator:
        simulator.faults(latency_ms=100)
        account = Account(f"{simulator.url}/gateway/send", KEY)
        messages = [Message(f"1a2b3c4d-{n}", f"+9053212{n:05d}", "Merhaba", 1) for n in range(64)]
        fields = {name: value for name, value in SETTINGS["fields"].items() if name != "dlr_url"}
        found, began = gateway(fields=fields), time.monotonic()
        results = wide.each(lambda m: found.send(account, Wide(local=True).call, "KABAR", [m], 5), messages)
        assert time.monotonic() - began < 3  # one after the other they take 6.4 s
        assert {r.outcome for each in results for r in each.values()} == {Outcome.ACCEPTED}
        assert simulator.get("/_stats")["accepted"] == 64


def test_f7_an_answer_that_trickles_is_cut_at_the_deadline() -> None:
    def trickle(peer: socket.socket) -> None:
        peer.recv(65536)
        for byte in OK * 10:
            time.sleep(0.1)
            try:
                peer.send(bytes([byte]))
            except OSError:
                return

    with server(trickle) as url:
        began = time.monotonic()
        with pytest.raises(AnswerLost):
            call(url, seconds=0.6)
        assert 0.5 < time.monotonic() - began < 1.5


@pytest.mark.parametrize("step", [lambda p: p.recv(65536), lambda p: (p.recv(65536), p.send(OK[:-1]))])
def test_f5_an_answer_that_does_not_come_is_lost(step: Callable[[socket.socket], object]) -> None:
    with server(step) as url, pytest.raises(AnswerLost):
        call(url)


def test_f6_no_connection_is_surely_not_sent() -> None:
    with server() as url:
        pass
    with pytest.raises(Unreachable):
        call(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/",
        "https://169.254.169.254/latest",
        "http://example.com/",
        "ftp://x",
        "https://localhost/",
    ],
)
def test_f64_addresses_inside_are_never_called(url: str) -> None:
    with pytest.raises(Refused):
        Wide().call(Request("POST", url, {}), 1)


def test_f64_a_name_that_leads_inside_is_never_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [(2, 1, 6, "", ("127.0.0.1", 443))])
    with pytest.raises(Refused):
        Wide().call(Request("POST", "https://gateway.example.com/", {}), 1)


def test_a_connection_that_the_other_side_closed_is_not_used_again() -> None:
    def once(peer: socket.socket) -> None:
        peer.recv(65536)
        peer.send(OK)

    with server(once, once) as url:
        assert call(url).status == 200
        time.sleep(0.1)
        assert call(url).status == 200


def test_a_redirect_is_not_followed() -> None:
    def away(peer: socket.socket) -> None:
        peer.recv(65536)
        peer.send(b"HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n")

    with server(away) as url:
        assert call(url).status == 302


def test_a_key_that_no_header_can_carry_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(Refused):
        Wide(local=True).call(Request("POST", "http://127.0.0.1:1/", {"x": "a\r\nb"}), 1)
