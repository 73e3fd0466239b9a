"""Campaigns: create, find, watch, report [F1] [F4] [M1]."""

from collections.abc import Mapping
from functools import partial
from itertools import islice
from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path, Query

import etags
from campaign_schemas import (
    At,
    CampaignView,
    ChangeView,
    NewCampaign,
    QueuedView,
    ReportView,
)
from kabar.domain.campaigns import Life
from kabar.domain.preflights import summed
from kabar.domain.schedule import BadSchedule
from kabar.storage import activity, browse, executions, workspaces
from kabar.storage.campaigns import Campaigns
from kabar.storage.chunks import Chunks
from kabar.storage.preflights import Preflights
from kabar.storage.reports import report
from kabar.storage.turns import Turns
from message_texts import check_encoding, text_of
from preflight_schemas import PreflightView
from problems import invalid, not_found
from routes.paging import Cursor, Limit, Listing
from schemas import MAX_ID, AddressId, Page
from wiring import Caller, CallerOf, CursorsOf, NewNumber, Now, RequestId, settings, table

router = Router()
APART = {"text", "template_id", "schedule"}  # of a request: what isn't kept as it is said
CampaignId = Annotated[AddressId, Path(description="The campaign's id.")]


def campaigns() -> Campaigns:
    return Campaigns(table("workspaces"), table("activity"))


@router.post(
    "/v1/campaigns",
    status_code=201,
    summary="Create a campaign that starts now or when it is due, or a draft",
    tags=["Campaigns"],
    operation_id="create_campaign",
)
def create_campaign(
    new: NewCampaign, caller: CallerOf, at: Now, number: NewNumber, request_id: RequestId
) -> Response[CampaignView]:
    workspace = caller.workspace
    to = list_of(new.list_id, caller)
    defaults = workspaces.settings(table("workspaces"), workspace)
    check_encoding(new.encoding, defaults["carrier"], workspace)
    check_encoding(new.response_encoding, defaults["carrier"], workspace, "response_encoding")
    head: dict[str, Any] = {
        "id": number,
        **{name: value for name, value in new.model_dump(exclude=APART).items() if value is not None},
        **to,
        "text": text_of(new, table("workspaces"), workspace),
        "sender": new.sender or defaults["sender"],
        "carrier": defaults["carrier"],
        "created_at": at,
        "request_id": request_id,
    }
    if new.schedule is not None:
        head |= {name: value for name, value in due_of(new.schedule, at).items() if value is not None}
    campaigns().create(workspace, head, caller.who, Life.DRAFT if new.schedule is None else Life.SCHEDULED)
    if new.schedule is not None:
        executions.start_leg(settings().run_campaign_arn, workspace, number, 1)
    return shown(campaigns().get(workspace, number, consistent=True) or head, 201)


def list_of(list_id: int, caller: Caller) -> dict[str, Any]:
    """The name stays with the campaign: its report names it when the list is gone."""
    head = browse.list_head(table("workspaces"), caller.workspace, list_id)
    if head is None:
        raise invalid("list_id", "there is no list with this id")
    return {"list_id": list_id, "list_name": head["name"]}


def due_of(schedule: Literal["now"] | At, now: int) -> dict[str, Any]:
    """When it is due and as what it was asked for; nothing for now."""
    if schedule == "now":
        return {"due_at": now, "schedule": None}
    try:
        due = schedule.due(now)
    except BadSchedule as error:
        raise invalid("schedule", str(error)) from error
    asked = {"at": f"{due.local:%Y-%m-%dT%H:%M}", "timezone": schedule.timezone, "rounded": due.rounded}
    return {"due_at": int(due.at.timestamp() * 1000), "schedule": asked}


def tag_of(head: Mapping[str, Any]) -> str:
    return etags.etag(head["id"], head["edition"])  # its status may move, an edit stays right


def shown(head: Mapping[str, Any], status: int = 200) -> Response[CampaignView]:
    headers = {"ETag": tag_of(head)}
    if status == 201:
        headers["Location"] = f"/v1/campaigns/{head['id']}"
    return Response(status, "application/json", CampaignView.of(head), headers=headers)


@router.get(
    "/v1/campaigns",
    summary="Show or search the campaigns, newest first",
    description="With a filter a page may come short while next_cursor says that there is more.",
    tags=["Campaigns"],
    operation_id="list_campaigns",
)
def list_campaigns(
    caller: CallerOf,
    cursors: CursorsOf,
    status: Annotated[Life | None, Query(description="Those in this status.")] = None,
    list_id: Annotated[int | None, Query(ge=1, le=MAX_ID, description="Those to this list.")] = None,
    search: Annotated[
        str | None, Query(min_length=1, max_length=50, description="Part of the name, in any case.")
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[CampaignView]:
    filters = [repr(each) for each in (status, list_id, search)]
    listing = Listing(cursors, (caller.workspace, "campaigns", *filters))

    def wanted(head: Mapping[str, Any]) -> bool:
        return (
            status in (None, head["status"])
            and list_id in (None, head.get("list_id"))
            and (search is None or search.casefold() in head["name"].casefold())
        )

    filtered = (status, list_id, search) != (None, None, None)
    found = campaigns().page(caller.workspace, limit, listing.position(cursor), wanted if filtered else None)
    return listing.page(*found, CampaignView.of)


@router.get(
    "/v1/campaigns/queue",
    summary="Show the campaigns that wait for their turn, in its order",
    description="One campaign of a workspace sends at a time; the first one here is next, or sending. Who waits "
    "for an import of its list is queued too and gets its place once that is done.",
    tags=["Campaigns"],
    operation_id="list_campaign_queue",
)
def list_campaign_queue(
    caller: CallerOf, cursors: CursorsOf, limit: Limit = 50, cursor: Cursor = None
) -> Page[QueuedView]:
    listing = Listing(cursors, (caller.workspace, "queue"))
    before = int(listing.position(cursor) or 0)
    turns = Turns(table("workspaces"), partial(campaigns().get, consistent=True))
    heads = list(islice(turns.waiting(caller.workspace), before, before + limit + 1))
    following = str(before + limit) if len(heads) > limit else None
    return listing.page(enumerate(heads[:limit], before + 1), following, lambda place: QueuedView.of(*place))


@router.get(
    "/v1/campaigns/<campaign_id>", summary="Show a campaign", tags=["Campaigns"], operation_id="get_campaign"
)
def get_campaign(campaign_id: CampaignId, caller: CallerOf) -> Response[CampaignView]:
    return shown(head_of(campaign_id, caller))


@router.get(
    "/v1/campaigns/<campaign_id>/history",
    summary="Show what happened to a campaign, newest first",
    tags=["Campaigns"],
    operation_id="list_campaign_history",
)
def list_campaign_history(
    campaign_id: CampaignId, caller: CallerOf, cursors: CursorsOf, limit: Limit = 50, cursor: Cursor = None
) -> Page[ChangeView]:
    head_of(campaign_id, caller)
    listing = Listing(cursors, (caller.workspace, "history", str(campaign_id)))
    about = f"campaign/{campaign_id}"
    found = activity.history(table("activity"), caller.workspace, about, limit, listing.position(cursor))
    return listing.page(*found, ChangeView.of)


@router.get(
    "/v1/campaigns/<campaign_id>/report",
    summary="Count a campaign's recipients per status",
    tags=["Campaigns"],
    operation_id="get_campaign_report",
)
def get_campaign_report(campaign_id: CampaignId, caller: CallerOf) -> ReportView:
    head = head_of(campaign_id, caller)
    found = Preflights(table("workspaces"), table("dispatch")).of_campaign(caller.workspace, campaign_id)
    preflight = PreflightView.of(found, summed([found["findings"]]), 1) if found else None
    return ReportView.of(head, report(head, Chunks(table("dispatch"))), preflight)


def head_of(campaign: int, caller: Caller) -> dict[str, Any]:
    head = campaigns().get(caller.workspace, campaign)
    if head is None:
        raise not_found("campaign")
    return head
