"""What every carrier offers, over plain requests and answers: no HTTP client in here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from kabar.domain.handover import Promise, Result
from kabar.domain.messages import Message, Receipt, Reply
from kabar.domain.segments import Encoding

T = TypeVar("T")


@dataclass(frozen=True)
class Request:
    """One HTTP request. `body` is JSON-ready or None; `form` is sent url-encoded instead of it."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: Any = None
    query: Sequence[tuple[str, str]] = ()
    form: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Answer:
    """One complete HTTP answer; header names in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


Call = Callable[[Request, float], Answer]
"""Make one request within so many seconds in all. Raises Unreachable or AnswerLost; never retries."""


@dataclass(frozen=True)
class Account:
    """One workspace's account at a carrier; key, user and receipts URL come from the secret store."""

    base_url: str
    api_key: str
    receipts_url: str | None = None
    user: str = ""


class Read(NamedTuple, Generic[T]):
    """What a post says, and how many of its entries say nothing that can be read."""

    entries: list[T]
    unreadable: int


class Carrier(Protocol):
    """One carrier's wire format.

    `batch` is how many recipients one call may carry, `encodings` what a campaign may choose with it: only those
    that it charges just as `kabar.domain.segments` counts them [E2]. `own_ids`: its receipts name messages by ids
    of its own, which its answers give (`Result.carrier_id`).
    """

    name: str
    promise: Promise
    batch: int
    encodings: frozenset[Encoding]
    own_ids: bool

    def send(
        self, account: Account, call: Call, sender: str, messages: Sequence[Message], seconds: float
    ) -> Mapping[str, Result]:
        """As `Handover.send`."""
        ...

    def ask(self, account: Account, call: Call, ids: Sequence[str], seconds: float) -> Mapping[str, Result]:
        """As `Handover.ask`."""
        ...

    def read_receipts(self, body: bytes) -> Read[Receipt]:
        """A receipt webhook's body. Raises BadWebhook when none of it can be read."""
        ...

    def read_replies(self, body: bytes) -> Read[Reply]:
        """A reply webhook's body. Raises BadWebhook when none of it can be read."""
        ...
