"""A workspace's account at a carrier: settings from the tables, secrets from Secrets Manager."""

import json
from functools import cache
from typing import Any

from kabar.carriers.base import Account
from kabar.storage import workspaces
from kabar.storage.dynamo import Table


@cache
def client() -> Any:
    import boto3  # here, so that a cold start without it stays short
    from botocore.config import Config

    return boto3.client("secretsmanager", config=Config(retries={"mode": "standard", "max_attempts": 5}))


class Unusable(Exception):
    """The account is not set up; says what is missing."""


def open_account(table: Table, workspace: str, carrier: str) -> tuple[float, Account]:
    """The account's rate (segments per second) and the account itself.

    Read anew each time, so that a rotated key counts from the next leg on. Raises Unusable.
    """
    settings = workspaces.carrier(table, workspace, carrier)
    if settings is None:
        raise Unusable(f"the carrier {carrier} is not set up for this workspace")
    secrets = client()
    try:
        secret = json.loads(secrets.get_secret_value(SecretId=settings["secret"])["SecretString"])
        account = Account(settings["base_url"], secret["api_key"], secret.get("receipts_url"))
    except secrets.exceptions.ResourceNotFoundException as error:
        raise Unusable(f"the credentials of {carrier} are missing: save them again") from error
    except (ValueError, KeyError, TypeError) as error:
        raise Unusable(f"the credentials of {carrier} hold no api_key: save them again") from error
    return settings["rate"], account
