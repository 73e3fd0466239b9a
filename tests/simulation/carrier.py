"""A carrier of each class: what it promises, what it does when ordered to misbehave, and the truth about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from kabar.domain.handover import Outcome, Promise, Result
from kabar.domain.messages import Message

LATE = 30_000  # ms after our time-out [F11]
CLASSES = {"A": Promise.DEDUPES, "B": Promise.ASKABLE, "C": Promise.ECHOES, "D": Promise.NOTHING}


class Call(Enum):
    """How one call goes."""

    OK = "ok"
    LOST_AFTER = "accepted, answer lost"
    LOST_BEFORE = "not accepted, answer lost"
    LATE = "accepted after our time-out"
    PARTIAL = "a third told, a third accepted untold, a third neither"
    THROTTLED = "throttled"
    UNREACHABLE = "unreachable"
    REFUSED = "the whole call refused"


class Ask(Enum):
    """How one question goes."""

    OK = "ok"
    LOST = "answer lost"
    THROTTLED = "throttled"
    UNREACHABLE = "unreachable"


NEVER_HANDED_OVER = frozenset({Call.THROTTLED, Call.UNREACHABLE, Call.REFUSED})


@dataclass(frozen=True)
class Accept:
    """One message that goes to a handset: when, and when the slice of its call was claimed (true ms)."""

    at: int
    claimed_at: int


@dataclass
class Carrier:
    """`accepted` is the truth by mobile. `rejects` are mobiles it never takes; its logs lag by `log_lag` ms."""

    promise: Promise
    rejects: frozenset[str] = frozenset()
    log_lag: int = 0
    accepted: dict[str, list[Accept]] = field(default_factory=dict)
    _known: dict[str, tuple[int, Outcome]] = field(default_factory=dict)
    _late: list[tuple[int, Message, int]] = field(default_factory=list)

    def take(self, message: Message, at: int, claimed_at: int) -> Result:
        """Accept or refuse one message, as the class promises."""
        if message.mobile in self.rejects:
            self._known[message.id] = at, Outcome.REJECTED
            return Result(Outcome.REJECTED, "6")
        if self.promise.resends and message.id in self._known:
            return Result(Outcome.ACCEPTED if self.promise is Promise.DEDUPES else Outcome.DUPLICATE)
        self._known[message.id] = at, Outcome.ACCEPTED
        self.accepted.setdefault(message.mobile, []).append(Accept(at, claimed_at))
        return Result(Outcome.ACCEPTED)

    def take_late(self, messages: Sequence[Message], at: int, claimed_at: int) -> None:
        """Accept at `at`, when nobody listens any more."""
        self._late += [(at, message, claimed_at) for message in messages]

    def catch_up(self, now: int) -> None:
        """Accept what was to be accepted by `now`."""
        due = [entry for entry in self._late if entry[0] <= now]
        self._late = [entry for entry in self._late if entry[0] > now]
        for at, message, claimed_at in due:
            self.take(message, at, claimed_at)

    def tell(self, ids: Sequence[str], now: int) -> Mapping[str, Result]:
        """What the logs show of these ids by now."""
        known = {each: self._known[each] for each in ids if each in self._known}
        return {each: Result(outcome) for each, (at, outcome) in known.items() if at + self.log_lag <= now}
