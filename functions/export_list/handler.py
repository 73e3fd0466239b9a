"""One list -> one CSV file in the work bucket, in parts, in constant memory [C5]."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kabar import settings
from kabar.files import export
from kabar.storage import browse
from kabar.storage.dynamo import Table
from kabar.storage.list_sheet import ListSheet


@dataclass(frozen=True)
class Settings:
    workspaces_table: str
    members_table: str
    work_bucket: str


SETTINGS = settings.read(Settings)
WORKSPACES = Table(SETTINGS.workspaces_table)
MEMBERS = Table(SETTINGS.members_table)


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """See `export.run`; a list that is deleted meanwhile fails the export."""
    workspace, list_id = event["workspace"], event["list_id"]

    def gone() -> str | None:
        return "list_gone" if browse.list_head(WORKSPACES, workspace, list_id) is None else None

    sheet = ListSheet(MEMBERS, list_id)
    return export.run(WORKSPACES, SETTINGS.work_bucket, event, context, list_id, lambda _: sheet, gone)
