"""A slice of a frozen plan: its recipients, its claim, what is known of it, and what the send protocol works on.

The rules are in `kabar.domain.dispatch`; here are its nouns and ports. Times and spans are milliseconds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple, Protocol

from kabar.domain.messages import Message
from kabar.domain.statuses import Reason, Status, cell, merge_cell, status_of

SETTLED = int(Status.SUPPRESSED)  # from this rank on a position needs no more work
DOUBT = int(Status.SUBMITTED)
AHEAD = 1000  # ms; nobody reserves further ahead: whoever dies or stops meanwhile has kept nobody waiting


@dataclass(frozen=True, slots=True)
class Timing:
    """Milliseconds. A lease covers claim, facts, one call and its record, with `skew` to spare."""

    lease: int
    call: int
    skew: int
    ask_after: int
    give_up: int

    @classmethod
    def of(cls, lease_seconds: int, ask_after_seconds: int, give_up_seconds: int) -> "Timing":
        """Half of the lease for the call, a tenth for clock skew, the rest for our own reads and writes."""
        lease = lease_seconds * 1000
        return cls(lease, lease // 2, lease // 10, ask_after_seconds * 1000, give_up_seconds * 1000)


@dataclass(frozen=True, slots=True)
class Recipient:
    """One position of the frozen plan."""

    position: int
    message: Message


@dataclass(frozen=True, slots=True)
class Claim:
    """The write-ahead record of a slice.

    `owner` is empty when nobody works on it; `lease` (ms) is until when the owner may; `vector` has a byte per
    recipient of the slice; `doubt_since` (ms) is when something may first have been handed over without an answer.
    `calling`: the owner may have called, or somebody before who left no result; noted before every call, so that
    who took the claim over meanwhile, by whatever clock, stops the call or knows of it.
    """

    owner: str
    attempt: int
    claimed_at: int
    lease: int
    vector: bytes
    doubt_since: int = 0
    not_before: int = 0
    calling: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """What earlier attempts wrote about a position."""

    submitted: bool
    suppressed: Reason
    rejected: bool = False


@dataclass(frozen=True, slots=True)
class Fact:
    """One immutable fact about a message; `status` is submitted, suppressed or rejected."""

    recipient: Recipient
    status: Status
    reason: Reason = Reason.NONE
    code: str = ""


class Place(NamedTuple):
    """When (ms) segments may go; if more than AHEAD lies before that, none are `taken`, and it is when to ask again."""

    at: int
    taken: bool


class Ledger(Protocol):
    """The claims of one chunk."""

    def claims(self) -> dict[int, Claim]:
        """All claims so far by slice, read consistently."""
        ...

    def take(self, number: int, claim: Claim, over: Claim | None) -> bool:
        """Write `claim` if `over` (or nothing) still stands there. An own claim found there counts as taken."""
        ...

    def record(self, number: int, claim: Claim, held: Claim) -> bool:
        """Write `claim` over `held`, which is ours; False when somebody else has it by now."""
        ...


class People(Protocol):
    """Standing and facts of recipients."""

    def standings(self, mobiles: Sequence[str]) -> Mapping[str, Reason]:
        """Who may not be messaged and why; a consistent read."""
        ...

    def seen(self, recipients: Sequence[Recipient]) -> Mapping[int, Seen]:
        """Facts of earlier attempts by position; a consistent read."""
        ...

    def write(self, facts: Sequence[Fact]) -> None:
        """Write facts without condition; the same twice is harmless."""
        ...


class Control(Protocol):
    """Whether this leg may go on: its status, the leg in charge, the window; at most one second old."""

    def go(self) -> bool: ...

    def waits(self, mobiles: Sequence[str]) -> Mapping[str, int]:
        """Whose own sending hours are closed, and the opening (ms) that they wait for, or NEVER [G3]."""
        ...

    def pause(self, reason: str) -> None:
        """Pause the campaign, with a sentence for its user."""
        ...


class Pace(Protocol):
    """The shared pace of one sender at one carrier."""

    def reserve(self, segments: int) -> "Place":
        """Reserve so many segments, if they may go soon."""
        ...

    def hold(self, until: int) -> None:
        """Nothing more before `until` (ms), for every lane."""
        ...


class Clock(Protocol):
    def now(self) -> int: ...

    def sleep(self, milliseconds: int) -> None: ...


class Stop(Exception):
    """The lane ends now; `wake` (ms) is when going on makes sense, None when somebody decides that."""

    def __init__(self, why: str, wake: int | None = None) -> None:
        super().__init__(why)
        self.why = why
        self.wake = wake


def closing(claims: Mapping[int, Claim], size: int, slice_size: int, rest: Status) -> bytes:
    """The vector of a chunk that nobody sends from any more: what wasn't handed over is `rest`.

    What may be in somebody's hands, or was without an answer, is uncertain; a late record still outranks it.
    """
    vector = bytearray([cell(rest)]) * size
    for number, claim in claims.items():
        for index, byte in enumerate(claim.vector, number * slice_size):
            if byte & 0x0F >= SETTLED:
                vector[index] = byte
            elif claim.owner or byte & 0x0F == DOUBT:
                vector[index] = cell(Status.UNCERTAIN)
    return bytes(vector)


@dataclass(slots=True)
class Tally:
    """What a lane did, for its log line."""

    calls: int = 0
    accepted: int = 0
    suppressed: int = 0
    rejected: int = 0
    doubts: int = 0
    alarms: int = 0

    def add(self, other: "Tally") -> None:
        """Sum with the tally of a lane that ran beside."""
        for count in fields(self):
            setattr(self, count.name, getattr(self, count.name) + getattr(other, count.name))


class Slot:
    """The slice under work: its vector and what this attempt learns."""

    def __init__(
        self, recipients: Sequence[Recipient], people: People, vector: bytearray, doubt_since: int
    ) -> None:
        self.recipients = recipients
        self.people = people
        self.vector = vector
        self.doubt_since = doubt_since
        self.newly_suppressed: list[tuple[Recipient, Reason]] = []
        self.stop: Stop | None = None
        self._index = {recipient.position: index for index, recipient in enumerate(recipients)}

    def byte(self, recipient: Recipient) -> int:
        return self.vector[self._index[recipient.position]]

    def open(self) -> list[Recipient]:
        return [r for r, byte in zip(self.recipients, self.vector, strict=True) if byte & 0x0F < SETTLED]

    def doubts(self) -> list[Recipient]:
        return [r for r, byte in zip(self.recipients, self.vector, strict=True) if status_of(byte) == DOUBT]

    def learn(self, seen: Mapping[int, Seen], *, died: bool, when: int) -> None:
        """Take over what an earlier attempt wrote; one that `died` left no record and may have called at `when`.

        It may have handed over those that it had written down as submitted before it called; others waited.
        """
        for recipient in self.open():
            if recipient.position in seen and seen[recipient.position].suppressed:
                self._raise(recipient, cell(Status.SUPPRESSED, seen[recipient.position].suppressed))
            if recipient.position in seen and seen[recipient.position].rejected:
                self._raise(recipient, cell(Status.REJECTED))
        if died:
            written = [r for r in self.open() if r.position in seen and seen[r.position].submitted]
            self.doubt([r for r in written if self.byte(r) != DOUBT], when)

    def doubt(self, recipients: Sequence[Recipient], since: int) -> None:
        if recipients:
            self.doubt_since = self.doubt_since or since
        for recipient in recipients:
            self._raise(recipient, DOUBT)

    def settle(self, recipients: Sequence[Recipient], status: Status) -> None:
        for recipient in recipients:
            self._raise(recipient, cell(status))

    def suppress(self, recipient: Recipient, reason: Reason) -> None:
        self._raise(recipient, cell(Status.SUPPRESSED, reason))
        self.newly_suppressed.append((recipient, reason))

    def _raise(self, recipient: Recipient, byte: int) -> None:
        index = self._index[recipient.position]
        self.vector[index] = merge_cell(self.vector[index], byte)
