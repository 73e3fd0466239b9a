"""What travels between a carrier and us, free of any carrier's wire format."""

from dataclasses import dataclass

from kabar.domain.segments import Alphabet
from kabar.domain.statuses import Status


@dataclass(frozen=True, slots=True)
class Message:
    """One message to hand over. `id` is ours at the carrier (`<deployment>-<integer>`); `mobile` is `+<digits>`.

    `segments` were counted in `alphabet`; the connector sees to it that the carrier uses just that one.
    """

    id: str
    mobile: str
    text: str
    segments: int
    alphabet: Alphabet = "gsm7"


@dataclass(frozen=True, slots=True)
class Receipt:
    """A carrier's word on one message. `at` is epoch milliseconds, `code` the carrier's own status and error."""

    id: str
    mobile: str
    status: Status
    at: int
    code: str


@dataclass(frozen=True, slots=True)
class Part:
    """Which part of a long message this is, counted from 1; `of` is what all its parts have in common."""

    of: str
    number: int
    total: int


@dataclass(frozen=True, slots=True)
class Reply:
    """A message in; `id` is the carrier's, `mobile` who wrote, `to` the sender it was written to, `+` or not.

    `part` is None for a whole message, also for one that the carrier joined itself.
    """

    id: str
    mobile: str
    to: str
    text: str
    at: int
    part: Part | None = None
