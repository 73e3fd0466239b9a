"""Why: everything to and from one number, and one number in one campaign [I1]."""

from typing import Annotated

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path

import wiring
from conversation_schemas import ConversationEntryView, RecipientView
from kabar.domain.conversations import WHY_NOT
from kabar.storage.campaigns import Campaigns
from kabar.storage.conversations import Conversations, why_outside
from problems import not_found
from routes.numbers import MobilePath, from_path
from routes.paging import Cursor, Limit, Listing
from schemas import AddressId, Page
from wiring import CallerOf, CursorsOf, table

router = Router()
CampaignId = Annotated[AddressId, Path(description="The campaign's id.")]


def conversations() -> Conversations:
    return Conversations(
        table("workspaces"), table("dispatch"), table("people"), wiring.settings().work_bucket
    )


@router.get(
    "/v1/conversations/<mobile>",
    summary="Show everything that went to a number and came from it, newest first",
    description="With status, text, campaign and receipts. A number that nothing is known of has an empty page.",
    tags=["Conversations"],
    operation_id="get_conversation",
)
def get_conversation(
    mobile: MobilePath, caller: CallerOf, cursors: CursorsOf, limit: Limit = 50, cursor: Cursor = None
) -> Page[ConversationEntryView]:
    number = from_path(caller, mobile)
    listing = Listing(cursors, (caller.workspace, "conversations", number))
    found, following = conversations().page(caller.workspace, number, limit, listing.position(cursor))
    return listing.page(found, following, lambda entry: ConversationEntryView.of(entry, number))


@router.get(
    "/v1/campaigns/<campaign_id>/recipients/<mobile>",
    summary="Say why a number got a campaign's message or didn't",
    description="The rule of a number that the campaign didn't choose is told by the list and the settings of today: "
    "`empty` as in a pre-flight, else `no_recipient`.",
    tags=["Campaigns"],
    operation_id="get_campaign_recipient",
)
def get_campaign_recipient(campaign_id: CampaignId, mobile: MobilePath, caller: CallerOf) -> RecipientView:
    head = Campaigns(table("workspaces"), table("activity")).get(caller.workspace, campaign_id)
    if head is None:
        raise not_found("campaign")
    number = from_path(caller, mobile)
    if "plan" not in head:
        return RecipientView.outside(campaign_id, number, "not_frozen", WHY_NOT["not_frozen"])
    place = conversations().place(head, number)
    if place is None:
        tables = (table("workspaces"), table("members"), table("people"))
        return RecipientView.outside(campaign_id, number, *why_outside(*tables, head, number))
    known = conversations().message(caller.workspace, number, head["plan"]["first_id"] + place.position)
    return RecipientView.of(head, place, known)
