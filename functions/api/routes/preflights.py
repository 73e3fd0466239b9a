"""The exact pre-flight: who would get a message, in how many segments, for how much, until when [E3] [F6]."""

from collections.abc import Mapping
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path

import problems
import wiring
from kabar.domain.campaigns import speed
from kabar.domain.hours import Covered
from kabar.domain.preflights import summed
from kabar.legs.gate import kind_of
from kabar.storage import browse, executions, keys, prices, workspaces
from kabar.storage.campaigns import Campaigns
from kabar.storage.dynamo import Item
from kabar.storage.preflights import RUNNING, Preflights
from message_texts import check_encoding, text_of
from preflight_schemas import NewPreflight, PreflightView
from problems import Problem, invalid, not_found
from schemas import AddressId
from wiring import CallerOf, NewNumber, Now, table

router = Router()
PreflightId = Annotated[AddressId, Path(description="The pre-flight's id.")]
LARGE = 20_000  # members of a list whose shards are looked at side by side


def preflights() -> Preflights:
    return Preflights(table("workspaces"), table("dispatch"))


@router.post(
    "/v1/preflights",
    status_code=202,
    summary="Look at every recipient of a campaign, or of a message to a list, as a run would",
    description="Nothing is sent. As long as nothing changes in between, the run's report says the same.",
    tags=["Previews"],
    operation_id="create_preflight",
)
def create_preflight(
    wanted: NewPreflight, caller: CallerOf, at: Now, number: NewNumber
) -> Response[PreflightView]:
    settings = workspaces.settings(table("workspaces"), caller.workspace)
    if wanted.campaign_id is None:
        subject, members = _draft(wanted, caller.workspace, settings, at)
    else:
        subject, members = _campaign(wanted, caller.workspace, at)
    account = workspaces.carrier(table("workspaces"), caller.workspace, subject["carrier"]) or {}
    what = subject | {
        "max_digits": settings["max_digits"],
        "prices": prices.shown(prices.get(table("workspaces"), caller.workspace)),
        "rate": speed(subject, account.get("rate", 1)),
        "hours": {name: settings[name] for name in ("timezone", "sending_hours") if name in settings},
    }
    head = preflights().begin(table("activity"), caller.workspace, number, what, by=caller.who, now=at)
    shards = list(range(keys.MEMBER_SHARDS))
    groups = [[shard] for shard in shards] if members > LARGE else [shards]
    told = {"workspace": caller.workspace, "preflight": number, "groups": groups}
    executions.start(wiring.settings().check_campaign_arn, str(number), told)
    where = {"Location": f"/v1/preflights/{number}"}
    return Response(202, "application/json", _view(head), headers=where)


@router.get(
    "/v1/preflights/<preflight_id>",
    summary="Show how far a pre-flight is and what it found",
    tags=["Previews"],
    operation_id="get_preflight",
)
def get_preflight(preflight_id: PreflightId, caller: CallerOf, at: Now) -> PreflightView:
    head = preflights().get(caller.workspace, preflight_id)
    if head is None or head["expires_at"] <= at // 1000:
        raise not_found("pre-flight")
    return _view(head)


def _draft(wanted: NewPreflight, workspace: str, settings: Item, at: int) -> tuple[Item, int]:
    """What a campaign of this message to this list would have, and how many members the list has."""
    if wanted.list_id is None:
        raise invalid("list_id", "give a campaign_id, or a list_id and a text or template_id")
    of = browse.list_head(table("workspaces"), workspace, wanted.list_id)
    if of is None:
        raise invalid("list_id", "there is no list with this id")
    check_encoding(wanted.encoding, settings["carrier"], workspace)
    subject = {
        "list_id": wanted.list_id,
        "text": text_of(wanted, table("workspaces"), workspace),
        "encoding": wanted.encoding,
        "smart": wanted.smart,
        "carrier": settings["carrier"],
        "kind": Covered.CAMPAIGNS.value,
        "due_at": at,
    }
    return subject, _members(of)


def _campaign(wanted: NewPreflight, workspace: str, at: int) -> tuple[Item, int]:
    """The same of a campaign that is there. Raises Problem once its recipients are frozen."""
    if wanted.list_id is not None or wanted.text is not None or wanted.template_id is not None:
        raise invalid("campaign_id", "a campaign has a list and a text of its own")
    campaign = Campaigns(table("workspaces"), table("activity")).get(workspace, wanted.campaign_id or 0)
    if campaign is None:
        raise invalid("campaign_id", "there is no campaign with this id")
    if "plan" in campaign or "closed_at" in campaign:
        detail = "Its recipients are settled; what becomes of them is in its report."
        raise Problem(problems.STATUS_CONFLICT, detail)
    if "list_id" not in campaign:
        raise Problem(problems.LIST_LOADING, "The file of its list isn't imported yet.")
    subject: Item = {
        name: campaign[name] for name in ("list_id", "text", "carrier", "speed") if name in campaign
    }
    subject |= {
        "campaign": campaign["id"],
        "encoding": campaign.get("encoding", "gsm"),
        "smart": campaign.get("smart", False),
        "kind": kind_of(campaign).value,
        "due_at": max(campaign.get("due_at", at), at),
    }
    of = browse.list_head(table("workspaces"), workspace, campaign["list_id"])
    if of is None:
        raise invalid("campaign_id", "its list was deleted")
    return subject, _members(of)


def _members(of: Mapping[str, Any]) -> int:
    """How many the list has. Raises Problem while an import is writing it, which a run would wait for."""
    if of.get("loading"):
        raise Problem(problems.LIST_LOADING, "An import is writing the list; look at it when that is done.")
    return int(of.get("members", 0))


def _view(head: Mapping[str, Any]) -> PreflightView:
    if "findings" in head:
        return PreflightView.of(head, summed([head["findings"]]), 1)
    parts = preflights().parts(head["id"]) if head["state"] == RUNNING else {}
    return PreflightView.of(head, summed(parts.values()), len(parts) / keys.MEMBER_SHARDS)
