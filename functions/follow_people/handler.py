"""The people table's stream -> status vectors: what receipts and opt-outs say about each position."""

import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kabar import settings
from kabar.domain.statuses import REPLIED_OPT_OUT, Status, cell, place
from kabar.log import logger
from kabar.storage.chunks import Chunks
from kabar.storage.dynamo import Item, Table, decode_item


@dataclass(frozen=True)
class Settings:
    dispatch_table: str


SETTINGS = settings.read(Settings)
CHUNKS = Chunks(Table(SETTINGS.dispatch_table))


def handler(event: Mapping[str, Any], _context: object) -> None:
    """Merge a batch of new items into their chunks; if one fails the stream brings the batch again."""
    # by campaign or request, and chunk
    changes: defaultdict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    unreadable: list[str] = []
    for record in event["Records"]:
        try:
            item = decode_item(record["dynamodb"]["NewImage"])
            byte = told_by(item)
            source = item.get("campaign") or item.get("request")
            if source is None or not byte:
                continue  # no message of ours, or one that says nothing about it
            changes[int(source), int(item["chunk"])].append((int(item["pos"]), byte))
        except (KeyError, TypeError, ValueError):
            unreadable.append(record.get("eventID", ""))  # again would not help
    now = int(time.time() * 1000)
    for (source, chunk), cells in changes.items():
        CHUNKS.merge(source, chunk, place(cells), now)
    logger.info("people followed", chunks=len(changes), records=len(event["Records"]), unreadable=unreadable)


def told_by(item: Item) -> int:
    """The byte that a fact or a reply adds to its message's position."""
    if item["via"] == "reply":
        return REPLIED_OPT_OUT if item["opt_out"] else 0
    return cell(Status.of(item["sk"].rpartition("#")[2]))
