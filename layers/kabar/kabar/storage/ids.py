"""Integers below 2**53 for lists, campaigns and messages, all from one counter; holes are fine. [P2]"""

from kabar.storage import keys
from kabar.storage.dynamo import Table

FIRST = 1000


def reserve(table: Table, count: int = 1) -> int:
    """The first of `count` consecutive ids that nobody else gets. `table` is the workspaces table."""
    # no condition: ADD is atomic, and a lost answer costs a hole
    counter = table.update(
        keys.id_counter(),
        "ADD #next :count",
        values={":count": count},
        names={"#next": "next"},
        returns="UPDATED_NEW",
    )
    return FIRST + int(counter["next"]) - count
