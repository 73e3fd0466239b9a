"""Campaigns: create, edit, watch, report, pause, resume, slow down, cancel [F1] [F5] [M1]."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import Annotated, Any, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path, Query

import etags
import problems
from campaign_schemas import (
    At,
    CampaignChanges,
    CampaignView,
    ChangeView,
    NewCampaign,
    QueuedView,
    ReportView,
    Speed,
)
from etags import IfMatch
from kabar.domain.campaigns import Life, NotAllowed
from kabar.domain.preflights import summed
from kabar.domain.schedule import BadSchedule
from kabar.storage import activity, browse, executions, workspaces
from kabar.storage.campaign_edits import Edits, Stale
from kabar.storage.campaigns import Campaigns, NoCampaign
from kabar.storage.chunks import Chunks
from kabar.storage.preflights import Preflights
from kabar.storage.reports import report
from kabar.storage.turns import Turns
from message_texts import check_encoding, text_of
from preflight_schemas import PreflightView
from problems import Problem, invalid, not_found
from routes.paging import Cursor, Limit, Listing
from schemas import MAX_ID, Page
from wiring import Caller, CallerOf, CursorsOf, NewNumber, Now, RequestId, settings, table

router = Router()
APART = {"text", "template_id", "schedule"}  # of a request: what isn't kept as it is said
CampaignId = Annotated[int, Path(ge=1, le=MAX_ID, description="The campaign's id.")]


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
    to = _list(new.list_id, caller)
    defaults = workspaces.settings(table("workspaces"), workspace)
    check_encoding(new.encoding, defaults["carrier"], caller.workspace)
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


def _list(list_id: int, caller: Caller) -> dict[str, Any]:
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


def _tag(head: Mapping[str, Any]) -> str:
    return etags.etag(head["id"], head["edition"])  # its status may move, an edit stays right


def shown(head: Mapping[str, Any], status: int = 200) -> Response[CampaignView]:
    headers = {"ETag": _tag(head)}
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
    return shown(_head(campaign_id, caller))


@router.patch(
    "/v1/campaigns/<campaign_id>",
    summary="Edit a campaign until it starts",
    description="With a `schedule` a draft, or a campaign that missed its time, is scheduled anew. Once it has "
    "started it can be paused, slowed and cancelled, no longer edited.",
    tags=["Campaigns"],
    operation_id="edit_campaign",
)
def edit_campaign(
    campaign_id: CampaignId,
    changes: CampaignChanges,
    caller: CallerOf,
    at: Now,
    request_id: RequestId,
    if_match: IfMatch = None,
) -> Response[CampaignView]:
    seen = _head(campaign_id, caller)
    if "started_at" not in seen:
        etags.require(if_match, _tag(seen))
    named = changes.named()
    if changes.text is not None or changes.template_id is not None:
        named["text"] = text_of(changes, table("workspaces"), caller.workspace)
    if changes.encoding is not None:
        check_encoding(changes.encoding, seen["carrier"], caller.workspace)
    if "list_id" in named:
        named |= _list(named["list_id"], caller)
    if changes.schedule is not None:
        named |= due_of(changes.schedule, at)
    with _refusals():
        edits = Edits(table("workspaces"), campaigns())
        head = edits.edit(seen, named, by=caller.who, now=at, request_id=request_id)
    if head["status"] != Life.DRAFT:
        executions.start_leg(settings().run_campaign_arn, caller.workspace, campaign_id, head["leg"] + 1)
    return shown(head)


@router.delete(
    "/v1/campaigns/<campaign_id>",
    status_code=204,
    summary="Delete a draft",
    tags=["Campaigns"],
    operation_id="delete_campaign",
)
def delete_campaign(campaign_id: CampaignId, caller: CallerOf, at: Now) -> Response[None]:
    with _refusals():
        Edits(table("workspaces"), campaigns()).delete(caller.workspace, campaign_id, by=caller.who, now=at)
    return Response(204)


@router.get(
    "/v1/campaigns/<campaign_id>/history",
    summary="Show what happened to a campaign, newest first",
    tags=["Campaigns"],
    operation_id="list_campaign_history",
)
def list_campaign_history(
    campaign_id: CampaignId, caller: CallerOf, cursors: CursorsOf, limit: Limit = 50, cursor: Cursor = None
) -> Page[ChangeView]:
    _head(campaign_id, caller)
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
    head = _head(campaign_id, caller)
    found = Preflights(table("workspaces"), table("dispatch")).of_campaign(caller.workspace, campaign_id)
    preflight = PreflightView.of(found, summed([found["findings"]]), 1) if found else None
    return ReportView.of(head, report(head, Chunks(table("dispatch"))), preflight)


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


@router.post(
    "/v1/campaigns/<campaign_id>/speed",
    status_code=202,
    summary="Slow a campaign down, or let it go faster again",
    description="At most the carrier's rate; it holds within two seconds, for a campaign under way too.",
    tags=["Campaigns"],
    operation_id="set_campaign_speed",
)
def set_campaign_speed(
    campaign_id: CampaignId, speed: Speed, caller: CallerOf, at: Now, request_id: RequestId
) -> CampaignView:
    head, wanted = _head(campaign_id, caller), speed.segments_per_second
    account = workspaces.carrier(table("workspaces"), caller.workspace, head["carrier"]) or {}
    if wanted is not None and wanted > account.get("rate", wanted):
        raise invalid("segments_per_second", f"the carrier's rate is {account['rate']:g} segments per second")
    return _control(campaign_id, caller, "speed", at, request_id, speed=wanted, speed_at=at)


def _control(
    campaign: int, caller: Caller, action: str, at: int, request_id: str, **sets: Any
) -> CampaignView:
    with _refusals():
        head = campaigns().control(caller.workspace, campaign, action, caller.who, at, request_id, **sets)
    executions.start_leg(settings().run_campaign_arn, caller.workspace, campaign, head["leg"] + 1)
    return CampaignView.of(head)


@contextmanager
def _refusals() -> Iterator[None]:
    """What a campaign's status doesn't allow, as problems."""
    try:
        yield
    except NoCampaign as error:
        raise not_found("campaign") from error
    except NotAllowed as error:
        raise Problem(problems.STATUS_CONFLICT, str(error)) from error
    except Stale as error:
        raise etags.stale() from error
