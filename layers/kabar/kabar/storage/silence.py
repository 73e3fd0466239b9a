"""Whose receipts are waited for, and until when [H1]. [P92]

What was sent and got no receipt within 72 hours of its campaign's end, or of its request, is expired.
"""

from zlib import crc32

from kabar.storage import keys
from kabar.storage.dynamo import Item, Table

WITHIN = 72 * 3_600_000  # ms
SHARDS = 8  # of the marks: there is one for each API request too


def mark(workspace: str, now: int, *, campaign: int | None = None, request: int | None = None) -> Item:
    """The item that says so of a campaign that ends `now`, or of a request that was sent."""
    kind, number = ("campaign", campaign) if campaign is not None else ("request", request)
    thing = f"{workspace}#{kind}#{number}"
    key = keys.silence(crc32(thing.encode()) % SHARDS, now + WITHIN, thing)
    return key | {"workspace": workspace, "kind": kind, "id": number, "due": now + WITHIN}


def due(table: Table, now: int) -> list[Item]:
    """[P92] The marks whose time has come."""
    return [
        found
        for shard in range(SHARDS)
        for found in table.every(keys.silence_pk(shard), at_most=keys.silence(shard, now, "~")["sk"])
    ]


def forget(table: Table, done: Item) -> None:
    """[P92] No condition: whoever deletes it first is done with it."""
    table.delete({"pk": done["pk"], "sk": done["sk"]})
