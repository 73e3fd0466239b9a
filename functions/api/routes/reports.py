"""Reports: of which campaigns there are some, and the recipients in one status as a file [M1]."""

from collections.abc import Mapping
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path

import downloads
from downloads import DownloadId
from export_schemas import NewReportExport, ReportExportView
from kabar.domain.statuses import Status
from kabar.storage.campaigns import Campaigns
from kabar.storage.chunks import Chunks
from kabar.storage.reports import report
from problems import not_found
from report_schemas import ReportLineView
from routes.paging import Cursor, Limit, Listing
from schemas import AddressId, Page
from wiring import CallerOf, CursorsOf, NewNumber, Now, table

router = Router()
CampaignId = Annotated[AddressId, Path(description="The campaign's id.")]


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
    head = downloads.begin(caller, number, "campaign", wanted, at)
    where = {"Location": f"/v1/reports/{campaign_id}/exports/{number}"}
    return Response(202, "application/json", _view(head), headers=where)


@router.get(
    "/v1/reports/<campaign_id>/exports/<export_id>",
    summary="Show how far a download is, and where the file is",
    tags=["Reports"],
    operation_id="get_report_export",
)
def get_report_export(
    campaign_id: CampaignId, export_id: DownloadId, caller: CallerOf, at: Now
) -> ReportExportView:
    return _view(downloads.find(caller, "campaign", campaign_id, export_id, at))


def _view(head: Mapping[str, Any]) -> ReportExportView:
    name = f"campaign-{head['subject']}-{head['status']}.csv"
    return ReportExportView.of(head, downloads.link(head, name))
