"""Members of lists, as an import writes them [C2] [C3]. [P8]

A member: {params, import, before, at, opted_out?, deleted?}. `import` wrote it last, and `before` is what it
found: "absent", "member", "deleted", or "left" where it deleted a member who had opted out. So a part that is
loaded again counts the same, even when the first try died in its middle.
"""

from collections.abc import Sequence
from typing import Any

from kabar.storage import keys
from kabar.storage.dynamo import Item, Table

_BATCH = 1_000  # items held at once, keys of ten calls
_DELETED = ("member", "left")  # what a deletion found
_RESULT = {"absent": "added", "deleted": "readded", "member": "updated"}


def load(
    members: Table, list_id: int, import_id: str, rows: Sequence[tuple[str, list[str]]], now: int
) -> dict[str, int]:
    """Write `rows` of (mobile, params), each mobile once; {added, readded, updated, opted_out}.

    An opt-out mark survives, a deleted number becomes a member again. `opted_out` counts the marked ones
    among the readded. What this import wrote before stays as it is. Raises Unprocessed.
    """
    results = {"added": 0, "readded": 0, "updated": 0, "opted_out": 0}
    for start in range(0, len(rows), _BATCH):
        batch = [(keys.member(list_id, mobile), params) for mobile, params in rows[start : start + _BATCH]]
        known = members.batch_get([key for key, _ in batch], consistent=True)
        new: list[Item] = []
        for key, params in batch:
            old = known.get((key["pk"], key["sk"]))
            if not old or old.get("import") != import_id:
                new.append(_written(list_id, key, params, old, import_id, now))
            before = old["before"] if old and old.get("import") == import_id else _state(old)
            results[_RESULT[before]] += 1
            results["opted_out"] += before == "deleted" and bool(old and "opted_out" in old)
        # no condition: the state before is in the item, and one import writes a number once
        members.batch_put(new)
    return results


def delete(members: Table, list_id: int, import_id: str, mobiles: Sequence[str], now: int) -> dict[str, int]:
    """Delete `mobiles`, each there once, as one import; {deleted, left}: `left` had opted out of the list.

    Their params go, the numbers stay findable as deleted. Raises Unprocessed.
    """
    results = {"deleted": 0, "left": 0}
    for start in range(0, len(mobiles), _BATCH):
        wanted = [keys.member(list_id, mobile) for mobile in mobiles[start : start + _BATCH]]
        gone: list[Item] = []
        for old in members.batch_get(wanted, consistent=True).values():
            done = old.get("import") == import_id and old["before"] in _DELETED
            before = old["before"] if done else "left" if "opted_out" in old else "member"
            if not done and "deleted" in old:
                continue
            results["deleted"] += 1
            results["left"] += before == "left"
            if not done:
                gone.append(_gone(list_id, old, import_id, before, now))
        # no condition: as in `load`
        members.batch_put(gone)
    return results


def strangers(members: Table, list_id: int, mobiles: Sequence[str]) -> list[str]:
    """Those of `mobiles` that are no members of the list, in their order. Raises Unprocessed."""
    found: list[str] = []
    for start in range(0, len(mobiles), _BATCH):
        batch = mobiles[start : start + _BATCH]
        known = members.batch_get([keys.member(list_id, mobile) for mobile in batch], consistent=True)
        there = {mobile for (_, mobile), member in known.items() if "deleted" not in member}
        found += [mobile for mobile in batch if mobile not in there]
    return found


def _gone(list_id: int, old: Item, import_id: str, before: str, now: int) -> Item:
    kept = {name: old[name] for name in ("pk", "sk", "opted_out") if name in old}
    mark = keys.member_mark(list_id, old["sk"], opted_out="opted_out" in old, deleted=True)
    own = {"params": [], "import": import_id, "before": before, "at": now, "deleted": now}
    return kept | own | mark


def _state(old: Item | None) -> str:
    if not old:
        return "absent"
    return "deleted" if old.get("deleted") else "member"


def _written(
    list_id: int, key: dict[str, str], params: list[str], old: Item | None, import_id: str, now: int
) -> Item:
    item: dict[str, Any] = {**key, "params": params, "import": import_id, "before": _state(old), "at": now}
    if old and "opted_out" in old:
        item["opted_out"] = old["opted_out"]
        item |= keys.member_mark(list_id, key["sk"], opted_out=True, deleted=False)
    return item
