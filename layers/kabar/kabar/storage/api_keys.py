"""API keys: `kb_<key id>_<secret>`, shown once, found by their id, stored as a keyed hash [A2]. [P4]

An item: {workspace, name, hash, scopes, created_at, created_by, expires_at?, old_hash?, old_until?, used_at?,
revoked_at?, unused?}; times are epoch ms. A rotated key has two secrets until `old_until`; `unused` says that
the newer one never came in. A pointer per key in the workspace's partition lists them. The hash is an HMAC
under the deployment's pepper, which is in Secrets Manager: whoever reads the table can neither forge a key nor
test guesses. Every change and its entry in the log are one transaction.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from botocore.exceptions import ClientError

from kabar.storage import activity, browse, keys
from kabar.storage.dynamo import ConditionFailed, Item, Table, put_in, transact, update_in

SECRET_BYTES = 32
USED_EVERY_MS = 60_000  # how exact `used_at` is; a write per call would cost more than the call
_SHAPE = re.compile(r"kb_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")
_NO_HASH = "0" * 64


class NoKey(Exception):
    """The workspace has no such key, or it is revoked."""


class KeyChanged(Exception):
    """Somebody else rotated or revoked the key meanwhile; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a valid key speaks for."""

    workspace: str
    name: str
    scopes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keys of all workspaces; `pepper` keys their hashes, `log` is the activity table."""

    table: Table
    log: Table
    pepper: bytes

    def create(
        self,
        workspace: str,
        name: str,
        scopes: Sequence[str],
        *,
        by: str,
        now: int,
        number: int,
        expires_at: int | None = None,
    ) -> tuple[Item, str]:
        """Create a key; returns its item and the key in full, which can't be shown again.

        `number`, which this request alone has, fixes its id: the same again replaces the secret of an attempt
        whose answer was lost.
        """
        key_id = hashed(self.pepper, f"key {number}")[:16]
        secret = secrets.token_urlsafe(SECRET_BYTES)
        item = keys.api_key(key_id) | {
            "id": key_id,
            "workspace": workspace,
            "name": name,
            "hash": hashed(self.pepper, secret),
            "scopes": [str(scope) for scope in scopes],
            "created_at": now,
            "created_by": by,
        }
        if expires_at is not None:
            item["expires_at"] = expires_at
        detail = {"name": name, "scopes": [str(scope) for scope in scopes]}
        # no conditions: the id is this request's alone
        transact(
            [
                put_in(self.table, item),
                put_in(self.table, keys.api_key_of(workspace, key_id) | {"key_id": key_id}),
                activity.entry(self.log, workspace, now, by, "key created", f"api-key/{key_id}", detail),
            ],
            self.table.dynamo,
        )
        return item, _shown(key_id, secret)

    def get(self, workspace: str, key_id: str) -> Item:
        """One key of the workspace, revoked ones too. Raises NoKey."""
        item = self.table.get(keys.api_key(key_id), consistent=True)
        if item is None or item["workspace"] != workspace:
            raise NoKey(key_id)
        return item

    def page(
        self, workspace: str, limit: int, after: browse.Position | None = None
    ) -> tuple[list[Item], browse.Position | None]:
        """The keys of a workspace in the order of their ids, revoked ones too."""
        start = keys.api_key_of(workspace, "")
        page = self.table.query(
            start["pk"],
            prefix=start["sk"],
            limit=limit + 1,
            start={"pk": start["pk"], "sk": after} if after else None,
        )
        wanted = [keys.api_key(pointer["key_id"]) for pointer in page.items[:limit]]
        found = self.table.batch_get(wanted)
        items = [found[key["pk"], key["sk"]] for key in wanted if (key["pk"], key["sk"]) in found]
        return items, page.items[limit - 1]["sk"] if len(page.items) > limit else None

    def rotate(self, workspace: str, key_id: str, *, overlap_ms: int, by: str, now: int) -> tuple[Item, str]:
        """Give the key a new secret; the one in use stays good for `overlap_ms`.

        A newer secret that was never used is replaced (its answer was lost), not taken for the one in use.
        Returns the item and the new key in full. Raises NoKey, KeyChanged.
        """
        seen = self._alive(workspace, key_id)
        secret = secrets.token_urlsafe(SECRET_BYTES)
        lost = seen.get("unused", False) and seen["old_until"] > now
        change = update_in(
            self.table,
            keys.api_key(key_id),
            "SET #hash = :new, old_hash = :old, old_until = :until, unused = :unused",
            "#hash = :seen AND attribute_not_exists(revoked_at)",
            names={"#hash": "hash"},
            values={
                ":new": hashed(self.pepper, secret),
                ":seen": seen["hash"],
                ":old": seen["old_hash"] if lost else seen["hash"],
                ":until": now + overlap_ms,
                ":unused": True,
            },
        )
        detail = {"old_until": now + overlap_ms}
        entry = activity.entry(self.log, workspace, now, by, "key rotated", f"api-key/{key_id}", detail)
        self._change(change, entry)
        return self.get(workspace, key_id), _shown(key_id, secret)

    def revoke(self, workspace: str, key_id: str, *, by: str, now: int) -> None:
        """End a key for good; it stays listed. Raises NoKey, KeyChanged."""
        self._alive(workspace, key_id)
        change = update_in(
            self.table,
            keys.api_key(key_id),
            "SET revoked_at = :now",
            "attribute_not_exists(revoked_at)",
            values={":now": now},
        )
        self._change(
            change, activity.entry(self.log, workspace, now, by, "key revoked", f"api-key/{key_id}", {})
        )

    def _alive(self, workspace: str, key_id: str) -> Item:
        item = self.get(workspace, key_id)
        if "revoked_at" in item:
            raise NoKey(key_id)
        return item

    def _change(self, change: dict[str, object], entry: dict[str, object]) -> None:
        try:
            transact([change, entry], self.table.dynamo)
        except ConditionFailed as error:
            raise KeyChanged from error


def verify(table: Table, pepper: Callable[[], bytes], presented: str, now: int) -> Principal | None:
    """Whose key `presented` is at `now` (epoch ms); None when malformed, unknown, wrong, expired or revoked."""
    shaped = _SHAPE.fullmatch(presented)
    if shaped is None:
        return None
    key_id, secret = shaped.groups()
    item = table.get(keys.api_key(key_id))
    mine = hashed(pepper(), secret)
    # both are always compared, so that the time taken says nothing
    is_new = hmac.compare_digest(item["hash"] if item else _NO_HASH, mine)
    is_old = hmac.compare_digest((item or {}).get("old_hash", _NO_HASH), mine)
    if item is None or "revoked_at" in item or item.get("expires_at", now + 1) <= now:
        return None
    if not (is_new or (is_old and item["old_until"] > now)):
        return None
    _note_use(table, item, now, first=is_new and item.get("unused", False))
    return Principal(item["workspace"], f"key:{key_id}", tuple(item["scopes"]))


def hashed(pepper: bytes, secret: str) -> str:
    return hmac.new(pepper, secret.encode(), hashlib.sha256).hexdigest()


def _shown(key_id: str, secret: str) -> str:
    return f"kb_{key_id}_{secret}"


def _note_use(table: Table, item: Item, now: int, *, first: bool) -> None:
    """Keep when the key was last used, at most once a minute, and that its newest secret has come in."""
    if not first and now - item.get("used_at", 0) < USED_EVERY_MS:
        return
    try:
        table.update(
            {"pk": item["pk"], "sk": item["sk"]},
            "SET used_at = :now" + (" REMOVE unused" if first else ""),
            names={"#hash": "hash"},
            values={":now": now, ":before": now if first else now - USED_EVERY_MS, ":seen": item["hash"]},
            condition="#hash = :seen AND (attribute_not_exists(used_at) OR used_at <= :before)",
        )
    except (ConditionFailed, ClientError):
        return  # another call noted it, or the table is busy: no reason to refuse a good key
