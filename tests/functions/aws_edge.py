"""AWS behind the real boto3 client: every request is answered at botocore's `before-send`, and may be cut there.

What is cut: the process dies before or after a request is applied, or it is applied and its answer lost, so that
botocore itself sends it again.
"""

import base64
import io
import json
from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import Any
from urllib.parse import unquote, urlsplit

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError, ReadTimeoutError

from tests.functions.fake_dynamo import FakeDynamo, client_error
from tests.simulation.system.table import kind_of

Json = dict[str, Any]
SERVICES = ("dynamodb", "s3", "scheduler", "stepfunctions", "secretsmanager")
_METHODS = {
    "GetItem": "get_item",
    "PutItem": "put_item",
    "UpdateItem": "update_item",
    "DeleteItem": "delete_item",
    "Query": "query",
    "BatchGetItem": "batch_get_item",
    "BatchWriteItem": "batch_write_item",
    "TransactWriteItems": "transact_write_items",
}


class Died(BaseException):
    """The function's process ends here."""


class _Raw(io.BytesIO):
    def stream(self, **_: Any) -> Any:
        yield self.read()


_CURRENT: list["Aws"] = []


@cache
def _clients() -> dict[str, Any]:
    """Real clients, made once: reading their models takes long."""
    session = boto3.Session("AKIAEXAMPLE", "secret", region_name="eu-central-1")
    config = Config(retries={"mode": "standard", "max_attempts": 5})
    clients = {}
    for service in SERVICES:
        clients[service] = session.client(service, endpoint_url="http://127.0.0.1:9", config=config)
        clients[service].meta.events.register(f"before-send.{service}", _send)
    return clients


def _send(request: Any, event_name: str, **_: Any) -> AWSResponse:
    return _CURRENT[0].send(request, event_name)


class Aws:
    """`cuts` leads from (point, n-th pass) to "before", "after" or "lost"; `started` are the starts of executions."""

    def __init__(self) -> None:
        self.dynamo = FakeDynamo()
        self.objects: dict[str, bytes] = {}
        self.schedules: dict[str, Json] = {}
        self.started: list[Json] = []
        self.cuts: dict[tuple[str, int], str] = {}
        self.passed: Counter[str] = Counter()
        self._names: set[str] = set()
        _CURRENT[:] = [self]
        self.clients = _clients()

    def cut(self, point: str) -> str | None:
        """How this pass of a point is cut."""
        self.passed[point] += 1
        return self.cuts.pop((point, self.passed[point]), None)

    def guarded(self, point: str, apply: Callable[[], Any], lost: Callable[[], BaseException]) -> Any:
        """Apply an effect, or be cut around it."""
        how = self.cut(point)
        if how == "before":
            raise Died
        answer = apply()
        if how == "after":
            raise Died
        if how == "lost":
            raise lost()
        return answer

    def send(self, request: Any, event_name: str) -> AWSResponse:
        """Answer one request."""
        _, service, operation = event_name.split(".")
        body = json.loads(request.body) if request.body and service != "s3" else {}
        point, apply = getattr(self, "_" + service.replace("-", "_"))(operation, request, body)

        def answer() -> tuple[int, bytes]:
            try:
                return 200, apply()
            except ClientError as error:
                problem = {"__type": error.response["Error"]["Code"], "message": "simulated"} | {
                    name: value for name, value in error.response.items() if name == "CancellationReasons"
                }
                return 400, json.dumps(problem).encode()

        status, raw = self.guarded(point, answer, lambda: ReadTimeoutError(endpoint_url=request.url))
        headers = {} if status == 200 else {"x-amzn-errortype": json.loads(raw)["__type"]}
        return AWSResponse(request.url, status, headers, _Raw(raw))

    # ---- services ----

    def _dynamodb(self, operation: str, _request: Any, body: Json) -> tuple[str, Callable[[], bytes]]:
        body = _bytes(body)
        for name in ("ReturnConsumedCapacity", "ClientRequestToken"):
            body.pop(name, None)
        call = getattr(self.dynamo, _METHODS[operation])
        return f"{operation} {_kind(body)}", lambda: json.dumps(_text(call(**body))).encode()

    def _s3(self, operation: str, request: Any, _body: Json) -> tuple[str, Callable[[], bytes]]:
        key = unquote(urlsplit(request.url).path)

        def put() -> bytes:
            body = request.body if isinstance(request.body, bytes) else request.body.read()
            self.objects[key] = body
            return b""

        return f"{operation} plan", put if operation == "PutObject" else lambda: self.objects[key]

    def _scheduler(self, operation: str, request: Any, body: Json) -> tuple[str, Callable[[], bytes]]:
        name = unquote(urlsplit(request.url).path.rpartition("/")[2])

        def apply() -> bytes:
            if (name in self.schedules) == (operation == "CreateSchedule"):
                there = name in self.schedules
                raise client_error("ConflictException" if there else "ResourceNotFoundException")
            if operation == "DeleteSchedule":
                del self.schedules[name]
            else:
                self.schedules[name] = body
            return b'{"ScheduleArn": "arn:aws:scheduler:simulated"}'

        return operation, apply

    def _sfn(self, _operation: str, _request: Any, body: Json) -> tuple[str, Callable[[], bytes]]:
        def apply() -> bytes:
            if body["name"] in self._names:
                raise client_error("ExecutionAlreadyExists")
            self._names.add(body["name"])
            self.started.append(json.loads(body["input"]))
            return b'{"executionArn": "arn", "startDate": 1}'

        return "StartExecution", apply

    @staticmethod
    def _secrets_manager(operation: str, _request: Any, _body: Json) -> tuple[str, Callable[[], bytes]]:
        return operation, lambda: b'{"SecretString": "{\\"api_key\\": \\"key\\"}"}'


def _kind(body: Json) -> str:
    if "TransactItems" in body:
        return _kind(next(iter(body["TransactItems"][0].values())))
    if "RequestItems" in body:
        ((table, request),) = body["RequestItems"].items()
        key = request["Keys"][0] if isinstance(request, dict) else next(iter(request[0].values()))
        return _kind({"TableName": table, "Key": key.get("Item") or key.get("Key") or key})
    if "KeyConditionExpression" in body:
        values = body["ExpressionAttributeValues"]
        return kind_of(
            body["TableName"], {"pk": values[":pk"]["S"], "sk": values.get(":sk", {"S": "#"})["S"]}
        )
    key = body.get("Item") or body["Key"]
    return kind_of(body["TableName"], {name: key[name]["S"] for name in ("pk", "sk", "owner") if name in key})


def _bytes(value: Any) -> Any:
    """DynamoDB's JSON as the client's methods take it."""
    if isinstance(value, dict):
        if set(value) == {"B"} and isinstance(value["B"], str):
            return {"B": base64.b64decode(value["B"])}
        return {name: _bytes(each) for name, each in value.items()}
    return [_bytes(each) for each in value] if isinstance(value, list) else value


def _text(value: Any) -> Any:
    """The same for the way back."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {name: _text(each) for name, each in value.items()}
    return [_text(each) for each in value] if isinstance(value, list | tuple) else value
