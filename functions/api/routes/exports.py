"""Downloads of lists as files that import again to the same list [C5]."""

from collections.abc import Mapping
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path

import wiring
from export_schemas import ExportView
from kabar.storage import executions, work
from kabar.storage.exports import DONE, Exports, execution
from problems import not_found
from routes.lists import ListId, existing
from schemas import AddressId
from wiring import CallerOf, NewNumber, Now, download_link, table

router = Router()
ExportId = Annotated[AddressId, Path(description="The download's id.")]
LINK_SECONDS = 900


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
    exports = Exports(table("workspaces"))
    total = max(of.get("members", 0) - of.get("opted_out", 0), 0)
    wanted = {"subject": list_id, "name": of["name"], "total": total}
    head = exports.begin(table("activity"), caller.workspace, number, "list", wanted, by=caller.who, now=at)
    executions.start(wiring.settings().export_list_arn, *execution(caller.workspace, head))
    where = {"Location": f"/v1/lists/{list_id}/exports/{number}"}
    return Response(202, "application/json", _view(head), headers=where)


@router.get(
    "/v1/lists/<list_id>/exports/<export_id>",
    summary="Show how far a download is, and where the file is",
    tags=["Lists"],
    operation_id="get_export",
)
def get_export(list_id: ListId, export_id: ExportId, caller: CallerOf, at: Now) -> ExportView:
    head = Exports(table("workspaces")).get(caller.workspace, list_id, export_id)
    if head is None or "status" in head or head["expires_at"] <= at // 1000:
        raise not_found("download")
    return _view(head)


def _view(head: Mapping[str, Any]) -> ExportView:
    if head["state"] != DONE:
        return ExportView.of(head, None)
    name = f"list-{head['subject']}.csv"
    return ExportView.of(head, download_link(work.exported_list(head["id"]), name, LINK_SECONDS))
