"""What goes in and out of the API, as pydantic models; the OpenAPI document is made from them.

Requests are strict: no conversions ("5" is no number) and no unknown fields. Times are RFC 3339 in UTC.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidatorFunctionWrapHandler,
    field_validator,
)

from kabar.domain.campaigns import Life
from kabar.domain.import_codes import IMPORTS
from kabar.domain.schedule import BadSchedule, Due, due, zone
from kabar.domain.statuses import MEANINGS
from kabar.domain.text import UnknownPlaceholder, parse
from kabar.storage.reports import Report

MAX_ID = 2**53 - 1
_SENDER = re.compile(r"\+?[0-9]{1,15}|[A-Za-z0-9]{1,11}")

Id = Annotated[int, Field(ge=1, le=MAX_ID, examples=[1042])]
Time = Annotated[str, Field(json_schema_extra={"format": "date-time"}, examples=["2026-12-01T09:00:00.000Z"])]
Mobile = Annotated[str, Field(description="International form: + and digits.", examples=["+6421555666"])]
Count = Annotated[int, Field(ge=0)]
T = TypeVar("T")


def moment(at: int | None) -> str | None:
    """Epoch ms as RFC 3339 in UTC; None stays None."""
    if at is None:
        return None
    return datetime.fromtimestamp(at / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class View(BaseModel):
    """What is shown. Models are built when first used: a cold start shows or takes one of them."""

    model_config = ConfigDict(defer_build=True)


class Request(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", defer_build=True)


class Page(View, Generic[T]):
    """One page of a listing."""

    data: list[T]
    next_cursor: str | None = Field(description="Ask for the next page with it; null on the last page.")


class ListView(View):
    """A recipient list."""

    id: Id
    name: str = Field(examples=["Members of the gym"])
    batch: str | None = Field(description="A reference of your own.")
    email: str | None = Field(description="Where replies to this list are forwarded.")
    reply_response: str | None = Field(description="What answers a reply to this list.")
    opt_out_response: str | None = Field(description="What confirms an opt-out from this list.")
    members: Count = Field(description="Numbers on the list, without deleted ones.")
    opted_out: Count = Field(description="Members known to have opted out.")
    deleted: Count = Field(description="Deleted numbers that stay findable.")
    loading: bool = Field(description="Whether an import is writing it.")
    created_at: Time

    @classmethod
    def of(cls, head: Mapping[str, Any]) -> "ListView":
        return cls(
            id=head["id"],
            name=head["name"],
            batch=head.get("batch"),
            email=head.get("email"),
            reply_response=head.get("reply_response"),
            opt_out_response=head.get("opt_out_response"),
            members=head.get("members", 0),
            opted_out=head.get("opted_out", 0),
            deleted=head.get("deleted", 0),
            loading=bool(head.get("loading")),
            created_at=moment(head["created_at"]) or "",
        )


class MemberView(View):
    """One number on a list, with its params."""

    mobile: Mobile
    params: list[str] = Field(
        description="Up to 6; the first is %%1%% in a text.", examples=[["Amy", "Scott"]]
    )
    opted_out: bool
    opted_out_at: Time | None
    deleted: bool
    deleted_at: Time | None

    @classmethod
    def of(cls, member: Mapping[str, Any]) -> "MemberView":
        opted_out, deleted = member.get("opted_out"), member.get("deleted")
        return cls(
            mobile=member["sk"],
            params=member.get("params", []),
            opted_out=opted_out is not None,
            opted_out_at=moment(opted_out),
            deleted=deleted is not None,
            deleted_at=moment(deleted),
        )


class ImportFailure(View):
    """Why an import failed and what to do about it."""

    code: str = Field(examples=["encoding_unsupported"])
    message: str
    fix: str | None

    @classmethod
    def of(cls, error: Mapping[str, str] | None) -> "ImportFailure | None":
        if not error:
            return None
        known = IMPORTS.get(error["code"])
        return cls(code=error["code"], message=error["message"], fix=known.fix if known else None)


class PartOfImport(View):
    """One list of several that an import made."""

    list_id: Id
    name: str = Field(examples=["Gym (1/3)"])
    records: Count = Field(description="Members that it was given.")


class FirstRow(View):
    """One row of a dry run as an import would read it."""

    mobile: Mobile
    params: list[str] = Field(examples=[["Amy", "Scott"]])
    changes: list[str] = Field(
        description="What would be done to the number.", examples=[["prefix_mapped", "plus_added"]]
    )


class ImportView(View):
    """An import: a file on its way into a list. Rows read is the sum of the five buckets once it is done."""

    id: str = Field(examples=["4f3c2b1a0d9e8f7a6b5c4d3e2f1a0b9c"])
    key: str = Field(description="The object in the uploads bucket.", examples=["acme/lists/Gym/members.csv"])
    purpose: Literal["append", "new_list", "delete_members", "blacklist"]
    filename: str | None = Field(description="What the file was called, if that was said.")
    remove_opt_outs: bool
    strict: bool = Field(description="Whether implausible numbers are rejected.")
    dry_run: bool = Field(description="Whether it only says what it would do.")
    state: Literal["waiting_for_file", "validating", "needs_decision", "loading", "done", "failed"]
    phase: str | None = Field(description="What it is doing, for people.")
    list_id: Id | None
    list_name: str | None
    lists: list[PartOfImport] | None = Field(description="The lists of a split import, in the file's order.")
    header: list[str] | None = Field(description="The header row that was recognised and skipped.")
    rows_read: Count
    accepted: Count
    corrected: Count
    duplicates: Count
    opted_out: Count
    rejected: Count
    implausible: Count | None = Field(
        description="Imported numbers that no country has, as far as is known: a warning."
    )
    added: Count | None = Field(description="Numbers that are new on the list.")
    readded: Count | None = Field(description="Deleted numbers that are members again.")
    updated: Count | None = Field(description="Members whose params were replaced.")
    to_delete: Count | None = Field(description="Members that a deletion would remove.")
    missing: Count | None = Field(description="Numbers to delete that are no members of the list.")
    deleted: Count | None = Field(description="Members that were deleted.")
    blacklisted: Count | None = Field(description="Numbers that are new on the blacklist.")
    bytes_read: Count
    bytes_total: Count | None
    estimated_end: Time | None = Field(description="When the file will be read at the present speed.")
    rejected_file: str | None = Field(
        description="A link, good for an hour, to the rejected rows with their reasons."
    )
    preview: dict[str, list[str]] | None = Field(
        description="Where the encoding must be chosen: a few lines as each possible encoding reads them."
    )
    missing_file: str | None = Field(description="A link, good for an hour, to the missing numbers.")
    first_rows: list[FirstRow] | None = Field(
        description="Of a dry run: the first 20 rows that would be read, opted out or not."
    )
    error: ImportFailure | None
    created_at: Time
    updated_at: Time
    finished_at: Time | None

    @classmethod
    def of(
        cls, head: Mapping[str, Any], rejected_file: str | None, missing_file: str | None = None
    ) -> "ImportView":
        same: dict[str, Any] = {name: head.get(name, 0) for name in _COUNTS}
        same |= {name: head.get(name) for name in _OPTIONAL}
        return cls(
            id=head["id"],
            key=head["key"],
            purpose=head.get("purpose", "append"),
            remove_opt_outs=head.get("remove_opt_outs", True),
            strict=head.get("strict", False),
            dry_run=head.get("dry_run", False),
            state=head["state"],
            **same,
            estimated_end=moment(_estimated_end(head)),
            rejected_file=rejected_file,
            missing_file=missing_file,
            error=ImportFailure.of(head.get("error")),
            created_at=moment(head["created_at"]) or "",
            updated_at=moment(head["updated_at"]) or "",
            finished_at=moment(head.get("finished_at")),
        )


_COUNTS = ("rows_read", "accepted", "corrected", "duplicates", "opted_out", "rejected", "bytes_read")
_OPTIONAL = (
    "phase",
    "filename",
    "list_id",
    "list_name",
    "lists",
    "header",
    "implausible",
    "added",
    "readded",
    "updated",
    "bytes_total",
    "preview",
    "first_rows",
    "to_delete",
    "missing",
    "deleted",
    "blacklisted",
)


def _estimated_end(head: Mapping[str, Any]) -> int | None:
    read, total = head.get("bytes_read"), head.get("bytes_total")
    if head["state"] != "validating" or not read or not total or read > total:
        return None
    return int(head["created_at"] + (head["updated_at"] - head["created_at"]) * total / read)


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


class NewCampaign(Request):
    """A campaign to send now or at a time."""

    name: str = Field(min_length=1, max_length=50, examples=["Christmas hours"])
    list_id: Id
    text: str = Field(
        min_length=1,
        max_length=1600,
        description="%%1%% to %%6%% stand for each recipient's params.",
        examples=["Hi %%1%%, we are open on Boxing Day."],
    )
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

    @field_validator("name", "text")
    @classmethod
    def _no_nul(cls, value: str) -> str:
        if "\0" in value:
            raise ValueError("a NUL character is no text")
        return value

    @field_validator("text")
    @classmethod
    def _placeholders(cls, text: str) -> str:
        try:
            parse(text)
        except UnknownPlaceholder as error:
            raise ValueError(str(error)) from error
        return text

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


class NewBlacklisting(Request):
    """A number that nobody is to send to."""

    mobile: str = Field(
        min_length=1,
        max_length=50,
        description="International form, or local with the workspace's prefixes.",
        examples=["+6421555666"],
    )


class BlacklistView(View):
    """A blacklisted number."""

    mobile: Mobile
    at: Time = Field(description="Since when.")
    by: str = Field(
        description="`api:<key>` or `reply:<carrier's id>`.", examples=["api:key:1f2e3d4c5b6a7988"]
    )
