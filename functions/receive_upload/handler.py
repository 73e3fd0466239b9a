"""A file that was dropped into the uploads bucket -> one import per object version [D1] [D8]."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from kabar import settings
from kabar.log import logger
from kabar.storage import executions, workspaces
from kabar.storage.dynamo import Table
from kabar.storage.imports import FINAL, Imports, import_id


@dataclass(frozen=True)
class Settings:
    workspaces_table: str
    import_list_arn: str


SETTINGS = settings.read(Settings)
WORKSPACES = Table(SETTINGS.workspaces_table)
IMPORTS = Imports(WORKSPACES)


@dataclass(frozen=True)
class Drop:
    """One object version, `<workspace>/lists/<list id or name>/<file>`."""

    bucket: str
    key: str
    version: str
    size: int
    workspace: str
    target: str


def handler(event: Mapping[str, Any], _context: object) -> None:
    """Take a batch of queue messages; any failure of a table raises, and again does no harm."""
    for record in event["Records"]:
        for told in _notices(record["body"]):
            drop = _drop(told["s3"])
            if drop is None:
                # again would not help: nobody knows whose it is
                logger.warning(
                    "upload ignored", why="unknown workspace, or no <workspace>/lists/<list>/<file>"
                )
            else:
                _begin(drop)


def _notices(body: str) -> Iterator[Mapping[str, Any]]:
    """S3's records in a queue message; its test event, which has none, is nothing."""
    records = json.loads(body).get("Records", [])
    yield from (record for record in records if record["eventName"].startswith("ObjectCreated:"))


def _drop(told: Mapping[str, Any]) -> Drop | None:
    key = unquote_plus(told["object"]["key"])
    workspace, lists, target, file = ([*key.split("/", 3), "", "", ""])[:4]
    if lists != "lists" or not file or file.endswith("/"):
        return None
    try:
        workspaces.settings(WORKSPACES, workspace)
    except workspaces.UnknownWorkspace:
        return None
    version = told["object"].get("versionId", "null")
    return Drop(told["bucket"]["name"], key, version, told["object"].get("size", 0), workspace, target)


def _begin(drop: Drop) -> None:
    name = import_id(drop.bucket, drop.key, drop.version)
    source = {"bucket": drop.bucket, "key": drop.key, "version": drop.version}
    head = source | {"id": name, "list_name": drop.target, "bytes_total": drop.size}
    new = IMPORTS.begin(drop.workspace, head | {"created_at": time.time_ns() // 1_000_000})
    if not new and (IMPORTS.get(drop.workspace, name) or {}).get("state") in FINAL:
        logger.info("upload repeated", workspace=drop.workspace, import_id=name)
        return
    executions.start(
        SETTINGS.import_list_arn, name, source | {"workspace": drop.workspace, "import_id": name}
    )
    logger.info("upload received" if new else "upload repeated", workspace=drop.workspace, import_id=name)
