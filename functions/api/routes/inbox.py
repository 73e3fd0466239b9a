"""The inbox: find replies, mark them as read, opt their writers out and undo that [I1] [I5]."""

from collections.abc import Callable
from typing import Annotated, Any

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path, Query

import wiring
from inbox_schemas import InboxView, ReplyMark
from kabar.storage.inbox import Inbox, Wanted
from problems import not_found
from routes.members import leading
from routes.paging import Cursor, Limit, Listing
from routes.times import instant
from schemas import MAX_ID, AddressId, Page
from wiring import Caller, CallerOf, CursorsOf, Now, table

router = Router()
ReplyId = Annotated[AddressId, Path(description="The reply's id.")]
Either = bool | None


def inbox() -> Inbox:
    return Inbox(table("people"), table("members"), table("workspaces"), table("activity"))


@router.get(
    "/v1/inbox",
    summary="Show or search the replies, newest first",
    description="A page may come short while next_cursor says that there is more. Opt-outs that could be tied to no "
    "list are on the blacklist, not among the opted out here.",
    tags=["Inbox"],
    operation_id="list_inbox",
)
def list_inbox(
    caller: CallerOf,
    cursors: CursorsOf,
    at: Now,
    mobile: Annotated[
        str | None,
        Query(max_length=16, description="The whole number or its leading part, in international form."),
    ] = None,
    content: Annotated[
        str | None,
        Query(min_length=1, max_length=255, description="Part of the text, in any case, accents or not."),
    ] = None,
    list_id: Annotated[int | None, Query(ge=1, le=MAX_ID, description="The list's id.")] = None,
    batch: Annotated[
        str | None,
        Query(min_length=1, max_length=255, description="Part of the list's batch, in any case."),
    ] = None,
    opted_out: Annotated[Either, Query(description="Whether the number has opted out by now.")] = None,
    read: Annotated[Either, Query(description="Whether it is marked as read.")] = None,
    since: Annotated[
        str | None, Query(alias="from", max_length=40, description="Not before this time (RFC 3339).")
    ] = None,
    until: Annotated[
        str | None, Query(alias="to", max_length=40, description="Before this time (RFC 3339).")
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[InboxView]:
    wanted = Wanted(
        mobile=leading(mobile) if mobile else None,
        content=content,
        list_id=list_id,
        batch=batch,
        opted_out=opted_out,
        read=read,
        since=max(instant("from", since, 0), 0),
        until=min(instant("to", until, at + 1), at + 1),
    )
    asked = (mobile, content, list_id, batch, opted_out, read, since, until)
    listing = Listing(cursors, (caller.workspace, "inbox", repr(asked)))
    found, position = inbox().page(caller.workspace, wanted, limit, listing.position(cursor))
    known = inbox().known(caller.workspace, found)
    return listing.page(found, position, lambda reply: InboxView.of(reply, known))


@router.get("/v1/inbox/<reply_id>", summary="Show a reply", tags=["Inbox"], operation_id="get_reply")
def get_reply(reply_id: ReplyId, caller: CallerOf) -> InboxView:
    return _shown(caller, _existing(reply_id, caller))


@router.patch(
    "/v1/inbox/<reply_id>",
    summary="Mark a reply as read or not",
    tags=["Inbox"],
    operation_id="mark_reply",
)
def mark_reply(reply_id: ReplyId, mark: ReplyMark, caller: CallerOf, at: Now) -> InboxView:
    return _shown(caller, inbox().mark(_existing(reply_id, caller), read=mark.read, now=at))


@router.post(
    "/v1/inbox/<reply_id>/opt-out",
    summary="Opt the number out of everything",
    description="It counts from this answer on, also for campaigns under way; again it keeps its time.",
    tags=["Inbox"],
    operation_id="opt_out_reply",
)
def opt_out_reply(reply_id: ReplyId, caller: CallerOf) -> InboxView:
    return _changed(reply_id, caller, inbox().opt_out)


@router.delete(
    "/v1/inbox/<reply_id>/opt-out",
    summary="Undo the opt-out",
    description="What the button did, and what this very reply did; other opt-outs of the number stay.",
    tags=["Inbox"],
    operation_id="undo_reply_opt_out",
)
def undo_reply_opt_out(reply_id: ReplyId, caller: CallerOf) -> InboxView:
    return _changed(reply_id, caller, inbox().undo)


def _changed(reply_id: int, caller: Caller, change: Callable[..., None]) -> InboxView:
    reply = _existing(reply_id, caller)
    change(caller.workspace, reply, caller.who, wiring.now)
    return _shown(caller, reply)


def _existing(reply_id: int, caller: Caller) -> dict[str, Any]:
    reply = inbox().get(caller.workspace, reply_id)
    if reply is None:
        raise not_found("reply")
    return reply


def _shown(caller: Caller, reply: dict[str, Any]) -> InboxView:
    return InboxView.of(reply, inbox().known(caller.workspace, [reply]))
