"""Infobip's connector: its wire format as cases, then the real one over HTTP against the strict simulator."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from kabar.carriers import http
from kabar.carriers.base import Account, Answer, Request
from kabar.carriers.errors import BadWebhook
from kabar.carriers.infobip import Infobip
from kabar.domain.handover import (
    AnswerLost,
    CallRefused,
    CarrierError,
    Outcome,
    Refused,
    Result,
    Throttled,
    Unreachable,
)
from kabar.domain.messages import Message
from kabar.domain.segments import Alphabet
from tests.carriers.harness import Case, Suite, ask_cases, check_ask, check_send, send_cases
from tests.carriers.simulated import KEY, Carrier, Json, running_carrier

ACCOUNT = Account(
    "https://x.api.infobip.com", "a-very-secret-key", "https://kabar/webhooks/infobip/t/receipts"
)
A = Message("1a2b3c4d-5000", "+905321234567", "Merhaba Amy", 1)
B = Message("1a2b3c4d-5001", "+6421555666", "Merhaba Scott", 1)
C = Message("1a2b3c4d-5002", "+41793026727", "Merhaba Jo", 1)
ACCEPTED, REJECTED = Result(Outcome.ACCEPTED, "26"), Result(Outcome.REJECTED, "6")


def entry(message: Message | str, group: int = 1, status: int = 26) -> Json:
    message_id = message if isinstance(message, str) else message.id
    return {"messageId": message_id, "status": {"groupId": group, "id": status}, "destination": "1"}


def told(*entries: object, name: str = "messages") -> Answer:
    return Answer(200, {}, json.dumps({"bulkId": "1", name: entries}).encode())


def log(*entries: object) -> Answer:
    return told(*entries, name="results")


SUITE = Suite(Infobip(), ACCOUNT, "3774", [A, B, C], told(*map(entry, (A, B, C))).body)
HEADERS = {"authorization": "App a-very-secret-key", "accept": "application/json"}


def wire(message: Message) -> Json:
    return {
        "sender": "3774",
        "destinations": [{"to": message.mobile[1:], "messageId": message.id}],
        "content": {"text": message.text},
        "webhooks": {
            "delivery": {"url": "https://kabar/webhooks/infobip/t/receipts", "intermediateReport": False},
            "contentType": "application/json",
        },
    }


def turkish(alphabet: Alphabet, *, single: bool, locking: bool) -> Case:
    message = Message("1a2b3c4d-5003", "+905321234567", "Günaydın Ayşe", 1, alphabet)
    language = {"languageCode": "TR", "singleShift": single, "lockingShift": locking}
    body = wire(message) | {"content": {"text": message.text, "language": language}}
    request = Request(
        "POST", "https://x.api.infobip.com/sms/3/messages", HEADERS, {"messages": [body, wire(A)]}
    )
    answer, results = told(entry(message), entry(A)), {message.id: ACCEPTED, A.id: ACCEPTED}
    return Case(alphabet, answer, results, request, messages=[message, A])


SENDS = send_cases(
    SUITE,
    Case(
        "all accepted",
        told(entry(A), entry(B), entry(C)),
        {A.id: ACCEPTED, B.id: ACCEPTED, C.id: ACCEPTED},
        Request(
            "POST",
            "https://x.api.infobip.com/sms/3/messages",
            HEADERS,
            {"messages": [wire(A), wire(B), wire(C)]},
        ),
    ),
    turkish("turkish_single", single=True, locking=False),
    turkish("turkish_locking", single=False, locking=True),
    turkish("turkish_both", single=True, locking=True),
    Case("in another order", told(entry(B), entry(A)), {A.id: ACCEPTED, B.id: ACCEPTED}),
    Case(
        "F9 one accepted, one rejected, one missing",
        told(entry(A), entry(B, 5, 6)),
        {A.id: ACCEPTED, B.id: REJECTED},
    ),
    Case("F82 duplicate id", told(entry(A, 5, 23)), {A.id: Result(Outcome.DUPLICATE, "23")}),
    Case("F10 one id for two messages: unknown", told(entry(A), entry(A), entry(B)), {B.id: ACCEPTED}),
    Case("F10 one id, two opinions: unknown", told(entry(A), entry(A, 5, 6)), {}),
    Case("an id that isn't ours", told(entry("1a2b3c4d-9"), entry(B)), {B.id: ACCEPTED}),
    Case("no entries", told(), {}),
    Case("a status group that isn't in the registry", told(entry(A, 77, 1), entry(B)), {B.id: ACCEPTED}),
    Case("an entry without a status", told({"messageId": A.id}, entry(B)), {B.id: ACCEPTED}),
    Case("a status that is no object", told({"messageId": A.id, "status": 1}), {}),
    Case("an entry that is no object", told("x", None, entry(B)), {B.id: ACCEPTED}),
    Case("an id that is no text", told(entry(A) | {"messageId": [A.id]}, entry(B)), {B.id: ACCEPTED}),
    Case("messages that are no list", Answer(200, {}, b'{"messages": {}}'), AnswerLost),
    Case(
        "pending and delivered are accepted",
        told(entry(A, 0, 0), entry(B, 3, 5)),
        {
            A.id: Result(Outcome.ACCEPTED, "0"),
            B.id: Result(Outcome.ACCEPTED, "5"),
        },
    ),
)

ASKS = ask_cases(
    SUITE,
    Case(
        "known, rejected and unknown",
        log(entry(A, 3, 5), entry(B, 5, 6)),
        {A.id: Result(Outcome.ACCEPTED, "5"), B.id: REJECTED},
        Request(
            "GET",
            "https://x.api.infobip.com/sms/3/logs",
            HEADERS,
            None,
            [("messageId", A.id), ("messageId", B.id), ("messageId", C.id), ("limit", "1000")],
        ),
    ),
    Case("nothing known", log(), {}),
    Case(
        "F82 a refused repeat says nothing about the first", log(entry(A, 5, 23), entry(A)), {A.id: ACCEPTED}
    ),
    Case("somebody else's", log(entry("another-1")), {}),
)


@pytest.mark.parametrize("case", SENDS, ids=str)
def test_what_an_answer_to_a_hand_over_means(case: Case) -> None:
    check_send(SUITE, case)


@pytest.mark.parametrize("case", ASKS, ids=str)
def test_what_an_answer_to_a_question_means(case: Case) -> None:
    check_ask(SUITE, case)


def test_a_refusal_names_the_code_and_the_fields_but_no_values() -> None:
    body = {
        "errorCode": "E400",
        "description": A.text,
        "violations": [{"property": "messages[0].to", "violation": A.mobile}],
    }
    case = Case("named", Answer(400, {}, json.dumps(body).encode()), CallRefused)
    check_send(SUITE, case)
    with pytest.raises(CallRefused, match=r"400: E400 messages\[0\]\.to") as refused:
        Infobip().send(ACCOUNT, lambda *_: Answer(400, {}, json.dumps(body).encode()), "3774", [A], 1)
    assert refused.value.code == "400 E400 messages[0].to"


@pytest.mark.parametrize(("status", "kind"), [(413, CallRefused), (422, CallRefused), (401, Refused)])
def test_an_error_that_says_why_tells_the_call_from_the_account(status: int, kind: type[Refused]) -> None:
    check_send(SUITE, Case("named", Answer(status, {}, b'{"errorCode": "E1"}'), kind))


# ---- over HTTP, against the strict simulator ------------------------------------------------------------


@pytest.fixture(scope="module")
def strict() -> Iterator[Carrier]:
    with running_carrier() as client:
        yield client


@pytest.fixture
def carrier(strict: Carrier) -> Iterator[Carrier]:
    strict.http.delete("/_faults").raise_for_status()
    yield strict
    strict.http.delete("/_faults").raise_for_status()


_ids = iter(range(9_007_199_254_000_000, 9_007_199_254_740_991))


def fresh(count: int, prefix: str = "+90532") -> list[Message]:
    """Messages as we make them, with the longest ids."""
    return [
        Message(f"1a2b3c4d-{n}", f"{prefix}{n % 10_000_000:07d}", f"Merhaba {n}", 1)
        for _, n in zip(range(count), _ids, strict=False)
    ]


def send(carrier: Carrier, messages: list[Message], seconds: float = 5) -> dict[str, Result]:
    return dict(Infobip().send(Account(carrier.url, KEY), http.call, "KABAR", messages, seconds))


def ask(carrier: Carrier, messages: list[Message]) -> dict[str, Result]:
    return dict(Infobip().ask(Account(carrier.url, KEY), http.call, [m.id for m in messages], 5))


def accepted(carrier: Carrier, messages: list[Message]) -> int:
    ours = {message.id for message in messages}
    return sum(each["id"] in ours for each in carrier.get("/_truth")["accepted"])


def test_a_whole_batch_is_accepted_and_can_be_asked_for_in_one_question(carrier: Carrier) -> None:
    messages = fresh(Infobip.batch)
    assert send(carrier, messages) == {message.id: ACCEPTED for message in messages}
    known = ask(carrier, messages)
    assert set(known) == {message.id for message in messages}
    assert {result.outcome for result in known.values()} == {Outcome.ACCEPTED}


def test_a_repeat_is_refused_as_a_duplicate_and_the_logs_still_say_accepted(carrier: Carrier) -> None:
    """F82"""
    messages = fresh(3)
    send(carrier, messages)
    assert {result.outcome for result in send(carrier, messages).values()} == {Outcome.DUPLICATE}
    assert {result.outcome for result in ask(carrier, messages).values()} == {Outcome.ACCEPTED}
    assert accepted(carrier, messages) == 3


FAULTS: list[tuple[str, type[CarrierError], int]] = [
    ("http_500", AnswerLost, 0),
    ("http_429", Throttled, 0),
    ("timeout_after_accept", AnswerLost, 3),
    ("timeout_before_accept", AnswerLost, 0),
    ("reset_after_accept", AnswerLost, 3),
    ("reset_before_accept", AnswerLost, 0),
    ("slow_drip", AnswerLost, 3),
    ("bad_json", AnswerLost, 3),
]


@pytest.mark.parametrize(("kind", "error", "taken"), FAULTS)
def test_a_fault_is_what_it_is_and_the_logs_tell_the_truth(
    carrier: Carrier, kind: str, error: type[CarrierError], taken: int
) -> None:
    carrier.faults(rules=[{"kind": kind, "share": 1, "times": 1}])
    messages = fresh(3)
    started = time.monotonic()
    with pytest.raises(error) as caught:
        send(carrier, messages, seconds=1)
    assert caught.type is error
    assert time.monotonic() - started < 2.5
    assert accepted(carrier, messages) == taken
    assert len(ask(carrier, messages)) == taken
    assert send(carrier, fresh(1)), "the next call has a connection again"


def test_a_429_says_for_how_long(carrier: Carrier) -> None:
    carrier.faults(rules=[{"kind": "http_429", "share": 1}])
    with pytest.raises(Throttled) as caught:
        send(carrier, fresh(1))
    assert caught.value.retry_after == 1


def test_a_partial_answer_leaves_the_missing_unknown_and_the_logs_know(carrier: Carrier) -> None:
    """F9"""
    carrier.faults(rules=[{"kind": "partial", "share": 1, "times": 1}])
    messages = fresh(40)
    results = send(carrier, messages)
    assert (len(results), accepted(carrier, messages)) == (20, 30)
    missing = [message for message in messages if message.id not in results]
    assert len(ask(carrier, missing)) == 10
    again = send(carrier, missing)
    assert sum(result.outcome is Outcome.DUPLICATE for result in again.values()) == 10
    assert accepted(carrier, messages) == 40


def test_a_rejected_recipient_is_rejected_and_stays_so_in_the_logs(carrier: Carrier) -> None:
    carrier.faults(rules=[{"kind": "reject", "share": 1, "to_prefix": "+9054"}])
    good, bad = fresh(1), fresh(1, "+90543")
    results = send(carrier, good + bad)
    assert [results[m.id].outcome for m in good + bad] == [Outcome.ACCEPTED, Outcome.REJECTED]
    assert ask(carrier, bad)[bad[0].id].outcome is Outcome.REJECTED


def test_a_wrong_key_is_a_refusal(carrier: Carrier) -> None:
    """F12"""
    with pytest.raises(Refused, match="401"):
        Infobip().send(Account(carrier.url, "wrong"), http.call, "KABAR", fresh(1), 5)


# ---- the HTTP client itself -----------------------------------------------------------------------------

PING = "/sms/3/messages"


@contextmanager
def server(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that takes one request and answers as told, byte by byte if it likes."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.settimeout(10)
            connection.recv(65_536)
            try:
                answer(connection)
            except OSError:
                return  # the client has hung up

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        thread.join()
        listening.close()


def drip(connection: socket.socket, text: bytes, pause: float = 0.1, most: float = 4) -> None:
    end = time.monotonic() + most
    for byte in text:
        if time.monotonic() > end:
            return
        connection.sendall(bytes([byte]))
        time.sleep(pause)


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"


def a_dripping_body(connection: socket.socket) -> None:
    connection.sendall(HEAD)
    drip(connection, b" " * 100)


def dripping_headers(connection: socket.socket) -> None:
    drip(connection, b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100)


def half_a_body_then_silence(connection: socket.socket) -> None:
    time.sleep(0.8)
    connection.sendall(HEAD + b"{")
    time.sleep(1.2)


SLOW = [a_dripping_body, dripping_headers, half_a_body_then_silence]


@pytest.mark.parametrize("answer", SLOW)
def test_the_deadline_is_over_all_of_a_call(answer: Callable[[socket.socket], None]) -> None:
    """F7"""
    with server(answer) as url:
        started = time.monotonic()
        with pytest.raises(AnswerLost):
            http.call(Request("POST", url + PING, {}, {}), 1)
        assert time.monotonic() - started < 1.3


LOST: list[tuple[str, Callable[[socket.socket], None]]] = [
    ("hung up without a word", lambda _: None),
    ("hung up within the headers", lambda c: c.sendall(b"HTTP/1.1 200")),
    ("hung up within the body", lambda c: c.sendall(HEAD + b"{")),
    ("not HTTP", lambda c: c.sendall(b"hello\r\n\r\n")),
    (
        "not gzip",
        lambda c: c.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nxx"),
    ),
    (
        "far too much",
        lambda c: c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n" + b" " * 9_999_999),
    ),
]


@pytest.mark.parametrize("answer", [case[1] for case in LOST], ids=[case[0] for case in LOST])
def test_an_answer_that_cannot_be_read_is_lost(answer: Callable[[socket.socket], None]) -> None:
    with server(answer) as url, pytest.raises(AnswerLost):
        http.call(Request("POST", url + PING, {}, {}), 5)


def test_a_connection_that_the_carrier_closed_meanwhile_is_not_used_again() -> None:
    """An idle lane's next call must not lose its answer for that."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for _ in range(3):
            connection, _ = listening.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    thread = threading.Thread(target=serve)
    thread.start()
    for _ in range(3):
        request = Request("POST", f"http://127.0.0.1:{listening.getsockname()[1]}{PING}", {}, {})
        assert http.call(request, 5).status == 200
        time.sleep(0.1)
    thread.join()
    listening.close()


def test_a_redirect_is_an_answer_and_not_followed() -> None:
    with server(
        lambda c: c.sendall(b"HTTP/1.1 307 X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n")
    ) as url:
        assert http.call(Request("POST", url + PING, {}, {}), 5).status == 307


def test_a_refused_connection_is_surely_not_sent() -> None:
    """F6"""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Unreachable):
        http.call(Request("POST", f"http://127.0.0.1:{port}{PING}", {}, {}), 2)


def test_a_failed_tls_handshake_is_surely_not_sent() -> None:
    """F6"""
    with server(lambda c: c.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as url, pytest.raises(Unreachable):
        http.call(Request("POST", url.replace("http://", "https://") + PING, {}, {}), 2)


def test_an_unknown_name_is_surely_not_sent() -> None:
    """F6"""
    with pytest.raises(Unreachable):
        http.call(Request("POST", "http://no-such-host.invalid/", {}, {}), 5)


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("ftp://127.0.0.1", "key"),
        ("127.0.0.1:1", "key"),
        ("http://[::1", "key"),
        ("http://127.0.0.1:1:1", "key"),
        ("", "key"),
        (None, "key\n"),
        (None, "kéy"),
    ],
)
def test_a_typing_error_in_the_settings_loses_no_answer(
    carrier: Carrier, address: str | None, key: str
) -> None:
    """F12: paused with the reason, nobody uncertain."""
    account = Account(carrier.url if address is None else address, key)
    with pytest.raises(Refused):
        Infobip().send(account, http.call, "KABAR", fresh(1), 2)


def test_an_odd_entry_of_a_post_costs_us_none_of_the_others() -> None:
    """[H2]: nothing that can be read is lost."""
    good = {
        "messageId": "1a2b3c4d-1000",
        "to": "41793026727",
        "doneAt": "2019-11-09T16:00:00.000+0100",
        "status": {"groupId": 3, "id": 5},
    }
    odd = [good | {"doneAt": None}, good | {"status": {"groupId": 77}}, good | {"to": 5}]
    receipts, unreadable = Infobip().read_receipts(json.dumps({"results": [*odd, good]}).encode())
    assert [receipt.id for receipt in receipts] == ["1a2b3c4d-1000"]
    assert unreadable == 3
    with pytest.raises(BadWebhook):
        Infobip().read_receipts(json.dumps({"results": odd}).encode())
