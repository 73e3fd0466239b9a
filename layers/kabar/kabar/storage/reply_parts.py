"""Parts of long replies, kept until all are there and then joined, in any order and once. [P76]

They are kept apart by who wrote to whom and by what the carrier says they have in common. That is a small number
that comes again: so joined parts are deleted, and their ids kept to know one that is repeated.
"""

from dataclasses import replace

from kabar.domain.messages import Reply
from kabar.storage import keys
from kabar.storage.dynamo import Item, Table

KEPT_SECONDS = 3 * 86_400  # carriers repeat posts for hours
MISSING = "[…]"


class ReplyParts:
    """The parts of all workspaces' replies."""

    def __init__(self, dispatch: Table) -> None:
        self._table = dispatch

    def add(self, workspace: str, carrier: str, reply: Reply, now: int) -> bool:
        """Keep one part; False when it was joined before. `now` is epoch ms."""
        pk, part = self._pk(workspace, carrier, reply), reply.part
        if part is None or self._was_joined(pk, reply):
            return False
        key = keys.reply_part(pk, part.number)
        # no condition: a repeated part is the same
        self._table.put(
            key
            | {
                "id": reply.id,
                "text": reply.text,
                "at": reply.at,
                "total": part.total,
                "kept_at": now,
                "expires_at": now // 1000 + KEPT_SECONDS,
            }
        )
        if not self._was_joined(pk, reply):
            return True
        self._table.delete(key)  # joined meanwhile, so nobody waits for it
        return False

    def joined(
        self, workspace: str, carrier: str, reply: Reply, *, late_before: int | None = None
    ) -> Reply | None:
        """The whole reply once all its parts are there; None before, or when there are none any more.

        With `late_before` (epoch ms) it is made of those that are there, if the last of them came before that.
        Its id is that of the first part there, its time that of the newest.
        """
        parts = self._parts(workspace, carrier, reply)
        if not parts:
            return None
        total = max(part["total"] for part in parts.values())
        if len(parts) < total and (
            late_before is None or max(part["kept_at"] for part in parts.values()) > late_before
        ):
            return None
        texts = (parts[number]["text"] if number in parts else MISSING for number in range(1, total + 1))
        first, newest = parts[min(parts)], max(part["at"] for part in parts.values())
        return replace(reply, id=first["id"], text="".join(texts), at=newest, part=None)

    def forget(self, workspace: str, carrier: str, reply: Reply, now: int) -> None:
        """The parts became a reply, which is stored: one of them that is repeated is nothing new."""
        pk, parts = self._pk(workspace, carrier, reply), self._parts(workspace, carrier, reply)
        if not parts:
            return
        # no condition: ids are only added
        self._table.update(
            keys.reply_joined(pk),
            "ADD ids :ids SET expires_at = :expires",
            values={
                ":ids": {part["id"] for part in parts.values()},
                ":expires": now // 1000 + KEPT_SECONDS,
            },
        )
        self._table.batch_delete([keys.reply_part(pk, number) for number in parts])

    def _was_joined(self, pk: str, reply: Reply) -> bool:
        joined = self._table.get(keys.reply_joined(pk), consistent=True)
        return bool(joined and reply.id in joined["ids"])

    def _parts(self, workspace: str, carrier: str, reply: Reply) -> dict[int, Item]:
        """By their numbers; none that was joined, though its deletion may have been cut off."""
        found = list(self._table.every(self._pk(workspace, carrier, reply), consistent=True))
        joined: set[str] = next((item["ids"] for item in found if "ids" in item), set())
        parts = [item for item in found if "text" in item and item["id"] not in joined]
        return {int(item["sk"].rpartition("#")[2]): item for item in parts}

    @staticmethod
    def _pk(workspace: str, carrier: str, reply: Reply) -> str:
        of = reply.part.of if reply.part else ""
        return keys.reply_parts_pk(workspace, carrier, reply.mobile, reply.to, of)
