"""Ids: integers below 2**53 from one counter, so that callbacks and the compatible API can carry them."""

from kabar.storage import keys
from kabar.storage.dynamo import Table

FIRST_ID = 1000


def reserve(table: Table, count: int = 1) -> int:
    """The first of `count` consecutive ids that nobody else gets; a lost answer leaves a hole, no harm."""
    item = table.update(
        keys.id_counter(),
        "SET #next = if_not_exists(#next, :first) + :count",
        names={"#next": "next"},
        values={":first": FIRST_ID, ":count": count},
    )
    return int(item["next"]) - count
