"""Replies written to a file, part by part [I1]. [P70]"""

from itertools import islice
from zoneinfo import ZoneInfo

from kabar.domain import inbox_csv
from kabar.storage.dynamo import Item
from kabar.storage.exports import Part
from kabar.storage.inbox import Inbox, Wanted, has_opted_out

_TOGETHER = 100  # whose standings and params are read at once


def part(
    inbox: Inbox, workspace: str, wanted: Wanted, place: Item, where: ZoneInfo, *, first: bool, size: int
) -> Part:
    """Replies that are `wanted`, newest first, from behind {before} of `place` on, until there are `size` bytes."""
    text = bytearray(inbox_csv.header().encode() if first else b"")
    rows, before = 0, place.get("before")
    replies = inbox.newest(workspace, wanted, before)
    while len(text) < size:
        batch = list(islice(replies, _TOGETHER))
        if not batch:
            return Part(bytes(text), rows, None)
        known = inbox.known(workspace, batch)
        for reply in filter(wanted.matches, batch):
            standing = known.standings[reply["mobile"]]
            opted_out = has_opted_out(standing, reply)
            if wanted.opted_out in {None, opted_out}:
                params = known.params.get((reply.get("list", 0), reply["mobile"]), [])
                blacklisted = "blacklisted" in standing
                told = inbox_csv.line(reply, params, where, opted_out=opted_out, blacklisted=blacklisted)
                text += told.encode()
                rows += 1
        before = batch[-1]["by_workspace_sk"]
    return Part(bytes(text), rows, {"before": before})
