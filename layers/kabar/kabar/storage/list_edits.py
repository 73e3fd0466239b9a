"""Lists made, edited and deleted by hand [C1] [C6]. [P38]

A name leads to one list. Deleting a list takes its head and its name at once; its members, which nothing finds
without the head, go in the background (`Emptying`).
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kabar.storage import keys
from kabar.storage.dynamo import ConditionFailed, Item, Table, delete_in, put_in, transact, update_in
from kabar.storage.keywords import Keywords
from kabar.storage.opt_outs import Contended

SETTINGS = ("batch", "email", "reply_response", "opt_out_response", "response_encoding", "strict")
KEPT_OPEN_MS = 86_400_000  # an import that was under way may still write members of a deleted list
_ATTEMPTS = 5
_BATCH = 500
_READS = 10  # queries of one page of a search, of 100 heads each

Write = dict[str, Any]


class NameTaken(Exception):
    """Another list has this name; nothing was written."""


class Stale(Exception):
    """The list was edited meanwhile, or is gone; nothing was written."""


def create(workspaces: Table, workspace: str, list_id: int, settings: Mapping[str, Any], now: int) -> Item:
    """A new, empty list with {name} and SETTINGS; again under the same id it is the same. Raises NameTaken."""
    head = keys.list_head(workspace, list_id) | {
        "id": list_id,
        "members": 0,
        "opted_out": 0,
        "deleted": 0,
        "created_at": now,
        **{name: value for name, value in settings.items() if value is not None},
    }
    pointer = keys.list_name(workspace, head["name"]) | {"list_id": list_id}
    none = "attribute_not_exists(pk)"
    try:
        transact([put_in(workspaces, head, none), put_in(workspaces, pointer, none)])
    except ConditionFailed:
        there = workspaces.get(keys.list_head(workspace, list_id), consistent=True)
        if there is None:
            raise NameTaken from None
        return there
    return head


def edit(workspaces: Table, workspace: str, seen: Item, changes: Mapping[str, Any]) -> Item:
    """Set {name} and SETTINGS of the list that was `seen`, None removes; the head as it is now.

    Raises Stale, NameTaken.
    """
    version = seen.get("version", 0)
    as_seen = "version = :seen" if version else "attribute_exists(pk) AND attribute_not_exists(version)"
    sets = {name: value for name, value in changes.items() if value is not None}
    sets["version"] = version + 1
    gone = [name for name in changes if name not in sets]
    expression = "SET " + ", ".join(f"#{name} = :{name}" for name in sets)
    expression += (" REMOVE " + ", ".join(f"#{name}" for name in gone)) if gone else ""
    values = {f":{name}": value for name, value in sets.items()} | ({":seen": version} if version else {})
    names = {f"#{name}": name for name in (*sets, *gone)}
    key = keys.list_head(workspace, seen["id"])
    writes = [update_in(workspaces, key, expression, as_seen, names=names, values=values)]
    if sets.get("name", seen["name"]) != seen["name"]:
        pointer = keys.list_name(workspace, sets["name"]) | {"list_id": seen["id"]}
        writes.append(put_in(workspaces, pointer, "attribute_not_exists(pk)"))
        writes += _released(workspaces, workspace, seen)
    try:
        transact(writes)
    except ConditionFailed:
        now = workspaces.get(key, consistent=True)
        if now is None or now.get("version", 0) != version:
            raise Stale from None
        raise NameTaken from None
    return workspaces.get(key, consistent=True) or {**seen, **sets}


def delete(
    workspaces: Table, log: Table, workspace: str, list_id: int, *, by: str, now: int
) -> list[str] | None:
    """The list is gone, its name free, and so are its keywords, whose words are answered [C6].

    None when it was not there. Raises Contended.
    """
    keywords = Keywords(workspaces, log, workspace)
    for _ in range(_ATTEMPTS):
        head = workspaces.get(keys.list_head(workspace, list_id), consistent=True)
        if head is None:
            return None
        mark = {"workspace": workspace, "list_id": list_id, "deleted_at": now}
        tied = head.get("keywords")
        as_seen = "attribute_exists(pk) AND " + (
            "keywords = :tied" if tied else "attribute_not_exists(keywords)"
        )
        words, going = keywords.going_with(head, by=by, now=now)
        key = keys.list_head(workspace, list_id)
        writes = [
            delete_in(workspaces, key, as_seen, values={":tied": tied} if tied else None),
            put_in(workspaces, keys.emptying(workspace, list_id) | mark),
            *_released(workspaces, workspace, head),
            *going,
        ]
        try:
            transact(writes)
        except ConditionFailed:
            continue  # deleted, renamed or given a keyword meanwhile: read again
        return words
    raise Contended(f"the list {list_id} kept changing")


def _released(workspaces: Table, workspace: str, head: Item) -> list[Write]:
    """For `transact`: the name no longer leads to the list, if it did."""
    key = keys.list_name(workspace, head["name"])
    pointer = workspaces.get(key, consistent=True)
    if pointer is None or pointer["list_id"] != head["id"]:
        return []
    return [delete_in(workspaces, key, "list_id = :id", values={":id": head["id"]})]


def search(
    workspaces: Table, workspace: str, text: str, limit: int, before: str | None = None
) -> tuple[list[Item], str | None]:
    """Heads whose name or batch contains `text` in any case, newest first, and where the next page starts.

    A page may come short where few match; the next one goes on.
    """
    wanted, pk = text.casefold(), keys.workspace_pk(workspace)
    found: list[Item] = []
    start = {"pk": pk, "sk": before} if before else None
    for _ in range(_READS):
        page = workspaces.query(pk, prefix="list#", reverse=True, limit=100, start=start)
        for head in page.items:
            if wanted in head["name"].casefold() or wanted in head.get("batch", "").casefold():
                if len(found) == limit:
                    return found, found[-1]["sk"]
                found.append(head)
        if page.next is None:
            return found, None
        start = page.next
    return found, str(page.items[-1]["sk"])


class Emptying:
    """Removes the members of deleted lists, a part at a time."""

    def __init__(self, workspaces: Table, members: Table) -> None:
        self._workspaces = workspaces
        self._members = members

    def run(self, now: int, go_on: Callable[[], bool]) -> int:
        """Remove members as long as `go_on` says so; how many. The next run goes on from there."""
        removed = 0
        for mark in list(self._workspaces.every("open", prefix="list#")):
            for batch in self._batches(mark["list_id"]):
                self._members.batch_delete(batch)
                removed += len(batch)
                if not go_on():
                    return removed
            if mark["deleted_at"] + KEPT_OPEN_MS < now:
                # no condition: whoever else found it empty deletes it too
                self._workspaces.delete({"pk": mark["pk"], "sk": mark["sk"]})
        return removed

    def _batches(self, list_id: int) -> Iterator[list[dict[str, str]]]:
        for shard in range(keys.MEMBER_SHARDS):
            while True:
                page = self._members.query(keys.member_pk(list_id, shard), limit=_BATCH)
                if page.items:
                    yield [{"pk": item["pk"], "sk": item["sk"]} for item in page.items]
                if page.next is None:
                    break
