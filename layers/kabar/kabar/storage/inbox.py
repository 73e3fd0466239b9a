"""The inbox: replies as people look through them, and what they do about one [I1] [I5]. [P70]–[P72]

Replies are found by time through the sparse index `by_workspace`, in four shards that a page merges; it follows a
write within moments. A page looks through so many replies at most, so where few match pages come short.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import Any

from kabar.domain.commands import plain
from kabar.domain.replies import Leaves, OptOut
from kabar.storage import activity, keys
from kabar.storage.dynamo import Item, Table
from kabar.storage.opt_outs import BY_REPLY, OptOuts, insist, taken_over

INDEX = "by_workspace"
EXPORTS_SUBJECT = 0  # of downloads of replies: they are of no list and no campaign
LOOKED_THROUGH = 1000  # replies for one page at most
_AT_ONCE = 100  # replies of one query of a shard, and standings of one read
_WHOLE_NUMBER = 8  # characters from which on a searched number may be a whole one


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a listing is filtered by; what is None doesn't matter. Times are epoch ms, `until` is not included.

    `mobile` is a number or its leading part in international form; `content` and `batch` are parts of the text and
    the batch, in any case and with or without accents.
    """

    mobile: str | None = None
    content: str | None = None
    list_id: int | None = None
    batch: str | None = None
    opted_out: bool | None = None
    read: bool | None = None
    since: int = 0
    until: int = 10**13 - 1

    def matches(self, reply: Item) -> bool:
        """Whether it is wanted, apart from `opted_out`, which the standing says."""
        return (
            reply["mobile"].startswith(self.mobile or "")
            and self.list_id in {None, reply.get("list")}
            and self.read in {None, "read_at" in reply}
            and (self.batch is None or plain(self.batch) in plain(reply.get("batch", "")))
            and (self.content is None or plain(self.content) in plain(reply["text"]))
        )


@dataclass(frozen=True, slots=True)
class Known:
    """What is known about the people of some replies now: standings by number, params by list and number."""

    standings: Mapping[str, Item]
    params: Mapping[tuple[int, str], list[str]]


class Inbox:
    """The replies of all workspaces."""

    def __init__(self, people: Table, members: Table, workspaces: Table, log: Table) -> None:
        self._people = people
        self._members = members
        self._log = log
        self._opt_outs = OptOuts(people, members, workspaces)

    def get(self, workspace: str, reply_id: int) -> Item | None:
        """[P71] A reply by our id, or None."""
        pointer = self._people.get(keys.reply_by_id(workspace, reply_id))
        if pointer is None:
            return None
        key = {"pk": keys.person_pk(workspace, pointer["mobile"]), "sk": pointer["reply"]}
        return self._people.get(key, consistent=True)

    def page(
        self, workspace: str, wanted: Wanted, limit: int, before: str | None = None
    ) -> tuple[list[Item], str | None]:
        """[P70] Up to `limit` replies, newest first, and where the next page starts (None at the end).

        `before` is what the previous page returned.
        """
        found: list[Item] = []
        position, looked = before, 0
        replies = self.newest(workspace, wanted, before)
        while batch := list(islice(replies, min(limit + 1, _AT_ONCE))):
            fits = self._fitting(workspace, wanted, batch)
            for reply in batch:
                if len(found) == limit or looked == LOOKED_THROUGH:
                    return found, position
                looked += 1
                position = _order(reply)
                if reply["reply_id"] in fits:
                    found.append(reply)
        return found, None

    def newest(self, workspace: str, wanted: Wanted, before: str | None = None) -> Iterator[Item]:
        """Replies of the time that is wanted, newest first, whether the rest fits or not."""
        bounds = f"{wanted.since:013d}#", before or f"{max(wanted.until - 1, 0):013d}#~"
        if bounds[0] > bounds[1]:
            return iter(())
        of_one = self._of_number(workspace, wanted, bounds)
        shards: Iterable[Iterator[Item]] = (
            [iter(of_one)]
            if of_one
            else [
                self._people.every(
                    keys.inbox_pk(workspace, shard), index=INDEX, between=bounds, reverse=True, limit=_AT_ONCE
                )
                for shard in range(keys.INBOX_SHARDS)
            ]
        )
        return (reply for reply in merge(*shards, key=_order, reverse=True) if _order(reply) != before)

    def known(self, workspace: str, replies: Sequence[Item]) -> Known:
        """What a view shows besides the replies themselves: at most 100 of them, two batch reads."""
        mobiles = dict.fromkeys(reply["mobile"] for reply in replies)
        standings = self._standings(workspace, mobiles)
        on_lists = {(reply["list"], reply["mobile"]): None for reply in replies if "list" in reply}
        members = self._members.batch_get([keys.member(*each) for each in on_lists]) if on_lists else {}
        by_key = {(list_id, mobile): keys.member(list_id, mobile) for list_id, mobile in on_lists}
        found = {each: members.get((key["pk"], key["sk"])) for each, key in by_key.items()}
        return Known(standings, {each: member["params"] for each, member in found.items() if member})

    def mark(self, reply: Item, *, read: bool, now: int) -> Item:
        """[P72] The reply, read or not; read again it keeps its time."""
        key = {"pk": reply["pk"], "sk": reply["sk"]}
        if not read:
            # no condition but that it is there: taking the mark off twice is taking it off
            return self._people.update(key, "REMOVE read_at", condition="attribute_exists(pk)")
        sets = "SET read_at = if_not_exists(read_at, :now)"
        return self._people.update(key, sets, values={":now": now}, condition="attribute_exists(pk)")

    def opt_out(self, workspace: str, reply: Item, by: str, clock: Callable[[], int]) -> None:
        """[P72] Nothing more goes to who wrote it, and no START undoes that; again it keeps its time.

        Raises Contended.
        """
        mobile = reply["mobile"]

        def read() -> list[dict[str, Any]]:
            standing = self._opt_outs.standing(workspace, mobile)
            if "everything" in standing:
                seen = ("everything", standing["everything"])
                writes = taken_over(self._people, workspace, mobile, seen, by)
                if not writes:
                    return []
            else:
                writes = self._opt_outs.leaving(
                    standing, workspace, mobile, OptOut(Leaves.EVERYTHING), lambda: {"at": clock(), "by": by}
                )
            detail = {"leaves": "everything", "reply": reply["reply_id"]}
            return [*writes, activity.entry(self._log, workspace, clock(), by, "opted out", mobile, detail)]

        insist(read)

    def undo(self, workspace: str, reply: Item, by: str, clock: Callable[[], int]) -> None:
        """[P72] Take back what the button, or this very reply, did. Raises Contended."""
        mobile, by_reply = reply["mobile"], f"{BY_REPLY}{reply['id']}"

        def read() -> list[dict[str, Any]]:
            standing = self._opt_outs.standing(workspace, mobile)
            whole = standing.get("everything")

            def is_undone(mark: Mapping[str, Any]) -> bool:
                return mark is whole or mark["by"] == by_reply

            _, writes = self._opt_outs.coming_back(standing, workspace, mobile, is_undone)
            if not writes:
                return []
            detail = {"reply": reply["reply_id"]}
            note = activity.entry(self._log, workspace, clock(), by, "opt-out undone", mobile, detail)
            return [*writes, note]

        insist(read)

    def _fitting(self, workspace: str, wanted: Wanted, replies: Sequence[Item]) -> set[int]:
        fits = [reply for reply in replies if wanted.matches(reply)]
        if wanted.opted_out is not None and fits:
            standings = self._standings(workspace, dict.fromkeys(reply["mobile"] for reply in fits))
            fits = [r for r in fits if has_opted_out(standings[r["mobile"]], r) is wanted.opted_out]
        return {reply["reply_id"] for reply in fits}

    def _standings(self, workspace: str, mobiles: Iterable[str]) -> dict[str, Item]:
        wanted = {mobile: keys.standing(workspace, mobile) for mobile in mobiles}
        found = self._people.batch_get(list(wanted.values())) if wanted else {}
        return {mobile: found.get((key["pk"], key["sk"]), {}) for mobile, key in wanted.items()}

    def _of_number(self, workspace: str, wanted: Wanted, bounds: tuple[str, str]) -> list[Item]:
        """The replies of one number, newest first: its own partition has them, and few."""
        if len(wanted.mobile or "") < _WHOLE_NUMBER:
            return []
        own = self._people.every(keys.person_pk(workspace, str(wanted.mobile)), prefix="in#")
        low, high = bounds
        return sorted((r for r in own if low <= _order(r) <= high), key=_order, reverse=True)


def has_opted_out(standing: Mapping[str, Any], reply: Mapping[str, Any]) -> bool:
    """Whether who wrote the reply left its list or everything; the blacklist is another thing [I4]."""
    return "everything" in standing or str(reply.get("list")) in standing.get("lists", {})


def _order(reply: Item) -> str:
    return str(reply["by_workspace_sk"])
