"""The registry of id blocks: from a message id to the campaign or request that reserved it. [P18]"""

from bisect import bisect_right
from dataclasses import fields

from kabar.domain.receipts import Block
from kabar.storage import keys
from kabar.storage.dynamo import Table


class Blocks:
    """Blocks never change, so a process keeps those it has read."""

    def __init__(self, workspaces: Table) -> None:
        self._table = workspaces
        self._known: list[Block] = []

    def holding(self, message: int) -> Block | None:
        """The block that holds this message id, or None."""
        at = bisect_right(self._known, message, key=lambda block: block.first)
        if at and self._known[at - 1].holds(message):
            return self._known[at - 1]
        key = keys.id_block(message)
        # consistent: a receipt may come within milliseconds of the block's first send
        found = self._table.query(key["pk"], at_most=key["sk"], limit=1, reverse=True, consistent=True).items
        for item in found:
            block = Block(**{f.name: item[f.name] for f in fields(Block) if f.name in item})
            if block.holds(message):
                self._known.insert(at, block)
                return block
        return None
