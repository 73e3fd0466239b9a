"""Recipient lists: make, find, edit, delete [C1] [C6]."""

from collections.abc import Mapping
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path, Query

import etags
import problems
from etags import IfMatch
from kabar.storage import activity, browse, list_edits, workspaces
from list_schemas import DeletedListsView, DeletedListView, ListChanges, ListIds, NewList
from problems import Problem, not_found
from routes.paging import Cursor, Limit, Listing
from schemas import AddressId, ListView, Page
from wiring import Caller, CallerOf, CursorsOf, NewNumber, Now, table

router = Router()
ListId = Annotated[AddressId, Path(description="The list's id.")]


@router.get(
    "/v1/lists",
    summary="Show or search the lists, newest first",
    description="With `search` a page may come short while next_cursor says that there is more.",
    tags=["Lists"],
    operation_id="list_lists",
)
def list_lists(
    caller: CallerOf,
    cursors: CursorsOf,
    search: Annotated[
        str | None,
        Query(min_length=1, max_length=255, description="Part of the name or batch, in any case."),
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ListView]:
    listing = Listing(cursors, (caller.workspace, "lists", *([] if search is None else [search])))
    position = listing.position(cursor)
    if search is None:
        found = browse.lists(table("workspaces"), caller.workspace, limit, position)
    else:
        found = list_edits.search(table("workspaces"), caller.workspace, search, limit, position)
    return listing.page(*found, ListView.of)


@router.post(
    "/v1/lists", status_code=201, summary="Make an empty list", tags=["Lists"], operation_id="create_list"
)
def create_list(new: NewList, caller: CallerOf, at: Now, number: NewNumber) -> Response[ListView]:
    _check_encoding(new.response_encoding, caller)
    try:
        head = list_edits.create(table("workspaces"), caller.workspace, number, new.model_dump(), at)
    except list_edits.NameTaken as error:
        raise _taken(new.name) from error
    _note(caller, at, "list created", number, {"name": new.name})
    return _shown(head, 201)


@router.get("/v1/lists/<list_id>", summary="Show a list", tags=["Lists"], operation_id="get_list")
def get_list(list_id: ListId, caller: CallerOf) -> Response[ListView]:
    return _shown(existing(list_id, caller))


@router.patch(
    "/v1/lists/<list_id>",
    summary="Rename a list, or change its batch, e-mail or responses",
    tags=["Lists"],
    operation_id="edit_list",
)
def edit_list(
    list_id: ListId, changes: ListChanges, caller: CallerOf, at: Now, if_match: IfMatch = None
) -> Response[ListView]:
    seen = existing(list_id, caller)
    etags.require(if_match, _tag(seen))
    _check_encoding(changes.response_encoding, caller)
    named = changes.model_dump(exclude_unset=True)
    try:
        head = list_edits.edit(table("workspaces"), caller.workspace, seen, named)
    except list_edits.Stale as error:
        raise etags.stale() from error
    except list_edits.NameTaken as error:
        raise _taken(str(changes.name)) from error
    _note(caller, at, "list edited", list_id, {"changed": sorted(named)})
    return _shown(head)


@router.delete(
    "/v1/lists/<list_id>",
    status_code=204,
    summary="Delete a list",
    description="It is gone at once and its name free; its members are removed in the background. A campaign "
    "under way keeps its own recipients; one that has not started fails. Its keywords are deleted with it: then "
    "the answer is 200 and names them.",
    tags=["Lists"],
    operation_id="delete_list",
)
def delete_list(list_id: ListId, caller: CallerOf, at: Now) -> Response[DeletedListView | None]:
    keywords = _delete(caller, list_id, at)
    if keywords is None:
        raise not_found("list")
    if keywords:
        return Response(200, "application/json", DeletedListView(id=list_id, keywords=keywords))
    return Response(204)


@router.post(
    "/v1/lists/delete",
    summary="Delete up to 100 lists, and say which were",
    tags=["Lists"],
    operation_id="delete_lists",
)
def delete_lists(which: ListIds, caller: CallerOf, at: Now) -> DeletedListsView:
    wanted = list(dict.fromkeys(which.list_ids))
    gone = {list_id: _delete(caller, list_id, at) for list_id in wanted}
    return DeletedListsView(
        deleted=[list_id for list_id, keywords in gone.items() if keywords is not None],
        not_found=[list_id for list_id, keywords in gone.items() if keywords is None],
        keywords=[keyword for keywords in gone.values() for keyword in keywords or ()],
    )


def existing(list_id: int, caller: Caller) -> dict[str, Any]:
    """The list's head. Raises Problem: it is gone, or never was the caller's [A1]."""
    head = browse.list_head(table("workspaces"), caller.workspace, list_id)
    if head is None:
        raise not_found("list")
    return head


def _delete(caller: Caller, list_id: int, at: int) -> list[str] | None:
    keywords = list_edits.delete(
        table("workspaces"), table("activity"), caller.workspace, list_id, by=caller.who, now=at
    )
    if keywords is not None:
        _note(caller, at, "list deleted", list_id, {"keywords": keywords} if keywords else {})
    return keywords


def _check_encoding(encoding: str | None, caller: Caller) -> None:
    if encoding:
        from message_texts import check_encoding  # knows all carriers, which few calls need

        carrier = workspaces.settings(table("workspaces"), caller.workspace)["carrier"]
        check_encoding(encoding, carrier, caller.workspace, "response_encoding")


def _taken(name: str) -> Problem:
    detail = f"Another list is called {name!r}."
    errors = [{"pointer": "#/name", "detail": detail}]
    return Problem(problems.ALREADY_EXISTS, detail, errors=errors)


def _tag(head: Mapping[str, Any]) -> str:
    return etags.etag(head["id"], head.get("version", 0))  # counters may move, an edit stays right


def _shown(head: Mapping[str, Any], status: int = 200) -> Response[ListView]:
    headers = {"ETag": _tag(head)}
    if status == 201:
        headers["Location"] = f"/v1/lists/{head['id']}"
    return Response(status, "application/json", ListView.of(head), headers=headers)


def _note(caller: Caller, at: int, what: str, list_id: int, detail: Mapping[str, Any]) -> None:
    about = f"list:{list_id}"
    activity.record(table("activity"), caller.workspace, at, caller.who, what, about, detail)
