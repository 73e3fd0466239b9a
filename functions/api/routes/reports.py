"""Reports: of which campaigns there are some, and the recipients in one status as a file [M1]."""

from collections.abc import Mapping
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path

import wiring
from export_schemas import NewReportExport, ReportExportView
from kabar.domain.statuses import Status
from kabar.storage import executions, work
from kabar.storage.campaigns import Campaigns
from kabar.storage.chunks import Chunks
from kabar.storage.exports import DONE, Exports, execution
from kabar.storage.reports import report
from problems import not_found
from report_schemas import ReportLineView
from routes.paging import Cursor, Limit, Listing
from schemas import AddressId, Page
from wiring import CallerOf, CursorsOf, NewNumber, Now, download_link, table

router = Router()
CampaignId = Annotated[AddressId, Path(description="The campaign's id.")]
ExportId = Annotated[AddressId, Path(description="The download's id.")]
LINK_SECONDS = 900


def campaigns() -> Campaigns:
    return Campaigns(table("workspaces"), table("activity"))


@router.get(
    "/v1/reports",
    summary="Show the campaigns that have a report, newest first",
    description="A page may come short while next_cursor says that there is more.",
    tags=["Reports"],
    operation_id="list_reports",
)
def list_reports(
    caller: CallerOf, cursors: CursorsOf, limit: Limit = 50, cursor: Cursor = None
) -> Page[ReportLineView]:
    listing = Listing(cursors, (caller.workspace, "reports"))

    def has_report(head: Mapping[str, Any]) -> bool:
        return "started_at" in head or "closed_at" in head

    found = campaigns().page(caller.workspace, limit, listing.position(cursor), has_report)
    return listing.page(*found, ReportLineView.of)


@router.post(
    "/v1/reports/<campaign_id>/exports",
    status_code=202,
    summary="Write the recipients that are in one status to a CSV file",
    description="Its columns: list_name, message_id, mobile, sent_date, status, status_date, timezone. Times are "
    "on the wall clock of the campaign's time zone, else the workspace's, with their offset.",
    tags=["Reports"],
    operation_id="create_report_export",
)
def create_report_export(
    campaign_id: CampaignId, which: NewReportExport, caller: CallerOf, at: Now, number: NewNumber
) -> Response[ReportExportView]:
    of = campaigns().get(caller.workspace, campaign_id)
    if of is None:
        raise not_found("campaign")
    total = report(of, Chunks(table("dispatch"))).statuses[Status.of(which.status)]
    wanted = {"subject": campaign_id, "name": of["name"], "status": which.status, "total": total}
    exports = Exports(table("workspaces"))
    head = exports.begin(
        table("activity"), caller.workspace, number, "campaign", wanted, by=caller.who, now=at
    )
    executions.start(wiring.settings().export_list_arn, *execution(caller.workspace, head))
    where = {"Location": f"/v1/reports/{campaign_id}/exports/{number}"}
    return Response(202, "application/json", _view(head), headers=where)


@router.get(
    "/v1/reports/<campaign_id>/exports/<export_id>",
    summary="Show how far a download is, and where the file is",
    tags=["Reports"],
    operation_id="get_report_export",
)
def get_report_export(
    campaign_id: CampaignId, export_id: ExportId, caller: CallerOf, at: Now
) -> ReportExportView:
    head = Exports(table("workspaces")).get(caller.workspace, campaign_id, export_id)
    if head is None or "status" not in head or head["expires_at"] <= at // 1000:
        raise not_found("download")
    return _view(head)


def _view(head: Mapping[str, Any]) -> ReportExportView:
    if head["state"] != DONE:
        return ReportExportView.of(head, None)
    name = f"campaign-{head['subject']}-{head['status']}.csv"
    return ReportExportView.of(head, download_link(work.exported_list(head["id"]), name, LINK_SECONDS))
