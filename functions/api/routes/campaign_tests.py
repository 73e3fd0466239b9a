"""A campaign's text to a few named numbers, before it goes to everybody [F6]."""

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

from kabar.domain.requests import Kind, NewRequest, NoText
from kabar.domain.segments import Encoding
from kabar.storage import ids, member_search, workspaces
from message_schemas import AcceptedMessages, RecipientOfMessage, TestSend
from problems import invalid, not_found
from routes.campaigns import CampaignId, campaigns
from routes.messages import NO_TEXT, accepted, outbox, recipients_of
from wiring import CallerOf, NewNumber, Now, RequestId, table

router = Router()


@router.post(
    "/v1/campaigns/<campaign_id>/test",
    status_code=202,
    summary="Send a campaign's text to a few numbers",
    description="From its sender, over its carrier, with the params that are given, else those of the list's first "
    "member. Tests wait for no sending hours and are in no report; opt-outs and the blacklist count.",
    tags=["Campaigns"],
    operation_id="test_campaign",
)
def test_campaign(
    campaign_id: CampaignId,
    test: TestSend,
    caller: CallerOf,
    at: Now,
    number: NewNumber,
    request_id: RequestId,
) -> Response[AcceptedMessages]:
    head = campaigns().get(caller.workspace, campaign_id)
    if head is None:
        raise not_found("campaign")
    list_id = head.get("list_id")  # a quick campaign has none before its file is in
    params = test.params if test.params is not None else _sample(caller.workspace, list_id)
    given = [RecipientOfMessage(mobile=mobile, params=params) for mobile in test.numbers]
    defaults = workspaces.settings(table("workspaces"), caller.workspace)
    recipients = recipients_of(given, caller, defaults, field="numbers/%d")
    wanted = NewRequest(
        id=number,
        first_id=number if len(recipients) == 1 else ids.reserve(table("workspaces"), len(recipients)),
        kind=Kind.TEST,
        recipients=recipients,
        text=head["text"],
        encoding=Encoding(head.get("encoding", "gsm")),
        smart=bool(head.get("smart")),
        sender=head["sender"],
        carrier=head["carrier"],
        list_id=list_id,
        about=f"campaign/{campaign_id}",
        created_at=at,
        by=caller.who,
        request_id=request_id,
    )
    try:
        stored = outbox().submit(caller.workspace, wanted)
    except NoText as error:
        raise invalid("params", NO_TEXT) from error
    return Response(202, "application/json", accepted(stored))


def _sample(workspace: str, list_id: int | None) -> list[str]:
    """The params of somebody who would get it."""
    if list_id is None:
        return []
    wanted = member_search.Search("+", opted_out=False, deleted=False)
    members, _ = member_search.page(table("members"), table("people"), workspace, list_id, wanted, 1)
    return list(members[0]["params"]) if members else []
