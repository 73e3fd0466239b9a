"""A workspace's account at a carrier: settings from the tables, secrets from Secrets Manager."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from kabar.carriers.base import Account


@cache
def client() -> Any:
    import boto3  # here, so that a cold start without it stays short
    from botocore.config import Config

    return boto3.client("secretsmanager", config=Config(retries={"mode": "standard", "max_attempts": 5}))


def open_account(settings: Mapping[str, Any]) -> Account:
    """The account of a carrier item {base_url, secret}; read anew each time, so that a rotated key counts."""
    secret = json.loads(client().get_secret_value(SecretId=settings["secret"])["SecretString"])
    return Account(settings["base_url"], secret["api_key"], secret.get("receipts_url"))
