"""Who may post to a carrier's webhook, remembered for five minutes. [P1]"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kabar.carriers.proof import Proof
from kabar.storage import workspaces
from kabar.storage.dynamo import Table

REMEMBERED_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Webhook:
    """One workspace's webhook at a carrier: `proof` is what its posts carry, `secret` what proves them, `gateway`
    how a gateway that is described by settings posts.
    """

    workspace: str
    carrier: str
    user: str
    secret: str
    proof: Proof
    gateway: Mapping[str, Any] | None


class Webhooks:
    """Webhooks by token; `secrets` makes the Secrets Manager client when it is first needed."""

    def __init__(
        self, table: Table, secrets: Callable[[], Any], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._table = table
        self._secrets = secrets
        self._clock = clock
        self._known: dict[str, tuple[float, Webhook]] = {}

    def find(self, token: str, *, fresh: bool = False) -> Webhook | None:
        """The webhook of this token or None; `fresh` reads it again, for a rotated secret."""
        until, webhook = self._known.get(token, (0.0, None))
        if webhook and not fresh and self._clock() < until:
            return webhook
        self._known.pop(token, None)  # unknown tokens are not remembered: they would fill the memory
        item = workspaces.webhook(self._table, token)
        if item is None:
            return None
        secret = json.loads(self._secrets().get_secret_value(SecretId=item["secret"])["SecretString"])
        settings = workspaces.carrier(self._table, item["workspace"], item["carrier"]) or {}
        webhook = Webhook(
            item["workspace"],
            item["carrier"],
            secret.get("webhook_user") or "",
            secret.get("webhook_password") or "",
            Proof(**settings.get("proof", {})),
            settings.get("gateway"),
        )
        self._known[token] = (self._clock() + REMEMBERED_SECONDS, webhook)
        return webhook
