"""Imports: what became of each file in the uploads bucket [D3] [D5] [D6]."""

from collections.abc import Mapping
from typing import Annotated, Any

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path, Query

from kabar.storage import browse
from problems import NOT_FOUND, Problem, not_found
from routes.paging import Cursor, Limit, Listing
from schemas import ImportView, Page
from wiring import CallerOf, CursorsOf, download_link, table

router = Router()


@router.get(
    "/v1/imports",
    summary="Show the imports, newest first, or the newest import of one object",
    description="With `key` the answer is that one import, not a page; 404 until the file was noticed.",
    tags=["Imports"],
    operation_id="list_imports",
)
def list_imports(
    caller: CallerOf,
    cursors: CursorsOf,
    key: Annotated[
        str | None,
        Query(min_length=1, max_length=1024, description="The key of an object in the uploads bucket."),
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ImportView] | ImportView:
    if key is not None:
        head = browse.newest_import_of(table("workspaces"), caller.workspace, key)
        if head is None:
            raise Problem(NOT_FOUND, "There is no import of this object (yet).")
        return _view(head)
    listing = Listing(cursors, (caller.workspace, "imports"))
    found = browse.imports(table("workspaces"), caller.workspace, limit, listing.position(cursor))
    return listing.page(*found, _view)


@router.get("/v1/imports/<import_id>", summary="Show an import", tags=["Imports"], operation_id="get_import")
def get_import(
    import_id: Annotated[str, Path(pattern="^[0-9a-f]{32}$", description="The import's id.")],
    caller: CallerOf,
) -> ImportView:
    head = browse.import_head(table("workspaces"), caller.workspace, import_id)
    if head is None:
        raise not_found("import")
    return _view(head)


def _view(head: Mapping[str, Any]) -> ImportView:
    key = head.get("rejected_key")
    return ImportView.of(head, download_link(key, "rejected.csv") if key else None)
