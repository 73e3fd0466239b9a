"""Leaving a list and coming back: the standing, the member's mark and the list's counter in one transaction.

The standing is what sends and imports go by [I4] [I5]; the mark and the counter of opted out members follow it.
Its `lists` leads from a list's id to {at, by}. [P35] [P36]
"""

from collections.abc import Callable
from typing import Any

from kabar.storage import keys
from kabar.storage.dynamo import ConditionFailed, Item, Table, Unprocessed, transact, update_in

_ATTEMPTS = 10  # against other writers, such as other opt-outs of one list

Write = dict[str, Any]


class Contended(Exception):
    """What is to change kept changing; nothing was written, the same may be tried again."""


class OptOuts:
    """Opt-outs from single lists, by numbers that are, were or never were their members."""

    def __init__(self, people: Table, members: Table, workspaces: Table) -> None:
        self._people = people
        self._members = members
        self._workspaces = workspaces

    def left_at(self, workspace: str, mobile: str, list_id: int) -> int | None:
        """When the number left the list, in epoch ms; None when it didn't."""
        left = self._standing(workspace, mobile).get("lists", {}).get(str(list_id))
        return left["at"] if left else None

    def leave(self, workspace: str, mobile: str, list_id: int, by: str, clock: Callable[[], int]) -> None:
        """Nothing more goes to the number through the list; again it keeps its time. Raises Contended."""
        _insist(lambda: self.leaving(workspace, mobile, list_id, by, clock))

    def undo(self, workspace: str, mobile: str, list_id: int) -> None:
        """The number gets what goes through the list again; its other opt-outs stay. Raises Contended."""
        _insist(lambda: self._returning(workspace, mobile, list_id))

    def leaving(
        self, workspace: str, mobile: str, list_id: int, by: str, clock: Callable[[], int]
    ) -> list[Write]:
        """For `transact`: reads what an opt-out changes, then takes the time it counts from [I7]."""
        standing = self._standing(workspace, mobile)
        member, head = self._member(mobile, list_id), self._head(workspace, list_id)
        now = clock()
        writes = [self._leave(standing, workspace, mobile, list_id, {"at": now, "by": by})]
        if member and "opted_out" not in member:
            writes.append(self._mark(member, list_id, now))
            if head and "deleted" not in member:  # a list counts opted out ones among its members
                writes.append(self._count(workspace, list_id, 1))
        return writes

    def _returning(self, workspace: str, mobile: str, list_id: int) -> list[Write]:
        writes = []
        if str(list_id) in self._standing(workspace, mobile).get("lists", {}):
            key, names = keys.standing(workspace, mobile), {"#list": str(list_id)}
            writes.append(
                update_in(self._people, key, "REMOVE lists.#list", "attribute_exists(lists)", names=names)
            )
        member, head = self._member(mobile, list_id), self._head(workspace, list_id)
        if member and "opted_out" in member:
            writes.append(self._mark(member, list_id, None))
            if head and "deleted" not in member:
                writes.append(self._count(workspace, list_id, -1))
        return writes

    def _standing(self, workspace: str, mobile: str) -> Item:
        return self._people.get(keys.standing(workspace, mobile), consistent=True) or {}

    def _member(self, mobile: str, list_id: int) -> Item | None:
        return self._members.get(keys.member(list_id, mobile), consistent=True)

    def _head(self, workspace: str, list_id: int) -> Item | None:
        return self._workspaces.get(keys.list_head(workspace, list_id), consistent=True)

    def _mark(self, member: Item, list_id: int, at: int | None) -> Write:
        """Mark the member, or take its mark off, if it is as it was read."""
        deleted, mobile = "deleted" in member, member["sk"]
        as_read = f"attribute_exists(pk) AND {_has('opted_out', at is None)} AND {_has('deleted', deleted)}"
        index = keys.member_mark(list_id, mobile, opted_out=at is not None, deleted=deleted)
        wanted: Item = ({} if at is None else {"opted_out": at}) | index
        gone = [name for name in ("opted_out", "by_mark_pk", "by_mark_sk") if name not in wanted]
        sets = "SET " + ", ".join(f"{name} = :{name}" for name in wanted) if wanted else ""
        expression = f"{sets} {'REMOVE ' + ', '.join(gone) if gone else ''}".strip()
        values = {f":{name}": value for name, value in wanted.items()}
        return update_in(self._members, keys.member(list_id, mobile), expression, as_read, values=values)

    def _count(self, workspace: str, list_id: int, change: int) -> Write:
        key, values = keys.list_head(workspace, list_id), {":change": change}
        return update_in(
            self._workspaces, key, "ADD opted_out :change", "attribute_exists(pk)", values=values
        )

    def _leave(self, standing: Item, workspace: str, mobile: str, list_id: int, mark: Item) -> Write:
        key = keys.standing(workspace, mobile)
        if "lists" not in standing:
            lists = {":lists": {str(list_id): mark}}
            none = "attribute_not_exists(lists)"
            return update_in(self._people, key, "SET lists = :lists", none, values=lists)
        return update_in(
            self._people,
            key,
            "SET lists.#list = if_not_exists(lists.#list, :mark)",
            "attribute_exists(lists)",
            names={"#list": str(list_id)},
            values={":mark": mark},
        )


def _has(attribute: str, there: bool) -> str:
    return f"attribute_{'exists' if there else 'not_exists'}({attribute})"


def _insist(read: Callable[[], list[Write]]) -> None:
    for _ in range(_ATTEMPTS):
        writes = read()
        if not writes:
            return
        try:
            transact(writes, attempts=1)
        except (ConditionFailed, Unprocessed):
            continue  # somebody else writes what it changes: read again
        return
    raise Contended("an opt-out kept meeting other writers")
