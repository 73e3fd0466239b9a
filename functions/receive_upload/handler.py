"""A file in the uploads bucket, dropped or announced -> one import per object version [D1] [D8]."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from kabar import settings
from kabar.log import logger
from kabar.storage import executions, workspaces
from kabar.storage.dynamo import Item, Table
from kabar.storage.import_heads import FINAL, WAITING, execution, import_id
from kabar.storage.imports import OPTIONS, Imports


@dataclass(frozen=True)
class Settings:
    workspaces_table: str
    activity_table: str
    import_list_arn: str


SETTINGS = settings.read(Settings)
WORKSPACES = Table(SETTINGS.workspaces_table)
IMPORTS = Imports(WORKSPACES, Table(SETTINGS.activity_table))
PURPOSES = {"lists": "append", "delete": "delete_members", "blacklist": "blacklist"}  # of drops


@dataclass(frozen=True)
class Drop:
    """One object version, `<workspace>/<kind>/<target>/<file>`.

    lists/<list id or name>: its rows join the list. delete/<list id or name>: they leave it. blacklist/ (without
    a target): they go on the blacklist. uploads/<import>: as the import that was announced says.
    """

    bucket: str
    key: str
    version: str
    etag: str
    size: int
    workspace: str
    kind: str
    target: str
    request_id: str

    @property
    def file(self) -> Item:
        """What the import's head says of it."""
        return {"version": self.version, "etag": self.etag, "bytes_total": self.size}


def handler(event: Mapping[str, Any], _context: object) -> None:
    """Take each object of a batch; if a table fails for one, the others are done before it raises."""
    failures: list[Exception] = []
    for record in event["Records"]:
        for told in _notices(record["body"]):
            try:
                _note(told)
            except Exception as failure:  # noqa: BLE001  # one object must not hold up the others; raised below
                failures.append(failure)
    if failures:
        raise ExceptionGroup("uploads to take again", failures)


def _note(told: Mapping[str, Any]) -> None:
    request_id = told.get("responseElements", {}).get("x-amz-request-id", "")
    logger.set_correlation_id(request_id)
    drop = _drop(told["s3"], request_id)
    if drop is None:
        # again would not help: nobody knows whose it is
        logger.warning("upload ignored", why="unknown workspace, or a key of no known kind")
    elif drop.kind == "uploads":
        _take(drop)
    else:
        options = {"purpose": PURPOSES[drop.kind]}
        _begin(drop, options | ({"list_name": drop.target} if drop.target else {}))


def _notices(body: str) -> Iterator[Mapping[str, Any]]:
    """S3's records in a queue message; its test event, which has none, is nothing."""
    records = json.loads(body).get("Records", [])
    yield from (record for record in records if record["eventName"].startswith("ObjectCreated:"))


def _drop(told: Mapping[str, Any], request_id: str) -> Drop | None:
    key = unquote_plus(told["object"]["key"])
    workspace, kind, target, file = ([*key.split("/", 3), "", "", ""])[:4]
    if kind == "blacklist":  # has no target
        target, file = "", key.split("/", 2)[2]
    if kind not in {*PURPOSES, "uploads"} or not file or file.endswith("/"):
        return None
    try:
        workspaces.settings(WORKSPACES, workspace)
    except workspaces.UnknownWorkspace:
        return None
    return Drop(
        bucket=told["bucket"]["name"],
        key=key,
        version=told["object"].get("versionId", "null"),
        etag=told["object"].get("eTag", ""),
        size=told["object"].get("size", 0),
        workspace=workspace,
        kind=kind,
        target=target,
        request_id=request_id,
    )


def _take(drop: Drop) -> None:
    """The file of an announced import; another version of it is an import of its own."""
    expected = IMPORTS.get(drop.workspace, drop.target)
    if expected is None or expected["key"] != drop.key:
        logger.warning("upload ignored", why="nobody announced it", workspace=drop.workspace)
        return
    if expected["state"] == WAITING:
        now = time.time_ns() // 1_000_000
        if IMPORTS.arrived(drop.workspace, expected, drop.file, now):
            _start(drop, drop.target, expected.get("request_id", drop.target), new=True)
            return
        expected = IMPORTS.get(drop.workspace, drop.target) or expected
    if expected.get("version") == drop.version:
        _start(drop, drop.target, expected.get("request_id", drop.target), new=False)
    else:
        options = {name: expected[name] for name in OPTIONS if name in expected}
        if options["purpose"] == "new_list" and "split" not in options:
            options["purpose"] = "append"  # the first version made the list
        _begin(drop, options)


def _begin(drop: Drop, options: Item) -> None:
    name = import_id(drop.bucket, drop.key, drop.version)
    request_id = drop.request_id or name
    head = {"id": name, "bucket": drop.bucket, "key": drop.key, "request_id": request_id, **drop.file}
    head["created_at"] = time.time_ns() // 1_000_000
    _start(drop, name, request_id, new=IMPORTS.begin(drop.workspace, head | options))


def _start(drop: Drop, name: str, request_id: str, *, new: bool) -> None:
    """Start the import under the id of the request that brought it, which all its log lines carry."""
    logger.set_correlation_id(request_id)
    head = {"id": name, "bucket": drop.bucket, "key": drop.key, "version": drop.version}
    if not new and (IMPORTS.get(drop.workspace, name) or {}).get("state") in FINAL:
        logger.info("upload repeated", workspace=drop.workspace, import_id=name)
        return
    told = execution(drop.workspace, head | {"request_id": request_id})
    executions.start(SETTINGS.import_list_arn, *told)
    logger.info("upload received" if new else "upload repeated", workspace=drop.workspace, import_id=name)
