"""The blacklist: numbers that nobody in the workspace sends to [I6]."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path
from kabar.storage import activity, blacklist
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
