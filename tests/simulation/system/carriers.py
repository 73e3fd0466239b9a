"""A carrier of each class, and the truth about what it took: A dedupes, B can be asked, C echoes our id, D nothing.

B speaks Infobip's wire format, so the connector that runs is the real one; the others have a connector here.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cache
from typing import Any, TypeVar

from kabar.carriers.base import Account, Answer, Read, Request
from kabar.carriers.base import Call as HttpCall
from kabar.domain.handover import (
    AnswerLost,
    Outcome,
    Promise,
    RecipientsRefused,
    Refused,
    Result,
    Throttled,
    Unreachable,
)
from kabar.domain.messages import Message, Receipt, Reply
from kabar.domain.segments import Encoding
from local.carrier import segments
from tests.simulation.system import gateways
from tests.simulation.system.effects import Effects
from tests.simulation.system.faults import Fault, Script
from tests.simulation.system.here import HERE
from tests.simulation.system.kernel import START, Kernel, Process
from tests.simulation.system.watch import Watch

CLASSES = {"A": Promise.DEDUPES, "B": Promise.ASKABLE, "C": Promise.ECHOES, "D": Promise.NOTHING}
NAMES = {"A": "simulated-a", "B": "infobip", "C": "simulated-c", "D": "simulated-d"}
T = TypeVar("T")
R = TypeVar("R")
LATE = 30_000  # ms after our time-out [F11]


class Way(Enum):
    """How a call goes that doesn't go well."""

    LOST_AFTER = "accepted, answer lost"
    LOST_BEFORE = "not accepted, answer lost"
    LATE = "accepted after our time-out"
    PARTIAL = "a third told, a third accepted untold, a third neither"
    THROTTLED = "throttled"
    UNREACHABLE = "unreachable"
    REFUSED = "the whole call refused"


OF_FAULT = {Fault.LOST: Way.LOST_AFTER, Fault.LOST_ONCE: Way.PARTIAL, Fault.THROTTLED: Way.THROTTLED}
OF_FAULT |= {Fault.STUCK: Way.LATE}


@dataclass
class Connector:
    """A connector without a wire."""

    name: str
    promise: Promise
    batch: int = 100
    encodings: frozenset[Encoding] = frozenset(Encoding)
    own_ids: bool = False

    def send(
        self, account: Account, call: HttpCall, sender: str, messages: Sequence[Message], seconds: float
    ) -> Mapping[str, Result]:
        found: Mapping[str, Result] = HERE.cloud.carrier.hand_over(messages, seconds)
        return found

    def ask(
        self, account: Account, call: HttpCall, ids: Sequence[str], seconds: float
    ) -> Mapping[str, Result]:
        raise AssertionError("asked a carrier that can't be asked")

    def read_receipts(self, body: bytes) -> Read[Receipt]:
        raise NotImplementedError

    def read_replies(self, body: bytes) -> Read[Reply]:
        raise NotImplementedError


CONNECTORS = {NAMES[letter]: Connector(NAMES[letter], CLASSES[letter]) for letter in "ACD"}


@dataclass(frozen=True)
class Accept:
    """One message that goes to a handset; times are true ms."""

    id: str
    mobile: str
    at: int
    called_at: int
    segments: int


@cache
def measured(text: str) -> int:
    return segments.measure(text).segments


@dataclass
class Network:
    """The carrier's side. `rejects` are mobiles it never takes; its logs lag by `log_lag` ms."""

    kernel: Kernel
    effects: Effects
    script: Script
    watch: Watch
    promise: Promise
    rejects: frozenset[str] = frozenset()
    blames: bool = False
    log_lag: int = 0
    accepted: list[Accept] = field(default_factory=list)
    _known: dict[str, tuple[int, Outcome]] = field(default_factory=dict)

    def hand_over(self, messages: Sequence[Message], seconds: float) -> dict[str, Result]:
        """One call, from our side."""
        process = self.kernel.current
        assert process
        self.watch.calls(process, messages, self.kernel.now + int(seconds * 1000))
        told: dict[str, Result] = {}
        try:
            told = self._call(process, messages, seconds)
        except (Throttled, Unreachable, Refused, RecipientsRefused):
            told = {message.id: Result(Outcome.REJECTED) for message in messages}  # for the watch: no doubt
            raise
        finally:
            self.watch.called(process, messages, told)
        return told

    def _call(self, process: Process, messages: Sequence[Message], seconds: float) -> dict[str, Result]:
        kernel, began = self.kernel, self.kernel.now
        fault = self.effects.fault_at("call carrier")
        if fault in {Fault.DIES_BEFORE, Fault.ABORTED}:
            self.effects.die(process)
        if fault is Fault.ORPHANED:
            kernel.after(1, lambda: process.tell(None, ConnectionError("no answer")))
            self.kernel.pause(kernel.random.randint(1, 20_000))  # while its slice is looked at again
        way = OF_FAULT.get(fault) if fault else self._way()
        if way in {Way.THROTTLED, Way.UNREACHABLE, Way.REFUSED}:
            self._turn_down(way)
        blamed = {m.id: "400" for m in messages if m.mobile in self.rejects} if self.blames else {}
        if blamed and (len(blamed) < len(messages) or len(messages) == 1):
            self.kernel.pause(100)
            raise RecipientsRefused("some recipients", blamed)
        if way is Way.LATE:
            kernel.at(began + int(seconds * 1000) + LATE, lambda: self._take_late(messages, began))
        self.kernel.pause(kernel.random.randint(5, 200))
        told = self._take(messages, way, began)
        if fault is Fault.DIES_AFTER:
            self.effects.die(process)
        left = began + int(seconds * 1000) - kernel.now
        self.kernel.pause(min(left, kernel.random.randint(5, 600)) if told else left)
        if not told:
            raise AnswerLost("no answer in time")
        return told

    def _take(self, messages: Sequence[Message], way: Way | None, began: int) -> dict[str, Result]:
        """Which of them the carrier takes in time, and what it tells."""
        told: dict[str, Result] = {}
        for index, message in enumerate(messages):
            if way in {None, Way.LOST_AFTER} or (way is Way.PARTIAL and index % 3 != 2):
                self.watch.accepts(message)
                result = self.take(message, began)
                if way is None or (way is Way.PARTIAL and index % 3 == 0):
                    told[message.id] = result
        return told

    def _way(self) -> Way | None:
        chance = self.script.calls if self.kernel.now - START < self.script.calm else 0.0
        if chance and self.kernel.random.random() < chance:
            way = self.kernel.random.choice(list(Way))
            self.script.fired["carrier", way.name] += 1
            return way
        return None

    def _turn_down(self, way: Way) -> None:
        self.kernel.pause(self.kernel.random.randint(10, 300))
        if way is Way.THROTTLED:
            raise Throttled("429", 7.0)
        raise Unreachable("no connection") if way is Way.UNREACHABLE else Refused("401")

    def take(self, message: Message, called_at: int) -> Result:
        """Accept or refuse one message, as the class promises."""
        now = self.kernel.now
        if message.mobile in self.rejects:
            self._known[message.id] = now, Outcome.REJECTED
            return Result(Outcome.REJECTED, "6")
        if self.promise.resends and message.id in self._known:
            return Result(Outcome.ACCEPTED if self.promise is Promise.DEDUPES else Outcome.DUPLICATE)
        self._known[message.id] = now, Outcome.ACCEPTED
        accept = Accept(message.id, message.mobile, now, called_at, measured(message.text))
        self.accepted.append(accept)
        HERE.cloud.inbound.deliver(accept)
        return Result(Outcome.ACCEPTED)

    def _take_late(self, messages: Sequence[Message], called_at: int) -> None:
        for message in messages:
            self.take(message, called_at)

    def ask(self, ids: Sequence[str]) -> dict[str, Result]:
        """What the logs show of these ids by now."""
        fault = self.effects.fault_at("ask carrier")
        self.kernel.pause(self.kernel.random.randint(10, 300))
        if fault is not None or self._way() is not None:
            raise self.kernel.random.choice(
                (AnswerLost("no answer"), Unreachable("no"), Throttled("429", 9.0))
            )
        self.watch.asked(ids)
        known = {each: self._known[each] for each in ids if each in self._known}
        return {
            each: Result(outcome)
            for each, (at, outcome) in known.items()
            if at + self.log_lag <= self.kernel.now
        }

    # ---- calls of one message, side by side ----

    def each(self, work: Callable[[T], R], messages: Sequence[T]) -> list[R]:
        """All from one moment on, each with waits of its own; it takes as long as the longest."""
        process, results, longest = self.kernel.current, [], 0
        assert process
        try:
            for message in messages:
                process.beside = 0
                results.append(work(message))
                longest = max(longest, process.beside)
        finally:
            process.beside = None
        self.kernel.pause(longest)
        return results

    def gateway(self, request: Request, seconds: float) -> Answer:
        """One request of the generic connector."""
        message = gateways.message_of(request.body)
        try:
            told = self.hand_over([message], seconds)
        except (Throttled, Refused, RecipientsRefused) as error:
            return gateways.refusal_of(error)
        return gateways.answer_of(message, told[message.id])

    # ---- Infobip's wire ----

    def http(self, request: Request, seconds: float) -> Answer:
        """One request of the real connector."""
        if request.method == "GET":
            found = self.ask([value for name, value in request.query if name == "messageId"])
            return _answer(200, {"results": [_entry(each, result) for each, result in found.items()]})
        messages = [
            Message(d["messageId"], "+" + d["to"], entry["content"]["text"], 1)
            for entry in request.body["messages"]
            for d in entry["destinations"]
        ]
        try:
            told = self.hand_over(messages, seconds)
        except Throttled as error:
            return Answer(429, {"retry-after": str(int(error.retry_after))})
        except Refused:
            return _answer(401, {"errorCode": "E401"})
        except RecipientsRefused as error:
            named = [index for index, message in enumerate(messages) if message.id in error.rejected]
            return _answer(
                400, {"violations": [{"property": f"messages[{index}].content.text"} for index in named]}
            )
        return _answer(200, {"messages": [_entry(each, result) for each, result in told.items()]})


_STATUS = {
    Outcome.ACCEPTED: {"groupId": 1, "id": 26},
    Outcome.REJECTED: {"groupId": 5, "id": 6},
    Outcome.DUPLICATE: {"groupId": 5, "id": 23},
}


def _entry(message_id: str, result: Result) -> dict[str, Any]:
    return {"messageId": message_id, "status": _STATUS[result.outcome]}


def _answer(status: int, body: dict[str, Any]) -> Answer:
    return Answer(status, {}, json.dumps(body).encode())
