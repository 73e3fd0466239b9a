"""Message statuses, their rank, and the byte that one recipient takes in a status vector [H1].

A vector is `bytes`, one per position. Bits 0-3 are the status (its rank), bits 4-6 the reason of a
suppression, bit 7 says that the recipient answered this message with an opt-out. Vectors only grow:
`merge` keeps the higher rank and any opt-out flag, so replays, reordering and races change nothing.
"""

from collections.abc import Iterable
from enum import IntEnum


class Status(IntEnum):
    """Lowest rank first; the highest rank ever seen is the message's status [H1]."""

    PENDING = 0
    HELD = 1
    SUBMITTED = 2
    SUPPRESSED = 3
    CANCELLED = 4
    MISSED = 5
    UNCERTAIN = 6
    SENT = 7
    FROZEN = 8
    EXPIRED = 9
    FAILED = 10
    DEAD = 11
    REJECTED = 12
    RECEIVED = 13

    @property
    def word(self) -> str:
        """The name as the API shows it: `received`."""
        return self.name.lower()

    @classmethod
    def of(cls, word: str) -> "Status":
        """The status called `word`; KeyError when there is none."""
        return cls[word.upper()]


class Reason(IntEnum):
    """Why a recipient was suppressed."""

    NONE = 0
    OPTED_OUT = 1
    BLACKLISTED = 2
    NO_CONSENT = 3
    NO_COMMON_HOURS = 4

    @property
    def word(self) -> str:
        return self.name.lower()


MEANINGS: dict[Status, str] = {
    Status.PENDING: "not yet handed to the carrier",
    Status.HELD: "waiting for the sending hours",
    Status.SUBMITTED: "being handed to the carrier",
    Status.SUPPRESSED: "left out: they had opted out, are blacklisted, gave no consent, or have no sending hours",
    Status.CANCELLED: "never handed over: the campaign was cancelled",
    Status.MISSED: "never handed over: its time had passed",
    Status.UNCERTAIN: "may have reached the carrier; no answer says, and it is not sent again",
    Status.SENT: "accepted by the carrier, no final receipt yet",
    Status.FROZEN: "held back by the carrier",
    Status.EXPIRED: "not delivered within its validity, or no receipt within 72 hours",
    Status.FAILED: "could not be delivered",
    Status.DEAD: "the number no longer exists",
    Status.REJECTED: "refused by the carrier or the network",
    Status.RECEIVED: "delivered to the handset",
}

FINAL_RECEIPTS = frozenset(
    {Status.FROZEN, Status.EXPIRED, Status.FAILED, Status.DEAD, Status.REJECTED, Status.RECEIVED}
)
HANDED_OVER = frozenset({Status.UNCERTAIN, Status.SENT}) | FINAL_RECEIPTS
ACCEPTED = HANDED_OVER - {Status.UNCERTAIN, Status.REJECTED}  # the carrier took it
REPLIED_OPT_OUT = 0x80


def cell(status: Status, reason: Reason = Reason.NONE) -> int:
    """The byte of one position."""
    return int(status) | int(reason) << 4


def status_of(byte: int) -> Status:
    return Status(byte & 0x0F)


def reason_of(byte: int) -> Reason:
    return Reason(byte >> 4 & 0x07)


def merge_cell(old: int, new: int) -> int:
    """The higher rank wins, between equal ranks the higher reason; an opt-out answer stays."""
    if old == new:
        return old
    keep = old if (old & 0x0F, old & 0x70) >= (new & 0x0F, new & 0x70) else new
    return keep & 0x7F | (old | new) & REPLIED_OPT_OUT


def merge(old: bytes, new: bytes) -> bytes:
    """Position by position; the shorter one counts as pending beyond its end."""
    if len(old) < len(new):
        old, new = new, old
    head = bytes(merge_cell(a, b) for a, b in zip(old, new, strict=False))
    return head + old[len(new) :]


def place(changes: Iterable[tuple[int, int]]) -> bytes:
    """A vector from `(position, byte)` pairs; later pairs of one position merge."""
    cells: dict[int, int] = {}
    for position, byte in changes:
        cells[position] = merge_cell(cells.get(position, 0), byte)
    vector = bytearray(max(cells, default=-1) + 1)
    for position, byte in cells.items():
        vector[position] = byte
    return bytes(vector)
