"""The members of a list: find, add, edit, delete, opt out and undo [C2]-[C4] [I5]."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Query

import etags
import problems
import wiring
from etags import IfMatch
from kabar.storage import activity, member_search
from kabar.storage.opt_outs import OptOuts
from kabar.storage.roster import ListGone, ListLoading, MemberExists, Roster, Stale
from list_schemas import MemberChanges, MemberParams, NewMember
from problems import Problem, not_found
from routes.lists import ListId, existing
from routes.numbers import MobilePath, cleaned, from_path
from routes.paging import Cursor, Limit, Listing
from schemas import MemberView, Page
from wiring import Caller, CallerOf, CursorsOf, Now, table

router = Router()
Mark = bool | None
_LEADING = re.compile(r"[+ ]?[0-9]{0,15}")  # a bare + in an address arrives as a space


def roster() -> Roster:
    return Roster(table("people"), table("members"), table("workspaces"))


def opt_outs() -> OptOuts:
    return OptOuts(table("people"), table("members"), table("workspaces"))


@router.get(
    "/v1/lists/<list_id>/members",
    summary="Find members of a list, in the order of their numbers",
    description="Without filters it shows everybody, deleted ones too. A page may come short while "
    "next_cursor says that there is more.",
    tags=["Members"],
    operation_id="list_members",
)
def list_members(
    list_id: ListId,
    caller: CallerOf,
    cursors: CursorsOf,
    mobile: Annotated[
        str | None,
        Query(max_length=16, description="The whole number or its leading part, in international form."),
    ] = None,
    opted_out: Annotated[
        Mark,
        Query(description="Whether they opted out, of this list or of everything; either when left out."),
    ] = None,
    deleted: Annotated[Mark, Query(description="Whether they are deleted; either when left out.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[MemberView]:
    existing(list_id, caller)  # the members table knows no workspaces
    search = member_search.Search(leading(mobile or ""), opted_out, deleted)
    listing = Listing(cursors, (caller.workspace, "members", str(list_id), repr(search)))
    tables = table("members"), table("people")
    found = member_search.page(*tables, caller.workspace, list_id, search, limit, listing.position(cursor))
    return listing.page(*found, MemberView.of)


def leading(mobile: str) -> str:
    if not _LEADING.fullmatch(mobile):
        detail = "Write the number or its leading part with + and digits only."
        raise Problem(
            problems.INVALID_REQUEST, f"mobile: {detail}", errors=[{"parameter": "mobile", "detail": detail}]
        )
    return "+" + mobile.lstrip("+ ")


@router.post(
    "/v1/lists/<list_id>/members",
    status_code=201,
    summary="Add a number to a list",
    description="A deleted number becomes a member again. 409 when it is one already: PUT replaces its params.",
    tags=["Members"],
    operation_id="add_member",
)
def add_member(list_id: ListId, new: NewMember, caller: CallerOf, at: Now) -> Response[MemberView]:
    return _put(list_id, caller, cleaned(caller, new.mobile), new.params, at, replace=False)


@router.get(
    "/v1/lists/<list_id>/members/<mobile>",
    summary="Show a member, also a deleted one",
    tags=["Members"],
    operation_id="get_member",
)
def get_member(list_id: ListId, mobile: MobilePath, caller: CallerOf) -> Response[MemberView]:
    existing(list_id, caller)
    return _shown(_known(list_id, caller, from_path(caller, mobile)))


@router.put(
    "/v1/lists/<list_id>/members/<mobile>",
    summary="Make a number a member with exactly these params",
    description="201 when it wasn't a member, 200 when its params are replaced.",
    tags=["Members"],
    operation_id="put_member",
)
def put_member(
    list_id: ListId, mobile: MobilePath, params: MemberParams, caller: CallerOf, at: Now
) -> Response[MemberView]:
    return _put(list_id, caller, from_path(caller, mobile), params.params, at, replace=True)


@router.patch(
    "/v1/lists/<list_id>/members/<mobile>",
    summary="Edit a member's number or params",
    description="The former number stays findable as deleted.",
    tags=["Members"],
    operation_id="edit_member",
)
def edit_member(
    list_id: ListId,
    mobile: MobilePath,
    changes: MemberChanges,
    caller: CallerOf,
    at: Now,
    if_match: IfMatch = None,
) -> Response[MemberView]:
    existing(list_id, caller)
    seen = _known(list_id, caller, from_path(caller, mobile))
    if "deleted" in seen:
        raise not_found("member")
    etags.require(if_match, etags.etag(MemberView.of(seen)))
    number = seen["sk"] if changes.mobile is None else cleaned(caller, changes.mobile)
    params = seen["params"] if changes.params is None else changes.params
    with _refusals():
        now = roster().edit(caller.workspace, list_id, seen, number, params, at)
    _note(caller, at, "member edited", list_id, seen["sk"], {"mobile": number})
    return _shown(_judged(list_id, caller, now))


@router.delete(
    "/v1/lists/<list_id>/members/<mobile>",
    status_code=204,
    summary="Delete a member for good",
    description="The params go, the number stays findable as deleted and gets nothing. 204 also when it is no member.",
    tags=["Members"],
    operation_id="delete_member",
)
def delete_member(list_id: ListId, mobile: MobilePath, caller: CallerOf, at: Now) -> Response[None]:
    existing(list_id, caller)
    number = from_path(caller, mobile)
    with _refusals():
        if roster().delete(caller.workspace, list_id, number, at):
            _note(caller, at, "member deleted", list_id, number, {})
    return Response(204)


@router.put(
    "/v1/lists/<list_id>/members/<mobile>/opt-out",
    summary="Opt a member out of this list",
    description="It counts from this answer on, also for campaigns under way; again it keeps its time.",
    tags=["Members"],
    operation_id="opt_out_member",
)
def opt_out_member(list_id: ListId, mobile: MobilePath, caller: CallerOf, at: Now) -> Response[MemberView]:
    existing(list_id, caller)
    number = _known(list_id, caller, from_path(caller, mobile))["sk"]
    if opt_outs().leave(caller.workspace, number, list_id, caller.who, wiring.now):
        _note(caller, at, "member opted out", list_id, number, {})
    return _shown(_known(list_id, caller, number))


@router.delete(
    "/v1/lists/<list_id>/members/<mobile>/opt-out",
    summary="Undo a member's opt-out of this list",
    description="The blacklist and opt-outs of other lists stay. The same answer when there was none.",
    tags=["Members"],
    operation_id="undo_opt_out",
)
def undo_opt_out(list_id: ListId, mobile: MobilePath, caller: CallerOf, at: Now) -> Response[MemberView]:
    existing(list_id, caller)
    member = _known(list_id, caller, from_path(caller, mobile))
    left = opt_outs().left_at(caller.workspace, member["sk"], list_id)
    if left is not None or "opted_out" in member:
        opt_outs().undo(caller.workspace, member["sk"], list_id)
        _note(caller, at, "opt-out undone", list_id, member["sk"], {"opted_out_at": left})
    return _shown(_known(list_id, caller, member["sk"]))


def _put(
    list_id: int, caller: Caller, mobile: str, params: list[str], at: int, *, replace: bool
) -> Response[MemberView]:
    existing(list_id, caller)
    with _refusals():
        member, new = roster().put(caller.workspace, list_id, mobile, params, at, replace=replace)
    _note(caller, at, "member added" if new else "member edited", list_id, mobile, {})
    return _shown(_judged(list_id, caller, member), 201 if new else 200)


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except MemberExists as error:
        raise Problem(problems.ALREADY_EXISTS, "This number is a member of the list already.") from error
    except ListLoading as error:
        detail = "An import is writing the list; its members can be edited once it is done."
        raise Problem(problems.LIST_LOADING, detail) from error
    except Stale as error:
        raise etags.stale() from error
    except ListGone as error:
        raise not_found("list") from error


def _known(list_id: int, caller: Caller, mobile: str) -> dict[str, Any]:
    member = roster().get(list_id, mobile)
    if member is None:
        raise not_found("member")
    return _judged(list_id, caller, member)


def _judged(list_id: int, caller: Caller, member: dict[str, Any]) -> dict[str, Any]:
    (judged,) = member_search.judged(table("people"), caller.workspace, list_id, [member])
    return judged


def _shown(member: Mapping[str, Any], status: int = 200) -> Response[MemberView]:
    view = MemberView.of(member)
    return Response(status, "application/json", view, headers={"ETag": etags.etag(view)})


def _note(caller: Caller, at: int, what: str, list_id: int, mobile: str, detail: Mapping[str, Any]) -> None:
    about = f"list:{list_id}"
    who = caller.who
    activity.record(table("activity"), caller.workspace, at, who, what, about, {"member": mobile, **detail})
