"""What goes in and out of the API about campaigns [F1] [F3] [M1]."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, field_validator

from kabar.domain.campaigns import Life
from kabar.domain.schedule import BadSchedule, Due, due, zone
from kabar.domain.statuses import MEANINGS
from kabar.storage.reports import Report
from schemas import Count, Id, Request, Time, View, moment
from text_schemas import EncodingName, Message

_SENDER = re.compile(r"\+?[0-9]{1,15}|[A-Za-z0-9]{1,11}")


class At(Request):
    """A time on the wall clock of a zone; rounded up to the next ten minutes [F3]."""

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


class NewCampaign(Message):
    """A campaign to send now or at a time."""

    name: str = Field(min_length=1, max_length=50, examples=["Christmas hours"])
    list_id: Id
    schedule: Literal["now"] | At = Field(description="When to send.")
    sender: str | None = Field(
        default=None,
        description="Up to 11 letters and digits, or a number; the workspace's own when left out.",
        examples=["Kabar"],
    )

    @field_validator("schedule", mode="wrap")
    @classmethod
    def _now_or_at(cls, value: Any, check: ValidatorFunctionWrapHandler) -> Any:
        """One error that says what is possible, instead of one for each kind of schedule."""
        try:
            return check(value)
        except ValidationError as error:
            wrong = [each for each in error.errors() if each["loc"][0] == At.__name__ and each["loc"][1:]]
            details = [f"{each['loc'][1]}: {each['msg']}" for each in wrong]
            raise ValueError("; ".join(details) or 'give "now", or {"at": …, "timezone": …}') from error

    @field_validator("name")
    @classmethod
    def _no_nul(cls, value: str) -> str:
        if "\0" in value:
            raise ValueError("a NUL character is no text")
        return value

    @field_validator("sender")
    @classmethod
    def _sender(cls, sender: str | None) -> str | None:
        if sender is not None and not _SENDER.fullmatch(sender):
            raise ValueError("a sender is up to 11 letters and digits (A-Z, a-z, 0-9) or up to 15 digits")
        return sender


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
    list_id: Id
    text: str
    encoding: EncodingName
    smart: bool = Field(description="Whether characters are replaced by plain equivalents.")
    sender: str
    recipients: Count | None = Field(description="Known once the recipients are frozen at the start.")
    segments: Count | None = Field(description="Of all recipients' texts together; known with recipients.")
    scheduled_at: Time
    schedule: Scheduled | None = Field(description="As it was asked for; null for a campaign sent at once.")
    created_at: Time
    status_at: Time = Field(description="Since when it has this status.")

    @classmethod
    def of(cls, head: Mapping[str, Any]) -> "CampaignView":
        plan = head.get("plan") or {}
        return cls(
            id=head["id"],
            name=head["name"],
            status=head["status"],
            status_reason=head.get("status_reason"),
            list_id=head["list_id"],
            text=head["text"],
            encoding=head.get("encoding", "gsm"),
            smart=head.get("smart", False),
            sender=head["sender"],
            recipients=plan.get("recipients"),
            segments=plan.get("segments"),
            scheduled_at=moment(head["due_at"]) or "",
            schedule=head.get("schedule"),
            created_at=moment(head["created_at"]) or "",
            status_at=moment(head.get("status_at", head["created_at"])) or "",
        )


class ReportView(View):
    """How a campaign went: how many recipients are in each status [M1]. The statuses add up to the recipients."""

    campaign_id: Id
    name: str
    status: Life
    recipients: Count
    segments: Count = Field(description="Of the messages that the carrier accepted.")
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
    def of(cls, head: Mapping[str, Any], report: Report) -> "ReportView":
        return cls(
            campaign_id=head["id"],
            name=head["name"],
            status=head["status"],
            recipients=report.recipients,
            segments=report.segments,
            opted_out=report.opted_out,
            statuses={status.word: count for status, count in report.statuses.items()},
            meanings={status.word: meaning for status, meaning in MEANINGS.items()},
        )
