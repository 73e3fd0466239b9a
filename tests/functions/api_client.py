"""Calls the API's handler as API Gateway does, over the in-memory tables of `fake_dynamo`."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import ModuleType, SimpleNamespace
from typing import Any
from urllib.parse import parse_qs

import pytest

import callback_wiring
import wiring
from kabar.domain.access import Scope
from kabar.storage import callback_settings, executions, keys, sign_ins
from local import openapi
from tests.functions.fake_dynamo import FakeDynamo, client_error
from tests.functions.fake_secrets import FakeSecrets
from tests.functions.loading import load

SETTINGS = {
    "IDEMPOTENCY_TABLE": "idempotency",
    "UPLOADS_BUCKET": "uploads",
    "WORK_BUCKET": "work",
    "IMPORT_LIST_ARN": "arn:aws:states:eu-west-1:000000000000:stateMachine:import",
    "RUN_CAMPAIGN_ARN": "arn:aws:states:eu-west-1:000000000000:stateMachine:run",
    "RETRY_CALLBACKS_ARN": "arn:aws:states:eu-west-1:000000000000:stateMachine:retry",
    "EXPORT_LIST_ARN": "arn:aws:states:eu-west-1:000000000000:stateMachine:export",
    "CHECK_CAMPAIGN_ARN": "arn:aws:states:eu-west-1:000000000000:stateMachine:check",
    "CURSOR_KEY_SECRET": "cursor-key",
    "KEY_PEPPER_SECRET": "key-pepper",
    "REQUESTS_PER_MINUTE": "100000",
    "USER_POOL_ID": "eu-west-1_pool",
    "CARRIER_SECRETS": "kabar/carriers/",
    "LOCAL_ADDRESSES": "allowed in 000000000000",
    "MESSAGES_QUEUE_URL": "https://sqs/messages",
    "OPEN_WINDOW_FUNCTION": "open-window",
}
REQUEST_ID = "5f1c2d3e-request"
POINTING = {"ETag", "Location"}  # headers that a client goes on with


@cache
def _operations() -> list[tuple[str, re.Pattern[str], dict[str, Any]]]:
    paths = json.loads(openapi.DOCUMENT.read_text(encoding="utf-8"))["paths"].items()
    return [
        (method.upper(), re.compile(re.sub(r"{\w+}", "[^/]+", path)), operation["responses"])
        for path, methods in sorted(paths, key=lambda entry: "{" in entry[0])
        for method, operation in methods.items()
    ]


def documented(method: str, address: str, status: int) -> set[str] | None:
    """Which of POINTING docs/openapi.json says of a successful answer; None of any other."""
    for takes, path, responses in _operations():
        if takes == method and path.fullmatch(address) and f"{status}" in responses and status < 300:
            return {name for name in POINTING if name in responses[f"{status}"].get("headers", {})}
    return None


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def pointers(self) -> list[str]:
        return [error.get("pointer") or error["parameter"] for error in self.json["errors"]]


class Clients:
    """The other AWS clients: `started` are executions, by name."""

    def __init__(self, dynamodb: FakeDynamo) -> None:
        self.started: dict[str, Any] = {}
        self.dynamodb = dynamodb
        self.secretsmanager = FakeSecrets({"cursor-key": "k" * 64, "key-pepper": "k" * 64})
        self.stepfunctions = SimpleNamespace(start_execution=self._start)
        self.people: dict[str, str] = {}  # username -> id
        setattr(
            self,
            "cognito-idp",
            SimpleNamespace(
                admin_create_user=self._invite,
                admin_get_user=lambda **how: {"UserAttributes": self._attributes(how["Username"])},
                admin_delete_user=self._forget,
            ),
        )
        self.uploaded: dict[str, bytes] = {}
        self.queued: list[dict[str, Any]] = []  # message requests
        self.invoked: list[tuple[str, dict[str, Any]]] = []
        self.sqs = SimpleNamespace(send_message_batch=self._queue)
        setattr(self, "lambda", SimpleNamespace(invoke=self._invoke))
        self.s3 = SimpleNamespace(
            generate_presigned_post=lambda bucket, key, **how: {
                "url": f"https://{bucket}/",
                "fields": {"key": key, "policy": str(how["Conditions"])},
            },
            put_object=lambda **how: self.uploaded.update({how["Key"]: how["Body"]}),
            generate_presigned_url=lambda _, **how: f"https://work/{how['Params']['Key']}?{how['ExpiresIn']}",
        )

    def _invite(self, **request: Any) -> dict[str, Any]:
        if "@" not in request["Username"].strip("@"):
            raise client_error("InvalidParameterException")
        if request["Username"] in self.people:
            raise client_error("UsernameExistsException")
        self.people[request["Username"]] = f"0b6e1a52-5d0f-4a63-9a53-{len(self.people):012x}"
        return {"User": {"Attributes": self._attributes(request["Username"])}}

    def _attributes(self, username: str) -> list[dict[str, str]]:
        return [{"Name": "email", "Value": username}, {"Name": "sub", "Value": self.people[username]}]

    def _forget(self, **request: Any) -> None:
        if self.people.pop(request["Username"], None) is None:
            raise client_error("UserNotFoundException")

    def _queue(self, **request: Any) -> dict[str, Any]:
        self.queued += [json.loads(entry["MessageBody"]) for entry in request["Entries"]]
        return {}

    def _invoke(self, **request: Any) -> None:
        self.invoked.append((request["FunctionName"], json.loads(request["Payload"])))

    def _start(self, **request: Any) -> None:
        self.started[request["name"]] = json.loads(request["input"])


class Api:
    """`call` sends one request as workspace `acme` (or another one)."""

    def __init__(self, module: ModuleType, clients: Clients) -> None:
        self.module = module
        self.clients = clients
        self.tables = clients.dynamodb

    def call(
        self,
        method: str,
        address: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        workspace: str = "acme",
        scopes: Iterable[str] = tuple(Scope),
        principal: str = "key:1",
        **event_changes: Any,
    ) -> Answer:
        address, _, query = address.partition("?")
        many = parse_qs(query, keep_blank_values=True)
        sent = dict(headers or {})
        if body is not None and "content-type" not in {name.lower() for name in sent}:
            sent["content-type"] = "application/json"
        event = {
            "resource": address,
            "path": address,
            "httpMethod": method,
            "headers": sent or None,
            "multiValueHeaders": {name: [value] for name, value in sent.items()} or None,
            "queryStringParameters": {name: values[-1] for name, values in many.items()} or None,
            "multiValueQueryStringParameters": many or None,
            "pathParameters": None,
            "stageVariables": None,
            "requestContext": {
                "stage": "local",
                "domainName": "api.example.com",
                "path": f"/local{address}",
                "requestId": REQUEST_ID,
                "authorizer": {"workspace": workspace, "principal": principal, "scopes": " ".join(scopes)},
            },
            "body": body if body is None or isinstance(body, str) else json.dumps(body),
            "isBase64Encoded": False,
        } | event_changes
        answer = self.module.handler(event, None)
        many_headers = answer.get("multiValueHeaders") or {}
        single = {name: values[0] for name, values in many_headers.items()} | answer.get("headers", {})
        assert documented(method, address, answer["statusCode"]) in (None, POINTING & single.keys())
        return Answer(answer["statusCode"], single, answer["body"])

    def campaign(self, **changes: Any) -> dict[str, Any]:
        """A valid body of a new campaign."""
        return {"name": "Sale", "list_id": 7, "text": "Hi %%1%%", "schedule": "now"} | changes


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """The API with workspace `acme`, which has list 7, and `rival`, which has nothing."""
    clients = Clients(FakeDynamo())
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    caches = (
        executions.client,
        wiring.settings,
        wiring.table,
        wiring.cursors,
        wiring.keyring,
        wiring.limits,
        wiring.users,
        wiring.pool,
        sign_ins.client,
        wiring._s3,
        wiring.secrets_manager,
        wiring.guard,
        callback_settings.client,
        callback_wiring.endpoints,
        callback_wiring.book,
        callback_wiring.vault,
        callback_wiring.sender,
        callback_wiring._environment,
        wiring.sqs,
        wiring.functions,
    )
    for cached in caches:
        cached.cache_clear()
    module = load("api", monkeypatch, **vars(clients))
    for workspace in ("acme", "rival"):
        clients.dynamodb.seed(
            "workspaces",
            keys.settings(workspace),
            name=workspace,
            timezone="Pacific/Auckland",
            email="ops@acme.example",
            sender="Kabar",
            carrier="infobip",
            max_digits=14,
            created_at=1000,
        )
    clients.dynamodb.seed(
        "workspaces", keys.list_head("acme", 7), id=7, name="Gym", created_at=1000, members=2
    )
    started = Api(module, clients)
    monkeypatch.setattr("kabar.guard.addresses_of", lambda _: ["93.184.216.34"])
    started.call("GET", "/v1/nowhere")  # the process's first lot of calls, a write that no test is about
    yield started
    for cached in caches:
        cached.cache_clear()


def walk(api: Api, path: str) -> list[list[dict[str, Any]]]:
    """Every page of a listing."""
    pages, cursor = [], ""
    while True:
        answer = api.call("GET", path + cursor)
        assert answer.status == 200, answer.text
        pages.append(answer.json["data"])
        if answer.json["next_cursor"] is None:
            return pages
        cursor = f"{'&' if '?' in path else '?'}cursor={answer.json['next_cursor']}"


def seed_import(api: Api, number: int, **changes: Any) -> str:
    """An import into list 7 that is done; its id."""
    import_id = f"{number:032x}"
    head = {
        "id": import_id,
        "key": "acme/lists/Gym/members.csv",
        "state": "done",
        "phase": "done",
        "list_id": 7,
        "list_name": "Gym",
        "rows_read": 10,
        "accepted": 5,
        "corrected": 1,
        "duplicates": 2,
        "opted_out": 1,
        "rejected": 1,
        "bytes_read": 100,
        "bytes_total": 100,
        "created_at": 1000 * number,
        "updated_at": 1000 * number,
    } | changes
    api.tables.tables["workspaces"]["w#acme", f"import#{import_id}"] = (
        keys.import_head("acme", import_id) | head
    )
    api.tables.seed("workspaces", keys.import_time("acme", 1000 * number, import_id), import_id=import_id)
    api.tables.seed(
        "workspaces", keys.import_object("acme", "acme/lists/Gym/members.csv"), import_id=import_id
    )
    return import_id
