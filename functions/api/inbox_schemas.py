"""What goes in and out of the API about replies [I1]."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, field_validator

from access_schemas import epoch_ms
from export_schemas import ExportFailure
from kabar.storage.inbox import Known, Wanted, has_opted_out
from schemas import Count, Id, Mobile, Request, Time, View, moment


class InboxView(View):
    """A reply, and what is known about who wrote it."""

    id: Id
    mobile: Mobile
    to: str = Field(description="The number or short code that it was sent to.", examples=["3774"])
    content: str = Field(examples=["See you there"])
    received_at: Time
    reply_to: Id | None = Field(description="The message that it answers: the newest one from that number.")
    campaign_id: Id | None = Field(description="That message's campaign.")
    list_id: Id | None = Field(description="The list that the message, or the keyword, belongs to.")
    list_name: str | None = Field(description="What the list was called.")
    batch: str | None = Field(description="The list's own reference then.")
    params: list[str] | None = Field(description="Those of this member now; null for none.")
    command: Literal["opt_out", "opt_in"] | None = Field(description="What it asks for as a command.")
    left: Literal["list", "everything", "blacklist"] | None = Field(
        description="What it opted out of; the blacklist where no list could be told."
    )
    keyword: str | None = Field(description="The keyword that it is.")
    opted_out: bool = Field(description="Whether the number has left the list, or everything, by now.")
    blacklisted: bool = Field(description="Whether the number is on the blacklist by now.")
    read: bool
    read_at: Time | None
    response_id: Id | None = Field(description="The message that answered it.")

    @classmethod
    def of(cls, reply: Mapping[str, Any], known: Known) -> "InboxView":
        standing = known.standings[reply["mobile"]]
        return cls(
            id=reply["reply_id"],
            mobile=reply["mobile"],
            to=reply["to"],
            content=reply["text"],
            received_at=moment(reply["at"]) or "",
            reply_to=reply.get("message"),
            campaign_id=reply.get("campaign"),
            list_id=reply.get("list"),
            list_name=reply.get("list_name"),
            batch=reply.get("batch"),
            params=known.params.get((reply.get("list", 0), reply["mobile"])),
            command=reply.get("command"),
            left=reply.get("left"),
            keyword=reply.get("keyword"),
            opted_out=has_opted_out(standing, reply),
            blacklisted="blacklisted" in standing,
            read="read_at" in reply,
            read_at=moment(reply.get("read_at")),
            response_id=reply.get("response", {}).get("id"),
        )


class ReplyMark(Request):
    """Whether somebody has read it."""

    read: bool


Part = Annotated[str, Field(min_length=1, max_length=255)]
Instant = Annotated[str, Field(max_length=40, examples=["2026-12-01T09:00:00Z"])]


class NewInboxExport(Request):
    """Which replies to write to a file, as one searches the inbox; all of them when nothing is named."""

    model_config = ConfigDict(serialize_by_alias=True)

    mobile: str | None = Field(
        default=None,
        max_length=16,
        description="The whole number or its leading part, in international form.",
        examples=["+6421"],
    )
    content: Part | None = Field(default=None, description="Part of the text, in any case, accents or not.")
    list_id: Id | None = None
    batch: Part | None = Field(default=None, description="Part of the list's batch, in any case.")
    opted_out: bool | None = Field(default=None, description="Whether the number has opted out by now.")
    read: bool | None = Field(default=None, description="Whether it is marked as read.")
    since: Instant | None = Field(default=None, alias="from", description="Not before this time (RFC 3339).")
    until: Instant | None = Field(default=None, alias="to", description="Before this time (RFC 3339).")

    @field_validator("since", "until")
    @classmethod
    def _time(cls, text: str | None) -> str | None:
        if text is not None:
            epoch_ms(text)
        return text

    def wanted(self, now: int, leading: str | None) -> Wanted:
        """The search up to `now` (epoch ms); `leading` is what the mobile begins with."""
        return Wanted(
            mobile=leading,
            content=self.content,
            list_id=self.list_id,
            batch=self.batch,
            opted_out=self.opted_out,
            read=self.read,
            since=max(epoch_ms(self.since), 0) if self.since else 0,
            until=min(epoch_ms(self.until), now + 1) if self.until else now + 1,
        )


class InboxExportView(View):
    """Replies on their way into a file; the file is kept for a week."""

    id: Id
    state: Literal["running", "done", "failed"]
    rows: Count = Field(description="Replies written so far.")
    file: str | None = Field(
        description="A link, good for 15 minutes, to the file; asking again gives another."
    )
    error: ExportFailure | None
    created_at: Time
    updated_at: Time
    finished_at: Time | None

    @classmethod
    def of(cls, head: Mapping[str, Any], file: str | None) -> "InboxExportView":
        error = head.get("error")
        return cls(
            id=head["id"],
            state=head["state"],
            rows=head["rows"],
            file=file,
            error=ExportFailure(**error) if error else None,
            created_at=moment(head["created_at"]) or "",
            updated_at=moment(head["updated_at"]) or "",
            finished_at=moment(head.get("finished_at")),
        )
