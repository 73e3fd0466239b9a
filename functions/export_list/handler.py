"""One list -> one CSV file in the work bucket, in parts, in constant memory [C5]."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kabar import settings
from kabar.domain import list_csv
from kabar.log import logger
from kabar.storage import browse, keys, work
from kabar.storage.dynamo import Item, Table
from kabar.storage.exports import DONE, FAILED, RUNNING, Exports
from kabar.storage.work import LargeFile, UploadGone


@dataclass(frozen=True)
class Settings:
    workspaces_table: str
    members_table: str
    work_bucket: str


PART_BYTES = 6 * 1024 * 1024  # S3 takes 5 MiB or more, and 10,000 parts
LEFT_MS = 60_000  # what a part may take, many times over
SETTINGS = settings.read(Settings)
WORKSPACES = Table(SETTINGS.workspaces_table)
MEMBERS = Table(SETTINGS.members_table)
EXPORTS = Exports(WORKSPACES)


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """{"outcome": "done" | "failed" | "more"}: more when time ran out, and the next call goes on.

    With an `error` of the execution it only says that the export failed. Again it goes on behind the last part.
    """
    workspace, list_id = event["workspace"], event["list_id"]
    head = EXPORTS.get(workspace, list_id, event["export_id"])
    if head is None:
        raise LookupError(f"there is no export {event['export_id']}")
    if head["state"] != RUNNING:
        outcome = head["state"]
    elif "error" in event:
        outcome = _failed(workspace, head, "export_interrupted")
    else:
        outcome = _write(workspace, head, context)
    logger.info("list exported", workspace=workspace, list_id=list_id, export_id=head["id"], outcome=outcome)
    return {"outcome": outcome}


def _write(workspace: str, head: Item, context: Any) -> str:
    file = LargeFile(SETTINGS.work_bucket, work.exported_list(head["id"]))
    if "upload" not in head:
        head = EXPORTS.keep(workspace, head, {"upload": file.begin()}, _now())
    try:
        while head["shard"] < keys.MEMBER_SHARDS:
            if context.get_remaining_time_in_millis() < LEFT_MS:
                return "more"
            head = _part(workspace, head, file)
        if browse.list_head(WORKSPACES, workspace, head["list_id"]) is None:
            return _failed(workspace, head, "list_gone")
        file.finish(head["upload"], head["tags"])
    except UploadGone:
        EXPORTS.restart(head, _now())
        raise  # the execution tries again, so often and no more
    EXPORTS.keep(workspace, head, {"state": DONE, "finished_at": _now()}, _now())
    return DONE


def _part(workspace: str, head: Item, file: LargeFile) -> Item:
    """Write the next part; the head that says so."""
    text = bytearray(b"" if head["part"] else list_csv.header().encode())
    rows, shard, after = 0, head["shard"], head.get("after")
    while shard < keys.MEMBER_SHARDS and len(text) < PART_BYTES:
        page = MEMBERS.query(keys.member_pk(head["list_id"], shard), after=after)
        for member in page.items:
            if "deleted" not in member and "opted_out" not in member:
                text += list_csv.line(member["sk"], member["params"]).encode()
                rows += 1
        shard, after = (shard, page.items[-1]["sk"]) if page.next else (shard + 1, None)
    number = head["part"] + 1
    tag = file.put(head["upload"], number, bytes(text))
    written = {"part": number, "tags": [*head["tags"], tag], "rows": head["rows"] + rows}
    return EXPORTS.keep(workspace, head, written | {"shard": shard, "after": after}, _now())


def _failed(workspace: str, head: Item, code: str) -> str:
    EXPORTS.fail(workspace, head, code, _now())
    return FAILED


def _now() -> int:
    return time.time_ns() // 1_000_000
