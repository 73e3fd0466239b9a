"""Prefixes changed by hand, each change in the log [B4]. [P45]"""

from kabar.storage import activity, keys
from kabar.storage.dynamo import ConditionFailed, Item, Table, delete_in, put_in, transact
from kabar.storage.opt_outs import Contended

_ATTEMPTS = 5


class Changed(Exception):
    """The prefix doesn't mean any more what it was seen to mean."""


def page(table: Table, workspace: str, limit: int, after: str | None = None) -> tuple[list[Item], str | None]:
    """Up to `limit` {prefix, replacement} in the order of the prefixes, and where the next page starts."""
    first = keys.prefix_map(workspace, "")
    start = {"pk": first["pk"], "sk": after} if after else None
    found = table.query(first["pk"], prefix=first["sk"], limit=limit, start=start)
    return found.items, str(found.next["sk"]) if found.next else None


def get(table: Table, workspace: str, prefix: str) -> Item | None:
    """{prefix, replacement}"""
    return table.get(keys.prefix_map(workspace, prefix), consistent=True)


def save(
    table: Table,
    log: Table,
    workspace: str,
    prefix: str,
    replacement: str,
    seen: Item | None,
    *,
    by: str,
    now: int,
) -> Item:
    """Numbers written with `prefix` and no `+` mean `replacement` instead of what was `seen`. Raises Changed."""
    before = seen["replacement"] if seen else None
    change = {"prefix": prefix, "from": before, "to": replacement}
    note = activity.entry(log, workspace, now, by, "prefix saved", "settings", change)
    item = keys.prefix_map(workspace, prefix) | {"prefix": prefix, "replacement": replacement}
    stands = "attribute_not_exists(pk)" if before is None else "replacement = :before"
    values = None if before is None else {":before": before}
    try:
        transact([put_in(table, item, stands, values=values), note], table.dynamo)
    except ConditionFailed as error:
        raise Changed from error
    return item


def forget(table: Table, log: Table, workspace: str, prefix: str, *, by: str, now: int) -> bool:
    """The prefix means nothing any more; False when it didn't. Raises Contended."""
    for _ in range(_ATTEMPTS):
        seen = get(table, workspace, prefix)
        if seen is None:
            return False
        before = seen["replacement"]
        change = {"prefix": prefix, "from": before}
        note = activity.entry(log, workspace, now, by, "prefix deleted", "settings", change)
        gone = delete_in(
            table, keys.prefix_map(workspace, prefix), "replacement = :before", values={":before": before}
        )
        try:
            transact([gone, note], table.dynamo)
        except ConditionFailed:
            continue
        return True
    raise Contended(f"the prefix {prefix} kept changing")
