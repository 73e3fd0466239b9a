"""API keys: `kb_<key id>_<secret>`, shown once, found by their id, stored as a hash [A2]. [P4]"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from kabar.storage import keys
from kabar.storage.dynamo import Table

SECRET_BYTES = 32  # 256 bits: a plain SHA-256 is enough, there is nothing to guess
_SHAPE = re.compile(r"kb_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")
_NO_HASH = "0" * 64


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a valid key speaks for."""

    workspace: str
    name: str
    scopes: tuple[str, ...]


def create(
    table: Table, workspace: str, now: int, scopes: Sequence[str], by: str, expires_at: int | None = None
) -> str:
    """Create a key and return it in full; it can't be shown again. Times are epoch ms."""
    key_id, secret = secrets.token_hex(8), secrets.token_urlsafe(SECRET_BYTES)
    item = {
        "workspace": workspace,
        "hash": _hash(secret),
        "scopes": list(scopes),
        "created_at": now,
        "created_by": by,
    }
    if expires_at is not None:
        item["expires_at"] = expires_at
    table.put(keys.api_key(key_id) | item, condition="attribute_not_exists(pk)")
    return f"kb_{key_id}_{secret}"


def verify(table: Table, presented: str, now: int) -> Principal | None:
    """Whose key `presented` is at `now` (epoch ms); None when it is malformed, unknown, wrong or expired."""
    shaped = _SHAPE.fullmatch(presented)
    if shaped is None:
        return None
    key_id, secret = shaped.groups()
    item = table.get(keys.api_key(key_id))
    same = hmac.compare_digest(item["hash"] if item else _NO_HASH, _hash(secret))
    if item is None or not same or item.get("expires_at", now + 1) <= now:
        return None
    return Principal(item["workspace"], f"key:{key_id}", tuple(item["scopes"]))


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
