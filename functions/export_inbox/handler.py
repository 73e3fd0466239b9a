"""The replies that somebody searched for -> one CSV file in the work bucket, in constant memory [I1]."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kabar import settings
from kabar.domain.schedule import zone
from kabar.files import export
from kabar.storage import workspaces
from kabar.storage.dynamo import Item, Table
from kabar.storage.inbox import EXPORTS_SUBJECT, Inbox, Wanted
from kabar.storage.inbox_sheet import InboxSheet


@dataclass(frozen=True)
class Settings:
    workspaces_table: str
    members_table: str
    people_table: str
    activity_table: str
    work_bucket: str


SETTINGS = settings.read(Settings)
WORKSPACES = Table(SETTINGS.workspaces_table)
INBOX = Inbox(
    Table(SETTINGS.people_table), Table(SETTINGS.members_table), WORKSPACES, Table(SETTINGS.activity_table)
)


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """See `export.run`."""
    workspace = event["workspace"]

    def sheet(head: Item) -> InboxSheet:
        where = zone(workspaces.settings(WORKSPACES, workspace)["timezone"])
        return InboxSheet(INBOX, workspace, Wanted(**head["wanted"]), where)

    return export.run(WORKSPACES, SETTINGS.work_bucket, event, context, EXPORTS_SUBJECT, sheet)
