"""Numbers that nobody in the workspace sends to [I6]: part of each number's `standing`. [P5]

Entries are found by time through the sparse index `by_workspace`, in four shards that a page merges. It
follows a write within moments; the standing itself, which the send protocol reads, holds at once.
"""

from dataclasses import dataclass
from heapq import merge
from itertools import islice

from kabar.storage import keys
from kabar.storage.dynamo import ConditionFailed, Item, Table
from kabar.storage.opt_outs import BY_REPLY, is_of_reply

INDEX = "by_workspace"


@dataclass(frozen=True, slots=True)
class Entry:
    """One blacklisted number; `at` is epoch ms, `by` is `api:<principal>` or `reply:<carrier id>`."""

    mobile: str
    at: int
    by: str


def add(people: Table, workspace: str, mobile: str, at: int, by: str) -> tuple[Entry, bool]:
    """Blacklist `mobile`; an entry that is there already keeps its time. Returns it and whether it is new.

    An entry that a reply made is `by` whoever adds it now, so no START takes it off.
    """
    key = keys.standing(workspace, mobile)
    try:
        people.update(
            key,
            "SET blacklisted = :entry, mobile = :mobile, by_workspace_pk = :shard, by_workspace_sk = :order",
            values={
                ":entry": {"at": at, "by": by},
                ":mobile": mobile,
                ":shard": keys.blacklist_shard(workspace, mobile),
                ":order": f"{at:013d}#{mobile}",
            },
            condition="attribute_not_exists(blacklisted)",
        )
    except ConditionFailed:
        there = people.get(key, consistent=True)
        if there is None or "blacklisted" not in there:  # removed between the two calls
            return add(people, workspace, mobile, at, by)
        if is_of_reply(there["blacklisted"]) and not by.startswith(BY_REPLY):
            return _taken_over(people, workspace, there, at, by)
        return _entry(there), False
    return Entry(mobile, at, by), True


def _taken_over(people: Table, workspace: str, there: Item, at: int, by: str) -> tuple[Entry, bool]:
    seen = there["blacklisted"]
    try:
        new = people.update(
            keys.standing(workspace, there["mobile"]),
            "SET blacklisted = :mark",
            values={":mark": {"at": seen["at"], "by": by}, ":seen": seen},
            condition="blacklisted = :seen",
        )
    except ConditionFailed:  # changed between the two calls
        return add(people, workspace, there["mobile"], at, by)
    return _entry(new), False


def remove(people: Table, workspace: str, mobile: str) -> bool:
    """Take `mobile` off the blacklist; False when it wasn't on it. Other opt-outs of the number stay."""
    try:
        people.update(
            keys.standing(workspace, mobile),
            "REMOVE blacklisted, by_workspace_pk, by_workspace_sk",
            condition="attribute_exists(blacklisted)",
        )
    except ConditionFailed:
        return False
    return True


def page(
    people: Table, workspace: str, limit: int, before: str | None = None
) -> tuple[list[Entry], str | None]:
    """Up to `limit` entries, newest first, and where the next page starts (None at the end).

    `before` is what the previous page returned.
    """
    shards = [_newest(people, workspace, shard, limit, before) for shard in range(keys.BLACKLIST_SHARDS)]
    newest = list(islice(merge(*shards, key=_order, reverse=True), limit + 1))
    entries = [_entry(item) for item in newest[:limit]]
    return entries, _order(newest[limit - 1]) if len(newest) > limit else None


def _newest(people: Table, workspace: str, shard: int, limit: int, before: str | None) -> list[Item]:
    pk = keys.blacklist_pk(workspace, shard)
    # two more: one that is `before` itself, one that tells whether there is a next page
    found = people.query(pk, index=INDEX, reverse=True, limit=limit + 2, at_most=before).items
    return [item for item in found if _order(item) != before]


def _order(item: Item) -> str:
    return str(item["by_workspace_sk"])


def _entry(item: Item) -> Entry:
    return Entry(item["mobile"], item["blacklisted"]["at"], item["blacklisted"]["by"])
