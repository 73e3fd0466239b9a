"""Campaigns: create, watch, report, pause, resume, cancel [F1] [F5] [M1]."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path

import problems
from campaign_schemas import CampaignView, NewCampaign, ReportView
from kabar.domain.schedule import BadSchedule
from kabar.storage import browse, executions, keys, workspaces
from kabar.storage.campaigns import Campaigns, NoCampaign, NotAllowed
from kabar.storage.chunks import Chunks
from kabar.storage.reports import report
from message_texts import check_encoding, text_of
from problems import Problem, invalid, not_found
from routes.paging import Cursor, Limit, Listing
from schemas import MAX_ID, Page
from wiring import Caller, CallerOf, CursorsOf, NewNumber, Now, RequestId, settings, table

router = Router()
CampaignId = Annotated[int, Path(ge=1, le=MAX_ID, description="The campaign's id.")]


def campaigns() -> Campaigns:
    return Campaigns(table("workspaces"), table("activity"))


@router.post(
    "/v1/campaigns",
    status_code=201,
    summary="Create a campaign that starts now or when it is due",
    tags=["Campaigns"],
    operation_id="create_campaign",
)
def create_campaign(
    new: NewCampaign, caller: CallerOf, at: Now, number: NewNumber, request_id: RequestId
) -> Response[CampaignView]:
    view = _create(new, caller, at, number, request_id)
    return Response(201, "application/json", view, headers={"Location": f"/v1/campaigns/{view.id}"})


def _create(new: NewCampaign, caller: Caller, at: int, campaign: int, request_id: str) -> CampaignView:
    workspace = caller.workspace
    if browse.list_head(table("workspaces"), workspace, new.list_id) is None:
        raise invalid("list_id", "there is no list with this id")
    defaults = workspaces.settings(table("workspaces"), workspace)
    check_encoding(new.encoding, defaults["carrier"])
    head: dict[str, Any] = {
        "id": campaign,
        "name": new.name,
        "list_id": new.list_id,
        "text": text_of(new, table("workspaces"), workspace),
        "encoding": new.encoding,
        "smart": new.smart,
        "sender": new.sender or defaults["sender"],
        "carrier": defaults["carrier"],
        "due_at": at,
        "created_at": at,
        "request_id": request_id,
        **_schedule(new, at),
    }
    campaigns().create(workspace, head, caller.who)
    executions.start_leg(settings().run_campaign_arn, workspace, campaign, 1)
    return CampaignView.of(campaigns().get(workspace, campaign, consistent=True) or head)


def _schedule(new: NewCampaign, now: int) -> dict[str, Any]:
    """When it is due and as what it was asked for; nothing for now."""
    if new.schedule == "now":
        return {}
    try:
        due = new.schedule.due(now)
    except BadSchedule as error:
        raise invalid("schedule", str(error)) from error
    asked = {"at": f"{due.local:%Y-%m-%dT%H:%M}", "timezone": new.schedule.timezone, "rounded": due.rounded}
    return {"due_at": int(due.at.timestamp() * 1000), "schedule": asked}


@router.get(
    "/v1/campaigns",
    summary="Show the campaigns, newest first",
    tags=["Campaigns"],
    operation_id="list_campaigns",
)
def list_campaigns(
    caller: CallerOf, cursors: CursorsOf, limit: Limit = 50, cursor: Cursor = None
) -> Page[CampaignView]:
    listing = Listing(cursors, (caller.workspace, "campaigns"))
    before = listing.position(cursor)
    start = {"pk": keys.workspace_pk(caller.workspace), "sk": before} if before else None
    found = (
        campaigns().page(caller.workspace, limit + 1, start).items
    )  # one more tells whether a page follows
    position = found[limit - 1]["sk"] if len(found) > limit else None
    return listing.page(found[:limit], position, CampaignView.of)


@router.get(
    "/v1/campaigns/<campaign_id>", summary="Show a campaign", tags=["Campaigns"], operation_id="get_campaign"
)
def get_campaign(campaign_id: CampaignId, caller: CallerOf) -> CampaignView:
    return CampaignView.of(_head(campaign_id, caller))


@router.get(
    "/v1/campaigns/<campaign_id>/report",
    summary="Count a campaign's recipients per status",
    tags=["Campaigns"],
    operation_id="get_campaign_report",
)
def get_campaign_report(campaign_id: CampaignId, caller: CallerOf) -> ReportView:
    head = _head(campaign_id, caller)
    return ReportView.of(head, report(head, Chunks(table("dispatch"))))


def _head(campaign: int, caller: Caller) -> dict[str, Any]:
    head = campaigns().get(caller.workspace, campaign)
    if head is None:
        raise not_found("campaign")
    return head


@router.post(
    "/v1/campaigns/<campaign_id>/pause",
    status_code=202,
    summary="Pause a campaign between carrier calls",
    tags=["Campaigns"],
    operation_id="pause_campaign",
)
def pause_campaign(campaign_id: CampaignId, caller: CallerOf, at: Now, request_id: RequestId) -> CampaignView:
    return _control(campaign_id, caller, "pause", at, request_id)


@router.post(
    "/v1/campaigns/<campaign_id>/resume",
    status_code=202,
    summary="Resume a paused campaign, or send a missed one now; nobody is skipped or sent twice",
    tags=["Campaigns"],
    operation_id="resume_campaign",
)
def resume_campaign(
    campaign_id: CampaignId, caller: CallerOf, at: Now, request_id: RequestId
) -> CampaignView:
    return _control(campaign_id, caller, "resume", at, request_id)


@router.post(
    "/v1/campaigns/<campaign_id>/cancel",
    status_code=202,
    summary="Cancel a campaign; what wasn't handed over never will be",
    tags=["Campaigns"],
    operation_id="cancel_campaign",
)
def cancel_campaign(
    campaign_id: CampaignId, caller: CallerOf, at: Now, request_id: RequestId
) -> CampaignView:
    return _control(campaign_id, caller, "cancel", at, request_id)


def _control(campaign: int, caller: Caller, action: str, at: int, request_id: str) -> CampaignView:
    try:
        head = campaigns().control(caller.workspace, campaign, action, caller.who, at, request_id)
    except NoCampaign as error:
        raise not_found("campaign") from error
    except NotAllowed as error:
        status = error.args[0]
        raise Problem(
            problems.STATUS_CONFLICT, f"A campaign that is {status} can't be told to {action}."
        ) from error
    executions.start_leg(settings().run_campaign_arn, caller.workspace, campaign, head["leg"] + 1)
    return CampaignView.of(head)
