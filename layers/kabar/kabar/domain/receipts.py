"""Receipts: which of them say something, and which message of ours each one is about [H1] [H2]."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from kabar.domain.messages import Receipt
from kabar.domain.statuses import FINAL_RECEIPTS


@dataclass(frozen=True, slots=True)
class Block:
    """A run of message ids that one campaign or request reserved: id - first is the position in its order.

    `reference` is the client's own for a request [F9].
    """

    first: int
    size: int
    workspace: str
    chunk_size: int
    campaign: int | None = None
    list: int | None = None
    request: int | None = None
    reference: str | None = None

    def holds(self, message: int) -> bool:
        return self.first <= message < self.first + self.size

    @property
    def source(self) -> dict[str, int | str | None]:
        """What a receipt's fact says of where its message came from."""
        return {"campaign": self.campaign, "request": self.request, "reference": self.reference}

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
    result = Sorted([], [])
    for receipt in receipts:
        if receipt.status not in FINAL_RECEIPTS:
            continue
        message = _ours(receipt.id, deployment)
        block = block_of(message) if message is not None else None
        if message is not None and block and block.workspace == workspace and receipt.mobile:
            result.told.append(Told(message, block, receipt))
        else:
            result.orphans.append(receipt)
    return result


def _ours(message_id: str, deployment: str) -> int | None:
    """The integer in an id that we gave to a carrier; None for any other id."""
    matched = re.fullmatch(rf"{re.escape(deployment)}-([0-9]{{1,16}})", message_id)
    return int(matched[1]) if matched else None


def by_our_id(receipts: Iterable[Receipt], names: Mapping[str, tuple[str, str]]) -> list[Receipt]:
    """Receipts whose carrier's id is in `names`, under our id and with our number for it; the others as they are."""
    return [
        replace(receipt, id=names[receipt.id][0], mobile=names[receipt.id][1])
        if receipt.id in names
        else receipt
        for receipt in receipts
    ]
