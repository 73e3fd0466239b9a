"""Callbacks: where replies and receipts are told, how that goes, and what was given up [J1] [J5]."""

import time
from collections.abc import Mapping
from typing import Annotated, Any

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router
from aws_lambda_powertools.event_handler.openapi.params import Path

import callback_wiring as desk
import etags
from access_schemas import epoch_ms
from callback_schemas import (
    AnswerView,
    DeadCallbackView,
    Endpoint,
    EndpointsView,
    EndpointView,
    KindName,
    NewEndpointView,
    Replay,
    Rotation,
    SentView,
    TestView,
)
from etags import IfMatch
from kabar.domain.callbacks import HOUR, Callback, Kind, Verdict
from kabar.storage import activity
from kabar.storage.callback_settings import Changed, Secrets
from kabar.storage.dynamo import Item
from problems import NOT_FOUND, Problem, invalid, not_found
from routes.paging import Cursor, Limit, Listing
from schemas import Page
from wiring import Caller, CallerOf, CursorsOf, NewNumber, Now, table

router = Router()
TAGS = ["Callbacks"]
KindOf = Annotated[KindName, Path(description="What is told: replies or receipts.")]
DeadId = Annotated[
    str, Path(pattern="^[0-9]{13}-msg_[0-9a-f]{32}$", description="The id of a given-up callback.")
]
_SETTINGS = ("id", "kind", "url", "header_names", "oauth", "created_at")
SAMPLES = {
    Kind.REPLIES: '{"message-id": 1241581207, "source": "+64220297056", "destination": "3774", "content": "TEST"}',
    Kind.RECEIPTS: '{"CampaignID": 142329, "MessageId": 1241581207, "Status": "received", "StatusDate": '
    '"2020-07-30T01:07:47.481Z", "Mobile": "+64220297056", "SentDate": "2020-07-30T01:07:47.481Z"}',
}


@router.get("/v1/callbacks", summary="Show the endpoints", tags=TAGS, operation_id="list_callbacks")
def list_callbacks(caller: CallerOf) -> EndpointsView:
    found = [desk.endpoints().get(caller.workspace, kind) for kind in Kind]
    return EndpointsView(data=[_view(item) for item in found if item])


@router.get("/v1/callbacks/<kind>", summary="Show an endpoint", tags=TAGS, operation_id="get_callbacks")
def get_callbacks(kind: KindOf, caller: CallerOf) -> Response[EndpointView]:
    item = _endpoint(kind, caller)
    return Response(200, "application/json", _view(item), headers={"ETag": _tag(item)})


@router.put(
    "/v1/callbacks/<kind>",
    summary="Say where to tell, and how",
    description="The first time the answer is 201, with the signing secret. Addresses are checked now and at every "
    "call: https, and nothing but public addresses. What waits goes to the new address.",
    tags=TAGS,
    operation_id="put_callbacks",
)
def put_callbacks(
    kind: KindOf, wanted: Endpoint, caller: CallerOf, at: Now, number: NewNumber, if_match: IfMatch = None
) -> Response[NewEndpointView]:
    seen = desk.endpoints().get(caller.workspace, kind)
    if seen:
        etags.require(if_match, _tag(seen))
    elif if_match is not None:
        raise etags.stale()
    _check(wanted)
    before = _secrets(seen) if seen else Secrets().rotated(at, at)
    secrets = Secrets(_headers(wanted, before), _client_secret(wanted, before), before.signing)
    oauth = wanted.oauth
    new: Item = {
        "id": seen["id"] if seen else number,
        "kind": kind,
        "url": wanted.url,
        "header_names": sorted(secrets.headers),
        "oauth": {"token_url": oauth.token_url, "client_id": oauth.client_id, "scope": oauth.scope}
        if oauth
        else None,
        "created_at": seen["created_at"] if seen else at,
        "overlap_until": seen["overlap_until"] if seen else None,
    }
    item = _save(caller, new, secrets, seen, at)
    shown = _new_view(item, None if seen else secrets.signing[0][0])
    return Response(200 if seen else 201, "application/json", shown, headers={"ETag": _tag(item)})


@router.delete(
    "/v1/callbacks/<kind>",
    status_code=204,
    summary="Tell nobody any more; what waits and what was given up is dropped",
    tags=TAGS,
    operation_id="delete_callbacks",
)
def delete_callbacks(kind: KindOf, caller: CallerOf, at: Now) -> Response[None]:
    item = _endpoint(kind, caller)
    try:
        desk.endpoints().remove(table("activity"), caller.workspace, item, by=caller.who, now=at)
    except Changed as error:
        raise etags.stale() from error
    desk.book().forget_state(item["id"])
    desk.vault().forget(item["secret"])
    desk.vault().forget_token(item["id"])
    return Response(204)


@router.post(
    "/v1/callbacks/<kind>/rotate",
    summary="Make a new signing secret; the old one signs beside it for a while",
    tags=TAGS,
    operation_id="rotate_signing_secret",
)
def rotate_signing_secret(
    kind: KindOf, wanted: Rotation, caller: CallerOf, at: Now
) -> Response[NewEndpointView]:
    seen = _endpoint(kind, caller)
    until = at + wanted.overlap_hours * HOUR
    secrets = _secrets(seen).rotated(at, until)
    item = _save(
        caller, {name: seen[name] for name in _SETTINGS} | {"overlap_until": until}, secrets, seen, at
    )
    shown = _new_view(item, secrets.signing[0][0])
    return Response(200, "application/json", shown, headers={"ETag": _tag(item)})


@router.post(
    "/v1/callbacks/<kind>/test",
    summary="Send a sample now, and show what was sent and what came back",
    description="With the header `kabar-reference: test`. Nothing is tried again or kept.",
    tags=TAGS,
    operation_id="test_callbacks",
)
def test_callbacks(kind: KindOf, caller: CallerOf, at: Now, number: NewNumber) -> TestView:
    item = _endpoint(kind, caller)
    sample = Callback(f"msg_test_{number}", SAMPLES[Kind(kind)], at, "test")
    began = time.monotonic()
    try:
        made = desk.sender().attempt(item, sample)
    except Changed as error:
        raise etags.stale() from error
    masked = {name.lower() for name in item["header_names"]} | {"authorization"}
    headers = {name: "…" if name.lower() in masked else value for name, value in made.headers.items()}
    answer = made.answer
    _note(caller, at, "callbacks tested", kind, {"delivered": made.outcome.verdict is Verdict.DELIVERED})
    return TestView(
        delivered=made.outcome.verdict is Verdict.DELIVERED,
        milliseconds=round(1000 * (time.monotonic() - began)),
        why=made.outcome.why or None,
        request=SentView(url=item["url"], headers=headers, body=sample.body),
        answer=AnswerView(
            status=answer.status,
            headers=dict(answer.headers),
            body=answer.body.decode("utf-8", "replace"),
            cut=answer.cut,
        )
        if answer
        else None,
    )


@router.post(
    "/v1/callbacks/<kind>/off",
    summary="Send nothing until it is switched on; what happens meanwhile waits up to 120 hours",
    tags=TAGS,
    operation_id="switch_callbacks_off",
)
def switch_callbacks_off(kind: KindOf, caller: CallerOf, at: Now) -> EndpointView:
    item = _endpoint(kind, caller)
    off = {"at": at, "by": caller.who, "why": "switched off"}
    if "off" not in desk.book().state(item["id"]):
        desk.book().switch(item["id"], off)
        _note(caller, at, "callbacks switched off", kind, {})
    return _view(item)


@router.post(
    "/v1/callbacks/<kind>/on",
    summary="Send again, beginning with what waits",
    tags=TAGS,
    operation_id="switch_callbacks_on",
)
def switch_callbacks_on(kind: KindOf, caller: CallerOf, at: Now) -> EndpointView:
    item = _endpoint(kind, caller)
    desk.book().switch(item["id"], None)
    _note(caller, at, "callbacks switched on", kind, {})
    desk.wake(item)
    return _view(item)


@router.get(
    "/v1/callbacks/<kind>/dead",
    summary="Show the callbacks that were given up, newest first; they are kept for 30 days",
    tags=TAGS,
    operation_id="list_dead_callbacks",
)
def list_dead_callbacks(
    kind: KindOf, caller: CallerOf, cursors: CursorsOf, limit: Limit = 50, cursor: Cursor = None
) -> Page[DeadCallbackView]:
    item = _endpoint(kind, caller)
    listing = Listing(cursors, (caller.workspace, "dead", kind))
    found = desk.book().dead(item["id"], limit, listing.position(cursor))
    return listing.page(*found, DeadCallbackView.of)


@router.post(
    "/v1/callbacks/<kind>/dead/<dead_id>/replay",
    status_code=202,
    summary="Send one given-up callback again, under its webhook id",
    tags=TAGS,
    operation_id="replay_callback",
)
def replay_callback(kind: KindOf, dead_id: DeadId, caller: CallerOf, at: Now) -> Response[DeadCallbackView]:
    item = _endpoint(kind, caller)
    dead = desk.book().dead_one(item["id"], dead_id.replace("-", "#", 1))
    if dead is None:
        raise not_found("given-up callback")
    desk.book().replay(item["id"], [dead], at)
    desk.book().parked_more(item["id"], {}, first={})
    _note(caller, at, "callback replayed", kind, {"id": dead_id})
    desk.wake(item)
    return Response(202, "application/json", DeadCallbackView.of(dead | {"replayed_at": at}))


@router.post(
    "/v1/callbacks/<kind>/replay",
    status_code=202,
    summary="Send all that was given up in a time again, under the same webhook ids",
    tags=TAGS,
    operation_id="replay_callbacks",
)
def replay_callbacks(kind: KindOf, wanted: Replay, caller: CallerOf, at: Now) -> Response[EndpointView]:
    item = _endpoint(kind, caller)
    since, until = (_moment(name, getattr(wanted, name)) for name in ("since", "until"))
    if since >= until:
        raise invalid("until", "it is not after since")
    desk.book().ask_to_replay(item["id"], since, until, at)
    _note(caller, at, "callbacks replayed", kind, {"since": wanted.since, "until": wanted.until})
    desk.wake(item)
    return Response(202, "application/json", _view(item))


def _endpoint(kind: str, caller: Caller) -> Item:
    item = desk.endpoints().get(caller.workspace, kind)
    if item is None:
        raise Problem(NOT_FOUND, f"There is no endpoint for {kind}: PUT /v1/callbacks/{kind} sets one up.")
    return item | {"workspace": caller.workspace}


def _secrets(seen: Item) -> Secrets:
    try:
        return desk.vault().get(seen["secret"])
    except Changed as error:
        raise etags.stale() from error


def _check(wanted: Endpoint) -> None:
    desk.check("url", wanted.url)
    if wanted.oauth:
        if "authorization" in {name.lower() for name in wanted.headers}:
            raise invalid("headers/Authorization", "with oauth we set this header")
        desk.check("oauth/token_url", wanted.oauth.token_url)


def _headers(wanted: Endpoint, before: Secrets) -> Mapping[str, str]:
    known = {name.lower(): value for name, value in before.headers.items()}
    result = {}
    for name, value in wanted.headers.items():
        kept = known.get(name.lower()) if value is None else value
        if kept is None:
            raise invalid(f"headers/{name}", "it has no value yet")
        result[name] = kept
    return result


def _client_secret(wanted: Endpoint, before: Secrets) -> str:
    if wanted.oauth is None:
        return ""
    secret = wanted.oauth.client_secret or before.client_secret
    if not secret:
        raise invalid("oauth/client_secret", "it has no value yet")
    return secret


def _save(caller: Caller, new: Item, secrets: Secrets, seen: Item | None, at: int) -> Item:
    """The secrets first, under a new name; then the settings that lead there; then the old ones go."""
    name = desk.vault().put(new["id"], secrets)
    try:
        item = desk.endpoints().save(
            table("activity"), caller.workspace, new | {"secret": name}, seen, by=caller.who, now=at
        )
    except Changed as error:
        desk.vault().forget(name)
        raise etags.stale() from error
    if seen:
        desk.vault().forget(seen["secret"])
    return item


def _view(item: Item) -> EndpointView:
    return EndpointView.of(item, *desk.doing(item))


def _new_view(item: Item, secret: str | None) -> NewEndpointView:
    return NewEndpointView(**_view(item).model_dump(), signing_secret=secret)


def _tag(item: Item) -> str:
    return etags.etag(item["id"], item["version"])


def _moment(name: str, text: str) -> int:
    try:
        return epoch_ms(text)
    except ValueError as error:
        raise invalid(name, str(error)) from error


def _note(caller: Caller, at: int, what: str, kind: str, detail: Mapping[str, Any]) -> None:
    activity.record(table("activity"), caller.workspace, at, caller.who, what, f"callbacks/{kind}", detail)
