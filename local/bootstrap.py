"""The first workspace of a fresh local stack, its carrier account, its webhook token and its API key."""

import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass

from kabar.domain.access import Scope
from kabar.storage import ids, workspaces
from kabar.storage.api_keys import Keyring
from kabar.storage.dynamo import Table
from local import demo_data, http
from local.engine import Engine
from local.trouble import Trouble

WORKSPACE = "demo"
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


def bootstrap(engine: Engine, stack: str, outputs: Mapping[str, str], api_url: str, carrier_url: str) -> Made:
    """Store the workspace as a settings page would, and open its account at the simulated carrier."""
    table = Table(outputs["WorkspacesTable"], engine.client("dynamodb"))
    now = time.time_ns() // 1_000_000
    secret_name = f"{stack}/carriers/{WORKSPACE}/{CARRIER}"
    token = secrets.token_urlsafe(24)
    account = {
        "api_key": secrets.token_hex(16),
        "webhook_user": CARRIER,
        "webhook_password": secrets.token_urlsafe(16),
        "receipts_url": f"{api_url}/webhooks/{CARRIER}/{token}/receipts",
    }
    engine.client("secretsmanager").create_secret(Name=secret_name, SecretString=json.dumps(account))
    workspaces.create(
        table, WORKSPACE, timezone="Europe/Istanbul", email="", sender=SENDER, carrier=CARRIER, now=now
    )
    workspaces.save_carrier(
        table, WORKSPACE, CARRIER, base_url=carrier_url, rate=RATE, slice_size=SLICE, secret=secret_name
    )
    workspaces.add_webhook(table, token, workspace=WORKSPACE, carrier_name=CARRIER, secret=secret_name)
    for prefix, replacement in demo_data.PREFIX_MAP.items():
        workspaces.save_prefix(table, WORKSPACE, prefix, replacement)
    opened = http.call(
        "POST",
        f"{carrier_url}/_account",
        {**account, "replies_url": f"{api_url}/webhooks/{CARRIER}/{token}/replies"},
    )
    if opened.status != 200:
        raise Trouble(f"The simulated carrier opened no account: {opened.status} {opened.body}")
    pepper = engine.client("secretsmanager").get_secret_value(SecretId=f"{stack}/key-pepper")["SecretString"]
    keyring = Keyring(table, Table(outputs["ActivityTable"], engine.client("dynamodb")), pepper.encode())
    _, key = keyring.create(WORKSPACE, "make up", SCOPES, by="make up", now=now, number=ids.reserve(table))
    return Made(WORKSPACE, SENDER, key)
