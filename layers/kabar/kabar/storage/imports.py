"""The life of an import, from its file to its end [D1] [D3] [D5]. [P57]"""

from typing import Any

from kabar.domain.imports import Totals
from kabar.storage import keys, lists
from kabar.storage.dynamo import ConditionFailed, Item, delete_in, put_in, transact, update_in
from kabar.storage.import_heads import BUCKETS, DRY_RUN, FINAL, WAITING, Contended, Heads, ListGone, change
from kabar.storage.import_parts import CHECKED

RESULTS = {
    "append": ("added", "readded", "updated"),
    "new_list": ("added", "readded", "updated"),
    "delete_members": ("deleted",),
    "blacklist": ("blacklisted",),
}
OPTIONS = (
    "purpose",
    "list_name",
    "target",
    "remove_opt_outs",
    "filename",
    "dry_run",
    "strict",
    "split",
    "by",
)
_WAITING_SECONDS = 86_400  # longer than any permission to upload
_EMPTY: Item = {
    "state": "validating",
    "phase": "validating",
    "purpose": "append",
    "remove_opt_outs": True,  # [D4]
    "parts": 0,
    **dict.fromkeys(("rows_read", *BUCKETS, "bytes_read"), 0),
}


class Imports(Heads):
    """Imports of all workspaces."""

    def begin(self, workspace: str, head: Item) -> bool:
        """Put a head {id, key, bucket, version, etag, list_name, bytes_total, request_id} with all that leads to it.

        False when it was there already.
        """
        name, now = head["id"], head["created_at"]
        item = keys.import_head(workspace, name) | _EMPTY | head | {"updated_at": now}
        new = put_in(self._workspaces, item, "attribute_not_exists(pk)")
        return self._begun(workspace, head, now, new)

    def expect(self, workspace: str, head: Item, by: str) -> Item:
        """Announce an import {id, key, bucket, created_at and OPTIONS} whose file is still to come; its head.

        Again gives the same. It is forgotten after a day without a file.
        """
        now = head["created_at"]
        state = {"state": WAITING, "phase": WAITING, "updated_at": now}
        until = {"expires_at": now // 1000 + _WAITING_SECONDS}
        item = keys.import_head(workspace, head["id"]) | _EMPTY | head | state | until
        try:
            transact(
                [
                    put_in(self._workspaces, item, "attribute_not_exists(pk)"),
                    self._entry(workspace, now, by, "announced", item),
                ]
            )
        except ConditionFailed:
            return self.get(workspace, head["id"]) or item
        return item

    def arrived(self, workspace: str, head: Item, file: Item, now: int) -> bool:
        """The `file` {version, etag, bytes_total} that was waited for is there; False when an earlier version was."""
        values = {"state": "validating", "phase": "validating", "updated_at": now, **file}
        condition, how = change(values, (WAITING,))
        key = keys.import_head(workspace, head["id"])
        came = update_in(
            self._workspaces, key, how.pop("expression") + " REMOVE expires_at", condition, **how
        )
        return self._begun(workspace, head, now, came)

    def _begun(self, workspace: str, head: Item, now: int, write: dict[str, Any]) -> bool:
        """`write` the head together with all that leads to it; False when its condition fails."""
        name = head["id"]
        short = {"import_id": name, "created_at": now}
        writes = [
            write,
            # the newest import of the object: later ones replace it
            put_in(self._workspaces, keys.import_object(workspace, head["key"]) | short),
            put_in(self._workspaces, keys.import_time(workspace, now, name) | short),
            put_in(self._workspaces, keys.open_import(workspace, name) | short | {"workspace": workspace}),
            self._entry(workspace, now, "system", "began", head),
        ]
        try:
            transact(writes)
        except ConditionFailed:
            return False
        return True

    def progress(self, workspace: str, import_id: str, totals: Totals, bytes_read: int, now: int) -> None:
        """Say how far validation is. A late one, when the import is further, is dropped."""
        values = counts(totals) | {"bytes_read": bytes_read, "updated_at": now}
        condition, how = change(values, ("validating",))
        try:
            self._workspaces.update(keys.import_head(workspace, import_id), condition=condition, **how)
        except ConditionFailed:
            return

    def was_read(self, workspace: str, head: Item, values: Item, now: int) -> None:
        """Validation is over, with `values` of the head; again it changes nothing. Raises Contended."""
        values = values | {"updated_at": now}
        try:
            transact([self._setting(workspace, head["id"], values, "validating", "loading")])
        except ConditionFailed:
            raise Contended(f"the import {head['id']} has ended") from None

    def fail(
        self,
        workspace: str,
        head: Item,
        error: tuple[str, str],
        loaded: dict[str, int],
        now: int,
        **values: Any,
    ) -> None:
        """The import failed for good, by (code, message). What was `loaded` counts in its list all the same."""
        values |= {"state": "failed", "phase": "failed", "error": {"code": error[0], "message": error[1]}}
        values |= {"updated_at": now, "finished_at": now}
        try:
            self._end(workspace, head, values, loaded)
        except ListGone:
            self._end(workspace, {**head, "list_id": None}, values, loaded)

    def expire(self, workspace: str, head: Item, error: tuple[str, str], now: int) -> None:
        """Nobody decided: the import failed, by (code, message), unless somebody just did."""
        values: Item = {"state": "failed", "phase": "failed", "updated_at": now, "finished_at": now}
        values["error"] = {"code": error[0], "message": error[1]}
        writes = [
            self._setting(workspace, head["id"], values, "needs_decision"),
            delete_in(self._workspaces, keys.open_import(workspace, head["id"])),
            self._entry(workspace, now, "system", "failed", head | values),
        ]
        try:
            transact(writes)
        except ConditionFailed:
            return

    def to_mail(self, workspace: str, import_id: str, now: int) -> bool:
        """Whether nobody has mailed about this import yet: the caller will, once. A lost mail is not sent again."""
        try:
            self._workspaces.update(
                keys.import_head(workspace, import_id),
                "SET mailed_at = :now",
                condition="attribute_exists(pk) AND attribute_not_exists(mailed_at)",
                values={":now": now},
            )
        except ConditionFailed:
            return False
        return True

    def finish(
        self, workspace: str, head: Item, checked: dict[str, int], loaded: dict[str, int], now: int
    ) -> None:
        """Every part is loaded: their results count, once. Raises ListGone."""
        purpose = head.get("purpose", "append")
        values: Item = {name: checked[name] for name in CHECKED} if "updated" in RESULTS[purpose] else {}
        values |= {name: loaded[name] for name in RESULTS[purpose]}
        done = {"state": "done", "phase": "done", "updated_at": now, "finished_at": now}
        self._end(workspace, head, values | done, loaded)

    def tried(
        self, workspace: str, head: Item, checked: dict[str, int], first_rows: list[Item], now: int
    ) -> None:
        """A dry run is over: what an import would do is known, and nothing of it was done."""
        values: Item = {name: checked[name] for name in CHECKED} | {"first_rows": first_rows}
        done = {"state": "done", "phase": DRY_RUN, "updated_at": now, "finished_at": now}
        self._end(workspace, head, values | done, {})

    def _end(self, workspace: str, head: Item, values: Item, loaded: dict[str, int]) -> None:
        writes = [
            self._setting(workspace, head["id"], values, "validating", "loading"),
            delete_in(self._workspaces, keys.open_import(workspace, head["id"])),
            self._entry(workspace, values["finished_at"], "system", values["state"], head | values),
        ]
        if head.get("list_id"):
            writes.append(lists.loaded(self._workspaces, workspace, head["list_id"], head["id"], loaded))
        try:
            transact(writes)
        except ConditionFailed:
            current = self.get(workspace, head["id"])
            if current and current["state"] not in FINAL:
                raise ListGone(f"the list {head.get('list_id')} of the import {head['id']}") from None


def counts(totals: Totals) -> Item:
    """The attributes of a head that say where the rows are."""
    return {
        "rows_read": totals.rows_read,
        "accepted": totals.accepted,
        "corrected": totals.corrected,
        "duplicates": totals.duplicates,
        "rejected": totals.rejected,
        "parts": totals.parts,
        "header": totals.header or None,
        "codes": dict(totals.codes),
        "changes": dict(totals.changes),
    }
