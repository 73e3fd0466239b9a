"""The log of a workspace: who did what and when [M4]."""

from typing import Annotated

from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query

from kabar.storage import activity
from routes.paging import Cursor, Limit, Listing
from routes.times import instant
from schemas import Page
from settings_schemas import ActivityView
from wiring import CallerOf, CursorsOf, Now, table

router = Router()
Who = Annotated[str | None, Query(max_length=200, description="Exactly, as `who` shows it.")]
What = Annotated[
    str | None, Query(max_length=200, description="What was done, or its first words: `campaign`.")
]
About = Annotated[str | None, Query(max_length=200, description="Exactly, as `about` shows it.")]
From = Annotated[
    str | None, Query(alias="from", max_length=40, description="Not before this time (RFC 3339).")
]
To = Annotated[str | None, Query(alias="to", max_length=40, description="Before this time (RFC 3339).")]


@router.get(
    "/v1/activity",
    summary="Show who did what, newest first, over the last 25 months",
    description="A page may hold fewer entries than `limit`, even none: go on while there is a `next_cursor`.",
    tags=["Activity"],
    operation_id="list_activity",
)
def list_activity(
    caller: CallerOf,
    cursors: CursorsOf,
    at: Now,
    who: Who = None,
    what: What = None,
    about: About = None,
    since: From = None,
    until: To = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[ActivityView]:
    filters = {"who": who, "what": what, "about": about, "from": since, "to": until}
    scope = tuple(f"{name}={value}" for name, value in filters.items() if value is not None)
    listing = Listing(cursors, (caller.workspace, "activity", *scope))
    found = activity.page(
        table("activity"),
        caller.workspace,
        activity.Wanted(who, what, about),
        since=max(instant("from", since, 0), at - activity.KEPT_SECONDS * 1000),
        until=max(1, min(instant("to", until, at + 1), at + 1)),
        limit=limit,
        before=listing.position(cursor),
    )
    return listing.page(*found, ActivityView.of)
