"""Replies written to a file [I1]. [P70]"""

from collections.abc import Iterator
from itertools import islice
from zoneinfo import ZoneInfo

from kabar.domain import inbox_csv
from kabar.storage.dynamo import Item
from kabar.storage.exports import Batch
from kabar.storage.inbox import Inbox, Wanted, has_opted_out

_TOGETHER = 100  # whose standings and params are read at once


class InboxSheet:
    """Replies that are `wanted`, newest first; a place is {before}."""

    header = inbox_csv.header()

    def __init__(self, inbox: Inbox, workspace: str, wanted: Wanted, where: ZoneInfo) -> None:
        self._inbox = inbox
        self._workspace = workspace
        self._wanted = wanted
        self._where = where

    def batches(self, place: Item) -> Iterator[Batch]:
        replies = self._inbox.newest(self._workspace, self._wanted, place.get("before"))
        while batch := list(islice(replies, _TOGETHER)):
            lines = [*self._lines(batch)]
            yield Batch("".join(lines), len(lines), {"before": batch[-1]["by_workspace_sk"]})

    def _lines(self, batch: list[Item]) -> Iterator[str]:
        known = self._inbox.known(self._workspace, batch)
        for reply in filter(self._wanted.matches, batch):
            standing = known.standings[reply["mobile"]]
            opted_out = has_opted_out(standing, reply)
            if self._wanted.opted_out in {None, opted_out}:
                params = known.params.get((reply.get("list", 0), reply["mobile"]), [])
                blacklisted = "blacklisted" in standing
                yield inbox_csv.line(reply, params, self._where, opted_out=opted_out, blacklisted=blacklisted)
