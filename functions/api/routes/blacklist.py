"""The blacklist: numbers that nobody in the workspace sends to [I6]."""

from typing import Annotated
from urllib.parse import unquote

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path

from kabar.storage import activity, blacklist, workspaces
from problems import invalid
from routes.paging import Cursor, Limit, Listing
from schemas import BlacklistView, NewBlacklisting, Page, moment
from wiring import Caller, CallerOf, CursorsOf, Now, table

router = Router()


@router.get(
    "/v1/blacklist",
    summary="Show the blacklisted numbers, newest first",
    tags=["Blacklist"],
    operation_id="list_blacklist",
)
def list_blacklist(
    caller: CallerOf, cursors: CursorsOf, limit: Limit = 50, cursor: Cursor = None
) -> Page[BlacklistView]:
    listing = Listing(cursors, (caller.workspace, "blacklist"))
    found = blacklist.page(table("people"), caller.workspace, limit, listing.position(cursor))
    return listing.page(*found, _view)


@router.post(
    "/v1/blacklist",
    status_code=201,
    summary="Blacklist a number",
    description="201 when it is new; 200 with the entry as it was when it is there already.",
    tags=["Blacklist"],
    operation_id="add_to_blacklist",
)
def add_to_blacklist(new: NewBlacklisting, caller: CallerOf, at: Now) -> Response[BlacklistView]:
    mobile = _cleaned(caller, new.mobile)
    who = caller.who
    entry, is_new = blacklist.add(table("people"), caller.workspace, mobile, at, who)
    if is_new:
        activity.record(table("activity"), caller.workspace, at, who, "blacklist added", mobile, {})
    return Response(201 if is_new else 200, "application/json", _view(entry))


@router.delete(
    "/v1/blacklist/<mobile>",
    status_code=204,
    summary="Take a number off the blacklist",
    description="204 also when it wasn't on it. Opt-outs of the number stay.",
    tags=["Blacklist"],
    operation_id="remove_from_blacklist",
)
def remove_from_blacklist(
    mobile: Annotated[str, Path(max_length=150, description="The number, `+` written as `%2B` or as it is.")],
    caller: CallerOf,
    at: Now,
) -> Response[None]:
    cleaned = _cleaned(caller, unquote(mobile))
    if blacklist.remove(table("people"), caller.workspace, cleaned):
        who = caller.who
        activity.record(table("activity"), caller.workspace, at, who, "blacklist removed", cleaned, {})
    return Response(204)


def _view(entry: blacklist.Entry) -> BlacklistView:
    return BlacklistView(mobile=entry.mobile, at=moment(entry.at) or "", by=entry.by)


def _cleaned(caller: Caller, written: str) -> str:
    """The number as it is stored [B1]. Raises Problem naming what is wrong with it."""
    from kabar.domain.import_codes import ROWS  # only these two routes need them
    from kabar.domain.numbers import Numbers

    prefixes = workspaces.prefix_map(table("workspaces"), caller.workspace)
    digits = workspaces.settings(table("workspaces"), caller.workspace)["max_digits"]
    number = Numbers(prefixes, digits).clean(written)
    if number.code:
        raise invalid("mobile", str(ROWS[number.code]))
    return number.mobile
