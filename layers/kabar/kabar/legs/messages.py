"""One message of a request: where it stands, and taking it back before it goes [F9] [H1]."""

from dataclasses import dataclass

from kabar.domain.receipts import Block
from kabar.domain.requests import ONLY
from kabar.domain.slices import SETTLED, Claim
from kabar.domain.statuses import Reason, Status, cell, merge_cell, place, reason_of, status_of
from kabar.storage import keys
from kabar.storage.blocks import Blocks
from kabar.storage.chunks import Chunks
from kabar.storage.dispatch import ChunkLedger
from kabar.storage.dynamo import Item, Table
from kabar.storage.requests import Requests


class NotCancelled(Exception):
    """It can't be taken back any more; `args[0]` is its status."""


@dataclass(frozen=True)
class Outgoing:
    """A message and all that is known of it. `facts` are its `out#` items in the order of their times."""

    id: int
    head: Item
    position: int
    mobile: str
    segments: int
    status: Status
    reason: Reason
    facts: list[Item]


class Outgoings:
    """Messages of requests, by their ids."""

    def __init__(self, requests: Requests, workspaces: Table, dispatch: Table, people: Table) -> None:
        self._requests = requests
        self._blocks = Blocks(workspaces)
        self._dispatch = dispatch
        self._people = people

    def get(self, workspace: str, message: int) -> Outgoing | None:
        """[P66] The message with this id; None when no request of this workspace has it."""
        block = self._blocks.holding(message)
        if block is None or block.workspace != workspace or block.request is None:
            return None
        head = self._requests.get(block.request, consistent=True)
        if head is None or head["first_id"] != block.first:
            return None
        return self._outgoing(head, block, message)

    def _outgoing(self, head: Item, block: Block, message: int) -> Outgoing:
        _, position = block.place(message)
        mobile, _, segments, _ = self._requests.row(head, position)
        pk = keys.person_pk(head["workspace"], mobile)
        facts = sorted(
            self._people.every(pk, prefix=keys.facts_prefix(message), consistent=True),
            key=lambda fact: (fact["at"], _status(fact)),
        )
        byte = self._byte(head, position)
        for fact in facts:
            byte = merge_cell(byte, cell(_status(fact), Reason(fact.get("reason", 0))))
        return Outgoing(message, head, position, mobile, segments, status_of(byte), reason_of(byte), facts)

    def _byte(self, head: Item, position: int) -> int:
        """What its slice's claim says, or its chunk: that it is held, or that its time has passed."""
        number, index = divmod(position, head["slice"])
        claim = ChunkLedger(self._dispatch, head["id"], ONLY).claim(number)
        vector = Chunks(self._dispatch).read(head["id"], ONLY).vector
        told = vector[position] if position < len(vector) else 0
        return merge_cell(told, claim.vector[index]) if claim else told

    def cancel(self, message: Outgoing, now: int) -> None:
        """Settle it as cancelled by a claim of its slice, which a sender respects like any other.

        Raises NotCancelled when it was, or may have been, handed over, or is in a sender's hands.
        """
        head = message.head
        ledger = ChunkLedger(self._dispatch, head["id"], ONLY)
        number, index = divmod(message.position, head["slice"])
        before = ledger.claim(number)
        size = min(head["slice"], head["size"] - number * head["slice"])
        vector = bytearray(before.vector if before else bytes(size))
        if before and (before.owner or vector[index] & 0x0F >= Status.SUBMITTED):
            if vector[index] & 0x0F == Status.CANCELLED:
                return
            standing = status_of(vector[index]) if vector[index] & 0x0F >= SETTLED else Status.SUBMITTED
            raise NotCancelled(standing.word)
        vector[index] = cell(Status.CANCELLED)
        claim = Claim(
            owner="",
            attempt=before.attempt + 1 if before else 1,
            claimed_at=now,
            lease=now,
            vector=bytes(vector),
            doubt_since=before.doubt_since if before else 0,
            not_before=before.not_before if before else 0,
        )
        if not ledger.take(number, claim, before):
            raise NotCancelled(Status.SUBMITTED.word)
        Chunks(self._dispatch).merge(head["id"], ONLY, place([(message.position, vector[index])]), now)


def _status(fact: Item) -> Status:
    return Status.of(fact["sk"].rpartition("#")[2])
