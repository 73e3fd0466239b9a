"""Opting out and coming back: the standing, and for a list the member's mark and the list's counter, in one go.

The standing is what sends and imports go by [I4] [I5]; marks and counters of opted out members follow it. Its
`lists` leads from a list's id to {at, by, to?, said?}, `everything` and `blacklisted` hold one such mark; a reply
was sent `to` a number and `said` then, and a later START to the same number takes it back. [P35] [P36]
"""

from collections.abc import Callable, Mapping
from typing import Any

from kabar.domain.replies import Leaves, OptOut, digits
from kabar.storage import keys
from kabar.storage.dynamo import ConditionFailed, Item, Table, Unprocessed, transact, update_in
from kabar.storage.marks import Marks

BY_REPLY = "reply:"
_ATTEMPTS = 10  # against other writers, such as other opt-outs of one list
_BACK_AT_ONCE = 20  # lists that one START takes back; a transaction holds 100 writes
_BLACKLISTED = ("blacklisted", "by_workspace_pk", "by_workspace_sk")

Write = dict[str, Any]
Mark = Callable[[], Item]


class Contended(Exception):
    """What is to change kept changing; nothing was written, the same may be tried again."""


class OptOuts:
    """Opt-outs of numbers from lists and from everything; a number needs to be no member of anything."""

    def __init__(self, people: Table, members: Table, workspaces: Table) -> None:
        self._people = people
        self._marks = Marks(people, members, workspaces)

    def standing(self, workspace: str, mobile: str) -> Item:
        return self._people.get(keys.standing(workspace, mobile), consistent=True) or {}

    def left_at(self, workspace: str, mobile: str, list_id: int) -> int | None:
        """When the number left the list, in epoch ms; None when it didn't."""
        left = self.standing(workspace, mobile).get("lists", {}).get(str(list_id))
        return left["at"] if left else None

    def leave(self, workspace: str, mobile: str, list_id: int, by: str, clock: Callable[[], int]) -> bool:
        """Nothing more goes to the number through the list; again it keeps its time. Raises Contended.

        False when somebody had said so. What a reply had said is theirs from now on, so no START undoes it.
        """

        def read() -> list[Write]:
            standing = self.standing(workspace, mobile)
            left = standing.get("lists", {}).get(str(list_id))
            if left:
                names = {"#list": str(list_id)}
                return taken_over(self._people, workspace, mobile, ("lists.#list", left), by, names)
            what = OptOut(Leaves.LIST, list_id)
            return self.leaving(standing, workspace, mobile, what, lambda: {"at": clock(), "by": by})

        return insist(read)

    def undo(self, workspace: str, mobile: str, list_id: int) -> None:
        """The number gets what goes through the list again; its other opt-outs stay. Raises Contended."""
        insist(lambda: self._returning(workspace, mobile, list_id))

    def leaving(self, standing: Item, workspace: str, mobile: str, what: OptOut, mark: Mark) -> list[Write]:
        """For `transact`: what an opt-out changes of what was read; `mark` is asked last, its time counts [I7].

        A mark that is there already keeps its time.
        """
        if what.list is not None:
            return self._leaving_list(standing, workspace, mobile, what.list, mark)
        key, made = keys.standing(workspace, mobile), mark()
        if what.leaves is Leaves.EVERYTHING:
            sets = "SET everything = if_not_exists(everything, :mark)"
            as_read = _has("everything", "everything" in standing)
            return [update_in(self._people, key, sets, as_read, values={":mark": made})]
        return [
            update_in(
                self._people,
                key,
                "SET blacklisted = if_not_exists(blacklisted, :mark), mobile = :mobile, "
                "by_workspace_pk = if_not_exists(by_workspace_pk, :pk), "
                "by_workspace_sk = if_not_exists(by_workspace_sk, :sk)",
                _has("blacklisted", "blacklisted" in standing),
                values={
                    ":mark": made,
                    ":mobile": mobile,
                    ":pk": keys.blacklist_shard(workspace, mobile),
                    ":sk": f"{made['at']:013d}#{mobile}",
                },
            )
        ]

    def coming_back(
        self, standing: Item, workspace: str, mobile: str, is_undone: Callable[[Mapping[str, Any]], bool]
    ) -> tuple[Item, list[Write]]:
        """For `transact`: the standing without the marks that are undone, and what makes it so."""
        lists = [name for name, mark in standing.get("lists", {}).items() if is_undone(mark)][:_BACK_AT_ONCE]
        whole = [
            name for name in ("everything", "blacklisted") if name in standing and is_undone(standing[name])
        ]
        if not lists and not whole:
            return standing, []
        after = {name: value for name, value in standing.items() if name not in whole}
        after["lists"] = {k: mark for k, mark in standing.get("lists", {}).items() if k not in lists}
        names = {f"#list{n}": name for n, name in enumerate(lists)}
        gone = [f"lists.{place}" for place in names]
        gone += [part for name in whole for part in (_BLACKLISTED if name == "blacklisted" else (name,))]
        seen = [(f"lists.{place}", standing["lists"][name]) for place, name in names.items()]
        seen += [(name, standing[name]) for name in whole]
        values = {f":seen{n}": mark for n, (_, mark) in enumerate(seen)}
        as_read = " AND ".join(f"{path} = :seen{n}" for n, (path, _) in enumerate(seen))
        key, sets = keys.standing(workspace, mobile), f"REMOVE {', '.join(gone)}"
        writes = [update_in(self._people, key, sets, as_read, names=names or None, values=values)]
        for name in lists:
            at_list = self._marks.see(workspace, int(name), mobile)
            writes += self._marks.following(workspace, int(name), mobile, at_list, None)
        return after, writes

    def _leaving_list(
        self, standing: Item, workspace: str, mobile: str, list_id: int, mark: Mark
    ) -> list[Write]:
        seen = self._marks.see(workspace, list_id, mobile)
        made = mark()
        at = standing.get("lists", {}).get(str(list_id), made)["at"]
        return [
            self._leave(standing, workspace, mobile, list_id, made),
            *self._marks.following(workspace, list_id, mobile, seen, at),
        ]

    def _returning(self, workspace: str, mobile: str, list_id: int) -> list[Write]:
        writes = []
        if str(list_id) in self.standing(workspace, mobile).get("lists", {}):
            key, names = keys.standing(workspace, mobile), {"#list": str(list_id)}
            writes.append(
                update_in(self._people, key, "REMOVE lists.#list", "attribute_exists(lists)", names=names)
            )
        seen = self._marks.see(workspace, list_id, mobile)
        if writes or "opted_out" in (seen.member or {}):
            writes += self._marks.following(workspace, list_id, mobile, seen, None)
        return writes

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
            "attribute_exists(lists) AND " + _has("lists.#list", str(list_id) in standing["lists"]),
            names={"#list": str(list_id)},
            values={":mark": mark},
        )


def taken_over(
    people: Table,
    workspace: str,
    mobile: str,
    seen: tuple[str, Mapping[str, Any]],
    by: str,
    names: Mapping[str, str] | None = None,
) -> list[Write]:
    """For `transact`: the mark that was `seen` at a path is somebody's instead of a reply's; nothing if it is that
    already.
    """
    path, mark = seen
    if not is_of_reply(mark):
        return []
    changed = {"at": mark["at"], "by": by}
    return [
        update_in(
            people,
            keys.standing(workspace, mobile),
            f"SET {path} = :mark",
            f"{path} = :seen",
            names=names,
            values={":mark": changed, ":seen": dict(mark)},
        )
    ]


def is_of_reply(mark: Mapping[str, Any]) -> bool:
    return str(mark["by"]).startswith(BY_REPLY)


def taken_back(to: str, said: int) -> Callable[[Mapping[str, Any]], bool]:
    """Which marks a START undoes that was said (epoch ms) to the number `to`: of earlier replies to it [I5].

    Queues keep no order: a STOP that was said after it stays, and so does one of the same moment.
    """

    def is_undone(mark: Mapping[str, Any]) -> bool:
        if not is_of_reply(mark) or mark["said"] >= said:
            return False
        return bool(mark["to"] == to or digits(mark["to"]) == digits(to) != "")

    return is_undone


def _has(attribute: str, there: bool) -> str:
    return f"attribute_{'exists' if there else 'not_exists'}({attribute})"


def insist(read: Callable[[], list[Write]]) -> bool:
    """Write what `read` says, reading again when somebody else was faster; whether there was anything to write.

    Raises Contended.
    """
    for _ in range(_ATTEMPTS):
        writes = read()
        if not writes:
            return False
        try:
            transact(writes, attempts=1)
        except (ConditionFailed, Unprocessed):
            continue  # somebody else writes what it changes: read again
        return True
    raise Contended("an opt-out kept meeting other writers")
