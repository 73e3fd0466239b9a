"""Members of one list by leading part of the number and by mark, in the order of their numbers [C4]. [P8]

Everybody is looked for in the 16 shards of the list, the deleted in the sparse index `by_mark`; either way all
partitions are read a little and merged. Who opted out, of the list or of everything, is in the standings, which are
read for as many as a page needs. A page costs at most ROUNDS times as many queries as there are partitions, so where
hardly anybody matches it may come short, even empty, and the next one goes on; those who opted out are looked for
in one deep round, a few large reads instead of many small ones.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import islice

from kabar.domain.replies import Leaves, left
from kabar.storage import keys
from kabar.storage.dynamo import Item, Page, Table

INDEX = "by_mark"
ROUNDS = 4
RARE = 400  # members that the one round reads of each partition where few match
TOGETHER = 100  # standings of one read


@dataclass(frozen=True, slots=True)
class Search:
    """What to look for; None is either. `prefix` is the leading part with its `+`."""

    prefix: str = "+"
    opted_out: bool | None = None
    deleted: bool | None = None

    def matches(self, member: Item) -> bool:
        return all(
            wanted is None or wanted == (mark in member)
            for wanted, mark in ((self.opted_out, "left"), (self.deleted, "deleted"))
        )


def page(
    members: Table,
    people: Table,
    workspace: str,
    list_id: int,
    search: Search,
    limit: int,
    after: str | None = None,
) -> tuple[list[Item], str | None]:
    """Up to `limit` members above the number `after`, and where the next page starts (None at the end).

    They have `left`, as `judged` adds it.
    """
    partitions, index = _partitions(list_id, search)
    found: list[Item] = []
    for _ in range(1 if search.opted_out else ROUNDS):
        step = RARE if search.opted_out else 2 * limit // len(partitions) + 8  # rarely a second round
        first = "" if after else search.prefix
        read = (members.query(pk, prefix=first, after=after, limit=step, index=index) for pk in partitions)
        pages = [_leading(search.prefix, each) for each in read]
        horizon = min((each.items[-1]["sk"] for each in pages if each.next), default=None)
        merged = _merged(pages, horizon)
        while some := list(islice(merged, TOGETHER)):
            for member in judged(people, workspace, list_id, some):
                if len(found) == limit:
                    return found, found[-1]["sk"]
                if search.matches(member):
                    found.append(member)
        if horizon is None:
            return found, None
        after = horizon
    return found, after


def judged(people: Table, workspace: str, list_id: int, members: Sequence[Item]) -> list[Item]:
    """Members, with `left` {at, by, from} where nothing goes to them through the list. [P30] (consistent)"""
    if not members:
        return []
    standings = people.batch_get([keys.standing(workspace, m["sk"]) for m in members], consistent=True)
    made = []
    for member in members:
        standing = standings.get((keys.person_pk(workspace, member["sk"]), "standing"), {})
        mark = left(standing, list_id)
        if mark is None and "opted_out" in member:
            mark = {"at": member["opted_out"], "by": None, "from": Leaves.LIST.value}
        made.append(member | ({"left": mark} if mark else {}))
    return made


def _partitions(list_id: int, search: Search) -> tuple[list[str], str | None]:
    if search.deleted:
        return [keys.deleted_pk(list_id, shard) for shard in range(keys.MARK_SHARDS)], INDEX
    return [keys.member_pk(list_id, shard) for shard in range(keys.MEMBER_SHARDS)], None


def _leading(prefix: str, page: Page) -> Page:
    """As far as the numbers begin so."""
    if not page.items or page.items[-1]["sk"].startswith(prefix):
        return page
    return Page([each for each in page.items if each["sk"].startswith(prefix)], None)


def _merged(pages: list[Page], horizon: str | None) -> Iterator[Item]:
    """In the order of the numbers, as far as every partition was read."""
    for member in merge(*(each.items for each in pages), key=lambda item: str(item["sk"])):
        if horizon is not None and member["sk"] > horizon:
            return
        yield member
