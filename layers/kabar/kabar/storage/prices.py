"""A workspace's prices of a segment by country [E3]. [P51]

The item: {currency, default?, countries: {ISO 3166: decimal string}, version}.
"""

from typing import Any

from kabar.storage import activity, keys
from kabar.storage.dynamo import ConditionFailed, Item, Table, put_in, transact


class Stale(Exception):
    """They were changed meanwhile; nothing was written."""


def get(table: Table, workspace: str) -> Item | None:
    return table.get(keys.prices(workspace), consistent=True)


def shown(item: Item | None) -> dict[str, Any] | None:
    """The prices alone, to be kept with what is reckoned with them."""
    return (
        {name: item[name] for name in ("currency", "default", "countries") if name in item} if item else None
    )


def save(
    table: Table, log: Table, workspace: str, seen: Item | None, new: dict[str, Any], *, by: str, now: int
) -> Item:
    """Put `new` in the place of what was `seen`. Raises Stale."""
    version = seen["version"] if seen else 0
    item = keys.prices(workspace) | new | {"version": version + 1}
    as_seen = "version = :seen" if seen else "attribute_not_exists(pk)"
    before = {name: seen.get(name) for name in ("currency", "default", "countries")} if seen else None
    note = activity.entry(log, workspace, now, by, "prices changed", "settings", {"from": before, "to": new})
    try:
        transact(
            [put_in(table, item, as_seen, values={":seen": version} if seen else None), note], table.dynamo
        )
    except ConditionFailed as error:
        raise Stale from error
    return item
