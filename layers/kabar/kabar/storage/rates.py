"""How many calls somebody made in a minute; beside the idempotency records, deleted by their age. [P43]"""

from kabar.storage import keys
from kabar.storage.dynamo import Table

WINDOW_MS = 60_000


def add(table: Table, workspace: str, who: str, now: int, count: int) -> int:
    """Count `count` more calls of `who` in the minute of `now` (epoch ms); returns how many that makes.

    A lost answer counts twice: a call too few for somebody at their limit, never one too many.
    """
    window = now // WINDOW_MS
    item = table.update(
        keys.rate(workspace, who, window),
        "ADD calls :count SET expires_at = :expires",
        values={":count": count, ":expires": (window + 2) * WINDOW_MS // 1000},
    )
    return int(item["calls"])
