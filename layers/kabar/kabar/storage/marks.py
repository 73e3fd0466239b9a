"""The marks of members who opted out, and the list's counter of them, follow their standing [I4]. [P35] [P36] [P55]

An import reads a member and then writes it whole, without a condition: a mark that is set or taken off in between is
lost. So while an import writes the list, whoever opts out or comes back leaves a note: what the counter holds of that
number. The import's end gives every noted number the mark its standing says, and mends the counter (`settle`).
"""

import time
from typing import Any, NamedTuple

from kabar.storage import keys
from kabar.storage.dynamo import (
    ConditionFailed,
    Item,
    Table,
    Unprocessed,
    check_in,
    delete_in,
    transact,
    update_in,
)

_ATTEMPTS = 10
_NOTE_SECONDS = 7 * 86_400  # an import ends within a day

Write = dict[str, Any]


class Unsettled(Exception):
    """A noted number kept changing; the same may be tried again."""


class Seen(NamedTuple):
    """What is known of a number and its list: `loading` is the import that writes the list, or ""."""

    head: Item | None
    member: Item | None
    note: Item | None
    loading: str

    @property
    def pending(self) -> int:
        """What the import that writes the list will add to the counter for this number."""
        if not self.member or self.member.get("import") != self.loading:
            return 0
        before = str(self.member.get("before", ""))
        return -1 if before == "left" else int(before.endswith("_left"))

    def missing(self, *, left: bool) -> int:
        """What the counter lacks for this number once it `left`, or didn't."""
        is_member = bool(self.member and "deleted" not in self.member)
        marked = is_member and "opted_out" in (self.member or {})
        counted = self.note["counted"] + self.pending if self.note else int(marked)
        return int(is_member and left) - int(counted)


class Marks:
    """The marks of the members of all lists."""

    def __init__(self, people: Table, members: Table, workspaces: Table) -> None:
        self._people = people
        self._members = members
        self._workspaces = workspaces

    def see(self, workspace: str, list_id: int, mobile: str) -> Seen:
        member = self._members.get(keys.member(list_id, mobile), consistent=True)
        head = self._workspaces.get(keys.list_head(workspace, list_id), consistent=True)
        loading = min((head or {}).get("loading", ()), default="")
        note = loading and self._workspaces.get(keys.mark_note(list_id, loading, mobile), consistent=True)
        return Seen(head, member, note or None, loading)

    def following(
        self, workspace: str, list_id: int, mobile: str, seen: Seen, left_at: int | None
    ) -> list[Write]:
        """For `transact`: mark and counter of a number that left then, or didn't, if all is as it was `seen`."""
        left = left_at is not None
        writes = self._mark(seen.member, list_id, left_at)
        if seen.head is None:
            return writes
        # also where nothing is missing: no import may have begun since
        as_seen = "attribute_exists(pk) AND " + _has("loading", bool(seen.loading))
        key, add = keys.list_head(workspace, list_id), {":missing": seen.missing(left=left)}
        writes.append(update_in(self._workspaces, key, "ADD opted_out :missing", as_seen, values=add))
        if seen.loading:
            is_member = bool(seen.member and "deleted" not in seen.member)
            counted = int(is_member and left) - seen.pending
            writes.append(self._note(list_id, seen, mobile, counted))
        return writes

    def settle(self, workspace: str, list_id: int, import_id: str) -> int:
        """Set the marks of all who opted out or came back while the import wrote the list; how many.

        Nothing of the import may write members any more. Again it does no harm. Raises Unsettled.
        """
        notes = self._workspaces.every(keys.mark_note(list_id, import_id, "")["pk"], consistent=True)
        mobiles = [note["sk"] for note in notes]
        for mobile in mobiles:
            self._settle(workspace, list_id, mobile)
        return len(mobiles)

    def _settle(self, workspace: str, list_id: int, mobile: str) -> None:
        name = str(list_id)
        standing_key, head_key = keys.standing(workspace, mobile), keys.list_head(workspace, list_id)
        for _ in range(_ATTEMPTS):
            standing = self._people.get(standing_key, consistent=True) or {}
            left = standing.get("lists", {}).get(name)
            seen = self.see(workspace, list_id, mobile)
            if seen.note is None:
                return
            as_read = {":counted": seen.note["counted"]}
            key = {"pk": seen.note["pk"], "sk": seen.note["sk"]}
            writes = [
                check_in(self._people, standing_key, _has("lists.#list", bool(left)), names={"#list": name}),
                *self._mark(seen.member, list_id, left["at"] if left else None),
                delete_in(self._workspaces, key, "counted = :counted", values=as_read),
            ]
            if missing := seen.missing(left=bool(left)):
                loading = {":missing": missing, ":import": seen.loading}
                condition = "contains(loading, :import)"
                add = "ADD opted_out :missing"
                writes.append(update_in(self._workspaces, head_key, add, condition, values=loading))
            try:
                transact(writes)
            except (ConditionFailed, Unprocessed):
                continue  # it changes its mind just now: read again
            return
        raise Unsettled(f"a member of the list {list_id} kept changing")

    def _note(self, list_id: int, seen: Seen, mobile: str, counted: int) -> Write:
        condition, values = "attribute_not_exists(pk)", {}
        if seen.note:
            condition, values = "counted = :before", {":before": seen.note["counted"]}
        return update_in(
            self._workspaces,
            keys.mark_note(list_id, seen.loading, mobile),
            "SET counted = :counted, expires_at = :until",
            condition,
            values={**values, ":counted": counted, ":until": int(time.time()) + _NOTE_SECONDS},
        )

    def _mark(self, member: Item | None, list_id: int, left_at: int | None) -> list[Write]:
        """Mark the member, or take its mark off, if it is as it was read; nothing where that is so already."""
        if member is None or ("opted_out" in member) == (left_at is not None):
            return []
        deleted, mobile = "deleted" in member, member["sk"]
        as_read = (
            f"attribute_exists(pk) AND {_has('opted_out', left_at is None)} AND {_has('deleted', deleted)}"
        )
        expression = "REMOVE opted_out" if left_at is None else "SET opted_out = :left"
        values = None if left_at is None else {":left": left_at}
        return [update_in(self._members, keys.member(list_id, mobile), expression, as_read, values=values)]


def _has(attribute: str, there: bool) -> str:
    return f"attribute_{'exists' if there else 'not_exists'}({attribute})"
