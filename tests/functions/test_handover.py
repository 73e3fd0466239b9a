"""Calls side by side to one account: each message's outcome is its own, and so is the id that the carrier gave it."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from kabar.carriers.base import Account
from kabar.domain.handover import (
    CallRefused,
    CarrierError,
    Divided,
    Outcome,
    Promise,
    Refused,
    Result,
    Unreachable,
)
from kabar.domain.messages import Message
from kabar.legs.handover import CarrierAccount

MESSAGES = [Message(f"x-{number}", f"+64{number}", "Merhaba", 1) for number in range(3)]
ONE, TWO, THREE = (message.id for message in MESSAGES)


def accepted(carrier_id: str) -> Result:
    return Result(Outcome.ACCEPTED, "", carrier_id)


class Gateway:
    """A carrier of one message per call, and the book of the ids that it gives."""

    name, promise, batch, encodings = "http", Promise.NOTHING, 1, frozenset[Any]()

    def __init__(self, answers: Mapping[str, Result | CarrierError], *, own_ids: bool) -> None:
        self.answers = answers
        self.own_ids = own_ids
        self.noted: dict[str, str] = {}
        self.looked_for: list[str] = []
        self.alarms: list[str] = []

    def send(
        self, _account: Account, _call: object, _sender: str, messages: Sequence[Message], _seconds: float
    ) -> Mapping[str, Result]:
        (message,) = messages
        answer = self.answers.get(message.id)
        if isinstance(answer, CarrierError):
            raise answer
        return {message.id: answer} if answer else {}

    def note(self, carrier_id: str, message: Message) -> bool:
        return self.noted.setdefault(carrier_id, message.id) == message.id

    def catch_up(self, carrier_ids: Sequence[str]) -> None:
        self.looked_for += carrier_ids

    def hand_over(self, *, unattended: bool = False) -> Mapping[str, Result]:
        carrier: Any = self
        account = CarrierAccount(
            carrier=carrier,
            account=Account("http://127.0.0.1", "key"),
            call=carrier,
            each=lambda work, messages: [work(message) for message in messages],
            sender="3774",
            book=self,
            alarm=self.alarms.append,
            unattended=unattended,
        )
        return account.send(MESSAGES, seconds=30)


def test_ids_by_which_receipts_will_come_are_noted_and_early_receipts_looked_for() -> None:
    gateway = Gateway({ONE: accepted("g-1"), TWO: accepted("g-2"), THREE: accepted("g-3")}, own_ids=True)
    assert set(gateway.hand_over()) == {ONE, TWO, THREE}
    assert gateway.noted == {"g-1": ONE, "g-2": TWO, "g-3": THREE}
    assert gateway.looked_for == ["g-1", "g-2", "g-3"]
    assert gateway.alarms == []


def test_whoever_got_no_id_is_not_looked_for_by_one() -> None:
    """Refused numbers often get none; that two of them have none in common is no alarm."""
    rejected = Result(Outcome.REJECTED, "bad")
    gateway = Gateway({ONE: rejected, TWO: accepted("g-2"), THREE: rejected}, own_ids=True)
    assert set(gateway.hand_over()) == {ONE, TWO, THREE}
    assert (gateway.noted, gateway.looked_for, gateway.alarms) == ({"g-2": TWO}, ["g-2"], [])


@pytest.mark.parametrize("own_ids", [True, False])
def test_an_answer_that_says_nothing_of_its_message_leaves_it_unknown(own_ids: bool) -> None:
    gateway = Gateway({ONE: accepted("g-1")}, own_ids=own_ids)
    assert gateway.hand_over() == {ONE: accepted("g-1")}


def test_a_call_that_fails_takes_no_id_from_those_beside_it() -> None:
    gateway = Gateway({ONE: Unreachable("no route"), TWO: accepted("g-2")}, own_ids=True)
    with pytest.raises(Divided):
        gateway.hand_over()
    assert (gateway.noted, gateway.looked_for) == ({"g-2": TWO}, ["g-2"])


def test_ids_by_which_no_receipt_comes_are_nobodys_concern() -> None:
    """A carrier whose receipts have our ids may give the same number to everybody."""
    gateway = Gateway(dict.fromkeys((ONE, TWO, THREE), accepted("0")), own_ids=False)
    assert len(gateway.hand_over()) == 3
    assert (gateway.noted, gateway.looked_for, gateway.alarms) == ({}, [], [])


def test_a_call_refused_for_what_it_holds_is_rejected_only_where_nobody_mends_it() -> None:
    gateway = Gateway(
        {ONE: CallRefused("no", "400"), TWO: accepted("g-2"), THREE: Refused("no")}, own_ids=True
    )
    with pytest.raises(Divided) as divided:
        gateway.hand_over()
    assert divided.value.results[ONE] == Result(Outcome.NOT_SENT)
    with pytest.raises(Divided) as divided:
        gateway.hand_over(unattended=True)
    assert divided.value.results[ONE] == Result(Outcome.REJECTED, "400")
    assert divided.value.results[THREE] == Result(Outcome.NOT_SENT)
