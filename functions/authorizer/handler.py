"""Who calls the API: an API key leads to its workspace, principal and scopes [A2]."""

import time
from dataclasses import dataclass
from functools import cache
from typing import Any

from kabar.log import logger
from kabar.settings import read
from kabar.storage import api_keys
from kabar.storage.dynamo import Table


@dataclass(frozen=True)
class Settings:
    workspaces_table: str
    key_pepper_secret: str


SETTINGS = read(Settings)
workspaces = Table(SETTINGS.workspaces_table)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001  # the Lambda signature
    """Allow the whole stage, so that the answer may be cached for every route of it."""
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    scheme, _, key = (headers.get("authorization") or "").strip().partition(" ")
    principal = None
    if scheme.lower() == "bearer":
        principal = api_keys.verify(workspaces, _pepper, key.strip(), time.time_ns() // 1_000_000)
    logger.info("authorized" if principal else "refused", principal=principal.name if principal else None)
    if principal is None:
        raise Exception("Unauthorized")  # noqa: TRY002  # these very words make API Gateway answer 401
    api, stage, *_ = event["methodArn"].split("/")
    statement = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": f"{api}/{stage}/*"}
    return {
        "principalId": principal.name,
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": {
            "workspace": principal.workspace,
            "principal": principal.name,
            "scopes": " ".join(principal.scopes),
        },
    }


@cache
def _pepper() -> bytes:
    import boto3  # not for a call that brings no key

    answer = boto3.client("secretsmanager").get_secret_value(SecretId=SETTINGS.key_pepper_secret)
    return str(answer["SecretString"]).encode()
