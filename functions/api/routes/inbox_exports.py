"""Downloads of replies as CSV [I1]."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

import downloads
from downloads import DownloadId
from inbox_schemas import InboxExportView, NewInboxExport
from kabar.storage.inbox import EXPORTS_SUBJECT
from routes.members import leading
from wiring import CallerOf, NewNumber, Now

router = Router()


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
    head = downloads.begin(caller, number, "inbox", of, at)
    where = {"Location": f"/v1/inbox/exports/{number}"}
    return Response(202, "application/json", _view(head), headers=where)


@router.get(
    "/v1/inbox/exports/<download_id>",
    summary="Show how far a download is, and where the file is",
    tags=["Inbox"],
    operation_id="get_inbox_export",
)
def get_inbox_export(download_id: DownloadId, caller: CallerOf, at: Now) -> InboxExportView:
    return _view(downloads.find(caller, "inbox", EXPORTS_SUBJECT, download_id, at))


def _view(head: Mapping[str, Any]) -> InboxExportView:
    return InboxExportView.of(head, downloads.link(head, "inbox.csv"))
