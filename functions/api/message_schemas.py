"""What goes in and out of the API about single messages [F9] [H1]."""

from typing import Annotated, Literal

from pydantic import Field, field_validator

from kabar.domain.requests import MAX_RECIPIENTS
from kabar.domain.schedule import zone
from kabar.domain.statuses import MEANINGS, Reason
from kabar.legs.messages import Outgoing
from list_schemas import Parametrised, Params, WrittenMobile
from schemas import Count, Id, Mobile, Time, View, moment
from settings_schemas import Zone
from text_schemas import Message

Reference = Annotated[
    str,
    Field(
        pattern=r"^[!-~]([ -~]{0,98}[!-~])?$",
        description="Yours; it comes back as the header `kabar-reference` of callbacks.",
        examples=["order-1007"],
    ),
]
Sender = Annotated[
    str,
    Field(
        pattern=r"^(\+?[0-9]{1,15}|[A-Za-z0-9]{1,11})$",
        description="Up to 11 letters and digits, or a number; the workspace's own when left out.",
        examples=["Kabar"],
    ),
]
Why = Annotated[
    str | None, Field(description="By which rule it wasn't sent, or what the carrier said.", examples=[None])
]


class RecipientOfMessage(Parametrised):
    """Who gets it, and what fills the text's placeholders."""

    mobile: WrittenMobile
    params: Params = Field(default_factory=list)


class NewMessages(Message):
    """One text to up to 1,000 recipients."""

    recipients: list[RecipientOfMessage] = Field(min_length=1, max_length=MAX_RECIPIENTS)
    sender: Sender | None = None
    reference: Reference | None = None
    timezone: Zone | None = Field(
        default=None,
        description="Where the recipients are: the sending hours are those there; the workspace's when left out.",
        examples=["Pacific/Auckland"],
    )

    @field_validator("timezone")
    @classmethod
    def _timezone(cls, name: str | None) -> str | None:
        if name is not None:
            zone(name)
        return name


class TestSend(Parametrised):
    """Who gets a test, and with which params."""

    numbers: list[WrittenMobile] = Field(min_length=1, max_length=10)
    params: Params | None = None


class AcceptedMessage(View):
    """A message on its way."""

    id: Id
    mobile: Mobile
    segments: Count


class AcceptedMessages(View):
    """What was taken; it is stored, and will be sent once the sending hours and the send rate let it."""

    id: Id
    reference: str | None
    segments: Count = Field(description="Of all messages together.")
    messages: list[AcceptedMessage] = Field(description="In the order of the recipients.")


class MessageEvent(View):
    """Something that happened to a message."""

    status: str = Field(examples=["received"])
    at: Time
    code: str | None = Field(description="The carrier's own.", examples=["5/0"])


class MessageView(View):
    """A message and where it stands."""

    id: Id
    request_id: Id = Field(description="The call that it came with.")
    kind: Literal["api", "response", "test"]
    mobile: Mobile
    sender: str
    reference: str | None
    segments: Count
    status: str = Field(examples=["received"])
    meaning: str = Field(examples=["delivered to the handset"])
    why: Why
    opens_at: Time | None = Field(description="When the sending hours open for it, while it is held.")
    created_at: Time
    events: list[MessageEvent] = Field(description="Receipts among them, oldest first.")

    @classmethod
    def of(cls, message: Outgoing, opens_at: int | None) -> "MessageView":
        head = message.head
        codes = [fact["code"] for fact in message.facts if fact.get("code")]
        why = message.reason.word if message.reason is not Reason.NONE else head.get("status_reason")
        return cls(
            id=message.id,
            request_id=head["id"],
            kind=head["kind"],
            mobile=message.mobile,
            sender=head["sender"],
            reference=head["reference"],
            segments=message.segments,
            status=message.status.word,
            meaning=MEANINGS[message.status],
            why=codes[-1] if codes else why,
            opens_at=moment(opens_at),
            created_at=moment(head["created_at"]) or "",
            events=[
                MessageEvent(
                    status=fact["sk"].rpartition("#")[2],
                    at=moment(fact["at"]) or "",
                    code=fact.get("code") or None,
                )
                for fact in message.facts
            ],
        )
