"""From the outbox to the wire: who is told of what, under which headers; tokens; secrets [J1] [J4]."""

import json
import threading
from functools import partialmethod
from types import ModuleType
from typing import Any

import pytest
from standardwebhooks import Webhook

from kabar.delivery.tokens import NoToken, Tokens
from kabar.domain.handover import AnswerLost
from kabar.guard import Answer, Guard
from kabar.storage import callback_settings, executions, keys
from kabar.storage.callback_settings import Secrets, Vault, new_signing_secret
from kabar.storage.callbacks import Book
from kabar.storage.dynamo import Table, encode_item
from tests.functions.fake_dynamo import FakeDynamo
from tests.functions.fake_secrets import FakeSecrets
from tests.functions.loading import load, queued, sample

MOBILE = "+6421555666"
SIGNING = new_signing_secret()
OAUTH = {"token_url": "https://login.example/token", "client_id": "us", "scope": "tell"}
Request = tuple[str, str, dict[str, str], bytes]


class Web:
    """What `Guard.call` reaches: `answers` by URL, and what was asked."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answers: dict[str, Any] = {}
        self._lock = threading.Lock()

    def call(self, _: Guard, method: str, url: str, headers: dict[str, str], body: bytes, *__: Any) -> Answer:
        with self._lock:
            self.requests.append((method, url, dict(headers), body))
            answer = self.answers.get(url, 204)
            if callable(answer):
                answer = answer(headers)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Answer) else Answer(answer, {}, b"")

    def to(self, url: str) -> list[Request]:
        return [request for request in self.requests if request[1] == url]


class Queue:
    def __init__(self) -> None:
        self.bodies: list[Any] = []

    def send_message_batch(self, *, QueueUrl: str, Entries: list[Any]) -> dict[str, Any]:  # noqa: N803  # boto3's
        assert QueueUrl == "https://queues/callbacks"
        self.bodies += [json.loads(entry["MessageBody"]) for entry in Entries]
        return {}


def _through(guard: Guard, web: Web, *request: Any) -> Answer:
    return web.call(guard, *request)


@pytest.fixture
def dynamo() -> FakeDynamo:
    return FakeDynamo()


@pytest.fixture
def secrets() -> FakeSecrets:
    return FakeSecrets()


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Web:
    found = Web()
    monkeypatch.setattr(Guard, "call", partialmethod(_through, found))
    return found


@pytest.fixture
def function(
    dynamo: FakeDynamo, secrets: FakeSecrets, web: Web, monkeypatch: pytest.MonkeyPatch
) -> ModuleType:
    callback_settings.client.cache_clear()
    executions.client.cache_clear()
    return load("deliver_callbacks", monkeypatch, dynamodb=dynamo, secretsmanager=secrets)


def set_up(dynamo: FakeDynamo, secrets: FakeSecrets, kind: str = "receipts", **more: Any) -> dict[str, Any]:
    """An endpoint of acme."""
    name = f"kabar/callbacks/7000/{len(secrets.saved)}"
    kept = {"headers": {"X-Api-Key": "k3y"}, "client_secret": "s3cret", "signing": [[SIGNING, None]]}
    secrets.saved[name] = json.dumps(kept)
    item = {"id": 7000, "kind": kind, "url": f"https://a.example/{kind}", "secret": name, "oauth": None}
    item |= {"header_names": ["X-Api-Key"], "version": 1, "created_at": 1} | more
    dynamo.seed("workspaces", keys.callback_settings("acme", kind), **item)
    return item


def test_a_receipt_is_told_signed_with_the_time_it_was_sent(
    function: ModuleType, dynamo: FakeDynamo, secrets: FakeSecrets, web: Web
) -> None:
    set_up(dynamo, secrets)
    dynamo.seed("people", keys.fact("acme", MOBILE, 5001, "submitted"), at=1772359200000)
    assert function.handler(sample("deliver_callbacks_receipts"), None) == {"batchItemFailures": []}
    ((method, url, headers, body),) = web.requests
    assert (method, url) == ("POST", "https://a.example/receipts")
    assert json.loads(body)["SentDate"] == "2026-03-01T10:00:00.000Z"
    assert json.loads(body)["StatusDate"] == "2026-03-01T10:00:04.000Z"
    assert headers["X-Api-Key"] == "k3y"
    assert headers["Content-Type"] == "application/json"
    assert Webhook(SIGNING).verify(body, headers)["MessageId"] == 5001


def test_a_reply_to_an_api_message_brings_the_clients_reference(
    function: ModuleType, dynamo: FakeDynamo, secrets: FakeSecrets, web: Web
) -> None:
    set_up(dynamo, secrets, "replies")
    block = {"first": 5000, "size": 10, "workspace": "acme", "chunk_size": 1000, "request": 4999}
    dynamo.seed("workspaces", keys.id_block(5000), **block, campaign=None, list=None, reference="order-7")
    told = {"id": 6000, "mobile": MOBILE, "to": "3774", "text": "ok", "born": 1}
    told |= {"message": 5003, "campaign": None, "reference": None}
    function.handler(queued({"workspace": "acme", "kind": "replies", "told": [told]}), None)
    ((_, _, headers, body),) = web.requests
    assert headers["kabar-reference"] == "order-7"
    assert json.loads(body)["reply-to"] == 5003


def test_nobody_is_told_where_there_is_no_endpoint(function: ModuleType, web: Web) -> None:
    assert function.handler(sample("deliver_callbacks_receipts"), None) == {"batchItemFailures": []}
    assert web.requests == []


def test_what_fails_for_one_workspace_is_brought_again_and_the_others_are_told(
    function: ModuleType, dynamo: FakeDynamo, secrets: FakeSecrets, web: Web
) -> None:
    set_up(dynamo, secrets)
    set_up(dynamo, secrets, "replies", secret="gone")
    receipt = json.loads(sample("deliver_callbacks_receipts")["Records"][0]["body"])
    reply = {"id": 1, "mobile": MOBILE, "to": "3774", "text": "hi", "born": 1}
    reply |= {"message": None, "campaign": None, "reference": None}
    event = queued({"workspace": "acme", "kind": "replies", "told": [reply]}, receipt)
    assert function.handler(event, None) == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert len(web.to("https://a.example/receipts")) == 1


def test_f63_a_token_is_fetched_once_kept_and_sent(
    function: ModuleType, dynamo: FakeDynamo, secrets: FakeSecrets, web: Web
) -> None:
    set_up(dynamo, secrets, oauth=OAUTH)
    web.answers[OAUTH["token_url"]] = Answer(200, {}, b'{"access_token": "t1", "expires_in": 3600}')
    for _ in range(3):
        function.handler(sample("deliver_callbacks_receipts"), None)
    (asked,) = web.to(OAUTH["token_url"])
    assert asked[3] == b"grant_type=client_credentials&scope=tell"
    assert asked[2]["Authorization"] == "Basic dXM6czNjcmV0"
    told = web.to("https://a.example/receipts")
    assert [request[2]["Authorization"] for request in told] == ["Bearer t1"] * 3
    assert "t1" not in json.dumps(list(dynamo.tables["callbacks"].values()))  # only in the secret store


def test_f63_and_f80_a_401_fetches_one_token_and_tries_once_more(
    function: ModuleType, dynamo: FakeDynamo, secrets: FakeSecrets, web: Web
) -> None:
    set_up(dynamo, secrets, oauth=OAUTH)
    tokens = iter(["stale", "fresh", "third"])
    web.answers[OAUTH["token_url"]] = lambda _: Answer(
        200, {}, json.dumps({"access_token": next(tokens), "expires_in": 3600}).encode()
    )
    web.answers["https://a.example/receipts"] = lambda headers: (
        204 if headers["Authorization"] == "Bearer fresh" else 401
    )
    function.handler(sample("deliver_callbacks_receipts"), None)
    told = web.to("https://a.example/receipts")
    assert [request[2]["Authorization"] for request in told] == ["Bearer stale", "Bearer fresh"]
    assert len({request[2]["webhook-id"] for request in told}) == 1
    assert len(web.to(OAUTH["token_url"])) == 2
    assert [key for key in dynamo.tables["callbacks"] if key[0] != "endpoint#7000"] == []


def test_f63_a_401_in_spite_of_a_fresh_token_is_given_up(
    function: ModuleType, dynamo: FakeDynamo, secrets: FakeSecrets, web: Web
) -> None:
    set_up(dynamo, secrets, oauth=OAUTH)
    web.answers[OAUTH["token_url"]] = Answer(200, {}, b'{"access_token": "t", "expires_in": 3600}')
    web.answers["https://a.example/receipts"] = 401
    dynamo.seed("workspaces", keys.settings("acme"), email="")
    function.handler(sample("deliver_callbacks_receipts"), None)
    assert len(web.to("https://a.example/receipts")) == 2
    (dead,), _ = Book(Table("callbacks", dynamo)).dead(7000, 9)
    assert dead["why"] == "the endpoint answered 401"


def test_f63_an_endpoint_that_refuses_every_token_does_not_have_one_fetched_for_each_callback(
    function: ModuleType, dynamo: FakeDynamo, secrets: FakeSecrets, web: Web
) -> None:
    set_up(dynamo, secrets, oauth=OAUTH)
    web.answers[OAUTH["token_url"]] = Answer(200, {}, b'{"access_token": "t", "expires_in": 3600}')
    web.answers["https://a.example/receipts"] = 401
    dynamo.seed("workspaces", keys.settings("acme"), email="")
    (record,) = sample("deliver_callbacks_receipts")["Records"]
    body = json.loads(record["body"])
    many = [body["told"][0] | {"id": number} for number in range(100)]
    for at in range(0, 100, 20):
        function.handler(queued(body | {"told": many[at : at + 20]}), None)
    dead, _ = Book(Table("callbacks", dynamo)).dead(7000, 200)
    assert len(dead) == 100
    assert len(web.to(OAUTH["token_url"])) == 2


def test_f80_a_secret_that_was_rotated_meanwhile_is_read_anew(
    function: ModuleType, dynamo: FakeDynamo, secrets: FakeSecrets, web: Web
) -> None:
    set_up(dynamo, secrets)
    function.handler(sample("deliver_callbacks_receipts"), None)
    secrets.saved.clear()
    fresh = new_signing_secret()
    item = set_up(dynamo, secrets, secret="kabar/callbacks/7000/new", version=2)
    secrets.saved[item["secret"]] = json.dumps(
        {"headers": {}, "client_secret": "", "signing": [[fresh, None]]}
    )
    function.handler(sample("deliver_callbacks_receipts"), None)
    *_, (_, _, headers, body) = web.requests
    Webhook(fresh).verify(body, headers)


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000_000

    def __call__(self) -> int:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += int(seconds * 1000)


def tokens_of(dynamo: FakeDynamo, clock: Clock) -> Tokens:
    """As in a process of its own."""
    vault = Vault("kabar/callbacks", "key")
    return Tokens(Table("callbacks", dynamo), vault, Guard(), clock=clock, sleep=clock.sleep)


ENDPOINT = {"id": 7000, "secret": "s", "oauth": OAUTH}


@pytest.fixture
def clock(function: ModuleType, secrets: FakeSecrets) -> Clock:
    callback_settings.client()  # the fake one, for every vault
    return Clock()


def test_a_token_is_shared_by_processes_until_shortly_before_its_end(
    dynamo: FakeDynamo, clock: Clock, web: Web
) -> None:
    web.answers[OAUTH["token_url"]] = Answer(200, {}, b'{"access_token": "t1", "expires_in": 3600}')
    for _ in range(5):
        assert tokens_of(dynamo, clock).get(ENDPOINT, "x").value == "t1"
    assert len(web.requests) == 1
    clock.now += 3_541_000  # a minute before
    one = tokens_of(dynamo, clock)
    one.get(ENDPOINT, "x")
    assert len(web.requests) == 2
    assert one.get(ENDPOINT, "x").n == 2


def test_f63_a_token_server_that_is_down_is_asked_at_growing_waits_by_all_processes_together(
    dynamo: FakeDynamo, clock: Clock, web: Web
) -> None:
    web.answers[OAUTH["token_url"]] = AnswerLost("no answer")
    began = clock.now
    while clock.now < began + 3_600_000:
        with pytest.raises(NoToken):
            tokens_of(dynamo, clock).get(ENDPOINT, "x")
        clock.now += 500
    assert 5 <= len(web.requests) <= 14  # not 7,200
    web.answers[OAUTH["token_url"]] = Answer(200, {}, b'{"access_token": "t1"}')
    clock.now += 1_800_000
    assert tokens_of(dynamo, clock).get(ENDPOINT, "x").value == "t1"


def test_f63_many_at_once_fetch_one_token(dynamo: FakeDynamo, clock: Clock, web: Web) -> None:
    """Eight processes find no token at the same moment; whoever holds the item asks, the others wait for it."""
    others: list[Tokens] = [tokens_of(dynamo, clock) for _ in range(7)]
    found: list[str] = []

    def answer(_: dict[str, str]) -> Answer:
        if others:  # while this one asks, the next one looks, finds it held, and waits
            other = others.pop()
            other._sleep = lambda _: (_ for _ in ()).throw(InterruptedError)
            with pytest.raises(InterruptedError):
                other.get(ENDPOINT, "x")
            others.clear()
        return Answer(200, {}, b'{"access_token": "t1", "expires_in": 600}')

    web.answers[OAUTH["token_url"]] = answer
    found.append(tokens_of(dynamo, clock).get(ENDPOINT, "x").value)
    found += [tokens_of(dynamo, clock).get(ENDPOINT, "x").value for _ in range(7)]
    assert found == ["t1"] * 8
    assert len(web.requests) == 1


def test_who_dies_while_fetching_a_token_holds_it_for_twenty_seconds(
    dynamo: FakeDynamo, clock: Clock, web: Web
) -> None:
    web.answers[OAUTH["token_url"]] = lambda _: (_ for _ in ()).throw(KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        tokens_of(dynamo, clock).get(ENDPOINT, "x")
    web.answers[OAUTH["token_url"]] = Answer(200, {}, b'{"access_token": "t1", "expires_in": 600}')
    assert tokens_of(dynamo, clock).get(ENDPOINT, "x").value == "t1"


@pytest.mark.parametrize(
    "answer",
    [Answer(200, {}, b"no json"), Answer(200, {}, b"[]"), Answer(200, {}, b'{"x": 1}'), 302, 400, 500],
)
def test_a_token_server_that_makes_no_sense_gives_no_token(
    dynamo: FakeDynamo, clock: Clock, web: Web, answer: Any
) -> None:
    web.answers[OAUTH["token_url"]] = answer
    with pytest.raises(NoToken):
        tokens_of(dynamo, clock).get(ENDPOINT, "x")


# ---- the outbox


def record(item: dict[str, Any], born: int = 1_772_359_205) -> dict[str, Any]:
    image = {"ApproximateCreationDateTime": born, "NewImage": encode_item(item)}
    return {"eventID": "e", "eventName": "INSERT", "dynamodb": image}


def fact(message: int, status: str = "received", workspace: str = "acme") -> dict[str, Any]:
    told = {"at": 1772359204000, "code": "", "campaign": 4000, "chunk": 0, "pos": message % 500}
    return {**keys.fact(workspace, MOBILE, message, status), **told, "via": "receipt"}


@pytest.fixture
def sqs() -> Queue:
    return Queue()


@pytest.fixture
def follow(dynamo: FakeDynamo, sqs: Queue, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return load("follow_people", monkeypatch, dynamodb=dynamo, sqs=sqs)


def test_only_workspaces_with_an_endpoint_get_something_queued(
    follow: ModuleType, dynamo: FakeDynamo, secrets: FakeSecrets, sqs: Queue
) -> None:
    set_up(dynamo, secrets)
    follow.handler({"Records": [record(fact(5001)), record(fact(5002, workspace="rival"))]}, None)
    (body,) = sqs.bodies
    assert (body["workspace"], body["kind"]) == ("acme", "receipts")
    assert [told["id"] for told in body["told"]] == [5001]
    assert body["told"][0]["born"] == 1_772_359_205_000


def test_a_stream_that_brings_a_batch_again_queues_the_very_same(
    follow: ModuleType, dynamo: FakeDynamo, secrets: FakeSecrets, sqs: Queue
) -> None:
    """So a crash between the queue and the vectors invents nothing: the ids are hashes of what is told."""
    set_up(dynamo, secrets)
    batch = {
        "Records": [record(fact(5000 + n, status)) for n in range(45) for status in ("received", "sent")]
    }

    def die() -> None:
        raise ConnectionError

    dynamo.before.append(die)  # the vectors can't be written
    with pytest.raises(ConnectionError):
        follow.handler(batch, None)
    first, sqs.bodies = sqs.bodies, []
    follow.handler(batch, None)
    assert sqs.bodies == first
    assert [len(body["told"]) for body in first] == [20, 20, 5]


def test_nothing_is_lost_when_the_queue_refuses(
    follow: ModuleType, dynamo: FakeDynamo, secrets: FakeSecrets, sqs: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(dynamo, secrets)
    monkeypatch.setattr("kabar.storage.queues.time.sleep", lambda _: None)
    monkeypatch.setattr(sqs, "send_message_batch", lambda **how: {"Failed": how["Entries"]})
    with pytest.raises(Exception, match="refused"):
        follow.handler({"Records": [record(fact(5001))]}, None)
    assert dynamo.tables["dispatch"] == {}  # so that the batch is not done


def test_secrets_end() -> None:
    secrets = Secrets(signing=(("b", None), ("a", 10)))
    assert secrets.signing_at(9) == ["b", "a"]
    assert secrets.signing_at(10) == ["b"]
