"""The log of who did what and when [M4], by month, kept 25 months. [P3] [P42]"""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kabar.storage import keys
from kabar.storage.dynamo import Item, Table, put_in

KEPT_SECONDS = 25 * 31 * 86400
LOOKED_THROUGH = (
    1000  # entries for one page at most: a filter that few match answers short pages, not late ones
)
_AT_ONCE = 200  # entries of one query


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a listing is filtered by: `what` by its first words, the others exactly."""

    who: str | None = None
    what: str | None = None
    about: str | None = None

    def matches(self, item: Item) -> bool:
        return (
            self.who in {None, item["who"]}
            and self.about in {None, item["about"]}
            and (self.what is None or f"{item['what']} ".startswith(f"{self.what} "))
        )


def page(
    table: Table,
    workspace: str,
    wanted: Wanted,
    *,
    since: int,
    until: int,
    limit: int,
    before: str | None = None,
) -> tuple[list[Item], str | None]:
    """[P42] Up to `limit` entries of [since, until), newest first, and where the next page starts.

    Times are epoch ms. `before` is what the previous page returned.
    """
    found: list[Item] = []
    position = before
    for read, item in enumerate(_back(table, workspace, since, until, before)):
        if len(found) == limit or read == LOOKED_THROUGH:
            return found, position
        if wanted.matches(item):
            found.append(item)
        position = item["sk"]
    return found, None


def _back(table: Table, workspace: str, since: int, until: int, before: str | None) -> Iterator[Item]:
    """Month after month backwards, as far as somebody goes on reading."""
    at = int(before.partition("#")[0]) if before else until - 1
    month = _month(at)
    while month >= _month(since):
        pk = keys.activity_pk(workspace, month)
        for item in table.every(pk, reverse=True, at_most=before or f"{until - 1:013d}#~", limit=_AT_ONCE):
            if item["at"] < since:
                return
            if item["sk"] != before:
                yield item
        month = _month_before(month)


def _month(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m")


def _month_before(month: str) -> str:
    year, number = map(int, month.split("-"))
    return f"{year - 1:04d}-12" if number == 1 else f"{year:04d}-{number - 1:02d}"


def record(
    table: Table, workspace: str, at: int, who: str, what: str, about: str, detail: Mapping[str, Any]
) -> None:
    """Note that `who` did `what` (`blacklist.added`) to `about` at `at` (epoch ms), in the activity table.

    `detail` holds what changed, never texts or secrets.
    """
    # no condition: the key ends in 64 random bits
    table.put(_item(workspace, at, who, what, about, detail))


def entry(
    table: Table, workspace: str, at: int, who: str, what: str, about: str, detail: Mapping[str, Any]
) -> dict[str, Any]:
    """The same for `transact`, so that no change goes unnoted and nothing is noted that didn't happen."""
    return put_in(table, _item(workspace, at, who, what, about, detail))


def entries(
    table: Table, workspace: str, at: int, who: str, what: str, about: str, detail: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """The same, kept a second time beside all others about that thing: its history. [P79]"""
    item = _item(workspace, at, who, what, about, detail)
    key = keys.activity_about(workspace, about, at, item["sk"].partition("#")[2])
    return [put_in(table, item), put_in(table, item | key)]


def history(
    table: Table, workspace: str, about: str, limit: int, before: str | None = None
) -> tuple[list[Item], str | None]:
    """[P79] Up to `limit` of its entries, newest first, and where the next page starts."""
    pk = keys.activity_about_pk(workspace, about)
    start = {"pk": pk, "sk": before} if before else None
    page = table.query(pk, limit=limit, start=start, reverse=True)
    return page.items, page.next["sk"] if page.next else None


def _item(
    workspace: str, at: int, who: str, what: str, about: str, detail: Mapping[str, Any]
) -> dict[str, Any]:
    return keys.activity(workspace, at, secrets.token_hex(8)) | {
        "at": at,
        "who": who,
        "what": what,
        "about": about,
        "detail": dict(detail),
        "expires_at": at // 1000 + KEPT_SECONDS,
    }
