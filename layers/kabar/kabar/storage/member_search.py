"""Members of one list by leading part of the number and by mark, in the order of their numbers [C4]. [P8]

Everybody is looked for in the 16 shards of the list, the opted out and the deleted in the sparse index `by_mark`;
either way all partitions are read a little and merged. A page costs at most ROUNDS times as many queries as there
are partitions, so where hardly anybody matches it may come short, even empty, and the next one goes on.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from heapq import merge

from kabar.storage import keys
from kabar.storage.dynamo import Item, Page, Table

INDEX = "by_mark"
ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Search:
    """What to look for; None is either. `prefix` is the leading part with its `+`."""

    prefix: str = "+"
    opted_out: bool | None = None
    deleted: bool | None = None

    def matches(self, member: Item) -> bool:
        return all(
            wanted is None or wanted == (mark in member)
            for wanted, mark in ((self.opted_out, "opted_out"), (self.deleted, "deleted"))
        )

    @property
    def marks(self) -> list[str]:
        """Which partitions of the index hold all who match; none when they aren't all marked."""
        if self.opted_out:
            return [
                m
                for m, fits in (("opted_out", not self.deleted), ("both", self.deleted is not False))
                if fits
            ]
        if self.deleted:
            return ["deleted", "both"] if self.opted_out is None else ["deleted"]
        return []


def page(
    members: Table, list_id: int, search: Search, limit: int, after: str | None = None
) -> tuple[list[Item], str | None]:
    """Up to `limit` members above the number `after`, and where the next page starts (None at the end)."""
    partitions, index = _partitions(list_id, search)
    found: list[Item] = []
    for _ in range(ROUNDS):
        step = 2 * limit // len(partitions) + 8  # twice the share of each: rarely a second round
        first = "" if after else search.prefix
        read = (members.query(pk, prefix=first, after=after, limit=step, index=index) for pk in partitions)
        pages = [_leading(search.prefix, each) for each in read]
        horizon = min((each.items[-1]["sk"] for each in pages if each.next), default=None)
        for member in _merged(pages, horizon):
            if len(found) == limit:
                return found, found[-1]["sk"]
            if search.matches(member):
                found.append(member)
        if horizon is None:
            return found, None
        after = horizon
    return found, after


def _partitions(list_id: int, search: Search) -> tuple[list[str], str | None]:
    if search.marks:
        shards = range(keys.MARK_SHARDS)
        return [keys.mark_pk(list_id, mark, shard) for mark in search.marks for shard in shards], INDEX
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
