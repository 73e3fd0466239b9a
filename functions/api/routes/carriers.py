"""Carriers: a settings form each, credentials that are never shown again, a test [L1]."""

from typing import Any, Literal

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

import etags
from carrier_schemas import (
    CarrierList,
    CarrierTest,
    CarrierView,
    GatewayForm,
    InfobipForm,
    Outage,
    Pace,
    SavedCarrier,
    WebhookView,
)
from etags import IfMatch
from kabar.domain.addresses import Forbidden
from kabar.domain.handover import CarrierError, Unreachable
from kabar.storage import accounts, carriers, circuits, workspaces
from kabar.storage.dynamo import Item
from problems import NOT_FOUND, Problem, invalid
from wiring import ApiUrl, Caller, CallerOf, Now, guard, secrets_manager, settings, table

router = Router()
Name = Literal["infobip", "http"]
NAMES: tuple[Name, ...] = ("infobip", "http")
TEST_SECONDS = 10
SECRET = ("api_key", "user")
ABOUT_SAVING = (
    "Credentials go into the secret store and are never shown again. The first time, and with `new_webhook`, the "
    "answer holds the webhook's address and password; they are shown only then."
)


@router.get("/v1/carriers", summary="List the carriers", tags=["Carriers"], operation_id="list_carriers")
def list_carriers(caller: CallerOf) -> CarrierList:
    used = workspaces.settings(table("workspaces"), caller.workspace)["carrier"]
    found = {name: workspaces.carrier(table("workspaces"), caller.workspace, name) for name in NAMES}
    circuit = {name: circuits.stored(table("workspaces"), caller.workspace, name) for name in NAMES}
    return CarrierList(
        data=[CarrierView.of(name, item, used) for name, item in found.items() if item],
        outages=[Outage.of(name, circuit[name]) for name in NAMES if circuit[name].level],
    )


@router.get(
    "/v1/carriers/infobip",
    summary="Show the account at Infobip",
    tags=["Carriers"],
    operation_id="get_infobip",
)
def get_infobip(caller: CallerOf) -> Response[CarrierView]:
    return _shown(_view("infobip", caller.workspace))


@router.get(
    "/v1/carriers/http",
    summary="Show the gateway that takes one message per HTTP call",
    tags=["Carriers"],
    operation_id="get_gateway",
)
def get_gateway(caller: CallerOf) -> Response[CarrierView]:
    return _shown(_view("http", caller.workspace))


@router.put(
    "/v1/carriers/infobip",
    summary="Save the account at Infobip",
    description=ABOUT_SAVING,
    tags=["Carriers"],
    operation_id="save_infobip",
)
def save_infobip(
    form: InfobipForm, caller: CallerOf, at: Now, api_url: ApiUrl, if_match: IfMatch = None
) -> Response[SavedCarrier]:
    return _save("infobip", form, {"slice": form.slice}, caller, at, api_url, if_match)


@router.put(
    "/v1/carriers/http",
    summary="Save the gateway that takes one message per HTTP call",
    description=ABOUT_SAVING,
    tags=["Carriers"],
    operation_id="save_gateway",
)
def save_gateway(
    form: GatewayForm, caller: CallerOf, at: Now, api_url: ApiUrl, if_match: IfMatch = None
) -> Response[SavedCarrier]:
    special = {
        "slice": form.connections,
        "connections": form.connections,
        "gateway": form.gateway(),
        "proof": form.proof.model_dump(),
    }
    return _save("http", form, special, caller, at, api_url, if_match)


@router.post(
    "/v1/carriers/infobip/test",
    summary="Try the account at Infobip",
    description="Asks something that needs the key; sends nothing.",
    tags=["Carriers"],
    operation_id="test_infobip",
)
def test_infobip(caller: CallerOf) -> CarrierTest:
    opened = _opened(caller, "infobip")
    from kabar.carriers import carrier, http  # 70 ms of HTTP client that only this route needs

    try:
        carrier("infobip").ask(opened.account, http.call, ["kabar-test"], TEST_SECONDS)
    except CarrierError as error:
        return CarrierTest(ok=False, detail=f"{error}.")
    return CarrierTest(ok=True, detail="Infobip takes the key.")


@router.post(
    "/v1/carriers/http/test",
    summary="Try the address of the gateway",
    description="Looks whether it can be called; sends nothing, since all that a gateway knows is to send.",
    tags=["Carriers"],
    operation_id="test_gateway",
)
def test_gateway(caller: CallerOf) -> CarrierTest:
    opened = _opened(caller, "http")
    try:
        guard().check(opened.account.base_url)
    except (Forbidden, Unreachable) as error:
        return CarrierTest(ok=False, detail=f"{error}.")
    return CarrierTest(ok=True, detail="The address is on the public internet, and its name is known.")


def _opened(caller: Caller, name: str) -> accounts.Opened:
    try:
        return accounts.open_account(table("workspaces"), caller.workspace, name)
    except accounts.Unusable as error:
        raise Problem(NOT_FOUND, f"{str(error).capitalize()} (PUT /v1/carriers/{name}).") from error


def _shown(view: CarrierView) -> Response[CarrierView]:
    return Response(200, "application/json", view, headers={"ETag": etags.etag(view)})


def _save(
    name: Name,
    form: Pace,
    special: Item,
    caller: CallerOf,
    at: int,
    api_url: str,
    if_match: str | None,
) -> Response[SavedCarrier]:
    etags.require(if_match, etags.etag(_view(name, caller.workspace)))
    seen = workspaces.carrier(table("workspaces"), caller.workspace, name)
    _check_address(form.base_url)
    new = {
        **form.model_dump(include={"base_url", "rate", "most_failed_percent", "most_opted_out_percent"}),
        **special,
    }
    given: dict[str, Any] = {field: getattr(form, field, None) for field in SECRET}
    store = carriers.Carriers(
        table("workspaces"),
        table("activity"),
        secrets_manager(),
        caller.workspace,
        prefix=settings().carrier_secrets,
        api_url=api_url,
    )
    try:
        _, webhook = store.save(
            name, seen, new, given, use=form.use, new_webhook=form.new_webhook, by=caller.who, now=at
        )
    except carriers.Stale as error:
        raise etags.stale() from error
    except carriers.NoKey as error:
        raise invalid("api_key", "the account has no key yet") from error
    circuits.reset(table("workspaces"), caller.workspace, name)
    view = _view(name, caller.workspace)
    shown = None
    if webhook:
        address = store.address(name, webhook)
        shown = WebhookView(
            receipts_url=f"{address}receipts",
            replies_url=f"{address}replies",
            user=webhook.user,
            password=webhook.password,
        )
    body = SavedCarrier(carrier=view, webhook=shown)
    return Response(200, "application/json", body, headers={"ETag": etags.etag(view)})


def _check_address(url: str) -> None:
    try:
        guard().check(url)
    except (Forbidden, Unreachable) as error:
        raise invalid("base_url", str(error)) from error


def _view(name: Name, workspace: str) -> CarrierView:
    used = workspaces.settings(table("workspaces"), workspace)["carrier"]
    return CarrierView.of(name, workspaces.carrier(table("workspaces"), workspace, name), used)
