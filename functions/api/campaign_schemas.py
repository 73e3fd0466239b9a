"""What goes in and out of the API about campaigns [F1] [F3] [M1]."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from kabar.domain.campaigns import Life
from kabar.domain.prices import amount
from kabar.domain.schedule import BadSchedule, Due, due, zone
from kabar.domain.statuses import MEANINGS
from kabar.storage.reports import Report
from preflight_schemas import PreflightView
from price_schemas import Currency, Money
from schemas import Count, Id, Request, Time, View, moment
from text_schemas import EncodingName, Message, ResponseEncoding, Smart, TemplateId, Text

_SENDER = re.compile(r"\+?[0-9]{1,15}|[A-Za-z0-9]{1,11}")


class At(Request):
    """A time on the wall clock of a zone, the present minute or later; rounded up to the next ten minutes [F3]."""

    at: str = Field(
        pattern=r"^20\d{2}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?$",
        description="Local date and time, without an offset.",
        examples=["2026-12-01T09:00"],
    )
    timezone: str = Field(max_length=64, description="IANA time zone.", examples=["Pacific/Auckland"])

    def due(self, now: int) -> Due:
        """Raises BadSchedule."""
        try:
            wanted = datetime.fromisoformat(self.at)
        except ValueError as error:
            raise BadSchedule(f"{self.at} is no date and time") from error
        return due(wanted, zone(self.timezone), datetime.fromtimestamp(now / 1000, UTC))


def _no_nul(value: str) -> str:
    if "\0" in value:
        raise ValueError("a NUL character is no text")
    return value


def _known_sender(sender: str) -> str:
    if not _SENDER.fullmatch(sender):
        raise ValueError("a sender is up to 11 letters and digits (A-Z, a-z, 0-9) or up to 15 digits")
    return sender


def _now_or_at(value: Any, check: ValidatorFunctionWrapHandler) -> Any:
    """One error that says what is possible, instead of one for each kind of schedule."""
    try:
        return check(value)
    except ValidationError as error:
        wrong = [each for each in error.errors() if each["loc"][0] == At.__name__ and each["loc"][1:]]
        details = [f"{each['loc'][1]}: {each['msg']}" for each in wrong]
        raise ValueError("; ".join(details) or 'give "now", or {"at": …, "timezone": …}') from error


Name = Annotated[
    str, Field(min_length=1, max_length=50, examples=["Christmas hours"]), AfterValidator(_no_nul)
]
Schedule = Annotated[Literal["now"] | At, WrapValidator(_now_or_at)]
Sender = Annotated[
    str,
    Field(
        description="Up to 11 letters and digits, or a number; the workspace's own when left out.",
        examples=["Kabar"],
    ),
    AfterValidator(_known_sender),
]
Answer = Annotated[str, Field(min_length=1, max_length=160), AfterValidator(_no_nul)]
REPLY_RESPONSE = "What answers a reply to it; else what the list or the workspace has."
OPT_OUT_RESPONSE = "What confirms an opt-out by a reply to it; else what the list or the workspace has."


_REMOVABLE = ("reply_response", "opt_out_response", "response_encoding")


class NewCampaign(Message):
    """A campaign to send now or at a time, or a draft."""

    name: Name
    list_id: Id
    schedule: Schedule | None = Field(
        default=None, description="When to send; a draft until it has one.", examples=["now"]
    )
    sender: Sender | None = None
    reply_response: Answer | None = Field(default=None, description=REPLY_RESPONSE)
    opt_out_response: Answer | None = Field(default=None, description=OPT_OUT_RESPONSE)
    response_encoding: ResponseEncoding = None


class CampaignChanges(Request):
    """What to change of a campaign that hasn't started; what is left out stays, null removes a response."""

    name: Name | None = None
    list_id: Id | None = None
    text: Text | None = None
    template_id: TemplateId | None = None
    encoding: EncodingName | None = None
    smart: Smart | None = None
    schedule: Schedule | None = Field(default=None, description="When to send; a draft becomes scheduled.")
    sender: Sender | None = None
    reply_response: Answer | None = Field(default=None, description=f"{REPLY_RESPONSE} Null removes it.")
    opt_out_response: Answer | None = Field(default=None, description=f"{OPT_OUT_RESPONSE} Null removes it.")
    response_encoding: ResponseEncoding = None

    @model_validator(mode="after")
    def _something(self) -> "CampaignChanges":
        if not self.model_fields_set:
            raise ValueError("name what to change")
        return self

    def named(self) -> dict[str, Any]:
        """What is to change, but schedule and template; None removes."""
        sent = self.model_dump(exclude_unset=True, exclude={"schedule", "template_id"})
        return {n: value for n, value in sent.items() if value is not None or n in _REMOVABLE}


class Speed(Request):
    """How fast to send one campaign."""

    segments_per_second: float | None = Field(
        ge=0.1, le=100_000, description="Null: as fast as the carrier's rate.", examples=[5]
    )


class Scheduled(View):
    """The slot on the wall clock of the zone; `rounded` says that the time asked for was moved up to it."""

    at: str
    timezone: str
    rounded: bool


class CampaignView(View):
    """A campaign and where it stands."""

    id: Id
    name: str
    status: Life
    status_reason: str | None = Field(description="Why it is paused or failed.")
    list_id: Id | None = Field(description="Null while the list of a quick campaign is imported.")
    import_id: str | None = Field(description="The import that it waits for.")
    text: str
    encoding: EncodingName
    smart: bool = Field(description="Whether characters are replaced by plain equivalents.")
    sender: str
    recipients: Count | None = Field(description="Known once the recipients are frozen at the start.")
    segments: Count | None = Field(description="Of all recipients' texts together; known with recipients.")
    reply_response: str | None
    opt_out_response: str | None
    response_encoding: EncodingName | None = Field(description="Of both; null: the workspace's.")
    segments_per_second: float | None = Field(description="The speed it was given; null: the carrier's rate.")
    scheduled_at: Time | None = Field(description="When it is due; null for a draft.")
    schedule: Scheduled | None = Field(description="As it was asked for; null for a campaign sent at once.")
    created_at: Time
    started_at: Time | None = Field(description="From when on it can't be edited any more.")
    closed_at: Time | None = Field(description="When it ended.")
    status_at: Time = Field(description="Since when it has this status.")

    @classmethod
    def of(cls, head: Mapping[str, Any]) -> "CampaignView":
        plan = head.get("plan") or {}
        return cls(
            id=head["id"],
            name=head["name"],
            status=head["status"],
            status_reason=head.get("status_reason"),
            list_id=head.get("list_id"),
            import_id=head.get("import"),
            text=head["text"],
            encoding=head.get("encoding", "gsm"),
            smart=head.get("smart", False),
            sender=head["sender"],
            recipients=plan.get("recipients"),
            segments=plan.get("segments"),
            reply_response=head.get("reply_response"),
            opt_out_response=head.get("opt_out_response"),
            response_encoding=head.get("response_encoding"),
            segments_per_second=head.get("speed"),
            scheduled_at=moment(head.get("due_at")),
            schedule=head.get("schedule"),
            created_at=moment(head["created_at"]) or "",
            started_at=moment(head.get("started_at")),
            closed_at=moment(head.get("closed_at")),
            status_at=moment(head.get("status_at", head["created_at"])) or "",
        )


class QueuedView(View):
    """A campaign that waits for its turn, or has it."""

    position: Count = Field(description="1 is next, or sending.", examples=[1])
    campaign_id: Id
    name: str = Field(examples=["Christmas hours"])
    status: Life
    scheduled_at: Time

    @classmethod
    def of(cls, position: int, head: Mapping[str, Any]) -> "QueuedView":
        return cls(
            position=position,
            campaign_id=head["id"],
            name=head["name"],
            status=head["status"],
            scheduled_at=moment(head["due_at"]) or "",
        )


class ChangeView(View):
    """Something that happened to a campaign."""

    at: Time
    who: str = Field(
        description="`api:key:<id>`, `api:user:<id>` or `system`.", examples=["api:key:1f2e3d4c5b6a7988"]
    )
    what: str = Field(examples=["campaign pause"])
    status: Life | None = Field(description="The status that it then had.")
    reason: str | None = Field(description="Why, where the system did it.")
    changed: list[str] | None = Field(
        description="Of an edit: which fields.", examples=[["schedule", "text"]]
    )

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> "ChangeView":
        detail = entry["detail"]
        return cls(
            at=moment(entry["at"]) or "",
            who=entry["who"],
            what=entry["what"],
            status=detail.get("status"),
            reason=detail.get("reason") or detail.get("status_reason"),
            changed=detail.get("changed"),
        )


class ReportView(View):
    """How a campaign went: how many recipients are in each status [M1]. The statuses add up to the recipients."""

    campaign_id: Id
    name: str
    status: Life
    recipients: Count
    segments: Count = Field(description="Of the messages that the carrier accepted.")
    cost: Money | None = Field(description="Of these segments; null when no prices were set at the start.")
    currency: Currency | None
    left_out: dict[str, Count] = Field(
        description="Members of the list who were no recipients: `invalid` (the number breaks a rule), `empty` "
        "(their text would be), `duplicate`.",
        examples=[{"invalid": 2}],
    )
    preflight: PreflightView | None = Field(
        description="What its newest pre-flight said; the same as the run when nothing changed in between."
    )
    opted_out: Count = Field(
        description="Recipients left out as opted out or blacklisted, and those who answered with an opt-out."
    )
    statuses: dict[str, Count] = Field(
        description="Recipients per message status; every status is there.",
        examples=[{"received": 970, "failed": 30}],
    )
    meanings: dict[str, str] = Field(
        description="What each status means.", examples=[{"received": "delivered to the handset"}]
    )

    @classmethod
    def of(
        cls, head: Mapping[str, Any], report: Report, preflight: PreflightView | None = None
    ) -> "ReportView":
        plan = head.get("plan", {})
        return cls(
            campaign_id=head["id"],
            name=head["name"],
            status=head["status"],
            recipients=report.recipients,
            segments=report.segments,
            cost=amount(report.cost) if "currency" in plan else None,
            currency=plan.get("currency"),
            left_out=plan.get("left_out", {}),
            preflight=preflight,
            opted_out=report.opted_out,
            statuses={status.word: count for status, count in report.statuses.items()},
            meanings={status.word: meaning for status, meaning in MEANINGS.items()},
        )
