"""What people change of a campaign: edit until it starts, pause, resume, cancel, slow down [F5]."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

import etags
import problems
from campaign_schemas import CampaignChanges, CampaignView, Speed
from etags import IfMatch
from kabar.domain.campaigns import Life, NotAllowed
from kabar.storage import executions, workspaces
from kabar.storage.campaign_edits import Edits, Stale
from kabar.storage.campaigns import NoCampaign
from message_texts import check_encoding, text_of
from problems import Problem, invalid, not_found
from routes.campaigns import CampaignId, campaigns, due_of, head_of, list_of, shown, tag_of
from wiring import Caller, CallerOf, Now, RequestId, settings, table

router = Router()


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
    seen = head_of(campaign_id, caller)
    if "started_at" not in seen:
        etags.require(if_match, tag_of(seen))
    named = changes.named()
    if changes.text is not None or changes.template_id is not None:
        named["text"] = text_of(changes, table("workspaces"), caller.workspace)
    if changes.encoding is not None:
        check_encoding(changes.encoding, seen["carrier"], caller.workspace)
    check_encoding(changes.response_encoding, seen["carrier"], caller.workspace, "response_encoding")
    if "list_id" in named:
        named |= list_of(named["list_id"], caller)
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
    head, wanted = head_of(campaign_id, caller), speed.segments_per_second
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
