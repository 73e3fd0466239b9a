"""Keywords: words that make whoever sends them a member of a list [I8]. [P73]–[P75]

A keyword: {id, word, folded, list_id, active, response?, encoding, created_at, version, deleted_at?}. Its word
belongs to it until it is released, so a deleted one can't be taken by accident. A list's head holds the ids of its
keywords in `keywords`; whoever deletes the list deletes them with it.
"""

from collections.abc import Mapping
from typing import Any

from kabar.domain.commands import folded
from kabar.storage import activity, keys
from kabar.storage.dynamo import ConditionFailed, Item, Table, delete_in, put_in, transact, update_in

MAX_OF_LIST = 40  # they are deleted with it in one transaction, which holds 100 writes

Write = dict[str, Any]


class WordTaken(Exception):
    """The word belongs to a keyword already; `deleted` says that it was deleted and not released."""

    def __init__(self, keyword_id: int, *, deleted: bool) -> None:
        super().__init__(f"the word belongs to the keyword {keyword_id}")
        self.keyword_id = keyword_id
        self.deleted = deleted


class NoSuchList(Exception):
    """There is no such list; nothing was written."""


class TooMany(Exception):
    """The list has MAX_OF_LIST keywords; nothing was written."""


class Stale(Exception):
    """The keyword was changed meanwhile, or is gone; nothing was written."""


class Keywords:
    """The keywords of one workspace; every change is in the log, `by` whom."""

    def __init__(self, workspaces: Table, log: Table, workspace: str) -> None:
        self._table = workspaces
        self._log = log
        self._workspace = workspace

    def get(self, keyword_id: int) -> Item | None:
        """A keyword, also a deleted one, or None."""
        return self._table.get(keys.keyword(self._workspace, keyword_id), consistent=True)

    def said(self, text: str) -> Item | None:
        """[P73] The active keyword that the whole of a text is, or None."""
        word = folded(text)
        pointer = self._table.get(keys.keyword_word(self._workspace, word)) if 0 < len(word) <= 200 else None
        found = self.get(pointer["keyword_id"]) if pointer else None
        return found if found and found["active"] and "deleted_at" not in found else None

    def page(
        self, limit: int, before: str | None = None, deleted: bool | None = None
    ) -> tuple[list[Item], str | None]:
        """[P74] Up to `limit` keywords, newest first, and where the next page starts."""
        first, last = (keys.keyword(self._workspace, number)["sk"] for number in (0, 10**16 - 1))
        found: list[Item] = []
        all_of_them = self._table.every(
            keys.workspace_pk(self._workspace), between=(first, before or last), reverse=True, limit=100
        )
        for item in all_of_them:
            if item["sk"] != before and deleted in {None, "deleted_at" in item}:
                if len(found) == limit:
                    return found, str(found[-1]["sk"])
                found.append(item)
        return found, None

    def create(self, keyword_id: int, wanted: Mapping[str, Any], *, by: str, now: int) -> Item:
        """[P75] A keyword with {word, list_id, active, response?, encoding}; again under its id it is the same.

        Raises WordTaken, NoSuchList, TooMany.
        """
        self._check_list(wanted["list_id"])
        item: Item = keys.keyword(self._workspace, keyword_id) | {
            "id": keyword_id,
            "folded": folded(wanted["word"]),
            "created_at": now,
            "version": 1,
            **{name: value for name, value in wanted.items() if value is not None},
        }
        word = keys.keyword_word(self._workspace, item["folded"]) | {"keyword_id": keyword_id}
        none = "attribute_not_exists(pk)"
        writes = [
            put_in(self._table, item, none),
            put_in(self._table, word, none),
            self._tie(item["list_id"], keyword_id),
            self._note(now, by, "keyword created", item, {"list_id": item["list_id"]}),
        ]
        try:
            transact(writes, self._table.dynamo)
        except ConditionFailed:
            there = self.get(keyword_id)
            if there:
                return there
            raise self._taken(item["folded"]) from None
        return item

    def edit(self, seen: Item, changes: Mapping[str, Any], *, by: str, now: int) -> Item:
        """Change {list_id, active, response, encoding} of the keyword that was `seen`; None removes a response.

        Raises Stale, NoSuchList, TooMany.
        """
        new = {k: v for k, v in {**seen, **changes, "version": seen["version"] + 1}.items() if v is not None}
        told = {name: value for name, value in changes.items() if name != "response"}
        writes = [self._replacing(seen, new), self._note(now, by, "keyword edited", new, told)]
        if new["list_id"] != seen["list_id"]:
            self._check_list(new["list_id"])
            writes += [self._untie(seen), self._tie(new["list_id"], seen["id"])]
        self._written(writes)
        return new

    def delete(self, seen: Item, *, by: str, now: int) -> None:
        """The keyword does nothing more; its word is not free. Raises Stale."""
        new = {**seen, "deleted_at": now, "active": False, "version": seen["version"] + 1}
        writes = [
            self._replacing(seen, new),
            self._untie(seen),
            self._note(now, by, "keyword deleted", new, {}),
        ]
        self._written(writes)

    def release(self, seen: Item, *, by: str, now: int) -> None:
        """The word of a deleted keyword is free again, and nothing is left of it but the log. Raises Stale."""
        as_seen = {":seen": seen["version"]}
        writes = [
            delete_in(
                self._table, keys.keyword(self._workspace, seen["id"]), "version = :seen", values=as_seen
            ),
            delete_in(self._table, keys.keyword_word(self._workspace, seen["folded"])),
            self._note(now, by, "keyword released", seen, {}),
        ]
        self._written(writes)

    def going_with(self, head: Item, *, by: str, now: int) -> tuple[list[str], list[Write]]:
        """For `transact`: the words of a list's keywords, and what deletes them with the list."""
        found = [item for name in sorted(head.get("keywords", ())) if (item := self.get(int(name)))]
        writes = []
        for seen in found:
            new = {**seen, "deleted_at": now, "active": False, "version": seen["version"] + 1}
            detail = {"with_list": head["id"]}
            writes += [self._replacing(seen, new), self._note(now, by, "keyword deleted", new, detail)]
        return [item["word"] for item in found], writes

    def _replacing(self, seen: Item, new: Item) -> Write:
        return put_in(self._table, new, "version = :seen", values={":seen": seen["version"]})

    def _tie(self, list_id: int, keyword_id: int) -> Write:
        return update_in(
            self._table,
            keys.list_head(self._workspace, list_id),
            "ADD keywords :keyword",
            "attribute_exists(pk)",
            values={":keyword": {str(keyword_id)}},
        )

    def _untie(self, seen: Item) -> Write:
        return update_in(
            self._table,
            keys.list_head(self._workspace, seen["list_id"]),
            "DELETE keywords :keyword",
            "attribute_exists(pk)",
            values={":keyword": {str(seen["id"])}},
        )

    def _note(self, now: int, by: str, what: str, item: Item, detail: Mapping[str, Any]) -> Write:
        about = f"keyword:{item['id']}"
        return activity.entry(
            self._log, self._workspace, now, by, what, about, {"word": item["word"], **detail}
        )

    def _written(self, writes: list[Write]) -> None:
        try:
            transact(writes, self._table.dynamo)
        except ConditionFailed:
            raise Stale from None

    def _taken(self, word: str) -> Exception:
        """What stood in the way of a new keyword: its word, or a list that was deleted meanwhile."""
        pointer = self._table.get(keys.keyword_word(self._workspace, word), consistent=True)
        owner = self.get(pointer["keyword_id"]) if pointer else None
        return WordTaken(owner["id"], deleted="deleted_at" in owner) if owner else NoSuchList()

    def _check_list(self, list_id: int) -> None:
        head = self._table.get(keys.list_head(self._workspace, list_id), consistent=True)
        if head is None:
            raise NoSuchList
        if len(head.get("keywords", ())) >= MAX_OF_LIST:
            raise TooMany
