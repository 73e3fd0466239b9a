"""Everything a sender talks to, in memory: every call is an effect, and any effect may be its last."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from random import Random
from typing import TypeVar

from kabar.domain.handover import AnswerLost, Promise, Refused, Result, Throttled, Unreachable
from kabar.domain.messages import Message
from kabar.domain.recipient_hours import NEVER
from kabar.domain.slices import SETTLED, Claim, Fact, Place, Recipient, Seen, Timing
from kabar.domain.statuses import Reason, Status, merge
from tests.simulation.carrier import LATE, NEVER_HANDED_OVER, Ask, Call, Carrier
from tests.simulation.stage import Stage

T = TypeVar("T")
TIMING = Timing.of(60, 30, 6 * 3600)
START = 1_800_000_000_000
CONTROL_AGE = 1000  # ms: control is at most so old


class Death(BaseException):
    """The sender's process ends here."""


class Fault(Enum):
    """What happens at one effect of one sender."""

    DIES_BEFORE = "dies before"
    DIES_AFTER = "dies after"
    ANSWER_LOST = "the write is applied, its answer lost, and the SDK writes again"
    SLOW = "takes longer than a lease"
    SLUGGISH = "takes three seconds"


SLOWNESS = {Fault.SLOW: TIMING.lease * 5 // 4, Fault.SLUGGISH: 3000}


@dataclass
class Script:
    """What goes wrong: per sender and its effect, per carrier call and question, per effect of all."""

    faults: dict[tuple[int, int], Fault] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    asks: list[Ask] = field(default_factory=list)
    events: dict[int, str] = field(default_factory=dict)  # "pause", "cancel" or a mobile that opts out
    nights: dict[str, tuple[int, int]] = field(
        default_factory=dict
    )  # ms after START: from when to when, or NEVER

    def __str__(self) -> str:
        faults = {f"{sender}/{effect}": fault.name for (sender, effect), fault in self.faults.items()}
        calls, asks = [call.name for call in self.calls], [ask.name for ask in self.asks]
        return f"faults {faults} calls {calls} asks {asks} events {self.events} nights {self.nights}"


class World:
    """The truth. Times are true milliseconds; senders see them through their own clocks."""

    def __init__(
        self, slices: Sequence[Sequence[Recipient]], carrier: Carrier, script: Script, random: Random
    ) -> None:
        self.slices, self.carrier, self.script, self.random = slices, carrier, script, random
        self.stage = Stage(random)
        self.now = START
        self.status = "sending"
        self.stopped_at = 0
        self.claims: dict[int, Claim] = {}
        self.taken_at: dict[int, int] = {}
        self.submitted: set[int] = set()
        self.left_out: dict[int, Reason] = {}
        self.rejected: set[int] = set()
        self.opted_out_at: dict[str, int] = {}
        self.in_flight: dict[int, tuple[Seat, int]] = {}
        self.unknown: set[str] = set()
        self.excused: set[int] = set()
        self.effects = 0
        self.broken: list[str] = []
        self.log: list[str] = []
        self.seats = 0
        self.counts: Counter[str] = Counter()

    def advance(self, seat: "Seat", milliseconds: int) -> None:
        """Time goes on, but past the end of no other sender's call: it comes back first."""
        target = self.now + milliseconds
        while any(other is not seat and end < target for other, end in self.in_flight.values()):
            self.stage.switch()
        self.now = max(self.now, target)
        self.carrier.catch_up(self.now)

    def happen(self) -> None:
        """What people do between this effect and the next."""
        event = self.script.events.get(self.effects)
        self.effects += 1
        if event in ("pause", "cancel"):
            if self.status == "sending" or event == "cancel":
                self.status, self.stopped_at = event, self.now
        elif event:
            self.opted_out_at.setdefault(event, self.now)

    def dawn(self, mobile: str, now: int, slack: int = 0) -> int | None:
        """When the own hours of a number that are closed at `now`, for certain by so much, open again, or NEVER."""
        dusk, dawn = self.script.nights.get(mobile, (0, 0))
        if not START + dusk + slack <= now < START + dawn - slack:
            return None
        return NEVER if dawn == NEVER else START + dawn

    def slice_of(self, message_id: str) -> int:
        return next(n for n, part in enumerate(self.slices) if any(r.message.id == message_id for r in part))

    def excuse(self, numbers: Sequence[int]) -> None:
        """From here on nobody can know of these slices' open recipients whether they were handed over."""
        for number in numbers:
            self.excused |= {r.position for r in self.slices[number] if r.position in self.submitted}


class Seat:
    """One sender's ports, all of them: Ledger, People, Control, Pace, Clock and Handover."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.promise: Promise = world.carrier.promise
        self.number = world.seats
        self.owner = f"sender-{world.seats}"
        world.seats += 1
        self._offset = world.random.randint(-TIMING.skew // 2, TIMING.skew // 2)
        self._effect_number = 0
        self._looked_at = 0
        self._go = False

    def _effect(self, name: str, do: Callable[[], T], *, again: bool = False) -> T:
        world = self.world
        fault = world.script.faults.get((self.number, self._effect_number))
        self._effect_number += 1
        if name != "send":  # nothing can come between the last look at the clock and the call
            world.stage.switch()
            world.happen()
            world.advance(self, world.random.randint(1, 40))
            if fault in SLOWNESS and not world.in_flight:
                world.advance(self, SLOWNESS[fault])
        world.log.append(f"{world.now - START:>8} {self.owner} {name} {fault.value if fault else ''}")
        if fault is Fault.DIES_BEFORE:
            self._die()
        result = do()
        if fault is Fault.ANSWER_LOST and again:
            world.stage.switch()
            result = do()
        if fault is Fault.DIES_AFTER:
            self._die()
        return result

    def _die(self) -> None:
        held = [number for number, claim in self.world.claims.items() if claim.owner == self.owner]
        self.world.excuse(held)
        raise Death

    # ---- Ledger ----

    def claims(self) -> dict[int, Claim]:
        return self._effect("claims", lambda: dict(self.world.claims))

    def take(self, number: int, claim: Claim, over: Claim | None) -> bool:
        def do() -> bool:
            done = self._write(number, claim, over, taking=True)
            if done and self.world.claims[number] is claim:
                self.world.taken_at[number] = self.world.now
            return done

        return self._effect(f"take {number}", do, again=True)

    def record(self, number: int, claim: Claim, held: Claim) -> bool:
        if held.owner != self.owner:
            self.world.broken.append("a record over a claim that isn't ours")
        recorded = self._effect(f"record {number}", lambda: self._write(number, claim, held), again=True)
        if not recorded:
            self.world.excuse([number])
        return recorded

    def _write(self, number: int, claim: Claim, over: Claim | None, *, taking: bool = False) -> bool:
        world, stored = self.world, self.world.claims.get(number)
        expected = (over.owner, over.attempt) if over else None
        if (stored and (stored.owner, stored.attempt)) != expected:
            return stored == claim
        if taking and stored and over and stored.calling != over.calling:
            return False
        if number in world.in_flight and world.in_flight[number][0] is not self:
            world.broken.append(f"slice {number} was taken while its owner's call was under way")
        if stored and merge(stored.vector, claim.vector) != claim.vector:
            world.broken.append(f"the vector of slice {number} shrank")
        world.claims[number] = claim
        return True

    # ---- People ----

    def standings(self, mobiles: Sequence[str]) -> Mapping[str, Reason]:
        gone = self.world.opted_out_at
        return self._effect("standings", lambda: {m: Reason.OPTED_OUT for m in mobiles if m in gone})

    def seen(self, recipients: Sequence[Recipient]) -> Mapping[int, Seen]:
        world = self.world
        return self._effect(
            "seen",
            lambda: {
                r.position: Seen(
                    r.position in world.submitted,
                    world.left_out.get(r.position, Reason.NONE),
                    r.position in world.rejected,
                )
                for r in recipients
            },
        )

    def write(self, facts: Sequence[Fact]) -> None:
        """In batches of two, so that a death can leave part of them."""
        for start in range(0, len(facts), 2):
            batch = facts[start : start + 2]
            names = [f"{fact.recipient.position} {fact.status.word}" for fact in batch]
            self._effect(f"write {names}", lambda batch=batch: self._apply(batch))  # type: ignore[misc]

    def _apply(self, facts: Sequence[Fact]) -> None:
        for fact in facts:
            self._write_fact(fact)

    def _write_fact(self, fact: Fact) -> None:
        position = fact.recipient.position
        if fact.status is Status.SUBMITTED:
            self.world.submitted.add(position)
        elif fact.status is Status.SUPPRESSED:
            self.world.left_out[position] = fact.reason
        else:
            self.world.rejected.add(position)

    # ---- Control, Pace, Clock ----

    def go(self) -> bool:
        if self.now() - self._looked_at >= CONTROL_AGE:
            self._looked_at = self.now()
            self._go = self._effect("control", lambda: self.world.status == "sending")
        return self._go

    def waits(self, mobiles: Sequence[str]) -> dict[str, int]:
        dawns = {mobile: self.world.dawn(mobile, self.now()) for mobile in mobiles}
        return {mobile: dawn for mobile, dawn in dawns.items() if dawn is not None}

    def pause(self, reason: str) -> None:  # noqa: ARG002  # the port's name
        def do() -> None:
            if self.world.status == "sending":
                self.world.status, self.world.stopped_at = "pause", self.world.now

        self._effect("pause", do)

    def reserve(self, segments: int) -> Place:  # noqa: ARG002  # the port's name
        wait, taken = self.world.random.choice(((0, True), (0, True), (0, True), (700, True), (2500, False)))
        return self._effect("reserve", lambda: Place(self.now() + wait, taken))

    def hold(self, until: int) -> None:  # noqa: ARG002  # the port's name
        self._effect("hold", lambda: None)

    def now(self) -> int:
        return self.world.now + self._offset

    def sleep(self, milliseconds: int) -> None:
        self.world.stage.switch()
        self.world.advance(self, milliseconds)

    # ---- Handover ----

    def send(self, messages: Sequence[Message], *, seconds: float) -> Mapping[str, Result]:
        number = self.world.slice_of(messages[0].id)
        self._check_call(number, messages)
        self.world.in_flight[number] = self, self.world.now + int(seconds * 1000)
        try:
            return self._effect("send", lambda: self._call(number, messages, seconds))
        except Death:
            self.world.unknown |= {message.id for message in messages}
            raise
        finally:
            del self.world.in_flight[number]

    def _check_call(self, number: int, messages: Sequence[Message]) -> None:
        world, ids = self.world, {message.id for message in messages}
        claim = world.claims[number]
        if claim.owner != self.owner:
            world.broken.append("a call without a claim")
        if world.status != "sending" and world.now - world.stopped_at > 2 * CONTROL_AGE:
            world.broken.append("a call more than two seconds after pause or cancel")
        if ids & world.unknown and not self.promise.resends:
            world.broken.append("a class that can't resend safely was handed the same message again")
        if ids & world.unknown and self.promise is Promise.ASKABLE:
            world.broken.append("handed over again without having asked since")
        if any(byte & 0x0F >= SETTLED and r.message.id in ids for r, byte in self._positions(number)):
            world.broken.append("a settled recipient was handed over")
        if any(r.message.id in ids and r.position not in world.submitted for r in world.slices[number]):
            world.broken.append("handed over before its fact was written")
        if any(world.dawn(message.mobile, world.now, TIMING.skew // 2) is not None for message in messages):
            world.broken.append("handed over while the hours of its zone were closed")

    def _positions(self, number: int) -> list[tuple[Recipient, int]]:
        return list(zip(self.world.slices[number], self.world.claims[number].vector, strict=True))

    def _call(self, number: int, messages: Sequence[Message], seconds: float) -> Mapping[str, Result]:
        world = self.world
        how = world.script.calls.pop(0) if world.script.calls else Call.OK
        world.log.append(f"         {how.value}: {[m.mobile[-2:] for m in messages]}")
        world.counts["calls"] += 1
        if how in NEVER_HANDED_OVER:
            self._refuse(how)
        began, claimed_at, longest = world.now, world.taken_at[number], int(seconds * 1000)
        world.stage.switch()
        ids, told = [m.id for m in messages], {}
        for index, message in enumerate(messages):
            taken = how in (Call.OK, Call.LOST_AFTER) or (how is Call.PARTIAL and index % 3 != 2)
            result = world.carrier.take(message, world.now, claimed_at) if taken else None
            if result and (how is Call.OK or (how is Call.PARTIAL and index % 3 == 0)):
                told[message.id] = result
        if how is Call.LATE:
            world.carrier.take_late(messages, began + longest + LATE, claimed_at)
        lost = set(ids) - set(told)
        world.unknown = (world.unknown - set(told)) | lost
        world.excused |= {r.position for r in world.slices[number] if r.message.id in lost}
        short = world.random.randint(50, 900)
        world.advance(self, max(0, began - world.now + (short if told else longest)))
        if not told:
            raise AnswerLost("no answer in time")
        return told

    def _refuse(self, how: Call) -> None:
        self.world.advance(self, 100)
        if how is Call.THROTTLED:
            raise Throttled("429", 7.0)
        raise Unreachable("no connection") if how is Call.UNREACHABLE else Refused("401")

    def ask(self, ids: Sequence[str], *, seconds: float) -> Mapping[str, Result]:  # noqa: ARG002  # as above
        if self.promise is not Promise.ASKABLE:
            self.world.broken.append("asked a carrier that can't be asked")
        return self._effect("ask", lambda: self._question(ids))

    def _question(self, ids: Sequence[str]) -> Mapping[str, Result]:
        how = self.world.script.asks.pop(0) if self.world.script.asks else Ask.OK
        self.world.advance(self, 200)
        if how is Ask.LOST:
            raise AnswerLost("no answer")
        if how is Ask.THROTTLED:
            raise Throttled("429", 9.0)
        if how is Ask.UNREACHABLE:
            raise Unreachable("no connection")
        self.world.unknown -= set(ids)
        return self.world.carrier.tell(ids, self.world.now)
