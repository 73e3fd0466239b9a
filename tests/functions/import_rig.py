"""The functions of `import_list` over tables, buckets and mail in memory."""

import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

import pytest

from kabar.storage import dynamo as storage_dynamo
from kabar.storage import executions, keys, mail, work
from tests.functions.fake_dynamo import FakeDynamo, client_error
from tests.functions.loading import load, queued

KEY = "acme/lists/Gym/members.csv"
FILE = "mobile,name\r\n+64211111111,Amy\r\n021 111 1112,Budi\r\n+64211111111,Amy again\r\n+6421x,Çağlar\r\n"


class Body(io.BytesIO):
    def iter_chunks(self, size: int) -> Iterator[bytes]:
        yield from iter(lambda: self.read(size), b"")


class FakeS3:
    """Objects by (bucket, key, version); the work bucket keeps no versions."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], bytes] = {}

    def get_object(self, Bucket: str, Key: str, VersionId: str = "", IfMatch: str = "") -> dict[str, Any]:  # noqa: N803  # boto3's
        try:
            found = self.objects[Bucket, Key, VersionId]
        except KeyError:
            raise client_error("NoSuchVersion" if VersionId else "NoSuchKey") from None
        if Bucket == "uploads" and IfMatch != f'"{etag(found)}"':
            raise client_error("PreconditionFailed")
        return {"Body": Body(found)}

    def put_object(self, Bucket: str, Key: str, Body: Any, ContentType: str) -> None:  # noqa: N803  # boto3's
        assert ContentType
        self.objects[Bucket, Key, ""] = Body if isinstance(Body, bytes) else Body.read()

    def text(self, key: str) -> str:
        return self.objects["work", key, ""].decode()


class FakeSteps:
    """Executions started, by name; a name is taken for ever."""

    def __init__(self) -> None:
        self.started: dict[str, Any] = {}

    def start_execution(self, stateMachineArn: str, name: str, input: str) -> None:  # noqa: N803, A002  # boto3's
        if name in self.started:
            raise client_error("ExecutionAlreadyExists")
        self.started[name] = {"arn": stateMachineArn, **json.loads(input)}


class FakeMail:
    """Mails sent: (to, subject, text)."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, str]] = []
        self.broken = False

    def send_email(self, Source: str, Destination: Any, Message: Any) -> None:  # noqa: N803  # boto3's
        assert Source == "kabar@example.com"
        if self.broken:
            raise client_error("MessageRejected")
        (to,) = Destination["ToAddresses"]
        self.sent.append((to, Message["Subject"]["Data"], Message["Body"]["Text"]["Data"]))


class World:
    """The cloud around the handlers, and the import_list state machine in its plainest form."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.dynamo, self.s3, self.steps, self.mail = FakeDynamo(), FakeS3(), FakeSteps(), FakeMail()
        self.dynamo.seed("workspaces", keys.settings("acme"), name="acme", max_digits=14)
        self.dynamo.seed("workspaces", keys.prefix_map("acme", "021"), prefix="021", replacement="6421")
        self._monkeypatch = monkeypatch

    def function(self, name: str) -> ModuleType:
        """The function, cold."""
        work.client.cache_clear()
        executions.client.cache_clear()
        mail.client.cache_clear()
        clients = {"dynamodb": self.dynamo, "s3": self.s3, "stepfunctions": self.steps, "ses": self.mail}
        return load(name, self._monkeypatch, **clients)

    def call(self, name: str, event: Mapping[str, Any]) -> Any:
        return self.function(name).handler(event, None)

    def drop(self, content: str | bytes, key: str = KEY, version: str = "v1") -> dict[str, Any]:
        """Put an object and take its event; the input of the execution it starts."""
        data = content if isinstance(content, bytes) else content.encode()
        self.s3.objects["uploads", key, version] = data
        before = set(self.steps.started)
        self.call("receive_upload", event(key, version, data))
        (name,) = set(self.steps.started) - before
        started: dict[str, Any] = self.steps.started[name]
        return started

    def run(self, started: Mapping[str, Any], times: int = 1) -> dict[str, Any]:
        """The whole state machine, every task `times` times; the import's head."""
        for _ in range(times):
            valid = self.call("validate_list", started)
        if valid["outcome"] == "to_split":
            self.each("check_suppressions", started, valid, times)
            for _ in range(times):
                valid = self.call("split_list", started)
            if valid["outcome"] == "split":
                valid |= {"outcome": "valid"}
                self.each("load_members", started, valid, times)
        elif valid["outcome"] == "valid":
            for task in ("check_suppressions", "load_members"):
                self.each(task, started, valid, times)
        elif valid["outcome"] == "to_try":
            self.each("check_suppressions", started, valid, times)
        ended = {"valid": "loaded", "to_try": "tried", "failed": "failed"}.get(valid["outcome"])
        for _ in range(times if ended else 0):
            self.call("finish_import", {**started, "outcome": ended})
        return self.head(started)

    def each(self, task: str, started: Mapping[str, Any], valid: Mapping[str, Any], times: int) -> None:
        for part in valid["parts"] * times:
            told = {name: valid.get(name) for name in ("list_id", "list_is_new", "parts_per_list")}
            self.call(task, {**started, **told, "part": part})

    def head(self, started: Mapping[str, Any]) -> dict[str, Any]:
        head = self.dynamo.find("workspaces", keys.import_head("acme", started["import_id"]))
        assert head
        return head

    def list_head(self, list_id: int) -> dict[str, Any]:
        head = self.dynamo.find("workspaces", keys.list_head("acme", list_id))
        assert head
        return head

    def members(self) -> dict[str, Any]:
        return {mobile: item for (_, mobile), item in self.dynamo.tables["members"].items()}

    def open(self) -> list[Any]:
        return [place for place in self.dynamo.tables["workspaces"] if place[0] == "open"]


def etag(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def event(
    key: str, version: str = "v1", content: bytes = b"x", kind: str = "ObjectCreated:Put"
) -> dict[str, Any]:
    of = {"key": key, "size": len(content), "eTag": etag(content), "versionId": version}
    told = {"bucket": {"name": "uploads"}, "object": of}
    return queued({"Records": [{"eventName": kind, "s3": told}]})


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setenv("WORK_BUCKET", "work")
    monkeypatch.setenv("IMPORT_LIST_ARN", "arn:import")
    monkeypatch.setenv("RUN_CAMPAIGN_ARN", "arn:run")
    yield World(monkeypatch)
    for client in (work.client, executions.client, mail.client, storage_dynamo.client):
        client.cache_clear()


def counted(head: Mapping[str, Any]) -> tuple[int, ...]:
    buckets = tuple(head[n] for n in ("accepted", "corrected", "duplicates", "opted_out", "rejected"))
    assert head["rows_read"] == sum(buckets)
    return buckets
