"""The people of a workspace: invite, look through, change role, remove [A2]."""

from collections.abc import Mapping
from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path

import etags
import problems
from access_schemas import NewUser, UserChange, UserView
from etags import IfMatch
from kabar.domain.access import ROLES, Role, may_give
from kabar.storage.dynamo import Item
from kabar.storage.sign_ins import BadAddress
from kabar.storage.users import LastOwner, NoUser, UserChanged, UserExists
from problems import Problem, invalid, not_found
from routes.paging import Cursor, Limit, Listing
from schemas import Page
from wiring import Caller, CallerOf, CursorsOf, Now, pool, users

router = Router()
UserId = Annotated[
    str, Path(pattern="^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", description="The user's id.")
]


@router.post(
    "/v1/users",
    status_code=201,
    summary="Invite somebody; they get an e-mail with a first password",
    tags=["Users"],
    operation_id="add_user",
)
def add_user(new: NewUser, caller: CallerOf, at: Now) -> Response[UserView]:
    _may_give(caller, new.role)
    email = new.email.lower()
    try:
        user = pool().invite(caller.workspace, email, new.name)
        item = users().add(
            caller.workspace, user, email=email, name=new.name, role=new.role, by=caller.who, now=at
        )
    except BadAddress as error:
        raise invalid("email", "this is no address that can get an invitation") from error
    except UserExists as error:
        raise Problem(
            problems.ALREADY_EXISTS, "Somebody with this e-mail address is a user already."
        ) from error
    return _shown(item, 201, {"Location": f"/v1/users/{user}"})


@router.get("/v1/users", summary="Show the users", tags=["Users"], operation_id="list_users")
def list_users(
    caller: CallerOf, cursors: CursorsOf, limit: Limit = 50, cursor: Cursor = None
) -> Page[UserView]:
    listing = Listing(cursors, (caller.workspace, "users"))
    return listing.page(*users().page(caller.workspace, limit, listing.position(cursor)), UserView.of)


@router.get("/v1/users/<user_id>", summary="Show a user", tags=["Users"], operation_id="get_user")
def get_user(user_id: UserId, caller: CallerOf) -> Response[UserView]:
    item = _user(user_id, caller)
    return _shown(item)


@router.patch(
    "/v1/users/<user_id>",
    summary="Change a user's name or role; it takes effect within a minute",
    tags=["Users"],
    operation_id="change_user",
)
def change_user(
    user_id: UserId, change: UserChange, caller: CallerOf, at: Now, if_match: IfMatch = None
) -> Response[UserView]:
    item = _user(user_id, caller)
    etags.require(if_match, etags.etag(UserView.of(item)))
    _may_give(caller, Role(item["role"]))
    changes = change.model_dump(exclude_none=True, mode="json")
    if "role" in changes:
        _may_give(caller, Role(changes["role"]))
    try:
        item = users().change(caller.workspace, item, changes, by=caller.who, now=at)
    except UserChanged as error:
        raise etags.stale() from error
    except LastOwner as error:
        raise _last_owner() from error
    return _shown(item)


@router.delete(
    "/v1/users/<user_id>",
    status_code=204,
    summary="Remove a user, within a minute; the API keys they made stay",
    tags=["Users"],
    operation_id="remove_user",
)
def remove_user(user_id: UserId, caller: CallerOf, at: Now) -> Response[None]:
    item = _user(user_id, caller)
    _may_give(caller, Role(item["role"]))
    try:
        users().remove(caller.workspace, item, by=caller.who, now=at)
    except UserChanged as error:
        raise etags.stale() from error
    except LastOwner as error:
        raise _last_owner() from error
    pool().forget(caller.workspace, item["email"])
    return Response(204)


def _user(user: str, caller: Caller) -> Item:
    try:
        return users().get(caller.workspace, user)
    except NoUser as error:
        raise not_found("user") from error


def _may_give(caller: Caller, role: Role) -> None:
    if not may_give(caller.scopes, ROLES[role]):
        raise Problem(problems.FORBIDDEN, f"The role {role} may do more than you.")


def _shown(item: Item, status: int = 200, headers: Mapping[str, str] | None = None) -> Response[UserView]:
    view = UserView.of(item)
    return Response(status, "application/json", view, headers={"ETag": etags.etag(view), **(headers or {})})


def _last_owner() -> Problem:
    return Problem(
        problems.STATUS_CONFLICT, "A workspace keeps at least one owner: make somebody else one first."
    )
