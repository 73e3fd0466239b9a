"""Where a workspace's replies and receipts are told [J1]. Access patterns: docs/data-model.md [P80], [P81].

An endpoint is {id, kind, url, header_names, oauth: {token_url, client_id, scope} or None, secret, created_at,
version}. Whatever is secret is in Secrets Manager under the name `secret`, which never changes its content: {headers,
client_secret, signing: [{secret, until or None}]}. Who changes something writes a new secret first, then the name.
"""

import json
import secrets as randomness
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from kabar.storage import activity, keys
from kabar.storage.dynamo import ConditionFailed, Item, Table, delete_in, put_in, transact


@cache
def client() -> Any:
    import boto3  # here, so that a cold start without it stays short
    from botocore.config import Config

    return boto3.client("secretsmanager", config=Config(retries={"mode": "standard", "max_attempts": 5}))


class Changed(Exception):
    """Somebody else changed the endpoint meanwhile; nothing was changed."""


@dataclass(frozen=True)
class Secrets:
    """What is secret about an endpoint. `signing` are (secret, until when it signs too or None), newest first."""

    headers: Mapping[str, str] = field(default_factory=dict)
    client_secret: str = ""
    signing: tuple[tuple[str, int | None], ...] = ()

    def signing_at(self, now: int) -> list[str]:
        """The secrets that sign now: the newest, and those before it until they end."""
        return [secret for secret, until in self.signing if until is None or until > now]

    def rotated(self, now: int, until: int) -> "Secrets":
        """With a new signing secret; the one so far signs beside it until `until`."""
        kept = tuple((s, min(end or until, until)) for s, end in self.signing if end is None or end > now)
        return Secrets(self.headers, self.client_secret, ((new_signing_secret(), None), *kept))


def new_signing_secret() -> str:
    return "whsec_" + b64encode(randomness.token_bytes(32)).decode()


class Vault:
    """Secrets of endpoints, in Secrets Manager under `prefix` and encrypted with `key`."""

    def __init__(self, prefix: str, key: str) -> None:
        self._prefix = prefix
        self._key = key

    def put(self, endpoint: int, secrets: Secrets) -> str:
        """Keep them under a new name, which is returned."""
        name = f"{self._prefix}/{endpoint}/{randomness.token_hex(8)}"
        content = {
            "headers": dict(secrets.headers),
            "client_secret": secrets.client_secret,
            "signing": [list(each) for each in secrets.signing],
        }
        client().create_secret(Name=name, KmsKeyId=self._key, SecretString=json.dumps(content))
        return name

    def get(self, name: str) -> Secrets:
        """Raises Changed when they are gone: the endpoint has others by now."""
        try:
            content = json.loads(client().get_secret_value(SecretId=name)["SecretString"])
        except client().exceptions.ResourceNotFoundException as error:
            raise Changed(name) from error
        signing = tuple((secret, until) for secret, until in content["signing"])
        return Secrets(content["headers"], content["client_secret"], signing)

    def put_token(self, endpoint: int, n: int, token: str) -> None:
        """Keep the endpoint's access token number `n`. No condition: one process at a time fetches one."""
        name, content = f"{self._prefix}/{endpoint}/token", json.dumps({"n": n, "token": token})
        try:
            client().put_secret_value(SecretId=name, SecretString=content)
        except client().exceptions.ResourceNotFoundException:
            client().create_secret(Name=name, KmsKeyId=self._key, SecretString=content)

    def token(self, endpoint: int, n: int) -> str | None:
        """The endpoint's access token number `n`; None when there is another, or none."""
        try:
            found = client().get_secret_value(SecretId=f"{self._prefix}/{endpoint}/token")
        except client().exceptions.ResourceNotFoundException:
            return None
        content = json.loads(found["SecretString"])
        return str(content["token"]) if content["n"] == n else None

    def forget(self, name: str) -> None:
        """No condition: nobody is led there any more, and gone is gone."""
        with suppress(client().exceptions.ResourceNotFoundException):
            client().delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)

    def forget_token(self, endpoint: int) -> None:
        """Of an endpoint that is no more."""
        self.forget(f"{self._prefix}/{endpoint}/token")


class Endpoints:
    """The endpoints of all workspaces."""

    def __init__(self, workspaces: Table) -> None:
        self._table = workspaces

    def get(self, workspace: str, kind: str) -> Item | None:
        """[P80] One endpoint as it is now (consistent)."""
        return self._table.get(keys.callback_settings(workspace, kind), consistent=True)

    def among(self, wanted: set[tuple[str, str]]) -> set[tuple[str, str]]:
        """[P80] Which (workspace, kind) have an endpoint (consistent)."""
        named = {tuple(keys.callback_settings(*each).values()): each for each in wanted}
        found = self._table.batch_get([keys.callback_settings(*each) for each in wanted], consistent=True)
        return {named[place] for place in found}

    def save(self, log: Table, workspace: str, new: Item, seen: Item | None, *, by: str, now: int) -> Item:
        """[P81] Put an endpoint in the place of the one `seen`, and note what changed. Raises Changed."""
        version = seen["version"] if seen else 0
        item = keys.callback_settings(workspace, new["kind"]) | new | {"version": version + 1}
        as_seen = "version = :seen" if seen else "attribute_not_exists(pk)"
        what = "callbacks changed" if seen else "callbacks set up"
        note = activity.entry(log, workspace, now, by, what, f"callbacks/{new['kind']}", _changes(seen, new))
        try:
            transact(
                [put_in(self._table, item, as_seen, values={":seen": version} if seen else None), note],
                self._table.dynamo,
            )
        except ConditionFailed as error:
            raise Changed(new["kind"]) from error
        return item

    def remove(self, log: Table, workspace: str, seen: Item, *, by: str, now: int) -> None:
        """[P81] Nobody is told any more. Raises Changed."""
        key = keys.callback_settings(workspace, seen["kind"])
        note = activity.entry(log, workspace, now, by, "callbacks removed", f"callbacks/{seen['kind']}", {})
        gone = delete_in(self._table, key, "version = :seen", values={":seen": seen["version"]})
        try:
            transact([gone, note], self._table.dynamo)
        except ConditionFailed as error:
            raise Changed(seen["kind"]) from error


def _changes(seen: Item | None, new: Item) -> Item:
    """What the log says: no secrets, only that they are others."""
    before = seen or {}
    shown = ("url", "header_names", "oauth")
    changed = {
        name: {"from": before.get(name), "to": new[name]} for name in shown if before.get(name) != new[name]
    }
    return changed | ({"secrets": "changed"} if seen and seen["secret"] != new["secret"] else {})
