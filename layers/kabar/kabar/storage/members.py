"""Members of lists, as an import writes them [C2] [C3]. [P8]

A member: {params, import, before, at, opted_out?, deleted?}. `import` wrote it last, and `before` is what it
found: "absent", "member" or "deleted", with "_left" behind where the list now counts one more who opted out, or
"left" where it deleted a member who had. So a part that is loaded again counts the same, even when the first try
died in its middle and whoever opted out in between. One import at a time writes a list (lists.py), and marks that
change meanwhile are mended at its end (marks.py).
"""

from collections.abc import Mapping, Sequence

from kabar.storage import keys
from kabar.storage.dynamo import Item, Table

_BATCH = 1_000  # items held at once, keys of ten calls
_DELETED = ("member", "left")  # what a deletion found
_RESULT = {"absent": "added", "deleted": "readded", "member": "updated"}
_LEFT = "_left"
_STATE = ("import", "before", "opted_out", "deleted")  # what is read of a member before it is written


def load(
    members: Table,
    list_id: int,
    import_id: str,
    rows: Sequence[tuple[str, list[str]]],
    now: int,
    left: Mapping[str, int] | None = None,
    *,
    is_new: bool = False,
) -> dict[str, int]:
    """Write `rows` of (mobile, params), each mobile once; {added, readded, updated, opted_out}.

    An opt-out mark survives, whoever `left` at a time gets one, a deleted number becomes a member again.
    `opted_out` counts those who weren't among the list's opted out members and now are. What this import wrote
    before stays as it is, but in a list that `is_new`, made by it: nobody else wrote members, so nothing is read,
    and writing again what was written does no harm. Raises Unprocessed.
    """
    results, left_at = {"added": 0, "readded": 0, "updated": 0, "opted_out": 0}, left or {}
    for start in range(0, len(rows), _BATCH):
        batch = [(keys.member(list_id, mobile), params) for mobile, params in rows[start : start + _BATCH]]
        known = {} if is_new else members.batch_get([key for key, _ in batch], consistent=True, only=_STATE)
        new: list[Item] = []
        for key, params in batch:
            old = known.get((key["pk"], key["sk"]))
            if old and old.get("import") == import_id:
                before = old["before"]
            else:
                item = _written(key, params, old, left_at.get(key["sk"]))
                before = item["before"]
                new.append(item | {"import": import_id, "at": now})
            results[_RESULT[before.removesuffix(_LEFT)]] += 1
            results["opted_out"] += before.endswith(_LEFT)
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
        for old in members.batch_get(wanted, consistent=True, only=_STATE).values():
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
        wanted = [keys.member(list_id, mobile) for mobile in batch]
        known = members.batch_get(wanted, consistent=True, only=("deleted",))
        there = {mobile for (_, mobile), member in known.items() if "deleted" not in member}
        found += [mobile for mobile in batch if mobile not in there]
    return found


def _gone(list_id: int, old: Item, import_id: str, before: str, now: int) -> Item:
    kept = {name: old[name] for name in ("pk", "sk", "opted_out") if name in old}
    own = {"params": [], "import": import_id, "before": before, "at": now, "deleted": now}
    return kept | own | keys.deleted_mark(list_id, old["sk"])


def _state(old: Item | None) -> str:
    if not old:
        return "absent"
    return "deleted" if old.get("deleted") else "member"


def _written(key: dict[str, str], params: list[str], old: Item | None, left_at: int | None) -> Item:
    before, marked_at = _state(old), (old or {}).get("opted_out", left_at)
    item: Item = {**key, "params": params, "before": before}
    if marked_at is not None:
        item["opted_out"] = marked_at
        if before != "member" or "opted_out" not in (old or {}):
            item["before"] = before + _LEFT
    return item
