"""A carrier's post is known, split and queued, or refused with nothing written [L4]."""

import base64
import json
import subprocess
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import pytest

from kabar.storage import keys, webhooks
from kabar.storage.dynamo import Table
from tests.functions.fake_dynamo import FakeDynamo
from tests.functions.loading import ENVIRONMENT, ROOT, load, sample

SECRET = {
    "api_key": "k",
    "webhook_user": "infobip",
    "webhook_password": "s3cret",
    "receipts_url": "https://x",
}


class FakeSecrets:
    def __init__(self, secret: Mapping[str, str]) -> None:
        self.secret = dict(secret)
        self.reads = 0

    def get_secret_value(self, SecretId: str) -> dict[str, str]:  # noqa: N803  # boto3's name
        assert SecretId == "stack/carriers/acme/infobip"
        self.reads += 1
        return {"SecretString": json.dumps(self.secret)}


class FakeQueues:
    """Refuses the first `refusals` entries that it is given."""

    def __init__(self) -> None:
        self.queues: dict[str, list[Any]] = {}
        self.calls: list[int] = []
        self.refusals = 0

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803
        size = sum(len(entry["MessageBody"].encode()) for entry in Entries)
        assert len({entry["Id"] for entry in Entries}) == len(Entries) <= 10
        assert 0 < size <= 256 * 1024
        self.calls.append(len(Entries))
        refused, self.refusals = min(self.refusals, len(Entries)), max(0, self.refusals - len(Entries))
        taken = Entries[refused:]
        self.queues.setdefault(QueueUrl.rpartition("/")[2], []).extend(
            json.loads(e["MessageBody"]) for e in taken
        )
        return {"Failed": [{"Id": e["Id"], "Code": "InternalError"} for e in Entries[:refused]]}


@pytest.fixture
def sqs() -> FakeQueues:
    return FakeQueues()


@pytest.fixture
def secrets() -> FakeSecrets:
    return FakeSecrets(SECRET)


@pytest.fixture
def dynamo() -> FakeDynamo:
    fake = FakeDynamo()
    item = {"workspace": "acme", "carrier": "infobip", "secret": "stack/carriers/acme/infobip"}
    fake.seed("workspaces", keys.webhook("t0ken"), **item)
    return fake


@pytest.fixture
def function(
    dynamo: FakeDynamo, secrets: FakeSecrets, sqs: FakeQueues, monkeypatch: pytest.MonkeyPatch
) -> ModuleType:
    monkeypatch.setattr("kabar.storage.queues.time.sleep", lambda _: None)
    return load("receive_webhook", monkeypatch, dynamodb=dynamo, secretsmanager=secrets, sqs=sqs)


def post(kind: str = "receipts", **changes: Any) -> dict[str, Any]:
    return sample(f"receive_webhook_{kind}") | changes


def receipts(count: int, **changes: Any) -> dict[str, Any]:
    one = json.loads(post()["body"])["results"][0]
    results = [{**one, "messageId": f"1a2b3c4d-{5000 + n}", **changes} for n in range(count)]
    return post(body=json.dumps({"results": results}))


def status(function: ModuleType, event: Mapping[str, Any]) -> int:
    answer = function.handler(event, None)
    assert answer["body"] == ""
    return int(answer["statusCode"])


def test_receipts_are_queued_with_their_workspace(function: ModuleType, sqs: FakeQueues) -> None:
    assert status(function, post()) == 200
    assert sqs.queues == {
        "receipts": [
            {
                "workspace": "acme",
                "carrier": "infobip",
                "request_id": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
                "receipts": [
                    {
                        "id": "1a2b3c4d-5001",
                        "mobile": "+6421555666",
                        "status": "received",
                        "at": 1772359204000,
                        "code": "5/0",
                    },
                    {
                        "id": "1a2b3c4d-5002",
                        "mobile": "+905321234567",
                        "status": "dead",
                        "at": 1772359209000,
                        "code": "9/1",
                    },
                ],
            }
        ]
    }


def test_replies_are_queued_one_by_one(function: ModuleType, sqs: FakeQueues) -> None:
    assert status(function, post("replies")) == 200
    said = {"id": "817790313235066447", "mobile": "+6421555666", "to": "3774", "text": "İptal."}
    assert sqs.queues == {
        "replies": [
            {
                "workspace": "acme",
                "carrier": "infobip",
                "request_id": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
                "reply": said | {"at": 1772359500000},
            }
        ]
    }


@pytest.mark.parametrize(("count", "parts", "calls"), [(0, 0, 0), (100, 1, 1), (101, 2, 1), (2000, 20, 2)])
def test_big_posts_are_split_into_parts_of_a_hundred(
    function: ModuleType, sqs: FakeQueues, count: int, parts: int, calls: int
) -> None:
    assert status(function, receipts(count)) == 200
    queued = sqs.queues.get("receipts", [])
    assert len(queued) == parts
    assert len(sqs.calls) == calls
    ids = [receipt["id"] for part in queued for receipt in part["receipts"]]
    assert ids == [f"1a2b3c4d-{5000 + n}" for n in range(count)]


def test_long_texts_are_queued_in_calls_that_the_queue_takes(function: ModuleType, sqs: FakeQueues) -> None:
    one = json.loads(post("replies")["body"])["results"][0]
    results = [{**one, "messageId": str(n), "text": "😀" * 9_000} for n in range(12)]
    assert status(function, post("replies", body=json.dumps({"results": results}))) == 200
    assert [message["reply"]["id"] for message in sqs.queues["replies"]] == [str(n) for n in range(12)]
    assert {message["reply"]["text"] for message in sqs.queues["replies"]} == {"😀" * 9_000}


def test_a_text_that_no_table_takes_is_mended(function: ModuleType, sqs: FakeQueues) -> None:
    one = json.loads(post("replies")["body"])["results"][0]
    body = json.dumps({"results": [{**one, "text": "half \ud83d, \udc4d, whole 👍"}]})
    assert status(function, post("replies", body=body)) == 200
    assert sqs.queues["replies"][0]["reply"]["text"] == "half ?, ?, whole 👍"


def test_what_the_queue_refuses_is_tried_again(function: ModuleType, sqs: FakeQueues) -> None:
    sqs.refusals = 3
    assert status(function, receipts(500)) == 200
    assert sqs.calls == [5, 3]
    assert len(sqs.queues["receipts"]) == 5


def test_a_queue_that_keeps_refusing_makes_the_carrier_post_again(
    function: ModuleType, sqs: FakeQueues
) -> None:
    sqs.refusals = 1000
    assert status(function, post()) == 503


@pytest.mark.parametrize(
    "parameters",
    [
        {"carrier": "infobip", "token": "other"},
        {"carrier": "infobip", "token": ""},
        {"carrier": "jetsms", "token": "t0ken"},
        {"carrier": "Infobip", "token": "t0ken"},
    ],
)
def test_an_unknown_token_or_another_carrier_is_404(
    function: ModuleType, sqs: FakeQueues, parameters: dict[str, str]
) -> None:
    """F26"""
    assert status(function, post(pathParameters=parameters)) == 404
    assert sqs.queues == {}


def basic(credentials: str, scheme: str = "Basic") -> str:
    return f"{scheme} {base64.b64encode(credentials.encode()).decode()}"


@pytest.mark.parametrize(
    "headers",
    [
        None,
        {},
        {"authorization": ""},
        {"authorization": "Basic"},
        {"authorization": basic("infobip:wrong")},
        {"authorization": basic("other:s3cret")},
        {"authorization": basic("infobip:s3cret", "Bearer")},
        {"authorization": "Basic infobip:s3cret"},
        {"authorization": "Basic ünïcode\udc80"},
        {"x-authorization": basic("infobip:s3cret")},
    ],
)
def test_wrong_credentials_are_401_and_nothing_is_written(
    function: ModuleType, sqs: FakeQueues, headers: dict[str, str] | None
) -> None:
    """F26"""
    assert status(function, post(headers=headers)) == 401
    assert sqs.queues == {}


@pytest.mark.parametrize("name", ["authorization", "Authorization", "AUTHORIZATION"])
def test_header_names_have_no_case(function: ModuleType, name: str) -> None:
    assert status(function, post(headers={name: basic("infobip:s3cret", "basic")})) == 200


def test_a_webhook_without_credentials_is_known_by_its_token(
    function: ModuleType, secrets: FakeSecrets
) -> None:
    del secrets.secret["webhook_user"]
    assert status(function, post(headers=None)) == 200


def test_a_rotated_password_counts_at_once(function: ModuleType, secrets: FakeSecrets) -> None:
    """F80"""
    assert status(function, post()) == 200
    secrets.secret["webhook_password"] = "n3w"
    assert status(function, post(headers={"authorization": basic("infobip:n3w")})) == 200
    assert status(function, post()) == 401


def test_credentials_are_read_once_in_five_minutes(dynamo: FakeDynamo, secrets: FakeSecrets) -> None:
    now = 1000.0
    known = webhooks.Webhooks(Table("workspaces", dynamo), lambda: secrets, lambda: now)
    for _ in range(100):
        known.find("t0ken")
    assert (secrets.reads, len(dynamo.calls)) == (1, 2)
    now += 300
    known.find("t0ken")
    assert (secrets.reads, len(dynamo.calls)) == (2, 4)


def test_a_base64_body_is_read_as_its_bytes(function: ModuleType, sqs: FakeQueues) -> None:
    """F79"""
    body = base64.b64encode(post("replies")["body"].encode()).decode()
    assert status(function, post("replies", body=body, isBase64Encoded=True)) == 200
    assert sqs.queues["replies"][0]["reply"]["text"] == "İptal."


@pytest.mark.parametrize(
    ("body", "encoded"),
    [
        *[(body, False) for body in ("", None, "x", "[]", "{}", "7", '{"results": 1}', '{"results": [1]}')],
        *[(body, False) for body in ('{"results": [{}]}', "\ud800", "[" * 100_000, '{"results": ' * 50_000)],
        ('{"results": [{"messageId": "1", "to": "64215", "status": {"groupId": 99}, "error": {}}]}', False),
        ('{"results": [{"messageId": "1", "to": "64215", "status": {"id": [], "groupId": {}}}]}', False),
        (
            '{"results": [{"messageId": "1", "to": "64215", "status": {"groupId": 3}, "doneAt": "soon"}]}',
            False,
        ),
        ("not base64!", True),
        ("abc", True),
    ],
)
def test_a_post_that_can_not_be_read_is_400_and_nothing_is_written(
    function: ModuleType, sqs: FakeQueues, body: str | None, encoded: bool
) -> None:
    """F26"""
    for kind in ("receipts", "replies"):
        assert status(function, post(kind, body=body, isBase64Encoded=encoded)) == 400
    assert sqs.queues == {}


LIMIT = 4 * 1024 * 1024


@pytest.mark.parametrize(
    ("body", "encoded", "expected"),
    [
        ("x" * LIMIT, False, 400),
        ("x" * (LIMIT + 1), False, 413),
        ("ş" * (LIMIT // 2 + 1), False, 413),
        (base64.b64encode(b"x" * LIMIT).decode(), True, 400),
        (base64.b64encode(b"x" * (LIMIT + 1)).decode(), True, 413),
        ("!" * (2 * LIMIT), True, 413),
    ],
)
def test_a_body_above_4_mb_is_413(function: ModuleType, body: str, encoded: bool, expected: int) -> None:
    assert status(function, post(body=body, isBase64Encoded=encoded)) == expected


def test_ids_and_numbers_that_no_key_can_hold_are_left_out(function: ModuleType, sqs: FakeQueues) -> None:
    good, bad = json.loads(post()["body"])["results"]
    strange = [{**bad, "messageId": "x" * 2000}, {**bad, "to": "BANK"}, {**bad, "messageId": "a b"}]
    assert status(function, post(body=json.dumps({"results": [*strange, good]}))) == 200
    assert [receipt["id"] for receipt in sqs.queues["receipts"][0]["receipts"]] == ["1a2b3c4d-5001"]


def test_importing_the_handler_loads_no_sdk_and_no_http_client() -> None:
    code = "import sys, handler; print([m for m in ('boto3', 'pydantic', 'httpx', 'urllib3') if m in sys.modules])"
    paths = [ROOT / "functions" / "receive_webhook", ROOT / "layers" / "kabar"]
    environment = {**ENVIRONMENT, "PYTHONPATH": ":".join(map(str, paths))}
    run = [sys.executable, "-c", code]
    printed = subprocess.run(run, env=environment, capture_output=True, text=True, check=True)  # noqa: S603  # ours
    assert printed.stdout.strip() == "[]"


def test_neither_numbers_nor_tokens_nor_texts_are_logged(
    function: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    status(function, post("replies"))
    status(function, post(headers={}))
    logged = str([vars(record) for record in caplog.records])
    assert "acme" in logged
    assert not [word for word in ("t0ken", "21555666", "ptal", "s3cret") if word in logged]
