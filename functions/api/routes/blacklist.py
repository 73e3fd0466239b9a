"""The blacklist: numbers that nobody in the workspace sends to [I6]."""

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

from kabar.storage import activity, blacklist
from routes.numbers import MobilePath, cleaned, from_path
from routes.paging import Cursor, Limit, Listing
from schemas import BlacklistView, NewBlacklisting, Page, moment
from wiring import CallerOf, CursorsOf, Now, table

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
    mobile = cleaned(caller, new.mobile)
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
    mobile: MobilePath,
    caller: CallerOf,
    at: Now,
) -> Response[None]:
    number = from_path(caller, mobile)
    if blacklist.remove(table("people"), caller.workspace, number):
        who = caller.who
        activity.record(table("activity"), caller.workspace, at, who, "blacklist removed", number, {})
    return Response(204)


def _view(entry: blacklist.Entry) -> BlacklistView:
    return BlacklistView(mobile=entry.mobile, at=moment(entry.at) or "", by=entry.by)
