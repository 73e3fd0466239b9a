"""The people of a workspace and their roles [A2]. [P41]

A user: {id (Cognito's `sub`), email, name, role, version, created_at, created_by}. `owners` counts a workspace's
owners, so that the last one can't go. Every change and its entry in the log are one transaction.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kabar.domain.access import Role
from kabar.storage import activity, browse, keys
from kabar.storage.dynamo import ConditionFailed, Item, Table, delete_in, put_in, transact, update_in


class NoUser(Exception):
    """The workspace has no such user."""


class UserExists(Exception):
    """They are a user of the workspace already; nothing was changed."""


class UserChanged(Exception):
    """Somebody else changed the user meanwhile; nothing was changed."""


class LastOwner(Exception):
    """A workspace keeps at least one owner; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Users:
    """The users of all workspaces; `log` is the activity table."""

    table: Table
    log: Table

    def add(self, workspace: str, user: str, *, email: str, name: str, role: Role, by: str, now: int) -> Item:
        """Make the signed-up person `user` a user of the workspace. Raises UserExists."""
        item = keys.user(workspace, user) | {
            "id": user,
            "email": email,
            "name": name,
            "role": role.value,
            "version": 1,
            "created_at": now,
            "created_by": by,
        }
        writes = [
            put_in(self.table, item, "attribute_not_exists(pk)"),
            *self._owners(workspace, int(role is Role.OWNER)),
            self._entry(workspace, now, by, "user added", user, {"role": role.value}),
        ]
        try:
            transact(writes, self.table.dynamo)
        except ConditionFailed as error:
            raise UserExists(user) from error
        return item

    def get(self, workspace: str, user: str) -> Item:
        """Raises NoUser."""
        item = self.table.get(keys.user(workspace, user), consistent=True)
        if item is None:
            raise NoUser(user)
        return item

    def page(
        self, workspace: str, limit: int, after: browse.Position | None = None
    ) -> tuple[list[Item], browse.Position | None]:
        """The users in the order of their ids."""
        start = keys.user(workspace, "")
        page = self.table.query(
            start["pk"],
            prefix=start["sk"],
            limit=limit + 1,
            start={"pk": start["pk"], "sk": after} if after else None,
        )
        return page.items[:limit], page.items[limit - 1]["sk"] if len(page.items) > limit else None

    def change(self, workspace: str, seen: Item, changes: Mapping[str, Any], *, by: str, now: int) -> Item:
        """Change `name` or `role` of the user as `seen`. Raises UserChanged, LastOwner."""
        new: Item = {**seen, **changes, "version": seen["version"] + 1}
        owners = int(new["role"] == Role.OWNER) - int(seen["role"] == Role.OWNER)
        detail = {field: {"from": seen[field], "to": new[field]} for field in changes if field != "name"}
        self._write(
            workspace,
            seen,
            [
                put_in(self.table, new, "version = :seen", values={":seen": seen["version"]}),
                *self._owners(workspace, owners),
                self._entry(workspace, now, by, "user changed", seen["id"], detail),
            ],
        )
        return new

    def remove(self, workspace: str, seen: Item, *, by: str, now: int) -> None:
        """Take the user as `seen` out of the workspace. Raises UserChanged, LastOwner."""
        self._write(
            workspace,
            seen,
            [
                delete_in(
                    self.table,
                    keys.user(workspace, seen["id"]),
                    "version = :seen",
                    values={":seen": seen["version"]},
                ),
                *self._owners(workspace, -int(seen["role"] == Role.OWNER)),
                self._entry(workspace, now, by, "user removed", seen["id"], {"role": seen["role"]}),
            ],
        )

    def _write(self, workspace: str, seen: Item, writes: list[dict[str, Any]]) -> None:
        try:
            transact(writes, self.table.dynamo)
        except ConditionFailed as error:
            current = self.table.get(keys.user(workspace, seen["id"]), consistent=True)
            if current is None or current["version"] != seen["version"]:
                raise UserChanged(seen["id"]) from error
            raise LastOwner(seen["id"]) from error

    def _owners(self, workspace: str, more: int) -> list[dict[str, Any]]:
        if more == 0:
            return []
        condition = "owners > :one" if more < 0 else None
        values = {":more": more} | ({":one": 1} if more < 0 else {})
        return [update_in(self.table, keys.owners(workspace), "ADD owners :more", condition, values=values)]

    def _entry(
        self, workspace: str, now: int, by: str, what: str, user: str, detail: Mapping[str, Any]
    ) -> dict[str, Any]:
        return activity.entry(self.log, workspace, now, by, what, f"user/{user}", detail)
