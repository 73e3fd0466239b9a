"""What went to and came from one number, and why a message did or didn't go [I1]."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kabar.domain.statuses import Reason, Status, cell, merge_cell, reason_of, status_of

WHY_NOT = {
    "not_frozen": "the campaign has not chosen its recipients yet: it does so when it starts",
    "no_recipient": "the number was no member of the list when the campaign started, or could not be sent to",
    "empty": "its message comes out empty: by the list of today, which is not kept as it was at the start",
    "invalid": "the number has too few or too many digits, by the settings of today",
    "pending": "its turn has not come yet",
    "held": "it waits for the sending hours",
    "cancelled": "the campaign was cancelled before its turn came",
    "missed": "its time had passed",
    "opted_out": "the recipient had opted out",
    "blacklisted": "the number is on the blacklist",
    "no_consent": "the recipient gave no consent",
    "no_common_hours": "the sending hours are never open in all time zones that the number may be in",
}
"""The rules by which a message was not handed over."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to a number. `facts` are what is known of it, oldest first; `byte` is status and reason."""

    id: int
    facts: tuple[Mapping[str, Any], ...]
    byte: int

    @property
    def status(self) -> Status:
        return status_of(self.byte)

    @property
    def reason(self) -> Reason:
        return reason_of(self.byte)

    @property
    def at(self) -> int:
        """When it was handed over, or left out (epoch ms)."""
        return int(self.facts[0]["at"])

    def known(self, name: str) -> Any:
        """What a fact says, of those that say it the first."""
        return next((fact[name] for fact in self.facts if name in fact), None)

    def with_place(self, byte: int) -> "Outgoing":
        """The same, once its place in its campaign's claim or vector is known."""
        return Outgoing(self.id, self.facts, merge_cell(self.byte, byte))


def status_in(fact: Mapping[str, Any]) -> Status:
    """The status that a fact tells, from its key."""
    return Status.of(str(fact["sk"]).rpartition("#")[2])


def messages(facts: Iterable[Mapping[str, Any]]) -> list[Outgoing]:
    """Facts `out#<message>#<status>` of one number as messages, newest first."""
    grouped: dict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for fact in facts:
        grouped[int(str(fact["sk"]).split("#")[1])].append(fact)
    found = []
    for message, theirs in grouped.items():
        theirs.sort(key=lambda fact: (fact["at"], status_in(fact)))
        byte = 0
        for fact in theirs:
            byte = merge_cell(byte, cell(status_in(fact), Reason(fact.get("reason", 0))))
        found.append(Outgoing(message, tuple(theirs), byte))
    return sorted(found, key=lambda message: (message.at, message.id), reverse=True)


def why_not(status: Status, reason: Reason) -> str | None:
    """The name of the rule by which a message was not handed over; None when it was, or may have been."""
    if status is Status.SUPPRESSED and reason is not Reason.NONE:
        return reason.word
    return status.word if status.word in WHY_NOT else None
