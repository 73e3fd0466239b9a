"""Carriers over the API: forms, secrets that nothing shows, addresses that are checked, a test [L1] [L4]."""

import json
from dataclasses import asdict
from typing import Any

import pytest

from kabar.carriers import carrier
from kabar.carriers.base import Answer as CarrierAnswer
from kabar.carriers.generic import Generic
from kabar.domain.circuit import Circuit
from kabar.storage import accounts, keys, workspaces
from kabar.storage.dynamo import Table
from kabar.storage.webhooks import Webhooks
from local import openapi
from tests.functions.api_client import Answer, Api, api

__all__ = ["api"]

SCHEMAS = json.loads(openapi.DOCUMENT.read_text(encoding="utf-8"))["components"]["schemas"]
INFOBIP = SCHEMAS["InfobipForm"]["examples"][0]
GATEWAY = SCHEMAS["GatewayForm"]["examples"][0]
PATHS = {"infobip": INFOBIP, "http": GATEWAY}
names = pytest.mark.parametrize("name", PATHS)


def save(api: Api, name: str, form: dict[str, Any]) -> Answer:
    shown = api.call("GET", f"/v1/carriers/{name}")
    return api.call("PUT", f"/v1/carriers/{name}", form, headers={"If-Match": shown.headers["ETag"]})


def secret(api: Api, name: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(api.clients.secretsmanager.saved[f"kabar/carriers/acme/{name}"])
    return found


@names
def test_a_form_saves_settings_here_and_secrets_in_the_secret_store(api: Api, name: str) -> None:
    saved = save(api, name, PATHS[name])
    assert saved.status == 200
    stored = workspaces.carrier(Table("workspaces", api.tables), "acme", name)
    assert stored
    assert (stored["base_url"], stored["rate"], stored["version"]) == (PATHS[name]["base_url"], 100, 1)
    assert secret(api, name)["api_key"] == PATHS[name]["api_key"]
    everywhere = str(api.tables.tables) + api.call("GET", f"/v1/carriers/{name}").text
    assert PATHS[name]["api_key"] not in everywhere
    assert secret(api, name)["webhook_password"] not in everywhere
    assert api.tables.find("workspaces", keys.settings("acme"))["carrier"] == name  # type: ignore[index]


@names
def test_the_webhook_is_shown_once_and_leads_to_the_workspace(api: Api, name: str) -> None:
    hook = save(api, name, PATHS[name]).json["webhook"]
    assert hook["receipts_url"].startswith(f"https://api.example.com/local/webhooks/{name}/")
    token = hook["receipts_url"].split("/")[-2]
    found = Webhooks(Table("workspaces", api.tables), lambda: api.clients.secretsmanager).find(token)
    assert found
    assert (found.workspace, found.carrier, found.user, found.secret) == (
        "acme",
        name,
        name,
        hook["password"],
    )
    assert save(api, name, PATHS[name]).json["webhook"] is None
    again = save(api, name, PATHS[name] | {"new_webhook": True}).json["webhook"]
    assert again["receipts_url"] != hook["receipts_url"]
    assert secret(api, name)["webhook_password"] == again["password"]


def test_a_saved_gateway_opens_as_the_connector_that_it_describes(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(api, "http", GATEWAY)
    monkeypatch.setattr(accounts, "client", lambda: api.clients.secretsmanager)
    opened = accounts.open_account(Table("workspaces", api.tables), "acme", "http")
    assert (opened.rate, opened.connections, opened.most_failed, opened.most_opted_out) == (100, 48, 0.5, 0.1)
    found = carrier(opened.carrier, opened.gateway)
    assert isinstance(found, Generic)
    assert opened.account.base_url == GATEWAY["base_url"]


def test_a_key_is_needed_once_and_kept_when_none_is_given(api: Api) -> None:
    without = {field: value for field, value in INFOBIP.items() if field != "api_key"}
    refused = save(api, "infobip", without)
    assert (refused.status, refused.pointers) == (422, ["#/api_key"])
    save(api, "infobip", INFOBIP)
    assert save(api, "infobip", without | {"rate": 7}).json["carrier"]["rate"] == 7
    assert secret(api, "infobip")["api_key"] == INFOBIP["api_key"]


def test_a_stale_form_is_refused_and_one_without_its_version_too(api: Api) -> None:
    old = api.call("GET", "/v1/carriers/infobip").headers["ETag"]
    save(api, "infobip", INFOBIP)
    assert api.call("PUT", "/v1/carriers/infobip", INFOBIP, headers={"If-Match": old}).status == 412
    assert api.call("PUT", "/v1/carriers/infobip", INFOBIP).status == 428


@names
@pytest.mark.parametrize(
    "url",
    [
        "http://93.184.216.34/",
        "https://10.0.0.1/",
        "https://169.254.169.254/",
        "ftp://x",
        "https://localhost/",
        "",
    ],
)
def test_f64_an_address_inside_is_not_saved(api: Api, name: str, url: str) -> None:
    refused = save(api, name, PATHS[name] | {"base_url": url})
    assert (refused.status, refused.pointers) == (422, ["#/base_url"])
    assert api.clients.secretsmanager.saved == {}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"fields": {"to": "{to}"}}, "{to} and {text}"),
        ({"fields": {"to": "{to}", "text": "{text}"}}, "promise nothing"),
        ({"format": "form", "fields": {"to": "{to}", "text": "{text}", "id": "{id}", "n": 1}}, "only texts"),
        ({"answer": {"path": "status"}}, "accepted"),
        ({"receipts": {"own_id": True}, "answer": {"path": "s", "accepted": ["ok"]}}, "id_path"),
        ({"receipts": {"id": "ref"}}, "number"),
        ({"receipts": {"id": "ref", "mobile": "to", "statuses": {"X": "held"}}}, "no status of a receipt"),
        ({"proof": {"scheme": "hmac"}}, "header"),
        ({"headers": {"a b": "x"}}, ""),
    ],
)
def test_forms_that_could_not_work_are_refused_with_the_reason(
    api: Api, changes: dict[str, Any], why: str
) -> None:
    refused = save(api, "http", GATEWAY | changes)
    assert refused.status == 422
    assert why in refused.text


def test_the_list_says_which_is_used(api: Api) -> None:
    save(api, "http", GATEWAY)
    assert [
        (c["name"], c["configured"], c["used"]) for c in api.call("GET", "/v1/carriers").json["data"]
    ] == [
        ("http", True, True),
    ]
    save(api, "infobip", INFOBIP | {"use": False})
    assert [c["used"] for c in api.call("GET", "/v1/carriers").json["data"]] == [False, True]


def test_saving_is_in_the_log_without_secrets(api: Api) -> None:
    save(api, "infobip", INFOBIP)
    entry = next(e for e in api.call("GET", "/v1/activity").json["data"] if e["what"] == "carrier saved")
    assert entry["about"] == "carrier/infobip"
    assert entry["detail"]["rate"] == {"from": None, "to": 100}
    assert INFOBIP["api_key"] not in json.dumps(entry)


@pytest.mark.parametrize(
    ("answer", "ok"), [(CarrierAnswer(200, {}, b'{"results": []}'), True), (CarrierAnswer(401), False)]
)
def test_trying_infobip_asks_with_the_key(
    api: Api, monkeypatch: pytest.MonkeyPatch, answer: CarrierAnswer, ok: bool
) -> None:
    from kabar.carriers import http

    assert api.call("POST", "/v1/carriers/infobip/test").status == 404
    save(api, "infobip", INFOBIP)
    monkeypatch.setattr(accounts, "client", lambda: api.clients.secretsmanager)
    monkeypatch.setattr(http, "call", lambda *_: answer)
    tried = api.call("POST", "/v1/carriers/infobip/test")
    assert (tried.status, tried.json["ok"]) == (200, ok)


def test_trying_a_gateway_tries_its_address(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    save(api, "http", GATEWAY)
    monkeypatch.setattr(accounts, "client", lambda: api.clients.secretsmanager)
    assert api.call("POST", "/v1/carriers/http/test").json["ok"] is True


def test_a_campaign_may_choose_what_the_gateway_says_it_charges_so(api: Api) -> None:
    """[E2]"""
    body = api.campaign(encoding="turkish_single")
    save(api, "http", GATEWAY)
    assert api.call("POST", "/v1/campaigns", body).pointers == ["#/encoding"]
    save(api, "http", GATEWAY | {"encodings": ["turkish_single"]})
    assert api.call("POST", "/v1/campaigns", body).status == 201


def test_an_outage_is_shown_and_forgotten_once_the_account_is_saved_anew(api: Api) -> None:
    save(api, "infobip", INFOBIP)
    key = keys.circuit("acme", "infobip")
    circuit = Circuit(failures=4, level=2, changed_at=9, open_until=20_000, since=5_000, reason="no credit")
    api.tables.seed("workspaces", key, **asdict(circuit))
    assert api.call("GET", "/v1/carriers").json["outages"] == [
        {
            "carrier": "infobip",
            "since": "1970-01-01T00:00:05.000Z",
            "reason": "no credit",
            "next_try": "1970-01-01T00:00:20.000Z",
        }
    ]
    save(api, "infobip", INFOBIP)
    assert api.call("GET", "/v1/carriers").json["outages"] == []
