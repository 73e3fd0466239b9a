"""Handing messages to a carrier: what it promises, what it answers, and what can go wrong.

CarrierError               a call that brought no result per message
├── NotSent                surely nothing was handed over; the slice is released and sent again
│   ├── Unreachable        DNS, connect or TLS failed
│   ├── Busy               the carrier says that it processed nothing and may be tried again
│   ├── Throttled          429: not before `retry_after` seconds
│   ├── RecipientsRefused  the whole call, because of the recipients it names: they are rejected, the others go again
│   └── Refused            the whole call was refused (credentials, credit, our request): pause, with the reason
│       └── CallRefused    for what the call holds (a sender, a text), not for the account
├── AnswerLost             may have been handed over: time-out, reset, 5xx, an answer that can't be read
└── Divided                calls made side by side, one a message, that didn't end alike
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from kabar.domain.messages import Message


class Promise(Enum):
    """What a carrier can promise when an answer is lost [L3]."""

    DEDUPES = "dedupes by our id"
    ASKABLE = "can be asked by our id"
    ECHOES = "echoes our id in receipts"
    NOTHING = "nothing"

    @property
    def resends(self) -> bool:
        """Whether the same ids may be handed over again after a lost answer."""
        return self in (Promise.DEDUPES, Promise.ASKABLE)


class Outcome(Enum):
    """What a carrier says of one message."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    DUPLICATE = "duplicate id"
    NOT_SENT = "surely not handed over"


@dataclass(frozen=True, slots=True)
class Result:
    """A carrier's word on one message at hand-over; `code` is its own, `carrier_id` its own id for the message."""

    outcome: Outcome
    code: str = ""
    carrier_id: str = ""


class CarrierError(Exception):
    """A call that brought no result per message. `args[0]` is a sentence without numbers, texts or secrets."""


class NotSent(CarrierError):
    """Surely nothing was handed over."""


class Unreachable(NotSent):
    """No connection was made."""


class Busy(NotSent):
    """The carrier says that it processed nothing; the same again may help."""


class Throttled(NotSent):
    """The carrier asks us to slow down for `retry_after` seconds."""

    def __init__(self, sentence: str, retry_after: float) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


class RecipientsRefused(NotSent):
    """The whole call was refused because of some recipients: `rejected` is the carrier's code by message id."""

    def __init__(self, sentence: str, rejected: Mapping[str, str]) -> None:
        super().__init__(sentence)
        self.rejected = rejected


class Refused(NotSent):
    """The whole call was refused; the same again would not help."""


class CallRefused(Refused):
    """The whole call was refused for what it holds; others may go. `code` is the carrier's, and why."""

    def __init__(self, sentence: str, code: str) -> None:
        super().__init__(sentence)
        self.code = code


class AnswerLost(CarrierError):
    """Nobody can say from this answer whether the messages were handed over."""


class Divided(CarrierError):
    """Calls made side by side ended differently: `results` by id, an absent id being unknown, and the worst `error`."""

    def __init__(self, error: CarrierError, results: Mapping[str, Result]) -> None:
        super().__init__(*error.args)
        self.error = error
        self.results = results


_GRAVITY: tuple[type[CarrierError], ...] = (Refused, Throttled, Busy, Unreachable, AnswerLost)


def together(outcomes: Mapping[str, Result | CarrierError | None]) -> Mapping[str, Result]:
    """What calls made side by side come to: an id whose answer said nothing of it (None) is unknown.

    Raises the error when all ended by the same kind, else Divided with the worst: what stops the account before
    what asks to wait, before what was only lost.
    """
    errors = [outcome for outcome in outcomes.values() if isinstance(outcome, CarrierError)]
    results = {each: outcome for each, outcome in outcomes.items() if isinstance(outcome, Result)}
    if not errors:
        return results
    worst = min(errors, key=_gravity)
    if len(errors) == len(outcomes) and {type(error) for error in errors} == {type(worst)}:
        raise worst
    not_sent = [each for each, outcome in outcomes.items() if isinstance(outcome, NotSent)]
    raise Divided(worst, results | dict.fromkeys(not_sent, Result(Outcome.NOT_SENT)))


def _gravity(error: CarrierError) -> tuple[int, float]:
    rank = next((n for n, kind in enumerate(_GRAVITY) if isinstance(error, kind)), len(_GRAVITY))
    return rank, -error.retry_after if isinstance(error, Throttled) else 0


class Handover(Protocol):
    """One sender's way to one carrier. Calls are made once, never retried inside, and cut at `seconds` in all."""

    @property
    def promise(self) -> Promise: ...

    def send(self, messages: Sequence[Message], *, seconds: float) -> Mapping[str, Result]:
        """Hand over; what became of each by id, an absent id being unknown. Raises a CarrierError."""
        ...

    def ask(self, ids: Sequence[str], *, seconds: float) -> Mapping[str, Result]:
        """What the carrier knows of these ids; absent ones it doesn't know (yet). Raises a CarrierError."""
        ...
