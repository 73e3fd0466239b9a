"""Messages that belong to no campaign: send, look at, take back [F9]."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path

import problems
from kabar.domain.hours import Covered, Rules
from kabar.domain.import_codes import ROWS
from kabar.domain.number_zones import zones_of
from kabar.domain.numbers import Numbers
from kabar.domain.recipient_hours import NEVER, RecipientHours
from kabar.domain.requests import Kind, NewRequest, NoText
from kabar.domain.segments import Encoding
from kabar.domain.statuses import Status
from kabar.legs.messages import NotCancelled, Outgoing, Outgoings
from kabar.legs.outbox import Outbox
from kabar.storage import activity, ids, workspaces
from kabar.storage.dynamo import Item
from kabar.storage.queues import enqueue
from kabar.storage.requests import Requests
from message_schemas import AcceptedMessage, AcceptedMessages, MessageView, NewMessages, RecipientOfMessage
from message_texts import check_encoding, text_of
from problems import Problem, not_found
from schemas import AddressId
from wiring import Caller, CallerOf, NewNumber, Now, RequestId, settings, sqs, table

router = Router()
NO_TEXT = (
    "nothing is left of the text with these params, and no carrier takes a message without text: fill one that the "
    "text uses, or change the text"
)
MessageId = Annotated[AddressId, Path(description="The message's id.")]


def requests() -> Requests:
    return Requests(table("workspaces"), table("dispatch"))


def outbox() -> Outbox:
    return Outbox(table("workspaces"), table("activity"), requests(), _enqueue)


def _enqueue(workspace: str, request: int) -> None:
    enqueue(sqs(), settings().messages_queue_url, [json.dumps({"workspace": workspace, "request": request})])


def outgoings() -> Outgoings:
    return Outgoings(requests(), table("workspaces"), table("dispatch"), table("people"))


@router.post(
    "/v1/messages",
    status_code=202,
    summary="Send messages that belong to no campaign",
    description="They are stored before the answer. A number twice is refused: nobody is messaged twice by one call. "
    "So is a call that leaves nothing of the text for somebody. Outside the sending hours they wait. Send an "
    "Idempotency-Key, so that a call may be repeated.",
    tags=["Messages"],
    operation_id="send_messages",
)
def send_messages(
    new: NewMessages, caller: CallerOf, at: Now, number: NewNumber, request_id: RequestId
) -> Response[AcceptedMessages]:
    defaults = workspaces.settings(table("workspaces"), caller.workspace)
    check_encoding(new.encoding, defaults["carrier"], caller.workspace)
    text = text_of(new, table("workspaces"), caller.workspace)
    recipients = recipients_of(new.recipients, caller, defaults)
    first = number if len(recipients) == 1 else ids.reserve(table("workspaces"), len(recipients))
    wanted = NewRequest(
        id=number,
        first_id=first,
        kind=Kind.API,
        recipients=recipients,
        text=text,
        encoding=Encoding(new.encoding),
        smart=new.smart,
        sender=new.sender,
        reference=new.reference,
        timezone=new.timezone,
        created_at=at,
        by=caller.who,
        request_id=request_id,
    )
    try:
        head = outbox().submit(caller.workspace, wanted)
    except NoText as error:
        raise _refused({f"recipients/{index}/params": NO_TEXT for index in error.positions}) from error
    view = accepted(head)
    return Response(202, "application/json", view, headers={"Location": f"/v1/messages/{head['first_id']}"})


def recipients_of(
    given: Sequence[RecipientOfMessage], caller: Caller, defaults: Item, field: str = "recipients/%d/mobile"
) -> list[tuple[str, list[str]]]:
    """Their numbers as they are stored. Raises Problem that names every bad one, and every number twice [B6].

    `field` is where the body has the number with this index.
    """
    numbers = Numbers(workspaces.prefix_map(table("workspaces"), caller.workspace), defaults["max_digits"])
    errors: dict[str, str] = {}
    found: dict[str, int] = {}
    for index, recipient in enumerate(given):
        number = numbers.clean(recipient.mobile)
        wrong = str(ROWS[number.code]) if number.code else ""
        if not wrong and found.setdefault(number.mobile, index) != index:
            wrong = f"the number is that of {field % found[number.mobile]}"
        if wrong:
            errors[field % index] = wrong
    if errors:
        raise _refused(errors)
    return [(mobile, given[index].params) for mobile, index in found.items()]


def _refused(errors: Mapping[str, str]) -> Problem:
    """What is wrong, by the place in the body."""
    first, detail = next(iter(errors.items()))
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    named = [{"pointer": f"#/{place}", "detail": wrong} for place, wrong in errors.items()]
    return Problem(problems.INVALID_REQUEST, f"{first}: {detail}{more}", errors=named)


def accepted(head: Item) -> AcceptedMessages:
    messages = [
        AcceptedMessage(id=head["first_id"] + position, mobile=mobile, segments=segments)
        for position, (mobile, _, segments, _) in enumerate(requests().rows(head))
    ]
    return AcceptedMessages(
        id=head["id"], reference=head["reference"], segments=head["segments"], messages=messages
    )


@router.get(
    "/v1/messages/<message_id>",
    summary="Show a message, its status and its receipts",
    description="Messages of campaigns are in the reports of these.",
    tags=["Messages"],
    operation_id="get_message",
)
def get_message(message_id: MessageId, caller: CallerOf, at: Now) -> MessageView:
    return _view(_existing(message_id, caller), at)


@router.post(
    "/v1/messages/<message_id>/cancel",
    summary="Take a message back that wasn't handed over yet",
    tags=["Messages"],
    operation_id="cancel_message",
)
def cancel_message(message_id: MessageId, caller: CallerOf, at: Now) -> MessageView:
    message = _existing(message_id, caller)
    try:
        outgoings().cancel(message, at)
    except NotCancelled as error:
        detail = f"A message that is {error.args[0]} can't be taken back."
        raise Problem(problems.STATUS_CONFLICT, detail) from error
    activity.record(
        table("activity"),
        caller.workspace,
        at,
        caller.who,
        "message cancelled",
        f"message/{message_id}",
        {"request": message.head["id"]},
    )
    return _view(_existing(message_id, caller), at)


def _existing(message_id: int, caller: Caller) -> Outgoing:
    message = outgoings().get(caller.workspace, message_id)
    if message is None:
        raise not_found("message")
    return message


def _view(message: Outgoing, now: int) -> MessageView:
    opens_at = None
    if message.status is Status.HELD:
        rules = Rules.of(
            workspaces.settings(table("workspaces"), message.head["workspace"]), message.head["timezone"]
        )
        opens_at = _opens_at(rules, message.mobile, now) if rules else None
    return MessageView.of(message, opens_at)


def _opens_at(rules: Rules, mobile: str, now: int) -> int | None:
    """When (epoch ms) the sending hours open for this number; None when they are open, or never."""
    if not (rules.by_recipient and rules.apply_to(Covered.API_MESSAGES)):
        return rules.waits_until(Covered.API_MESSAGES, now, 0)
    opening = RecipientHours(rules, 0).opens(zones_of(mobile), now)
    return None if opening == NEVER else opening
