"""One sender's way to one carrier account: a call for many, or calls side by side where each takes one message."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from kabar.carriers.base import Account, Call, Carrier
from kabar.domain.handover import (
    CallRefused,
    CarrierError,
    Outcome,
    Promise,
    RecipientsRefused,
    Result,
    together,
)
from kabar.domain.messages import Message

Said = Result | CarrierError | None
Each = Callable[[Callable[[Message], Said], Sequence[Message]], list[Said]]
"""Does something with all of these side by side; results in their order."""


class Book(Protocol):
    """Which ids the carrier gave to our messages."""

    def note(self, carrier_id: str, message: Message) -> bool:
        """False when that id already belongs to another message [F10]."""
        ...

    def catch_up(self, carrier_ids: Sequence[str]) -> None:
        """Apply the receipts that came before these ids were noted [H2]."""
        ...


@dataclass(frozen=True)
class CarrierAccount:
    """`kabar.domain.handover.Handover` at one carrier account.

    `unattended`: nobody pauses, mends and resumes what is sent, so a call that is refused for what it holds rejects
    its messages.
    """

    carrier: Carrier
    account: Account
    call: Call
    each: Each
    sender: str
    book: Book
    alarm: Callable[[str], None]
    unattended: bool = False

    @property
    def promise(self) -> Promise:
        return self.carrier.promise

    def send(self, messages: Sequence[Message], *, seconds: float) -> Mapping[str, Result]:
        if self.carrier.batch > 1:
            return self._together(messages, seconds)

        def one(message: Message) -> Said:
            try:
                told = self.carrier.send(self.account, self.call, self.sender, [message], seconds)
            except CallRefused as refused:
                return Result(Outcome.REJECTED, refused.code) if self.unattended else refused
            except CarrierError as error:
                return error
            return self._noted(message, told.get(message.id))

        outcomes = dict(zip([message.id for message in messages], self.each(one, messages), strict=True))
        if self.carrier.own_ids:
            given = [outcome.carrier_id for outcome in outcomes.values() if isinstance(outcome, Result)]
            self.book.catch_up([carrier_id for carrier_id in given if carrier_id])
        return together(outcomes)

    def _together(self, messages: Sequence[Message], seconds: float) -> Mapping[str, Result]:
        try:
            return self.carrier.send(self.account, self.call, self.sender, messages, seconds)
        except CallRefused as refused:
            if not self.unattended:
                raise
            rejected = dict.fromkeys((message.id for message in messages), refused.code)
            raise RecipientsRefused(str(refused), rejected) from refused

    def ask(self, ids: Sequence[str], *, seconds: float) -> Mapping[str, Result]:
        return self.carrier.ask(self.account, self.call, ids, seconds)

    def _noted(self, message: Message, result: Result | None) -> Result | None:
        """Keep the carrier's own id, by which its receipts will name the message; it goes on meaning the message
        that had it first, so one that is given again is an alarm [F10].
        """
        known = self.carrier.own_ids and result is not None and result.carrier_id
        if result and known and not self.book.note(result.carrier_id, message):
            self.alarm(f"the carrier gave the id of another message to {message.id}")
        return result
