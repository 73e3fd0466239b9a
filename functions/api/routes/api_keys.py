"""API keys for programs: create, look through, rotate, revoke [A2]."""

from typing import Annotated

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path

import problems
from access_schemas import CreatedKeyView, KeyRotation, KeyView, NewKey, epoch_ms, fields_of
from kabar.domain.access import may_give
from kabar.storage.api_keys import KeyChanged, NoKey
from problems import Problem, invalid, not_found
from routes.paging import Cursor, Limit, Listing
from schemas import Page
from wiring import CallerOf, CursorsOf, NewNumber, Now, keyring

router = Router()
KeyId = Annotated[str, Path(pattern="^[0-9a-f]{16}$", description="The key's id.")]
HOUR_MS = 3_600_000


@router.post(
    "/v1/api-keys",
    status_code=201,
    summary="Create an API key; it is shown this once",
    tags=["API keys"],
    operation_id="create_api_key",
)
def create_api_key(new: NewKey, caller: CallerOf, at: Now, number: NewNumber) -> Response[CreatedKeyView]:
    if not may_give(caller.scopes, new.scopes):
        lacking = ", ".join(sorted(set(new.scopes) - caller.scopes))
        raise Problem(problems.FORBIDDEN, f"You can't give away what you lack: {lacking}.")
    expires_at = epoch_ms(new.expires_at) if new.expires_at else None
    if expires_at is not None and expires_at <= at:
        raise invalid("expires_at", "this time is over")
    scopes = sorted(set(new.scopes))
    item, key = keyring().create(
        caller.workspace, new.name, scopes, by=caller.who, now=at, number=number, expires_at=expires_at
    )
    view = CreatedKeyView(**fields_of(item, at), key=key)
    return Response(201, "application/json", view, headers={"Location": f"/v1/api-keys/{view.id}"})


@router.get("/v1/api-keys", summary="Show the API keys", tags=["API keys"], operation_id="list_api_keys")
def list_api_keys(
    caller: CallerOf, cursors: CursorsOf, at: Now, limit: Limit = 50, cursor: Cursor = None
) -> Page[KeyView]:
    listing = Listing(cursors, (caller.workspace, "api-keys"))
    found = keyring().page(caller.workspace, limit, listing.position(cursor))
    return listing.page(*found, lambda item: KeyView(**fields_of(item, at)))


@router.get("/v1/api-keys/<key_id>", summary="Show an API key", tags=["API keys"], operation_id="get_api_key")
def get_api_key(key_id: KeyId, caller: CallerOf, at: Now) -> KeyView:
    try:
        return KeyView(**fields_of(keyring().get(caller.workspace, key_id), at))
    except NoKey as error:
        raise not_found("API key") from error


@router.post(
    "/v1/api-keys/<key_id>/rotate",
    status_code=201,
    summary="Give an API key a new secret, shown this once; the present one stays good for a while",
    tags=["API keys"],
    operation_id="rotate_api_key",
)
def rotate_api_key(
    key_id: KeyId, rotation: KeyRotation, caller: CallerOf, at: Now
) -> Response[CreatedKeyView]:
    keys = keyring()
    try:
        if not may_give(caller.scopes, keys.get(caller.workspace, key_id)["scopes"]):
            raise Problem(problems.FORBIDDEN, "This key may do more than you.")
        item, key = keys.rotate(
            caller.workspace,
            key_id,
            overlap_ms=rotation.overlap_hours * HOUR_MS,
            by=caller.who,
            now=at,
        )
    except NoKey as error:
        raise not_found("API key") from error
    except KeyChanged as error:
        raise Problem(problems.STATUS_CONFLICT, "Somebody else is changing this key; look again.") from error
    return Response(201, "application/json", CreatedKeyView(**fields_of(item, at), key=key))


@router.delete(
    "/v1/api-keys/<key_id>",
    status_code=204,
    summary="Revoke an API key for good, within a minute",
    description="Any key, also one that may do more than you: to stop it gives nothing away.",
    tags=["API keys"],
    operation_id="revoke_api_key",
)
def revoke_api_key(key_id: KeyId, caller: CallerOf, at: Now) -> Response[None]:
    try:
        keyring().revoke(caller.workspace, key_id, by=caller.who, now=at)
    except NoKey as error:
        raise not_found("API key") from error
    except KeyChanged as error:
        raise Problem(problems.STATUS_CONFLICT, "Somebody else is changing this key; look again.") from error
    return Response(204)
