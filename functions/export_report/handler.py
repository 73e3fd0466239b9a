"""The recipients of a campaign that are in one status -> one CSV file in the work bucket, in constant memory [M1]."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kabar import settings
from kabar.files import export
from kabar.storage.dynamo import Table
from kabar.storage.recipients import Recipients


@dataclass(frozen=True)
class Settings:
    workspaces_table: str
    dispatch_table: str
    people_table: str
    work_bucket: str


SETTINGS = settings.read(Settings)
WORKSPACES = Table(SETTINGS.workspaces_table)
RECIPIENTS = Recipients(
    WORKSPACES, Table(SETTINGS.dispatch_table), Table(SETTINGS.people_table), SETTINGS.work_bucket
)


def handler(event: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """See `export.run`."""
    workspace, campaign = event["workspace"], event["campaign_id"]
    return export.run(
        WORKSPACES,
        SETTINGS.work_bucket,
        event,
        context,
        campaign,
        lambda head: RECIPIENTS.sheet(workspace, campaign, head["status"]),
    )
