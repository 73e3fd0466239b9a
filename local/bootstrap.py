"""The first workspace of a fresh local stack, its carrier account, its webhook token and its API key."""

import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kabar.domain.access import Scope
from kabar.storage import ids, workspaces
from kabar.storage.api_keys import Keyring
from kabar.storage.dynamo import Table
from local import demo_data, http
from local.engine import Engine
from local.trouble import Trouble

WORKSPACE = "demo"
EMAIL = "office@example.com"
SENDER = "3774"  # a short code, so that phones can answer
CARRIER = "infobip"
RATE = 2000  # segments per second: more than this machine sends, so that the demo isn't about waiting
SLICE = 100  # recipients per carrier call
SCOPES = sorted(Scope)  # the demo's key may do everything


@dataclass(frozen=True)
class Made:
    """What a caller needs to use the workspace."""

    workspace: str
    sender: str
    api_key: str


Client = Callable[[str], Any]  # service -> boto3 client


@dataclass(frozen=True)
class Wanted:
    """What a new workspace is to be; `rate` is in segments per second."""

    name: str
    timezone: str
    email: str
    sender: str
    carrier_url: str
    rate: int


def bootstrap(engine: Engine, stack: str, outputs: Mapping[str, str], api_url: str, carrier_url: str) -> Made:
    """Store the workspace as a settings page would, and open its account at the simulated carrier."""
    wanted = Wanted(WORKSPACE, "Europe/Istanbul", EMAIL, SENDER, carrier_url, RATE)
    table = Table(outputs["WorkspacesTable"], engine.client("dynamodb"))
    account, replies_url = open_workspace(engine.client, stack, table, api_url, wanted, secrets.token_hex(16))
    for prefix, replacement in demo_data.PREFIX_MAP.items():
        workspaces.save_prefix(table, WORKSPACE, prefix, replacement)
    opened = http.call("POST", f"{carrier_url}/_account", {**account, "replies_url": replies_url})
    if opened.status != 200:
        raise Trouble(f"The simulated carrier opened no account: {opened.status} {opened.body}")
    key = first_key(engine.client, stack, outputs, WORKSPACE, "make up", SCOPES)
    return Made(WORKSPACE, SENDER, key)


def open_workspace(
    client: Client, stack: str, table: Table, api_url: str, wanted: Wanted, carrier_key: str
) -> tuple[dict[str, str], str]:
    """Store a workspace and its carrier account; returns the account and the address that replies go to.

    Raises WorkspaceExists, or ValueError for a bad name or time zone; nothing is stored then.
    """
    now = time.time_ns() // 1_000_000
    secret_name = f"{stack}/carriers/{wanted.name}/{CARRIER}"
    token = secrets.token_urlsafe(24)
    account = {
        "api_key": carrier_key,
        "webhook_user": CARRIER,
        "webhook_password": secrets.token_urlsafe(16),
        "receipts_url": f"{api_url}/webhooks/{CARRIER}/{token}/receipts",
    }
    workspaces.create(
        table,
        wanted.name,
        timezone=wanted.timezone,
        email=wanted.email,
        sender=wanted.sender,
        carrier=CARRIER,
        now=now,
    )
    client("secretsmanager").create_secret(Name=secret_name, SecretString=json.dumps(account))
    workspaces.save_carrier(
        table,
        wanted.name,
        CARRIER,
        base_url=wanted.carrier_url,
        rate=wanted.rate,
        slice_size=SLICE,
        secret=secret_name,
    )
    workspaces.add_webhook(table, token, workspace=wanted.name, carrier_name=CARRIER, secret=secret_name)
    return account, f"{api_url}/webhooks/{CARRIER}/{token}/replies"


def first_key(
    client: Client, stack: str, outputs: Mapping[str, str], workspace: str, by: str, scopes: Sequence[str]
) -> str:
    """An API key of `workspace`; it can't be shown again."""
    table = Table(outputs["WorkspacesTable"], client("dynamodb"))
    pepper = client("secretsmanager").get_secret_value(SecretId=f"{stack}/key-pepper")["SecretString"]
    keyring = Keyring(table, Table(outputs["ActivityTable"], client("dynamodb")), pepper.encode())
    now = time.time_ns() // 1_000_000
    _, key = keyring.create(workspace, by, scopes, by=by, now=now, number=ids.reserve(table))
    return key
