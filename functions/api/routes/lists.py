"""Recipient lists [C1]."""

from typing import Annotated, Any

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path

from kabar.storage import browse
from problems import not_found
from routes.paging import Cursor, Limit, Listing
from schemas import MAX_ID, ListView, Page
from wiring import Caller, CallerOf, CursorsOf, table

router = Router()
ListId = Annotated[int, Path(ge=1, le=MAX_ID, description="The list's id.")]


@router.get("/v1/lists", summary="Show the lists, newest first", tags=["Lists"], operation_id="list_lists")
def list_lists(
    caller: CallerOf, cursors: CursorsOf, limit: Limit = 50, cursor: Cursor = None
) -> Page[ListView]:
    listing = Listing(cursors, (caller.workspace, "lists"))
    found = browse.lists(table("workspaces"), caller.workspace, limit, listing.position(cursor))
    return listing.page(*found, ListView.of)


@router.get("/v1/lists/<list_id>", summary="Show a list", tags=["Lists"], operation_id="get_list")
def get_list(list_id: ListId, caller: CallerOf) -> ListView:
    return ListView.of(existing(list_id, caller))


def existing(list_id: int, caller: Caller) -> dict[str, Any]:
    """The list's head. Raises Problem: it is gone, or never was the caller's [A1]."""
    head = browse.list_head(table("workspaces"), caller.workspace, list_id)
    if head is None:
        raise not_found("list")
    return head
