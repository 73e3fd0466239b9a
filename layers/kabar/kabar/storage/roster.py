"""Members of lists one by one: add, edit, delete [C3]; the list's counters change in the same transaction. [P37]

Nothing is edited while an import writes the list: the import's own writes have no conditions, so the counters
could drift. Opting out is always possible (opt_outs.py).
"""

from collections.abc import Sequence
from typing import Any

from kabar.storage import keys
from kabar.storage.dynamo import (
    ConditionFailed,
    Item,
    Table,
    Unprocessed,
    check_in,
    put_in,
    transact,
    update_in,
)
from kabar.storage.opt_outs import Contended

_ATTEMPTS = 10

Write = dict[str, Any]


class ListGone(Exception):
    """The list was deleted; nothing was written."""


class ListLoading(Exception):
    """An import is writing the list; nothing was written."""


class MemberExists(Exception):
    """The number is a member already; nothing was written."""


class Stale(Exception):
    """The member is not what the caller had seen; nothing was written."""


class Roster:
    """The members of all lists."""

    def __init__(self, people: Table, members: Table, workspaces: Table) -> None:
        self._people = people
        self._members = members
        self._workspaces = workspaces

    def get(self, list_id: int, mobile: str) -> Item | None:
        """A member, also a deleted one, or None."""
        return self._members.get(keys.member(list_id, mobile), consistent=True)

    def put(
        self, workspace: str, list_id: int, mobile: str, params: list[str], now: int, *, replace: bool
    ) -> tuple[Item, bool]:
        """Make the number a member with these params; the member, and whether it wasn't one before.

        A deleted number is a member again. Raises MemberExists unless `replace`, ListGone, ListLoading,
        Contended.
        """
        for _ in range(_ATTEMPTS):
            old = self.get(list_id, mobile)
            is_member = bool(old and "deleted" not in old)
            if is_member and not replace:
                raise MemberExists
            new, writes = self._member(workspace, list_id, mobile, old, params, now)
            if self._written(workspace, list_id, [(old, new)], writes):
                return new, not is_member
        raise Contended(f"a member of the list {list_id} kept changing")

    def edit(
        self, workspace: str, list_id: int, seen: Item, mobile: str, params: list[str], now: int
    ) -> Item:
        """Give the member that was `seen` these params and this number; the member as it is now.

        Its former number stays findable as deleted. Raises Stale, MemberExists, ListGone, ListLoading.
        """
        if mobile == seen["sk"]:
            new, writes = self._member(workspace, list_id, mobile, seen, params, now)
            changes: list[tuple[Item | None, Item]] = [(seen, new)]
        else:
            there = self.get(list_id, mobile)
            if there and "deleted" not in there:
                raise MemberExists
            new, writes = self._member(workspace, list_id, mobile, there, params, now)
            gone = _deleted(list_id, seen, now)
            changes = [(seen, gone), (there, new)]
            writes.append(self._replacing(seen, gone))
        if not self._written(workspace, list_id, changes, writes):
            raise Stale
        return new

    def delete(self, workspace: str, list_id: int, mobile: str, now: int) -> bool:
        """The params go, the number stays findable as deleted; False when it is no member.

        Raises ListGone, ListLoading, Contended.
        """
        for _ in range(_ATTEMPTS):
            old = self.get(list_id, mobile)
            if not old or "deleted" in old:
                return False
            gone = _deleted(list_id, old, now)
            if self._written(workspace, list_id, [(old, gone)], [self._replacing(old, gone)]):
                return True
        raise Contended(f"a member of the list {list_id} kept changing")

    def _member(
        self, workspace: str, list_id: int, mobile: str, old: Item | None, params: list[str], now: int
    ) -> tuple[Item, list[Write]]:
        """A member that bears the mark its standing says, and what writes it if both are as they were read."""
        name = str(list_id)
        standing_key = keys.standing(workspace, mobile)
        standing = self._people.get(standing_key, consistent=True) or {}
        left = standing.get("lists", {}).get(name)
        new: Item = {**keys.member(list_id, mobile), "params": params, "at": _later(old, now)}
        new |= {kept: old[kept] for kept in ("import", "before") if old and kept in old}
        if left:
            new["opted_out"] = left["at"]
        as_read = f"attribute_{'exists' if left else 'not_exists'}(lists.#list)"
        check = check_in(self._people, standing_key, as_read, names={"#list": name})
        return new, [self._replacing(old, new), check]

    def _replacing(self, old: Item | None, new: Item) -> Write:
        if old is None:
            return put_in(self._members, new, "attribute_not_exists(pk)")
        tests, values = [], {}
        for name in ("at", "opted_out", "deleted"):
            if name in old:
                tests.append(f"#{name} = :{name}")
                values[f":{name}"] = old[name]
            else:
                tests.append(f"attribute_not_exists(#{name})")
        names = {f"#{name}": name for name in ("at", "opted_out", "deleted")}
        return put_in(self._members, new, " AND ".join(tests), names=names, values=values)

    def _written(
        self, workspace: str, list_id: int, changes: Sequence[tuple[Item | None, Item]], writes: list[Write]
    ) -> bool:
        """All of it with the list's counters, or nothing and False: somebody else wrote it meanwhile."""
        key, quiet = (
            keys.list_head(workspace, list_id),
            "attribute_exists(pk) AND attribute_not_exists(loading)",
        )
        counts = {
            f":{name}": sum(_count(new)[name] - _count(old)[name] for old, new in changes)
            for name in ("members", "opted_out", "deleted")
        }
        count = update_in(
            self._workspaces,
            key,
            "ADD members :members, opted_out :opted_out, deleted :deleted",
            quiet,
            values=counts,
        )
        try:
            transact([*writes, count])
        except (ConditionFailed, Unprocessed):
            head = self._workspaces.get(key, consistent=True)
            if head is None:
                raise ListGone from None
            if head.get("loading"):
                raise ListLoading from None
            return False
        return True


def _deleted(list_id: int, old: Item, now: int) -> Item:
    kept = {name: old[name] for name in ("pk", "sk", "import", "before", "opted_out") if name in old}
    own = {"params": [], "at": _later(old, now), "deleted": now}
    return kept | own | keys.deleted_mark(list_id, old["sk"])


def _later(old: Item | None, now: int) -> int:
    """The time of this write, and never that of the one before: what was read is told apart by it."""
    return max(now, old.get("at", 0) + 1) if old else now


def _count(member: Item | None) -> dict[str, int]:
    """What one number adds to the counters of its list."""
    deleted = bool(member and "deleted" in member)
    is_member = bool(member) and not deleted
    return {
        "members": int(is_member),
        "opted_out": int(is_member and "opted_out" in (member or {})),
        "deleted": int(deleted),
    }
