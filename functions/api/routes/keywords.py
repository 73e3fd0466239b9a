"""Keywords: words sent to a dedicated number that make their sender a member of a list [I8]."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path, Query

import etags
import problems
from etags import IfMatch
from kabar.domain.commands import command_in, commands_of
from kabar.domain.replies import dedicated_numbers
from kabar.storage import keywords, workspaces
from kabar.storage.keywords import MAX_OF_LIST, Keywords
from keyword_schemas import KeywordChanges, KeywordView, NewKeyword
from message_texts import check_encoding
from problems import Problem, invalid, not_found
from routes.paging import Cursor, Limit, Listing
from schemas import AddressId, Page
from wiring import Caller, CallerOf, CursorsOf, NewNumber, Now, table

router = Router()
KeywordId = Annotated[AddressId, Path(description="The keyword's id.")]


@router.get(
    "/v1/keywords",
    summary="Show the keywords, newest first",
    tags=["Keywords"],
    operation_id="list_keywords",
)
def list_keywords(
    caller: CallerOf,
    cursors: CursorsOf,
    deleted: Annotated[
        bool | None, Query(description="Whether they are deleted; either when left out.")
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[KeywordView]:
    listing = Listing(cursors, (caller.workspace, "keywords", str(deleted)))
    found = _keywords(caller).page(limit, listing.position(cursor), deleted)
    return listing.page(*found, KeywordView.of)


@router.post(
    "/v1/keywords",
    status_code=201,
    summary="Add a keyword",
    description="Only in a workspace with a dedicated number. A word that belonged to a deleted keyword is refused "
    "until that is released.",
    tags=["Keywords"],
    operation_id="create_keyword",
)
def create_keyword(new: NewKeyword, caller: CallerOf, at: Now, number: NewNumber) -> Response[KeywordView]:
    _check(new, caller)
    wanted = new.model_dump(exclude={"keyword"}) | {"word": new.keyword}
    with _refusals():
        item = _keywords(caller).create(number, wanted, by=caller.who, now=at)
    return _shown(item, 201)


@router.get(
    "/v1/keywords/<keyword_id>",
    summary="Show a keyword, also a deleted one",
    tags=["Keywords"],
    operation_id="get_keyword",
)
def get_keyword(keyword_id: KeywordId, caller: CallerOf) -> Response[KeywordView]:
    return _shown(_existing(keyword_id, caller))


@router.patch(
    "/v1/keywords/<keyword_id>",
    summary="Change a keyword's list, response or whether it is active",
    tags=["Keywords"],
    operation_id="edit_keyword",
)
def edit_keyword(
    keyword_id: KeywordId, changes: KeywordChanges, caller: CallerOf, at: Now, if_match: IfMatch = None
) -> Response[KeywordView]:
    seen = _existing(keyword_id, caller)
    etags.require(if_match, _tag(seen))
    if "deleted_at" in seen:
        raise Problem(problems.STATUS_CONFLICT, "The keyword was deleted.")
    named = changes.model_dump(exclude_unset=True)
    if changes.encoding:
        settings = workspaces.settings(table("workspaces"), caller.workspace)
        check_encoding(changes.encoding, settings["carrier"], caller.workspace)
    with _refusals():
        return _shown(_keywords(caller).edit(seen, named, by=caller.who, now=at))


@router.delete(
    "/v1/keywords/<keyword_id>",
    status_code=204,
    summary="Delete a keyword",
    description="Who sends it gets the default response from now on. Its word can't be used again until it is "
    "released. 204 also when it was deleted before.",
    tags=["Keywords"],
    operation_id="delete_keyword",
)
def delete_keyword(keyword_id: KeywordId, caller: CallerOf, at: Now) -> Response[None]:
    seen = _existing(keyword_id, caller)
    if "deleted_at" not in seen:
        with _refusals():
            _keywords(caller).delete(seen, by=caller.who, now=at)
    return Response(204)


@router.post(
    "/v1/keywords/<keyword_id>/release",
    status_code=204,
    summary="Let the word of a deleted keyword be used again",
    description="The deleted keyword is gone then; the log keeps it.",
    tags=["Keywords"],
    operation_id="release_keyword",
)
def release_keyword(keyword_id: KeywordId, caller: CallerOf, at: Now) -> Response[None]:
    seen = _existing(keyword_id, caller)
    if "deleted_at" not in seen:
        raise Problem(problems.STATUS_CONFLICT, "Only a deleted keyword can be released.")
    with _refusals():
        _keywords(caller).release(seen, by=caller.who, now=at)
    return Response(204)


def _check(new: NewKeyword, caller: Caller) -> None:
    """Raises Problem when a keyword would do nothing here, or is a command."""
    settings = workspaces.settings(table("workspaces"), caller.workspace)
    if not dedicated_numbers(settings):
        detail = "Keywords are sent to a dedicated number; add yours to `numbers` of the settings first."
        raise Problem(problems.STATUS_CONFLICT, detail)
    command = command_in(new.keyword, commands_of(settings))
    if command:
        raise invalid("keyword", f"{command.word} is one of the opt-out commands and START words")
    check_encoding(new.encoding, settings["carrier"], caller.workspace)


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except keywords.WordTaken as error:
        if error.deleted:
            detail = f"It belonged to the keyword {error.keyword_id}, which was deleted. Release that first."
            raise Problem(problems.KEYWORD_DELETED, detail) from error
        detail = f"It belongs to the keyword {error.keyword_id}."
        named = [{"pointer": "#/keyword", "detail": detail}]
        raise Problem(problems.ALREADY_EXISTS, detail, errors=named) from error
    except keywords.NoSuchList as error:
        raise invalid("list_id", "there is no list with this id") from error
    except keywords.TooMany as error:
        raise Problem(problems.STATUS_CONFLICT, f"A list has up to {MAX_OF_LIST} keywords.") from error
    except keywords.Stale as error:
        raise etags.stale() from error


def _keywords(caller: Caller) -> Keywords:
    return Keywords(table("workspaces"), table("activity"), caller.workspace)


def _existing(keyword_id: int, caller: Caller) -> dict[str, Any]:
    item = _keywords(caller).get(keyword_id)
    if item is None:
        raise not_found("keyword")
    return item


def _tag(item: Mapping[str, Any]) -> str:
    return etags.etag(item["id"], item["version"])


def _shown(item: Mapping[str, Any], status: int = 200) -> Response[KeywordView]:
    headers = {"ETag": _tag(item)}
    if status == 201:
        headers["Location"] = f"/v1/keywords/{item['id']}"
    return Response(status, "application/json", KeywordView.of(item), headers=headers)
