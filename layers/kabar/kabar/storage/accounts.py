"""A workspace's account at a carrier: settings from the tables, secrets from Secrets Manager."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from kabar.carriers.base import Account
from kabar.storage import workspaces
from kabar.storage.dynamo import Item, Table

CONNECTIONS = 48  # side by side, over all lanes
MOST_FAILED_PERCENT = 50
MOST_OPTED_OUT_PERCENT = 10


@cache
def client() -> Any:
    import boto3  # here, so that a cold start without it stays short
    from botocore.config import Config

    return boto3.client("secretsmanager", config=Config(retries={"mode": "standard", "max_attempts": 5}))


class Unusable(Exception):
    """The account is not set up; says what is missing."""


@dataclass(frozen=True)
class Opened:
    """An account that can send: `carrier` is its connector's name, `gateway` what describes one that settings describe;
    `rate` in segments per second; `connections` side by side where a call carries one
    message; beyond the shares `most_…` of refused or failed messages, or of opt-outs, a campaign is paused.
    """

    carrier: str
    gateway: Mapping[str, Any] | None
    account: Account
    rate: float
    connections: int
    most_failed: float
    most_opted_out: float


def open_account(table: Table, workspace: str, name: str) -> Opened:
    """The account at the carrier called `name`.

    Read anew each time, so that a rotated key counts from the next leg on. Raises Unusable.
    """
    settings = workspaces.carrier(table, workspace, name)
    if settings is None:
        raise Unusable(f"the carrier {name} is not set up for this workspace: save it first")
    secrets = client()
    try:
        secret = json.loads(secrets.get_secret_value(SecretId=settings["secret"])["SecretString"])
        account = account_of(settings, secret)
    except secrets.exceptions.ResourceNotFoundException as error:
        raise Unusable(f"the credentials of {name} are missing: save them again") from error
    except (ValueError, KeyError, TypeError) as error:
        raise Unusable(f"the credentials of {name} hold no api_key: save them again") from error
    return Opened(
        carrier=name,
        gateway=settings.get("gateway"),
        account=account,
        rate=settings["rate"],
        connections=settings.get("connections", CONNECTIONS),
        most_failed=settings.get("most_failed_percent", MOST_FAILED_PERCENT) / 100,
        most_opted_out=settings.get("most_opted_out_percent", MOST_OPTED_OUT_PERCENT) / 100,
    )


def account_of(settings: Item, secret: Mapping[str, Any]) -> Account:
    """From what is stored in the table and in the secret. Raises KeyError without an `api_key`."""
    return Account(
        settings["base_url"], secret["api_key"], secret.get("receipts_url"), secret.get("user", "")
    )
