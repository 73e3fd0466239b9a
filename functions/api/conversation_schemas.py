"""What goes out of the API about one number: what was said, and why a message did or didn't go."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from kabar.domain.campaigns import Life
from kabar.domain.conversations import WHY_NOT, Outgoing, status_in, why_not
from kabar.domain.statuses import MEANINGS, Status, reason_of, status_of
from kabar.storage.conversations import Entry, Place
from schemas import Count, Id, Mobile, Time, View, moment


class FactView(View):
    """Something that is known of a message; receipts are those by `receipt`."""

    status: str = Field(examples=["received"])
    at: Time
    by: Literal["us", "call", "receipt"] = Field(description="The carrier's answer is the call's.")
    code: str | None = Field(description="The carrier's own status or error.", examples=["0 NO_ERROR"])

    @classmethod
    def of(cls, fact: Mapping[str, Any]) -> "FactView":
        via = fact.get("via")
        return cls(
            status=status_in(fact).word,
            at=moment(fact["at"]) or "",
            by=via if via in ("call", "receipt") else "us",
            code=fact.get("code") or None,
        )


class ConversationEntryView(View):
    """One message to a number, or from it."""

    direction: Literal["out", "in"]
    id: Id
    at: Time = Field(description="When it was handed over or left out, or came in.")
    text: str | None = Field(description="Null for a message that was left out before it had a text.")
    sender: str | None = Field(description="Whom it is from.", examples=["Kabar"])
    to: str = Field(examples=["+6421555666"])
    campaign_id: Id | None
    list_id: Id | None
    reply_to: Id | None = Field(description="Of a reply: the message that it answers.")
    status: str | None = Field(description="Of a message out.", examples=["received"])
    meaning: str | None = Field(examples=["delivered to the handset"])
    rule: str | None = Field(description="By which rule it did not go.", examples=["opted_out"])
    segments: Count | None
    facts: list[FactView] = Field(description="What is known of it, oldest first, receipts among it.")

    @classmethod
    def of(cls, entry: Entry, mobile: str) -> "ConversationEntryView":
        at, way, number, what = entry
        return cls._sent(what, mobile) if way == "out" else cls._came(what, number, at)

    @classmethod
    def _sent(cls, message: Outgoing, mobile: str) -> "ConversationEntryView":
        return cls(
            direction="out",
            id=message.id,
            at=moment(message.at) or "",
            text=message.known("text"),
            sender=message.known("sender"),
            to=mobile,
            campaign_id=message.known("campaign"),
            list_id=message.known("list"),
            reply_to=None,
            status=message.status.word,
            meaning=MEANINGS[message.status],
            rule=why_not(message.status, message.reason),
            segments=message.known("segments"),
            facts=[FactView.of(fact) for fact in message.facts],
        )

    @classmethod
    def _came(cls, reply: Mapping[str, Any], number: int, at: int) -> "ConversationEntryView":
        return cls(
            direction="in",
            id=number,
            at=moment(at) or "",
            text=reply["text"],
            sender=reply["mobile"],
            to=reply["to"],
            campaign_id=reply.get("campaign"),
            list_id=reply.get("list"),
            reply_to=reply.get("message"),
            status=None,
            meaning=None,
            rule=None,
            segments=None,
            facts=[],
        )


class CallView(View):
    """The carrier call that a message belongs to."""

    chunk: Count
    slice: Count = Field(description="Which call of the chunk.")
    attempts: Count = Field(description="How often the call was claimed; more than one after a failure.")
    claimed_at: Time = Field(description="When the last attempt began.")
    in_doubt_since: Time | None = Field(description="Since when it may have gone without an answer.")


class RecipientView(View):
    """Why a number got a campaign's message: when, which text, by which call, which receipts; or by which rule not."""

    campaign_id: Id
    mobile: Mobile
    message_id: Id | None
    status: str | None = Field(description="Null for a number that is no recipient.", examples=["received"])
    meaning: str | None
    rule: str | None = Field(
        description="By which rule nothing was handed over; null when it was, or may have been.",
        examples=["opted_out"],
    )
    why: str | None = Field(description="The rule as a sentence.", examples=["the recipient had opted out"])
    sent_at: Time | None
    text: str | None
    sender: str | None
    segments: Count | None
    call: CallView | None
    facts: list[FactView] = Field(description="What is known of it, oldest first, receipts among it.")

    @classmethod
    def outside(cls, campaign: int, mobile: str, rule: str, why: str) -> "RecipientView":
        told: dict[str, Any] = dict.fromkeys(cls.model_fields)
        told |= {"campaign_id": campaign, "mobile": mobile, "rule": rule, "why": why, "facts": []}
        return cls(**told)

    @classmethod
    def of(cls, head: Mapping[str, Any], place: Place, known: Outgoing | None) -> "RecipientView":
        byte = known.with_place(place.byte).byte if known else place.byte
        status, plan = status_of(byte), head["plan"]
        rule = why_not(status, reason_of(byte))
        if status is Status.PENDING and head["status"] == Life.WAITING:
            rule = Status.HELD.word
        went = rule is None and known is not None and status is not Status.SUBMITTED
        call = place.claim and CallView(
            chunk=place.position // plan["chunk_size"],
            slice=place.position % plan["chunk_size"] // plan["slice"],
            attempts=place.claim["attempt"],
            claimed_at=moment(place.claim["claimed_at"]) or "",
            in_doubt_since=moment(place.claim["doubt_since"] or None),
        )
        return cls(
            campaign_id=head["id"],
            mobile=place.mobile,
            message_id=plan["first_id"] + place.position,
            status=status.word,
            meaning=MEANINGS[status],
            rule=rule,
            why=WHY_NOT[rule] if rule else None,
            sent_at=moment(known.at) if known and went else None,
            text=known.known("text") if known else None,
            sender=head["sender"],
            segments=place.segments,
            call=call or None,
            facts=[FactView.of(fact) for fact in known.facts] if known else [],
        )
