"""Downloads of lists as files that import again to the same list [C5]."""

from collections.abc import Mapping
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

import downloads
from downloads import DownloadId
from export_schemas import ExportView
from routes.lists import ListId, existing
from wiring import CallerOf, NewNumber, Now

router = Router()


@router.post(
    "/v1/lists/<list_id>/exports",
    status_code=202,
    summary="Write a list to a CSV file",
    description="All members but the deleted and the opted out, as they are while it is written. A param that a "
    "spreadsheet would run as a formula, or that begins with an apostrophe, gets an apostrophe in front, which an "
    "import of the file takes off again: it gives the same members.",
    tags=["Lists"],
    operation_id="create_export",
)
def create_export(list_id: ListId, caller: CallerOf, at: Now, number: NewNumber) -> Response[ExportView]:
    of = existing(list_id, caller)
    total = max(of.get("members", 0) - of.get("opted_out", 0), 0)
    wanted = {"subject": list_id, "name": of["name"], "total": total}
    head = downloads.begin(caller, number, "list", wanted, at)
    where = {"Location": f"/v1/lists/{list_id}/exports/{number}"}
    return Response(202, "application/json", _view(head), headers=where)


@router.get(
    "/v1/lists/<list_id>/exports/<export_id>",
    summary="Show how far a download is, and where the file is",
    tags=["Lists"],
    operation_id="get_export",
)
def get_export(list_id: ListId, export_id: DownloadId, caller: CallerOf, at: Now) -> ExportView:
    return _view(downloads.find(caller, "list", list_id, export_id, at))


def _view(head: Mapping[str, Any]) -> ExportView:
    return ExportView.of(head, downloads.link(head, f"list-{head['subject']}.csv"))
