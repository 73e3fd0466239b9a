"""How a workspace reaches its carriers: settings here, secrets in Secrets Manager [L1] [L4]. [P91]

The item: {base_url, rate, slice, connections, most_failed_percent, most_opted_out_percent, gateway?, proof?, secret
(its name), version}. The secret: {api_key, user, receipts_url, webhook_user, webhook_password}.
"""

import json
import secrets as random
from dataclasses import dataclass
from typing import Any

from kabar.storage import activity, keys, workspaces
from kabar.storage.dynamo import ConditionFailed, Item, Table, put_in, transact, update_in

SECRET_FIELDS = ("api_key", "user")


class Stale(Exception):
    """It was changed meanwhile; nothing was changed."""


class NoKey(Exception):
    """A carrier that isn't set up yet needs its key."""


@dataclass(frozen=True)
class Webhook:
    """A webhook that was just made; nothing shows it again."""

    token: str
    user: str
    password: str


class Carriers:
    """One workspace's carriers. `secrets` is the Secrets Manager client, `prefix` what its names begin with, and
    `api_url` where webhooks are reached.
    """

    def __init__(
        self, table: Table, log: Table, secrets: Any, workspace: str, *, prefix: str, api_url: str
    ) -> None:
        self._table = table
        self._log = log
        self._secrets = secrets
        self._workspace = workspace
        self._prefix = prefix
        self._api_url = api_url

    def save(
        self,
        name: str,
        seen: Item | None,
        new: Item,
        given: dict[str, str | None],
        *,
        use: bool,
        new_webhook: bool,
        by: str,
        now: int,
    ) -> tuple[Item, Webhook | None]:
        """Put `new` in the place of what was `seen`; `given` are new secrets. Raises Stale or NoKey.

        The secret goes first: settings never name one that isn't there. Who dies in between saves again.
        """
        secret_name = (seen or {}).get("secret") or f"{self._prefix}{self._workspace}/{name}"
        known = self._secret(secret_name)
        kept = known | {field: value for field, value in given.items() if value is not None}
        if not kept.get("api_key"):
            raise NoKey
        webhook = None
        if new_webhook or "webhook_password" not in kept:
            webhook = Webhook(random.token_urlsafe(24), name, random.token_urlsafe(24))
            kept |= {
                "receipts_url": f"{self.address(name, webhook)}receipts",
                "webhook_user": webhook.user,
                "webhook_password": webhook.password,
            }
        if kept != known:
            self._keep(secret_name, kept, new=not known)
        if webhook:
            workspaces.add_webhook(
                self._table, webhook.token, workspace=self._workspace, carrier_name=name, secret=secret_name
            )
        return self._store(name, seen, new | {"secret": secret_name}, use=use, by=by, now=now), webhook

    def address(self, name: str, webhook: Webhook) -> str:
        """What the addresses of a webhook begin with."""
        return f"{self._api_url}/webhooks/{name}/{webhook.token}/"

    def _store(self, name: str, seen: Item | None, new: Item, *, use: bool, by: str, now: int) -> Item:
        version = (seen or {}).get("version", 0)
        item = keys.carrier(self._workspace, name) | new | {"version": version + 1}
        as_seen = "attribute_not_exists(pk)"
        if seen:
            as_seen = (
                "version = :seen" if version else "attribute_exists(pk) AND attribute_not_exists(version)"
            )
        changes = {
            field: {"from": (seen or {}).get(field), "to": value}
            for field, value in new.items()
            if value != (seen or {}).get(field) and field != "secret"
        }
        writes = [
            put_in(self._table, item, as_seen, values={":seen": version} if version else None),
            activity.entry(self._log, self._workspace, now, by, "carrier saved", f"carrier/{name}", changes),
        ]
        if use:
            using, values = keys.settings(self._workspace), {":name": name}
            writes.append(
                update_in(self._table, using, "SET carrier = :name", "attribute_exists(pk)", values=values)
            )
        try:
            transact(writes, self._table.dynamo)
        except ConditionFailed as error:
            raise Stale from error
        return item

    def _secret(self, name: str) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads(self._secrets.get_secret_value(SecretId=name)["SecretString"])
        except self._secrets.exceptions.ResourceNotFoundException:
            return {}
        return found

    def _keep(self, name: str, secret: dict[str, Any], *, new: bool) -> None:
        if new:
            self._secrets.create_secret(Name=name, SecretString=json.dumps(secret))
        else:
            self._secrets.put_secret_value(SecretId=name, SecretString=json.dumps(secret))
