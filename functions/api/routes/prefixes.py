"""Prefix maps: what local numbers mean, and how numbers would be read with them [B4]."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path

import etags
from etags import IfMatch
from kabar.domain.numbers import Numbers
from kabar.storage import prefixes, workspaces
from kabar.storage.dynamo import Item
from prefix_schemas import NumbersToTry, PrefixMeaning, PrefixView, TriedNumbersView, TriedNumberView
from problems import NOT_FOUND, Problem
from routes.paging import Cursor, Limit, Listing
from schemas import Page
from wiring import CallerOf, CursorsOf, Now, table

router = Router()
Prefix = Annotated[
    str, Path(pattern="^[0-9]{1,15}$", description="The digits that numbers begin with, without a `+`.")
]


@router.get(
    "/v1/settings/prefixes",
    summary="Show the prefixes and what they stand for",
    tags=["Settings"],
    operation_id="list_prefixes",
)
def list_prefixes(
    caller: CallerOf, cursors: CursorsOf, limit: Limit = 50, cursor: Cursor = None
) -> Page[PrefixView]:
    listing = Listing(cursors, (caller.workspace, "prefixes"))
    found = prefixes.page(table("workspaces"), caller.workspace, limit, listing.position(cursor))
    return listing.page(*found, PrefixView.of)


@router.get(
    "/v1/settings/prefixes/<prefix>",
    summary="Show what a prefix stands for",
    tags=["Settings"],
    operation_id="get_prefix",
)
def get_prefix(prefix: Prefix, caller: CallerOf) -> Response[PrefixView]:
    known = prefixes.get(table("workspaces"), caller.workspace, prefix)
    if known is None:
        raise _unknown()
    return _shown(known)


@router.put(
    "/v1/settings/prefixes/<prefix>",
    summary="Say what a prefix stands for",
    description="Of several prefixes that fit a number the longest counts, once: what comes of it isn't mapped "
    "again. Numbers that are stored already stay as they are. A new prefix needs no `If-Match`.",
    tags=["Settings"],
    operation_id="put_prefix",
)
def put_prefix(
    prefix: Prefix, meaning: PrefixMeaning, caller: CallerOf, at: Now, if_match: IfMatch = None
) -> Response[PrefixView]:
    seen = prefixes.get(table("workspaces"), caller.workspace, prefix)
    if seen and seen["replacement"] == meaning.replacement:
        return _shown(seen)
    if seen:
        etags.require(if_match, etags.etag(PrefixView.of(seen)))
    elif if_match is not None:
        raise etags.stale()
    try:
        new = prefixes.save(
            table("workspaces"),
            table("activity"),
            caller.workspace,
            prefix,
            meaning.replacement,
            seen,
            by=caller.who,
            now=at,
        )
    except prefixes.Changed as error:
        raise etags.stale() from error
    return _shown(new)


@router.delete(
    "/v1/settings/prefixes/<prefix>",
    status_code=204,
    summary="Forget a prefix",
    tags=["Settings"],
    operation_id="delete_prefix",
)
def delete_prefix(prefix: Prefix, caller: CallerOf, at: Now) -> Response[None]:
    if not prefixes.forget(
        table("workspaces"), table("activity"), caller.workspace, prefix, by=caller.who, now=at
    ):
        raise _unknown()
    return Response(204)


@router.post(
    "/v1/settings/prefixes/try",
    summary="See how numbers would be read",
    description="With the present prefixes and settings, as an import reads them. Nothing is stored.",
    tags=["Settings"],
    operation_id="try_numbers",
)
def try_numbers(wanted: NumbersToTry, caller: CallerOf) -> TriedNumbersView:
    settings = workspaces.settings(table("workspaces"), caller.workspace)
    known = workspaces.prefix_map(table("workspaces"), caller.workspace)
    numbers, language = Numbers(known, settings["max_digits"]), settings.get("language", "en")
    return TriedNumbersView(
        data=[TriedNumberView.of(each, numbers.clean(each), language) for each in wanted.numbers]
    )


def _shown(item: Item) -> Response[PrefixView]:
    view = PrefixView.of(item)
    return Response(200, "application/json", view, headers={"ETag": etags.etag(view)})


def _unknown() -> Problem:
    return Problem(NOT_FOUND, "There is no such prefix.")
