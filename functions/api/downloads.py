"""What every download has in common: asking for one, finding it, the link to its file [C5] [M1] [I1]."""

from collections.abc import Mapping
from typing import Annotated, Any

from aws_lambda_powertools.event_handler.openapi.params import Path

import wiring
from kabar.storage import executions, work
from kabar.storage.exports import DONE, Exports, execution
from problems import not_found
from schemas import AddressId
from wiring import Caller, download_link, table

DownloadId = Annotated[AddressId, Path(description="The download's id.")]
_LINK_SECONDS = 900


def begin(caller: Caller, number: int, about: str, of: Mapping[str, Any], at: int) -> dict[str, Any]:
    """The head of a download under way, see `Exports.begin`; again it is the same."""
    head = Exports(table("workspaces")).begin(
        table("activity"), caller.workspace, number, about, dict(of), by=caller.who, now=at
    )
    executions.start(wiring.settings().export_list_arn, *execution(caller.workspace, head))
    return head


def find(caller: Caller, about: str, subject: int, download_id: int, at: int) -> dict[str, Any]:
    """Its head. Raises Problem."""
    head = Exports(table("workspaces")).get(caller.workspace, subject, download_id)
    if head is None or head["about"] != about or head["expires_at"] <= at // 1000:
        raise not_found("download")
    return head


def link(head: Mapping[str, Any], name: str) -> str | None:
    """Where its file can be got, once it is there, under this name."""
    if head["state"] != DONE:
        return None
    return download_link(work.exported_list(head["id"]), name, _LINK_SECONDS)
