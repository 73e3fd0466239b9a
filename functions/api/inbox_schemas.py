"""What goes in and out of the API about replies [I1]."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from kabar.storage.inbox import Known, has_opted_out
from schemas import Id, Mobile, Request, Time, View, moment


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
