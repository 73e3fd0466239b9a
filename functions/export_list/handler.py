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
from kabar.storage.exports import FAILED, RUNNING, Exports, Part
from kabar.storage.work import LargeFile


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
        EXPORTS.fail(workspace, head, "export_interrupted", _now())
        outcome = FAILED
    else:
        outcome = _write(workspace, head, context)
    logger.info("list exported", workspace=workspace, list_id=list_id, export_id=head["id"], outcome=outcome)
    return {"outcome": outcome}


def _write(workspace: str, head: Item, context: Any) -> str:
    list_id = head["subject"]

    def gone() -> str | None:
        return "list_gone" if browse.list_head(WORKSPACES, workspace, list_id) is None else None

    return EXPORTS.write(
        workspace,
        head,
        LargeFile(SETTINGS.work_bucket, work.exported_list(head["id"])),
        lambda place, number: _part(list_id, place, number),
        hurry=lambda: context.get_remaining_time_in_millis() < LEFT_MS,
        gone=gone,
        clock=_now,
    )


def _part(list_id: int, place: Item, number: int) -> Part:
    """The members from `place` on: {shard, after?}."""
    text = bytearray(b"" if number else list_csv.header().encode())
    rows, shard, after = 0, place.get("shard", 0), place.get("after")
    while shard < keys.MEMBER_SHARDS and len(text) < PART_BYTES:
        page = MEMBERS.query(keys.member_pk(list_id, shard), after=after)
        for member in page.items:
            if "deleted" not in member and "opted_out" not in member:
                text += list_csv.line(member["sk"], member["params"]).encode()
                rows += 1
        shard, after = (shard, page.items[-1]["sk"]) if page.next else (shard + 1, None)
    more = shard < keys.MEMBER_SHARDS
    return Part(bytes(text), rows, {"shard": shard, "after": after} if more else None)


def _now() -> int:
    return time.time_ns() // 1_000_000
