"""The replies that somebody searched for -> one CSV file in the work bucket, in constant memory [I1]."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kabar import settings
from kabar.domain.schedule import zone
from kabar.log import logger
from kabar.storage import inbox_sheet, work, workspaces
from kabar.storage.dynamo import Table
from kabar.storage.exports import FAILED, RUNNING, Exports
from kabar.storage.inbox import EXPORTS_SUBJECT, Inbox, Wanted
from kabar.storage.work import LargeFile


@dataclass(frozen=True)
class Settings:
    workspaces_table: str
    members_table: str
    people_table: str
    activity_table: str
    work_bucket: str


PART_BYTES = 6 * 1024 * 1024  # S3 takes 5 MiB or more, and 10,000 parts
LEFT_MS = 120_000  # what a part may take, many times over
SETTINGS = settings.read(Settings)
WORKSPACES = Table(SETTINGS.workspaces_table)
EXPORTS = Exports(WORKSPACES)
INBOX = Inbox(
    Table(SETTINGS.people_table), Table(SETTINGS.members_table), WORKSPACES, Table(SETTINGS.activity_table)
)


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """{"outcome": "done" | "failed" | "more"}: more when time ran out, and the next call goes on.

    With an `error` of the execution it only says that the export failed. Again it goes on behind the last part.
    """
    workspace = event["workspace"]
    head = EXPORTS.get(workspace, EXPORTS_SUBJECT, event["export_id"])
    if head is None:
        raise LookupError(f"there is no export {event['export_id']}")
    if head["state"] != RUNNING:
        outcome = head["state"]
    elif "error" in event:
        EXPORTS.fail(workspace, head, "export_interrupted", _now())
        outcome = FAILED
    else:
        wanted = Wanted(**head["wanted"])
        where = zone(workspaces.settings(WORKSPACES, workspace)["timezone"])
        outcome = EXPORTS.write(
            workspace,
            head,
            LargeFile(SETTINGS.work_bucket, work.exported_list(head["id"])),
            lambda place, number: inbox_sheet.part(
                INBOX, workspace, wanted, place, where, first=number == 0, size=PART_BYTES
            ),
            hurry=lambda: context.get_remaining_time_in_millis() < LEFT_MS,
            gone=lambda: None,
            clock=_now,
        )
    logger.info("inbox exported", workspace=workspace, export_id=head["id"], outcome=outcome)
    return {"outcome": outcome}


def _now() -> int:
    return time.time_ns() // 1_000_000
