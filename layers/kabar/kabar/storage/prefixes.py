"""Prefixes changed by hand, each change in the log [B4]. [P45]"""

from kabar.storage import activity, keys
from kabar.storage.dynamo import ConditionFailed, Item, Table, delete_in, put_in, transact
from kabar.storage.opt_outs import Contended

_ATTEMPTS = 5


def page(table: Table, workspace: str, limit: int, after: str | None = None) -> tuple[list[Item], str | None]:
    """Up to `limit` {prefix, replacement} in the order of the prefixes, and where the next page starts."""
    first = keys.prefix_map(workspace, "")
    start = {"pk": first["pk"], "sk": after} if after else None
    found = table.query(first["pk"], prefix=first["sk"], limit=limit, start=start)
    return found.items, str(found.next["sk"]) if found.next else None


def save(
    table: Table, log: Table, workspace: str, prefix: str, replacement: str, *, by: str, now: int
) -> None:
    """Numbers written with `prefix` and no `+` mean `replacement`; what it was is in the log. Raises Contended."""
    key = keys.prefix_map(workspace, prefix)
    for _ in range(_ATTEMPTS):
        before = _replacement(table, workspace, prefix)
        if before == replacement:
            return
        change = {"prefix": prefix, "from": before, "to": replacement}
        note = activity.entry(log, workspace, now, by, "prefix saved", "settings", change)
        item = key | {"prefix": prefix, "replacement": replacement}
        seen = "attribute_not_exists(pk)" if before is None else "replacement = :before"
        values = None if before is None else {":before": before}
        try:
            transact([put_in(table, item, seen, values=values), note], table.dynamo)
        except ConditionFailed:
            continue  # somebody else saved it meanwhile: the log is to tell what this one replaces
        return
    raise Contended(f"the prefix {prefix} kept changing")


def forget(table: Table, log: Table, workspace: str, prefix: str, *, by: str, now: int) -> bool:
    """The prefix means nothing any more; False when it didn't. Raises Contended."""
    for _ in range(_ATTEMPTS):
        before = _replacement(table, workspace, prefix)
        if before is None:
            return False
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


def _replacement(table: Table, workspace: str, prefix: str) -> str | None:
    item = table.get(keys.prefix_map(workspace, prefix), consistent=True)
    return item["replacement"] if item else None
