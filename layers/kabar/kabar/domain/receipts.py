"""Receipts: which of them say something, and which message of ours each one is about [H1] [H2]."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from kabar.domain.messages import Receipt
from kabar.domain.statuses import FINAL_RECEIPTS


@dataclass(frozen=True, slots=True)
class Block:
    """A run of message ids that one campaign reserved: id - first is the position in its frozen order."""

    first: int
    size: int
    workspace: str
    campaign: int
    list: int
    chunk_size: int

    def holds(self, message: int) -> bool:
        return self.first <= message < self.first + self.size

    def place(self, message: int) -> tuple[int, int]:
        """The message's chunk, and its position in that chunk."""
        return divmod(message - self.first, self.chunk_size)


@dataclass(frozen=True, slots=True)
class Told:
    """A receipt for a message of ours."""

    message: int
    block: Block
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Sorted:
    """Receipts by what becomes of them; those that say nothing new are in neither."""

    told: list[Told]
    orphans: list[Receipt]


def sort(
    receipts: Iterable[Receipt], workspace: str, deployment: str, block_of: Callable[[int], Block | None]
) -> Sorted:
    """Which message each final receipt is about; a foreign or other workspace's id is an orphan [H2].

    `block_of` gives the block that holds a message id. Receipts of `sent` and lower say less than the
    carrier's acceptance did, so they are dropped.
    """
    ours = re.compile(re.escape(deployment) + r"-([0-9]{1,16})")
    result = Sorted([], [])
    for receipt in receipts:
        if receipt.status not in FINAL_RECEIPTS:
            continue
        matched = ours.fullmatch(receipt.id)
        message = int(matched[1]) if matched else 0
        block = block_of(message) if matched else None
        if block and block.workspace == workspace:
            result.told.append(Told(message, block, receipt))
        else:
            result.orphans.append(receipt)
    return result
