"""Whose receipts are waited for, and until when [H1]. [P92]

What was sent and got no receipt within 72 hours of its campaign's end, or of its request, is expired. A campaign that
has no end yet has a mark for each day on which it sent.
"""

from zlib import crc32

from kabar.storage import keys
from kabar.storage.dynamo import Item, Table

WITHIN = 72 * 3_600_000  # ms
DAY = 24 * 3_600_000  # ms
ROOM = 3_600_000  # ms; a leg that was settled so long ago has no lane left that sends
SHARDS = 8  # of the marks: there is one for each API request too


def mark(workspace: str, now: int, *, campaign: int | None = None, request: int | None = None) -> Item:
    """The item that says so of a campaign that ends `now`, or of a request that was sent."""
    kind, number = ("campaign", campaign) if campaign is not None else ("request", request)
    thing = f"{workspace}#{kind}#{number}"
    key = keys.silence(crc32(thing.encode()) % SHARDS, now + WITHIN, thing)
    return key | {"workspace": workspace, "kind": kind, "id": number, "due": now + WITHIN}


def mark_of_day(workspace: str, now: int, *, campaign: int) -> Item:
    """The item that says so of what a campaign has sent until `sent_until`, the end of the day (UTC) on which one of
    its legs is settled; the same all day.
    """
    until = -(-(now + ROOM) // DAY) * DAY
    return mark(workspace, until, campaign=campaign) | {"sent_until": until}


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
