"""Who calls the API: an API key, or the token of somebody who signed in, leads to what they may do where [A2]."""

import os
import time
from dataclasses import dataclass
from functools import cache
from typing import Any

from kabar.domain.access import ROLES, Role
from kabar.log import logger
from kabar.settings import read
from kabar.storage import api_keys, keys, sign_ins
from kabar.storage.dynamo import Table


@dataclass(frozen=True)
class Settings:
    workspaces_table: str
    key_pepper_secret: str
    user_pool_id: str
    user_pool_client_id: str
    aws_region: str


SETTINGS = read(Settings)
workspaces = Table(SETTINGS.workspaces_table)

Context = dict[str, str]


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001  # the Lambda signature
    """Allow the whole stage, so that the answer may be cached for every route of it."""
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    scheme, _, credential = (headers.get("authorization") or "").strip().partition(" ")
    who = _who(credential.strip()) if scheme.lower() == "bearer" else None
    logger.info("authorized" if who else "refused", principal=who["principal"] if who else None)
    if who is None:
        raise Exception("Unauthorized")  # noqa: TRY002  # these very words make API Gateway answer 401
    api, stage, *_ = event["methodArn"].split("/")
    statement = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": f"{api}/{stage}/*"}
    return {
        "principalId": who["principal"],
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "context": who,
    }


def _who(credential: str) -> Context | None:
    if credential.startswith("kb_"):
        return _program(credential)
    return _person(credential) if credential.count(".") == 2 else None


def _program(key: str) -> Context | None:
    found = api_keys.verify(workspaces, _pepper, key, time.time_ns() // 1_000_000)
    return _context(found.workspace, found.name, "", found.scopes) if found else None


def _person(token: str) -> Context | None:
    """What the workspace says that somebody who signed in may do; nothing once they were removed."""
    person = _tokens().verify(token)
    user = workspaces.get(keys.user(person.workspace, person.user)) if person else None
    if person is None or user is None:
        return None
    role = Role(user["role"])
    return _context(person.workspace, f"user:{person.user}", role.value, sorted(ROLES[role]))


def _context(workspace: str, principal: str, role: str, scopes: list[str] | tuple[str, ...]) -> Context:
    return {"workspace": workspace, "principal": principal, "role": role, "scopes": " ".join(scopes)}


@cache
def _tokens() -> sign_ins.Tokens:
    aws = f"https://cognito-idp.{SETTINGS.aws_region}.amazonaws.com"
    # the SDKs' own variable, which the local engine sets
    keys_at = f"{os.environ.get('AWS_ENDPOINT_URL', aws)}/{SETTINGS.user_pool_id}/.well-known/jwks.json"
    return sign_ins.Tokens(
        f"{aws}/{SETTINGS.user_pool_id}",
        SETTINGS.user_pool_client_id,
        lambda: sign_ins.fetch_keys(keys_at),
    )


@cache
def _pepper() -> bytes:
    import boto3  # not for a call that brings no key

    answer = boto3.client("secretsmanager").get_secret_value(SecretId=SETTINGS.key_pepper_secret)
    return str(answer["SecretString"]).encode()
