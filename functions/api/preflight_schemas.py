"""What goes in and out of the API about pre-flights [F6]."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from kabar.domain.preflights import RULES, Findings
from preview_schemas import Figures, NotSentCount, not_sent
from schemas import Count, Id, Time, View, moment
from text_schemas import EncodingName, Message


class NewPreflight(Message):
    """What to look at: a campaign that hasn't started, or a message to a list, as it would be sent now."""

    campaign_id: Id | None = Field(default=None, description="Then nothing else is to be given.")
    list_id: Id | None = None


class PreflightFailure(View):
    """Why a pre-flight came to nothing."""

    code: str = Field(examples=["list_gone"])
    message: str


class PreflightView(Figures):
    """What a run would do to every member of the list; while it is running, what was found so far."""

    id: Id
    state: Literal["running", "done", "failed"]
    progress: Annotated[float, Field(ge=0, le=1, description="How much of the list was looked at.")]
    campaign_id: Id | None
    list_id: Id
    encoding: EncodingName
    smart: bool
    members: Count = Field(description="Members that were looked at.")
    recipients: Count = Field(description="Those of them who get the message.")
    not_sent: list[NotSentCount] = Field(description="Why the others get nothing; every reason is there.")
    segments_per_second: float
    starts_at: Time | None = Field(
        description="Its time, or the opening of the sending hours after it, if no other campaign is in the way; null "
        "until it is done."
    )
    ends_at: Time | None = Field(
        description="When the last segment's turn comes, at `segments_per_second` and only while calls to the carrier "
        "may begin: inside the sending hours, and early enough to be over by their close. Where hours are the "
        "recipients' own, zones that are open together share the rate. Not foreseen: campaigns in front of it and "
        "other senders at the same rate, the moment that the first call takes to be accepted, pauses, and whatever is "
        "edited after this pre-flight was asked for. Null until it is done, and for what takes over ten years."
    )
    error: PreflightFailure | None
    created_at: Time
    finished_at: Time | None

    @classmethod
    def of(cls, head: Mapping[str, Any], found: Findings, progress: float) -> "PreflightView":
        error = head.get("error")
        known = head.get("prices") or {}
        return cls(
            id=head["id"],
            state=head["state"],
            progress=progress,
            campaign_id=head.get("campaign"),
            list_id=head["list_id"],
            encoding=head["encoding"],
            smart=head["smart"],
            members=found.members,
            recipients=found.estimate.recipients,
            not_sent=not_sent(found, RULES),
            segments_per_second=head["rate"],
            starts_at=moment(head.get("starts_at")),
            ends_at=moment(head.get("ends_at")),
            error=PreflightFailure(**error) if error else None,
            created_at=moment(head["created_at"]) or "",
            finished_at=moment(head.get("finished_at")),
            **cls.fields_of(found.estimate, known.get("currency")),
        )
