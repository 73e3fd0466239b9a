"""Downloads of replies as CSV [I1]."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path

import wiring
from inbox_schemas import InboxExportView, NewInboxExport
from kabar.storage import executions, work
from kabar.storage.exports import DONE, Exports, execution
from kabar.storage.inbox import EXPORTS_SUBJECT
from problems import not_found
from routes.members import leading
from schemas import AddressId
from wiring import CallerOf, NewNumber, Now, download_link, table

router = Router()
DownloadId = Annotated[AddressId, Path(description="The download's id.")]
LINK_SECONDS = 900


@router.post(
    "/v1/inbox/exports",
    status_code=202,
    summary="Write the replies that a search finds to a CSV file",
    description="Newest first, up to now. Times are on the workspace's clock, with their offset.",
    tags=["Inbox"],
    operation_id="create_inbox_export",
)
def create_inbox_export(
    which: NewInboxExport, caller: CallerOf, at: Now, number: NewNumber
) -> Response[InboxExportView]:
    wanted = which.wanted(at, None if which.mobile is None else leading(which.mobile))
    of = {"subject": EXPORTS_SUBJECT, "name": "inbox", "total": 0, "wanted": asdict(wanted)}
    exports = Exports(table("workspaces"))
    head = exports.begin(table("activity"), caller.workspace, number, "inbox", of, by=caller.who, now=at)
    executions.start(wiring.settings().export_list_arn, *execution(caller.workspace, head))
    where = {"Location": f"/v1/inbox/exports/{number}"}
    return Response(202, "application/json", _view(head), headers=where)


@router.get(
    "/v1/inbox/exports/<download_id>",
    summary="Show how far a download is, and where the file is",
    tags=["Inbox"],
    operation_id="get_inbox_export",
)
def get_inbox_export(download_id: DownloadId, caller: CallerOf, at: Now) -> InboxExportView:
    head = Exports(table("workspaces")).get(caller.workspace, EXPORTS_SUBJECT, download_id)
    if head is None or head["expires_at"] <= at // 1000:
        raise not_found("download")
    return _view(head)


def _view(head: Mapping[str, Any]) -> InboxExportView:
    if head["state"] != DONE:
        return InboxExportView.of(head, None)
    return InboxExportView.of(head, download_link(work.exported_list(head["id"]), "inbox.csv", LINK_SECONDS))
